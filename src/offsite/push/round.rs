//! One round of a push: packs, then the push with the ledger, then the head.

use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::record::LastHead;
use super::spool::{PositionText, RoundEnd, SpooledObject};
use super::{HeldMessage, ObjectLoad, Pusher};
use crate::base::error::{Error, Result, StoreFault};
use crate::offsite::fault::CopyError;
use crate::offsite::head::{PushHead, head_name};
use crate::offsite::payload::{LedgerPosition, LedgerRange, PushCounts, PushManifest, PushWriter};
use crate::offsite::place::{Confirmation, ObjectName, PutOutcome, SentBytes, SpoolFile};
use crate::vault::ledger::Position;
use crate::vault::now_seconds;

/// Bytes of the ledger that a push takes, with the file that has them.
#[derive(Debug)]
struct LedgerPart {
    file: String,
    range: LedgerRange,
}

/// A ledger file as pushes call it.
fn pushed_name(file: &str) -> String {
    file.rsplit('/').next().unwrap_or(file).to_owned()
}

fn pushed_position(position: &Position) -> LedgerPosition {
    LedgerPosition {
        file: pushed_name(&position.file),
        offset: position.offset,
    }
}

impl Pusher<'_> {
    /// Puts a push and a head for what was packed, and for the ledger up to a place if one is
    /// given.
    pub(super) fn end_round(
        &mut self,
        to: Option<&Position>,
        messages: &[HeldMessage],
        is_last: bool,
    ) -> Result<(), CopyError> {
        let from = self.state.position();
        let parts = match to {
            Some(to) => self.ledger_parts(from.as_ref(), to)?,
            None => Vec::new(),
        };
        let packs = self.spool.packs()?;
        let to_pushed = match to.or(from.as_ref()) {
            Some(to) => pushed_position(to),
            None => self.ledger_begin()?,
        };
        let mut manifest = PushManifest {
            vault: self.state.pseudonym.clone(),
            from: from.as_ref().map(pushed_position),
            to: to_pushed,
            counts: PushCounts {
                messages: messages.len() as u64,
                ledger: parts.iter().map(|part| part.range.length).sum(),
                packs: packs.len() as u64,
                packed: 0,
                owed: self.owed.len() as u64,
            },
        };
        for pack in &packs {
            manifest.counts.packed += self.spool.index(pack)?.members().len() as u64;
        }
        let time = now_seconds();
        let end = self.write_push(&manifest, messages, (&packs, &parts), (to, time))?;
        let mut load = ObjectLoad::default();
        for message in messages {
            load.add(message.bytes.len() as u64);
        }
        self.send(&end.object, load)?;
        let replaces = is_last.then(|| self.replaced(messages)).transpose()?;
        let head = self.head(&packs, &end, time, replaces);
        self.spool.keep_head(&head)?;
        self.report.ledger += manifest.counts.ledger;
        self.finish_round(&head, &end)
    }

    /// Where the ledger begins, for a push that has none of it.
    fn ledger_begin(&self) -> Result<LedgerPosition> {
        let first = self.vault.ledger_files()?.into_iter().next();
        Ok(LedgerPosition {
            file: first.map_or_else(String::new, |file| pushed_name(&file)),
            offset: 0,
        })
    }

    fn ledger_parts(&self, from: Option<&Position>, to: &Position) -> Result<Vec<LedgerPart>> {
        let parts = self.vault.ledger_parts(from, to)?.into_iter();
        let part = |(file, offset, length): (String, u64, u64)| LedgerPart {
            range: LedgerRange {
                file: pushed_name(&file),
                offset,
                length,
            },
            file,
        };
        Ok(parts.map(part).collect())
    }

    fn write_push(
        &self,
        manifest: &PushManifest,
        messages: &[HeldMessage],
        (packs, parts): (&[SpooledObject], &[LedgerPart]),
        (to, time): (Option<&Position>, i64),
    ) -> Result<RoundEnd, CopyError> {
        let (file, path) = self.spool.begin()?;
        let failed = |error| CopyError::writing(&path, error);
        let seconds = u64::try_from(time).unwrap_or(0);
        let options = self.options;
        let writer = PushWriter::new(file, options.recipients, options.level, manifest, seconds);
        let mut writer = writer.map_err(failed)?;
        if let Some(key) = self.vault.tombstone_key()? {
            writer.tombstones(key.bytes_for_copy()).map_err(failed)?;
        }
        for message in messages {
            let length = message.bytes.len() as u64;
            let mut bytes = &message.bytes[..];
            let added = writer.message(message.hash, length, message.mtime, &mut bytes);
            added.map_err(failed)?;
        }
        for pack in packs {
            let id = pack.name.trim_start_matches("packs/");
            let index = self.spool.index(pack)?;
            writer.index(id, &index).map_err(failed)?;
        }
        for owed in &self.owed {
            writer.owed(*owed).map_err(failed)?;
        }
        for LedgerPart { file, range } in parts {
            let bytes = self.vault.ledger_bytes(file, range.offset)?;
            let mut bytes = bytes.take(range.length);
            writer.ledger(range, &mut bytes).map_err(failed)?;
        }
        let (file, written) = writer.finish().map_err(failed)?;
        let hashes = messages.iter().map(|message| message.hash);
        let position = to.map(PositionText::of);
        let end = RoundEnd::new(&written.digests, self.keys(), position, hashes, &self.owed);
        self.spool.keep_push(&file, &end)?;
        Ok(end)
    }

    /// What the last head may replace: objects of an earlier beginning or that are lost there, if
    /// all that they had is there again. The copy may have the only good bytes of a message that
    /// cannot be read here, or is lost.
    pub(super) fn replaced(&self, messages: &[HeldMessage]) -> Result<Vec<String>> {
        let superseded = self.record.superseded()?;
        if superseded.is_empty() || !self.owed.is_empty() || self.vault.has_lost()? {
            return Ok(Vec::new());
        }
        for hash in self.record.owed()? {
            let is_there =
                self.packed.contains(&hash) || messages.iter().any(|held| held.hash == hash);
            // What was forgotten is owed no more.
            if !is_there && self.vault.knows_content(hash)? {
                return Ok(Vec::new());
            }
        }
        Ok(superseded)
    }

    /// The head of a round; the last one has what it may replace.
    fn head(
        &self,
        packs: &[SpooledObject],
        end: &RoundEnd,
        time: i64,
        replaces: Option<Vec<String>>,
    ) -> Vec<u8> {
        let objects = packs.iter().chain([&end.object]);
        let seq = self.state.next_seq();
        let head = PushHead {
            vault: self.state.pseudonym.clone(),
            seq,
            previous: self.state.last.as_ref().map(|last| last.sha256),
            time,
            objects: objects.filter_map(SpooledObject::head_object).collect(),
            whole: replaces.is_some(),
            replaces: replaces.unwrap_or_default(),
            begin: self.state.begin.unwrap_or(seq),
        };
        head.to_bytes()
    }

    /// Puts the head of a round, of which everything else is there, and takes the round in.
    pub(super) fn finish_round(&mut self, bytes: &[u8], end: &RoundEnd) -> Result<(), CopyError> {
        let head = PushHead::parse(bytes)?;
        let path = self.spool.head_path();
        let file = SpoolFile::measure(&path)?;
        if self.state.next_seq() == head.seq {
            let text = head_name(head.seq);
            let name = object_name(&text)?;
            match self.store.put(&name, &file)? {
                PutOutcome::Stored(_) => {}
                PutOutcome::Exists(_) => return Err(CopyError::Forked { seq: head.seq }),
            }
            let last = LastHead {
                seq: head.seq,
                sha256: Sha256::digest(bytes).into(),
                size: file.size,
                md5: file.md5,
                time: head.time,
            };
            let state = self.state.after(end, head.begin, last);
            self.record.commit(&self.spool, end, &state, &head)?;
            self.state = state;
            self.report.heads += 1;
        }
        self.packed.clear();
        self.owed.clear();
        Ok(self.spool.clear()?)
    }

    /// Puts an object of the spool, which has these messages.
    pub(super) fn send(
        &mut self,
        object: &SpooledObject,
        load: ObjectLoad,
    ) -> Result<(), CopyError> {
        let occupied = || CopyError::Occupied {
            name: object.name.clone(),
        };
        let path = self.spool.data(object);
        // What is shown is how much of the mail is there: each byte that is sent is its share.
        let (watch, before) = (self.watch, self.watch.so_far());
        let hear = |sent: u64| watch.reach(before.bytes + load.share(sent, object.size));
        let file = SpoolFile {
            path: &path,
            size: object.size,
            md5: object.head_object().ok_or_else(occupied)?.md5,
            sent: Some(SentBytes(&hear)),
        };
        match self.store.put(&object_name(&object.name)?, &file)? {
            PutOutcome::Stored(confirmation) => {
                self.report.objects += 1;
                self.report.bytes += object.size;
                self.report.size_only += u64::from(confirmation == Confirmation::SizeOnly);
            }
            PutOutcome::Exists(_) => return Err(occupied()),
        }
        self.report.messages += load.messages;
        self.report.octets += load.octets;
        watch.reach(before.bytes + load.octets);
        watch.count(before.messages + load.messages);
        watch.say();
        Ok(self.spool.confirmed(object)?)
    }

    /// Whether the place has an object of the spool, or another one of that name; none if there is
    /// nothing, or the place does not say enough.
    pub(super) fn is_there(&self, object: &SpooledObject) -> Result<Option<bool>, CopyError> {
        let stat = match self.store.head(&object_name(&object.name)?) {
            // Putting it shows whether it is there.
            Err(Error::Store {
                fault: StoreFault::Hidden { .. },
                ..
            }) => None,
            stat => stat?,
        };
        let Some(stat) = stat else {
            return Ok(None);
        };
        if stat.size != object.size {
            return Ok(Some(false));
        }
        let sent = object.head_object().map(|head| head.md5);
        Ok(stat.md5.map(|md5| Some(md5) == sent))
    }
}

pub(super) fn object_name(text: &str) -> Result<ObjectName, CopyError> {
    ObjectName::new(text).ok_or_else(|| CopyError::Occupied {
        name: text.to_owned(),
    })
}
