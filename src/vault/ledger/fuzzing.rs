//! What holds for any line of a ledger, for unit tests and for `fuzz/`.

use super::chain::{Chain, Span};
use super::decode::{DecodedLine, Fault, decode};
use super::encode::{encode, encode_open};
use super::line::{self, Checksum, LineWriter, split};

/// Any lines: as they are, as what a checksum was made of, and as fields after the usual head.
pub(crate) fn assert_any(text: &[u8]) {
    let mut chain = Chain {
        prev: Some(Checksum::START),
        seq: None,
        gap: false,
    };
    let mut mark = Checksum::START;
    for line in text.split(|byte| *byte == b'\n') {
        line::assert_any(line);
        assert_any_body(line);
        let head = b"{\"v\":1,\"seq\":1,\"t\":\"2026-11-22T18:00:00.000Z\",\"ev\":";
        assert_any_body(&[head, line].concat());
        mark = mark.next(line);
        let whole = [line, b",\"c\":\"", mark.as_str().as_bytes(), b"\"}"].concat();
        let before = chain.seq;
        let followed = chain.follow(&whole, Span::of_line(whole.len()));
        match followed {
            Ok(line) => assert!(before.is_none_or(|before| before < line.seq())),
            Err(_) => assert!(chain.gap && chain.seq == before),
        }
        assert_eq!(chain.prev, Some(mark));
    }
    assert_any_text(text);
}

/// A body that is a line is written so that it reads as the same line.
pub(super) fn assert_any_body(body: &[u8]) {
    match decode(body) {
        Ok(read) => {
            let once = written(&read);
            let again = decode(body_of(&once));
            let again = again.expect("what was written can be read");
            // A long reply is cut when it is written.
            assert_eq!(written(&again), once);
            assert!(again == read || body.len() > SHORT, "{again:?} {read:?}");
        }
        Err(Fault::Later(version)) => assert!(version > 1),
        Err(Fault::Bad) => {}
    }
}

/// No reply is cut in a shorter body.
const SHORT: usize = 512;

fn written(line: &DecodedLine) -> Vec<u8> {
    let mut out = Vec::new();
    match line {
        DecodedLine::Open { seq, time, open } => encode_open(&mut out, *seq, *time, open),
        DecodedLine::Entry(entry) => {
            let start = Checksum::START;
            encode(&mut out, entry.seq, entry.time, &entry.event, start)
        }
        DecodedLine::Masked { .. } => unreachable!("its checksum is wrong"),
    };
    out
}

fn body_of(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").and_then(split);
    line.expect("a written line has a checksum and an end").0
}

/// Any bytes come back as the value of a field, and are printable in the line.
pub(super) fn assert_any_text(value: &[u8]) {
    let mut out = Vec::new();
    let mut line = LineWriter::new(&mut out, 1, 0, "x");
    line.text("s", value);
    let mark = line.finish(Checksum::START);
    assert!(out.iter().all(|byte| matches!(byte, 0x20..=0x7e | b'\n')));
    let whole = out.strip_suffix(b"\n").and_then(split);
    let (body, found) = whole.expect("a written line has a checksum and an end");
    assert_eq!(found, mark);
    let fields = line::Fields::parse(body);
    let read = fields.and_then(|mut fields| fields.bytes("s"));
    assert_eq!(read.as_deref(), Some(value));
}
