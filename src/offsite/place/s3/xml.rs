//! The small documents that object storage answers with, without names of name spaces, which
//! servers disagree about.

use xmlparser::{ElementEnd, Token, Tokenizer};

/// Elements within elements; the documents have four.
const DEEPEST: usize = 16;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut open = vec![Self::default()];
        for token in Tokenizer::from(text) {
            match token.ok()? {
                Token::ElementStart { local, .. } if open.len() <= DEEPEST => open.push(Self {
                    name: local.as_str().to_owned(),
                    ..Self::default()
                }),
                Token::ElementEnd { end, .. } => match end {
                    ElementEnd::Open => {}
                    ElementEnd::Close(_, name) => close(&mut open, Some(name.as_str()))?,
                    ElementEnd::Empty => close(&mut open, None)?,
                },
                Token::Text { text } => open.last_mut()?.text.push_str(&unescaped(text.as_str())?),
                Token::Cdata { text, .. } => open.last_mut()?.text.push_str(text.as_str()),
                Token::Declaration { .. } | Token::Attribute { .. } | Token::Comment { .. } => {}
                _ => return None,
            }
        }
        let mut root = open.pop().filter(|_| open.is_empty())?;
        root.children.pop().filter(|_| root.children.is_empty())
    }

    /// The text of a child.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let child = self.children.iter().find(|child| child.name == name)?;
        Some(&child.text)
    }

    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

fn close(open: &mut Vec<Element>, name: Option<&str>) -> Option<()> {
    if open.len() < 2 {
        return None;
    }
    let done = open.pop()?;
    if name.is_some_and(|name| name != done.name) {
        return None;
    }
    open.last_mut()?.children.push(done);
    Some(())
}

/// Text with its five names and its numbers of characters replaced.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('&');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#')?;
                let number = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(number)?
            }
        });
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_is_read_whatever_its_name_space() {
        let text = "<?xml version=\"1.0\"?>\n<a:Error xmlns:a=\"x\"><Code>No &amp; &#34;</Code>\
                    <Empty/><Code>2</Code></a:Error>\n";
        let root = Element::parse(text).unwrap();
        assert_eq!(root.name, "Error");
        assert_eq!(root.get("Code"), Some("No & \""));
        assert_eq!(root.all("Code").count(), 2);
        assert_eq!(root.get("Empty"), Some(""));
    }

    #[test]
    fn what_is_no_document_is_none() {
        let deep = format!("{}{}", "<a>".repeat(99), "</a>".repeat(99));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&b;</a>",
            &deep,
            bomb,
        ] {
            assert_eq!(Element::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_document_or_none(text in "(<|>|/|a|&|;|#|\\PC)*") {
            let _ = Element::parse(&text);
        }
    }
}
