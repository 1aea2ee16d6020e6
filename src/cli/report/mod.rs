//! Failures as people and programs read them: the error line, the server's words, the hint
//! and the exit code.

pub(crate) mod certificate;
mod hint;

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;

use mailvault::base::error::{Endpoint, Error, ErrorKind, PARTIAL, TlsFault};
use mailvault::base::excerpt::LineExcerpt;
use serde_json::{Value, json};

pub(crate) use hint::hint;

use super::output::{Output, Tone};
use super::settings::BadVariable;
use super::text::{count, escape, rfc3339, size, wrap};

/// What somebody needs who has not set it up.
const FIRST_RUN: &str =
    "run 'mailvault init' to set up an account; 'mailvault demo' shows it working";
/// Columns of a message.
pub(crate) const COLUMNS: usize = 80;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says so.
    Error(Error),
    /// There is no vault at the usual place, and no configuration either: nobody has set it up.
    FirstRun(Error),
    /// Something of another class than [`Error`], in words already.
    #[cfg(feature = "offsite")]
    Worded {
        /// Its class.
        kind: ErrorKind,
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The command line asks for what does not go together.
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<BadVariable> for Failure {
    fn from(bad: BadVariable) -> Self {
        Self::usage(
            format!("{} cannot be \"{}\"", bad.name, escape(&bad.value)),
            format!("set it to {}, or unset it", bad.valid),
        )
    }
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Error(error) | Self::FirstRun(error) => error.kind().exit_code(),
            #[cfg(feature = "offsite")]
            Self::Worded { kind, .. } => kind.exit_code(),
            Self::Usage { .. } => ErrorKind::Usage.exit_code(),
        }
    }

    /// Prints it where it belongs.
    pub(crate) fn print(&self, out: &Output) {
        match self {
            Self::Error(error) => print(out, error, None),
            Self::FirstRun(error) => {
                let mut line = to_json(error, None);
                line["hint"] = FIRST_RUN.into();
                out.keep_error(&line);
                out.json("error", line, true);
                out.say(&format!(
                    "{} {}{}",
                    out.label("error:", Tone::Bad),
                    escape(&what(error)),
                    part("hint: ", FIRST_RUN)
                ));
            }
            #[cfg(feature = "offsite")]
            Self::Worded { message, hint, .. } => self.print_words(message, hint.as_deref(), out),
            Self::Usage { message, hint } => self.print_words(message, hint.as_deref(), out),
        }
    }

    fn print_words(&self, message: &str, hint: Option<&str>, out: &Output) {
        let mut text = format!("{} {}", out.label("error:", Tone::Bad), escape(message));
        if let Some(hint) = hint {
            text.push_str(&part("hint: ", hint));
        }
        out.say(&text);
        let code = self.exit_code();
        let line = json!({"code": code_name(code), "exit": code, "message": message, "hint": hint});
        out.keep_error(&line);
        out.json("error", line, true);
    }
}

/// Prints an error, as that of an account if one is named.
pub(crate) fn print(out: &Output, error: &Error, account: Option<&str>) {
    let line = to_json(error, account);
    out.keep_error(&line);
    out.json("error", line, true);
    let code = error.kind().exit_code();
    let mut text = format!(
        "{} {}",
        out.label("error:", Tone::Bad),
        text(error, account)
    );
    if out.verbose > 0 {
        let _ = write!(text, "\n  (exit {code}, {})", code_name(code));
    }
    out.say(&text);
}

/// Prints a warning: a line, and its hint.
pub(crate) fn warn(out: &Output, message: &str, hint: Option<&str>) {
    let mut text = format!("{} {message}", out.label("warning:", Tone::Warn));
    if let Some(hint) = hint {
        text.push_str(&part("hint: ", hint));
    }
    out.say(&text);
}

/// The error in words without its label: a first line that makes sense alone in a log, and the
/// lines that belong to it.
pub(crate) fn text(error: &Error, account: Option<&str>) -> String {
    let first = what(error);
    let first = escape(&first);
    let parts = parts(error, account);
    match account {
        // The message of a missing secret names the account itself.
        Some(account) => format!("{account}: {first}{parts}"),
        None => format!("{first}{parts}"),
    }
}

/// The lines below the first: the server's words, what it showed, and the hint.
pub(crate) fn parts(error: &Error, account: Option<&str>) -> String {
    let mut text = String::new();
    if let Error::ConfigLine {
        excerpt: Some(excerpt),
        ..
    } = error
    {
        text.push_str(&marked(excerpt));
    }
    if let Some(reply) = error.reply() {
        text.push_str(&part("server said: ", &escape(reply)));
    }
    if let Error::Tls {
        reason,
        shown,
        fault: TlsFault::Untrusted | TlsFault::NotPinned,
        ..
    } = error
    {
        text.push_str(&part("reason:  ", &escape(reason)));
        if let Some(shown) = shown {
            text.push_str(&certificate::lines(shown));
        }
        text.push_str("\n  No password was sent.");
    }
    if let Error::NotFound { candidates, .. } = error {
        for candidate in candidates.iter().take(10) {
            let _ = write!(text, "\n  {candidate}");
        }
    }
    if let Some(hint) = hint(error, account) {
        text.push_str(&part("hint: ", &hint));
    }
    text
}

/// What failed, in one line, with its causes; not escaped.
pub(crate) fn what(error: &Error) -> String {
    let mut line = match error {
        Error::Connect { server, source } if source.kind() == io::ErrorKind::ConnectionRefused => {
            return format!("{server} refused the connection");
        }
        // The reason has a line of its own.
        Error::Tls {
            server,
            fault: TlsFault::Untrusted | TlsFault::NotPinned,
            ..
        } => return format!("the certificate of {server} is not trusted"),
        Error::NoSpace {
            needed: Some(needed),
            free: Some(free),
            ..
        } => return format!("{error}: {} needed, {} free", size(*needed), size(*free)),
        Error::Full { done, wanted, .. } => {
            let (done, wanted) = (count(*done), count(*wanted));
            format!("the mailbox is full; {done} of {wanted} messages uploaded")
        }
        _ => error.to_string(),
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text);
        if !line.ends_with(text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// A line of a file, and below it what is wrong in it.
fn marked(excerpt: &LineExcerpt) -> String {
    let line = format!("  {} | ", excerpt.line);
    let gutter = format!("{:>1$}", "| ", line.len());
    let (blanks, mark) = (excerpt.mark.start, excerpt.mark.len());
    let mark = "^".repeat(mark);
    format!("\n{line}{}\n{gutter}{:blanks$}{mark}", excerpt.text, "")
}

/// A labelled part of a message on lines of its own.
pub(crate) fn part(label: &str, words: &str) -> String {
    let first = format!("  {label}");
    let indent = first.len().min(11);
    // The server's words hang less deep, to have room.
    let indent = if label.starts_with("server") {
        4
    } else {
        indent
    };
    format!("\n{}", wrap(words, &first, indent, COLUMNS))
}

/// A fingerprint as it is compared by eye.
pub(crate) fn in_two_lines(fingerprint: &str) -> String {
    match fingerprint.split_at_checked(48) {
        Some((first, second)) => format!("{}\n{second}", first.trim_end_matches(':')),
        None => fingerprint.to_owned(),
    }
}

/// The name of an exit code in JSON.
pub(crate) fn code_name(code: u8) -> &'static str {
    match code {
        0 => "ok",
        2 => "usage",
        3 => "partial",
        10 => "vault_missing",
        11 => "vault_locked",
        12 => "auth_failed",
        13 => "unreachable",
        14 => "tls_untrusted",
        15 => "config",
        16 => "no_space",
        17 => "purge_incomplete",
        18 => "not_found",
        19 => "stale",
        20 => "damaged",
        130 | 143 => "interrupted",
        _ => "failed",
    }
}

/// What the exit code of an earlier run meant, for the status.
pub(crate) fn code_words(code: u8) -> &'static str {
    match code {
        0 => "",
        3 => "incomplete",
        12 => "password or token refused",
        13 => "server unreachable or busy",
        14 => "certificate refused",
        15 => "configuration or secret wrong",
        16 => "no space",
        20 => "damage found",
        130 | 143 => "interrupted",
        _ => "failed",
    }
}

/// What the exit codes of several accounts add up to.
pub(crate) fn together(codes: &[u8]) -> u8 {
    let worked = |code: u8| code == 0 || code == PARTIAL;
    match codes {
        [] => 0,
        _ if codes.iter().all(|code| *code == 0) => 0,
        // The user ended the run, whatever else there was.
        _ if codes.contains(&130) => 130,
        _ if codes.iter().any(|code| worked(*code)) => PARTIAL,
        [first, rest @ ..] if rest.iter().all(|code| code == first) => *first,
        _ => 1,
    }
}

fn to_json(error: &Error, account: Option<&str>) -> Value {
    let code = error.kind().exit_code();
    let mut line = json!({
        "code": code_name(code),
        "exit": code,
        "message": what(error),
        "hint": hint(error, account),
    });
    let mut set = |key: &str, value: Value| line[key] = value;
    if let Some(account) = account {
        set("account", account.into());
    }
    if let Some(server) = server(error) {
        set("host", server.host.clone().into());
        set("port", server.port.into());
    }
    if let Some(reply) = error.reply() {
        set("server_reply", reply.into());
    }
    match error {
        Error::Tls { reason, shown, .. } => {
            set("reason", reason.clone().into());
            let sha256 = shown.as_ref().map(|shown| shown.fingerprint.clone());
            set("sha256", sha256.into());
            if let Some(shown) = shown {
                set("hosts", shown.hosts.clone().into());
                set("from", shown.from.and_then(rfc3339).into());
                set("until", shown.until.and_then(rfc3339).into());
            }
        }
        Error::NotFound { candidates, .. } => set("candidates", candidates.clone().into()),
        Error::NoSpace { needed, free, .. } => {
            set("needed", (*needed).into());
            set("free", (*free).into());
        }
        _ => {}
    }
    line
}

/// The server that an error is about.
fn server(error: &Error) -> Option<&Endpoint> {
    match error {
        Error::Resolve { server, .. }
        | Error::Connect { server, .. }
        | Error::Tls { server, .. }
        | Error::Timeout { server, .. }
        | Error::Lost { server, .. }
        | Error::Auth { server, .. }
        | Error::Token { server, .. }
        | Error::Busy { server, .. }
        | Error::Refused { server, .. }
        | Error::Full { server, .. }
        | Error::Protocol { server, .. }
        | Error::Unsupported { server, .. } => Some(server),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use mailvault::base::certificate::Certificate;

    use super::*;

    fn server() -> Endpoint {
        Endpoint {
            host: "pop.example.org".into(),
            port: 995,
        }
    }

    #[test]
    fn a_refused_password_shows_the_server_its_words_and_what_to_do() {
        let error = Error::Auth {
            server: server(),
            user: "ann@example.org".into(),
            reply: "-ERR [AUTH] no\x1b[2J\u{202e}".into(),
            certain: true,
            scram: false,
        };
        assert_eq!(
            text(&error, Some("work")),
            "work: pop.example.org:995 refused the password for ann@example.org
  server said: -ERR [AUTH] no\\x1b[2J\\u{202e}
  hint: check the password of work; mailvault does not retry it, because that
        could lock the mailbox. 'mailvault login work' stores a new one.
        Providers with two-step sign-in require an app password. Some require
        the user name \"ann\"."
        );
    }

    #[test]
    fn the_trap_of_a_known_provider_is_told() {
        let at = |host: &str, port| Endpoint {
            host: host.into(),
            port,
        };
        let refused = |host: &str, user: &str| {
            let error = Error::Auth {
                server: at(host, 993),
                user: user.into(),
                reply: "no".into(),
                certain: false,
                scram: false,
            };
            hint(&error, Some("home")).unwrap()
        };
        let gmail = refused("imap.gmail.com", "ann@gmail.com");
        assert!(gmail.contains("Gmail requires an app password"), "{gmail}");
        let icloud = refused("imap.mail.me.com", "ann@icloud.com");
        assert!(
            icloud.ends_with("The user name there is \"ann\"."),
            "{icloud}"
        );
        let closed = Error::Connect {
            server: at("pop.gmx.net", 995),
            source: io::Error::from_raw_os_error(111),
        };
        let closed = hint(&closed, Some("home")).unwrap();
        assert!(
            closed.starts_with("GMX requires you to switch on POP3 and IMAP"),
            "{closed}"
        );
        assert!(closed.contains("'mailvault doctor home'"), "{closed}");
        let missing = Error::Resolve {
            server: at("imap.gmial.com", 993),
            source: io::ErrorKind::NotFound.into(),
        };
        let missing = hint(&missing, None).unwrap();
        assert!(
            missing.starts_with("did you mean imap.gmail.com?"),
            "{missing}"
        );
    }

    #[test]
    fn a_refused_certificate_shows_reason_and_fingerprint() {
        let error = Error::Tls {
            server: server(),
            reason: "self-signed".into(),
            shown: Some(Box::new(Certificate {
                fingerprint: vec!["4D"; 32].join(":"),
                ..Certificate::default()
            })),
            fault: TlsFault::Untrusted,
        };
        assert_eq!(
            text(&error, Some("nas")),
            "nas: the certificate of pop.example.org:995 is not trusted
  reason:  self-signed
  sha256:  4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D
           4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D:4D
  No password was sent.
  hint: if this is your own server, compare the fingerprint there, then set
        tls_pin_sha256 (or tls_ca_file) for nas. If not, someone may be between
        you and the server."
        );
    }

    #[test]
    fn causes_are_joined_and_system_numbers_left_out() {
        let refused = Error::Connect {
            server: server(),
            source: io::Error::from_raw_os_error(111),
        };
        assert!(text(&refused, None).starts_with("pop.example.org:995 refused the connection\n"));
        let denied = Error::file("read", "/m".as_ref(), io::Error::from_raw_os_error(13));
        assert!(text(&denied, None).starts_with("cannot read /m: Permission denied\n"));
    }

    #[test]
    fn a_disk_that_fails_is_not_a_catalog_to_delete() {
        let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_WRITE);
        let catalog = Error::Catalog {
            path: "/m/catalog.sqlite".into(),
            source: rusqlite::Error::SqliteFailure(failed, None),
        };
        let file = Error::file("sync", "/m".as_ref(), io::Error::from_raw_os_error(5));
        for error in [catalog, file] {
            assert!(hint(&error, None).unwrap().starts_with("the disk may be"));
        }
    }

    #[test]
    fn a_read_only_disk_is_told_as_such_and_a_full_quota_as_no_space() {
        let of = |number| Error::file("write", "/m".as_ref(), io::Error::from_raw_os_error(number));
        let read_only = text(&of(30), None);
        assert!(
            read_only.starts_with("cannot write /m: Read-only file system\n  hint: nothing can"),
            "{read_only}"
        );
        let quota = of(122);
        assert_eq!(quota.kind().exit_code(), 16);
        let quota = text(&quota, None);
        assert!(
            quota.starts_with("not enough space in /m: Disk quota exceeded\n"),
            "{quota}"
        );
    }

    #[test]
    fn a_full_disk_tells_the_amounts() {
        let error = Error::NoSpace {
            path: "/srv/backup".into(),
            needed: Some(2_040_109_466),
            free: Some(421_527_552),
            source: None,
        };
        assert!(
            text(&error, None)
                .starts_with("not enough space in /srv/backup: 1.9 GiB needed, 402.0 MiB free\n")
        );
    }

    #[test]
    fn a_file_name_cannot_forge_a_line() {
        let error = Error::VaultMissing {
            path: "/m\nerror: no".into(),
        };
        assert!(text(&error, None).starts_with("no vault at /m\\nerror: no\n  hint: "));
    }

    #[test]
    fn no_line_of_a_hint_is_wider_than_80_columns() {
        let error = Error::Timeout {
            server: server(),
            stage: mailvault::base::stage::Stage::of("RETR 5"),
            limit: 60,
        };
        let text = text(&error, Some("an-account-with-a-long-name.example.org"));
        assert!(text.lines().skip(1).all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn several_accounts_add_up() {
        for (codes, sum) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[0, 12], 3),
            (&[12, 12], 12),
            (&[12], 12),
            (&[12, 13], 1),
            (&[3], 3),
            (&[3, 0], 3),
            (&[3, 12], 3),
            (&[0, 130], 130),
        ] {
            assert_eq!(together(codes), sum, "{codes:?}");
        }
    }

    #[test]
    fn every_kind_of_failure_has_a_name_of_its_own() {
        let kinds = [
            ErrorKind::Failed,
            ErrorKind::Usage,
            ErrorKind::VaultMissing,
            ErrorKind::VaultLocked,
            ErrorKind::Auth,
            ErrorKind::Unreachable,
            ErrorKind::Untrusted,
            ErrorKind::Config,
            ErrorKind::NoSpace,
            ErrorKind::NotFound,
            ErrorKind::Damaged,
            ErrorKind::Interrupted,
        ];
        let mut names: Vec<_> = kinds
            .iter()
            .map(|kind| code_name(kind.exit_code()))
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), kinds.len());
    }
}
