//! Checking that a vault is complete, in both directions: every recorded message has its file,
//! every file its record (`docs/FORMAT.md`, "Invariants"); and putting right what can
//! be put right.

mod files;
mod finding;
mod findings;
mod months;
mod purges;
mod read;
mod repair;
mod report;
mod tree;
mod whole;

use std::path::Path;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::event;
use crate::base::fsx;
use crate::vault::catalog::Catalog;
use crate::vault::layout::{Layout, Manifest};
use crate::vault::ledger::{Damage, Item, LedgerEvent, Reader, packed_file};
use crate::vault::lock::Lock;
use crate::vault::merge::is_unfinished;
use crate::vault::tombstones::TombstoneKey;
use crate::vault::{Writer, is_current, open_layout, restore_manifest};
use months::cut_off;
use purges::wrong;
use repair::repair;

pub use finding::{Finding, Problem};
pub use findings::{FindingIter, FindingList};
pub use report::{FindingSums, VerifyOptions, VerifyReport};

/// What is said of a part of a vault that is not there.
const MISSING: &str = "missing";

/// Verifies the vault at `path`.
pub fn verify(
    path: &Path,
    options: &VerifyOptions,
    events: &mut dyn FnMut(event::RunEvent<'_>),
) -> Result<VerifyReport> {
    let mut tried = false;
    loop {
        if let Some(report) = verify_finished(path, options, tried, events)? {
            return Ok(report);
        }
        tried = true;
    }
}

/// Verifies a vault; nothing if it had to finish first what a killed run had begun. If that was
/// `tried`, what is unfinished still is among the findings.
fn verify_finished(
    path: &Path,
    options: &VerifyOptions,
    tried: bool,
    events: &mut dyn FnMut(event::RunEvent<'_>),
) -> Result<Option<VerifyReport>> {
    let (mut opened, mut lost) = (open_layout(path), Vec::new());
    if options.repair {
        let problem = match &opened {
            Err(Error::ManifestMissing { .. }) => Some(Problem::Manifest(MISSING.to_owned())),
            Err(Error::ManifestDamaged { detail, .. }) => {
                Some(Problem::Manifest(format!("damaged: {detail}")))
            }
            _ => None,
        };
        if let Some(problem) = problem {
            restore_manifest(path, &options.stop)?;
            lost.push(("vault.toml", problem));
            opened = open_layout(path);
        }
        if matches!(opened, Err(Error::LedgerMissing { .. })) {
            fsx::create_dir_all_durably(&Layout::new(path).ledger_dir())?;
            lost.push(("ledger", Problem::Ledger(MISSING.to_owned())));
            opened = open_layout(path);
        }
    }
    let (layout, manifest) = opened?;
    // Nothing may change meanwhile. A vault that cannot be written to needs no lock.
    let lock = match Lock::take(&layout.lock(), path, Duration::ZERO, &options.stop) {
        Ok(lock) => Some(lock),
        Err(Error::File { .. }) if !options.repair => None,
        Err(e) => return Err(e),
    };
    let mut check = Check {
        layout: &layout,
        options,
        report: VerifyReport {
            complete: true,
            ..VerifyReport::default()
        },
        damaged: Vec::new(),
        torn: false,
        existing: Catalog::open_to_read(&layout.catalog()),
    };
    for (path, problem) in lost {
        check.find(path, problem)?;
    }
    check.months(&manifest.id)?;
    let replayed = check.replayed(&manifest.id)?;
    // Files are on their way from one account to another, or about to go.
    let unfinished = is_unfinished(&layout, &replayed)?;
    if (unfinished || lock.is_some() && replayed.is_erasing()?) && !tried {
        drop((check, replayed, lock));
        drop(Writer::open(path, Duration::ZERO, &options.stop)?);
        return Ok(None);
    }
    check.catalog(&manifest, &replayed)?;
    if let Err(Error::Damaged { detail, .. }) = TombstoneKey::load(&layout, &replayed) {
        check.find("tombstones.key", Problem::Key(detail))?;
    }
    check.files(&replayed, events)?;
    let Check {
        mut report,
        damaged,
        torn,
        ..
    } = check;
    drop(lock);
    if options.repair {
        repair(path, options, &damaged, &mut report)?;
    }
    if options.repair || !torn {
        record(path, options, &report)?;
    }
    Ok(Some(report))
}

/// Leaves a line in the ledger; a vault that cannot be written to is verified all the
/// same.
fn record(path: &Path, options: &VerifyOptions, report: &VerifyReport) -> Result<()> {
    let mut scope = if options.read_data { "data" } else { "names" }.to_owned();
    if let Some((n, t)) = options.subset {
        scope = format!("{scope} {n}/{t}");
    }
    if !options.accounts.is_empty() {
        scope = format!("{scope} of {}", options.accounts.join(","));
    }
    if !report.complete {
        scope += " part";
    }
    let left = if report.repaired {
        0
    } else {
        report.sums()?.damage
    };
    let event = LedgerEvent::Verified {
        scope,
        damage: left,
    };
    let recorded = Writer::open(path, Duration::ZERO, &options.stop)
        .and_then(|mut writer| writer.record(&[event]));
    if let Err(e) = recorded {
        tracing::debug!("the verification is not recorded: {e}");
    }
    Ok(())
}

struct Check<'a> {
    layout: &'a Layout,
    options: &'a VerifyOptions,
    report: VerifyReport,
    /// Stretches of the ledger that nobody has accepted yet.
    damaged: Vec<Damage>,
    torn: bool,
    /// The vault's own catalog, which knows the subjects.
    existing: Result<Option<Catalog>>,
}

impl Check<'_> {
    /// A replay of the ledger, for which the catalog is asked what is new.
    fn replayed(&mut self, vault: &str) -> Result<Catalog> {
        let found = self.report.findings.end();
        let guide = self.existing.as_mut().ok().and_then(Option::take);
        let replayed = self.ledger(vault, Catalog::replica(guide)?)?;
        let (guide, sound) = replayed.end_replica()?;
        if guide.is_some() {
            self.existing = Ok(guide);
        }
        if sound {
            return Ok(replayed);
        }
        self.report.findings.truncate(found)?;
        self.torn = false;
        self.ledger(vault, Catalog::replica(None)?)
    }

    /// Invariants 5 and 6, and a replay of the ledger.
    fn ledger(&mut self, vault: &str, mut replayed: Catalog) -> Result<Catalog> {
        replayed.begin()?;
        replayed.begin_intents()?;
        let mut damaged = Vec::new();
        let mut reader = Reader::new(self.layout, vault)?;
        for item in &mut reader {
            match item? {
                Item::Entry { entry, .. } => {
                    if let Some(wrong) = wrong(&entry.event, &replayed)? {
                        self.find("ledger", Problem::Purge(wrong))?;
                    }
                    replayed.apply(&entry)?;
                }
                Item::Damage(damage) => damaged.push(damage),
                Item::TornTail(tail) => {
                    self.torn = true;
                    let what = format!("an unfinished append at byte {}", tail.first);
                    self.find(&tail.file, Problem::Ledger(what))?;
                }
            }
        }
        let gaps = reader.accepted_gaps();
        damaged.retain(|damage| !gaps.iter().any(|gap| gap.covers(damage)));
        for Damage {
            file,
            first,
            last,
            detail,
            unreadable,
        } in &damaged
        {
            if *unreadable {
                self.find(&packed_file(file), Problem::Ledger(cut_off(*first)))?;
            } else {
                let what = format!("bytes {first} to {last} are damaged: {detail}");
                self.find(file, Problem::Ledger(what))?;
            }
        }
        self.damaged = damaged;
        replayed.commit(None)?;
        Ok(replayed)
    }

    /// Invariant 7. A catalog that is missing or out of date is not damage.
    fn catalog(&mut self, manifest: &Manifest, replayed: &Catalog) -> Result<()> {
        let wrong = match &self.existing {
            Ok(None) => None,
            Ok(Some(existing)) => self.compare(manifest, existing, replayed),
            Err(e) => Some(e.to_string()),
        };
        if let Some(wrong) = wrong {
            self.find("catalog.sqlite", Problem::Catalog(wrong))?;
        }
        Ok(())
    }

    fn compare(
        &self,
        manifest: &Manifest,
        existing: &Catalog,
        replayed: &Catalog,
    ) -> Option<String> {
        if self.torn || !self.damaged.is_empty() {
            return None;
        }
        match is_current(self.layout, manifest, existing) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(e) => return Some(e.to_string()),
        }
        match existing.differs_from(replayed) {
            Ok(table) => table.map(|t| format!("table {t} does not match the ledger")),
            Err(e) => Some(e.to_string()),
        }
    }

    fn find(&mut self, path: &str, problem: Problem) -> Result<()> {
        self.report.findings.push(&Finding::of_vault(path, problem))
    }
}
