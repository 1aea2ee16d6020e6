//! The mailboxes of an IMAP account, for a purge.
//!
//! They are those that a pull takes, in one session a round. What deleting was worth is
//! measured by the quota (RFC 9208) and by the Trash, into which some servers move what is
//! expunged elsewhere.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::account::config::Account;
use crate::account::connect::{Connector, server_name};
use crate::account::folders::{Folders, chosen, prefix};
use crate::base::error::{Error, Result};
use crate::mail::source::Source as _;
use crate::net::imap::{Access, Mailbox, Session, SpecialUse};
use crate::purge::{PurgePlan, PurgeReport, PurgeRun, Quota, RemoteFolder, Survey};
use crate::vault::catalog::Catalog;

/// The mailboxes, and how to get there.
pub(super) struct Mailboxes {
    connector: Connector,
    /// Those that were surveyed and may be deleted in.
    all: Vec<(Mailbox, RemoteFolder)>,
    /// The mailbox for what was deleted, if the server names it.
    trash: Option<Mailbox>,
    /// Places in which something is left to be done, once the first round began.
    left: Option<Vec<usize>>,
    before: Option<Room>,
    after: Option<Room>,
}

/// What the server says of its room.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    /// Octets that are used, and that may be.
    quota: Option<(u64, u64)>,
    /// Messages in the Trash.
    trash: Option<u64>,
}

impl Mailboxes {
    /// Signs in and lists every mailbox that the account's patterns take in. Mailboxes that
    /// only show what is in others are left out.
    pub(super) fn survey(
        account: &Account,
        connector: Connector,
        catalog: &Catalog,
        survey: &mut Survey<'_>,
    ) -> Result<Self> {
        let mut session = connector.open_imap()?;
        let prefix = prefix(account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        let is_trash = |mailbox: &&Mailbox| mailbox.special.contains(&SpecialUse::Trash);
        let mut trash = mailboxes.iter().find(is_trash).cloned();
        if let Some(trash) = &mut trash {
            // Its count is asked for when it matters.
            trash.counts = None;
        }
        let gmail = session.knows("X-GM-EXT-1");
        mailboxes.retain(|mailbox| {
            mailbox.selectable && chosen(account, mailbox, &prefix) && !is_view(mailbox, gmail)
        });
        let mut folders = Folders::new(catalog, account.vault_name())?;
        let mut all = Vec::new();
        for mailbox in mailboxes {
            let recorded = folders.recorded(&mailbox);
            let mut folder = match session.open_known(&mailbox, recorded) {
                // What cannot be opened is not deleted in; pull names it.
                Err(Error::Refused { .. }) => continue,
                other => other?,
            };
            let listings = folder.list()?;
            let Some(uidvalidity) = folder.counts().uidvalidity else {
                survey.add_nameless(&listings);
                continue;
            };
            let maildrop = RemoteFolder {
                account: account.vault_name().to_owned(),
                server: server_name(account),
                dir: folders.dir_of(&mailbox),
                uidvalidity,
            };
            survey.add(catalog, &maildrop, &listings)?;
            all.push((mailbox, maildrop));
        }
        leave(session);
        Ok(Self {
            connector,
            all,
            trash,
            left: None,
            before: None,
            after: None,
        })
    }

    /// One session over all places in which something is left to be done.
    pub(super) fn round(&mut self, run: &mut PurgeRun<'_, '_>, plan: &PurgePlan) -> Result<()> {
        let mut session = self.connector.open_imap()?;
        run.signed_in(Instant::now(), Duration::ZERO);
        if self.before.is_none() {
            self.before = Some(room(&mut session, self.trash.as_ref())?);
        }
        let left = self.left.get_or_insert_with(|| {
            let chosen = |at: &usize| {
                let places = &mut plan.places.iter();
                places.any(|place| place.maildrop == self.all[*at].1 && place.chosen.messages > 0)
            };
            (0..self.all.len()).filter(chosen).collect()
        });
        let mut at = 0;
        while at < left.len() && !run.is_full() {
            let (mailbox, maildrop) = &self.all[left[at]];
            if visit(run, &mut session, mailbox, maildrop)? {
                left.remove(at);
            } else {
                at += 1;
            }
        }
        self.after = Some(room(&mut session, self.trash.as_ref())?);
        leave(session);
        Ok(())
    }

    /// Notes what deleting was worth.
    pub(super) fn measure(&self, report: &mut PurgeReport) {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return;
        };
        report.quota = before.quota.zip(after.quota).map(|(then, now)| Quota {
            before: then.0,
            after: now.0,
            limit: now.1,
        });
        let more = before.trash.zip(after.trash);
        let more = more.map_or(0, |(then, now)| now.saturating_sub(then));
        report.in_trash = more.min(report.freed.messages);
    }
}

/// True if the messages of a mailbox lie in others (RFC 6154 s.2). With Gmail they lie in
/// "All Mail", and the others are labels.
fn is_view(mailbox: &Mailbox, gmail: bool) -> bool {
    let special = &mailbox.special;
    special.contains(&SpecialUse::Flagged) || !gmail && special.contains(&SpecialUse::All)
}

/// Opens a mailbox and deletes in it. True if nothing is left to be done there.
fn visit<S: Read + Write>(
    run: &mut PurgeRun<'_, '_>,
    session: &mut Session<S>,
    mailbox: &Mailbox,
    maildrop: &RemoteFolder,
) -> Result<bool> {
    let mut folder = match session.open(mailbox, Access::Write) {
        Err(error @ Error::Refused { .. }) => {
            let why = format!("server said: {}", error.reply().unwrap_or_default());
            run.leave_out(maildrop, &mailbox.label, why);
            return Ok(true);
        }
        other => other?,
    };
    let why = if folder.counts().uidvalidity != Some(maildrop.uidvalidity) {
        "its messages were renumbered in the meantime; run 'mailvault pull' first"
    } else if !folder.is_writable() {
        "the server opens it read-only"
    } else {
        let listings = folder.list()?;
        return run.visit(maildrop, Box::new(folder), &listings);
    };
    run.leave_out(maildrop, &mailbox.label, why.to_owned());
    Ok(true)
}

fn room<S: Read + Write>(session: &mut Session<S>, trash: Option<&Mailbox>) -> Result<Room> {
    let quotas = session.quota(&Mailbox::inbox())?;
    let storage = quotas.iter().find(|quota| quota.resource == "STORAGE");
    let mut trash = Vec::from_iter(trash.cloned());
    session.ask_counts(&mut trash)?;
    let counts = trash.first().and_then(|trash| trash.counts);
    Ok(Room {
        quota: storage.map(|quota| (octets(quota.used), octets(quota.limit))),
        trash: counts.and_then(|counts| counts.messages).map(u64::from),
    })
}

/// STORAGE is counted in units of 1,024 octets (RFC 9208 s.5.1).
fn octets(units: u64) -> u64 {
    units.saturating_mul(1_024)
}

fn leave<S: Read + Write>(session: Session<S>) {
    if let Err(error) = session.logout() {
        tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
    }
}
