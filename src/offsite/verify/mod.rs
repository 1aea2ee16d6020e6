//! Checking what is in a place: that all that the heads name is there, and on demand that it is
//! right to the last byte.
//!
//! Without a key, an object is right if its bytes have the hashes of its name and head. With one,
//! it is read as what it is, too, and each message compared with its hash.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checked::{CheckedObject, ObjectVerdict};
use super::fault::CopyError;
use super::head::HeadObject;
use super::heads::{StrayHeads, read_heads};
use super::object::{ObjectSearch, StatVerdict, name_of};
use super::pack::{Identities, PackError, PackStream};
use super::payload::{PushError, PushPart, PushReader, is_message_name, message_hash};
use super::place::{ObjectStat, ObjectStore};
use super::watch::{CopyProgress, CopyWatch};
use crate::base::error::Error;
use crate::mail::message::Hash128;

#[cfg(test)]
mod tests;

/// What to verify, and how thoroughly.
#[derive(Debug, Clone, Copy)]
pub struct PlaceCheck<'o> {
    /// Download everything and compare the hashes.
    pub read_data: bool,
    /// Of the objects, only part `n` of `t` is downloaded, counted from 1; the parts together are
    /// all.
    pub subset: Option<(u32, u32)>,
    /// Read what is downloaded as what it is.
    pub identities: Option<&'o Identities>,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectProblem {
    /// It is not there.
    Missing,
    /// It has another length.
    Size {
        /// The length there.
        there: u64,
    },
    /// Its bytes are not those that were put there.
    Changed,
    /// Its bytes are those that were put there, and are not in order.
    Malformed,
    /// What the place gives is missing or wrong; an older version that it keeps is right. A restore
    /// takes that.
    OlderOnly,
}

impl ObjectProblem {
    /// True if nothing restores the object.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        *self != Self::OlderOnly
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceReport {
    /// Heads; all of them are read and continue each other.
    pub heads: u64,
    /// Heads that do not belong to these.
    pub strays: StrayHeads,
    /// Objects that they name.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Of the objects, those of which the place gives no MD5.
    pub size_only: u64,
    /// Objects that were downloaded.
    pub read: u64,
    /// Messages in them that were compared with their hash.
    pub messages: u64,
    /// Objects there that no head names, as killed pushes leave them.
    pub unnamed: u64,
    /// What is wrong.
    pub findings: Vec<(String, ObjectProblem)>,
}

impl PlaceReport {
    /// Objects that nothing restores.
    #[must_use]
    pub fn lost(&self) -> usize {
        let lost = self.findings.iter();
        lost.filter(|(_, problem)| problem.is_loss()).count()
    }
}

/// Verifies a place. `progress` hears how much was downloaded, also within an object, and how many
/// messages were compared.
pub fn verify_place(
    store: &ObjectStore,
    check: PlaceCheck<'_>,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<PlaceReport, CopyError> {
    let heads = read_heads(store, None)?;
    let mut report = PlaceReport {
        heads: heads.newest.map_or(0, |newest| newest.seq),
        strays: heads.strays,
        ..PlaceReport::default()
    };
    let objects: BTreeMap<&str, &HeadObject> = heads
        .chain
        .live()
        .map(|object| (&*object.name, object))
        .collect();
    let mut listed = list(store, &objects, &mut report)?;
    let watch = CopyWatch::new(progress);
    let wanted = |name: &str| check.read_data && in_subset(name, check.subset);
    let sizes = objects.iter().filter(|(name, _)| wanted(name));
    watch.expect(sizes.map(|(_, object)| object.size).sum());
    for (name, object) in &objects {
        if check.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted.into());
        }
        report.objects += 1;
        report.bytes += object.size;
        // A list may be behind.
        let stat = match listed.remove(*name) {
            Some(stat) => Some(stat),
            None => store.head(&name_of(object)?)?,
        };
        report.size_only += u64::from(stat.is_some_and(|stat| stat.md5.is_none()));
        let search = ObjectSearch::new(store, object, stat)?;
        let problem = if wanted(name) {
            read(search, object, (check.identities, &watch), &mut report)?
        } else {
            glance(search)?
        }
        .map(|found| found.problem(stat.as_ref(), object));
        report
            .findings
            .extend(problem.map(|problem| ((*name).to_owned(), problem)));
        watch.count(report.messages);
        if check.read_data {
            watch.say();
        }
    }
    Ok(report)
}

/// What the place says of the objects that heads name.
fn list(
    store: &ObjectStore,
    objects: &BTreeMap<&str, &HeadObject>,
    report: &mut PlaceReport,
) -> Result<BTreeMap<String, ObjectStat>, CopyError> {
    let mut listed = BTreeMap::new();
    for prefix in ["packs/", "push/"] {
        let mut mark: Option<String> = None;
        loop {
            let page = store.list(prefix, mark.as_deref())?;
            for row in page.objects {
                if objects.contains_key(row.name.as_str()) {
                    listed.insert(row.name.as_str().to_owned(), row.stat);
                } else {
                    report.unnamed += 1;
                }
            }
            mark = page.next;
            if mark.is_none() {
                break;
            }
        }
    }
    Ok(listed)
}

/// What is wrong with an object, before it is looked at what the place says of it.
#[derive(Debug, Clone, Copy)]
enum Flawed {
    OlderOnly,
    Wrong,
    Malformed,
}

impl Flawed {
    fn problem(self, stat: Option<&ObjectStat>, object: &HeadObject) -> ObjectProblem {
        match (self, stat.map(|stat| StatVerdict::of(stat, object))) {
            (Self::OlderOnly, _) => ObjectProblem::OlderOnly,
            (Self::Malformed, _) => ObjectProblem::Malformed,
            (Self::Wrong, None) => ObjectProblem::Missing,
            (Self::Wrong, Some(StatVerdict::Size { there })) => ObjectProblem::Size { there },
            (Self::Wrong, Some(_)) => ObjectProblem::Changed,
        }
    }
}

/// Believes what the place says of an object.
fn glance(mut search: ObjectSearch<'_>) -> Result<Option<Flawed>, CopyError> {
    Ok(match search.next()? {
        None => Some(Flawed::Wrong),
        Some(found) => found.is_older().then_some(Flawed::OlderOnly),
    })
}

/// Names are hashes, so that any digits of them divide the objects evenly.
fn in_subset(name: &str, subset: Option<(u32, u32)>) -> bool {
    let Some((part, parts)) = subset else {
        return true;
    };
    let digits = name.rsplit('/').next().and_then(|id| id.get(..8));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    number.unwrap_or(0) % parts.max(1) == part.saturating_sub(1)
}

/// Downloads an object and looks whether it is right.
fn read<'p>(
    mut search: ObjectSearch<'p>,
    object: &HeadObject,
    (identities, watch): (Option<&Identities>, &'p CopyWatch<'p>),
    report: &mut PlaceReport,
) -> Result<Option<Flawed>, CopyError> {
    let mut first = true;
    while let Some(found) = search.next()? {
        report.read += u64::from(std::mem::take(&mut first));
        let mut body = found.body()?.watched(watch);
        let read = match identities {
            None => Ok(0),
            Some(keys) if object.name.starts_with("packs/") => read_pack(&mut body, keys),
            Some(keys) => read_push(&mut body, keys),
        };
        if body.finish(search.store(), object)? == ObjectVerdict::Wrong {
            continue;
        }
        return match read {
            Ok(count) => {
                report.messages += count;
                Ok(found.is_older().then_some(Flawed::OlderOnly))
            }
            Err(PushError::Pack(source @ (PackError::WrongIdentity | PackError::NewerAge))) => {
                let name = object.name.clone();
                Err(CopyError::Pack { name, source })
            }
            Err(_) => Ok(Some(Flawed::Malformed)),
        };
    }
    Ok(Some(Flawed::Wrong))
}

/// Reads a pack; gives how many messages are right.
fn read_pack(body: &mut CheckedObject<'_>, keys: &Identities) -> Result<u64, PushError> {
    let mut stream = PackStream::open(body, keys, None, is_message_name)?;
    let mut count = 0;
    while let Some(entry) = stream.next_member()? {
        let member = entry.member.name;
        compare(&mut stream, message_hash(&member), member)?;
        count += 1;
    }
    Ok(count)
}

/// Reads a push; gives how many messages are right.
fn read_push(body: &mut CheckedObject<'_>, keys: &Identities) -> Result<u64, PushError> {
    let mut push = PushReader::open(body, keys)?;
    let mut count = 0;
    while let Some(part) = push.next_part()? {
        if let PushPart::Message { hash, .. } = part {
            compare(&mut push, Some(hash), hash.to_string())?;
            count += 1;
        }
    }
    Ok(count)
}

fn compare(
    content: &mut dyn std::io::Read,
    hash: Option<Hash128>,
    member: String,
) -> Result<(), PushError> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(PackError::from_io(e).into()),
        }
    }
    if hash == Some(Hash128::cut(hasher.finalize())) {
        Ok(())
    } else {
        Err(PushError::Member { member })
    }
}
