//! All folders of an IMAP account: which ones, where they go, and what is new in them.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::beside::{Job, Queue};
use super::folders::{Folders, chosen, prefix};
use super::remembered::Remembered;
use crate::config::Account;
use crate::connect::Connector;
use crate::error::Result;
use crate::imap::{Access, Change, Counts, Folder, Known, Row, Scope, Session, SpecialUse};
use crate::message::Hash128;
use crate::pull::{self, Copies, Left, Run};
use crate::source::{Inventory, Marks};
use crate::vault::catalog::{Origin, State};
use crate::vault::layout::Layout;
use crate::vault::maildir;

/// What a session needs besides the run itself.
pub(super) struct Mirror<'a> {
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
    folders: Mutex<Folders>,
    copies: Copies,
}

impl Mirror<'_> {
    /// One session over all mailboxes.
    pub(super) fn session(&self, run: &mut Run<'_, '_>, connector: &Connector) -> Result<Left> {
        let mut session = connector.open_imap()?;
        run.signed_in();
        let prefix = prefix(self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        let mut folders = Folders::new(run.catalog(), &self.account.name)?;
        if !self.dry_run {
            for dir in folders.gone(&mailboxes) {
                if self.gone(run, &dir, 0)? {
                    run.learned(self.key(&dir), String::new())?;
                }
            }
        }
        mailboxes.retain(|mailbox| mailbox.selectable && chosen(self.account, mailbox, &prefix));
        // What has every message comes first: the others then are names only.
        mailboxes.sort_by_key(|mailbox| !mailbox.special.contains(&SpecialUse::All));
        session.ask_counts(&mut mailboxes)?;
        let mut jobs = Vec::new();
        for mailbox in &mailboxes {
            let dir = folders.dir_of(mailbox);
            let job = Job::new(mailbox, dir);
            jobs.extend(self.due(run, job)?);
        }
        let round = Round {
            folders: Mutex::new(folders),
            copies: Copies::default(),
        };
        let all = |job: &Job<'_>| job.mailbox.special.contains(&SpecialUse::All);
        let rest = jobs.split_off(jobs.iter().take_while(|job| all(job)).count());
        self.work(run, &mut session, &Queue::of(jobs), &round, true)?;
        self.side_by_side(run, &mut session, connector, rest, &round)?;
        let left = run.all_seen()?;
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(left)
    }

    /// The job, unless nothing in the mailbox can have changed.
    fn due<'m>(&self, run: &mut Run<'_, '_>, mut job: Job<'m>) -> Result<Option<Job<'m>>> {
        let catalog = run.catalog();
        let remembered = catalog.learned(&self.account.name, &self.key(&job.dir))?;
        let Some(known) = remembered.as_deref().and_then(Remembered::parse) else {
            return Ok(Some(job));
        };
        if catalog.wants_again(self.origin(&job.dir, known.uidvalidity))? {
            return Ok(Some(job));
        }
        let counts = job.mailbox.counts;
        if counts.is_some_and(|counts| known.is_unchanged(&counts)) {
            run.count(u64::from(known.known.messages));
            return Ok(None);
        }
        job.remembered = Some(known);
        Ok(Some(job))
    }

    /// Brings one mailbox up to date.
    pub(super) fn mailbox<S: Read + Write>(
        &self,
        run: &mut Run<'_, '_>,
        session: &mut Session<S>,
        job: &Job<'_>,
        round: &Round,
    ) -> Result<()> {
        let Job { mailbox, dir, .. } = job;
        let mut folder = session.open(mailbox, Access::Read)?;
        let counts = folder.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let known = job
            .remembered
            .filter(|r| r.uidvalidity == uidvalidity)
            .map(|r| r.known);
        let inventory = inventory(&mut folder, &counts, known)?;
        if !self.dry_run {
            maildir::create_folder(self.layout, &self.account.name, dir)?;
            let event = super::lock(&round.folders).record(mailbox, dir, uidvalidity);
            if let Some(event) = event {
                run.record(event)?;
            }
            if uidvalidity > 0 {
                self.gone(run, dir, uidvalidity)?;
            }
        }
        let place = pull::Mailbox {
            dir,
            inventory: &inventory,
        };
        let received = run.received();
        let whole = run.mailbox(&mut folder, &place, &round.copies)?;
        // What was not whole is looked into anew.
        let text = Remembered::of(&counts).filter(|_| whole);
        if text.is_some() || known.is_some() {
            run.learned(self.key(dir), text.unwrap_or_default())?;
        }
        if run.received() > received {
            // Other folders may have the same messages, and must find them.
            run.make_durable()?;
        }
        Ok(())
    }

    /// Notes that the messages of a folder are gone, but those of this epoch. True if
    /// there were any.
    fn gone(&self, run: &Run<'_, '_>, dir: &str, uidvalidity: u32) -> Result<bool> {
        let account = &self.account.name;
        let catalog = run.catalog();
        let mut epochs = catalog.epochs(account, self.server, dir)?;
        epochs.retain(|epoch| *epoch != uidvalidity);
        for &epoch in &epochs {
            let mut all = Vec::new();
            catalog.for_each_in_mailbox(self.origin(dir, epoch), |message| {
                if matches!(message.state, State::Seen | State::PurgeKept) {
                    all.push(message);
                }
            })?;
            run.gone(dir, epoch, all)?;
        }
        Ok(!epochs.is_empty())
    }

    /// The key by which a mailbox is remembered.
    fn key(&self, dir: &str) -> String {
        format!("mailbox {} {dir}", self.server)
    }

    fn origin<'o>(&'o self, dir: &'o str, uidvalidity: u32) -> Origin<'o> {
        Origin {
            account: &self.account.name,
            server: self.server,
            dir,
            uidvalidity,
        }
    }
}

/// Asks for what is new since `known`, and for what changed.
fn inventory<S: Read + Write>(
    folder: &mut Folder<'_, S>,
    counts: &Counts,
    known: Option<Known>,
) -> Result<Inventory> {
    let messages = counts.messages.unwrap_or(0);
    let mut inventory = Inventory::new(counts.uidvalidity.unwrap_or(0), messages.into());
    let from = known.map_or(1, |known| known.uidnext);
    folder.rows(from, &mut |row| {
        let marks = marks(&row);
        inventory.add(row.uid, row.octets, row.date, marks, same(&row));
        Ok(())
    })?;
    if known.is_some() {
        let known = known.filter(|known| known.modseq > 0);
        let scope = folder.changes(known, &mut |change| {
            match change {
                Change::Flags(row) if row.uid < from && row.flags.is_some() => {
                    inventory.flag(row.uid, marks(&row));
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

fn marks(row: &Row) -> Marks {
    Marks::of(row.flags.as_deref().unwrap_or_default())
}

/// What the message has in common with its copies, in eight bytes.
fn same(row: &Row) -> Option<u64> {
    row.gmail_id.or_else(|| {
        let id = row.email_id.as_deref()?;
        let mut head = [0; 8];
        head.copy_from_slice(&Hash128::of(id).0[..8]);
        Some(u64::from_be_bytes(head).max(1))
    })
}
