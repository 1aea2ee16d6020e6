//! Exporting to an account's server: connect, go on after a lost connection, end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::account::Job;
use crate::account::connect::{Connector, endpoint, server_name};
use crate::base::error::{Error, Result};
use crate::base::event::{Events, Notice, RunEvent};
use crate::base::pause::{self, is_set};
use crate::base::retry::Retry;
use crate::export::imap::{Doubt, Outlook, Upload, UploadReport, UploadTask};
use crate::export::no_match;
use crate::mail::query::Query;
use crate::net::pop3::Dialect;
use crate::net::transport::Transport;
use crate::vault::{SelectionScope, Vault, Writer};

/// How to upload.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// The folder that takes the inbox, and the other folders below it.
    pub into: Option<String>,
    /// What was uploaded before is uploaded again, unless it is there.
    pub again: bool,
    /// Also what the server that it came from no longer has.
    pub gone: bool,
    /// Mail of several accounts may go into one.
    pub several: bool,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// Set from outside to end in order.
    pub stop: Arc<AtomicBool>,
}

/// What a query selects and what it takes to bring it somewhere.
struct UploadRun<'a> {
    vault: Vault,
    query: &'a Query,
    job: Job,
    options: &'a UploadOptions,
}

impl UploadRun<'_> {
    fn open<'a>(
        path: &Path,
        query: &'a Query,
        job: Job,
        options: &'a UploadOptions,
    ) -> Result<UploadRun<'a>> {
        Ok(UploadRun {
            vault: Vault::open(path)?.with_names(job.names.clone()),
            query,
            job,
            options,
        })
    }

    /// Calls `act` with the task, and what opens a session.
    fn with<T>(
        self,
        events: Events<'_>,
        act: impl FnOnce(UploadTask<'_>, &Connector, Events<'_>) -> Result<T>,
    ) -> Result<T> {
        let Job {
            account, secret, ..
        } = self.job;
        if self.query.needs_texts() {
            self.vault.read_texts(&mut |_| {})?;
        }
        let scope = if self.options.gone {
            SelectionScope::All
        } else {
            SelectionScope::OnServer
        };
        let selection = self.vault.select(self.query, false, scope)?;
        if selection.messages() == 0 && self.query.names_anything() {
            return Err(no_match(self.query, &selection));
        }
        let server = endpoint(&account);
        let task = UploadTask {
            vault: &self.vault,
            selection: &selection,
            account: &account.name,
            stored_as: account.vault_name(),
            destination: &server_name(&account),
            server: &server,
            into: self.options.into.as_deref(),
            again: self.options.again,
            stop: &self.options.stop,
            retries: account.retries,
        };
        let stop = Arc::clone(&self.options.stop);
        let connector = Connector::new(&account, secret?, Dialect::default(), stop);
        events(RunEvent::Connecting {
            account: &account.name,
            server: &server,
        });
        act(task, &connector, events)
    }
}

/// What would be uploaded where. Nothing changes, here or there.
pub fn outlook(
    path: &Path,
    query: &Query,
    job: Job,
    options: &UploadOptions,
    events: Events<'_>,
) -> Result<Outlook> {
    UploadRun::open(path, query, job, options)?.with(events, |task, connector, _| {
        let mut session = connector.open_imap()?;
        let outlook = task.outlook(&mut session)?;
        hang_up(session);
        Ok(outlook)
    })
}

/// The same, and what the server will or may refuse.
pub fn check(
    path: &Path,
    query: &Query,
    job: Job,
    options: &UploadOptions,
    events: Events<'_>,
    each: &mut dyn FnMut(Doubt),
) -> Result<Outlook> {
    UploadRun::open(path, query, job, options)?.with(events, |task, connector, _| {
        let mut session = connector.open_imap()?;
        let outlook = task.outlook(&mut session)?;
        task.check(&mut session, each)?;
        hang_up(session);
        Ok(outlook)
    })
}

/// Uploads. What was done is told, also if it failed in the end.
pub fn upload(
    path: &Path,
    query: &Query,
    job: Job,
    options: &UploadOptions,
    events: Events<'_>,
) -> Result<(UploadReport, Option<Error>)> {
    // First, since it may adopt files of a run that was killed, which are to be chosen, too.
    let mut writer = Writer::open(path, options.lock_wait, &options.stop)?;
    let plan = UploadRun::open(path, query, job, options)?;
    plan.with(events, |task, connector, events| {
        let omitted = task.selection.omitted.clone();
        if task.selection.messages() == 0 {
            let report = UploadReport {
                omitted,
                ..UploadReport::default()
            };
            return Ok((report, None));
        }
        let accounts = task.selection.shown_accounts(task.vault);
        if accounts.len() > 1 && !options.several && !query.names_an_account() {
            return Err(Error::SeveralAccounts { accounts });
        }
        let notice = &mut |event: RunEvent<'_>| events(event);
        let mut upload = Upload::new(task, &mut writer, notice);
        let outcome = sessions(&task, connector, &mut upload);
        upload.report.omitted = omitted;
        Ok((upload.report, outcome.err()))
    })
}

/// Sessions until all is done, or what fails is not worth another one.
fn sessions(task: &UploadTask<'_>, connector: &Connector, upload: &mut Upload<'_>) -> Result<()> {
    let mut retry = Retry::new(task.retries);
    loop {
        let before = upload.progress();
        let outcome = connector.open_imap().and_then(|mut session| {
            retry.signed_in();
            upload.session(&mut session)?;
            hang_up(session);
            Ok(())
        });
        let Err(error) = outcome else { return Ok(()) };
        if upload.progress() > before {
            retry.progressed();
        }
        if is_set(task.stop) {
            return Err(error);
        }
        let Some(pause) = retry.after(&error) else {
            return Err(error);
        };
        upload.notice(Notice::Reconnecting {
            error: &error,
            pause,
        });
        pause::pause(Instant::now() + pause, &|| is_set(task.stop))?;
    }
}

/// Ends a session; that it cannot be ended in order costs nothing.
fn hang_up(session: crate::net::imap::Session<Transport>) {
    if let Err(error) = session.logout() {
        tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
    }
}
