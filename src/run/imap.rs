//! All folders of an IMAP account: which ones, where they go, and what is new in them.

use std::io::{Read, Write};

use super::folders::{Folders, chosen};
use crate::config::Account;
use crate::connect::Connector;
use crate::error::{Error, Result};
use crate::imap::{
    Access, Change, Counts, Folder, Known, Mailbox, Row, Scope, Session, SpecialUse,
};
use crate::message::Hash128;
use crate::pull::{self, Copies, Left, Run};
use crate::source::{Inventory, Marks};
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::layout::Layout;

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
        let mut mailboxes = session.mailboxes()?;
        mailboxes.retain(|mailbox| mailbox.selectable && chosen(self.account, mailbox));
        // What has every message comes first: the others then are names only.
        mailboxes.sort_by_key(|mailbox| !mailbox.special.contains(&SpecialUse::All));
        session.ask_counts(&mut mailboxes)?;
        let mut folders = Folders::new(self.catalog, &self.account.name)?;
        let mut copies = Copies::default();
        for mailbox in &mailboxes {
            self.mailbox(run, &mut session, mailbox, &mut folders, &mut copies)?;
        }
        let left = run.all_seen();
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
        let key = format!("mailbox {} {dir}", self.server);
        let remembered = self.catalog.learned(&self.account.name, &key)?;
        let remembered = remembered.as_deref().and_then(Remembered::parse);
        if let (Some(remembered), Some(counts)) = (remembered, mailbox.counts)
            && remembered.is_unchanged(&counts)
        {
            run.count(u64::from(remembered.known.messages));
            return Ok(());
        }
        let mut folder = match session.open(mailbox, Access::Read) {
            Ok(folder) => folder,
            Err(error @ Error::Refused { .. }) => {
                run.folder_failed(&mailbox.label, &error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let counts = folder.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let origin = Origin {
            account: &self.account.name,
            server: self.server,
            dir: &dir,
            uidvalidity,
        };
        let wants_again = self.catalog.wants_again(origin)?;
        let known = remembered
            .filter(|r| r.uidvalidity == uidvalidity && uidvalidity > 0 && !wants_again)
            .map(|r| r.known);
        let inventory = inventory(&mut folder, &counts, known)?;
        if !self.dry_run
            && let Some(event) = folders.record(mailbox, &dir, uidvalidity)
        {
            run.record(event)?;
        }
        if !self.dry_run {
            crate::vault::maildir::create_folder(self.layout, &self.account.name, &dir)?;
        }
        let place = pull::Mailbox {
            dir: &dir,
            inventory: &inventory,
        };
        let received = run.received();
        let whole = run.mailbox(&mut folder, &place, copies)?;
        if whole && let Some(text) = Remembered::of(&counts) {
            run.learned(key, text)?;
        }
        if run.received() > received {
            // Other folders may have the same messages, and must find them.
            run.make_durable()?;
        }
        Ok(())
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
    let rows = folder.rows(from, &mut |row| {
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
        let hidden = inventory.announced.saturating_sub(rows as u64);
        inventory.hidden = hidden;
        // Messages that a server counts and does not show are not gone.
        inventory.everything = hidden == 0;
    }
    inventory.sort();
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
