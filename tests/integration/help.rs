//! Help: what a person sees who knows nothing yet.

use crate::support::sandbox::Sandbox;

#[test]
fn without_words_the_first_screen_is_shown() {
    let sandbox = Sandbox::new();
    let bare = sandbox.run(&[]).expect_code(2);
    assert_eq!(bare.stderr(), sandbox.run(&["-h"]).stdout());
    assert!(bare.stderr().lines().count() <= 24, "{bare}");
    assert!(!bare.stderr().contains("--no-input"), "{bare}");
    assert!(sandbox.run(&["help"]).stdout().contains("--no-input"));
}

#[test]
fn each_topic_has_its_help_and_says_what_the_manual_says() {
    let sandbox = Sandbox::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man");
    let manual = |name: &str| {
        let page = std::fs::read_to_string(folder.join(name)).unwrap();
        page.replace('\\', "")
    };
    for (topic, words, page) in [
        ("query", "has:attachment", "mailvault-search.1"),
        (
            "exit-codes",
            "the certificate is not trusted",
            "mailvault.1",
        ),
        ("environment", "MAILVAULT_PAGER", "mailvault.1"),
        ("json", "changed_file", "mailvault.1"),
    ] {
        let output = sandbox.run(&["help", topic]).expect_code(0);
        assert!(output.stdout().contains(words), "{output}");
        assert!(manual(page).contains(words), "{page}");
        let json = sandbox.run(&["--json", "help", topic]).expect_code(0);
        let first: serde_json::Value =
            serde_json::from_str(json.stdout().lines().next().unwrap()).unwrap();
        assert_eq!(first["type"], "help");
        assert_eq!(first["text"].as_str().unwrap(), output.stdout().trim_end());
    }
}

/// The types of JSON lines in the sources of the command line.
fn types() -> Vec<String> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for call in text.split("out.json(").skip(1) {
                let argument = call.trim_start().strip_prefix('"');
                found.extend(argument.and_then(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    found
}

#[test]
fn every_type_of_json_line_is_explained() {
    let help = Sandbox::new().run(&["help", "json"]).stdout();
    let (_, listed) = help.split_once("\nTypes:\n").unwrap();
    let listed: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split("  ").next())
        .flat_map(|names| names.split(", "))
        .collect();
    let types = types();
    assert!(types.len() > 30, "{types:?}");
    for name in types {
        assert!(listed.contains(&name.as_str()), "{name} is not explained");
    }
}

#[test]
fn help_about_a_word_that_is_nothing_says_what_there_is() {
    let sandbox = Sandbox::new();
    for (words, said) in [
        (
            &["help", "serch"][..],
            "error: there is no help about \"serch\"\n  hint: did you mean 'mailvault help search'?\n",
        ),
        (
            &["help", "account", "zzz"],
            "error: there is no help about \"zzz\"\n  hint: 'mailvault help account' shows what there is\n",
        ),
    ] {
        sandbox.run(words).expect(2, "", said);
    }
    let rename = sandbox.run(&["help", "account", "rename"]).expect_code(0);
    let wanted = "Usage: mailvault account rename [OPTIONS] <OLD> <NEW>";
    assert!(rename.stdout().contains(wanted), "{rename}");
}

#[test]
fn colour_is_used_in_help_only_if_it_is_wanted() {
    let mut sandbox = Sandbox::new();
    for line in [
        &["help", "query"][..],
        &["help", "pull"],
        &["pull", "--help"],
        &["pul"],
    ] {
        let coloured = |more: &[&str], sandbox: &Sandbox| {
            let output = sandbox.run(&[more, line].concat());
            (output.stdout() + &output.stderr()).contains('\x1b')
        };
        assert!(!coloured(&[], &sandbox), "{line:?}");
        assert!(coloured(&["--color=always"], &sandbox), "{line:?}");
        sandbox.env("NO_COLOR", "1");
        assert!(!coloured(&[], &sandbox), "{line:?}");
        sandbox.env("NO_COLOR", "");
    }
}

#[test]
fn a_variable_stands_for_a_flag_and_one_that_means_nothing_is_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.env("MAILVAULT_JSON", "1");
    for (words, code) in [(&["help", "query"][..], 0), (&["pul"], 2), (&["list"], 10)] {
        let output = sandbox.run(words).expect_code(code);
        for line in output.stdout().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["v"], 1, "{output}");
        }
        assert_eq!(output.stderr(), "", "{words:?}");
    }
    sandbox.env("MAILVAULT_JSON", "perhaps");
    sandbox.run(&["list"]).expect(
        2,
        "",
        "error: MAILVAULT_JSON cannot be \"perhaps\"\n  hint: set it to 1 or 0, or unset it\n",
    );
}

#[test]
fn help_about_a_word_too_much_never_advises_what_was_typed() {
    let sandbox = Sandbox::new();
    for (words, hint) in [
        (
            &["exit-codes", "extra"][..],
            "'mailvault help exit-codes' shows all of it",
        ),
        (
            &["offsite", "pussh"],
            "did you mean 'mailvault help offsite push'?",
        ),
        (
            &["offsite", "exit-codes"],
            "'mailvault help offsite' shows what there is",
        ),
    ] {
        let line: Vec<&str> = std::iter::once("help")
            .chain(words.iter().copied())
            .collect();
        let said = sandbox.run(&line).expect_code(2);
        assert!(said.stderr().contains(hint), "{said}");
    }
}
