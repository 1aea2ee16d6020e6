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
        Self::with_cut(flags).0
    }

    /// Reads flags as a server sends them; true if there were keywords that are not kept, since
    /// they are too many or too long.
    #[must_use]
    pub(crate) fn with_cut<F: AsRef<[u8]>>(flags: &[F]) -> (Self, bool) {
        let mut letters: Vec<char> = Vec::new();
        let (mut words, mut length, mut cut) = (BTreeSet::new(), 0, false);
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
                _ if flag.len() > LONGEST => cut = true,
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
                        cut = true;
                    }
                }
            }
        }
        letters.sort_unstable();
        letters.dedup();
        let marks = Self {
            letters: letters.into_iter().collect(),
            words: words.into_iter().collect::<Vec<_>>().join(" "),
        };
        (marks, cut)
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
        let (marks, cut) = Marks::with_cut(&many);
        assert!(cut);
        let kept: Vec<String> = (0..MOST / 9).map(|n| format!("kw{n:06}")).collect();
        assert_eq!(marks.words, kept.join(" "));
        assert_eq!(marks.letters, "S");
        many.reverse();
        assert_eq!(Marks::of(&many), marks);
        let (longest, longer) = ("A".repeat(LONGEST), "A".repeat(LONGEST + 1));
        let (marks, cut) = Marks::with_cut(&["b", &longer, &longest, "a"]);
        assert_eq!((marks.words, cut), (format!("{longest} a b"), true));
        assert!(!Marks::with_cut(&["b", &longest, "\\Seen", "a b"]).1);
    }
}
