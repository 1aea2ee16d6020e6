//! What people want to know of a server's certificate. It proves nothing; that is OpenSSL's work.

/// A certificate that a server showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256, as people compare it.
    pub fingerprint: String,
    /// The hosts that it is for, as far as they can be read; `*.` stands for one label.
    pub hosts: Vec<String>,
    /// From when it is good, in Unix seconds, if that can be read.
    pub from: Option<i64>,
    /// Until when it is good, in Unix seconds, if that can be read.
    pub until: Option<i64>,
}

impl Certificate {
    /// True if one of its names is this host (RFC 9525 s.6.3).
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        self.hosts.iter().any(|name| match name.strip_prefix("*.") {
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let certificate = Certificate {
            hosts: vec!["example.org".into(), "*.example.net".into()],
            ..Certificate::default()
        };
        for (host, is_for) in [
            ("example.org", true),
            ("EXAMPLE.org", true),
            ("pop.example.org", false),
            ("pop.example.net", true),
            ("example.net", false),
            ("a.pop.example.net", false),
        ] {
            assert_eq!(certificate.is_for(host), is_for, "{host}");
        }
    }
}
