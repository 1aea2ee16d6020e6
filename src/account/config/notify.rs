//! Whom to tell how a run ended, as the configuration says it.

use super::service_of;
use crate::base::secret::Program;

/// The table `[notify]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notify {
    /// A program to run when a run failed, with its arguments.
    pub on_failure: Option<Program>,
    /// A program to run at the first success after that.
    pub on_recovery: Option<Program>,
    /// An address to call when a pull ended.
    pub ping: Option<PingUrl>,
}

/// An address that is called when a pull ended. Who knows it can call it, too, so it is shown
/// only up to the host.
#[derive(Clone, PartialEq, Eq)]
pub struct PingUrl(String);

impl PingUrl {
    /// An address: `https`, or `http` to this very machine.
    pub(super) fn parse(url: &str) -> Option<Self> {
        service_of(url)?;
        (!url.contains('#')).then(|| Self(url.to_owned()))
    }

    /// The address for a success, and with `/fail` after its path for a failure.
    pub(crate) fn address(&self, failed: bool) -> String {
        let (path, query) = match self.0.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (&self.0[..], String::new()),
        };
        if failed {
            format!("{}/fail{query}", path.trim_end_matches('/'))
        } else {
            self.0.clone()
        }
    }

    /// Scheme, host and port, which are all that messages show.
    #[must_use]
    pub fn server(&self) -> &str {
        let begins = self.0.find("://").map_or(0, |at| at + 3);
        let ends = self.0[begins..].find(['/', '?']);
        &self.0[..ends.map_or(self.0.len(), |at| begins + at)]
    }
}

impl std::fmt::Debug for PingUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PingUrl({})", self.server())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_failure_has_its_own_address() {
        for (url, failed) in [
            (
                "https://hc.example.org/ab-cd",
                "https://hc.example.org/ab-cd/fail",
            ),
            (
                "https://hc.example.org/ab/",
                "https://hc.example.org/ab/fail",
            ),
            (
                "https://hc.example.org/ab?create=1",
                "https://hc.example.org/ab/fail?create=1",
            ),
            ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x/fail"),
        ] {
            let ping = PingUrl::parse(url).unwrap();
            assert_eq!(
                (ping.address(false), ping.address(true)),
                (url.into(), failed.into())
            );
            assert!(!format!("{ping:?}").contains("ab"), "{ping:?}");
        }
        for url in [
            "http://hc.example.org/x",
            "https://hc.example.org/x#y",
            "hc.example.org",
        ] {
            assert_eq!(PingUrl::parse(url), None, "{url}");
        }
    }
}
