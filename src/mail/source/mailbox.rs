//! What an IMAP mailbox says of its messages besides their bytes, in 32 bytes for a new
//! message and 16 for a known one.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::mail::source::{Listings, Marks, ObjectId, Uid, Voucher};

/// A message that is new to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MailRow {
    /// Its UID.
    pub(crate) uid: u32,
    marks: u32,
    octets: u64,
    date: i64,
    object: u64,
}

impl MailRow {
    /// Its size as listed, in octets: a hint.
    #[must_use]
    pub(crate) fn octets(&self) -> Option<u64> {
        Some(self.octets).filter(|octets| *octets != u64::MAX)
    }

    /// Its INTERNALDATE in Unix seconds.
    #[must_use]
    pub(crate) fn date(&self) -> Option<i64> {
        Some(self.date).filter(|date| *date != i64::MIN)
    }
}

/// A message that is likely known to us.
#[derive(Debug, Clone, Copy)]
struct KnownRow {
    uid: u32,
    marks: u32,
    /// The listed size, if it has 32 bits.
    octets: u32,
    /// INTERNALDATE in Unix seconds, if it has 32 bits.
    date: u32,
}

/// Stands for a size or a date that was not told, or does not fit.
const UNTOLD: u32 = u32::MAX;

/// What a mailbox holds: the rows of new messages, and the flags of the others.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// The UIDs hold under this UIDVALIDITY.
    pub(crate) uidvalidity: u32,
    /// True if every message is told of: all others are gone.
    pub(crate) everything: bool,
    /// Messages that are gone.
    pub(crate) vanished: Vec<RangeInclusive<u32>>,
    /// Messages that the server counts.
    pub(crate) announced: u64,
    /// Messages of which not all keywords are kept.
    pub(crate) cut: u64,
    /// What kind of name the messages have in common with their copies elsewhere.
    pub(crate) voucher: Option<Voucher>,
    rows: Vec<MailRow>,
    known: Vec<KnownRow>,
    table: Vec<Marks>,
    index: HashMap<Marks, u32>,
}

impl Inventory {
    /// An empty one of a mailbox that counts so many messages.
    #[must_use]
    pub(crate) fn new(uidvalidity: u32, announced: u64) -> Self {
        Self {
            uidvalidity,
            announced,
            ..Self::default()
        }
    }

    /// Adds a message that is new to us.
    pub(crate) fn add(
        &mut self,
        uid: u32,
        octets: Option<u64>,
        date: Option<i64>,
        marks: Marks,
        object: Option<ObjectId>,
    ) {
        self.voucher = self.voucher.or(object.map(|object| object.by));
        let marks = self.intern(marks);
        self.rows.push(MailRow {
            uid,
            marks,
            octets: octets.unwrap_or(u64::MAX),
            date: date.unwrap_or(i64::MIN),
            object: object.map_or(0, |object| object.id),
        });
    }

    /// Adds what is said of a message that is likely known to us.
    pub(crate) fn flag(&mut self, uid: u32, octets: Option<u64>, date: Option<i64>, marks: Marks) {
        let marks = self.intern(marks);
        self.known.push(KnownRow {
            uid,
            marks,
            octets: octets.map_or(UNTOLD, |n| n.try_into().unwrap_or(UNTOLD)),
            date: date.map_or(UNTOLD, |n| n.try_into().unwrap_or(UNTOLD)),
        });
    }

    /// The UIDs of messages that were taken for known, ascending.
    pub(crate) fn known(&self) -> impl Iterator<Item = u32> {
        self.known.iter().map(|row| row.uid)
    }

    /// Sorts everything by UID; to be called once all is added.
    pub(crate) fn sort(&mut self) {
        self.rows.sort_unstable_by_key(|row| row.uid);
        self.rows.dedup_by_key(|row| row.uid);
        self.known.sort_by_key(|row| row.uid);
        self.known.dedup_by(|later, kept| {
            let same = later.uid == kept.uid;
            if same {
                // The last word on flags counts; an answer that tells less takes nothing back.
                kept.marks = later.marks;
                kept.octets = if later.octets == UNTOLD {
                    kept.octets
                } else {
                    later.octets
                };
                kept.date = if later.date == UNTOLD {
                    kept.date
                } else {
                    later.date
                };
            }
            same
        });
        self.index = HashMap::new();
    }

    /// The new rows, by ascending UID.
    #[must_use]
    pub(crate) fn rows(&self) -> &[MailRow] {
        &self.rows
    }

    /// The row of a UID, new or known.
    #[must_use]
    pub(crate) fn row(&self, uid: u32) -> Option<MailRow> {
        if let Ok(at) = self.rows.binary_search_by_key(&uid, |row| row.uid) {
            return Some(self.rows[at]);
        }
        let at = self.known.binary_search_by_key(&uid, |row| row.uid).ok()?;
        let KnownRow {
            octets,
            date,
            marks,
            ..
        } = self.known[at];
        Some(MailRow {
            uid,
            marks,
            octets: if octets == UNTOLD {
                u64::MAX
            } else {
                octets.into()
            },
            date: if date == UNTOLD {
                i64::MIN
            } else {
                date.into()
            },
            object: 0,
        })
    }

    /// What a new message has in common with its copies in other mailboxes.
    #[must_use]
    pub(crate) fn object(&self, row: &MailRow) -> Option<ObjectId> {
        let by = self.voucher.filter(|_| row.object != 0)?;
        Some(ObjectId { by, id: row.object })
    }

    /// True if the message was told of as a new one.
    #[must_use]
    pub(crate) fn is_new(&self, uid: u32) -> bool {
        self.rows.binary_search_by_key(&uid, |row| row.uid).is_ok()
    }

    /// The flags of a row.
    #[must_use]
    pub(crate) fn marks(&self, row: &MailRow) -> &Marks {
        &self.table[row.marks as usize]
    }

    /// The flags of a message, if anything was said of it.
    #[must_use]
    pub(crate) fn marks_of(&self, uid: u32) -> Option<&Marks> {
        self.row(uid).map(|row| &self.table[row.marks as usize])
    }

    /// The whole name of a message.
    #[must_use]
    pub(crate) fn uid(&self, uid: u32) -> Uid {
        Uid::Imap {
            uidvalidity: self.uidvalidity,
            uid,
        }
    }

    /// Messages of which anything was said.
    #[must_use]
    pub(crate) fn told(&self) -> u64 {
        (self.rows.len() + self.known.len()) as u64
    }

    /// True if the message is said to be gone.
    #[must_use]
    pub(crate) fn is_gone(&self, uid: u32) -> bool {
        self.vanished.iter().any(|range| range.contains(&uid))
            || self.everything && self.marks_of(uid).is_none()
    }

    /// Some of the messages as a listing.
    #[must_use]
    pub(crate) fn listings(&self, uids: &[u32]) -> Listings {
        let mut listings = Listings::of_mailbox(self.uidvalidity);
        for uid in uids {
            listings.push_uid(*uid, self.row(*uid).and_then(|row| row.octets()));
        }
        listings
    }

    fn intern(&mut self, marks: Marks) -> u32 {
        if let Some(at) = self.index.get(&marks) {
            return *at;
        }
        let at = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        self.table.push(marks.clone());
        self.index.insert(marks, at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_gone_only_where_everything_was_told() {
        let mut inventory = Inventory::default();
        inventory.add(7, Some(10), None, Marks::default(), None);
        inventory.flag(3, Some(5), None, Marks::of(&["\\Seen"]));
        inventory.vanished.push(1..=2);
        inventory.sort();
        assert!(inventory.is_gone(2) && !inventory.is_gone(4));
        inventory.everything = true;
        assert!(inventory.is_gone(4) && !inventory.is_gone(3) && !inventory.is_gone(7));
        assert_eq!(inventory.marks_of(3).map(|m| m.letters.as_str()), Some("S"));
    }
}
