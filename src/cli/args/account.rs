//! The commands for accounts.

use clap::{Args, Subcommand};

/// List, rename, merge, move, disable or remove accounts
///
/// No mail is lost or changed by these commands, neither in the vault nor on a server, except by
/// 'account remove --forget'. All but list, merge and move change the configuration file.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault account list                     all accounts\n  \
    mailvault account rename work office       the mail stays where it is\n  \
    mailvault account disable work             pull leaves it out\n  \
    mailvault account remove work              the vault keeps its mail")]
pub(crate) struct AccountArgs {
    #[command(subcommand)]
    pub(crate) command: AccountCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// List the accounts of the configuration and of the vault; contacts no server
    #[command(before_help = "Examples:\n  mailvault account list")]
    List,
    /// Give an account another name
    ///
    /// Every command then shows the new name. The vault does not change: the configuration
    /// notes the name that the account has there, as stored_as.
    #[command(before_help = "Examples:\n  mailvault account rename work office")]
    Rename {
        /// The account
        #[arg(value_name = "OLD")]
        old: String,
        /// Its new name
        #[arg(value_name = "NEW")]
        new: String,
    },
    /// Make two accounts of the vault one
    ///
    /// For an account whose name was changed by hand, so that the vault has its mail twice. OLD
    /// must not be in the configuration any more. All its mail, and what is known of it on
    /// servers, belongs to NEW from then on; what both have is kept once. This cannot be undone,
    /// and versions of mailvault that do not know it refuse the vault afterwards.
    #[command(before_help = "Examples:\n  \
        mailvault account merge work office -n     only shows what it would do\n  \
        mailvault account merge work office        asks first\n  \
        mailvault account merge work office --yes")]
    Merge {
        /// The account that there will be no longer
        #[arg(value_name = "OLD")]
        old: String,
        /// The account that gets its mail
        #[arg(value_name = "NEW")]
        new: String,
        /// Only show what would be done
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Also if their mail is from different servers or users
        #[arg(long)]
        any_server: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Pull an account whose server or user name changed, but not its mail
    ///
    /// Set the new host and user in the configuration first. It receives 20 messages and
    /// compares them with those in the vault. If all match, the messages that have the name
    /// and size that they had on the old server are not fetched again; if not, everything is
    /// fetched. In both cases each message is stored once.
    #[command(before_help = "Examples:\n  \
        mailvault account move work --from ann@pop.old.example.org")]
    Move {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        /// The user and host that it had before
        #[arg(long, value_name = "USER@HOST")]
        from: String,
    },
    /// Leave an account out when 'mailvault pull' names none
    #[command(before_help = "Examples:\n  mailvault account disable work")]
    Disable {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Pull an account again that was disabled
    #[command(before_help = "Examples:\n  mailvault account enable work")]
    Enable {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove an account from the configuration; the vault keeps its mail
    ///
    /// With --forget, its mail is also removed from the vault for good, as 'mailvault help forget'
    /// says. Messages that other accounts have, too, stay.
    #[command(before_help = "Examples:\n  \
        mailvault account remove work              asks first\n  \
        mailvault account remove work --yes\n  \
        mailvault account remove work --forget --reason 'left the club'")]
    Remove {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        /// Remove its mail from the vault for good, too
        #[arg(long, requires = "reason")]
        forget: bool,
        /// Why its mail must go; stays in the vault
        #[arg(long, value_name = "TEXT", requires = "forget")]
        reason: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
