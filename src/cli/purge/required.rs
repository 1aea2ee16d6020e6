//! The second copy that an account's rule requires before anything is deleted; in a build without
//! second copies there is none that a rule could name.

#[cfg(not(feature = "offsite"))]
use mailvault::account::config::Account;
#[cfg(not(feature = "offsite"))]
use mailvault::base::error::Result;
#[cfg(not(feature = "offsite"))]
use mailvault::mail::message::Hash128;

#[cfg(not(feature = "offsite"))]
use crate::cli::{report::Failure, settings::Settings, signals::Stop};

#[cfg(feature = "offsite")]
pub(super) use crate::cli::offsite::RequiredCopy;

#[cfg(not(feature = "offsite"))]
pub(super) use NoRequiredCopy as RequiredCopy;

#[cfg(not(feature = "offsite"))]
pub(super) struct NoRequiredCopy;

#[cfg(not(feature = "offsite"))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "as with the feature"
)]
impl NoRequiredCopy {
    pub(super) fn of(
        _: &Account,
        _: &Settings,
        _: bool,
        _: &Stop,
    ) -> std::result::Result<Option<Self>, Failure> {
        Ok(None)
    }

    pub(super) fn gate(&self, _: &Settings) -> std::result::Result<Self, Failure> {
        Ok(Self)
    }

    pub(super) fn has(&mut self, _: Hash128) -> Result<bool> {
        Ok(false)
    }
}
