//! For tests; never for use: what must hold for any bytes that are said to be a pack.

use std::io;

use super::{
    FRAME_LIMIT, Identities, PackError, PackFault, PackIndex, PackReader, PackStream, Recipients,
};

/// A key for tests only.
pub(crate) const KEY: &str =
    "AGE-SECRET-KEY-1060E65G365KY03CKDED2N83802QK88M3F43R9VVR6LMEPFTQUVLS6ZWCYA";

/// Reads all of a pack; what comes out is bounded by what went in.
fn read(pack: &[u8], keys: &Identities) -> Result<(), PackError> {
    let mut stream = PackStream::open(pack, keys, None, |_| true)?;
    while let Some(entry) = stream.next_member()? {
        let read = io::copy(&mut stream, &mut io::sink()).map_err(PackError::from_io)?;
        assert_eq!(read, entry.member.length);
    }
    Ok(())
}

/// Bytes as a pack, as what a pack encrypts, and as its archive; as an index; as keys.
pub(crate) fn assert_any(data: &[u8]) {
    let Ok(keys) = Identities::parse(KEY.as_bytes()) else {
        panic!("the key of tests is damaged");
    };
    let recipients = keys.recipients();
    let sealed = |plain: &[u8]| recipients.encrypt_text(plain).unwrap_or_default();
    let _ = read(data, &keys);
    let _ = read(&sealed(data), &keys);
    let archive = zstd::bulk::compress(data, 1).unwrap_or_default();
    let archive = sealed(&archive);
    let good = read(&archive, &keys).is_ok();
    let rebuilt = PackIndex::rebuild(&archive[..], &keys, data.len());
    // Only a name that is there twice is noticed by the index alone.
    let twice = matches!(rebuilt, Err(PackError::Damaged(PackFault::Index)));
    assert_eq!(good, rebuilt.is_ok() || twice, "{rebuilt:?}");
    if let Ok(index) = PackIndex::parse(data) {
        assert_eq!(index.to_text().as_bytes(), data);
        read_listed(&index, &keys, &sealed);
    }
    let text = String::from_utf8_lossy(data);
    let _ = Recipients::parse(&[&text]);
    let _ = Identities::parse(data);
}

/// Reads what an index lists from a pack of zeros.
fn read_listed(index: &PackIndex, keys: &Identities, sealed: &dyn Fn(&[u8]) -> Vec<u8>) {
    let frames = index.frames();
    let Some(length) = usize::try_from(frames.filled())
        .ok()
        .filter(|length| *length as u64 <= FRAME_LIMIT)
    else {
        return;
    };
    let pack = sealed(&vec![0; length]);
    let fetch = |range: std::ops::Range<u64>| {
        let range = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok());
        let bytes = range.and_then(|(begin, end)| pack.get(begin..end));
        bytes
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    };
    let Ok(mut reader) = PackReader::open(fetch, pack.len() as u64, keys, frames) else {
        panic!("a pack of the right length cannot be opened");
    };
    for member in index.members() {
        assert!(reader.member(member).is_err());
    }
}
