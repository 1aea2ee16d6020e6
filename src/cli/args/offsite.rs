//! The commands for second copies.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ExportFormat;

/// Keep an encrypted second copy of the vault in another place
///
/// The place is another disk, object storage or whatever rclone reaches: a table [offsite.PLACE] of
/// the configuration. The copy is encrypted to public keys of age, so that the machine that makes
/// it cannot read it. A push sends what is new and overwrites nothing.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault offsite init b2                  checks the place and tries the key\n  \
    mailvault offsite push                     sends what is new to every place\n  \
    mailvault offsite status                   what is there and what is not\n  \
    mailvault offsite restore b2 DIR --identity key.txt")]
pub(crate) struct OffsiteArgs {
    #[command(subcommand)]
    pub(crate) command: OffsiteCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OffsiteCommand {
    Init(OffsiteInit),
    Push(OffsitePush),
    List(OffsiteList),
    Status(OffsiteStatus),
    Verify(OffsiteVerify),
    Restore(OffsiteRestore),
}

/// Get a place ready and try the private key
///
/// It puts a page that says how to read the copy by hand, finds out what the place can do, and puts
/// six words that only a private key can read. Read them on any machine that has the key, and type
/// them: that shows that the copy can be read. The private key need not come to this machine.
/// Running it again is harmless.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault offsite init b2                  asks for the words\n  \
    mailvault offsite init b2 --words 'bako dumi fola gisu hano jipa'\n  \
    mailvault offsite init b2 --identity key.txt")]
pub(crate) struct OffsiteInit {
    /// The place
    #[arg(value_name = "PLACE")]
    pub(crate) place: String,
    /// The six words of the test
    #[arg(long, value_name = "WORDS", conflicts_with = "identity")]
    pub(crate) words: Option<String>,
    /// Read the test, and a copy that is there, with the private key in FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

/// Send what is new
///
/// It reads the vault's records to find what the place lacks, so that it takes little time when
/// little is new. It can run while mail is pulled. A push that was interrupted continues.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault offsite push                     to every place\n  \
    mailvault offsite push b2 -n               only shows what it would send\n  \
    mailvault pull --push                      fetch mail, then push")]
pub(crate) struct OffsitePush {
    /// The places [default: all]
    #[arg(value_name = "PLACE")]
    pub(crate) places: Vec<String>,
    /// Only show what would be sent, and what it costs; asks no place
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Send everything once more, to a place whose copy this machine knows nothing of
    #[arg(long, requires = "places")]
    pub(crate) rebuild: bool,
}

/// List the pushes that a place has
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  mailvault offsite list b2")]
pub(crate) struct OffsiteList {
    /// The place
    #[arg(value_name = "PLACE")]
    pub(crate) place: String,
}

/// Show when each place was last pushed to, and what it lacks; asks no place
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  mailvault offsite status")]
pub(crate) struct OffsiteStatus {
    /// The places [default: all]
    #[arg(value_name = "PLACE")]
    pub(crate) places: Vec<String>,
}

/// Check that a place has all that was pushed there
///
/// It lists the place and compares names, sizes and, if the place has them, checksums. With
/// --read-data it downloads everything and compares the hashes. With --identity as well, it also
/// decrypts everything and compares each message with its hash.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault offsite verify b2                lists the place\n  \
    mailvault offsite verify b2 --read-data    downloads everything\n  \
    mailvault offsite verify b2 --read-data --subset 3/12")]
pub(crate) struct OffsiteVerify {
    /// The place
    #[arg(value_name = "PLACE")]
    pub(crate) place: String,
    /// Download everything and compare the hashes
    #[arg(long)]
    pub(crate) read_data: bool,
    /// With --read-data, only part N of T, to do all of it in T runs
    #[arg(long, value_name = "N/T", requires = "read_data", value_parser = super::subset)]
    pub(crate) subset: Option<(u32, u32)>,
    /// With --read-data, also decrypt everything with the private key in FILE
    #[arg(long, value_name = "FILE", requires = "read_data")]
    pub(crate) identity: Option<PathBuf>,
}

/// Make a vault from its second copy, or fetch some of its mail
///
/// PLACE is a place of the configuration or an address, such as s3://BUCKET/PREFIX,
/// file:///PATH or rclone:REMOTE:PATH. DIR must be empty, or left by an interrupted restore of
/// the same copy, which then continues. The keys of object storage come from the configuration or,
/// for an address, from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
///
/// With a query or --account, it fetches only the messages that fit, and writes them into DIR as an
/// export does: files, not a vault. Only a restore without them makes a vault. If a
/// query asks what messages say (words, from:, to:, subject:, msgid:, has:attachment), all
/// messages that fit its other terms are downloaded to look at them.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  \
    mailvault offsite restore b2 ~/mail --identity key.txt\n  \
    mailvault offsite restore file:///mnt/disk/mail ~/mail --identity key.txt\n  \
    mailvault offsite restore b2 ~/found --identity key.txt --account work after:2024")]
pub(crate) struct OffsiteRestore {
    /// The place, or an address
    #[arg(value_name = "PLACE")]
    pub(crate) place: String,
    /// The directory of the new vault, or of the files
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Fetch only these messages, as files; see 'mailvault help query'
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// The private key, as age-keygen writes it
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// The state after push SEQ or at the end of a day, such as 12 or 2026-01-31 (UTC)
    #[arg(long, value_name = "SEQ|DATE")]
    pub(crate) at: Option<String>,
    /// Fetch only the mail of this account, as files; can be given several times
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,
    /// For files: their format [default: maildir]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// For files: also fetch messages that are no longer on their IMAP server
    #[arg(long)]
    pub(crate) gone: bool,
    /// For an address: the service's own address
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// For an address: the region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}
