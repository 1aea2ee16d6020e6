//! How a session signs in, as far as POP3 and IMAP do it alike: the order of the ways,
//! the exchange of one, and what a refusal leads to.
//!
//! A mechanism that the server does not know falls through to the next; a refused
//! password is never tried again, since repeated tries lock accounts.

use crate::base::error::{Endpoint, Error, Result};
use crate::net::sasl::{self, Credentials, Exchange, Mechanism};

/// Which way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The best that both sides can.
    Auto,
    /// The protocol's own commands: USER and PASS, or LOGIN.
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

/// What a refusal means for the account as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The credentials are wrong.
    Credentials,
    /// Busy, in use, throttled: another time.
    Later,
    /// Somebody has to act.
    Permanent,
    /// The command is not known here.
    Unknown,
    /// No reason that we understand.
    Plain,
}

/// A way that the server refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The command, without its secrets.
    pub(crate) command: String,
    /// The server's words.
    pub(crate) reply: String,
    pub(crate) why: Refusal,
}

/// The ways to try, best first; the protocol's own commands come last, if `own` has them.
///
/// SCRAM with channel binding comes first where it is offered. Over verified TLS
/// PLAIN precedes plain SCRAM: servers list SCRAM for accounts whose stored password
/// cannot do it, and then refuse a right password. In clear SCRAM comes first.
pub(crate) fn candidates(
    login: &Login,
    offers: impl Fn(&str) -> bool,
    own: impl Fn(&[Method]) -> bool,
) -> Vec<Method> {
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
        .filter(|m| offers(m.name()))
        .map(|m| Method::Sasl(*m))
        .collect();
    if own(&methods) {
        methods.push(Method::User);
    }
    methods
}

/// Tries one way after the other; `attempt` gives `None` for a way that was accepted.
pub(crate) fn sign_in(
    server: &Endpoint,
    user: &str,
    methods: &[Method],
    mut attempt: impl FnMut(Method) -> Result<Option<Refused>>,
) -> Result<()> {
    let mut unknown = None;
    for method in methods {
        let Some(refused) = attempt(*method)? else {
            return Ok(());
        };
        let server = server.clone();
        let user = user.to_owned();
        let Refused {
            command,
            reply,
            why,
        } = refused;
        let error = match why {
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
            Refusal::Unknown if *method != Method::User => {
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
        server: server.clone(),
        what: "a way to sign in that mailvault knows".into(),
    }))
}

/// What the server answers to a line of an exchange.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It is over, and we are in.
    Accepted,
    /// It is over; the server's words.
    Refused(Vec<u8>),
    /// Our turn; its challenge, undecoded.
    Challenge(Vec<u8>),
}

/// What came of an exchange.
#[derive(Debug)]
pub(crate) enum LoginOutcome {
    Accepted,
    /// The server's words.
    Refused(Vec<u8>),
    /// The server broke the rules of the mechanism.
    Broken(String),
}

/// How the protocol carries an exchange.
#[derive(Debug)]
pub(crate) struct Dialogue<'a> {
    /// The command, such as `AUTH`.
    pub(crate) command: &'a str,
    /// Longest line that may carry the initial response; 0 if none may.
    pub(crate) room: usize,
    /// True if success before we have said all means "go on": some POP3 servers say
    /// `+OK` where they mean `+`.
    pub(crate) lenient: bool,
}

impl Dialogue<'_> {
    /// Goes through one exchange. `ask` sends a line, of which the second form may be
    /// shown, and takes the answer.
    pub(crate) fn run(
        &self,
        mechanism: Mechanism,
        credentials: &Credentials,
        mut ask: impl FnMut(&str, &str) -> Result<Turn>,
    ) -> Result<LoginOutcome> {
        let name = mechanism.name();
        let mut exchange = Exchange::new(mechanism, credentials).map_err(|e| Error::Secret {
            message: format!("cannot sign in with {name}: {e}"),
            hint: None,
        })?;
        let mut first = exchange.initial();
        let mut line = format!("{} {name}", self.command);
        // Microsoft takes XOAUTH2 in two steps only.
        if mechanism != Mechanism::XOauth2
            && let Some(response) = &first
        {
            let whole = format!("{line} {}", sasl::encode_initial(response));
            if whole.len() + 2 <= self.room {
                line = whole;
                first = None;
            }
        }
        let mut owed = match mechanism {
            Mechanism::Login => 2,
            _ => usize::from(first.is_some()),
        };
        let mut turn = ask(&line, &format!("{} {name} ****", self.command))?;
        loop {
            let challenge = match turn {
                Turn::Refused(text) => return Ok(LoginOutcome::Refused(text)),
                Turn::Accepted if self.lenient && owed > 0 => Vec::new(),
                Turn::Accepted => {
                    return Ok(match exchange.finish() {
                        Ok(()) => LoginOutcome::Accepted,
                        Err(e) => LoginOutcome::Broken(e.to_string()),
                    });
                }
                Turn::Challenge(text) => text,
            };
            let response = if let Some(response) = first.take() {
                response
            } else {
                let said = sasl::decode(&challenge).unwrap_or(challenge);
                match exchange.answer(&said) {
                    Ok(response) => response,
                    Err(e) => {
                        // Cancels the exchange; what comes back does not matter.
                        let _ = ask("*", "*");
                        return Ok(LoginOutcome::Broken(e.to_string()));
                    }
                }
            };
            owed = owed.saturating_sub(1);
            turn = ask(&sasl::encode(&response), "****")?;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::secret::Secret;

    fn ask(offered: &[&str], own: bool, encrypted: bool) -> Vec<Method> {
        let login = Login {
            credentials: Credentials {
                user: "ann".into(),
                secret: Secret::new("secret".into()),
                host: "mail.example.org".into(),
                port: 995,
                channel_binding: encrypted.then(|| vec![1; 32]),
                plus_offered: false,
            },
            method: Method::Auto,
            encrypted,
        };
        candidates(&login, |name| offered.contains(&name), |_| own)
    }

    #[test]
    fn the_best_offered_way_comes_first() {
        use Mechanism::{Login, Plain, ScramSha256, ScramSha256Plus};
        let all = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];
        assert_eq!(
            ask(&all, false, true),
            [ScramSha256Plus, Plain, ScramSha256, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&all, false, false),
            [ScramSha256, Plain, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&["LOGIN"], true, true),
            [Method::Sasl(Login), Method::User]
        );
        assert_eq!(ask(&[], false, true), []);
    }
}
