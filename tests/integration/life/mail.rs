//! Mail that is easily taken for other mail, and a reading of it of our own: what two
//! deliveries of one message have in common (docs/FORMAT.md, likeness 3).

use std::fmt::Write as _;

use super::model::header_end;

/// Different messages that [`mail`] makes.
pub(crate) const KINDS: usize = 4 * 6 * 12;

/// A message by its number. Many share a Message-ID, a header or a size.
pub(crate) fn mail(n: usize) -> Vec<u8> {
    let (body, subject, form) = (n % 4, n / 4 % 6, n / 24 % 12);
    let mut head = format!(
        "From: ann@example.org\r\nSubject: subject {subject:02}\r\n\
         Date: Mon, 7 Mar 2016 10:{subject:02}:00 +0000\r\n"
    );
    if form == 1 {
        head =
            format!("Received: by mx{n:03}.example.org; Mon, 7 Mar 2016 11:00:00 +0000\r\n{head}");
    }
    if form != 2 {
        let _ = write!(head, "Message-ID: <{subject:02}@example.org>\r\n");
    }
    let body = match body {
        0 => "text of one\r\n".to_owned(),
        1 => "text of two\r\n".to_owned(),
        2 => "a longer text\r\nof some lines\r\n.and a dot\r\n".to_owned(),
        _ => format!(
            "a text of its own length{}\r\n",
            "!".repeat(subject * 5 + 1)
        ),
    };
    match form {
        // All is header, and some of its lines are no fields.
        3 => format!("{head}no field here\r\n{body}"),
        4 => format!("{head}\r\n{}", body.trim_end()),
        5 => format!("{head}\r\n{body}\r\n\r\n"),
        // Two of these differ in lines that are no fields.
        7 => format!("{head}{body}\r\nthe same text\r\n"),
        6 => format!("{head}Message-ID: <again@example.org>\r\n\r\n{body}"),
        _ => format!("{head}\r\n{body}"),
    }
    .into_bytes()
}

/// What two deliveries of one message share; nothing where only its octets decide.
pub(crate) fn likeness(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = header_end(bytes);
    let after = bytes[end..].iter().position(|b| *b == b'\n')? + 1;
    let body = &bytes[end + after..];
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut others: Vec<Vec<u8>> = Vec::new();
    let mut in_field = false;
    for line in bytes[..end].split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if matches!(line.first(), Some(b' ' | b'\t')) {
            match (in_field, fields.last_mut(), others.last_mut()) {
                (true, Some(field), _) => field.1.extend_from_slice(line),
                (false, _, Some(other)) => other.extend_from_slice(line),
                _ => others.push(line.to_vec()),
            }
        } else if let Some((name, value)) = field(line) {
            in_field = true;
            fields.push((name.to_ascii_lowercase(), value.to_vec()));
        } else {
            in_field = false;
            others.push(line.to_vec());
        }
    }
    for field in &mut fields {
        field.1 = blank_trimmed(&field.1).to_vec();
    }
    let ids: Vec<&Vec<u8>> = fields
        .iter()
        .filter(|field| field.0 == b"message-id")
        .map(|field| &field.1)
        .collect();
    if ids.len() != 1 || !(1..=998).contains(&ids[0].len()) {
        return None;
    }
    fields.retain(|field| !is_trace(&field.0));
    fields.sort();
    let mut all = Vec::new();
    for (name, value) in fields {
        all.extend([&name[..], b":", &value, b"\n"].concat());
    }
    for other in others {
        all.extend([&other[..], b"\n"].concat());
    }
    all.push(b'\n');
    for line in body.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => all.extend([line, b"\n"].concat()),
            None => all.extend_from_slice(line),
        }
    }
    while all.ends_with(b"\n") {
        all.pop();
    }
    Some(all)
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let end = line[..colon]
        .iter()
        .rposition(|b| !matches!(b, b' ' | b'\t'))?;
    let name = &line[..=end];
    name.iter()
        .all(|b| matches!(b, 33..=126))
        .then_some((name, &line[colon + 1..]))
}

fn blank_trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The trace fields that these tests make.
fn is_trace(name: &[u8]) -> bool {
    [&b"received"[..], b"status", b"x-status", b"x-uid"].contains(&name)
}

/// True if the vault's `stored` is the server's `original`: to the octet, but for the line
/// end that POP3 adds and the status fields that a server writes, or by likeness.
pub(crate) fn is_same(stored: &[u8], original: &[u8]) -> bool {
    let ended = [original, b"\r\n"].concat();
    let bare = without_status(stored);
    [stored, &bare[..]]
        .iter()
        .any(|bytes| *bytes == original || !original.ends_with(b"\r\n") && *bytes == ended)
        || likeness(original).is_some_and(|one| likeness(stored) == Some(one))
}

fn without_status(bytes: &[u8]) -> Vec<u8> {
    let (header, rest) = bytes.split_at(header_end(bytes));
    let lines = header.split_inclusive(|b| *b == b'\n');
    let kept = lines.filter(|line| !line.starts_with(b"Status: ") && !line.starts_with(b"X-UID: "));
    [kept.collect::<Vec<_>>().concat(), rest.to_vec()].concat()
}

#[test]
fn likeness_forgives_trace_and_line_ends_and_nothing_else() {
    let like = |a: usize, b: usize| likeness(&mail(a)) == likeness(&mail(b));
    // A form has 24 messages.
    assert!(like(0, 24), "a Received field more");
    assert!(!like(0, 1), "another body");
    assert_eq!(likeness(&mail(48)), None, "no Message-ID");
    assert_eq!(likeness(&mail(72)), None, "no empty line");
    assert!(like(0, 96) && like(0, 120), "line ends at the end");
    assert_eq!(likeness(&mail(144)), None, "two of them");
    let text = |line: &str| format!("Message-ID: <a>\r\n{line}\r\n\r\nbody\r\n").into_bytes();
    assert_ne!(likeness(&text("one thing")), likeness(&text("another")));
    assert_eq!(likeness(&text("A:  b ")), likeness(&text("a:b")));
}
