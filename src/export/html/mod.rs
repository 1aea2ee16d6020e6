//! Pages for a browser: a start page, lists of messages by folder, and a page for each
//! conversation with the attachments of its messages next to it.
//!
//! The pages need no server, load nothing from elsewhere, and say so in a
//! Content-Security-Policy (`policy`). What mail brings as HTML is sanitised first (`trim`, `clean`,
//! `css`), and shown in a frame in which nothing runs. Markup is in `templates/archive`.
//!
//! An export first looks at all messages and notes what links them in a [`SiteIndex`]; what it
//! holds in memory does not grow with them, but for four bytes each. Then it writes the pages that
//! are not there yet as they should be, and reads the messages of these again.

mod clean;
mod css;
mod facts;
mod keys;
mod known;
mod lists;
mod notes;
mod pages;
mod people;
mod policy;
mod search;
mod start;
mod stats_page;
mod thread;
mod trim;
mod unlinked;
mod view;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use askama::Template;

use super::body::Body;
use super::folders::TreeForm;
use super::imap::is_sent;
use super::place::ExportPlace;
use super::{Finished, Put, Target};
use crate::base::error::{Error, Result};
use crate::base::units::{count_text, size_text};
use crate::mail::message::Hash128;
use crate::mail::readable;
use crate::vault::Entry;
use crate::vault::catalog::{EVERYTHING, SiteIndex, SiteLetter, ThreadBounds};
use crate::vault::frame::Checker;
use crate::vault::layout::folder_label;
use facts::LetterFacts;
use known::KnownFacts;
use lists::{ListPlace, ListSums};
use search::{SearchIndex, SearchedFields};
use start::{FolderNode, StartPage};
use stats_page::SiteFigures;
use thread::ThreadWriter;
use unlinked::ArchiveParts;
use view::{ListRow, NamedLink, day};

/// What a page of a conversation may have.
const THREAD: ThreadBounds = ThreadBounds {
    messages: 50,
    weight: 256 << 10,
};
/// Messages and people on the start page.
const NEWEST: usize = 20;
const PEOPLE: u64 = 12;

/// The style of all pages.
const STYLE: &str = concat!(
    include_str!("../../../templates/archive/style.css"),
    include_str!("../../../templates/stats/charts.css"),
);

/// What holds for any HTML that becomes part of a page.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str) {
    trim::assert_any(text);
    clean::assert_any(text);
}

/// What the start page says of the vault.
#[derive(Debug, Clone, Default)]
pub(super) struct SiteFacts {
    /// Now, in Unix seconds.
    pub(super) made: i64,
    /// When all messages were last read back, in Unix seconds.
    pub(super) verified: Option<i64>,
    /// True if each message is to lie next to its page as it was sent.
    pub(super) with_eml: bool,
}

impl SiteFacts {
    /// Those of a vault of which nothing else is known.
    pub(super) fn now() -> Self {
        Self {
            made: crate::vault::now_seconds(),
            ..Self::default()
        }
    }
}

/// A site in the making.
#[derive(Debug)]
pub(super) struct Site {
    place: ExportPlace,
    facts: SiteFacts,
    index: SiteIndex,
    search: SearchIndex,
    known: KnownFacts,
    folders: Vec<HtmlFolder>,
    octets: u64,
}

/// A folder with its list.
#[derive(Debug)]
struct HtmlFolder {
    account: String,
    dir: String,
    path: PathBuf,
    /// True if what is in it was sent from here.
    sent: bool,
}

/// A template that could not be filled in.
fn failed(error: askama::Error) -> Error {
    Error::file("write", Path::new("a page"), io::Error::other(error))
}

/// A page as a text.
fn rendered(template: &impl Template) -> Result<String> {
    template.render().map_err(failed)
}

impl Site {
    pub(super) fn new(mut place: ExportPlace, facts: SiteFacts) -> Result<Self> {
        Ok(Self {
            known: KnownFacts::read(&mut place)?,
            place,
            facts,
            index: SiteIndex::new()?,
            search: SearchIndex::new(),
            folders: Vec::new(),
            octets: 0,
        })
    }

    /// What is known of a message, or found by reading it.
    fn facts_of(&mut self, id: Hash128, body: &mut Body<'_>) -> Result<LetterFacts> {
        if let Some(facts) = self.known.of(id)? {
            return Ok(facts);
        }
        let facts = LetterFacts::of(&body.start(readable::LIMIT + 1)?);
        self.known.add(id, &facts)?;
        Ok(facts)
    }

    /// Makes the folder of an entry the one at hand, and gives its number.
    fn enter(&mut self, entry: &Entry) -> Result<i64> {
        let last = self.folders.last();
        if last.is_none_or(|f| f.account != entry.account || f.dir != entry.dir) {
            let form = TreeForm::Below("folders");
            let path = self.place.folder(&entry.account, &entry.dir, form)?;
            let label = folder_label(&entry.dir);
            self.folders.push(HtmlFolder {
                account: entry.account.clone(),
                dir: entry.dir.clone(),
                path,
                sent: label.rsplit('/').next().is_some_and(is_sent),
            });
        }
        Ok(i64::try_from(self.folders.len()).unwrap_or(i64::MAX))
    }

    /// What a folder is called.
    fn label(&self, folder: &HtmlFolder) -> String {
        let label = folder_label(&folder.dir);
        if self.place.several() {
            format!("{} / {label}", self.place.shown(&folder.account))
        } else {
            label
        }
    }

    /// Counts whom a message is from and to.
    fn count_people(&self, facts: &LetterFacts, sent: bool) -> Result<()> {
        for (people, wrote) in [(&facts.from, true), (&facts.to, false)] {
            for person in people {
                self.index
                    .count(&person.address, &person.name, wrote, wrote && sent)?;
            }
        }
        Ok(())
    }

    /// Writes the list of a folder.
    fn write_list(&mut self, at: usize) -> Result<ListSums> {
        let folder = &self.folders[at];
        let (label, path) = (self.label(folder), folder.path.clone());
        let list = ListPlace {
            folder: i64::try_from(at + 1).unwrap_or(i64::MAX),
            title: &label,
            dir: &path,
        };
        lists::write(&self.index, &mut self.place, &list)
    }

    /// The folders as a tree: accounts, if there are several, and levels of names.
    fn tree(&self, lists: &[ListSums]) -> Vec<FolderNode> {
        let mut rows: Vec<FolderNode> = Vec::new();
        let mut above: Vec<String> = Vec::new();
        for (folder, list) in self.folders.iter().zip(lists) {
            let label = folder_label(&folder.dir);
            let mut names: Vec<String> = label.split('/').map(str::to_owned).collect();
            if self.place.several() {
                names.insert(0, self.place.shown(&folder.account).to_owned());
            }
            let same = above.iter().zip(&names).take_while(|(a, b)| a == b).count();
            for (depth, name) in names.iter().enumerate().skip(same.min(names.len() - 1)) {
                rows.push(FolderNode {
                    depth: depth.min(4),
                    label: view::shown(name),
                    href: None,
                    count: None,
                });
            }
            if let Some(row) = rows.last_mut() {
                let link = view::link(&folder.path.to_string_lossy());
                row.href = Some(format!("{link}/index.html"));
                row.count = Some(count_text(list.messages));
            }
            above = names;
        }
        rows
    }

    /// Writes the pages with all folders, if the start page has no room for them; gives their
    /// number.
    fn write_folders(&mut self, rows: &[FolderNode]) -> Result<usize> {
        let all = start::folder_pages(rows).map_err(failed)?;
        for (name, page) in &all {
            let path = self.place.root().join(name);
            pages::put(&mut self.place, &path, page)?;
        }
        Ok(all.len())
    }

    /// Writes the page of the statistics.
    fn write_stats(&mut self, figures: &SiteFigures) -> Result<()> {
        let folder = |number: i64| {
            let at = usize::try_from(number).ok()?.checked_sub(1)?;
            let folder = self.folders.get(at)?;
            let account = self.place.shown(&folder.account).to_owned();
            Some((account, folder.dir.clone()))
        };
        let stats = figures.stats(&self.index, &folder)?;
        let (_, latest) = figures.span.unwrap_or_default();
        let folder_list = |account: &str, dir: &str| {
            let mut folders = self.folders.iter();
            let folder =
                folders.find(|f| f.dir == dir && self.place.shown(&f.account) == account)?;
            let list = view::link(&folder.path.to_string_lossy());
            Some(format!("{list}/index.html"))
        };
        let page = stats_page::render(&stats, latest, &folder_list).map_err(failed)?;
        let path = self.place.root().join("stats.html");
        pages::put(&mut self.place, &path, &page)
    }

    fn write_start(
        &mut self,
        rows: &[FolderNode],
        all: &ListSums,
        figures: &SiteFigures,
    ) -> Result<()> {
        let mut accounts: Vec<&str> = Vec::new();
        for folder in &self.folders {
            let name = self.place.shown(&folder.account);
            if !accounts.contains(&name) {
                accounts.push(name);
            }
        }
        let (first, last) = figures.span.unwrap_or_default();
        let mut sums = vec![
            ("Messages".to_owned(), count_text(all.messages)),
            ("Size".to_owned(), size_text(self.octets)),
        ];
        if figures.span.is_some() {
            sums.push(("First".to_owned(), day(first)));
            sums.push(("Last".to_owned(), day(last)));
        }
        let verified = self.facts.verified.map_or_else(|| "never".to_owned(), day);
        sums.push(("Vault verified".to_owned(), verified));
        let newest = figures
            .newest
            .iter()
            .rev()
            .map(|(letter, link)| ListRow::new(letter, link, ""));
        let people = self.index.correspondents(PEOPLE)?;
        let mut page = StartPage {
            title: format!("Mail of {}", owners(&accounts)),
            sums,
            all,
            folders: rows,
            people: &people,
            newest: newest.collect(),
            latest: last,
            made: String::new(),
        };
        // The page is not written again only to say that it was made today.
        let path = self.place.root().join("index.html");
        let inputs = Hash128::of(page.render().map_err(failed)?.as_bytes());
        let old = pages::look(&mut self.place, &path, inputs)?;
        page.made = format!("This archive was made on {}.", day(self.facts.made));
        let text = page.render().map_err(failed)?;
        pages::write(&mut self.place, &path, &old, (inputs, &text))
    }
}

/// Whose mail it is.
fn owners(accounts: &[&str]) -> String {
    match accounts {
        [] => "nobody".to_owned(),
        [only] => (*only).to_owned(),
        [most @ .., last] if most.len() < 4 => format!("{} and {last}", most.join(", ")),
        _ => format!("{} accounts", accounts.len()),
    }
}

impl Target for Site {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        let id = entry.name.hash;
        // What cannot be read leaves no trace.
        let facts = if self.index.has(id)? {
            None
        } else {
            Some(self.facts_of(id, body)?)
        };
        let folder = self.enter(entry)?;
        let date = entry.date_in_views();
        let account = self.place.shown(&entry.account);
        self.search.list(id, account, &folder_label(&entry.dir))?;
        let Some(facts) = facts else {
            let (date, flags) = (entry.shown_date, &entry.flags);
            self.index.list(folder, id, date, flags)?;
            return Ok(Put::Shared);
        };
        let sent = self.folders.last().is_some_and(|folder| folder.sent);
        let letter = SiteLetter {
            id,
            path: body.path().to_path_buf(),
            octets: entry.name.size,
            date,
            from: entry.from.clone(),
            subject: entry.subject.clone(),
            flags: entry.flags.clone(),
            folder,
            listed: date,
            attachments: facts.attachments,
            to: if sent {
                facts.addressees.clone()
            } else {
                String::new()
            },
            weight: facts.weight,
        };
        let fields = SearchedFields {
            from: &entry.from,
            to: &facts.recipients,
            subject: &entry.subject,
            files: facts.files.iter().map(String::as_str).collect(),
        };
        self.search.add(id, &fields)?;
        self.octets += entry.name.size;
        self.count_people(&facts, sent)?;
        self.index.add(&letter, &facts.named())?;
        Ok(Put::Noted)
    }

    fn finish(mut self: Box<Self>, stop: &AtomicBool) -> Result<Finished> {
        self.index.arrange(THREAD)?;
        let path = self.place.root().join("style.css");
        if crate::export::place::hash_of(&path).ok() != Some(Hash128::of(STYLE.as_bytes())) {
            self.place.write_replaceable(path, STYLE.as_bytes())?;
        }
        let folders = self.folders.iter().map(|folder| NamedLink {
            href: format!(
                "../../{}/index.html",
                view::link(&folder.path.to_string_lossy())
            ),
            label: view::shown(&self.label(folder)),
        });
        let folders: Vec<NamedLink> = folders.collect();
        let mut threads = ThreadWriter {
            index: &self.index,
            place: &mut self.place,
            facts: &self.facts,
            folders: &folders,
            stop,
            checker: Checker::default(),
            end: Finished::default(),
        };
        threads.write_all()?;
        let mut end = threads.end;
        let mut lists = Vec::new();
        for at in 0..self.folders.len() {
            lists.push(self.write_list(at)?);
        }
        let rows = self.tree(&lists);
        let dir_of_all = Path::new("all");
        let all = ListPlace {
            folder: EVERYTHING,
            title: "All mail",
            dir: dir_of_all,
        };
        let all = lists::write(&self.index, &mut self.place, &all)?;
        let folder_pages = self.write_folders(&rows)?;
        let figures = SiteFigures::look(&self.index, NEWEST)?;
        self.write_stats(&figures)?;
        self.write_start(&rows, &all, &figures)?;
        let mut parts = ArchiveParts::new(&self.index, self.facts.with_eml);
        parts.folder_pages = folder_pages;
        parts.search = self.search.finish(&self.index, &mut self.place)?;
        parts.add_list(dir_of_all, &all);
        for (folder, list) in self.folders.iter().zip(&lists) {
            parts.add_list(&folder.path, list);
        }
        if !self.place.is_new() {
            end.unlinked = parts.unlinked(self.place.root())?;
        }
        self.known.write(&mut self.place)?;
        end.foreign = self.place.finish()?;
        Ok(end)
    }
}
