//! Servers that do what a command asks for a few messages only (RFC 9738): everything is
//! fetched and purged all the same, and nothing is taken for gone.

use super::line::locked;
use super::model::{CommandLimit, ServerKind};
use super::random::Dice;
use super::stage::{Stage, Way, letter};

/// A server with a limit of three, and otherwise as the dice have it.
fn limited(dice: &mut Dice) -> ServerKind {
    let condstore = dice.once_in(2);
    ServerKind {
        condstore,
        qresync: condstore && dice.once_in(2),
        uidplus: !dice.once_in(4),
        limit: Some(CommandLimit {
            messages: 3,
            advertised: !dice.once_in(3),
            partial: dice.once_in(2),
            uidonly: dice.once_in(2),
        }),
        ..ServerKind::PLAIN
    }
}

#[test]
fn behind_a_limit_of_three_everything_is_fetched_and_purged_and_nothing_is_gone() {
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let stage = Stage::new(Way::Imap, limited(&mut dice));
        let mut all = Vec::new();
        let deliver = |dice: &mut Dice, all: &mut Vec<Vec<u8>>| {
            for _ in 0..2 + dice.below(12) {
                let mail = letter(
                    &format!("number {}", all.len()),
                    &"word ".repeat(dice.below(30)),
                );
                stage.deliver(dice.one_of(&["INBOX", "Sent"]), &mail);
                all.push(mail);
            }
        };
        deliver(&mut dice, &mut all);
        stage.expect(&[("pull", 0)]);
        deliver(&mut dice, &mut all);
        // Somebody reads and deletes meanwhile.
        let gone = {
            let mut account = locked(&stage.account);
            let folder = account.folder("INBOX");
            let modseq = folder.change();
            for message in &mut folder.messages {
                if dice.once_in(3) {
                    message.flags.insert("\\Seen".to_owned());
                    message.modseq = modseq;
                }
            }
            let victim = folder.messages.first().map(|message| message.uid);
            folder.take(|message| Some(message.uid) == victim).len()
        };
        stage.expect(&[("pull", 0), ("pull", 0), ("audit", 0)]);
        stage.holds(&all);
        assert_eq!(stage.found(&["on:server"]), all.len() - gone, "seed {seed}");
        stage.expect(&[("purge", 0), ("verify", 0)]);
        assert_eq!(stage.left(), 0, "seed {seed}");
        stage.nothing_lost();
    }
}
