//! The same over IMAP.

use super::Connector;
use crate::account::config::Tls;
use crate::base::certificate::Certificate;
use crate::base::error::Result;
use crate::base::secret::Mask;
use crate::net::imap::Session;
use crate::net::transport::Transport;

impl Connector {
    /// Opens an IMAP session that is signed in.
    pub(crate) fn open_imap(&self) -> Result<Session<Transport>> {
        let mut session = self.meet_imap()?;
        self.sign_in_imap(&mut session)?;
        Ok(session)
    }

    /// Opens an IMAP session up to where it would sign in.
    pub(crate) fn meet_imap(&self) -> Result<Session<Transport>> {
        let server = &self.server;
        let transport = self.dial()?;
        let encrypted = transport.is_encrypted();
        let mut session = Session::greet(transport, server, self.mask(), encrypted)?;
        session.ask_capabilities()?;
        if self.account.tls == Tls::StartTls {
            let bare = session.start_tls()?;
            let transport = self.encrypt(bare, || self.shown_imap_certificate())?;
            session = Session::resume(transport, server, self.mask());
            session.ask_capabilities()?;
        }
        Ok(session)
    }

    /// Signs in to a session that [`Connector::meet_imap`] opened.
    pub(crate) fn sign_in_imap(&self, session: &mut Session<Transport>) -> Result<()> {
        let plus_offered = session.offers_binding();
        let login = self.login(session.stream_mut(), plus_offered)?;
        session.hide(login.credentials.secret.expose());
        session.login(&login)
    }

    /// Which certificate was refused after STARTTLS, learned over a connection of its own
    /// over which nothing else is sent.
    fn shown_imap_certificate(&self) -> Option<Certificate> {
        let transport = Transport::connect(&self.server, &self.limits).ok()?;
        let mut session = Session::greet(transport, &self.server, Mask::none(), false).ok()?;
        session.ask_capabilities().ok()?;
        session.start_tls().ok()?.shown_certificate()
    }
}
