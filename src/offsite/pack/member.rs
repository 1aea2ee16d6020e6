//! A member of the tar archive within a pack: its name, and the one form of its header.
//!
//! The header is that of POSIX.1-1988 (ustar): mode 0600, owner and group 0 without names, a
//! regular file. A reader makes the header again from name, length and time, and takes no other.

use tar::{EntryType, Header};

use super::error::{PackError, PackFault};

/// A block of a tar archive.
pub(super) const BLOCK: usize = 512;
/// Most bytes of a member: eleven octal digits.
pub const MEMBER_LIMIT: u64 = (8 << 30) - 1;
const NAME_LIMIT: usize = 100;

/// Where the bytes of a member are in the tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackMember {
    /// Its name.
    pub name: String,
    /// Where its bytes begin, after its header.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemberHeader {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) mtime: u64,
}

/// True if a member may have this name: 1 to 100 letters, digits and `.`, `_`, `-`, in parts
/// divided by `/`, of which none is empty, `.` or `..`.
#[must_use]
pub fn is_member_name(name: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let part = |part: &str| !["", ".", ".."].contains(&part);
    name.len() <= NAME_LIMIT && name.bytes().all(usual) && name.split('/').all(part)
}

/// What a member of this length takes of the archive: header, bytes, zeros to a full block.
#[must_use]
pub fn member_space(length: u64) -> u64 {
    padded(length).saturating_add(BLOCK as u64)
}

/// A length with the zeros that follow it.
pub(super) fn padded(length: u64) -> u64 {
    length.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

/// The header of a member.
pub(super) fn write_header(name: &str, length: u64, mtime: u64) -> Result<Header, PackError> {
    let refused = || PackError::Name { name: name.into() };
    if !is_member_name(name) {
        return Err(refused());
    }
    if length > MEMBER_LIMIT {
        return Err(PackError::TooLarge {
            name: name.into(),
            length,
        });
    }
    let mut header = Header::new_ustar();
    header.set_path(name).map_err(|_| refused())?;
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(length);
    header.set_mtime(mtime.min(MEMBER_LIMIT));
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

/// Reads a header; none is a block of zeros, which ends the archive.
pub(super) fn parse_header(block: &[u8; BLOCK]) -> Result<Option<MemberHeader>, PackError> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let damaged = || PackError::from(PackFault::Archive);
    let header = Header::from_byte_slice(block);
    let read = MemberHeader {
        name: String::from_utf8(header.path_bytes().into_owned()).map_err(|_| damaged())?,
        length: header.entry_size().map_err(|_| damaged())?,
        mtime: header.mtime().map_err(|_| damaged())?,
    };
    let again = write_header(&read.name, read.length, read.mtime);
    match again {
        Ok(again) if again.as_bytes() == block => Ok(Some(read)),
        _ => Err(damaged()),
    }
}
