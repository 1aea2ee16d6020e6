//! The passing of time, as a vault sees it: every event of its ledger becomes older. The
//! ledger is written anew by code of these tests.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};

/// Lets so many hours pass.
pub(crate) fn age(vault: &Path, hours: i64) {
    let Ok(files) = fs::read_dir(vault.join("ledger")) else {
        return;
    };
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut last: Option<String> = None;
    for file in &files {
        let mut chain = "0".repeat(16);
        let mut whole = String::new();
        for line in fs::read_to_string(file).unwrap().lines() {
            let mut body = older(&line[..line.rfind(",\"c\":\"").unwrap()], hours);
            if let (Some(before), Some(last)) = (field(&body, "prev"), &last) {
                body = body.replace(&before, last);
            }
            let hash = blake3::hash(format!("{chain}{body}").as_bytes());
            hash.to_hex()[..16].clone_into(&mut chain);
            let _ = writeln!(whole, "{body},\"c\":\"{chain}\"}}");
        }
        fs::write(file, whole).unwrap();
        last = Some(chain);
    }
    forget_indexes(vault);
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
