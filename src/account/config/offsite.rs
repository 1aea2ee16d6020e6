//! Places of a second copy: `[offsite.NAME]`, and how a place is written as an address.

use std::fmt;
use std::path::PathBuf;

use super::oauth::is_service_url;
use super::url::decode;
use crate::base::error::{Error, Result};
use crate::base::secret::KeySource;

/// A place of a second copy, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsiteSettings {
    /// What the place is called.
    pub name: String,
    /// Where it is.
    pub url: PlaceUrl,
    /// The address of the object storage; none for Amazon's own.
    pub endpoint: Option<String>,
    /// The region of the object storage.
    pub region: String,
    /// The bucket is in the path of the address instead of its host.
    pub path_style: bool,
    /// Where the keys of the object storage come from.
    pub credentials: KeySource,
    /// Certificates (PEM) that the object storage is trusted by, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The public keys that everything is encrypted to.
    pub recipients: Vec<String>,
    /// Bytes a second, at most.
    pub limit_rate: Option<u64>,
}

impl OffsiteSettings {
    /// A place that is not configured, to read from; nothing can be sent there.
    ///
    /// # Errors
    /// [`Error::Config`] if one of the addresses or the region cannot be one.
    pub fn at(url: &str, endpoint: Option<&str>, region: Option<&str>) -> Result<Self> {
        let url = PlaceUrl::parse(url)?;
        let endpoint = endpoint.map(ToOwned::to_owned);
        if !endpoint.as_deref().is_none_or(is_service_url) {
            return Err(fault(
                "the endpoint is no https:// address",
                "write https://HOST",
            ));
        }
        let region = region.unwrap_or(REGION).to_owned();
        if !is_region(&region) {
            return Err(fault("that is not the name of a region", REGION_FORM));
        }
        Ok(Self {
            name: url.to_string(),
            url,
            path_style: endpoint.is_some(),
            endpoint,
            region,
            credentials: KeySource::Variables,
            ca_file: None,
            recipients: Vec::new(),
            limit_rate: None,
        })
    }
}

/// What a region looks like.
pub(super) const REGION_FORM: &str = "it is like \"eu-central-1\", or as the service calls it";

pub(super) fn is_region(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// The region of places that have none.
pub(super) const REGION: &str = "us-east-1";

/// The address of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceUrl {
    /// `s3://BUCKET/PREFIX`.
    S3 {
        /// The bucket.
        bucket: String,
        /// What all names begin with; may be empty.
        prefix: String,
    },
    /// `file:///PATH`.
    Folder(PathBuf),
    /// `rclone:REMOTE:PATH`: what `rclone` is given.
    Rclone(String),
}

const FORM: &str = "write s3://BUCKET/PREFIX, file:///PATH or rclone:REMOTE:PATH";

impl PlaceUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Error::Config`], which never shows the address: it may hold a key by mistake.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().any(char::is_control) {
            return Err(fault("the url contains a control character", FORM));
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            return s3(rest);
        }
        if let Some(rest) = text.strip_prefix("file://") {
            let path = decode(rest).filter(|path| path.starts_with('/') && !path.contains('\0'));
            let path = path.filter(|path| !path.trim_matches('/').is_empty());
            let path = path.ok_or_else(|| {
                fault(
                    "the url has no absolute path",
                    "write file:///PATH, with \"%25\" for a \"%\"",
                )
            })?;
            return Ok(Self::Folder(PathBuf::from(path)));
        }
        if let Some(remote) = text.strip_prefix("rclone:") {
            return rclone(remote);
        }
        Err(fault("the url is not that of a second copy", FORM))
    }
}

impl fmt::Display for PlaceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Folder(path) => {
                write!(
                    f,
                    "file://{}",
                    path.display().to_string().replace('%', "%25")
                )
            }
            Self::Rclone(remote) => write!(f, "rclone:{remote}"),
        }
    }
}

fn s3(rest: &str) -> Result<PlaceUrl> {
    let form = "write s3://BUCKET/PREFIX";
    if rest.contains(['@', '?', '#', '%']) {
        let hint = "keys come from credentials_command or credentials_file; a name has only \
                    letters, digits and . _ -";
        return Err(fault("the url has more than a bucket and a prefix", hint));
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = bucket.as_bytes();
    let fits = (3..=63).contains(&bytes.len()) && bytes.iter().copied().all(plain);
    if !(fits && ends(bytes.first()) && ends(bytes.last())) {
        return Err(fault("the url has no name of a bucket", form));
    }
    let prefix = prefix.trim_end_matches('/');
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    if prefix.len() > 500 || !(prefix.is_empty() || prefix.split('/').all(segment)) {
        let hint = "a prefix has only letters, digits and . _ -, and single slashes between them";
        return Err(fault("the prefix in the url cannot be used", hint));
    }
    Ok(PlaceUrl::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

fn rclone(remote: &str) -> Result<PlaceUrl> {
    let form = "write rclone:REMOTE:PATH, with a remote that 'rclone config' made";
    let Some((name, _)) = remote.strip_prefix(':').unwrap_or(remote).split_once(':') else {
        return Err(fault("the url has no remote of rclone", form));
    };
    // What is written into a remote is an argument that everybody on the machine sees.
    let secret = |parameter: &str| {
        let key = parameter.split('=').next().unwrap_or_default();
        let words = ["key", "pass", "secret", "token", "user"];
        words.iter().any(|word| key.contains(word)) && !key.ends_with("_file")
    };
    if remote.split(',').skip(1).any(secret) {
        let hint = "'rclone config' keeps it in a remote, and the url has only the remote's name";
        return Err(fault("the url has a credential in it", hint));
    }
    let plain = |c: char| c.is_alphanumeric() || "_.+@ -,='\"/".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err(fault("the url has no remote of rclone", form));
    }
    Ok(PlaceUrl::Rclone(remote.to_owned()))
}

fn fault(message: &str, hint: &str) -> Error {
    Error::Config {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_that_of_a_bucket_a_folder_or_a_remote() {
        let s3 = |bucket: &str, prefix: &str| PlaceUrl::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        for (text, place) in [
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/", s3("bucket", "")),
            ("s3://my.bucket/mail/ann/", s3("my.bucket", "mail/ann")),
            (
                "file:///mnt/disk/mail",
                PlaceUrl::Folder("/mnt/disk/mail".into()),
            ),
            (
                "file:///mnt/my disk/100%25",
                PlaceUrl::Folder("/mnt/my disk/100%".into()),
            ),
            (
                "rclone:nas:mail/ann",
                PlaceUrl::Rclone("nas:mail/ann".into()),
            ),
            ("rclone::local:/srv", PlaceUrl::Rclone(":local:/srv".into())),
            (
                "rclone::sftp,host=nas,key_file=/k:x",
                PlaceUrl::Rclone(":sftp,host=nas,key_file=/k:x".into()),
            ),
        ] {
            assert_eq!(PlaceUrl::parse(text).unwrap(), place, "{text}");
            assert_eq!(
                PlaceUrl::parse(&place.to_string()).unwrap(),
                place,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for (text, said) in [
            ("", "not that of a second copy"),
            ("bucket/hunter2", "not that of a second copy"),
            ("https://hunter2", "not that of a second copy"),
            ("s3://", "no name of a bucket"),
            ("s3://a/hunter2", "no name of a bucket"),
            ("s3://-bucket/hunter2", "no name of a bucket"),
            (
                "s3://key:hunter2@bucket/x",
                "more than a bucket and a prefix",
            ),
            (
                "s3://bucket/x?secret=hunter2",
                "more than a bucket and a prefix",
            ),
            (
                "s3://bucket/a/../hunter2",
                "prefix in the url cannot be used",
            ),
            ("s3://bucket/a//hunter2", "prefix in the url cannot be used"),
            ("file://", "no absolute path"),
            ("file:///", "no absolute path"),
            ("file://hunter2/x", "no absolute path"),
            ("file:///a%hunter2", "no absolute path"),
            ("rclone:hunter2", "no remote of rclone"),
            ("rclone:-x:hunter2", "no remote of rclone"),
            ("rclone::sftp,host=nas,pass=hunter2:x", "a credential in it"),
            ("rclone:nas:hunter2\n", "a control character"),
        ] {
            let error = PlaceUrl::parse(text).unwrap_err();
            assert!(error.to_string().contains(said), "{text}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_address_reads_back_or_is_refused(text in "(s3://|file:///|rclone:)?\\PC{0,40}") {
            if let Ok(place) = PlaceUrl::parse(&text) {
                prop_assert_eq!(PlaceUrl::parse(&place.to_string()).unwrap(), place);
            }
        }
    }
}
