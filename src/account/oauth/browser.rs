//! Signing in with a browser on this machine: the code comes back to a port of loopback
//! (RFC 8252), and is worth something only to who holds the verifier (PKCE, RFC 7636).

use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::device::no_refresh;
use super::form;
use super::service::Service;
use super::token;
use super::{Ask, Grant, refused};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::secret::Mask;
use crate::net::transport::Loopback;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Longest head of a request that is read.
const HEAD: usize = 32 << 10;

const DONE: &str = "Signed in. You can close this page and go back to the terminal.";
const DECLINED: &str = "The sign-in was declined. Go back to the terminal.";
const FOREIGN: &str = "This answer does not belong to the sign-in that mailvault waits for.";
const NOTHING: &str = "There is nothing here.";

/// What a request of the browser means.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Code(String),
    /// The service's code of an error, and its words.
    Error(String, Option<String>),
    /// An answer to another sign-in.
    Foreign,
    /// Anything else that browsers ask for.
    Other,
}

/// Shows a page and waits until the browser brings the code.
pub(super) fn sign_in(
    service: &Service,
    url: &str,
    stop: &AtomicBool,
    show: &mut dyn FnMut(&Ask),
) -> Result<Grant> {
    let (verifier, state) = (random(service)?, random(service)?);
    let listener = Loopback::bind().map_err(|source| Error::Connect {
        server: service.server.clone(),
        source,
    })?;
    let port = listener.port();
    // Without a path, since services compare it as text.
    let back = format!("http://{}:{port}", service.loopback);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let query = form::encode(&[
        ("response_type", "code"),
        ("client_id", &service.client_id),
        ("redirect_uri", &back),
        ("scope", &service.scope),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("login_hint", &service.user),
    ]);
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}{query}");
    show(&Ask::Page { url, port });
    let code = wait(service, &listener, &state, stop)?;
    let tokens = service.ask(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &back),
        ("code_verifier", &verifier),
    ])?;
    let refresh = tokens.refresh.ok_or_else(|| no_refresh(service))?;
    Ok(Grant {
        access: tokens.access,
        refresh,
    })
}

/// Answers requests until one brings the code.
fn wait(service: &Service, listener: &Loopback, state: &str, stop: &AtomicBool) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let Some(mut stream) = listener.accept(end, stop)? else {
            let reason = "nobody signed in in time";
            return Err(refused(service, ErrorKind::Auth, reason, None));
        };
        // Browsers open connections that they do not use; such a one is nobody's trouble.
        let Some(line) = request(&mut stream) else {
            continue;
        };
        let came = meaning(&line, state);
        let (status, text) = match &came {
            Came::Code(_) => ("200 OK", DONE),
            Came::Error(..) => ("200 OK", DECLINED),
            Came::Foreign => ("400 Bad Request", FOREIGN),
            Came::Other => ("404 Not Found", NOTHING),
        };
        // If the browser does not take it, the person sees it in the terminal.
        let _ = answer(&mut stream, status, text);
        match came {
            Came::Code(code) => return Ok(code),
            Came::Error(code, words) => {
                let none = Mask::none();
                return Err(token::refusal(service, 400, &code, words.as_deref(), &none));
            }
            Came::Foreign | Came::Other => {}
        }
    }
}

/// The first line of a request, once its head has come.
fn request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        head.extend_from_slice(&part[..count]);
        if head.len() > HEAD {
            return None;
        }
    }
    let text = String::from_utf8(head).ok()?;
    text.lines().next().map(str::to_owned)
}

fn meaning(line: &str, state: &str) -> Came {
    let mut words = line.split(' ');
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else {
        return Came::Other;
    };
    let Some(query) = target.strip_prefix("/?") else {
        return Came::Other;
    };
    let (code, error) = (form::field(query, "code"), form::field(query, "error"));
    if code.is_none() && error.is_none() {
        return Came::Other;
    }
    if form::field(query, "state").as_deref() != Some(state) {
        return Came::Foreign;
    }
    match (code, error) {
        (_, Some(error)) => Came::Error(error, form::field(query, "error_description")),
        (Some(code), None) => Came::Code(code),
        (None, None) => Came::Other,
    }
}

/// What the browser shows.
#[derive(Template)]
#[template(path = "oauth/answer.html")]
struct AnswerTemplate<'a> {
    text: &'a str,
}

fn answer(stream: &mut impl Write, status: &str, text: &str) -> std::io::Result<()> {
    let body = AnswerTemplate { text }.render();
    let body = body.map_err(std::io::Error::other)?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\n\
         Cache-Control: no-store\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

/// 256 random bits in 43 letters.
fn random(service: &Service) -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        let reason = format!("the system provides no random numbers: {error}");
        refused(service, ErrorKind::Failed, &reason, None)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What holds for any bytes as the request of a browser: who does not know the state brings no
/// code.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(bytes: &[u8]) {
    let _ = request(&mut &*bytes);
    for line in String::from_utf8_lossy(bytes).lines() {
        for line in [line, &format!("GET /?{line}")] {
            let came = meaning(line, "st\u{e4}te");
            assert!(!matches!(came, Came::Code(_)) || line.contains('%'));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_an_answer_with_our_state_counts() {
        let code = |line: &str| meaning(line, "s1");
        assert_eq!(
            code("GET /?state=s1&code=4%2F0 HTTP/1.1"),
            Came::Code("4/0".into())
        );
        assert_eq!(code("GET /?state=s2&code=4 HTTP/1.1"), Came::Foreign);
        assert_eq!(code("GET /?code=4 HTTP/1.1"), Came::Foreign);
        assert_eq!(
            code("GET /?error=access_denied&state=s1 HTTP/1.1"),
            Came::Error("access_denied".into(), None)
        );
        assert_eq!(code("GET /?error=access_denied HTTP/1.1"), Came::Foreign);
        for line in [
            "GET / HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "POST /?state=s1&code=4",
            "",
        ] {
            assert_eq!(code(line), Came::Other, "{line}");
        }
    }

    #[test]
    fn a_request_ends_with_an_empty_line_and_is_bounded() {
        let read = |bytes: &[u8]| request(&mut &bytes[..]);
        assert_eq!(
            read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(),
            "GET / HTTP/1.1"
        );
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost"), None);
        assert_eq!(read(&vec![b'x'; HEAD * 2]), None);
    }

    proptest! {
        #[test]
        fn no_request_makes_it_panic(bytes: Vec<u8>, line: String) {
            assert_any(&bytes);
            assert_any(line.as_bytes());
        }
    }
}
