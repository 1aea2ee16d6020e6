//! The response code of a reply: the word in brackets after its status (RFC 2449 s.8,
//! RFC 3206, RFC 5530).

/// The code at the beginning of a text that follows a status word: `LOGIN-DELAY` of
/// `[LOGIN-DELAY] wait`.
#[must_use]
pub(crate) fn of_text(text: &[u8]) -> Option<&[u8]> {
    let inside = text.trim_ascii_start().strip_prefix(b"[")?;
    inside.split(|b| *b == b']').next()
}

/// The code of a whole reply, as errors quote it: `-ERR [IN-USE] locked`, `a1 NO [LIMIT] later`.
#[must_use]
pub(crate) fn of_reply(reply: &str) -> Option<&str> {
    // A tag and a status word at most stand before it.
    let mut rest = reply.trim_start();
    for _ in 0..2 {
        if rest.starts_with('[') {
            break;
        }
        rest = rest.split_once(' ')?.1.trim_start();
    }
    let code = of_text(rest.as_bytes())?;
    std::str::from_utf8(code).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_behind_the_status_and_nowhere_else() {
        assert_eq!(of_reply("-ERR [LOGIN-DELAY] wait"), Some("LOGIN-DELAY"));
        assert_eq!(of_reply("-ERR  [SYS/TEMP] x"), Some("SYS/TEMP"));
        assert_eq!(of_reply("a1 NO [LIMIT] later"), Some("LIMIT"));
        assert_eq!(of_reply("[IN-USE] x"), Some("IN-USE"));
        for none in [
            "",
            "-ERR",
            "-ERR no",
            "-ERR mailbox is [IN-USE]",
            "* BYE go [X]",
        ] {
            assert_eq!(of_reply(none), None, "{none}");
        }
        assert_eq!(of_text(b"[AUTH] no"), Some(&b"AUTH"[..]));
        assert_eq!(of_text(b"no [AUTH]"), None);
    }
}
