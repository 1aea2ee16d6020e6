//! What happened to messages: the lines of the ledger that speak of them.

use mailvault::base::error::{Error, ErrorKind};
use mailvault::mail::message::Hash128;
use mailvault::mail::query::Query;
use mailvault::mail::source::{Uid, Voucher};
use mailvault::vault::catalog::{NameOnServer, Order, Proof, SortBy, State};
use mailvault::vault::layout::folder_label;
use mailvault::vault::ledger::{Evidence, Identity, LedgerEvent, Proto, Seen};
use mailvault::vault::{LifeEvent, Vault};
use serde_json::{Value, json};

use super::super::Done;
use super::super::output::{Output, Tone};
use super::super::report::{self, Failure};
use super::super::text::{day, escape, escape_bytes, minute, plural, rfc3339, size};
use super::{tell_shown, wrapped};

/// Prints what happened to the messages that a query selects, the newest first, and returns
/// whether there was anything.
pub(super) fn show(
    vault: &Vault,
    query: &Query,
    one: Option<Hash128>,
    limit: Option<u64>,
    out: &Output,
) -> Result<(Done, bool), Failure> {
    super::super::search::read_texts(vault, query, out)?;
    if !out.json {
        out.page();
    }
    if let Some(id) = one {
        describe(id, query, vault, out)?;
    }
    // One more than shown, to know whether there are more.
    let most = limit.map(|limit| limit.saturating_add(1));
    let mut events = vault.life(query, most)?;
    let (mut shown, mut more) = (0, false);
    for event in &mut events {
        if limit == Some(shown) || out.is_broken() {
            more = limit == Some(shown);
            break;
        }
        let event = event?;
        out.json("event", to_json(&event, vault), false);
        if !out.json {
            print(&event, one.is_none(), vault, out)?;
        }
        shown += 1;
    }
    let unreadable = events.unreadable();
    if unreadable > 0 {
        let lines = plural(unreadable, "damaged line");
        let message = format!("not shown: {lines} of the ledger");
        report::warn(out, &message, Some("find the damage with mailvault verify"));
    }
    if unreadable == 0 || shown > 0 {
        tell_shown(shown, more, "no messages match", out);
    }
    let code = if unreadable > 0 {
        ErrorKind::Damaged.exit_code()
    } else {
        0
    };
    let summary = json!({"events": shown, "more": more, "unreadable": unreadable});
    Ok((Done::new(code, summary), shown > 0))
}

/// Prints what a message is, where it lies and what servers call it.
fn describe(id: Hash128, query: &Query, vault: &Vault, out: &Output) -> Result<(), Error> {
    let by_date = Order {
        by: SortBy::Date,
        reverse: false,
    };
    let hits = vault.search(query, by_date, Some(1))?;
    let hit = hits.rows().next().transpose()?;
    let files = vault.files_of(id)?;
    let names = vault.names_of(id)?;
    if out.json {
        let shown: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        let names: Vec<Value> = names.iter().map(|name| name_json(name, vault)).collect();
        let line = json!({"id": id.to_string(), "files": shown, "on_servers": names});
        out.json("life", line, false);
        return Ok(());
    }
    let short = vault.short_id(id)?;
    let subject = hit.as_ref().map_or("", |hit| hit.subject.as_str());
    out.line(&format!(
        "{}  {}",
        out.word(&short, Tone::Id),
        escape(subject)
    ));
    if let Some(hit) = &hit {
        let date = match hit.date {
            0 => "date unknown".to_owned(),
            date => day(date),
        };
        out.line(&format!(
            "  {}, {date}, {}",
            escape(&hit.from),
            size(hit.size)
        ));
    }
    for file in &files {
        out.line(&format!("  in {}", out.link(file)));
    }
    if files.is_empty() {
        out.line(&format!("  {}", out.word("its file is missing", Tone::Bad)));
    }
    for name in &names {
        out.line(&wrapped(&name_text(name, vault), "  ", out));
    }
    out.line("");
    Ok(())
}

fn name_text(name: &NameOnServer, vault: &Vault) -> String {
    let place = place(&name.account, Some(&name.dir), vault);
    let uid = uid(&name.uid).map_or(String::new(), |uid| format!(", {uid}"));
    let server = escape(&name.server);
    let date = day(name.time);
    if is_import(name) {
        return format!("{place}: imported from {server} on {date}");
    }
    let fate = match name.state {
        State::Seen if is_imap(&name.uid) => "there as of the last pull".to_owned(),
        State::Seen => "not deleted by mailvault".to_owned(),
        State::Refused => format!("not given by the server on {date}"),
        State::Vanished => format!("no longer there, noticed on {date}"),
        State::PurgeIntent => format!("may be deleted there; mailvault asked for it on {date}"),
        State::Purged => format!("deleted there by mailvault on {date}"),
        State::PurgeKept => format!("not deleted by the server, asked for on {date}"),
        State::Lost | State::Wanted => "to be fetched again".to_owned(),
    };
    let known = match name.proof {
        Proof::Received => "received under this name",
        Proof::Vouched => "the server says that it is the same message",
        Proof::Recognised => "recognised by its header and size only",
        Proof::Doubtful => "what came does not agree with the server's list",
        Proof::Settled => "the same bytes came twice and do not agree with the server's list",
    };
    let checked = name.checked.map_or(String::new(), |time| {
        format!("; header compared with the server's on {}", day(time))
    });
    format!("{place}{uid} at {server}: {fate}; {known}{checked}")
}

fn is_imap(uid: &Uid) -> bool {
    matches!(uid, Uid::Imap { .. })
}

/// True if it is no name on a server but the form of what was imported.
fn is_import(name: &NameOnServer) -> bool {
    name.uid == Uid::Absent && !name.server.contains('@')
}

fn name_json(name: &NameOnServer, vault: &Vault) -> Value {
    json!({
        "account": vault.called_now(&name.account),
        "server": name.server,
        "folder": folder_label(&name.dir),
        "uid": uid_json(&name.uid),
        "state": match name.state {
            State::Seen if is_import(name) => "imported",
            State::Seen if is_imap(&name.uid) => "on-server",
            // Nobody records what other programs delete there.
            State::Seen => "not-deleted",
            State::Refused => "refused",
            State::Vanished => "vanished",
            State::PurgeIntent => "purge-intent",
            State::Purged => "purged",
            State::PurgeKept => "purge-kept",
            State::Lost => "lost",
            State::Wanted => "wanted",
        },
        "since": rfc3339(name.time),
        "known": name.proof.name(),
        "checked": name.checked.and_then(rfc3339),
    })
}

fn print(event: &LifeEvent, named: bool, vault: &Vault, out: &Output) -> Result<(), Error> {
    let id = if named {
        format!("{}  ", out.word(&vault.short_id(event.id)?, Tone::Id))
    } else {
        String::new()
    };
    let what = words(&event.event, event.id, vault);
    let place = name_in(&event.event).map_or(String::new(), |identity| {
        let place = place(&identity.account, identity.dir.as_deref(), vault);
        let uid = uid(&identity.uid).map_or(String::new(), |uid| format!(", {uid}"));
        format!("{place}{uid}: ")
    });
    let start = format!("{}  {id}", out.word(&minute(event.time), Tone::Dim));
    out.line(&wrapped(&format!("{place}{what}"), &start, out));
    Ok(())
}

/// The name of the message that an event is about.
fn name_in(event: &LedgerEvent) -> Option<&Identity> {
    match event {
        LedgerEvent::Seen(seen) => Some(&seen.identity),
        LedgerEvent::Flags { identity, .. }
        | LedgerEvent::Vanished { identity, .. }
        | LedgerEvent::Reappeared { identity, .. }
        | LedgerEvent::Wanted { identity, .. }
        | LedgerEvent::Asked { identity, .. }
        | LedgerEvent::PurgeIntent { identity, .. }
        | LedgerEvent::Purged { identity, .. }
        | LedgerEvent::PurgeKept { identity, .. } => Some(identity),
        _ => None,
    }
}

/// What happened.
fn words(event: &LedgerEvent, id: Hash128, vault: &Vault) -> String {
    match event {
        LedgerEvent::Seen(seen) => arrival(seen),
        LedgerEvent::Flags { flags, kw, .. } => marks(flags, kw),
        LedgerEvent::Vanished { .. } => "no longer on the server".to_owned(),
        LedgerEvent::Reappeared { .. } => "on the server again".to_owned(),
        LedgerEvent::Wanted { why, .. } => format!("to be fetched again: {}", escape(why)),
        LedgerEvent::Asked { .. } => "the server shows another header for it".to_owned(),
        LedgerEvent::PurgeIntent { .. } => "about to be deleted on the server: the copy in the \
             vault was read back, and the server showed the same message"
            .to_owned(),
        LedgerEvent::Purged { .. } => "deleted on the server, which no longer lists it".to_owned(),
        LedgerEvent::PurgeKept { .. } => "not deleted by the server".to_owned(),
        LedgerEvent::Adopted { account, .. } => {
            format!(
                "found in the folder of {}",
                escape(vault.called_now(account))
            )
        }
        LedgerEvent::Lost { .. } => "its file is missing or damaged".to_owned(),
        LedgerEvent::Superseded { hash, by } if *hash == id => {
            format!("a cut or wrong form of {by}, which has come")
        }
        LedgerEvent::Superseded { hash, .. } => {
            format!("{hash} turned out to be a cut or wrong form of it")
        }
        LedgerEvent::Uploaded {
            destination,
            folder,
            ..
        } => format!(
            "exported to {}, folder {}",
            escape(destination),
            escape(folder)
        ),
        LedgerEvent::UploadFailed {
            destination,
            folder,
            ..
        } => format!(
            "not taken by {}, folder {}",
            escape(destination),
            escape(folder)
        ),
        other => other.name().to_owned(),
    }
}

/// Flags and keywords.
fn marks(letters: &str, keywords: &str) -> String {
    let words = letters.chars().map(|letter| match letter {
        'D' => "draft".to_owned(),
        'F' => "flagged".to_owned(),
        'P' => "passed on".to_owned(),
        'R' => "answered".to_owned(),
        'S' => "seen".to_owned(),
        'T' => "marked as deleted".to_owned(),
        other => other.to_string(),
    });
    let keywords = keywords
        .split_whitespace()
        .map(|word| escape(word).into_owned());
    let all: Vec<_> = words.chain(keywords).collect();
    match &all[..] {
        [] => "flags: none".to_owned(),
        all => format!("flags: {}", all.join(", ")),
    }
}

/// How a message came, or was known to be one that had come.
fn arrival(seen: &Seen) -> String {
    let how = match seen.identity.proto() {
        Proto::Pop3 => "over POP3",
        Proto::Imap => "over IMAP",
        Proto::Import => "by an import",
    };
    match seen.evidence {
        Evidence::Unstated => format!("archived {how}"),
        Evidence::Received => format!("received {how}, {}", size(seen.size)),
        Evidence::Vouched(voucher) => {
            let by = vouched(voucher);
            format!("the server says that it is a received message ({by})")
        }
        Evidence::Recognised => "recognised by its header and size".to_owned(),
        Evidence::Doubtful(times) => format!("received {how}, not as listed (session {times})"),
        Evidence::Settled => format!("received {how} again with the same bytes, not as listed"),
    }
}

fn vouched(voucher: Voucher) -> &'static str {
    match voucher {
        Voucher::EmailId => "EMAILID",
        Voucher::Gmail => "X-GM-MSGID",
        Voucher::Guid => "X-GUID and header",
        Voucher::Uidl => "UIDL",
    }
}

/// An account and a folder, as people write them.
fn place(account: &str, dir: Option<&str>, vault: &Vault) -> String {
    let folder = folder_label(dir.unwrap_or_default());
    escape(&format!("{}/{folder}", vault.called_now(account))).into_owned()
}

fn uid(uid: &Uid) -> Option<String> {
    match uid {
        Uid::Absent => None,
        Uid::Uidl(name) => Some(format!("UIDL {}", escape_bytes(name))),
        Uid::Imap { uid, .. } => Some(format!("UID {uid}")),
    }
}

fn uid_json(uid: &Uid) -> Value {
    match uid {
        Uid::Absent => Value::Null,
        Uid::Uidl(name) => String::from_utf8_lossy(name).into(),
        Uid::Imap { uid, .. } => (*uid).into(),
    }
}

fn to_json(event: &LifeEvent, vault: &Vault) -> Value {
    let mut line = json!({
        "id": event.id.to_string(),
        "time": rfc3339(event.time),
        "seq": event.seq,
        "event": event.event.name(),
    });
    if let Some(identity) = name_in(&event.event) {
        line["account"] = vault.called_now(&identity.account).into();
        line["server"] = identity.server.as_str().into();
        line["folder"] = folder_label(identity.dir.as_deref().unwrap_or_default()).into();
        line["uid"] = uid_json(&identity.uid);
    }
    match &event.event {
        LedgerEvent::Seen(seen) => {
            line["protocol"] = seen.identity.proto().as_str().into();
            line["size"] = seen.size.into();
            line["flags"] = seen.flags.as_str().into();
            line["keywords"] = seen.kw.as_str().into();
            line["received"] = seen.idate.and_then(rfc3339).into();
        }
        LedgerEvent::Flags { flags, kw, .. }
        | LedgerEvent::Vanished { flags, kw, .. }
        | LedgerEvent::Reappeared { flags, kw, .. } => {
            line["flags"] = flags.as_str().into();
            line["keywords"] = kw.as_str().into();
        }
        LedgerEvent::Wanted { why, .. } => line["why"] = why.as_str().into(),
        LedgerEvent::Adopted { account, .. } => line["account"] = vault.called_now(account).into(),
        LedgerEvent::Superseded { hash, by } => {
            line["superseded"] = hash.to_string().into();
            line["by"] = by.to_string().into();
        }
        LedgerEvent::Uploaded {
            destination,
            folder,
            ..
        }
        | LedgerEvent::UploadFailed {
            destination,
            folder,
            ..
        } => {
            line["server"] = destination.as_str().into();
            line["folder"] = folder.as_str().into();
        }
        _ => {}
    }
    line
}
