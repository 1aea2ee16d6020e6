//! Which mailbox of a server takes a folder of the vault: prefix and delimiter of the server,
//! mailboxes that are there for a purpose (RFC 6154), and names that fit.

use std::collections::HashSet;
use std::io::{Read, Write};

use crate::base::error::Result;
use crate::net::imap::{Mailbox, Namespace, Session, SpecialUse};

/// Folders of Gmail's that only hold others.
const WRAPPERS: [&str; 2] = ["[Gmail]", "[Google Mail]"];

/// How folders for a purpose are called, in lower case.
const USUAL: [(SpecialUse, &[&str]); 6] = [
    (
        SpecialUse::Sent,
        &[
            "sent",
            "sent items",
            "sent messages",
            "sent mail",
            "sent-mail",
            "gesendet",
            "gesendete objekte",
            "gesendete elemente",
            "envoyés",
            "éléments envoyés",
            "messages envoyés",
            "enviados",
            "elementos enviados",
            "posta inviata",
            "inviata",
            "verzonden",
            "verzonden items",
            "wysłane",
            "skickat",
        ],
    ),
    (
        SpecialUse::Drafts,
        &[
            "drafts",
            "draft",
            "entwürfe",
            "brouillons",
            "borradores",
            "bozze",
            "concepten",
            "rascunhos",
            "utkast",
        ],
    ),
    (
        SpecialUse::Trash,
        &[
            "trash",
            "deleted items",
            "deleted messages",
            "bin",
            "papierkorb",
            "gelöschte objekte",
            "gelöschte elemente",
            "corbeille",
            "éléments supprimés",
            "papelera",
            "cestino",
            "prullenbak",
            "lixeira",
        ],
    ),
    (
        SpecialUse::Junk,
        &[
            "junk",
            "spam",
            "junk e-mail",
            "junk email",
            "bulk mail",
            "spamverdacht",
            "courrier indésirable",
            "correo no deseado",
            "posta indesiderata",
        ],
    ),
    (
        SpecialUse::Archive,
        &["archive", "archives", "archiv", "archivio", "archivo"],
    ),
    (
        SpecialUse::All,
        &["all mail", "alle nachrichten", "tous les messages", "todos"],
    ),
];

/// What a folder with this name is for, if its name tells.
fn purpose(level: &str) -> Option<SpecialUse> {
    let level = level.to_lowercase();
    let uses = USUAL
        .iter()
        .find(|(_, names)| names.contains(&level.as_str()));
    uses.map(|(purpose, _)| *purpose)
}

/// True if a folder with this name has what was sent.
pub(in crate::export) fn is_sent(level: &str) -> bool {
    purpose(level) == Some(SpecialUse::Sent)
}

/// The names of a server.
#[derive(Debug)]
pub(super) struct FolderNames {
    pub(super) space: Namespace,
    mailboxes: Vec<Mailbox>,
    /// Names that the server refused, each of which got another one.
    renamed: HashSet<Vec<u8>>,
}

/// A mailbox, and whether it has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    pub(super) mailbox: Mailbox,
    pub(super) missing: bool,
    /// The mailbox to use if the server refuses the name for a character that not every
    /// server takes.
    pub(super) spare: Option<Mailbox>,
    /// True if it has refused that.
    pub(super) renamed: bool,
}

impl FolderNames {
    /// Asks the server.
    pub(super) fn learn<S: Read + Write>(session: &mut Session<S>) -> Result<Self> {
        let personal = session.namespaces()?.personal.into_iter().next();
        let mailboxes = session.mailboxes()?;
        let space = personal.unwrap_or_else(|| guess(&mailboxes));
        Ok(Self {
            space,
            mailboxes,
            renamed: HashSet::new(),
        })
    }

    /// What the names of new mailboxes begin with; empty where nothing does.
    pub(super) fn prefix(&self) -> String {
        String::from_utf8_lossy(&self.space.prefix).into_owned()
    }

    /// The mailbox for a folder, given by the levels of its name.
    pub(super) fn goal<S: Read + Write>(&self, session: &Session<S>, levels: &[String]) -> Goal {
        let there = |mailbox: &Mailbox| Goal {
            mailbox: mailbox.clone(),
            missing: !mailbox.selectable,
            spare: None,
            renamed: false,
        };
        if is_inbox(levels) {
            let inbox = self.mailboxes.iter().find(|m| m.raw == b"INBOX");
            return inbox.map_or_else(
                || Goal {
                    mailbox: Mailbox::inbox(),
                    missing: false,
                    spare: None,
                    renamed: false,
                },
                there,
            );
        }
        let bare = match levels {
            [wrapper, rest @ ..] if WRAPPERS.contains(&wrapper.as_str()) && !rest.is_empty() => {
                rest
            }
            _ => levels,
        };
        let purpose = bare
            .first()
            .filter(|_| bare.len() == 1)
            .and_then(|l| purpose(l));
        if let Some(found) = purpose.and_then(|purpose| self.special(purpose)) {
            return there(found);
        }
        let equal = |same: fn(&str, &str) -> bool, levels: &[String]| {
            self.mailboxes.iter().find(|mailbox| {
                let theirs = self.levels(mailbox);
                theirs.len() == levels.len() && theirs.iter().zip(levels).all(|(a, b)| same(a, b))
            })
        };
        let exact = |a: &str, b: &str| a == b;
        let by_name = equal(exact, levels)
            .or_else(|| equal(exact, bare))
            .or_else(|| equal(|a, b| a.to_lowercase() == b.to_lowercase(), bare))
            .or_else(|| purpose.and_then(|purpose| self.called(purpose)));
        if let Some(found) = by_name {
            return there(found);
        }
        let mailbox = session.mailbox(&self.space, &self.fitting(bare, false));
        let is_risky = bare.iter().any(|level| level.contains(self.risks()));
        let spare = is_risky.then(|| session.mailbox(&self.space, &self.fitting(bare, true)));
        match spare {
            Some(spare) if self.renamed.contains(&mailbox.raw) => Goal {
                missing: !self.has(&spare),
                mailbox: spare,
                spare: None,
                renamed: true,
            },
            spare => Goal {
                mailbox,
                missing: true,
                spare,
                renamed: false,
            },
        }
    }

    /// True if the server has this mailbox.
    pub(super) fn has(&self, mailbox: &Mailbox) -> bool {
        let mut all = self.mailboxes.iter();
        all.any(|other| other.selectable && other.raw == mailbox.raw)
    }

    /// Notes a mailbox that has just been made.
    pub(super) fn add(&mut self, mailbox: Mailbox) {
        self.mailboxes.push(mailbox);
    }

    /// Notes that a mailbox gets its spare name.
    pub(super) fn rename(&mut self, mailbox: &Mailbox) {
        self.renamed.insert(mailbox.raw.clone());
    }

    /// The mailbox that the server has for a purpose.
    fn special(&self, purpose: SpecialUse) -> Option<&Mailbox> {
        let has = |purpose| {
            let mut all = self.mailboxes.iter();
            all.find(|mailbox| mailbox.selectable && mailbox.special.contains(&purpose))
        };
        match purpose {
            SpecialUse::All => has(SpecialUse::All).or_else(|| has(SpecialUse::Archive)),
            purpose => has(purpose),
        }
    }

    /// A mailbox whose name tells its purpose, where the server does not.
    fn called(&self, wanted: SpecialUse) -> Option<&Mailbox> {
        let mut all = self.mailboxes.iter().filter(|mailbox| mailbox.selectable);
        all.find(|mailbox| {
            let levels = self.levels(mailbox);
            levels.len() == 1 && purpose(&levels[0]) == Some(wanted)
        })
    }

    /// The levels of a name, without those of the prefix.
    fn levels(&self, mailbox: &Mailbox) -> Vec<String> {
        let mut levels = mailbox.levels();
        let prefix = &self.space.prefix;
        if !prefix.is_empty() && mailbox.raw.starts_with(prefix) {
            let above = prefix.iter().filter(|b| Some(**b) == self.space.delimiter);
            levels.drain(..above.count().min(levels.len()));
        }
        levels
    }

    /// Which characters some servers refuse in names, besides those that no name may have;
    /// Cyrus refuses a backslash.
    pub(super) fn risks(&self) -> impl Fn(char) -> bool + use<> {
        let delimiter = self.space.delimiter.map(char::from);
        move |c| c.is_ascii_punctuation() && !"_-.,+=@'()&*%".contains(c) && Some(c) != delimiter
    }

    /// Levels as the server can have them: a delimiter within one would make two of it.
    fn fitting(&self, levels: &[String], without_risks: bool) -> Vec<String> {
        let under_inbox = self.space.prefix.to_ascii_uppercase().starts_with(b"INBOX");
        let levels = match levels {
            // What lies below the inbox begins so anyway.
            [first, rest @ ..] if under_inbox && first.eq_ignore_ascii_case("INBOX") => rest,
            levels => levels,
        };
        let delimiter = self.space.delimiter.map(char::from);
        let fit = |level: &String| -> String {
            let risks = self.risks();
            let odd = |c: char| {
                let refused = without_risks && risks(c);
                Some(c) == delimiter || c.is_control() || matches!(c, '*' | '%') || refused
            };
            level
                .chars()
                .map(|c| if odd(c) { '_' } else { c })
                .collect()
        };
        let levels: Vec<String> = levels.iter().map(fit).collect();
        match delimiter {
            Some(_) => levels,
            None => vec![levels.join("-")],
        }
    }
}

/// True if this names the inbox.
pub(super) fn is_inbox(levels: &[String]) -> bool {
    matches!(levels, [only] if only.eq_ignore_ascii_case("INBOX"))
}

/// Where a server does not tell its namespaces, its mailboxes do.
fn guess(mailboxes: &[Mailbox]) -> Namespace {
    let delimiter = mailboxes.iter().find_map(|mailbox| mailbox.delimiter);
    let mut others = mailboxes
        .iter()
        .filter(|mailbox| mailbox.raw != b"INBOX")
        .peekable();
    let mut prefix = Vec::new();
    if let Some(delimiter) = delimiter {
        let below = [b"INBOX".as_slice(), &[delimiter]].concat();
        let is_below = |mailbox: &Mailbox| {
            let start = mailbox.raw.get(..below.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(&below))
        };
        if others.peek().is_some() && others.all(is_below) {
            prefix = below;
        }
    }
    Namespace { prefix, delimiter }
}

#[cfg(test)]
mod tests;
