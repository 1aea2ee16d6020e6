//! The search page of an HTML archive in headless Chromium, from the disk: it finds what
//! `mailvault search` finds, and nothing that mail says makes it do anything else.

use std::collections::BTreeSet;

use mailvault::sample::Message;

use super::browser::{exported, listener};
use super::support::chromium::opened;
use super::support::missing;
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message};

/// A query in an address.
pub(super) fn asked(query: &str) -> String {
    let escaped = query.bytes().map(|byte| format!("%{byte:02x}"));
    format!("#q={}", escaped.collect::<String>())
}

/// The beginnings of the ids that a page shows, and what it says of their number.
pub(super) fn hits(dom: &str) -> (Vec<String>, String) {
    let said = dom.split("id=\"status\"").nth(1).unwrap();
    let said = said.split('<').next().unwrap().split('>').nth(1).unwrap();
    let table = dom.split("id=\"results\"").nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    let links = table.split("href=\"messages/").skip(1);
    let ids = links.map(|link| {
        let link = link.split('"').next().unwrap();
        link.split_once(".html#m").unwrap().1.to_owned()
    });
    (ids.collect(), said.to_owned())
}

/// The beginnings of the ids that `mailvault search` finds.
pub(super) fn found(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let args = [&["search", "--json"], words].concat();
    let lines = json_lines(&sandbox.run(&args).stdout);
    let ids = lines.iter().filter_map(|line| line["id"].as_str());
    ids.map(|id| id[..16].to_owned()).collect()
}

pub(super) const HOSTILE: [&str; 4] = [
    "</script><img src=x onerror=\"document.title='it ran'\">",
    "\"),document.title='it ran',mv(\"root\",\"\"",
    "line\u{2028}separator 'quotes' \\u003cscript\\u003e",
    "${document.title='it ran'} </template></td>",
];

pub(super) fn letters(port: u16) -> Vec<Message> {
    let mails = [
        (
            "Example Air <air@example.org>",
            "ann@example.org",
            "Your boarding pass to Zürich",
            "ticket.pdf",
            "2 Mar 2024",
        ),
        (
            "\"Lee, Ann\" <ann@example.org>",
            "Bob <bob@example.net>",
            "Grüße aus Łódź",
            "",
            "31 Mar 2024",
        ),
        (
            "bob@example.net",
            "ann@example.org, carol@example.org",
            "Re: GRUSSE",
            "",
            "1 Apr 2024",
        ),
        (
            "bob@example.net",
            "team@example.org",
            "Travel plans",
            "Reise plan (final).xlsx",
            "5 Jan 2025",
        ),
        (
            "Tanaka <t@example.jp>",
            "ann@example.org",
            "東京 meeting",
            "",
            "6 Feb 2025",
        ),
        (
            "news@example.com",
            "ann@example.org",
            "Weekly news: boarding",
            "",
            "7 Jun 2025",
        ),
    ];
    let hostile = HOSTILE.map(|subject| {
        (
            "eve@example.com",
            "ann@example.org",
            subject,
            "",
            "8 Aug 2019",
        )
    });
    let mails = mails.into_iter().chain(hostile).zip(0..);
    let mails = mails.map(|((from, to, subject, file, day), n)| {
        let attached = match file {
            "" => String::new(),
            name => format!(
                "--b\r\nContent-Type: application/octet-stream\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\r\nx\r\n"
            ),
        };
        message(
            &format!("s{n}"),
            &format!(
                "Received: by mx.example.org; {day} 12:00:{n:02} +0000\r\n\
                 Message-ID: <{n}@example.org>\r\nFrom: {from}\r\nTo: {to}\r\n\
                 Cc: Copy {n} <http://127.0.0.1:{port}/cc>\r\nSubject: {subject}\r\n\
                 MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                 --b\r\n\r\nHello\r\n{attached}--b--\r\n"
            ),
        )
    });
    mails.collect()
}

#[test]
fn the_search_page_finds_what_search_finds() {
    if missing("chromium") {
        return;
    }
    let (port, requests) = listener();
    let (sandbox, _server) = exported(letters(port));
    let page = sandbox.path("site/search.html");
    let queries: [(&str, &[&str]); 19] = [
        ("from:air", &["from:air"]),
        ("from:ann@example.org", &["from:ann@example.org"]),
        ("to:bob", &["to:bob"]),
        ("to:copy ann", &["to:copy", "ann"]),
        ("subject:boarding", &["subject:boarding"]),
        ("BOARDING -subject:zurich", &["boarding", "-subject:zurich"]),
        ("grüß", &["grüß"]),
        ("lodz", &["lodz"]),
        ("東京", &["東京"]),
        ("reise", &["reise"]),
        ("file:ticket", &["ticket"]),
        ("has:attachment", &["has:attachment"]),
        ("date:2024-03", &["after:2024-03", "before:2024-04"]),
        ("year:2025 bob", &["after:2025", "before:2026", "bob"]),
        ("in:INBOX -year:2019", &["folder:INBOX", "after:2020"]),
        ("weekday:SATURDAY", &["weekday:sat"]),
        ("hour:09 -hour:12", &["hour:9", "-hour:12"]),
        ("onerror", &["onerror"]),
        ("nobody-has-this", &["nobody-has-this"]),
    ];
    let mut seen = 0;
    for (query, words) in queries {
        let shown = opened(&sandbox, &page, &asked(query));
        assert_eq!(shown.complaints, Vec::<String>::new(), "{query}");
        let (shown_ids, said) = hits(&shown.dom);
        let wanted = found(&sandbox, words);
        assert_eq!(shown_ids, wanted, "{query}: {}", shown.dom);
        let number = match wanted.len() {
            0 => "No message has all of this.".to_owned(),
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        assert_eq!(said, number, "{query}");
        assert!(!shown.dom.contains("it ran</title>"), "{query}");
        seen += wanted.len();
    }
    assert!(seen > 25, "{seen}");
    assert_eq!(*requests.lock().unwrap(), BTreeSet::new());
}

#[test]
fn words_in_quotes_have_to_follow_each_other_as_in_search() {
    if missing("chromium") {
        return;
    }
    let (_, requests) = listener();
    let many: Vec<String> = (0..400)
        .map(|n| format!("Person {n} <p{n}@example.org>"))
        .collect();
    let many = many.join(", ");
    let mails = [
        (
            "Ann Lee <ann@example.org>",
            "bob@example.net",
            "boarding pass to Rome",
            "plan b.pdf",
        ),
        (
            "\"Lee, Ann\" <lee@example.org>",
            "bob@example.net",
            "pass the boarding gate",
            "b plan.pdf",
        ),
        (
            "eve@example.org",
            "Ann Ox <ox@example.org>, Lee <lee@example.com>",
            "boarding",
            "passport.pdf",
        ),
        (
            "eve@example.org",
            "ann@example.net, org@example.com",
            "Boarding: passes, 12:30",
            "",
        ),
        (
            "\u{6771}\u{4eac} <t@example.jp>",
            "ann@example.org",
            "\u{4eac}\u{6771} \u{6771}\u{4eac} a b",
            "",
        ),
        ("eve@example.org", &*many, "to many boarding", ""),
    ];
    let mails = mails.into_iter().zip(0..).map(|((from, to, subject, file), n)| {
        let to = to.replace(">, ", ">,\r\n ");
        message(
            &format!("p{n}"),
            &format!(
                "Received: by mx.example.org; 2 Mar 2024 12:00:{n:02} +0000\r\n\
                 Message-ID: <p{n}@example.org>\r\nFrom: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\
                 MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                 --b\r\n\r\nHello\r\n{}--b--\r\n",
                match file {
                    "" => String::new(),
                    name => format!(
                        "--b\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\nx\r\n"
                    ),
                }
            ),
        )
    });
    let (sandbox, _server) = exported(mails.collect());
    let page = sandbox.path("site/search.html");
    let phrases: [(&str, &[&str]); 16] = [
        ("\"boarding pass\"", &["boarding pass"]),
        ("boarding pass", &["boarding", "pass"]),
        ("\"boarding pass \"", &["\"boarding pass \""]),
        ("\"pass the\"", &["pass the"]),
        (
            "-\"boarding pass\" boarding",
            &["--", "boarding", "-boarding pass"],
        ),
        ("\"plan b\"", &["plan b"]),
        ("ann@example.org", &["ann@example.org"]),
        ("\"ann lee\"", &["ann lee"]),
        ("from:\"ann lee\"", &["from:ann lee"]),
        ("from:\"lee, ann\"", &["from:lee, ann"]),
        ("from:\"lee ann\"", &["from:lee ann"]),
        ("to:\"ann ox\"", &["to:ann ox"]),
        (
            "to:lee@example.com -from:ann@example.org",
            &["to:lee@example.com", "-from:ann@example.org"],
        ),
        (
            "subject:\"boarding: passes\"",
            &["subject:boarding: passes"],
        ),
        ("subject:12:30", &["subject:12:30"]),
        ("\u{6771}\u{4eac}", &["\u{6771}\u{4eac}"]),
    ];
    let (mut seen, mut none) = (0, 0);
    for (query, words) in phrases {
        let shown = opened(&sandbox, &page, &asked(query));
        assert_eq!(shown.complaints, Vec::<String>::new(), "{query}");
        let (ids, said) = hits(&shown.dom);
        assert_eq!(ids, found(&sandbox, words), "{query}: {said}");
        assert!(
            shown
                .dom
                .contains("id=\"doubt\" class=\"note\" role=\"status\" hidden"),
            "{query}"
        );
        seen += ids.len();
        none += usize::from(ids.is_empty());
    }
    assert!(seen >= 18 && none >= 1, "{seen}, {none}");
    // Of more recipients than the index keeps, the page says that it does not know.
    for (query, words) in [
        ("\"person 399 p399\"", "person 399 p399"),
        ("\"person p399\"", "person p399"),
    ] {
        let shown = opened(&sandbox, &page, &asked(query));
        assert_eq!(hits(&shown.dom).0.len(), 1, "{query}");
        assert!(
            shown
                .dom
                .contains("One of them may not have the words next to each other"),
            "{query}: {}",
            shown.dom
        );
        assert!(found(&sandbox, &[words]).len() < 2, "{query}");
    }
    assert_eq!(*requests.lock().unwrap(), BTreeSet::new());
}

#[test]
fn each_kind_of_bar_of_the_statistics_leads_to_its_messages() {
    if missing("chromium") {
        return;
    }
    let (port, requests) = listener();
    let (sandbox, _server) = exported(letters(port));
    let stats = opened(&sandbox, &sandbox.path("site/stats.html"), "");
    assert_eq!(stats.complaints, Vec::<String>::new());
    let mut kinds = BTreeSet::new();
    for row in stats
        .dom
        .split("<th scope=\"row\"><a href=\"search.html")
        .skip(1)
    {
        let (address, rest) = row.split_once('"').unwrap();
        let kind = address.split('%').next().unwrap().to_owned() + &address.len().to_string();
        if !kinds.insert(kind) {
            continue;
        }
        let count = rest.split("<td>").nth(1).unwrap();
        let count = count.split('<').next().unwrap();
        let found = opened(&sandbox, &sandbox.path("site/search.html"), address);
        let (_, said) = hits(&found.dom);
        let messages = if count == "1" { "message" } else { "messages" };
        assert_eq!(said, format!("{count} {messages}"), "{address}");
    }
    // Years, months, days, hours, senders, sizes and folders.
    assert!(kinds.len() >= 7, "{kinds:?}");
    assert_eq!(*requests.lock().unwrap(), BTreeSet::new());
}

#[test]
fn hostile_subjects_and_queries_are_only_text() {
    if missing("chromium") {
        return;
    }
    let (port, requests) = listener();
    let (sandbox, _server) = exported(letters(port));
    let page = sandbox.path("site/search.html");
    let shown = opened(&sandbox, &page, &asked("from:eve"));
    assert_eq!(hits(&shown.dom).0.len(), HOSTILE.len(), "{}", shown.dom);
    assert!(
        shown.dom.contains("&lt;/script&gt;&lt;img src=x"),
        "{}",
        shown.dom
    );
    let all = HOSTILE.iter().map(|text| asked(text));
    let odd = [
        "#q=%",
        "#q=%e2%28",
        "#q=</script><script>document.title='it ran'</script>",
        "#q=from:",
        "#q=-",
        "#q=constructor __proto__ is:constructor",
    ];
    for part in all.chain(odd.map(str::to_owned)) {
        let shown = opened(&sandbox, &page, &part);
        assert!(shown.dom.contains("<title>Search</title>"), "{part}");
        assert_eq!(shown.complaints, Vec::<String>::new(), "{part}");
        let said = hits(&shown.dom).1;
        assert!(!said.contains("failed"), "{part}: {said}");
    }
    assert_eq!(*requests.lock().unwrap(), BTreeSet::new());
}

#[test]
fn a_browser_folds_words_as_the_program_does() {
    if missing("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let fold = include_str!("../../templates/archive/fold.js");
    let examples = include_str!("../data/fold.json");
    let test = "document.body.textContent = examples.map(([text, wanted]) => \
        words(text).join(' ') === wanted ? 'same' : `${text} is ${words(text)}`).join(', ')";
    let page = format!(
        "<!doctype html><meta charset=utf-8><body><script>{fold}\nconst examples = {examples};\n{test}</script>"
    );
    let page = sandbox.write(
        "fold.html",
        page.replace("</script><img", "<\\/script><img"),
        0o600,
    );
    let shown = opened(&sandbox, &page, "");
    assert_eq!(shown.complaints, Vec::<String>::new());
    let body = shown.dom.split("<body>").nth(1).unwrap();
    let body = body.split("</body>").next().unwrap();
    let examples: Vec<(String, String)> = serde_json::from_str(examples).unwrap();
    assert_eq!(body, vec!["same"; examples.len()].join(", "));
}
