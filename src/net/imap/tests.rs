//! A server that plays a dialogue and knows no protocol, for the tests of this folder.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use crate::base::secret::Mask;
use crate::mail::source::{Listing, Uid};
use crate::net::imap::capability::ImapCapabilities;
use crate::net::imap::session::Session;

pub(super) use crate::net::deaf::{Answers, login, note, server};

/// Lines with `C:` are awaited and lines with `S:` said, each with CR LF after it;
/// `S|` lines go without. `<CR>`, `<LF>`, `<NUL>` and `<80>` stand for octets. After the
/// last line the connection ends.
#[derive(Debug, Clone)]
pub(super) struct Stream(Rc<RefCell<Script>>);

#[derive(Debug)]
struct Script {
    steps: VecDeque<(bool, Vec<u8>)>,
    heard: Vec<u8>,
    saying: VecDeque<u8>,
    most: usize,
}

impl Stream {
    /// A stream that returns at most this many bytes at once.
    pub(super) fn new(text: &str, most: usize) -> Self {
        let steps = text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty());
        let steps = steps.map(|line| {
            let (who, said) = line.split_at(2);
            let said = said.strip_prefix(' ').unwrap_or(said);
            let mut bytes = Vec::new();
            let mut rest = said;
            while let Some(first) = rest.chars().next() {
                let octet = [("<CR>", 13), ("<LF>", 10), ("<NUL>", 0), ("<80>", 0x80)]
                    .into_iter()
                    .find(|(name, _)| rest.starts_with(name));
                if let Some((name, octet)) = octet {
                    bytes.push(octet);
                    rest = &rest[name.len()..];
                } else {
                    bytes.extend_from_slice(first.to_string().as_bytes());
                    rest = &rest[first.len_utf8()..];
                }
            }
            if who != "S|" {
                bytes.extend_from_slice(b"\r\n");
            }
            (who == "C:", bytes)
        });
        Self(Rc::new(RefCell::new(Script {
            steps: steps.collect(),
            heard: Vec::new(),
            saying: VecDeque::new(),
            most,
        })))
    }

    fn assert_over(&self) {
        let mut script = self.0.borrow_mut();
        script.listen();
        let left: Vec<_> = script.steps.iter().map(|(_, said)| text(said)).collect();
        assert!(left.is_empty(), "not played: {left:?}");
        assert_eq!(text(&script.heard), "", "not awaited");
    }
}

impl Script {
    /// Goes over what was awaited and has been said.
    fn listen(&mut self) {
        while let Some((true, awaited)) = self.steps.front() {
            let Some(rest) = self.heard.strip_prefix(awaited.as_slice()) else {
                assert!(
                    awaited.starts_with(&self.heard),
                    "awaited {:?}, got {:?}",
                    text(awaited),
                    text(&self.heard)
                );
                return;
            };
            self.heard = rest.to_vec();
            self.steps.pop_front();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut script = self.0.borrow_mut();
        script.listen();
        while script.saying.len() < buf.len()
            && let Some((false, said)) = script.steps.front().cloned()
        {
            script.saying.extend(said);
            script.steps.pop_front();
        }
        if script.saying.is_empty()
            && let Some((_, awaited)) = script.steps.front()
        {
            panic!("nothing is said before {:?}", text(awaited));
        }
        let taken = buf.len().min(script.most);
        script.saying.read(&mut buf[..taken])
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut script = self.0.borrow_mut();
        script.heard.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plays a whole dialogue in pieces of one byte, of a few, and at once.
pub(super) fn play(script: &str, run: impl Fn(Stream)) {
    for most in [1, 7, usize::MAX] {
        let stream = Stream::new(script, most);
        run(stream.clone());
        stream.assert_over();
    }
}

/// Plays a dialogue with a server that is signed in to and can do this.
pub(super) fn play_as(caps: &str, script: &str, run: impl Fn(&mut Session<Stream>)) {
    play(script, |stream| {
        let mut mask = Mask::none();
        mask.add("hunter2");
        let mut session = Session::resume(stream, &server(), mask);
        session.caps = ImapCapabilities::read(caps.as_bytes());
        session.wire.literals = session.caps.literals();
        run(&mut session);
    });
}

pub(super) fn listing(uidvalidity: u32, uid: u32, octets: u64) -> Listing {
    Listing {
        number: uid,
        octets: Some(octets),
        uid: Uid::Imap { uidvalidity, uid },
    }
}
