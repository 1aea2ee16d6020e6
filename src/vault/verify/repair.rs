//! Repairing what verify found. Moves, links, adopts, records what is lost and
//! rebuilds; deletes nothing.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::base::error::Result;
use crate::base::fsx::{self, StagedFile};
use crate::mail::message::Hash128;
use crate::vault::catalog::discard;
use crate::vault::layout::{FileName, Layout, base_of};
use crate::vault::ledger::{Damage, LedgerEvent, path_of};
use crate::vault::verify::report::{Finding, Problem, VerifyOptions, VerifyReport};
use crate::vault::{Writer, describe, frame, maildir};

/// Puts right what was found: accepts damaged stretches of the ledger, moves damaged
/// files to quarantine, links what another folder still has, records the rest as lost,
/// and adopts files without a record.
pub(super) fn repair(
    path: &Path,
    options: &VerifyOptions,
    damaged: &[Damage],
    report: &mut VerifyReport,
) -> Result<()> {
    let is_wrong = |f: &Finding| matches!(f.problem, Problem::Catalog(_));
    let layout = Layout::new(path);
    // A catalog may know of damaged lines what the ledger no longer says.
    if !damaged.is_empty() || report.findings.iter().any(is_wrong) {
        discard(&layout.catalog())?;
    }
    let mut writer = Writer::open(path, Duration::ZERO, &options.stop)?;
    if damaged.is_empty() {
        writer.mask_again()?;
    }
    for damage in damaged {
        let copy = keep_copy(&layout, damage)?;
        writer.record(&[LedgerEvent::Chain {
            file: damage.file.clone(),
            first: damage.first,
            last: damage.last,
            copy,
        }])?;
    }
    let mut folders: HashSet<(String, String)> = HashSet::new();
    for finding in &mut report.findings {
        match (&finding.problem, finding.id) {
            (Problem::Damaged(_), Some(id)) => {
                let path = layout.root().join(&finding.path);
                // Only its length may be other than recorded, or a pull may have been
                // quicker; what holds the right bytes stays.
                let size = writer.catalog().find(id)?.map_or(0, |blob| blob.name.size);
                if frame::check(&path, id, size).is_err() {
                    maildir::quarantine(&layout, &path)?;
                    finding.mended = restore(&mut writer, id)?;
                }
            }
            (Problem::Missing, Some(id)) => finding.mended = restore(&mut writer, id)?,
            (Problem::Unrecorded, _) => {
                folders.extend(folder_of(&finding.path));
            }
            (Problem::Repeated, _) => set_apart(&layout, &finding.path)?,
            _ => {}
        }
    }
    // Lines that damage made unreadable may have spoken of files that are there.
    if !damaged.is_empty() {
        for account in maildir::accounts(&layout)? {
            for dir in maildir::folders(&layout, &account)? {
                folders.insert((account.clone(), dir));
            }
        }
    }
    let mended = |account: &str| {
        let of_account = |f: &&Finding| f.mended && f.account.as_deref() == Some(account);
        report.findings.iter().filter(of_account).count() as u64
    };
    for (account, _, good) in &mut report.accounts {
        *good += mended(account);
    }
    for (account, dir) in folders {
        writer.adopt(&account, &dir)?;
    }
    describe(&layout, writer.catalog_mut())?;
    writer.publish()?;
    report.repaired = true;
    Ok(())
}

/// Moves a file to quarantine that holds what another one of its folder holds, or what its name
/// does not say; if it is the only whole one, the other is moved.
fn set_apart(layout: &Layout, path: &str) -> Result<()> {
    let path = layout.root().join(path);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::parent);
    let (Some((name, _)), Some(folder)) = (FileName::parse(&file), folder) else {
        return Ok(());
    };
    let whole = |path: &Path| frame::check(path, name.hash, name.size).is_ok();
    for sub in ["cur", "new"] {
        for other in maildir::list(&folder.join(sub))? {
            let other = folder.join(sub).join(&other);
            let base = other.file_name().unwrap_or_default().to_string_lossy();
            if other == path || base_of(&base) != base_of(&file) {
                continue;
            }
            let leaves = if whole(&other) { &path } else { &other };
            maildir::quarantine(layout, leaves)?;
            return Ok(());
        }
    }
    Ok(())
}

/// Links a content into every folder that should have it, from one that does; if none
/// does it is lost, and wanted again. True if there was one.
fn restore(writer: &mut Writer, id: Hash128) -> Result<bool> {
    let Some(blob) = writer.catalog().find(id)? else {
        return Ok(false);
    };
    let layout = writer.layout().clone();
    let Some((_, intact)) = writer.intact(&blob, "", "")? else {
        writer.record(&[LedgerEvent::Lost { hash: id }])?;
        return Ok(false);
    };
    let intact = StagedFile::Named(intact);
    for place in writer.catalog().places(blob.id)? {
        let folder = layout.folder(&place.account, &place.dir);
        if maildir::find(&folder, &blob.name, &place.flags)?.is_none() {
            maildir::create_folder(&layout, &place.account, &place.dir)?;
            maildir::place(&layout, &intact, &folder, &blob.name, &place.flags)?;
            fsx::sync_dir(&folder.join("cur"))?;
        }
    }
    Ok(true)
}

fn keep_copy(layout: &Layout, damage: &Damage) -> Result<String> {
    let source = path_of(layout, &damage.file)?;
    let bytes = fsx::read(&source)?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{name}.{}", Hash128::of(&bytes));
    fsx::create_dir_all_durably(&layout.quarantine())?;
    fsx::write_durably(&layout.quarantine().join(&name), &bytes)?;
    Ok(format!("quarantine/{name}"))
}

/// Account and directory of a path such as `mail/home/.Sub/cur/name`.
fn folder_of(path: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["mail", account, _, _] => Some((account.to_owned(), String::new())),
        ["mail", account, dir, _, _] => Some((account.to_owned(), dir.to_owned())),
        _ => None,
    }
}
