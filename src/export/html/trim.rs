//! Foreign HTML made small enough for a parser, before the parser sees it.
//!
//! The parser's work grows with depth, with attributes, and with formatting that was left
//! open; a message of a megabyte can make that hours. So the text is taken apart into tags
//! and pieces of text here, in one pass, and put together again with each of them spelled
//! out, so that the parser finds no tag that was not counted. What can act or is not shown
//! is the sanitizer's business; only what it would drop with all its content goes here.

use crate::mail::bounds::{HTML_ATTRIBUTES, HTML_FORMATS, HTML_LEVELS, HTML_NODES, STYLES};

/// Elements without content.
const EMPTY: [&str; 16] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input",
    "keygen", "link", "meta", "source", "wbr",
];
/// Elements that a parser opens again in the next block if they were left open.
const FORMATS: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Elements whose content is no markup, and never shown.
const HIDDEN: [&str; 3] = ["script", "style", "title"];
/// Elements that end formatting that was opened in them.
const CELLS: [&str; 3] = ["td", "th", "caption"];
/// Elements that end where the next of these begins, and within what.
const SIBLINGS: [(&[&str], &[&str]); 7] = [
    (&["li"], &["ul", "ol", "menu", "dir"]),
    (&["dt", "dd"], &["dl"]),
    (&["td", "th"], &["tr", "table"]),
    (&["tr"], &["table"]),
    (&["thead", "tbody", "tfoot"], &["table"]),
    (&["option"], &["select"]),
    (&["optgroup"], &["select"]),
];
/// Elements that end a paragraph.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "center",
    "dd",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "ul",
];

/// HTML that is within the bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trimmed {
    pub(super) html: String,
    /// True if tags or attributes beyond a bound were left out; all of the text is there.
    pub(super) flattened: bool,
    /// Its style sheets, one after the other.
    pub(super) sheets: String,
    /// Declarations that stand for the attributes of its `body`.
    pub(super) body: String,
    pub(super) found: FoundParts,
}

/// What is in HTML that no page shows, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FoundParts {
    pub(super) scripts: u64,
    /// Pictures that did not come with the message.
    pub(super) pictures: u64,
    /// Forms, and fields outside of any.
    pub(super) forms: u64,
    /// Frames, films, sounds and programs.
    pub(super) embedded: u64,
}

impl FoundParts {
    fn note(&mut self, name: &str) {
        match name {
            "form" => self.forms += 1,
            "iframe" | "frame" | "object" | "embed" | "applet" | "video" | "audio" | "svg" => {
                self.embedded += 1;
            }
            _ => {}
        }
    }
}

/// The text with its tags as far as they are within the bounds; `None` if there are too
/// many of them.
pub(super) fn trim(text: &str) -> Option<Trimmed> {
    let mut open = Trimmer {
        out: Trimmed {
            html: String::with_capacity(text.len()),
            ..Trimmed::default()
        },
        ..Trimmer::default()
    };
    let mut rest = text;
    while !rest.is_empty() {
        let at = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let (before, tag) = rest.split_at(at);
        open.text(before);
        rest = match tag.as_bytes() {
            [] => "",
            [b'<', b'/', c, ..] if c.is_ascii_alphabetic() => {
                let (name, rest) = name(&tag[2..]);
                open.end(&name);
                attributes(rest, &mut |_, _| {})
            }
            [b'<', c, ..] if c.is_ascii_alphabetic() => {
                let (name, rest) = name(&tag[1..]);
                open.out.found.note(&name);
                if HIDDEN.contains(&name.as_str()) {
                    open.hidden(&name, attributes(rest, &mut |_, _| {}))
                } else if name == "body" {
                    open.body(rest)
                } else {
                    open.start(&name, rest)
                }
            }
            [b'<', b'!', b'-', b'-', ..] => comment(&tag[4..]),
            [b'<', b'!' | b'?' | b'/', ..] => tag.find('>').map_or("", |end| &tag[end + 1..]),
            _ => {
                open.text("<");
                &tag[1..]
            }
        };
        if open.nodes > HTML_NODES {
            return None;
        }
    }
    Some(open.out)
}

/// What is open, and what has come of the text so far.
#[derive(Debug, Default)]
struct Trimmer {
    out: Trimmed,
    /// Elements that are open, with the formats that were open outside of each.
    levels: Vec<(String, usize)>,
    /// Formats that are open, or that the parser would open again.
    formats: Vec<String>,
    /// Start tags that were left out and whose end tags are still to come.
    beyond: usize,
    nodes: usize,
}

impl Trimmer {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // The parser takes each entity by itself.
        let entities = memchr::memchr_iter(b'&', text.as_bytes()).count();
        self.nodes += 1 + self.formats.len() + entities;
        if text == "<" {
            self.out.html.push_str("&lt;");
        } else {
            self.out.html.push_str(text);
        }
    }

    /// Passes over an element whose content is no markup, and returns what follows it.
    fn hidden<'a>(&mut self, name: &str, rest: &'a str) -> &'a str {
        let left = after(rest, name);
        let content = &rest[..rest.len() - left.len()];
        if name == "script" {
            self.out.found.scripts += 1;
        } else if name == "style" && self.out.sheets.len() + content.len() <= STYLES {
            let end = content.rfind("</").unwrap_or(content.len());
            self.out.sheets.push_str(&content[..end]);
            self.out.sheets.push('\n');
        }
        left
    }

    /// Keeps how the whole is to look, and returns what follows the tag.
    fn body<'a>(&mut self, rest: &'a str) -> &'a str {
        let body = &mut self.out.body;
        attributes(rest, &mut |name, value| {
            let value = value.unwrap_or_default();
            let property = match name.to_ascii_lowercase().as_str() {
                "style" => "",
                "bgcolor" => "background-color:",
                "text" => "color:",
                _ => return,
            };
            if body.len() + value.len() <= STYLES {
                body.extend([property, value, ";"]);
            }
        })
    }

    /// Opens an element, and returns what follows its tag.
    fn start<'a>(&mut self, name: &str, rest: &'a str) -> &'a str {
        self.nodes += 1 + self.formats.len();
        let empty = EMPTY.contains(&name);
        let format = FORMATS.contains(&name);
        if name == "a" {
            // A link within a link ends it.
            self.formats.retain(|open| open != "a");
            self.levels.retain(|(open, _)| open != "a");
        }
        self.close_siblings(name);
        if format && self.formats.len() >= HTML_FORMATS {
            self.out.flattened = true;
            return attributes(rest, &mut |_, _| {});
        }
        if !empty && (self.beyond > 0 || self.levels.len() >= HTML_LEVELS) {
            self.out.flattened = true;
            self.beyond += 1;
            return attributes(rest, &mut |_, _| {});
        }
        if !empty {
            self.levels.push((name.to_owned(), self.formats.len()));
        }
        if format {
            self.formats.push(name.to_owned());
        }
        self.out.html.push('<');
        self.out.html.push_str(name);
        let mut count = 0;
        let is_picture = name == "img";
        let out = &mut self.out;
        let rest = attributes(rest, &mut |name, value| {
            count += 1;
            let remote = |value: &str| !value.trim_start().to_ascii_lowercase().starts_with("cid:");
            if is_picture && name.eq_ignore_ascii_case("src") && value.is_some_and(remote) {
                out.found.pictures += 1;
            }
            if count > HTML_ATTRIBUTES {
                out.flattened = true;
                return;
            }
            out.html.push(' ');
            out.html.push_str(name);
            if let Some(value) = value {
                out.html.push_str("=\"");
                out.html.push_str(&value.replace('"', "&quot;"));
                out.html.push('"');
            }
        });
        self.out.html.push('>');
        rest
    }

    fn end(&mut self, name: &str) {
        self.nodes += 1 + self.formats.len();
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let Some(at) = self.levels.iter().rposition(|(open, _)| open == name) else {
            // `</p>` and `</br>` stand for something; other ends without a start do not.
            return;
        };
        if FORMATS.contains(&name) {
            // What was opened in it stays open.
            self.levels.remove(at);
        } else {
            self.close(at);
        }
        if let Some(at) = self.formats.iter().rposition(|open| open == name) {
            self.formats.remove(at);
        }
        self.out.html.push_str("</");
        self.out.html.push_str(name);
        self.out.html.push('>');
    }

    /// Closes what the parser closes by itself when this begins.
    fn close_siblings(&mut self, name: &str) {
        if BLOCKS.contains(&name) {
            let mut within = self.levels.iter().rev();
            let inline = within
                .by_ref()
                .take_while(|(open, _)| FORMATS.contains(&open.as_str()) || open == "span");
            let inline = inline.count();
            let at = self.levels.len().checked_sub(inline + 1);
            if let Some(at) = at.filter(|at| self.levels[*at].0 == "p") {
                self.close(at);
            }
        }
        for (siblings, parents) in SIBLINGS {
            if !siblings.contains(&name) {
                continue;
            }
            let open = self.levels.iter().rposition(|(open, _)| {
                siblings.contains(&open.as_str()) || parents.contains(&open.as_str())
            });
            let sibling = |at: &usize| siblings.contains(&self.levels[*at].0.as_str());
            if let Some(at) = open.filter(sibling) {
                self.close(at);
            }
        }
    }

    fn close(&mut self, at: usize) {
        for (name, formats) in self.levels.drain(at..).rev() {
            if CELLS.contains(&name.as_str()) {
                self.formats.truncate(formats);
            }
        }
    }
}

/// The name of a tag, in small letters, and what follows.
fn name(text: &str) -> (String, &str) {
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    (name.to_ascii_lowercase(), rest)
}

/// Calls `each` with the attributes of a tag, and returns what follows its end.
fn attributes<'a>(mut rest: &'a str, each: &mut dyn FnMut(&str, Option<&str>)) -> &'a str {
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(rest) = rest.strip_prefix('>') {
            return rest;
        }
        if rest.is_empty() {
            return rest;
        }
        // An equals sign at the beginning belongs to the name.
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '='));
        let (name, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        let blank = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let Some(value) = blank.strip_prefix('=') else {
            spell(name, None, each);
            rest = after;
            continue;
        };
        let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let (value, after) = if let Some(quote @ (b'"' | b'\'')) = value.as_bytes().first() {
            let value = &value[1..];
            match memchr::memchr(*quote, value.as_bytes()) {
                Some(end) => (&value[..end], &value[end + 1..]),
                // A tag that does not end is none.
                None => return "",
            }
        } else {
            let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>');
            value.split_at(end.unwrap_or(value.len()))
        };
        spell(name, Some(value), each);
        rest = after;
    }
}

/// Hands on an attribute, unless its name would be read as something else.
fn spell(name: &str, value: Option<&str>, each: &mut dyn FnMut(&str, Option<&str>)) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    if name.chars().all(plain) {
        each(name, value);
    }
}

/// What follows a comment.
fn comment(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('>').or_else(|| text.strip_prefix("->")) {
        return rest;
    }
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), b"--") {
        // Of three dashes the last two end it. None of them is looked at twice.
        rest = rest[at..].trim_start_matches('-');
        if let Some(rest) = rest.strip_prefix('>').or_else(|| rest.strip_prefix("!>")) {
            return rest;
        }
    }
    ""
}

/// What follows the end tag of an element whose content is no markup.
fn after<'a>(text: &'a str, name: &str) -> &'a str {
    for at in memchr::memmem::find_iter(text.as_bytes(), b"</") {
        let rest = &text[at + 2..];
        let named = rest
            .get(..name.len())
            .is_some_and(|n| n.eq_ignore_ascii_case(name));
        let next = rest.as_bytes().get(name.len());
        if named && next.is_none_or(|c| c.is_ascii_whitespace() || matches!(c, b'/' | b'>')) {
            return attributes(&rest[name.len()..], &mut |_, _| {});
        }
    }
    ""
}

/// What holds for any HTML: what is within the bounds stays as it is.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &str) {
    if let Some(once) = trim(text) {
        assert_eq!(trim(&once.html).map(|twice| twice.html), Some(once.html));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn trimmed(text: &str) -> Trimmed {
        trim(text).unwrap()
    }

    #[test]
    fn ordinary_html_stays() {
        for text in [
            "<p>One <b>two</b> &amp; three</p><ul><li>a<li>b</ul>",
            "<table><tr><td align=\"left\">a</td><td>b</td></tr></table>x",
            "<a href=\"https://example.org/?a=1&amp;b=2\">a</a><br><img src=\"cid:x\">",
            "<p>a<p>b<div>c</div>",
            "1 &lt; 2",
        ] {
            assert_eq!(trimmed(text).html, text);
            assert!(!trimmed(text).flattened);
        }
        assert_eq!(trimmed("1 < 2 <3").html, "1 &lt; 2 &lt;3");
        assert_eq!(
            trimmed("<P ID = x  b='\"'/>t").html,
            "<p ID=\"x\" b=\"&quot;\">t"
        );
        assert_eq!(
            trimmed("a<!-- <b> --!>b<!-->c<!doctype html>d<?x?>e").html,
            "abcde"
        );
        assert_eq!(
            trimmed("a<script>'<b>'</scripty></script>b<style>x").html,
            "ab"
        );
    }

    #[test]
    fn what_is_left_out_is_counted_and_styles_are_kept_apart() {
        let trimmed = trimmed(
            "<style type=x><!-- p{} --></style><STYLE>b{}</STYLE ><body bgcolor=red STYLE='margin:0'>a\
             <script>1</script><script src=x></script><img src=cid:a><img src='//t'><form><iframe>",
        );
        assert_eq!(trimmed.sheets, "<!-- p{} -->\nb{}\n");
        assert_eq!(trimmed.body, "background-color:red;margin:0;");
        let found = FoundParts {
            scripts: 2,
            pictures: 1,
            forms: 1,
            embedded: 1,
        };
        assert_eq!(trimmed.found, found);
    }

    #[test]
    fn no_more_levels_than_the_bound_are_open() {
        for tag in ["div", "table", "blockquote", "span", "ul", "q"] {
            let trimmed = trimmed(&format!("<{tag}>x").repeat(10_000));
            assert_eq!(trimmed.html.matches('<').count(), HTML_LEVELS, "{tag}");
            assert_eq!(trimmed.html.matches('x').count(), 10_000, "{tag}");
            assert!(trimmed.flattened);
        }
        // Paragraphs and items that are left open are none within another.
        for text in [
            "<p>a",
            "<ul><li>a</ul>",
            "<table><tr><td>a</table>",
            "<a name=x>a",
        ] {
            assert!(!trimmed(&text.repeat(5_000)).flattened, "{text}");
        }
    }

    #[test]
    fn formatting_that_is_left_open_is_bounded() {
        let colours: Vec<String> = (0..900)
            .map(|n| format!("<div><font color={n}>x</div>"))
            .collect();
        let trimmed = trimmed(&colours.concat());
        assert_eq!(trimmed.html.matches("<font").count(), HTML_FORMATS);
        let cells = "<table><tr><td><font color=red>x</td></tr></table>".repeat(3_000);
        assert!(!super::trim(&cells).unwrap().flattened);
    }

    #[test]
    fn attributes_are_bounded() {
        let many: Vec<String> = (0..100_000).map(|n| format!(" a{n}=1")).collect();
        let trimmed = trimmed(&format!("<p{}>x</p>", many.concat()));
        assert_eq!(trimmed.html.matches('=').count(), HTML_ATTRIBUTES);
        assert!(trimmed.flattened && trimmed.html.ends_with(">x</p>"));
    }

    #[test]
    fn a_comment_of_dashes_is_read_once() {
        let dashes = "-".repeat(2 << 20);
        assert_eq!(trimmed(&format!("a<!--{dashes}")).html, "a");
        assert_eq!(trimmed(&format!("a<!--{dashes}!-- x --->b")).html, "ab");
    }

    #[test]
    fn too_many_tags_are_no_page() {
        assert_eq!(trim(&"<br>".repeat(HTML_NODES + 1)), None);
        assert_eq!(trim(&"x<br>".repeat(HTML_NODES)), None);
    }

    proptest! {
        #[test]
        fn it_is_stable_and_within_the_bounds(
            words in prop::collection::vec(prop::sample::select(vec![
                "<", ">", "<div>", "</div>", "<p ", "a=", "'", "\"", "<!--", "-->", "x", "\u{e4}",
                "<b>", "</b>", "<td>", "/", "</", "&lt;", "<script>", "</script>", " ", "=", "<a>",
            ]), 0..40),
        ) {
            assert_any(&words.concat());
        }
    }
}
