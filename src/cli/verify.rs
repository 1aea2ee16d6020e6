//! `mailvault verify`: prove the vault whole.

use mailvault::account::config::AccountNames;
use mailvault::base::error::ErrorKind;
use mailvault::base::fsx;
use mailvault::vault::layout::{Layout, is_account};
use mailvault::vault::verify::{self, Finding, FindingSums, Problem, VerifyOptions, VerifyReport};
use serde_json::{Value, json};

use super::Done;
use super::args::{Global, Verify};
use super::frame;
use super::output::{Output, Tone};
use super::report::Failure;
use super::settings::{Settings, unknown};
use super::signals::Stop;
use super::text::{Align, count, cut, day, escape, plural, size, table, wrap};

/// Findings that are lined up with each other.
const ROWS: usize = 1_000;

pub(crate) fn run(
    args: &Verify,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let accounts = settings.account_names(&args.accounts)?;
    refuse_unknown(&accounts, settings)?;
    let stop = Stop::watch(out, "stopping (press Ctrl-C again to quit now)");
    let names = settings.config.names();
    let options = options(args, &accounts, &names, &stop);
    put_back(args, (&options, &stop), settings, global, out)?;
    let report = frame::with_progress(out, ["verify"], |events| {
        verify::verify(&settings.vault, &options, events)
    });
    let report = match report {
        Ok(report) => report,
        Err(error) => return Ok(frame::failed(out, &stop, &error, None)),
    };
    if out.json {
        print_json(&report, &names, out)?;
    }
    let sums = report.sums()?;
    let damaged = sums.damage > 0;
    if damaged || !out.quiet {
        print_findings(&report, &names, out)?;
        print_sums(&report, sums, out);
        print_end(&report, sums, args, settings, out);
    }
    let code = if damaged {
        ErrorKind::Damaged.exit_code()
    } else if stop.is_set() && !report.complete {
        stop.exit_code(ErrorKind::Interrupted.exit_code())
    } else {
        0
    };
    Ok(Done::new(code, summary(&report)))
}

/// Puts back what a second copy has, before the rest is set aside.
#[cfg(feature = "offsite")]
fn put_back(
    args: &Verify,
    how: (&VerifyOptions, &Stop),
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<(), Failure> {
    match (&args.from, &args.identity) {
        (Some(place), Some(file)) => {
            super::offsite::put_back((place, file), how, settings, global, out)
        }
        _ => Ok(()),
    }
}

#[cfg(not(feature = "offsite"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
fn put_back(
    _: &Verify,
    _: (&VerifyOptions, &Stop),
    _: &Settings,
    _: &Global,
    _: &Output,
) -> Result<(), Failure> {
    Ok(())
}

/// Nothing would be wrong with an account that nobody knows. Of a catalog that cannot be read,
/// any name may be right: the verification says what is wrong there.
fn refuse_unknown(names: &[String], settings: &Settings) -> Result<(), Failure> {
    let configured = &settings.config.accounts;
    let mail = Layout::new(&settings.vault).mail_dir();
    let mut elsewhere = Vec::new();
    for name in names {
        let is_there = is_account(name) && fsx::is_dir(&mail.join(name))?;
        if !is_there && !configured.contains_key(name) {
            elsewhere.push(name);
        }
    }
    if elsewhere.is_empty() {
        return Ok(());
    }
    let Ok(known) = settings.known_accounts() else {
        return Ok(());
    };
    match elsewhere.into_iter().find(|name| !known.contains(*name)) {
        Some(name) => Err(unknown(name, known.iter().map(String::as_str)).into()),
        None => Ok(()),
    }
}

fn options(args: &Verify, accounts: &[String], names: &AccountNames, stop: &Stop) -> VerifyOptions {
    let stored = accounts.iter().map(|name| names.stored(name).to_owned());
    VerifyOptions {
        accounts: stored.collect(),
        read_data: args.read_data,
        subset: args.subset,
        max_duration: args.max_duration,
        repair: args.repair,
        stop: stop.flag.clone(),
    }
}

fn summary(report: &VerifyReport) -> Value {
    let (messages, good) = totals(report);
    json!({
        "messages": messages,
        "good": good,
        "findings": report.findings.len(),
        "bytes_read": report.read,
        "complete": report.complete,
        "repaired": report.repaired,
    })
}

fn totals(report: &VerifyReport) -> (u64, u64) {
    report
        .accounts
        .iter()
        .fold((0, 0), |(all, fine), (_, messages, good)| {
            (all + messages, fine + good)
        })
}

fn print_json(report: &VerifyReport, names: &AccountNames, out: &Output) -> Result<(), Failure> {
    for finding in report.findings.all() {
        out.json("damage", to_json(&finding?, names), false);
    }
    for (account, messages, good) in &report.accounts {
        let account = names.shown(account);
        let line = json!({"account": account, "messages": messages, "good": good});
        out.json("account", line, false);
    }
    Ok(())
}

/// Each account with what was found in it, then the rest.
fn print_findings(
    report: &VerifyReport,
    names: &AccountNames,
    out: &Output,
) -> Result<(), Failure> {
    let accounts = || report.accounts.iter().map(|(account, ..)| account);
    let wide = accounts().map(|name| names.shown(name).len()).max();
    let wide = wide.unwrap_or(0);
    for (account, messages, good) in &report.accounts {
        out.line(&format!(
            "{:wide$}  {} of {} {}",
            names.shown(account),
            count(*good),
            plural(*messages, "message"),
            if good == messages {
                out.word("good", Tone::Good)
            } else {
                "good".to_owned()
            },
        ));
        let is_own = |finding: &Finding| finding.account.as_ref() == Some(account);
        table_of(report, is_own, out)?;
    }
    let is_listed =
        |finding: &Finding| accounts().any(|name| finding.account.as_ref() == Some(name));
    table_of(report, |finding| !is_listed(finding), out)
}

/// Prints findings of one kind, some rows at a time.
fn table_of(
    report: &VerifyReport,
    is_wanted: impl Fn(&Finding) -> bool,
    out: &Output,
) -> Result<(), Failure> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let print = |rows: &mut Vec<Vec<String>>| {
        for line in table(rows, &[Align::Left; 5]) {
            out.line(&format!("  {line}"));
        }
        rows.clear();
    };
    for finding in report.findings.all() {
        let finding = finding?;
        if is_wanted(&finding) {
            rows.push(row(&finding));
        }
        if rows.len() == ROWS {
            print(&mut rows);
        }
    }
    print(&mut rows);
    Ok(())
}

/// Says how much is not good, and what can be done about it.
fn print_end(
    report: &VerifyReport,
    sums: FindingSums,
    args: &Verify,
    settings: &Settings,
    out: &Output,
) {
    let (messages, good) = totals(report);
    if !report.complete {
        out.line("Not everything was read; --subset n/t reads one part at a time.");
    } else if let Some((n, t)) = args.subset {
        out.line(&format!(
            "Only part {n} of {t} was read; for the rest, names, sizes and records were checked."
        ));
    }
    if good < messages {
        out.line(&format!(
            "\n{} of {} {} {}.",
            count(messages - good),
            plural(messages, "message"),
            if messages - good == 1 { "is" } else { "are" },
            out.word("not good", Tone::Bad),
        ));
        if let Some(hint) = hint(report, sums, args, settings) {
            out.line(&wrap(&hint, "  hint: ", 8, 80));
        }
    } else if args.read_data {
        if out.out_terminal || out.verbose > 0 {
            out.line(&format!("{} read back.", size(report.read)));
        }
    } else if report.findings.is_empty() && out.out_terminal {
        out.line("Names, sizes and records are correct; --read-data also reads every message.");
    }
}

/// Sums up the files that no line names, and the messages that have their files again.
fn print_sums(report: &VerifyReport, sums: FindingSums, out: &Output) {
    if sums.mended > 0 {
        let what = plural(sums.mended, "missing or damaged file");
        out.line(&format!(
            "\n{what} put back from other copies in the vault."
        ));
    }
    let files = plural(sums.unrecorded, "file");
    match (sums.unrecorded, report.repaired) {
        (0, _) => {}
        (all, true) => {
            let were = if all == 1 { "was" } else { "were" };
            out.line(&format!(
                "\n{files} {were} not recorded; what of that is mail was taken in."
            ));
        }
        (all, false) => {
            let are = if all == 1 { "is" } else { "are" };
            out.line(&format!("\n{files} {are} not recorded in the ledger."));
            let hint = "'mailvault verify --repair' takes in what of that is mail.";
            out.line(&wrap(hint, "  hint: ", 8, 80));
        }
    }
}

fn row(finding: &Finding) -> Vec<String> {
    let problem = match &finding.problem {
        Problem::Damaged(_) => "damaged".to_owned(),
        other => escape(&other.to_string()).into_owned(),
    };
    let Some(id) = finding.id else {
        return vec![problem, escape(&finding.path).into_owned()];
    };
    let server = match finding.on_server {
        _ if finding.mended => "put back from another copy",
        _ if !finding.problem.is_damage() => "",
        true => "still on the server",
        false => "no longer on the server",
    };
    vec![
        problem,
        id.to_string()[..8].to_owned(),
        day(finding.date),
        cut(&escape(&finding.subject), 26),
        server.to_owned(),
    ]
}

/// What can be done about the messages that are not good.
fn hint(
    report: &VerifyReport,
    sums: FindingSums,
    args: &Verify,
    settings: &Settings,
) -> Option<String> {
    let vault = escape(&settings.shown(&settings.vault)).into_owned();
    let backups = match settings.config.offsite.keys().next() {
        Some(place) => format!(
            "'mailvault verify --read-data --repair --from {place} --identity FILE' puts back what \
             the second copy has, with its private key."
        ),
        None => format!("look in older backups of {vault}."),
    };
    // What only reading found, only reading repairs.
    let fetch = match (report.repaired, args.read_data) {
        (true, _) => "'mailvault pull'",
        (false, true) => "'mailvault verify --read-data --repair; mailvault pull'",
        (false, false) => "'mailvault verify --repair; mailvault pull'",
    };
    match (sums.bad, sums.on_server) {
        (0, _) => None,
        (_, 0) => Some(format!("the server no longer has them; {backups}")),
        (bad, there) if bad == there => Some(format!("{fetch} fetches them again.")),
        (bad, there) => Some(format!(
            "{fetch} fetches again what the server still has ({there} of {bad}). For the \
             rest, {backups}"
        )),
    }
}

fn to_json(finding: &Finding, names: &AccountNames) -> Value {
    let problem = match &finding.problem {
        Problem::Damaged(_) => "damaged",
        Problem::Missing => "missing",
        Problem::Moved => "moved",
        Problem::Unrecorded => "unrecorded",
        Problem::Returned => "returned",
        Problem::Repeated => "repeated",
        Problem::Manifest(_) => "manifest",
        Problem::Ledger(_) => "ledger",
        Problem::Catalog(_) => "catalog",
        Problem::Key(_) => "key",
        Problem::Purge(_) => "purge",
    };
    json!({
        "id": finding.id.map(|id| id.to_string()),
        "account": finding.account.as_ref().map(|account| names.shown(account)),
        "path": finding.path,
        "problem": problem,
        "detail": finding.problem.to_string(),
        "damage": finding.problem.is_damage(),
        "on_server": finding.on_server,
    })
}
