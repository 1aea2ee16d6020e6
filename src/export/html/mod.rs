//! Pages for a browser: an index of folders and months, a page per month, a page per message
//! with its attachments next to it, and links between a message and its answers.
//!
//! The pages need no server and no script, load nothing from elsewhere, and say so in a
//! Content-Security-Policy. What mail brings as HTML is sanitised first.

mod clean;
mod page;
mod trim;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::DateTime;

use super::body::Body;
use super::folders::TreeForm;
use super::place::ExportPlace;
use super::{Put, Target, names};
use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::bounds::HTML_FILES;
use crate::mail::message::Hash128;
use crate::mail::readable::{self, Parts};
use crate::vault::Entry;
use crate::vault::layout::folder_label;

/// What holds for any HTML that becomes part of a page.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str) {
    trim::assert_any(text);
    clean::assert_any(text);
}

/// A site in the making.
#[derive(Debug)]
pub(super) struct Site {
    place: ExportPlace,
    folders: Vec<HtmlFolder>,
    month: Option<Month>,
    /// Messages by the hash of their Message-ID.
    mids: HashMap<Hash128, Hash128>,
    /// How a message is called in a link.
    labels: HashMap<Hash128, String>,
    /// Message-ID that was answered, and the answer.
    answers: Vec<(Hash128, Hash128)>,
}

/// A folder and its months with their numbers of messages.
#[derive(Debug)]
struct HtmlFolder {
    account: String,
    dir: String,
    path: PathBuf,
    months: Vec<(String, u64)>,
}

/// The month at hand.
#[derive(Debug)]
struct Month {
    name: String,
    rows: page::MonthRows,
    count: u64,
}

impl Site {
    pub(super) fn new(place: ExportPlace) -> Self {
        Self {
            place,
            folders: Vec::new(),
            month: None,
            mids: HashMap::new(),
            labels: HashMap::new(),
            answers: Vec::new(),
        }
    }

    /// Makes folder and month of an entry those at hand.
    fn enter(&mut self, entry: &Entry) -> Result<()> {
        let month = match DateTime::from_timestamp(entry.date, 0).filter(|_| entry.date > 0) {
            Some(time) => time.format("%Y-%m").to_string(),
            None => "undated".to_owned(),
        };
        let last = self.folders.last();
        let same = last.is_some_and(|f| f.account == entry.account && f.dir == entry.dir);
        if !same || self.month.as_ref().is_none_or(|m| m.name != month) {
            self.close_month()?;
        }
        if !same {
            let form = TreeForm::Below("folders");
            let path = self.place.folder(&entry.account, &entry.dir, form)?;
            self.folders.push(HtmlFolder {
                account: entry.account.clone(),
                dir: entry.dir.clone(),
                path,
                months: Vec::new(),
            });
        }
        self.month.get_or_insert_with(|| Month {
            name: month,
            rows: page::MonthRows::default(),
            count: 0,
        });
        Ok(())
    }

    fn close_month(&mut self) -> Result<()> {
        let (Some(month), Some(folder)) = (self.month.take(), self.folders.last_mut()) else {
            return Ok(());
        };
        let up = "../".repeat(folder.path.components().count());
        let title = format!("{} {}", folder_label(&folder.dir), month.name);
        let text = page::list(&title, &up, &month.rows);
        let mut name = month.name.clone();
        // Files that were copied about may have dates out of order.
        if folder.months.iter().any(|(other, _)| *other == name) {
            name = format!("{name}-{}", folder.months.len());
        }
        let file = self
            .place
            .root()
            .join(&folder.path)
            .join(format!("{name}.html"));
        folder.months.push((name, month.count));
        self.place.write_replaceable(file, text.as_bytes())
    }

    /// Writes the page of a message and its attachments.
    fn write(&mut self, entry: &Entry, path: &Path, bytes: &[u8], parts: &Parts<'_>) -> Result<()> {
        let mail = readable::read(bytes);
        let beside = path.with_extension("");
        let dir = format!("{}/", entry.name.hash);
        let (mut files, mut pictures) = (Vec::new(), clean::Pictures::new());
        let mut taken = names::Taken::default();
        for part in parts.attachments.iter().take(HTML_FILES) {
            let wish = match part.name.as_str() {
                "" => clean::file_name(&part.kind),
                name => names::safe(name),
            };
            // A page among the attachments would be a page of the site.
            let wish = clean::harmless(&wish);
            let name = taken.take(&wish);
            let bytes = part.bytes();
            self.place.write(beside.join(&name), &bytes)?;
            if let Some(id) = part
                .content_id
                .clone()
                .filter(|_| clean::is_picture(&bytes))
            {
                let file = page::link(&format!("{dir}{name}"));
                pictures.entry(id).or_insert(file);
            }
            files.push((name, bytes.len() as u64));
        }
        let html = parts.html.as_deref();
        let body = html.and_then(|html| clean::html(html, &pictures));
        let notes = page::notes(&mail, html.is_some(), body.as_ref(), parts);
        let text = page::message(&page::MessagePage {
            entry,
            mail: &mail,
            body: body.as_ref(),
            dir: &dir,
            files: &files,
            notes: &notes,
        });
        self.place.write(path.to_path_buf(), text.as_bytes())
    }

    /// Writes the links between messages into their pages.
    fn link(&mut self) -> Result<()> {
        let mut links: BTreeMap<Hash128, (Vec<Hash128>, Vec<Hash128>)> = BTreeMap::new();
        for (mid, answer) in &self.answers {
            if let Some(asked) = self.mids.get(mid).filter(|asked| *asked != answer) {
                links.entry(*answer).or_default().0.push(*asked);
                links.entry(*asked).or_default().1.push(*answer);
            }
        }
        for (id, (before, after)) in links {
            let path = page_of(self.place.root(), id);
            let Ok(text) = String::from_utf8(fsx::read(&path)?) else {
                // No page of ours is anything but UTF-8.
                continue;
            };
            let links = page::links(&before, &after, &self.labels);
            let Some(new) = page::with_links(&text, &links) else {
                continue;
            };
            if new != text {
                self.place.rewrite(path, text.as_bytes(), new.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// The page of a message.
fn page_of(root: &Path, id: Hash128) -> PathBuf {
    let id = id.to_string();
    root.join("messages")
        .join(&id[..2])
        .join(format!("{id}.html"))
}

impl Target for Site {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        let bytes = body.start(readable::LIMIT + 1)?;
        self.enter(entry)?;
        let id = entry.name.hash;
        let path = page_of(self.place.root(), id);
        let mut parts = readable::parts(&bytes);
        if bytes.len() > readable::LIMIT {
            // What was cut is no attachment any more.
            parts.attachments.pop();
        }
        let known = self.labels.contains_key(&id);
        if !known {
            self.labels.insert(id, page::label(entry));
            if let Some(mid) = &parts.message_id {
                self.mids.entry(Hash128::of(mid.as_bytes())).or_insert(id);
            }
            if let Some(mid) = &parts.answers {
                self.answers.push((Hash128::of(mid.as_bytes()), id));
            }
        }
        if let (Some(month), Some(folder)) = (&mut self.month, self.folders.last()) {
            let up = "../".repeat(folder.path.components().count());
            month.count += 1;
            month.rows.push(entry, &up, !parts.attachments.is_empty());
        }
        if known || fsx::is_file(&path)? {
            return Ok(Put::There);
        }
        self.write(entry, &path, &bytes, &parts)?;
        Ok(Put::Written)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>> {
        self.close_month()?;
        self.place.flush()?;
        self.link()?;
        let several = self.place.several();
        let sections: Vec<_> = self
            .folders
            .iter()
            .map(|folder| page::FolderSection {
                account: several.then(|| self.place.shown(&folder.account)),
                name: folder_label(&folder.dir),
                path: &folder.path,
                months: &folder.months,
            })
            .collect();
        let index = page::index(&sections, self.labels.len());
        let file = self.place.root().join("index.html");
        self.place.write_replaceable(file, index.as_bytes())?;
        self.place.finish()
    }
}
