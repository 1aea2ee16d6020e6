//! Dumps of memory, in which a password would lie in clear.

use std::io;

/// Keeps the memory of this process out of dumps, and out of the sight of other processes of the
/// same user. It ends with a program that is started from here: that one decides for itself.
#[cfg(target_os = "linux")]
pub fn prevent_dumps() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Keeps the memory of this process out of dumps.
#[cfg(not(target_os = "linux"))]
pub fn prevent_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    let current = Some(0);
    Ok(setrlimit(Resource::Core, Rlimit { current, maximum })?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn memory_is_not_dumped_any_more() {
        prevent_dumps().unwrap();
        let now = dumpable_behavior().unwrap();
        assert!(matches!(now, DumpableBehavior::NotDumpable));
    }
}
