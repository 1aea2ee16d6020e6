//! The keys of an HTML archive's pages, and the panel that lists them, pressed in Firefox.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::browser::exported;
use super::html_search::{asked, letters};
use super::support::chromium::url;
use super::support::marionette::Firefox;
use super::support::missing;
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message};

const ESC: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const CONTROL: &str = "\u{e009}";
const ALT: &str = "\u{e00a}";
const META: &str = "\u{e03d}";

/// Whether the panel is open, what it is called and says, and what has the focus.
const PANEL: &str = "const panel = document.getElementById('keys'), on = document.activeElement;\
    return {open: panel.open, shown: panel.checkVisibility(),\
        name: document.getElementById(panel.getAttribute('aria-labelledby')).textContent,\
        keys: [...panel.querySelectorAll('kbd')].map(key => key.textContent),\
        within: panel.contains(on), on: on.tagName, text: on.textContent,\
        at: [...document.querySelectorAll('.rows .what a, .letter > summary, .next a')].indexOf(on)}";

fn panel(firefox: &mut Firefox) -> Value {
    firefox.ask(PANEL)
}

#[track_caller]
fn wait_until(firefox: &mut Firefox, what: &str, is_so: impl Fn(&mut Firefox) -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so(firefox) {
        assert!(Instant::now() < end, "not so: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An archive with a conversation of three messages; its page, and that of a message alone with
/// neighbours.
fn archive() -> (Sandbox, mailvault::sample::Server, [std::path::PathBuf; 2]) {
    let talk = (0..3).map(|n| {
        message(
            &format!("t{n}"),
            &format!(
                "Received: by mx.example.org; 2 Mar 2023 12:00:{n:02} +0000\r\n\
                 Message-ID: <t{n}@example.org>\r\nReferences: <t0@example.org>\r\n\
                 From: ann@example.org\r\nSubject: Talk {n}\r\n\r\nHello\r\n"
            ),
        )
    });
    let (sandbox, server) = exported(letters(9).into_iter().chain(talk).collect());
    let page = |query: &str| {
        let found = sandbox.run(&["list", "--json", query]).expect_code(0);
        let id = json_lines(&found.stdout)[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        sandbox.path(format!("site/messages/{}/{id}.html", &id[..2]))
    };
    let pages = [page("subject:\"Talk 0\""), page("subject:Travel")];
    (sandbox, server, pages)
}

#[test]
fn a_question_mark_opens_the_keys_of_the_page_and_esc_closes_them() {
    if missing("firefox-esr") {
        return;
    }
    let (sandbox, _server, [talk, alone]) = archive();
    let site = sandbox.path("site");
    let mut firefox = Firefox::start(&sandbox);
    let list = ["j", "k", "Enter", "/", "?", "Esc"];
    let pages: [(_, &[&str]); 7] = [
        (site.join("index.html"), &list),
        (site.join("all/index.html"), &list),
        (site.join("folders/INBOX/index.html"), &list),
        (talk, &list),
        (alone, &list),
        (site.join("stats.html"), &["/", "?", "Esc"]),
        (
            site.join("search.html"),
            &["/", "Enter", "j", "k", "?", "Esc"],
        ),
    ];
    for (page, keys) in pages {
        let name = page.display().to_string();
        firefox.open("about:blank");
        firefox.open(&format!("{}{}", url(&page), asked("from:ann")));
        let closed = panel(&mut firefox);
        assert_eq!(closed["open"], false, "{name}");
        assert_eq!(closed["shown"], false, "{name}");
        // The search page begins in its field, and there it is a letter.
        firefox.ask("document.activeElement.blur(); document.querySelector('header a').focus()");
        let before = panel(&mut firefox);
        firefox.press(&["?"], None);
        let open = panel(&mut firefox);
        assert_eq!(open["open"], true, "{name}: {open}");
        assert_eq!(open["within"], true, "{name}: {open}");
        assert_eq!(open["name"], "Keys on this page");
        assert_eq!(open["keys"], json!(keys), "{name}");
        // The page behind it does not move.
        firefox.press(&["j", "k", "/"], None);
        let same = panel(&mut firefox);
        assert_eq!(same, open, "{name}");
        firefox.press(&[ESC], None);
        let closed = panel(&mut firefox);
        assert_eq!(closed, before, "{name}");
        firefox.press(&["?"], None);
        firefox.press(&["?"], None);
        assert_eq!(panel(&mut firefox), before, "{name}");
        firefox.press(&["?"], None);
        firefox.press(&[ENTER], None);
        assert_eq!(panel(&mut firefox), before, "the button of {name}");
        for held in [CONTROL, ALT, META] {
            firefox.press(&["?"], Some(held));
            assert_eq!(panel(&mut firefox)["open"], false, "{name}");
        }
        // A mouse opens it, too.
        firefox
            .ask("document.getElementById('ask').focus(); document.getElementById('ask').click()");
        assert_eq!(panel(&mut firefox)["within"], true, "{name}");
        firefox.press(&[ESC], None);
        assert_eq!(
            firefox.ask("return document.activeElement.id"),
            "ask",
            "{name}"
        );
        assert_eq!(firefox.complaints(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn keys_move_from_message_to_message_and_not_while_one_types() {
    if missing("firefox-esr") {
        return;
    }
    let (sandbox, _server, [talk, alone]) = archive();
    let site = sandbox.path("site");
    let mut firefox = Firefox::start(&sandbox);
    firefox.open(&url(&site.join("all/index.html")));
    for (keys, held, at) in [
        (&["j"][..], None, 0),
        (&["j", "j"], None, 2),
        (&["k"], None, 1),
        (&["j"], Some(ALT), 1),
        (&["k", "k", "k"], None, 0),
    ] {
        firefox.press(keys, held);
        assert_eq!(panel(&mut firefox)["at"], at, "{keys:?}");
    }
    // Messages of a conversation, and not the links in them.
    firefox.open(&url(&talk));
    firefox.press(&["j", "j"], None);
    let on = panel(&mut firefox);
    assert_eq!(on["on"], "SUMMARY", "{on}");
    let open = "return [...document.querySelectorAll('details.letter')].map(l => l.open)";
    let before = firefox.ask(open);
    firefox.press(&[ENTER], None);
    assert_eq!(before[1], !firefox.ask(open)[1].as_bool().unwrap());
    firefox.open(&url(&alone));
    firefox.press(&["j"], None);
    assert!(
        panel(&mut firefox)["text"]
            .as_str()
            .unwrap()
            .starts_with("Next in")
    );
    firefox.press(&["k"], None);
    assert!(
        panel(&mut firefox)["text"]
            .as_str()
            .unwrap()
            .starts_with("Previous in")
    );
    // The way to the search, and what is typed there.
    firefox.press(&["/"], None);
    wait_until(&mut firefox, "the search opens", |firefox| {
        firefox.ask("return document.title") == "Search"
    });
    firefox.press(&["w", "h", "y", "?", "j", "/"], None);
    let typed = "return document.getElementById('query').value";
    assert_eq!(firefox.ask(typed), "why?j/");
    assert_eq!(panel(&mut firefox)["open"], false);
    firefox.press(&[ESC], None);
    assert_eq!(firefox.ask(typed), "");
    firefox.press(&["a", "n", "n"], None);
    let count = "return document.querySelectorAll('#results .what a').length";
    wait_until(&mut firefox, "something is found", |firefox| {
        firefox.ask(count).as_u64() >= Some(2)
    });
    firefox.ask("document.activeElement.blur()");
    firefox.press(&["j", "j"], None);
    assert_eq!(panel(&mut firefox)["at"], 1);
    // Esc closes the panel and leaves the query; then it clears it.
    firefox.press(&["?"], None);
    firefox.press(&[ESC], None);
    assert_eq!(firefox.ask(typed), "ann");
    assert_eq!(panel(&mut firefox)["at"], 1);
    firefox.press(&[ESC], None);
    assert_eq!(firefox.ask(typed), "");
    assert_eq!(firefox.complaints(), Vec::<String>::new());
}
