//! Help about what is no command: `mailvault help query`.

use super::style::{heading, literal};
use super::texts::{
    CODES, CODES_NOTE, FILES, JSON_NOTES, JSON_TYPES, QUERY, QUERY_NOTES, TextRows, VARIABLES,
    VARIABLES_NOTE,
};
use crate::cli::text::{width, wrap};

/// Columns of a text.
const COLUMNS: usize = 80;

/// A text and the word that asks for it.
pub(super) struct Topic {
    name: &'static str,
    title: &'static str,
    parts: &'static [TopicPart],
}

enum TopicPart {
    Text(&'static [&'static str]),
    Heading(&'static str),
    /// Words with their meanings, which begin at this column.
    Rows(TextRows, usize),
}

const TOPICS: [Topic; 4] = [
    Topic {
        name: "query",
        title: "What a query may contain",
        parts: &[
            TopicPart::Rows(QUERY, 27),
            TopicPart::Text(QUERY_NOTES),
            TopicPart::Heading("Examples:"),
            TopicPart::Rows(
                &[
                    ("mailvault search invoice from:acme after:2021", ""),
                    ("mailvault search larger:10M -folder:Archive", ""),
                    ("mailvault export old.mbox before:2015 account:work", ""),
                    ("mailvault purge work --match 'larger:10M older:1y' -n", ""),
                ],
                COLUMNS,
            ),
        ],
    },
    Topic {
        name: "exit-codes",
        title: "Exit codes",
        parts: &[TopicPart::Rows(CODES, 12), TopicPart::Text(&[CODES_NOTE])],
    },
    Topic {
        name: "environment",
        title: "Environment variables and files",
        parts: &[
            TopicPart::Rows(VARIABLES, 34),
            TopicPart::Text(&[VARIABLES_NOTE]),
            TopicPart::Heading("Files:"),
            TopicPart::Rows(FILES, 36),
        ],
    },
    Topic {
        name: "json",
        title: "JSON for programs",
        parts: &[
            TopicPart::Text(JSON_NOTES),
            TopicPart::Heading("Types:"),
            TopicPart::Rows(JSON_TYPES, 31),
        ],
    },
];

pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    TOPICS.iter().map(|topic| topic.name)
}

pub(super) fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    TOPICS.iter().map(|topic| (topic.name, topic.title))
}

pub(super) fn find(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

impl Topic {
    /// The text, coloured.
    pub(super) fn render(&self) -> String {
        let mut text = heading(self.title);
        text.push('\n');
        let mut after_heading = false;
        for part in self.parts {
            if !after_heading {
                text.push('\n');
            }
            after_heading = matches!(part, TopicPart::Heading(_));
            match part {
                TopicPart::Heading(words) => text.extend([&heading(words), "\n"]),
                TopicPart::Text(paragraphs) => {
                    let paragraphs = paragraphs.iter().map(|words| wrap(words, "", 0, COLUMNS));
                    text.push_str(&paragraphs.collect::<Vec<_>>().join("\n\n"));
                    text.push('\n');
                }
                TopicPart::Rows(rows, column) => {
                    for (words, meaning) in *rows {
                        text.push_str(&row(words, meaning, *column));
                    }
                }
            }
        }
        text
    }
}

fn row(words: &str, meaning: &str, column: usize) -> String {
    if meaning.is_empty() {
        return format!("  {}\n", literal(words));
    }
    let first = format!(
        "  {words}{}",
        " ".repeat((column - 2).saturating_sub(width(words)))
    );
    let lines = wrap(meaning, &first, column, COLUMNS);
    lines.replacen(words, &literal(words), 1) + "\n"
}

#[cfg(test)]
mod tests {
    use clap::builder::StyledStr;

    use super::*;

    #[test]
    fn every_topic_fits_80_columns_and_its_words_their_column() {
        for topic in &TOPICS {
            let text = StyledStr::from(topic.render()).to_string();
            for line in text.lines() {
                assert!(width(line) <= COLUMNS, "{line}");
            }
            for part in topic.parts {
                let TopicPart::Rows(rows, column) = part else {
                    continue;
                };
                for (words, meaning) in *rows {
                    assert!(meaning.is_empty() || width(words) + 4 <= *column, "{words}");
                }
            }
        }
    }
}
