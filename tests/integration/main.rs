//! The integration tests, one binary; what they share is under `support`.

#![allow(
    clippy::disallowed_methods,
    reason = "tests make and break files as they like"
)]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::too_many_lines, reason = "a history is told in one piece")]

mod accounts;
mod audit;
mod browser;
mod closed_months;
mod completions;
mod config;
mod crash;
mod damage;
mod dedupe;
mod doctor;
mod errors;
mod export;
mod export_uids;
mod folders;
mod forget;
mod frozen;
mod guides;
mod help;
mod history;
mod hold;
mod hostile;
mod html;
mod html_access;
mod html_firefox;
mod html_keys;
mod html_search;
mod imap;
mod import;
mod import_again;
mod import_crash;
mod import_programs;
mod import_pull;
mod import_takeout;
mod init;
mod interop;
mod interrupt;
mod json;
mod layering;
mod life;
mod limits;
mod merge;
mod moved;
mod names;
mod notify;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "offsite")]
mod offsite;
mod outputs;
mod packaging;
#[cfg(feature = "offsite")]
mod places;
mod progress;
mod pull;
mod purge;
mod purge_crash;
mod purge_plan;
mod queries;
mod read_only;
mod renumber;
mod retention;
mod scale;
mod search;
mod secrets;
mod servers;
mod shells;
mod show;
mod sizes;
mod stalls;
mod stats;
mod status;
mod support;
mod terminal;
mod thunderbird;
mod traffic;
mod upload;
mod upload_servers;
mod verify;
mod volume;
