//! The compressed form of a message file: one zstd frame (RFC 8878) with a content
//! checksum. Readers also take what other programs may have left in the tree: plain
//! files, gzip, several frames, windows up to 2^27.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective, get_error_name,
    zstd_sys::ZSTD_EndDirective,
};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::{Digest, Hash128, Scanner};

/// Largest window that is read, as a power of two.
pub(crate) const WINDOW_LOG_MAX: u32 = 27;
/// Window of the frames we write, as a power of two. Only messages beyond a quarter of a
/// megabyte notice; those are mostly base64, which has no distant matches, and each
/// compressor needs a megabyte and a half less.
const WINDOW_LOG: u32 = 19;
/// How a zstd frame begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const CHUNK: usize = 64 << 10;

/// Compresses message after message with one context, which is what makes small
/// messages cheap.
pub(crate) struct Compressor {
    context: CCtx<'static>,
    out: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    /// A compressor of the given zstd level.
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let mut context =
            CCtx::try_create().ok_or_else(|| io::Error::other("no memory for compressing"))?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ChecksumFlag(true),
            CParameter::WindowLog(WINDOW_LOG),
        ] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Self {
            context,
            out: Vec::new(),
        })
    }

    /// Writes a whole message as one frame that states its size; returns the bytes
    /// written.
    pub(crate) fn write_whole(&mut self, content: &[u8], to: &mut impl Write) -> io::Result<u64> {
        self.out.clear();
        self.out
            .reserve(zstd::zstd_safe::compress_bound(content.len()));
        self.context
            .compress2(&mut self.out, content)
            .map_err(failed)?;
        to.write_all(&self.out)?;
        Ok(self.out.len() as u64)
    }

    /// Begins a frame whose size is not known yet.
    pub(crate) fn stream<W: Write>(&mut self, to: W) -> io::Result<Stream<'_, W>> {
        self.context
            .reset(ResetDirective::SessionOnly)
            .map_err(failed)?;
        self.out.clear();
        self.out.reserve(CHUNK);
        Ok(Stream {
            compressor: self,
            to,
            written: 0,
        })
    }
}

/// A frame in the making.
pub(crate) struct Stream<'a, W> {
    compressor: &'a mut Compressor,
    to: W,
    written: u64,
}

impl<W: Write> Stream<'_, W> {
    /// Adds content.
    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(content);
        while input.pos < content.len() {
            self.step(&mut input, ZSTD_EndDirective::ZSTD_e_continue)?;
        }
        Ok(())
    }

    /// Ends the frame; returns the bytes written.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let mut input = InBuffer::around(&[]);
        while self.step(&mut input, ZSTD_EndDirective::ZSTD_e_end)? > 0 {}
        Ok(self.written)
    }

    fn step(&mut self, input: &mut InBuffer<'_>, end: ZSTD_EndDirective) -> io::Result<usize> {
        let Compressor { context, out } = &mut *self.compressor;
        out.clear();
        let mut output = OutBuffer::around(out);
        let left = context
            .compress_stream2(&mut output, input, end)
            .map_err(failed)?;
        self.to.write_all(out)?;
        self.written += out.len() as u64;
        Ok(left)
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}

/// The content of a message file, whatever form it has.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let file = fsx::open(path)?;
    decode(file, None).map_err(|e| Error::file("read", path, e))
}

/// Opens message files, one after another. To make a context takes longer than to decompress
/// a small message.
#[derive(Default)]
pub(crate) struct Opener {
    context: Option<DCtx<'static>>,
    /// Room for what is read.
    chunk: Vec<u8>,
}

impl Opener {
    /// The content of a message file, whatever form it has.
    pub(crate) fn open(&mut self, path: &Path) -> Result<Box<dyn Read + '_>> {
        let file = fsx::open(path)?;
        let context = in_place(&mut self.context);
        decode(file, context).map_err(|e| Error::file("read", path, e))
    }

    /// Like [`check`], and computes everything else that is derived from the content.
    pub(crate) fn scan(
        &mut self,
        path: &Path,
        limit: u64,
        scanner: &mut Scanner,
    ) -> Result<Digest, Flaw> {
        let read = self.read_all(path, limit, |bytes| scanner.update(bytes));
        let digest = scanner.finish();
        if read? > limit {
            return Err(Flaw::Altered);
        }
        Ok(digest)
    }

    /// Hands on at most `limit` + 1 bytes.
    fn read_all(
        &mut self,
        path: &Path,
        limit: u64,
        mut each: impl FnMut(&[u8]),
    ) -> Result<u64, Flaw> {
        let unreadable = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Flaw::Missing,
            _ => Flaw::Unreadable(e.to_string()),
        };
        let file = fsx::open(path).map_err(|error| match error {
            Error::File { source, .. } => unreadable(source),
            Error::Strange { what, .. } => Flaw::Unreadable(format!("it is {what}")),
            error => Flaw::Unreadable(error.to_string()),
        })?;
        self.chunk.resize(CHUNK, 0);
        let mut content = decode(file, in_place(&mut self.context))
            .map_err(unreadable)?
            .take(limit.saturating_add(1));
        let mut length = 0;
        loop {
            match content.read(&mut self.chunk) {
                Ok(0) => return Ok(length),
                Ok(n) => {
                    length += n as u64;
                    each(&self.chunk[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(unreadable(e)),
            }
        }
    }
}

/// The context, made if there is none yet.
fn in_place<'c>(context: &'c mut Option<DCtx<'static>>) -> Option<&'c mut DCtx<'static>> {
    if context.is_none() {
        *context = DCtx::try_create();
    }
    context.as_mut()
}

/// True if a file that begins so is compressed in a way that [`open`] reads.
#[must_use]
pub(crate) fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(&ZSTD) || start.starts_with(&GZIP)
}

fn decode<'c, R: Read + 'c>(
    file: R,
    context: Option<&'c mut DCtx<'static>>,
) -> io::Result<Box<dyn Read + 'c>> {
    let mut file = BufReader::with_capacity(CHUNK, file);
    let magic = io::BufRead::fill_buf(&mut file)?;
    if magic.starts_with(&ZSTD) {
        let mut decoder = match context {
            Some(context) => {
                // What was read before may have ended within a frame.
                (context.reset(ResetDirective::SessionOnly)).map_err(failed)?;
                zstd::stream::read::Decoder::with_context(file, context)
            }
            None => zstd::stream::read::Decoder::with_buffer(file)?,
        };
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        return Ok(Box::new(decoder));
    }
    if magic.starts_with(&GZIP) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

/// Why a file is not the message that its name promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is not there.
    Missing,
    /// It cannot be read or decompressed, in words.
    Unreadable(String),
    /// It holds other bytes.
    Altered,
}

/// Compares message files with their names, one after another: the content's hash,
/// and its size, beyond which nothing is decompressed.
#[derive(Default)]
pub(crate) struct Checker {
    context: Option<DCtx<'static>>,
    file: Vec<u8>,
    content: Vec<u8>,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}

/// Contents up to this size are decompressed at once, which is faster.
const AT_ONCE: u64 = 4 << 20;

impl Checker {
    /// Reads a file whole.
    pub(crate) fn check(&mut self, path: &Path, hash: Hash128, size: u64) -> Result<(), Flaw> {
        if size <= AT_ONCE && self.is_right(path, hash, size) {
            return Ok(());
        }
        // Large, of another form, or flawed: then the slow way says how.
        check(path, hash, size)
    }

    /// Reads a content of the usual form and size, which is then in [`Checker::content`];
    /// false if the file does not hold it in this way.
    pub(crate) fn read(&mut self, path: &Path, hash: Hash128, size: u64) -> bool {
        size <= AT_ONCE && self.is_right(path, hash, size)
    }

    /// The content that was read last, and room for one that is read in another way.
    pub(crate) fn content(&mut self) -> &mut Vec<u8> {
        &mut self.content
    }

    fn is_right(&mut self, path: &Path, hash: Hash128, size: u64) -> bool {
        self.file.clear();
        // No frame of such a content is longer.
        let read = fsx::open(path).is_ok_and(|file| {
            let read = file.take(2 * AT_ONCE).read_to_end(&mut self.file);
            read.is_ok()
        });
        let Some(context) = in_place(&mut self.context) else {
            return false;
        };
        self.content.clear();
        self.content.reserve(usize::try_from(size).unwrap_or(0));
        read && !has_stray_bits(&self.file, size)
            && context
                .decompress(&mut self.content, &self.file)
                .is_ok_and(|n| n as u64 == size)
            && Hash128::of(&self.content) == hash
    }
}

/// Reads one message file whole and compares it with its name.
pub(crate) fn check(path: &Path, hash: Hash128, size: u64) -> Result<(), Flaw> {
    let mut hasher = blake3::Hasher::new();
    let length = Opener::default().read_all(path, size, |bytes| {
        hasher.update(bytes);
    })?;
    let whole = hasher.finalize();
    if length != size || whole.as_bytes()[..16] != hash.0 {
        return Err(Flaw::Altered);
    }
    let mut start = [0; 6];
    let read = fsx::open(path).and_then(|mut file| {
        let read = file.read(&mut start);
        read.map_err(|e| Error::file("read", path, e))
    });
    if read.is_ok_and(|n| has_stray_bits(&start[..n], size)) {
        return Err(Flaw::Unreadable(
            "stray bits in its frame header".to_owned(),
        ));
    }
    Ok(())
}

/// True if the frame header (RFC 8878 s.3.1.1.1) is one that we do not write, though
/// every reader takes it: unused bits that are set, a window that is no power of two,
/// or a small content without its size. Then the disk did: worth knowing.
fn has_stray_bits(file: &[u8], size: u64) -> bool {
    const UNUSED: u8 = 0b0001_1000;
    const SINGLE_SEGMENT: u8 = 0b0010_0000;
    const MANTISSA: u8 = 0b0000_0111;
    match file.strip_prefix(&ZSTD) {
        Some([descriptor, next, ..]) => {
            let windowed = descriptor & SINGLE_SEGMENT == 0;
            descriptor & UNUSED != 0 || windowed && (size < 256 || next & MANTISSA != 0)
        }
        _ => false,
    }
}

/// The same as [`Opener::scan`] of one file.
pub(crate) fn scan(path: &Path, limit: u64, scanner: &mut Scanner) -> Result<Digest, Flaw> {
    Opener::default().scan(path, limit, scanner)
}

/// What holds for any bytes: as a content they come back, in pieces as long as the first byte
/// says; as a file they are read, however little they are one.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(bytes: &[u8]) {
    const MOST: u64 = 1 << 20;
    let piece = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    assert_restored(bytes, piece);
    for magic in [&[][..], &ZSTD, &GZIP] {
        let file = io::Cursor::new([magic, bytes].concat());
        if let Ok(content) = decode(file, None) {
            let _ = io::copy(&mut content.take(MOST), &mut io::sink());
        }
    }
    let _ = has_stray_bits(bytes, bytes.len() as u64);
}

/// What goes in comes out, and our own frames are of our form.
#[cfg(any(test, feature = "fuzzing"))]
fn assert_restored(content: &[u8], piece: usize) {
    let (whole, streamed) = both_forms(content, piece);
    assert!(!has_stray_bits(&whole, content.len() as u64));
    for file in [whole, streamed] {
        let mut read = Vec::new();
        let decoded =
            decode(io::Cursor::new(file), None).and_then(|mut file| file.read_to_end(&mut read));
        assert_eq!(decoded.ok(), Some(content.len()));
        assert_eq!(read, content);
    }
}

/// A content as one frame, written at once and in pieces.
#[cfg(any(test, feature = "fuzzing"))]
fn both_forms(content: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>) {
    const MADE: &str = "memory takes everything";
    let mut compressor = Compressor::new(3).expect(MADE);
    let (mut whole, mut streamed) = (Vec::new(), Vec::new());
    compressor.write_whole(content, &mut whole).expect(MADE);
    let mut stream = compressor.stream(&mut streamed).expect(MADE);
    for part in content.chunks(piece) {
        stream.write(part).expect(MADE);
    }
    let written = stream.finish().expect(MADE);
    assert_eq!(written, streamed.len() as u64);
    (whole, streamed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let content = b"Subject: x\r\n\r\nsome text that is long enough to be compressed, to be compressed\r\n";
        let (good, _) = both_forms(content, 10);
        let hash = Hash128::of(content);
        let size = content.len() as u64;
        std::fs::write(&path, &good).unwrap();
        assert_eq!(check(&path, hash, size), Ok(()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bad).unwrap();
            assert!(check(&path, hash, size).is_err(), "bit {bit}");
        }
        std::fs::write(&path, &good[..good.len() - 5]).unwrap();
        assert!(check(&path, hash, size).is_err());
        assert_eq!(check(&dir.path().join("n"), hash, size), Err(Flaw::Missing));
    }

    #[test]
    fn foreign_forms_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let content = b"From: ann@example.org\r\n\r\nhello\r\n";
        let content = &content.repeat(20)[..];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content).unwrap();
        let (whole, streamed) = both_forms(&content[..9], 4);
        let (rest, _) = both_forms(&content[9..], 4);
        let trailing = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..]].concat();
        for file in [
            content.to_vec(),
            gzip.finish().unwrap(),
            [&whole[..], &rest[..]].concat(),
            [&streamed[..], &rest[..], &trailing[..]].concat(),
        ] {
            std::fs::write(&path, &file).unwrap();
            assert_eq!(
                check(&path, Hash128::of(content), content.len() as u64),
                Ok(())
            );
        }
    }

    #[test]
    fn one_opener_reads_file_after_file_also_after_half_of_one() {
        let dir = tempfile::tempdir().unwrap();
        let contents = [&b"first "[..], b"second ", b"third "].map(|part| part.repeat(50_000));
        let mut opener = Opener::default();
        for (n, content) in contents.iter().enumerate() {
            let path = dir.path().join(n.to_string());
            let (whole, _) = both_forms(content, 700);
            std::fs::write(&path, [&whole[..], &whole[..]].concat()).unwrap();
            let mut all = Vec::new();
            let _ = opener.open(&path).unwrap().read_to_end(&mut all).unwrap();
            assert_eq!(all, content.repeat(2));
            let mut half = vec![0; content.len() / 2];
            opener.open(&path).unwrap().read_exact(&mut half).unwrap();
            assert_eq!(half, content[..half.len()]);
        }
        assert!(opener.open(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let (bomb, _) = both_forms(&vec![0; 50 << 20], 1 << 20);
        std::fs::write(&path, bomb).unwrap();
        assert_eq!(check(&path, Hash128::of(b""), 10), Err(Flaw::Altered));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(content in prop::collection::vec(any::<u8>(), 0..5000), piece in 1usize..700) {
            assert_restored(&content, piece);
        }
    }
}
