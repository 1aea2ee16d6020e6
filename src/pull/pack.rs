//! The compressors of one account.

use std::sync::Arc;

use super::Task;
use super::feed::Inbox;
use crate::commit::{Delivery, Desk, Order};
use crate::error::Result;
use crate::fsx;
use crate::source::Uid;
use crate::vault::maildir::Packer;

/// Messages up to this size become frames that state their size, however they came.
const SHORT: usize = 64 << 10;

/// A compressor: writes what the network thread hands over until there is no more.
pub(super) fn pack(task: &Task<'_>, inbox: &Inbox, desk: &Desk) {
    if let Err(error) = try_pack(task, inbox, desk) {
        let _ = desk.order(Order::Fail(error));
    }
}

fn try_pack(task: &Task<'_>, inbox: &Inbox, desk: &Desk) -> Result<()> {
    let mut packer = Packer::new(task.layout, &task.route.account, task.level)?;
    let deliver = |uid: &Uid, octets, packed| {
        desk.order(Order::Deliver(Box::new(Delivery {
            route: Arc::clone(&task.route),
            uid: uid.clone(),
            octets,
            packed,
        })))
    };
    let mut head = Vec::new();
    while let Some(work) = inbox.next() {
        for (piece, content) in work.whole() {
            let file = packer.whole(content)?;
            if !deliver(&piece.uid, piece.octets, file) {
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
        let file = if stream.is_whole() {
            packer.whole(&head)?
        } else {
            let file = packer.pieces(&head, || chunk.take().or_else(|| stream.next()))?;
            if !stream.is_whole() {
                fsx::remove(&file.tmp)?;
                continue;
            }
            file
        };
        if !deliver(&stream.uid, stream.octets, file) {
            return Ok(());
        }
    }
    Ok(())
}
