//! Which values a line may have that lead to a place on the disk. A ledger may come from
//! somebody else: what no writer makes is damage, and so nothing is made of it.

use super::event::{Identity, LedgerEvent};
use crate::mail::message::Hash128;
use crate::vault::layout::{FileName, is_account, is_folder_dir, is_ledger_file};

/// True if account, directory, flags and paths of an event are such as a writer makes.
pub(super) fn is_ours(event: &LedgerEvent) -> bool {
    match event {
        LedgerEvent::Folder { account, dir, .. } => is_account(account) && is_folder_dir(dir),
        LedgerEvent::Seen(seen) => is_known(&seen.identity) && are_flags(&seen.flags),
        LedgerEvent::Flags {
            identity, flags, ..
        }
        | LedgerEvent::Vanished {
            identity, flags, ..
        }
        | LedgerEvent::Reappeared {
            identity, flags, ..
        } => is_known(identity) && are_flags(flags),
        LedgerEvent::Refused { identity, .. }
        | LedgerEvent::PurgeIntent { identity, .. }
        | LedgerEvent::Purged { identity, .. }
        | LedgerEvent::PurgeKept { identity, .. }
        | LedgerEvent::Wanted { identity, .. }
        | LedgerEvent::Checked { identity, .. }
        | LedgerEvent::Asked { identity, .. } => is_known(identity),
        LedgerEvent::Adopted {
            account,
            file,
            hash,
        } => is_account(account) && is_adopted(account, file, *hash),
        LedgerEvent::Learned { account, .. } => is_account(account),
        LedgerEvent::Session(session) => is_account(&session.account),
        LedgerEvent::Merged { account, into } => is_account(account) && is_account(into),
        LedgerEvent::Chain { file, copy, .. } => is_ledger_file(file) && is_copy(copy),
        LedgerEvent::Lost { .. }
        | LedgerEvent::Superseded { .. }
        | LedgerEvent::Forgotten { .. }
        | LedgerEvent::Erased(_)
        | LedgerEvent::Verified { .. }
        | LedgerEvent::UploadIntent { .. }
        | LedgerEvent::UploadFailed { .. }
        | LedgerEvent::Uploaded { .. }
        | LedgerEvent::Hold { .. }
        | LedgerEvent::Held { .. }
        | LedgerEvent::Released { .. }
        | LedgerEvent::Restored { .. }
        | LedgerEvent::Unknown(_) => true,
    }
}

fn is_known(identity: &Identity) -> bool {
    is_account(&identity.account) && identity.dir.as_deref().is_none_or(is_folder_dir)
}

/// Letters after the base of a file's name.
fn are_flags(flags: &str) -> bool {
    flags.len() <= 26 && flags.bytes().all(|b| b.is_ascii_uppercase())
}

/// `mail/<account>/[<dir>/]cur/<base>`, of the account and the content that the line names.
fn is_adopted(account: &str, file: &[u8], hash: Hash128) -> bool {
    let Some(path) = std::str::from_utf8(file).ok() else {
        return false;
    };
    let parts: Vec<&str> = path.split('/').collect();
    let (dir, sub, base) = match parts[..] {
        ["mail", of, sub, base] if of == account => ("", sub, base),
        ["mail", of, dir, sub, base] if of == account && !dir.is_empty() => (dir, sub, base),
        _ => return false,
    };
    is_folder_dir(dir)
        && ["cur", "new"].contains(&sub)
        && FileName::parse(base).is_some_and(|(name, _)| name.hash == hash && name.base() == base)
}

/// `quarantine/` and a plain name.
fn is_copy(copy: &str) -> bool {
    copy.strip_prefix("quarantine/").is_some_and(|name| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::source::Uid;

    const FILE: &str = "7.00112233445566778899aabbccddeeff.mv,S=3,W=3";

    fn adopted(account: &str, file: &str) -> bool {
        is_ours(&LedgerEvent::Adopted {
            account: account.to_owned(),
            file: file.as_bytes().into(),
            hash: Hash128::parse("00112233445566778899aabbccddeeff").unwrap_or(Hash128([0; 16])),
        })
    }

    #[test]
    fn places_are_such_as_a_writer_makes() {
        let purged = |account: &str, dir: Option<&str>| {
            is_ours(&LedgerEvent::Purged {
                identity: Identity {
                    account: account.to_owned(),
                    server: "u@h:995".to_owned(),
                    uid: Uid::Absent,
                    dir: dir.map(str::to_owned),
                },
                hash: Hash128([0; 16]),
            })
        };
        assert!(purged("work", None));
        assert!(purged("work", Some("")));
        assert!(purged("work", Some(".Sent Mail")));
        for (account, dir) in [
            ("../x", None),
            ("a/b", None),
            ("", None),
            ("\u{1b}[31m", None),
            ("work", Some("..")),
            ("work", Some("../x")),
            ("work", Some("/x")),
            ("work", Some(".a/b")),
            ("work", Some("Sent")),
            ("work", Some(".a\u{1b}")),
        ] {
            assert!(!purged(account, dir), "{account} {dir:?}");
        }
    }

    #[test]
    fn adopted_files_lie_in_a_folder_of_their_account() {
        assert!(adopted("work", &format!("mail/work/cur/{FILE}")));
        assert!(adopted("work", &format!("mail/work/.a.b/new/{FILE}")));
        for file in [
            format!("mail/home/cur/{FILE}"),
            format!("mail/work/../cur/{FILE}"),
            format!("mail/work//cur/{FILE}"),
            format!("mail/work/tmp/{FILE}"),
            format!("/mail/work/cur/{FILE}"),
            format!("mail/work/cur/{FILE}:2,S"),
            format!("mail/work/cur/{}", FILE.replace("0011", "1111")),
            "mail/work/cur/x".to_owned(),
        ] {
            assert!(!adopted("work", &file), "{file}");
        }
    }

    #[test]
    fn accepted_gaps_name_a_month_and_its_copy() {
        let chain = |file: &str, copy: &str| {
            is_ours(&LedgerEvent::Chain {
                file: file.to_owned(),
                first: 0,
                last: 1,
                copy: copy.to_owned(),
            })
        };
        let copy = format!("quarantine/2026-11.jsonl.{}", Hash128([7; 16]));
        assert!(chain("ledger/2026-11.jsonl", &copy));
        assert!(!chain("ledger/../2026-11.jsonl", &copy));
        assert!(!chain("ledger/2026-13.jsonl", &copy));
        for bad in [
            "quarantine/../x",
            "quarantine/..",
            "quarantine/",
            "quarantine/\u{1b}",
            "x",
        ] {
            assert!(!chain("ledger/2026-11.jsonl", bad), "{bad:?}");
        }
        assert!(!chain(
            "ledger/2026-11.jsonl",
            &copy.replace("quarantine", "/tmp")
        ));
    }
}
