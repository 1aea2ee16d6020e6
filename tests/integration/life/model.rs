//! A mail account as its server has it: folders with messages in their order, how the
//! server shows them, and a count of what it gave away.

use std::collections::{BTreeMap, BTreeSet};

/// How a server tells sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeHabit {
    /// To the octet.
    Exact,
    /// Each line end counts as one octet.
    LineFeeds,
    /// Without the status fields that it puts into each message, and rewrites.
    StatusFields,
    /// What the message takes in its store, as Exchange has it.
    Estimated,
}

/// How a server answers TOP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopHabit {
    /// With the header.
    Header,
    /// With the whole message.
    Whole,
    /// Not at all.
    Refused,
}

/// Where a server has its UIDLs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UidlHabit {
    /// Names of its own, as the messages have them.
    Own,
    /// Made of UID and UIDVALIDITY, as Dovecot does.
    Formula,
    /// The number of the message.
    Number,
    /// There are none.
    Refused,
}

/// What a server is like. All of these are honest.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a capability of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerKind {
    pub(crate) sizes: SizeHabit,
    pub(crate) top: TopHabit,
    pub(crate) uidls: UidlHabit,
    /// A header that is read alone has a field that is another one every time.
    pub(crate) unstable_headers: bool,
    pub(crate) pipelining: bool,
    pub(crate) condstore: bool,
    pub(crate) qresync: bool,
    pub(crate) uidplus: bool,
    pub(crate) email_ids: bool,
    pub(crate) guids: bool,
    pub(crate) numbering: NumberingHabit,
    /// Of how many messages it does what a command asks (RFC 9738).
    pub(crate) limit: Option<CommandLimit>,
}

/// For how long UIDs hold before a folder was opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberingHabit {
    Lasting,
    /// For a session, as where they are made of the time and sessions are short.
    Session,
    /// For a command.
    Command,
}

/// What comes with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommandLimit {
    pub(crate) messages: usize,
    /// True if it says so beforehand.
    pub(crate) advertised: bool,
    pub(crate) partial: bool,
    pub(crate) uidonly: bool,
}

impl CommandLimit {
    /// The last of these that a command may be about, and the response code if not all are.
    pub(crate) fn cut(limit: Option<Self>, uids: &mut Vec<u32>) -> String {
        match limit {
            Some(Self { messages, .. }) if uids.len() > messages => {
                uids.drain(..uids.len() - messages);
                format!("[MESSAGELIMIT {messages} {}] part", uids[0])
            }
            _ => "done".to_owned(),
        }
    }
}

impl ServerKind {
    /// As most are: exact sizes, TOP, names of its own, and the usual extensions of IMAP.
    pub(crate) const PLAIN: Self = Self {
        sizes: SizeHabit::Exact,
        top: TopHabit::Header,
        uidls: UidlHabit::Own,
        unstable_headers: false,
        pipelining: true,
        condstore: false,
        qresync: false,
        uidplus: true,
        email_ids: false,
        guids: false,
        numbering: NumberingHabit::Lasting,
        limit: None,
    };
}

/// What goes wrong in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body of the message in this place is cut to so many octets, with a proper end.
    Cut { place: usize, keep: usize },
    /// The message in this place comes with the octets of the next one.
    Swapped { place: usize },
    /// Whichever message is wanted, the first one comes.
    FirstForAll,
    /// A message arrived at the front after the listing: numbers mean their forerunners.
    Shifted,
    /// Another line `+OK` stands before each body.
    DoubledStatus,
    /// One more `+OK` comes before the answer to RETR for the message in this place.
    ExtraStatus { place: usize },
    /// An answer to FETCH has the header, unasked, before the message.
    UnaskedHeader,
    /// The line breaks behind so many octets of the server.
    Drop { after: usize },
    /// The message in this place is listed with so many octets.
    WrongSize { place: usize, octets: u64 },
}

/// One message in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelMessage {
    pub(crate) uid: u32,
    pub(crate) uidl: String,
    pub(crate) bytes: Vec<u8>,
    /// INTERNALDATE in Unix seconds.
    pub(crate) date: i64,
    pub(crate) flags: BTreeSet<String>,
    pub(crate) modseq: u64,
    /// The number that it shares with its copies.
    pub(crate) identity: u64,
    /// False while the server does not show it yet, though it has its UID.
    pub(crate) visible: bool,
    /// How often it was read, for status fields.
    pub(crate) reads: u32,
}

/// One folder.
#[derive(Debug, Clone)]
pub(crate) struct ModelFolder {
    pub(crate) name: String,
    pub(crate) uidvalidity: u32,
    pub(crate) uidnext: u32,
    /// True once it was opened for writing.
    pub(crate) selected: bool,
    pub(crate) modseq: u64,
    pub(crate) messages: Vec<ModelMessage>,
    /// What went, and at which change.
    pub(crate) vanished: Vec<(u64, u32)>,
}

impl ModelFolder {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uidvalidity: 1_000 + u32::try_from(name.len()).unwrap(),
            uidnext: 1,
            selected: false,
            modseq: 1,
            messages: Vec::new(),
            vanished: Vec::new(),
        }
    }

    /// The messages that are shown.
    pub(crate) fn shown(&self) -> impl DoubleEndedIterator<Item = &ModelMessage> {
        self.messages.iter().filter(|message| message.visible)
    }

    /// Notes a change of the folder, and gives its number.
    pub(crate) fn change(&mut self) -> u64 {
        self.modseq += 1;
        self.modseq
    }

    /// Takes messages out.
    pub(crate) fn take(&mut self, goes: impl Fn(&ModelMessage) -> bool) -> Vec<ModelMessage> {
        let modseq = self.change();
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition(goes);
        self.messages = left;
        self.vanished.extend(gone.iter().map(|m| (modseq, m.uid)));
        gone
    }

    /// Gives every message a new UID under a new UIDVALIDITY.
    pub(crate) fn renumber(&mut self) {
        self.uidvalidity += 1;
        self.vanished.clear();
        let modseq = self.change();
        for (uid, message) in (1..).zip(&mut self.messages) {
            message.uid = uid;
            message.modseq = modseq;
        }
        self.uidnext = u32::try_from(self.messages.len()).unwrap() + 1;
    }
}

/// A message that a client deleted.
#[derive(Debug, Clone)]
pub(crate) struct Deleted {
    pub(crate) folder: String,
    pub(crate) uid: u32,
    pub(crate) uidl: String,
    /// As [`ModelAccount::blind`] has it.
    pub(crate) key: (u64, Vec<u8>),
}

/// The account.
#[derive(Debug)]
pub(crate) struct ModelAccount {
    pub(crate) kind: ServerKind,
    pub(crate) folders: Vec<ModelFolder>,
    /// What goes wrong in sessions that begin now.
    pub(crate) faults: Vec<Fault>,
    /// Bodies that were sent whole, by folder and UID.
    pub(crate) bodies: BTreeMap<(String, u32), u32>,
    /// What clients deleted.
    pub(crate) deleted: Vec<Deleted>,
    /// Messages, by identity and bytes, in whose place others came that their sizes do not tell.
    pub(crate) misled: BTreeSet<(u64, Vec<u8>)>,
    /// Of these the ones that nothing tells that the server answers.
    pub(crate) blind: BTreeSet<(u64, Vec<u8>)>,
    /// True if it takes no message with a bare CR or an open last line.
    pub(crate) is_strict: bool,
    /// Commands that came, with faults or without; the first word of each.
    pub(crate) commands: Vec<(String, Vec<Fault>)>,
    identities: u64,
    readings: u64,
}

impl ModelAccount {
    /// An account with an empty INBOX.
    pub(crate) fn new(kind: ServerKind) -> Self {
        Self {
            kind,
            folders: vec![ModelFolder::new("INBOX")],
            faults: Vec::new(),
            bodies: BTreeMap::new(),
            deleted: Vec::new(),
            misled: BTreeSet::new(),
            blind: BTreeSet::new(),
            is_strict: false,
            commands: Vec::new(),
            identities: 0,
            readings: 0,
        }
    }

    /// Numbers folders that nobody opened for writing anew, if that is the server's habit.
    pub(crate) fn number_anew(&mut self, habit: NumberingHabit) {
        if self.kind.numbering == habit {
            for folder in &mut self.folders {
                folder.uidvalidity += u32::from(!folder.selected);
            }
        }
    }

    /// The folder of this name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&ModelFolder> {
        self.folders.iter().find(|folder| same(&folder.name, name))
    }

    /// The folder of this name, made if there is none.
    pub(crate) fn folder(&mut self, name: &str) -> &mut ModelFolder {
        let at = self.folders.iter().position(|f| same(&f.name, name));
        let at = at.unwrap_or_else(|| {
            self.folders.push(ModelFolder::new(name));
            self.folders.len() - 1
        });
        &mut self.folders[at]
    }

    /// Delivers a message at the end of a folder; gives its UID.
    pub(crate) fn deliver(&mut self, folder: &str, bytes: &[u8]) -> u32 {
        self.identities += 1;
        let identity = self.identities;
        let date = 1_600_000_000 + i64::try_from(identity).unwrap() * 60;
        let message = ModelMessage {
            uid: 0,
            uidl: format!("name-{identity}"),
            bytes: bytes.to_vec(),
            date,
            flags: BTreeSet::new(),
            modseq: 0,
            identity,
            visible: true,
            reads: 0,
        };
        self.put(folder, message)
    }

    /// Puts a message at the end of a folder, under a new UID.
    pub(crate) fn put(&mut self, folder: &str, mut message: ModelMessage) -> u32 {
        let folder = self.folder(folder);
        message.uid = folder.uidnext;
        message.modseq = folder.change();
        folder.uidnext += 1;
        let uid = message.uid;
        folder.messages.push(message);
        uid
    }

    /// Makes another message of one: it is none of its copies any more.
    pub(crate) fn replace(&mut self, folder: &str, uid: u32, bytes: &[u8]) {
        self.identities += 1;
        let identity = self.identities;
        let folder = self.folder(folder);
        let message = folder.messages.iter_mut().find(|m| m.uid == uid).unwrap();
        message.bytes = bytes.to_vec();
        message.identity = identity;
    }

    /// The octets that a listing gives for a message.
    pub(crate) fn octets(&self, place: usize, message: &ModelMessage, faults: &[Fault]) -> u64 {
        let wrong = faults.iter().find_map(|fault| match fault {
            Fault::WrongSize { place: at, octets } if *at == place => Some(*octets),
            _ => None,
        });
        let size = message.bytes.len() as u64;
        wrong.unwrap_or(match self.kind.sizes {
            SizeHabit::Exact | SizeHabit::StatusFields => size,
            SizeHabit::LineFeeds => {
                size - message.bytes.windows(2).filter(|w| w == b"\r\n").count() as u64
            }
            SizeHabit::Estimated => size + 800 + size / 7 + message.identity % 50,
        })
    }

    /// The UIDL of a message.
    pub(crate) fn uidl(&self, number: usize, message: &ModelMessage) -> String {
        match self.kind.uidls {
            UidlHabit::Own | UidlHabit::Refused => message.uidl.clone(),
            UidlHabit::Number => number.to_string(),
            UidlHabit::Formula => {
                format!("{:08x}{:08x}", message.uid, self.folders[0].uidvalidity)
            }
        }
    }

    /// A message as the server sends it, which counts as a reading.
    pub(crate) fn body(&mut self, folder: &str, uid: u32) -> Option<Vec<u8>> {
        let status = self.kind.sizes == SizeHabit::StatusFields;
        let messages = &mut self.folder(folder).messages;
        let message = messages.iter_mut().find(|m| m.uid == uid && m.visible)?;
        let body = if status {
            with_status(message)
        } else {
            message.bytes.clone()
        };
        message.reads += 1;
        Some(body)
    }

    /// Notes what came in the place of a message, if nobody can see that it is another.
    pub(crate) fn note(&mut self, folder: &str, uid: u32, came: &[u8], faults: &[Fault]) {
        let kind = self.kind.clone();
        let Some(message) = self
            .find(folder)
            .and_then(|f| f.messages.iter().find(|m| m.uid == uid))
        else {
            return;
        };
        let (right, identity) = (message.bytes.clone(), message.identity);
        if came == right {
            return;
        }
        let measure = |bytes: &[u8]| match kind.sizes {
            SizeHabit::LineFeeds => bytes.len() - bytes.windows(2).filter(|w| w == b"\r\n").count(),
            _ => bytes.len(),
        };
        let apart = measure(came).abs_diff(measure(&right));
        let size_tells = match kind.sizes {
            SizeHabit::Estimated => false,
            // A final line end explains two octets, and status fields some more.
            SizeHabit::StatusFields => apart > 60,
            _ => apart > 2,
        };
        let same_header = plain_header(came) == plain_header(&right);
        let header_tells = !same_header
            && kind.top != TopHabit::Refused
            && !kind.unstable_headers
            && !faults.contains(&Fault::Shifted);
        if !size_tells {
            let key = (identity, right);
            if !header_tells {
                self.blind.insert(key.clone());
            }
            self.misled.insert(key);
        }
    }

    /// Counts a body that was sent.
    pub(crate) fn count_body(&mut self, folder: &str, uid: u32) {
        *self.bodies.entry((folder.to_owned(), uid)).or_default() += 1;
    }

    /// The header of a message with its empty line, as the server sends it.
    pub(crate) fn header(&mut self, folder: &str, uid: u32) -> Option<Vec<u8>> {
        let status = self.kind.sizes == SizeHabit::StatusFields;
        let (unstable, readings) = (self.kind.unstable_headers, self.readings);
        let messages = &self.folder(folder).messages;
        let message = messages.iter().find(|m| m.uid == uid && m.visible)?;
        let bytes = if status {
            with_status(message)
        } else {
            message.bytes.clone()
        };
        let mut header = bytes[..header_end(&bytes)].to_vec();
        if unstable {
            header = [format!("X-Reading: {readings}\r\n").as_bytes(), &header].concat();
            self.readings += 1;
        }
        header.extend_from_slice(b"\r\n");
        Some(header)
    }

    /// A client deletes messages of a folder.
    pub(crate) fn expunge(
        &mut self,
        folder: &str,
        goes: impl Fn(&ModelMessage) -> bool,
    ) -> Vec<u32> {
        let gone = self.folder(folder).take(goes);
        let uids = gone.iter().map(|message| message.uid).collect();
        for message in gone {
            self.deleted.push(Deleted {
                folder: folder.to_owned(),
                uid: message.uid,
                uidl: self.uidl(0, &message),
                key: (message.identity, message.bytes),
            });
        }
        uids
    }

    /// How many messages are shown in all folders.
    pub(crate) fn count(&self) -> usize {
        self.folders
            .iter()
            .map(|folder| folder.shown().count())
            .sum()
    }

    /// Bodies that were sent since this was asked last.
    pub(crate) fn take_bodies(&mut self) -> BTreeMap<(String, u32), u32> {
        std::mem::take(&mut self.bodies)
    }
}

/// Where the lines of the header end: before the empty line, or at the end of all.
pub(crate) fn header_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line == b"\r\n" || line == b"\n" {
            return at;
        }
        at += line.len();
    }
    at
}

/// The header without the fields that a server keeps the state of a message in.
fn plain_header(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes[..header_end(bytes)].split_inclusive(|b| *b == b'\n');
    lines
        .filter(|line| !line.starts_with(b"Status:") && !line.starts_with(b"X-UID:"))
        .flatten()
        .copied()
        .collect()
}

/// With the fields of a server that keeps the state of a message in it.
fn with_status(message: &ModelMessage) -> Vec<u8> {
    let state = if message.reads == 0 { "O" } else { "RO" };
    let end = header_end(&message.bytes);
    let (header, rest) = message.bytes.split_at(end);
    let status = format!("Status: {state}\r\nX-UID: {}\r\n", message.uid);
    [header, status.as_bytes(), rest].concat()
}

fn same(one: &str, other: &str) -> bool {
    one == other || one.eq_ignore_ascii_case("inbox") && other.eq_ignore_ascii_case("inbox")
}
