//! Who a message is from and to (RFC 5322, section 3.4), as far as counting needs it.

use serde::{Deserialize, Serialize};

/// Addressees of a message that are counted.
const MOST: usize = 50;

/// A name, which may be empty, and an address in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedAddress {
    pub(super) name: String,
    pub(super) address: String,
}

/// The addresses in a decoded header field.
pub(super) fn addresses(field: &str) -> Vec<NamedAddress> {
    let (mut found, mut start, mut quoted, mut angle) = (Vec::new(), 0, false, false);
    for (at, c) in field.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' | ';' if !quoted && !angle => {
                found.extend(address(&field[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if found.len() >= MOST {
            return found;
        }
    }
    found.extend(address(&field[start..]));
    found
}

/// Those in a field in few words.
pub(super) fn addressees(field: &str) -> String {
    let found = addresses(field);
    let Some(first) = found.first() else {
        return String::new();
    };
    let name = match first.name.as_str() {
        "" => &first.address,
        name => name,
    };
    match found.len() {
        1 => name.to_owned(),
        count => format!("{name} and {} more", count - 1),
    }
}

fn address(text: &str) -> Option<NamedAddress> {
    let text = text.trim();
    let (name, address) = match text.rsplit_once('<') {
        Some((name, rest)) => (name, rest.split('>').next().unwrap_or_default()),
        None => ("", text.rsplit(':').next().unwrap_or_default()),
    };
    let address = address.trim().to_lowercase();
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !",;\"<>".contains(c);
    let whole = address.len() <= 254 && address.contains('@') && address.chars().all(plain);
    whole.then(|| NamedAddress {
        name: name.trim().trim_matches(['"', '\'']).trim().to_owned(),
        address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_however_they_are_written() {
        let field = "\"Lee, Ann\" <Ann@X.org>, bob@x.org; <c@x.org>, nobody, Team: d@x.org;";
        let found: Vec<_> = addresses(field)
            .into_iter()
            .map(|a| (a.name, a.address))
            .collect();
        let wanted = [
            ("Lee, Ann", "ann@x.org"),
            ("", "bob@x.org"),
            ("", "c@x.org"),
            ("", "d@x.org"),
        ];
        assert_eq!(found, wanted.map(|(n, a)| (n.to_owned(), a.to_owned())));
        assert_eq!(addressees(field), "Lee, Ann and 3 more");
        assert_eq!(addressees("Bob <b@x>"), "Bob");
        assert_eq!(addresses(&"a@b,".repeat(9_000)).len(), MOST);
        assert_eq!(addresses("\"<,@").len(), 0);
    }
}
