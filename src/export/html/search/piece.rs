//! Pieces of the index on the disk: scripts of one call, `mv("name","text")`, since a page from
//! the disk can read no other files. The text is Base64 of what DEFLATE (RFC 1951) packed. The
//! second line is a comment with a hash of what was packed, by which a later export knows without
//! packing whether the piece is still right, and a hash of all before it, by which it knows whether
//! somebody has changed the file.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::export::place::ExportPlace;
use crate::mail::message::Hash128;

const STAMP: &str = "// mailvault ";

/// The bytes of a value for a piece.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|e| Error::file("write", Path::new("a piece of the search"), e.into()))
}

/// What a piece holds, packed.
pub(super) fn pack(content: &[u8]) -> Result<Vec<u8>> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::new(9));
    let done = packer.write_all(content).and_then(|()| packer.finish());
    done.map_err(|e| Error::file("write", Path::new("a piece of the search"), e))
}

/// A piece as it is in its file; `content` is a hash of what was packed.
fn spelled(name: &str, content: Hash128, packed: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(packed);
    let stamped = format!("mv(\"{name}\",\"{text}\")\n{STAMP}{content} ");
    let hash = Hash128::of(stamped.as_bytes());
    format!("{stamped}{hash}\n").into_bytes()
}

/// The hash of what was packed into a piece; `None` if no export wrote these bytes.
fn content_of(piece: &[u8]) -> Option<Hash128> {
    const HASH: usize = 32;
    let hash_at = piece.len().checked_sub(HASH + 1)?;
    let (stamped, hash) = piece.split_at(hash_at);
    if hash != format!("{}\n", Hash128::of(stamped)).as_bytes() {
        return None;
    }
    let content = stamped.strip_suffix(b" ")?;
    let content = content.get(content.len().checked_sub(HASH)?..)?;
    Hash128::parse(std::str::from_utf8(content).ok()?)
}

/// Writes a piece, unless it is there. `name` and `file`, without its ending, are of our making.
pub(super) fn put(place: &mut ExportPlace, name: &str, file: &str, content: &[u8]) -> Result<()> {
    put_packed(place, (name, file), content, &mut || pack(content))
}

/// The same with another way to pack the content.
pub(super) fn put_packed(
    place: &mut ExportPlace,
    (name, file): (&str, &str),
    content: &[u8],
    packed: &mut dyn FnMut() -> Result<Vec<u8>>,
) -> Result<()> {
    let path = place.root().join(format!("search/{file}.js"));
    let content = Hash128::of(content);
    if !fsx::is_file(&path)? {
        return place.write(path, &spelled(name, content, &packed()?));
    }
    let old = fsx::read(&path)?;
    let known = content_of(&old);
    if known == Some(content) {
        return Ok(());
    }
    if known.is_some() || old.is_empty() || !place.is_foreign(&path)? {
        return place.rewrite(path, &old, &spelled(name, content, &packed()?));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;

    use super::*;

    /// What a piece holds, as a browser unpacks it.
    pub(in crate::export::html::search) fn unpacked(name: &str, piece: &[u8]) -> Vec<u8> {
        assert!(content_of(piece).is_some());
        let line = std::str::from_utf8(piece).unwrap().lines().next().unwrap();
        let text = line.strip_prefix(&format!("mv(\"{name}\",\"")).unwrap();
        let text = text.strip_suffix("\")").unwrap();
        let mut content = Vec::new();
        flate2::read::DeflateDecoder::new(&STANDARD.decode(text).unwrap()[..])
            .read_to_end(&mut content)
            .unwrap();
        content
    }

    #[test]
    fn a_piece_is_one_call_and_knows_when_it_was_changed() {
        let content = b"\x00</script>\"\xff";
        let piece = spelled("r1", Hash128::of(content), &pack(content).unwrap());
        assert_eq!(content_of(&piece), Some(Hash128::of(content)));
        assert_eq!(unpacked("r1", &piece), b"\x00</script>\"\xff");
        let text = String::from_utf8(piece.clone()).unwrap();
        assert!(
            !text.contains('<') && text.matches('"').count() == 4,
            "{text}"
        );
        for at in 0..piece.len() {
            let mut changed = piece.clone();
            changed[at] ^= 1;
            assert_eq!(content_of(&changed), None, "{at}");
            assert_eq!(content_of(&piece[..at]), None, "{at}");
        }
    }
}
