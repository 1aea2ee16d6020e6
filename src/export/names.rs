//! Names of files and directories from foreign text: subjects, folders, attachments. All
//! of them are made safe here, and nowhere else.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use crate::vault::layout::is_account;

/// Bytes of a name at most; with an id or a number it stays below 255.
const LONGEST: usize = 120;

/// The text as one part of a path that any system takes: no separators, no control or
/// direction characters, nothing that Windows reserves, no dot or blank at an end.
#[must_use]
pub(super) fn safe(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_whitespace() => ' ',
            c if is_hidden(c) => '_',
            c => c,
        })
        .collect();
    if name.len() > LONGEST {
        // What an attachment is shows at the end of its name.
        let suffix = match name.rfind('.') {
            Some(dot) if name.len() - dot <= 10 => name.split_off(dot),
            _ => String::new(),
        };
        let mut end = LONGEST - suffix.len();
        end = end.min(name.len());
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str(&suffix);
    }
    let trimmed = name
        .trim_start_matches(|c: char| c.is_whitespace() || ".-~".contains(c))
        .trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    if trimmed.is_empty() {
        return "unnamed".to_owned();
    }
    let stem = trimmed.split('.').next().unwrap_or_default().trim();
    let stem = stem.to_ascii_lowercase();
    let numbered = |word: &str| {
        stem.strip_prefix(word)
            .is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let reserved = ["con", "prn", "aux", "nul"].contains(&stem.as_str());
    if reserved || numbered("com") || numbered("lpt") {
        return format!("_{trimmed}");
    }
    trimmed.to_owned()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Files with these endings are none of Thunderbird's folders.
const ENDINGS: [&str; 6] = [".sbd", ".msf", ".dat", ".toc", ".snm", ".mozmsgs"];
/// Nor are these.
const FILES: [&str; 10] = [
    "feeds.rdf",
    "feeds.json",
    "feeds.json.tmp",
    "feeditems.rdf",
    "feeditems.json",
    "feeditems_error.log",
    "filterlog.html",
    "junklog.html",
    "filters.js",
    "mailfilt.log",
];
/// Thunderbird makes folders of these names, and shows no other that differs only in case.
const SPECIAL: [&str; 3] = ["Inbox", "Trash", "Unsent Messages"];
/// Thunderbird looks for a longer name, in units of UTF-16, under a hash. A number may follow.
const LONGEST_THERE: usize = 55 - " (9999)".len();

/// A safe part of a path under which Thunderbird shows a folder.
#[must_use]
pub(super) fn thunderbird(part: &str, is_top: bool) -> String {
    let lower = part.to_lowercase();
    let is_other = ENDINGS.iter().any(|end| lower.ends_with(end))
        || FILES.contains(&lower.as_str())
        || lower.starts_with("mailvault-export.");
    let mut name = if is_other {
        format!("{}_", part.replace('.', "_"))
    } else {
        part.to_owned()
    };
    // It takes a percent sign and two digits for an escape.
    let escape = |at: usize| {
        let digits = name.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let chars = name.char_indices().map(|(at, c)| match c {
        ';' | '#' => '_',
        '%' if escape(at) => '_',
        c => c,
    });
    name = chars.collect();
    let mut units = 0;
    let end = name.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST_THERE
    });
    if let Some((end, _)) = end {
        name.truncate(end);
    }
    let kept = name.trim_end_matches(|c: char| c.is_whitespace() || ".~".contains(c));
    if kept.len() < name.len() {
        name = format!("{kept}_");
    }
    let is_like = |special: &&str| special.eq_ignore_ascii_case(&name) && **special != name;
    if is_top && SPECIAL.iter().any(is_like) {
        name.push('_');
    }
    name
}

/// A name without and with only its suffix.
fn stem(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The names in a directory, which no two files share in whatever case and form of Unicode.
#[derive(Debug, Default)]
pub(super) struct Taken {
    names: HashSet<String>,
    /// The number that was last given to a name, so that many of one name take no search.
    last: HashMap<String, u32>,
}

impl Taken {
    /// Notes a name that is there.
    pub(super) fn insert(&mut self, name: &str) {
        self.names.insert(folded(name));
    }

    /// `name`, or `name (2)` and so on if it is taken, which it is from now on.
    pub(super) fn take(&mut self, name: &str) -> String {
        let key = folded(name);
        if self.names.insert(key.clone()) {
            return name.to_owned();
        }
        let (stem, suffix) = stem(name);
        let last = self.last.entry(key).or_insert(1);
        loop {
            *last = last.saturating_add(1);
            let name = format!("{stem} ({last}){suffix}");
            if self.names.insert(folded(&name)) {
                return name;
            }
        }
    }
}

/// What is the same name to some file system.
pub(super) fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// The account's part of a path.
#[must_use]
pub(super) fn account(name: &str) -> String {
    if is_account(name) {
        safe(name)
    } else {
        format!("_{}", safe(name))
    }
}

/// The directory of a folder in a Maildir++ tree: the vault's own, which is safe unless
/// somebody wrote another into the record.
#[must_use]
pub(super) fn maildir(dir: &str) -> String {
    let plain = |c: char| (' '..='~').contains(&c) && c != '/';
    let sound = dir.is_empty()
        || dir.starts_with('.')
            && dir.len() <= 250
            && dir.chars().all(plain)
            && !dir[1..].split('.').any(str::is_empty);
    if sound {
        dir.to_owned()
    } else {
        format!(".{}", safe(dir).replace('.', "_"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_could_do_harm_are_harmless() {
        for (text, wanted) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("/abs", "_abs"),
            ("C:\\x", "C__x"),
            ("a\u{0}b\nc\u{202e}gpj.exe", "a_b c_gpj.exe"),
            ("-rf", "rf"),
            ("NUL.txt", "_NUL.txt"),
            ("com1", "_com1"),
            ("compost", "compost"),
            ("report. ", "report"),
            ("~ann", "ann"),
        ] {
            assert_eq!(safe(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_suffix() {
        let name = safe(&format!("{}.pdf", "ä".repeat(300)));
        assert!(name.len() <= LONGEST && name.ends_with("ä.pdf"), "{name}");
    }

    #[test]
    fn equal_names_are_told_apart_whatever_their_case() {
        let mut taken = Taken::default();
        taken.insert("a.txt");
        taken.insert("A (2).txt");
        assert_eq!(taken.take("A.txt"), "A (3).txt");
        assert_eq!(taken.take("b"), "b");
        assert_eq!(taken.take("B"), "B (2)");
        assert_eq!(taken.take("\u{e4}"), "\u{e4}");
        assert_eq!(taken.take("a\u{308}"), "a\u{308} (2)");
    }

    #[test]
    fn a_folder_has_a_name_that_thunderbird_shows() {
        for (name, wanted) in [
            ("Archives", "Archives"),
            ("a.b", "a.b"),
            ("x.SBD", "x_SBD_"),
            ("old.toc", "old_toc_"),
            ("FilterLog.html", "FilterLog_html_"),
            ("a;b#c", "a_b_c"),
            ("50%", "50%"),
            ("50%25", "50_25"),
            ("50%2", "50%2"),
            ("tilde~~", "tilde_"),
            ("trash", "trash_"),
            ("Trash", "Trash"),
            ("INBOX", "INBOX_"),
            ("unsent messages", "unsent messages_"),
        ] {
            assert_eq!(thunderbird(name, true), wanted, "{name}");
        }
        assert_eq!(thunderbird("trash", false), "trash");
        let long = thunderbird(&"\u{1f389}".repeat(40), true);
        assert_eq!(long.encode_utf16().count(), 48);
    }

    #[test]
    fn a_hundred_thousand_files_of_one_name_are_numbered_on() {
        let mut taken = Taken::default();
        let mut last = String::new();
        for n in 0..100_000 {
            last = taken.take(["scan.PDF", "Scan.pdf", "sca\u{ff4e}.pdf"][n % 3]);
        }
        assert_eq!(last, "scan (100000).PDF");
    }

    #[test]
    fn a_forged_directory_stays_below_its_account() {
        for dir in ["..", "../x", ".a/../b", "x", ".", ".a..b", ".ä"] {
            let safe = maildir(dir);
            assert!(safe.starts_with('.') && !safe.contains('/'), "{safe}");
            assert!(safe != "." && safe != "..", "{safe}");
        }
        assert_eq!(maildir(".Sent.2019"), ".Sent.2019");
        assert_eq!(maildir(""), "");
    }

    proptest! {
        #[test]
        fn any_text_is_one_part_of_a_path(text in any::<String>()) {
            let name = safe(&text);
            prop_assert!(!name.is_empty() && name.len() <= LONGEST + 1);
            prop_assert!(name != "." && name != "..");
            prop_assert!(!name.chars().any(|c| c == '/' || c == '\\' || is_hidden(c)));
            prop_assert_eq!(safe(&name), name);
        }
    }
}
