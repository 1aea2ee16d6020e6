#![allow(clippy::unwrap_used)]

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::offsite::pack::{Identities, PackIndex, PackWriter, WrittenPack, fuzzing};

fn identities() -> Identities {
    Identities::parse(fuzzing::KEY.as_bytes()).unwrap()
}

fn position(offset: u64) -> LedgerPosition {
    LedgerPosition {
        file: "2026-11.jsonl".into(),
        offset,
    }
}

/// What a push has.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    messages: Vec<Vec<u8>>,
    ledger: Vec<(LedgerRange, Vec<u8>)>,
    indexes: Vec<(String, PackIndex)>,
    owed: Vec<OwedMessage>,
    key: Option<[u8; 32]>,
}

impl Whole {
    fn manifest(&self) -> PushManifest {
        let packed = |(_, index): &(String, PackIndex)| index.members().len() as u64;
        PushManifest {
            vault: "00112233445566778899aabbccddeeff".into(),
            from: Some(position(17)),
            to: position(170),
            counts: PushCounts {
                messages: self.messages.len() as u64,
                ledger: self.ledger.iter().map(|(range, _)| range.length).sum(),
                packs: self.indexes.len() as u64,
                packed: self.indexes.iter().map(packed).sum(),
                owed: self.owed.len() as u64,
            },
        }
    }

    fn write(&self, manifest: &PushManifest) -> Result<(Vec<u8>, WrittenPack), PushError> {
        let recipients = identities().recipients();
        let mut writer = PushWriter::new(Vec::new(), &recipients, 3, manifest, 1_785_600_000)?;
        if let Some(key) = &self.key {
            writer.tombstones(key)?;
        }
        for message in &self.messages {
            let (hash, length) = (Hash128::of(message), message.len() as u64);
            writer.message(hash, length, 1_000_000_000, &mut &message[..])?;
        }
        for (range, bytes) in &self.ledger {
            writer.ledger(range, &mut &bytes[..])?;
        }
        for (id, index) in &self.indexes {
            writer.index(id, index)?;
        }
        for owed in &self.owed {
            writer.owed(*owed)?;
        }
        writer.finish()
    }

    fn read(push: &[u8]) -> Result<(PushManifest, Self), PushError> {
        let mut reader = PushReader::open(push, &identities())?;
        let mut whole = Self::default();
        while let Some(part) = reader.next_part()? {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(PackError::from_io)?;
            match part {
                PushPart::Message {
                    hash,
                    length,
                    mtime,
                } => {
                    assert_eq!(hash, Hash128::of(&bytes));
                    assert_eq!((length, mtime), (bytes.len() as u64, 1_000_000_000));
                    whole.messages.push(bytes);
                }
                PushPart::Ledger(range) => whole.ledger.push((range, bytes)),
                PushPart::Index { id, index } => whole.indexes.push((id, index)),
                PushPart::Owed(owed) => whole.owed.extend(owed),
                PushPart::Tombstones(key) => whole.key = Some(**key),
            }
        }
        Ok((reader.manifest().clone(), whole))
    }
}

fn range(offset: u64, length: u64) -> LedgerRange {
    LedgerRange {
        file: "2026-10.jsonl".into(),
        offset,
        length,
    }
}

/// The index of a pack with this many members.
fn index(members: u32) -> (String, PackIndex) {
    let mut writer = PackWriter::new(Vec::new(), &identities().recipients(), 1).unwrap();
    for n in 0..members {
        let message = n.to_le_bytes();
        let name = message_name(Hash128::of(&message));
        writer.add(&name, 4, 0, &mut &message[..]).unwrap();
    }
    let (_, written) = writer.finish().unwrap();
    (written.digests.id(), written.index)
}

fn owed(n: u32) -> OwedMessage {
    let reasons = [
        OwedReason::Missing,
        OwedReason::Damaged,
        OwedReason::Unreadable,
        OwedReason::TooLarge,
    ];
    OwedMessage {
        hash: Hash128::of(&n.to_le_bytes()),
        reason: reasons[n as usize % reasons.len()],
    }
}

/// A push with something of each kind.
fn each() -> Whole {
    Whole {
        messages: vec![b"one".to_vec(), vec![]],
        ledger: vec![(range(17, 3), b"abc".to_vec()), (range(1 << 40, 0), vec![])],
        indexes: vec![index(0), index(3)],
        owed: (0..4).map(owed).collect(),
        key: Some([7; 32]),
    }
}

#[test]
fn what_a_push_carries_comes_back() {
    for whole in [Whole::default(), each()] {
        let manifest = whole.manifest();
        let (push, _) = whole.write(&manifest).unwrap();
        assert_eq!(Whole::read(&push).unwrap(), (manifest, whole));
    }
}

#[test]
fn many_that_are_owed_come_in_parts() {
    let whole = Whole {
        owed: (0..40_000).map(owed).collect(),
        ..Whole::default()
    };
    let (push, written) = whole.write(&whole.manifest()).unwrap();
    assert!(written.index.members().len() > 2);
    assert_eq!(Whole::read(&push).unwrap().1, whole);
}

#[test]
fn a_push_has_what_its_manifest_counts() {
    let whole = each();
    let mut manifest = whole.manifest();
    manifest.counts.packed += 1;
    assert!(matches!(whole.write(&manifest), Err(PushError::Counts)));
}

/// A push of these members, whatever they are.
fn forged(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = PackWriter::new(Vec::new(), &identities().recipients(), 3).unwrap();
    for (name, text) in members {
        writer
            .add(name, text.len() as u64, 1_000_000_000, &mut text.as_bytes())
            .unwrap();
    }
    writer.finish().unwrap().0
}

#[test]
fn a_push_that_is_none_is_refused() {
    let manifest = String::from_utf8(Whole::default().manifest().to_bytes()).unwrap();
    let good = (MANIFEST, manifest.as_str());
    assert!(Whole::read(&forged(&[good])).is_ok());
    let newer = manifest.replace("\"format\": 1", "\"format\": 2");
    let newer = Whole::read(&forged(&[(MANIFEST, &newer)]));
    assert!(matches!(newer, Err(PushError::NewerFormat { format: 2 })));
    let id = "ab".repeat(32);
    let long = "x".repeat(3 << 20);
    let bad = [
        vec![],
        vec![("owed/000001", "")],
        vec![(MANIFEST, "{}")],
        vec![(MANIFEST, &long)],
    ];
    for members in bad {
        let refused = Whole::read(&forged(&members));
        assert!(
            matches!(refused, Err(PushError::Member { .. })),
            "{refused:?}"
        );
    }
    for (name, text) in [
        ("owed/000001", "{\"hash\":\"x\",\"reason\":\"missing\"}\n"),
        ("owed/000001", ""),
        ("owed/000001", &long),
        (&format!("index/{id}"), "pack-index 2\n"),
    ] {
        let refused = Whole::read(&forged(&[good, (name, text)]));
        assert!(
            matches!(refused, Err(PushError::Member { .. })),
            "{name}: {refused:?}"
        );
    }
    for name in [
        "other",
        "ledger/2026-10.jsonl/1",
        "ledger/a/00000000000000000001",
        "x.eml",
        "index/1",
        "owed/1",
    ] {
        let refused = Whole::read(&forged(&[good, (name, "")]));
        assert!(
            matches!(refused, Err(PushError::Pack(PackError::Name { .. }))),
            "{name}: {refused:?}"
        );
    }
    let message = message_name(Hash128::of(b"x"));
    let refused = Whole::read(&forged(&[good, (&message, "x")]));
    assert!(matches!(refused, Err(PushError::Counts)), "{refused:?}");
}

#[test]
fn a_manifest_is_in_order_by_itself() {
    let good = Whole::default().manifest();
    let written = |manifest: &PushManifest| Whole::default().write(manifest);
    assert!(written(&good).is_ok());
    let (other_vault, other_file) = ("x".to_owned(), "catalog.sqlite".to_owned());
    for bad in [
        PushManifest {
            vault: other_vault,
            ..good.clone()
        },
        PushManifest {
            from: Some(position(171)),
            ..good.clone()
        },
        PushManifest {
            to: LedgerPosition {
                file: other_file,
                offset: 200,
            },
            ..good.clone()
        },
    ] {
        assert!(
            matches!(written(&bad), Err(PushError::Member { .. })),
            "{bad:?}"
        );
        assert!(PushManifest::parse(&bad.to_bytes()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_push_comes_back(
        messages in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..300), 0..10),
        ledger in prop::collection::btree_map(0..1_000_000_u64, prop::collection::vec(any::<u8>(), 0..3000), 0..5),
        packs in 0..3_u32, lost in 0..100_u32, key in any::<Option<[u8; 32]>>(),
    ) {
        let ledger = ledger.into_iter().map(|(offset, bytes)| (range(offset, bytes.len() as u64), bytes));
        let whole = Whole {
            messages: messages.into_iter().collect(),
            ledger: ledger.collect(),
            indexes: (0..packs).map(|pack| index(pack * 7)).collect(),
            owed: (0..lost).map(owed).collect(),
            key,
        };
        let (push, _) = whole.write(&whole.manifest()).unwrap();
        prop_assert_eq!(Whole::read(&push).unwrap(), (whole.manifest(), whole));
    }
}
