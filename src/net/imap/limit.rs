//! Servers that work on a limited number of messages per command (RFC 9738).

use crate::net::imap::reply::ImapStatus;

/// Where a command stopped at the server's limit: it was done for a part of its messages, or for
/// none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LimitReached {
    /// Messages that one command may be about, if the server gave a usable number.
    pub(super) messages: Option<u32>,
    /// The lowest UID that it got to; without one nothing was done.
    pub(super) uid: Option<u32>,
}

impl LimitReached {
    /// What a status says of it, tagged or not: where the tagged one has another code, the
    /// limit comes before it.
    pub(super) fn of(status: &ImapStatus<'_>) -> Option<Self> {
        if !status.says("MESSAGELIMIT") {
            return None;
        }
        let mut argument = status.argument();
        let mut number = || {
            let number = argument.number().and_then(|n| u32::try_from(n).ok());
            number.filter(|n| *n > 0)
        };
        Some(Self {
            messages: number(),
            uid: number(),
        })
    }

    /// How many of `asked` messages to ask for the next time: fewer in any case, so that a
    /// server that repeats itself comes to an end.
    pub(super) fn fewer_than(self, asked: usize) -> usize {
        let allowed = self.messages.and_then(|n| usize::try_from(n).ok());
        let half = asked.div_ceil(2);
        allowed.filter(|n| *n < asked).unwrap_or(half).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::imap::reply::{Reply, reply};
    use proptest::prelude::*;

    fn limit(line: &str) -> Option<LimitReached> {
        match reply(line.as_bytes()) {
            Some(Reply::Status(status) | Reply::Result(_, status)) => LimitReached::of(&status),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_limit_is_read_from_tagged_and_untagged_answers() {
        let read = |line| limit(line).map(|limit| (limit.messages, limit.uid));
        for (line, read_as) in [
            (
                "m1 OK [MESSAGELIMIT 1000 23221] part",
                Some((Some(1_000), Some(23_221))),
            ),
            ("* NO [messagelimit 3 4] part", Some((Some(3), Some(4)))),
            (
                "m1 NO [MESSAGELIMIT 1000] too many",
                Some((Some(1_000), None)),
            ),
            ("m1 NO [MESSAGELIMIT] too many", Some((None, None))),
            ("m1 OK [MESSAGELIMIT 0 4294967296] odd", Some((None, None))),
            ("m1 NO [LIMIT] later", None),
            ("m1 OK MESSAGELIMIT 3", None),
        ] {
            assert_eq!(read(line), read_as, "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_next_try_is_smaller(messages in any::<Option<u32>>(), asked in 2_usize..5_000) {
            let limit = LimitReached { messages, uid: None };
            prop_assert!((1..asked).contains(&limit.fewer_than(asked)));
            prop_assert_eq!(limit.fewer_than(1), 1);
        }
    }
}
