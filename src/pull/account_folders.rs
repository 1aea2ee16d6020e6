//! All folders of an IMAP account: which ones, where they go, and what is new in them.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::checkpoint::{RecordCounts, Remembered};
use super::copies::Copies;
use super::destination::PulledMailbox;
use super::folder_queue::FolderJob;
use super::gmail::Labels;
use super::{PullRun, gmail, mailbox};
use crate::account::config::Account;
use crate::account::folders::{Folders, mailbox_key};
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::mail::message::Hash128;
use crate::mail::source::{Inventory, Marks, ObjectId, Voucher};
use crate::net::imap::{Change, Counts, Folder, KnownMailbox, Row, Scope, Session};
use crate::vault::catalog::{Catalog, Origin, State};
use crate::vault::layout::Layout;
use crate::vault::{maildir, now_seconds};

/// What a session needs besides the run itself.
pub(super) struct AccountFolders<'a> {
    pub(super) account: &'a Account,
    pub(super) server: &'a str,
    pub(super) layout: &'a Layout,
    pub(super) dry_run: bool,
    /// Connections at once.
    pub(super) connections: usize,
    /// True once the server gave no further connection, or took one away.
    pub(super) alone: AtomicBool,
}

/// What the connections of one session have in common.
pub(super) struct Round {
    pub(super) folders: Mutex<Folders>,
    pub(super) copies: Copies,
    /// What Gmail's All Mail says of the labels.
    pub(super) labels: Labels,
}

impl AccountFolders<'_> {
    /// The job, unless nothing in the mailbox can have changed.
    pub(super) fn due<'m>(
        &self,
        run: &mut PullRun<'_, '_>,
        mut job: FolderJob<'m>,
    ) -> Result<Option<FolderJob<'m>>> {
        let catalog = run.account.catalog;
        let remembered = catalog.learned(self.account.vault_name(), &self.key(&job.dir))?;
        let remembered = remembered.and_then(|text| Remembered::parse(&text, now_seconds()));
        let Some(known) = remembered else {
            return Ok(Some(job));
        };
        let origin = self.origin(&job.dir, known.uidvalidity);
        // A message that is missing here, since a line of the ledger was damaged or what was
        // forgotten may come back, changes nothing at the server.
        if catalog.wants_again(origin)? || known.record != recorded(catalog, origin)? {
            return Ok(Some(job));
        }
        let counts = job.mailbox.counts;
        if counts.is_some_and(|counts| known.is_unchanged(&counts)) {
            run.reporter.count(u64::from(known.known.messages));
            return Ok(None);
        }
        job.remembered = Some(known);
        Ok(Some(job))
    }

    /// Brings one mailbox up to date.
    pub(super) fn mailbox<S: Read + Write>(
        &self,
        run: &mut PullRun<'_, '_>,
        session: &mut Session<S>,
        job: &FolderJob<'_>,
        round: &Round,
    ) -> Result<()> {
        let recorded = lock(&round.folders).recorded(job.mailbox);
        let mut folder = session.open_known(job.mailbox, recorded)?;
        let counts = folder.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let known = job
            .remembered
            .filter(|r| r.uidvalidity == uidvalidity && !r.went_back(&counts));
        run.reporter.folder(&job.mailbox.label);
        let mark = run.reporter.mark();
        self.bring_up_to_date(run, &mut folder, job, round, known)?;
        if run.mailbox.must_list_all && known.is_some() {
            // What the server tells of changes does not say what is there.
            run.account.make_durable()?;
            run.reporter.back_to(mark);
            self.bring_up_to_date(run, &mut folder, job, round, None)?;
        }
        Ok(())
    }

    /// The same from what is known of it.
    fn bring_up_to_date<S: Read + Write>(
        &self,
        run: &mut PullRun<'_, '_>,
        folder: &mut Folder<'_, S>,
        job: &FolderJob<'_>,
        round: &Round,
        remembered: Option<Remembered>,
    ) -> Result<()> {
        let known = remembered.map(|remembered| remembered.known);
        let listed = remembered.map_or_else(now_seconds, |remembered| remembered.listed);
        let FolderJob { mailbox, dir, .. } = job;
        let counts = folder.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let (mut ids, mut voucher) = (Vec::new(), None);
        let mut inventory = inventory(folder, &counts, known, &mut |row| {
            let object = object(row);
            ids.extend(object.map(|object| (object.id, row.uid)));
            voucher = voucher.or(object.map(|object| object.by));
            round.labels.take(mailbox, row);
        })?;
        // Known messages tell it too.
        inventory.voucher = voucher;
        let mut renumbered = false;
        if !self.dry_run {
            maildir::create_folder(self.layout, self.account.vault_name(), dir)?;
            let event = lock(&round.folders).record(mailbox, dir, uidvalidity);
            if let Some(event) = event {
                run.account.record(event)?;
            }
            if uidvalidity > 0 {
                renumbered = self.gone(run, dir, uidvalidity)?;
            }
        }
        let place = PulledMailbox {
            dir,
            inventory: &inventory,
            renumbered,
        };
        let received = run.reporter.received;
        let whole = mailbox::bring_up_to_date(run, folder, &place, &round.copies)?;
        round.copies.remember(dir, uidvalidity, ids);
        if whole || run.reporter.received > received {
            // The catalog counts it, and other folders find messages that they have, too.
            run.account.make_durable()?;
        }
        let mut text = None;
        // What was not whole is looked into again.
        if whole {
            let record = recorded(run.account.catalog, self.origin(dir, uidvalidity))?;
            text = Remembered::of(&counts, listed, record);
        }
        let held = text.as_deref().filter(|_| known.is_some());
        let held = held.is_some_and(|text| round.labels.hold(mailbox, self.key(dir), text));
        if !held && (text.is_some() || known.is_some()) {
            let (key, text) = (self.key(dir), text.unwrap_or_default());
            let before = (run.account.catalog).learned(self.account.vault_name(), &key)?;
            if before.as_deref() != Some(&text) {
                run.account.learned(key, text)?;
            }
        }
        Ok(())
    }

    /// Notes that the messages of a folder are gone, but those of this epoch. True if
    /// there were any.
    pub(super) fn gone(&self, run: &PullRun<'_, '_>, dir: &str, uidvalidity: u32) -> Result<bool> {
        let account = self.account.vault_name();
        let catalog = run.account.catalog;
        let mut epochs = catalog.epochs(account, self.server, dir)?;
        epochs.retain(|epoch| *epoch != uidvalidity);
        for &epoch in &epochs {
            let mut all = Vec::new();
            catalog.for_each_in_mailbox(self.origin(dir, epoch), |message| {
                if matches!(message.state, State::Seen | State::PurgeKept) {
                    all.push(message);
                }
            })?;
            run.account.gone(dir, epoch, all)?;
        }
        Ok(!epochs.is_empty())
    }

    /// The key by which a mailbox is remembered.
    pub(super) fn key(&self, dir: &str) -> String {
        mailbox_key(self.server, dir)
    }

    fn origin<'o>(&'o self, dir: &'o str, uidvalidity: u32) -> Origin<'o> {
        Origin {
            account: self.account.vault_name(),
            server: self.server,
            dir,
            uidvalidity,
        }
    }
}

/// What the catalog has of a mailbox.
fn recorded(catalog: &Catalog, origin: Origin<'_>) -> Result<RecordCounts> {
    Ok(RecordCounts {
        names: catalog.listed_names(origin)?,
        taken_back: catalog.forgets_taken_back()?,
    })
}

/// Asks for what is new since `known`, and for what changed.
fn inventory<S: Read + Write>(
    folder: &mut Folder<'_, S>,
    counts: &Counts,
    known: Option<KnownMailbox>,
    each: &mut dyn FnMut(&Row),
) -> Result<Inventory> {
    let messages = counts.messages.unwrap_or(0);
    let mut inventory = Inventory::new(counts.uidvalidity.unwrap_or(0), messages.into());
    let from = known.map_or(1, |known| known.uidnext);
    folder.rows(from, &mut |row| {
        each(&row);
        let marks = marks(&row, &mut inventory);
        inventory.add(row.uid, row.octets, row.date, marks, object(&row));
        Ok(())
    })?;
    if known.is_some() {
        let known = known.filter(|known| known.modseq > 0);
        let scope = folder.changes(known, &mut |change| {
            match change {
                Change::Flags(row) if row.uid < from && row.flags.is_some() => {
                    each(&row);
                    let marks = marks(&row, &mut inventory);
                    inventory.flag(row.uid, row.octets, row.date, marks);
                }
                Change::Flags(_) => {}
                Change::Vanished(range) => inventory.vanished.push(range),
            }
            Ok(())
        })?;
        inventory.everything = scope == Scope::Everything;
    } else {
        inventory.everything = true;
    }
    inventory.sort();
    inventory.announced = inventory.announced.saturating_sub(folder.expunged().into());
    // Messages that a server counts and does not show are not gone.
    inventory.everything &= inventory.told() >= inventory.announced;
    Ok(inventory)
}

fn marks(row: &Row, inventory: &mut Inventory) -> Marks {
    let (marks, cut) = Marks::with_cut(row.flags.as_deref().unwrap_or_default());
    inventory.cut += u64::from(cut);
    marks
}

/// What the message has in common with its copies.
fn object(row: &Row) -> Option<ObjectId> {
    gmail::object(row).or_else(|| named_object(row))
}

fn named_object(row: &Row) -> Option<ObjectId> {
    let email_id = row.email_id.as_deref().zip(Some(Voucher::EmailId));
    let (name, by) = email_id.or(row.guid.as_deref().zip(Some(Voucher::Guid)))?;
    let id = Hash128::of(name).head().max(1);
    Some(ObjectId { by, id })
}
