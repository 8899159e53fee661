//! `Retry` and `Catch`: which failure is tried again, and when, and which leads elsewhere.
//!
//! | field of a retrier | meaning                                       | range           | default |
//! |--------------------|-----------------------------------------------|-----------------|---------|
//! | `IntervalSeconds`  | before the first new attempt                  | 0 to 99,999,999 | 1       |
//! | `MaxAttempts`      | new attempts; 0 is never                      | 0 to 99,999,999 | 3       |
//! | `BackoffRate`      | by which each interval grows                  | from 1.0        | 2.0     |
//! | `MaxDelaySeconds`  | the longest interval                          | 1 to 31,622,400 | –       |
//! | `JitterStrategy`   | `FULL`: anything from 0 to the interval       | NONE, FULL      | NONE    |
//!
//! Retriers count on their own, from when the state was entered. History shows a new attempt by
//! its `…Scheduled` or `…Started` event alone.
//!
//! Source: Developer Guide, "Handling errors in Step Functions workflows".

use std::sync::Arc;
use std::time::Duration;

use stepwell_model::{Failure, error_names};
use stepwell_value::Value;

use crate::data::{self, Assign, ResultPath};
use crate::definition::{Names, StateId};
use crate::fields::Fields;
use crate::query::{Moment, Shape, read_shape};

/// One entry of `Retry`.
#[derive(Debug)]
pub(crate) struct Retrier {
    error_equals: Vec<Arc<str>>,
    interval_seconds: u64,
    pub(crate) max_attempts: u64,
    backoff_rate: f64,
    max_delay_seconds: Option<u64>,
    full_jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug)]
pub(crate) struct Catcher {
    error_equals: Vec<Arc<str>>,
    pub(crate) next: StateId,
    pub(crate) result_path: ResultPath,
    /// In JSONata.
    pub(crate) output: Option<Shape>,
    pub(crate) assign: Option<Assign>,
}

/// A failure on its way, and whether it was a missed heartbeat, which has two names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) failure: Failure,
    pub(crate) heartbeat: bool,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble { failure, heartbeat: false }
    }
}

impl Retrier {
    pub(crate) fn matches(&self, trouble: &Trouble) -> bool {
        matches(&self.error_equals, trouble)
    }

    /// How long to wait before attempt `attempt + 1`, the first new one being attempt 0. `chance`
    /// is anything from 0 to 1.
    pub(crate) fn delay(&self, attempt: u64, chance: f64) -> Duration {
        // Nothing grown without bound is no number.
        if self.interval_seconds == 0 {
            return Duration::ZERO;
        }
        let grown = self.interval_seconds as f64 * self.backoff_rate.powf(attempt as f64);
        // Without MaxDelaySeconds the longest is what a Wait may last; an interval cannot exceed it.
        let most = self.max_delay_seconds.unwrap_or(99_999_999) as f64;
        let seconds = grown.min(most);
        Duration::from_secs_f64(if self.full_jitter { seconds * chance } else { seconds })
    }
}

impl Catcher {
    pub(crate) fn matches(&self, trouble: &Trouble) -> bool {
        matches(&self.error_equals, trouble)
    }
}

/// Whether `ErrorEquals` names the failure.
///
/// `States.Runtime` is never matched. `States.TaskFailed` stands for everything but `States.Timeout` and
/// `States.DataLimitExceeded`; `States.ALL` for everything (recorded for `States.DataLimitExceeded`,
/// where the Developer Guide says otherwise).
fn matches(error_equals: &[Arc<str>], trouble: &Trouble) -> bool {
    let name = trouble.failure.error_name();
    if name == error_names::RUNTIME {
        return false;
    }
    error_equals.iter().any(|pattern| match &**pattern {
        error_names::ALL => true,
        error_names::TASK_FAILED => ![error_names::TIMEOUT, error_names::DATA_LIMIT_EXCEEDED].contains(&name),
        error_names::HEARTBEAT_TIMEOUT if trouble.heartbeat => true,
        pattern => pattern == name,
    })
}

pub(crate) fn read_retriers(fields: &Fields) -> Vec<Retrier> {
    let entries = fields.array("Retry").map_or(&[][..], |entries| entries);
    let base = fields.at("Retry");
    let read = |(place, value)| {
        let fields = Fields::of(value, format!("{base}/{place}"), fields.notes)?;
        fields.required(&["ErrorEquals"]);
        let error_equals = read_error_equals(&fields, place + 1 == entries.len());
        let interval_seconds = fields.integer("IntervalSeconds", 0..=99_999_999);
        let max_attempts = fields.integer("MaxAttempts", 0..=99_999_999);
        let backoff_rate = fields.float("BackoffRate", 1.0..=f64::INFINITY);
        let max_delay_seconds = fields.integer("MaxDelaySeconds", 1..=31_622_400);
        let full_jitter = fields.choice("JitterStrategy", &["NONE", "FULL"]) == Some("FULL");
        fields.text("Comment");
        fields.finish();
        Some(Retrier {
            error_equals: error_equals?,
            interval_seconds: interval_seconds.unwrap_or(1),
            max_attempts: max_attempts.unwrap_or(3),
            backoff_rate: backoff_rate.unwrap_or(2.0),
            max_delay_seconds,
            full_jitter,
        })
    };
    entries.iter().enumerate().filter_map(read).collect()
}

pub(crate) fn read_catchers(fields: &Fields, names: &Names) -> Vec<Catcher> {
    let entries = fields.array("Catch").map_or(&[][..], |entries| entries);
    let base = fields.at("Catch");
    let read = |(place, value)| {
        let fields = fields.inner(value, format!("{base}/{place}"))?;
        fields.required(&["ErrorEquals", "Next"]);
        let error_equals = read_error_equals(&fields, place + 1 == entries.len());
        let next = data::read_target(&fields, "Next", names);
        let (result_path, output) = if fields.in_jsonata() {
            (ResultPath::Whole, read_shape(&fields, "Output", Moment::Error))
        } else {
            (data::read_result_path(&fields), None)
        };
        let assign = data::read_assign(&fields, Moment::Error);
        fields.text("Comment");
        fields.finish();
        Some(Catcher { error_equals: error_equals?, next: next?, result_path, output, assign })
    };
    entries.iter().enumerate().filter_map(read).collect()
}

/// `last` says whether the entry is the last of its list, as one with `States.ALL` must be.
fn read_error_equals(fields: &Fields, last: bool) -> Option<Vec<Arc<str>>> {
    let names = fields.filled_array("ErrorEquals")?;
    let at = fields.at("ErrorEquals");
    let mut read = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let at = format!("{at}/{place}");
        match name {
            Value::String(name) => {
                if &**name == error_names::ALL && (names.len() > 1 || !last) {
                    fields.notes.error(&at, "States.ALL must appear alone and at end of list");
                }
                read.push(name.clone());
            }
            _ => fields.notes.error(&at, "Expected value of type [STRING]"),
        }
    }
    Some(read)
}
