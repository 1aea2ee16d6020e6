//! Mail out of a vault in every form, read by other programs, and back into a new vault:
//! the same messages, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mailvault::sample::Message;

use super::support::corpus::corpus;
use super::support::missing;
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message, pulled, tree};

/// Small and awkward.
fn awkward() -> Vec<Message> {
    let raw: &[&[u8]] = &[
        b"Subject: plain\r\nMessage-ID: <1@example.org>\r\n\r\nFrom here\r\n>From there\r\n.\r\n",
        b"Subject: bare\r\n\r\nA bare \r CR, a bare \n LF, \0 and \xff\r\n",
        b"Subject: cr\r\n\r\nx\r\r\ny\r\n",
        b"Subject: header only\r\n",
        b"Subject: no body\r\n\r\n",
        b"\r\nno header\r\n",
        b"Subject: raw caf\xe9\r\nDate: 2 Aug 2025 10:00:05 +0000\r\n\r\nx\r\n\r\n\r\n",
        b"Subject: ../../../evil\x1b[2J\r\n\r\n>>From x\r\nFrom \r\nFrom\r\n",
    ];
    let each = raw.iter().enumerate();
    each.map(|(n, bytes)| Message {
        uidl: format!("u{n}"),
        bytes: bytes.to_vec(),
    })
    .collect()
}

/// A vault that holds the corpus, imported from single files as they are.
fn vault_of(messages: &[Vec<u8>]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    for (n, bytes) in messages.iter().enumerate() {
        let hash = mailvault::mail::message::Hash128::of(bytes);
        sandbox.write(&format!("in/{n}.{hash}.eml"), bytes, 0o600);
    }
    let args = ["import", "in", "--account", "work", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    sandbox
}

fn contents(sandbox: &Sandbox, account: &str) -> BTreeSet<Vec<u8>> {
    let all = sandbox.messages(account).into_iter();
    all.map(|stored| stored.bytes).collect()
}

/// Imports into a vault of its own, and gives what it then holds.
fn back(sandbox: &Sandbox, source: &str) -> BTreeSet<Vec<u8>> {
    let fresh = Sandbox::new();
    fresh.config("vault = \"$HOME/vault\"\n");
    let source = sandbox.path(source);
    let source = source.to_str().unwrap();
    let _ = fresh
        .run(&["import", source, "--account", "work", "--create"])
        .expect_code(0);
    let _ = fresh.run(&["verify", "--read-data"]).expect_code(0);
    contents(&fresh, "work")
}

const FORMS: [&[&str]; 6] = [
    &["out"],
    &["out", "--crlf"],
    &["out", "--format", "mbox"],
    &["out.mbox"],
    &["out.mbox", "--crlf"],
    &["out", "--format", "eml"],
];

#[test]
fn what_is_exported_and_imported_is_the_same_to_the_byte() {
    let sandbox = vault_of(&corpus());
    let wanted = contents(&sandbox, "work");
    assert!(wanted.len() > 1_900);
    for form in FORMS {
        let _ = sandbox.run(&[&["export"], form].concat()).expect_code(0);
        assert!(back(&sandbox, form[0]) == wanted, "{form:?}");
        let _ = fs::remove_dir_all(sandbox.path("out"));
        let _ = fs::remove_file(sandbox.path("out.mbox"));
    }
}

#[test]
fn awkward_mail_survives_every_form() {
    let (sandbox, _server) = pulled(awkward());
    let wanted = contents(&sandbox, "work");
    assert_eq!(wanted.len(), 8);
    for form in FORMS {
        let _ = sandbox.run(&[&["export"], form].concat()).expect_code(0);
        assert_eq!(back(&sandbox, form[0]), wanted, "{form:?}");
        let _ = fs::remove_dir_all(sandbox.path("out"));
        let _ = fs::remove_file(sandbox.path("out.mbox"));
    }
}

#[test]
fn another_vault_comes_in_with_its_accounts_and_folders() {
    let (sandbox, _server) = pulled(awkward());
    let plain = sandbox.path("plain");
    for (folder, flags, text) in [(".Sent", "S", "one"), (".&ANw-bung.a\\2eb", "FS", "two")] {
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(plain.join(folder).join(sub)).unwrap();
        }
        let file = plain.join(folder).join(format!("cur/1.x:2,{flags}"));
        fs::write(file, format!("Subject: {text}\n\n{text}\n")).unwrap();
    }
    fs::create_dir_all(plain.join("cur")).unwrap();
    let _ = sandbox
        .run(&["import", "plain", "--account", "old"])
        .expect_code(0);
    let fresh = Sandbox::new();
    fresh.config("vault = \"$HOME/vault\"\n");
    let source = sandbox.vault();
    let args = ["import", source.to_str().unwrap(), "--create"];
    let _ = fresh.run(&args).expect_code(0);
    for account in ["work", "old"] {
        assert_eq!(fresh.messages(account), sandbox.messages(account));
    }
    let old = fresh.messages("old");
    assert_eq!(old.len(), 2);
    assert!(old.iter().any(|m| m.folder == ".&ANw-bung.a\\2eb"
        && m.name.ends_with(":2,FS")
        && m.bytes == b"Subject: two\r\n\r\ntwo\r\n"));
    let lines = sandbox.ledger_lines();
    let seen = lines
        .iter()
        .filter(|line| line.contains("\"proto\":\"import\""));
    assert_eq!(seen.count(), 2);
    // A second time nothing is new, and nothing is written.
    let before = tree(&fresh.vault().join("ledger"));
    let again = fresh.run(&args).expect_code(0);
    assert!(again.stdout().contains(": 0 new"), "{again}");
    assert_eq!(tree(&fresh.vault().join("ledger")), before);
}

#[test]
fn python_reads_what_is_exported() {
    if missing("python3") {
        return;
    }
    let (sandbox, _server) = pulled(awkward());
    for args in [
        &["export", "md"][..],
        &["export", "tree", "--format", "mbox"],
        &["export", "all.mbox"],
    ] {
        let _ = sandbox.run(args).expect_code(0);
    }
    let script = "import mailbox\n\
        for box in mailbox.Maildir('md', create=False), mailbox.mbox('all.mbox'), mailbox.mbox('tree/Inbox'):\n\
        \x20   print(len(box), sorted(str(m['subject']) for m in box if m['subject'])[-1])\n";
    let read = sandbox.spawn({
        let mut python = sandbox.tool("python3");
        python.args(["-c", script]);
        python
    });
    read.wait().expect(
        0,
        "8 raw caf\u{fffd}\n8 raw caf\u{fffd}\n8 raw caf\u{fffd}\n",
        "",
    );
}

#[test]
fn the_maildir_crate_reads_flags_and_messages() {
    let (sandbox, _server) = pulled(awkward());
    let cur = sandbox.vault().join("mail/work/cur");
    let file = fs::read_dir(&cur).unwrap().next().unwrap().unwrap().path();
    let flagged = format!("{}FS", file.to_str().unwrap());
    fs::rename(&file, flagged).unwrap();
    let _ = sandbox.run(&["export", "md"]).expect_code(0);
    let box_ = maildir::Maildir::from(sandbox.path("md"));
    let entries: Vec<_> = box_.list_cur().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 8);
    let flagged: Vec<_> = entries
        .iter()
        .filter(|e| e.is_flagged() && e.is_seen())
        .collect();
    assert_eq!(flagged.len(), 1);
    for entry in &entries {
        let name = entry.path().to_str().unwrap();
        let size = name.split_once(",S=").unwrap().1.split(',').next().unwrap();
        let length = fs::metadata(entry.path()).unwrap().len();
        assert_eq!(size.parse(), Ok(length));
    }
}

#[test]
fn mutt_opens_maildir_and_mbox() {
    if missing("mutt") {
        return;
    }
    let (sandbox, _server) = pulled(awkward());
    let _ = sandbox.run(&["export", "md"]).expect_code(0);
    let _ = sandbox.run(&["export", "all.mbox"]).expect_code(0);
    // It would ask whether to make it.
    fs::create_dir(sandbox.path("Mail")).unwrap();
    // It wants a terminal, which `script` has.
    if missing("script") {
        return;
    }
    for place in ["md", "all.mbox"] {
        let mut script = sandbox.tool("script");
        let mutt = format!("mutt -n -F /dev/null -R -e \"push '<exit>'\" -f {place}");
        script
            .env("TERM", "xterm")
            .args(["-qec", &mutt, "/dev/null"]);
        let shown = sandbox.spawn(script).wait();
        assert!(shown.stdout().contains("Msgs:8"), "{place}: {shown}");
    }
}

#[test]
fn a_second_export_adds_only_what_is_new() {
    let (sandbox, _server) = pulled(awkward());
    for format in ["maildir", "mbox", "eml", "html"] {
        let args = ["export", "out", "--format", format];
        let first = sandbox.run(&args).expect_code(0);
        assert!(first.stdout().starts_with("8 messages, "), "{first}");
        let before = tree(&sandbox.path("out"));
        let second = sandbox.run(&args).expect_code(0);
        let wanted = "0 messages, 0 B, exported to out, 8 already there\n";
        assert_eq!(second.stdout(), wanted, "{format}");
        assert!(tree(&sandbox.path("out")) == before, "{format}");
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

/// Imports one more message into a folder.
fn add(sandbox: &Sandbox, folder: &str, subject: &str) {
    let mail = format!("Subject: {subject}\r\n\r\nb\r\n");
    sandbox.write(&format!("add-{subject}/{folder}/1.eml"), mail, 0o600);
    let source = format!("add-{subject}");
    let _ = sandbox
        .run(&["import", &source, "--account", "work"])
        .expect_code(0);
}

#[test]
fn a_file_that_somebody_else_changed_is_left_as_it_is_and_named() {
    let (sandbox, _server) = pulled(awkward());
    add(&sandbox, "Old", "one");
    let args = ["export", "out", "--format", "mbox"];
    let inbox = sandbox.path("out/Inbox");
    for change in ["letter", "mark", "cut"] {
        let _ = sandbox.run(&args).expect_code(0);
        let mut bytes = fs::read(&inbox).unwrap();
        match change {
            "letter" => bytes.extend(b"From - Sat Aug  2 10:00:05 2025\nSubject: mine\n\nx\n\n"),
            "mark" => *bytes.iter_mut().find(|b| **b == b'0').unwrap() = b'1',
            _ => bytes.truncate(bytes.len() / 2),
        }
        // Neither size nor time need show it.
        let time = fs::metadata(&inbox).unwrap().modified().unwrap();
        fs::write(&inbox, &bytes).unwrap();
        let file = fs::File::options().write(true).open(&inbox).unwrap();
        file.set_modified(time).unwrap();
        add(&sandbox, "INBOX", &format!("{change}-new"));
        add(&sandbox, "Old", &format!("{change}-old"));
        for _ in 0..2 {
            let again = sandbox.run(&args).expect_code(3);
            assert!(
                again.stderr().contains(
                    "warning: Inbox was changed by another program since it was exported, so \
                     nothing is written to it\n  \
                     hint: export to a new directory to get all of its mail\n"
                ),
                "{change}: {again}"
            );
            assert!(again.stdout().contains(" not written\n"), "{again}");
            assert!(fs::read(&inbox).unwrap() == bytes, "{change}");
        }
        let old = fs::read_to_string(sandbox.path("out/Old")).unwrap();
        assert!(old.contains(&format!("Subject: {change}-old")), "{old}");
        let lines = json_lines(&sandbox.run(&[&["--json"], &args[..]].concat()).stdout);
        let summary = lines.last().unwrap();
        assert_eq!(summary["changed_files"], 1, "{summary}");
        assert!(summary["not_written"].as_u64() > Some(8), "{summary}");
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

#[test]
fn a_new_folder_takes_no_file_that_somebody_else_made() {
    let (sandbox, _server) = pulled(awkward());
    let args = ["export", "out", "--format", "mbox"];
    let _ = sandbox.run(&args).expect_code(0);
    let mine = "From - Sat Aug  2 10:00:05 2025\nSubject: mine\n\nx\n\n";
    sandbox.write("out/Plans", mine, 0o600);
    sandbox.write("out/Trash", "", 0o600);
    add(&sandbox, "Plans", "plan");
    add(&sandbox, "Trash", "waste");
    let _ = sandbox.run(&args).expect_code(0);
    let read = |name: &str| fs::read_to_string(sandbox.path(format!("out/{name}"))).unwrap();
    assert_eq!(read("Plans"), mine);
    assert!(read("Plans (2)").contains("Subject: plan"));
    assert!(read("Trash").contains("Subject: waste"));
}

#[test]
fn pages_that_somebody_else_changed_are_left_as_they_are_and_named() {
    let (sandbox, _server) = pulled(awkward());
    let args = ["export", "out", "--format", "html"];
    let _ = sandbox.run(&args).expect_code(0);
    sandbox.write("out/index.html", "my notes", 0o600);
    sandbox.write("out/mailvault-export.tmp/mine", "mine", 0o600);
    add(&sandbox, "Old", "one");
    let again = sandbox.run(&args).expect_code(3);
    let warned = "warning: index.html was changed by another program";
    assert!(again.stderr().contains(warned), "{again}");
    let read = |name: &str| fs::read_to_string(sandbox.path(format!("out/{name}"))).unwrap();
    assert_eq!(read("index.html"), "my notes");
    assert_eq!(read("mailvault-export.tmp/mine"), "mine");
    assert!(sandbox.path("out/folders/Old").is_dir());
}

#[test]
fn an_export_that_is_killed_leaves_no_half_file_and_the_next_makes_it_whole() {
    if missing("strace") {
        return;
    }
    let (sandbox, _server) = pulled(awkward());
    for format in ["maildir", "mbox", "eml"] {
        let args = ["export", "out", "--format", format];
        let _ = sandbox.run(&args).expect_code(0);
        let whole = files(&sandbox.path("out"));
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        let mut kills = 0;
        for call in ["rename", "write", "openat", "fsync", "mkdir", "unlink"] {
            for n in [1, 2, 5, 9, 14] {
                let mut strace = sandbox.tool("strace");
                let inject = format!("inject={call}:signal=KILL:when={n}");
                let binary = env!("CARGO_BIN_EXE_mailvault");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-P", "out", "-e", &inject]);
                strace.arg(binary).args(args);
                let ended = sandbox.spawn(strace).wait();
                kills += usize::from(ended.ended != super::support::output::Ended::Exit(0));
                for (name, bytes) in files(&sandbox.path("out")) {
                    let empty = bytes.is_empty() && whole[&name].is_empty();
                    assert!(empty || whole[&name] == bytes, "{format} {inject} {name}");
                }
                let _ = sandbox.run(&args).expect_code(0);
                assert!(files(&sandbox.path("out")) == whole, "{format} {inject}");
                fs::remove_dir_all(sandbox.path("out")).unwrap();
            }
        }
        assert!(kills >= 3, "{format}: {kills} kills");
    }
}

/// All of the vault but the index, which readers may bring up to date.
fn lasting(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(&sandbox.vault());
    files.retain(|name, _| !name.starts_with("catalog."));
    files
}

/// The files that a reader would see.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    if !root.exists() {
        return BTreeMap::new();
    }
    let mut files = tree(root);
    files.retain(|name, _| {
        !name
            .trim_start_matches('.')
            .starts_with("mailvault-export.")
    });
    files
}

#[test]
fn one_message_goes_to_stdout_as_it_is_and_several_as_an_mbox() {
    let (sandbox, _server) = pulled(awkward());
    let one = sandbox.run(&["export", "-", "subject:bare"]).expect_code(0);
    assert_eq!(one.stdout, awkward()[1].bytes);
    let all = sandbox.run(&["export", "-"]).expect_code(0);
    let lines = all.stdout.split(|b| *b == b'\n');
    let begun = lines
        .filter(|line| line.starts_with(b"From mailvault"))
        .count();
    assert_eq!(begun, 8);
    let _ = sandbox
        .run(&["export", "one.eml", "subject:bare"])
        .expect_code(0);
    assert_eq!(
        fs::read(sandbox.path("one.eml")).unwrap(),
        awkward()[1].bytes
    );
    sandbox.run(&["export", "some.eml"]).expect(
        2,
        "",
        "error: cannot export to some.eml: an eml file contains one message, but the query \
         selects 8\n  \
         hint: select one with id:, or choose a directory and --format eml\n",
    );
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let (sandbox, _server) = pulled(awkward());
    let before = lasting(&sandbox);
    for inside in ["vault/out", "vault", "vault/x.mbox", "vault/../vault/mail"] {
        let refused = sandbox.run(&["export", inside]).expect_code(2);
        assert!(
            refused.stderr().contains("it is inside the vault"),
            "{refused}"
        );
    }
    assert!(lasting(&sandbox) == before);
    sandbox.write("mine/thesis.txt", "x", 0o600);
    sandbox.run(&["export", "mine"]).expect(
        2,
        "",
        "error: cannot export to mine: it is not empty (it contains thesis.txt), and is not an \
         earlier export\n  \
         hint: choose a new directory\n",
    );
    let _ = sandbox.run(&["export", "x.mbox"]).expect_code(0);
    let _ = sandbox.run(&["export", "x.mbox"]).expect_code(2);
}

#[test]
fn a_damaged_message_is_named_and_the_rest_is_exported() {
    let (sandbox, _server) = pulled(awkward());
    let cur = sandbox.vault().join("mail/work/cur");
    let file = fs::read_dir(cur).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "damaged").unwrap();
    for dest in [&["md"][..], &["all.mbox"], &["eml", "--format", "eml"]] {
        let args = [&["export", "--json"], dest].concat();
        let lines = json_lines(&sandbox.run(&args).expect_code(3).stdout);
        let summary = lines.last().unwrap();
        assert_eq!(
            (&summary["written"], &summary["left_out"]),
            (&7.into(), &1.into())
        );
        assert_eq!(lines[lines.len() - 2]["type"], "left_out");
    }
}

#[test]
fn the_times_of_copied_files_are_no_dates_of_mail() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    for (n, date) in ["3 Feb 2012", "4 Mar 2013"].into_iter().enumerate() {
        let mail = format!("Subject: {n}\r\nDate: {date} 10:00:00 +0000\r\n\r\nb\r\n");
        sandbox.write(&format!("in/{n}.eml"), mail, 0o600);
    }
    let args = ["import", "in", "--account", "work", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    // As a copy without times leaves them.
    for message in sandbox.messages("work") {
        let dir = sandbox.vault().join("mail/work").join(&message.folder);
        let file = fs::File::open(dir.join("cur").join(&message.name)).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    }
    let out = sandbox.run(&["export", "-"]).expect_code(0);
    let lines = out.stdout();
    let dates: Vec<&str> = lines.lines().filter(|l| l.starts_with("From ")).collect();
    assert!(
        dates[0].ends_with(" 2012") && dates[1].ends_with(" 2013"),
        "{dates:?}"
    );
    let _ = sandbox
        .run(&["export", "pages", "--format", "html"])
        .expect_code(0);
    let months = fs::read_to_string(sandbox.path("pages/index.html")).unwrap();
    assert!(
        months.contains("2012-02") && months.contains("2013-03"),
        "{months}"
    );
}

#[test]
fn imported_mail_keeps_the_date_of_its_separator_in_every_export() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let separator = "From a@example.org Tue Mar  3 04:05:06 2009\n";
    let mbox = ["1", "2"].map(|n| format!("{separator}Subject: {n}\n\nno date\n\n"));
    sandbox.write("in.mbox", mbox.concat(), 0o600);
    let args = ["import", "in.mbox", "--account", "old", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    for target in [&["out.mbox"][..], &["out", "--format", "mbox"]] {
        let _ = sandbox.run(&[&["export"], target].concat()).expect_code(0);
    }
    let out = sandbox.path("out");
    let folder = tree(&out).into_keys().find(|name| name.ends_with("box"));
    for path in [sandbox.path("out.mbox"), out.join(folder.unwrap())] {
        let text = fs::read_to_string(&path).unwrap();
        let separators: Vec<&str> = text.lines().filter(|l| l.starts_with("From ")).collect();
        let dated = separators.iter().all(|line| line.ends_with(" 2009"));
        assert!(separators.len() == 2 && dated, "{path:?} {text}");
    }
}

#[test]
fn a_file_or_a_stream_of_nothing_is_refused() {
    let sandbox = vault_of(&[b"Subject: a\r\n\r\nb\r\n".to_vec()]);
    for target in ["-", "x.mbox", "x.eml"] {
        let out = sandbox
            .run(&["export", target, "larger:5M"])
            .expect_code(18);
        assert_eq!(out.stdout(), "");
        let said = "no message in the vault matches larger:5M";
        assert!(out.stderr().contains(said), "{out}");
        assert!(!sandbox.path(target).exists());
    }
    let out = sandbox
        .run(&["export", "plain", "larger:5M"])
        .expect_code(0);
    assert_eq!(out.stdout(), "no messages match\n");
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let (sandbox, _server) = pulled(vec![message("a", "Subject: a\r\n\r\nx\r\n")]);
    let before = lasting(&sandbox);
    let planned = sandbox.run(&["export", "out", "-n"]);
    planned.expect(
        0,
        "INBOX  1  17 B\nwould export 1 message, 17 B, to out\n",
        "",
    );
    sandbox.write("b.eml", "Subject: b\n\nx\n", 0o600);
    let args = ["import", "b.eml", "--account", "work", "-n"];
    sandbox.run(&args).expect(
        0,
        "1 message, 17 B: 1 would be new, 0 already in the vault\n",
        "",
    );
    assert!(lasting(&sandbox) == before && !sandbox.path("out").exists());
}

#[test]
fn a_single_file_has_the_date_of_its_mail_as_a_folder_of_files_has() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let mail = |n| {
        format!(
            "Received: from a by b; Mon, 7 Mar 2016 11:00:00 +0000\r\n\
             Subject: {n}\r\nDate: Mon, 7 Mar 2016 10:00:00 +0000\r\n\r\n{n}\r\n"
        )
    };
    sandbox.write("one.eml", mail(1), 0o600);
    sandbox.write("dir/two.eml", mail(2), 0o600);
    for source in ["one.eml", "dir"] {
        let args = ["import", source, "--account", "old", "--create"];
        let _ = sandbox.run(&args).expect_code(0);
    }
    let found = sandbox.run(&["search", "--json"]).expect_code(0);
    let lines = json_lines(&found.stdout);
    let dates: Vec<_> = (lines.iter().filter(|line| line["type"] == "message"))
        .map(|line| line["date"].clone())
        .collect();
    assert_eq!(dates, ["2016-03-07T11:00:00Z", "2016-03-07T11:00:00Z"]);
}

#[test]
fn a_thunderbird_tree_of_mbox_files_comes_in_with_folders_flags_and_dates() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let mail = |subject: &str, status: &str| {
        format!(
            "From - Sat Aug  2 10:00:05 2025\nX-Mozilla-Status: {status}\nSubject: {subject}\n\n\
             >From x\n>>From y\n\n"
        )
    };
    sandbox.write("tb/Inbox", mail("a", "0001") + &mail("b", "0004"), 0o600);
    sandbox.write("tb/Inbox.msf", "index", 0o600);
    sandbox.write("tb/Archives", "", 0o600);
    sandbox.write("tb/Archives.sbd/2019", mail("c", "0000"), 0o600);
    let args = ["import", "tb", "--account", "old", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    let stored = sandbox.messages("old");
    let shown: Vec<String> = stored
        .iter()
        .map(|m| {
            let text = String::from_utf8_lossy(&m.bytes);
            let subject = text.split("Subject: ").nth(1).unwrap();
            let flags = m.name.rsplit(',').next().unwrap();
            format!("{} {} {flags}", m.folder, &subject[..1])
        })
        .collect();
    let shown: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
    assert_eq!(shown, BTreeSet::from([" a S", " b F", ".Archives.2019 c "]));
    assert!(stored[0].bytes.ends_with(b"\r\n\r\nFrom x\r\n>From y\r\n"));
    let lines = sandbox.ledger_lines();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("\"idate\":1754128805"))
    );
    let again = sandbox.run(&args).expect_code(0);
    assert!(
        again.stdout().contains(": 0 new (0 B stored), 3 already"),
        "{again}"
    );
}

#[test]
fn one_file_that_cannot_be_read_stops_nobody() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox.write("in/a.eml", "Subject: a\n\nx\n", 0o600);
    // Claims to be compressed, and is not.
    sandbox.write("in/b.eml", b"\x28\xb5\x2f\xfd not zstd", 0o600);
    let args = ["import", "in", "--account", "old", "--create", "--json"];
    let lines = json_lines(&sandbox.run(&args).expect_code(3).stdout);
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["new"], &summary["unread"]),
        (&1.into(), &1.into())
    );
    let refused = sandbox.run(&["import", "in"]).expect_code(2);
    assert!(refused.stderr().contains("--account work"), "{refused}");
}

#[test]
fn attachments_are_saved_under_names_that_do_no_harm() {
    let text = "Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nx\r\n\
        --b\r\nContent-Disposition: attachment; filename=\"../../evil.sh\"\r\n\r\none\r\n\
        --b\r\nContent-Disposition: attachment; filename=\"../../EVIL.sh\"\r\n\r\ntwo\r\n--b--\r\n";
    let (sandbox, _server) = pulled(vec![
        message("a", text),
        message("b", "Subject: b\r\n\r\nx\r\n"),
    ]);
    let listed = sandbox
        .run(&["list", "--json", "--sort", "subject"])
        .expect_code(0);
    let lines = json_lines(&listed.stdout);
    assert_eq!(
        (&lines[0]["subject"], &lines[1]["subject"]),
        (&"a".into(), &"b".into())
    );
    let id = lines[0]["id"].as_str().unwrap();
    sandbox.run(&["show", id, "--save", "got"]).expect(
        0,
        "got/_.._evil.sh\ngot/_.._EVIL (2).sh\n",
        "",
    );
    assert_eq!(fs::read(sandbox.path("got/_.._evil.sh")).unwrap(), b"one");
    let reversed = sandbox.run(&["list", "--json", "--sort", "size", "--reverse"]);
    let lines = json_lines(&reversed.expect_code(0).stdout);
    assert_eq!(lines[0]["subject"], "b");
}
