//! What is known of a folder while it is filled.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::found::ServerMessages;
use super::letter::LineEnds;
use super::{RefusedUpload, Sent};
use crate::export::lint::MailboxLimits;
use crate::mail::message::Hash128;
use crate::net::imap::AppendRefusal;

/// How a folder is served.
pub(super) struct FolderRun {
    /// As the journal has it.
    pub(super) key: String,
    pub(super) label: String,
    pub(super) limits: MailboxLimits,
    pub(super) found: ServerMessages,
    pub(super) intents: Intents,
    pub(super) sent: HashMap<u64, Sent>,
    /// Messages that were sent.
    pub(super) count: u64,
    pub(super) hashes: HashSet<Hash128>,
    pub(super) ended: Option<(AppendRefusal, String)>,
    /// A message was left half sent: the session cannot go on.
    pub(super) is_cut: bool,
    pub(super) line_ends: LineEnds,
    /// What was refused as it is stored, and is sent once more with strict line ends.
    pub(super) refused: BTreeMap<Hash128, RefusedUpload>,
}

/// The intents of one folder.
#[derive(Debug, Default)]
pub(super) struct Intents {
    /// Of earlier sessions; those that are found leave it.
    pub(super) open: HashSet<Hash128>,
    /// Of this session, and what was open and is sent now.
    pub(super) ours: HashSet<Hash128>,
    /// Sizes and headers of what was open.
    pub(super) looked_for: HashMap<Hash128, (u64, Hash128)>,
    /// What was open and not found.
    pub(super) deferred: HashSet<Hash128>,
    /// True once these are sent.
    pub(super) is_second_pass: bool,
}
