//! What the names of a Maildir's files tell.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::export_note::{ExportNote, HIDDEN_NOTE, NOTE};
use crate::mail::mbox;

/// What stands before the flags of a message: `:2,`, or what systems put there on which a colon
/// cannot be in a name.
const SEPARATORS: [&str; 8] = [":", ";", "!", "-", "_", "+", "%3A", "\u{f03a}"];
/// Where Dovecot keeps what the letters a to z mean in a folder.
pub(super) const KEYWORDS: &str = "dovecot-keywords";
/// That file is not longer.
const LONGEST: u64 = 64 << 10;

/// The letters after the separator; none where there is no such part.
fn letters(name: &str) -> &str {
    let Some((start, letters)) = name.rsplit_once("2,") else {
        return "";
    };
    let is_part = SEPARATORS
        .iter()
        .any(|separator| start.ends_with(separator));
    if is_part && letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        letters
    } else {
        ""
    }
}

/// The flags in a file's name; T is not one that a vault keeps.
pub(super) fn flags(name: &str) -> String {
    let kept = letters(name).chars().filter(|c| "DFPRS".contains(*c));
    kept.collect::<BTreeSet<char>>().into_iter().collect()
}

/// The keywords of a folder by their letters.
#[derive(Debug, Default)]
pub(super) struct FolderKeywords {
    names: Vec<Option<String>>,
    /// Letters that have no name here.
    unknown: BTreeSet<char>,
}

impl FolderKeywords {
    /// Reads what Dovecot wrote down, if it did.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(KEYWORDS);
        let mut keywords = Self::default();
        if !fsx::is_file(&path)? {
            return Ok(keywords);
        }
        let mut text = Vec::new();
        fsx::open(&path)?
            .take(LONGEST)
            .read_to_end(&mut text)
            .map_err(|e| Error::file("read", &path, e))?;
        keywords.names = vec![None; 26];
        for line in String::from_utf8_lossy(&text).lines() {
            if let Some((number, name)) = line.split_once(' ')
                && let Some(place) = number
                    .parse::<usize>()
                    .ok()
                    .and_then(|number| keywords.names.get_mut(number))
                && !name.is_empty()
                && !name.contains(char::is_whitespace)
            {
                *place = Some(name.to_owned());
            }
        }
        Ok(keywords)
    }

    /// The keywords of a message, as the ledger has them.
    pub(super) fn of(&mut self, name: &str) -> String {
        let mut found = BTreeSet::new();
        for letter in letters(name).chars().filter(char::is_ascii_lowercase) {
            match self.names.get((letter as usize) - ('a' as usize)) {
                Some(Some(keyword)) => {
                    found.insert(keyword.as_str());
                }
                _ => {
                    self.unknown.insert(letter);
                }
            }
        }
        found.into_iter().collect::<Vec<_>>().join(" ")
    }

    /// The letters whose meaning is not known, in words.
    pub(super) fn unknown(&self) -> Option<String> {
        let letters: Vec<String> = self.unknown.iter().map(char::to_string).collect();
        (!letters.is_empty()).then(|| {
            format!(
                "{KEYWORDS} does not say which keywords are meant by {}, so they are left out",
                letters.join(", ")
            )
        })
    }
}

/// True for a file that mail programs and systems keep next to mail and that has none. Its name
/// alone does not tell: folders have any name.
pub(super) fn is_control(path: &Path, name: &str) -> bool {
    let Ok(text) = start(path) else {
        return false;
    };
    let begins = |start: &[u8]| text.starts_with(start);
    match name {
        ".DS_Store" => begins(b"\0\0\0\x01Bud1"),
        "Thumbs.db" => begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "desktop.ini" => begins(b"[") || begins(b"\r\n[") || begins(b"\xff\xfe"),
        "maildirfolder" => text.is_empty(),
        "subscriptions" => begins(b"V\t"),
        "dovecot-uidlist" => begins(b"3 V") || begins(b"1 "),
        "dovecot-keywords" => text.first().is_some_and(u8::is_ascii_digit),
        NOTE | HIDDEN_NOTE => fsx::read(path).is_ok_and(|text| ExportNote::parse(&text).is_some()),
        _ if name.starts_with("dovecot-uidvalidity") => text.is_empty(),
        // Indexes and their logs.
        _ if name.starts_with("dovecot.") => text.contains(&0),
        _ => false,
    }
}

/// True for a file that mail programs and systems keep in a Maildir, unless it is an mbox file.
pub(super) fn belongs_to_maildir(path: &Path, name: &str) -> bool {
    let begins = ["dovecot", ".dovecot", "courier", "maildirsize"];
    let is = ["maildirfolder", "subscriptions", "Thumbs.db", "desktop.ini"];
    let known = is.contains(&name) || begins.iter().any(|begin| name.starts_with(begin));
    let is_mail = || start(path).map_or(true, |text| mbox::begins(&text));
    known && !is_mail() || is_control(path, name)
}

/// How a file begins.
fn start(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    fsx::open(path)?
        .take(4 << 10)
        .read_to_end(&mut text)
        .map_err(|e| Error::file("read", path, e))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_that_a_vault_keeps() {
        for (name, wanted) in [
            ("1.x:2,TSRa", "RS"),
            ("1.x", ""),
            ("1.x:1,S", ""),
            ("1.x;2,S", "S"),
            ("1.x!2,FRS", "FRS"),
            ("1.x\u{f03a}2,F", "F"),
            ("1.x:2,S:2,S", "S"),
            ("1.x,S=12,W=22,F", ""),
            ("1.x,U=5:2,FS", "FS"),
        ] {
            assert_eq!(flags(name), wanted, "{name}");
        }
    }

    #[test]
    fn what_a_control_file_holds_tells_it_from_mail() {
        let dir = tempfile::tempdir().expect("a directory");
        let mail = b"From - Sat Aug  2 10:00:05 2025\nSubject: a\n\nb\n";
        for (name, content) in [
            (".DS_Store", &b"\0\0\0\x01Bud1\0"[..]),
            ("desktop.ini", b"[.ShellClassInfo]\r\n"),
            ("maildirfolder", b""),
            ("dovecot-uidlist", b"3 V1 N1 G0\n"),
            ("dovecot-uidvalidity.5f", b""),
            ("dovecot.index.log", b"\x01\x03\x28\0"),
        ] {
            let path = dir.path().join(name);
            for (content, wanted) in [(content, true), (b"my notes\n", false), (mail, false)] {
                fsx::write_durably(&path, content).expect("written");
                assert_eq!(is_control(&path, name), wanted, "{name}");
            }
            assert!(
                name == ".DS_Store" || !belongs_to_maildir(&path, name),
                "{name}"
            );
        }
        let users = dir.path().join("dovecot-users");
        fsx::write_durably(&users, b"x").expect("written");
        assert!(
            belongs_to_maildir(&users, "dovecot-users") && !is_control(&users, "dovecot-users")
        );
    }

    #[test]
    fn a_letter_is_the_keyword_that_the_folder_gives_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = "0 $Forwarded\n1 Work\nx\n99 far\n2 two words\n";
        fsx::write_durably(&dir.path().join(KEYWORDS), text.as_bytes()).expect("written");
        let mut keywords = FolderKeywords::read(dir.path()).expect("read");
        assert_eq!(keywords.of("3.a:2,Sba"), "$Forwarded Work");
        assert_eq!(keywords.of("3.a:2,S"), "");
        assert_eq!(keywords.unknown(), None);
        assert_eq!(keywords.of("3.a:2,Sacz"), "$Forwarded");
        let unknown = keywords.unknown().expect("two are unknown");
        assert!(unknown.contains("c, z"), "{unknown}");
    }
}
