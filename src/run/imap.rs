//! All folders of an IMAP account: which ones, where they go, and what is new in them.

use std::io::{Read, Write};

use super::folders::{Folders, chosen, prefix};
use crate::config::Account;
use crate::connect::Connector;
use crate::error::{Error, Result};
use crate::imap::{
    Access, Change, Counts, Folder, Known, Mailbox, Row, Scope, Session, SpecialUse,
};
use crate::message::Hash128;
use crate::pull::{self, Copies, Left, Run};
use crate::source::{Inventory, Marks};
use crate::vault::catalog::{Catalog, Origin, State};
use crate::vault::layout::Layout;
use crate::vault::maildir;

/// What a session needs besides the run itself.
pub(super) struct Mirror<'a> {
    pub(super) account: &'a Account,
    pub(super) server: &'a str,
    pub(super) catalog: &'a Catalog,
    pub(super) layout: &'a Layout,
    pub(super) dry_run: bool,
}

impl Mirror<'_> {
    /// One session over all mailboxes.
    pub(super) fn session(&self, run: &mut Run<'_, '_>, connector: &Connector) -> Result<Left> {
        let mut session = connector.open_imap()?;
        run.signed_in();
        let prefix = prefix(self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        let mut folders = Folders::new(self.catalog, &self.account.name)?;
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
        let mut copies = Copies::default();
        for mailbox in &mailboxes {
            match self.mailbox(run, &mut session, mailbox, &mut folders, &mut copies) {
                Err(error @ Error::Refused { .. }) => run.folder_failed(&mailbox.label, &error),
                other => other?,
            }
        }
        let left = run.all_seen()?;
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(left)
    }

    fn mailbox<S: Read + Write>(
        &self,
        run: &mut Run<'_, '_>,
        session: &mut Session<S>,
        mailbox: &Mailbox,
        folders: &mut Folders,
        copies: &mut Copies,
    ) -> Result<()> {
        let dir = folders.dir_of(mailbox);
        let remembered = self.catalog.learned(&self.account.name, &self.key(&dir))?;
        let mut remembered = remembered.as_deref().and_then(Remembered::parse);
        if let Some(known) = remembered {
            let origin = self.origin(&dir, known.uidvalidity);
            if self.catalog.wants_again(origin)? {
                remembered = None;
            } else if mailbox
                .counts
                .is_some_and(|counts| known.is_unchanged(&counts))
            {
                run.count(u64::from(known.known.messages));
                return Ok(());
            }
        }
        let mut folder = session.open(mailbox, Access::Read)?;
        let counts = folder.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let known = remembered
            .filter(|r| r.uidvalidity == uidvalidity)
            .map(|r| r.known);
        let inventory = inventory(&mut folder, &counts, known)?;
        if !self.dry_run {
            maildir::create_folder(self.layout, &self.account.name, &dir)?;
            if let Some(event) = folders.record(mailbox, &dir, uidvalidity) {
                run.record(event)?;
            }
            if uidvalidity > 0 {
                self.gone(run, &dir, uidvalidity)?;
            }
        }
        let place = pull::Mailbox {
            dir: &dir,
            inventory: &inventory,
        };
        let received = run.received();
        let whole = run.mailbox(&mut folder, &place, copies)?;
        // What was not whole is looked into anew.
        let text = Remembered::of(&counts).filter(|_| whole);
        if text.is_some() || known.is_some() {
            run.learned(self.key(&dir), text.unwrap_or_default())?;
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
        let mut epochs = self.catalog.epochs(account, self.server, dir)?;
        epochs.retain(|epoch| *epoch != uidvalidity);
        for &epoch in &epochs {
            let mut all = Vec::new();
            self.catalog
                .for_each_in_mailbox(self.origin(dir, epoch), |message| {
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

/// What is remembered of a mailbox that was archived whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    uidvalidity: u32,
    known: Known,
}

impl Remembered {
    fn of(counts: &Counts) -> Option<String> {
        let Counts {
            messages,
            uidnext,
            uidvalidity,
            modseq,
        } = counts;
        Some(format!(
            "{} {} {} {}",
            (*uidvalidity)?,
            (*uidnext)?,
            (*messages)?,
            modseq.unwrap_or(0)
        ))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let small = |n: u64| u32::try_from(n).ok();
        let (uidvalidity, uidnext, messages) =
            (small(number()?)?, small(number()?)?, small(number()?)?);
        Some(Self {
            uidvalidity,
            known: Known {
                modseq: number()?,
                messages,
                uidnext,
            },
        })
    }

    /// True if the server keeps count of changes, and there was none.
    fn is_unchanged(&self, counts: &Counts) -> bool {
        self.known.modseq > 0
            && counts.modseq == Some(self.known.modseq)
            && counts.uidvalidity == Some(self.uidvalidity)
            && counts.uidnext == Some(self.known.uidnext)
            && counts.messages == Some(self.known.messages)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_mailbox_is_known_by_its_counts() {
        let counts = Counts {
            messages: Some(3),
            uidnext: Some(9),
            uidvalidity: Some(7),
            modseq: Some(55),
        };
        let remembered = Remembered::of(&counts)
            .as_deref()
            .and_then(Remembered::parse);
        let Some(remembered) = remembered else {
            panic!("it is written and read");
        };
        assert!(remembered.is_unchanged(&counts));
        for changed in [
            Counts {
                modseq: None,
                ..counts
            },
            Counts {
                modseq: Some(56),
                ..counts
            },
            Counts {
                uidvalidity: Some(8),
                ..counts
            },
            Counts {
                messages: Some(2),
                ..counts
            },
        ] {
            assert!(!remembered.is_unchanged(&changed));
        }
    }
}
