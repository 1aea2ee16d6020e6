//! For tests; never for use: each parser of what strangers send, given any bytes, with what must
//! hold whatever they are.
//!
//! Each function is one target of `fuzz/`, and panics if something does not hold. Unit tests give
//! the same functions random bytes, and the seeds of the targets.

use chrono::DateTime;

use crate::account::{config, oauth as sign_in};
use crate::mail::{mbox as mbox_file, message as mail, query as search, readable as shown, words};
use crate::net::{imap as imap_wire, pop3 as pop3_wire, sasl as login, transport};
use crate::vault::{frame as file, layout, ledger as record};
use crate::{export, import, pull};

/// Answers of POP3 line by line, unique-ids, and dot-stuffing.
pub fn pop3(data: &[u8]) {
    pop3_wire::fuzzing::assert_any(data);
    pull::assert_any_uidl(data);
}

/// A whole session of POP3.
pub fn pop3_session(data: &[u8]) {
    pop3_wire::fuzzing::assert_any_session(data);
}

/// Answers of IMAP one by one: tokens, replies, FETCH, LIST, STATUS, NAMESPACE, QUOTA, sets.
pub fn imap(data: &[u8]) {
    imap_wire::fuzzing::assert_any(data);
}

/// A whole session of IMAP.
pub fn imap_session(data: &[u8]) {
    imap_wire::fuzzing::assert_any_session(data);
}

/// A transfer over IMAP of four messages, with BINARY if the number of bytes is odd.
pub fn imap_transfer(data: &[u8]) {
    imap_wire::fuzzing::assert_any_transfer(data, data.len() % 2 == 1);
}

/// Challenges of SASL, one a line.
pub fn sasl(data: &[u8]) {
    login::assert_any(data);
}

/// Answers of a name server.
pub fn lookup(data: &[u8]) {
    transport::assert_any_lookup(data);
}

/// A certificate in DER.
pub fn certificate(data: &[u8]) {
    transport::assert_any_certificate(data);
}

/// Names: of mailboxes in modified UTF-7, of directories and files in a vault, and `vault.toml`.
pub fn names(data: &[u8]) {
    imap_wire::fuzzing::assert_any_name(data);
    layout::names::assert_any(data);
    layout::assert_any(&String::from_utf8_lossy(data));
}

/// Identity, likeness and header of a message.
pub fn message(data: &[u8]) {
    mail::fuzzing::assert_any(data);
}

/// A message in readable form.
pub fn readable(data: &[u8]) {
    shown::assert_any(data);
}

/// HTML that becomes part of a page.
pub fn html(data: &[u8]) {
    export::assert_any_html(&String::from_utf8_lossy(data));
}

/// An mbox file.
pub fn mbox(data: &[u8]) {
    mbox_file::fuzzing::assert_any(data);
}

/// The labels of Google Takeout.
pub fn labels(data: &[u8]) {
    import::assert_any_labels(data);
}

/// Lines of a ledger.
pub fn ledger(data: &[u8]) {
    record::fuzzing::assert_any(data);
}

/// A message file.
pub fn frame(data: &[u8]) {
    file::assert_any(data);
}

/// A configuration, or the URL of an account.
pub fn configuration(data: &[u8]) {
    config::assert_any(&String::from_utf8_lossy(data));
}

/// A query, and the words of a text.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    search::assert_any(&text, DateTime::UNIX_EPOCH);
    words::assert_any(&text);
}

/// Answers of a token service, and requests of a browser.
pub fn oauth(data: &[u8]) {
    sign_in::fuzzing::assert_any(data);
}

/// An object of a second copy, and a head.
pub fn offsite(data: &[u8]) {
    #[cfg(feature = "offsite")]
    crate::offsite::assert_any(data);
    #[cfg(not(feature = "offsite"))]
    let _ = data;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 20] = [
        ("pop3", pop3),
        ("pop3_session", pop3_session),
        ("imap", imap),
        ("imap_session", imap_session),
        ("imap_transfer", imap_transfer),
        ("sasl", sasl),
        ("lookup", lookup),
        ("certificate", certificate),
        ("names", names),
        ("message", message),
        ("readable", readable),
        ("html", html),
        ("mbox", mbox),
        ("labels", labels),
        ("ledger", ledger),
        ("frame", frame),
        ("configuration", configuration),
        ("query", query),
        ("oauth", oauth),
        ("offsite", offsite),
    ];

    /// What lies in a folder, without the ends of its names.
    fn stems(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(&entry.unwrap().path())).collect()
    }

    #[test]
    fn every_function_is_a_target_that_has_seeds_and_stands_them() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let known: BTreeSet<String> = TARGETS.map(|(name, _)| name.to_owned()).into();
        assert_eq!(stems(&fuzz.join("fuzz_targets")), known);
        assert_eq!(stems(&fuzz.join("seeds")), known);
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for (name, target) in TARGETS {
            assert!(
                manifest.contains(&format!("\nname = \"{name}\"\n")),
                "{name}"
            );
            let target_file = fuzz.join(format!("fuzz_targets/{name}.rs"));
            let called = format!("mailvault::fuzzing::{name}(data)");
            assert!(
                fs::read_to_string(target_file).unwrap().contains(&called),
                "{name}"
            );
            for seed in fs::read_dir(fuzz.join("seeds").join(name)).unwrap() {
                target(&fs::read(seed.unwrap().path()).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_given_to_every_target(
            data in prop::collection::vec(any::<u8>(), 0..100), text in "[ -~\\r\\n]{0,100}",
        ) {
            for (_, target) in TARGETS {
                target(&data);
                target(text.as_bytes());
            }
        }
    }
}
