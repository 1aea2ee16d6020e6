//! How fast something goes and how long it will take yet, in numbers that do not jump. It reads
//! no clock: times come in as spans since the beginning.

use std::time::Duration;

/// What is older than this hardly counts for the rate.
const MEMORY: f64 = 10.0;
/// Before this much time nothing is known of the rate.
const KNOWN_RATE: Duration = Duration::from_secs(2);
/// Before this much time nothing is known of the end.
const KNOWN_END: Duration = Duration::from_secs(5);
/// Shorter spans say little; they are taken together.
const SAMPLE: Duration = Duration::from_millis(200);
/// An end that is expected is kept while a newer guess differs by less than this part of the rest.
const STEADY: f64 = 0.25;
/// Beyond this, nobody knows.
const LONGEST: f64 = 100.0 * 3600.0;

/// The rate of something that grows, and its end.
#[derive(Debug, Default)]
pub(super) struct RateMeter {
    began: Duration,
    /// When it was last looked at, and how much there was.
    last: (Duration, u64),
    /// Units and seconds, where older ones count less.
    units: f64,
    seconds: f64,
    /// When it is expected to end.
    end: Option<f64>,
}

impl RateMeter {
    /// Begins at a time, with what is there already.
    pub(super) fn new(now: Duration, done: u64) -> Self {
        Self {
            began: now,
            last: (now, done),
            ..Self::default()
        }
    }

    /// Takes note of how much there is of how much.
    pub(super) fn update(&mut self, now: Duration, done: u64, wanted: u64) {
        let span = now.saturating_sub(self.last.0);
        if span < SAMPLE {
            return;
        }
        let new = done.saturating_sub(self.last.1);
        self.last = (now, done);
        let kept = (-span.as_secs_f64() / MEMORY).exp();
        self.units = self.units * kept + as_float(new);
        self.seconds = self.seconds * kept + span.as_secs_f64();
        self.expect(now, wanted.saturating_sub(done));
    }

    fn expect(&mut self, now: Duration, left: u64) {
        let known = now.saturating_sub(self.began) >= KNOWN_END && self.units >= 1.0;
        if !known || left == 0 {
            self.end = None;
            return;
        }
        let now = now.as_secs_f64();
        let rest = as_float(left) * self.seconds / self.units;
        let end = now + rest;
        let near = self
            .end
            .is_some_and(|kept| kept > now && (kept - end).abs() < STEADY * rest.max(kept - now));
        if !near {
            self.end = Some(end);
        }
    }

    /// Units per second, once that is known.
    pub(super) fn rate(&self) -> Option<u64> {
        let known = self.last.0.saturating_sub(self.began) >= KNOWN_RATE;
        // Rates are far below what an f64 holds exactly.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = (self.units / self.seconds) as u64;
        known.then_some(rate)
    }

    /// How long it takes yet, once that is known.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.end? - self.last.0.as_secs_f64();
        (0.0..LONGEST)
            .contains(&left)
            .then(|| Duration::from_secs_f64(left))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate needs no more digits"
)]
fn as_float(number: u64) -> f64 {
    number as f64
}

/// A rest in words: `about 3 min left`.
pub(super) fn rest(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds {
        0..10 => "a few seconds left".to_owned(),
        10..55 => format!("about {} s left", (seconds + 5) / 10 * 10),
        55..5400 => format!("about {} min left", (seconds + 30) / 60),
        _ => format!("about {} h left", (seconds + 1800) / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// What is said every 100 ms of a transfer, whose amount per step is given.
    fn run(wanted: u64, step: impl Fn(u64) -> u64) -> Vec<(f64, Option<u64>, Option<Duration>)> {
        let mut meter = RateMeter::new(Duration::ZERO, 0);
        let mut done = 0;
        let mut said = Vec::new();
        for n in 1..100_000 {
            done = (done + step(n)).min(wanted);
            let now = Duration::from_millis(100 * n);
            meter.update(now, done, wanted);
            said.push((now.as_secs_f64(), meter.rate(), meter.left()));
            if done == wanted {
                break;
            }
        }
        said
    }

    #[test]
    fn nothing_is_said_before_enough_is_known() {
        for (seconds, rate, left) in run(600 * MIB, |_| MIB) {
            assert_eq!(rate.is_some(), seconds > 1.9, "rate at {seconds}");
            assert_eq!(
                left.is_some(),
                seconds > 4.9 && seconds < 60.0,
                "end at {seconds}"
            );
        }
        let stuck = run(MIB, |_| 0);
        assert!(stuck.iter().all(|(_, _, left)| left.is_none()));
    }

    #[test]
    fn a_steady_transfer_ends_when_it_is_expected_to() {
        for (seconds, rate, left) in run(600 * MIB, |_| MIB) {
            if let Some(left) = left {
                assert!(
                    (seconds + left.as_secs_f64() - 60.0).abs() < 1.0,
                    "{seconds}: {left:?}"
                );
                assert!(
                    rate.is_some_and(|rate| rate.abs_diff(10 * MIB) < MIB),
                    "{rate:?}"
                );
            }
        }
    }

    #[test]
    fn what_comes_in_gusts_makes_neither_number_jump() {
        // A second of much, a second of nothing.
        let gusts = |n: u64| {
            if (n / 10).is_multiple_of(2) {
                2 * MIB
            } else {
                0
            }
        };
        let said = run(1200 * MIB, gusts);
        let known = said.iter().skip(100);
        let rates: Vec<u64> = known.clone().filter_map(|(_, rate, _)| *rate).collect();
        assert!(
            rates.iter().all(|rate| rate.abs_diff(10 * MIB) < 2 * MIB),
            "{rates:?}"
        );
        let ends: Vec<f64> = known
            .filter_map(|(now, _, left)| Some(now + left.as_ref()?.as_secs_f64()))
            .collect();
        let jumps = ends
            .windows(2)
            .filter(|pair| (pair[0] - pair[1]).abs() > 0.5)
            .count();
        assert!(jumps < 8, "{jumps} jumps");
    }

    #[test]
    fn a_transfer_that_slows_down_is_believed_after_a_while() {
        let slows = |n: u64| if n < 200 { MIB } else { MIB / 10 };
        let said = run(300 * MIB, slows);
        let (now, _, left) = &said[500];
        let end = left.map(|left| now + left.as_secs_f64());
        // 200 MiB in 20 s, and 100 MiB in 100 s.
        assert!(
            end.is_some_and(|end| (end - 120.0).abs() < 30.0),
            "{end:?} at {now}"
        );
    }

    #[test]
    fn a_rest_is_said_in_words() {
        for (seconds, words) in [
            (3, "a few seconds left"),
            (42, "about 40 s left"),
            (58, "about 1 min left"),
            (190, "about 3 min left"),
            (7300, "about 2 h left"),
        ] {
            assert_eq!(rest(Duration::from_secs(seconds)), words);
        }
    }
}
