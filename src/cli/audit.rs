//! `mailvault audit`: may I leave this server?

use std::time::Duration;

use mailvault::account::config::AuditScope;
use mailvault::base::error::PARTIAL;
use mailvault::inspect::{
    self, ArchiveStatus, AuditOptions, AuditReport, AuditTally, FolderAudit, OtherFolders,
};
use mailvault::vault::catalog::Amount;
use serde_json::{Value, json};

use super::Done;
use super::args::{AuditArgs, Global};
use super::frame;
use super::output::Output;
use super::report::Failure;
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{Align, count, cut, escape, plural, size, table, toml_string, wrap};

/// How long a comparison of a header is believed.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// Columns of a folder's name, at most.
const NAME: usize = 28;

pub(crate) fn run(
    args: &AuditArgs,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let account = (settings.accounts(std::slice::from_ref(&args.account))?)
        .pop()
        .ok_or_else(|| {
            Failure::usage(
                "the name of an account is missing",
                "mailvault audit \
        ACCOUNT",
            )
        })?;
    let name = account.name.clone();
    frame::start(out, "audit", std::slice::from_ref(&name));
    let env = settings.secret_env(std::iter::once(&account));
    let stop = Stop::watch(out, "stopping (press Ctrl-C again to quit now)");
    let options = options(args, &stop);
    let asks = secrets::may_ask(global, out);
    let job = secrets::job(account, &settings.config.names(), &env, asks, out, &stop);
    let done = frame::with_progress(out, [name.as_str()], |events| {
        inspect::audit(&settings.vault, job, &options, events)
    });
    let report = match done {
        Ok(report) => report,
        Err(error) => return Ok(frame::failed(out, &stop, &error, Some(&name))),
    };
    let code = if report.answers_yes() { 0 } else { PARTIAL };
    for folder in &report.folders {
        out.json("folder", to_json(&name, folder), false);
    }
    if code != 0 || !out.quiet {
        for line in lines(&report, &name) {
            out.line(&line);
        }
        if let Some(path) = &args.manifest {
            out.line(&format!("List of all messages: {}", out.link(path)));
        }
    }
    Ok(Done::new(code, summary(&report, &name, args)))
}

fn options(args: &AuditArgs, stop: &Stop) -> AuditOptions {
    AuditOptions {
        manifest: args.manifest.clone(),
        quick: args.quick,
        read_data: args.read_data,
        accept_sizes: args.accept_sizes,
        fresh: args.fresh.unwrap_or(FRESH),
        scope: args.inbox.then_some(AuditScope::Inbox),
        stop: stop.flag.clone(),
    }
}

fn summary(report: &AuditReport, account: &str, args: &AuditArgs) -> Value {
    let mut summary = json!({
        "account": account,
        "may_leave": report.may_leave(),
        "other_folders": report.others.name(),
        "quick": report.quick,
        "compared": report.compared,
        "recorded": report.unrecorded.is_none(),
        "manifest": args.manifest.as_ref().map(|path| path.to_string_lossy()),
    });
    amounts(&mut summary, &report.tally());
    summary
}

fn to_json(account: &str, folder: &FolderAudit) -> Value {
    let mut line = json!({
        "account": account,
        "folder": folder.name,
        "excluded_by_rule": folder.excluded,
        "hidden": folder.hidden,
        "failed": folder.failed,
    });
    amounts(&mut line, &folder.tally);
    line
}

fn amounts(line: &mut Value, tally: &AuditTally) {
    line["messages"] = tally.all().messages.into();
    line["bytes"] = tally.all().octets.into();
    for status in ArchiveStatus::ALL {
        line[status.name()] = tally.of(status).messages.into();
    }
}

/// The table, and the answer.
fn lines(report: &AuditReport, account: &str) -> Vec<String> {
    let all = report.tally();
    let mut lines = vec![
        format!(
            "{} lists {}, {}",
            escape(&report.server.host),
            plural(all.all().messages, "message"),
            size(all.all().octets)
        ),
        String::new(),
    ];
    lines.extend(columns(report, &all));
    lines.push(String::new());
    for text in answer(report, account) {
        let hint = "  hint: ";
        let wrapped = match text.strip_prefix(hint) {
            Some(rest) => wrap(rest, hint, hint.len(), 80),
            None => wrap(&text, "", 0, 80),
        };
        lines.extend(wrapped.lines().map(str::to_owned));
    }
    lines
}

fn columns(report: &AuditReport, all: &AuditTally) -> Vec<String> {
    // Archived and unknown are the question; the others are shown where there are any.
    let shown: Vec<ArchiveStatus> = ArchiveStatus::ALL
        .into_iter()
        .filter(|status| {
            matches!(status, ArchiveStatus::Archived | ArchiveStatus::Unknown)
                || all.of(*status).messages > 0
        })
        .collect();
    let row = |name: String, tally: &AuditTally| {
        let mut row = vec![name, count(tally.all().messages)];
        row.extend(shown.iter().map(|status| count(tally.of(*status).messages)));
        row
    };
    let mut head = vec!["FOLDER".to_owned(), "MESSAGES".to_owned()];
    head.extend(shown.iter().map(|status| status.name().to_uppercase()));
    let mut rows = vec![head];
    rows.extend(report.folders.iter().map(|folder| {
        let name = cut(&escape(&folder.name), NAME);
        row(name, &folder.tally)
    }));
    if report.folders.len() > 1 {
        rows.push(row("total".to_owned(), all));
    }
    let mut aligns = vec![Align::Left];
    aligns.resize(shown.len() + 2, Align::Right);
    table(&rows, &aligns)
}

/// What it means, and what to do.
fn answer(report: &AuditReport, account: &str) -> Vec<String> {
    let mut lines = open(report, account);
    let all = report.tally();
    let only_there = |status: ArchiveStatus| {
        let amount = all.of(status);
        (amount.messages > 0).then(|| amount_text(amount))
    };
    let refused = all.of(ArchiveStatus::Refused);
    let refused = Amount {
        messages: refused.messages - report.refused.messages,
        octets: refused.octets - report.refused.octets,
    };
    let refused = (refused.messages > 0).then(|| amount_text(refused));
    let excluded = only_there(ArchiveStatus::Excluded);
    if let Some(sum) = only_there(ArchiveStatus::Accepted) {
        lines.push(format!(
            "Accepted although they arrived twice with another size than listed: {sum}."
        ));
    }
    let forgotten = only_there(ArchiveStatus::Forgotten);
    let what = if refused.is_some() || excluded.is_some() || forgotten.is_some() {
        "Everything else"
    } else {
        "Everything"
    };
    if let Some(sum) = refused {
        lines.push(format!(
            "Refused by the server; you accepted their loss: {sum}."
        ));
    }
    if let Some(sum) = forgotten {
        lines.push(format!("Forgotten here on purpose: {sum}."));
    }
    if let Some(sum) = excluded {
        let folders = report.folders.iter();
        let names: Vec<_> = folders
            .filter(|folder| folder.tally.of(ArchiveStatus::Excluded).messages > 0)
            .map(|folder| escape(&folder.name))
            .collect();
        lines.push(format!(
            "Excluded by your rules, and in no other folder: {sum}, in {}.",
            names.join(", ")
        ));
    }
    let host = escape(&report.server.host);
    let place = match report.others {
        OtherFolders::Audited => format!("on {host}"),
        _ => format!("in the inbox on {host}"),
    };
    lines.push(if !report.is_archived() {
        "Do not leave yet.".to_owned()
    } else if report.quick {
        format!(
            "{what} {place} has the name and size of an archived message. Headers were not \
             compared: run 'mailvault audit {account}' before you leave."
        )
    } else if report.may_leave() {
        format!("{what} {place} is archived: you may leave.")
    } else {
        format!("{what} {place} is archived.")
    });
    lines.extend(other_folders(report, account));
    if let Some(why) = &report.unrecorded {
        lines.push(format!(
            "The findings could not be recorded, so the next pull does not know about them: {}",
            escape(why)
        ));
    }
    if report.may_leave() {
        lines.push(
            "  hint: before you leave, 'mailvault verify --read-data' checks every stored \
             message; keep a second copy on another disk"
                .to_owned(),
        );
    }
    lines
}

/// What is not known of folders other than the inbox.
fn other_folders(report: &AuditReport, account: &str) -> Vec<String> {
    let host = escape(&report.server.host);
    let stay = if report.is_archived() {
        " Do not leave yet."
    } else {
        ""
    };
    let inbox = format!(
        "'mailvault audit --inbox {account}' checks the inbox alone, as does covers = \"inbox\" \
         in the configuration"
    );
    match &report.others {
        OtherFolders::Audited => Vec::new(),
        OtherFolders::NotWanted => {
            vec!["Other folders were not checked, as you asked.".to_owned()]
        }
        OtherFolders::NotShown => vec![
            format!(
                "POP3 shows the inbox only. Whether {host} has other folders, such as sent mail, \
                 is not known.{stay}"
            ),
            format!(
                "  hint: with protocol = \"auto\" for {account}, audit checks the other folders \
                 over IMAP; {inbox}"
            ),
        ],
        OtherFolders::Failed(why) => vec![
            format!(
                "POP3 shows the inbox only, and the other folders could not be read over IMAP: \
                 {}.{stay}",
                escape(why)
            ),
            format!("  hint: {inbox}"),
        ],
    }
}

/// What speaks against leaving.
fn open(report: &AuditReport, account: &str) -> Vec<String> {
    let all = report.tally();
    let (lost, unknown) = (all.of(ArchiveStatus::Lost), all.of(ArchiveStatus::Unknown));
    let mut lines = Vec::new();
    if unknown.messages > 0 {
        lines.push(format!(
            "Not archived: {}, {}.",
            plural(unknown.messages, "message"),
            size(unknown.octets)
        ));
        let mut folders = report.folders.iter().filter(|f| f.name != "INBOX");
        let elsewhere = folders.any(|folder| folder.tally.of(ArchiveStatus::Unknown).messages > 0);
        let all = if report.pulls_inbox && elsewhere {
            "--all-folders "
        } else {
            ""
        };
        lines.push(format!(
            "  hint: 'mailvault pull {all}{account}' fetches them; then audit again"
        ));
    }
    let compare = [
        (
            ArchiveStatus::Recognised,
            "Recognised only by header and size",
            "downloads and compares them",
        ),
        (
            ArchiveStatus::Doubtful,
            "Did not arrive as listed",
            "downloads them again",
        ),
        (
            ArchiveStatus::Differs,
            "Different from the archived message",
            "fetches them",
        ),
    ];
    for (status, words, what) in compare {
        let amount = all.of(status);
        if amount.messages > 0 {
            lines.push(format!(
                "{words}: {}, {}.",
                plural(amount.messages, "message"),
                size(amount.octets)
            ));
            let pull = if status == ArchiveStatus::Differs {
                format!("mailvault pull {account}")
            } else {
                format!("mailvault pull --compare {account}")
            };
            lines.push(format!("  hint: '{pull}' {what}; then audit again"));
        }
    }
    if report.refused.messages > 0 {
        lines.push(format!(
            "Refused by the server: {}.",
            amount_text(report.refused)
        ));
        lines.push(format!(
            "  hint: 'mailvault pull {account}' tries them again. To accept their loss, set \
             accept_refused = [{}] for {account}",
            named(&report.refused_names, report.refused.messages)
        ));
    }
    lines.extend(settled(report, account));
    if lost.messages > 0 {
        lines.push(format!(
            "Archived before, but missing from the vault: {}, {}.",
            plural(lost.messages, "message"),
            size(lost.octets)
        ));
        lines.push(format!(
            "  hint: 'mailvault verify --repair; mailvault pull {account}' fetches again what \
             the server still has"
        ));
    }
    lines.extend(unseen(report));
    lines
}

/// What arrived twice with another size than listed.
fn settled(report: &AuditReport, account: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let settled = report.tally().of(ArchiveStatus::Settled);
    if settled.messages > 0 {
        lines.push(format!(
            "Arrived twice with another size than listed: {}, {}. Either the listing is wrong, \
             or they are truncated on the server.",
            plural(settled.messages, "message"),
            size(settled.octets)
        ));
        lines.push(format!(
            "  hint: check them with 'mailvault search account:{account} is:settled'. If they \
             are complete, 'mailvault audit --accept-sizes {account}' accepts them in one audit, and \
             accept_short = [{}] for {account} in all of them",
            named(&report.settled, settled.messages)
        ));
    }
    lines
}

fn amount_text(amount: Amount) -> String {
    let messages = plural(amount.messages, "message");
    format!("{messages}, {}", size(amount.octets))
}

/// Names of messages as a list of TOML, with dots for those that are left out.
fn named(names: &[String], all: u64) -> String {
    let mut list: Vec<_> = names
        .iter()
        .map(|name| toml_string(&escape(name)))
        .collect();
    if all > names.len() as u64 {
        list.push("...".to_owned());
    }
    list.join(", ")
}

/// What the server keeps from view.
fn unseen(report: &AuditReport) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in report.folders.iter().filter(|folder| !folder.excluded) {
        if let Some(words) = &folder.failed {
            lines.push(format!(
                "Could not check {}; the server said: {}",
                escape(&folder.name),
                escape(words)
            ));
        } else if folder.hidden > 0 {
            lines.push(format!(
                "In {} the server counts {} more than it lists.",
                escape(&folder.name),
                plural(folder.hidden, "message")
            ));
        }
    }
    if report.windowed {
        lines.push(
            "This server shows only a part of its messages at a time; this table does not \
             include the others."
                .to_owned(),
        );
        lines.push(
            "  hint: audit over IMAP (protocol = \"imap\"), which shows all of them".to_owned(),
        );
    }
    lines
}
