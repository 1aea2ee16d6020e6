//! `mailvault completions`: scripts made from the definition of the command line.

use clap::CommandFactory as _;
use serde_json::json;

use super::Done;
use super::args::{Cli, Completions};
use super::output::Output;

pub(crate) fn run(args: &Completions, out: &Output) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mailvault", &mut script);
    if out.json {
        let line = json!({
            "shell": args.shell.to_string(),
            "script": String::from_utf8_lossy(&script),
        });
        out.json("completions", line, false);
    } else {
        out.bytes(&script);
    }
    Done::new(0, json!({}))
}
