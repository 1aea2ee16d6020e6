//! What a person looks for with a query.

use super::{KEYS, Query, What};
use crate::mail::words;

impl Query {
    /// The words, folded, that a person looks for in a sender or subject, or in the text.
    #[must_use]
    pub fn sought_words(&self) -> Vec<String> {
        let asked = self.terms.iter().filter(|term| !term.negated);
        let texts = asked.filter_map(|term| match &term.what {
            What::Text(text) | What::From(text) | What::Subject(text) => Some(words::words(text)),
            _ => None,
        });
        let all = texts.flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        all.filter(|word| !word.is_empty()).collect()
    }
}

/// Every key of a term, with examples of its right form.
pub fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().map(|(name, _, form)| (*name, *form))
}
