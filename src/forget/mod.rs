//! Removing messages from the vault for good, and taking back that they must not return.
//!
//! The plan names contents, so that what comes in between is not touched. How they go is the
//! vault's (`vault/erase`). Nothing on a server changes here.

pub mod rules;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::catalog::ForgetRecord;
use crate::vault::{Selection, SelectionScope, Vault, Writer};

/// Under this name the progress of a forget goes.
const LABEL: &str = "forget";
/// Messages that a plan shows.
const EXAMPLES: usize = 10;
/// The longest reason, in bytes: a line of the ledger has to hold it, escaped.
pub const MAX_REASON: usize = 4_096;

/// How to forget.
#[derive(Debug, Clone)]
pub struct ForgetOptions {
    /// Why, for the ledger.
    pub reason: String,
    /// What the accounts are called, in the queries of holds.
    pub names: AccountNames,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// Set from outside to end early; not in the middle of a removal.
    pub stop: Arc<AtomicBool>,
}

/// A message that goes, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenMessage {
    /// Its id.
    pub id: Hash128,
    /// When it was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its sender, decoded.
    pub from: String,
    /// Its subject, decoded.
    pub subject: String,
}

/// What would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetPlan {
    /// How many messages.
    pub messages: u64,
    /// Their size in octets.
    pub octets: u64,
    /// Cut and wrong forms of them that the vault has, and that go, too.
    pub superseded: u64,
    /// Accounts whose server still lists some of them, as far as is known, and how many.
    pub on_server: Vec<(String, u64)>,
    /// Holds that cover some of them, and how many: as long as there are any, nothing goes.
    pub holds: Vec<(String, u64)>,
    /// The oldest of them.
    pub examples: Vec<ForgottenMessage>,
    contents: Vec<Hash128>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgetReport {
    /// Messages that are gone, the cut and wrong forms of them among them.
    pub messages: u64,
    /// Files that were removed.
    pub files: u64,
    /// Lines of the ledger that were masked.
    pub lines: u64,
}

/// What a query selects.
pub fn plan(vault: &Vault, query: &Query) -> Result<ForgetPlan> {
    vault.catalog().check_names(query)?;
    if query.needs_texts() {
        vault.read_texts(&mut |_| {})?;
    }
    // A message whose text is not known would fit each negated word.
    vault.catalog().check_texts(query, true)?;
    let selection = vault.select(query, true, SelectionScope::All)?;
    if selection.messages() == 0 {
        return Err(Error::NoMatch {
            query: query.to_string(),
            gone: 0,
        });
    }
    of_selection(vault, &selection)
}

impl ForgetPlan {
    /// The messages that go, without the cut and wrong forms that go with them.
    #[must_use]
    pub fn contents(&self) -> &[Hash128] {
        let messages = usize::try_from(self.messages).unwrap_or(usize::MAX);
        self.contents.get(..messages).unwrap_or(&self.contents)
    }
}

/// What goes of a selection.
fn of_selection(vault: &Vault, selection: &Selection) -> Result<ForgetPlan> {
    let mut contents = Vec::new();
    vault.each_content(selection, &mut |hash| {
        contents.push(hash);
        Ok(())
    })?;
    let forms = vault.retained().superseded_by(&contents)?;
    let superseded = forms.len() as u64;
    contents.extend(forms);
    let holds = vault.holding(&contents)?;
    let examples = vault.entries(selection).bare().take(EXAMPLES);
    let example = |entry: Result<crate::vault::Entry>| {
        entry.map(|entry| ForgottenMessage {
            id: entry.name.hash,
            date: entry.date_in_views(),
            from: entry.from,
            subject: entry.subject,
        })
    };
    Ok(ForgetPlan {
        messages: selection.messages(),
        octets: selection.octets,
        on_server: vault.listed_on_servers(selection)?,
        examples: examples.map(example).collect::<Result<_>>()?,
        holds,
        superseded,
        contents,
    })
}

/// Removes what was planned. Once the decision is in the ledger, it is carried out whatever
/// happens: if this is interrupted, the next command that opens the vault does the rest.
pub fn apply(
    path: &Path,
    plan: &ForgetPlan,
    options: &ForgetOptions,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<ForgetReport> {
    if options.reason.len() > MAX_REASON {
        return Err(Error::Unfit {
            doing: "forget in",
            path: path.to_path_buf(),
            reason: format!("the reason is longer than {MAX_REASON} bytes"),
            hint: None,
        });
    }
    let mut writer = Writer::open(path, options.lock_wait, &options.stop)?;
    writer.catalog_mut().name_accounts(options.names.clone());
    erase(&mut writer, plan, &plan.contents, options, emit)
}

/// Removes these contents of a plan.
fn erase(
    writer: &mut Writer,
    plan: &ForgetPlan,
    contents: &[Hash128],
    options: &ForgetOptions,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<ForgetReport> {
    emit(RunEvent::Listed {
        account: LABEL,
        listed: plan.messages,
        wanted: plan.messages,
        wanted_octets: plan.octets,
    });
    let erased = writer.erase(contents, &options.reason, &options.stop, &mut |messages| {
        emit(RunEvent::Progress {
            account: LABEL,
            messages,
            octets: plan.octets * messages / plan.messages.max(1),
        });
    })?;
    Ok(ForgetReport {
        messages: erased.messages,
        files: erased.files,
        lines: erased.lines,
    })
}

/// Takes back that what these forgets removed must not return; all of them if none is named.
/// Gives those that it was. Nothing comes back by that alone.
pub fn remember(
    path: &Path,
    number: Option<u32>,
    lock_wait: Duration,
    stop: &AtomicBool,
) -> Result<Vec<ForgetRecord>> {
    let mut writer = Writer::open(path, lock_wait, stop)?;
    let all = writer.catalog().forgets()?;
    if let Some(number) = number
        && !all.iter().any(|record| record.number == number)
    {
        return Err(Error::NoForget { number });
    }
    let meant =
        |record: &ForgetRecord| record.holds && number.is_none_or(|number| record.number == number);
    let records: Vec<ForgetRecord> = all.into_iter().filter(meant).collect();
    for record in &records {
        writer.remember(record.number)?;
    }
    writer.publish()?;
    Ok(records)
}
