//! IMAP (RFC 9051 and RFC 3501) with the extensions that spare a backup work: SASL-IR,
//! LITERAL+, ID, ENABLE, NAMESPACE, SPECIAL-USE, LIST-STATUS, UIDPLUS, APPENDLIMIT, CONDSTORE and
//! QRESYNC, BINARY, QUOTA, OBJECTID, UTF8=ACCEPT, MESSAGELIMIT, PARTIAL and UIDONLY, and Gmail's ids
//! and labels.
//!
//! `token`, `reply`, `fetch`, `name`, `mailbox`, `uids`, `limit`, `oddity` and `capability` are
//! pure; `wire` and `command` read and write; `login`, `session`, `folder`, `transfer`,
//! `removal` and `append` are the dialogue. Messages are only ever named by UID, and read without
//! marking them as read; a message without a UID is identified by its number, for reading.

mod append;
mod capability;
mod command;
mod fetch;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod limit;
mod login;
mod mailbox;
mod name;
mod oddity;
mod removal;
mod reply;
mod session;
mod source;
mod token;
mod transfer;
mod uids;
mod wire;

pub use append::{AppendMessage, AppendRefusal, Appender, Created, Verdict};
pub use fetch::Row;
pub use folder::{Access, Change, Folder, KnownMailbox, Scope};
pub use mailbox::{Counts, Mailbox, Namespace, Namespaces, QuotaUsage, SpecialUse};
pub use removal::Removal;
pub use session::Session;

#[cfg(test)]
mod tests;
