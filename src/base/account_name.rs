//! What an account may be called: in the configuration, in the ledger and as a directory; and
//! which name in the vault belongs to which in the configuration.

use std::collections::BTreeMap;

/// True for names that an account may have: `[a-z0-9][a-z0-9._-]{0,63}`.
#[must_use]
pub fn is_account_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(plain)
        && bytes.all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

/// What the accounts of the configuration are called there and in the vault. The two names differ
/// after an account was renamed. Accounts that are not in the configuration have one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountNames {
    /// Names in the configuration by names in the vault.
    shown: BTreeMap<String, String>,
}

impl AccountNames {
    /// Takes pairs of a name in the configuration and one in the vault.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.map(|(shown, stored)| (stored.to_owned(), shown.to_owned()));
        Self {
            shown: pairs.collect(),
        }
    }

    /// What to call an account of the vault.
    #[must_use]
    pub fn shown<'a>(&'a self, stored: &'a str) -> &'a str {
        self.shown.get(stored).map_or(stored, String::as_str)
    }

    /// What the vault calls an account. It also takes the name in the vault itself.
    #[must_use]
    pub fn stored<'a>(&'a self, name: &'a str) -> &'a str {
        let renamed = self.renamed().find(|(shown, _)| *shown == name);
        renamed.map_or(name, |(_, stored)| stored)
    }

    /// True if an account of the configuration has this name in the vault.
    #[must_use]
    pub fn is_configured(&self, stored: &str) -> bool {
        self.shown.contains_key(stored)
    }

    /// The accounts with two names: that in the configuration and that in the vault.
    pub fn renamed(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.shown.iter();
        let pairs = pairs.map(|(stored, shown)| (shown.as_str(), stored.as_str()));
        pairs.filter(|(shown, stored)| shown != stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_either_name_and_shown_by_the_new_one() {
        let names = AccountNames::new([("office", "work"), ("home", "home")].into_iter());
        assert_eq!(names.stored("office"), "work");
        assert_eq!(names.stored("work"), "work");
        assert_eq!(names.shown("work"), "office");
        assert_eq!(
            (names.stored("home"), names.shown("home")),
            ("home", "home")
        );
        assert_eq!(names.renamed().collect::<Vec<_>>(), [("office", "work")]);
        assert!(names.is_configured("work") && names.is_configured("home"));
        assert!(!names.is_configured("office") && !names.is_configured("other"));
    }

    #[test]
    fn accounts_have_plain_names() {
        for good in ["a", "9", "work", "a.b_c-d", &"a".repeat(64)] {
            assert!(is_account_name(good), "{good}");
        }
        for bad in ["", ".a", "-a", "A", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(!is_account_name(bad), "{bad}");
        }
    }
}
