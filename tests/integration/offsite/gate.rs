//! `require_offsite`: a purge waits for the second copy.

use std::fs;
use std::time::Duration;

use super::super::support::scene::json_lines;
use super::{add_place, folder, left, one, partly_pulled, run, words};
use crate::support::dovecot::PASSWORD;
use crate::support::sandbox::Sandbox;
use mailvault::account::Job;
use mailvault::account::config::Config;
use mailvault::base::secret::Secret;
use mailvault::purge::{ConfirmedPlan, PurgeOptions, PurgeSelection, Reason};
use mailvault::sample::Server;

/// An account whose purges wait for a place that is set up; its key was tried.
pub(super) fn gated() -> (Sandbox, Server) {
    let (sandbox, server) = partly_pulled(20, 25);
    let url = folder(&sandbox);
    let rule = "[accounts.work.purge]\nolder_than = \"30d\"\nrequire_offsite = \"b2\"";
    add_place(&sandbox, "b2", &url, rule);
    run(&sandbox, &["offsite", "init", "b2"]);
    (sandbox, server)
}

pub(super) fn rehearse(sandbox: &Sandbox) {
    let words = words(sandbox, "b2");
    run(sandbox, &["offsite", "init", "b2", "--words", &words]);
}

#[test]
fn what_is_not_in_the_second_copy_stays_on_the_server() {
    let (sandbox, server) = gated();
    let refused = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(15);
    assert!(
        refused.stderr().contains("never tried"),
        "{}",
        refused.stderr()
    );
    rehearse(&sandbox);
    let plan = one(&sandbox, &["purge", "work", "--all", "-n"], "plan");
    assert_eq!(
        (&plan["waiting_for_push"], &plan["delete"]),
        (&20.into(), &0.into())
    );
    let shown = sandbox
        .run(&["purge", "work", "--all", "-n"])
        .expect_code(0);
    assert!(
        shown
            .stdout()
            .contains("Waiting for 'mailvault offsite push': 20 messages"),
        "{}",
        shown.stdout()
    );
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    assert_eq!(left(&server), 25);
    run(&sandbox, &["offsite", "push"]);
    run(&sandbox, &["pull"]);
    let plan = one(&sandbox, &["purge", "work", "--all", "-n"], "plan");
    assert_eq!(
        (&plan["waiting_for_push"], &plan["delete"]),
        (&5.into(), &20.into())
    );
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    assert_eq!(left(&server), 5);
}

#[test]
fn an_object_that_is_gone_from_the_place_stops_the_purge() {
    let (sandbox, server) = gated();
    rehearse(&sandbox);
    run(&sandbox, &["offsite", "push"]);
    fs::remove_dir_all(sandbox.path("disk/copy/push")).unwrap();
    let refused = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(20);
    assert!(
        refused.stderr().contains("is not there as it was sent"),
        "{}",
        refused.stderr()
    );
    // Nor does a disk that is not mounted count as a copy.
    fs::rename(sandbox.path("disk/copy"), sandbox.path("disk/away")).unwrap();
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(10);
    assert_eq!(left(&server), 25);
}

#[test]
fn a_run_pulls_then_pushes_then_purges() {
    let (sandbox, server) = gated();
    rehearse(&sandbox);
    run(&sandbox, &["pull", "--push", "--purge"]);
    assert_eq!(left(&server), 0);
    assert_eq!(
        one(&sandbox, &["offsite", "status"], "place_status")["waiting"],
        0
    );
}

#[test]
fn a_push_that_fails_blocks_the_purge() {
    let (sandbox, server) = gated();
    rehearse(&sandbox);
    run(&sandbox, &["offsite", "push"]);
    fs::rename(sandbox.path("disk/copy"), sandbox.path("disk/away")).unwrap();
    let out = sandbox
        .run(&["pull", "--push", "--purge", "--json"])
        .expect_code(3);
    let lines = json_lines(&out.stdout);
    assert_eq!(lines.last().unwrap()["push"], "vault_missing");
    assert_eq!(left(&server), 25);
    let _ = sandbox.run(&["pull", "--push", "--purge"]).expect_code(3);
    assert_eq!(left(&server), 25);
}

/// The account of the configuration, as a command of the library takes it.
fn job(sandbox: &Sandbox) -> Job {
    let file = sandbox.path(".config/mailvault/config.toml");
    let config = Config::read(&file, None).unwrap();
    Job {
        account: config.accounts["work"].clone(),
        secret: Ok(Secret::new(PASSWORD.to_owned())),
        names: config.names(),
    }
}

#[test]
fn what_leaves_the_copy_after_the_plan_was_made_stays_on_the_server() {
    let (sandbox, server) = partly_pulled(20, 20);
    let options = PurgeOptions {
        lock_wait: Duration::ZERO,
        now: chrono::Utc::now().timestamp(),
        not_before: None,
        stop: std::sync::Arc::default(),
    };
    let selection = PurgeSelection {
        all: true,
        ..PurgeSelection::default()
    };
    let agreed = ConfirmedPlan::plan(
        &sandbox.vault(),
        job(&sandbox),
        &selection,
        Some(&mut |_| Ok(true)),
        &options,
        &mut |_| {},
    );
    let agreed = agreed.unwrap();
    assert_eq!(agreed.plan.chosen.messages, 20);
    let mut asked = 0;
    let mut copy = |_| {
        asked += 1;
        Ok(asked % 2 == 0)
    };
    let (report, error) = agreed.apply(Some(&mut copy), &options, &mut |_| {});
    assert!(error.is_none(), "{error:?}");
    assert_eq!((report.freed.messages, left(&server)), (10, 10));
    let reasons = report.kept.iter().map(|kept| kept.reason.clone());
    assert_eq!(reasons.collect::<Vec<_>>(), vec![Reason::NotCopied; 10]);
}
