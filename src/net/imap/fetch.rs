//! The items of a FETCH answer (RFC 9051 s.7.5.2, RFC 7162, RFC 8474, RFC 9586, Gmail's own).

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};

use crate::net::imap::reply::{Reply, reply};
use crate::net::imap::token::{Token, TokenReader, TokenStop};

/// What a server says about one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its UID, never 0.
    pub uid: u32,
    /// Its size as listed: a hint, `None` if there is no plain one.
    pub octets: Option<u64>,
    /// Its internal date in Unix seconds, `None` if it is missing or no date.
    pub date: Option<i64>,
    /// Its flags and keywords as they were sent, `None` if it was not said.
    pub flags: Option<Vec<Vec<u8>>>,
    /// When it last changed (RFC 7162).
    pub modseq: Option<u64>,
    /// The name that it has in every mailbox (RFC 8474).
    pub(crate) email_id: Option<Vec<u8>>,
    /// The same at Gmail.
    pub(crate) gmail_id: Option<u64>,
    /// The same at Dovecot.
    pub(crate) guid: Option<Vec<u8>>,
    /// Gmail's labels as they were sent.
    pub(crate) labels: Vec<Vec<u8>>,
}

/// A part of a message that is in a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// None was sent.
    #[default]
    Absent,
    /// It was named, and nothing given.
    Nil,
    /// A string in the line.
    Inline(Vec<u8>),
    /// A literal whose octets follow the line.
    Ahead,
}

/// A FETCH answer, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FetchItem {
    /// Row with UID 0 if none was sent yet.
    pub(super) row: Row,
    pub(super) content: Content,
    /// The number of the message in the mailbox; 0 where there are none.
    pub(super) number: u32,
    section: Section,
    /// Lists that were opened where an item was due.
    depth: usize,
}

/// How far an answer could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchState {
    /// To its end.
    Whole,
    /// To a message, whose octets follow.
    Body,
    /// To a part of a message that was not asked for, whose octets follow.
    Unasked,
    /// To a literal in another place.
    Literal,
    /// It is no FETCH answer, or has no shape.
    Broken,
}

/// Lists within the list of items, at most.
const NESTING: usize = 64;

/// The answer in which the number is the UID (RFC 9586 s.3.3), which some servers give whatever
/// was enabled.
const UIDFETCH: &[u8] = b"UIDFETCH";

/// True for the word of an answer about one message.
pub(super) fn is_fetch(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"FETCH") || word.eq_ignore_ascii_case(UIDFETCH)
}

/// Reads an answer from its start; `section` is what was asked for.
pub(super) fn read(text: &[u8], section: Section) -> (FetchItem, FetchState) {
    let mut item = FetchItem::new(section);
    let Some(Reply::Data {
        number: Some(number),
        word,
        mut rest,
    }) = reply(text)
    else {
        return (item, FetchState::Broken);
    };
    if !is_fetch(word) || rest.token() != Some(Token::Open) {
        return (item, FetchState::Broken);
    }
    if word.eq_ignore_ascii_case(UIDFETCH) {
        item.row.uid = u32::try_from(number).unwrap_or(0);
    } else {
        item.number = u32::try_from(number).unwrap_or(0);
    }
    let state = item.take(&mut rest);
    (item, state)
}

impl FetchItem {
    /// One of which nothing was read yet.
    pub(super) fn new(section: Section) -> Self {
        Self {
            section,
            ..Self::default()
        }
    }

    /// Reads on after the octets of a message.
    pub(super) fn resume(&mut self, tail: &[u8]) -> FetchState {
        if !matches!(tail.first(), Some(b' ' | b')')) {
            return FetchState::Broken;
        }
        self.take(&mut TokenReader::new(tail))
    }

    fn take(&mut self, rest: &mut TokenReader<'_>) -> FetchState {
        loop {
            let Some(name) = rest.name() else {
                match rest.token() {
                    // Lotus Domino puts items into a list of their own.
                    Some(Token::Open) if self.depth < NESTING => self.depth += 1,
                    Some(Token::Close) if self.depth > 0 => self.depth -= 1,
                    // Others close more than they opened.
                    Some(Token::Close) if rest.rest().iter().all(|b| b") ".contains(b)) => {
                        return FetchState::Whole;
                    }
                    _ => return FetchState::Broken,
                }
                continue;
            };
            let name = name.to_ascii_uppercase();
            let taken = match name.as_slice() {
                name if self.section.is_named(name) => match self.take_content(rest) {
                    Err(TokenStop::Ahead) => return FetchState::Body,
                    other => other,
                },
                name if is_body(name) => match rest.peek() {
                    Some(Token::Ahead) => return FetchState::Unasked,
                    _ => rest.skip(),
                },
                b"UID" => {
                    let uid = rest.number().and_then(|n| u32::try_from(n).ok());
                    match (uid.unwrap_or(0), self.row.uid) {
                        (uid, 0) => self.row.uid = uid,
                        (uid, before) if uid == before => {}
                        _ => return FetchState::Broken,
                    }
                    Ok(())
                }
                name => self.row.take(name, rest),
            };
            match taken {
                Ok(()) => {}
                Err(TokenStop::Ahead) => return FetchState::Literal,
                Err(TokenStop::Shapeless) => return FetchState::Broken,
            }
        }
    }

    fn take_content(&mut self, rest: &mut TokenReader<'_>) -> Result<(), TokenStop> {
        let content = match rest.peek() {
            Some(Token::Ahead) => Content::Ahead,
            Some(Token::Text(text)) => {
                rest.token();
                Content::Inline(text.into_owned())
            }
            Some(Token::Atom(word)) if word.eq_ignore_ascii_case(b"NIL") => {
                rest.token();
                Content::Nil
            }
            // The value was left out.
            Some(Token::Atom(_) | Token::Close) | None => Content::Nil,
            Some(Token::Open) => {
                rest.skip()?;
                Content::Nil
            }
        };
        let ahead = content == Content::Ahead;
        // The first one counts.
        if self.content == Content::Absent {
            self.content = content;
        }
        if ahead { Err(TokenStop::Ahead) } else { Ok(()) }
    }
}

impl Row {
    fn take(&mut self, name: &[u8], rest: &mut TokenReader<'_>) -> Result<(), TokenStop> {
        if rest.peek() == Some(Token::Ahead) {
            return Err(TokenStop::Ahead);
        }
        match name {
            b"FLAGS" => self.flags = Some(rest.texts()?),
            b"RFC822.SIZE" => self.octets = rest.number(),
            b"INTERNALDATE" => self.date = rest.text().and_then(|text| date(&text)),
            b"MODSEQ" => {
                let texts = rest.texts()?;
                self.modseq = texts
                    .first()
                    .and_then(|text| TokenReader::new(text).number());
            }
            b"EMAILID" => self.email_id = rest.texts()?.into_iter().next(),
            b"X-GM-MSGID" => self.gmail_id = rest.number(),
            b"X-GUID" => self.guid = rest.text().map(Cow::into_owned),
            b"X-GM-LABELS" => self.labels = rest.texts()?,
            _ => rest.skip()?,
        }
        Ok(())
    }
}

/// True for any part of a message.
fn is_body(name: &[u8]) -> bool {
    name.starts_with(b"BODY[")
        || name.starts_with(b"BINARY[")
        || [&b"RFC822"[..], b"RFC822.HEADER", b"RFC822.TEXT"].contains(&name)
}

/// Which part of a message an answer is to bring. Others may come unasked (RFC 9051 s.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Section {
    /// Its header: `BODY[HEADER]`, or `RFC822.HEADER` of old servers.
    Header,
    /// All of it: `BODY[]`, `BINARY[]`, or `RFC822` of old servers.
    #[default]
    Whole,
}

impl Section {
    fn is_named(self, name: &[u8]) -> bool {
        match self {
            Self::Header => [&b"BODY[HEADER]"[..], b"RFC822.HEADER"].contains(&name),
            Self::Whole => [&b"BODY[]"[..], b"BINARY[]", b"RFC822"].contains(&name),
        }
    }
}

/// An internal date (RFC 9051 s.9, `date-time`) in Unix seconds.
fn date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    DateTime::<FixedOffset>::parse_from_str(text, "%e-%b-%Y %H:%M:%S %z")
        .ok()
        .map(|date| date.timestamp())
}

/// What holds for any answer, and any end of one: it is not whole while a message is missing.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(tail: &[u8]) {
    for section in [Section::Header, Section::Whole] {
        for text in [tail, &[b"* 1 FETCH (", tail].concat()] {
            let (item, state) = read(text, section);
            let ahead = item.content == Content::Ahead;
            assert!(state != FetchState::Whole || !ahead);
        }
        let _ = FetchItem::new(section).resume(tail);
    }
    let _ = date(tail);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use imap_proto::{AttributeValue, Response};
    use proptest::prelude::*;

    fn read(text: &[u8]) -> (FetchItem, FetchState) {
        super::read(text, Section::Whole)
    }

    fn whole(text: &str) -> FetchItem {
        let (item, state) = read(text.as_bytes());
        assert_eq!(state, FetchState::Whole, "{text}");
        item
    }

    #[test]
    fn every_wanted_item_is_read_and_others_are_passed_over() {
        let row = whole(
            "* 7 FETCH (UID 12 FLAGS (\\Seen $Junk) INTERNALDATE \" 7-Feb-2021 10:00:00 +0100\" \
             RFC822.SIZE 345 MODSEQ (65402) EMAILID (M6d99ac) THREADID NIL X-GM-MSGID 1278455344230334865 \
             X-GM-LABELS (\\Inbox \"my work\") ENVELOPE (NIL (\"a\" NIL) {3}\r\n)(x) BODY (\"text\" \"plain\"))",
        )
        .row;
        assert_eq!(row.uid, 12);
        assert_eq!(row.octets, Some(345));
        assert_eq!(row.date, Some(1_612_688_400));
        assert_eq!(row.flags.unwrap(), [&b"\\Seen"[..], b"$Junk"]);
        assert_eq!(row.modseq, Some(65_402));
        assert_eq!(row.email_id.unwrap(), b"M6d99ac");
        assert_eq!(row.gmail_id, Some(1_278_455_344_230_334_865));
        assert_eq!(row.labels, [&b"\\Inbox"[..], b"my work"]);
    }

    #[test]
    fn odd_values_are_unknown_and_lose_no_neighbour() {
        let row = whole(
            "* 1 FETCH (RFC822.SIZE 9.3736e+06 MODSEQ (-1) INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" \
             FLAGS \"\\\\Seen\" UID 5)",
        )
        .row;
        assert_eq!((row.octets, row.modseq, row.date), (None, None, None));
        assert_eq!(row.flags.unwrap(), [b"\\Seen"]);
        assert_eq!(row.uid, 5);
        assert_eq!(whole("* 1 FETCH (FLAGS NIL UID -4)").row.uid, 0);
        assert_eq!(whole("* 1 FETCH (UID 4294967296)").row.uid, 0);
        assert_eq!(whole("* 1 FETCH (INTERNALDATE NIL UID 2)").row.uid, 2);
    }

    #[test]
    fn a_body_may_be_ahead_in_the_line_nil_or_left_out() {
        let (item, state) = read(b"* 1 FETCH (UID 5 BODY[] {12}");
        assert_eq!((item.row.uid, state), (5, FetchState::Body));
        assert_eq!(read(b"* 1 FETCH (UID 5 BINARY[] ~{12}").1, FetchState::Body);
        let header = b"* 1 FETCH (UID 5 BODY[HEADER] {1}";
        assert_eq!(super::read(header, Section::Header).1, FetchState::Body);
        assert_eq!(read(header).1, FetchState::Unasked);
        assert_eq!(read(b"* 1 FETCH (BODY[TEXT]<0> {1}").1, FetchState::Unasked);
        assert_eq!(
            read(b"* 1 FETCH (ENVELOPE (NIL {12}").1,
            FetchState::Literal
        );
        let content = |text| whole(text).content;
        assert_eq!(content("* 1 FETCH (UID 5 BODY[] NIL)"), Content::Nil);
        assert_eq!(content("* 1 FETCH (UID 5 BODY[])"), Content::Nil);
        assert_eq!(content("* 1 FETCH (BODY[] UID 5)"), Content::Nil);
        assert_eq!(content("* 1 FETCH (UID 5)"), Content::Absent);
        assert_eq!(
            content("* 1 FETCH (UID 5 BODY[] \"a\")"),
            Content::Inline(b"a".to_vec())
        );
    }

    #[test]
    fn what_follows_a_body_must_fit_it() {
        let resumed = |tail: &[u8]| {
            let (mut item, state) = read(b"* 1 FETCH (UID 5 BODY[] {12}");
            assert_eq!(state, FetchState::Body);
            (item.resume(tail), item.row)
        };
        assert_eq!(resumed(b")").0, FetchState::Whole);
        let (state, row) = resumed(b" FLAGS (\\Seen) UID 5)");
        assert_eq!((state, row.flags.unwrap().len()), (FetchState::Whole, 1));
        for tail in [
            &b""[..],
            b"rest of the mail",
            b" UID 6)",
            b")x",
            b" FLAGS (",
        ] {
            assert_eq!(resumed(tail).0, FetchState::Broken, "{tail:?}");
        }
        assert_eq!(resumed(b" BODY[TEXT] {3}").0, FetchState::Unasked);
    }

    #[test]
    fn the_number_of_a_uidfetch_is_the_uid() {
        assert_eq!(whole("* 25996 UIDFETCH (FLAGS (\\Seen))").row.uid, 25_996);
        assert_eq!(whole("* 7 uidfetch (UID 7 RFC822.SIZE 5)").row.uid, 7);
        assert_eq!(whole("* 4294967296 UIDFETCH (FLAGS ())").row.uid, 0);
        let (item, state) = read(b"* 9 UIDFETCH (BODY[] {12}");
        assert_eq!((item.row.uid, state), (9, FetchState::Body));
        // Two numbers for one message name none.
        assert_eq!(read(b"* 7 UIDFETCH (UID 8)").1, FetchState::Broken);
    }

    #[test]
    fn brackets_in_odd_places_lose_no_item() {
        let row = whole(
            "* 2 FETCH (UID 14935 (ENVELOPE (NIL NIL)) BODYSTRUCTURE (\"TEXT\" 0) RFC822.SIZE 7)",
        )
        .row;
        assert_eq!((row.uid, row.octets), (14_935, Some(7)));
        assert_eq!(
            whole("* 1 FETCH ((UID 5 (FLAGS (a))) RFC822.SIZE 7)")
                .row
                .uid,
            5
        );
        assert_eq!(whole("* 1 FETCH (UID 5 FLAGS (a)))").row.uid, 5);
        assert_eq!(whole("* 1 FETCH (UID 5 RFC822.SIZE) )").row.octets, None);
        let (mut item, state) = read(b"* 1 FETCH (UID 5 (BODY[] {12}");
        assert_eq!(state, FetchState::Body);
        assert_eq!(item.resume(b") FLAGS ())"), FetchState::Whole);
        for text in [
            "* 1 FETCH (UID 5 (FLAGS ())",
            "* 1 FETCH (UID 5) FLAGS ())",
            &format!("* 1 FETCH {}UID 5{}", "(".repeat(70), ")".repeat(70)),
        ] {
            assert_eq!(read(text.as_bytes()).1, FetchState::Broken, "{text}");
        }
    }

    #[test]
    fn other_answers_are_no_fetch() {
        for text in [
            "* 1 EXISTS",
            "* FETCH (UID 1)",
            "* 1 FETCH UID 1",
            "",
            "* OK x",
        ] {
            assert_eq!(read(text.as_bytes()).1, FetchState::Broken, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(
            tail in prop::collection::vec(any::<u8>(), 0..120),
            shaped in "[()\"{}\\[\\]~A-Z0-9 \r\n]{0,60}",
        ) {
            assert_any(&tail);
            assert_any(shaped.as_bytes());
        }

        #[test]
        fn every_prefix_is_unfinished_and_never_whole(
            uid in 1_u32.., octets in any::<u64>(), cut in 0_usize..100,
        ) {
            let text = format!("* 1 FETCH (UID {uid} RFC822.SIZE {octets} FLAGS (\\Seen) X (a (b)))");
            let cut = cut.min(text.len() - 1);
            prop_assert_ne!(read(&text.as_bytes()[..cut]).1, FetchState::Whole);
        }

        #[test]
        fn rows_are_read_as_imap_proto_reads_them(
            uid in 1_u32..,
            octets in any::<u32>(),
            modseq in 1_u64..u64::MAX / 2,
            gmail in any::<u64>(),
            // NIL says that there is nothing, wherever it stands; the oracle takes it for a word.
            flags in prop::collection::vec(
                "[\\\\]?[A-Za-z$]{1,10}".prop_filter("NIL", |f| !f.eq_ignore_ascii_case("NIL")),
                0..5,
            ),
            labels in prop::collection::vec("[ -!#-\\[\\]-~]{0,10}", 0..4),
            body in "[ -!#-\\[\\]-~]{0,40}",
            literal in any::<bool>(),
        ) {
            let flags = flags.join(" ");
            let quoted: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
            let shown = if literal {
                format!("{{{}}}\r\n{body}", body.len())
            } else {
                format!("\"{body}\"")
            };
            let line = format!(
                "* 3 FETCH (UID {uid} RFC822.SIZE {octets} FLAGS ({flags}) MODSEQ ({modseq}) \
                 X-GM-MSGID {gmail} X-GM-LABELS ({}) BODY[] {shown})", quoted.join(" "),
            );
            let item = whole(&line);
            let wire = format!("{line}\r\n");
            let parsed = imap_proto::Response::parse(wire.as_bytes());
            let Ok((_, Response::Fetch(3, values))) = parsed else {
                panic!("{parsed:?}");
            };
            for value in values {
                match value {
                    AttributeValue::Uid(theirs) => prop_assert_eq!(item.row.uid, theirs),
                    AttributeValue::Rfc822Size(theirs) => {
                        prop_assert_eq!(item.row.octets, Some(u64::from(theirs)));
                    }
                    AttributeValue::ModSeq(theirs) => prop_assert_eq!(item.row.modseq, Some(theirs)),
                    AttributeValue::GmailMsgId(theirs) => prop_assert_eq!(item.row.gmail_id, Some(theirs)),
                    AttributeValue::GmailLabels(theirs) => {
                        let ours: Vec<_> = item.row.labels.iter()
                            .map(|label| String::from_utf8_lossy(label)).collect();
                        prop_assert_eq!(ours, theirs);
                    }
                    AttributeValue::Flags(theirs) => {
                        let ours: Vec<_> = item.row.flags.iter().flatten()
                            .map(|flag| String::from_utf8_lossy(flag)).collect();
                        prop_assert_eq!(ours, theirs);
                    }
                    AttributeValue::BodySection { data, .. } => {
                        let theirs = data.map(|data| data.to_vec()).unwrap();
                        prop_assert_eq!(&item.content, &Content::Inline(theirs));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }

        #[test]
        fn a_written_date_is_read_back(seconds in -2_000_000_000_i64..8_000_000_000, offset in -720_i32..=720) {
            let zone = FixedOffset::east_opt(offset * 60).unwrap();
            let text = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&zone)
                .format("%e-%b-%Y %H:%M:%S %z").to_string();
            prop_assert_eq!(date(text.as_bytes()), Some(seconds));
        }
    }
}
