//! The text of pages.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use chrono::DateTime;

use super::trim::Trimmed;
use crate::mail::bounds::HTML_FILES;
use crate::mail::markup::esc;
use crate::mail::message::Hash128;
use crate::mail::readable::{Parts, Readable};
use crate::vault::Entry;

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

/// A paper clip, which not every font has.
const CLIP: &str = " <svg class=\"clip\" viewBox=\"0 0 16 16\" role=\"img\" aria-label=\"attachments\">\
<path d=\"M11.5 4v6.5a3.5 3.5 0 0 1-7 0v-7a2.3 2.3 0 0 1 4.6 0v6.6a1.1 1.1 0 0 1-2.2 0V4.5\"/></svg>";

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

fn subject(entry: &Entry) -> String {
    match entry.subject.trim() {
        "" => "(no subject)".to_owned(),
        subject => esc(subject),
    }
}

/// Who wrote it: the name of a `name <address>`, else all of it.
fn sender(from: &str) -> String {
    let name = from.split('<').next().unwrap_or_default();
    let name = name.trim().trim_matches('"').trim();
    let shown = if name.is_empty() {
        from.trim().trim_matches(['<', '>'])
    } else {
        name
    };
    esc(shown)
}

/// A page; `pictures` if it shows some that lie next to it.
fn whole(title: &str, body: &str, pictures: bool) -> String {
    // For a page from the disk some browsers do not take its neighbours for 'self'.
    let img = if pictures {
        "img-src 'self' file:; "
    } else {
        ""
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; {img}\
         style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'\">\n\
         <meta http-equiv=\"x-dns-prefetch-control\" content=\"off\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        esc(title)
    )
}

/// A page of a month.
pub(super) fn list(title: &str, up: &str, rows: &str) -> String {
    let body = format!(
        "<nav><a href=\"{up}index.html\">All mail</a></nav>\n<h1>{}</h1>\n\
         <ul class=\"list\">\n{rows}</ul>\n",
        esc(title)
    );
    whole(title, &body, false)
}

/// A message in the list of a month.
pub(super) fn row(entry: &Entry, up: &str, attachments: bool) -> String {
    let id = entry.name.hash.to_string();
    let clip = if attachments { CLIP } else { "" };
    format!(
        "<li><a href=\"{up}messages/{}/{id}.html\"><span class=\"date\">{}</span>\
         <span class=\"from\" dir=\"auto\">{}</span>\
         <span class=\"subject\" dir=\"auto\">{}{clip}</span><span class=\"size\">{}</span></a></li>\n",
        &id[..2],
        day(entry.date),
        sender(&entry.from),
        subject(entry),
        size(entry.name.size),
    )
}

/// What stands on the page of a message.
pub(super) struct MessagePage<'a> {
    pub(super) entry: &'a Entry,
    pub(super) mail: &'a Readable,
    /// The body as HTML; without one the text is shown.
    pub(super) body: Option<&'a str>,
    /// Where its attachments lie, and their names and sizes.
    pub(super) dir: &'a str,
    pub(super) files: &'a [(String, u64)],
    /// To the message itself, and to its conversation.
    pub(super) links: (&'a str, &'a str),
    pub(super) notes: &'a str,
}

/// The page of a message.
pub(super) fn message(page: &MessagePage<'_>) -> String {
    let MessagePage {
        entry,
        mail,
        body,
        dir,
        files,
        links,
        notes,
    } = *page;
    let mut text = format!(
        "<nav><a href=\"../../index.html\">All mail</a></nav>\n<h1 dir=\"auto\">{}</h1>\n<dl>",
        subject(entry)
    );
    for (name, value) in mail.headers.iter().filter(|(name, _)| name != "Subject") {
        let _ = write!(
            text,
            "<dt>{}</dt><dd dir=\"auto\">{}</dd>",
            esc(name),
            esc(value)
        );
    }
    let _ = write!(text, "</dl>\n{}{}\n", links.0, links.1);
    if !files.is_empty() {
        text.push_str("<div class=\"box\"><h2>Attachments</h2><ul>");
        for (file, bytes) in files {
            let _ = write!(
                text,
                "<li><a href=\"{dir}{}\" download>{}</a> <span class=\"soft\">{}</span></li>",
                link(file),
                esc(file),
                size(*bytes),
            );
        }
        text.push_str("</ul></div>\n");
    }
    match body {
        Some(html) => {
            let _ = writeln!(text, "<div class=\"body\" dir=\"auto\">{html}</div>");
        }
        None => {
            let _ = writeln!(
                text,
                "<div class=\"body\"><pre dir=\"auto\">{}</pre></div>",
                esc(&mail.text)
            );
        }
    }
    text.push_str(notes);
    let pictures = body.is_some_and(|html| html.contains("<img "));
    whole(&entry.subject, &text, pictures)
}

/// What the page of a message lacks, in words; `html` if it was written so, `body` what of
/// that is shown.
pub(super) fn notes(
    mail: &Readable,
    html: bool,
    body: Option<&Trimmed>,
    parts: &Parts<'_>,
) -> String {
    let mut notes = String::new();
    let mut note = |said: bool, text: &str| {
        if said {
            let _ = writeln!(notes, "<p class=\"soft\">{text}</p>");
        }
    };
    note(
        html && body.is_none(),
        "This part was shortened: it is too long or has too many tags for a page, and is shown as its text.",
    );
    note(
        body.is_some_and(|body| body.flattened),
        "This part was shortened: its deepest tags, or some of very many attributes, were left out; its text is all here.",
    );
    note(
        mail.truncated,
        "This message is too long to be shown whole, and its last attachment is not here; 'mailvault show ID --save DIR' has all of them.",
    );
    note(
        mail.text_cut && body.is_none(),
        "This part was shortened: its text is too long to be shown whole; 'mailvault show ID --raw' has all of it.",
    );
    note(
        mail.parts_cut,
        "This message has too many parts, or they lie too deep within each other: some are not here; 'mailvault show ID --raw' has all of them.",
    );
    let more = parts.attachments.len().saturating_sub(HTML_FILES);
    note(
        more > 0,
        &format!(
            "{more} more attachments are not here; 'mailvault show ID --save DIR' has all of them."
        ),
    );
    notes
}

/// What a message is called in a link to it.
pub(super) fn label(entry: &Entry) -> String {
    let (sender, subject) = (sender(&entry.from), subject(entry));
    format!(
        "{} {}: {}",
        day(entry.date),
        short(&sender, 40),
        short(&subject, 80)
    )
}

/// The beginning of a text with entities.
fn short(text: &str, limit: usize) -> String {
    let short: String = text.chars().take(limit).collect();
    // An entity that was cut is none.
    let whole = match short.rfind('&') {
        Some(at) if !short[at..].contains(';') => &short[..at],
        _ => &short,
    };
    let cut = if whole.len() < text.len() {
        "\u{2026}"
    } else {
        ""
    };
    format!("{whole}{cut}")
}

/// The links between a message and what it answers, and its answers.
pub(super) fn links(
    before: &[Hash128],
    after: &[Hash128],
    labels: &HashMap<Hash128, String>,
) -> String {
    let mut text = "<div class=\"box\">".to_owned();
    for (title, ids) in [("In answer to", before), ("Answers", after)] {
        if ids.is_empty() {
            continue;
        }
        let _ = write!(text, "<h2>{title}</h2><ul>");
        for id in ids {
            let name = id.to_string();
            let label = labels.get(id).map_or("", String::as_str);
            let _ = write!(
                text,
                "<li><a href=\"../{}/{name}.html\" dir=\"auto\">{label}</a></li>",
                &name[..2]
            );
        }
        text.push_str("</ul>");
    }
    text + "</div>"
}

/// A folder in the index.
pub(super) fn section(
    account: Option<&str>,
    name: &str,
    path: &Path,
    months: &[(String, u64)],
) -> String {
    let account = account.map_or_else(String::new, |account| format!("{} / ", esc(account)));
    let total: u64 = months.iter().map(|(_, count)| count).sum();
    let mut text = format!(
        "<h2>{account}{} <span class=\"soft\">{total}</span></h2>\n<ul class=\"months\">\n",
        esc(name)
    );
    for (month, count) in months.iter().rev() {
        let _ = writeln!(
            text,
            "<li><a href=\"{}/{month}.html\">{month} <span class=\"soft\">{count}</span></a></li>",
            link(&path.to_string_lossy()),
        );
    }
    text + "</ul>\n"
}

/// The first page.
pub(super) fn index(sections: &str, messages: usize) -> String {
    let s = if messages == 1 { "" } else { "s" };
    whole(
        "Mail",
        &format!("<h1>Mail</h1>\n<p class=\"soft\">{messages} message{s}</p>\n{sections}"),
        false,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_text() {
        assert_eq!(
            esc("<b a=\"x\">&\u{202e}\u{7}"),
            "&lt;b a=&quot;x&quot;&gt;&amp;\u{fffd}\u{fffd}"
        );
        assert_eq!(short("a &amp; b", 9), "a &amp; b");
        assert_eq!(short("a &amp; b", 4), "a \u{2026}");
        assert_eq!(link("a b/\u{e4}\".pdf"), "a%20b/%c3%a4%22.pdf");
    }
}
