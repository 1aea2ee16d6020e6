//! Servers that work on a limited number of messages per command (RFC 9738).
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn what_lies_beyond_the_limit_is_asked_for_in_smaller_sets() {
    answers(
        &[1, 2, 3, 4, 5],
        "C: m2 UID FETCH 1:5 (UID BODY.PEEK[])
         S: * 5 UIDFETCH (BODY[] {2}
         S: 
         S: )
         S: * 4 FETCH (UID 4 BODY[] {2}
         S: 
         S: )
         S: * NO [MESSAGELIMIT 2 4] part
         S: m2 OK [HIGHESTMODSEQ 7] done
         C: m3 UID FETCH 1:2 (UID BODY.PEEK[])
         C: m4 UID FETCH 3 (UID BODY.PEEK[])
         S: m3 NO [MESSAGELIMIT 1] too many messages
         C: m5 UID FETCH 1 (UID BODY.PEEK[])
         S: * 3 FETCH (UID 3 BODY[] {2}
         S: 
         S: )
         S: m4 OK
         C: m6 UID FETCH 2 (UID BODY.PEEK[])
         S: m5 NO [MESSAGELIMIT 1] too many messages
         C: m7 UID FETCH 1 (UID FLAGS BODY.PEEK[])
         S: * 2 FETCH (UID 2 BODY[] {2}
         S: 
         S: )
         S: m6 OK
         S: m7 NO [MESSAGELIMIT 1] too many messages",
        &[
            (5, Ok("\r\n")),
            (4, Ok("\r\n")),
            (3, Ok("\r\n")),
            (2, Ok("\r\n")),
            (1, Err("NO [MESSAGELIMIT 1] too many messages")),
        ],
    );
}

#[test]
fn where_a_limit_is_known_no_command_asks_for_more() {
    let script = "C: m2 UID FETCH 1:2 (UID BODY.PEEK[])
         C: m3 UID FETCH 3:4 (UID BODY.PEEK[])
         S: * BYE enough";
    fetch("MESSAGELIMIT=2", &[1, 2, 3, 4, 5], script, |outcome, _| {
        outcome.unwrap_err();
    });
}
