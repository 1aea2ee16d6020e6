//! Completion as bash, zsh and fish do it.

use mailvault::sample::Sample;

use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, message, pulled, sandbox, server};

/// A vault with mail, and the folder of the program in PATH.
fn scene() -> (Sandbox, impl Sized) {
    let mut mail = Sample::of(3, 7);
    let letter = "From: ann@example.org\nSubject: Plans: the \x07summer\n\nHello\n";
    mail.push(message("plans", letter));
    let (mut sandbox, server) = pulled(mail);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_mailvault"));
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    sandbox.env("PATH", path).env("TERM", "dumb");
    std::fs::create_dir(sandbox.path("letters")).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.run(&["completions", shell]).expect_code(0);
        sandbox.write(shell, &script.stdout, 0o600);
    }
    (sandbox, server)
}

/// Lines, and words that they are completed to.
fn cases(sandbox: &Sandbox) -> Vec<(String, String)> {
    let list = sandbox
        .run(&["list", "subject:summer", "from:ann@"])
        .stdout();
    let id = list
        .lines()
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let line = |typed: &str, wanted: &str| (typed.to_owned(), wanted.to_owned());
    vec![
        line("mailvault sea", "search"),
        line("mailvault verify --read", "--read-data"),
        line("mailvault audit wo", "work"),
        line("mailvault search account:w", "account:work"),
        line("mailvault search x folder:IN", "folder:INBOX"),
        line("mailvault search has:", "has:attachment"),
        line("mailvault search msg", "msgid:"),
        line("mailvault export im", "imap:"),
        line("mailvault export imap:wo", "imap:work"),
        line("mailvault export lett", "letters/"),
        line("mailvault help exit", "exit-codes"),
        line(&format!("mailvault show {}", &id[..6]), &id),
        line(
            &format!("mailvault search id:{}", &id[..6]),
            &format!("id:{id}"),
        ),
    ]
}

#[test]
fn fish_completes_accounts_ids_terms_and_paths() {
    if missing("fish") {
        return;
    }
    let (sandbox, _server) = scene();
    for (typed, wanted) in cases(&sandbox) {
        let mut fish = sandbox.tool("fish");
        fish.args(["--no-config", "-c"])
            .arg(format!("source fish; complete -C '{typed}'"));
        let output = sandbox.spawn(fish).wait();
        let words: Vec<String> = output
            .stdout()
            .lines()
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .collect();
        assert_eq!(words, [wanted.as_str()], "{typed}: {output}");
    }
    // What is said of a message cannot act on the terminal.
    let mut fish = sandbox.tool("fish");
    fish.args([
        "--no-config",
        "-c",
        "source fish; complete -C 'mailvault show '",
    ]);
    let said = sandbox.spawn(fish).wait().stdout();
    let ids = said.lines().filter(|line| !line.starts_with("--"));
    assert_eq!(ids.count(), 4, "{said}");
    assert!(said.contains("Plans: the \\x07summer"), "{said}");
}

#[test]
fn bash_completes_accounts_ids_terms_and_paths() {
    let (sandbox, _server) = scene();
    for (typed, wanted) in cases(&sandbox) {
        // As bash does: the words of the line, which end at blanks and colons.
        let script = r#"
            source ./bash
            COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
            COMP_WORDS=($(sed 's/:/ : /g' <<<"$1"))
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _mailvault mailvault "${COMP_WORDS[COMP_CWORD]}" ''
            printf '%s\n' "${COMPREPLY[@]}""#;
        let mut bash = sandbox.tool("bash");
        bash.args(["--norc", "-c", script, "bash", &typed]);
        let output = sandbox.spawn(bash).wait();
        // bash replaces what is after the colon.
        let before = match typed.rsplit_once(' ').unwrap().1.rsplit_once(':') {
            Some((before, _)) => format!("{before}:"),
            None => String::new(),
        };
        let words: Vec<String> = output
            .stdout()
            .lines()
            .map(|word| format!("{before}{word}"))
            .collect();
        assert_eq!(words, [wanted.as_str()], "{typed}: {output}");
    }
}

#[test]
fn zsh_completes_accounts_ids_terms_and_paths() {
    if missing("zsh") {
        return;
    }
    let (sandbox, _server) = scene();
    // A zsh at a terminal, at which the line is typed, then Tab, then a key that shows the line.
    let script = r#"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D -u'
        zpty -w shell 'source ./zsh; show() { print -r -- "<[$BUFFER]>" }; zle -N show'
        zpty -w shell 'bindkey "^X" show; print -r -- "read""y"'
        zpty -m shell >/dev/null 2>&1
        while zpty -r shell line; do [[ $line == *ready* ]] && break; done
        zpty -w -n shell "$1"$'\t\x18'
        while zpty -r shell line; do
            [[ $line == *'<['*']>'* ]] && print -r -- "${${line##*<\[}%%\]>*}" && break
        done
        zpty -d shell"#;
    for (typed, wanted) in cases(&sandbox) {
        let mut zsh = sandbox.tool("zsh");
        zsh.args(["-f", "-c", script, "zsh", &typed]);
        let output = sandbox.spawn(zsh).wait();
        let line = format!("{} {wanted}", typed.rsplit_once(' ').unwrap().0);
        let shown = output.stdout().replace('\r', "");
        assert_eq!(shown.trim_end(), line, "{typed}: {output}");
    }
}

#[test]
fn nothing_is_completed_where_there_is_nothing_and_nothing_is_said() {
    let (mut sandbox, _server) = scene();
    sandbox.env("MAILVAULT_COMPLETE", "fish");
    for line in [
        &["--", "mailvault", "--vault", "nowhere", "show", "8"][..],
        &[
            "--",
            "mailvault",
            "--config",
            "nowhere",
            "search",
            "account:",
        ],
        &["--", "mailvault", "search", "nokey:"],
        &["--", "mailvault", "show", "zzzz"],
    ] {
        sandbox.run(line).expect(0, "", "");
    }
}

#[test]
fn commands_that_ask_a_server_are_offered_configured_accounts_only() {
    let server = server(Sample::of(1, 7));
    let mut sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    configure(&sandbox, &[Account::of("home", &server)]);
    sandbox.env("MAILVAULT_COMPLETE", "fish");
    for command in ["pull", "purge", "audit", "doctor", "login"] {
        let offered = sandbox.run(&["--", "mailvault", command, ""]).stdout();
        let has = |name: &str| offered.lines().any(|line| line.starts_with(name));
        assert!(has("home") && !has("work"), "{command}: {offered}");
    }
    let offered = sandbox.run(&["--", "mailvault", "verify", ""]).stdout();
    assert!(
        offered.contains("home") && offered.contains("work"),
        "{offered}"
    );
}
