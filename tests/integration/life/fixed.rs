//! Fixed histories: what came is told from what was only promised.

use std::fs;

#[cfg(feature = "faults")]
use super::history::{Life, Step};
use super::line::locked;
#[cfg(feature = "faults")]
use super::living::live;
use super::model::{Fault, NumberingHabit, ServerKind, SizeHabit, TopHabit};
use super::stage::{Stage, Way, letter};

/// So many letters teach us what the server's sizes are worth.
const ENOUGH: usize = 36;

/// A mail that some device sends: no Message-ID, and always the same header.
fn alarm(n: usize) -> Vec<u8> {
    format!(
        "From: alarm@example.org\r\nTo: ann@example.org\r\nSubject: Alarm\r\n\
         Date: Mon, 7 Mar 2016 10:00:00 +0000\r\n\r\nsensor {n:03} has opened\r\n"
    )
    .into_bytes()
}

/// A message without an empty line.
fn headless(text: &str) -> Vec<u8> {
    format!("Subject: one\r\nMessage-ID: <one@example.org>\r\n{text}\r\n").into_bytes()
}

fn plain(way: Way) -> Stage {
    Stage::new(way, ServerKind::PLAIN)
}

/// The message in this place is listed with 10 KiB, whatever it has.
fn ten_kib(place: usize) -> Fault {
    Fault::WrongSize {
        place,
        octets: 10 << 10,
    }
}

/// An account whose last message, a letter without text, came with another size than listed.
fn one_of_another_size(way: Way) -> (Stage, u32) {
    let stage = plain(way);
    stage.settle(ENOUGH);
    let uid = stage.deliver("INBOX", &letter("small", ""));
    stage.fault(ten_kib(ENOUGH));
    stage.expect(&[("pull", 3)]);
    (stage, uid)
}

/// The same, and the same octets came again more than an hour later.
fn one_that_is_settled(way: Way) -> (Stage, u32) {
    let (stage, uid) = one_of_another_size(way);
    stage.age(25);
    let _ = stage.run(&["pull"]);
    assert_eq!(stage.found(&["is:settled"]), 1, "{way:?}");
    (stage, uid)
}

#[test]
fn a_mailbox_that_is_numbered_anew_for_each_reader_is_archived_and_purged() {
    for (numbering, bodies_again) in [(NumberingHabit::Command, 0), (NumberingHabit::Session, 5)] {
        let kind = ServerKind {
            numbering,
            ..ServerKind::PLAIN
        };
        let stage = Stage::new(Way::Imap, kind);
        let all = five(&stage, 3);
        stage.expect(&[("pull", 0)]);
        assert_eq!(stage.bodies().len(), 5, "{numbering:?}");
        // Numbers that held for the first session cannot be told from lasting ones in it.
        stage.expect(&[("pull", 0)]);
        assert_eq!(stage.bodies().len(), bodies_again, "{numbering:?}");
        stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0), ("verify", 0)]);
        assert_eq!(
            (stage.bodies().len(), stage.left()),
            (0, 0),
            "{numbering:?}"
        );
        stage.holds(&all);
        assert_eq!(stage.stored().len(), 5, "{numbering:?}");
        stage.nothing_lost();
    }
}

#[test]
fn equal_headers_and_sizes_do_not_make_two_bodies_one() {
    for dedupe in ["\"message-id\"", "\"exact\""] {
        let mut stage = plain(Way::Imap);
        stage.set("dedupe", dedupe);
        let (one, other) = (letter("the same", "aaaa"), letter("the same", "bbbb"));
        stage.deliver("INBOX", &one);
        stage.deliver("Sent", &other);
        stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0), ("verify", 0)]);
        stage.holds([one, other]);
        assert_eq!(stage.left(), 0, "{dedupe}");
    }
}

#[test]
fn a_later_mailbox_does_not_count_as_archived_by_equal_headers_and_sizes() {
    let stage = plain(Way::Imap);
    let (one, other) = (letter("the same", "aaaa"), letter("the same", "bbbb"));
    stage.deliver("INBOX", &one);
    stage.expect(&[("pull", 0)]);
    stage.deliver("Sent", &other);
    stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0), ("purge", 0)]);
    stage.holds([one, other]);
}

#[test]
fn equal_headers_over_both_protocols_do_not_make_two_bodies_one() {
    for dedupe in ["\"message-id\"", "\"exact\""] {
        let mut stage = plain(Way::Pop3);
        stage.set("dedupe", dedupe);
        let mut one = letter("the same", "aaaa");
        let mut other = letter("the same", "bbbb");
        for mail in [&mut one, &mut other] {
            mail.truncate(mail.len() - 2);
        }
        stage.deliver("INBOX", &one);
        stage.expect(&[("pull", 0)]);
        // POP3 listed two octets more, for the line end that it adds.
        stage.deliver("Sent", &other);
        stage.read_over(Way::Imap);
        stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0), ("verify", 0)]);
        stage.holds([other]);
        assert!(stage.has(&[&one[..], b"\r\n"].concat()), "{dedupe}");
    }
}

#[test]
fn sixty_alarms_with_one_header_are_sixty_messages() {
    let stage = plain(Way::Pop3);
    let (old, new): (Vec<_>, Vec<_>) =
        ((0..30).map(alarm).collect(), (30..60).map(alarm).collect());
    for mail in &old {
        stage.deliver("INBOX", mail);
    }
    stage.expect(&[("pull", 0)]);
    locked(&stage.account).folder("INBOX").take(|_| true);
    for mail in &new {
        stage.deliver("INBOX", mail);
    }
    stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0), ("verify", 0)]);
    stage.holds(old.iter().chain(&new));
    stage.nothing_lost();
    assert_eq!((stage.stored().len(), stage.left()), (60, 0));
}

#[test]
fn a_message_that_was_cut_is_fetched_again_and_its_stub_superseded() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let whole = letter("long", &"a line of it\r\n".repeat(40));
    stage.deliver("INBOX", &whole);
    stage.fault(Fault::Cut {
        place: ENOUGH,
        keep: whole.len() - 100,
    });
    stage.expect(&[("pull", 3), ("audit", 3)]);
    stage.recover();
    stage.expect(&[("pull", 0), ("audit", 0)]);
    stage.holds([&whole]);
    assert_eq!(stage.found(&["is:superseded"]), 1);
    assert_eq!(stage.found(&["subject:long"]), 1);
    stage.expect(&[("purge", 0), ("verify", 0)]);
    assert_eq!(stage.left(), 0);
}

#[test]
fn a_message_that_grew_under_its_name_is_fetched_again() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let whole = letter("long", &"a line of it\r\n".repeat(40));
    let uid = stage.deliver("INBOX", &whole[..whole.len() - 100]);
    stage.expect(&[("pull", 0)]);
    // Same name, same header, and now the whole of it.
    locked(&stage.account).replace("INBOX", uid, &whole);
    stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0)]);
    stage.holds([&whole]);
    stage.expect(&[("purge", 0)]);
    stage.nothing_lost();
}

#[test]
fn text_that_is_no_field_tells_messages_apart() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        let both = [headless("the first text"), headless("and another one")];
        for mail in &both {
            stage.deliver("INBOX", mail);
        }
        stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0)]);
        stage.holds(&both);
    }
}

/// Pulls from a server that errs, which must be noticed, and then from one that does not.
#[track_caller]
fn errs_then_recovers(stage: &Stage, all: &[Vec<u8>]) {
    stage.expect(&[("pull", 3), ("audit", 3)]);
    stage.recover();
    stage.expect(&[("pull", 0), ("audit", 0)]);
    stage.holds(all);
    stage.expect(&[("purge", 0), ("verify", 0)]);
    stage.nothing_lost();
    assert_eq!(stage.left(), 0);
}

/// Five letters after those that are there, of lengths that differ by `step` words.
fn five(stage: &Stage, step: usize) -> Vec<Vec<u8>> {
    let letters = (0..5).map(|n| letter(&format!("number {n}"), &"word ".repeat(5 + n * step)));
    let letters: Vec<Vec<u8>> = letters.collect();
    for mail in &letters {
        stage.deliver("INBOX", mail);
    }
    letters
}

#[test]
fn the_first_message_for_every_number_is_noticed() {
    for (settled, step) in [(ENOUGH, 3), (0, 3), (0, 0)] {
        let stage = plain(Way::Pop3);
        if settled > 0 {
            stage.settle(settled);
        }
        let all = five(&stage, step);
        stage.fault(Fault::FirstForAll);
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn the_first_message_for_every_uid_is_noticed() {
    for settled in [ENOUGH, 0] {
        let stage = plain(Way::Imap);
        if settled > 0 {
            stage.settle(settled);
        }
        let all = five(&stage, 3);
        stage.fault(Fault::FirstForAll);
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_wrong_answer_that_comes_alone_in_a_later_session_is_noticed() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        // Of one size, so that only the header tells.
        let all = [letter("number 1", "aaaa"), letter("number 2", "bbbb")];
        stage.deliver("INBOX", &all[0]);
        stage.expect(&[("pull", 0)]);
        stage.deliver("INBOX", &all[1]);
        stage.fault(Fault::FirstForAll);
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_wrong_answer_among_messages_that_are_vouched_for_is_noticed() {
    let kind = ServerKind {
        guids: true,
        ..ServerKind::PLAIN
    };
    let stage = Stage::new(Way::Imap, kind);
    let all = [letter("number 1", "aaaa"), letter("number 2", "bbbb")];
    stage.deliver("INBOX", &all[0]);
    stage.expect(&[("pull", 0)]);
    locked(&stage.account).folder("INBOX").renumber();
    stage.deliver("INBOX", &all[1]);
    stage.fault(Fault::FirstForAll);
    errs_then_recovers(&stage, &all);
}

#[test]
fn a_wrong_answer_that_fits_as_long_as_nobody_knows_how_lines_are_counted_is_noticed() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        let mut all: Vec<Vec<u8>> = (0..ENOUGH)
            .map(|n| letter(&format!("letter {n}"), &"filling ".repeat(n)))
            .collect();
        // The answer to the last but one is the last, which has its size with line ends
        // counted as one octet.
        let last = letter("last", &"filling ".repeat(ENOUGH + 20));
        let lines = last.split(|b| *b == b'\n').count() - 1;
        let mut one = letter("last", "");
        let room = last.len() - lines - one.len();
        one.splice(one.len() - 2..one.len() - 2, vec![b'x'; room]);
        all.extend([one, last]);
        for mail in &all {
            stage.deliver("INBOX", mail);
        }
        stage.fault(Fault::Swapped { place: ENOUGH });
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_wrong_answer_is_noticed_once_the_counting_is_known_though_the_line_broke() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        let next = letter("next", &"filling ".repeat(60));
        let lines = next.split(|b| *b == b'\n').count() - 1;
        // Of the size of the next one with line ends counted as one octet.
        let mut first = letter("next", "");
        let room = next.len() - lines - first.len();
        first.splice(first.len() - 2..first.len() - 2, vec![b'x'; room]);
        let mut all = vec![first, next];
        // Their length breaks the line, and only the session after that has enough messages.
        all.extend((0..10).map(|n| letter(&format!("long {n}"), &"filling ".repeat(400))));
        all.extend((0..ENOUGH + 8).map(|n| letter(&format!("short {n}"), "filling ")));
        for mail in &all {
            stage.deliver("INBOX", mail);
        }
        stage.fault(Fault::Swapped { place: 0 });
        stage.fault(Fault::Drop { after: 25_000 });
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_wrong_answer_is_noticed_by_its_size_where_headers_say_nothing() {
    let kind = ServerKind {
        unstable_headers: true,
        ..ServerKind::PLAIN
    };
    for way in [Way::Pop3, Way::Imap] {
        let stage = Stage::new(way, kind.clone());
        let one = letter("first", &"filling ".repeat(9));
        let lines = one.iter().filter(|b| **b == b'\n').fold(0, |n, _| n + 1);
        // Of the size of the first with line ends counted as one octet.
        let mut two = letter("next", "");
        let room = one.len() - lines - two.len();
        two.splice(two.len() - 2..two.len() - 2, vec![b'x'; room]);
        let all = [one, two];
        for mail in &all {
            stage.deliver("INBOX", mail);
        }
        stage.fault(Fault::FirstForAll);
        stage.expect(&[("pull", 3)]);
        stage.recover();
        stage.expect(&[("pull", 0)]);
        stage.holds(&all);
    }
}

#[test]
fn a_wrong_answer_that_comes_again_does_not_settle() {
    let kind = ServerKind {
        sizes: SizeHabit::Estimated,
        ..ServerKind::PLAIN
    };
    let stage = Stage::new(Way::Imap, kind);
    let all = [letter("number 1", "aaaa"), letter("number 2", "bbbbbbb")];
    for mail in &all {
        stage.deliver("INBOX", mail);
    }
    stage.fault(Fault::FirstForAll);
    stage.expect(&[("pull", 3)]);
    stage.age(25);
    stage.expect(&[("pull", 3), ("audit", 3)]);
    stage.recover();
    stage.age(8 * 24);
    // The right answer does not fit its size either, and settles when it comes again.
    stage.expect(&[("pull", 3)]);
    stage.age(25);
    stage.expect(&[("pull", 0)]);
    stage.holds(&all);
}

#[test]
fn what_is_settled_is_received_again_a_month_later() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        stage.settle(ENOUGH);
        let all = five(&stage, 3);
        let place = ENOUGH + 1;
        stage.fault(Fault::Cut { place, keep: 144 });
        stage.expect(&[("pull", 3)]);
        stage.age(25);
        stage.expect(&[("pull", 0), ("audit", 3)]);
        stage.recover();
        stage.expect(&[("pull", 0)]);
        assert_eq!(stage.found(&["is:settled"]), 1);
        stage.age(31 * 24);
        stage.expect(&[("pull", 0), ("audit", 0)]);
        stage.holds(&all);
    }
}

#[test]
fn one_more_status_line_is_noticed() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let all = five(&stage, 3);
    stage.fault(Fault::ExtraStatus { place: ENOUGH + 2 });
    errs_then_recovers(&stage, &all);
}

#[test]
fn numbers_that_an_arrival_has_shifted_are_noticed() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let all = five(&stage, 3);
    stage.fault(Fault::Shifted);
    errs_then_recovers(&stage, &all);
}

#[test]
fn a_swapped_body_is_noticed() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        stage.settle(ENOUGH);
        let all = five(&stage, 3);
        stage.fault(Fault::Swapped { place: ENOUGH + 1 });
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_size_that_is_never_met_is_doubted_and_later_settled() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let mut mail = letter("small", "");
    let room = 148 - mail.len() % 148;
    mail.splice(mail.len() - 2..mail.len() - 2, vec![b'x'; room]);
    stage.deliver("INBOX", &mail);
    stage.fault(ten_kib(ENOUGH));
    stage.expect(&[("pull", 3), ("audit", 3)]);
    stage.holds([&mail]);
    // The same octets more than an hour later: the listing is wrong.
    stage.age(25);
    let _ = stage.run(&["pull"]);
    assert_eq!(stage.found(&["is:settled"]), 1);
    assert_eq!(stage.found(&["is:doubtful"]), 0);
    // Settled is not received: what has leave is received again and compared, or stays.
    stage.expect(&[("audit", 3), ("verify", 0)]);
    stage.nothing_lost();
}

#[test]
fn a_vouched_message_that_is_edited_in_place_is_found_by_an_audit() {
    let kind = ServerKind {
        guids: true,
        ..ServerKind::PLAIN
    };
    let stage = Stage::new(Way::Imap, kind);
    stage.settle(ENOUGH);
    locked(&stage.account).folder("INBOX").renumber();
    stage.expect(&[("pull", 0)]);
    assert!(stage.bodies().is_empty());
    stage.expect(&[("audit", 0)]);
    stage.age(25);
    {
        let mut account = locked(&stage.account);
        let message = account.folder("INBOX").messages[12].clone();
        let mut bytes = message.bytes.clone();
        let at = bytes.windows(9).position(|w| w == b"Subject: ").unwrap();
        bytes[at + 9] = b'X';
        account.replace("INBOX", message.uid, &bytes);
    }
    stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0)]);
    stage.expect(&[("purge", 0)]);
    stage.nothing_lost();
}

#[test]
fn what_is_in_doubt_or_settled_is_fetched_again_when_that_is_asked_for() {
    for way in [Way::Pop3, Way::Imap] {
        for hours in [0, 25] {
            let stage = plain(way);
            stage.settle(ENOUGH);
            let mail = letter("cut", &"text ".repeat(40));
            stage.deliver("INBOX", &mail);
            let cut = Fault::Cut {
                place: ENOUGH,
                keep: 150,
            };
            stage.fault(cut);
            stage.expect(&[("pull", 3)]);
            stage.age(hours);
            let _ = stage.run(&["pull"]);
            let is = if hours > 0 {
                "is:settled"
            } else {
                "is:doubtful"
            };
            assert_eq!(stage.found(&[is]), 1, "{way:?} {hours}");
            stage.recover();
            // Now the server gives it whole.
            let read = ["audit", "work", "--read-data"];
            let _ = stage.run(&read).expect_code(3);
            let _ = stage.run(&["pull", "--compare"]).expect_code(0);
            stage.holds([&mail]);
            stage.expect(&[("audit", 0)]);
        }
    }
}

#[test]
fn what_stays_as_it_was_stays_settled_when_it_is_fetched_again() {
    let (stage, _) = one_that_is_settled(Way::Pop3);
    for _ in 0..2 {
        let _ = stage.run(&["pull", "--compare"]).expect_code(0);
        assert_eq!(stage.found(&["is:settled"]), 1);
        let read = ["audit", "work", "--read-data"];
        let _ = stage.run(&read).expect_code(3);
        assert_eq!(stage.found(&["is:settled"]), 1);
    }
}

#[test]
fn a_name_that_was_gone_has_its_header_read_when_it_comes_back() {
    for way in [Way::Pop3, Way::Imap] {
        let stage = plain(way);
        stage.settle(ENOUGH);
        stage.expect(&[("audit", 0), ("purge", 0), ("pull", 0)]);
        {
            // The server counts from the start again, and another message has name and size.
            let mut account = locked(&stage.account);
            let other = letter("settled Z", "filling ");
            let deleted = account.deleted[0].clone();
            assert_eq!(other.len(), deleted.key.1.len());
            account.folder("INBOX").uidnext = deleted.uid;
            account.deliver("INBOX", &other);
            let message = account.folder("INBOX").messages.last_mut().unwrap();
            (message.uidl, message.date) = (deleted.uidl, 1_600_000_060);
        }
        let _ = stage.run(&["pull"]);
        stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0), ("purge", 0)]);
        stage.nothing_lost();
    }
}

#[test]
fn a_doubtful_message_with_another_date_is_doubtful_still() {
    let (stage, uid) = one_of_another_size(Way::Imap);
    {
        let mut account = locked(&stage.account);
        let folder = account.folder("INBOX");
        let message = folder.messages.iter_mut().find(|m| m.uid == uid);
        message.unwrap().date += 3_600;
    }
    stage.expect(&[("audit", 3), ("pull", 3), ("audit", 3), ("purge", 0)]);
    assert_eq!(stage.found(&["is:doubtful"]), 1);
    assert_eq!(stage.left(), 1);
    stage.nothing_lost();
}

#[test]
fn a_settled_message_counts_as_archived_once_its_size_is_accepted() {
    for way in [Way::Pop3, Way::Imap] {
        let (mut stage, uid) = one_that_is_settled(way);
        let refused = stage.run(&["audit", "work"]).expect_code(3).stdout();
        let label = refused
            .split_once("accept_short = [\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(label, _)| label.to_owned())
            .unwrap();
        let accepted = stage.run(&["audit", "--accept-sizes", "work"]);
        let accepted = accepted.expect_code(0).stdout();
        assert!(accepted.contains(" is archived"), "{accepted}");
        assert!(
            accepted.contains("another size than listed: 1 message"),
            "{accepted}"
        );
        // It was accepted that once only.
        stage.expect(&[("audit", 3), ("purge", 0)]);
        assert_eq!(stage.left(), 1, "{way:?}");
        stage.recover();
        stage.fault(ten_kib(0));
        stage.set("accept_short", &format!("[\"{label}\"]"));
        stage.bodies();
        stage.expect(&[("audit", 0), ("purge", 0)]);
        assert_eq!(stage.left(), 0, "{way:?}");
        assert_eq!(stage.bodies()[&("INBOX".to_owned(), uid)], 1, "{way:?}");
        stage.nothing_lost();
    }
}

#[test]
fn an_accepted_size_does_not_cover_another_message_under_that_name() {
    let (mut stage, uid) = one_that_is_settled(Way::Imap);
    stage.set("accept_short", "[\"INBOX:1.9\", \"nothing\"]");
    stage.expect(&[("audit", 3)]);
    locked(&stage.account).replace("INBOX", uid, &letter("other", ""));
    let audit = ["audit", "--accept-sizes", "work"];
    let _ = stage.run(&audit).expect_code(3);
    let _ = stage.run(&["purge", "work", "--all", "--yes"]);
    assert_eq!(stage.left(), 1);
    stage.nothing_lost();
}

#[test]
fn a_doubtful_message_is_never_purged() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    let mail = letter("small", "short");
    stage.deliver("INBOX", &mail);
    stage.fault(ten_kib(ENOUGH));
    stage.expect(&[("pull", 3)]);
    let _ = stage.run(&["purge", "work", "--all", "--yes"]);
    assert_eq!(stage.left(), 1);
    stage.nothing_lost();
}

#[test]
fn an_unasked_header_is_not_the_message() {
    let stage = plain(Way::Imap);
    let all = five(&stage, 3);
    stage.fault(Fault::UnaskedHeader);
    stage.expect(&[("pull", 0)]);
    stage.holds(&all);
    assert_eq!(
        stage.stored().len(),
        all.len(),
        "and nothing else is stored"
    );
    stage.expect(&[("audit", 0), ("purge", 0)]);
    assert_eq!(stage.left(), 0);
}

#[test]
fn a_doubled_status_line_is_learned_or_doubted() {
    let stage = plain(Way::Pop3);
    let all = five(&stage, 3);
    stage.fault(Fault::DoubledStatus);
    let output = stage.run(&["pull"]);
    if output.ended == crate::support::output::Ended::Exit(0) {
        stage.holds(&all);
        stage.expect(&[("audit", 0)]);
    } else {
        let _ = output.expect_code(3);
        stage.expect(&[("audit", 3)]);
        stage.recover();
        stage.expect(&[("pull", 0), ("audit", 0)]);
        stage.holds(&all);
    }
    stage.expect(&[("purge", 0)]);
    stage.nothing_lost();
    assert_eq!(stage.left(), 0);
}

#[test]
fn a_cut_body_over_imap_is_noticed() {
    for (sizes, top) in [
        (SizeHabit::Exact, TopHabit::Header),
        (SizeHabit::LineFeeds, TopHabit::Header),
    ] {
        let kind = ServerKind {
            sizes,
            top,
            ..ServerKind::PLAIN
        };
        let stage = Stage::new(Way::Imap, kind);
        stage.settle(ENOUGH);
        let all = five(&stage, 20);
        stage.fault(Fault::Cut {
            place: ENOUGH + 2,
            keep: 200,
        });
        errs_then_recovers(&stage, &all);
    }
}

#[test]
fn a_shifted_message_that_fits_its_size_by_chance_is_fetched_again() {
    let stage = plain(Way::Pop3);
    let line = |n: usize, body: &str| letter(&format!("letter {n}"), body);
    let mut all: Vec<Vec<u8>> = (0..20).map(|n| line(n, &"filling ".repeat(n))).collect();
    // Of the size of the one before it, with line ends counted as one octet.
    let before = all.last().unwrap();
    let lines = before.split(|b| *b == b'\n').count() - 1;
    let mut last = line(99, "");
    let room = before.len() - lines - last.len();
    last.splice(last.len() - 2..last.len() - 2, vec![b'x'; room]);
    all.push(last);
    for mail in &all {
        stage.deliver("INBOX", mail);
    }
    stage.fault(Fault::Shifted);
    stage.expect(&[("pull", 3), ("audit", 3)]);
    stage.recover();
    stage.expect(&[("pull", 0), ("audit", 0)]);
    stage.holds(&all);
    stage.expect(&[("purge", 0)]);
    stage.nothing_lost();
}

#[test]
fn an_audit_that_reads_everything_reads_headers_too() {
    let stage = plain(Way::Pop3);
    stage.settle(ENOUGH);
    // The last message, of the size of the first, comes with the octets of the first, and the
    // server shows no headers until it is too late.
    let last = letter("settled Z", "filling ");
    stage.deliver("INBOX", &last);
    stage.fault(Fault::Swapped { place: ENOUGH });
    locked(&stage.account).kind.top = TopHabit::Refused;
    let _ = stage.run(&["pull"]);
    locked(&stage.account).kind.top = TopHabit::Header;
    for options in [&["--read-data"][..], &[]] {
        let audit = [&["audit", "work"], options].concat();
        let _ = stage.run(&audit).expect_code(3);
    }
    stage.recover();
    stage.expect(&[("pull", 0), ("audit", 0), ("purge", 0)]);
    stage.nothing_lost();
}

#[test]
fn an_export_leaves_nothing_out_while_messages_are_in_doubt() {
    let stage = plain(Way::Imap);
    let all: Vec<Vec<u8>> = (0..5)
        .map(|n| letter(&format!("letter {n}"), &"filling ".repeat(n)))
        .collect();
    for mail in &all {
        stage.deliver("INBOX", mail);
    }
    stage.expect(&[("pull", 0)]);
    // The old names are gone, and what the new ones have did not come.
    locked(&stage.account).folder("INBOX").renumber();
    stage.fault(Fault::FirstForAll);
    stage.expect(&[("pull", 3)]);
    let output = stage.run(&["export", "out"]).expect_code(0);
    assert!(
        output.stderr().contains("left messages in doubt"),
        "{output}"
    );
    let exported: Vec<Vec<u8>> = fs::read_dir(stage.sandbox.path("out/cur"))
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    let as_lines = |mail: &[u8]| {
        String::from_utf8_lossy(mail)
            .replace("\r\n", "\n")
            .into_bytes()
    };
    let there = |mail: &Vec<u8>| exported.contains(&as_lines(mail));
    assert!(all.iter().all(there), "{output}");
}

#[test]
fn a_folder_has_one_file_of_equal_messages_whatever_their_flags() {
    for (guids, known) in [(true, true), (true, false), (false, true), (false, false)] {
        let kind = ServerKind {
            guids,
            ..ServerKind::PLAIN
        };
        let stage = Stage::new(Way::Imap, kind);
        stage.settle(ENOUGH);
        let mail = letter("often", "the same");
        let uid = stage.deliver("INBOX", &mail);
        if known {
            stage.expect(&[("pull", 0)]);
        }
        {
            let mut account = locked(&stage.account);
            let messages = &account.folder("INBOX").messages;
            let original = messages.iter().find(|m| m.uid == uid).unwrap().clone();
            for flags in [&["\\Seen"][..], &[], &["\\Flagged", "\\Seen"]] {
                let mut copy = original.clone();
                copy.flags = flags.iter().map(ToString::to_string).collect();
                account.put("Archive", copy);
            }
        }
        stage.expect(&[("pull", 0), ("pull", 0), ("verify", 0), ("audit", 0)]);
        let mut folders: Vec<String> = stage
            .stored()
            .into_iter()
            .filter(|(_, bytes)| *bytes == mail)
            .map(|(folder, _)| folder)
            .collect();
        folders.sort();
        assert_eq!(folders, ["", ".Archive"], "guids {guids}, known {known}");
    }
}

#[test]
fn a_message_that_is_refused_for_its_line_ends_is_sent_once_more_with_strict_ones() {
    let stage = plain(Way::Imap);
    locked(&stage.account).is_strict = true;
    for (n, text) in ["plain\r\n", "open", "bare\rCR\r\n"].iter().enumerate() {
        let mail = format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{text}");
        let name = format!("in/cur/{n}.a:2,S");
        stage.sandbox.write(&name, mail, 0o600);
    }
    let import = ["import", "in", "--account", "old", "--create"];
    let _ = stage.sandbox.run(&import).expect_code(0);
    let check = ["export", "imap:work", "account:old", "--check"];
    let foretold = stage.sandbox.run(&check).expect_code(3).stdout();
    assert!(foretold.contains("its last line has no end"), "{foretold}");
    assert!(foretold.contains("CR that is no line end"), "{foretold}");
    let export = ["export", "imap:work", "account:old"];
    let output = stage.sandbox.run(&export).expect_code(3);
    let changed = "changed              2   sent with CR LF at the end of every line";
    assert!(output.stdout().contains(changed), "{output}");
    let mut texts: Vec<Vec<u8>> = {
        let mut account = locked(&stage.account);
        let messages = &account.folder("INBOX").messages;
        let text = |bytes: &[u8]| bytes[bytes.len() - 10..].to_vec();
        messages
            .iter()
            .map(|message| text(&message.bytes))
            .collect()
    };
    texts.sort();
    assert_eq!(
        texts,
        [
            &b"\n\r\nplain\r\n"[..],
            b"\r\n\r\nopen\r\n",
            b"bare\r\nCR\r\n",
        ]
        .map(<[u8]>::to_vec)
    );
    let _ = stage.sandbox.run(&export).expect_code(0);
    assert_eq!(locked(&stage.account).folder("INBOX").messages.len(), 3);
}

/// The old names are recorded as gone, and the disk fails before the end of the run is recorded,
/// whichever call it fails at.
#[cfg(feature = "faults")]
#[test]
fn an_export_leaves_nothing_out_after_a_run_that_did_not_come_to_its_end() {
    for at in 10..40 {
        let life = Life {
            kind: ServerKind::PLAIN,
            way: Way::Imap,
            exact: false,
            steps: vec![
                Step::NewValidity { folder: 0 },
                Step::Disk { at, lasting: true },
                Step::Pull,
                Step::Export,
            ],
        };
        let ended = live(&life).1;
        assert!(ended.is_ok(), "the disk fails at {at}: {ended:?}");
    }
}
