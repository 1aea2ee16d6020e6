//! The parts of a manual page that clap does not write, by the crate that it writes with.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// A manual page, or the end of one.
#[derive(Debug, Default)]
pub(super) struct ManualText(Roff);

impl ManualText {
    /// A page that clap does not begin.
    pub(super) fn title(name: &str, section: &str, source: &str, manual: &str) -> Self {
        let mut roff = Roff::new();
        roff.control("TH", [name, section, "\"\"", source, manual]);
        Self(roff)
    }

    pub(super) fn section(&mut self, name: &str) {
        self.0.control("SH", [name]);
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        self.0.control("PP", []).text([roman(text)]);
    }

    /// A command, and the options and values that follow it; those that may be left out stand in
    /// brackets.
    pub(super) fn usage(&mut self, command: &str, words: &[(String, Option<String>, bool)]) {
        let mut line: Vec<Inline> = vec![bold(command)];
        for (flag, value, optional) in words {
            line.push(roman(if *optional { " [" } else { " " }));
            if !flag.is_empty() {
                line.push(bold(flag.as_str()));
            }
            if let Some(value) = value {
                if !flag.is_empty() {
                    line.push(roman(" "));
                }
                line.push(italic(value.as_str()));
            }
            if *optional {
                line.push(roman("]"));
            }
        }
        self.0.text(line);
    }

    /// A list of words, each with its meaning.
    pub(super) fn tagged(&mut self, rows: &[(&str, &str)]) {
        for (word, meaning) in rows {
            self.0.control("TP", []).text([bold(*word)]);
            self.0.text([roman(*meaning)]);
        }
    }

    /// Lines as they are.
    pub(super) fn example(&mut self, lines: &[&str]) {
        self.0.control("PP", []).control("nf", []);
        self.0.control("RS", ["4"]);
        for line in lines {
            self.0.text([roman(*line)]);
        }
        self.0.control("RE", []).control("fi", []);
    }

    pub(super) fn end(self) -> String {
        ascii(&self.0.to_roff()).replace('\'', r"\(aq")
    }
}

/// The page with the characters that one types: groff sets a bare `~` as a small tilde, which no
/// shell takes for the home.
pub(super) fn ascii(page: &str) -> String {
    page.replace('`', r"\(ga")
        .replace('^', r"\(ha")
        .replace('~', r"\(ti")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command_and_all_of_it_can_be_typed() {
        let mut page = ManualText::default();
        page.text(".SH x");
        page.example(&["'a' ~/b\\c", "--d `e` ^f"]);
        assert_eq!(
            page.end(),
            ".PP\n\\&.SH x\n.PP\n.nf\n.RS 4\n\\&\\(aqa\\(aq \\(ti/b\\\\c\n\
             \\-\\-d \\(gae\\(ga \\(haf\n.RE\n.fi\n"
        );
    }
}
