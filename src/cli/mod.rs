//! The command line: it alone prints, exits and knows a terminal.
//!
//! A command is a clap struct in [`args`] and a module of its own that calls one verb of the
//! library; [`settings`] settles what is asked for, [`output`] prints, [`report`] words the
//! failures.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "this is the program's only place that prints and exits"
)]

mod account;
mod args;
mod ask;
mod audit;
mod completions;
mod config;
mod demo;
mod dialogue;
mod doctor;
mod export;
mod forget;
mod frame;
mod help;
mod hold;
mod import;
mod init;
mod log;
mod login;
mod man;
mod marks;
mod negation;
mod notify;
#[cfg(feature = "offsite")]
mod offsite;
mod output;
mod pager;
mod progress;
mod pull;
mod purge;
mod question;
mod report;
mod screen;
mod search;
mod secrets;
mod settings;
mod show;
mod signals;
mod stats;
mod status;
mod text;
mod verify;

use std::ffi::OsString;
use std::io;
use std::time::Instant;

use clap::FromArgMatches as _;
use mailvault::base::error::{Error, ErrorKind};
use serde_json::{Value, json};

use self::args::{Cli, Command, Global, When};
use self::output::Output;
use self::report::{Failure, code_name};
use self::settings::{Settings, Surroundings};

/// What a command came to: its exit code, and what the last JSON line says of it.
struct Done {
    code: u8,
    summary: Value,
}

impl Done {
    fn new(code: u8, summary: Value) -> Self {
        Self { code, summary }
    }
}

/// Runs a command line and returns the exit code.
pub(crate) fn run(line: &[OsString]) -> u8 {
    // Where the system refuses, dumps are as they are everywhere; no work depends on it.
    let _ = mailvault::base::secret::prevent_dumps();
    keep_parser_panics_quiet();
    if let Some(code) = completions::answer(settings::asking_shell().as_ref(), line) {
        return code;
    }
    let around = Surroundings::read();
    match parse(line) {
        Ok(cli) => run_command(cli, around),
        Err(mut error) => {
            help::spare_the_mail(&mut error);
            refuse(&error, line, around)
        }
    }
}

fn parse(line: &[OsString]) -> Result<Cli, clap::Error> {
    let command = help::command().color(help::color_choice(line));
    let matches = command.try_get_matches_from(negation::after_options(line))?;
    Cli::from_arg_matches(&matches)
}

fn run_command(mut cli: Cli, around: Surroundings) -> u8 {
    let completed = cli.global.complete();
    let out = Output::new(&cli.global, around);
    if cli.global.verbose > 1 {
        dialogue::show(&out.screen);
    }
    let name = cli.command.name();
    let watched = notify::Watched::of(&cli);
    let began = Instant::now();
    let done = completed.map_err(Failure::from);
    let global = cli.global.clone();
    let done = match done.and_then(|()| execute(cli, &out)) {
        Ok(done) => done,
        Err(failure) => {
            let failure = of_a_first_run(failure, &global);
            failure.print(&out);
            Done::new(failure.exit_code(), json!({}))
        }
    };
    let mut summary = json!({
        "command": name,
        "status": code_name(done.code),
        "seconds": text::seconds(began.elapsed()),
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut summary, done.summary) {
        all.extend(own);
    }
    summary["exit"] = done.code.into();
    if let Some(watched) = watched {
        notify::tell(&watched, &summary, done.code, &out);
    }
    end(&out, summary, done.code)
}

/// A vault that is missing because nothing was set up yet is no disk that is not mounted.
fn of_a_first_run(failure: Failure, global: &Global) -> Failure {
    match failure {
        Failure::Error(error @ Error::VaultMissing { .. })
            if Settings::load(global)
                .is_ok_and(|settings| settings.usual_vault && settings.file.is_none()) =>
        {
            Failure::FirstRun(error)
        }
        failure => failure,
    }
}

fn execute(cli: Cli, out: &Output) -> Result<Done, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Pull(args) => pull::run(&args, &Settings::load(&global)?, &global, out),
        Command::Purge(args) => purge::run(&args, &Settings::load(&global)?, &global, out),
        Command::Verify(args) => verify::run(&args, &Settings::load(&global)?, &global, out),
        Command::Log(args) => log::run(&args, &Settings::load(&global)?, out),
        Command::Search(args) => search::run(&args, &Settings::load(&global)?, out),
        Command::Show(args) => show::run(&args, &Settings::load(&global)?, out),
        Command::Export(args) => export::run(&args, &Settings::load(&global)?, &global, out),
        Command::Import(args) => import::run(&args, &Settings::load(&global)?, out),
        Command::Stats(args) => stats::run(&args, &Settings::load(&global)?, out),
        Command::Status(args) => status::run(&args, &Settings::load(&global)?, out),
        Command::Audit(args) => audit::run(&args, &Settings::load(&global)?, &global, out),
        Command::Forget(args) => forget::run(&args, &Settings::load(&global)?, &global, out),
        Command::Remember(args) => forget::remember(&args, &Settings::load(&global)?, out),
        Command::Account(args) => account::run(&args, &global, out),
        Command::Hold(args) => hold::run(&args, &Settings::load(&global)?, out),
        #[cfg(feature = "offsite")]
        Command::Offsite(args) => offsite::run(&args, &global, out),
        Command::Init(args) => init::run(&args, &global, out),
        Command::Login(args) => login::run(&args, &Settings::load(&global)?, &global, out),
        Command::Doctor(args) => doctor::run(&args, &global, out),
        Command::Configure(args) => config::run(args.command, &global, out),
        Command::Demo(args) => demo::run(&args, &global, out),
        Command::Help(args) => help::run(&args, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man(args) => Ok(man::run(&args)?),
    }
}

/// Prints the summary, which is always the last JSON line, and all that is held back.
fn end(out: &Output, summary: Value, code: u8) -> u8 {
    out.json("summary", summary, true);
    match out.finish() {
        Ok(()) => code,
        Err(kind) => {
            let error = Error::File {
                doing: "write to",
                path: "stdout".into(),
                source: kind.into(),
            };
            report::print(out, &error, None);
            let full = matches!(
                kind,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            );
            let class = if full {
                ErrorKind::NoSpace
            } else {
                ErrorKind::Failed
            };
            class.exit_code()
        }
    }
}

/// Answers a command line that is none; asking for help is one, too.
fn refuse(error: &clap::Error, line: &[OsString], around: Surroundings) -> u8 {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let json = line
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
        || settings::wants_json();
    if code == 0 || !json {
        // A reader that went away is no failure.
        let _ = error.print();
        return code;
    }
    let global = Global {
        config: None,
        vault: None,
        quiet: true,
        verbose: 0,
        json: true,
        color: Some(When::Never),
        no_progress: true,
        no_input: true,
    };
    let out = Output::new(&global, around);
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default();
    Failure::Usage {
        message: message.trim_start_matches("error: ").to_owned(),
        hint: None,
    }
    .print(&out);
    let summary = json!({"command": null, "status": code_name(code), "exit": code});
    end(&out, summary, code)
}

/// The mail parser's panics are caught where it is called; their message would only disturb.
fn keep_parser_panics_quiet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(std::panic::Location::file);
        if !place.is_some_and(|file| file.contains("mail-parser")) {
            usual(info);
        }
    }));
}
