//! What a user does, through the library's public entry points.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mailvault::account::Job;
use mailvault::account::config::{self, AccountNames, AuditScope, Dedupe, Protocol, Tls};
use mailvault::archive::dedupe::Policy;
use mailvault::base::secret::Secret;
use mailvault::export::upload::{UploadOptions, upload};
use mailvault::forget::{self, ForgetOptions};
use mailvault::import::{self, ImportOptions, MboxOptions};
use mailvault::inspect::{self, AuditOptions};
use mailvault::mail::query;
use mailvault::pull::{self, PullOptions};
use mailvault::purge::PurgeSelection;
use mailvault::purge::{ConfirmedPlan, PurgeOptions};
use mailvault::vault::verify::{VerifyOptions, verify};
use mailvault::vault::{MergeFault, Vault, Writer};

use super::line::{Served, SharedAccount};
use super::model::{ModelAccount, ServerKind};
use super::stage::Way;
use super::{imap, pop3};
use crate::support::ledger;
use crate::support::sandbox::Stored;

/// Names of the account. Each can be merged once.
const NAMES: [&str; 5] = ["work", "home", "den", "lab", "loft"];
/// Names of one machine.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Came {
    /// Done, with nothing left open, as far as it says.
    Well(String),
    /// Done, and something is left open.
    Partly(String),
    /// Not done.
    Failed(String),
}

/// The user, with a vault and two servers.
pub(crate) struct User {
    home: tempfile::TempDir,
    pop3: Served,
    imap: Served,
    /// Where mail is exported to.
    pub(crate) other: SharedAccount,
    other_imap: Served,
    /// The account's name in the vault.
    pub(crate) name: String,
    /// Its name in the configuration, if that is another one.
    pub(crate) shown: Option<&'static str>,
    host: &'static str,
    /// What the next pull is told of where the account was before.
    moved_from: Option<String>,
    /// The account is disabled, or removed from the configuration.
    pub(crate) away: bool,
    pub(crate) way: Way,
    exact: bool,
    imports: usize,
}

impl User {
    pub(crate) fn new(account: &SharedAccount, way: Way, exact: bool) -> Self {
        let other = SharedAccount::new(ModelAccount::new(ServerKind::PLAIN).into());
        Self {
            home: home(),
            pop3: pop3::serve(account),
            imap: imap::serve(account),
            other_imap: imap::serve(&other),
            other,
            name: "work".to_owned(),
            shown: None,
            host: HOSTS[0],
            moved_from: None,
            away: false,
            way,
            exact,
            imports: 0,
        }
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.home.path().join("vault")
    }

    /// The messages of all accounts in the vault, each with its account, but for damaged ones.
    pub(crate) fn stored(&self) -> Vec<(String, Stored)> {
        let names = entries(&self.vault().join("mail"));
        let of = |name: &String| {
            let root = self.vault().join("mail").join(name);
            let folders = entries(&root).into_iter();
            let folders = folders.filter(|folder| folder.starts_with('.'));
            let all = folders.chain([String::new()]).flat_map(move |folder| {
                let cur = root.join(&folder).join("cur");
                let names = entries(&cur).into_iter();
                names.filter_map(move |name| {
                    let packed = fs::read(cur.join(&name)).ok()?;
                    let bytes = zstd::decode_all(&packed[..]).ok()?;
                    let folder = folder.clone();
                    Some(Stored {
                        folder,
                        name,
                        bytes,
                    })
                })
            });
            all.map(|stored| (name.clone(), stored)).collect::<Vec<_>>()
        };
        names.iter().flat_map(of).collect()
    }

    fn job(&self) -> Job {
        let (port, protocol) = match self.way {
            Way::Pop3 => (self.pop3.port(), Protocol::Pop3),
            Way::Imap => (self.imap.port(), Protocol::Imap),
        };
        let mut job = self.job_of(&self.name, port, protocol);
        self.host.clone_into(&mut job.account.host);
        if let Some(shown) = self.shown {
            job.account.stored_as =
                Some(std::mem::replace(&mut job.account.name, shown.to_owned()));
        }
        job
    }

    /// Changes the name by hand, so that the vault gets a second account. The name of an account
    /// that became part of another cannot be had again, but for that.
    pub(crate) fn rename_by_hand(&mut self) {
        match self.other_name() {
            Some(other) => {
                other.clone_into(&mut self.name);
                self.shown = None;
            }
            None => self.shown = NAMES.into_iter().find(|name| *name != self.name),
        }
    }

    /// Another name of which the vault may have an account.
    fn other_name(&self) -> Option<&'static str> {
        let mut names = NAMES.into_iter();
        names.find(|name| *name != self.name && !self.is_merged(name))
    }

    /// True if the vault has mail that can be merged into the account.
    pub(crate) fn is_double(&self) -> bool {
        let other = self.other_name();
        other.is_some_and(|other| self.vault().join("mail").join(other).exists())
    }

    fn is_merged(&self, name: &str) -> bool {
        let event = format!("\"ev\":\"merged\",\"account\":\"{name}\"");
        self.ledger().lines().any(|line| line.contains(&event))
    }

    /// Merges what the vault has under the other name into the account.
    pub(crate) fn merge(&self) -> Came {
        let stop = AtomicBool::new(false);
        let writer = Writer::open(&self.vault(), Duration::ZERO, &stop);
        let merged = writer.map_err(MergeFault::from);
        let other = self.other_name().unwrap_or("none");
        let merged = merged.and_then(|mut writer| writer.merge(other, &self.name));
        match merged {
            Ok(plan) => Came::Well(format!("{plan:?}")),
            Err(fault) => Came::Failed(fault.to_string()),
        }
    }

    /// Removes a message from the vault for good.
    pub(crate) fn forget(&self, hash: &str) -> Came {
        let plan = Vault::open(&self.vault()).and_then(|vault| {
            let query = query::parse(&[format!("id:{hash}")], chrono::Utc::now())?;
            forget::plan(&vault, &query)
        });
        let options = ForgetOptions {
            reason: "a life".to_owned(),
            names: AccountNames::default(),
            lock_wait: Duration::ZERO,
            stop: stop(),
        };
        let done = plan.and_then(|plan| forget::apply(&self.vault(), &plan, &options, &mut |_| {}));
        match done {
            Ok(report) => Came::Well(format!("{report:?}")),
            Err(error) => Came::Failed(error.to_string()),
        }
    }

    /// Lets everything come back that was forgotten.
    pub(crate) fn remember(&self) -> Came {
        match forget::remember(&self.vault(), None, Duration::ZERO, &stop()) {
            Ok(taken) => Came::Well(format!("{}", taken.len())),
            Err(error) => Came::Failed(error.to_string()),
        }
    }

    /// Reads the account at another host name, and lets the next pull know the old one.
    pub(crate) fn change_host(&mut self, moved: bool) {
        self.moved_from = moved.then(|| format!("ann@{}", self.host));
        self.host = HOSTS[usize::from(self.host == HOSTS[0])];
    }

    fn job_of(&self, name: &str, port: u16, protocol: Protocol) -> Job {
        let mut account =
            config::Account::new(name.to_owned(), "127.0.0.1".to_owned(), "ann".to_owned());
        (account.port, account.protocol, account.tls) = (port, protocol, Tls::None);
        account.timeout = Duration::from_secs(20);
        account.retries = 0;
        if self.exact {
            account.dedupe = Dedupe::Exact;
        }
        Job {
            account,
            secret: Ok(Secret::new("secret".to_owned())),
            names: AccountNames::default(),
        }
    }

    pub(crate) fn pull(&mut self, limit: Option<usize>) -> Came {
        let options = PullOptions {
            moved_from: self.moved_from.take(),
            dry_run: false,
            all_folders: false,
            limit: limit.map(|limit| limit as u64),
            compare_all: false,
            lock_wait: Duration::ZERO,
            create: true,
            parallel: 1,
            stop: stop(),
        };
        let ran = pull::pull(&self.vault(), vec![self.job()], &options, &mut |_| {});
        let ran = match ran {
            Ok(ran) => ran,
            Err(error) => return Came::Failed(error.to_string()),
        };
        let outcome = &ran.outcomes[0];
        match &outcome.error {
            Some(error) => Came::Failed(error.to_string()),
            None if outcome.report.is_partial() => Came::Partly(format!("{:?}", outcome.report)),
            None => Came::Well(format!("{} new", outcome.report.new)),
        }
    }

    pub(crate) fn audit(&self) -> Came {
        let options = AuditOptions {
            manifest: None,
            accept_sizes: false,
            quick: false,
            read_data: false,
            fresh: Duration::from_secs(24 * 3_600),
            scope: (self.way == Way::Pop3).then_some(AuditScope::Inbox),
            stop: stop(),
        };
        match inspect::audit(&self.vault(), self.job(), &options, &mut |_| {}) {
            Err(error) => Came::Failed(error.to_string()),
            Ok(report) if report.answers_yes() => Came::Well(format!("{:?}", report.tally())),
            Ok(report) => Came::Partly(format!("{:?}", report.tally())),
        }
    }

    pub(crate) fn purge_all(&self) -> Came {
        self.purge(&PurgeSelection {
            all: true,
            ..PurgeSelection::default()
        })
    }

    pub(crate) fn purge(&self, selection: &PurgeSelection) -> Came {
        let options = PurgeOptions {
            lock_wait: Duration::ZERO,
            now: chrono::Utc::now().timestamp(),
            not_before: None,
            stop: stop(),
        };
        let vault = self.vault();
        let agreed =
            ConfirmedPlan::plan(&vault, self.job(), selection, None, &options, &mut |_| {});
        let agreed = match agreed {
            Ok(agreed) => agreed,
            Err(error) => return Came::Failed(error.to_string()),
        };
        let (report, error) = agreed.apply(None, &options, &mut |_| {});
        match error {
            Some(error) => Came::Failed(error.to_string()),
            None if report.kept.is_empty() => Came::Well(format!("{:?}", report.freed)),
            None => Came::Partly(format!("{} kept", report.kept.len())),
        }
    }

    /// Every octet; the findings, if there is damage among them.
    pub(crate) fn verify(&self, repair: bool) -> Came {
        let options = VerifyOptions {
            read_data: true,
            repair,
            ..VerifyOptions::default()
        };
        match verify(&self.vault(), &options, &mut |_| {}) {
            Err(error) => Came::Failed(error.to_string()),
            // A file that lies in another folder of its account is found, and no damage.
            Ok(report) if report.sums().unwrap().damage == 0 => {
                Came::Well(format!("{:?}", report.accounts))
            }
            Ok(report) => Came::Partly(format!("{:?}", report.findings)),
        }
    }

    /// Imports an mbox of these messages.
    pub(crate) fn import(&mut self, mails: &[Vec<u8>]) -> Came {
        self.imports += 1;
        let file = self.home.path().join(format!("{}.mbox", self.imports));
        let mut mbox = Vec::new();
        for mail in mails {
            mbox.extend_from_slice(b"From ann@example.org Thu Jan  1 00:00:00 2004\n");
            for line in mail.split_inclusive(|b| *b == b'\n') {
                let bare = line.strip_suffix(b"\r\n").unwrap_or(line);
                mbox.extend([bare, b"\n"].concat());
            }
            mbox.push(b'\n');
        }
        fs::write(&file, mbox).unwrap();
        let options = ImportOptions {
            account: Some(self.name.clone()),
            names: AccountNames::default(),
            into: None,
            policy: if self.exact {
                Policy::Exact
            } else {
                Policy::MessageId
            },
            level: 3,
            mbox: MboxOptions {
                mboxo: false,
                labels: true,
            },
            dry_run: false,
            read_all: false,
            create: true,
            lock_wait: Duration::ZERO,
            stop: stop(),
        };
        match import::run(&self.vault(), &file, &options, &mut |_| {}) {
            Err(error) => Came::Failed(error.to_string()),
            Ok(report) => Came::Well(format!("{} new", report.new)),
        }
    }

    /// Exports to the other server what the server had at the last pull; everything if `gone`.
    pub(crate) fn export(&self, gone: bool) -> Came {
        let all = query::parse::<&str>(&[], chrono::Utc::now()).unwrap();
        let options = UploadOptions {
            gone,
            stop: stop(),
            ..UploadOptions::default()
        };
        let job = self.job_of("other", self.other_imap.port(), Protocol::Imap);
        match upload(&self.vault(), &all, job, &options, &mut |_| {}) {
            Err(error) | Ok((_, Some(error))) => Came::Failed(error.to_string()),
            Ok((report, None)) if report.refused.is_empty() && report.left_out.is_empty() => {
                Came::Well(format!("{} uploaded", report.uploaded))
            }
            Ok((report, None)) => Came::Partly(format!("{report:?}")),
        }
    }

    /// Where a stored message lies.
    pub(crate) fn file(&self, account: &str, stored: &Stored) -> PathBuf {
        let root = self.vault().join("mail").join(account);
        let folder = if stored.folder.is_empty() {
            root
        } else {
            root.join(&stored.folder)
        };
        folder.join("cur").join(&stored.name)
    }

    /// The lines of the ledger.
    pub(crate) fn ledger(&self) -> String {
        ledger::text(&self.vault())
    }
}

/// The names of what lies in a folder, sorted.
fn entries(folder: &Path) -> Vec<String> {
    let Ok(listed) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = listed.map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder that is gone with the user; in memory where that can be had, since what is
/// looked at here is not what outlives a loss of power.
fn home() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("mvlife");
    let in_memory = builder.tempdir_in("/dev/shm");
    in_memory.or_else(|_| builder.tempdir()).unwrap()
}

fn stop() -> Arc<AtomicBool> {
    Arc::default()
}
