//! What an audit found: how each message on the server stands to the vault, added up by folder.

use crate::base::error::Endpoint;
use crate::vault::catalog::Amount;

/// How a message on the server stands to the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveStatus {
    /// It is in the vault.
    Archived,
    /// It resembles one that is in the vault.
    Recognised,
    /// What came of it does not agree with what is listed.
    Doubtful,
    /// The same came again: the listing is wrong, or the message is cut on the server.
    Settled,
    /// It is settled, and the user knows that only the listing is wrong.
    Accepted,
    /// The server has another message under this name than the vault.
    Differs,
    /// The server would not give it.
    Refused,
    /// The account's rules leave its folder out.
    Excluded,
    /// It was archived, and its file is gone from the vault.
    Lost,
    /// It was removed from the vault on purpose.
    Forgotten,
    /// Nothing is known of it.
    Unknown,
}

impl ArchiveStatus {
    /// All of them, in the order of a [`AuditTally`].
    pub const ALL: [Self; 11] = [
        Self::Archived,
        Self::Recognised,
        Self::Doubtful,
        Self::Settled,
        Self::Accepted,
        Self::Differs,
        Self::Refused,
        Self::Excluded,
        Self::Lost,
        Self::Forgotten,
        Self::Unknown,
    ];

    /// Its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Recognised => "recognised",
            Self::Doubtful => "doubtful",
            Self::Settled => "settled",
            Self::Accepted => "accepted",
            Self::Differs => "differs",
            Self::Refused => "refused",
            Self::Excluded => "excluded",
            Self::Lost => "lost",
            Self::Forgotten => "forgotten",
            Self::Unknown => "unknown",
        }
    }
}

/// So many messages of each standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditTally([Amount; ArchiveStatus::ALL.len()]);

impl AuditTally {
    /// Those of one standing.
    #[must_use]
    pub fn of(&self, status: ArchiveStatus) -> Amount {
        self.0[status as usize]
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Amount {
        let mut all = Amount::default();
        for amount in self.0 {
            all.messages += amount.messages;
            all.octets += amount.octets;
        }
        all
    }

    /// Adds those of another.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, amount) in self.0.iter_mut().zip(other.0) {
            own.messages += amount.messages;
            own.octets += amount.octets;
        }
    }

    pub(super) fn count(&mut self, status: ArchiveStatus, octets: Option<u64>) {
        let amount = &mut self.0[status as usize];
        amount.messages += 1;
        amount.octets += octets.unwrap_or(0);
    }
}

/// A folder of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderAudit {
    /// Its name as people read it; foreign text.
    pub name: String,
    /// True if the account's rules leave it out.
    pub excluded: bool,
    /// Its messages.
    pub tally: AuditTally,
    /// Messages that the server counts and does not show.
    pub hidden: u64,
    /// Why it could not be looked into, in the server's words.
    pub failed: Option<String>,
}

impl FolderAudit {
    pub(super) fn new(name: &str, excluded: bool) -> Self {
        Self {
            name: name.to_owned(),
            excluded,
            tally: AuditTally::default(),
            hidden: 0,
            failed: None,
        }
    }
}

/// What an audit knows of folders other than the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherFolders {
    /// All of them are in the report.
    Audited,
    /// Only the inbox was asked about.
    NotWanted,
    /// POP3 does not show them, and the account is not to be read over IMAP.
    NotShown,
    /// POP3 does not show them, and IMAP failed: why.
    Failed(String),
}

impl OtherFolders {
    /// Its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Audited => "audited",
            Self::NotWanted => "not_wanted",
            Self::NotShown => "not_shown",
            Self::Failed(_) => "failed",
        }
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The server.
    pub server: Endpoint,
    /// Every folder that may hold messages.
    pub folders: Vec<FolderAudit>,
    /// What is known of folders other than the inbox.
    pub others: OtherFolders,
    /// True if a pull fetches the inbox alone, unless all folders are asked for.
    pub pulls_inbox: bool,
    /// True if it shows only a part of its messages at a time.
    pub windowed: bool,
    /// True if headers were not compared.
    pub quick: bool,
    /// Messages whose header or bytes were compared with the recorded ones in this run.
    pub compared: u64,
    /// The first names of settled messages, as `accept_short` takes them.
    pub settled: Vec<String>,
    /// Messages that the server refused, and that `accept_refused` does not name.
    pub refused: Amount,
    /// The first names of these, as `accept_refused` takes them.
    pub refused_names: Vec<String>,
    /// Why what was found could not be written down, if it could not.
    pub unrecorded: Option<String>,
}

impl AuditReport {
    /// Adds the other folders to a report on the inbox; the first of them is the inbox again,
    /// with what it was not shown to have.
    pub(super) fn append(&mut self, others: Self) {
        let mut folders = others.folders.into_iter();
        for (own, again) in self.folders.iter_mut().zip(folders.by_ref()) {
            own.hidden = own.hidden.max(again.hidden);
        }
        self.folders.extend(folders);
        self.others = others.others;
    }

    /// The messages of all folders.
    #[must_use]
    pub fn tally(&self) -> AuditTally {
        let mut all = AuditTally::default();
        for folder in &self.folders {
            all.add(&folder.tally);
        }
        all
    }

    /// True if the whole account was looked at, with its headers, and all of it is archived.
    #[must_use]
    pub fn may_leave(&self) -> bool {
        self.others == OtherFolders::Audited && self.is_archived() && !self.quick
    }

    /// True if all that was asked about was looked at, and is archived.
    #[must_use]
    pub fn answers_yes(&self) -> bool {
        matches!(self.others, OtherFolders::Audited | OtherFolders::NotWanted) && self.is_archived()
    }

    /// True if nothing was found that is not archived, but for what the user leaves out.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        let tally = self.tally();
        let open = |folder: &FolderAudit| {
            !folder.excluded && (folder.hidden > 0 || folder.failed.is_some())
        };
        let wanting = [
            ArchiveStatus::Recognised,
            ArchiveStatus::Doubtful,
            ArchiveStatus::Settled,
            ArchiveStatus::Differs,
            ArchiveStatus::Lost,
            ArchiveStatus::Unknown,
        ];
        wanting.iter().all(|s| tally.of(*s).messages == 0)
            && self.refused.messages == 0
            && !self.windowed
            && !self.folders.iter().any(open)
    }
}
