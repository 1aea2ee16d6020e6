//! How much of a message is worked on, whatever it holds: every bound on foreign content, in
//! one place.
//!
//! Bounds count bytes, levels and pieces, never time, so that the same message always comes
//! out the same. They hold for what is shown, searched and made into pages; copies of a
//! message (`show --raw`, mbox, Maildir, eml) have all of its bytes. Each is far above what
//! mail has that somebody wrote to be read.

/// Bytes of a message that are looked at; with what is made of them it fits into 64 MiB.
pub const MESSAGE: usize = 16 << 20;

/// Bytes of a header field that are decoded: encoded words are decoded into memory.
pub(crate) const FIELD: usize = 64 << 10;

/// Bytes of a field that describes a part: putting together the pieces of a parameter
/// (RFC 2231) takes work by their number times their length.
pub(crate) const PART_FIELD: usize = 8 << 10;

/// Fields of one part that describe it: some mail has several of a kind, none has dozens.
pub(crate) const PART_FIELDS: usize = 32;

/// Parts of a message: each takes some hundred bytes of memory, and two bytes in the mail.
pub(crate) const PARTS: usize = 10_000;

/// Levels of parts within parts; each has a boundary that later lines may name.
pub(crate) const LEVELS: usize = 1_024;

/// Messages within messages whose texts can be searched for.
pub(crate) const MESSAGES_WITHIN: usize = 4;

/// Messages within messages that had to be decoded first: each is held in memory.
pub(crate) const DECODED_WITHIN: usize = 3;

/// Bytes of one text, as they lie in the message, that are decoded: with its charset and its
/// markup turned into text, it is held in memory several times.
pub(crate) const TEXT: usize = 4 << 20;

/// The same of a plain text that is only searched.
pub(crate) const SEARCHED: usize = MESSAGE;

/// Bytes of all addressees together that the index keeps.
pub(crate) const ADDRESSEES: usize = 64 << 10;

/// Bytes of all words of a message that the search of an archive of pages finds: those of its
/// addresses, its subject and the names of its attachments.
pub(crate) const ARCHIVE_WORDS: usize = 256 << 10;

/// Bytes of HTML that are made into a page; longer HTML is shown as its text.
pub(crate) const HTML: usize = 2 << 20;

/// Tags within tags of a page: the parser's work grows with their number times their depth.
pub(crate) const HTML_LEVELS: usize = 256;

/// Tags, pieces of text and entities of a page. Each tag and piece of text counts once more for
/// every piece of formatting that is open around it, since the parser may repeat that for each.
pub(crate) const HTML_NODES: usize = 100_000;

/// Pieces of formatting (`b`, `font`) that may be open at once.
pub(crate) const HTML_FORMATS: usize = 16;

/// Attributes of a tag: the parser compares each with all before it.
pub(crate) const HTML_ATTRIBUTES: usize = 64;

/// Attachments that are saved next to a page: each is a file of its own.
pub(crate) const HTML_FILES: usize = 1_000;

/// Bytes of all style sheets of a message together that are looked at.
pub(crate) const STYLES: usize = 256 << 10;

/// Rules of a style sheet, and levels of what stands in brackets in it.
pub(crate) const STYLE_RULES: usize = 10_000;
pub(crate) const STYLE_LEVELS: usize = 16;
