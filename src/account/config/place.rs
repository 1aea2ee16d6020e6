//! Says where in a configuration file something is wrong, and what was probably meant.

use std::ops::Range;
use std::path::Path;

use crate::base::error::Error;

/// An error that begins with `PATH:LINE:COLUMN: `, both counted from one, in characters.
pub(super) fn fault(
    path: &Path,
    text: &str,
    at: usize,
    message: &str,
    hint: Option<String>,
) -> Error {
    // Spans come from the parser of this very text, but a wrong one must not panic.
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Error::Config {
        message: format!("{}:{line}:{column}: {message}", path.display()),
        hint,
    }
}

/// The parser's own error, on one line. Keys of an account are known where they do not
/// belong.
pub(super) fn parse_fault(
    path: &Path,
    text: &str,
    error: &toml::de::Error,
    account_keys: &[String],
) -> Error {
    let message = error.message().replace('\n', ", ");
    let hint = match unknown(&message) {
        Some((given, _)) if ["password", "passwd", "pass", "secret", "token"].contains(&given) => {
            Some(
                "the configuration never holds a password; \
                 use password_command or password_file"
                    .to_owned(),
            )
        }
        Some((given, known)) if known.contains(&"accounts") => {
            let below = |name| format!("\"{name}\" stands below [accounts.NAME]");
            let account_keys: Vec<&str> = account_keys.iter().map(String::as_str).collect();
            near(given, &known).or_else(|| nearest(given, &account_keys).map(below))
        }
        Some((given, known)) => near(given, &known),
        None => None,
    };
    // The list of all keys is longer than it is useful once the right one is named.
    let message = match (&hint, message.split_once(", expected ")) {
        (Some(_), Some((short, _))) => short,
        _ => &message,
    };
    match error.span() {
        Some(Range { start, .. }) => fault(path, text, start, message, hint),
        None => Error::Config {
            message: format!("{}: {message}", path.display()),
            hint,
        },
    }
}

/// The unknown name and the known ones in serde's message about a key or value.
fn unknown(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"))?;
    let (given, known) = rest.split_once("`, expected ")?;
    Some((given, known.split('`').skip(1).step_by(2).collect()))
}

/// The keys that serde's message about an unknown one lists.
pub(super) fn known(message: &str) -> Vec<String> {
    let known = unknown(message).map(|(_, known)| known);
    known.into_iter().flatten().map(str::to_owned).collect()
}

fn near(given: &str, known: &[&str]) -> Option<String> {
    nearest(given, known).map(|name| format!("did you mean \"{name}\"?"))
}

fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known
        .iter()
        .map(|name| (distance(given, name), *name))
        .min_by_key(|(distance, _)| *distance)?;
    // One slip in a short word, up to a third of a longer one.
    (near.0 <= (near.1.len() / 3).max(1)).then_some(near.1)
}

/// Number of letters to add, drop, change or swap with the next.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    // A name that is much too long is no slip, and would cost its length squared.
    if from.len() > 2 * to.len() + 2 {
        return from.len();
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = usize::from(from[i - 1] != to[j - 1]);
            let mut least = (row[j - 1] + 1)
                .min(rows[i - 1][j] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_swap_counts_once() {
        assert_eq!(distance("hsot", "host"), 1);
        assert_eq!(distance("host", "host"), 0);
        assert_eq!(distance("", "host"), 4);
        assert_eq!(distance("hots", "ghost"), 2);
    }

    #[test]
    fn only_a_near_name_is_proposed() {
        let known = ["host", "port", "password_command", "password_file"];
        assert_eq!(nearest("hsot", &known), Some("host"));
        assert_eq!(nearest("passwordcomand", &known), Some("password_command"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("host", &[]), None);
    }

    #[test]
    fn the_column_counts_characters_and_survives_a_wrong_offset() {
        let path = Path::new("c.toml");
        let message = |at| fault(path, "é = 1\nüä = 2", at, "no", None).to_string();
        assert_eq!(message(0), "c.toml:1:1: no");
        assert_eq!(message(2), "c.toml:1:2: no");
        assert_eq!(message(7), "c.toml:2:1: no");
        assert_eq!(message(11), "c.toml:2:3: no");
        assert_eq!(message(8), "c.toml:2:7: no", "inside a character");
        assert_eq!(message(999), "c.toml:2:7: no");
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            prop_assume!(a.len() <= 2 * b.len() + 2 && b.len() <= 2 * a.len() + 2);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
