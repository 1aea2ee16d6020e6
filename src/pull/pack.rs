//! The compressors of one account.

use std::sync::Arc;

use super::Task;
use super::feed::Inbox;
use crate::commit::{Delivery, Desk, Order, Route};
use crate::error::Result;
use crate::fsx;
use crate::source::{Inventory, MailRow, Uid};
use crate::vault::maildir::{Packed, Packer};

/// Messages up to this size become frames that state their size, however they came.
const SHORT: usize = 64 << 10;

/// Where messages go, and what is known of them besides their bytes.
pub(super) struct Place<'a> {
    pub(super) route: Arc<Route>,
    pub(super) inventory: Option<&'a Inventory>,
}

impl Place<'_> {
    /// A maildrop.
    pub(super) fn of(route: &Arc<Route>) -> Self {
        Self {
            route: Arc::clone(route),
            inventory: None,
        }
    }

    fn row(&self, uid: &Uid) -> Option<(&Inventory, &MailRow)> {
        match (self.inventory, uid) {
            (Some(inventory), Uid::Imap { uid, .. }) => {
                inventory.row(*uid).map(|row| (inventory, row))
            }
            _ => None,
        }
    }

    /// When the mailbox received it; the file gets this time.
    fn date(&self, uid: &Uid) -> Option<i64> {
        self.row(uid).and_then(|(_, row)| row.date())
    }

    fn delivery(&self, uid: &Uid, octets: Option<u64>, packed: Packed) -> Delivery {
        let row = self.row(uid);
        let marks = row.map(|(inventory, row)| inventory.marks(row).clone());
        let marks = marks.unwrap_or_default();
        Delivery {
            route: Arc::clone(&self.route),
            uid: uid.clone(),
            octets,
            packed,
            flags: marks.letters,
            idate: row.and_then(|(_, row)| row.date()),
            kw: marks.words,
        }
    }
}

/// A compressor: writes what the network thread hands over until there is no more.
pub(super) fn pack(task: &Task<'_>, place: &Place<'_>, inbox: &Inbox, desk: &Desk) {
    if let Err(error) = try_pack(task, place, inbox, desk) {
        let _ = desk.order(Order::Fail(error));
    }
}

fn try_pack(task: &Task<'_>, place: &Place<'_>, inbox: &Inbox, desk: &Desk) -> Result<()> {
    let mut packer = Packer::new(task.layout, &task.route.account, task.level)?;
    let deliver = |uid: &Uid, octets, packed| {
        let delivery = place.delivery(uid, octets, packed);
        desk.order(Order::Deliver(Box::new(delivery)))
    };
    let date = |uid: &Uid| place.date(uid).and_then(|date| u64::try_from(date).ok());
    let mut head = Vec::new();
    while let Some(work) = inbox.next() {
        for (piece, content) in work.whole() {
            packer.date(date(&piece.uid));
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
        packer.date(date(&stream.uid));
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
