//! What an upload would do, did, and did not.

use crate::export::LeftOut;
use crate::export::lint::UploadFlaw;
use crate::mail::message::Hash128;
use crate::vault::Entry;
use crate::vault::catalog::Omissions;

/// A message that the server did not take, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedUpload {
    /// Its id.
    pub id: Hash128,
    /// Its size in octets.
    pub octets: u64,
    /// When it was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its subject, decoded.
    pub subject: String,
    /// The folder of the server.
    pub folder: String,
    /// Why: the server's words, or ours.
    pub reason: String,
}

/// What goes into one folder of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goals {
    /// Its name, as people read it.
    pub folder: String,
    /// It has to be made.
    pub missing: bool,
    /// Messages that are selected for it.
    pub messages: u64,
    /// Their size in octets.
    pub octets: u64,
    /// Those that were uploaded before.
    pub before: u64,
    /// What is to be said of its name: what is changed in it, and what may be refused.
    pub remarks: Vec<String>,
}

/// What an upload did to one folder of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Its name, as people read it.
    pub folder: String,
    /// Messages in it before.
    pub held: Option<u32>,
    /// Messages uploaded to it.
    pub uploaded: u64,
    /// Messages in it now.
    pub holds: Option<u32>,
}

/// A folder whose name the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedFolder {
    /// Its name.
    pub folder: String,
    /// The mailbox of the server that has its messages.
    pub mailbox: String,
}

/// What an upload came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadReport {
    /// Messages uploaded.
    pub uploaded: u64,
    /// Their size in the vault, in octets.
    pub octets: u64,
    /// Messages that were found on the server.
    pub there: u64,
    /// Copies, from other folders, of messages that went to the same folder.
    pub copies: u64,
    /// Messages that the journal has from earlier runs.
    pub before: u64,
    /// Of those that were uploaded, the ones that have no date and got that of their
    /// archiving.
    pub undated: u64,
    /// Messages that the server did not take.
    pub refused: Vec<RefusedUpload>,
    /// Messages that it took without some of their flags, or with other line ends.
    pub stripped: Vec<RefusedUpload>,
    /// Messages that are there more than once, since a run before was killed or lost its
    /// connection.
    pub doubled: Vec<RefusedUpload>,
    /// Messages that are damaged or missing in the vault.
    pub left_out: Vec<LeftOut>,
    /// The folders whose names the server refused.
    pub renamed: Vec<RenamedFolder>,
    /// The folders that something was uploaded to.
    pub folders: Vec<Filled>,
    /// What the server that it came from no longer has, and was left out.
    pub omitted: Omissions,
}

/// A message that the server will or may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The message; its reason tells why.
    pub message: RefusedUpload,
    /// It will be refused, or go without something.
    pub certain: bool,
}

/// What is known of a server before anything is uploaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What names of folders begin with.
    pub prefix: String,
    /// Octets used of how many, if the server tells.
    pub quota: Option<(u64, u64)>,
    /// Where the messages would go.
    pub goals: Vec<Goals>,
    /// The accounts that they are of.
    pub accounts: Vec<String>,
    /// What the server that it came from no longer has, and is left out.
    pub omitted: Omissions,
}

pub(super) fn refused(entry: &Entry, folder: &str, reason: String) -> RefusedUpload {
    RefusedUpload {
        id: entry.name.hash,
        octets: entry.name.size,
        date: entry.date,
        subject: entry.subject.clone(),
        folder: folder.to_owned(),
        reason,
    }
}

/// Flaws in words.
pub(super) fn reason(flaws: &[UploadFlaw]) -> String {
    let words: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    words.join("; ")
}
