//! `require_offsite`: a purge waits for the second copy.

use std::fs;

use super::super::support::scene::json_lines;
use super::{add_place, folder, left, one, partly_pulled, run, words};
use crate::support::sandbox::Sandbox;
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
