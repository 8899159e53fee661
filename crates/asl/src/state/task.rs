//! The `Task` state: have work done outside, by an activity, a function or a service.
//!
//! | field              | meaning                                        | range           |
//! |--------------------|------------------------------------------------|-----------------|
//! | `Resource`         | what to call, as an ARN                        |                 |
//! | `TimeoutSeconds`   | the longest from being scheduled to the end    | 1 to 99,999,999 |
//! | `HeartbeatSeconds` | the longest without a heartbeat, less than it  | 1 to 99,999,999 |
//!
//! Both also as `…Path`, read from the input at run time, or in JSONata as an expression. With an activity
//! both begin when a worker has the task: until then only the execution's own timeout runs.
//!
//! History: `TaskStateEntered`, then for each attempt `…Scheduled`, `…Started`, (`TaskSubmitted`,)
//! `…Succeeded`, `…Failed` or `…TimedOut`, and at the end `TaskStateExited`. The resource decides whether
//! these are `Activity…`, `LambdaFunction…` or `Task…`.
//!
//! Source: Amazon States Language specification, "Task State"; Developer Guide, "Task state fields" and
//! "Troubleshooting activities".

use stepwell_jsonpath::Expression;
use stepwell_model::{Failure, Pattern, Resource};
use stepwell_value::Value;

use crate::data::{read_reference, read_template};
use crate::fields::Fields;
use crate::io::{Effect, TaskSpec};
use crate::journal::EventKind;
use crate::query::{Count, Query, read_count};
use crate::resources;
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

/// What an express state machine cannot wait for.
fn check_for_express(fields: &Fields, resource: &Resource) {
    if !fields.notes.is_express() {
        return;
    }
    // The blank at the end of the second is AWS's (recorded).
    let text = match resource {
        Resource::Activity { .. } => "Express state machine does not support Activity ARN",
        Resource::Service { pattern: Pattern::Sync { .. }, .. } => {
            "Express state machine does not support '.sync' service integration"
        }
        Resource::Service { pattern: Pattern::WaitForTaskToken, .. } => {
            "Express state machine does not support '.waitForTaskToken' service integration "
        }
        Resource::Service { pattern: Pattern::RequestResponse, .. } | Resource::LambdaFunction { .. } => {
            return;
        }
    };
    fields.error_at("Resource", text);
}

/// A service gets a request, and some of its members must be there.
fn check_request(fields: &Fields, resource: &Resource, arn: &str) {
    if !matches!(resource, Resource::Service { .. }) {
        return;
    }
    let key = if fields.in_jsonata() { "Arguments" } else { "Parameters" };
    let Some(request) = fields.get(key) else {
        fields.error_at("Resource", &format!("{key} field is required for resource ARN: {arn}"));
        return;
    };
    for member in resources::required_members(resource) {
        check_member(fields, key, request, member);
    }
    for (member, _) in request.as_object().into_iter().flat_map(|map| map.iter()) {
        let member = member.strip_suffix(".$").unwrap_or(member);
        if !resources::supports(resource, member) {
            fields.error_at(key, &format!("The field \"{member}\" is not supported by Step Functions"));
        }
    }
}

/// A member that an object must have, as it is or with `.$`. What is no object is an expression.
fn check_member(fields: &Fields, key: &'static str, object: &Value, member: &str) {
    let Some(map) = object.as_object() else { return };
    if !map.contains_key(member) && !map.contains_key(&format!("{member}.$")) {
        fields.error_at(key, &format!("The field '{member}' is required but was missing"));
    }
}

/// `Credentials` are checked; at run time they mean nothing yet, as no roles are taken on.
fn check_credentials(fields: &Fields, resource: Option<&Resource>) {
    let Some(credentials) = fields.get("Credentials") else { return };
    if let Some(Resource::Activity { .. }) = resource {
        fields.error_at("Credentials", "The field 'Credentials' is not supported for activities");
    }
    if fields.object("Credentials").is_some() {
        check_member(fields, "Credentials", credentials, "RoleArn");
    }
    // In JSONata AWS takes them as they are and reports nothing that is wrong in an expression.
    if !fields.in_jsonata() {
        read_template(fields, "Credentials");
    }
}

impl Task {
    pub(crate) fn read(fields: &Fields) -> Option<Task> {
        fields.required(&["Resource"]);
        if !fields.in_jsonata() {
            fields.at_most_one(&["TimeoutSeconds", "TimeoutSecondsPath"]);
            fields.at_most_one(&["HeartbeatSeconds", "HeartbeatSecondsPath"]);
        }
        let seconds = |literal, path| match read_count(fields, literal, 1..=SECONDS_MAX) {
            Some(Count::Literal(seconds)) => Some(Seconds::Literal(seconds)),
            Some(Count::Query(query)) => Some(Seconds::Query(literal, query)),
            None if fields.in_jsonata() => None,
            None => read_reference(fields, path).map(|expression| Seconds::Path(path, expression)),
        };
        let timeout = seconds("TimeoutSeconds", "TimeoutSecondsPath");
        let heartbeat = seconds("HeartbeatSeconds", "HeartbeatSecondsPath");
        if let (Some(Seconds::Literal(timeout)), Some(Seconds::Literal(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            // Documented; the text is not measured.
            fields.error_at("HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds");
        }
        let text = fields.text("Resource")?;
        let resource = Resource::parse(&text);
        match &resource {
            Some(resource) if resources::is_known(resource) => {
                check_for_express(fields, resource);
                check_request(fields, resource, &text);
            }
            None if !text.starts_with("arn:") => {
                fields.error_at("Resource", "Value is not a valid resource ARN");
            }
            Some(_) | None => {
                let message = format!(
                    "The resource provided {text} is not recognized. The value is not a valid resource ARN, or \
                     the resource is not available in this region."
                );
                fields.error_at("Resource", &message);
            }
        }
        check_credentials(fields, resource.as_ref());
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
