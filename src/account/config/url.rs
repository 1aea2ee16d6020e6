//! An account in one line: `pop3s://ann@pop.example.org` (after RFC 1738 and RFC 3986).
//!
//! | scheme | protocol | TLS |
//! | --- | --- | --- |
//! | `pop3s`, `imaps` | POP3, IMAP | from the first byte |
//! | `pop3`, `imap` | POP3, IMAP | STARTTLS, which must succeed; none to a loopback host |
//!
//! No message shows any part of the URL, since it may hold a password by mistake.

use super::{Account, Protocol, Tls, is_loopback, usual_port};
use crate::base::error::{Error, Result};

const FORM: &str = "write pop3s://USER@HOST, imaps://USER@HOST, or with :PORT at the end";

/// Reads an account from a URL.
pub(super) fn account(url: &str) -> Result<Account> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(fault("this is not the URL of an account", FORM));
    };
    let (protocol, wrapped) = match scheme.to_ascii_lowercase().as_str() {
        "pop3s" => (Protocol::Pop3, true),
        "pop3" => (Protocol::Pop3, false),
        "imaps" => (Protocol::Imap, true),
        "imap" => (Protocol::Imap, false),
        _ => return Err(fault("this kind of URL cannot name an account", FORM)),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // The last "@", so that an address as user name need not be escaped.
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') {
        return Err(fault(
            "a URL must not contain a password",
            "leave it out to be asked, or use --password-command; \
             a \":\" of the user name is written %3A",
        ));
    }
    if !matches!(path, "" | "/") {
        return Err(fault("the URL of an account ends after the host", FORM));
    }
    let user = decode(user).ok_or_else(|| {
        fault(
            "the user name in the URL is not escaped correctly",
            "\"%\" must be followed by two hexadecimal digits, and the whole be UTF-8",
        )
    })?;
    if user.is_empty() {
        return Err(fault("the URL has no user name", FORM));
    }
    if user.chars().any(char::is_control) {
        return Err(fault(
            "the user name in the URL contains a control character",
            FORM,
        ));
    }
    let (host, port) = split_port(place)?;
    if !super::is_host(&host) {
        return Err(fault("the URL has no valid host", FORM));
    }
    let tls = match wrapped {
        true => Tls::Tls,
        false if is_loopback(&host) => Tls::None,
        false => Tls::StartTls,
    };
    Ok(Account {
        protocol,
        port: port.unwrap_or(usual_port(protocol, tls)),
        imap_port: port
            .filter(|_| protocol == Protocol::Imap)
            .unwrap_or(usual_port(Protocol::Imap, tls)),
        tls,
        ..Account::new(name(&user, &host), host, user)
    })
}

fn fault(message: &str, hint: &str) -> Error {
    Error::Config {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}

/// Host in lower case and without brackets, and the port if there is one.
fn split_port(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, "")) if host.contains(':') => (host, None),
        Some((host, port)) if host.contains(':') && port.starts_with(':') => {
            (host, Some(&port[1..]))
        }
        Some(_) => return Err(fault("the URL has no valid host", FORM)),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => match port.parse() {
            Ok(number) if number > 0 && !port.starts_with('+') => Some(number),
            _ => {
                return Err(fault("the port in the URL must be from 1 to 65535", FORM));
            }
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Text with its percent escapes replaced.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The account name of `user@host`: `ann_at_pop.example.org`.
///
/// `a-z 0-9 . -` stay, `@` becomes `_at_`, any other byte `_` and two hexadecimal digits; if
/// that does not begin with a letter or digit, `x_-` goes before it. So different users have
/// different names. What is longer than 64 bytes keeps its first 47, then `_-` and 15
/// hexadecimal digits of the BLAKE3 of `user@host`.
fn name(user: &str, host: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let whole = format!("{user}@{host}");
    let mut name = String::with_capacity(whole.len());
    for byte in whole.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => name.push(char::from(byte)),
            b'@' => name.push_str("_at_"),
            _ => name.extend([
                '_',
                char::from(HEX[usize::from(byte >> 4)]),
                char::from(HEX[usize::from(byte & 15)]),
            ]),
        }
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        name.insert_str(0, "x_-");
    }
    if name.len() > 64 {
        let digest = blake3::hash(whole.as_bytes()).to_hex();
        name.truncate(47);
        name.push_str("_-");
        name.push_str(&digest[..15]);
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::account::config::is_account_name;
    use crate::base::secret::SecretSource;
    use proptest::prelude::*;

    fn parts(url: &str) -> (String, Protocol, Tls, String, u16, String) {
        let a = account(url).unwrap();
        (a.name, a.protocol, a.tls, a.host, a.port, a.user)
    }

    fn row(
        name: &str,
        protocol: Protocol,
        tls: Tls,
        host: &str,
        port: u16,
        user: &str,
    ) -> (String, Protocol, Tls, String, u16, String) {
        (name.into(), protocol, tls, host.into(), port, user.into())
    }

    #[test]
    fn each_scheme_has_its_protocol_tls_and_port() {
        use Protocol::{Imap, Pop3};
        let name = "ann_at_mail.example.org";
        let host = "mail.example.org";
        for (scheme, protocol, tls, port) in [
            ("pop3s", Pop3, Tls::Tls, 995),
            ("pop3", Pop3, Tls::StartTls, 110),
            ("imaps", Imap, Tls::Tls, 993),
            ("imap", Imap, Tls::StartTls, 143),
            ("IMAPS", Imap, Tls::Tls, 993),
        ] {
            assert_eq!(
                parts(&format!("{scheme}://ann@{host}")),
                row(name, protocol, tls, host, port, "ann")
            );
        }
    }

    #[test]
    fn only_loopback_goes_without_tls() {
        for host in ["localhost", "127.0.0.1", "[::1]", "127.9.9.9"] {
            assert_eq!(parts(&format!("pop3://ann@{host}:1110")).2, Tls::None);
            assert_eq!(parts(&format!("pop3s://ann@{host}")).2, Tls::Tls);
        }
        for host in [
            "localhost.example.org",
            "10.0.0.1",
            "[::2]",
            "127.0.0.1.example.org",
        ] {
            assert_eq!(parts(&format!("imap://ann@{host}")).2, Tls::StartTls);
        }
    }

    #[test]
    fn user_host_and_port_are_read_in_every_form() {
        use Protocol::{Imap, Pop3};
        assert_eq!(
            parts("pop3s://ann@Mail.Example.org:9950/"),
            row(
                "ann_at_mail.example.org",
                Pop3,
                Tls::Tls,
                "mail.example.org",
                9950,
                "ann"
            )
        );
        assert_eq!(
            parts("imaps://Ann%40example.org@mail.example.org"),
            row(
                "x_-_41nn_at_example.org_at_mail.example.org",
                Imap,
                Tls::Tls,
                "mail.example.org",
                993,
                "Ann@example.org"
            )
        );
        assert_eq!(
            parts("imaps://ann@example.org@mail.example.org").5,
            "ann@example.org"
        );
        assert_eq!(
            parts("pop3s://a%3Ab%c3%A9@[2001:DB8::1]:995"),
            row(
                "a_3ab_c3_a9_at_2001_3adb8_3a_3a1",
                Pop3,
                Tls::Tls,
                "2001:db8::1",
                995,
                "a:bé"
            )
        );
        assert_eq!(
            account("pop3s://ann@example.org").unwrap().secret,
            SecretSource::Unset
        );
    }

    #[test]
    fn a_bad_url_is_refused_without_showing_it() {
        for (url, message) in [
            ("pop.example.org", "this is not the URL of an account"),
            (
                "http://ann@example.org",
                "this kind of URL cannot name an account",
            ),
            (
                "pop3s://ann:hunter2@example.org",
                "a URL must not contain a password",
            ),
            (
                "pop3s://ann:@example.org",
                "a URL must not contain a password",
            ),
            (
                "pop3s://ann:hunter2@x@example.org",
                "a URL must not contain a password",
            ),
            (
                "pop3s://ann:hunt/er2@example.org",
                "the URL of an account ends after the host",
            ),
            (
                "pop3s://ann@example.org/INBOX",
                "the URL of an account ends after the host",
            ),
            (
                "pop3s://ann@example.org?a=b",
                "the URL of an account ends after the host",
            ),
            ("pop3s://example.org", "the URL has no user name"),
            ("pop3s://@example.org", "the URL has no user name"),
            ("pop3s://", "the URL has no user name"),
            (
                "pop3s://%zz@example.org",
                "the user name in the URL is not escaped correctly",
            ),
            (
                "pop3s://%4@example.org",
                "the user name in the URL is not escaped correctly",
            ),
            (
                "pop3s://%ff@example.org",
                "the user name in the URL is not escaped correctly",
            ),
            (
                "pop3s://%0d%0aQUIT@example.org",
                "the user name in the URL contains a control character",
            ),
            ("pop3s://ann@", "the URL has no valid host"),
            ("pop3s://ann@exa mple.org", "the URL has no valid host"),
            ("pop3s://ann@ex\nample.org", "the URL has no valid host"),
            (
                "pop3s://ann@[::1",
                "the port in the URL must be from 1 to 65535",
            ),
            ("pop3s://ann@[::1]x", "the URL has no valid host"),
            ("pop3s://ann@[example.org]", "the URL has no valid host"),
            (
                "pop3s://ann@example.org:0",
                "the port in the URL must be from 1 to 65535",
            ),
            (
                "pop3s://ann@example.org:65536",
                "the port in the URL must be from 1 to 65535",
            ),
            (
                "pop3s://ann@example.org:+995",
                "the port in the URL must be from 1 to 65535",
            ),
        ] {
            let error = account(url).unwrap_err();
            assert_eq!(error.to_string(), message, "{url}");
            assert!(matches!(error, Error::Config { hint: Some(_), .. }));
            assert!(!format!("{error:?}").contains("hunt"), "{url}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_still_its_own() {
        let host = "mail.example.org";
        let one = name(&format!("{}1", "a".repeat(80)), host);
        let two = name(&format!("{}2", "a".repeat(80)), host);
        assert_eq!((one.len(), two.len()), (64, 64));
        assert_ne!(one, two);
    }

    proptest! {
        #[test]
        fn any_text_is_an_account_or_an_error(
            url in "\\PC*|(pop3s?|imaps?)://[a-zA-Z0-9%@:/\\[\\]._\\PC]{0,40}"
        ) {
            if let Ok(account) = account(&url) {
                prop_assert!(is_account_name(&account.name), "{}", account.name);
            }
        }

        #[test]
        fn different_users_have_different_names(
            one in "[aAbx0_.@-]{1,5}", two in "[aAbx0_.@-]{1,5}"
        ) {
            prop_assert!(is_account_name(&name(&one, "a.example.org")));
            prop_assert_eq!(
                name(&one, "a.example.org") == name(&two, "a.example.org"),
                one == two
            );
        }

        #[test]
        fn any_escaped_user_reads_back(user in "[^\\p{Cc}]{1,12}") {
            let escaped: Vec<String> = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let escaped = escaped.concat();
            let account = account(&format!("imaps://{escaped}@mail.example.org")).unwrap();
            prop_assert_eq!(account.user, user);
        }
    }
}
