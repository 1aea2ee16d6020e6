//! Values with bounds: times and numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::{Spanned, Value};

use super::Context;
use crate::base::error::Result;
use crate::base::units::parse_wait;

impl Context<'_> {
    /// A time such as `"60s"`, or a whole number of seconds.
    pub(super) fn timeout(
        &self,
        value: Option<&Spanned<Value>>,
        builtin: Duration,
    ) -> Result<Duration> {
        let Some(value) = value else {
            return Ok(builtin);
        };
        let time = match value.get_ref() {
            Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Value::String(text) => parse_wait(text).ok(),
            _ => None,
        };
        let range = Duration::from_secs(1)..=Duration::from_secs(3600);
        time.filter(|time| range.contains(time)).ok_or_else(|| {
            self.hinted(
                &value.span(),
                "timeout must be from 1 second to 1 hour",
                "write it in seconds or minutes, such as \"60s\" or \"2m\"",
            )
        })
    }

    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: Option<&Spanned<i64>>,
        range: RangeInclusive<i64>,
        builtin: T,
    ) -> Result<T> {
        let Some(value) = value else {
            return Ok(builtin);
        };
        let number = Some(*value.get_ref()).filter(|number| range.contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                let message = format!("{key} must be from {} to {}", range.start(), range.end());
                self.fault(&value.span(), &message)
            })
    }
}
