//! Whether every recorded message has its file and every file its record. Nearly always they do:
//! that is found out without an order of their own. Where they do not, what is wrong is looked
//! for in another way.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::catalog::Catalog;
use crate::vault::layout::{FileName, Layout};
use crate::vault::maildir;
use crate::vault::spread::Spread;

/// A file: the hash in its name, its folder, the rest of its name, and its length.
const RECORD: usize = 16 + 8 + 4 + 8 + 8 + LENGTH;
const LENGTH: usize = 8;

/// How many messages each account has, if there is a file of each in its folder, of the length
/// that the ledger says, and no other file.
pub(super) fn whole(
    layout: &Layout,
    replayed: &Catalog,
    wants: impl Fn(&str) -> bool,
) -> Result<Option<BTreeMap<String, u64>>> {
    let mut found = Spread::new();
    for account in maildir::accounts(layout)? {
        if !wants(&account) {
            continue;
        }
        for dir in maildir::folders(layout, &account)? {
            let folder = replayed.folder_id(&account, &dir)?;
            for sub in ["cur", "new"] {
                let path = layout.folder(&account, &dir).join(sub);
                if !add_files(&path, folder, &mut found)? {
                    return Ok(None);
                }
            }
        }
    }
    let mut expected = Spread::new();
    let mut messages = BTreeMap::new();
    replayed.for_each_placed(|account, folder, blob| {
        if wants(account) {
            match messages.get_mut(account) {
                Some(count) => *count += 1,
                None => drop(messages.insert(account.to_owned(), 1)),
            }
            expected.put(&record(folder, &blob.name, blob.stored))?;
        }
        Ok(())
    })?;
    for (found, expected) in found.sorted().zip(expected.sorted()) {
        if !are_equal(&found?, &expected?) {
            return Ok(None);
        }
    }
    Ok(Some(messages))
}

/// Adds the files of a directory; false if one of them cannot be that of a recorded message.
fn add_files(path: &Path, folder: Option<i64>, found: &mut Spread<RECORD>) -> Result<bool> {
    if !fsx::is_dir(path)? {
        return Ok(true);
    }
    let mut fits = true;
    fsx::for_each_length(path, &mut |name, length| {
        let name = name.to_str().and_then(FileName::parse);
        match (folder, name, length) {
            (Some(folder), Some((name, _)), Some(length)) => {
                found.put(&record(folder, &name, length))?;
            }
            _ => fits = false,
        }
        Ok(fits)
    })?;
    Ok(fits)
}

fn record(folder: i64, name: &FileName, length: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let mut rest = &mut record[..];
    for field in [
        &name.hash.0[..],
        &folder.to_be_bytes(),
        &name.received.to_be_bytes(),
        &name.size.to_be_bytes(),
        &name.wire.to_be_bytes(),
        &length.to_be_bytes(),
    ] {
        let (place, after) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    }
    record
}

/// Whether the same files are found and expected, where a length of 0 is not known.
fn are_equal(found: &[[u8; RECORD]], expected: &[[u8; RECORD]]) -> bool {
    let fits = |(found, expected): (&[u8; RECORD], &[u8; RECORD])| {
        let (found, length) = found.split_at(RECORD - LENGTH);
        let (expected, stored) = expected.split_at(RECORD - LENGTH);
        found == expected && (stored == [0; LENGTH] || length == stored)
    };
    found.len() == expected.len() && found.iter().zip(expected).all(fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::mail::message::Hash128;
    use crate::mail::source::Uid;
    use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};

    /// A vault with a message in the inbox of two accounts, one in a folder, and one whose length
    /// on disk no line says.
    struct Files {
        dir: TempDir,
        layout: Layout,
        replayed: Catalog,
    }

    fn name(n: u8) -> FileName {
        FileName {
            received: 1_700_000_000,
            hash: Hash128::of(&[n]),
            size: 10,
            wire: 11,
        }
    }

    fn seen(account: &str, dir: &str, n: u8) -> LedgerEvent {
        let FileName {
            received,
            hash,
            size,
            wire,
        } = name(n);
        LedgerEvent::Seen(Box::new(Seen {
            identity: Identity {
                account: account.to_owned(),
                server: "u@h:1".to_owned(),
                uid: Uid::Imap {
                    uidvalidity: 1,
                    uid: u32::from(n),
                },
                dir: Some(dir.to_owned()),
            },
            octets: None,
            hash,
            got: hash,
            header: hash,
            mid: None,
            idate: None,
            flags: String::new(),
            kw: String::new(),
            received,
            size,
            wire,
            stored: 5,
            evidence: Evidence::Received,
            object: None,
        }))
    }

    impl Files {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let layout = Layout::new(dir.path());
            let mut files = Self {
                replayed: Catalog::temporary().unwrap(),
                layout,
                dir,
            };
            let adopted = LedgerEvent::Adopted {
                account: "home".to_owned(),
                file: format!("mail/home/cur/{}", name(4).base())
                    .into_bytes()
                    .into(),
                hash: name(4).hash,
            };
            files.replayed.begin().unwrap();
            for event in [
                seen("work", "", 1),
                seen("work", ".x", 2),
                seen("home", "", 3),
                adopted,
            ] {
                files
                    .replayed
                    .apply_event(&event, 1_700_000_000_000, 1)
                    .unwrap();
            }
            files.replayed.commit(None).unwrap();
            files.put("work/cur", name(1), "", 5);
            files.put("work/.x/cur", name(2), "", 5);
            files.put("home/cur", name(3), "S", 5);
            files.put("home/cur", name(4), "", 7);
            files
        }

        fn path(&self, folder: &str, name: FileName, flags: &str) -> std::path::PathBuf {
            let folder = self.dir.path().join("mail").join(folder);
            folder.join(name.with_flags(flags))
        }

        fn put(&self, folder: &str, name: FileName, flags: &str, length: usize) {
            let path = self.path(folder, name, flags);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; length]).unwrap();
        }

        fn remove(&self, folder: &str, name: FileName, flags: &str) {
            fs::remove_file(self.path(folder, name, flags)).unwrap();
        }

        /// How many messages the wanted accounts have, if nothing is wrong with them.
        fn whole(&self, wants: impl Fn(&str) -> bool) -> Option<Vec<(String, u64)>> {
            let whole = whole(&self.layout, &self.replayed, wants).unwrap();
            whole.map(|accounts| accounts.into_iter().collect())
        }

        #[track_caller]
        fn is_not_whole(&self) {
            assert_eq!(self.whole(|_| true), None);
        }
    }

    #[test]
    fn a_vault_in_which_every_message_has_its_file_is_whole() {
        let files = Files::new();
        let all = [("home".to_owned(), 2), ("work".to_owned(), 2)];
        assert_eq!(files.whole(|_| true).unwrap(), all);
        // A reader of mail may change flags, and move what is new.
        files.remove("work/cur", name(1), "");
        files.put("work/new", name(1), "RS", 5);
        assert_eq!(files.whole(|_| true).unwrap(), all);
    }

    #[test]
    fn a_vault_with_a_missing_doubled_or_unknown_file_is_not_whole() {
        let files = Files::new();
        files.remove("home/cur", name(3), "S");
        files.is_not_whole();
        // What is wrong in other accounts is not asked for.
        assert_eq!(files.whole(|account| account == "work").unwrap().len(), 1);
        let files = Files::new();
        files.put("home/cur", name(3), "R", 5);
        files.is_not_whole();
        let files = Files::new();
        files.put("home/cur", name(9), "", 5);
        files.is_not_whole();
        let files = Files::new();
        fs::write(files.dir.path().join("mail/home/cur/notes.txt"), "").unwrap();
        files.is_not_whole();
    }

    #[test]
    fn a_file_of_another_length_name_or_folder_is_not_the_recorded_one() {
        let files = Files::new();
        files.put("work/cur", name(1), "", 6);
        files.is_not_whole();
        for other in [
            FileName {
                received: 1_700_000_001,
                ..name(1)
            },
            FileName {
                size: 11,
                ..name(1)
            },
            FileName {
                wire: 10,
                ..name(1)
            },
        ] {
            let files = Files::new();
            files.remove("work/cur", name(1), "");
            files.put("work/cur", other, "", 5);
            files.is_not_whole();
        }
        for folder in ["work/.x/cur", "home/cur", "third/cur", "work/.y/cur"] {
            let files = Files::new();
            files.remove("work/cur", name(1), "");
            files.put(folder, name(1), "", 5);
            files.is_not_whole();
        }
        let files = Files::new();
        files.remove("work/cur", name(1), "");
        fs::create_dir(files.path("work/cur", name(1), "")).unwrap();
        files.is_not_whole();
    }
}
