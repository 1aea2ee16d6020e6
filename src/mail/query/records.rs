//! What of a query the records of a vault answer, without a look at any message.

use super::{Query, Term, What};

impl What {
    /// True if only the message itself says it.
    fn is_of_contents(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::From(_)
            | Self::To(_)
            | Self::Subject(_)
            | Self::MessageId(_)
            | Self::HasAttachment => true,
            Self::Account(_)
            | Self::AnyAccount(_)
            | Self::Folder(_)
            | Self::Id(_)
            | Self::ReceivedFrom(_)
            | Self::ReceivedBefore(_)
            | Self::Weekday(_)
            | Self::Hour(_)
            | Self::LargerThan(_)
            | Self::SmallerThan(_)
            | Self::OnServer
            | Self::Uncertain(_) => false,
        }
    }
}

impl Query {
    /// True if messages must be looked at to answer it.
    #[must_use]
    pub fn needs_contents(&self) -> bool {
        self.terms.iter().any(|term| term.what.is_of_contents())
    }

    /// The terms that need no look at messages. What fits the query fits them, too.
    #[must_use]
    pub fn of_records(&self) -> Self {
        let terms = self.terms.iter();
        let kept = terms.filter(|term| !term.what.is_of_contents());
        Self {
            terms: kept.cloned().collect(),
        }
    }

    /// The same in any of these accounts; in all if there are none.
    #[must_use]
    pub fn in_accounts(mut self, accounts: &[String]) -> Self {
        if !accounts.is_empty() {
            self.terms.push(Term {
                negated: false,
                what: What::AnyAccount(accounts.to_vec()),
            });
        }
        self
    }

    /// True if it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::Utc;

    use super::super::parse;

    #[test]
    fn what_records_do_not_answer_is_left_out() {
        let words = [
            "invoice",
            "-from:ann",
            "to:bob",
            "subject:x",
            "msgid:a@b",
            "has:attachment",
        ];
        let plain = [
            "account:work",
            "-folder:Trash",
            "id:4f2a",
            "after:2020",
            "older:90d",
            "weekday:sat",
            "-hour:14",
            "larger:5M",
            "smaller:10M",
            "on:server",
            "is:superseded",
        ];
        let now = Utc::now();
        let all = parse(&[&words[..], &plain].concat(), now).unwrap();
        assert!(all.needs_contents());
        let kept = all.of_records();
        assert_eq!(kept, parse(&plain, now).unwrap());
        assert!(!kept.needs_contents());
        for word in words {
            let query = parse(&[word], now).unwrap();
            assert!(
                query.needs_contents() && query.of_records().is_empty(),
                "{word}"
            );
        }
    }

    #[test]
    fn accounts_are_one_more_term() {
        let query = parse(&["after:2020"], Utc::now()).unwrap();
        assert_eq!(query.clone().in_accounts(&[]), query);
        let both = query.in_accounts(&["work".to_owned(), "my home".to_owned()]);
        let text = "after:2020-01-01 account:work or account:\"my home\"";
        assert_eq!(both.to_string(), text);
        assert!(both.names_an_account() && !both.needs_contents());
    }
}
