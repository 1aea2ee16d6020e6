//! Lines as events: the counterpart of [`super::encode`]. Unknown fields and events are
//! no error, missing ones are (docs/FORMAT.md, Ledger).

use super::encode::OpenLedger;
use super::erasure::Erasure;
use super::event::{Evidence, Identity, LedgerEntry, LedgerEvent, Proto, Seen, SessionRecord};
use super::line::{Checksum, Fields, parse_time};
use super::masking::is_masked;
use crate::mail::source::{ObjectId, Uid, Voucher};

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecodedLine {
    Open {
        seq: u64,
        time: i64,
        open: OpenLedger,
    },
    Entry(LedgerEntry),
    /// Its strings were overwritten, if a later line says so.
    Masked {
        seq: u64,
        time: i64,
    },
}

impl DecodedLine {
    pub(super) fn seq(&self) -> u64 {
        match self {
            Self::Open { seq, .. } | Self::Masked { seq, .. } => *seq,
            Self::Entry(entry) => entry.seq,
        }
    }

    pub(super) fn time(&self) -> i64 {
        match self {
            Self::Open { time, .. } | Self::Masked { time, .. } => *time,
            Self::Entry(entry) => entry.time,
        }
    }
}

/// Why a line whose checksum is right cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is of a later version.
    Later(u64),
    /// It is not what this version writes.
    Bad,
}

/// Reads the body of a line whose checksum is right.
pub(super) fn decode(body: &[u8]) -> Result<DecodedLine, Fault> {
    let mut fields = Fields::parse(body).ok_or(Fault::Bad)?;
    match fields.number("v").ok_or(Fault::Bad)? {
        1 => read_line(&mut fields).ok_or(Fault::Bad),
        0 => Err(Fault::Bad),
        later => Err(Fault::Later(later)),
    }
}

/// Reads the body of a line whose checksum is wrong, if it has the form of a masked one.
pub(super) fn decode_masked(body: &[u8]) -> Option<DecodedLine> {
    let mut fields = Fields::parse(body)?;
    let is_ours = fields.number::<u64>("v")? == 1 && is_masked(&fields);
    let (seq, time) = read_place(&mut fields)?;
    is_ours.then_some(DecodedLine::Masked { seq, time })
}

fn read_place(fields: &mut Fields<'_>) -> Option<(u64, i64)> {
    // The catalog's integers have 63 bits.
    let seq = u64::try_from(fields.number::<i64>("seq")?).ok()?;
    let time = parse_time(&fields.text("t")?)?;
    Some((seq, time))
}

fn read_line(fields: &mut Fields<'_>) -> Option<DecodedLine> {
    let (seq, time) = read_place(fields)?;
    let ev = fields.text("ev")?;
    if ev == "open" {
        let open = OpenLedger {
            vault: fields.text("vault")?,
            month: fields.text("month")?,
            prev: match fields.bytes_or_null("prev")? {
                Some(mark) => Some(Checksum::parse(std::str::from_utf8(&mark).ok()?)?),
                None => None,
            },
        };
        return Some(DecodedLine::Open { seq, time, open });
    }
    let event = read_event(fields, ev)?;
    Some(DecodedLine::Entry(LedgerEntry { seq, time, event }))
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
fn read_event(f: &mut Fields<'_>, ev: String) -> Option<LedgerEvent> {
    // Within a struct the fields are read in the order in which they are written here.
    Some(match ev.as_str() {
        "folder" => LedgerEvent::Folder {
            account: f.text("account")?,
            dir: f.text("dir")?,
            name: f.bytes("name")?,
            delim: match f.bytes_or_null("delim")?.as_deref() {
                None => None,
                Some([delim]) => Some(*delim),
                Some(_) => return None,
            },
            uidvalidity: f.number("uidvalidity")?,
        },
        "seen" | "vouched" | "recognised" | "doubtful" | "settled" => {
            LedgerEvent::Seen(Box::new(read_seen(f, &ev)?))
        }
        "wanted" => LedgerEvent::Wanted {
            identity: read_identity(f)?,
            why: f.text("why")?,
        },
        "checked" => LedgerEvent::Checked {
            identity: read_identity(f)?,
            names: f.bytes("names")?,
        },
        "asked" => LedgerEvent::Asked {
            identity: read_identity(f)?,
            header: f.hash("header")?,
        },
        "superseded" => LedgerEvent::Superseded {
            hash: f.hash("hash")?,
            by: f.hash("by")?,
        },
        "flags" => LedgerEvent::Flags {
            identity: read_identity(f)?,
            flags: f.text("flags")?,
            kw: f.text("kw")?,
        },
        "vanished" => LedgerEvent::Vanished {
            identity: read_identity(f)?,
            flags: f.text("flags")?,
            kw: f.text("kw")?,
        },
        "reappeared" => LedgerEvent::Reappeared {
            identity: read_identity(f)?,
            flags: f.text("flags")?,
            kw: f.text("kw")?,
        },
        "refused" => LedgerEvent::Refused {
            identity: read_identity(f)?,
            octets: f.number_or_null("octets")?,
            reply: f.bytes("reply")?,
            tries: f.number("tries")?,
        },
        "purge-intent" => LedgerEvent::PurgeIntent {
            identity: read_identity(f)?,
            hash: f.hash("hash")?,
        },
        "purged" => LedgerEvent::Purged {
            identity: read_identity(f)?,
            hash: f.hash("hash")?,
        },
        "purge-kept" => LedgerEvent::PurgeKept {
            identity: read_identity(f)?,
            hash: f.hash("hash")?,
        },
        "adopted" => LedgerEvent::Adopted {
            account: f.text("account")?,
            file: f.bytes("file")?,
            hash: f.hash("hash")?,
        },
        "lost" => LedgerEvent::Lost {
            hash: f.hash("hash")?,
        },
        "forgotten" => LedgerEvent::Forgotten {
            hash: f.hash("hash")?,
            reason: f.text("reason")?,
        },
        "erased" => LedgerEvent::Erased(Erasure::read(f)?),
        "verified" => LedgerEvent::Verified {
            scope: f.text("scope")?,
            damage: f.number("damage")?,
        },
        "learned" => LedgerEvent::Learned {
            account: f.text("account")?,
            key: f.text("key")?,
            value: f.text("value")?,
        },
        "upload-intent" => LedgerEvent::UploadIntent {
            destination: f.text("destination")?,
            folder: f.text("folder")?,
            hash: f.hash("hash")?,
        },
        "upload-failed" => LedgerEvent::UploadFailed {
            destination: f.text("destination")?,
            folder: f.text("folder")?,
            hash: f.hash("hash")?,
        },
        "uploaded" => LedgerEvent::Uploaded {
            destination: f.text("destination")?,
            folder: f.text("folder")?,
            hash: f.hash("hash")?,
            uid: f.number_or_null("uid")?,
        },
        "hold" => LedgerEvent::Hold {
            name: f.text("name")?,
            query: f.text("query")?,
            reason: f.text("reason")?,
            // The catalog's integers have 63 bits.
            messages: u64::try_from(f.number::<i64>("messages")?).ok()?,
        },
        "held" => LedgerEvent::Held {
            name: f.text("name")?,
            hash: f.hash("hash")?,
        },
        "released" => LedgerEvent::Released {
            name: f.text("name")?,
            reason: match f.bytes_or_null("reason")? {
                Some(reason) => Some(String::from_utf8(reason.into()).ok()?),
                None => None,
            },
        },
        "chain" => LedgerEvent::Chain {
            file: f.text("file")?,
            first: f.number("first")?,
            last: f.number("last")?,
            copy: f.text("copy")?,
        },
        "session" => LedgerEvent::Session(read_session(f)?),
        "merged" => LedgerEvent::Merged {
            account: f.text("account")?,
            into: f.text("into")?,
        },
        "restored" => LedgerEvent::Restored {
            destination: f.text("destination")?,
            head: f.number("head")?,
        },
        _ => LedgerEvent::Unknown(ev),
    })
}

fn read_proto(f: &mut Fields<'_>) -> Option<Proto> {
    let proto = f.text("proto")?;
    [Proto::Pop3, Proto::Imap, Proto::Import]
        .into_iter()
        .find(|known| known.as_str() == proto)
}

fn read_identity(f: &mut Fields<'_>) -> Option<Identity> {
    let account = f.text("account")?;
    let proto = read_proto(f)?;
    let server = f.text("server")?;
    let (uid, dir) = match proto {
        Proto::Pop3 => (
            f.bytes_or_null("uidl")?.map_or(Uid::Absent, Uid::Uidl),
            None,
        ),
        Proto::Import => (Uid::Absent, Some(f.text("dir")?)),
        Proto::Imap => {
            let dir = f.text("dir")?;
            let uid = Uid::Imap {
                uidvalidity: f.number("uidvalidity")?,
                uid: f.number("uid")?,
            };
            (uid, Some(dir))
        }
    };
    Some(Identity {
        account,
        server,
        uid,
        dir,
    })
}

fn read_evidence(f: &mut Fields<'_>, ev: &str) -> Option<Evidence> {
    Some(match ev {
        "vouched" => {
            let by = f.text("by")?;
            // One that a later version knows is no more than a resemblance here.
            Voucher::parse(&by).map_or(Evidence::Recognised, Evidence::Vouched)
        }
        "recognised" => Evidence::Recognised,
        "doubtful" => Evidence::Doubtful(f.number("sessions")?),
        "settled" => Evidence::Settled,
        _ => match f.text("how") {
            Some(how) if how == "received" => Evidence::Received,
            _ => Evidence::Unstated,
        },
    })
}

fn read_seen(f: &mut Fields<'_>, ev: &str) -> Option<Seen> {
    let identity = read_identity(f)?;
    let octets = f.number_or_null("octets")?;
    let hash = f.hash("hash")?;
    let got = f.hash_or_null("got")?.unwrap_or(hash);
    let header = f.hash("header")?;
    let mid = f.bytes_or_null("mid")?;
    let idate = f.number_or_null("idate")?;
    let flags = f.text("flags")?;
    let kw = f.text("kw")?;
    let received = f.number("received")?;
    let size = f.number("size")?;
    Some(Seen {
        identity,
        octets,
        hash,
        got,
        header,
        mid,
        idate,
        flags,
        kw,
        received,
        size,
        wire: f.number_or_null("wire")?.unwrap_or(size),
        stored: f.number("stored")?,
        evidence: read_evidence(f, ev)?,
        object: read_object(f),
    })
}

/// One that cannot be read, or is of a later version, vouches for nothing.
fn read_object(f: &mut Fields<'_>) -> Option<ObjectId> {
    let text = f.text("object")?;
    let (by, id) = text.split_once(' ')?;
    let id = u64::from_str_radix(id, 16).ok().filter(|id| *id != 0)?;
    let by = Voucher::parse(by)?;
    Some(ObjectId { by, id })
}

fn read_session(f: &mut Fields<'_>) -> Option<SessionRecord> {
    Some(SessionRecord {
        account: f.text("account")?,
        proto: read_proto(f)?,
        complete: match f.number("complete")? {
            0 => false,
            1 => true,
            _ => return None,
        },
        listed: f.number("listed")?,
        new: f.number("new")?,
        duplicates: f.number("duplicates")?,
        refused: f.number("refused")?,
        octets: f.number("octets")?,
        result: f.number("result")?,
    })
}
