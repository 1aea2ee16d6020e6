//! Sums by the time at which messages were received.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::stats::Amount;

/// What was received when, each message once, by the clock that it was added with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeSums {
    /// By year and month, from 1 to 12. Months without mail are not in it.
    pub months: BTreeMap<(i32, u32), Amount>,
    /// By day of the week, from Monday on.
    pub weekdays: [Amount; 7],
    /// By hour of the day.
    pub hours: [Amount; 24],
    /// What has no date.
    pub undated: Amount,
}

impl TimeSums {
    /// Adds a message.
    pub fn add(&mut self, time: Option<NaiveDateTime>, octets: u64) {
        let Some(time) = time else {
            self.undated.add(octets);
            return;
        };
        let month = self.months.entry((time.year(), time.month()));
        month.or_default().add(octets);
        self.weekdays[time.weekday().num_days_from_monday() as usize].add(octets);
        self.hours[time.hour() as usize].add(octets);
    }

    /// By year.
    #[must_use]
    pub fn years(&self) -> BTreeMap<i32, Amount> {
        let mut years: BTreeMap<i32, Amount> = BTreeMap::new();
        for ((year, _), amount) in &self.months {
            years.entry(*year).or_default().join(*amount);
        }
        years
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::DateTime;

    use super::*;

    #[test]
    fn each_message_counts_in_its_month_weekday_and_hour() {
        let mut sums = TimeSums::default();
        for (time, octets) in [
            (Some("2020-02-29T23:59:59Z"), 1),
            (Some("2020-03-01T00:00:00Z"), 2),
            (Some("2021-12-31T00:30:00Z"), 4),
            (None, 8),
        ] {
            let time = time.map(|time| time.parse::<DateTime<chrono::Utc>>().unwrap().naive_utc());
            sums.add(time, octets);
        }
        let octets = |amounts: &[Amount]| amounts.iter().map(|a| a.octets).collect::<Vec<_>>();
        assert_eq!(octets(&sums.weekdays), [0, 0, 0, 0, 4, 1, 2]);
        assert_eq!((sums.hours[0].octets, sums.hours[23].octets), (6, 1));
        let years = sums.years().into_iter();
        assert_eq!(
            years.map(|(y, a)| (y, a.octets)).collect::<Vec<_>>(),
            [(2020, 3), (2021, 4)]
        );
        assert_eq!(sums.undated.octets, 8);
    }
}
