//! What can go wrong with a second copy as a whole, typed: the command line words it.

use super::head::HeadError;
use super::pack::PackError;
use super::payload::PushError;
use crate::base::error::{Error, ErrorKind};

/// Everything that stops a push, a check or a restore.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The vault, the disk or the place.
    #[error(transparent)]
    Base(#[from] Error),
    /// A pack.
    #[error("{name}: {source}")]
    Pack {
        /// The object; empty for one that is being written.
        name: String,
        /// What is wrong with it.
        source: PackError,
    },
    /// A push.
    #[error("{name}: {source}")]
    Push {
        /// The object; empty for one that is being written.
        name: String,
        /// What is wrong with it.
        source: PushError,
    },
    /// A head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Another process pushes to the place.
    #[error("another push to this place is running ({holder})")]
    Running {
        /// The process, in words.
        holder: String,
    },
    /// Somebody else pushed to the place: a head is there that is not ours.
    #[error("head {seq} was written by another machine")]
    Forked {
        /// Its number.
        seq: u64,
    },
    /// The last head that was pushed is not there any more.
    #[error("head {seq} is missing, although it was pushed")]
    HeadGone {
        /// Its number.
        seq: u64,
    },
    /// The place has a second copy, and nothing here says that it is of this vault.
    #[error("the place has a second copy that this vault does not know")]
    UnknownCopy,
    /// What is known of the place here belongs to another vault.
    #[error("what is recorded of this place belongs to another vault")]
    OtherVault,
    /// The ledger is shorter than what was pushed, as after a restore of an older state.
    #[error("the ledger of the vault is older than its second copy")]
    LedgerBehind,
    /// What is there is not of this vault, or of another course of it.
    #[error("the place has the second copy of another vault, or this vault went another way since")]
    OtherLedger,
    /// The place was never got ready.
    #[error("the place was not set up yet")]
    NotReady,
    /// The place has no head.
    #[error("the place has no second copy")]
    Empty,
    /// The place has no head of the number that was asked for.
    #[error("the place has no such head")]
    NoHead,
    /// An object is missing or has other bytes than its head says.
    #[error("{name} is missing or damaged")]
    Damaged {
        /// The object.
        name: String,
    },
    /// Another object has the name that an object of ours must have.
    #[error("{name} is there with other bytes")]
    Occupied {
        /// The object.
        name: String,
    },
}

impl CopyError {
    /// The class of this failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Base(error) => error.kind(),
            Self::Pack { source, .. }
            | Self::Push {
                source: PushError::Pack(source),
                ..
            } => match source {
                PackError::WrongIdentity => ErrorKind::Auth,
                PackError::NewerAge | PackError::Write(_) => ErrorKind::Failed,
                _ => ErrorKind::Damaged,
            },
            Self::Push {
                source: PushError::NewerFormat { .. },
                ..
            }
            | Self::Head(HeadError::NewerFormat { .. }) => ErrorKind::Failed,
            Self::Running { .. } => ErrorKind::VaultLocked,
            Self::Forked { .. }
            | Self::UnknownCopy
            | Self::OtherVault
            | Self::OtherLedger
            | Self::LedgerBehind => ErrorKind::Auth,
            Self::NotReady => ErrorKind::Config,
            Self::Empty | Self::NoHead => ErrorKind::NotFound,
            Self::Push { .. }
            | Self::Head(_)
            | Self::HeadGone { .. }
            | Self::Damaged { .. }
            | Self::Occupied { .. } => ErrorKind::Damaged,
        }
    }

    /// True if the private key is not one of those that it is encrypted to.
    #[must_use]
    pub fn is_wrong_key(&self) -> bool {
        matches!(
            self,
            Self::Pack {
                source: PackError::WrongIdentity,
                ..
            } | Self::Push {
                source: PushError::Pack(PackError::WrongIdentity),
                ..
            }
        )
    }

    /// A failure to write a pack or push here.
    pub(super) fn writing(path: &std::path::Path, error: PushError) -> Self {
        match error {
            PushError::Pack(PackError::Write(source)) => {
                Self::Base(Error::file("write", path, source))
            }
            source => Self::Push {
                name: String::new(),
                source,
            },
        }
    }
}
