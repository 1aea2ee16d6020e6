//! The module table of ARCHITECTURE.md, held against the sources: what each file
//! imports, that each has a row, and how large files are.
//!
//! A cell of the column `Module` names one or more files below `src`, with `{a,b}` for several
//! and `…` among them for any other file of that folder; a row with the word `later`
//! there may lack its files. A cell of the column `May import` lists modules, those of
//! the same folder by their last name; `lib` and `lib verbs` stand for every module of
//! the library, `all` for everything, `–` for nothing, `as pop3` for what that row
//! has; `imap: imap` after a `;` is for that file of the row alone. Files of one row,
//! and a folder's own file, may always import each other. A folder's own file, such
//! as `pop3.rs`, needs no row and may import what the folder's rows may. Unit tests
//! are not looked at.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod breaches;
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table.
#[derive(Debug, Default)]
struct Row {
    /// The modules of its files, such as `pop3::reply`.
    modules: Vec<String>,
    /// A folder whose files belong here if no other row has them.
    any_other: Option<String>,
    later: bool,
    cell: String,
    /// What its files may import, and what one of them may besides.
    allowed: Vec<String>,
    besides: BTreeMap<String, Vec<String>>,
}

/// `src/pop3/reply.rs` is `pop3::reply`; `mod.rs` is its folder.
fn module_of(file: &str) -> String {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    file.replace('/', "::")
}

fn folder_of(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(folder, _)| folder)
}

/// True if `module` is `ancestor` or lies in it.
fn within(module: &str, ancestor: &str) -> bool {
    let rest = module.strip_prefix(ancestor);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The rows of the module table in a Markdown text.
fn rows(text: &str) -> Vec<Row> {
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| Module |"));
    let table = table.skip(2).take_while(|line| line.starts_with('|'));
    let mut rows: Vec<Row> = table.map(row).collect();
    for n in 0..rows.len() {
        let cell = rows[n].cell.clone();
        if let Some(other) = cell.strip_prefix("as ") {
            let like = |row: &&Row| row.modules.iter().any(|m| within(m, other));
            let row = rows
                .iter()
                .find(like)
                .unwrap_or_else(|| panic!("no row for {cell}"));
            let allowed = row.allowed.clone();
            rows[n].allowed = allowed;
        }
    }
    rows
}

fn row(line: &str) -> Row {
    let line = line.replace('`', "");
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let (files, cell) = (cells[0], *cells.last().unwrap());
    let mut row = Row {
        later: files
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word == "later"),
        cell: cell.to_string(),
        ..Row::default()
    };
    let (patterns, _) = files
        .rsplit_once(".rs")
        .expect("a file name in the first cell");
    for pattern in patterns.split(".rs") {
        let pattern = pattern.trim_start_matches([',', ' ']);
        let (start, names) = pattern.split_once('{').unwrap_or(("", pattern));
        for name in names.trim_end_matches('}').split(',').map(str::trim) {
            if name == "…" {
                row.any_other = Some(module_of(start.trim_end_matches('/')));
            } else {
                row.modules.push(module_of(&format!("{start}{name}")));
            }
        }
    }
    for (n, part) in cell.split(';').enumerate() {
        match part.split_once(':') {
            Some((file, list)) if n > 0 => {
                let file = format!("::{}", file.trim());
                let module = row.modules.iter().find(|module| module.ends_with(&file));
                let module = module.unwrap_or_else(|| panic!("no file {file} in {files}"));
                row.besides.insert(module.clone(), modules(list));
            }
            _ => row.allowed.extend(modules(part)),
        }
    }
    row
}

/// The modules that a list names; what stands in brackets explains.
fn modules(list: &str) -> Vec<String> {
    let mut bare = String::new();
    for part in list.split('(') {
        bare.push_str(part.split_once(')').map_or(part, |(_, after)| after));
    }
    let words = bare
        .split(',')
        .map(str::trim)
        .filter(|word| !["", "–", "-"].contains(word));
    let names = words.map(|word| match word {
        "lib" | "lib verbs" => "lib".to_string(),
        _ => word
            .trim_start_matches("lib ")
            .trim_end_matches(".rs")
            .replace('/', "::"),
    });
    names.collect()
}

/// The table and the sources that it is about.
struct Layers {
    rows: Vec<Row>,
    /// Every module with its source text.
    sources: BTreeMap<String, String>,
}

impl Layers {
    /// The row of a module, unless it is a folder's own file without one.
    fn row(&self, module: &str) -> Option<&Row> {
        let named = |row: &&Row| row.modules.iter().any(|m| m == module);
        let other = |row: &&Row| row.any_other.as_deref() == Some(folder_of(module));
        self.rows
            .iter()
            .find(named)
            .or_else(|| self.rows.iter().find(other))
    }

    /// The rows that speak for a module.
    fn rows_for(&self, module: &str) -> Vec<&Row> {
        if let Some(row) = self.row(module) {
            return vec![row];
        }
        let inside = |row: &&Row| row.modules.iter().any(|m| folder_of(m) == module);
        self.rows.iter().filter(inside).collect()
    }

    fn may_import(&self, module: &str, other: &str) -> bool {
        if within(other, module) || folder_of(module) == other && !other.is_empty() {
            return true;
        }
        self.rows_for(module).into_iter().any(|row| {
            let together = row.modules.iter().any(|m| m == other);
            let besides = row.besides.get(module).into_iter().flatten();
            together
                || row.allowed.iter().chain(besides).any(|name| {
                    let sibling = format!("{}::{name}", folder_of(module));
                    let in_library = !within(other, "cli") && other != "main";
                    name == "all"
                        || name == "lib" && in_library
                        || within(other, name)
                        || within(other, &sibling)
                })
        })
    }

    /// Everything that the table and the sources disagree in.
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (module, text) in &self.sources {
            if self.rows_for(module).is_empty() {
                complaints.push(format!("{module} is not in the table"));
                continue;
            }
            for path in imports::imports(module, text) {
                let Some(other) = self.resolve(&path) else {
                    complaints.push(format!("{module} imports {path}, which is in no module"));
                    continue;
                };
                if !self.may_import(module, &other) {
                    complaints.push(format!("{module} may not import {other} ({path})"));
                }
            }
            if !within(module, "cli") && module != "main" {
                let idents = imports::idents(text);
                let foreign = idents
                    .iter()
                    .filter(|name| name.starts_with("clap") || *name == "indicatif");
                complaints.extend(
                    foreign.map(|name| format!("{module} is of the library and uses {name}")),
                );
            }
        }
        for row in self.rows.iter().filter(|row| !row.later) {
            let missing = row
                .modules
                .iter()
                .filter(|m| !self.sources.contains_key(*m));
            complaints.extend(missing.map(|m| format!("{m} is in the table, but not in src")));
        }
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

/// The Rust files below a folder by their path from there, without the unit tests that
/// have a file of their own.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((!path.ends_with("tests")).then_some(path));
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(module_of(name), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_sources_import_what_the_table_lists_and_no_more() {
    let table = project().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&table).unwrap_or_else(|e| panic!("{}: {e}", table.display()));
    let layers = Layers {
        rows: rows(&text),
        sources: sources(&project().join("src")),
    };
    assert!(layers.rows.len() > 10, "the module table was not found");
    let complaints = layers.complaints();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn files_are_small() {
    let sources = sources(&project().join("src"));
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
