//! Signing in: AUTHENTICATE, with the first response in the command where SASL-IR
//! (RFC 4959) allows it, or LOGIN (RFC 9051 s.6.2).

use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::base::stage::Stage;
use crate::net::imap::capability::ImapCapabilities;
use crate::net::imap::command::{CommandEnd, ImapCommand};
use crate::net::imap::reply::{Reply, StatusKind};
use crate::net::imap::wire::{AnswerHead, ImapWire};
use crate::net::sasl::{self, Dialogue, Login, LoginOutcome, Mechanism, Method, Refused, Turn};

/// Longest command line that carries an initial response. Longer ones are in no server's
/// way, but tokens can be longer than any line.
const INITIAL_RESPONSE_LIMIT: usize = 8_000;

/// Signs in; gives the capabilities if the server said them along.
pub(super) fn login<S: Read + Write>(
    wire: &mut ImapWire<S>,
    caps: &ImapCapabilities,
    login: &Login,
) -> Result<Option<ImapCapabilities>> {
    let server = wire.channel.server().clone();
    let methods = sasl::candidates(
        login,
        |mechanism| caps.offers(mechanism),
        |_| !caps.has("LOGINDISABLED"),
    );
    let mut told = None;
    sasl::sign_in(&server, login, &methods, |method| {
        let (command, refused) = match method {
            Method::User | Method::Auto => {
                ("LOGIN".to_owned(), plain(wire, caps, login, &mut told)?)
            }
            Method::Sasl(mechanism) => (
                format!("AUTHENTICATE {}", mechanism.name()),
                authenticate(wire, caps, mechanism, login, &mut told)?,
            ),
        };
        Ok(refused.map(|done| Refused {
            command,
            reply: wire.words(&done.status()),
            why: done.status().refusal(),
        }))
    })?;
    Ok(told)
}

/// Takes the capabilities that a reply or a response code lists.
pub(super) fn overhear(reply: &Reply<'_>, told: &mut Option<ImapCapabilities>) {
    match reply {
        Reply::Data { word, rest, .. } if word.eq_ignore_ascii_case(b"CAPABILITY") => {
            *told = Some(ImapCapabilities::read(rest.clone().rest()));
        }
        Reply::Status(status) | Reply::Result(_, status) if status.says("CAPABILITY") => {
            *told = Some(ImapCapabilities::read(status.argument().rest()));
        }
        _ => {}
    }
}

/// `None` if accepted.
fn plain<S: Read + Write>(
    wire: &mut ImapWire<S>,
    caps: &ImapCapabilities,
    login: &Login,
    told: &mut Option<ImapCapabilities>,
) -> Result<Option<CommandEnd>> {
    if caps.has("LOGINDISABLED") {
        return Err(Error::Unsupported {
            server: wire.channel.server().clone(),
            what: "LOGIN on this connection".into(),
        });
    }
    let (user, secret) = (&login.credentials.user, login.credentials.secret.expose());
    for (what, value) in [("user name", user.as_str()), ("password", secret)] {
        if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Error::Secret {
                message: format!("LOGIN cannot carry a line break in the {what}"),
                hint: None,
            });
        }
    }
    let command = ImapCommand::new("LOGIN")
        .string(user.as_bytes())
        .secret(secret.as_bytes());
    let done = wire.run(&command, |reply| {
        overhear(&reply, told);
        Ok(())
    })?;
    Ok(verdict(done, told))
}

/// `None` if accepted.
fn authenticate<S: Read + Write>(
    wire: &mut ImapWire<S>,
    caps: &ImapCapabilities,
    mechanism: Mechanism,
    login: &Login,
    told: &mut Option<ImapCapabilities>,
) -> Result<Option<CommandEnd>> {
    let dialogue = Dialogue {
        command: "AUTHENTICATE",
        room: if caps.has("SASL-IR") {
            INITIAL_RESPONSE_LIMIT
        } else {
            0
        },
        lenient: false,
    };
    let tag = wire.tag();
    let mut end = None;
    let mut begun = false;
    let outcome = dialogue.run(mechanism, &login.credentials, |line, shown| {
        tracing::debug!(target: "dialogue", "C: {shown}");
        let line = if begun {
            format!("{line}\r\n")
        } else {
            wire.channel.stage =
                Stage::Command(format!("AUTHENTICATE {}", mechanism.name()).into());
            format!("{tag} {line}\r\n")
        };
        begun = true;
        wire.channel.send(line.as_bytes())?;
        loop {
            if wire.receive()? != AnswerHead::Whole {
                return Err(wire.channel.broken("a message was not asked for"));
            }
            match wire.reply()? {
                Reply::Continue(text) => return Ok(Turn::Challenge(text.to_vec())),
                Reply::Result(theirs, status) if theirs == tag.as_bytes() => {
                    let done = CommandEnd::of(&status);
                    let turn = match status.kind {
                        StatusKind::Ok => Turn::Accepted,
                        _ => Turn::Refused(Vec::new()),
                    };
                    end = Some(done);
                    return Ok(turn);
                }
                Reply::Result(..) => return Err(wire.channel.broken("it answers another command")),
                reply => overhear(&reply, told),
            }
        }
    })?;
    match (outcome, end) {
        (LoginOutcome::Broken(detail), _) => Err(wire.channel.broken(&detail)),
        (_, Some(done)) => Ok(verdict(done, told)),
        (_, None) => Err(wire.channel.broken("an answer was due")),
    }
}

fn verdict(done: CommandEnd, told: &mut Option<ImapCapabilities>) -> Option<CommandEnd> {
    if !done.is_ok() {
        return Some(done);
    }
    overhear(&Reply::Status(done.status()), told);
    None
}
