//! How `SQLite` answers what the catalog is asked for message after message.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::Catalog;
use crate::base::fsx;

/// Tables with few rows, and what else stands for them in statements.
const SMALL: &[&str] = &[
    "folder", "session", "s", "origin", "deciding", "held", "forget",
];

/// The literals that are prepared once and kept, in a file of this directory.
fn statements(source: &str) -> impl Iterator<Item = String> + '_ {
    source.split("prepare_cached(").skip(1).filter_map(|rest| {
        let literal = rest.trim_start().strip_prefix('"')?;
        let (literal, _) = literal.split_once('"')?;
        let lines = literal.split("\\\n").map(str::trim_start);
        Some(lines.collect())
    })
}

/// The tables that `SQLite` reads from the first row to the last, to answer this.
fn scanned(catalog: &Catalog, sql: &str) -> Option<Vec<String>> {
    // Those for tables of one run are not there.
    let mut plan = catalog
        .db
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .ok()?;
    let count = plan.parameter_count();
    let nothing = rusqlite::params_from_iter(std::iter::repeat_n(0, count));
    let lines = plan
        .query_map(nothing, |row| row.get::<_, String>(3))
        .unwrap();
    let scans = lines.map(Result::unwrap).filter_map(|line| {
        let table = line.strip_prefix("SCAN ")?.to_owned();
        // Its index has what is lost alone.
        let is_read = !table.starts_with('(') && !table.contains("blob_lost");
        let name = table.split(' ').next()?.to_owned();
        (is_read && name != "CONSTANT").then_some(name)
    });
    Some(scans.collect())
}

#[test]
fn what_is_asked_of_each_message_reads_no_table_of_all_messages() {
    let catalog = Catalog::temporary().unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/vault/catalog");
    let mut sources = Vec::new();
    fsx::for_each_entry(&dir, &mut |name, _| {
        sources.extend(Some(dir.join(name)).filter(|path| path.extension() == Some("rs".as_ref())));
        Ok(())
    })
    .unwrap();
    let mut explained = 0;
    for path in sources {
        let source = String::from_utf8(fsx::read(&path).unwrap()).unwrap();
        for sql in statements(&source) {
            let Some(tables) = scanned(&catalog, &sql) else {
                continue;
            };
            explained += 1;
            for table in tables {
                assert!(
                    SMALL.contains(&&*table),
                    "{}: {sql}\nreads all of {table}",
                    path.display()
                );
            }
        }
    }
    assert!(explained > 60, "only {explained}");
    let scan = "SELECT blob FROM likeness WHERE likeness = ?1";
    assert_eq!(scanned(&catalog, scan).unwrap(), ["likeness"]);
}
