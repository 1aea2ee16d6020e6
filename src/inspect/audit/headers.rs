//! The headers that the server shows, beside what is recorded of their messages.

use super::Audit;
use crate::archive::evidence;
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::mail::source::{Header, Listing, Source};
use crate::vault::catalog::{Origin, Record};
use crate::vault::ledger::LedgerEvent;

/// A row: what is recorded of it, and what the server shows.
pub(super) struct Comparison {
    pub(super) record: Option<Record>,
    pub(super) header: Option<Header>,
}

impl Comparison {
    /// True if the server shows the recorded header.
    pub(super) fn is_shown(&self) -> bool {
        let both = self.record.as_ref().zip(self.header.as_ref());
        both.is_some_and(|(record, header)| record.has_header(header.hash))
    }
}

/// True if the server shows the header of another message than the one that is recorded.
fn is_anothers(record: Option<&Record>, header: Option<&Header>) -> bool {
    record
        .zip(header)
        .is_some_and(|(record, header)| record.is_anothers(header.hash))
}

/// What is learned of a mailbox under this name.
fn unstable_key(origin: Origin<'_>) -> String {
    format!("header {} {}", origin.server, origin.dir)
}

impl Audit<'_> {
    /// What is recorded of some messages, and the headers that the server shows of them; none
    /// of a mailbox whose headers are known to differ from one time to the next.
    pub(super) fn headers(
        &self,
        source: &mut dyn Source,
        origin: Origin<'_>,
        wanted: &[Listing],
    ) -> Result<Vec<Comparison>> {
        let catalog = self.vault.catalog();
        let mut records = Vec::with_capacity(wanted.len());
        for listing in wanted {
            records.push(catalog.record_of(origin, &listing.uid.name())?);
        }
        let unstable = catalog.learned(origin.account, &unstable_key(origin))?;
        let mut headers = if unstable.is_some_and(|value| value == "unstable") {
            vec![None; wanted.len()]
        } else {
            match evidence::headers(source, wanted) {
                Err(Error::Refused { .. } | Error::Unsupported { .. }) => vec![None; wanted.len()],
                other => other?,
            }
        };
        let suspects: Vec<usize> = records
            .iter()
            .zip(&headers)
            .enumerate()
            .filter(|(_, (record, header))| is_anothers(record.as_ref(), header.as_ref()))
            .map(|(n, _)| n)
            .collect();
        evidence::confirm(source, wanted, &mut headers, &suspects)?;
        let pairs = records.into_iter().zip(headers);
        Ok(pairs
            .map(|(record, header)| Comparison { record, header })
            .collect())
    }

    /// Notes a header that is not the recorded one, of a message that came the same: the
    /// second such makes the headers of its mailbox unstable.
    pub(super) fn note_header(
        &mut self,
        origin: Origin<'_>,
        listing: &Listing,
        record: &Record,
        header: Hash128,
    ) {
        self.findings.push(if record.asked.is_some() {
            tracing::debug!(target: "dialogue", "unstable header {header}");
            LedgerEvent::Learned {
                account: origin.account.to_owned(),
                key: unstable_key(origin),
                value: "unstable".to_owned(),
            }
        } else {
            LedgerEvent::Asked {
                identity: origin.identity(&listing.uid.name()),
                header,
            }
        });
    }
}
