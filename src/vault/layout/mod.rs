//! Where everything is in a vault: its paths, `vault.toml` and `README.txt`; the
//! names of folders and messages are in `names` (docs/FORMAT.md, Tree).

pub(crate) mod names;

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;

pub use crate::base::account_name::is_account_name as is_account;
pub(crate) use names::spelled_part;
pub use names::{FileName, base_of, folder_dir, folder_label, is_folder_dir, message_label};

/// The paths of one vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The vault at `root`, which may be a link: it is resolved here, and nothing below it.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self {
            root: fsx::resolve(root.as_ref()),
        }
    }

    /// The vault itself.
    #[must_use]
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `vault.toml`.
    #[must_use]
    pub(crate) fn manifest(&self) -> PathBuf {
        self.root.join("vault.toml")
    }

    /// `README.txt`.
    #[must_use]
    pub(crate) fn readme(&self) -> PathBuf {
        self.root.join("README.txt")
    }

    /// The directory of all accounts.
    #[must_use]
    pub fn mail_dir(&self) -> PathBuf {
        self.root.join("mail")
    }

    /// The Maildir of an account.
    #[must_use]
    pub(crate) fn mail(&self, account: &str) -> PathBuf {
        self.mail_dir().join(account)
    }

    /// The directory of a folder; `dir` is empty for the inbox.
    #[must_use]
    pub(crate) fn folder(&self, account: &str, dir: &str) -> PathBuf {
        let mail = self.mail(account);
        if dir.is_empty() { mail } else { mail.join(dir) }
    }

    /// Where the messages of a folder lie.
    #[must_use]
    pub(crate) fn cur(&self, account: &str, dir: &str) -> PathBuf {
        self.folder(account, dir).join("cur")
    }

    /// Where the messages of an account are written before they have a name.
    #[must_use]
    pub(crate) fn tmp(&self, account: &str) -> PathBuf {
        self.mail(account).join("tmp")
    }

    /// The directory of the ledger.
    #[must_use]
    pub(crate) fn ledger_dir(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// The ledger file of a month (`YYYY-MM`).
    #[must_use]
    pub(crate) fn ledger(&self, month: &str) -> PathBuf {
        self.root.join(ledger_file(month))
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.root.join("catalog.sqlite")
    }

    /// The index of words, which searches make.
    #[must_use]
    pub(crate) fn texts(&self) -> PathBuf {
        self.root.join("catalog-text.sqlite")
    }

    /// What the files of earlier imports held.
    #[must_use]
    pub(crate) fn imports(&self) -> PathBuf {
        self.root.join("catalog-imports.sqlite")
    }

    /// The key of what was forgotten.
    #[must_use]
    pub(crate) fn tombstone_key(&self) -> PathBuf {
        self.root.join("tombstones.key")
    }

    /// The target of the writer's lock.
    #[must_use]
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Where repair moves what is damaged.
    #[must_use]
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }
}

/// True for the name of a ledger file, relative to the vault.
#[must_use]
pub(crate) fn is_ledger_file(file: &str) -> bool {
    let name = file.strip_prefix("ledger/");
    let month = name.and_then(|name| name.strip_suffix(".jsonl"));
    month.is_some_and(is_month)
}

/// True for a month as files are named by it, such as `2026-11`.
#[must_use]
pub(crate) fn is_month(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    matches!(text.split_once('-'), Some((year, month)) if year.len() == 4
        && month.len() == 2 && digits(year) && digits(month) && ("01"..="12").contains(&month))
}

/// The ledger file of a month, relative to the vault.
#[must_use]
pub(crate) fn ledger_file(month: &str) -> String {
    format!("ledger/{month}.jsonl")
}

/// What `vault.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// 32 lower-case hex digits.
    pub(crate) id: String,
    /// When the vault was made, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) created: String,
    /// True if months of the ledger may be compressed.
    pub(crate) ledger_zst: bool,
    /// True if lines of the ledger may be masked.
    pub(crate) erased: bool,
    /// True if accounts may have become part of others.
    pub(crate) merged: bool,
}

/// The feature that a vault requires whose ledger may have compressed months.
const LEDGER_ZST: &str = "ledger-zst";
/// The feature that a vault requires whose ledger may have masked lines.
const ERASED: &str = "erased";
/// The feature that a vault requires in which accounts may have become part of others.
const MERGED: &str = "merged";

impl Manifest {
    /// For a new vault with this id, made at `now` (Unix seconds).
    #[must_use]
    pub(crate) fn new(id: [u8; 16], now: i64) -> Self {
        let created = chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
        Self {
            id: Hash128(id).to_string(),
            created: created.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            ledger_zst: false,
            erased: false,
            merged: false,
        }
    }

    /// The same, requiring a program that reads compressed months or not.
    #[must_use]
    pub(crate) fn with_ledger_zst(self, ledger_zst: bool) -> Self {
        Self { ledger_zst, ..self }
    }

    /// The same, requiring a program that reads masked lines or not.
    #[must_use]
    pub(crate) fn with_erased(self, erased: bool) -> Self {
        Self { erased, ..self }
    }

    /// The same, requiring a program that knows merged accounts or not.
    #[must_use]
    pub(crate) fn with_merged(self, merged: bool) -> Self {
        Self { merged, ..self }
    }

    /// The text of the file.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let features = [
            (LEDGER_ZST, self.ledger_zst),
            (MERGED, self.merged),
            (ERASED, self.erased),
        ];
        let features = features.into_iter().filter(|(_, required)| *required);
        let features: Vec<String> = features.map(|(name, _)| format!("\"{name}\"")).collect();
        let features = features.join(", ");
        format!(
            "format = 1\nid = \"{}\"\ncreated = \"{}\"\nhash = \"blake3-128\"\n\
             info_sep = \":\"\nencryption = \"none\"\nfeatures_required = [{features}]\n",
            self.id, self.created
        )
    }

    /// Reads the text of the file. A vault that this program must not touch is
    /// [`Error::Format`], a file that makes no sense [`Error::Damaged`].
    pub(crate) fn parse(layout: &Layout, text: &str) -> Result<Self> {
        let damaged = |detail: &str| Error::Damaged {
            path: layout.manifest(),
            detail: detail.to_owned(),
        };
        let refuse = |reason: String| Error::Format {
            path: layout.root().to_path_buf(),
            reason,
        };
        let whole = text.parse::<toml::Table>();
        // A later make is told by the lines that can be read, whatever became of the others.
        let table = whole.clone().unwrap_or_else(|_| lines_of(text));
        let format = table.get("format").and_then(toml::Value::as_integer);
        if let Some(other) = format.filter(|format| *format != 1) {
            return Err(refuse(format!("its format is {other}, not 1")));
        }
        let features = table.get("features_required");
        let listed = features.and_then(toml::Value::as_array);
        let features = listed.map_or(&[][..], Vec::as_slice);
        let is_known = |feature: &toml::Value| {
            let name = feature.as_str();
            name.is_some_and(|name| [LEDGER_ZST, MERGED, ERASED].contains(&name))
        };
        let requires = |name| { features.iter() }.any(|feature| feature.as_str() == Some(name));
        if let Some(feature) = features.iter().find(|feature| !is_known(feature)) {
            return Err(refuse(format!("it needs the feature {feature}")));
        }
        let value = |key: &str| table.get(key).and_then(toml::Value::as_str);
        let fixed = [
            ("encryption", "none"),
            ("hash", "blake3-128"),
            ("info_sep", ":"),
        ];
        for (key, known) in fixed {
            if let Some(given) = value(key).filter(|given| *given != known) {
                return Err(refuse(format!("its {key} is \"{given}\"")));
            }
        }
        if whole.is_err() {
            return Err(damaged("it is not TOML"));
        }
        if format.is_none() {
            return Err(damaged("it names no format"));
        }
        if listed.is_none() {
            return Err(damaged("it has no list of required features"));
        }
        if let Some((key, _)) = fixed.iter().find(|(key, _)| value(key).is_none()) {
            return Err(damaged(&format!("it names no {key}")));
        }
        Ok(Self {
            id: value("id")
                .filter(|id| Hash128::parse(id).is_some())
                .ok_or_else(|| damaged("it has no id of 32 hex digits"))?
                .to_owned(),
            created: value("created")
                .ok_or_else(|| damaged("it does not say when it was made"))?
                .to_owned(),
            ledger_zst: requires(LEDGER_ZST),
            erased: requires(ERASED),
            merged: requires(MERGED),
        })
    }
}

/// What can be read of a text, line by line.
fn lines_of(text: &str) -> toml::Table {
    let lines = text
        .lines()
        .filter_map(|line| line.parse::<toml::Table>().ok());
    lines.flatten().collect()
}

/// The text of `README.txt`.
pub(crate) const README: &str = "\
This directory is a mail archive, written by the program mailvault.

Every message is one file below mail/<account>/cur or
mail/<account>/.<folder>/cur. It contains exactly what the mail server sent,
compressed with zstd. You need neither mailvault nor any database to get
your mail back.

By hand
  Read a message:            zstd -dc FILE
  Check that it is intact:   zstd -tq FILE
  Check that it is the same: zstd -dc FILE | b3sum | cut -c1-32
                             prints the 32 digits in the middle of its name.
  The name also contains the size of the message (S=) and its size with CRLF
  line ends (W=), both uncompressed.

Which programs may open it
  mailvault    exports to plain Maildir, mbox or single files.
  Dovecot      with its zlib plugin (2.3) or mail_compress plugin (2.4).
  Do not point mutt, mu, notmuch or mbsync at it: none of them reads
  compressed files, and mbsync would damage them. Export first.

What else is here
  vault.toml           what kind of archive this is; do not edit it
  ledger/              a record of everything that happened, one line per event
                       and one file per month; zstd -dc FILE shows a .zst file
  catalog.sqlite       an index; you may delete it, and mailvault rebuilds it
  catalog-text.sqlite  an index of words, likewise; searches build it
  catalog-imports.sqlite  which files were imported, likewise
  quarantine/          damaged files that a repair set aside
  lock                 keeps two programs from writing at once

To back it up or move it, copy the whole directory while mailvault is not
running (rsync -aH keeps messages that are in several folders from being
copied twice). Then run: mailvault verify
";

/// What holds for any text as `vault.toml`: one that is taken is of a vault with an id.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str) {
    if let Ok(manifest) = Manifest::parse(&Layout::new("/v"), text) {
        assert!(Hash128::parse(&manifest.id).is_some());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_manifest_has_seven_lines_and_reads_back() {
        let manifest = Manifest::new([0x1f; 16], 1_795_370_400);
        assert_eq!(
            manifest.text(),
            "format = 1\nid = \"1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f\"\n\
             created = \"2026-11-22T18:00:00Z\"\nhash = \"blake3-128\"\ninfo_sep = \":\"\n\
             encryption = \"none\"\nfeatures_required = []\n"
        );
        let layout = Layout::new("/vault");
        assert_eq!(
            Manifest::parse(&layout, &manifest.text()).unwrap(),
            manifest
        );
    }

    #[test]
    fn features_are_known_and_required_one_by_one() {
        let layout = Layout::new("/vault");
        let plain = Manifest::new([1; 16], 0);
        let packed = plain.clone().with_ledger_zst(true);
        let text = packed.text();
        assert_eq!(
            text,
            plain.text().replace("[]", "[\"ledger-zst\"]"),
            "only the last line differs"
        );
        assert_eq!(Manifest::parse(&layout, &text).unwrap(), packed);
        let merged = plain.clone().with_merged(true);
        let both = packed.clone().with_merged(true);
        for (manifest, features) in [
            (&merged, "[\"merged\"]"),
            (&both, "[\"ledger-zst\", \"merged\"]"),
        ] {
            assert_eq!(manifest.text(), plain.text().replace("[]", features));
            assert_eq!(
                Manifest::parse(&layout, &manifest.text()).unwrap(),
                *manifest
            );
        }
        for (to, refused) in [
            ("[\"ledger-zst\", \"packs\"]", "\"packs\""),
            ("[\"packs\", \"ledger-zst\"]", "\"packs\""),
            ("[\"ledger-zstd\"]", "\"ledger-zstd\""),
            ("[1]", "1"),
        ] {
            let text = text.replace("[\"ledger-zst\"]", to);
            let error = Manifest::parse(&layout, &text).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{to}: {error}");
            assert!(error.to_string().contains(refused), "{to}: {error}");
        }
    }

    #[test]
    fn vaults_of_another_make_are_refused() {
        let layout = Layout::new("/vault");
        let text = Manifest::new([1; 16], 0).text();
        for (from, to) in [
            ("format = 1", "format = 2"),
            ("\"none\"", "\"age\""),
            ("blake3-128", "sha256"),
            ("\":\"", "\";\""),
            ("[]", "[\"packs\"]"),
        ] {
            let error = Manifest::parse(&layout, &text.replace(from, to)).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
        }
        for (at, line) in text.lines().enumerate() {
            let error = Manifest::parse(&layout, &text.replace(line, "")).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "line {at}: {error}");
        }
        for damaged in [
            "",
            "format = ",
            "\u{0}\u{0}",
            "format = 1",
            "format = \"1\"\nid = \"\"",
        ] {
            let error = Manifest::parse(&layout, damaged).unwrap_err();
            assert!(
                matches!(error, Error::Damaged { .. }),
                "{damaged:?}: {error}"
            );
        }
        // What is damaged as well may still say that it is of a later make.
        for later in [
            "format = 2",
            "format = 2\nid = \"1f",
            "features_required = [\"packs\"]",
            "format = 1\nid = \"\nfeatures_required = [\"packs\"]\n",
            "hash = \"sha256\"\n\u{0}",
        ] {
            let error = Manifest::parse(&layout, later).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{later:?}: {error}");
        }
    }

    #[test]
    fn paths_lie_where_the_format_says() {
        let layout = Layout::new("/v");
        assert_eq!(layout.cur("a", ""), Path::new("/v/mail/a/cur"));
        assert_eq!(layout.cur("a", ".X.Y"), Path::new("/v/mail/a/.X.Y/cur"));
        assert_eq!(layout.tmp("a"), Path::new("/v/mail/a/tmp"));
        assert_eq!(
            layout.ledger("2026-11"),
            Path::new("/v/ledger/2026-11.jsonl")
        );
    }
}
