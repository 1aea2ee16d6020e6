//! The first hits of a search by date, where many messages fit: the newest messages are asked one
//! by one whether they do, and the list of all that fit is not read.

use rusqlite::types::Value;

use super::conditions::{Conditions, GOES_ON, ID};
use super::{Catalog, Order, SortBy, signed};

/// Messages that are asked at most. To ask one takes as long as to read a few hundred from a list.
const MOST: u64 = 1000;
/// Words that a word which may go on can be.
const WORDS: usize = 16;
/// So many are asked before it is decided whether to go on.
const FIRST: u64 = 32;

impl Catalog {
    /// The first contents that fit, at most so many, in any order; `None` if that is not known
    /// after a look at a few: then all that fit have to be read.
    pub(super) fn first_hits(
        &self,
        conditions: &Conditions,
        order: Order,
        limit: u64,
    ) -> rusqlite::Result<Option<Vec<i64>>> {
        if order.by != SortBy::Date || limit > MOST || !conditions.has_sets() {
            return Ok(None);
        }
        let id = conditions.values.len();
        let mut values = conditions.values.clone();
        values.push(Value::Null);
        for n in conditions.sets.iter().filter_map(|set| set.open) {
            match self.spelled_out(&values[n])? {
                Some(phrases) => values[n] = phrases,
                None => return Ok(None),
            }
        }
        let mut questions = Vec::new();
        for (negated, one) in conditions.questions() {
            let sql = one.replace(ID, &format!("?{}", id + 1));
            questions.push((negated, self.db.prepare(&sql)?));
        }
        let sql = format!(
            "SELECT id FROM blob ORDER BY {} LIMIT {MOST}",
            order.clause(true)
        );
        let mut statement = self.db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let (mut found, mut asked) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let next: i64 = row.get(0)?;
            values[id] = Value::Integer(next);
            asked += 1;
            if fits_all(&mut questions, &values)? {
                found.push(next);
                if found.len() as u64 >= limit {
                    return Ok(Some(found));
                }
            }
            if asked >= FIRST && (found.len() as u64) * MOST < limit * asked {
                return Ok(None);
            }
        }
        // Fewer than so many messages are all of them.
        Ok((asked < MOST).then_some(found))
    }

    /// A phrase whose last word may go on, as all phrases that it can be; `None` if they are many.
    /// The index answers it by reading the lists of all these words from their beginning, for
    /// each question again.
    fn spelled_out(&self, phrase: &Value) -> rusqlite::Result<Option<Value>> {
        let Value::Text(phrase) = phrase else {
            return Ok(None);
        };
        let words = phrase.trim_start_matches('"').trim_end_matches(GOES_ON);
        let (before, last) = words.rsplit_once(' ').unwrap_or(("", words));
        // It must not be there when the index is detached.
        self.db.execute_batch(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(texts, words, row)",
        )?;
        let words = self.words_from(last);
        self.db.execute_batch("DROP TABLE temp.vocabulary")?;
        let words = words?;
        // Of no word there is no phrase, and nothing that the one given would find.
        if words.is_empty() {
            return Ok(Some(Value::Text(phrase.clone())));
        }
        let phrases: Vec<String> = (words.iter())
            .map(|word| format!("\"{before} {word}\""))
            .collect();
        Ok((words.len() <= WORDS).then(|| Value::Text(phrases.join(" OR "))))
    }

    /// The words of the index that begin so, as far as they are looked for.
    fn words_from(&self, start: &str) -> rusqlite::Result<Vec<String>> {
        let end = format!("{start}{}", char::MAX);
        self.db
            .prepare("SELECT term FROM temp.vocabulary WHERE term >= ?1 AND term < ?2 LIMIT ?3")?
            .query_map((start, end, signed(WORDS as u64 + 1)), |row| row.get(0))?
            .collect()
    }
}

/// Whether a content, whose id is the last of the values, is in all sets, or in none that is
/// negated.
fn fits_all(
    questions: &mut [(bool, rusqlite::Statement<'_>)],
    values: &[Value],
) -> rusqlite::Result<bool> {
    for (negated, question) in questions {
        let count = question.parameter_count();
        let is_in: bool =
            question.query_row(rusqlite::params_from_iter(&values[..count]), |r| r.get(0))?;
        if is_in == *negated {
            return Ok(false);
        }
    }
    Ok(true)
}
