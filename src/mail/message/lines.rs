//! A message as lines, cut from slices that end anywhere; and the header hash, which is made of
//! lines alone.

use memchr::memchr;

use super::Hash128;
use super::spool::Spool;

/// A line or a part of one, without its ending.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a [u8],
    /// Whether the line ends here.
    pub(super) ended: bool,
}

/// Cuts slices into lines. A line ends at LF and one CR before it belongs to the ending, also when
/// a slice ends between the two.
#[derive(Default)]
pub(super) struct Lines {
    /// The last byte was a CR, not given out yet.
    held_cr: bool,
    ends: u64,
    bare: u64,
}

impl Lines {
    /// Takes the next piece from the front of `rest`; `None` if that is empty.
    #[inline]
    pub(super) fn cut<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Piece<'a>> {
        let first = *rest.first()?;
        if self.held_cr {
            self.held_cr = false;
            if first != b'\n' {
                return Some(piece(b"\r", false));
            }
            *rest = &rest[1..];
            self.ends += 1;
            return Some(piece(b"", true));
        }
        if let Some(at) = memchr(b'\n', rest) {
            let line = &rest[..at];
            *rest = &rest[at + 1..];
            self.ends += 1;
            let text = line.strip_suffix(b"\r").unwrap_or_else(|| {
                self.bare += 1;
                line
            });
            return Some(piece(text, true));
        }
        let text = rest.strip_suffix(b"\r").unwrap_or(rest);
        self.held_cr = text.len() < rest.len();
        *rest = &[];
        Some(piece(text, false))
    }

    /// What is still to come when the message has ended: a CR at its very end is content.
    pub(super) fn last(&mut self) -> Option<Piece<'static>> {
        std::mem::take(&mut self.held_cr).then_some(piece(b"\r", false))
    }

    /// How many LF so far had a CR before them.
    pub(super) fn crlf(&self) -> u64 {
        self.ends - self.bare
    }

    /// How many LF so far had no CR before them.
    pub(super) fn bare(&self) -> u64 {
        self.bare
    }
}

fn piece(text: &[u8], ended: bool) -> Piece<'_> {
    Piece { text, ended }
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Fields that servers rewrite under an unchanged message.
const STATUS: [&[u8]; 6] = [
    b"status",
    b"x-status",
    b"x-uid",
    b"x-uidl",
    b"x-imapbase",
    b"x-keywords",
];
const LONGEST: usize = 10;

fn is_status(name: &[u8]) -> bool {
    STATUS.iter().any(|s| s.eq_ignore_ascii_case(name))
}

/// True for the first line of a status field.
pub(super) fn is_status_field(line: &[u8]) -> bool {
    line.iter().position(|&b| b == b':').is_some_and(|at| {
        let name = &line[..at];
        let end = name
            .iter()
            .rposition(|&b| !is_blank(b))
            .map_or(0, |n| n + 1);
        is_status(&name[..end])
    })
}

/// What is known of the current line.
enum LineKind {
    /// Nothing: it has not begun.
    Start,
    /// It may be a status field; its beginning waits in `name`.
    Name,
    /// A status name and blanks, hashed for the time being: no colon yet. Holds the hash before it.
    Blanks(Box<blake3::Hasher>),
    Keep,
    Drop,
}

/// The hash of a header's lines less the status fields, whatever their endings were.
pub(super) struct HeaderHash {
    spool: Spool,
    line: LineKind,
    /// Whether continuation lines belong to a status field.
    dropping: bool,
    /// Never more than `LONGEST` bytes.
    name: Vec<u8>,
    /// Octets of the current line so far.
    length: u64,
    /// Octets of the status fields so far, each line ended CRLF, and their lines.
    status: (u64, u64),
}

impl HeaderHash {
    pub(super) fn new() -> Self {
        Self {
            spool: Spool::new(),
            line: LineKind::Start,
            dropping: false,
            name: Vec::with_capacity(LONGEST),
            length: 0,
            status: (0, 0),
        }
    }

    /// Takes the next piece; true if it is the empty line that ends the header.
    pub(super) fn piece(&mut self, piece: Piece<'_>) -> bool {
        let Piece { mut text, ended } = piece;
        if matches!(self.line, LineKind::Start) {
            let Some(&first) = text.first() else {
                return ended;
            };
            self.line = self.begin(first);
        }
        self.length += text.len() as u64;
        if matches!(self.line, LineKind::Name) {
            text = self.read_name(text, ended);
        }
        if matches!(self.line, LineKind::Blanks(_)) {
            text = self.read_blanks(text, ended);
        }
        if ended {
            self.dropping = matches!(self.line, LineKind::Drop);
            if self.dropping {
                self.status.0 += self.length + 2;
                self.status.1 += 1;
            } else {
                self.spool.push(text);
                self.spool.push(b"\r\n");
            }
            self.length = 0;
            self.line = LineKind::Start;
        } else if matches!(self.line, LineKind::Keep) {
            self.spool.push(text);
        }
        false
    }

    fn begin(&mut self, first: u8) -> LineKind {
        match first {
            b' ' | b'\t' if self.dropping => LineKind::Drop,
            b's' | b'S' | b'x' | b'X' => {
                self.name.clear();
                LineKind::Name
            }
            _ => LineKind::Keep,
        }
    }

    /// Reads on in a name until it is clear whether it is one of ours; returns what follows.
    fn read_name<'a>(&mut self, text: &'a [u8], ended: bool) -> &'a [u8] {
        let room = text.len().min(LONGEST - self.name.len());
        let end = text[..room]
            .iter()
            .position(|&b| b == b':' || is_blank(b))
            .unwrap_or(room);
        let (name, after) = text.split_at(end);
        self.name.extend_from_slice(name);
        match after.first() {
            Some(b':') if is_status(&self.name) => self.line = LineKind::Drop,
            Some(&b) if is_blank(b) && is_status(&self.name) => {
                self.line = LineKind::Blanks(self.spool.save());
                self.spool.push(&self.name);
            }
            None if !ended => {}
            _ => {
                self.line = LineKind::Keep;
                self.spool.push(&self.name);
            }
        }
        after
    }

    /// Reads on in the blanks between a status name and its colon; returns what follows.
    fn read_blanks<'a>(&mut self, text: &'a [u8], ended: bool) -> &'a [u8] {
        let end = text
            .iter()
            .position(|&b| !is_blank(b))
            .unwrap_or(text.len());
        let (blanks, after) = text.split_at(end);
        self.spool.push(blanks);
        if after.is_empty() && !ended {
            return after;
        }
        let before = std::mem::replace(&mut self.line, LineKind::Keep);
        if let (Some(b':'), LineKind::Blanks(saved)) = (after.first(), before) {
            self.spool.restore(saved);
            self.line = LineKind::Drop;
        }
        after
    }

    /// The hash, and the octets and lines of the status fields; ready for the next header
    /// then.
    pub(super) fn finish(&mut self) -> (Hash128, (u64, u64)) {
        if !matches!(self.line, LineKind::Start) {
            self.piece(piece(b"", true));
        }
        self.dropping = false;
        self.spool.push(b"\r\n");
        (self.spool.finish(), std::mem::take(&mut self.status))
    }
}
