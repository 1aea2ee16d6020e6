//! `mailvault doctor`: a line for everything that a pull needs.

mod texts;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mailvault::account::config::Account;
use mailvault::base::error::{Error, Result};
use mailvault::base::secret::{Secret, SecretSource};
use mailvault::inspect::doctor;
use serde_json::{Value, json};

use self::texts::Mark;
use super::Done;
use super::args::{Doctor, Global};
use super::output::{Output, Tone};
use super::report::{self, Failure, code_name};
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{escape, plural, wrap};

/// Columns of the two words that a line begins with.
const INDENT: usize = 22;

/// One line of the list.
#[derive(Debug, Clone, PartialEq)]
struct DoctorRow {
    mark: Mark,
    what: &'static str,
    /// What was found; foreign text in it is escaped when it is printed.
    text: String,
    hint: Option<String>,
    /// SHA-256 of a certificate, where it is to be shown.
    sha256: Option<String>,
    /// More for programs.
    data: Value,
}

impl DoctorRow {
    fn new(mark: Mark, what: &'static str, text: impl Into<String>) -> Self {
        Self {
            mark,
            what,
            text: text.into(),
            hint: None,
            sha256: None,
            data: Value::Null,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Prints lines, and remembers what they add up to.
struct List<'a> {
    out: &'a Output,
    account: Option<String>,
    counts: [u64; 3],
    /// Exit code of the first failure.
    code: u8,
}

impl List<'_> {
    fn row(&mut self, row: &DoctorRow) {
        let DoctorRow {
            mark,
            what,
            text,
            hint,
            sha256,
            data,
        } = row;
        let mut line = json!({
            "account": self.account, "check": what, "result": mark.word(), "message": text,
            "hint": hint,
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut line, data.clone()) {
            all.extend(more);
        }
        self.out.json("check", line, true);
        let shown = sha256.as_deref().map(report::in_two_lines);
        let below = [("sha256:  ", shown.as_ref()), ("hint: ", hint.as_ref())];
        let below: String = below
            .into_iter()
            .filter_map(|(label, words)| Some(report::part(label, words?)))
            .collect();
        self.print(*mark, what, text, &below);
    }

    fn failed(&mut self, what: &'static str, error: &Error) {
        let account = self.account.clone();
        let text = report::what(error);
        let code = error.kind().exit_code();
        // The hint for an account is to run what runs already.
        let advised = account
            .as_deref()
            .filter(|_| !matches!(error, Error::Connect { .. }));
        let hint = report::hint(error, advised);
        self.out.json(
            "check",
            json!({
                "account": account, "check": what, "result": Mark::Fail.word(),
                "message": text, "hint": hint, "code": code_name(code), "exit": code,
                "server_reply": error.reply(),
            }),
            true,
        );
        self.print(Mark::Fail, what, &text, &report::parts(error, advised));
        if self.code == 0 {
            self.code = code;
        }
    }

    fn print(&mut self, mark: Mark, what: &str, text: &str, below: &str) {
        self.counts[mark as usize] += 1;
        if self.out.quiet && mark == Mark::Ok {
            return;
        }
        let first = format!("{:<6}{what:<16}", mark.word());
        let lines = wrap(&escape(text), &first, INDENT, report::COLUMNS);
        let tone = [Tone::Good, Tone::Warn, Tone::Bad][mark as usize];
        let word = self.out.word(mark.word(), tone);
        let rest = &lines[mark.word().len()..];
        self.out.line(&format!("{word}{rest}{below}"));
    }
}

pub(crate) fn run(args: &Doctor, global: &Global, out: &Output) -> Result<Done, Failure> {
    let mut list = List {
        out,
        account: None,
        counts: [0; 3],
        code: 0,
    };
    let settings = match Settings::load(global) {
        Ok(settings) => settings,
        Err(error) => {
            list.failed("configuration", &error);
            return Ok(done(&list));
        }
    };
    let accounts = chosen(args, &settings)?;
    configuration(&mut list, &settings);
    vault(&mut list, &settings);
    let stop = Stop::watch(out, "stopping (press Ctrl-C again to quit now)");
    for account in &accounts {
        if stop.flag.load(Ordering::Relaxed) {
            break;
        }
        if accounts.len() > 1 && !out.quiet {
            out.line(&format!("\n{}", account.name));
        }
        list.account = Some(account.name.clone());
        look_at(&mut list, account, args, &settings, global, &stop);
    }
    let mut done = done(&list);
    done.code = stop.exit_code(done.code);
    Ok(done)
}

fn done(list: &List<'_>) -> Done {
    let [ok, warn, fail] = list.counts;
    Done::new(list.code, json!({"ok": ok, "warn": warn, "fail": fail}))
}

/// The accounts meant; without a name also those that a pull leaves out.
fn chosen(args: &Doctor, settings: &Settings) -> Result<Vec<Account>> {
    if args.accounts.is_empty() && !settings.config.accounts.is_empty() {
        return Ok(settings.config.accounts.values().cloned().collect());
    }
    settings.accounts(&args.accounts)
}

fn configuration(list: &mut List<'_>, settings: &Settings) {
    let Some(file) = &settings.file else {
        return;
    };
    let accounts = plural(settings.config.accounts.len() as u64, "account");
    let text = format!("{}, {accounts}", settings.shown(file));
    list.row(&DoctorRow::new(Mark::Ok, "configuration", text));
}

fn vault(list: &mut List<'_>, settings: &Settings) {
    match doctor::vault(&settings.vault) {
        Ok(facts) => {
            for row in texts::vault(&facts, &settings.shown(&settings.vault)) {
                list.row(&row);
            }
            if let Some((time, damage)) = facts.damage {
                list.failed("verify", &Error::Unsettled { time, damage });
            }
            if let Some(error) = &facts.unwritable {
                list.failed("disk", error);
            }
            let now = super::text::now().timestamp();
            let newest = facts.newest;
            if now < newest {
                list.failed("clock", &Error::Clock { now, newest });
            } else {
                list.row(&texts::clock());
            }
        }
        Err(Error::VaultMissing { .. }) if settings.usual_vault => {
            let text = format!(
                "none yet at {}; the first pull creates it",
                settings.shown(&settings.vault)
            );
            list.row(&DoctorRow::new(Mark::Warn, "vault", text));
        }
        Err(error) => list.failed("vault", &error),
    }
}

fn look_at(
    list: &mut List<'_>,
    account: &Account,
    args: &Doctor,
    settings: &Settings,
    global: &Global,
    stop: &Stop,
) {
    let env = settings.secret_env(std::iter::once(account));
    let asks = secrets::may_ask(global, list.out) && !args.offline;
    let secret: Option<Secret> = match secrets::secret_of(account, &env, asks, list.out, stop) {
        Ok(secret) => {
            let alone = mailvault::base::secret::works_alone(
                &account.name,
                &account.secret,
                settings.home.as_deref(),
                &stop.flag,
            );
            list.row(&texts::secret(account, &env, &alone, settings));
            Some(secret)
        }
        Err(Error::Secret { .. }) if args.offline && account.secret == SecretSource::Unset => {
            list.row(&texts::asked_for());
            None
        }
        Err(error) => {
            list.failed("secret", &error);
            None
        }
    };
    if let Some(row) = texts::provider(account) {
        list.row(&row);
    }
    if args.offline {
        return;
    }
    let verbose = list.out.verbose > 0;
    doctor::server(
        account,
        secret,
        Arc::clone(&stop.flag),
        &mut |point, found| match found {
            Ok(fact) => {
                for row in texts::fact(account, &fact, verbose) {
                    list.row(&row);
                }
            }
            Err(error) => list.failed(texts::point(point), &error),
        },
    );
}
