//! What is suggested for a word that is no command or option: never one that deletes.

use clap::error::{ContextKind, ContextValue, Error};

/// Commands and options that are never suggested, because they delete mail or settings, or
/// confirm that.
const DANGEROUS: [&str; 10] = [
    "purge", "remove", "forget", "merge", "seal", "--purge", "--yes", "--all", "--free", "--forget",
];

/// Words of other programs, with the command that does the same here.
const FOREIGN: [(&str, &str); 24] = [
    ("add", "init"),
    ("backup", "pull"),
    ("cat", "show"),
    ("check", "verify"),
    ("copy", "export"),
    ("fetch", "pull"),
    ("find", "search"),
    ("fsck", "verify"),
    ("get", "pull"),
    ("grep", "search"),
    ("info", "status"),
    ("ls", "list"),
    ("open", "show"),
    ("password", "login"),
    ("query", "search"),
    ("read", "show"),
    ("restore", "export"),
    ("scrub", "verify"),
    ("setup", "init"),
    ("sync", "pull"),
    ("test", "doctor"),
    ("upload", "export"),
    ("view", "show"),
    ("auth", "login"),
];

/// Takes suggestions that delete out of an error, and puts in the command that other programs
/// call so.
pub(crate) fn spare_the_mail(error: &mut Error) {
    if let Some(ContextValue::String(near)) = error.get(ContextKind::SuggestedArg)
        && DANGEROUS.contains(&near.as_str())
    {
        error.remove(ContextKind::SuggestedArg);
    }
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
        let spared = tips.iter().filter(|tip| {
            let tip = tip.to_string();
            // 'purge --older-than' exists.
            !(tip.ends_with("exists") && names_danger(&tip))
        });
        let spared: Vec<_> = spared.cloned().collect();
        if spared.is_empty() {
            error.remove(ContextKind::Suggested);
        } else {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(spared));
        }
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    let same = FOREIGN.iter().find(|(other, _)| other == word);
    let near = match (same, error.get(ContextKind::SuggestedSubcommand)) {
        (Some((_, name)), _) => vec![(*name).to_owned()],
        (None, Some(ContextValue::Strings(near))) => {
            let near = near
                .iter()
                .filter(|name| !DANGEROUS.contains(&name.as_str()));
            near.cloned().collect()
        }
        _ => Vec::new(),
    };
    if near.is_empty() {
        error.remove(ContextKind::SuggestedSubcommand);
    } else {
        let near = ContextValue::Strings(near);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
}

fn names_danger(tip: &str) -> bool {
    let words = tip.split(|c: char| c.is_whitespace() || c == '\'');
    words.into_iter().any(|word| DANGEROUS.contains(&word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cli::help::command;

    fn said(line: &str) -> String {
        let words = std::iter::once("mailvault").chain(line.split(' '));
        let mut error = command().try_get_matches_from(words).unwrap_err();
        spare_the_mail(&mut error);
        error.render().to_string()
    }

    #[test]
    fn no_slip_is_answered_with_a_command_that_deletes() {
        for line in [
            "forgett",
            "purg",
            "purgee",
            "prune",
            "purge-all",
            "account remov work",
            "pull --purg",
            "purge work --yess",
            "purge work --al",
            "verify --older-than 3d",
        ] {
            let text = said(line);
            let tips = text.lines().filter(|line| line.contains("tip:"));
            assert!(!tips.into_iter().any(names_danger), "{line}: {text}");
            assert!(!text.contains("\n\n\n"), "{line}: {text}");
        }
    }

    #[test]
    fn a_slip_and_a_word_of_another_program_are_answered_with_the_command() {
        for (line, name) in [
            ("pul", "pull"),
            ("serch", "search"),
            ("fetch", "pull"),
            ("restore", "export"),
        ] {
            let tip = format!("a similar subcommand exists: '{name}'");
            assert!(said(line).contains(&tip), "{}", said(line));
        }
    }
}
