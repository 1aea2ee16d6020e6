//! A line of a configuration file as an error shows it: its key and where the fault is. A value
//! is never part of it, since a password in the wrong place is a value, too.

use std::ops::Range;

/// Keys longer than this are shown by their place alone.
const LONGEST: usize = 60;
/// What stands for a value.
const VALUE: &str = "...";

/// A line with its value left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineExcerpt {
    /// Its number, from one.
    pub line: usize,
    /// What is shown of it, without its indentation.
    pub text: String,
    /// What is wrong in `text`, in columns from zero.
    pub mark: Range<usize>,
}

impl LineExcerpt {
    /// The line of `text` in which `at` begins; none if it has no plain key or header.
    #[must_use]
    pub fn of(text: &str, at: &Range<usize>) -> Option<Self> {
        let before = text.get(..at.start)?;
        let open = |quotes: &str| before.matches(quotes).count() % 2 == 1;
        // Within a string of several lines, what looks like a key may be part of a secret.
        if open("\"\"\"") || open("'''") {
            return None;
        }
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = text.get(start..)?.lines().next().unwrap_or_default();
        let rest = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - rest.len();
        let name = name_of(rest).filter(|name| name.len() <= LONGEST)?;
        let is_header = name.starts_with('[');
        let column = (at.start - start).saturating_sub(indent);
        let mark = if column < name.len() || is_header {
            let begin = column.min(name.len() - 1);
            let end = begin.saturating_add(at.len()).min(name.len());
            begin..end.max(begin + 1)
        } else {
            let value = name.len() + " = ".len();
            value..value + VALUE.len()
        };
        Some(Self {
            line: before.matches('\n').count() + 1,
            text: if is_header {
                name.to_owned()
            } else {
                format!("{name} = {VALUE}")
            },
            mark,
        })
    }
}

/// The bare key before an equals sign, or the header of a table with bare names alone.
fn name_of(rest: &str) -> Option<&str> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if rest.starts_with('[') {
        let header = rest.split_once('#').map_or(rest, |(header, _)| header);
        let header = header.trim_end();
        let inner = header.trim_start_matches('[').trim_end_matches(']');
        return (header.ends_with(']') && inner.chars().all(is_bare)).then_some(header);
    }
    let (key, _) = rest.split_once('=')?;
    let key = key.trim_end();
    (!key.is_empty() && key.chars().all(is_bare)).then_some(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// The line and below it the mark.
    fn drawn(text: &str, part: &str) -> Option<String> {
        let start = text.find(part).unwrap();
        let excerpt = LineExcerpt::of(text, &(start..start + part.len()))?;
        let mark = "^".repeat(excerpt.mark.len());
        Some(format!(
            "{}|{}\n{:indent$}{mark}",
            excerpt.line,
            excerpt.text,
            "",
            indent = excerpt.mark.start + 2
        ))
    }

    #[test]
    fn a_key_is_marked_and_its_value_left_out() {
        let text = "vault = \"~/mail\"\n[accounts.work]\n  usr = \"ann\"\n";
        assert_eq!(drawn(text, "usr").unwrap(), "3|usr = ...\n  ^^^");
        assert_eq!(drawn(text, "\"ann\"").unwrap(), "3|usr = ...\n        ^^^");
        let header = "2|[accounts.work]\n   ^^^^^^^^^^^^^";
        assert_eq!(drawn(text, "accounts.work").unwrap(), header);
        assert_eq!(drawn("\tkey=1", "1").unwrap(), "1|key = ...\n        ^^^");
    }

    #[test]
    fn what_is_no_plain_key_is_not_shown() {
        assert_eq!(drawn("hunter2", "hunter2"), None);
        assert_eq!(drawn("\"hunter 2\" = 1", "1"), None);
        assert_eq!(drawn("[accounts.\"a b\"]", "a b"), None);
        assert_eq!(drawn("a = [\n  \"b\",\n]", "\"b\""), None);
        assert_eq!(drawn("a = \"\"\"\nhunter2 = x\n", "x"), None);
    }

    proptest! {
        #[test]
        fn no_value_is_part_of_it(
            key in "[a-z_]{1,8}", value in "[0-9]{4,9}[ -~]{0,9}", text in "[ -~\n\té]{0,80}",
            from in 0..100_usize, length in 0..100_usize,
        ) {
            let text = format!("{key} = {value}\n{text}");
            let excerpt = LineExcerpt::of(&text, &(from..from + length));
            if let Some(excerpt) = excerpt {
                prop_assert!(excerpt.line > 1 || !excerpt.text.contains(&value[..4]));
                prop_assert!(excerpt.mark.start < excerpt.mark.end);
                prop_assert!(excerpt.mark.end <= excerpt.text.chars().count());
            }
        }
    }
}
