//! The second copy without which a purge deletes nothing (`require_offsite`).

use mailvault::account::config::Account;
use mailvault::base::error::ErrorKind;
use mailvault::offsite::init::PlaceNotes;
use mailvault::offsite::pack::Recipients;
use mailvault::offsite::place::ObjectStore;
use mailvault::offsite::push::CopyGate;

use super::{open, place, recipients, words};
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;

/// An open place that must have what is deleted.
pub(crate) struct RequiredCopy {
    name: String,
    recipients: Recipients,
    store: ObjectStore,
}

impl RequiredCopy {
    /// The place that the account's rule names; none if it names none. A place whose private key
    /// nobody has tried counts for nothing.
    pub(crate) fn of(
        account: &Account,
        settings: &Settings,
        asks: bool,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let Some(name) = &account.purge.require_offsite else {
            return Ok(None);
        };
        let place = place(name, settings)?;
        let (url, keys) = (place.url.to_string(), recipients(place)?);
        let notes = PlaceNotes::read(&settings.vault, name)?;
        let tried = notes.is_some_and(|notes| notes.fits(&url, &keys) && notes.rehearsed.is_some());
        if !tried {
            return Err(Failure::Worded {
                kind: ErrorKind::Config,
                message: format!(
                    "nothing is deleted: {} requires the second copy {name}, whose private key was \
                     never tried",
                    account.name
                ),
                hint: Some(format!("'mailvault offsite init {name}' tries it")),
            });
        }
        Ok(Some(Self {
            name: name.clone(),
            store: open(place, settings, asks, stop)?,
            recipients: keys,
        }))
    }

    /// Looks messages up there.
    pub(crate) fn gate(&self, settings: &Settings) -> Result<CopyGate<'_>, Failure> {
        let gate = CopyGate::open(&settings.vault, &self.name, &self.recipients, &self.store);
        gate.map_err(|error| words::failure(error, &self.name))
    }
}
