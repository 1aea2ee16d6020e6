//! Words that are looked for, and where they are in a text.

use super::{CharKind, each_folded, fold, is_invisible, kind, words};

/// Words of up to so many bytes are whole ones: one or two Latin letters, no Han character.
const SHORT: usize = 2;

/// What is looked for: words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sought {
    /// The words, with a blank between them.
    pub(crate) words: String,
    /// True if the last one may go on: the text ends within a word, and not a very short one,
    /// which begins too many others.
    pub(crate) open: bool,
}

impl Sought {
    /// The words of a text; `None` if it has none.
    #[must_use]
    pub(crate) fn new(text: &str) -> Option<Self> {
        let words = words(text);
        let last = words.rsplit(' ').next().unwrap_or_default();
        let open = last.len() > SHORT
            && fold(text)
                .chars()
                .last()
                .is_some_and(|c| kind(c) != CharKind::Between);
        (!words.is_empty()).then_some(Self { words, open })
    }

    /// Where in a text these words begin. Words far apart are not seen together.
    #[must_use]
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        let first = self.words.chars().next()?;
        let enough = 3 * self.words.chars().count() + 40;
        let mut within = false;
        text.char_indices()
            .filter(|(_, c)| {
                let kind = kind(*c);
                let begins = kind == CharKind::Alone || (kind == CharKind::Inner && !within);
                within = kind == CharKind::Inner || (within && is_invisible(*c));
                begins && begins_with(*c, first)
            })
            .map(|(at, _)| at)
            .find(|at| {
                let near: String = text[*at..].chars().take(enough).collect();
                let rest = words(&near);
                rest.strip_prefix(&self.words)
                    .is_some_and(|rest| self.open || rest.is_empty() || rest.starts_with(' '))
            })
    }
}

fn begins_with(c: char, first: char) -> bool {
    let mut same = None;
    each_folded(c.encode_utf8(&mut [0; 4]), &mut |c| {
        same.get_or_insert(c == first);
    });
    same.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_ends_within_a_word_finds_words_that_go_on() {
        let found = |sought: &str, text: &str| Sought::new(sought).unwrap().find(text).is_some();
        assert!(found("invoi", "Your INVOICES.") && !found("voices", "Your invoices"));
        assert!(found("invoice ann", "invoice: Anna") && !found("invoice ann", "ann invoice"));
        assert!(found("c++", "in C++") && !found("c++", "in cobol"));
        assert!(found("本語", "日本語") && found("grusse", "«GRÜ\u{ad}SSE»"));
        assert!(found("no", "oh no") && !found("no", "nothing"));
        assert!(found("not", "nothing") && found("日", "日本"));
        assert!(Sought::new("--").is_none());
    }
}
