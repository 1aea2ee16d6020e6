//! Private keys that open packs: an identity file as `age-keygen` writes it, or one that
//! `age -p` encrypted with a passphrase, armored or not.
//!
//! Keys and plain texts are overwritten in memory when they are dropped, and no error or `Debug`
//! shows any of them.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use age::DecryptError;
use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use zeroize::Zeroizing;

use super::recipients::Recipients;
use crate::base::secret::Secret;

/// Longest identity file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 20;
/// Most work for a passphrase, as log2 of scrypt's N: 1 GiB of memory. `age -p` takes 18.
const WORK_LIMIT: u8 = 20;
const ENCRYPTED: &[u8] = b"age-encryption.org/";
const ARMORED: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Private keys, at least one.
pub struct Identities(Vec<age::x25519::Identity>);

/// Why a line is not a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityFault {
    /// It is a public key.
    PublicKey,
    /// It is an SSH key.
    Ssh,
    /// It is for a plugin, or of another kind than X25519.
    OtherKind,
    /// It is something else, or has a typing error.
    Malformed,
}

/// Why an identity file gives no identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityFileError {
    /// It has no line with a key.
    #[error("the file has no identity")]
    Empty,
    /// A line, from 1, cannot be used.
    #[error("line {line} is not an identity that can be used")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why not.
        fault: IdentityFault,
    },
    /// It is too long to be one.
    #[error("the file is too long to be an identity file")]
    TooLong,
    /// It is encrypted, and no passphrase was given.
    #[error("the file is encrypted with a passphrase")]
    Locked,
    /// It is encrypted to keys and not with a passphrase.
    #[error("the file is encrypted, but not with a passphrase")]
    NoPassphrase,
    /// The passphrase is not the right one.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Its passphrase would take too much work to try.
    #[error("the passphrase of the file takes too much work")]
    TooMuchWork,
    /// It is encrypted and damaged, or in a newer format.
    #[error("the encrypted file is damaged")]
    Damaged,
}

fn parse_line(line: &str) -> Result<age::x25519::Identity, IdentityFault> {
    age::x25519::Identity::from_str(line).map_err(|_| {
        let head = line.get(..15).unwrap_or(line);
        let head = Zeroizing::new(head.to_ascii_lowercase());
        if head.starts_with("age-plugin-") || line.starts_with("AGE-SECRET-KEY-PQ-") {
            IdentityFault::OtherKind
        } else if head.starts_with("age1") {
            IdentityFault::PublicKey
        } else if head.starts_with("-----begin") || head.starts_with("ssh-") {
            IdentityFault::Ssh
        } else {
            IdentityFault::Malformed
        }
    })
}

impl Identities {
    /// True if the file is encrypted, so that [`Identities::unlock`] needs its passphrase.
    #[must_use]
    pub fn is_locked(file: &[u8]) -> bool {
        let file = file.trim_ascii_start();
        file.starts_with(ENCRYPTED) || file.starts_with(ARMORED)
    }

    /// Reads an identity file: a key per line; empty lines and lines with `#` are comments.
    pub fn parse(file: &[u8]) -> Result<Self, IdentityFileError> {
        if Self::is_locked(file) {
            return Err(IdentityFileError::Locked);
        }
        if file.len() as u64 > FILE_LIMIT {
            return Err(IdentityFileError::TooLong);
        }
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let key = str::from_utf8(line)
                .map_err(|_| IdentityFault::Malformed)
                .and_then(parse_line);
            keys.push(key.map_err(|fault| IdentityFileError::Line {
                line: number,
                fault,
            })?);
        }
        if keys.is_empty() {
            return Err(IdentityFileError::Empty);
        }
        Ok(Self(keys))
    }

    /// Reads an identity file that a passphrase protects.
    pub fn unlock(file: &[u8], passphrase: &Secret) -> Result<Self, IdentityFileError> {
        if !Self::is_locked(file) {
            return Self::parse(file);
        }
        if file.len() as u64 > FILE_LIMIT {
            return Err(IdentityFileError::TooLong);
        }
        let refused = |error: DecryptError| match error {
            DecryptError::ExcessiveWork { .. } => IdentityFileError::TooMuchWork,
            DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed
            | DecryptError::NoMatchingKeys => IdentityFileError::WrongPassphrase,
            _ => IdentityFileError::Damaged,
        };
        let file = ArmoredReader::new(file.trim_ascii_start());
        let file = age::Decryptor::new_buffered(file).map_err(refused)?;
        if !file.is_scrypt() {
            return Err(IdentityFileError::NoPassphrase);
        }
        let passphrase = SecretString::from(passphrase.expose().to_owned());
        let mut identity = age::scrypt::Identity::new(passphrase);
        identity.set_max_work_factor(WORK_LIMIT);
        let keys = [&identity as &dyn age::Identity].into_iter();
        let reader = file.decrypt(keys).map_err(refused)?;
        // Room for all of it from the start: a vector that grows leaves copies.
        let mut text = Zeroizing::new(Vec::with_capacity(64 << 10));
        let mut reader = reader.take(64 << 10);
        let read = reader.read_to_end(&mut text);
        read.map_err(|_| IdentityFileError::Damaged)?;
        if text.len() as u64 == 64 << 10 {
            return Err(IdentityFileError::TooLong);
        }
        match Self::parse(&text) {
            Err(IdentityFileError::Locked) => Err(IdentityFileError::Damaged),
            parsed => parsed,
        }
    }

    /// The public keys that belong to them.
    #[must_use]
    pub fn recipients(&self) -> Recipients {
        Recipients::of(self.0.iter())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|key| key as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}
