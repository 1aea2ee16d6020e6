//! The heads of a place, read and checked as one chain.

use super::fault::CopyError;
use super::head::{HEAD_LIMIT, HeadChain, head_seq};
use super::pack::{Digester, Digests};
use super::place::ObjectStore;

/// The newest head that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestHead {
    /// Its number.
    pub seq: u64,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// The hashes of its bytes.
    pub digests: Digests,
}

/// A push, as its head tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPush {
    /// The number of the head.
    pub seq: u64,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// Objects that it put there.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The heads of a place.
#[derive(Debug, Default)]
pub struct PlaceHeads {
    /// Each of them, from the first on.
    pub pushes: Vec<ListedPush>,
    /// The chain of them.
    pub chain: HeadChain,
    /// The newest; none if there is no head.
    pub newest: Option<NewestHead>,
    /// The names of all objects, in the order in which heads name them.
    pub names: Vec<String>,
}

/// Reads and checks the heads up to a number, or all that are there.
pub fn read_heads(store: &ObjectStore, to: Option<u64>) -> Result<PlaceHeads, CopyError> {
    let mut heads = PlaceHeads::default();
    let mut mark: Option<String> = None;
    loop {
        let page = store.list("heads/", mark.as_deref())?;
        for row in &page.objects {
            let Some(seq) = head_seq(row.name.as_str()) else {
                continue;
            };
            if to.is_some_and(|to| seq > to) {
                continue;
            }
            let Some(reader) = store.get(&row.name)? else {
                return Err(CopyError::HeadGone { seq });
            };
            let bytes = reader.read_all(HEAD_LIMIT)?;
            let head = heads.chain.add(seq, &bytes)?;
            let mut digester = Digester::default();
            digester.update(&bytes);
            heads.newest = Some(NewestHead {
                seq,
                time: head.time,
                digests: digester.finish(),
            });
            heads.pushes.push(ListedPush {
                seq,
                time: head.time,
                objects: head.objects.len() as u64,
                bytes: head.objects.iter().map(|object| object.size).sum(),
            });
            (heads.names).extend(head.objects.into_iter().map(|object| object.name));
        }
        mark = page.next;
        if mark.is_none() {
            return Ok(heads);
        }
    }
}
