//! Object storage that fails or lies: each has its class, and nothing is overwritten.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mailvault::base::error::{Error, ErrorKind, StoreFault};
use mailvault::offsite::place::{
    Confirmation, HttpsProxy, ObjectStore, PutConditions, PutOutcome, StoreAbilities, StoreLimits,
};

use super::{Spool, kind, limits, name, names, options, read, s3};
use crate::support::bucket::{BucketServer, Lie};

const KEY: &str = "mail/packs/a";

/// Both places that there are: one that has not been looked at, and one that has.
fn stores(server: &BucketServer, limits: &StoreLimits) -> [ObjectStore; 2] {
    let unknown = options(server.port, "b");
    let mut known = unknown.clone();
    known.abilities = Some(StoreAbilities {
        conditions: PutConditions::Work,
        vouches_md5: true,
        keeps_versions: false,
    });
    [unknown, known].map(|options| s3(&options, limits.clone()))
}

/// No new tries, for what is not to pass.
fn once() -> StoreLimits {
    let mut limits = limits();
    limits.retries = 0;
    limits
}

/// One request that succeeds, after which others are tried again.
fn warm(store: &ObjectStore) {
    assert_eq!(store.head(&name("warm")).unwrap(), None);
}

const STORED: PutOutcome = PutOutcome::Stored(Confirmation::Md5);

#[test]
fn refusals_have_their_class_for_every_operation() {
    for (status, code, headers, wanted) in [
        (404, "NoSuchBucket", "", ErrorKind::VaultMissing),
        (403, "AccessDenied", "", ErrorKind::Auth),
        (403, "SignatureDoesNotMatch", "", ErrorKind::Auth),
        (400, "AuthorizationHeaderMalformed", "", ErrorKind::Config),
        (
            301,
            "PermanentRedirect",
            "Location: http://127.0.0.1:1/\r\n",
            ErrorKind::Config,
        ),
        (507, "XMinioStorageFull", "", ErrorKind::NoSpace),
        (503, "SlowDown", "", ErrorKind::Unreachable),
        (500, "InternalError", "", ErrorKind::Unreachable),
        (400, "InvalidRequest", "", ErrorKind::Auth),
    ] {
        let server = BucketServer::start();
        let spool = Spool::new();
        server.lie(Lie::Answers(status, code, headers), usize::MAX);
        for store in stores(&server, &once()) {
            let head = store.head(&name("packs/a"));
            if status == 404 {
                // An answer to HEAD does not say what is missing.
                assert_eq!(head.unwrap(), None);
            } else if status == 400 {
                assert_eq!(kind(head), ErrorKind::Auth);
            } else {
                assert_eq!(kind(head), wanted, "{code}: head");
            }
            assert_eq!(kind(store.list("packs/", None)), wanted, "{code}: list");
            assert_eq!(
                kind(store.versions(&name("packs/a"), None)),
                wanted,
                "{code}"
            );
        }
        server.be_honest();
        server.lie(Lie::AnswersTo("PUT", status, code, headers), usize::MAX);
        for store in stores(&server, &once()) {
            assert_eq!(
                kind(spool.put(&store, "packs/a", b"x")),
                wanted,
                "{code}: put"
            );
        }
        assert!(server.versions(KEY).is_empty());
    }
}

#[test]
fn a_403_is_not_taken_for_a_missing_object() {
    let server = BucketServer::start();
    server.lie(Lie::Answers(403, "AccessDenied", ""), usize::MAX);
    for store in stores(&server, &once()) {
        let Err(Error::Store { fault, .. }) = store.head(&name("packs/a")) else {
            panic!("believed");
        };
        let name = "packs/a".to_owned();
        assert_eq!(fault, StoreFault::Hidden { name });
    }
}

#[test]
fn the_region_of_the_bucket_is_named() {
    let server = BucketServer::start();
    server.lie(
        Lie::Answers(400, "AuthorizationHeaderMalformed", ""),
        usize::MAX,
    );
    let [store, _] = stores(&server, &once());
    let error = store.list("", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "s3://b/mail: the bucket is in another region: eu-central-1"
    );
}

#[test]
fn conditions_that_are_refused_are_never_sent_again() {
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument"), (400, "")] {
        let server = BucketServer::start();
        server.lie(Lie::RefusesConditions(status, code), usize::MAX);
        let spool = Spool::new();
        let [store, _] = stores(&server, &limits());
        let abilities = spool.probe(&store, "test/words").unwrap();
        assert_eq!(abilities.conditions, PutConditions::Refused);
        let asked = server.requests().len();
        assert_eq!(spool.put(&store, "packs/a", b"ours").unwrap(), STORED);
        let PutOutcome::Exists(_) = spool.put(&store, "packs/a", b"other").unwrap() else {
            panic!("overwritten");
        };
        assert_eq!(server.versions(KEY), [b"ours"]);
        let later = server.requests().split_off(asked);
        assert!(
            !later
                .iter()
                .any(|request| request.contains("if-none-match")),
            "{later:?}"
        );
        // One that was not looked at learns it by the way.
        let [fresh, _] = stores(&server, &limits());
        assert_eq!(spool.put(&fresh, "packs/c", b"ours").unwrap(), STORED);
        let asked = server.requests().len();
        assert_eq!(spool.put(&fresh, "packs/d", b"ours").unwrap(), STORED);
        let later = server.requests().split_off(asked);
        assert!(
            !later
                .iter()
                .any(|request| request.contains("if-none-match")),
            "{later:?}"
        );
    }
}

#[test]
fn conditions_that_are_ignored_overwrite_nothing() {
    let server = BucketServer::start();
    server.lie(Lie::IgnoresConditions, usize::MAX);
    let spool = Spool::new();
    let [store, _] = stores(&server, &limits());
    let abilities = spool.probe(&store, "test/words").unwrap();
    assert_eq!(abilities.conditions, PutConditions::Ignored);
    assert!(abilities.keeps_versions);
    let [fresh, _] = stores(&server, &limits());
    for store in [store, fresh] {
        spool.put(&store, "packs/a", b"ours").unwrap();
        let PutOutcome::Exists(_) = spool.put(&store, "packs/a", b"theirs").unwrap() else {
            panic!("overwritten");
        };
    }
    assert_eq!(server.versions(KEY), [b"ours"]);
}

#[test]
fn checksums_are_neither_sent_nor_asked_for() {
    let server = BucketServer::start();
    let spool = Spool::new();
    for store in stores(&server, &limits()) {
        spool.put(&store, "packs/a", b"ours").unwrap();
        read(&store, "packs/a").unwrap();
        names(&store, "");
    }
    for request in server.requests() {
        assert!(
            !request.to_ascii_lowercase().contains("checksum"),
            "{request}"
        );
        assert!(!request.contains(super::SECRET), "{request}");
    }
}

#[test]
fn a_put_that_is_confirmed_and_lost_is_put_again_by_the_next() {
    let spool = Spool::new();
    for number in 0..2 {
        let server = BucketServer::start();
        let store = &stores(&server, &limits())[number];
        server.lie(Lie::LosesPuts, 1);
        assert_eq!(spool.put(store, "packs/a", b"ours").unwrap(), STORED);
        assert_eq!(store.head(&name("packs/a")).unwrap(), None);
        assert_eq!(spool.put(store, "packs/a", b"ours").unwrap(), STORED);
        assert_eq!(server.versions(KEY), [b"ours"]);
    }
}

#[test]
fn a_wrong_etag_is_no_confirmation() {
    let spool = Spool::new();
    for number in 0..2 {
        let server = BucketServer::start();
        let store = &stores(&server, &limits())[number];
        server.lie(Lie::WrongEtag, 1);
        assert_eq!(
            kind(spool.put(store, "packs/a", b"ours")),
            ErrorKind::Damaged
        );
        // What is there is ours, as the next one sees.
        assert_eq!(spool.put(store, "packs/a", b"ours").unwrap(), STORED);
        assert_eq!(server.versions(KEY).len(), 1);
    }
}

#[test]
fn where_the_etag_is_no_md5_the_size_has_to_do() {
    let spool = Spool::new();
    let by_size = PutOutcome::Stored(Confirmation::SizeOnly);
    for lie in [Lie::OpaqueEtag, Lie::KeyedEtag] {
        let server = BucketServer::start();
        server.lie(lie.clone(), usize::MAX);
        let [store, _] = stores(&server, &limits());
        assert!(!spool.probe(&store, "test/words").unwrap().vouches_md5);
        assert_eq!(spool.put(&store, "packs/a", b"ours").unwrap(), by_size);
        assert_eq!(store.head(&name("packs/a")).unwrap().unwrap().md5, None);
        // Of equal length, and another one.
        let PutOutcome::Exists(_) = spool.put(&store, "packs/a", b"ourz").unwrap() else {
            panic!("taken for equal");
        };
        assert_eq!(spool.put(&store, "packs/a", b"ours").unwrap(), STORED);
        // What is lost has no size.
        server.lie(Lie::LosesPuts, 1);
        assert_eq!(
            kind(spool.put(&store, "packs/c", b"ours")),
            ErrorKind::Damaged
        );
    }
}

#[test]
fn a_stale_list_leads_to_no_overwriting() {
    let server = BucketServer::start();
    let spool = Spool::new();
    let [store, known] = stores(&server, &limits());
    spool.put(&store, "packs/a", b"ours").unwrap();
    server.lie(Lie::StaleList, usize::MAX);
    assert!(names(&store, "").is_empty());
    for store in [store, known] {
        let PutOutcome::Exists(_) = spool.put(&store, "packs/a", b"other").unwrap() else {
            panic!("overwritten");
        };
    }
    assert_eq!(server.versions(KEY), [b"ours"]);
}

#[test]
fn a_lost_answer_is_made_up_for() {
    let spool = Spool::new();
    let large = vec![7; 1 << 20];
    for lie in [
        Lie::CutsAnswer,
        Lie::CutsPut(1_000),
        Lie::AnswersTo("PUT", 409, "ConditionalRequestConflict", ""),
        Lie::AnswersTo("PUT", 500, "InternalError", ""),
    ] {
        for number in 0..2 {
            let server = BucketServer::start();
            let store = &stores(&server, &limits())[number];
            warm(store);
            server.lie(lie.clone(), 1);
            assert_eq!(
                spool.put(store, "packs/a", &large).unwrap(),
                STORED,
                "{lie:?}"
            );
            assert_eq!(server.versions(KEY).len(), 1, "{lie:?}");
            // What is there already is not sent once more.
            let puts = server.requests().into_iter();
            let puts = puts.filter(|request| request.starts_with("PUT") && request.contains(KEY));
            let once = lie == Lie::CutsAnswer;
            assert_eq!(puts.count(), if once { 1 } else { 2 }, "{lie:?}");
        }
    }
}

#[test]
fn before_the_first_success_nothing_is_tried_again() {
    let server = BucketServer::start();
    server.lie(Lie::Answers(500, "InternalError", ""), usize::MAX);
    let [store, _] = stores(&server, &limits());
    assert_eq!(kind(store.head(&name("a"))), ErrorKind::Unreachable);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let server = BucketServer::start();
    let spool = Spool::new();
    server.lie(
        Lie::AnswersTo("PUT", 503, "SlowDown", "Retry-After: 2\r\n"),
        1,
    );
    let [_, store] = stores(&server, &limits());
    let began = Instant::now();
    assert_eq!(spool.put(&store, "packs/a", b"ours").unwrap(), STORED);
    assert!(began.elapsed() >= Duration::from_secs(2));
    server.lie(
        Lie::AnswersTo("PUT", 503, "SlowDown", "Retry-After: 0\r\n"),
        usize::MAX,
    );
    let mut few = limits();
    few.retries = 1;
    let [_, store] = stores(&server, &few);
    assert_eq!(
        kind(spool.put(&store, "packs/c", b"ours")),
        ErrorKind::Unreachable
    );
}

#[test]
fn what_is_answered_before_all_was_sent_is_read() {
    let large = vec![7; 32 << 20];
    for tls in [false, true] {
        let server = if tls {
            BucketServer::start_tls()
        } else {
            BucketServer::start()
        };
        server.lie(Lie::AnswersEarly(403, "AccessDenied"), usize::MAX);
        let dir = tempfile::tempdir().unwrap();
        let store = if tls {
            over_tls(&server, dir.path(), HttpsProxy::default())
        } else {
            let [_, store] = stores(&server, &once());
            store
        };
        let put = Spool::new().put(&store, "packs/a", &large);
        assert_eq!(kind(put), ErrorKind::Auth, "tls: {tls}");
    }
}

#[test]
fn a_get_that_breaks_off_goes_on_where_it_was() {
    let server = BucketServer::start();
    let bytes: Vec<u8> = (0..200_000u32)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect();
    server.overwrite(KEY, &bytes);
    let [store, _] = stores(&server, &limits());
    server.lie(Lie::Truncates(70_000), 2);
    assert!(read(&store, "packs/a").unwrap().unwrap() == bytes);
    let ranges: Vec<_> = (server.requests().into_iter())
        .filter_map(|request| request.split("range: bytes=").nth(1).map(str::to_owned))
        .map(|range| range.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(ranges, ["0-199999", "70000-199999", "140000-199999"]);
    // One that never gets on ends with an error, and with nothing that looks whole.
    server.lie(Lie::Truncates(0), usize::MAX);
    let mut few = limits();
    few.retries = 1;
    let [store, _] = stores(&server, &few);
    assert_eq!(kind(read(&store, "packs/a")), ErrorKind::Unreachable);
}

#[test]
fn a_drip_and_silence_end_in_time() {
    let server = BucketServer::start();
    server.overwrite(KEY, &[1; 4_000]);
    let mut short = once();
    short.wire.reply = Duration::from_secs(2);
    short.wire.window = Duration::from_secs(2);
    for (lie, of_put) in [
        (Lie::Drips, false),
        (Lie::Silent, false),
        (Lie::ReadsNothing, true),
    ] {
        server.be_honest();
        let [_, store] = stores(&server, &short);
        warm(&store);
        server.lie(lie.clone(), usize::MAX);
        let began = Instant::now();
        let found = if of_put {
            kind(Spool::new().put(&store, "packs/c", &vec![0; 64 << 20]))
        } else {
            kind(read(&store, "packs/a"))
        };
        assert_eq!(found, ErrorKind::Unreachable, "{lie:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{lie:?}");
    }
}

#[test]
fn the_user_can_stop_at_any_moment() {
    let server = BucketServer::start();
    server.overwrite(KEY, &[1; 4_000]);
    // More than a socket holds.
    let large = vec![0; 64 << 20];
    for (lie, rate) in [
        (Lie::Drips, None),
        (Lie::Silent, None),
        (Lie::ReadsNothing, None),
        (Lie::Answers(503, "SlowDown", "Retry-After: 100\r\n"), None),
        (Lie::StaleList, Some(1_000)),
    ] {
        server.be_honest();
        let stop = Arc::new(AtomicBool::new(false));
        let mut limits = limits();
        limits.wire.stop = Arc::clone(&stop);
        limits.rate = rate;
        let [_, store] = stores(&server, &limits);
        server.lie(lie.clone(), usize::MAX);
        let stopped = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            stop.store(true, Ordering::Relaxed);
            Instant::now()
        });
        let found = if matches!(lie, Lie::ReadsNothing | Lie::StaleList) {
            kind(Spool::new().put(&store, "packs/c", &large))
        } else {
            kind(read(&store, "packs/a"))
        };
        assert_eq!(found, ErrorKind::Interrupted, "{lie:?}");
        assert!(
            stopped.join().unwrap().elapsed() < Duration::from_secs(1),
            "{lie:?}"
        );
    }
}

#[test]
fn a_clock_that_is_wrong_is_made_up_for_once() {
    for ahead in [-40_000, 40_000] {
        let server = BucketServer::start();
        server.lie(Lie::ClockAhead(ahead), usize::MAX);
        let spool = Spool::new();
        for store in stores(&server, &limits()) {
            assert_eq!(spool.put(&store, "packs/a", b"ours").unwrap(), STORED);
            let asked = server.requests().len();
            assert_eq!(read(&store, "packs/a").unwrap().unwrap(), b"ours");
            // From then on the signatures are right at once.
            assert_eq!(server.requests().len(), asked + 2);
        }
    }
    let server = BucketServer::start();
    server.lie(
        Lie::Answers(
            403,
            "RequestTimeTooSkewed",
            "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n",
        ),
        usize::MAX,
    );
    let [_, store] = stores(&server, &once());
    assert_eq!(kind(store.list("", None)), ErrorKind::Auth);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn pages_are_followed_and_do_not_go_round_in_circles() {
    let server = BucketServer::start();
    server.rows(2);
    for n in 0..7 {
        server.overwrite(&format!("mail/packs/{n}"), b"x");
    }
    server.overwrite("mail/packs/not ours!", b"x");
    let [store, _] = stores(&server, &once());
    let wanted: Vec<_> = (0..7).map(|n| format!("packs/{n}")).collect();
    assert_eq!(names(&store, "packs/"), wanted);
    server.lie(Lie::ListsForEver, usize::MAX);
    let mut mark = None::<String>;
    let error = loop {
        match store.list("packs/", mark.as_deref()) {
            Ok(page) => mark = page.next,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Damaged);
    server.be_honest();
    server.lie(Lie::GarblesList, usize::MAX);
    assert_eq!(kind(store.list("", None)), ErrorKind::Damaged);
}

#[test]
fn versions_come_in_pages_too() {
    let server = BucketServer::start();
    server.rows(3);
    for n in 0..8u8 {
        server.overwrite(KEY, &vec![n; usize::from(n)]);
    }
    let [store, _] = stores(&server, &once());
    let (mut sizes, mut mark) = (Vec::new(), None::<String>);
    loop {
        let page = store.versions(&name("packs/a"), mark.as_deref()).unwrap();
        for version in &page.versions {
            sizes.push(version.stat.size);
            let mut bytes = Vec::new();
            let mut reader = store.get_version(&name("packs/a"), version).unwrap();
            reader.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, version.stat.size);
        }
        mark = page.next;
        if mark.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [7, 6, 5, 4, 3, 2, 1, 0]);
}

#[test]
fn a_place_is_sent_to_no_faster_than_is_allowed() {
    let server = BucketServer::start();
    let mut slow = limits();
    slow.rate = Some(200_000);
    let [_, store] = stores(&server, &slow);
    let began = Instant::now();
    assert_eq!(
        Spool::new()
            .put(&store, "packs/a", &vec![0; 300_000])
            .unwrap(),
        STORED
    );
    read(&store, "packs/a").unwrap();
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(2_900) && took < Duration::from_secs(6),
        "{took:?}"
    );
}

fn over_tls(server: &BucketServer, dir: &std::path::Path, proxy: HttpsProxy) -> ObjectStore {
    let ca = dir.join("ca.pem");
    std::fs::write(&ca, &crate::support::tls::authority().ca_pem).unwrap();
    let mut options = options(server.port, "b");
    options.endpoint = Some(format!("https://localhost:{}", server.port));
    options.ca_file = Some(ca);
    options.proxy = proxy;
    s3(&options, once())
}

#[test]
fn only_the_given_authority_is_trusted() {
    let server = BucketServer::start_tls();
    let dir = tempfile::tempdir().unwrap();
    let store = over_tls(&server, dir.path(), HttpsProxy::default());
    assert_eq!(
        Spool::new().put(&store, "packs/a", b"ours").unwrap(),
        STORED
    );
    assert_eq!(read(&store, "packs/a").unwrap().unwrap(), b"ours");
    let mut options = options(server.port, "b");
    options.endpoint = Some(format!("https://localhost:{}", server.port));
    let store = s3(&options, once());
    assert_eq!(kind(store.head(&name("a"))), ErrorKind::Untrusted);
}

#[test]
fn a_connection_is_used_again() {
    let server = BucketServer::start();
    let [store, _] = stores(&server, &limits());
    warm(&store);
    for _ in 0..5 {
        warm(&store);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_proxy_leads_to_the_place_unless_it_is_excepted() {
    use mailvault::base::secret::Secret;
    let server = BucketServer::start_tls();
    let dir = tempfile::tempdir().unwrap();
    let proxy = crate::support::bucket::Proxy::start();
    let address = format!("http://ann:hunter2@127.0.0.1:{}", proxy.port);
    let with = |except: Option<&str>| HttpsProxy {
        proxy: Some(Secret::new(address.clone())),
        except: except.map(str::to_owned),
    };
    let store = over_tls(&server, dir.path(), with(Some("example.org")));
    assert_eq!(
        Spool::new().put(&store, "packs/a", b"ours").unwrap(),
        STORED
    );
    let asked = proxy.requests();
    assert!(
        asked[0].starts_with(&format!("CONNECT localhost:{} ", server.port)),
        "{asked:?}"
    );
    assert!(
        asked[0].contains("Proxy-Authorization: Basic YW5uOmh1bnRlcjI="),
        "{asked:?}"
    );
    let store = over_tls(&server, dir.path(), with(Some("localhost")));
    let before = proxy.requests().len();
    warm(&store);
    assert_eq!(proxy.requests().len(), before);
    let nowhere = HttpsProxy {
        proxy: Some(Secret::new("http://127.0.0.1:1".into())),
        except: None,
    };
    let store = over_tls(&server, dir.path(), nowhere);
    assert_eq!(kind(store.head(&name("a"))), ErrorKind::Unreachable);
}

#[test]
fn an_endpoint_in_clear_is_for_this_machine() {
    let mut options = options(80, "b");
    options.endpoint = Some("http://s3.example.org".into());
    let refused = mailvault::offsite::place::S3Store::new(&options, super::keys(), limits());
    assert_eq!(kind(refused), ErrorKind::Config);
}
