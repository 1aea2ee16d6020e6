//! The client's side of SASL logins (RFC 4422), as POP3 (RFC 5034) and IMAP use them.
//!
//! An `Exchange` is data: it turns challenges into responses and never touches
//! a connection. Both are raw bytes here; `encode`, `encode_initial` and
//! `decode` are the base64 of the protocol lines around them.
//!
//! PLAIN is RFC 4616, SCRAM RFC 5802 and RFC 7677 with the `tls-server-end-point`
//! binding of RFC 5929, OAUTHBEARER RFC 7628; LOGIN and XOAUTH2 have no RFC.
//! Which mechanism may be used on which connection is for the caller to decide.

mod login;

pub use login::{Dialogue, LoginOutcome, Refusal, Refused, Turn, candidates, sign_in};
pub use login::{Login, Method, ScramHistory};

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::base::secret::Secret;

/// More rounds than this would let a hostile server keep a processor busy for minutes.
const MAX_ITERATIONS: u32 = 10_000_000;

/// What a server can say after `e=` (RFC 5802, section 7). An error names one of
/// these and never the server's own words, which may echo a secret.
const SERVER_ERRORS: [&str; 12] = [
    "invalid-encoding",
    "extensions-not-supported",
    "invalid-proof",
    "channel-bindings-dont-match",
    "server-does-support-channel-binding",
    "channel-binding-not-provided",
    "channel-binding-not-supported",
    "unsupported-channel-binding-type",
    "unknown-user",
    "invalid-username-encoding",
    "no-resources",
    "other-error",
];

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// The password as it is, in one message.
    Plain,
    /// User and password as they are, in two messages.
    Login,
    /// Proof of the password without showing it, mutual.
    ScramSha256,
    /// The same, tied to the certificate of the TLS connection.
    ScramSha256Plus,
    /// OAuth 2 token, Google's and Microsoft's older form.
    XOauth2,
    /// OAuth 2 token, standard form.
    OauthBearer,
}

impl Mechanism {
    /// Every mechanism of this module.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Login,
        Self::ScramSha256,
        Self::ScramSha256Plus,
        Self::XOauth2,
        Self::OauthBearer,
    ];

    /// The registered name.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::XOauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one login needs to know.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password, or the access token for the OAuth mechanisms.
    pub secret: Secret,
    /// The server as configured; only OAUTHBEARER sends it.
    pub host: String,
    /// Its port; only OAUTHBEARER sends it.
    pub port: u16,
    /// The `tls-server-end-point` data of the connection, if it is known.
    pub channel_binding: Option<Vec<u8>>,
    /// True if the server lists `SCRAM-SHA-256-PLUS`.
    pub plus_offered: bool,
}

/// Why a login cannot go on. No text holds a secret or words of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SaslError {
    /// Nothing was given where something is needed.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// A value holds a character that this mechanism cannot carry.
    #[error("the {what} has a character that {mechanism} does not allow")]
    Character {
        /// Which value.
        what: &'static str,
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// `SCRAM-SHA-256-PLUS` without a certificate to bind to.
    #[error("{} needs a TLS certificate to bind to", Mechanism::ScramSha256Plus)]
    NoBinding,
    /// The system has no random numbers to give.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// A challenge is not base64.
    #[error("the challenge is not base64")]
    Base64,
    /// A challenge came after the mechanism had said all.
    #[error("the server asks for more than {0} has to say")]
    Superfluous(Mechanism),
    /// A challenge does not follow the mechanism's grammar.
    #[error("the server's {0} is malformed")]
    Malformed(&'static str),
    /// The server's nonce does not continue ours.
    #[error("the server did not continue the nonce of this login")]
    Nonce,
    /// The server demands more rounds of hashing than is reasonable.
    #[error("the server demands more than {MAX_ITERATIONS} rounds of hashing")]
    Iterations,
    /// The server demands an extension of SCRAM; none is defined.
    #[error("the server demands an unknown extension")]
    Extension,
    /// The server refused the login inside the exchange.
    #[error("the server refused the login ({0})")]
    Refused(&'static str),
    /// The server does not know the password either.
    #[error("the server could not prove that it knows the password")]
    Signature,
    /// The server reported success before it had proved anything.
    #[error("the server accepted the login without proving that it knows the password")]
    Unproven,
}

/// One login from the first message to the verdict.
pub(crate) struct Exchange {
    mechanism: Mechanism,
    /// The initial response, until it is taken.
    opening: Option<Vec<u8>>,
    rest: Rest,
}

/// What follows the initial response.
enum Rest {
    /// Responses that do not depend on what the server says.
    Fixed(VecDeque<Vec<u8>>),
    Scram(Scram),
}

// By hand, since the messages hold secrets.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Prepares a login; nothing of it has been sent yet.
    pub(crate) fn new(mechanism: Mechanism, credentials: &Credentials) -> Result<Self, SaslError> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(SaslError::Random)?;
        Self::with_nonce(mechanism, credentials, &encode(&nonce))
    }

    fn with_nonce(
        mechanism: Mechanism,
        credentials: &Credentials,
        nonce: &str,
    ) -> Result<Self, SaslError> {
        check(mechanism, credentials)?;
        let user = credentials.user.as_str();
        let secret = credentials.secret.expose();
        let mut opening = None;
        let mut fixed = VecDeque::new();
        match mechanism {
            Mechanism::Plain => opening = Some(format!("\0{user}\0{secret}")),
            Mechanism::Login => fixed.extend([user.into(), secret.into()]),
            // After a refused token the server sends its reasons as a challenge
            // and gives the verdict only once that is answered.
            Mechanism::XOauth2 => {
                opening = Some(format!("user={user}\x01auth=Bearer {secret}\x01\x01"));
                fixed.push_back(Vec::new());
            }
            Mechanism::OauthBearer => {
                opening = Some(format!(
                    "n,a={},\x01host={}\x01port={}\x01auth=Bearer {secret}\x01\x01",
                    saslname(user),
                    credentials.host,
                    credentials.port
                ));
                fixed.push_back(vec![0x01]);
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                let scram = Scram::new(mechanism, credentials, nonce)?;
                return Ok(Self {
                    mechanism,
                    opening: Some(scram.client_first().into_bytes()),
                    rest: Rest::Scram(scram),
                });
            }
        }
        Ok(Self {
            mechanism,
            opening: opening.map(String::into_bytes),
            rest: Rest::Fixed(fixed),
        })
    }

    /// The initial response, to be sent with the command; `None` if the mechanism
    /// has none or it was given before.
    ///
    /// Where the command cannot carry it, leave this alone: the first
    /// [`answer`](Self::answer) then is the initial response.
    pub(crate) fn initial(&mut self) -> Option<Vec<u8>> {
        self.opening.take()
    }

    /// The response to a challenge.
    ///
    /// After an error the login has failed: cancel it with `*` or drop the connection.
    pub(crate) fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        // This challenge only means "go on"; some servers write words into it.
        if let Some(opening) = self.opening.take() {
            return Ok(opening);
        }
        match &mut self.rest {
            Rest::Fixed(responses) => responses
                .pop_front()
                .ok_or(SaslError::Superfluous(self.mechanism)),
            Rest::Scram(scram) => scram.answer(challenge),
        }
    }

    /// To be asked after the server reported success: fails if a mechanism in which
    /// the server has to prove itself ended without that proof.
    pub(crate) fn finish(&self) -> Result<(), SaslError> {
        match &self.rest {
            Rest::Scram(Scram { step, .. }) if !matches!(step, Step::Proven) => {
                Err(SaslError::Unproven)
            }
            _ => Ok(()),
        }
    }
}

/// Refuses what would tear the frame of a message.
fn check(mechanism: Mechanism, credentials: &Credentials) -> Result<(), SaslError> {
    type Allowed = fn(char) -> bool;
    let (user, host) = (&*credentials.user, &*credentials.host);
    let secret = credentials.secret.expose();
    let not_nul: Allowed = |c| c != '\0';
    let printable: Allowed = |c| !c.is_control();
    // A token is visible ASCII (RFC 6750).
    let visible: Allowed = |c| c.is_ascii_graphic();
    let rules = match mechanism {
        Mechanism::XOauth2 | Mechanism::OauthBearer => &[
            ("user name", user, printable),
            ("access token", secret, visible),
            ("host name", host, printable),
        ][..],
        _ => &[("user name", user, not_nul), ("password", secret, not_nul)],
    };
    for &(what, value, allowed) in rules {
        if value.is_empty() {
            return Err(SaslError::Empty(what));
        }
        if !value.chars().all(allowed) {
            return Err(SaslError::Character { what, mechanism });
        }
    }
    Ok(())
}

/// A name inside a GS2 header or SCRAM message, where `=` and `,` have a meaning.
fn saslname(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// What SCRAM keeps between its messages.
struct Scram {
    mechanism: Mechanism,
    /// Prepared with `SASLprep`.
    password: String,
    /// The first part of our first message: what we do about channel binding.
    gs2_header: &'static str,
    /// What it is bound to; empty without binding.
    binding: Vec<u8>,
    /// The rest of our first message.
    first_bare: String,
    nonce: String,
    step: Step,
}

/// How far SCRAM has come.
enum Step {
    /// The server's nonce and salt are awaited.
    Salt,
    /// The server's signature is awaited; this computes it.
    Signature(Box<Hmac<Sha256>>),
    /// The server's signature was right.
    Proven,
    /// Over without success.
    Failed,
}

impl Scram {
    fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        nonce: &str,
    ) -> Result<Self, SaslError> {
        let prepare = |what, text| {
            let prepared =
                stringprep::saslprep(text).map_err(|_| SaslError::Character { what, mechanism })?;
            if prepared.is_empty() {
                return Err(SaslError::Empty(what));
            }
            Ok(prepared.into_owned())
        };
        let user = prepare("user name", &credentials.user)?;
        let password = prepare("password", credentials.secret.expose())?;
        let binding = credentials.channel_binding.as_deref();
        let binding = binding.filter(|data| !data.is_empty());
        let (gs2_header, binding) = match (binding, mechanism) {
            (Some(data), Mechanism::ScramSha256Plus) => ("p=tls-server-end-point,,", data),
            (None, Mechanism::ScramSha256Plus) => return Err(SaslError::NoBinding),
            // "I could, but you did not offer it": a server that did offer it now
            // knows that somebody between us removed the offer.
            (Some(_), _) if !credentials.plus_offered => ("y,,", &[][..]),
            _ => ("n,,", &[][..]),
        };
        Ok(Self {
            mechanism,
            password,
            gs2_header,
            binding: binding.to_vec(),
            first_bare: format!("n={},r={nonce}", saslname(&user)),
            nonce: nonce.to_owned(),
            step: Step::Salt,
        })
    }

    fn client_first(&self) -> String {
        format!("{}{}", self.gs2_header, self.first_bare)
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        match mem::replace(&mut self.step, Step::Failed) {
            Step::Salt => {
                let (response, signature) = self.client_final(challenge)?;
                self.step = Step::Signature(Box::new(signature));
                Ok(response.into_bytes())
            }
            Step::Signature(expected) => {
                verify(*expected, challenge)?;
                self.step = Step::Proven;
                Ok(Vec::new())
            }
            Step::Proven | Step::Failed => Err(SaslError::Superfluous(self.mechanism)),
        }
    }

    /// Our last message, and what computes the server's signature.
    fn client_final(&self, challenge: &[u8]) -> Result<(String, Hmac<Sha256>), SaslError> {
        let server_first =
            str::from_utf8(challenge).map_err(|_| SaslError::Malformed("SCRAM challenge"))?;
        let salted = ServerFirst::parse(server_first)?;
        let added = salted.nonce.strip_prefix(self.nonce.as_str());
        if added.is_none_or(str::is_empty) {
            return Err(SaslError::Nonce);
        }

        let mut bound = self.gs2_header.as_bytes().to_vec();
        bound.extend_from_slice(&self.binding);
        let without_proof = format!("c={},r={}", encode(&bound), salted.nonce);
        let auth_message = format!("{},{server_first},{without_proof}", self.first_bare);

        let salted_password: [u8; 32] = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(
            self.password.as_bytes(),
            &salted.salt,
            salted.iterations,
        );
        let client_key = hmac(&salted_password, b"Client Key").finalize();
        let stored_key = Sha256::digest(client_key.as_bytes());
        let client_signature = hmac(&stored_key, auth_message.as_bytes()).finalize();
        let proof: Vec<u8> = client_key
            .as_bytes()
            .iter()
            .zip(client_signature.as_bytes())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = hmac(&salted_password, b"Server Key").finalize();
        Ok((
            format!("{without_proof},p={}", encode(&proof)),
            hmac(server_key.as_bytes(), auth_message.as_bytes()),
        ))
    }
}

/// The server's first message of SCRAM.
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    fn parse(text: &'a str) -> Result<Self, SaslError> {
        report_of_failure(text)?;
        if text.split(',').any(|field| field.starts_with("m=")) {
            return Err(SaslError::Extension);
        }
        // The order is fixed; what comes after the three may be ignored.
        let mut fields = text.split(',');
        let mut field = |name, what| {
            fields
                .next()
                .and_then(|field| field.strip_prefix(name))
                .filter(|value| !value.is_empty())
                .ok_or(SaslError::Malformed(what))
        };
        let nonce = field("r=", "nonce")?;
        let salt = field("s=", "salt")?;
        let iterations = field("i=", "iteration count")?;
        if !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SaslError::Malformed("nonce"));
        }
        let salt = STANDARD
            .decode(salt)
            .map_err(|_| SaslError::Malformed("salt"))?;
        if iterations.starts_with('0') || !iterations.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SaslError::Malformed("iteration count"));
        }
        // RFC 7677 requires 4,096 or more from servers, but older password stores have less.
        let iterations = iterations
            .parse()
            .ok()
            .filter(|count| *count <= MAX_ITERATIONS)
            .ok_or(SaslError::Iterations)?;
        Ok(Self {
            nonce,
            salt,
            iterations,
        })
    }
}

/// Compares the signature of the server's last message, in constant time.
fn verify(expected: Hmac<Sha256>, server_final: &[u8]) -> Result<(), SaslError> {
    let malformed = SaslError::Malformed("SCRAM signature");
    let text = str::from_utf8(server_final).map_err(|_| malformed.clone())?;
    report_of_failure(text)?;
    let signature = text
        .split(',')
        .next()
        .and_then(|field| field.strip_prefix("v="))
        .and_then(|value| STANDARD.decode(value).ok())
        .ok_or(malformed)?;
    expected
        .verify_slice(&signature)
        .map_err(|_| SaslError::Signature)
}

/// Fails if the server's message is an `e=`.
fn report_of_failure(text: &str) -> Result<(), SaslError> {
    let Some(rest) = text.strip_prefix("e=") else {
        return Ok(());
    };
    let word = rest.split(',').next().unwrap_or(rest);
    let known = SERVER_ERRORS.into_iter().find(|known| *known == word);
    Err(SaslError::Refused(known.unwrap_or("other-error")))
}

fn hmac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key)
        .expect("HMAC takes keys of every length")
        .chain_update(message)
}

/// A response as a line of its own carries it: base64, nothing for nothing.
#[must_use]
pub(crate) fn encode(response: &[u8]) -> String {
    STANDARD.encode(response)
}

/// An initial response as the command carries it: base64, but `=` for an empty one,
/// which would otherwise look like none (RFC 4959, RFC 5034).
#[must_use]
pub(crate) fn encode_initial(response: &[u8]) -> String {
    if response.is_empty() {
        "=".to_owned()
    } else {
        encode(response)
    }
}

/// The bytes of a challenge; white space around it, missing padding and `=` for an
/// empty one are forgiven.
pub(crate) fn decode(challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
    match challenge.trim_ascii() {
        b"=" => Ok(Vec::new()),
        text => STANDARD_PAD_INDIFFERENT
            .decode(text)
            .map_err(|_| SaslError::Base64),
    }
}

/// What holds for any challenges, one a line: no server is believed that proved nothing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(said: &[u8]) {
    const SLOW: usize = 4;
    let credentials = Credentials {
        user: "ann".to_owned(),
        secret: Secret::new("pass".to_owned()),
        host: "server.example.com".to_owned(),
        port: 143,
        channel_binding: Some(b"x".to_vec()),
        plus_offered: false,
    };
    // Many rounds of hashing take their time, as they should.
    let is_slow = |line: &&[u8]| {
        let digits = line.split(|byte| !byte.is_ascii_digit());
        line.starts_with(b"r=") && digits.into_iter().any(|digits| digits.len() >= SLOW)
    };
    for mechanism in Mechanism::ALL {
        for asks in [false, true] {
            let begun = Exchange::with_nonce(mechanism, &credentials, "rOprNGfwEbeRWgbNEkqO");
            let Ok(mut login) = begun else { continue };
            if asks {
                login.initial();
            }
            for challenge in said.split(|byte| *byte == b'\n').filter(|l| !is_slow(l)) {
                let _ = login.answer(challenge);
                let _ = decode(challenge);
            }
            assert!(login.finish().is_err() || !mechanism.name().starts_with("SCRAM"));
        }
    }
    assert_eq!(decode(encode_initial(said).as_bytes()).as_deref(), Ok(said));
    assert_eq!(decode(encode(said).as_bytes()).as_deref(), Ok(said));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_oneof};
    use proptest::proptest;

    /// The example of RFC 7677, section 3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn credentials(user: &str, secret: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            secret: Secret::new(secret.to_owned()),
            host: "server.example.com".to_owned(),
            port: 143,
            channel_binding: None,
            plus_offered: false,
        }
    }

    fn exchange(mechanism: Mechanism, user: &str, secret: &str) -> Exchange {
        Exchange::new(mechanism, &credentials(user, secret)).unwrap()
    }

    fn scram() -> Exchange {
        Exchange::with_nonce(
            Mechanism::ScramSha256,
            &credentials("user", "pencil"),
            NONCE,
        )
        .unwrap()
    }

    /// A login whose server's first message is `server_first`.
    fn scram_after(server_first: &str) -> Result<Vec<u8>, SaslError> {
        let mut login = scram();
        login.initial();
        login.answer(server_first.as_bytes())
    }

    /// The server's half of SCRAM, written from the RFC and not from the client above.
    struct Server {
        password: &'static [u8],
        binding: &'static [u8],
        first: String,
        client_first_bare: String,
        gs2_header: String,
    }

    impl Server {
        fn hear(client_first: &[u8], password: &'static [u8], binding: &'static [u8]) -> Self {
            let text = String::from_utf8(client_first.to_vec()).unwrap();
            let end_of_header = text.find(",,").unwrap() + 2;
            let (gs2_header, bare) = text.split_at(end_of_header);
            let (_, nonce) = bare.split_once(",r=").unwrap();
            Self {
                password,
                binding,
                first: format!("r={nonce}srv,s=c2FsdA==,i=3"),
                client_first_bare: bare.to_owned(),
                gs2_header: gs2_header.to_owned(),
            }
        }

        /// The server's last message: its signature, or the reason for a refusal.
        fn judge(&self, client_final: &[u8]) -> String {
            let mac = |key: &[u8], data: &[u8]| -> [u8; 32] {
                let mut block = [0_u8; 64];
                block[..key.len()].copy_from_slice(key);
                let pad = |with: u8| block.map(|byte| byte ^ with);
                let inner = Sha256::new().chain_update(pad(0x36)).chain_update(data);
                let outer = Sha256::new().chain_update(pad(0x5c));
                outer.chain_update(inner.finalize()).finalize().into()
            };
            let xor = |a: &[u8; 32], b: &[u8; 32]| std::array::from_fn(|i| a[i] ^ b[i]);

            let text = String::from_utf8(client_final.to_vec()).unwrap();
            let (without_proof, proof) = text.split_once(",p=").unwrap();
            let (bound, _) = without_proof
                .strip_prefix("c=")
                .unwrap()
                .split_once(",r=")
                .unwrap();
            let bound = STANDARD.decode(bound).unwrap();
            if bound != [self.gs2_header.as_bytes(), self.binding].concat() {
                return "e=channel-bindings-dont-match".to_owned();
            }

            let mut round = mac(self.password, b"salt\0\0\0\x01");
            let mut salted = round;
            for _ in 1..3 {
                round = mac(self.password, &round);
                salted = xor(&salted, &round);
            }
            let messages = [&self.client_first_bare, &*self.first, without_proof].join(",");
            let stored: [u8; 32] = Sha256::digest(mac(&salted, b"Client Key")).into();
            let proof: [u8; 32] = STANDARD.decode(proof).unwrap().try_into().unwrap();
            let key: [u8; 32] = xor(&proof, &mac(&stored, messages.as_bytes()));
            if stored[..] != Sha256::digest(key)[..] {
                return "e=invalid-proof".to_owned();
            }
            let signature = mac(&mac(&salted, b"Server Key"), messages.as_bytes());
            format!("v={}", STANDARD.encode(signature))
        }
    }

    #[test]
    fn plain_is_one_message() {
        let mut login = exchange(Mechanism::Plain, "ann", "päss=,");
        assert_eq!(login.initial().unwrap(), "\0ann\0päss=,".as_bytes());
        assert_eq!(login.initial(), None);
        assert_eq!(login.finish(), Ok(()));
        assert_eq!(
            login.answer(b""),
            Err(SaslError::Superfluous(Mechanism::Plain))
        );
    }

    #[test]
    fn an_initial_response_that_was_not_sent_answers_the_first_challenge() {
        let mut login = exchange(Mechanism::Plain, "ann", "pass");
        assert_eq!(login.answer(b"go on").unwrap(), b"\0ann\0pass");
        assert!(login.answer(b"").is_err());
    }

    #[test]
    fn login_gives_user_then_password_whatever_the_prompt() {
        let mut login = exchange(Mechanism::Login, "ann", "pass");
        assert_eq!(login.initial(), None);
        assert_eq!(login.answer(b"Password:").unwrap(), b"ann");
        assert_eq!(login.answer(b"").unwrap(), b"pass");
        assert_eq!(
            login.answer(b"Username:"),
            Err(SaslError::Superfluous(Mechanism::Login))
        );
    }

    #[test]
    fn xoauth2_has_the_layout_that_google_documents() {
        let token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
        let mut login = exchange(Mechanism::XOauth2, "someuser@example.com", token);
        assert_eq!(
            login.initial().unwrap(),
            b"user=someuser@example.com\x01auth=Bearer \
              ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
        );
    }

    #[test]
    fn the_reasons_of_a_refused_xoauth2_token_are_answered_with_nothing() {
        let mut login = exchange(Mechanism::XOauth2, "ann@example.org", "token");
        login.initial();
        assert_eq!(login.answer(br#"{"status":"401"}"#).unwrap(), b"");
        assert!(login.answer(b"{}").is_err());
    }

    #[test]
    fn oauthbearer_has_the_layout_of_rfc_7628() {
        let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
        let mut login = exchange(Mechanism::OauthBearer, "user@example.com", token);
        assert_eq!(
            encode_initial(&login.initial().unwrap()),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAW\
             F1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
        );
        assert_eq!(login.answer(br#"{"status":"401"}"#).unwrap(), b"\x01");
        assert!(login.answer(b"{}").is_err());
    }

    #[test]
    fn commas_and_equals_signs_of_a_user_are_escaped_in_gs2() {
        for (mechanism, wanted) in [
            (Mechanism::OauthBearer, "n,a=a=3Db=2Cc,\x01host="),
            (Mechanism::ScramSha256, "n,,n=a=3Db=2Cc,r="),
        ] {
            let opening = exchange(mechanism, "a=b,c", "token").initial().unwrap();
            assert!(opening.starts_with(wanted.as_bytes()), "{mechanism}");
        }
    }

    #[test]
    fn the_example_of_rfc_7677_is_played_to_the_byte() {
        let mut login = scram();
        assert_eq!(
            login.initial().unwrap(),
            format!("n,,n=user,r={NONCE}").as_bytes()
        );
        assert_eq!(
            login.answer(SERVER_FIRST.as_bytes()).unwrap(),
            CLIENT_FINAL.as_bytes()
        );
        assert_eq!(login.finish(), Err(SaslError::Unproven));
        assert_eq!(login.answer(SERVER_FINAL.as_bytes()).unwrap(), b"");
        assert_eq!(login.finish(), Ok(()));
        assert!(login.answer(b"").is_err());
    }

    #[test]
    fn a_server_without_the_password_is_not_believed() {
        let forged = format!("v={}", STANDARD.encode([7; 32]));
        for (server_final, wanted) in [
            (&*forged, SaslError::Signature),
            ("v=", SaslError::Signature),
            (&SERVER_FINAL[..10], SaslError::Signature),
            ("", SaslError::Malformed("SCRAM signature")),
            ("v=!", SaslError::Malformed("SCRAM signature")),
        ] {
            let mut login = scram();
            login.initial();
            login.answer(SERVER_FIRST.as_bytes()).unwrap();
            assert_eq!(login.answer(server_final.as_bytes()), Err(wanted));
            // It gets no second try.
            assert!(login.answer(SERVER_FINAL.as_bytes()).is_err());
            assert_eq!(login.finish(), Err(SaslError::Unproven));
        }
    }

    #[test]
    fn a_nonce_that_does_not_continue_ours_is_refused() {
        for nonce in ["other", "", NONCE, "xrOprNGfwEbeRWgbNEkqOmore"] {
            let answer = scram_after(&format!("r={nonce},s=c2FsdA==,i=1"));
            let wanted = if nonce.is_empty() {
                SaslError::Malformed("nonce")
            } else {
                SaslError::Nonce
            };
            assert_eq!(answer, Err(wanted), "{nonce}");
        }
    }

    #[test]
    fn iteration_counts_have_bounds() {
        let with = |count: &str| scram_after(&format!("r={NONCE}x,s=c2FsdA==,i={count}"));
        assert!(with("1").is_ok());
        for count in ["10000001", "4294967296", "99999999999999999999999999"] {
            assert_eq!(with(count), Err(SaslError::Iterations), "{count}");
        }
        for count in ["", "0", "-1", "+1", "1e3", " 1", "01"] {
            assert_eq!(
                with(count),
                Err(SaslError::Malformed("iteration count")),
                "{count}"
            );
        }
    }

    #[test]
    fn a_mandatory_extension_is_refused_and_an_optional_one_ignored() {
        for first in [format!("m=x,{SERVER_FIRST}"), format!("{SERVER_FIRST},m=x")] {
            assert_eq!(scram_after(&first), Err(SaslError::Extension));
        }
        assert!(scram_after(&format!("r={NONCE}x,s=c2FsdA==,i=1,z=new")).is_ok());
    }

    #[test]
    fn a_bad_salt_is_refused() {
        for salt in ["", "*", "c2FsdA"] {
            assert_eq!(
                scram_after(&format!("r={NONCE}x,s={salt},i=1")),
                Err(SaslError::Malformed("salt")),
                "{salt}"
            );
        }
    }

    #[test]
    fn an_error_of_the_server_is_named_only_if_the_rfc_knows_it() {
        assert_eq!(
            scram_after("e=unknown-user"),
            Err(SaslError::Refused("unknown-user"))
        );
        let mut login = scram();
        login.initial();
        login.answer(SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(
            login.answer(b"e=not-your-pencil,x=y"),
            Err(SaslError::Refused("other-error"))
        );
    }

    #[test]
    fn plus_binds_to_the_certificate_of_the_connection() {
        let mut told = credentials("ann", "pass");
        told.channel_binding = Some(b"\x01\xffcertificate".to_vec());
        told.plus_offered = true;
        for (at_server, password, wanted) in [
            (&b"\x01\xffcertificate"[..], &b"pass"[..], Ok(vec![])),
            (
                b"another",
                b"pass",
                Err(SaslError::Refused("channel-bindings-dont-match")),
            ),
            (
                b"\x01\xffcertificate",
                b"word",
                Err(SaslError::Refused("invalid-proof")),
            ),
        ] {
            let mut login = Exchange::new(Mechanism::ScramSha256Plus, &told).unwrap();
            let opening = login.initial().unwrap();
            assert!(opening.starts_with(b"p=tls-server-end-point,,n=ann,r="));
            let server = Server::hear(&opening, password, at_server);
            let last = login.answer(server.first.as_bytes()).unwrap();
            let verdict = login.answer(server.judge(&last).as_bytes());
            assert_eq!(login.finish().is_ok(), wanted.is_ok());
            assert_eq!(verdict, wanted);
        }
    }

    #[test]
    fn the_gs2_header_tells_what_the_client_knows_of_binding() {
        for (binding, plus_offered, wanted) in [
            (None, false, "n,,"),
            (None, true, "n,,"),
            (Some(b"x".to_vec()), false, "y,,"),
            (Some(b"x".to_vec()), true, "n,,"),
        ] {
            let mut told = credentials("ann", "pass");
            told.channel_binding = binding;
            told.plus_offered = plus_offered;
            let mut login = Exchange::new(Mechanism::ScramSha256, &told).unwrap();
            let opening = login.initial().unwrap();
            assert!(opening.starts_with(wanted.as_bytes()));
            let server = Server::hear(&opening, b"pass", b"");
            let last = login.answer(server.first.as_bytes()).unwrap();
            assert_eq!(login.answer(server.judge(&last).as_bytes()), Ok(vec![]));
            assert_eq!(login.finish(), Ok(()));
        }
    }

    #[test]
    fn plus_without_a_certificate_is_refused() {
        for binding in [None, Some(vec![])] {
            let mut told = credentials("ann", "pass");
            told.channel_binding = binding;
            let refused = Exchange::new(Mechanism::ScramSha256Plus, &told).unwrap_err();
            assert_eq!(refused, SaslError::NoBinding);
        }
    }

    #[test]
    fn scram_prepares_user_and_password() {
        // Soft hyphen, Roman numeral nine and a wide space; RFC 4013 maps them all.
        let told = credentials("a\u{ad}nn\u{2168}", "p\u{a0}q");
        let mut login = Exchange::new(Mechanism::ScramSha256, &told).unwrap();
        let opening = login.initial().unwrap();
        assert!(opening.starts_with(b"n,,n=annIX,r="));
        let server = Server::hear(&opening, b"p q", b"");
        let last = login.answer(server.first.as_bytes()).unwrap();
        assert!(login.answer(server.judge(&last).as_bytes()).is_ok());

        let refused = |user, secret| {
            Exchange::new(Mechanism::ScramSha256, &credentials(user, secret)).unwrap_err()
        };
        let mechanism = Mechanism::ScramSha256;
        assert_eq!(refused("\u{ad}", "x"), SaslError::Empty("user name"));
        let what = "password";
        assert_eq!(
            refused("ann", "a\x07"),
            SaslError::Character { what, mechanism }
        );
    }

    #[test]
    fn every_login_has_its_own_nonce() {
        let told = credentials("ann", "pass");
        let opening = || {
            let mut login = Exchange::new(Mechanism::ScramSha256, &told).unwrap();
            login.initial().unwrap()
        };
        assert_ne!(opening(), opening());
    }

    #[test]
    fn values_that_would_tear_a_message_are_refused() {
        for mechanism in Mechanism::ALL {
            for (user, secret) in [("", "x"), ("x", ""), ("a\0b", "x"), ("x", "a\0b")] {
                let refused = Exchange::new(mechanism, &credentials(user, secret));
                assert!(refused.is_err(), "{mechanism}");
            }
        }
        for mechanism in [Mechanism::XOauth2, Mechanism::OauthBearer] {
            for (user, secret) in [
                ("a\x01auth=", "x"),
                ("x", "a\x01"),
                ("x", "a b"),
                ("x", "é"),
            ] {
                let refused = Exchange::new(mechanism, &credentials(user, secret));
                assert!(refused.is_err(), "{mechanism}");
            }
            let mut told = credentials("ann", "token");
            told.host = "a\x01b".to_owned();
            assert!(Exchange::new(mechanism, &told).is_err());
        }
    }

    #[test]
    fn no_debug_output_holds_the_password() {
        for mechanism in Mechanism::ALL {
            let mut told = credentials("ann", "hunter2-secret");
            told.channel_binding = Some(b"x".to_vec());
            let mut login = Exchange::with_nonce(mechanism, &told, NONCE).unwrap();
            let mut shown = vec![format!("{told:?}{login:#?}")];
            login.initial();
            shown.push(format!("{login:?}"));
            let first = format!("r={NONCE}x,s=c2FsdA==,i=1");
            login.answer(first.as_bytes()).ok();
            shown.push(format!("{login:?}"));
            for echo in ["e=hunter2-secret", "hunter2-secret", "e=hunter2-secret"] {
                if let Err(error) = login.answer(echo.as_bytes()) {
                    shown.push(format!("{error:?} {error}"));
                }
            }
            let shown = shown.concat();
            assert!(shown.contains("Exchange {"));
            let bytes = format!("{:?}", b"hunter2").replace(['[', ']'], "");
            for part in ["hunter2", &bytes, &encode(b"hunter2-secret")] {
                assert!(!shown.contains(part), "{mechanism}: {shown}");
            }
        }
    }

    #[test]
    fn empty_is_an_equals_sign_only_in_the_command() {
        assert_eq!(encode_initial(b""), "=");
        assert_eq!(encode(b""), "");
        assert_eq!(encode_initial(b"\0a\0b"), "AGEAYg==");
    }

    #[test]
    fn sloppy_base64_is_read_and_other_text_is_not() {
        for (text, bytes) in [
            ("", ""),
            ("=", ""),
            (" VXNlcm5hbWU6\r\n", "Username:"),
            ("eA==", "x"),
            ("eA", "x"),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        for text in ["go ahead", "\u{e9}", "eA==eA==", "*"] {
            assert_eq!(decode(text.as_bytes()), Err(SaslError::Base64));
        }
    }

    fn challenge() -> impl Strategy<Value = Vec<u8>> {
        // Counts of up to three digits keep the hashing short.
        let like_scram = format!(
            "(r={NONCE}[ -~]{{0,9}},)?(s=[A-Za-z0-9+/]{{0,2}}(AA==|AAAA|=)?,)?(i=-?[0-9]{{0,3}})?(,[a-z]=[ -~]{{0,5}}){{0,2}}"
        );
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            prop::string::string_regex(&like_scram)
                .unwrap()
                .prop_map(String::into_bytes),
            "[ev]=[A-Za-z0-9+/=,-]{0,50}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn no_challenge_makes_a_login_panic_or_believe(
            challenges in prop::collection::vec(challenge(), 0..5),
        ) {
            assert_any(&challenges.join(&b'\n'));
        }

        #[test]
        fn any_user_and_password_give_a_login_or_an_error(user: String, secret: String) {
            for mechanism in Mechanism::ALL {
                if let Ok(mut login) = Exchange::new(mechanism, &credentials(&user, &secret)) {
                    prop_assert!(login.initial().is_some() || mechanism == Mechanism::Login);
                }
            }
        }

        #[test]
        fn base64_comes_back(bytes: Vec<u8>) {
            assert_any(&bytes);
        }

        #[test]
        fn no_line_makes_decode_panic(line: Vec<u8>) {
            decode(&line).ok();
        }
    }
}
