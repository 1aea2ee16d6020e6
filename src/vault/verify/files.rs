//! The message files, each way: every recorded message has its file, and every file its record.

use std::collections::BTreeMap;

use super::finding::{Finding, Problem};
use super::read::{ReadJob, ReadOutcome, read};
use super::{Check, FindingList, tree, whole};
use crate::base::error::Result;
use crate::base::event::RunEvent;
use crate::mail::message::Hash128;
use crate::vault::catalog::{Blob, Catalog, Place};
use crate::vault::frame::Flaw;
use crate::vault::layout::FileName;
use crate::vault::maildir;
use crate::vault::tombstones::TombstoneKey;

impl Check<'_> {
    /// Invariants 1 to 4.
    pub(super) fn files(
        &mut self,
        replayed: &Catalog,
        events: &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<()> {
        if self.options.accounts.is_empty() {
            for name in maildir::strays(self.layout)? {
                self.find(&format!("mail/{name}"), Problem::Unrecorded)?;
            }
        }
        if !self.options.read_data
            && let Some(whole) = whole::whole(self.layout, replayed, |account| self.wants(account))?
        {
            let accounts = whole.into_iter().map(|(account, all)| (account, all, all));
            self.report.accounts = accounts.collect();
            return Ok(());
        }
        tree::walk(self.layout, replayed, |account| self.wants(account))?;
        let mut list = std::mem::take(&mut self.report.findings);
        let mut found = FileFindings {
            replayed,
            subjects: self.existing.as_ref().ok().and_then(Option::as_ref),
            first: list.end(),
            list: &mut list,
            totals: BTreeMap::new(),
        };
        let (mut row, mut claimed) = (0, 0);
        let mut find = |hand: &mut dyn FnMut(ReadJob) -> Vec<(ReadJob, Flaw)>| {
            replayed.for_each_walked(|place, blob, file| {
                if !self.wants(&place.account) {
                    return Ok(());
                }
                row += 1;
                claimed += u64::from(file.is_some());
                found.count(&place.account);
                let (path, problem) =
                    tree::judge(self.layout, replayed, &place, &blob, file.as_ref())?;
                let job = ReadJob {
                    row,
                    place,
                    blob,
                    path,
                };
                if let Some(problem) = problem {
                    return found.add(job, problem);
                }
                if self.options.read_data && self.in_subset(job.blob.name.hash) {
                    for (job, flaw) in hand(job) {
                        found.add(job, of_flaw(flaw))?;
                    }
                }
                Ok(())
            })
        };
        let read = if self.options.read_data {
            let total = replayed
                .placed_octets(|account, hash| self.wants(account) && self.in_subset(hash))?;
            read(self.layout.root(), self.options, total, events, find)?
        } else {
            find(&mut |_| Vec::new())?;
            ReadOutcome::NONE
        };
        for (job, flaw) in read.flawed {
            found.add(job, of_flaw(flaw))?;
        }
        let totals = found.totals.into_iter();
        self.report.accounts = totals
            .map(|(account, (all, good))| (account, all, good))
            .collect();
        self.report.findings = list;
        self.report.read = read.octets;
        self.report.complete = read.complete;
        // Where every file was claimed there is nothing left to look at.
        if claimed != replayed.walked()? {
            self.add_unclaimed(replayed)?;
        }
        Ok(())
    }

    /// Adds the files that no line names.
    fn add_unclaimed(&mut self, replayed: &Catalog) -> Result<()> {
        let key = TombstoneKey::load(self.layout, replayed).unwrap_or_default();
        replayed.for_each_unclaimed(|file, again| {
            let mut problem = Problem::Unrecorded;
            if again {
                problem = Problem::Repeated;
            } else if let Some(key) = &key
                && let Some((name, _)) = FileName::parse(&file.name)
                && key.has_content(replayed, name.hash)?
            {
                problem = Problem::Returned;
            }
            let path = tree::path_of(&file);
            let finding = Finding {
                account: Some(file.account),
                ..Finding::of_vault(&path, problem)
            };
            self.report.findings.push(&finding)
        })
    }

    fn wants(&self, account: &str) -> bool {
        self.options.accounts.is_empty() || self.options.accounts.iter().any(|a| a == account)
    }

    fn in_subset(&self, hash: Hash128) -> bool {
        self.options.subset.is_none_or(|(n, t)| {
            u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]) % t.max(1) == n - 1
        })
    }
}

/// What is found of recorded messages.
struct FileFindings<'f> {
    replayed: &'f Catalog,
    /// Who knows the subjects, if anybody: a damaged catalog is reported already.
    subjects: Option<&'f Catalog>,
    list: &'f mut FindingList,
    /// The place of what is found of row 0.
    first: i64,
    /// Messages and how many of them are good, by account.
    totals: BTreeMap<String, (u64, u64)>,
}

impl FileFindings<'_> {
    /// Counts a message, which is good as long as nothing is added.
    fn count(&mut self, account: &str) {
        if !self.totals.contains_key(account) {
            self.totals.insert(account.to_owned(), (0, 0));
        }
        if let Some((all, good)) = self.totals.get_mut(account) {
            *all += 1;
            *good += 1;
        }
    }

    /// Adds what is wrong with one that was counted, in the order of rows.
    fn add(&mut self, job: ReadJob, problem: Problem) -> Result<()> {
        let ReadJob {
            row,
            place: Place { account, .. },
            blob: Blob { id, name, .. },
            path,
        } = job;
        if problem.is_damage()
            && let Some((_, good)) = self.totals.get_mut(&account)
        {
            *good -= 1;
        }
        let subject = (self.subjects).and_then(|catalog| catalog.subject_of(name.hash).ok());
        let finding = Finding {
            account: Some(account),
            path,
            id: Some(name.hash),
            problem,
            on_server: self.replayed.is_on_server(id)?,
            mended: false,
            date: i64::from(name.received),
            subject: subject.unwrap_or_default(),
        };
        self.list.put(self.first + row, &finding)
    }
}

fn of_flaw(flaw: Flaw) -> Problem {
    match flaw {
        Flaw::Missing => Problem::Missing,
        Flaw::Unreadable(how) => Problem::Damaged(how),
        Flaw::Altered => Problem::Damaged("its content differs".to_owned()),
    }
}
