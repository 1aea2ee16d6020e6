//! Mail out of the vault: what a query selects, in a form that other programs read.
//!
//! A `Target` is one form. Messages reach it folder by folder, oldest first, each checked
//! against its id on the way; one that is damaged is told of and left out, and the rest goes
//! on. The vault is only read. Files get their names when they are whole and durable, so
//! that an export that was killed goes on where it ended; what each form changes is in
//! `docs/EXPORT.md`.

mod attachments;
mod body;
mod eml;
mod folders;
mod html;
pub mod imap;
pub(crate) mod lint;
mod maildir;
mod mbox;
mod names;
mod place;
mod uidlist;
pub mod upload;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use attachments::save;
pub(crate) use body::Body;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use html::assert_any as assert_any_html;
pub use uidlist::KeptNames;

use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::base::output_file;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::catalog::IdSet;
use crate::vault::frame::Checker;
use crate::vault::{Entry, Selection, SelectionScope, Vault};
use place::ExportPlace;

/// How often progress is reported.
const TELL: Duration = Duration::from_millis(100);
/// Under this name the progress of an export goes.
const LABEL: &str = "export";

/// Something that takes messages.
pub(crate) trait Target {
    /// Takes one message, unless it already exists. An [`Error::Damaged`] is that of the
    /// message alone: nothing of it was kept, and others may follow.
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put>;

    /// Makes everything durable and complete. What takes long ends with [`Error::Interrupted`]
    /// once `stop` is set.
    fn finish(self: Box<Self>, stop: &AtomicBool) -> Result<Finished>;
}

/// What the end of an export came to.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// Files of the destination that had to change and were left as they are, since somebody
    /// else has changed them.
    foreign: Vec<PathBuf>,
    /// What became of the messages that were [`Put::Noted`].
    written: u64,
    octets: u64,
    there: u64,
    not_written: u64,
    left_out: Vec<LeftOut>,
    unlinked: UnlinkedFiles,
}

impl Finished {
    /// An end at which nothing was left to do.
    fn leaving(foreign: Vec<PathBuf>) -> Self {
        Self {
            foreign,
            ..Self::default()
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It was written.
    Written,
    /// It was there already.
    There,
    /// It shares what is made of its copy in another folder, which came before.
    Shared,
    /// The file for it was changed by somebody else, and stays as it is.
    Foreign,
    /// It is written at the end, when all others are known.
    Noted,
}

/// The form of files in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Maildir++ tree of plain files.
    Maildir,
    /// One mbox file per folder, as Thunderbird keeps them.
    Mbox,
    /// One `.eml` file per message.
    Eml,
    /// Pages for a browser.
    Html,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Maildir => "maildir",
            Self::Mbox => "mbox",
            Self::Eml => "eml",
            Self::Html => "html",
        }
    }
}

/// Where an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A directory, which is made where it is missing.
    Folder(PathBuf, Format),
    /// A new mbox file.
    Mbox(PathBuf),
    /// A new file for exactly one message.
    Eml(PathBuf),
    /// A stream: one message as it is, several as an mbox.
    Stream,
}

impl Destination {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Folder(path, _) | Self::Mbox(path) | Self::Eml(path) => Some(path),
            Self::Stream => None,
        }
    }
}

/// What is to be exported, and where to.
#[derive(Debug)]
pub struct Plan {
    /// The messages.
    pub selection: Selection,
    destination: Destination,
    crlf: bool,
    keep_uids: bool,
    with_eml: bool,
}

impl Plan {
    /// Puts each message as it was sent next to its page; of an HTML archive alone.
    #[must_use]
    pub fn with_originals(mut self) -> Self {
        self.with_eml = true;
        self
    }

    /// Lets Dovecot keep the UIDs and UIDLs of the old server; of a Maildir alone.
    #[must_use]
    pub fn keeping_uids(mut self) -> Self {
        self.keep_uids = true;
        self
    }
}

/// A message that could not be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its id.
    pub id: Hash128,
    /// Its subject, decoded.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// Files that earlier exports wrote and that no page leads to any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnlinkedFiles {
    /// How many there are.
    pub count: u64,
    /// The first of them, relative to the destination, in order.
    pub names: Vec<PathBuf>,
}

/// What an export came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Messages written.
    pub written: u64,
    /// Their size in the vault, in octets.
    pub octets: u64,
    /// Messages that were there already.
    pub there: u64,
    /// Copies, in other folders, of messages that are counted as written, there or not written:
    /// one page shows all copies.
    pub copies: u64,
    /// Messages that are damaged or missing in the vault.
    pub left_out: Vec<LeftOut>,
    /// What became of UIDs and UIDLs, if they were to be kept.
    pub kept: Option<KeptNames>,
    /// Files, relative to the destination, that somebody else has changed since an export wrote
    /// them. They stay as they are, and lack what is new.
    pub foreign: Vec<PathBuf>,
    /// Messages whose files these are.
    pub not_written: u64,
    /// Files of earlier exports that stay, and are not part of the archive any more.
    pub unlinked: UnlinkedFiles,
}

impl ExportReport {
    /// Messages of which it is known what becomes of them, but for those that are left out.
    fn seen(&self) -> u64 {
        self.written + self.there + self.copies + self.not_written
    }

    fn add(&mut self, end: Finished) {
        self.written += end.written;
        self.octets += end.octets;
        self.there += end.there;
        self.not_written += end.not_written;
        self.left_out.extend(end.left_out);
        self.foreign = end.foreign;
        self.unlinked = end.unlinked;
    }
}

/// Looks up what a query selects. Nothing is written. `crlf` keeps line ends as they are. That
/// nothing fits is an error where a file or a stream would be empty, or something is asked for
/// by its name.
pub fn plan(
    vault: &Vault,
    query: &Query,
    destination: Destination,
    scope: SelectionScope,
    crlf: bool,
) -> Result<Plan> {
    if let Some(path) = destination.path() {
        refuse_inside(vault.root(), path)?;
    }
    let once = !matches!(destination, Destination::Folder(..));
    if query.needs_texts() {
        vault.read_texts(&mut |_| {})?;
    }
    let selection = vault.select(query, once, scope)?;
    let messages = selection.messages();
    if messages == 0 && (once || query.names_anything()) {
        return Err(no_match(query, &selection));
    }
    match &destination {
        Destination::Eml(path) if messages != 1 => {
            return Err(Error::Unfit {
                doing: "export to",
                path: path.clone(),
                reason: format!(
                    "an eml file contains one message, but the query selects \
                {messages}"
                ),
                hint: Some(
                    "select one with id:, or choose a directory and --format \
                eml"
                    .to_owned(),
                ),
            });
        }
        Destination::Eml(path) | Destination::Mbox(path) => place::refuse_taken(path)?,
        Destination::Folder(path, format) => {
            let accounts = selection.accounts();
            place::look(path, *format, crlf, &accounts, vault.catalog().names())?;
        }
        Destination::Stream => {}
    }
    Ok(Plan {
        selection,
        destination,
        crlf,
        keep_uids: false,
        with_eml: false,
    })
}

/// Refuses a directory to which no export in this form can go, before it is known what is exported,
/// and one inside `vault`.
pub fn check_folder(vault: &Path, path: &Path, format: Format) -> Result<()> {
    refuse_inside(vault, path)?;
    place::look(path, format, false, &[], &AccountNames::default()).map(drop)
}

/// Looks up these contents, each once, for a new mbox file. Nothing is written.
pub fn plan_contents(vault: &Vault, contents: &[Hash128], file: &Path) -> Result<Plan> {
    refuse_inside(vault.root(), file)?;
    place::refuse_taken(file)?;
    let mut ids = IdSet::default();
    for content in contents {
        if let Some(id) = vault.catalog().key_of(*content)? {
            ids.insert(id);
        }
    }
    Ok(Plan {
        selection: vault.select_ids(ids)?,
        destination: Destination::Mbox(file.to_path_buf()),
        crlf: false,
        keep_uids: false,
        with_eml: false,
    })
}

fn no_match(query: &Query, selection: &Selection) -> Error {
    Error::NoMatch {
        query: query.to_string(),
        gone: selection.omitted.messages,
    }
}

/// Does what was planned. `out` takes what goes to [`Destination::Stream`].
pub fn apply(
    vault: &Vault,
    plan: &Plan,
    out: &mut dyn Write,
    stop: &AtomicBool,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<ExportReport> {
    let mut report = ExportReport::default();
    let selection = &plan.selection;
    if selection.messages() == 0 {
        return Ok(report);
    }
    emit(RunEvent::Listed {
        account: LABEL,
        listed: selection.messages(),
        wanted: selection.messages(),
        wanted_octets: selection.octets,
    });
    let mut target = target(vault, plan, out)?;
    let (mut checker, mut octets, mut told) = (Checker::default(), 0, Instant::now());
    let mut noted = 0;
    for entry in vault.entries(selection) {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupted(target, plan));
        }
        let entry = entry?;
        match put(&mut *target, &entry, &mut checker, stop) {
            Ok(Put::Written) => {
                report.written += 1;
                report.octets += entry.name.size;
            }
            Ok(Put::There) => report.there += 1,
            Ok(Put::Shared) => report.copies += 1,
            Ok(Put::Foreign) => report.not_written += 1,
            Ok(Put::Noted) => noted += 1,
            Err(Error::Damaged { detail, .. }) => report.left_out.push(LeftOut {
                id: entry.name.hash,
                subject: entry.subject.clone(),
                reason: detail,
            }),
            Err(Error::Interrupted) => return Err(interrupted(target, plan)),
            Err(error) => return Err(error),
        }
        octets += entry.name.size;
        if told.elapsed() >= TELL {
            told = Instant::now();
            emit(RunEvent::Progress {
                account: LABEL,
                messages: report.seen() + noted,
                octets,
            });
        }
    }
    report.add(target.finish(stop)?);
    report.kept = keep_uids(vault, plan)?;
    Ok(report)
}

/// Ends an export that is to end; what is whole so far gets its names.
fn interrupted(target: Box<dyn Target + '_>, plan: &Plan) -> Error {
    let one_by_one = [Format::Maildir, Format::Eml];
    if matches!(plan.destination, Destination::Folder(_, f) if one_by_one.contains(&f))
        && let Err(error) = target.finish(&AtomicBool::new(false))
    {
        return error;
    }
    Error::Interrupted
}

/// Writes what Dovecot needs to keep the names of the old server.
fn keep_uids(vault: &Vault, plan: &Plan) -> Result<Option<KeptNames>> {
    let Destination::Folder(path, Format::Maildir) = &plan.destination else {
        return Ok(None);
    };
    if !plan.keep_uids {
        return Ok(None);
    }
    let selection = &plan.selection;
    let (accounts, names) = (selection.accounts(), vault.catalog().names());
    let mut place = ExportPlace::open(path, Format::Maildir, plan.crlf, &accounts, names)?;
    let now = u32::try_from(crate::vault::now_seconds()).unwrap_or(1);
    let mut kept = uidlist::write(vault, &mut place, &selection.folders, now)?;
    // Another program may have changed one while the others were written.
    for file in place.finish()? {
        let file = place.root().join(file);
        if !kept.foreign.contains(&file) {
            kept.foreign.push(file);
        }
    }
    Ok(Some(kept))
}

fn put(
    target: &mut dyn Target,
    entry: &Entry,
    checker: &mut Checker,
    stop: &AtomicBool,
) -> Result<Put> {
    let Some(path) = &entry.path else {
        return Err(Error::Damaged {
            path: entry.name.hash.to_string().into(),
            detail: "its file is missing".to_owned(),
        });
    };
    let mut body = Body::new(path, &entry.name, checker).until(stop);
    target.put(entry, &mut body)
}

fn target<'a>(
    vault: &Vault,
    plan: &'a Plan,
    out: &'a mut dyn Write,
) -> Result<Box<dyn Target + 'a>> {
    let selection = &plan.selection;
    Ok(match &plan.destination {
        Destination::Stream if selection.messages() == 1 => Box::new(eml::EmlStream::new(out)),
        Destination::Stream => Box::new(mbox::MboxStream::new(out, plan.crlf)),
        Destination::Mbox(path) => Box::new(mbox::MboxFile::create(path, plan.crlf)?),
        Destination::Eml(path) => Box::new(eml::EmlFile::new(path)),
        Destination::Folder(path, format) => {
            let (accounts, names) = (selection.accounts(), vault.catalog().names());
            let place = ExportPlace::open(path, *format, plan.crlf, &accounts, names)?;
            match format {
                Format::Maildir => Box::new(maildir::MaildirTree::new(place, plan.crlf)),
                Format::Mbox => Box::new(mbox::MboxTree::new(place, plan.crlf, &selection.folders)),
                Format::Eml => Box::new(eml::EmlTree::new(place)),
                Format::Html => {
                    let verified = vault.catalog().last_read()?;
                    let facts = html::SiteFacts {
                        verified,
                        with_eml: plan.with_eml,
                        ..html::SiteFacts::now()
                    };
                    Box::new(html::Site::new(place, facts)?)
                }
            }
        }
    })
}

/// An export within the vault would be taken for mail, and could damage it.
fn refuse_inside(vault: &Path, path: &Path) -> Result<()> {
    if output_file::is_inside(path, vault) {
        return Err(Error::Unfit {
            doing: "export to",
            path: path.to_path_buf(),
            reason: "it is inside the vault".to_owned(),
            hint: Some("choose a directory outside of it".to_owned()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
