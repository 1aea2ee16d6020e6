//! What every place does.

use std::io::Read as _;

use mailvault::offsite::place::{
    Confirmation, MemoryStore, ObjectStore, PutConditions, PutOutcome, README, SentBytes,
    SpoolFile, StoreAbilities,
};

use mailvault::base::error::ErrorKind;

use super::{Spool, folder, kind, limits, name, names, options, read, s3};
use crate::support::bucket::BucketServer;
use crate::support::moto::Moto;

/// What a place can do, and by what it confirms.
pub(super) struct Expected {
    pub(super) abilities: StoreAbilities,
    pub(super) confirmation: Confirmation,
}

const STRONG: Expected = Expected {
    abilities: StoreAbilities {
        conditions: PutConditions::Work,
        vouches_md5: true,
        keeps_versions: false,
    },
    confirmation: Confirmation::Md5,
};

/// Bytes without a pattern that any place could cheat with.
fn bytes(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// The suite.
pub(super) fn conforms(store: &ObjectStore, expected: &Expected) {
    let spool = Spool::new();
    let stored = PutOutcome::Stored(expected.confirmation);
    let put = |to: &str, bytes: &[u8]| spool.put(store, to, bytes).unwrap();
    assert_eq!(put(README, b"read me"), stored);
    assert_eq!(
        spool.probe(store, "test/words").unwrap(),
        expected.abilities
    );
    assert_eq!(
        spool.probe(store, "test/words").unwrap(),
        expected.abilities
    );

    // Once, the same again, and never another.
    assert_eq!(put("heads/0000000001", b"first"), stored);
    let again = PutOutcome::Stored(Confirmation::Md5);
    assert_eq!(put("heads/0000000001", b"first"), again);
    for other in [&b"other"[..], b"a longer one", b""] {
        let PutOutcome::Exists(there) = put("heads/0000000001", other) else {
            panic!("{other:?} was taken");
        };
        assert_eq!(there.size, 5);
    }
    assert_eq!(read(store, "heads/0000000001").unwrap().unwrap(), b"first");

    let large = bytes(3 << 20);
    assert_eq!(put("packs/large", &large), stored);
    assert!(read(store, "packs/large").unwrap().unwrap() == large);
    let len = large.len() as u64;
    for range in [
        0..1,
        1..5,
        65_535..200_000,
        len - 3..len,
        len - 3..len + 9,
        len..len + 1,
        len + 5..len + 9,
    ] {
        let mut part = Vec::new();
        let reader = store
            .get_range(&name("packs/large"), range.clone())
            .unwrap();
        reader.unwrap().read_to_end(&mut part).unwrap();
        let cut = |at: u64| usize::try_from(at.min(len)).unwrap();
        assert!(part == large[cut(range.start)..cut(range.end)], "{range:?}");
    }
    let stat = store.head(&name("packs/large")).unwrap().unwrap();
    assert_eq!(stat.size, len);

    assert_eq!(put("push/empty", b""), stored);
    assert_eq!(read(store, "push/empty").unwrap().unwrap(), b"");

    for missing in ["packs/none", "nowhere/none", "packs/large/in"] {
        assert_eq!(store.head(&name(missing)).unwrap(), None, "{missing}");
        assert_eq!(read(store, missing).unwrap(), None);
        assert!(store.get_range(&name(missing), 0..1).unwrap().is_none());
    }

    for n in [3, 1, 2] {
        put(&format!("packs/{n}"), &[n; 9]);
    }
    assert_eq!(
        names(store, "packs/"),
        ["packs/1", "packs/2", "packs/3", "packs/large"]
    );
    assert_eq!(names(store, "packs/l"), ["packs/large"]);
    assert_eq!(names(store, "heads/0"), ["heads/0000000001"]);
    assert_eq!(names(store, "none/"), [""; 0]);
    assert_eq!(names(store, "").len(), 8);
    let page = store.list("packs/large", None).unwrap();
    assert_eq!(page.objects[0].stat.size, len);
    assert_eq!(page.foreign, 0);

    let versions = store.versions(&name("packs/large"), None).unwrap();
    assert!(versions.versions.len() <= 1, "something was overwritten");
}

#[test]
fn memory_conforms() {
    conforms(&ObjectStore::Memory(MemoryStore::default()), &STRONG);
}

#[test]
fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let expected = Expected {
        abilities: StoreAbilities {
            vouches_md5: false,
            ..STRONG.abilities
        },
        ..STRONG
    };
    conforms(&folder(&dir.path().join("copy")), &expected);
}

#[test]
fn a_folder_whose_disk_is_not_mounted_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("copy");
    let store = folder(&root);
    let spool = Spool::new();
    let unmounted = |store: &ObjectStore| {
        assert_eq!(
            kind(spool.put(store, "packs/a", b"x")),
            ErrorKind::VaultMissing
        );
        assert_eq!(kind(store.head(&name("packs/a"))), ErrorKind::VaultMissing);
        assert_eq!(kind(store.list("", None)), ErrorKind::VaultMissing);
    };
    unmounted(&store);
    assert!(!root.exists());
    spool.put(&store, README, b"read me").unwrap();
    spool.put(&store, "packs/a", b"x").unwrap();
    assert_eq!(names(&store, ""), [README, "packs/a"]);
    std::fs::remove_file(root.join(README)).unwrap();
    unmounted(&store);
    // Where even the folder that it should be in is missing, nothing is made.
    let store = folder(&dir.path().join("mnt/disk"));
    assert_eq!(
        kind(spool.put(&store, README, b"x")),
        ErrorKind::VaultMissing
    );
    assert!(!dir.path().join("mnt").exists());
}

#[test]
fn what_a_killed_push_left_in_a_folder_goes_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let spool = Spool::new();
    spool.put(&folder(&root), README, b"read me").unwrap();
    std::fs::create_dir(root.join("packs")).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(90_000);
    for (file, time) in [(".partial-old", Some(old)), (".partial-new", None)] {
        let file = std::fs::File::create(root.join("packs").join(file)).unwrap();
        if let Some(time) = time {
            file.set_modified(time).unwrap();
        }
    }
    let store = folder(&root);
    spool.put(&store, "packs/a", b"x").unwrap();
    let mut left: Vec<_> = std::fs::read_dir(root.join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".partial-new", "a"]);
    let page = store.list("packs/", None).unwrap();
    assert_eq!((page.objects.len(), page.foreign), (1, 0));
}

#[test]
fn moto_conforms_with_and_without_versions() {
    let Some(moto) = Moto::start() else { return };
    for versions in [false, true] {
        let bucket = format!("bucket-{versions}");
        moto.make_bucket(&bucket, versions);
        let expected = Expected {
            abilities: StoreAbilities {
                keeps_versions: versions,
                ..STRONG.abilities
            },
            ..STRONG
        };
        conforms(&s3(&options(moto.port, &bucket), limits()), &expected);
    }
}

#[test]
fn what_was_overwritten_at_moto_is_found_in_its_versions() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket("bucket", true);
    let store = s3(&options(moto.port, "bucket"), limits());
    let spool = Spool::new();
    spool.put(&store, "packs/a", b"the true bytes").unwrap();
    spool.put(&store, "packs/a-longer-name", b"other").unwrap();
    moto.overwrite("bucket", "mail/packs/a", "junk");
    assert_eq!(read(&store, "packs/a").unwrap().unwrap(), b"junk");
    let page = store.versions(&name("packs/a"), None).unwrap();
    assert_eq!(page.next, None);
    let sizes: Vec<_> = page
        .versions
        .iter()
        .map(|v| (v.stat.size, v.latest))
        .collect();
    assert_eq!(sizes, [(4, true), (14, false)]);
    let oldest = store
        .get_version(&name("packs/a"), &page.versions[1])
        .unwrap();
    assert_eq!(oldest.read_all(100).unwrap(), b"the true bytes");
}

/// What is heard while 3 MiB are put.
fn heard_of(store: &ObjectStore) -> Vec<u64> {
    let spool = Spool::new();
    spool.put(store, README, b"read me").unwrap();
    let path = spool.path().join("large");
    std::fs::write(&path, bytes(3 << 20)).unwrap();
    let heard = std::cell::RefCell::new(Vec::new());
    let hear = |sent| heard.borrow_mut().push(sent);
    let file = SpoolFile {
        sent: Some(SentBytes(&hear)),
        ..SpoolFile::measure(&path).unwrap()
    };
    let PutOutcome::Stored(_) = store.put(&name("packs/large"), &file).unwrap() else {
        panic!("it was not stored");
    };
    heard.into_inner()
}

#[test]
fn it_is_heard_how_much_of_an_object_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = BucketServer::start();
    for store in [
        folder(&dir.path().join("copy")),
        s3(&options(server.port, "b"), limits()),
    ] {
        let heard = heard_of(&store);
        assert_eq!(heard.last(), Some(&(3 << 20)));
        let mut before = 0;
        for sent in heard {
            assert!(
                (before..before + (1 << 20)).contains(&sent),
                "{before} {sent}"
            );
            before = sent;
        }
    }
}

/// Many put other bytes under one name at once, again and again: one of them is stored.
fn one_wins(store: &ObjectStore) {
    Spool::new().put(store, README, b"read me").unwrap();
    for round in 0..20 {
        let to = format!("heads/{round}");
        let stored: Vec<String> = std::thread::scope(|scope| {
            let puts: Vec<_> = (0..4)
                .map(|n| {
                    let (to, bytes) = (&to, format!("pushed by {n}"));
                    scope.spawn(move || {
                        let outcome = Spool::new().put(store, to, bytes.as_bytes()).unwrap();
                        matches!(outcome, PutOutcome::Stored(_)).then_some(bytes)
                    })
                })
                .collect();
            puts.into_iter()
                .filter_map(|put| put.join().unwrap())
                .collect()
        });
        let there = String::from_utf8(read(store, &to).unwrap().unwrap()).unwrap();
        assert_eq!(stored, [there], "round {round}");
    }
}

#[test]
fn of_many_heads_at_once_one_wins() {
    one_wins(&ObjectStore::Memory(MemoryStore::default()));
    let dir = tempfile::tempdir().unwrap();
    one_wins(&folder(&dir.path().join("copy")));
    let server = BucketServer::start();
    let mut known = options(server.port, "b");
    known.abilities = Some(STRONG.abilities);
    one_wins(&s3(&known, limits()));
}
