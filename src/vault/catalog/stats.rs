//! Sums over what a query finds: by year, sender, size and folder.

use super::unsigned;

/// Lower ends of the brackets of sizes, in octets; the first begins at nothing.
pub const BRACKETS: [u64; 6] = [0, 10 << 10, 100 << 10, 1 << 20, 10 << 20, 100 << 20];
/// What messages are sorted into groups by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// The year in which they were received, in UTC.
    Year,
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

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The year, the address, the index in [`BRACKETS`], or account and directory with a
    /// line feed between them; empty if nobody knows.
    pub(crate) key: String,
    /// How much it is.
    pub(crate) amount: Amount,
}

/// The groups of one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// By what.
    pub(crate) facet: Facet,
    /// The newest years and the largest senders and folders, in this order (years ascend);
    /// all brackets that hold something.
    pub(crate) shown: Vec<Group>,
    /// How many groups are left out.
    pub(crate) others: u64,
    /// What they amount to.
    pub(crate) rest: Amount,
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
    use super::address;

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
