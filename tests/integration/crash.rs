//! Promise 7 of docs/SAFETY.md: a pull that is killed, or whose disk fails, at any of its
//! calls below the vault leaves nothing lost, altered, doubled or stuck after the next one.
//!
//! A first run under strace tells the calls, each as a point: the call, the path that it
//! is about, and the how manieth by its thread. Then points have runs of their own in
//! which they kill or fail. `strace -D` keeps the pid, so that names in `tmp` are known.
//!
//! Each point has a kill, each write is torn as well, and each error of the list is tried
//! at every call that can give it. All of them take minutes, so that of the errors a run
//! of the tests takes every few, in an order in which calls of a kind stand together:
//! none is left out. `MAILVAULT_CRASH=all` tries all, `MAILVAULT_CRASH=fsync` those with
//! that text.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

pub(crate) mod points;
pub(crate) mod scene;
pub(crate) mod unsynced;

use std::collections::BTreeMap;
use std::path::Path;

use self::points::{Fault, Point, Torn};
use self::scene::Scene;
use super::support::missing;

/// What a disk may answer to a call.
fn errors(point: &Point) -> &'static [&'static str] {
    match point.call.as_str() {
        // A file that is only read needs no room and may lie on anything.
        "openat" if point.reads => &["error=EIO"],
        "unlink" | "unlinkat" | "rmdir" | "ftruncate" | "utimensat" => {
            &["error=EIO", "error=EROFS"]
        }
        "sendto" => &["error=EIO", "error=ECONNRESET"],
        _ => &["error=ENOSPC", "error=EIO", "error=EDQUOT", "error=EROFS"],
    }
}

fn kills(points: &[Point]) -> Vec<Fault> {
    let kill = |point: &Point| point.fault("signal=KILL");
    points.iter().map(kill).collect()
}

/// Writes of which a part is done. The shared memory of the catalog is none of them: it
/// is made anew by whoever comes first.
fn torn(points: &[Point]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for point in points.iter().filter(|point| point.writes()) {
        let path = point.path.as_ref().unwrap();
        if path.ends_with("-shm") {
            continue;
        }
        let mut tear = |torn| {
            let mut fault = point.fault("signal=KILL");
            fault.torn = Some(torn);
            faults.push(fault);
        };
        tear(Torn::Half);
        if !path.contains("sqlite") {
            tear(Torn::AllButOneByte);
        }
    }
    faults
}

/// Each error at each point, once.
fn once(points: &[Point]) -> Vec<Fault> {
    let faults = |point: &Point| {
        let point = point.clone();
        errors(&point).iter().map(move |error| point.fault(error))
    };
    points.iter().flat_map(faults).collect()
}

/// Each error from each call of a kind on, whatever the path.
fn lasting(points: &[Point]) -> Vec<Fault> {
    let mut most: BTreeMap<(String, &str, bool), usize> = BTreeMap::new();
    for point in points {
        for error in errors(point) {
            let kind = (point.call.clone(), *error, point.path.is_some());
            *most.entry(kind).or_default() += 1;
        }
    }
    let mut faults = Vec::new();
    for ((call, error, has_path), count) in most {
        faults.extend((1..=count).map(|n| Fault {
            call: call.clone(),
            path: has_path.then(|| "*".to_owned()),
            what: format!("{error}:when={n}+"),
            torn: None,
        }));
    }
    faults
}

/// Every so manieth fault, or all if that is asked for.
fn every(stride: usize, faults: Vec<Fault>) -> Vec<Fault> {
    let all = std::env::var("MAILVAULT_CRASH").is_ok_and(|asked| !asked.is_empty());
    let stride = if all { 1 } else { stride };
    faults.into_iter().step_by(stride).collect()
}

/// A pull where new files have no names, and one where they have, with what is to be tried of
/// each: in the second what differs.
fn both() -> [(Scene, Vec<Point>); 2] {
    let (scene, named) = (Scene::begun(), Scene::begun_with_names());
    let (points, of_mail) = (scene.points(), named.points_of_mail());
    assert!(points.len() > 30, "too few points: {points:?}");
    assert!(of_mail.len() > 15, "too few points: {of_mail:?}");
    [(scene, points), (named, of_mail)]
}

#[test]
fn a_pull_killed_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    for (scene, points) in both() {
        scene.try_all(kills(&points), &points);
    }
}

#[test]
fn names_that_have_no_lines_are_adopted_by_the_next_run() {
    if missing("strace") {
        return;
    }
    for scene in [Scene::begun(), Scene::begun_with_names()] {
        let sandbox = scene.killed_at(&scene.first_line());
        assert!(!sandbox.messages("a").is_empty());
        // It only opens the vault to write to it.
        let _ = sandbox.run(&["pull", "--limit", "0"]);
        let lines = sandbox.ledger_lines();
        let adopted = |line: &&String| line.contains("\"ev\":\"adopted\"");
        assert_eq!(lines.iter().filter(adopted).count(), 2, "{lines:#?}");
        let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    }
}

#[test]
fn a_torn_write_is_made_good_by_the_next_pull() {
    if missing("strace") {
        return;
    }
    // A file without a name is gone with the run that wrote it.
    let scene = Scene::begun_with_names();
    let points = scene.points();
    let faults = torn(&points);
    assert!(faults.len() > 20, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}

/// The points of making a vault. Message files are looked at with one that is there.
fn making(points: &[Point]) -> Vec<Point> {
    let is_mail = |path: &str| {
        let folder = Path::new(path).parent().and_then(Path::file_name);
        folder.is_some_and(|name| name == "cur" || name == "tmp")
    };
    let kept = |point: &&Point| point.path.as_ref().is_some_and(|path| !is_mail(path));
    points.iter().filter(kept).cloned().collect()
}

#[test]
fn a_vault_whose_making_is_killed_is_made_by_the_next_pull() {
    if missing("strace") {
        return;
    }
    let scene = Scene::new(&["pull", "--create"]);
    let points = scene.points();
    let mut faults = kills(&making(&points));
    assert!(faults.len() > 20, "too few points: {faults:?}");
    let written = |point: &Point| point.call == "write";
    let written: Vec<Point> = making(&points).into_iter().filter(written).collect();
    faults.extend(torn(&written));
    scene.try_all(faults, &points);
}

#[test]
fn a_vault_whose_making_fails_is_made_by_the_next_pull() {
    if missing("strace") {
        return;
    }
    let scene = Scene::new(&["pull", "--create"]);
    let points = scene.points();
    let faults = every(3, once(&making(&points)));
    assert!(faults.len() > 20, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}

#[test]
fn a_disk_or_line_that_fails_a_call_once_costs_nothing() {
    if missing("strace") {
        return;
    }
    for (scene, points) in both() {
        let faults = every(3, once(&points));
        assert!(faults.len() > 10, "too few faults: {faults:?}");
        scene.try_all(faults, &points);
    }
}

#[test]
fn a_disk_or_line_that_goes_on_failing_costs_nothing() {
    if missing("strace") {
        return;
    }
    for (scene, points) in both() {
        let faults = every(3, lasting(&points));
        assert!(faults.len() > 10, "too few faults: {faults:?}");
        scene.try_all(faults, &points);
    }
}

#[test]
fn a_month_whose_compressing_is_killed_or_fails_is_closed_by_the_next_pull() {
    if missing("strace") {
        return;
    }
    let scene = Scene::begun_before_this_month();
    let points = scene.points_of_ledger();
    let closing = |part: &str| {
        let of_part = |point: &&Point| point.path.as_ref().is_some_and(|p| p.contains(part));
        points.iter().filter(of_part).count()
    };
    assert!(closing(".jsonl.zst.tmp") >= 4, "{points:?}");
    assert!(closing("/vault.toml") >= 4, "{points:?}");
    let mut faults = kills(&points);
    faults.extend(torn(&points));
    assert!(faults.len() > 25, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}

#[test]
fn a_disk_that_fails_while_a_month_is_compressed_costs_nothing() {
    if missing("strace") {
        return;
    }
    let scene = Scene::begun_before_this_month();
    let points = scene.points_of_ledger();
    let mut faults = every(3, once(&points));
    faults.extend(every(3, lasting(&points)));
    assert!(faults.len() > 25, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}
