//! The program against servers besides Dovecot, each with its own ways. What came
//! is held against what the server gives another client, and where the server leaves
//! messages alone, against what was delivered.

use std::collections::HashMap;

use crate::interop::{assert_same, counted};
use crate::support::client::{Retrieved, Wire, imap_rows, on_the_wire};
use crate::support::corpus::corpus;
use crate::support::dovecot::PASSWORD;
use crate::support::jail::USER;
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox};
use crate::support::servers::PopServer;
use crate::support::store::{in_an_mbox, with_lf};

/// Two of each awkward kind, a huge line and 20 MB among them.
pub(crate) fn awkward() -> Vec<Vec<u8>> {
    let mut mail = corpus();
    mail.truncate(82);
    mail
}

fn arrivals() -> Vec<String> {
    let mail = |n| format!("Subject: new\r\nMessage-ID: <new{n}@example.org>\r\n\r\n{n}\r\n");
    (0..3).map(mail).collect()
}

/// A sandbox whose account `work` reaches the server by a relay that counts.
fn counting(server: &PopServer) -> (Sandbox, Relay) {
    let relay = Relay::to(server.address());
    let account = Account::new("work", relay.port(), USER);
    let mut sandbox = sandbox(&[account]);
    sandbox.mask_port(relay.port());
    (sandbox, relay)
}

/// What the server gives another client.
fn there(server: &PopServer) -> Vec<Retrieved> {
    Wire::pop3(server.address(), USER, PASSWORD).fetch_all(true)
}

fn bodies(messages: Vec<Retrieved>) -> Vec<Vec<u8>> {
    messages.into_iter().map(|(.., bytes)| bytes).collect()
}

/// Each different message is stored once, and nothing else is.
#[track_caller]
fn assert_stored(sandbox: &Sandbox, messages: &[Vec<u8>]) {
    let stored = sandbox.messages("work");
    assert_same(
        stored.iter().map(|message| &message.bytes),
        counted(messages).keys(),
    );
}

/// How many messages share their UIDL with another one.
fn doubled(messages: &[Retrieved]) -> usize {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (uidl, ..) in messages {
        *names.entry(uidl).or_default() += 1;
    }
    names.values().filter(|count| **count > 1).sum()
}

/// With CR LF for each LF, whatever is before it.
fn with_crlf(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|b| *b == b'\n');
    let line = |line: &[u8]| match line.strip_suffix(b"\n") {
        Some(bare) => [bare, b"\r\n"].concat(),
        None => line.to_vec(),
    };
    lines.flat_map(line).collect()
}

/// Pulls `mail` and then [`arrivals`], `sent` of which is what the server sends of a
/// message. A message whose UIDL is not its own comes with every pull and is stored once.
fn archive(server: &PopServer, mail: &[Vec<u8>], sent: impl Fn(&[u8]) -> Vec<u8>) -> usize {
    server.deliver(mail);
    let (sandbox, relay) = counting(server);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let count = relay.take();
    assert_eq!((count.connections, count.retr), (1, mail.len()));
    let messages = there(server);
    let doubled = doubled(&messages);
    let messages = bodies(messages);
    assert_same(&messages, mail.iter().map(|message| sent(message)));
    assert_stored(&sandbox, &messages);

    sandbox.run(&["pull"]).expect(0, "", "");
    let count = relay.take();
    assert_eq!((count.connections, count.retr), (1, doubled));
    // Equal bytes under two names have their headers compared.
    assert!(count.top <= doubled, "{}", count.top);

    server.deliver(&arrivals());
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().retr, doubled + arrivals().len());
    assert_stored(&sandbox, &bodies(there(server)));
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    doubled
}

#[test]
fn popa3d_is_archived_without_capa_and_different_messages_with_one_uidl_are_all_kept() {
    let Some(server) = PopServer::popa3d() else {
        return;
    };
    // It takes the line behind a message for the end of the header if that has none.
    let sent = |message: &[u8]| {
        let mut text = in_an_mbox(message);
        if !text.windows(2).any(|w| w == b"\n\n") {
            text.push(b'\n');
        }
        with_crlf(&text)
    };
    let doubled = archive(&server, &awkward(), sent);
    assert!(doubled > 0);
    // The UIDL is a hash of some fields of the header, whatever the body is.
    let one = "Message-ID: <one@example.org>\r\n\r\none\r\n";
    let mail = [one, &one.replace("\none", "\ntwo"), one];
    let server = PopServer::popa3d().unwrap();
    let mail = mail.map(|text| text.as_bytes().to_vec());
    assert_eq!(archive(&server, &mail, sent), 3);
}

#[test]
fn solid_pop3_is_archived_without_capa_and_copies_with_one_uidl_are_stored_once() {
    let Some(server) = PopServer::solid(false) else {
        return;
    };
    // The line between messages counts as part of the one before.
    let sent = |message: &[u8]| with_crlf(&[&in_an_mbox(message), &b"\n"[..]].concat());
    let doubled = archive(&server, &awkward(), sent);
    assert!(doubled > 0);
}

#[test]
fn solid_pop3_refuses_a_maildrop_with_a_damaged_message_and_its_words_are_shown() {
    let Some(server) = PopServer::solid(true) else {
        return;
    };
    server.deliver(&["Subject: one\r\n\r\nno newline at the end"]);
    let (sandbox, relay) = counting(&server);
    let output = sandbox.run(&["pull", "--create"]);
    let refused = "\
error: work: 127.0.0.1:$PORT refused the login for ann
  server said: -ERR message is damaged
  hint: the server's reply may say what is wrong; if not, check the password of
        work; mailvault does not retry it, because that could lock the mailbox.
        'mailvault login work' stores a new one. Providers with two-step sign-in
        require an app password. The provider may also have to allow POP3 or
        IMAP first. Some require the full address as the user name.
";
    output.expect(12, "", refused);
    assert_eq!(relay.take().connections, 1);
}

#[test]
fn courier_gives_the_raw_header_instead_of_a_notice() {
    let Some(server) = PopServer::courier() else {
        return;
    };
    server.deliver(&awkward());
    // The notice that another client gets, who does not ask for UTF8.
    let notices = bodies(there(&server));
    let notice = |bytes: &Vec<u8>| {
        let text = String::from_utf8_lossy(bytes);
        text.contains("message/global")
    };
    assert!(notices.iter().any(notice));

    let server = PopServer::courier().unwrap();
    archive_utf8(&server);
}

fn archive_utf8(server: &PopServer) {
    let mail = awkward();
    server.deliver(&mail);
    let (sandbox, relay) = counting(server);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(relay.take().retr, mail.len());
    let there = || {
        let mut pop3 = Wire::pop3(server.address(), USER, PASSWORD);
        pop3.ok("UTF8");
        bodies(pop3.fetch_all(true))
    };
    let sent = |message: &Vec<u8>| {
        let message = with_lf(message);
        let end: &[u8] = if message.ends_with(b"\n") { b"" } else { b"\n" };
        with_crlf(&[&message, end].concat())
    };
    assert_same(there(), mail.iter().map(sent));
    assert_stored(&sandbox, &there());

    sandbox.run(&["pull"]).expect(0, "", "");
    let count = relay.take();
    assert_eq!((count.connections, count.retr, count.top), (1, 0, 0));
    server.deliver(&arrivals());
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().retr, arrivals().len());
    assert_stored(&sandbox, &there());
}

#[test]
fn cyrus_is_archived_to_the_byte_and_only_once() {
    let Some(server) = PopServer::cyrus() else {
        return;
    };
    // It accepts no message with a NUL.
    let mut mail = awkward();
    mail.retain(|message| !message.contains(&0));
    let doubled = archive(&server, &mail, |message| on_the_wire(message, true));
    assert_eq!(doubled, 0);
}

/// Without the fields that mailutils puts into the messages that it serves, of which
/// some differ from session to session.
fn as_delivered(message: &[u8]) -> Vec<u8> {
    let own = ["X-IMAPbase:", "X-UID:", "X-UIDL:", "Status:"];
    let lines = message.split_inclusive(|b| *b == b'\n');
    let kept = lines.filter(|line| !own.iter().any(|name| line.starts_with(name.as_bytes())));
    kept.flatten().copied().collect()
}

#[test]
fn mailutils_moves_its_sizes_and_nothing_comes_twice() {
    let Some(server) = PopServer::mailutils() else {
        return;
    };
    let mut mail = awkward();
    // It takes the line behind a message without a body for the end of the header, and
    // the next message for the body. A header that begins with a quoted From it leaves out.
    mail.retain(|message| {
        let text = in_an_mbox(message);
        text.windows(2).any(|w| w == b"\n\n") && !text.starts_with(b">From ")
    });
    server.deliver(&mail);
    let sizes = || -> Vec<u64> {
        there(&server)
            .iter()
            .map(|(_, octets, _)| *octets)
            .collect()
    };
    let (sandbox, relay) = counting(&server);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    // Four come with other sizes than listed, and are listed right from then on.
    assert_eq!(relay.take().retr, mail.len() + 4);
    let stored = sandbox.messages("work");
    // It takes the `>` before `From ` away, whoever put it there.
    let sent = |message: &Vec<u8>| {
        let text = in_an_mbox(message);
        let lines = text.split_inclusive(|b| *b == b'\n');
        let bare = |line: &[u8]| line[usize::from(line.starts_with(b">From "))..].to_vec();
        as_delivered(&with_crlf(&lines.flat_map(bare).collect::<Vec<u8>>()))
    };
    assert_same(
        counted(stored.iter().map(|m| as_delivered(&m.bytes))).keys(),
        counted(mail.iter().map(sent)).keys(),
    );
    let before: Vec<u64> = sandbox
        .ledger_lines()
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["octets"].as_u64())
        .collect();
    assert_ne!(before, sizes());

    // The second try of the first run has looked at the headers where a size had moved, and
    // the new size is remembered.
    sandbox.run(&["pull"]).expect(0, "", "");
    let count = relay.take();
    assert_eq!((count.retr, count.top), (0, 0));
    let _ = sizes();
    sandbox.run(&["pull"]).expect(0, "", "");
    let count = relay.take();
    assert_eq!((count.retr, count.top), (0, 0));

    server.deliver(&arrivals());
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().retr, arrivals().len());
    assert_eq!(
        sandbox.messages("work").len(),
        stored.len() + arrivals().len()
    );
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn mailutils_that_is_in_use_is_told_as_busy_and_not_as_a_wrong_password() {
    let Some(server) = PopServer::mailutils() else {
        return;
    };
    server.deliver(&arrivals());
    let (sandbox, _relay) = counting(&server);
    let mut other = Wire::pop3(server.address(), USER, PASSWORD);
    let refused = "\
error: work: 127.0.0.1:$PORT is busy or the mailbox is in use
  server said: -ERR [IN-USE] Mailbox in use
  hint: another program is reading this mailbox; the next run will fetch it
";
    sandbox.run(&["pull", "--create"]).expect(13, "", refused);
    other.ok("QUIT");
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), arrivals().len());
}

/// Nobody has opened the mailbox for writing yet, so that EXAMINE numbers it anew each time:
/// what is archived from it can be purged all the same, and no flag is touched.
fn archive_and_purge_over_imap(server: &PopServer, purged: i32) {
    server.deliver(&arrivals());
    let relay = Relay::to(server.address());
    let account = Account::new("work", relay.port(), USER)
        .with("protocol", "\"imap\"")
        // GNU mailutils offers SCRAM for passwords that it can only compare.
        .with("auth", "\"user\"");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    // In a later second, so that the numbers are others.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let _ = sandbox.run(&["pull"]).expect_code(0);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(sandbox.messages("work").len(), arrivals().len());
    let rows = imap_rows(server.address(), USER, "INBOX", "FLAGS");
    let told = rows.iter().filter(|row| row.contains(" FETCH "));
    assert_eq!(told.count(), arrivals().len());
    assert!(rows.iter().all(|row| !row.contains("\\Seen")), "{rows:?}");
    let _ = sandbox.run(&["audit", "work"]).expect_code(0);
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(purged);
    let mut imap = Wire::imap(server.address(), USER, PASSWORD);
    let told = imap.tagged("EXAMINE INBOX");
    assert!(
        told.iter().any(|(line, _)| line == "* 0 EXISTS"),
        "{told:?}"
    );
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn courier_over_imap_is_archived_and_purged_though_it_numbers_a_new_maildir_anew() {
    if let Some(server) = PopServer::courier_imap() {
        archive_and_purge_over_imap(&server, 0);
    }
}

#[test]
fn mailutils_over_imap_is_archived_and_purged_though_it_numbers_an_mbox_anew() {
    if let Some(server) = PopServer::mailutils_imap() {
        // An mbox without messages has no place for its numbers, so the next session finds other
        // ones, and it is in doubt whether the messages went.
        archive_and_purge_over_imap(&server, 17);
    }
}
