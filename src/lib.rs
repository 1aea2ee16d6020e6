//! mailvault keeps a local, compressed, crash-safe archive of mail accounts.
//!
//! A message takes this way: server, [`transport`], [`pop3`] or [`imap`], [`pull`], [`dedupe`],
//! [`commit`], [`vault`].

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests make and break files as they like"
    )
)]

pub mod account;
pub mod bounds;
mod channel;
pub mod commit;
pub mod config;
pub mod connect;
pub mod dedupe;
pub mod discover;
pub mod doctor;
pub mod error;
pub mod event;
pub mod evidence;
pub mod export;
pub mod fsx;
pub mod imap;
pub mod import;
pub mod markup;
pub mod mbox;
pub mod message;
pub mod metrics;
pub mod oauth;
pub mod pause;
pub mod pop3;
pub mod providers;
pub mod pull;
pub mod purge;
pub mod query;
pub mod readable;
pub mod run;
pub mod sample;
pub mod sasl;
pub mod secret;
pub mod source;
pub mod stats;
pub mod transport;
pub mod units;
pub mod vault;
pub mod words;

pub use error::{Error, ErrorKind, Result};
