//! Links to a search for an address.

use crate::export::html::view;

/// Bytes of an address in a link.
const ADDRESS: usize = 100;

/// A link from the start page to the messages that have an address in a field, named as in
/// `from:`, or in any.
pub(in crate::export::html) fn link_to_address(field: &str, address: &str) -> Option<String> {
    let query = format!("{field}\"{address}\"");
    is_searched_for(address).then(|| format!("search.html#q={}", view::link(&query)))
}

/// True if the search, which looks for words, finds an address by its letters and digits.
fn is_searched_for(address: &str) -> bool {
    let (local, _) = address.split_once('@').unwrap_or((address, ""));
    let is_plain = |c: char| c.is_alphanumeric() || "@._+-=".contains(c);
    address.len() <= ADDRESS
        && address.chars().all(is_plain)
        && local.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_words_do_not_tell_has_no_link() {
        for address in ["ann@example.org", "a.b+c@x.org", "\u{e4}nn@x.org", "ann"] {
            assert!(link_to_address("from:", address).is_some(), "{address}");
        }
        for address in ["", "@", "*@x.org", "\"a b\"@x.org", "-@x.org", "a b@x.org"] {
            assert_eq!(link_to_address("", address), None, "{address}");
        }
        assert_eq!(link_to_address("", &"x".repeat(101)), None);
        let link = link_to_address("", "a@x.org");
        assert_eq!(link.as_deref(), Some("search.html#q=%22a%40x.org%22"));
    }
}
