//! Opening a place as it is configured.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::place::{
    FolderStore, HttpsProxy, ObjectStore, RcloneProgram, RcloneStore, S3Options, S3Store,
    StoreAbilities, StoreLimits,
};
use crate::account::config::{OffsiteSettings, PlaceUrl};
use crate::base::error::Result;
use crate::base::secret::{Env, obtain_keys};

/// zstd's level for a disk or a network of one's own.
const NEAR: i32 = 3;
/// zstd's level for a line that is slower than compression.
const FAR: i32 = 9;

/// What opening a place needs besides its settings.
#[derive(Debug, Clone)]
pub struct PlaceAccess {
    /// Values of the environment, for the keys of object storage.
    pub env: Env,
    /// True if a program that gives the keys may use the terminal.
    pub asks: bool,
    /// The proxy on the way.
    pub proxy: HttpsProxy,
    /// What an earlier [`ObjectStore::probe`] learned.
    pub abilities: Option<StoreAbilities>,
    /// Set from outside to end early.
    pub stop: Arc<AtomicBool>,
}

/// Opens a place. Nothing is sent yet.
///
/// # Errors
/// [`crate::base::error::Error::Secret`] if object storage has no keys;
/// [`crate::base::error::Error::Config`] if its address cannot be one.
pub fn open_place(settings: &OffsiteSettings, access: PlaceAccess) -> Result<ObjectStore> {
    let mut limits = StoreLimits::new(Arc::clone(&access.stop));
    limits.rate = settings.limit_rate;
    match &settings.url {
        PlaceUrl::Folder(path) => Ok(ObjectStore::Folder(FolderStore::new(path))),
        PlaceUrl::Rclone(remote) => Ok(ObjectStore::Rclone(RcloneStore::new(
            remote,
            RcloneProgram::default(),
            limits,
        ))),
        PlaceUrl::S3 { bucket, prefix } => {
            let keys = obtain_keys(
                &settings.name,
                &settings.credentials,
                &access.env,
                access.asks,
                &access.stop,
            )?;
            let options = S3Options {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                endpoint: settings.endpoint.clone(),
                region: settings.region.clone(),
                path_style: settings.path_style,
                ca_file: settings.ca_file.clone(),
                proxy: access.proxy,
                abilities: access.abilities,
            };
            Ok(ObjectStore::S3(Box::new(S3Store::new(
                &options, keys, limits,
            )?)))
        }
    }
}

/// zstd's level for what is sent to a place.
#[must_use]
pub fn level_for(url: &PlaceUrl) -> i32 {
    match url {
        PlaceUrl::Folder(_) => NEAR,
        PlaceUrl::S3 { .. } | PlaceUrl::Rclone(_) => FAR,
    }
}
