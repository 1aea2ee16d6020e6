//! A line to a server with its troubles: slow, cut, or to a server that says less of what
//! it can do. For clear connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What is wrong with a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// How long a byte takes to come to the other end.
    pub(crate) delay: Duration,
    /// The server takes so many octets of a client at once, and how long it takes for them.
    pub(crate) pace: Option<(usize, Duration)>,
    /// The first connection ends when the client has sent so many bytes.
    pub(crate) cut_after: Option<usize>,
    /// Words that the server does not get to say, each in one piece.
    pub(crate) hide: &'static [&'static str],
}

/// Opens such a line and gives its port. It ends with the process.
pub(crate) fn line_to(server: SocketAddr, trouble: &Trouble) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut trouble = trouble.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let hide = trouble.hide;
            let down = (server.try_clone().unwrap(), client.try_clone().unwrap());
            carry(down, trouble.delay, None, None, move |bytes| {
                overwrite(bytes, hide);
            });
            carry(
                (client, server),
                trouble.delay,
                trouble.pace,
                trouble.cut_after.take(),
                |_| {},
            );
        }
    });
    port
}

fn carry(
    (mut from, mut to): (TcpStream, TcpStream),
    delay: Duration,
    pace: Option<(usize, Duration)>,
    mut cut_after: Option<usize>,
    mut each: impl FnMut(&mut [u8]) + Send + 'static,
) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            each(&mut chunk[..n]);
            let n = cut_after.map_or(n, |left| left.min(n));
            let sent = sender.send((Instant::now() + delay, chunk[..n].to_vec()));
            if let Some(left) = &mut cut_after {
                *left -= n;
            }
            if sent.is_err() || cut_after == Some(0) {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (octets, pause) = pace.unwrap_or((usize::MAX, Duration::ZERO));
            let written = bytes.chunks(octets).all(|piece| {
                std::thread::sleep(pause);
                to.write_all(piece).is_ok()
            });
            if !written {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn overwrite(bytes: &mut [u8], words: &[&str]) {
    for word in words {
        while let Some(at) = bytes.windows(word.len()).position(|w| w == word.as_bytes()) {
            bytes[at..at + word.len()].fill(b'X');
        }
    }
}
