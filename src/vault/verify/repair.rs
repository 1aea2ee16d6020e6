//! Repairing what verify found. Moves, links, adopts, records what is lost and
//! rebuilds; deletes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use crate::base::error::Result;
use crate::base::fsx::{self, StagedFile};
use crate::mail::message::Hash128;
use crate::vault::catalog::discard;
use crate::vault::finder::FileFinder;
use crate::vault::layout::{FileName, Layout, base_of};
use crate::vault::ledger::{Damage, LedgerEvent, path_of};
use crate::vault::verify::finding::{Finding, Problem};
use crate::vault::verify::report::{VerifyOptions, VerifyReport};
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
    let layout = Layout::new(path);
    // A catalog may know of damaged lines what the ledger no longer says.
    if !damaged.is_empty() || has_wrong_catalog(report)? {
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
    let mut put_back: HashMap<String, u64> = HashMap::new();
    let mut repair = FileRepair {
        writer: &mut writer,
        layout: &layout,
        finder: FileFinder::default(),
        folders: HashSet::new(),
        lost: BTreeSet::new(),
    };
    let mut last = -1;
    loop {
        let page = report.findings.page(last)?;
        let Some((end, _)) = page.last() else {
            break;
        };
        last = *end;
        for (place, finding) in page {
            if repair.mend(&finding)? {
                report.findings.set_mended(place)?;
                *put_back
                    .entry(finding.account.unwrap_or_default())
                    .or_default() += 1;
            }
        }
        repair.record_lost()?;
    }
    let mut folders = repair.folders;
    // Lines that damage made unreadable may have spoken of files that are there.
    if !damaged.is_empty() {
        for account in maildir::accounts(&layout)? {
            for dir in maildir::folders(&layout, &account)? {
                folders.insert((account.clone(), dir));
            }
        }
    }
    for (account, _, good) in &mut report.accounts {
        *good += put_back.get(account).copied().unwrap_or(0);
    }
    for (account, dir) in folders {
        writer.adopt(&account, &dir)?;
    }
    describe(&layout, writer.catalog_mut())?;
    writer.publish()?;
    report.repaired = true;
    Ok(())
}

fn has_wrong_catalog(report: &VerifyReport) -> Result<bool> {
    for finding in report.findings.all() {
        if matches!(finding?.problem, Problem::Catalog(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Repairs message files.
struct FileRepair<'r> {
    writer: &'r mut Writer,
    layout: &'r Layout,
    finder: FileFinder,
    /// Folders whose files are taken in at the end.
    folders: HashSet<(String, String)>,
    /// Contents of which no file is left, to be recorded together.
    lost: BTreeSet<Hash128>,
}

impl FileRepair<'_> {
    /// Puts one thing right; true if a file was put back from another copy.
    fn mend(&mut self, finding: &Finding) -> Result<bool> {
        match (&finding.problem, finding.id) {
            (Problem::Damaged(_), Some(id)) => {
                let path = self.layout.root().join(&finding.path);
                // Only its length may be other than recorded, or a pull may have been quicker;
                // what holds the right bytes stays.
                let blob = self.writer.catalog().find(id)?;
                let size = blob.map_or(0, |blob| blob.name.size);
                if frame::check(&path, id, size).is_err() {
                    maildir::quarantine(self.layout, &path)?;
                    self.finder.moved_away(&path)?;
                    return self.restore(id);
                }
            }
            (Problem::Missing, Some(id)) => return self.restore(id),
            (Problem::Unrecorded, _) => self.folders.extend(folder_of(&finding.path)),
            (Problem::Repeated, _) => set_apart(self.layout, &finding.path)?,
            _ => {}
        }
        Ok(false)
    }

    /// Links a content into every folder that should have it, from one that does; if none does it
    /// is lost, and wanted again. True if there was one.
    fn restore(&mut self, id: Hash128) -> Result<bool> {
        let Some(blob) = self.writer.catalog().find(id)? else {
            return Ok(false);
        };
        let Some(intact) = self.writer.find_intact(&mut self.finder, &blob)? else {
            self.lost.insert(id);
            return Ok(false);
        };
        let intact = StagedFile::Named(intact);
        for place in self.writer.catalog().places(blob.id)? {
            let folder = self.layout.folder(&place.account, &place.dir);
            let found = self.finder.find(&folder, &blob.name, &place.flags)?;
            if found.is_none() {
                maildir::create_folder(self.layout, &place.account, &place.dir)?;
                maildir::place(self.layout, &intact, &folder, &blob.name, &place.flags)?;
                fsx::sync_dir(&folder.join("cur"))?;
            }
        }
        Ok(true)
    }

    fn record_lost(&mut self) -> Result<()> {
        let lost = std::mem::take(&mut self.lost).into_iter();
        let events: Vec<LedgerEvent> = lost.map(|hash| LedgerEvent::Lost { hash }).collect();
        if events.is_empty() {
            return Ok(());
        }
        self.writer.record(&events)
    }
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
