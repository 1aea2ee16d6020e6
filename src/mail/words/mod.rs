//! What counts as the same text when mail is searched.
//!
//! Letters are compared without case, without accents and in their compatible form
//! (Unicode NFKC): `Grüße` and `GRUSSE` are the same. A word is a run of letters and
//! digits; where a script puts no blanks between words, and for symbols, every character
//! is one. Both sides of a comparison go through here.

mod sought;

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub(crate) use sought::Sought;

/// Longer words are several that follow each other.
const LONGEST: usize = 64;

/// The text as it is compared.
#[must_use]
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    each_folded(text, &mut |c| folded.push(c));
    folded
}

/// True if `part`, which is folded, occurs in the text.
#[must_use]
pub(crate) fn contains(text: &str, part: &str) -> bool {
    if !text.is_ascii() {
        return fold(text).contains(part);
    }
    // Asked of every message of a vault: without a copy.
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some(first) = part.first() else {
        return true;
    };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text).any(|at| {
        text[at..]
            .get(..part.len())
            .is_some_and(|here| here.eq_ignore_ascii_case(part))
    })
}

/// Calls `each` with the words of a text, folded and in order, in little memory.
pub(crate) fn each_word(text: &str, each: &mut dyn FnMut(&str)) {
    let mut word = String::new();
    for piece in text.split_ascii_whitespace() {
        each_folded(piece, &mut |c| {
            let kind = kind(c);
            if !word.is_empty() && (kind != CharKind::Inner || word.len() >= LONGEST) {
                each(&word);
                word.clear();
            }
            if kind != CharKind::Between {
                word.push(c);
            }
            if kind == CharKind::Alone {
                each(&word);
                word.clear();
            }
        });
        if !word.is_empty() {
            each(&word);
            word.clear();
        }
    }
}

/// The words of a text, folded, with a blank between them.
#[must_use]
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    each_word(text, &mut |word| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    });
    words
}

/// Where words of a text begin as one of these does, which are folded: the places of these words.
#[must_use]
pub fn marks(text: &str, sought: &[String]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut judge = |place: Range<usize>| {
        let word = fold(&text[place.clone()]);
        if !word.is_empty()
            && sought
                .iter()
                .any(|sought| word.starts_with(sought.as_str()))
        {
            found.push(place);
        }
    };
    let mut start = None;
    for (at, c) in text.char_indices() {
        let inner = kind(c) == CharKind::Inner || is_invisible(c);
        match (start, inner) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                judge(from..at);
                start = None;
            }
            _ => {}
        }
        if kind(c) == CharKind::Alone {
            judge(at..at + c.len_utf8());
        }
    }
    if let Some(from) = start {
        judge(from..text.len());
    }
    found
}

fn each_folded(text: &str, each: &mut dyn FnMut(char)) {
    if text.is_ascii() {
        return text.chars().for_each(|c| each(c.to_ascii_lowercase()));
    }
    // Any number of marks on one letter would be held in memory without `stream_safe`.
    let plain = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .stream_safe()
        .nfkd()
        .filter(|c| !is_accent(*c) && !is_invisible(*c))
        .nfc();
    for c in plain.flat_map(char::to_lowercase) {
        match c {
            'ß' => "ss".chars().for_each(&mut *each),
            'æ' => "ae".chars().for_each(&mut *each),
            'œ' => "oe".chars().for_each(&mut *each),
            'ø' => each('o'),
            'đ' => each('d'),
            'ł' => each('l'),
            'ı' => each('i'),
            'ς' => each('σ'),
            // Accents of which a lower case letter has more than the upper case one.
            c if is_accent(c) => {}
            c => each(c),
        }
    }
}

/// Accents of Latin, Greek and Cyrillic; in other scripts marks make another letter.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Hyphens and joiners that nobody sees, which newsletters put into words.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CharKind {
    /// Part of a word.
    Inner,
    /// A word of its own.
    Alone,
    /// Between words.
    Between,
}

fn kind(c: char) -> CharKind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            CharKind::Inner
        } else {
            CharKind::Between
        };
    }
    match c {
        // Thai, Lao, Burmese, Khmer; kana, Han.
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => CharKind::Alone,
        c if c.is_alphanumeric() || is_combining_mark(c) => CharKind::Inner,
        c if c.is_whitespace() || c.is_control() => CharKind::Between,
        '\u{a1}'
        | '\u{a7}'
        | '\u{ab}'
        | '\u{b6}'
        | '\u{b7}'
        | '\u{bb}'
        | '\u{bf}'
        | '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{fffd}' => CharKind::Between,
        _ => CharKind::Alone,
    }
}

/// What holds for any text: its words are short, and are their own words.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str) {
    each_word(text, &mut |word| {
        assert!(!word.is_empty() && word.len() <= LONGEST + 4);
        assert!(!word.contains(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()));
    });
    let once = words(text);
    assert_eq!(words(&once), once);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_accents_do_not_matter() {
        for (one, other) in [
            ("GRÜSSE", "Grüße"),
            ("cafe\u{301}", "CAFÉ"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("ﬁle", "FILE"),
            ("１２３", "123"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
        assert!(contains("Stromrechnung März", &fold("RECHNUNG")));
        assert_ne!(fold("が"), fold("か"));
    }

    #[test]
    fn words_end_at_what_is_no_letter() {
        assert_eq!(
            words("Ann <ann.lee@example.org>, 12:30"),
            "ann ann lee example org 12 30"
        );
        assert_eq!(words("can\u{ad}not «say»—so…"), "cannot say so");
        assert_eq!(words("-- \u{a0}!"), "");
    }

    #[test]
    fn without_blanks_every_character_is_a_word() {
        assert_eq!(words("東京 tower日本"), "東 京 tower 日 本");
        assert_eq!(words("10€ 😀ok"), "10 € 😀 ok");
        assert_eq!(words("한국어 हिन्दी"), "한국어 हिन्दी");
    }

    #[test]
    fn words_are_marked_where_they_begin_as_what_is_sought() {
        let marked = |text: &'static str, sought: &str| {
            let sought: Vec<_> = words(sought).split(' ').map(str::to_owned).collect();
            let places = marks(text, &sought).into_iter();
            places.map(|place| &text[place]).collect::<Vec<_>>()
        };
        assert_eq!(
            marked("Invoices: an invoice, voiced", "INVOICE"),
            ["Invoices", "invoice"]
        );
        assert_eq!(marked("Grüße GRUSS", "gruss"), ["Grüße", "GRUSS"]);
        assert_eq!(marked("東京は東", "東"), ["東", "東"]);
        assert_eq!(marked("can\u{ad}not", "cannot"), ["can\u{ad}not"]);
    }

    #[test]
    fn examples_fold_as_in_the_pages_of_an_archive() {
        let examples = include_str!("../../../tests/data/fold.json");
        let examples: Vec<(String, String)> =
            serde_json::from_str(examples).expect("they are pairs");
        for (text, wanted) in examples {
            assert_eq!(words(&text), wanted, "{text}");
        }
    }

    #[test]
    fn a_long_word_is_several() {
        assert_eq!(
            words(&"x".repeat(130)),
            format!("{0} {0} xx", "x".repeat(64))
        );
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            assert_any(&text);
        }

        #[test]
        fn contained_is_what_the_folded_text_contains(text in "[aAbBé ]{0,9}", part in "[abé]{0,3}") {
            let part = fold(&part);
            prop_assert_eq!(contains(&text, &part), fold(&text).contains(&part));
        }

        #[test]
        fn any_text_can_be_marked(text in "\\PC{0,40}", sought in "[a-zé日]{1,2}") {
            for place in marks(&text, &[fold(&sought)]) {
                prop_assert!(fold(&text[place]).starts_with(&fold(&sought)));
            }
        }

        #[test]
        fn no_word_is_empty_or_has_a_separator(text in ".{0,60}") {
            assert_any(&text);
        }
    }
}
