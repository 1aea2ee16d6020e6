//! The library's IMAP session against a real server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mailvault::base::error::{Endpoint, Error};
use mailvault::base::secret::{Mask, Secret};
use mailvault::mail::source::{Fetched, Listing, Source, Uid};
use mailvault::net::imap::{
    Access, Change, Folder, KnownMailbox, Mailbox, Removal, Row, Scope, Session,
};
use mailvault::net::sasl::{Credentials, Login, Mechanism, Method, ScramHistory};
use mailvault::net::transport::{Limits, Transport, Trust};

use crate::support::client::on_the_wire;
use crate::support::corpus::corpus;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::tls::authority;

fn endpoint(server: SocketAddr) -> Endpoint {
    Endpoint {
        host: server.ip().to_string(),
        port: server.port(),
    }
}

fn limits() -> Limits {
    Limits::new(Duration::from_secs(60), Arc::default())
}

/// Signs in over a connection in clear or encrypted.
fn sign_in(session: &mut Session<Transport>, user: &str, method: Method) {
    let secret = match method {
        Method::Sasl(Mechanism::XOauth2 | Mechanism::OauthBearer) => format!("tok-{user}"),
        _ => PASSWORD.to_string(),
    };
    let plus_offered = session.offers_binding();
    let transport = session.stream_mut();
    let login = Login {
        encrypted: transport.is_encrypted(),
        method,
        credentials: Credentials {
            user: user.to_string(),
            secret: Secret::new(secret),
            host: "localhost".to_string(),
            port: 143,
            channel_binding: transport.channel_binding(),
            plus_offered,
        },
        scram: ScramHistory::default(),
    };
    session.login(&login).unwrap();
}

fn session(dovecot: &Dovecot, user: &str) -> Session<Transport> {
    let server = endpoint(dovecot.imap());
    let transport = Transport::connect(&server, &limits()).unwrap();
    let mut session = Session::greet(transport, &server, Mask::none(), false).unwrap();
    session.ask_capabilities().unwrap();
    sign_in(&mut session, user, Method::Auto);
    session
}

/// Every listed message by its UID, whole.
fn fetch_all(folder: &mut Folder<'_, Transport>) -> BTreeMap<u32, Vec<u8>> {
    let listings = folder.list().unwrap();
    let wanted: Vec<Listing> = (0..listings.len()).map(|row| listings.get(row)).collect();
    let mut messages = BTreeMap::new();
    folder
        .fetch(&wanted, &mut |listing, fetched| {
            match fetched {
                Fetched::Body(body) => {
                    let mut bytes = Vec::new();
                    // It comes again, or the session fails.
                    let read = body.read_to_end(&mut bytes);
                    read.map_err(|_| Error::Interrupted)?;
                    assert!(messages.insert(uid(listing), bytes).is_none());
                }
                Fetched::Refused(words) => panic!("{listing:?}: {words}"),
                Fetched::Waiting => {}
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(messages.len(), wanted.len());
    messages
}

fn uid(listing: &Listing) -> u32 {
    match listing.uid {
        Uid::Imap { uid, .. } => uid,
        ref other => panic!("{other:?}"),
    }
}

fn rows(folder: &mut Folder<'_, Transport>) -> BTreeMap<u32, Row> {
    let mut rows = BTreeMap::new();
    let count = folder.rows(1, &mut |row| {
        assert!(rows.insert(row.uid, row).is_none());
        Ok(())
    });
    assert_eq!(count.unwrap(), rows.len());
    rows
}

fn flags(row: &Row) -> BTreeSet<String> {
    let flags = row.flags.iter().flatten();
    flags
        .map(|flag| String::from_utf8(flag.clone()).unwrap())
        .filter(|flag| flag != "\\Recent")
        .collect()
}

#[test]
fn every_way_into_a_real_server_works() {
    let options = Options {
        mechanisms: "plain login scram-sha-256 xoauth2 oauthbearer",
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    dovecot.deliver("ann", &["Subject: one\r\n\r\nfirst\r\n"]);
    let trust = Trust {
        ca_file: Some(ca_file(&dovecot)),
        pin: None,
    };
    let methods = Mechanism::ALL.map(Method::Sasl);
    for method in [Method::Auto, Method::User].into_iter().chain(methods) {
        if method == Method::Sasl(Mechanism::ScramSha256Plus) {
            continue;
        }
        for starttls in [false, true] {
            let server = endpoint(if starttls {
                dovecot.imap()
            } else {
                dovecot.imaps()
            });
            let mut session = if starttls {
                let transport = Transport::connect(&server, &limits()).unwrap();
                let mut session = Session::greet(transport, &server, Mask::none(), false).unwrap();
                session.ask_capabilities().unwrap();
                let transport = session.start_tls().unwrap().encrypt(&trust).unwrap();
                Session::resume(transport, &server, Mask::none())
            } else {
                let transport = Transport::connect_tls(&server, &limits(), &trust).unwrap();
                Session::greet(transport, &server, Mask::none(), true).unwrap()
            };
            session.ask_capabilities().unwrap();
            sign_in(&mut session, "ann", method);
            let folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
            assert_eq!(folder.counts().messages, Some(1));
            session.logout().unwrap();
        }
    }
}

/// The authority's certificate as a file.
fn ca_file(dovecot: &Dovecot) -> std::path::PathBuf {
    let path = dovecot.maildir("ca.pem");
    fs::write(&path, &authority().ca_pem).unwrap();
    path
}

/// Names below a Maildir and what they mean: levels between dots, modified UTF-7.
const FOLDERS: &[(&str, &[&str])] = &[
    (".Sent", &["Sent"]),
    (".Entw&APw-rfe", &["Entwürfe"]),
    (".&U,BTFw-.&ZeVnLIqe-", &["台北", "日本語"]),
    (".&2D3eAA-", &["😀"]),
    (".R&-D", &["R&D"]),
    (".two words", &["two words"]),
    (".trailing ", &["trailing "]),
    (".[Gmail].All Mail", &["[Gmail]", "All Mail"]),
    (".(brackets)", &["(brackets)"]),
    (".\"quotes\"", &["\"quotes\""]),
    (".back\\slash", &["back\\slash"]),
    (".{5}", &["{5}"]),
    (".NIL", &["NIL"]),
    (".%", &["%"]),
    (".star*", &["star*"]),
    (".#hash", &["#hash"]),
    (
        ".a.b.c.d.e.f.g.h",
        &["a", "b", "c", "d", "e", "f", "g", "h"],
    ),
    (".Inbox copy", &["Inbox copy"]),
    (".case", &["case"]),
    (".CASE", &["CASE"]),
];

#[test]
fn forty_oddly_named_folders_are_found_and_read() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mut expected = BTreeMap::new();
    for (n, (name, levels)) in FOLDERS.iter().enumerate() {
        let below = [*levels, &["below"]].concat();
        for (folder, levels) in [
            ((*name).to_string(), levels.to_vec()),
            (format!("{name}.below"), below),
        ] {
            let mail = format!("Subject: {n}\r\n\r\nin {folder}\r\n");
            dovecot.deliver_to("ann", &folder, &[&mail]);
            let levels: Vec<String> = levels.iter().map(ToString::to_string).collect();
            expected.insert(levels, mail.into_bytes());
        }
    }
    assert_eq!(expected.len(), 40);
    let mut session = session(&dovecot, "ann");
    let mut mailboxes = session.mailboxes().unwrap();
    session.ask_counts(&mut mailboxes).unwrap();
    let mut found = BTreeMap::new();
    for mailbox in &mailboxes {
        if !mailbox.selectable || mailbox.label == "INBOX" {
            continue;
        }
        assert_eq!(mailbox.counts.unwrap().messages, Some(1), "{mailbox:?}");
        let mut folder = session.open(mailbox, Access::Read).unwrap();
        let messages = fetch_all(&mut folder);
        found.insert(mailbox.levels(), messages.into_values().next().unwrap());
    }
    assert_eq!(found, expected);
    assert_eq!(session.namespaces().unwrap().personal.len(), 1);
    session.logout().unwrap();
}

#[test]
fn awkward_mail_comes_as_it_lies_there() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail = corpus();
    dovecot.deliver("ann", &mail);
    let mut session = session(&dovecot, "ann");
    let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
    let messages = fetch_all(&mut folder);
    let came: BTreeSet<&[u8]> = messages.values().map(Vec::as_slice).collect();
    assert_eq!(messages.len(), mail.len());
    for message in &mail {
        let message = on_the_wire(message, false);
        let begins = message[..message.len().min(200)].escape_ascii();
        assert!(came.contains(&*message), "missing: {begins}");
    }
    for row in rows(&mut folder).values() {
        assert_eq!(flags(row), BTreeSet::new(), "nothing is marked as read");
        assert_eq!(row.octets, Some(messages[&row.uid].len() as u64));
    }
    let listings = folder.list().unwrap();
    let wanted: Vec<Listing> = (0..100).map(|row| listings.get(row)).collect();
    let mut headers = 0;
    folder
        .headers(&wanted, &mut |listing, fetched| {
            if let Fetched::Body(body) = fetched {
                let mut header = Vec::new();
                body.read_to_end(&mut header).unwrap();
                let whole = &messages[&uid(listing)];
                let nul = header.contains(&0x80);
                assert!(
                    nul || whole.starts_with(header.trim_ascii_end()),
                    "{listing:?}"
                );
                headers += 1;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(headers, 100);
}

/// Sets the flags of the only message whose file name begins so.
fn set_flags(maildir: &Path, begins: &str, flags: &str) {
    for part in ["new", "cur"] {
        for entry in fs::read_dir(maildir.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            if name.starts_with(begins) {
                let base = name.split(":2,").next().unwrap();
                fs::rename(&path, maildir.join("cur").join(format!("{base}:2,{flags}"))).unwrap();
                return;
            }
        }
    }
    panic!("no file begins with {begins}");
}

#[test]
fn flags_dates_and_what_changed_are_told() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<String> = (1..=5)
        .map(|n| format!("Subject: {n}\r\n\r\nmail {n}\r\n"))
        .collect();
    dovecot.deliver("ann", &mail);
    let maildir = dovecot.maildir("ann");
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    for entry in fs::read_dir(maildir.join("new")).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(date).unwrap();
    }
    set_flags(&maildir, "1000000000.", "FS");
    let mut first = session(&dovecot, "ann");
    let mut folder = first.open(&Mailbox::inbox(), Access::Read).unwrap();
    let before = rows(&mut folder);
    let seen: BTreeSet<String> = ["\\Flagged", "\\Seen"].map(String::from).into();
    assert_eq!(before.len(), 5);
    assert!(before.values().all(|row| row.date == Some(1_234_567_890)));
    assert!(before.values().all(|row| row.modseq.is_some()));
    let flagged = before.values().find(|row| flags(row) == seen).unwrap().uid;
    let counts = folder.counts();
    let known = KnownMailbox {
        modseq: counts.modseq.unwrap(),
        messages: counts.messages.unwrap(),
        uidnext: counts.uidnext.unwrap(),
    };
    let mut told = Vec::new();
    let mut note = |change| {
        told.push(change);
        Ok(())
    };
    let scope = folder.changes(Some(known), &mut note).unwrap();
    assert_eq!((scope, told.len()), (Scope::Changes, 0));

    let mut second = session(&dovecot, "ann");
    let mut folder = second.open(&Mailbox::inbox(), Access::Write).unwrap();
    let listings = folder.list().unwrap();
    let gone = listings.get(2);
    assert_eq!(
        folder.remove(std::slice::from_ref(&gone)).unwrap(),
        Removal::Expunged
    );
    second.logout().unwrap();
    set_flags(&maildir, "1000000000.", "R");

    let mut third = session(&dovecot, "ann");
    let mut folder = third.open(&Mailbox::inbox(), Access::Read).unwrap();
    let mut changed = BTreeMap::new();
    let mut vanished = BTreeSet::new();
    let scope = folder.changes(Some(known), &mut |change| {
        match change {
            Change::Flags(row) => {
                changed.insert(row.uid, flags(&row));
            }
            Change::Vanished(uids) => vanished.extend(uids),
        }
        Ok(())
    });
    assert_eq!(scope.unwrap(), Scope::Changes);
    assert_eq!(vanished, BTreeSet::from([uid(&gone)]));
    assert_eq!(
        changed,
        BTreeMap::from([(flagged, BTreeSet::from(["\\Answered".into()]))])
    );
    let scope = folder.changes(None, &mut |_| Ok(())).unwrap();
    assert_eq!(scope, Scope::Everything);
}

#[test]
fn only_what_was_asked_for_is_deleted() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<String> = (0..600)
        .map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"))
        .collect();
    dovecot.deliver("ann", &mail);
    // Somebody else means to delete this one, and may change their mind.
    set_flags(&dovecot.maildir("ann"), "1000000007.", "T");
    let mut session = session(&dovecot, "ann");
    let mut folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
    let all = rows(&mut folder);
    let marked = all.values().find(|row| !flags(row).is_empty()).unwrap().uid;
    let listings = folder.list().unwrap();
    let wanted: Vec<Listing> = (0..listings.len())
        .map(|row| listings.get(row))
        .filter(|listing| uid(listing) != marked && !uid(listing).is_multiple_of(10))
        .collect();
    assert_eq!(folder.remove(&wanted).unwrap(), Removal::Expunged);
    let kept: BTreeSet<u32> = rows(&mut folder).into_keys().collect();
    let expected: BTreeSet<u32> = all
        .into_keys()
        .filter(|uid| *uid == marked || uid.is_multiple_of(10))
        .collect();
    assert_eq!(kept, expected);
    session.logout().unwrap();
}

#[test]
fn another_prefix_separator_and_a_quota_are_told() {
    let options = Options {
        extra: "namespace inbox {\n  prefix = INBOX.\n  separator = .\n}\n\
                mail_plugins = quota\n\
                protocol imap {\n  mail_plugins = quota imap_quota\n}\n\
                plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=5M\n}\n"
            .to_string(),
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    dovecot.deliver_to("ann", ".Sent.2024", &["Subject: one\r\n\r\nfirst\r\n"]);
    let mut session = session(&dovecot, "ann");
    let personal = session.namespaces().unwrap().personal;
    assert_eq!(personal[0].prefix, b"INBOX.");
    assert_eq!(personal[0].delimiter, Some(b'.'));
    let mailboxes = session.mailboxes().unwrap();
    let sent = mailboxes.iter().find(|m| m.label == "INBOX.Sent.2024");
    let sent = sent.unwrap_or_else(|| panic!("{mailboxes:?}"));
    assert_eq!(sent.levels(), ["INBOX", "Sent", "2024"]);
    assert_eq!(sent.counts.unwrap().messages, Some(1));
    let quota = session.quota(sent).unwrap();
    let storage = quota.iter().find(|quota| quota.resource == "STORAGE");
    assert_eq!(storage.unwrap().limit, 5 * 1024);
    let nowhere = mailboxes.iter().find(|m| !m.selectable);
    if let Some(nowhere) = nowhere {
        session.open(nowhere, Access::Read).unwrap_err();
    }
    session.open(sent, Access::Read).unwrap();
    session.logout().unwrap();
}
