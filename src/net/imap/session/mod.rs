//! The dialogue of one session up to an open mailbox: greeting, capabilities, TLS,
//! login, the list of mailboxes.

use std::collections::HashMap;
use std::io::{Read, Write};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Mask;
use crate::base::stage::Stage;
use crate::net::imap::capability::ImapCapabilities;
use crate::net::imap::command::ImapCommand;
use crate::net::imap::login::{self, overhear};
use crate::net::imap::mailbox::{self, Counts, Mailbox, Namespaces, QuotaUsage};
use crate::net::imap::reply::{Reply, StatusKind};
use crate::net::imap::wire::{AnswerHead, ImapWire};
use crate::net::sasl::Login;

/// Mailboxes that a list may have.
const MOST_MAILBOXES: usize = 100_000;
/// STATUS commands that are sent ahead.
const AHEAD: usize = 32;
/// Answers that are read for the end of a session.
const LAST_WORDS: usize = 16;

/// One IMAP session over any stream. Dropping it ends it without a word, and nothing
/// that was marked as deleted goes with it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Session<S> {
    pub(super) wire: ImapWire<S>,
    pub(super) caps: ImapCapabilities,
    /// True if the server was told that we know QRESYNC (RFC 7162).
    pub(super) qresync: bool,
    pub(super) utf8: bool,
    /// True if it is a Dovecot, which tells X-GUID unadvertised: the name that a message
    /// keeps when it is copied or moved.
    pub(super) guid: bool,
    preauth: bool,
}

impl<S: Read + Write> Session<S> {
    /// Takes the greeting of a fresh connection. A server that greets us as signed in
    /// already is believed only where the line is `encrypted`: in clear it could be an
    /// attacker who wants to keep us from TLS (RFC 9051 s.11.3).
    pub fn greet(stream: S, server: &Endpoint, mask: Mask, encrypted: bool) -> Result<Self> {
        let mut session = Self::resume(stream, server, mask);
        let mut told = None;
        let wire = &mut session.wire;
        if wire.receive()? != AnswerHead::Whole {
            return Err(wire.channel.broken("a greeting was due"));
        }
        let reply = wire.any_reply()?;
        overhear(&reply, &mut told);
        session.preauth = match reply {
            Reply::Status(status) if status.kind == StatusKind::Ok => false,
            Reply::Status(status) if status.kind == StatusKind::Preauth && encrypted => true,
            Reply::Status(status) if status.kind == StatusKind::Preauth => {
                let detail = "it skips the login on a connection that is not encrypted";
                return Err(wire.channel.broken(detail));
            }
            Reply::Status(status) => {
                let reply = wire.words(&status);
                let server = server.clone();
                return Err(Error::Busy { server, reply });
            }
            _ => return Err(wire.channel.broken("a greeting was due")),
        };
        session.learn(told);
        Ok(session)
    }

    /// Goes on where no greeting is due, as after STARTTLS.
    pub fn resume(stream: S, server: &Endpoint, mask: Mask) -> Self {
        Self {
            wire: ImapWire::new(stream, server.clone(), mask),
            caps: ImapCapabilities::default(),
            qresync: false,
            utf8: false,
            guid: false,
            preauth: false,
        }
    }

    /// Hides a secret in all that the server says from now on.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.wire.channel.hide(secret);
    }

    /// The stream below.
    pub fn stream_mut(&mut self) -> &mut S {
        self.wire.channel.stream_mut()
    }

    /// Asks for the capabilities, unless the server has said them since the connection
    /// was made, was encrypted, or was signed in to.
    pub fn ask_capabilities(&mut self) -> Result<()> {
        if self.caps.known() {
            return Ok(());
        }
        let mut told = None;
        let done = self.wire.run(&ImapCommand::new("CAPABILITY"), |reply| {
            overhear(&reply, &mut told);
            Ok(())
        })?;
        overhear(&Reply::Status(done.status()), &mut told);
        self.learn(told);
        Ok(())
    }

    /// True if SCRAM with channel binding is offered.
    #[must_use]
    pub fn offers_binding(&self) -> bool {
        self.caps.offers("SCRAM-SHA-256-PLUS")
    }

    /// True if the server said that it knows this extension, named in capitals.
    #[must_use]
    pub(crate) fn knows(&self, extension: &str) -> bool {
        self.caps.has(extension)
    }

    /// Asks for TLS and gives the stream back for the handshake. What was learned in
    /// clear is forgotten with the session (RFC 9051 s.6.2.1).
    pub fn start_tls(mut self) -> Result<S> {
        let server = self.wire.channel.server().clone();
        if self.caps.known() && !self.caps.has("STARTTLS") {
            return Err(Error::Unsupported {
                server,
                what: "STARTTLS, which tls = \"starttls\" asks for; nothing was sent in clear"
                    .into(),
            });
        }
        self.wire.must(&ImapCommand::new("STARTTLS"), |_| Ok(()))?;
        self.wire
            .channel
            .into_stream()
            .ok_or_else(|| Error::Protocol {
                server,
                stage: Stage::Command("STARTTLS".into()),
                detail: "it sent extra data before the handshake".into(),
            })
    }

    /// Signs in, asks again what the server can do, says who we are where that is
    /// wanted (some providers insist), and switches on what changes how it answers.
    pub fn login(&mut self, login: &Login) -> Result<()> {
        if !self.preauth {
            let told = login::login(&mut self.wire, &self.caps, login)?;
            self.caps = ImapCapabilities::default();
            self.learn(told);
        }
        self.ask_capabilities()?;
        if self.caps.has("ID") {
            let id = concat!(
                "ID (\"name\" \"mailvault\" \"version\" \"",
                env!("CARGO_PKG_VERSION"),
                "\")"
            );
            let guid = &mut self.guid;
            self.wire.run(&ImapCommand::new(id), |reply| {
                if let Reply::Data { word, mut rest, .. } = reply
                    && word.eq_ignore_ascii_case(b"ID")
                {
                    let told = rest.texts().unwrap_or_default();
                    let mut pairs = told.chunks_exact(2);
                    *guid = pairs
                        .any(|pair| pair[0].eq_ignore_ascii_case(b"name") && pair[1] == b"Dovecot");
                }
                Ok(())
            })?;
        }
        self.enable()
    }

    /// QRESYNC brings what vanished. UTF8 keeps a server from hiding or rewriting mail
    /// with raw UTF-8 in its header (RFC 6855 s.4). Servers that limit commands may show more
    /// of a mailbox to who does without message numbers (RFC 9586); in every session, so that
    /// no message seems to be gone from one to the next.
    fn enable(&mut self) -> Result<()> {
        let mut wanted = Vec::new();
        if self.caps.has("UIDONLY") && self.caps.message_limit().is_some() {
            wanted.push("UIDONLY");
        }
        for word in ["QRESYNC", "UTF8=ACCEPT"] {
            if self.caps.has(word) {
                wanted.push(word);
            }
        }
        if self.caps.has("CONDSTORE") && !self.caps.has("QRESYNC") {
            wanted.push("CONDSTORE");
        }
        if wanted.is_empty() || !self.caps.has("ENABLE") {
            return Ok(());
        }
        let command = ImapCommand::new(&format!("ENABLE {}", wanted.join(" ")));
        let (qresync, utf8) = (&mut self.qresync, &mut self.utf8);
        self.wire.run(&command, |reply| {
            if let Reply::Data { word, mut rest, .. } = reply
                && word.eq_ignore_ascii_case(b"ENABLED")
            {
                let enabled = ImapCapabilities::read(rest.rest());
                *qresync |= enabled.has("QRESYNC");
                *utf8 |= enabled.has("UTF8=ACCEPT");
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Where names begin; nothing if the server does not say.
    pub fn namespaces(&mut self) -> Result<Namespaces> {
        let mut found = Namespaces::default();
        if self.caps.has("NAMESPACE") {
            self.wire.run(&ImapCommand::new("NAMESPACE"), |reply| {
                if let Reply::Data { word, mut rest, .. } = reply
                    && word.eq_ignore_ascii_case(b"NAMESPACE")
                {
                    found = Namespaces::read(&mut rest);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Every mailbox of the account, with its counts where the server gives them along.
    pub fn mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        let mut along = Vec::new();
        if self.caps.has("LIST-EXTENDED") || self.caps.has("IMAP4REV2") {
            if self.caps.has("SPECIAL-USE") || self.caps.has("IMAP4REV2") {
                along.push("SPECIAL-USE".to_owned());
            }
            if self.caps.has("LIST-STATUS") {
                along.push(format!("STATUS ({})", self.count_items()));
            }
        }
        if !along.is_empty() {
            let command = format!("LIST \"\" \"*\" RETURN ({})", along.join(" "));
            if let Some(found) = self.list(&command, false)? {
                return Ok(found);
            }
        }
        Ok(self.list("LIST \"\" \"*\"", true)?.unwrap_or_default())
    }

    fn list(&mut self, command: &str, must: bool) -> Result<Option<Vec<Mailbox>>> {
        let utf8 = self.utf8;
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut found: Vec<Mailbox> = Vec::new();
        let mut counted = Vec::new();
        let mut rows = 0;
        let done = self.wire.run(&ImapCommand::new(command), |reply| {
            let Reply::Data { word, mut rest, .. } = reply else {
                return Ok(());
            };
            rows += 1;
            if word.eq_ignore_ascii_case(b"LIST") {
                if let Some(mailbox) = Mailbox::read(&mut rest, utf8)
                    && found.len() < MOST_MAILBOXES
                    && !places.contains_key(&mailbox.raw)
                {
                    places.insert(mailbox.raw.clone(), found.len());
                    found.push(mailbox);
                }
            } else if word.eq_ignore_ascii_case(b"STATUS") {
                counted.extend(mailbox::status(&mut rest));
            }
            Ok(())
        })?;
        if rows > 3 * MOST_MAILBOXES || found.len() == MOST_MAILBOXES {
            return Err(self
                .wire
                .channel
                .broken("the list of mailboxes does not end"));
        }
        if !done.is_ok() {
            return if must {
                Err(self.wire.refused(&done.status()))
            } else {
                Ok(None)
            };
        }
        for (raw, counts) in counted {
            if let Some(at) = places.get(&raw) {
                found[*at].counts = Some(counts);
            }
        }
        if !places.contains_key(&b"INBOX"[..]) {
            found.insert(0, Mailbox::inbox());
        }
        Ok(Some(found))
    }

    fn count_items(&self) -> &'static str {
        if self.caps.condstore() {
            "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ"
        } else {
            "MESSAGES UIDNEXT UIDVALIDITY"
        }
    }

    /// Asks for the counts of every mailbox that has none yet and can be opened. One
    /// that the server refuses to count keeps none.
    pub fn ask_counts(&mut self, mailboxes: &mut [Mailbox]) -> Result<()> {
        let items = format!(" ({})", self.count_items());
        let mut wanted: Vec<&mut Mailbox> = mailboxes
            .iter_mut()
            .filter(|mailbox| mailbox.selectable && mailbox.counts.is_none())
            .collect();
        for group in wanted.chunks_mut(AHEAD) {
            let command = |mailbox: &Mailbox| {
                ImapCommand::new("STATUS")
                    .string(&mailbox.raw)
                    .words(&items)
            };
            let mut counted: HashMap<Vec<u8>, Counts> = HashMap::new();
            let mut take = |reply: Reply<'_>| {
                if let Reply::Data { word, mut rest, .. } = reply
                    && word.eq_ignore_ascii_case(b"STATUS")
                {
                    counted.extend(mailbox::status(&mut rest));
                }
                Ok(())
            };
            let mut tags = Vec::new();
            for mailbox in group.iter() {
                if let Some(words) = command(mailbox).alone() {
                    tags.push(self.wire.begin(&words)?);
                    continue;
                }
                // A literal may have to wait; what is under way comes first.
                for tag in tags.drain(..) {
                    self.wire.until(&tag, false, &mut take)?;
                }
                self.wire.run(&command(mailbox), &mut take)?;
            }
            for tag in tags {
                self.wire.until(&tag, false, &mut take)?;
            }
            for mailbox in group {
                mailbox.counts = counted.remove(&mailbox.raw);
            }
        }
        Ok(())
    }

    /// The limits that apply to a mailbox; none if the server has or reports none.
    pub fn quota(&mut self, mailbox: &Mailbox) -> Result<Vec<QuotaUsage>> {
        let mut found = Vec::new();
        if self.caps.has("QUOTA") || self.caps.has("QUOTA=RES-STORAGE") {
            let command = ImapCommand::new("GETQUOTAROOT").string(&mailbox.raw);
            self.wire.run(&command, |reply| {
                if let Reply::Data { word, mut rest, .. } = reply
                    && word.eq_ignore_ascii_case(b"QUOTA")
                {
                    found.extend(mailbox::quota(&mut rest));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Ends the session in order.
    pub fn logout(mut self) -> Result<()> {
        let tag = self.wire.begin("LOGOUT")?;
        let mut left = false;
        for _ in 0..LAST_WORDS {
            let head = match self.wire.receive() {
                Err(Error::Lost { .. }) if left => return Ok(()),
                other => other?,
            };
            match self.wire.any_reply()? {
                Reply::Result(theirs, status) if theirs == tag.as_bytes() => {
                    return if status.kind == StatusKind::Ok {
                        Ok(())
                    } else {
                        Err(self.wire.refused(&status))
                    };
                }
                Reply::Status(status) if status.kind == StatusKind::Bye => left = true,
                _ if head == AnswerHead::Whole => {}
                _ => return Err(self.wire.channel.broken("a message was not asked for")),
            }
        }
        if left {
            return Ok(());
        }
        Err(self
            .wire
            .channel
            .broken("the end of the session does not come"))
    }

    fn learn(&mut self, told: Option<ImapCapabilities>) {
        if let Some(caps) = told {
            tracing::debug!(target: "dialogue", "S: ({caps:?})");
            self.wire.literals = caps.literals();
            self.caps = caps;
        }
    }
}

#[cfg(test)]
mod tests;
