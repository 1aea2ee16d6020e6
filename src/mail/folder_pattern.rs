//! Patterns for names of folders: in `folders` and `exclude` of an account, and in `folder:`.

/// True if a pattern fits a name, whose levels are separated by `/`; `*` stands for any
/// text, `?` for one character. INBOX is written in any case.
///
/// No library: those for files give `[` and `{` a meaning, and `[Gmail]` is a folder.
#[must_use]
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let inbox = |text: &str| text.eq_ignore_ascii_case("inbox");
    if inbox(pattern) && inbox(name) {
        return true;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // The last star, and how much of the name it has taken so far.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_levels_and_any_text() {
        for (pattern, name) in [
            ("*", "a/b"),
            ("INBOX", "Inbox"),
            ("Lists/*", "Lists/rust/dev"),
            ("*/Sent", "Old/Sent"),
            ("?unk", "Junk"),
            ("a*b*c", "a-b-b-c"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("Lists/*", "Lists"),
            ("Junk", "junk"),
            ("a*b", "abc"),
            ("", "a"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
