//! Events as lines: which fields each kind has, in their order (docs/FORMAT.md,
//! Ledger).

use super::event::{Evidence, Identity, LedgerEvent, Seen, SessionRecord};
use super::line::{Checksum, LineWriter};
use crate::mail::source::{ObjectId, Uid};

/// The bytes of a refusal's reply that are kept.
const MAX_REPLY: usize = 512;

/// The first line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenLedger {
    pub(super) vault: String,
    pub(super) month: String,
    /// The checksum that the file before it ends with.
    pub(super) prev: Option<Checksum>,
}

/// Writes the first line of a file; gives its checksum.
pub(super) fn encode_open(out: &mut Vec<u8>, seq: u64, time: i64, open: &OpenLedger) -> Checksum {
    let mut line = LineWriter::new(out, seq, time, "open");
    line.text("vault", open.vault.as_bytes());
    line.text("month", open.month.as_bytes());
    line.text_or_null(
        "prev",
        open.prev.as_ref().map(|mark| mark.as_str().as_bytes()),
    );
    line.finish(Checksum::START)
}

/// Writes the line of an event that follows the line with the checksum `prev`; gives
/// its own. An unknown event has no fields.
pub(super) fn encode(
    out: &mut Vec<u8>,
    seq: u64,
    time: i64,
    event: &LedgerEvent,
    prev: Checksum,
) -> Checksum {
    let mut line = LineWriter::new(out, seq, time, event.name());
    write_fields(&mut line, event);
    line.finish(prev)
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
fn write_fields(line: &mut LineWriter<'_>, event: &LedgerEvent) {
    match event {
        LedgerEvent::Folder {
            account,
            dir,
            name,
            delim,
            uidvalidity,
        } => {
            line.text("account", account.as_bytes());
            line.text("dir", dir.as_bytes());
            line.text("name", name);
            line.text_or_null("delim", delim.as_ref().map(std::slice::from_ref));
            line.number("uidvalidity", uidvalidity);
        }
        LedgerEvent::Seen(seen) => write_seen(line, seen),
        LedgerEvent::Flags {
            identity,
            flags,
            kw,
        }
        | LedgerEvent::Vanished {
            identity,
            flags,
            kw,
        }
        | LedgerEvent::Reappeared {
            identity,
            flags,
            kw,
        } => {
            write_identity(line, identity);
            line.text("flags", flags.as_bytes());
            line.text("kw", kw.as_bytes());
        }
        LedgerEvent::Refused {
            identity,
            octets,
            reply,
            tries,
        } => {
            write_identity(line, identity);
            line.number_or_null("octets", *octets);
            line.text("reply", &reply[..reply.len().min(MAX_REPLY)]);
            line.number("tries", tries);
        }
        LedgerEvent::Wanted { identity, why } => {
            write_identity(line, identity);
            line.text("why", why.as_bytes());
        }
        LedgerEvent::Checked { identity, names } => {
            write_identity(line, identity);
            line.text("names", names);
        }
        LedgerEvent::Asked { identity, header } => {
            write_identity(line, identity);
            line.hash("header", *header);
        }
        LedgerEvent::Superseded { hash, by } => {
            line.hash("hash", *hash);
            line.hash("by", *by);
        }
        LedgerEvent::PurgeIntent { identity, hash }
        | LedgerEvent::Purged { identity, hash }
        | LedgerEvent::PurgeKept { identity, hash } => {
            write_identity(line, identity);
            line.hash("hash", *hash);
        }
        LedgerEvent::Adopted {
            account,
            file,
            hash,
        } => {
            line.text("account", account.as_bytes());
            line.text("file", file);
            line.hash("hash", *hash);
        }
        LedgerEvent::Lost { hash } => line.hash("hash", *hash),
        LedgerEvent::Forgotten { hash, reason } => {
            line.hash("hash", *hash);
            line.text("reason", reason.as_bytes());
        }
        LedgerEvent::Erased(erasure) => erasure.write(line),
        LedgerEvent::Verified { scope, damage } => {
            line.text("scope", scope.as_bytes());
            line.number("damage", damage);
        }
        LedgerEvent::Learned {
            account,
            key,
            value,
        } => {
            line.text("account", account.as_bytes());
            line.text("key", key.as_bytes());
            line.text("value", value.as_bytes());
        }
        LedgerEvent::UploadIntent {
            destination,
            folder,
            hash,
        }
        | LedgerEvent::UploadFailed {
            destination,
            folder,
            hash,
        } => {
            line.text("destination", destination.as_bytes());
            line.text("folder", folder.as_bytes());
            line.hash("hash", *hash);
        }
        LedgerEvent::Uploaded {
            destination,
            folder,
            hash,
            uid,
        } => {
            line.text("destination", destination.as_bytes());
            line.text("folder", folder.as_bytes());
            line.hash("hash", *hash);
            line.number_or_null("uid", *uid);
        }
        LedgerEvent::Hold {
            name,
            query,
            reason,
            messages,
        } => {
            line.text("name", name.as_bytes());
            line.text("query", query.as_bytes());
            line.text("reason", reason.as_bytes());
            line.number("messages", messages);
        }
        LedgerEvent::Held { name, hash } => {
            line.text("name", name.as_bytes());
            line.hash("hash", *hash);
        }
        LedgerEvent::Released { name, reason } => {
            line.text("name", name.as_bytes());
            line.text_or_null("reason", reason.as_deref().map(str::as_bytes));
        }
        LedgerEvent::Chain {
            file,
            first,
            last,
            copy,
        } => {
            line.text("file", file.as_bytes());
            line.number("first", first);
            line.number("last", last);
            line.text("copy", copy.as_bytes());
        }
        LedgerEvent::Session(session) => write_session(line, session),
        LedgerEvent::Merged { account, into } => {
            line.text("account", account.as_bytes());
            line.text("into", into.as_bytes());
        }
        LedgerEvent::Restored { destination, head } => {
            line.text("destination", destination.as_bytes());
            line.number("head", head);
        }
        LedgerEvent::Unknown(_) => {}
    }
}

fn write_identity(line: &mut LineWriter<'_>, identity: &Identity) {
    line.text("account", identity.account.as_bytes());
    line.text("proto", identity.proto().as_str().as_bytes());
    line.text("server", identity.server.as_bytes());
    match &identity.uid {
        Uid::Absent if identity.dir.is_some() => {
            line.text(
                "dir",
                identity.dir.as_deref().unwrap_or_default().as_bytes(),
            );
        }
        Uid::Absent => line.text_or_null("uidl", None),
        Uid::Uidl(uidl) => line.text("uidl", uidl),
        Uid::Imap { uidvalidity, uid } => {
            line.text(
                "dir",
                identity.dir.as_deref().unwrap_or_default().as_bytes(),
            );
            line.number("uidvalidity", uidvalidity);
            line.number("uid", uid);
        }
    }
}

fn write_seen(line: &mut LineWriter<'_>, seen: &Seen) {
    write_identity(line, &seen.identity);
    line.number_or_null("octets", seen.octets);
    line.hash("hash", seen.hash);
    if seen.got == seen.hash {
        line.text_or_null("got", None);
    } else {
        line.hash("got", seen.got);
    }
    line.hash("header", seen.header);
    line.text_or_null("mid", seen.mid.as_deref());
    line.number_or_null("idate", seen.idate);
    line.text("flags", seen.flags.as_bytes());
    line.text("kw", seen.kw.as_bytes());
    line.number("received", seen.received);
    line.number("size", seen.size);
    line.number_or_null("wire", Some(seen.wire).filter(|&wire| wire != seen.size));
    line.number("stored", seen.stored);
    match seen.evidence {
        Evidence::Received => line.text("how", b"received"),
        Evidence::Vouched(voucher) => line.text("by", voucher.as_str().as_bytes()),
        Evidence::Doubtful(sessions) => line.number("sessions", sessions),
        Evidence::Unstated | Evidence::Recognised | Evidence::Settled => {}
    }
    if let Some(ObjectId { by, id }) = seen.object {
        line.text("object", format!("{} {id:016x}", by.as_str()).as_bytes());
    }
}

fn write_session(line: &mut LineWriter<'_>, session: &SessionRecord) {
    line.text("account", session.account.as_bytes());
    line.text("proto", session.proto.as_str().as_bytes());
    line.number("complete", u8::from(session.complete));
    line.number("listed", session.listed);
    line.number("new", session.new);
    line.number("duplicates", session.duplicates);
    line.number("refused", session.refused);
    line.number("octets", session.octets);
    line.number("result", session.result);
}

#[cfg(test)]
mod tests;
