//! Small tables and sources that break them, to show that each breach is found.

use std::collections::BTreeMap;

use super::{Layers, rows};

const TABLE: &str = "
| Module | Owns | May import |
| --- | --- | --- |
| `main.rs` (bin) | start | `cli` |
| `cli/args.rs` | flags | – |
| `cli/{pull,…}.rs` | verbs | args, lib verbs |
| `lib.rs` | names | all |
| `error.rs` | errors | – |
| `vault/{layout,lock}.rs` | the vault | error, pop3 (`Uid`) |
| `pop3/{reply,session}.rs` | the protocol | error; session: vault |
| `imap.rs`, `imap/{session,mailbox}.rs` | the same | as pop3 |
| `audit.rs` (later) | audit | vault |
";

/// Sources that keep to the table.
fn good() -> BTreeMap<String, String> {
    BTreeMap::from(
        [
            ("main", "fn main() { cli::run() } mod cli;"),
            ("cli", "mod args; use mailvault::vault::Vault;"),
            ("cli::args", "use clap::Parser;"),
            (
                "cli::pull",
                "use super::args::Args; use mailvault::{Error, pop3};",
            ),
            (
                "cli::show",
                "use crate::cli::args; // use crate::cli::pull;",
            ),
            (
                "lib",
                "pub use error::{Error, Result}; pub use crate::pop3::reply::Reply;",
            ),
            ("error", "const NOTE: &str = \"use crate::vault\";"),
            ("vault", "use crate::error::Error;"),
            (
                "vault::layout",
                "use super::lock::Lock; use crate::{Error, Reply};",
            ),
            (
                "vault::lock",
                "#[cfg(test)]\nmod tests { use crate::main; }",
            ),
            ("pop3", "pub mod reply;"),
            (
                "pop3::reply",
                "pub(crate) fn a() -> crate::Result<()> { 'a' }",
            ),
            ("pop3::session", "use crate::vault; use super::reply;"),
            ("imap", "mod session;"),
            ("imap::mailbox", "use super::session;"),
            ("imap::session", "use crate::error as wrong;"),
        ]
        .map(|(module, text)| (module.to_string(), text.to_string())),
    )
}

#[test]
fn each_breach_is_found_and_nothing_else() {
    let good = good();
    let complaints = |module: &str, text: &str| {
        let mut sources = good.clone();
        sources.insert(module.to_string(), text.to_string());
        Layers {
            rows: rows(TABLE),
            sources,
        }
        .complaints()
    };
    assert_eq!(complaints("cli", &good["cli"]), [""; 0]);
    for (module, text, complaint) in [
        (
            "error",
            "use crate::{\n vault::{self, lock}};",
            "error may not import vault (vault)",
        ),
        (
            "error",
            "fn a() { crate::vault::lock::take() }",
            "error may not import vault::lock (vault::lock::take)",
        ),
        (
            "pop3::reply",
            "use crate::vault::Vault;",
            "pop3::reply may not import vault (vault::Vault)",
        ),
        (
            "vault::lock",
            "use super::super::imap::session::X;",
            "vault::lock may not import imap::session (imap::session::X)",
        ),
        (
            "cli::args",
            "use super::pull::Pull;",
            "cli::args may not import cli::pull (cli::pull::Pull)",
        ),
        (
            "main",
            "use mailvault::error::Error;",
            "main may not import error (error::Error)",
        ),
        (
            "error",
            "use clap::Parser;",
            "error is of the library and uses clap",
        ),
        (
            "error",
            "use crate::Nobody;",
            "error imports Nobody, which is in no module",
        ),
        ("query", "", "query is not in the table"),
    ] {
        let found = complaints(module, text);
        assert!(
            found.contains(&complaint.to_string()),
            "{module}: {text}: {found:?}"
        );
    }
    let mut less = good.clone();
    less.remove("error");
    let layers = Layers {
        rows: rows(TABLE),
        sources: less,
    };
    let found = layers.complaints();
    assert!(
        found.contains(&"error is in the table, but not in src".to_string()),
        "{found:?}"
    );
}
