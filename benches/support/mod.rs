//! The Dovecot of the integration tests, for benchmarks.
#![allow(dead_code, reason = "made for tests, which use more of it")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "the texts of tests are small"
)]

#[path = "../../tests/integration/support/dovecot.rs"]
pub(crate) mod dovecot;
#[path = "../../tests/integration/support/tls.rs"]
mod tls;

use std::path::PathBuf;

pub(crate) fn find_tool(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}

fn missing(tool: &str) -> bool {
    let missing = find_tool(tool).is_none();
    if missing {
        skip(&format!("{tool} is not installed"));
    }
    missing
}

fn skip(why: &str) {
    println!("nothing is measured: {why}");
}
