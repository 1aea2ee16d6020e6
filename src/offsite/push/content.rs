//! Reading a message for its pack: nothing is packed that does not have its hash.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::offsite::payload::OwedReason;
use crate::offsite::plan::MESSAGE_LIMIT;
use crate::vault::Vault;
use crate::vault::frame::{self, Checker, Flaw};

/// A message that was read and has its hash.
#[derive(Debug)]
pub(super) struct ReadMessage<'c> {
    bytes: MessageBytes<'c>,
    pub(super) mtime: u64,
}

#[derive(Debug)]
enum MessageBytes<'c> {
    Short(&'c [u8]),
    Long(PathBuf),
}

impl<'c> ReadMessage<'c> {
    pub(super) fn open(&self) -> Result<Box<dyn Read + 'c>> {
        match &self.bytes {
            MessageBytes::Short(bytes) => Ok(Box::new(*bytes)),
            MessageBytes::Long(path) => frame::open(path),
        }
    }
}

/// What became of reading a message.
#[derive(Debug)]
pub(super) enum MessageOutcome<'c> {
    /// It is good.
    Good(ReadMessage<'c>),
    /// It was lost or forgotten meanwhile.
    Gone,
    /// It cannot be had.
    Owed(OwedReason),
}

/// Reads a message from the first of its files that is good.
pub(super) fn read_message<'c>(
    vault: &Vault,
    checker: &'c mut Checker,
    hash: Hash128,
) -> Result<MessageOutcome<'c>> {
    let Some((name, paths)) = vault.content_files(hash)? else {
        return Ok(MessageOutcome::Gone);
    };
    if name.size > MESSAGE_LIMIT {
        return Ok(MessageOutcome::Owed(OwedReason::TooLarge));
    }
    let mut reason = OwedReason::Missing;
    for path in paths {
        let short = checker.read(&path, hash, name.size);
        if !short {
            match frame::check(&path, hash, name.size) {
                Ok(()) => {}
                Err(Flaw::Missing) => continue,
                Err(Flaw::Unreadable(_)) => {
                    reason = OwedReason::Unreadable;
                    continue;
                }
                Err(Flaw::Altered) => {
                    reason = OwedReason::Damaged;
                    continue;
                }
            }
        }
        let mtime = mtime(&path)?;
        let bytes = if short {
            MessageBytes::Short(checker.content())
        } else {
            MessageBytes::Long(path)
        };
        return Ok(MessageOutcome::Good(ReadMessage { bytes, mtime }));
    }
    Ok(MessageOutcome::Owed(reason))
}

fn mtime(path: &Path) -> Result<u64> {
    let modified = fsx::look(path)?.and_then(|meta| meta.modified().ok());
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(since.map_or(0, |since| since.as_secs()))
}
