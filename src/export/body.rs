//! The bytes of a message on their way out: read once or twice, checked against its id
//! before the first of them is handed on.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::vault::frame::{self, Checker};
use crate::vault::layout::FileName;

/// Messages up to this size are held in memory, larger ones are read twice.
const WHOLE: u64 = 2 << 20;
const CHUNK: usize = 128 << 10;

/// What a form has to know of a message before it writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BodyShape {
    /// Each LF has a CR before it, and LF alone can be turned back into that.
    pub(crate) reversible: bool,
    /// Line ends.
    pub(crate) lines: u64,
    /// It ends with a line end.
    pub(crate) ends: bool,
    /// Something follows the header.
    pub(crate) body: bool,
}

/// A message that can be read.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    path: &'a Path,
    name: &'a FileName,
    checker: &'a mut Checker,
    shape: Option<BodyShape>,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Body<'a> {
    /// The content of a message file; `checker` holds small ones.
    pub(crate) fn new(path: &'a Path, name: &'a FileName, checker: &'a mut Checker) -> Self {
        Self {
            path,
            name,
            checker,
            shape: None,
            stop: None,
        }
    }

    /// The same, but the reading of a large message ends with [`Error::Interrupted`] once `stop` is
    /// set.
    pub(crate) fn until(self, stop: &'a AtomicBool) -> Self {
        Self {
            stop: Some(stop),
            ..self
        }
    }

    /// The file that has it.
    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// Reads and checks it. [`Error::Damaged`] if it is not what its name says.
    pub(crate) fn load(&mut self) -> Result<BodyShape> {
        if let Some(shape) = self.shape {
            return Ok(shape);
        }
        let mut look = Look::default();
        let keep = self.name.size <= WHOLE;
        if keep && self.checker.read(self.path, self.name.hash, self.name.size) {
            look.at(self.checker.content());
            return Ok(*self.shape.insert(look.shape()));
        }
        let mut hasher = blake3::Hasher::new();
        let buffer = self.checker.content();
        buffer.clear();
        let stop = self.stop;
        read(self.path, self.name.size, stop, &mut |piece| {
            hasher.update(piece);
            look.at(piece);
            if keep {
                buffer.extend_from_slice(piece);
            }
            Ok(())
        })?;
        if Hash128::cut(hasher.finalize()) != self.name.hash {
            return Err(damaged(self.path, "it holds other bytes".to_owned()));
        }
        Ok(*self.shape.insert(look.shape()))
    }

    /// Hands on the bytes in pieces.
    pub(crate) fn each(&mut self, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.load()?;
        if self.name.size <= WHOLE {
            return piece(self.checker.content());
        }
        read(self.path, self.name.size, self.stop, piece)
    }

    /// At most the first `limit` bytes.
    pub(crate) fn start(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.load()?;
        if self.name.size <= WHOLE {
            let content = self.checker.content();
            return Ok(content[..content.len().min(limit)].to_vec());
        }
        let mut bytes = Vec::new();
        frame::open(self.path)?
            .take(limit as u64)
            .read_to_end(&mut bytes)
            .map_err(|e| damaged(self.path, e.to_string()))?;
        Ok(bytes)
    }
}

/// Reads at most `size` + 1 bytes.
fn read(
    path: &Path,
    size: u64,
    stop: Option<&AtomicBool>,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut content = match frame::open(path) {
        Ok(content) => content.take(size.saturating_add(1)),
        Err(Error::File { source, .. }) => return Err(damaged(path, source.to_string())),
        Err(Error::Strange { what, .. }) => return Err(damaged(path, format!("it is {what}"))),
        Err(error) => return Err(error),
    };
    let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK) + 1)];
    loop {
        if size > WHOLE && stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(Error::Interrupted);
        }
        match content.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => each(&chunk[..n])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(damaged(path, e.to_string())),
        }
    }
}

fn damaged(path: &Path, detail: String) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        detail,
    }
}

/// Finds out the shape.
#[derive(Debug, Default)]
struct Look {
    lines: u64,
    /// An LF alone, or CR CR LF, was seen.
    odd: bool,
    /// The last two bytes.
    last: [u8; 2],
    /// Bytes of the current line of the header.
    line: usize,
    ended: bool,
    body: bool,
}

impl Look {
    fn at(&mut self, piece: &[u8]) {
        let before = self.last;
        let byte = |at: isize| match usize::try_from(at) {
            Ok(at) => piece[at],
            Err(_) => before[usize::try_from(at + 2).unwrap_or(0)],
        };
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', piece) {
            self.lines += 1;
            let at = lf.cast_signed();
            let cr = byte(at - 1) == b'\r';
            self.odd |= !cr || byte(at - 2) == b'\r';
            if !self.ended {
                let length = self.line + (lf - start);
                self.ended = length == 0 || length == 1 && cr;
                self.line = 0;
                start = lf + 1;
                self.body |= self.ended && start < piece.len();
            }
        }
        if self.ended {
            self.body |= start == 0 && !piece.is_empty();
        } else {
            self.line += piece.len() - start;
        }
        match piece {
            [.., a, b] => self.last = [*a, *b],
            [a] => self.last = [before[1], *a],
            [] => {}
        }
    }

    fn shape(&self) -> BodyShape {
        BodyShape {
            reversible: !self.odd,
            lines: self.lines,
            ends: self.last[1] == b'\n',
            body: self.body,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn shape(message: &[u8], cut: usize) -> BodyShape {
        let mut look = Look::default();
        for piece in message.chunks(cut) {
            look.at(piece);
        }
        look.shape()
    }

    #[test]
    fn a_shape_says_what_can_be_undone() {
        for (message, reversible, ends, body) in [
            (&b"A: b\r\n\r\nc\r\n"[..], true, true, true),
            (b"A: b\r\n\r\nc", true, false, true),
            (b"A: b\r\n\r\n", true, true, false),
            (b"A: b\r\n", true, true, false),
            (b"A: b\n\nc\n", false, true, true),
            (b"A: b\r\r\n", false, true, false),
            (b"\n\n", false, true, true),
            (b"", true, false, false),
        ] {
            let shape = shape(message, 3);
            assert_eq!(
                (shape.reversible, shape.ends, shape.body),
                (reversible, ends, body),
                "{}",
                message.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            words in prop::collection::vec(prop::sample::select(vec!["\r", "\n", "\r\n", "a"]), 0..20),
            cut in 1usize..7,
        ) {
            let message = words.concat().into_bytes();
            prop_assert_eq!(shape(&message, cut), shape(&message, 1000));
            let text = String::from_utf8(message).unwrap();
            let lf = text.replace("\r\n", "\n");
            let back = lf.replace('\n', "\r\n") == text && !lf.contains("\r\n");
            prop_assert_eq!(shape(text.as_bytes(), cut).reversible, back);
        }
    }
}
