//! What an account may be called: in the configuration, in the ledger and as a directory.

/// True for names that an account may have: `[a-z0-9][a-z0-9._-]{0,63}`.
#[must_use]
pub fn is_account_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(plain)
        && bytes.all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
