//! The flags of IMAP messages (RFC 9051 s.2.3.2).

use std::collections::BTreeSet;

/// So many octets of keywords are kept, with the spaces between them: a line of the ledger has room
/// for them however they are escaped. People have a few dozen; what has more is out of order.
const MOST: usize = 8 << 10;
/// A longer one is none, so that it costs no other.
const LONGEST: usize = 1 << 10;

/// The flags of a message as the vault keeps them (`docs/FORMAT.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Marks {
    /// Letters of file names, sorted.
    pub(crate) letters: String,
    /// Everything that has no letter, sorted, separated by spaces; of very many the first.
    pub(crate) words: String,
}

impl Marks {
    /// Reads flags as a server sends them.
    #[must_use]
    pub(crate) fn of<F: AsRef<[u8]>>(flags: &[F]) -> Self {
        let mut letters: Vec<char> = Vec::new();
        let (mut words, mut length) = (BTreeSet::new(), 0);
        for flag in flags {
            let flag = String::from_utf8_lossy(flag.as_ref());
            match flag.to_ascii_lowercase().as_str() {
                "\\seen" => letters.push('S'),
                "\\answered" => letters.push('R'),
                "\\flagged" => letters.push('F'),
                "\\draft" => letters.push('D'),
                "$forwarded" => letters.push('P'),
                // It is of the session, not of the message.
                "\\recent" | "" => {}
                _ if flag.len() > LONGEST => {}
                _ if flag.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) => {}
                _ => {
                    let word = flag.into_owned();
                    let added = word.len() + 1;
                    if words.insert(word) {
                        length += added;
                    }
                    // Whatever order the server has, the same ones stay.
                    while length > MOST
                        && let Some(last) = words.pop_last()
                    {
                        length -= last.len() + 1;
                    }
                }
            }
        }
        letters.sort_unstable();
        letters.dedup();
        Self {
            letters: letters.into_iter().collect(),
            words: words.into_iter().collect::<Vec<_>>().join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_letters_and_words() {
        let marks = Marks::of(&[
            "\\Seen",
            "$Junk",
            "\\FLAGGED",
            "\\Recent",
            "$Forwarded",
            "a b",
        ]);
        assert_eq!(marks.letters, "FPS");
        assert_eq!(marks.words, "$Junk");
        assert_eq!(Marks::of(&["\\Deleted", "\\Deleted"]).words, "\\Deleted");
    }

    #[test]
    fn of_very_many_keywords_the_same_ones_stay_in_any_order() {
        let mut many: Vec<String> = (0..400_000).map(|n| format!("kw{n:06}")).collect();
        many.push("\\Seen".to_owned());
        let marks = Marks::of(&many);
        let kept: Vec<String> = (0..MOST / 9).map(|n| format!("kw{n:06}")).collect();
        assert_eq!(marks.words, kept.join(" "));
        assert_eq!(marks.letters, "S");
        many.reverse();
        assert_eq!(Marks::of(&many), marks);
        let (longest, longer) = ("A".repeat(LONGEST), "A".repeat(LONGEST + 1));
        let words = Marks::of(&["b", &longer, &longest, "a"]).words;
        assert_eq!(words, format!("{longest} a b"));
    }
}
