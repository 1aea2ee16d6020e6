//! The server's inventory against the vault: is there anything that only the server has?
//!
//! Nothing is changed, here or there. A message counts as archived if the catalog has a
//! content for its name on the server, and that content has its file.

mod manifest;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::folders::{Folders, chosen, prefix};
use super::memory;
use crate::config::{Account, Protocol};
use crate::connect::{Connector, endpoint, server_name};
use crate::dedupe::{Met, Walk};
use crate::error::{Endpoint, Error, Result};
use crate::event::Event;
use crate::imap::{Access, Mailbox};
use crate::message::Hash128;
use crate::run::{Events, Job};
use crate::source::{Listing, Listings, Source, headers_of};
use crate::vault::Vault;
use crate::vault::catalog::{Amount, Origin, Sighting, State};
use manifest::Manifest;

/// How the names of a server begin that shows a part of its messages at a time.
const WINDOWED: &[u8] = b"GmailId";

/// How to audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// Where the list of all messages goes, if one is wanted.
    pub manifest: Option<PathBuf>,
    /// Set from outside to end early.
    pub stop: Arc<AtomicBool>,
}

/// How a message on the server stands to the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is in the vault.
    Archived,
    /// The server would not give it.
    Refused,
    /// The account's rules leave its folder out.
    Excluded,
    /// It was archived, and its file is gone from the vault.
    Lost,
    /// Nothing is known of it.
    Unknown,
}

impl Standing {
    /// All of them, in the order of a [`Tally`].
    pub const ALL: [Self; 5] = [
        Self::Archived,
        Self::Refused,
        Self::Excluded,
        Self::Lost,
        Self::Unknown,
    ];

    /// Its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Refused => "refused",
            Self::Excluded => "excluded",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}

/// So many messages of each standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally([Amount; 5]);

impl Tally {
    /// Those of one standing.
    #[must_use]
    pub fn of(&self, standing: Standing) -> Amount {
        self.0[standing as usize]
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
    pub fn add(&mut self, other: &Self) {
        for (own, amount) in self.0.iter_mut().zip(other.0) {
            own.messages += amount.messages;
            own.octets += amount.octets;
        }
    }

    fn count(&mut self, standing: Standing, octets: Option<u64>) {
        let amount = &mut self.0[standing as usize];
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
    pub tally: Tally,
    /// Messages that the server counts and does not show.
    pub hidden: u64,
    /// Why it could not be looked into, in the server's words.
    pub failed: Option<String>,
}

impl FolderAudit {
    fn new(name: &str, excluded: bool) -> Self {
        Self {
            name: name.to_owned(),
            excluded,
            tally: Tally::default(),
            hidden: 0,
            failed: None,
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
    /// True if the server shows only the inbox (POP3).
    pub inbox_only: bool,
    /// True if it shows only a part of its messages at a time.
    pub windowed: bool,
}

impl AuditReport {
    /// The messages of all folders.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut all = Tally::default();
        for folder in &self.folders {
            all.add(&folder.tally);
        }
        all
    }

    /// True if nothing is left of which nothing is known.
    #[must_use]
    pub fn may_leave(&self) -> bool {
        let tally = self.tally();
        let open = |folder: &FolderAudit| {
            !folder.excluded && (folder.hidden > 0 || folder.failed.is_some())
        };
        tally.of(Standing::Unknown).messages == 0
            && tally.of(Standing::Lost).messages == 0
            && !self.windowed
            && !self.folders.iter().any(open)
    }
}

/// Compares what the server of an account lists with the vault.
pub fn audit(
    path: &Path,
    job: Job,
    options: &AuditOptions,
    events: Events<'_>,
) -> Result<AuditReport> {
    let vault = Vault::open(path)?;
    let Job { account, secret } = job;
    let secret = secret?;
    let manifest = options.manifest.as_deref().map(Manifest::create);
    let mut audit = Audit {
        server: server_name(&account),
        present: vault.present()?,
        vault: &vault,
        account: &account,
        manifest: manifest.transpose()?,
    };
    events(Event::Connecting {
        account: &account.name,
        server: &endpoint(&account),
    });
    let known = memory::recall(vault.catalog(), &account)?;
    let mut connector = Connector::new(&account, secret, known, Arc::clone(&options.stop));
    let report = if account.protocol == Protocol::Imap {
        audit.mailboxes(&connector)?
    } else {
        audit.maildrop(connector.open(false)?)?
    };
    if let Some(manifest) = audit.manifest {
        manifest.finish()?;
    }
    Ok(report)
}

struct Audit<'a> {
    vault: &'a Vault,
    account: &'a Account,
    server: String,
    /// Messages that have a file.
    present: HashSet<Hash128>,
    manifest: Option<Manifest>,
}

/// What is known of the rows of a listing.
struct Judged {
    /// By row.
    verdicts: Vec<(Standing, Option<Hash128>)>,
    /// Rows whose header tells more than their name, and the header and content that they
    /// have if they are what was recorded.
    doubtful: Vec<(u32, Option<(Hash128, Hash128)>)>,
    windowed: bool,
}

impl Audit<'_> {
    fn maildrop(&mut self, mut source: Box<dyn Source>) -> Result<AuditReport> {
        let listings = source.list()?;
        let mut judged = self.judge(&listings, "", 0)?;
        self.by_header(&mut *source, &listings, &mut judged)?;
        if let Err(error) = source.finish() {
            tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        }
        let mut folder = FolderAudit::new("INBOX", false);
        folder.hidden = listings.unlisted();
        self.enter(&mut folder, &listings, &judged)?;
        Ok(AuditReport {
            server: endpoint(self.account),
            folders: vec![folder],
            inbox_only: true,
            windowed: judged.windowed,
        })
    }

    fn mailboxes(&mut self, connector: &Connector) -> Result<AuditReport> {
        let mut session = connector.open_imap()?;
        let prefix = prefix(self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        mailboxes.retain(|mailbox| mailbox.selectable);
        mailboxes.sort_by_cached_key(|mailbox| (mailbox.raw != b"INBOX", label(mailbox)));
        session.ask_counts(&mut mailboxes)?;
        let mut folders = Folders::new(self.vault.catalog(), &self.account.name)?;
        let mut report = AuditReport {
            server: endpoint(self.account),
            folders: Vec::new(),
            inbox_only: false,
            windowed: false,
        };
        for mailbox in &mailboxes {
            let dir = folders.dir_of(mailbox);
            let mut folder =
                FolderAudit::new(&label(mailbox), !chosen(self.account, mailbox, &prefix));
            let mut open = match session.open(mailbox, Access::Read) {
                Ok(open) => open,
                Err(error @ Error::Refused { .. }) => {
                    folder.failed = Some(error.reply().unwrap_or_default().to_owned());
                    let told = mailbox.counts.and_then(|counts| counts.messages);
                    folder.hidden = told.unwrap_or(0).into();
                    report.folders.push(folder);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let counts = open.counts();
            let uidvalidity = counts.uidvalidity.unwrap_or(0);
            let mut listings = Listings::of_mailbox(uidvalidity);
            let rows = open.rows(1, &mut |row| {
                listings.push_uid(row.uid, row.octets);
                Ok(())
            })?;
            folder.hidden = u64::from(counts.messages.unwrap_or(0)).saturating_sub(rows as u64);
            let judged = self.judge(&listings, &dir, uidvalidity)?;
            self.enter(&mut folder, &listings, &judged)?;
            report.folders.push(folder);
        }
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(report)
    }

    /// Holds a listing against what is recorded of the same place.
    fn judge(&self, listings: &Listings, dir: &str, uidvalidity: u32) -> Result<Judged> {
        let by_size = uidvalidity == 0 && self.account.protocol != Protocol::Imap;
        let mut judged = Judged {
            verdicts: vec![(Standing::Unknown, None); listings.len()],
            doubtful: Vec::new(),
            windowed: false,
        };
        let mut walk = Walk::new(listings);
        let mut take = |met: Met<'_, Sighting<'_>>| {
            let Met::Listed {
                name,
                rows,
                known,
                identifies,
            } = met
            else {
                return;
            };
            judged.windowed |= by_size && name.starts_with(WINDOWED);
            let first = rows[0] as usize;
            match known.filter(|_| identifies) {
                None if !identifies => judged.doubtful.extend(rows.iter().map(|row| (*row, None))),
                None => {}
                Some(known) if by_size && listings.octets_of(first) != known.octets => {
                    if known.state == State::Refused {
                        judged.verdicts[first] = (Standing::Refused, None);
                    } else {
                        let proof = known.header.zip(known.content);
                        judged.doubtful.push((rows[0], proof));
                    }
                }
                Some(known) => judged.verdicts[first] = self.verdict(known.state, known.content),
            }
        };
        let origin = Origin {
            account: &self.account.name,
            server: &self.server,
            dir,
            uidvalidity,
        };
        let catalog = self.vault.catalog();
        catalog.for_each_sighting(origin, |known| walk.known(known.uid, known, &mut take))?;
        walk.finish(&mut take);
        Ok(judged)
    }

    fn verdict(&self, state: State, content: Option<Hash128>) -> (Standing, Option<Hash128>) {
        match (state, content) {
            (State::Refused, _) => (Standing::Refused, None),
            (_, Some(content)) if self.present.contains(&content) => {
                (Standing::Archived, Some(content))
            }
            (_, content) => (Standing::Lost, content),
        }
    }

    /// Looks at the headers of messages whose name says nothing, or whose size is another
    /// than the recorded one: an equal header and size mean the same message, as they do
    /// for a pull.
    fn by_header(
        &self,
        source: &mut dyn Source,
        listings: &Listings,
        judged: &mut Judged,
    ) -> Result<()> {
        if judged.doubtful.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Listing> = (judged.doubtful.iter())
            .map(|(row, _)| listings.get(*row as usize))
            .collect();
        let headers = match headers_of(source, &wanted) {
            Ok(headers) => headers,
            Err(Error::Refused { .. } | Error::Unsupported { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let sizes: HashSet<u64> = wanted.iter().filter_map(|listing| listing.octets).collect();
        let mut stored: HashMap<u64, Vec<Hash128>> = HashMap::new();
        let catalog = self.vault.catalog();
        catalog.for_each_content(&self.account.name, |hash, size| {
            if sizes.contains(&size) {
                stored.entry(size).or_default().push(hash);
            }
        })?;
        // By the header: of each size that is asked for, the stored ones are read once.
        let mut known: HashMap<(Hash128, u64), Hash128> = HashMap::new();
        for (size, hashes) in stored {
            for hash in hashes {
                if let Ok(header) = self.vault.header_of(hash) {
                    known.insert((header, size), hash);
                }
            }
        }
        for (((row, proof), listing), header) in judged.doubtful.iter().zip(&wanted).zip(headers) {
            let Some(header) = header else {
                continue;
            };
            let content = match proof {
                Some((recorded, content)) if *recorded == header.hash => Some(*content),
                _ => (listing.octets).and_then(|size| known.get(&(header.hash, size)).copied()),
            };
            if content.is_some() {
                judged.verdicts[*row as usize] = self.verdict(State::Seen, content);
            }
        }
        Ok(())
    }

    /// Adds up a folder, and writes it to the manifest.
    fn enter(
        &mut self,
        folder: &mut FolderAudit,
        listings: &Listings,
        judged: &Judged,
    ) -> Result<()> {
        for (row, (standing, content)) in judged.verdicts.iter().enumerate() {
            let standing = match standing {
                Standing::Unknown if folder.excluded => Standing::Excluded,
                standing => *standing,
            };
            folder.tally.count(standing, listings.octets_of(row));
            if let Some(manifest) = &mut self.manifest {
                manifest.add(&folder.name, &listings.get(row), standing, *content)?;
            }
        }
        Ok(())
    }
}

fn label(mailbox: &Mailbox) -> String {
    mailbox.levels().join("/")
}
