//! Getting a place ready: how to read it by hand, what it can do, and whether somebody has the
//! private key.
//!
//! The private key need not come here. A test with six words is encrypted like everything else;
//! whoever reads the words with their key and types them has shown that the copy can be read.

mod notes;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::fault::CopyError;
use super::heads::read_heads;
use super::local::LocalPlace;
use super::pack::{Identities, Recipients, decrypt_text};
use super::place::{ObjectName, ObjectStore, SpoolFile, StoreAbilities};
use super::push::{self, TakeOver};
use super::{README, README_NAME};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::fsx;
use crate::vault::{Vault, now_seconds};

pub use self::notes::PlaceNotes;

/// The test's name here.
const TEST: &str = "test.age";
/// Longest test that is read back.
const TEST_LIMIT: u64 = 1 << 20;

/// How to get a place ready.
#[derive(Debug, Clone, Copy)]
pub struct InitOptions<'o> {
    /// The name of the place in the configuration.
    pub name: &'o str,
    /// Its address there.
    pub url: &'o str,
    /// Who can read what is put there.
    pub recipients: &'o Recipients,
    /// A private key, with which a copy that is there is taken over.
    pub identities: Option<&'o Identities>,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// What the place can do.
    pub abilities: StoreAbilities,
    /// The number of the newest head there; 0 if there is none.
    pub head: u64,
    /// True if what is there was read, so that the next push continues it.
    pub taken_over: bool,
    /// When the words of the test were read with a private key, in Unix seconds.
    pub rehearsed: Option<i64>,
    /// The test, to be read with a private key.
    pub test: PathBuf,
}

/// Gets a place ready for pushes. It can be done again at any time.
pub fn init(
    vault: &Path,
    store: &ObjectStore,
    options: InitOptions<'_>,
) -> Result<InitReport, CopyError> {
    let vault = Vault::open(vault)?;
    let local = LocalPlace::of(vault.root(), options.name);
    refuse_inside(vault.root(), store)?;
    let _lock = local.lock(options.stop)?;
    put_readme(store, &local)?;
    let heads = read_heads(store, None)?;
    let earlier = PlaceNotes::read(vault.root(), options.name)?;
    if heads.chain.vault().is_none() && earlier.is_some_and(|notes| notes.url != options.url) {
        // What is known is of another place.
        push::forget_place(&local)?;
    }
    let (head, there) = (heads.newest.map_or(0, |head| head.seq), heads.chain.vault());
    let ours = there.is_none() || local.pseudonym()?.as_deref() == there;
    let mut taken_over = false;
    match options.identities {
        Some(keys) if head > 0 => {
            let how = TakeOver {
                recipients: options.recipients,
                identities: keys,
                stop: options.stop,
            };
            push::take_over(&vault, store, &local, how)?;
            taken_over = true;
        }
        _ if !ours => return Err(CopyError::UnknownCopy),
        _ => {}
    }
    let mut notes = test(vault.root(), store, &local, options)?;
    if let Some(keys) = options.identities {
        let failed = |source| CopyError::Pack {
            name: TEST.to_owned(),
            source,
        };
        let text = decrypt_text(&fsx::read(&local.path(TEST))?, keys);
        let text = text.map_err(failed)?;
        if !words_of(&text).is_some_and(|words| notes.knows(words)) {
            return Err(CopyError::Damaged {
                name: TEST.to_owned(),
            });
        }
        notes.rehearsed = Some(now_seconds());
    }
    notes.write(&local)?;
    Ok(InitReport {
        abilities: notes.abilities(),
        head,
        taken_over,
        rehearsed: notes.rehearsed,
        test: local.path(TEST),
    })
}

/// Compares words that somebody read with their key; true if they are those of the test.
pub fn rehearse(vault: &Path, name: &str, words: &str) -> Result<bool, CopyError> {
    let Some(mut notes) = PlaceNotes::read(vault, name)? else {
        return Err(CopyError::NotReady);
    };
    let right = notes.knows(words);
    if right {
        notes.rehearsed = Some(now_seconds());
        notes.write(&LocalPlace::of(vault, name))?;
    }
    Ok(right)
}

/// A vault whose copy lies in it is lost with it.
fn refuse_inside(vault: &Path, store: &ObjectStore) -> Result<()> {
    let ObjectStore::Folder(folder) = store else {
        return Ok(());
    };
    let (vault, place) = (fsx::resolve(vault), folder.root());
    if place.starts_with(&vault) || vault.starts_with(place) {
        return Err(Error::Config {
            message: format!("{} is in the vault, or the vault in it", place.display()),
            hint: Some("a second copy belongs on another disk: set another url".to_owned()),
        });
    }
    Ok(())
}

/// An older or newer text that is there serves as well.
fn put_readme(store: &ObjectStore, local: &LocalPlace) -> Result<()> {
    let path = local.path(README_NAME);
    fsx::write_durably(&path, README.as_bytes())?;
    let put = store.put(&name(README_NAME)?, &SpoolFile::measure(&path)?);
    fsx::remove(&path)?;
    put.map(|_| ())
}

/// Puts the test, or finds the one that is there, and learns by it what the place can do.
fn test(
    vault: &Path,
    store: &ObjectStore,
    local: &LocalPlace,
    options: InitOptions<'_>,
) -> Result<PlaceNotes, CopyError> {
    let path = local.path(TEST);
    let earlier = PlaceNotes::read(vault, options.name)?
        .filter(|notes| notes.fits(options.url, options.recipients));
    let (earlier, words) = match earlier {
        Some(notes) if fsx::is_file(&path)? => (Some(notes), String::new()),
        _ => (None, words::random_words(local.folder())?),
    };
    if earlier.is_none() {
        let text = test_text(options.name, &words);
        let bytes = (options.recipients).encrypt_text(text.as_bytes());
        let bytes = bytes.map_err(|source| CopyError::Pack {
            name: TEST.to_owned(),
            source,
        })?;
        fsx::write_durably(&path, &bytes)?;
    }
    let bytes = fsx::read(&path)?;
    let object = format!("tests/{}", blake3::hash(&bytes).to_hex());
    let object_name = name(&object)?;
    let abilities = store.probe(&object_name, &SpoolFile::measure(&path)?)?;
    let there = match store.get(&object_name)? {
        Some(reader) => reader.read_all(TEST_LIMIT)?,
        None => Vec::new(),
    };
    if there != bytes {
        return Err(Error::Store {
            place: store.shown().to_owned(),
            fault: StoreFault::Unconfirmed { name: object },
            reply: None,
        }
        .into());
    }
    let key = (options.url, options.recipients);
    Ok(match earlier {
        Some(notes) => notes.with(abilities),
        None => PlaceNotes::new(key, abilities, (object, &words)),
    })
}

fn test_text(name: &str, words: &str) -> String {
    format!(
        "Your private key opens the second copy of your mail. These are the words:\n\n    {words}\n\n\
         To let mailvault know: mailvault offsite init {name} --words \"{words}\"\n"
    )
}

/// The words in the text of a test.
fn words_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("    "))
}

fn name(text: &str) -> Result<ObjectName> {
    ObjectName::new(text).ok_or_else(|| Error::Config {
        message: format!("{text} cannot be the name of an object"),
        hint: None,
    })
}
