//! The tables of ARCHITECTURE.md, held against the sources.
//!
//! The table of folders is an order: a folder imports those above it. Folders of one row do
//! not import each other. The table of limits names what only some files may use, or what
//! some may not: a cell `only in` or `not in` lists folders and files below `src`, and what
//! is limited is a folder of ours (with a `/`) or a crate. Unit tests are not looked at.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod breaches;
mod circles;
mod imports;
mod lengths;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where something may be used, or may not.
#[derive(Debug)]
struct Limit {
    /// A module such as `net::pop3`, or the name of a crate.
    what: String,
    ours: bool,
    /// True if it may be used in these only; false if it may not.
    only: bool,
    places: Vec<String>,
}

/// The tables and the sources that they are about.
struct Layers {
    /// Folders with their row.
    folders: BTreeMap<String, usize>,
    limits: Vec<Limit>,
    /// Every module with its source text.
    sources: BTreeMap<String, String>,
}

/// `src/net/pop3/reply.rs` is `net::pop3::reply`; `mod.rs` is its folder.
fn module_of(file: &str) -> String {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    file.trim_end_matches('/').replace('/', "::")
}

/// True if `module` is `ancestor` or lies in it.
fn within(module: &str, ancestor: &str) -> bool {
    let rest = module.strip_prefix(ancestor);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The rows of the table that begins with this cell, as cells.
fn table<'t>(text: &'t str, head: &str) -> Vec<Vec<&'t str>> {
    let head = format!("| {head} |");
    let lines = text.lines().skip_while(|line| !line.starts_with(&head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn folders(text: &str) -> BTreeMap<String, usize> {
    let rows = table(text, "Folder").into_iter().enumerate();
    rows.flat_map(|(row, cells)| quoted(cells[0]).map(move |folder| (module_of(folder), row)))
        .collect()
}

fn limits(text: &str) -> Vec<Limit> {
    let rows = table(text, "Limited").into_iter();
    rows.flat_map(|cells| {
        let only = cells[1].starts_with("only in");
        assert!(only || cells[1].starts_with("not in"), "{cells:?}");
        quoted(cells[0]).map(move |what| Limit {
            what: module_of(what),
            ours: what.contains('/'),
            only,
            places: quoted(cells[1]).map(module_of).collect(),
        })
    })
    .collect()
}

impl Limit {
    fn allows(&self, module: &str) -> bool {
        let listed = self.places.iter().any(|place| within(module, place));
        listed == self.only || self.ours && within(module, &self.what)
    }
}

impl Layers {
    fn new(text: &str, sources: BTreeMap<String, String>) -> Self {
        Self {
            folders: folders(text),
            limits: limits(text),
            sources,
        }
    }

    fn row(&self, module: &str) -> Option<(&str, usize)> {
        let folder = module.split("::").next()?;
        let (folder, row) = self.folders.get_key_value(folder)?;
        Some((folder, *row))
    }

    /// What a module imports that it may not.
    fn breach(&self, module: &str, other: &str) -> Option<String> {
        let breach = || Some(format!("{module} may not import {other}"));
        let from = self.row(module);
        let to = self.row(other);
        let allowed = match (module, from, to) {
            ("lib", ..) => true,
            ("main", ..) => within(other, "cli"),
            (_, Some((from, row)), Some((to, above))) => from == to || above < row,
            // The names of the root are those of a folder, which was looked up.
            (_, Some(_), None) => other == "lib",
            _ => false,
        };
        let limited = |limit: &&Limit| limit.ours && within(other, &limit.what);
        let limited = self.limits.iter().filter(limited);
        if allowed && limited.into_iter().all(|limit| limit.allows(module)) {
            None
        } else {
            breach()
        }
    }

    /// Everything that the tables and the sources disagree in.
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (module, text) in &self.sources {
            if !["lib", "main"].contains(&&**module) && self.row(module).is_none() {
                complaints.push(format!("{module} is in no folder of the table"));
                continue;
            }
            for path in imports::imports(module, text) {
                match self.resolve(&path) {
                    Some(other) => complaints.extend(self.breach(module, &other)),
                    None => {
                        complaints.push(format!("{module} imports {path}, which is in no module"));
                    }
                }
            }
            let idents = imports::idents(text);
            for limit in self.limits.iter().filter(|limit| !limit.ours) {
                if idents.contains(&limit.what) && !limit.allows(module) {
                    complaints.push(format!("{module} may not use {}", limit.what));
                }
            }
        }
        let missing = |place: &String| {
            let mut modules = self.sources.keys();
            !modules.any(|module| within(module, place))
        };
        let named = self.limits.iter().flat_map(|limit| &limit.places);
        for place in self.folders.keys().chain(named).filter(|p| missing(p)) {
            complaints.push(format!("{place} is in a table, but not in src"));
        }
        complaints.sort();
        complaints.dedup();
        complaints
    }

    /// The module that a path below the crate's root leads to. A name of the root
    /// itself belongs to the module that lib.rs has it from.
    fn resolve(&self, path: &str) -> Option<String> {
        let deepest = |path: &str| {
            let modules = self.sources.keys().filter(|m| within(path, m));
            modules.max_by_key(|m| m.len()).cloned()
        };
        let name = path.split("::").next()?;
        deepest(path).or_else(|| {
            let root = imports::uses(self.sources.get("lib")?);
            let origin = root.iter().find(|p| p.ends_with(&format!("::{name}")))?;
            deepest(origin.trim_start_matches("crate::"))
        })
    }
}

/// The Rust files below a folder, by their path from there, without the unit tests that
/// have a file of their own.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((!path.ends_with("tests")).then_some(path));
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn sources() -> BTreeMap<String, String> {
    let files = files(&project().join("src")).into_iter();
    files.map(|(file, text)| (module_of(&file), text)).collect()
}

/// Files with a folder of the same name beside them: one of the two is the folder's own.
fn beside_a_folder(files: impl Iterator<Item = String>) -> Vec<String> {
    let files: Vec<String> = files.collect();
    let beside = |file: &&String| {
        let folder = format!("{}/", file.trim_end_matches(".rs"));
        files.iter().any(|other| other.starts_with(&folder))
    };
    files.iter().filter(beside).cloned().collect()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_sources_import_what_the_tables_allow_and_no_more() {
    let table = project().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&table).unwrap_or_else(|e| panic!("{}: {e}", table.display()));
    let layers = Layers::new(&text, sources());
    assert!(layers.folders.len() > 10, "the table was not found");
    assert!(layers.limits.len() > 5, "the limits were not found");
    let complaints = layers.complaints();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let layers = Layers::new("", sources());
    let imports = |module: &String, text: &String| -> BTreeSet<String> {
        let paths = imports::imports(module, text);
        let others = paths.iter().filter_map(|path| layers.resolve(path));
        let apart = |other: &String| other != module && !circles::is_family(module, other);
        others.filter(apart).collect()
    };
    let of = |(module, text): (&String, &String)| (module.clone(), imports(module, text));
    let imports = layers.sources.iter().filter(|(module, _)| *module != "lib");
    let circles = circles::circles(&imports.map(of).collect());
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_two_types_have_one_name() {
    let doubled = names::doubled(&sources());
    assert!(doubled.is_empty(), "{doubled:#?}");
}

#[test]
fn no_file_lies_beside_a_folder_of_its_name() {
    let beside = beside_a_folder(files(&project().join("src")).into_keys());
    assert_eq!(beside, [""; 0]);
    let breach = ["net/pop3.rs", "net/pop3/reply.rs", "net/pop3x.rs"];
    let found = beside_a_folder(breach.map(String::from).into_iter());
    assert_eq!(found, ["net/pop3.rs"]);
}

#[test]
fn files_are_small() {
    let sources = sources();
    let mut sizes: Vec<(usize, String)> = sources
        .iter()
        .map(|(module, text)| (imports::code_lines(text), module.clone()))
        .collect();
    sizes.sort();
    let at = |share: usize| sizes[(sizes.len() - 1) * share / 100].0;
    let largest = sizes.last().unwrap();
    assert!(
        at(50) <= 150,
        "the median file has {} lines of code",
        at(50)
    );
    assert!(
        at(90) < 350,
        "nine in ten files are to be below 350 lines: {sizes:?}"
    );
    assert!(
        largest.0 <= 500,
        "{} has {} lines of code",
        largest.1,
        largest.0
    );
}

#[test]
fn functions_fit_a_screen() {
    assert_eq!(lengths::too_long(&sources()), [] as [String; 0]);
}
