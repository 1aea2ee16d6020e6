//! A home of its own for each run of the program, and ways to look at what a run
//! said and left behind that do not use the program's own code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::hints;
use super::ledger;
use super::output::{Ended, Output};
use super::schema;

/// A run that takes longer hangs: it is killed and fails its test.
const LIMIT: Duration = Duration::from_secs(120);

/// A temporary home and a cleared environment.
pub(crate) struct Sandbox {
    home: tempfile::TempDir,
    env: BTreeMap<OsString, OsString>,
    ports: Vec<u16>,
}

impl Sandbox {
    /// An empty home; nothing of the caller's environment but `PATH`.
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new().prefix("mv").tempdir().unwrap();
        let mut env = BTreeMap::new();
        env.insert("PATH".into(), std::env::var_os("PATH").unwrap_or_default());
        env.insert("HOME".into(), home.path().into());
        env.insert("TZ".into(), "UTC".into());
        env.insert("LC_ALL".into(), "C.UTF-8".into());
        env.insert("COLUMNS".into(), "80".into());
        Self {
            home,
            env,
            ports: Vec::new(),
        }
    }

    /// The home's path.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path below the home.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home().join(relative)
    }

    /// Where the vault of these tests is: `$HOME/vault`. A configuration names it.
    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// Sets a variable for later runs.
    pub(crate) fn env(&mut self, key: &str, value: impl Into<OsString>) -> &mut Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Shows this port as `$PORT` in what later runs say.
    pub(crate) fn mask_port(&mut self, port: u16) -> &mut Self {
        self.ports.push(port);
        self
    }

    /// Writes a file below the home with exactly this mode; makes its folders.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_ref()))
            .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Writes the configuration file; `$HOME` in it stands for the home's path.
    pub(crate) fn config(&self, text: &str) -> PathBuf {
        let text = text.replace("$HOME", self.home().to_str().unwrap());
        self.write(".config/mailvault/config.toml", text, 0o600)
    }

    /// The program with these arguments, in this sandbox, with no input; for tests
    /// that need more than [`Sandbox::run`].
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.tool(env!("CARGO_BIN_EXE_mailvault"));
        command.args(args);
        command
    }

    /// Any other program in this sandbox, such as strace.
    pub(crate) fn tool(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.env)
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let output = self.start(args).wait();
        let printed = output.stdout() + "\n\n" + &output.stderr();
        hints::type_all(&printed, self.home(), &self.env);
        output
    }

    /// Starts the program, for two runs at once.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.spawn(self.command(args))
    }

    /// Starts a command that [`Sandbox::command`] or [`Sandbox::tool`] made.
    pub(crate) fn spawn(&self, mut command: Command) -> Child {
        let shown = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|e| panic!("{shown}: {e}"));
        Child {
            stdout: Some(collect(process.stdout.take().unwrap())),
            stderr: Some(collect(process.stderr.take().unwrap())),
            process,
            shown,
            home: self.home().to_str().unwrap().to_string(),
            ports: self.ports.clone(),
        }
    }

    /// The messages of one account in the vault, all its folders, sorted by folder
    /// and name, each decompressed.
    pub(crate) fn messages(&self, account: &str) -> Vec<Stored> {
        stored(&self.vault().join("mail").join(account))
    }

    /// The lines of the ledger, oldest first, without their newline.
    pub(crate) fn ledger_lines(&self) -> Vec<String> {
        let text = ledger::text(&self.vault());
        text.lines().map(ToString::to_string).collect()
    }
}

/// One message file of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The Maildir++ folder, such as `.Sent`; empty for the root.
    pub(crate) folder: String,
    /// The file's name.
    pub(crate) name: String,
    /// The message, decompressed.
    pub(crate) bytes: Vec<u8>,
}

/// The messages below a Maildir++ root, none if there is no such root.
pub(crate) fn stored(root: &Path) -> Vec<Stored> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_string();
    let mut folders = vec![(String::new(), root.to_path_buf())];
    folders.extend(entries(root).into_iter().map(|path| (name(&path), path)));
    let mut found = Vec::new();
    for (folder, path) in folders {
        if !folder.is_empty() && !folder.starts_with('.') {
            continue;
        }
        for file in entries(&path.join("cur")) {
            let packed = fs::read(&file).unwrap();
            found.push(Stored {
                folder: folder.clone(),
                name: name(&file),
                bytes: zstd::decode_all(&packed[..])
                    .unwrap_or_else(|e| panic!("{}: {e}", file.display())),
            });
        }
    }
    found
}

/// What lies in a folder, sorted; nothing if there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A run that goes on; ended by its id when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    shown: String,
    home: String,
    ports: Vec<u16>,
}

impl Child {
    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; panics with what was printed if it does not come in time.
    pub(crate) fn wait(mut self) -> Output {
        let end = Instant::now() + LIMIT;
        let status = loop {
            match self.process.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        };
        if status.is_none() {
            self.process.kill().unwrap();
        }
        let end = self.process.wait().unwrap();
        let output = Output {
            ended: Ended::from(end),
            stdout: self.stdout.take().unwrap().join().unwrap(),
            stderr: self.stderr.take().unwrap().join().unwrap(),
            shown: self.shown.clone(),
            home: self.home.clone(),
            ports: self.ports.clone(),
        };
        assert!(status.is_some(), "no end after {LIMIT:?}\n{output}");
        if is_json(&output.shown) {
            let by_itself = matches!(output.ended, Ended::Exit(_));
            schema::check(&output.stdout, by_itself, &output.shown);
        }
        output
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Fails only if the process has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// True if a command line is the program's, and asks for JSON and not for help.
fn is_json(shown: &str) -> bool {
    let has = |word: &str| shown.contains(&format!("\"{word}\""));
    has(env!("CARGO_BIN_EXE_mailvault")) && has("--json") && !["-h", "--help"].into_iter().any(has)
}

/// Reads a pipe to its end, beside the caller.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
