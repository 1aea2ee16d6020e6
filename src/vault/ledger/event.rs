//! What the ledger can say: one type for each kind of event (docs/FORMAT.md, Ledger).

use super::erasure::Erasure;
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Uid, Voucher};

/// The protocol by which an account is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proto {
    /// POP3.
    Pop3,
    /// IMAP4.
    Imap,
    /// From files of another program, or another vault.
    Import,
}

impl Proto {
    /// As the ledger writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Import => "import",
        }
    }
}

/// One message on one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The account that saw it.
    pub account: String,
    /// `user@host:port`; of an import the form of its source.
    pub server: String,
    /// What the server calls it; tells the protocol as well.
    pub uid: Uid,
    /// The folder's directory, with IMAP and imports only; empty for the inbox.
    pub dir: Option<String>,
}

impl Identity {
    /// The protocol that the message was seen by.
    #[must_use]
    pub fn proto(&self) -> Proto {
        match (&self.uid, &self.dir) {
            (Uid::Imap { .. }, _) => Proto::Imap,
            (Uid::Absent, Some(_)) => Proto::Import,
            (Uid::Absent | Uid::Uidl(_), _) => Proto::Pop3,
        }
    }
}

/// How it is known that a stored content is the message of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Not said: a line of the first version, which did not tell received from recognised.
    Unstated,
    /// These bytes came whole under this name, and nothing listed contradicts them.
    Received,
    /// The server says that it is the same message as one that was received.
    Vouched(Voucher),
    /// Header, size and Message-ID are those of a received message; nothing more is known.
    Recognised,
    /// Bytes came that do not agree with what is listed, in this many sessions by now.
    Doubtful(u32),
    /// The same doubtful bytes came again in a later session: the listing is wrong.
    Settled,
}

impl Evidence {
    /// The name of the event that records it.
    #[must_use]
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Unstated | Self::Received => "seen",
            Self::Vouched(_) => "vouched",
            Self::Recognised => "recognised",
            Self::Doubtful(_) => "doubtful",
            Self::Settled => "settled",
        }
    }
}

/// A server message whose content is stored durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which message.
    pub identity: Identity,
    /// The size that the server listed, if it listed one.
    pub octets: Option<u64>,
    /// Of the stored file's content.
    pub hash: Hash128,
    /// Of the bytes that were received.
    pub got: Hash128,
    /// Of the header without its status fields.
    pub header: Hash128,
    /// The message's Message-ID key.
    pub mid: Option<Box<[u8]>>,
    /// INTERNALDATE in Unix seconds.
    pub idate: Option<i64>,
    /// Flag letters as in file names, sorted.
    pub flags: String,
    /// Keywords, sorted, separated by spaces.
    pub kw: String,
    /// As in the file's name.
    pub received: u32,
    /// Size of the content.
    pub size: u64,
    /// The same with every line end as CRLF.
    pub wire: u64,
    /// Length of the file on disk.
    pub stored: u64,
    /// How it is known that this is the message.
    pub evidence: Evidence,
    /// By what the server knows its copies in other mailboxes.
    pub object: Option<ObjectId>,
}

/// The totals of one run over one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The account.
    pub account: String,
    /// How it was read.
    pub proto: Proto,
    /// False if the run ended early.
    pub complete: bool,
    /// Messages that the server listed.
    pub listed: u64,
    /// Messages stored.
    pub new: u64,
    /// Messages that were in the vault already.
    pub duplicates: u64,
    /// Messages that the server would not give.
    pub refused: u64,
    /// Bytes received.
    pub octets: u64,
    /// The exit code.
    pub result: u8,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEvent {
    /// A folder of a server got its directory, for ever.
    Folder {
        /// The account.
        account: String,
        /// Directory below the account's Maildir; empty for the inbox.
        dir: String,
        /// The server's name for it.
        name: Box<[u8]>,
        /// The server's hierarchy delimiter.
        delim: Option<u8>,
        /// The UIDVALIDITY that it has now.
        uidvalidity: u32,
    },
    /// A message was stored.
    Seen(Box<Seen>),
    /// Its flags or keywords changed on the server.
    Flags {
        /// Which message.
        identity: Identity,
        /// Flag letters, sorted.
        flags: String,
        /// Keywords, sorted, separated by spaces.
        kw: String,
    },
    /// The server no longer lists it.
    Vanished {
        /// Which message.
        identity: Identity,
        /// Flag letters, sorted.
        flags: String,
        /// Keywords, sorted, separated by spaces.
        kw: String,
    },
    /// The server lists it again.
    Reappeared {
        /// Which message.
        identity: Identity,
        /// Flag letters, sorted.
        flags: String,
        /// Keywords, sorted, separated by spaces.
        kw: String,
    },
    /// The server would not give it.
    Refused {
        /// Which message.
        identity: Identity,
        /// The size that the server listed, if it listed one.
        octets: Option<u64>,
        /// The server's words; only the first 512 bytes are written.
        reply: Box<[u8]>,
        /// How often it was tried by now.
        tries: u32,
    },
    /// It must be fetched again, whatever is recorded of it.
    Wanted {
        /// Which message.
        identity: Identity,
        /// Why.
        why: String,
    },
    /// The headers of these messages were read on the server and are the recorded ones.
    Checked {
        /// A message of the maildrop or mailbox; its own name does not matter.
        identity: Identity,
        /// The names: UIDs as a set, UIDLs separated by spaces.
        names: Box<[u8]>,
    },
    /// The server shows this header for a message whose bytes are the recorded ones.
    Asked {
        /// Which message.
        identity: Identity,
        /// Hash of the header.
        header: Hash128,
    },
    /// A stored content is the cut or wrong form of another one that came since.
    Superseded {
        /// Of the content.
        hash: Hash128,
        /// Of the content that came since.
        by: Hash128,
    },
    /// The server is about to be asked to delete it.
    PurgeIntent {
        /// Which message.
        identity: Identity,
        /// Of its stored file.
        hash: Hash128,
    },
    /// A later listing lacks it.
    Purged {
        /// Which message.
        identity: Identity,
        /// Of its stored file.
        hash: Hash128,
    },
    /// A later listing still has it.
    PurgeKept {
        /// Which message.
        identity: Identity,
        /// Of its stored file.
        hash: Hash128,
    },
    /// A file that no line spoke of was taken in.
    Adopted {
        /// The account that it is in.
        account: String,
        /// Relative to the vault, with `cur/`, up to the flags.
        file: Box<[u8]>,
        /// Of its content.
        hash: Hash128,
    },
    /// The file is missing or damaged, and wanted again.
    Lost {
        /// Of the content that it had.
        hash: Hash128,
    },
    /// Removed from the vault on purpose, by an earlier version.
    Forgotten {
        /// Of its content.
        hash: Hash128,
        /// Why.
        reason: String,
    },
    /// Something about messages that are removed from the vault on purpose.
    Erased(Erasure),
    /// A verify or repair came to its end.
    Verified {
        /// What was looked at.
        scope: String,
        /// How many things were wrong.
        damage: u64,
    },
    /// A fact about the server of an account.
    Learned {
        /// The account.
        account: String,
        /// Which fact.
        key: String,
        /// What it is now.
        value: String,
    },
    /// A message is about to be sent to a server.
    UploadIntent {
        /// The server.
        destination: String,
        /// The folder there.
        folder: String,
        /// Of the content.
        hash: Hash128,
    },
    /// It was not sent, or the server did not take it.
    UploadFailed {
        /// The server.
        destination: String,
        /// The folder there.
        folder: String,
        /// Of the content.
        hash: Hash128,
    },
    /// A message was exported to a server.
    Uploaded {
        /// The server.
        destination: String,
        /// The folder there.
        folder: String,
        /// Of the content.
        hash: Hash128,
        /// Its UID there, if the server returned one.
        uid: Option<u32>,
    },
    /// A hold begins; it covers the contents of the `held` lines of this name before it.
    Hold {
        /// What people call it.
        name: String,
        /// What else it covers: all that matches when something is to be forgotten.
        query: String,
        /// Why.
        reason: String,
        /// How many contents it covers now.
        messages: u64,
    },
    /// The hold of this name that begins next covers a content.
    Held {
        /// The hold.
        name: String,
        /// Of the content.
        hash: Hash128,
    },
    /// A hold ends, or `held` lines without one are void.
    Released {
        /// The hold.
        name: String,
        /// Why, if somebody said so.
        reason: Option<String>,
    },
    /// Repair accepted a damaged stretch of the ledger.
    Chain {
        /// The damaged file, relative to the vault.
        file: String,
        /// Its first damaged byte.
        first: u64,
        /// Its last damaged byte.
        last: u64,
        /// Where a copy of the file is, relative to the vault.
        copy: String,
    },
    /// A run ended.
    Session(SessionRecord),
    /// The mail and names of an account are those of another one from now on.
    Merged {
        /// The account that there is no longer.
        account: String,
        /// The account that it became part of.
        into: String,
    },
    /// The vault, or files of it, came again from a second copy: the lengths of files that earlier
    /// lines have may be those of other files.
    Restored {
        /// The name of the copy's place.
        destination: String,
        /// The number of the newest head that was read.
        head: u64,
    },
    /// A kind of event that this program does not know, by its name.
    Unknown(String),
}

impl LedgerEvent {
    /// True if a removal on purpose ends with it: a catalog that was made before still knows the
    /// messages.
    #[must_use]
    pub(crate) fn ends_erasure(&self) -> bool {
        matches!(self, Self::Erased(Erasure::End { .. }))
    }

    /// The name of this kind of event, as the ledger writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Folder { .. } => "folder",
            Self::Seen(seen) => seen.evidence.event(),
            Self::Flags { .. } => "flags",
            Self::Vanished { .. } => "vanished",
            Self::Reappeared { .. } => "reappeared",
            Self::Refused { .. } => "refused",
            Self::Wanted { .. } => "wanted",
            Self::Checked { .. } => "checked",
            Self::Asked { .. } => "asked",
            Self::Superseded { .. } => "superseded",
            Self::PurgeIntent { .. } => "purge-intent",
            Self::Purged { .. } => "purged",
            Self::PurgeKept { .. } => "purge-kept",
            Self::Adopted { .. } => "adopted",
            Self::Lost { .. } => "lost",
            Self::Forgotten { .. } => "forgotten",
            Self::Erased(_) => "erased",
            Self::Verified { .. } => "verified",
            Self::Learned { .. } => "learned",
            Self::UploadIntent { .. } => "upload-intent",
            Self::UploadFailed { .. } => "upload-failed",
            Self::Uploaded { .. } => "uploaded",
            Self::Hold { .. } => "hold",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::Chain { .. } => "chain",
            Self::Session(_) => "session",
            Self::Merged { .. } => "merged",
            Self::Restored { .. } => "restored",
            Self::Unknown(name) => name,
        }
    }
}

/// An event with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its number within the vault, from 1.
    pub(crate) seq: u64,
    /// When it was written, in Unix milliseconds; the same for one append.
    pub(crate) time: i64,
    /// What happened.
    pub(crate) event: LedgerEvent,
}
