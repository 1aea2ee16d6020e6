//! Servers besides Dovecot, each in a root folder of its own: popa3d, Solid POP3, Courier, GNU
//! mailutils and Cyrus.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;

use super::client::Wire;
use super::dovecot::PASSWORD;
use super::inetd::{Inetd, Process};
use super::jail::{Jail, USER, give};
use super::scene::until;
use super::store::Store;

/// A running server with one maildrop. The processes end before the folder goes.
pub(crate) struct PopServer {
    address: SocketAddr,
    store: Store,
    _inetd: Option<Inetd>,
    _daemon: Option<Process>,
    jail: Jail,
}

impl PopServer {
    /// popa3d, which has no CAPA and hashes a few header fields for a UIDL.
    pub(crate) fn popa3d() -> Option<Self> {
        let jail = Jail::new()?;
        jail.folder("var/empty");
        Some(Self::of_inetd(jail, Store::Mbox, "/usr/sbin/popa3d", &[]))
    }

    /// Solid POP3, which has no CAPA either; on an mbox or a Maildir.
    pub(crate) fn solid(maildir: bool) -> Option<Self> {
        let jail = Jail::new()?;
        jail.folder("var/empty");
        let (store, name, kind) = if maildir {
            (Store::Maildir, "Maildir", "maildir")
        } else {
            (Store::Mbox, "/var/mail/%s", "mailbox")
        };
        let lines = format!(
            "<Global>\nMailDropName \"{name}\"\nMailDropType {kind}\nAddBulletins no\n</Global>\n"
        );
        jail.write("etc/spop3d.conf", lines);
        Some(Self::of_inetd(jail, store, "/usr/sbin/solid-pop3d", &[]))
    }

    /// GNU mailutils, which writes into the messages that it serves.
    pub(crate) fn mailutils() -> Option<Self> {
        let options = [
            "--no-config",
            "--inetd",
            "--set=.mailbox.mail-spool=/var/mail",
        ];
        let jail = Jail::new()?;
        Some(Self::of_inetd(
            jail,
            Store::Mbox,
            "/usr/sbin/pop3d",
            &options,
        ))
    }

    /// The same over IMAP.
    pub(crate) fn mailutils_imap() -> Option<Self> {
        let program = "/usr/sbin/imap4d";
        let options = [
            "--no-config",
            "--inetd",
            "--set=.mailbox.mail-spool=/var/mail",
        ];
        let jail = Jail::with(program)?;
        Some(Self::of_inetd(jail, Store::Mbox, program, &options))
    }

    /// Courier, with its daemon for passwords.
    pub(crate) fn courier() -> Option<Self> {
        let serve = "/usr/lib/courier/courier/courierpop3d";
        Some(Self::of_courier(Jail::new()?, "courierpop3login", serve))
    }

    /// The same over IMAP.
    pub(crate) fn courier_imap() -> Option<Self> {
        let serve = "/usr/bin/imapd";
        Some(Self::of_courier(Jail::with(serve)?, "imaplogin", serve))
    }

    fn of_courier(jail: Jail, login: &str, serve: &str) -> Self {
        let socket = jail.folder("run/courier/authdaemon").join("socket");
        let lines = "authmodulelist=authpam\ndaemons=2\nauthdaemonvar=/run/courier/authdaemon\n";
        jail.write("etc/courier/authdaemonrc", lines);
        let bin = "/usr/lib/courier";
        let mut daemon = jail.command(&format!("{bin}/courier-authlib/authdaemond"), &[]);
        daemon.stdin(Stdio::null()).stdout(Stdio::null());
        let daemon = Process::start(&mut daemon);
        until("the password daemon", || socket.exists());
        let login = format!("{bin}/courier/{login}");
        let mut program = jail.command(&login, &[serve, "Maildir"]);
        // What its own listener would tell it.
        program.envs([
            ("TCPREMOTEIP", "127.0.0.1"),
            ("TCPREMOTEPORT", "1"),
            ("TCPLOCALPORT", "110"),
            ("MAILDIRPATH", "Maildir"),
            ("MIME_UNICODE_MESSAGE_TYPE", "message/global"),
            ("POP3AUTH", ""),
            (
                "IMAP_CAPABILITY",
                "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE QUOTA IDLE",
            ),
        ]);
        let inetd = Inetd::start(program);
        Self {
            address: inetd.address(),
            store: Store::Maildir,
            _inetd: Some(inetd),
            _daemon: Some(daemon),
            jail,
        }
    }

    /// Cyrus, with its master process.
    pub(crate) fn cyrus() -> Option<Self> {
        let server = Self::of_cyrus(Jail::new, "pop3", "pop3d")?;
        // The first login makes the INBOX.
        Wire::pop3(server.address, USER, PASSWORD).ok("QUIT");
        Some(server)
    }

    /// The same over IMAP.
    pub(crate) fn cyrus_imap() -> Option<Self> {
        let jail = || Jail::with("/usr/lib/cyrus/bin/imapd");
        let server = Self::of_cyrus(jail, "imap", "imapd")?;
        drop(Wire::imap(server.address, USER, PASSWORD));
        Some(server)
    }

    fn of_cyrus(jail: impl Fn() -> Option<Jail>, service: &str, program: &str) -> Option<Self> {
        // A port that was free may be taken by the time Cyrus wants it.
        for _ in 0..5 {
            let jail = jail()?;
            let port = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = port.local_addr().unwrap();
            drop(port);
            configure_cyrus(&jail, service, program, address);
            let mut daemon = jail.command("/usr/lib/cyrus/bin/master", &["-p", "/run/pid"]);
            daemon.stdin(Stdio::null()).stdout(Stdio::null());
            let mut daemon = Process::start(&mut daemon);
            until("Cyrus", || {
                TcpStream::connect(address).is_ok() || !daemon.is_running()
            });
            if !daemon.is_running() {
                continue;
            }
            return Some(Self {
                address,
                store: Store::Cyrus,
                _inetd: None,
                _daemon: Some(daemon),
                jail,
            });
        }
        panic!("Cyrus does not start");
    }

    fn of_inetd(jail: Jail, store: Store, program: &str, args: &[&str]) -> Self {
        let inetd = Inetd::start(jail.command(program, args));
        let server = Self {
            address: inetd.address(),
            store,
            _inetd: Some(inetd),
            _daemon: None,
            jail,
        };
        server.deliver::<&[u8]>(&[]);
        server
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delivers messages after those that are there.
    pub(crate) fn deliver<T: AsRef<[u8]>>(&self, messages: &[T]) {
        self.store.deliver(&self.jail, messages);
    }
}

fn configure_cyrus(jail: &Jail, service: &str, program: &str, address: SocketAddr) {
    for folder in [
        "lib",
        "lib/db",
        "lib/log",
        "lib/msg",
        "lib/socket",
        "spool",
        "run",
    ] {
        jail.folder("cyrus");
        jail.folder(&format!("cyrus/{folder}"));
    }
    jail.folder("run");
    jail.write(
        "etc/imapd.conf",
        "\
configdirectory: /cyrus/lib
defaultpartition: default
partition-default: /cyrus/spool
proc_path: /cyrus/run
mboxname_lockpath: /cyrus/run
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /cyrus/sasldb
sasl_mech_list: PLAIN
allowplaintext: yes
servername: localhost
autocreate_quota: 0
",
    );
    jail.write(
        "etc/cyrus.conf",
        format!(
            "START {{\n recover cmd=\"ctl_cyrusdb -r\"\n}}\nSERVICES {{\n \
             {service} cmd=\"{program}\" listen=\"{address}\"\n}}\nEVENTS {{\n}}\n"
        ),
    );
    // It does not start without a zone.
    jail.write("usr/share/zoneinfo/zone.tab", "XX\t+0000+00000\tEtc/UTC\n");
    let secret = jail.write("password", PASSWORD);
    let args = ["-c", "-p", "-f", "/cyrus/sasldb", "-u", "localhost", USER];
    let mut password = jail.command("/usr/sbin/saslpasswd2", &args);
    password.stdin(fs::File::open(secret).unwrap());
    let done = password.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    give(&jail.path("cyrus/sasldb"));
}
