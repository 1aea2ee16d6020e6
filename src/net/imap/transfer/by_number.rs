//! Messages that a server sends without their UID (RFC 9051 s.7.5.2 requires it): they are
//! identified by their number, which the server is asked for just before. Numbers change when
//! a message is removed, so this is for reading only, and ends when the server first reports a
//! removal.

use std::io::{Read, Write};

use super::{BODILESS, GONE, HELD, Transfer};
use crate::base::error::Result;
use crate::net::imap::fetch::{self, Content};
use crate::net::imap::reply::Reply;
use crate::net::imap::wire::AnswerHead;

/// What came in answer to a command about one message.
#[derive(Debug, Default)]
struct NumberedAnswer {
    number: u32,
    content: Option<Vec<u8>>,
    /// True if a message went meanwhile: numbers mean others from then on.
    moved: bool,
}

impl<S: Read + Write> Transfer<'_, '_, '_, S> {
    /// Fetches a message by its UID and takes the answer that has its number.
    pub(super) fn fetch_by_number(&mut self, at: usize) -> Result<()> {
        let uid = self.entries[at].uid;
        let asked = self.ask_one(uid, "UID", 0)?;
        if asked.number == 0 || asked.moved {
            return self.refuse(at, GONE.to_owned());
        }
        let item = format!("UID FLAGS {}", self.section.item());
        let answer = self.ask_one(uid, &item, asked.number)?;
        match answer.content {
            Some(content) if !answer.moved => self.deliver(at, &content),
            _ => self.refuse(at, BODILESS.to_owned()),
        }
    }

    /// Asks for one message with nothing else under way. An answer is its own if it has its
    /// UID, or no UID and its `number`.
    fn ask_one(&mut self, uid: u32, items: &str, number: u32) -> Result<NumberedAnswer> {
        let tag = self.wire.begin(&format!("UID FETCH {uid} ({items})"))?;
        let mut found = NumberedAnswer::default();
        let is_ours = |item: &fetch::FetchItem| {
            item.row.uid == uid || item.row.uid == 0 && number > 0 && item.number == number
        };
        loop {
            let head = self.wire.receive()?;
            let (item, state) = fetch::read(self.wire.text(), self.wire.section);
            if let AnswerHead::Body(octets) = head {
                let mut body = self.wire.body(item, octets);
                let mut message = Vec::new();
                if octets <= HELD {
                    body.hold(&mut message)?;
                }
                if is_ours(&body.drain()?) && octets <= HELD && !found.moved {
                    found.content = Some(message);
                }
                continue;
            }
            if state == fetch::FetchState::Whole {
                if is_ours(&item) {
                    found.number = item.number;
                    if let Content::Inline(text) = item.content {
                        found.content = Some(text);
                    }
                }
                continue;
            }
            match self.wire.reply()? {
                Reply::Result(theirs, _) if theirs == tag.as_bytes() => return Ok(found),
                Reply::Result(..) => {
                    return Err(self.wire.channel.broken("it answers another command"));
                }
                Reply::Data { word, .. } => {
                    found.moved |= word.eq_ignore_ascii_case(b"EXPUNGE")
                        || word.eq_ignore_ascii_case(b"VANISHED");
                }
                _ => {}
            }
        }
    }
}
