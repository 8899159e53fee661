//! How counts are written in the store's catalogue, and read again: a minute or an hour is a JSON array.
//!
//! `[started, succeeded, failed, timed out, aborted, open, last start, sum, maximum, [step, count, ...]]`,
//! moments and durations in milliseconds.

use std::fmt::Write;

use stepwell_value::Value;

use super::Tally;
use super::histogram::Histogram;

/// What all keys begin with.
pub(super) const PREFIX: &str = "metrics/";

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Minute(u64),
    Hour(u64),
}

pub(super) fn minute_key(machine: u64, minute: u64) -> String {
    format!("{PREFIX}{machine}/m/{minute}")
}

pub(super) fn hour_key(machine: u64, hour: u64) -> String {
    format!("{PREFIX}{machine}/h/{hour}")
}

/// The number of the machine and the span of a key.
pub(super) fn read_key(key: &str) -> Option<(u64, Span)> {
    let mut parts = key.strip_prefix(PREFIX)?.split('/');
    let machine = parts.next()?.parse().ok()?;
    let (kind, number) = (parts.next()?, parts.next()?.parse().ok()?);
    match kind {
        "m" => Some((machine, Span::Minute(number))),
        "h" => Some((machine, Span::Hour(number))),
        _ => None,
    }
}

pub(super) fn write(tally: &Tally) -> String {
    let Tally { started, ended: [succeeded, failed, timed_out, aborted], open, last_start_ms, times } = tally;
    let Histogram { steps, sum, maximum } = times;
    let mut text = format!(
        "[{started},{succeeded},{failed},{timed_out},{aborted},{open},{last_start_ms},{sum},{maximum},["
    );
    for (at, (step, count)) in steps.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(text, "{comma}{step},{count}").expect("a String takes what it is given");
    }
    text.push_str("]]");
    text
}

/// What was written; `None` if it was something else.
pub(super) fn read(text: &str) -> Option<Tally> {
    let value = Value::parse(text).ok()?;
    let items = value.as_array()?;
    let number = |at: usize| items.get(at).and_then(of_value);
    let steps: Option<Vec<u64>> = items.get(9)?.as_array()?.iter().map(of_value).collect();
    let step = |pair: &[u64]| Some((u16::try_from(*pair.first()?).ok()?, *pair.get(1)?));
    let mut steps: Vec<(u16, u64)> = steps?.chunks(2).map(step).collect::<Option<_>>()?;
    steps.sort_unstable();
    Some(Tally {
        started: number(0)?,
        ended: [number(1)?, number(2)?, number(3)?, number(4)?],
        open: number(5)?,
        last_start_ms: number(6)?,
        times: Histogram { steps, sum: number(7)?, maximum: number(8)? },
    })
}

fn of_value(value: &Value) -> Option<u64> {
    u64::try_from(value.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut tally = Tally {
            started: 7,
            ended: [1, 2, 3, 4],
            open: 9,
            last_start_ms: 1_700_000_000_123,
            ..Tally::default()
        };
        assert_eq!(read(&write(&tally)), Some(tally.clone()));
        [0, 5, 5, 70_000].into_iter().for_each(|ms| tally.times.add(ms));
        assert_eq!(write(&tally), "[7,1,2,3,4,9,1700000000123,70010,70000,[0,1,5,2,112,1]]");
        assert_eq!(read(&write(&tally)), Some(tally));
        for bad in ["", "{}", "[1]", "[1,2,3,4,5,6,7,8,9,[1]]", "[-1,2,3,4,5,6,7,8,9,[]]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_say_what_they_stand_for() {
        assert_eq!(read_key(&minute_key(3, 28_333_333)), Some((3, Span::Minute(28_333_333))));
        assert_eq!(read_key(&hour_key(3, 472_222)), Some((3, Span::Hour(472_222))));
        for other in ["machine/1/r/n", "metrics/x/m/1", "metrics/1/d/1", "metrics/1"] {
            assert_eq!(read_key(other), None, "{other}");
        }
    }
}
