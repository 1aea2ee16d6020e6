//! From the network thread to the compressors: a few pooled buffers that are reused.
//!
//! One arena carries many small messages and is one item of work; it is handed on
//! before the network thread waits. A message that fills its arena becomes a stream
//! of arenas to one worker. The pool bounds memory whatever the messages' sizes.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::mail::source::Listing;

/// Arenas that go round, on all connections, and at least on each; their size in bytes.
const ARENAS: usize = 12;
const LEAST_ARENAS: usize = 4;
const ARENA: usize = 256 << 10;
/// Messages that one arena carries at most.
const MESSAGES: usize = 64;

/// A message that is complete in one arena.
#[derive(Debug)]
pub(super) struct ArenaPiece {
    pub(super) listing: Listing,
    start: usize,
    end: usize,
}

/// A buffer on loan from the pool; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Arena {
    bytes: Box<[u8]>,
    used: usize,
    home: Sender<Box<[u8]>>,
}

impl Drop for Arena {
    fn drop(&mut self) {
        // The pool is gone when the transfer is over.
        let _ = self.home.send(std::mem::take(&mut self.bytes));
    }
}

impl AsRef<[u8]> for Arena {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

/// One item of work.
#[derive(Debug)]
pub(super) struct Work {
    arena: Arena,
    pieces: Vec<ArenaPiece>,
    /// The last message of the arena, if it continues in others.
    long: Option<Long>,
}

#[derive(Debug)]
struct Long {
    listing: Listing,
    start: usize,
    rest: Receiver<StreamPart>,
}

/// What follows of a long message; a stream that ends without `End` was cut off.
#[derive(Debug)]
enum StreamPart {
    More(Arena),
    End,
}

impl Work {
    /// The messages that lie whole in this arena.
    pub(super) fn whole(&self) -> impl Iterator<Item = (&ArenaPiece, &[u8])> {
        self.pieces
            .iter()
            .map(|p| (p, &self.arena.bytes[p.start..p.end]))
    }

    /// The message that begins in this arena and continues in others.
    pub(super) fn into_long(self) -> Option<FeedStream> {
        let long = self.long?;
        Some(FeedStream {
            listing: long.listing,
            first: Some((self.arena, long.start)),
            rest: long.rest,
            whole: false,
        })
    }
}

/// A long message as it comes in.
#[derive(Debug)]
pub(super) struct FeedStream {
    pub(super) listing: Listing,
    first: Option<(Arena, usize)>,
    rest: Receiver<StreamPart>,
    whole: bool,
}

/// Some bytes of a long message.
#[derive(Debug)]
pub(super) struct Chunk {
    arena: Arena,
    start: usize,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.arena.as_ref()[self.start..]
    }
}

impl FeedStream {
    /// The next bytes; `None` at the end, or where the message was cut off.
    pub(super) fn next(&mut self) -> Option<Chunk> {
        if let Some((arena, start)) = self.first.take() {
            return Some(Chunk { arena, start });
        }
        match self.rest.recv() {
            Ok(StreamPart::More(arena)) => Some(Chunk { arena, start: 0 }),
            Ok(StreamPart::End) => {
                self.whole = true;
                None
            }
            Err(_) => None,
        }
    }

    /// True once the message has come to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }
}

/// Why a message could not be taken.
#[derive(Debug)]
pub(super) enum Stuck {
    /// Reading failed; the session knows why.
    Read,
    /// Nobody works any more.
    NoWorkers,
}

/// The network thread's end.
#[derive(Debug)]
pub(super) struct Feeder {
    work: SyncSender<Work>,
    free: Receiver<Box<[u8]>>,
    home: Sender<Box<[u8]>>,
    made: usize,
    /// So many may be made.
    most: usize,
    arena: Option<Arena>,
    pieces: Vec<ArenaPiece>,
}

/// The workers' end; whoever is idle takes the next item.
#[derive(Debug)]
pub(super) struct WorkQueue(Mutex<Receiver<Work>>);

impl WorkQueue {
    /// The next item; `None` when the transfer is over.
    pub(super) fn next(&self) -> Option<Work> {
        let work = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work.recv().ok()
    }
}

/// A new belt between one network thread and its workers, next to those of other connections.
pub(super) fn belt(connections: usize) -> (Feeder, WorkQueue) {
    let most = (ARENAS / connections.max(1)).max(LEAST_ARENAS);
    let (work, inbox) = sync_channel(ARENAS);
    let (home, free) = channel();
    let feeder = Feeder {
        work,
        free,
        home,
        made: 0,
        most,
        arena: None,
        pieces: Vec::new(),
    };
    (feeder, WorkQueue(Mutex::new(inbox)))
}

impl Feeder {
    /// Takes a message as it comes in; tells `progress` how many bytes each read returned.
    pub(super) fn take(
        &mut self,
        listing: &Listing,
        body: &mut dyn Read,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Stuck> {
        if self.pieces.len() == MESSAGES || !self.seems_to_fit(listing) {
            self.hand_over()?;
        }
        let mut arena = match self.arena.take() {
            Some(arena) => arena,
            None => self.fresh()?,
        };
        let start = arena.used;
        loop {
            match read(body, &mut arena.bytes[arena.used..]) {
                Ok(0) => break,
                Ok(n) => {
                    progress(n);
                    arena.used += n;
                }
                Err(_) => {
                    arena.used = start;
                    self.arena = Some(arena);
                    return Err(Stuck::Read);
                }
            }
            if arena.used == arena.bytes.len() {
                return self.take_long(listing, body, arena, start, progress);
            }
        }
        self.pieces.push(ArenaPiece {
            listing: listing.clone(),
            start,
            end: arena.used,
        });
        self.arena = Some(arena);
        Ok(())
    }

    fn take_long(
        &mut self,
        listing: &Listing,
        body: &mut dyn Read,
        arena: Arena,
        start: usize,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Stuck> {
        let (more, rest) = sync_channel(ARENAS);
        let long = Long {
            listing: listing.clone(),
            start,
            rest,
        };
        let pieces = std::mem::take(&mut self.pieces);
        let work = Work {
            arena,
            pieces,
            long: Some(long),
        };
        self.work.send(work).map_err(|_| Stuck::NoWorkers)?;
        loop {
            let mut arena = self.fresh()?;
            let mut ended = false;
            while arena.used < arena.bytes.len() {
                match read(body, &mut arena.bytes[arena.used..]) {
                    Ok(0) => {
                        ended = true;
                        break;
                    }
                    Ok(n) => {
                        progress(n);
                        arena.used += n;
                    }
                    Err(_) => return Err(Stuck::Read),
                }
            }
            more.send(StreamPart::More(arena))
                .map_err(|_| Stuck::NoWorkers)?;
            if ended {
                return more.send(StreamPart::End).map_err(|_| Stuck::NoWorkers);
            }
        }
    }

    /// Forgets the last message, of which nothing came.
    pub(super) fn take_back(&mut self) {
        self.pieces.pop();
    }

    /// Hands on what was collected.
    pub(super) fn hand_over(&mut self) -> Result<(), Stuck> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let Some(arena) = self.arena.take() else {
            return Ok(());
        };
        let pieces = std::mem::take(&mut self.pieces);
        let work = Work {
            arena,
            pieces,
            long: None,
        };
        self.work.send(work).map_err(|_| Stuck::NoWorkers)
    }

    /// Judged by the listed size, which is only a hint; the CRLF that POP3 may add and
    /// one byte to see the end by are allowed for.
    fn seems_to_fit(&self, listing: &Listing) -> bool {
        let Some(arena) = &self.arena else {
            return true;
        };
        let room = (arena.bytes.len() - arena.used) as u64;
        listing
            .octets
            .is_some_and(|octets| octets.saturating_add(3) <= room)
    }

    fn fresh(&mut self) -> Result<Arena, Stuck> {
        let bytes = match self.free.try_recv() {
            Ok(bytes) => bytes,
            Err(_) if self.made < self.most => {
                self.made += 1;
                vec![0; ARENA].into_boxed_slice()
            }
            Err(_) => self.free.recv().map_err(|_| Stuck::NoWorkers)?,
        };
        Ok(Arena {
            bytes,
            used: 0,
            home: self.home.clone(),
        })
    }
}

fn read(body: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match body.read(into) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
