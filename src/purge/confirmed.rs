//! Purging one account: connect, plan, and what was agreed to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::mailboxes::Mailboxes;
use super::maildrop::Inbox;
use crate::account::config::Account;
use crate::account::connect::{Connector, endpoint};
use crate::account::protocol::{self, ProtocolChoice};
use crate::account::{Job, memory};
use crate::base::error::{Error, Result};
use crate::base::event::{Events, Notice, RunEvent};
use crate::base::pause::{self, is_set};
use crate::base::secret::Secret;
use crate::purge::{
    self, CopyCheck, PurgePlan, PurgeReport, PurgeRun, PurgeSelection, PurgeTask, Survey,
};
use crate::vault::catalog::Catalog;
use crate::vault::{Vault, Writer};

/// How to purge.
#[derive(Debug, Clone)]
pub struct PurgeOptions {
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// The time that ages are counted from, in Unix seconds.
    pub now: i64,
    /// Not to sign in before then, as the server wishes.
    pub not_before: Option<Instant>,
    /// Set from outside to end the run before the next deletion.
    pub stop: Arc<AtomicBool>,
}

/// A plan, and what it takes to carry it out.
pub struct ConfirmedPlan {
    /// What would be deleted.
    pub plan: PurgePlan,
    account: Account,
    vault: PathBuf,
    /// When the session signed in, and how long the server then requires a pause.
    login: (Instant, Duration),
    server: PlannedServer,
}

/// What is known of the server since the plan was made.
enum PlannedServer {
    Pop3(Inbox),
    Imap(Mailboxes),
}

impl ConfirmedPlan {
    /// Signs in, lists, and makes the plan. Nothing is deleted, here or there. With `copy`, only
    /// what the second copy has is chosen.
    pub fn plan(
        path: &Path,
        job: Job,
        selection: &PurgeSelection,
        copy: Option<CopyCheck<'_>>,
        options: &PurgeOptions,
        events: Events<'_>,
    ) -> Result<Self> {
        let vault = Vault::open(path)?.with_names(job.names);
        let catalog = vault.catalog();
        if !selection.is_empty() {
            purge::check(catalog, selection, options.now)?;
        }
        purge::check_names(catalog, selection, &job.account.name)?;
        // The plan refuses to use an index that is out of date.
        if selection.needs_texts() {
            vault.read_texts(&mut |_| {})?;
        }
        let Job {
            account, secret, ..
        } = job;
        let (account, imap) = match protocol::way(&account, false, catalog)? {
            ProtocolChoice::Pop3 | ProtocolChoice::Either(_) => (account, false),
            ProtocolChoice::Imap(imap) => (imap, true),
        };
        let connector = connector(&account, secret?, catalog, options)?;
        if let Some(then) = options.not_before {
            // A second more than asked for: clocks of servers count whole seconds.
            let then = then + Duration::from_secs(1);
            let pause = then.saturating_duration_since(Instant::now());
            if !pause.is_zero() {
                events(RunEvent::Notice {
                    account: &account.name,
                    notice: Notice::LoginDelay { pause },
                });
                pause::pause(then, &|| is_set(&options.stop))?;
            }
        }
        events(RunEvent::Connecting {
            account: &account.name,
            server: &endpoint(&account),
        });
        let accept_short = account.accept_short.clone();
        let mut survey = Survey::new(&accept_short, selection)?;
        let (server, login) = if imap {
            let mailboxes = Mailboxes::survey(&account, connector, catalog, &mut survey)?;
            (
                PlannedServer::Imap(mailboxes),
                (Instant::now(), Duration::ZERO),
            )
        } else {
            let inbox = Inbox::survey(&account, connector, catalog, &mut survey)?;
            let login = inbox.login;
            (PlannedServer::Pop3(inbox), login)
        };
        let plan = purge::plan(survey, catalog, copy, options.now)?;
        Ok(Self {
            plan,
            account,
            vault: path.to_path_buf(),
            login,
            server,
        })
    }

    /// The server that is planned for.
    #[must_use]
    pub fn server(&self) -> crate::base::error::Endpoint {
        endpoint(&self.account)
    }

    /// Ends the session: somebody is going to think for a while.
    pub fn hang_up(&mut self) {
        if let PlannedServer::Pop3(inbox) = &mut self.server {
            inbox.hang_up();
        }
    }

    /// Records what the listing shows about deletions whose outcome an earlier run did not learn.
    pub fn settle(&self, options: &PurgeOptions) -> Result<()> {
        if !self.plan.is_unsettled() {
            return Ok(());
        }
        let mut writer = Writer::open(&self.vault, options.lock_wait, &options.stop)?;
        purge::settle(&mut writer, &self.plan)
    }

    /// Deletes what was agreed to.
    pub fn apply(
        self,
        copy: Option<CopyCheck<'_>>,
        options: &PurgeOptions,
        events: Events<'_>,
    ) -> (PurgeReport, Option<Error>) {
        let task = PurgeTask {
            account: &self.account.name,
            server: self.server(),
            vault: &self.vault,
            lock_wait: options.lock_wait,
            retries: self.account.retries,
            login: Some(self.login),
            accept_short: &self.account.accept_short,
            stop: &options.stop,
        };
        match self.server {
            PlannedServer::Pop3(mut inbox) => {
                let round = &mut |run: &mut PurgeRun<'_, '_>, reduce_pipelining| {
                    inbox.round(run, reduce_pipelining)
                };
                purge::apply(&task, &self.plan, copy, events, round)
            }
            PlannedServer::Imap(mut mailboxes) => {
                let round = &mut |run: &mut PurgeRun<'_, '_>, _| mailboxes.round(run, &self.plan);
                let (mut report, error) = purge::apply(&task, &self.plan, copy, events, round);
                mailboxes.measure(&mut report);
                (report, error)
            }
        }
    }
}

fn connector(
    account: &Account,
    secret: Secret,
    catalog: &Catalog,
    options: &PurgeOptions,
) -> Result<Connector> {
    let dialect = memory::recall(catalog, account)?;
    let stop = Arc::clone(&options.stop);
    let mut connector = Connector::new(account, secret, dialect, stop);
    connector.scram = memory::recall_scram(catalog, account)?;
    Ok(connector)
}
