//! Holds: mail that must not be forgotten, until somebody says otherwise.
//!
//! A hold covers the contents that matched its query when it began, which the ledger names one by
//! one, and whatever matches it when something is to be forgotten.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::catalog::{Catalog, DateRule, Hold, IdSet};
use super::layout::{Layout, is_account};
use super::ledger::LedgerEvent;
use super::{Vault, Writer, texts};
use crate::base::account_name::AccountNames;
use crate::base::error::Error;
use crate::mail::message::Hash128;
use crate::mail::query::{self, Query};

/// Contents whose lines become durable at once: of a million the memory has room for some.
const BATCH: usize = 4096;
/// Bytes of a query or a reason. Escaped, both have room in a line of the ledger.
const LONGEST: usize = 4096;

/// Why a hold cannot be added or released.
#[derive(Debug, thiserror::Error)]
pub enum HoldFault {
    /// No hold can have this name.
    #[error("\"{0}\" cannot be the name of a hold")]
    NotAName(String),
    /// A hold of this name is open.
    #[error("there is already a hold called {0}")]
    Taken(String),
    /// No hold of this name is open.
    #[error("no hold is called \"{name}\"")]
    Unknown {
        /// The name that was given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The reason is empty.
    #[error("the reason is empty")]
    NoReason,
    /// The query or the reason is too long to be kept.
    #[error("the {0} is longer than {LONGEST} bytes")]
    TooLong(&'static str),
    /// What an open hold covers cannot be found out.
    #[error("it is not known what the hold {name} covers: {source}")]
    Undecided {
        /// The hold.
        name: String,
        /// Why not.
        source: Box<Error>,
    },
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

/// A hold that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct HoldRequest<'a> {
    /// What to call it.
    pub name: &'a str,
    /// The query, as it is kept.
    pub query: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// Adds a hold to the vault at `path`, whose accounts are called so; gives how many contents it
/// covers now. It waits at most `patience` for another writer.
///
/// The contents are written first, and mean nothing without the line that ends them: a run that is
/// killed leaves a whole hold or none.
pub fn add_hold(
    path: &Path,
    names: AccountNames,
    request: HoldRequest<'_>,
    now: DateTime<Utc>,
    patience: Duration,
) -> Result<u64, HoldFault> {
    let HoldRequest {
        name,
        query: text,
        reason,
    } = request;
    check_name(name)?;
    check_length("query", text)?;
    check_reason(reason)?;
    let query = query::parse_text(text, now)?;
    let mut writer = open(path, patience)?;
    let begun = writer.catalog().hold_is_open(name)?;
    if begun == Some(true) {
        return Err(HoldFault::Taken(name.to_owned()));
    }
    writer.catalog_mut().name_accounts(names);
    if query.needs_texts() {
        texts::refresh(writer.layout(), writer.catalog(), &mut |_| {})?;
    }
    let ids = matching(writer.catalog(), query)?;
    let name = name.to_owned();
    if begun.is_some() {
        // What a run wrote that was killed.
        let (name, reason) = (name.clone(), None);
        writer.record(&[LedgerEvent::Released { name, reason }])?;
    }
    let mut lines = Vec::new();
    for id in ids.iter() {
        let hash = writer.catalog().hash_of_id(id)?;
        let name = name.clone();
        lines.push(LedgerEvent::Held { name, hash });
        if lines.len() == BATCH {
            writer.record(&lines)?;
            lines.clear();
        }
    }
    lines.push(LedgerEvent::Hold {
        name,
        query: text.to_owned(),
        reason: reason.to_owned(),
        messages: ids.len(),
    });
    writer.record(&lines)?;
    writer.publish()?;
    Ok(ids.len())
}

/// Ends a hold; gives it as it was.
pub fn release_hold(
    path: &Path,
    name: &str,
    reason: Option<&str>,
    patience: Duration,
) -> Result<Hold, HoldFault> {
    if let Some(reason) = reason {
        check_reason(reason)?;
    }
    let mut writer = open(path, patience)?;
    let holds = writer.catalog().holds()?;
    let Some(hold) = holds.iter().find(|hold| hold.name == name) else {
        let known = holds.into_iter().map(|hold| hold.name);
        return Err(HoldFault::Unknown {
            name: name.to_owned(),
            known: known.collect(),
        });
    };
    writer.record(&[LedgerEvent::Released {
        name: name.to_owned(),
        reason: reason.map(str::to_owned),
    }])?;
    writer.publish()?;
    Ok(hold.clone())
}

/// A writer of a vault whose record is whole. Where lines are damaged, nobody knows what is held.
fn open(path: &Path, patience: Duration) -> Result<Writer, Error> {
    let writer = Writer::open(path, patience, &AtomicBool::new(false))?;
    writer.refuse_damaged()?;
    Ok(writer)
}

fn check_name(name: &str) -> Result<(), HoldFault> {
    if is_account(name) {
        return Ok(());
    }
    Err(HoldFault::NotAName(name.to_owned()))
}

fn check_reason(reason: &str) -> Result<(), HoldFault> {
    if reason.trim().is_empty() {
        return Err(HoldFault::NoReason);
    }
    check_length("reason", reason)
}

fn check_length(what: &'static str, text: &str) -> Result<(), HoldFault> {
    if text.len() > LONGEST {
        return Err(HoldFault::TooLong(what));
    }
    Ok(())
}

/// What a query matches now, which must be something.
fn matching(catalog: &Catalog, query: Query) -> Result<IdSet, Error> {
    let queries = [query];
    let ids = catalog.matching(&queries, None, DateRule::Any)?;
    if ids.len() > 0 {
        return Ok(ids);
    }
    let [query] = queries;
    Err(Error::NoMatch {
        query: query.to_string(),
        gone: 0,
    })
}

/// What an open hold covers at this moment. The index of words must be up to date.
fn covered(catalog: &Catalog, hold: &Hold, now: DateTime<Utc>) -> Result<IdSet, HoldFault> {
    let cover = || {
        let mut ids = catalog.held_by(&hold.name)?;
        // The line with its query may be lost.
        if hold.query.is_empty() {
            return Ok(ids);
        }
        let query = query::parse_text(&hold.query, now)?;
        let matching = catalog.matching(&[query], None, DateRule::Any)?;
        matching.iter().for_each(|id| ids.insert(id));
        Ok(ids)
    };
    cover().map_err(|source| HoldFault::Undecided {
        name: hold.name.clone(),
        source: Box::new(source),
    })
}

/// The names of open holds, and what each covers at this moment.
pub(super) fn held_now(
    layout: &Layout,
    catalog: &Catalog,
    now: DateTime<Utc>,
) -> Result<Vec<(String, IdSet)>, Error> {
    let holds = catalog.holds()?;
    if holds.iter().any(|hold| needs_texts(hold, now)) {
        texts::refresh(layout, catalog, &mut |_| {})?;
    }
    let cover = |hold: Hold| {
        let ids = covered(catalog, &hold, now).map_err(|fault| Error::Undecided {
            what: fault.to_string(),
        })?;
        Ok((hold.name, ids))
    };
    holds.into_iter().map(cover).collect()
}

/// Those of these holds that cover any of the contents, and how many of them.
pub(super) fn holding(
    held: &[(String, IdSet)],
    catalog: &Catalog,
    contents: impl Iterator<Item = Hash128>,
) -> Result<Vec<(String, u64)>, Error> {
    let mut counts = vec![0; held.len()];
    if !held.is_empty() {
        for content in contents {
            let Some(id) = catalog.key_of(content)? else {
                continue;
            };
            for (count, (_, ids)) in counts.iter_mut().zip(held) {
                *count += u64::from(ids.contains(id));
            }
        }
    }
    let counted = held.iter().zip(counts).filter(|(_, count)| *count > 0);
    Ok(counted
        .map(|((name, _), count)| (name.clone(), count))
        .collect())
}

/// True if what a hold covers can only be found out from the index of words.
fn needs_texts(hold: &Hold, now: DateTime<Utc>) -> bool {
    query::parse_text(&hold.query, now).is_ok_and(|query| query.needs_texts())
}

impl Vault {
    /// The open holds, by name.
    pub fn holds(&self) -> crate::Result<Vec<Hold>> {
        self.catalog().holds()
    }

    /// The open holds that cover any of these contents at this moment, and how many of them.
    pub(crate) fn holding(&self, contents: &[Hash128]) -> crate::Result<Vec<(String, u64)>> {
        let held = held_now(&self.layout, self.catalog(), Utc::now())?;
        holding(&held, self.catalog(), contents.iter().copied())
    }

    /// How many messages a hold covers at this moment.
    pub fn covered_by(&self, hold: &Hold, now: DateTime<Utc>) -> Result<u64, HoldFault> {
        if needs_texts(hold, now) {
            self.read_texts(&mut |_| {})?;
        }
        Ok(covered(self.catalog(), hold, now)?.len())
    }

    /// The open holds that cover a message at this moment, and those of which that is not known.
    pub fn holds_of(
        &self,
        content: Hash128,
        now: DateTime<Utc>,
    ) -> crate::Result<(Vec<Hold>, Vec<HoldFault>)> {
        let (mut covering, mut undecided) = (Vec::new(), Vec::new());
        for hold in self.holds()? {
            let catalog = self.catalog();
            let covers = || {
                if catalog.is_held_by(content, &hold.name)? {
                    return Ok(true);
                }
                if hold.query.is_empty() {
                    return Ok(false);
                }
                let query = query::parse_text(&hold.query, now)?;
                if query.needs_texts() {
                    self.read_texts(&mut |_| {})?;
                }
                catalog.is_match(&query, content)
            };
            match covers() {
                Ok(true) => covering.push(hold),
                Ok(false) => {}
                Err(source) => undecided.push(HoldFault::Undecided {
                    name: hold.name,
                    source: Box::new(source),
                }),
            }
        }
        Ok((covering, undecided))
    }
}
