//! The keys that a page answers to, as its panel lists them. The scripts of pages (`page.js`,
//! `search.js`) do what is said here, and the panel is there only where they run.

/// Keys that do the same, and what that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyHint {
    pub(super) keys: &'static [&'static str],
    pub(super) does: &'static str,
}

const fn hint(keys: &'static [&'static str], does: &'static str) -> KeyHint {
    KeyHint { keys, does }
}

const PANEL: KeyHint = hint(&["?"], "open or close this panel");
const SEARCH: KeyHint = hint(&["/"], "search");
const CLOSE: KeyHint = hint(&["Esc"], "close it");

/// Of a page without messages.
pub(super) const PLAIN: &[KeyHint] = &[SEARCH, PANEL, CLOSE];

/// Of a page with a list of messages.
pub(super) const LIST: &[KeyHint] = &[
    hint(&["j"], "next message of the list"),
    hint(&["k"], "previous message of the list"),
    hint(&["Enter"], "open the message"),
    SEARCH,
    PANEL,
    CLOSE,
];

/// Of a page with several messages of a conversation.
pub(super) const CONVERSATION: &[KeyHint] = &[
    hint(&["j"], "next message of the conversation"),
    hint(&["k"], "previous message of the conversation"),
    hint(&["Enter"], "fold or unfold the message"),
    SEARCH,
    PANEL,
    CLOSE,
];

/// Of a page with one message.
pub(super) const LETTER: &[KeyHint] = &[
    hint(&["j"], "to the next message of the folder"),
    hint(&["k"], "to the previous message of the folder"),
    hint(&["Enter"], "open it"),
    SEARCH,
    PANEL,
    CLOSE,
];

/// Of the search.
pub(super) const FOUND: &[KeyHint] = &[
    hint(&["/"], "to the search field"),
    hint(&["Enter"], "in the field: open the first message found"),
    hint(&["j"], "next message found"),
    hint(&["k"], "previous message found"),
    hint(&["?"], "outside of the field: open or close this panel"),
    hint(&["Esc"], "close it, or clear the field"),
];
