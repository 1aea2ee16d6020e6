//! Accounts that get another name, are disabled, or are removed from the configuration.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mailvault::sample::{Sample, Server};
use serde_json::Value;

use crate::crash::points::{self, CALLS};
use crate::crash::scene::{read_log, strace};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{
    Account, configure, json_lines, lines_of, message, pulled, sandbox, server, tree,
};

const CONFIG: &str = ".config/mailvault/config.toml";

fn config(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(CONFIG)).unwrap()
}

fn rename(sandbox: &Sandbox, old: &str, new: &str) {
    let _ = sandbox.run(&["account", "rename", old, new]).expect_code(0);
}

fn accounts(lines: &[Value]) -> Vec<&str> {
    let names = lines.iter().map(|line| line["account"].as_str().unwrap());
    names.collect()
}

/// Asserts that a command that is given bad names ends with this code and changes nothing.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, said: &str) {
    let state = || {
        (
            config(sandbox),
            tree(&sandbox.vault().join("mail")),
            sandbox.ledger_lines(),
        )
    };
    let before = state();
    let output = sandbox.run(args).expect_code(code);
    assert!(output.stderr().contains(said), "{output}");
    assert_eq!(output.stdout(), "", "{output}");
    assert!(before == state(), "{args:?}");
}

#[test]
fn every_command_shows_a_renamed_account_once_and_by_its_new_name() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let before = tree(&sandbox.vault().join("mail"));
    sandbox
        .run(&["account", "rename", "work", "office"])
        .expect(
            0,
            "\
Renamed work to office in ~/.config/mailvault/config.toml.
Its mail stays in the vault as work; all commands show it as office.
If cron, a timer or a script names the account, change work to office there.
",
            "",
        );
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(accounts(&pull), ["office"]);
    assert_eq!(pull[0]["new"], 0, "{pull:?}");
    assert_eq!(pull[0]["bytes"], 0, "{pull:?}");
    assert!(before == tree(&sandbox.vault().join("mail")));
    let status = lines_of(&sandbox, &["status"], "status");
    assert_eq!(accounts(&status), ["office"]);
    assert_eq!(status[0]["messages"], 3);
    for query in ["account:office", "account:off*", "account:work"] {
        let found = lines_of(&sandbox, &["search", query], "message");
        assert_eq!(accounts(&found), ["office"; 3], "{query}");
    }
    let verified = lines_of(&sandbox, &["verify", "office"], "account");
    assert_eq!(accounts(&verified), ["office"]);
    assert_eq!(verified[0]["good"], 3);
    let _ = sandbox.run(&["audit", "--inbox", "office"]).expect_code(0);
    let by_folder = sandbox
        .run(&["stats", "--by", "folder"])
        .expect_code(0)
        .stdout();
    assert!(
        by_folder.contains("office/INBOX") && !by_folder.contains("work"),
        "{by_folder}"
    );
    let plan = lines_of(&sandbox, &["export", "out", "-n"], "folder");
    assert_eq!((accounts(&plan), plan.len()), (vec!["office"], 1));
    let _ = sandbox
        .run(&["status", "--metrics", "m.prom"])
        .expect_code(0);
    let metrics = fs::read_to_string(sandbox.path("m.prom")).unwrap();
    assert!(
        metrics.contains("mailvault_messages{account=\"office\"} 3"),
        "{metrics}"
    );
    assert!(!metrics.contains("work"), "{metrics}");
    let purge = ["purge", "office", "--match", "account:office", "--yes"];
    let _ = sandbox.run(&purge).expect_code(0);
    let status = lines_of(&sandbox, &["status"], "status");
    assert_eq!(status[0]["purged"], 3);
    refused(
        &sandbox,
        &["search", "account:offcie"],
        2,
        "did you mean account:\"office\"?",
    );
}

#[test]
fn a_renamed_account_over_imap_fetches_nothing_again_and_finds_its_folders() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<_> = Sample::of(3, 7).into_iter().map(|m| m.bytes).collect();
    dovecot.deliver("ann", &mail[..2]);
    dovecot.deliver_to("ann", ".Lists", &mail[2..]);
    let account = Account::new("work", dovecot.imap().port(), "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    rename(&sandbox, "work", "office");
    let before = tree(&sandbox.vault().join("mail"));
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull[0]["new"], &pull[0]["bytes"]),
        (&0.into(), &0.into()),
        "{pull:?}"
    );
    assert!(before == tree(&sandbox.vault().join("mail")));
    let _ = sandbox.run(&["audit", "office"]).expect_code(0);
    dovecot.deliver_to("ann", ".Lists", &[b"Subject: new\r\n\r\nnew\r\n"]);
    let pull = lines_of(&sandbox, &["pull", "office"], "account");
    assert_eq!(pull[0]["new"], 1, "{pull:?}");
    assert_eq!(sandbox.messages("work").len(), 4);
    assert!(!sandbox.vault().join("mail/office").exists());
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_name_that_was_changed_by_hand_is_noticed_before_anything_is_fetched() {
    let (sandbox, server) = pulled(Sample::of(3, 7));
    configure(&sandbox, &[Account::of("office", &server)]);
    for args in [&["pull"][..], &["pull", "-n"], &["pull", "office"]] {
        refused(
            &sandbox,
            args,
            15,
            "error: office: the vault has the mail of this account as \"work\"\n  hint: if office is its \
             new name, run 'mailvault account rename work office';\n",
        );
    }
    assert!(!sandbox.vault().join("mail/office").exists());
    rename(&sandbox, "work", "office");
    assert!(config(&sandbox).contains("stored_as = \"work\""));
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull[0]["new"], &pull[0]["bytes"]),
        (&0.into(), &0.into()),
        "{pull:?}"
    );
    assert_eq!(
        accounts(&lines_of(&sandbox, &["status"], "status")),
        ["office"]
    );
}

#[test]
fn a_second_account_of_a_maildrop_is_pulled_if_it_says_so_or_both_are_configured() {
    let (sandbox, server) = pulled(Sample::of(2, 7));
    let second = || Account::of("office", &server);
    configure(&sandbox, &[Account::of("work", &server), second()]);
    let _ = sandbox.run(&["pull", "-n", "office"]).expect_code(0);
    configure(&sandbox, &[second().with("stored_as", "\"office\"")]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(sandbox.messages("office").len(), 2);
}

#[test]
fn names_that_cannot_be_given_change_nothing() {
    let (sandbox, server) = pulled(Sample::of(1, 7));
    let home = Account::of("home", &server).with("stored_as", "\"old\"");
    configure(&sandbox, &[Account::of("work", &server), home]);
    let mail = ["account", "rename", "wrok", "office"];
    refused(&sandbox, &mail, 15, "did you mean work?");
    refused(
        &sandbox,
        &["account", "rename", "old", "x"],
        15,
        "it was renamed to home",
    );
    refused(
        &sandbox,
        &["account", "rename", "work", "Office"],
        2,
        "cannot be the name",
    );
    for taken in ["work", "home", "old"] {
        let said = format!("there is already an account called {taken}");
        refused(&sandbox, &["account", "rename", "work", taken], 2, &said);
    }
    fs::create_dir(sandbox.vault().join("mail/gone")).unwrap();
    let said = "the vault already has an account called gone";
    refused(&sandbox, &["account", "rename", "work", "gone"], 2, said);
    refused(
        &sandbox,
        &["account", "disable", "x"],
        15,
        "no account is called \"x\"",
    );
    refused(
        &sandbox,
        &["account", "remove", "x", "--yes"],
        15,
        "no account is called \"x\"",
    );
    refused(&sandbox, &["pull", "old"], 15, "it was renamed to home");
    let mut text = config(&sandbox);
    text += "\n[accounts.third]\nhost = \"h\"\nuser = \"u\"\nstored_as = \"work\"\n";
    sandbox.config(&text);
    let said = "the mail of third and work would both be stored as work";
    refused(&sandbox, &["status"], 15, said);
}

#[test]
fn a_name_that_the_vault_has_twice_is_refused_until_one_is_changed() {
    let (sandbox, server) = pulled(Sample::of(1, 7));
    configure(
        &sandbox,
        &[Account::of("office", &server).with("stored_as", "\"work\"")],
    );
    fs::create_dir(sandbox.vault().join("mail/office")).unwrap();
    let said = "office is stored as work, but the vault has another account called office";
    refused(&sandbox, &["status"], 15, said);
    refused(&sandbox, &["pull"], 15, said);
    rename(&sandbox, "office", "bureau");
    let _ = sandbox.run(&["pull"]).expect_code(0);
}

#[test]
fn a_name_that_is_changed_several_times_leads_to_the_same_mail_and_back() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let before = config(&sandbox);
    rename(&sandbox, "work", "b");
    rename(&sandbox, "b", "c");
    assert!(config(&sandbox).contains("[accounts.c]\nstored_as = \"work\"\n"));
    assert_eq!(accounts(&lines_of(&sandbox, &["status"], "status")), ["c"]);
    rename(&sandbox, "c", "work");
    assert_eq!(config(&sandbox), before);
}

#[test]
fn a_rename_keeps_links_modes_and_line_ends_of_the_configuration() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let text = format!("# mine\r\n{}", config(&sandbox).replace('\n', "\r\n"));
    let real = sandbox.write("dotfiles/mv.toml", &text, 0o640);
    fs::remove_file(sandbox.path(CONFIG)).unwrap();
    symlink(&real, sandbox.path(CONFIG)).unwrap();
    rename(&sandbox, "work", "office");
    assert!(sandbox.path(CONFIG).is_symlink());
    let header = "[accounts.office]\r\nstored_as = \"work\"\r\n";
    assert_eq!(
        config(&sandbox),
        text.replace("[accounts.work]\r\n", header)
    );
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(fs::read_dir(sandbox.path("dotfiles")).unwrap().count(), 1);

    fs::set_permissions(&real, fs::Permissions::from_mode(0o440)).unwrap();
    refused(
        &sandbox,
        &["account", "rename", "office", "x"],
        1,
        "permission denied",
    );
}

#[test]
fn an_account_in_dotted_keys_is_left_to_its_author() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let text = config(&sandbox)
        .replace("[accounts.work]\n", "")
        .replace("\nhost", "\naccounts.work.host");
    let keys = ["password_file", "port", "tls", "user"];
    let text = keys.iter().fold(text, |text, key| {
        text.replace(&format!("\n{key} ="), &format!("\naccounts.work.{key} ="))
    });
    sandbox.config(&text);
    let said = "the account work is not in a table of its own";
    refused(&sandbox, &["account", "rename", "work", "office"], 15, said);
    refused(&sandbox, &["account", "remove", "work", "--yes"], 15, said);
}

#[test]
fn an_export_goes_on_in_the_folders_that_an_older_name_gave_it() {
    let (sandbox, server) = pulled(Sample::of(2, 7));
    let second = server_with_one();
    let other = || Account::of("home", &second);
    configure(&sandbox, &[Account::of("work", &server), other()]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let _ = sandbox.run(&["export", "out"]).expect_code(0);
    let before = tree(&sandbox.path("out"));
    rename(&sandbox, "work", "office");
    let _ = sandbox.run(&["export", "out"]).expect_code(0);
    let names = |tree: &std::collections::BTreeMap<String, Vec<u8>>| {
        tree.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&tree(&sandbox.path("out"))), names(&before));
    let _ = sandbox.run(&["export", "fresh"]).expect_code(0);
    assert!(sandbox.path("fresh/office").is_dir());
    assert!(!sandbox.path("fresh/work").exists());
}

fn server_with_one() -> Server {
    server(vec![message("one", "Subject: one\r\n\r\none\r\n")])
}

#[test]
fn an_import_into_a_renamed_account_goes_to_its_mail() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    rename(&sandbox, "work", "office");
    sandbox.write("mail/cur/one:2,S", "Subject: one\r\n\r\none\r\n", 0o600);
    fs::create_dir_all(sandbox.path("mail/new")).unwrap();
    let _ = sandbox
        .run(&["import", "mail", "--account", "office"])
        .expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 2);
    assert!(!sandbox.vault().join("mail/office").exists());
}

#[test]
fn a_disabled_account_is_left_out_unless_it_is_named() {
    let (sandbox, server) = pulled(Sample::of(1, 7));
    let second = server_with_one();
    let other = Account::of("home", &second);
    configure(&sandbox, &[Account::of("work", &server), other]);
    let before = config(&sandbox);
    let _ = sandbox.run(&["account", "disable", "work"]).expect_code(0);
    let output = sandbox.run(&["pull", "-v"]).expect_code(0);
    assert!(
        output.stdout().contains("left out, as disabled: work\n"),
        "{output}"
    );
    assert!(!output.stderr().contains("work"), "{output}");
    let summary = lines_of(&sandbox, &["pull"], "summary");
    assert_eq!(summary[0]["disabled"], serde_json::json!(["work"]));
    sandbox.run(&["pull"]).expect(0, "", "");
    let status = sandbox.run(&["status"]).expect_code(0);
    assert!(status.stdout().contains("work: disabled\n"), "{status}");
    let status = lines_of(&sandbox, &["status", "--max-age", "1d"], "status");
    assert_eq!(status[1]["enabled"], false, "{status:?}");
    let _ = sandbox.run(&["pull", "work"]).expect_code(0);
    sandbox
        .run(&["account", "disable", "work"])
        .expect(0, "work is disabled already.\n", "");
    sandbox.run(&["account", "enable", "work"]).expect(
        0,
        "'mailvault pull' fetches work again.\n",
        "",
    );
    assert_eq!(config(&sandbox), before);
    // Where the default is not to pull, an account that is enabled says so.
    sandbox.config(&(before.clone() + "\n[defaults]\npull = false\n"));
    let _ = sandbox.run(&["account", "enable", "work"]).expect_code(0);
    assert!(config(&sandbox).contains("[accounts.work]\npull = true\n"));
}

#[test]
fn a_removed_account_leaves_its_mail_and_how_to_find_it() {
    let (sandbox, _server) = pulled(Sample::of(2, 7));
    rename(&sandbox, "work", "office");
    let remove = ["account", "remove", "office"];
    refused(&sandbox, &remove, 2, "removing office needs a confirmation");
    let before = tree(&sandbox.vault());
    sandbox
        .run(&["account", "remove", "office", "--yes"])
        .expect(
            0,
            "\
Removed office from ~/.config/mailvault/config.toml.
Its mail is still in the vault:
  mailvault list account:work
  mailvault export DEST account:work
~/.password was not deleted.
",
            "",
        );
    assert!(before == tree(&sandbox.vault()));
    assert!(sandbox.path(".password").exists());
    assert_eq!(
        lines_of(&sandbox, &["list", "account:work"], "message").len(),
        2
    );
    let listed = lines_of(&sandbox, &["account", "list"], "account");
    assert_eq!(accounts(&listed), ["work"]);
    assert_eq!(listed[0]["configured"], false);
}

#[test]
fn accounts_are_listed_with_the_names_that_the_vault_has_for_them() {
    let (mut sandbox, server) = pulled(Sample::of(2, 7));
    sandbox.mask_port(server.addr().port());
    rename(&sandbox, "work", "office");
    let _ = sandbox
        .run(&["account", "disable", "office"])
        .expect_code(0);
    sandbox.run(&["account", "list"]).expect(
        0,
        "\
ACCOUNT  MESSAGES  USER  SERVER
office          2  demo  127.0.0.1:$PORT  disabled, stored as work
",
        "",
    );
    // Before the first pull there is no vault.
    fs::remove_dir_all(sandbox.vault()).unwrap();
    let listed = lines_of(&sandbox, &["account", "list"], "account");
    assert_eq!(listed[0]["messages"], Value::Null);
}

#[test]
fn a_maildrop_at_a_new_host_is_known_once_a_sample_was_compared() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<_> = Sample::of(45, 7).into_iter().map(|m| m.bytes).collect();
    dovecot.deliver("ann", &mail[..40]);
    dovecot.deliver_to("ann", ".Lists", &mail[40..]);
    for (protocol, port) in [
        ("pop3", dovecot.pop3().port()),
        ("imap", dovecot.imap().port()),
    ] {
        let account = || {
            let protocol = format!("\"{protocol}\"");
            Account::new("work", port, "ann").with("protocol", &protocol)
        };
        let sandbox = sandbox(&[account()]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
        let stored = sandbox.messages("work");
        configure(&sandbox, &[account().with("host", "\"localhost\"")]);
        let from = ["account", "move", "work", "--from"];
        refused(
            &sandbox,
            &[&from[..], &["ann"]].concat(),
            2,
            "does not name a user and a host",
        );
        let other = [&from[..], &["ann@pop.example.org"]].concat();
        refused(&sandbox, &other, 2, "it has mail from ann@127.0.0.1");
        let moved = [&from[..], &["ann@127.0.0.1"]].concat();
        let notices = lines_of(&sandbox, &moved, "notice");
        let texts: Vec<_> = notices
            .iter()
            .map(|n| n["message"].as_str().unwrap())
            .collect();
        assert!(
            texts.contains(
                &"20 received and compared, all match; 40 messages known by the old names"
            ),
            "{protocol} {texts:?}"
        );
        assert_eq!(sandbox.messages("work"), stored);
        for args in [&moved[..], &["pull"]] {
            let pull = lines_of(&sandbox, args, "account");
            assert_eq!(
                (&pull[0]["wanted"], &pull[0]["bytes"]),
                (&0.into(), &0.into()),
                "{pull:?}"
            );
        }
        let audit: &[&str] = match protocol {
            "pop3" => &["audit", "work", "--inbox"],
            _ => &["audit", "work"],
        };
        let _ = sandbox.run(audit).expect_code(0);
        let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    }
}

#[test]
fn what_another_server_has_under_the_old_names_is_fetched() {
    let letter = |n: usize, text: &str| {
        message(
            &format!("u{n}"),
            &format!("Subject: {n}\r\n\r\n{text} {n}\r\n"),
        )
    };
    let letters = |text: &str| (0..30).map(|n| letter(n, text)).collect::<Vec<_>>();
    let (sandbox, _old) = pulled(letters("one"));
    // One message of the sample is another one.
    let mut mail = letters("one");
    mail[0] = letter(0, "two");
    let new = server(mail);
    configure(&sandbox, &[Account::of("work", &new)]);
    let moved = ["account", "move", "work", "--from", "demo@127.0.0.1"];
    let all = json_lines(
        &sandbox
            .run(&[&moved[..], &["--json"]].concat())
            .expect_code(0)
            .stdout,
    );
    let notice = all.iter().find(|line| line["notice"] == "moved").unwrap();
    let said = notice["message"].as_str().unwrap();
    assert!(
        said.starts_with("only 19 of 20 messages that were received"),
        "{said}"
    );
    let account = all.iter().find(|line| line["type"] == "account").unwrap();
    assert_eq!(
        (&account["new"], &account["wanted"]),
        (&1.into(), &30.into()),
        "{account}"
    );
    assert_eq!(sandbox.messages("work").len(), 31);
    let _ = sandbox.run(&["audit", "work", "--inbox"]).expect_code(0);
}

#[test]
fn names_that_are_message_numbers_are_not_believed_after_a_move() {
    let letter = |n: usize, text: &str| {
        let name = (n + 1).to_string();
        message(&name, &format!("Subject: {n}\r\n\r\n{text} {n}\r\n"))
    };
    let letters = || (0..30).map(|n| letter(n, "one")).collect::<Vec<_>>();
    let (sandbox, _old) = pulled(letters());
    // One that 20 of 30, evenly spread, leave out.
    let mut mail = letters();
    mail[2] = letter(2, "two");
    let new = server(mail);
    configure(&sandbox, &[Account::of("work", &new)]);
    let moved = ["account", "move", "work", "--from", "demo@127.0.0.1"];
    let _ = sandbox.run(&moved);
    assert_eq!(sandbox.messages("work").len(), 31);
}

#[test]
fn names_that_are_wanted_at_the_new_server_are_fetched_by_a_further_move() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let letter = |n: usize, word: &str, text: &str| {
        format!("Subject: {word} {n:02}\r\nMessage-ID: <{n:02}@example.org>\r\n\r\n{text}\r\n")
    };
    let whole = |n| letter(n, "letter", "first");
    dovecot.deliver("ann", &(0..40).map(whole).collect::<Vec<_>>());
    let account =
        || Account::new("work", dovecot.pop3().port(), "ann").with("protocol", "\"pop3\"");
    let sandbox = sandbox(&[account()]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    configure(&sandbox, &[account().with("host", "\"localhost\"")]);
    let moved = ["account", "move", "work", "--from", "ann@127.0.0.1"];
    let _ = sandbox.run(&moved).expect_code(0);
    // Other messages under the same names, with the same sizes.
    let rewrite = |text: &dyn Fn(usize) -> String| {
        let cur = dovecot.maildir("ann").join("cur");
        for file in fs::read_dir(cur).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let seconds: usize = name.split('.').next().unwrap().parse().unwrap();
            fs::write(&path, text(seconds - 1_000_000_000)).unwrap();
        }
    };
    rewrite(&|n| letter(n, "packet", "first"));
    let _ = sandbox.run(&["audit", "work", "--inbox"]).expect_code(3);
    // The old ones again, but for one that 20 of 40, evenly spread, leave out.
    rewrite(&|n| letter(n, "letter", if n == 1 { "other" } else { "first" }));
    let _ = sandbox.run(&moved).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 41);
}

/// Kills a command at each of its calls in the folder of the configuration: afterwards the file
/// is the old one or the new one, and the command can be given again.
fn killed_at_any_call(args: &[&str]) {
    if missing("strace") {
        return;
    }
    let (scene, _server) = pulled(Sample::of(1, 7));
    let old = config(&scene);
    let at = |sandbox: &Sandbox| sandbox.path(".config/mailvault");
    let log = scene.path("calls");
    let options = format!("-y -e trace={CALLS} -o {}", log.display());
    strace(&scene, &options, args);
    let new = config(&scene);
    assert_ne!(old, new);
    let points = points::points(&read_log(&log), at(&scene).to_str().unwrap(), CALLS);
    assert!(points.len() > 4, "too few points: {points:?}");
    let mut seen = [false; 2];
    for point in &points {
        let Some(path) = &point.path else { continue };
        let path = at(&scene).join(Path::new(path.trim_start_matches('/')));
        for what in ["signal=KILL", "error=ENOSPC", "error=EIO"] {
            fs::write(scene.path(CONFIG), &old).unwrap();
            let inject = format!("-e inject={}:{what}:when={}", point.call, point.n);
            let options = format!("-P {} {inject} -o /dev/null", path.display());
            let _ = strace(&scene, &options, args);
            let left = config(&scene);
            assert!(left == old || left == new, "{point:?} {what}: {left}");
            seen[usize::from(left == new)] = true;
            let _ = scene.run(args);
            assert_eq!(config(&scene), new, "{point:?} {what}");
        }
    }
    assert_eq!(seen, [true; 2], "{points:?}");
}

#[test]
fn a_rename_that_is_killed_or_has_no_room_leaves_the_old_configuration_or_the_new() {
    killed_at_any_call(&["account", "rename", "work", "office"]);
}

#[test]
fn a_removal_that_is_killed_or_has_no_room_leaves_the_old_configuration_or_the_new() {
    killed_at_any_call(&["account", "remove", "work", "--yes"]);
}
