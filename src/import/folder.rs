//! A folder of a source, and where in the vault its messages go.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::vault::layout::{folder_dir, folder_label, is_folder_dir, spelled_part};
use crate::vault::{Part, Selection, Vault};

/// The form of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Maildir.
    Maildir,
    /// An mbox file.
    Mbox,
    /// Files of one message each.
    Eml,
    /// Another vault.
    Vault,
}

impl Kind {
    /// As the ledger names it.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Maildir => "maildir",
            Self::Mbox => "mbox",
            Self::Eml => "eml",
            Self::Vault => "vault",
        }
    }
}

/// A folder of the source.
#[derive(Debug)]
pub(super) struct SourceFolder {
    pub(super) kind: Kind,
    /// Its file or directory.
    pub(super) path: PathBuf,
    /// The account, where the source says so.
    pub(super) account: Option<String>,
    /// The directory that it had in a vault or Maildir++ tree.
    pub(super) dir: Option<String>,
    /// Its name, part by part; none for the inbox.
    pub(super) parts: Vec<String>,
    pub(super) octets: u64,
    /// Files in a directory of messages that are no single message.
    pub(super) mailboxes: BTreeSet<String>,
    pub(super) vault: Option<(Rc<(Vault, Selection)>, Part)>,
}

impl SourceFolder {
    pub(super) fn new(kind: Kind, path: &Path, parts: &[String]) -> Self {
        Self {
            kind,
            path: path.to_path_buf(),
            account: None,
            dir: None,
            parts: parts.to_vec(),
            octets: 0,
            mailboxes: BTreeSet::new(),
            vault: None,
        }
    }

    /// The directory for its messages, where those of `taken` are in use, those of `given` for
    /// other names of this source.
    pub(super) fn target(
        &self,
        into: Option<&str>,
        taken: &[String],
        given: &mut HashMap<String, String>,
    ) -> String {
        let mut parts: Vec<String> = into
            .map(|into| into.split('/').map(str::to_owned).collect())
            .unwrap_or_default();
        parts.retain(|part| !part.is_empty());
        match &self.dir {
            Some(dir) if !dir.is_empty() => {
                parts.extend(folder_label(dir).split('/').map(str::to_owned));
            }
            Some(_) => {}
            None => {
                let mut own = self.parts.as_slice();
                while let Some((first, rest)) = own.split_first()
                    && !parts.is_empty()
                    && first.eq_ignore_ascii_case("INBOX")
                {
                    own = rest;
                }
                parts.extend_from_slice(own);
            }
        }
        if parts.is_empty() {
            return String::new();
        }
        let name = parts.join("/");
        let spelled = |name: &str| {
            let parts: Vec<String> = name.split('/').map(spelled_part).collect();
            folder_dir(parts.join("/").as_bytes(), Some(b'/'), &|_| false)
        };
        // An older version put a folder that it could not spell there, or the twin of another.
        let older = folder_dir(name.as_bytes(), Some(b'/'), &|_| true);
        if taken.contains(&older) {
            return older;
        }
        let mut dir = match &self.dir {
            // Also one that spells no name.
            Some(dir) if into.is_none() && is_folder_dir(dir) => dir.clone(),
            _ => spelled(&name),
        };
        let mut number = 2_u32;
        loop {
            let twin = |other: &String| *other != dir && other.eq_ignore_ascii_case(&dir);
            let of_another = given.get(&dir).is_some_and(|other| *other != name);
            if !of_another && !taken.iter().any(twin) {
                break;
            }
            dir = spelled(&format!("{name} ({number})"));
            number += 1;
        }
        given.insert(dir.clone(), name);
        dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_where_they_are_sent() {
        let spot = |dir: Option<&str>, parts: &[&str]| {
            let mut spot = SourceFolder::new(Kind::Mbox, Path::new("x"), &[]);
            spot.dir = dir.map(str::to_owned);
            spot.parts = parts.iter().map(ToString::to_string).collect();
            spot
        };
        for (dir, parts, into, wanted) in [
            (None, &[][..], None, ""),
            (None, &["Inbox"], None, ""),
            (None, &["Inbox"], Some("Old"), ".Old"),
            (
                None,
                &["Work", "2019.x"],
                Some("Old/Mail"),
                ".Old.Mail.Work.2019\\2ex",
            ),
            (Some(""), &[], Some("Old"), ".Old"),
            (Some(".Sent.2019"), &[], None, ".Sent.2019"),
            (Some(".Sent"), &[], Some("INBOX"), ".INBOX.Sent"),
        ] {
            assert_eq!(
                spot(dir, parts).target(into, &[], &mut HashMap::new()),
                wanted,
                "{dir:?} {parts:?} {into:?}"
            );
        }
        let hashed = format!(".mv-{}", "07".repeat(16));
        let dir = spot(Some(&hashed), &[]).target(None, &[], &mut HashMap::new());
        assert_eq!(dir, hashed);
    }

    #[test]
    fn a_name_is_spelled_and_told_from_its_twin() {
        let (mut taken, mut given) = (Vec::new(), HashMap::new());
        let names = [
            "R&D",
            "Q&A/x",
            "&ANw-bung",
            "News",
            "news",
            "NEWS",
            "news (2)",
        ];
        let wanted = [
            ".R&-D",
            ".Q&-A.x",
            ".&ANw-bung",
            ".News",
            ".news (2)",
            ".NEWS (3)",
            ".news (2) (2)",
        ];
        // A second import finds them there.
        for _ in 0..2 {
            for (name, wanted) in names.iter().zip(wanted) {
                let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
                let folder = SourceFolder::new(Kind::Mbox, Path::new("x"), &parts);
                let dir = folder.target(None, &taken, &mut given);
                assert_eq!(dir, wanted, "{name}");
                taken.push(dir);
            }
            given.clear();
        }
        // What an older version did with such a name stays.
        let older = folder_dir(b"R&D", Some(b'/'), &|_| true);
        taken.push(older.clone());
        let folder = SourceFolder::new(Kind::Mbox, Path::new("x"), &["R&D".to_owned()]);
        assert_eq!(folder.target(None, &taken, &mut given), older);
    }
}
