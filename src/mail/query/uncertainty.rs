//! Messages of which it is not certain that they are what a server has.

/// Why a stored message is not certain to be what the server has (`docs/SAFETY.md`, Evidence).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertainty {
    /// It has header and size of a received one.
    Recognised,
    /// It does not agree with what was listed.
    Doubtful,
    /// The same doubtful bytes came again later.
    Settled,
    /// The whole message came since.
    Superseded,
}

impl Uncertainty {
    pub(super) const ALL: [Self; 4] = [
        Self::Recognised,
        Self::Doubtful,
        Self::Settled,
        Self::Superseded,
    ];

    /// Reads what a query has, in any case.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|uncertainty| uncertainty.as_str().eq_ignore_ascii_case(word))
    }

    /// As a query has it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Recognised => "recognised",
            Self::Doubtful => "doubtful",
            Self::Settled => "settled",
            Self::Superseded => "superseded",
        }
    }
}
