//! Trace: header fields that say which way a copy came and where it lies, and so differ between
//! two copies of one mail. Likeness leaves them out (docs/FORMAT.md, "Likeness").
//!
//! A name is here only if servers on the way or the program that keeps a copy add it to mail that
//! others wrote; each has its source. What a program writes into mail that it composes is no trace,
//! though it may look like it (`X-Identity-Key`, `X-Mozilla-Draft-Info`, Sylpheed's queue fields):
//! every copy has it. Nor is what stands in mail that a program writes again, as readpst does
//! (`X-libpst-forensic-…`): its body differs as well.

/// Whether a field of this lower-case name is trace.
pub(super) fn is_trace(name: &[u8]) -> bool {
    is_of_servers(name) || is_of_mail_stores(name) || is_of_programs(name) || is_of_filters(name)
}

fn begins(name: &[u8], prefixes: &[&[u8]]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// What servers add on the way and at delivery.
fn is_of_servers(name: &[u8]) -> bool {
    match name.first() {
        Some(b'a') => name == b"authentication-results" || name.starts_with(b"arc-"),
        Some(b'd') => matches!(name, b"delivered-to" | b"delivery-date"),
        // getmail, fetchmail, mpop and fdm add a Received field, and getmail these three.
        Some(b'r') => matches!(name, b"received" | b"received-spf" | b"return-path"),
        Some(b'e') => name == b"envelope-to",
        Some(b'x') => {
            matches!(name, b"x-original-to" | b"x-envelope-to" | b"x-received")
                // Also what Google Takeout adds (X-GM-THRID, X-Gmail-Labels), and getmail
                // (X-GMAIL-LABELS, X-GMAIL-MSGID, X-GMAIL-THRID: getmailcore/_retrieverbases.py).
                || begins(name, &[b"x-gm-", b"x-gmail-", b"x-google-", b"x-ms-exchange-"])
        }
        _ => false,
    }
}

/// What programs keep in mbox files of the state of a message.
fn is_of_mail_stores(name: &[u8]) -> bool {
    matches!(
        name,
        // Dovecot (mbox-storage.c, mbox_hide_headers), c-client (unix.c) and mutt (copy.c).
        b"status"
            | b"x-status"
            | b"x-keywords"
            | b"x-uid"
            | b"x-imap"
            | b"x-imapbase"
            | b"content-length"
            | b"lines"
            // qpopper and mailutils, and Thunderbird for what it fetched over POP3.
            | b"x-uidl"
            // Thunderbird (mailnews/local/src/nsPop3Sink.cpp, nsLocalMailFolder.cpp).
            | b"x-account-key"
            | b"x-mozilla-status"
            | b"x-mozilla-status2"
            | b"x-mozilla-keys"
    )
}

/// What other mail programs add to the copies that they keep or send to a server.
fn is_of_programs(name: &[u8]) -> bool {
    matches!(
        name,
        // mbsync (isync, src/sync_msg.c, copy_msg_convert).
        b"x-tuid"
            // Evolution (camel-local-summary.c, camel-mime-message.c, camel-pop3-folder.c).
            | b"x-evolution"
            // fetchmail (transact.c, readheaders).
            | b"x-fetchmail-warning"
            // OfflineIMAP, on servers without UIDPLUS (offlineimap/folder/IMAP.py).
            | b"x-offlineimap"
            // KMail for IMAP (kmfoldercachedimap.cpp).
            | b"x-length"
            // Gnus (nnmail.el, nnml.el, nnfolder.el).
            | b"x-from-line"
            | b"x-gnus-article-number"
            | b"x-gnus-mail-source"
            | b"xref"
            // Rmail (rmail.el).
            | b"x-rmail-attributes"
            | b"x-rmail-keywords"
    ) || begins(
        name,
        &[
            b"x-evolution-",
            // getmail (getmailcore/_retrieverbases.py, filters.py).
            b"x-getmail-",
            // KMail removes these before it sends (kmmessage.cpp, removePrivateHeaderFields).
            b"x-kmail-",
            b"x-offlineimap-",
            // VM (vm-vars.el).
            b"x-vm-",
        ],
    )
}

/// What filters add between the server and the mail program.
fn is_of_filters(name: &[u8]) -> bool {
    // Bogofilter (bogofilter.cf, spam_header_name) and POPFile (Classifier/Bayes.pm).
    matches!(
        name,
        b"x-bogosity" | b"x-popfile-link" | b"x-text-classification"
    )
        // SpamAssassin, and SpamBayes (spambayes/Options.py).
        || begins(name, &[b"x-spam-", b"x-spambayes-"])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::super::{Hash128, Scanner};
    use super::is_trace;

    /// One of each kind, as programs write them.
    const TRACE: [&str; 42] = [
        "Received",
        "Return-Path",
        "Delivered-To",
        "X-Original-To",
        "Envelope-to",
        "Delivery-date",
        "Authentication-Results",
        "ARC-Seal",
        "X-Received",
        "Status",
        "X-Status",
        "X-Keywords",
        "X-UID",
        "X-UIDL",
        "X-IMAP",
        "X-IMAPbase",
        "Content-Length",
        "Lines",
        "X-Account-Key",
        "X-Mozilla-Status",
        "X-Mozilla-Status2",
        "X-Mozilla-Keys",
        "X-TUID",
        "X-Evolution",
        "X-Evolution-Source",
        "X-Evolution-POP3-UID",
        "X-Fetchmail-Warning",
        "X-OfflineIMAP",
        "X-OfflineIMAP-x422171562-6772-494e",
        "X-Length",
        "X-KMail-EncryptionState",
        "X-getmail-retrieved-from-mailbox",
        "X-GMAIL-THRID",
        "X-Gmail-Labels",
        "X-From-Line",
        "Xref",
        "X-VM-v5-Data",
        "X-RMAIL-ATTRIBUTES",
        "X-Bogosity",
        "X-Text-Classification",
        "X-Spam-Status",
        "X-Spambayes-Classification",
    ];

    /// What looks like trace and is not, with what is in every mail.
    const REAL: [&str; 16] = [
        "From",
        "To",
        "Subject",
        "Bcc",
        "List-Id",
        "Resent-From",
        "Arc",
        "Line",
        "X-Spam",
        "X-Account",
        "X-Evolutionary",
        "X-Identity-Key",
        "X-Mozilla-Draft-Info",
        "X-KMailer",
        "X-Tuid-2",
        "Xrefs",
    ];

    #[test]
    fn only_names_that_programs_add_are_trace() {
        for name in TRACE {
            assert!(is_trace(name.to_lowercase().as_bytes()), "{name}");
        }
        for name in REAL {
            assert!(!is_trace(name.to_lowercase().as_bytes()), "{name}");
        }
    }

    type Fields = Vec<(&'static str, String)>;

    fn fields(names: &'static [&'static str]) -> impl Strategy<Value = Fields> {
        let value = "[ -~]{0,12}(\r\n [ -~]{0,6})?";
        prop::collection::vec((select(names), value), 0..8)
    }

    fn likeness(fields: &Fields, body: &str) -> Option<Hash128> {
        let lines = fields.iter();
        let text: String = lines
            .flat_map(|(name, value)| [*name, ": ", value, "\r\n"])
            .collect();
        let mut scanner = Scanner::new();
        scanner.update(format!("{text}\r\n{body}").as_bytes());
        scanner.finish().likeness
    }

    /// The same fields with others at any places among them.
    fn mixed(real: &Fields, trace: &[((&'static str, String), Index)]) -> Fields {
        let mut all = real.clone();
        for (field, place) in trace {
            all.insert(place.index(all.len() + 1), field.clone());
        }
        all
    }

    proptest! {
        #[test]
        fn messages_are_alike_if_they_are_without_trace(
            real in fields(&REAL),
            change in prop::option::of((any::<Index>(), fields(&REAL))),
            (body, other) in ("[a-c\n]{0,6}", prop::option::of("[a-c\n]{0,6}")),
            one in fields(&TRACE),
            two in fields(&TRACE),
            places in prop::collection::vec(any::<Index>(), 8),
        ) {
            let with = |real: &Fields, trace: &Fields| {
                let placed = trace.iter().cloned().zip(places.iter().copied());
                mixed(real, &placed.collect::<Vec<_>>())
            };
            let mut changed = real.clone();
            if let Some((place, fields)) = change {
                let from = place.index(changed.len() + 1);
                changed.splice(from.., fields);
            }
            let other = other.unwrap_or_else(|| body.clone());
            let plain = likeness(&real, &body);
            prop_assert_eq!(likeness(&with(&real, &one), &body), plain);
            prop_assert_eq!(
                likeness(&with(&real, &one), &body) == likeness(&with(&changed, &two), &other),
                plain == likeness(&changed, &other)
            );
        }
    }
}
