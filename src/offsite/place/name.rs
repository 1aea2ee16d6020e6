//! What an object is called.

use std::fmt;

/// Bytes of a name. Places take 1,024 with their own prefix.
const LONGEST: usize = 200;

/// The object that says how to read the others by hand.
pub const README: &str = "README.txt";

/// The name of an object: segments of `[A-Za-z0-9._-]`, none of which begins with a dot, joined
/// by `/`. So it is safe as a path, in an address and as an argument, and needs no escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// The name, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        let fits = |segment: &str| {
            !segment.is_empty() && !segment.starts_with(['.', '-']) && segment.bytes().all(plain)
        };
        let good = text.len() <= LONGEST && text.split('/').all(fits);
        good.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else_and_is_no_option() {
        for good in [README, "heads/0000000001", "packs/ab-cd_1", "a.b/c"] {
            assert!(ObjectName::new(good).is_some(), "{good}");
        }
        let long = "a".repeat(201);
        for bad in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", ".tmp", "-a", "a b", "a%", "ä", "a\n",
            &long,
        ] {
            assert!(ObjectName::new(bad).is_none(), "{bad}");
        }
    }
}
