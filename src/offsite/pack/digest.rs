//! The hashes of an encrypted file, computed while it is written or read.

use std::io::{self, BufWriter, Write};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::hex::hex;

/// What identifies an encrypted file, and what a store checks it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// BLAKE3-256, the name of a pack.
    pub blake3: [u8; 32],
    /// SHA-256.
    pub sha256: [u8; 32],
    /// MD5, against accidents only.
    pub md5: [u8; 16],
    /// Bytes.
    pub length: u64,
}

impl Digests {
    /// The name of a pack with these bytes: 64 digits.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.blake3)
    }
}

/// Computes [`Digests`] over bytes as they come.
#[derive(Default)]
pub struct Digester {
    blake3: blake3::Hasher,
    sha256: Sha256,
    md5: Md5,
    length: u64,
}

impl Digester {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.md5.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The hashes of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Digests {
        Digests {
            blake3: *self.blake3.finalize().as_bytes(),
            sha256: self.sha256.finalize().into(),
            md5: self.md5.finalize().into(),
            length: self.length,
        }
    }
}

/// A header of age with some hundred recipients fits.
const BUFFER: usize = 128 << 10;

/// Passes bytes on and computes their hashes.
///
/// The buffer is not for speed: age does not pass on why its header could not be written, but
/// whoever writes must be able to tell a full disk.
pub(super) struct DigestWriter<W: Write> {
    inner: BufWriter<W>,
    digester: Digester,
}

impl<W: Write> DigestWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner: BufWriter::with_capacity(BUFFER, inner),
            digester: Digester::default(),
        }
    }

    pub(super) fn finish(self) -> io::Result<(W, Digests)> {
        let inner = self.inner.into_inner();
        let inner = inner.map_err(io::IntoInnerError::into_error)?;
        Ok((inner, self.digester.finish()))
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digester.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
