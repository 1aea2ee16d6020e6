//! Progress as data: what a run reports to its caller while it runs, and what it adds
//! up to. Nobody here knows a terminal.

use std::time::{Duration, Instant};

use crate::base::error::{Endpoint, Error};

/// Receives the events of a command, one at a time.
pub type Events<'a> = &'a mut (dyn FnMut(RunEvent<'_>) + Send);

/// Something that happened. The caller's closure gets these in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// About to wait for the network for the first time.
    Connecting {
        /// The account.
        account: &'a str,
        /// Its server.
        server: &'a Endpoint,
    },
    /// The server's listing is known, and what of it is wanted. Comes again after a
    /// reconnect, with what is still wanted.
    Listed {
        /// The account.
        account: &'a str,
        /// Messages on the server.
        listed: u64,
        /// Messages that are to be fetched; 0 where octets are wanted and their number is not known.
        wanted: u64,
        /// Their listed size in octets; 0 where only their number is known.
        wanted_octets: u64,
    },
    /// A connection of the account turns to another folder.
    Folder {
        /// The account.
        account: &'a str,
        /// The folder's name as people read it.
        folder: &'a str,
    },
    /// How far the account is, in messages and octets received since the start.
    Progress {
        /// The account.
        account: &'a str,
        /// Messages received whole.
        messages: u64,
        /// Octets received.
        octets: u64,
    },
    /// Something the user should know, though the run continues.
    Notice {
        /// The account.
        account: &'a str,
        /// What it is.
        notice: Notice<'a>,
    },
    /// The account is done, for better or worse.
    Finished {
        /// The account.
        account: &'a str,
        /// What came of it.
        report: &'a PullReport,
        /// Why it stopped early, if it did.
        error: Option<&'a Error>,
    },
    /// `purge` has read back some of the archived copies.
    ReadBack {
        /// The account.
        account: &'a str,
        /// Messages read back so far.
        done: u64,
        /// Messages to be deleted.
        planned: u64,
    },
    /// `verify` has read so much of so much.
    Verified {
        /// Bytes read so far.
        done: u64,
        /// Bytes to read in all.
        total: u64,
    },
}

/// What a [`RunEvent::Notice`] is about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The connection failed and is made again after a pause.
    Reconnecting {
        /// Why.
        error: &'a Error,
        /// The pause.
        pause: Duration,
    },
    /// The server gave fewer connections than were wanted, or took one away; the others go
    /// on.
    FewerConnections {
        /// Why.
        error: &'a Error,
    },
    /// The server was asked to delete, and how that ended is not known; it is asked
    /// again.
    DeletionUnknown {
        /// Why it is not known.
        error: &'a Error,
        /// Pause before it is asked.
        pause: Duration,
    },
    /// The server wants to be left alone before the next login (RFC 2449 s.6.5).
    LoginDelay {
        /// For how long yet.
        pause: Duration,
    },
    /// There is no POP3, so the account is read over IMAP, for a week.
    OverImap {
        /// What was wrong with POP3.
        error: &'a Error,
    },
    /// The server has another name than before; its old names of messages are believed, or not.
    Moved {
        /// Messages that were received and compared with those of the old server.
        compared: u64,
        /// Those of them that are the same.
        same: u64,
        /// Messages whose old names are believed for that.
        believed: u64,
    },
    /// The server renamed all messages; they are recognised by their headers.
    Renumbered {
        /// How many names are new.
        listed: u64,
    },
    /// Much is listed for the first time, and was perhaps imported before: headers tell.
    ComparingImported {
        /// How many names are new.
        listed: u64,
        /// How many imported messages no server has listed.
        imported: u64,
    },
    /// Messages of a folder have more keywords than are kept (`docs/FORMAT.md`, Flags).
    KeywordsCut {
        /// How many.
        messages: u64,
    },
    /// The server lists far fewer messages than at the last complete session.
    Shrunk {
        /// Then, less what was purged since.
        before: u64,
        /// Now.
        now: u64,
    },
    /// Messages that an interrupted upload sent may still arrive; the upload waits for them.
    AwaitingUploads {
        /// The folder of the server.
        folder: &'a str,
        /// How many.
        messages: u64,
    },
    /// Message names that identify nothing (missing, repeated): content decides.
    Nameless {
        /// How many.
        messages: u64,
    },
    /// The server says that it may delete what is fetched (RFC 2449 s.6.7, `EXPIRE 0`).
    MayDelete,
    /// A damaged file of the vault stood in the way and was moved to quarantine.
    Replaced {
        /// The message's id.
        id: String,
    },
}

/// A message that the server would not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMessage {
    /// Its name on the server, escaped; its number if it has none.
    pub uid: String,
    /// True if it has a name, which lasts.
    pub named: bool,
    /// Its listed size in octets.
    pub octets: Option<u64>,
    /// The server's words.
    pub reply: String,
    /// True if the account's `accept_refused` lists it.
    pub accepted: bool,
}

/// What a pull of one account came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// Messages on the server.
    pub listed: u64,
    /// Their size in octets.
    pub listed_octets: u64,
    /// Messages wanted, of which `new`, `duplicates` and `refused` became something.
    pub wanted: u64,
    /// Octets wanted.
    pub wanted_octets: u64,
    /// Messages stored.
    pub new: u64,
    /// Messages that the vault had under another name.
    pub duplicates: u64,
    /// Messages that were recognised without fetching them: copies in other folders, or
    /// what came by another protocol.
    pub linked: u64,
    /// Messages that were forgotten on purpose, and so were not stored; those that were received to
    /// find that out among them.
    pub forgotten: u64,
    /// Folders that the server would not open, as people read their names, and its words.
    pub folders_failed: Vec<(String, String)>,
    /// Messages that the server would not give.
    pub refused: Vec<RefusedMessage>,
    /// Messages that the server counts and does not list.
    pub unlisted: u64,
    /// Listed messages whose bytes do not agree with what is listed; what came is stored.
    pub doubtful: u64,
    /// The name of one of them, escaped, and its octets received and listed.
    pub doubted: Option<(String, u64, u64)>,
    /// Listed messages that are only recognised, and to be received and compared yet.
    pub recognised: u64,
    /// Recognised messages that were received and compared.
    pub compared: u64,
    /// Messages that were fetched again and brought other bytes than are recorded.
    pub differed: u64,
    /// Octets received.
    pub octets: u64,
    /// Bytes that the new messages take on disk.
    pub stored: u64,
    /// Time that it took.
    pub elapsed: Duration,
    /// When the server lets the account sign in again, if it announced a delay.
    pub next_login: Option<Instant>,
    /// True if everything listed is archived or known as refused.
    pub complete: bool,
    /// True if the server says that it may delete what was fetched.
    pub may_delete: bool,
    /// True if this only shows what would be fetched.
    pub dry_run: bool,
}

impl PullReport {
    /// Messages refused that nobody accepted.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.refused.iter().filter(|r| !r.accepted).count()
    }

    /// True if messages of the server are not here that should be.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.failed() > 0
            || self.unlisted > 0
            || self.doubtful > 0
            || !self.folders_failed.is_empty()
    }
}
