//! A vault of any number of messages, made in a fraction of the time that a pull of them
//! would take.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mailvault::mail::message::{Digest, Scanner};
use mailvault::mail::source::Uid;
use mailvault::sample::Message;
use mailvault::vault::Writer;
use mailvault::vault::layout::FileName;
use mailvault::vault::ledger::{Evidence, Identity, LedgerEvent, Proto, Seen, SessionRecord};

/// Folders of the account over IMAP.
const FOLDERS: u64 = 300;
/// Messages that are recorded at once.
const BATCH: u64 = 10_000;
/// File systems limit the names of a file, ext4 to 65,000.
const NAMES: u64 = 50_000;
/// The length of the file that stands for every message.
const STORED: usize = 700;

/// Words of a body, 2 kB of text, and how many rare ones there are.
const BODY_WORDS: usize = 300;
const VOCABULARY: u64 = 50_000;

/// What lies at the names of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Nothing.
    None,
    /// Names of a few files, of the right length and another content.
    Linked,
    /// The messages themselves.
    Whole,
}

/// Makes a vault with so many messages. Every other one lies in the maildrop of `work` at
/// `server`, the rest in the folders of `home`; one in twenty has a copy in a second folder.
pub(crate) fn fill(vault: &Path, server: &str, count: u64, kind: FileKind) {
    Writer::create(vault).unwrap();
    let mut writer = Writer::open(vault, Duration::ZERO, &AtomicBool::new(false)).unwrap();
    writer.record(&folders(vault)).unwrap();
    let mut scanner = Scanner::new();
    for first in (0..count).step_by(usize::try_from(BATCH).unwrap()) {
        let mut events = Vec::new();
        let mut digests = Vec::new();
        for n in first..count.min(first + BATCH) {
            let text = text(n, kind);
            scanner.update(text.as_bytes());
            let digest = scanner.finish();
            let name = FileName {
                received: digest.received,
                hash: digest.hash,
                size: if kind == FileKind::Whole {
                    digest.size
                } else {
                    size(n)
                },
                wire: if kind == FileKind::Whole {
                    digest.wire
                } else {
                    size(n)
                },
            };
            let file = Body {
                vault,
                kind,
                n,
                text: &text,
            };
            let mut seen = seen(server, n, &name, &digest, file.stored());
            file.put(&seen, &name);
            events.push(LedgerEvent::Seen(Box::new(seen.clone())));
            if n.is_multiple_of(20) {
                seen.identity = in_folder(n + 1, u32::try_from(count + n).unwrap());
                file.put(&seen, &name);
                events.push(LedgerEvent::Seen(Box::new(seen)));
            }
            digests.push(digest);
        }
        writer.record(&events).unwrap();
        for digest in &digests {
            writer.catalog_mut().describe(digest.hash, digest).unwrap();
        }
        writer.publish().unwrap();
    }
    let session = |account: &str, proto| {
        LedgerEvent::Session(SessionRecord {
            account: account.to_owned(),
            proto,
            complete: true,
            listed: count / 2,
            new: count / 2,
            duplicates: 0,
            refused: 0,
            octets: 0,
            result: 0,
        })
    };
    let sessions = [session("work", Proto::Pop3), session("home", Proto::Imap)];
    writer.record(&sessions).unwrap();
    writer.publish().unwrap();
}

/// What the server of `work` has, in a vault of so many messages: as large as was recorded,
/// since nobody fetches it.
pub(crate) fn maildrop(count: u64) -> Vec<Message> {
    let message = |n| Message {
        uidl: uidl(n),
        bytes: b"\r\n\r\n".to_vec(),
    };
    (0..count).step_by(2).map(message).collect()
}

fn uidl(n: u64) -> String {
    // As Dovecot names them.
    format!("{n:08x}6b032d77")
}

fn folders(vault: &Path) -> Vec<LedgerEvent> {
    let folder = |n| {
        let dir = dir(n);
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(vault.join("mail/home").join(&dir).join(sub)).unwrap();
        }
        LedgerEvent::Folder {
            account: "home".to_owned(),
            name: dir[1..].replace('.', "/").into_bytes().into(),
            dir,
            delim: Some(b'/'),
            uidvalidity: 7,
        }
    };
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(vault.join("mail/work").join(sub)).unwrap();
    }
    (0..FOLDERS).map(folder).collect()
}

fn dir(n: u64) -> String {
    format!(".Lists.{:03}", n % FOLDERS)
}

fn in_folder(n: u64, uid: u32) -> Identity {
    Identity {
        account: "home".to_owned(),
        server: "ann@imap.example.org:993".to_owned(),
        uid: Uid::Imap {
            uidvalidity: 7,
            uid,
        },
        dir: Some(dir(n)),
    }
}

fn seen(server: &str, n: u64, name: &FileName, digest: &Digest, stored: u64) -> Seen {
    let listed = n.is_multiple_of(2);
    let identity = if listed {
        Identity {
            account: "work".to_owned(),
            server: server.to_owned(),
            uid: Uid::Uidl(uidl(n).into_bytes().into()),
            dir: None,
        }
    } else {
        in_folder(n / 2, u32::try_from(n + 1).unwrap())
    };
    Seen {
        identity,
        octets: Some(if listed { 4 } else { name.wire }),
        hash: name.hash,
        got: name.hash,
        header: digest.header,
        mid: digest.mid.clone().map(Into::into),
        idate: (!listed).then_some(name.received.into()),
        flags: if listed || n.is_multiple_of(3) {
            ""
        } else {
            "S"
        }
        .to_owned(),
        kw: if !listed && n % 50 < 2 {
            "$label1 later"
        } else {
            ""
        }
        .to_owned(),
        received: name.received,
        size: name.size,
        wire: name.wire,
        stored,
        evidence: Evidence::Received,
        object: None,
    }
}

/// The file of a message.
struct Body<'a> {
    vault: &'a Path,
    kind: FileKind,
    n: u64,
    text: &'a str,
}

impl Body<'_> {
    fn stored(&self) -> u64 {
        match self.kind {
            FileKind::Whole => self.packed().len() as u64,
            FileKind::None | FileKind::Linked => STORED as u64,
        }
    }

    fn packed(&self) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        let size = Some(self.text.len() as u64);
        encoder.set_pledged_src_size(size).unwrap();
        encoder.write_all(self.text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn put(&self, seen: &Seen, name: &FileName) {
        let folder = (self.vault.join("mail").join(&seen.identity.account))
            .join(seen.identity.dir.as_deref().unwrap_or_default());
        let path = folder.join("cur").join(name.with_flags(&seen.flags));
        match self.kind {
            FileKind::None => {}
            FileKind::Linked => fs::hard_link(self.source(), path).unwrap(),
            FileKind::Whole => fs::write(path, self.packed()).unwrap(),
        }
    }

    /// The file that a name is given to.
    fn source(&self) -> PathBuf {
        let path = (self.vault.join("quarantine")).join((self.n / NAMES).to_string());
        if !path.exists() {
            fs::create_dir_all(self.vault.join("quarantine")).unwrap();
            fs::write(&path, [b'x'; STORED]).unwrap();
        }
        path
    }
}

/// A message whose header is as long as others are, and its body if it is read.
fn text(n: u64, kind: FileKind) -> String {
    let mut random = random(n);
    let mut pick = |below: u64| {
        random = self::random(random);
        random % below
    };
    let sender = pick(5_000);
    let mut subject = if pick(5) == 0 { "Re:" } else { "" }.to_owned();
    for _ in 0..=pick(9) {
        let word = WORDS[usize::try_from(pick(WORDS.len() as u64)).unwrap()];
        subject += &format!(" {word}");
    }
    let (day, month, year) = (pick(28) + 1, pick(12), 2005 + pick(20));
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][usize::try_from(month).unwrap()];
    let (hour, minute) = (pick(24), pick(60));
    let mut body = format!("This is message {n}.\r\n");
    let words = if kind == FileKind::Whole {
        BODY_WORDS
    } else {
        0
    };
    for place in 0..words {
        // Half of what people write are a few words.
        let word = match pick(2) {
            0 => WORDS[usize::try_from(pick(WORDS.len() as u64)).unwrap()].to_owned(),
            _ => format!("w{:x}", self::random(pick(VOCABULARY)) >> 40),
        };
        body += &word;
        body += if place % 12 == 11 { "\r\n" } else { " " };
    }
    format!(
        "From: Name {sender} <person.{sender}@mail{}.example.org>\r\nTo: ann@example.org\r\n\
         Subject: {}\r\nDate: {day} {month} {year} {hour:02}:{minute:02}:00 +0000\r\n\
         Message-ID: <{n:x}.{year}@example.org>\r\n\r\n{body}",
        sender % 40,
        subject.trim(),
    )
}

/// Half of all messages are below 8 kB, one in a hundred is above a megabyte.
fn size(n: u64) -> u64 {
    let random = random(n ^ 0x5eed);
    let (low, high) = match random % 100 {
        0..30 => (1_000, 4_000),
        30..70 => (4_000, 20_000),
        70..93 => (20_000, 100_000),
        93..99 => (100_000, 1_000_000),
        _ => (1_000_000, 20_000_000),
    };
    low + random / 100 % (high - low)
}

/// The same scattered number for each n (splitmix64).
fn random(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const WORDS: [&str; 24] = [
    "invoice",
    "meeting",
    "tomorrow",
    "about",
    "your",
    "order",
    "the",
    "minutes",
    "of",
    "release",
    "patch",
    "for",
    "holiday",
    "photos",
    "Grüße",
    "question",
    "reminder",
    "ticket",
    "account",
    "statement",
    "garden",
    "travel",
    "plans",
    "report",
];
