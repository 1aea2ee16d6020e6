//! The terms of a query as SQL.

use std::fmt::Write as _;

use rusqlite::types::Value;

use super::texts::SHIFT;
use super::{Proof, mid_key, signed};
use crate::base::error::{Error, Result};
use crate::mail::query::{Term, Uncertainty, What};
use crate::mail::words::{Sought, fold};

/// A query as SQL.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// What is asked of `blob` and `envelope`; each condition begins with `AND`.
    pub(super) content: String,
    /// Selects of ids of `blob`, in all of which it must be, or not be where this says true.
    pub(super) sets: Vec<(bool, String)>,
    /// What is asked of `account` and `dir`, which must be true of one folder.
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

    /// Adds the condition of one term; `texts` if the index of words is attached.
    pub(super) fn add(&mut self, term: &Term, texts: bool) -> Result<()> {
        if let Some(set) = self.set(term, texts)? {
            self.sets.push((term.negated, set));
            return Ok(());
        }
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
            What::To(_) | What::HasAttachment | What::OnServer => "false".to_owned(),
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
            What::Account(name) => format!("account = {}", text(name.to_lowercase())),
            What::Id(prefix) => {
                let (low, high) = (pad(prefix, '0'), pad(prefix, 'f'));
                // The index has the first half.
                let half = |id: &str| u64::from_str_radix(id.get(..16)?, 16).ok();
                let halves = half(&low).zip(half(&high)).map_or_else(
                    || "false".to_owned(),
                    |(low, high)| format!("h64 BETWEEN {} AND {}", signed(low), signed(high)),
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
            What::ReceivedFrom(time) => format!("received >= {time}"),
            What::ReceivedBefore(time) => format!("(received > 0 AND received < {time})"),
            What::LargerThan(size) => format!("size > {}", signed(*size)),
            What::SmallerThan(size) => format!("size < {}", signed(*size)),
            What::Folder(name) => format!("contains(label(dir), {})", text(fold(name))),
        };
        let of_place = matches!(term.what, What::Account(_) | What::Folder(_));
        let conditions = if of_place {
            &mut self.place
        } else {
            &mut self.content
        };
        conditions.push_str(if term.negated { " AND NOT " } else { " AND " });
        conditions.push_str(&condition);
        Ok(())
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
            What::OnServer => {
                "SELECT blob FROM sighting WHERE state IN (0, 5) AND blob NOT NULL".to_owned()
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
