//! DELE and QUIT (RFC 1939 s.5 and 6): what the server deletes, it deletes at QUIT.

use std::fmt::Write as _;
use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::base::stage::Stage;
use crate::mail::source::{Kept, Listing};
use crate::net::pop3::wire::{Answer, Pop3Wire};

/// Deletes messages and ends the session; `ahead` commands go out in one write.
///
/// The highest number goes first: a server that renumbers at once, which RFC 1939
/// forbids, then moves only messages that were asked for already.
pub(super) fn delete<S: Read + Write>(
    wire: &mut Pop3Wire<S>,
    wanted: &[Listing],
    ahead: usize,
) -> Result<Vec<Kept>> {
    let mut wanted: Vec<&Listing> = wanted.iter().collect();
    wanted.sort_unstable_by_key(|listing| std::cmp::Reverse(listing.number));
    let mut kept = Vec::new();
    let mut quit_sent = false;
    let flights = wanted.len().div_ceil(ahead.max(1));
    for (n, flight) in (1..).zip(wanted.chunks(ahead.max(1))) {
        let mut lines = String::new();
        for listing in flight {
            // Writing to a String cannot fail.
            let _ = write!(lines, "DELE {}\r\n", listing.number);
        }
        if n == flights && ahead > 1 {
            lines.push_str("QUIT\r\n");
            quit_sent = true;
        }
        tracing::debug!(target: "dialogue", "C: DELE of {} messages, {n} of {flights}", flight.len());
        wire.channel.stage = Stage::Command("DELE".into());
        wire.channel.send(lines.as_bytes())?;
        for listing in flight {
            wire.channel.stage = Stage::Command(format!("DELE {}", listing.number).into());
            match wire.answer()? {
                Answer::Ok(_) => {}
                Answer::Err(text) => kept.push(Kept {
                    listing: (*listing).clone(),
                    reply: wire.refusal(&text),
                }),
                Answer::Challenge(_) => return Err(wire.channel.broken("an answer was due")),
            }
        }
    }
    if !quit_sent {
        send_quit(wire)?;
    }
    take_quit(wire)?;
    Ok(kept)
}

/// Asks for the end of the session.
pub(super) fn send_quit<S: Read + Write>(wire: &mut Pop3Wire<S>) -> Result<()> {
    tracing::debug!(target: "dialogue", "C: QUIT");
    wire.channel.stage = Stage::Command("QUIT".into());
    wire.channel.send(b"QUIT\r\n")
}

/// Takes the answer to QUIT.
pub(super) fn take_quit<S: Read + Write>(wire: &mut Pop3Wire<S>) -> Result<()> {
    wire.channel.stage = Stage::Command("QUIT".into());
    match wire.answer()? {
        Answer::Ok(_) => Ok(()),
        Answer::Err(text) => Err(Error::Refused {
            server: wire.channel.server().clone(),
            command: "QUIT".to_owned(),
            reply: wire.refusal(&text),
        }),
        Answer::Challenge(_) => Err(wire.channel.broken("an answer was due")),
    }
}
