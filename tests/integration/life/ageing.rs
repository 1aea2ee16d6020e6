//! The passing of time, as a vault sees it: every event of its ledger becomes older, and each
//! month of it the one that its last event is in then, so that months end. The ledger is
//! written anew by code of these tests, all of it plain.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};

use crate::support::ledger::months;

/// Lets so many hours pass.
pub(crate) fn age(vault: &Path, hours: i64) {
    let months: Vec<(String, Vec<u8>)> = months(vault).into_iter().collect();
    let texts: Vec<(String, String)> = months
        .into_iter()
        .map(|(month, bytes)| (month, String::from_utf8(bytes).unwrap()))
        .collect();
    let names = names_of(&texts, hours);
    for entry in fs::read_dir(vault.join("ledger")).into_iter().flatten() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let mut last: Option<String> = None;
    // Every line as it is written, for those that name masked ones.
    let mut written: HashMap<u64, (String, bool)> = HashMap::new();
    for ((month, text), name) in texts.iter().zip(names) {
        let mut chain = "0".repeat(16);
        let mut before = chain.clone();
        let mut whole = String::new();
        for line in text.lines() {
            let (old, mark) = line.split_at(line.rfind(",\"c\":\"").unwrap());
            let fits = hashed(&before, old) == mark[6..22];
            mark[6..22].clone_into(&mut before);
            let mut body = older(old, hours);
            if let Some(masked) =
                number(&body, "line").filter(|_| body.contains("\"ev\":\"erased\""))
            {
                body = renamed(&body, &written[&masked]);
            }
            if let (Some(before), Some(last)) = (field(&body, "prev"), &last) {
                body = body.replace(&before, last);
            }
            if field(&body, "ev").unwrap() == "open" {
                body = body.replace(
                    &format!("\"month\":\"{month}\""),
                    &format!("\"month\":\"{name}\""),
                );
            }
            chain = hashed(&chain, &body);
            if !fits {
                // Of a masked line, which has to stay one.
                chain = hashed(&chain, "masked");
            }
            let line = format!("{body},\"c\":\"{chain}\"}}");
            let _ = writeln!(whole, "{line}");
            written.insert(number(&line, "seq").unwrap(), (line, !fits));
        }
        fs::write(vault.join(format!("ledger/{name}.jsonl")), whole).unwrap();
        last = Some(chain);
    }
    forget_indexes(vault);
}

fn hashed(chain: &str, body: &str) -> String {
    let hash = blake3::hash(format!("{chain}{body}").as_bytes());
    hash.to_hex()[..16].to_owned()
}

/// A line that names one which is masked, or is to be, by its hashes as it is now.
fn renamed(body: &str, (line, is_masked): &(String, bool)) -> String {
    let set = |body: &str, key: &str, line: &str| {
        let hash = blake3::hash(line.as_bytes()).to_hex().to_string();
        body.replace(&field(body, key).unwrap(), &hash)
    };
    if *is_masked {
        return set(body, "now", line);
    }
    set(&set(body, "was", line), "now", &masked(line))
}

/// A line with its strings hidden (docs/FORMAT.md, Erasing).
fn masked(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some((key, after)) = rest.split_once("\":") {
        masked += key;
        masked += "\":";
        let key = key.rsplit('"').next().unwrap();
        rest = after;
        if let Some(text) = after.strip_prefix('"') {
            let (value, after) = text.split_once('"').unwrap();
            let is_kept = ["t", "ev", "c", "account", "proto", "server"].contains(&key);
            let value = if is_kept {
                value.to_owned()
            } else {
                "-".repeat(value.len())
            };
            let _ = write!(masked, "\"{value}\"");
            rest = after;
        }
    }
    masked + rest
}

/// The value of a key in a line, if it is a number.
fn number(line: &str, key: &str) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What the months are called once they are older: as before where two would be called alike,
/// or a line of the ledger names one.
fn names_of(texts: &[(String, String)], hours: i64) -> Vec<String> {
    let of_last = |(month, text): &(String, String)| {
        let last = text.lines().last().map(|line| older(line, hours));
        let time = last.and_then(|line| field(&line, "t"));
        time.map_or_else(|| month.clone(), |time| time[..7].to_owned())
    };
    let names: Vec<String> = texts.iter().map(of_last).collect();
    let is_named = |(_, text): &(String, String)| text.contains("\"ev\":\"chain\"");
    if !names.is_sorted_by(|one, next| one < next) || texts.iter().any(is_named) {
        return texts.iter().map(|(month, _)| month.clone()).collect();
    }
    names
}

/// Takes away what is derived; it is made anew.
pub(crate) fn forget_indexes(vault: &Path) {
    for index in ["catalog.sqlite", "catalog-text.sqlite"] {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(vault.join(format!("{index}{end}")));
        }
    }
}

/// The line of a ledger with its time so many hours earlier.
fn older(line: &str, hours: i64) -> String {
    let time = field(line, "t").unwrap();
    let then: DateTime<Utc> = time.parse().unwrap();
    let then = (then - Duration::hours(hours)).format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let line = line.replacen(&time, &then.to_string(), 1);
    // What was learned may have its own time at the end.
    let Some(value) = field(&line, "value").filter(|_| line.contains("\"ev\":\"learned\"")) else {
        return line;
    };
    let (rest, last) = value.rsplit_once(' ').unwrap_or(("", &value));
    match last.parse::<i64>() {
        Ok(time) if time > 1_000_000_000 => {
            let older = format!("{rest} {}", time - hours * 3_600);
            line.replacen(&value, &older, 1)
        }
        _ => line,
    }
}

/// The value of a key in a line, if it is a string.
fn field(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("\"{key}\":\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}
