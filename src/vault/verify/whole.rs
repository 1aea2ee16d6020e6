//! Whether every recorded message has its file and every file its record. Nearly always they do:
//! that is found out without an order of their own. Where they do not, what is wrong is looked
//! for in another way.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::catalog::Catalog;
use crate::vault::layout::{self, FileName, Layout};
use crate::vault::maildir;
use crate::vault::spread::Spread;

/// A file: the hash in its name, its folder, the rest of its name, and its length.
const RECORD: usize = 16 + 8 + 4 + 8 + 8 + LENGTH;
const LENGTH: usize = 8;

/// How many messages each account has, if there is a file of each in its folder, of the length
/// that the ledger says, and no other file.
pub(super) fn whole(
    layout: &Layout,
    replayed: &Catalog,
    wants: impl Fn(&str) -> bool,
) -> Result<Option<BTreeMap<String, u64>>> {
    let mut found = Spread::new();
    for account in maildir::list(&layout.mail_dir())? {
        if !layout::is_account(&account) || !wants(&account) {
            continue;
        }
        for dir in maildir::folders(layout, &account)? {
            let folder = replayed.folder_id(&account, &dir)?;
            for sub in ["cur", "new"] {
                let path = layout.folder(&account, &dir).join(sub);
                if !add_files(&path, folder, &mut found)? {
                    return Ok(None);
                }
            }
        }
    }
    let mut expected = Spread::new();
    let mut messages = BTreeMap::new();
    replayed.for_each_placed(|account, folder, blob| {
        if wants(account) {
            match messages.get_mut(account) {
                Some(count) => *count += 1,
                None => drop(messages.insert(account.to_owned(), 1)),
            }
            expected.put(&record(folder, &blob.name, blob.stored))?;
        }
        Ok(())
    })?;
    for (found, expected) in found.sorted().zip(expected.sorted()) {
        if !are_equal(&found?, &expected?) {
            return Ok(None);
        }
    }
    Ok(Some(messages))
}

/// Adds the files of a directory; false if one of them cannot be that of a recorded message.
fn add_files(path: &Path, folder: Option<i64>, found: &mut Spread<RECORD>) -> Result<bool> {
    if !fsx::is_dir(path)? {
        return Ok(true);
    }
    let mut fits = true;
    fsx::for_each_length(path, &mut |name, length| {
        let name = name.to_str().and_then(FileName::parse);
        match (folder, name, length) {
            (Some(folder), Some((name, _)), Some(length)) => {
                found.put(&record(folder, &name, length))?;
            }
            _ => fits = false,
        }
        Ok(fits)
    })?;
    Ok(fits)
}

fn record(folder: i64, name: &FileName, length: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let mut rest = &mut record[..];
    for field in [
        &name.hash.0[..],
        &folder.to_be_bytes(),
        &name.received.to_be_bytes(),
        &name.size.to_be_bytes(),
        &name.wire.to_be_bytes(),
        &length.to_be_bytes(),
    ] {
        let (place, after) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    }
    record
}

/// Whether the same files are found and expected, where a length of 0 is not known.
fn are_equal(found: &[[u8; RECORD]], expected: &[[u8; RECORD]]) -> bool {
    let fits = |(found, expected): (&[u8; RECORD], &[u8; RECORD])| {
        let (found, length) = found.split_at(RECORD - LENGTH);
        let (expected, stored) = expected.split_at(RECORD - LENGTH);
        found == expected && (stored == [0; LENGTH] || length == stored)
    };
    found.len() == expected.len() && found.iter().zip(expected).all(fits)
}
