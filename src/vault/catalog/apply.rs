//! Taking in the ledger, entry by entry, and what is derived from the files.

use rusqlite::{OptionalExtension, params};

use super::verified::{READ, read_part};
use super::{Catalog, State, mid_key, signed, split};
use crate::base::error::Result;
use crate::mail::message::{Digest, Hash128};
use crate::mail::readable;
use crate::mail::source::Uid;
use crate::vault::layout::FileName;
use crate::vault::ledger::{Identity, LedgerEntry, LedgerEvent, Seen, SessionRecord};
use crate::vault::{EARLIEST, is_plausible};

/// New contents that are remembered; a replay is one transaction, however long it is.
const FRESH: usize = 16_384;

impl Catalog {
    /// Takes in one entry of the ledger.
    pub fn apply(&mut self, entry: &LedgerEntry) -> Result<()> {
        self.apply_event(&entry.event, entry.time, entry.seq)
    }

    /// Takes in an event of this time, in Unix milliseconds, and of this line.
    pub(crate) fn apply_event(&mut self, event: &LedgerEvent, time: i64, seq: u64) -> Result<()> {
        // What a line ends is told by what it finds.
        (self.note_happened(event, time / 1000, signed(seq)))
            .and_then(|()| self.try_apply(event, time / 1000, signed(seq)))
            .and_then(|()| self.put_mentions(event, signed(seq)))
            .map_err(|e| self.failed(e))
    }

    fn try_apply(&mut self, event: &LedgerEvent, time: i64, line: i64) -> rusqlite::Result<()> {
        match event {
            LedgerEvent::Seen(seen) => self.apply_seen(seen, time, line),
            LedgerEvent::Folder {
                account,
                dir,
                name,
                delim,
                uidvalidity,
            } => {
                let id = self.folder(account, dir)?;
                let mut set = self.db.prepare_cached(
                    "UPDATE folder SET name = ?2, delim = ?3, uidvalidity = ?4 WHERE id = ?1",
                )?;
                set.execute(params![id, &name[..], delim, uidvalidity])?;
                Ok(())
            }
            LedgerEvent::Flags {
                identity,
                flags,
                kw,
            } => self.set_flags(identity, flags, kw),
            LedgerEvent::Vanished { identity, .. } => {
                self.weaken(identity)?;
                self.put_unfinished(&identity.account)?;
                self.set_state(identity, State::Vanished, time)
            }
            LedgerEvent::Reappeared { identity, .. } => self.set_state(identity, State::Seen, time),
            LedgerEvent::Refused {
                identity, octets, ..
            } => self.put_sighting(identity, State::Refused, *octets, time, None),
            LedgerEvent::Wanted { identity, .. } => self.set_state(identity, State::Wanted, time),
            LedgerEvent::Checked { identity, names } => self.put_checked(identity, names, time),
            LedgerEvent::Asked { identity, header } => self.put_asked(identity, *header, time),
            LedgerEvent::Superseded { hash, .. } => self.put_superseded(*hash),
            LedgerEvent::PurgeIntent { identity, .. } => {
                self.set_state(identity, State::PurgeIntent, time)
            }
            LedgerEvent::Purged { identity, .. } => self.set_state(identity, State::Purged, time),
            LedgerEvent::PurgeKept { identity, .. } => {
                self.set_state(identity, State::PurgeKept, time)
            }
            LedgerEvent::Adopted { account, file, .. } => {
                self.apply_adopted(account, file, (time, line))
            }
            LedgerEvent::Lost { hash } | LedgerEvent::Forgotten { hash, .. } => self.lose(*hash),
            LedgerEvent::Erased(erasure) => self.put_erasure(erasure, time),
            LedgerEvent::Learned {
                account,
                key,
                value,
            } => self.put_learned(account, key, value),
            LedgerEvent::Session(session) => self.put_session(session, time, line),
            LedgerEvent::Verified { scope, damage } => self.put_verified(scope, *damage, time),
            LedgerEvent::Uploaded {
                destination,
                folder,
                hash,
                uid,
            } => self.put_uploaded((destination, folder), *hash, *uid, time),
            LedgerEvent::UploadIntent {
                destination,
                folder,
                hash,
            } => self.open_upload((destination, folder), *hash),
            LedgerEvent::UploadFailed {
                destination,
                folder,
                hash,
            } => self.close_upload((destination, folder), *hash),
            LedgerEvent::Merged { account, into } => self.put_merged(account, into),
            LedgerEvent::Hold { .. } | LedgerEvent::Held { .. } | LedgerEvent::Released { .. } => {
                self.apply_hold(event, time)
            }
            LedgerEvent::Chain { .. } => self.put_gap(),
            LedgerEvent::Restored { .. } => self.put_restored(line),
            LedgerEvent::Unknown(_) => Ok(()),
        }
    }

    /// Takes in that a content has no file any more, of which the ledger says nothing yet.
    pub(in crate::vault) fn lose_content(&mut self, hash: Hash128) -> Result<()> {
        self.lose(hash).map_err(|e| self.failed(e))
    }

    /// Notes that a content has no file any more; its names are wanted again, but for those
    /// that are gone from the server.
    fn lose(&mut self, hash: Hash128) -> rusqlite::Result<()> {
        let Some(id) = self.blob_id(hash)? else {
            return Ok(());
        };
        self.db
            .prepare_cached("UPDATE blob SET lost = 1 WHERE id = ?1")?
            .execute([id])?;
        let sizes = self.sizes_of(id)?;
        for folder in self.folders_of(id)? {
            self.tallies.count_place(folder, -1, sizes);
        }
        self.db
            .prepare_cached("DELETE FROM place WHERE blob = ?1")?
            .execute([id])?;
        self.lose_names(id)
    }

    fn put_session(&mut self, s: &SessionRecord, time: i64, line: i64) -> rusqlite::Result<()> {
        let account = self.owner(&s.account);
        self.db
            .prepare_cached(
                "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                account,
                time,
                s.proto.as_str(),
                s.complete,
                signed(s.listed),
                signed(s.new),
                signed(s.duplicates),
                signed(s.refused),
                signed(s.octets),
                s.result,
                line
            ])?;
        self.db
            .prepare_cached("DELETE FROM unfinished WHERE account = ?1")?
            .execute([account])?;
        Ok(())
    }

    /// Notes that lines are lost: what they began or ended is not known.
    fn put_gap(&self) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('gap', '')")?
            .execute([])
            .map(drop)
    }

    /// Notes that the files of what earlier lines speak of were written again.
    fn put_restored(&self, line: i64) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('restored', ?1)")?
            .execute([line.to_string()])
            .map(drop)
    }

    fn put_learned(&self, account: &str, key: &str, value: &str) -> rusqlite::Result<()> {
        let account = self.owner(account);
        self.db
            .prepare_cached("INSERT OR REPLACE INTO learned VALUES (?1, ?2, ?3)")?
            .execute(params![account, key, value])
            .map(drop)
    }

    /// Until its session is on record, what a server no longer lists may still come under
    /// another name.
    fn put_unfinished(&self, account: &str) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO unfinished VALUES (?1)")?
            .execute([self.owner(account)])
            .map(drop)
    }

    fn set_flags(&mut self, identity: &Identity, flags: &str, kw: &str) -> rusqlite::Result<()> {
        let folder = self.folder(&identity.account, dir_of(identity))?;
        let origin = self.origin(identity)?;
        let uid = identity.uid.name();
        self.db
            .prepare_cached("UPDATE sighting SET marks = ?3 WHERE origin = ?1 AND uid = ?2")?
            .execute(params![origin, uid, format!("{flags} {kw}")])?;
        self.db
            .prepare_cached(
                "UPDATE place SET flags = ?3 WHERE folder = ?1 AND blob =
                 (SELECT blob FROM sighting WHERE origin = ?2 AND uid = ?4)",
            )?
            .execute(params![folder, origin, flags, uid])?;
        Ok(())
    }

    fn put_verified(&mut self, scope: &str, damage: u64, time: i64) -> rusqlite::Result<()> {
        let text = format!("{time} {damage} {scope}");
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('verified', ?1)")?
            .execute([&text])?;
        if let Some(part) = read_part(scope) {
            self.db
                .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
                .execute([format!("{READ}{part}"), time.to_string()])?;
        }
        let found: Option<String> = self
            .db
            .prepare_cached("SELECT value FROM meta WHERE key = 'damage'")?
            .query_row([], |r| r.get(0))
            .optional()?;
        let found = found.as_deref().and_then(|text| text.splitn(3, ' ').nth(2));
        if damage > 0 {
            let text = format!("{time} {damage} {}", wider(found, scope));
            self.db
                .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('damage', ?1)")?
                .execute([&text])?;
        } else if found.is_some_and(|found| settles(scope, found)) {
            self.db
                .prepare_cached("DELETE FROM meta WHERE key = 'damage'")?
                .execute([])?;
        }
        Ok(())
    }

    fn apply_seen(&mut self, seen: &Seen, time: i64, line: i64) -> rusqlite::Result<()> {
        let name = FileName {
            received: seen.received,
            hash: seen.hash,
            size: seen.size,
            wire: seen.wire,
        };
        // Of an import it may be the time of a file, which a copy has lost.
        let on_server = seen.identity.uid != Uid::Absent;
        let idate = seen
            .idate
            .filter(|idate| on_server && *idate >= EARLIEST && is_plausible(*idate, time));
        let (blob, first) = self.put_blob(&name, seen.stored, (time, line), idate)?;
        if !first {
            self.put_mention(blob, line)?;
        }
        let proof = Self::proof(seen, first);
        if !first && proof.is_possession() {
            self.db
                .prepare_cached("UPDATE blob SET superseded = 0 WHERE id = ?1 AND superseded")?
                .execute([blob])?;
        }
        let folder = self.folder(&seen.identity.account, dir_of(&seen.identity))?;
        if first {
            let sizes = (signed(seen.size), signed(seen.stored));
            self.tallies.count_place(folder, 1, sizes);
        } else if !self.has_place(folder, blob)? {
            self.tallies.count_place(folder, 1, self.sizes_of(blob)?);
        }
        self.db
            .prepare_cached(
                "INSERT INTO place VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET idate = coalesce(idate, excluded.idate)",
            )?
            .execute(params![folder, blob, seen.flags, seen.idate])?;
        self.put_sighting(
            &seen.identity,
            State::Seen,
            seen.octets,
            time,
            Some((blob, proof, seen)),
        )
    }

    fn apply_adopted(
        &mut self,
        account: &str,
        file: &[u8],
        at: (i64, i64),
    ) -> rusqlite::Result<()> {
        let file = String::from_utf8_lossy(file);
        let mut parts = file.rsplit('/');
        let (Some(base), Some(_cur), Some(dir)) = (parts.next(), parts.next(), parts.next()) else {
            return Ok(());
        };
        let Some((name, _)) = FileName::parse(base) else {
            return Ok(());
        };
        let dir = if dir.starts_with('.') { dir } else { "" };
        // The length on disk is not in the line; it is found when the file is read.
        let (blob, first) = self.put_blob(&name, 0, at, None)?;
        if !first {
            self.put_mention(blob, at.1)?;
        }
        let folder = self.folder(account, dir)?;
        let added = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO place VALUES (?1, ?2, '', NULL)")?
            .execute(params![folder, blob])?;
        if added > 0 {
            self.tallies.count_place(folder, 1, self.sizes_of(blob)?);
        }
        Ok(())
    }

    fn has_place(&self, folder: i64, blob: i64) -> rusqlite::Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM place WHERE folder = ?1 AND blob = ?2)")?
            .query_row([folder, blob], |r| r.get(0))
    }

    /// Notes how long the file of a content is, if that is known and was not.
    fn put_stored(&mut self, blob: i64, stored: i64) -> rusqlite::Result<()> {
        let (size, before) = self.sizes_of(blob)?;
        if stored > 0 && stored != before {
            for folder in self.folders_of(blob)? {
                self.tallies.count_place(folder, -1, (size, before));
                self.tallies.count_place(folder, 1, (size, stored));
            }
        }
        self.db
            .prepare_cached(
                "UPDATE blob SET lost = 0, stored = iif(?2 > 0, ?2, stored)
                 WHERE id = ?1 AND (lost OR stored <> ?2)",
            )?
            .execute(params![blob, stored])
            .map(drop)
    }

    /// Finds or makes the row of a content, and returns whether it is new; what was lost is
    /// thereby there again. The time is that of the line.
    fn put_blob(
        &mut self,
        name: &FileName,
        stored: u64,
        (time, line): (i64, i64),
        idate: Option<i64>,
    ) -> rusqlite::Result<(i64, bool)> {
        if let Some(id) = self.blob_id(name.hash)? {
            self.put_stored(id, signed(stored))?;
            if let Some(idate) = idate {
                self.db
                    .prepare_cached(
                        "UPDATE blob SET first_idate = ?2
                         WHERE id = ?1 AND (first_idate IS NULL OR first_idate > ?2)",
                    )?
                    .execute([id, idate])?;
            }
            return Ok((id, false));
        }
        let (h64, hrest) = split(name.hash);
        let wire = (name.wire != name.size).then(|| signed(name.wire));
        self.db
            .prepare_cached(
                "INSERT INTO blob (h64, hrest, received, size, wire, stored, seen,
                                   first_idate, line)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                h64,
                hrest,
                name.received,
                signed(name.size),
                wire,
                signed(stored),
                time,
                idate,
                line
            ])?;
        let id = self.db.last_insert_rowid();
        if self.fresh.len() >= FRESH {
            self.fresh.clear();
        }
        self.fresh.insert(name.hash, id);
        self.guide_past(id)?;
        self.absent.borrow_mut().remove(&name.hash);
        Ok((id, true))
    }

    fn put_superseded(&mut self, hash: Hash128) -> rusqlite::Result<()> {
        if let Some(id) = self.blob_id(hash)? {
            self.db
                .prepare_cached("UPDATE blob SET superseded = 1 WHERE id = ?1")?
                .execute([id])?;
        }
        Ok(())
    }

    /// Keeps what was derived from the content of a stored message.
    pub fn describe(&mut self, hash: Hash128, digest: &Digest) -> Result<()> {
        self.try_describe(hash, digest).map_err(|e| self.failed(e))
    }

    fn try_describe(&mut self, hash: Hash128, digest: &Digest) -> rusqlite::Result<()> {
        let Some(blob) = self.blob_id(hash)? else {
            return Ok(());
        };
        if let (Some(mid), Some(likeness)) = (&digest.mid, digest.likeness) {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO likeness VALUES (?1, ?2, ?3)")?
                .execute(params![blob, mid_key(mid), likeness.0])?;
        }
        self.db
            .prepare_cached("INSERT OR IGNORE INTO envelope VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                blob,
                digest.date,
                readable::header_text(&digest.envelope.from),
                readable::header_text(&digest.envelope.subject)
            ])?;
        Ok(())
    }

    fn folder(&mut self, account: &str, dir: &str) -> rusqlite::Result<i64> {
        let key = (account.to_owned(), dir.to_owned());
        if let Some(id) = self.folders.get(&key) {
            return Ok(*id);
        }
        let account = self.owner(account);
        self.db
            .prepare_cached("INSERT OR IGNORE INTO folder (account, dir) VALUES (?1, ?2)")?
            .execute([account, dir])?;
        let id = self
            .db
            .prepare_cached("SELECT id FROM folder WHERE account = ?1 AND dir = ?2")?
            .query_row([account, dir], |r| r.get(0))?;
        self.folders.insert(key, id);
        Ok(id)
    }

    pub(super) fn origin(&mut self, identity: &Identity) -> rusqlite::Result<i64> {
        let uidvalidity = match identity.uid {
            Uid::Imap { uidvalidity, .. } => uidvalidity,
            _ => 0,
        };
        let key = (
            identity.account.clone(),
            identity.server.clone(),
            dir_of(identity).to_owned(),
            uidvalidity,
        );
        if let Some(id) = self.origins.get(&key) {
            return Ok(*id);
        }
        let values = params![self.owner(&key.0), key.1, key.2, key.3];
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO origin (account, server, dir, uidvalidity)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(values)?;
        let id = self
            .db
            .prepare_cached(
                "SELECT id FROM origin
                 WHERE account = ?1 AND server = ?2 AND dir = ?3 AND uidvalidity = ?4",
            )?
            .query_row(values, |r| r.get(0))?;
        self.origins.insert(key, id);
        Ok(id)
    }
}

/// A finding is settled by the same look again, or by a more thorough one, that finds
/// nothing: a flipped bit is not refuted by a look at the names, nor by half a look.
fn settles(scope: &str, found: &str) -> bool {
    scope == found && !scope.ends_with(" part")
        || scope == "data"
        || scope == "names" && found.starts_with("names")
}

/// The look that settles a finding, and one before it that is still open.
fn wider<'a>(open: Option<&'a str>, scope: &'a str) -> &'a str {
    match open {
        None => scope,
        Some(open) if open == scope => scope,
        Some(open) if open.starts_with("data") || scope.starts_with("data") => "data",
        Some(_) => "names",
    }
}

fn dir_of(identity: &Identity) -> &str {
    identity.dir.as_deref().unwrap_or_default()
}
