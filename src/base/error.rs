//! The one error type of the library, and the rules it follows.
//!
//! * Every failure that a caller may tell apart is a variant; each carries what a
//!   person needs to act: host and port, command, reply, path.
//! * Texts are lower case without a final full stop and stand alone in a log line.
//!   The cause is `source()`, joined by `: ` when it is shown, never repeated.
//! * Words of a server are kept as they came (secrets masked, see
//!   [`crate::base::secret`]); whoever shows them escapes and quotes them.
//! * Hints and exit codes are the command line's business; it decides by
//!   [`Error::kind`].
//! * Trouble with a single message is data in a report, never an `Error`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::certificate::Certificate;
use crate::base::excerpt::LineExcerpt;
use crate::base::response_code;
use crate::base::stage::Stage;
pub use crate::base::store_fault::StoreFault;

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A server as host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name or address literal, as configured.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What keeps TLS from being established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// TLS itself.
    Handshake,
    /// The certificate, which cannot be verified for the host.
    Untrusted,
    /// The certificate, which is not the pinned one.
    NotPinned,
}

/// Everything that can stop an account, a command or the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address, or asking for it failed.
    #[error("cannot find the server \"{}\"", .server.host)]
    Resolve {
        /// The server that was wanted.
        server: Endpoint,
        /// What the resolver said.
        source: io::Error,
    },
    /// No connection could be made.
    #[error("cannot connect to {server}")]
    Connect {
        /// The server that was wanted.
        server: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate was refused, or TLS could not be established.
    #[error("{}: {reason}", if *.fault == TlsFault::Handshake {
        format!("{server}: TLS failed")
    } else {
        format!("the certificate of {server} is not trusted")
    })]
    Tls {
        /// The server.
        server: Endpoint,
        /// What is wrong, in words.
        reason: String,
        /// The certificate that the server showed, if it showed one.
        shown: Option<Box<Certificate>>,
        /// What failed.
        fault: TlsFault,
    },
    /// The server stayed silent, or dripped, for longer than its limit.
    #[error("{server} did not answer within {limit} s ({stage})")]
    Timeout {
        /// The server.
        server: Endpoint,
        /// What we waited for.
        stage: Stage,
        /// The limit in seconds.
        limit: u64,
    },
    /// The connection ended too early.
    #[error("{server} closed the connection ({stage})")]
    Lost {
        /// The server.
        server: Endpoint,
        /// What we waited for.
        stage: Stage,
        /// What the system said, if it was not a plain end of the stream.
        source: Option<io::Error>,
    },
    /// The server refused the credentials.
    #[error("{server} refused the {} for {user}", if *.certain { "password" } else { "login" })]
    Auth {
        /// The server.
        server: Endpoint,
        /// The user name that was sent.
        user: String,
        /// The server's words.
        reply: String,
        /// True only if the server said that the credentials are wrong (`[AUTH]`).
        certain: bool,
        /// True if SCRAM was tried, which some servers cannot check every password with.
        scram: bool,
    },
    /// The service that hands out access tokens gave none.
    #[error("{server} issued no access token for {user}: {reason}")]
    Token {
        /// The service.
        server: Endpoint,
        /// The user whom the token is for.
        user: String,
        /// Why not, in our words.
        reason: String,
        /// The service's own words, if it said any.
        reply: Option<String>,
        /// What has to be done about it.
        kind: ErrorKind,
    },
    /// The server asks to come back later (RFC 2449 and RFC 3206 response codes).
    #[error("{server} is busy or the mailbox is in use")]
    Busy {
        /// The server.
        server: Endpoint,
        /// The server's words.
        reply: String,
    },
    /// The server refused a command that the run cannot do without.
    #[error("{server} refused {command}")]
    Refused {
        /// The server.
        server: Endpoint,
        /// The command, without its secrets.
        command: String,
        /// The server's words.
        reply: String,
    },
    /// The mailbox takes no more.
    #[error("the mailbox is full; {done} of {wanted} messages uploaded")]
    Full {
        /// The server.
        server: Endpoint,
        /// The server's words.
        reply: String,
        /// Messages that are there.
        done: u64,
        /// Messages that were to be.
        wanted: u64,
        /// Octets that are not there yet.
        missing: u64,
    },
    /// The server broke its protocol.
    #[error("{server} broke the protocol ({stage}): {detail}")]
    Protocol {
        /// The server.
        server: Endpoint,
        /// What was going on.
        stage: Stage,
        /// What was wrong with it.
        detail: String,
    },
    /// The server lacks something that the configuration asks for.
    #[error("{server} does not offer {what}")]
    Unsupported {
        /// The server.
        server: Endpoint,
        /// What it lacks.
        what: String,
    },
    /// The configuration is missing, damaged or contradictory.
    #[error("{message}")]
    Config {
        /// What is wrong; names file, line and column where they are known.
        message: String,
        /// What to type or where to look.
        hint: Option<String>,
    },
    /// Something in the configuration file is unknown or cannot be.
    #[error("{message}")]
    ConfigLine {
        /// What is wrong; begins with file, line and column.
        message: String,
        /// What to write instead.
        hint: Option<String>,
        /// The line, if it can be shown.
        excerpt: Option<LineExcerpt>,
    },
    /// A secret could not be had, or is not kept safely.
    #[error("{message}")]
    Secret {
        /// What is wrong; never holds the secret.
        message: String,
        /// What to type or where to look.
        hint: Option<String>,
    },
    /// There is no vault where one is expected.
    #[error("no vault at {}", .path.display())]
    VaultMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A vault without its `vault.toml`.
    #[error("the vault at {} has no vault.toml", .path.display())]
    ManifestMissing {
        /// The vault.
        path: PathBuf,
    },
    /// A vault whose `vault.toml` makes no sense.
    #[error("{} is damaged: {detail}", .path.display())]
    ManifestDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
        /// True if the ledger says what belongs there.
        known: bool,
    },
    /// A vault that has mail or a catalog, and no directory of its ledger.
    #[error("the vault at {} has lost its ledger", .path.display())]
    LedgerMissing {
        /// The vault.
        path: PathBuf,
    },
    /// A message whose file is gone from the vault.
    #[error("the file of the message {id} is missing from the vault")]
    MessageMissing {
        /// Its id.
        id: String,
    },
    /// Another process writes to the vault.
    #[error("the vault at {} is in use by {holder}", .path.display())]
    Locked {
        /// The vault.
        path: PathBuf,
        /// The process that holds it, in words.
        holder: String,
    },
    /// A vault of a later or foreign make.
    #[error("the vault at {} cannot be used: {reason}", .path.display())]
    Format {
        /// The vault.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Something that was written is not as it was written.
    #[error("{} is damaged: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The disk is full, or would be.
    #[error("not enough space in {}", .path.display())]
    NoSpace {
        /// The folder that was written to.
        path: PathBuf,
        /// Bytes that the work would have needed, if known.
        needed: Option<u64>,
        /// Bytes that are free, if known.
        free: Option<u64>,
        /// What the system said, if it was the one to refuse.
        source: Option<io::Error>,
    },
    /// Any other failure of a file operation.
    #[error("cannot {doing} {}", .path.display())]
    File {
        /// The operation as a verb, such as "read".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is not what belongs at its name, such as a link, which is not followed.
    #[error("refused: {} is {what}{}", .path.display(), if *what == LINK {
        "; links inside a vault or an export are not followed"
    } else {
        ""
    })]
    Strange {
        /// The name.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The catalog failed; it may be deleted and is then made again.
    #[error("the catalog {} failed", .path.display())]
    Catalog {
        /// The catalog.
        path: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// No message has this id, or several have.
    #[error("{}", if .candidates.is_empty() {
        format!("no message with the id {id}")
    } else {
        format!("the id {id} matches {} messages", .candidates.len())
    })]
    NotFound {
        /// The id as typed.
        id: String,
        /// The ids that it could mean; empty if there is none.
        candidates: Vec<String>,
    },
    /// A place that mail cannot be exported to or imported from.
    #[error("cannot {doing} {}: {reason}", .path.display())]
    Unfit {
        /// What was asked for, such as "export to".
        doing: &'static str,
        /// The place.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// A query that cannot be understood.
    #[error("cannot understand \"{word}\" in the query: {reason}")]
    Query {
        /// The word.
        word: String,
        /// Why, with the right form.
        reason: String,
    },
    /// A query names a folder or an account that the vault does not have.
    #[error("no {what} in the vault is called \"{pattern}\"")]
    NotInVault {
        /// "folder" or "account".
        what: &'static str,
        /// The pattern.
        pattern: String,
        /// The name that was probably meant.
        near: Option<String>,
        /// Some names that there are.
        known: Vec<String>,
        /// True if there are others.
        more: bool,
    },
    /// An account is said to have moved from a server that never listed its messages.
    #[error("the vault has nothing of {account} from {from}")]
    NeverAt {
        /// The account.
        account: String,
        /// `user@host`.
        from: String,
        /// From where it has something.
        known: Vec<String>,
    },
    /// The vault has the mail of an account under a name that is not in the configuration.
    #[error("the vault has the mail of this account as \"{stored}\"")]
    KnownAs {
        /// Its name in the configuration.
        account: String,
        /// Its name in the vault.
        stored: String,
    },
    /// An account is to get mail that became part of another one.
    #[error("{account} was merged into {into}")]
    Merged {
        /// Its name in the vault.
        account: String,
        /// The account that has its mail now.
        into: String,
    },
    /// No message matches a query that should select some.
    #[error("{}", if .query.is_empty() {
        "the vault has no message".to_owned()
    } else {
        format!("no message in the vault matches {query}")
    })]
    NoMatch {
        /// The query, in its canonical form.
        query: String,
        /// Messages that match and are no longer on the server.
        gone: u64,
    },
    /// Holds keep messages from being forgotten.
    #[error("{}", held_text(.holds))]
    Held {
        /// Their names, and how many of the messages each covers.
        holds: Vec<(String, u64)>,
    },
    /// What a hold covers cannot be found out, so that nothing may be forgotten.
    #[error("{what}")]
    Undecided {
        /// Which hold, and why not.
        what: String,
    },
    /// There was no such forget.
    #[error("nothing was forgotten under the number {number}")]
    NoForget {
        /// Its number.
        number: u32,
    },
    /// Mail of several accounts would be uploaded into one, and nobody said that it should.
    #[error("mail of {} accounts would be uploaded into one: {}", .accounts.len(), .accounts.join(", "))]
    SeveralAccounts {
        /// The accounts.
        accounts: Vec<String>,
    },
    /// Nothing is deleted on a server while the vault is known to be damaged.
    #[error(
        "the last verify found {} in the vault, so nothing is deleted on a server",
        if *.damage == 1 { "1 problem".to_owned() } else { format!("{damage} problems") }
    )]
    Unsettled {
        /// When that was, in Unix seconds.
        time: i64,
        /// How many problems it found.
        damage: u64,
    },
    /// Ages cannot be determined.
    #[error(
        "the clock of this machine is behind the newest archived message, so the age of mail is \
         unknown"
    )]
    Clock {
        /// What the clock says, in Unix seconds.
        now: i64,
        /// When the newest message was archived.
        newest: i64,
    },
    /// The server was asked to delete, and what became of it could not be found out.
    #[error("it is not yet known whether {server} deleted {messages} message{}", if *.messages == 1 { "" } else { "s" })]
    Unconfirmed {
        /// The server.
        server: Endpoint,
        /// How many messages are in doubt.
        messages: u64,
        /// Why it could not be asked.
        source: Box<Error>,
    },
    /// A place of the second copy failed, or is not what it should be.
    #[error("{place}: {fault}")]
    Store {
        /// The place, as its address without its credentials.
        place: String,
        /// What is wrong.
        fault: StoreFault,
        /// The place's own words, if it said any.
        reply: Option<String>,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl StoreFault {
    /// The class of such a failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotMounted | Self::NoBucket => ErrorKind::VaultMissing,
            Self::WrongRegion { .. } | Self::NoProgram { .. } => ErrorKind::Config,
            Self::Denied | Self::Hidden { .. } | Self::Skewed | Self::Refused { .. } => {
                ErrorKind::Auth
            }
            Self::Busy { .. } | Self::Unreachable | Self::Silent { .. } => ErrorKind::Unreachable,
            Self::Full => ErrorKind::NoSpace,
            Self::Unconfirmed { .. } | Self::Garbled { .. } => ErrorKind::Damaged,
        }
    }
}

fn held_text(holds: &[(String, u64)]) -> String {
    let text = |(name, messages): &(String, u64)| {
        let s = if *messages == 1 { "" } else { "s" };
        format!("the hold {name} covers {messages} message{s} of these")
    };
    holds.iter().map(text).collect::<Vec<_>>().join("; ")
}

/// What a failure is about, for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Anything without a class of its own.
    Failed,
    /// The command line or a query is wrong.
    Usage,
    /// No vault at that place.
    VaultMissing,
    /// Another process writes to the vault.
    VaultLocked,
    /// The credentials were refused.
    Auth,
    /// Out of reach, busy or cut off: worth another try later.
    Unreachable,
    /// The certificate was refused.
    Untrusted,
    /// Configuration or secret.
    Config,
    /// The disk, or the mailbox that is written to, is full.
    NoSpace,
    /// The server did not confirm what was deleted.
    Unconfirmed,
    /// No such message.
    NotFound,
    /// The vault is damaged.
    Damaged,
    /// Stopped by the user.
    Interrupted,
}

/// What the system says of a failure, in its words without its number.
#[must_use]
pub(crate) fn words(error: &io::Error) -> String {
    // std's own word for this is "entity not found".
    if error.kind() == io::ErrorKind::NotFound {
        return "No such file or directory".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What a link is, in the words of [`Error::Strange`].
pub const LINK: &str = "a symbolic link";

/// Exit code of a run in which some messages or accounts failed.
pub const PARTIAL: u8 = 3;

impl ErrorKind {
    /// The exit code of a program that ends with such a failure.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::VaultMissing => 10,
            Self::VaultLocked => 11,
            Self::Auth => 12,
            Self::Unreachable => 13,
            Self::Untrusted => 14,
            Self::Config => 15,
            Self::NoSpace => 16,
            Self::Unconfirmed => 17,
            Self::NotFound => 18,
            Self::Damaged => 20,
            Self::Interrupted => 130,
        }
    }
}

impl Error {
    /// The class of this failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::Busy { .. }
            | Self::Tls {
                fault: TlsFault::Handshake,
                ..
            } => ErrorKind::Unreachable,
            Self::Tls { .. } => ErrorKind::Untrusted,
            Self::Auth { .. } => ErrorKind::Auth,
            Self::Token { kind, .. } => *kind,
            Self::Config { .. }
            | Self::ConfigLine { .. }
            | Self::Secret { .. }
            | Self::KnownAs { .. }
            | Self::Merged { .. } => ErrorKind::Config,
            Self::VaultMissing { .. } => ErrorKind::VaultMissing,
            Self::Locked { .. } => ErrorKind::VaultLocked,
            Self::Damaged { .. }
            | Self::Unsettled { .. }
            | Self::ManifestMissing { .. }
            | Self::ManifestDamaged { .. }
            | Self::LedgerMissing { .. }
            | Self::MessageMissing { .. } => ErrorKind::Damaged,
            Self::Unconfirmed { .. } => ErrorKind::Unconfirmed,
            Self::NoSpace { .. } | Self::Full { .. } => ErrorKind::NoSpace,
            Self::NotFound { .. } | Self::NoMatch { .. } | Self::NoForget { .. } => {
                ErrorKind::NotFound
            }
            Self::Query { .. }
            | Self::NotInVault { .. }
            | Self::SeveralAccounts { .. }
            | Self::NeverAt { .. }
            | Self::Unfit { .. } => ErrorKind::Usage,
            Self::Store { fault, .. } => fault.kind(),
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Held { .. }
            | Self::Undecided { .. }
            | Self::Refused { .. }
            | Self::Protocol { .. }
            | Self::Unsupported { .. }
            | Self::Format { .. }
            | Self::Clock { .. }
            | Self::File { .. }
            | Self::Strange { .. }
            | Self::Catalog { .. } => ErrorKind::Failed,
        }
    }

    /// True if a new connection may succeed where this one failed.
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Lost { .. }
                | Self::Protocol { .. }
                | Self::Token {
                    kind: ErrorKind::Unreachable,
                    ..
                }
                | Self::Store {
                    fault: StoreFault::Garbled { .. },
                    ..
                }
        )
    }

    /// True if the disk failed rather than what is on it.
    #[must_use]
    pub fn is_disk_failure(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, SystemIoFailure};
        // Linux and its kin agree about this number; `io::ErrorKind` has no name for it.
        const EIO: i32 = 5;
        match self {
            Self::File { source, .. } => source.raw_os_error() == Some(EIO),
            Self::Catalog { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(CannotOpen | SystemIoFailure)
            ),
            _ => false,
        }
    }

    /// A failed file operation, distinguished by what the system said: a full disk or
    /// quota is [`Error::NoSpace`].
    #[must_use]
    pub fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace {
                path: path.to_path_buf(),
                needed: None,
                free: None,
                source: Some(source),
            },
            _ => Self::File {
                doing,
                path: path.to_path_buf(),
                source,
            },
        }
    }

    /// The server's own words, if it said anything.
    #[must_use]
    pub fn reply(&self) -> Option<&str> {
        match self {
            Self::Auth { reply, .. }
            | Self::Busy { reply, .. }
            | Self::Refused { reply, .. }
            | Self::Full { reply, .. } => Some(reply),
            Self::Token { reply, .. } | Self::Store { reply, .. } => reply.as_deref(),
            Self::Unconfirmed { source, .. } => source.reply(),
            _ => None,
        }
    }

    /// True if the server's words begin with this response code.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        let said = self.reply().and_then(response_code::of_reply);
        said.is_some_and(|said| said.eq_ignore_ascii_case(code))
    }
}
