//! How the mail grew, month by month, and when it passed a quota.

use crate::vault::catalog::{Amount, TimeSums};

/// How much mail there was at the end of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthPoint {
    /// The year and the month, from 1 to 12.
    pub month: (i32, u32),
    /// All that was received until then.
    pub amount: Amount,
}

/// How the mail grew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growth {
    /// Each month that brought something, the oldest first.
    pub points: Vec<GrowthPoint>,
    /// What has no date, and was there from the beginning.
    pub undated: Amount,
    /// The quota that it is compared with, in octets.
    pub quota: Option<u64>,
    /// The month in which it came to more than the quota.
    pub passed: Option<(i32, u32)>,
}

impl Growth {
    pub(super) fn of(times: &TimeSums, quota: Option<u64>) -> Self {
        let mut sum = times.undated;
        let months = times.months.iter();
        let points: Vec<_> = months
            .map(|(month, amount)| {
                sum.join(*amount);
                GrowthPoint {
                    month: *month,
                    amount: sum,
                }
            })
            .collect();
        let over = |point: &&GrowthPoint| quota.is_some_and(|quota| point.amount.octets > quota);
        let passed = points.iter().find(over).map(|point| point.month);
        Self {
            points,
            undated: times.undated,
            quota,
            passed,
        }
    }

    /// How much there was at the end of each year that brought something.
    #[must_use]
    pub fn years(&self) -> Vec<(i32, Amount)> {
        let mut years: Vec<(i32, Amount)> = Vec::new();
        for point in &self.points {
            match years.last_mut() {
                Some(last) if last.0 == point.month.0 => last.1 = point.amount,
                _ => years.push((point.month.0, point.amount)),
            }
        }
        years
    }

    /// How much there is in the end.
    #[must_use]
    pub fn last(&self) -> Amount {
        self.points.last().map_or(self.undated, |last| last.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> TimeSums {
        let mut times = TimeSums::default();
        for (month, octets) in [
            ((2019, 12), 10),
            ((2020, 1), 30),
            ((2020, 6), 1),
            ((2024, 5), 9),
        ] {
            let amount = Amount {
                messages: 1,
                octets,
            };
            times.months.insert(month, amount);
        }
        times
    }

    #[test]
    fn a_year_ends_with_what_came_until_then() {
        let growth = Growth::of(&times(), None);
        let years = growth.years().into_iter();
        let octets: Vec<_> = years.map(|(year, amount)| (year, amount.octets)).collect();
        assert_eq!(octets, [(2019, 10), (2020, 41), (2024, 50)]);
        assert_eq!((growth.last().octets, growth.passed), (50, None));
        // What has no date was there from the beginning.
        let mut times = times();
        times.undated.add(5);
        let octets = Growth::of(&times, None).points;
        assert_eq!((octets[0].amount.octets, octets[3].amount.octets), (15, 55));
    }

    #[test]
    fn a_quota_is_passed_by_the_first_octet_above_it() {
        for (quota, passed) in [
            (9, Some((2019, 12))),
            (10, Some((2020, 1))),
            (40, Some((2020, 6))),
            (49, Some((2024, 5))),
            (50, None),
        ] {
            assert_eq!(Growth::of(&times(), Some(quota)).passed, passed, "{quota}");
        }
    }
}
