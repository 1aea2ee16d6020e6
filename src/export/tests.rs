//! What every [`Target`] has to do, tried with each of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::place::ExportPlace;
use super::*;
use crate::base::account_name::AccountNames;
use crate::mail::message::Scanner;
use crate::vault::Part;
use crate::vault::frame::Checker;
use crate::vault::layout::FileName;

/// An entry of the inbox for a message.
pub(super) fn entry(message: &[u8]) -> Entry {
    let mut scanner = Scanner::new();
    scanner.update(message);
    let digest = scanner.finish();
    Entry {
        name: FileName {
            received: digest.received,
            hash: digest.hash,
            size: digest.size,
            wire: digest.wire,
        },
        account: "work".into(),
        dir: String::new(),
        flags: "S".into(),
        date: 1_754_128_805,
        shown_date: 1_754_128_805,
        archived: 1_754_128_805,
        from: "ann@example.org".into(),
        subject: "hello".into(),
        path: None,
    }
}

const MAIL: [&[u8]; 3] = [
    b"Subject: one\r\n\r\nFrom here on\r\n",
    b"Subject: two\r\n\r\nsecond body",
    b"Subject: three\n\nbare \r and\n",
];

/// A scene: files with the messages, and the place that is exported to.
struct Scene {
    dir: tempfile::TempDir,
    out: Vec<u8>,
}

const KINDS: [&str; 8] = [
    "maildir",
    "mbox",
    "eml",
    "html",
    "mbox file",
    "eml file",
    "mbox stream",
    "eml stream",
];

impl Scene {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            out: Vec::new(),
        }
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("to")
    }

    fn target(&mut self, kind: &str) -> Box<dyn Target + '_> {
        let to = self.to();
        let parts = [Part {
            first: 0,
            key: 1,
            account: "work".into(),
            dir: String::new(),
            messages: 3,
            octets: 0,
            list: Hash128([7; 16]),
        }];
        let place = |format| {
            ExportPlace::open(
                &to,
                format,
                false,
                &["work".into()],
                &AccountNames::default(),
            )
            .unwrap()
        };
        match kind {
            "maildir" => Box::new(maildir::MaildirTree::new(place(Format::Maildir), false)),
            "mbox" => Box::new(mbox::MboxTree::new(place(Format::Mbox), false, &parts)),
            "eml" => Box::new(eml::EmlTree::new(place(Format::Eml))),
            "html" => {
                let facts = html::SiteFacts::now();
                Box::new(html::Site::new(place(Format::Html), facts).unwrap())
            }
            "mbox file" => Box::new(mbox::MboxFile::create(&to, false).unwrap()),
            "eml file" => Box::new(eml::EmlFile::new(&to)),
            "mbox stream" => Box::new(mbox::MboxStream::new(&mut self.out, false)),
            _ => Box::new(eml::EmlStream::new(&mut self.out)),
        }
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.to()];
        while let Some(path) = folders.pop() {
            if path.is_dir() {
                folders.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            } else if path.is_file() {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
        files
    }
}

fn put(target: &mut dyn Target, dir: &Path, message: &[u8], file: &[u8]) -> Result<Put> {
    let entry = entry(message);
    let path = dir.join(entry.name.hash.to_string());
    fs::write(&path, file).unwrap();
    target.put(
        &entry,
        &mut Body::new(&path, &entry.name, &mut Checker::default()),
    )
}

/// What is said of a message that is not there yet.
fn written(kind: &str) -> Put {
    match kind {
        "html" => Put::Noted,
        _ => Put::Written,
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[test]
fn a_damaged_message_is_refused_leaves_no_trace_and_the_rest_goes_on() {
    for kind in KINDS {
        let mut scene = Scene::new();
        let dir = scene.dir.path().to_path_buf();
        let mut target = scene.target(kind);
        let bad = put(
            &mut *target,
            &dir,
            MAIL[1],
            b"Subject: two\r\n\r\nsecond bodY",
        );
        assert!(matches!(bad, Err(Error::Damaged { .. })), "{kind}: {bad:?}");
        let put = put(&mut *target, &dir, MAIL[0], MAIL[0]).unwrap();
        assert_eq!(put, written(kind));
        target.finish(&AtomicBool::new(false)).unwrap();
        let mut all: Vec<u8> = scene.files().into_values().flatten().collect();
        all.extend(&scene.out);
        assert!(holds(&all, b"From here on"), "{kind}");
        assert!(!holds(&all, b"second body"), "{kind}");
        assert!(!holds(&all, b"second bodY"), "{kind}");
    }
}

#[test]
fn what_was_not_finished_has_no_name_and_the_next_run_makes_it_whole() {
    for kind in &KINDS[..6] {
        let mut scene = Scene::new();
        let dir = scene.dir.path().to_path_buf();
        let mail = if *kind == "eml file" {
            &MAIL[..1]
        } else {
            &MAIL[..]
        };
        if *kind != "eml file" {
            let mut target = scene.target(kind);
            let put = put(&mut *target, &dir, MAIL[0], MAIL[0]).unwrap();
            assert_eq!(put, written(kind));
            drop(target);
            for (path, bytes) in scene.files() {
                let note = path.to_string_lossy().ends_with("mailvault-export.json")
                    || path.ends_with("maildirfolder");
                let staged = path.parent().unwrap().ends_with("mailvault-export.tmp");
                assert!(
                    note || staged || bytes.is_empty(),
                    "{kind}: {}",
                    path.display()
                );
            }
        }
        let mut target = scene.target(kind);
        for message in mail {
            let put = put(&mut *target, &dir, message, message).unwrap();
            assert_eq!(put, written(kind));
        }
        target.finish(&AtomicBool::new(false)).unwrap();
        assert!(!scene.to().join("mailvault-export.tmp").exists(), "{kind}");
        let all: Vec<u8> = scene.files().into_values().flatten().collect();
        assert!(holds(&all, b"From here on"), "{kind}");
    }
}

#[test]
fn what_is_there_is_not_written_again() {
    for kind in &KINDS[..4] {
        let mut scene = Scene::new();
        let dir = scene.dir.path().to_path_buf();
        let mut before = BTreeMap::new();
        for wanted in [Put::Written, Put::There] {
            let mut target = scene.target(kind);
            let mut count = 0;
            for message in MAIL {
                let put = put(&mut *target, &dir, message, message).unwrap();
                assert!(put == wanted || put == Put::Noted, "{kind}: {put:?}");
                count += u64::from(put == Put::Noted);
            }
            let end = target.finish(&AtomicBool::new(false)).unwrap();
            let counts = match wanted {
                Put::Written => (end.written, end.there),
                _ => (end.there, end.written),
            };
            assert_eq!(counts, (count, 0), "{kind}");
            if wanted == Put::Written {
                before = scene.files();
            }
        }
        assert_eq!(scene.files(), before, "{kind}");
    }
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    for format in [Format::Maildir, Format::Mbox, Format::Eml, Format::Html] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
        let opened = ExportPlace::open(
            dir.path(),
            format,
            false,
            &["work".into()],
            &AccountNames::default(),
        );
        assert!(matches!(opened, Err(Error::Unfit { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_tree_that_an_older_version_began_keeps_its_names() {
    for (older, inbox, note) in [
        (false, "Inbox", ".mailvault-export.json"),
        (true, "INBOX", "mailvault-export.json"),
    ] {
        let scene = Scene::new();
        let dir = scene.dir.path().to_path_buf();
        if older {
            let state = r#"{"v":1,"format":"mbox","crlf":false,"account":"work",
                            "folders":{"work/":"INBOX"},"files":{}}"#;
            fs::create_dir_all(scene.to()).unwrap();
            fs::write(scene.to().join(note), state).unwrap();
        }
        let mut scene = scene;
        let mut target = scene.target("mbox");
        for message in MAIL {
            put(&mut *target, &dir, message, message).unwrap();
        }
        target.finish(&AtomicBool::new(false)).unwrap();
        let names: Vec<String> = fs::read_dir(scene.to())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(names.iter().any(|name| name == inbox), "{names:?}");
        let notes: Vec<&String> = names.iter().filter(|n| n.contains("mailvault")).collect();
        assert_eq!(notes, [note], "{names:?}");
    }
}

#[test]
fn an_earlier_export_is_gone_on_with_only_in_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let open = |format, crlf, accounts: &[&str]| {
        let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        ExportPlace::open(
            dir.path(),
            format,
            crlf,
            &accounts,
            &AccountNames::default(),
        )
        .map(drop)
    };
    open(Format::Eml, false, &["work"]).unwrap();
    open(Format::Eml, false, &["work"]).unwrap();
    open(Format::Mbox, false, &["work"]).unwrap_err();
    open(Format::Eml, true, &["work"]).unwrap_err();
    open(Format::Eml, false, &["home", "work"]).unwrap_err();
}
