//! Reading the messages of a window, into packs or, if they are few, into memory.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use super::content::{MessageOutcome, ReadMessage, read_message};
use super::window::WantedMessage;
use super::{HeldMessage, ObjectLoad, Pusher};
use crate::base::error::Error;
use crate::offsite::fault::CopyError;
use crate::offsite::pack::{PackWriter, hex};
use crate::offsite::payload::{OwedMessage, OwedReason, PushError, message_name};
use crate::offsite::plan::{PackPlace, PackPlan};
use crate::vault::frame::Checker;

/// A pack that is being written.
struct OpenPack {
    writer: PackWriter<File>,
    path: PathBuf,
    load: ObjectLoad,
}

impl Pusher<'_> {
    /// Packs messages and puts the packs; between two of them a head if it is time.
    pub(super) fn pack(&mut self, messages: &[WantedMessage]) -> Result<(), CopyError> {
        let mut checker = Checker::default();
        let mut plan = PackPlan::within(self.limits.pack);
        let mut open: Option<OpenPack> = None;
        for message in messages {
            self.check_stop()?;
            let read = match read_message(self.vault, &mut checker, message.hash)? {
                MessageOutcome::Good(read) => read,
                MessageOutcome::Gone => continue,
                MessageOutcome::Owed(reason) => {
                    self.owe(message, reason);
                    continue;
                }
            };
            match plan.place(message.size) {
                PackPlace::Here => {}
                PackPlace::Next => {
                    if let Some(pack) = open.take() {
                        self.close(pack)?;
                        if self.began.elapsed() >= self.limits.time {
                            self.end_round(None, &[], false)?;
                            self.began = std::time::Instant::now();
                        }
                    }
                }
                PackPlace::TooLarge => {
                    self.owe(message, OwedReason::TooLarge);
                    continue;
                }
            }
            let mut pack = match open.take() {
                Some(pack) => pack,
                None => self.open_pack()?,
            };
            add(&mut pack, message, &read)?;
            pack.load.add(message.size);
            self.packed.insert(message.hash);
            open = Some(pack);
        }
        open.map_or(Ok(()), |pack| self.close(pack))
    }

    /// Reads messages that are few into memory.
    pub(super) fn hold(
        &mut self,
        messages: &[WantedMessage],
    ) -> Result<Vec<HeldMessage>, CopyError> {
        let mut checker = Checker::default();
        let mut held = Vec::new();
        for message in messages {
            self.check_stop()?;
            match read_message(self.vault, &mut checker, message.hash)? {
                MessageOutcome::Gone => {}
                MessageOutcome::Owed(reason) => self.owe(message, reason),
                MessageOutcome::Good(read) => {
                    let mut bytes = Vec::new();
                    (read.open()?.take(message.size).read_to_end(&mut bytes)).map_err(
                        |source| {
                            let path = PathBuf::from(hex(&message.hash.0));
                            Error::file("read", &path, source)
                        },
                    )?;
                    held.push(HeldMessage {
                        hash: message.hash,
                        mtime: read.mtime,
                        bytes,
                    });
                }
            }
        }
        Ok(held)
    }

    fn owe(&mut self, message: &WantedMessage, reason: OwedReason) {
        let owed = OwedMessage {
            hash: message.hash,
            reason,
        };
        self.owed.push(owed);
        self.report.owed.push(owed);
    }

    fn open_pack(&self) -> Result<OpenPack, CopyError> {
        let (file, path) = self.spool.begin()?;
        let writer = PackWriter::new(file, self.options.recipients, self.options.level);
        let writer = writer.map_err(|error| CopyError::writing(&path, error.into()))?;
        Ok(OpenPack {
            writer,
            path,
            load: ObjectLoad::default(),
        })
    }

    /// Ends a pack and puts it.
    fn close(&mut self, pack: OpenPack) -> Result<(), CopyError> {
        let OpenPack { writer, path, load } = pack;
        let finished = writer.finish();
        let (file, written) =
            finished.map_err(|error| CopyError::writing(&path, PushError::from(error)))?;
        let object = self.spool.keep_pack(&file, &written, self.keys())?;
        self.send(&object, load)
    }
}

fn add(
    pack: &mut OpenPack,
    message: &WantedMessage,
    read: &ReadMessage<'_>,
) -> Result<(), CopyError> {
    let name = message_name(message.hash);
    let mut bytes = read.open()?;
    let added = (pack.writer).add(&name, message.size, read.mtime, &mut bytes);
    added.map_err(|error| CopyError::writing(&pack.path, error.into()))
}
