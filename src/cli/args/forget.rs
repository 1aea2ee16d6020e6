//! The commands that remove mail from the vault for good.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::wait;

/// Remove messages from the vault for good; servers keep them
///
/// Use it when a message must not be kept. It goes from every folder, from the records and from
/// the search index, and later pulls and imports leave it out. There is no undo. What the vault
/// cannot reach stays: the server, exports, and backups or snapshots of the vault. The reason and
/// the fact that something was removed stay in the vault.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault forget -n id:4f2a91c0            show what would go\n  \
    mailvault forget id:4f2a91c0 --reason 'sent to me by mistake'\n  \
    mailvault forget from:ann@example.org --reason 'her wish' --save ann.mbox\n  \
    mailvault forget --by-rule -n              show what [retention] would remove\n  \
    mailvault remember                         list what was forgotten")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct Forget {
    /// Which messages, as for search
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Why; stays in the vault
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Export them to this new mbox file first
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Every message in the vault
    #[arg(long, conflicts_with = "query")]
    pub(crate) all: bool,
    /// What [retention] in the configuration says is old enough
    #[arg(long, conflicts_with_all = ["query", "all"])]
    pub(crate) by_rule: bool,
    /// Only show what would go
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
}

/// List what was forgotten, or let it come back
///
/// Without arguments, it lists what was forgotten, with its number and reason. With a number, later
/// pulls and imports store those messages if they come again. The vault cannot bring them back
/// itself.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault remember                         list what was forgotten\n  \
    mailvault remember 2                       let the second one come back")]
pub(crate) struct Remember {
    /// The number of a forget
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) number: Option<u32>,
    /// All of them
    #[arg(long, conflicts_with = "number")]
    pub(crate) all: bool,
    /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
}
