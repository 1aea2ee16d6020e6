//! The pages of an HTML archive in Firefox, from the disk. It does not hold local scripts to a
//! page's policy, so that nothing is left but what the cleaning left.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::browser::{exported, listener, pages};
use super::html_search::{HOSTILE, asked, found};
use super::support::chromium::url;
use super::support::marionette::Firefox;
use super::support::missing;
use super::support::sandbox::Sandbox;
use super::{browser, html_search};

/// The beginnings of the ids that the search page shows, once it has said how many there are.
fn hits(firefox: &mut Firefox) -> (Vec<String>, String) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let said = firefox.ask("return document.getElementById('status').textContent");
        let said = said.as_str().unwrap().to_owned();
        if said.ends_with("message") || said.ends_with("messages") || said.starts_with("No ") {
            let links = firefox.ask(
                "return [...document.querySelectorAll('#results .what a')].map(a => a.hash.slice(2))",
            );
            let links = links.as_array().unwrap().iter();
            let ids = links.map(|link| link.as_str().unwrap().to_owned());
            return (ids.collect(), said);
        }
        assert!(Instant::now() < end, "the search says {said:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A page in which nothing went wrong has nothing to say, whatever was in its mail.
#[track_caller]
fn assert_quiet(firefox: &mut Firefox, page: &dyn std::fmt::Display) {
    assert_eq!(firefox.complaints(), Vec::<String>::new(), "{page}");
}

#[test]
fn firefox_opens_every_page_and_nothing_in_it_runs_or_calls_home() {
    if missing("firefox-esr") {
        return;
    }
    let (port, requests) = listener();
    let all = browser::letters(port).into_iter();
    let (sandbox, _server) = exported(all.chain(html_search::letters(port)).collect());
    let site = sandbox.path("site");
    let pages = pages(&site);
    assert!(pages.len() > 45, "{}", pages.len());
    let mut firefox = Firefox::start(&sandbox);
    let mut frames = 0;
    for page in &pages {
        firefox.open(&url(page));
        let state = firefox.ask(
            "return {js: document.documentElement.className, title: document.title,\
             scripts: document.scripts.length,\
             tall: [...document.querySelectorAll('iframe')].map(f => f.offsetHeight),\
             inner: [...document.querySelectorAll('iframe')].map(f => f.contentDocument.scripts.length)}",
        );
        assert_eq!(state["js"], "js", "{}: {state}", page.display());
        assert_ne!(state["title"], "it ran", "{}", page.display());
        for (height, scripts) in state["tall"]
            .as_array()
            .unwrap()
            .iter()
            .zip(state["inner"].as_array().unwrap())
        {
            // The page has asked the frame how tall it is.
            assert!(height.as_u64() > Some(60), "{}: {state}", page.display());
            assert_eq!(scripts, 0, "{}", page.display());
            frames += 1;
        }
        assert_quiet(&mut firefox, &page.display());
    }
    assert!(frames > 0);
    for query in [
        "from:air",
        "grüß",
        "date:2024-03",
        "weekday:sat",
        "has:attachment",
        "nobody",
    ] {
        let words: &[&str] = match query {
            "date:2024-03" => &["after:2024-03", "before:2024-04"],
            query => &[query],
        };
        firefox.open("about:blank");
        firefox.open(&format!(
            "{}{}",
            url(&site.join("search.html")),
            asked(query)
        ));
        let (shown, said) = hits(&mut firefox);
        assert_eq!(shown, found(&sandbox, words), "{query}: {said}");
        assert_quiet(&mut firefox, &query);
    }
    for query in HOSTILE {
        firefox.open("about:blank");
        firefox.open(&format!(
            "{}{}",
            url(&site.join("search.html")),
            asked(query)
        ));
        let _ = hits(&mut firefox);
        assert_eq!(firefox.ask("return document.title"), "Search");
        assert_quiet(&mut firefox, &query);
    }
    assert_eq!(*requests.lock().unwrap(), BTreeSet::new());
    // What a page would do that is not cleaned, or this test would prove nothing.
    let bad = format!(
        "<!doctype html><script>document.title='it ran'</script>\
         <img src=\"http://127.0.0.1:{port}/image\">"
    );
    firefox.open(&url(&sandbox.write("bad.html", bad, 0o600)));
    assert_eq!(firefox.ask("return document.title"), "it ran");
    assert!(requests.lock().unwrap().contains("/image"));
}

#[test]
fn what_a_page_complains_of_in_firefox_is_seen() {
    if missing("firefox-esr") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut firefox = Firefox::start(&sandbox);
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                  script-src 'unsafe-inline'\">";
    let frame =
        "<iframe sandbox=allow-same-origin srcdoc=\"<img src='http://127.0.0.1:9/x'>\"></iframe>";
    let bad = [
        (
            "thrown",
            "<script>throw new Error('it broke')</script>",
            "it broke",
        ),
        (
            "told",
            "<script>console.error('it told')</script>",
            "it told",
        ),
        (
            "refused",
            "<img src=\"http://127.0.0.1:9/x\">",
            "http://127.0.0.1:9/x",
        ),
        ("framed", frame, "http://127.0.0.1:9/x"),
    ];
    for (name, body, wanted) in bad {
        let page = format!("<!doctype html>{policy}<title>x</title>{body}");
        let page = sandbox.write(&format!("{name}.html"), page, 0o600);
        firefox.open(&url(&page));
        let said = firefox.complaints();
        assert!(
            said.iter().any(|line| line.contains(wanted)),
            "{name}: {said:?}"
        );
    }
    let page = sandbox.write("good.html", "<!doctype html><title>x</title>", 0o600);
    firefox.open(&url(&page));
    assert_eq!(firefox.complaints(), Vec::<String>::new());
}
