//! Whether the size that a server lists is that of the message that was received.
//!
//! Sizes are a proof of completeness only if every difference has a reason: a server
//! that counts line ends as one octet, the final line end that POP3 forces on a message
//! (RFC 1939 s.3), status fields that the server adds or rewrites. To the octet, or not
//! at all.

use std::io::{self, Read};

use crate::message::{HEADER_LIMIT, status_octets};

/// What the sizes of a message follow from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Octets received.
    pub(super) size: u64,
    /// Line ends of CR and LF.
    pub(super) crlf: u64,
    /// LF without a CR before it.
    pub(super) bare: u64,
    /// Octets of its status fields, and their lines.
    pub(super) status: (u64, u64),
    /// True if it ends with CR and LF.
    pub(super) ended: bool,
}

impl Shape {
    /// Reads a message to its end.
    pub(super) fn of(mut message: impl Read) -> io::Result<Self> {
        let mut header = Vec::new();
        message
            .by_ref()
            .take(HEADER_LIMIT)
            .read_to_end(&mut header)?;
        let mut shape = Self {
            status: status_octets(&header),
            ..Self::default()
        };
        let mut last = 0;
        shape.add(&header, &mut last);
        drop(header);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match message.read(&mut buffer)? {
                0 => return Ok(shape),
                n => shape.add(&buffer[..n], &mut last),
            }
        }
    }

    fn add(&mut self, bytes: &[u8], last: &mut u8) {
        let mut before = *last;
        for &byte in bytes {
            if byte == b'\n' {
                if before == b'\r' {
                    self.crlf += 1;
                } else {
                    self.bare += 1;
                }
            }
            self.ended = byte == b'\n' && before == b'\r';
            before = byte;
        }
        *last = before;
        self.size += bytes.len() as u64;
    }

    /// True if a server that sent this message may well list it with so many octets,
    /// now that its status fields there are as in `status`.
    pub(super) fn explains(&self, listed: u64, status: (u64, u64)) -> bool {
        let seen = self.status;
        let plain = self.size.saturating_sub(seen.0);
        // Without status fields; octets of a final line end; octets less a line.
        let ways = [
            (plain, 2, 0),
            (plain + self.bare, 2, 0),
            ((plain + seen.1).saturating_sub(self.crlf), 1, 1),
        ];
        // The listing may count the status fields that came, those of now, or none.
        ways.iter().any(|(octets, end, less)| {
            [(0, 0), seen, status].iter().any(|counted| {
                let whole = octets + counted.0 - less * counted.1;
                listed == whole || self.ended && listed + end == whole
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NONE: (u64, u64) = (0, 0);

    fn shape(message: &[u8]) -> Shape {
        Shape::of(message).unwrap()
    }

    #[test]
    fn an_exact_size_needs_no_explanation() {
        let mail = b"Subject: a\r\n\r\nbody\r\n";
        assert!(shape(mail).explains(20, NONE));
        assert!(!shape(mail).explains(21, NONE));
        assert!(!shape(mail).explains(19, NONE));
    }

    #[test]
    fn a_server_may_count_line_ends_as_one_octet() {
        assert!(shape(b"Subject: a\r\n\r\nbody\r\n").explains(17, NONE));
    }

    #[test]
    fn pop3_forces_a_final_line_end() {
        assert!(shape(b"Subject: a\r\n\r\nbody\r\n").explains(18, NONE));
        assert!(shape(b"Subject: a\r\n\r\nbody\r\n").explains(16, NONE));
        assert!(!shape(b"Subject: a\r\n\r\nbody").explains(15, NONE));
    }

    #[test]
    fn status_fields_come_and_go() {
        let plain = shape(b"Subject: a\r\n\r\nbody\r\n");
        assert!(plain.explains(20 + 12, (12, 1)), "added since");
        assert!(
            plain.explains(17 + 11, (12, 1)),
            "the same, counted by lines"
        );
        let stamped = shape(b"Status: RO\r\nSubject: a\r\n\r\nbody\r\n");
        assert!(
            stamped.explains(20, NONE),
            "the listing does not count them"
        );
        assert!(stamped.explains(32, (12, 1)));
        assert!(!stamped.explains(25, (12, 1)));
    }

    #[test]
    fn an_empty_or_cut_message_explains_nothing() {
        assert!(!shape(b"").explains(20, NONE));
        assert!(!shape(b"Subject: a\r\n\r\n").explains(20, NONE));
    }

    #[test]
    fn bare_line_ends_may_count_twice() {
        assert!(shape(b"Subject: a\r\n\r\nb\nc\r\n").explains(20, NONE));
    }
}
