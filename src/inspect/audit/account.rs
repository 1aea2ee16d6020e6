//! The way through an account: the protocol that a pull would take, then folder by folder.
//!
//! POP3 shows the inbox alone. The other folders are read over IMAP where the account may be;
//! what could not be looked at is said.

use std::sync::Arc;

use super::compare::Dated;
use super::{Audit, AuditReport, FolderAudit, OtherFolders};
use crate::account::config::{Account, AuditScope};
use crate::account::connect::{Connector, endpoint, server_name};
use crate::account::folders::{Folders, chosen, prefix};
use crate::account::memory;
use crate::account::protocol::{self, ProtocolChoice};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::event::{Events, Notice, RunEvent};
use crate::base::secret::Secret;
use crate::mail::source::{Inventory, Marks, Source};
use crate::net::imap::{Mailbox, Session};
use crate::net::transport::Transport;
use crate::vault::catalog::Amount;
use crate::vault::ledger::Proto;

/// Which mailboxes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailboxChoice {
    All,
    Inbox,
    /// POP3 has shown the inbox, with so many messages.
    Others(u64),
}

impl Audit<'_> {
    /// Looks at all that the account covers.
    pub(super) fn account(&mut self, secret: &Secret, events: Events<'_>) -> Result<AuditReport> {
        let inbox = self.options.scope.unwrap_or(self.account.covers) == AuditScope::Inbox;
        let choice = if inbox {
            MailboxChoice::Inbox
        } else {
            MailboxChoice::All
        };
        let imap = match protocol::way(&self.account, false, self.vault.catalog())? {
            ProtocolChoice::Imap(imap) => return self.over_imap(imap, secret, choice, events),
            ProtocolChoice::Either(imap) if self.came_over_imap()? => {
                let mut report = self.over_imap(imap, secret, choice, events)?;
                report.pulls_inbox = true;
                return Ok(report);
            }
            ProtocolChoice::Either(imap) => Some(imap),
            ProtocolChoice::Pop3 => None,
        };
        let mut connector = self.connector(secret, events)?;
        let source = match (connector.open(false), &imap) {
            // A password that was refused, for whatever reason, goes nowhere else in this run.
            (Err(error), Some(imap))
                if protocol::is_closed(&error) && !matches!(error, Error::Auth { .. }) =>
            {
                events(RunEvent::Notice {
                    account: &self.account.name,
                    notice: Notice::OverImap { error: &error },
                });
                return self.over_imap(imap.clone(), secret, choice, events);
            }
            (source, _) => source?,
        };
        let mut report = self.maildrop(source)?;
        if inbox {
            report.others = OtherFolders::NotWanted;
        } else if let Some(imap) = imap {
            let shown = report.tally().all().messages;
            match self.over_imap(imap, secret, MailboxChoice::Others(shown), events) {
                Ok(others) => report.append(others),
                Err(error) if is_of_server(&error) => {
                    report.others = OtherFolders::Failed(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    /// True if the last pull was one over IMAP: what it archived is known by those names.
    fn came_over_imap(&self) -> Result<bool> {
        let last = |proto| {
            let catalog = self.vault.catalog();
            let session = catalog.last_complete(self.account.vault_name(), proto)?;
            Ok(session.map(|session| session.time))
        };
        Ok(last(Proto::Imap)? > last(Proto::Pop3)?)
    }

    fn connector(&self, secret: &Secret, events: Events<'_>) -> Result<Connector> {
        events(RunEvent::Connecting {
            account: &self.account.name,
            server: &endpoint(&self.account),
        });
        let known = memory::recall(self.vault.catalog(), &self.account)?;
        let stop = Arc::clone(&self.options.stop);
        let mut connector = Connector::new(&self.account, secret.clone(), known, stop);
        connector.scram = memory::recall_scram(self.vault.catalog(), &self.account)?;
        Ok(connector)
    }

    /// Goes on as this account, over IMAP.
    fn over_imap(
        &mut self,
        account: Account,
        secret: &Secret,
        choice: MailboxChoice,
        events: Events<'_>,
    ) -> Result<AuditReport> {
        self.server = server_name(&account);
        self.account = account;
        let connector = self.connector(secret, events)?;
        self.mailboxes(&connector, choice)
    }

    fn maildrop(&mut self, mut source: Box<dyn Source>) -> Result<AuditReport> {
        let listings = source.list()?;
        let verdicts = self.judge(&mut *source, &listings, "", 0, &Dated::default())?;
        if let Err(error) = source.finish() {
            tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        }
        let mut folder = FolderAudit::new("INBOX", false);
        folder.hidden = listings.unlisted();
        self.enter(&mut folder, "", &listings, &verdicts)?;
        Ok(AuditReport {
            folders: vec![folder],
            others: OtherFolders::NotShown,
            pulls_inbox: true,
            windowed: self.windowed,
            ..self.report()
        })
    }

    /// A report of no folder.
    fn report(&self) -> AuditReport {
        AuditReport {
            server: endpoint(&self.account),
            folders: Vec::new(),
            others: OtherFolders::Audited,
            pulls_inbox: false,
            windowed: false,
            quick: self.options.quick,
            compared: 0,
            settled: Vec::new(),
            refused: Amount::default(),
            refused_names: Vec::new(),
            unrecorded: None,
        }
    }

    fn mailboxes(&mut self, connector: &Connector, choice: MailboxChoice) -> Result<AuditReport> {
        let mut session = connector.open_imap()?;
        let prefix = prefix(&self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        mailboxes.retain(|mailbox| mailbox.selectable);
        mailboxes.sort_by_cached_key(|mailbox| (!is_inbox(mailbox), label(mailbox)));
        session.ask_counts(&mut mailboxes)?;
        let mut report = self.report();
        match choice {
            MailboxChoice::All => {}
            MailboxChoice::Inbox => {
                mailboxes.retain(is_inbox);
                report.others = OtherFolders::NotWanted;
            }
            MailboxChoice::Others(shown) => {
                let inbox = mailboxes.iter().find(|mailbox| is_inbox(mailbox));
                let counts = inbox.and_then(|inbox| inbox.counts);
                let counted = counts.and_then(|counts| counts.messages).unwrap_or(0);
                let mut inbox = FolderAudit::new("INBOX", false);
                inbox.hidden = u64::from(counted).saturating_sub(shown);
                report.folders.push(inbox);
                mailboxes.retain(|mailbox| !is_inbox(mailbox));
            }
        }
        let mut folders = Folders::new(self.vault.catalog(), self.account.vault_name())?;
        for mailbox in &mailboxes {
            let folder = self.mailbox(&mut session, mailbox, &mut folders, &prefix)?;
            report.folders.push(folder);
        }
        report.windowed = self.windowed;
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(report)
    }

    fn mailbox(
        &mut self,
        session: &mut Session<Transport>,
        mailbox: &Mailbox,
        folders: &mut Folders,
        prefix: &[u8],
    ) -> Result<FolderAudit> {
        let dir = folders.dir_of(mailbox);
        let mut folder = FolderAudit::new(&label(mailbox), !chosen(&self.account, mailbox, prefix));
        let recorded = folders.recorded(mailbox);
        let mut open = match session.open_known(mailbox, recorded) {
            Ok(open) => open,
            Err(error @ Error::Refused { .. }) => {
                folder.failed = Some(error.reply().unwrap_or_default().to_owned());
                let told = mailbox.counts.and_then(|counts| counts.messages);
                folder.hidden = told.unwrap_or(0).into();
                return Ok(folder);
            }
            Err(error) => return Err(error),
        };
        let counts = open.counts();
        let uidvalidity = counts.uidvalidity.unwrap_or(0);
        let mut inventory = Inventory::new(uidvalidity, 0);
        let rows = open.rows(1, &mut |row| {
            inventory.flag(row.uid, row.octets, row.date, Marks::default());
            Ok(())
        })?;
        inventory.sort();
        let uids: Vec<u32> = inventory.known().collect();
        let listings = inventory.listings(&uids);
        folder.hidden = u64::from(counts.messages.unwrap_or(0)).saturating_sub(rows as u64);
        let dated = Dated::new(&inventory);
        let verdicts = if folder.excluded {
            self.judge_by_name(&listings, &dir, uidvalidity, &dated)?
                .verdicts
        } else {
            self.judge(&mut open, &listings, &dir, uidvalidity, &dated)?
        };
        self.enter(&mut folder, &dir, &listings, &verdicts)?;
        Ok(folder)
    }
}

/// True if an error is about the server and not about this machine.
fn is_of_server(error: &Error) -> bool {
    use ErrorKind::{Auth, Unreachable, Untrusted};
    protocol::is_closed(error) || matches!(error.kind(), Auth | Unreachable | Untrusted)
}

/// INBOX in any case of letters (RFC 3501 s.5.1).
fn is_inbox(mailbox: &Mailbox) -> bool {
    mailbox.raw.eq_ignore_ascii_case(b"INBOX")
}

fn label(mailbox: &Mailbox) -> String {
    mailbox.levels().join("/")
}
