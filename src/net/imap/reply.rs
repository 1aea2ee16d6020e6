//! The kinds of answers (RFC 9051 s.7): continuation, result, status, data.

use crate::net::imap::token::{Token, TokenReader, TokenStop, decimal};
use crate::net::sasl::Refusal;

/// The word that says how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusKind {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// A status: its word, its response code, its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImapStatus<'a> {
    pub(super) kind: StatusKind,
    /// What is in the brackets; empty if there are none.
    pub(super) code: &'a [u8],
    /// Everything after the word, with the code.
    pub(super) text: &'a [u8],
}

/// One answer, whole or up to a literal whose octets follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    /// `+`: our turn.
    Continue(&'a [u8]),
    /// The end of a command, by its tag.
    Result(&'a [u8], ImapStatus<'a>),
    /// A status of no command.
    Status(ImapStatus<'a>),
    /// Anything else: the number in front, if there is one, and the word.
    Data {
        number: Option<u64>,
        word: &'a [u8],
        rest: TokenReader<'a>,
    },
}

impl PartialEq for TokenReader<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.clone().rest() == other.clone().rest()
    }
}

impl Eq for TokenReader<'_> {}

/// Reads a reply without its line end; `None` if it is not one.
pub(super) fn reply(text: &[u8]) -> Option<Reply<'_>> {
    let (first, rest) = word(text);
    match first {
        b"+" => return Some(Reply::Continue(rest)),
        b"*" => {}
        b"" => return None,
        tag => {
            let status = status(rest)?;
            let ends = matches!(
                status.kind,
                StatusKind::Ok | StatusKind::No | StatusKind::Bad
            );
            return ends.then_some(Reply::Result(tag, status));
        }
    }
    if let Some(status) = status(rest) {
        return Some(Reply::Status(status));
    }
    // Some servers leave the OK in front of a code out.
    if rest.starts_with(b"[") {
        return Some(Reply::Status(with_code(StatusKind::Ok, rest)));
    }
    let (second, behind) = word(rest);
    let (number, word, rest) = match decimal(second) {
        Some(number) => {
            let (word, rest) = word(behind);
            (Some(number), word, rest)
        }
        None => (None, second, behind),
    };
    (!word.is_empty()).then(|| Reply::Data {
        number,
        word,
        rest: TokenReader::new(rest),
    })
}

/// The octets of a literal that a line announces at its end, if it announces one; an
/// error if their number is no plain one.
pub(super) fn announced(line: &[u8]) -> Result<Option<u64>, TokenStop> {
    let Some(size) = announcement(line) else {
        return Ok(None);
    };
    match decimal(size) {
        Some(octets) => Ok(Some(octets)),
        None => Err(TokenStop::Shapeless),
    }
}

/// What looks like the size of a literal at the end of a line.
fn announcement(line: &[u8]) -> Option<&[u8]> {
    let inside = line.strip_suffix(b"}")?;
    let open = inside.iter().rev().take(32).position(|b| *b == b'{')?;
    let (before, size) = inside.split_at(inside.len() - open - 1);
    let before = before.strip_suffix(b"~").unwrap_or(before);
    if !matches!(before.last(), None | Some(b' ' | b'(' | b']' | b'>')) {
        return None;
    }
    let size = size[1..].strip_suffix(b"+").unwrap_or(&size[1..]);
    let first = size.strip_prefix(b"-").unwrap_or(size).first();
    first.is_some_and(u8::is_ascii_digit).then_some(size)
}

/// True if the answer that begins so may hold literals: the text of a status has none.
pub(super) fn holds_literals(text: &[u8]) -> bool {
    let (first, rest) = word(text);
    first == b"*" && status(rest).is_none() && !rest.starts_with(b"[")
}

fn status(text: &[u8]) -> Option<ImapStatus<'_>> {
    let (first, rest) = word(text);
    let kind = match first.to_ascii_uppercase().as_slice() {
        b"OK" => StatusKind::Ok,
        b"NO" => StatusKind::No,
        b"BAD" => StatusKind::Bad,
        b"BYE" => StatusKind::Bye,
        b"PREAUTH" => StatusKind::Preauth,
        _ => return None,
    };
    Some(with_code(kind, rest))
}

fn with_code(kind: StatusKind, text: &[u8]) -> ImapStatus<'_> {
    let mut quoted = false;
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b']' && !quoted
    });
    let code = match end {
        Some(end) if text.starts_with(b"[") => &text[1..end],
        _ => b"",
    };
    ImapStatus { kind, code, text }
}

/// The first word, and what follows the space after it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace);
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (word, rest.trim_ascii_start())
}

impl<'a> ImapStatus<'a> {
    /// True if the response code is this one.
    pub(super) fn says(&self, code: &str) -> bool {
        let name = self.code.split(u8::is_ascii_whitespace).next();
        name.is_some_and(|name| name.eq_ignore_ascii_case(code.as_bytes()))
    }

    /// What the response code says after its name.
    pub(super) fn argument(&self) -> TokenReader<'a> {
        TokenReader::new(word(self.code).1)
    }

    /// What a refusal means for the account as a whole (RFC 5530 and common words).
    pub(super) fn refusal(&self) -> Refusal {
        let any = |codes: &[&str]| codes.iter().any(|code| self.says(code));
        let upper = self.text.to_ascii_uppercase();
        let has = |words: &[&str]| {
            let found = |word: &&str| memchr::memmem::find(&upper, word.as_bytes()).is_some();
            words.iter().any(found)
        };
        if any(&["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"]) {
            Refusal::Credentials
        } else if any(&[
            "UNAVAILABLE",
            "INUSE",
            "LIMIT",
            "THROTTLED",
            "OVERQUOTA",
            "SERVERBUG",
        ]) || has(&["THROTTLED", "BACKOFF", "TOO MANY", "TRY AGAIN", "BANDWIDTH"])
        {
            Refusal::Later
        } else if any(&["PRIVACYREQUIRED", "CONTACTADMIN", "NOPERM"]) {
            Refusal::Permanent
        } else if self.kind == StatusKind::Bad
            || has(&[
                "UNSUPPORTED",
                "NOT SUPPORTED",
                "UNKNOWN",
                "UNRECOGNI",
                "NOT IMPLEMENTED",
            ])
        {
            Refusal::Unknown
        } else {
            Refusal::Plain
        }
    }

    /// True if the server asks for a pause, whatever it was asked.
    pub(super) fn wants_a_pause(&self) -> bool {
        let upper = self.text.to_ascii_uppercase();
        let says = |word: &[u8]| memchr::memmem::find(&upper, word).is_some();
        self.says("THROTTLED") || self.says("LIMIT") || says(b"THROTTLED") || says(b"BACKOFF")
    }
}

/// True if a list of texts holds `wanted`, in any case.
pub(super) fn holds(texts: &[Vec<u8>], wanted: &str) -> bool {
    texts
        .iter()
        .any(|text| text.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Takes a list of names with numbers, as STATUS and QUOTA have it.
pub(super) fn pairs(rest: &mut TokenReader<'_>) -> Result<Vec<(String, Option<u64>)>, TokenStop> {
    let mut pairs = Vec::new();
    if rest.peek() != Some(Token::Open) {
        return Ok(pairs);
    }
    rest.token();
    loop {
        match rest.token() {
            Some(Token::Atom(name)) => {
                let name = String::from_utf8_lossy(name).to_ascii_uppercase();
                pairs.push((name, rest.number()));
            }
            Some(Token::Close) => return Ok(pairs),
            Some(Token::Ahead) => return Err(TokenStop::Ahead),
            Some(_) => {}
            None => return Err(TokenStop::Shapeless),
        }
    }
}

/// Reads any line.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &[u8]) {
    if let Some(Reply::Status(status) | Reply::Result(_, status)) = reply(text) {
        let _ = (status.refusal(), status.wants_a_pause());
        let _ = status.argument().number();
    }
    let _ = announced(text);
    let _ = holds_literals(text);
    let _ = pairs(&mut TokenReader::new(text));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use imap_proto::{Response, ResponseCode, Status as Theirs};
    use proptest::prelude::*;

    fn status_of(text: &str) -> ImapStatus<'_> {
        match reply(text.as_bytes()) {
            Some(Reply::Status(status) | Reply::Result(_, status)) => status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_of_real_servers_are_understood() {
        assert_eq!(reply(b"+ Zm9v"), Some(Reply::Continue(b"Zm9v")));
        assert_eq!(reply(b"+"), Some(Reply::Continue(b"")));
        assert_eq!(reply(b"+OK ready"), None);
        assert_eq!(reply(b""), None);
        assert_eq!(reply(b"*"), None);
        assert_eq!(reply(b"m1 FETCH done"), None);
        let Some(Reply::Result(tag, status)) = reply(b"m1 ok [READ-ONLY] done") else {
            panic!("no result");
        };
        assert_eq!((tag, status.kind), (&b"m1"[..], StatusKind::Ok));
        assert!(status.says("read-only") && !status.says("READ"));
        let Some(Reply::Data { number, word, .. }) = reply(b"* 12 EXISTS") else {
            panic!("no data");
        };
        assert_eq!((number, word), (Some(12), &b"EXISTS"[..]));
    }

    #[test]
    fn codes_are_found_in_odd_places() {
        assert_eq!(
            status_of("* [UIDVALIDITY 7] fine").argument().number(),
            Some(7)
        );
        assert_eq!(status_of("* OK [UIDNEXT 9]").argument().number(), Some(9));
        assert_eq!(status_of("* OK [X \"a]b\" c] d").code, b"X \"a]b\" c");
        assert_eq!(status_of("* NO no [CODE] here").code, b"");
        assert_eq!(status_of("* OK [open").code, b"");
        assert_eq!(status_of("* BYE").kind, StatusKind::Bye);
    }

    #[test]
    fn a_refusal_is_told_apart_by_its_code_first() {
        for (text, refusal) in [
            ("m1 NO [AUTHENTICATIONFAILED] no", Refusal::Credentials),
            ("m1 NO [UNAVAILABLE] temporary", Refusal::Later),
            (
                "m1 NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
                Refusal::Later,
            ),
            ("m1 NO [CONTACTADMIN] blocked", Refusal::Permanent),
            (
                "m1 NO Unsupported authentication mechanism",
                Refusal::Unknown,
            ),
            ("m1 BAD what", Refusal::Unknown),
            (
                "m1 NO User is authenticated but not connected.",
                Refusal::Plain,
            ),
            ("m1 NO LOGIN failed", Refusal::Plain),
        ] {
            assert_eq!(status_of(text).refusal(), refusal, "{text}");
        }
        assert!(status_of("* NO [THROTTLED] slow").wants_a_pause());
        assert!(!status_of("* NO [UNAVAILABLE] gone").wants_a_pause());
    }

    #[test]
    fn announced_literals_are_told_from_text() {
        for (line, size) in [
            ("* 1 FETCH (BODY[] {12}", Ok(Some(12))),
            ("* 1 FETCH (BODY[]{12}", Ok(Some(12))),
            ("* 1 FETCH (BINARY[] ~{12}", Ok(Some(12))),
            ("* LIST () NIL {3+}", Ok(Some(3))),
            (" X {4294967296}", Ok(Some(4_294_967_296))),
            (" X {-1}", Err(TokenStop::Shapeless)),
            (" X {99999999999999999999}", Err(TokenStop::Shapeless)),
            (" X {}", Ok(None)),
            (" X {a}", Ok(None)),
            ("* LIST () NIL a{5}", Ok(None)),
            ("* LIST () NIL \"{5}\"", Ok(None)),
        ] {
            assert_eq!(announced(line.as_bytes()), size, "{line}");
        }
        assert!(holds_literals(b"* LIST () NIL {3}"));
        assert!(!holds_literals(b"* OK see {3}"));
        assert!(!holds_literals(b"m1 OK see {3}"));
        assert!(!holds_literals(b"+ see {3}"));
    }

    #[test]
    fn pairs_survive_odd_values() {
        let read = |text: &str| pairs(&mut TokenReader::new(text.as_bytes()));
        let pair = |name: &str, number| (name.to_owned(), number);
        assert_eq!(
            read("(MESSAGES 3 uidnext -1 X 5)").unwrap(),
            [
                pair("MESSAGES", Some(3)),
                pair("UIDNEXT", None),
                pair("X", Some(5))
            ]
        );
        assert_eq!(read("NIL").unwrap(), []);
        assert_eq!(read("(MESSAGES)").unwrap(), [pair("MESSAGES", None)]);
        assert!(read("(MESSAGES 3").is_err());
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(text in prop::collection::vec(any::<u8>(), 0..120)) {
            assert_any(&text);
        }

        #[test]
        fn statuses_are_read_as_imap_proto_reads_them(
            kind in prop::sample::select(vec!["OK", "NO", "BAD", "BYE", "PREAUTH"]),
            number in any::<u32>(),
            code in prop::sample::select(vec!["UIDVALIDITY", "UIDNEXT", "UNSEEN", ""]),
            text in "[a-z ]{1,20}",
        ) {
            let code = if code.is_empty() { String::new() } else { format!("[{code} {number}] ") };
            let line = format!("* {kind} {code}x{text}");
            let wire = format!("{line}\r\n");
            let (_, theirs) = imap_proto::Response::parse(wire.as_bytes()).unwrap();
            let Response::Data { status, outcome } = theirs else {
                panic!("{theirs:?}");
            };
            let ours = status_of(&line);
            let same = match ours.kind {
                StatusKind::Ok => Theirs::Ok,
                StatusKind::No => Theirs::No,
                StatusKind::Bad => Theirs::Bad,
                StatusKind::Bye => Theirs::Bye,
                StatusKind::Preauth => Theirs::PreAuth,
            };
            prop_assert_eq!(status, same);
            let their_number = outcome.code.map(|code| match code {
                ResponseCode::UidValidity(n) | ResponseCode::UidNext(n) | ResponseCode::Unseen(n) => {
                    u64::from(n)
                }
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(ours.argument().number(), their_number);
        }
    }
}
