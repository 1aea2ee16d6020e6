//! `pull --push`: after a pull, what is new goes to the second copies.

use crate::cli::args::{Global, Pull};
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;

/// The push that follows a pull, if one does.
#[derive(Debug, Default)]
pub(super) struct AfterPull {
    wanted: bool,
    dry_run: bool,
    /// What came of it.
    pub(super) code: Option<u8>,
}

#[cfg(feature = "offsite")]
impl AfterPull {
    /// Refuses early what could not be pushed anywhere.
    pub(super) fn of(args: &Pull, settings: &Settings) -> Result<Self, Failure> {
        if args.push {
            crate::cli::offsite::refuse_without_place(settings)?;
        }
        Ok(Self {
            wanted: args.push,
            dry_run: args.dry_run,
            code: None,
        })
    }

    pub(super) fn run(&mut self, settings: &Settings, global: &Global, out: &Output, stop: &Stop) {
        if self.wanted && !stop.is_set() {
            let dry_run = self.dry_run;
            self.code = Some(crate::cli::offsite::push_all(
                settings, global, out, stop, dry_run,
            ));
        }
    }
}

#[cfg(not(feature = "offsite"))]
impl AfterPull {
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    pub(super) fn of(args: &Pull, _: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            dry_run: args.dry_run,
            ..Self::default()
        })
    }

    pub(super) fn run(&mut self, _: &Settings, _: &Global, _: &Output, _: &Stop) {
        self.code = (self.wanted && !self.dry_run).then_some(0);
    }
}

impl AfterPull {
    /// True if what is new is not in every second copy.
    pub(super) fn has_failed(&self) -> bool {
        self.wanted && self.code != Some(0)
    }
}
