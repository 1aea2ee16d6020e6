//! What can go wrong with a pack, typed: whoever stores packs words it.
//!
//! Layers talk to each other through [`Read`](std::io::Read), so a [`PackError`] of a lower layer
//! travels inside an [`io::Error`] and is taken out again by [`PackError::from_io`].

use std::io;

/// How bytes differ from what a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackFault {
    /// It does not begin as an encrypted file does, or its header is not in order.
    #[error("the header of the encryption is damaged")]
    Header,
    /// A piece of it does not decrypt.
    #[error("the encrypted bytes are damaged")]
    Cipher,
    /// It ends too early.
    #[error("it is truncated")]
    Truncated,
    /// A compressed frame is not in order.
    #[error("a compressed frame is damaged")]
    Frame,
    /// A frame would expand to more than its length in the index, or than any frame may have.
    #[error("a compressed frame expands beyond its limit")]
    Expands,
    /// The archive within is not as its writer makes it.
    #[error("the archive within is damaged")]
    Archive,
    /// Something comes after its end.
    #[error("there are bytes after its end")]
    Trailing,
    /// An index is not in order by itself.
    #[error("its index is damaged")]
    Index,
    /// What is there and the index differ.
    #[error("it differs from its index")]
    Disagrees,
    /// It has more members than the caller allows.
    #[error("it has too many members")]
    TooMany,
}

/// Everything that stops the writing or reading of a pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The encrypted bytes could not be had; says nothing about the pack.
    #[error("cannot read the pack")]
    Read(#[source] io::Error),
    /// The encrypted bytes could not be put where they should go.
    #[error("cannot write the pack")]
    Write(#[source] io::Error),
    /// The bytes of a member to be written could not be had.
    #[error("cannot read {name}")]
    Member {
        /// The member.
        name: String,
        /// What its reader said.
        source: io::Error,
    },
    /// A member to be written has fewer bytes than announced, or more.
    #[error("{name} does not have the announced {announced} bytes")]
    Length {
        /// The member.
        name: String,
        /// What the caller announced.
        announced: u64,
    },
    /// A name that no member may have, or that the caller's rule refuses.
    #[error("a member may not have the name {name:?}")]
    Name {
        /// The name; not to be trusted.
        name: String,
    },
    /// Two members of one name.
    #[error("{name} is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A member beyond what a tar archive holds.
    #[error("{name} is too large for a pack")]
    TooLarge {
        /// The member.
        name: String,
        /// Its length.
        length: u64,
    },
    /// The pack was given up when an earlier member failed that was partly written.
    #[error("the pack was given up")]
    GivenUp,
    /// None of the identities opens it.
    #[error("none of the given identities opens the pack")]
    WrongIdentity,
    /// It is encrypted by a later version of age.
    #[error("the pack is encrypted in a newer format of age")]
    NewerAge,
    /// The bytes are not those of a pack.
    #[error("the pack is damaged: {0}")]
    Damaged(PackFault),
}

impl PackError {
    /// What an error of a member's reader is about.
    #[must_use]
    pub fn from_io(error: io::Error) -> Self {
        Self::from_io_or(error, PackError::Read)
    }

    /// The error of a lower layer, or what this one makes of it.
    pub(super) fn from_io_or(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        error.downcast::<Self>().unwrap_or_else(otherwise)
    }

    /// The error of a lower layer, or a fault.
    pub(super) fn from_io_fault(error: io::Error, fault: PackFault) -> Self {
        Self::from_io_or(error, |_| Self::Damaged(fault))
    }
}

impl From<PackError> for io::Error {
    fn from(error: PackError) -> Self {
        Self::other(error)
    }
}

impl From<PackFault> for PackError {
    fn from(fault: PackFault) -> Self {
        Self::Damaged(fault)
    }
}
