//! The note that an export leaves in a directory: what is there, and under which name. The next
//! export goes on by it, and an import of a tree of mbox files learns the names of its folders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::Hash128;

/// The file of the note.
pub(crate) const NOTE: &str = "mailvault-export.json";
/// The same in a tree of mbox files, where Thunderbird takes every file for a folder that does
/// not begin with a dot. Older versions left [`NOTE`] there, too.
pub(crate) const HIDDEN_NOTE: &str = ".mailvault-export.json";

/// Where below a directory the messages lie that come from a second copy, until they are exported
/// to it.
pub(crate) const RESTORE_FOLDER: &str = "mailvault-restore.tmp";

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportNote {
    v: u32,
    pub(crate) format: String,
    pub(crate) crlf: bool,
    /// The only account; none if each has a directory of its own.
    pub(crate) account: Option<String>,
    /// The path of each folder, by account and directory.
    pub(crate) folders: BTreeMap<String, String>,
    /// What whole files hold, where one holds many messages.
    pub(crate) files: BTreeMap<String, (String, u64)>,
    /// The hashes that a file may have which a later export replaces: that of its bytes, and
    /// while it is being replaced those of both.
    #[serde(default)]
    written: BTreeMap<String, Vec<String>>,
}

impl ExportNote {
    /// That of a new directory.
    pub(crate) fn new(format: &str, crlf: bool, account: Option<String>) -> Self {
        Self {
            v: 1,
            format: format.to_owned(),
            crlf,
            account,
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    /// Reads one; `None` if this version cannot.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let note = serde_json::from_slice::<Self>(text).ok()?;
        (note.v == 1).then_some(note)
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// True if an export left these bytes in the file.
    pub(crate) fn wrote(&self, file: &str, hash: Hash128) -> bool {
        let hashes = self.written.get(file);
        hashes.is_some_and(|hashes| hashes.contains(&hash.to_string()))
    }

    /// The file is about to get these bytes.
    pub(crate) fn will_write(&mut self, file: &str, hash: Hash128) {
        let hashes = self.written.entry(file.to_owned()).or_default();
        hashes.push(hash.to_string());
    }

    /// The file has these bytes now.
    pub(crate) fn has_written(&mut self, file: &str, hash: Hash128) {
        self.written.insert(file.to_owned(), vec![hash.to_string()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_an_older_version_vouches_for_no_bytes() {
        let text = br#"{"v":1,"format":"mbox","crlf":false,"account":"work",
            "folders":{"work/":"INBOX"},"files":{"INBOX":["x",1]}}"#;
        let mut note = ExportNote::parse(text).expect("it can be read");
        let (one, other) = (Hash128::of(b"one"), Hash128::of(b"other"));
        assert!(!note.wrote("INBOX", one));
        note.has_written("INBOX", one);
        note.will_write("INBOX", other);
        let text = note.text().expect("it can be written");
        let mut note = ExportNote::parse(text.as_bytes()).expect("it can be read");
        assert!(note.wrote("INBOX", one) && note.wrote("INBOX", other));
        note.has_written("INBOX", other);
        assert!(!note.wrote("INBOX", one) && note.wrote("INBOX", other));
        assert!(!note.wrote("Inbox", other));
    }
}
