//! Removing the files of messages, wherever they lie in the vault.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::{Hash128, Scanner};
use crate::vault::layout::{self, FileName, Layout};
use crate::vault::ledger::{LedgerEvent, MaskedLine, mask_copy};
use crate::vault::{frame, maildir};

use super::lines::{GoneContents, names_any};

/// Removes the files of these contents, durably, and what copies in the quarantine hold of them;
/// gives how many files went.
pub(super) fn remove(layout: &Layout, gone: &GoneContents, lines: &[MaskedLine]) -> Result<u64> {
    let mut removed = 0;
    for account in maildir::accounts(layout)? {
        for dir in maildir::folders(layout, &account)? {
            let folder = layout.folder(&account, &dir);
            for sub in ["cur", "new", "tmp"] {
                removed += remove_in(&folder.join(sub), gone)?;
            }
            let names = maildir::list(&folder)?.into_iter();
            let caches = names.filter(|name| is_foreign_cache(name));
            let caches: Vec<_> = caches.map(|name| folder.join(name)).collect();
            remove_all(&caches)?;
        }
    }
    Ok(removed + clear_quarantine(&layout.quarantine(), gone, lines)?)
}

fn remove_in(dir: &Path, gone: &GoneContents) -> Result<u64> {
    let mut files = Vec::new();
    maildir::for_each_name(dir, &mut |name| {
        let hash = FileName::parse(&name).map(|(name, _)| name.hash);
        if hash.is_some_and(|hash| gone.hashes.contains(&hash)) {
            files.push(dir.join(name));
        }
        Ok(())
    })?;
    remove_all(&files)
}

fn remove_all(files: &[PathBuf]) -> Result<u64> {
    for file in files {
        fsx::remove(file)?;
    }
    let dirs: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    dirs.into_iter().try_for_each(fsx::sync_dir)?;
    Ok(files.len() as u64)
}

/// A damaged file may still hold most of a message; one with another's name may hold it whole.
fn clear_quarantine(dir: &Path, gone: &GoneContents, lines: &[MaskedLine]) -> Result<u64> {
    let (mut files, mut copies) = (Vec::new(), Vec::new());
    let mut scanner = Scanner::new();
    let mut removed = 0;
    for (name, kind) in maildir::entries(dir)? {
        let path = dir.join(&name);
        if kind.is_dir() {
            // Of an account that became part of another.
            removed += clear_quarantine(&path, gone, lines)?;
        }
        if !kind.is_file() {
            continue;
        }
        if name
            .split_once(".jsonl")
            .is_some_and(|(month, _)| layout::is_month(month))
        {
            copies.push(path);
        } else if is_foreign_cache(&name)
            || named_hash(&name).is_some_and(|hash| gone.hashes.contains(&hash))
            || frame::scan(&path, gone.largest, &mut scanner)
                .is_ok_and(|digest| gone.hashes.contains(&digest.hash))
        {
            files.push(path);
        }
    }
    for copy in &copies {
        let names = |event: &LedgerEvent| names_any(event, &gone.hashes);
        mask_copy(copy, lines, &names, &|hash| gone.hashes.contains(&hash))?;
    }
    Ok(removed + remove_all(&files)?)
}

/// True for what a Dovecot that served the tree keeps of headers; it is made again.
fn is_foreign_cache(name: &str) -> bool {
    name.starts_with("dovecot.index.cache")
}

/// The hash in the name of a message file, whatever follows it there.
fn named_hash(name: &str) -> Option<Hash128> {
    name.split('.').nth(1).and_then(Hash128::parse)
}
