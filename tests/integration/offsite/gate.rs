//! `require_offsite`: a purge waits for the second copy.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use super::super::support::missing;
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

/// Runs this at a terminal, does something while it asks for the account's name, and then types
/// that; gives what was shown.
fn agreed_after(sandbox: &Sandbox, command: &str, meanwhile: impl Fn()) -> String {
    let program = env!("CARGO_BIN_EXE_mailvault");
    let line = format!("stty cols 80; {program} {command}; echo \"code $?\"");
    let mut script = sandbox.tool("script");
    script.args(["-qec", &line, "/dev/null"]);
    let (stdin, stdout) = (Stdio::piped(), Stdio::piped());
    let mut child = script.stdin(stdin).stdout(stdout).spawn().unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut part, mut asked) = (String::new(), [0; 1024], false);
    loop {
        let count = screen.read(&mut part).unwrap();
        if count == 0 {
            break;
        }
        shown += &String::from_utf8_lossy(&part[..count]);
        if !asked && shown.contains("Type the account name") {
            asked = true;
            meanwhile();
            keys.write_all(b"work\n").unwrap();
        }
    }
    child.wait().unwrap();
    assert!(asked, "{shown}");
    shown
}

#[test]
fn what_vanishes_from_the_place_while_the_question_waits_stays_on_the_server() {
    if missing("script") {
        return;
    }
    let (sandbox, server) = gated();
    rehearse(&sandbox);
    run(&sandbox, &["offsite", "push"]);
    let (there, away) = (sandbox.path("disk/copy/push"), sandbox.path("disk/away"));
    let shown = agreed_after(&sandbox, "purge work --all", || {
        fs::rename(&there, &away).unwrap();
    });
    assert!(
        shown.contains("20 messages") && shown.contains("code 20"),
        "{shown}"
    );
    assert!(shown.contains("is not there as it was sent"), "{shown}");
    assert_eq!(left(&server), 25);
    fs::rename(&away, &there).unwrap();
    let shown = agreed_after(&sandbox, "purge work --all", || {});
    assert!(shown.contains("code 0"), "{shown}");
    assert_eq!(left(&server), 5);
}

/// A `rclone` that tells how often it was asked for an object of a push, and once a file `once` is
/// there answers that only the first time.
const FORGETFUL: &str = "#!/bin/sh\n\
    case \"$*\" in lsjson*/push/*)\n\
      echo asked >>\"$HOME/asked\"\n\
      if test -e \"$HOME/once\" && test \"$(wc -l <\"$HOME/asked\")\" -gt 1; then exit 3; fi;;\n\
    esac\n\
    PATH=$(echo \"$PATH\" | cut -d: -f2-) exec rclone \"$@\"\n";

#[test]
fn what_vanishes_from_the_place_before_the_deletion_stays_on_the_server() {
    if missing("rclone") {
        return;
    }
    let (mut sandbox, server) = partly_pulled(20, 25);
    fs::create_dir_all(sandbox.path("nas")).unwrap();
    let url = format!("rclone::local:{}", sandbox.path("nas").display());
    let rule = "[accounts.work.purge]\nolder_than = \"30d\"\nrequire_offsite = \"b2\"";
    add_place(&sandbox, "b2", &url, rule);
    sandbox.write("bin/rclone", FORGETFUL, 0o755);
    let path = std::env::var("PATH").unwrap();
    let bin = sandbox.path("bin").display().to_string();
    sandbox.env("PATH", format!("{bin}:{path}"));
    run(&sandbox, &["offsite", "init", "b2"]);
    rehearse(&sandbox);
    run(&sandbox, &["offsite", "push"]);
    for command in [
        &["purge", "work", "--all", "--yes"][..],
        &["pull", "--purge"],
    ] {
        fs::write(sandbox.path("asked"), "").unwrap();
        fs::write(sandbox.path("once"), "").unwrap();
        let _ = sandbox.run(command).expect_code(20);
        assert!(left(&server) == 25, "{command:?}");
        let asked = fs::read_to_string(sandbox.path("asked")).unwrap();
        assert_eq!(asked.lines().count(), 2, "{command:?}");
        fs::remove_file(sandbox.path("once")).unwrap();
    }
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    assert_eq!(left(&server), 5);
}
