//! The command line as clap reads it: types only.
#![allow(
    clippy::doc_markdown,
    reason = "clap shows these words to people as they stand"
)]

mod account;
mod forget;
mod hold;
#[cfg(feature = "offsite")]
mod offsite;
mod setup;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mailvault::base::units::{DurationFault, parse_age, parse_size, parse_wait};

pub(crate) use self::account::{AccountArgs, AccountCommand};
pub(crate) use self::forget::{Forget, Remember};
pub(crate) use self::hold::{HoldArgs, HoldCommand};
#[cfg(feature = "offsite")]
pub(crate) use self::offsite::{
    OffsiteArgs, OffsiteCommand, OffsiteInit, OffsiteList, OffsitePush, OffsiteRestore,
    OffsiteStatus, OffsiteVerify,
};
pub(crate) use self::setup::{Configure, ConfigureCommand, Doctor, Init, LoginArgs, TlsKind};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "mailvault",
    version,
    about = "Keep a local, compressed archive of the mail in your POP3 and IMAP accounts",
    before_help = "Examples:\n  \
        mailvault demo            try it on sample mail; touches nothing of yours\n  \
        mailvault init            set up your first account\n  \
        mailvault pull            fetch what is new; deletes nothing on the server\n  \
        mailvault list            show the newest messages",
    max_term_width = 100,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct Global {
    /// Read this configuration file [env: MAILVAULT_CONFIG]
    #[arg(
        short,
        long,
        value_name = "FILE",
        global = true,
        hide_short_help = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Use the vault in this directory [env: MAILVAULT_VAULT]
    #[arg(long, value_name = "DIR", global = true, hide_short_help = true)]
    pub(crate) vault: Option<PathBuf>,
    /// Print only warnings and errors [env: MAILVAULT_QUIET]
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,
    /// Print more; -vv prints the dialogue with the server, without secrets
    /// [env: MAILVAULT_VERBOSE]
    #[arg(short, long, action = clap::ArgAction::Count, global = true, hide_short_help = true)]
    pub(crate) verbose: u8,
    /// Print only JSON lines on stdout [env: MAILVAULT_JSON]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) json: bool,
    /// When to use colour [env: MAILVAULT_COLOR] [default: auto]
    #[arg(long, value_name = "WHEN", global = true, hide_short_help = true)]
    pub(crate) color: Option<When>,
    /// Do not show progress [env: MAILVAULT_NO_PROGRESS]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_progress: bool,
    /// Never ask for anything, and use no pager [env: MAILVAULT_NO_INPUT]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_input: bool,
}

/// When to do something that depends on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Pull(Pull),
    Purge(PurgeArgs),
    Verify(Verify),
    Search(Search),
    Show(Show),
    Log(Log),
    Export(Export),
    Import(Import),
    Stats(StatsArgs),
    Status(StatusArgs),
    Audit(AuditArgs),
    Forget(Forget),
    Remember(Remember),
    Account(AccountArgs),
    Hold(HoldArgs),
    #[cfg(feature = "offsite")]
    Offsite(OffsiteArgs),
    Init(Init),
    Login(LoginArgs),
    Doctor(Doctor),
    #[command(name = "config")]
    Configure(Configure),
    Demo(Demo),
    Help(Help),
    Completions(Completions),
    #[command(hide = true)]
    Man(Man),
}

impl Command {
    /// The name in JSON lines.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pull(_) => "pull",
            Self::Purge(_) => "purge",
            Self::Verify(_) => "verify",
            Self::Search(_) => "search",
            Self::Show(_) => "show",
            Self::Log(_) => "log",
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Stats(_) => "stats",
            Self::Status(_) => "status",
            Self::Audit(_) => "audit",
            Self::Forget(_) => "forget",
            Self::Remember(_) => "remember",
            Self::Account(_) => "account",
            Self::Hold(_) => "hold",
            #[cfg(feature = "offsite")]
            Self::Offsite(_) => "offsite",
            Self::Init(_) => "init",
            Self::Login(_) => "login",
            Self::Doctor(_) => "doctor",
            Self::Configure(_) => "config",
            Self::Demo(_) => "demo",
            Self::Help(_) => "help",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// Fetch new mail into the vault; changes nothing on the server
///
/// POP3 shows only the inbox, IMAP every folder; the account's settings choose. You can
/// interrupt and repeat a pull: a message is either in the vault, or the next run fetches
/// it. Without a terminal, it prints nothing if nothing was new.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
#[command(before_help = "Examples:\n  \
    mailvault pull                             all accounts\n  \
    mailvault pull work -v                     one account, with details\n  \
    mailvault pull pop3s://ann@pop.example.org --vault ~/mail --create\n  \
    10 2 * * * mailvault pull                  a line for cron")]
pub(crate) struct Pull {
    /// Accounts by name or URL [default: all without pull = false]
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// Only show what would be fetched
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Fetch every folder over IMAP, regardless of the settings
    #[arg(long)]
    pub(crate) all_folders: bool,
    /// Fetch at most N messages per account
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Download again and compare what did not arrive as listed or was recognised only by header
    #[arg(long, conflicts_with = "limit")]
    pub(crate) compare: bool,
    /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
    /// Create the vault if it does not exist
    #[arg(long)]
    pub(crate) create: bool,
    /// Afterwards, apply the account's purge rule on the server
    #[arg(long, conflicts_with = "limit")]
    pub(crate) purge: bool,
    /// Afterwards, send what is new to every second copy; if that fails, --purge deletes nothing
    #[cfg(feature = "offsite")]
    #[arg(long)]
    pub(crate) push: bool,
    /// Run CMD to get the password; needs exactly one account
    #[arg(long, value_name = "CMD")]
    pub(crate) password_command: Option<String>,
    /// The user and host that the account had before; set by 'account move'.
    #[arg(skip)]
    pub(crate) moved_from: Option<String>,
}

/// Free quota: delete archived messages on the server
///
/// Without a selection, it only shows what could be freed. It deletes a message only if its
/// archived copy was just read back intact and the server still shows the same message. The
/// vault keeps everything. Afterwards it lists the server again: only what the server no
/// longer lists counts as freed.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
#[command(before_help = "Examples:\n  \
    mailvault purge work                       what could be freed?\n  \
    mailvault purge work --older-than 90d -n   what would be deleted?\n  \
    mailvault purge work --older-than 90d      asks, then deletes\n  \
    mailvault purge work --free 500M --yes     oldest first, without asking")]
pub(crate) struct PurgeArgs {
    /// The account by name or URL; not needed if there is only one
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Delete messages older than this, such as 90d, 6mo or 1y
    #[arg(long, value_name = "DURATION", value_parser = age)]
    pub(crate) older_than: Option<Duration>,
    /// Free at least SIZE, such as 500M, deleting the oldest first
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) free: Option<u64>,
    /// With --free, delete the largest first
    #[arg(long, requires = "free")]
    pub(crate) largest_first: bool,
    /// Delete messages that match this query; see 'mailvault help query'
    #[arg(long = "match", value_name = "QUERY", allow_hyphen_values = true)]
    pub(crate) matching: Option<String>,
    /// Delete all archived messages
    #[arg(long, conflicts_with_all = ["older_than", "free", "matching"])]
    pub(crate) all: bool,
    /// Only show what would be deleted
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
}

/// Check that every message in the vault is there and undamaged
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault verify                           names, sizes and records; quick\n  \
    mailvault verify --read-data               also read every message back\n  \
    mailvault verify --read-data --subset 1/7  a seventh of them, one for each day\n  \
    mailvault verify --read-data --repair      so that pull fetches again")]
#[cfg_attr(
    feature = "offsite",
    command(after_help = "With a second copy:\n  \
    mailvault verify --read-data --repair --from b2 --identity key.txt")
)]
pub(crate) struct Verify {
    /// Accounts by name; without any, all in the vault
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// Read and compare every message, not only its name and size
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Read only part n of t
    #[arg(long, value_name = "n/t", value_parser = subset, requires = "read_data")]
    pub(crate) subset: Option<(u32, u32)>,
    /// Stop after this long, such as 30m or 2h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) max_duration: Option<Duration>,
    /// Set damaged files aside, so that the next pull fetches them again
    #[arg(long)]
    pub(crate) repair: bool,
    /// With --repair, first put back what this second copy has
    #[cfg(feature = "offsite")]
    #[arg(long, value_name = "PLACE", requires_all = ["repair", "identity"])]
    pub(crate) from: Option<String>,
    /// The private key for --from
    #[cfg(feature = "offsite")]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) identity: Option<PathBuf>,
}

/// Find messages in the vault, newest first; without a query, all
///
/// All words must match, and a leading minus negates one, as in -from:bank. 'mailvault help
/// query' lists what a query may contain: from: to: subject: account: folder: id: msgid:
/// has:attachment after:2020-01-31 before:2021 older:90d newer:7d weekday:sat hour:14 larger:5M
/// smaller:10K on:server and more.
#[derive(Debug, Args)]
#[command(
    visible_alias = "list",
    before_help = "Examples:\n  \
        mailvault list                             the newest messages\n  \
        mailvault search boarding pass after:2025\n  \
        mailvault search from:bank.example larger:5M\n  \
        mailvault search invoice -from:example.net"
)]
pub(crate) struct Search {
    /// What to look for
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Show at most N messages (on a terminal 20, otherwise all)
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// What comes first: the newest, the largest, or by name
    #[arg(long, value_name = "KEY", default_value = "date")]
    pub(crate) sort: SortKey,
    /// Reverse the order
    #[arg(long)]
    pub(crate) reverse: bool,
}

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// When it was received, the newest first
    Date,
    /// The largest first
    Size,
    /// The sender
    From,
    /// The subject
    Subject,
}

/// Show what happened to the vault, or to messages
///
/// Without a query, it lists pulls, imports, purges, uploads, verifies, repairs, forgets, holds
/// and merges, the newest first, and how many messages vanished from a server. With a query, it
/// lists what is on record of each message: when and how it was received, and when it was
/// deleted on a server. Exports to files, renames of accounts and pulls that were killed are not
/// on record, and neither is what was forgotten: older counts are then without it.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault log                              what happened, the newest first\n  \
    mailvault log work                         to one account\n  \
    mailvault log id:4f2a91c0                  one message, and where it is\n  \
    mailvault log work from:bank -on:server    what is gone from there")]
pub(crate) struct Log {
    /// The account by name; without it, all
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Show what happened to the messages that match
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Show at most N events (on a terminal 20, otherwise all)
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Also show pulls that found nothing new
    #[arg(long)]
    pub(crate) all: bool,
}

/// Show one message
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault show 4f2a91c0                    readable\n  \
    mailvault show 4f2a --headers              the whole header\n  \
    mailvault show 4f2a --save ~/papers        its attachments\n  \
    mailvault show 4f2a --raw > letter.eml     exactly as the server sent it")]
pub(crate) struct Show {
    /// The id that 'mailvault list' shows, or at least its first four digits
    pub(crate) id: String,
    /// Write the exact bytes of the message to stdout
    #[arg(long, conflicts_with = "headers")]
    pub(crate) raw: bool,
    /// Show the whole header and nothing else
    #[arg(long)]
    pub(crate) headers: bool,
    /// Write its attachments into this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["raw", "headers"])]
    pub(crate) save: Option<PathBuf>,
}

/// Copy mail out of the vault, for other programs
///
/// DEST is a directory, a file that ends in .mbox or .eml, - for stdout, or imap: and the
/// name of an account. QUERY is a search query. Without one, all mail is exported. Mail that other
/// programs deleted on an IMAP server is left out (see --gone). Run the same command again to
/// add what is new. No message in the vault changes.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault export ~/plain                   all mail as a Maildir\n  \
    mailvault export ~/Maildir --keep-uids     mail for a Dovecot of your own\n  \
    mailvault export ~/tb --format mbox        folders for Thunderbird\n  \
    mailvault export 2019.mbox after:2019 before:2020\n  \
    mailvault export ~/browse --format html    pages for a browser\n  \
    mailvault export - id:4f2a91c0 > letter.eml\n  \
    mailvault export imap:home id:4f2a         one message back to a server\n  \
    mailvault export imap:newhost --check      what that server would refuse\n  \
    mailvault export imap:newhost              everything to a new provider")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct Export {
    /// Where to
    pub(crate) dest: String,
    /// Which messages; see 'mailvault help query'
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Format of an exported directory [default: maildir]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// Keep line endings exactly as the server sent them
    #[arg(long)]
    pub(crate) crlf: bool,
    /// For a Maildir: let Dovecot keep the UIDs and POP3 UIDLs of the old server
    #[arg(long)]
    pub(crate) keep_uids: bool,
    /// For HTML: put each message as it was sent next to its page
    #[arg(long)]
    pub(crate) with_eml: bool,
    /// Only show what would be exported
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Put the inbox into this folder of the server, and other folders below it
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<String>,
    /// Only show what the server will or may refuse, and why
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Also upload messages that were uploaded before and are no longer there
    #[arg(long)]
    pub(crate) again: bool,
    /// Also export messages that are no longer on their IMAP server
    #[arg(long)]
    pub(crate) gone: bool,
    /// For a server: wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
}

/// Import mail from Maildirs, mbox or .eml files, or another vault
///
/// It stores nothing twice and does not change the source. You can interrupt and repeat an
/// import.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault import ~/Maildir --account work\n  \
    mailvault import old.mbox --account work --into Old/2009\n  \
    mailvault import ~/tb/Mail --account work  Thunderbird's folders\n  \
    mailvault import /mnt/copy/mail            another vault, all its accounts")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct Import {
    /// A file, or a directory with everything below it
    pub(crate) source: PathBuf,
    /// Store the mail under this account; not needed if the source is a vault
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Put the source's inbox into this folder, and other folders below it
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<String>,
    /// In mbox files, unquote only lines that begin with '>From '
    #[arg(long)]
    pub(crate) mboxo: bool,
    /// Ignore Google Takeout labels instead of making them folders and flags
    #[arg(long)]
    pub(crate) no_labels: bool,
    /// Read files again that have not changed since the last import, too
    #[arg(long)]
    pub(crate) read_all: bool,
    /// Only show how much would be new
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Wait up to this long for another mailvault to finish, such as 60s, 5m or 1h
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) lock_wait: Option<Duration>,
    /// Create the vault if it does not exist
    #[arg(long)]
    pub(crate) create: bool,
    /// Create the account although its name is close to that of another
    #[arg(long)]
    pub(crate) new_account: bool,
}

/// The form of an exported directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A Maildir++ tree, for mutt, Dovecot and most others
    Maildir,
    /// One mbox file per folder, for Thunderbird
    Mbox,
    /// One .eml file per message
    Eml,
    /// Pages for a browser
    Html,
}

/// Show statistics by time, sender, size and folder
///
/// QUERY is a search query; without one, all mail counts. The bars show total sizes; by month,
/// weekday and hour, they show numbers of messages. Times are in UTC. A message in two folders
/// counts in both.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault stats                            all mail\n  \
    mailvault stats account:work --by sender --top 30\n  \
    mailvault stats --by weekday,hour          when mail comes\n  \
    mailvault stats --quota 5G                 how it grew towards 5 GiB\n  \
    mailvault stats --html mail.html           a page for a browser")]
pub(crate) struct StatsArgs {
    /// Which messages; see 'mailvault help query'
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// What to group by, separated by commas
    #[arg(
        long,
        value_name = "WHAT",
        value_delimiter = ',',
        default_value = "year,sender,size,folder"
    )]
    pub(crate) by: Vec<By>,
    /// Show the newest N years and months, and the largest N senders and folders
    #[arg(long, value_name = "N", default_value = "10",
        value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) top: u64,
    /// Compare the growth with this size, such as the quota of a server
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) quota: Option<u64>,
    /// Also write a page for a browser to this file, with everything that statistics have
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// What statistics are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The year in which it was received
    Year,
    /// The month, of all years
    Month,
    /// The day of the week
    Weekday,
    /// The hour of the day
    Hour,
    /// The size of all mail at the end of each year
    Growth,
    /// The sender's address
    Sender,
    /// The size of a message
    Size,
    /// The folder
    Folder,
}

/// Show accounts, last good pulls, counts and sizes; asks no server
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault status                           all accounts\n  \
    mailvault status --max-age 2d              exit 19 if a pull is overdue\n  \
    mailvault status --metrics mail.prom       numbers for Prometheus\n  \
    mailvault status work --json               one, for a program")]
pub(crate) struct StatusArgs {
    /// Accounts by name; without any, all
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// Exit with 19 if the last good pull is older than this, such as 2d
    ///
    /// Without names, this checks the accounts that 'mailvault pull' fetches.
    #[arg(long, value_name = "DURATION", value_parser = age)]
    pub(crate) max_age: Option<Duration>,
    /// Also write the numbers to this file for Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}

/// Compare the server with the vault: is everything archived?
///
/// It lists every folder of the account, reads the header of each message that was not
/// compared recently, and changes nothing on the server. It exits with 0 if every message
/// on the server is archived, and with 3 if any is not, or is in doubt. The next pull
/// fetches what the audit found missing or changed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault audit work                       may I cancel this account?\n  \
    mailvault audit work --manifest list.jsonl")]
pub(crate) struct AuditArgs {
    /// The account by name or URL
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// Look at the inbox only; never reports that you may leave
    #[arg(long)]
    pub(crate) inbox: bool,
    /// Compare server IDs and sizes only; never reports that you may leave
    #[arg(long, conflicts_with = "read_data")]
    pub(crate) quick: bool,
    /// Download every message again and compare its bytes
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Accept messages whose size differed from the listing both times they arrived
    #[arg(long)]
    pub(crate) accept_sizes: bool,
    /// Skip headers that were compared within this time [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = age)]
    pub(crate) fresh: Option<Duration>,
    /// Write a JSON line for each message on the server to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
}

/// Try mailvault on a built-in sample server, in a temporary place
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault demo                             a tour of a few seconds\n  \
    mailvault demo --keep /tmp/tour            keep the vault to look at\n  \
    mailvault demo --serve                     a server to play with")]
pub(crate) struct Demo {
    /// Use this new directory, and leave it there
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Only run the sample server, until Ctrl-C
    #[arg(long)]
    pub(crate) serve: bool,
}

/// Show help about a command or a topic
///
/// The topics are query, exit-codes, environment and json.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault help                             every command\n  \
    mailvault help purge                       one of them\n  \
    mailvault help query                       what a search may contain")]
pub(crate) struct Help {
    /// A command, the words of one, or a topic
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault completions bash > mailvault.bash\n  \
    mailvault completions fish > ~/.config/fish/completions/mailvault.fish")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault man --out man1                   one page per command")]
pub(crate) struct Man {
    /// An existing directory for them
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

fn age(text: &str) -> Result<Duration, String> {
    parse_age(text).map_err(such_as)
}

fn wait(text: &str) -> Result<Duration, String> {
    parse_wait(text).map_err(such_as)
}

fn such_as(fault: DurationFault) -> String {
    match fault {
        DurationFault::NoDuration => format!("{fault}, such as 2h"),
        DurationFault::MinutesOrMonths(_) => fault.to_string(),
    }
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text)
        .filter(|size| *size > 0)
        .ok_or_else(|| "write a size such as 500M or 2G".to_owned())
}

fn subset(text: &str) -> Result<(u32, u32), String> {
    text.split_once('/')
        .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)))
        .filter(|(part, of)| 1 <= *part && part <= of)
        .ok_or_else(|| {
            "write two numbers such as 2/7, the first no greater than the second".to_owned()
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in [
            ["mailvault", "--json", "status"],
            ["mailvault", "status", "--json"],
        ] {
            assert!(Cli::try_parse_from(line).unwrap().global.json);
        }
    }

    #[test]
    fn list_is_search() {
        let cli = Cli::try_parse_from(["mailvault", "list", "-l", "3"]).unwrap();
        assert!(matches!(
            cli.command,
            Command::Search(Search { limit: Some(3), .. })
        ));
    }

    #[test]
    fn a_purge_of_all_takes_no_other_choice_and_a_list_of_nothing_is_refused() {
        for line in [
            &["mailvault", "purge", "--all", "--older-than", "90d"][..],
            &["mailvault", "purge", "--free", "500M", "--all"],
            &["mailvault", "purge", "--match", "larger:1M", "--all"],
            &["mailvault", "list", "--limit", "0"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_bare_m_is_a_minute_where_a_command_waits_and_no_age() {
        let minutes = Duration::from_secs(300);
        let cli = Cli::try_parse_from(["mailvault", "pull", "--lock-wait", "5m"]).unwrap();
        let Command::Pull(pull) = cli.command else {
            panic!("this is a pull");
        };
        assert_eq!(pull.lock_wait, Some(minutes));
        let line = ["mailvault", "verify", "--read-data", "--max-duration", "5m"];
        let Command::Verify(verify) = Cli::try_parse_from(line).unwrap().command else {
            panic!("this is a verify");
        };
        assert_eq!(verify.max_duration, Some(minutes));
        for line in [
            ["mailvault", "purge", "--older-than", "5m"],
            ["mailvault", "status", "--max-age", "5m"],
            ["mailvault", "audit", "--fresh", "5m"],
        ] {
            let refused = Cli::try_parse_from(line).unwrap_err().to_string();
            assert!(
                refused.contains("write 5min for minutes or 5mo"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_subset_is_a_part_of_a_whole() {
        assert_eq!(subset("2/7"), Ok((2, 7)));
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/2"] {
            assert!(subset(text).is_err(), "{text}");
        }
    }
}
