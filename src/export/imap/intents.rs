//! What sessions before this one were about to send without being told how that ended.
//!
//! A server goes on with what was in the pipe when a run was killed or its line was cut, for
//! longer than the next run takes to look. So these messages come last, after the folder has
//! stopped growing and was looked at again.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::folder_run::FolderRun;
use super::found::ServerMessages;
use super::{FolderPlan, Upload};
use crate::base::error::{Error, Result};
use crate::base::event::Notice;
use crate::mail::message::Hash128;
use crate::net::imap::{Access, Counts, Session};
use crate::vault::Entry;
use crate::vault::ledger::LedgerEvent;

/// Messages whose intents are made durable at once.
pub(super) const CHUNK: usize = 256;

/// A folder has stopped growing when it has not changed for so long, or for as long as the server
/// takes for [`MESSAGES`], but no longer than [`LONGEST`].
const QUIET: Duration = Duration::from_secs(3);
const MESSAGES: u32 = 20;
const LONGEST: Duration = Duration::from_secs(60);
/// Others may write to the folder all the time; beyond this the look at the end has to do.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Upload<'_> {
    /// Makes durable which messages are about to be sent.
    pub(super) fn intend(&mut self, entries: &[Entry], run: &mut FolderRun) -> Result<()> {
        for entry in entries {
            let hash = entry.name.hash;
            if run.intents.open.contains(&hash) && !run.intents.is_second_pass {
                continue;
            }
            if run.intents.ours.insert(hash) && !run.intents.is_second_pass {
                self.batch.push(LedgerEvent::UploadIntent {
                    destination: self.task.destination.to_owned(),
                    folder: run.key.clone(),
                    hash,
                });
            }
        }
        self.note()
    }

    /// Every message that was sent has its verdict: what is not there was not taken.
    pub(super) fn close(&mut self, run: &mut FolderRun) {
        for hash in run.intents.ours.drain() {
            self.batch.push(LedgerEvent::UploadFailed {
                destination: self.task.destination.to_owned(),
                folder: run.key.clone(),
                hash,
            });
        }
    }

    /// Waits until the folder no longer grows, and looks at it again. `pace` is what the server
    /// takes for a message.
    pub(super) fn wait_until_stable<S: Read + Write>(
        &mut self,
        session: &mut Session<S>,
        plan: &FolderPlan<'_>,
        pace: Duration,
        run: &mut FolderRun,
    ) -> Result<()> {
        let mailbox = &plan.goal.mailbox;
        self.notice(Notice::AwaitingUploads {
            folder: &mailbox.label,
            messages: run.intents.deferred.len() as u64,
        });
        let quiet = pace.saturating_mul(MESSAGES).clamp(QUIET, LONGEST);
        let began = Instant::now();
        let (mut since, mut before): (Instant, Option<Counts>) = (began, None);
        while since.elapsed() < quiet && began.elapsed() < PATIENCE {
            if self.task.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            // STATUS of the open mailbox may be stale (RFC 9051 s.6.3.11).
            let now = session.open(mailbox, Access::Write)?.counts();
            let same = before.is_some_and(|before| {
                (before.messages, before.uidnext) == (now.messages, now.uidnext)
            });
            if !same {
                (since, before) = (Instant::now(), Some(now));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let mut folder = session.open(mailbox, Access::Write)?;
        let sizes = run.intents.looked_for.values().map(|(octets, _)| *octets);
        let ours = self.our_uids(&run.key, folder.counts())?;
        run.found = ServerMessages::look(&mut folder, &sizes.collect(), &ours)?;
        run.intents.is_second_pass = true;
        Ok(())
    }

    /// Names what an interrupted session was about to send and is there more than once.
    pub(super) fn find_doubled<S: Read + Write>(
        &mut self,
        session: &mut Session<S>,
        plan: &FolderPlan<'_>,
        run: &FolderRun,
    ) -> Result<()> {
        let looked_for = &run.intents.looked_for;
        let mut folder = session.open(&plan.goal.mailbox, Access::Write)?;
        let mut others = self.our_uids(&run.key, folder.counts())?;
        for hash in looked_for.keys() {
            let catalog = self.writer.catalog();
            let uid = catalog.uploaded_uid(self.task.destination, &run.key, *hash)?;
            uid.map(|uid| others.remove(&uid));
        }
        let sizes = looked_for.values().map(|(octets, _)| *octets).collect();
        let found = ServerMessages::look(&mut folder, &sizes, &others)?;
        let mut keys: HashMap<(u64, Hash128), usize> = HashMap::new();
        for key in looked_for.values() {
            *keys.entry(*key).or_default() += 1;
        }
        for (hash, key) in looked_for {
            // Two of ours may have the same size and header.
            let (there, ours) = (found.count(*key), keys.insert(*key, usize::MAX));
            if ours.is_some_and(|ours| there > ours)
                && let Some(mut message) = self.interrupted.remove(hash)
            {
                message.reason = format!("{there} messages on the server have its size and header");
                self.report.doubled.push(message);
            }
        }
        Ok(())
    }
}
