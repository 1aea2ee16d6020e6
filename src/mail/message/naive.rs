//! docs/FORMAT.md once more, in the plainest way: lines, then fields, then texts to hash. What
//! the scanner says is held against it by unit tests and `fuzz/`.

use super::Hash128;

/// A message in its parts.
pub(super) struct NaiveMessage {
    /// Content of each header line.
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// Lines of the header that are no field, with their continuations.
    pub(super) stray: Vec<Vec<u8>>,
    /// True if an empty line ended the header.
    pub(super) ended: bool,
    /// Number of bytes up to the end of the header.
    pub(super) header_size: usize,
}

/// Takes a message apart.
pub(super) fn parse(message: &[u8]) -> NaiveMessage {
    let mut lines = Vec::new();
    let mut body = Vec::new();
    let mut at = 0;
    let mut header_ended = false;
    while at < message.len() {
        let mut line = Vec::new();
        let mut ended = false;
        while at < message.len() && !ended {
            ended = message[at] == b'\n';
            line.push(message[at]);
            at += 1;
        }
        if ended {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if line.is_empty() {
                body = message[at..].to_vec();
                header_ended = true;
                break;
            }
        }
        lines.push(line);
    }
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut stray = Vec::new();
    for group in groups(&lines) {
        if let Some(name) = name(&group[0]) {
            let joined = group.concat();
            let colon = joined
                .iter()
                .position(|&b| b == b':')
                .expect("a name ends with one");
            let mut value = &joined[colon + 1..];
            while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
                value = rest;
            }
            fields.push((name, value.to_vec()));
        } else {
            stray.extend(group);
        }
    }
    NaiveMessage {
        lines,
        fields,
        body,
        stray,
        ended: header_ended,
        header_size: at,
    }
}

/// Each line with its continuations.
fn groups(lines: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut groups: Vec<Vec<Vec<u8>>> = Vec::new();
    for line in lines {
        match groups.last_mut() {
            Some(group) if line[0] == b' ' || line[0] == b'\t' => group.push(line.clone()),
            _ => groups.push(vec![line.clone()]),
        }
    }
    groups
}

fn name(line: &[u8]) -> Option<Vec<u8>> {
    let colon = line.iter().position(|&b| b == b':')?;
    let mut name = &line[..colon];
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    (!name.is_empty() && name.iter().all(|b| (33..=126).contains(b)))
        .then(|| name.to_ascii_lowercase())
}

/// Its likeness.
pub(super) fn likeness(message: &[u8]) -> Option<Hash128> {
    let mut parsed = parse(message);
    if !parsed.ended {
        return None;
    }
    parsed.fields.retain(|(name, _)| !is_ignored(name));
    parsed.fields.sort();
    let mut text = b"mailvault likeness 3\n".to_vec();
    for (name, value) in &parsed.fields {
        text.extend_from_slice(&[name, &b":"[..], value, b"\n"].concat());
    }
    for line in &parsed.stray {
        text.extend_from_slice(&[line, &b"\n"[..]].concat());
    }
    text.push(b'\n');
    let mut body = Vec::new();
    for (at, &byte) in parsed.body.iter().enumerate() {
        if byte != b'\r' || parsed.body.get(at + 1) != Some(&b'\n') {
            body.push(byte);
        }
    }
    while body.last() == Some(&b'\n') {
        body.pop();
    }
    body.push(b'\n');
    text.extend(body);
    Some(Hash128::of(&text))
}

/// Its header hash.
pub(super) fn header(message: &[u8]) -> Hash128 {
    let status = [
        "status",
        "x-status",
        "x-uid",
        "x-uidl",
        "x-imapbase",
        "x-keywords",
    ];
    let mut text = Vec::new();
    for group in groups(&parse(message).lines) {
        if !name(&group[0]).is_some_and(|n| status.iter().any(|s| s.as_bytes() == n)) {
            for line in group {
                text.extend(line);
                text.extend(b"\r\n");
            }
        }
    }
    text.extend(b"\r\n");
    Hash128::of(&text)
}

/// Its size with line ends of two bytes.
pub(super) fn wire(message: &[u8]) -> u64 {
    let bare = (0..message.len())
        .filter(|&at| message[at] == b'\n' && (at == 0 || message[at - 1] != b'\r'))
        .count();
    (message.len() + bare) as u64
}

/// The first value of a name, as the catalog keeps it.
pub(super) fn first(message: &[u8], wanted: &str) -> Vec<u8> {
    let fields = parse(message).fields;
    let first = fields.into_iter().find(|(n, _)| n == wanted.as_bytes());
    let mut value = first.unwrap_or_default().1;
    value.truncate(512);
    value
}

/// Its Message-ID.
pub(super) fn mid(message: &[u8]) -> Option<Vec<u8>> {
    let mut fields = parse(message).fields;
    fields.retain(|(name, _)| name == b"message-id");
    match &fields[..] {
        [(_, value)] if (1..=998).contains(&value.len()) => Some(value.clone()),
        _ => None,
    }
}

fn is_ignored(name: &[u8]) -> bool {
    let names = "received return-path delivered-to x-original-to envelope-to x-envelope-to \
        delivery-date status x-status x-uid x-uidl x-imap x-imapbase x-keywords content-length \
        lines x-account-key x-mozilla-status x-mozilla-status2 x-mozilla-keys \
        authentication-results received-spf x-received x-tuid x-evolution x-fetchmail-warning \
        x-offlineimap x-length x-from-line x-gnus-article-number x-gnus-mail-source xref \
        x-rmail-attributes x-rmail-keywords x-bogosity x-popfile-link x-text-classification";
    let prefixes = "arc- x-spam- x-spambayes- x-gm- x-gmail- x-google- x-ms-exchange- \
        x-evolution- x-getmail- x-kmail- x-offlineimap- x-vm-";
    names.split_whitespace().any(|n| n.as_bytes() == name)
        || prefixes
            .split_whitespace()
            .any(|p| name.starts_with(p.as_bytes()))
}
