//! What is remembered of a mailbox between runs: its counts show whether anything changed.
//! They may be the same although the server restored a backup or a message was changed in
//! place; so a mailbox is listed whole every thirty days, whatever they say. Nor do they change if
//! a message is missing here: so what is recorded of the mailbox is counted, too.

use crate::net::imap::{Counts, KnownMailbox};

/// How long counts are believed, in seconds.
const BELIEVED: i64 = 30 * 86_400;

/// What the vault has of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordCounts {
    /// Names of messages that the mailbox should list.
    pub(super) names: u64,
    /// How often what was forgotten was taken back, so that it may be listed again.
    pub(super) taken_back: u64,
}

/// A mailbox that was archived whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) uidvalidity: u32,
    pub(super) known: KnownMailbox,
    /// When all of it was listed last, in Unix seconds.
    pub(super) listed: i64,
    /// What was recorded of it then.
    pub(super) record: RecordCounts,
}

impl Remembered {
    pub(super) fn of(counts: &Counts, listed: i64, record: RecordCounts) -> Option<String> {
        let Counts {
            messages,
            uidnext,
            uidvalidity,
            modseq,
        } = counts;
        Some(format!(
            "{} {} {} {} {listed} {} {}",
            (*uidvalidity)?,
            (*uidnext)?,
            (*messages)?,
            modseq.unwrap_or(0),
            record.names,
            record.taken_back,
        ))
    }

    /// Reads what was remembered, unless it is too old, or an older version wrote it.
    pub(super) fn parse(text: &str, now: i64) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let small = |n: u64| u32::try_from(n).ok();
        let (uidvalidity, uidnext, messages) =
            (small(number()?)?, small(number()?)?, small(number()?)?);
        let known = KnownMailbox {
            modseq: number()?,
            messages,
            uidnext,
        };
        let listed = i64::try_from(number()?).ok()?;
        let record = RecordCounts {
            names: number()?,
            taken_back: number()?,
        };
        (0..BELIEVED).contains(&(now - listed)).then_some(Self {
            uidvalidity,
            known,
            listed,
            record,
        })
    }

    /// True if the server keeps count of changes, and there was none.
    pub(super) fn is_unchanged(&self, counts: &Counts) -> bool {
        counts.modseq == Some(self.known.modseq) && self.has_same_messages(counts)
    }

    /// True if a count that only grows is lower: the mailbox was restored from a backup.
    pub(super) fn went_back(&self, counts: &Counts) -> bool {
        counts.uidnext.is_some_and(|next| next < self.known.uidnext)
            || counts
                .modseq
                .is_some_and(|modseq| modseq < self.known.modseq)
    }

    /// True if the server keeps count of changes, and none came or went.
    pub(super) fn has_same_messages(&self, counts: &Counts) -> bool {
        self.known.modseq > 0
            && counts.uidvalidity == Some(self.uidvalidity)
            && counts.uidnext == Some(self.known.uidnext)
            && counts.messages == Some(self.known.messages)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unchanged_mailbox_is_known_by_its_counts() {
        let counts = Counts {
            messages: Some(3),
            uidnext: Some(9),
            uidvalidity: Some(7),
            modseq: Some(55),
        };
        let record = RecordCounts {
            names: 3,
            taken_back: 0,
        };
        let text = Remembered::of(&counts, 1_000, record).unwrap();
        assert_eq!(Remembered::parse(&text, 1_000 + BELIEVED), None);
        let remembered = Remembered::parse(&text, 2_000).unwrap();
        assert!(remembered.is_unchanged(&counts));
        assert_eq!(remembered.record, record);
        for changed in [
            Counts {
                modseq: None,
                ..counts
            },
            Counts {
                modseq: Some(56),
                ..counts
            },
            Counts {
                uidvalidity: Some(8),
                ..counts
            },
            Counts {
                messages: Some(2),
                ..counts
            },
        ] {
            assert!(!remembered.is_unchanged(&changed));
        }
    }
}
