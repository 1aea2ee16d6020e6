//! Reading a certificate as far as people want to know it: its fingerprint, its hosts, and when
//! it is good (RFC 5280 s.4.1, s.4.2.1.6).

use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use super::tls::colons;
use crate::base::certificate::Certificate;

const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `dNSName` of a `GeneralName`.
const DNS_NAME: u8 = 0x82;
/// 2.5.29.17, subjectAltName.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// More hosts than anybody reads.
const MOST_HOSTS: usize = 100;

/// Reads a certificate in DER.
pub(super) fn read(der: &[u8]) -> Certificate {
    let mut certificate = Certificate {
        fingerprint: colons(Sha256::digest(der).into()),
        ..Certificate::default()
    };
    let _ = read_body(der, &mut certificate);
    certificate
}

/// Reads as far as it can be understood.
fn read_body(der: &[u8], into: &mut Certificate) -> Option<()> {
    let (_, certificate, _) = value(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, body, _) = value(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, _, mut rest) = value(body)?;
    if tag == VERSION {
        // The serial number, which comes first where no version is named.
        (_, _, rest) = value(rest)?;
    }
    let (_, _, rest) = value(rest)?; // the algorithm
    let (_, _, rest) = value(rest)?; // the issuer
    let (_, validity, mut rest) = value(rest)?;
    let (from, from_text, until) = value(validity)?;
    let (until, until_text, _) = value(until)?;
    into.from = time(from, from_text);
    into.until = time(until, until_text);
    loop {
        let (tag, content, more) = value(rest)?;
        if tag == EXTENSIONS {
            into.hosts = hosts(content)?;
            return Some(());
        }
        rest = more;
    }
}

fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
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

/// The DNS names among the extensions.
fn hosts(extensions: &[u8]) -> Option<Vec<String>> {
    let (_, mut extensions, _) = value(extensions)?;
    loop {
        let (_, extension, more) = value(extensions)?;
        let (tag, id, rest) = value(extension)?;
        if (tag, id) == (OBJECT_ID, ALTERNATIVE_NAMES) {
            return names(rest);
        }
        extensions = more;
    }
}

fn names(extension: &[u8]) -> Option<Vec<String>> {
    let (tag, content, rest) = value(extension)?;
    let (tag, content) = match tag {
        BOOLEAN => value(rest).map(|(tag, content, _)| (tag, content))?,
        _ => (tag, content),
    };
    let (_, mut names, _) = value(content).filter(|_| tag == OCTET_STRING)?;
    let mut hosts = Vec::new();
    while let Some((tag, name, more)) = value(names)
        && hosts.len() < MOST_HOSTS
    {
        if tag == DNS_NAME {
            hosts.push(String::from_utf8_lossy(name).into_owned());
        }
        names = more;
    }
    Some(hosts)
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

/// What holds for any bytes as a certificate: its hosts are no more than anybody reads.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any_certificate(der: &[u8]) {
    assert!(read(der).hosts.len() <= MOST_HOSTS);
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
        read(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn the_hosts_are_read() {
        let hosts = ["*.hosting.example", "mail.hosting.example"].map(str::to_owned);
        let mut params = CertificateParams::new(hosts.to_vec()).unwrap();
        let ip = rcgen::SanType::IpAddress([192, 0, 2, 1].into());
        params.subject_alt_names.insert(1, ip);
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        let key = KeyPair::generate().unwrap();
        let certificate = read(params.self_signed(&key).unwrap().der());
        assert_eq!(certificate.hosts, hosts);
        assert!(certificate.from < certificate.until);
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_time() {
        for (year, seconds) in [(2027, 1_803_945_600), (2051, 2_561_328_000)] {
            assert_eq!(until(year).until, Some(seconds), "{year}");
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_openssl() {
        let certificate = read(b"");
        assert!(certificate.fingerprint.starts_with("E3:B0:C4:42:98:FC"));
        assert_eq!(certificate.until, None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(der in prop::collection::vec(any::<u8>(), 0..200)) {
            assert_any_certificate(&der);
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
            assert_any_certificate(&der);
        }
    }
}
