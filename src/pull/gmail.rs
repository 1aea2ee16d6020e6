//! Gmail's shortcuts (X-GM-EXT-1): its labels, which it shows as folders, and the number that a
//! message has in each of them.
//!
//! Every message lies in All Mail, in Spam or in Trash, and is fetched from there; all other
//! folders are labels. All Mail's own changes say which labels were touched, so that the folders
//! of the others need not be opened. At other servers there are no labels, and every folder is
//! opened.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Mutex;

use super::folder_queue::FolderJob;
use crate::account::folders::Folders;
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Voucher};
use crate::net::imap::{Mailbox, Row, Session, SpecialUse};
use crate::vault::catalog::Catalog;

/// What All Mail says of the labels, for all connections; nothing where there are none.
#[derive(Debug)]
pub(super) struct Labels(Option<Mutex<LabelChanges>>);

impl Labels {
    /// What there is to learn of labels in a session over these folders of an account, the one
    /// with all messages first; `key` is that by which a folder is remembered.
    pub(super) fn of<S: Read + Write>(
        session: &Session<S>,
        mailboxes: &[Mailbox],
        catalog: &Catalog,
        account: &str,
        key: impl Fn(&str) -> String,
    ) -> Result<Self> {
        let all = mailboxes.first().filter(|first| first.is_all());
        let Some(all) = all.filter(|_| session.knows("X-GM-EXT-1")) else {
            return Ok(Self(None));
        };
        let mut folders = Folders::new(catalog, account)?;
        let memory = catalog.learned(account, &key(&folders.dir_of(all)))?;
        let changes = LabelChanges::new(memory.as_deref(), mailboxes);
        Ok(Self(Some(Mutex::new(changes))))
    }

    /// Takes in what a folder says of a message: All Mail says which labels it has.
    pub(super) fn take(&self, mailbox: &Mailbox, row: &Row) {
        if let Some(changes) = self.0.as_ref().filter(|_| mailbox.is_all()) {
            lock(changes).take(row);
        }
    }

    /// Takes out the jobs whose folders need not be opened.
    pub(super) fn take_spare<'m>(&self, jobs: &mut Vec<FolderJob<'m>>) -> Vec<FolderJob<'m>> {
        let changes = self.0.as_ref();
        changes.map_or_else(Vec::new, |changes| lock(changes).take_spare(jobs))
    }

    /// True if what is to be remembered of this folder, under its key, is kept here until all
    /// labels are up to date: it is All Mail.
    pub(super) fn hold(&self, mailbox: &Mailbox, key: String, text: &str) -> bool {
        let changes = self.0.as_ref().filter(|_| mailbox.is_all());
        if let Some(changes) = changes {
            lock(changes).memory = Some((key, text.to_owned()));
        }
        changes.is_some()
    }

    /// What is to be remembered of All Mail, which now speaks of the folders that were all
    /// looked into, or of none.
    pub(super) fn learned(&self, looked_into: Option<&[Mailbox]>) -> Option<(String, String)> {
        lock(self.0.as_ref()?).learned(looked_into)
    }
}

/// The number that Gmail gives a message and all its copies.
pub(super) fn object(row: &Row) -> Option<ObjectId> {
    let id = row.gmail_id.filter(|id| *id != 0)?;
    let by = Voucher::Gmail;
    Some(ObjectId { by, id })
}

/// The labels that All Mail says were touched.
#[derive(Debug, Default)]
struct LabelChanges {
    touched: BTreeSet<String>,
    /// True if All Mail tells of the labels of all messages that changed since the folders
    /// were looked into, and so says of the others that they are as they were.
    tells_all: bool,
    /// What is to be remembered of All Mail once all folders are up to date.
    memory: Option<(String, String)>,
}

impl LabelChanges {
    /// `memory` is what is remembered of All Mail, which speaks of these folders.
    fn new(memory: Option<&str>, mailboxes: &[Mailbox]) -> Self {
        let covered = format!(" {}", fingerprint(mailboxes));
        Self {
            tells_all: memory.is_some_and(|text| text.ends_with(&covered)),
            ..Self::default()
        }
    }

    fn take(&mut self, row: &Row) {
        // Then its labels were not told either.
        self.tells_all &= row.gmail_id.is_some();
        for label in &row.labels {
            // The backslash of those that Gmail has itself comes quoted, or not.
            let label = match label.iter().position(|byte| *byte != b'\\') {
                Some(at @ 1..) => [b"\\", &label[at..]].concat(),
                _ => label.clone(),
            };
            let readings = Mailbox::readings(&label);
            self.touched
                .extend(readings.map(|name| name.to_lowercase()));
        }
    }

    fn take_spare<'m>(&self, jobs: &mut Vec<FolderJob<'m>>) -> Vec<FolderJob<'m>> {
        let (spare, rest) = std::mem::take(jobs)
            .into_iter()
            .partition(|job| self.spare(job));
        *jobs = rest;
        spare
    }

    fn learned(&mut self, looked_into: Option<&[Mailbox]>) -> Option<(String, String)> {
        let (key, text) = self.memory.take()?;
        let covered = looked_into.map(fingerprint).unwrap_or_default();
        Some((key, format!("{text} {covered}")))
    }

    /// True if the folder of a job is as it was when it was looked into last: its counts
    /// say that nothing came or went, and All Mail that no message in it changed.
    fn spare(&self, job: &FolderJob<'_>) -> bool {
        let (Some(name), true) = (name(job.mailbox), self.tells_all) else {
            return false;
        };
        let counts = job.mailbox.counts;
        let same = job.remembered.zip(counts);
        same.is_some_and(|(known, counts)| known.has_same_messages(&counts))
            && !self.touched.contains(&name.to_lowercase())
    }
}

/// The label whose folder this is, as All Mail calls it.
fn name(mailbox: &Mailbox) -> Option<&str> {
    if mailbox.raw == b"INBOX" {
        return Some("\\Inbox");
    }
    match mailbox.special.as_slice() {
        [] if !mailbox.raw.starts_with(b"\\") && !mailbox.raw.starts_with(b"[") => {
            Some(&mailbox.label)
        }
        [SpecialUse::Sent] => Some("\\Sent"),
        [SpecialUse::Flagged] => Some("\\Starred"),
        [SpecialUse::Important] => Some("\\Important"),
        // Drafts are called by two names, and Spam and Trash are no labels.
        _ => None,
    }
}

/// Of which folders the memory of All Mail speaks.
fn fingerprint(mailboxes: &[Mailbox]) -> String {
    let mut names: Vec<&[u8]> = mailboxes.iter().map(|m| m.raw.as_slice()).collect();
    names.sort_unstable();
    Hash128::of(&names.join(&b"\r\n"[..])).to_string()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::imap::Counts;
    use crate::pull::checkpoint::{RecordCounts, Remembered};

    const KNOWN: Counts = Counts {
        messages: Some(3),
        uidnext: Some(9),
        uidvalidity: Some(7),
        modseq: Some(55),
    };

    /// A folder that is remembered as `KNOWN` and counted so now.
    fn spares(labels: &LabelChanges, raw: &str, special: &[SpecialUse], now: Counts) -> bool {
        let mut mailbox = Mailbox::inbox();
        mailbox.label = raw.to_owned();
        mailbox.raw = raw.as_bytes().to_vec();
        mailbox.special = special.to_vec();
        mailbox.counts = Some(now);
        let mut job = FolderJob::new(&mailbox, String::new());
        let record = RecordCounts {
            names: 3,
            taken_back: 0,
        };
        let text = Remembered::of(&KNOWN, 0, record);
        job.remembered = text.and_then(|text| Remembered::parse(&text, 60));
        assert!(job.remembered.is_some());
        labels.spare(&job)
    }

    fn touched(labels: &[&str]) -> LabelChanges {
        let mut told = LabelChanges {
            tells_all: true,
            ..LabelChanges::default()
        };
        told.take(&Row {
            gmail_id: Some(1),
            labels: labels.iter().map(|l| l.as_bytes().to_vec()).collect(),
            ..Row::default()
        });
        told
    }

    #[test]
    fn only_folders_of_labels_that_nothing_touched_are_spared() {
        let moved = Counts {
            modseq: Some(99),
            ..KNOWN
        };
        let labels = touched(&["\\\\Inbox", "\\Sent", "Lists/Rust", "&APw-ber"]);
        assert!(spares(&labels, "Work", &[], moved));
        assert!(spares(&labels, "Starred", &[SpecialUse::Flagged], moved));
        assert!(!spares(&labels, "INBOX", &[], moved));
        assert!(!spares(&labels, "Gesendet", &[SpecialUse::Sent], moved));
        assert!(!spares(&labels, "lists/rust", &[], moved));
        assert!(!spares(&labels, "\u{fc}ber", &[], moved));
        // What is no label, or may be none, is looked into.
        assert!(!spares(&labels, "Trash", &[SpecialUse::Trash], moved));
        assert!(!spares(&labels, "[Gmail]/Chats", &[], moved));
        let mut untold = touched(&[]);
        assert!(spares(&untold, "Work", &[], moved));
        untold.take(&Row::default());
        assert!(!spares(&untold, "Work", &[], moved));
    }

    #[test]
    fn what_is_remembered_of_all_mail_speaks_of_the_folders_that_there_were() {
        let mut mailboxes = vec![Mailbox::inbox()];
        let memory = format!("7 9 3 55 {}", fingerprint(&mailboxes));
        let tells_all =
            |mailboxes: &[Mailbox]| LabelChanges::new(Some(&memory), mailboxes).tells_all;
        assert!(tells_all(&mailboxes));
        let mut other = Mailbox::inbox();
        other.raw = b"Work".to_vec();
        mailboxes.push(other);
        assert!(!tells_all(&mailboxes));
        assert!(!LabelChanges::new(Some("7 9 3 55"), &mailboxes).tells_all);
    }

    #[test]
    fn a_folder_that_something_came_to_or_left_is_looked_into() {
        let labels = touched(&[]);
        for counts in [
            Counts {
                messages: Some(2),
                ..KNOWN
            },
            Counts {
                uidnext: Some(10),
                ..KNOWN
            },
            Counts {
                uidvalidity: Some(8),
                ..KNOWN
            },
            Counts {
                uidnext: None,
                ..KNOWN
            },
        ] {
            assert!(!spares(&labels, "Work", &[], counts));
        }
    }
}
