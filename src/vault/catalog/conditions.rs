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

/// A query as SQL.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Which dates its terms go by.
    pub(super) dates: DateRule,
    /// What is asked of `blob` and `envelope`; each condition begins with `AND`.
    pub(super) content: String,
    /// Selects of ids of `blob`, in all of which it must be, or not be where this says true.
    pub(super) sets: Vec<(bool, String)>,
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
        for (negated, set) in &self.sets {
            let not = if *negated { "NOT " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(all, " AND {not}blob.id IN ({set})");
        }
        all
    }

    /// True if every content fits that is not lost, but for the superseded ones.
    pub(super) fn is_all(&self) -> bool {
        let nothing = self.content.is_empty() || self.content == NOT_SUPERSEDED;
        nothing && self.sets.is_empty() && self.place.is_empty()
    }

    /// Leaves out what another content superseded.
    pub(super) fn skip_superseded(&mut self) {
        self.content.push_str(NOT_SUPERSEDED);
    }

    /// Adds the condition of one term; `texts` if the index of words is attached.
    pub(super) fn add(&mut self, term: &Term, texts: bool, folders: &[KnownFolder]) -> Result<()> {
        if let Some(place) = Self::of_place(&term.what, folders)? {
            if term.negated {
                // What is not in a folder is in none of its places.
                let set = format!("SELECT place.blob FROM {PLACES} WHERE {place}");
                self.sets.push((true, set));
            } else {
                let _ = write!(self.place, " AND {place}");
            }
            return Ok(());
        }
        if let Some(set) = self.set(term, texts)? {
            self.sets.push((term.negated, set));
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
                // The index has the first half.
                let half = |id: &str| u64::from_str_radix(id.get(..16)?, 16).ok();
                let halves = half(&low).zip(half(&high)).map_or_else(
                    || "false".to_owned(),
                    // Keys are the same bits, signed: a range of one first digit does not
                    // cross zero.
                    |(low, high)| {
                        let (low, high) = (low.cast_signed(), high.cast_signed());
                        format!("h64 BETWEEN {low} AND {high}")
                    },
                );
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
            What::LargerThan(size) => format!("size > {}", signed(*size)),
            What::SmallerThan(size) => format!("size < {}", signed(*size)),
        };
        let not = if term.negated { "NOT " } else { "" };
        let _ = write!(self.content, " AND {not}{condition}");
        Ok(())
    }

    /// The condition of a term that is about where a message is.
    fn of_place(what: &What, folders: &[KnownFolder]) -> Result<Option<String>> {
        Ok(Some(match what {
            What::Account(pattern) => in_folders(&folder_names::of_accounts(folders, pattern)?),
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

    /// The select of a term that is a set.
    fn set(&mut self, term: &Term, texts: bool) -> Result<Option<String>> {
        Ok(Some(match &term.what {
            What::Text(part) => {
                let wanted = phrase(part).ok_or_else(|| Error::Query {
                    word: term.to_string(),
                    reason: "it has neither a letter nor a digit, and words are searched for"
                        .to_owned(),
                })?;
                if !texts {
                    return Ok(None);
                }
                let n = self.value(wanted);
                format!("SELECT rowid >> {SHIFT} FROM texts.words WHERE words MATCH {n}")
            }
            What::To(part) if texts => {
                let n = self.value(fold(part));
                format!("SELECT id FROM texts.message WHERE contains(recipients, {n})")
            }
            What::HasAttachment if texts => {
                "SELECT id FROM texts.message WHERE attachment".to_owned()
            }
            _ => return Ok(None),
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
    format!("place.folder IN ({})", ids.join(","))
}

/// The words that follow each other in the index, the last of which may go on if the text
/// ends within it.
fn phrase(text: &str) -> Option<String> {
    let sought = Sought::new(text)?;
    let star = if sought.open { " *" } else { "" };
    Some(format!("\"{}\"{star}", sought.words))
}

fn pad(prefix: &str, fill: char) -> String {
    prefix
        .chars()
        .chain(std::iter::repeat(fill))
        .take(32)
        .collect()
}
