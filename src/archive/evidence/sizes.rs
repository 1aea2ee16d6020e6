//! Whether the size that a server lists is that of the message that was received.
//!
//! Sizes prove that a message is whole only if every difference has a reason: a server
//! that counts line ends as one octet, the final line end that POP3 forces on a message
//! (RFC 1939 s.3), status fields that the server adds or rewrites. To the octet, or not
//! at all; unless nearly nothing in a mailbox fits, which is how Exchange lists what a
//! message takes in its store.

use crate::base::error::Result;
use crate::mail::message::Shape;
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::now_seconds;

/// Messages by which the sizes of a mailbox are judged, and how many of them may not fit.
const SAMPLE: u32 = 32;
const MISFITS: u32 = 2;
/// Fewer messages say too little of a mailbox whose sizes do not fit.
const LEAST: u32 = 8;
/// How long it is remembered what sizes are worth, in seconds, and after how long a new
/// measurement that says the same is written down.
const REMEMBERED: i64 = 30 * 86_400;
const RENEWED: i64 = 15 * 86_400;
const ESTIMATED: &str = "estimated ";
const GOOD: &str = "good ";

/// How a server may have come to the size that it lists of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fit([bool; 2]);

/// How a mailbox counts octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// A line end as the two octets that it has.
    Octets = 0,
    /// A line end as one.
    Lines = 1,
}

impl Counting {
    const ALL: [Self; 2] = [Self::Octets, Self::Lines];

    fn as_str(self) -> &'static str {
        match self {
            Self::Octets => "octets",
            Self::Lines => "lines",
        }
    }
}

impl Fit {
    /// Of a message of this shape, whatever its status fields; one without a listed size fits.
    fn of(shape: &Shape, listed: Option<u64>) -> Self {
        let Some(listed) = listed else {
            return Self([true; 2]);
        };
        Self(Counting::ALL.map(|counting| is_counted(shape, listed, shape.status, counting)))
    }

    fn is_any(self) -> bool {
        self.0.contains(&true)
    }
}

/// True if a message of this shape may be listed with this many octets, whatever its status
/// fields; a message without a listed size fits.
#[must_use]
pub(crate) fn fits(shape: &Shape, listed: Option<u64>) -> bool {
    Fit::of(shape, listed).is_any()
}

/// True if a server that sent a message of this shape may well list it with this many octets,
/// now that its status fields there are as in `status`.
#[must_use]
pub(crate) fn explains(shape: &Shape, listed: u64, status: (u64, u64)) -> bool {
    let mut ways = Counting::ALL.into_iter();
    ways.any(|counting| is_counted(shape, listed, status, counting))
}

fn is_counted(shape: &Shape, listed: u64, status: (u64, u64), counting: Counting) -> bool {
    let seen = shape.status;
    let plain = shape.size.saturating_sub(seen.0);
    // Without status fields; octets of a final line end; octets less a line.
    let ways = match counting {
        Counting::Octets => [(plain, 2, 0), (plain + shape.bare, 2, 0)],
        Counting::Lines => [((plain + seen.1).saturating_sub(shape.crlf), 1, 1); 2],
    };
    // The listing may count the status fields that came, those of now, or none.
    ways.iter().any(|(octets, end, less)| {
        [(0, 0), seen, status].iter().any(|counted| {
            let whole = octets + counted.0 - less * counted.1;
            listed == whole || shape.ended && listed.checked_add(*end) == Some(whole)
        })
    })
}

/// Stands for any mailbox of a server, where no directory of one does.
pub(crate) const ANY: &str = "*";

/// The key under which it is remembered what the sizes of a maildrop or mailbox are worth.
#[must_use]
pub(crate) fn sizes_key(server: &str, dir: &str) -> String {
    format!("sizes {server} {dir}")
}

/// What an earlier run learned of the sizes of a maildrop or mailbox.
pub(crate) fn recall_sizes(catalog: &Catalog, origin: Origin<'_>) -> Result<MailboxSizes> {
    let key = sizes_key(origin.server, origin.dir);
    let learned = catalog.learned(origin.account, &key)?;
    let mut sizes = MailboxSizes::recall(learned.as_deref(), now_seconds());
    if learned.is_none() {
        let received = catalog.received_in(origin)?;
        let everywhere = sizes_key(origin.server, ANY);
        let others = catalog.learned(origin.account, &everywhere)?;
        // A mailbox too small to tell is as the others of its server are.
        match MailboxSizes::recall(others.as_deref(), now_seconds()) {
            others if others.are_estimated() && received < SAMPLE.into() => sizes = others,
            _ => sizes.fitted(received),
        }
    }
    Ok(sizes)
}

/// What is known of the sizes that a maildrop or mailbox lists.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MailboxSizes {
    sampled: u32,
    misfits: u32,
    /// Messages of this run by which the counting is judged, and how many fit each way.
    counted: u32,
    fitting: [u32; 2],
    learned: Option<Learned>,
}

/// What an earlier run learned.
#[derive(Debug, Clone, Copy)]
struct Learned {
    worth: Worth,
    /// When, in Unix seconds.
    since: i64,
    /// False if it is too old to hold against what is measured now.
    is_fresh: bool,
}

/// What sizes are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// They are counted this way, if always the same.
    Good(Option<Counting>),
    Estimated,
}

impl Worth {
    /// Reads what was written down, and when.
    fn parse(text: &str) -> Option<(Self, i64)> {
        if let Some(since) = text.strip_prefix(ESTIMATED) {
            return Some((Self::Estimated, since.parse().ok()?));
        }
        let (counting, since) = text.strip_prefix(GOOD)?.split_once(' ')?;
        let mut ways = Counting::ALL.into_iter();
        let counting = ways.find(|way| way.as_str() == counting);
        Some((Self::Good(counting), since.parse().ok()?))
    }

    fn written(self, since: i64) -> String {
        match self {
            Self::Estimated => format!("{ESTIMATED}{since}"),
            Self::Good(way) => format!("{GOOD}{} {since}", way.map_or("mixed", Counting::as_str)),
        }
    }
}

impl MailboxSizes {
    /// Starts with what an earlier run learned.
    #[must_use]
    fn recall(learned: Option<&str>, now: i64) -> Self {
        let found = learned.and_then(Worth::parse);
        let learned = found.map(|(worth, since)| Learned {
            worth,
            since,
            is_fresh: (0..REMEMBERED).contains(&(now - since)),
        });
        Self {
            learned,
            ..Self::default()
        }
    }

    /// What to write down of the sizes, if that is new or was last measured long ago.
    pub(crate) fn learned(&mut self, now: i64) -> Option<String> {
        let worth = self.measured()?;
        let fresh = self.fresh();
        // Neither what came in an earlier run nor a faulty session shows how they are counted.
        if matches!(worth, Worth::Good(_)) && self.counted < SAMPLE
            || fresh.is_some_and(|fresh| fresh.worth != worth || now - fresh.since <= RENEWED)
        {
            return None;
        }
        self.learned = Some(Learned {
            worth,
            since: now,
            is_fresh: true,
        });
        Some(worth.written(now))
    }

    /// True if a message of this shape fits the size that this mailbox lists for it.
    #[must_use]
    pub(crate) fn fits(&self, shape: &Shape, listed: Option<u64>) -> bool {
        let fit = Fit::of(shape, listed);
        match self.worth() {
            Some(Worth::Good(Some(counting))) => fit.0[counting as usize],
            _ => fit.is_any(),
        }
    }

    /// Takes in how a message that came whole fits the size that was listed for it.
    pub(crate) fn take(&mut self, shape: &Shape, listed: Option<u64>) {
        let fit = Fit::of(shape, listed);
        if self.sampled < SAMPLE {
            self.sampled += 1;
            self.misfits += u32::from(!self.fits(shape, listed));
        }
        if self.counted < SAMPLE {
            self.counted += 1;
            for (fitting, fits) in self.fitting.iter_mut().zip(fit.0) {
                *fitting += u32::from(fits);
            }
        }
    }

    /// Records that this many messages were received before, and fitted.
    fn fitted(&mut self, messages: u64) {
        self.sampled = u32::try_from(messages).map_or(SAMPLE, |n| n.min(SAMPLE));
    }

    /// True if it is known how line ends are counted here.
    #[must_use]
    pub(crate) fn are_counted(&self) -> bool {
        matches!(self.worth(), Some(Worth::Good(Some(_))))
    }

    /// True if sizes here say nothing of a message.
    #[must_use]
    pub(crate) fn are_estimated(&self) -> bool {
        // What is old holds until there are messages enough to measure again.
        let worth = self.worth().or(self.learned.map(|old| old.worth));
        worth == Some(Worth::Estimated)
    }

    /// What was learned lately, or else what the messages of this run say.
    fn worth(&self) -> Option<Worth> {
        let fresh = self.fresh().map(|fresh| fresh.worth);
        fresh.or_else(|| self.measured())
    }

    fn fresh(&self) -> Option<Learned> {
        self.learned.filter(|learned| learned.is_fresh)
    }

    /// What the messages of this run say, if they are enough.
    fn measured(&self) -> Option<Worth> {
        if self.sampled < SAMPLE {
            let mostly = self.sampled >= LEAST && self.misfits * 2 > self.sampled;
            return mostly.then_some(Worth::Estimated);
        }
        if self.misfits > MISFITS {
            return Some(Worth::Estimated);
        }
        let mut ways = Counting::ALL.into_iter();
        let enough = |way: &Counting| self.fitting[*way as usize] >= SAMPLE - MISFITS;
        Some(Worth::Good(ways.find(enough)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NONE: (u64, u64) = (0, 0);

    fn take(sizes: &mut MailboxSizes, fits: bool) {
        let shape = shape(b"Subject: a\r\n\r\nbody\r\n");
        sizes.take(&shape, Some(if fits { shape.size } else { 99 }));
    }

    #[test]
    fn a_mailbox_that_counts_octets_does_not_count_lines() {
        let shape = shape(b"Subject: a\r\n\r\nbody\r\n");
        let mut sizes = MailboxSizes::default();
        assert!(sizes.fits(&shape, Some(20)) && sizes.fits(&shape, Some(17)));
        (0..SAMPLE).for_each(|_| take(&mut sizes, true));
        assert!(sizes.fits(&shape, Some(20)) && !sizes.fits(&shape, Some(17)));
        let learned = sizes.learned(5_000_000).unwrap();
        assert_eq!(learned, "good octets 5000000");
        let later = MailboxSizes::recall(Some(&learned), 5_000_060);
        assert!(later.fits(&shape, Some(20)) && !later.fits(&shape, Some(17)));
    }

    fn shape(message: &[u8]) -> Shape {
        let mut scanner = crate::mail::message::Scanner::new();
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
            (0..fitting).for_each(|_| take(&mut sizes, true));
            (0..others).for_each(|_| take(&mut sizes, false));
            sizes.are_estimated()
        };
        assert!(!judged(0, 7), "too few to tell");
        assert!(judged(0, 8));
        assert!(!judged(5, 5));
        assert!(!judged(30, 2) && !judged(32, 100) && judged(29, 3));
    }

    #[test]
    fn sizes_that_were_good_stay_so_though_a_session_errs() {
        let mut sizes = MailboxSizes::default();
        (0..SAMPLE).for_each(|_| take(&mut sizes, true));
        let learned = sizes.learned(5_000_000).unwrap();
        let mut later = MailboxSizes::recall(Some(&learned), 5_000_060);
        (0..SAMPLE).for_each(|_| take(&mut later, false));
        assert!(!later.are_estimated());
        assert_eq!(later.learned(5_000_060), None);
        let mut later = MailboxSizes::recall(Some(&learned), 5_000_000 + REMEMBERED);
        (0..SAMPLE).for_each(|_| take(&mut later, false));
        assert!(later.are_estimated());
    }

    #[test]
    fn what_was_learned_of_sizes_holds_for_thirty_days() {
        let learned = "estimated 1000";
        assert!(MailboxSizes::recall(Some(learned), 2000).are_estimated());
        let mut old = MailboxSizes::recall(Some(learned), 1000 + REMEMBERED);
        assert!(old.are_estimated(), "nothing else is known");
        (0..SAMPLE).for_each(|_| take(&mut old, true));
        assert!(!old.are_estimated());
        assert!(!MailboxSizes::recall(Some("exact"), 2000).are_estimated());
    }
}
