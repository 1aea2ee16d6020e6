//! The names of types: each is one in the crate, so that it says what it is wherever it stands.

use std::collections::BTreeMap;

/// The types that a source defines outside its unit tests: what follows `struct`, `enum`,
/// `trait` or `type` at the beginning of an item.
fn types(text: &str) -> Vec<String> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let name = |line: &str| {
        // Items of a module inside are indented, and so are associated types.
        if line.starts_with(' ') {
            return None;
        }
        let item = line.strip_prefix("pub").map_or(line, |rest| {
            let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
            rest.map_or(&line[3..], |(_, rest)| rest)
        });
        let mut words = item.trim_start().split([' ', '<', '(', ';', '{', '=', ':']);
        let kind = words.next()?;
        let is_type = ["struct", "enum", "trait", "type"].contains(&kind);
        let name = words.next().filter(|_| is_type)?;
        (!name.is_empty()).then(|| name.to_owned())
    };
    text[..end].lines().filter_map(name).collect()
}

/// Names of more than one type, with the modules that define them.
pub(super) fn doubled(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut homes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (module, text) in sources {
        for name in types(text) {
            homes.entry(name).or_default().push(module);
        }
    }
    let doubled = homes.into_iter().filter(|(_, homes)| homes.len() > 1);
    doubled
        .map(|(name, homes)| format!("{name}: {}", homes.join(", ")))
        .collect()
}

#[test]
fn a_name_of_two_types_is_found() {
    let one = "pub(super) struct Plan<'a> {\n    type Item = u8;\n}\nenum Way {}\nfn plan() {}";
    let two = "pub struct Plan;\npub type Events = u8;\n#[cfg(test)]\nmod tests {\nenum Way {}\n}";
    let sources = [("a", one), ("b", two)];
    let sources = sources.map(|(module, text)| (module.to_owned(), text.to_owned()));
    assert_eq!(doubled(&sources.into()), ["Plan: a, b"]);
    assert_eq!(types(one), ["Plan", "Way"]);
}
