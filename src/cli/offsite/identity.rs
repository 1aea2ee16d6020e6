//! A file of private keys, with its passphrase if it has one.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use mailvault::base::error::Error;
use mailvault::offsite::pack::{Identities, IdentityFileError};

use zeroize::Zeroizing;

use super::words;
use crate::cli::args::Global;
use crate::cli::ask;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure};
use crate::cli::secrets;

/// A longer file is no key, and may be a device that has no end.
const LONGEST: u64 = 1 << 20;

/// Reads the file, if one is named.
pub(super) fn read_if(
    file: Option<&Path>,
    global: &Global,
    out: &Output,
) -> Result<Option<Identities>, Failure> {
    file.map(|file| read(file, global, out)).transpose()
}

pub(super) fn read(file: &Path, global: &Global, out: &Output) -> Result<Identities, Failure> {
    let shown = file.display().to_string();
    let failed = |error| Error::Secret {
        message: report::what(&Error::file("read", file, error)),
        hint: Some("name the file that has the private key of the copy".to_owned()),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = File::open(file).map_err(failed)?;
    opened
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if !Identities::is_locked(&bytes) {
        return Identities::parse(&bytes).map_err(|error| words::identity(error, &shown));
    }
    if !secrets::may_ask(global, out) {
        return Err(words::identity(IdentityFileError::Locked, &shown));
    }
    let passphrase = ask::secret(out, &format!("Passphrase of {shown}: "))?;
    Identities::unlock(&bytes, &passphrase).map_err(|error| words::identity(error, &shown))
}
