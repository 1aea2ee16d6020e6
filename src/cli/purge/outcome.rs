//! What a purge came to, in lines for people and for programs.

use mailvault::base::error::{Error, ErrorKind, PARTIAL};
use mailvault::purge::{ConfirmedPlan, PurgeOptions};
use mailvault::purge::{KeptMessage, PurgeReport, Reason};
use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::cli::report::{self, code_name};
use crate::cli::text::{count, cut, escape, plural, seconds, size};

/// Messages named for one reason; the rest is counted.
const NAMED: usize = 10;
/// Columns of a terminal that everything fits.
const COLUMNS: usize = 80;

/// Warnings, the line for programs of this type, and the exit code.
pub(crate) fn outcome(
    out: &Output,
    line_type: &str,
    account: &str,
    report: &PurgeReport,
    error: Option<&Error>,
) -> u8 {
    if let Some(error) = error {
        report::print(out, error, Some(account));
    }
    kept(out, account, report);
    if report.strays > 0 {
        let message = format!(
            "{account}: {} disappeared that mailvault did not delete",
            plural(report.strays, "other message")
        );
        let hint = "another program may have deleted them. If not, do not purge there again: \
                    the server deletes messages other than those that mailvault names.";
        report::warn(out, &message, Some(hint));
    }
    for (folder, why) in &report.folders_failed {
        let message = format!(
            "{account}: nothing was deleted in {}\n  {}",
            escape(folder),
            escape(why)
        );
        report::warn(out, &message, None);
    }
    let unconfirmed = report.still_there > 0 || report.strays > 0 || report.unknown > 0;
    let code = match error {
        Some(error) => error.kind().exit_code(),
        None if unconfirmed => ErrorKind::Unconfirmed.exit_code(),
        None if report.count_kept() > 0 || !report.folders_failed.is_empty() => PARTIAL,
        None => 0,
    };
    let line = json!({
        "account": account,
        "status": code_name(code),
        "planned": report.planned.messages,
        "planned_bytes": report.planned.octets,
        "read_back": report.intact,
        "asked": report.asked.messages,
        "freed": report.freed.messages,
        "freed_bytes": report.freed.octets,
        "kept": report.count_kept(),
        "unknown": report.unknown,
        "not_asked": report.unasked,
        "strays": report.strays,
        "folders_failed": report.folders_failed.iter().map(|(folder, _)| folder).collect::<Vec<_>>(),
        "in_trash": report.in_trash,
        "quota": report.quota.map(|quota| json!({
            "used_before": quota.before,
            "used": quota.after,
            "limit": quota.limit,
        })),
        "server_messages": report.left.map(|left| left.messages),
        "server_bytes": report.left.map(|left| left.octets),
        "seconds": seconds(report.elapsed),
    });
    out.json(line_type, line, true);
    code
}

/// Notes what became of the deletions of an earlier run where there is nothing to delete
/// now; the exit code.
pub(crate) fn settled(
    out: &Output,
    account: &str,
    agreed: &ConfirmedPlan,
    options: &PurgeOptions,
) -> u8 {
    match agreed.settle(options) {
        // Whoever writes there lists too.
        Ok(()) | Err(Error::Locked { .. }) => 0,
        Err(error) => {
            report::print(out, &error, Some(account));
            error.kind().exit_code()
        }
    }
}

/// What stayed, reason by reason.
fn kept(out: &Output, account: &str, report: &PurgeReport) {
    for message in &report.kept {
        let line = json!({
            "account": account,
            "uid": message.uid,
            "id": message.id.to_string(),
            "bytes": message.octets,
            "subject": message.subject,
            "reason": reason_name(&message.reason),
            "server_reply": if let Reason::Refused(reply) = &message.reason { Some(reply) } else { None },
        });
        out.json("kept", line, true);
    }
    let groups = by_reason(&report.kept);
    let gave_up = gave_up_for(&groups).filter(|_| report.unasked > 0);
    for (at, those) in groups.iter().enumerate() {
        let first = those[0];
        let (words, hint) = reason_words(&first.reason, account, those.len());
        let mut message = format!("{account}: {words}");
        for one in those.iter().take(NAMED) {
            let line = format!(
                "  {}  {}  {}",
                &one.id.to_string()[..8],
                size(one.octets),
                escape(&one.subject)
            );
            message.push('\n');
            message.push_str(&cut(&line, COLUMNS));
        }
        if those.len() > NAMED {
            message = format!(
                "{message}\n  and {} more",
                count((those.len() - NAMED) as u64)
            );
        }
        if gave_up == Some(at) {
            message = format!(
                "{message}\n  {} not attempted after that",
                plural(report.unasked, "more message")
            );
        }
        report::warn(out, &message, Some(&hint));
    }
    if report.kept_unnamed > 0 {
        let more = plural(report.kept_unnamed, "more message");
        let message = format!("{account}: {more} kept on the server, too many to list");
        report::warn(
            out,
            &message,
            Some("deal with the messages listed above, then run the purge again"),
        );
    }
}

/// What stayed, by reason, in the order in which the reasons first came.
fn by_reason(kept: &[KeptMessage]) -> Vec<Vec<&KeptMessage>> {
    let mut groups: Vec<Vec<&KeptMessage>> = Vec::new();
    for message in kept {
        let name = reason_name(&message.reason);
        let of_this = |group: &&mut Vec<&KeptMessage>| reason_name(&group[0].reason) == name;
        match groups.iter_mut().find(of_this) {
            Some(group) => group.push(message),
            None => groups.push(vec![message]),
        }
    }
    groups
}

/// Which of the groups is why the rest was not tried: what the server kept.
fn gave_up_for(groups: &[Vec<&KeptMessage>]) -> Option<usize> {
    let with = |is: fn(&Reason) -> bool| groups.iter().position(|group| is(&group[0].reason));
    with(|reason| matches!(reason, Reason::StillThere))
        .or_else(|| with(|reason| matches!(reason, Reason::Refused(_))))
}

fn reason_name(reason: &Reason) -> &'static str {
    match reason {
        Reason::NotIntact => "not_intact",
        Reason::NotCopied => "not_copied",
        Reason::Octets { .. } => "octets",
        Reason::OtherMessage => "other_message",
        Reason::Unreadable => "unreadable",
        Reason::Refused(_) => "refused",
        Reason::StillThere => "still_there",
        Reason::Unended => "unended",
    }
}

fn reason_words(reason: &Reason, account: &str, messages: usize) -> (String, String) {
    let one = messages == 1;
    let pick = |single: &'static str, many: &'static str| if one { single } else { many };
    let those = plural(messages as u64, "message");
    match reason {
        Reason::NotIntact => (
            format!(
                "{those} kept on the server: {} damaged or missing",
                pick("the archived copy is", "the archived copies are")
            ),
            format!(
                "'mailvault verify --read-data --repair' sets damaged copies aside, and then \
                 'mailvault pull {account}' fetches them again"
            ),
        ),
        Reason::NotCopied => (
            format!("{those} kept on the server: the second copy does not have them"),
            "'mailvault offsite push' sends them there".to_owned(),
        ),
        Reason::Octets { listed, received } => (
            format!(
                "{those} kept on the server: the received size is not the one\n  \
                 that is listed ({}{} octets listed, {} received)",
                pick("", "the first: "),
                count(*listed),
                count(*received)
            ),
            "the archived copy may be incomplete; check it with 'mailvault show ID'".to_owned(),
        ),
        Reason::OtherMessage => (
            format!(
                "{those} kept on the server: {}",
                pick(
                    "the server now shows another message under its ID",
                    "the server now shows other messages under their IDs"
                )
            ),
            format!("'mailvault pull {account}' archives what is there now"),
        ),
        Reason::Unreadable => (
            format!(
                "{those} kept on the server, which shows neither header nor text of {}",
                pick("it", "them")
            ),
            "try again later".to_owned(),
        ),
        Reason::Refused(reply) => (
            format!(
                "{those} not deleted: the server refused\n  server said: {}",
                escape(reply)
            ),
            "try again later".to_owned(),
        ),
        Reason::StillThere => (
            format!(
                "{those} reported as deleted, but {} still listed",
                pick("it is", "they are")
            ),
            "this depends on a setting at the provider. For Gmail: Settings > Forwarding and \
             POP/IMAP > \"When messages are accessed with POP\", or for IMAP \"When a message \
             is marked as deleted\" > delete. Elsewhere look for \"leave a copy on the \
             server\" in the provider's settings."
                .to_owned(),
        ),
        Reason::Unended => (
            format!("{those} not deleted: the server did not end the session properly, twice"),
            "try again later; fewer at a time may help, as with --free 10M".to_owned(),
        ),
    }
}

/// Says what was done.
pub(crate) fn print_result(report: &PurgeReport, account: &str, out: &Output) {
    if !out.quiet {
        for line in result(report, account) {
            out.line(&line);
        }
    }
}

/// What was done, for people.
fn result(report: &PurgeReport, account: &str) -> Vec<String> {
    let planned = report.planned.messages;
    let mut rows = vec![(
        "Archived copies",
        format!(
            "{} of {} read back{}",
            count(report.intact),
            count(planned),
            if report.intact == planned {
                ", all match"
            } else {
                ""
            }
        ),
    )];
    let freed = report.freed.messages;
    rows.push((
        "Deleted",
        match report.unknown {
            0 if freed == 0 => "0".to_owned(),
            0 => format!("{}, confirmed by a new listing", count(freed)),
            unknown => format!("{}, and {} in doubt", count(freed), count(unknown)),
        },
    ));
    if let Some(left) = report.left {
        rows.push((
            "Listed again",
            format!(
                "{}, {} left on the server",
                plural(left.messages, "message"),
                size(left.octets)
            ),
        ));
    }
    if let Some(quota) = report.quota {
        rows.push((
            "Quota",
            format!(
                "{} of {} used, {} before",
                size(quota.after),
                size(quota.limit),
                size(quota.before)
            ),
        ));
    }
    let mut lines: Vec<String> = rows
        .into_iter()
        .map(|(label, text)| format!("{label:<16}  {text}"))
        .collect();
    lines.push(String::new());
    let kept = "The vault keeps every message; 'mailvault status' lists purges.";
    match report.in_trash {
        0 => lines.push(format!("Freed {}. {kept}", size(report.freed.octets))),
        moved => lines.extend([
            format!(
                "{} now in the server's Trash, and take space until it is emptied:",
                if moved == freed {
                    "They are".to_owned()
                } else {
                    format!("{} of them are", count(moved))
                }
            ),
            format!(
                "'mailvault pull {account}', then 'mailvault purge {account} --match folder:Trash', \
                 or by hand."
            ),
            kept.to_owned(),
        ]),
    }
    lines
}

/// The last line for programs.
pub(super) fn summary(report: Option<&PurgeReport>) -> Value {
    let report = report.cloned().unwrap_or_default();
    json!({
        "freed": report.freed.messages,
        "freed_bytes": report.freed.octets,
        "kept": report.count_kept(),
        "unknown": report.unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailvault::mail::message::Hash128;

    fn kept(reason: Reason) -> KeptMessage {
        KeptMessage {
            uid: "1".to_owned(),
            id: Hash128::of(b"1"),
            octets: 1,
            subject: String::new(),
            reason,
        }
    }

    #[test]
    fn each_message_that_stays_is_named_under_its_own_reason() {
        let octets = |received| Reason::Octets {
            listed: 1,
            received,
        };
        let reasons = [
            Reason::NotIntact,
            Reason::NotCopied,
            octets(2),
            Reason::OtherMessage,
            octets(3),
            Reason::Unreadable,
            Reason::Refused("no".to_owned()),
            Reason::StillThere,
            Reason::Refused("never".to_owned()),
            Reason::Unended,
        ];
        let all = reasons.map(kept);
        let groups = by_reason(&all);
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, 2, 1, 1, 2, 1, 1]);
        assert_eq!(gave_up_for(&groups), Some(6));
        let all = [Reason::NotCopied, Reason::Refused(String::new())].map(kept);
        assert_eq!(gave_up_for(&by_reason(&all)), Some(1));
        assert_eq!(gave_up_for(&by_reason(&all[..1])), None);
    }
}
