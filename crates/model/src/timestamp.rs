//! Moments.

use std::time::Duration;

/// A moment, in milliseconds since the Unix epoch: the precision of a history event.
///
/// AWS writes timestamps on the wire as seconds with a fraction; the conversion happens at the
/// wire and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub epoch_ms: u64,
}

impl Timestamp {
    /// The moment so many milliseconds after the epoch.
    pub const fn from_epoch_ms(epoch_ms: u64) -> Timestamp {
        Timestamp { epoch_ms }
    }

    /// The moment `wait` later; the end of time if that is past it.
    pub fn after(self, wait: Duration) -> Timestamp {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Timestamp { epoch_ms: self.epoch_ms.saturating_add(wait_ms) }
    }

    /// The moment `seconds` later.
    pub fn after_seconds(self, seconds: u64) -> Timestamp {
        Timestamp { epoch_ms: self.epoch_ms.saturating_add(seconds.saturating_mul(1000)) }
    }

    /// How long after `earlier` this is; nothing if it is not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.epoch_ms.saturating_sub(earlier.epoch_ms))
    }

    /// Reads a moment in RFC 3339 as the States Language wants it. A fraction finer than a
    /// millisecond is cut; moments before 1970 become 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let nanoseconds = Timestamp::nanoseconds_of_rfc3339(text)?;
        Some(Timestamp { epoch_ms: u64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or(0) })
    }

    /// Reads a moment in RFC 3339, in nanoseconds since the Unix epoch: for comparing, where moments
    /// before 1970 and fine fractions count. Digits past the ninth of a fraction are cut.
    ///
    /// The States Language specification wants an uppercase `T` between date and time, and `Z` or a
    /// numeric offset.
    pub fn nanoseconds_of_rfc3339(text: &str) -> Option<i128> {
        let bytes = text.as_bytes();
        let digits = |from: usize, count: usize| -> Option<i64> {
            let digits = bytes.get(from..from + count)?;
            let all = digits.iter().all(u8::is_ascii_digit);
            all.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
        };
        let mark = |at: usize, mark: u8| (bytes.get(at) == Some(&mark)).then_some(());
        let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
        mark(4, b'-')?;
        mark(7, b'-')?;
        mark(10, b'T')?;
        let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
        mark(13, b':')?;
        mark(16, b':')?;
        let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
        let mut at = 19;
        let mut fraction: i128 = 0;
        if bytes.get(at) == Some(&b'.') {
            let count = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = count.min(9);
            fraction = i128::from(digits(at + 1, kept).filter(|_| kept > 0)?) * 10_i128.pow(9 - kept as u32);
            at += 1 + count;
        }
        let (offset_minutes, end) = match bytes.get(at)? {
            b'Z' => (0, at + 1),
            sign @ (b'+' | b'-') => {
                mark(at + 3, b':')?;
                let (hours, minutes) = (digits(at + 1, 2)?, digits(at + 4, 2)?);
                let offset = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
                (if *sign == b'-' { -offset } else { offset }, at + 6)
            }
            _ => return None,
        };
        if end != bytes.len() || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        let days = i64::from(epoch.until(date).ok()?.get_days());
        let seconds = ((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second;
        Some(i128::from(seconds) * 1_000_000_000 + fraction)
    }

    /// `Sun, 22 Nov 2026 10:20:30 GMT`, as the header `Date` shows moments.
    pub fn to_http_date(self) -> String {
        let seconds = i64::try_from(self.epoch_ms / 1000).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// `2026-11-22T10:20:30.123Z`, as the context object shows moments.
    pub fn to_rfc3339(self) -> String {
        let ms = i64::try_from(self.epoch_ms).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(moment) => format!("{moment:.3}"),
            Err(_) => "9999-12-31T23:59:59.999Z".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_strict_form_is_a_moment() {
        let read = |text: &str| Timestamp::parse_rfc3339(text).map(|t| t.to_rfc3339());
        assert_eq!(read("2016-03-14T01:59:00Z").as_deref(), Some("2016-03-14T01:59:00.000Z"));
        assert_eq!(read("2016-03-14T01:59:00.1239+01:00").as_deref(), Some("2016-03-14T00:59:00.123Z"));
        assert_eq!(read("9999-12-31T23:59:59Z").as_deref(), Some("9999-12-31T23:59:59.999Z"));
        assert_eq!(read("1960-01-01T00:00:00Z").as_deref(), Some("1970-01-01T00:00:00.000Z"));
        let nanoseconds = Timestamp::nanoseconds_of_rfc3339;
        assert!(nanoseconds("1960-01-01T00:00:00Z") < nanoseconds("1969-01-01T00:00:00Z"));
        assert!(nanoseconds("2016-01-01T00:00:00.0001Z") < nanoseconds("2016-01-01T00:00:00.0002Z"));
        for odd in [
            "T00Z",
            "T00:00Z",
            "T00:00:00+01",
            "T00:00:00+01:00:30",
            "T00:00:00,5Z",
            "T000000Z",
            "T00:00:00Z[UTC]",
            "T24:00:00Z",
            "T00:00:00.Z",
        ] {
            assert_eq!(read(&format!("2016-03-14{odd}")), None, "{odd}");
        }
        for bad in [
            "2016-02-30T00:00:00Z",
            "2016-03-14 01:59:00Z",
            "2016-03-14T01:59:00z",
            "2016-03-14T01:59:00",
            "2016-03-14",
            "x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
