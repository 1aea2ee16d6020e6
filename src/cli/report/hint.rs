//! What to type or where to look, for every error.

use std::fmt::Write as _;
use std::io;

use mailvault::account::providers::{self, UserForm};
use mailvault::base::error::{Endpoint, Error, ErrorKind, LINK, StoreFault, TlsFault};
use mailvault::base::stage::Stage;

use super::certificate;
use crate::cli::text::{count, escape, size};

/// What to type or where to look, for every error.
#[allow(
    clippy::too_many_lines,
    reason = "one total function, a line per error"
)]
pub(crate) fn hint(error: &Error, account: Option<&str>) -> Option<String> {
    let name = account.unwrap_or("the account");
    let hint = match error {
        Error::Config { hint, .. }
        | Error::ConfigLine { hint, .. }
        | Error::Secret { hint, .. } => {
            let hint = hint.as_ref()?;
            return Some(hint.split('\n').map(escape).collect::<Vec<_>>().join("\n"));
        }
        Error::Held { holds } => {
            let names: Vec<_> = holds.iter().map(|(name, _)| escape(name)).collect();
            format!(
                "leave these messages out of the query, or end the hold: mailvault hold release {}",
                names.first().map_or("NAME", |name| &**name)
            )
        }
        Error::Damaged { path, .. } if path.ends_with("tombstones.key") => {
            "restore it from a backup of the vault. 'mailvault remember --all' gives up on it: what \
             was forgotten may then come back"
                .to_owned()
        }
        Error::Resolve { server, .. } => match providers::nearest_host(&server.host) {
            Some(host) => format!("did you mean {host}? Otherwise check the network"),
            None => format!("check the host of {name} in the configuration, and the network"),
        },
        Error::Connect { server, source } if source.kind() == io::ErrorKind::ConnectionRefused => {
            closed_hint(server, account)
        }
        Error::Lost {
            stage: Stage::Greeting,
            ..
        } => format!(
            "no password was sent. The server may be blocking your IP address for now, or expect \
             another protocol at this port: check port and tls of {name}"
        ),
        Error::Lost {
            stage: Stage::SignIn(_),
            ..
        } => {
            format!(
                "it did not say why; a wrong password and too many logins are common reasons. \
                 Check the password of {name}; mailvault does not retry it"
            )
        }
        Error::Timeout {
            stage: Stage::Greeting,
            ..
        } => format!(
            "it sent nothing at all: check port and tls of {name}. A port that expects TLS waits \
             for the client"
        ),
        Error::Connect { .. } | Error::Lost { .. } => {
            "what was fetched is safe; the next run continues from there".to_owned()
        }
        Error::Timeout { .. } => format!(
            "a slow server may need a longer timeout for {name}. Anything already fetched is safe; \
             the next run continues from there"
        ),
        Error::Tls {
            server,
            fault: TlsFault::Handshake,
            ..
        } => tls_hint(server, name),
        Error::Tls {
            server,
            shown,
            fault,
            ..
        } => certificate::hint(server, shown.as_deref(), *fault, name),
        Error::Auth {
            server,
            user,
            certain,
            reply,
            scram,
        } => {
            let mut hint = auth_hint(server, user, account, *certain, reply);
            if *scram && !*certain {
                hint.push_str(
                    " If the password is right, auth = \"plain\" or \"user\" signs in without \
                     SCRAM, which some servers offer although they cannot check every password with it.",
                );
            }
            hint
        }
        Error::Token { kind, .. } => token_hint(*kind, name),
        Error::Busy { .. } if error.has_code("IN-USE") => {
            "another program is reading this mailbox; the next run will fetch it".to_owned()
        }
        Error::Busy { .. } => "this is usually temporary; try again later".to_owned(),
        Error::Full { missing, .. } => format!(
            "about {} more is needed; run the same command again afterwards",
            size(*missing)
        ),
        Error::Refused { .. } => {
            "the server's reply says why; if it does not help, ask the provider. Run with -vv to \
             see the dialogue"
                .to_owned()
        }
        Error::Protocol {
            stage: Stage::Greeting,
            ..
        } => format!(
            "check protocol, host, port and tls of {name}: POP3 is usually at port 995 with \
             TLS and at 110 without, IMAP at 993 and 143"
        ),
        Error::Protocol {
            stage: Stage::Stls, ..
        } => "someone may be between you and the server; no password was sent".to_owned(),
        Error::Protocol { .. } => {
            "what was fetched is safe; the next run continues from there. Run with -vv to see \
             the dialogue"
                .to_owned()
        }
        Error::Unsupported { .. } => format!("check tls and auth of {name} in the configuration"),
        Error::VaultMissing { .. } => {
            "is the disk mounted? To start a new vault there, run 'mailvault pull --create' \
             ('mailvault init' first, if there is no account yet)"
                .to_owned()
        }
        Error::ManifestMissing { .. } => {
            "'mailvault verify --repair' rebuilds it from the ledger".to_owned()
        }
        Error::ManifestDamaged { known: true, .. } => {
            "'mailvault verify --repair' sets it aside and rebuilds it from the ledger".to_owned()
        }
        Error::ManifestDamaged { known: false, .. } => {
            "the ledger does not say either which vault this is: put the file back from a backup"
                .to_owned()
        }
        Error::LedgerMissing { .. } => {
            "put the directory 'ledger' back from a backup. If there is none, 'mailvault verify \
             --repair' begins a new one with the messages whose files are there; what else it said \
             is lost"
                .to_owned()
        }
        Error::MessageMissing { .. } => {
            "'mailvault verify --repair; mailvault pull' fetches it again if the server still \
             has it"
                .to_owned()
        }
        Error::Locked { .. } => {
            "try again when it has finished; pull, purge, export and import can wait for it with \
             --lock-wait 1h"
                .to_owned()
        }
        Error::Format { .. } => {
            "use the version of mailvault that made it, or another vault with --vault".to_owned()
        }
        Error::Strange { what: LINK, .. } => {
            "the vault itself may be a link, but nothing in it may be: put the file or directory \
             itself there. Do not trust a vault in which somebody else put links"
                .to_owned()
        }
        Error::Damaged { .. } => {
            "'mailvault verify --read-data' shows what is damaged; --repair sets it aside"
                .to_owned()
        }
        Error::Unsettled { .. } => {
            "'mailvault verify --read-data --repair' sets aside what is damaged; then pull and \
             purge again"
                .to_owned()
        }
        Error::Clock { .. } => {
            "set the clock. For purge, --free and --all ignore it, unless keep goes by age"
                .to_owned()
        }
        Error::Store { fault, .. } => store_hint(fault).to_owned(),
        Error::Unconfirmed { .. } => {
            "nothing is lost: these messages are archived. The next pull or purge finds out and \
             records it"
                .to_owned()
        }
        Error::NoSpace { .. } => {
            "what was stored is safe. Free some space there, and run the same command again"
                .to_owned()
        }
        Error::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "run it as the user who owns these files".to_owned()
        }
        Error::File { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be written there now. Systems make a failing disk read-only: the system's \
             log may say more. What was stored is safe"
                .to_owned()
        }
        _ if error.is_disk_failure() => {
            "the disk may be failing: the system's log may say more. 'mailvault verify \
             --read-data' proves what is stored"
                .to_owned()
        }
        Error::Catalog { path, .. } => format!(
            "the catalog can be rebuilt: delete {} and run the same command again",
            escape(&path.to_string_lossy())
        ),
        Error::NotFound { candidates, .. } if candidates.is_empty() => {
            "'mailvault list' shows the ids; at least four digits are needed".to_owned()
        }
        Error::NotFound { .. } => "type more digits of the id".to_owned(),
        Error::Unfit { hint, .. } => return hint.as_deref().map(|hint| escape(hint).into_owned()),
        Error::Query { .. } => "'mailvault help query' shows what a query may contain".to_owned(),
        Error::NoMatch { gone: 0, query } if query.is_empty() => return None,
        Error::NoMatch { gone: 0, .. } => {
            "try fewer words; 'mailvault help query' shows what a query may contain".to_owned()
        }
        Error::NoMatch { gone: 1, .. } => {
            "1 message that matches is no longer on the server; use --gone to export it".to_owned()
        }
        Error::NoMatch { gone, .. } => format!(
            "{} messages that match are no longer on the server; use --gone to export them",
            count(*gone)
        ),
        Error::NeverAt { known, .. } if known.is_empty() => {
            "pull the account before its server changes".to_owned()
        }
        Error::NeverAt { known, .. } => format!("it has mail from {}", known.join(", ")),
        Error::KnownAs { account, stored } => format!(
            "if {account} is its new name, run 'mailvault account rename {stored} {account}'; if \
             not, add stored_as = \"{account}\" to [accounts.{account}] to store its mail a second \
             time"
        ),
        Error::Merged { account, into } => format!(
            "use {into}; if it is meant to be another mailbox, give it a name other than {account}"
        ),
        Error::SeveralAccounts { accounts } => format!(
            "choose one with account:{}, or all of them with account:*",
            accounts.first().map_or("NAME", String::as_str)
        ),
        Error::NotInVault {
            what,
            near,
            known,
            more,
            ..
        } => name_hint(what, near.as_deref(), known, *more),
        _ => return None,
    };
    Some(hint)
}

fn token_hint(kind: ErrorKind, name: &str) -> String {
    match kind {
        ErrorKind::Auth => format!("'mailvault login {name}' signs in again"),
        ErrorKind::Unreachable => {
            format!("check the network, and any addresses in the oauth table of {name}")
        }
        ErrorKind::Untrusted => format!(
            "no token was sent. If this is a service of your own, set ca_file in the table oauth \
             of {name}"
        ),
        ErrorKind::Config => format!(
            "check client_id, client_secret_file and scope in the table oauth of {name}, and how \
             the client is registered there"
        ),
        _ => "the service's reply says why. Run with -vv to see the dialogue".to_owned(),
    }
}

fn tls_hint(server: &Endpoint, name: &str) -> String {
    match server.port {
        110 | 143 => format!("this port starts unencrypted: set tls = \"starttls\" for {name}"),
        _ => format!("does this port use TLS? Check port and tls of {name}"),
    }
}

fn closed_hint(server: &Endpoint, account: Option<&str>) -> String {
    let switched = match providers::by_host(&server.host).and_then(|known| known.trap.as_ref()) {
        Some(trap) => trap.clone(),
        None => format!("is {} switched on at your provider?", protocol_at(server)),
    };
    match account {
        Some(name) => {
            format!("{switched} 'mailvault doctor {name}' tries the other usual ports")
        }
        None => format!("{switched} Check host, port and tls"),
    }
}

/// What is usually spoken there.
fn protocol_at(server: &Endpoint) -> &'static str {
    match server.port {
        110 | 995 => "POP3",
        143 | 993 => "IMAP",
        _ => "POP3 or IMAP",
    }
}

fn name_hint(what: &str, near: Option<&str>, known: &[String], more: bool) -> String {
    if let Some(near) = near {
        return format!("did you mean {what}:\"{}\"?", escape(near));
    }
    let known: Vec<String> = known.iter().map(|name| escape(name).into_owned()).collect();
    let more = if more { ", ..." } else { "" };
    match known[..] {
        [] => "the vault contains no mail yet".to_owned(),
        _ => format!(
            "use the full name, or * as a wildcard. Available: {}{more}",
            known.join(", ")
        ),
    }
}

/// What to do about a place of the second copy.
fn store_hint(fault: &StoreFault) -> &'static str {
    match fault {
        StoreFault::NotMounted => "mount the disk, or check url in the configuration",
        StoreFault::NoBucket => {
            "check url in the configuration; mailvault makes no bucket and no remote"
        }
        StoreFault::WrongRegion { .. } => "set region, and endpoint if it names the region",
        StoreFault::NoProgram { .. } => "install it, or check PATH",
        StoreFault::Denied => {
            "check the credentials, and that they may put, get and list below the prefix"
        }
        StoreFault::Hidden { .. } => {
            "let these credentials list the bucket: without that, a missing object looks like \
             one that they may not see"
        }
        StoreFault::Skewed => "set the clock of this machine",
        StoreFault::Refused { .. } => "the reply may say why; -vv shows every request",
        StoreFault::Busy { .. } | StoreFault::Unreachable | StoreFault::Silent { .. } => {
            "this is usually temporary; the next run continues from here"
        }
        StoreFault::Full => "make room there, and run the same command again",
        StoreFault::Unconfirmed { .. } | StoreFault::Garbled { .. } => {
            "nothing counts as stored there that was not confirmed; run the same command again"
        }
    }
}

fn auth_hint(
    server: &Endpoint,
    user: &str,
    account: Option<&str>,
    certain: bool,
    reply: &str,
) -> String {
    let name = account.unwrap_or("the account");
    let first = if certain || blames_the_login(reply) {
        "check"
    } else {
        "the server's reply may say what is wrong; if not, check"
    };
    let mut hint = format!(
        "{first} the password of {name}; mailvault does not retry it, because that could lock \
         the mailbox."
    );
    // One that came as a URL has no place to keep a password in.
    if let Some(name) = account.filter(|name| !name.contains("_at_")) {
        let _ = write!(hint, " 'mailvault login {name}' stores a new one.");
    }
    let local = user.split_once('@').map(|(local, _)| local);
    if let Some(provider) = providers::by_host(&server.host) {
        if let Some(trap) = &provider.trap {
            let _ = write!(hint, " {trap}");
        }
        match (provider.user, local) {
            (UserForm::Local, Some(local)) => {
                let _ = write!(hint, " The user name there is \"{}\".", escape(local));
            }
            (UserForm::Address, None) => hint.push_str(" The user name there is the address."),
            _ => {}
        }
        return hint;
    }
    hint.push_str(" Providers with two-step sign-in require an app password.");
    if !certain {
        let _ = write!(
            hint,
            " The provider may also have to allow {} first.",
            protocol_at(server)
        );
    }
    match local {
        Some(local) if !local.is_empty() => {
            let _ = write!(hint, " Some require the user name \"{}\".", escape(local));
        }
        _ => hint.push_str(" Some require the full address as the user name."),
    }
    hint
}

/// True if a refusal is about who signs in, or says nothing at all.
fn blames_the_login(reply: &str) -> bool {
    const WORDS: [&str; 15] = [
        "****",
        "pass",
        "auth",
        "login",
        "log in",
        "sign",
        "user",
        "account",
        "credential",
        "denied",
        "invalid",
        "incorrect",
        "wrong",
        "access",
        "permi",
    ];
    let reply = reply.to_lowercase();
    let says_nothing = reply.split_whitespace().count() < 2;
    says_nothing || WORDS.iter().any(|word| reply.contains(word))
}
