//! Whom packs are encrypted to: age's X25519 recipients (`age1…`), at least one.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use age::stream::StreamWriter;

use super::error::PackError;

/// Public keys; whoever has the private key of any of them can read.
#[derive(Clone)]
pub struct Recipients(Vec<age::x25519::Recipient>);

/// Why a text is not a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecipientFault {
    /// It is a private key, which must not be where public keys are; never show it.
    PrivateKey,
    /// It is an SSH key.
    Ssh,
    /// It is a recipient of a plugin or of another kind than X25519, such as `age1yubikey1…`.
    OtherKind,
    /// It is something else, or has a typing error.
    Malformed,
    /// It is given twice.
    Twice,
}

/// What is wrong with a list of recipients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientsError {
    /// The list is empty.
    #[error("no recipient is given")]
    Empty,
    /// Some are no recipients: their places in the list, from 0, and why.
    #[error("{} of the recipients cannot be used", .0.len())]
    Faults(Vec<(usize, RecipientFault)>),
}

fn parse(text: &str) -> Result<age::x25519::Recipient, RecipientFault> {
    let text = text.trim();
    age::x25519::Recipient::from_str(text).map_err(|_| {
        let lower = text.get(..16).unwrap_or(text).to_ascii_lowercase();
        // A recipient of another kind has its kind between two "1".
        let kind = text
            .strip_prefix("age1")
            .and_then(|rest| rest.rsplit_once('1'));
        if ["age-secret-key-", "age-plugin-", "-----begin"]
            .iter()
            .any(|head| lower.starts_with(head))
        {
            RecipientFault::PrivateKey
        } else if lower.starts_with("ssh-") || lower.starts_with("ecdsa-") {
            RecipientFault::Ssh
        } else if kind.is_some_and(|(kind, _)| !kind.is_empty()) {
            RecipientFault::OtherKind
        } else {
            RecipientFault::Malformed
        }
    })
}

impl Recipients {
    /// Reads a list of recipients; either all of them can be used, or it says which cannot.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, RecipientsError> {
        let mut recipients = Vec::new();
        let mut faults = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match parse(text.as_ref()) {
                Ok(recipient) if recipients.contains(&recipient) => {
                    faults.push((place, RecipientFault::Twice));
                }
                Ok(recipient) => recipients.push(recipient),
                Err(fault) => faults.push((place, fault)),
            }
        }
        if !faults.is_empty() {
            Err(RecipientsError::Faults(faults))
        } else if recipients.is_empty() {
            Err(RecipientsError::Empty)
        } else {
            Ok(Self(recipients))
        }
    }

    /// The public keys of private ones.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k age::x25519::Identity>) -> Self {
        Self(keys.map(age::x25519::Identity::to_public).collect())
    }

    /// Their texts (`age1…`).
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }

    /// A writer that encrypts to all of them.
    pub(super) fn encrypt<W: Write>(&self, to: W) -> Result<StreamWriter<W>, PackError> {
        let recipients = self
            .0
            .iter()
            .map(|recipient| recipient as &dyn age::Recipient);
        // Only an empty list or mixed kinds could fail, and the type rules both out.
        age::Encryptor::with_recipients(recipients)
            .map_err(|error| PackError::Write(std::io::Error::other(error)))?
            .wrap_output(to)
            .map_err(PackError::Write)
    }

    /// Encrypts a short text, as age's own armor-free files are.
    pub fn encrypt_text(&self, text: &[u8]) -> Result<Vec<u8>, PackError> {
        let mut writer = self.encrypt(Vec::new())?;
        writer.write_all(text).map_err(PackError::Write)?;
        writer.finish().map_err(PackError::Write)
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}
