//! What a search shows of a message that it found.

use std::io::Read;

use super::Vault;
use super::finder::FileFinder;
use super::frame::Opener;
use crate::base::error::{Error, ErrorKind, Result};
use crate::mail::query::Query;
use crate::mail::readable::{self, LIMIT};
use crate::mail::words::Sought;
use crate::vault::catalog::{Extras, Hit};

/// Characters shown in front of what was found, and from there on.
const AROUND: (usize, usize) = (40, 160);
/// A header is not longer than this.
const HEADER: u64 = 256 << 10;
/// Most headers end within so many bytes.
const STEP: u64 = 8 << 10;

impl Vault {
    /// Extras and snippets of some messages that were found, one after another. The catalog is
    /// locked once for all of them.
    pub fn details(&self, hits: &[Hit], query: &Query) -> Result<Vec<(Extras, Option<String>)>> {
        let mut reader = HitReader::new(self);
        let sought = sought(query);
        self.catalog.at_once(|| {
            let mut detail = |hit| Ok((reader.extras(hit)?, reader.snippet(hit, &sought)?));
            hits.iter().map(&mut detail).collect()
        })
    }

    /// The place in a message where a text of the query was found, in one line; not from
    /// its sender and subject. `None` if the query asks for no text, or it is nowhere else.
    pub fn snippet(&self, hit: &Hit, query: &Query) -> Result<Option<String>> {
        HitReader::new(self).snippet(hit, &sought(query))
    }
}

fn sought(query: &Query) -> Vec<Sought> {
    query.texts().filter_map(Sought::new).collect()
}

/// Reads messages that were found, one after another.
struct HitReader<'v> {
    vault: &'v Vault,
    opener: Opener,
    finder: FileFinder,
    bytes: Vec<u8>,
}

impl<'v> HitReader<'v> {
    fn new(vault: &'v Vault) -> Self {
        Self {
            vault,
            opener: Opener::default(),
            finder: FileFinder::default(),
            bytes: Vec::new(),
        }
    }

    fn snippet(&mut self, hit: &Hit, sought: &[Sought]) -> Result<Option<String>> {
        if sought.is_empty() {
            return Ok(None);
        }
        self.read(hit, |message, bytes| {
            drop(message.take(LIMIT as u64).read_to_end(bytes));
        })?;
        let mut found = None;
        readable::gist(&self.bytes, &mut |text| {
            if found.is_none() && text != hit.subject && text != hit.from {
                found = text
                    .lines()
                    .find_map(|line| sought.iter().find_map(|sought| around(line, sought)));
            }
        });
        Ok(found)
    }

    /// Message-ID and addressees of a message that was found, from its file if the index
    /// of words does not know them.
    fn extras(&mut self, hit: &Hit) -> Result<Extras> {
        if let Some(extras) = &hit.extras {
            return Ok(extras.clone());
        }
        self.read(hit, read_header)?;
        let gist = readable::gist(&self.bytes, &mut |_| {});
        Ok(Extras {
            message_id: gist.message_id,
            to: gist.to,
        })
    }

    /// Reads as much of a message as `take` takes and as can be read; nothing of one that is
    /// missing or damaged.
    fn read(&mut self, hit: &Hit, take: impl Fn(&mut dyn Read, &mut Vec<u8>)) -> Result<()> {
        self.bytes.clear();
        if let Some(file) = &hit.file {
            let cur = self.vault.layout.cur(&file.account, &file.dir);
            let usual = cur.join(file.name.with_flags(&hit.flags));
            if let Ok(mut message) = self.opener.open(&usual) {
                take(&mut message, &mut self.bytes);
                return Ok(());
            }
        }
        // It has other flags by now, or is in another folder only.
        match self.vault.found_message(&mut self.finder, hit.id) {
            Ok(mut message) => take(&mut message, &mut self.bytes),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(Error::File { .. }) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// Reads the header of a message.
fn read_header(message: &mut dyn Read, bytes: &mut Vec<u8>) {
    while (bytes.len() as u64) < HEADER {
        let seen = bytes.len().saturating_sub(3);
        match message.take(STEP).read_to_end(bytes) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let ends = ["\r\n\r\n", "\n\n"].map(|end| {
            let at = memchr::memmem::find(&bytes[seen..], end.as_bytes());
            at.map(|at| seen + at + end.len())
        });
        if let Some(end) = ends.into_iter().flatten().min() {
            bytes.truncate(end);
            return;
        }
    }
}

/// The text around the words in a line.
fn around(line: &str, sought: &Sought) -> Option<String> {
    let start = sought.find(line)?;
    let mut from = start;
    for (at, _) in line[..start].char_indices().rev().take(AROUND.0) {
        from = at;
    }
    if from > 0 {
        // Begin with a whole word where there is one.
        from = line[from..start]
            .find(char::is_whitespace)
            .map_or(start, |at| from + at);
    }
    let mut shown: String = if from > 0 { "…" } else { "" }.to_owned();
    let rest = line[from..].trim_start();
    shown.extend(rest.chars().take(AROUND.0 + AROUND.1));
    if rest.chars().nth(AROUND.0 + AROUND.1).is_some() {
        shown.push('…');
    }
    Some(shown.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str, text: &str) -> Option<String> {
        around(line, &Sought::new(text).unwrap())
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        let line = "  Your boarding\tpass is attached";
        assert_eq!(shown(line, "BOARDING pass").unwrap(), line.trim());
        assert_eq!(shown(line, "oarding"), None);
    }

    #[test]
    fn of_a_long_line_the_part_around_is_shown() {
        let line = format!(
            "{}Grüße an alle {}",
            "before ".repeat(99),
            "after ".repeat(99)
        );
        let shown = shown(&line, "grusse an").unwrap();
        assert!(
            shown.starts_with("…before") && shown.ends_with('…'),
            "{shown}"
        );
        assert!(
            shown.contains("Grüße an alle") && shown.chars().count() < 210,
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn any_line_is_cut(line in "\\PC{0,80}", text in "[a-z0-9é日]{1,3}") {
            if let Some(shown) = shown(&line, &text) {
                prop_assert!(shown.chars().count() <= line.chars().count() + 2);
            }
        }
    }
}
