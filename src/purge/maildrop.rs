//! The one maildrop of a POP3 account, for a purge.

use std::time::{Duration, Instant};

use crate::account::config::Account;
use crate::account::connect::{Connector, server_name};
use crate::base::error::Result;
use crate::mail::source::{Listings, Source};
use crate::purge::{PurgeRun, RemoteFolder, Survey};
use crate::vault::catalog::Catalog;

/// The inbox, and how to get there.
pub(super) struct Inbox {
    /// When the last session signed in, and how long the server then requires a pause.
    pub(super) login: (Instant, Duration),
    maildrop: RemoteFolder,
    connector: Connector,
    /// The session in which the plan was made, and what it listed, while it stands.
    open: Option<(Box<dyn Source>, Listings)>,
}

impl Inbox {
    /// Signs in and lists.
    pub(super) fn survey(
        account: &Account,
        mut connector: Connector,
        catalog: &Catalog,
        survey: &mut Survey<'_>,
    ) -> Result<Self> {
        let maildrop = RemoteFolder {
            account: account.vault_name().to_owned(),
            server: server_name(account),
            dir: String::new(),
            uidvalidity: 0,
        };
        let mut source = connector.open(false)?;
        let login = (Instant::now(), source.login_delay());
        let listings = source.list()?;
        survey.add(catalog, &maildrop, &listings)?;
        Ok(Self {
            login,
            maildrop,
            connector,
            open: Some((source, listings)),
        })
    }

    /// Ends the session in which the plan was made.
    pub(super) fn hang_up(&mut self) {
        if let Some((source, _)) = self.open.take()
            && let Err(error) = source.finish()
        {
            tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        }
    }

    /// One session.
    pub(super) fn round(
        &mut self,
        run: &mut PurgeRun<'_, '_>,
        reduce_pipelining: bool,
    ) -> Result<()> {
        let (source, listings) = if let Some(open) = self.open.take() {
            open
        } else {
            run.before_login()?;
            let mut source = self.connector.open(reduce_pipelining)?;
            run.signed_in(Instant::now(), source.login_delay());
            let listings = source.list()?;
            (source, listings)
        };
        run.visit(&self.maildrop, source, &listings).map(drop)
    }
}
