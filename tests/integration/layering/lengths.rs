//! How long functions are: one that does not fit a screen has steps that have no name yet.

use std::collections::BTreeMap;

/// Lines of code of a function, with its signature.
const MOST: usize = 80;
/// Lines of code within a verb's `run`.
const MOST_OF_A_VERB: usize = 40;

/// Each of these is one plain `match`, a line or a few for each case.
const TABLES: [&str; 4] = [
    "cli::progress notice",
    "cli::report::hint hint",
    "vault::ledger::decode read_event",
    "vault::ledger::encode write_fields",
];

/// A function of a source.
struct Function<'a> {
    name: &'a str,
    /// True if it stands outside of any `impl`.
    is_free: bool,
    /// Lines of code with its signature, and of its body alone.
    lines: usize,
    body: usize,
}

/// The functions that a source, in the form of rustfmt, defines outside its unit tests.
fn functions(text: &str) -> Vec<Function<'_>> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines: Vec<&str> = text[..end].lines().collect();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words = line.split_once("fn ").filter(|(before, _)| {
            let mut before = before.split_whitespace();
            before.all(|word| {
                word.starts_with("pub") || ["const", "in"].contains(&word) || word.ends_with(')')
            })
        });
        let Some((_, rest)) = words else { continue };
        let close = format!("{}}}", &line[..indent]);
        let Some(length) = lines[first..].iter().position(|line| *line == close) else {
            continue;
        };
        let all = &lines[first..=first + length];
        let open = all.iter().position(|line| line.ends_with('{')).unwrap_or(0);
        found.push(Function {
            name: rest.split(['(', '<']).next().unwrap_or_default(),
            is_free: indent == 0,
            lines: all.iter().copied().filter(|line| is_code(line)).count(),
            body: all[open + 1..length]
                .iter()
                .copied()
                .filter(|line| is_code(line))
                .count(),
        });
    }
    found
}

/// Functions that are too long, with their lines.
pub(super) fn too_long(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (module, text) in sources {
        if module.split("::").any(|part| part == "tests") {
            continue;
        }
        for function in functions(text) {
            let place = format!("{module} {}", function.name);
            let is_verb = function.is_free && function.name == "run" && module.starts_with("cli::");
            let long = function.lines > MOST && !TABLES.contains(&place.as_str());
            if long || is_verb && function.body > MOST_OF_A_VERB {
                found.push(format!("{place}: {} lines", function.lines));
            }
        }
    }
    found
}

#[test]
fn a_long_function_is_found_and_tests_may_be_long() {
    let run = |lines: usize| {
        format!(
            "pub(crate) fn run(\n    a: u8,\n) {{\n{}}}\n",
            "    a();\n".repeat(lines)
        )
    };
    let method = |lines: usize| {
        format!(
            "impl A {{\n    fn long<T>() {{\n{}    }}\n}}\n",
            "        a();\n".repeat(lines)
        )
    };
    let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", method(100));
    let sources = [
        ("cli::list", run(40)),
        ("cli::purge", run(41)),
        ("pull::feed", method(78) + &test),
        ("pull::part", method(79)),
        ("pull::tests", method(99)),
    ];
    let sources = sources.map(|(module, text)| (module.to_owned(), text));
    assert_eq!(
        too_long(&sources.into()),
        ["cli::purge run: 45 lines", "pull::part long: 81 lines"]
    );
}
