//! Which values a line may have that lead to a place on the disk. A ledger may come from
//! somebody else: what no writer makes is damage, and so nothing is made of it.

use super::event::{Event, Identity};
use crate::mail::message::Hash128;
use crate::vault::layout::{FileName, is_account, is_folder_dir, is_ledger_file};

/// True if account, directory, flags and paths of an event are such as a writer makes.
pub(super) fn is_ours(event: &Event) -> bool {
    match event {
        Event::Folder { account, dir, .. } => is_account(account) && is_folder_dir(dir),
        Event::Seen(seen) => is_known(&seen.identity) && are_flags(&seen.flags),
        Event::Flags {
            identity, flags, ..
        }
        | Event::Vanished {
            identity, flags, ..
        }
        | Event::Reappeared {
            identity, flags, ..
        } => is_known(identity) && are_flags(flags),
        Event::Refused { identity, .. }
        | Event::PurgeIntent { identity, .. }
        | Event::Purged { identity, .. }
        | Event::PurgeKept { identity, .. }
        | Event::Wanted { identity, .. }
        | Event::Checked { identity, .. }
        | Event::Asked { identity, .. } => is_known(identity),
        Event::Adopted {
            account,
            file,
            hash,
        } => is_account(account) && is_adopted(account, file, *hash),
        Event::Learned { account, .. } => is_account(account),
        Event::Session(session) => is_account(&session.account),
        Event::Chain { file, copy, .. } => is_ledger_file(file) && is_copy(copy),
        Event::Lost { .. }
        | Event::Superseded { .. }
        | Event::Forgotten { .. }
        | Event::Verified { .. }
        | Event::UploadIntent { .. }
        | Event::UploadFailed { .. }
        | Event::Uploaded { .. }
        | Event::Unknown(_) => true,
    }
}

fn is_known(identity: &Identity) -> bool {
    is_account(&identity.account) && identity.dir.as_deref().is_none_or(is_folder_dir)
}

/// Letters behind the base of a file's name.
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
        is_ours(&Event::Adopted {
            account: account.to_owned(),
            file: file.as_bytes().into(),
            hash: Hash128::parse("00112233445566778899aabbccddeeff").unwrap_or(Hash128([0; 16])),
        })
    }

    #[test]
    fn places_are_such_as_a_writer_makes() {
        let purged = |account: &str, dir: Option<&str>| {
            is_ours(&Event::Purged {
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
            is_ours(&Event::Chain {
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
