//! `mailvault show`: one message, readable or as it is.

use std::io::{self, Read};
use std::path::Path;

use chrono::Utc;
use mailvault::base::error::{Error, PARTIAL};
use mailvault::export;
use mailvault::mail::message::Hash128;
use mailvault::mail::readable::{self, Readable};
use mailvault::vault::Vault;
use serde_json::json;

use super::Done;
use super::args::Show;
use super::hold;
use super::output::{Output, Tone};
use super::report::{self, Failure};
use super::settings::Settings;
use super::text::{Align, cut, escape, escape_bytes, escape_line, fold_line, size, table, wrap};

/// A header is not longer than this.
const HEADER_LIMIT: u64 = 1024 * 1024;

const PARTS_CUT: &str = "note: the message has too many or too deeply nested parts, and some \
     were left out; --raw has all of it";

pub(crate) fn run(args: &Show, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    if args.raw && out.json {
        return Err(Failure::usage(
            "--raw writes the message itself, which is not JSON",
            "leave out one of --raw and --json",
        ));
    }
    if args.raw && out.out_terminal {
        return Err(Failure::usage(
            "a raw message could do anything to your terminal",
            "send it to a file or program: mailvault show ID --raw > letter.eml",
        ));
    }
    let vault = settings.open_vault()?;
    let id = vault.resolve(&args.id)?;
    let mut message = vault.message(id)?;
    if let (Some(dir), false, false) = (&args.save, args.raw, args.headers) {
        // Half an attachment is none, however long the message is.
        return save(&read(&mut *message, u64::MAX, id)?, dir, id, out);
    }
    if args.raw {
        copy(&mut *message, id, out)?;
    } else if args.headers {
        let header = header(&read(&mut *message, HEADER_LIMIT, id)?);
        out.page();
        for line in header.lines() {
            print_header_line(line, out);
        }
        let line = json!({"id": id.to_string(), "header": header});
        out.json("header", line, false);
    } else {
        let mail = readable::read(&read(&mut *message, readable::LIMIT as u64 + 1, id)?);
        show(&mail, id, &vault, out)?;
    }
    Ok(Done::new(0, json!({"id": id.to_string()})))
}

/// The message, and the holds that cover it.
fn show(mail: &Readable, id: Hash128, vault: &Vault, out: &Output) -> Result<(), Error> {
    let (holds, undecided) = vault.holds_of(id, Utc::now())?;
    if out.json {
        let mut line = to_json(mail, id);
        line["holds"] = holds.iter().map(hold::to_json).collect();
        out.json("message", line, false);
    } else {
        print(mail, out);
        for held in holds {
            let label = format!("\nHeld by {}: ", escape(&held.name));
            let reason = wrap(&escape(&held.reason), &label, 2, report::COLUMNS);
            out.line(&reason);
        }
    }
    for fault in undecided {
        report::warn(out, &escape(&fault.to_string()), None);
    }
    Ok(())
}

/// Writes the attachments to files.
fn save(bytes: &[u8], dir: &Path, id: Hash128, out: &Output) -> Result<Done, Failure> {
    let parts = readable::parts(bytes);
    let saved = export::save(&parts, dir)?;
    for saved_path in &saved {
        let path = saved_path.to_string_lossy();
        out.line(&out.link(saved_path));
        out.json("saved", json!({"path": path}), false);
    }
    if saved.is_empty() {
        out.say("note: the message has no attachments");
    }
    if parts.cut {
        out.say(PARTS_CUT);
    }
    let summary = json!({"id": id.to_string(), "saved": saved.len(), "parts_cut": parts.cut});
    Ok(Done::new(if parts.cut { PARTIAL } else { 0 }, summary))
}

fn copy(message: &mut dyn Read, id: Hash128, out: &Output) -> Result<(), Error> {
    let mut buffer = vec![0; 64 * 1024];
    while !out.is_broken() {
        match message.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => out.bytes(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damaged(id, &error)),
        }
    }
    Ok(())
}

fn read(message: &mut dyn Read, limit: u64, id: Hash128) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = message.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| damaged(id, &error))?;
    Ok(bytes)
}

fn damaged(id: Hash128, error: &io::Error) -> Error {
    Error::Damaged {
        path: format!("the message {id}").into(),
        detail: error.to_string(),
    }
}

/// The header block, escaped, its lines ended by `\n`.
fn header(bytes: &[u8]) -> String {
    let mut header = String::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        // Folded lines may begin with a tab.
        let parts: Vec<_> = line
            .split(|byte| *byte == b'\t')
            .map(escape_bytes)
            .collect();
        header.push_str(&parts.join("\t"));
        header.push('\n');
    }
    header
}

fn print(mail: &Readable, out: &Output) {
    let wide = mail
        .headers
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        + 1;
    out.page();
    for (name, value) in &mail.headers {
        let shown = format!("{:wide$}", format!("{name}:"));
        let lines = match out.columns() {
            Some(columns) => wrap(&escape(value), &format!("{shown} "), wide + 1, columns),
            None => format!("{shown} {}", escape(value)),
        };
        out.line(&lines.replacen(&shown, &out.word(&shown, Tone::Head), 1));
    }
    out.line("");
    for line in mail.text.lines() {
        print_text_line(&escape_line(line), out);
    }
    if !mail.attachments.is_empty() {
        out.line("");
        out.line(&out.word("Attachments:", Tone::Head));
        let rows: Vec<_> = mail
            .attachments
            .iter()
            .map(|attachment| {
                let name = match attachment.name.as_str() {
                    "" => "(no name)".into(),
                    name => escape(name),
                };
                let kind = escape(&attachment.kind).into_owned();
                vec![format!("  {name}"), size(attachment.size), kind]
            })
            .collect();
        for line in table(&rows, &[Align::Left, Align::Right, Align::Left]) {
            out.line(&cut(&line, out.columns().unwrap_or(usize::MAX)));
        }
    }
    if mail.truncated {
        out.say("note: only the first 16 MiB are shown; --raw writes the whole message");
    }
    if mail.text_cut {
        out.say(
            "note: the text is too long and its end is left out; --raw writes the whole \
        message",
        );
    }
    if mail.parts_cut {
        out.say(PARTS_CUT);
    }
}

/// A line of a header: the name of the field stands out.
fn print_header_line(line: &str, out: &Output) {
    match line.split_once(':') {
        Some((name, value)) if !name.contains([' ', '\t']) => {
            let name = out.word(&format!("{name}:"), Tone::Head);
            out.line(&format!("{name}{value}"));
        }
        _ => out.line(line),
    }
}

/// A line of the text, which a terminal shows in as many lines as it needs.
fn print_text_line(line: &str, out: &Output) {
    let Some(columns) = out.columns() else {
        return out.line(line);
    };
    for part in fold_line(line, columns) {
        if line.starts_with('>') {
            out.line(&out.word(&part, Tone::Quote));
        } else {
            out.line(&part);
        }
    }
}

fn to_json(mail: &Readable, id: Hash128) -> serde_json::Value {
    let headers: serde_json::Map<_, _> = mail
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone().into()))
        .collect();
    let attachments: Vec<_> = mail
        .attachments
        .iter()
        .map(|part| json!({"name": part.name, "size": part.size, "type": part.kind}))
        .collect();
    json!({
        "id": id.to_string(),
        "headers": headers,
        "text": mail.text,
        "attachments": attachments,
        "truncated": mail.truncated,
        "text_cut": mail.text_cut,
        "parts_cut": mail.parts_cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_at_the_empty_line_and_is_escaped() {
        let mail = b"Subject: \x1b[2Jx\r\n\tfolded\r\nFrom: \xe4\r\n\r\nbody\r\n";
        assert_eq!(header(mail), "Subject: \\x1b[2Jx\n\tfolded\nFrom: \\xe4\n");
    }
}
