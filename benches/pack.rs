//! What packs of a second copy cost at each level of compression and order of messages:
//! `cargo bench --bench pack [-- MAILDIR]`; without a Maildir, mail of the sample server.
//!
//! Bytes are ratios to the messages and to one zstd file per message at level 2, as a vault
//! has them, from the same run. Each row is a process of its own, for its memory's sake. The CPU
//! includes reading the files, hashing and encrypting. A Maildir of one folder is divided as filters
//! would: half of the senders have one of eight folders for themselves.
#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use mailvault::mail::message::Hash128;
use mailvault::offsite::pack::{PackWriter, Recipients};
use mailvault::offsite::payload::message_name;
use mailvault::offsite::plan::{PackPlace, PackPlan};
use mailvault::sample::Sample;

const LEVELS: [i32; 5] = [1, 3, 6, 9, 12];
const ORDERS: [&str; 5] = ["date", "folder", "sender", "size", "hash"];
/// A public key to which nobody has the private one.
const RECIPIENT: &str = "age1ww2nwtz7ckh0s5n7pn9jmf2kakptgurll6husqf5qykkd67qsvrqhgv9lc";
/// Messages of the sample server.
const SAMPLE: usize = 10_000;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match &args[..] {
        [row, folder, order, level] if row == "row" => {
            pack(Path::new(folder), order, level.parse().unwrap());
        }
        [folder] => table(Path::new(folder)),
        _ => {
            let dir = tempfile::tempdir().unwrap();
            for (n, message) in Sample::of(SAMPLE, 1).iter().enumerate() {
                fs::write(dir.path().join(format!("{n:08}")), &message.bytes).unwrap();
            }
            table(dir.path());
        }
    }
}

/// One message, as its place in an order is found.
struct Listed {
    path: PathBuf,
    date: i64,
    sender: String,
    size: usize,
    hash: Hash128,
}

/// The bytes as a server sends them: files of a Maildir may have bare LF.
fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let mut wire = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [text @ .., b'\n'] if !text.ends_with(b"\r") => {
                wire.extend_from_slice(text);
                wire.extend_from_slice(b"\r\n");
            }
            line => wire.extend_from_slice(line),
        }
    }
    wire
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn listed(folder: &Path) -> Vec<Listed> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let list = |path: PathBuf| {
        let bytes = read(&path);
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(8192)]).into_owned();
        let sender = head.lines().find_map(|line| line.strip_prefix("From: "));
        let sender = sender.unwrap_or_default().rsplit(' ').next().unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        Listed {
            date: modified
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs()
                .cast_signed(),
            sender: sender.to_owned(),
            size: bytes.len(),
            hash: Hash128::of(&bytes),
            path,
        }
    };
    paths.into_iter().map(list).collect()
}

fn folder_of(sender: &str) -> u8 {
    let hash = Hash128::of(sender.as_bytes()).0;
    if hash[0].is_multiple_of(2) {
        0
    } else {
        1 + hash[1] % 8
    }
}

fn sort(messages: &mut [Listed], order: &str) {
    messages.sort_by(|a, b| {
        let by_date = (a.date, &a.path).cmp(&(b.date, &b.path));
        let first = match order {
            "folder" => folder_of(&a.sender).cmp(&folder_of(&b.sender)),
            "sender" => a.sender.cmp(&b.sender),
            "size" => a.size.cmp(&b.size),
            "hash" => a.hash.cmp(&b.hash),
            _ => by_date,
        };
        first.then(by_date)
    });
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    // utime and stime, in hundredths.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Most memory of this process so far, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

/// Packs all messages; prints encrypted bytes, packs, CPU and memory.
fn pack(folder: &Path, order: &str, level: i32) {
    let mut messages = listed(folder);
    sort(&mut messages, order);
    let recipients = Recipients::parse(&[RECIPIENT]).unwrap();
    let new = || PackWriter::new(io::sink(), &recipients, level).unwrap();
    let (mut plan, mut writer) = (PackPlan::default(), new());
    let (mut bytes, mut packs) = (0, 0);
    // Listing reads the largest message too; what counts is what comes on top.
    let (began, before) = (cpu(), peak());
    for message in &messages {
        let data = read(&message.path);
        let length = data.len() as u64;
        if plan.place(length) == PackPlace::Next {
            let (_, written) = std::mem::replace(&mut writer, new()).finish().unwrap();
            bytes += written.digests.length;
            packs += 1;
        }
        let time = message.date.cast_unsigned();
        let name = message_name(message.hash);
        match writer.add(&name, length, time, &mut &data[..]) {
            Ok(()) | Err(mailvault::offsite::pack::PackError::Twice { .. }) => {}
            Err(e) => panic!("{e}"),
        }
    }
    let (_, written) = writer.finish().unwrap();
    bytes += written.digests.length;
    println!(
        "{bytes} {} {:.2} {:.1} {:.1}",
        packs + 1,
        cpu() - began,
        before,
        peak()
    );
}

fn table(folder: &Path) {
    let messages = listed(folder);
    let plain: u64 = messages.iter().map(|message| message.size as u64).sum();
    let mut single = 0_u64;
    let began = cpu();
    for message in &messages {
        single += zstd::bulk::compress(&read(&message.path), 2).unwrap().len() as u64;
    }
    println!(
        "{} messages, {:.1} MB; one zstd file each at level 2: {:.3} of that, {:.2} s of CPU",
        messages.len(),
        plain as f64 / 1e6,
        single as f64 / plain as f64,
        cpu() - began
    );
    println!("order   level  packs  of plain  of single  CPU s  MB/s  peak MiB (before)");
    for order in ORDERS {
        for level in LEVELS {
            row(folder, order, level, plain as f64, single as f64);
        }
    }
}

fn row(folder: &Path, order: &str, level: i32, plain: f64, single: f64) {
    let mut child = Command::new(env::current_exe().unwrap());
    let child = child.args(["row", folder.to_str().unwrap(), order, &level.to_string()]);
    let output = child.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let values: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    let [bytes, packs, cpu, before, peak] = values[..] else {
        panic!("{text}");
    };
    println!(
        "{order:7} {level:5} {packs:6} {:9.3} {:10.3} {cpu:6.2} {:5.0} {peak:9.1} ({before:.1})",
        bytes / plain,
        bytes / single,
        plain / 1e6 / cpu
    );
}
