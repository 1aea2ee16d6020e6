//! What each command receives from real servers, in octets: a first pull every message, a
//! second one none, an audit headers only. Run with `--nocapture`, it prints the table.

use std::fs;
use std::net::SocketAddr;

use crate::servers::awkward;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::jail::USER;
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, sandbox};
use crate::support::servers::PopServer;

/// An account of a server, by relays that count.
struct Scene {
    name: &'static str,
    sandbox: Sandbox,
    pop3: Relay,
    imap: Option<Relay>,
}

/// What the server sent for one command.
#[derive(Debug, Clone, Copy)]
struct Sent {
    octets: usize,
    bodies: usize,
}

impl Scene {
    fn new(name: &'static str, pop3: SocketAddr, imap: Option<SocketAddr>) -> Self {
        let scene = Self {
            name,
            sandbox: sandbox(&[]),
            pop3: Relay::to(pop3),
            imap: imap.map(Relay::to),
        };
        scene.read_over("pop3");
        scene
    }

    fn read_over(&self, protocol: &str) {
        let imap = self.imap.as_ref().filter(|_| protocol == "imap");
        let port = imap.unwrap_or(&self.pop3).port();
        let user = if self.imap.is_some() { "ann" } else { USER };
        let covers = if protocol == "pop3" {
            "inbox"
        } else {
            "account"
        };
        let account = Account::new("work", port, user)
            .with("protocol", &format!("{protocol:?}"))
            .with("covers", &format!("{covers:?}"));
        configure(&self.sandbox, &[account]);
    }

    #[allow(clippy::print_stdout, reason = "it is the table")]
    #[track_caller]
    fn run(&self, what: &str, args: &[&str]) -> Sent {
        let _ = self.sandbox.run(args).expect_code(0);
        let counts = [Some(&self.pop3), self.imap.as_ref()];
        let counts = counts.into_iter().flatten().map(Relay::take);
        let sent = counts.fold((0, 0), |(octets, bodies), count| {
            (octets + count.received, bodies + count.retr + count.bodies)
        });
        let (octets, bodies) = sent;
        println!("{:<12} {what:<24} {octets:>10} {bodies:>7}", self.name);
        Sent { octets, bodies }
    }

    #[track_caller]
    fn pull(&self, what: &str) -> Sent {
        self.run(what, &["pull", "--create"])
    }
}

/// Mail whose headers are a small part of it, some of it awkward.
fn mail() -> Vec<Vec<u8>> {
    let mut mail = awkward();
    // What one of the servers refuses, changes or takes for its own.
    mail.retain(|message| message.len() < 1 << 20 && !message.contains(&0));
    mail.truncate(40);
    let filling = format!("{}\r\n", "filling ".repeat(9)).repeat(600);
    mail.extend((0..40).map(|n| {
        format!(
            "From: ann@example.org\r\nSubject: letter {n}\r\n\
             Message-ID: <letter{n}@example.org>\r\n\r\n{n}\r\n{filling}"
        )
        .into_bytes()
    }));
    mail
}

/// A first pull, a second one and an audit; what came twice since a name is not its own.
#[track_caller]
fn first_second_audit(scene: &Scene, messages: usize, again: usize) -> usize {
    let first = scene.pull("first pull");
    assert!(first.bodies >= messages, "{first:?}");
    let second = scene.pull("second pull");
    assert_eq!(second.bodies, again);
    let audit = scene.run("audit", &["audit", "work", "--fresh", "0s"]);
    assert_eq!(audit.bodies, again);
    if again == 0 {
        assert!(second.octets * 20 < first.octets, "{second:?} of {first:?}");
        assert!(audit.octets * 5 < first.octets, "{audit:?} of {first:?}");
    }
    first.octets
}

#[test]
fn a_second_pull_and_an_audit_receive_no_body_from_dovecot_whatever_changed_its_names() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail = mail();
    let scene = Scene::new("dovecot", dovecot.pop3(), Some(dovecot.imap()));
    dovecot.deliver("ann", &mail);
    let first = first_second_audit(&scene, mail.len(), 0);
    let once = |sent: Sent| sent.octets * 20 < first * 21;
    // The same account read by the other protocol: the names are others.
    scene.read_over("imap");
    // One with a raw header is refused in UTF-8 mode, and asked for in another way.
    assert!(once(scene.pull("POP3 account by IMAP")));
    first_second_audit_again(&scene);

    let scene = Scene::new("dovecot", dovecot.pop3(), Some(dovecot.imap()));
    scene.read_over("imap");
    first_second_audit(&scene, mail.len(), 0);
    scene.read_over("pop3");
    assert!(once(scene.pull("IMAP account by POP3")));
    scene.read_over("imap");
    for entry in fs::read_dir(dovecot.maildir("ann")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(scene.pull("new UIDVALIDITY").bodies, 0);
    first_second_audit_again(&scene);
}

/// Nothing is received again, and an audit reads headers.
#[track_caller]
fn first_second_audit_again(scene: &Scene) {
    assert_eq!(scene.pull("the pull after it").bodies, 0);
    let audit = scene.run("audit", &["audit", "work", "--fresh", "0s"]);
    assert_eq!(audit.bodies, 0);
}

#[test]
fn a_second_pull_and_an_audit_receive_no_body_from_other_servers() {
    let mail = mail();
    let servers = [
        ("courier", PopServer::courier()),
        ("cyrus", PopServer::cyrus()),
    ];
    for (name, server) in servers {
        let Some(server) = server else { continue };
        server.deliver(&mail);
        let scene = Scene::new(name, server.address(), None);
        first_second_audit(&scene, mail.len(), 0);
    }
}

#[test]
fn servers_of_mbox_files_send_again_what_has_no_name_of_its_own() {
    let mail = mail();
    let servers = [
        ("popa3d", PopServer::popa3d()),
        ("solid-pop3d", PopServer::solid(false)),
        ("mailutils", PopServer::mailutils()),
    ];
    for (name, server) in servers {
        let Some(server) = server else { continue };
        server.deliver(&mail);
        let scene = Scene::new(name, server.address(), None);
        let first = scene.pull("first pull");
        assert!(first.bodies >= mail.len());
        let second = scene.pull("second pull");
        assert!(second.octets * 5 < first.octets, "{second:?} of {first:?}");
        let audit = scene.run("audit", &["audit", "work", "--fresh", "0s"]);
        assert!(audit.octets * 5 < first.octets, "{audit:?} of {first:?}");
    }
}
