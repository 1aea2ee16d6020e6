//! Folders whose names the server refuses for a character that not every server takes.

use std::io::{Read, Write};

use super::names::FolderNames;
use super::{FolderPlan, Upload};
use crate::base::error::Result;
use crate::net::imap::{Created, Mailbox, Session};

impl Upload<'_> {
    /// Makes the mailboxes with such names, or those with their spare names. True if `names`
    /// learned something by it, so that the messages have to be assigned again.
    pub(super) fn settle_names<S: Read + Write>(
        &self,
        session: &mut Session<S>,
        names: &mut FolderNames,
        course: &[FolderPlan<'_>],
    ) -> Result<bool> {
        let mut changed = false;
        for plan in course.iter().filter(|plan| plan.wanted() > 0) {
            let Some(spare) = &plan.goal.spare else {
                continue;
            };
            let mailbox = &plan.goal.mailbox;
            // What an earlier run or session decided stays so.
            if names.has(spare) && self.has_uploaded_to(spare, plan)? {
                names.rename(mailbox);
                changed = true;
                continue;
            }
            match session.create(mailbox)? {
                Created::Yes => names.add(mailbox.clone()),
                Created::Refused { by_name: true, .. } => {
                    if !names.has(spare) {
                        match session.create(spare)? {
                            Created::Yes => names.add(spare.clone()),
                            // The name that was wanted is refused once more, and told.
                            Created::Refused { .. } => continue,
                        }
                    }
                    names.rename(mailbox);
                }
                Created::Refused { .. } => continue,
            }
            changed = true;
        }
        Ok(changed)
    }

    /// True if a message of the plan was put into this mailbox before.
    fn has_uploaded_to(&self, mailbox: &Mailbox, plan: &FolderPlan<'_>) -> Result<bool> {
        let key = String::from_utf8_lossy(&mailbox.raw);
        for part in &plan.parts {
            for entry in self.task.vault.entries_in(self.task.selection, part).bare() {
                if self.is_done(&key, entry?.name.hash)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
