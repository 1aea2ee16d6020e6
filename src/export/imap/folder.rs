//! One folder of the server: what it has, what it lacks, and sending that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::folder_run::{FolderRun, Intents};
use super::found::ServerMessages;
use super::intents::CHUNK;
use super::letter::{LineEnds, date, flags, keeps, look, wire, without};
use super::{Filled, FolderPlan, RefusedUpload, Sent, Upload, reason, refused};
use crate::base::error::{Error, Result};
use crate::base::stage::Stage;
use crate::export::LeftOut;
use crate::export::lint::MailboxLimits;
use crate::net::imap::{
    Access, AppendMessage, AppendRefusal, Appender, Counts, Created, Session, Verdict,
};
use crate::vault::frame::Checker;
use crate::vault::ledger::LedgerEvent;
use crate::vault::{Entry, now_seconds};

impl Upload<'_> {
    /// Uploads to one folder.
    pub(super) fn fill<S: Read + Write>(
        &mut self,
        session: &mut Session<S>,
        plan: &FolderPlan<'_>,
    ) -> Result<()> {
        let mailbox = &plan.goal.mailbox;
        let key = plan.key();
        if plan.goal.missing
            && let Created::Refused { words, .. } = session.create(mailbox)?
        {
            return self.refuse_all(plan, &format!("the folder cannot be made: {words}"));
        }
        let mut folder = match session.open(mailbox, Access::Write) {
            Ok(folder) => folder,
            Err(Error::Refused { reply, .. }) => {
                return self.refuse_all(plan, &format!("the folder cannot be opened: {reply}"));
            }
            Err(error) => return Err(error),
        };
        let counts = folder.counts();
        let mut limits = MailboxLimits {
            keeps: keeps(folder.permanent()),
            ..MailboxLimits::default()
        };
        let ours = self.our_uids(&key, counts)?;
        let found = if counts.messages == Some(0) {
            ServerMessages::default()
        } else {
            ServerMessages::look(&mut folder, &plan.sizes, &ours)?
        };
        let filled = *self.filled.entry(mailbox.raw.clone()).or_insert_with(|| {
            self.report.folders.push(Filled {
                folder: mailbox.label.clone(),
                held: counts.messages,
                ..Filled::default()
            });
            self.report.folders.len() - 1
        });
        limits.limit = session.append_limit(mailbox)?;
        limits.utf8 = session.takes_utf8();
        let intents = Intents {
            open: self
                .writer
                .catalog()
                .open_uploads(self.task.destination, &key)?,
            ..Intents::default()
        };
        let mut run = FolderRun {
            key,
            label: mailbox.label.clone(),
            limits,
            found,
            intents,
            sent: HashMap::new(),
            count: 0,
            hashes: HashSet::new(),
            ended: None,
            is_cut: false,
            line_ends: LineEnds::Stored,
            refused: BTreeMap::new(),
        };
        let uploaded = self.report.uploaded;
        let outcome = self.send_in_order(session, plan, &mut run);
        self.report.folders[filled].uploaded += self.report.uploaded - uploaded;
        if let Err(error) = &outcome {
            self.accuse(error, &mut run);
        }
        outcome?;
        // STATUS of the open mailbox may be stale (RFC 9051 s.6.3.11); Courier's is.
        self.report.folders[filled].holds = match session.open(mailbox, Access::Read) {
            Ok(folder) => folder.counts().messages,
            Err(Error::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        match run.ended {
            Some((refusal, reply)) => Err(self.ended(refusal, reply)),
            None => Ok(()),
        }
    }

    /// Sends first what is new, and then, once the folder has stopped growing, what an
    /// interrupted session was about to send and is still missing.
    fn send_in_order<S: Read + Write>(
        &mut self,
        session: &mut Session<S>,
        plan: &FolderPlan<'_>,
        run: &mut FolderRun,
    ) -> Result<()> {
        let mailbox = &plan.goal.mailbox;
        let began = Instant::now();
        self.send_all(&mut session.appender(mailbox), plan, run)?;
        if !run.intents.deferred.is_empty() && run.ended.is_none() {
            let sent = u32::try_from(run.count).unwrap_or(u32::MAX);
            let pace = began.elapsed() / sent.max(1);
            self.wait_until_stable(session, plan, pace, run)?;
            self.send_all(&mut session.appender(mailbox), plan, run)?;
        }
        if !run.refused.is_empty() && run.ended.is_none() {
            run.line_ends = LineEnds::Strict;
            self.send_all(&mut session.appender(mailbox), plan, run)?;
        }
        for message in std::mem::take(&mut run.refused).into_values() {
            self.refuse(&run.key, message);
        }
        if run.intents.looked_for.is_empty() {
            return Ok(());
        }
        self.note()?;
        self.find_doubled(session, plan, run)
    }

    /// UIDs that the journal has of this folder, if they still hold: these messages need
    /// not be looked at.
    pub(super) fn our_uids(&mut self, key: &str, counts: Counts) -> Result<HashSet<u32>> {
        let Some(uidvalidity) = counts.uidvalidity else {
            return Ok(HashSet::new());
        };
        let task = self.task;
        let name = format!("upload {} {key}", task.destination);
        let catalog = self.writer.catalog();
        let known = catalog.learned(task.stored_as, &name)?;
        let known = known.as_deref().and_then(|text| text.split_once(' '));
        if let Some((validity, since)) = known
            && validity == uidvalidity.to_string()
            && let Ok(since) = since.parse()
        {
            if task.again {
                return Ok(HashSet::new());
            }
            return catalog.uploaded_uids(task.destination, key, since);
        }
        self.batch.push(LedgerEvent::Learned {
            account: task.stored_as.to_owned(),
            key: name,
            value: format!("{uidvalidity} {}", now_seconds()),
        });
        Ok(HashSet::new())
    }

    fn send_all<S: Read + Write>(
        &mut self,
        appender: &mut Appender<'_, S>,
        plan: &FolderPlan<'_>,
        run: &mut FolderRun,
    ) -> Result<()> {
        let outcome = self.send_parts(appender, plan, run);
        if matches!(outcome, Ok(()) | Err(Error::Interrupted)) && !run.is_cut {
            while self.take(appender, run)? {}
            self.close(run);
        }
        outcome
    }

    fn send_parts<S: Read + Write>(
        &mut self,
        appender: &mut Appender<'_, S>,
        plan: &FolderPlan<'_>,
        run: &mut FolderRun,
    ) -> Result<()> {
        let task = self.task;
        for part in &plan.parts {
            let keywords = task.vault.catalog().keywords_in(&part.account, &part.dir)?;
            let mut entries = task.vault.entries_in(task.selection, part);
            loop {
                let mut chunk = Vec::new();
                for entry in entries.by_ref() {
                    let entry = entry?;
                    if self.is_wanted(&entry, run)? {
                        chunk.push(entry);
                    }
                    if chunk.len() == CHUNK || task.stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                if task.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                if chunk.is_empty() {
                    break;
                }
                self.intend(&chunk, run)?;
                for entry in &chunk {
                    if task.stop.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted);
                    }
                    if run.ended.is_some() {
                        return Ok(());
                    }
                    self.send(appender, entry, keywords.get(&entry.name.hash), run)?;
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, entry: &Entry, run: &FolderRun) -> Result<bool> {
        let hash = entry.name.hash;
        let is_due = match run.line_ends {
            LineEnds::Strict => run.refused.contains_key(&hash),
            LineEnds::Stored => {
                !run.refused.contains_key(&hash)
                    && (!run.intents.is_second_pass || run.intents.deferred.contains(&hash))
            }
        };
        Ok(is_due
            && !run.hashes.contains(&hash)
            && !self.batched.contains(&hash)
            && !self.settled.contains(&(run.key.clone(), hash))
            && !self.is_done(&run.key, hash)?)
    }

    fn send<S: Read + Write>(
        &mut self,
        appender: &mut Appender<'_, S>,
        entry: &Entry,
        keywords: Option<&Arc<str>>,
        run: &mut FolderRun,
    ) -> Result<()> {
        let hash = entry.name.hash;
        // It may have come twice within a chunk.
        if !self.is_wanted(entry, run)? {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.send_read(appender, entry, keywords, run, &mut buffer);
        self.buffer = buffer;
        match outcome {
            Err(Error::Damaged { detail, .. }) => {
                self.settled.insert((run.key.clone(), hash));
                self.passed(entry.name.size);
                self.report.left_out.push(LeftOut {
                    id: hash,
                    subject: entry.subject.clone(),
                    reason: detail,
                });
                Ok(())
            }
            other => other,
        }
    }

    fn send_read<S: Read + Write>(
        &mut self,
        appender: &mut Appender<'_, S>,
        entry: &Entry,
        keywords: Option<&Arc<str>>,
        run: &mut FolderRun,
        buffer: &mut Checker,
    ) -> Result<()> {
        let hash = entry.name.hash;
        let (mut body, look) = look(entry, run.line_ends, buffer, self.task.stop)?;
        let octets = look.octets();
        let may_come = run.intents.open.contains(&hash) && !run.intents.is_second_pass;
        if may_come {
            let key = run.found.key(&mut body, octets)?;
            run.intents.looked_for.insert(hash, key);
            let message = refused(entry, &run.label, String::new());
            self.interrupted.insert(hash, message);
        }
        if let Some(uid) = run.found.take(&mut body, octets)? {
            run.intents.open.remove(&hash);
            run.intents.ours.remove(&hash);
            if let Some(sent) = self.unsure.remove(&hash) {
                return self.taken(&run.key, sent, Some(uid), None);
            }
            self.report.there += 1;
            self.passed(entry.name.size);
            return self.is_there(&run.key, hash, Some(uid));
        }
        if may_come {
            run.intents.deferred.insert(hash);
            return Ok(());
        }
        let mut certain = look.flaws(&run.limits);
        certain.retain(|flaw| flaw.is_certain());
        if !certain.is_empty() {
            self.refuse(&run.key, refused(entry, &run.label, reason(&certain)));
            return Ok(());
        }
        while appender.is_full(look.octets()) || self.cautious && !run.sent.is_empty() {
            self.take(appender, run)?;
        }
        if run.ended.is_some() {
            return Ok(());
        }
        let (flags, lost) = flags(entry, keywords, &run.limits);
        let (date, own) = date(entry);
        let letter = AppendMessage {
            flags,
            date: Some(date),
            octets: look.octets(),
            utf8: run.limits.utf8 && look.is_utf8_header(),
        };
        run.count += 1;
        let number = run.count;
        let message = refused(entry, &run.label, String::new());
        run.hashes.insert(hash);
        let sent = Sent {
            message,
            lost,
            own,
            has_odd_line_ends: look.has_odd_line_ends(),
        };
        run.sent.insert(number, sent);
        let line_ends = run.line_ends;
        let sent = appender.send(number, &letter, &mut |piece| {
            wire(&mut body, line_ends, piece)
        });
        run.is_cut = matches!(sent, Err(Error::Interrupted));
        sent.map_err(|error| match error {
            // Half of it is on its way: nothing can follow in this session.
            Error::Damaged { detail, .. } => Error::Lost {
                server: self.task.server.clone(),
                stage: Stage::Command("APPEND".into()),
                source: Some(std::io::Error::other(detail)),
            },
            other => other,
        })
    }

    /// Takes one verdict; false if none is due.
    fn take<S: Read + Write>(
        &mut self,
        appender: &mut Appender<'_, S>,
        run: &mut FolderRun,
    ) -> Result<bool> {
        let Some((number, verdict)) = appender.take()? else {
            return Ok(false);
        };
        let Some(mut sent) = run.sent.remove(&number) else {
            return Ok(true);
        };
        run.hashes.remove(&sent.message.id);
        match verdict {
            Verdict::Taken(uid) => {
                run.intents.ours.remove(&sent.message.id);
                let before = run.refused.remove(&sent.message.id);
                self.taken(&run.key, sent, uid, before.map(|before| before.reason))?;
            }
            Verdict::Refused(AppendRefusal::Message, words) => {
                sent.message.reason = words;
                if run.line_ends == LineEnds::Stored && sent.has_odd_line_ends {
                    run.refused.insert(sent.message.id, sent.message);
                } else if !run.refused.contains_key(&sent.message.id) {
                    self.refuse(&run.key, sent.message);
                }
            }
            Verdict::Refused(refusal, words) => {
                run.ended.get_or_insert((refusal, words));
            }
        }
        Ok(true)
    }

    /// A message was taken; `refused` has the words with which it was refused as it is stored.
    fn taken(
        &mut self,
        key: &str,
        sent: Sent,
        uid: Option<u32>,
        refused: Option<String>,
    ) -> Result<()> {
        let Sent {
            mut message,
            lost,
            own,
            ..
        } = sent;
        self.report.uploaded += 1;
        self.report.undated += u64::from(!own);
        self.report.octets += message.octets;
        self.passed(message.octets);
        let hash = message.id;
        let lost = (!lost.is_empty()).then(|| without(&lost));
        let line_ends = refused.map(|words| {
            format!("sent with CR LF at the end of every line, as it was refused before: {words}")
        });
        let changes: Vec<String> = lost.into_iter().chain(line_ends).collect();
        if !changes.is_empty() {
            message.reason = changes.join("; ");
            self.report.stripped.push(message);
        }
        self.is_there(key, hash, uid)
    }

    /// A message at which the connection ended twice, with nothing else under way, is not
    /// sent a third time.
    fn accuse(&mut self, error: &Error, run: &mut FolderRun) {
        let sent = std::mem::take(&mut run.sent);
        if self.cautious
            && error.is_transient()
            && let Some(Sent { message, .. }) = sent.values().next()
            && self.suspect.replace(message.id) == Some(message.id)
        {
            let mut message = message.clone();
            message.reason = format!("the connection is lost whenever it is sent: {error}");
            self.refuse(&run.key, message);
            return;
        }
        let unsure = sent.into_values().map(|sent| (sent.message.id, sent));
        self.unsure.extend(unsure);
    }

    fn refuse(&mut self, key: &str, message: RefusedUpload) {
        self.settled.insert((key.to_owned(), message.id));
        self.passed(message.octets);
        self.report.refused.push(message);
    }

    fn refuse_all(&mut self, plan: &FolderPlan<'_>, why: &str) -> Result<()> {
        let (key, label) = (plan.key(), &plan.goal.mailbox.label);
        for part in &plan.parts {
            for entry in self.task.vault.entries_in(self.task.selection, part).bare() {
                let entry = entry?;
                let known = self.settled.contains(&(key.clone(), entry.name.hash));
                if !known && !self.is_done(&key, entry.name.hash)? {
                    self.refuse(&key, refused(&entry, label, why.to_owned()));
                }
            }
        }
        Ok(())
    }
}
