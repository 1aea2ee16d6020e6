//! What the size of a message follows from, however a server counts it.

use super::lines::Piece;

/// How the octets of a message come about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Number of bytes.
    pub(crate) size: u64,
    /// Line ends of CR and LF.
    pub(crate) crlf: u64,
    /// LF without a CR before it.
    pub(crate) bare: u64,
    /// Octets of its status fields with each line ended CRLF, and their lines.
    pub(crate) status: (u64, u64),
    /// True if it ends with CR and LF.
    pub(crate) ended: bool,
    /// Octets of a first line that begins with `+OK`, with its CRLF; 0 where none does.
    pub(crate) status_line: u64,
}

/// Watches for a first line that is a POP3 status line in a wrong place.
#[derive(Default)]
pub(super) struct FirstLine {
    head: [u8; 3],
    length: u64,
    ended: bool,
}

impl FirstLine {
    #[inline]
    pub(super) fn take(&mut self, piece: Piece<'_>) {
        if self.ended {
            return;
        }
        let at = usize::try_from(self.length).unwrap_or(usize::MAX);
        for (byte, text) in self.head.iter_mut().skip(at).zip(piece.text) {
            *byte = *text;
        }
        self.length += piece.text.len() as u64;
        self.ended = piece.ended;
    }

    pub(super) fn status_line(&self) -> u64 {
        if self.ended && self.head == *b"+OK" {
            self.length + 2
        } else {
            0
        }
    }
}
