//! Negated terms of a query on a command line, which look like options.

use std::ffi::OsString;

use mailvault::mail::query;

/// The commands whose positional arguments are a query.
const COMMANDS: [&str; 8] = [
    "search", "list", "log", "export", "stats", "forget", "hold", "restore",
];

/// The line with terms such as `-from:ann` moved after `--`, where they are no options. All terms
/// of a query must match, so their order means nothing.
pub(super) fn after_options(line: &[OsString]) -> Vec<OsString> {
    let end = line.iter().position(|word| word == "--");
    let (options, rest) = line.split_at(end.unwrap_or(line.len()));
    let is = |name: &str| options.iter().any(|word| word == name);
    // The query of a purge is the value of an option.
    if is("purge") || !COMMANDS.iter().any(|name| is(name)) {
        return line.to_vec();
    }
    let is_term = |word: &&OsString| word.to_str().is_some_and(query::is_negated_term);
    let (terms, others): (Vec<_>, Vec<_>) = options.iter().partition(is_term);
    if terms.is_empty() {
        return line.to_vec();
    }
    let dashes = OsString::from("--");
    let rest = rest.iter().skip(1);
    let all = others.into_iter().chain([&dashes]).chain(terms).chain(rest);
    all.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(line: &str) -> String {
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = after_options(&line);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn negated_terms_go_after_the_options_of_commands_that_take_a_query() {
        for (line, wanted) in [
            ("m search a -from:b --json", "m search a --json -- -from:b"),
            (
                "m -q list -on:server -Is:settled",
                "m -q list -- -on:server -Is:settled",
            ),
            (
                "m search -larger:5M -- -word",
                "m search -- -larger:5M -word",
            ),
            (
                "m offsite restore b2 d -from:b --identity k",
                "m offsite restore b2 d --identity k -- -from:b",
            ),
            (
                "m export d -l5 -has:attachment",
                "m export d -l5 -- -has:attachment",
            ),
        ] {
            assert_eq!(moved(line), wanted);
        }
        for same in [
            "m search a -- -from:b",
            "m search -x:y",
            "m search -l 5 --from:b",
            "m purge work --match -folder:x",
            "m -c search purge --match -folder:x work",
            "m pull -on:server",
            "m list",
        ] {
            assert_eq!(moved(same), same);
        }
    }
}
