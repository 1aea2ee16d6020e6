//! What holds for any mbox file, for unit tests and for `fuzz/`.

use super::{
    FromLine, LineEnd, MboxPart, Quoter, Separator, Splitter, ToLf, Unquoter, is_end_of_message,
    to_crlf,
};

/// Any bytes as a file, as a message, and as lines that may separate some. The first two say how
/// it is cut.
pub(crate) fn assert_any(file: &[u8]) {
    let size = |at: usize| file.get(at).map_or(1, |byte| usize::from(*byte) + 1);
    assert_split(file, size(0));
    assert_quoted(file, size(0), size(1));
    assert_turned(file, size(0));
    for line in file.split(|byte| *byte == b'\n') {
        let line = [super::FROM, line].concat();
        if let Some(Separator::Dated(FromLine { tag, date })) = Separator::read(&line)
            && tag.ours
        {
            let written = FromLine { tag, date }.to_string();
            let again = Separator::read(written.as_bytes());
            assert_eq!(again, Some(Separator::Dated(FromLine { tag, date })));
        }
    }
}

/// The parts of a file that is fed in pieces.
pub(super) fn parts(file: &[u8], size: usize) -> Vec<MboxPart> {
    let line_end = LineEnd::of(file);
    let mut splitter = Splitter::new(line_end);
    let mut found = Vec::new();
    let mut is_end = |end: u64| {
        let next = usize::try_from(end).ok().and_then(|end| file.get(end..));
        next.is_some_and(|next| is_end_of_message(next, true, line_end))
    };
    for chunk in file.chunks(size) {
        splitter.push(chunk, &mut is_end, &mut |part| found.push(part));
    }
    splitter.finish(&mut |part| found.push(part));
    found
}

/// Where a file is cut does not matter, and its messages follow each other within it.
pub(super) fn assert_split(file: &[u8], size: usize) {
    let found = parts(file, size);
    assert_eq!(found, parts(file, file.len() + 1));
    let mut at = 0;
    for (n, part) in found.iter().enumerate() {
        match *part {
            MboxPart::Message {
                start, end, whole, ..
            } => {
                assert!(at <= start && start <= end && end <= whole, "{found:?}");
                at = end;
            }
            MboxPart::Stray { end } => {
                assert!(n == 0 && at <= end, "{found:?}");
                at = end;
            }
        }
    }
    assert!(at <= file.len() as u64, "{found:?}");
}

/// What is quoted begins no message, and comes back.
pub(super) fn assert_quoted(text: &[u8], cut: usize, other: usize) {
    let quoted = quoted(text, cut);
    let mut lines = quoted.split(|byte| *byte == b'\n');
    assert!(!lines.any(|line| line.starts_with(super::FROM)));
    assert_eq!(unquoted(&quoted, other, false), text);
}

/// Line ends that are turned come back.
pub(super) fn assert_turned(text: &[u8], cut: usize) {
    let mut crlf = Vec::new();
    to_crlf(text, &mut crlf);
    let (mut filter, mut lf) = (ToLf::default(), Vec::new());
    for piece in crlf.chunks(cut) {
        filter.push(piece, &mut lf);
    }
    filter.finish(&mut lf);
    assert_eq!(lf, text);
}

/// A text with its lines quoted, fed in pieces.
pub(super) fn quoted(bytes: &[u8], cut: usize) -> Vec<u8> {
    let (mut quoter, mut out) = (Quoter::default(), Vec::new());
    for piece in bytes.chunks(cut) {
        quoter.push(piece, &mut out);
    }
    quoter.finish(&mut out);
    out
}

/// A text with its quotes undone, fed in pieces.
pub(super) fn unquoted(bytes: &[u8], cut: usize, once: bool) -> Vec<u8> {
    let (mut unquoter, mut out) = (Unquoter::new(once), Vec::new());
    for piece in bytes.chunks(cut) {
        unquoter.push(piece, &mut out);
    }
    unquoter.finish(&mut out);
    out
}
