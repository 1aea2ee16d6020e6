//! Where messages begin and end in an mbox file.
//!
//! Programs agree on little more than that a message begins at a line with `From `. Which of
//! these lines begin one is decided by what stands before and after them; see
//! docs/EXPORT.md, "Import".

use super::field::{content_length, is_field, is_known_field};
use super::{FROM, FromLine, Separator};

/// More of a line is not needed to know it.
const HEAD: usize = 520;
/// Lines that may stand between a dated `From ` line and the first header field.
const DEBRIS: usize = 16;
/// How the second `From ` line begins that some programs leave in front of a message.
const QUOTED: &[u8] = b">From ";
/// The UTF-8 mark that editors put in front of a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// LF, perhaps with a CR before it.
    #[default]
    Lf,
    /// CR alone, as on the first Macintoshes.
    Cr,
}

impl LineEnd {
    /// Of a text that begins so.
    #[must_use]
    pub(crate) fn of(sample: &[u8]) -> Self {
        let has_cr = memchr::memchr(b'\r', sample).is_some();
        if has_cr && memchr::memchr(b'\n', sample).is_none() {
            Self::Cr
        } else {
            Self::Lf
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Lf => b'\n',
            Self::Cr => b'\r',
        }
    }
}

/// Part of an mbox file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MboxPart {
    /// A message: its first and last byte (exclusive), without the empty line that ends it and
    /// what was added to it.
    Message {
        /// Its first byte.
        start: u64,
        /// After its last byte.
        end: u64,
        /// The same with what was added to it.
        whole: u64,
        /// The line that begins it.
        line: FromLine,
        /// Lines of it that begin with `From ` are quoted.
        quoted: bool,
    },
    /// What stands before the first message and belongs to none.
    Stray {
        /// After its last byte.
        end: u64,
    },
}

/// A line that begins a message if what follows fits.
#[derive(Debug, Clone, Copy)]
struct FromCandidate {
    separator: Separator,
    /// Its first byte.
    at: u64,
    /// Where the message would begin.
    start: u64,
    /// Where the empty line before it began.
    blank: Option<u64>,
    /// Nothing stands before it in the file.
    first: bool,
    /// Lines after it, of which none was a field.
    debris: usize,
    /// Some of them are not empty.
    text: bool,
}

impl FromCandidate {
    /// True if a message begins with this line.
    fn fits(&self, line: &[u8]) -> bool {
        match self.separator {
            Separator::Dated(_) if self.text => is_known_field(line),
            Separator::Words => is_known_field(line),
            _ => is_field(line),
        }
    }

    /// True if it may be one, though the line after it is no field.
    fn may_wait(&self) -> bool {
        let dated = matches!(self.separator, Separator::Dated(_) | Separator::Patch);
        dated && (self.first || self.blank.is_some()) && self.debris < DEBRIS
    }

    /// True if it begins a message without any content.
    fn is_empty_message(&self) -> bool {
        self.may_wait() && !self.text
    }
}

/// A message whose end is not known yet.
#[derive(Debug)]
struct OpenMessage {
    start: u64,
    line: FromLine,
    /// Length of the line ends that the writer added.
    end: u64,
    /// Its header has not ended.
    in_header: bool,
    /// Its `Content-Length`.
    length: Option<u64>,
    /// Where that leads, if it leads to the end of the message.
    body_end: Option<u64>,
    /// A line of it begins with `From `, so that its writer does not quote.
    unquoted: bool,
}

/// Finds the messages of a file that is fed in pieces of any size.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Splitter {
    line_end: LineEnd,
    at: u64,
    line_start: u64,
    head: Vec<u8>,
    /// Where the line before began, if it is empty.
    blank: Option<u64>,
    /// A line that was not empty has been seen.
    begun: bool,
    candidate: Option<FromCandidate>,
    open: Option<OpenMessage>,
    /// A message has begun.
    any: bool,
    /// The file begins with a message.
    begins: bool,
    /// The file's messages are patches.
    patches: bool,
}

/// What the splitter asks and tells.
struct SplitCallbacks<'a> {
    is_end: &'a mut dyn FnMut(u64) -> bool,
    each: &'a mut dyn FnMut(MboxPart),
}

impl Splitter {
    /// For a file with such line ends.
    #[must_use]
    pub(crate) fn new(line_end: LineEnd) -> Self {
        Self {
            line_end,
            ..Self::default()
        }
    }

    /// Takes the next bytes. `is_end` is asked about a later place in the file, whether a
    /// message ends there ([`is_end_of_message`]).
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        is_end: &mut dyn FnMut(u64) -> bool,
        each: &mut dyn FnMut(MboxPart),
    ) {
        let around = &mut SplitCallbacks { is_end, each };
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(self.line_end.byte(), rest) {
            self.keep(&rest[..end]);
            rest = &rest[end + 1..];
            self.at += end as u64 + 1;
            self.line(around);
        }
        self.keep(rest);
        self.at += rest.len() as u64;
    }

    /// Ends the file.
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(MboxPart)) {
        let around = &mut SplitCallbacks {
            is_end: &mut |_| false,
            each,
        };
        if self.line_start < self.at {
            // The last line has no end.
            self.line(around);
            self.blank = None;
        }
        if let Some(candidate) = self.candidate.take()
            && candidate.is_empty_message()
        {
            self.begin(&candidate, around);
        }
        if self.any {
            self.close(self.at, self.blank, around);
        } else if self.begun {
            (around.each)(MboxPart::Stray { end: self.at });
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// A line has ended at `at`.
    fn line(&mut self, around: &mut SplitCallbacks<'_>) {
        let mut head = std::mem::take(&mut self.head);
        let line = match head.strip_prefix(MARK) {
            Some(rest) if self.line_start == 0 => rest,
            _ => head.as_slice(),
        };
        let is_empty = line.is_empty() || line == b"\r";
        let is_text = !self.decides(line, is_empty, around) && !self.separates(line, around);
        if is_text {
            self.content(line, is_empty, around);
        }
        self.blank = is_empty.then_some(self.line_start);
        self.begun |= !is_empty;
        self.line_start = self.at;
        head.clear();
        self.head = head;
    }

    /// Whether the candidate begins a message is decided by the lines after it. True if this
    /// line needs no further look.
    fn decides(&mut self, line: &[u8], is_empty: bool, around: &mut SplitCallbacks<'_>) -> bool {
        let Some(mut candidate) = self.candidate.take() else {
            return false;
        };
        let is_from = line.starts_with(FROM);
        let at_head = candidate.start == self.line_start;
        if at_head && (line.starts_with(QUOTED) || is_from && self.blank.is_none()) {
            // A second separator in front of the message.
            candidate.start = self.at;
        } else if is_from {
            if candidate.is_empty_message() {
                self.begin(&candidate, around);
            }
            return false;
        } else if candidate.fits(line) {
            if !candidate.text {
                candidate.start = self.line_start;
            }
            self.begin(&candidate, around);
            return false;
        } else if candidate.may_wait() {
            candidate.text |= !is_empty;
            if !candidate.text {
                candidate.start = self.at;
            }
        } else {
            return false;
        }
        candidate.debris += 1;
        if candidate.debris <= DEBRIS {
            self.candidate = Some(candidate);
        }
        true
    }

    /// True if this line separates messages, or may do so.
    fn separates(&mut self, line: &[u8], around: &mut SplitCallbacks<'_>) -> bool {
        if !line.starts_with(FROM) {
            return false;
        }
        if let Some(open) = &mut self.open
            && open.body_end.is_some_and(|end| self.line_start < end)
        {
            open.unquoted = true;
            return false;
        }
        let Some(separator) = Separator::read(line) else {
            return false;
        };
        let first = !self.begun;
        let body_end = self.open.as_ref().and_then(|open| open.body_end);
        let expected = body_end.is_some_and(|end| {
            // The line end before it may be counted or not.
            (end..=end.saturating_add(2)).contains(&self.line_start)
        });
        let apart = first || self.blank.is_some() || expected;
        let candidate = FromCandidate {
            separator,
            at: self.line_start,
            start: self.at,
            blank: self.blank.or(expected.then_some(self.line_start)),
            first,
            debris: 0,
            text: false,
        };
        match separator {
            // What follows is what a server sent, whatever it looks like.
            Separator::Dated(from) if from.tag.ours && apart => {
                self.begin(&candidate, around);
                if let Some(open) = &mut self.open {
                    open.end = if line.ends_with(b"\r") { 2 } else { 1 };
                    open.in_header = false;
                }
            }
            Separator::Patch if !first && !self.patches => return false,
            Separator::Dated(from) if apart || from.date != 0 => self.candidate = Some(candidate),
            _ if apart => self.candidate = Some(candidate),
            _ => return false,
        }
        true
    }

    /// A line of a message, or of what belongs to none.
    fn content(&mut self, line: &[u8], is_empty: bool, around: &mut SplitCallbacks<'_>) {
        if !self.any && !self.begun && is_known_field(line) {
            // The first message has lost its separator.
            self.any = true;
            self.open = Some(OpenMessage::new(self.line_start, FromLine::default()));
        }
        let Some(open) = self.open.as_mut().filter(|open| open.in_header) else {
            return;
        };
        if !is_empty {
            open.length = open.length.or_else(|| content_length(line));
            return;
        }
        open.in_header = false;
        let end = open.length.and_then(|length| self.at.checked_add(length));
        open.body_end = end.filter(|end| (around.is_end)(*end));
    }

    /// A message begins at a line that is taken for a separator.
    fn begin(&mut self, candidate: &FromCandidate, around: &mut SplitCallbacks<'_>) {
        if self.any {
            self.close(candidate.at, candidate.blank, around);
        } else if candidate.first {
            self.begins = true;
            self.patches = candidate.separator == Separator::Patch;
        } else {
            (around.each)(MboxPart::Stray { end: candidate.at });
        }
        self.any = true;
        let line = match candidate.separator {
            Separator::Dated(line) => line,
            _ => FromLine::default(),
        };
        self.open = Some(OpenMessage::new(candidate.start, line));
    }

    fn close(&mut self, end: u64, blank: Option<u64>, around: &mut SplitCallbacks<'_>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let tag = open.line.tag;
        let added = u64::from(tag.open) + u64::from(tag.bare);
        let least = open.start.max(open.body_end.unwrap_or(0));
        let whole = blank.filter(|blank| *blank >= least).unwrap_or(end);
        let end = whole.saturating_sub(added * open.end).max(open.start);
        (around.each)(MboxPart::Message {
            start: open.start,
            end,
            whole,
            line: open.line,
            quoted: !open.unquoted,
        });
    }
}

impl OpenMessage {
    fn new(start: u64, line: FromLine) -> Self {
        Self {
            start,
            line,
            end: 1,
            in_header: true,
            length: None,
            body_end: None,
            unquoted: false,
        }
    }
}

/// True if the text that begins so is an mbox file.
#[must_use]
pub(crate) fn begins(sample: &[u8]) -> bool {
    let mut splitter = Splitter::new(LineEnd::of(sample));
    splitter.push(sample, &mut |_| false, &mut |_| {});
    splitter.finish(&mut |_| {});
    splitter.begins
}

/// True if a message ends where these bytes follow, of a file that ends with them if `last`:
/// the end or a separator comes next, perhaps after empty lines.
#[must_use]
pub(crate) fn is_end_of_message(next: &[u8], last: bool, line_end: LineEnd) -> bool {
    let mut rest = next;
    for _ in 0..2 {
        let after = match line_end {
            LineEnd::Lf => rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")),
            LineEnd::Cr => rest.strip_prefix(b"\r"),
        };
        rest = after.unwrap_or(rest);
    }
    if rest.is_empty() {
        return last;
    }
    let mut lines = rest.split(|b| *b == line_end.byte());
    let is_separator = lines
        .next()
        .is_some_and(|line| Separator::read(line).is_some());
    let next = lines.find(|line| !line.starts_with(QUOTED));
    is_separator && next.is_some_and(is_field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mbox::fuzzing::{assert_split, parts};
    use proptest::prelude::*;

    const LINE: &str = "From ann@example.org Sat Aug  2 10:00:05 2025\n";
    const PATCH: &str = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n";

    /// The messages of a text that is fed in pieces, and how many bytes belong to none.
    fn cut(text: &[u8], size: usize) -> (Vec<String>, u64) {
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (mut found, mut stray) = (Vec::new(), 0);
        for part in parts(text, size) {
            match part {
                MboxPart::Message { start, end, .. } => {
                    let bytes = &text[at(start)..at(end)];
                    found.push(String::from_utf8_lossy(bytes).into_owned());
                }
                MboxPart::Stray { end } => stray = end,
            }
        }
        (found, stray)
    }

    fn messages(text: &str) -> Vec<String> {
        let (found, stray) = cut(text.as_bytes(), 1000);
        assert_eq!(stray, 0, "{text}");
        found
    }

    #[test]
    fn messages_end_at_the_empty_line_before_the_next() {
        let text = format!("{LINE}A: b\n\nx\nFrom here\n\nFrom there\n\n{LINE}\n{LINE}A: c\n\ny");
        let wanted = ["A: b\n\nx\nFrom here\n\nFrom there\n", "", "A: c\n\ny"];
        for size in [1, 7, 1000] {
            assert_eq!(cut(text.as_bytes(), size).0, wanted);
        }
    }

    #[test]
    fn a_separator_may_say_nothing_at_all() {
        for line in [
            "From \r\n",
            "From -\n",
            "From ann@example.org\n",
            "From the scanner on floor 2\n",
            LINE,
        ] {
            let text = format!("{line}To: a\n\nx\n\n{line}To: b\n\ny\n\n");
            assert_eq!(messages(&text), ["To: a\n\nx\n", "To: b\n\ny\n"], "{line}");
        }
    }

    #[test]
    fn a_sentence_is_no_separator() {
        for text in [
            "From \nTo: a\n\nFrom here on:\nPhone: 12\n\nx\n",
            "From \nTo: a\n\nx\nFrom ann@example.org\nTo: b\n",
            "From \nTo: a\n\nx\n\nFrom ann@example.org\n\nTo: b\n",
            "From \nTo: a\n\nx\n\nFrom ann at 10:00:05 2025\nand so on\n\nx\n",
        ] {
            let (_, message) = text.split_once('\n').unwrap_or_default();
            assert_eq!(messages(text), [message]);
        }
    }

    #[test]
    fn a_date_makes_up_for_the_empty_line() {
        let text = format!("{LINE}To: a\n\nx\n{LINE}To: b\n\ny\n");
        assert_eq!(messages(&text), ["To: a\n\nx\n", "To: b\n\ny\n"]);
    }

    #[test]
    fn a_length_counts_where_it_leads_to_the_next_message() {
        let body = format!("x\n\n{LINE}To: c\n\nz\n");
        let head = format!("To: a\nContent-Length: {}\n\n", body.len());
        for end in ["\n", ""] {
            let text = format!("{LINE}{head}{body}{end}{LINE}To: b\n\ny\n");
            let wanted = [format!("{head}{body}"), "To: b\n\ny\n".to_owned()];
            assert_eq!(messages(&text), wanted, "{end:?}");
        }
        // At the end of the file, and not where it leads elsewhere.
        assert_eq!(messages(&format!("{LINE}{head}{body}")).len(), 1);
        for wrong in ["5", "9999", "18446744073709551615"] {
            let head = format!("To: a\nContent-Length: {wrong}\n\n");
            assert_eq!(messages(&format!("{LINE}{head}{body}")).len(), 2, "{wrong}");
        }
    }

    #[test]
    fn patches_are_messages_only_where_the_file_begins_with_one() {
        let patch = format!("{PATCH}From: b@example.org\n\n---\n");
        for line in [LINE, "From \n"] {
            let text = format!("{line}To: a\n\nx\n\n{patch}\n{line}To: b\n\ny\n\n");
            assert_eq!(messages(&text).len(), 2, "{line}");
        }
        assert_eq!(messages(&format!("{patch}\n{patch}\n")).len(), 2);
    }

    #[test]
    fn a_message_begins_at_its_first_field() {
        for debris in ["\n", "\n\n", ">From - Sat Apr 12 2025 15:59:28\n", LINE] {
            let text = format!("{LINE}{debris}To: a\n\nx\n\n{LINE}{debris}To: b\n\ny\n");
            assert_eq!(messages(&text), ["To: a\n\nx\n", "To: b\n\ny\n"]);
        }
        // What is no empty line is kept.
        let text = format!("{LINE}To: a\n\nx\n\n{LINE}some text\nTo: b\n\ny\n");
        assert_eq!(messages(&text)[1], "some text\nTo: b\n\ny\n");
    }

    #[test]
    fn a_file_may_begin_with_something_else() {
        for start in ["\u{feff}", "\n\n", "\u{feff}\r\n"] {
            let text = format!("{start}{LINE}To: a\n\nx\n");
            assert_eq!(messages(&text), ["To: a\n\nx\n"]);
            assert!(begins(text.as_bytes()));
        }
        let text = format!("some text\n\n{LINE}To: a\n\nx\n");
        let wanted = (vec!["To: a\n\nx\n".to_owned()], 11);
        assert_eq!(cut(text.as_bytes(), 9), wanted);
        assert!(!begins(text.as_bytes()));
        // A first message without its separator.
        let text = format!("To: a\n\nx\n\n{LINE}To: b\n\ny\n");
        assert_eq!(messages(&text).len(), 2);
        assert_eq!(cut(b"no mail\n", 9), (vec![], 8));
    }

    #[test]
    fn lines_may_end_in_cr_alone() {
        let text = format!("{LINE}To: a\n\nx\n\n{LINE}To: b\n\ny\n\n").replace('\n', "\r");
        assert_eq!(messages(&text), ["To: a\r\rx\r", "To: b\r\ry\r"]);
    }

    #[test]
    fn what_we_wrote_ourselves_is_not_judged_by_what_it_looks_like() {
        let line = FromLine::default().to_string() + "\n";
        for message in [
            "",
            "x\n",
            "\nTo: a\n",
            ">From x\nTo: a\n",
            "Content-Length: 1\n\nxy\n",
        ] {
            let text = format!("{line}{message}\n{line}To: b\n\n");
            assert_eq!(messages(&text), [message, "To: b\n"]);
        }
    }

    fn separator() -> impl Strategy<Value = String> {
        let lines = vec![
            "From ",
            "From -",
            "From ann@example.org",
            "From - Sat Apr 12 2025 15:59:28",
            "From ann@example.org Sat Aug  2 10:00:05 2025",
            "From ann@example.org Sat, 12 Apr 2025 15:59:28 +0200",
            "From ann@example.org 2025-06-15T10:00:05Z",
            "From 1@xxx Fri May 23 16:35:53 +0000 2025",
        ];
        prop::sample::select(lines).prop_map(str::to_owned)
    }

    fn body() -> impl Strategy<Value = String> {
        let lines = vec![
            "", "text", ">From x", "From: a", "Phone: 1", "--", "Frommer",
        ];
        prop::collection::vec(prop::sample::select(lines), 0..6)
            .prop_map(|lines| lines.join("\n") + "\n")
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_cut(
            words in prop::collection::vec(prop::sample::select(vec![
                LINE, PATCH, "\n", "\r\n", "\r", "x", "From ", "To: a\n", ">From ", "Content-Length: 9\n",
            ]), 0..24),
            size in 1usize..50,
        ) {
            let text = words.concat();
            assert_split(text.as_bytes(), size);
        }

        #[test]
        fn whatever_is_written_with_whatever_separators_comes_back(
            mails in prop::collection::vec((separator(), body()), 1..8),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            length in any::<bool>(),
            size in 1usize..80,
        ) {
            let mut text = String::new();
            let mut wanted = Vec::new();
            for (line, body) in mails {
                let body = body.replace('\n', end);
                let field = if length {
                    format!("Content-Length: {}{end}", body.len())
                } else {
                    String::new()
                };
                let message = format!("Subject: a{end}{field}{end}{body}");
                for piece in [&line[..], end, &message[..], end] {
                    text += piece;
                }
                wanted.push(message);
            }
            prop_assert_eq!(cut(text.as_bytes(), size), (wanted, 0));
            prop_assert!(begins(text.as_bytes()));
        }
    }
}
