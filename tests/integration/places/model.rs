//! Any sequence of operations has the same outcome everywhere as in memory.

use std::io::Read as _;

use mailvault::offsite::place::{MemoryStore, ObjectStore, PutOutcome, README};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Spool, folder, limits, name, names, options, s3};
use crate::support::bucket::BucketServer;
use crate::support::moto::Moto;

#[derive(Debug, Clone)]
enum Step {
    Put(usize, u8, usize),
    Get(usize),
    Range(usize, u64, u64),
    Head(usize),
    List(usize),
}

const NAMES: [&str; 5] = ["packs/a", "packs/ab", "packs/a.b", "heads/1", "push/x-y_z"];
const PREFIXES: [&str; 6] = ["", "packs/", "packs/a", "packs/ab", "heads/", "none"];

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        3 => (name.clone(), 0..3u8, 0..4usize).prop_map(|(n, byte, len)| Step::Put(n, byte, len)),
        1 => name.clone().prop_map(Step::Get),
        1 => (name.clone(), 0..5u64, 0..6u64).prop_map(|(n, from, len)| Step::Range(n, from, from + len)),
        1 => name.prop_map(Step::Head),
        1 => (0..PREFIXES.len()).prop_map(Step::List),
    ]
}

/// What a step shows, as far as all places show it.
fn outcome(store: &ObjectStore, spool: &Spool, at: &str, step: &Step) -> String {
    let named = |n: &usize| name(&format!("{at}{}", NAMES[*n]));
    match step {
        Step::Put(n, byte, len) => {
            match spool
                .put(store, named(n).as_str(), &vec![*byte; *len])
                .unwrap()
            {
                PutOutcome::Stored(_) => "stored".into(),
                PutOutcome::Exists(stat) => format!("exists {}", stat.size),
            }
        }
        Step::Get(n) => {
            let reader = store.get(&named(n)).unwrap();
            format!("{:?}", reader.map(|reader| reader.read_all(99).unwrap()))
        }
        Step::Range(n, from, to) => {
            let reader = store.get_range(&named(n), *from..*to).unwrap();
            let bytes = reader.map(|mut reader| {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).unwrap();
                bytes
            });
            format!("{bytes:?}")
        }
        Step::Head(n) => format!("{:?}", store.head(&named(n)).unwrap().map(|stat| stat.size)),
        Step::List(prefix) => names(store, &format!("{at}{}", PREFIXES[*prefix])).join(" "),
    }
}

/// Each case is in a folder of its own.
fn agrees(store: &ObjectStore, cases: u32) {
    let spool = Spool::new();
    spool.put(store, README, b"read me").unwrap();
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(), 1..25);
    let ran = runner.run(&steps, |steps| {
        case.set(case.get() + 1);
        let at = format!("case-{}/", case.get());
        let model = ObjectStore::Memory(MemoryStore::default());
        for step in &steps {
            let (is, should) = (
                outcome(store, &spool, &at, step),
                outcome(&model, &spool, &at, step),
            );
            prop_assert_eq!(is, should, "{:?}", step);
        }
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn a_folder_does_what_memory_does() {
    let dir = tempfile::tempdir().unwrap();
    agrees(&folder(&dir.path().join("copy")), 64);
}

#[test]
fn a_server_that_is_honest_does_what_memory_does() {
    let server = BucketServer::start();
    server.rows(2);
    agrees(&s3(&options(server.port, "b"), limits()), 64);
}

#[test]
fn moto_does_what_memory_does() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket("bucket", true);
    agrees(&s3(&options(moto.port, "bucket"), limits()), 24);
}

#[test]
fn rclone_does_what_memory_does() {
    if crate::support::missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    agrees(&super::rclone::local(&dir.path().join("copy")), 2);
}
