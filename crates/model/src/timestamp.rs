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

    /// Reads an RFC 3339 moment as the States Language wants it: with `T` and with `Z` or an
    /// offset. A fraction finer than a millisecond is cut. Moments before 1970 become 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        // The spec: an uppercase "T" separates date and time, an uppercase "Z" must stand in the
        // absence of a numeric offset.
        if text.as_bytes().get(10) != Some(&b'T') || text.ends_with('z') {
            return None;
        }
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp { epoch_ms: u64::try_from(moment.as_millisecond()).unwrap_or(0) })
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
        let read = |text| Timestamp::parse_rfc3339(text).map(|t| t.to_rfc3339());
        assert_eq!(read("2016-03-14T01:59:00Z").as_deref(), Some("2016-03-14T01:59:00.000Z"));
        assert_eq!(read("2016-03-14T01:59:00.1239+01:00").as_deref(), Some("2016-03-14T00:59:00.123Z"));
        for bad in ["2016-03-14 01:59:00Z", "2016-03-14T01:59:00z", "2016-03-14T01:59:00", "2016-03-14", "x"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
