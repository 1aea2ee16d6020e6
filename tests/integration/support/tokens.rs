//! A service that hands out tokens, on a loopback port: it reads one request a connection,
//! notes it, and answers with what it is told to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tls::authority;

/// What somebody asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Without its query.
    pub(crate) path: String,
    /// The fields of its form, or of its query.
    pub(crate) form: BTreeMap<String, String>,
}

impl Request {
    /// A field; empty if there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }
}

/// The running service.
pub(crate) struct Tokens {
    port: u16,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tokens {
    /// Answers one request after the other with these bodies, an object with `error` as
    /// refusal; those to `/introspect` as [`introspected`] has it. The last body is said
    /// again and again.
    pub(crate) fn start(answers: &[&str]) -> Self {
        Self::serve(answers, false)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(answers: &[&str]) -> Self {
        Self::serve(answers, true)
    }

    fn serve(answers: &[&str], tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        answers.reverse();
        let (stop_too, requests_too) = (Arc::clone(&stop), Arc::clone(&requests));
        let identity = tls.then(|| authority().localhost.identity());
        let thread = std::thread::spawn(move || {
            let acceptor = identity.map(|id| native_tls::TlsAcceptor::new(id).unwrap());
            while !stop_too.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .unwrap();
                match &acceptor {
                    None => talk(stream, &mut answers, &requests_too),
                    Some(acceptor) => {
                        // A client that does not trust us ends it here.
                        if let Ok(stream) = acceptor.accept(stream) {
                            talk(stream, &mut answers, &requests_too);
                        }
                    }
                }
            }
        });
        Self {
            port,
            scheme: if tls { "https" } else { "http" },
            requests,
            stop,
            thread: Some(thread),
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What was asked so far at this path.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let all = self.requests.lock().unwrap();
        all.iter().filter(|r| r.path == path).cloned().collect()
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn talk(mut stream: impl Read + Write, answers: &mut Vec<String>, noted: &Mutex<Vec<Request>>) {
    let Some(request) = read(&mut stream) else {
        return;
    };
    let body = if request.path == "/introspect" {
        introspected(&request)
    } else if answers.len() > 1 {
        answers.pop().unwrap()
    } else {
        answers[0].clone()
    };
    noted.lock().unwrap().push(request);
    let status = if body.contains("\"error\"") {
        "400 Bad Request"
    } else {
        "200 OK"
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.flush();
}

/// What a mail server is told of a token: `access-` and a name is that user's.
fn introspected(request: &Request) -> String {
    match request.field("token").strip_prefix("access-") {
        Some(user) => format!("{{\"active\":\"true\",\"user\":\"{user}\"}}"),
        None => "{\"active\":\"false\"}".to_owned(),
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8(bytes.clone()).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let same = name.eq_ignore_ascii_case("content-length");
            same.then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let target = head.split(' ').nth(1)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        return Some(Request {
            path: path.to_owned(),
            form: fields(if body.is_empty() { query } else { body }),
        });
    }
}

/// The fields of a form, by a way that is not the product's.
pub(crate) fn fields(form: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| {
        let mut parts = text.split('%');
        let mut bytes = parts.next().unwrap().replace('+', " ").into_bytes();
        for part in parts {
            let (digits, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            bytes.extend_from_slice(rest.replace('+', " ").as_bytes());
        }
        String::from_utf8(bytes).unwrap()
    };
    form.split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}
