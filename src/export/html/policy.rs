//! The Content-Security-Policy of all pages (CSP Level 3), and the one script that it allows.
//!
//! The script only opens the message that an address names, gives a frame the height of its mail,
//! shows times in the reader's zone and moves the focus with keys. Pages work without it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The script, which stands in each page: a page from the disk may load no other.
pub(super) const SCRIPT: &str = include_str!("../../../templates/archive/page.js");

/// Nothing is loaded but our style sheet and pictures that lie next to the pages, and nothing runs
/// but our script. Some browsers do not take the neighbours of a page on the disk for `'self'`.
pub(super) fn policy() -> String {
    let hash = hash(SCRIPT);
    format!(
        "default-src 'none'; script-src '{hash}'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' file:; form-action 'none'; base-uri 'none'"
    )
}

/// The policy of a page whose script may load others, which it alone chooses.
pub(super) fn loading(script: &str) -> String {
    let hash = hash(script);
    format!(
        "default-src 'none'; script-src '{hash}' 'strict-dynamic'; style-src 'self' \
         'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
    )
}

fn hash(script: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
    format!("sha256-{hash}")
}
