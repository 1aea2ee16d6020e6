//! Many lives, and the shortest history that breaks what one of them broke.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::history::{Life, Step};
use super::living::{CHANGES, COMMANDS, FAULTS, Meetings, live};
use super::oracle::{Breach, Law};

/// Lives of a run that was not told otherwise.
const LIVES: u64 = 320;
/// Lives at once.
const THREADS: usize = 2;
/// Lives that are shrunk, one for each law, and the attempts that this may take.
const SHRUNK: usize = 3;
const ATTEMPTS: usize = 150;

/// Breaches by seed, with the step.
type Breaches = BTreeMap<u64, (usize, Breach)>;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

#[test]
fn whatever_happens_in_a_life_no_message_is_lost() {
    let from = number("MAILVAULT_LIFE_FROM");
    let count = number("MAILVAULT_LIFE_SEEDS");
    // Which one is of no interest, but whether any does.
    let first = std::env::var_os("MAILVAULT_LIFE_FIRST").is_some();
    let next = AtomicU64::new(from.unwrap_or(0));
    let end = from.unwrap_or(0) + count.unwrap_or(LIVES);
    let found: Mutex<(Meetings, Breaches)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || first && !found.lock().unwrap().1.is_empty() {
                        return;
                    }
                    let (meetings, ended) = live(&Life::drawn(seed));
                    let mut found = found.lock().unwrap();
                    for (meeting, times) in meetings {
                        *found.0.entry(meeting).or_default() += times;
                    }
                    if let Err(breach) = ended {
                        found.1.insert(seed, breach);
                    }
                }
            });
        }
    });
    let (meetings, breaches) = found.into_inner().unwrap();
    if let (true, Some((seed, (_, breach)))) = (first, breaches.first_key_value()) {
        let lives = next.into_inner() - from.unwrap_or(0);
        panic!(
            "seed {seed} breaks {:?}; it is the first of {lives}",
            breach.law
        );
    }
    let mut text = table(&meetings);
    if breaches.is_empty() {
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        if from.or(count).is_none() && cfg!(feature = "faults") {
            assert_eq!(
                seldom(&meetings),
                [],
                "they met fewer than {MET} times\n{text}"
            );
        }
        return;
    }
    let mut laws: BTreeMap<Law, Vec<u64>> = BTreeMap::new();
    for (seed, (_, breach)) in &breaches {
        laws.entry(breach.law).or_default().push(*seed);
    }
    for (law, seeds) in &laws {
        let _ = writeln!(text, "{law:?}: {} lives, {seeds:?}", seeds.len());
    }
    for seeds in laws.values().take(SHRUNK) {
        text += &shortest(seeds[0], &breaches[&seeds[0]]);
    }
    panic!("{} of the lives broke a law\n{text}", breaches.len());
}

/// Drops and shortens steps as long as the same law is broken.
fn shortest(seed: u64, (step, breach): &(usize, Breach)) -> String {
    let mut life = Life::drawn(seed);
    let mut shown = breach.shown.clone();
    let mut attempts = 0;
    let mut attempt = |life: &Life, shown: &mut String| {
        attempts += 1;
        if attempts > ATTEMPTS {
            return false;
        }
        match live(life).1 {
            Err((_, again)) if again.law == breach.law => {
                *shown = again.shown;
                true
            }
            _ => false,
        }
    };
    let mut piece = life.steps.len().max(1);
    while piece > 0 {
        let mut at = 0;
        while at < life.steps.len() {
            let mut fewer = life.clone();
            fewer.steps.drain(at..(at + piece).min(life.steps.len()));
            if attempt(&fewer, &mut shown) {
                life = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    for at in 0..life.steps.len() {
        while let Some(step) = smaller(life.steps[at]) {
            let mut less = life.clone();
            less.steps[at] = step;
            if !attempt(&less, &mut shown) {
                break;
            }
            life = less;
        }
    }
    let mut text = format!(
        "\nseed {seed} breaks {:?} at step {step}; its shortest history, after a first pull:\n  {:?}\n  over {:?}{}\n",
        breach.law,
        life.kind,
        life.way,
        if life.exact { ", exact" } else { "" }
    );
    for step in &life.steps {
        let _ = writeln!(text, "  {step:?}");
    }
    let _ = writeln!(text, "{shown}");
    text
}

/// The step with a smaller count.
fn smaller(step: Step) -> Option<Step> {
    let half = |count: usize| (count > 1).then_some(count / 2);
    Some(match step {
        Step::Deliver {
            folder,
            mail,
            count,
            stride,
        } => {
            let count = half(count)?;
            Step::Deliver {
                folder,
                mail,
                count,
                stride,
            }
        }
        Step::Expunge {
            folder,
            place,
            count,
        } => {
            let count = half(count)?;
            Step::Expunge {
                folder,
                place,
                count,
            }
        }
        Step::Import { mail, count } => {
            let count = half(count)?;
            Step::Import { mail, count }
        }
        Step::Restore {
            folder,
            lost,
            arrive,
            mail,
        } => {
            let arrive = half(arrive)?;
            Step::Restore {
                folder,
                lost,
                arrive,
                mail,
            }
        }
        _ => return None,
    })
}

/// Meetings that a run must have had of each hazard with each command that it concerns.
const MET: usize = 20;

/// How often each hazard met each command that it concerns: what changed since the command
/// ran last, what goes wrong in its session, and its disk.
fn table(meetings: &Meetings) -> String {
    let mut text = format!("\n{:18}", "hazard");
    for command in COMMANDS {
        let _ = write!(text, "{command:>8}");
    }
    for hazard in CHANGES.into_iter().chain(FAULTS).chain(["disk"]) {
        let _ = write!(text, "\n{hazard:18}");
        for command in COMMANDS {
            let times = meetings.get(&(hazard, command)).copied();
            let _ = match times {
                None if !concerns(hazard, command) => write!(text, "{:>8}", "-"),
                _ => write!(text, "{:>8}", times.unwrap_or(0)),
            };
        }
    }
    text + "\n"
}

/// False for faults of a session that a command does not have.
fn concerns(hazard: &str, command: &str) -> bool {
    !FAULTS.contains(&hazard) || ["pull", "audit", "purge"].contains(&command)
}

/// Pairs of a hazard and a command that met too seldom.
fn seldom(meetings: &Meetings) -> Vec<(&'static str, &'static str)> {
    let hazards = CHANGES.into_iter().chain(FAULTS).chain(["disk"]);
    let pairs = hazards.flat_map(|hazard| COMMANDS.map(|command| (hazard, command)));
    pairs
        .filter(|(hazard, command)| concerns(hazard, command))
        .filter(|pair| meetings.get(pair).copied().unwrap_or(0) < MET)
        .collect()
}
