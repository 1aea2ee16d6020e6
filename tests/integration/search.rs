//! Finding mail by what is written in it, and what becomes of the index of words.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mailvault::sample::Message;

use super::limits::peak;
use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message, pulled};

/// Mail in which the same things are written in different ways; the subject names it.
fn letters() -> Vec<Message> {
    let html = "Content-Type: text/html; charset=utf-8\r\n\r\n\
        <html><head><title>no</title></head><body><p>The <b>parrot</b>&nbsp;is&#32;resting\
        </p><style>.hidden{}</style></body></html>\r\n";
    let both = "Content-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\n\r\nonly in plain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>only in markup\r\n--b--\r\n";
    let attached = "Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nsee below\r\n--b\r\nContent-Type: application/pdf\r\n\
        Content-Disposition: attachment; filename=\"Ticket-Berlin.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n";
    let texts = [
        ("plain", "\r\nYour boarding pass\r\nfor the flight.\r\n"),
        ("html", html),
        ("both", both),
        ("attached", attached),
        (
            "latin",
            "Content-Type: text/plain; charset=iso-8859-1\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe aus Z=FCrich\r\n",
        ),
        (
            "base64",
            "Content-Transfer-Encoding: base64\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n5p2x5Lqs44K/44Ov44O844Gr6KGM44GN44G+44GZ\r\n",
        ),
        (
            "encoded =?utf-8?q?Stromrechnung_f=C3=BCr_M=C3=A4rz?=",
            "Cc: =?utf-8?b?SsO2cmc=?= <joerg@example.net>\r\n\r\npass the boarding\r\n",
        ),
    ];
    let messages = texts.iter().enumerate();
    messages
        .map(|(n, (subject, rest))| {
            let head = format!(
                "From: Ann Lee <ann@example.org>\r\nTo: bob{n}@example.com\r\n\
                 Message-ID: <{n}@example.org>\r\nSubject: {subject}\r\n"
            );
            message(&format!("u{n}"), &(head + rest))
        })
        .collect()
}

/// The first words of the subjects of what is found.
fn found(sandbox: &Sandbox, query: &[&str]) -> BTreeSet<String> {
    let args = [&["search", "--json", "--"], query].concat();
    let out = sandbox.run(&args).expect_code(0);
    json_lines(&out.stdout)
        .iter()
        .filter(|line| line["type"] == "message")
        .map(|line| {
            let subject = line["subject"].as_str().unwrap();
            subject.split(' ').next().unwrap().to_owned()
        })
        .collect()
}

fn set(subjects: &[&str]) -> BTreeSet<String> {
    subjects.iter().map(|s| (*s).to_owned()).collect()
}

fn index(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.vault().join("catalog-text.sqlite")
}

#[test]
fn words_are_found_wherever_and_however_they_are_written() {
    let (sandbox, _server) = pulled(letters());
    let all = [
        "attached", "base64", "both", "encoded", "html", "latin", "plain",
    ];
    let but = |one: &str| -> BTreeSet<String> {
        let rest = all.iter().filter(|s| **s != one);
        rest.map(|s| (*s).to_owned()).collect()
    };
    assert!(!index(&sandbox).exists(), "a pull does not write it");
    for (query, subjects) in [
        (&["boarding", "pass"][..], set(&["plain", "encoded"])),
        (&["boarding pass"], set(&["plain"])),
        (&["pass for"], set(&["plain"])),
        (&["oarding"], set(&[])),
        (&["PARROTS"], set(&[])),
        (&["PARR"], set(&["html"])),
        (&["parrot is resting"], set(&["html"])),
        (&["hidden"], set(&[])),
        (&["only"], set(&["both"])),
        (&["markup"], set(&["both"])),
        (&["schone grusse"], set(&["latin"])),
        (&["ZÜRICH"], set(&["latin"])),
        (&["東京"], set(&["base64"])),
        (&["京タワー"], set(&["base64"])),
        (&["京東"], set(&[])),
        (&["stromrechnung"], set(&["encoded"])),
        (&["rechnung"], set(&[])),
        (&["subject:rechnung"], set(&["encoded"])),
        (&["subject:MARZ"], set(&["encoded"])),
        (&["from:lee", "-html"], but("html")),
        (&["-boarding pass"], but("plain")),
        (&["-from:ann"], set(&[])),
        (&["to:jorg"], set(&["encoded"])),
        (&["to:example.net"], set(&["encoded"])),
        (&["to:bob3@example.com"], set(&["attached"])),
        (&["bob3"], set(&["attached"])),
        (&["-to:bob3"], but("attached")),
        (&["has:attachment"], set(&["attached"])),
        (&["-has:attachment"], but("attached")),
        (&["berlin.pdf"], set(&["attached"])),
        (&["ann@example.org"], set(&all)),
        (&["msgid:4@example.org", "grüße"], set(&["latin"])),
        (&["msgid:4@example.org", "-grüße"], set(&[])),
    ] {
        assert_eq!(found(&sandbox, query), subjects, "{query:?}");
    }
    let mode = fs::metadata(index(&sandbox)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let _ = sandbox.run(&["search", "--", "--"]).expect_code(2);
    let _ = sandbox.run(&["search", "!?"]).expect_code(2);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn what_stands_apart_in_html_is_found_word_by_word_and_shown_line_by_line() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let html = "<HTML><HEAD><meta charset=utf-8><style>td > p {}</style>\r\n\
        <BODY><table><tr><td>Order<td>4711<TR><TD>Total</TD><TD>19.90</TD></TR>\
        <tr><td>Delivery<td>Tuesday</table><ul><li>Apples<LI>Pears</ul>5 < 7<div>Bye</div>Ann";
    // As the only text, and beside a plain text that is empty.
    let alone = format!("Content-Type: text/html\r\n\r\n{html}\r\n");
    let both = format!(
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n\
         --b\r\nContent-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
    );
    for (name, rest) in [("alone", alone), ("both", both)] {
        let text = format!("From: shop@example.org\r\nSubject: {name}\r\n{rest}");
        sandbox.write(&format!("{name}.eml"), text, 0o600);
        let file = format!("{name}.eml");
        let _ = sandbox
            .run(&["import", &file, "--account", "shop", "--create"])
            .expect_code(0);
    }
    for word in [
        "order", "4711", "total", "19.90", "delivery", "tuesday", "apples", "pears", "bye", "ann",
    ] {
        assert_eq!(found(&sandbox, &[word]), set(&["alone", "both"]), "{word}");
    }
    let listed = sandbox.run(&["list", "--json"]).expect_code(0);
    for line in json_lines(&listed.stdout) {
        let Some(id) = line["id"].as_str() else {
            continue;
        };
        let shown = sandbox.run(&["show", id]).expect_code(0);
        let text = "Order  4711\nTotal  19.90\nDelivery  Tuesday\n\
            - Apples\n- Pears\n5 < 7\nBye\nAnn\n";
        assert!(shown.stdout().ends_with(text), "{shown}");
    }
}

#[test]
fn a_json_line_has_what_scripts_ask_for() {
    let (sandbox, _server) = pulled(letters());
    let out = sandbox.run(&["search", "--json", "boarding pass"]);
    let line = &json_lines(&out.stdout)[0];
    assert_eq!(line["message_id"], "0@example.org");
    assert_eq!(line["to"], "bob0@example.com");
    assert_eq!(line["flags"], "");
    assert_eq!(line["folder"], "INBOX");
    assert_eq!(line["snippet"], "Your boarding pass");
    // A mail reader that the vault is served to has given it a flag.
    let id = line["id"].as_str().unwrap();
    let cur = sandbox.vault().join("mail/work/cur");
    let names = fs::read_dir(&cur)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = names
        .into_iter()
        .find(|path| path.to_str().unwrap().contains(id));
    let file = file.unwrap();
    fs::rename(&file, format!("{}S", file.display())).unwrap();
    let out = sandbox.run(&["search", "--json", "boarding pass"]);
    assert_eq!(&json_lines(&out.stdout)[0]["snippet"], "Your boarding pass");
    // What the index has not read yet is looked up in the file.
    fs::remove_file(index(&sandbox)).unwrap();
    let out = sandbox.run(&["list", "--json"]);
    let lines = json_lines(&out.stdout);
    assert!(!index(&sandbox).exists());
    assert!(lines.iter().any(|l| l["message_id"] == "6@example.org"
        && l["to"] == "bob6@example.com, Jörg <joerg@example.net>"
        && l["snippet"].is_null()));
}

#[test]
fn new_mail_is_found_at_once() {
    let (sandbox, _server) = pulled(letters());
    assert_eq!(found(&sandbox, &["parrot"]), set(&["html"]));
    sandbox.write("new.eml", "Subject: news\r\n\r\nanother parrot\r\n", 0o600);
    let args = ["import", "new.eml", "--account", "old"];
    let _ = sandbox.run(&args).expect_code(0);
    assert_eq!(found(&sandbox, &["parrot"]), set(&["html", "news"]));
}

#[test]
fn export_and_purge_understand_every_term() {
    let (sandbox, _server) = pulled(letters());
    let _ = sandbox
        .run(&["export", "out", "--format", "eml", "parrot"])
        .expect_code(0);
    let files = super::support::scene::tree(&sandbox.path("out"));
    let letters = files
        .keys()
        .filter(|name| Path::new(name).extension().is_some_and(|ext| ext == "eml"));
    assert_eq!(letters.count(), 1);
    // The index is behind what the purge is about.
    fs::remove_file(index(&sandbox)).unwrap();
    for (query, freed) in [("has:attachment", 1), ("-\"boarding pass\" -to:jorg", 4)] {
        let query = format!("--match={query}");
        let args = ["purge", "work", "--json", &query, "--yes"];
        let out = sandbox.run(&args).expect_code(0);
        let lines = json_lines(&out.stdout);
        let line = lines.iter().find(|line| !line["freed"].is_null()).unwrap();
        assert_eq!(line["freed"], freed, "{out}");
    }
}

#[test]
fn a_purge_does_not_go_by_texts_that_it_cannot_read() {
    let (sandbox, _server) = pulled(letters());
    let files = sandbox.vault().join("mail/work/cur");
    let file = fs::read_dir(files).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, b"damaged").unwrap();
    let args = ["purge", "work", "--match=-parrot", "--yes"];
    let out = sandbox.run(&args).expect_code(20);
    assert!(
        out.stderr()
            .contains("text of 1 messages could not be read"),
        "{out}"
    );
    let out = sandbox.run(&["search", "parrot"]).expect_code(0);
    assert!(
        out.stderr().contains("1 message searched by sender"),
        "{out}"
    );
}

#[test]
fn a_damaged_or_foreign_index_is_made_anew() {
    let (sandbox, _server) = pulled(letters());
    assert_eq!(found(&sandbox, &["parrot"]), set(&["html"]));
    let whole = fs::read(index(&sandbox)).unwrap();
    let mut overwritten = whole.clone();
    for page in overwritten.chunks_mut(4096).skip(1) {
        page.fill(0xa5);
    }
    for bytes in [
        &b""[..],
        b"no database at all, but a text that is long enough to look at, and more of it",
        &whole[..whole.len() / 2],
        &overwritten,
    ] {
        fs::write(index(&sandbox), bytes).unwrap();
        assert_eq!(found(&sandbox, &["parrot"]), set(&["html"]));
        assert_eq!(found(&sandbox, &["to:bob3"]), set(&["attached"]));
    }
    // The index of another vault.
    let (other, _server) = pulled(letters().into_iter().rev().collect());
    assert_eq!(found(&other, &["parrot"]), set(&["html"]));
    fs::copy(index(&other), index(&sandbox)).unwrap();
    assert_eq!(found(&sandbox, &["parrot"]), set(&["html"]));
    // A catalog that was made anew.
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    assert_eq!(found(&sandbox, &["parrot"]), set(&["html"]));
}

#[test]
fn a_search_that_was_killed_goes_on_later() {
    let word = |n: usize| format!("Subject: {n}\r\n\r\nneedle {n} in the haystack\r\n");
    let messages = (0..3000).map(|n| message(&format!("u{n}"), &word(n)));
    let (sandbox, _server) = pulled(messages.collect());
    for after in [20, 60, 120, 200, 350] {
        let child = sandbox.start(&["search", "--json", "needle"]);
        std::thread::sleep(std::time::Duration::from_millis(after));
        child.signal(rustix::process::Signal::KILL);
        let _ = child.wait();
    }
    assert_eq!(found(&sandbox, &["needle"]).len(), 3000);
    assert_eq!(found(&sandbox, &["needle 2999"]), set(&["2999"]));
}

#[test]
fn large_mail_is_searched_in_little_memory() {
    let line = "Lorem ipsum dolor sit amet, çonsectetur wörd ".repeat(1600);
    let html = format!(
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>{}",
        line.repeat(230)
    );
    let plain = format!("\r\n{}needle\r\n", (line + "\r\n").repeat(210));
    let mut noise = String::new();
    for n in 0..14_000_000 / 9 {
        let _ = write!(noise, "{:08x} ", n * 2_654_435_761_u64 % 4_294_967_291);
    }
    let messages = [
        message("a", &format!("Subject: html\r\n{html}")),
        message("b", &format!("Subject: plain\r\n{plain}")),
        message("c", &format!("Subject: noise\r\n\r\n{noise}")),
    ];
    let (sandbox, _server) = pulled(messages.into());
    let child = sandbox.start(&["search", "--json", "needle"]);
    let id = child.id();
    let watch = std::thread::spawn(move || peak(id));
    let out = child.wait();
    let peak = watch.join().unwrap();
    assert!(out.stdout().contains("plain"), "{out}");
    assert!(peak <= 64 << 10, "{peak} kB");
}
