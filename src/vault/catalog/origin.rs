//! Where a name of a message holds: a maildrop, or a mailbox in one epoch of its UIDs.

use crate::mail::source::Uid;
use crate::vault::ledger::Identity;

/// A mailbox in one epoch of its UIDs, or a maildrop, of which neither directory nor
/// UIDVALIDITY is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin<'a> {
    /// The account.
    pub(crate) account: &'a str,
    /// `user@host:port`.
    pub(crate) server: &'a str,
    /// The folder's directory.
    pub(crate) dir: &'a str,
    /// Its UIDVALIDITY.
    pub(crate) uidvalidity: u32,
}

impl<'a> Origin<'a> {
    /// The maildrop of a server, whose names have no epochs.
    #[must_use]
    pub(crate) fn maildrop(account: &'a str, server: &'a str) -> Self {
        Self {
            account,
            server,
            dir: "",
            uidvalidity: 0,
        }
    }

    /// Where the name of a message holds that the ledger has.
    #[must_use]
    pub(crate) fn of(identity: &'a Identity) -> Self {
        Self {
            account: &identity.account,
            server: &identity.server,
            dir: identity.dir.as_deref().unwrap_or_default(),
            uidvalidity: match identity.uid {
                Uid::Imap { uidvalidity, .. } => uidvalidity,
                Uid::Absent | Uid::Uidl(_) => 0,
            },
        }
    }

    /// A message of it in the ledger, by the name that is recorded for it.
    #[must_use]
    pub(crate) fn identity(&self, name: &[u8]) -> Identity {
        let uidvalidity = self.uidvalidity;
        let is_mailbox = uidvalidity > 0;
        let uid = match <[u8; 4]>::try_from(name) {
            Ok(uid) if is_mailbox => Uid::Imap {
                uidvalidity,
                uid: u32::from_be_bytes(uid),
            },
            _ => Uid::Uidl(name.into()),
        };
        Identity {
            account: self.account.to_owned(),
            server: self.server.to_owned(),
            uid,
            dir: is_mailbox.then(|| self.dir.to_owned()),
        }
    }
}
