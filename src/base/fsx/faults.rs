//! Failures on demand, for tests that live whole lives: below one directory, calls that would
//! change something fail as planned. Empty without the feature `faults`.
//!
//! After a lasting failure nothing changes any more, as on a full disk, or after a kill.

use std::path::Path;

use crate::base::error::Result;

#[cfg(feature = "faults")]
pub use planned::{clear, plan};

/// Lets a call that is about to change `path` fail, if that is planned.
#[cfg(not(feature = "faults"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
pub(super) fn meet(_path: &Path) -> Result<()> {
    Ok(())
}

/// Lets a call that is about to change `path` fail, if that is planned.
#[cfg(feature = "faults")]
pub(super) fn meet(path: &Path) -> Result<()> {
    planned::meet(path)
}

#[cfg(feature = "faults")]
mod planned {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, MutexGuard};

    use rustix::io::Errno;

    use crate::base::error::{Error, Result};

    /// What is left until a call below a directory fails.
    #[derive(Debug, Clone, Copy)]
    struct FaultPlan {
        left: u32,
        lasting: bool,
        failed: u32,
    }

    static PLANS: Mutex<BTreeMap<PathBuf, FaultPlan>> = Mutex::new(BTreeMap::new());

    /// Lets the call after the next `left` below `root` fail, and with `lasting` all that
    /// follow.
    pub fn plan(root: &Path, left: u32, lasting: bool) {
        let plan = FaultPlan {
            left,
            lasting,
            failed: 0,
        };
        plans().insert(root.to_path_buf(), plan);
    }

    /// Lets all calls below `root` succeed again; gives how many have failed.
    #[must_use]
    pub fn clear(root: &Path) -> u32 {
        plans().remove(root).map_or(0, |plan| plan.failed)
    }

    pub(super) fn meet(path: &Path) -> Result<()> {
        let mut plans = plans();
        let root = path.ancestors().find(|root| plans.contains_key(*root));
        let Some(plan) = root.and_then(|root| plans.get_mut(root)) else {
            return Ok(());
        };
        if plan.left > 0 {
            plan.left -= 1;
            return Ok(());
        }
        if plan.failed > 0 && !plan.lasting {
            return Ok(());
        }
        plan.failed += 1;
        Err(Error::file("write to", path, Errno::NOSPC.into()))
    }

    fn plans() -> MutexGuard<'static, BTreeMap<PathBuf, FaultPlan>> {
        crate::base::sync::lock(&PLANS)
    }
}
