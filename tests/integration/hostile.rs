//! Promise 25 of docs/SAFETY.md: whatever a message holds, what is done with it comes to its
//! end in little memory, and the exact exports have all of it. The messages are made here; a
//! run that hangs is killed by the sandbox.

use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;

use super::limits::peak;
use super::support::output::Output;
use super::support::sandbox::Sandbox;
use super::support::scene::json_lines;

/// Resident at most, in kB.
const MEMORY: u64 = 64 << 10;

/// Runs the program to its end, and sees that it takes little memory.
fn run(sandbox: &Sandbox, args: &[&str]) -> Output {
    let child = sandbox.start(args);
    let id = child.id();
    let (output, peak) = std::thread::scope(|scope| {
        let peak = scope.spawn(move || peak(id));
        (child.wait(), peak.join().unwrap())
    });
    assert!(peak < MEMORY, "{args:?}: {peak} kB");
    output
}

/// Everything that works on the content of a message, on this one alone.
fn work_on(message: &[u8]) -> Seen {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox.write("in/a.eml", message, 0o600);
    let _ = run(&sandbox, &["import", "in", "--account", "old", "--create"]).expect_code(0);
    let _ = run(&sandbox, &["search", "bottom"]);
    let listed = run(&sandbox, &["list", "--json"]).expect_code(0);
    let id = json_lines(&listed.stdout)[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = run(&sandbox, &["show", &id]).expect_code(0);
    let _ = run(&sandbox, &["stats"]).expect_code(0);
    let _ = run(&sandbox, &["export", "pages", "--format", "html"]).expect_code(0);
    for format in ["eml", "maildir", "mbox"] {
        let _ = run(&sandbox, &["export", format, "--format", format]).expect_code(0);
    }
    let raw = run(&sandbox, &["show", &id, "--raw"]).expect_code(0);
    assert!(raw.stdout == message, "the raw message is another");
    let _ = run(&sandbox, &["export", "one.eml"]).expect_code(0);
    assert!(fs::read(sandbox.path("one.eml")).unwrap() == message);
    let saved = run(&sandbox, &["show", &id, "--save", "saved"]);
    let page = format!("pages/messages/{}/{id}.html", &id[..2]);
    let page = fs::read_to_string(sandbox.path(page)).unwrap();
    Seen {
        shown,
        saved,
        page,
        sandbox,
    }
}

struct Seen {
    shown: Output,
    saved: Output,
    page: String,
    sandbox: Sandbox,
}

fn html(body: &str) -> Vec<u8> {
    let head =
        "From: a@example.org\r\nSubject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
    format!("{head}{body}\r\n").into_bytes()
}

#[test]
fn tags_within_tags_are_a_page_and_say_that_they_were_shortened() {
    for tag in [
        "div",
        "table",
        "blockquote",
        "b",
        "a href=x",
        "font color=1",
        "q",
    ] {
        let tags = format!("<{tag}>").repeat(1_500_000 / (tag.len() + 2));
        let seen = work_on(&html(&format!("{tags}bottom")));
        assert!(seen.page.contains("bottom"), "{tag}");
        assert!(seen.page.contains("This part was shortened"), "{tag}");
        assert!(seen.shown.stdout().contains("bottom"), "{tag}");
    }
}

#[test]
fn html_of_any_kind_comes_to_its_end() {
    let attributes: Vec<String> = (0..150_000).map(|n| format!(" a{n}=1")).collect();
    let attributes = attributes.concat();
    let closed = |n: usize| format!("{}bottom{}", "<div>".repeat(n), "</div>".repeat(n));
    let misnested: Vec<String> = (0..20_000)
        .map(|n| format!("<p><b id={n}><i id={n}></p></b>x"))
        .collect();
    let misnested = misnested.concat();
    for body in [
        format!("<p{attributes}>bottom"),
        "&amp;".repeat(300_000) + "bottom",
        format!("<p style=\"{}\">bottom", "a:url(x);".repeat(150_000)),
        format!(
            "<style>{}</style>bottom",
            "p{background:u\\rl(//t)}".repeat(60_000)
        ),
        closed(100_000),
        misnested + "bottom",
        "<!--a--!>".repeat(150_000) + "bottom",
        "<table><tr><td>".repeat(50_000) + "bottom",
        "<svg><p>".repeat(100_000) + "bottom",
    ] {
        let seen = work_on(&html(&body));
        let start: String = body.chars().take(40).collect();
        assert!(seen.page.contains("bottom"), "{start}");
    }
}

fn multipart(fields: &str, body: &str) -> Vec<u8> {
    let head = "From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\n";
    format!("{head}{fields}Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}").into_bytes()
}

#[test]
fn parts_without_number_are_counted_and_told_of() {
    for part in ["--b\n\n", "--b\n"] {
        let seen = work_on(&multipart(
            "",
            &part.repeat(1_000_000.min(16_000_000 / part.len())),
        ));
        let too_many = "too many or too deeply nested parts";
        assert!(seen.shown.stderr().contains(too_many), "{part:?}");
        assert!(seen.page.contains(too_many), "{part:?}");
        let _ = seen.saved.expect_code(3);
    }
}

#[test]
fn parts_within_parts_come_to_their_end() {
    let mut nested = String::new();
    for n in 0..10_000 {
        let _ = write!(
            nested,
            "--b{n}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n",
            n + 1
        );
    }
    let nested = format!("{nested}\r\nbottom\r\n").replace("--b0\r\n", "--b\r\n");
    let messages = "--b\r\nContent-Type: message/rfc822\r\n\r\n".to_owned()
        + &"Subject: x\r\nContent-Type: message/rfc822\r\n\r\n".repeat(3_000)
        + "Subject: y\r\n\r\nbottom\r\n";
    for body in [nested, messages] {
        let seen = work_on(&multipart("", &body));
        assert!(seen.shown.stderr().contains("too deep"), "{}", seen.shown);
    }
    let mut inner = multipart("", &"--b\n\n".repeat(500_000));
    for _ in 0..4 {
        let text = base64::engine::general_purpose::STANDARD.encode(&inner);
        let text: Vec<_> = text.as_bytes().chunks(76).map(<[u8]>::to_vec).collect();
        let head = "Subject: x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        inner = [head.as_bytes(), &text.join(&b"\r\n"[..]), b"\r\n"].concat();
    }
    let _ = work_on(&inner);
}

#[test]
fn attachments_of_one_name_are_numbered_on() {
    let names = ["scan.pdf", "SCAN.pdf", "sca\u{ff4e}.pdf"];
    let mut body = String::new();
    for n in 0..100_000 {
        let name = names[n % 3];
        let _ = write!(
            body,
            "--b\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\nx\r\n"
        );
    }
    let seen = work_on(&multipart("", &body));
    let saved = fs::read_dir(seen.sandbox.path("saved")).unwrap().count();
    assert_eq!(saved, 10_000);
    let _ = seen.saved.expect_code(3);
    assert!(
        seen.page
            .contains("9000 more attachments are not on this page")
    );
}

#[test]
fn headers_of_any_length_come_to_their_end() {
    let addresses: Vec<String> = (0..400_000)
        .map(|n| format!("a{n}@example.org,\r\n "))
        .collect();
    let addresses = addresses.concat();
    let words = "=?utf-8?q?w=C3=A4?=\r\n ".repeat((4 << 20) / 21);
    let mut pieces = String::new();
    for n in 0..100_000 {
        let _ = write!(pieces, ";\r\n name*{n}*=%41");
    }
    for head in [
        format!("To: {addresses}z@example.org\r\n"),
        "X-Field: a\r\n".repeat(1_000_000),
        "To: a@example.org\r\n".repeat(500_000),
        format!("Subject: {words}\r\n"),
        format!("Subject: {}\r\n", "=?".repeat(1 << 20)),
        format!("References: {}\r\n", "<a@example.org> ".repeat(200_000)),
        format!("Content-Type: application/pdf{pieces}\r\n"),
        format!("Content-Type: text/plain; a={}\r\n", "(".repeat(1 << 20)),
    ] {
        let message = format!("From: a@example.org\r\n{head}\r\nbottom\r\n");
        let _ = work_on(message.as_bytes());
    }
}

#[test]
fn long_texts_are_shortened_and_say_so() {
    for (encoding, line) in [
        ("7bit", "a line of text\r\n"),
        ("quoted-printable", "=41=42=43=44=\r\n"),
        ("base64", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\r\n"),
    ] {
        for kind in ["plain", "html", "plain; charset=iso-8859-1"] {
            let head = format!(
                "Subject: long\r\nContent-Type: text/{kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            );
            let message = head + &line.repeat((25 << 20) / line.len());
            let seen = work_on(message.as_bytes());
            assert!(
                seen.shown.stderr().contains("the text is too long"),
                "{}",
                seen.shown.stderr()
            );
            assert!(seen.page.contains("too long"), "{encoding} {kind}");
        }
    }
}
