//! What goes wrong with a second copy, in words.

use mailvault::account::config::OffsiteSettings;
use mailvault::base::error::{Error, ErrorKind, TlsFault};
use mailvault::offsite::fault::CopyError;
use mailvault::offsite::head::HeadError;
use mailvault::offsite::pack::{IdentityFault, IdentityFileError, RecipientsError};
use mailvault::offsite::payload::PushError;

use crate::cli::report::Failure;

/// A failure at a place.
pub(super) fn failure(error: CopyError, place: &str) -> Failure {
    if error.is_wrong_key() {
        return wrong_key(error.kind(), place);
    }
    let kind = error.kind();
    let message = error.to_string();
    let hint = match error {
        CopyError::Base(Error::Tls {
            server,
            reason,
            fault: TlsFault::Untrusted,
            ..
        }) => {
            return Failure::Worded {
                kind,
                message: format!("{place}: the certificate of {server} is not trusted: {reason}"),
                hint: Some(format!(
                    "if this is a service of your own, set ca_file in [offsite.{place}]. If not, \
                     someone may be between you and the service"
                )),
            };
        }
        CopyError::Base(error) => return error.into(),
        CopyError::Running { .. } => "wait until it has finished".to_owned(),
        CopyError::Forked { .. } => format!(
            "if this vault is the one to keep, set another url in [offsite.{place}] and run \
             'mailvault offsite init {place}'. If the other machine's is, restore it from the \
             place. Nothing was overwritten"
        ),
        CopyError::HeadGone { .. } => format!(
            "'mailvault offsite verify {place}' shows what else is missing, and 'mailvault offsite \
             push {place} --rebuild' sends everything once more"
        ),
        CopyError::UnknownCopy => format!(
            "if it is the copy of this vault, 'mailvault offsite init {place} --identity FILE' \
             reads it. Without its private key, 'mailvault offsite push {place} --rebuild' sends \
             everything once more, in place of what is there. If it is not, set another url"
        ),
        CopyError::OtherVault | CopyError::OtherLedger => {
            format!(
                "set another url for this vault, and run 'mailvault offsite init {place}'. Nothing \
                 was overwritten"
            )
        }
        CopyError::LedgerBehind => format!(
            "the vault was put back to an older state. Restore it from {place}, or set another url \
             and run 'mailvault offsite init {place}' to begin a new copy"
        ),
        CopyError::NotReady => format!("run 'mailvault offsite init {place}' first"),
        CopyError::Empty => format!("'mailvault offsite push {place}' makes one"),
        CopyError::NoHead => format!("'mailvault offsite list {place}' shows those that it has"),
        CopyError::Occupied { .. } => {
            "a transfer that was cut off may have left it; the next push sends the same under \
             another name"
                .to_owned()
        }
        CopyError::Damaged { .. } => {
            format!("'mailvault offsite verify {place} --read-data' checks everything there")
        }
        CopyError::Head(HeadError::NewerFormat { .. })
        | CopyError::Push {
            source: PushError::NewerFormat { .. },
            ..
        } => "use the version of mailvault that wrote it".to_owned(),
        CopyError::Head(_) => {
            "'mailvault offsite restore' with --at and a smaller number reads the \
             copy up to an earlier push; README.txt in the place says how to read it by hand"
                .to_owned()
        }
        _ => format!("'mailvault offsite verify {place} --read-data' checks everything there"),
    };
    Failure::Worded {
        kind,
        message: format!("{place}: {message}"),
        hint: Some(hint),
    }
}

fn wrong_key(kind: ErrorKind, place: &str) -> Failure {
    Failure::Worded {
        kind,
        message: format!("{place}: this private key does not open the copy"),
        hint: Some(
            "use the key of one of the recipients that were configured when it was pushed; \
             'age-keygen -y FILE' shows the recipient of a key. If the recipients changed since, \
             put the old and the new private key into one file, a line each"
                .to_owned(),
        ),
    }
}

/// The place is not the one that was set up.
pub(super) fn changed(place: &str) -> Failure {
    Failure::Worded {
        kind: ErrorKind::Config,
        message: format!("the url or the recipients of {place} changed since it was set up"),
        hint: Some(format!("run 'mailvault offsite init {place}' again")),
    }
}

/// What is wrong with the public keys of a place. A text that is none may be a private key, and
/// is not shown.
pub(super) fn recipients(error: &RecipientsError, place: &OffsiteSettings) -> Failure {
    let which = match error {
        RecipientsError::Faults(faults) => {
            let places: Vec<String> = faults.iter().map(|(at, _)| (at + 1).to_string()).collect();
            format!(" (number {})", places.join(", "))
        }
        _ => String::new(),
    };
    Failure::Worded {
        kind: ErrorKind::Config,
        message: format!(
            "the recipients of {} cannot be used{which}: {error}",
            place.name
        ),
        hint: Some("'age-keygen -y FILE' prints the public key of a private one".to_owned()),
    }
}

/// What is wrong with a file of private keys; nothing of it is shown.
pub(super) fn identity(error: IdentityFileError, file: &str) -> Failure {
    let hint = match error {
        IdentityFileError::Line { fault, .. } => match fault {
            IdentityFault::PublicKey => "it is a public key; the private one is needed",
            IdentityFault::Ssh => {
                "keys of SSH cannot be used; 'age-keygen -o FILE' makes one that can"
            }
            _ => "a key is a line that begins with AGE-SECRET-KEY-1",
        },
        IdentityFileError::Locked => {
            "run it on a terminal to be asked for the passphrase, or decrypt the file first: \
             'age -d -o key.txt FILE'"
        }
        IdentityFileError::WrongPassphrase => "try again",
        _ => "use the file that 'age-keygen -o FILE' made",
    };
    Failure::Worded {
        kind: ErrorKind::Config,
        message: format!("{file}: {error}"),
        hint: Some(hint.to_owned()),
    }
}
