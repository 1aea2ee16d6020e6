//! The commands for holds.

use std::time::Duration;

use clap::{Args, Subcommand};

/// Keep mail from being forgotten
///
/// A hold covers the messages that match its query when you add it, and whatever else
/// matches it later, when something is to be forgotten. An age such as older:90d counts
/// from that later day. No rule and no command forgets what a hold covers. A hold does not
/// keep purge from deleting the copy on the server.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault hold add tax from:bank.example --reason \"tax audit of 2025\"\n  \
    mailvault hold list                        all holds\n  \
    mailvault hold release tax                 end it")]
pub(crate) struct HoldArgs {
    #[command(subcommand)]
    pub(crate) command: HoldCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Add a hold
    #[command(before_help = "Examples:\n  \
        mailvault hold add tax from:bank.example --reason \"tax audit of 2025\"\n  \
        mailvault hold add case7 -from:example.net contract --reason \"case 7\"")]
    Add {
        /// What to call it: a-z 0-9 . _ -, beginning with a letter or digit
        #[arg(value_name = "NAME")]
        name: String,
        /// Which messages; see 'mailvault help search'
        #[arg(value_name = "QUERY", required = true)]
        query: Vec<String>,
        /// Why, for whoever reads it in some years
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
        #[arg(long, value_name = "DURATION", value_parser = super::wait)]
        lock_wait: Option<Duration>,
    },
    /// List the holds, and how many messages each covers now
    #[command(before_help = "Examples:\n  mailvault hold list")]
    List,
    /// End a hold
    #[command(before_help = "Examples:\n  \
        mailvault hold release tax\n  \
        mailvault hold release tax --reason \"audit closed\"")]
    Release {
        /// The hold
        #[arg(value_name = "HOLD")]
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
        #[arg(long, value_name = "DURATION", value_parser = super::wait)]
        lock_wait: Option<Duration>,
    },
}
