//! Checking that a vault is complete, in both directions: every recorded message has its file,
//! every file its record (`docs/FORMAT.md`, "Invariants"); and putting right what can
//! be put right.

mod months;
mod purges;
mod read;
mod repair;
mod report;
mod tree;
mod whole;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::event;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::catalog::{Blob, Catalog, Place};
use crate::vault::frame::Flaw;
use crate::vault::layout::{FileName, Layout, Manifest};
use crate::vault::ledger::{Damage, Item, LedgerEvent, Reader, packed_file};
use crate::vault::lock::Lock;
use crate::vault::maildir;
use crate::vault::merge::is_unfinished;
use crate::vault::tombstones::TombstoneKey;
use crate::vault::{Writer, is_current, open_layout, restore_manifest};
use months::cut_off;
use purges::wrong;
use read::{ReadJob, ReadOutcome, read};
use repair::repair;

pub use report::{Finding, Problem, VerifyOptions, VerifyReport};

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
        check.find(path, problem);
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
    check.catalog(&manifest, &replayed);
    if let Err(Error::Damaged { detail, .. }) = TombstoneKey::load(&layout, &replayed) {
        check.find("tombstones.key", Problem::Key(detail));
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
        record(path, options, &report);
    }
    Ok(Some(report))
}

/// Leaves a line in the ledger; a vault that cannot be written to is verified all the
/// same.
fn record(path: &Path, options: &VerifyOptions, report: &VerifyReport) {
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
    let left = if report.repaired { 0 } else { report.damage() };
    let event = LedgerEvent::Verified {
        scope,
        damage: left as u64,
    };
    let recorded = Writer::open(path, Duration::ZERO, &options.stop)
        .and_then(|mut writer| writer.record(&[event]));
    if let Err(e) = recorded {
        tracing::debug!("the verification is not recorded: {e}");
    }
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
        let found = self.report.findings.len();
        let guide = self.existing.as_mut().ok().and_then(Option::take);
        let replayed = self.ledger(vault, Catalog::replica(guide)?)?;
        let (guide, sound) = replayed.end_replica()?;
        if guide.is_some() {
            self.existing = Ok(guide);
        }
        if sound {
            return Ok(replayed);
        }
        self.report.findings.truncate(found);
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
                        self.find("ledger", Problem::Purge(wrong));
                    }
                    replayed.apply(&entry)?;
                }
                Item::Damage(damage) => damaged.push(damage),
                Item::TornTail(tail) => {
                    self.torn = true;
                    let what = format!("an unfinished append at byte {}", tail.first);
                    self.find(&tail.file, Problem::Ledger(what));
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
                self.find(&packed_file(file), Problem::Ledger(cut_off(*first)));
            } else {
                let what = format!("bytes {first} to {last} are damaged: {detail}");
                self.find(file, Problem::Ledger(what));
            }
        }
        self.damaged = damaged;
        replayed.commit(None)?;
        Ok(replayed)
    }

    /// Invariant 7. A catalog that is missing or out of date is not damage.
    fn catalog(&mut self, manifest: &Manifest, replayed: &Catalog) {
        let wrong = match &self.existing {
            Ok(None) => None,
            Ok(Some(existing)) => self.compare(manifest, existing, replayed),
            Err(e) => Some(e.to_string()),
        };
        if let Some(wrong) = wrong {
            self.find("catalog.sqlite", Problem::Catalog(wrong));
        }
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

    fn find(&mut self, path: &str, problem: Problem) {
        self.report.findings.push(Finding {
            account: None,
            path: path.to_owned(),
            id: None,
            problem,
            on_server: false,
            mended: false,
            date: 0,
            subject: String::new(),
        });
    }

    fn wants(&self, account: &str) -> bool {
        self.options.accounts.is_empty() || self.options.accounts.iter().any(|a| a == account)
    }

    /// Invariants 1 to 4.
    fn files(
        &mut self,
        replayed: &Catalog,
        events: &mut dyn FnMut(event::RunEvent<'_>),
    ) -> Result<()> {
        if self.options.accounts.is_empty() {
            for name in maildir::strays(self.layout)? {
                self.find(&format!("mail/{name}"), Problem::Unrecorded);
            }
        }
        if !self.options.read_data
            && let Some(whole) = whole::whole(self.layout, replayed, |account| self.wants(account))?
        {
            let accounts = whole.into_iter().map(|(account, all)| (account, all, all));
            self.report.accounts = accounts.collect();
            self.add_subjects();
            return Ok(());
        }
        tree::walk(self.layout, replayed, |account| self.wants(account))?;
        let mut totals: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut findings = Vec::new();
        let mut claimed = 0;
        let mut find = |hand: &mut dyn FnMut(ReadJob)| {
            replayed.for_each_walked(|place, blob, file| {
                if !self.wants(&place.account) {
                    return Ok(());
                }
                claimed += u64::from(file.is_some());
                let total = totals.entry(place.account.clone()).or_default();
                total.0 += 1;
                total.1 += 1;
                let (path, problem) =
                    tree::judge(self.layout, replayed, &place, &blob, file.as_ref())?;
                if let Some(problem) = problem {
                    if problem.is_damage() {
                        total.1 -= 1;
                    }
                    findings.push(finding(&place, &blob, path, problem, replayed)?);
                } else if self.options.read_data && self.in_subset(blob.name.hash) {
                    hand(ReadJob { place, blob, path });
                }
                Ok(())
            })
        };
        let read = if self.options.read_data {
            let total = replayed
                .placed_octets(|account, hash| self.wants(account) && self.in_subset(hash))?;
            read(self.layout.root(), self.options, total, events, find)?
        } else {
            find(&mut |_| {})?;
            ReadOutcome::NONE
        };
        self.report.findings.append(&mut findings);
        self.report.read = read.octets;
        self.report.complete = read.complete;
        for (job, flaw) in read.flawed {
            totals.entry(job.place.account.clone()).or_default().1 -= 1;
            let problem = match flaw {
                Flaw::Missing => Problem::Missing,
                Flaw::Unreadable(how) => Problem::Damaged(how),
                Flaw::Altered => Problem::Damaged("its content differs".to_owned()),
            };
            let found = finding(&job.place, &job.blob, job.path, problem, replayed)?;
            self.report.findings.push(found);
        }
        // Where every file was claimed there is nothing left to look at.
        if claimed != replayed.walked()? {
            self.add_unclaimed(replayed)?;
        }
        self.add_subjects();
        self.report.accounts = totals
            .into_iter()
            .map(|(account, (all, good))| (account, all, good))
            .collect();
        Ok(())
    }

    /// Adds the files that no line names.
    fn add_unclaimed(&mut self, replayed: &Catalog) -> Result<()> {
        let key = TombstoneKey::load(self.layout, replayed).unwrap_or_default();
        for (account, path, mut problem) in tree::unclaimed(replayed)? {
            if let (Some(key), Problem::Unrecorded) = (&key, &problem)
                && let Some((name, _)) = FileName::parse(path.rsplit('/').next().unwrap_or(&path))
                && key.has_content(replayed, name.hash)?
            {
                problem = Problem::Returned;
            }
            self.report.findings.push(Finding {
                account: Some(account),
                path,
                id: None,
                problem,
                on_server: false,
                mended: false,
                date: 0,
                subject: String::new(),
            });
        }
        Ok(())
    }

    /// Adds subjects as far as the catalog has them: a damaged one is reported already.
    fn add_subjects(&mut self) {
        let Ok(Some(catalog)) = &self.existing else {
            return;
        };
        for finding in &mut self.report.findings {
            if let Some(id) = finding.id {
                finding.subject = catalog.subject_of(id).unwrap_or_default();
            }
        }
    }

    fn in_subset(&self, hash: Hash128) -> bool {
        self.options.subset.is_none_or(|(n, t)| {
            u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]) % t.max(1) == n - 1
        })
    }
}

fn finding(
    place: &Place,
    blob: &Blob,
    path: String,
    problem: Problem,
    replayed: &Catalog,
) -> Result<Finding> {
    Ok(Finding {
        account: Some(place.account.clone()),
        path,
        id: Some(blob.name.hash),
        problem,
        on_server: replayed.is_on_server(blob.id)?,
        mended: false,
        date: i64::from(blob.name.received),
        subject: String::new(),
    })
}
