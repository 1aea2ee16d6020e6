//! Keyed hashes of what was removed on purpose, so that it is told when it comes again, and nobody
//! learns from the vault what it was (docs/FORMAT.md, Erasing).

use std::io::{self, Read as _};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::{Digest, Hash128};
use crate::mail::source::{Listing, Uid};
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::layout::Layout;
use crate::vault::ledger::{Erasure, LedgerEvent, TombstoneKind};

/// What the mark of a key is a hash of.
const MARK: &str = "key";

/// The key of a vault's tombstones.
#[derive(Clone)]
pub(crate) struct TombstoneKey([u8; 32]);

impl std::fmt::Debug for TombstoneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TombstoneKey")
    }
}

impl TombstoneKey {
    /// The key of a vault that has tombstones; none if it has none, and an error if the key is
    /// missing or another one, since then nothing can be told.
    pub(crate) fn load(layout: &Layout, catalog: &Catalog) -> Result<Option<Self>> {
        if !catalog.has_tombstones()? {
            return Ok(None);
        }
        let wrong = |detail: &str| Error::Damaged {
            path: layout.tombstone_key(),
            detail: detail.to_owned(),
        };
        let Some(key) = Self::read(layout)? else {
            return Err(wrong(
                "it is missing, so that forgotten mail cannot be recognised",
            ));
        };
        if catalog.tombstone_key_mark()? == Some(key.mark()) {
            Ok(Some(key))
        } else {
            Err(wrong("it is not the key of this vault's forgotten mail"))
        }
    }

    /// The key of a vault in which something is to be forgotten; made if there is none to go by.
    pub(crate) fn load_or_make(layout: &Layout, catalog: &Catalog) -> Result<Self> {
        if let Some(key) = Self::load(layout, catalog)? {
            return Ok(key);
        }
        // Nothing holds that another key made, so that any will do.
        if let Some(key) = Self::read(layout)? {
            return Ok(key);
        }
        let path = layout.tombstone_key();
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| Error::file("create", &path, io::Error::other(e.to_string())))?;
        fsx::write_durably(&path, &key)?;
        Ok(Self(key))
    }

    fn read(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.tombstone_key();
        if !fsx::is_file(&path)? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        fsx::open(&path)?
            .take(33)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::file("read", &path, e))?;
        match <[u8; 32]>::try_from(bytes) {
            Ok(key) => Ok(Some(Self(key))),
            Err(_) => Err(Error::Damaged {
                path,
                detail: "it does not have 32 bytes".to_owned(),
            }),
        }
    }

    /// Its bytes, for a second copy.
    #[cfg(feature = "offsite")]
    pub(crate) fn bytes_for_copy(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells this key from others.
    pub(crate) fn mark(&self) -> Hash128 {
        self.hash(MARK, &[])
    }

    fn hash(&self, kind: &str, parts: &[&[u8]]) -> Hash128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(kind.as_bytes());
        for part in parts {
            hasher.update(b"\n");
            hasher.update(part);
        }
        Hash128::cut(hasher.finalize())
    }

    /// Of bytes, by their hash.
    pub(crate) fn bytes(&self, kind: TombstoneKind, hash: Hash128) -> Hash128 {
        self.hash(kind.as_str(), &[hash.to_string().as_bytes()])
    }

    /// Of a message whatever way it took.
    pub(crate) fn likeness(&self, likeness: Hash128, mid: &[u8]) -> Hash128 {
        let kind = TombstoneKind::Likeness.as_str();
        self.hash(kind, &[likeness.to_string().as_bytes(), mid])
    }

    /// Of a name on a server, with the size that is listed there, so that another message under
    /// the same name is told from it; none if there is no name.
    pub(crate) fn name(
        &self,
        origin: Origin<'_>,
        uid: &Uid,
        octets: Option<u64>,
    ) -> Option<Hash128> {
        let name = match uid {
            Uid::Absent => return None,
            Uid::Uidl(uidl) => uidl.to_vec(),
            Uid::Imap { uid, .. } => uid.to_string().into_bytes(),
        };
        let Origin {
            account,
            server,
            dir,
            uidvalidity,
        } = origin;
        let uidvalidity = uidvalidity.to_string();
        let octets = octets.map_or_else(String::new, |octets| octets.to_string());
        let parts = [
            account.as_bytes(),
            server.as_bytes(),
            dir.as_bytes(),
            uidvalidity.as_bytes(),
            octets.as_bytes(),
            &name,
        ];
        Some(self.hash(TombstoneKind::Name.as_str(), &parts))
    }

    /// True if a stored content of this hash was forgotten.
    pub(crate) fn has_content(&self, catalog: &Catalog, hash: Hash128) -> Result<bool> {
        let tag = self.bytes(TombstoneKind::Content, hash);
        Ok(catalog.forget_with(tag)?.is_some())
    }

    /// The forget that a received message was part of, by its bytes or by likeness.
    pub(crate) fn forget_of(&self, catalog: &Catalog, digest: &Digest) -> Result<Option<u32>> {
        let mut tags = vec![
            self.bytes(TombstoneKind::Content, digest.hash),
            self.bytes(TombstoneKind::Arrival, digest.hash),
        ];
        if let (Some(mid), Some(likeness)) = (&digest.mid, digest.likeness) {
            tags.push(self.likeness(likeness, mid));
        }
        for tag in tags {
            if let Some(forget) = catalog.forget_with(tag)? {
                return Ok(Some(forget));
            }
        }
        Ok(None)
    }

    /// The event by which a listed name of another message is fetched again.
    pub(crate) fn lift(
        &self,
        catalog: &Catalog,
        origin: Origin<'_>,
        listing: &Listing,
    ) -> Result<Option<LedgerEvent>> {
        let Some(tag) = self.name(origin, &listing.uid, listing.octets) else {
            return Ok(None);
        };
        let forget = catalog.forget_with(tag)?;
        Ok(forget.map(|forget| LedgerEvent::Erased(Erasure::Lifted { forget, tag })))
    }

    /// True if the message of a listed name was forgotten.
    pub(crate) fn covers(
        &self,
        catalog: &Catalog,
        origin: Origin<'_>,
        listing: &Listing,
    ) -> Result<bool> {
        match self.name(origin, &listing.uid, listing.octets) {
            Some(tag) => Ok(catalog.forget_with(tag)?.is_some()),
            None => Ok(false),
        }
    }
}
