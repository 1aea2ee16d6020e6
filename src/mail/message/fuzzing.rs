//! What holds for any message, for unit tests and for `fuzz/`.

use super::{Digest, Envelope, HEADER_LIMIT, Hash128, Scanner, header_hash, naive, status_octets};

/// Any bytes as a message, which says itself where it is cut and how long its header may be.
pub(crate) fn assert_any(message: &[u8]) {
    let cuts: Vec<usize> = message.iter().take(8).map(|b| usize::from(*b)).collect();
    let limit = message.last().map_or(HEADER_LIMIT, |byte| u64::from(*byte));
    assert_any_cut(message, &cuts, HEADER_LIMIT);
    assert_any_cut(message, &cuts, limit);
    assert_survives_top(message);
    assert!(status_octets(message).0 <= 3 * message.len() as u64);
}

/// In any pieces a message is as the page on the format says.
pub(super) fn assert_any_cut(message: &[u8], cuts: &[usize], limit: u64) {
    let digest = scan_cut(message, cuts, limit);
    assert_as_the_page_says(message, &digest, limit);
    assert_eq!(digest, scan_cut(message, &[], limit));
    assert_eq!(digest, scan_cut(message, &vec![1; message.len()], limit));
}

/// The header that TOP would give has the header hash of the message.
pub(super) fn assert_survives_top(message: &[u8]) {
    let mut top = Vec::new();
    for line in naive::parse(message).lines {
        top.extend(line);
        top.extend(b"\r\n");
    }
    top.extend(b"\r\n");
    assert_eq!(scan(message).header, header_hash(&top));
}

/// What is known of a message.
pub(super) fn scan(message: &[u8]) -> Digest {
    let mut scanner = Scanner::new();
    scanner.update(message);
    scanner.finish()
}

/// The same of a message that is fed in pieces.
pub(super) fn scan_cut(message: &[u8], cuts: &[usize], limit: u64) -> Digest {
    let mut scanner = Scanner::new();
    scanner.header_limit = limit;
    // Messages before this one leave no trace.
    for before in [
        &b"Date: 1 Jan 2001 00:00 Z\r\nMessage-ID: 1\n\nx\n\n"[..],
        b"X-UIDL: 7\r",
    ] {
        scanner.update(before);
        scanner.finish();
    }
    let mut rest = message;
    for cut in cuts {
        let (now, later) = rest.split_at(cut % (rest.len() + 1));
        scanner.update(now);
        rest = later;
    }
    scanner.update(rest);
    scanner.finish()
}

/// All is as the plainest reading has it.
pub(super) fn assert_as_the_page_says(message: &[u8], digest: &Digest, limit: u64) {
    assert_eq!(digest.hash, Hash128::of(message));
    assert_eq!(digest.size, message.len() as u64);
    assert_eq!(digest.wire, naive::wire(message));
    assert_eq!(digest.header, naive::header(message));
    assert_eq!(digest.header, header_hash(message));
    if naive::parse(message).header_size as u64 > limit {
        assert_eq!(digest.likeness, None);
        assert_eq!(digest.mid, None);
        assert_eq!((digest.received, digest.date), (0, 0));
        assert_eq!(digest.envelope, Envelope::default());
    } else {
        assert_eq!(digest.likeness, naive::likeness(message));
        assert_eq!(digest.mid, naive::mid(message));
        assert_eq!(digest.envelope.from, naive::first(message, "from"));
        assert_eq!(digest.envelope.to, naive::first(message, "to"));
        assert_eq!(digest.envelope.subject, naive::first(message, "subject"));
        assert_eq!(digest.envelope.date, naive::first(message, "date"));
    }
}
