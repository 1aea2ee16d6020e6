//! Messages that the server refused, broke off at, or sent in doubtful bytes, and when they are
//! asked for again.

use std::collections::{HashMap, HashSet};

use super::account::PullTask;
use super::session::NextSession;
use crate::mail::source::{Listing, Uid};
use crate::vault::now_seconds;

/// Drops at one message until it counts as refused.
const DROPS: u32 = 2;
/// So many octets of recognised messages a run receives and compares, or a seventh of them.
pub(super) const COMPARED: u64 = 256 << 20;
const SHARE: u64 = 7;
/// So many octets of doubtful messages are tried again at the end of a run.
const RETRIED: u64 = 64 << 20;
/// How long doubtful messages are left alone after as many sessions as there are entries
/// before, in seconds: the next run tries them at once, then after 1, 7 and 30 days.
const RESTS: [i64; 6] = [0, 0, 0, 86_400, 7 * 86_400, 30 * 86_400];

/// A row of a folder's listing within one run. Names may be missing or doubled.
pub(super) type MessageKey = (Option<String>, Uid, u32, Option<u64>);

/// What one run did not get, or not for certain.
#[derive(Debug, Default, Clone)]
pub(super) struct Refusals {
    /// How often the line failed at which message.
    drops: HashMap<MessageKey, u32>,
    /// Messages refused in this run: not asked for again after a reconnect.
    refused: HashSet<MessageKey>,
    /// Messages after which the session lost its place: what was taken for them may be
    /// only their beginning.
    pub(super) cut_short: Vec<(Listing, String)>,
    /// Messages whose bytes are in doubt, to be tried once more in this run, and their octets.
    retry: HashSet<MessageKey>,
    retry_octets: u64,
    /// True once they are.
    retrying: bool,
}

impl Refusals {
    /// What another connection of the account needs to know of these.
    pub(super) fn for_connection(&self) -> Self {
        Self {
            cut_short: Vec::new(),
            retry_octets: 0,
            ..self.clone()
        }
    }

    /// Takes in those of another connection.
    pub(super) fn join(&mut self, other: Self) {
        for (key, drops) in other.drops {
            let known = self.drops.entry(key).or_default();
            *known = drops.max(*known);
        }
        self.refused.extend(other.refused);
        self.retry.extend(other.retry);
        self.retry_octets = self.retry_octets.saturating_add(other.retry_octets);
    }

    /// True if the line failed at any message.
    pub(super) fn has_drops(&self) -> bool {
        !self.drops.is_empty()
    }

    /// True if the line failed at this message.
    pub(super) fn was_dropped(&self, key: &MessageKey) -> bool {
        self.drops.contains_key(key)
    }

    /// Notes that the line failed at a message; true if this is often enough for a refusal.
    pub(super) fn drop_at(&mut self, key: MessageKey) -> bool {
        let drops = self.drops.entry(key).or_default();
        *drops += 1;
        *drops >= DROPS
    }

    /// Notes that a message is refused, and gives how often it was tried; `None` if it is
    /// noted already.
    pub(super) fn refuse(&mut self, key: &MessageKey) -> Option<u32> {
        let is_new = self.refused.insert(key.clone());
        is_new.then(|| self.drops.get(key).copied().unwrap_or(1))
    }

    /// True if anything was refused in this run.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// True if the message was refused in this run.
    pub(super) fn is_refused(&self, key: &MessageKey) -> bool {
        self.refused.contains(key)
    }

    /// Notes a message whose bytes are in doubt.
    pub(super) fn doubt(&mut self, key: MessageKey, octets: u64) {
        self.retry.insert(key);
        self.retry_octets = self.retry_octets.saturating_add(octets);
    }

    /// How many messages are in doubt.
    pub(super) fn doubtful(&self) -> u64 {
        self.retry.len() as u64
    }

    /// Begins to try them once more.
    pub(super) fn begin_retrying(&mut self) {
        self.retrying = true;
    }

    /// True while they are tried once more.
    pub(super) fn is_retrying(&self) -> bool {
        self.retrying
    }

    /// What is left to a session after this one: doubtful messages, once.
    pub(super) fn next_session(&self, task: &PullTask<'_>) -> NextSession {
        let some = !self.retry.is_empty() && self.retry_octets <= RETRIED;
        if some && !self.retrying && task.limit.is_none() {
            NextSession::Doubtful
        } else {
            NextSession::Nothing
        }
    }

    /// True if a doubtful message is to be tried again now.
    pub(super) fn is_due(
        &self,
        task: &PullTask<'_>,
        key: &MessageKey,
        sessions: u32,
        time: i64,
    ) -> bool {
        if self.retrying {
            return self.retry.contains(key);
        }
        if task.compare_all {
            return true;
        }
        let rest = RESTS[(sessions as usize).min(RESTS.len() - 1)];
        now_seconds() - time >= rest
    }

    /// True if a message that is settled since `time` is to be received again now: the server
    /// may have been mended.
    pub(super) fn is_settled_due(&self, task: &PullTask<'_>, time: i64) -> bool {
        let rest = RESTS[RESTS.len() - 1];
        !self.retrying && (task.compare_all || now_seconds() - time >= rest)
    }

    /// How many recognised messages of these sizes, from the first on, are received and
    /// compared by this run.
    pub(super) fn to_compare(
        &self,
        task: &PullTask<'_>,
        octets: impl Iterator<Item = u64> + Clone,
    ) -> usize {
        let total: u64 = octets.clone().sum();
        let most = if task.compare_all {
            u64::MAX
        } else if self.retrying {
            0
        } else {
            COMPARED.max(total / SHARE)
        };
        let mut sum = 0_u64;
        octets
            .take_while(|octets| {
                sum = sum.saturating_add(*octets);
                sum <= most
            })
            .count()
    }
}
