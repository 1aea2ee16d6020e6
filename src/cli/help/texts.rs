//! Texts that help and manual pages share: exit codes, files, environment, queries, JSON.

/// Words, each with its meaning.
pub(crate) type TextRows = &'static [(&'static str, &'static str)];

/// Every exit code and what it means.
pub(crate) const CODES: TextRows = &[
    ("0", "done, even if nothing was new"),
    ("1", "another failure, or several different ones"),
    ("2", "the command line is wrong"),
    (
        "3",
        "partly done: a message or an account failed, the rest is stored",
    ),
    (
        "10",
        "there is no vault, or no place for a second copy, where one is expected",
    ),
    (
        "11",
        "another mailvault is writing to the vault, or pushing to the same place",
    ),
    (
        "12",
        "a password, token or key was refused, or the copy in a place is not of this vault",
    ),
    ("13", "the server is unreachable or busy; try later"),
    ("14", "the certificate is not trusted"),
    ("15", "the configuration or a secret is wrong or missing"),
    (
        "16",
        "no space on the disk, in a mailbox that receives an export, or in the place of a second \
         copy",
    ),
    (
        "17",
        "the server did not confirm what it was asked to delete",
    ),
    ("18", "no message matches, or the id matches several"),
    ("19", "a pull is overdue, as asked with status --max-age"),
    ("20", "the vault or a second copy of it is damaged"),
    (
        "130, 143",
        "interrupted, after finishing the current message",
    ),
];

pub(crate) const CODES_NOTE: &str = "If several accounts were asked for and only some failed, \
    the code is 3. If all failed alike, it is the code of that failure. A script should take any \
    other code for a failure, too. With --json, the last line repeats the code.";

/// What is read and written where nothing else is said.
pub(crate) const FILES: TextRows = &[
    (
        "~/.config/mailvault/config.toml",
        "the configuration, below $XDG_CONFIG_HOME if that is set; see mailvault-config(5)",
    ),
    (
        "/etc/mailvault/config.toml",
        "the configuration of the machine, read if there is no other",
    ),
    (
        "~/.config/mailvault/secret-NAME",
        "where init keeps the password of the account NAME, mode 600",
    ),
    (
        "~/.local/state/mailvault",
        "how often each command failed in a row, below $XDG_STATE_HOME if that is set",
    ),
    (
        "~/.local/share/mailvault",
        "the vault, below $XDG_DATA_HOME if that is set; each message is a file \
         compressed with zstd(1)",
    ),
];

/// What of the environment counts.
pub(crate) const VARIABLES: TextRows = &[
    ("MAILVAULT_CONFIG", "the configuration file, as --config"),
    ("MAILVAULT_VAULT", "the vault, as --vault"),
    ("MAILVAULT_QUIET", "1 as --quiet"),
    ("MAILVAULT_VERBOSE", "1 as -v, 2 as -vv"),
    ("MAILVAULT_JSON", "1 as --json"),
    ("MAILVAULT_COLOR", "auto, always or never, as --color"),
    ("MAILVAULT_NO_PROGRESS", "1 as --no-progress"),
    ("MAILVAULT_NO_INPUT", "1 as --no-input"),
    (
        "MAILVAULT_PAGER, PAGER",
        "the program that shows long results on a terminal, by default less; empty or cat for \
         none",
    ),
    ("VISUAL, EDITOR", "the editor of config edit, by default vi"),
    (
        "NO_COLOR, CLICOLOR_FORCE",
        "never use colour, or always use it",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "where systemd(1) puts credentials: one with the name of an account is its \
         password, where the account has no other",
    ),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME",
        "where configurations and data are, if not in ~/.config and ~/.local/share",
    ),
    (
        "XDG_STATE_HOME",
        "where failures are counted, if not in ~/.local/state",
    ),
];

pub(crate) const VARIABLES_NOTE: &str =
    "A flag overrides a variable, and a variable overrides the configuration.";

/// Every term of a query.
pub(crate) const QUERY: TextRows = &[
    (
        "invoice",
        "a word anywhere in addresses, subject, text or names of attachments; it also finds \
         invoices, but a word of one or two letters matches whole words only",
    ),
    ("\"two words\"", "words that follow each other"),
    ("from:ann", "in the sender, also within words"),
    ("to:ann", "in To, Cc or Bcc"),
    ("subject:invoice", "in the subject"),
    ("account:work", "mail of this account"),
    (
        "folder:INBOX",
        "a folder by its full name, with / between levels; folder:Lists/* means every folder \
         below Lists",
    ),
    (
        "id:4f2a",
        "a message by its id, or by at least its first four digits",
    ),
    ("msgid:1234@example.org", "a message by its Message-ID"),
    ("has:attachment", "with an attachment"),
    (
        "after:2020-01-31",
        "received on that day or later; after:2020 and after:2020-01 are the start of the year \
         and of the month, in UTC",
    ),
    (
        "before:2021",
        "received earlier; after:2019 before:2020 is one year",
    ),
    (
        "older:90d, newer:7d",
        "by age: min, h, d, w, mo (30 days) and y (365 days)",
    ),
    (
        "weekday:sat, hour:14",
        "received on a Saturday; received between 14:00 and 15:00, in UTC. Negated, they also \
         match what has no date",
    ),
    (
        "larger:5M, smaller:10K",
        "by size: K, M and G are powers of 1024",
    ),
    (
        "on:server",
        "what the server still has as of the last pull; over POP3, what mailvault has not deleted \
         there",
    ),
    (
        "is:recognised",
        "alike in header and size to a message in the vault; compared later",
    ),
    (
        "is:doubtful",
        "what came is not what the server listed; fetched again",
    ),
    ("is:settled", "came twice alike, though not as listed"),
    (
        "is:superseded",
        "replaced by what the server sent for it later",
    ),
];

pub(crate) const QUERY_NOTES: &[&str] = &[
    "All terms must match; there is no OR. A leading minus negates a term, as in -from:bank; \
     before a negated plain word, put --. Case and accents do not matter.",
    "search, log, export, stats, forget, hold and purge --match take a query, and the setting keep is a list of \
     queries.",
];

/// What a program can count on.
pub(crate) const JSON_NOTES: &[&str] = &[
    "With --json, every command prints only JSON lines on stdout, whether it succeeds or fails. \
     Each line is an object with \"v\":1 and a \"type\". The last line has the type summary: the \
     command, its status, what it counted, and the exit code as \"exit\".",
    "Sizes are in bytes, times are in UTC as in RFC 3339, durations are in seconds, and ids have \
     all their digits. Nothing is printed on stderr unless you ask for it with -v.",
    "Later versions may add types and fields, so ignore what you do not know. A field that exists \
     keeps its meaning as long as \"v\" is 1. docs/json.md describes every field, and \
     docs/json.schema.json is a JSON schema of them.",
];

/// The types of lines.
pub(crate) const JSON_TYPES: TextRows = &[
    ("start", "which command works on which accounts"),
    ("progress", "how far a transfer is"),
    (
        "notice",
        "what an account's server or mail asks you to know",
    ),
    ("account", "what became of an account"),
    ("folder", "what became of a folder"),
    (
        "folder_failed",
        "a folder that the server refused to open or list",
    ),
    ("message", "a message: of a search, or to be read"),
    ("log", "something that happened to the vault"),
    ("life", "where a message is, in the vault and on servers"),
    ("event", "something that happened to a message"),
    ("header", "the header of a message"),
    ("saved", "a file that was written"),
    ("status", "an account in the vault"),
    (
        "forget",
        "messages that were forgotten, by number, time and reason",
    ),
    ("hold", "a hold, which keeps messages from being forgotten"),
    (
        "held",
        "how many of the messages that are to be forgotten a hold covers",
    ),
    (
        "retention, notify",
        "the tables of these names of the configuration",
    ),
    (
        "notify_failed",
        "a program or a ping of [notify] that failed, and why",
    ),
    ("offsite", "a table [offsite.NAME] of the configuration"),
    (
        "place, place_status",
        "a place of a second copy that was set up, and what it lacks",
    ),
    ("place_push", "a push that a place has"),
    ("push, push_plan", "what a push sent, or would send"),
    (
        "place_damage",
        "an object of a second copy that is missing or damaged",
    ),
    (
        "put_back",
        "what verify --repair --from put back from a second copy",
    ),
    (
        "not_restored",
        "a message that no object of the copy has that can be read",
    ),
    (
        "on_server",
        "how many of the messages that are to be forgotten a server has",
    ),
    (
        "group, rest",
        "a row of statistics, and what they leave out",
    ),
    ("check", "a check of doctor"),
    ("damage", "what verify found"),
    ("plan", "what a purge would delete"),
    ("purge", "what became of an account in a purge after a pull"),
    ("kept", "what a purge kept, and why"),
    (
        "refused",
        "a message that a server refused to send or to take",
    ),
    ("changed", "a message that an upload had to change"),
    ("doubled", "a message that an upload may have stored twice"),
    (
        "renamed",
        "a folder that has another name where it was copied to",
    ),
    ("left_out", "a message that could not be copied"),
    (
        "changed_file",
        "an exported file that another program changed",
    ),
    (
        "unlinked_file",
        "a file of an earlier export that no page leads to any more",
    ),
    ("doubt", "a message that the server may refuse"),
    ("server", "what a server that receives mail can do"),
    ("unread, skipped", "a file that an import could not use"),
    ("config", "a configuration"),
    ("login", "where a password or token was stored"),
    ("authorize", "where to sign in with a browser"),
    ("step, serving", "a step of the demo, or its server"),
    ("completions", "a script for a shell"),
    ("help", "a text of help"),
    ("error", "a failure, with its code, hint and exit code"),
    ("summary", "the last line"),
];
