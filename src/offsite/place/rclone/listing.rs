//! What `rclone lsjson` prints: one entry, or a list with an entry in each line.

use serde::Deserialize;

use super::ObjectStat;

/// An entry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RcloneEntry {
    #[serde(default)]
    pub(super) path: String,
    size: i64,
    is_dir: bool,
    hashes: Option<RcloneHashes>,
}

#[derive(Debug, Deserialize)]
struct RcloneHashes {
    md5: Option<String>,
}

impl RcloneEntry {
    /// What the place says of a file; none for a folder, or where it knows no length.
    pub(super) fn stat(&self) -> Option<ObjectStat> {
        let size = u64::try_from(self.size).ok().filter(|_| !self.is_dir)?;
        let md5 = self.hashes.as_ref().and_then(|hashes| hashes.md5.as_ref());
        let md5 = md5.filter(|md5| md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit()));
        let md5 = md5.and_then(|md5| u128::from_str_radix(md5, 16).ok());
        Some(ObjectStat {
            size,
            md5: md5.map(u128::to_be_bytes),
        })
    }
}

/// The one entry that `--stat` prints.
pub(super) fn entry(text: &str) -> Option<RcloneEntry> {
    serde_json::from_str(text).ok()
}

/// The entry in a line of a list. The outer is none for a line that has none by its form.
#[allow(
    clippy::option_option,
    reason = "a line without an entry is no bad entry"
)]
pub(super) fn row(line: &str) -> Option<Option<RcloneEntry>> {
    let line = line.trim().trim_end_matches(',');
    if matches!(line, "" | "[" | "]") {
        return None;
    }
    Some(entry(line))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_has_an_entry_in_a_line() {
        let text = "{\"Path\":\"a/b\",\"Name\":\"b\",\"Size\":6,\"ModTime\":\"\",\"IsDir\":false,\
                    \"Hashes\":{\"md5\":\"ba7790b1708b71cb2b61b1a30d824712\",\"sha1\":\"x\"}},";
        let found = row(text).unwrap().unwrap();
        assert_eq!(
            (found.path.as_str(), found.stat().unwrap().size),
            ("a/b", 6)
        );
        assert_eq!(found.stat().unwrap().md5.unwrap()[0], 0xba);
        assert!(["[", "]", ""].iter().all(|line| row(line).is_none()));
        assert!(row("{nonsense").unwrap().is_none());
        let folder = "{\"Path\":\"a\",\"Size\":-1,\"IsDir\":true}";
        assert_eq!(row(folder).unwrap().unwrap().stat(), None);
    }
}
