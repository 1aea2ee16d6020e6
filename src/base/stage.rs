//! What a session with a server was about when it failed.

use std::borrow::Cow;
use std::fmt;

/// A stage of a session. Shown to people as the command that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Making the connection.
    Connecting,
    /// Waiting for the server's first line.
    Greeting,
    /// The TLS handshake.
    Handshake,
    /// Asking POP3 for its capabilities.
    Capa,
    /// Asking POP3 for TLS.
    Stls,
    /// Sending POP3 a name or a password.
    SignIn(&'static str),
    /// Anything else, by the command or a few words.
    Command(Cow<'static, str>),
}

impl Stage {
    /// The stage that a command belongs to.
    #[must_use]
    pub fn of(command: &str) -> Self {
        match command {
            "CAPA" => Self::Capa,
            "STLS" => Self::Stls,
            "USER" => Self::SignIn("USER"),
            "PASS" => Self::SignIn("PASS"),
            "AUTH" => Self::SignIn("AUTH"),
            other => Self::Command(other.to_owned().into()),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Greeting => "greeting",
            Self::Handshake => "TLS handshake",
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::SignIn(command) => command,
            Self::Command(words) => words,
        })
    }
}
