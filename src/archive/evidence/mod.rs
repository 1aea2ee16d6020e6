//! How it is known that the vault has a message of a server: what pull, audit and purge share
//! (docs/SAFETY.md, Evidence). A size explains itself or contradicts (`sizes`); a message that
//! is in question is received again and compared (`receive`).

mod receive;
mod sizes;

pub(crate) use receive::{confirm, headers, is_same, receive};
pub(crate) use sizes::{ANY, MailboxSizes, explains, fits, recall_sizes, sizes_key};
