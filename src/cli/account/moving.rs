//! `mailvault account move`: a pull that believes the old names of messages if it may.

use crate::cli::Done;
use crate::cli::args::{Global, Pull};
use crate::cli::output::Output;
use crate::cli::pull;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;

pub(super) fn run(name: &str, from: &str, global: &Global, out: &Output) -> Result<Done, Failure> {
    if !from.contains('@') {
        return Err(Failure::usage(
            format!("\"{from}\" does not name a user and a host"),
            "write both, such as --from ann@pop.example.org",
        ));
    }
    let args = Pull {
        accounts: vec![name.to_owned()],
        dry_run: false,
        all_folders: false,
        limit: None,
        compare: false,
        lock_wait: None,
        create: false,
        purge: false,
        #[cfg(feature = "offsite")]
        push: false,
        password_command: None,
        moved_from: Some(from.to_owned()),
    };
    pull::run(&args, &Settings::load(global)?, global, out)
}
