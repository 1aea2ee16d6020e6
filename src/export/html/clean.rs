//! Foreign HTML made harmless; the only user of ammonia.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ammonia::{Builder, UrlRelative};

use super::css;
use super::trim::{FoundParts, Trimmed, trim};
use crate::mail::bounds::HTML;

/// The pictures that a message brought along: by Content-ID, the file that has it, as a link.
pub(super) type Pictures = HashMap<String, String>;

/// HTML of mail that may stand in a page: only [`html`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sanitised {
    /// Nothing but ammonia's output gets into this field: a closed tree of harmless elements,
    /// whose text is escaped. The page's policy forbids what might get past that.
    html: String,
    /// Nothing but what `css` spelled out.
    sheet: String,
    body: String,
    /// True if tags or attributes beyond a bound were left out; all of the text is there.
    pub(super) flattened: bool,
    /// What it had and does not have any more.
    pub(super) found: FoundParts,
    /// True if a style was dropped that could have loaded something.
    pub(super) styles_dropped: bool,
}

impl Sanitised {
    /// The elements of its body.
    pub(super) fn html(&self) -> &str {
        &self.html
    }

    /// Its style sheet.
    pub(super) fn sheet(&self) -> &str {
        &self.sheet
    }

    /// Declarations for its body.
    pub(super) fn body(&self) -> &str {
        &self.body
    }
}

/// Attributes that say how something looks, as mail has them.
const LOOKS: [&str; 17] = [
    "style",
    "class",
    "id",
    "dir",
    "align",
    "valign",
    "width",
    "height",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "face",
    "size",
    "nowrap",
    "start",
];

/// The part of an HTML text that may be shown: no scripts, no forms, no styles that load
/// something, and no pictures but these. `None` if the text is too long, has too many tags or
/// cannot be read.
pub(super) fn html(text: &str, pictures: &Pictures) -> Option<Sanitised> {
    if text.len() > HTML {
        return None;
    }
    let Trimmed {
        html,
        flattened,
        sheets,
        body,
        found,
    } = trim(text)?;
    let dropped = Arc::new(AtomicBool::new(false));
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        let (sheet, body) = (css::sheet(&sheets), css::declarations(&body));
        let html = tags(&html, pictures, &dropped);
        (html, sheet, body)
    }));
    let (html, sheet, body) = cleaned.ok()?;
    Some(Sanitised {
        html,
        styles_dropped: dropped.load(Ordering::Relaxed) || sheet.had_address || body.had_address,
        sheet: sheet.css,
        body: body.css,
        flattened,
        found,
    })
}

/// Harmless tags, with the harmless part of their styles.
fn tags(html: &str, pictures: &Pictures, dropped: &Arc<AtomicBool>) -> String {
    let (files, dropped) = (pictures.clone(), Arc::clone(dropped));
    let mut builder = Builder::default();
    builder
        .url_schemes(HashSet::from(["http", "https", "mailto", "cid"]))
        .url_relative(UrlRelative::Custom(Box::new(only(pictures))))
        .add_tags(["font", "big", "address", "main", "section"])
        .add_generic_attributes(LOOKS)
        .attribute_filter(move |tag, attribute, value| {
            if attribute == "style" {
                let clean = css::declarations(value);
                dropped.fetch_or(clean.had_address, Ordering::Relaxed);
                return (!clean.css.is_empty()).then_some(Cow::Owned(clean.css));
            }
            match (picture(value), tag, attribute) {
                (Some(id), "img", "src") => files.get(&id).cloned().map(Cow::Owned),
                (Some(_), ..) | (None, "img", "src") => None,
                (None, ..) => Some(Cow::Borrowed(value)),
            }
        })
        .link_rel(Some("noopener noreferrer"))
        .set_tag_attribute_value("a", "target", "_blank")
        // A title is no text of the page, and would be shown as such.
        .add_clean_content_tags(["title"])
        .rm_tags(["map", "area"])
        .rm_tag_attributes("blockquote", ["cite"])
        .rm_tag_attributes("q", ["cite"]);
    if pictures.is_empty() {
        builder.rm_tags(["img"]);
    }
    builder.clean(html).to_string()
}

/// Lets through what is the link of a picture.
fn only(pictures: &Pictures) -> impl for<'u> Fn(&'u str) -> Option<Cow<'u, str>> + use<> {
    let files: HashSet<String> = pictures.values().cloned().collect();
    move |url| files.contains(url).then_some(Cow::Borrowed(url))
}

/// The Content-ID in a `cid:` URL (RFC 2392).
fn picture(url: &str) -> Option<String> {
    let url = url.trim();
    let id = url.get(..4).filter(|s| s.eq_ignore_ascii_case("cid:"))?;
    let mut rest = url.as_bytes()[id.len()..].iter();
    let mut id = Vec::new();
    while let Some(&byte) = rest.next() {
        let digits = rest
            .as_slice()
            .get(..2)
            .and_then(|d| str::from_utf8(d).ok());
        let escaped = digits.filter(|d| byte == b'%' && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if escaped.is_some() {
            rest.nth(1);
        }
        id.push(escaped.unwrap_or(byte));
    }
    String::from_utf8(id).ok()
}

/// True if these are the bytes of a picture made of pixels, which cannot act.
pub(super) fn is_picture(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let starts: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"];
    webp || starts.iter().any(|start| bytes.starts_with(start))
}

/// A name for an attachment that has none.
pub(super) fn file_name(kind: &str) -> String {
    let suffix = match kind {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "message/rfc822" => "eml",
        _ => "bin",
    };
    format!("attachment.{suffix}")
}

/// A name that a browser does not take for a page, which could hold scripts.
pub(super) fn harmless(name: &str) -> String {
    let suffix = name
        .rsplit_once('.')
        .map(|(_, suffix)| suffix.to_lowercase());
    let active = [
        "html", "htm", "xhtml", "xhtm", "xht", "shtml", "shtm", "ehtml", "svg", "svgz", "xml",
        "xsl", "xslt", "xsd", "rng", "xbl", "rss", "atom", "rdf", "mml", "mathml", "xul", "mht",
        "mhtml",
    ];
    match suffix {
        Some(suffix) if active.contains(&suffix.trim_end()) => format!("{name}.txt"),
        _ => name.to_owned(),
    }
}

/// What holds for any HTML: no script is left, and nothing that loads from elsewhere.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &str) {
    css::assert_any(text);
    let Some(clean) = html(text, &Pictures::new()) else {
        return;
    };
    css::assert_any(clean.sheet());
    css::assert_any(clean.body());
    // Its texts are escaped, so that each of these begins a tag.
    for tag in clean.html().split('<').skip(1) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let acts = [
            "script", "style", "iframe", "img", "form", "input", "link", "meta", "base",
        ];
        assert!(!name.is_some_and(|name| acts.contains(&name)), "{tag}");
        let mut pieces = tag.split('"');
        while let (Some(attribute), Some(value)) = (pieces.next(), pieces.next()) {
            if attribute.contains('>') {
                // From here on it is text.
                break;
            }
            match attribute.trim_end_matches('=').rsplit(' ').next() {
                Some("style") => assert!(!css::declarations(value).had_address, "{tag}"),
                Some("href") => {
                    let outside = ["http:", "https:", "mailto:"];
                    let value = value.trim().to_ascii_lowercase();
                    assert!(
                        outside.iter().any(|scheme| value.starts_with(scheme)),
                        "{tag}"
                    );
                }
                Some(name) => {
                    let loads = name.starts_with("on");
                    let loads = loads || ["src", "srcset", "background", "poster"].contains(&name);
                    assert!(!loads, "{tag}");
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(text: &str, pictures: &Pictures) -> Option<String> {
        super::html(text, pictures).map(|clean| clean.html)
    }

    #[test]
    fn what_could_act_or_call_home_is_gone() {
        let dirty = "<title>gone too</title><p onclick=x()>hi</p><script>bad()</script><style>@import url(//t)</style>\
            <img src=https://t.example.net/p.gif><img src=cid:logo@x><img src=data:image/png,x>\
            <a href=javascript:bad()>a</a><a href=https://example.org/>b</a><iframe src=//t></iframe>\
            <form action=//t><input></form><base href=//t><meta http-equiv=refresh content=0>\
            <div style='background:url(//t)' background=//t>c</div><svg onload=bad()></svg>\
            <link rel=stylesheet href=//t><object data=//t></object><video src=//t></video>";
        let clean = html(dirty, &Pictures::new()).unwrap_or_default();
        for gone in [
            "bad",
            "gone too",
            "<img",
            "onclick",
            "//t",
            "t.example.net",
            "data:",
            "style",
            "<form",
            "<svg",
            "<meta",
        ] {
            assert!(!clean.contains(gone), "{gone}: {clean}");
        }
        assert!(clean.contains("href=\"https://example.org/\""), "{clean}");
        assert!(
            clean.contains("noopener noreferrer") && clean.contains("target=\"_blank\""),
            "{clean}"
        );
    }

    #[test]
    fn pictures_that_came_along_are_shown_and_no_others() {
        let pictures = Pictures::from([("logo@x".to_owned(), "id/logo.png".to_owned())]);
        let shown = |text: &str| html(text, &pictures).unwrap_or_default();
        let clean = shown("<p style='COLOR: red; background: url(x)' class=a onclick=x>b</p>");
        assert_eq!(clean, "<p style=\"color:red;\" class=\"a\">b</p>");
        for source in ["cid:logo@x", "CID:logo%40x", " cid:logo@x"] {
            let clean = shown(&format!("<img alt=a onload=x src=\"{source}\">"));
            assert_eq!(clean, "<img alt=\"a\" src=\"id/logo.png\">", "{source}");
        }
        for source in [
            "cid:other@x",
            "cid:logo@x%",
            "https://t.example.net/p.gif",
            "//t.example.net/p.gif",
            "file:///etc/motd",
            "data:image/png,x",
            "other/logo.png",
            "../id/logo.png",
        ] {
            let clean = shown(&format!(
                "<img alt=a src=\"{source}\" srcset=\"{source} 2x\">"
            ));
            assert_eq!(clean, "<img alt=\"a\">", "{source}");
        }
        let clean = shown("<a href=cid:logo@x>a</a><a href=/etc>b</a>");
        assert!(!clean.contains("href"), "{clean}");
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        assert!(is_picture(b"GIF89a...") && is_picture(b"RIFF....WEBPVP8 "));
        assert!(
            !is_picture(b"<svg xmlns=...>") && !is_picture(b"RIFF....WAVE") && !is_picture(b"")
        );
    }

    #[test]
    fn no_attachment_is_opened_as_a_page() {
        assert_eq!(harmless("a.HTML"), "a.HTML.txt");
        for suffix in ["shtm", "ehtml", "xhtm", "xbl", "xsd", "rss", "Atom"] {
            assert!(
                harmless(&format!("a.{suffix}")) == format!("a.{suffix}.txt"),
                "{suffix}"
            );
        }
        assert_eq!(harmless("a.svg"), "a.svg.txt");
        assert_eq!(harmless("a.pdf"), "a.pdf");
    }

    proptest! {
        #[test]
        fn any_html_comes_out_without_scripts(
            words in prop::collection::vec(prop::sample::select(vec![
                "<", ">", "script", "<script>", "<p ", "onload=", "'", "\"", "<!--", "-->", "x",
                "<img src=", "http://t", "/", "<math><mi>", "<svg>", "</", "&lt;", "<noscript>",
                "<style>", "</style>", "p{", "}", "url(", "style=", "color:red", "<a href=", "//t",
                "<table background=", "javascript:", "<body ", "@import ", "cid:x",
            ]), 0..30),
        ) {
            assert_any(&words.concat());
        }
    }
}
