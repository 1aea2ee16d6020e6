//! What a command is to do for one account.

use crate::account::config::{Account, AccountNames};
use crate::base::error::Result;
use crate::base::secret::Secret;

/// An account and its secret, if it could be had.
#[derive(Debug)]
pub struct Job {
    /// The account.
    pub account: Account,
    /// Its secret; a failure is this account's alone.
    pub secret: Result<Secret>,
    /// What all accounts of the configuration are called.
    pub names: AccountNames,
}
