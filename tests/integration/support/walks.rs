//! The commands that go through a vault, and the most memory that each may take, whatever
//! the number of messages.

/// What a command looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// The catalog alone.
    Rows,
    /// The names of the message files, too.
    Names,
    /// Their content, too.
    Bodies,
}

/// A command and what it may take.
pub(crate) struct Walk {
    pub(crate) args: &'static [&'static str],
    pub(crate) code: i32,
    pub(crate) looks: Looks,
    /// Resident at most, in MiB.
    pub(crate) memory: u64,
}

impl Walk {
    const fn rows(memory: u64, args: &'static [&'static str]) -> Self {
        Self {
            args,
            code: 0,
            looks: Looks::Rows,
            memory,
        }
    }

    const fn names(code: i32, memory: u64, args: &'static [&'static str]) -> Self {
        Self {
            args,
            code,
            looks: Looks::Names,
            memory,
        }
    }

    const fn bodies(memory: u64, args: &'static [&'static str]) -> Self {
        Self {
            args,
            code: 0,
            looks: Looks::Bodies,
            memory,
        }
    }
}

/// In the order in which they are run: the first search for a word makes the index.
pub(crate) const WALKS: &[Walk] = &[
    Walk::rows(32, &["status"]),
    Walk::rows(32, &["import", "one.eml", "--account", "other"]),
    Walk::rows(32, &["pull", "work"]),
    Walk::rows(32, &["list", "-l", "20"]),
    Walk::rows(32, &["list"]),
    Walk::rows(32, &["list", "account:home"]),
    Walk::rows(32, &["log"]),
    Walk::rows(32, &["log", "account:home", "-l", "20"]),
    Walk::rows(32, &["log", "account:home"]),
    Walk::rows(32, &["search", "from:person.7@"]),
    Walk::rows(32, &["search", "--sort", "from", "-l", "20"]),
    Walk::rows(32, &["search", "--sort", "subject"]),
    Walk::rows(32, &["stats"]),
    Walk::rows(36, &["purge", "-n", "work"]),
    Walk::rows(36, &["purge", "-n", "work", "--all"]),
    Walk::rows(36, &["purge", "-n", "work", "--older-than", "1y"]),
    Walk::rows(36, &["purge", "-n", "work", "--free", "1M"]),
    Walk::rows(
        36,
        &["purge", "-n", "work", "--free", "1M", "--largest-first"],
    ),
    Walk::rows(36, &["purge", "-n", "work", "--match", "from:person.7@"]),
    Walk::rows(36, &["purge", "-n", "work", "--match", "larger:1"]),
    Walk::names(0, 36, &["verify"]),
    Walk::names(3, 36, &["audit", "--quick", "work"]),
    Walk::names(0, 36, &["export", "-n", "copy"]),
    Walk::bodies(40, &["verify", "--read-data"]),
    Walk::bodies(48, &["search", "-l", "20", "message"]),
    Walk::bodies(32, &["search", "-l", "20", "message"]),
    Walk::bodies(32, &["--json", "search", "message"]),
    Walk::bodies(36, &["purge", "-n", "work", "--match", "message"]),
];
