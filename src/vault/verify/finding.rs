//! What can be wrong with a vault.

use std::fmt;

use crate::mail::message::Hash128;
use crate::vault::layout::FileName;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The account, if it is about a message.
    pub account: Option<String>,
    /// The file, relative to the vault.
    pub path: String,
    /// The message.
    pub id: Option<Hash128>,
    /// What is wrong.
    pub problem: Problem,
    /// True if a server may still have the message.
    pub on_server: bool,
    /// True if repair has put the file back from another one of the vault.
    pub mended: bool,
    /// When the message was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its subject, decoded, as far as the catalog knows it.
    pub subject: String,
}

impl Finding {
    /// About the vault, and no message.
    pub(super) fn of_vault(path: &str, problem: Problem) -> Self {
        Self {
            account: None,
            path: path.to_owned(),
            id: None,
            problem,
            on_server: false,
            mended: false,
            date: 0,
            subject: String::new(),
        }
    }

    /// True for a file in a folder that no line names, and that is called as those of messages
    /// are.
    pub(super) fn is_unrecorded_mail(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.problem == Problem::Unrecorded
            && self.account.is_some()
            && FileName::parse(name).is_some()
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The file does not hold what its name says.
    Damaged(String),
    /// No folder of the account has the file.
    Missing,
    /// The file is in another folder of the account.
    Moved,
    /// No line of the ledger names the file.
    Unrecorded,
    /// The message was forgotten on purpose, and its file was put back.
    Returned,
    /// Its folder has another file of the same message.
    Repeated,
    /// The ledger has a damaged stretch, or an unfinished append.
    Ledger(String),
    /// The catalog does not match the ledger.
    Catalog(String),
    /// `vault.toml` was lost or damaged.
    Manifest(String),
    /// The key of what was forgotten is missing or another one.
    Key(String),
    /// A purge is recorded of something that was not archived.
    Purge(String),
}

impl Problem {
    /// True if something is broken, as opposed to unusual.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(
            self,
            Self::Moved | Self::Unrecorded | Self::Returned | Self::Repeated
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(how) => write!(f, "damaged ({how})"),
            Self::Missing => f.write_str("missing"),
            Self::Moved => f.write_str("moved to another folder"),
            Self::Unrecorded => f.write_str("not recorded"),
            Self::Returned => f.write_str("forgotten on purpose, but the file is back"),
            Self::Repeated => f.write_str("twice in its folder"),
            Self::Ledger(how)
            | Self::Manifest(how)
            | Self::Catalog(how)
            | Self::Key(how)
            | Self::Purge(how) => f.write_str(how),
        }
    }
}
