//! Months of the ledger that are closed: who compresses them, who notices that one is damaged,
//! and what repair makes of that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailvault::sample::{Message, Sample, Server};

use crate::life::ageing::age;
use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, copy, json_lines, pulled, server};

fn some_mail() -> Vec<Message> {
    Sample::of(12, 7)
}

/// A vault that was last written to in a month before this one.
fn begun() -> (Sandbox, Server) {
    let (sandbox, server) = pulled(some_mail());
    age(&sandbox.vault(), 40 * 24);
    (sandbox, server)
}

/// The same a pull later; gives the compressed month, too.
fn closed() -> (Sandbox, Server, PathBuf) {
    let (sandbox, server) = begun();
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let [old, _] = &months(&sandbox)[..] else {
        panic!("{:?}", months(&sandbox));
    };
    let old = sandbox.vault().join("ledger").join(old);
    (sandbox, server, old)
}

fn months(sandbox: &Sandbox) -> Vec<String> {
    names(&sandbox.vault().join("ledger"))
}

fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = listed
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn manifest(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.vault().join("vault.toml")).unwrap()
}

#[track_caller]
fn is_whole(sandbox: &Sandbox) {
    let verified = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(verified.stdout(), "work  12 of 12 messages good\n");
}

#[test]
fn a_pull_compresses_the_months_before_and_other_programs_must_know_that() {
    let (sandbox, _server) = begun();
    let lines = sandbox.ledger_lines();
    let before = manifest(&sandbox);
    assert!(before.ends_with("features_required = []\n"), "{before}");
    let [old] = &months(&sandbox)[..] else {
        panic!("{:?}", months(&sandbox));
    };
    let plain = fs::read(sandbox.vault().join("ledger").join(old)).unwrap();
    // What only reads, or has nothing to write, closes nothing.
    for args in [&["status"][..], &["list"], &["verify"]] {
        let _ = sandbox.run(args).expect_code(0);
    }
    assert!(sandbox.vault().join("ledger").join(old).exists());
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let after = months(&sandbox);
    assert!(
        after[0] == format!("{old}.zst") && after.len() == 2,
        "{after:?}"
    );
    assert_eq!(manifest(&sandbox), before.replace("[]", "[\"ledger-zst\"]"));
    assert!(sandbox.ledger_lines().starts_with(&lines));
    if !missing("zstd") {
        let mut unpack = Command::new("zstd");
        unpack
            .arg("-dc")
            .arg(sandbox.vault().join("ledger").join(&after[0]));
        assert!(unpack.output().unwrap().stdout == plain);
    }
    let listed = sandbox.run(&["list"]).expect_code(0);
    is_whole(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(months(&sandbox), after);
    // The catalog is made of it as of plain months.
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    let again = sandbox.run(&["list"]).expect_code(0);
    assert_eq!(again.stdout(), listed.stdout());
}

#[test]
fn an_import_closes_months_too_and_takes_the_mail_of_a_vault_that_has_compressed_ones() {
    let (sandbox, _server) = begun();
    sandbox.write("one.eml", "Subject: one\r\n\r\nbody\r\n", 0o600);
    let _ = sandbox
        .run(&["import", "one.eml", "--account", "other"])
        .expect_code(0);
    let after = months(&sandbox);
    assert!(
        after[0].ends_with(".jsonl.zst") && after.len() == 2,
        "{after:?}"
    );
    let from = sandbox.path("from");
    copy(&sandbox.vault(), &from);
    fs::remove_dir_all(sandbox.vault()).unwrap();
    let _ = sandbox
        .run(&["import", from.to_str().unwrap(), "--create"])
        .expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 12);
    assert_eq!(names(&from.join("ledger")), after);
}

#[test]
fn what_does_not_need_a_closed_month_does_not_open_it_and_verify_says_that_it_is_damaged() {
    let (sandbox, _server, old) = closed();
    let good = fs::read(&old).unwrap();
    let listed = sandbox.run(&["list"]).expect_code(0).stdout();
    for bad in [&b"no frame"[..], &good[..good.len() / 2], b""] {
        fs::write(&old, bad).unwrap();
        let again = sandbox.run(&["list"]).expect_code(0);
        assert_eq!(again.stdout(), listed);
        for args in [&["status"][..], &["pull"]] {
            let _ = sandbox.run(args).expect_code(0);
        }
        let verified = sandbox.run(&["verify", "--json"]).expect_code(20);
        let lines = json_lines(&verified.stdout);
        let found = lines.iter().find(|line| line["problem"] == "ledger");
        let found = found.unwrap_or_else(|| panic!("{verified}"));
        let name = old.file_name().unwrap().to_str().unwrap();
        assert_eq!(found["path"], format!("ledger/{name}"));
        let detail = found["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("it cannot be decompressed from byte "),
            "{verified}"
        );
        assert_eq!(fs::read(&old).unwrap(), bad);
    }
    fs::write(&old, &good).unwrap();
    is_whole(&sandbox);
}

#[test]
fn repair_keeps_what_can_be_read_of_a_damaged_month_and_moves_the_rest_to_quarantine() {
    let (sandbox, _server, old) = closed();
    let lines = sandbox.ledger_lines();
    let good = fs::read(&old).unwrap();
    let spare = sandbox.path("spare");
    copy(&sandbox.vault(), &spare);
    for cut in [0, 3, good.len() / 2, good.len() - 2] {
        fs::remove_dir_all(sandbox.vault()).unwrap();
        copy(&spare, &sandbox.vault());
        fs::write(&old, &good[..cut]).unwrap();
        let repaired = sandbox.run(&["verify", "--repair"]).expect_code(20);
        let said = repaired.stdout();
        assert!(
            said.contains("cannot be decompressed from byte"),
            "{repaired}"
        );
        let quarantine = sandbox.vault().join("quarantine");
        let name = old.file_name().unwrap();
        assert_eq!(fs::read(quarantine.join(name)).unwrap(), good[..cut]);
        let kept = sandbox.ledger_lines();
        let same = lines
            .iter()
            .zip(&kept)
            .take_while(|(one, other)| one == other);
        let same = same.count();
        // So small a month is one block, which is there or not; the checksum comes after it.
        let all = zstd::decode_all(&good[..]).unwrap();
        let all = String::from_utf8(all).unwrap().lines().count();
        let readable = if cut == good.len() - 2 { all } else { 0 };
        assert!(same >= readable && (same == 0) == (readable == 0), "{same}");
        // Whatever is recorded no more is adopted.
        let settled = sandbox.run(&["verify", "--repair"]);
        is_whole(&sandbox);
        drop(settled);
        let _ = sandbox.run(&["pull"]).expect_code(0);
        is_whole(&sandbox);
    }
}

#[test]
fn of_two_files_of_a_month_that_differ_repair_keeps_the_one_that_fits_and_deletes_none() {
    let (sandbox, _server, old) = closed();
    let lines = sandbox.ledger_lines();
    let good = fs::read(&old).unwrap();
    let plain = old.with_extension("");
    let whole = zstd::decode_all(&good[..]).unwrap();
    let half = whole[..whole.len() / 2]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    let quarantine = sandbox.vault().join("quarantine");
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    // An older plain file came back, then an older compressed one next to the whole plain one.
    let older = zstd::encode_all(&whole[..half], 1).unwrap();
    for (packed, beside, gone) in [
        (&good[..], &whole[..half], name(&plain)),
        (&older[..], &whole[..], name(&old)),
    ] {
        fs::write(&old, packed).unwrap();
        fs::write(&plain, beside).unwrap();
        let _ = sandbox.run(&["pull"]).expect_code(0);
        let verified = sandbox.run(&["verify"]).expect_code(20);
        assert!(
            verified.stdout().contains("it differs from ledger/"),
            "{verified}"
        );
        assert_eq!(fs::read(&old).unwrap(), packed);
        assert_eq!(fs::read(&plain).unwrap(), beside);
        let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
        assert!(
            names(&quarantine).contains(&gone),
            "{:?}",
            names(&quarantine)
        );
        assert!(old.exists() != plain.exists());
        is_whole(&sandbox);
        let _ = sandbox.run(&["pull"]).expect_code(0);
        assert!(sandbox.ledger_lines().starts_with(&lines));
        assert!(old.exists() && !plain.exists());
    }
    // Equal ones are no finding: a run that was killed left them.
    fs::write(&plain, &whole).unwrap();
    is_whole(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert!(old.exists() && !plain.exists());
}

#[test]
fn a_manifest_that_was_lost_requires_what_it_required_before() {
    let (sandbox, _server, _) = closed();
    let before = manifest(&sandbox);
    fs::remove_file(sandbox.vault().join("vault.toml")).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let after = manifest(&sandbox);
    let required = |text: &str| text.lines().last().unwrap().to_owned();
    assert_eq!(required(&after), "features_required = [\"ledger-zst\"]");
    assert_eq!(required(&after), required(&before));
    is_whole(&sandbox);
}

#[test]
fn an_old_manifest_in_a_vault_that_has_compressed_months_is_put_right_by_the_next_pull() {
    let (sandbox, _server, _) = closed();
    let right = manifest(&sandbox);
    let path = sandbox.vault().join("vault.toml");
    fs::write(&path, right.replace("[\"ledger-zst\"]", "[]")).unwrap();
    is_whole(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(manifest(&sandbox), right);
}

#[test]
fn damage_within_a_month_outlives_its_compressing_and_its_repair_does_too() {
    let (sandbox, _server) = begun();
    let second = server(some_mail());
    configure(&sandbox, &[Account::of("work", &second)]);
    let old = sandbox.vault().join("ledger").join(&months(&sandbox)[0]);
    let mut bytes = fs::read(&old).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&old, &bytes).unwrap();
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let packed = sandbox.vault().join("ledger").join(&months(&sandbox)[0]);
    assert_eq!(
        zstd::decode_all(&fs::read(&packed).unwrap()[..]).unwrap(),
        bytes
    );
    let verified = sandbox.run(&["verify"]).expect_code(20);
    assert!(verified.stdout().contains(" are damaged: "), "{verified}");
    let kept = fs::read(&packed).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let _ = sandbox.run(&["verify", "--repair"]);
    is_whole(&sandbox);
    assert_eq!(fs::read(&packed).unwrap(), kept);
    let copies = names(&sandbox.vault().join("quarantine"));
    assert!(copies[0].contains(".jsonl.zst."), "{copies:?}");
}

#[test]
fn a_pull_says_what_it_archived_though_a_month_cannot_be_compressed() {
    let (sandbox, _server) = begun();
    let second = server(Sample::of(15, 7));
    configure(&sandbox, &[Account::of("work", &second)]);
    let old = months(&sandbox).remove(0);
    let in_the_way = sandbox.vault().join(format!("ledger/{old}.zst.tmp"));
    fs::create_dir(&in_the_way).unwrap();
    let pulled = sandbox.run(&["pull"]).expect_code(1);
    assert!(pulled.stdout().contains(" new "), "{pulled}");
    assert!(pulled.stderr().contains(".jsonl.zst.tmp"), "{pulled}");
    assert!(months(&sandbox).contains(&old));
    assert!(sandbox.messages("work").len() > 12);
    fs::remove_dir(&in_the_way).unwrap();
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert!(!months(&sandbox).contains(&old));
}
