//! What a server will or may refuse of a message, found before it is sent.

use std::fmt;

/// Lines beyond this many octets are refused by some servers.
const LONG: u64 = 9_900;

/// What a mailbox takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MailboxLimits {
    /// The longest message, in octets.
    pub(crate) limit: Option<u64>,
    /// Headers beyond ASCII are welcome.
    pub(crate) utf8: bool,
    /// The flags that it keeps; without a list, all.
    pub(crate) keeps: Option<Vec<String>>,
}

impl MailboxLimits {
    /// True if a flag stays.
    #[must_use]
    pub(crate) fn keeps(&self, flag: &str) -> bool {
        let plain = !flag.is_empty()
            && flag.strip_prefix('\\').unwrap_or(flag).bytes().all(|b| {
                matches!(b, b'!'..=b'~')
                    && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
            });
        let listed = |keeps: &Vec<String>| {
            let any = !flag.starts_with('\\') && keeps.iter().any(|kept| kept == "\\*");
            any || keeps.iter().any(|kept| kept.eq_ignore_ascii_case(flag))
        };
        plain && self.keeps.as_ref().is_none_or(listed)
    }
}

/// Something about a message that a server may not like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum UploadFlaw {
    /// It is longer than the server's limit.
    TooBig {
        /// The limit in octets.
        limit: u64,
    },
    /// It holds a NUL, which IMAP cannot carry.
    Nul,
    /// Its header goes beyond ASCII.
    EightBitHeader,
    /// It has a line of more than 9,900 octets.
    LongLine,
    /// Its last line does not end.
    Open,
    /// It has a CR that no LF follows.
    BareCr,
}

impl UploadFlaw {
    /// True if it need not be tried.
    #[must_use]
    pub(crate) fn is_certain(self) -> bool {
        matches!(self, Self::TooBig { .. } | Self::Nul)
    }
}

impl fmt::Display for UploadFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooBig { limit } => {
                write!(f, "too big for this server, whose limit is {limit} octets")
            }
            Self::Nul => f.write_str("it holds NUL octets, which IMAP cannot carry"),
            Self::EightBitHeader => f.write_str("its header has characters beyond ASCII"),
            Self::LongLine => f.write_str("it has a line of more than 9,900 octets"),
            Self::Open => f.write_str("its last line has no end"),
            Self::BareCr => f.write_str("it has a CR that is no line end"),
        }
    }
}

/// What was seen of a message, piece by piece, in the form in which it is sent.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Default, Clone)]
pub(crate) struct MessageProbe {
    octets: u64,
    nul: bool,
    /// Octets of the line so far, and of the longest.
    line: u64,
    longest: u64,
    in_body: bool,
    eight_bit: bool,
    utf8: Utf8,
    bare_cr: bool,
    last: u8,
}

impl MessageProbe {
    /// Takes the next octets.
    pub(crate) fn at(&mut self, piece: &[u8]) {
        self.octets += piece.len() as u64;
        self.nul = self.nul || memchr::memchr(0, piece).is_some();
        let mut start = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            let line = &piece[start..at];
            self.piece_of_line(line);
            // An empty line ends the header.
            let rest = self.line - u64::from(self.last == b'\r' && self.line > 0);
            self.in_body = self.in_body || rest == 0;
            self.longest = self.longest.max(rest);
            self.line = 0;
            self.last = b'\n';
            start = at + 1;
        }
        self.piece_of_line(&piece[start..]);
    }

    fn piece_of_line(&mut self, part: &[u8]) {
        let Some((last, inner)) = part.split_last() else {
            return;
        };
        if !self.in_body {
            self.eight_bit = self.eight_bit || !part.is_ascii();
            self.utf8.at(part);
        }
        self.bare_cr |= self.last == b'\r' || memchr::memchr(b'\r', inner).is_some();
        self.line += part.len() as u64;
        self.last = *last;
    }

    /// Octets so far.
    #[must_use]
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// True if the header goes beyond ASCII, and is UTF-8.
    #[must_use]
    pub(crate) fn is_utf8_header(&self) -> bool {
        self.eight_bit && self.utf8.is_valid()
    }

    /// True if it has a line that does not end with CR LF.
    #[must_use]
    pub(crate) fn has_odd_line_ends(&self) -> bool {
        self.has_bare_cr() || self.last != b'\n'
    }

    fn has_bare_cr(&self) -> bool {
        self.bare_cr || self.last == b'\r'
    }

    /// What such a mailbox may not like about the message.
    #[must_use]
    pub(crate) fn flaws(&self, limits: &MailboxLimits) -> Vec<UploadFlaw> {
        let mut flaws = Vec::new();
        if let Some(limit) = limits.limit.filter(|limit| self.octets > *limit) {
            flaws.push(UploadFlaw::TooBig { limit });
        }
        if self.nul {
            flaws.push(UploadFlaw::Nul);
        }
        if self.eight_bit && !(limits.utf8 && self.utf8.is_valid()) {
            flaws.push(UploadFlaw::EightBitHeader);
        }
        if self.longest.max(self.line) > LONG {
            flaws.push(UploadFlaw::LongLine);
        }
        if self.last != b'\n' {
            flaws.push(UploadFlaw::Open);
        }
        if self.has_bare_cr() {
            flaws.push(UploadFlaw::BareCr);
        }
        flaws
    }
}

/// Whether octets that come in pieces are UTF-8.
#[derive(Debug, Default, Clone)]
struct Utf8 {
    pending: Vec<u8>,
    broken: bool,
}

impl Utf8 {
    fn at(&mut self, piece: &[u8]) {
        if self.broken || (piece.is_ascii() && self.pending.is_empty()) {
            return;
        }
        self.pending.extend_from_slice(piece);
        match str::from_utf8(&self.pending) {
            Ok(_) => self.pending.clear(),
            Err(error) if error.error_len().is_none() => {
                self.pending.drain(..error.valid_up_to());
            }
            Err(_) => self.broken = true,
        }
    }

    fn is_valid(&self) -> bool {
        !self.broken && self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(message: &[u8]) -> MessageProbe {
        let mut look = MessageProbe::default();
        look.at(message);
        look
    }

    fn flaws(message: &[u8], limits: &MailboxLimits) -> Vec<UploadFlaw> {
        look(message).flaws(limits)
    }

    #[test]
    fn a_plain_message_is_taken_by_any_server() {
        let message = b"Subject: a\r\n\r\nbody with \xff\r\n";
        assert_eq!(flaws(message, &MailboxLimits::default()), []);
    }

    #[test]
    fn what_servers_refuse_is_found() {
        let limits = MailboxLimits {
            limit: Some(10),
            ..MailboxLimits::default()
        };
        let long = [b"a: b\r\n\r\n".as_slice(), &[b'x'; 9_901], b"\r\n"].concat();
        for (message, flaw) in [
            (
                &b"Subject: longer\r\n\r\n"[..],
                UploadFlaw::TooBig { limit: 10 },
            ),
            (b"\r\n\0\r\n", UploadFlaw::Nul),
            (b"A: \xe9\r\n", UploadFlaw::EightBitHeader),
            (&long, UploadFlaw::LongLine),
            (b"a", UploadFlaw::Open),
            (b"", UploadFlaw::Open),
            (b"a\rb\r\n", UploadFlaw::BareCr),
            (b"a\r\r\n", UploadFlaw::BareCr),
            (b"a\r", UploadFlaw::BareCr),
        ] {
            assert!(flaws(message, &limits).contains(&flaw), "{flaw:?}");
        }
    }

    #[test]
    fn utf8_in_a_header_is_fine_where_the_server_takes_it() {
        let limits = MailboxLimits {
            utf8: true,
            ..MailboxLimits::default()
        };
        assert_eq!(flaws("A: é\r\n\r\n".as_bytes(), &limits), []);
        assert_eq!(
            flaws(b"A: \xe9\r\n\r\n", &limits),
            [UploadFlaw::EightBitHeader]
        );
    }

    #[test]
    fn keywords_stay_where_they_are_listed_or_any_is() {
        let limits = |keeps: &[&str]| MailboxLimits {
            keeps: Some(keeps.iter().map(ToString::to_string).collect()),
            ..MailboxLimits::default()
        };
        assert!(limits(&["\\Seen", "$junk"]).keeps("$Junk"));
        assert!(!limits(&["\\Seen", "$junk"]).keeps("work"));
        assert!(limits(&["\\*"]).keeps("work") && !limits(&["\\*"]).keeps("\\Flagged"));
        assert!(MailboxLimits::default().keeps("work") && MailboxLimits::default().keeps("\\Seen"));
        for odd in ["", "a b", "a(", "é", "x]", "\\"] {
            assert!(odd == "\\" || !MailboxLimits::default().keeps(odd), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn where_a_message_is_cut_does_not_matter(
            message in "[a\\x00\u{e9}\r\n]{0,40}",
            cuts in prop::collection::vec(0_usize..80, 0..5),
        ) {
            let message = message.as_bytes();
            let limits = MailboxLimits { limit: Some(20), ..MailboxLimits::default() };
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(message.len())).collect();
            cuts.sort_unstable();
            let mut pieces = MessageProbe::default();
            let mut from = 0;
            for cut in cuts.into_iter().chain([message.len()]) {
                pieces.at(&message[from..cut]);
                from = cut;
            }
            let whole = look(message);
            prop_assert_eq!(pieces.flaws(&limits), whole.flaws(&limits));
            prop_assert_eq!(pieces.is_utf8_header(), whole.is_utf8_header());
        }
    }
}
