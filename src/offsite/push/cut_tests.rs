//! A first push that is cut again and again.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::tests::{assert_whole, run};
use super::*;
use crate::base::fsx;
use crate::offsite::heads::read_heads;
use crate::offsite::place::ObjectName;
use crate::offsite::scene_tests::{
    TestDice, TestVault, identities, memory, message, messages, new_memory, objects, restore_with,
};

/// Packs of two messages, and twenty packs to a round.
const LIMITS: PushLimits = PushLimits {
    messages: 40,
    round: 1 << 30,
    time: Duration::from_secs(600),
    inline: 0,
    pack: 100_000,
};
const CUTS: usize = 20;

/// How a push ends before its end.
enum CutKind {
    /// The place is gone.
    Line,
    /// The place has what was sent, and its answer does not arrive.
    Answer,
    /// The place keeps the part that has arrived.
    Part,
    /// Nothing can be written here any more.
    Disk,
}

impl CutKind {
    fn drawn(dice: &mut TestDice) -> Self {
        match dice.below(if cfg!(feature = "faults") { 4 } else { 3 }) {
            0 => Self::Line,
            1 => Self::Answer,
            2 => Self::Part,
            _ => Self::Disk,
        }
    }

    /// Pushes until it is cut, somewhere; gives the puts that the place has taken.
    fn push(self, vault: &TestVault, store: &ObjectStore, dice: &mut TestDice) -> Vec<String> {
        let root = fsx::resolve(&vault.path());
        let first = dice.below(12);
        {
            let mut trouble = memory(store).trouble();
            trouble.calls.clear();
            trouble.fails_from = (!matches!(self, Self::Disk)).then_some(first);
            trouble.loses_answer = matches!(self, Self::Answer);
            trouble.keeps_part = matches!(self, Self::Part);
        }
        #[cfg(feature = "faults")]
        if matches!(self, Self::Disk) {
            fsx::faults::plan(&root, u32::try_from(dice.below(50)).unwrap(), true);
        }
        run(vault, store, LIMITS).unwrap_err();
        #[cfg(feature = "faults")]
        let _ = fsx::faults::clear(&root);
        let _ = root;
        let mut trouble = memory(store).trouble();
        trouble.fails_from = None;
        (trouble.loses_answer, trouble.keeps_part) = (false, false);
        let taken = match self {
            Self::Line | Self::Part => first,
            Self::Answer | Self::Disk => usize::MAX,
        };
        puts(trouble.calls.iter().take(taken))
    }
}

fn puts<'c>(calls: impl Iterator<Item = &'c (&'static str, String)>) -> Vec<String> {
    let puts = calls.filter(|(call, _)| *call == "put");
    puts.map(|(_, name)| name.clone()).collect()
}

/// The objects that heads name.
fn live(store: &ObjectStore) -> BTreeMap<String, u64> {
    let heads = read_heads(store, None).unwrap();
    let live = heads.chain.live();
    live.map(|object| (object.name.clone(), object.size))
        .collect()
}

#[test]
fn a_first_push_that_is_cut_at_random_sends_no_object_twice() {
    for seed in 0..4 {
        let mut dice = TestDice::new(seed);
        let store = new_memory();
        let mut vault = TestVault::new();
        let all: Vec<_> = (0..240).map(|n| message(n, 40_000)).collect();
        vault.deliver("work", "", &all[..150]);
        vault.deliver("home", ".Old", &all[150..]);
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..CUTS {
            for name in CutKind::drawn(&mut dice).push(&vault, &store, &mut dice) {
                *sent.entry(name).or_default() += 1;
            }
        }
        memory(&store).trouble().calls.clear();
        run(&vault, &store, LIMITS).unwrap();
        for name in puts(memory(&store).trouble().calls.iter()) {
            *sent.entry(name).or_default() += 1;
        }
        let twice: Vec<_> = sent.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}");

        // Nor is anything there for nothing, but for a push whose head could not be made.
        let live = live(&store);
        let size = |name: &str| objects(&store)[&ObjectName::new(name).unwrap()].len() as u64;
        let wasted = sent.keys().filter(|name| !name.starts_with("heads/"));
        let wasted: Vec<_> = wasted.filter(|name| !live.contains_key(*name)).collect();
        assert!(wasted.iter().all(|name| name.starts_with("push/")));
        let wasted: u64 = wasted.iter().map(|name| size(name)).sum();
        let packs = live.iter().filter(|(name, _)| name.starts_with("packs/"));
        let sizes: Vec<u64> = packs.map(|(_, size)| *size).collect();
        assert_eq!(sizes.len(), 120, "seed {seed}");
        let largest = sizes.iter().max().unwrap();
        assert!(wasted <= 2 * largest, "seed {seed}: {wasted} of {largest}");

        assert_whole(&vault, &store, &all);
        let target = vault.next_to("restored");
        let report = restore_with(&target, &store, &identities()).unwrap();
        assert_eq!((report.messages, report.missing), (240, 0));
        assert!(messages(&vault.path()) == messages(&target), "seed {seed}");
    }
}
