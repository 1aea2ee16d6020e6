//! What everything else builds on: errors, events, files, pauses, units, secrets.

pub mod account_name;
pub mod certificate;
pub mod error;
pub mod event;
pub mod fsx;
pub mod pause;
pub mod response_code;
pub mod retry;
pub mod secret;
pub mod stage;
pub mod suggest;
pub mod sync;
pub mod units;
