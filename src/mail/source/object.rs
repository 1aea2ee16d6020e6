//! By what a server knows one message in several mailboxes (RFC 8474 s.5.1, Gmail's and
//! Dovecot's own items).

/// Who says that two names are one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Voucher {
    /// The server's EMAILID (RFC 8474).
    EmailId,
    /// Gmail's X-GM-MSGID.
    Gmail,
    /// Dovecot's X-GUID.
    Guid,
    /// A UIDL that the server makes from UIDVALIDITY and UID.
    Uidl,
}

impl Voucher {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::EmailId, Self::Gmail, Self::Guid, Self::Uidl];

    /// Reads what [`Voucher::as_str`] writes.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|voucher| voucher.as_str() == text)
    }

    /// As the ledger writes it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::EmailId => "emailid",
            Self::Gmail => "gmail",
            Self::Guid => "guid",
            Self::Uidl => "uidl",
        }
    }
}

/// What a message has in common with its copies in other mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// Which kind of name it is.
    pub(crate) by: Voucher,
    /// Gmail's number itself, or the first 64 bits of the hash of the name; never 0.
    pub(crate) id: u64,
}
