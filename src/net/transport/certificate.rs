//! What people want to know of a certificate: its fingerprint and until when it is good
//! (RFC 5280 s.4.1). It proves nothing; that is OpenSSL's work.

use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use super::tls::colons;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;

/// A certificate that a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256, as people compare it.
    pub fingerprint: String,
    /// Until when it is good, in Unix seconds, if that can be read.
    pub until: Option<i64>,
}

impl Certificate {
    /// Reads a certificate in DER.
    pub(super) fn read(der: &[u8]) -> Self {
        Self {
            fingerprint: colons(Sha256::digest(der).into()),
            until: not_after(der),
        }
    }
}

/// The end of the validity.
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate, _) = value(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, body, _) = value(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, _, mut rest) = value(body)?;
    if tag == VERSION {
        // The serial number, which comes first where no version is named.
        (_, _, rest) = value(rest)?;
    }
    let (_, _, rest) = value(rest)?; // the algorithm
    let (_, _, rest) = value(rest)?; // the issuer
    let (_, validity, _) = value(rest)?;
    let (_, _, rest) = value(validity)?;
    let (tag, time, _) = value(rest)?;
    let text = std::str::from_utf8(time).ok()?;
    let text = match tag {
        // Two digits of the year: up to 49 they are of this century.
        UTC_TIME if *text.as_bytes().first()? < b'5' => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        LONG_TIME => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc().timestamp())
}

/// The first value of some DER: its tag, its content, and what follows.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let digits = usize::from(first & 0x7f);
        if !(1..=4).contains(&digits) {
            return None;
        }
        let (length, rest) = rest.split_at_checked(digits)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn until(year: i32) -> Certificate {
        let mut params = CertificateParams::new(vec!["pop.example.org".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 2);
        let key = KeyPair::generate().unwrap();
        Certificate::read(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_time() {
        for (year, seconds) in [(2027, 1_803_945_600), (2051, 2_561_328_000)] {
            assert_eq!(until(year).until, Some(seconds), "{year}");
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_openssl() {
        let certificate = Certificate::read(b"");
        assert!(certificate.fingerprint.starts_with("E3:B0:C4:42:98:FC"));
        assert_eq!(certificate.until, None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(der in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Certificate::read(&der);
        }

        #[test]
        fn no_cut_breaks_it(cut in 0usize..500, flip in any::<u8>(), at in 0usize..200) {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(Vec::new()).unwrap();
            let mut der = params.self_signed(&key).unwrap().der().to_vec();
            der.truncate(cut);
            if let Some(byte) = der.get_mut(at) {
                *byte ^= flip;
            }
            let _ = Certificate::read(&der);
        }
    }
}
