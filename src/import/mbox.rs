//! Where messages begin and end in an mbox file.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::mbox::FromLine;

/// More of a line is not needed to know it.
const HEAD: usize = 520;

/// Calls `each` with first and last byte (exclusive) of every message, without the empty
/// line that ends it and what was added to it, and with the line that begins it.
pub(super) fn scan(
    path: &Path,
    stop: &AtomicBool,
    each: &mut dyn FnMut(u64, u64, FromLine),
) -> Result<()> {
    let mut file = BufReader::with_capacity(256 << 10, fsx::open(path)?);
    let mut scan = Scan::default();
    loop {
        let chunk = match file.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::file("read", path, e)),
        };
        let length = chunk.len();
        if length == 0 {
            break;
        }
        scan.push(chunk, each);
        file.consume(length);
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    scan.finish(each);
    Ok(())
}

/// A message whose end is not known yet.
#[derive(Debug)]
struct Open {
    start: u64,
    line: FromLine,
    /// Length of the line ends that the writer added.
    end: u64,
}

#[derive(Debug, Default)]
struct Scan {
    at: u64,
    line_start: u64,
    head: Vec<u8>,
    /// Where the line before began, if it is empty.
    blank: Option<u64>,
    open: Option<Open>,
}

impl Scan {
    fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(u64, u64, FromLine)) {
        let mut rest = chunk;
        while let Some(lf) = memchr::memchr(b'\n', rest) {
            self.keep(&rest[..lf]);
            rest = &rest[lf + 1..];
            self.at += lf as u64 + 1;
            self.line(each);
        }
        self.keep(rest);
        self.at += rest.len() as u64;
    }

    fn keep(&mut self, part: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// A line has ended at `at`.
    fn line(&mut self, each: &mut dyn FnMut(u64, u64, FromLine)) {
        let first = self.line_start == 0;
        let begins = (first || self.blank.is_some()).then(|| FromLine::parse(&self.head));
        if let Some(line) = begins.flatten() {
            self.close(self.line_start, each);
            self.open = Some(Open {
                start: self.at,
                line,
                end: if self.head.ends_with(b"\r") { 2 } else { 1 },
            });
            self.blank = None;
        } else {
            let empty = self.head.is_empty() || self.head == b"\r";
            self.blank = empty.then_some(self.line_start);
        }
        self.head.clear();
        self.line_start = self.at;
    }

    fn finish(&mut self, each: &mut dyn FnMut(u64, u64, FromLine)) {
        if self.line_start < self.at {
            // The last line has no end.
            self.blank = None;
        }
        self.close(self.at, each);
    }

    fn close(&mut self, end: u64, each: &mut dyn FnMut(u64, u64, FromLine)) {
        let Some(open) = self.open.take() else {
            return;
        };
        let tag = open.line.tag;
        let added = u64::from(tag.open) + u64::from(tag.bare);
        let end = self
            .blank
            .filter(|blank| *blank >= open.start)
            .unwrap_or(end);
        let end = end.saturating_sub(added * open.end).max(open.start);
        each(open.start, end, open.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let (mut scan, mut found) = (Scan::default(), Vec::new());
        let mut each = |start: u64, end: u64, _| {
            let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            found.push(text[at(start)..at(end)].to_vec());
        };
        for chunk in text.chunks(size) {
            scan.push(chunk, &mut each);
        }
        scan.finish(&mut each);
        found
    }

    const LINE: &str = "From ann@example.org Sat Aug  2 10:00:05 2025\n";

    #[test]
    fn messages_end_at_the_empty_line_before_the_next() {
        let text = format!("{LINE}A: b\n\nx\nFrom here\n\nFrom there\n\n{LINE}\n{LINE}A: c\n\ny");
        // A From line counts behind an empty line only, so the third begins nothing
        // unless the second message, which is empty, ended with one.
        let wanted: [&[u8]; 3] = [b"A: b\n\nx\nFrom here\n\nFrom there\n", b"", b"A: c\n\ny"];
        for size in [1, 7, 1000] {
            assert_eq!(cut(text.as_bytes(), size), wanted);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_cut(
            words in prop::collection::vec(prop::sample::select(vec![LINE, "\n", "\r\n", "x", "From "]), 0..20),
            size in 1usize..50,
        ) {
            let text = words.concat();
            prop_assert_eq!(cut(text.as_bytes(), size), cut(text.as_bytes(), 4000));
        }
    }
}
