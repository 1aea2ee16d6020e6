//! Commands: their arguments in quotes or as literals, and the answer to one.

use std::io::{Read, Write};

use crate::base::error::Result;
use crate::base::stage::Stage;
use crate::net::imap::capability::Literals;
use crate::net::imap::limit::LimitReached;
use crate::net::imap::reply::{ImapStatus, Reply, StatusKind};
use crate::net::imap::wire::{AnswerHead, ImapWire};

/// Largest literal of LITERAL- (RFC 7888 s.5).
pub(super) const SMALL: usize = 4_096;

/// A command without its tag.
#[derive(Debug, Default)]
pub(super) struct ImapCommand {
    /// Each part but the last ends with an octet count, after which a literal follows.
    parts: Vec<CommandPart>,
    pub(super) shown: String,
}

#[derive(Debug, Default)]
struct CommandPart {
    literal: Vec<u8>,
    text: Vec<u8>,
}

impl ImapCommand {
    /// A command of plain words.
    pub(super) fn new(words: &str) -> Self {
        Self {
            parts: vec![CommandPart {
                literal: Vec::new(),
                text: words.into(),
            }],
            shown: words.to_owned(),
        }
    }

    /// Adds plain words.
    pub(super) fn words(mut self, words: &str) -> Self {
        self.add(words.as_bytes());
        self.shown += words;
        self
    }

    /// Adds a space and a string. A literal is taken only where quotes cannot do: some
    /// servers hang up at literals in LOGIN and SELECT.
    pub(super) fn string(mut self, value: &[u8]) -> Self {
        self.add_string(value);
        self.shown += " \"";
        self.shown += &String::from_utf8_lossy(value);
        self.shown.push('"');
        self
    }

    /// Adds a space and a string that nobody may see.
    pub(super) fn secret(mut self, value: &[u8]) -> Self {
        self.add_string(value);
        self.shown += " ****";
        self
    }

    /// The command as words, if it holds no literal.
    pub(super) fn alone(&self) -> Option<String> {
        match self.parts.as_slice() {
            [part] => String::from_utf8(part.text.clone()).ok(),
            _ => None,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if let Some(part) = self.parts.last_mut() {
            part.text.extend_from_slice(bytes);
        }
    }

    fn add_string(&mut self, value: &[u8]) {
        self.add(b" ");
        if !value.iter().all(|b| matches!(b, b' '..=b'~')) {
            self.parts.push(CommandPart {
                literal: value.to_vec(),
                text: Vec::new(),
            });
            return;
        }
        let mut quoted = vec![b'"'];
        for byte in value {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        self.add(&quoted);
    }

    /// What to write, piece by piece: after each but the last the server is to say
    /// that it is ready.
    pub(super) fn pieces(&self, tag: &str, literals: Literals) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut piece = format!("{tag} ").into_bytes();
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                let octets = part.literal.len();
                let ahead = match literals {
                    Literals::Wait => false,
                    Literals::Small => octets <= SMALL,
                    Literals::Any => true,
                };
                let plus = if ahead { "+" } else { "" };
                piece.extend_from_slice(format!("{{{octets}{plus}}}\r\n").as_bytes());
                if !ahead {
                    pieces.push(std::mem::take(&mut piece));
                }
                piece.extend_from_slice(&part.literal);
            }
            piece.extend_from_slice(&part.text);
        }
        piece.extend_from_slice(b"\r\n");
        pieces.push(piece);
        pieces
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandEnd {
    pub(super) kind: StatusKind,
    /// Where it stopped before its end: whatever else it says, it was not done as a whole.
    pub(super) limit: Option<LimitReached>,
    code: Vec<u8>,
    text: Vec<u8>,
}

impl CommandEnd {
    pub(super) fn of(status: &ImapStatus<'_>) -> Self {
        Self {
            kind: status.kind,
            limit: LimitReached::of(status),
            code: status.code.to_vec(),
            text: status.text.to_vec(),
        }
    }

    pub(super) fn status(&self) -> ImapStatus<'_> {
        ImapStatus {
            kind: self.kind,
            code: &self.code,
            text: &self.text,
        }
    }

    /// With a limit that was announced before it.
    pub(super) fn after(mut self, limit: Option<LimitReached>) -> Self {
        self.limit = self.limit.or(limit);
        self
    }

    /// Of a command for which nothing is left to do after it stopped at a limit.
    pub(super) fn completed(mut self) -> Self {
        if self.limit.is_some() {
            self.kind = StatusKind::Ok;
        }
        self
    }

    pub(super) fn is_ok(&self) -> bool {
        self.kind == StatusKind::Ok
    }
}

impl<S: Read + Write> ImapWire<S> {
    /// Sends a command without waiting for its end; gives its tag.
    pub(super) fn begin(&mut self, words: &str) -> Result<String> {
        let tag = self.tag();
        self.announce(words);
        self.channel.send(format!("{tag} {words}\r\n").as_bytes())?;
        Ok(tag)
    }

    /// Sends a command and takes its answers, untagged ones by `each`.
    pub(super) fn run(
        &mut self,
        command: &ImapCommand,
        mut each: impl FnMut(Reply<'_>) -> Result<()>,
    ) -> Result<CommandEnd> {
        let tag = self.tag();
        self.announce(&command.shown);
        let mut pieces = command.pieces(&tag, self.literals).into_iter().peekable();
        while let Some(piece) = pieces.next() {
            self.channel.send(&piece)?;
            if pieces.peek().is_some()
                && let Some(done) = self.until(&tag, true, &mut each)?
            {
                return Ok(done);
            }
        }
        match self.until(&tag, false, &mut each)? {
            Some(done) => Ok(done),
            None => Err(self.channel.broken("it asks for more than the command has")),
        }
    }

    /// Sends a command whose refusal is an error.
    pub(super) fn must(
        &mut self,
        command: &ImapCommand,
        each: impl FnMut(Reply<'_>) -> Result<()>,
    ) -> Result<CommandEnd> {
        let done = self.run(command, each)?;
        if done.is_ok() {
            Ok(done)
        } else {
            Err(self.refused(&done.status()))
        }
    }

    /// Takes answers up to the end of a command, or to `+`, which gives `None`.
    pub(super) fn until(
        &mut self,
        tag: &str,
        challenge: bool,
        each: &mut dyn FnMut(Reply<'_>) -> Result<()>,
    ) -> Result<Option<CommandEnd>> {
        let mut limit = None;
        loop {
            if let AnswerHead::Body(octets) = self.receive()? {
                // A message that this command did not ask for.
                self.body(crate::net::imap::fetch::FetchItem::default(), octets)
                    .drain()?;
                continue;
            }
            match self.reply()? {
                Reply::Result(theirs, status) if theirs == tag.as_bytes() => {
                    return Ok(Some(CommandEnd::of(&status).after(limit)));
                }
                Reply::Result(..) => return Err(self.channel.broken("it answers another command")),
                Reply::Status(status) => {
                    limit = limit.or(LimitReached::of(&status));
                    each(Reply::Status(status))?;
                }
                Reply::Continue(_) if challenge => return Ok(None),
                // A stray `+` says nothing.
                Reply::Continue(_) => {}
                data @ Reply::Data { .. } => each(data)?,
            }
        }
    }

    /// Notes what is going on, in the trace and for messages.
    pub(super) fn announce(&mut self, shown: &str) {
        tracing::debug!(target: "dialogue", "C: {shown}");
        let words: Vec<&str> = shown.split(' ').take(2).collect();
        let stage = match words.as_slice() {
            ["UID" | "AUTHENTICATE", _] => words.join(" "),
            _ => words.first().copied().unwrap_or_default().to_owned(),
        };
        self.channel.stage = Stage::Command(stage.into());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::imap::token::{Token, TokenReader};
    use proptest::prelude::*;

    fn written(command: &ImapCommand, literals: Literals) -> Vec<String> {
        let pieces = command.pieces("m1", literals).into_iter();
        pieces
            .map(|piece| String::from_utf8(piece).unwrap())
            .collect()
    }

    #[test]
    fn strings_are_quoted_where_quotes_can_do() {
        let login = ImapCommand::new("LOGIN")
            .string(b"ann")
            .secret(b"a\"b\\c d");
        assert_eq!(
            written(&login, Literals::Wait),
            ["m1 LOGIN \"ann\" \"a\\\"b\\\\c d\"\r\n"]
        );
        assert_eq!(login.shown, "LOGIN \"ann\" ****");
    }

    #[test]
    fn other_strings_are_literals_and_wait_where_they_must() {
        let open = ImapCommand::new("SELECT")
            .string("é".as_bytes())
            .words(" (X)");
        assert_eq!(
            written(&open, Literals::Wait),
            ["m1 SELECT {2}\r\n", "é (X)\r\n"]
        );
        for literals in [Literals::Small, Literals::Any] {
            assert_eq!(written(&open, literals), ["m1 SELECT {2+}\r\né (X)\r\n"]);
        }
        let long = ImapCommand::new("X").string("é".repeat(3_000).as_bytes());
        assert_eq!(written(&long, Literals::Small).len(), 2);
        assert_eq!(written(&long, Literals::Any).len(), 1);
    }

    proptest! {
        #[test]
        fn a_sent_string_is_read_back(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let pieces = ImapCommand::new("X").string(&value).pieces("m1", Literals::Any);
            let line = pieces.concat();
            let mut reader = TokenReader::new(line.strip_prefix(b"m1 X").unwrap());
            let Some(Token::Text(text)) = reader.token() else { panic!("no string") };
            prop_assert_eq!(text.into_owned(), value);
        }
    }
}
