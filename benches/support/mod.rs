//! What the benchmarks have in common: the Dovecot and the slow line of the integration
//! tests, a pull, a clock.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "made for tests and several benchmarks, each of which uses a part of it"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "made for tests"
)]

#[path = "../../tests/integration/support/dovecot.rs"]
pub(crate) mod dovecot;
#[path = "../../tests/integration/support/dovecot_conf.rs"]
mod dovecot_conf;
#[path = "../../tests/integration/support/jail.rs"]
mod jail;
#[path = "../../tests/integration/support/line.rs"]
pub(crate) mod line;
#[path = "../../tests/integration/support/tls.rs"]
mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mailvault::account::Job;
use mailvault::account::config::{Account, AccountNames};
use mailvault::base::secret::Secret;
use mailvault::pull::{self, PullOptions};
use mailvault::sample::Server;

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
    println!("not measured: {why}");
}

fn say_skipped(why: &str) {
    skip(why);
}

/// Seconds that some work takes.
pub(crate) fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn job(url: &str, password: &str) -> Job {
    Job {
        account: Account::from_url(url).unwrap(),
        secret: Ok(Secret::new(password.to_owned())),
        names: AccountNames::default(),
    }
}

/// The account of a sample server.
pub(crate) fn job_of(server: &Server) -> Job {
    let url = format!("pop3://{}@127.0.0.1:{}", Server::USER, server.addr().port());
    job(&url, Server::PASSWORD)
}

/// Pulls into a vault, which is made if there is none.
pub(crate) fn pull(job: Job, vault: &Path) {
    let options = PullOptions {
        moved_from: None,
        all_folders: false,
        dry_run: false,
        limit: None,
        compare_all: false,
        lock_wait: Duration::ZERO,
        create: true,
        parallel: 1,
        stop: Arc::default(),
    };
    let report = pull::pull(vault, vec![job], &options, &mut |_| {}).unwrap();
    assert!(report.outcomes[0].error.is_none());
}
