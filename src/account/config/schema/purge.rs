//! The keys of an account's own rule of what a purge deletes and what it keeps.

use serde::Deserialize;
use toml::Spanned;

use super::Context;
use crate::account::config::Purge;
use crate::base::error::Result;
use crate::base::units::{DurationFault, parse_age};

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPurge {
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    older_than: Option<Spanned<String>>,
    keep_newest: Option<u64>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) require_offsite: Option<Spanned<String>>,
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    keep: Vec<Spanned<String>>,
}

impl Context<'_> {
    pub(super) fn purge(&self, raw: Option<&RawPurge>) -> Result<Purge> {
        let Some(raw) = raw else {
            return Ok(Purge::default());
        };
        let older_than = raw.older_than.as_ref().map(|text| {
            parse_age(text.get_ref()).map_err(|fault| {
                let hint = match fault {
                    DurationFault::NoDuration => format!("{fault}, such as \"90d\""),
                    DurationFault::MinutesOrMonths(_) => fault.to_string(),
                };
                self.hinted(&text.span(), "older_than is not an age", &hint)
            })
        });
        Ok(Purge {
            older_than: older_than.transpose()?,
            keep_newest: raw.keep_newest,
            require_offsite: (raw.require_offsite.as_ref()).map(|name| name.get_ref().clone()),
            keep: raw
                .keep
                .iter()
                .map(|text| self.query_of("keep", text))
                .collect::<Result<_>>()?,
        })
    }
}
