//! The completion files that are kept in the tree, and the help that they follow.

use std::fs;
use std::path::Path;

use crate::support::sandbox::Sandbox;

/// Each shell with the name that it looks for.
const FILES: [(&str, &str); 5] = [
    ("bash", "mailvault.bash"),
    ("zsh", "_mailvault"),
    ("fish", "mailvault.fish"),
    ("powershell", "_mailvault.ps1"),
    ("elvish", "mailvault.elv"),
];

/// `MAILVAULT_BLESS=1` writes the files anew.
#[test]
fn the_files_are_those_that_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let sandbox = Sandbox::new();
    for (shell, file) in FILES {
        let output = sandbox.run(&["completions", shell]).expect_code(0);
        let path = folder.join(file);
        if std::env::var_os("MAILVAULT_BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &output.stdout).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(
            kept == output.stdout,
            "{file} is not what 'mailvault completions {shell}' prints"
        );
    }
}

/// The commands that the help lists.
fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run(&["--help"]).expect_code(0).stdout();
    let (listed, _) = help.split_once("\nGlobal options:\n").unwrap();
    let (_, listed) = listed.split_once("\nArchive:\n").unwrap();
    listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_help_fits_80_columns_and_begins_with_examples() {
    let sandbox = Sandbox::new();
    let commands = commands(&sandbox);
    assert!(
        commands.contains(&"pull".to_string()) && commands.len() >= 8,
        "{commands:?}"
    );
    let with_help: Vec<Vec<&str>> = commands
        .iter()
        .filter(|name| *name != "help")
        .flat_map(|name| {
            let name = name.as_str();
            [vec![name, "--help"], vec![name, "-h"], vec!["help", name]]
        })
        .chain([
            vec!["--help"],
            vec!["-h"],
            vec!["help"],
            vec!["man", "--help"],
        ])
        .collect();
    for args in with_help {
        let output = sandbox.run(&args).expect_code(0);
        assert_eq!(output.stderr(), "", "{args:?}");
        let help = output.stdout();
        assert!(
            help.starts_with("Examples:\n  mailvault "),
            "{args:?}:\n{help}"
        );
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
}

#[test]
fn the_examples_of_the_help_can_be_typed() {
    let sandbox = Sandbox::new();
    for name in commands(&sandbox).iter().filter(|name| *name != "help") {
        let help = sandbox.run(&[name, "--help"]).expect_code(0).stdout();
        let examples = help.lines().skip(1).take_while(|line| !line.is_empty());
        for example in examples {
            let whole = example.starts_with("  ") && !example.ends_with(" >");
            assert!(whole, "the example does not fit a line: {help}");
            let (_, words) = example
                .split_once("mailvault ")
                .unwrap_or_else(|| panic!("no command: {example}"));
            let command = words
                .split("  ")
                .next()
                .unwrap()
                .split(" > ")
                .next()
                .unwrap();
            // Asked for help at the end, it is parsed and not done.
            let (options, rest) = command.split_once(" -- ").unwrap_or((command, ""));
            let args: Vec<&str> = options
                .split_whitespace()
                .chain(["--help", "--"])
                .chain(rest.split_whitespace())
                .collect();
            let _ = sandbox.run(&args).expect_code(0);
        }
    }
}
