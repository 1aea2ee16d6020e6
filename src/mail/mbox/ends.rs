//! Line ends, there and back.

/// Makes LF of each CR LF.
#[derive(Debug, Default)]
pub(crate) struct ToLf {
    /// A CR was held back.
    held: bool,
}

impl ToLf {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.held) && bytes[0] != b'\n' {
            out.push(b'\r');
        }
        let mut rest = bytes;
        while let Some(cr) = memchr::memchr(b'\r', rest) {
            out.extend_from_slice(&rest[..cr]);
            match rest.get(cr + 1) {
                None => self.held = true,
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
            rest = &rest[cr + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Ends the message.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            out.push(b'\r');
        }
    }
}

/// Makes CR LF of each LF.
pub(crate) fn to_crlf(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(lf) = memchr::memchr(b'\n', rest) {
        out.extend_from_slice(&rest[..lf]);
        out.extend_from_slice(b"\r\n");
        rest = &rest[lf + 1..];
    }
    out.extend_from_slice(rest);
}
