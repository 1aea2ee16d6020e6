//! `application/x-www-form-urlencoded`, the form of requests and of what comes back.

use std::fmt::Write as _;

/// Fields as one line.
pub(super) fn encode(fields: &[(&str, &str)]) -> String {
    let mut line = String::new();
    for (n, (name, value)) in fields.iter().enumerate() {
        if n > 0 {
            line.push('&');
        }
        escape(&mut line, name);
        line.push('=');
        escape(&mut line, value);
    }
    line
}

fn escape(line: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            line.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(line, "%{byte:02X}");
        }
    }
}

/// The value of a field, if it is there and well escaped.
pub(super) fn field(line: &str, name: &str) -> Option<String> {
    line.split('&').find_map(|field| {
        let (key, value) = field.split_once('=')?;
        (unescape(key)? == name).then(|| unescape(value))?
    })
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
                u8::try_from(value).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What holds for any text as a field: it comes back.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &str) {
    let _ = field(text, "code");
    let line = encode(&[("one", text), (text, "two")]);
    assert_eq!(field(&line, "one").as_deref(), Some(text));
    let wanted = if text == "one" { text } else { "two" };
    assert_eq!(field(&line, text).as_deref(), Some(wanted));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_letter_is_escaped() {
        let line = encode(&[("a", "x y&z"), ("b", "https://é/")]);
        assert_eq!(line, "a=x%20y%26z&b=https%3A%2F%2F%C3%A9%2F");
        assert_eq!(field("code=4%2F0A&state=a+b", "state").unwrap(), "a b");
        assert_eq!(field("code=4%2F0A&state=a+b", "code").unwrap(), "4/0A");
    }

    #[test]
    fn what_is_not_well_escaped_is_nothing() {
        for line in [
            "", "code", "code=%", "code=%4", "code=%zz", "code=%ff", "xcode=1",
        ] {
            assert_eq!(field(line, "code"), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(one: String, two: String) {
            let line = encode(&[("one", &one), ("two", &two)]);
            prop_assert_eq!(field(&line, "one"), Some(one));
            prop_assert_eq!(field(&line, "two"), Some(two));
        }

        #[test]
        fn no_line_makes_it_panic(line: String) {
            assert_any(&line);
        }
    }
}
