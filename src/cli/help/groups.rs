//! The commands by what one wants: the one table of their order. A new command gets its place
//! here.

use std::fmt::Write as _;

use clap::Command;

use super::style::{heading, literal};

/// Commands that one wants for the same reason.
struct CommandGroup {
    name: &'static str,
    /// What they are for, in a few words.
    purpose: &'static str,
    commands: &'static [&'static str],
}

#[cfg(feature = "offsite")]
const ARCHIVE: &[&str] = &["pull", "import", "verify", "offsite"];
#[cfg(not(feature = "offsite"))]
const ARCHIVE: &[&str] = &["pull", "import", "verify"];

/// A test sees to it that every command is here once.
const GROUPS: [CommandGroup; 7] = [
    CommandGroup {
        name: "Archive",
        purpose: "fetch mail, prove it whole",
        commands: ARCHIVE,
    },
    CommandGroup {
        name: "Look",
        purpose: "find mail, read it, count it",
        commands: &["search", "show", "log", "stats", "status"],
    },
    CommandGroup {
        name: "Give back",
        purpose: "to files and to servers",
        commands: &["export"],
    },
    CommandGroup {
        name: "Free quota",
        purpose: "delete what is archived",
        commands: &["purge", "audit"],
    },
    CommandGroup {
        name: "Forget",
        purpose: "remove mail for good",
        commands: &["forget", "remember", "hold"],
    },
    CommandGroup {
        name: "Set up",
        purpose: "accounts and settings",
        commands: &["init", "login", "account", "doctor", "config"],
    },
    CommandGroup {
        name: "Learn",
        purpose: "try it, read more",
        commands: &["demo", "help", "completions"],
    },
];

/// All commands on a few lines.
pub(super) fn overview() -> String {
    let mut text = heading("Commands:");
    for group in &GROUPS {
        let names = group.commands.join(", ");
        let pad = " ".repeat(36_usize.saturating_sub(names.len()));
        let _ = write!(
            text,
            "\n  {:10}  {}{pad}  {}",
            group.name,
            literal(&names),
            group.purpose
        );
    }
    text
}

/// All commands, each on a line with its meaning.
pub(super) fn listing(top: &Command) -> String {
    let mut text = String::new();
    for group in &GROUPS {
        let _ = writeln!(text, "{}", heading(&format!("{}:", group.name)));
        for name in group.commands {
            let command = top.find_subcommand(name);
            let about = command.and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let pad = " ".repeat(11_usize.saturating_sub(name.len()));
            let _ = writeln!(text, "  {}{pad}  {about}", literal(name));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let top = Cli::command();
        let mut shown: Vec<&str> = top
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|g| g.commands).copied().collect();
        shown.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, shown);
        // A longer line would be wrapped, and be no list.
        let text = clap::builder::StyledStr::from(listing(&top) + &overview()).to_string();
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
