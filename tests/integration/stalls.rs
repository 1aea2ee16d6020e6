//! Promise 18 of docs/SAFETY.md: a server that falls silent, or drips, ends the session
//! with an error, whatever is going on. The limits are short here, and no test asks how
//! long it took: only that it ended, and how.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use mailvault::base::error::{Endpoint, Error, Result};
use mailvault::base::secret::{Mask, Secret};
use mailvault::mail::source::{Fetched, Source};
use mailvault::net::pop3::{Dialect, Pop3Session};
use mailvault::net::sasl::{Credentials, Login, Method, ScramHistory};
use mailvault::net::transport::{Limits, Transport, Trust};

/// Whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an honest server says to each command, and where it stalls.
const STAGES: [(&str, &str); 11] = [
    ("greeting", "+OK ready\r\n"),
    ("CAPA", "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\nUSER\r\n.\r\n"),
    ("STLS", "+OK begin\r\n"),
    ("USER", "+OK\r\n"),
    ("PASS", "+OK\r\n"),
    ("STAT", "+OK 1 40\r\n"),
    ("LIST", "+OK\r\n1 40\r\n.\r\n"),
    ("UIDL", "+OK\r\n1 a\r\n.\r\n"),
    ("TOP", "+OK\r\nSubject: a\r\n\r\n.\r\n"),
    (
        "RETR",
        "+OK\r\nSubject: a\r\n\r\nbody of forty octets\r\n.\r\n",
    ),
    ("QUIT", "+OK bye\r\n"),
];

/// How a server stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stall {
    /// Before its answer.
    Silent,
    /// In the middle of its answer.
    Half,
    /// A byte at a time, for ever, in the middle of its answer.
    Drip,
}

/// Plays one session that stalls at a stage, until the flag is set.
fn serve(stream: &TcpStream, stage: &str, stall: Stall, done: &AtomicBool) {
    let mut input = BufReader::new(stream);
    let mut output = stream;
    let mut verb = "greeting".to_owned();
    loop {
        let known = STAGES.iter().find(|(name, _)| *name == verb);
        let (name, answer) = known.unwrap_or_else(|| panic!("no answer to {verb}"));
        if *name == stage {
            if stall != Stall::Silent {
                let half = &answer.as_bytes()[..answer.len() / 2];
                output.write_all(half).unwrap();
            }
            hold(stream, stall, done);
            return;
        }
        output.write_all(answer.as_bytes()).unwrap();
        if *name == "STLS" {
            // What is sent now would be taken for a part of the handshake.
            hold(stream, stall, done);
            return;
        }
        let mut line = String::new();
        if input.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        line.split([' ', '\r'])
            .next()
            .unwrap()
            .clone_into(&mut verb);
    }
}

/// Keeps the line open, and drips if asked to; the client hangs up at some time.
fn hold(mut stream: &TcpStream, stall: Stall, done: &AtomicBool) {
    while !done.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(25));
        if stall == Stall::Drip {
            let _ = stream.write_all(b"x");
        }
    }
}

/// What the client does: everything that a session can do, with TLS at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    None,
    AtOnce,
    Later,
}

fn session(server: &Endpoint, tls: Tls) -> Result<()> {
    let limits = Limits {
        connect: Duration::from_secs(1),
        reply: Duration::from_secs(1),
        window: Duration::from_secs(2),
        stop: Arc::default(),
    };
    let trust = Trust::default();
    let transport = match tls {
        Tls::AtOnce => Transport::connect_tls(server, &limits, &trust)?,
        Tls::None | Tls::Later => Transport::connect(server, &limits)?,
    };
    let mut session = Pop3Session::greet(transport, server, Mask::none(), Dialect::default())?;
    session.ask_capabilities()?;
    if tls == Tls::Later {
        session.start_tls()?.encrypt(&trust)?;
        return Ok(());
    }
    session.login(&Login {
        credentials: Credentials {
            user: "ann".into(),
            secret: Secret::new("secret".into()),
            host: server.host.clone(),
            port: server.port,
            channel_binding: None,
            plus_offered: false,
        },
        method: Method::User,
        encrypted: false,
        scram: ScramHistory::default(),
    })?;
    let listings = session.list()?;
    let wanted = [listings.get(0)];
    let mut read = |_: &_, fetched: Fetched<'_>| {
        if let Fetched::Body(body) = fetched {
            // The session knows why a read failed.
            let _ = std::io::copy(body, &mut std::io::sink());
        }
        Ok(())
    };
    session.headers(&wanted, &mut read)?;
    session.fetch(&wanted, &mut read)?;
    Box::new(session).finish()
}

/// How a session ends with a server that stalls.
fn ended(stage: &str, stall: Stall, tls: Tls) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Endpoint {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            serve(&stream, stage, stall, &done);
        });
        let (tell, told) = channel();
        let client = scope.spawn(move || tell.send(session(&server, tls)).unwrap());
        let ended = told.recv_timeout(PATIENCE);
        done.store(true, Ordering::Release);
        client.join().unwrap();
        ended.unwrap_or_else(|_| panic!("{stage}: a session with a server that is {stall:?} hangs"))
    })
}

#[track_caller]
fn assert_timeout(ended: Result<()>, doing: &str, stall: Stall) {
    match ended {
        Err(Error::Timeout { stage: told, .. }) => {
            assert!(
                told.to_string().starts_with(doing),
                "{told} instead of {doing}: {stall:?}"
            );
        }
        other => panic!("{doing}, {stall:?}: {other:?}"),
    }
}

/// Every stage with every stall, side by side: each only waits.
#[test]
fn a_stall_at_any_point_ends_the_session() {
    std::thread::scope(|scope| {
        for (stage, _) in STAGES.into_iter().filter(|(stage, _)| *stage != "STLS") {
            for stall in [Stall::Silent, Stall::Half, Stall::Drip] {
                scope.spawn(move || assert_timeout(ended(stage, stall, Tls::None), stage, stall));
            }
        }
    });
}

#[test]
fn a_stall_before_or_in_a_handshake_ends_it() {
    std::thread::scope(|scope| {
        for stall in [Stall::Silent, Stall::Half, Stall::Drip] {
            scope.spawn(move || assert_timeout(ended("STLS", stall, Tls::Later), "STLS", stall));
        }
        for stall in [Stall::Silent, Stall::Drip] {
            for (stage, tls) in [("none", Tls::Later), ("greeting", Tls::AtOnce)] {
                let (stage, doing) = (stage, "TLS handshake");
                scope.spawn(move || match ended(stage, stall, tls) {
                    // A drip of what is no TLS may be noticed at once.
                    Err(Error::Tls { .. }) if stall == Stall::Drip => {}
                    other => assert_timeout(other, doing, stall),
                });
            }
        }
    });
}
