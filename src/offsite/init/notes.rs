//! What is known here of a place since `init`: what it can do, and whether the private key was
//! tried.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::error::Result;
use crate::base::fsx;
use crate::offsite::local::LocalPlace;
use crate::offsite::pack::{Recipients, hex};
use crate::offsite::place::{PutConditions, StoreAbilities};

const FILE: &str = "place.json";

/// What `init` learned of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceNotes {
    /// The address that it was looked at under.
    pub url: String,
    /// The public keys that the test was encrypted to.
    pub recipients: Vec<String>,
    conditions: ConditionsText,
    vouches_md5: bool,
    keeps_versions: bool,
    /// The name of the test there.
    test: String,
    /// BLAKE3 of its words. They are drawn at random, so that they cannot be guessed from it.
    words: String,
    /// When the words were read with a private key, in Unix seconds.
    pub rehearsed: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ConditionsText {
    Work,
    Refused,
    Ignored,
}

impl PlaceNotes {
    pub(super) fn new(
        (url, recipients): (&str, &Recipients),
        abilities: StoreAbilities,
        (test, words): (String, &str),
    ) -> Self {
        Self {
            url: url.to_owned(),
            recipients: recipients.texts().collect(),
            conditions: ConditionsText::Ignored,
            vouches_md5: false,
            keeps_versions: false,
            test,
            words: hash_of(words),
            rehearsed: None,
        }
        .with(abilities)
    }

    /// The same of a place that was looked at once more.
    pub(super) fn with(self, abilities: StoreAbilities) -> Self {
        Self {
            conditions: match abilities.conditions {
                PutConditions::Work => ConditionsText::Work,
                PutConditions::Refused => ConditionsText::Refused,
                PutConditions::Ignored => ConditionsText::Ignored,
            },
            vouches_md5: abilities.vouches_md5,
            // A version is not made of a put that was refused.
            keeps_versions: abilities.keeps_versions || self.keeps_versions,
            ..self
        }
    }

    /// What is noted of a place; none if `init` has not run, or the note is damaged.
    pub fn read(vault: &Path, name: &str) -> Result<Option<Self>> {
        let path = LocalPlace::of(vault, name).path(FILE);
        if !fsx::is_file(&path)? {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&fsx::read(&path)?).ok())
    }

    pub(super) fn write(&self, local: &LocalPlace) -> Result<()> {
        // Texts and switches always have a JSON.
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        fsx::write_durably(&local.path(FILE), &text)
    }

    /// What the place can do.
    #[must_use]
    pub fn abilities(&self) -> StoreAbilities {
        StoreAbilities {
            conditions: match self.conditions {
                ConditionsText::Work => PutConditions::Work,
                ConditionsText::Refused => PutConditions::Refused,
                ConditionsText::Ignored => PutConditions::Ignored,
            },
            vouches_md5: self.vouches_md5,
            keeps_versions: self.keeps_versions,
        }
    }

    /// True if they are about this address and these public keys.
    #[must_use]
    pub fn fits(&self, url: &str, recipients: &Recipients) -> bool {
        self.url == url && recipients.texts().eq(self.recipients.iter().cloned())
    }

    pub(super) fn knows(&self, words: &str) -> bool {
        self.words == hash_of(words)
    }
}

/// However the words are typed.
fn hash_of(words: &str) -> String {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    hex(blake3::hash(words.join(" ").as_bytes()).as_bytes())
}
