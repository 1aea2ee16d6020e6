//! Quoting of lines that would begin a message.

use super::FROM;

/// Where in a line a filter for quotes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Within `>`s at its start; so many letters of `From ` followed.
    Start(usize),
    /// After that.
    Text,
}

/// Puts one more `>` before each line that begins with `From ` after any number of `>`.
#[derive(Debug)]
pub(crate) struct Quoter(At);

impl Default for Quoter {
    fn default() -> Self {
        Self(At::Start(0))
    }
}

impl Quoter {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.0 {
                At::Text => {
                    rest = through_line(rest, out, &mut self.0);
                    continue;
                }
                At::Start(0) if byte == b'>' => out.push(byte),
                At::Start(n) if byte == FROM[n] => {
                    self.0 = At::Start(n + 1);
                    if n + 1 == FROM.len() {
                        out.push(b'>');
                        out.extend_from_slice(FROM);
                        self.0 = At::Text;
                    }
                }
                At::Start(n) => {
                    out.extend_from_slice(&FROM[..n]);
                    self.0 = At::Text;
                    continue;
                }
            }
            rest = after;
        }
    }

    /// Ends the message.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if let At::Start(n) = self.0 {
            out.extend_from_slice(&FROM[..n]);
        }
        *self = Self::default();
    }
}

/// Takes one `>` away where [`Quoter`] put it.
#[derive(Debug)]
pub(crate) struct Unquoter {
    at: At,
    /// A `>` was held back.
    held: bool,
    /// Lines with more than one `>` were never quoted (mboxo).
    once: bool,
    /// More than one `>` was seen in this line.
    several: bool,
}

impl Unquoter {
    /// `once`: the writer quoted only lines that begin with `From ` itself (mboxo).
    #[must_use]
    pub(crate) fn new(once: bool) -> Self {
        Self {
            at: At::Start(0),
            held: false,
            once,
            several: false,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.at {
                At::Text => {
                    rest = through_line(rest, out, &mut self.at);
                    continue;
                }
                At::Start(0) if byte == b'>' => {
                    if self.held {
                        self.several = true;
                        out.push(byte);
                    }
                    self.held = true;
                }
                At::Start(n) if byte == FROM[n] && (n > 0 || self.held) => {
                    self.at = At::Start(n + 1);
                    if n + 1 == FROM.len() {
                        if self.once && self.several {
                            out.push(b'>');
                        }
                        out.extend_from_slice(FROM);
                        self.leave();
                    }
                }
                At::Start(n) => {
                    self.let_go(n, out);
                    continue;
                }
            }
            rest = after;
        }
    }

    /// Ends the message.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if let At::Start(n) = self.at {
            self.let_go(n, out);
        }
        *self = Self::new(self.once);
    }

    fn let_go(&mut self, letters: usize, out: &mut Vec<u8>) {
        if self.held {
            out.push(b'>');
        }
        out.extend_from_slice(&FROM[..letters]);
        self.leave();
    }

    fn leave(&mut self) {
        self.at = At::Text;
        self.held = false;
        self.several = false;
    }
}

/// Copies the rest of a line; gives what is behind it.
fn through_line<'a>(bytes: &'a [u8], out: &mut Vec<u8>, at: &mut At) -> &'a [u8] {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |lf| {
        *at = At::Start(0);
        lf + 1
    });
    out.extend_from_slice(&bytes[..end]);
    &bytes[end..]
}
