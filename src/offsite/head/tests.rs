#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const VAULT: &str = "00112233445566778899aabbccddeeff";

fn object(kind: &str, n: u8) -> HeadObject {
    HeadObject {
        name: format!("{kind}/{}", format!("{n:02x}").repeat(32)),
        size: 65_736,
        sha256: [n; 32],
        md5: [n; 16],
    }
}

fn head(seq: u64, previous: Option<&[u8]>) -> PushHead {
    PushHead {
        vault: VAULT.into(),
        seq,
        previous: previous.map(|bytes| Sha256::digest(bytes).into()),
        time: 1_785_600_000,
        objects: vec![
            object("packs", 0xab),
            object("push", u8::try_from(seq).unwrap()),
        ],
        replaces: vec![],
        begin: 1,
        whole: true,
    }
}

/// A head whose text is changed.
fn changed(from: &str, to: &str) -> Result<PushHead, HeadError> {
    let text = String::from_utf8(head(1, None).to_bytes()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    PushHead::parse(text.replace(from, to).as_bytes())
}

#[test]
fn a_head_has_one_text() {
    let mut head = head(1, None);
    head.objects.truncate(1);
    let text = String::from_utf8(head.to_bytes()).unwrap();
    let id = "ab".repeat(32);
    let expected = format!(
        r#"{{
  "format": 1,
  "vault": "{VAULT}",
  "seq": 1,
  "previous": null,
  "time": "2026-08-01T16:00:00Z",
  "objects": [
    {{
      "name": "packs/{id}",
      "size": 65736,
      "sha256": "{id}",
      "md5": "{}"
    }}
  ],
  "replaces": [],
  "begin": 1,
  "whole": true
}}
"#,
        &id[..32]
    );
    assert_eq!(text, expected);
    assert_eq!(PushHead::parse(text.as_bytes()).unwrap(), head);
}

#[test]
fn unknown_keys_are_ignored_and_later_formats_refused() {
    let known = head(1, None);
    assert_eq!(
        changed("\"seq\"", "\"new\": [{}],\n\"seq\"").unwrap(),
        known
    );
    assert_eq!(changed("\"md5\"", "\"crc\": 1,\n\"md5\"").unwrap(), known);
    let newer = changed("\"format\": 1", "\"format\": 2");
    assert_eq!(newer, Err(HeadError::NewerFormat { format: 2 }));
    let newer = PushHead::parse(br#"{"format": 7, "seq": "all else is new"}"#);
    assert_eq!(newer, Err(HeadError::NewerFormat { format: 7 }));
}

#[test]
fn what_is_no_head_is_refused() {
    let wrong = |key| Err(HeadError::Value { key });
    assert_eq!(changed("\"format\": 1", "\"format\": 0"), wrong("format"));
    assert_eq!(changed("\"seq\": 1", "\"seq\": 0"), wrong("seq"));
    assert_eq!(changed("\"seq\": 1", "\"seq\": 2"), wrong("previous"));
    assert_eq!(changed("\"seq\": 1", "\"seq\": 10000000000"), wrong("seq"));
    assert_eq!(changed(VAULT, &VAULT.to_uppercase()), wrong("vault"));
    assert_eq!(changed("16:00:00Z", "16:00:00+00:00"), wrong("time"));
    assert_eq!(changed("packs/ab", "packs/ag"), wrong("objects"));
    assert_eq!(changed("packs/", "other/"), wrong("objects"));
    let replaced = format!("[\"push/{}\"]", "01".repeat(32));
    assert_eq!(changed("[]", &replaced), wrong("replaces"));
    assert_eq!(changed("[]", "[\"heads/0000000001\"]"), wrong("replaces"));
    for (from, to) in [
        ("\"seq\": 1", "\"seq\": -1"),
        ("\"seq\": 1", "\"seq\": 1, \"seq\": 1"),
        ("65736", "1e9"),
        ("}\n  ],", "},\n  ],"),
    ] {
        assert_eq!(changed(from, to), Err(HeadError::NotAHead), "{from} {to}");
    }
    for text in ["", "{}", "[]", "null", "{\"format\": \"1\"}"] {
        assert_eq!(
            PushHead::parse(text.as_bytes()),
            Err(HeadError::NotAHead),
            "{text}"
        );
    }
    assert_eq!(
        PushHead::parse(&vec![b' '; 17 << 20]),
        Err(HeadError::TooLong)
    );
}

#[test]
fn a_chain_knows_what_lives() {
    let mut chain = HeadChain::default();
    assert_eq!(
        (chain.next_seq(), chain.last_sha256(), chain.vault()),
        (Some(1), None, None)
    );
    let first = head(1, None).to_bytes();
    chain.add(1, &first).unwrap();
    let mut second = head(2, Some(&first));
    second.replaces = vec![object("push", 1).name];
    chain.add(2, &second.to_bytes()).unwrap();
    let live: Vec<&HeadObject> = chain.live().collect();
    assert_eq!(live, [&object("packs", 0xab), &object("push", 2)]);
    assert_eq!((chain.next_seq(), chain.vault()), (Some(3), Some(VAULT)));
    assert_eq!(
        chain.last_sha256(),
        Some(Sha256::digest(second.to_bytes()).into())
    );
}

#[test]
fn a_head_that_does_not_continue_the_chain_is_refused_and_named() {
    let first = head(1, None).to_bytes();
    let mut chain = HeadChain::default();
    let mut refused = |seq, head: &PushHead| {
        let error = chain.add(seq, &head.to_bytes()).unwrap_err();
        if error == (HeadError::Missing { seq: 1 }) {
            chain.add(1, &first).unwrap();
        }
        error
    };
    assert_eq!(
        refused(3, &head(3, Some(&first))),
        HeadError::Missing { seq: 1 }
    );
    assert_eq!(
        refused(3, &head(3, Some(&first))),
        HeadError::Missing { seq: 2 }
    );
    let other = HeadError::OtherNumber { seq: 2, says: 3 };
    assert_eq!(refused(2, &head(3, Some(&first))), other);
    assert_eq!(
        refused(2, &head(2, Some(b"other"))),
        HeadError::Forked { seq: 2 }
    );
    assert_eq!(refused(1, &head(1, None)), HeadError::Forked { seq: 1 });
    let mut next = head(2, Some(&first));
    next.vault = VAULT.replace('0', "1");
    assert_eq!(refused(2, &next), HeadError::OtherVault { seq: 2 });
    let mut next = head(2, Some(&first));
    next.objects[0].size += 1;
    let name = next.objects[0].name.clone();
    assert_eq!(refused(2, &next), HeadError::Contradicts { seq: 2, name });
    let mut next = head(2, Some(&first));
    let name = object("push", 9).name;
    next.replaces = vec![name.clone()];
    assert_eq!(
        refused(2, &next),
        HeadError::ReplacesUnknown { seq: 2, name }
    );
    assert!(chain.add(2, &head(2, Some(&first)).to_bytes()).is_ok());
}

#[test]
fn a_head_continues_the_ledger_of_the_one_before_it_or_begins_its_own() {
    let first = head(1, None).to_bytes();
    let mut second = head(2, Some(&first));
    second.begin = 2;
    let second = second.to_bytes();
    let with = |begin| {
        let mut chain = HeadChain::default();
        chain.add(1, &first).unwrap();
        chain.add(2, &second).unwrap();
        let mut third = head(3, Some(&second));
        third.begin = begin;
        chain.add(3, &third.to_bytes()).map(|_| ())
    };
    assert_eq!(with(1), Err(HeadError::OtherBeginning { seq: 3 }));
    assert_eq!(with(2), Ok(()));
    assert_eq!(with(3), Ok(()));
    for begin in [0, 4] {
        assert!(with(begin).is_err(), "{begin}");
    }
}

#[test]
fn names_of_heads_have_ten_digits() {
    assert_eq!(head_name(17), "heads/0000000017");
    assert_eq!(head_seq("heads/0000000017"), Some(17));
    assert_eq!(head_seq(&head_name(SEQ_LIMIT)), Some(SEQ_LIMIT));
    for name in [
        "heads/17",
        "heads/0000000000",
        "heads/+000000001",
        "heads/10000000000",
        "0000000017",
        "heads/",
    ] {
        assert_eq!(head_seq(name), None, "{name}");
    }
}

proptest! {
    #[test]
    fn every_change_of_a_head_is_noticed_by_the_next(at: prop::sample::Index, byte: u8) {
        let first = head(1, None).to_bytes();
        let next = head(2, Some(&first)).to_bytes();
        let mut changed = first.clone();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        let mut chain = HeadChain::default();
        if chain.add(1, &changed).is_ok() {
            prop_assert!(chain.add(2, &next).is_err());
        }
        assert_any(&changed);
    }
}
