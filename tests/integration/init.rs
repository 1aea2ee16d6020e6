//! `init` and `login`: what works is written, and nothing else; and `config`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use mailvault::sample::{Sample, Server};

use crate::support::dovecot::{Dovecot, Options};
use crate::support::missing;
use crate::support::output::Output;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, json_lines, pulled, sandbox, server, tree};
use crate::support::tls::authority;

const CONFIG: &str = ".config/mailvault/config.toml";

/// A home without configuration, in which `pw` holds the password of all tests.
fn home(server: &Server) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write("pw", "secret\n", 0o600);
    sandbox.write("wrong", "not-this-one\n", 0o600);
    sandbox.mask_port(server.addr().port());
    sandbox
}

/// Runs `init` against a sample server with these flags besides.
fn init(sandbox: &Sandbox, server: &Server, more: &[&str]) -> Output {
    let port = server.addr().port().to_string();
    let flags = [
        "init",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--tls",
        "none",
        "--user",
        "demo",
    ];
    sandbox.run(&[&flags, more].concat())
}

const FIRST: [&str; 5] = ["--pop3", "--name", "work", "--password-file", "pw"];

fn config(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path(CONFIG)).unwrap()
}

#[test]
fn with_enough_flags_it_asks_nothing_and_what_it_writes_can_be_pulled() {
    let server = server(Sample::of(3, 7));
    let sandbox = home(&server);
    init(&sandbox, &server, &FIRST).expect(
        0,
        "Wrote ~/.config/mailvault/config.toml.
Next:
  mailvault pull         fetch everything; nothing is deleted
  mailvault init         add another account
  mailvault doctor       check everything, at any time
",
        "",
    );
    let port = server.addr().port();
    assert_eq!(
        config(&sandbox),
        format!(
            "# Check it after a change: mailvault config check

[accounts.work]
protocol = \"pop3\"
host = \"127.0.0.1\"
port = {port}
tls = \"none\"
user = \"demo\"
password_file = \"~/pw\"
"
        )
    );
    let mode = fs::metadata(sandbox.path(CONFIG))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let pulled = sandbox.run(&["pull"]).expect_code(0);
    assert!(pulled.stdout().starts_with("work  3 new"), "{pulled}");
}

#[test]
fn a_second_account_is_added_and_the_file_keeps_its_words() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let before = "# mine\nvault = \"~/mail\"   # here\n\n[accounts.old]\nhost = \
                  \"pop.example.org\"\nuser = \"ann\"   # no line end";
    let path = sandbox.write(CONFIG, before, 0o640);
    let _ = init(&sandbox, &server, &FIRST).expect_code(0);
    let after = config(&sandbox);
    let added = after.strip_prefix(before).expect("what was there stays");
    assert!(added.starts_with("\n\n[accounts.work]\n"), "{added}");
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "the file is the same one");
    let check = sandbox.run(&["config", "check"]);
    check.expect(
        0,
        "~/.config/mailvault/config.toml is valid: 2 accounts\n",
        "",
    );
}

#[test]
fn an_account_that_exists_is_refused_before_anything_is_asked() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let _ = init(&sandbox, &server, &FIRST).expect_code(0);
    let (before, sessions) = (config(&sandbox), server.sessions());
    init(&sandbox, &server, &FIRST).expect(
        2,
        "",
        "error: there is already an account called work
  hint: choose another name with --name; 'mailvault login' changes its password
",
    );
    assert_eq!((config(&sandbox), server.sessions()), (before, sessions));
    // Without a name, a free one is found.
    let flags = ["--pop3", "--password-file", "pw", "ann@work.example.org"];
    let _ = init(&sandbox, &server, &flags).expect_code(0);
    assert!(config(&sandbox).contains("[accounts.work-2]"));
}

#[test]
fn a_wrong_password_writes_nothing() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let before = tree(sandbox.home());
    let flags = [
        "--pop3",
        "--name",
        "work",
        "--password-file",
        "wrong",
        "--vault",
        "v",
    ];
    let output = init(&sandbox, &server, &flags).expect_code(12);
    let first = "error: 127.0.0.1:$PORT refused the password for demo\n";
    assert!(output.stderr().starts_with(first), "{output}");
    assert!(!output.to_string().contains("not-this-one"), "{output}");
    assert_eq!(tree(sandbox.home()), before);
    assert!(!sandbox.path(".config").exists() && !sandbox.path("v").exists());
}

#[test]
fn print_shows_the_configuration_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "ann@gmail.com", "--print"]).expect(
        0,
        "# Check it after a change: mailvault config check

[accounts.gmail]
protocol = \"imap\"
host = \"imap.gmail.com\"
port = 993
tls = \"tls\"
user = \"ann@gmail.com\"
password_file = \"~/.config/mailvault/secret-gmail\"
",
        "",
    );
    let args = [
        "init",
        "ann@wp.pl",
        "--pop3",
        "--print",
        "--vault",
        "m",
        "--name",
        "a.b",
    ];
    let printed = sandbox.run(&args).expect_code(0).stdout();
    for line in ["vault = \"~/m\"", "[accounts.\"a.b\"]", "user = \"ann\""] {
        assert!(printed.lines().any(|l| l == line), "{printed}");
    }
    assert!(tree(sandbox.home()).is_empty());
}

#[test]
fn without_a_terminal_a_missing_flag_is_named() {
    let sandbox = Sandbox::new();
    for (args, flag) in [
        (&["init"][..], "mailvault init EMAIL"),
        (&["init", "ann"], "ann@example.org"),
        (&["init", "ann@gmx.net"], "--pop3"),
        (&["init", "ann@gmx.net", "--pop3"], "--password-file"),
        (
            &["init", "ann@outlook.com", "--imap"],
            "--oauth client_id=ID",
        ),
        (
            &["init", "ann@outlook.com", "--imap", "--print"],
            "--oauth client_id=ID",
        ),
        (&["init", "ann@icloud.com", "--pop3"], "It has no POP3"),
        (&["init", "ann@nothing.invalid", "--imap"], "--host"),
        (
            &["init", "ann@gmx.net", "--pop3", "--name", "A b"],
            "a-z 0-9",
        ),
    ] {
        let output = sandbox.run(args).expect_code(2);
        assert!(output.stderr().contains(flag), "{flag}: {output}");
    }
    let _ = sandbox
        .run(&["init", "ann@tuta.com", "--imap"])
        .expect_code(15);
    assert!(tree(sandbox.home()).is_empty());
}

#[test]
fn a_vault_that_is_chosen_is_made_and_written_down() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let _ = init(
        &sandbox,
        &server,
        &[&FIRST[..], &["--vault", "archive"]].concat(),
    )
    .expect_code(0);
    assert!(config(&sandbox).contains("vault = \"~/archive\"\n"));
    assert!(sandbox.path("archive/vault.toml").exists());
    let _ = sandbox.run(&["pull"]).expect_code(0);
}

#[test]
fn a_vault_that_an_older_configuration_would_not_mean_is_refused_before_anything_is_asked() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let there = "vault = \"~/mail\"\n";
    sandbox.config(there);
    let output = init(
        &sandbox,
        &server,
        &[&FIRST[..], &["--vault", "archive"]].concat(),
    );
    output.expect(
        2,
        "",
        "\
error: ~/.config/mailvault/config.toml already exists, and uses another vault
  hint: leave out --vault, or change its line to vault = \"~/archive\"
",
    );
    assert_eq!(config(&sandbox), there);
    assert_eq!(server.sessions(), 0);
    let same = [&FIRST[..], &["--vault", "mail"]].concat();
    let _ = init(&sandbox, &server, &same).expect_code(0);
}

#[test]
fn a_certificate_of_ones_own_can_be_named_or_pinned() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &["Subject: one\r\n\r\n1\r\n"]);
    let port = dovecot.imaps().port().to_string();
    let sandbox = Sandbox::new();
    sandbox.write("pw", "secret\n", 0o600);
    sandbox.write("ca.pem", &authority().ca_pem, 0o644);
    let flags = [
        "init",
        "ann@example.org",
        "--imap",
        "--host",
        "localhost",
        "--port",
        &port,
        "--user",
        "ann",
        "--password-command",
        "cat ~/pw",
    ];
    let run = |more: &[&str]| sandbox.run(&[&flags, more].concat());
    let output = run(&[]).expect_code(14);
    assert!(output.stderr().contains("sha256:"), "{output}");
    let _ = run(&["--name", "ca", "--tls-ca-file", "ca.pem"]).expect_code(0);
    let pin = authority().localhost.fingerprint();
    let _ = run(&["--name", "pin", "--tls-pin-sha256", &pin]).expect_code(0);
    let pulled = sandbox.run(&["pull"]).expect_code(0).stdout();
    assert!(pulled.contains("1 new"), "{pulled}");
}

#[test]
fn a_certificate_that_is_not_trusted_is_shown_and_pinned_if_a_person_says_so() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    if missing("script") {
        return;
    }
    dovecot.deliver("ann", &["Subject: one\r\n\r\n1\r\n"]);
    let sandbox = Sandbox::new();
    sandbox.write("pw", "secret\n", 0o600);
    let command = format!(
        "init ann@example.org --imap --host localhost:{} --user ann --name work \
         --password-file pw",
        dovecot.imaps().port()
    );
    let question = "Trust this certificate";
    let shown = answered(&sandbox, &command, question, "no\n");
    assert!(shown.contains("code 14"), "{shown}");
    assert!(!sandbox.path(CONFIG).exists(), "{shown}");
    let shown = answered(&sandbox, &command, question, "yes\n");
    assert!(shown.contains("code 0"), "{shown}");
    let digits = |text: &str| text.to_uppercase().replace(':', "");
    let pin = digits(&authority().localhost.fingerprint());
    let pin = pin.trim_start_matches("SHA256");
    assert!(digits(&config(&sandbox)).contains(pin), "{shown}");
    let pulled = sandbox.run(&["pull"]).expect_code(0).stdout();
    assert!(pulled.contains("1 new"), "{pulled}");
}

#[test]
fn login_stores_a_password_only_if_it_works() {
    let (sandbox, server) = pulled(Sample::of(1, 7));
    let file = sandbox.path(".password");
    fs::write(&file, "old\n").unwrap();
    let login = |typed: &str| {
        let shown = sandbox.write("typed", typed, 0o600);
        let mut command = sandbox.command(&["login", "work", "--stdin"]);
        command.stdin(Stdio::from(fs::File::open(shown).unwrap()));
        sandbox.spawn(command).wait()
    };
    let refused = login("not-this-one\n").expect_code(12);
    assert!(!refused.to_string().contains("not-this-one"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old\n");
    login("secret\nmore\n").expect(
        0,
        "Signed in: 1 message.\nWrote ~/.password (mode 600).\n",
        "",
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "secret\n");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let _ = login("\n").expect_code(2);
    let named = sandbox.run(&["login", "work"]).expect_code(2);
    assert!(named.stderr().contains("--stdin"), "{named}");
    drop(server);
}

#[test]
fn login_leaves_alone_what_a_program_or_the_environment_gives() {
    let server = server(Sample::of(1, 7));
    let of = |name| Account::of(name, &server).without("password_file");
    let sandbox = sandbox(&[
        of("command").with("password_command", "\"true\""),
        of("env").with("password_env", "\"X\""),
        of("none"),
    ]);
    let before = tree(sandbox.home());
    for (name, said) in [
        ("command", "has its password from password_command"),
        ("env", "has its password from password_env"),
        ("none", "add password_file = \"secret-none\""),
    ] {
        let output = sandbox.run(&["login", name]).expect_code(15);
        assert!(output.stderr().contains(said), "{output}");
    }
    assert_eq!((tree(sandbox.home()), server.sessions()), (before, 0));
}

#[test]
fn config_tells_where_it_is_whether_it_is_right_and_what_it_says() {
    let sandbox = Sandbox::new();
    let path = "$HOME/.config/mailvault/config.toml\n";
    sandbox.run(&["config", "path"]).expect(0, path, "");
    let _ = sandbox.run(&["config", "check"]).expect_code(15);
    sandbox.config(
        "vault = \"$HOME/mail\"\n[defaults]\ntimeout = \"90s\"\n[accounts.work]\n\
         host = \"pop.example.org\"\nuser = \"ann\"\n\
         password_command = \"echo hunter2\"\n",
    );
    sandbox.run(&["config", "path"]).expect(0, path, "");
    sandbox.run(&["config", "show"]).expect(
        0,
        "# ~/.config/mailvault/config.toml, with the defaults filled in
vault = \"~/mail\"

[accounts.work]
protocol = \"pop3\"
host = \"pop.example.org\"
port = 995
tls = \"tls\"
user = \"ann\"
auth = \"auto\"
password_command = \"****\"
allow_plaintext = false
timeout = \"90s\"
retries = 3
dedupe = \"message-id\"
recognise = \"never\"
zstd_level = 2
pull = true
covers = \"account\"
",
        "",
    );
    let json = sandbox.run(&["config", "show", "--json"]).expect_code(0);
    assert!(!json.to_string().contains("hunter2"), "{json}");
    assert_eq!(json_lines(&json.stdout).len(), 2);
    sandbox.config("[accounts.work\n");
    let _ = sandbox.run(&["config", "check"]).expect_code(15);
}

#[test]
fn json_ends_with_the_summary_also_where_it_fails() {
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    for (more, code) in [
        (
            &[
                "--json",
                "--pop3",
                "--name",
                "a",
                "--password-file",
                "wrong",
            ][..],
            12,
        ),
        (
            &["--json", "--pop3", "--name", "a", "--password-file", "pw"],
            0,
        ),
        (&["--json", "--pop3", "--name", "b", "--print"], 0),
        (&["--json"], 2),
    ] {
        let output = init(&sandbox, &server, more).expect_code(code);
        assert_eq!(output.stderr(), "");
        let lines = json_lines(&output.stdout);
        assert_eq!(lines.last().unwrap()["exit"], code);
        assert_eq!(lines.last().unwrap()["command"], "init");
    }
}

/// Runs this at a terminal, presses Ctrl-C at a question, and gives what was shown.
fn interrupted(sandbox: &Sandbox, command: &str, question: &str) -> String {
    answered(sandbox, command, question, "\x03")
}

/// Runs this at a terminal, types an answer to a question, and gives what was shown.
fn answered(sandbox: &Sandbox, command: &str, question: &str, answer: &str) -> String {
    let program = env!("CARGO_BIN_EXE_mailvault");
    let line = format!("trap : INT; stty cols 80; {program} {command}; echo \"code $?\"; stty -a");
    let mut script = sandbox.tool("script");
    script.args(["-qec", &line, "/dev/null"]);
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut part) = (Vec::new(), [0; 1024]);
    let mut pressed = false;
    loop {
        let count = screen.read(&mut part).unwrap();
        if count == 0 {
            break;
        }
        shown.extend_from_slice(&part[..count]);
        if !pressed && String::from_utf8_lossy(&shown).contains(question) {
            // The question stands before its answer is waited for.
            std::thread::sleep(std::time::Duration::from_millis(300));
            keys.write_all(answer.as_bytes()).unwrap();
            pressed = true;
        }
    }
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

#[test]
fn ctrl_c_at_a_question_ends_it_at_once_and_the_terminal_shows_what_is_typed() {
    if missing("script") {
        return;
    }
    let server = server(Sample::of(1, 7));
    let sandbox = home(&server);
    let shown = interrupted(&sandbox, "init", "E-mail address");
    assert!(shown.contains("code 130"), "{shown}");
    assert!(
        tree(sandbox.home())
            .keys()
            .all(|path| !path.contains("config"))
    );

    sandbox.config(&format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"demo\"\n\
         password_file = \"secret-work\"\n",
        server.addr().port()
    ));
    let shown = interrupted(&sandbox, "login work", "New password");
    assert!(shown.contains("code 130"), "{shown}");
    assert!(shown.contains(" echo "), "{shown}");
    let command = "init ann@outlook.com --imap --user ann@outlook.com --name office";
    let shown = interrupted(&sandbox, command, "Client ID");
    assert!(shown.contains("accepts no passwords"), "{shown}");
    assert!(shown.contains("code 130"), "{shown}");
    let shown = interrupted(
        &sandbox,
        "pull pop3://demo@127.0.0.1:1 --create",
        "Password for",
    );
    assert!(shown.contains("code 130"), "{shown}");
    assert!(shown.contains(" echo "), "{shown}");
}
