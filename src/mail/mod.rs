//! What mail is, without any input or output: messages, what a server lists of them, their
//! readable form, queries, mbox files.

pub mod bounds;
pub mod folder_pattern;
pub mod markup;
pub mod mbox;
pub mod message;
pub mod query;
pub mod readable;
pub mod source;
pub mod words;
