//! Forgetting by rule: what is older than its kind of mail is to be kept.
//!
//! The plan is made before anybody is asked, and the rules are asked once more under the lock: what
//! a pull, a hold or a changed folder protects meanwhile stays.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{ForgetOptions, ForgetPlan, ForgetReport, erase, of_selection};
use crate::account::config::{Retention, RetentionRule};
use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::mail::message::Hash128;
use crate::mail::query::{self, Query};
use crate::vault::catalog::{DateRule, IdSet};
use crate::vault::{RetainedView, Vault, Writer};

/// What rules would remove.
#[derive(Debug)]
pub struct RulePlan {
    /// What goes; no hold covers any of it.
    pub plan: ForgetPlan,
    /// The rules by which it goes.
    pub rules: Vec<RetentionRule>,
    /// What is old enough and stays, since it fits a query of `keep`.
    pub kept: u64,
    /// What is old enough and stays, since these holds cover it.
    pub held: Vec<(String, u64)>,
    retention: Retention,
    now: DateTime<Utc>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleReport {
    /// What was removed.
    pub forgotten: ForgetReport,
    /// What was to go, and stays: it is not old by the rules any more, or is kept or held.
    pub spared: u64,
    /// Everything else that was to go is gone.
    pub is_whole: bool,
}

/// What the rules select now. Holds and `keep` leave out what they cover.
pub fn plan(vault: &Vault, retention: &Retention, now: DateTime<Utc>) -> Result<RulePlan> {
    let chosen = choose(vault.retained(), retention, now)?;
    let rules = retention.forget_after.iter().zip(&chosen.by_rule);
    let rules = rules.filter(|(_, messages)| **messages > 0);
    Ok(RulePlan {
        rules: rules.map(|(rule, _)| rule.clone()).collect(),
        kept: chosen.kept,
        held: chosen.held,
        plan: of_selection(vault, &vault.select_ids(chosen.ids)?)?,
        retention: retention.clone(),
        now,
    })
}

/// Removes what was planned, as far as the rules still select it.
pub fn apply(
    path: &Path,
    planned: &RulePlan,
    options: &ForgetOptions,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<RuleReport> {
    let mut writer = Writer::open(path, options.lock_wait, &options.stop)?;
    writer.catalog_mut().name_accounts(options.names.clone());
    let chosen = choose(writer.retained(), &planned.retention, planned.now)?;
    let all = &planned.plan.contents;
    let messages = usize::try_from(planned.plan.messages).unwrap_or(usize::MAX);
    let (shown, forms) = all.split_at_checked(messages).unwrap_or((all, &[]));
    let mut contents = Vec::new();
    for content in shown {
        let id = writer.catalog().key_of(*content)?;
        if id.is_some_and(|id| chosen.ids.contains(id)) {
            contents.push(*content);
        }
    }
    let spared = (shown.len() - contents.len()) as u64;
    // The cut and wrong forms go with the message in whose place they came.
    let forms: HashSet<&Hash128> = forms.iter().collect();
    let theirs = writer.retained().superseded_by(&contents)?;
    contents.extend(theirs.iter().filter(|form| forms.contains(form)));
    let wanted = contents.len() as u64;
    if wanted == 0 {
        return Ok(RuleReport {
            spared,
            is_whole: true,
            ..RuleReport::default()
        });
    }
    let forgotten = erase(&mut writer, &planned.plan, &contents, options, emit)?;
    Ok(RuleReport {
        forgotten,
        spared,
        is_whole: forgotten.messages >= wanted,
    })
}

/// What rules choose.
#[derive(Default)]
struct RuleChoice {
    ids: IdSet,
    /// How many of them each rule selects.
    by_rule: Vec<u64>,
    kept: u64,
    held: Vec<(String, u64)>,
}

fn choose(view: RetainedView<'_>, retention: &Retention, now: DateTime<Utc>) -> Result<RuleChoice> {
    let newest = view.catalog().newest()?;
    if now.timestamp() < newest {
        return Err(Error::Clock {
            now: now.timestamp(),
            newest,
        });
    }
    let keep = queries("keep", retention.keep.iter(), view, now)?;
    let rules = retention.forget_after.iter();
    let wanted = queries(
        "forget_after",
        rules.clone().map(|rule| &rule.query),
        view,
        now,
    )?;
    let (mut by_rule, mut all) = (Vec::new(), IdSet::default());
    for (rule, query) in rules.zip(wanted) {
        let before = (now.timestamp()).checked_sub_unsigned(rule.age.as_secs());
        let matching = view.matching(&[query], DateRule::Shown)?;
        let old = view
            .catalog()
            .received_before(before.unwrap_or(i64::MIN), &matching)?;
        old.iter().for_each(|id| all.insert(id));
        by_rule.push(old);
    }
    if all.len() == 0 {
        return Ok(RuleChoice::default());
    }
    // One wrong date makes nothing unprotected.
    let mut kept = view.matching(&keep, DateRule::Any)?;
    let mut held = view.held(now)?;
    let sets = held.iter_mut().map(|(_, ids)| ids);
    view.add_successors(sets.chain([&mut kept]))?;
    let mut chosen = RuleChoice::default();
    let mut counts = vec![0; held.len()];
    for id in all.iter() {
        let mut stays = kept.contains(id);
        chosen.kept += u64::from(stays);
        for (count, (_, ids)) in counts.iter_mut().zip(&held) {
            let is_held = ids.contains(id);
            *count += u64::from(is_held);
            stays |= is_held;
        }
        if !stays {
            chosen.ids.insert(id);
        }
    }
    let names = held.into_iter().map(|(name, _)| name);
    chosen.held = names.zip(counts).filter(|(_, count)| *count > 0).collect();
    let goes = |id: &i64| chosen.ids.contains(*id);
    let by_rule = by_rule.iter();
    chosen.by_rule = by_rule
        .map(|old| old.iter().filter(goes).count() as u64)
        .collect();
    Ok(chosen)
}

/// Queries of a list, none of which names a folder or an account that is not there: what is to go
/// would be another choice than was meant, and one that names what stays would protect nothing.
fn queries<'q>(
    key: &str,
    texts: impl Iterator<Item = &'q String>,
    view: RetainedView<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    for text in texts {
        let query = query::parse_text(text, now)?;
        match view.catalog().check_names(&query) {
            Err(Error::NotInVault { what, pattern, .. }) => {
                return Err(Error::Config {
                    message: format!(
                        "{key} in [retention] names the {what} \"{pattern}\", which is not in the \
                         vault, so nothing is forgotten"
                    ),
                    hint: Some(format!("use the {what}'s full name, or * as a wildcard")),
                });
            }
            other => other?,
        }
        queries.push(query);
    }
    Ok(queries)
}
