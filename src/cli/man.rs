//! `mailvault man`: manual pages made from the definition of the command line.

use clap::CommandFactory as _;
use mailvault::error::{Error, Result};
use serde_json::json;

use super::Done;
use super::args::{Cli, Man};

pub(crate) fn run(args: &Man) -> Result<Done> {
    clap_mangen::generate_to(Cli::command(), &args.out)
        .map_err(|source| Error::file("write manual pages to", &args.out, source))?;
    Ok(Done::new(0, json!({"out": args.out.to_string_lossy()})))
}
