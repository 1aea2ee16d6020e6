//! The compressors of one account.

use super::account::PullTask;
use super::arrivals::Arrivals;
use super::destination::PullTarget;
use super::feed::WorkQueue;
use crate::archive::commit::{CommitQueue, CommitRequest};
use crate::base::error::Result;
use crate::mail::source::{Listing, Uid};
use crate::vault::maildir::{Packed, Packer};

/// Messages up to this size become frames that state their size, however they came.
const SHORT: usize = 64 << 10;

/// A compressor: writes what the network thread hands over until there is no more. What does
/// not fit its listed size waits in `arrivals` to be judged.
pub(super) fn pack(
    task: &PullTask<'_>,
    place: &PullTarget<'_>,
    inbox: &WorkQueue,
    arrivals: &Arrivals,
    commit_queue: &CommitQueue,
) {
    if let Err(error) = try_pack(task, place, inbox, arrivals, commit_queue) {
        let _ = commit_queue.order(CommitRequest::Fail(error));
    }
}

fn try_pack(
    task: &PullTask<'_>,
    place: &PullTarget<'_>,
    inbox: &WorkQueue,
    arrivals: &Arrivals,
    commit_queue: &CommitQueue,
) -> Result<()> {
    let mut packer = Packer::new(
        task.layout,
        &task.route.account,
        task.level,
        commit_queue.staging(),
    )?;
    let deliver = |listing: &Listing, packed: Packed| {
        let fits = arrivals.note(listing, &packed.digest);
        let delivery = place.delivery(listing, packed);
        if !fits {
            arrivals.hold(listing.clone(), delivery);
            return true;
        }
        commit_queue.order(CommitRequest::Deliver(Box::new(delivery)))
    };
    let date = |uid: &Uid| place.date(uid).and_then(|date| u64::try_from(date).ok());
    let mut head = Vec::new();
    while let Some(work) = inbox.next() {
        for (piece, content) in work.whole() {
            packer.date(date(&piece.listing.uid));
            let file = packer.whole(content)?;
            if !deliver(&piece.listing, file) {
                return Ok(());
            }
        }
        let Some(mut stream) = work.into_long() else {
            continue;
        };
        // One that merely straddled two arenas is not long after all.
        head.clear();
        let mut chunk = stream.next();
        while let Some(bytes) = &chunk
            && head.len() + bytes.as_ref().len() <= SHORT
        {
            head.extend_from_slice(bytes.as_ref());
            chunk = stream.next();
        }
        packer.date(date(&stream.listing.uid));
        let file = if stream.is_whole() {
            packer.whole(&head)?
        } else {
            let file = packer.pieces(&head, || chunk.take().or_else(|| stream.next()))?;
            if !stream.is_whole() {
                file.file.discard()?;
                continue;
            }
            file
        };
        if !deliver(&stream.listing, file) {
            return Ok(());
        }
    }
    Ok(())
}
