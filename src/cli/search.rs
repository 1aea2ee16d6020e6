//! `mailvault search`, also `list`: find messages, newest first.

use chrono::Utc;
use mailvault::Error;
use mailvault::mail::query::{self, Query};
use mailvault::vault::Vault;
use mailvault::vault::catalog::{Extras, Hit, Hits, Order, SortBy};
use serde_json::{Value, json};

use super::Done;
use super::args::{Search, SortKey};
use super::marks::SoughtWords;
use super::output::{Output, Tone};
use super::report::Failure;
use super::settings::Settings;
use super::text::{Align, Columns, count, cut, day, escape, plural, rfc3339, size};

/// Messages shown on a terminal that asks for no number.
pub(super) const SCREENFUL: u64 = 20;
/// Reading more messages than this takes long enough to be told.
const LONG: u64 = 2000;
/// With at least so many columns there is room for the folder, too.
const WIDE: usize = 120;
const HEAD: [&str; 6] = ["ID", "Date", "From", "Size", "Folder", "Subject"];
const ALIGNS: [Align; 6] = {
    use Align::{Left, Right};
    [Left, Left, Left, Right, Left, Left]
};

pub(crate) fn run(args: &Search, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let query = query::parse(&args.query, Utc::now())?;
    let vault = settings.open_vault()?;
    read_texts(&vault, &query, out)?;
    let limit = match args.limit {
        None if out.out_terminal && !out.json => Some(SCREENFUL),
        limit => limit,
    };
    // One more than shown, to know whether there are more.
    let mut hits = vault.search(
        &query,
        order(args),
        limit.map(|limit| limit.saturating_add(1)),
    )?;
    let more = limit.is_some_and(|limit| hits.len() > limit);
    if let Some(limit) = limit {
        hits.truncate(limit);
    }
    let found = hits.len();
    if out.json {
        print_json(&vault, &query, &hits, out)?;
    } else if !hits.is_empty() {
        out.page();
        print_table(&vault, &query, &hits, out)?;
    }
    if out.out_terminal && !out.quiet && !out.json {
        out.line(&match (found, more) {
            (0, _) => "no messages match".to_owned(),
            (_, false) => plural(found, "message"),
            // Counted only now: the first are shown sooner than all are found.
            (_, true) => format!(
                "{} of {}; -l N shows more",
                count(found),
                plural(vault.count_hits(&query)?, "message")
            ),
        });
    }
    Ok(Done::new(0, json!({"messages": found, "more": more})))
}

fn print_json(vault: &Vault, query: &Query, hits: &Hits<'_>, out: &Output) -> Result<(), Failure> {
    if !query.needs_texts() {
        vault.recall_texts();
    }
    let mut rows = hits.rows().with_details()?;
    loop {
        let page = rows.next_page()?;
        if page.is_empty() || out.is_broken() {
            return Ok(());
        }
        // What is read of them is read before anything is printed: a reader who waits must keep
        // nothing of the catalog locked.
        for (hit, (extras, snippet)) in page.iter().zip(vault.details(&page, query)?) {
            out.json("message", to_json(hit, &extras, snippet.as_deref()), false);
        }
    }
}

/// Goes through what was found twice, as the columns are as wide as the widest row.
fn print_table(vault: &Vault, query: &Query, hits: &Hits<'_>, out: &Output) -> Result<(), Failure> {
    let mut table = HitTable::new(out.columns());
    let marks = SoughtWords::of(query);
    let ids = vault.short_ids(hits.len())?;
    for hit in hits.rows() {
        let hit = hit?;
        table.fit(&ids.of(hit.id)?, &hit);
    }
    out.line(&table.line(&table.head(), |_, cell| out.word(cell, Tone::Head)));
    for hit in hits.rows() {
        if out.is_broken() {
            break;
        }
        let hit = hit?;
        let row = table.row(&ids.of(hit.id)?, &hit);
        out.line(&table.line(&row, |n, cell| match n {
            0 => out.word(cell, Tone::Id),
            1 | 3 | 4 => out.word(cell, Tone::Dim),
            _ if n == 5 && hit.doubtful => {
                let rest = cell.strip_prefix(DOUBTFUL).unwrap_or_default();
                out.word(DOUBTFUL, Tone::Warn) + &marks.paint(rest, out)
            }
            _ => marks.paint(cell, out),
        }));
        // Elsewhere every line is a message, for programs that count on it.
        if let Some(columns) = out.columns()
            && let Some(snippet) = vault.snippet(&hit, query)?
        {
            out.line(&marks.paint(&indented(&snippet, columns), out));
        }
    }
    Ok(())
}

/// Brings the index of words up to date if the query needs it, and says what it lacks.
pub(super) fn read_texts(vault: &Vault, query: &Query, out: &Output) -> Result<(), Error> {
    if !query.needs_texts() {
        return Ok(());
    }
    let mut told = false;
    let lacks = vault.read_texts(&mut |left| {
        if left > LONG && !told && !out.quiet {
            out.say(&format!(
                "note: reading {} to build the search index; this happens only once",
                plural(left, "message")
            ));
            told = true;
        }
    })?;
    let left = lacks.behind + lacks.unread;
    if left > 0 {
        let why = match lacks.behind {
            0 => "their files cannot be read",
            _ => "nothing can be written to the vault",
        };
        out.say(&format!(
            "warning: {} searched by sender and subject only, because {why}",
            plural(left, "message")
        ));
    }
    Ok(())
}

/// A snippet below its row.
fn indented(snippet: &str, columns: usize) -> String {
    cut(&format!("          {}", escape(snippet)), columns)
}

fn order(args: &Search) -> Order {
    Order {
        by: match args.sort {
            SortKey::Date => SortBy::Date,
            SortKey::Size => SortBy::Size,
            SortKey::From => SortBy::From,
            SortKey::Subject => SortBy::Subject,
        },
        reverse: args.reverse,
    }
}

/// In front of the subject of a message that is not certain to be what the server has.
const DOUBTFUL: &str = "? ";

/// The table; for a terminal it is cut to its width.
struct HitTable {
    table: Columns<'static>,
    /// Columns of the terminal, if it is one.
    columns: Option<usize>,
}

impl HitTable {
    fn new(columns: Option<usize>) -> Self {
        let mut table = Self {
            table: Columns::new(&ALIGNS),
            columns,
        };
        table.table.fit(&table.head());
        table
    }

    /// True if there is room for the folder. Without a terminal, programs count on the columns.
    fn is_wide(&self) -> bool {
        self.columns.is_some_and(|columns| columns >= WIDE)
    }

    fn head(&self) -> [String; 6] {
        let wide = self.is_wide();
        HEAD.map(|word| {
            let shown = wide || word != "Folder";
            if shown {
                word.to_owned()
            } else {
                String::new()
            }
        })
    }

    fn fit(&mut self, id: &str, hit: &Hit) {
        self.table.fit(&self.row(id, hit));
    }

    fn line(&self, row: &[String; 6], paint: impl Fn(usize, &str) -> String) -> String {
        self.table
            .painted(row, self.columns.unwrap_or(usize::MAX), paint)
    }

    fn row(&self, id: &str, hit: &Hit) -> [String; 6] {
        // Of a terminal's columns, the sender has at most a quarter.
        let most = self.columns.map_or(usize::MAX, |columns| columns / 4);
        let fitted = |text: &str, most: usize| cut(&escape(text), most);
        let mark = if hit.doubtful { DOUBTFUL } else { "" };
        let folder = if self.is_wide() {
            fitted(&format!("{}/{}", hit.account, hit.folder), most)
        } else {
            String::new()
        };
        [
            id.to_owned(),
            day(hit.date),
            fitted(&sender(&hit.from), most.min(36)),
            size(hit.size),
            folder,
            format!("{mark}{}", escape(&hit.subject)),
        ]
    }
}

/// Who wrote it: the name of a `name <address>`, else all of it.
fn sender(from: &str) -> String {
    let name = from
        .split('<')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches('"')
        .trim();
    if name.is_empty() {
        from.trim().trim_matches(['<', '>']).to_owned()
    } else {
        name.to_owned()
    }
}

fn to_json(hit: &Hit, extras: &Extras, snippet: Option<&str>) -> Value {
    json!({
        "id": hit.id.to_string(),
        "message_id": extras.message_id,
        "account": hit.account,
        "folder": hit.folder,
        "flags": hit.flags,
        "date": (hit.date != 0).then(|| rfc3339(hit.date)).flatten(),
        "from": hit.from,
        "to": extras.to,
        "subject": hit.subject,
        "size": hit.size,
        "doubtful": hit.doubtful,
        "on_server": hit.on_server,
        "snippet": snippet,
    })
}

#[cfg(test)]
mod tests {
    use mailvault::mail::message::Hash128;

    use super::*;

    fn hit(from: &str, subject: &str, size: u64) -> Hit {
        Hit {
            flags: "S".to_owned(),
            id: Hash128::of(subject.as_bytes()),
            account: "work".to_owned(),
            folder: "INBOX".to_owned(),
            date: 1_754_092_800,
            from: from.to_owned(),
            subject: subject.to_owned(),
            size,
            doubtful: false,
            on_server: false,
            extras: None,
            file: None,
        }
    }

    fn lines(hits: &[Hit], columns: Option<usize>) -> Vec<String> {
        let id = "4f2a91c0";
        let mut table = HitTable::new(columns);
        for hit in hits {
            table.fit(id, hit);
        }
        let rows = hits.iter().map(|hit| table.row(id, hit));
        let rows = std::iter::once(table.head()).chain(rows);
        let plain = |_: usize, cell: &str| cell.to_owned();
        rows.map(|row| table.line(&row, plain)).collect()
    }

    #[test]
    fn the_table_is_aligned_and_escaped() {
        let hits = [
            hit(
                "\"Example Air\" <air@example.org>",
                "Your boarding\x1b pass",
                188_000,
            ),
            hit("<rail@example.net>", "", 22_000),
        ];
        assert_eq!(
            lines(&hits, None),
            [
                "ID        Date        From                 Size  Subject",
                "4f2a91c0  2025-08-02  Example Air       184 KiB  Your boarding\\x1b pass",
                "4f2a91c0  2025-08-02  rail@example.net   22 KiB",
            ]
        );
    }

    #[test]
    fn a_snippet_is_escaped() {
        assert_eq!(indented("a\x1b[2Jb", 80), "          a\\x1b[2Jb");
    }

    #[test]
    fn on_a_terminal_no_line_is_too_long() {
        let hits = [hit(&"x".repeat(200), &"日本".repeat(60), 1)];
        for columns in [50, 80, 120, 200] {
            let snippet = indented(&"本".repeat(199), columns);
            assert!(super::super::text::width(&snippet) <= columns);
            for line in lines(&hits, Some(columns)) {
                assert!(super::super::text::width(&line) <= columns, "{line}");
            }
        }
    }

    #[test]
    fn a_wide_terminal_shows_the_folder() {
        let hits = [hit("Ann", "Hello", 1)];
        assert!(!lines(&hits, Some(119))[0].contains("Folder"));
        assert!(lines(&hits, Some(120))[1].contains("  work/INBOX  Hello"));
    }
}
