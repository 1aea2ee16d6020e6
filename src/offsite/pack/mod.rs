//! A pack: named byte strings in one encrypted file, of which one can be had without the others.
//!
//! From the inside out a pack is a tar archive (POSIX.1-1988 ustar), in zstd frames (RFC 8878) of
//! at most 4 MiB of plain bytes, filled by a skippable frame to a multiple of 64 KiB, encrypted to
//! age recipients (age-encryption.org/v1). [`PackWriter`] makes one, [`PackStream`] reads all of
//! it in order, [`PackReader`] one member by ranges. This module owns that form and the keys; what
//! the byte strings are it does not know. `docs/OFFSITE-FORMAT.md` specifies it.

mod cipher;
mod digest;
mod error;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod hex;
mod identities;
mod index;
mod index_text;
mod member;
mod ranges;
mod reader;
mod recipients;
mod source;
mod stream;
mod writer;

#[cfg(test)]
mod tests;

pub use self::cipher::decrypt_text;
pub use self::digest::{Digester, Digests};
pub use self::error::{PackError, PackFault};
pub(crate) use self::hex::unhex;
pub use self::hex::{hex, is_hex};
pub use self::identities::{Identities, IdentityFault, IdentityFileError};
pub use self::index::{FrameStart, FrameTable, PackIndex};
pub use self::member::{MEMBER_LIMIT, PackMember, is_member_name, member_space};
pub use self::reader::{MemberReader, PackReader};
pub use self::recipients::{RecipientFault, Recipients, RecipientsError};
pub use self::stream::{PackEntry, PackStream};
pub use self::writer::{PackWriter, WrittenPack};

/// Most plain bytes of a frame.
pub const FRAME_LIMIT: u64 = 4 << 20;
/// What the bytes before encryption are filled to a multiple of.
pub const FILL: u64 = 64 << 10;
/// Bytes at the end of a tar archive: two blocks of zeros.
pub const ARCHIVE_END: u64 = 1024;
