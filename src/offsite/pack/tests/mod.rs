#![allow(clippy::unwrap_used)]

mod keys;
mod members;

use std::io::{self, Read};
use std::ops::Range;

use proptest::prelude::*;

use super::cipher::CHUNK;
use super::*;

/// Bytes of a member: those that compress, and those that do not.
fn content(length: usize, seed: u64) -> Vec<u8> {
    if seed.is_multiple_of(2) {
        let line = format!("line {seed} of a text\n");
        return line.bytes().cycle().take(length).collect();
    }
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

pub(super) fn identities() -> Identities {
    Identities::parse(fuzzing::KEY.as_bytes()).unwrap()
}

type Contents = Vec<(String, Vec<u8>)>;

fn contents(lengths: &[usize]) -> Contents {
    let names = (0..).map(|n| format!("{n:02}/a.part"));
    let bytes = lengths
        .iter()
        .zip(1..)
        .map(|(length, n)| content(*length, n));
    names.zip(bytes).collect()
}

fn pack_for(recipients: &Recipients, contents: &Contents) -> (Vec<u8>, WrittenPack) {
    let mut writer = PackWriter::new(Vec::new(), recipients, 1).unwrap();
    for (name, bytes) in contents {
        let mut data = &bytes[..];
        writer
            .add(name, bytes.len() as u64, 1_500_000_000, &mut data)
            .unwrap();
    }
    writer.finish().unwrap()
}

pub(super) fn pack(contents: &Contents) -> (Vec<u8>, WrittenPack) {
    pack_for(&identities().recipients(), contents)
}

/// All members as a stream gives them.
fn read_all(
    pack: &[u8],
    keys: &Identities,
    index: Option<&PackIndex>,
) -> Result<(Contents, Vec<PackMember>), PackError> {
    let mut stream = PackStream::open(pack, keys, index, is_member_name)?;
    let (mut contents, mut members) = (Vec::new(), Vec::new());
    while let Some(entry) = stream.next_member()? {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(PackError::from_io)?;
        assert_eq!(bytes.len() as u64, entry.member.length);
        contents.push((entry.member.name.clone(), bytes));
        members.push(entry.member);
    }
    Ok((contents, members))
}

fn ranges_of(pack: &[u8]) -> impl FnMut(Range<u64>) -> io::Result<Vec<u8>> + '_ {
    |range| {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        Ok(pack.get(range).unwrap().to_vec())
    }
}

fn read_one(pack: &[u8], keys: &Identities, index: &PackIndex, name: &str) -> Vec<u8> {
    let mut reader =
        PackReader::open(ranges_of(pack), pack.len() as u64, keys, index.frames()).unwrap();
    let mut bytes = Vec::new();
    let mut member = reader.member(index.find(name).unwrap()).unwrap();
    assert_eq!(member.mtime(), 1_500_000_000);
    member.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The stored bytes of a pack.
fn stored(pack: &[u8]) -> Vec<u8> {
    let keys = identities();
    let mut plain = Vec::new();
    let mut cipher = cipher::CipherReader::open(pack, &keys).unwrap();
    cipher.read_to_end(&mut plain).unwrap();
    plain
}

/// What any pack must be, with all ways to read it.
fn assert_pack(contents: &Contents) {
    let (pack, written) = pack(contents);
    let keys = identities();
    assert_eq!(stored(&pack).len() as u64 % FILL, 0);
    assert_eq!(written.digests.length, pack.len() as u64);
    assert_eq!(written.digests.blake3, *blake3::hash(&pack).as_bytes());
    let index = &written.index;
    let (read, members) = read_all(&pack, &keys, Some(index)).unwrap();
    assert!(read == *contents);
    assert_eq!(members, index.members());
    let (unlisted, members) = read_all(&pack, &keys, None).unwrap();
    assert!(unlisted == *contents);
    assert_eq!(members, index.members());
    let most = contents.len();
    assert_eq!(PackIndex::rebuild(&pack[..], &keys, most).unwrap(), *index);
    assert_eq!(
        PackIndex::parse(index.to_text().as_bytes()).unwrap(),
        *index
    );
    for (name, bytes) in contents {
        assert!(read_one(&pack, &keys, index, name) == *bytes, "{name}");
    }
    for frame in index.frames().starts().windows(2) {
        assert!(frame[1].plain - frame[0].plain <= FRAME_LIMIT);
    }
}

const MIB: usize = 1 << 20;

#[test]
fn members_of_any_length_come_back_in_every_way() {
    assert_pack(&contents(&[]));
    assert_pack(&contents(&[0]));
    assert_pack(&contents(&[0, 1, 511, 512, 513, 0]));
    for length in [4 * MIB - 512, 4 * MIB - 511, 4 * MIB, 4 * MIB + 1, 9 * MIB] {
        assert_pack(&contents(&[length, 10]));
        assert_pack(&contents(&[10, length, 10]));
    }
}

#[test]
fn a_member_that_fits_a_frame_lies_in_one() {
    let (_, written) = pack(&contents(&[3 * MIB, 2 * MIB, 4 * MIB - 512, 1]));
    let frames = written.index.frames();
    for member in written.index.members() {
        let (begin, end) = frames.holding(member.offset - 512).unwrap();
        assert!(member.offset - 512 >= begin.plain);
        assert!(member.offset + member.length <= end.plain);
    }
    assert!(frames.starts().len() >= 3);
}

#[test]
fn stored_bytes_can_be_had_from_any_place() {
    let (pack, written) = pack(&contents(&[300_001]));
    let keys = identities();
    let whole = stored(&pack);
    let frames = written.index.frames();
    let mut reader = PackReader::open(ranges_of(&pack), pack.len() as u64, &keys, frames).unwrap();
    let end = whole.len() as u64;
    for begin in [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        3 * CHUNK,
        end - CHUNK,
        end - 1,
    ] {
        for to in [
            begin + 1,
            begin + CHUNK - 1,
            begin + CHUNK,
            begin + CHUNK + 1,
            end,
        ] {
            let to = to.min(end);
            let expected = &whole[usize::try_from(begin).unwrap()..usize::try_from(to).unwrap()];
            assert!(
                reader.stored(begin..to).unwrap() == expected,
                "{begin}..{to}"
            );
        }
    }
}

#[test]
fn only_the_frames_of_a_member_are_fetched() {
    let contents = contents(&[1, 3 * MIB + 7, 3 * MIB + 8, 3 * MIB + 9]);
    let (pack, written) = pack(&contents);
    let keys = identities();
    let mut fetched = 0;
    let mut ranges = ranges_of(&pack);
    let counted = |range: Range<u64>| {
        fetched += range.end - range.start;
        ranges(range)
    };
    let index = &written.index;
    let mut reader = PackReader::open(counted, pack.len() as u64, &keys, index.frames()).unwrap();
    let mut bytes = Vec::new();
    let row = index.find("03/a.part").unwrap();
    reader.member(row).unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes == contents[3].1);
    let (begin, end) = index.frames().holding(row.offset).unwrap();
    assert!(fetched < end.stored - begin.stored + 3 * CHUNK, "{fetched}");
}

/// The error of reading all, which must be one of those that damage causes.
fn assert_found(pack: &[u8], index: &PackIndex, what: &str) {
    let keys = identities();
    for index in [None, Some(index)] {
        match read_all(pack, &keys, index) {
            // A changed header may be one that the key does not open.
            Err(PackError::Damaged(_) | PackError::WrongIdentity | PackError::NewerAge) => {}
            Err(other) => panic!("{what}: {other:?}"),
            Ok(_) => panic!("{what}: not found"),
        }
    }
}

#[test]
fn every_change_and_every_cut_is_found() {
    let (pack, written) = pack(&contents(&[100, 0, 2000]));
    let index = &written.index;
    let header = source::header_end(&pack).unwrap().unwrap() + 20;
    let all = 0..pack.len();
    let some = all.filter(|at| *at < header || at % 509 == 0 || pack.len() - at < 20);
    for at in some {
        let mut changed = pack.clone();
        changed[at] ^= 1 << (at % 8);
        assert_found(&changed, index, &format!("changed at {at}"));
        assert_found(&pack[..at], index, &format!("cut at {at}"));
    }
    let mut longer = pack.clone();
    longer.push(0);
    assert_found(&longer, index, "longer");
}

#[test]
fn a_source_that_fails_is_no_damaged_pack() {
    struct Failing<'b>(&'b [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            }
        }
    }
    let (pack, written) = pack(&contents(&[100_001, 5]));
    let keys = identities();
    for length in [0, 10, 200, 1000, 70_000, pack.len() - 1] {
        let stream = PackStream::open(Failing(&pack[..length]), &keys, None, |_| true);
        let error = stream.and_then(|mut stream| {
            while stream.next_member()?.is_some() {}
            Ok(())
        });
        assert!(
            matches!(error, Err(PackError::Read(_))),
            "{length}: {error:?}"
        );
    }
    let short = |range: Range<u64>| {
        Ok(vec![
            0;
            usize::try_from(range.end - range.start).unwrap() - 1
        ])
    };
    let frames = written.index.frames();
    let reader = PackReader::open(short, pack.len() as u64, &keys, frames);
    assert!(matches!(reader.err(), Some(PackError::Read(_))));
}

#[test]
fn a_pack_of_other_members_than_its_index_is_refused() {
    let (one, of_one) = pack(&contents(&[100, 3000]));
    let (other, _) = pack(&contents(&[101, 3000]));
    let keys = identities();
    let refused = read_all(&other, &keys, Some(&of_one.index)).unwrap_err();
    assert!(
        matches!(refused, PackError::Damaged(PackFault::Disagrees)),
        "{refused:?}"
    );
    let frames = of_one.index.frames();
    let mut reader = PackReader::open(ranges_of(&one), one.len() as u64, &keys, frames).unwrap();
    let row = of_one.index.members()[1].clone();
    for wrong in [
        PackMember {
            name: "x".into(),
            ..row.clone()
        },
        PackMember {
            length: 2999,
            ..row.clone()
        },
        PackMember {
            offset: row.offset - 512,
            ..row.clone()
        },
        PackMember {
            offset: 0,
            ..row.clone()
        },
        PackMember {
            offset: 1 << 40,
            ..row.clone()
        },
        PackMember {
            offset: u64::MAX,
            ..row.clone()
        },
    ] {
        let refused = reader.member(&wrong).err();
        assert!(
            matches!(refused, Some(PackError::Damaged(_))),
            "{wrong:?}: {refused:?}"
        );
    }
    assert!(reader.member(&row).is_ok());
}

#[test]
fn nothing_expands_beyond_a_frame() {
    let keys = identities();
    let bomb = zstd::bulk::compress(&vec![0; 64 * MIB], 3).unwrap();
    let sealed = keys.recipients().encrypt_text(&bomb).unwrap();
    let refused = read_all(&sealed, &keys, None).unwrap_err();
    assert!(
        matches!(refused, PackError::Damaged(PackFault::Expands)),
        "{refused:?}"
    );
    let (_, written) = pack(&contents(&[100]));
    let inflated = zstd::bulk::compress(&vec![0; 8192], 3).unwrap();
    let sealed = keys.recipients().encrypt_text(&inflated).unwrap();
    let refused = read_all(&sealed, &keys, Some(&written.index)).unwrap_err();
    assert!(
        matches!(refused, PackError::Damaged(PackFault::Expands)),
        "{refused:?}"
    );
}

#[test]
fn a_name_that_the_rule_refuses_ends_the_reading() {
    let (pack, _) = pack(&contents(&[1, 2]));
    let keys = identities();
    let mut stream = PackStream::open(&pack[..], &keys, None, |name| name == "00/a.part").unwrap();
    assert!(stream.next_member().unwrap().is_some());
    let refused = stream.next_member().unwrap_err();
    assert!(matches!(refused, PackError::Name { name } if name == "01/a.part"));
}

#[test]
fn an_index_is_rebuilt_only_within_its_bound() {
    let (pack, _) = pack(&contents(&[1, 2, 3]));
    let refused = PackIndex::rebuild(&pack[..], &identities(), 2).unwrap_err();
    assert!(matches!(refused, PackError::Damaged(PackFault::TooMany)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_members_come_back(lengths in prop::collection::vec(0..6000_usize, 0..40), long in 0..9 * MIB) {
        let mut lengths = lengths;
        lengths.push(long);
        assert_pack(&contents(&lengths));
    }

    #[test]
    fn any_change_below_the_encryption_is_found(
        lengths in prop::collection::vec(0..2000_usize, 1..6), at: prop::sample::Index, byte: u8,
    ) {
        let contents = contents(&lengths);
        let (pack, written) = pack(&contents);
        let keys = identities();
        let mut changed = stored(&pack);
        // Half of the changes before the fill, which is most of it.
        let used = usize::try_from(written.index.frames().end().stored).unwrap() + 8;
        let at = at.index(if byte < 128 { used } else { changed.len() });
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        let sealed = keys.recipients().encrypt_text(&changed).unwrap();
        for index in [None, Some(&written.index)] {
            if let Ok((read, _)) = read_all(&sealed, &keys, index) {
                // Some bits of a frame mean nothing.
                prop_assert!(read == contents);
            }
        }
        let length = sealed.len() as u64;
        let frames = written.index.frames();
        let mut reader = PackReader::open(ranges_of(&sealed), length, &keys, frames).unwrap();
        for (row, (_, expected)) in written.index.members().iter().zip(&contents) {
            let mut bytes = Vec::new();
            let read = reader.member(row).map(|mut member| member.read_to_end(&mut bytes));
            prop_assert!(!matches!(read, Ok(Ok(_))) || bytes == *expected);
        }
    }

    #[test]
    fn any_change_of_an_archive_gives_no_other_member(
        lengths in prop::collection::vec(0..700_usize, 1..6), at: prop::sample::Index, byte: u8,
    ) {
        let (pack, written) = pack(&contents(&lengths));
        let keys = identities();
        let mut changed = zstd::decode_all(&stored(&pack)[..]).unwrap();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        let stored = zstd::bulk::compress(&changed, 1).unwrap();
        let sealed = keys.recipients().encrypt_text(&stored).unwrap();
        let in_bytes = |row: &PackMember| (row.offset..row.offset + row.length).contains(&(at as u64));
        let may_be_read = written.index.members().iter().any(in_bytes);
        let read = read_all(&sealed, &keys, None);
        prop_assert_eq!(read.is_ok(), may_be_read);
    }

    #[test]
    fn any_change_of_an_index_is_found_or_harmless(
        lengths in prop::collection::vec(0..2000_usize, 1..6), at: prop::sample::Index, byte: u8,
    ) {
        let (pack, written) = pack(&contents(&lengths));
        let mut text = written.index.to_text().into_bytes();
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        if let Ok(index) = PackIndex::parse(&text) {
            let keys = identities();
            prop_assert!(read_all(&pack, &keys, Some(&index)).is_err());
        }
    }
}
