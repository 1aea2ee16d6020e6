//! Marks what a query looks for in the text that is shown.

use mailvault::mail::query::Query;

use super::output::{Output, Tone};

/// The words of a query that a person looks for.
pub(crate) struct SoughtWords(Vec<String>);

impl SoughtWords {
    pub(crate) fn of(query: &Query) -> Self {
        Self(query.sought_words())
    }

    /// The text, with the words marked if stdout is coloured.
    pub(crate) fn paint(&self, text: &str, out: &Output) -> String {
        if self.0.is_empty() || !out.colors() {
            return text.to_owned();
        }
        let mut painted = String::with_capacity(text.len() + 16);
        let mut end = 0;
        for place in mailvault::mail::query::marks(text, &self.0) {
            painted.push_str(&text[end..place.start]);
            painted.push_str(&out.word(&text[place.clone()], Tone::Match));
            end = place.end;
        }
        painted.push_str(&text[end..]);
        painted
    }
}
