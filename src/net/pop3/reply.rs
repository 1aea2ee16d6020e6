//! Status lines and listing rows (RFC 1939 s.3 and s.5, RFC 2449 s.8, RFC 3206).
//!
//! Servers are taken as they are: negative, fractional or missing sizes are unknown
//! sizes, and whatever follows a message number is its unique-id.

use crate::base::response_code;
use crate::net::sasl::Refusal;

/// The first line of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pop3Status<'a> {
    /// `+OK`, with the text after it.
    Ok(&'a [u8]),
    /// `-ERR`, with the text after it.
    Err(&'a [u8]),
    /// `+ `: the server's turn of a SASL exchange (RFC 5034 s.4).
    Challenge(&'a [u8]),
}

/// Reads a status line without its line end; `None` if it is not one.
pub(super) fn status(line: &[u8]) -> Option<Pop3Status<'_>> {
    if let Some(text) = keyword(line, b"+OK") {
        Some(Pop3Status::Ok(text))
    } else if let Some(text) = keyword(line, b"-ERR").or_else(|| keyword(line, b"+ERR")) {
        Some(Pop3Status::Err(text))
    } else if line == b"+" {
        Some(Pop3Status::Challenge(b""))
    } else {
        line.strip_prefix(b"+ ").map(Pop3Status::Challenge)
    }
}

fn keyword<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = line.split_at_checked(word.len())?;
    if !head.eq_ignore_ascii_case(word) {
        return None;
    }
    match tail.first() {
        None => Some(tail),
        Some(b' ' | b'\t') => Some(tail.trim_ascii_start()),
        Some(_) => None,
    }
}

/// Reads the response code of a refusal, or failing that its words.
pub(super) fn refusal(text: &[u8]) -> Refusal {
    let upper = text.to_ascii_uppercase();
    if let Some(code) = response_code::of_text(&upper) {
        if code == b"AUTH" {
            return Refusal::Credentials;
        }
        if code == b"IN-USE" || code == b"LOGIN-DELAY" || code.starts_with(b"SYS/TEMP") {
            return Refusal::Later;
        }
        if code.starts_with(b"SYS/PERM") {
            return Refusal::Permanent;
        }
    }
    let says = |words: &[&str]| {
        words
            .iter()
            .any(|w| memchr::memmem::find(&upper, w.as_bytes()).is_some())
    };
    if says(&["LOCKED", "LOCK BUSY", "IN USE", "ALREADY OPEN"]) {
        Refusal::Later
    } else if says(&["PASSWORD", "USER", "ACCOUNT", "MAILBOX", "CREDENTIAL"]) {
        // An "unknown user name" is no unknown command: the password counts as tried.
        Refusal::Plain
    } else if says(&[
        "UNKNOWN",
        "UNSUPPORTED",
        "NOT SUPPORTED",
        "UNRECOGNI",
        "NOT IMPLEMENTED",
        "INVALID COMMAND",
        "BAD COMMAND",
        "SYNTAX",
    ]) {
        Refusal::Unknown
    } else {
        Refusal::Plain
    }
}

/// A row of `LIST`: message number, and the size if there is a plain one.
pub(super) fn list_row(row: &[u8]) -> Option<(u32, Option<u64>)> {
    let (number, rest) = numbered(row)?;
    let size = rest
        .split(|b| matches!(b, b' ' | b'\t'))
        .find(|word| !word.is_empty())
        .and_then(decimal);
    Some((number, size))
}

/// A row of `UIDL`: message number, and everything after it.
pub(super) fn uidl_row(row: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = numbered(row)?;
    Some((number, rest.trim_ascii()))
}

/// The text of `+OK` to `STAT`: the count, if it can be read.
pub(super) fn stat(text: &[u8]) -> Option<u32> {
    numbered(text)
        .map_or_else(|| decimal(text.trim_ascii()), |(n, _)| Some(u64::from(n)))
        .and_then(|n| u32::try_from(n).ok())
}

fn numbered(row: &[u8]) -> Option<(u32, &[u8])> {
    let row = row.trim_ascii_start();
    let end = row.iter().position(|b| !b.is_ascii_digit());
    let (digits, rest) = row.split_at(end.unwrap_or(row.len()));
    if !matches!(rest.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let number = decimal(digits).and_then(|n| u32::try_from(n).ok())?;
    Some((number, rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// What holds for any line.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(line: &[u8]) {
    let _ = (status(line), refusal(line), stat(line));
    let (sized, named) = (list_row(line), uidl_row(line));
    assert_eq!(sized.map(|row| row.0), named.map(|row| row.0));
    if let Some((number, size)) = sized {
        let plain = size.map_or(number.to_string(), |size| format!("{number} {size}"));
        assert_eq!(list_row(plain.as_bytes()), sized);
    }
    if let Some((number, name)) = named {
        let plain = [number.to_string().as_bytes(), b" ", name].concat();
        assert_eq!(uidl_row(&plain), named);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn status_lines_of_real_servers_are_understood() {
        assert_eq!(status(b"+OK"), Some(Pop3Status::Ok(b"")));
        assert_eq!(status(b"+ok  ready"), Some(Pop3Status::Ok(b"ready")));
        assert_eq!(
            status(b"-ERR [AUTH] no"),
            Some(Pop3Status::Err(b"[AUTH] no"))
        );
        assert_eq!(
            status(b"+ERR no such mail"),
            Some(Pop3Status::Err(b"no such mail"))
        );
        assert_eq!(status(b"+ Zm9v"), Some(Pop3Status::Challenge(b"Zm9v")));
        assert_eq!(status(b"+"), Some(Pop3Status::Challenge(b"")));
        assert_eq!(status(b"+OKAY"), None);
        assert_eq!(status(b"* OK IMAP4rev1"), None);
        assert_eq!(status(b""), None);
    }

    #[test]
    fn a_refusal_is_told_apart_by_its_code_first() {
        assert_eq!(refusal(b"[AUTH] unknown user"), Refusal::Credentials);
        assert_eq!(refusal(b"[in-use] try later"), Refusal::Later);
        assert_eq!(refusal(b"[LOGIN-DELAY] wait"), Refusal::Later);
        assert_eq!(refusal(b"[SYS/TEMP] disk"), Refusal::Later);
        assert_eq!(refusal(b"[SYS/PERM] gone"), Refusal::Permanent);
        assert_eq!(refusal(b"maildrop lock busy"), Refusal::Later);
        assert_eq!(refusal(b"Unknown command."), Refusal::Unknown);
        assert_eq!(refusal(b"Login failed."), Refusal::Plain);
        assert_eq!(
            refusal(b"Logon failure: unknown user name or bad password."),
            Refusal::Plain
        );
    }

    #[test]
    fn odd_rows_lose_their_size_and_not_their_message() {
        assert_eq!(list_row(b"1 120"), Some((1, Some(120))));
        assert_eq!(
            list_row(b"  2   5368709120 extra"),
            Some((2, Some(5_368_709_120)))
        );
        assert_eq!(list_row(b"3 -1"), Some((3, None)));
        assert_eq!(list_row(b"4 12.5"), Some((4, None)));
        assert_eq!(list_row(b"5"), Some((5, None)));
        assert_eq!(list_row(b"6 99999999999999999999"), Some((6, None)));
        assert_eq!(list_row(b"-1 5"), None);
        assert_eq!(list_row(b"4294967296 5"), None);
        assert_eq!(uidl_row(b"1   a b\xff "), Some((1, &b"a b\xff"[..])));
        assert_eq!(uidl_row(b"2"), Some((2, &b""[..])));
        assert_eq!(stat(b"3 500"), Some(3));
        assert_eq!(stat(b"3"), Some(3));
        assert_eq!(stat(b"three"), None);
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_parsers(line in prop::collection::vec(any::<u8>(), 0..80)) {
            assert_any(&line);
        }

        #[test]
        fn a_plain_row_is_read_back(number in any::<u32>(), size in any::<u64>(), uidl in "[!-~]{1,70}") {
            prop_assert_eq!(list_row(format!("{number} {size}").as_bytes()), Some((number, Some(size))));
            let row = format!("{number} {uidl}");
            prop_assert_eq!(uidl_row(row.as_bytes()), Some((number, uidl.as_bytes())));
        }
    }
}
