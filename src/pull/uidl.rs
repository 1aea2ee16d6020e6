//! What a UIDL says of the name that a message of the inbox has over IMAP, on servers that
//! make the one from the other: Dovecot (UID and UIDVALIDITY in hex), Cyrus and others
//! (both in decimal), Gmail (its message number). The size still has to fit.

/// What Gmail puts before X-GM-MSGID.
const GMAIL: &str = "GmailId";

/// The UIDLs that a message with this name may have.
pub(super) fn names(uidvalidity: u32, uid: u32, gmail: Option<u64>) -> Vec<Vec<u8>> {
    let mut names = vec![
        format!("{uid:08x}{uidvalidity:08x}"),
        format!("{uidvalidity}.{uid}"),
    ];
    names.extend(gmail.map(|number| format!("{GMAIL}{number:x}")));
    names.into_iter().map(String::into_bytes).collect()
}

/// The UIDVALIDITY and the UID that a UIDL is made from, if it has such a form.
pub(super) fn read(uidl: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(uidl).ok()?;
    let (uidvalidity, uid) = match text.split_once('.') {
        Some((uidvalidity, uid)) => (uidvalidity.parse().ok()?, uid.parse().ok()?),
        None if text.len() == 16 => {
            let number = |part: &str| u32::from_str_radix(part, 16).ok();
            (number(text.get(8..)?)?, number(text.get(..8)?)?)
        }
        None => return None,
    };
    // What is read must be written so, or it was something else.
    let written = names(uidvalidity, uid, None);
    (uidvalidity > 0 && uid > 0 && written.iter().any(|name| name == uidl))
        .then_some((uidvalidity, uid))
}

/// What holds for any name: what is read from it is what it would be written from.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any_uidl(name: &[u8]) {
    if let Some((uidvalidity, uid)) = read(name) {
        let written = names(uidvalidity, uid, None);
        assert!(written.iter().any(|written| written == name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_dovecot_cyrus_and_gmail_are_known() {
        let names = names(0x5f3e_1a2b, 42, Some(0x17a_bc00));
        let names: Vec<String> = names
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        assert_eq!(
            names,
            ["0000002a5f3e1a2b", "1597905451.42", "GmailId17abc00"]
        );
        assert_eq!(read(b"0000002a5f3e1a2b"), Some((0x5f3e_1a2b, 42)));
        assert_eq!(read(b"1597905451.42"), Some((0x5f3e_1a2b, 42)));
    }

    #[test]
    fn other_forms_say_nothing() {
        for uidl in [
            &b""[..],
            b"1",
            b"0000002A5F3E1A2B",
            b"+000002a5f3e1a2b",
            b"0000000000000000",
            b"7.+42",
            b"7.042",
            b"7.0",
            b"1700000000.M1P2.host",
            b"0000002a5f3e1a2b0000",
            "0000002a5f3e1a\u{e4}".as_bytes(),
        ] {
            assert_eq!(read(uidl), None, "{}", uidl.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(uidvalidity in 1_u32.., uid in 1_u32..) {
            for name in names(uidvalidity, uid, None) {
                prop_assert_eq!(read(&name), Some((uidvalidity, uid)));
            }
        }

        #[test]
        fn no_name_breaks_it(name in prop::collection::vec(any::<u8>(), 0..40), shaped in "[0-9a-f.]{0,20}") {
            assert_any_uidl(&name);
            assert_any_uidl(shaped.as_bytes());
        }
    }
}
