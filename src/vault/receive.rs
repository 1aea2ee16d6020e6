//! Taking in a message whose hash is known, as a file that has no name yet.

use std::io::Read;
use std::path::Path;

use super::layout::Layout;
use super::maildir::{Packed, Packer};
use crate::base::error::{Error, Result};
use crate::base::fsx::Staging;
use crate::mail::message::Hash128;

/// Contents of up to this size are read at once.
const AT_ONCE: u64 = 4 << 20;
/// zstd's level, as of a pull.
const LEVEL: i32 = 2;

/// What is known of a message before it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedMessage {
    pub(super) hash: Hash128,
    pub(super) size: u64,
    /// The time of its file, in Unix seconds; 0 if nobody knows.
    pub(super) mtime: u64,
    /// The length that its file should have, if that is possible; 0 for any.
    pub(super) stored: u64,
}

/// Takes in messages, one after another.
#[derive(Debug)]
pub(super) struct Receiver {
    staging: Staging,
    packer: Option<(String, Packer)>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            // A file with a name can be made durable by itself.
            staging: Staging::new(false),
            packer: None,
        }
    }

    /// Takes in a message of this account, whose folder must exist; none if it is another one.
    pub(super) fn take(
        &mut self,
        layout: &Layout,
        account: &str,
        expected: ExpectedMessage,
        content: &mut dyn Read,
    ) -> Result<Option<Packed>> {
        let mut packer = match self.packer.take() {
            Some((of, packer)) if of == account => packer,
            _ => Packer::new(layout, account, LEVEL, &self.staging)?,
        };
        let received = receive(&mut packer, expected, content);
        self.packer = Some((account.to_owned(), packer));
        let received = received?;
        if received.digest.hash != expected.hash {
            received.file.discard()?;
            return Ok(None);
        }
        Ok(Some(received))
    }
}

fn receive(
    packer: &mut Packer,
    expected: ExpectedMessage,
    content: &mut dyn Read,
) -> Result<Packed> {
    let ExpectedMessage {
        hash,
        size,
        mtime,
        stored,
    } = expected;
    let failed = |e| Error::file("read", Path::new(&hash.to_string()), e);
    let date = Some(mtime).filter(|time| *time > 0);
    packer.date(date);
    if size <= AT_ONCE {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(failed)?;
        let whole = packer.whole(&bytes)?;
        if stored == 0 || whole.stored == stored {
            return Ok(whole);
        }
        // A pull writes a message in this way that does not come in one piece.
        packer.date(date);
        let mut once = Some(&bytes);
        let pieces = packer.pieces(&[], || once.take())?;
        let (kept, other) = if pieces.stored == stored {
            (pieces, whole)
        } else {
            (whole, pieces)
        };
        other.file.discard()?;
        return Ok(kept);
    }
    let mut error = None;
    let pieces = packer.pieces(&[], || {
        let mut piece = vec![0; 256 << 10];
        match content.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some(piece)
            }
            Err(e) => {
                error = Some(e);
                None
            }
        }
    })?;
    match error {
        Some(error) => {
            pieces.file.discard()?;
            Err(failed(error))
        }
        None => Ok(pieces),
    }
}
