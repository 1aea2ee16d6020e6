//! The terms of a query as SQL.

use std::fmt::Write as _;

use rusqlite::types::Value;

use super::folder_names::{self, KnownFolder};
use super::texts::SHIFT;
use super::{Proof, State, mid_key, signed};
use crate::base::error::{Error, Result};
use crate::mail::query::{Term, Uncertainty, What};
use crate::mail::words::{Sought, fold};

/// Where contents lie, each with its folder.
pub(super) const PLACES: &str =
    "place JOIN (SELECT id AS f, account, dir FROM folder) AS place_of ON f = place.folder";

/// The same where one content is asked for, which lies in few places. With
/// [`Conditions::place_of_one`] there is one look into the index, and not one for each folder that a
/// query selects.
pub(super) const PLACES_OF_ONE: &str = "place INDEXED BY place_blob
    CROSS JOIN (SELECT id AS f, account, dir FROM folder) AS place_of ON f = place.folder";

/// How the condition of a place names its folder.
const FOLDER: &str = "place.folder";
const NOT_SUPERSEDED: &str = " AND NOT superseded";

/// Every date of a message: the one of all views, that of its first Received field, and that of its
/// Date field. 0 if it is not known.
const DATES: [&str; 3] = ["received_at", "received", "coalesce(envelope.date, 0)"];

/// Which dates of a message a term about its age goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DateRule {
    /// The one that every view shows.
    #[default]
    Shown,
    /// All that are known, for what is deleted: one wrong date makes no message old.
    All,
    /// Any, for what is kept.
    Any,
}

impl DateRule {
    /// The rule within a term that is negated.
    fn negated(self) -> Self {
        match self {
            Self::Shown => Self::Shown,
            Self::All => Self::Any,
            Self::Any => Self::All,
        }
    }

    /// The condition that dates fit; `fits` says it of one.
    fn condition(self, fits: impl Fn(&str) -> String) -> String {
        match self {
            Self::Shown => fits(DATES[0]),
            Self::Any => format!("({})", DATES.map(fits).join(" OR ")),
            Self::All => {
                let all = DATES.map(|date| format!("({date} = 0 OR {})", fits(date)));
                format!("(max({}) > 0 AND {})", DATES.join(", "), all.join(" AND "))
            }
        }
    }
}

/// The place of a content's id in [`SetQuery::one`].
pub(super) const ID: &str = "{id}";

/// How a phrase ends whose last word may go on.
pub(super) const GOES_ON: &str = "\" *";

/// A set of contents as SQL.
#[derive(Debug)]
pub(super) struct SetQuery {
    pub(super) negated: bool,
    /// Selects the ids of all.
    pub(super) all: String,
    /// Selects whether the one whose id is put in place of [`ID`] is in it.
    pub(super) one: String,
    /// Which of the values is a phrase whose last word may go on, if one is.
    pub(super) open: Option<usize>,
}

/// A query as SQL.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Which dates its terms go by.
    pub(super) dates: DateRule,
    /// What is asked of `blob` and `envelope`; each condition begins with `AND`.
    pub(super) content: String,
    /// Sets of contents, in all of which it must be, or not be where they are negated.
    pub(super) sets: Vec<SetQuery>,
    /// What is asked of [`PLACES`], which must be true of one place; each condition begins
    /// with `AND`.
    pub(super) place: String,
    /// The values of all of them.
    pub(super) values: Vec<Value>,
}

impl Conditions {
    /// What is asked of `blob` and `envelope`, those of `sets` among it.
    pub(super) fn whole(&self) -> String {
        let mut all = self.content.clone();
        for set in &self.sets {
            let not = if set.negated { "NOT " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(all, " AND {not}blob.id IN ({})", set.all);
        }
        all
    }

    /// The conditions of the places of one content, for [`PLACES_OF_ONE`].
    pub(super) fn place_of_one(&self) -> String {
        of_one(&self.place)
    }

    /// True if something is asked that is more than a condition of `blob` and `envelope`.
    pub(super) fn has_sets(&self) -> bool {
        !self.sets.is_empty() || !self.place.is_empty()
    }

    /// Each thing that is asked, as a statement that says whether it is true of the content whose
    /// id is put in place of [`ID`], and whether it has to be false.
    pub(super) fn questions(&self) -> Vec<(bool, String)> {
        let content = format!(
            "SELECT EXISTS (SELECT 1 FROM blob LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE blob.id = {ID} AND NOT lost {})",
            self.content
        );
        let sets = self.sets.iter().map(|set| (set.negated, set.one.clone()));
        let mut questions: Vec<_> = [(false, content)].into_iter().chain(sets).collect();
        if !self.place.is_empty() {
            let place = format!(
                "SELECT EXISTS (SELECT 1 FROM {PLACES_OF_ONE} WHERE place.blob = {ID} {})",
                self.place_of_one()
            );
            questions.push((false, place));
        }
        questions
    }

    /// True if every content fits that is not lost, but for the superseded ones.
    pub(super) fn is_all(&self) -> bool {
        let nothing = self.content.is_empty() || self.content == NOT_SUPERSEDED;
        nothing && !self.has_sets()
    }

    /// Leaves out what another content superseded.
    pub(super) fn skip_superseded(&mut self) {
        self.content.push_str(NOT_SUPERSEDED);
    }

    /// Adds the condition of one term; `texts` if the index of words is attached.
    pub(super) fn add(&mut self, term: &Term, texts: bool, folders: &[KnownFolder]) -> Result<()> {
        if let Some(place) = Self::of_place(&term.what, folders)? {
            if term.negated {
                self.exclude(&place);
            } else {
                let _ = write!(self.place, " AND {place}");
            }
            return Ok(());
        }
        if let Some(set) = self.set(term, texts)? {
            self.sets.push(set);
            return Ok(());
        }
        let dates = if term.negated {
            self.dates.negated()
        } else {
            self.dates
        };
        let mut text = |part: String| self.value(part);
        let condition = match &term.what {
            What::Text(part) => {
                let n = text(fold(part));
                format!(
                    "(contains(coalesce(sender, ''), {n}) OR contains(coalesce(subject, ''), {n}))"
                )
            }
            What::From(part) => format!("contains(coalesce(sender, ''), {})", text(fold(part))),
            What::Subject(part) => format!("contains(coalesce(subject, ''), {})", text(fold(part))),
            What::To(_)
            | What::HasAttachment
            | What::OnServer
            | What::Account(_)
            | What::AnyAccount(_)
            | What::Folder(_) => "false".to_owned(),
            What::Uncertain(Uncertainty::Superseded) => "superseded".to_owned(),
            What::Uncertain(uncertainty) => {
                let proof = match uncertainty {
                    Uncertainty::Doubtful => Proof::Doubtful,
                    Uncertainty::Settled => Proof::Settled,
                    Uncertainty::Recognised | Uncertainty::Superseded => Proof::Recognised,
                };
                let proof = proof as i64;
                format!("blob.id IN (SELECT blob FROM sighting WHERE evidence = {proof})")
            }
            What::Id(prefix) => {
                let (low, high) = (pad(prefix, '0'), pad(prefix, 'f'));
                let halves = first_halves(&low, &high);
                let hex = "lower(printf('%016x', h64) || hex(hrest))";
                format!(
                    "({halves} AND {hex} BETWEEN {} AND {})",
                    text(low),
                    text(high)
                )
            }
            What::MessageId(id) => format!(
                "blob.id IN (SELECT blob FROM likeness WHERE mid IN ({}, {}))",
                mid_key(id.as_bytes()),
                mid_key(format!("<{id}>").as_bytes())
            ),
            What::ReceivedFrom(time) => dates.condition(|date| format!("{date} >= {time}")),
            What::ReceivedBefore(time) => {
                dates.condition(|date| format!("({date} > 0 AND {date} < {time})"))
            }
            // The first day of 1970 was a Thursday.
            What::Weekday(day) => dates.condition(|date| {
                let day = day.num_days_from_monday();
                format!("({date} > 0 AND ({date} / 86400 + 3) % 7 = {day})")
            }),
            What::Hour(hour) => {
                dates.condition(|date| format!("({date} > 0 AND {date} % 86400 / 3600 = {hour})"))
            }
            What::LargerThan(size) => format!("size > {}", signed(*size)),
            What::SmallerThan(size) => format!("size < {}", signed(*size)),
        };
        let not = if term.negated { "NOT " } else { "" };
        let _ = write!(self.content, " AND {not}{condition}");
        Ok(())
    }

    /// Leaves out what lies in any such place.
    fn exclude(&mut self, place: &str) {
        self.sets.push(SetQuery {
            negated: true,
            all: format!("SELECT place.blob FROM {PLACES} WHERE {place}"),
            one: format!(
                "SELECT EXISTS (SELECT 1 FROM {PLACES_OF_ONE} WHERE place.blob = {ID} AND {})",
                of_one(place)
            ),
            open: None,
        });
    }

    /// The condition of a term that is about where a message is.
    fn of_place(what: &What, folders: &[KnownFolder]) -> Result<Option<String>> {
        Ok(Some(match what {
            What::Account(pattern) => in_folders(&folder_names::of_accounts(folders, pattern)?),
            What::AnyAccount(patterns) => {
                let mut ids = Vec::new();
                for pattern in patterns {
                    ids.extend(folder_names::of_accounts(folders, pattern)?);
                }
                in_folders(&ids)
            }
            What::Folder(pattern) => in_folders(&folder_names::fitting(folders, pattern)?),
            What::OnServer => format!(
                "EXISTS (SELECT 1 FROM sighting JOIN origin ON origin.id = sighting.origin
                         WHERE sighting.blob = place.blob AND state IN ({})
                           AND origin.account = place_of.account AND origin.dir = place_of.dir)",
                State::on_server_list()
            ),
            _ => return Ok(None),
        }))
    }

    /// The set of a term that is one.
    fn set(&mut self, term: &Term, texts: bool) -> Result<Option<SetQuery>> {
        let mut open = None;
        let (id, from, is_id) = match &term.what {
            What::Text(part) => {
                let wanted = phrase(part).ok_or_else(|| Error::Query {
                    word: term.to_string(),
                    reason: "it has neither a letter nor a digit, and words are searched for"
                        .to_owned(),
                })?;
                if !texts {
                    return Ok(None);
                }
                open = wanted.ends_with(GOES_ON).then_some(self.values.len());
                let n = self.value(wanted);
                (
                    format!("rowid >> {SHIFT}"),
                    format!("texts.words WHERE words MATCH {n}"),
                    format!("rowid BETWEEN {ID} << {SHIFT} AND ({ID} + 1 << {SHIFT}) - 1"),
                )
            }
            What::To(part) if texts => {
                let n = self.value(fold(part));
                (
                    "id".to_owned(),
                    format!("texts.message WHERE contains(recipients, {n})"),
                    format!("id = {ID}"),
                )
            }
            What::HasAttachment if texts => (
                "id".to_owned(),
                "texts.message WHERE attachment".to_owned(),
                format!("id = {ID}"),
            ),
            _ => return Ok(None),
        };
        Ok(Some(SetQuery {
            negated: term.negated,
            all: format!("SELECT {id} FROM {from}"),
            one: format!("SELECT EXISTS (SELECT 1 FROM {from} AND {is_id})"),
            open,
        }))
    }

    /// The parameter of a value.
    fn value(&mut self, text: String) -> String {
        self.values.push(Value::Text(text));
        format!("?{}", self.values.len())
    }
}

fn in_folders(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{FOLDER} IN ({})", ids.join(","))
}

/// Keeps the folders of a condition from being looked up in an index.
fn of_one(place: &str) -> String {
    place.replace(FOLDER, &format!("+{FOLDER}"))
}

/// The words that follow each other in the index, the last of which may go on if the text
/// ends within it.
fn phrase(text: &str) -> Option<String> {
    let sought = Sought::new(text)?;
    let end = if sought.open { GOES_ON } else { "\"" };
    Some(format!("\"{}{end}", sought.words))
}

/// The condition of the first halves of ids between two, which the index has.
fn first_halves(low: &str, high: &str) -> String {
    let half = |id: &str| u64::from_str_radix(id.get(..16)?, 16).ok();
    half(low).zip(half(high)).map_or_else(
        || "false".to_owned(),
        // Keys are the same bits, signed: a range of one first digit does not cross zero.
        |(low, high)| {
            let (low, high) = (low.cast_signed(), high.cast_signed());
            format!("h64 BETWEEN {low} AND {high}")
        },
    )
}

fn pad(prefix: &str, fill: char) -> String {
    prefix
        .chars()
        .chain(std::iter::repeat(fill))
        .take(32)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::Connection;

    use super::*;

    /// How the place of one content is looked for.
    fn plan(place: &str) -> Vec<String> {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT flags FROM {PLACES_OF_ONE}
             WHERE place.blob = ?1 AND {place} ORDER BY account, dir"
        );
        let mut plan = db.prepare(&sql).unwrap();
        let rows = plan.query_map([1], |row| row.get("detail")).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn one_content_is_looked_up_once_and_not_in_each_folder() {
        let folders: Vec<i64> = (1..300).collect();
        let place = in_folders(&folders);
        let once = "SEARCH place USING INDEX place_blob (blob=?)".to_owned();
        assert!(plan(&of_one(&place)).contains(&once));
        // Without it there would be a look for each of them.
        assert!(!plan(&place).contains(&once));
    }
}
