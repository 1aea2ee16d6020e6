//! Names of mailboxes as people read them: modified UTF-7 (RFC 3501 s.5.1.3) or UTF-8.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The name in readable form. `utf8` says that the server sends names in UTF-8; many
/// send them so all the same. What is neither is kept unchanged.
pub(super) fn label(raw: &[u8], utf8: bool) -> String {
    let plain = || String::from_utf8_lossy(raw).into_owned();
    if utf8 || !raw.is_ascii() {
        return plain();
    }
    decode(raw).unwrap_or_else(plain)
}

/// A readable name as a server requires it. `utf8` says that it takes UTF-8.
pub(super) fn encode(text: &str, utf8: bool) -> Vec<u8> {
    if utf8 {
        return text.as_bytes().to_vec();
    }
    let mut coded = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    let flush = |shifted: &mut Vec<u8>, coded: &mut String| {
        if !shifted.is_empty() {
            coded.push('&');
            coded.push_str(&BASE64.encode(&*shifted));
            coded.push('-');
            shifted.clear();
        }
    };
    for character in text.chars() {
        if matches!(character, ' '..='~') {
            flush(&mut shifted, &mut coded);
            coded.push(character);
            if character == '&' {
                coded.push('-');
            }
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut shifted, &mut coded);
    coded.into_bytes()
}

fn decode(raw: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest) {
        text.push_str(str::from_utf8(&rest[..at]).ok()?);
        let shifted = &rest[at + 1..];
        let end = memchr::memchr(b'-', shifted)?;
        if end == 0 {
            text.push('&');
        } else {
            let bytes = BASE64.decode(&shifted[..end]).ok()?;
            let (units, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            for character in char::decode_utf16(units) {
                text.push(character.ok()?);
            }
        }
        rest = &shifted[end + 1..];
    }
    text.push_str(str::from_utf8(rest).ok()?);
    Some(text)
}

/// What holds for any name: it can be read, and written again so that it reads the same.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(raw: &[u8]) {
    let ascii: Vec<u8> = raw.iter().map(|byte| byte & 0x7f).collect();
    for (raw, utf8) in [(raw, false), (raw, true), (&ascii, false)] {
        let name = label(raw, utf8);
        assert_eq!(label(&encode(&name, false), false), name);
        assert_eq!(label(&encode(&name, true), true), name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_decoded() {
        for (raw, name) in [
            ("INBOX", "INBOX"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("&U,BTFw-/&ZeVnLIqe-", "台北/日本語"),
            ("R&-D", "R&D"),
            ("&2D3eAA-", "😀"),
        ] {
            assert_eq!(label(raw.as_bytes(), false), name);
        }
    }

    #[test]
    fn what_is_not_modified_utf_7_stands_as_it_is() {
        for raw in [
            "R&D",
            "a & b-c",
            "&AP-",
            "&2D0-",
            "&@@-",
            "caf\u{e9}",
            "caf\u{e9} & co",
        ] {
            assert_eq!(label(raw.as_bytes(), false), raw);
        }
        assert_eq!(label(b"Entw&APw-rfe", true), "Entw&APw-rfe");
        assert_eq!(label(b"caf\xe9", false), "caf\u{fffd}");
    }

    proptest! {
        #[test]
        fn a_name_that_was_encoded_is_read_back(name in "\\PC{0,20}[&a-z\\x00-\\x1f]{0,5}") {
            prop_assert_eq!(label(&encode(&name, false), false), name);
        }

        #[test]
        fn no_name_breaks_it(raw in prop::collection::vec(any::<u8>(), 0..60)) {
            assert_any(&raw);
        }
    }
}
