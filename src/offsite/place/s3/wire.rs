//! HTTP over our own sockets, so that their time limits, TLS and the wish to stop hold here, too.
//!
//! A server that refuses a long request often answers and hangs up before it has read it. So a
//! broken write is remembered, and the answer is read if there is one.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport as HttpTransport,
};

use super::proxy::ProxyRoute;
use crate::base::error::{Endpoint, Error, Result};
use crate::net::transport::{Limits, Transport, Trust};

/// How connections are made.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) server: Endpoint,
    /// None for a server of this machine that is reached in clear.
    pub(super) trust: Option<Trust>,
    pub(super) proxy: Option<ProxyRoute>,
    pub(super) limits: Limits,
}

impl Wire {
    fn open(&self) -> Result<Transport> {
        let Some(trust) = &self.trust else {
            return Transport::connect(&self.server, &self.limits);
        };
        match &self.proxy {
            None => Transport::connect_tls(&self.server, &self.limits, trust),
            Some(proxy) => {
                let led = proxy.lead(&self.server, &self.limits)?;
                led.encrypt(trust)
            }
        }
    }
}

impl<In: HttpTransport> Connector<In> for Wire {
    type Out = WireTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<In>,
    ) -> std::result::Result<Option<WireTransport>, ureq::Error> {
        let transport = self.open().map_err(carried)?;
        let config = details.config;
        Ok(Some(WireTransport {
            tls: self.trust.is_some(),
            transport,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            broken: None,
        }))
    }
}

/// Carries an error of ours through the client.
fn carried(error: Error) -> ureq::Error {
    ureq::Error::Io(io::Error::other(error))
}

/// A connection.
#[derive(Debug)]
pub(super) struct WireTransport {
    transport: Transport,
    buffers: LazyBuffers,
    tls: bool,
    /// Why nothing more can be sent.
    broken: Option<io::Error>,
}

impl HttpTransport for WireTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        _: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        if self.broken.is_some() {
            return Ok(());
        }
        let output = &self.buffers.output()[..amount];
        match self.transport.write_all(output) {
            Ok(()) => Ok(self.transport.flush()?),
            Err(error) if is_hung_up(&error) => {
                self.broken = Some(error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn await_input(&mut self, _: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        let room = self.buffers.input_append_buf();
        let read = self.transport.read(room);
        let read = match (read, self.broken.take()) {
            (Ok(0) | Err(_), Some(error)) | (Err(error), None) => return Err(error.into()),
            (Ok(read), broken) => {
                self.broken = broken;
                read
            }
        };
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.broken.is_none() && self.transport.is_quiet()
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

fn is_hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset
    )
}

/// Names are looked up where the socket is opened.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let mut none = self.empty();
        none.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(none)
    }
}
