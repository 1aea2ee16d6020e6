//! FETCH: what a server says of its messages, and the messages themselves.

use std::io::{self, Write};

use super::imap::{Dialogue, Verdict, highest, within};
use super::line::locked;
use super::model::{CommandLimit, Fault, ModelAccount};
use super::words::{Word, Words};

/// What was asked.
struct Question {
    items: Vec<String>,
    since: Option<u64>,
    vanished: bool,
    /// The first and last of the messages that are wanted of those that fit (RFC 9394).
    page: Option<(usize, usize)>,
}

/// Answers a FETCH.
pub(super) fn fetch(
    dialogue: &mut Dialogue,
    by_uid: bool,
    words: &mut Words,
) -> io::Result<Verdict> {
    let Some((name, _)) = dialogue.open.clone() else {
        return Ok(Verdict::Bad("nothing is open"));
    };
    let set = words.word();
    let question = Question::read(words);
    let kind = locked(&dialogue.account).kind.clone();
    let unknown = question.items.iter().any(|item| match item.as_str() {
        "EMAILID" => !kind.email_ids,
        "X-GUID" => !kind.guids,
        "MODSEQ" => !kind.condstore && !kind.qresync,
        "UID" | "FLAGS" | "INTERNALDATE" | "RFC822.SIZE" => false,
        item => !item.starts_with("BODY.PEEK["),
    });
    if unknown {
        return Ok(Verdict::Bad("unknown item"));
    }
    if dialogue.uidonly && !by_uid {
        return Ok(Verdict::Bad("[UIDREQUIRED] there are no message numbers"));
    }
    // The message's place, number and UID.
    let mut rows: Vec<(usize, u32)> = {
        let account = locked(&dialogue.account);
        let folder = account.find(&name).expect("it is open");
        let count = u32::try_from(folder.shown().count()).unwrap();
        let last = if by_uid { highest(folder) } else { count };
        let wanted = folder.shown().enumerate().filter(|(at, message)| {
            let number = u32::try_from(*at).unwrap() + 1;
            let number = if by_uid { message.uid } else { number };
            within(&set, number, last) && question.since.is_none_or(|since| message.modseq > since)
        });
        wanted.map(|(at, message)| (at, message.uid)).collect()
    };
    if let (Some(since), true) = (question.since, question.vanished) {
        let gone: Vec<String> = {
            let account = locked(&dialogue.account);
            let folder = account.find(&name).expect("it is open");
            let gone = folder.vanished.iter().filter(|(modseq, _)| *modseq > since);
            gone.map(|(_, uid)| uid.to_string()).collect()
        };
        if !gone.is_empty() {
            dialogue
                .out
                .say(&format!("* VANISHED (EARLIER) {}", gone.join(",")))?;
        }
    }
    let limit = kind.limit;
    if let Some((first, last)) = question.page {
        if limit.is_none_or(|limit| !limit.partial || last - first >= limit.messages) {
            return Ok(Verdict::No("[MESSAGELIMIT] the page is too long"));
        }
        rows = rows
            .into_iter()
            .skip(first - 1)
            .take(last + 1 - first)
            .collect();
    }
    let mut uids: Vec<u32> = rows.iter().map(|(_, uid)| *uid).collect();
    let verdict = CommandLimit::cut(limit, &mut uids);
    rows.drain(..rows.len() - uids.len());
    // What goes wrong goes wrong in the inbox.
    let faults = match name.as_str() {
        "INBOX" => dialogue.faults.clone(),
        _ => Vec::new(),
    };
    for (at, uid) in rows {
        let answer = {
            let mut account = locked(&dialogue.account);
            question.answer(&mut account, &faults, &name, at, uid)
        };
        let Some(mut answer) = answer else { continue };
        if dialogue.uidonly {
            let end = answer.iter().position(|byte| *byte == b'(').unwrap();
            answer.splice(..end, format!("* {uid} UIDFETCH ").into_bytes());
        }
        dialogue.out.write_all(&answer)?;
        if question.items.iter().any(|item| item == "BODY.PEEK[]") {
            locked(&dialogue.account).count_body(&name, uid);
        }
    }
    Ok(Verdict::Ok(verdict))
}

impl Question {
    fn read(words: &mut Words) -> Self {
        let mut items = words.list();
        if items.is_empty() {
            items.push(words.word());
        }
        for item in &mut items {
            item.make_ascii_uppercase();
        }
        let mut question = Self {
            items,
            since: None,
            vanished: false,
            page: None,
        };
        while let Some(word) = words.take() {
            let Word::Text(word) = word else { continue };
            match word.to_ascii_uppercase().as_slice() {
                b"CHANGEDSINCE" => question.since = words.word().parse().ok(),
                b"VANISHED" => question.vanished = true,
                b"PARTIAL" => {
                    let range = words.word();
                    let ends = range.split_once(':').expect("a range");
                    question.page = Some((ends.0.parse().unwrap(), ends.1.parse().unwrap()));
                }
                _ => {}
            }
        }
        if question.since.is_some() && !question.items.iter().any(|item| item == "MODSEQ") {
            question.items.push("MODSEQ".to_owned());
        }
        question
    }

    fn answer(
        &self,
        account: &mut ModelAccount,
        faults: &[Fault],
        folder: &str,
        at: usize,
        uid: u32,
    ) -> Option<Vec<u8>> {
        let message = account
            .find(folder)?
            .shown()
            .find(|m| m.uid == uid)?
            .clone();
        let mut answer = format!("* {} FETCH (", at + 1).into_bytes();
        for (n, item) in self.items.iter().enumerate() {
            if n > 0 {
                answer.push(b' ');
            }
            let text = match item.as_str() {
                "UID" => format!("UID {uid}"),
                "FLAGS" => {
                    let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
                    format!("FLAGS ({})", flags.join(" "))
                }
                "INTERNALDATE" => {
                    let date = chrono::DateTime::from_timestamp(message.date, 0)?;
                    format!(
                        "INTERNALDATE \"{}\"",
                        date.format("%e-%b-%Y %H:%M:%S +0000")
                    )
                }
                "RFC822.SIZE" => {
                    format!("RFC822.SIZE {}", account.octets(at, &message, faults))
                }
                "EMAILID" => format!("EMAILID (M{})", message.identity),
                "X-GUID" => format!("X-GUID {:032x}", message.identity),
                "MODSEQ" => format!("MODSEQ ({})", message.modseq),
                "BODY.PEEK[HEADER]" => {
                    let header = account.header(folder, uid)?;
                    literal(&mut answer, "BODY[HEADER]", &header);
                    continue;
                }
                _ => {
                    if faults.contains(&Fault::UnaskedHeader) {
                        let header = account.header(folder, uid)?;
                        literal(&mut answer, "BODY[HEADER]", &header);
                        answer.push(b' ');
                    }
                    let mut body = account.body(folder, meant(account, faults, folder, at)?)?;
                    for fault in faults {
                        if let Fault::Cut { place, keep } = fault
                            && *place == at
                        {
                            body.truncate(*keep);
                        }
                    }
                    if !faults.is_empty() {
                        account.note(folder, uid, &body, faults);
                    }
                    literal(&mut answer, "BODY[]", &body);
                    continue;
                }
            };
            answer.extend_from_slice(text.as_bytes());
        }
        answer.extend_from_slice(b")\r\n");
        Some(answer)
    }
}

/// The UID of the message that comes for the one in this place.
fn meant(account: &ModelAccount, faults: &[Fault], folder: &str, at: usize) -> Option<u32> {
    let uids: Vec<u32> = account.find(folder)?.shown().map(|m| m.uid).collect();
    let at = if faults.contains(&Fault::FirstForAll) {
        0
    } else if faults.contains(&Fault::Swapped { place: at }) {
        (at + 1) % uids.len()
    } else {
        at
    };
    uids.get(at).copied()
}

fn literal(answer: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    answer.extend_from_slice(format!("{name} {{{}}}\r\n", bytes.len()).as_bytes());
    answer.extend_from_slice(bytes);
}
