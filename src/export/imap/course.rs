//! Which messages go to which folder of the server, and which of them went before.

use std::collections::HashSet;
use std::io::{Read, Write};

use super::UploadTask;
use super::names::{self, FolderNames, Goal};
use super::report::{Goals, Outlook, RenamedFolder};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::net::imap::{Mailbox, Session};
use crate::vault::Part;
use crate::vault::catalog::Catalog;
use crate::vault::layout::folder_label;

/// The messages for one folder of the server.
#[derive(Debug)]
pub(super) struct FolderPlan<'a> {
    pub(super) goal: Goal,
    pub(super) parts: Vec<&'a Part>,
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) before: u64,
    pub(super) before_octets: u64,
    /// Sizes of those that are wanted.
    pub(super) sizes: HashSet<u64>,
    /// What is to be said of its name.
    pub(super) remarks: Vec<String>,
    /// The folders whose names the server refused.
    pub(super) renamed: Vec<RenamedFolder>,
}

impl FolderPlan<'_> {
    /// The server's name, as the journal has it.
    pub(super) fn key(&self) -> String {
        String::from_utf8_lossy(&self.goal.mailbox.raw).into_owned()
    }

    pub(super) fn wanted(&self) -> u64 {
        self.messages - self.before
    }
}

impl<'a> UploadTask<'a> {
    /// What would go where. Nothing changes, here or there.
    pub(crate) fn outlook<S: Read + Write>(&self, session: &mut Session<S>) -> Result<Outlook> {
        let names = FolderNames::learn(session)?;
        let done = |folder: &str, hash| self.was_uploaded(self.vault.catalog(), folder, hash);
        let goals = self.course(&names, session, &done)?;
        let quota = session.quota(&Mailbox::inbox())?;
        let storage = quota.iter().find(|quota| quota.resource == "STORAGE");
        Ok(Outlook {
            prefix: names.prefix(),
            quota: storage.map(|q| (q.used.saturating_mul(1024), q.limit.saturating_mul(1024))),
            goals: goals
                .iter()
                .map(|plan| Goals {
                    folder: plan.goal.mailbox.label.clone(),
                    missing: plan.goal.missing,
                    messages: plan.messages,
                    octets: plan.octets,
                    before: plan.before,
                    remarks: plan.remarks.clone(),
                })
                .collect(),
            accounts: self.selection.shown_accounts(self.vault),
            omitted: self.selection.omitted.clone(),
        })
    }

    pub(super) fn was_uploaded(
        &self,
        catalog: &Catalog,
        folder: &str,
        hash: Hash128,
    ) -> Result<bool> {
        Ok(!self.again && catalog.is_uploaded(self.destination, folder, hash)?)
    }

    /// Which messages go where, and which of them went before.
    pub(super) fn course<S: Read + Write>(
        &self,
        names: &FolderNames,
        session: &Session<S>,
        done: &dyn Fn(&str, Hash128) -> Result<bool>,
    ) -> Result<Vec<FolderPlan<'a>>> {
        let mut course: Vec<FolderPlan<'a>> = Vec::new();
        let below = self.below_inbox()?;
        for part in &self.selection.folders {
            let levels = self.levels(part, below.contains(part.account.as_str()))?;
            let goal = names.goal(session, &levels);
            let remarks = names.remarks(&levels, &goal);
            let renamed = goal.renamed.then(|| RenamedFolder {
                folder: levels.join("/"),
                mailbox: goal.mailbox.label.clone(),
            });
            let same = |plan: &FolderPlan<'_>| plan.goal.mailbox.raw == goal.mailbox.raw;
            let at = course.iter().position(same).unwrap_or_else(|| {
                course.push(FolderPlan {
                    goal,
                    parts: Vec::new(),
                    messages: 0,
                    octets: 0,
                    before: 0,
                    before_octets: 0,
                    sizes: HashSet::new(),
                    remarks: Vec::new(),
                    renamed: Vec::new(),
                });
                course.len() - 1
            });
            let plan = &mut course[at];
            let key = plan.key();
            plan.parts.push(part);
            plan.renamed.extend(renamed);
            for remark in remarks {
                if !plan.remarks.contains(&remark) {
                    plan.remarks.push(remark);
                }
            }
            plan.messages += part.messages;
            plan.octets += part.octets;
            for entry in self.vault.entries_in(self.selection, part).bare() {
                let entry = entry?;
                if done(&key, entry.name.hash)? {
                    plan.before += 1;
                    plan.before_octets += entry.name.size;
                } else {
                    plan.sizes.insert(entry.name.wire);
                }
            }
        }
        Ok(course)
    }

    /// Accounts all of whose folders lie below the inbox: their old server had it so.
    fn below_inbox(&self) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        for account in self.selection.accounts() {
            let named = self.vault.catalog().named_folders(&account)?;
            let mut labels: Vec<String> = named.iter().map(|f| folder_label(&f.dir)).collect();
            let selected = self
                .selection
                .folders
                .iter()
                .filter(|p| p.account == account);
            labels.extend(selected.map(|part| folder_label(&part.dir)));
            labels.retain(|label| label != "INBOX");
            if !labels.is_empty() && labels.iter().all(|label| label.starts_with("INBOX/")) {
                found.insert(account);
            }
        }
        Ok(found)
    }

    /// The levels of the folder that a part is for.
    fn levels(&self, part: &Part, below_inbox: bool) -> Result<Vec<String>> {
        let split = |label: &str| -> Vec<String> {
            let levels = label
                .split('/')
                .map(str::trim)
                .filter(|level| !level.is_empty());
            levels.map(str::to_owned).collect()
        };
        let mut label = folder_label(&part.dir);
        if label == part.dir && !label.is_empty() {
            // A directory that cannot spell the folder's name.
            let named = self.vault.catalog().named_folders(&part.account)?;
            if let Some(folder) = named.into_iter().find(|folder| folder.dir == part.dir) {
                label = String::from_utf8_lossy(&folder.name).replace('/', "_");
            }
        }
        let mut levels = split(&label);
        if below_inbox && levels.len() > 1 {
            levels.remove(0);
        }
        if let Some(into) = self.into {
            let mut all = split(into);
            if !names::is_inbox(&levels) {
                all.append(&mut levels);
            }
            levels = all;
        }
        Ok(levels)
    }
}
