//! What the integration tests share: a sandbox to run the program in, servers to
//! talk to, and small clients that see the same mail by another way.
#![allow(dead_code, reason = "a toolbox: not every tool is used at every time")]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "the texts of tests are small"
)]

#[cfg(feature = "offsite")]
pub(crate) mod bucket;
pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod corpus;
pub(crate) mod dialogue;
pub(crate) mod diff;
pub(crate) mod dovecot;
mod dovecot_conf;
mod hints;
pub(crate) mod inetd;
pub(crate) mod jail;
pub(crate) mod ledger;
pub(crate) mod line;
pub(crate) mod marionette;
#[cfg(feature = "offsite")]
pub(crate) mod moto;
pub(crate) mod output;
pub(crate) mod relay;
pub(crate) mod sandbox;
pub(crate) mod scene;
pub(crate) mod schema;
pub(crate) mod script;
mod selftest;
pub(crate) mod servers;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod synthetic;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod walks;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where a tool lies: on the search path or where servers are usually put.
pub(crate) fn find_tool(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}

/// True if `tool` is not on this machine, which skips the test that asks.
///
/// Where `MAILVAULT_REQUIRE_TOOLS=1` is set, a missing tool fails the test instead.
pub(crate) fn missing(tool: &str) -> bool {
    let missing = find_tool(tool).is_none();
    if missing {
        skip(&format!("{tool} is not installed"));
    }
    missing
}

/// Says that the running test is skipped; fails it where tools are required.
pub(crate) fn skip(why: &str) {
    let required = std::env::var_os("MAILVAULT_REQUIRE_TOOLS").is_some_and(|v| v == "1");
    assert!(!required, "MAILVAULT_REQUIRE_TOOLS is set and {why}");
    say_skipped(why);
}

/// Says that the running test is skipped, past the capture of the test runner.
pub(crate) fn say_skipped(why: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let line = format!("skipped {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// A port of 127.0.0.1 that is free.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until something listens on the port.
pub(crate) fn await_port(port: u16, limit: Duration) {
    let end = Instant::now() + limit;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
