//! Signing in: SASL (RFC 5034) or USER and PASS (RFC 1939 s.7).

use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::net::pop3::capability::Pop3Capabilities;
use crate::net::pop3::reply::refusal;
use crate::net::pop3::wire::{Answer, Pop3Wire};
use crate::net::sasl::{
    self, Credentials, Dialogue, Login, LoginOutcome, Mechanism, Method, Refused, Turn,
};

/// Longest command line that carries an initial response (RFC 5034 s.4).
const INITIAL_RESPONSE_LIMIT: usize = 255;

/// The ways to try, best first. A server that lists its ways and leaves USER out
/// forbids it.
fn candidates(caps: &Pop3Capabilities, login: &Login) -> Vec<Method> {
    sasl::candidates(
        login,
        |mechanism| caps.offers(mechanism),
        |others| caps.user || others.is_empty(),
    )
}

/// Signs in.
pub(super) fn login<S: Read + Write>(
    wire: &mut Pop3Wire<S>,
    caps: &Pop3Capabilities,
    login: &Login,
) -> Result<()> {
    let server = wire.channel.server().clone();
    let methods = candidates(caps, login);
    sasl::sign_in(&server, login, &methods, |method| {
        let refused = match method {
            Method::User | Method::Auto => user_pass(wire, login)?,
            Method::Sasl(mechanism) => authenticate(wire, mechanism, login)?
                .map(|text| (format!("AUTH {}", mechanism.name()), text)),
        };
        Ok(refused.map(|(command, text)| Refused {
            command,
            reply: wire.refusal(&text),
            why: refusal(&text),
        }))
    })
}

/// `None` if accepted, else the refused command and the server's words.
fn user_pass<S: Read + Write>(
    wire: &mut Pop3Wire<S>,
    login: &Login,
) -> Result<Option<(String, Vec<u8>)>> {
    let Credentials { user, secret, .. } = &login.credentials;
    for (command, argument, shown) in [
        ("USER", user.as_str(), user.as_str()),
        ("PASS", secret.expose(), "****"),
    ] {
        if argument.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Error::Secret {
                message: format!("{command} cannot carry a line break"),
                hint: None,
            });
        }
        match wire.ask(
            &format!("{command} {argument}"),
            &format!("{command} {shown}"),
        )? {
            Answer::Ok(_) => {}
            Answer::Err(text) => return Ok(Some((command.to_owned(), text))),
            Answer::Challenge(_) => return Err(wire.channel.broken("an answer was due")),
        }
    }
    Ok(None)
}

/// `None` if accepted, else the server's words.
fn authenticate<S: Read + Write>(
    wire: &mut Pop3Wire<S>,
    mechanism: Mechanism,
    login: &Login,
) -> Result<Option<Vec<u8>>> {
    let dialogue = Dialogue {
        command: "AUTH",
        room: INITIAL_RESPONSE_LIMIT,
        lenient: true,
    };
    let outcome = dialogue.run(mechanism, &login.credentials, |line, shown| {
        Ok(match wire.ask(line, shown)? {
            Answer::Ok(_) => Turn::Accepted,
            Answer::Err(text) => Turn::Refused(text),
            Answer::Challenge(text) => Turn::Challenge(text),
        })
    })?;
    match outcome {
        LoginOutcome::Accepted => Ok(None),
        LoginOutcome::Refused(text) => Ok(Some(text)),
        LoginOutcome::Broken(detail) => Err(wire.channel.broken(&detail)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::secret::Secret;

    fn ask(rows: &[&str]) -> Vec<Method> {
        let mut caps = Pop3Capabilities::default();
        for row in rows {
            caps.add(row.as_bytes());
        }
        let login = Login {
            credentials: Credentials {
                user: "ann".into(),
                secret: Secret::new("secret".into()),
                host: "pop.example.org".into(),
                port: 995,
                channel_binding: None,
                plus_offered: false,
            },
            method: Method::Auto,
            encrypted: true,
            scram: sasl::ScramHistory::default(),
        };
        candidates(&caps, &login)
    }

    #[test]
    fn user_comes_last_where_it_is_offered() {
        let plain = Method::Sasl(Mechanism::Plain);
        assert_eq!(ask(&["SASL PLAIN", "USER"]), [plain, Method::User]);
        assert_eq!(ask(&["SASL PLAIN"]), [plain]);
    }

    #[test]
    fn without_capa_user_and_pass_are_tried() {
        assert_eq!(ask(&[]), [Method::User]);
        assert_eq!(ask(&["SASL GSSAPI"]), [Method::User]);
    }
}
