//! The message files that are there, compared with those that the ledger names.

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::catalog::{Blob, Catalog, Place, WalkedFile};
use crate::vault::layout::Layout;
use crate::vault::maildir;
use crate::vault::verify::finding::Problem;

/// Takes the files of the wanted accounts into temporary tables of the replayed ledger.
pub(super) fn walk(
    layout: &Layout,
    replayed: &Catalog,
    wants: impl Fn(&str) -> bool,
) -> Result<()> {
    replayed.begin_walk()?;
    for account in maildir::accounts(layout)? {
        if !wants(&account) {
            continue;
        }
        for dir in maildir::folders(layout, &account)? {
            let mut folder = replayed.walk_folder(&account, &dir)?;
            for sub in ["cur", "new"] {
                let path = layout.folder(&account, &dir).join(sub);
                maildir::for_each_name(&path, &mut |name| folder.add(name, sub == "new"))?;
            }
            folder.flush()?;
        }
    }
    replayed.end_walk()
}

/// The file of a recorded message, and what is wrong with it by its name and length alone.
pub(super) fn judge(
    layout: &Layout,
    replayed: &Catalog,
    place: &Place,
    blob: &Blob,
    file: Option<&WalkedFile>,
) -> Result<(String, Option<Problem>)> {
    if let Some(file) = file {
        let path = path_of(file);
        let problem = match fsx::length(&layout.root().join(&path)) {
            Ok(length) if blob.stored == 0 || length == blob.stored => None,
            Ok(length) => Some(Problem::Damaged(format!(
                "{length} bytes long instead of {}",
                blob.stored
            ))),
            Err(Error::Strange { what, .. }) => Some(Problem::Damaged(format!("it is {what}"))),
            Err(e) => Some(Problem::Damaged(e.to_string())),
        };
        return Ok((path, problem));
    }
    if let Some(file) = replayed.walked_elsewhere(&place.account, blob.id)? {
        return Ok((path_of(&file), Some(Problem::Moved)));
    }
    let usual = path_of(&WalkedFile {
        account: place.account.clone(),
        dir: place.dir.clone(),
        new: false,
        name: blob.name.with_flags(&place.flags),
    });
    Ok((usual, Some(Problem::Missing)))
}

/// Where a file is, relative to the vault.
pub(super) fn path_of(file: &WalkedFile) -> String {
    let WalkedFile {
        account, dir, name, ..
    } = file;
    let sub = if file.new { "new" } else { "cur" };
    if dir.is_empty() {
        format!("mail/{account}/{sub}/{name}")
    } else {
        format!("mail/{account}/{dir}/{sub}/{name}")
    }
}
