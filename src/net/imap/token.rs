//! The words of an answer, taken one by one (RFC 9051 s.4).
//!
//! Whatever is there is some token: a reader never fails and always moves on.
//! What is not understood is skipped by its shape.

use std::borrow::Cow;

/// Lists inside lists, at most.
const NESTING: usize = 64;
/// Longest size of a literal, in digits and signs.
const DIGITS: usize = 24;

/// One word, or one end of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// A bare word.
    Atom(&'a [u8]),
    /// A quoted string or a literal, unwrapped.
    Text(Cow<'a, [u8]>),
    /// A literal whose octets have not been read yet.
    Ahead,
}

/// Why a value cannot be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenStop {
    /// Its octets have not been read yet.
    Ahead,
    /// It has no end, or its lists are too deep.
    Shapeless,
}

/// Reads an answer in which literals stand as they came: `{3}`, CR LF, three octets.
#[derive(Debug, Clone)]
pub(super) struct TokenReader<'a> {
    rest: &'a [u8],
}

impl<'a> TokenReader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// What has not been taken, without the space before it.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.space();
        self.rest
    }

    fn space(&mut self) {
        let words = self.rest.iter().position(|b| !is_space(*b));
        self.rest = &self.rest[words.unwrap_or(self.rest.len())..];
    }

    /// Takes the next token; `None` at the end.
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        self.space();
        match self.rest.first()? {
            b'(' => {
                self.rest = &self.rest[1..];
                Some(Token::Open)
            }
            b')' => {
                self.rest = &self.rest[1..];
                Some(Token::Close)
            }
            b'"' => Some(Token::Text(self.quoted())),
            b'{' | b'~' => Some(self.literal().unwrap_or_else(|| self.atom())),
            _ => Some(self.atom()),
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.clone().token()
    }

    /// Takes the name of a FETCH item, in which brackets may hold spaces and lists.
    pub(super) fn name(&mut self) -> Option<&'a [u8]> {
        self.space();
        let mut inside = false;
        let end = self.rest.iter().position(|byte| {
            match byte {
                b'[' => inside = true,
                b']' => inside = false,
                _ => {}
            }
            !inside && (is_space(*byte) || b"()\"".contains(byte))
        });
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    /// Takes a value as one text; `None` for NIL, lists and nothing.
    pub(super) fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        match self.peek()? {
            Token::Text(text) => {
                self.token();
                Some(text)
            }
            Token::Atom(word) => {
                self.token();
                (!is_nil(word)).then_some(Cow::Borrowed(word))
            }
            Token::Open => {
                let _ = self.skip();
                None
            }
            Token::Close | Token::Ahead => None,
        }
    }

    /// Takes a value as a number; `None` for what is no plain one.
    pub(super) fn number(&mut self) -> Option<u64> {
        decimal(&self.text()?)
    }

    /// Takes a list of texts; a text alone counts as a list of one.
    pub(super) fn texts(&mut self) -> Result<Vec<Vec<u8>>, TokenStop> {
        if self.peek() != Some(Token::Open) {
            return match self.peek() {
                Some(Token::Ahead) => Err(TokenStop::Ahead),
                _ => Ok(self.text().into_iter().map(Cow::into_owned).collect()),
            };
        }
        self.token();
        let mut texts = Vec::new();
        loop {
            match self.peek() {
                None => return Err(TokenStop::Shapeless),
                Some(Token::Ahead) => return Err(TokenStop::Ahead),
                Some(Token::Close) => {
                    self.token();
                    return Ok(texts);
                }
                Some(Token::Open) => self.skip()?,
                Some(_) => texts.extend(self.text().map(Cow::into_owned)),
            }
        }
    }

    /// Takes one value, whatever it is.
    pub(super) fn skip(&mut self) -> Result<(), TokenStop> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err(TokenStop::Shapeless),
                Some(Token::Ahead) => return Err(TokenStop::Ahead),
                Some(Token::Open) if depth == NESTING => return Err(TokenStop::Shapeless),
                Some(Token::Open) => depth += 1,
                // The value is missing: this bracket belongs to the list around it.
                Some(Token::Close) if depth == 0 => return Ok(()),
                Some(Token::Close) => depth -= 1,
                Some(_) => {}
            }
            self.token();
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn atom(&mut self) -> Token<'a> {
        let ends = |byte: &u8| is_space(*byte) || b"()\"".contains(byte);
        let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Atom(word)
    }

    /// A string in quotes; one without an end goes to the end of the line.
    fn quoted(&mut self) -> Cow<'a, [u8]> {
        let inside = &self.rest[1..];
        let mut text: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        let mut from = 0;
        let mut at = 0;
        loop {
            match inside.get(at) {
                Some(b'\\') if matches!(inside.get(at + 1), Some(b'"' | b'\\')) => {
                    text.to_mut().extend_from_slice(&inside[from..at]);
                    from = at + 1;
                    at += 2;
                }
                Some(byte) if !b"\"\r\n".contains(byte) => at += 1,
                end => {
                    self.rest = &inside[at + usize::from(end == Some(&b'"'))..];
                    if text.is_empty() {
                        return Cow::Borrowed(&inside[from..at]);
                    }
                    text.to_mut().extend_from_slice(&inside[from..at]);
                    return text;
                }
            }
        }
    }

    /// A literal; `None` if it only looks like one.
    fn literal(&mut self) -> Option<Token<'a>> {
        let head = self.rest.strip_prefix(b"~").unwrap_or(self.rest);
        let head = head.strip_prefix(b"{")?;
        let end = head.iter().take(DIGITS).position(|b| *b == b'}')?;
        let digits = head[..end].strip_suffix(b"+").unwrap_or(&head[..end]);
        let octets = usize::try_from(decimal(digits)?).ok()?;
        let behind = &head[end + 1..];
        if behind.is_empty() {
            return Some(Token::Ahead);
        }
        let behind = behind.strip_prefix(b"\r\n")?;
        let (text, rest) = behind.split_at(octets.min(behind.len()));
        self.rest = rest;
        Some(Token::Text(Cow::Borrowed(text)))
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_nil(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"NIL")
}

/// A number of plain digits that fits.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What holds for any text: a reader takes something with every token, and ends.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &[u8]) {
    let mut reader = TokenReader::new(text);
    let mut steps = 0;
    while let Some(token) = reader.token() {
        if token == Token::Ahead {
            break;
        }
        steps += 1;
        assert!(steps <= text.len());
    }
    let _ = TokenReader::new(text).skip();
    let _ = TokenReader::new(text).texts();
    let _ = TokenReader::new(text).name();
    let _ = TokenReader::new(text).number();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn tokens(text: &[u8]) -> Vec<Token<'_>> {
        let mut reader = TokenReader::new(text);
        std::iter::from_fn(|| reader.token()).collect()
    }

    fn text(text: &str) -> Token<'static> {
        Token::Text(Cow::Owned(text.into()))
    }

    #[test]
    fn an_answer_falls_into_words() {
        assert_eq!(
            tokens(b"LIST (\\Sent) \"/\" \"a \\\"b\\\\\" {3}\r\nx)y NIL"),
            [
                Token::Atom(b"LIST"),
                Token::Open,
                Token::Atom(b"\\Sent"),
                Token::Close,
                text("/"),
                text("a \"b\\"),
                text("x)y"),
                Token::Atom(b"NIL"),
            ]
        );
    }

    #[test]
    fn a_literal_without_its_octets_is_ahead() {
        assert_eq!(TokenReader::new(b"{3}").token(), Some(Token::Ahead));
        assert_eq!(TokenReader::new(b" ~{3+}").token(), Some(Token::Ahead));
        assert_eq!(
            TokenReader::new(b"{-1}").token(),
            Some(Token::Atom(b"{-1}"))
        );
        assert_eq!(TokenReader::new(b"{0}\r\n").token(), Some(text("")));
    }

    #[test]
    fn broken_strings_end_with_the_line() {
        assert_eq!(tokens(b"\"no end"), [text("no end")]);
        assert_eq!(tokens(b"\"\\"), [text("\\")]);
        assert_eq!(tokens(b"\"a\\n\""), [text("a\\n")]);
    }

    #[test]
    fn a_name_keeps_what_its_brackets_hold() {
        let mut reader = TokenReader::new(b"BODY[HEADER.FIELDS (TO \"CC\")]<0> {3}");
        assert_eq!(
            reader.name(),
            Some(&b"BODY[HEADER.FIELDS (TO \"CC\")]<0>"[..])
        );
        assert_eq!(reader.token(), Some(Token::Ahead));
        assert_eq!(TokenReader::new(b")").name(), None);
    }

    #[test]
    fn values_are_skipped_by_shape() {
        let mut reader = TokenReader::new(b"(a (b \")\" {1}\r\n)) c) next");
        assert_eq!(reader.skip(), Ok(()));
        assert_eq!(reader.rest(), b"next");
        assert_eq!(TokenReader::new(b"((a)").skip(), Err(TokenStop::Shapeless));
        assert_eq!(TokenReader::new(b"(a {5}").skip(), Err(TokenStop::Ahead));
        let deep = |n: usize| format!("{}{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(TokenReader::new(deep(64).as_bytes()).skip(), Ok(()));
        assert_eq!(
            TokenReader::new(deep(65).as_bytes()).skip(),
            Err(TokenStop::Shapeless)
        );
    }

    #[test]
    fn numbers_are_plain_or_unknown() {
        for (text, number) in [
            ("12", Some(12)),
            ("\"12\"", Some(12)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("9.3736e+06", None),
            ("-1", None),
            ("NIL", None),
            ("(12)", None),
            ("", None),
        ] {
            assert_eq!(TokenReader::new(text.as_bytes()).number(), number, "{text}");
        }
    }

    #[test]
    fn texts_may_be_a_list_or_one_or_none() {
        let texts = |text: &'static [u8]| TokenReader::new(text).texts();
        assert_eq!(texts(b"(a \"b\" (c) NIL d)").unwrap().concat(), b"abd");
        assert_eq!(texts(b"a").unwrap(), [b"a"]);
        assert_eq!(texts(b"NIL").unwrap().len(), 0);
        assert_eq!(texts(b"(a {3}"), Err(TokenStop::Ahead));
        assert_eq!(texts(b"(a"), Err(TokenStop::Shapeless));
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(text in prop::collection::vec(any::<u8>(), 0..200)) {
            assert_any(&text);
        }

        #[test]
        fn lists_of_strings_are_read_back(
            words in prop::collection::vec("[ -~]{0,12}", 0..6),
            literal in any::<bool>(),
        ) {
            let written: Vec<String> = words.iter().map(|word| if literal {
                format!("{{{}}}\r\n{word}", word.len())
            } else {
                format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
            }).collect();
            let text = format!("({}) tail", written.join(" "));
            let mut reader = TokenReader::new(text.as_bytes());
            let read: Vec<String> = reader.texts().unwrap().into_iter()
                .map(|word| String::from_utf8(word).unwrap()).collect();
            prop_assert_eq!(read, words);
            prop_assert_eq!(reader.rest(), b"tail");
        }

        #[test]
        fn shapes_like_mail_are_skipped_whole(text in "[()\"{}~0-9a \r\n]{0,60}") {
            assert_any(text.as_bytes());
        }
    }
}
