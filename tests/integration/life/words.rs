//! Commands of IMAP as words: atoms, strings, literals and parentheses.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::line::FaultyLine;

/// A part of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// An atom, or a string without its quotes.
    Text(Vec<u8>),
    Open,
    Close,
}

/// What is left of a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words(VecDeque<Word>);

impl Words {
    /// The next part.
    pub(super) fn take(&mut self) -> Option<Word> {
        self.0.pop_front()
    }

    /// The next part as text; empty if it is none.
    pub(super) fn word(&mut self) -> String {
        match self.take() {
            Some(Word::Text(text)) => String::from_utf8_lossy(&text).into_owned(),
            _ => String::new(),
        }
    }

    /// The words of the list that comes next; none if something else does.
    pub(super) fn list(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        if self.0.front() == Some(&Word::Open) {
            self.take();
            while let Some(Word::Text(text)) = self.take() {
                found.push(String::from_utf8_lossy(&text).into_owned());
            }
        }
        found
    }

    /// Takes in a line.
    fn add(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            match line[at] {
                b' ' => at += 1,
                b'(' | b')' => {
                    let open = line[at] == b'(';
                    self.0
                        .push_back(if open { Word::Open } else { Word::Close });
                    at += 1;
                }
                b'"' => {
                    let mut text = Vec::new();
                    at += 1;
                    while at < line.len() && line[at] != b'"' {
                        at += usize::from(line[at] == b'\\');
                        text.extend(line.get(at));
                        at += 1;
                    }
                    at += 1;
                    self.0.push_back(Word::Text(text));
                }
                _ => {
                    let rest = &line[at..];
                    let end = rest.iter().position(|b| matches!(b, b' ' | b'(' | b')'));
                    let word = &rest[..end.unwrap_or(rest.len())];
                    self.0.push_back(Word::Text(word.to_vec()));
                    at += word.len();
                }
            }
        }
    }
}

/// Reads a command with its literals; nothing at the end of the line.
pub(super) fn read_command(
    input: &mut BufReader<TcpStream>,
    out: &mut FaultyLine,
) -> io::Result<Option<Words>> {
    let mut words = Words::default();
    loop {
        if input.buffer().is_empty() {
            out.flush()?;
        }
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_ascii_end();
        let Some((before, octets, ahead)) = announced(line) else {
            words.add(line);
            return Ok(Some(words));
        };
        words.add(before);
        if !ahead {
            out.say("+ go on")?;
            out.flush()?;
        }
        let mut literal = vec![0; octets];
        input.read_exact(&mut literal)?;
        words.0.push_back(Word::Text(literal));
    }
}

/// What stands before the literal that a line ends with, its length, and whether it comes
/// unasked.
fn announced(line: &[u8]) -> Option<(&[u8], usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let at = inner.iter().rposition(|b| *b == b'{')?;
    let digits = std::str::from_utf8(&inner[at + 1..]).ok()?;
    let octets = digits.trim_end_matches('+').parse().ok()?;
    Some((&line[..at], octets, digits.ends_with('+')))
}

#[test]
fn a_command_falls_into_words() {
    let mut words = Words::default();
    words.add(b"a1 UID FETCH 1:* (UID BODY.PEEK[]) (CHANGEDSINCE 3)");
    assert_eq!(
        [words.word(), words.word(), words.word()],
        ["a1", "UID", "FETCH"]
    );
    assert_eq!(words.word(), "1:*");
    assert_eq!(words.list(), ["UID", "BODY.PEEK[]"]);
    assert_eq!(words.list(), ["CHANGEDSINCE", "3"]);
    words.add(b"LOGIN \"a \\\"b\" x");
    assert_eq!([words.word(), words.word()], ["LOGIN", "a \"b"]);
    assert_eq!(
        announced(b"X \"y\" {12+}"),
        Some((&b"X \"y\" "[..], 12, true))
    );
}
