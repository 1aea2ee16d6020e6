//! Whether the size that a server lists is that of the message that was received.
//!
//! Sizes prove that a message is whole only if every difference has a reason: a server
//! that counts line ends as one octet, the final line end that POP3 forces on a message
//! (RFC 1939 s.3), status fields that the server adds or rewrites. To the octet, or not
//! at all; unless nearly nothing in a mailbox fits, which is how Exchange lists what a
//! message takes in its store.

use crate::error::Result;
use crate::message::Shape;
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::now_ms;

/// Messages by which the sizes of a mailbox are judged, and how many of them may not fit.
const SAMPLE: u32 = 32;
const MISFITS: u32 = 2;
/// Fewer messages say too little of a mailbox whose sizes do not fit.
const LEAST: u32 = 8;
/// How long it is remembered that sizes are estimated, in seconds.
const REMEMBERED: i64 = 30 * 86_400;
const ESTIMATED: &str = "estimated ";

/// True if a message of this shape may be listed with so many octets, whatever its status
/// fields; a message without a listed size fits.
#[must_use]
pub fn fits(shape: &Shape, listed: Option<u64>) -> bool {
    listed.is_none_or(|listed| listed == shape.size || explains(shape, listed, shape.status))
}

/// True if a server that sent a message of this shape may well list it with so many octets,
/// now that its status fields there are as in `status`.
#[must_use]
pub fn explains(shape: &Shape, listed: u64, status: (u64, u64)) -> bool {
    let seen = shape.status;
    let plain = shape.size.saturating_sub(seen.0);
    // Without status fields; octets of a final line end; octets less a line.
    let ways = [
        (plain, 2, 0),
        (plain + shape.bare, 2, 0),
        ((plain + seen.1).saturating_sub(shape.crlf), 1, 1),
    ];
    // The listing may count the status fields that came, those of now, or none.
    ways.iter().any(|(octets, end, less)| {
        [(0, 0), seen, status].iter().any(|counted| {
            let whole = octets + counted.0 - less * counted.1;
            listed == whole || shape.ended && listed.checked_add(*end) == Some(whole)
        })
    })
}

/// Stands for any mailbox of a server, where no directory of one does.
pub const ANY: &str = "*";

/// The key under which it is remembered what the sizes of a maildrop or mailbox are worth.
#[must_use]
pub fn sizes_key(server: &str, dir: &str) -> String {
    format!("sizes {server} {dir}")
}

/// The key under which it is remembered that a server sends a status line twice.
#[must_use]
pub fn doubled_status_key(server: &str) -> String {
    format!("doubled_status {server}")
}

/// What an earlier run learned of the sizes of a maildrop or mailbox.
pub fn recall_sizes(catalog: &Catalog, origin: Origin<'_>) -> Result<MailboxSizes> {
    let key = sizes_key(origin.server, origin.dir);
    let learned = catalog.learned(origin.account, &key)?;
    let mut sizes = MailboxSizes::recall(learned.as_deref(), now_ms() / 1_000);
    // What was learned and is forgotten is measured again.
    if learned.is_none() {
        let received = catalog.received_in(origin)?;
        sizes.fitted(received);
        if received == 0 {
            // A mailbox too small to tell is as the others of its server are.
            let learned = catalog.learned(origin.account, &sizes_key(origin.server, ANY))?;
            sizes.remembered =
                MailboxSizes::recall(learned.as_deref(), now_ms() / 1_000).remembered;
        }
    }
    Ok(sizes)
}

/// What is known of the sizes that a maildrop or mailbox lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailboxSizes {
    sampled: u32,
    misfits: u32,
    remembered: bool,
}

impl MailboxSizes {
    /// Starts with what an earlier run learned, if that is not too old.
    #[must_use]
    fn recall(learned: Option<&str>, now: i64) -> Self {
        let time = learned.and_then(|text| text.strip_prefix(ESTIMATED)?.parse::<i64>().ok());
        Self {
            remembered: time.is_some_and(|time| (0..REMEMBERED).contains(&(now - time))),
            ..Self::default()
        }
    }

    /// What to remember, if the sizes are estimated and that is new.
    #[must_use]
    pub fn learned(&self, now: i64) -> Option<String> {
        (!self.remembered && self.are_estimated()).then(|| format!("{ESTIMATED}{now}"))
    }

    /// Takes in whether a message that came whole fits its size.
    pub fn take(&mut self, fits: bool) {
        if self.sampled < SAMPLE {
            self.sampled += 1;
            self.misfits += u32::from(!fits);
        }
    }

    /// Takes in that so many messages were received before, and fitted.
    fn fitted(&mut self, messages: u64) {
        self.sampled = u32::try_from(messages).map_or(SAMPLE, |n| n.min(SAMPLE));
    }

    /// True if sizes here say nothing of a message.
    #[must_use]
    pub fn are_estimated(&self) -> bool {
        let misfit = if self.sampled < SAMPLE {
            self.sampled >= LEAST && self.misfits * 2 > self.sampled
        } else {
            self.misfits > MISFITS
        };
        self.remembered || misfit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: (u64, u64) = (0, 0);

    fn shape(message: &[u8]) -> Shape {
        let mut scanner = crate::message::Scanner::new();
        scanner.update(message);
        scanner.finish().shape
    }

    #[test]
    fn an_exact_size_needs_no_explanation() {
        let mail = b"Subject: a\r\n\r\nbody\r\n";
        assert!(explains(&shape(mail), 20, NONE));
        assert!(!explains(&shape(mail), 21, NONE));
        assert!(!explains(&shape(mail), 19, NONE));
    }

    #[test]
    fn a_server_may_count_line_ends_as_one_octet() {
        assert!(explains(&shape(b"Subject: a\r\n\r\nbody\r\n"), 17, NONE));
    }

    #[test]
    fn pop3_forces_a_final_line_end() {
        assert!(explains(&shape(b"Subject: a\r\n\r\nbody\r\n"), 18, NONE));
        assert!(explains(&shape(b"Subject: a\r\n\r\nbody\r\n"), 16, NONE));
        assert!(!explains(&shape(b"Subject: a\r\n\r\nbody"), 15, NONE));
    }

    #[test]
    fn status_fields_come_and_go() {
        let plain = shape(b"Subject: a\r\n\r\nbody\r\n");
        assert!(explains(&plain, 20 + 12, (12, 1)), "added since");
        assert!(
            explains(&plain, 17 + 11, (12, 1)),
            "the same, counted by lines"
        );
        let stamped = shape(b"Status: RO\r\nSubject: a\r\n\r\nbody\r\n");
        assert!(
            explains(&stamped, 20, NONE),
            "the listing does not count them"
        );
        assert!(explains(&stamped, 32, (12, 1)));
        assert!(!explains(&stamped, 25, (12, 1)));
    }

    #[test]
    fn an_empty_or_cut_message_explains_nothing() {
        assert!(!explains(&shape(b""), 20, NONE));
        assert!(!explains(&shape(b"Subject: a\r\n\r\n"), 20, NONE));
    }

    #[test]
    fn bare_line_ends_may_count_twice() {
        assert!(explains(&shape(b"Subject: a\r\n\r\nb\nc\r\n"), 20, NONE));
    }

    #[test]
    fn sizes_are_estimated_where_most_of_enough_messages_do_not_fit() {
        let judged = |fitting: u32, others: u32| {
            let mut sizes = MailboxSizes::default();
            (0..fitting).for_each(|_| sizes.take(true));
            (0..others).for_each(|_| sizes.take(false));
            sizes.are_estimated()
        };
        assert!(!judged(0, 7), "too few to tell");
        assert!(judged(0, 8));
        assert!(!judged(5, 5));
        assert!(!judged(30, 2) && !judged(32, 100) && judged(29, 3));
    }

    #[test]
    fn what_was_learned_of_sizes_holds_for_thirty_days() {
        let learned = "estimated 1000";
        assert!(MailboxSizes::recall(Some(learned), 2000).are_estimated());
        assert!(!MailboxSizes::recall(Some(learned), 1000 + REMEMBERED).are_estimated());
        assert!(!MailboxSizes::recall(Some(learned), 10).are_estimated());
        assert!(!MailboxSizes::recall(Some("exact"), 2000).are_estimated());
    }
}
