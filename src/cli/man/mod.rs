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
use super::help::texts::{
    CODES, CODES_NOTE, FILES, JSON_NOTES, JSON_TYPES, QUERY, QUERY_NOTES, VARIABLES, VARIABLES_NOTE,
};
use roff::{ManualText, ascii};

/// What the manual is called, and of which version.
pub(super) const SOURCE: &str = concat!("mailvault ", env!("CARGO_PKG_VERSION"));
pub(super) const MANUAL: &str = "mailvault";

pub(crate) fn run(args: &Man) -> Result<Done> {
    let mut command = Cli::command();
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
    fsx::publish(&fsx::resolve(folder).join(name), text, 0o644)
}

fn page(command: &Command, name: &str) -> io::Result<String> {
    // A manual has no short form.
    let shown = command.clone().mut_args(|arg| arg.hide_short_help(false));
    let page = Page::new(shown).title(name).source(SOURCE).manual(MANUAL);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    let synopsis = synopsis(command, name);
    text.extend_from_slice(synopsis.as_bytes());
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    Ok(ascii(&String::from_utf8_lossy(&text)) + &rest(command, name))
}

/// How the command is typed: its own options in the order in which they are explained, and what
/// it works on at the end.
fn synopsis(command: &Command, name: &str) -> String {
    let mut words = Vec::new();
    let options = command.get_arguments().filter(|arg| {
        !arg.is_positional()
            && !arg.is_global_set()
            && !["help", "version"].contains(&arg.get_id().as_str())
    });
    for option in options {
        let long = option.get_long().map(|long| format!("--{long}"));
        let short = option.get_short().map(|short| format!("-{short}"));
        let flag: Vec<String> = short.into_iter().chain(long).collect();
        let value = if option.get_action().takes_values() {
            option.get_value_names().and_then(|names| names.first())
        } else {
            None
        };
        let value = value.map(ToString::to_string);
        words.push((flag.join("|"), value, true));
    }
    words.push((String::new(), Some("GLOBAL OPTIONS".to_owned()), true));
    for place in command.get_positionals() {
        let value = place.get_value_names().and_then(|names| names.first());
        let mut value = value.map(ToString::to_string).unwrap_or_default();
        if place.get_num_args().is_some_and(|n| n.max_values() > 1) {
            value.push_str("...");
        }
        words.push((String::new(), Some(value), !place.is_required_set()));
    }
    if command.has_subcommands() {
        words.push((String::new(), Some("COMMAND".to_owned()), false));
    }
    let mut roff = ManualText::default();
    roff.section("SYNOPSIS");
    roff.usage(&name.replace('-', " "), &words);
    roff.end()
}

/// What is below the options.
fn rest(command: &Command, name: &str) -> String {
    let whole = name == "mailvault";
    let mut roff = ManualText::default();
    if name == "mailvault-search" {
        roff.section("QUERY");
        roff.tagged(QUERY);
        for text in QUERY_NOTES {
            roff.text(text);
        }
    }
    if let Some(examples) = command.get_before_help() {
        let examples = examples.to_string();
        let lines: Vec<&str> = examples.lines().skip(1).map(str::trim_start).collect();
        roff.section("EXAMPLES");
        roff.example(&lines);
    }
    roff.section("EXIT STATUS");
    if whole {
        roff.tagged(CODES);
        roff.text(CODES_NOTE);
        roff.section("JSON");
        for text in JSON_NOTES {
            roff.text(text);
        }
        roff.tagged(JSON_TYPES);
        roff.section("FILES");
        roff.tagged(FILES);
        roff.section("ENVIRONMENT");
        roff.tagged(VARIABLES);
        roff.text(VARIABLES_NOTE);
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
