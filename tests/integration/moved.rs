//! A move to a new host that is killed, or whose disk fails.

use std::collections::BTreeSet;
use std::fs;

use mailvault::sample::Sample;

use crate::crash::points::{self, CALLS};
use crate::crash::scene::{read_log, strace};
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, pulled, server};

const MOVE: [&str; 5] = ["account", "move", "work", "--from", "demo@127.0.0.1"];

fn contents(sandbox: &Sandbox) -> BTreeSet<Vec<u8>> {
    let messages = sandbox.messages("work").into_iter();
    messages.map(|message| message.bytes).collect()
}

#[test]
fn a_move_that_is_killed_or_fails_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    let mail = Sample::of(26, 7);
    let all: BTreeSet<_> = mail.iter().map(|message| message.bytes.clone()).collect();
    let (scene, _old) = pulled(mail[..24].to_vec());
    let new = server(mail);
    configure(&scene, &[Account::of("work", &new)]);
    let vault = fs::canonicalize(scene.vault()).unwrap();
    let start = scene.path("start");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let mut copy = std::process::Command::new("cp");
        assert!(copy.arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&vault, &start);
    let before = scene.ledger_lines();
    let log = scene.path("calls");
    let options = format!("-y -e trace={CALLS} -o {}", log.display());
    assert_eq!(strace(&scene, &options, &MOVE), Ended::Exit(0));
    let points = points::points(&read_log(&log), vault.to_str().unwrap(), CALLS);
    let points = points.iter().filter(|point| {
        // Of the files without a name, strace cannot tell one from another. What only opens a file
        // changes nothing that the call after it does not find.
        let path = point.path.as_deref().unwrap_or_default();
        path.starts_with('/') && point.call != "openat"
    });
    let points: Vec<_> = points.collect();
    assert!(points.len() > 20, "too few points: {points:?}");
    let mut hit = 0;
    for (n, point) in points.iter().enumerate() {
        // Each call is killed, and meets one of the errors.
        for what in ["signal=KILL", ["error=ENOSPC", "error=EIO"][n % 2]] {
            fs::remove_dir_all(&vault).unwrap();
            copy(&start, &vault);
            let path = vault.join(point.path.as_ref().unwrap().trim_start_matches('/'));
            let inject = format!("-e inject={}:{what}:when={}", point.call, point.n);
            let options = format!("-P {} {inject} -o /dev/null", path.display());
            hit += usize::from(strace(&scene, &options, &MOVE) != Ended::Exit(0));
            let _ = scene.run(&MOVE).expect_code(0);
            assert_eq!(contents(&scene), all, "{point:?} {what}");
            assert_eq!(scene.messages("work").len(), 26, "{point:?} {what}");
            assert!(
                scene.ledger_lines().starts_with(&before),
                "{point:?} {what}"
            );
            let pull = json_lines(&scene.run(&["pull", "--json"]).expect_code(0).stdout);
            let account = pull.iter().find(|line| line["type"] == "account").unwrap();
            assert_eq!(account["wanted"], 0, "{point:?} {what}: {account}");
            let verified = scene.run(&["verify", "--read-data"]);
            assert_eq!(
                verified.ended,
                Ended::Exit(0),
                "{point:?} {what}: {verified}"
            );
        }
    }
    assert!(
        hit > points.len(),
        "only {hit} of {} faults were met",
        2 * points.len()
    );
    let _ = scene.run(&["audit", "work", "--inbox"]).expect_code(0);
}
