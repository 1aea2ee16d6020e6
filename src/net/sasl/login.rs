//! How a session signs in, as far as POP3 and IMAP do it alike: the order of the ways,
//! the exchange of one, and what a refusal leads to.
//!
//! A mechanism that the server does not know falls through to the next; a refused
//! password is never tried again, since repeated tries lock accounts. SCRAM alone may be
//! refused for a right password, by servers that keep none in the form that it takes: once
//! for an account, over TLS, another mechanism follows if nothing says that the password is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// What is known of SCRAM at this account.
    pub scram: ScramHistory,
}

/// Whether SCRAM was refused for an account that another mechanism let in: it is then left out.
/// All sessions of an account share it.
#[derive(Debug, Clone, Default)]
pub struct ScramHistory {
    refused: Arc<AtomicBool>,
    /// True if that was so before the first session.
    recalled: bool,
}

impl ScramHistory {
    /// The history of an account for which SCRAM was refused in an earlier run.
    #[must_use]
    pub(crate) fn recalled() -> Self {
        Self {
            refused: Arc::new(AtomicBool::new(true)),
            recalled: true,
        }
    }

    /// True if it was refused in this run, and something else worked.
    #[must_use]
    pub(crate) fn is_news(&self) -> bool {
        !self.recalled && self.is_refused()
    }

    fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn note_refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }
}

impl Method {
    fn is_scram(self) -> bool {
        matches!(
            self,
            Self::Sasl(Mechanism::ScramSha256 | Mechanism::ScramSha256Plus)
        )
    }
}

/// What a refusal means for the account as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
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
pub struct Refused {
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
pub fn candidates(
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
    let spares_scram = login.encrypted && login.scram.is_refused();
    if spares_scram && methods.iter().any(|method| !method.is_scram()) {
        methods.retain(|method| !method.is_scram());
    }
    methods
}

/// Tries one way after the other; `attempt` gives `None` for a way that was accepted. An error
/// within SCRAM, such as one about the channel that it is bound to, ends it all.
pub fn sign_in(
    server: &Endpoint,
    login: &Login,
    methods: &[Method],
    mut attempt: impl FnMut(Method) -> Result<Option<Refused>>,
) -> Result<()> {
    let mut unknown = None;
    let mut scram_refused = None;
    for (at, method) in methods.iter().enumerate() {
        if scram_refused.is_some() && method.is_scram() {
            continue;
        }
        let refused = match (attempt(*method), scram_refused.take()) {
            (Ok(None), None) => return Ok(()),
            (Ok(None), Some(_)) => {
                login.scram.note_refused();
                return Ok(());
            }
            // It hung up after the refusal, which is what counts.
            (Err(Error::Lost { .. }), Some(refused)) => return Err(refused),
            (Err(error), _) => return Err(error),
            (Ok(Some(refused)), before) => {
                scram_refused = before;
                refused
            }
        };
        let others = methods[at + 1..].iter().any(|method| !method.is_scram());
        let goes_on = refused.why == Refusal::Plain
            && method.is_scram()
            && login.encrypted
            && scram_refused.is_none()
            && others;
        let is_unknown = refused.why == Refusal::Unknown && *method != Method::User;
        let scram = method.is_scram() || scram_refused.is_some();
        let error = refusal_error(server, login, refused, scram, is_unknown);
        if goes_on {
            scram_refused = Some(error);
        } else if is_unknown {
            unknown = Some(error);
        } else {
            return Err(error);
        }
    }
    Err(scram_refused
        .or(unknown)
        .unwrap_or_else(|| Error::Unsupported {
            server: server.clone(),
            what: "a way to sign in that mailvault knows".into(),
        }))
}

/// What a refused way means where no other follows.
fn refusal_error(
    server: &Endpoint,
    login: &Login,
    refused: Refused,
    scram: bool,
    is_unknown: bool,
) -> Error {
    let server = server.clone();
    let Refused {
        command,
        reply,
        why,
    } = refused;
    match why {
        Refusal::Later => Error::Busy { server, reply },
        Refusal::Unknown if !is_unknown => Error::Auth {
            server,
            user: login.credentials.user.clone(),
            reply,
            certain: false,
            scram,
        },
        Refusal::Permanent | Refusal::Unknown => Error::Refused {
            server,
            command,
            reply,
        },
        Refusal::Credentials | Refusal::Plain => Error::Auth {
            server,
            user: login.credentials.user.clone(),
            reply,
            certain: why == Refusal::Credentials,
            scram,
        },
    }
}

/// What the server answers to a line of an exchange.
#[derive(Debug)]
pub enum Turn {
    /// It is over, and we are in.
    Accepted,
    /// It is over; the server's words.
    Refused(Vec<u8>),
    /// Our turn; its challenge, undecoded.
    Challenge(Vec<u8>),
}

/// What came of an exchange.
#[derive(Debug)]
pub enum LoginOutcome {
    /// The server accepts it.
    Accepted,
    /// The server's words.
    Refused(Vec<u8>),
    /// The server broke the rules of the mechanism.
    Broken(String),
}

/// How the protocol carries an exchange.
#[derive(Debug)]
pub struct Dialogue<'a> {
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

    fn login(encrypted: bool) -> Login {
        Login {
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
            scram: ScramHistory::default(),
        }
    }

    fn ask(offered: &[&str], own: bool, encrypted: bool) -> Vec<Method> {
        candidates(&login(encrypted), |name| offered.contains(&name), |_| own)
    }

    const ALL: [&str; 4] = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];

    /// The ways that are tried if the server answers so, one after the other, and the end.
    fn tried(login: &Login, answers: Vec<Result<Option<Refusal>>>) -> (Vec<Method>, Result<()>) {
        let server = Endpoint {
            host: "mail.example.org".into(),
            port: 993,
        };
        let methods = candidates(login, |name| ALL.contains(&name), |_| true);
        let mut answers = answers.into_iter();
        let mut tried = Vec::new();
        let end = sign_in(&server, login, &methods, |method| {
            tried.push(method);
            let answer = answers.next().expect("no more is tried")?;
            Ok(answer.map(|why| Refused {
                command: "AUTHENTICATE".into(),
                reply: "NO".into(),
                why,
            }))
        });
        (tried, end)
    }

    fn lost() -> Error {
        Error::Lost {
            server: Endpoint {
                host: "mail.example.org".into(),
                port: 993,
            },
            stage: crate::base::stage::Stage::Greeting,
            source: None,
        }
    }

    const PLUS: Method = Method::Sasl(Mechanism::ScramSha256Plus);
    const PLAIN: Method = Method::Sasl(Mechanism::Plain);

    #[test]
    fn a_refused_scram_over_tls_falls_to_the_next_way_once_and_is_then_left_out() {
        let login = login(true);
        let (ways, end) = tried(&login, vec![Ok(Some(Refusal::Plain)), Ok(None)]);
        end.unwrap();
        assert_eq!(ways, [PLUS, PLAIN]);
        assert!(login.scram.is_news());
        let (ways, end) = tried(&login, vec![Ok(None)]);
        end.unwrap();
        assert_eq!(ways, [PLAIN]);
        assert!(!ScramHistory::recalled().is_news());
    }

    #[test]
    fn a_second_refusal_ends_it_and_names_scram() {
        for second in [
            Ok(Some(Refusal::Plain)),
            Ok(Some(Refusal::Credentials)),
            Err(lost()),
        ] {
            let login = login(true);
            let (ways, end) = tried(&login, vec![Ok(Some(Refusal::Plain)), second]);
            assert_eq!(ways, [PLUS, PLAIN]);
            let error = end.unwrap_err();
            assert!(
                matches!(error, Error::Auth { scram: true, .. }),
                "{error:?}"
            );
            assert!(!login.scram.is_news());
        }
    }

    #[test]
    fn a_wrong_password_a_broken_exchange_or_an_open_line_tries_nothing_more() {
        let broken = || Error::Protocol {
            server: Endpoint {
                host: "mail.example.org".into(),
                port: 993,
            },
            stage: crate::base::stage::Stage::Greeting,
            detail: "the server refused the login (channel-bindings-dont-match)".into(),
        };
        for (encrypted, answer) in [
            (true, Ok(Some(Refusal::Credentials))),
            (true, Ok(Some(Refusal::Later))),
            (true, Ok(Some(Refusal::Permanent))),
            (true, Err(broken())),
            (false, Ok(Some(Refusal::Plain))),
        ] {
            let (ways, end) = tried(&login(encrypted), vec![answer]);
            assert_eq!(ways.len(), 1, "{end:?}");
            end.unwrap_err();
        }
        let named = Login {
            method: PLUS,
            ..login(true)
        };
        let (ways, end) = tried(&named, vec![Ok(Some(Refusal::Plain))]);
        assert_eq!((ways.as_slice(), end.is_err()), (&[PLUS][..], true));
    }

    #[test]
    fn the_best_offered_way_comes_first() {
        use Mechanism::{Login, Plain, ScramSha256, ScramSha256Plus};
        assert_eq!(
            ask(&ALL, false, true),
            [ScramSha256Plus, Plain, ScramSha256, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&ALL, false, false),
            [ScramSha256, Plain, Login].map(Method::Sasl)
        );
        assert_eq!(
            ask(&["LOGIN"], true, true),
            [Method::Sasl(Login), Method::User]
        );
        assert_eq!(ask(&[], false, true), []);
    }
}
