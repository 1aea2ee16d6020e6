//! The keyring of the desktop (secret service); the only place that knows whether the
//! program was built with it.

use super::{Secret, SecretNames};
use crate::base::error::Result;

/// The password of an account in the keyring.
#[cfg(feature = "keyring")]
pub(super) fn read(names: SecretNames<'_>) -> Result<String> {
    store::open(names).and_then(|entry| store::read(names.name, &entry))
}

/// Puts the password of an account into the keyring.
#[cfg(feature = "keyring")]
pub fn write(names: SecretNames<'_>, secret: &Secret) -> Result<()> {
    store::open(names).and_then(|entry| store::write(names.name, &entry, secret))
}

#[cfg(not(feature = "keyring"))]
pub(super) fn read(names: SecretNames<'_>) -> Result<String> {
    Err(without(names.name))
}

/// Says that it cannot be done.
#[cfg(not(feature = "keyring"))]
pub fn write(names: SecretNames<'_>, _: &Secret) -> Result<()> {
    Err(without(names.name))
}

#[cfg(not(feature = "keyring"))]
fn without(account: &str) -> crate::base::error::Error {
    crate::base::error::Error::Secret {
        message: format!(
            "the password_keyring of {account} cannot be used: this mailvault was built without \
             the feature keyring"
        ),
        hint: Some("build it with --features keyring, or use password_command".to_owned()),
    }
}

#[cfg(feature = "keyring")]
mod store {
    use keyring::Entry;

    use crate::base::error::{Error, Result};
    use crate::base::secret::{Secret, SecretNames};

    /// What the entries are filed under.
    const SERVICE: &str = "mailvault";

    pub(super) fn open(names: SecretNames<'_>) -> Result<Entry> {
        let SecretNames { name, stored } = names;
        if let Err(error) = Entry::store_status() {
            return Err(fault(name, error));
        }
        Entry::new(SERVICE, stored).map_err(|error| fault(name, &error))
    }

    pub(super) fn read(account: &str, entry: &Entry) -> Result<String> {
        entry.get_password().map_err(|error| fault(account, &error))
    }

    pub(super) fn write(account: &str, entry: &Entry, secret: &Secret) -> Result<()> {
        let written = entry.set_password(secret.expose());
        written.map_err(|error| fault(account, &error))
    }

    fn fault(account: &str, error: &keyring::Error) -> Error {
        // Others may carry what is stored.
        let (why, hint) = match error {
            keyring::Error::NoEntry => (
                "contains no password for it".to_owned(),
                format!("'mailvault login {account}' stores one"),
            ),
            keyring::Error::NoStorageAccess(cause) | keyring::Error::PlatformFailure(cause) => (
                format!("cannot be reached: {cause}"),
                "a keyring needs a desktop session that is unlocked, which cron does not have; \
                 password_file needs none"
                    .to_owned(),
            ),
            keyring::Error::NoDefaultStore => (
                "is not there".to_owned(),
                "a keyring needs a desktop session; password_file needs none".to_owned(),
            ),
            keyring::Error::Ambiguous(_) => (
                format!("has several entries for the service mailvault and the user {account}"),
                "delete all but one in the keyring's own program".to_owned(),
            ),
            _ => (
                "returned something that is not a password".to_owned(),
                format!("'mailvault login {account}' stores a new one"),
            ),
        };
        Error::Secret {
            message: format!("the password_keyring of {account}: the keyring {why}"),
            hint: Some(hint),
        }
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]

        use super::*;
        use keyring_core::mock;

        /// An entry of a keyring in memory.
        fn entry(account: &str) -> Entry {
            keyring_core::set_default_store(mock::Store::new().unwrap());
            let inner = keyring_core::Entry::new(SERVICE, account).unwrap();
            Entry { inner }
        }

        fn told(error: Error) -> (String, String) {
            let Error::Secret { message, hint } = error else {
                panic!("another error");
            };
            (message, hint.unwrap())
        }

        #[test]
        fn what_is_stored_comes_back_and_trouble_is_told_without_it() {
            let entry = entry("work");
            let (message, hint) = told(read("work", &entry).unwrap_err());
            assert!(message.contains("contains no password"), "{message}");
            assert!(hint.contains("mailvault login work"), "{hint}");

            write("work", &entry, &Secret::new("hunter2".into())).unwrap();
            assert_eq!(read("work", &entry).unwrap(), "hunter2");

            let cred: &mock::Cred = entry.inner.as_any().downcast_ref().unwrap();
            cred.set_error(keyring::Error::NoStorageAccess("locked".into()));
            let (message, hint) = told(read("work", &entry).unwrap_err());
            assert!(message.ends_with("cannot be reached: locked"), "{message}");
            assert!(hint.contains("cron"), "{hint}");

            cred.set_error(keyring::Error::BadEncoding(b"hunter2".to_vec()));
            let (message, hint) = told(read("work", &entry).unwrap_err());
            assert!(!format!("{message}{hint}").contains("hunter2"), "{message}");
        }
    }
}
