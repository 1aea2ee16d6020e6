//! One session over all mailboxes of an IMAP account.

use std::sync::Mutex;

use super::PullRun;
use super::account_folders::{AccountFolders, Round};
use super::copies::Copies;
use super::folder_queue::{FolderJob, FolderQueue};
use super::gmail::Labels;
use super::mailbox::all_seen;
use super::session::NextSession;
use crate::account::connect::Connector;
use crate::account::folders::{Folders, chosen, prefix};
use crate::base::error::Result;
use crate::net::imap::SpecialUse;

impl AccountFolders<'_> {
    /// One session over all mailboxes.
    pub(super) fn session(
        &self,
        run: &mut PullRun<'_, '_>,
        connector: &Connector,
    ) -> Result<NextSession> {
        let mut session = connector.open_imap()?;
        run.signed_in();
        let prefix = prefix(self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        let mut folders = Folders::new(run.account.catalog, self.account.vault_name())?;
        if !self.dry_run {
            for dir in folders.gone(&mailboxes) {
                if self.gone(run, &dir, 0)? {
                    run.account.learned(self.key(&dir), String::new())?;
                }
            }
        }
        mailboxes.retain(|mailbox| mailbox.selectable && chosen(self.account, mailbox, &prefix));
        // What has every message comes first: the others then are names only.
        mailboxes.sort_by_key(|mailbox| match mailbox.special.as_slice() {
            _ if mailbox.is_all() => 0,
            [SpecialUse::Junk | SpecialUse::Trash] => 1,
            _ => 2,
        });
        session.ask_counts(&mut mailboxes)?;
        let mut jobs = Vec::new();
        for mailbox in &mailboxes {
            let dir = folders.dir_of(mailbox);
            let job = FolderJob::new(mailbox, dir);
            jobs.extend(self.due(run, job)?);
        }
        let round = Round {
            folders: Mutex::new(folders),
            copies: Copies::default(),
            labels: Labels::of(
                &session,
                &mailboxes,
                run.account.catalog,
                self.account.vault_name(),
                |dir| self.key(dir),
            )?,
        };
        let all = jobs.iter().take_while(|job| job.mailbox.is_all()).count();
        let mut rest = jobs.split_off(all);
        self.work(run, &mut session, &FolderQueue::of(jobs), &round, true)?;
        for job in round.labels.take_spare(&mut rest) {
            run.reporter
                .count(job.remembered.map_or(0, |r| r.known.messages.into()));
        }
        self.side_by_side(run, &mut session, connector, rest, &round)?;
        let looked_into = run.reporter.all_opened().then_some(&mailboxes[..]);
        if let Some((key, text)) = round.labels.learned(looked_into) {
            run.account.learned(key, text)?;
        }
        let left = all_seen(run)?;
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(left)
    }
}
