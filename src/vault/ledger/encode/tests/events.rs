//! Events of every kind, drawn at random.

use proptest::prelude::*;

use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Uid, Voucher};
use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Proto, Seen, SessionRecord};

fn identity() -> impl Strategy<Value = Identity> {
    let pop3 = any::<Option<Vec<u8>>>().prop_map(|uidl| {
        (
            uidl.map_or(Uid::Absent, |uidl| Uid::Uidl(uidl.into())),
            None,
        )
    });
    let imap = any::<(u32, u32, String)>()
        .prop_map(|(uidvalidity, uid, dir)| (Uid::Imap { uidvalidity, uid }, Some(dir)));
    (any::<(String, String)>(), prop_oneof![pop3, imap]).prop_map(|((account, server), id)| {
        let (uid, dir) = id;
        Identity {
            account,
            server,
            uid,
            dir,
        }
    })
}

fn hash128() -> impl Strategy<Value = Hash128> {
    any::<[u8; 16]>().prop_map(Hash128)
}

fn any_seen() -> impl Strategy<Value = LedgerEvent> {
    let sizes = any::<(Option<u64>, Option<i64>, u32, u64, u64, u64)>();
    let texts = any::<(Option<Vec<u8>>, String, String)>();
    let all = (
        identity(),
        hash128(),
        hash128(),
        sizes,
        texts,
        any_evidence(),
        prop::option::of(any_object()),
    );
    all.prop_map(|(identity, hash, got, n, text, evidence, object)| {
        LedgerEvent::Seen(Box::new(Seen {
            identity,
            octets: n.0,
            hash,
            got,
            header: got,
            mid: text.0.map(Into::into),
            idate: n.1,
            flags: text.1,
            kw: text.2,
            received: n.2,
            size: n.3,
            wire: n.4,
            stored: n.5,
            evidence,
            object,
        }))
    })
}

fn any_object() -> impl Strategy<Value = ObjectId> {
    let by = prop::sample::select(&Voucher::ALL[..]);
    (by, 1..=u64::MAX).prop_map(|(by, id)| ObjectId { by, id })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        Just(Evidence::Unstated),
        Just(Evidence::Received),
        prop::sample::select(&Voucher::ALL[..]).prop_map(Evidence::Vouched),
        Just(Evidence::Recognised),
        any::<u32>().prop_map(Evidence::Doubtful),
        Just(Evidence::Settled),
    ]
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub(super) fn any_event() -> impl Strategy<Value = LedgerEvent> {
    prop_oneof![
        any_seen(),
        (identity(), any::<String>())
            .prop_map(|(identity, why)| LedgerEvent::Wanted { identity, why }),
        (identity(), any::<Vec<u8>>()).prop_map(|(identity, names)| LedgerEvent::Checked {
            identity,
            names: names.into(),
        }),
        (identity(), hash128())
            .prop_map(|(identity, header)| LedgerEvent::Asked { identity, header }),
        (hash128(), hash128()).prop_map(|(hash, by)| LedgerEvent::Superseded { hash, by }),
        any::<(String, String)>().prop_map(|(account, into)| LedgerEvent::Merged { account, into }),
        any::<(String, u64)>()
            .prop_map(|(destination, head)| LedgerEvent::Restored { destination, head }),
        any::<(String, String, Vec<u8>, Option<u8>, u32)>().prop_map(|f| LedgerEvent::Folder {
            account: f.0,
            dir: f.1,
            name: f.2.into(),
            delim: f.3,
            uidvalidity: f.4,
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| {
            LedgerEvent::Flags {
                identity,
                flags,
                kw,
            }
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| {
            LedgerEvent::Vanished {
                identity,
                flags,
                kw,
            }
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| {
            LedgerEvent::Reappeared {
                identity,
                flags,
                kw,
            }
        }),
        (identity(), any::<(Option<u64>, Vec<u8>, u32)>()).prop_map(|(identity, f)| {
            LedgerEvent::Refused {
                identity,
                octets: f.0,
                reply: f.1.into(),
                tries: f.2,
            }
        }),
        (identity(), hash128())
            .prop_map(|(identity, hash)| LedgerEvent::PurgeIntent { identity, hash }),
        (identity(), hash128()).prop_map(|(identity, hash)| LedgerEvent::Purged { identity, hash }),
        (identity(), hash128())
            .prop_map(|(identity, hash)| LedgerEvent::PurgeKept { identity, hash }),
        (any::<(String, Vec<u8>)>(), hash128()).prop_map(|(f, hash)| LedgerEvent::Adopted {
            account: f.0,
            file: f.1.into(),
            hash,
        }),
        (any::<String>(), hash128())
            .prop_map(|(reason, hash)| LedgerEvent::Forgotten { hash, reason }),
        any::<(String, u64)>().prop_map(|(scope, damage)| LedgerEvent::Verified { scope, damage }),
        any::<(String, String, String)>().prop_map(|(account, key, value)| LedgerEvent::Learned {
            account,
            key,
            value
        }),
        (any::<(String, String, Option<u32>)>(), hash128()).prop_map(|(f, hash)| {
            LedgerEvent::Uploaded {
                destination: f.0,
                folder: f.1,
                hash,
                uid: f.2,
            }
        }),
        (any::<(String, String, bool)>(), hash128()).prop_map(
            |((destination, folder, sent), hash)| {
                if sent {
                    LedgerEvent::UploadIntent {
                        destination,
                        folder,
                        hash,
                    }
                } else {
                    LedgerEvent::UploadFailed {
                        destination,
                        folder,
                        hash,
                    }
                }
            }
        ),
        any::<(String, String, String, u32)>().prop_map(|(name, query, reason, messages)| {
            LedgerEvent::Hold {
                name,
                query,
                reason,
                messages: messages.into(),
            }
        }),
        (any::<String>(), hash128()).prop_map(|(name, hash)| LedgerEvent::Held { name, hash }),
        any::<(String, Option<String>)>()
            .prop_map(|(name, reason)| LedgerEvent::Released { name, reason }),
        any::<(String, u64, u64, String)>().prop_map(|(file, first, last, copy)| {
            LedgerEvent::Chain {
                file,
                first,
                last,
                copy,
            }
        }),
        any::<(String, bool, bool, u64, u64, u8)>().prop_map(|f| LedgerEvent::Session(
            SessionRecord {
                account: f.0,
                proto: if f.1 { Proto::Pop3 } else { Proto::Imap },
                complete: f.2,
                listed: f.3,
                new: f.4,
                duplicates: f.3,
                refused: f.4,
                octets: f.3,
                result: f.5,
            }
        )),
        "[A-Z]{1,5}".prop_map(LedgerEvent::Unknown),
    ]
}
