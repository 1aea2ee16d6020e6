//! Lives a life: step by step, watched, to its calm end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[cfg(feature = "faults")]
use mailvault::base::fsx::faults;
use mailvault::purge::PurgeSelection;

use super::ageing::{age, forget_indexes};
#[cfg(feature = "offsite")]
use super::copy::SecondCopy;
use super::history::{Life, Step, begin, happens, show};
use super::line::{SharedAccount, locked};
use super::mail::{is_same, mail};
use super::model::{Fault, ModelAccount};
use super::oracle::{Breach, Law, Oracle};
use super::stage::Way;
use super::user::{Came, User};
use crate::support::sandbox::Stored;

/// Without the feature no disk fails.
#[cfg(not(feature = "faults"))]
mod faults {
    pub(super) fn plan(_root: &std::path::Path, _left: u32, _lasting: bool) {}

    pub(super) fn clear(_root: &std::path::Path) -> u32 {
        0
    }
}

/// How often each hazard came before each command.
pub(crate) type Meetings = BTreeMap<(&'static str, &'static str), usize>;

/// A life under way.
struct Living {
    account: SharedAccount,
    user: User,
    oracle: Oracle,
    exact: bool,
    edits: usize,
    damaged: bool,
    /// True once time has passed.
    has_aged: bool,
    /// The disk of the next command.
    disk: Option<(u32, bool)>,
    /// Hazards since each command ran last.
    hazards: BTreeMap<&'static str, BTreeSet<&'static str>>,
    meetings: Meetings,
    #[cfg(feature = "offsite")]
    copy: SecondCopy,
}

/// Lives a life to its end, or to the first breach, which comes with the step.
pub(crate) fn live(life: &Life) -> (Meetings, Result<(), (usize, Breach)>) {
    let account = SharedAccount::new(ModelAccount::new(life.kind.clone()).into());
    let mut living = Living {
        user: User::new(&account, life.way, life.exact),
        oracle: Oracle::new(&account),
        exact: life.exact,
        account,
        edits: 0,
        damaged: false,
        has_aged: false,
        disk: None,
        hazards: BTreeMap::new(),
        meetings: Meetings::new(),
        #[cfg(feature = "offsite")]
        copy: SecondCopy::new(),
    };
    begin(&living.account);
    let first = [Step::Pull];
    for (n, step) in first.iter().chain(&life.steps).enumerate() {
        if let Err(breach) = guarded(|| living.step(*step)) {
            return (living.meetings, Err((n, breach)));
        }
    }
    let end = guarded(|| living.end()).map_err(|breach| (life.steps.len() + 1, breach));
    (living.meetings, end)
}

fn limit(step: Step) -> Option<usize> {
    match step {
        Step::PullSome { limit } => Some(limit),
        _ => None,
    }
}

fn guarded(act: impl FnOnce() -> Result<(), Breach>) -> Result<(), Breach> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Breach {
            law: Law::NoPanic,
            shown: text.unwrap_or_default(),
        })
    })
}

impl Living {
    fn step(&mut self, step: Step) -> Result<(), Breach> {
        self.oracle.look();
        if happens(step, &self.account, &mut self.edits) {
            self.note(step);
            // A server needs time for this, and what an audit has read is forgotten by then.
            if matches!(
                step,
                Step::Edit { .. } | Step::Restore { .. } | Step::NewUidls { .. }
            ) {
                self.pass(25);
            }
            self.oracle.look();
            return Ok(());
        }
        if let Step::Disk { at, lasting } = step {
            self.disk = Some((at, lasting));
            return Ok(());
        }
        self.meet(step);
        self.run(step)?;
        self.note(step);
        if self.damaged {
            return Ok(());
        }
        self.oracle.always(&self.user, self.exact)
    }

    /// Notes what is different for all commands from now on.
    fn note(&mut self, step: Step) {
        if let Some(hazard) = change(step) {
            for command in COMMANDS {
                self.hazards.entry(command).or_default().insert(hazard);
            }
        }
    }

    /// What the user does, on the disk that was planned.
    fn run(&mut self, step: Step) -> Result<(), Breach> {
        let planned = self.disk.filter(|_| command(step).is_some());
        if let Some((at, lasting)) = planned {
            self.disk = None;
            faults::plan(&self.user.vault(), at, lasting);
        }
        let result = self.act(step, planned.is_some());
        let failed = faults::clear(&self.user.vault());
        if planned.is_some() && failed > 0 {
            let met = ("disk", command(step).unwrap_or_default());
            *self.meetings.entry(met).or_default() += 1;
        }
        result
    }

    /// Lets time pass.
    fn pass(&mut self, hours: i64) {
        self.has_aged = true;
        age(&self.user.vault(), hours);
        // The lines of the ledger are other ones now.
        #[cfg(feature = "offsite")]
        self.copy.begin_again(&self.user.vault());
    }

    #[cfg(feature = "offsite")]
    fn push(&self, disk: Option<u32>) -> Result<(), Breach> {
        let vault = self.user.vault();
        if let Some(at) = disk {
            faults::plan(&vault, at, true);
        }
        let pushed = self.copy.push(&vault);
        let _ = faults::clear(&vault);
        match pushed {
            Ok(report) if report.owed.is_empty() || self.damaged => Ok(()),
            Err(_) if disk.is_some() => Ok(()),
            came => Err(Breach {
                law: Law::CalmSucceeds,
                shown: format!("{came:?}"),
            }),
        }
    }

    /// The vault after the loss is the one before, to the byte, and whole.
    #[cfg(feature = "offsite")]
    fn lose_machine(&mut self) -> Result<(), Breach> {
        if self.damaged {
            return Ok(());
        }
        // What a command did not finish is done by the next one, here and there.
        if !matches!(self.user.verify(true), Came::Well(_)) {
            return self.whole();
        }
        self.push(None)?;
        let before = self.user.stored();
        let replaced = self.copy.replace(&self.user.vault());
        if !matches!(replaced, Ok(0)) || self.user.stored() != before {
            return Err(Breach {
                law: Law::RestoredIsSame,
                shown: format!("{replaced:?}"),
            });
        }
        self.whole()
    }

    fn act(&mut self, step: Step, disk_fails: bool) -> Result<(), Breach> {
        if self.user.away && ["pull", "audit", "purge"].contains(&command(step).unwrap_or_default())
        {
            return Ok(());
        }
        match step {
            Step::Pull | Step::PullSome { .. } => {
                self.oracle.note_listed();
                drop(self.user.pull(limit(step)));
            }
            Step::Audit => {
                // An audit does not read the files of the vault; verify does.
                if let (Came::Well(_), false) = (self.user.audit(), self.damaged) {
                    self.oracle.may_leave(&self.user)?;
                }
            }
            Step::PurgeAll | Step::PurgeOld | Step::PurgeSome { .. } => {
                drop(self.user.purge(&selection(step)));
            }
            Step::Verify | Step::Repair => {
                let came = self.user.verify(step == Step::Repair);
                if !self.damaged && !disk_fails && !matches!(came, Came::Well(_)) {
                    return Err(Breach {
                        law: Law::Whole,
                        shown: format!("{came:?}"),
                    });
                }
                self.damaged &= step != Step::Repair || disk_fails;
            }
            Step::Damage { place, flip } => self.damage(place, flip),
            Step::Import { mail: first, count } => {
                let mails: Vec<Vec<u8>> = (0..count).map(|n| mail(first + n)).collect();
                drop(self.user.import(&mails));
            }
            Step::Export => {
                for gone in [false, true] {
                    if let (Came::Well(_), false) = (self.user.export(gone), self.damaged) {
                        self.oracle.arrived(&self.user, gone)?;
                    }
                }
            }
            Step::Rename => self.user.rename_by_hand(),
            Step::NewName { name } => self.user.shown = Some(["office", "desk", "bureau"][name]),
            Step::Merge => self.merge()?,
            Step::Forget { place } => self.forget(place),
            Step::Remember => {
                if let Came::Well(_) | Came::Failed(_) = self.user.remember() {
                    self.oracle.may_return();
                }
            }
            Step::NewHost { moved } => self.user.change_host(moved),
            Step::Leave => self.user.away = true,
            Step::Return => (self.user.away, self.user.shown) = (false, None),
            Step::OtherProtocol => {
                self.user.way = match self.user.way {
                    Way::Pop3 => Way::Imap,
                    Way::Imap => Way::Pop3,
                };
            }
            #[cfg(feature = "offsite")]
            Step::Push { disk } => self.push(disk)?,
            #[cfg(feature = "offsite")]
            Step::LoseMachine => self.lose_machine()?,
            Step::Wait { hours } => self.pass(i64::try_from(hours).unwrap()),
            _ => {}
        }
        Ok(())
    }

    /// Merges what the vault has under another name; where it has nothing, a pull after a change
    /// of the name by hand comes first.
    fn merge(&mut self) -> Result<(), Breach> {
        if !self.user.is_double() && !self.user.away {
            self.user.rename_by_hand();
            drop(self.user.pull(None));
        }
        let before = self.user.stored();
        if let Came::Well(_) = self.user.merge() {
            for command in COMMANDS {
                self.hazards.entry(command).or_default().insert("merged");
            }
            return self.oracle.merged(&self.user, &before);
        }
        Ok(())
    }

    /// Removes a stored message for good, of which there is no other form that would stay.
    fn forget(&mut self, place: usize) {
        let stored = self.user.stored();
        let alike = |file: &Stored| {
            let same = stored
                .iter()
                .filter(|(_, other)| is_same(&other.bytes, &file.bytes));
            let mut contents: Vec<_> = same.map(|(_, other)| &other.bytes).collect();
            contents.sort();
            contents.dedup();
            contents.len()
        };
        let fit: Vec<&Stored> = stored
            .iter()
            .map(|(_, file)| file)
            .filter(|f| alike(f) == 1)
            .collect();
        if fit.is_empty() {
            return;
        }
        let file = fit[place % fit.len()];
        let hash = file.name.split('.').nth(1).unwrap_or_default();
        let done = matches!(self.user.forget(hash), Came::Well(_));
        self.oracle.forgot(&file.bytes, done);
        if done {
            for command in COMMANDS {
                self.hazards.entry(command).or_default().insert("forgotten");
            }
        }
    }

    fn meet(&mut self, step: Step) {
        let Some(command) = command(step) else {
            return;
        };
        let talks = ["pull", "audit", "purge"].contains(&command);
        let faults = locked(&self.account).faults.first().map(fault);
        let pending = self.hazards.remove(command).unwrap_or_default();
        for hazard in pending.into_iter().chain(faults.filter(|_| talks)) {
            *self.meetings.entry((hazard, command)).or_default() += 1;
        }
    }

    /// Damages a file whose message the server still has, and none that was deleted there.
    fn damage(&mut self, place: usize, flip: bool) {
        let fit: Vec<_> = {
            let account = locked(&self.account);
            let listed: Vec<&Vec<u8>> = account
                .folders
                .iter()
                .flat_map(|folder| folder.shown().map(|message| &message.bytes))
                .collect();
            let files = self.user.stored().into_iter();
            files
                .filter(|(_, file)| {
                    listed.iter().any(|bytes| is_same(&file.bytes, bytes))
                        && !account
                            .deleted
                            .iter()
                            .any(|gone| is_same(&file.bytes, &gone.key.1))
                })
                .collect()
        };
        if fit.is_empty() {
            return;
        }
        let (account, file) = &fit[place % fit.len()];
        let path = self.user.file(account, file);
        if flip {
            // A new file: other folders may have the old one as a link.
            fs::remove_file(&path).unwrap();
            fs::write(&path, b"this was a message").unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        self.damaged = true;
    }

    /// Nothing errs any more; what there is to know must come out.
    fn end(&mut self) -> Result<(), Breach> {
        {
            let mut account = locked(&self.account);
            account.faults.clear();
            show(&mut account);
        }
        self.user.away = false;
        // Within an hour nothing settles, and what came wrong comes at once when it is asked for
        // again; what settled in a longer life rests for a month.
        if self.has_aged {
            self.pass(31 * 24);
        }
        self.oracle.look();
        drop(self.user.verify(true));
        drop(self.user.pull(None));
        let calm = self.user.pull(None);
        if !self.has_aged {
            Oracle::unsettled(&self.user)?;
        }
        match &calm {
            Came::Failed(why) => {
                return Err(Breach {
                    law: Law::CalmSucceeds,
                    shown: why.clone(),
                });
            }
            Came::Well(_) => self.oracle.complete(&self.user)?,
            Came::Partly(_) => {}
        }
        self.oracle.always(&self.user, self.exact)?;
        self.audited()?;
        if let Came::Well(_) = self.user.pull(None) {
            self.oracle.made_good(&self.user)?;
        }
        self.audited()?;
        self.rebuilt()?;
        drop(self.user.purge(&selection(Step::PurgeAll)));
        self.oracle.always(&self.user, self.exact)?;
        self.whole()
    }

    fn audited(&mut self) -> Result<(), Breach> {
        match self.user.audit() {
            Came::Well(_) => self.oracle.may_leave(&self.user),
            Came::Partly(_) => Ok(()),
            Came::Failed(shown) => Err(Breach {
                law: Law::CalmSucceeds,
                shown,
            }),
        }
    }

    fn whole(&self) -> Result<(), Breach> {
        match self.user.verify(false) {
            Came::Well(_) => Ok(()),
            came => Err(Breach {
                law: Law::Whole,
                shown: format!("{came:?}"),
            }),
        }
    }

    fn rebuilt(&self) -> Result<(), Breach> {
        self.whole()?;
        let look = || (self.user.verify(false), self.user.audit());
        let before = look();
        forget_indexes(&self.user.vault());
        let after = look();
        if before == after {
            return Ok(());
        }
        Err(Breach {
            law: Law::RebuiltAgrees,
            shown: format!("{before:?}\n{after:?}"),
        })
    }
}

fn selection(step: Step) -> PurgeSelection {
    let mut selection = PurgeSelection::default();
    match step {
        Step::PurgeOld => selection.older_than = Some(Duration::from_secs(90 * 24 * 3_600)),
        Step::PurgeSome { octets } => selection.free = Some(octets as u64),
        _ => selection.all = true,
    }
    selection
}

/// Commands of a user whose meetings are counted.
pub(crate) const COMMANDS: [&str; 8] = [
    "pull", "audit", "purge", "verify", "import", "export", "merge", "forget",
];

/// What happens between two commands.
pub(crate) const CHANGES: [&str; 15] = [
    "delivery",
    "late UID",
    "copy or move",
    "expunge",
    "flag",
    "edit in place",
    "restore",
    "new UIDVALIDITY",
    "new UIDLs",
    "name by hand",
    "new name",
    "new host",
    "taken back",
    "merged",
    "forgotten",
];

/// What goes wrong within a session.
pub(crate) const FAULTS: [&str; 9] = [
    "body cut",
    "body swapped",
    "first for all",
    "numbers shifted",
    "doubled status",
    "extra status",
    "unasked header",
    "line dropped",
    "wrong size",
];

fn change(step: Step) -> Option<&'static str> {
    let at = match step {
        Step::Deliver { .. } => 0,
        Step::Hide { .. } | Step::Show => 1,
        Step::Copy { .. } | Step::Move { .. } => 2,
        Step::Expunge { .. } => 3,
        Step::Flag { .. } => 4,
        Step::Edit { .. } => 5,
        Step::Restore { .. } => 6,
        Step::NewValidity { .. } => 7,
        Step::NewUidls { .. } => 8,
        Step::Rename => 9,
        Step::NewName { .. } => 10,
        Step::NewHost { .. } => 11,
        Step::Return => 12,
        _ => return None,
    };
    Some(CHANGES[at])
}

fn fault(fault: &Fault) -> &'static str {
    FAULTS[match fault {
        Fault::Cut { .. } => 0,
        Fault::Swapped { .. } => 1,
        Fault::FirstForAll => 2,
        Fault::Shifted => 3,
        Fault::DoubledStatus => 4,
        Fault::ExtraStatus { .. } => 5,
        Fault::UnaskedHeader => 6,
        Fault::Drop { .. } => 7,
        Fault::WrongSize { .. } => 8,
    }]
}

fn command(step: Step) -> Option<&'static str> {
    let at = match step {
        Step::Pull | Step::PullSome { .. } => 0,
        Step::Audit => 1,
        Step::PurgeAll | Step::PurgeOld | Step::PurgeSome { .. } => 2,
        Step::Verify | Step::Repair => 3,
        Step::Import { .. } => 4,
        Step::Export => 5,
        Step::Merge => 6,
        Step::Forget { .. } => 7,
        _ => return None,
    };
    Some(COMMANDS[at])
}
