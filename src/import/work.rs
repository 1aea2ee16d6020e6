//! What a worker does with a message: compare, compress, hand to the committer.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::earlier::EarlierImports;
use super::find::Found;
use super::read::{ImportedMessage, Whole};
use super::{ImportReport, Shared, Unread, is_of_source, reason};
use crate::archive::commit::{CommitRequest, Delivery, Route};
use crate::archive::dedupe::same_mail;
use crate::base::error::{Error, Result};
use crate::base::fsx::Staging;
use crate::mail::message::{Digest, Scanner};
use crate::mail::source::Uid;
use crate::vault::catalog::{Blob, CachedMessage, short_mid};
use crate::vault::ledger::Evidence;
use crate::vault::maildir::{Packed, Packer};
use crate::vault::tombstones::TombstoneKey;

pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    earlier: EarlierImports<'a>,
    /// For the account at hand.
    packer: Option<(String, Packer)>,
    pub(super) report: ImportReport,
    whole: Whole,
    /// The message at hand, to be remembered.
    noted: Vec<CachedMessage>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, earlier: EarlierImports<'a>) -> Self {
        Self {
            shared,
            earlier,
            packer: None,
            report: ImportReport::default(),
            whole: Whole::default(),
            noted: Vec::new(),
        }
    }

    /// Takes messages, asking the catalog about all of them at once.
    pub(super) fn take_all(&mut self, handful: &[Found]) -> Result<()> {
        let catalog = Rc::clone(&self.earlier.catalog);
        catalog.at_once(|| {
            handful
                .iter()
                .try_for_each(|found| self.take_or_note(found))
        })
    }

    /// Takes one message, or notes why it cannot be read.
    fn take_or_note(&mut self, found: &Found) -> Result<()> {
        let shared = self.shared;
        if shared.options.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some(route) = &found.route else {
            return Ok(());
        };
        if let (Some(file), false) = (&found.record, found.is_in_mbox())
            && let Some(unchanged) = self.earlier.unchanged(file, route)?
        {
            shared.skip(&mut self.report, unchanged, found.octets);
            return Ok(());
        }
        self.noted.clear();
        match self.take(found, route) {
            Err(error) if is_of_source(&error, &found.path) => {
                self.report.unread.push(Unread {
                    place: found.place(),
                    reason: reason(&error),
                });
            }
            Ok(()) => {
                if let (Some(file), Some(cache)) = (&found.record, &shared.cache) {
                    file.add(cache, &self.noted)?;
                }
            }
            // A large message is not stored in part; the run ends.
            Err(Error::Interrupted) => return Ok(()),
            taken => taken?,
        }
        shared.octets.fetch_add(found.octets, Ordering::Relaxed);
        shared.messages.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn take(&mut self, found: &Found, route: &Arc<Route>) -> Result<()> {
        let options = self.shared.options;
        let mut whole = std::mem::take(&mut self.whole);
        let message = ImportedMessage::look(found, options.mbox, &options.stop, &mut whole)?;
        if message.is_nothing(found) {
            self.whole = whole;
            return Err(Error::Damaged {
                path: found.path.clone(),
                detail: "it is empty".to_owned(),
            });
        }
        self.report.messages += 1;
        self.report.octets += message.size;
        let taken = self.distribute(found, route, &message, &whole);
        self.whole = whole;
        taken
    }

    /// Takes a message into the folder of its source, or into each that its labels name.
    fn distribute(
        &mut self,
        found: &Found,
        usual: &Arc<Route>,
        message: &ImportedMessage,
        whole: &Whole,
    ) -> Result<()> {
        let Some(labels) = &message.labels else {
            return self.decide(found, usual, message, whole);
        };
        self.report.labelled += 1;
        let mut routes = self.shared.routes.labelled(usual, &labels.folders)?;
        if self.shared.options.dry_run {
            routes.truncate(1);
        }
        for (n, route) in routes.iter().enumerate() {
            self.decide(found, route, message, whole)?;
            if let Some(noted) = self.noted.last_mut() {
                noted.dir.clone_from(&route.dir);
                noted.again = n > 0;
            }
            self.report.further_folders += u64::from(n > 0);
        }
        Ok(())
    }

    fn decide(
        &mut self,
        found: &Found,
        route: &Arc<Route>,
        message: &ImportedMessage,
        whole: &Whole,
    ) -> Result<()> {
        self.noted.push(CachedMessage {
            hash: message.hash,
            like: None,
            dir: None,
            again: false,
        });
        let known = self.earlier.catalog.find(message.hash)?;
        if self.has(known, route)? {
            self.report.duplicates += 1;
            return Ok(());
        }
        let Some(commit_queue) = self.shared.commit_queue else {
            let mut scanner = Scanner::new();
            message.each(found, whole, &mut |piece| scanner.update(piece))?;
            let digest = scanner.finish();
            if self.is_known(&digest, route)? {
                self.report.duplicates += 1;
            } else if self.is_forgotten(&digest)? {
                self.report.forgotten += 1;
            } else {
                self.report.new += 1;
            }
            return Ok(());
        };
        let packed = self.pack(found, route, message, whole, commit_queue.staging())?;
        // Of what was imported before as a likeness of another, no second line is wanted.
        if let Some((mid, likeness)) = same_mail(route.policy, &packed.digest) {
            if let Some(noted) = self.noted.last_mut() {
                noted.like = Some((short_mid(mid), likeness));
            }
            for blob in self.earlier.catalog.find_like(mid, likeness)? {
                if self.has(Some(blob), route)? {
                    self.report.duplicates += 1;
                    return packed.file.discard();
                }
            }
        }
        let received = i64::from(packed.digest.received);
        let idate = date_of(found).filter(|date| *date != received);
        let delivery = Delivery {
            route: Arc::clone(route),
            uid: Uid::Absent,
            octets: None,
            packed,
            flags: message.flags.clone(),
            idate,
            kw: match &message.labels {
                Some(labels) => labels.marks.words.clone(),
                None => found.keywords.clone(),
            },
            evidence: Evidence::Received,
            object: None,
        };
        if commit_queue.order(CommitRequest::Deliver(Box::new(delivery))) {
            Ok(())
        } else {
            Err(Error::Interrupted)
        }
    }

    fn pack(
        &mut self,
        found: &Found,
        route: &Route,
        message: &ImportedMessage,
        whole: &Whole,
        staging: &Staging,
    ) -> Result<Packed> {
        let own = match self.packer.take() {
            Some((account, packer)) if account == route.account => packer,
            _ => Packer::new(
                self.shared.layout,
                &route.account,
                self.shared.options.level,
                staging,
            )?,
        };
        let (_, writer) = self.packer.insert((route.account.clone(), own));
        writer.date(date_of(found).map(i64::cast_unsigned));
        let packed = if let Some(bytes) = whole.bytes() {
            writer.whole(bytes)?
        } else {
            let mut failed = None;
            let mut pieces = message.pieces(found)?;
            let done = writer.pieces(&[], || match pieces.next()? {
                Ok(piece) => Some(piece),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            })?;
            if let Some(error) = failed {
                done.file.discard()?;
                return Err(error);
            }
            done
        };
        if packed.digest.hash == message.hash {
            return Ok(packed);
        }
        packed.file.discard()?;
        Err(Error::Damaged {
            path: found.path.clone(),
            detail: "it changed while it was read".to_owned(),
        })
    }

    /// True if the folder of the route has the content.
    fn has(&mut self, blob: Option<Blob>, route: &Route) -> Result<bool> {
        blob.map_or(Ok(false), |blob| self.earlier.has(&blob, route))
    }

    /// True if the message was removed from the vault on purpose.
    fn is_forgotten(&self, digest: &Digest) -> Result<bool> {
        let catalog = &self.earlier.catalog;
        match TombstoneKey::load(self.shared.layout, catalog)? {
            Some(key) => Ok(key.forget_of(catalog, digest)?.is_some()),
            None => Ok(false),
        }
    }

    /// True if any folder has the message.
    fn is_known(&mut self, digest: &Digest, route: &Route) -> Result<bool> {
        let catalog = Rc::clone(&self.earlier.catalog);
        let mut known = Vec::from_iter(catalog.find(digest.hash)?);
        if let Some((mid, likeness)) = same_mail(route.policy, digest) {
            known.extend(catalog.find_like(mid, likeness)?);
        }
        for blob in known {
            if self.earlier.has_anywhere(&blob)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// When the message was received, as the source has it.
fn date_of(found: &Found) -> Option<i64> {
    found.date.filter(|date| *date > 0)
}
