//! What holds for whatever a server sends, for unit tests and for `fuzz/`.

use crate::base::secret::Mask;
use crate::mail::source::{Listing, Source, Uid};
use crate::net::deaf::{Answers, Deaf, login, note, server};
use crate::net::imap::capability::ImapCapabilities;
use crate::net::imap::folder::Access;
use crate::net::imap::mailbox::Mailbox;
use crate::net::imap::session::Session;
use crate::net::imap::{fetch, mailbox, name, oddity, reply, token, uids};
use crate::net::sasl::Method;

/// Messages that a transfer asks for, by UID.
const WANTED: std::ops::RangeInclusive<u32> = 1..=4;

/// Any text, as each kind of answer.
pub(crate) fn assert_any(said: &[u8]) {
    token::assert_any(said);
    reply::assert_any(said);
    mailbox::assert_any(said);
    fetch::assert_any(said);
    uids::assert_any(said);
    oddity::assert_any(said);
    let _ = ImapCapabilities::read(said).literals();
}

/// Any bytes as the name of a mailbox.
pub(crate) fn assert_any_name(raw: &[u8]) {
    name::assert_any(raw);
}

/// A session in which the server says this after its greeting.
pub(crate) fn assert_any_session(said: &[u8]) {
    let said = [b"* OK hi\r\n", said].concat();
    let greeted = Session::greet(Deaf::new(&said), &server(), Mask::none(), true);
    let Ok(mut session) = greeted else { return };
    let all = "QUOTA NAMESPACE LIST-EXTENDED LIST-STATUS CONDSTORE QRESYNC ENABLE";
    session.caps = ImapCapabilities::read(all.as_bytes());
    let _ = session.ask_capabilities();
    let _ = session.login(&login(Method::User, true));
    let _ = session.namespaces();
    let _ = session.mailboxes();
    let _ = session.ask_counts(&mut [Mailbox::inbox()]);
    let _ = session.quota(&Mailbox::inbox());
    if let Ok(mut folder) = session.open(&Mailbox::inbox(), Access::Write) {
        let _ = folder.rows(1, &mut |_| Ok(()));
        let _ = folder.changes(None, &mut |_| Ok(()));
        let _ = folder.remove(&[]);
    }
    let _ = session.logout();
}

/// A transfer in which the server says this: each message is answered once, or it fails. Gives
/// the answers.
pub(crate) fn assert_any_transfer(said: &[u8], binary: bool) -> Answers {
    let mut all = b"* OK [UIDVALIDITY 7]\r\nm1 OK\r\n".to_vec();
    all.extend_from_slice(said);
    // Results for all that may be asked, so that some transfers come to their end.
    for tag in 2..24 {
        all.extend_from_slice(format!("m{tag} OK\r\n").as_bytes());
    }
    let mut session = Session::resume(Deaf::new(&all), &server(), Mask::none());
    if binary {
        session.caps = ImapCapabilities::read(b"BINARY");
    }
    let wanted: Vec<Listing> = WANTED.map(wanted).collect();
    let mut answers = Answers::new();
    let opened = session.open(&Mailbox::inbox(), Access::Read);
    let mut folder = opened.expect("what opens it was said");
    let outcome = folder.fetch(&wanted, &mut note(&mut answers));
    let mut uids: Vec<u32> = answers.iter().map(|(uid, _)| *uid).collect();
    uids.sort_unstable();
    let given = uids.len();
    uids.dedup();
    assert_eq!(given, uids.len(), "answered twice: {answers:?}");
    assert!(outcome.is_err() || WANTED.eq(uids), "{answers:?}");
    answers
}

fn wanted(uid: u32) -> Listing {
    Listing {
        number: uid,
        octets: Some(1),
        uid: Uid::Imap {
            uidvalidity: 7,
            uid,
        },
    }
}
