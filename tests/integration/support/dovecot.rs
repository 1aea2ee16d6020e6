//! A real Dovecot of its own: POP3 and IMAP, clear, STARTTLS and TLS, on free ports. The
//! installed one (2.3) runs below a short temporary folder, started as root or as an ordinary
//! user; that of Debian 13 (2.4) in a root folder of its own, started as root.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::dovecot_conf::{Site, configuration};
use super::jail::Jail;
use super::tls::authority;

/// The password of every user; an OAuth token is `tok-` and the user's name.
pub(crate) const PASSWORD: &str = "secret";

/// Which Dovecot: their configurations have little in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// The installed one, Debian 12's.
    V2_3,
    /// Debian 13's, below `target/servers-trixie`; it takes no tokens here.
    V2_4,
}

impl Release {
    /// Every one.
    pub(crate) const ALL: [Self; 2] = [Self::V2_3, Self::V2_4];
}

/// How a Dovecot differs from the usual.
pub(crate) struct Options {
    /// Which one.
    pub(crate) release: Release,
    /// The address to listen on. Dovecot asks for TLS only of another address than
    /// its own, so a test of that listens on 127.0.0.2.
    pub(crate) host: &'static str,
    /// The login mechanisms; `xoauth2` and `oauthbearer` are possible too.
    pub(crate) mechanisms: &'static str,
    /// Serves a copy of this vault, its accounts as users, instead of delivered mail.
    pub(crate) vault: Option<PathBuf>,
    /// Lines at the end of the configuration, which win over those before.
    pub(crate) extra: String,
    /// A whole configuration, as a guide shows it, for a vault that is served over IMAP alone.
    /// Its paths, user and port are changed to those of the test.
    pub(crate) guide: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release: Release::V2_3,
            host: "127.0.0.1",
            mechanisms: "plain login scram-sha-256",
            vault: None,
            extra: String::new(),
            guide: None,
        }
    }
}

/// A running Dovecot, ended by its process id when dropped.
pub(crate) struct Dovecot {
    process: Child,
    place: Place,
    owner: Owner,
    host: &'static str,
    /// A guide's Dovecot may not have POP3.
    has_pop3: bool,
    /// The ports of POP3, POP3S, IMAP and IMAPS.
    ports: [u16; 4],
}

/// Where a Dovecot has its files.
enum Place {
    Folder(tempfile::TempDir),
    /// A root folder, in which they are below `dc`.
    Jail(Jail),
}

impl Place {
    fn outside(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().to_path_buf(),
            Self::Jail(jail) => jail.path("dc"),
        }
    }

    /// The same for the Dovecot.
    fn inside(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().to_path_buf(),
            Self::Jail(_) => "/dc".into(),
        }
    }

    fn command(&self) -> Command {
        let program = match self {
            Self::Folder(_) => Command::new(super::find_tool("dovecot").unwrap()),
            Self::Jail(jail) => jail.command("/usr/sbin/dovecot", &[]),
        };
        let mut command = program;
        command.arg("-F").arg("-c");
        command.arg(self.inside().join("dovecot.conf"));
        command
    }
}

/// Who owns the mail: root gives it to nobody.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) root: bool,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Dovecot {
    /// Starts a Dovecot, if this machine has one that fits; if not, the test is
    /// skipped, or fails where tools are required.
    pub(crate) fn start(options: &Options) -> Option<Self> {
        let mut log = String::new();
        // A port that was free may be taken by the time Dovecot wants it.
        for _ in 0..5 {
            match Self::try_start(Self::place(options.release)?, options) {
                Ok(dovecot) => return Some(dovecot),
                Err(text) => log = text,
            }
        }
        panic!("dovecot does not start:\n{log}");
    }

    fn place(release: Release) -> Option<Place> {
        if release == Release::V2_4 {
            return Some(Place::Jail(Jail::newer_dovecot()?));
        }
        if super::missing("dovecot") {
            return None;
        }
        let program = super::find_tool("dovecot").unwrap();
        let version = Command::new(&program).arg("--version").output().unwrap();
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        if !version.starts_with("2.3.") {
            super::skip(&format!("dovecot is {} and not 2.3", version.trim()));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("dc").tempdir_in("/tmp");
        Some(Place::Folder(folder.unwrap()))
    }

    fn try_start(place: Place, options: &Options) -> Result<Self, String> {
        let (path, owner) = (place.outside(), Owner::find());
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["mail", "index", "control", "state"] {
            fs::create_dir(path.join(name)).unwrap();
            owner.give(&path.join(name));
        }
        if let Some(vault) = &options.vault {
            copy_all(&vault.join("mail"), &path.join("mail"));
            owner.give(&path.join("mail"));
        }
        let leaf = &authority().localhost;
        fs::write(path.join("cert.pem"), &leaf.cert_pem).unwrap();
        fs::write(path.join("key.pem"), &leaf.key_pem).unwrap();
        let ports = free_ports(options.host);
        let site = Site {
            dir: place.inside(),
            owner,
            ports,
        };
        fs::write(path.join("dovecot.conf"), configuration(&site, options)).unwrap();
        let process = place
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut dovecot = Self {
            process,
            place,
            owner,
            host: options.host,
            has_pop3: options.guide.is_none(),
            ports,
        };
        if dovecot.is_ready() {
            Ok(dovecot)
        } else {
            Err(dovecot.log())
        }
    }

    /// Waits for both greetings.
    fn is_ready(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        let greets = |server| {
            let Ok(stream) = TcpStream::connect(server) else {
                return false;
            };
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).is_ok() && line.contains("OK")
        };
        while Instant::now() < end {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if (!self.has_pop3 || greets(self.pop3())) && greets(self.imap()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn address(&self, which: usize) -> SocketAddr {
        SocketAddr::new(self.host.parse().unwrap(), self.ports[which])
    }

    /// POP3, clear or with STLS.
    pub(crate) fn pop3(&self) -> SocketAddr {
        self.address(0)
    }

    /// POP3 over TLS.
    pub(crate) fn pop3s(&self) -> SocketAddr {
        self.address(1)
    }

    /// IMAP, clear or with STARTTLS.
    pub(crate) fn imap(&self) -> SocketAddr {
        self.address(2)
    }

    /// IMAP over TLS.
    pub(crate) fn imaps(&self) -> SocketAddr {
        self.address(3)
    }

    /// A user's Maildir, or the Maildir of an account of the vault that is served.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.place.outside().join("mail").join(user)
    }

    /// Gives a user this Maildir as it is, which may be newer than the one that is there.
    pub(crate) fn adopt(&self, user: &str, maildir: &Path) {
        fs::create_dir_all(self.maildir(user)).unwrap();
        copy_all(maildir, &self.maildir(user));
        self.owner.give(&self.maildir(user));
    }

    /// Delivers to a user's INBOX, after what is there; anybody is a user.
    pub(crate) fn deliver<T: AsRef<[u8]>>(&self, user: &str, messages: &[T]) {
        self.deliver_to(user, "", messages);
    }

    /// Delivers to a Maildir++ folder such as `.Sent`, which is made.
    pub(crate) fn deliver_to<T: AsRef<[u8]>>(&self, user: &str, folder: &str, messages: &[T]) {
        let maildir = self.maildir(user).join(folder);
        for part in ["tmp", "cur", "new"] {
            fs::create_dir_all(maildir.join(part)).unwrap();
        }
        let files = |part| fs::read_dir(maildir.join(part)).unwrap().count();
        let first = 1_000_000_000 + files("new") + files("cur");
        for (n, message) in messages.iter().enumerate() {
            let name = format!("{}.{n}.example.org", first + n);
            fs::write(maildir.join("new").join(name), message).unwrap();
        }
        self.owner.give(&self.maildir(user));
    }

    /// What Dovecot wrote to its log.
    pub(crate) fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.place.outside().join(name)).unwrap_or_default();
        read("stderr") + &read("log")
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        for _ in 0..500 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Owner {
    fn find() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let root = uid.is_root();
        let (uid, gid) = if root {
            (id_of("passwd", "nobody", 2), id_of("passwd", "nobody", 3))
        } else {
            (uid.as_raw(), gid.as_raw())
        };
        Self { root, uid, gid }
    }

    /// Hands a file, or a folder with all in it, to the owner.
    fn give(self, path: &Path) {
        if !self.root {
            return;
        }
        chown(path, Some(self.uid), Some(self.gid)).unwrap();
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.give(&entry.unwrap().path());
            }
        }
    }
}

/// Copies what is in a folder into another.
fn copy_all(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(from.join(".")).arg(to);
    assert!(copy.status().unwrap().success(), "{copy:?}");
}

/// The rows of `/etc/passwd` or `/etc/group`, in both of which the first field is a
/// name and the third its id.
fn rows(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new("/etc").join(file)).unwrap();
    let row = |line: &str| line.split(':').map(ToString::to_string).collect();
    text.lines().map(row).collect()
}

/// A number in the row of a name.
fn id_of(file: &str, name: &str, field: usize) -> u32 {
    let row = rows(file).into_iter().find(|row| row[0] == name);
    row.expect("a row with this name")[field].parse().unwrap()
}

/// The name that an id has.
pub(super) fn name_of(file: &str, id: u32) -> String {
    let row = rows(file).into_iter().find(|row| row[2] == id.to_string());
    row.expect("a row with this id")[0].clone()
}

/// Four ports that were free a moment ago.
fn free_ports(host: &str) -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind((host, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
