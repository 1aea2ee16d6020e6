//! The keys of the table that says how long mail stays in the vault.

use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;
use toml::Spanned;

use super::Context;
use crate::account::config::{Retention, RetentionRule};
use crate::base::error::Result;
use crate::base::units::{DurationFault, parse_age};
use crate::mail::query;

/// Bytes of a query: the reason of a forget names it.
const LONGEST: usize = 1024;
/// Clocks differ by hours, and so do the dates of mail: a shorter age would be a mistake.
const LEAST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    keep: Vec<Spanned<String>>,
    #[serde(default)]
    forget_after: Vec<RawRetentionRule>,
}

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetentionRule {
    #[cfg_attr(test, schemars(with = "String"))]
    query: Spanned<String>,
    #[cfg_attr(test, schemars(with = "String"))]
    age: Spanned<String>,
}

impl Context<'_> {
    pub(super) fn retention(&self, raw: Option<&RawRetention>) -> Result<Retention> {
        let Some(raw) = raw else {
            return Ok(Retention::default());
        };
        let keep = raw.keep.iter().map(|text| self.query_of("keep", text));
        let rules = raw.forget_after.iter().map(|rule| self.rule(rule));
        Ok(Retention {
            keep: keep.collect::<Result<_>>()?,
            forget_after: rules.collect::<Result<_>>()?,
        })
    }

    fn rule(&self, raw: &RawRetentionRule) -> Result<RetentionRule> {
        let text = raw.query.get_ref();
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(self.fault(
                &raw.query.span(),
                &format!(
                    "a query of forget_after has a control character or more than {LONGEST} bytes"
                ),
            ));
        }
        let age_text = raw.age.get_ref();
        let age = parse_age(age_text).map_err(|fault| {
            let hint = match fault {
                DurationFault::NoDuration => format!("{fault}, such as \"90d\""),
                DurationFault::MinutesOrMonths(_) => fault.to_string(),
            };
            self.hinted(&raw.age.span(), "age is not an age", &hint)
        })?;
        if age < LEAST {
            return Err(self.hinted(
                &raw.age.span(),
                "age is less than a day",
                "write it in days, months or years, such as \"90d\", \"6mo\" or \"10y\"",
            ));
        }
        Ok(RetentionRule {
            query: self.query_of("forget_after", &raw.query)?,
            age,
            age_text: age_text.clone(),
        })
    }

    /// A query of a list of queries.
    pub(super) fn query_of(&self, key: &str, text: &Spanned<String>) -> Result<String> {
        match query::parse_text(text.get_ref(), DateTime::UNIX_EPOCH) {
            Ok(_) => Ok(text.get_ref().clone()),
            Err(error) => Err(self.hinted(
                &text.span(),
                &format!("{key} contains an invalid query: {error}"),
                "'mailvault help query' shows what a query may contain",
            )),
        }
    }
}
