//! Looks at everything that a pull needs, and tells what it found as data; what it means is
//! for the command line to say.
//!
//! It signs in as a pull does, once an account, and changes nothing on the server.

mod server;
mod vault;

pub use server::{Fact, Point, Tell, UidlQuality, server};
pub use vault::{VaultFacts, vault};
