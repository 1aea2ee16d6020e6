//! Pieces of the index on the disk: scripts of one call, `mv("name","text")`, since a page from
//! the disk can read no other files. The text is Base64 of what DEFLATE (RFC 1951) packed. The
//! second line is a comment with a hash of the first, by which a later export knows whether
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

/// A piece as it is in its file.
fn spelled(name: &str, content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::new(9));
    packer.write_all(content)?;
    let text = STANDARD.encode(packer.finish()?);
    let line = format!("mv(\"{name}\",\"{text}\")\n");
    let hash = Hash128::of(line.as_bytes());
    Ok(format!("{line}{STAMP}{hash}\n").into_bytes())
}

/// True if an export wrote these bytes.
fn is_ours(piece: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', piece) else {
        return false;
    };
    let (line, stamp) = piece.split_at(end + 1);
    stamp == format!("{STAMP}{}\n", Hash128::of(line)).as_bytes()
}

/// Writes a piece, unless it is there. `name` and `file`, without its ending, are of our making.
pub(super) fn put(place: &mut ExportPlace, name: &str, file: &str, content: &[u8]) -> Result<()> {
    let path = place.root().join(format!("search/{file}.js"));
    let new = spelled(name, content).map_err(|e| Error::file("write", &path, e))?;
    if !fsx::is_file(&path)? {
        return place.write(path, &new);
    }
    let old = fsx::read(&path)?;
    if old == new {
        return Ok(());
    }
    if old.is_empty() || is_ours(&old) || !place.is_foreign(&path)? {
        return place.rewrite(path, &old, &new);
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
        assert!(is_ours(piece));
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
        let piece = spelled("r1", b"\x00</script>\"\xff").unwrap();
        assert_eq!(unpacked("r1", &piece), b"\x00</script>\"\xff");
        let text = String::from_utf8(piece.clone()).unwrap();
        assert!(
            !text.contains('<') && text.matches('"').count() == 4,
            "{text}"
        );
        for at in 0..piece.len() {
            let mut changed = piece.clone();
            changed[at] ^= 1;
            assert!(!is_ours(&changed) && !is_ours(&piece[..at]), "{at}");
        }
    }
}
