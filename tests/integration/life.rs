//! Whole lives of an account against servers that are modelled here, and fixed histories
//! of which each once went wrong somewhere.
//!
//! Nothing of `src` is used to judge it: mail is parsed, compared and unpacked by code of
//! these tests.

pub(crate) mod ageing;
#[cfg(feature = "offsite")]
mod copy;
mod fetch;
mod fixed;
mod history;
mod honest;
mod imap;
mod limits;
mod line;
mod living;
mod mail;
mod model;
mod moved;
mod oracle;
mod pop3;
mod random;
mod reused;
mod shrink;
mod stage;
mod user;
mod words;
