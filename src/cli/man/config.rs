//! mailvault-config(5): the configuration file.

use super::roff::ManualText;
use super::{MANUAL, SOURCE};

const EXAMPLE: &[&str] = &[
    "vault = \"~/mail\"",
    "",
    "[defaults]",
    "timeout = \"90s\"",
    "",
    "[accounts.work]",
    "host = \"pop.example.org\"",
    "user = \"ann@example.org\"",
    "password_command = [\"pass\", \"show\", \"mail/work\"]",
    "",
    "[accounts.work.purge]",
    "older_than = \"90d\"",
    "keep = [\"from:boss@example.org\"]",
    "",
    "[accounts.office]",
    "protocol = \"imap\"",
    "host = \"outlook.office365.com\"",
    "user = \"ann@example.com\"",
    "auth = \"xoauth2\"",
    "token_file = \"secret-office\"",
    "",
    "[accounts.office.oauth]",
    "client_id = \"01234567-89ab-cdef-0123-456789abcdef\"",
];

const TOP: &[(&str, &str)] = &[
    (
        "vault",
        "Directory of the vault. Default: ~/.local/share/mailvault. --vault and \
         MAILVAULT_VAULT override it.",
    ),
    (
        "[defaults]",
        "Account keys that apply to all accounts which do not set them. Not allowed: stored_as, host, user, \
         allow_plaintext, accept_refused, accept_short, the secrets, and the tables purge and oauth.",
    ),
    (
        "[accounts.NAME]",
        "An account. Choose a NAME of up to 64 characters a-z 0-9 . _ - that begins with a \
         letter or digit.",
    ),
];

const ACCOUNT: &[(&str, &str)] = &[
    (
        "protocol",
        "\"pop3\" (the inbox, the default), \"imap\" (all folders), or \"auto\" (POP3 for the \
         inbox, IMAP for folders and if there is no POP3).",
    ),
    (
        "stored_as",
        "The name that the account has in the vault, if it was renamed; mailvault account rename \
         sets it. Default: the account's name.",
    ),
    ("host", "The server. Required."),
    (
        "port",
        "The port, if it is not the usual one: 995 or 110 for POP3, 993 or 143 for IMAP.",
    ),
    (
        "imap_port",
        "The port of IMAP for protocol \"auto\" and for pull --all-folders.",
    ),
    (
        "tls",
        "\"tls\" (from the first byte, the default), \"starttls\", or \"none\", which is \
         accepted for this machine only.",
    ),
    (
        "tls_ca_file",
        "A CA certificate (PEM) to trust instead of the system's authorities.",
    ),
    (
        "tls_pin_sha256",
        "The SHA-256 of the only certificate to accept, instead of any other check.",
    ),
    (
        "allow_plaintext",
        "true permits tls = \"none\" to another machine: password and mail are sent unencrypted.",
    ),
    ("user", "The user name. Required."),
    (
        "auth",
        "How to sign in: \"auto\" (the best that the server offers, the default), \"password\", \
         \"plain\", \"login\", \"scram-sha-256\", \"scram-sha-256-plus\", \"user\" (the \
         protocol's own), or, with a token, \"xoauth2\" or \"oauthbearer\".",
    ),
    (
        "timeout",
        "How long the server may stay silent, from 1 second to 1 hour, such as \"90s\" or \
         \"5m\". Default: \"60s\".",
    ),
    (
        "retries",
        "How often to reconnect in a row without progress. Default: 3.",
    ),
    (
        "dedupe",
        "What is stored once: \"message-id\" (equal Message-ID and equal content, by whatever \
         route it came; the default) or \"exact\" (equal bytes).",
    ),
    (
        "recognise",
        "Whether a message may be recognised by its header and size before it is received: \
         \"never\" (the default), which still recognises a large mailbox that was renumbered \
         as a whole, or \"header\". Recognised messages are received and compared later.",
    ),
    (
        "zstd_level",
        "The compression level, from 1 to 9. Default: 2.",
    ),
    (
        "connections",
        "Simultaneous IMAP connections, from 1 to 4. Default: 1.",
    ),
    (
        "folders",
        "IMAP folders to fetch, with * for any text and / between levels. Default: [\"*\"].",
    ),
    ("exclude", "IMAP folders to leave out. Default: none."),
    (
        "pull",
        "false leaves the account out of a pull that names no accounts. Default: true.",
    ),
    (
        "accept_refused",
        "Names of messages that the server refuses to send, and whose loss you accept.",
    ),
    (
        "accept_short",
        "Names of messages that arrive complete although the server lists another size.",
    ),
    (
        "covers",
        "What an audit covers: \"account\" (the default) or \"inbox\", for an account without \
         other folders.",
    ),
];

const SECRETS: &[(&str, &str)] = &[
    (
        "password_file",
        "The first line of a file that only you can read (chmod 600).",
    ),
    (
        "password_command",
        "The first line that a program prints. A list is run directly, a string by sh(1).",
    ),
    ("password_env", "An environment variable, for containers."),
    (
        "password_keyring",
        "true: the desktop's keyring, where 'mailvault login' puts the password. cron(8) cannot \
         reach \
         it. Needs a mailvault with the feature keyring.",
    ),
    (
        "token_command",
        "The first line that a program prints is an access token, for auth \"xoauth2\" or \
         \"oauthbearer\".",
    ),
    (
        "token_file",
        "A file that only you can read, in which 'mailvault login' keeps a refresh token; every \
         sign-in exchanges it for an access token. Needs the table oauth, and a mailvault with the \
         feature oauth.",
    ),
];

const OAUTH: &[(&str, &str)] = &[
    (
        "client_id",
        "The client id of your own registration with the service. Required.",
    ),
    (
        "client_secret_file",
        "A file that only you can read, with the client secret, as Google calls it, of a desktop \
         program.",
    ),
    (
        "provider",
        "\"microsoft\" or \"google\", if it cannot be derived from the account's host.",
    ),
    (
        "device_url",
        "The address that issues codes for another device (RFC 8628).",
    ),
    ("authorize_url", "The page for a browser on this machine."),
    ("token_url", "The address that issues tokens."),
    ("scope", "The scope to request."),
    (
        "ca_file",
        "A CA certificate (PEM) to trust for these addresses, instead of the system's authorities.",
    ),
];

const PURGE: &[(&str, &str)] = &[
    (
        "older_than",
        "Only mail older than this, such as \"90d\"; units are min h d w mo y.",
    ),
    ("keep_newest", "Never delete the newest N messages."),
    (
        "require_offsite",
        "Delete only what this second copy has: the name of a table [offsite.NAME] whose private \
         key was tried.",
    ),
    (
        "keep",
        "Never delete messages that match one of these queries; see mailvault-search(1).",
    ),
];

const RETENTION: &[(&str, &str)] = &[
    (
        "keep",
        "Never forget messages that match one of these queries, whatever their age.",
    ),
    (
        "forget_after",
        "What to forget: a list of tables with a query and an age of at least one day, such as \
         [{ query = \"folder:Spam\", age = \"90d\" }]. The age is that of the received date; a \
         message without a known date is never old.",
    ),
];

const NOTIFY: &[(&str, &str)] = &[
    (
        "on_failure",
        "A program and its arguments, run without a shell when a command failed. It gets a JSON \
         object on its standard input.",
    ),
    (
        "on_recovery",
        "The same, run at the first success after a failure.",
    ),
    (
        "ping",
        "An address that mailvault calls (GET) when a pull has succeeded; with /fail at the end of \
         its path when a pull failed. Needs https://, or http:// to this machine, and a mailvault \
         with the feature oauth or offsite.",
    ),
];

const OFFSITE: &[(&str, &str)] = &[
    (
        "url",
        "Where the second copy is: \"s3://BUCKET/PREFIX\", \"file:///PATH\", or \"rclone:REMOTE:PATH\" \
         with a remote that rclone config made. Required. A credential in it is an error.",
    ),
    (
        "endpoint",
        "The address of the object storage. Default: Amazon's own for the region. http:// is for \
         this machine only.",
    ),
    ("region", "The region of the bucket. Default: us-east-1."),
    (
        "path_style",
        "true puts the bucket into the path of the address, false into its host. Default: true \
         with an endpoint.",
    ),
    (
        "credentials_command",
        "A shell command, or a list of a program and its arguments, that prints the key id in the \
         first line, the secret in the second, and a session token in the third if there is one.",
    ),
    (
        "credentials_file",
        "A file with these lines that only you can read (chmod 600). Without either, the \
         variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN count.",
    ),
    (
        "ca_file",
        "Authorities (PEM) to trust for the object storage instead of the system's.",
    ),
    (
        "recipients",
        "Public keys of age that the copy is encrypted to; required. Each of them alone can \
         read it.",
    ),
    (
        "limit_rate",
        "Bytes per second to send and receive at most, such as \"5M\".",
    ),
];

/// The page.
pub(super) fn page() -> String {
    let mut roff = ManualText::title("mailvault-config", "5", SOURCE, MANUAL);
    roff.section("NAME");
    roff.text("mailvault-config - the configuration file of mailvault");
    roff.section("DESCRIPTION");
    roff.text(
        "~/.config/mailvault/config.toml is a text file in TOML. 'mailvault init' writes it, \
         'mailvault config check' checks it, and 'mailvault config show' prints every effective \
         setting. An unknown key is an error. Relative paths start at the directory of the file, \
         and a leading ~ is the home directory.",
    );
    roff.text(
        "The file never holds a password. Others may read it, but nobody else may write to it, \
         because it names programs to run.",
    );
    roff.section("EXAMPLE");
    roff.example(EXAMPLE);
    roff.section("TOP LEVEL");
    roff.tagged(TOP);
    roff.section("ACCOUNTS");
    roff.tagged(ACCOUNT);
    roff.section("PASSWORDS AND TOKENS");
    roff.text(
        "Set at most one of these per account. Without any, mailvault uses the systemd \
         credential with the account's name, or asks at the terminal.",
    );
    roff.tagged(SECRETS);
    roff.section("OAUTH");
    roff.text(
        "The table [accounts.NAME.oauth] says where the access tokens of a token_file come from. \
         For Microsoft and Google, mailvault knows the addresses and the scope.",
    );
    roff.tagged(OAUTH);
    roff.section("PURGE");
    roff.text(
        "The table [accounts.NAME.purge] is the rule for 'mailvault pull --purge'; on its own it \
         deletes nothing. keep_newest, keep and require_offsite also apply to 'mailvault purge'.",
    );
    roff.tagged(PURGE);
    roff.section("RETENTION");
    roff.text(
        "The table [retention] says what 'mailvault forget --by-rule' removes from the vault for \
         good; on its own it removes nothing.",
    );
    roff.tagged(RETENTION);
    roff.section("NOTIFY");
    roff.text(
        "The table [notify] says who is told how a run ended: of 'mailvault pull', 'purge', \
         'verify', 'audit' and 'status --max-age', but not with --dry-run, and not if the run was \
         interrupted. Each may take 30 seconds. If one fails, that is a warning and changes no \
         exit code.",
    );
    roff.tagged(NOTIFY);
    roff.section("SECOND COPY");
    roff.text(
        "A table [offsite.NAME] says where a second copy of the vault is kept. endpoint, region, \
         path_style, the credentials and ca_file are for s3:// only.",
    );
    roff.tagged(OFFSITE);
    roff.section("FILES");
    roff.text(
        "$XDG_CONFIG_HOME/mailvault/config.toml or ~/.config/mailvault/config.toml, else \
         /etc/mailvault/config.toml. --config and MAILVAULT_CONFIG name another.",
    );
    roff.section("SEE ALSO");
    roff.text("mailvault(1), mailvault-init(1), mailvault-login(1), mailvault-config(1)");
    roff.end()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::path::Path;

    use mailvault::account::config::Config;
    use mailvault::base::error::Error;

    use super::*;

    /// The keys that a table takes, by what is said of one that it does not.
    fn known(text: &str) -> BTreeSet<String> {
        let text = format!("{text}\nwhatisthis_zzzzzzzzzzzzzzzzz = 1");
        let error = Config::parse(&text, Path::new("c"), None).unwrap_err();
        let Error::ConfigLine { message, .. } = error else {
            panic!("another error");
        };
        let (_, list) = message.split_once("expected ").unwrap();
        let keys = list.split('`').skip(1).step_by(2);
        keys.map(str::to_owned).collect()
    }

    fn told(rows: &[&[(&str, &str)]]) -> BTreeSet<String> {
        let names = rows.iter().flat_map(|rows| rows.iter());
        names.map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn every_key_has_its_words_and_no_other() {
        let mut account = known("[accounts.a]");
        account.retain(|key| !["purge", "oauth"].contains(&key.as_str()));
        assert_eq!(told(&[ACCOUNT, SECRETS]), account);
        assert_eq!(told(&[OAUTH]), known("[accounts.a.oauth]"));
        assert_eq!(told(&[PURGE]), known("[accounts.a.purge]"));
        assert_eq!(told(&[RETENTION]), known("[retention]"));
        assert_eq!(told(&[NOTIFY]), known("[notify]"));
        assert_eq!(told(&[OFFSITE]), known("[offsite.a]"));
    }

    #[cfg(all(feature = "oauth", feature = "keyring"))]
    #[test]
    fn the_example_is_a_configuration() {
        let text = EXAMPLE.join("\n");
        let config = Config::parse(&text, Path::new("/c"), Some(Path::new("/h"))).unwrap();
        assert_eq!(config.accounts.len(), 2);
    }
}
