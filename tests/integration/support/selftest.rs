//! The support code against real peers: what it says of a server must be so.

use std::collections::HashSet;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use super::client::{imap_fetch_all, imap_fetch_mailbox, on_the_wire, pop3_fetch_all};
use super::corpus::corpus;
use super::dovecot::{Dovecot, Options, PASSWORD, Release};
use super::relay::{Count, Relay};
use super::script::{Play, Played, Server};
use super::step::connections;
use super::tls::authority;

/// Plays a dialogue to one client that says this and then reads to the end.
fn said_to(script: &str, words: &str) -> (Played, String) {
    let server = Server::new();
    let play: Play = server.play(connections(script).unwrap());
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(words.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    drop(stream);
    (play.finish(), String::from_utf8(heard).unwrap())
}

#[test]
fn a_dialogue_that_is_followed_has_no_deviation() {
    let script = "connection\nS: hi\nC: ONE\nC~ TW\nC*\nS| a\\r\\nb\\x41\\0\nS*2 {n}.\n";
    let (played, heard) = said_to(script, "ONE\r\nTWO 2\r\nwhatever\r\n");
    assert_eq!(played.deviations, [""; 0]);
    assert_eq!(heard, "hi\r\na\r\nbA\x001.\r\n2.\r\n");
}

#[test]
fn every_deviation_is_seen() {
    for (script, words, deviation) in [
        ("C: ONE", "TWO\r\n", "expected ONE"),
        ("C: ONE", "ONE\n", "but got ONE\\n"),
        ("C: ONE", "", "but the client closed"),
        ("C: ONE", "ONE\r\nTWO\r\n", "the client went on: TWO"),
        (
            "S: hi\nconnection\nS: again",
            "",
            "1 connections of the dialogue never came",
        ),
        (
            "C: A\ntls",
            "A\r\nB\r\n",
            "the client spoke before the handshake",
        ),
    ] {
        let (played, _) = said_to(&format!("connection\n{script}\n"), words);
        let seen = played.deviations.join("\n");
        assert!(seen.contains(deviation), "{script} {words:?}: {seen}");
    }
    let (played, _) = said_to("", "");
    assert!(
        played.deviations[0].contains("a connection more"),
        "{played:?}"
    );
}

#[test]
fn a_certificate_is_taken_or_refused_for_what_it_is() {
    let ca = native_tls::Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
    for (step, refused) in [("tls", false), ("tls expired", true), ("tls other", true)] {
        let server = Server::new();
        let suffix = if refused { " refused" } else { "\nS: hi" };
        let script = format!("connection\n{step}{suffix}");
        let play = server.play(connections(&script).unwrap());
        let mut connector = native_tls::TlsConnector::builder();
        let connector = connector.add_root_certificate(ca.clone()).build().unwrap();
        let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        let connected = connector.connect("localhost", stream);
        assert_eq!(connected.is_err(), refused, "{step}");
        if let Ok(mut stream) = connected {
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, "hi\r\n");
        }
        assert_eq!(play.finish().deviations, [""; 0], "{step}");
    }
}

#[test]
fn a_reset_is_a_reset() {
    let (_, heard) = said_to("connection\nS: hi\nwait 0.05\nreset", "");
    assert_eq!(heard, "hi\r\n");
    let server = Server::new();
    let play = server.play(connections("connection\nreset").unwrap());
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(play.finish().deviations, [""; 0]);
}

#[test]
fn dovecot_serves_the_corpus_as_it_was_delivered() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let corpus = corpus();
    dovecot.deliver("ann", &corpus);
    let relay = Relay::to(dovecot.pop3());
    let fetched = pop3_fetch_all(([127, 0, 0, 1], relay.port()).into(), "ann", PASSWORD);
    assert_eq!(fetched.len(), corpus.len());
    for ((_, _, bytes), message) in fetched.iter().zip(&corpus) {
        let wire = on_the_wire(message, true);
        assert!(
            *bytes == wire,
            "{}",
            message[..message.len().min(200)].escape_ascii()
        );
    }
    let uidls: HashSet<&String> = fetched.iter().map(|(uidl, ..)| uidl).collect();
    assert_eq!(uidls.len(), corpus.len());
    let count = relay.take();
    let retr = corpus.len();
    assert_eq!(
        count,
        Count {
            received: count.received,
            connections: 1,
            turns: retr + 5,
            retr,
            ..Count::default()
        }
    );
    let imap = imap_fetch_all(dovecot.imap(), "ann", PASSWORD);
    // IMAP cannot carry a NUL.
    for (bytes, message) in imap.iter().zip(&corpus).filter(|(_, m)| !m.contains(&0)) {
        assert!(*bytes == on_the_wire(message, false));
    }
    assert_eq!(imap.len(), corpus.len());
}

#[test]
fn dovecot_serves_a_vault_with_its_folders() {
    let vault = tempfile::tempdir().unwrap();
    for (folder, text) in [
        ("", "Subject: a\r\n\r\none\r\n"),
        (".Sent.2026", "Subject: b\r\n\r\ntwo\r\n"),
    ] {
        let cur = vault.path().join("mail/work").join(folder).join("cur");
        std::fs::create_dir_all(&cur).unwrap();
        let name = format!(
            "5.{}.mv,S={},W={}:2,",
            "0".repeat(32),
            text.len(),
            text.len()
        );
        let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
        std::fs::write(cur.join(name), packed).unwrap();
    }
    for release in Release::ALL {
        let options = Options {
            release,
            vault: Some(vault.path().to_path_buf()),
            ..Options::default()
        };
        let Some(dovecot) = Dovecot::start(&options) else {
            continue;
        };
        let one = pop3_fetch_all(dovecot.pop3(), "work", PASSWORD);
        assert_eq!(one[0].1, 19);
        assert_eq!(one[0].2, b"Subject: a\r\n\r\none\r\n");
        let two = imap_fetch_mailbox(dovecot.imap(), "work", PASSWORD, "Sent/2026");
        assert_eq!(two, [b"Subject: b\r\n\r\ntwo\r\n"], "{}", dovecot.log());
    }
}

#[test]
fn dovecot_takes_tokens_and_shows_our_certificate() {
    let options = Options {
        mechanisms: "plain login scram-sha-256 xoauth2 oauthbearer",
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    // user=ann, auth=Bearer tok-ann; then the same with tok-bob
    for (token, logged_in) in [
        ("dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rLWFubgEB", true),
        ("dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rLWJvYgEB", false),
    ] {
        let mut stream = BufReader::new(TcpStream::connect(dovecot.pop3()).unwrap());
        let words = format!("AUTH XOAUTH2 {token}\r\n\r\nQUIT\r\n");
        stream.get_mut().write_all(words.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        let log = dovecot.log();
        assert_eq!(
            heard.contains("+OK Logged in."),
            logged_in,
            "{heard}\n{log}"
        );
    }
    for (protocol, server) in [("pop3", dovecot.pop3s()), ("imap", dovecot.imaps())] {
        let ca = native_tls::Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
        let mut connector = native_tls::TlsConnector::builder();
        let connector = connector.add_root_certificate(ca).build().unwrap();
        let stream = TcpStream::connect(server).unwrap();
        let stream = connector.connect("127.0.0.1", stream).expect(protocol);
        let shown = stream
            .peer_certificate()
            .unwrap()
            .unwrap()
            .to_der()
            .unwrap();
        let pem = native_tls::Certificate::from_pem(authority().localhost.cert_pem.as_bytes());
        assert_eq!(shown, pem.unwrap().to_der().unwrap());
    }
}
