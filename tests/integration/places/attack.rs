//! The table of rights, tried: whoever takes over the machine that pushes, with its credentials,
//! neither reads nor destroys what is in a bucket that keeps versions.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use mailvault::offsite::pack::Identities;
use mailvault::offsite::place::ObjectStore;
use mailvault::offsite::push::{PushOptions, push};
use mailvault::offsite::restore::{RestoreOptions, RestoreReport, restore};
use mailvault::offsite::verify::{PlaceCheck, verify_place};
use mailvault::vault::verify::{VerifyOptions, verify};

use super::{limits, names, options, s3};
use crate::support::moto::Moto;
use crate::support::sandbox::Sandbox;

/// A private key that nobody else uses, of sixteen equal pairs.
const KEY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

static NEVER: AtomicBool = AtomicBool::new(false);

fn keys() -> Identities {
    Identities::parse(KEY.as_bytes()).unwrap()
}

/// Archives some messages and pushes them, several times.
fn push_some(sandbox: &Sandbox, store: &ObjectStore) {
    for round in 0..3 {
        for n in 0..5 {
            let mail =
                format!("Subject: {round} {n}\nMessage-ID: <{round}.{n}@example.org>\n\nx\n");
            let folder = if n == 4 { ".Sent/cur" } else { "cur" };
            sandbox.write(&format!("in/{folder}/{round}{n}:2,S"), mail, 0o600);
        }
        fs::create_dir_all(sandbox.path("in/new")).unwrap();
        let args = ["import", "in", "--account", "work", "--create"];
        let _ = sandbox.run(&args).expect_code(0);
        let recipients = keys().recipients();
        let options = PushOptions {
            name: "bucket",
            recipients: &recipients,
            level: 3,
            rebuild: false,
            stop: &NEVER,
        };
        push(&sandbox.vault(), store, options, &mut |_| {}).unwrap();
    }
}

fn restored(store: &ObjectStore, target: &Path) -> RestoreReport {
    let keys = keys();
    let options = RestoreOptions {
        destination: "bucket",
        identities: &keys,
        head: None,
        stop: &NEVER,
    };
    restore(store, target, options, &mut |_| {}).unwrap()
}

/// Messages by the names of their files, which have their hashes, and the times of these.
fn tree(root: &Path) -> BTreeMap<PathBuf, i64> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.parent().unwrap().ends_with("cur") {
                let time = fs::metadata(&path).unwrap().mtime();
                let name = path.strip_prefix(root).unwrap().to_path_buf();
                files.insert(name, time);
            }
        }
    }
    files
}

#[test]
fn with_the_credentials_of_a_push_nothing_is_destroyed() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket("bucket", true);
    let store = s3(&options(moto.port, "bucket"), limits());
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    push_some(&sandbox, &store);
    let all = names(&store, "");
    assert!(all.len() >= 6, "{all:?}");
    for (n, name) in all.iter().enumerate() {
        let key = format!("mail/{name}");
        moto.overwrite("bucket", &key, &"junk".repeat(n));
        match n % 3 {
            0 => moto.delete("bucket", &key),
            1 => moto.overwrite("bucket", &key, "other junk"),
            _ => {}
        }
    }
    for seq in 4..54 {
        let key = format!("mail/heads/{seq:010}");
        moto.overwrite("bucket", &key, &format!("{{\"format\": {}}}", seq % 2));
    }
    // More than a page of versions.
    for n in 0..1_020 {
        moto.overwrite("bucket", "mail/heads/0000000002", &format!("junk {n}"));
    }
    let store = s3(&options(moto.port, "bucket"), limits());
    let target = sandbox.path("restored");
    let report = restored(&store, &target);
    assert_eq!(
        (report.head, report.missing, report.strays.after),
        (3, 0, 50)
    );
    assert_eq!((report.messages, report.strays.replaced), (15, 3));
    assert!(report.damaged.is_empty() && report.whole_ledger);
    assert_eq!(
        tree(&sandbox.vault().join("mail")),
        tree(&target.join("mail"))
    );
    let options = VerifyOptions {
        read_data: true,
        ..VerifyOptions::default()
    };
    let report = verify(&target, &options, &mut |_| {}).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");

    let check = PlaceCheck {
        read_data: true,
        subset: None,
        identities: None,
        stop: &NEVER,
    };
    let report = verify_place(&store, check, &mut |_| {}).unwrap();
    assert_eq!((report.heads, report.strays.after), (3, 50));
    assert_eq!(report.findings.len() as u64, report.objects);
    assert_eq!(report.lost(), 0);
}
