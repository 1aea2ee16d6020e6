//! The configuration: what is wrong with it is told with line and column, and who wins.

use std::fs;

use mailvault::sample::Sample;

use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox, server, tree};

/// Pulls with this text as configuration.
#[track_caller]
fn assert_refused(config: &str, said: &str) {
    let sandbox = Sandbox::new();
    sandbox.config(config);
    let said = said.replace("CONFIG", "$HOME/.config/mailvault/config.toml");
    sandbox.run(&["pull"]).expect(15, "", &said);
    assert!(!sandbox.path(".local").exists(), "no vault was made");
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_was_meant() {
    assert_refused(
        "[accounts.work]\nhost = \"pop.example.org\"\n  usr = \"ann\"\n",
        "error: CONFIG:3:3: unknown field `usr`\n  3 | usr = ...\n    | ^^^\n  hint: did you mean \"user\"?\n",
    );
    assert_refused(
        "volt = \"/srv/mail\"\n",
        "error: CONFIG:1:1: unknown field `volt`, expected one of `vault`, `defaults`, `accounts`, `retention`, `notify`, `offsite`\n  1 | volt = ...\n    | ^^^^\n",
    );
}

#[test]
fn a_password_in_the_configuration_is_refused_and_not_repeated() {
    assert_refused(
        "[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\npassword = \"hunter2\"\n",
        "error: CONFIG:4:1: unknown field `password`
  4 | password = ...
    | ^^^^^^^^
  hint: the configuration must not contain a password; use password_command or
        password_file
",
    );
}

#[test]
fn text_that_is_no_toml_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.config("[accounts.work]\nhost = \"pop.example.org\nuser = \"ann\"\n");
    let output = sandbox.run(&["pull"]).expect_code(15);
    let stderr = output.stderr();
    let place = "error: $HOME/.config/mailvault/config.toml:2:";
    assert!(stderr.starts_with(place), "{stderr}");
    assert_eq!(output.stdout(), "");
    let (_, excerpt) = stderr.split_once('\n').unwrap();
    assert_eq!(excerpt, "  2 | host = ...\n    |        ^^^\n");
}

#[test]
fn values_that_cannot_be_are_told_with_their_place() {
    let account = "[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n";
    assert_refused(
        &format!("{account}tls = \"none\"\n"),
        "error: CONFIG:4:7: tls = \"none\" would send the password and all mail to pop.example.org unencrypted
  4 | tls = ...
    |       ^^^
  hint: use \"tls\" or \"starttls\"; if you must, add allow_plaintext = true to the
        account
",
    );
    assert_refused(
        "[accounts.work]\nuser = \"ann\"\n",
        "error: CONFIG:1:11: the account work has no host\n  1 | [accounts.work]\n    |           ^^^^\n",
    );
    assert_refused(
        "[defaults]\nuser = \"ann\"\n",
        "error: CONFIG:2:8: user cannot be a default\n  2 | user = ...\n    |        ^^^\n  hint: set it in [accounts.NAME]\n",
    );
    assert_refused(
        "[accounts.\"../x\"]\nhost = \"pop.example.org\"\nuser = \"ann\"\n",
        "error: CONFIG:1:11: \"../x\" cannot be the name of an account
  hint: up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit
",
    );
}

#[test]
fn without_a_configuration_the_way_to_one_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.run(&["pull"]).expect(
        15,
        "",
        "error: no configuration file found
  hint: run 'mailvault init' to set up an account; 'mailvault demo' shows it
        working
        (looked for: ~/.config/mailvault/config.toml,
        /etc/mailvault/config.toml)
",
    );
    assert!(tree(sandbox.home()).is_empty());
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let sandbox = sandbox(&[]);
    let output = sandbox.run(&["pull", "-c", "other.toml"]);
    let output = output.expect_code(15);
    assert!(output.stderr().starts_with("error: "), "{output}");
    assert!(output.stderr().contains("other.toml"), "{output}");
}

#[test]
fn an_account_that_is_not_there_is_told_with_those_that_are() {
    let sandbox = sandbox(&[
        Account::new("home", 1, "ann"),
        Account::new("work", 1, "ann"),
    ]);
    let output = sandbox.run(&["pull", "wrok"]).expect_code(15);
    let stderr = output.stderr();
    assert!(
        stderr.contains("wrok") && stderr.contains("work"),
        "{stderr}"
    );
    assert_eq!(output.stdout(), "");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let server = server(Sample::of(1, 7));
    let mut sandbox = sandbox(&[Account::of("work", &server)]);
    let there = |sandbox: &Sandbox, name: &str| sandbox.path(name).join("vault.toml").exists();
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert!(there(&sandbox, "vault"));
    let path = sandbox.path("of-environment");
    sandbox.env("MAILVAULT_VAULT", path);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert!(there(&sandbox, "of-environment") && !there(&sandbox, "of-flag"));
    let _ = sandbox
        .run(&["pull", "--create", "--vault", "of-flag"])
        .expect_code(0);
    assert!(there(&sandbox, "of-flag"));
}

#[test]
fn the_configuration_of_xdg_config_home_is_found() {
    let server = server(Sample::of(1, 7));
    let mut sandbox = sandbox(&[Account::of("work", &server)]);
    fs::rename(sandbox.path(".config"), sandbox.path("elsewhere")).unwrap();
    let _ = sandbox.run(&["pull"]).expect_code(15);
    let path = sandbox.path("elsewhere");
    sandbox.env("XDG_CONFIG_HOME", path);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
}

/// What a terminal shows of `config edit` with an editor that is a shell command, where every
/// question is answered with no.
#[track_caller]
fn edit(sandbox: &mut Sandbox, editor: &str, code: i32) -> String {
    sandbox.env("EDITOR", editor).env("TERM", "dumb");
    let line = format!("{} config edit", env!("CARGO_BIN_EXE_mailvault"));
    let mut script = sandbox.tool("script");
    script.args(["-qec", &line, "/dev/null"]);
    let answers = sandbox.write("answers", "n\n", 0o600);
    script.stdin(fs::File::open(answers).unwrap());
    let output = sandbox.spawn(script).wait().expect_code(code);
    output.stdout().replace('\r', "")
}

#[test]
fn no_editor_is_started_without_a_terminal() {
    let mut sandbox = Sandbox::new();
    sandbox.config("");
    sandbox.env("EDITOR", "touch $HOME/started; true");
    sandbox.run(&["config", "edit"]).expect(
        2,
        "",
        "error: an editor needs a terminal
  hint: change the file that 'mailvault config path' prints;
        'mailvault config check' checks it
",
    );
    assert!(!sandbox.path("started").exists());
}

#[test]
fn an_edited_configuration_is_checked_before_it_counts() {
    if missing("script") {
        return;
    }
    let mut sandbox = Sandbox::new();
    let temporary = sandbox.path("tmp");
    fs::create_dir(&temporary).unwrap();
    sandbox.env("TMPDIR", &temporary).env("VISUAL", "");
    let account = "[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n";
    let file = sandbox.config(account);
    let now = || fs::read_to_string(&file).unwrap();
    let shown = "~/.config/mailvault/config.toml";

    let said = edit(&mut sandbox, "true", 0);
    assert!(said.contains(&format!("{shown} is unchanged.\n")), "{said}");
    let changed = format!("{shown} is changed: 1 account\n");
    let said = edit(&mut sandbox, "sed -i s/ann/bob/", 0);
    assert!(said.contains(&changed), "{said}");
    assert_eq!(now(), account.replace("ann", "bob"));
    assert!(fs::read_dir(&temporary).unwrap().next().is_none());

    let wrong = edit(&mut sandbox, "sed -i s/user/usr/", 15);
    assert!(wrong.contains("Edit again?"), "{wrong}");
    assert_eq!(now(), account.replace("ann", "bob"), "it is as it was");
    let (_, kept) = wrong
        .split_once("your text is in $HOME/")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let kept = sandbox.path(kept.lines().next().unwrap());
    assert!(fs::read_to_string(kept).unwrap().contains("usr = \"bob\""));
    assert!(wrong.contains("unknown field `usr`"), "{wrong}");

    let failed = edit(&mut sandbox, "false", 15);
    assert!(failed.contains("the editor \"false\" failed"), "{failed}");
    let refused = sandbox
        .run(&["config", "edit", "--no-input"])
        .expect_code(2);
    assert!(
        refused.stderr().contains("an editor needs a person"),
        "{refused}"
    );

    let meanwhile = "echo '# mine' >>$HOME/.config/mailvault/config.toml; sed -i s/bob/eve/";
    let lost = edit(&mut sandbox, meanwhile, 15);
    assert!(lost.contains("was changed meanwhile"), "{lost}");
    assert!(now().ends_with("# mine\n") && !now().contains("eve"));

    // What is wrong can be put right.
    sandbox.config(&account.replace("user", "usr"));
    let said = edit(&mut sandbox, "sed -i s/usr/user/", 0);
    assert!(said.contains(&changed), "{said}");
    assert_eq!(now(), account);
}
