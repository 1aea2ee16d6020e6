//! The header of one message in memory: its fields (docs/FORMAT.md, "Header parsing") and what
//! they say.

use memchr::memchr;

use super::likeness::Likeness;
use super::lines::{Piece, is_blank};
use super::trace::is_trace;
use super::{ENVELOPE_LIMIT, Envelope, Facts, MID_LIMIT, date};

/// What is kept of a buffer that a large header has blown up.
const KEPT: usize = 64 << 10;

/// Stands between name and value of a field. As it is smaller than any byte of a name, fields
/// compared as bytes are compared by name and then by value.
const SEPARATOR: u8 = 0;

/// The lines of one header, each ended LF, later turned into fields where they lie.
#[derive(Default)]
pub(super) struct ParsedHeader {
    text: Vec<u8>,
    /// Start and end of each field that likeness covers; small, as a hostile header has millions.
    covered: Vec<(u32, u32)>,
    /// The same of each line that is no field, nor continues one.
    stray: Vec<(u32, u32)>,
    scratch: Vec<u8>,
}

/// A field: `text[start..separator]` is the name in lower case, `text[separator + 1..end]` the value.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    separator: usize,
    end: usize,
}

impl Field {
    fn name(self, text: &[u8]) -> &[u8] {
        &text[self.start..self.separator]
    }

    fn value(self, text: &[u8]) -> &[u8] {
        &text[self.separator + 1..self.end]
    }
}

impl ParsedHeader {
    /// Appends a piece of the header.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        self.text.extend_from_slice(piece.text);
        if piece.ended {
            self.text.push(b'\n');
        }
    }

    /// Empties the header and gives back what an unusual one took.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.covered.clear();
        self.covered.shrink_to(KEPT / 8);
        self.stray.clear();
        self.stray.shrink_to(KEPT / 8);
        self.scratch.clear();
        self.scratch.shrink_to(KEPT);
    }

    /// Room taken by the text.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Reads the complete header and hands the fields to `likeness`.
    pub(super) fn read(&mut self, likeness: &mut Likeness) -> Facts {
        if self.text.last().is_some_and(|&b| b != b'\n') {
            self.text.push(b'\n');
        }
        let facts = self.facts();
        self.hash_covered(likeness);
        facts
    }

    /// Reads all fields; leaves in `covered` those for likeness, unsorted.
    fn facts(&mut self) -> Facts {
        let (mut received, mut date, mut mid) = (None, None, None);
        let (mut from, mut to, mut subject) = (None, None, None);
        let mut ids = 0;
        let mut at = 0;
        while let Some(field) = next_field(&mut self.text, &mut at, &mut self.stray) {
            let name = field.name(&self.text);
            let first = match name {
                b"received" => &mut received,
                b"date" => &mut date,
                b"from" => &mut from,
                b"to" => &mut to,
                b"subject" => &mut subject,
                b"message-id" => {
                    ids += 1;
                    &mut mid
                }
                _ => &mut None,
            };
            first.get_or_insert(field);
            if !is_trace(name) {
                self.covered.push((narrow(field.start), narrow(field.end)));
            }
        }
        let value = |field: Option<Field>| field.map_or(&b""[..], |f| f.value(&self.text));
        let shown = |field| {
            let value = value(field);
            value[..value.len().min(ENVELOPE_LIMIT)].to_vec()
        };
        let sent = date::date(value(date), &mut self.scratch);
        Facts {
            mid: (ids == 1 && (1..=MID_LIMIT).contains(&value(mid).len()))
                .then(|| value(mid).to_vec()),
            received: date::received(value(received), &mut self.scratch)
                .or(sent)
                .unwrap_or(0),
            date: sent.unwrap_or(0),
            envelope: Envelope {
                from: shown(from),
                to: shown(to),
                subject: shown(subject),
                date: shown(date),
            },
        }
    }

    fn hash_covered(&mut self, likeness: &mut Likeness) {
        let text = &mut self.text;
        self.covered
            .sort_unstable_by(|&a, &b| text[span(a)].cmp(&text[span(b)]));
        for &entry in &self.covered {
            let field = &mut text[span(entry)];
            if let Some(separator) = memchr(SEPARATOR, field) {
                field[separator] = b':';
            }
            likeness.field(field);
        }
        for &entry in &self.stray {
            likeness.stray(&text[span(entry)]);
        }
        likeness.end_header();
    }
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).expect("a header is at most 4 MiB")
}

fn span((start, end): (u32, u32)) -> std::ops::Range<usize> {
    start as usize..end as usize
}

/// Reads the next field from `at` on, unfolds it in place and moves its name up to its value.
/// Lines that are no field, and their continuations, are noted in `stray` on the way.
fn next_field(text: &mut [u8], at: &mut usize, stray: &mut Vec<(u32, u32)>) -> Option<Field> {
    loop {
        let line = *at;
        if line >= text.len() {
            return None;
        }
        let mut end = line_end(text, line);
        *at = end + 1;
        let Some((name, colon)) = name_and_colon(&text[line..end]) else {
            stray.push((narrow(line), narrow(end)));
            continue;
        };
        while text.get(*at).is_some_and(|&b| is_blank(b)) {
            let more = *at..line_end(text, *at);
            *at = more.end + 1;
            let len = more.len();
            text.copy_within(more, end);
            end += len;
        }
        let value = line + colon + 1;
        let trimmed = trim(&text[value..end]);
        let start = value + trimmed.start - 1 - name;
        end = value + trimmed.end;
        text.copy_within(line..line + name, start);
        text[start..start + name].make_ascii_lowercase();
        text[start + name] = SEPARATOR;
        return Some(Field {
            start,
            separator: start + name,
            end,
        });
    }
}

fn line_end(text: &[u8], from: usize) -> usize {
    memchr(b'\n', &text[from..]).map_or(text.len(), |at| from + at)
}

/// Length of the name and place of the colon, if the line begins a field.
fn name_and_colon(line: &[u8]) -> Option<(usize, usize)> {
    let name = line
        .iter()
        .position(|&b| !(33..=126).contains(&b) || b == b':')?;
    let blanks = line[name..].iter().position(|&b| !is_blank(b))?;
    let colon = name + blanks;
    (name > 0 && line[colon] == b':').then_some((name, colon))
}

/// Where `value` lies without SP and HT at its ends.
fn trim(value: &[u8]) -> std::ops::Range<usize> {
    let end = value
        .iter()
        .rposition(|&b| !is_blank(b))
        .map_or(0, |at| at + 1);
    let start = value[..end].iter().position(|&b| !is_blank(b)).unwrap_or(0);
    start..end
}
