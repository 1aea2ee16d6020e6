//! The months of a ledger, read by code of these tests: plain files, and compressed ones that
//! have none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The plain bytes of each month of a vault by its name, such as `2026-11`; none without a
/// ledger.
pub(crate) fn months(vault: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(listed) = fs::read_dir(vault.join("ledger")) else {
        return BTreeMap::new();
    };
    let mut months = BTreeMap::new();
    for entry in listed {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(month) = name.strip_suffix(".jsonl") {
            months.insert(month.to_owned(), fs::read(&path).unwrap());
        } else if let Some(month) = name.strip_suffix(".jsonl.zst") {
            let plain = path.with_extension("");
            if !plain.exists() {
                let packed = fs::read(&path).unwrap();
                months.insert(month.to_owned(), zstd::decode_all(&packed[..]).unwrap());
            }
        }
    }
    months
}

/// The whole ledger as text, oldest first.
pub(crate) fn text(vault: &Path) -> String {
    let months = months(vault).into_values().flatten().collect();
    String::from_utf8(months).unwrap()
}
