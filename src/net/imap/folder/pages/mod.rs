//! Listing a mailbox of a server that works on a limited number of messages per command
//! (RFC 9738): page by page (RFC 9394), or from where an answer was cut, until everything is
//! listed.

use std::io::{Read, Write};

use super::{Change, Folder};
use crate::base::error::Result;
use crate::net::imap::command::CommandEnd;
use crate::net::imap::limit::LimitReached;

/// Commands that a listing may take without having told a message, and for each that it told:
/// halving a set of UIDs until one message is left takes 32.
const SPARE_COMMANDS: usize = 1_000;
const COMMANDS_PER_ROW: usize = 64;
/// Where only changes are listed, pages may be empty: one for so many messages of the mailbox,
/// of which no more are believed than this.
const ROWS_PER_COMMAND: u32 = 25;
const MOST_ROWS: u32 = 3_000_000;

/// What is asked of all messages from a UID on.
#[derive(Debug, Clone, Copy)]
pub(in crate::net::imap) struct PageQuery<'q> {
    from: u32,
    items: &'q str,
    /// The contents of the second list, such as `CHANGEDSINCE 5`; may be empty.
    modifiers: &'q str,
}

impl<'q> PageQuery<'q> {
    pub(in crate::net::imap) fn of(from: u32, items: &'q str) -> Self {
        Self {
            from,
            items,
            modifiers: "",
        }
    }

    pub(super) fn modified(mut self, modifiers: &'q str) -> Self {
        self.modifiers = modifiers;
        self
    }

    /// The command for the UIDs of a range; the highest of all stands for the last message.
    fn command(&self, low: u32, high: u32, page: Option<usize>) -> String {
        let set = match high {
            u32::MAX => format!("{low}:*"),
            high if high == low => low.to_string(),
            high => format!("{low}:{high}"),
        };
        let page = page.map(|rows| format!("PARTIAL 1:{rows}"));
        let modifiers: Vec<&str> = page
            .as_deref()
            .into_iter()
            .chain(Some(self.modifiers).filter(|modifiers| !modifiers.is_empty()))
            .collect();
        let command = format!("UID FETCH {set} ({})", self.items);
        if modifiers.is_empty() {
            return command;
        }
        format!("{command} ({})", modifiers.join(" "))
    }
}

/// The rows of its range that an answer contained.
#[derive(Debug, Default)]
struct RowTally {
    rows: usize,
    lowest: u32,
    highest: u32,
}

impl RowTally {
    fn take(&mut self, uid: u32) {
        let first = self.rows == 0;
        self.lowest = if first { uid } else { self.lowest.min(uid) };
        self.highest = self.highest.max(uid);
        self.rows += 1;
    }

    /// What is left of a range whose answer was cut: each part is smaller than the range.
    /// Servers are to work from the highest UID down. One that named the UID that it got to
    /// from the other end told only rows below it; where there are none to tell by, and where
    /// nothing was named, the rest is on both sides.
    fn left_of(&self, low: u32, high: u32, limit: LimitReached) -> Vec<(u32, u32)> {
        let named = limit.uid.filter(|uid| (low..=high).contains(uid));
        let below = |uid: u32| (uid > low).then(|| (low, uid - 1));
        let above = |uid: u32| (uid < high).then(|| (uid + 1, high));
        let parts = match named {
            Some(uid) if self.rows > 0 && self.lowest >= uid => [below(uid), None],
            Some(uid) if self.rows > 0 && self.highest <= uid => [above(uid), None],
            Some(uid) if self.rows == 0 => [above(uid), below(uid)],
            _ => {
                let middle = low + (high - low) / 2;
                [
                    Some((low, middle)),
                    (middle < high).then(|| (middle + 1, high)),
                ]
            }
        };
        parts.into_iter().flatten().collect()
    }
}

impl<S: Read + Write> Folder<'_, S> {
    /// Asks for all messages that a query is about. The end is one of a listing that is
    /// whole, or a refusal; a message may be reported twice.
    pub(in crate::net::imap) fn ask_pages(
        &mut self,
        query: &PageQuery<'_>,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<CommandEnd> {
        let caps = &self.session.caps;
        // What vanished would be listed again with each page.
        let paged = caps.has("PARTIAL") && !query.modifiers.contains("VANISHED");
        match caps.message_limit().filter(|_| paged) {
            Some(rows) => self.ask_by_page(query, rows, each),
            None => self.ask_on(query, query.from, each),
        }
    }

    /// Asks for the lowest UIDs, then for those above them, until there are none.
    fn ask_by_page(
        &mut self,
        query: &PageQuery<'_>,
        rows: usize,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<CommandEnd> {
        let mut next = query.from;
        loop {
            let command = query.command(next, u32::MAX, Some(rows));
            let (end, tally) = self.ask_range(&command, next, u32::MAX, each)?;
            if end.limit.is_some() || !end.is_ok() {
                return self.ask_on(query, next, each);
            }
            let last = self.counts.uidnext.and_then(|uid| uid.checked_sub(1));
            if tally.rows == 0 || last == Some(tally.highest) || tally.highest == u32::MAX {
                return Ok(end);
            }
            next = tally.highest + 1;
        }
    }

    /// Asks for everything from a UID on, and for what an answer left out.
    fn ask_on(
        &mut self,
        query: &PageQuery<'_>,
        from: u32,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<CommandEnd> {
        let counted = self.counts.messages.unwrap_or(0).min(MOST_ROWS);
        let mut spare = SPARE_COMMANDS + (counted / ROWS_PER_COMMAND) as usize;
        let mut range = (from, u32::MAX);
        let mut left = Vec::new();
        loop {
            let (low, high) = range;
            let command = query.command(low, high, None);
            let (end, tally) = self.ask_range(&command, low, high, each)?;
            match end.limit {
                Some(limit) => left.extend(tally.left_of(low, high, limit)),
                None if end.is_ok() => {}
                None => return Ok(end),
            }
            let told = tally.rows.saturating_mul(COMMANDS_PER_ROW);
            spare = spare.saturating_add(told).saturating_sub(1);
            let Some(next) = left.pop() else {
                return Ok(end.completed());
            };
            // Of a range of one UID nothing smaller can be asked for.
            if next == range || spare == 0 {
                return Err(self.session.wire.never_done());
            }
            range = next;
        }
    }

    fn ask_range(
        &mut self,
        command: &str,
        low: u32,
        high: u32,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<(CommandEnd, RowTally)> {
        let mut tally = RowTally::default();
        let end = self.ask_rows(command, &mut |change| {
            if let Change::Flags(row) = &change
                && (low..=high).contains(&row.uid)
            {
                tally.take(row.uid);
            }
            each(change)
        })?;
        Ok((end, tally))
    }
}

#[cfg(test)]
mod tests;
