//! What happened to the vault, run by run: the sessions, and what the ledger has one line for
//! each message of, counted.

use std::cmp::Reverse;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, params};

use super::{Catalog, signed, unsigned};
use crate::base::error::Result;
use crate::vault::ledger::{Erasure, Identity, LedgerEvent, Proto, SessionRecord};

/// Lines of one kind are of one run if no more time is between them, in seconds, and neither the end
/// of a pull of the account nor an event of the whole vault.
const PAUSE: i64 = 60;
/// Rows that are read at a time.
const PAGE: u64 = 512;
/// What a session must be to be shown without being asked for; an index has the same words.
const NOTABLE: &str = "(new > 0 OR duplicates > 0 OR refused > 0 OR result <> 0 OR NOT complete)";

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HistoryKind {
    /// A pull ended.
    Pulled,
    /// Messages were imported.
    Imported,
    /// Messages are no longer listed by their server.
    Vanished,
    /// Messages are listed again.
    Reappeared,
    /// Messages were deleted on their server by a purge.
    Purged,
    /// A server kept messages that it was to delete.
    PurgeKept,
    /// Files without a line were taken in.
    Adopted,
    /// Files are missing or damaged.
    Lost,
    /// Messages were exported to a server.
    Uploaded,
    /// A server did not take messages.
    UploadFailed,
    /// A verify or repair ended.
    Verified,
    /// Messages were removed on purpose.
    Forgotten,
    /// Messages that were removed may come back.
    Remembered,
    /// A hold began.
    Held,
    /// A hold ended.
    Released,
    /// An account became part of another.
    Merged,
    /// A repair accepted damage of the ledger.
    Accepted,
}

impl HistoryKind {
    const ALL: [Self; 17] = [
        Self::Pulled,
        Self::Imported,
        Self::Vanished,
        Self::Reappeared,
        Self::Purged,
        Self::PurgeKept,
        Self::Adopted,
        Self::Lost,
        Self::Uploaded,
        Self::UploadFailed,
        Self::Verified,
        Self::Forgotten,
        Self::Remembered,
        Self::Held,
        Self::Released,
        Self::Merged,
        Self::Accepted,
    ];

    /// As JSON lines name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pulled => "pulled",
            Self::Imported => "imported",
            Self::Vanished => "vanished",
            Self::Reappeared => "reappeared",
            Self::Purged => "purged",
            Self::PurgeKept => "purge-kept",
            Self::Adopted => "adopted",
            Self::Lost => "lost",
            Self::Uploaded => "uploaded",
            Self::UploadFailed => "upload-failed",
            Self::Verified => "verified",
            Self::Forgotten => "forgotten",
            Self::Remembered => "remembered",
            Self::Held => "held",
            Self::Released => "released",
            Self::Merged => "merged",
            Self::Accepted => "accepted",
        }
    }

    /// True if several lines of it are one run.
    fn is_counted(self) -> bool {
        !matches!(
            self,
            Self::Verified
                | Self::Remembered
                | Self::Held
                | Self::Released
                | Self::Merged
                | Self::Accepted
        )
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// What.
    pub kind: HistoryKind,
    /// To which account, by its name in the vault; empty if it was the whole vault.
    pub account: String,
    /// The source of an import, the server of an upload or of what was deleted, the scope of a
    /// verify, the name of a hold, the account that was merged, or the damaged file.
    pub detail: String,
    /// Why, if somebody said so.
    pub reason: String,
    /// When it began, in Unix seconds; of a pull, when it ended.
    pub began: i64,
    /// When it ended.
    pub time: i64,
    /// How many messages; of a verify, how many things were damaged.
    pub messages: u64,
    /// Their size, if the ledger has it.
    pub octets: u64,
    /// The totals of a pull.
    pub session: Option<SessionRecord>,
    /// The last line of the ledger that is counted in it, by its number.
    pub line: u64,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryFilter<'a> {
    /// Only those of this account, by its name in the vault.
    pub account: Option<&'a str>,
    /// Pulls that found nothing new, too.
    pub quiet: bool,
}

/// What happened since the last transaction.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// Runs that may go on.
    open: HashMap<RunKey, Run>,
    ended: Vec<(RunKey, Run)>,
}

/// What the lines of one run have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RunKey {
    kind: HistoryKind,
    account: String,
    detail: String,
    reason: String,
}

impl RunKey {
    fn new(kind: HistoryKind, account: &str, detail: &str) -> Self {
        Self {
            kind,
            account: account.to_owned(),
            detail: detail.to_owned(),
            reason: String::new(),
        }
    }

    fn because(self, reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            ..self
        }
    }
}

/// What happened to messages of an account at a server.
fn of_name(kind: HistoryKind, identity: &Identity) -> RunKey {
    RunKey::new(kind, &identity.account, &identity.server)
}

#[derive(Debug, Clone, Copy)]
struct Run {
    began: i64,
    time: i64,
    /// Its first and its last line.
    first: i64,
    line: i64,
    messages: i64,
    octets: i64,
}

impl Happened {
    fn note(&mut self, key: RunKey, run: Run) {
        if !key.kind.is_counted() {
            self.ended.extend(self.open.drain());
            self.ended.push((key, run));
            return;
        }
        match self.open.get_mut(&key) {
            Some(open) if run.began <= open.time.saturating_add(PAUSE) => {
                open.time = run.time;
                open.line = run.line;
                open.messages = open.messages.saturating_add(run.messages);
                open.octets = open.octets.saturating_add(run.octets);
            }
            Some(open) => {
                let ended = std::mem::replace(open, run);
                self.ended.push((key, ended));
            }
            None => drop(self.open.insert(key, run)),
        }
    }

    /// Ends the runs of an account.
    fn end_runs_of(&mut self, account: &str) {
        let ended = self.open.extract_if(|key, _| key.account == account);
        self.ended.extend(ended);
    }
}

impl Catalog {
    /// Counts what a line says that happened at this time, in Unix seconds; called before the line
    /// is taken in.
    pub(super) fn note_happened(
        &mut self,
        event: &LedgerEvent,
        time: i64,
        line: i64,
    ) -> rusqlite::Result<()> {
        let (mut messages, mut octets) = (1, 0);
        let happened = match event {
            LedgerEvent::Session(session) => {
                let account = self.owner(&session.account).to_owned();
                self.happened.end_runs_of(&account);
                None
            }
            LedgerEvent::Seen(seen) if seen.identity.proto() == Proto::Import => {
                octets = signed(seen.size);
                let is_new = self.blob_id(seen.hash)?.is_none();
                is_new.then(|| of_name(HistoryKind::Imported, &seen.identity))
            }
            LedgerEvent::Vanished { identity, .. } => {
                Some(of_name(HistoryKind::Vanished, identity))
            }
            LedgerEvent::Reappeared { identity, .. } => {
                Some(of_name(HistoryKind::Reappeared, identity))
            }
            LedgerEvent::Purged { identity, .. } => Some(of_name(HistoryKind::Purged, identity)),
            LedgerEvent::PurgeKept { identity, .. } => {
                Some(of_name(HistoryKind::PurgeKept, identity))
            }
            LedgerEvent::Adopted { account, .. } => {
                Some(RunKey::new(HistoryKind::Adopted, account, ""))
            }
            LedgerEvent::Lost { .. } => Some(RunKey::new(HistoryKind::Lost, "", "")),
            LedgerEvent::Uploaded { destination, .. } => {
                Some(RunKey::new(HistoryKind::Uploaded, "", destination))
            }
            LedgerEvent::UploadFailed { destination, .. } => {
                Some(RunKey::new(HistoryKind::UploadFailed, "", destination))
            }
            _ => match self.single(event)? {
                Some((key, number)) => {
                    messages = number;
                    Some(key)
                }
                None => None,
            },
        };
        let Some(mut key) = happened else {
            return Ok(());
        };
        if let Some(owner) = self.merged.get(&key.account) {
            key.account.clone_from(owner);
        }
        let run = Run {
            began: time,
            time,
            first: line,
            line,
            messages,
            octets,
        };
        self.happened.note(key, run);
        Ok(())
    }

    /// What one line says that happened to the vault, and its number.
    fn single(&self, event: &LedgerEvent) -> rusqlite::Result<Option<(RunKey, i64)>> {
        Ok(match event {
            LedgerEvent::Verified { scope, damage } => {
                let key = RunKey::new(HistoryKind::Verified, "", scope);
                Some((key, signed(*damage)))
            }
            LedgerEvent::Forgotten { reason, .. } => {
                let key = RunKey::new(HistoryKind::Forgotten, "", "");
                Some((key.because(reason), 1))
            }
            LedgerEvent::Erased(Erasure::Decided { .. }) => {
                let key = RunKey::new(HistoryKind::Forgotten, "", "");
                let decided = self.deciding()?;
                decided.map(|(reason, messages)| (key.because(&reason), messages))
            }
            LedgerEvent::Erased(Erasure::Remembered { forget }) => {
                let key = RunKey::new(HistoryKind::Remembered, "", "");
                let forgotten = self.forgotten(*forget)?;
                forgotten.map(|(reason, messages)| (key.because(&reason), messages))
            }
            LedgerEvent::Hold {
                name,
                reason,
                messages,
                ..
            } => {
                let key = RunKey::new(HistoryKind::Held, "", name);
                Some((key.because(reason), signed(*messages)))
            }
            LedgerEvent::Released { name, reason } if self.has_hold(name)? => {
                let key = RunKey::new(HistoryKind::Released, "", name);
                Some((key.because(reason.as_deref().unwrap_or_default()), 0))
            }
            LedgerEvent::Merged { account, into } if self.would_merge(account, into) => {
                Some((RunKey::new(HistoryKind::Merged, into, account), 0))
            }
            LedgerEvent::Chain { file, .. } => {
                Some((RunKey::new(HistoryKind::Accepted, "", file), 0))
            }
            _ => None,
        })
    }

    /// Writes what happened.
    pub(super) fn put_happened(&mut self) -> rusqlite::Result<()> {
        let Happened { open, ended } = std::mem::take(&mut self.happened);
        for (key, run) in ended.into_iter().chain(open) {
            self.put_run(&key, run)?;
        }
        Ok(())
    }

    fn put_run(&self, key: &RunKey, run: Run) -> rusqlite::Result<()> {
        let RunKey {
            kind,
            account,
            detail,
            reason,
        } = key;
        let kind_name = kind.as_str();
        if kind.is_counted() {
            let last: Option<i64> = self
                .db
                .prepare_cached(
                    "SELECT rowid FROM history AS last
                     WHERE kind = ?1 AND account = ?2 AND detail = ?3 AND reason = ?4
                       AND time >= ?5
                       AND NOT EXISTS (SELECT 1 FROM session
                                       WHERE session.line BETWEEN last.line AND ?6
                                         AND session.account = ?2)
                       AND NOT EXISTS (SELECT 1 FROM history AS other
                                       WHERE other.line BETWEEN last.line AND ?6
                                         AND NOT other.counted)
                     ORDER BY time DESC LIMIT 1",
                )?
                .query_row(
                    params![
                        kind_name,
                        account,
                        detail,
                        reason,
                        run.began - PAUSE,
                        run.first
                    ],
                    |r| r.get(0),
                )
                .optional()?;
            if let Some(id) = last {
                return self
                    .db
                    .prepare_cached(
                        "UPDATE history SET time = ?2, line = ?3, messages = messages + ?4,
                                            octets = octets + ?5 WHERE rowid = ?1",
                    )?
                    .execute([id, run.time, run.line, run.messages, run.octets])
                    .map(drop);
            }
        }
        self.db
            .prepare_cached("INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
            .execute(params![
                kind_name,
                account,
                detail,
                reason,
                run.began,
                run.time,
                run.line,
                run.messages,
                run.octets,
                kind.is_counted()
            ])
            .map(drop)
    }

    /// Some of what happened before a line, the newest first; nothing at the beginning.
    pub(in crate::vault) fn history(
        &self,
        filter: HistoryFilter<'_>,
        before: u64,
        most: u64,
    ) -> Result<Vec<HistoryRow>> {
        let most = most.min(PAGE);
        let read = || -> rusqlite::Result<Vec<HistoryRow>> {
            let mut rows = self.history_rows(filter, before, most)?;
            rows.extend(self.session_rows(filter, before, most)?);
            rows.sort_by_key(|row| Reverse(row.line));
            rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            Ok(rows)
        };
        read().map_err(|e| self.failed(e))
    }

    fn history_rows(
        &self,
        filter: HistoryFilter<'_>,
        before: u64,
        most: u64,
    ) -> rusqlite::Result<Vec<HistoryRow>> {
        self.db
            .prepare_cached(
                "SELECT line, kind, account, detail, reason, began, time, messages, octets
                 FROM history WHERE line < ?1 AND (?2 IS NULL OR account = ?2)
                 ORDER BY line DESC LIMIT ?3",
            )?
            .query_map(
                params![signed(before), filter.account, signed(most)],
                history_row,
            )?
            .collect()
    }

    fn session_rows(
        &self,
        filter: HistoryFilter<'_>,
        before: u64,
        most: u64,
    ) -> rusqlite::Result<Vec<HistoryRow>> {
        let notable = if filter.quiet { "1" } else { NOTABLE };
        self.db
            .prepare_cached(&format!(
                "SELECT line, account, time, proto, complete, listed, new, duplicates, refused,
                        octets, result
                 FROM session WHERE line < ?1 AND (?2 IS NULL OR account = ?2) AND {notable}
                 ORDER BY line DESC LIMIT ?3"
            ))?
            .query_map(
                params![signed(before), filter.account, signed(most)],
                session_row,
            )?
            .collect()
    }

    /// How many pulls since a line came to their end and found nothing new.
    pub(in crate::vault) fn quiet_pulls(&self, account: Option<&str>, since: u64) -> Result<u64> {
        self.db
            .prepare_cached(&format!(
                "SELECT count(*) FROM session
                 WHERE line >= ?2 AND (?1 IS NULL OR account = ?1) AND NOT {NOTABLE}"
            ))
            .and_then(|mut s| {
                s.query_row(params![account, signed(since)], |r| r.get(0).map(unsigned))
            })
            .map_err(|e| self.failed(e))
    }
}

fn history_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    let name: String = row.get(1)?;
    let kind = HistoryKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == name);
    Ok(HistoryRow {
        kind: kind.ok_or_else(|| rusqlite::Error::InvalidParameterName(name))?,
        account: row.get(2)?,
        detail: row.get(3)?,
        reason: row.get(4)?,
        began: row.get(5)?,
        time: row.get(6)?,
        messages: unsigned(row.get(7)?),
        octets: unsigned(row.get(8)?),
        session: None,
        line: unsigned(row.get(0)?),
    })
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    let time = row.get(2)?;
    let proto: String = row.get(3)?;
    let session = SessionRecord {
        account: row.get(1)?,
        proto: if proto == Proto::Pop3.as_str() {
            Proto::Pop3
        } else {
            Proto::Imap
        },
        complete: row.get(4)?,
        listed: unsigned(row.get(5)?),
        new: unsigned(row.get(6)?),
        duplicates: unsigned(row.get(7)?),
        refused: unsigned(row.get(8)?),
        octets: unsigned(row.get(9)?),
        result: row.get(10)?,
    };
    Ok(HistoryRow {
        kind: HistoryKind::Pulled,
        account: session.account.clone(),
        detail: String::new(),
        reason: String::new(),
        began: time,
        time,
        messages: session.new,
        octets: session.octets,
        session: Some(session),
        line: unsigned(row.get(0)?),
    })
}
