//! A server that speaks as much S3 as is needed, and lies where a test wants it to. Nothing of it
//! is shared with `src`; it checks no signature.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use md5::{Digest, Md5};

use super::tls::authority;

/// What the server does otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Says 200 and keeps nothing.
    LosesPuts,
    /// Lists nothing that was put.
    StaleList,
    /// Gives another MD5 than that of what came.
    WrongEtag,
    /// Gives something as `ETag` that is no MD5.
    OpaqueEtag,
    /// Gives something that only looks like an MD5.
    KeyedEtag,
    /// Answers this to a put with a condition.
    RefusesConditions(u16, &'static str),
    /// Overwrites in spite of the condition.
    IgnoresConditions,
    /// Answers this status and code, with these headers, to whatever is asked.
    Answers(u16, &'static str, &'static str),
    /// The same, only to HTTP requests with this method.
    AnswersTo(&'static str, u16, &'static str, &'static str),
    /// Answers without having read what is put, and hangs up.
    AnswersEarly(u16, &'static str),
    /// Sends a byte of a body in a while.
    Drips,
    /// Sends so many bytes of a body, and hangs up.
    Truncates(usize),
    /// Hangs up when so many bytes of a put came.
    CutsPut(usize),
    /// Keeps what is put, and hangs up instead of answering.
    CutsAnswer,
    /// Says nothing.
    Silent,
    /// Reads nothing of what is put.
    ReadsNothing,
    /// Has a clock that is so many seconds ahead, and takes no signature of another.
    ClockAhead(i64),
    /// Answers with a list that is none.
    GarblesList,
    /// Lists always the same page.
    ListsForEver,
}

/// A lie, and how often it is told.
pub(crate) struct Told {
    lie: Lie,
    left: usize,
}

#[derive(Default)]
struct State {
    /// Each with all its versions, the oldest first.
    objects: BTreeMap<String, Vec<Vec<u8>>>,
    lies: Vec<Told>,
    /// Method, path with query, and headers of each request.
    requests: Vec<String>,
    rows: usize,
    connections: usize,
}

/// The server.
pub(crate) struct BucketServer {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a request says.
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    length: usize,
}

impl BucketServer {
    /// Starts it with one empty bucket, `b`.
    pub(crate) fn start() -> Self {
        Self::begin(false)
    }

    /// The same over TLS, as `localhost`.
    pub(crate) fn start_tls() -> Self {
        Self::begin(true)
    }

    fn begin(tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            rows: 1_000,
            ..State::default()
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, ends) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        shared.lock().unwrap().connections += 1;
                        let (shared, ends) = (Arc::clone(&shared), Arc::clone(&ends));
                        std::thread::spawn(move || accept(stream, tls, &shared, &ends));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self {
            port,
            state,
            stop,
            thread: Some(thread),
        }
    }

    /// Tells this lie so many times.
    pub(crate) fn lie(&self, lie: Lie, left: usize) -> &Self {
        self.state.lock().unwrap().lies.push(Told { lie, left });
        self
    }

    /// Lists so many rows on a page.
    pub(crate) fn rows(&self, rows: usize) -> &Self {
        self.state.lock().unwrap().rows = rows;
        self
    }

    /// Tells the truth from now on.
    pub(crate) fn be_honest(&self) {
        self.state.lock().unwrap().lies.clear();
    }

    /// All versions of an object, the oldest first.
    pub(crate) fn versions(&self, key: &str) -> Vec<Vec<u8>> {
        let state = self.state.lock().unwrap();
        state.objects.get(key).cloned().unwrap_or_default()
    }

    /// Puts an object as somebody else.
    pub(crate) fn overwrite(&self, key: &str, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state
            .objects
            .entry(key.to_owned())
            .or_default()
            .push(bytes.to_vec());
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// The requests so far: method, path with query and headers.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

fn accept(stream: TcpStream, tls: bool, state: &Mutex<State>, stop: &AtomicBool) {
    stream.set_nonblocking(false).unwrap();
    stream.set_nodelay(true).unwrap();
    let stream: Box<dyn Both> = if tls {
        let acceptor = native_tls::TlsAcceptor::new(authority().localhost.identity()).unwrap();
        match acceptor.accept(stream) {
            Ok(stream) => Box::new(stream),
            Err(_) => return,
        }
    } else {
        Box::new(stream)
    };
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read_head(&mut stream, state) {
        if serve(&mut stream, &asked, state, stop).is_none() {
            break;
        }
    }
}

fn read_head(stream: &mut BufReader<Box<dyn Both>>, state: &Mutex<State>) -> Option<Asked> {
    let mut first = String::new();
    stream.read_line(&mut first).ok().filter(|n| *n > 0)?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    let mut record = format!("{method} {target}");
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        record.push_str(&format!("\n{}: {value}", name.to_ascii_lowercase()));
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    state.lock().unwrap().requests.push(record);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let length = headers
        .get("content-length")
        .map_or(0, |n| n.parse().unwrap());
    Some(Asked {
        method,
        path: path
            .trim_start_matches("/b")
            .trim_start_matches('/')
            .to_owned(),
        query: pairs.map(|(k, v)| (k.to_owned(), unescaped(v))).collect(),
        headers,
        length,
    })
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The lies that concern this request, each once less from now on.
fn lies(asked: &Asked, state: &Mutex<State>) -> Vec<Lie> {
    let mut state = state.lock().unwrap();
    let is_list = asked.method == "GET" && asked.path.is_empty();
    let is_get = asked.method == "GET" && !is_list;
    let is_put = asked.method == "PUT";
    let conditional = asked.headers.contains_key("if-none-match");
    let mut told = Vec::new();
    for lie in state.lies.iter_mut().filter(|lie| lie.left > 0) {
        let concerns = match &lie.lie {
            Lie::LosesPuts
            | Lie::WrongEtag
            | Lie::AnswersEarly(..)
            | Lie::CutsPut(_)
            | Lie::CutsAnswer
            | Lie::ReadsNothing => is_put,
            Lie::RefusesConditions(..) | Lie::IgnoresConditions => is_put && conditional,
            Lie::Drips | Lie::Truncates(_) => is_get,
            Lie::StaleList | Lie::GarblesList | Lie::ListsForEver => is_list,
            Lie::AnswersTo(method, ..) => asked.method == *method,
            Lie::Answers(..)
            | Lie::Silent
            | Lie::OpaqueEtag
            | Lie::KeyedEtag
            | Lie::ClockAhead(_) => true,
        };
        if concerns {
            lie.left -= 1;
            told.push(lie.lie.clone());
        }
    }
    told
}

/// Serves a request; none if the connection ends with it.
fn serve(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    state: &Mutex<State>,
    stop: &AtomicBool,
) -> Option<()> {
    let lies = lies(asked, state);
    let hang = || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let mut body = Vec::new();
    for lie in &lies {
        match lie {
            Lie::AnswersEarly(status, code) => {
                answer_error(stream, asked, *status, code, "Connection: close\r\n")?;
                return None;
            }
            Lie::CutsPut(bytes) => {
                stream.take(*bytes as u64).read_to_end(&mut body).ok()?;
                return None;
            }
            Lie::ReadsNothing => {
                hang();
                return None;
            }
            _ => {}
        }
    }
    stream
        .take(asked.length as u64)
        .read_to_end(&mut body)
        .ok()?;
    for lie in &lies {
        match lie {
            Lie::Silent => {
                hang();
                return None;
            }
            Lie::Answers(status, code, headers) | Lie::AnswersTo(_, status, code, headers) => {
                return answer_error(stream, asked, *status, code, headers);
            }
            Lie::RefusesConditions(status, code) => {
                return answer_error(stream, asked, *status, code, "");
            }
            Lie::ClockAhead(seconds) => {
                let now = chrono::Utc::now() + chrono::TimeDelta::seconds(*seconds);
                let signed = &asked.query["X-Amz-Date"];
                let signed = chrono::NaiveDateTime::parse_from_str(signed, "%Y%m%dT%H%M%SZ");
                let apart = (now.naive_utc() - signed.unwrap()).num_seconds().abs();
                if apart > 900 {
                    let date = format!("Date: {}\r\n", now.format("%a, %d %b %Y %H:%M:%S GMT"));
                    return answer_error(stream, asked, 403, "RequestTimeTooSkewed", &date);
                }
            }
            _ => {}
        }
    }
    match asked.method.as_str() {
        "PUT" => put(stream, asked, state, body, &lies),
        "GET" if asked.path.is_empty() => list(stream, asked, state, &lies),
        "GET" | "HEAD" => get(stream, asked, state, &lies, stop),
        _ => answer_error(stream, asked, 405, "MethodNotAllowed", ""),
    }
}

fn put(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    state: &Mutex<State>,
    body: Vec<u8>,
    lies: &[Lie],
) -> Option<()> {
    let conditional = asked.headers.contains_key("if-none-match");
    let etag = etag(&body, lies);
    {
        let mut state = state.lock().unwrap();
        let exists = state.objects.contains_key(&asked.path);
        if conditional && exists && !lies.contains(&Lie::IgnoresConditions) {
            drop(state);
            return answer_error(stream, asked, 412, "PreconditionFailed", "");
        }
        if !lies.contains(&Lie::LosesPuts) {
            let versions = state.objects.entry(asked.path.clone()).or_default();
            versions.push(body);
        }
    }
    if lies.contains(&Lie::CutsAnswer) {
        return None;
    }
    let head = format!("ETag: \"{etag}\"\r\nx-amz-version-id: v\r\n");
    answer(stream, asked, 200, &head, b"")
}

fn etag(body: &[u8], lies: &[Lie]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    if lies.contains(&Lie::OpaqueEtag) {
        "opaque-1".to_owned()
    } else if lies.contains(&Lie::KeyedEtag) || lies.contains(&Lie::WrongEtag) {
        hex(&Md5::digest([body, b"key"].concat()))
    } else {
        hex(&Md5::digest(body))
    }
}

fn get(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    state: &Mutex<State>,
    lies: &[Lie],
    stop: &AtomicBool,
) -> Option<()> {
    let versions = state.lock().unwrap().objects.get(&asked.path).cloned();
    let wanted = asked
        .query
        .get("versionId")
        .map(|id| id.parse::<usize>().unwrap());
    let found = versions.and_then(|all| match wanted {
        Some(number) => all.get(number).cloned(),
        None => all.last().cloned(),
    });
    let Some(bytes) = found else {
        return answer_error(stream, asked, 404, "NoSuchKey", "");
    };
    let mut head = format!("ETag: \"{}\"\r\n", etag(&bytes, lies));
    let range = asked.headers.get("range").map(|range| {
        let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
        let last = last.parse::<usize>().unwrap().min(bytes.len() - 1);
        (first.parse::<usize>().unwrap(), last)
    });
    let (status, part) = match range {
        Some((first, last)) => {
            head.push_str(&format!(
                "Content-Range: bytes {first}-{last}/{}\r\n",
                bytes.len()
            ));
            (206, &bytes[first..=last])
        }
        None => (200, &bytes[..]),
    };
    for lie in lies {
        match lie {
            Lie::Truncates(most) => {
                let to = stream.get_mut();
                write!(
                    to,
                    "HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n",
                    part.len()
                )
                .ok()?;
                to.write_all(&part[..(*most).min(part.len())]).ok()?;
                to.flush().ok()?;
                return None;
            }
            Lie::Drips => {
                let to = stream.get_mut();
                write!(
                    to,
                    "HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n",
                    part.len()
                )
                .ok()?;
                for byte in part {
                    if stop.load(Ordering::Relaxed) {
                        return None;
                    }
                    to.write_all(&[*byte]).ok()?;
                    to.flush().ok()?;
                    std::thread::sleep(Duration::from_millis(200));
                }
                return Some(());
            }
            _ => {}
        }
    }
    answer(stream, asked, status, &head, part)
}

fn list(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    state: &Mutex<State>,
    lies: &[Lie],
) -> Option<()> {
    if lies.contains(&Lie::GarblesList) {
        return answer(stream, asked, 200, "", b"<html>no list</html>");
    }
    let (objects, rows) = {
        let state = state.lock().unwrap();
        (state.objects.clone(), state.rows)
    };
    let prefix = asked.query.get("prefix").cloned().unwrap_or_default();
    let mut text = String::new();
    if asked.query.contains_key("versions") {
        let from = asked
            .query
            .get("version-id-marker")
            .map(|id| id.parse::<usize>().unwrap());
        let all = objects.get(&prefix).cloned().unwrap_or_default();
        let left = all
            .iter()
            .enumerate()
            .rev()
            .filter(|(n, _)| from.is_none_or(|from| *n < from));
        let left: Vec<_> = left.collect();
        for (n, bytes) in left.iter().take(rows) {
            text.push_str(&format!(
                "<Version><Key>{prefix}</Key><VersionId>{n}</VersionId><IsLatest>{}</IsLatest>\
                 <ETag>&quot;{}&quot;</ETag><Size>{}</Size></Version>",
                n + 1 == all.len(),
                etag(bytes, lies),
                bytes.len()
            ));
        }
        if left.len() > rows {
            let last = left[rows - 1].0;
            text.push_str(&format!(
                "<IsTruncated>true</IsTruncated><NextKeyMarker>{prefix}</NextKeyMarker>\
                 <NextVersionIdMarker>{last}</NextVersionIdMarker>"
            ));
        }
        let text = format!("<ListVersionsResult>{text}</ListVersionsResult>");
        return answer(stream, asked, 200, "", text.as_bytes());
    }
    let after = asked
        .query
        .get("continuation-token")
        .cloned()
        .unwrap_or_default();
    let endless = lies.contains(&Lie::ListsForEver);
    let rest = objects.iter().filter(|(key, _)| {
        key.starts_with(&prefix) && (endless || **key > after) && !lies.contains(&Lie::StaleList)
    });
    let rest: Vec<_> = rest.collect();
    for (key, all) in rest.iter().take(rows) {
        let bytes = all.last().unwrap();
        text.push_str(&format!(
            "<Contents><Key>{key}</Key><ETag>\"{}\"</ETag><Size>{}</Size></Contents>",
            etag(bytes, lies),
            bytes.len()
        ));
    }
    if rest.len() > rows || endless {
        let last = rest[rows.min(rest.len()) - 1].0;
        text.push_str(&format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
        ));
    }
    let text = format!(
        "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         {text}</ListBucketResult>"
    );
    answer(stream, asked, 200, "", text.as_bytes())
}

fn answer_error(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    status: u16,
    code: &str,
    headers: &str,
) -> Option<()> {
    let region = if code == "AuthorizationHeaderMalformed" {
        "<Region>eu-central-1</Region>"
    } else {
        ""
    };
    // Some servers say the key that they were asked with.
    let key = asked
        .query
        .get("X-Amz-Credential")
        .cloned()
        .unwrap_or_default();
    let body = format!("<Error><Code>{code}</Code><Message>no, {key}</Message>{region}</Error>");
    answer(stream, asked, status, headers, body.as_bytes())
}

fn answer(
    stream: &mut BufReader<Box<dyn Both>>,
    asked: &Asked,
    status: u16,
    head: &str,
    body: &[u8],
) -> Option<()> {
    let to = stream.get_mut();
    let mut whole = format!(
        "HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if asked.method != "HEAD" {
        whole.extend_from_slice(body);
    }
    to.write_all(&whole).ok()?;
    to.flush().ok()
}

/// A proxy that leads wherever it is asked to.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts it; it ends with the process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || lead(stream.unwrap(), &seen));
            }
        });
        Self { port, requests }
    }

    /// The heads of all requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn lead(mut client: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    seen.lock().unwrap().push(head);
    let mut server = TcpStream::connect(target).unwrap();
    client
        .write_all(b"HTTP/1.1 200 Led\r\nVia: test\r\n\r\n")
        .unwrap();
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
}
