//! The wire: connections, signing in, POP3 and IMAP. The two protocols do not know each other.

mod channel;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod deaf;
pub(crate) mod http;
pub mod imap;
pub mod pop3;
pub mod sasl;
pub mod transport;
