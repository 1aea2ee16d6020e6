//! A root folder of its own for a server that reads `/etc` and `/var` whatever it is
//! told: hard links to what `bootstrap.sh` unpacked, one user, and nothing of the system.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one user whose mail is served; the password is that of all tests.
pub(crate) const USER: &str = "ann";

/// The hash of the password as `/etc/passwd` has it.
const HASH: &str = "$6$mailvault$AekW3zu1FHb8wb.pe7UJOniFHVL7LooNP4Uku4RxEL1yL4Wr8JgHOaaqz1jSnkadJsfGGivbBRUw/iJPVADE9/";

/// Who owns the mail and runs the servers: nobody.
const OWNER: u32 = 65_534;

/// The root folder. It is gone when dropped.
pub(crate) struct Jail {
    root: tempfile::TempDir,
}

impl Jail {
    /// A new root folder, if the servers are there and this is root; if not, the test
    /// is skipped.
    pub(crate) fn new() -> Option<Self> {
        let jail = Self::of("servers")?;
        jail.write_users(&[("popa3d", OWNER), ("spop3d", OWNER), ("cyrus", OWNER)]);
        for service in ["popa3d", "solid-pop3d", "pop3", "imap", "gnu-imap4d"] {
            let lines = "auth required pam_unix.so\naccount required pam_unix.so\n";
            jail.write(&format!("etc/pam.d/{service}"), lines);
        }
        Some(jail)
    }

    /// The same with Debian 13's Dovecot.
    pub(crate) fn newer_dovecot() -> Option<Self> {
        let jail = Self::of("servers-trixie")?;
        jail.write_users(&[("dovecot", 901), ("dovenull", 902)]);
        Some(jail)
    }

    /// What was unpacked into this folder of `target`.
    fn of(folder: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            // Where tools are required, too: no tool would help.
            super::say_skipped("only root can give a server a root folder of its own");
            return None;
        }
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let servers = target.join(folder);
        if !servers.join("packages").is_file() {
            let why =
                format!("target/{folder} is not there, which ./bootstrap.sh makes on Debian 12");
            // Elsewhere nobody can have them.
            let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
            if release.contains("VERSION_CODENAME=bookworm") {
                super::skip(&why);
            } else {
                super::say_skipped(&why);
            }
            return None;
        }
        // On the same file system, for the hard links.
        let root = tempfile::Builder::new().prefix("root").tempdir_in(target);
        let jail = Self {
            root: root.unwrap(),
        };
        let mut copy = Command::new("cp");
        copy.arg("-al").arg(servers.join(".")).arg(jail.path(""));
        assert!(copy.status().unwrap().success(), "{copy:?}");
        // Servers only want to open it.
        jail.write("dev/null", "");
        let all = |mode| fs::Permissions::from_mode(mode);
        fs::set_permissions(jail.path("dev/null"), all(0o666)).unwrap();
        fs::set_permissions(jail.path(""), all(0o755)).unwrap();
        for folder in ["tmp", "var/mail"] {
            fs::create_dir_all(jail.path(folder)).unwrap();
            fs::set_permissions(jail.path(folder), all(0o1777)).unwrap();
        }
        Some(jail)
    }

    /// Makes the user with mail, and one for each of these servers with this id.
    fn write_users(&self, servers: &[(&str, u32)]) {
        let mut users =
            format!("root:x:0:0::/:/bin/sh\n{USER}:{HASH}:{OWNER}:{OWNER}::/home/{USER}:\n");
        let mut groups = format!("root:x:0:\nmail:x:{OWNER}:\n{USER}:x:{OWNER}:\n");
        for (server, id) in servers {
            users.push_str(&format!("{server}:x:{id}:{id}::/var/empty:\n"));
            groups.push_str(&format!("{server}:x:{id}:\n"));
        }
        self.write("etc/passwd", users);
        self.write("etc/group", groups);
    }

    /// The same, if this program was unpacked, too.
    pub(crate) fn with(program: &str) -> Option<Self> {
        let jail = Self::new()?;
        if jail.path(program.trim_start_matches('/')).exists() {
            return Some(jail);
        }
        super::skip(&format!(
            "{program} is not in target/servers; run ./bootstrap.sh again"
        ));
        None
    }

    /// Where a path that the server knows is found from outside.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    /// Makes a file anew, which breaks its hard link, and its folders.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes a folder that the servers can write to.
    pub(crate) fn folder(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(&path).unwrap();
        give(&path);
        path
    }

    /// A program of this root folder, with an empty environment.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        command.env_clear().arg(self.root.path()).arg(program);
        command.args(args);
        command
    }
}

/// Hands a file or folder to the owner of the mail.
pub(crate) fn give(path: &Path) {
    chown(path, Some(OWNER), Some(OWNER)).unwrap();
}
