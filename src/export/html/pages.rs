//! Pages on their way to the disk. Each says in its second line what it was made from and which
//! bytes follow, so that a later export knows without any list of its own which pages are still
//! right, and which somebody else has changed.

use std::path::Path;

use crate::base::error::Result;
use crate::base::fsx;
use crate::export::place::ExportPlace;
use crate::mail::message::Hash128;

/// How the second line begins and ends.
const STAMP: (&str, &str) = ("<!-- mailvault ", " -->\n");
const DOCTYPE: &str = "<!DOCTYPE html>\n";
/// Stands in each page of a message that an older version made.
const OLDER: &str = "<!--links-->";

/// How a page of an earlier export is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OldPage {
    /// There is none.
    Missing,
    /// It would be the same again.
    Same,
    /// It is to be replaced: its bytes.
    Stale(Vec<u8>),
    /// Somebody else has changed it.
    Foreign,
}

/// The stamp of a page: what it was made from, and the rest of its bytes.
fn stamp(page: &[u8]) -> Option<(Hash128, Hash128, &[u8])> {
    let rest = page.strip_prefix(DOCTYPE.as_bytes())?;
    let rest = rest.strip_prefix(STAMP.0.as_bytes())?;
    let end = memchr::memchr(b'\n', rest)? + 1;
    let (line, body) = rest.split_at(end);
    let line = std::str::from_utf8(line).ok()?.strip_suffix(STAMP.1)?;
    let (inputs, hash) = line.split_once(' ')?;
    Some((Hash128::parse(inputs)?, Hash128::parse(hash)?, body))
}

/// A page with its stamp.
fn stamped(inputs: Hash128, page: &str) -> String {
    let body = page.strip_prefix(DOCTYPE).unwrap_or(page);
    let hash = Hash128::of(body.as_bytes());
    [DOCTYPE, STAMP.0, &format!("{inputs} {hash}"), STAMP.1, body].concat()
}

/// Looks at what is in the place of a page that is made from these inputs.
pub(super) fn look(place: &mut ExportPlace, path: &Path, inputs: Hash128) -> Result<OldPage> {
    if !fsx::is_file(path)? {
        return Ok(OldPage::Missing);
    }
    let old = fsx::read(path)?;
    let ours = match stamp(&old) {
        Some((_, hash, body)) if Hash128::of(body) != hash => false,
        Some((known, ..)) if known == inputs => return Ok(OldPage::Same),
        Some(_) => true,
        None => old.is_empty() || memchr::memmem::find(&old, OLDER.as_bytes()).is_some(),
    };
    if ours || !place.is_foreign(path)? {
        return Ok(OldPage::Stale(old));
    }
    Ok(OldPage::Foreign)
}

/// Writes a page with the next batch, in the place of what was looked at.
pub(super) fn write(
    place: &mut ExportPlace,
    path: &Path,
    old: &OldPage,
    (inputs, page): (Hash128, &str),
) -> Result<()> {
    let page = stamped(inputs, page);
    match old {
        OldPage::Stale(old) => place.rewrite(path.to_path_buf(), old, page.as_bytes()),
        OldPage::Missing => place.write(path.to_path_buf(), page.as_bytes()),
        OldPage::Same | OldPage::Foreign => Ok(()),
    }
}

/// Writes a page that is cheap to make, unless it is there.
pub(super) fn put(place: &mut ExportPlace, path: &Path, page: &str) -> Result<()> {
    let inputs = Hash128::of(page.as_bytes());
    let old = look(place, path, inputs)?;
    write(place, path, &old, (inputs, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_knows_its_page_and_no_other() {
        let inputs = Hash128::of(b"inputs");
        let page = stamped(inputs, "<!DOCTYPE html>\n<html>x</html>\n");
        let (known, hash, body) = stamp(page.as_bytes()).expect("it has a stamp");
        assert_eq!((known, hash), (inputs, Hash128::of(body)));
        assert_eq!(body, b"<html>x</html>\n");
        assert_eq!(stamp(b"<!DOCTYPE html>\n<html>"), None);
        assert_eq!(stamp(b"<!DOCTYPE html>\n<!-- mailvault x -->\n"), None);
    }
}
