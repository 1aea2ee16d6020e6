//! Lines of a ledger for the tests of this folder.

use crate::mail::message::Hash128;
use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};

/// A content that came whole under a name.
pub(super) fn received(identity: Identity, hash: Hash128) -> LedgerEvent {
    LedgerEvent::Seen(Box::new(Seen {
        identity,
        octets: Some(10),
        hash,
        got: hash,
        header: hash,
        mid: None,
        idate: None,
        flags: String::new(),
        kw: String::new(),
        received: 1_700_000_000,
        size: 10,
        wire: 10,
        stored: 5,
        evidence: Evidence::Received,
        object: None,
    }))
}
