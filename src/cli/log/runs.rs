//! What happened to the vault, run by run.

use mailvault::vault::Vault;
use mailvault::vault::catalog::{HistoryFilter, HistoryKind, HistoryRow};
use mailvault::vault::ledger::SessionRecord;
use serde_json::{Value, json};

use super::super::Done;
use super::super::output::{Output, Tone};
use super::super::report::{Failure, code_name, code_words};
use super::super::text::{Align, Columns, count, escape, minute, plural, rfc3339, size};
use super::{tell_shown, wrapped};

const ALIGNS: [Align; 3] = [Align::Left; 3];

/// Prints what happened, the newest first; pulls that found nothing new only if `all` is set.
pub(super) fn show(
    vault: &Vault,
    account: Option<&str>,
    all: bool,
    limit: Option<u64>,
    out: &Output,
) -> Result<Done, Failure> {
    let stored = account.map(|name| vault.stored(name).to_owned());
    let filter = HistoryFilter {
        account: stored.as_deref(),
        quiet: all,
    };
    if !out.json {
        out.page();
    }
    let (mut before, mut shown, mut oldest) = (u64::MAX, 0, 0);
    let mut more = false;
    while !out.is_broken() {
        // One more than shown, to know whether there are more.
        let left = limit.map_or(u64::MAX, |limit| (limit - shown).saturating_add(1));
        let mut page = vault.history(filter, before, left)?;
        let Some(last) = page.last() else {
            oldest = 0;
            break;
        };
        before = last.line;
        if limit.is_some_and(|limit| shown + page.len() as u64 > limit) {
            page.pop();
            more = true;
        }
        oldest = page.last().map_or(oldest, |row| row.line);
        shown += page.len() as u64;
        print(&page, out);
        if more {
            break;
        }
    }
    let hidden = if all {
        0
    } else {
        vault.quiet_pulls(stored.as_deref(), oldest)?
    };
    tell(shown, more, hidden, out);
    Ok(Done::new(
        0,
        json!({"events": shown, "more": more, "nothing_new": hidden}),
    ))
}

/// Says what is not shown.
fn tell(shown: u64, more: bool, hidden: u64, out: &Output) {
    if out.quiet || out.json {
        return;
    }
    if hidden > 0 {
        let pulls = plural(hidden, "pull");
        out.say(&format!(
            "note: {pulls} that found nothing new {} left out; --all shows them",
            if hidden == 1 { "is" } else { "are" }
        ));
    }
    tell_shown(shown, more, "nothing is on record", out);
}

fn print(page: &[HistoryRow], out: &Output) {
    let mut table = Columns::new(&ALIGNS);
    let rows: Vec<_> = page.iter().map(cells).collect();
    for row in &rows {
        table.fit(row);
    }
    for (row, cells) in page.iter().zip(&rows) {
        out.json("log", to_json(row), false);
        let start = table.painted(cells, usize::MAX, |n, cell| match n {
            0 => out.word(cell, Tone::Dim),
            1 => out.word(cell, tone(row)),
            _ => cell.to_owned(),
        });
        out.line(&wrapped(&what(row), &format!("{start}  "), out));
    }
}

fn tone(row: &HistoryRow) -> Tone {
    match row.kind {
        HistoryKind::Lost | HistoryKind::Accepted => Tone::Bad,
        HistoryKind::Verified if row.messages > 0 => Tone::Bad,
        HistoryKind::Pulled if row.session.as_ref().is_some_and(|s| s.result != 0) => Tone::Warn,
        HistoryKind::Vanished
        | HistoryKind::Purged
        | HistoryKind::Forgotten
        | HistoryKind::PurgeKept
        | HistoryKind::UploadFailed => Tone::Warn,
        _ => Tone::Head,
    }
}

fn cells(row: &HistoryRow) -> [String; 3] {
    [
        minute(row.time),
        row.kind.as_str().to_owned(),
        escape(&row.account).into_owned(),
    ]
}

fn what(row: &HistoryRow) -> String {
    let messages = plural(row.messages, "message");
    let detail = escape(&row.detail);
    let reason = escape(&row.reason);
    let what = match row.kind {
        HistoryKind::Pulled => row.session.as_ref().map(totals).unwrap_or_default(),
        HistoryKind::Imported => {
            let new = plural(row.messages, "new message");
            format!("{new}, {}, from {detail}", size(row.octets))
        }
        HistoryKind::Vanished => {
            format!("{messages} no longer where they were on {detail}: deleted or moved")
        }
        HistoryKind::Reappeared => format!("{messages} back on {detail}"),
        HistoryKind::Purged => format!("{messages} deleted on {detail}"),
        HistoryKind::PurgeKept => format!("{messages} not deleted by {detail}"),
        HistoryKind::Adopted => format!("{messages} found in the vault's folders and recorded"),
        HistoryKind::Lost => format!("{messages} with a missing or damaged file"),
        HistoryKind::Uploaded => format!("{messages} exported to {detail}"),
        HistoryKind::UploadFailed => format!("{messages} not taken by {detail}"),
        HistoryKind::Verified => format!(
            "{}: {} left",
            scope(&detail),
            match row.messages {
                0 => "no damage".to_owned(),
                damage => plural(damage, "damaged item"),
            }
        ),
        HistoryKind::Forgotten => format!("{messages}, reason: {reason}"),
        HistoryKind::Remembered => format!("{messages} may come back; forgotten for: {reason}"),
        HistoryKind::Held => format!("{detail}: {messages}, reason: {reason}"),
        HistoryKind::Released if reason.is_empty() => detail.into_owned(),
        HistoryKind::Released => format!("{detail}, reason: {reason}"),
        HistoryKind::Merged => format!("{detail} became part of it"),
        HistoryKind::Accepted => format!("damage of {detail} set aside"),
    };
    let began = minute(row.began);
    if began == minute(row.time) {
        what
    } else {
        format!("{what} (from {began} on)")
    }
}

/// What a verify looked at.
fn scope(scope: &str) -> String {
    let (scope, is_cut) = match scope.strip_suffix(" part") {
        Some(scope) => (scope, true),
        None => (scope, false),
    };
    let (scope, accounts) = scope.split_once(" of ").unwrap_or((scope, ""));
    let (what, part) = scope.split_once(' ').unwrap_or((scope, ""));
    let mut text = match what {
        "data" => "messages read back".to_owned(),
        "names" => "names and sizes".to_owned(),
        "all" => "the whole vault".to_owned(),
        other => other.to_owned(),
    };
    for (name, value) in [(", part ", part), (" of ", accounts)] {
        if !value.is_empty() {
            text += name;
            text += value;
        }
    }
    if is_cut {
        text += ", not to the end";
    }
    text
}

fn totals(session: &SessionRecord) -> String {
    let ended = code_words(session.result);
    let mut parts = Vec::new();
    // What was never listed has no number.
    if session.listed > 0 || ended.is_empty() {
        let listed = plural(session.listed, "message");
        parts.push(format!("{} new of {listed}", count(session.new)));
    }
    if session.new > 0 {
        parts.push(size(session.octets));
    }
    if session.duplicates > 0 {
        parts.push(format!("{} already stored", count(session.duplicates)));
    }
    if session.refused > 0 {
        parts.push(format!("{} refused", count(session.refused)));
    }
    if !ended.is_empty() {
        parts.push(format!("{ended} (exit {})", session.result));
    } else if !session.complete {
        parts.push("not to the end".to_owned());
    }
    parts.join(", ")
}

fn to_json(row: &HistoryRow) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut line = json!({
        "time": rfc3339(row.time),
        "event": row.kind.as_str(),
        "account": some(&row.account),
    });
    let set = &mut |key: &str, value: Value| line[key] = value;
    if let Some(session) = &row.session {
        set("protocol", session.proto.as_str().into());
        set("complete", session.complete.into());
        set("listed", session.listed.into());
        set("new", session.new.into());
        set("duplicates", session.duplicates.into());
        set("refused", session.refused.into());
        set("bytes", session.octets.into());
        set("exit", session.result.into());
        set("code", code_name(session.result).into());
        return line;
    }
    set("began", rfc3339(row.began).into());
    set("reason", some(&row.reason).into());
    let detail = match row.kind {
        HistoryKind::Verified => "scope",
        HistoryKind::Held | HistoryKind::Released => "hold",
        HistoryKind::Merged => "merged",
        HistoryKind::Accepted => "file",
        HistoryKind::Imported => "format",
        _ => "server",
    };
    if !row.detail.is_empty() {
        set(detail, row.detail.as_str().into());
    }
    match row.kind {
        HistoryKind::Verified => set("damage", row.messages.into()),
        HistoryKind::Released | HistoryKind::Merged | HistoryKind::Accepted => {}
        _ => set("messages", row.messages.into()),
    }
    if row.kind == HistoryKind::Imported {
        set("bytes", row.octets.into());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_verify_looked_at_is_said_in_words() {
        for (recorded, shown) in [
            ("names", "names and sizes"),
            ("data part", "messages read back, not to the end"),
            ("data 1/7", "messages read back, part 1/7"),
            ("names of work,home", "names and sizes of work,home"),
            (
                "data 2/3 of work part",
                "messages read back, part 2/3 of work, not to the end",
            ),
        ] {
            assert_eq!(scope(recorded), shown);
        }
    }
}
