//! The compressors of one account.

use std::sync::Arc;

use super::Task;
use super::feed::Inbox;
use crate::commit::{Delivery, Desk, Order};
use crate::error::Result;
use crate::fsx;
use crate::source::Uid;
use crate::vault::maildir::Packer;

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
        let long = packer.pieces(|| stream.next())?;
        if !stream.is_whole() {
            fsx::remove(&long.tmp)?;
        } else if !deliver(&stream.uid, stream.octets, long) {
            return Ok(());
        }
    }
    Ok(())
}
