//! The body of an object, checked to be the part that was asked for.

use std::io::{self, Read};
use std::ops::Range;

use super::pace::Paced;
use super::request::HttpAnswer;
use super::{ObjectBody, ObjectName, S3Store};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::stage::Stage;
use crate::net::transport::explain;

/// The body of an answer to a request for this part.
pub(super) fn body<'s>(
    store: &'s S3Store,
    name: &ObjectName,
    answer: HttpAnswer,
    range: &Range<u64>,
) -> Result<ObjectBody<'s>> {
    let first = match answer.status() {
        206 => answer.header("content-range").and_then(first_byte),
        // It sends all, of which the beginning may be what is wanted.
        _ => Some(0),
    };
    if first != Some(range.start) {
        return Err(store.fault(StoreFault::Garbled {
            what: format!("another part of {name} came than was asked for"),
        }));
    }
    let reader = S3Body {
        store,
        reader: answer.0.into_body().into_reader(),
    };
    Ok(Box::new(Paced::new(reader, store.patience())))
}

/// The first byte of `bytes 5-9/100`.
fn first_byte(range: &str) -> Option<u64> {
    let range = range.strip_prefix("bytes")?.trim_start();
    range.split_once('-')?.0.parse().ok()
}

/// Gives errors the name of the server.
struct S3Body<'s, R> {
    store: &'s S3Store,
    reader: R,
}

impl<R: Read> Read for S3Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        read.map_err(|error| io::Error::other(explained(self.store, error)))
    }
}

/// What failed when a body failed.
pub(super) fn explained(store: &S3Store, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => explain(&store.server, &Stage::Command("GET".into()), error),
    }
}
