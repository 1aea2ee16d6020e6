//! `mailvault demo`: a tour of real commands against the built-in sample server, which
//! listens on this machine only. It lives in a directory of its own, with a configuration of
//! its own, and its commands do not see the user's environment.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use mailvault::base::error::{Error, ErrorKind, Result};
use mailvault::base::fsx;
use mailvault::mail::query;
use mailvault::sample::{Sample, Server};
use mailvault::vault::Vault;
use mailvault::vault::catalog::Order;
use serde_json::json;

use super::Done;
use super::args::{Demo, Global, When};
use super::output::Output;
use super::report::Failure;
use super::settings;
use super::signals::Stop;
use super::text::escape;

const CONFIG: &str = "config.toml";
const VAULT: &str = "vault";

pub(crate) fn run(args: &Demo, global: &Global, out: &Output) -> Result<Done, Failure> {
    let stop = Stop::watch(out, "stopping (press Ctrl-C again to quit now)");
    let keep = args.keep.is_some();
    let dir = match &args.keep {
        Some(dir) => new_dir(dir)?,
        None => temporary()?,
    };
    let code = tour_or_serve(args, &dir, global, out, &stop);
    if keep {
        out.line(&format!(
            "\nEverything is still in {0}. The sample server is gone; to look at the mail, run\n  \
             mailvault --config {0}/{CONFIG} list",
            escape(&dir.to_string_lossy())
        ));
    } else if let Err(source) = remove_tour(&dir) {
        return Err(Error::file("remove", &dir, source).into());
    }
    Ok(Done::new(stop.exit_code(code?), json!({})))
}

/// The directory that the user names, which is made.
fn new_dir(dir: &Path) -> Result<PathBuf, Failure> {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    if is_made(&dir)? {
        return Ok(dir);
    }
    Err(Failure::usage(
        format!("{} already exists", dir.display()),
        "name a directory that is not there yet",
    ))
}

/// A new directory below the temporary one.
fn temporary() -> Result<PathBuf> {
    let base = settings::temporary();
    let pid = std::process::id();
    let mut number = 0_u32;
    loop {
        let dir = base.join(format!("mailvault-demo-{pid}-{number}"));
        if is_made(&dir)? {
            return Ok(dir);
        }
        number += 1;
    }
}

/// Makes a private directory; false if something is there, be it of somebody else.
fn is_made(dir: &Path) -> Result<bool> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::file("create", dir, error)),
    }
}

fn tour_or_serve(
    args: &Demo,
    dir: &Path,
    global: &Global,
    out: &Output,
    stop: &Stop,
) -> Result<u8, Failure> {
    let server = Server::start(Sample::messages())?;
    write(&dir.join("password"), Server::PASSWORD)?;
    let config = config(&server);
    write(&dir.join(CONFIG), &config)?;
    if args.serve {
        serve(&config, dir, &server, out, stop);
        return Ok(0);
    }
    let tour = Tour {
        dir,
        global,
        out,
        stop,
    };
    tour.run(&config)
}

fn config(server: &Server) -> String {
    format!(
        "vault = \"{VAULT}\"\n\n[accounts.demo]\nhost = \"127.0.0.1\"\nport = {}\n\
         tls = \"none\"        # on this machine only\nuser = \"{}\"\n\
         password_file = \"password\"\n",
        server.addr().port(),
        Server::USER,
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = fsx::create_new(&fsx::resolve_parent(path))?;
    file.write_all(text.as_bytes())
        .map_err(|source| Error::file("write", path, source))
}

fn serve(config: &str, dir: &Path, server: &Server, out: &Output, stop: &Stop) {
    let file = dir.join(CONFIG);
    let file = escape(&file.to_string_lossy()).into_owned();
    let address = server.addr().to_string();
    out.json("serving", json!({"address": address, "config": file}), true);
    out.line(&format!(
        "A sample POP3 server listens on {address}. Its configuration is\n{file}:\n\n{config}\n\
         Try in another terminal:\n\n  mailvault -c {file} pull --create\n  \
         mailvault -c {file} list\n\nCtrl-C ends it and removes the directory, unless --keep \
         is given."
    ));
    // A pipe would hold it back until the server ends.
    out.flush();
    while !stop.is_set() {
        thread::sleep(Duration::from_millis(50));
    }
}

/// The commands of the tour and what they run in.
struct Tour<'a> {
    dir: &'a Path,
    global: &'a Global,
    out: &'a Output,
    stop: &'a Stop,
}

impl Tour<'_> {
    fn run(&self, config: &str) -> Result<u8, Failure> {
        self.out.line(
            "A tour of mailvault with a sample mail server that runs only here and now.\n\
             Your own configuration and mail are not touched. This is the configuration:\n",
        );
        for line in config.lines() {
            self.out.line(&format!("    {line}"));
        }
        let steps: [(&str, &[&str]); 5] = [
            (
                "Fetch everything. --create creates the vault that the configuration names;\n\
                 the server keeps its mail.",
                &["pull", "demo", "--create"],
            ),
            (
                "Again: nothing is new. Without a terminal, as under cron, it prints nothing.",
                &["pull", "demo"],
            ),
            (
                "Show what the vault has, without asking the server:",
                &["status"],
            ),
            ("The newest messages:", &["list", "--limit", "5"]),
            ("Find one:", &["search", "boarding", "pass"]),
        ];
        for (words, step) in steps {
            let code = self.step(words, step)?;
            if code != 0 {
                return Ok(code);
            }
        }
        let id = self.boarding_pass()?;
        let last: [(&str, &[&str]); 4] = [
            ("Read it, using the first digits of its id:", &["show", &id]),
            (
                "Check that every message is there and undamaged, by reading all of them:",
                &["verify", "--read-data"],
            ),
            (
                "The mailbox is full? See what could be freed on the server. Nothing is deleted\n\
                 without a selection:",
                &["purge", "demo"],
            ),
            (
                "Free some of it, the largest first. Each message is read back from the vault\n\
                 and compared with the server before it is deleted there; the vault keeps it:",
                &["purge", "demo", "--free", "1M", "--largest-first", "--yes"],
            ),
        ];
        for (words, step) in last {
            let code = self.step(words, step)?;
            if code != 0 {
                return Ok(code);
            }
        }
        self.out.line(
            "\nThat was our own sample server; the servers of mail providers differ in many\n\
             ways.\n\
             To set up your own account, run: mailvault init",
        );
        Ok(0)
    }

    fn boarding_pass(&self) -> Result<String> {
        let vault = Vault::open(&self.dir.join(VAULT))?;
        let query = query::parse(&["boarding", "pass"], chrono::Utc::now())?;
        vault.read_texts(&mut |_| {})?;
        let hits = vault.search(&query, Order::default(), Some(1))?;
        match hits.rows().next() {
            Some(hit) => vault.short_id(hit?.id),
            None => Err(Error::NotFound {
                id: "of the boarding pass".to_owned(),
                candidates: Vec::new(),
            }),
        }
    }

    /// Shows a command and runs it.
    fn step(&self, words: &str, arguments: &[&str]) -> Result<u8> {
        if self.stop.is_set() {
            return Ok(ErrorKind::Interrupted.exit_code());
        }
        let shown = format!("mailvault {}", arguments.join(" "));
        self.out.line(&format!("\n{words}\n\n$ {shown}"));
        self.out.json("step", json!({"run": shown}), true);
        // The command prints to the same places, after what was printed so far.
        if self.out.finish().is_err() || self.out.is_broken() {
            return Ok(0);
        }
        let failed = |source| Error::file("run", Path::new("mailvault"), source);
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(settings::printing())
            .env("HOME", self.dir)
            .env("MAILVAULT_CONFIG", self.dir.join(CONFIG))
            .args(arguments)
            .arg("--no-input");
        if self.global.json {
            command.arg("--json");
        }
        if self.global.quiet {
            command.arg("--quiet");
        }
        if self.global.no_progress {
            command.arg("--no-progress");
        }
        if self.global.verbose > 0 {
            command.arg(format!("-{}", "v".repeat(self.global.verbose.into())));
        }
        match self.global.color {
            None | Some(When::Auto) => {}
            Some(When::Always) => drop(command.args(["--color", "always"])),
            Some(When::Never) => drop(command.args(["--color", "never"])),
        }
        let status = command.status().map_err(failed)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.unwrap_or(ErrorKind::Interrupted.exit_code()))
    }
}

/// The directory is the tour's own, made a moment ago under a name nobody else has.
#[allow(
    clippy::disallowed_methods,
    reason = "the one tree that this program may remove is its own tour"
)]
fn remove_tour(dir: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir)
}
