//! How values are written for people: sizes, counts, times, columns; and the one function
//! that makes foreign text harmless.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat, TimeZone, Utc};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use mailvault::base::units::{count_text as count, size_text as size};

/// What a colour begins with.
const SGR: &str = "\x1b[";

/// Foreign text with everything that could act on a terminal, or mislead the reader, made
/// visible: control characters (ESC, line ends and C1 among them), marks that change the
/// direction of text, and the byte order mark.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if !is_hostile(c) => safe.push(c),
            c if c.is_ascii() => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(safe)
}

/// True if nothing of a text would be escaped.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hostile)
}

/// The same for bytes: those that are not UTF-8 are shown as `\xff`.
pub(crate) fn escape_bytes(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        safe.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

/// A line of a text, in which tabs are tabs.
pub(crate) fn escape_line(line: &str) -> String {
    let parts: Vec<_> = line.split('\t').map(escape).collect();
    parts.join("\t")
}

/// A JSON text in which nothing acts on a terminal, is unseen or turns text round: such characters
/// can stand in strings only, where they are escaped.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    let hides = |c: char| is_hostile(c) || is_unseen(c);
    let is_plain = json.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !json.chars().any(hides) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Characters that take no space, or look like a blank, and are part of ordinary text.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}')
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// So many of something: `1 message`, `2 messages`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number))
}

/// A time span for programs, in seconds to the millisecond.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// A time span: `42s`, `1m54s`, `6h02m`.
pub(crate) fn span(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0 => "<1s".to_owned(),
        1..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        _ => format!("{}h{:02}m", s / 3600, s / 60 % 60),
    }
}

/// The day of a Unix time, as queries count days; empty width is kept where it is unknown.
pub(crate) fn day(time: i64) -> String {
    match DateTime::from_timestamp(time, 0) {
        Some(time) if time.timestamp() != 0 => time.format("%Y-%m-%d").to_string(),
        _ => "unknown   ".to_owned(),
    }
}

/// A Unix time for programs.
pub(crate) fn rfc3339(time: i64) -> Option<String> {
    let time = DateTime::from_timestamp(time, 0)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A Unix time by the clock of the machine: `2026-11-29 14:02`.
pub(crate) fn minute(time: i64) -> String {
    DateTime::from_timestamp(time, 0).map_or_else(
        || "unknown".to_owned(),
        |time| {
            time.with_timezone(&Local)
                .format("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

/// A Unix time as people remember it: `today 02:11`, `yesterday 23:50`, `9 days ago`.
pub(crate) fn when<Z: TimeZone>(time: i64, now: &DateTime<Z>) -> String
where
    Z::Offset: std::fmt::Display,
{
    let Some(time) = DateTime::from_timestamp(time, 0) else {
        return "unknown".to_owned();
    };
    let time = time.with_timezone(&now.timezone());
    match (now.date_naive() - time.date_naive()).num_days() {
        0 => time.format("today %H:%M").to_string(),
        1 => time.format("yesterday %H:%M").to_string(),
        days @ 2..=30 => format!("{days} days ago"),
        _ => time.format("%Y-%m-%d").to_string(),
    }
}

/// The present, for [`when`].
pub(crate) fn now() -> DateTime<Local> {
    Utc::now().with_timezone(&Local)
}

/// Columns that a terminal needs for a text. Colours need none.
pub(crate) fn width(text: &str) -> usize {
    let Some((before, mut rest)) = text.split_once(SGR) else {
        return text.width();
    };
    let mut shown = before.to_owned();
    loop {
        let codes = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let after = codes.strip_prefix('m').unwrap_or(codes);
        match after.split_once(SGR) {
            Some((text, next)) => {
                shown.push_str(text);
                rest = next;
            }
            None => return (shown + after).width(),
        }
    }
}

/// As much of the text as fits into so many columns.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    // The width of a text is not the sum of those of its characters: joined emoji are one.
    let mut short = String::new();
    for c in text.chars() {
        let before = short.len();
        short.push(c);
        if width(&short) >= columns {
            short.truncate(before);
            break;
        }
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Which way a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows as lines with aligned columns, two blanks between them, none at the end.
pub(crate) fn table(rows: &[Vec<String>], aligns: &[Align]) -> Vec<String> {
    let mut columns = Columns::new(aligns);
    for row in rows {
        columns.fit(row);
    }
    rows.iter().map(|row| columns.line(row)).collect()
}

/// The columns of a table whose rows come twice: first each is fitted, then written.
pub(crate) struct Columns<'a> {
    aligns: &'a [Align],
    widths: Vec<usize>,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(aligns: &'a [Align]) -> Self {
        let widths = vec![0; aligns.len()];
        Self { aligns, widths }
    }

    /// Makes room for a row.
    pub(crate) fn fit(&mut self, row: &[String]) {
        for (wide, cell) in self.widths.iter_mut().zip(row) {
            *wide = width(cell).max(*wide);
        }
    }

    /// A row that was fitted, as a line.
    pub(crate) fn line(&self, row: &[String]) -> String {
        self.painted(row, usize::MAX, |_, cell| cell.to_owned())
    }

    /// The same with its last cell cut so that the line fits, and each cell painted.
    pub(crate) fn painted(
        &self,
        row: &[String],
        most: usize,
        paint: impl Fn(usize, &str) -> String,
    ) -> String {
        let fixed: usize = self
            .widths
            .iter()
            .rev()
            .skip(1)
            .map(|wide| wide + 2 * usize::from(*wide > 0))
            .sum();
        let room = most.saturating_sub(fixed);
        let mut line = String::new();
        for (n, ((cell, align), wide)) in row.iter().zip(self.aligns).zip(&self.widths).enumerate()
        {
            // A column that is empty in every row takes no room.
            if *wide == 0 {
                continue;
            }
            if n > 0 && !line.is_empty() {
                line.push_str("  ");
            }
            let last = n + 1 == self.widths.len();
            let cell = if last {
                Cow::Owned(cut(cell, room))
            } else {
                Cow::Borrowed(cell)
            };
            let pad = " ".repeat(wide.saturating_sub(width(&cell)));
            let cell = if cell.is_empty() {
                String::new()
            } else {
                paint(n, &cell)
            };
            match align {
                Align::Left => line.extend([cell.as_str(), &pad]),
                Align::Right => line.extend([pad.as_str(), &cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A path as a `file:` address, if it is absolute.
pub(crate) fn file_url(path: &Path) -> Option<String> {
    let mut url = "file://".to_owned();
    if !path.is_absolute() {
        return None;
    }
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                url.push(char::from(*byte));
            }
            byte => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    Some(url)
}

/// A line of mail in lines that fit: broken at blanks only, so that an address stays whole, and
/// with its quotation marks before each. A line that fits is left as it is.
pub(crate) fn fold_line(line: &str, columns: usize) -> Vec<String> {
    // Beyond this, the eye loses the start of the next line.
    const READABLE: usize = 100;
    if width(line) <= columns {
        return vec![line.to_owned()];
    }
    let marks = line.len() - line.trim_start_matches(['>', ' ']).len();
    let (marks, words) = match line.split_at(marks) {
        (marks, words) if width(marks) < columns / 2 => (marks, words),
        _ => ("", line),
    };
    let options = textwrap::Options::new(columns.min(READABLE))
        .initial_indent(marks)
        .subsequent_indent(marks)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(words, options)
        .into_iter()
        .map(Cow::into_owned)
        .collect()
}

/// The words of a line. A quoted command is one: half of it in a line of a log cannot be copied.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    for word in line.split_whitespace() {
        match words.last_mut().filter(|_| quoted) {
            Some(command) => command.extend([" ", word]),
            None => words.push(word.to_owned()),
        }
        quoted |= word.ends_with("'mailvault");
        quoted &= word.ends_with("'mailvault") || !word.contains('\'');
    }
    words
}

/// Words in lines of at most `columns`, the lines after the first indented.
pub(crate) fn wrap(text: &str, first: &str, indent: usize, columns: usize) -> String {
    let mut whole = String::new();
    for (n, given) in text.split('\n').enumerate() {
        let mut line = if n == 0 {
            first.to_owned()
        } else {
            " ".repeat(indent)
        };
        let lead = given.len() - given.trim_start().len();
        line.push_str(&given[..lead]);
        let mut used = width(&line);
        let mut fresh = true;
        for word in words(given) {
            if !fresh && used + 1 + width(&word) > columns {
                line.push('\n');
                line.push_str(&" ".repeat(indent));
                used = indent;
                fresh = true;
            }
            if !fresh {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += width(&word);
            fresh = false;
        }
        if n > 0 {
            whole.push('\n');
        }
        whole.push_str(&line);
    }
    whole
}

/// A name as a TOML string; an escaped one must not be unescaped by TOML.
pub(crate) fn toml_string(name: &str) -> String {
    let quote = match (name.contains('\\'), name.contains('\'')) {
        (false, _) => "\"",
        (true, false) => "'",
        (true, true) => "'''",
    };
    format!("{quote}{name}{quote}")
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || ":@._-/+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        escape(&format!("'{}'", word.replace('\'', "'\\''"))).into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_on_a_terminal_is_made_visible() {
        assert_eq!(escape("plain, Grüße, 日本"), "plain, Grüße, 日本");
        assert_eq!(escape("a\x1b[31mb\x07"), "a\\x1b[31mb\\x07");
        assert_eq!(escape("one\r\ntwo\tx\u{7f}"), "one\\r\\ntwo\\tx\\x7f");
        assert_eq!(
            escape("\u{9b}\u{202e}\u{2066}\u{200f}\u{feff}"),
            "\\u{9b}\\u{202e}\\u{2066}\\u{200f}\\u{feff}"
        );
        assert_eq!(escape_bytes(b"\xe4\x1b\xc3\xa4"), "\\xe4\\x1bä");
        assert_eq!(escape_line("a\tb\x1b"), "a\tb\\x1b");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(plural(1, "message"), "1 message");
        assert_eq!(plural(1284, "message"), "1,284 messages");
    }

    #[test]
    fn spans_name_their_two_largest_units() {
        let texts = [0, 42, 114, 391, 21_720].map(|s| span(Duration::from_secs(s)));
        assert_eq!(texts, ["<1s", "42s", "1m54s", "6m31s", "6h02m"]);
    }

    #[test]
    fn near_times_are_told_as_people_tell_them() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let ago = |hours: i64| when(now.timestamp() - hours * 3600, &now);
        assert_eq!(now.to_string(), "2026-11-18 11:06:40 UTC");
        assert_eq!(ago(9), "today 02:06");
        assert_eq!(ago(12), "yesterday 23:06");
        assert_eq!(ago(9 * 24), "9 days ago");
        assert_eq!(ago(40 * 24), "2026-10-09");
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let rows = [["a", "", "1", "x"], ["long", "", "200", ""]];
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect();
        let aligns = [Align::Left, Align::Left, Align::Right, Align::Left];
        assert_eq!(table(&rows, &aligns), ["a       1  x", "long  200"]);
    }

    #[test]
    fn a_text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("much too long", 9), "much too…");
        assert_eq!(cut("日本日本", 5), "日本…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(width("👩\u{200d}💻"), 2);
    }

    #[test]
    fn colours_take_no_columns() {
        for (text, columns) in [
            ("\x1b[1;31merror:\x1b[0m 日本", 11),
            ("\x1b[1m\x1b[0m", 0),
            ("a\x1b[m1m", 3),
            ("\x1b[38;5;1", 0),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
        let plain = wrap("one two three four", "hint: ", 6, 14);
        let first = "\x1b[1mhint:\x1b[0m ";
        let painted = wrap("one two three four", first, 6, 14);
        assert_eq!(painted.replace(first, "hint: "), plain);
    }

    #[test]
    fn wrapped_lines_keep_their_indent_and_given_ends() {
        assert_eq!(
            wrap("one two three\n  four", "hint: ", 6, 14),
            "hint: one two\n      three\n        four"
        );
    }

    #[test]
    fn a_command_is_not_wrapped() {
        assert_eq!(
            wrap("do ('mailvault config path', or 'vi it') now", "", 2, 12),
            "do\n  ('mailvault config path',\n  or 'vi\n  it') now"
        );
    }

    #[test]
    fn a_long_line_of_mail_is_folded_at_words_and_keeps_its_marks() {
        let line = "> > one two three four https://example.org/a-long-address-of-a-page";
        assert_eq!(
            fold_line(line, 20),
            [
                "> > one two three",
                "> > four",
                "> > https://example.org/a-long-address-of-a-page"
            ]
        );
        assert_eq!(fold_line("a  table   row", 20), ["a  table   row"]);
        let all_marks = ">".repeat(50);
        assert_eq!(fold_line(&all_marks, 40), [all_marks]);
    }

    #[test]
    fn a_path_is_an_address_of_ascii() {
        let url = file_url(Path::new("/tmp/a b;ä\x1b%")).unwrap();
        assert_eq!(url, "file:///tmp/a%20b%3B%C3%A4%1B%25");
        assert_eq!(file_url(Path::new("tmp")), None);
    }

    #[test]
    fn a_painted_table_is_as_wide_as_a_plain_one_and_fits() {
        let row = ["4f2a", "日本", "a long subject"].map(String::from);
        let mut columns = Columns::new(&[Align::Left, Align::Right, Align::Left]);
        columns.fit(&row);
        let paint = |n: usize, cell: &str| format!("<{n}>{cell}");
        assert_eq!(
            columns.painted(&row, 18, paint),
            "<0>4f2a  <1>日本  <2>a lon…"
        );
    }

    proptest! {
        #[test]
        fn folding_a_line_loses_no_word(line in "[ >a-z日]{0,80}", columns in 10_usize..40) {
            let folded = fold_line(&line, columns).concat();
            let letters = |text: &str| text.replace(['>', ' '], "");
            prop_assert_eq!(letters(&folded), letters(&line));
        }

        #[test]
        fn json_hides_nothing_and_means_the_same(
            text in "(\\PC|[\\x00-\\x1f\\x7f-\\u{9f}\\u{ad}\\u{61c}\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\
                     \\u{2060}-\\u{206f}\\u{fe0f}\\u{feff}\\u{e0020}-\\u{e0030}]){0,40}",
        ) {
            let json = serde_json::json!({ text.as_str(): [text.as_str()] });
            let line = json.to_string();
            let safe = escape_json(&line);
            prop_assert!(!safe.contains(|c| is_hostile(c) || is_unseen(c)), "{safe:?}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), json);
        }

        #[test]
        fn nothing_hostile_is_left(text in "\\PC*|[\\x00-\\x{3000}]*") {
            prop_assert!(!escape(&text).chars().any(is_hostile));
            prop_assert!(!escape_bytes(text.as_bytes()).chars().any(is_hostile));
        }

        #[test]
        fn a_cut_text_fits(text in "\\PC*", columns in 0_usize..30) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
        }

        #[test]
        fn wrapping_loses_no_word(text in "[a-z ]{0,80}") {
            let wrapped = wrap(&text, "", 4, 20);
            prop_assert_eq!(
                wrapped.split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(quoted("from:ann@example.org"), "from:ann@example.org");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
