//! Hiding secrets in words of others, such as a server that echoes the command.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use zeroize::Zeroizing;

use super::HIDDEN;

/// Hides secrets in foreign text.
///
/// Found are the secret itself (in any ASCII case), as an IMAP quoted string writes it, and
/// inside any Base64, wherever it begins there, so in every SASL form; of Base64 the whole
/// word is hidden. A secret of less than four bytes is hidden only where it stands as a
/// separate word, since else it would blot out half of the text.
#[derive(Clone, Default)]
pub struct Mask {
    needles: Vec<(Form, Zeroizing<Vec<u8>>)>,
}

/// How a needle is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Word,
    Base64,
}

impl Mask {
    /// A mask that hides nothing yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Hides this secret from now on.
    pub(crate) fn add(&mut self, secret: &str) {
        let mut needle = |form, bytes: Vec<u8>| self.needles.push((form, Zeroizing::new(bytes)));
        if secret.is_empty() {
            return;
        }
        let plain = if secret.len() < 4 {
            needle(Form::Word, STANDARD.encode(secret).into_bytes());
            Form::Word
        } else {
            Form::Plain
        };
        needle(plain, secret.into());
        let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
        if quoted != secret {
            needle(plain, quoted.into_bytes());
        }
        // What Base64 makes of the secret depends on how many bytes of a group of three
        // precede it. The characters that mix it with its neighbours are left out.
        for (before, mixed) in [(0, 0), (1, 2), (2, 3)] {
            let mut group = Zeroizing::new(vec![0; before]);
            group.extend_from_slice(secret.as_bytes());
            let whole = group.len() * 8 / 6;
            let coded = Zeroizing::new(STANDARD_NO_PAD.encode(&group));
            if whole >= mixed + 3 {
                needle(Form::Base64, coded.as_bytes()[mixed..whole].to_vec());
            }
        }
    }

    /// The text with every secret replaced by four stars.
    #[must_use]
    pub(crate) fn apply<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (form, needle) in &self.needles {
            for (at, window) in text.windows(needle.len()).enumerate() {
                let same = match form {
                    Form::Base64 => window == needle.as_slice(),
                    Form::Plain | Form::Word => window.eq_ignore_ascii_case(needle),
                };
                let place = at..at + needle.len();
                match form {
                    _ if !same => {}
                    Form::Plain => found.push(place),
                    Form::Word if is_word(text, &place) => found.push(place),
                    Form::Word => {}
                    Form::Base64 => found.push(base64_run(text, &place)),
                }
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|place| place.start);
        let mut shown = Vec::with_capacity(text.len());
        let mut done: Option<usize> = None;
        for place in found {
            // Overlapping and touching places become one.
            if done.is_none_or(|end| place.start > end) {
                shown.extend_from_slice(&text[done.unwrap_or(0)..place.start]);
                shown.extend_from_slice(HIDDEN.as_bytes());
            }
            done = done.max(Some(place.end));
        }
        shown.extend_from_slice(&text[done.unwrap_or(0)..]);
        Cow::Owned(shown)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").finish_non_exhaustive()
    }
}

fn is_word(text: &[u8], place: &Range<usize>) -> bool {
    let joins = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    !text[..place.start].last().is_some_and(joins) && !text[place.end..].first().is_some_and(joins)
}

/// The whole word of Base64 characters around a place.
fn base64_run(text: &[u8], place: &Range<usize>) -> Range<usize> {
    let coded = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let before = text[..place.start].iter().rev().take_while(coded).count();
    let after = text[place.end..].iter().take_while(coded).count();
    place.start - before..place.end + after
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn masked(secret: &str, text: &str) -> String {
        let mut mask = Mask::none();
        mask.add(secret);
        String::from_utf8(mask.apply(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_mask_hides_the_secret_wherever_it_stands() {
        for (text, shown) in [
            ("-ERR no hunter2 here", "-ERR no **** here"),
            ("PASS HUNTER2", "PASS ****"),
            ("hunter2", "****"),
            ("xhunter2x hunter2hunter2", "x****x ****"),
            ("nothing", "nothing"),
            ("", ""),
        ] {
            assert_eq!(masked("hunter2", text), shown);
        }
        assert_eq!(masked("aaaa", "baaaaaab"), "b****b");
    }

    #[test]
    fn a_mask_hides_every_base64_form() {
        for user in ["", "a", "an", "ann", "ann@example.org"] {
            for plain in [
                "hunter2".to_owned(),
                format!("\0{user}\0hunter2"),
                format!("{user}\0{user}\0hunter2"),
                format!("user={user}\x01auth=Bearer hunter2\x01\x01"),
            ] {
                let text = format!("-ERR bad AUTH {} given", STANDARD.encode(plain));
                assert_eq!(masked("hunter2", &text), "-ERR bad AUTH **** given");
            }
        }
    }

    #[test]
    fn a_mask_hides_the_imap_quoted_form() {
        assert_eq!(
            masked(r#"a"b\c"#, r#"LOGIN ann "a\"b\\c""#),
            "LOGIN ann \"****\""
        );
    }

    #[test]
    fn a_short_secret_is_hidden_only_as_a_word() {
        assert_eq!(masked("ok", "-ERR ok token ok."), "-ERR **** token ****.");
        assert_eq!(
            masked("ok", &format!("<{}>", STANDARD.encode("ok"))),
            "<****>"
        );
        assert_eq!(masked("a", "a banana"), "**** banana");
        assert_eq!(masked("é", "né é"), "né ****");
        assert_eq!(masked("", "all of it"), "all of it");
    }

    #[test]
    fn a_mask_hides_several_secrets_and_shows_none() {
        let mut mask = Mask::none();
        mask.add("hunter2");
        mask.add("sesame");
        assert_eq!(*mask.apply(b"hunter2 \xff sesame"), *b"**** \xff ****");
        assert!(matches!(mask.apply(b"free"), Cow::Borrowed(b"free")));
        assert_eq!(format!("{mask:?}"), "Mask { .. }");
    }

    proptest! {
        #[test]
        fn no_masked_text_holds_the_secret(
            secret in "[a-zA-Z0-9!\"\\\\ ]{4,20}",
            before in proptest::collection::vec(any::<u8>(), 0..20),
            after in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut mask = Mask::none();
            mask.add(&secret);
            let whole = [before.as_slice(), secret.as_bytes(), after.as_slice()].concat();
            let coded = STANDARD.encode(&whole);
            let shown = mask.apply(&whole).into_owned();
            prop_assert!(!shown.windows(secret.len()).any(|part| part == secret.as_bytes()));
            prop_assert_eq!(&*mask.apply(coded.as_bytes()), HIDDEN.as_bytes());
        }

        #[test]
        fn any_secret_and_text_can_be_masked(
            secret in "\\PC{0,6}",
            text in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut mask = Mask::none();
            mask.add(&secret);
            let _ = mask.apply(&text);
        }
    }
}
