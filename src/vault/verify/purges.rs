//! The order of purge events (invariant 6).

use crate::base::error::Result;
use crate::vault::catalog::Catalog;
use crate::vault::ledger::LedgerEvent;

/// What is wrong with the next event of a ledger that was replayed up to there.
pub(super) fn wrong(event: &LedgerEvent, replayed: &Catalog) -> Result<Option<String>> {
    match event {
        LedgerEvent::PurgeIntent { hash, .. } => {
            if replayed.find(*hash)?.is_none() {
                let how = format!("{hash} was to be purged without being archived");
                return Ok(Some(how));
            }
            replayed.put_intent(*hash)?;
        }
        LedgerEvent::Purged { hash, .. } if !replayed.has_intent(*hash)? => {
            return Ok(Some(format!("{hash} was purged without a recorded intent")));
        }
        _ => {}
    }
    Ok(None)
}
