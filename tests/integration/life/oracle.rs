//! What must hold after every step of a life, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{SharedAccount, locked};
use super::mail::{is_same, likeness};
use super::model::{ModelAccount, ModelFolder, ModelMessage, SizeHabit, UidlHabit, header_end};
use super::stage::Way;
use super::user::User;
use crate::support::sandbox::Stored;

/// A law that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) law: Law,
    pub(crate) shown: String,
}

/// The laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// What we deleted on the server is in the vault.
    DeletedIsStored,
    /// When an audit lets a user leave, everything that is listed is in the vault.
    LeaveIsSafe,
    /// After two calm pulls everything that is listed is in the vault, or they say that
    /// something is missing.
    CalmIsComplete,
    /// When a pull ends well after an audit, everything that is listed is in the vault.
    AuditIsMadeGood,
    /// In no folder are two files of one likeness, unless one is superseded.
    EachOnce,
    /// What was forgotten does not come back.
    ForgottenStays,
    /// A merge leaves one account, and every message in its folder.
    MergeKeeps,
    /// What is exported arrives.
    ExportArrives,
    /// A vault that nobody damaged is whole.
    Whole,
    /// A vault that is restored from its second copy is the one that was lost.
    #[cfg(feature = "offsite")]
    RestoredIsSame,
    /// An index that is made anew says what the old one said.
    RebuiltAgrees,
    /// Calm commands succeed.
    CalmSucceeds,
    /// The same wrong bytes, twice within an hour, do not settle.
    SettlingTakesTime,
    /// Nothing panics.
    NoPanic,
}

/// What was on the server under a name at some time.
type Past = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// Watches a life.
pub(crate) struct Oracle {
    account: SharedAccount,
    past: Past,
    /// What was listed when the last pull began.
    listed: BTreeSet<Vec<u8>>,
    /// What was removed from the vault for good, and what may have been, or may come back.
    forgotten: Vec<Vec<u8>>,
    perhaps_forgotten: Vec<Vec<u8>>,
}

/// The names of a message over both protocols, as far as they identify it.
fn names(account: &ModelAccount, folder: &str, message: &ModelMessage) -> Vec<String> {
    let mut names = vec![format!("{folder} {}", message.uid)];
    let identify = matches!(account.kind.uidls, UidlHabit::Own | UidlHabit::Formula);
    if folder == "INBOX" && identify {
        names.push(account.uidl(0, message));
    }
    names
}

fn breach(law: Law, shown: impl Into<String>) -> Result<(), Breach> {
    let shown = shown.into();
    Err(Breach { law, shown })
}

impl Oracle {
    pub(crate) fn new(account: &SharedAccount) -> Self {
        Self {
            account: SharedAccount::clone(account),
            past: Past::new(),
            listed: BTreeSet::new(),
            forgotten: Vec::new(),
            perhaps_forgotten: Vec::new(),
        }
    }

    /// A message was removed from the vault for good, or perhaps, if that was not `done`.
    pub(crate) fn forgot(&mut self, bytes: &[u8], done: bool) {
        let list = if done {
            &mut self.forgotten
        } else {
            &mut self.perhaps_forgotten
        };
        list.push(bytes.to_vec());
    }

    /// What was forgotten may come back.
    pub(crate) fn may_return(&mut self) {
        self.perhaps_forgotten.append(&mut self.forgotten);
    }

    fn is_excused(&self, bytes: &[u8]) -> bool {
        let mut all = self.forgotten.iter().chain(&self.perhaps_forgotten);
        all.any(|gone| is_same(gone, bytes))
    }

    /// Notes what the server has; a command is about to see it.
    pub(crate) fn look(&mut self) {
        let account = locked(&self.account);
        for folder in &account.folders {
            for message in folder.shown() {
                for name in names(&account, &folder.name, message) {
                    let past = self.past.entry(name).or_default();
                    past.insert(message.bytes.clone());
                }
            }
        }
    }

    /// What else these names once meant that has the size of a message, as the server lists it.
    fn others(&self, sizes: SizeHabit, names: &[String], bytes: &[u8]) -> Vec<&Vec<u8>> {
        let listed = |bytes: &[u8]| match sizes {
            // It says nothing.
            SizeHabit::Estimated => 0,
            SizeHabit::LineFeeds => bytes.iter().filter(|b| **b != b'\n').count(),
            SizeHabit::Exact | SizeHabit::StatusFields => bytes.len(),
        };
        let past = names
            .iter()
            .filter_map(|name| self.past.get(name))
            .flatten();
        // A final line end explains two octets.
        past.filter(|then| *then != bytes && listed(then).abs_diff(listed(bytes)) <= 2)
            .collect()
    }

    /// True if nothing tells a message from one that once had its name: header and size are
    /// equal. Nobody can know that but who receives it again, and SAFETY says so.
    fn is_hidden(&self, sizes: SizeHabit, names: &[String], bytes: &[u8]) -> bool {
        let header = |bytes: &[u8]| bytes[..header_end(bytes)].to_vec();
        let others = self.others(sizes, names, bytes);
        others.iter().any(|then| header(then) == header(bytes))
    }

    /// What holds always.
    pub(crate) fn always(&self, user: &User, exact: bool) -> Result<(), Breach> {
        let stored = user.stored();
        let account = locked(&self.account);
        for deleted in &account.deleted {
            let place = (deleted.folder.clone(), deleted.uid);
            let names = [
                format!("{} {}", deleted.folder, deleted.uid),
                deleted.uidl.clone(),
            ];
            // Where sizes say nothing, a purge receives the message again.
            let hidden = account.kind.sizes != SizeHabit::Estimated
                && self.is_hidden(account.kind.sizes, &names, &deleted.key.1);
            if !hidden
                && !self.is_excused(&deleted.key.1)
                && !account.blind.contains(&deleted.key)
                && !stored
                    .iter()
                    .any(|(_, file)| is_same(&file.bytes, &deleted.key.1))
            {
                let shown = String::from_utf8_lossy(&deleted.key.1);
                return breach(Law::DeletedIsStored, format!("{place:?}\n{shown}"));
            }
        }
        drop(account);
        for (_, file) in &stored {
            if self.forgotten.iter().any(|gone| is_same(gone, &file.bytes)) {
                return breach(Law::ForgottenStays, &*file.name);
            }
        }
        if exact {
            return Ok(());
        }
        let ledger = user.ledger();
        let mut seen = BTreeMap::new();
        for (account, file) in &stored {
            let hash = file.name.split('.').nth(1).unwrap_or_default();
            let superseded = ledger
                .lines()
                .any(|line| line.contains("\"ev\":\"superseded\"") && line.contains(hash));
            let Some(like) = likeness(&file.bytes).filter(|_| !superseded) else {
                continue;
            };
            let key = (account.clone(), file.folder.clone(), like);
            if let Some(other) = seen.insert(key, &file.name) {
                return breach(Law::EachOnce, format!("{} and {other}", file.name));
            }
        }
        Ok(())
    }

    /// What is listed now and is not in the vault, though somebody could know; also by its
    /// header, if `read`.
    fn missing(&self, user: &User, read: bool) -> Option<String> {
        let stored = user.stored();
        let account = locked(&self.account);
        let sizes = account.kind.sizes;
        let reached = account
            .folders
            .iter()
            .filter(|folder| user.way == Way::Imap || folder.name == "INBOX");
        for folder in reached {
            for message in folder.shown() {
                let place = (folder.name.clone(), message.uid);
                let key = (message.identity, message.bytes.clone());
                let names = names(&account, &folder.name, message);
                let hidden = if read {
                    account.blind.contains(&key) || self.is_hidden(sizes, &names, &message.bytes)
                } else {
                    account.misled.contains(&key)
                        || !self.others(sizes, &names, &message.bytes).is_empty()
                };
                if !hidden
                    && !self.is_excused(&message.bytes)
                    && !stored
                        .iter()
                        .any(|(_, file)| is_same(&file.bytes, &message.bytes))
                {
                    let shown = String::from_utf8_lossy(&message.bytes);
                    return Some(format!("{place:?}\n{shown}"));
                }
            }
        }
        None
    }

    /// An audit said that the user may leave.
    pub(crate) fn may_leave(&self, user: &User) -> Result<(), Breach> {
        match self.missing(user, true) {
            Some(shown) => breach(Law::LeaveIsSafe, shown),
            None => Ok(()),
        }
    }

    /// A pull ended well that came after an audit: what that found wanting was fetched.
    pub(crate) fn made_good(&self, user: &User) -> Result<(), Breach> {
        match self.missing(user, true) {
            Some(shown) => breach(Law::AuditIsMadeGood, shown),
            None => Ok(()),
        }
    }

    /// The second of two calm pulls ended well.
    pub(crate) fn complete(&self, user: &User) -> Result<(), Breach> {
        // Without a look at headers, which an audit takes, an edit in place that leaves the
        // size stays unseen, and so does a body that once came for another of its size.
        match self.missing(user, false) {
            Some(shown) => breach(Law::CalmIsComplete, shown),
            None => Ok(()),
        }
    }

    /// In a life of less than an hour, no message is settled.
    pub(crate) fn unsettled(user: &User) -> Result<(), Breach> {
        let ledger = user.ledger();
        let mut lines = ledger.lines();
        match lines.find(|line| line.contains("\"ev\":\"settled\"")) {
            Some(line) => breach(Law::SettlingTakesTime, line.to_owned()),
            None => Ok(()),
        }
    }

    /// Accounts were merged; what was stored before is in the same folders of the one that is left.
    pub(crate) fn merged(&self, user: &User, before: &[(String, Stored)]) -> Result<(), Breach> {
        let after = user.stored();
        if let Some((account, file)) = after.iter().find(|(account, _)| *account != user.name) {
            return breach(
                Law::MergeKeeps,
                format!("{account} still has {}", file.name),
            );
        }
        for (_, file) in before {
            let same = |other: &Stored| other.folder == file.folder && other.bytes == file.bytes;
            let count = after.iter().filter(|(_, other)| same(other)).count();
            // A forget that was decided may end with the merge.
            if count != 1 && !(count == 0 && self.is_excused(&file.bytes)) {
                return breach(
                    Law::MergeKeeps,
                    format!("{} is there {count} times", file.name),
                );
            }
        }
        Ok(())
    }

    /// A pull is about to list the mailbox.
    pub(crate) fn note_listed(&mut self) {
        let account = locked(&self.account);
        let shown = account.folders.iter().flat_map(ModelFolder::shown);
        self.listed = shown.map(|message| message.bytes.clone()).collect();
    }

    /// On the other server is what the vault has: all of it, or what the last pull found listed.
    pub(crate) fn arrived(&self, user: &User, gone: bool) -> Result<(), Breach> {
        let other = locked(&user.other);
        let there: BTreeSet<&Vec<u8>> = other
            .folders
            .iter()
            .flat_map(|folder| folder.messages.iter().map(|message| &message.bytes))
            .collect();
        let ledger = user.ledger();
        for (_, file) in user.stored() {
            let hash = file.name.split('.').nth(1).unwrap_or_default();
            let superseded = |line: &str| line.contains("\"ev\":\"superseded\"");
            let mut about = ledger.lines().filter(|line| line.contains(hash)).peekable();
            // A run that died may have named a file and not recorded it.
            let left_out = about.peek().is_none() || about.any(superseded);
            let arrived = if gone {
                there.contains(&file.bytes)
            } else {
                // A copy that is gone from its folder may be another one's equal.
                let mut listed = self.listed.iter();
                let original = listed.find(|original| is_same(&file.bytes, original));
                original.is_none_or(|original| there.iter().any(|it| is_same(it, original)))
            };
            if !arrived && !left_out {
                return breach(Law::ExportArrives, file.name);
            }
        }
        Ok(())
    }
}
