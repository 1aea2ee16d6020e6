//! What a message can be found by: its words, each with the fields that have it, and filters such
//! as `is:unread`. No word has a colon, so that the two are not taken for each other.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Timelike as _};

use crate::export::html::view::local;
use crate::mail::bounds::ARCHIVE_WORDS;
use crate::mail::query::What;
use crate::mail::words::{each_word, fold};
use crate::vault::catalog::{BRACKETS, SiteLetter, bracket_of};

/// The bits of the fields that may have a word. Filters have none.
pub(super) const FROM: u8 = 1;
pub(super) const TO: u8 = 2;
pub(super) const SUBJECT: u8 = 4;
pub(super) const FILE: u8 = 8;

/// Bytes of the name of a folder or account.
const NAME: usize = 60;

/// The fields of a message that are searched, decoded.
#[derive(Debug, Clone, Default)]
pub(in crate::export::html) struct SearchedFields<'a> {
    pub(in crate::export::html) from: &'a str,
    /// To, Cc and Bcc.
    pub(in crate::export::html) to: &'a str,
    pub(in crate::export::html) subject: &'a str,
    /// The names of its attachments.
    pub(in crate::export::html) files: Vec<&'a str>,
}

/// The terms of a message, each with its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    terms: BTreeMap<String, u8>,
    bytes: usize,
}

impl Terms {
    /// Those of its words.
    pub(super) fn of_fields(fields: &SearchedFields<'_>) -> Self {
        let mut all = Self::default();
        let texts = [
            (SUBJECT, fields.subject),
            (FROM, fields.from),
            (TO, fields.to),
        ];
        let files = fields.files.iter().map(|name| (FILE, *name));
        for (field, text) in texts.into_iter().chain(files) {
            each_word(text, &mut |word| all.add(word, field));
        }
        all
    }

    /// Those of a folder: its whole name, and the last part of it.
    pub(super) fn of_place(account: &str, folder: &str) -> Self {
        let mut all = Self::default();
        let last = folder.rsplit('/').next().unwrap_or_default();
        for (key, name) in [("account", account), ("in", folder), ("in", last)] {
            all.add(&format!("{key}:{}", name_term(name)), 0);
        }
        all
    }

    /// Those of its flags, its date and its size.
    pub(super) fn of_marks(letter: &SiteLetter) -> Self {
        let mut all = Self::default();
        let has = |flag| letter.flags.contains(flag);
        for (flag, with, without) in [
            ('S', "is:read", "is:unread"),
            ('F', "is:starred", ""),
            ('R', "is:answered", ""),
        ] {
            all.add(if has(flag) { with } else { without }, 0);
        }
        if letter.attachments > 0 {
            all.add("has:attachment", 0);
        }
        if let Some(time) = local(letter.date) {
            let (year, month, day) = (time.year(), time.month(), time.day());
            all.add(&format!("date:{year:04}"), 0);
            all.add(&format!("date:{year:04}-{month:02}"), 0);
            all.add(&format!("date:{year:04}-{month:02}-{day:02}"), 0);
            all.add(&What::Weekday(time.weekday()).to_string(), 0);
            all.add(&What::Hour(time.hour()).to_string(), 0);
        }
        all.add(
            &format!("size:{}", size_range(bracket_of(letter.octets))),
            0,
        );
        all
    }

    fn add(&mut self, term: &str, field: u8) {
        if let Some(fields) = self.terms.get_mut(term) {
            *fields |= field;
        } else if !term.is_empty() && self.bytes + term.len() <= ARCHIVE_WORDS {
            self.bytes += term.len();
            self.terms.insert(term.to_owned(), field);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u8)> {
        self.terms.iter().map(|(term, field)| (&**term, *field))
    }

    /// Their bytes in a run: the fields of each, the term, and NUL, which is in no term.
    pub(super) fn record(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(self.bytes + 2 * self.terms.len());
        for (term, fields) in &self.terms {
            record.push(*fields);
            record.extend(term.bytes());
            record.push(0);
        }
        record
    }

    pub(super) fn parse(record: &[u8]) -> Self {
        let mut all = Self::default();
        all.read(record);
        all
    }

    /// Adds those of a record.
    pub(super) fn read(&mut self, mut record: &[u8]) {
        while let Some((fields, rest)) = record.split_first() {
            let end = memchr::memchr(0, rest).unwrap_or(rest.len());
            if let Ok(term) = std::str::from_utf8(&rest[..end]) {
                self.add(term, *fields);
            }
            record = rest.get(end + 1..).unwrap_or_default();
        }
    }
}

/// A bracket of sizes as a term has it: `1m-10m`.
pub(in crate::export::html) fn size_range(bracket: usize) -> String {
    let end = |octets: &u64| match (octets >> 20, octets >> 10) {
        (0, 0) => "0".to_owned(),
        (0, kib) => format!("{kib}k"),
        (mib, _) => format!("{mib}m"),
    };
    let [low, high] = [bracket, bracket + 1].map(|n| BRACKETS.get(n).map_or_else(String::new, end));
    format!("{low}-{high}")
}

/// The name of a folder or account as a term has it; `search.js` cuts it in the same way.
fn name_term(name: &str) -> String {
    let folded = fold(name).replace('\0', "");
    let folded = folded.trim();
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= NAME;
    folded
        .char_indices()
        .take_while(fits)
        .map(|(_, c)| c)
        .collect()
}
