//! What a server says it can do (RFC 9051 s.7.2.2).

/// How literals may be sent without waiting (RFC 7888).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literals {
    /// Not at all.
    #[default]
    Wait,
    /// Up to 4,096 octets.
    Small,
    /// Of any size.
    Any,
}

/// The latest list of capabilities, in capitals.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ImapCapabilities {
    words: Vec<String>,
}

/// Capabilities that are looked at.
const MOST: usize = 1_000;

impl ImapCapabilities {
    /// Reads the words of a response or response code.
    pub(super) fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).to_ascii_uppercase();
        let words = text.split_ascii_whitespace().take(MOST);
        Self {
            words: words.map(str::to_owned).collect(),
        }
    }

    /// False if the server has not said anything yet.
    pub(super) fn known(&self) -> bool {
        !self.words.is_empty()
    }

    /// True if `word`, in capitals, is listed.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// The number after a word, such as that of `APPENDLIMIT=35651584`.
    pub(super) fn number(&self, word: &str) -> Option<u64> {
        let mut values = self
            .words
            .iter()
            .filter_map(|known| known.strip_prefix(word)?.strip_prefix('='));
        values.find_map(|value| value.parse().ok())
    }

    /// True if a SASL mechanism is listed.
    pub(super) fn offers(&self, mechanism: &str) -> bool {
        let names = self
            .words
            .iter()
            .filter_map(|word| word.strip_prefix("AUTH="));
        names.into_iter().any(|name| name == mechanism)
    }

    /// How literals may be sent.
    pub(super) fn literals(&self) -> Literals {
        if self.has("LITERAL+") {
            Literals::Any
        } else if self.has("LITERAL-") || self.has("IMAP4REV2") {
            Literals::Small
        } else {
            Literals::Wait
        }
    }

    /// How many messages a command may be about (RFC 9738).
    pub(super) fn message_limit(&self) -> Option<usize> {
        let limit = self.number("MESSAGELIMIT")?;
        usize::try_from(limit).ok().filter(|limit| *limit > 0)
    }

    /// True if flags have a modification sequence.
    pub(super) fn condstore(&self) -> bool {
        self.has("CONDSTORE") || self.has("QRESYNC")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dovecots_answer_is_read() {
        let caps = ImapCapabilities::read(
            b"IMAP4rev1 SASL-IR ID ENABLE LITERAL+ STARTTLS auth=PLAIN AUTH=SCRAM-SHA-256",
        );
        assert!(caps.known() && caps.has("SASL-IR") && caps.has("STARTTLS"));
        assert!(caps.offers("PLAIN") && caps.offers("SCRAM-SHA-256") && !caps.offers("LOGIN"));
        assert!(!caps.has("LITERAL") && !caps.condstore());
        assert_eq!(caps.literals(), Literals::Any);
    }

    #[test]
    fn a_number_stands_behind_its_word() {
        let caps = ImapCapabilities::read(b"APPENDLIMIT APPENDLIMIT=35651584 QUOTA=RES-STORAGE");
        assert_eq!(caps.number("APPENDLIMIT"), Some(35_651_584));
        assert_eq!(caps.number("QUOTA"), None);
        assert_eq!(caps.number("APPEND"), None);
        let limit = |text: &[u8]| ImapCapabilities::read(text).message_limit();
        assert_eq!(limit(b"MESSAGELIMIT=1000"), Some(1_000));
        assert_eq!(limit(b"MESSAGELIMIT=0 MESSAGELIMIT"), None);
    }

    #[test]
    fn small_literals_come_with_the_second_revision() {
        assert_eq!(
            ImapCapabilities::read(b"IMAP4rev2").literals(),
            Literals::Small
        );
        assert_eq!(
            ImapCapabilities::read(b"LITERAL-").literals(),
            Literals::Small
        );
        assert_eq!(ImapCapabilities::read(b"").literals(), Literals::Wait);
        assert!(ImapCapabilities::read(b"QRESYNC").condstore());
    }

    proptest! {
        #[test]
        fn no_list_breaks_it(text in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = ImapCapabilities::read(&text).literals();
        }
    }
}
