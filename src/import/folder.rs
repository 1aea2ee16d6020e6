//! A folder of a source, and where in the vault its messages go.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::vault::layout::{folder_dir, folder_label};
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
            vault: None,
        }
    }

    /// The directory for its messages, where those of `taken` are in use.
    pub(super) fn target(&self, into: Option<&str>, taken: &[String]) -> String {
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
        let wish = folder_dir(name.as_bytes(), Some(b'/'), &|_| false);
        let other = |dir: &String| *dir != wish && dir.eq_ignore_ascii_case(&wish);
        if taken.iter().any(other) {
            return folder_dir(name.as_bytes(), Some(b'/'), &|_| true);
        }
        wish
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
                spot(dir, parts).target(into, &[]),
                wanted,
                "{dir:?} {parts:?} {into:?}"
            );
        }
        let taken = [".sent".to_owned()];
        let dir = spot(None, &["Sent"]).target(None, &taken);
        assert!(dir.starts_with(".mv-"), "{dir}");
    }
}
