//! A query as it is kept: in the words in which it was written.

use std::borrow::Cow;

use super::key;

/// The words of a command line as one text, which [`super::parse_text`] reads as
/// [`super::parse`] reads the words. Ages stay ages: later they count from that day.
#[must_use]
pub fn written<S: AsRef<str>>(words: &[S]) -> String {
    let words = words.iter().map(|word| one(word.as_ref().trim()));
    words.collect::<Vec<_>>().join(" ")
}

/// A word whose value is in double quotes if it would end at a blank.
fn one(word: &str) -> Cow<'_, str> {
    let body = word.strip_prefix('-').unwrap_or(word);
    let sign = &word[..word.len() - body.len()];
    // Of a word that is refused it does not matter where its value begins.
    let length = key(body).ok().flatten().map_or(0, |(_, length)| length);
    let (key, value) = body.split_at(length);
    if value.starts_with('"') || !value.contains(char::is_whitespace) {
        return word.into();
    }
    let escaped = value.trim().replace('\\', "\\\\").replace('"', "\\\"");
    format!("{sign}{key}\"{escaped}\"").into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::Utc;
    use proptest::prelude::*;

    use super::super::{parse, parse_text};
    use super::written;

    #[test]
    fn what_has_blanks_is_quoted_and_the_rest_stays_as_it_was_written() {
        for (words, text) in [
            (&["from:ann", "older:90d"][..], "from:ann older:90d"),
            (&["two words", "-x", "\"a b\""], "\"two words\" -x \"a b\""),
            (
                &["-subject:my \"old\" car", "to: a b"],
                "-subject:\"my \\\"old\\\" car\" to:\"a b\"",
            ),
        ] {
            assert_eq!(written(words), text);
        }
    }

    proptest! {
        #[test]
        fn the_text_means_what_the_words_mean(
            words in prop::collection::vec(
                "-?(from:|to:|subject:|folder:|older:|x)?\"?[ab1d \\\\:\"é-]{0,6}\"?", 1..4)
        ) {
            let now = Utc::now();
            if let Ok(query) = parse(&words, now) {
                let text = written(&words);
                prop_assert_eq!(parse_text(&text, now).unwrap(), query, "{:?} {}", words, text);
            }
        }
    }
}
