//! Purging one account: connect, plan, and what was agreed to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::memory;
use super::protocol::{self, Way};
use crate::config::Account;
use crate::connect::{Connector, endpoint, server_name};
use crate::error::{Error, Result};
use crate::event::{Event, Notice};
use crate::pause::{self, is_set};
use crate::purge::{self, Maildrop, Plan, PurgeReport, Selection, Session, Task};
use crate::run::{Events, Job};
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
pub struct Agreed {
    /// What would be deleted.
    pub plan: Plan,
    account: Account,
    vault: PathBuf,
    connector: Connector,
    /// When the session signed in, and how long the server then wants peace.
    login: (Instant, Duration),
    /// The session in which the plan was made, while it stands.
    open: Option<Session>,
}

impl Agreed {
    /// Signs in, lists, and makes the plan. Nothing is deleted, here or there.
    pub fn plan(
        path: &Path,
        job: Job,
        selection: &Selection,
        options: &PurgeOptions,
        events: Events<'_>,
    ) -> Result<Self> {
        let vault = Vault::open(path)?;
        if !selection.is_empty() {
            purge::check(vault.catalog(), selection, options.now)?;
        }
        // The plan refuses to go by an index that is behind.
        if selection.needs_texts() {
            vault.read_texts(&mut |_| {})?;
        }
        let Job { account, secret } = job;
        if !matches!(
            protocol::way(&account, false, vault.catalog())?,
            Way::Pop3 | Way::Either(_)
        ) {
            return Err(Error::Config {
                message: "purge deletes over POP3 only so far".to_owned(),
                hint: Some(format!(
                    "to free the inbox of {}, add an account with protocol = \"pop3\"; what \
                     IMAP brought is recognised and not fetched again",
                    account.name
                )),
            });
        }
        let secret = secret?;
        let dialect = memory::recall(vault.catalog(), &account)?;
        let mut connector = Connector::new(&account, secret, dialect, Arc::clone(&options.stop));
        if let Some(then) = options.not_before {
            // A second more than asked for: clocks of servers count whole seconds.
            let then = then + Duration::from_secs(1);
            let pause = then.saturating_duration_since(Instant::now());
            if !pause.is_zero() {
                events(Event::Notice {
                    account: &account.name,
                    notice: Notice::LoginDelay { pause },
                });
                pause::pause(then, &|| is_set(&options.stop))?;
            }
        }
        events(Event::Connecting {
            account: &account.name,
            server: &endpoint(&account),
        });
        let mut source = connector.open(false)?;
        let since = Instant::now();
        let (plan, listings) = purge::plan(
            &mut *source,
            vault.catalog(),
            &maildrop(&account),
            selection,
            options.now,
        )?;
        Ok(Self {
            plan,
            account,
            vault: path.to_path_buf(),
            connector,
            login: (since, source.login_delay()),
            open: Some(Session {
                source,
                listings,
                since,
            }),
        })
    }

    /// The server that is planned for.
    #[must_use]
    pub fn server(&self) -> crate::error::Endpoint {
        endpoint(&self.account)
    }

    /// Ends the session: somebody is going to think for a while.
    pub fn hang_up(&mut self) {
        if let Some(session) = self.open.take()
            && let Err(error) = session.source.finish()
        {
            tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        }
    }

    /// Notes what the listing tells of deletions whose end an earlier run did not hear.
    pub fn settle(&self, options: &PurgeOptions) -> Result<()> {
        match &self.open {
            Some(session) if self.plan.unsettled > 0 => {
                let mut writer = Writer::open(&self.vault, options.lock_wait, &options.stop)?;
                purge::settle(&mut writer, &session.listings, &maildrop(&self.account))
            }
            _ => Ok(()),
        }
    }

    /// Deletes what was agreed to.
    pub fn apply(
        mut self,
        options: &PurgeOptions,
        events: Events<'_>,
    ) -> (PurgeReport, Option<Error>) {
        let task = Task {
            maildrop: maildrop(&self.account),
            server: self.server(),
            vault: &self.vault,
            lock_wait: options.lock_wait,
            retries: self.account.retries,
            login: Some(self.login),
            stop: &options.stop,
        };
        let connector = &mut self.connector;
        purge::apply(
            &task,
            &self.plan,
            self.open,
            &mut |too_hasty| connector.open(too_hasty),
            events,
        )
    }
}

fn maildrop(account: &Account) -> Maildrop {
    Maildrop {
        account: account.name.clone(),
        server: server_name(account),
    }
}
