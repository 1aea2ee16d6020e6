//! age around a pack: what decrypts it, in order or at any place.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use age::DecryptError;
use age::stream::StreamReader;

use super::error::{PackError, PackFault};
use super::identities::Identities;

/// Plain bytes that age encrypts at a time.
pub(super) const CHUNK: u64 = 64 << 10;
/// What a chunk has when it is encrypted.
pub(super) const SEALED_CHUNK: u64 = CHUNK + 16;
/// Bytes between the header and the first chunk.
pub(super) const NONCE: u64 = 16;

/// The plain bytes of an encrypted file. Nothing is read after a failure.
pub(super) struct CipherReader<R> {
    inner: StreamReader<R>,
    failed: bool,
}

impl<R: BufRead> CipherReader<R> {
    /// Opens an encrypted file at its first byte.
    pub(super) fn open(source: R, identities: &Identities) -> Result<Self, PackError> {
        let refused = |error: DecryptError| match error {
            DecryptError::NoMatchingKeys => PackError::WrongIdentity,
            DecryptError::UnknownFormat => PackError::NewerAge,
            DecryptError::Io(e) => PackError::from_io_fault(e, PackFault::Truncated),
            _ => PackFault::Header.into(),
        };
        let file = age::Decryptor::new_buffered(source).map_err(refused)?;
        let inner = file.decrypt(identities.keys()).map_err(refused)?;
        Ok(Self {
            inner,
            failed: false,
        })
    }

    fn fail(&mut self, error: io::Error) -> PackError {
        self.failed = true;
        let fault = if error.kind() == io::ErrorKind::UnexpectedEof {
            PackFault::Truncated
        } else {
            PackFault::Cipher
        };
        PackError::from_io_fault(error, fault)
    }
}

impl<R: BufRead> Read for CipherReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(PackError::Damaged(PackFault::Cipher).into());
        }
        self.inner.read(buffer).map_err(|e| self.fail(e).into())
    }
}

impl<R: BufRead + Seek> CipherReader<R> {
    /// Goes to a place among the plain bytes, which must be before their end: age's reader
    /// relies on that.
    pub(super) fn go_to(&mut self, place: u64) -> Result<(), PackError> {
        let at = self.inner.seek(SeekFrom::Start(place));
        at.map(|_| ()).map_err(|e| self.fail(e))
    }
}

/// Decrypts a short text, as [`super::Recipients::encrypt_text`] made it.
pub fn decrypt_text(bytes: &[u8], identities: &Identities) -> Result<String, PackError> {
    let mut text = String::new();
    let reader = CipherReader::open(bytes, identities)?;
    let read = reader.take(CHUNK).read_to_string(&mut text);
    read.map_err(PackError::from_io)?;
    Ok(text)
}

/// How many plain bytes belong to this many encrypted ones after header and nonce.
pub(super) fn plain_length(sealed: u64) -> Option<u64> {
    let chunks = sealed.div_ceil(SEALED_CHUNK);
    sealed.checked_sub(chunks * (SEALED_CHUNK - CHUNK))
}
