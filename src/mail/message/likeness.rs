//! Likeness: the hash that two deliveries of one mail share (docs/FORMAT.md, "Likeness").

use super::Hash128;
use super::lines::Piece;
use super::spool::Spool;

/// The likeness of one message after another: its sorted fields, then the lines of its header
/// that are no field, then its body.
pub(super) struct Likeness {
    spool: Spool,
    begun: bool,
    /// Line ends not hashed yet, as they may be the last ones.
    newlines: u64,
}

impl Likeness {
    pub(super) fn new() -> Self {
        Self {
            spool: Spool::new(),
            begun: false,
            newlines: 0,
        }
    }

    /// Takes the next field, `name:value`.
    pub(super) fn field(&mut self, field: &[u8]) {
        self.begin();
        self.spool.push(field);
        self.spool.push(b"\n");
    }

    /// Takes the next line of the header that is no field.
    pub(super) fn stray(&mut self, line: &[u8]) {
        self.field(line);
    }

    /// Ends the header.
    pub(super) fn end_header(&mut self) {
        self.begin();
        self.spool.push(b"\n");
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.spool.push(b"mailvault likeness 3\n");
        }
    }

    /// Takes the next piece of the body.
    #[inline]
    pub(super) fn body(&mut self, piece: Piece<'_>) {
        if !piece.text.is_empty() {
            while self.newlines > 0 {
                self.spool.push(b"\n");
                self.newlines -= 1;
            }
            self.spool.push(piece.text);
        }
        self.newlines += u64::from(piece.ended);
    }

    /// The likeness; ready for the next message then.
    pub(super) fn finish(&mut self) -> Hash128 {
        self.begun = false;
        self.newlines = 0;
        self.spool.push(b"\n");
        self.spool.finish()
    }
}
