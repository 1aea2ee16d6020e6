//! The places of a second copy: what all of them do alike, and what each does when it fails.

mod attack;
mod conformance;
mod lies;
mod model;
pub(crate) mod rclone;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mailvault::base::error::{Error, ErrorKind};
use mailvault::base::secret::{AccessKeys, Secret};
use mailvault::offsite::place::{
    ObjectName, ObjectStore, PutOutcome, S3Options, S3Store, SpoolFile, StoreLimits,
};

/// The secret of the tests, which nothing may show.
const SECRET: &str = "hunter2hunter2";
/// The key id, which errors do not show either.
const KEY_ID: &str = "KEYIDKEYID";

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).unwrap()
}

fn keys() -> AccessKeys {
    AccessKeys {
        id: Secret::new(KEY_ID.into()),
        secret: Secret::new(SECRET.into()),
        token: None,
    }
}

/// Short limits: a test does not wait a minute.
fn limits() -> StoreLimits {
    let mut limits = StoreLimits::new(Arc::new(AtomicBool::new(false)));
    limits.wire.connect = Duration::from_secs(10);
    limits.wire.reply = Duration::from_secs(10);
    limits
}

fn options(port: u16, bucket: &str) -> S3Options {
    S3Options {
        bucket: bucket.into(),
        prefix: "mail".into(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: "us-east-1".into(),
        path_style: true,
        ..S3Options::default()
    }
}

fn s3(options: &S3Options, limits: StoreLimits) -> ObjectStore {
    ObjectStore::S3(Box::new(S3Store::new(options, keys(), limits).unwrap()))
}

/// Files to be put.
struct Spool(tempfile::TempDir);

impl Spool {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn put(&self, store: &ObjectStore, to: &str, bytes: &[u8]) -> Result<PutOutcome, Error> {
        let path = self.path().join("spooled");
        fs::write(&path, bytes).unwrap();
        store.put(&name(to), &SpoolFile::measure(&path).unwrap())
    }

    fn probe(
        &self,
        store: &ObjectStore,
        to: &str,
    ) -> Result<mailvault::offsite::place::StoreAbilities, Error> {
        let path = self.path().join("probe");
        fs::write(&path, b"six words").unwrap();
        store.probe(&name(to), &SpoolFile::measure(&path).unwrap())
    }
}

/// All bytes of an object; none if it is not there.
fn read(store: &ObjectStore, from: &str) -> Result<Option<Vec<u8>>, Error> {
    match store.get(&name(from))? {
        Some(reader) => reader.read_all(1 << 30).map(Some),
        None => Ok(None),
    }
}

/// All names in a place, page by page.
fn names(store: &ObjectStore, prefix: &str) -> Vec<String> {
    let (mut names, mut mark) = (Vec::new(), None::<String>);
    loop {
        let page = store.list(prefix, mark.as_deref()).unwrap();
        names.extend(page.objects.iter().map(|object| object.name.to_string()));
        mark = page.next;
        if mark.is_none() {
            return names;
        }
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    let error = result.unwrap_err();
    for text in [format!("{error:?}"), error.to_string()] {
        assert!(!text.contains(SECRET) && !text.contains(KEY_ID), "{text}");
    }
    error.kind()
}

/// A folder as a place.
fn folder(root: &Path) -> ObjectStore {
    ObjectStore::Folder(mailvault::offsite::place::FolderStore::new(root))
}
