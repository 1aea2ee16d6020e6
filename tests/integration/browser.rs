//! The pages of `export --format html` and `stats --html` in headless Chromium: they open
//! from the disk, fit wide and narrow windows, run nothing and ask nobody. With
//! `MAILVAULT_PICTURES=DIR` pictures of them are kept there, to be looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mailvault::sample::{Message, Server};

use super::support::chromium::{chromium, opened, url};
use super::support::missing;
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message, pulled, tree};

/// Widths of a phone, a small and a large window.
const WIDTHS: [u32; 3] = [320, 700, 1280];

/// A picture that is two pixels wide.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR4nGPgDl8CRAAF/wINt1JqjQAAAABJRU5ErkJggg==";

/// What a page would do if it were let.
fn hostile(port: u16) -> String {
    let there = format!("http://127.0.0.1:{port}");
    format!(
        "<script>document.title='it ran'</script>\
         <img src=\"{there}/image\" onerror=\"document.title='it ran'\">\
         <link rel=stylesheet href=\"{there}/sheet\"><iframe src=\"{there}/frame\"></iframe>\
         <p style=\"background:url({there}/background)\" onclick=\"document.title='it ran'\">styled</p>\
         <video src=\"{there}/video\"></video><object data=\"{there}/object\"></object>\
         <form action=\"{there}/form\"><input autofocus onfocus=\"document.title='it ran'\"></form>"
    )
}

/// A newsletter with all that does not belong into an archive, wider than any window.
fn newsletter(port: u16) -> Message {
    let cells = "<td nowrap>a cell that does not break</td>".repeat(30);
    let html = format!(
        "<html><head><title>Letter</title></head><body>{}<h1>Your boarding pass</h1>\
         <p><img src=\"cid:logo%40x\" alt=\"the logo\" width=\"2\"> \
         <a href=\"http://127.0.0.1:{port}/link\">Check in</a></p>\
         <table width=3000><tr>{cells}</tr></table><p>{}</p></body></html>",
        hostile(port),
        "x".repeat(900),
    );
    message(
        "letter",
        &format!(
            "Received: by mx.example.org; Sat, 2 Aug 2025 10:00:05 +0000\r\n\
             Date: Sat, 2 Aug 2025 12:00:00 +0200\r\nMessage-ID: <1@example.org>\r\n\
             From: Example Air <air@example.org>\r\nTo: ann@example.org\r\n\
             Subject: Your boarding pass to =?utf-8?q?Z=C3=BCrich?=\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/related; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n\
             --b\r\nContent-Type: image/png; name=\"a logo.png\"\r\nContent-ID: <logo@x>\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{PNG}\r\n\
             --b\r\nContent-Disposition: attachment; filename=\"{}.html\"\r\n\
             Content-Type: text/html\r\n\r\n<script>1</script>\r\n--b--\r\n",
            "pass ".repeat(40),
        ),
    )
}

pub(super) fn letters(port: u16) -> Vec<Message> {
    let mut all = vec![
        newsletter(port),
        message(
            "answer",
            &format!(
                "Received: by mx.example.org; Sun, 3 Aug 2025 10:00:05 +0000\r\n\
                 Message-ID: <2@example.org>\r\nIn-Reply-To: <1@example.org>\r\n\
                 From: \"{0} {0}\" <{0}@example.net>\r\nTo: {1}air@example.org\r\n\
                 Subject: Re: {0} {0} {0}\r\n\r\n> quoted\r\n\r\n{0}\r\n{2}\r\n",
                "Donaudampfschiff".repeat(9),
                "ann@example.org, ".repeat(30),
                "Some words that are one long line. ".repeat(40),
            ),
        ),
    ];
    all.extend((0..40).map(|n| {
        message(
            &format!("u{n}"),
            &format!(
                "Received: by mx.example.org; Mon, 2 {} 20{:02} 10:00:00 +0000\r\n\
                 From: Bob <bob{n}@example.net>\r\nSubject: Letter {n}\r\n\r\nHello\r\n",
                ["Mar", "Apr", "May"][n % 3],
                5 + n / 3,
            ),
        )
    }));
    all
}

/// An HTML archive of these messages, in `site`.
pub(super) fn exported(messages: Vec<Message>) -> (Sandbox, Server) {
    let (sandbox, server) = pulled(messages);
    let export = ["export", "site", "--format", "html"];
    let _ = sandbox.run(&export).expect_code(0);
    (sandbox, server)
}

/// All pages of an archive.
pub(super) fn pages(site: &Path) -> Vec<PathBuf> {
    let names = tree(site).into_keys();
    let is_page = |name: &String| Path::new(name).extension().is_some_and(|e| e == "html");
    names.filter(is_page).map(|name| site.join(name)).collect()
}

/// A server that notes what is asked of it and answers nothing.
pub(super) fn listener() -> (u16, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, notes) = (stream.unwrap(), Arc::clone(&notes));
            // Some connections are opened ahead, and idle.
            std::thread::spawn(move || {
                let mut bytes = [0; 1024];
                let n = stream.read(&mut bytes).unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                notes.lock().unwrap().insert(path);
                // A browser that has gone is none of our business.
                let _ = stream.write_all(b"HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n");
            });
        }
    });
    (port, asked)
}

/// What a page, or what stands in it, complains of to those who look for faults.
fn console(sandbox: &Sandbox, page: &Path) -> Vec<String> {
    opened(sandbox, page, "").complaints
}

/// What a browser makes of a page.
fn shown(sandbox: &Sandbox, page: &Path) -> String {
    opened(sandbox, page, "").dom
}

/// How wide each page is in windows of these widths, measured from a page around them,
/// which has scripts where they have none.
fn widths(sandbox: &Sandbox, pages: &[PathBuf]) -> Vec<(String, u32, u32)> {
    let mut frames = String::new();
    for (page, width) in pages
        .iter()
        .flat_map(|page| WIDTHS.map(|width| (page, width)))
    {
        let (page, style) = (url(page), format!("border:0;width:{width}px;height:600px"));
        writeln!(frames, "<iframe src=\"{page}\" style=\"{style}\"></iframe>").unwrap();
    }
    let script = "onload=()=>{let t='';for(const f of document.querySelectorAll('iframe')){\
        const d=f.contentDocument;t+='\\n'+[f.contentWindow.innerWidth,d.documentElement.scrollWidth,\
        [...d.images,...[...d.querySelectorAll('iframe')].flatMap(f=>[...f.contentDocument.images])]\
        .every(i=>!i.hasAttribute('src')||i.naturalWidth==2),f.src].join('|')}document.body.textContent=t}";
    let around = format!("<!doctype html><body>{frames}<script>{script}</script>");
    let around = sandbox.write("around.html", around, 0o600);
    let args = ["--allow-file-access-from-files", "--dump-dom"];
    let dom = chromium(sandbox, &args, &url(&around)).stdout();
    let rows = dom.lines().filter_map(|line| {
        let mut cells = line.split('|');
        let width = cells.next()?.parse().ok()?;
        let needs = cells.next()?.parse().ok()?;
        let name = cells.nth(1)?.trim_end_matches("</body></html>").to_owned();
        assert!(line.contains("|true|"), "a picture is not shown: {line}");
        Some((name, width, needs))
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), pages.len() * WIDTHS.len(), "{dom}");
    rows
}

#[track_caller]
fn assert_fit(sandbox: &Sandbox, pages: &[PathBuf]) {
    for (page, width, needs) in widths(sandbox, pages) {
        assert!(WIDTHS.contains(&width), "{page}: {width}");
        assert!(needs <= width, "{page} needs {needs} of {width} pixels");
    }
}

/// Pictures for people, if anybody wants them.
fn keep_pictures(sandbox: &Sandbox, pages: &[(&str, &Path)]) {
    let Some(folder) = std::env::var_os("MAILVAULT_PICTURES") else {
        return;
    };
    for (name, page) in pages {
        for (kind, size) in [("narrow", "500,900"), ("wide", "1280,900")] {
            let file = Path::new(&folder).join(format!("{name}-{kind}.png"));
            let screenshot = format!("--screenshot={}", file.display());
            let args = [&*screenshot, &format!("--window-size={size}")];
            let _ = chromium(sandbox, &args, &url(page));
        }
    }
}

/// The page of the newsletter.
fn letter(sandbox: &Sandbox) -> PathBuf {
    let found = sandbox.run(&["list", "--json", "subject:boarding", "from:air"]);
    let lines = json_lines(&found.expect_code(0).stdout);
    let id = lines[0]["id"].as_str().unwrap();
    sandbox.path(format!("site/messages/{}/{id}.html", &id[..2]))
}

#[test]
fn an_archive_opens_from_the_disk_and_fits_every_window() {
    if missing("chromium") {
        return;
    }
    let (port, asked) = listener();
    let (sandbox, _server) = exported(letters(port));
    let site = sandbox.path("site");
    let pages = pages(&site);
    // The answer is on the page of what it answers.
    let messages = pages
        .iter()
        .filter(|p| p.starts_with(site.join("messages")));
    assert_eq!(messages.count(), 41);
    let (letter, answer) = (letter(&sandbox), "Donaudampf");
    let index = shown(&sandbox, &site.join("index.html"));
    assert!(
        index.contains("<dd>42</dd>") && index.contains("2025-08"),
        "{index}"
    );
    let dom = shown(&sandbox, &letter);
    assert!(
        dom.contains("<title>Your boarding pass to Zürich</title>"),
        "{dom}"
    );
    assert!(dom.contains("Check in") && dom.contains(answer), "{dom}");
    assert!(dom.contains("/a%20logo.png\""), "{dom}");
    for gone in ["it ran", "<form", "/image", "/background", "<object"] {
        assert!(!dom.contains(gone), "{gone}: {dom}");
    }
    // One script and one frame are ours: the script ran, and gave the frame its height.
    assert_eq!(dom.matches("<script").count(), 1, "{dom}");
    assert_eq!(dom.matches("<iframe").count(), 1, "{dom}");
    assert!(
        dom.contains("class=\"js\"") && dom.contains("style=\"height:"),
        "{dom}"
    );
    let plain = pages.iter().find(|page| {
        let text = fs::read_to_string(page).unwrap();
        page.starts_with(site.join("messages")) && !text.contains("<iframe")
    });
    let some = [
        site.join("index.html"),
        letter,
        site.join("all/index.html"),
        site.join("folders/INBOX/index.html"),
        site.join("stats.html"),
        plain.unwrap().clone(),
    ];
    assert_fit(&sandbox, &some);
    for page in &some {
        assert_eq!(
            console(&sandbox, page),
            Vec::<String>::new(),
            "{}",
            page.display()
        );
    }
    keep_pictures(
        &sandbox,
        &[
            ("index", &some[0]),
            ("letter", &some[1]),
            ("list", &some[2]),
            ("statistics", &some[4]),
            ("plain", &some[5]),
        ],
    );
    assert_eq!(*asked.lock().unwrap(), BTreeSet::new());
}

#[test]
fn a_page_lets_nothing_run_or_call_home_that_gets_past_the_sanitiser() {
    if missing("chromium") {
        return;
    }
    let (port, asked) = listener();
    let (sandbox, _server) = exported(letters(port));
    let page = fs::read_to_string(letter(&sandbox)).unwrap();
    // In the page, and in the frame of a message.
    let framed = hostile(port).replace('"', "&quot;");
    let with = page.replace("</body>", &format!("{}</body>", hostile(port)));
    assert_eq!(with.matches(" srcdoc=\"").count(), 1);
    let with = with.replace(" srcdoc=\"", &format!(" srcdoc=\"{framed}"));
    let with_policy = sandbox.write("with.html", &with, 0o600);
    let dom = shown(&sandbox, &with_policy);
    assert!(dom.contains("<title>Your boarding pass"), "{dom}");
    // Chromium opens a connection for a frame before it looks whether there may be one.
    asked.lock().unwrap().remove("");
    assert_eq!(*asked.lock().unwrap(), BTreeSet::new());
    // Without its policy the same page does all that, or this test would prove nothing.
    let policy = "Content-Security-Policy";
    assert!(with.contains(policy));
    let without = sandbox.write("without.html", with.replace(policy, "X-None"), 0o600);
    let dom = shown(&sandbox, &without);
    assert!(dom.contains("<title>it ran</title>"), "{dom}");
    let asked = asked.lock().unwrap();
    for path in ["/image", "/sheet", "/frame", "/background"] {
        assert!(asked.contains(path), "{path}: {asked:?}");
    }
}

#[test]
fn the_page_of_stats_fits_every_window() {
    if missing("chromium") {
        return;
    }
    let (port, asked) = listener();
    let (sandbox, _server) = pulled(letters(port));
    let _ = sandbox
        .run(&["stats", "--html", "mail.html"])
        .expect_code(0);
    let page = sandbox.path("mail.html");
    let dom = shown(&sandbox, &page);
    assert!(dom.contains("By folder") && dom.contains("<svg"), "{dom}");
    assert_fit(&sandbox, std::slice::from_ref(&page));
    keep_pictures(&sandbox, &[("stats", &page)]);
    assert_eq!(*asked.lock().unwrap(), BTreeSet::new());
}
