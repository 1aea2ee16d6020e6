//! A real Dovecot (2.3) of its own: POP3 and IMAP, clear, STARTTLS and TLS, on free
//! ports, below a short temporary folder, started as root or as an ordinary user.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::tls::authority;

/// The password of every user; an OAuth token is `tok-` and the user's name.
pub(crate) const PASSWORD: &str = "secret";

/// How a Dovecot differs from the usual.
pub(crate) struct Options {
    /// The address to listen on. Dovecot asks for TLS only of another address than
    /// its own, so a test of that listens on 127.0.0.2.
    pub(crate) host: &'static str,
    /// The login mechanisms; `xoauth2` and `oauthbearer` are possible too.
    pub(crate) mechanisms: &'static str,
    /// Serves a copy of this vault, its accounts as users, instead of delivered mail.
    pub(crate) vault: Option<PathBuf>,
    /// Lines at the end of the configuration, which win over those before.
    pub(crate) extra: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1",
            mechanisms: "plain login scram-sha-256",
            vault: None,
            extra: String::new(),
        }
    }
}

/// A running Dovecot, ended by its process id when dropped.
pub(crate) struct Dovecot {
    process: Child,
    folder: tempfile::TempDir,
    owner: Owner,
    host: &'static str,
    /// The ports of POP3, POP3S, IMAP and IMAPS.
    ports: [u16; 4],
}

/// Who owns the mail: root gives it to nobody.
#[derive(Clone, Copy)]
struct Owner {
    root: bool,
    uid: u32,
    gid: u32,
}

impl Dovecot {
    /// Starts a Dovecot, if this machine has one that fits; if not, the test is
    /// skipped, or fails where tools are required.
    pub(crate) fn start(options: &Options) -> Option<Self> {
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
        let mut log = String::new();
        // A port that was free may be taken by the time Dovecot wants it.
        for _ in 0..5 {
            match Self::try_start(&program, options) {
                Ok(dovecot) => return Some(dovecot),
                Err(text) => log = text,
            }
        }
        panic!("dovecot does not start:\n{log}");
    }

    fn try_start(program: &Path, options: &Options) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("dc")
            .tempdir_in("/tmp")
            .unwrap();
        let (path, owner) = (folder.path(), Owner::find());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["mail", "index", "control", "state"] {
            fs::create_dir(path.join(name)).unwrap();
            owner.give(&path.join(name));
        }
        if let Some(vault) = &options.vault {
            let mut copy = Command::new("cp");
            copy.arg("-a")
                .arg(vault.join("mail/."))
                .arg(path.join("mail"));
            assert!(copy.status().unwrap().success(), "{copy:?}");
            owner.give(&path.join("mail"));
        }
        let leaf = &authority().localhost;
        fs::write(path.join("cert.pem"), &leaf.cert_pem).unwrap();
        fs::write(path.join("key.pem"), &leaf.key_pem).unwrap();
        let ports = free_ports(options.host);
        let file = path.join("dovecot.conf");
        fs::write(&file, configuration(path, owner, options, ports)).unwrap();
        let process = Command::new(program)
            .arg("-F")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut dovecot = Self {
            process,
            folder,
            owner,
            host: options.host,
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
            if greets(self.pop3()) && greets(self.imap()) {
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
        self.folder.path().join("mail").join(user)
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
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
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
fn name_of(file: &str, id: u32) -> String {
    let row = rows(file).into_iter().find(|row| row[2] == id.to_string());
    row.expect("a row with this id")[0].clone()
}

/// Four ports that were free a moment ago.
fn free_ports(host: &str) -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind((host, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn configuration(path: &Path, owner: Owner, options: &Options, ports: [u16; 4]) -> String {
    let (dir, host, mechanisms) = (path.display(), options.host, options.mechanisms);
    let (uid, gid, [pop3, pop3s, imap, imaps]) = (owner.uid, owner.gid, ports);
    let serves_vault = options.vault.is_some();
    let elsewhere = format!(":INDEX={dir}/index/%u:CONTROL={dir}/control/%u");
    let elsewhere = if serves_vault { elsewhere.as_str() } else { "" };
    let plugins = if serves_vault { "zlib listescape" } else { "" };
    // An ordinary user can neither change to Dovecot's own users nor to a new root.
    let processes = if owner.root {
        String::new()
    } else {
        let (me, group) = (name_of("passwd", owner.uid), name_of("group", owner.gid));
        let mut lines = format!(
            "default_internal_user = {me}\ndefault_internal_group = {group}\n\
             default_login_user = {me}\n"
        );
        for service in ["pop3-login", "imap-login", "anvil", "stats"] {
            lines.push_str(&format!("service {service} {{\n  chroot =\n}}\n"));
        }
        lines
    };
    // A token is a password that only the token mechanisms look up.
    let (words, tokens): (Vec<&str>, Vec<&str>) = mechanisms
        .split_whitespace()
        .partition(|m| !["xoauth2", "oauthbearer"].contains(m));
    let passdb = |mechanisms: &[&str], password: &str| {
        let names = mechanisms.join(" ");
        let text = format!(
            "passdb {{\n  driver = static\n  mechanisms = {names}\n  args = password={password}\n}}\n"
        );
        if mechanisms.is_empty() {
            String::new()
        } else {
            text
        }
    };
    let passdbs = passdb(&words, PASSWORD) + &passdb(&tokens, "tok-%u");
    let extra = &options.extra;
    format!(
        "\
protocols = pop3 imap
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
{passdbs}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%u{elsewhere}
mail_plugins = {plugins}
mail_fsync = never
mail_max_userip_connections = 1000
default_vsz_limit = 1G
namespace inbox {{
  inbox = yes
  separator = /
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
{processes}
{extra}
"
    )
}
