use std::io::{self, Read};

use super::super::member::{parse_header, write_header};
use super::*;

/// Gives some bytes and fails.
struct Breaking(u64);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let read = usize::try_from(self.0).unwrap().min(buffer.len());
        self.0 -= read as u64;
        Ok(read)
    }
}

#[test]
fn a_short_member_that_fails_leaves_the_pack_as_it_was() {
    let keys = identities();
    let mut writer = PackWriter::new(Vec::new(), &keys.recipients(), 1).unwrap();
    writer.add("a", 3, 0, &mut &b"abc"[..]).unwrap();
    let before = writer.plain();
    let failed = writer.add("b", 1_000_000, 0, &mut Breaking(500_000));
    assert!(matches!(failed, Err(PackError::Member { name, .. }) if name == "b"));
    let short = writer.add("b", 3, 0, &mut &b"ab"[..]);
    assert!(matches!(short, Err(PackError::Length { announced: 3, .. })));
    let long = writer.add("b", 3, 0, &mut &b"abcd"[..]);
    assert!(matches!(long, Err(PackError::Length { .. })));
    assert_eq!(writer.plain(), before);
    writer.add("b", 2, 0, &mut &b"ab"[..]).unwrap();
    let (pack, written) = writer.finish().unwrap();
    let (contents, _) = read_all(&pack, &keys, Some(&written.index)).unwrap();
    let expected = [
        ("a".to_owned(), b"abc".to_vec()),
        ("b".to_owned(), b"ab".to_vec()),
    ];
    assert_eq!(contents, expected);
}

#[test]
fn a_long_member_that_fails_gives_the_pack_up() {
    let recipients = identities().recipients();
    let mut writer = PackWriter::new(Vec::new(), &recipients, 1).unwrap();
    let failed = writer.add("b", 9 << 20, 0, &mut Breaking(8 << 20));
    assert!(matches!(failed, Err(PackError::Member { .. })));
    let more = writer.add("c", 1, 0, &mut &b"c"[..]);
    assert!(matches!(more, Err(PackError::GivenUp)));
    assert!(matches!(writer.finish(), Err(PackError::GivenUp)));
}

#[test]
fn a_destination_that_fails_is_named_so() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recipients = identities().recipients();
    for length in [10, 1_000_000] {
        let mut writer = PackWriter::new(Full, &recipients, 1).unwrap();
        let data = content(length, 1);
        let failed = writer
            .add("a", length as u64, 0, &mut &data[..])
            .and_then(|()| writer.finish().map(|_| ()));
        let kind = match failed {
            Err(PackError::Write(e)) => e.kind(),
            other => panic!("{other:?}"),
        };
        assert_eq!(kind, io::ErrorKind::StorageFull);
    }
}

#[test]
fn names_are_plain_and_given_once() {
    let recipients = identities().recipients();
    let mut writer = PackWriter::new(Vec::new(), &recipients, 1).unwrap();
    let long = "x".repeat(101);
    let bad = [
        "", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a b", "ä", "a\n", "a\0", &long,
    ];
    for name in bad {
        let refused = writer.add(name, 0, 0, &mut io::empty());
        assert!(matches!(refused, Err(PackError::Name { .. })), "{name:?}");
    }
    let longest = "x".repeat(100);
    for name in ["a", "a/b.c", "..a", &longest] {
        writer.add(name, 0, 0, &mut io::empty()).unwrap();
    }
    let again = writer.add("a", 0, 0, &mut io::empty());
    assert!(matches!(again, Err(PackError::Twice { .. })));
    let large = writer.add("large", MEMBER_LIMIT + 1, 0, &mut io::empty());
    assert!(matches!(large, Err(PackError::TooLarge { .. })));
    let (pack, written) = writer.finish().unwrap();
    assert_eq!(
        read_all(&pack, &identities(), Some(&written.index))
            .unwrap()
            .0
            .len(),
        4
    );
}

#[test]
fn a_header_has_one_form() {
    let header = write_header("some/name", 12_345, 1_700_000_000).unwrap();
    let block = header.as_bytes();
    let read = parse_header(block).unwrap().unwrap();
    assert_eq!(
        (read.name.as_str(), read.length, read.mtime),
        ("some/name", 12_345, 1_700_000_000)
    );
    for at in 0..block.len() {
        let mut changed = *block;
        changed[at] ^= 0x20;
        assert!(parse_header(&changed).is_err(), "changed at {at}");
    }
    assert!(parse_header(&[0; 512]).unwrap().is_none());
}
