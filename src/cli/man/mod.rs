//! `mailvault man`: manual pages, one a command, made from the definition of the command
//! line, and one of the configuration file.

mod config;
mod roff;

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man as Page;
use mailvault::base::error::{Error, Result};
use mailvault::base::fsx;
use serde_json::json;

use super::Done;
use super::args::{Cli, Man};
use roff::{ManualText, ascii};

/// What the manual is called, and of which version.
pub(super) const SOURCE: &str = concat!("mailvault ", env!("CARGO_PKG_VERSION"));
pub(super) const MANUAL: &str = "mailvault";

/// Every exit code and what it means.
const CODES: [(&str, &str); 16] = [
    ("0", "done, even if nothing was new"),
    ("1", "another failure, or several different ones"),
    ("2", "the command line is wrong"),
    (
        "3",
        "partly done: a message or an account failed, the rest is stored",
    ),
    ("10", "there is no vault where one is expected"),
    ("11", "another mailvault is writing to the vault"),
    ("12", "the server refused the password or token"),
    ("13", "the server is unreachable or busy; try later"),
    ("14", "the certificate is not trusted"),
    ("15", "the configuration or a secret is wrong or missing"),
    (
        "16",
        "no space on the disk, or in the mailbox that receives an export",
    ),
    (
        "17",
        "the server did not confirm what it was asked to delete",
    ),
    ("18", "no message matches, or the id matches several"),
    ("19", "a pull is overdue, as asked with status --max-age"),
    ("20", "the vault is damaged"),
    (
        "130, 143",
        "interrupted, after finishing the current message",
    ),
];

/// What is read and written where nothing else is said.
const FILES: [(&str, &str); 4] = [
    (
        "~/.config/mailvault/config.toml",
        "the configuration, below $XDG_CONFIG_HOME if that is set; see mailvault-config(5)",
    ),
    (
        "/etc/mailvault/config.toml",
        "the configuration of the machine, read if there is no other",
    ),
    (
        "~/.config/mailvault/secret-NAME",
        "where init keeps the password of the account NAME, mode 600",
    ),
    (
        "~/.local/share/mailvault",
        "the vault, below $XDG_DATA_HOME if that is set; each message is a file \
         compressed with zstd(1)",
    ),
];

/// What of the environment counts.
const VARIABLES: [(&str, &str); 5] = [
    ("MAILVAULT_CONFIG", "the configuration file"),
    ("MAILVAULT_VAULT", "the vault"),
    (
        "NO_COLOR, CLICOLOR_FORCE",
        "never use colour, or always use it",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "where systemd(1) puts credentials: one with the name of an account is its \
         password, where the account has no other",
    ),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME",
        "where configurations and data are, if not in ~/.config and ~/.local/share",
    ),
];

pub(crate) fn run(args: &Man) -> Result<Done> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &args.out)?;
    write(&args.out, "mailvault-config.5", config::page().as_bytes())?;
    Ok(Done::new(0, json!({"out": args.out.to_string_lossy()})))
}

/// The page of a command, and those of its subcommands.
fn pages(command: &Command, out: &Path) -> Result<()> {
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        pages(inner, out)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let text = page(command, name).map_err(|e| Error::file("write manual pages to", out, e))?;
    write(out, &format!("{name}.1"), text.as_bytes())
}

fn write(folder: &Path, name: &str, text: &[u8]) -> Result<()> {
    fsx::publish(&fsx::resolve(folder).join(name), text)
}

fn page(command: &Command, name: &str) -> io::Result<String> {
    let whole = name == "mailvault";
    let page = Page::new(command.clone())
        .title(name)
        .source(SOURCE)
        .manual(MANUAL);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    Ok(ascii(&String::from_utf8_lossy(&text)) + &rest(command, whole))
}

/// What is below the options.
fn rest(command: &Command, whole: bool) -> String {
    let mut roff = ManualText::default();
    if let Some(examples) = command.get_before_help() {
        let examples = examples.to_string();
        let lines: Vec<&str> = examples.lines().skip(1).map(str::trim_start).collect();
        roff.section("EXAMPLES");
        roff.example(&lines);
    }
    roff.section("EXIT STATUS");
    if whole {
        roff.tagged(&CODES);
        roff.text("With --json, every line on stdout is JSON, and the last has the exit code.");
        roff.section("FILES");
        roff.tagged(&FILES);
        roff.section("ENVIRONMENT");
        roff.tagged(&VARIABLES);
    } else {
        roff.text("0 if all went well. mailvault(1) has the other codes, and the files.");
    }
    roff.section("SEE ALSO");
    roff.text(if whole {
        "mailvault-config(5), zstd(1)"
    } else {
        "mailvault(1), mailvault-config(5)"
    });
    roff.end()
}
