//! The copy that is restored from: its place, its key and which of its states.

use chrono::NaiveDate;
use mailvault::account::config::OffsiteSettings;
use mailvault::offsite::heads::read_heads;
use mailvault::offsite::pack::Identities;
use mailvault::offsite::place::ObjectStore;

use super::{identity, open, place, words};
use crate::cli::args::{Global, OffsiteRestore};
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;

/// A copy to be restored from, open.
pub(super) struct OpenCopy {
    pub(super) place: OffsiteSettings,
    pub(super) keys: Identities,
    pub(super) store: ObjectStore,
    /// The head up to which it is read.
    pub(super) head: Option<u64>,
    pub(super) stop: Stop,
}

impl OpenCopy {
    /// Opens it; `stopping` is what Ctrl-C answers.
    pub(super) fn of(
        args: &OffsiteRestore,
        settings: &Settings,
        global: &Global,
        (out, stopping): (&Output, &'static str),
    ) -> Result<Self, Failure> {
        let place = source(args, settings)?;
        frame::start(out, "offsite restore", &[]);
        let stop = Stop::watch(out, stopping);
        let at = args.at.as_deref().map(WantedState::parse).transpose()?;
        let keys = identity::read(&args.identity, global, out)?;
        let store = open(&place, settings, secrets::may_ask(global, out), &stop)?;
        Ok(Self {
            head: at.map(|at| at.head(&store, &place.name)).transpose()?,
            place,
            keys,
            store,
            stop,
        })
    }
}

/// The place to restore from: one of the configuration, or an address.
fn source(args: &OffsiteRestore, settings: &Settings) -> Result<OffsiteSettings, Failure> {
    if args.place.contains("://") || args.place.starts_with("rclone:") {
        let (endpoint, region) = (args.endpoint.as_deref(), args.region.as_deref());
        return Ok(OffsiteSettings::at(&args.place, endpoint, region)?);
    }
    if args.endpoint.is_some() || args.region.is_some() {
        return Err(Failure::usage(
            "--endpoint and --region are for an address, and not for a place of the configuration",
            "leave them out, or write the address, such as s3://BUCKET/PREFIX",
        ));
    }
    place(&args.place, settings).cloned()
}

/// Which state of the copy is wanted.
enum WantedState {
    /// After the push of this number.
    Push(u64),
    /// At this time, in Unix seconds.
    Time(i64),
}

impl WantedState {
    fn parse(text: &str) -> Result<Self, Failure> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Push(number));
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let end = day.and_then(|day| day.and_hms_opt(23, 59, 59));
        match end {
            Some(end) => Ok(Self::Time(end.and_utc().timestamp())),
            None => Err(Failure::usage(
                format!("\"{text}\" is neither the number of a push nor a day"),
                "write a number, such as 12, or a day, such as 2026-01-31; 'mailvault offsite list \
                 PLACE' shows both",
            )),
        }
    }

    /// The number of the push; 0 if there was none yet.
    fn head(self, store: &ObjectStore, name: &str) -> Result<u64, Failure> {
        let time = match self {
            Self::Push(number) => return Ok(number),
            Self::Time(time) => time,
        };
        let heads = read_heads(store, None).map_err(|error| words::failure(error, name))?;
        let then = heads.pushes.iter().rev().find(|push| push.time <= time);
        Ok(then.map_or(0, |push| push.seq))
    }
}
