//! The `Wait` state: hold the execution until a moment in time.
//!
//! The moment is given by exactly one field:
//!
//! | field           | meaning                                   | range           |
//! |-----------------|-------------------------------------------|-----------------|
//! | `Seconds`       | so long after the state is entered        | 0 to 99,999,999 |
//! | `SecondsPath`   | the same, read from the input at run time | 0 to 99,999,999 |
//! | `Timestamp`     | a moment, as RFC 3339 with `T` and offset | any             |
//! | `TimestampPath` | the same, read from the input at run time | any             |
//!
//! In JSONata `Seconds` and `Timestamp` may be expressions. A moment that has passed is no wait at all. History: `WaitStateEntered`, then, once the timer has
//! fired, `WaitStateExited`.
//!
//! Source: Amazon States Language specification, "Wait State"; the range is from the Step Functions
//! Developer Guide, "Wait workflow state"; the texts of the failures are recorded from AWS.

use stepwell_jsonpath::Expression;
use stepwell_model::{Failure, Timestamp};
use stepwell_value::Value;

use crate::data::read_reference;
use crate::fields::Fields;
use crate::journal::EventKind;
use crate::query::{Query, is_query, read_query};
use crate::turn::Turn;

/// The longest a `Wait` may last, in seconds: a little over three years.
const WAIT_SECONDS_MAX: u64 = 99_999_999;

/// A `Wait`.
#[derive(Debug)]
pub(crate) enum Wait {
    Seconds(u64),
    SecondsPath(Expression),
    Timestamp(Timestamp),
    TimestampPath(Expression),
    SecondsQuery(Query),
    TimestampQuery(Query),
}

/// In the order in which AWS lists them.
const FIELDS: [&str; 4] = ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];

impl Wait {
    pub(crate) fn read(fields: &Fields) -> Option<Wait> {
        fields.exactly_one(&FIELDS);
        if fields.in_jsonata() && is_query(fields, "Seconds") {
            return read_query(fields, "Seconds").map(Wait::SecondsQuery);
        }
        if fields.in_jsonata() && is_query(fields, "Timestamp") {
            return read_query(fields, "Timestamp").map(Wait::TimestampQuery);
        }
        if let Some(seconds) = fields.integer("Seconds", 0..=WAIT_SECONDS_MAX) {
            return Some(Wait::Seconds(seconds));
        }
        if !fields.in_jsonata()
            && let Some(path) = read_reference(fields, "SecondsPath")
        {
            return Some(Wait::SecondsPath(path));
        }
        if !fields.in_jsonata()
            && let Some(path) = read_reference(fields, "TimestampPath")
        {
            return Some(Wait::TimestampPath(path));
        }
        let moment = Timestamp::parse_rfc3339(&fields.text("Timestamp")?);
        if moment.is_none() {
            fields.error_at("Timestamp", "String does not match RFC3339 timestamp");
        }
        moment.map(Wait::Timestamp)
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let until = self.wake_at(turn)?;
        if until <= turn.now() {
            return leave(turn);
        }
        turn.emit(EventKind::WaitBegan { until });
        Ok(())
    }

    fn wake_at(&self, turn: &mut Turn) -> Result<Timestamp, Failure> {
        match self {
            Wait::Seconds(seconds) => Ok(turn.now().after_seconds(*seconds)),
            Wait::Timestamp(moment) => Ok(*moment),
            Wait::SecondsPath(path) => {
                let seconds = read_seconds(turn, path)?;
                Ok(turn.now().after_seconds(seconds))
            }
            Wait::TimestampPath(path) => read_moment(turn, path),
            Wait::SecondsQuery(query) => {
                let seconds = turn.query_integer(query, "Seconds", 0, WAIT_SECONDS_MAX)?;
                Ok(turn.now().after_seconds(seconds))
            }
            Wait::TimestampQuery(query) => {
                let text = turn.query_text(query, "Timestamp")?;
                Timestamp::parse_rfc3339(&text).ok_or_else(|| {
                    let cause = format!(
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format \
                         string: {text}"
                    );
                    turn.evaluation_failed(Some("Timestamp"), &cause)
                })
            }
        }
    }
}

/// Once the moment has come.
pub(crate) fn leave(turn: &mut Turn) -> Result<(), Failure> {
    let input = turn.effective_input()?;
    turn.pass_on(input)
}

fn read_seconds(turn: &mut Turn, path: &Expression) -> Result<u64, Failure> {
    let input = turn.effective_input()?;
    let text = path.text();
    let Ok(value) = turn.evaluate(path, input.value(), "SecondsPath") else {
        let cause = format!("The SecondsPath parameter does not reference an input value: {text}");
        return Err(turn.runtime_failure(&cause));
    };
    let seconds = value.as_number().filter(|number| number.is_integer()).and_then(|number| number.as_i64());
    let cause = match seconds {
        Some(seconds @ 0..) if seconds as u64 <= WAIT_SECONDS_MAX => return Ok(seconds as u64),
        Some(0..) => format!("The SecondsPath parameter references a value larger than {WAIT_SECONDS_MAX}"),
        Some(_) => "The SecondsPath parameter references a negative value".to_owned(),
        None => "The SecondsPath parameter cannot be parsed as a long value".to_owned(),
    };
    Err(turn.runtime_failure(&format!("{cause}: {text} == {value}")))
}

fn read_moment(turn: &mut Turn, path: &Expression) -> Result<Timestamp, Failure> {
    let input = turn.effective_input()?;
    let text = path.text();
    let Ok(value) = turn.evaluate(path, input.value(), "TimestampPath") else {
        let cause = format!("The TimestampPath parameter does not reference an input value: {text}");
        return Err(turn.runtime_failure(&cause));
    };
    let shown = match &value {
        Value::String(text) => {
            if let Some(moment) = Timestamp::parse_rfc3339(text) {
                return Ok(moment);
            }
            text.to_string()
        }
        other => other.to_string(),
    };
    let cause = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string";
    Err(turn.runtime_failure(&format!("{cause}: {text} == {shown}")))
}
