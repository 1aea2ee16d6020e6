//! The look before the upload: what the server will or may refuse.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;

use super::letter::{LineEnds, flags, keeps, look, without};
use super::names::FolderNames;
use super::{Doubt, UploadTask, refused};
use crate::base::error::{Error, Result};
use crate::export::lint::MailboxLimits;
use crate::net::imap::{Access, Mailbox, Session};
use crate::vault::frame::Checker;

impl UploadTask<'_> {
    /// What the server will or may refuse, message by message. Nothing changes there.
    pub(crate) fn check<S: Read + Write>(
        &self,
        session: &mut Session<S>,
        each: &mut dyn FnMut(Doubt),
    ) -> Result<()> {
        let names = FolderNames::learn(session)?;
        let done = |folder: &str, hash| self.was_uploaded(self.vault.catalog(), folder, hash);
        let mut buffer = Checker::default();
        for plan in self.course(&names, session, &done)? {
            let mailbox = &plan.goal.mailbox;
            let mut limits = MailboxLimits {
                utf8: session.takes_utf8(),
                ..MailboxLimits::default()
            };
            if plan.goal.missing {
                limits.limit = session.append_limit(&Mailbox::inbox())?;
            } else {
                limits.limit = session.append_limit(mailbox)?;
                limits.keeps = keeps(session.open(mailbox, Access::Write)?.permanent());
            }
            for part in &plan.parts {
                let keywords = self.vault.catalog().keywords_in(&part.account, &part.dir)?;
                for entry in self.vault.entries_in(self.selection, part) {
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted);
                    }
                    let entry = entry?;
                    if done(&plan.key(), entry.name.hash)? {
                        continue;
                    }
                    let mut doubt = |reason, certain| {
                        let message = refused(&entry, &mailbox.label, reason);
                        each(Doubt { message, certain });
                    };
                    let look = match look(&entry, LineEnds::Stored, &mut buffer, self.stop) {
                        Ok((_, look)) => look,
                        Err(Error::Damaged { detail, .. }) => {
                            doubt(format!("damaged in the vault: {detail}"), true);
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    for flaw in look.flaws(&limits) {
                        doubt(flaw.to_string(), flaw.is_certain());
                    }
                    let (_, lost) = flags(&entry, keywords.get(&entry.name.hash), &limits);
                    if !lost.is_empty() {
                        doubt(without(&lost), true);
                    }
                }
            }
        }
        Ok(())
    }
}
