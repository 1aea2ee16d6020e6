//! The little of roff, the language of manual pages, that is needed here.

use std::fmt::Write as _;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Roff {
    text: String,
}

impl Roff {
    /// The head of a page that clap knows nothing of.
    pub(super) fn title(name: &str, section: u8, source: &str, manual: &str) -> Self {
        Self {
            // clap's pages define the apostrophe in the same way.
            text: format!(
                ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n\
                 .TH {name} {section} \"\" \"{source}\" \"{manual}\"\n"
            ),
        }
    }

    pub(super) fn section(&mut self, name: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, ".SH \"{name}\"");
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        let _ = writeln!(self.text, ".PP\n{}", escape(text));
    }

    /// A list of words, each with what it means.
    pub(super) fn tagged(&mut self, rows: &[(&str, &str)]) {
        for (word, meaning) in rows {
            let _ = writeln!(
                self.text,
                ".TP\n\\fB{}\\fR\n{}",
                escape(word),
                escape(meaning)
            );
        }
    }

    /// Lines as they are.
    pub(super) fn example(&mut self, lines: &[&str]) {
        self.text.push_str(".PP\n.nf\n.RS 4\n");
        for line in lines {
            let _ = writeln!(self.text, "{}", escape(line));
        }
        self.text.push_str(".RE\n.fi\n");
    }

    pub(super) fn end(self) -> String {
        self.text
    }
}

/// Text in which nothing is a command.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    if text.starts_with(['.', '\'']) {
        escaped.push_str("\\&");
    }
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\*(Aq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(escape(".SH x"), "\\&.SH x");
        assert_eq!(
            escape("it's a\\b --x ~/y"),
            "it\\*(Aqs a\\eb \\-\\-x \\(ti/y"
        );
    }
}
