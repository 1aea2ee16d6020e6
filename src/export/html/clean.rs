//! Foreign HTML made harmless; the only user of ammonia.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ammonia::{Builder, UrlRelative};

/// Longer HTML is shown as its text.
const LIMIT: usize = 2 << 20;

/// The part of an HTML text that may be shown: no scripts, no styles, no forms, no images
/// (those that the message brought along are among its attachments). `None` if the text is
/// too long or cannot be read.
pub(super) fn html(text: &str) -> Option<String> {
    if text.len() > LIMIT {
        return None;
    }
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Builder::default();
        builder
            .url_schemes(HashSet::from(["http", "https", "mailto"]))
            .url_relative(UrlRelative::Deny)
            .link_rel(Some("noopener noreferrer"))
            .add_tag_attributes("td", ["align", "valign"])
            .rm_tags(["img", "map", "area"])
            .rm_tag_attributes("blockquote", ["cite"])
            .rm_tag_attributes("q", ["cite"]);
        builder.clean(text).to_string()
    }));
    cleaned.ok()
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
        "html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt", "mht", "mhtml",
    ];
    match suffix {
        Some(suffix) if active.contains(&suffix.trim_end()) => format!("{name}.txt"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_act_or_call_home_is_gone() {
        let dirty = "<p onclick=x()>hi</p><script>bad()</script><style>@import url(//t)</style>\
            <img src=https://t.example.net/p.gif><img src=cid:logo@x><img src=data:image/png,x>\
            <a href=javascript:bad()>a</a><a href=https://example.org/>b</a><iframe src=//t></iframe>\
            <form action=//t><input></form><base href=//t><meta http-equiv=refresh content=0>\
            <div style='background:url(//t)' background=//t>c</div><svg onload=bad()></svg>\
            <link rel=stylesheet href=//t><object data=//t></object><video src=//t></video>";
        let clean = html(dirty).unwrap_or_default();
        for gone in [
            "bad",
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
    fn no_attachment_is_opened_as_a_page() {
        assert_eq!(harmless("a.HTML"), "a.HTML.txt");
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
            let clean = html(&words.concat()).unwrap_or_default();
            prop_assert!(!clean.contains("<script") && !clean.contains("<img src=\"http"), "{}", clean);
        }
    }
}
