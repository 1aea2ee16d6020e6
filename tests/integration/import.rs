//! What people have: mail in the forms in which other programs leave it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use serde_json::Value;

use super::support::output::Output;
use super::support::sandbox::Sandbox;
use super::support::scene::json_lines;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox
}

fn import(sandbox: &Sandbox, source: &str) -> Output {
    sandbox.run(&["import", source, "--account", "old", "--create"])
}

fn mail(n: u32) -> String {
    format!("Subject: letter {n}\nMessage-ID: <{n}@example.org>\n\nbody of {n}\n")
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// What the vault has, by folder.
fn stored(sandbox: &Sandbox) -> BTreeSet<(String, Vec<u8>)> {
    let all = sandbox.messages("old").into_iter();
    all.map(|stored| (stored.folder, stored.bytes)).collect()
}

fn letters(folder: &str, numbers: &[u32]) -> BTreeSet<(String, Vec<u8>)> {
    let of = |n: &u32| (folder.to_owned(), crlf(&mail(*n)));
    numbers.iter().map(of).collect()
}

/// The flags of each letter, by the names of their files.
fn flags(sandbox: &Sandbox) -> Vec<String> {
    let mut flags: Vec<String> = sandbox
        .messages("old")
        .iter()
        .map(|stored| {
            let text = String::from_utf8_lossy(&stored.bytes);
            let letter = text.split("body of ").nth(1).unwrap().trim();
            let flags = stored.name.rsplit(',').next().unwrap();
            format!("{letter} {flags}")
        })
        .collect();
    flags.sort();
    flags
}

/// What an import says in JSON that it left out, and its summary.
fn left_out(output: &Output) -> (BTreeSet<(String, String)>, Value) {
    let lines = json_lines(&output.stdout);
    let told = lines
        .iter()
        .filter(|line| line["type"] == "skipped" || line["type"] == "unread");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = told.map(|line| (text(&line["place"]), text(&line["reason"])));
    (told.collect(), lines.last().unwrap().clone())
}

const DATED: &str = "From ann@example.org Sat Aug  2 10:00:05 2025";

fn mbox(line: &str, numbers: std::ops::RangeInclusive<u32>) -> String {
    let one = |n| format!("{line}\n{}\n", mail(n));
    numbers.map(one).collect()
}

#[test]
fn an_mbox_may_have_the_separators_of_any_program() {
    for line in [
        "From ",
        "From -",
        "From ann@example.org",
        "From - Sat Apr 12 2025 15:59:28",
        "From ann@example.org Sat, 12 Apr 2025 15:59:28 +0200",
        "From ann@example.org 2025-06-15T10:00:05Z",
        "From 1@xxx Fri May 23 16:35:53 +0000 2025",
        &format!("{DATED}\n>From - Sat Apr 12 2025 15:59:28"),
        &format!("{DATED}\n"),
    ] {
        let plain = mbox(line, 1..=3);
        for text in [
            plain.clone(),
            format!("\u{feff}{plain}"),
            format!("\n\n{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
        ] {
            let sandbox = sandbox();
            sandbox.write("Mail/Inbox", &text, 0o600);
            let _ = import(&sandbox, "Mail").expect_code(0);
            assert_eq!(stored(&sandbox), letters("", &[1, 2, 3]), "{text:?}");
        }
    }
}

#[test]
fn a_folder_that_an_older_thunderbird_began_is_read_to_its_end() {
    let sandbox = sandbox();
    let old = mbox("From - Sat Aug  2 10:00:05 2025", 1..=1);
    sandbox.write("Inbox", old + &mbox("From ", 2..=3), 0o600);
    let _ = import(&sandbox, "Inbox").expect_code(0);
    assert_eq!(stored(&sandbox), letters("", &[1, 2, 3]));
}

#[test]
fn a_compressed_mbox_is_read_as_a_plain_one_is() {
    let text = mbox("From ", 1..=3);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    for (name, bytes) in [("2024.mbox.gz", &gzip), ("2024.zst", &zstd)] {
        let sandbox = sandbox();
        sandbox.write(&format!("in/{name}"), bytes, 0o600);
        let _ = import(&sandbox, "in").expect_code(0);
        assert_eq!(stored(&sandbox), letters(".2024", &[1, 2, 3]));
        let again = import(&sandbox, &format!("in/{name}")).expect_code(0);
        assert!(again.stdout().starts_with("3 messages"), "{again}");
    }
    // Of one that is cut, the last message that came out may be cut, too.
    let sandbox = sandbox();
    let mut noise = 1u32;
    let mut random = |n| {
        let mut line = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("{noise:x}\n")
        };
        let filling: String = (0..20_000).map(|_| line()).collect();
        format!("From \n{}{filling}\n", mail(n))
    };
    let text = random(1) + &random(2);
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    sandbox.write("2024.zst", &zstd[..zstd.len() * 9 / 10], 0o600);
    let args = [
        "import",
        "2024.zst",
        "--account",
        "old",
        "--create",
        "--json",
    ];
    let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
    assert!(
        told.iter()
            .any(|(_, reason)| reason.contains("cannot be unpacked"))
    );
    assert_eq!(
        (&summary["messages"], &summary["unread"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_file_that_holds_no_mail_is_refused_by_what_it_is() {
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    for (name, bytes, what) in [
        ("takeout.zip", &b"PK\x03\x04 and so on"[..], "a zip archive"),
        ("mail.tar", &tar, "a tar archive"),
        ("outlook.pst", b"!BDN\0\0", "an Outlook data file"),
        (
            "letter.msg",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
            "an OLE file",
        ),
        ("invoice.pdf", b"%PDF-1.4\n", "a PDF document"),
        (
            "Inbox.msf",
            b"// <!-- <mdb:mork:z v=\"1.4\"/> -->\n",
            "a Thunderbird index",
        ),
        (
            "popstate.dat",
            b"# POP3 State File\n# This is a generated file!  Do not edit.\n",
            "Thunderbird's list of the messages that it fetched",
        ),
        ("empty.mbox", b"", "it is empty"),
        (
            "notes.txt",
            b"buy milk\n",
            "neither an mbox file nor a message",
        ),
    ] {
        let sandbox = sandbox();
        sandbox.write(name, bytes, 0o600);
        let refused = import(&sandbox, name).expect_code(2);
        let told = refused.stderr();
        assert!(told.contains(name) && told.contains(what), "{refused}");
        assert!(told.contains("hint: "), "{refused}");
        assert!(!sandbox.vault().exists(), "a vault was made for nothing");
        // In a directory it is named, and what is mail is taken.
        sandbox.write(&format!("in/{name}"), bytes, 0o600);
        let refused = import(&sandbox, "in").expect_code(2);
        assert!(refused.stderr().contains(name), "{refused}");
        sandbox.write("in/1.eml", mail(1), 0o600);
        let args = ["import", "in", "--account", "old", "--create", "--json"];
        let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told.iter().all(|(place, _)| place == name), "{told:?}");
        assert_eq!(
            (&summary["new"], &summary["skipped"]),
            (&1.into(), &1.into())
        );
    }
}

#[test]
fn apple_mail_gives_its_messages_with_their_flags_and_folders() {
    let sandbox = sandbox();
    let emlx = |n: u32, flags: u64| {
        let mail = mail(n);
        let list = format!(
            "<?xml version=\"1.0\"?>\n<plist><dict>\n<key>date-received</key>\n\
             <integer>1754128805</integer>\n<key>flags</key>\n<integer>{flags}</integer>\n\
             </dict></plist>\n"
        );
        format!("{:<10}\n{mail}{list}", mail.len())
    };
    sandbox.write("in/Work.mbox/mbox", mbox(DATED, 1..=2), 0o600);
    sandbox.write("in/Work.mbox/table_of_contents", b"\0\0\x01", 0o600);
    sandbox.write(
        "in/Sent.mbox/Messages/3.emlx",
        emlx(3, 8_590_195_713),
        0o600,
    );
    let deep = "in/Sent.mbox/0A1B/Data/1/Messages/4.emlx";
    sandbox.write(deep, emlx(4, 0x15), 0o600);
    let _ = import(&sandbox, "in").expect_code(0);
    let mut wanted = letters(".Work", &[1, 2]);
    wanted.extend(letters(".Sent", &[3, 4]));
    assert_eq!(stored(&sandbox), wanted);
    assert_eq!(flags(&sandbox), ["1 ", "2 ", "3 S", "4 FRS"]);
    let lines = sandbox.ledger_lines();
    let dated = lines
        .iter()
        .filter(|line| line.contains("\"idate\":1754128805"));
    assert_eq!(dated.count(), 4);
    // A file alone, and a message that is cut or has its parts elsewhere.
    let again = import(&sandbox, deep).expect_code(0);
    assert!(again.stdout().starts_with("1 message,"), "{again}");
    sandbox.write("cut/5.emlx", "99\nSubject: a\n", 0o600);
    sandbox.write("cut/6.partial.emlx", emlx(6, 1), 0o600);
    let args = ["import", "cut", "--account", "old", "--json"];
    let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
    assert_eq!(
        (told.len(), &summary["messages"]),
        (2, &0.into()),
        "{told:?}"
    );
}

#[test]
fn a_message_file_may_begin_with_the_separator_of_an_mbox() {
    for line in [DATED, "From ", "From - Sat Apr 12 2025 15:59:28"] {
        for end in ["\n", "\r\n"] {
            let sandbox = sandbox();
            let text = format!("{line}\n{}", mail(1)).replace('\n', end);
            sandbox.write("in/1.eml", &text, 0o600);
            let _ = import(&sandbox, "in").expect_code(0);
            assert_eq!(stored(&sandbox), letters("", &[1]), "{text:?}");
            let again = import(&sandbox, "in/1.eml").expect_code(0);
            assert!(again.stdout().contains(": 0 new"), "{again}");
        }
    }
}

#[test]
fn a_maildir_from_a_system_without_colons_keeps_its_flags() {
    for separator in [":2,", ";2,", "!2,", "\u{f03a}2,"] {
        let sandbox = sandbox();
        sandbox.write(&format!("md/cur/1.a.host,U=5{separator}S"), mail(1), 0o600);
        sandbox.write(&format!("md/cur/2.a.host{separator}FRS"), mail(2), 0o600);
        sandbox.write("md/cur/3.a.host", mail(3), 0o600);
        let _ = import(&sandbox, "md").expect_code(0);
        assert_eq!(flags(&sandbox), ["1 S", "2 FRS", "3 "], "{separator}");
    }
}

#[test]
fn a_maildir_keeps_its_keywords_and_every_message() {
    let sandbox = sandbox();
    sandbox.write("md/dovecot-keywords", "0 $Forwarded\n1 Work\n", 0o600);
    sandbox.write("md/dovecot-uidlist", "3 V1 N2\n", 0o600);
    let names = [
        "1.a",
        "2.a:1,x",
        "3.a:2,Sab",
        "4.a:2,S:2,S",
        "5 ä b.eml",
        "6.a,FMD5=8:2,FS",
    ];
    for (n, name) in (1..).zip(names) {
        sandbox.write(&format!("md/cur/{name}"), mail(n), 0o600);
    }
    sandbox.write("md/new/7.a:2,S", mail(7), 0o600);
    let _ = import(&sandbox, "md").expect_code(0);
    let wanted = ["1 ", "2 ", "3 S", "4 S", "5 ", "6 FS", "7 S"];
    assert_eq!(flags(&sandbox), wanted);
    let lines = sandbox.ledger_lines();
    let marked = lines
        .iter()
        .filter(|l| l.contains("\"kw\":\"$Forwarded Work\""));
    assert_eq!(marked.count(), 1);
    // What is not taken is named.
    sandbox.write("md/cur/.8.hidden", mail(8), 0o600);
    sandbox.write("md/tmp/9.tmp", mail(9), 0o600);
    sandbox.write("md/cur/10.a:2,Sz", mail(10), 0o600);
    sandbox.write("md/cur/11.a:2,S", "", 0o600);
    let args = ["import", "md", "--account", "old", "--json"];
    let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
    let places: BTreeSet<String> = told.into_iter().map(|(place, _)| place).collect();
    for place in ["cur/.8.hidden", "tmp/9.tmp", "11.a:2,S"] {
        assert!(places.iter().any(|p| p.ends_with(place)), "{places:?}");
    }
    assert_eq!(
        (&summary["new"], &summary["skipped"]),
        (&1.into(), &3.into())
    );
    assert_eq!(summary["unread"], 1);
}

#[test]
fn a_whole_profile_of_thunderbird_comes_in_with_its_folders() {
    let sandbox = sandbox();
    let local = "tb/Mail/Local Folders";
    let old = "From - Sat Aug  2 10:00:05 2025\nX-Mozilla-Status: 0001";
    sandbox.write(&format!("{local}/Inbox"), mbox(old, 1..=1), 0o600);
    sandbox.write(&format!("{local}/Inbox.msf"), "// <!-- <mdb:mork", 0o600);
    sandbox.write(&format!("{local}/Archives"), "", 0o600);
    let archive = mbox("From ", 2..=2);
    sandbox.write(&format!("{local}/Archives.sbd/2024"), archive, 0o600);
    sandbox.write(&format!("{local}/filterlog.html"), "<p>", 0o600);
    let imap = "tb/ImapMail/imap.example.org";
    sandbox.write(&format!("{imap}/INBOX"), mbox("From ", 3..=4), 0o600);
    sandbox.write(&format!("{imap}/Far.msf"), "// <!-- <mdb:mork", 0o600);
    let maildir = "tb/Mail/md.example.org/Inbox/cur/1700000000.eml";
    sandbox.write(maildir, mail(5), 0o600);
    sandbox.write("tb/prefs.js", "user_pref(\"x\",1);", 0o600);
    sandbox.write("tb/storage/a/b", "x", 0o600);
    let args = ["import", "tb", "--account", "old", "--create", "--json"];
    let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
    let places: Vec<&str> = told.iter().map(|(place, _)| place.as_str()).collect();
    let wanted = [
        "ImapMail/imap.example.org/Far.msf",
        "Mail/Local Folders/filterlog.html",
        "prefs.js",
        "storage",
    ];
    assert_eq!(places, wanted);
    assert_eq!(
        (&summary["new"], &summary["skipped"]),
        (&5.into(), &4.into())
    );
    let folders: BTreeSet<String> = stored(&sandbox).into_iter().map(|(f, _)| f).collect();
    let wanted = [
        ".Local Folders.Archives.2024",
        ".Local Folders.Inbox",
        ".imap\\2eexample\\2eorg.INBOX",
        ".md\\2eexample\\2eorg.Inbox",
    ];
    assert_eq!(folders, wanted.map(str::to_owned).into());
    let text = sandbox
        .run(&["import", "tb", "--account", "old"])
        .expect_code(3);
    assert!(
        text.stderr().contains("skipped prefs.js: it is not mail"),
        "{text}"
    );
    assert!(text.stdout().contains("4 skipped"), "{text}");
}

#[test]
fn what_belongs_to_no_message_of_an_mbox_is_named() {
    let sandbox = sandbox();
    let text = format!("some text\n\n{}", mbox("From ", 1..=2));
    sandbox.write("in/Old.mbox", text, 0o600);
    let args = ["import", "in", "--account", "old", "--create", "--json"];
    let (told, summary) = left_out(&sandbox.run(&args).expect_code(3));
    assert!(
        told.iter()
            .all(|(_, reason)| reason.contains("first 11 bytes")),
        "{told:?}"
    );
    assert_eq!(
        (&summary["new"], &summary["unread"]),
        (&2.into(), &1.into())
    );
    assert_eq!(stored(&sandbox), letters(".Old", &[1, 2]));
    assert!(fs::metadata(sandbox.path("in/Old.mbox")).unwrap().is_file());
}

#[test]
fn equal_messages_of_a_folder_are_one_file_whatever_their_flags() {
    let sandbox = sandbox();
    for (folder, name) in [
        ("cur", "1.a:2,"),
        (".B/cur", "2.b:2,S"),
        (".B/cur", "3.c:2,"),
        (".B/cur", "4.d:2,FS"),
    ] {
        let folder = sandbox.path("maildir").join(folder);
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.parent().unwrap().join(sub)).unwrap();
        }
        fs::write(folder.join(name), mail(1)).unwrap();
    }
    let _ = import(&sandbox, "maildir").expect_code(0);
    let folders: Vec<String> = sandbox
        .messages("old")
        .into_iter()
        .map(|m| m.folder)
        .collect();
    assert_eq!(folders, ["", ".B"]);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_name_close_to_that_of_an_account_is_taken_for_a_slip() {
    let sandbox = sandbox();
    sandbox.write("one.mbox", format!("From a\n{}", mail(1)), 0o600);
    let work = ["import", "one.mbox", "--account", "work", "--create"];
    let _ = sandbox.run(&work).expect_code(0);
    let slip = ["import", "one.mbox", "--account", "wrok"];
    sandbox.run(&slip).expect(
        2,
        "",
        "error: there is no account called \"wrok\" yet; did you mean work?
  hint: to create \"wrok\", add --new-account
",
    );
    assert!(sandbox.messages("wrok").is_empty());
    let meant = [&slip[..], &["--new-account"]].concat();
    let _ = sandbox.run(&meant).expect_code(0);
    assert_eq!(sandbox.messages("wrok").len(), 1);
    for other in ["family", "work2"] {
        let other = ["import", "one.mbox", "--account", other];
        let _ = sandbox.run(&other).expect_code(0);
    }
    let again = ["import", "one.mbox", "--account", "work"];
    let _ = sandbox.run(&again).expect_code(0);
}

#[test]
fn a_file_is_no_control_file_and_no_message_by_its_name_alone() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let names = [
        "dovecot",
        "dovecot-users",
        "courier-users",
        "subscriptions",
        "maildirfolder",
        "maildirsize1",
        "Thumbs.db",
        "desktop.ini",
        "foo.eml",
        "foo.emlx",
        "foo.partial.emlx",
        "foo.gz",
        "foo.zst",
        "foo.mbox.gz",
    ];
    for name in names {
        let two = ["1", "2"].map(|n| format!("From -\nSubject: {name} {n}\n\nx\n\n"));
        sandbox.write(&format!("in/{name}"), two.concat(), 0o600);
    }
    sandbox.write("in/courier-notes", "no mail", 0o600);
    let args = ["import", "in", "--account", "work", "--create"];
    let output = sandbox.run(&args).expect_code(3);
    assert!(
        output
            .stderr()
            .contains("skipped courier-notes: it is not mail"),
        "{output}"
    );
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for stored in sandbox.messages("work") {
        *found.entry(stored.folder.replace("\\2e", ".")).or_default() += 1;
    }
    let wanted = names.iter().map(|name| (format!(".{name}"), 2));
    assert_eq!(found, wanted.collect());
}

#[test]
fn a_tree_of_ours_is_read_by_the_names_in_its_note() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let names = [
        "foo.eml",
        "foo.gz",
        "foo.mbox.gz",
        "dovecot",
        "a*b",
        "a?b",
        "R&D",
        "x.msf",
        "Ar/a*b",
        "Ar/a?b/c",
    ];
    for name in names {
        sandbox.write(
            &format!("in/{name}/cur/1.a:2,S"),
            format!("Subject: {name}\n\nx\n"),
            0o600,
        );
    }
    let import = |sandbox: &Sandbox, source: &str| {
        let args = ["import", source, "--account", "work", "--create"];
        let _ = sandbox.run(&args).expect_code(0);
        let mut all = sandbox.messages("work");
        for stored in &mut all {
            stored.name.clear();
        }
        all.sort_by_key(|stored| stored.bytes.clone());
        all
    };
    let before = import(&sandbox, "in");
    assert_eq!(before.len(), names.len());
    let _ = sandbox
        .run(&["export", "out", "--format", "mbox"])
        .expect_code(0);
    let fresh = Sandbox::new();
    fresh.config("vault = \"$HOME/vault\"\n");
    let source = sandbox.path("out");
    assert_eq!(import(&fresh, source.to_str().unwrap()), before);
}
