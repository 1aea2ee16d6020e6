//! Mail from the vault into the mailboxes of a server, each message once.
//!
//! The ledger's `uploaded` lines are the journal, by server and folder. What was sent and not
//! noted any more is found again by its size and Message-ID before anything is sent to that
//! folder, so that a run that was killed, or lost its connection, can be repeated.

mod folder;
mod found;
mod names;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::lint::Flaw;
use super::{LeftOut, TELL};
use crate::error::{Endpoint, Error, Result};
use crate::event::{Event, Notice};
use crate::imap::{Mailbox, Refusal, Session};
use crate::message::Hash128;
use crate::vault::catalog::Catalog;
use crate::vault::layout::folder_label;
use crate::vault::ledger::Event as Line;
use crate::vault::{Entry, Part, Selection, Vault, Writer};
use names::{Goal, Names};

/// Messages that are noted in the ledger at once, and how long they wait for that.
const BATCH: usize = 256;
const BATCH_AGE: Duration = Duration::from_secs(1);

/// What is to be uploaded, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// Where it comes from.
    pub vault: &'a Vault,
    /// The messages, by folders.
    pub selection: &'a Selection,
    /// The account that takes them.
    pub account: &'a str,
    /// The same as the journal knows it: `user@host:port`.
    pub destination: &'a str,
    /// Its server.
    pub server: &'a Endpoint,
    /// The folder that takes the inbox, and the other folders below it.
    pub into: Option<&'a str>,
    /// What was uploaded before is uploaded again, unless it is there.
    pub again: bool,
    /// Sessions that may fail one after another.
    pub retries: u32,
    /// Set from outside to end in order.
    pub stop: &'a AtomicBool,
}

/// A message that the server did not take, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its id.
    pub id: Hash128,
    /// Its size in octets.
    pub octets: u64,
    /// When it was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its subject, decoded.
    pub subject: String,
    /// The folder of the server.
    pub folder: String,
    /// Why: the server's words, or ours.
    pub reason: String,
}

/// What goes into one folder of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goals {
    /// Its name, as people read it.
    pub folder: String,
    /// It has to be made.
    pub missing: bool,
    /// Messages that are selected for it.
    pub messages: u64,
    /// Their size in octets.
    pub octets: u64,
    /// Those that were uploaded before.
    pub before: u64,
}

/// What an upload did to one folder of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Its name, as people read it.
    pub folder: String,
    /// Messages in it before.
    pub held: Option<u32>,
    /// Messages uploaded to it.
    pub uploaded: u64,
    /// Messages in it now.
    pub holds: Option<u32>,
}

/// What an upload came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadReport {
    /// Messages uploaded.
    pub uploaded: u64,
    /// Their size in the vault, in octets.
    pub octets: u64,
    /// Messages that were found on the server.
    pub there: u64,
    /// Copies, from other folders, of messages that went to the same folder.
    pub copies: u64,
    /// Messages that the journal has from earlier runs.
    pub before: u64,
    /// Messages that the server did not take.
    pub refused: Vec<Refused>,
    /// Messages that it took without some of their flags.
    pub stripped: Vec<Refused>,
    /// Messages that are damaged or missing in the vault.
    pub left_out: Vec<LeftOut>,
    /// The folders that something was uploaded to.
    pub folders: Vec<Filled>,
}

/// A message that the server will or may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The message; its reason tells why.
    pub message: Refused,
    /// It will be refused, or go without something.
    pub certain: bool,
}

/// A message that has no verdict yet.
#[derive(Debug)]
struct Sent {
    message: Refused,
    /// Flags that it went without.
    lost: Vec<String>,
}

/// What is known of a server before anything is uploaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What names of folders begin with.
    pub prefix: String,
    /// Octets used of how many, if the server tells.
    pub quota: Option<(u64, u64)>,
    /// Where the messages would go.
    pub goals: Vec<Goals>,
}

/// The messages for one folder of the server.
#[derive(Debug)]
struct Stretch<'a> {
    goal: Goal,
    parts: Vec<&'a Part>,
    messages: u64,
    octets: u64,
    before: u64,
    before_octets: u64,
    /// Sizes of those that are wanted.
    sizes: HashSet<u64>,
}

impl Stretch<'_> {
    /// The server's name, as the journal has it.
    fn key(&self) -> String {
        String::from_utf8_lossy(&self.goal.mailbox.raw).into_owned()
    }

    fn wanted(&self) -> u64 {
        self.messages - self.before
    }
}

impl<'a> Task<'a> {
    /// What would go where. Nothing changes, here or there.
    pub fn outlook<S: Read + Write>(&self, session: &mut Session<S>) -> Result<Outlook> {
        let names = Names::learn(session)?;
        let done = |folder: &str, hash| self.was_uploaded(self.vault.catalog(), folder, hash);
        let goals = self.course(&names, session, &done)?;
        let quota = session.quota(&Mailbox::inbox())?;
        let storage = quota.iter().find(|quota| quota.resource == "STORAGE");
        Ok(Outlook {
            prefix: names.prefix(),
            quota: storage.map(|q| (q.used.saturating_mul(1024), q.limit.saturating_mul(1024))),
            goals: goals
                .iter()
                .map(|stretch| Goals {
                    folder: stretch.goal.mailbox.label.clone(),
                    missing: stretch.goal.missing,
                    messages: stretch.messages,
                    octets: stretch.octets,
                    before: stretch.before,
                })
                .collect(),
        })
    }

    fn was_uploaded(&self, catalog: &Catalog, folder: &str, hash: Hash128) -> Result<bool> {
        Ok(!self.again && catalog.is_uploaded(self.destination, folder, hash)?)
    }

    /// Which messages go where, and which of them went before.
    fn course<S: Read + Write>(
        &self,
        names: &Names,
        session: &Session<S>,
        done: &dyn Fn(&str, Hash128) -> Result<bool>,
    ) -> Result<Vec<Stretch<'a>>> {
        let mut course: Vec<Stretch<'a>> = Vec::new();
        let below = self.below_inbox()?;
        for part in &self.selection.folders {
            let levels = self.levels(part, below.contains(part.account.as_str()))?;
            let goal = names.goal(session, &levels);
            let same = |stretch: &Stretch<'_>| stretch.goal.mailbox.raw == goal.mailbox.raw;
            let at = course.iter().position(same).unwrap_or_else(|| {
                course.push(Stretch {
                    goal,
                    parts: Vec::new(),
                    messages: 0,
                    octets: 0,
                    before: 0,
                    before_octets: 0,
                    sizes: HashSet::new(),
                });
                course.len() - 1
            });
            let stretch = &mut course[at];
            let key = stretch.key();
            stretch.parts.push(part);
            stretch.messages += part.messages;
            stretch.octets += part.octets;
            for entry in self.vault.entries_in(self.selection, part).bare() {
                let entry = entry?;
                if done(&key, entry.name.hash)? {
                    stretch.before += 1;
                    stretch.before_octets += entry.name.size;
                } else {
                    stretch.sizes.insert(entry.name.wire);
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

/// An upload in progress, over as many sessions as it takes.
pub struct Upload<'a> {
    task: Task<'a>,
    writer: &'a mut Writer,
    tell: &'a mut dyn FnMut(Event<'_>),
    /// What came of it so far.
    pub report: UploadReport,
    /// True once the first session has looked at everything.
    begun: bool,
    batch: Vec<Line>,
    batched: HashSet<Hash128>,
    noted: Instant,
    told: Instant,
    /// What this run uploaded, if the journal is not asked.
    mine: HashSet<(String, Hash128)>,
    /// What it need not try a second time.
    settled: HashSet<(String, Hash128)>,
    /// What lost its verdict with the connection, and may be there.
    unsure: HashMap<Hash128, Sent>,
    gone_by: (u64, u64),
    wanted_octets: u64,
    /// One message at a time.
    cautious: bool,
    /// How many messages had their end when the last session began.
    reached: u64,
    /// The message at which a cautious session failed.
    suspect: Option<Hash128>,
    filled: HashMap<Vec<u8>, usize>,
    buffer: Vec<u8>,
}

impl<'a> Upload<'a> {
    /// An upload that has not begun.
    pub fn new(task: Task<'a>, writer: &'a mut Writer, tell: &'a mut dyn FnMut(Event<'_>)) -> Self {
        Self {
            task,
            writer,
            tell,
            report: UploadReport::default(),
            begun: false,
            batch: Vec::new(),
            batched: HashSet::new(),
            noted: Instant::now(),
            told: Instant::now(),
            mine: HashSet::new(),
            settled: HashSet::new(),
            unsure: HashMap::new(),
            gone_by: (0, 0),
            wanted_octets: 0,
            cautious: false,
            reached: 0,
            suspect: None,
            filled: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    /// Uploads what is not there yet. After an error another session may go on.
    pub fn session<S: Read + Write>(&mut self, session: &mut Session<S>) -> Result<()> {
        let names = Names::learn(session)?;
        let task = self.task;
        let course = task.course(&names, session, &|folder, hash| self.is_done(folder, hash))?;
        // A session that brought nothing may have failed at a single message.
        self.cautious = self.begun && self.gone_by.0 == self.reached;
        self.reached = self.gone_by.0;
        if !self.begun {
            self.begun = true;
            self.report.before = course.iter().map(|stretch| stretch.before).sum();
            let before: u64 = course.iter().map(|stretch| stretch.before_octets).sum();
            self.wanted_octets = task.selection.octets - before;
            (self.tell)(Event::Listed {
                account: task.account,
                listed: task.selection.messages(),
                wanted: task.selection.messages() - self.report.before,
                wanted_octets: self.wanted_octets,
            });
        }
        for stretch in course.iter().filter(|stretch| stretch.wanted() > 0) {
            let outcome = self.fill(session, stretch);
            // What the server has said is noted, whatever follows.
            self.note()?;
            outcome?;
        }
        let report = &mut self.report;
        let told = report.uploaded + report.there + report.before;
        let named = report.refused.len() + report.left_out.len();
        report.copies = task.selection.messages() - told - named as u64;
        Ok(())
    }

    /// How many messages have had their end: more of them means that a session was good for
    /// something.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.gone_by.0
    }

    /// Tells something that the user should know.
    pub fn notice(&mut self, notice: Notice<'_>) {
        (self.tell)(Event::Notice {
            account: self.task.account,
            notice,
        });
    }

    fn is_done(&self, folder: &str, hash: Hash128) -> Result<bool> {
        if self.task.again && self.mine.contains(&(folder.to_owned(), hash)) {
            return Ok(true);
        }
        self.task.was_uploaded(self.writer.catalog(), folder, hash)
    }

    /// A message is on the server.
    fn is_there(&mut self, folder: &str, hash: Hash128, uid: Option<u32>) -> Result<()> {
        self.batched.insert(hash);
        if self.task.again {
            self.mine.insert((folder.to_owned(), hash));
        }
        self.batch.push(Line::Uploaded {
            destination: self.task.destination.to_owned(),
            folder: folder.to_owned(),
            hash,
            uid,
        });
        if self.batch.len() >= BATCH || self.noted.elapsed() >= BATCH_AGE {
            self.note()?;
        }
        Ok(())
    }

    /// Writes to the ledger what the server has said.
    fn note(&mut self) -> Result<()> {
        self.noted = Instant::now();
        if !self.batch.is_empty() {
            self.writer.record(&self.batch)?;
            self.writer.publish()?;
            self.batch.clear();
            self.batched.clear();
        }
        Ok(())
    }

    fn passed(&mut self, octets: u64) {
        self.gone_by.0 += 1;
        self.gone_by.1 += octets;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            (self.tell)(Event::Progress {
                account: self.task.account,
                messages: self.gone_by.0,
                octets: self.gone_by.1,
            });
        }
    }

    /// Why the server takes no more for now.
    fn ended(&self, refusal: Refusal, reply: String) -> Error {
        let (report, selection) = (&self.report, self.task.selection);
        let server = self.task.server.clone();
        if refusal == Refusal::Pause {
            return Error::Busy { server, reply };
        }
        Error::Full {
            server,
            reply,
            done: report.uploaded + report.there + report.before,
            wanted: selection.messages(),
            missing: self.wanted_octets.saturating_sub(self.gone_by.1),
        }
    }
}

fn refused(entry: &Entry, folder: &str, reason: String) -> Refused {
    Refused {
        id: entry.name.hash,
        octets: entry.name.size,
        date: entry.date,
        subject: entry.subject.clone(),
        folder: folder.to_owned(),
        reason,
    }
}

/// Flaws in words.
fn reason(flaws: &[Flaw]) -> String {
    let words: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    words.join("; ")
}
