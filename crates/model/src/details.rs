//! The details of history events: which members AWS gives each type of event, and no others.
//!
//! The one home of their names. `GetExecutionHistory` writes them below a member of the event's own
//! ([`HistoryEventKind::details_key`]), a log record below `details`. Where something is absent, its
//! member is; what `includeExecutionData: false` leaves out can be told from the [`Detail`].
//!
//! Source: the service model; the recorded histories and log records of `conformance/`.

use std::borrow::Cow;
use std::sync::Arc;

use stepwell_value::Payload;

use crate::{Failure, HistoryEventKind, Resource, TaskEvent};

/// The value of a member of an event's details.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail<'a> {
    /// A string that is no execution data: names, ARNs, errors and causes.
    Text(Cow<'a, str>),
    /// A whole number.
    Number(u64),
    /// Execution data: JSON text, written as a string.
    Payload {
        /// The data.
        payload: &'a Payload,
        /// The name of the member beside it that says whether it was cut; `parameters` has none.
        details: Option<&'static str>,
    },
    /// Execution data by the names of variables; never empty.
    Variables {
        /// The names and what they were assigned.
        variables: &'a [(Arc<str>, Payload)],
        /// The name of the member beside it that says whether it was cut.
        details: &'static str,
    },
}

/// The members of an event's details, in no particular order.
type Members<'a> = Vec<(&'static str, Detail<'a>)>;

impl HistoryEventKind {
    /// The member of a history event that holds the details, such as `stateEnteredEventDetails`.
    pub fn details_key(&self) -> String {
        // Those of states alone do not bear the name of the type.
        if matches!(self, HistoryEventKind::StateEntered { .. }) {
            return "stateEnteredEventDetails".to_owned();
        }
        if matches!(self, HistoryEventKind::StateExited { .. }) {
            return "stateExitedEventDetails".to_owned();
        }
        let mut name = self.type_name();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        format!("{name}EventDetails")
    }

    /// The members of the details; `None` for the types that have no details at all. Others have
    /// them even when they are empty.
    pub fn details(&self) -> Option<Vec<(&'static str, Detail<'_>)>> {
        let members = match self {
            HistoryEventKind::ExecutionStarted { input, role_arn, version_arn, alias_arn } => {
                let mut members = vec![input_of(input), ("roleArn", text(role_arn))];
                members.extend(alias_arn.as_deref().map(|arn| ("stateMachineAliasArn", text(arn))));
                members.extend(version_arn.as_deref().map(|arn| ("stateMachineVersionArn", text(arn))));
                members
            }
            HistoryEventKind::ExecutionRedriven { redrive_count } => {
                vec![("redriveCount", Detail::Number(*redrive_count))]
            }
            HistoryEventKind::ExecutionSucceeded { output } => vec![output_of(output)],
            HistoryEventKind::ExecutionFailed(why)
            | HistoryEventKind::ExecutionAborted(why)
            | HistoryEventKind::ExecutionTimedOut(why) => error_and_cause(why),
            HistoryEventKind::StateEntered { state_type: _, name, input } => {
                vec![("name", text(name)), input_of(input)]
            }
            HistoryEventKind::StateExited { state_type: _, name, output, assigned_variables } => {
                let mut members = vec![("name", text(name)), output_of(output)];
                if !assigned_variables.is_empty() {
                    let variables = Detail::Variables {
                        variables: assigned_variables,
                        details: "assignedVariablesDetails",
                    };
                    members.push(("assignedVariables", variables));
                }
                members
            }
            HistoryEventKind::Task(resource, task) => return of_task(resource, task),
            HistoryEventKind::MapStateStarted { length } => vec![("length", Detail::Number(*length))],
            HistoryEventKind::MapIterationStarted { name, index }
            | HistoryEventKind::MapIterationSucceeded { name, index }
            | HistoryEventKind::MapIterationFailed { name, index }
            | HistoryEventKind::MapIterationAborted { name, index } => {
                vec![("name", text(name)), ("index", Detail::Number(*index))]
            }
            HistoryEventKind::EvaluationFailed { state, location, failure } => {
                let mut members = vec![("state", text(state))];
                members.extend(location.as_deref().map(|location| ("location", text(location))));
                members.append(&mut error_and_cause(failure));
                members
            }
            HistoryEventKind::StateAborted(_)
            | HistoryEventKind::ParallelStateStarted
            | HistoryEventKind::ParallelStateSucceeded
            | HistoryEventKind::ParallelStateFailed
            | HistoryEventKind::MapStateSucceeded
            | HistoryEventKind::MapStateFailed => return None,
        };
        Some(members)
    }
}

/// The events of a task. The resource decides the family, and the family which members there are:
/// activities and functions by ARN name their resource when they are scheduled, services always.
fn of_task<'a>(resource: &'a Resource, task: &'a TaskEvent) -> Option<Members<'a>> {
    // `LambdaFunctionStarted` alone has no details.
    if matches!((resource, task), (Resource::LambdaFunction { .. }, TaskEvent::Started { .. })) {
        return None;
    }
    let service = match resource {
        Resource::Activity { .. } | Resource::LambdaFunction { .. } => None,
        Resource::Service { service, .. } => Some(service),
    };
    let mut members = Vec::with_capacity(6);
    members.extend(service.map(|service| ("resourceType", text(service))));
    if service.is_some() || matches!(task, TaskEvent::Scheduled { .. }) {
        members.push(("resource", Detail::Text(resource.event_resource().into())));
    }
    match task {
        TaskEvent::Scheduled { parameters, region, timeout_seconds, heartbeat_seconds } => {
            if service.is_some() {
                members.push(("region", text(region)));
                members.push(("parameters", Detail::Payload { payload: parameters, details: None }));
            } else {
                members.push(input_of(parameters));
            }
            members.extend(timeout_seconds.map(|seconds| ("timeoutInSeconds", Detail::Number(seconds))));
            members.extend(heartbeat_seconds.map(|seconds| ("heartbeatInSeconds", Detail::Number(seconds))));
        }
        TaskEvent::Started { worker_name } => {
            members.extend(worker_name.as_deref().map(|name| ("workerName", text(name))));
        }
        TaskEvent::Submitted { output } | TaskEvent::Succeeded { output } => members.push(output_of(output)),
        TaskEvent::ScheduleFailed(why)
        | TaskEvent::StartFailed(why)
        | TaskEvent::SubmitFailed(why)
        | TaskEvent::Failed(why)
        | TaskEvent::TimedOut(why) => members.append(&mut error_and_cause(why)),
    }
    Some(members)
}

fn text(text: &str) -> Detail<'_> {
    Detail::Text(text.into())
}

fn input_of(payload: &Payload) -> (&'static str, Detail<'_>) {
    ("input", Detail::Payload { payload, details: Some("inputDetails") })
}

fn output_of(payload: &Payload) -> (&'static str, Detail<'_>) {
    ("output", Detail::Payload { payload, details: Some("outputDetails") })
}

fn error_and_cause(why: &Failure) -> Members<'_> {
    let error = why.error.as_deref().map(|error| ("error", text(error)));
    let cause = why.cause.as_deref().map(|cause| ("cause", text(cause)));
    error.into_iter().chain(cause).collect()
}
