//! The commands that set up and diagnose.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Set up an account interactively
///
/// It finds the servers of your provider, signs in, and only then adds the account to the
/// configuration; existing lines stay unchanged. With enough flags, it asks nothing.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
#[command(before_help = "Examples:\n  \
    mailvault init                             asks for everything\n  \
    mailvault init ann@example.org --imap      asks for the rest\n  \
    mailvault init ann@example.org --print     only shows what it would write\n  \
    mailvault init ann@example.org --pop3 --name work --password-file ~/pw")]
pub(crate) struct Init {
    /// Your e-mail address
    #[arg(value_name = "EMAIL")]
    pub(crate) email: Option<String>,
    /// Fetch the inbox over POP3
    #[arg(long, conflicts_with = "imap")]
    pub(crate) pop3: bool,
    /// Fetch all folders over IMAP
    #[arg(long)]
    pub(crate) imap: bool,
    /// The server
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The port, if it is not the usual one
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<NonZeroU16>,
    /// How the connection is protected
    #[arg(long, value_name = "KIND")]
    pub(crate) tls: Option<TlsKind>,
    /// Trust this CA certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca_file: Option<PathBuf>,
    /// Trust only the certificate with this fingerprint
    #[arg(long, value_name = "SHA256", conflicts_with = "tls_ca_file")]
    pub(crate) tls_pin_sha256: Option<String>,
    /// The user name, if it is not the address
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The password is the first line of this file, which only you can read
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(crate) password_file: Option<PathBuf>,
    /// This command prints the password
    #[arg(long, value_name = "CMD", group = "secret")]
    pub(crate) password_command: Option<String>,
    /// This command prints an OAuth access token
    #[arg(long, value_name = "CMD", group = "secret")]
    pub(crate) token_command: Option<String>,
    /// Sign in with OAuth; sets a key of the account's oauth table, such as client_id=ID
    #[arg(long, value_name = "KEY=VALUE", group = "secret")]
    pub(crate) oauth: Vec<String>,
    /// A short name for the account
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only print the configuration; do not sign in or write anything
    #[arg(long)]
    pub(crate) print: bool,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsKind {
    /// Encrypted from the first byte
    Tls,
    /// Starts unencrypted, then requires TLS
    Starttls,
    /// Unencrypted; this machine only
    None,
}

/// Store a new password or token after it has been tested
///
/// A password is written to the account's password_file, which only you can read, or to
/// the keyring. For an account with a token_file, you sign in with a browser: on any device,
/// by typing a code, if the provider supports that, and otherwise on this machine.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault login work                       asks for the password\n  \
    mailvault login work --stdin               from a program through a pipe\n  \
    mailvault login work --browser             with the browser of this machine")]
pub(crate) struct LoginArgs {
    /// The account by name
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// Take the first line of standard input instead of asking
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Sign in with a browser on this machine, even if a code would do
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) browser: bool,
}

/// Check configuration, secrets, vault and servers
///
/// It signs in to every account once and changes nothing. It exits with 0 if nothing
/// failed, else with the code of the first failure.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault doctor                           everything\n  \
    mailvault doctor work                      one account\n  \
    mailvault doctor --offline                 without asking a server")]
pub(crate) struct Doctor {
    /// Accounts by name or URL; without any, all
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// Contact no server
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Show, check or edit the configuration file
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault config path                      where it is\n  \
    mailvault config check                     is it valid?\n  \
    mailvault config edit                      change it; checked before it counts\n  \
    mailvault config show                      all effective settings")]
pub(crate) struct Configure {
    #[command(subcommand)]
    pub(crate) command: ConfigureCommand,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigureCommand {
    /// Print where the configuration is, or would be
    #[command(before_help = "Examples:\n  mailvault config path")]
    Path,
    /// Check the configuration; errors name line and column
    #[command(before_help = "Examples:\n  mailvault config check")]
    Check,
    /// Change the configuration in an editor; it counts only if it is valid
    ///
    /// The editor is VISUAL, EDITOR or vi, and works on a copy. A text with an error never
    /// replaces the configuration.
    #[command(before_help = "Examples:\n  \
        mailvault config edit\n  \
        EDITOR=nano mailvault config edit")]
    Edit,
    /// Print all effective settings; secrets are hidden
    #[command(before_help = "Examples:\n  mailvault config show")]
    Show,
}
