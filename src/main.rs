//! The command `mailvault`: parse, run, report, exit. Everything else is in the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cli::run(&std::env::args_os().collect::<Vec<_>>()))
}
