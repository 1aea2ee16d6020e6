//! The folders of a directory: Maildirs, mbox files, folders of Thunderbird and Apple Mail, and
//! directories of single messages. What is not taken is named.

use std::collections::BTreeSet;
use std::path::Path;

use super::exported::ExportedTree;
use super::folder::{Kind, SourceFolder};
use super::form::{self, FileForm, has_suffix, unpacked_name, without_suffix};
use super::mbox;
use super::names::{belongs_to_maildir, is_control};
use super::tree::{Child, SourceTree};
use crate::base::error::{Error, Result, words};
use crate::base::fsx;
use crate::vault::layout::folder_label;

/// Directories below directories; more would be a loop of some kind.
const DEEPEST: usize = 64;
/// Where Thunderbird has the folders of its accounts.
const STORES: [&str; 2] = ["Mail", "ImapMail"];

/// Where a walk is.
#[derive(Debug, Clone, Copy)]
struct SourceDir<'a> {
    dir: &'a Path,
    /// The folder's name, part by part.
    parts: &'a [String],
    depth: usize,
    /// In a folder of Apple Mail, whose directories are no folders.
    package: bool,
    /// In a tree that an export wrote.
    exported: Option<&'a ExportedTree>,
}

/// What is told from a directory's names before its files are looked at.
#[derive(Debug)]
struct DirContents {
    /// It is a Maildir itself.
    maildir: bool,
    /// It is a profile of Thunderbird; `Some(true)` if its accounts need no level above them.
    profile: Option<bool>,
    names: BTreeSet<String>,
}

impl DirContents {
    /// True if Thunderbird has a folder in the file.
    fn is_thunderbird(&self, name: &str) -> bool {
        let beside = ["msf", "sbd"].map(|end| format!("{name}.{end}"));
        beside.iter().any(|name| self.names.contains(name))
    }

    /// The name that may tell the form of a file: none if it is that of a folder.
    fn form_name<'a>(&self, name: &'a str) -> &'a str {
        if self.is_thunderbird(name) { "" } else { name }
    }
}

/// True if a file is no single message, whatever its name says.
fn is_mailbox(place: SourceDir<'_>, around: &DirContents, child: &Child) -> bool {
    let file = place.dir.join(&child.name);
    place
        .exported
        .is_some_and(|tree| tree.parts(&file).is_some())
        || around.is_thunderbird(&child.name)
        || matches!(form::look(&child.path, &child.name), Ok(FileForm::Mbox))
}

/// A walk through a source.
#[derive(Debug)]
struct SourceWalk<'a> {
    tree: &'a mut SourceTree,
    folders: Vec<SourceFolder>,
}

/// The folders in a directory and below it.
pub(super) fn folders(source: &Path, tree: &mut SourceTree) -> Result<Vec<SourceFolder>> {
    let mut walk = SourceWalk {
        tree,
        folders: Vec::new(),
    };
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let stem = without_suffix(&name, &["mbox"]);
    // The directory of one folder of Apple Mail.
    let parts: Vec<String> = stem.map(str::to_owned).into_iter().collect();
    walk.directory(SourceDir {
        dir: source,
        parts: &parts,
        depth: 0,
        package: stem.is_some(),
        exported: None,
    })?;
    Ok(walk.folders)
}

/// True if a directory is there, and nothing else of that name.
pub(super) fn is_dir(path: &Path) -> bool {
    fsx::is_dir(path).unwrap_or(false)
}

fn is_maildir(dir: &Path) -> bool {
    is_dir(&dir.join("cur")) || is_dir(&dir.join("new"))
}

/// True if a file holds one message each by its name.
pub(super) fn is_message_file(name: &str) -> bool {
    has_suffix(unpacked_name(name), "eml")
        || without_suffix(name, &["emlx"]).is_some_and(|stem| !has_suffix(stem, "partial"))
}

impl SourceWalk<'_> {
    fn directory(&mut self, place: SourceDir<'_>) -> Result<()> {
        if place.depth > DEEPEST {
            self.tree
                .skip(place.dir, "directories are nested too deeply");
            return Ok(());
        }
        let children = self.tree.children(place.dir)?;
        let exported = ExportedTree::read(place.dir, place.parts);
        let place = SourceDir {
            exported: exported.as_ref().or(place.exported),
            ..place
        };
        let around = self.surroundings(place, &children)?;
        if around.maildir {
            let folder = SourceFolder::new(Kind::Maildir, place.dir, place.parts);
            self.maildir(folder, place.dir)?;
        }
        let mut eml: Option<SourceFolder> = None;
        let mut mailboxes = BTreeSet::new();
        for child in children {
            match child.size {
                None => self.child_directory(place, &around, &child)?,
                Some(_) if around.maildir => {
                    if !belongs_to_maildir(&child.path, &child.name) {
                        self.tree.skip(&child.path, "not a message of this Maildir");
                    }
                }
                Some(size)
                    if is_message_file(&child.name) && is_mailbox(place, &around, &child) =>
                {
                    mailboxes.insert(child.name.clone());
                    self.file(place, &around, &child, size);
                }
                Some(size) if is_message_file(&child.name) => {
                    let new = || SourceFolder::new(Kind::Eml, place.dir, place.parts);
                    eml.get_or_insert_with(new).octets += size;
                }
                Some(size) => self.file(place, &around, &child, size),
            }
        }
        self.folders.extend(eml.map(|folder| SourceFolder {
            mailboxes,
            ..folder
        }));
        Ok(())
    }

    fn surroundings(&mut self, place: SourceDir<'_>, children: &[Child]) -> Result<DirContents> {
        let names: BTreeSet<String> = children.iter().map(|child| child.name.clone()).collect();
        let stores = STORES.map(|store| place.dir.join(store));
        let is_profile = names.contains("prefs.js") && stores.iter().any(|store| is_dir(store));
        let mut profile = None;
        if is_profile {
            let mut seen = BTreeSet::new();
            let mut apart = true;
            for store in stores.iter().filter(|store| is_dir(store)) {
                for account in self.tree.children(store)? {
                    apart &= account.size.is_some() || seen.insert(account.name);
                }
            }
            profile = Some(apart);
        }
        Ok(DirContents {
            maildir: is_maildir(place.dir),
            profile,
            names,
        })
    }

    /// A Maildir, with what was never delivered to it.
    fn maildir(&mut self, folder: SourceFolder, dir: &Path) -> Result<()> {
        let tmp = dir.join("tmp");
        if is_dir(&tmp) {
            for child in self.tree.children(&tmp)? {
                self.tree
                    .skip(&child.path, "its delivery was never finished");
            }
        }
        self.folders.push(folder);
        Ok(())
    }

    fn child_directory(
        &mut self,
        place: SourceDir<'_>,
        around: &DirContents,
        child: &Child,
    ) -> Result<()> {
        let Child { name, path, .. } = child;
        if name.starts_with('.') {
            return self.hidden_directory(place, child);
        }
        if around.maildir && ["cur", "new", "tmp"].contains(&name.as_str()) {
            return Ok(());
        }
        if around.profile.is_some() && !STORES.contains(&name.as_str()) {
            self.tree
                .skip(path, "a Thunderbird directory without mail folders");
            return Ok(());
        }
        if place.package && name == "Attachments" {
            self.tree.skip(
                path,
                "attachments that Apple Mail stores separately from their messages",
            );
            return Ok(());
        }
        let stem = without_suffix(name, &["sbd", "mbox"]).unwrap_or(name);
        let package = has_suffix(name, "mbox");
        let mut parts = place.parts.to_vec();
        let known = place.exported.filter(|_| has_suffix(name, "sbd"));
        let known = known.and_then(|tree| tree.parts(&place.dir.join(stem)));
        // Neither the two stores of a profile nor what lies in a package are folders.
        if let Some(known) = known {
            parts = known;
        } else if around.profile != Some(true) && (package || !place.package) {
            parts.push(stem.to_owned());
        }
        let below = self.directory(SourceDir {
            dir: path,
            parts: &parts,
            depth: place.depth + 1,
            package: package || place.package,
            exported: place.exported,
        });
        match below {
            Err(Error::File {
                path: of, source, ..
            }) if of == *path => {
                self.tree.skip(path, &words(&source));
                Ok(())
            }
            other => other,
        }
    }

    /// A folder of a Maildir++ tree.
    fn hidden_directory(&mut self, place: SourceDir<'_>, child: &Child) -> Result<()> {
        let Child { name, path, .. } = child;
        if !is_maildir(path) {
            self.tree.skip(path, "a hidden directory");
            return Ok(());
        }
        let mut folder = SourceFolder::new(Kind::Maildir, path, place.parts);
        if place.parts.is_empty() {
            folder.dir = Some(name.clone());
        } else {
            let label = folder_label(name);
            folder.parts.extend(label.split('/').map(str::to_owned));
        }
        self.maildir(folder, path)?;
        for child in self.tree.children(path)? {
            let is_own = child.size.is_none() && ["cur", "new", "tmp"].contains(&&*child.name);
            let is_control = child.size.is_some() && belongs_to_maildir(&child.path, &child.name);
            if !is_own && !is_control {
                self.tree.skip(&child.path, "not a message of this Maildir");
            }
        }
        Ok(())
    }

    fn file(&mut self, place: SourceDir<'_>, around: &DirContents, child: &Child, size: u64) {
        let Child { name, path, .. } = child;
        let exported = place.exported;
        if let Some(folder) = exported.and_then(|tree| tree.folder(&place.dir.join(name), path)) {
            // An empty file is for the folders below it.
            if size > 0 {
                self.folders.push(SourceFolder {
                    octets: size,
                    ..folder
                });
            }
            return;
        }
        if is_control(path, name) || place.package && name == "table_of_contents" {
            return;
        }
        if let Some(folder) = name.strip_suffix(".msf") {
            // The index of a folder that is taken has nothing more to give.
            if !around.names.contains(folder) {
                self.tree.skip(
                    path,
                    "a Thunderbird index for a folder whose mail is not here",
                );
            }
            return;
        }
        let form = match form::look(path, around.form_name(name)) {
            Ok(form) => form,
            Err(Error::File { source, .. }) => {
                self.tree.skip(path, &words(&source));
                return;
            }
            Err(error) => {
                self.tree.skip(path, &error.to_string());
                return;
            }
        };
        let reason = match form {
            FileForm::Mbox => {
                let stem = match mbox::is_packed(path) {
                    Ok(true) => unpacked_name(name),
                    _ => name,
                };
                let stem = without_suffix(stem, &["mbox"]).unwrap_or(stem);
                let mut parts = place.parts.to_vec();
                if !(place.package && name == "mbox") {
                    parts.push(stem.to_owned());
                }
                let mut folder = SourceFolder::new(Kind::Mbox, path, &parts);
                folder.octets = size;
                self.folders.push(folder);
                return;
            }
            // An empty folder of Thunderbird.
            FileForm::Empty if around.is_thunderbird(name) => return,
            FileForm::Empty => "it is empty".to_owned(),
            FileForm::Foreign(form) => format!("it is {}", form.what),
            FileForm::PartOfEmlx => {
                "Apple Mail has only part of this message here; let it load the whole message"
                    .to_owned()
            }
            FileForm::Message | FileForm::Emlx => {
                "it may be a message; name it .eml to import it".to_owned()
            }
            FileForm::Unknown => "it is not mail".to_owned(),
        };
        self.tree.skip(path, &reason);
    }
}
