//! Chromium without a window, on pages that lie on the disk.

use std::path::Path;

use super::output::Output;
use super::sandbox::Sandbox;

/// What became of a page: its DOM, and what it complains of to those who look for faults.
pub(crate) struct OpenedPage {
    pub(crate) dom: String,
    pub(crate) complaints: Vec<String>,
}

/// Runs it with a profile that is new.
pub(crate) fn chromium(sandbox: &Sandbox, args: &[&str], address: &str) -> Output {
    let profile = tempfile::tempdir_in(sandbox.home()).unwrap();
    let mut chromium = sandbox.tool("chromium");
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.args(args).arg(address);
    sandbox.spawn(chromium).wait().expect_code(0)
}

/// The address of a file.
pub(crate) fn url(page: &Path) -> String {
    format!("file://{}", page.display())
}

/// Opens a page, at a part of it if one is named, and gives its scripts time to load theirs.
pub(crate) fn opened(sandbox: &Sandbox, page: &Path, part: &str) -> OpenedPage {
    let address = format!("{}{part}", url(page));
    let output = chromium(
        sandbox,
        &["--virtual-time-budget=8000", "--dump-dom"],
        &address,
    );
    let lines = output.stderr();
    let complaints = lines.lines().filter(|line| line.contains(":CONSOLE"));
    OpenedPage {
        complaints: complaints.map(str::to_owned).collect(),
        dom: output.stdout(),
    }
}
