//! Foreign HTML made harmless; the only user of ammonia.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ammonia::{Builder, UrlRelative};
use maud::{PreEscaped, Render};

use super::trim::{Trimmed, trim};
use crate::mail::bounds::HTML;

/// The pictures that a message brought along: by Content-ID, the file that has it, as a link.
pub(super) type Pictures = HashMap<String, String>;

/// HTML of mail that may stand in a page: only [`html`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sanitised {
    html: String,
    flattened: bool,
}

impl Sanitised {
    /// True if it shows pictures that lie next to the page.
    pub(super) fn has_pictures(&self) -> bool {
        self.html.contains("<img ")
    }

    /// True if tags or attributes beyond a bound were left out; all of the text is there.
    pub(super) fn is_flattened(&self) -> bool {
        self.flattened
    }
}

impl Render for Sanitised {
    fn render_to(&self, page: &mut String) {
        // Mail's HTML is inserted here only. It is safe because nothing but ammonia's output
        // gets into the field: a closed tree of harmless elements, whose text is escaped. The
        // page's policy forbids what might get past that.
        PreEscaped(&self.html).render_to(page);
    }
}

/// The part of an HTML text that may be shown: no scripts, no styles, no forms, and no
/// pictures but these. `None` if the text is too long, has too many tags or cannot be read.
pub(super) fn html(text: &str, pictures: &Pictures) -> Option<Sanitised> {
    if text.len() > HTML {
        return None;
    }
    let Trimmed { html, flattened } = trim(text)?;
    let files = pictures.clone();
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Builder::default();
        builder
            .url_schemes(HashSet::from(["http", "https", "mailto", "cid"]))
            .url_relative(UrlRelative::Custom(Box::new(only(pictures))))
            .attribute_filter(
                move |tag, attribute, value| match (picture(value), tag, attribute) {
                    (Some(id), "img", "src") => files.get(&id).cloned().map(Cow::Owned),
                    (Some(_), ..) | (None, "img", "src") => None,
                    (None, ..) => Some(Cow::Borrowed(value)),
                },
            )
            .link_rel(Some("noopener noreferrer"))
            .add_tag_attributes("td", ["align", "valign"])
            // A title is no text of the page, and would be shown as such.
            .add_clean_content_tags(["title"])
            .rm_tags(["map", "area"])
            .rm_tag_attributes("blockquote", ["cite"])
            .rm_tag_attributes("q", ["cite"]);
        if pictures.is_empty() {
            builder.rm_tags(["img"]);
        }
        builder.clean(&html).to_string()
    }));
    let html = cleaned.ok()?;
    Some(Sanitised { html, flattened })
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
    if let Some(Sanitised { html, .. }) = html(text, &Pictures::new()) {
        assert!(
            !html.contains("<script") && !html.contains("<img"),
            "{html}"
        );
        assert!(
            !html.contains("<style") && !html.contains("<iframe"),
            "{html}"
        );
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
        assert!(clean.contains("noopener noreferrer"), "{clean}");
    }

    #[test]
    fn pictures_that_came_along_are_shown_and_no_others() {
        let pictures = Pictures::from([("logo@x".to_owned(), "id/logo.png".to_owned())]);
        let shown = |text: &str| html(text, &pictures).unwrap_or_default();
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
            ]), 0..30),
        ) {
            assert_any(&words.concat());
        }
    }
}
