//! What servers call a content, and what became of it there.

use super::{Catalog, Proof, State, split};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::Uid;

/// A name of a content on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameOnServer {
    /// The account, by its name in the vault.
    pub account: String,
    /// `user@host:port`; of an import the form of its source.
    pub server: String,
    /// The folder's directory; empty for the inbox.
    pub dir: String,
    /// The name.
    pub uid: Uid,
    /// What became of it.
    pub state: State,
    /// How the content is known to be the message of this name.
    pub proof: Proof,
    /// When it came to that, in Unix seconds.
    pub time: i64,
    /// When its header was last read on the server and found right, if that was since.
    pub checked: Option<i64>,
}

impl Catalog {
    /// The names of a content.
    pub(in crate::vault) fn names_of(&self, content: Hash128) -> Result<Vec<NameOnServer>> {
        let (h64, hrest) = split(content);
        self.db
            .prepare_cached(
                "SELECT account, server, dir, uidvalidity, uid, state, evidence, time, checked
                 FROM sighting JOIN origin ON origin.id = origin
                 WHERE blob = (SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2)
                 ORDER BY account, server, dir, uidvalidity, uid",
            )
            .and_then(|mut s| {
                s.query_map(rusqlite::params![h64, hrest], |r| {
                    let name: Vec<u8> = r.get(4)?;
                    let uid = match (r.get(3)?, <[u8; 4]>::try_from(&name[..])) {
                        (uidvalidity @ 1.., Ok(uid)) => Uid::Imap {
                            uidvalidity,
                            uid: u32::from_be_bytes(uid),
                        },
                        _ if name.is_empty() => Uid::Absent,
                        _ => Uid::Uidl(name.into()),
                    };
                    Ok(NameOnServer {
                        account: r.get(0)?,
                        server: r.get(1)?,
                        dir: r.get(2)?,
                        uid,
                        state: State::of(r.get(5)?),
                        proof: Proof::of(r.get(6)?),
                        time: r.get(7)?,
                        checked: r.get(8)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }
}
