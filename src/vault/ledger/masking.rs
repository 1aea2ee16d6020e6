//! Lines of the ledger that were overwritten on purpose (docs/FORMAT.md, Erasing).
//!
//! A masked line keeps its keys, numbers, length and checksum, so that the lines after it stay
//! good. Its checksum no longer fits, so that it is good only if a later line names its hash.

use super::erasure::LineHash;
use super::line::{Fields, split};

/// What stays readable: when and by which account, protocol and server.
const KEPT: [&[u8]; 5] = [b"t", b"ev", b"account", b"proto", b"server"];
const MASK: u8 = b'-';

/// Hash of a line, without its LF.
pub(crate) fn line_hash(line: &[u8]) -> LineHash {
    *blake3::hash(line).as_bytes()
}

/// The line with its strings overwritten; nothing if it is no line with a checksum.
pub(crate) fn masked(line: &[u8]) -> Option<Vec<u8>> {
    let (body, _) = split(line)?;
    let fields = Fields::parse(body)?;
    let mut masked = line.to_vec();
    for (key, text) in fields.texts() {
        if !KEPT.contains(&key) {
            let start = text.as_ptr().addr() - line.as_ptr().addr();
            masked[start..start + text.len()].fill(MASK);
        }
    }
    Some(masked)
}

/// True if a line body has the form of a masked one.
pub(super) fn is_masked(fields: &Fields<'_>) -> bool {
    let mut any = false;
    for (key, text) in fields.texts() {
        if !KEPT.contains(&key) {
            if text.iter().any(|b| *b != MASK) {
                return false;
            }
            any |= !text.is_empty();
        }
    }
    any
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::vault::ledger::line::{Checksum, LineWriter, SUFFIX};
    use proptest::prelude::*;

    fn line(values: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut line = LineWriter::new(&mut out, 7, 0, "seen");
        line.number("size", 5);
        for (key, value) in values {
            line.text(key, value);
        }
        line.finish(Checksum::START);
        out.pop();
        out
    }

    proptest! {
        #[test]
        fn a_masked_line_keeps_its_length_numbers_and_checksum(
            hash in "[0-9a-f]{32}", mid: Vec<u8>, account in "[a-z]{1,9}",
        ) {
            let line = line(&[
                ("account", account.as_bytes()),
                ("hash", hash.as_bytes()),
                ("mid", &mid),
            ]);
            let masked = masked(&line).unwrap();
            prop_assert_eq!(masked.len(), line.len());
            prop_assert_eq!(&masked[masked.len() - SUFFIX..], &line[line.len() - SUFFIX..]);
            let (body, _) = split(&masked).unwrap();
            let mut fields = Fields::parse(body).unwrap();
            prop_assert!(is_masked(&fields));
            prop_assert_eq!(fields.number::<u64>("seq"), Some(7));
            prop_assert_eq!(fields.text("ev").unwrap(), "seen");
            prop_assert_eq!(fields.number::<u64>("size"), Some(5));
            prop_assert_eq!(fields.text("account").unwrap(), account);
            prop_assert_eq!(fields.text("hash").unwrap(), "-".repeat(32));
            let text = String::from_utf8_lossy(&masked).into_owned();
            prop_assert!(!text.contains(&hash));
        }
    }

    #[test]
    fn a_line_without_strings_to_hide_is_not_masked() {
        let plain = line(&[("account", b"work")]);
        let (body, _) = split(&plain).unwrap();
        assert!(!is_masked(&Fields::parse(body).unwrap()));
        let empty = line(&[("account", b"work"), ("kw", b"")]);
        let (body, _) = split(&empty).unwrap();
        assert!(!is_masked(&Fields::parse(body).unwrap()));
    }
}
