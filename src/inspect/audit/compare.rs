//! A listing against the record: by name and size, then by the headers on the server, and
//! where these do not settle it, by the bytes (docs/SAFETY.md, Evidence).

use std::collections::HashMap;

use super::headers::Comparison;
use super::judgement::{Judgement, Judgements};
use super::{ArchiveStatus, Audit};
use crate::account::config::Protocol;
use crate::account::folders::mailbox_key;
use crate::archive::dedupe::{Met, Walk};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::{Digest, Scanner};
use crate::mail::source::{Inventory, Listing, Listings, Source, Uid};
use crate::vault::catalog::{IdSet, Origin, Proof, Record, Sighting, State};
use crate::vault::layout::message_label;
use crate::vault::ledger::LedgerEvent;
use crate::vault::now_seconds;

/// How the names of a server begin that shows a part of its messages at a time.
const WINDOWED: &[u8] = b"GmailId";
/// Headers that are read in one go.
const SLICE: usize = 4_096;
/// Names of a maildrop that one line of the ledger has, and the longest of them.
const NAMES: usize = 200;
const NAME: usize = 80;

/// INTERNALDATEs of a mailbox; a maildrop has none.
#[derive(Default)]
pub(super) struct Dated<'i>(Option<&'i Inventory>);

impl<'i> Dated<'i> {
    pub(super) fn new(inventory: &'i Inventory) -> Self {
        Self(Some(inventory))
    }

    fn differs(&self, uid: u32, recorded: Option<i64>) -> bool {
        let now = self.0.and_then(|inventory| inventory.row(uid)?.date());
        now.zip(recorded).is_some_and(|(now, then)| now != then)
    }
}

/// What names and sizes say of the rows of a listing.
pub(super) struct ByName {
    pub(super) verdicts: Judgements,
    /// Rows whose header must be read.
    read: IdSet,
    /// Rows that must be received: they have no name of their own, or were refused.
    receive: IdSet,
}

impl Audit<'_> {
    /// Holds a maildrop or a mailbox against what is recorded of it.
    pub(super) fn judge(
        &mut self,
        source: &mut dyn Source,
        listings: &Listings,
        dir: &str,
        uidvalidity: u32,
        dated: &Dated<'_>,
    ) -> Result<Judgements> {
        let ByName {
            mut verdicts,
            read,
            receive,
        } = self.judge_by_name(listings, dir, uidvalidity, dated)?;
        if self.options.quick {
            return Ok(verdicts);
        }
        let account = self.account.vault_name().to_owned();
        let server = self.server.clone();
        let origin = Origin {
            account: &account,
            server: &server,
            dir,
            uidvalidity,
        };
        for slice in slices(&read) {
            let settled = self.compare(source, listings, origin, &slice)?;
            for (row, compared) in slice.iter().zip(settled) {
                let row = *row as usize;
                let mut verdict = verdicts.get(row);
                // That it is still the same does not explain its size.
                let stays = matches!(
                    verdict.status,
                    ArchiveStatus::Accepted | ArchiveStatus::Doubtful | ArchiveStatus::Settled
                );
                verdict.content = compared.content;
                verdict.header_read = compared.header_read;
                if !(stays && compared.status == ArchiveStatus::Archived) {
                    verdict.status = compared.status;
                }
                verdicts.set(row, verdict);
            }
            self.record_many();
        }
        for slice in slices(&receive) {
            let wanted: Vec<Listing> = slice.iter().map(|r| listings.get(*r as usize)).collect();
            let received = evidence::receive(source, &wanted)?;
            for ((row, listing), digest) in slice.iter().zip(&wanted).zip(received) {
                let row = *row as usize;
                let verdict = verdicts.get(row);
                let was_forgotten = verdict.status == ArchiveStatus::Forgotten;
                let Some(digest) = digest else {
                    if was_forgotten {
                        // By its name alone it is not known to be the same.
                        verdicts.set(row, Judgement::UNKNOWN);
                    }
                    continue;
                };
                let verdict = if verdict.status == ArchiveStatus::Refused {
                    // It can be had now, but was never received under its name.
                    Judgement::UNKNOWN
                } else if evidence::fits(&digest.shape, listing.octets) {
                    self.by_bytes(&digest)?
                } else {
                    // A server may answer with another message than it was asked for.
                    Judgement::new(ArchiveStatus::Doubtful, None)
                };
                verdicts.set(row, verdict);
                if was_forgotten
                    && verdict.status != ArchiveStatus::Forgotten
                    && let Some(key) = self.vault.tombstones()?
                {
                    // Another message has its name now, which the next pull must not leave out,
                    // though the mailbox has the counts that it had.
                    let lifted = key.lift(self.vault.catalog(), origin, listing)?;
                    self.findings.extend(lifted);
                    self.findings.push(LedgerEvent::Learned {
                        account: account.clone(),
                        key: mailbox_key(&server, dir),
                        value: String::new(),
                    });
                }
            }
            self.record_many();
        }
        Ok(verdicts)
    }

    /// What names, sizes and dates say.
    pub(super) fn judge_by_name(
        &mut self,
        listings: &Listings,
        dir: &str,
        uidvalidity: u32,
        dated: &Dated<'_>,
    ) -> Result<ByName> {
        let imap = self.account.protocol == Protocol::Imap;
        let origin = Origin {
            account: self.account.vault_name(),
            server: &self.server,
            dir,
            uidvalidity,
        };
        let catalog = self.vault.catalog();
        let estimated = evidence::recall_sizes(catalog, origin)?.are_estimated();
        let fresh = i64::try_from(self.options.fresh.as_secs()).unwrap_or(i64::MAX);
        let believed = now_seconds().saturating_sub(fresh);
        let mut by_name = ByName {
            verdicts: Judgements::unknown(listings.len(), self.manifest.is_some()),
            read: IdSet::default(),
            receive: IdSet::default(),
        };
        let mut windowed = false;
        let mut walk = Walk::new(listings);
        let mut take = |met: Met<'_, Sighting<'_>>| {
            let Met::Listed {
                name,
                rows,
                known,
                identifies,
            } = met
            else {
                return;
            };
            windowed |= !imap && name.starts_with(WINDOWED);
            // UIDs without UIDVALIDITY hold for nothing.
            if !identifies || imap && uidvalidity == 0 {
                for row in rows {
                    by_name.receive.insert((*row).into());
                }
                return;
            }
            let Some(known) = known else { return };
            let row = rows[0];
            let mut verdict = self.verdict(known);
            if verdict.status == ArchiveStatus::Settled
                && self.is_accepted(dir, &listings.get(row as usize).uid)
            {
                verdict.status = ArchiveStatus::Accepted;
            } else if verdict.status == ArchiveStatus::Refused && self.options.read_data {
                by_name.receive.insert(row.into());
            }
            let listed = listings.octets_of(row as usize);
            let moved = listed != known.octets && !estimated;
            let number = listings.number_of(row as usize);
            let redated = dated.differs(number, known.idate);
            let checked = known.checked.is_some_and(|checked| checked > believed);
            let asks = moved || redated || !checked || self.options.read_data;
            verdict.header_read = checked && !moved && !redated;
            let compares = matches!(
                verdict.status,
                ArchiveStatus::Archived | ArchiveStatus::Accepted
            ) || self.options.read_data
                && matches!(
                    verdict.status,
                    ArchiveStatus::Recognised | ArchiveStatus::Doubtful | ArchiveStatus::Settled
                );
            if compares && self.options.quick && (moved || redated) {
                verdict.status = ArchiveStatus::Differs;
            } else if compares && asks {
                by_name.read.insert(row.into());
            }
            by_name.verdicts.set(row as usize, verdict);
        };
        catalog.for_each_sighting(origin, |known| walk.known(known.uid, known, &mut take))?;
        walk.finish(&mut take);
        self.windowed |= windowed;
        self.find_forgotten(origin, listings, &mut by_name)?;
        Ok(by_name)
    }

    /// Finds the names of forgotten messages. That they are still the same is for their bytes to
    /// show: nothing is left to compare a header with.
    fn find_forgotten(
        &self,
        origin: Origin<'_>,
        listings: &Listings,
        by_name: &mut ByName,
    ) -> Result<()> {
        let Some(key) = self.vault.tombstones()? else {
            return Ok(());
        };
        for (row, number) in (0..by_name.verdicts.len()).zip(0_i64..) {
            let mut verdict = by_name.verdicts.get(row);
            if verdict == Judgement::UNKNOWN
                && !by_name.receive.contains(number)
                && key.covers(self.vault.catalog(), origin, &listings.get(row))?
            {
                verdict.status = ArchiveStatus::Forgotten;
                by_name.verdicts.set(row, verdict);
                by_name.receive.insert(number);
            }
        }
        Ok(())
    }

    /// True if the user knows that a message has another size than listed.
    fn is_accepted(&self, dir: &str, uid: &Uid) -> bool {
        let label = || message_label(dir, uid).unwrap_or_default();
        self.options.accept_sizes || self.account.accept_short.contains(&label())
    }

    /// What is recorded of a name.
    fn verdict(&self, known: &Sighting<'_>) -> Judgement {
        let status = match (known.state, known.content) {
            (State::Refused, _) => return Judgement::new(ArchiveStatus::Refused, None),
            (State::Wanted, _) => ArchiveStatus::Differs,
            _ if known.key.is_some_and(|key| self.present.has_key(key)) => match known.proof {
                Proof::Received | Proof::Vouched => ArchiveStatus::Archived,
                Proof::Recognised => ArchiveStatus::Recognised,
                Proof::Doubtful => ArchiveStatus::Doubtful,
                Proof::Settled => ArchiveStatus::Settled,
            },
            _ => ArchiveStatus::Lost,
        };
        Judgement {
            proof: known.content.map(|_| known.proof),
            ..Judgement::new(status, known.content)
        }
    }

    /// Compares the headers of rows with the recorded ones, and where they differ, cannot be
    /// had or are not enough, the messages.
    fn compare(
        &mut self,
        source: &mut dyn Source,
        listings: &Listings,
        origin: Origin<'_>,
        rows: &[u32],
    ) -> Result<Vec<Judgement>> {
        let wanted: Vec<Listing> = rows.iter().map(|row| listings.get(*row as usize)).collect();
        let catalog = self.vault.catalog();
        let estimated = evidence::recall_sizes(catalog, origin)?.are_estimated();
        let compared = self.headers(source, origin, &wanted)?;
        let read_data = self.options.read_data;
        let again: Vec<Listing> = wanted
            .iter()
            .zip(&compared)
            .filter(|(_, compared)| read_data || !compared.is_shown())
            .map(|(listing, _)| listing.clone())
            .collect();
        let numbers = again.iter().map(|listing| listing.number);
        let received = evidence::receive(source, &again)?;
        let received: HashMap<u32, Option<Digest>> = numbers.zip(received).collect();
        let mut verdicts = Vec::with_capacity(rows.len());
        let mut checked = Vec::new();
        for (listing, compared) in wanted.iter().zip(compared) {
            let shown = compared.is_shown();
            let Comparison { record, header } = compared;
            let Some(record) = record else {
                verdicts.push(Judgement::new(ArchiveStatus::Lost, None));
                continue;
            };
            let content = record.blob.name.hash;
            let digest = received.get(&listing.number).cloned().flatten();
            let enough = shown && !read_data;
            self.compared += u64::from(enough || digest.is_some());
            let same = if enough {
                let status = header.map_or((0, 0), |header| header.status);
                estimated || self.explains(&record, listing, status)?
            } else {
                // The server may answer with another message still.
                let anothers = header.is_some_and(|header| record.is_anothers(header.hash));
                digest
                    .as_ref()
                    .is_some_and(|now| !anothers && evidence::is_same(&record, now))
            };
            let mut judgement = if same {
                match header.filter(|_| !shown) {
                    Some(header) => self.note_header(origin, listing, &record, header.hash),
                    None => checked.push(listing),
                }
                Judgement::new(ArchiveStatus::Archived, Some(content))
            } else if !enough && digest.is_none() {
                Judgement::UNKNOWN
            } else {
                self.findings.push(LedgerEvent::Wanted {
                    identity: origin.identity(&listing.uid.name()),
                    why: "an audit found another message under this name".to_owned(),
                });
                Judgement::new(ArchiveStatus::Differs, Some(content))
            };
            judgement.header_read = shown;
            verdicts.push(judgement);
        }
        self.remember(origin, &checked);
        Ok(verdicts)
    }

    /// True if the stored message explains the size that is listed now.
    fn explains(&self, record: &Record, listing: &Listing, status: (u64, u64)) -> Result<bool> {
        let name = &record.blob.name;
        let Some(listed) = listing.octets else {
            return Ok(true);
        };
        // Of a copy only likeness is recorded, and not how its octets came about.
        if record.octets == Some(listed) || record.got != name.hash {
            return Ok(record.octets == Some(listed));
        }
        if listed == name.size {
            return Ok(true);
        }
        let mut message = self.vault.message(name.hash)?;
        let digest = Scanner::new().read(&mut message);
        Ok(digest.is_ok_and(|digest| evidence::explains(&digest.shape, listed, status)))
    }

    /// How a message stands that has no name of its own: by its bytes, or by likeness.
    fn by_bytes(&self, digest: &Digest) -> Result<Judgement> {
        if self.present.has(digest.hash)? {
            return Ok(Judgement::new(ArchiveStatus::Archived, Some(digest.hash)));
        }
        if let (Some(mid), Some(likeness)) = (&digest.mid, digest.likeness) {
            for blob in self.vault.catalog().find_like(mid, likeness)? {
                if self.present.has_key(blob.id) {
                    let content = Some(blob.name.hash);
                    return Ok(Judgement::new(ArchiveStatus::Archived, content));
                }
            }
        }
        if let Some(key) = self.vault.tombstones()?
            && key.forget_of(self.vault.catalog(), digest)?.is_some()
        {
            return Ok(Judgement::new(ArchiveStatus::Forgotten, None));
        }
        Ok(Judgement::UNKNOWN)
    }

    /// Notes messages whose header was read just now and is the recorded one.
    fn remember(&mut self, origin: Origin<'_>, checked: &[&Listing]) {
        let Some(first) = checked.first() else { return };
        let identity = origin.identity(&first.uid.name());
        let names: Vec<Vec<u8>> = if let Uid::Imap { .. } = identity.uid {
            let mut uids: Vec<u32> = checked.iter().map(|listing| listing.number).collect();
            uids.sort_unstable();
            vec![as_set(&uids).into_bytes()]
        } else {
            let names = checked
                .iter()
                .map(|listing| listing.uid.name().into_owned());
            let plain = |name: &Vec<u8>| name.len() <= NAME && !name.contains(&b' ');
            let names: Vec<Vec<u8>> = names.filter(plain).collect();
            names.chunks(NAMES).map(|names| names.join(&b' ')).collect()
        };
        for names in names {
            self.findings.push(LedgerEvent::Checked {
                identity: identity.clone(),
                names: names.into(),
            });
        }
    }
}

/// Rows, some at a time.
fn slices(rows: &IdSet) -> impl Iterator<Item = Vec<u32>> {
    let mut rows = rows.iter().filter_map(|row| u32::try_from(row).ok());
    std::iter::from_fn(move || {
        let slice: Vec<u32> = rows.by_ref().take(SLICE).collect();
        (!slice.is_empty()).then_some(slice)
    })
}

/// Ascending UIDs as a set: `1:3,7`.
fn as_set(uids: &[u32]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for run in uids.chunk_by(|a, b| a + 1 == *b) {
        parts.push(match (run.first(), run.last()) {
            (Some(first), Some(last)) if first < last => format!("{first}:{last}"),
            (Some(only), _) => only.to_string(),
            _ => continue,
        });
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_written_as_a_set() {
        assert_eq!(as_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(as_set(&[5]), "5");
    }
}
