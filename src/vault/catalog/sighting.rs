//! Messages as a server names them, as the ledger's events change them.

use rusqlite::params;

use super::tally::CountedName;
use super::{Catalog, Proof, State, signed};
use crate::mail::message::Hash128;
use crate::mail::source::Uid;
use crate::vault::ledger::{Evidence, Identity, Seen};

macro_rules! put_sql {
    ($verb:literal) => {
        concat!(
            $verb,
            " INTO sighting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
              iif(?12 > 1, (SELECT since FROM sighting WHERE origin = ?1 AND uid = ?2),
                  iif(?12 = 1, ?5, NULL)),
              NULL, NULL, ?13, ?14)"
        )
    };
}

impl Catalog {
    pub(super) fn put_sighting(
        &mut self,
        identity: &Identity,
        state: State,
        octets: Option<u64>,
        time: i64,
        stored: Option<(i64, Proof, &Seen)>,
    ) -> rusqlite::Result<()> {
        if identity.uid == Uid::Absent {
            return Ok(());
        }
        let origin = self.origin(identity)?;
        let got = stored
            .filter(|(_, _, s)| s.got != s.hash)
            .map(|(_, _, s)| s.got.0);
        let marks = stored
            .filter(|_| matches!(identity.uid, Uid::Imap { .. }))
            .map(|(_, _, s)| format!("{} {}", s.flags, s.kw));
        let object = stored.and_then(|(_, _, s)| s.object);
        let sessions = match stored.map(|(_, _, s)| s.evidence) {
            Some(Evidence::Doubtful(sessions)) => sessions,
            _ => 0,
        };
        let uid = identity.uid.name();
        let new = CountedName {
            state: state as i64,
            evidence: stored.map(|(_, proof, _)| proof as i64),
            octets: octets.map(signed),
        };
        let values = params![
            origin,
            uid,
            new.octets,
            new.state,
            time,
            stored.map(|(blob, _, _)| blob),
            stored.map(|(_, _, s)| s.header.0),
            got,
            marks,
            stored.and_then(|(_, _, s)| s.idate),
            new.evidence,
            sessions,
            object.map(|object| object.id.cast_signed()),
            object.map(|object| object.by.as_str())
        ];
        // Nearly all are new, and need not be looked up.
        let mut old = None;
        let put = put_sql!("INSERT OR IGNORE");
        if self.db.prepare_cached(put)?.execute(values)? == 0 {
            old = self.counted_name(origin, &uid)?;
            let put = put_sql!("INSERT OR REPLACE");
            self.db.prepare_cached(put)?.execute(values)?;
        }
        self.tallies.count_name(origin, old, new, time);
        Ok(())
    }

    /// The names of a lost content are wanted again, but for those that are gone from the server.
    pub(super) fn lose_names(&mut self, blob: i64) -> rusqlite::Result<()> {
        let gone = [State::Purged as i64, State::Vanished as i64];
        let names: Vec<(i64, CountedName)> = self
            .db
            .prepare_cached(
                "SELECT origin, state, evidence, octets FROM sighting
                 WHERE blob = ?1 AND state NOT IN (?2, ?3)",
            )?
            .query_map([blob, gone[0], gone[1]], |r| {
                let name = CountedName {
                    state: r.get(1)?,
                    evidence: r.get(2)?,
                    octets: r.get(3)?,
                };
                Ok((r.get(0)?, name))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (origin, old) in names {
            let new = old.in_state(State::Lost);
            self.tallies.count_name(origin, Some(old), new, i64::MIN);
        }
        self.db
            .prepare_cached(
                "UPDATE sighting SET state = ?4 WHERE blob = ?1 AND state NOT IN (?2, ?3)",
            )?
            .execute([blob, gone[0], gone[1], State::Lost as i64])
            .map(drop)
    }

    pub(super) fn set_state(
        &mut self,
        identity: &Identity,
        state: State,
        time: i64,
    ) -> rusqlite::Result<()> {
        let origin = self.origin(identity)?;
        let uid = identity.uid.name();
        let Some(old) = self.counted_name(origin, &uid)? else {
            return Ok(());
        };
        let new = old.in_state(state);
        self.tallies.count_name(origin, Some(old), new, time);
        self.db
            .prepare_cached(
                "UPDATE sighting SET state = ?3, time = ?4, checked = NULL
                 WHERE origin = ?1 AND uid = ?2",
            )?
            .execute(params![origin, uid, state as i64, time])?;
        Ok(())
    }

    /// What was wanted again and vanished proves nothing should it come back.
    pub(super) fn weaken(&mut self, identity: &Identity) -> rusqlite::Result<()> {
        let origin = self.origin(identity)?;
        let uid = identity.uid.name();
        let Some(old) = self.counted_name(origin, &uid)? else {
            return Ok(());
        };
        if old.state != State::Wanted as i64 {
            return Ok(());
        }
        let new = CountedName {
            evidence: Some(Proof::Recognised as i64),
            ..old
        };
        self.tallies.count_name(origin, Some(old), new, i64::MIN);
        self.db
            .prepare_cached("UPDATE sighting SET evidence = ?3 WHERE origin = ?1 AND uid = ?2")?
            .execute(params![origin, uid, new.evidence])?;
        Ok(())
    }

    pub(super) fn put_checked(
        &mut self,
        identity: &Identity,
        names: &[u8],
        time: i64,
    ) -> rusqlite::Result<()> {
        let origin = self.origin(identity)?;
        if matches!(identity.uid, Uid::Imap { .. }) {
            let mut update = self.db.prepare_cached(
                "UPDATE sighting SET checked = ?2 WHERE origin = ?1 AND uid BETWEEN ?3 AND ?4",
            )?;
            for range in names.split(|byte| *byte == b',') {
                let text = std::str::from_utf8(range).unwrap_or_default();
                let (first, last) = text.split_once(':').unwrap_or((text, text));
                if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
                    update.execute(params![
                        origin,
                        time,
                        first.to_be_bytes(),
                        last.to_be_bytes()
                    ])?;
                }
            }
            return Ok(());
        }
        let mut update = self
            .db
            .prepare_cached("UPDATE sighting SET checked = ?2 WHERE origin = ?1 AND uid = ?3")?;
        for name in names.split(|byte| *byte == b' ') {
            update.execute(params![origin, time, name])?;
        }
        Ok(())
    }

    pub(super) fn put_asked(
        &mut self,
        identity: &Identity,
        header: Hash128,
        time: i64,
    ) -> rusqlite::Result<()> {
        let origin = self.origin(identity)?;
        self.db
            .prepare_cached(
                "UPDATE sighting SET asked = ?3, checked = ?4 WHERE origin = ?1 AND uid = ?2",
            )?
            .execute(params![origin, identity.uid.name(), header.0, time])?;
        Ok(())
    }
}
