//! One line of the ledger as bytes: the restricted JSON, its escapes, its time stamps
//! and the chain of checksums (docs/FORMAT.md, Ledger).

use chrono::{Datelike, Timelike};
use std::fmt::{self, Display};
use std::io::Write as _;

use crate::mail::message::Hash128;

/// The longest line with its LF; a longer one is bad.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The last moment whose year has four digits.
pub(super) const MAX_TIME: i64 = 253_402_300_799_999;

/// What comes before the checksum of a line, and what comes after it.
const MARK_KEY: &[u8] = b",\"c\":\"";
const MARK_END: &[u8] = b"\"}";

/// The length of a line's end from the key of its checksum.
pub(super) const SUFFIX: usize = MARK_KEY.len() + 16 + MARK_END.len();

/// The checksum of a line, which stands for all lines before it as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 16]);

impl Checksum {
    /// What the first line of a file follows.
    pub(crate) const START: Self = Self([b'0'; 16]);

    /// Reads 16 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    fn from_bytes(text: &[u8]) -> Option<Self> {
        let digits = <[u8; 16]>::try_from(text).ok()?;
        digits
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            .then_some(Self(digits))
    }

    /// As 16 lower-case hex digits, which is what it is made of.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The checksum of a line with this body that follows the line with this one.
    pub(super) fn next(self, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(body);
        let hex = hasher.finalize().to_hex();
        Self::from_bytes(&hex.as_bytes()[..16]).expect("a digest prints as hex digits")
    }
}

impl Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({self})")
    }
}

/// Takes a line (without its LF) apart into the bytes that are hashed and its checksum.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], Checksum)> {
    let (body, suffix) = line.split_at_checked(line.len().checked_sub(SUFFIX)?)?;
    let digits = suffix.strip_prefix(MARK_KEY)?.strip_suffix(MARK_END)?;
    Some((body, Checksum::from_bytes(digits)?))
}

/// Writes one line at the end of a buffer, field by field.
pub(super) struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> LineWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, seq: u64, time: i64, ev: &str) -> Self {
        let start = out.len();
        out.extend_from_slice(b"{\"v\":1");
        let mut line = Self { out, start };
        line.number("seq", seq);
        line.text("t", format_time(time).as_bytes());
        line.text("ev", ev.as_bytes());
        line
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn plain(&mut self, value: impl Display) {
        write!(self.out, "{value}").expect("a vector takes everything");
    }

    pub(super) fn number(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.plain(value);
    }

    pub(super) fn number_or_null(&mut self, key: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.number(key, "null"),
        }
    }

    pub(super) fn text(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        for &b in value {
            match b {
                b'%' | b'"' | b'\\' | ..0x20 | 0x7f.. => self.plain(format_args!("%{b:02x}")),
                b => self.out.push(b),
            }
        }
        self.out.push(b'"');
    }

    pub(super) fn text_or_null(&mut self, key: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.number(key, "null"),
        }
    }

    pub(super) fn hash(&mut self, key: &str, value: Hash128) {
        self.number(key, format_args!("\"{value}\""));
    }

    /// Ends the line that follows the one with the checksum `prev`; gives its own.
    pub(super) fn finish(self, prev: Checksum) -> Checksum {
        let mark = prev.next(&self.out[self.start..]);
        self.out.extend_from_slice(MARK_KEY);
        self.out.extend_from_slice(&mark.0);
        self.out.extend_from_slice(MARK_END);
        self.out.push(b'\n');
        mark
    }
}

/// A value as it is in the line, strings still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Null,
    Number(i128),
    Text(&'a [u8]),
}

/// The fields of one line.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    list: Vec<(&'a [u8], Value<'a>)>,
    /// Where the next field is looked for first: they are asked for in their order.
    next: usize,
}

impl<'a> Fields<'a> {
    /// Takes the body of a line apart: an object without its closing brace.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut list = Vec::with_capacity(24);
        let mut rest = body.strip_prefix(b"{")?;
        loop {
            let (key, after) = quoted(rest)?;
            let (value, after) = value(after.strip_prefix(b":")?)?;
            list.push((key, value));
            if after.is_empty() {
                return Some(Self { list, next: 0 });
            }
            rest = after.strip_prefix(b",")?;
        }
    }

    /// Every string with its key, still escaped.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.list.iter().filter_map(|(key, value)| match value {
            Value::Text(text) => Some((*key, *text)),
            Value::Null | Value::Number(_) => None,
        })
    }

    fn get(&mut self, key: &str) -> Option<Value<'a>> {
        let is = |field: &&(&[u8], Value<'a>)| field.0 == key.as_bytes();
        if let Some(&(_, value)) = self.list.get(self.next).filter(is) {
            self.next += 1;
            return Some(value);
        }
        let at = self.list.iter().position(|field| is(&field))?;
        self.next = at + 1;
        Some(self.list[at].1)
    }

    /// A number; none if there is no such field or it is something else.
    pub(super) fn number<T: TryFrom<i128>>(&mut self, key: &str) -> Option<T> {
        self.number_or_null(key)?
    }

    /// A number or null.
    #[expect(
        clippy::option_option,
        reason = "null is a value, a missing field is not"
    )]
    pub(super) fn number_or_null<T: TryFrom<i128>>(&mut self, key: &str) -> Option<Option<T>> {
        match self.get(key)? {
            Value::Null => Some(None),
            Value::Number(value) => T::try_from(value).ok().map(Some),
            Value::Text(_) => None,
        }
    }

    /// A string of bytes.
    pub(super) fn bytes(&mut self, key: &str) -> Option<Box<[u8]>> {
        self.bytes_or_null(key)?
    }

    /// A string of bytes or null.
    #[expect(
        clippy::option_option,
        reason = "null is a value, a missing field is not"
    )]
    pub(super) fn bytes_or_null(&mut self, key: &str) -> Option<Option<Box<[u8]>>> {
        match self.get(key)? {
            Value::Null => Some(None),
            Value::Number(_) => None,
            Value::Text(text) => unescape(text).map(|bytes| Some(bytes.into())),
        }
    }

    /// A string of text.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::Text(text) => String::from_utf8(unescape(text)?).ok(),
            Value::Null | Value::Number(_) => None,
        }
    }

    /// A hash.
    pub(super) fn hash(&mut self, key: &str) -> Option<Hash128> {
        self.hash_or_null(key)?
    }

    /// A hash or null.
    #[expect(
        clippy::option_option,
        reason = "null is a value, a missing field is not"
    )]
    pub(super) fn hash_or_null(&mut self, key: &str) -> Option<Option<Hash128>> {
        match self.get(key)? {
            Value::Null => Some(None),
            Value::Number(_) => None,
            Value::Text(text) => Hash128::parse(std::str::from_utf8(text).ok()?).map(Some),
        }
    }
}

/// A string at the start of `text`, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    let (inner, rest) = (&text[..end], &text[end + 1..]);
    inner
        .iter()
        .all(|&b| matches!(b, 0x20..=0x7e) && b != b'\\')
        .then_some((inner, rest))
}

/// A value at the start of `text`, and what follows it.
fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"null") {
        return Some((Value::Null, rest));
    }
    if text.starts_with(b"\"") {
        return quoted(text).map(|(inner, rest)| (Value::Text(inner), rest));
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let end = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(text.len() - digits.len() + end);
    // Leading zeros and a negative zero are not ours.
    if end > 1 && digits[0] == b'0' || number == b"-0" {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((Value::Number(number), rest))
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return None;
        };
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = after;
    }
    Some(bytes)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub(super) fn format_time(time: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(time).unwrap_or_default();
    let (date, milliseconds) = (time.date_naive(), time.timestamp_subsec_millis());
    let (year, month, day) = (date.year(), date.month(), date.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    // By hand: each line has one, and chrono reads its format each time.
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// The UTC month, `YYYY-MM`.
pub(super) fn month_of(time: i64) -> String {
    format_time(time)[..7].to_owned()
}

/// Reads what [`format_time`] writes, and nothing else.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let time = time.timestamp_millis();
    (format_time(time) == text).then_some(time)
}

/// What holds for any line: what it is taken apart into is all of it.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(line: &[u8]) {
    if let Some(mut fields) = Fields::parse(line) {
        let _ = fields.text("a");
    }
    if let Some((body, mark)) = split(line) {
        assert_eq!(body.len() + SUFFIX, line.len());
        assert_eq!(Checksum::parse(mark.as_str()), Some(mark));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::vault::ledger::fuzzing::assert_any_text;
    use proptest::prelude::*;

    #[test]
    fn only_the_restricted_json_is_read() {
        for good in [
            "{\"a\":1",
            "{\"a\":null,\"b\":\"\"",
            "{\"a\":-7,\"b\":\"{,}\"",
        ] {
            assert!(Fields::parse(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "",
            "{",
            "{}",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,",
            "{\"a\": 1",
            "{ \"a\":1",
            "{\"a\":01",
            "{\"a\":-0",
            "{\"a\":-",
            "{\"a\":+1",
            "{\"a\":1.5",
            "{\"a\":1e3",
            "{\"a\":true",
            "{\"a\":[]",
            "{\"a\":{}",
            "{\"a\":\"\\n\"",
            "{\"a\":\"\u{fc}\"",
            "{\"a\":\"\t\"",
            "{\"a\":1}",
            "{\"a\":nul",
            "{a:1",
            "{\"a\":99999999999999999999999999999999999999999",
        ] {
            assert!(Fields::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_field_must_be_there_and_of_its_kind() {
        let mut fields =
            Fields::parse(b"{\"n\":300,\"s\":\"%zz\",\"z\":null,\"x\":\"%ff\"").unwrap();
        assert_eq!(fields.number::<u8>("n"), None);
        assert_eq!(fields.number::<u32>("n"), Some(300));
        assert_eq!(fields.text("n"), None);
        assert_eq!(fields.bytes("s"), None);
        assert_eq!(fields.number::<u32>("z"), None);
        assert_eq!(fields.number_or_null::<u32>("z"), Some(None));
        assert_eq!(fields.number_or_null::<u32>("y"), None);
        assert_eq!(fields.text("x"), None);
        assert_eq!(fields.bytes("x").as_deref(), Some(&b"\xff"[..]));
    }

    #[test]
    fn times_are_written_one_way() {
        assert_eq!(format_time(1_795_370_400_007), "2026-11-22T18:00:00.007Z");
        assert_eq!(format_time(MAX_TIME), "9999-12-31T23:59:59.999Z");
        assert_eq!(month_of(0), "1970-01");
        for bad in [
            "",
            "2026-11-22T18:00:00Z",
            "2026-11-22T18:00:00.0070Z",
            "2026-11-22t18:00:00.007Z",
            "2026-11-22T18:00:60.007Z",
            "2026-02-30T18:00:00.007Z",
            "2026-11-22T18:00:00.007+00:00",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_looked_at(line in prop::collection::vec(any::<u8>(), 0..100)) {
            assert_any(&line);
        }

        #[test]
        fn strings_come_back_and_are_printable(value: Vec<u8>) {
            assert_any_text(&value);
        }

        #[test]
        fn times_come_back(time in 0..=MAX_TIME) {
            prop_assert_eq!(parse_time(&format_time(time)), Some(time));
        }
    }
}
