//! Messages as Apple Mail keeps them: a line with their length, the message, and a property
//! list with what is known of it.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::fsx;

/// The line with the length is not longer.
const FIRST: u64 = 40;
/// So much of the property list is read.
const LIST: u64 = 64 << 10;
/// What the bits of the flags mean, as a vault keeps them: read, answered, flagged, draft and
/// forwarded.
const FLAGS: [(u64, char); 5] = [(0, 'S'), (2, 'R'), (4, 'F'), (6, 'D'), (8, 'P')];

/// What such a file tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EmlxParts {
    /// Where the message begins.
    pub(super) start: u64,
    /// After its last byte.
    pub(super) end: u64,
    pub(super) flags: String,
    /// When it was received.
    pub(super) date: Option<i64>,
}

/// Looks at a file.
pub(super) fn parts(path: &Path) -> Result<EmlxParts> {
    let failed = |e| Error::file("read", path, e);
    let damaged = |detail: &str| Error::Damaged {
        path: path.to_path_buf(),
        detail: detail.to_owned(),
    };
    let mut file = fsx::open(path)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut first = Vec::new();
    let read = (&mut file).take(FIRST).read_to_end(&mut first);
    let _ = read.map_err(failed)?;
    let line = memchr::memchr(b'\n', &first).map(|at| &first[..at]);
    let length = line
        .and_then(|line| std::str::from_utf8(line.trim_ascii()).ok())
        .and_then(|text| text.parse::<u64>().ok());
    let (Some(line), Some(length)) = (line, length) else {
        return Err(damaged("it does not begin with the length of a message"));
    };
    let start = line.len() as u64 + 1;
    let end = start
        .checked_add(length)
        .filter(|end| *end <= size)
        .ok_or_else(|| damaged("it is shorter than its message"))?;
    file.seek(SeekFrom::Start(end)).map_err(failed)?;
    let mut list = Vec::new();
    file.take(LIST).read_to_end(&mut list).map_err(failed)?;
    let list = String::from_utf8_lossy(&list);
    let bits = number(&list, "flags").unwrap_or(0);
    let set = FLAGS.iter().filter(|(bit, _)| bits >> bit & 1 == 1);
    let mut flags: Vec<char> = set.map(|(_, flag)| *flag).collect();
    flags.sort_unstable();
    Ok(EmlxParts {
        start,
        end,
        flags: flags.into_iter().collect(),
        date: number(&list, "date-received").filter(|date| *date > 0),
    })
}

/// The whole number after a key of the list.
fn number(list: &str, key: &str) -> Option<i64> {
    let (_, rest) = list.split_once(&format!("<key>{key}</key>"))?;
    let rest = rest.trim_start();
    let value = rest
        .strip_prefix("<integer>")
        .or_else(|| rest.strip_prefix("<real>"))?;
    let digits = value.split(['<', '.']).next()?;
    digits.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<EmlxParts> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("1.emlx");
        fsx::write_durably(&path, text.as_bytes())?;
        parts(&path)
    }

    #[test]
    fn the_list_tells_flags_and_date() {
        let list = "<dict><key>date-received</key>\n\t<real>1754128805.5</real>\
            <key>flags</key> <integer>8590195733</integer></dict>";
        let read = of(&format!("5   \nA: b\n{list}")).expect("it is whole");
        let wanted = EmlxParts {
            start: 5,
            end: 10,
            flags: "FRS".to_owned(),
            date: Some(1_754_128_805),
        };
        assert_eq!(read, wanted);
        let bare = of("5\nA: b\n").expect("it is whole");
        assert_eq!((bare.flags.as_str(), bare.date), ("", None));
    }

    #[test]
    fn a_file_that_is_cut_is_no_message() {
        for text in ["", "x\nA: b\n", "6\nA: b\n", "18446744073709551615\nA: b\n"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
