//! Promise 17 of docs/SAFETY.md: whatever a server sends or claims, a run comes to its end
//! in little memory. And a user who has seen enough of one can end it.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::output::Output;
use crate::support::sandbox::{Child, Sandbox};
use crate::support::scene::{Account, sandbox, until};

/// Resident at most, in kB.
const MEMORY: u64 = 64 << 10;

/// Answers a command, all of it.
type Answer<'a> = &'a (dyn Fn(&str, &mut TcpStream) -> Result<()> + Sync);

/// A run of the program against a server that answers like this, where `answer` says
/// nothing to the rest, and its peak of resident memory in kB.
fn run(
    sandbox: &Sandbox,
    args: &[&str],
    listener: &TcpListener,
    answer: Answer<'_>,
) -> (Output, u64) {
    with_server(listener, answer, || {
        let child = sandbox.start(args);
        let id = child.id();
        std::thread::scope(|scope| {
            let peak = scope.spawn(move || peak(id));
            (child.wait(), peak.join().unwrap())
        })
    })
}

/// The most that was resident at a time, in kB, watched until the process has ended.
pub(crate) fn peak(id: u32) -> u64 {
    let mut peak = 0;
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    while let Some(now) = resident() {
        peak = now;
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// Serves any number of sessions, one after another, while `work` goes on.
fn with_server<T>(listener: &TcpListener, answer: Answer<'_>, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let (stream, _) = listener.accept().unwrap();
                if done.load(Ordering::Acquire) {
                    return;
                }
                // A client that hangs up is what most of these tests are about.
                let _ = serve(stream, answer);
            }
        });
        let out = work();
        done.store(true, Ordering::Release);
        drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        out
    })
}

fn serve(mut stream: TcpStream, answer: Answer<'_>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    answer("greeting", &mut stream)?;
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        answer(line.trim_end(), &mut stream)?;
        line.clear();
    }
    Ok(())
}

/// What a server with one small message says.
fn small(command: &str, out: &mut TcpStream) -> Result<()> {
    out.write_all(match command {
        "greeting" => b"+OK ready\r\n",
        "CAPA" => b"+OK\r\nUIDL\r\nUSER\r\n.\r\n",
        "STAT" => b"+OK 1 40\r\n",
        "LIST" => b"+OK\r\n1 40\r\n.\r\n",
        "UIDL" => b"+OK\r\n1 a\r\n.\r\n",
        "RETR 1" => b"+OK\r\nSubject: a\r\n\r\nthe only message\r\n.\r\n",
        _ => b"+OK\r\n",
    })
}

/// Says this for ever.
fn endlessly(out: &mut TcpStream, text: &str) -> Result<()> {
    let block = text.repeat((64 << 10) / text.len());
    loop {
        out.write_all(block.as_bytes())?;
    }
}

fn scene() -> (TcpListener, Sandbox) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let account = Account::new("work", port, "ann").with("retries", "0");
    let mut sandbox = sandbox(&[account]);
    sandbox.mask_port(port);
    (listener, sandbox)
}

#[test]
fn what_does_not_end_is_given_up_in_little_memory() {
    for (at, begin, text, said) in [
        ("greeting", "", "x", "its answer is too long"),
        ("greeting", "+OK ", "x", "its answer is too long"),
        (
            "greeting",
            "",
            "+OK ready\r\n",
            "the server sent more than requested",
        ),
        ("CAPA", "+OK\r\n", "TOP\r\n", "its answer does not end"),
        ("CAPA", "+OK\r\n", "x", "a line of the listing does not end"),
        ("STAT", "+OK 1 ", "1", "its answer is too long"),
        ("LIST", "+OK\r\n", "1 40\r\n", "its answer does not end"),
        (
            "LIST",
            "+OK\r\n1 ",
            "4",
            "a line of the listing does not end",
        ),
        ("UIDL", "+OK\r\n", "1 a\r\n", "its answer does not end"),
        (
            "UIDL",
            "+OK\r\n1 ",
            "a",
            "a line of the listing does not end",
        ),
        ("UIDL", "+OK\r\n", "\r\n", "its answer does not end"),
        ("RETR 1", "-ERR ", "no ", "its answer is too long"),
    ] {
        let (listener, sandbox) = scene();
        let answer = |command: &str, out: &mut TcpStream| {
            if command != at {
                return small(command, out);
            }
            out.write_all(begin.as_bytes())?;
            endlessly(out, text)
        };
        let (output, peak) = run(&sandbox, &["pull", "--create"], &listener, &answer);
        let stderr = output.expect_code(1).stderr();
        let first = stderr.lines().next().unwrap();
        assert!(
            first.starts_with("error: work: 127.0.0.1:$PORT broke the protocol (")
                && first.ends_with(said),
            "{at} {begin:?} {text:?}: {stderr}"
        );
        assert!(peak < MEMORY, "{at} {begin:?} {text:?}: {peak} kB");
    }
}

#[test]
fn a_message_of_300_megabytes_passes_through_little_memory() {
    const SIZE: usize = 300 << 20;
    let (listener, sandbox) = scene();
    let block =
        "a line of seventy-eight characters, which is what most mail programs will send\r\n"
            .repeat(1 << 10);
    let blocks = SIZE / block.len() + 1;
    let answer = |command: &str, out: &mut TcpStream| match command {
        "LIST" => write!(out, "+OK\r\n1 {}\r\n.\r\n", blocks * block.len()),
        "RETR 1" => {
            out.write_all(b"+OK\r\n")?;
            for _ in 0..blocks {
                out.write_all(block.as_bytes())?;
            }
            out.write_all(b".\r\n")
        }
        _ => small(command, out),
    };
    let (output, peak) = run(&sandbox, &["pull", "--create"], &listener, &answer);
    let _ = output.expect_code(0);
    assert!(peak < MEMORY, "{peak} kB");
    let output = sandbox.run(&["verify", "--read-data"]);
    output.expect(0, "work  1 of 1 message good\n", "");
}

#[test]
fn a_million_names_in_disorder_take_little_memory() {
    const COUNT: u32 = 1_000_000;
    let (listener, sandbox) = scene();
    let answer = |command: &str, out: &mut TcpStream| {
        let rows = |row: &dyn Fn(u32) -> String| {
            let rows: String = (1..=COUNT).map(row).collect();
            format!("+OK\r\n{rows}.\r\n")
        };
        match command {
            "STAT" => write!(out, "+OK {COUNT} 32000000\r\n"),
            "LIST" => out.write_all(rows(&|n| format!("{n} 32\r\n")).as_bytes()),
            "UIDL" => {
                let name = |n: u32| n.wrapping_mul(2_654_435_761);
                let text = rows(&|n| format!("{n} {:08x}{:08x}\r\n", name(n), name(n + COUNT)));
                out.write_all(text.as_bytes())
            }
            _ => small(command, out),
        }
    };
    let args = ["pull", "--create", "--limit", "1"];
    let (output, peak) = run(&sandbox, &args, &listener, &answer);
    let _ = output.expect_code(0);
    assert!(peak < MEMORY, "{peak} kB");
    assert_eq!(sandbox.messages("work").len(), 1);
}

#[test]
fn sizes_that_are_no_sizes_are_only_hints() {
    let claims = [
        "4294967295",
        "4294967296",
        "-1",
        "-4294967297",
        "18446744073709551615",
        "9223372036854775807",
        "9223372036854775806",
        "99999999999999999999999",
        "0",
        "4e9",
        "",
    ];
    for stat in ["9 -5", "4294967295 4294967296", "-9 0", "x", ""] {
        let (listener, sandbox) = scene();
        let rows = |of: &dyn Fn(usize) -> String| {
            let row = |n: usize| [n.to_string(), " ".to_owned(), of(n), "\r\n".to_owned()].concat();
            let rows: Vec<String> = (1..=claims.len()).map(row).collect();
            format!("+OK\r\n{}.\r\n", rows.concat())
        };
        let answer = |command: &str, out: &mut TcpStream| match command {
            "STAT" => write!(out, "+OK {stat}\r\n"),
            "LIST" => out.write_all(rows(&|n| claims[n - 1].to_owned()).as_bytes()),
            "UIDL" => out.write_all(rows(&|n| format!("uid{n}")).as_bytes()),
            _ => match command.split(' ').collect::<Vec<_>>()[..] {
                ["RETR", n] => write!(out, "+OK\r\nSubject: {n}\r\n\r\n{n}\r\n.\r\n"),
                ["TOP", n, _] => write!(out, "+OK\r\nSubject: {n}\r\n\r\n.\r\n"),
                _ => small(command, out),
            },
        };
        let (output, peak) = run(&sandbox, &["pull", "--create"], &listener, &answer);
        // What did not arrive as listed is told of, and stored.
        let _ = output.expect_code(3);
        assert!(peak < MEMORY, "STAT {stat}: {peak} kB");
        assert_eq!(sandbox.messages("work").len(), claims.len(), "STAT {stat}");
    }
}

/// Starts a pull whose second message drips, and sends Ctrl-C when that has begun.
fn interrupted(sandbox: &Sandbox, dripping: &AtomicBool) -> Child {
    let mut shell = sandbox.tool("sh");
    let script = "exec \"$0\" pull --create 2>said";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_mailvault")]);
    let child = sandbox.spawn(shell);
    until("a message that drips", || dripping.load(Ordering::Acquire));
    child.signal(Signal::INT);
    let said = sandbox.path("said");
    until("the words that it stops", || {
        std::fs::read_to_string(&said).is_ok_and(|said| said.contains("Ctrl-C again to quit"))
    });
    child
}

#[test]
fn a_second_interrupt_ends_the_program_at_once_and_the_next_run_recovers() {
    let (listener, sandbox) = scene();
    let (dripping, honest) = (AtomicBool::new(false), AtomicBool::new(false));
    let answer = |command: &str, out: &mut TcpStream| match command {
        "STAT" => out.write_all(b"+OK 2 65\r\n"),
        "LIST" => out.write_all(b"+OK\r\n1 32\r\n2 33\r\n.\r\n"),
        "UIDL" => out.write_all(b"+OK\r\n1 a\r\n2 b\r\n.\r\n"),
        "RETR 2" if honest.load(Ordering::Acquire) => {
            out.write_all(b"+OK\r\nSubject: b\r\n\r\nthe other message\r\n.\r\n")
        }
        "RETR 2" => {
            // Nothing else than a signal ends this.
            out.write_all(b"+OK\r\nSubject: b\r\n\r\n")?;
            loop {
                out.write_all(b"a line, and never the last\r\n")?;
                dripping.store(true, Ordering::Release);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        _ => small(command, out),
    };
    with_server(&listener, &answer, || {
        let child = interrupted(&sandbox, &dripping);
        child.signal(Signal::INT);
        child.wait().expect(130, "", "");
        honest.store(true, Ordering::Release);
        let _ = sandbox.run(&["pull"]).expect_code(0);
    });
    assert_eq!(sandbox.messages("work").len(), 2);
    let left = std::fs::read_dir(sandbox.vault().join("mail/work/tmp")).unwrap();
    assert_eq!(left.count(), 0);
    let output = sandbox.run(&["verify", "--read-data"]);
    output.expect(0, "work  2 of 2 messages good\n", "");
}
