//! From a configured account to a session that is signed in.

mod imap;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::account::config::{self, Account, Auth, Tls};
use crate::account::oauth;
use crate::base::certificate::Certificate;
use crate::base::error::{Endpoint, Error, Result, TlsFault};
use crate::base::secret::{Mask, Secret, SecretSource};
use crate::base::stage::Stage;
use crate::mail::source::Source;
use crate::net::pop3::{Dialect, Pop3Session};
use crate::net::sasl::{Credentials, Login, Mechanism, Method, ScramHistory};
use crate::net::transport::{Limits, Transport, Trust};

/// How long a server may think about CAPA before it counts as not knowing it.
const CAPA_PATIENCE: Duration = Duration::from_secs(10);
/// Commands sent ahead: as many as we like, few, one.
const STEPS: [usize; 3] = [1_024, 128, 1];

/// Opens sessions of one account, and remembers what its server cannot do.
#[derive(Debug)]
pub(crate) struct Connector {
    account: Account,
    secret: Secret,
    server: Endpoint,
    limits: Limits,
    trust: Trust,
    /// What was learned so far.
    pub(crate) dialect: Dialect,
    /// What is known of SCRAM at this account.
    pub(crate) scram: ScramHistory,
    /// True once the server hung up when asked for its capabilities. That may be a
    /// coincidence, and so is not remembered.
    hung_up: bool,
}

impl Connector {
    /// A connector that begins with what is known of the server.
    #[must_use]
    pub(crate) fn new(
        account: &Account,
        secret: Secret,
        dialect: Dialect,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            account: account.clone(),
            secret,
            server: endpoint(account),
            limits: Limits::new(account.timeout, stop),
            trust: Trust {
                ca_file: account.tls_ca_file.clone(),
                pin: account.tls_pin_sha256,
            },
            dialect,
            scram: ScramHistory::default(),
            hung_up: false,
        }
    }

    /// Opens a session. `reduce_pipelining` says that the last one failed in a way that speaks
    /// against sending commands ahead: then fewer are.
    pub(crate) fn open(&mut self, reduce_pipelining: bool) -> Result<Box<dyn Source>> {
        if reduce_pipelining {
            let next = STEPS.iter().find(|step| **step < self.dialect.ahead);
            self.dialect.ahead = *next.unwrap_or(&1);
        }
        self.patiently(|connector| {
            let mut session = connector.try_meet()?;
            connector.sign_in(&mut session)?;
            Ok(Box::new(session) as Box<dyn Source>)
        })
    }

    /// Opens a session up to where it would sign in.
    pub(crate) fn meet(&mut self) -> Result<Pop3Session<Transport>> {
        self.patiently(Self::try_meet)
    }

    /// Signs in to a session that [`Connector::meet`] opened.
    pub(crate) fn sign_in(&self, session: &mut Pop3Session<Transport>) -> Result<()> {
        let plus_offered = session.offers_binding();
        let login = self.login(session.stream_mut(), plus_offered)?;
        session.hide(login.credentials.secret.expose());
        session.login(&login)
    }

    /// Once more, where the server cannot be asked for its capabilities.
    fn patiently<T>(&mut self, open: impl Fn(&Self) -> Result<T>) -> Result<T> {
        match open(self) {
            Err(Error::Timeout {
                stage: Stage::Capa, ..
            }) if self.dialect.capa => {
                self.dialect.capa = false;
                open(self)
            }
            Err(Error::Lost {
                stage: Stage::Capa, ..
            }) if !self.hung_up => {
                self.hung_up = true;
                open(self)
            }
            other => other,
        }
    }

    fn try_meet(&self) -> Result<Pop3Session<Transport>> {
        let server = &self.server;
        let mask = self.mask();
        let transport = self.dial()?;
        let mut dialect = self.dialect;
        dialect.capa &= !self.hung_up;
        let mut session = Pop3Session::greet(transport, server, mask.clone(), dialect)?;
        self.ask_capabilities(&mut session)?;
        if self.account.tls == Tls::StartTls {
            let bare = session.start_tls()?;
            let transport = self.encrypt(bare, || self.shown_certificate())?;
            session = Pop3Session::resume(transport, server, mask, dialect);
            self.ask_capabilities(&mut session)?;
        }
        Ok(session)
    }

    /// Goes on encrypted after STARTTLS; `shown` finds out which certificate was refused,
    /// where the refusal does not tell.
    fn encrypt(
        &self,
        transport: Transport,
        shown: impl FnOnce() -> Option<Certificate>,
    ) -> Result<Transport> {
        match transport.encrypt(&self.trust) {
            Err(Error::Tls {
                server,
                reason,
                fault: TlsFault::Untrusted,
                shown: None,
            }) => Err(Error::Tls {
                server,
                reason,
                fault: TlsFault::Untrusted,
                shown: shown().map(Box::new),
            }),
            encrypted => encrypted,
        }
    }

    fn mask(&self) -> Mask {
        let mut mask = Mask::none();
        mask.add(self.secret.expose());
        mask
    }

    fn dial(&self) -> Result<Transport> {
        let Self { server, limits, .. } = self;
        match self.account.tls {
            Tls::Tls => Transport::connect_tls(server, limits, &self.trust),
            Tls::StartTls | Tls::None => Transport::connect(server, limits),
        }
    }

    /// Who signs in over this line; never in clear where that is not allowed.
    fn login(&self, transport: &Transport, plus_offered: bool) -> Result<Login> {
        let encrypted = transport.is_encrypted();
        // Configuration refuses this already; a second look costs nothing.
        if !encrypted && !self.account.allow_plaintext && !config::is_loopback(&self.server.host) {
            return Err(Error::Unsupported {
                server: self.server.clone(),
                what: "encryption, and a password is not sent in clear".into(),
            });
        }
        Ok(Login {
            credentials: Credentials {
                user: self.account.user.clone(),
                secret: self.credential()?,
                host: self.server.host.clone(),
                port: self.server.port,
                channel_binding: transport.channel_binding(),
                plus_offered,
            },
            method: method(self.account.auth),
            encrypted,
            scram: self.scram.clone(),
        })
    }

    /// What the server is given: the secret, or an access token that is had for it now, since
    /// none lasts longer than an hour or so.
    fn credential(&self) -> Result<Secret> {
        match &self.account.secret {
            SecretSource::Refresh(file) => oauth::access(&self.account, file),
            _ => Ok(self.secret.clone()),
        }
    }

    /// Which certificate was refused after STLS, learned over a connection of its own
    /// over which nothing is sent but STLS.
    fn shown_certificate(&self) -> Option<Certificate> {
        let transport = Transport::connect(&self.server, &self.limits).ok()?;
        let session =
            Pop3Session::greet(transport, &self.server, Mask::none(), self.dialect).ok()?;
        session.start_tls().ok()?.shown_certificate()
    }

    fn ask_capabilities(&self, session: &mut Pop3Session<Transport>) -> Result<()> {
        let patience = CAPA_PATIENCE.min(self.limits.reply);
        session.stream_mut().set_reply_limit(patience);
        session.ask_capabilities()?;
        session.stream_mut().set_reply_limit(self.limits.reply);
        Ok(())
    }
}

/// The account's server.
#[must_use]
pub fn endpoint(account: &Account) -> Endpoint {
    Endpoint {
        host: account.host.clone(),
        port: account.port,
    }
}

/// `user@host:port`, as the ledger knows a maildrop.
#[must_use]
pub(crate) fn server_name(account: &Account) -> String {
    format!("{}@{}", account.user, endpoint(account))
}

fn method(auth: Auth) -> Method {
    match auth {
        Auth::Auto | Auth::Password => Method::Auto,
        Auth::User => Method::User,
        Auth::Plain => Method::Sasl(Mechanism::Plain),
        Auth::Login => Method::Sasl(Mechanism::Login),
        Auth::ScramSha256 => Method::Sasl(Mechanism::ScramSha256),
        Auth::ScramSha256Plus => Method::Sasl(Mechanism::ScramSha256Plus),
        Auth::Xoauth2 => Method::Sasl(Mechanism::XOauth2),
        Auth::Oauthbearer => Method::Sasl(Mechanism::OauthBearer),
    }
}
