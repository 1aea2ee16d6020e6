//! A server that does not listen, and who talks to it, for unit tests and for `fuzz/`.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Secret;
use crate::base::stage::Stage;
use crate::mail::source::{Fetched, Listing};
use crate::net::sasl::{Credentials, Login, Method, ScramHistory};

/// A server that says what it says, whatever it is told.
#[derive(Debug)]
pub(crate) struct Deaf(VecDeque<u8>);

impl Deaf {
    /// A server that says this and then hangs up.
    pub(crate) fn new(says: &[u8]) -> Self {
        Self(says.iter().copied().collect())
    }
}

impl Read for Deaf {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let taken = buf.len().min(11);
        self.0.read(&mut buf[..taken])
    }
}

impl Write for Deaf {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Its address.
pub(crate) fn server() -> Endpoint {
    Endpoint {
        host: "mail.example.org".into(),
        port: 993,
    }
}

/// Who signs in.
pub(crate) fn login(method: Method, encrypted: bool) -> Login {
    Login {
        credentials: Credentials {
            user: "ann".into(),
            secret: Secret::new("hunter2".into()),
            host: "mail.example.org".into(),
            port: 993,
            channel_binding: None,
            plus_offered: false,
        },
        method,
        encrypted,
        scram: ScramHistory::default(),
    }
}

/// What [`crate::mail::source::Each`] was told: of which UID, and octets or words.
pub(crate) type Answers = Vec<(u32, std::result::Result<String, String>)>;

/// Takes answers in, messages whole.
pub(crate) fn note(answers: &mut Answers) -> impl FnMut(&Listing, Fetched<'_>) -> Result<()> + '_ {
    |listing, fetched| {
        match fetched {
            Fetched::Body(body) => {
                let mut bytes = Vec::new();
                body.read_to_end(&mut bytes).map_err(|e| Error::Lost {
                    server: server(),
                    stage: Stage::of("reading"),
                    source: Some(e),
                })?;
                let octets = bytes.iter().map(|byte| char::from(*byte)).collect();
                answers.push((listing.number, Ok(octets)));
            }
            Fetched::Refused(words) => answers.push((listing.number, Err(words))),
            Fetched::Waiting => {}
        }
        Ok(())
    }
}
