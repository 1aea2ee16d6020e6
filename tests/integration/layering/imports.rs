//! Finds the paths of its own project that a Rust source names, without a parser: by
//! words and punctuation, less comments, strings and unit tests.

/// The paths below the crate's root that a module names, sorted, without `crate` or
/// `mailvault`; `self` and `super` are worked out.
pub(super) fn imports(module: &str, text: &str) -> Vec<String> {
    let tokens = tokens(&without_tests(text));
    let mut paths = Vec::new();
    for at in 0..tokens.len() {
        let begins = at == 0 || tokens[at - 1] != "::";
        if begins && ["crate", "mailvault", "self", "super"].contains(&tokens[at].as_str()) {
            expand(&tokens, at, &mut Vec::new(), &mut paths);
        }
    }
    let mut paths: Vec<String> = paths
        .iter()
        .filter_map(|path| rooted(module, path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The paths of all `use` items, as written.
pub(super) fn uses(text: &str) -> Vec<String> {
    let tokens = tokens(&without_tests(text));
    let mut paths = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at] == "use") {
        expand(&tokens, at + 1, &mut Vec::new(), &mut paths);
    }
    paths.iter().map(|path| path.join("::")).collect()
}

/// The words of a source.
pub(super) fn idents(text: &str) -> Vec<String> {
    let mut words = tokens(&without_tests(text));
    words.retain(|word| word.starts_with(is_word));
    words.sort();
    words.dedup();
    words
}

/// How many lines are neither empty nor a comment nor of the unit tests.
pub(super) fn code_lines(text: &str) -> usize {
    let text = without_tests(text);
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// The text before the module of unit tests.
fn without_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |at: &usize| {
        let mut after = lines[at + 1..].iter().map(|line| line.trim());
        let item = after.find(|line| !line.starts_with("#[") && !line.is_empty());
        lines[*at].trim() == "#[cfg(test)]" && item.is_some_and(|item| item.starts_with("mod "))
    };
    let end = (0..lines.len()).find(begins).unwrap_or(lines.len());
    lines[..end].join("\n")
}

/// A path from the crate's root, or none if it leads out of the sources.
fn rooted(module: &str, path: &[String]) -> Option<String> {
    let mut base: Vec<&str> = match path[0].as_str() {
        "crate" | "mailvault" => Vec::new(),
        _ => module
            .split("::")
            .filter(|m| !["lib", "main"].contains(m))
            .collect(),
    };
    for segment in path {
        match segment.as_str() {
            "crate" | "mailvault" | "self" | "*" => {}
            "super" => base.truncate(base.len().checked_sub(1)?),
            name => base.push(name),
        }
    }
    // `self` alone is a receiver.
    (path.len() > 1 && !base.is_empty()).then(|| base.join("::"))
}

/// Follows a path, and each branch of a `use` tree; gives the place after it.
fn expand(
    tokens: &[String],
    mut at: usize,
    path: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let depth = path.len();
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        if token(at) == "{" {
            at += 1;
            while !["}", ""].contains(&token(at)) {
                at = expand(tokens, at, path, paths);
                // Over `as name` and the comma.
                while ![",", "}", ""].contains(&token(at)) {
                    at += 1;
                }
                at += usize::from(token(at) == ",");
            }
            at += 1;
            break;
        }
        path.push(token(at).to_string());
        at += 1;
        if token(at) != "::" {
            paths.push(path.clone());
            break;
        }
        at += 1;
        // A turbofish is not of the path.
        if !(token(at) == "{" || token(at) == "*" || token(at).starts_with(is_word)) {
            paths.push(path.clone());
            break;
        }
    }
    path.truncate(depth);
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, `::` and single characters, without comments, strings and white space.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if is_word(c) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let raw = raw_string(rest).unwrap_or(0);
            if raw == 0 {
                tokens.push(rest[..end].to_string());
            }
            raw.max(end)
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' {
            character(rest)
        } else if rest.starts_with("::") {
            tokens.push("::".to_string());
            2
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a raw string that begins here, if one does.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let closed = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + closed)
}

/// The length of a quoted text.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// The length of a character literal, or of the tick of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    let (first, second) = (chars.next(), chars.next());
    if first == Some('\\') || second == Some('\'') {
        quoted(text, '\'')
    } else {
        1
    }
}

#[test]
fn paths_are_found_in_trees_and_in_code_but_not_in_words() {
    let text = r##"
        //! use crate::comment;
        use crate::a::{self, b::C as D, e::*};
        use super::f; /* crate::block */
        pub(crate) fn g<'a>(self) -> crate::h::I<'a> { self.x; '"'; "crate::string"; r#"" crate::raw "#; super::super::j::K::<u8>::new() }
        #[cfg(test)]
        #[allow(x)]
        mod tests { use crate::test; }
    "##;
    let found = imports("m::n", text);
    assert_eq!(found, ["a", "a::b::C", "a::e", "h::I", "j::K", "m::f"]);
    assert_eq!(code_lines(text), 3);
}
