//! Changes to the text of a configuration: only what is to change, to the byte.
//!
//! An account has a table with a header of its own, `[accounts.work]`, or is a value,
//! `work = { … }`. Tables that are spread over dotted keys are left to their author.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::render;

/// A key and its value, with their places.
type Pair<'t> = (Range<usize>, &'t Spanned<DeValue<'t>>);

/// Where an account stands in a text.
enum AccountPlace {
    /// The headers of its tables, its own first, with the end of the last value of each.
    Tables(Vec<TablePlace>),
    /// The key and the value in braces.
    Inline(Range<usize>, Range<usize>),
}

struct TablePlace {
    header: Range<usize>,
    end: usize,
}

/// The same text with another name for an account; `None` if it has none by that name, or in a
/// form that is not changed here.
#[must_use]
pub fn rename(text: &str, old: &str, new: &str) -> Option<String> {
    let new = &render::key(new);
    let mut places = match place(text, old)? {
        AccountPlace::Inline(key, _) => vec![key],
        AccountPlace::Tables(tables) => {
            let names = tables.iter().map(|table| name_in(text, &table.header));
            names.collect::<Option<_>>()?
        }
    };
    places.sort_by_key(|place| place.start);
    let mut text = text.to_owned();
    for place in places.into_iter().rev() {
        text.replace_range(place, new);
    }
    Some(text)
}

/// The same text with this value for a key of an account, or without the key; `None` as above.
#[must_use]
pub fn set(text: &str, account: &str, key: &str, value: Option<&str>) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let (_, table) = pair(&root, &["accounts", account])?;
    let found = table
        .get_ref()
        .as_table()
        .and_then(|table| entry(table, key));
    let found = found.map(|(key, value)| key.start..value.span().end);
    let place = place(text, account)?;
    let mut changed = text.to_owned();
    match (found, value) {
        (None, None) => {}
        (Some(at), Some(value)) => changed.replace_range(at, &format!("{key} = {value}")),
        (None, Some(value)) => match place {
            AccountPlace::Inline(_, braces) => {
                let inside = text[braces.clone()].trim_matches(['{', '}']).trim();
                let comma = if inside.is_empty() { " " } else { "," };
                changed.insert_str(braces.start + 1, &format!(" {key} = {value}{comma}"));
            }
            AccountPlace::Tables(tables) => {
                let at = after_line(text, tables.first()?.header.end);
                let end = line_end(text);
                let line = format!("{key} = {value}{end}");
                let apart = if text[..at].ends_with('\n') { "" } else { end };
                changed.insert_str(at, &format!("{apart}{line}"));
            }
        },
        (Some(at), None) => {
            let at = match place {
                AccountPlace::Tables(_) => before_line(text, at.start)..after_line(text, at.end),
                AccountPlace::Inline(..) => with_comma(text, at),
            };
            changed.replace_range(at, "");
        }
    }
    Some(changed)
}

/// The same text without an account; `None` as above. Comments above its tables and below their
/// last keys stay, since they may be about something else.
#[must_use]
pub fn remove(text: &str, account: &str) -> Option<String> {
    let mut places: Vec<Range<usize>> = match place(text, account)? {
        AccountPlace::Inline(key, value) => {
            // In a table it has a line of its own, in braces it has commas.
            let whole = key.start..value.end;
            let line = before_line(text, whole.start)..after_line(text, whole.end);
            let alone = text[line.start..whole.start].trim().is_empty();
            vec![if alone { line } else { with_comma(text, whole) }]
        }
        AccountPlace::Tables(tables) => tables
            .iter()
            .map(|table| before_line(text, table.header.start)..after_line(text, table.end))
            .collect(),
    };
    places.sort_by_key(|place| place.start);
    let mut text = text.to_owned();
    for place in places.into_iter().rev() {
        let blank = text[..place.start].is_empty() || text[..place.start].ends_with("\n\n");
        let blank = blank || text[..place.start].ends_with("\n\r\n");
        text.replace_range(place.clone(), "");
        // Of the empty lines around it, one side is enough.
        let rest = &text[place.start..];
        let lines = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        if blank && lines > 0 {
            text.replace_range(place.start..place.start + lines, "");
        }
    }
    Some(text)
}

/// Where an account stands.
fn place(text: &str, account: &str) -> Option<AccountPlace> {
    let root = DeTable::parse(text).ok()?;
    let (key, value) = pair(&root, &["accounts", account])?;
    let span = value.span();
    match text[span.clone()].chars().next()? {
        '{' => Some(AccountPlace::Inline(key, span)),
        '[' => {
            let mut tables = Vec::new();
            collect(text, value, &mut tables)?;
            Some(AccountPlace::Tables(tables))
        }
        _ => None,
    }
}

/// The tables with a header at and below a value.
fn collect(text: &str, value: &Spanned<DeValue<'_>>, tables: &mut Vec<TablePlace>) -> Option<()> {
    let header = value.span();
    let at = tables.len();
    tables.push(TablePlace {
        end: header.end,
        header,
    });
    for (_, value) in value.get_ref().as_table()? {
        let is_table = value.get_ref().is_table();
        match text[value.span()].chars().next()? {
            '[' if is_table => collect(text, value, tables)?,
            '{' if is_table => tables[at].end = tables[at].end.max(value.span().end),
            // Dotted keys.
            _ if is_table => return None,
            _ => tables[at].end = tables[at].end.max(value.span().end),
        }
    }
    Some(())
}

fn pair<'t>(root: &'t Spanned<DeTable<'t>>, path: &[&str]) -> Option<Pair<'t>> {
    let (last, above) = path.split_last()?;
    let mut table = root.get_ref();
    for name in above {
        table = entry(table, name)?.1.get_ref().as_table()?;
    }
    entry(table, last)
}

fn entry<'t>(table: &'t DeTable<'t>, name: &str) -> Option<Pair<'t>> {
    let mut entries = table.iter();
    let (key, value) = entries.find(|(key, _)| key.get_ref() == name)?;
    Some((key.span(), value))
}

/// Where the second of the names in a header is.
fn name_in(text: &str, header: &Range<usize>) -> Option<Range<usize>> {
    let inner = header.start + 1..header.end - 1;
    let (mut quote, mut begin, mut names) = (None, inner.start, Vec::new());
    for (at, c) in text[inner.clone()].char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            // A name that needs a backslash is none of an account.
            (Some(open), _) if c == open => quote = None,
            (None, '.') => {
                names.push(begin..inner.start + at);
                begin = inner.start + at + 1;
            }
            _ => {}
        }
    }
    names.push(begin..inner.end);
    let name = names.get(1)?.clone();
    let start = name.start + (text[name.clone()].len() - text[name.clone()].trim_start().len());
    Some(start..start + text[name].trim().len())
}

/// The line ends of a text.
fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn before_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

fn after_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// A pair in braces with one of the commas next to it.
fn with_comma(text: &str, at: Range<usize>) -> Range<usize> {
    let after = &text[at.end..];
    let rest = after.trim_start();
    if let Some(rest) = rest.strip_prefix(',') {
        return at.start..text.len() - rest.trim_start().len();
    }
    match text[..at.start].trim_end().strip_suffix(',') {
        Some(before) => before.len()..at.end,
        None => at,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FULL: &str = "# mine\nvault = \"~/m\"   # here\n\n[accounts.home]\nhost = 'h'\n\n\
        # of the office\n[ accounts . \"old\" ]  # c1\nhost = 'a'\nuser = \"\"\"b\n\
        [accounts.old]\"\"\" # c2\n# below\n\n[defaults]\nretries = 3\n[accounts.old.purge]\n\
        keep = [ # x\n '[accounts.old]',\n]\n\n[accounts.z]\nhost = 'z'\n# tail";

    #[test]
    fn a_rename_changes_the_headers_of_the_account_and_nothing_else() {
        let new = rename(FULL, "old", "new").unwrap();
        let wanted = FULL
            .replace("[ accounts . \"old\" ]", "[ accounts . new ]")
            .replace("[accounts.old.purge]", "[accounts.new.purge]");
        assert_eq!(new, wanted);
        assert_eq!(
            rename(&new, "new", "old.1").unwrap(),
            wanted.replace("new", "\"old.1\"")
        );
        assert_eq!(rename(FULL, "nobody", "new"), None);
    }

    #[test]
    fn a_key_is_added_changed_and_removed_in_its_table() {
        let with = set(FULL, "old", "stored_as", Some("\"work\"")).unwrap();
        assert_eq!(with, FULL.replace("# c1\n", "# c1\nstored_as = \"work\"\n"));
        assert_eq!(set(&with, "old", "stored_as", None).unwrap(), FULL);
        let changed = set(FULL, "z", "host", Some("'y'")).unwrap();
        assert_eq!(changed, FULL.replace("host = 'z'", "host = 'y'"));
        assert_eq!(set(FULL, "z", "user", None).unwrap(), FULL);
        let last = "[accounts.z]";
        let wanted = "[accounts.z]\npull = false\n";
        assert_eq!(set(last, "z", "pull", Some("false")).unwrap(), wanted);
    }

    #[test]
    fn windows_line_ends_stay() {
        let text = FULL.replace('\n', "\r\n");
        let with = set(&text, "old", "pull", Some("false")).unwrap();
        assert_eq!(with, text.replace("# c1\r\n", "# c1\r\npull = false\r\n"));
        assert_eq!(set(&with, "old", "pull", None).unwrap(), text);
        let new = rename(&text, "old", "new").unwrap();
        assert_eq!(
            new.replace("\r\n", "\n"),
            rename(FULL, "old", "new").unwrap()
        );
        assert_eq!(
            remove(&text, "old").unwrap().replace("\r\n", "\n"),
            remove(FULL, "old").unwrap()
        );
    }

    #[test]
    fn an_account_is_removed_with_its_tables_and_comments_around_it_stay() {
        assert_eq!(
            remove(FULL, "old").unwrap(),
            "# mine\nvault = \"~/m\"   # here\n\n[accounts.home]\nhost = 'h'\n\n\
             # of the office\n# below\n\n[defaults]\nretries = 3\n\n[accounts.z]\nhost = 'z'\n# tail"
        );
        assert_eq!(
            remove(
                "[accounts.a]\nhost = 'a'\n\n[accounts.b]\nhost = 'b'\n\n[accounts.c]\n",
                "b"
            )
            .unwrap(),
            "[accounts.a]\nhost = 'a'\n\n[accounts.c]\n"
        );
        assert_eq!(remove("[accounts.a]\nhost = 'a'", "a").unwrap(), "");
    }

    #[test]
    fn accounts_in_braces_are_changed_too() {
        let text = "[accounts]\nold = {host='a', user='b'} # c\nz = {}\n";
        assert_eq!(
            rename(text, "old", "new").unwrap(),
            text.replace("old", "new")
        );
        let with = set(text, "old", "pull", Some("false")).unwrap();
        assert_eq!(with, text.replace("{host", "{ pull = false,host"));
        assert_eq!(
            set(&with, "old", "pull", None).unwrap(),
            text.replace("{host", "{ host")
        );
        assert_eq!(
            set(text, "old", "user", None).unwrap(),
            text.replace(", user='b'", "")
        );
        assert_eq!(
            set(text, "z", "pull", Some("true")).unwrap(),
            text.replace("{}", "{ pull = true }")
        );
        assert_eq!(remove(text, "old").unwrap(), "[accounts]\nz = {}\n");
        let all = "accounts = { a = {host='a'}, b = {host='b'} }\n";
        assert_eq!(remove(all, "a").unwrap(), "accounts = { b = {host='b'} }\n");
        assert_eq!(remove(all, "b").unwrap(), "accounts = { a = {host='a'} }\n");
    }

    #[test]
    fn dotted_keys_are_left_to_their_author() {
        for text in [
            "accounts.old.host = 'a'\n",
            "[accounts]\nold.host = 'a'\n",
            "[accounts.old]\nhost = 'a'\npurge.keep = []\n",
        ] {
            assert_eq!(rename(text, "old", "new"), None, "{text}");
            assert_eq!(remove(text, "old"), None, "{text}");
        }
    }
}
