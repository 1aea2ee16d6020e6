//! Says where in a configuration file something is wrong, and what was probably meant.

use std::ops::Range;
use std::path::Path;

use crate::base::error::Error;
use crate::base::suggest;

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
            let keys = account_keys.iter().map(String::as_str);
            near(given, &known).or_else(|| suggest::nearest(given, keys, usize::MAX).map(below))
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
    let near = suggest::nearest(given, known.iter().copied(), usize::MAX);
    near.map(|name| format!("did you mean \"{name}\"?"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

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
}
