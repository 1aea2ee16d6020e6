//! Which path each folder has in a tree, the same in every run: the note keeps it.

use std::path::{Component, Path, PathBuf};

use super::names;
use super::place::ExportPlace;
use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::layout::folder_label;

/// How a tree names its folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TreeForm {
    /// Maildir++: all folders side by side.
    Maildir,
    /// Directories in directories.
    Directories,
    /// The same below a directory of this name.
    Below(&'static str),
    /// `Name`, and `Name.sbd` with the folders below it.
    Thunderbird,
}

impl TreeForm {
    /// What leads from a folder's path to those below it.
    fn below(self) -> &'static str {
        match self {
            Self::Thunderbird => ".sbd/",
            _ => "/",
        }
    }

    /// A part of a path.
    fn part(self, name: &str, is_top: bool) -> String {
        match self {
            Self::Thunderbird => names::thunderbird(name, is_top),
            // It would have the name of a page.
            Self::Below(_) if name.to_lowercase().ends_with(".html") => format!("{name}_"),
            _ => name.to_owned(),
        }
    }
}

/// The directory in the vault of the folder above one.
fn parent(dir: &str) -> Option<&str> {
    if !folder_label(dir).contains('/') {
        return None;
    }
    let (above, _) = dir.rsplit_once('.')?;
    Some(if above == ".INBOX" { "" } else { above })
}

/// A path of the note, which may have been edited: nothing leads upwards or elsewhere.
fn below(path: &str) -> PathBuf {
    let parts = Path::new(path).components();
    parts
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

impl ExportPlace {
    /// The path of a folder below the root. A folder whose name another has, in whatever case
    /// and form of Unicode, gets a number.
    pub(super) fn folder(&mut self, account: &str, dir: &str, form: TreeForm) -> Result<PathBuf> {
        let known = self.state.folders.len();
        let path = self.path_of(account, dir, form);
        if self.state.folders.len() > known {
            self.save()?;
        }
        Ok(below(&path))
    }

    /// The path of a folder that was exported to.
    pub(super) fn known_folder(&self, account: &str, dir: &str) -> Option<PathBuf> {
        let path = self.state.folders.get(&format!("{account}/{dir}"))?;
        Some(below(path))
    }

    fn path_of(&mut self, account: &str, dir: &str, form: TreeForm) -> String {
        let key = format!("{account}/{dir}");
        if let Some(path) = self.state.folders.get(&key) {
            return path.clone();
        }
        let path = if form == TreeForm::Maildir {
            let dir = names::maildir(dir);
            match (self.top(account, form), dir.as_str()) {
                (top, "") => self.unused("", top.trim_end_matches('/')),
                (top, dir) => self.unused(&top, dir),
            }
        } else {
            let above = parent(dir);
            let is_top = above.is_none();
            let above = match above {
                Some(parent) => self.path_of(account, parent, form) + form.below(),
                None => self.top(account, form),
            };
            let label = folder_label(dir);
            let name = names::safe(label.rsplit('/').next().unwrap_or_default());
            let mut name = form.part(&name, is_top);
            // The inbox is `Inbox` to Thunderbird, which would make an empty one next to ours.
            // Where an older version began, it keeps its name.
            let older = format!("{above}INBOX");
            if form == TreeForm::Thunderbird && dir.is_empty() && !self.has_path(&older) {
                "Inbox".clone_into(&mut name);
            }
            self.unused(&above, &name)
        };
        self.state.folders.insert(key, path.clone());
        path
    }

    /// What the paths of an account's folders begin with. What an export began under an older
    /// name of the account is continued there.
    fn top(&self, account: &str, form: TreeForm) -> String {
        let older = self.top_of(account, form);
        let key = format!("{account}/");
        let of_account = |(of, _): &(&String, &String)| of.starts_with(&key);
        let mut known = self.state.folders.iter().filter(of_account);
        if known.any(|(_, path)| path.starts_with(older.trim_end_matches('/'))) {
            return older;
        }
        self.top_of(self.shown(account), form)
    }

    fn top_of(&self, name: &str, form: TreeForm) -> String {
        let mut top = match form {
            TreeForm::Below(name) => format!("{name}/"),
            _ => String::new(),
        };
        if self.several() {
            top += &form.part(&names::account(name), true);
            top += form.below();
        }
        top
    }

    /// True if a folder's path begins so.
    fn has_path(&self, start: &str) -> bool {
        let mut paths = self.state.folders.values();
        paths.any(|path| path.starts_with(start))
    }

    /// The path of a name that no folder has yet, and no file that somebody else made.
    fn unused(&self, above: &str, name: &str) -> String {
        let taken = |path: &str| {
            let key = names::folded(path);
            let mut paths = self.state.folders.values();
            let file = fsx::look(&self.root().join(path)).ok().flatten();
            paths.any(|path| names::folded(path) == key)
                || file.is_some_and(|meta| meta.is_file() && meta.len() > 0)
        };
        let mut path = format!("{above}{name}");
        let mut number = 2_u32;
        while taken(&path) && !path.is_empty() {
            path = format!("{above}{name} ({number})");
            number += 1;
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::account_name::AccountNames;
    use crate::export::Format;

    fn paths(form: TreeForm, accounts: &[&str], dirs: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().expect("a directory");
        let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        let mut place = ExportPlace::open(
            root.path(),
            Format::Mbox,
            false,
            &accounts,
            &AccountNames::default(),
        )
        .expect("it can be written to");
        let each = dirs.iter().map(|dir| {
            let path = place.folder("work", dir, form).expect("it has a path");
            path.to_string_lossy().into_owned()
        });
        each.collect()
    }

    #[test]
    fn twins_are_told_apart_below_the_folder_that_they_lie_in() {
        let dirs = [
            ".Ar.a*b",
            ".Ar.a?b",
            ".Ar.a?b.x",
            ".Ar.a*b.x",
            ".v1\\2e2",
            ".V1\\2e2",
        ];
        let wanted = [
            "Ar.sbd/a_b",
            "Ar.sbd/a_b (2)",
            "Ar.sbd/a_b (2).sbd/x",
            "Ar.sbd/a_b.sbd/x",
            "v1.2",
            "V1.2 (2)",
        ];
        assert_eq!(paths(TreeForm::Thunderbird, &["work"], &dirs), wanted);
        let plain = wanted.map(|path| path.replace(".sbd", ""));
        assert_eq!(paths(TreeForm::Directories, &["work"], &dirs), plain);
        let below = plain.map(|path| format!("folders/{path}"));
        assert_eq!(paths(TreeForm::Below("folders"), &["work"], &dirs), below);
    }

    #[test]
    fn forms_of_unicode_are_no_difference() {
        let dirs = [".&AOk-", ".e&AwE-"];
        let wanted = ["\u{e9}", "e\u{301} (2)"];
        assert_eq!(paths(TreeForm::Directories, &["work"], &dirs), wanted);
    }

    #[test]
    fn the_inbox_and_what_is_below_it_have_the_name_of_thunderbird() {
        let dirs = [".INBOX.a", "", ".INBOX.a.b"];
        for (accounts, above) in [(&["work"][..], ""), (&["work", "home"], "work.sbd/")] {
            let wanted = ["Inbox.sbd/a", "Inbox", "Inbox.sbd/a.sbd/b"];
            let wanted = wanted.map(|path| format!("{above}{path}"));
            assert_eq!(paths(TreeForm::Thunderbird, accounts, &dirs), wanted);
        }
    }

    #[test]
    fn a_maildir_has_all_folders_side_by_side() {
        let dirs = ["", ".Ar.a", ".Ar.A"];
        let wanted = ["", ".Ar.a", ".Ar.A (2)"];
        assert_eq!(paths(TreeForm::Maildir, &["work"], &dirs), wanted);
        let wanted = ["work", "work/.Ar.a", "work/.Ar.A (2)"];
        assert_eq!(paths(TreeForm::Maildir, &["work", "home"], &dirs), wanted);
    }
}
