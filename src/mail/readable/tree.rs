//! The parts of a message, found in one pass over its lines.
//!
//! This does not use the parser's own way through a message, which takes memory for every two
//! bytes and looks for some boundaries again and again. Here each line is looked at once, and
//! what is found is bounded by number and depth; what lies beyond is told of as `cut`.

use std::borrow::Cow;
use std::collections::HashMap;

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;

use super::field::{Encoding, FieldKind, Label, LabelText};
use crate::mail::bounds::{LEVELS, PARTS};

/// A part that has no parts of its own, or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf<'a> {
    pub(super) label: Label,
    /// Its bytes as they lie in the message.
    pub(super) bytes: &'a [u8],
    /// The header of a message whose parts follow as leaves.
    pub(super) header: &'a [u8],
    /// How many messages it lies in.
    pub(super) within: usize,
}

impl<'a> Leaf<'a> {
    /// Its bytes without their encoding; as they are if that is broken.
    pub(super) fn decoded(&self) -> Cow<'a, [u8]> {
        decode(self.bytes, self.label.encoding)
    }

    /// Its text, of which so many bytes at most are decoded, and whether that was not all.
    pub(super) fn text(&self, limit: usize) -> (Cow<'a, str>, bool) {
        let mut bytes = self.bytes;
        let is_cut = bytes.len() > limit;
        if is_cut {
            // A whole line, whatever its encoding.
            let start = &bytes[..limit];
            bytes = &start[..memchr::memrchr(b'\n', start).map_or(limit, |at| at + 1)];
        }
        let bytes = decode(bytes, self.label.encoding);
        let charset = self.label.charset.as_deref();
        let text = match (
            charset.and_then(|name| charset_decoder(name.as_bytes())),
            bytes,
        ) {
            (Some(decoder), bytes) => Cow::Owned(decoder(&bytes)),
            (None, Cow::Borrowed(bytes)) => String::from_utf8_lossy(bytes),
            (None, Cow::Owned(bytes)) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        };
        (text, is_cut)
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let mut stream = MessageStream::new(bytes);
    let (end, decoded) = match encoding {
        Encoding::Plain => return Cow::Borrowed(bytes),
        Encoding::Base64 => stream.decode_base64_mime(b""),
        Encoding::QuotedPrintable => stream.decode_quoted_printable_mime(b""),
    };
    if end == usize::MAX {
        Cow::Borrowed(bytes)
    } else {
        decoded
    }
}

/// What a message is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PartTree<'a> {
    pub(super) header: &'a [u8],
    pub(super) leaves: Vec<Leaf<'a>>,
    /// Leaves that are its text, as HTML and without.
    pub(super) html: Vec<usize>,
    pub(super) text: Vec<usize>,
    /// Leaves that are attached.
    pub(super) attached: Vec<usize>,
    /// True if parts beyond a bound were left out, or taken for text.
    pub(super) cut: bool,
}

/// Finds the parts of a message, `left` at most; `None` if it has neither fields nor a body.
pub(super) fn grow<'a>(message: &'a [u8], left: &mut usize) -> Option<PartTree<'a>> {
    let mut walk = PartWalk {
        message,
        labels: LabelText::new(),
        levels: Vec::new(),
        boundaries: HashMap::new(),
        within: 0,
        state: vec![BodyState::default()],
        now: Now::Header(0),
        tree: PartTree::default(),
        left,
    };
    let mut at = 0;
    while at < message.len() {
        let rest = &message[at..];
        let end = at + memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = &message[at..end];
        if let Some((level, last)) = walk.boundary(line) {
            walk.part_ends(at, true);
            walk.reach(level, last, at, end);
        } else if let Now::Header(start) = walk.now
            && line.trim_ascii().is_empty()
        {
            walk.header_ends(start, at, end);
        }
        if walk.tree.cut && *walk.left == 0 {
            walk.now = Now::Between;
            break;
        }
        at = end;
    }
    walk.part_ends(message.len(), false);
    walk.close(0, at.min(message.len()));
    let PartWalk { tree, .. } = walk;
    let has_fields = super::field::fields(tree.header).next().is_some();
    (has_fields || !tree.leaves.is_empty()).then_some(tree)
}

/// What lies around a line.
#[derive(Debug)]
enum Level {
    Multipart {
        boundary: Vec<u8>,
        /// The level whose boundary is the same.
        hides: Option<usize>,
        /// Where its first line is, and what it is, should its boundary never come.
        unopened: Option<(usize, Label)>,
    },
    /// A message, by its leaf.
    Message { leaf: usize, start: usize },
}

/// What a line belongs to.
#[derive(Debug, Clone)]
enum Now {
    Header(usize),
    Body(usize, Box<Label>),
    /// What stands before, behind and between parts.
    Between,
}

/// What of the message at the top has been found within a multipart.
#[derive(Debug, Clone, Copy)]
struct BodyState {
    kind: FieldKind,
    in_alternative: bool,
    parts: usize,
    html: usize,
    text: usize,
    need_html: bool,
    need_text: bool,
}

impl Default for BodyState {
    fn default() -> Self {
        Self {
            kind: FieldKind::Message,
            in_alternative: false,
            parts: 0,
            html: 0,
            text: 0,
            need_html: true,
            need_text: true,
        }
    }
}

#[derive(Debug)]
struct PartWalk<'a, 'l> {
    message: &'a [u8],
    labels: LabelText,
    levels: Vec<Level>,
    /// Boundaries that are looked for, and their levels.
    boundaries: HashMap<Vec<u8>, usize>,
    /// Messages among the levels.
    within: usize,
    /// Of the message itself and of each multipart of it that is open.
    state: Vec<BodyState>,
    now: Now,
    tree: PartTree<'a>,
    left: &'l mut usize,
}

impl<'a> PartWalk<'a, '_> {
    /// The level whose boundary a line is, and whether it is the last one.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        if self.boundaries.is_empty() {
            return None;
        }
        let name = line.strip_prefix(b"--")?.trim_ascii_end();
        if let Some(level) = self.boundaries.get(name) {
            return Some((*level, false));
        }
        let level = self.boundaries.get(name.strip_suffix(b"--")?)?;
        Some((*level, true))
    }

    /// A header ended with the empty line from `at` to `end`.
    fn header_ends(&mut self, start: usize, at: usize, end: usize) {
        let header = &self.message[start..at];
        let is_digest = self.within == 0 && self.state_kind() == FieldKind::Digest;
        let label = self.labels.read(header, is_digest);
        if self.levels.is_empty() && start == 0 {
            self.tree.header = header;
        }
        if let Some(Level::Message { leaf, start: from }) = self.levels.last()
            && *from == start
            && let Some(leaf) = self.tree.leaves.get_mut(*leaf)
        {
            leaf.header = header;
        }
        if self.within == 0
            && let Some(state) = self.state.last_mut()
        {
            state.parts += 1;
        }
        let is_deep = self.levels.len() >= LEVELS;
        let boundary = label.boundary.as_deref().map(str::trim_ascii_end);
        let boundary = boundary.filter(|b| !b.is_empty() && label.kind.is_multipart());
        self.now = if let Some(boundary) = boundary.filter(|_| !is_deep) {
            let boundary = boundary.as_bytes().to_vec();
            self.open(boundary, label, end);
            Now::Between
        } else if label.kind == FieldKind::Message && label.encoding == Encoding::Plain && !is_deep
        {
            if self.within == 0 {
                self.tree.attached.push(self.tree.leaves.len());
            }
            let leaf = self.tree.leaves.len();
            if !self.push(label, &[]) {
                return;
            }
            self.within += 1;
            self.levels.push(Level::Message { leaf, start: end });
            Now::Header(end)
        } else {
            self.tree.cut |=
                is_deep && (label.kind.is_multipart() || label.kind == FieldKind::Message);
            Now::Body(end, Box::new(label))
        };
    }

    fn open(&mut self, boundary: Vec<u8>, label: Label, end: usize) {
        if self.within == 0 {
            let outer = self.state.last().copied().unwrap_or_default();
            self.state.push(BodyState {
                kind: label.kind,
                in_alternative: outer.in_alternative || label.kind == FieldKind::Alternative,
                parts: 0,
                html: self.tree.html.len(),
                text: self.tree.text.len(),
                ..outer
            });
        }
        let level = self.levels.len();
        let hides = self.boundaries.insert(boundary.clone(), level);
        self.levels.push(Level::Multipart {
            boundary,
            hides,
            unopened: Some((end, label)),
        });
    }

    fn state_kind(&self) -> FieldKind {
        self.state
            .last()
            .map_or(FieldKind::Message, |state| state.kind)
    }

    /// The line from `at` to `end` is a boundary of this level.
    fn reach(&mut self, level: usize, last: bool, at: usize, end: usize) {
        self.close(level + 1, at);
        if let Some(Level::Multipart { unopened, .. }) = self.levels.get_mut(level) {
            *unopened = None;
        }
        if last {
            self.close(level, at);
            self.now = Now::Between;
        } else {
            self.now = Now::Header(end);
        }
    }

    /// Closes levels from this one on, the innermost first.
    fn close(&mut self, level: usize, at: usize) {
        while self.levels.len() > level {
            match self.levels.pop() {
                Some(Level::Message { leaf, start }) => {
                    self.within -= 1;
                    let bytes = &self.message[start.min(at)..at];
                    if let Some(leaf) = self.tree.leaves.get_mut(leaf) {
                        leaf.bytes = without_end(bytes, at < self.message.len());
                    }
                }
                Some(Level::Multipart {
                    boundary,
                    hides,
                    unopened,
                }) => {
                    match hides {
                        Some(outer) => self.boundaries.insert(boundary, outer),
                        None => self.boundaries.remove(&boundary),
                    };
                    if self.within == 0 {
                        self.settle();
                    }
                    if let Some((start, label)) = unopened {
                        let bytes = &self.message[start.min(at)..at];
                        let label = Label {
                            kind: FieldKind::OtherText,
                            ..label
                        };
                        if !bytes.is_empty() {
                            self.leaf(label, without_end(bytes, at < self.message.len()));
                        }
                    }
                }
                None => return,
            }
        }
    }

    /// Of alternatives that have no second form, the one serves for both.
    fn settle(&mut self) {
        let Some(state) = self.state.pop() else {
            return;
        };
        let PartTree { html, text, .. } = &mut self.tree;
        if state.kind == FieldKind::Alternative && state.need_html && state.need_text {
            if state.text == text.len() {
                text.extend_from_slice(&html[state.html.min(html.len())..]);
            } else if state.html == html.len() {
                html.extend_from_slice(&text[state.text.min(text.len())..]);
            }
        }
    }

    /// A part ended, in front of a boundary or with the message.
    fn part_ends(&mut self, at: usize, is_boundary: bool) {
        match std::mem::replace(&mut self.now, Now::Between) {
            Now::Body(start, label) => {
                let bytes = &self.message[start.min(at)..at];
                self.leaf(*label, without_end(bytes, is_boundary));
            }
            // One without an empty line is a header.
            Now::Header(start) if start < at || is_boundary => {
                self.header_ends(start, at, at);
                if let Now::Body(_, label) = std::mem::replace(&mut self.now, Now::Between)
                    && (is_boundary || !self.levels.is_empty())
                {
                    self.leaf(*label, &[]);
                }
            }
            Now::Header(_) | Now::Between => {}
        }
    }

    /// Takes in a leaf, and sees what of the message it is.
    fn leaf(&mut self, label: Label, bytes: &'a [u8]) {
        let (kind, index) = (label.kind, self.tree.leaves.len());
        let (attached, named) = (label.is_attachment, label.is_named);
        if !self.push(label, bytes) || self.within > 0 {
            return;
        }
        let Some(state) = self.state.last_mut() else {
            return;
        };
        let is_inline = kind.is_inline()
            && !attached
            && (state.parts <= 1
                || state.kind != FieldKind::Related && (kind == FieldKind::Media || !named));
        let (as_html, as_text) = if state.kind == FieldKind::Alternative {
            (kind == FieldKind::Html, kind == FieldKind::Plain)
        } else if is_inline {
            if state.in_alternative && (state.need_text || state.need_html) {
                state.need_text &= kind != FieldKind::Html;
                state.need_html &= kind != FieldKind::Plain;
            }
            (state.need_html, state.need_text)
        } else {
            (false, false)
        };
        let tree = &mut self.tree;
        if as_html {
            tree.html.push(index);
        }
        if as_text {
            tree.text.push(index);
        }
        let is_shown = match kind {
            FieldKind::Html => as_html,
            kind => kind.is_text() && as_text,
        };
        if !is_shown {
            tree.attached.push(index);
        }
    }

    /// False if there is no room for it.
    fn push(&mut self, label: Label, bytes: &'a [u8]) -> bool {
        if *self.left == 0 {
            self.tree.cut = true;
            return false;
        }
        *self.left -= 1;
        self.tree.leaves.push(Leaf {
            label,
            bytes,
            header: &[],
            within: self.within,
        });
        true
    }
}

/// Bytes in front of a boundary, without the line end that belongs to that.
fn without_end(bytes: &[u8], is_boundary: bool) -> &[u8] {
    if !is_boundary {
        return bytes;
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// The parts of a message of its own.
pub(super) fn whole(message: &[u8]) -> Option<PartTree<'_>> {
    let mut left = PARTS;
    grow(message, &mut left)
}
