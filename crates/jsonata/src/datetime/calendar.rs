//! The proleptic Gregorian calendar in milliseconds since the Unix epoch.

pub(crate) const DAY: f64 = 86_400_000.0;

/// The farthest moment that JavaScript's `Date` knows.
const TIME_MAX: f64 = 8.64e15;

/// Days from the epoch to the first of a month; months may be out of their year.
fn days_to_month(year: f64, month: f64) -> f64 {
    let year = year + (month / 12.0).floor();
    let month = month.rem_euclid(12.0) as i64 + 1;
    if !year.is_finite() || year.abs() > 400_000.0 {
        return f64::NAN;
    }
    // Counted from 1 March of a year of the era, so that the leap day comes last.
    let year = year as i64 - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (era * 146_097 + day_of_era - 719_468) as f64
}

fn clip(time: f64) -> f64 {
    if time.is_finite() && time.abs() <= TIME_MAX { time.trunc() + 0.0 } else { f64::NAN }
}

/// `Date.UTC`: month from 0, and the rest may be out of range.
pub(crate) fn utc(year: f64, month: f64, day: f64, hour: f64, minute: f64, second: f64, milli: f64) -> f64 {
    let parts = [year, month, day, hour, minute, second, milli];
    if parts.iter().any(|part| !part.is_finite()) {
        return f64::NAN;
    }
    let [year, month, day, hour, minute, second, milli] = parts.map(f64::trunc);
    let year = if (0.0..=99.0).contains(&year) { 1900.0 + year } else { year };
    let days = days_to_month(year, month) + day - 1.0;
    clip(days * DAY + hour * 3_600_000.0 + minute * 60_000.0 + second * 1_000.0 + milli)
}

/// The same without the special case of the first hundred years.
pub(crate) fn exact(year: f64, month: f64, day: f64, milli: f64) -> f64 {
    clip((days_to_month(year, month) + day - 1.0) * DAY + milli)
}

/// A moment in its parts; all are NaN if the moment is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub time: f64,
    pub year: f64,
    /// From 0.
    pub month: f64,
    pub day: f64,
    /// From 0, which is Sunday.
    pub weekday: f64,
    pub hour: f64,
    pub minute: f64,
    pub second: f64,
    pub milli: f64,
}

impl Moment {
    pub fn at(time: f64) -> Moment {
        let time = clip(time);
        if time.is_nan() {
            let nan = f64::NAN;
            return Moment {
                time,
                year: nan,
                month: nan,
                day: nan,
                weekday: nan,
                hour: nan,
                minute: nan,
                second: nan,
                milli: nan,
            };
        }
        let days = (time / DAY).floor();
        let rest = time - days * DAY;
        let shifted = days as i64 + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Moment {
            time,
            year: year as f64,
            month: (month - 1) as f64,
            day: day as f64,
            weekday: (days + 4.0).rem_euclid(7.0),
            hour: (rest / 3_600_000.0).floor(),
            minute: (rest / 60_000.0).floor() % 60.0,
            second: (rest / 1_000.0).floor() % 60.0,
            milli: rest % 1_000.0,
        }
    }

    fn date(year: f64, month: f64, day: f64) -> f64 {
        utc(year, month, day, 0.0, 0.0, 0.0, 0.0)
    }

    /// The value of a component of a picture. `P` gives 1 for the afternoon.
    pub fn component(&self, component: char) -> f64 {
        let next =
            |(year, month): (f64, f64)| if month == 11.0 { (year + 1.0, 0.0) } else { (year, month + 1.0) };
        let previous =
            |(year, month): (f64, f64)| if month == 0.0 { (year - 1.0, 11.0) } else { (year, month - 1.0) };
        let this_month = (self.year, self.month);
        match component {
            'Y' => self.year,
            'M' => self.month + 1.0,
            'D' => self.day,
            'd' => {
                (Moment::date(self.year, self.month, self.day) - Moment::date(self.year, 0.0, 1.0)) / DAY
                    + 1.0
            }
            'F' if self.weekday == 0.0 => 7.0,
            'F' => self.weekday,
            'W' => {
                let today = Moment::date(self.year, self.month, self.day);
                let mut week = weeks(first_week(self.year, 0.0), today);
                if week > 52.0 && today >= first_week(self.year + 1.0, 0.0) {
                    week = 1.0;
                } else if week < 1.0 {
                    week = weeks(first_week(self.year - 1.0, 0.0), today);
                }
                week.floor()
            }
            'w' => {
                let today = Moment::date(self.year, self.month, self.day);
                let mut week = weeks(first_week(self.year, self.month), today);
                let following = next(this_month);
                let before = previous(this_month);
                if week > 4.0 && today >= first_week(following.0, following.1) {
                    week = 1.0;
                } else if week < 1.0 {
                    week = weeks(first_week(before.0, before.1), today);
                }
                week.floor()
            }
            'X' => {
                if self.time < first_week(self.year, 0.0) {
                    self.year - 1.0
                } else if self.time >= first_week(self.year + 1.0, 0.0) {
                    self.year + 1.0
                } else {
                    self.year
                }
            }
            'x' => {
                let following = next(this_month);
                if self.time < first_week(self.year, self.month) {
                    previous(this_month).1 + 1.0
                } else if self.time >= first_week(following.0, following.1) {
                    following.1 + 1.0
                } else {
                    self.month + 1.0
                }
            }
            'H' => self.hour,
            'h' if self.hour % 12.0 == 0.0 => 12.0,
            'h' => self.hour % 12.0,
            'P' => f64::from(u8::from(self.hour >= 12.0)),
            'm' => self.minute,
            's' => self.second,
            'f' => self.milli,
            _ => f64::NAN,
        }
    }
}

/// The start of the first week of a year or month: the one with its first Thursday.
fn first_week(year: f64, month: f64) -> f64 {
    let first = Moment::date(year, month, 1.0);
    let weekday = Moment::at(first).component('F');
    if weekday > 4.0 { first + (8.0 - weekday) * DAY } else { first - (weekday - 1.0) * DAY }
}

fn weeks(start: f64, end: f64) -> f64 {
    (end - start) / (DAY * 7.0) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_their_parts_agree() {
        for days in (-1_000_000..1_000_000).step_by(997) {
            let time = f64::from(days) * DAY + 12_345_678.0;
            let moment = Moment::at(time);
            assert_eq!(exact(moment.year, moment.month, moment.day, 12_345_678.0), time);
        }
        assert_eq!(utc(1970.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0), 0.0);
        assert_eq!(utc(70.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0), 0.0);
        assert!(Moment::at(8.64e15 + 1.0).year.is_nan());
    }
}
