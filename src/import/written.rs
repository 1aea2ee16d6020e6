//! What an export put into an mbox file, and what other programs made of it since. Thunderbird
//! writes fields of its own in front of each message, and other line ends, whenever it compacts
//! a folder; the `From ` line stays, and tells the id that the message must have.

use super::mbox::MboxExtent;

/// What Thunderbird writes in front of a message, in this order.
const FIELDS: [&[u8]; 3] = [
    b"X-Mozilla-Status:",
    b"X-Mozilla-Status2:",
    b"X-Mozilla-Keys:",
];
/// So many of them an export writes.
const OURS: usize = 2;

/// What is done to line ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LineEndChange {
    /// They stay as they are.
    #[default]
    Same,
    /// Each LF becomes CR LF.
    ToCrlf,
    /// Each LF that has no CR in front of it becomes CR LF.
    Even,
}

/// A way to read a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MboxReading {
    /// So many bytes in front of it do not belong to it.
    pub(super) skip: u64,
    /// Where it ends in an mbox file, if not where its extent does.
    pub(super) end: Option<u64>,
    pub(super) line_ends: LineEndChange,
}

/// The ways to read a message that an export wrote, likeliest first. The second is the best guess
/// if none leads to its id. `head` are its first bytes, `tail` its last.
pub(super) fn readings(extent: &MboxExtent, head: &[u8], tail: &[u8]) -> Vec<MboxReading> {
    let tag = extent.tag;
    let as_written = MboxReading {
        skip: if tag.status { fields(head, OURS) } else { 0 },
        end: None,
        line_ends: if tag.exact {
            LineEndChange::Same
        } else {
            LineEndChange::ToCrlf
        },
    };
    let mut all = vec![as_written];
    if tag.id.is_none() {
        return all;
    }
    let mut skips = vec![fields(head, FIELDS.len()), fields(head, OURS)];
    if !tag.status {
        skips.push(0);
    }
    skips.dedup();
    let added = usize::from(tag.open) + usize::from(tag.bare);
    for skip in skips {
        for end in ends(extent.whole, tail, added) {
            all.push(MboxReading {
                skip,
                end: Some(end),
                line_ends: if tag.exact {
                    LineEndChange::Same
                } else {
                    LineEndChange::Even
                },
            });
        }
    }
    all
}

/// The length of the first `most` lines, as far as they are Thunderbird's fields.
pub(super) fn fields(head: &[u8], most: usize) -> u64 {
    let lines = head.split_inclusive(|b| *b == b'\n');
    let lines = lines.zip(FIELDS).take(most);
    let lines = lines.take_while(|(line, name)| line.ends_with(b"\n") && line.starts_with(name));
    lines.map(|(line, _)| line.len() as u64).sum()
}

/// Where a text ends without so many line ends, each of which may be LF or CR LF.
fn ends(whole: u64, tail: &[u8], added: usize) -> Vec<u64> {
    let mut cuts = vec![0];
    for _ in 0..added {
        let mut next = Vec::new();
        for cut in cuts {
            let rest = &tail[..tail.len() - cut];
            for end in [&b"\n"[..], b"\r\n"] {
                if rest.ends_with(end) && !next.contains(&(cut + end.len())) {
                    next.push(cut + end.len());
                }
            }
        }
        cuts = next;
    }
    cuts.iter().map(|cut| whole - *cut as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_of_thunderbird_at_the_head_are_skipped() {
        let three = "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: \n";
        for (head, most, length) in [
            (three, 3, 69),
            (three, 2, 52),
            ("X-Mozilla-Status2: 00000000\n", 3, 0),
            ("X-Mozilla-Status: 0001\nA: b\n", 3, 23),
            ("X-Mozilla-Status: 0001", 3, 0),
            ("", 3, 0),
        ] {
            assert_eq!(fields(head.as_bytes(), most), length, "{head:?}");
        }
    }

    #[test]
    fn a_line_end_that_was_added_is_one_byte_or_two() {
        assert_eq!(ends(100, b"\r\n\r\n", 0), [100]);
        assert_eq!(ends(100, b"a\r\n", 1), [99, 98]);
        assert_eq!(ends(100, b"\r\n\n", 2), [98, 97]);
        assert!(ends(100, b"abc", 1).is_empty());
    }
}
