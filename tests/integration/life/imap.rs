//! An IMAP server (RFC 3501) over a model account.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;

use super::fetch;
use super::line::{FaultyLine, Served, SharedAccount, locked};
use super::model::{CommandLimit, Fault, ModelFolder, ModelMessage, NumberingHabit};
use super::words::{Word, Words, read_command};

/// Serves over IMAP until it is dropped.
pub(crate) fn serve(account: &SharedAccount) -> Served {
    let account = SharedAccount::clone(account);
    Served::start(move |stream| Dialogue::open(&account, stream).and_then(Dialogue::talk))
}

/// One session.
pub(super) struct Dialogue {
    pub(super) account: SharedAccount,
    input: BufReader<TcpStream>,
    pub(super) out: FaultyLine,
    pub(super) faults: Vec<Fault>,
    /// The folder that is open, and whether it may be changed.
    pub(super) open: Option<(String, bool)>,
    qresync: bool,
    /// True if there are no message numbers (RFC 9586).
    pub(super) uidonly: bool,
}

/// How a command ends.
pub(super) enum Verdict {
    Ok(String),
    No(&'static str),
    Bad(&'static str),
}

fn done() -> Verdict {
    Verdict::Ok("done".to_owned())
}

impl Dialogue {
    fn open(account: &SharedAccount, stream: TcpStream) -> io::Result<Self> {
        let faults = locked(account).faults.clone();
        locked(account).number_anew(NumberingHabit::Session);
        Ok(Self {
            account: SharedAccount::clone(account),
            input: BufReader::new(stream.try_clone()?),
            out: FaultyLine::new(stream, &faults),
            faults,
            open: None,
            qresync: false,
            uidonly: false,
        })
    }

    fn talk(mut self) -> io::Result<()> {
        self.out.say("* OK ready")?;
        loop {
            let Some(mut words) = read_command(&mut self.input, &mut self.out)? else {
                return Ok(());
            };
            let tag = words.word();
            let mut verb = words.word().to_ascii_uppercase();
            let by_uid = verb == "UID";
            if by_uid {
                verb = words.word().to_ascii_uppercase();
            }
            locked(&self.account)
                .commands
                .push((verb.clone(), self.faults.clone()));
            let verdict = self.answer(&verb, by_uid, &mut words)?;
            self.out.say(&match verdict {
                Verdict::Ok(text) => format!("{tag} OK {text}"),
                Verdict::No(text) => format!("{tag} NO {text}"),
                Verdict::Bad(text) => format!("{tag} BAD {text}"),
            })?;
            if verb == "LOGOUT" {
                return self.out.flush();
            }
        }
    }

    fn answer(&mut self, verb: &str, by_uid: bool, words: &mut Words) -> io::Result<Verdict> {
        match verb {
            "CAPABILITY" => self.capabilities(),
            "LOGOUT" => self.out.say("* BYE").map(|()| done()),
            "LOGIN" | "NOOP" | "SUBSCRIBE" => Ok(done()),
            "ID" => {
                // Only a Dovecot tells X-GUID.
                let name = if locked(&self.account).kind.guids {
                    "(\"name\" \"Dovecot\")"
                } else {
                    "NIL"
                };
                self.out.say(&format!("* ID {name}")).map(|()| done())
            }
            "NAMESPACE" => self
                .out
                .say("* NAMESPACE ((\"\" \"/\")) NIL NIL")
                .map(|()| done()),
            "ENABLE" => self.enable(words),
            "LIST" => self.list(),
            "STATUS" => self.status(words),
            "SELECT" | "EXAMINE" => self.select(&words.word(), verb == "SELECT"),
            "CREATE" => {
                locked(&self.account).folder(&words.word());
                Ok(done())
            }
            "APPEND" => Ok(self.append(words)),
            "FETCH" => fetch::fetch(self, by_uid, words),
            "STORE" if by_uid => Ok(self.store(words)),
            "EXPUNGE" => self.expunge(by_uid, words),
            _ => Ok(Verdict::Bad("unknown command")),
        }
    }

    fn capabilities(&mut self) -> io::Result<Verdict> {
        let kind = locked(&self.account).kind.clone();
        let mut line = "* CAPABILITY IMAP4rev1 LITERAL+ ID NAMESPACE ENABLE".to_owned();
        for (offered, word) in [
            (kind.condstore || kind.qresync, " CONDSTORE"),
            (kind.qresync, " QRESYNC"),
            (kind.uidplus, " UIDPLUS"),
            (kind.email_ids, " OBJECTID"),
        ] {
            if offered {
                line += word;
            }
        }
        if let Some(limit) = kind.limit {
            let advertised = format!(" MESSAGELIMIT={}", limit.messages);
            line += if limit.advertised { &advertised } else { "" };
            line += if limit.partial { " PARTIAL" } else { "" };
            line += if limit.uidonly { " UIDONLY" } else { "" };
        }
        self.out.say(&line).map(|()| done())
    }

    fn enable(&mut self, words: &mut Words) -> io::Result<Verdict> {
        let kind = locked(&self.account).kind.clone();
        let mut line = "* ENABLED".to_owned();
        while let Some(Word::Text(word)) = words.take() {
            let word = String::from_utf8_lossy(&word).to_ascii_uppercase();
            if word == "UIDONLY" && kind.limit.is_some_and(|limit| limit.uidonly) {
                self.uidonly = true;
                line += " UIDONLY";
            }
            if word == "QRESYNC" && kind.qresync || word == "CONDSTORE" && kind.condstore {
                self.qresync |= word == "QRESYNC";
                line = format!("{line} {word}");
            }
        }
        self.out.say(&line).map(|()| done())
    }

    fn list(&mut self) -> io::Result<Verdict> {
        let names: Vec<String> = {
            let account = locked(&self.account);
            account.folders.iter().map(|f| f.name.clone()).collect()
        };
        for name in names {
            self.out.say(&format!("* LIST () \"/\" \"{name}\""))?;
        }
        Ok(done())
    }

    fn status(&mut self, words: &mut Words) -> io::Result<Verdict> {
        let name = words.word();
        let text = {
            let mut account = locked(&self.account);
            account.number_anew(NumberingHabit::Command);
            let Some(folder) = account.find(&name) else {
                return Ok(Verdict::No("no such folder"));
            };
            let items = words.list();
            let items: Vec<String> = items
                .iter()
                .filter_map(|item| {
                    let value = match item.as_str() {
                        "MESSAGES" => folder.shown().count() as u64,
                        "UIDNEXT" => folder.uidnext.into(),
                        "UIDVALIDITY" => folder.uidvalidity.into(),
                        "HIGHESTMODSEQ" => folder.modseq,
                        _ => return None,
                    };
                    Some(format!("{item} {value}"))
                })
                .collect();
            format!("* STATUS \"{}\" ({})", folder.name, items.join(" "))
        };
        self.out.say(&text).map(|()| done())
    }

    fn select(&mut self, name: &str, writable: bool) -> io::Result<Verdict> {
        let lines = {
            let mut account = locked(&self.account);
            account.number_anew(NumberingHabit::Command);
            if writable && account.find(name).is_some() {
                account.folder(name).selected = true;
            }
            let Some(folder) = account.find(name) else {
                self.open = None;
                return Ok(Verdict::No("no such folder"));
            };
            self.open = Some((folder.name.clone(), writable));
            let mut lines = vec![
                "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)".to_owned(),
                "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] flags"
                    .to_owned(),
                format!("* {} EXISTS", folder.shown().count()),
                format!("* OK [UIDVALIDITY {}] valid", folder.uidvalidity),
                format!("* OK [UIDNEXT {}] next", folder.uidnext),
            ];
            if account.kind.condstore || account.kind.qresync {
                lines.push(format!("* OK [HIGHESTMODSEQ {}] highest", folder.modseq));
            }
            lines
        };
        for line in lines {
            self.out.say(&line)?;
        }
        let access = if writable {
            "[READ-WRITE]"
        } else {
            "[READ-ONLY]"
        };
        Ok(Verdict::Ok(format!("{access} open")))
    }

    fn append(&mut self, words: &mut Words) -> Verdict {
        let name = words.word();
        let mut account = locked(&self.account);
        if account.find(&name).is_none() {
            return Verdict::No("[TRYCREATE] no such folder");
        }
        let flags = words.list();
        let mut texts = Vec::new();
        while let Some(word) = words.take() {
            if let Word::Text(text) = word {
                texts.push(text);
            }
        }
        let Some(bytes) = texts.pop() else {
            return Verdict::Bad("no message");
        };
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        if account.is_strict && (text.contains('\r') || !text.ends_with('\n')) {
            return Verdict::No("every line must end with CRLF");
        }
        let uid = account.deliver(&name, &bytes);
        let folder = account.folder(&name);
        let validity = folder.uidvalidity;
        let message = folder.messages.last_mut().expect("just delivered");
        message.flags = flags.into_iter().collect();
        if account.kind.uidplus {
            Verdict::Ok(format!("[APPENDUID {validity} {uid}] done"))
        } else {
            done()
        }
    }

    fn store(&mut self, words: &mut Words) -> Verdict {
        let Some((name, true)) = self.open.clone() else {
            return Verdict::No("not open for that");
        };
        let (set, how) = (words.word(), words.word());
        let flags = words.list();
        let mut account = locked(&self.account);
        let limit = account.kind.limit;
        let folder = account.folder(&name);
        let modseq = folder.change();
        let last = highest(folder);
        let shown = folder.shown().map(|message| message.uid);
        let mut uids: Vec<u32> = shown.filter(|uid| within(&set, *uid, last)).collect();
        let verdict = CommandLimit::cut(limit, &mut uids);
        for message in &mut folder.messages {
            if uids.contains(&message.uid) {
                for flag in &flags {
                    if how.starts_with('-') {
                        message.flags.remove(flag);
                    } else {
                        message.flags.insert(flag.clone());
                    }
                }
                message.modseq = modseq;
            }
        }
        Verdict::Ok(verdict)
    }

    fn expunge(&mut self, by_uid: bool, words: &mut Words) -> io::Result<Verdict> {
        let Some((name, true)) = self.open.clone() else {
            return Ok(Verdict::No("not open for that"));
        };
        let set = if by_uid {
            words.word()
        } else {
            "1:*".to_owned()
        };
        let mut account = locked(&self.account);
        if by_uid && !account.kind.uidplus {
            return Ok(Verdict::Bad("unknown command"));
        }
        let limit = account.kind.limit.filter(|_| by_uid);
        let folder = account.folder(&name);
        let last = highest(folder);
        let marked = folder.shown().filter(|message| {
            message.flags.contains("\\Deleted") && within(&set, message.uid, last)
        });
        let mut chosen: Vec<u32> = marked.map(|message| message.uid).collect();
        let verdict = CommandLimit::cut(limit, &mut chosen);
        let goes = |message: &ModelMessage| chosen.contains(&message.uid);
        let shown = folder.shown().enumerate();
        let numbers = shown.filter(|(_, message)| goes(message));
        let mut numbers: Vec<usize> = numbers.map(|(at, _)| at + 1).collect();
        numbers.reverse();
        let uids = account.expunge(&name, goes);
        drop(account);
        if self.qresync || self.uidonly {
            for uid in uids {
                self.out.say(&format!("* VANISHED {uid}"))?;
            }
        } else {
            for number in numbers {
                self.out.say(&format!("* {number} EXPUNGE"))?;
            }
        }
        Ok(Verdict::Ok(verdict))
    }
}

/// The highest UID that is shown.
pub(super) fn highest(folder: &ModelFolder) -> u32 {
    folder.shown().map(|message| message.uid).max().unwrap_or(0)
}

/// True if a set such as `1:3,7:*` has this number, of which `last` is the highest.
pub(super) fn within(set: &str, number: u32, last: u32) -> bool {
    let end = |text: &str| match text {
        "*" => last,
        digits => digits.parse().unwrap_or(0),
    };
    set.split(',').any(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let (from, to) = (end(from), end(to));
        (from.min(to)..=from.max(to)).contains(&number)
    })
}

#[test]
fn a_set_with_a_star_has_the_last_one_always() {
    assert!(within("1:3,7:*", 2, 9) && within("1:3,7:*", 9, 9));
    assert!(!within("1:3,7:*", 5, 9));
    assert!(within("20:*", 9, 9) && !within("20:*", 8, 9));
}
