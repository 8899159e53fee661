//! The `Task` state: have work done outside, by an activity, a function or a service.
//!
//! | field              | meaning                                        | range           |
//! |--------------------|------------------------------------------------|-----------------|
//! | `Resource`         | what to call, as an ARN                        |                 |
//! | `TimeoutSeconds`   | the longest from being scheduled to the end    | 1 to 99,999,999 |
//! | `HeartbeatSeconds` | the longest without a heartbeat, less than it  | 1 to 99,999,999 |
//!
//! Both also as `…Path`, read from the input at run time, or in JSONata as an expression. History: `TaskStateEntered`, then for each
//! attempt `…Scheduled`, `…Started`, (`TaskSubmitted`,) `…Succeeded`, `…Failed` or `…TimedOut`, and
//! at the end `TaskStateExited`. The resource decides whether these are `Activity…`,
//! `LambdaFunction…` or `Task…`.
//!
//! Source: Amazon States Language specification, "Task State".

use stepwell_jsonpath::Expression;
use stepwell_model::{Failure, Resource};

use crate::data::read_expression;
use crate::fields::Fields;
use crate::io::{Effect, TaskSpec};
use crate::journal::EventKind;
use crate::query::{Query, is_query, read_query};
use crate::turn::Turn;

/// A `Task`.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    timeout: Option<Seconds>,
    heartbeat: Option<Seconds>,
}

/// A number of seconds, or where it is.
#[derive(Debug)]
enum Seconds {
    Literal(u64),
    Path(&'static str, Expression),
    Query(&'static str, Query),
}

const SECONDS_MAX: u64 = 99_999_999;

impl Task {
    pub(crate) fn read(fields: &Fields) -> Option<Task> {
        fields.required("Resource");
        if !fields.in_jsonata() {
            fields.at_most_one(&["TimeoutSeconds", "TimeoutSecondsPath"]);
            fields.at_most_one(&["HeartbeatSeconds", "HeartbeatSecondsPath"]);
        }
        if fields.has("Credentials") {
            fields.notes.error(
                &fields.at("Credentials"),
                "Credentials are not supported by this release of Stepwell yet",
            );
        }
        let seconds = |literal, path| {
            if fields.in_jsonata() && is_query(fields, literal) {
                return read_query(fields, literal).map(|query| Seconds::Query(literal, query));
            }
            let number = fields.integer(literal, 1..=SECONDS_MAX).map(Seconds::Literal);
            if fields.in_jsonata() {
                return number;
            }
            number.or_else(|| read_expression(fields, path).map(|expression| Seconds::Path(path, expression)))
        };
        let timeout = seconds("TimeoutSeconds", "TimeoutSecondsPath");
        let heartbeat = seconds("HeartbeatSeconds", "HeartbeatSecondsPath");
        if let (Some(Seconds::Literal(timeout)), Some(Seconds::Literal(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            let text = "HeartbeatSeconds must be smaller than TimeoutSeconds";
            fields.notes.error(&fields.at("HeartbeatSeconds"), text);
        }
        let text = fields.text("Resource")?;
        let resource = Resource::parse(&text);
        if resource.is_none() {
            let message = format!(
                "The resource provided {text} is not recognized. The value is not a valid resource ARN, or the \
                 resource is not available in this region."
            );
            fields.notes.error(&fields.at("Resource"), &message);
        }
        Some(Task { resource: resource?, timeout, heartbeat })
    }

    /// Schedules an attempt.
    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        if let Resource::Activity { arn } = &self.resource
            && !turn.world().activity_exists(arn)
        {
            return Err(turn.runtime_failure(&format!("The activity {arn} does not exist.")));
        }
        let timeout_seconds = self.seconds(turn, &self.timeout)?;
        let heartbeat_seconds = self.seconds(turn, &self.heartbeat)?;
        turn.offer_token(&self.resource);
        let parameters = turn.parameters()?;
        turn.check_size(&parameters)?;
        let state = turn.state_id();
        let scheduled_event_id = turn.emit(EventKind::TaskScheduled {
            state,
            parameters: parameters.clone(),
            timeout_seconds,
            heartbeat_seconds,
        });
        turn.effect(Effect::ScheduleTask(TaskSpec {
            scheduled_event_id,
            resource: self.resource.clone(),
            parameters,
            timeout_seconds,
            heartbeat_seconds,
        }));
        Ok(())
    }

    fn seconds(&self, turn: &mut Turn, seconds: &Option<Seconds>) -> Result<Option<u64>, Failure> {
        match seconds {
            None => Ok(None),
            Some(Seconds::Literal(seconds)) => Ok(Some(*seconds)),
            Some(Seconds::Query(field, query)) => turn.query_integer(query, field, 1, SECONDS_MAX).map(Some),
            Some(Seconds::Path(field, path)) => {
                let input = turn.effective_input()?;
                let value = turn.evaluate(path, input.value(), field)?;
                let whole = value.as_number().filter(|number| number.is_integer());
                match whole.and_then(|number| number.as_i64()) {
                    Some(seconds @ 1..) if seconds as u64 <= SECONDS_MAX => Ok(Some(seconds as u64)),
                    _ => {
                        let cause = format!(
                            "The {field} field refers to value {value:.80} which is not a valid integer: {}",
                            path.text()
                        );
                        Err(turn.runtime_failure(&cause))
                    }
                }
            }
        }
    }
}
