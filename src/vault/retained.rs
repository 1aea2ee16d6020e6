//! A vault as a forget sees it, whether it is open for reading or for writing.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::catalog::{Catalog, DateRule, IdSet};
use super::hold::held_now;
use super::layout::Layout;
use super::ledger::{LedgerEvent, for_each_line};
use super::{Vault, Writer, texts};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;

/// What a forget and the rules of retention ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetainedView<'a> {
    layout: &'a Layout,
    catalog: &'a Catalog,
}

impl<'a> RetainedView<'a> {
    /// The catalog.
    pub(crate) fn catalog(self) -> &'a Catalog {
        self.catalog
    }

    /// The contents that fit any of these queries.
    pub(crate) fn matching(self, queries: &[Query], dates: DateRule) -> Result<IdSet> {
        if queries.iter().any(Query::needs_texts) {
            texts::refresh(self.layout, self.catalog, &mut |_| {})?;
        }
        self.catalog.matching(queries, None, dates)
    }

    /// The open holds, and what each covers at this moment.
    pub(crate) fn held(self, now: DateTime<Utc>) -> Result<Vec<(String, IdSet)>> {
        held_now(self.layout, self.catalog, now)
    }

    /// The cut and wrong forms that the vault has of these contents, in whose place they came.
    pub(crate) fn superseded_by(self, contents: &[Hash128]) -> Result<Vec<Hash128>> {
        let mut all: HashSet<Hash128> = contents.iter().copied().collect();
        let mut found = Vec::new();
        if !self.catalog.has_superseded()? {
            return Ok(found);
        }
        // What was superseded by one of them may itself have superseded another.
        loop {
            let before = found.len();
            for_each_line(self.layout, &mut |line| {
                if let LedgerEvent::Superseded { hash, by } = line.event
                    && all.contains(&by)
                    && self.catalog.is_superseded(hash)?
                    && all.insert(hash)
                {
                    found.push(hash);
                }
                Ok(())
            })?;
            if found.len() == before {
                return Ok(found);
            }
        }
    }

    /// Adds to each of these sets what came in the place of one of its contents: to forget that
    /// would forget the content, too.
    pub(crate) fn add_successors<'s>(
        self,
        sets: impl IntoIterator<Item = &'s mut IdSet>,
    ) -> Result<()> {
        let mut pairs = Vec::new();
        for_each_line(self.layout, &mut |line| {
            if let LedgerEvent::Superseded { hash, by } = line.event
                && let Some(old) = self.catalog.key_of(hash)?
                && let Some(new) = self.catalog.key_of(by)?
            {
                pairs.push((old, new));
            }
            Ok(())
        })?;
        for set in sets {
            // What came in the place of one may itself have been replaced.
            loop {
                let before = set.len();
                for (old, new) in &pairs {
                    if set.contains(*old) {
                        set.insert(*new);
                    }
                }
                if set.len() == before {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Vault {
    /// As a forget sees it.
    pub(crate) fn retained(&self) -> RetainedView<'_> {
        RetainedView {
            layout: &self.layout,
            catalog: &self.catalog,
        }
    }
}

impl Writer {
    /// As a forget sees it.
    pub(crate) fn retained(&self) -> RetainedView<'_> {
        RetainedView {
            layout: self.layout(),
            catalog: self.catalog(),
        }
    }
}
