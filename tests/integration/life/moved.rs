//! What a move to another host does not believe.

use super::model::{ServerKind, SizeHabit};
use super::stage::{Stage, Way};

const LETTERS: usize = 36;

/// How many bodies a move to a new host takes, of a server with such sizes.
fn bodies_of_a_move(way: Way, sizes: SizeHabit) -> usize {
    let kind = ServerKind {
        sizes,
        ..ServerKind::PLAIN
    };
    let mut stage = Stage::new(way, kind);
    stage.settle(LETTERS);
    let _ = stage.bodies();
    stage.set("host", "\"localhost\"");
    let _ = stage
        .run(&["account", "move", "work", "--from", "ann@127.0.0.1"])
        .expect_code(0);
    let bodies = stage.bodies().len();
    assert_eq!(stage.stored().len(), LETTERS, "{way:?} {sizes:?}");
    stage.expect(&[("audit", 0), ("purge", 0), ("verify", 0)]);
    stage.nothing_lost();
    bodies
}

#[test]
fn names_are_not_believed_after_a_move_where_sizes_are_estimated() {
    for way in [Way::Pop3, Way::Imap] {
        assert_eq!(bodies_of_a_move(way, SizeHabit::Exact), 20, "{way:?}");
        assert_eq!(
            bodies_of_a_move(way, SizeHabit::Estimated),
            LETTERS,
            "{way:?}"
        );
    }
}
