//! Small tables and sources that break them, to show that each breach is found.

use std::collections::BTreeMap;

use super::{Layers, circles};

const TABLES: &str = "
| Folder | Owns |
| --- | --- |
| `base/` | errors |
| `net/` | the wire |
| `vault/` | the vault |
| `pull/` `purge/` | verbs |
| `cli/` | the terminal |

| Limited | |
| --- | --- |
| `net/` | not in `vault/` |
| `net/pop3/` | not in `net/imap/` |
| `clap`, `indicatif` | only in `cli/` |
| `ureq` | only in `net/http.rs` |
";

/// Sources that keep to the tables.
fn good() -> BTreeMap<String, String> {
    BTreeMap::from(
        [
            ("main", "fn main() { cli::run() } mod cli;"),
            ("cli", "use clap::Parser; use mailvault::vault::Vault;"),
            ("cli::pull", "use crate::cli; use mailvault::{Error, pull};"),
            ("lib", "pub use base::error::{Error, Result};"),
            ("base", "pub mod error;"),
            ("base::error", "const NOTE: &str = \"use crate::vault\";"),
            ("net", "use crate::base::error::Error;"),
            ("net::http", "use ureq::Agent;"),
            ("net::imap", "use super::http;"),
            ("net::pop3", "use crate::Error;"),
            ("vault", "use crate::base::error::Error; // crate::net"),
            ("pull", "#[cfg(test)]\nmod tests { use crate::cli; }"),
            ("purge", "use crate::net::pop3; use crate::vault::Vault;"),
        ]
        .map(|(module, text)| (module.to_string(), text.to_string())),
    )
}

#[test]
fn each_breach_is_found_and_nothing_else() {
    let complaints = |module: &str, text: &str| {
        let mut sources = good();
        sources.insert(module.to_string(), text.to_string());
        Layers::new(TABLES, sources).complaints()
    };
    assert_eq!(complaints("cli", &good()["cli"]), [""; 0]);
    for (module, text, complaint) in [
        (
            "base",
            "use crate::{\n vault::{self}};",
            "base may not import vault",
        ),
        (
            "base",
            "fn a() { crate::net::pop3::take() }",
            "base may not import net::pop3",
        ),
        (
            "vault",
            "use super::net::imap::X;",
            "vault may not import net::imap",
        ),
        (
            "net::imap",
            "use super::pop3::X;",
            "net::imap may not import net::pop3",
        ),
        (
            "pull",
            "use crate::purge::Plan;",
            "pull may not import purge",
        ),
        (
            "main",
            "use mailvault::base::error::Error;",
            "main may not import base::error",
        ),
        ("net", "use clap::Parser;", "net may not use clap"),
        (
            "net::imap",
            "use ureq::Agent;",
            "net::imap may not use ureq",
        ),
        (
            "base",
            "use crate::Nobody;",
            "base imports Nobody, which is in no module",
        ),
        ("query", "", "query is in no folder of the table"),
    ] {
        let found = complaints(module, text);
        assert_eq!(found, [complaint], "{module}: {text}");
    }
    let mut less = good();
    less.remove("net::http");
    let found = Layers::new(TABLES, less).complaints();
    assert!(
        found.contains(&"net::http is in a table, but not in src".to_string()),
        "{found:?}"
    );
}

#[test]
fn circles_are_found_but_not_between_a_folder_and_its_files() {
    let imports = |list: &[(&str, &[&str])]| {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        list.iter()
            .map(|(from, to)| (from.to_string(), owned(to)))
            .collect()
    };
    let list: &[(&str, &[&str])] = &[
        ("a", &["b", "d"]),
        ("b", &["c"]),
        ("c", &["a"]),
        ("d", &["e"]),
        ("e", &[]),
    ];
    assert_eq!(circles::circles(&imports(list)), [["a", "b", "c"]]);
    assert!(circles::is_family("pull", "pull::fetch"));
    assert!(circles::is_family("net::imap::folder", "net::imap"));
    assert!(!circles::is_family("pull::fetch", "pull::feed"));
    assert!(!circles::is_family("pull", "purge"));
}
