//! Histories: what may happen to an account, drawn from a seed, and how it happens.

use super::line::{SharedAccount, locked};
use super::mail::{KINDS, mail};
use super::model::{
    Fault, ModelAccount, NumberingHabit, ServerKind, SizeHabit, TopHabit, UidlHabit,
};
use super::random::Dice;
use super::stage::{Way, letter};

/// Folders of a history.
pub(crate) const FOLDERS: [&str; 3] = ["INBOX", "Sent", "Lists"];
/// Letters that are there from the beginning, and teach what the server's sizes are worth.
pub(crate) const SETTLED: usize = 36;

/// What an edit in place changes. Numbers of folders and places are taken as remainders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edited {
    /// A field, and the size with it.
    Header,
    /// A letter of a field.
    HeaderLetter,
    /// The body, and the size with it.
    Body,
    /// The date of arrival.
    Date,
    /// Its UID or UIDL.
    Name,
}

/// A step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Deliver {
        folder: usize,
        mail: usize,
        count: usize,
        /// From one message to the next: with 4, equal sizes and other headers are likely.
        stride: usize,
    },
    /// Like a delivery, but the server does not show it yet.
    Hide {
        folder: usize,
        mail: usize,
    },
    /// What was hidden is shown.
    Show,
    /// A damaged copy has other bytes under the identity that copies share.
    Copy {
        from: usize,
        to: usize,
        place: usize,
        damaged: bool,
    },
    Move {
        from: usize,
        to: usize,
        place: usize,
        damaged: bool,
    },
    Expunge {
        folder: usize,
        place: usize,
        count: usize,
    },
    Flag {
        folder: usize,
        place: usize,
    },
    Edit {
        folder: usize,
        place: usize,
        what: Edited,
    },
    /// A backup without the last `lost` is played in, and as many as `arrive` came since.
    Restore {
        folder: usize,
        lost: usize,
        arrive: usize,
        mail: usize,
    },
    NewValidity {
        folder: usize,
    },
    /// Every message gets the UIDL of another one, or a new one.
    NewUidls {
        reused: bool,
    },
    Err(Fault),
    Recover,
    Pull,
    PullSome {
        limit: usize,
    },
    Audit,
    PurgeAll,
    PurgeOld,
    PurgeSome {
        octets: usize,
    },
    Verify,
    Repair,
    /// A file of the vault is gone or damaged.
    Damage {
        place: usize,
        flip: bool,
    },
    Import {
        mail: usize,
        count: usize,
    },
    Export,
    /// The account has another name in the configuration, which was changed by hand.
    Rename,
    /// It was renamed by the command, which notes its name in the vault.
    NewName {
        name: usize,
    },
    /// What the vault has under its other name becomes part of it.
    Merge,
    /// A stored message is removed for good.
    Forget {
        place: usize,
    },
    /// What was forgotten may come back.
    Remember,
    /// The server has another host name; if `moved`, the next pull is told the old one.
    NewHost {
        moved: bool,
    },
    /// It is disabled or removed, and nothing is asked of its server.
    Leave,
    /// It is enabled or taken back, as it is called in the vault.
    Return,
    /// It is read over the other protocol.
    OtherProtocol,
    Wait {
        hours: usize,
    },
    /// What is new goes to the second copy; its disk may fail from a call on.
    Push {
        disk: Option<u32>,
    },
    /// It goes there, then the machine is lost, and the vault restored.
    LoseMachine,
    /// The disk fails at a call of the user's next command; if `lasting`, also at all that
    /// follow, so that nothing changes any more, as after a kill.
    Disk {
        at: u32,
        lasting: bool,
    },
}

/// A whole life, but for what it meets.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) kind: ServerKind,
    pub(crate) way: Way,
    pub(crate) exact: bool,
    pub(crate) steps: Vec<Step>,
}

impl Life {
    /// The life of a seed.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let kind = kind(&mut dice);
        let way = dice.one_of(&[Way::Pop3, Way::Imap, Way::Imap]);
        let count = 16 + dice.below(24);
        let exact = dice.once_in(6);
        let steps = (0..count).map(|_| step(&mut dice, &kind));
        // Dice of their own: what happens otherwise is what it was before there were these.
        let mut others = Dice::new(!seed);
        let steps = steps.flat_map(|step| {
            let account = others.once_in(6).then(|| account_step(&mut others));
            account.into_iter().chain([step])
        });
        let mut copies = Dice::new(seed.rotate_left(32));
        let steps = steps.flat_map(|step| {
            let copy = copies.once_in(8).then(|| match copies.below(4) {
                0 => Step::LoseMachine,
                _ => Step::Push {
                    disk: copies
                        .once_in(3)
                        .then(|| u32::try_from(copies.below(40)).unwrap()),
                },
            });
            copy.into_iter().chain([step])
        });
        Self {
            exact,
            steps: steps.collect(),
            kind,
            way,
        }
    }
}

/// What a user does with the account itself.
fn account_step(dice: &mut Dice) -> Step {
    match dice.below(13) {
        0 | 1 => Step::Rename,
        2 => Step::NewName {
            name: dice.below(3),
        },
        3 | 4 | 9 => Step::Merge,
        5 => Step::NewHost {
            moved: !dice.once_in(3),
        },
        6 => Step::Leave,
        7 | 8 => Step::Forget {
            place: dice.below(40),
        },
        10 => Step::Remember,
        _ => Step::Return,
    }
}

fn kind(dice: &mut Dice) -> ServerKind {
    let condstore = dice.once_in(2);
    ServerKind {
        sizes: dice.one_of(&[
            SizeHabit::Exact,
            SizeHabit::Exact,
            SizeHabit::LineFeeds,
            SizeHabit::StatusFields,
            SizeHabit::Estimated,
        ]),
        top: dice.one_of(&[
            TopHabit::Header,
            TopHabit::Header,
            TopHabit::Header,
            TopHabit::Whole,
            TopHabit::Refused,
        ]),
        uidls: dice.one_of(&[
            UidlHabit::Own,
            UidlHabit::Own,
            UidlHabit::Formula,
            UidlHabit::Formula,
            UidlHabit::Number,
            UidlHabit::Refused,
        ]),
        unstable_headers: dice.once_in(8),
        pipelining: !dice.once_in(3),
        condstore,
        qresync: condstore && dice.once_in(2),
        uidplus: !dice.once_in(3),
        email_ids: dice.once_in(4),
        guids: dice.once_in(3),
        numbering: NumberingHabit::Lasting,
        // Lives stay what their seeds made them; `limits.rs` has these servers.
        limit: None,
    }
}

fn step(dice: &mut Dice, kind: &ServerKind) -> Step {
    // The inbox most of the time.
    let folder = [0, 0, 1, 2][dice.below(4)];
    let to = dice.below(FOLDERS.len());
    let place = dice.below(50);
    let mail = dice.below(KINDS);
    match dice.below(60) {
        0..=6 => Step::Deliver {
            folder,
            mail,
            count: 1 + dice.below(6),
            stride: dice.one_of(&[1, 1, 4]),
        },
        7 => Step::Hide { folder, mail },
        8 => Step::Show,
        9 => Step::Copy {
            from: folder,
            to,
            place,
            damaged: dice.once_in(3),
        },
        10 => Step::Move {
            from: folder,
            to,
            place,
            damaged: dice.once_in(3),
        },
        11 => Step::Expunge {
            folder,
            place,
            count: 1 + dice.below(5),
        },
        12 => Step::Flag { folder, place },
        13 | 14 => {
            let what = [
                Edited::Header,
                Edited::HeaderLetter,
                Edited::Body,
                Edited::Date,
                Edited::Name,
            ];
            Step::Edit {
                folder,
                place,
                what: dice.one_of(&what),
            }
        }
        15 | 16 => {
            let (lost, arrive) = (1 + dice.below(5), dice.below(6));
            Step::Restore {
                folder,
                lost,
                arrive,
                mail,
            }
        }
        17 => Step::NewValidity { folder },
        18 => Step::NewUidls {
            reused: dice.once_in(2),
        },
        19..=22 | 53..=55 => Step::Err(fault(dice, kind)),
        23 => Step::Recover,
        24..=29 => Step::Pull,
        30 => Step::PullSome {
            limit: 1 + dice.below(5),
        },
        31..=34 | 59 => Step::Audit,
        35 | 52 => Step::PurgeAll,
        36 => Step::PurgeOld,
        37 => Step::PurgeSome {
            octets: 200 + dice.below(3_000),
        },
        38 | 48 => Step::Verify,
        39 => Step::Repair,
        40 => Step::Damage {
            place,
            flip: dice.once_in(2),
        },
        41 | 49 => Step::Import {
            mail,
            count: 1 + dice.below(4),
        },
        42 | 50 | 51 => Step::Export,
        43 => Step::Rename,
        44 => Step::OtherProtocol,
        45..=47 | 56..=58 => Step::Disk {
            at: {
                let reach = dice.one_of(&[1, 1, 4, 30, 300]);
                u32::try_from(dice.below(reach)).unwrap()
            },
            lasting: !dice.once_in(3),
        },
        _ => Step::Wait {
            hours: 1 + dice.below(200),
        },
    }
}

/// Faults that the kind of server lets anybody notice: where sizes are estimated, nothing
/// tells of an end that is missing.
fn fault(dice: &mut Dice, kind: &ServerKind) -> Fault {
    let place = dice.below(50);
    let estimated = kind.sizes == SizeHabit::Estimated;
    match dice.below(if estimated { 5 } else { 9 }) {
        0 => Fault::Drop {
            after: 200 + dice.below(6_000),
        },
        1 => Fault::FirstForAll,
        2 => Fault::Swapped { place },
        3 => Fault::UnaskedHeader,
        4 => Fault::ExtraStatus { place },
        5 => Fault::DoubledStatus,
        6 => Fault::Shifted,
        7 => Fault::WrongSize {
            place,
            octets: 1 + dice.below(20_000) as u64,
        },
        _ => Fault::Cut {
            place,
            keep: 20 + dice.below(200),
        },
    }
}

/// Does what the server and its owner do; false if the step is the user's.
pub(crate) fn happens(step: Step, account: &SharedAccount, edits: &mut usize) -> bool {
    let mut account = locked(account);
    let name = |folder: usize| FOLDERS[folder % FOLDERS.len()];
    match step {
        Step::Deliver {
            folder,
            mail: first,
            count,
            stride,
        } => {
            for n in 0..count {
                account.deliver(name(folder), &mail(first + n * stride));
            }
        }
        Step::Hide { folder, mail: n } => {
            account.deliver(name(folder), &mail(n));
            let messages = &mut account.folder(name(folder)).messages;
            messages.last_mut().expect("just delivered").visible = false;
        }
        Step::Show => show(&mut account),
        Step::Copy {
            from,
            to,
            place,
            damaged,
        }
        | Step::Move {
            from,
            to,
            place,
            damaged,
        } => {
            if let Some(uid) = at(&account, name(from), place) {
                let moved = matches!(step, Step::Move { .. });
                let uidl = format!("-in-{}-{}", name(to), *edits);
                copy(&mut account, [name(from), name(to)], uid, &uidl, damaged);
                if moved {
                    account.folder(name(from)).take(|m| m.uid == uid);
                }
                *edits += 1;
            }
        }
        Step::Expunge {
            folder,
            place,
            count,
        } => {
            for _ in 0..count {
                if let Some(uid) = at(&account, name(folder), place) {
                    account
                        .folder(name(folder))
                        .take(|message| message.uid == uid);
                }
            }
        }
        Step::Flag { folder, place } => {
            if let Some(uid) = at(&account, name(folder), place) {
                let folder = account.folder(name(folder));
                let modseq = folder.change();
                let message = folder.messages.iter_mut().find(|m| m.uid == uid).unwrap();
                message.flags.insert("\\Seen".to_owned());
                message.modseq = modseq;
            }
        }
        Step::Edit {
            folder,
            place,
            what,
        } => {
            *edits += 1;
            if let Some(uid) = at(&account, name(folder), place) {
                edit(&mut account, name(folder), uid, what, *edits);
            }
        }
        Step::Restore {
            folder,
            lost,
            arrive,
            mail: n,
        } => {
            let folder = name(folder);
            restore(&mut account, folder, lost);
            for more in 0..arrive {
                account.deliver(folder, &mail(n + more * 13));
            }
        }
        Step::NewValidity { folder } => account.folder(name(folder)).renumber(),
        Step::NewUidls { reused } => {
            *edits += 1;
            rename(&mut account, reused, *edits);
        }
        Step::Err(fault) => account.faults = vec![fault],
        Step::Recover => account.faults.clear(),
        _ => return false,
    }
    true
}

/// Gives every message of the inbox the UIDL of another one, or a new one.
fn rename(account: &mut ModelAccount, reused: bool, edits: usize) {
    let messages = &mut account.folder("INBOX").messages;
    let names: Vec<String> = messages.iter().map(|m| m.uidl.clone()).collect();
    for (n, message) in messages.iter_mut().enumerate() {
        message.uidl = if reused {
            names[(n + 1) % names.len()].clone()
        } else {
            format!("{}-{edits}", names[n])
        };
    }
}

/// What a life begins with.
pub(crate) fn begin(account: &SharedAccount) {
    let mut account = locked(account);
    for folder in FOLDERS {
        account.folder(folder);
    }
    for n in 0..SETTLED {
        let mail = letter(&format!("settled {n}"), &"filling ".repeat(n + 1));
        account.deliver("INBOX", &mail);
    }
}

/// Shows what was hidden.
pub(crate) fn show(account: &mut ModelAccount) {
    for folder in &mut account.folders {
        if folder.messages.iter().any(|message| !message.visible) {
            let modseq = folder.change();
            for message in folder.messages.iter_mut().filter(|m| !m.visible) {
                (message.visible, message.modseq) = (true, modseq);
            }
        }
    }
}

/// The UID in a place, counted round and round.
fn at(account: &ModelAccount, folder: &str, place: usize) -> Option<u32> {
    let uids: Vec<u32> = account.find(folder)?.shown().map(|m| m.uid).collect();
    (!uids.is_empty()).then(|| uids[place % uids.len()])
}

/// Puts a copy of a message into another folder.
fn copy(account: &mut ModelAccount, [from, to]: [&str; 2], uid: u32, uidl: &str, damaged: bool) {
    let messages = &account.folder(from).messages;
    let mut copy = messages.iter().find(|m| m.uid == uid).unwrap().clone();
    copy.uidl.push_str(uidl);
    if damaged {
        copy.bytes.extend(b"damaged\r\n");
    }
    account.put(to, copy);
}

fn edit(account: &mut ModelAccount, folder: &str, uid: u32, what: Edited, edits: usize) {
    let messages = &account.folder(folder).messages;
    let message = messages.iter().find(|m| m.uid == uid).unwrap().clone();
    let bytes = &message.bytes;
    match what {
        Edited::Header => {
            let field = format!("X-Edited: {edits}\r\n");
            account.replace(folder, uid, &[field.as_bytes(), bytes].concat());
        }
        Edited::HeaderLetter => {
            let mut bytes = bytes.clone();
            if let Some(at) = bytes.windows(9).position(|w| w == b"Subject: ") {
                bytes[at + 9] = b'A' + u8::try_from(edits % 26).unwrap();
            }
            account.replace(folder, uid, &bytes);
        }
        Edited::Body => {
            let more = format!("and in edition {edits}: {}\r\n", "more ".repeat(edits % 7));
            account.replace(folder, uid, &[bytes, more.as_bytes()].concat());
        }
        Edited::Date => {
            let messages = &mut account.folder(folder).messages;
            let message = messages.iter_mut().find(|m| m.uid == uid).unwrap();
            message.date += 3_600;
        }
        Edited::Name => {
            let mut gone = account.folder(folder).take(|m| m.uid == uid);
            let mut message = gone.pop().unwrap();
            message.uidl = format!("{}-{edits}", message.uidl);
            account.put(folder, message);
        }
    }
}

/// A backup without the last messages is played in.
pub(crate) fn restore(account: &mut ModelAccount, folder: &str, lost: usize) {
    let folder = account.folder(folder);
    let left = folder.messages.len().saturating_sub(lost);
    folder.messages.truncate(left);
    folder.vanished.clear();
    folder.uidnext = folder.messages.iter().map(|m| m.uid + 1).max().unwrap_or(1);
    folder.modseq = folder.messages.iter().map(|m| m.modseq).max().unwrap_or(1);
    // So that it does not come back by chance to what it was.
    folder.change();
}
