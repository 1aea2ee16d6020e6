//! A vault that lost a part of itself, or got one that does not belong there.

use std::fs;
use std::path::PathBuf;

use mailvault::sample::Sample;

use crate::support::sandbox::Sandbox;
use crate::support::scene::{json_lines, pulled, pulled_twice, tree};

/// Everything in the vault but what a run may touch that changes nothing.
fn contents(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let files = tree(&sandbox.vault()).into_iter();
    files
        .filter(|(name, _)| name != "lock" && !name.starts_with("catalog"))
        .collect()
}

fn ledger_file(sandbox: &Sandbox) -> PathBuf {
    let ledger = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    ledger.map(|file| file.unwrap().path()).next().unwrap()
}

#[test]
fn a_damaged_manifest_is_set_aside_and_rebuilt() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let manifest = sandbox.vault().join("vault.toml");
    let whole = fs::read_to_string(&manifest).unwrap();
    let id = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("created"));
        lines.collect::<String>()
    };
    let damages = [
        Vec::new(),
        whole.as_bytes()[..40].to_vec(),
        b"format = 1\n".to_vec(),
        vec![0; 200],
        vec![0xff, 0xfe, b'x'],
        b"junk".to_vec(),
    ];
    for (n, damaged) in damages.iter().enumerate() {
        fs::write(&manifest, damaged).unwrap();
        for args in [&["list"][..], &["verify"], &["pull"], &["pull", "--create"]] {
            let output = sandbox.run(args).expect_code(20);
            let said = output.stderr();
            assert!(said.contains("vault.toml is damaged: "), "{output}");
            assert!(said.contains("'mailvault verify --repair'"), "{output}");
            assert_eq!(&fs::read(&manifest).unwrap(), damaged);
        }
        let output = sandbox.run(&["verify", "--repair"]).expect_code(20);
        assert!(output.stdout().contains("vault.toml"), "{output}");
        assert_eq!(id(&fs::read_to_string(&manifest).unwrap()), id(&whole));
        let aside = tree(&sandbox.vault().join("quarantine"));
        assert_eq!(aside.len(), n + 1);
        assert!(aside.values().any(|bytes| bytes == damaged));
        let good = "work  3 of 3 messages good\n";
        sandbox.run(&["verify", "--read-data"]).expect(0, good, "");
        let _ = sandbox.run(&["pull"]).expect_code(0);
    }
}

#[test]
fn a_manifest_of_a_later_make_is_not_damage() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let manifest = sandbox.vault().join("vault.toml");
    let whole = fs::read_to_string(&manifest).unwrap();
    for text in [
        whole.replace("format = 1", "format = 2"),
        whole.replace("[]", "[\"packs\"]"),
        "format = 2\n".to_owned(),
        format!("{}\n\0", whole.replace("[]", "[\"packs\"]")),
    ] {
        fs::write(&manifest, &text).unwrap();
        let before = contents(&sandbox);
        for args in [&["list"][..], &["verify", "--repair"], &["pull"]] {
            let output = sandbox.run(args).expect_code(1);
            assert!(output.stderr().contains("cannot be used"), "{output}");
        }
        assert_eq!(contents(&sandbox), before);
    }
}

#[test]
fn a_damaged_manifest_that_the_ledger_cannot_replace_stays() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let manifest = sandbox.vault().join("vault.toml");
    fs::write(&manifest, "junk").unwrap();
    fs::write(ledger_file(&sandbox), "junk\n").unwrap();
    let before = contents(&sandbox);
    for args in [&["list"][..], &["verify", "--repair"], &["pull"]] {
        let output = sandbox.run(args).expect_code(20);
        let said = output.stderr().replace("\n        ", " ");
        assert!(said.contains("put the file back from a backup"), "{output}");
    }
    assert_eq!(contents(&sandbox), before);
}

#[test]
fn a_file_beside_the_accounts_is_named_and_left_alone() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let mail = sandbox.vault().join("mail");
    for name in ["notes.txt", "desktop.ini", "zzz", ".DS_Store"] {
        fs::write(mail.join(name), "mine").unwrap();
    }
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let _ = sandbox.run(&["audit", "--inbox", "work"]).expect_code(0);
    let _ = sandbox.run(&["list"]).expect_code(0);
    for args in [
        &["verify"][..],
        &["verify", "--read-data"],
        &["verify", "--repair"],
    ] {
        let output = sandbox.run(args).expect_code(0);
        let stdout = output.stdout();
        assert!(stdout.contains("3 of 3 messages good"), "{output}");
        for name in ["notes.txt", "desktop.ini", "zzz"] {
            let line = format!("not recorded  mail/{name}\n");
            assert!(stdout.contains(&line), "{output}");
        }
        assert!(!stdout.contains(".DS_Store"), "{output}");
        assert!(!stdout.contains("hint"), "{output}");
    }
    let found = json_lines(&sandbox.run(&["verify", "--json"]).expect_code(0).stdout);
    assert_eq!(found[0]["problem"], "unrecorded");
    assert_eq!(found[0]["path"], "mail/desktop.ini");
    assert_eq!(fs::read_to_string(mail.join("notes.txt")).unwrap(), "mine");
    let _ = sandbox.run(&["verify", "work"]).expect_code(0);
}

#[test]
fn a_lost_ledger_is_damage_and_begun_again_by_repair_alone() {
    for with_catalog in [true, false] {
        let (sandbox, server) = pulled(Sample::of(3, 7));
        let before = sandbox.messages("work");
        fs::remove_dir_all(sandbox.vault().join("ledger")).unwrap();
        if !with_catalog {
            fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
        }
        let files = contents(&sandbox);
        for args in [
            &["list"][..],
            &["status"],
            &["verify"],
            &["export", "out"],
            &["pull"],
            &["pull", "--create"],
            &["forget", "--all", "--yes", "--reason", "x"],
        ] {
            let output = sandbox.run(args).expect_code(20);
            assert!(output.stderr().contains("has lost its ledger"), "{output}");
            let hint = "'mailvault verify --repair'";
            let stderr = output.stderr().replace("\n        ", " ");
            assert!(stderr.contains(hint), "{output}");
            assert_eq!(contents(&sandbox), files);
        }
        let output = sandbox.run(&["verify", "--repair"]).expect_code(20);
        assert!(
            output.stdout().contains("missing       ledger\n"),
            "{output}"
        );
        let sum = "3 files were not recorded; what of that is mail was taken in.";
        assert!(output.stdout().contains(sum), "{output}");
        assert_eq!(sandbox.messages("work"), before);
        let good = "work  3 of 3 messages good\n";
        sandbox.run(&["verify", "--read-data"]).expect(0, good, "");
        let _ = sandbox.run(&["pull"]).expect_code(0);
        assert_eq!(sandbox.messages("work"), before);
        drop(server);
    }
}

#[test]
fn unrecorded_files_are_summed_up_with_what_takes_them_in() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    fs::remove_file(ledger_file(&sandbox)).unwrap();
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    let output = sandbox.run(&["verify"]).expect_code(0);
    let sum = "\n3 files are not recorded in the ledger.\n  hint: 'mailvault verify --repair' \
               takes in what of that is mail.\n";
    assert!(output.stdout().ends_with(sum), "{output}");
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(0);
    let good = "work  3 of 3 messages good\n";
    sandbox.run(&["verify", "--read-data"]).expect(0, good, "");
}

#[test]
fn what_repair_put_back_is_not_called_bad() {
    let (sandbox, _server) = pulled_twice(Sample::of(3, 7));
    let gone = sandbox.messages("work")[0].name.clone();
    fs::remove_file(sandbox.vault().join("mail/work/cur").join(&gone)).unwrap();
    let output = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let stdout = output.stdout();
    assert!(stdout.contains("work  3 of 3 messages good"), "{output}");
    assert!(stdout.contains("put back from another copy"), "{output}");
    let sum = "1 missing or damaged file put back from other copies in the vault.";
    assert!(stdout.contains(sum), "{output}");
    assert!(!stdout.contains("not good"), "{output}");
    assert!(!stdout.contains("pull"), "{output}");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn after_a_damaged_line_one_repair_is_enough() {
    let (sandbox, _server) = pulled(Sample::of(6, 7));
    let ledger = ledger_file(&sandbox);
    let mut lines: Vec<String> = sandbox.ledger_lines();
    let at = lines.iter().position(|l| l.contains("\"ev\":\"seen\""));
    let line = &mut lines[at.unwrap() + 2];
    *line = line.replace("\"ev\":\"seen\"", "\"ev\":\"sXen\"");
    fs::write(&ledger, lines.join("\n") + "\n").unwrap();
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let good = "work  6 of 6 messages good\n";
    sandbox.run(&["verify"]).expect(0, good, "");
    sandbox.run(&["verify", "--read-data"]).expect(0, good, "");
}

#[test]
fn an_export_of_nothing_but_missing_files_says_so_in_few_words() {
    let (sandbox, _server) = pulled(Sample::of(30, 7));
    for file in fs::read_dir(sandbox.vault().join("mail/work/cur")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    for dest in ["out", "out.mbox", "-"] {
        let output = sandbox.run(&["export", dest]).expect_code(3);
        let said = output.stderr();
        assert!(!output.stdout().contains("no messages match"), "{output}");
        assert_eq!(said.matches(" is left out: ").count(), 10, "{output}");
        let sum = "30 missing or damaged messages left out, 20 of them not named here";
        assert!(said.contains(sum), "{output}");
    }
    let output = sandbox.run(&["export", "more", "--json"]).expect_code(3);
    let lines = json_lines(&output.stdout);
    let left = lines.iter().filter(|line| line["type"] == "left_out");
    assert_eq!(left.count(), 30);
}

#[test]
fn a_forget_of_everything_names_the_purge_that_can_be_typed() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let plan = ["forget", "--all", "-n"];
    let output = sandbox.run(&plan).expect_code(0);
    assert!(
        output.stdout().contains("mailvault purge work --all"),
        "{output}"
    );
    let _ = sandbox
        .run(&["purge", "work", "--all", "-n"])
        .expect_code(0);
}
