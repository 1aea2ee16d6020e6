//! What everything else builds on: errors, events, files, pauses, sorted runs, units, secrets.

pub(crate) mod account_name;
pub mod certificate;
pub(crate) mod child;
pub mod error;
pub mod event;
pub mod excerpt;
pub mod fsx;
pub mod output_file;
pub(crate) mod pause;
pub(crate) mod response_code;
pub(crate) mod retry;
pub mod secret;
pub(crate) mod sorted;
pub mod stage;
mod store_fault;
pub mod suggest;
pub mod sync;
pub mod units;
