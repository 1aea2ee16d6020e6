//! HTML as text: what stands apart on a page stands apart here.
//!
//! Markup in mail is rarely right, and a word that is lost cannot be found again. So where a
//! tag, a comment or a hidden element never ends, less is taken for markup than a browser would
//! take, and `<` is text unless a tag follows. `<head>` needs no rule: what of it is never
//! shown lies in elements that are hidden wherever they are, and everything else begins the body.
//!
//! Each byte is looked at a fixed number of times, and the text is about as long as the HTML at
//! most: what was looked for in vain up to the end is not looked for again.

use mail_parser::decoders::html::add_html_token;

use super::windows_1252;

/// Elements that begin and end a line.
const LINES: [&str; 48] = [
    "address",
    "article",
    "aside",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frameset",
    "header",
    "hgroup",
    "hr",
    "html",
    "iframe",
    "isindex",
    "legend",
    "li",
    "main",
    "marquee",
    "menu",
    "nav",
    "noframes",
    "noscript",
    "ol",
    "optgroup",
    "option",
    "search",
    "section",
    "select",
    "summary",
    "table",
    "tbody",
    "textarea",
    "tfoot",
    "thead",
    "tr",
    "ul",
    "head",
];
/// Elements with an empty line around them.
const PARAGRAPHS: [&str; 12] = [
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "listing",
    "p",
    "plaintext",
    "pre",
    "xmp",
];
/// Elements that stand in a line with others.
const CELLS: [&str; 2] = ["td", "th"];
/// Elements that are seen in a line, and end a word.
const OBJECTS: [&str; 12] = [
    "audio", "button", "canvas", "embed", "img", "input", "meter", "object", "progress", "rp",
    "svg", "video",
];
/// Elements that keep blanks and line ends.
const KEPT: [&str; 4] = ["listing", "pre", "textarea", "xmp"];
/// Elements that are never shown.
const HIDDEN: [&str; 4] = ["script", "style", "template", "title"];
/// Entities that are often written without their semicolon.
const OPEN: [&str; 5] = ["amp", "gt", "lt", "nbsp", "quot"];
/// No entity has a longer name.
const ENTITY: usize = 32;

/// The text of HTML.
pub(super) fn plain(html: &str) -> String {
    let mut tags = TagReader::default();
    let mut page = PlainPage::default();
    let mut rest = html;
    while !rest.is_empty() {
        let at = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let (before, tag) = rest.split_at(at);
        page.text(before);
        rest = match tags.read(tag) {
            Some((tag, after)) => {
                page.tag(tag);
                after
            }
            None if tag.is_empty() => "",
            None => {
                page.put('<');
                &tag[1..]
            }
        };
    }
    page.written
}

#[derive(Debug, Clone, Copy)]
enum HtmlTag<'a> {
    Start(&'a str),
    End(&'a str),
    /// A comment, or an element that is not shown.
    Unseen,
}

/// Finds where tags end, and remembers what does not come any more.
#[derive(Debug, Default)]
struct TagReader {
    /// Some tag would only end beyond the text if its quotes counted.
    ragged: bool,
    /// No `>` comes.
    endless: bool,
    /// No comment ends.
    open_comment: bool,
    /// No more of these hidden elements ends.
    open: [bool; HIDDEN.len()],
}

impl TagReader {
    /// The tag that a text begins with, and what follows; `None` if it begins with none.
    fn read<'a>(&mut self, text: &'a str) -> Option<(HtmlTag<'a>, &'a str)> {
        match text.as_bytes() {
            [_, b'!', b'-', b'-', ..] => Some((HtmlTag::Unseen, self.comment(&text[4..])?)),
            [_, b'!', c, ..] if c.is_ascii_alphabetic() || *c == b'[' => {
                Some((HtmlTag::Unseen, self.first_end(&text[2..])?))
            }
            [_, b'?', c, ..] if c.is_ascii_alphabetic() => {
                Some((HtmlTag::Unseen, self.first_end(&text[2..])?))
            }
            [_, b'/', c, ..] if c.is_ascii_alphabetic() => {
                let name = name(&text[2..])?;
                let after = self.end(&text[2 + name.len()..])?;
                Some((HtmlTag::End(name), after))
            }
            [_, c, ..] if c.is_ascii_alphabetic() => {
                let name = name(&text[1..])?;
                let after = self.end(&text[1 + name.len()..])?;
                let mut hidden = HIDDEN.iter();
                let hidden = hidden.position(|hidden| hidden.eq_ignore_ascii_case(name));
                // `<title/>` has no content, whatever browsers make of it.
                let is_empty = text[..text.len() - after.len()].ends_with("/>");
                Some(match hidden {
                    Some(_) if is_empty => (HtmlTag::Unseen, after),
                    Some(hidden) => (HtmlTag::Unseen, self.behind(hidden, after)),
                    None => (HtmlTag::Start(name), after),
                })
            }
            _ => None,
        }
    }

    /// What follows the end of a tag.
    fn end<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if !self.ragged {
            if let Some(end) = quoted_end(text.as_bytes()) {
                return Some(&text[end..]);
            }
            self.ragged = true;
        }
        self.first_end(text)
    }

    fn first_end<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if self.endless {
            return None;
        }
        let end = memchr::memchr(b'>', text.as_bytes());
        self.endless = end.is_none();
        Some(&text[end? + 1..])
    }

    /// What follows a comment; one that never ends is a tag.
    fn comment<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some(rest) = text.strip_prefix('>').or_else(|| text.strip_prefix("->")) {
            return Some(rest);
        }
        if !self.open_comment {
            if let Some(end) = memchr::memmem::find(text.as_bytes(), b"-->") {
                return Some(&text[end + 3..]);
            }
            self.open_comment = true;
        }
        self.first_end(text)
    }

    /// What follows a hidden element; one that never ends goes up to the next tag.
    fn behind<'a>(&mut self, hidden: usize, text: &'a str) -> &'a str {
        let name = HIDDEN[hidden];
        if !self.open[hidden] {
            for at in memchr::memmem::find_iter(text.as_bytes(), b"</") {
                let rest = &text[at + 2..];
                let start = rest.get(..name.len()).unwrap_or_default();
                if start.eq_ignore_ascii_case(name) && self::name(rest) == Some(start) {
                    return self.end(&rest[name.len()..]).unwrap_or_default();
                }
            }
            self.open[hidden] = true;
        }
        let next = memchr::memchr_iter(b'<', text.as_bytes()).find(|at| {
            let rest = text.as_bytes().get(at + 1..).unwrap_or_default();
            matches!(rest, [c, ..] | [b'/', c, ..] if c.is_ascii_alphabetic())
                || rest.starts_with(b"!--")
        });
        next.map_or("", |at| &text[at..])
    }
}

/// The name of a tag; `None` if what follows shows that it is none, as in `<ann@example.org>`.
fn name(text: &str) -> Option<&str> {
    let fits = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b':' | b'-' | b'_');
    let end = text.bytes().position(|c| !fits(&c))?;
    let (name, rest) = text.split_at(end);
    let is_whole = rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
    (is_whole && !name.ends_with(':')).then_some(name)
}

/// The place after the `>` that ends a tag; one within a quoted value does not.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let (mut at, mut is_value) = (0, false);
    loop {
        match text.get(at)? {
            b'>' => return Some(at + 1),
            quote @ (b'"' | b'\'') if is_value => {
                at += 1 + memchr::memchr(*quote, &text[at + 1..])?;
                is_value = false;
            }
            b'=' => is_value = true,
            c if c.is_ascii_whitespace() => {}
            _ => is_value = false,
        }
        at += 1;
    }
}

/// What stands between two pieces of text; of several the last one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum TextGap {
    #[default]
    None,
    Blank,
    Cell,
    Line,
    Paragraph,
}

/// The text so far.
#[derive(Debug, Default)]
struct PlainPage {
    written: String,
    /// What comes before the next text.
    gap: TextGap,
    /// The next text begins an item of a list.
    is_item: bool,
    /// Elements that keep blanks, as far as they are open.
    kept: usize,
}

impl PlainPage {
    fn tag(&mut self, tag: HtmlTag<'_>) {
        let (name, is_start) = match tag {
            HtmlTag::Start(name) => (name, true),
            HtmlTag::End(name) => (name, false),
            HtmlTag::Unseen => return,
        };
        let is_in = |names: &[&str]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        if name.eq_ignore_ascii_case("br") {
            return self.line();
        }
        let gap = if is_in(&LINES) {
            TextGap::Line
        } else if is_in(&PARAGRAPHS) {
            TextGap::Paragraph
        } else if is_in(&CELLS) {
            TextGap::Cell
        } else if is_in(&OBJECTS) {
            TextGap::Blank
        } else {
            return;
        };
        self.gap = self.gap.max(gap);
        if is_in(&KEPT) {
            self.kept = if is_start {
                self.kept + 1
            } else {
                self.kept.saturating_sub(1)
            };
        }
        if is_in(&["li", "ul", "ol"]) {
            self.is_item = is_start && name.eq_ignore_ascii_case("li");
        }
    }

    fn text(&mut self, mut text: &str) {
        while let Some(c) = text.chars().next() {
            let entity = if c == '&' { entity(text) } else { None };
            let (c, rest) = entity.unwrap_or((c, &text[c.len_utf8()..]));
            self.put(c);
            text = rest;
        }
    }

    fn put(&mut self, c: char) {
        let is_kept = self.kept > 0;
        match c {
            '\n' if is_kept => self.line(),
            ' ' | '\t' | '\u{a0}' if is_kept => {
                self.close_gap();
                self.written.push(if c == '\t' { c } else { ' ' });
            }
            c if c.is_ascii_whitespace() || c == '\u{a0}' => {
                self.gap = self.gap.max(TextGap::Blank);
            }
            // Newsletters fill the preview of a mailbox with them.
            '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
                if self.gap > TextGap::None || self.written.is_empty() => {}
            c => {
                self.close_gap();
                self.written.push(c);
            }
        }
    }

    /// Ends a line, also an empty one.
    fn line(&mut self) {
        self.gap = if self.gap < TextGap::Line {
            TextGap::Line
        } else {
            TextGap::Paragraph
        };
    }

    fn close_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if !self.written.is_empty() {
            self.written.push_str(match gap {
                TextGap::None => "",
                TextGap::Blank => " ",
                TextGap::Cell => "  ",
                TextGap::Line => "\n",
                TextGap::Paragraph => "\n\n",
            });
        }
        if std::mem::take(&mut self.is_item) {
            self.written.push_str("- ");
        }
    }
}

/// The character of the entity that a text begins with, and what follows.
fn entity(text: &str) -> Option<(char, &str)> {
    let body = text.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16),
            None => (number, 10),
        };
        let end = digits.find(|c: char| !c.is_digit(radix));
        let (digits, rest) = digits.split_at(end.unwrap_or(digits.len()));
        let code = match u32::from_str_radix(digits, radix) {
            Ok(code) => code,
            Err(_) if digits.is_empty() => return None,
            Err(_) => 0,
        };
        let c = match u8::try_from(code) {
            Ok(byte) if byte > 0 => windows_1252(byte),
            Ok(_) => char::REPLACEMENT_CHARACTER,
            Err(_) => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        return Some((c, rest.strip_prefix(';').unwrap_or(rest)));
    }
    let mut name = body.bytes().take(ENTITY);
    let end = name.position(|c| !c.is_ascii_alphanumeric());
    let (name, rest) = body.split_at(end.unwrap_or(body.len().min(ENTITY)));
    let rest = match rest.strip_prefix(';') {
        Some(rest) => rest,
        None if OPEN.contains(&name) => rest,
        None => return None,
    };
    let mut decoded = String::new();
    add_html_token(&mut decoded, format!("&{name};").as_bytes(), false);
    // One that is not known comes back as it is.
    let mut characters = decoded.chars();
    let c = characters.next()?;
    characters.next().is_none().then_some((c, rest))
}

/// What holds for any HTML: it is not much longer as text.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(html: &str) {
    assert!(plain(html).len() <= html.len() + 2, "{html:?}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_lines_and_cells_are_apart() {
        assert_eq!(
            plain(
                "<table><tr><td>Order<td>4711<tr><td>Total</td><td>19.90</td></tr>\
                 <TR><TD><b>Del</b>ivery<TD>Tuesday</TABLE>Thanks"
            ),
            "Order  4711\nTotal  19.90\nDelivery  Tuesday\nThanks"
        );
        assert_eq!(
            plain("<tr><td>&nbsp;</td><td>a</td><td> </td><td><p>b</td></tr><tr><td></td></tr>"),
            "a\n\nb"
        );
    }

    #[test]
    fn items_and_blocks_are_lines_and_formatting_is_none() {
        assert_eq!(
            plain("Buy:<UL><LI>milk<LI><P>eggs</P><li></ul>now<div>or</div>la<i>t</i>er"),
            "Buy:\n- milk\n\n- eggs\n\nnow\nor\nlater"
        );
        assert_eq!(plain("<p>a</p>\n<p>b<h1>c</h1>d"), "a\n\nb\n\nc\n\nd");
        assert_eq!(plain("a<br>b<br/><BR >c<div><br></div>d"), "a\nb\n\nc\n\nd");
        assert_eq!(
            plain(" a \r\n b<pre>  c\r\n  d\n</pre> e"),
            "a b\n\n  c\n  d\n\ne"
        );
        assert_eq!(plain("<a>Yes</a> <img src=x>No<img>!"), "Yes No !");
    }

    #[test]
    fn a_sign_that_begins_no_tag_is_text() {
        for text in [
            "1 < 2 and 3 <4",
            "a <- b <= c <",
            "Ann <ann@example.org> wrote",
            "see <https://example.org/x>",
            "x </ y <! z",
            "if a <b",
            "a <!-- b",
            "<p class=\"a",
            "&unknown; & &; &#; &#x; fish&chips",
        ] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn what_never_ends_hides_nothing_behind_the_next_tag() {
        for html in [
            "<head><p>Text",
            "<HTML><HEAD><meta charset=x>Text",
            "<head><title>x<body>Text",
            "<head><style>p > a { color: red }<p>Text",
            "<script>if (a < b) c<p>Text",
            "<title/>Text<title>x</title>",
            "<!-- open <p>Text",
            "<div title=\"open>Text",
            "<a b='>Text",
            "<style>a</style ><STYLE>b</Style>Text",
            "<!doctype html><?xml version=1?><![if mso]>Text<![endif]>",
            "<!--[if mso]><td>no<![endif]--><!-->Text<!--->",
            "<img alt=\"1 > 0\" title='<p>'>Text",
        ] {
            assert_eq!(plain(html), "Text", "{html}");
        }
    }

    #[test]
    fn entities_are_characters() {
        assert_eq!(
            plain("&lt;b&gt; &AMP;amp; Gr&uuml;&szlig;e &#8364;5 &#x20AC;6 don&#146;t &#0;"),
            "<b> &amp; Gr\u{fc}\u{df}e \u{20ac}5 \u{20ac}6 don\u{2019}t \u{fffd}"
        );
        assert_eq!(
            plain("a&nbsp b&nbsp;&nbsp;c &amp d &#65 e"),
            "a b c & d A e"
        );
        assert_eq!(plain("&#99999999999; &#xd800;"), "\u{fffd} \u{fffd}");
        assert_eq!(
            plain("&#8203;&nbsp;&zwnj;a&zwnj;b&shy;"),
            "a\u{200c}b\u{ad}"
        );
    }

    #[test]
    fn work_is_bounded_whatever_never_ends() {
        for piece in [
            "<",
            "<a ",
            "<a b=\"",
            "<a b='\"",
            "<!--",
            "<!-",
            "<!--<a b=\">",
            "<style>",
            "</",
            "&",
            "&#1",
            "&a",
            "<a@",
            "<title/",
            "<style></styl",
            "<pre>\n",
            "<td>",
            "<li>",
            "-",
            "<?x",
        ] {
            let html = piece.repeat((4 << 20) / piece.len());
            assert!(plain(&html).len() <= html.len() + 2, "{piece}");
        }
    }

    /// A tag with each letter in either case, perhaps with attributes.
    fn tag(name: &'static str) -> impl Strategy<Value = String> {
        let attributes = prop::sample::select(vec![
            "",
            " ",
            " class=x",
            " title=\"a > b\"",
            " a='\"' b",
            "\n\tid = x ",
            "\r\nhidden",
        ]);
        (prop::collection::vec(any::<bool>(), name.len()), attributes).prop_map(
            move |(upper, attributes)| {
                let cased = name.chars().zip(upper);
                let cased = cased.map(|(c, up)| if up { c.to_ascii_uppercase() } else { c });
                format!("<{}{attributes}>", cased.collect::<String>())
            },
        )
    }

    fn end(start: &str) -> String {
        let name = name(&start[1..]).unwrap();
        format!("</{name}>")
    }

    fn apart() -> impl Strategy<Value = String> {
        let names: Vec<&str> = [&LINES[..], &PARAGRAPHS, &CELLS].concat();
        prop::sample::select(names).prop_flat_map(tag)
    }

    fn inline() -> impl Strategy<Value = String> {
        let names = vec![
            "b", "i", "font", "span", "a", "strong", "o:p", "u", "x-y", "wbr",
        ];
        prop::sample::select(names).prop_flat_map(tag)
    }

    /// What nobody sees.
    fn unseen() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "",
            "",
            "",
            "\n ",
            "<!-- a <p> b -->",
            "<style>p > a {}</style>",
            "&nbsp;",
            "<br>",
            "<SCRIPT>'</p>'</sCript >",
            "<title>a &amp; <b></title>",
            "<![endif]>",
            "</div>",
            "</a>",
        ])
    }

    proptest! {
        #[test]
        fn words_in_different_elements_are_never_joined_and_never_lost(
            pieces in prop::collection::vec(
                (unseen(), apart(), inline(), "[a-z0-9]{1,9}", "[a-z]{0,3}", 0..4_u8),
                1..12,
            ),
            is_head_open: bool,
        ) {
            let mut html = String::from(if is_head_open { "<html><head><meta x>" } else { "" });
            let mut words = Vec::new();
            for (unseen, block, inline, word, rest, ends) in pieces {
                html += &[unseen, &block, &word, &inline, &rest].concat();
                // One of two, both or none of the end tags.
                html += &(if ends & 1 == 1 { end(&inline) } else { String::new() });
                html += &(if ends & 2 == 2 { end(&block) } else { String::new() });
                words.push(word + &rest);
            }
            let text = plain(&html);
            let shown: Vec<&str> = text.split_whitespace().filter(|w| *w != "-").collect();
            prop_assert_eq!(&shown, &words, "{} {:?}", html, text);
            let found = crate::mail::words::words(&text);
            prop_assert_eq!(found, words.join(" "));
        }

        #[test]
        fn any_markup_is_text_of_bounded_length(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "<", ">", "<p>", "</p>", "<p ", "a=", "'", "\"", "<!--", "-->", "x", "\u{e4}", "<li>",
                "<td>", "/", "</", "&", "lt", ";", "#", "12", "<style>", "</style>", " ", "=", "!",
                "<pre>", "</pre>", "\n", "\r", "?", "\u{200b}", "&nbsp;",
            ]), 0..40),
        ) {
            assert_any(&pieces.concat());
        }

        #[test]
        fn text_without_markup_stays(words in prop::collection::vec("[!-%'-;=-~]{1,9}", 0..9)) {
            let text = words.join(" ");
            prop_assert_eq!(plain(&text), text);
        }
    }
}
