//! What becomes of a folder's name on a server, where that is not what one would expect.

use std::collections::BTreeSet;

use super::names::{FolderNames, Goal, is_inbox};
use crate::net::imap::Namespace;

/// Longer names, in octets, are refused by some servers.
const LONG: usize = 220;

impl FolderNames {
    /// What is to be said of the mailbox for a folder.
    pub(super) fn remarks(&self, levels: &[String], goal: &Goal) -> Vec<String> {
        let mut found = remarks(levels, goal, &self.space);
        if goal.spare.is_some() {
            found.extend(levels.iter().filter_map(|level| self.risk(level)));
        }
        found
    }

    /// What is to be said of the characters that not every server takes.
    fn risk(&self, level: &str) -> Option<String> {
        let is_risk = self.risks();
        let found: BTreeSet<char> = level.chars().filter(|c| is_risk(*c)).collect();
        let found: Vec<String> = found.iter().map(char::to_string).collect();
        (!found.is_empty()).then(|| {
            let found = found.join(" ");
            format!("the server may refuse {found} in {level}; it becomes _ then")
        })
    }
}

/// What is to be said of the mailbox for a folder with these levels, each as a sentence.
fn remarks(levels: &[String], goal: &Goal, space: &Namespace) -> Vec<String> {
    let mut found = Vec::new();
    let name = levels.join("/");
    if is_inbox(levels) {
        if name != "INBOX" {
            found.push(format!(
                "{name} means the inbox there, in upper or lower case"
            ));
        }
        return found;
    }
    // One that is there has a name that fits.
    if !goal.missing {
        return found;
    }
    let delimiter = space.delimiter.map(char::from);
    for level in levels {
        let has = |odd: fn(char) -> bool| level.contains(odd);
        if delimiter.is_some_and(|delimiter| level.contains(delimiter)) {
            let delimiter = delimiter.unwrap_or_default();
            found.push(format!(
                "{level} gets _ for {delimiter}, which separates levels there"
            ));
        }
        if has(char::is_control) || has(|c| matches!(c, '*' | '%')) {
            found.push(format!(
                "{level} gets _ for control characters, * and %, which no name may have"
            ));
        }
        if level.starts_with(['#', '~', '.']) {
            found.push(format!(
                "{level} may be refused: some servers reserve names that begin like this"
            ));
        }
    }
    if delimiter.is_none() && levels.len() > 1 {
        found.push(format!("{name} gets - for /: that server has no levels"));
    }
    let octets = goal.mailbox.raw.len();
    if octets > LONG {
        found.push(format!(
            "{name} may be refused: its name has {octets} octets there"
        ));
    }
    found
}
