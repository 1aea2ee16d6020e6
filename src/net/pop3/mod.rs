//! POP3 (RFC 1939) with CAPA, PIPELINING and response codes (RFC 2449, RFC 3206),
//! STLS (RFC 2595), AUTH (RFC 5034) and UTF8 (RFC 6856).
//!
//! `reply`, `multiline` and `capability` are pure; `wire` reads and writes lines;
//! `login` and `session` are the dialogue. A session never sends QUIT while
//! unwinding: dropping it is the safe way out, and deletes nothing.

mod capability;
mod delete;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod login;
mod multiline;
mod reply;
mod session;
mod wire;

pub use capability::Pop3Capabilities;
pub use session::{Dialect, Pop3Session};
