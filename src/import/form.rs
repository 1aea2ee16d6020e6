//! What a file is, by its name and its beginning.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::mbox;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::mbox::{begins, is_field};
use crate::vault::frame;

/// So much of a file is looked at.
const SAMPLE: u64 = 4 << 10;
/// The UTF-8 mark that editors put in front of a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileForm {
    /// It has no bytes.
    Empty,
    Mbox,
    /// One message.
    Message,
    /// One message as Apple Mail keeps it.
    Emlx,
    /// One of which Apple Mail keeps the parts elsewhere.
    PartOfEmlx,
    Foreign(&'static ForeignForm),
    /// None of these.
    Unknown,
}

/// A form of a file that holds no mail, or mail in a way that is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignForm {
    magic: &'static [u8],
    /// Where in the file that stands.
    at: usize,
    pub(super) what: &'static str,
    pub(super) hint: &'static str,
}

/// What people have besides mail, or instead.
static FOREIGN: [ForeignForm; 14] = [
    ForeignForm {
        magic: b"PK\x03\x04",
        at: 0,
        what: "a zip archive",
        hint: "unpack it, and import the resulting directory",
    },
    ForeignForm {
        magic: b"PK\x05\x06",
        at: 0,
        what: "an empty zip archive",
        hint: "there is no mail in it",
    },
    ForeignForm {
        magic: b"ustar",
        at: 257,
        what: "a tar archive",
        hint: "unpack it, and import the resulting directory",
    },
    ForeignForm {
        magic: b"7z\xbc\xaf\x27\x1c",
        at: 0,
        what: "a 7z archive",
        hint: "unpack it, and import the resulting directory",
    },
    ForeignForm {
        magic: b"Rar!\x1a\x07",
        at: 0,
        what: "a rar archive",
        hint: "unpack it, and import the resulting directory",
    },
    ForeignForm {
        magic: b"BZh",
        at: 0,
        what: "compressed with bzip2",
        hint: "unpack it with bunzip2, and import the result",
    },
    ForeignForm {
        magic: b"\xfd7zXZ\0",
        at: 0,
        what: "compressed with xz",
        hint: "unpack it with unxz, and import the result",
    },
    ForeignForm {
        magic: b"!BDN",
        at: 0,
        what: "an Outlook data file (PST or OST)",
        hint: "open it in Outlook and copy its mail to an IMAP account, or convert it with readpst, which writes mbox files",
    },
    ForeignForm {
        magic: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        at: 0,
        what: "an OLE file, such as an Outlook message (.msg)",
        hint: "save the message as .eml, or convert it with msgconvert",
    },
    ForeignForm {
        magic: b"\xcf\xad\x12\xfe",
        at: 0,
        what: "an Outlook Express folder (DBX)",
        hint: "convert it with readdbx or undbx, and import the result",
    },
    ForeignForm {
        magic: b"%PDF-",
        at: 0,
        what: "a PDF document",
        hint: "there is no mail in it that could be imported",
    },
    ForeignForm {
        magic: b"// <!-- <mdb:mork",
        at: 0,
        what: "a Thunderbird index (.msf)",
        hint: "the mail is in the file of the same name without .msf; import that, or the directory",
    },
    ForeignForm {
        magic: b"# POP3 State File",
        at: 0,
        what: "Thunderbird's list of the messages that it fetched (popstate.dat)",
        hint: "it is not needed: import the mail itself, and a pull recognises it by its headers",
    },
    ForeignForm {
        magic: b"SQLite format 3\0",
        at: 0,
        what: "an SQLite database",
        hint: "export the mail from the program that made it, as mbox or .eml",
    },
];

/// Looks at a file.
pub(super) fn look(path: &Path, name: &str) -> Result<FileForm> {
    let mut sample = start(fsx::open(path)?, path)?;
    let mut name = name;
    if let Some(stem) = without_suffix(name, &["emlx"])
        && !begins(&sample)
    {
        return Ok(if has_suffix(stem, "partial") {
            FileForm::PartOfEmlx
        } else {
            FileForm::Emlx
        });
    }
    if sample.is_empty() {
        return Ok(FileForm::Empty);
    }
    if frame::is_compressed(&sample) {
        sample = start(frame::open(path)?, path)?;
        name = unpacked_name(name);
    }
    let form = of(&sample, name);
    if form == FileForm::Message && begins(&sample) && holds_several(path)? {
        return Ok(FileForm::Mbox);
    }
    Ok(form)
}

/// True if an mbox file holds more than one message.
fn holds_several(path: &Path) -> Result<bool> {
    let (stop, mut messages) = (AtomicBool::new(false), 0);
    mbox::scan(path, &stop, &mut Vec::new(), &mut |_, _| {
        messages += 1;
        stop.store(messages > 1, Ordering::Relaxed);
    })?;
    Ok(messages > 1)
}

/// A name without what tells that the file is compressed.
pub(super) fn unpacked_name(name: &str) -> &str {
    without_suffix(name, &["gz", "gzip", "zst", "zstd"]).unwrap_or(name)
}

/// A name without its suffix, if it is one of these and not all of the name.
pub(super) fn without_suffix<'a>(name: &'a str, suffixes: &[&str]) -> Option<&'a str> {
    let is_one = suffixes.iter().any(|suffix| has_suffix(name, suffix));
    let (stem, _) = name.rsplit_once('.').filter(|_| is_one)?;
    Some(stem)
}

pub(super) fn has_suffix(name: &str, suffix: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|e: &OsStr| e.eq_ignore_ascii_case(suffix))
}

/// How the content of a file begins.
fn start(file: impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut sample = Vec::new();
    match file.take(SAMPLE).read_to_end(&mut sample) {
        Err(e) if sample.is_empty() => Err(Error::file("read", path, e)),
        // What is damaged after its beginning is told when it is read.
        _ => Ok(sample),
    }
}

fn of(sample: &[u8], name: &str) -> FileForm {
    if sample.is_empty() {
        return FileForm::Empty;
    }
    let is_it = |form: &&ForeignForm| {
        let rest = sample.get(form.at..);
        rest.is_some_and(|rest| rest.starts_with(form.magic))
    };
    if let Some(form) = FOREIGN.iter().find(is_it) {
        return FileForm::Foreign(form);
    }
    if begins(sample) {
        // A program may have kept the separator in front of a single message.
        let is_eml = has_suffix(name, "eml");
        return if is_eml {
            FileForm::Message
        } else {
            FileForm::Mbox
        };
    }
    if has_suffix(name, "eml") {
        return FileForm::Message;
    }
    if has_suffix(name, "mbox") || has_suffix(name, "mbx") {
        return FileForm::Mbox;
    }
    let text = sample.strip_prefix(MARK).unwrap_or(sample);
    let first = text
        .split(|b| *b == b'\n' || *b == b'\r')
        .find(|line| !line.is_empty());
    // A quote or bracket begins JSON rather than the name of a field.
    let is_json = first.is_some_and(|line| line.starts_with(b"{") || line.starts_with(b"["));
    if first.is_some_and(is_field) && !is_json && !sample.contains(&0) {
        FileForm::Message
    } else {
        FileForm::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_known_in_any_case() {
        let suffixes = ["emlx", "mbox"];
        assert_eq!(
            without_suffix("1.partial.EMLX", &suffixes),
            Some("1.partial")
        );
        assert_eq!(without_suffix("Work.Mbox", &suffixes), Some("Work"));
        assert_eq!(without_suffix("a.eml", &suffixes), None);
        assert_eq!(without_suffix(".mbox", &suffixes), None);
        for (name, form) in [
            ("1.Partial.EMLX", FileForm::PartOfEmlx),
            ("1.emlx", FileForm::Emlx),
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join(name);
            fsx::write_durably(&path, b"5\nA: b\n").expect("written");
            assert_eq!(look(&path, name).ok(), Some(form), "{name}");
            fsx::write_durably(&path, b"From -\nA: b\n").expect("written");
            assert_eq!(look(&path, name).ok(), Some(FileForm::Mbox), "{name}");
        }
    }

    #[test]
    fn a_file_is_known_by_what_it_holds() {
        for (sample, name, form) in [
            (&b"From \r\nSubject: a\r\n"[..], "Inbox", FileForm::Mbox),
            (b"\xef\xbb\xbf\n\nFrom -\nSubject: a\n", "x", FileForm::Mbox),
            (b"From -\rSubject: a\r", "x", FileForm::Mbox),
            (b"From here on\n", "x.txt", FileForm::Unknown),
            (b"From -\nSubject: a\n", "x.eml", FileForm::Message),
            (b"Subject: a\n\n", "x", FileForm::Message),
            (b"Subject: \0", "x", FileForm::Unknown),
            (b"\0\x01", "x.eml", FileForm::Message),
            (b"hello", "x", FileForm::Unknown),
            (b"{\"version\":36}", "x.json", FileForm::Unknown),
            (b"", "x", FileForm::Empty),
        ] {
            assert_eq!(of(sample, name), form, "{name}");
        }
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(matches!(of(&tar, "x.eml"), FileForm::Foreign(form) if form.at == 257));
    }
}
