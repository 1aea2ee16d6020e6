//! The lines of a written dialogue, as [`super::script`] plays it.
//!
//! A dialogue is a list of connections, each begun by a line `connection`:
//!
//! | step | meaning |
//! | --- | --- |
//! | `S: text` | sends the text and CR LF |
//! | `S\| text` | sends the text alone; `\r \n \0 \t \\ \xNN` stand for bytes |
//! | `S*N text` | sends the text and CR LF, N times; `{n}` counts from 1 |
//! | `S*N\| text` | sends the text alone, N times |
//! | `login MORE` | greets, offers TOP, UIDL, USER and MORE, and lets `ann` in |
//! | `listing 52 aa, 58 bb` | answers STAT, LIST and UIDL with these sizes and names |
//! | `serves 2 one` | expects `RETR 2` and gives a message called `one` of 52 bytes |
//! | `serves 1-20` | expects `RETR` of each and gives `m1`, `m2` and so on |
//! | `tops 1-20` | expects `TOP n 0` of each and gives the headers of these |
//! | `gives one` | gives the message alone |
//! | `quit` | expects `QUIT` and agrees |
//! | `imap MORE` | greets as IMAP, lets `ann` in with the tag `m1` and offers MORE |
//! | `list 2 a, b` | answers LIST and refuses STATUS of each, with the tags from `m2` on |
//! | `mailbox 4 52 1, 58 2` | opens one with `m4`, and tells these sizes and UIDs with `m5` |
//! | `asks 6 1:2` | expects these UIDs to be asked for with `m6` |
//! | `body 1 one` | gives UID 1 as the message `one` of 52 bytes |
//! | `ok 6`, `logout 7` | ends a command, or the session |
//! | `S< NAME` | sends `tests/data/mail/NAME`, dot-stuffed and ended by CR LF |
//! | `S<\| NAME` | sends it as it is |
//! | `C: text` | expects exactly this line |
//! | `C~ text` | expects a line that begins so |
//! | `C*` | takes any line |
//! | `wait 0.2` | does nothing for that many seconds |
//! | `tls`, `starttls` | does a TLS handshake; `tls expired` and `tls other` show another certificate; `tls expired refused` expects the client to refuse it |
//! | `hang` | says nothing more until the client closes |
//! | `close` | closes at once, without a TLS good-bye |
//! | `reset` | the same by a TCP reset |
//!
//! The n-th connection that comes gets the n-th part. At a part's end the server
//! closes in good order, and the client must have nothing more to say; after `hang`,
//! `close` and `reset` nobody listens. Lines that begin with `#` are comments.

use std::path::Path;
use std::time::Duration;

/// One line of a dialogue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Line(Vec<u8>),
    Prefix(Vec<u8>),
    Any,
    Wait(Duration),
    Tls { certificate: String, refused: bool },
    Hang,
    Close,
    Reset,
}

impl Step {
    /// Reads one line of a dialogue.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match word {
            "S:" => Self::Send([rest.as_bytes(), b"\r\n"].concat()),
            "S|" => Self::Send(unescape(rest)?),
            _ if word.starts_with("S*") && word.ends_with('|') => {
                let times = word[2..word.len() - 1].parse();
                let times: usize = times.map_err(|e| format!("{line}: {e}"))?;
                Self::Send(unescape(rest)?.repeat(times))
            }
            "S<" => Self::Send(stuff(&mail(rest)?)),
            "S<|" => Self::Send(mail(rest)?),
            "C:" => Self::Line(rest.into()),
            "C~" => Self::Prefix(rest.into()),
            "C*" => Self::Any,
            "hang" => Self::Hang,
            "close" => Self::Close,
            "reset" => Self::Reset,
            "wait" => rest
                .parse()
                .map(|seconds| Self::Wait(Duration::from_secs_f64(seconds)))
                .map_err(|e| format!("{line}: {e}"))?,
            "tls" | "starttls" => Self::Tls {
                certificate: rest.trim_end_matches("refused").trim().to_string(),
                refused: rest.ends_with("refused"),
            },
            _ => {
                let times = word
                    .strip_prefix("S*")
                    .and_then(|n| n.parse::<usize>().ok());
                let times = times.ok_or_else(|| format!("not a step: {line}"))?;
                let line = |n: usize| rest.replace("{n}", &n.to_string()) + "\r\n";
                Self::Send((1..=times).map(line).collect::<String>().into())
            }
        })
    }
}

/// Reads the connections of a dialogue.
pub(crate) fn connections(text: &str) -> Result<Vec<Vec<Step>>, String> {
    let mut parts: Vec<Vec<Step>> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        match parts.last_mut() {
            _ if line.is_empty() || line.starts_with('#') => {}
            _ if line == "connection" => parts.push(Vec::new()),
            Some(part) => match shorthand(line)? {
                Some(lines) => {
                    for line in lines {
                        part.push(Step::parse(&line)?);
                    }
                }
                None => part.push(Step::parse(line)?),
            },
            None => return Err(format!("before the first connection: {line}")),
        }
    }
    Ok(parts)
}

/// The lines that a word stands for which is not what the dialogue is about.
fn shorthand(line: &str) -> Result<Option<Vec<String>>, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let lines: Vec<String> = match word {
        "login" => {
            let capabilities = format!("CAPA TOP UIDL USER {rest}");
            let capabilities: Vec<&str> = capabilities.split_whitespace().collect();
            let offer = format!("S: +OK\nS: {}\nS: .", capabilities[1..].join("\nS: "));
            let login = format!(
                "S: +OK ready\nC: CAPA\n{offer}\nC: USER ann\nS: +OK\nC: PASS secret\nS: +OK\n\
                 C: CAPA\n{offer}"
            );
            login.lines().map(str::to_owned).collect()
        }
        "listing" => {
            let rows: Vec<(&str, &str)> = rest
                .split(", ")
                .filter(|row| !row.is_empty())
                .map(|row| {
                    row.split_once(' ')
                        .ok_or(format!("no size and name: {row}"))
                })
                .collect::<Result<_, _>>()?;
            let sum: u64 = rows.iter().filter_map(|(n, _)| n.parse::<u64>().ok()).sum();
            let mut lines = vec![
                "C: STAT".to_owned(),
                format!("S: +OK {} {sum}", rows.len()),
                "C: LIST".to_owned(),
                "S: +OK".to_owned(),
            ];
            let number = |n: usize, text: &str| format!("S: {} {text}", n + 1);
            lines.extend(rows.iter().enumerate().map(|(n, row)| number(n, row.0)));
            lines.extend(["S: .", "C: UIDL", "S: +OK"].map(str::to_owned));
            lines.extend(rows.iter().enumerate().map(|(n, row)| number(n, row.1)));
            lines.push("S: .".to_owned());
            lines
        }
        "serves" | "tops" if rest.contains('-') => {
            let (first, last) = rest.split_once('-').unwrap_or_default();
            let number = |text: &str| text.parse::<u32>().map_err(|e| format!("{line}: {e}"));
            let mut lines = Vec::new();
            for n in number(first)?..=number(last)? {
                let mut answer = message(&format!("m{n}"));
                if word == "tops" {
                    lines.push(format!("C: TOP {n} 0"));
                    answer.remove(answer.len() - 2);
                } else {
                    lines.push(format!("C: RETR {n}"));
                }
                lines.append(&mut answer);
            }
            lines
        }
        "serves" => {
            let (number, name) = rest.split_once(' ').ok_or(format!("no name: {line}"))?;
            std::iter::once(format!("C: RETR {number}"))
                .chain(message(name))
                .collect()
        }
        "gives" => message(rest),
        "quit" => vec!["C: QUIT".to_owned(), "S: +OK".to_owned()],
        _ => return imap(word, rest),
    };
    Ok(Some(lines))
}

/// The same for IMAP.
fn imap(word: &str, rest: &str) -> Result<Option<Vec<String>>, String> {
    let (number, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let tag = |more: usize| -> Result<String, String> {
        let first: usize = number.parse().map_err(|e| format!("{word} {rest}: {e}"))?;
        Ok(format!("m{}", first + more))
    };
    let items: Vec<&str> = after.split(", ").filter(|item| !item.is_empty()).collect();
    let text = match word {
        "imap" => format!(
            "S: * OK [CAPABILITY IMAP4rev1] ready\nC~ m1 LOGIN \n\
             S: m1 OK [CAPABILITY IMAP4rev1 {rest}] in"
        ),
        "list" => {
            let mut text = format!("C~ {} LIST\n", tag(0)?);
            for name in &items {
                text += &format!("S: * LIST () \"/\" {name}\n");
            }
            text += &format!("S: {} OK\n", tag(0)?);
            for n in 1..=items.len() {
                text += &format!("C~ {} STATUS\n", tag(n)?);
            }
            for n in 1..=items.len() {
                text += &format!("S: {} NO not now\n", tag(n)?);
            }
            text
        }
        "mailbox" => {
            let (open, list) = (tag(0)?, tag(1)?);
            let mut text = format!(
                "C~ {open} EXAMINE\nS: * {} EXISTS\nS: * OK [UIDVALIDITY 7]\n\
                 S: * OK [UIDNEXT 100]\nS: {open} OK\nC~ {list} UID FETCH 1:*\n",
                items.len()
            );
            for (n, item) in (1..).zip(&items) {
                let (size, uid) = item.split_once(' ').ok_or(format!("no UID: {item}"))?;
                text += &format!(
                    "S: * {n} FETCH (UID {uid} FLAGS () RFC822.SIZE {size} \
                     INTERNALDATE \" 2-Nov-2026 10:00:00 +0000\")\n"
                );
            }
            text + &format!("S: {list} OK")
        }
        "asks" => format!("C: {} UID FETCH {after} (UID BODY.PEEK[])", tag(0)?),
        "body" => {
            let lines = message(after);
            let octets = 43 + 3 * after.len();
            format!(
                "S: * 9 FETCH (UID {number} BODY[] {{{octets}}}\n{}\nS: )",
                lines[1..lines.len() - 1].join("\n")
            )
        }
        "ok" => format!("S: {} OK", tag(0)?),
        "logout" => format!("C: {0} LOGOUT\nS: * BYE\nS: {0} OK", tag(0)?),
        _ => return Ok(None),
    };
    Ok(Some(text.lines().map(str::to_owned).collect()))
}

/// A message of 43 bytes and three times its name.
fn message(name: &str) -> Vec<String> {
    vec![
        "S: +OK".to_owned(),
        format!("S: Subject: {name}"),
        format!("S: Message-ID: <{name}@example.org>"),
        "S:".to_owned(),
        format!("S: {name}"),
        "S: .".to_owned(),
    ]
}

/// The bytes that an escaped text stands for.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(
            match (byte, if byte == b'\\' { rest.next() } else { None }) {
                (b'\\', Some(b'r')) => b'\r',
                (b'\\', Some(b'n')) => b'\n',
                (b'\\', Some(b't')) => b'\t',
                (b'\\', Some(b'0')) => 0,
                (b'\\', Some(b'\\')) => b'\\',
                (b'\\', Some(b'x')) => {
                    let digits: String = rest.by_ref().take(2).map(char::from).collect();
                    u8::from_str_radix(&digits, 16).map_err(|e| format!("\\x{digits}: {e}"))?
                }
                (b'\\', _) => return Err(format!("an unknown escape in {text}")),
                (byte, _) => byte,
            },
        );
    }
    Ok(bytes)
}

fn mail(name: &str) -> Result<Vec<u8>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail");
    std::fs::read(folder.join(name)).map_err(|e| format!("{name}: {e}"))
}

/// A message as POP3 sends it, without the final dot.
fn stuff(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in message.split_inclusive(|b| *b == b'\n') {
        if line[0] == b'.' {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}
