//! What mail is, without any input or output: messages, what a server lists of them, their
//! readable form, queries, mbox files.

pub(crate) mod bounds;
pub(crate) mod export_note;
pub(crate) mod folder_pattern;
pub(crate) mod markup;
pub(crate) mod mbox;
pub mod message;
pub mod query;
pub mod readable;
pub mod source;
pub(crate) mod words;
