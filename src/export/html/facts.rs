//! What an archive has to know of a message besides its page: what a reading of it finds, and
//! nothing that depends on its folders and flags.

use serde::{Deserialize, Serialize};

use super::people::{self, NamedAddress};
use crate::mail::message::Hash128;
use crate::mail::readable::{self, Parts};

/// Changes whenever a message gives other facts than before.
pub(super) const VERSION: u32 = 1;

/// They follow from the bytes of a message alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LetterFacts {
    /// Attachments besides the pictures that its HTML shows.
    pub(super) attachments: u64,
    /// Bytes of its text, as HTML and without.
    pub(super) weight: u64,
    /// Hashes of the Message-IDs that it has and names.
    pub(super) named: Vec<String>,
    /// Who is in its fields From, and To and Cc.
    pub(super) from: Vec<NamedAddress>,
    pub(super) to: Vec<NamedAddress>,
    /// Its field To in few words.
    pub(super) addressees: String,
    /// To, Cc and Bcc.
    pub(super) recipients: String,
    /// The names of its attachments.
    pub(super) files: Vec<String>,
}

impl LetterFacts {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let parts = readable::parts(bytes);
        let mail = readable::read(bytes);
        let html = parts.html.as_ref().map_or(0, String::len);
        let mut facts = Self {
            attachments: attached(&parts),
            weight: (html + mail.text.len()) as u64,
            named: named(&parts),
            recipients: readable::recipients(bytes),
            files: parts.attachments.iter().map(|f| f.name.clone()).collect(),
            ..Self::default()
        };
        for (field, value) in &mail.headers {
            match field.as_str() {
                "From" => facts.from.extend(people::addresses(value)),
                "To" | "Cc" => facts.to.extend(people::addresses(value)),
                _ => {}
            }
        }
        let to = mail.headers.iter().find(|(name, _)| name == "To");
        facts.addressees = to.map_or_else(String::new, |(_, value)| people::addressees(value));
        facts
    }

    /// Hashes of the Message-IDs that it has and names.
    pub(super) fn named(&self) -> Vec<Hash128> {
        let ids = self.named.iter();
        ids.filter_map(|id| Hash128::parse(id)).collect()
    }
}

fn named(parts: &Parts<'_>) -> Vec<String> {
    let ids = parts.message_id.iter().chain(&parts.ancestors);
    ids.map(|id| Hash128::of(id.as_bytes()).to_string())
        .collect()
}

/// How many attachments a message has besides the pictures that its HTML shows.
fn attached(parts: &Parts<'_>) -> u64 {
    let html = parts.html.as_deref().unwrap_or_default();
    let is_shown = |id: &String| html.contains(&format!("cid:{id}"));
    let files = parts.attachments.iter();
    files
        .filter(|file| !file.content_id.as_ref().is_some_and(is_shown))
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails because messages give other facts than before, change [`VERSION`], too: else
    /// archives go by what they know.
    #[test]
    fn the_facts_of_a_message_are_those_of_this_version() {
        let mail =
            b"From: \"Lee, Ann\" <Ann@example.org>\r\nTo: Bob <bob@example.org>, c@x.org\r\n\
            Bcc: d@x.org\r\nSubject: hello\r\nMessage-ID: <1@x>\r\nReferences: <0@x>\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
            --b\r\nContent-Type: text/html\r\n\r\n<p>Hello <img src=\"cid:p\"></p>\r\n\
            --b\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <p>\r\n\r\nx\r\n\
            --b\r\nContent-Disposition: attachment; filename=\"plan.pdf\"\r\n\r\nx\r\n--b--\r\n";
        let facts = LetterFacts::of(mail);
        let text = serde_json::to_string(&facts).unwrap_or_default();
        assert_eq!(
            (VERSION, text.as_str()),
            (
                1,
                concat!(
                    r#"{"attachments":1,"weight":36,"#,
                    r#""named":["67e910e35a5b205e4a3127f4a2cc9d2d","cbb76de32c961a2cb4090895bb4b4727"],"#,
                    r#""from":[{"name":"Lee, Ann","address":"ann@example.org"}],"#,
                    r#""to":[{"name":"Bob","address":"bob@example.org"},{"name":"","address":"c@x.org"}],"#,
                    r#""addressees":"Bob and 1 more","#,
                    r#""recipients":"Bob <bob@example.org>, c@x.org, d@x.org","#,
                    r#""files":["p.png","plan.pdf"]}"#,
                )
            )
        );
        let again: LetterFacts = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(again, facts);
        assert_eq!(facts.named().len(), 2);
    }
}
