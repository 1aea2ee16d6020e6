//! What a server says it can do (RFC 2449).

/// The answer to `CAPA`.
#[allow(clippy::struct_excessive_bools, reason = "each is an item of its own")]
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pop3Capabilities {
    /// False if `CAPA` was refused or not asked.
    pub known: bool,
    /// TLS can be begun on a connection in clear.
    pub(crate) stls: bool,
    /// Commands may be sent ahead.
    pub pipelining: bool,
    /// Header fields may hold raw UTF-8.
    pub(crate) utf8: bool,
    /// USER and PASS are taken.
    pub(crate) user: bool,
    /// The header of a message can be had alone.
    pub top: bool,
    /// Seconds between logins (RFC 2449 s.6.5).
    pub login_delay: u32,
    /// Days after which the server deletes by itself (RFC 2449 s.6.7): `None` if it does
    /// not say or never does, 0 if it does so at once.
    pub expire: Option<u32>,
    /// SASL mechanisms, in capitals.
    pub(crate) sasl: Vec<String>,
}

impl Pop3Capabilities {
    /// Takes in one row of the answer. Unknown rows are none of our business.
    pub(super) fn add(&mut self, row: &[u8]) {
        self.known = true;
        let row = String::from_utf8_lossy(row).to_ascii_uppercase();
        let mut words = row.split_ascii_whitespace();
        match words.next() {
            Some("STLS") => self.stls = true,
            Some("PIPELINING") => self.pipelining = true,
            Some("UTF8") => self.utf8 = true,
            Some("USER") => self.user = true,
            Some("TOP") => self.top = true,
            Some("EXPIRE") => self.expire = words.next().and_then(|days| days.parse().ok()),
            Some("LOGIN-DELAY") => {
                self.login_delay = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            }
            Some("SASL") => self.sasl = words.map(str::to_owned).collect(),
            _ => {}
        }
    }

    /// True if `mechanism` is among the offered ones.
    pub(super) fn offers(&self, mechanism: &str) -> bool {
        self.sasl.iter().any(|m| m == mechanism)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dovecots_answer_is_read() {
        let mut caps = Pop3Capabilities::default();
        for row in [
            "CAPA",
            "TOP",
            "UIDL",
            "RESP-CODES",
            "PIPELINING",
            "AUTH-RESP-CODE",
            "STLS",
            "USER",
            "SASL PLAIN LOGIN SCRAM-SHA-256",
            "LOGIN-DELAY 900 USER",
            "EXPIRE 30 USER",
            "UTF8 USER",
        ] {
            caps.add(row.as_bytes());
        }
        assert!(caps.known && caps.stls && caps.pipelining && caps.utf8 && caps.user);
        assert_eq!((caps.login_delay, caps.expire), (900, Some(30)));
        caps.add(b"EXPIRE NEVER");
        assert!(caps.top && caps.expire.is_none());
        assert!(caps.offers("PLAIN") && !caps.offers("SCRAM-SHA-1"));
    }

    #[test]
    fn twisteds_pipeline_is_not_pipelining() {
        let mut caps = Pop3Capabilities::default();
        caps.add(b"PIPELINE");
        assert!(!caps.pipelining);
    }

    proptest! {
        #[test]
        fn no_row_breaks_it(row in prop::collection::vec(any::<u8>(), 0..80)) {
            Pop3Capabilities::default().add(&row);
        }
    }
}
