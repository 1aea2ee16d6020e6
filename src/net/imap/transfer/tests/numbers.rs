//! Messages that come without their UID.
#![allow(clippy::unwrap_used)]

use super::*;

/// A server that leaves the UID out of what it sends with a message.
const NAMELESS: &str = "C: m2 UID FETCH 3 (UID BODY.PEEK[])
     S: * 7 FETCH (BODY[] {4}
     S: hi
     S: )
     S: m2 OK
     C: m3 UID FETCH 3 (UID FLAGS BODY.PEEK[])
     S: * 7 FETCH (BODY[] {4}
     S: hi
     S: )
     S: m3 OK
     ";

#[test]
fn a_message_without_its_uid_is_told_by_its_number() {
    let number = "C: m4 UID FETCH 3 (UID)
     S: * 7 FETCH (UID 3)
     S: m4 OK
     C: m5 UID FETCH 3 (UID FLAGS BODY.PEEK[])
     ";
    for (answers_then, expected) in [
        (
            "S: * 6 FETCH (BODY[] {4}
             S: no
             S: )
             S: * 7 FETCH (BODY[] {4}
             S: hi
             S: )",
            Ok("hi\r\n"),
        ),
        ("S: * 6 FETCH (BODY[] \"no\")", Err(BODILESS)),
        ("S: * 7 FETCH (UID 4 BODY[] \"no\")", Err(BODILESS)),
        (
            "S: * 2 EXPUNGE
             S: * 7 FETCH (BODY[] \"no\")",
            Err(BODILESS),
        ),
    ] {
        let script = format!("{NAMELESS}{number}{answers_then}\nS: m5 OK");
        answers(&[3], &script, &[(3, expected)]);
    }
    let unnumbered = format!("{NAMELESS}C: m4 UID FETCH 3 (UID)\nS: m4 OK");
    answers(&[3], &unnumbered, &[(3, Err(GONE))]);
}

#[test]
fn where_something_is_deleted_a_number_tells_no_message() {
    let script = format!(
        "C: m1 SELECT \"INBOX\"
         S: * OK [UIDVALIDITY 7]
         S: m1 OK [READ-WRITE] in
         {NAMELESS}"
    );
    play_as("", &script, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
        let mut answers = Answers::new();
        folder
            .fetch(&[listing(7, 3, 4)], &mut note(&mut answers))
            .unwrap();
        assert_eq!(answers, [(3, Err(GONE.into()))]);
    });
}
