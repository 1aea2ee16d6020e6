//! The directories of folders and the names of message files (docs/FORMAT.md, Folders
//! and A message file; modified UTF-7 is RFC 3501 section 5.1.3).

use crate::mail::message::Hash128;
use crate::mail::source::Uid;

/// The longest directory name of a folder, in bytes.
const MAX_DIR: usize = 200;

/// What a directory name begins with that stands for a name it cannot spell.
const FALLBACK: &str = ".mv-";

/// What separates the base of a file name from its flags.
const INFO: &str = ":2,";

/// The directory below the account's Maildir for a folder of the server; empty for
/// the inbox. `taken` says whether a directory, given in ASCII lower case, already
/// belongs to another name of this account.
#[must_use]
pub fn folder_dir(name: &[u8], delimiter: Option<u8>, taken: &dyn Fn(&str) -> bool) -> String {
    spelled_dir(name, delimiter)
        .filter(|dir| {
            dir.len() <= MAX_DIR && !dir.starts_with(FALLBACK) && !taken(&dir.to_ascii_lowercase())
        })
        .unwrap_or_else(|| format!("{FALLBACK}{}", Hash128::of(name)))
}

/// True if [`folder_dir`] gives this directory to some folder.
#[must_use]
pub fn is_folder_dir(dir: &str) -> bool {
    if let Some(digits) = dir.strip_prefix(FALLBACK) {
        return Hash128::parse(digits).is_some();
    }
    let Some(parts) = dir.strip_prefix('.') else {
        return dir.is_empty();
    };
    let name: Vec<String> = parts.split('.').map(unescaped).collect();
    dir.len() <= MAX_DIR
        && spelled_dir(name.join("/").as_bytes(), Some(b'/')).as_deref() == Some(dir)
}

/// A component of a directory's name without its escapes.
fn unescaped(part: &str) -> String {
    part.replace("\\2e", ".")
        .replace("\\7e", "~")
        .replace("\\5c", "\\")
}

/// The directory that spells the name, if there is one.
fn spelled_dir(name: &[u8], delimiter: Option<u8>) -> Option<String> {
    let mut parts: Vec<&[u8]> = name.split(|&b| Some(b) == delimiter).collect();
    if parts[0].eq_ignore_ascii_case(b"INBOX") {
        parts[0] = b"INBOX";
        if parts.len() == 1 {
            return Some(String::new());
        }
    }
    let mut dir = String::new();
    for part in parts {
        if part.is_empty() || part.contains(&b'/') {
            return None;
        }
        let part = std::str::from_utf8(part).ok()?;
        dir.push('.');
        for (at, c) in canonical(part)?.chars().enumerate() {
            match c {
                '\\' => dir.push_str("\\5c"),
                '.' => dir.push_str("\\2e"),
                '~' if at == 0 => dir.push_str("\\7e"),
                c => dir.push(c),
            }
        }
    }
    Some(dir)
}

/// A component in canonical modified UTF-7: as it is, or encoded from UTF-8.
fn canonical(part: &str) -> Option<String> {
    match decode_mutf7(part) {
        Some(text) if encode_mutf7(&text) == part => Some(part.to_owned()),
        _ if part.contains('&') || part.chars().any(char::is_control) => None,
        _ => Some(encode_mutf7(part)),
    }
}

/// A component as a server would spell it, of a name that is text: what is no modified UTF-7 is
/// encoded.
#[must_use]
pub(crate) fn spelled_part(part: &str) -> String {
    match canonical(part) {
        Some(part) => part,
        None if part.chars().any(char::is_control) => part.to_owned(),
        None => encode_mutf7(part),
    }
}

/// A message's name on the server as people read and configure it: its UIDL, escaped, or
/// `FOLDER:UIDVALIDITY.UID`; nothing if it has none.
#[must_use]
pub fn message_label(dir: &str, uid: &Uid) -> Option<String> {
    match uid {
        Uid::Uidl(name) => Some(name.escape_ascii().to_string()),
        Uid::Imap { uidvalidity, uid } => {
            Some(format!("{}:{uidvalidity}.{uid}", folder_label(dir)))
        }
        Uid::Absent => None,
    }
}

/// A folder's directory as people read it: components decoded, joined by `/`.
#[must_use]
pub fn folder_label(dir: &str) -> String {
    if dir.is_empty() {
        return "INBOX".to_owned();
    }
    let Some(parts) = dir.strip_prefix('.').filter(|_| !dir.starts_with(FALLBACK)) else {
        return dir.to_owned();
    };
    let mut label = String::new();
    for (at, part) in parts.split('.').enumerate() {
        if at > 0 {
            label.push('/');
        }
        let part = unescaped(part);
        label.push_str(&decode_mutf7(&part).unwrap_or(part));
    }
    label
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Modified UTF-7 (RFC 3501 section 5.1.3) of a text.
fn encode_mutf7(text: &str) -> String {
    fn flush(run: &mut Vec<u16>, out: &mut String) {
        if run.is_empty() {
            return;
        }
        out.push('&');
        let bytes: Vec<u8> = run.drain(..).flat_map(u16::to_be_bytes).collect();
        for three in bytes.chunks(3) {
            let mut group = [0; 3];
            group[..three.len()].copy_from_slice(three);
            let [a, b, c] = group.map(u32::from);
            let bits = a << 16 | b << 8 | c;
            for at in 0..=three.len() {
                let digit = bits >> (18 - 6 * at) & 63;
                out.push(char::from(BASE64[digit as usize]));
            }
        }
        out.push('-');
    }
    let (mut out, mut run) = (String::new(), Vec::new());
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut run, &mut out);
    out
}

/// The text that is written so in modified UTF-7, canonical or not.
fn decode_mutf7(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '&' {
            if !matches!(c, ' '..='~') {
                return None;
            }
            out.push(c);
            continue;
        }
        let (run, after) = rest.split_once('-')?;
        rest = after;
        if run.is_empty() {
            out.push('&');
            continue;
        }
        let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
        for b in run.bytes() {
            let digit = BASE64.iter().position(|&d| d == b)?;
            bits = bits << 6 | u32::try_from(digit).ok()?;
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
        if bytes.len() % 2 != 0 {
            return None;
        }
        let units = bytes
            .chunks(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        for c in char::decode_utf16(units) {
            out.push(c.ok()?);
        }
    }
    Some(out)
}

/// What the name of a message file says, but for the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileName {
    /// When the message was received by its own account, in Unix seconds, or 0.
    pub received: u32,
    /// Of the uncompressed content.
    pub hash: Hash128,
    /// Uncompressed size.
    pub size: u64,
    /// The same with every line end as CRLF.
    pub wire: u64,
}

impl FileName {
    /// The part that never changes.
    #[must_use]
    pub(crate) fn base(&self) -> String {
        let Self {
            received,
            hash,
            size,
            wire,
        } = self;
        format!("{received}.{hash}.mv,S={size},W={wire}")
    }

    /// The whole name.
    #[must_use]
    pub fn with_flags(&self, flags: &str) -> String {
        format!("{}{INFO}{flags}", self.base())
    }

    /// Reads a name of ours, with whatever flags it has by now; Dovecot's letters for
    /// keywords (a-z) are left out, and a name without flags is taken too.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, String)> {
        let base = base_of(name);
        let letters = name[base.len()..].strip_prefix(INFO).unwrap_or_default();
        let flags = letters.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if !flags.bytes().all(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let (received, rest) = base.split_once('.')?;
        let (hash, rest) = rest.split_once(".mv,S=")?;
        let (size, wire) = rest.split_once(",W=")?;
        let file = Self {
            received: received.parse().ok()?,
            hash: Hash128::parse(hash)?,
            size: size.parse().ok()?,
            wire: wire.parse().ok()?,
        };
        // Leading zeros and signs are not ours.
        (file.base() == base).then(|| (file, flags.to_owned()))
    }
}

/// A file name up to its flags.
#[must_use]
pub fn base_of(name: &str) -> &str {
    name.find(INFO).map_or(name, |at| &name[..at])
}

/// What holds for any bytes as the name of a folder, of its directory, and of a file.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(name: &[u8]) {
    for delimiter in [None, Some(b'/'), Some(b'.'), name.first().copied()] {
        let dir = folder_dir(name, delimiter, &|_| false);
        assert!(is_folder_dir(&dir), "{dir}");
        assert_harmless(&dir);
    }
    let text = String::from_utf8_lossy(name);
    for dir in [
        text.as_ref(),
        &format!(".{text}"),
        &format!("{FALLBACK}{text}"),
    ] {
        if is_folder_dir(dir) {
            assert_harmless(dir);
        }
        let _ = folder_label(dir);
    }
    if let Some((file, flags)) = FileName::parse(&text) {
        assert_eq!(file.base(), base_of(&text));
        assert_eq!(
            FileName::parse(&file.with_flags(&flags)),
            Some((file, flags))
        );
    }
    assert_eq!(decode_mutf7(&encode_mutf7(&text)).as_deref(), Some(&*text));
    let _ = decode_mutf7(&text);
}

/// A directory of this name lies in its account, and programs can show it.
#[cfg(any(test, feature = "fuzzing"))]
fn assert_harmless(dir: &str) {
    assert!(dir.len() <= MAX_DIR);
    assert!(dir.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'/'));
    assert!(dir.is_empty() || dir.starts_with('.') && dir.bytes().any(|b| b != b'.'));
    assert!(!folder_label(dir).is_empty());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn dir(name: &str, delimiter: u8) -> String {
        folder_dir(name.as_bytes(), Some(delimiter), &|_| false)
    }

    fn fallback(name: &[u8]) -> String {
        format!(".mv-{}", Hash128::of(name))
    }

    #[test]
    fn folder_names_become_directories() {
        for (name, delimiter, wanted) in [
            ("INBOX", b'/', ""),
            ("inbox", b'/', ""),
            ("inbox/Sub", b'/', ".INBOX.Sub"),
            ("Inbox.Sub.a", b'.', ".INBOX.Sub.a"),
            ("a/INBOX", b'/', ".a.INBOX"),
            ("inboxes", b'/', ".inboxes"),
            ("Sent Mail", b'/', ".Sent Mail"),
            ("Entw&APw-rfe", b'/', ".Entw&APw-rfe"),
            ("Entwürfe", b'/', ".Entw&APw-rfe"),
            ("R&-D", b'/', ".R&-D"),
            ("台北/日本語", b'/', ".&U,BTFw-.&ZeVnLIqe-"),
            ("😀", b'/', ".&2D3eAA-"),
            ("a.b", b'/', ".a\\2eb"),
            ("a\\b", b'/', ".a\\5cb"),
            ("a\\b", b'\\', ".a.b"),
            ("~a/~b~", b'/', ".\\7ea.\\7eb~"),
            ("..", b'/', ".\\2e\\2e"),
            ("mv-x", b'.', "fallback"),
            ("mv", b'.', ".mv"),
            ("a//b", b'/', "fallback"),
            ("/a", b'/', "fallback"),
            ("a/", b'/', "fallback"),
            ("", b'/', "fallback"),
            ("a/b", b'.', "fallback"),
            ("R&D", b'/', "fallback"),
            ("R&D ü", b'/', "fallback"),
            // Not canonical: a printable character in base64, two runs in a row.
            ("&AGE-", b'/', "fallback"),
            ("&APw-&APw-", b'/', "fallback"),
            // Half a surrogate pair, and bits left over.
            ("&2D0-", b'/', "fallback"),
            ("&APx-", b'/', "fallback"),
            ("a\u{85}b", b'/', "fallback"),
            ("a\nb", b'/', "fallback"),
            ("a\0b", b'/', "fallback"),
        ] {
            let wanted = match wanted {
                "fallback" => fallback(name.as_bytes()),
                other => other.to_owned(),
            };
            assert_eq!(dir(name, delimiter), wanted, "{name:?}");
        }
    }

    #[test]
    fn a_name_without_delimiter_is_one_component() {
        assert_eq!(folder_dir(b"a.b", None, &|_| false), ".a\\2eb");
        assert_eq!(folder_dir(b"INBOX", None, &|_| false), "");
        assert_eq!(folder_dir(b"a/b", None, &|_| false), fallback(b"a/b"));
    }

    #[test]
    fn bytes_that_are_not_utf8_have_no_spelling() {
        assert_eq!(folder_dir(b"a\xff", None, &|_| false), fallback(b"a\xff"));
    }

    #[test]
    fn only_what_a_name_gives_is_the_directory_of_a_folder() {
        for good in [
            "",
            ".Sent Mail",
            ".INBOX.Sub",
            ".a\\2eb",
            ".\\7ea",
            ".&U,BTFw-",
        ] {
            assert!(is_folder_dir(good), "{good}");
        }
        assert!(is_folder_dir(&fallback(b"a/b")));
        for bad in [
            ".",
            "..",
            "x",
            "/",
            "/x",
            ".a/b",
            "./a",
            ".a..b",
            ".a.",
            ".INBOX",
            ".inbox.Sub",
            ".~a",
            ".a\\x",
            ".\u{1b}[31m",
            ".\u{fc}",
            ".&AGE-",
            ".mv-",
            ".mv-0",
            ".a\n",
            ".R&D",
        ] {
            assert!(!is_folder_dir(bad), "{bad:?}");
        }
        assert!(!is_folder_dir(&format!(".{}", "a".repeat(200))));
    }

    #[test]
    fn two_hundred_bytes_are_the_limit() {
        let longest = "a".repeat(199);
        assert_eq!(dir(&longest, b'/'), format!(".{longest}"));
        let longer = "a".repeat(200);
        assert_eq!(dir(&longer, b'/'), fallback(longer.as_bytes()));
    }

    #[test]
    fn names_that_differ_only_in_case_do_not_share_a_directory() {
        let taken = |dir: &str| dir == ".work";
        assert_eq!(folder_dir(b"Work", Some(b'/'), &taken), fallback(b"Work"));
        assert_eq!(
            folder_dir(b"inbox", None, &str::is_empty),
            fallback(b"inbox")
        );
    }

    #[test]
    fn labels_are_what_people_call_the_folder() {
        assert_eq!(folder_label(""), "INBOX");
        assert_eq!(folder_label(".INBOX.Sub"), "INBOX/Sub");
        assert_eq!(folder_label(".Entw&APw-rfe.a\\2eb"), "Entwürfe/a.b");
        assert_eq!(folder_label(".\\7ea\\5c2e"), "~a\\2e");
        assert_eq!(folder_label(".bad&run"), "bad&run");
        let hashed = fallback(b"x");
        assert_eq!(folder_label(&hashed), hashed);
    }

    #[test]
    fn a_file_name_says_what_it_holds() {
        let name = FileName {
            received: 1_789_430_400,
            hash: Hash128([0xab; 16]),
            size: 12,
            wire: 13,
        };
        let text = format!("1789430400.{}.mv,S=12,W=13:2,FS", "ab".repeat(16));
        assert_eq!(name.with_flags("FS"), text);
        assert_eq!(base_of(&text), name.base());
        assert_eq!(FileName::parse(&text), Some((name, "FS".to_owned())));
        let keywords = format!("{text}Tac");
        assert_eq!(FileName::parse(&keywords), Some((name, "FST".to_owned())));
        assert_eq!(FileName::parse(&name.base()), Some((name, String::new())));
    }

    #[test]
    fn names_of_others_are_not_ours() {
        let hash = "ab".repeat(16);
        for name in [
            String::new(),
            "1700000000.M1P2.host,S=1,W=1:2,S".to_owned(),
            format!("01.{hash}.mv,S=1,W=1:2,"),
            format!("+1.{hash}.mv,S=1,W=1:2,"),
            format!("4294967296.{hash}.mv,S=1,W=1:2,"),
            format!("1.{}.mv,S=1,W=1:2,", hash.to_uppercase()),
            format!("1.{hash}.mv,S=1,W=1:1,"),
            format!("1.{hash}.mv,S=1,W=1:2,aS"),
            format!("1.{hash}.mv,S=1,W=1:2,S,x"),
            format!("1.{hash}.mv,S=1:2,S"),
            format!("1.{hash}.mv,S=1,W=1.vm:2,S"),
        ] {
            assert_eq!(FileName::parse(&name), None, "{name}");
        }
    }

    /// The components as text, for telling names that mean the same folder.
    fn meaning(name: &[u8]) -> Vec<String> {
        let mut parts: Vec<String> = name
            .split(|&b| b == b'/')
            .map(|part| {
                let text = String::from_utf8(part.to_vec()).unwrap();
                decode_mutf7(&text).unwrap_or(text)
            })
            .collect();
        if parts[0].eq_ignore_ascii_case("inbox") {
            parts[0].make_ascii_uppercase();
        }
        parts
    }

    fn tricky_name() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a", "A", ".", "\\", "~", "2e", "5c", "7e", "&-", "&APw-", "ü", "日", "INBOX", "inbox",
            "mv-", "-", "&", "/", "😀",
        ]);
        prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_directory_that_is_given_is_one(name: Vec<u8>, text: String) {
            assert_any(&name);
            assert_any(text.as_bytes());
        }

        #[test]
        fn no_directory_name_is_dangerous(
            name in prop::collection::vec(any::<u8>(), 0..250), delimiter: Option<u8>
        ) {
            let dir = folder_dir(&name, delimiter, &|_| false);
            assert_harmless(&dir);
        }

        #[test]
        fn different_folders_are_spelled_differently(
            names in prop::collection::vec(tricky_name(), 2..20)
        ) {
            let mut seen: HashMap<String, Vec<String>> = HashMap::new();
            for name in names {
                let dir = dir(&name, b'/');
                let meant = meaning(name.as_bytes());
                if dir.starts_with(FALLBACK) {
                    continue;
                }
                prop_assert_eq!(folder_label(&dir), meant.join("/"));
                let first = seen.entry(dir).or_insert_with(|| meant.clone());
                prop_assert_eq!(&*first, &meant);
            }
        }

        #[test]
        fn mutf7_comes_back(text: String) {
            prop_assert_eq!(decode_mutf7(&encode_mutf7(&text)), Some(text));
        }

        #[test]
        fn file_names_come_back(
            received: u32, hash: [u8; 16], size: u64, wire: u64, flags in "[A-Z]{0,6}"
        ) {
            let name = FileName { received, hash: Hash128(hash), size, wire };
            prop_assert_eq!(FileName::parse(&name.with_flags(&flags)), Some((name, flags)));
        }

        #[test]
        fn any_file_name_can_be_looked_at(name: String) {
            assert_any(name.as_bytes());
        }
    }
}
