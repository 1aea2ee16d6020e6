//! What holds for whatever a server sends, for unit tests and for `fuzz/`.

use crate::base::secret::Mask;
use crate::mail::source::{Listing, Source};
use crate::net::deaf::{Answers, Deaf, login, note, server};
use crate::net::pop3::capability::Pop3Capabilities;
use crate::net::pop3::multiline::Unstuffer;
use crate::net::pop3::reply;
use crate::net::pop3::session::{Dialect, Pop3Session};
use crate::net::sasl::Method;

/// Messages that a session asks for.
const WANTED: usize = 20;

/// Lines of any answers, and stuffing of any message. The first two bytes say how it is cut.
pub(crate) fn assert_any(said: &[u8]) {
    for line in said.split(|byte| *byte == b'\n') {
        reply::assert_any(line);
        Pop3Capabilities::default().add(line);
    }
    let size = |at: usize| said.get(at).map_or(1, |byte| usize::from(*byte) + 1);
    assert_any_cut(said, size(0), size(1));
    assert_restored(said, size(0), size(1));
}

/// Where an answer is cut does not matter.
pub(super) fn assert_any_cut(wire: &[u8], chunk: usize, room: usize) {
    let whole = unstuff(wire, wire.len() + 1, wire.len() + 1);
    assert_eq!(unstuff(wire, chunk, room), whole);
}

/// What is stuffed comes back, with an end of its last line.
pub(super) fn assert_restored(body: &[u8], chunk: usize, room: usize) {
    let wire = stuff(body);
    let mut wanted = body.to_vec();
    if !wanted.is_empty() && !wanted.ends_with(b"\r\n") {
        wanted.extend_from_slice(b"\r\n");
    }
    assert_eq!(unstuff(&wire, chunk, room), (wanted, wire.len(), true));
}

/// A message from the wire in such pieces, how much of the wire it took, and whether it ended.
pub(super) fn unstuff(wire: &[u8], chunk: usize, room: usize) -> (Vec<u8>, usize, bool) {
    let mut state = Unstuffer::new();
    let (mut at, mut out) = (0, Vec::new());
    let mut buf = vec![0; room];
    while at < wire.len() && !state.ended() {
        let end = (at + chunk).min(wire.len());
        let step = state.step(&wire[at..end], &mut buf);
        at += step.taken;
        out.extend_from_slice(&buf[..step.given]);
    }
    (out, at, state.ended())
}

/// A message as it goes over the wire.
fn stuff(body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut at_start = true;
    for (n, byte) in body.iter().enumerate() {
        if at_start && *byte == b'.' {
            wire.push(b'.');
        }
        wire.push(*byte);
        at_start = body[..=n].ends_with(b"\r\n");
    }
    if !at_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// A session in which the server says this: each message is answered once and in its turn, or
/// the transfer fails.
pub(crate) fn assert_any_session(said: &[u8]) {
    let dialect = Dialect {
        doubled: said.len() % 2 == 1,
        ..Dialect::default()
    };
    let greeted = Pop3Session::greet(Deaf::new(said), &server(), Mask::none(), dialect);
    let Ok(mut session) = greeted else { return };
    if session.ask_capabilities().is_err() || session.login(&login(Method::User, true)).is_err() {
        return;
    }
    let Ok(listings) = session.list() else { return };
    let rows = 0..listings.len().min(WANTED);
    let wanted: Vec<Listing> = rows.map(|row| listings.get(row)).collect();
    let asked: Vec<u32> = wanted.iter().map(|listing| listing.number).collect();
    for whole in [false, true] {
        let mut answers = Answers::new();
        let outcome = if whole {
            session.fetch(&wanted, &mut note(&mut answers))
        } else {
            session.headers(&wanted, &mut note(&mut answers))
        };
        let answered: Vec<u32> = answers.iter().map(|(number, _)| *number).collect();
        assert!(asked.starts_with(&answered), "{answered:?} of {asked:?}");
        if outcome.is_err() {
            return;
        }
        assert_eq!(answered, asked);
    }
    let kept = Box::new(session).delete(&wanted);
    assert!(kept.is_err() || kept.is_ok_and(|kept| kept.len() <= wanted.len()));
}
