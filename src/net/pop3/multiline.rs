//! The end and the dot-stuffing of a multi-line answer (RFC 1939 s.3).
//!
//! Only `CR LF . CR LF` ends one. A dot counts only directly after CR LF (or at the
//! very start): a bare LF begins no line, so mail that holds `LF . LF` passes whole.

use memchr::memmem;

/// Takes the stuffing out of a stream that comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unstuffer {
    /// Inside a line.
    Text,
    /// After a CR, which was passed on.
    Cr,
    /// After CR LF, or at the very start.
    LineStart,
    /// After a dot at the start of a line, held back.
    Dot,
    /// After dot and CR, both held back.
    DotCr,
    /// After the final line.
    End,
}

/// What one step took and gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineStep {
    /// Bytes taken from the input.
    pub(super) taken: usize,
    /// Bytes written to the output.
    pub(super) given: usize,
}

impl Unstuffer {
    /// The state before the first byte.
    pub(super) fn new() -> Self {
        Self::LineStart
    }

    /// True once the final line was taken.
    pub(super) fn ended(self) -> bool {
        self == Self::End
    }

    /// Moves as much as there is, and as fits, from `input` to `output`.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> LineStep {
        let (mut taken, mut given) = (0, 0);
        while taken < input.len() && given < output.len() && *self != Self::End {
            match *self {
                Self::Text => {
                    let room = (output.len() - given).min(input.len() - taken);
                    let text = &input[taken..taken + room];
                    let run = if let Some(at) = memmem::find(text, b"\r\n.") {
                        *self = Self::LineStart;
                        at + 2
                    } else {
                        if text.ends_with(b"\r\n") {
                            *self = Self::LineStart;
                        } else if text.ends_with(b"\r") {
                            *self = Self::Cr;
                        }
                        text.len()
                    };
                    output[given..given + run].copy_from_slice(&text[..run]);
                    taken += run;
                    given += run;
                }
                Self::Cr => {
                    *self = match input[taken] {
                        b'\n' => Self::LineStart,
                        b'\r' => Self::Cr,
                        _ => Self::Text,
                    };
                    output[given] = input[taken];
                    taken += 1;
                    given += 1;
                }
                Self::LineStart => {
                    if input[taken] == b'.' {
                        *self = Self::Dot;
                        taken += 1;
                    } else {
                        *self = Self::Text;
                    }
                }
                // A dot that ends nothing is dropped, whatever follows it.
                Self::Dot => {
                    if input[taken] == b'\r' {
                        *self = Self::DotCr;
                        taken += 1;
                    } else {
                        *self = Self::Text;
                    }
                }
                Self::DotCr => {
                    if input[taken] == b'\n' {
                        *self = Self::End;
                        taken += 1;
                    } else {
                        output[given] = b'\r';
                        given += 1;
                        *self = Self::Cr;
                    }
                }
                Self::End => {}
            }
        }
        LineStep { taken, given }
    }
}

#[cfg(test)]
mod tests {
    use crate::net::pop3::fuzzing::{assert_any_cut, assert_restored, unstuff};
    use proptest::prelude::*;

    #[test]
    fn only_crlf_dot_crlf_ends_a_message() {
        for (wire, body, ended) in [
            (&b".\r\n"[..], &b""[..], true),
            (b"a\r\n.\r\n", b"a\r\n", true),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", true),
            (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", true),
            (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", true),
            (b"a\r\n.b\r\n.\r\n", b"a\r\nb\r\n", true),
            (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", true),
            (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n", true),
            (b"a\r\r\n.\r\n", b"a\r\r\n", true),
            (b"a\r\n.\n", b"a\r\n\n", false),
            (b"a\r\n.", b"a\r\n", false),
            (b"a", b"a", false),
        ] {
            for chunk in 1..8 {
                for room in 1..4 {
                    let (out, _, end) = unstuff(wire, chunk, room);
                    assert_eq!((&out[..], end), (body, ended), "{wire:?} by {chunk}");
                }
            }
        }
    }

    #[test]
    fn nothing_behind_the_end_is_taken() {
        let (out, taken, ended) = unstuff(b"a\r\n.\r\n+OK next", 64, 64);
        assert_eq!((&out[..], taken, ended), (&b"a\r\n"[..], 6, true));
    }

    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(&b".\r\nab\0\xff"[..]), 0..60)
    }

    proptest! {
        #[test]
        fn stuffing_is_undone_in_any_pieces(body in nasty(), chunk in 1usize..20, room in 1usize..20) {
            assert_restored(&body, chunk, room);
        }

        #[test]
        fn pieces_do_not_matter(wire in nasty(), chunk in 1usize..20, room in 1usize..20) {
            assert_any_cut(&wire, chunk, room);
        }
    }
}
