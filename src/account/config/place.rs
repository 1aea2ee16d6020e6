//! Says where in a configuration file something is wrong, and what was probably meant.

use std::ops::Range;
use std::path::Path;

use toml::Value;

use crate::base::error::Error;
use crate::base::excerpt::LineExcerpt;
use crate::base::suggest;

/// How serde's message about an unknown key begins.
const FIELD: &str = "unknown field `";
/// Words in the names of keys that are to hold a secret.
const SECRETS: [&str; 7] = [
    "password",
    "passphrase",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
];

/// An error that begins with `PATH:LINE:COLUMN: `, both counted from one, in characters.
pub(super) fn fault(
    path: &Path,
    text: &str,
    at: &Range<usize>,
    message: &str,
    hint: Option<String>,
) -> Error {
    // Spans come from the parser of this very text, but a wrong one must not panic.
    let before = text.get(..at.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Error::ConfigLine {
        message: format!("{}:{line}:{column}: {message}", path.display()),
        hint,
        excerpt: LineExcerpt::of(text, at),
    }
}

/// The parser's own error, on one line, without what the file has in the place of a value. Keys
/// of an account are known where they do not belong.
pub(super) fn parse_fault(
    path: &Path,
    text: &str,
    error: &toml::de::Error,
    account_keys: &[String],
) -> Error {
    let span = error.span();
    let raw = span.clone().and_then(|span| text.get(span));
    let hint = meant(error.message(), account_keys);
    let message = without_value(error.message(), raw.unwrap_or_default(), hint.is_some());
    let message = message.replace('\n', ", ");
    // The list of all keys is longer than it is useful once the right one is named.
    let message = match (&hint, message.split_once(", expected ")) {
        (Some(_), Some((short, _))) => short,
        _ => &message,
    };
    match span {
        Some(span) => fault(path, text, &span, message, hint),
        None => Error::Config {
            message: format!("{}: {message}", path.display()),
            hint,
        },
    }
}

/// What to write instead of an unknown key or value.
fn meant(message: &str, account_keys: &[String]) -> Option<String> {
    const NO_SECRET: &str =
        "the configuration must not contain a password; use password_command or password_file";
    let (given, known) = unknown(message)?;
    let is_key = message.starts_with(FIELD);
    let letters = given.chars().filter(char::is_ascii_alphanumeric);
    let letters = letters.collect::<String>().to_ascii_lowercase();
    if is_key && SECRETS.contains(&letters.as_str()) {
        return Some(NO_SECRET.to_owned());
    }
    let mut hint = near(given, &known);
    if hint.is_none() && known.contains(&"accounts") {
        let below = |name| format!("\"{name}\" belongs in [accounts.NAME]");
        let keys = account_keys.iter().map(String::as_str);
        hint = suggest::nearest(given, keys, usize::MAX).map(below);
    }
    let is_secret = || is_key && SECRETS.iter().any(|word| letters.contains(word));
    hint.or_else(|| is_secret().then(|| NO_SECRET.to_owned()))
}

/// The parser's message without the value that it speaks of, which may be a password in the wrong
/// place. A slip of a known word is none.
fn without_value(message: &str, raw: &str, is_slip: bool) -> String {
    if message.starts_with(FIELD) {
        // Keys are names; something else may be an address with a password in it.
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'');
        return match message.rsplit_once("`, expected ") {
            Some((_, known)) if !raw.chars().all(is_name) => {
                format!("unknown field, expected {known}")
            }
            _ => message.to_owned(),
        };
    }
    if let Some(plain) = misfit(message) {
        return plain;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("value = {raw}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    let (Some(value), false) = (value, is_slip) else {
        return message.to_owned();
    };
    let bare = match &value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => return message.to_owned(),
    };
    if let Some(known) = message.strip_prefix(&format!("unknown variant `{bare}`")) {
        return format!("unknown value{known}");
    }
    // A text this short says nothing, and may stand in any message.
    if bare.len() <= 3 || !message.contains(&bare) {
        return message.to_owned();
    }
    format!("this {} is not allowed here", value.type_str())
}

/// Serde's message about a value of the wrong kind, in plain words and without the value, however
/// it is written.
fn misfit(message: &str) -> Option<String> {
    let (what, rest) = message.split_once(": ")?;
    if !matches!(what, "invalid type" | "invalid value") {
        return None;
    }
    // The value may be a text that has the same words.
    let (given, wanted) = rest.rsplit_once(", expected ")?;
    let kind = match given.split(['`', '"']).next().unwrap_or_default().trim() {
        "sequence" => "list",
        "map" => "table",
        "floating point" => "float",
        kind => kind,
    };
    Some(format!("{what}: {kind}, expected {}", plain_kind(wanted)))
}

/// What serde calls a kind of value, in plain words.
fn plain_kind(kind: &str) -> &str {
    match kind.strip_prefix("a ").unwrap_or(kind) {
        "nonzero u8" | "nonzero u16" | "nonzero u32" | "nonzero u64" | "nonzero usize" => {
            "a whole number above 0"
        }
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "sequence" => "a list",
        "map" => "a table",
        other if other.starts_with("struct ") => "a table",
        _ => kind,
    }
}

/// The unknown name and the known ones in serde's message about a key or value.
fn unknown(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message
        .strip_prefix(FIELD)
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
        let message = |at| fault(path, "é = 1\nüä = 2", &(at..at), "no", None).to_string();
        assert_eq!(message(0), "c.toml:1:1: no");
        assert_eq!(message(2), "c.toml:1:2: no");
        assert_eq!(message(7), "c.toml:2:1: no");
        assert_eq!(message(11), "c.toml:2:3: no");
        assert_eq!(message(8), "c.toml:2:7: no", "inside a character");
        assert_eq!(message(999), "c.toml:2:7: no");
    }
}
