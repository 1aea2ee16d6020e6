//! Signing in: SASL (RFC 5034) or USER and PASS (RFC 1939 s.7).
//!
//! A mechanism that the server does not know falls through to the next; a refused
//! password is never tried again, since repeated tries lock accounts.

use std::io::{Read, Write};

use crate::error::{Error, Result};
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::{Refusal, refusal};
use crate::pop3::wire::{Answer, Wire};
use crate::sasl::{self, Credentials, Exchange, Mechanism};

/// Longest command line that carries an initial response (RFC 5034 s.4).
const INITIAL_RESPONSE_LIMIT: usize = 255;

/// Which way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The best that both sides can.
    Auto,
    /// USER and PASS.
    User,
    /// One SASL mechanism.
    Sasl(Mechanism),
}

/// Who signs in, and how.
#[derive(Debug, Clone)]
pub struct Login {
    /// User, secret and what SASL binds them to.
    pub credentials: Credentials,
    /// The way.
    pub method: Method,
    /// True if nobody else can read the line.
    pub encrypted: bool,
}

/// The ways to try, best first.
///
/// SCRAM with channel binding comes first where it is offered. Over verified TLS
/// PLAIN precedes plain SCRAM: servers list SCRAM for accounts whose stored password
/// cannot do it, and then refuse a right password. In clear SCRAM comes first.
fn candidates(caps: &Capabilities, login: &Login) -> Vec<Method> {
    if login.method != Method::Auto {
        return vec![login.method];
    }
    let order: &[Mechanism] = match (login.encrypted, &login.credentials.channel_binding) {
        (true, Some(_)) => &[
            Mechanism::ScramSha256Plus,
            Mechanism::Plain,
            Mechanism::ScramSha256,
            Mechanism::Login,
        ],
        (true, None) => &[Mechanism::Plain, Mechanism::ScramSha256, Mechanism::Login],
        (false, _) => &[Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login],
    };
    let mut methods: Vec<_> = order
        .iter()
        .filter(|m| caps.offers(m.name()))
        .map(|m| Method::Sasl(*m))
        .collect();
    // A server that lists its ways and leaves USER out forbids it.
    if caps.user || methods.is_empty() {
        methods.push(Method::User);
    }
    methods
}

/// Signs in.
pub(super) fn login<S: Read + Write>(
    wire: &mut Wire<S>,
    caps: &Capabilities,
    login: &Login,
) -> Result<()> {
    let mut unknown = None;
    for method in candidates(caps, login) {
        let (command, text) = match method {
            Method::User | Method::Auto => match user_pass(wire, login)? {
                None => return Ok(()),
                Some(refused) => refused,
            },
            Method::Sasl(mechanism) => match authenticate(wire, mechanism, login)? {
                None => return Ok(()),
                Some(text) => (format!("AUTH {}", mechanism.name()), text),
            },
        };
        let reply = wire.refusal(&text);
        let server = wire.server().clone();
        let user = login.credentials.user.clone();
        let error = match refusal(&text) {
            Refusal::Credentials => Error::Auth {
                server,
                user,
                reply,
                certain: true,
            },
            Refusal::Later => Error::Busy { server, reply },
            Refusal::Permanent => Error::Refused {
                server,
                command,
                reply,
            },
            Refusal::Unknown if method != Method::User => {
                unknown = Some(Error::Refused {
                    server,
                    command,
                    reply,
                });
                continue;
            }
            Refusal::Unknown | Refusal::Plain => Error::Auth {
                server,
                user,
                reply,
                certain: false,
            },
        };
        return Err(error);
    }
    Err(unknown.unwrap_or_else(|| Error::Unsupported {
        server: wire.server().clone(),
        what: "a way to sign in that mailvault knows".into(),
    }))
}

/// `None` if accepted, else the refused command and the server's words.
fn user_pass<S: Read + Write>(
    wire: &mut Wire<S>,
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
            Answer::Challenge(_) => return Err(wire.broken("an answer was due")),
        }
    }
    Ok(None)
}

/// `None` if accepted, else the server's words.
fn authenticate<S: Read + Write>(
    wire: &mut Wire<S>,
    mechanism: Mechanism,
    login: &Login,
) -> Result<Option<Vec<u8>>> {
    let name = mechanism.name();
    let mut exchange = Exchange::new(mechanism, &login.credentials).map_err(|e| Error::Secret {
        message: format!("cannot sign in with {name}: {e}"),
        hint: None,
    })?;
    let mut first = exchange.initial();
    let mut command = format!("AUTH {name}");
    // Microsoft takes XOAUTH2 in two steps only.
    if mechanism != Mechanism::XOauth2
        && let Some(response) = &first
    {
        let line = format!("{command} {}", sasl::encode_initial(response));
        if line.len() + 2 <= INITIAL_RESPONSE_LIMIT {
            command = line;
            first = None;
        }
    }
    let mut owed = match mechanism {
        Mechanism::Login => 2,
        _ => usize::from(first.is_some()),
    };
    let mut answer = wire.ask(&command, &format!("AUTH {name} ****"))?;
    loop {
        let challenge = match answer {
            Answer::Err(text) => return Ok(Some(text)),
            // Some servers say `+OK` where they mean `+`.
            Answer::Ok(_) if owed > 0 => Vec::new(),
            Answer::Ok(_) => {
                return match exchange.finish() {
                    Ok(()) => Ok(None),
                    Err(e) => Err(wire.broken(&e.to_string())),
                };
            }
            Answer::Challenge(text) => text,
        };
        let response = if let Some(response) = first.take() {
            response
        } else {
            let said = sasl::decode(&challenge).unwrap_or(challenge);
            match exchange.answer(&said) {
                Ok(response) => response,
                Err(e) => {
                    // Cancels the exchange; what comes back does not matter.
                    let _ = wire.ask("*", "*");
                    return Err(wire.broken(&e.to_string()));
                }
            }
        };
        owed = owed.saturating_sub(1);
        answer = wire.ask(&sasl::encode(&response), "****")?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::secret::Secret;

    fn ask(rows: &[&str], encrypted: bool) -> Vec<Method> {
        let mut caps = Capabilities::default();
        for row in rows {
            caps.add(row.as_bytes());
        }
        let login = Login {
            credentials: Credentials {
                user: "ann".into(),
                secret: Secret::new("secret".into()),
                host: "pop.example.org".into(),
                port: 995,
                channel_binding: encrypted.then(|| vec![1; 32]),
                plus_offered: false,
            },
            method: Method::Auto,
            encrypted,
        };
        candidates(&caps, &login)
    }

    #[test]
    fn the_best_offered_way_comes_first() {
        use Mechanism::{Login, Plain, ScramSha256, ScramSha256Plus};
        let all = "SASL PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS";
        assert_eq!(
            ask(&[all], true),
            [ScramSha256Plus, Plain, ScramSha256, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&[all], false),
            [ScramSha256, Plain, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&["SASL LOGIN", "USER"], true),
            [Method::Sasl(Login), Method::User]
        );
    }

    #[test]
    fn without_capa_user_and_pass_are_tried() {
        assert_eq!(ask(&[], true), [Method::User]);
        assert_eq!(ask(&["SASL GSSAPI"], true), [Method::User]);
    }
}
