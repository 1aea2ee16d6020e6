//! The lines that record what was removed from the vault on purpose, and what of it must not be
//! stored again (docs/FORMAT.md, Erasing).
//!
//! A forget writes one append: `begin`, its tombstones, a `line` for each line of the ledger that
//! speaks of the messages, and `decided`, without which the others mean nothing. Once the files are
//! gone and the lines are masked, it writes `end`.

use super::line::{Fields, LineWriter};
use crate::mail::message::Hash128;

/// Hash of a whole line, without its LF.
pub(crate) type LineHash = [u8; 32];

/// A line that is about to be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaskedLine {
    /// Its number.
    pub(crate) line: u64,
    /// Its hash before.
    pub(crate) was: LineHash,
    /// Its hash after.
    pub(crate) now: LineHash,
}

/// What a tombstone stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TombstoneKind {
    /// Stored bytes.
    Content,
    /// Bytes that were received and are stored in another form.
    Arrival,
    /// A Message-ID and a likeness.
    Likeness,
    /// A name on a server.
    Name,
}

impl TombstoneKind {
    const ALL: [Self; 4] = [Self::Content, Self::Arrival, Self::Likeness, Self::Name];

    /// As the ledger writes it; also separates what is hashed.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Arrival => "arrival",
            Self::Likeness => "likeness",
            Self::Name => "name",
        }
    }
}

/// One line about a forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// It begins.
    Begin {
        /// Its number, from 1.
        forget: u32,
        /// Why, in the user's words.
        reason: String,
        /// How many messages go.
        messages: u64,
        /// What tells whether a key is that of the tombstones.
        key: Hash128,
    },
    /// Something that must not be stored again.
    Tombstone {
        /// The forget that it is of.
        forget: u32,
        /// What it stands for.
        kind: TombstoneKind,
        /// Keyed hash of it.
        tag: Hash128,
    },
    /// An earlier line is masked.
    Masked {
        /// The forget.
        forget: u32,
        /// The number of the line.
        line: u64,
        /// Hash of the line as it was.
        was: LineHash,
        /// Hash of the masked line.
        now: LineHash,
    },
    /// Another message has a name that had a tombstone: it must be fetched.
    Lifted {
        /// The forget.
        forget: u32,
        /// The tombstone.
        tag: Hash128,
    },
    /// What was written since it began is whole, and will be done.
    Decided {
        /// The forget.
        forget: u32,
    },
    /// What was written since it began is not whole, and means nothing.
    Void {
        /// The forget.
        forget: u32,
    },
    /// Files are removed, and lines are masked.
    End {
        /// The forget.
        forget: u32,
    },
    /// The tombstones no longer hold; nothing comes back by that.
    Remembered {
        /// The forget.
        forget: u32,
    },
}

impl Erasure {
    pub(super) fn write(&self, line: &mut LineWriter<'_>) {
        let mut head = |kind: &str, forget: u32| {
            line.text("kind", kind.as_bytes());
            line.number("forget", forget);
        };
        match self {
            Self::Begin {
                forget,
                reason,
                messages,
                key,
            } => {
                head("begin", *forget);
                line.text("reason", reason.as_bytes());
                line.number("messages", messages);
                line.hash("key", *key);
            }
            Self::Tombstone { forget, kind, tag } => {
                head(kind.as_str(), *forget);
                line.hash("tag", *tag);
            }
            Self::Masked {
                forget,
                line: masked,
                was,
                now,
            } => {
                head("line", *forget);
                line.number("line", masked);
                line.text("was", hex(was).as_bytes());
                line.text("now", hex(now).as_bytes());
            }
            Self::Lifted { forget, tag } => {
                head("lifted", *forget);
                line.hash("tag", *tag);
            }
            Self::Decided { forget } => head("decided", *forget),
            Self::Void { forget } => head("void", *forget),
            Self::End { forget } => head("end", *forget),
            Self::Remembered { forget } => head("remembered", *forget),
        }
    }

    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let kind = f.text("kind")?;
        let forget = f.number("forget")?;
        Some(match kind.as_str() {
            "begin" => Self::Begin {
                forget,
                reason: f.text("reason")?,
                messages: f.number("messages")?,
                key: f.hash("key")?,
            },
            "line" => Self::Masked {
                forget,
                line: f.number("line")?,
                was: unhex(&f.text("was")?)?,
                now: unhex(&f.text("now")?)?,
            },
            "lifted" => Self::Lifted {
                forget,
                tag: f.hash("tag")?,
            },
            "decided" => Self::Decided { forget },
            "void" => Self::Void { forget },
            "end" => Self::End { forget },
            "remembered" => Self::Remembered { forget },
            kind => Self::Tombstone {
                forget,
                kind: TombstoneKind::ALL
                    .into_iter()
                    .find(|k| k.as_str() == kind)?,
                tag: f.hash("tag")?,
            },
        })
    }
}

fn hex(hash: &LineHash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

fn unhex(text: &str) -> Option<LineHash> {
    let hash = blake3::Hash::from_hex(text).ok()?;
    (hash.to_hex().as_str() == text).then(|| *hash.as_bytes())
}
