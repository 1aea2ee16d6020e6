//! The flags of IMAP messages (RFC 9051 s.2.3.2).

/// The flags of a message as the vault keeps them (`docs/FORMAT.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Marks {
    /// Letters of file names, sorted.
    pub(crate) letters: String,
    /// Everything that has no letter, sorted, separated by spaces.
    pub(crate) words: String,
}

impl Marks {
    /// Reads flags as a server sends them.
    #[must_use]
    pub(crate) fn of<F: AsRef<[u8]>>(flags: &[F]) -> Self {
        let mut letters: Vec<char> = Vec::new();
        let mut words: Vec<String> = Vec::new();
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
                _ if flag.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) => {}
                _ => words.push(flag.into_owned()),
            }
        }
        letters.sort_unstable();
        letters.dedup();
        words.sort_unstable();
        words.dedup();
        Self {
            letters: letters.into_iter().collect(),
            words: words.join(" "),
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
}
