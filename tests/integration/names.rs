//! Promise 24 of docs/SAFETY.md: whatever lies at a name below a vault or in the target of an
//! export, nothing outside is read, made, changed or removed, and every command ends.
//!
//! Each kind of file is planted at each name that the program ever opens, and the commands
//! run over it. A tree outside, to which the links lead, must stay as it is.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailvault::vault::ledger::Checksum;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::output::{Ended, Output};
use crate::support::sandbox::{Sandbox, stored};
use crate::support::scene::copy;

/// What can lie at a name.
const KINDS: [&str; 7] = [
    "link to a file",
    "link to a directory",
    "dangling link",
    "directory",
    "pipe",
    "empty file",
    "garbage",
];

/// What `timeout` says of a run that did not end, and Rust of one that panicked.
const HANGS: i32 = 124;
const PANICS: i32 = 101;

const MAIL: [(&str, &str); 2] = [
    (
        "one.eml",
        "From: ada@example.org\r\nSubject: keys\r\nMessage-ID: <1@example.org>\r\n\r\nOne.\r\n",
    ),
    (
        "two.eml",
        "From: bob@example.org\r\nSubject: doors\r\nMessage-ID: <2@example.org>\r\n\r\nTwo.\r\n",
    ),
];

/// A vault with mail in two folders, and a tree outside of it.
struct Scene {
    sandbox: Sandbox,
    /// A message's file, relative to the vault, its id, and its bytes.
    file: String,
    id: String,
    list: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for (name, text) in MAIL {
            sandbox.write(&format!("source/{name}"), text, 0o600);
        }
        sandbox.write("more/three.eml", "Subject: new\r\n\r\nThree.\r\n", 0o600);
        sandbox.write("outside/file", "of the user\n", 0o600);
        sandbox.write("outside/dir/inner", "of the user, too\n", 0o600);
        for name in ["0", "1", "7.0", "lock"] {
            sandbox.write(&format!("outside/dir/{name}"), "a number\n", 0o600);
        }
        let vault = sandbox.vault();
        let vault = vault.to_str().unwrap();
        for into in [&["--into", "Sub"][..], &[]] {
            let args = ["import", "--vault", vault, "source", "--account", "work"];
            let args = [&args[..], &["--create"], into].concat();
            let _ = sandbox.run(&args).expect_code(0);
        }
        let mail = stored(&sandbox.vault().join("mail/work"));
        assert_eq!(mail.len(), 4);
        let found = mail.iter().find(|m| m.folder.is_empty()).unwrap();
        let file = format!("mail/work/cur/{}", found.name);
        let id = found.name.split('.').nth(1).unwrap().to_owned();
        let list = sandbox.run(&["list", "--vault", vault]).expect_code(0);
        Self {
            file,
            id,
            list: list.stdout,
            sandbox,
        }
    }

    /// Runs a command, which must end.
    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.sandbox.tool("timeout");
        command
            .args(["-k", "1", "60", env!("CARGO_BIN_EXE_mailvault")])
            .args(args);
        let output = self.sandbox.spawn(command).wait();
        match output.ended {
            Ended::Exit(code) if code != HANGS && code != PANICS => output,
            _ => panic!("{args:?}\n{output}"),
        }
    }

    /// Puts a kind of file at a place, where that is not there yet or is removed first.
    fn plant(&self, kind: &str, place: &Path) {
        match fs::symlink_metadata(place) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(place).unwrap(),
            Ok(_) => fs::remove_file(place).unwrap(),
            Err(_) => {}
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let outside = |name: &str| self.sandbox.path("outside").join(name);
        match kind {
            "link to a file" => symlink(outside("file"), place).unwrap(),
            "link to a directory" => symlink(outside("dir"), place).unwrap(),
            "dangling link" => symlink(outside("made"), place).unwrap(),
            "directory" => fs::create_dir(place).unwrap(),
            "pipe" => mknodat(CWD, place, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
            "empty file" => fs::write(place, "").unwrap(),
            _ => fs::write(place, [0xd9, 0xd5, 0, 0xff, b'\n'].repeat(999)).unwrap(),
        }
    }

    fn outside(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut left = vec![self.sandbox.path("outside")];
        while let Some(path) = left.pop() {
            let meta = fs::symlink_metadata(&path).unwrap();
            let mut text = format!(
                "{:o} {} {} {}.{} {}.{}",
                meta.mode(),
                meta.ino(),
                meta.nlink(),
                meta.mtime(),
                meta.mtime_nsec(),
                meta.ctime(),
                meta.ctime_nsec(),
            );
            if meta.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            } else {
                write!(text, " {:?}", fs::read(&path).unwrap()).unwrap();
            }
            found.insert(path, text);
        }
        found
    }

    /// Runs `each` with every number below `count`, two at a time, in a vault of its own each.
    fn all(&self, count: usize, each: &(dyn Fn(&Self, usize) + Sync)) {
        let before = self.outside();
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= count {
                            break;
                        }
                        let run = std::panic::AssertUnwindSafe(|| each(self, n));
                        if let Err(panic) = std::panic::catch_unwind(run) {
                            let text = panic.downcast_ref::<String>().cloned();
                            failed.lock().unwrap().push(text.unwrap_or_default());
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().unwrap();
        assert!(failed.is_empty(), "{}\n{}", failed.len(), failed.join("\n"));
        assert_eq!(before, self.outside());
    }
}

/// The names that are opened below a vault.
fn names(scene: &Scene) -> Vec<String> {
    let month = fs::read_dir(scene.sandbox.vault().join("ledger")).unwrap();
    let month = month.last().unwrap().unwrap().file_name();
    let mut names = vec![scene.file.clone(), format!("ledger/{}", month.display())];
    for database in ["catalog.sqlite", "catalog-text.sqlite"] {
        for end in ["", "-wal", "-shm", "-journal"] {
            names.push(format!("{database}{end}"));
        }
    }
    let plain = [
        "vault.toml",
        "README.txt",
        "lock",
        "ledger",
        "ledger/2020-01.jsonl.zst",
        "mail",
        "quarantine",
        "mail/work",
        "mail/work/cur",
        "mail/work/new",
        "mail/work/tmp",
        "mail/work/tmp/7.0",
        "mail/work/.Sub",
        "mail/work/.Sub/cur",
        "mail/work/.Sub/maildirfolder",
        "mail/other",
    ];
    names.extend(plain.map(str::to_owned));
    names
}

/// The commands over a vault; what succeeds must be right.
fn try_vault(scene: &Scene, kind: &str, name: &str, vault: &Path) {
    let at = vault.to_str().unwrap();
    let beside = |end: &str| format!("{at}-{end}");
    let told = |output: &Output| format!("{kind} at {name}\n{output}");
    let good = |output: &Output| output.ended == Ended::Exit(0);
    // Another vault takes its mail, and leaves it alone.
    let before = outline(vault);
    let other = beside("other");
    let run = scene.run(&["import", "--create", "--vault", &other, at]);
    assert_eq!(before, outline(vault), "{}", told(&run));
    if good(&run) && name != "ledger" {
        let count = stored(&Path::new(&other).join("mail/work")).len();
        assert_eq!(count, 4, "{}", told(&run));
    }
    let run = scene.run(&["status", "--vault", at]);
    assert!(run.ended != Ended::Exit(0) || !run.stdout.is_empty());
    let run = scene.run(&["list", "--vault", at]);
    if good(&run) && !is_new(kind, name) {
        // Messages without a date that are found again stand in any order.
        let lines = |text: &[u8]| {
            let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&run.stdout), lines(&scene.list), "{}", told(&run));
    }
    let _ = scene.run(&["search", "--vault", at, "doors", "has:attachment"]);
    let run = scene.run(&["show", "--raw", "--vault", at, &scene.id]);
    // Which bytes a file holds that is one is for verify to say.
    if good(&run) && !["empty file", "garbage"].contains(&kind) {
        let wanted = |text: &str| text.as_bytes() == run.stdout;
        assert!(MAIL.iter().any(|(_, text)| wanted(text)), "{}", told(&run));
    }
    let to = beside("eml");
    let run = scene.run(&["export", "--vault", at, "--format", "eml", &to]);
    if good(&run) && !is_new(kind, name) {
        let files = outline(Path::new(&to));
        let count = files
            .keys()
            .filter(|name| name.rsplit('.').next() == Some("eml"))
            .count();
        assert_eq!(count, 4, "{}", told(&run));
    }
    let _ = scene.run(&["verify", "--vault", at, "--read-data"]);
    let _ = scene.run(&["import", "--vault", at, "more", "--account", "work"]);
    let _ = scene.run(&["verify", "--repair", "--vault", at]);
    let _ = scene.run(&["import", "--vault", at, "more", "--account", "work"]);
    let _ = scene.run(&["list", "--vault", at]);
}

/// True where a vault without its record is one that begins anew.
fn is_new(kind: &str, name: &str) -> bool {
    name.starts_with("ledger") && ["directory", "empty file"].contains(&kind)
}

/// What lies below a folder: kinds, times and lengths, and where links lead.
fn outline(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(path) = left.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else {
            continue;
        };
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
        let link = fs::read_link(&path).unwrap_or_default();
        let text = format!(
            "{:o} {} {}.{} {}",
            meta.mode(),
            meta.len(),
            meta.mtime(),
            meta.mtime_nsec(),
            link.display()
        );
        found.insert(path.to_str().unwrap().to_owned(), text);
    }
    found
}

#[test]
fn nothing_at_a_name_of_a_vault_leads_out_of_it() {
    let scene = Scene::new();
    let names = names(&scene);
    scene.all(names.len() * KINDS.len(), &|scene, n| {
        let (name, kind) = (&names[n / KINDS.len()], KINDS[n % KINDS.len()]);
        let vault = scene.sandbox.path(format!("v{n}"));
        copy(&scene.sandbox.vault(), &vault);
        for dir in ["mail/work/new", "mail/work/tmp", "mail/work/.Sub/tmp"] {
            fs::create_dir_all(vault.join(dir)).unwrap();
        }
        scene.plant(kind, &vault.join(name));
        let before = scene.outside();
        try_vault(scene, kind, name, &vault);
        assert_eq!(before, scene.outside(), "{kind} at {name}");
    });
}

/// The options by which an export of a format makes all the files that it ever makes.
fn option(format: &str) -> &[&str] {
    match format {
        "maildir" => &["--keep-uids"],
        "mbox" => &["--format", "mbox"],
        "eml" => &["--format", "eml"],
        _ => &["--format", "html"],
    }
}

#[test]
fn nothing_at_a_name_of_an_export_leads_out_of_it() {
    let scene = Scene::new();
    let vault = scene.sandbox.vault();
    let vault = vault.to_str().unwrap();
    let mut places: Vec<(&str, String)> = Vec::new();
    for format in ["maildir", "mbox", "eml", "html"] {
        let whole = scene.sandbox.path(format!("whole-{format}"));
        let whole = whole.to_str().unwrap();
        let args = [&["export", "--vault", vault, whole], option(format)].concat();
        let _ = scene.sandbox.run(&args).expect_code(0);
        let made = outline(Path::new(whole));
        let made = made.keys().filter_map(|path| path.strip_prefix(whole));
        places.extend(made.map(|path| (format, path.trim_start_matches('/').to_owned())));
        let note = match format {
            "mbox" => ".mailvault-export.json.tmp",
            _ => "mailvault-export.json.tmp",
        };
        for name in [
            "mailvault-export.tmp",
            "mailvault-export.tmp/lock",
            "mailvault-export.tmp/0",
            note,
        ] {
            places.push((format, name.to_owned()));
        }
    }
    places.retain(|(_, name)| !name.is_empty());
    scene.all(places.len() * KINDS.len(), &|scene, n| {
        let ((format, name), kind) = (&places[n / KINDS.len()], KINDS[n % KINDS.len()]);
        let to = scene.sandbox.path(format!("e{n}"));
        copy(&scene.sandbox.path(format!("whole-{format}")), &to);
        scene.plant(kind, &to.join(name));
        let before = scene.outside();
        let to = to.to_str().unwrap();
        let run = scene.run(&[&["export", "--vault", vault, to], option(format)].concat());
        assert_eq!(before, scene.outside(), "{kind} at {name}\n{run}");
        if run.ended == Ended::Exit(0) {
            let links = outline(Path::new(to));
            let link = links.iter().find(|(_, text)| text.contains("/outside/"));
            assert!(link.is_none(), "{kind} at {name}: {link:?}\n{run}");
        }
        // What is named in an empty directory is met there, too.
        let bare = scene.sandbox.path(format!("b{n}"));
        fs::create_dir(&bare).unwrap();
        scene.plant(kind, &bare.join(name));
        let bare = bare.to_str().unwrap();
        let run = scene.run(&[&["export", "--vault", vault, bare], option(format)].concat());
        assert_eq!(before, scene.outside(), "{kind} at {name} alone\n{run}");
    });
}

#[test]
fn the_root_itself_may_be_a_link() {
    let scene = Scene::new();
    symlink(scene.sandbox.vault(), scene.sandbox.path("link")).unwrap();
    fs::create_dir(scene.sandbox.path("target")).unwrap();
    symlink("target", scene.sandbox.path("to")).unwrap();
    let list = scene.run(&["list", "--vault", "link"]).expect_code(0);
    assert_eq!(list.stdout, scene.list);
    for args in [
        &["import", "more", "--account", "work"][..],
        &["search", "doors"],
        &["verify", "--read-data"],
        &["verify", "--repair"],
        &["export", "--format", "maildir", "to"],
    ] {
        let _ = scene
            .run(&[args, &["--vault", "link"]].concat())
            .expect_code(0);
    }
    assert_eq!(stored(&scene.sandbox.path("vault/mail/work")).len(), 5);
    assert!(scene.sandbox.path("target/mailvault-export.json").is_file());
}

#[test]
fn a_link_below_a_vault_is_refused_by_name() {
    let scene = Scene::new();
    let lock = scene.sandbox.vault().join("lock");
    scene.plant("link to a file", &lock);
    let vault = scene.sandbox.vault();
    let args = ["import", "more", "--account", "work", "--vault"];
    let run = scene.run(&[&args[..], &[vault.to_str().unwrap()]].concat());
    let run = run.expect_code(1);
    assert!(
        run.stderr()
            .contains("refused: $HOME/vault/lock is a symbolic link; links inside a vault"),
        "{run}"
    );
}

/// Adds lines to the ledger that are right but for what they say.
fn forge(vault: &Path, bodies: &[String]) {
    let file = fs::read_dir(vault.join("ledger")).unwrap().last().unwrap();
    let file = file.unwrap().path();
    let mut text = fs::read_to_string(&file).unwrap();
    for body in bodies {
        let last = text.lines().last().unwrap();
        let mark = last.split("\"c\":\"").nth(1).unwrap()[..16].to_owned();
        assert!(Checksum::parse(&mark).is_some());
        let number = last.split("\"seq\":").nth(1).unwrap();
        let number: u64 = number.split(',').next().unwrap().parse().unwrap();
        let body = body.replace("$SEQ", &(number + 1).to_string());
        let mut hasher = blake3::Hasher::new();
        hasher.update(mark.as_bytes());
        hasher.update(body.as_bytes());
        let next = hasher.finalize().to_hex();
        writeln!(text, "{body},\"c\":\"{}\"}}", &next[..16]).unwrap();
    }
    fs::write(file, text).unwrap();
    let _ = fs::remove_file(vault.join("catalog.sqlite"));
}

#[test]
fn lines_that_name_other_places_are_damage() {
    let scene = Scene::new();
    let vault = scene.sandbox.vault();
    let sound = scene.sandbox.ledger_lines();
    let seen = sound.iter().find(|line| line.contains("\"ev\":\"seen\""));
    let seen = seen.unwrap().split(",\"c\":").next().unwrap().to_owned();
    let number = seen.split("\"seq\":").nth(1).unwrap().split(',').next();
    let seen = seen.replace(&format!("\"seq\":{}", number.unwrap()), "\"seq\":$SEQ");
    let seen = seen.replace("\"t\":\"20", "\"t\":\"21");
    let dir = "\"dir\":\".Sub\"";
    assert!(seen.contains(dir) && seen.contains("\"account\":\"work\""));
    let after = "{\"v\":1,\"seq\":$SEQ,\"t\":\"2199-01-01T00:00:00.000Z\",\"ev\":\"verified\",\
                 \"scope\":\"names\",\"damage\":0";
    for (what, with) in [
        (dir, "\"dir\":\"../../../outside/dir\""),
        (dir, "\"dir\":\"/tmp\""),
        (dir, "\"dir\":\".%1b[31mred\""),
        ("\"account\":\"work\"", "\"account\":\"../../outside\""),
        ("\"account\":\"work\"", "\"account\":\"%1b]0;title%07\""),
        ("\"flags\":\"\"", "\"flags\":\"/../../../../../outside/x\""),
    ] {
        assert!(seen.contains(what), "{seen}");
        let bad = scene.sandbox.path("bad");
        let _ = fs::remove_dir_all(&bad);
        copy(&vault, &bad);
        // Two appends behind it: it is not the end of one that was never finished.
        let later = after.replace("2199-01-01", "2199-01-02");
        forge(&bad, &[seen.replace(what, with), after.to_owned(), later]);
        let before = scene.outside();
        let at = bad.to_str().unwrap();
        let verify = scene.run(&["verify", "--vault", at]).expect_code(20);
        assert!(verify.stdout().contains("damaged"), "{verify}");
        for args in [
            &["status"][..],
            &["list"],
            &["verify", "--repair"],
            &["verify"],
        ] {
            let run = scene.run(&[args, &["--vault", at]].concat());
            let printed = [&run.stdout[..], &run.stderr[..]].concat();
            assert!(!printed.contains(&0x1b), "{run}");
        }
        assert_eq!(before, scene.outside(), "{with}");
        let _ = scene.run(&["verify", "--vault", at]).expect_code(0);
    }
}

#[test]
fn a_maildir_to_import_is_read_through_links_that_stay_in_it() {
    let scene = Scene::new();
    let maildir = scene.sandbox.path("Maildir");
    for sub in ["cur", "new", "tmp", "store"] {
        fs::create_dir_all(maildir.join(sub)).unwrap();
    }
    let inside = maildir.join("store/1");
    fs::write(&inside, "Subject: inside\r\n\r\nIn.\r\n").unwrap();
    symlink(&inside, maildir.join("cur/1.a:2,S")).unwrap();
    let outside = scene.sandbox.path("outside/file");
    symlink(outside, maildir.join("cur/2.b:2,")).unwrap();
    symlink("nowhere", maildir.join("new/3.c")).unwrap();
    symlink(scene.sandbox.path("outside/dir"), maildir.join(".Sub")).unwrap();
    scene.plant("pipe", &maildir.join("new/4.d"));
    let args = ["import", "--create", "--vault", "to", "--account", "work"];
    let run = scene
        .run(&[&args[..], &["Maildir"]].concat())
        .expect_code(3);
    let told = run.stderr();
    for name in ["cur/2.b:2,", "new/3.c", ".Sub", "new/4.d"] {
        let skipped = |line: &str| line.contains("skipped") && line.contains(name);
        assert!(told.lines().any(skipped), "{name}\n{run}");
    }
    assert!(run.stdout().contains("4 skipped"), "{run}");
    let mail = stored(&scene.sandbox.path("to/mail/work"));
    assert_eq!(mail.len(), 1);
    assert!(mail[0].name.ends_with(":2,S"), "{}", mail[0].name);
}

#[test]
fn what_lies_in_the_place_of_a_maildirs_keywords_costs_no_message() {
    let scene = Scene::new();
    for (n, kind) in KINDS.into_iter().enumerate() {
        let maildir = scene.sandbox.path(format!("Maildir{n}"));
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(sub)).unwrap();
        }
        fs::write(maildir.join("cur/1.a:2,Sa"), "Subject: a\r\n\r\nb\r\n").unwrap();
        scene.plant(kind, &maildir.join("dovecot-keywords"));
        let before = scene.outside();
        let (from, to) = (format!("Maildir{n}"), format!("to{n}"));
        let args = [
            "import",
            "--create",
            "--vault",
            &to,
            "--account",
            "work",
            &from,
        ];
        // The letter a has a meaning that is not known.
        let run = scene.run(&args).expect_code(3);
        assert!(run.stderr().contains("dovecot-keywords"), "{kind}\n{run}");
        assert_eq!(before, scene.outside(), "{kind}");
        let mail = stored(&scene.sandbox.path(format!("{to}/mail/work")));
        assert_eq!(mail.len(), 1, "{kind}\n{run}");
    }
}

/// Calls that follow links, of which `fsx` has others.
const FOLLOWING: [&str; 9] = [
    "File::open(",
    "Connection::open(path",
    "fs::metadata(",
    "fs::read(",
    "fs::read_dir(",
    "fs::read_to_string(",
    "symlink_metadata(",
    ".exists()",
    ".try_exists()",
];

#[test]
fn files_of_vault_export_and_import_are_opened_by_fsx_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut left = ["vault", "export", "import"]
        .map(|name| root.join(name))
        .to_vec();
    let mut looked = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let is_source = path.extension().is_some_and(|e| e == "rs");
        let is_test =
            path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "tests");
        if !is_source || is_test {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for call in FOLLOWING {
            let call = call
                .strip_prefix("fs::")
                .map_or(call.to_owned(), |name| format!(" fs::{name}"));
            assert!(!text.contains(&call), "{call} in {}", path.display());
            let full = call.replace(" fs::", "std::fs::");
            assert!(!text.contains(&full), "{full} in {}", path.display());
        }
        looked += 1;
    }
    assert!(looked > 40, "{looked}");
}
