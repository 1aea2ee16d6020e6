//! `mailvault log`: what happened to the vault, and to a message.

mod life;
mod runs;

use chrono::Utc;
use mailvault::base::suggest;
use mailvault::mail::query;
use mailvault::vault::Vault;

use super::Done;
use super::args::Log;
use super::output::Output;
use super::report::{self, Failure};
use super::search::SCREENFUL;
use super::settings::Settings;
use super::text::{count, wrap};

pub(crate) fn run(args: &Log, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let vault = settings.open_vault()?;
    let mut words = args.query.clone();
    let mut account = None;
    if let Some(word) = &args.account {
        account = known_account(word, settings, &vault)?;
        if account.is_none() {
            words.insert(0, word.clone());
        }
    }
    let screenful = (out.out_terminal && !out.json).then_some(SCREENFUL);
    if words.is_empty() {
        return runs::show(
            &vault,
            account.as_deref(),
            args.all,
            args.limit.or(screenful),
            out,
        );
    }
    if args.all {
        return Err(Failure::usage(
            "--all shows pulls, and a query selects messages",
            "leave out one of them",
        ));
    }
    let first = account.is_none().then(|| words[0].clone());
    if let Some(name) = account {
        words.push(format!("account:{name}"));
    }
    let query = query::parse(&words, Utc::now())?;
    // What became of one message is shown from its beginning on.
    let one = vault.message_of(&query)?;
    let limit = args.limit.or(screenful.filter(|_| one.is_none()));
    let (done, found) = life::show(&vault, &query, one, limit, out)?;
    if let Some(word) = first.filter(|_| !found) {
        hint_account(&word, settings, out);
    }
    Ok(done)
}

/// The account that a word names, by the name that people see.
fn known_account(
    word: &str,
    settings: &Settings,
    vault: &Vault,
) -> Result<Option<String>, Failure> {
    let names = settings.account_names(&[word.to_owned()])?;
    let is_known = |name: &String| {
        settings.config.accounts.contains_key(name)
            || vault
                .status()
                .is_ok_and(|all| all.iter().any(|status| status.account == *name))
    };
    Ok(names.into_iter().find_map(|name| {
        let merged = vault.became(&name).map(str::to_owned);
        merged.or_else(|| is_known(&name).then_some(name))
    }))
}

/// A text on lines that a terminal has room for; elsewhere, on one.
fn wrapped(text: &str, start: &str, out: &Output) -> String {
    match out.columns() {
        Some(columns) => wrap(text, start, 4, columns),
        None => format!("{start}{text}"),
    }
}

/// Says on a terminal that there is nothing, or that there is more.
fn tell_shown(shown: u64, more: bool, nothing: &str, out: &Output) {
    if !out.out_terminal || out.quiet || out.json {
        return;
    }
    match (shown, more) {
        (0, _) => out.line(nothing),
        (_, true) => out.line(&format!("{} shown; -l N shows more", count(shown))),
        _ => {}
    }
}

/// A mistyped account is a word to look for.
fn hint_account(word: &str, settings: &Settings, out: &Output) {
    let known = settings.config.accounts.keys().map(String::as_str);
    if let Some(near) = suggest::nearest(word, known, usize::MAX) {
        let message = "no message matches, and no account has this name";
        report::warn(out, message, Some(&format!("did you mean {near}?")));
    }
}
