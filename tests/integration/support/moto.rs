//! A real program that speaks S3: moto, a simulation of Amazon's services, from a folder of its
//! own below `target`, on a free port.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running moto, ended by its process id when dropped.
pub(crate) struct Moto {
    process: Child,
    pub(crate) port: u16,
}

/// Where `bootstrap.sh` puts it.
fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/moto_server")
}

impl Moto {
    /// Starts it; none where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        if !program().is_file() {
            super::skip("moto is not below target/moto");
            return None;
        }
        let port = super::free_port();
        let process = Command::new(program())
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { process, port };
        super::await_port(port, Duration::from_secs(60));
        Some(moto)
    }

    /// Makes a bucket, which keeps old versions if wanted.
    pub(crate) fn make_bucket(&self, name: &str, versions: bool) {
        assert_eq!(self.send("PUT", &format!("/{name}"), ""), 200);
        if versions {
            let body = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                        <Status>Enabled</Status></VersioningConfiguration>";
            assert_eq!(self.send("PUT", &format!("/{name}?versioning"), body), 200);
        }
    }

    /// Puts an object as somebody who overwrites.
    pub(crate) fn overwrite(&self, bucket: &str, key: &str, body: &str) {
        assert_eq!(self.send("PUT", &format!("/{bucket}/{key}"), body), 200);
    }

    /// Deletes an object, of which a bucket that keeps versions only takes note.
    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        assert_eq!(self.send("DELETE", &format!("/{bucket}/{key}"), ""), 204);
    }

    fn send(&self, method: &str, path: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // It takes any key, and finds the service by it.
        let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {signed}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
