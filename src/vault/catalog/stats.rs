//! Sums over what a query finds, in groups.

use std::iter::Sum;

use super::unsigned;

/// Lower ends of the brackets of sizes, in octets, each above its end: a message of just 10 KiB is
/// in the first, as it is not found by `larger:10K`.
pub const BRACKETS: [u64; 6] = [0, 10 << 10, 100 << 10, 1 << 20, 10 << 20, 100 << 20];

/// The index in [`BRACKETS`] of a size.
pub(crate) fn bracket_of(octets: u64) -> usize {
    let below = BRACKETS.iter().skip(1).filter(|low| octets > **low);
    below.count()
}

/// What messages are sorted into groups by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// The address of the sender.
    Sender,
    /// Brackets of their size.
    Size,
    /// The folder; a message in two of them counts in both.
    Folder,
}

/// Messages and their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
}

impl Amount {
    /// Adds a message.
    pub(crate) fn add(&mut self, octets: u64) {
        self.messages += 1;
        self.octets += octets;
    }

    /// Adds another amount.
    pub(crate) fn join(&mut self, other: Self) {
        self.messages += other.messages;
        self.octets += other.octets;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        let mut all = Self::default();
        amounts.for_each(|amount| all.join(amount));
        all
    }
}

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The address, the index in [`BRACKETS`], or account and directory with a
    /// line feed between them; empty if nobody knows.
    pub(crate) key: String,
    /// How much it is.
    pub(crate) amount: Amount,
}

/// The groups of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// By what.
    pub(crate) by: Grouping,
    /// The largest senders and folders, in this order; all brackets that hold something.
    pub(crate) shown: Vec<Group>,
    /// How many groups are left out.
    pub(crate) others: u64,
    /// What they amount to.
    pub(crate) rest: Amount,
}

impl Group {
    /// That of a folder.
    pub(crate) fn of_folder(account: &str, dir: &str, amount: Amount) -> Self {
        let key = format!("{account}\n{dir}");
        Self { key, amount }
    }
}

impl Groups {
    /// The brackets of sizes that hold something. There are few; one more or less says nothing.
    pub(crate) fn of_sizes(brackets: &[Amount; BRACKETS.len()]) -> Self {
        let filled = brackets.iter().enumerate();
        let filled = filled.filter(|(_, amount)| amount.messages > 0);
        let group = |(n, amount): (usize, &Amount)| Group {
            key: n.to_string(),
            amount: *amount,
        };
        Self {
            by: Grouping::Size,
            shown: filled.map(group).collect(),
            others: 0,
            rest: Amount::default(),
        }
    }

    /// The `top` largest folders, and what the others amount to.
    pub(crate) fn of_folders(mut groups: Vec<Group>, top: u64) -> Self {
        groups.sort_unstable_by(|a, b| {
            let largest = b.amount.octets.cmp(&a.amount.octets);
            largest.then_with(|| a.key.cmp(&b.key))
        });
        let top = usize::try_from(top).unwrap_or(usize::MAX);
        let others = groups.split_off(top.min(groups.len()));
        Self {
            by: Grouping::Folder,
            shown: groups,
            others: others.len() as u64,
            rest: others.iter().map(|other| other.amount).sum(),
        }
    }
}

/// All messages that a query finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How much it is.
    pub amount: Amount,
    /// Bytes that they take on disk, each content once.
    pub stored: u64,
    /// When the first and the last were received, in Unix seconds.
    pub span: Option<(i64, i64)>,
    /// The few that take much: all that are larger than this many octets.
    pub heavy: Option<(u64, Amount)>,
}

pub(super) fn amount(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Amount> {
    Ok(Amount {
        messages: unsigned(row.get(at)?),
        octets: unsigned(row.get(at + 1)?),
    })
}

/// What is in the last angle brackets, else all of it.
pub(super) fn address(sender: &str) -> String {
    let inner = sender
        .rsplit_once('<')
        .map(|(_, rest)| rest.split('>').next().unwrap_or_default().trim())
        .filter(|inner| !inner.is_empty());
    inner.unwrap_or(sender.trim()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{BRACKETS, address, bracket_of};

    #[test]
    fn a_bracket_ends_with_its_upper_end() {
        for (n, low) in BRACKETS.iter().enumerate().skip(1) {
            assert_eq!((bracket_of(*low), bracket_of(low + 1)), (n - 1, n));
        }
        assert_eq!((bracket_of(0), bracket_of(u64::MAX)), (0, 5));
    }

    #[test]
    fn one_sender_is_one_address_however_it_is_written() {
        for text in [
            "ann@example.org",
            " Ann@Example.org ",
            "\"Ann <3\" <ANN@example.org>",
            "Ann <ann@example.org",
        ] {
            assert_eq!(address(text), "ann@example.org", "{text}");
        }
        assert_eq!(address("Undisclosed <>"), "undisclosed <>");
        assert_eq!(address(""), "");
    }
}
