//! What a worker does with a message: compare, compress, hand to the committer.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::find::Found;
use super::read::{ImportedMessage, Whole};
use super::{ImportReport, Shared};
use crate::archive::commit::{CommitRequest, Delivery, Route};
use crate::archive::dedupe::same_mail;
use crate::base::error::{Error, Result};
use crate::base::fsx::Staging;
use crate::mail::message::{Digest, Scanner};
use crate::mail::source::Uid;
use crate::vault::catalog::{Blob, Catalog};
use crate::vault::ledger::Evidence;
use crate::vault::maildir::{Packed, Packer};

pub(super) struct Worker<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) catalog: Catalog,
    /// For the account at hand.
    pub(super) packer: Option<(String, Packer)>,
    pub(super) report: ImportReport,
    pub(super) whole: Whole,
}

impl Worker<'_> {
    /// Takes one message.
    pub(super) fn take(&mut self, found: &Found, route: &Arc<Route>) -> Result<()> {
        let options = self.shared.options;
        let mut whole = std::mem::take(&mut self.whole);
        let message = ImportedMessage::look(found, options.mbox, &mut whole)?;
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
        if self.has(self.catalog.find(message.hash)?, route)? {
            self.report.duplicates += 1;
            return Ok(());
        }
        let Some(commit_queue) = self.shared.commit_queue else {
            let mut scanner = Scanner::new();
            message.each(found, whole, &mut |piece| scanner.update(piece))?;
            let digest = scanner.finish();
            if self.is_known(&digest, route)? {
                self.report.duplicates += 1;
            } else {
                self.report.new += 1;
            }
            return Ok(());
        };
        let packed = self.pack(found, route, message, whole, commit_queue.staging())?;
        // Of what was imported before as a likeness of another, no second line is wanted.
        if let Some((mid, likeness)) = same_mail(route.policy, &packed.digest) {
            for blob in self.catalog.find_like(mid, likeness)? {
                if self.has(Some(blob), route)? {
                    self.report.duplicates += 1;
                    return packed.file.discard();
                }
            }
        }
        let received = i64::from(packed.digest.received);
        let idate = found.date.filter(|date| *date > 0 && *date != received);
        if let Some(date) = idate {
            let seconds = u64::try_from(date).unwrap_or(0);
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            packed.file.set_modified(time)?;
        }
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
    fn has(&self, blob: Option<Blob>, route: &Route) -> Result<bool> {
        let Some(blob) = blob else {
            return Ok(false);
        };
        let dir = route.dir.as_deref().unwrap_or_default();
        let places = self.catalog.places(blob.id)?;
        Ok(places
            .iter()
            .any(|place| place.account == route.account && place.dir == dir))
    }

    fn is_known(&self, digest: &Digest, route: &Route) -> Result<bool> {
        if self.catalog.find(digest.hash)?.is_some() {
            return Ok(true);
        }
        Ok(match same_mail(route.policy, digest) {
            Some((mid, likeness)) => !self.catalog.find_like(mid, likeness)?.is_empty(),
            None => false,
        })
    }
}
