//! A configured account: its settings, its provider, what is remembered of its server, and
//! how to sign in there.

pub mod config;
pub mod config_file;
pub mod connect;
pub mod discover;
pub(crate) mod folders;
mod job;
pub(crate) mod memory;
pub mod oauth;
pub(crate) mod protocol;
pub mod providers;

pub use job::Job;
