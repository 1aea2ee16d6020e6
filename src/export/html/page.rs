//! The text of pages.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use chrono::DateTime;
use maud::{DOCTYPE, Markup, PreEscaped, Render as _, html};

use super::clean::Sanitised;
use crate::mail::bounds::HTML_FILES;
use crate::mail::markup::visible;
use crate::mail::message::Hash128;
use crate::mail::readable::{Parts, Readable};
use crate::vault::Entry;

/// Where the links between a message and others stand in its page, which is written before they
/// are known. No text of mail can hold these: it is escaped, and comments in its HTML are dropped.
const LINKS: (&str, &str) = ("<!--links-->", "<!--/links-->");

/// Without characters that would be escaped, which a browser would not undo in a style sheet.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2329;--soft:#626d78;--line:#dfe4e8;--page:#fff;--link:#0b57a4;--box:#f5f7f8}\
@media(prefers-color-scheme:dark){:root{--ink:#e3e7ea;--soft:#98a3ad;--line:#343b42;--page:#15191d;--link:#7db7ee;--box:#1e2429}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.2rem 1rem 4rem;background:var(--page);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\
h1{font-size:1.35rem;line-height:1.3;margin:.6rem 0 1rem}h2{font-size:1rem;margin:1.6rem 0 .5rem}nav,.soft{color:var(--soft);font-size:.9rem}\
ul{list-style:none;margin:0;padding:0}.months li{display:inline-block;margin:0 .4rem .5rem 0}.months a{display:block;padding:.35rem .7rem;\
border:1px solid var(--line);border-radius:.5rem}.list li{border-top:1px solid var(--line)}.list a{display:grid;\
grid-template-columns:6.2rem 12rem 1fr auto;gap:0 1rem;padding:.55rem .2rem;color:inherit}.list a:hover{background:var(--box);text-decoration:none}\
.list span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.list .subject{font-weight:600}.list .date,.list .size{color:var(--soft);font-variant-numeric:tabular-nums}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:0 0 1rem;font-size:.95rem}dt{color:var(--soft)}dd{margin:0}\
.body{border-top:1px solid var(--line);padding-top:1rem;overflow-x:auto}.body table{max-width:100%;overflow-wrap:break-word}.body img{max-width:100%;height:auto}\
pre{white-space:pre-wrap;margin:0;font:.95rem/1.5 ui-monospace,monospace}.clip{width:.9em;height:.9em;fill:none;stroke:currentColor;stroke-width:1.4}blockquote{margin:.5rem 0 .5rem .3rem;padding-left:.8rem;border-left:3px solid var(--line)}\
.box{background:var(--box);border-radius:.5rem;padding:.7rem 1rem;margin:1rem 0;font-size:.95rem}.box h2{margin:0 0 .3rem}\
@media(max-width:40rem){.list a{grid-template-columns:1fr auto;padding:.7rem .1rem}.list .subject{grid-column:1/-1;grid-row:2;white-space:normal}\
.list .date{grid-column:2;grid-row:1}.list .from{grid-column:1;grid-row:1}.list .size{display:none}.months a{padding:.5rem .8rem}}";

/// A relative path in a link.
pub(super) fn link(path: &str) -> String {
    let mut safe = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                safe.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "%{byte:02x}");
            }
        }
    }
    safe
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

fn day(date: i64) -> String {
    let time = DateTime::from_timestamp(date, 0).filter(|_| date > 0);
    time.map_or_else(
        || "undated".to_owned(),
        |t| t.format("%Y-%m-%d").to_string(),
    )
}

fn subject(entry: &Entry) -> &str {
    match entry.subject.trim() {
        "" => "(no subject)",
        subject => subject,
    }
}

/// Who wrote it: the name of a `name <address>`, else all of it.
fn sender(from: &str) -> &str {
    let name = from.split('<').next().unwrap_or_default();
    let name = name.trim().trim_matches('"').trim();
    if name.is_empty() {
        from.trim().trim_matches(['<', '>'])
    } else {
        name
    }
}

/// A page; `pictures` if it shows some that lie next to it.
fn whole(title: &str, body: &Markup, pictures: bool) -> String {
    // For a page from the disk some browsers do not take its neighbours for 'self'.
    let img = if pictures {
        "img-src 'self' file:; "
    } else {
        ""
    };
    let page = html! {
        (DOCTYPE) "\n"
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content={
                    "default-src 'none'; " (img)
                    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
                };
                meta http-equiv="x-dns-prefetch-control" content="off";
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (visible(title)) }
                style { (STYLE) }
            }
            "\n"
            body { "\n" (body) }
        }
        "\n"
    };
    page.into_string()
}

/// The messages of a month, each rendered when its turn comes: that takes less than to keep
/// what is known of it.
#[derive(Debug, Default)]
pub(super) struct MonthRows(Markup);

impl MonthRows {
    pub(super) fn push(&mut self, entry: &Entry, up: &str, attachments: bool) {
        let id = entry.name.hash.to_string();
        let row = html! {
            li {
                a href={ (up) "messages/" (id[..2]) "/" (id) ".html" } {
                    span.date { (day(entry.date)) }
                    span.from dir="auto" { (visible(sender(&entry.from))) }
                    span.subject dir="auto" {
                        (visible(subject(entry)))
                        @if attachments { " " (clip()) }
                    }
                    span.size { (size(entry.name.size)) }
                }
            }
            "\n"
        };
        row.render_to(&mut self.0.0);
    }
}

/// A paper clip, which not every font has.
fn clip() -> Markup {
    let path = "M11.5 4v6.5a3.5 3.5 0 0 1-7 0v-7a2.3 2.3 0 0 1 4.6 0v6.6a1.1 1.1 0 0 1-2.2 0V4.5";
    html! {
        svg.clip viewBox="0 0 16 16" role="img" aria-label="attachments" { path d=(path) {} }
    }
}

/// A page of a month.
pub(super) fn list(title: &str, up: &str, rows: &MonthRows) -> String {
    let body = html! {
        nav { a href={ (up) "index.html" } { "All mail" } }
        h1 { (visible(title)) }
        ul.list { "\n" (rows.0) }
        "\n"
    };
    whole(title, &body, false)
}

/// What stands on the page of a message.
pub(super) struct MessagePage<'a> {
    pub(super) entry: &'a Entry,
    pub(super) mail: &'a Readable,
    /// The body as HTML; without one the text is shown.
    pub(super) body: Option<&'a Sanitised>,
    /// Where its attachments lie, and their names and sizes.
    pub(super) dir: &'a str,
    pub(super) files: &'a [(String, u64)],
    /// What it lacks, in words.
    pub(super) notes: &'a [String],
}

/// The page of a message.
pub(super) fn message(page: &MessagePage<'_>) -> String {
    let headers = page.mail.headers.iter();
    let headers = headers.filter(|(name, _)| name != "Subject");
    let body = html! {
        nav { a href="../../index.html" { "All mail" } }
        "\n"
        h1 dir="auto" { (visible(subject(page.entry))) }
        "\n"
        dl {
            @for (name, value) in headers {
                dt { (visible(name)) }
                dd dir="auto" { (visible(value)) }
            }
        }
        "\n"
        // Comments of ours, which `with_links` looks for.
        (PreEscaped(LINKS.0)) (PreEscaped(LINKS.1))
        "\n"
        @if !page.files.is_empty() { (attachments(page.dir, page.files)) }
        @if let Some(html) = page.body {
            div.body dir="auto" { (html) }
        } @else {
            div.body { pre dir="auto" { (visible(&page.mail.text)) } }
        }
        "\n"
        @for note in page.notes {
            p.soft { (note) }
            "\n"
        }
    };
    let pictures = page.body.is_some_and(Sanitised::has_pictures);
    whole(&page.entry.subject, &body, pictures)
}

fn attachments(dir: &str, files: &[(String, u64)]) -> Markup {
    html! {
        div.box {
            h2 { "Attachments" }
            ul {
                @for (file, bytes) in files {
                    li {
                        a href={ (dir) (link(file)) } download { (visible(file)) }
                        " "
                        span.soft { (size(*bytes)) }
                    }
                }
            }
        }
        "\n"
    }
}

/// What the page of a message lacks, in words; `html` if it was written so, `body` what of
/// that is shown.
pub(super) fn notes(
    mail: &Readable,
    html: bool,
    body: Option<&Sanitised>,
    parts: &Parts<'_>,
) -> Vec<String> {
    let more = parts.attachments.len().saturating_sub(HTML_FILES);
    let more_text = format!(
        "{more} more attachments are not on this page; 'mailvault show ID --save DIR' saves all of them."
    );
    let notes = [
        (
            html && body.is_none(),
            "This part was shortened: it is too long or has too many tags for a page, and is shown as its text.",
        ),
        (
            body.is_some_and(Sanitised::is_flattened),
            "This part was shortened: its deepest tags, or some of very many attributes, were left out; its text is all here.",
        ),
        (
            mail.truncated,
            "This message is too long to be shown whole, and its last attachment is missing here; 'mailvault show ID --save DIR' saves all of them.",
        ),
        (
            mail.text_cut && body.is_none(),
            "This part was shortened: its text is too long to be shown whole; 'mailvault show ID --raw' has all of it.",
        ),
        (
            mail.parts_cut,
            "This message has too many or too deeply nested parts, and some are not shown; 'mailvault show ID --raw' prints all of it.",
        ),
        (more > 0, &more_text),
    ];
    let said = notes.iter().filter(|(said, _)| *said);
    said.map(|(_, text)| (*text).to_owned()).collect()
}

/// What a message is called in a link to it.
pub(super) fn label(entry: &Entry) -> String {
    let (sender, subject) = (sender(&entry.from), subject(entry));
    format!(
        "{} {}: {}",
        day(entry.date),
        short(sender, 40),
        short(subject, 80)
    )
}

/// The beginning of a text.
fn short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

/// The page of a message with these links in the place of those that it had; `None` if it has
/// no place for them.
pub(super) fn with_links(page: &str, links: &Markup) -> Option<String> {
    let (head, rest) = page.split_once(LINKS.0)?;
    let (_, tail) = rest.split_once(LINKS.1)?;
    Some([head, LINKS.0, &links.0, LINKS.1, tail].concat())
}

/// The links between a message and what it answers, and its answers.
pub(super) fn links(
    before: &[Hash128],
    after: &[Hash128],
    labels: &HashMap<Hash128, String>,
) -> Markup {
    let link = |id: &Hash128| {
        let name = id.to_string();
        let label = labels.get(id).map_or("", String::as_str);
        html! {
            li {
                a href={ "../" (name[..2]) "/" (name) ".html" } dir="auto" { (visible(label)) }
            }
        }
    };
    html! {
        div.box {
            @for (title, ids) in [("In answer to", before), ("Answers", after)] {
                @if !ids.is_empty() {
                    h2 { (title) }
                    ul {
                        @for id in ids { (link(id)) }
                    }
                }
            }
        }
    }
}

/// A folder in the index.
pub(super) struct FolderSection<'a> {
    /// Its account, if there are several.
    pub(super) account: Option<&'a str>,
    pub(super) name: String,
    pub(super) path: &'a Path,
    pub(super) months: &'a [(String, u64)],
}

fn section(folder: &FolderSection<'_>) -> Markup {
    let total: u64 = folder.months.iter().map(|(_, count)| count).sum();
    let path = link(&folder.path.to_string_lossy());
    html! {
        h2 {
            @if let Some(account) = folder.account { (visible(account)) " / " }
            (visible(&folder.name)) " "
            span.soft { (total) }
        }
        "\n"
        ul.months {
            "\n"
            @for (month, count) in folder.months.iter().rev() {
                li {
                    a href={ (path) "/" (month) ".html" } { (month) " " span.soft { (count) } }
                }
                "\n"
            }
        }
        "\n"
    }
}

/// The first page.
pub(super) fn index(folders: &[FolderSection<'_>], messages: usize) -> String {
    let s = if messages == 1 { "" } else { "s" };
    let body = html! {
        h1 { "Mail" }
        "\n"
        p.soft { (messages) " message" (s) }
        "\n"
        @for folder in folders { (section(folder)) }
    };
    whole("Mail", &body, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::clean;
    use super::*;
    use crate::export::tests::entry;
    use crate::mail::markup::{nasty, skeleton, unescaped};

    #[test]
    fn what_is_cut_or_linked_stays_whole_letters() {
        assert_eq!(short("a & b", 5), "a & b");
        assert_eq!(short("\u{e4} & b", 3), "\u{e4} &\u{2026}");
        assert_eq!(link("a b/\u{e4}\".pdf"), "a%20b/%c3%a4%22.pdf");
    }

    #[test]
    fn the_style_sheet_is_not_escaped() {
        assert!(index(&[], 0).contains(STYLE));
    }

    /// Every page with these texts in all of its fields; the message's with a body and without.
    fn pages(texts: &[String; 4]) -> [String; 4] {
        let [subject, from, name, text] = texts;
        let mut entry = entry(b"Subject: x\r\n\r\nx");
        // A text that is there, so that each page has the same words of ours.
        entry.subject = format!("x{subject}x");
        entry.from = format!("x{from}x");
        let mail = Readable {
            headers: vec![(format!("x{name}"), text.clone())],
            text: text.clone(),
            ..Readable::default()
        };
        let body = clean::html("<p>a<!--links--></p>", &clean::Pictures::new());
        let message = |body: Option<&Sanitised>| {
            let page = message(&MessagePage {
                entry: &entry,
                mail: &mail,
                body,
                dir: "x/",
                files: &[(name.clone(), 1)],
                notes: &["note".to_owned()],
            });
            let id = entry.name.hash;
            let labels = HashMap::from([(id, label(&entry))]);
            let links = links(&[id], &[id], &labels);
            with_links(&page, &links).unwrap_or_default()
        };
        let mut rows = MonthRows::default();
        rows.push(&entry, "../", true);
        let folder = FolderSection {
            account: Some(subject),
            name: name.clone(),
            path: Path::new(from),
            months: &[("2025-08".to_owned(), 1)],
        };
        [
            message(None),
            message(body.as_ref()),
            list(name, "../", &rows),
            index(&[folder], 1),
        ]
    }

    proptest! {
        #[test]
        fn no_text_is_markup(subject in nasty(), from in nasty(), name in nasty(), text in nasty()) {
            let texts = [subject, from, name, text];
            let plain = pages(&["x"; 4].map(String::from));
            let pages = pages(&texts);
            for (page, plain) in pages.iter().zip(&plain) {
                prop_assert_eq!(skeleton(page), skeleton(plain));
                prop_assert_eq!(visible(page), &**page);
            }
            let [subject, _, name, text] = texts.each_ref().map(|text| visible(text));
            for (page, texts) in pages.iter().zip([
                [&subject, &name, &text],
                [&subject, &name, &text],
                [&subject, &name, &name],
                [&subject, &name, &name],
            ]) {
                let shown = unescaped(page);
                for text in texts {
                    prop_assert!(shown.contains(&**text), "{:?}: {}", text, page);
                }
            }
        }
    }
}
