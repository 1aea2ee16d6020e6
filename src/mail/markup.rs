//! Foreign text in HTML and SVG.

/// A text that is safe between tags and in quoted attributes.
#[must_use]
pub(crate) fn esc(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            // They would turn round what stands next to them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::esc;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            esc("<b a=\"x\">&\u{202e}\u{7}"),
            "&lt;b a=&quot;x&quot;&gt;&amp;\u{fffd}\u{fffd}"
        );
    }
}
