//! The JSON of a head.

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use super::{HEAD_LIMIT, HeadError, HeadObject, PushHead, SEQ_LIMIT, is_object_name};
use crate::offsite::pack::{hex, is_hex, unhex};

/// The format that this program writes, and the newest that it reads.
const FORMAT: u64 = 1;

/// All that a reader of any format may rely on.
#[derive(Deserialize)]
struct HeadFormat {
    format: u64,
}

#[derive(Serialize, Deserialize)]
struct HeadText {
    format: u64,
    vault: String,
    seq: u64,
    previous: Option<String>,
    time: String,
    objects: Vec<ObjectText>,
    replaces: Vec<String>,
    begin: u64,
    whole: bool,
}

#[derive(Serialize, Deserialize)]
struct ObjectText {
    name: String,
    size: u64,
    sha256: String,
    md5: String,
}

impl ObjectText {
    fn of(object: &HeadObject) -> Self {
        Self {
            name: object.name.clone(),
            size: object.size,
            sha256: hex(&object.sha256),
            md5: hex(&object.md5),
        }
    }

    fn read(self) -> Option<HeadObject> {
        let read = HeadObject {
            size: self.size,
            sha256: unhex(&self.sha256)?,
            md5: unhex(&self.md5)?,
            name: self.name,
        };
        is_object_name(&read.name).then_some(read)
    }
}

fn format_time(time: i64) -> String {
    let time = DateTime::from_timestamp(time, 0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads what [`format_time`] writes, and nothing else.
fn parse_time(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.timestamp();
    (format_time(time) == text).then_some(time)
}

impl PushHead {
    /// Its bytes, in the one form in which this program writes a head.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = HeadText {
            format: FORMAT,
            vault: self.vault.clone(),
            seq: self.seq,
            previous: self.previous.map(|hash| hex(&hash)),
            time: format_time(self.time),
            objects: self.objects.iter().map(ObjectText::of).collect(),
            replaces: self.replaces.clone(),
            begin: self.begin,
            whole: self.whole,
        };
        // A structure of texts and numbers always has a JSON.
        let mut bytes = serde_json::to_vec_pretty(&text).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a head.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        if bytes.len() as u64 > HEAD_LIMIT {
            return Err(HeadError::TooLong);
        }
        let format: HeadFormat = serde_json::from_slice(bytes).map_err(|_| HeadError::NotAHead)?;
        match format.format {
            FORMAT => {}
            0 => return Err(HeadError::Value { key: "format" }),
            format => return Err(HeadError::NewerFormat { format }),
        }
        let text: HeadText = serde_json::from_slice(bytes).map_err(|_| HeadError::NotAHead)?;
        Self::read(text)
    }

    fn read(text: HeadText) -> Result<Self, HeadError> {
        let wrong = |key| HeadError::Value { key };
        let previous = match &text.previous {
            Some(hash) => Some(unhex(hash).ok_or_else(|| wrong("previous"))?),
            None => None,
        };
        let objects = text.objects.into_iter().map(ObjectText::read);
        let head = Self {
            vault: text.vault,
            seq: text.seq,
            previous,
            time: parse_time(&text.time).ok_or_else(|| wrong("time"))?,
            objects: objects
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("objects"))?,
            replaces: text.replaces,
            begin: text.begin,
            whole: text.whole,
        };
        if !is_hex(&head.vault, 32) {
            return Err(wrong("vault"));
        }
        if !(1..=SEQ_LIMIT).contains(&head.seq) {
            return Err(wrong("seq"));
        }
        if (head.seq == 1) != head.previous.is_none() {
            return Err(wrong("previous"));
        }
        if !(1..=head.seq).contains(&head.begin) {
            return Err(wrong("begin"));
        }
        let objects = head.objects.iter().map(|object| &object.name);
        let mut names: Vec<&String> = objects.chain(&head.replaces).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|two| two.first() == two.last());
        if twice || !head.replaces.iter().all(|name| is_object_name(name)) {
            return Err(wrong("replaces"));
        }
        Ok(head)
    }
}
