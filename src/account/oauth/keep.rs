//! The file with the refresh token: read, and replaced while nobody else does the same.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::secret::{self, Secret};

/// A refresh token that only this process uses until this goes.
#[derive(Debug)]
pub(super) struct KeptToken {
    token: Secret,
    path: PathBuf,
    /// A lock, held.
    _file: File,
}

impl KeptToken {
    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    /// Puts the token in its place that came for it.
    pub(super) fn replace(&self, token: &Secret) -> Result<()> {
        write(&self.path, token)
    }
}

/// Reads the token of an account, once no other process is about to replace it.
pub(super) fn open(account: &str, path: &Path) -> Result<KeptToken> {
    // It says more about a file that is missing or open to others.
    secret::stored_token(account, path, None)?;
    let file = lock(path)?;
    Ok(KeptToken {
        token: secret::stored_token(account, path, None)?,
        path: path.to_owned(),
        _file: file,
    })
}

/// Keeps the token of a new sign-in; who is about to replace the old one does so before.
pub(super) fn put(path: &Path, token: &Secret) -> Result<()> {
    // One that cannot be opened is in nobody's hands.
    let _held = path.is_file().then(|| lock(path).ok());
    write(path, token)
}

/// The file of that name, once nobody else has it locked.
fn lock(path: &Path) -> Result<File> {
    loop {
        // Over NFS only what is open for writing can be locked.
        let place = fsx::resolve(path);
        let file = fsx::append(&place).or_else(|_| fsx::open(&place))?;
        file.lock().map_err(|e| Error::file("lock", path, e))?;
        let failed = |e| Error::file("read", path, e);
        let (held, named) = (
            file.metadata().map_err(failed)?,
            fs::metadata(path).map_err(failed)?,
        );
        // It may have been replaced while we waited.
        if (held.dev(), held.ino()) == (named.dev(), named.ino()) {
            return Ok(file);
        }
    }
}

/// Where the name is a link, the file it leads to is replaced.
fn write(path: &Path, token: &Secret) -> Result<()> {
    let place = fsx::resolve(path);
    if let Some(folder) = place.parent() {
        fsx::create_dir_all_durably(folder)?;
    }
    fsx::write_durably(&place, format!("{}\n", token.expose()).as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_token_is_replaced_under_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&path, &Secret::new("one".into())).unwrap();
        let kept = open("work", &path).unwrap();
        assert_eq!(kept.token().expose(), "one");
        kept.replace(&Secret::new("two".into())).unwrap();
        drop(kept);
        assert_eq!(open("work", &path).unwrap().token().expose(), "two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn who_waits_for_the_token_gets_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&path, &Secret::new("one".into())).unwrap();
        let kept = open("work", &path).unwrap();
        let other = path.clone();
        let waits = std::thread::spawn(move || open("work", &other).unwrap().token().clone());
        kept.replace(&Secret::new("two".into())).unwrap();
        // Whether the other came before the replacement or after it makes no difference.
        drop(kept);
        assert_eq!(waits.join().unwrap().expose(), "two");
    }

    #[test]
    fn a_new_sign_in_outlives_the_answer_to_the_old_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        put(&path, &Secret::new("one".into())).unwrap();
        let kept = open("work", &path).unwrap();
        let other = path.clone();
        let signs_in = std::thread::spawn(move || put(&other, &Secret::new("new".into())));
        // Time for it to come too early, if it could.
        std::thread::sleep(std::time::Duration::from_millis(200));
        kept.replace(&Secret::new("two".into())).unwrap();
        drop(kept);
        signs_in.join().unwrap().unwrap();
        assert_eq!(open("work", &path).unwrap().token().expose(), "new");
    }

    #[test]
    fn without_a_file_the_way_to_one_is_told() {
        let error = open("work", Path::new("/nowhere/token")).unwrap_err();
        let Error::Secret { hint, .. } = error else {
            panic!("another error");
        };
        assert!(hint.unwrap().contains("mailvault login work"));
    }
}
