//! Foreign text on pages.

use std::borrow::Cow;

/// A text without characters that are not seen, or that would turn round what stands next to
/// them. What looks like markup stays as it is: the templates escape it.
#[must_use]
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let odd = |c: char| match c {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    if text.contains(odd) {
        Cow::Owned(text.replace(odd, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The tags of a page with the names of their attributes, which no foreign text may change.
#[cfg(test)]
pub(crate) fn skeleton(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).map(|piece| {
        let (tag, text) = piece
            .split_once('>')
            .unwrap_or((piece, "a tag without an end>"));
        assert!(!text.contains('>'), "not escaped: {text}");
        // What stands between quotes is a value.
        tag.split('"').step_by(2).collect()
    });
    tags.collect()
}

/// Texts that try to be more than text.
#[cfg(test)]
pub(crate) fn nasty() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "&",
        "\"",
        "'",
        "\0",
        "\u{7}",
        "\u{1b}[2J",
        "\r\n",
        "\t",
        "\u{202e}",
        "\u{2066}",
        "\u{85}",
        "<!--",
        "-->",
        "<!--links-->",
        "<!--/links-->",
        "</pre>",
        "</title>",
        "</svg>",
        "<script>",
        "\" onload=\"x()",
        "&lt;",
        "&#60;",
        "x",
        "\u{e4}",
        " ",
    ]);
    let of_pieces = prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat());
    prop_oneof![of_pieces, any::<String>()]
}

/// What a browser reads where a page has this text.
#[cfg(test)]
pub(crate) fn unescaped(page: &str) -> String {
    let escapes = [
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    let undo = |text: String, (escape, character): (&str, &str)| text.replace(escape, character);
    escapes.into_iter().fold(page.to_owned(), undo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_or_turns_round_a_text() {
        assert_eq!(
            visible("<b>&\u{202e}\u{7}\n\t\r"),
            "<b>&\u{fffd}\u{fffd}\n\t\u{fffd}"
        );
        assert!(matches!(visible("a\n"), Cow::Borrowed("a\n")));
    }

    #[test]
    fn a_skeleton_has_no_texts_and_no_values() {
        let page = "<!DOCTYPE html><p class=\"a\" download>x</p>";
        assert_eq!(skeleton(page), ["!DOCTYPE html", "p class= download", "/p"]);
    }
}
