//! How long mail stays in the vault: `[retention]`.

use std::time::Duration;

/// What `mailvault forget --by-rule` goes by. It removes nothing by being there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retention {
    /// Never what fits one of these queries, as written.
    pub keep: Vec<String>,
    /// What goes once it is old.
    pub forget_after: Vec<RetentionRule>,
}

/// A kind of mail that goes once it is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Which mail, as written.
    pub query: String,
    /// How long ago it was received, at least.
    pub age: Duration,
    /// The age, as written.
    pub age_text: String,
}
