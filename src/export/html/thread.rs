//! The pages of conversations: each message with its text, its layout in a frame of its own, its
//! attachments, and what leads on.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use askama::Template;
use sha2::{Digest as _, Sha256};

use super::clean::{self, Sanitised};
use super::view::{
    NamedLink, PageHead, ShownTime, anchor, letter_href, link, page_file, sender, short, shown,
    subject,
};
use super::{SiteFacts, keys, pages, rendered};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::units::size_text;
use crate::export::body::Body;
use crate::export::place::ExportPlace;
use crate::export::{Finished, LeftOut, names};
use crate::mail::bounds::HTML_FILES;
use crate::mail::message::Hash128;
use crate::mail::readable::{self, Parts, Readable};
use crate::vault::catalog::{SiteIndex, SiteLetter, SiteLink, SiteThread};
use crate::vault::frame::Checker;
use crate::vault::layout::FileName;

/// Changes whenever pages of the same messages come out otherwise.
const VERSION: u32 = 2;
const UP: &str = "../../";
/// Quotes of a message that are told from the rest.
const QUOTES: usize = 1_000;
/// The name of an original next to its attachments.
pub(super) const ORIGINAL: &str = "message.eml";

/// An attachment on a page.
struct FileRow {
    link: NamedLink,
    size: String,
    sha256: String,
    /// The class of its icon, and what stands in it.
    kind: &'static str,
    badge: String,
    /// True if a browser shows it by itself.
    opens: bool,
}

/// Lines of a text that are quoted from another message, or are not.
struct TextPart {
    quoted: bool,
    text: String,
}

/// A message on a page.
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
struct LetterView {
    id: String,
    anchor: String,
    open: bool,
    tint: u8,
    initial: String,
    name: String,
    address: String,
    gist: String,
    time: ShownTime,
    unread: bool,
    starred: bool,
    answered: bool,
    attached: bool,
    headers: Vec<(String, String)>,
    notes: Vec<String>,
    frame: Option<String>,
    text: Vec<TextPart>,
    pictures: Vec<NamedLink>,
    files: Vec<FileRow>,
    files_title: String,
    folder: NamedLink,
    flags: String,
    size: String,
    original: Option<String>,
    before: Option<NamedLink>,
    after: Option<NamedLink>,
}

#[derive(Template)]
#[template(path = "archive/thread.html", whitespace = "minimize")]
struct ThreadTemplate {
    head: PageHead,
    subject: String,
    single: bool,
    earlier: Option<String>,
    later: Option<String>,
    letters: Vec<LetterView>,
}

#[derive(Template)]
#[template(path = "archive/frame.html")]
struct FrameTemplate<'a> {
    style: &'static str,
    mail: &'a Sanitised,
}

#[derive(Template)]
#[template(path = "archive/moved.html", whitespace = "minimize")]
struct MovedTemplate {
    head: PageHead,
    subject: String,
    href: String,
}

/// What leads from a message to others: its folder, and its neighbours there.
#[derive(Debug, Hash)]
struct LetterLinks {
    folder: NamedLink,
    before: Option<NamedLink>,
    after: Option<NamedLink>,
}

/// Writes the pages of all conversations.
pub(super) struct ThreadWriter<'a> {
    pub(super) index: &'a SiteIndex,
    pub(super) place: &'a mut ExportPlace,
    pub(super) facts: &'a SiteFacts,
    /// The label and the list of each folder, from the first.
    pub(super) folders: &'a [NamedLink],
    pub(super) stop: &'a AtomicBool,
    pub(super) checker: Checker,
    pub(super) end: Finished,
}

impl ThreadWriter<'_> {
    pub(super) fn write_all(&mut self) -> Result<()> {
        let index = self.index;
        index.for_each_thread(&mut |thread| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            self.write(thread)?;
            self.lead_on(thread)
        })
    }

    /// Lets pages that were the first of a conversation, before an older message was known, lead
    /// to where their message is now.
    fn lead_on(&mut self, thread: &SiteThread) -> Result<()> {
        for letter in thread
            .letters
            .iter()
            .filter(|letter| letter.id != thread.root)
        {
            let mut link = link_to(thread, 1);
            link.root = letter.id;
            let path = self.place.root().join(page_file(&link));
            if !fsx::is_file(&path)? {
                continue;
            }
            let mut link = link_to(thread, thread.page);
            link.id = letter.id;
            let template = MovedTemplate {
                head: PageHead::new(subject(&letter.subject), UP),
                subject: shown(subject(&letter.subject)),
                href: letter_href(&link, UP),
            };
            pages::put(self.place, &path, &rendered(&template)?)?;
        }
        Ok(())
    }

    /// Writes a page if it is not there as it should be.
    fn write(&mut self, thread: &SiteThread) -> Result<()> {
        let mut links = Vec::new();
        for letter in &thread.letters {
            links.push(self.links(letter)?);
        }
        let path = self
            .place
            .root()
            .join(page_file(&link_to(thread, thread.page)));
        let inputs = self.inputs(thread, &links);
        let old = pages::look(self.place, &path, inputs)?;
        let count = thread.letters.len() as u64;
        match &old {
            pages::OldPage::Same => {
                self.end.there += count;
                return Ok(());
            }
            pages::OldPage::Foreign => {
                self.end.not_written += count;
                return Ok(());
            }
            _ => {}
        }
        let known = known(&old);
        let mut letters = Vec::new();
        for (at, (letter, links)) in thread.letters.iter().zip(links).enumerate() {
            let is_last = at + 1 == thread.letters.len() && !thread.goes_on;
            let Some(mut view) = self.letter(letter, links)? else {
                continue;
            };
            view.open = is_last || view.unread;
            if known.contains(&letter.id) {
                self.end.there += 1;
            } else {
                self.end.written += 1;
                self.end.octets += letter.octets;
            }
            letters.push(view);
        }
        if letters.is_empty() {
            return Ok(());
        }
        // A message that could not be read is tried again by the next export.
        let is_whole = letters.len() == thread.letters.len();
        let inputs = if is_whole { inputs } else { Hash128::of(b"") };
        let first = &thread.letters[0];
        let later = thread.goes_on.then_some(thread.page + 1);
        let earlier = Some(thread.page - 1).filter(|page| *page > 0);
        let up_to = |page: u64| format!("{UP}{}", page_file(&link_to(thread, page)));
        let folder = letters[0].folder.clone();
        let single = letters.len() == 1 && later.is_none() && earlier.is_none();
        let leads_on = letters[0].before.is_some() || letters[0].after.is_some();
        let template = ThreadTemplate {
            head: PageHead::new(subject(&first.subject), UP)
                .below(folder)
                .with_time(first.date)
                .with_keys(match (single, leads_on) {
                    (false, _) => keys::CONVERSATION,
                    (true, true) => keys::LETTER,
                    (true, false) => keys::PLAIN,
                }),
            subject: shown(subject(&first.subject)),
            single,
            earlier: earlier.map(up_to),
            later: later.map(up_to),
            letters,
        };
        let page = rendered(&template)?;
        pages::write(self.place, &path, &old, (inputs, &page))
    }

    /// A hash of all that the page is made from: bytes of messages never change.
    fn inputs(&self, thread: &SiteThread, links: &[LetterLinks]) -> Hash128 {
        let letters = thread.letters.iter();
        let letters: Vec<_> = letters.map(|l| (l.id, l.date, &l.flags)).collect();
        let whole = (VERSION, thread.goes_on, thread.page, self.facts.with_eml);
        let zone = super::view::local(thread.letters[0].date).map(|time| time.to_rfc3339());
        Hash128::of(format!("{whole:?} {letters:?} {links:?} {zone:?}").as_bytes())
    }

    fn links(&self, letter: &SiteLetter) -> Result<LetterLinks> {
        let at = usize::try_from(letter.folder - 1).unwrap_or(usize::MAX);
        let folder = self.folders.get(at).cloned();
        let (before, after) = self.index.neighbours(letter)?;
        let named = |link: SiteLink| NamedLink {
            href: letter_href(&link, UP),
            label: shown(&short(subject(&link.subject), 60)),
        };
        Ok(LetterLinks {
            folder: folder.unwrap_or_else(|| NamedLink {
                href: format!("{UP}index.html"),
                label: "Mail".to_owned(),
            }),
            before: before.map(named),
            after: after.map(named),
        })
    }

    /// Reads a message again, writes its files and says how it is shown; `None` if it cannot be
    /// read any more, which is told of.
    fn letter(&mut self, letter: &SiteLetter, links: LetterLinks) -> Result<Option<LetterView>> {
        let name = FileName {
            received: 0,
            hash: letter.id,
            size: letter.octets,
            wire: letter.octets,
        };
        let mut body = Body::new(&letter.path, &name, &mut self.checker).until(self.stop);
        let bytes = match body.start(readable::LIMIT + 1) {
            Ok(bytes) => bytes,
            Err(Error::Damaged { detail, .. }) => {
                self.end.left_out.push(LeftOut {
                    id: letter.id,
                    subject: letter.subject.clone(),
                    reason: detail,
                });
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let original = if self.facts.with_eml {
            Some(original(self.place, letter, &mut body)?)
        } else {
            None
        };
        let mut parts = readable::parts(&bytes);
        if bytes.len() > readable::LIMIT {
            // What was cut is no attachment any more.
            parts.attachments.pop();
        }
        let mail = readable::read(&bytes);
        let (files, pictures) = files(self.place, letter, &parts)?;
        let html = parts.html.as_deref();
        let clean = html.and_then(|html| clean::html(html, &pictures));
        let frame = clean.as_ref().map(frame).transpose()?;
        let notes = super::notes::notes(&mail, html.is_some(), clean.as_ref(), &parts);
        Ok(Some(view(
            letter,
            links,
            mail,
            (files, frame, notes, original),
        )))
    }
}

/// A link to a page of a conversation.
fn link_to(thread: &SiteThread, page: u64) -> SiteLink {
    SiteLink {
        root: thread.root,
        page,
        id: thread.root,
        subject: String::new(),
    }
}

/// The messages that an earlier page has.
fn known(old: &pages::OldPage) -> HashSet<Hash128> {
    let pages::OldPage::Stale(old) = old else {
        return HashSet::new();
    };
    // Quotes are escaped in all text, so that no text of mail looks so.
    let mark = b" data-id=\"";
    let found = memchr::memmem::find_iter(old, mark).filter_map(|at| {
        let id = old.get(at + mark.len()..at + mark.len() + 32)?;
        Hash128::parse(std::str::from_utf8(id).ok()?)
    });
    found.collect()
}

/// The whole of a frame.
fn frame(mail: &Sanitised) -> Result<String> {
    rendered(&FrameTemplate {
        style: include_str!("../../../templates/archive/frame.css"),
        mail,
    })
}

/// The directory of a message's files, and the way there from a page.
fn beside(place: &ExportPlace, letter: &SiteLetter) -> (PathBuf, String) {
    let id = letter.id.to_string();
    let dir = place.root().join("messages").join(&id[..2]).join(&id);
    (dir, format!("../{}/{id}/", &id[..2]))
}

/// Writes a file that never changes, unless it is there.
fn put_file(place: &mut ExportPlace, path: &Path, bytes: &[u8]) -> Result<()> {
    let there = fsx::look(path)?.is_some_and(|m| m.is_file() && m.len() == bytes.len() as u64);
    if there {
        return Ok(());
    }
    place.write(path.to_path_buf(), bytes)
}

/// Writes a message as it was sent next to its attachments, and gives the link to it.
fn original(place: &mut ExportPlace, letter: &SiteLetter, body: &mut Body<'_>) -> Result<String> {
    let (dir, way) = beside(place, letter);
    let path = dir.join(ORIGINAL);
    if fsx::look(&path)?.is_none_or(|meta| meta.len() != letter.octets) {
        let mut staged = place.stage()?;
        body.each(&mut |piece| staged.write(piece))?;
        place.keep(staged, path, letter.date)?;
    }
    Ok(format!("{way}{ORIGINAL}"))
}

/// Writes the attachments, and finds the pictures that HTML shows.
fn files(
    place: &mut ExportPlace,
    letter: &SiteLetter,
    parts: &Parts<'_>,
) -> Result<(Vec<FileRow>, clean::Pictures)> {
    let (dir, way) = beside(place, letter);
    let (mut files, mut pictures) = (Vec::new(), clean::Pictures::new());
    let mut taken = names::Taken::default();
    taken.insert(ORIGINAL);
    for part in parts.attachments.iter().take(HTML_FILES) {
        let wish = match part.name.as_str() {
            "" => clean::file_name(&part.kind),
            name => names::safe(name),
        };
        // A page among the attachments would be a page of the site.
        let name = taken.take(&clean::harmless(&wish));
        let bytes = part.bytes();
        put_file(place, &dir.join(&name), &bytes)?;
        let is_picture = clean::is_picture(&bytes);
        let href = format!("{way}{}", link(&name));
        if let Some(id) = part.content_id.clone().filter(|_| is_picture) {
            pictures.entry(id).or_insert_with(|| href.clone());
        }
        let is_pdf = bytes.starts_with(b"%PDF-");
        let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        files.push(FileRow {
            link: NamedLink {
                href,
                label: shown(&name),
            },
            size: size_text(bytes.len() as u64),
            sha256: hex(&Sha256::digest(&bytes)),
            kind: match (is_picture, is_pdf) {
                (true, _) => "picture",
                (_, true) => "pdf",
                _ => "other",
            },
            badge: match suffix {
                "" => "file".to_owned(),
                suffix => shown(&suffix.chars().take(4).collect::<String>()),
            },
            opens: is_picture || is_pdf && suffix.eq_ignore_ascii_case("pdf"),
        });
    }
    Ok((files, pictures))
}

/// The fields that stand above the text.
fn fields(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let headers = headers.into_iter();
    let headers = headers.filter(|(name, _)| name != "Subject" && name != "From");
    let said = headers.map(|(name, value)| match name.as_str() {
        "Date" => ("Sent".to_owned(), shown(&value)),
        name => (shown(name), shown(&value)),
    });
    said.collect()
}

/// A text, divided where quotes begin and end.
fn text_parts(text: &str) -> Vec<TextPart> {
    let mut parts: Vec<TextPart> = Vec::new();
    for line in text.split_inclusive('\n') {
        let quoted = line.starts_with('>');
        let full = parts.len() >= QUOTES;
        match parts.last_mut() {
            Some(part) if part.quoted == quoted || full => part.text.push_str(&shown(line)),
            _ => parts.push(TextPart {
                quoted,
                text: shown(line),
            }),
        }
    }
    parts
}

/// The letter in the badge of a sender.
fn initial(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.unwrap_or('?').to_uppercase().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// All that a page shows of a message.
fn view(
    letter: &SiteLetter,
    links: LetterLinks,
    mail: Readable,
    (files, frame, notes, original): (Vec<FileRow>, Option<String>, Vec<String>, Option<String>),
) -> LetterView {
    let id = letter.id.to_string();
    let name = sender(&letter.from);
    let address = letter
        .from
        .rsplit_once('<')
        .map(|(_, rest)| rest.trim_end_matches('>'));
    let address = address
        .filter(|address| *address != name)
        .unwrap_or_default();
    let has = |flag| letter.flags.contains(flag);
    let gist = mail.text.split_whitespace().take(30);
    let gist = gist.collect::<Vec<_>>().join(" ");
    let shows = |file: &&FileRow| file.kind == "picture" && frame.is_none();
    let pictures = files.iter().filter(shows).take(12);
    LetterView {
        anchor: anchor(&id),
        open: true,
        tint: Hash128::of(letter.from.as_bytes()).0[0] % 8,
        initial: initial(name),
        name: shown(name),
        address: shown(address),
        gist: shown(&short(&gist, 160)),
        time: ShownTime::of(letter.date),
        unread: !has('S'),
        starred: has('F'),
        answered: has('R'),
        attached: letter.attachments > 0,
        headers: fields(mail.headers),
        notes,
        text: text_parts(&mail.text),
        pictures: pictures.map(|file| file.link.clone()).collect(),
        frame,
        files_title: match files.len() {
            1 => "1 attachment".to_owned(),
            count => format!("{count} attachments"),
        },
        files,
        folder: links.folder,
        flags: super::notes::flags(&letter.flags),
        size: size_text(letter.octets),
        original,
        before: links.before,
        after: links.after,
        id,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::mail::markup::{nasty, skeleton, unescaped, visible};

    /// A message with these texts in all places where mail has some.
    fn letter(texts: &[String; 4]) -> LetterView {
        let [subject, from, name, text] = texts.each_ref().map(|text| format!("x{text}x"));
        // Quotes are marked, which is another matter.
        let text = text.replace('\n', " ");
        let letter = SiteLetter {
            id: Hash128([7; 16]),
            path: PathBuf::new(),
            octets: 1,
            date: 1_754_128_805,
            from: from.clone(),
            to: String::new(),
            subject: subject.clone(),
            flags: "F".into(),
            folder: 1,
            listed: 0,
            attachments: 1,
            weight: 1,
        };
        let named = |label: &String| NamedLink {
            href: "x".to_owned(),
            label: shown(label),
        };
        let links = LetterLinks {
            folder: named(&name),
            before: Some(named(&subject)),
            after: Some(named(&subject)),
        };
        let mail = Readable {
            headers: vec![(name.clone(), text.clone())],
            text: text.clone(),
            ..Readable::default()
        };
        let file = FileRow {
            link: named(&name),
            size: "1 B".to_owned(),
            sha256: "00".to_owned(),
            kind: "other",
            badge: "file".to_owned(),
            opens: false,
        };
        let frame = Some("<p title=\"x\">x</p>".to_owned());
        let mut view = view(&letter, links, mail, (vec![file], frame, Vec::new(), None));
        view.open = false;
        // Whether a text has one is another matter.
        view.address = shown(&from);
        view
    }

    fn page(texts: &[String; 4]) -> String {
        let template = ThreadTemplate {
            head: PageHead::new(&format!("x{}", texts[0]), UP),
            subject: shown(&format!("x{}", texts[0])),
            single: false,
            earlier: None,
            later: None,
            letters: vec![letter(texts)],
        };
        template.render().unwrap()
    }

    #[test]
    fn quotes_are_told_from_the_rest() {
        let parts = text_parts("a\n> b\n> c\nd");
        let parts: Vec<_> = parts.iter().map(|p| (p.quoted, p.text.as_str())).collect();
        assert_eq!(parts, [(false, "a\n"), (true, "> b\n> c\n"), (false, "d")]);
        assert_eq!(text_parts(&">\na\n".repeat(9_000)).len(), QUOTES);
    }

    proptest! {
        #[test]
        fn no_text_is_markup(subject in nasty(), from in nasty(), name in nasty(), text in nasty()) {
            let texts = [subject, from, name, text];
            let page = page(&texts);
            let script = crate::export::html::policy::SCRIPT;
            let without = |page: &str| page.replace(script, "");
            let plain = self::page(&["x"; 4].map(String::from));
            prop_assert_eq!(skeleton(&without(&page)), skeleton(&without(&plain)));
            prop_assert_eq!(visible(&page), &*page);
            for text in texts.each_ref().map(|text| text.replace('\n', " ")) {
                let text = text.as_str();
                prop_assert!(unescaped(&page).replace('\n', " ").contains(&*visible(text)), "{:?}: {}", text, page);
            }
        }
    }
}
