//! History events on the wire: the members that AWS gives each type of event, and no others.
//!
//! Events that have a details member carry it even when it is empty. Payloads are strings of JSON
//! text, each with a sibling that says it was not cut. With `includeExecutionData: false` payloads
//! and those siblings are left out; errors and causes stay.
//!
//! Source: the service model; the recorded histories of `conformance/`.

use std::sync::Arc;

use stepwell_model::{Failure, HistoryEvent, HistoryEventKind, Resource, TaskEvent};
use stepwell_value::Payload;

use crate::reply::Reply;

/// Writes the members of `event` into `out`. `with_data` is `includeExecutionData`.
pub(crate) fn write_event(out: &mut Reply, event: &HistoryEvent, with_data: bool) {
    out.moment("timestamp", event.timestamp);
    out.text("type", &event.kind.type_name());
    out.number("id", event.id);
    out.number("previousEventId", event.previous_event_id);
    let data = Data { shown: with_data };

    match &event.kind {
        HistoryEventKind::ExecutionStarted { input, role_arn, version_arn, alias_arn } => {
            out.nested("executionStartedEventDetails", |details| {
                data.input(details, input);
                details.text("roleArn", role_arn);
                details.maybe_text("stateMachineAliasArn", alias_arn.as_deref());
                details.maybe_text("stateMachineVersionArn", version_arn.as_deref());
            });
        }
        HistoryEventKind::ExecutionSucceeded { output } => {
            out.nested("executionSucceededEventDetails", |details| data.output(details, output));
        }
        HistoryEventKind::ExecutionFailed(why) => write_failure(out, "executionFailedEventDetails", why),
        HistoryEventKind::ExecutionAborted(why) => write_failure(out, "executionAbortedEventDetails", why),
        HistoryEventKind::ExecutionTimedOut(why) => write_failure(out, "executionTimedOutEventDetails", why),
        HistoryEventKind::ExecutionRedriven { redrive_count } => {
            out.nested("executionRedrivenEventDetails", |details| {
                details.number("redriveCount", *redrive_count);
            });
        }
        HistoryEventKind::StateEntered { state_type: _, name, input } => {
            out.nested("stateEnteredEventDetails", |details| {
                details.text("name", name);
                data.input(details, input);
            });
        }
        HistoryEventKind::StateExited { state_type: _, name, output, assigned_variables } => {
            out.nested("stateExitedEventDetails", |details| {
                details.text("name", name);
                data.output(details, output);
                data.variables(details, assigned_variables);
            });
        }
        HistoryEventKind::Task(resource, task) => write_task(out, resource, task, data),
        HistoryEventKind::MapStateStarted { length } => {
            out.nested("mapStateStartedEventDetails", |details| details.number("length", *length));
        }
        HistoryEventKind::MapIterationStarted { name, index } => {
            write_iteration(out, "mapIterationStartedEventDetails", name, *index);
        }
        HistoryEventKind::MapIterationSucceeded { name, index } => {
            write_iteration(out, "mapIterationSucceededEventDetails", name, *index);
        }
        HistoryEventKind::MapIterationFailed { name, index } => {
            write_iteration(out, "mapIterationFailedEventDetails", name, *index);
        }
        HistoryEventKind::MapIterationAborted { name, index } => {
            write_iteration(out, "mapIterationAbortedEventDetails", name, *index);
        }
        HistoryEventKind::EvaluationFailed { state, location, failure } => {
            out.nested("evaluationFailedEventDetails", |details| {
                details.text("state", state);
                details.maybe_text("location", location.as_deref());
                write_error_and_cause(details, failure);
            });
        }
        HistoryEventKind::StateAborted(_)
        | HistoryEventKind::ParallelStateStarted
        | HistoryEventKind::ParallelStateSucceeded
        | HistoryEventKind::ParallelStateFailed
        | HistoryEventKind::MapStateSucceeded
        | HistoryEventKind::MapStateFailed => {}
    }
}

/// The events of a task. The resource decides the family, and the family which members there are:
/// activities and functions by ARN name their resource when they are scheduled, services always.
fn write_task(out: &mut Reply, resource: &Resource, task: &TaskEvent, data: Data) {
    let (family, service) = match resource {
        Resource::Activity { .. } => ("activity", None),
        Resource::LambdaFunction { .. } => ("lambdaFunction", None),
        Resource::Service { service, .. } => ("task", Some(service)),
    };
    let suffix = match task {
        TaskEvent::Scheduled { .. } => "Scheduled",
        TaskEvent::ScheduleFailed(_) => "ScheduleFailed",
        TaskEvent::Started { .. } => "Started",
        TaskEvent::StartFailed(_) => "StartFailed",
        TaskEvent::Submitted { .. } => "Submitted",
        TaskEvent::SubmitFailed(_) => "SubmitFailed",
        TaskEvent::Succeeded { .. } => "Succeeded",
        TaskEvent::Failed(_) => "Failed",
        TaskEvent::TimedOut(_) => "TimedOut",
    };
    // `LambdaFunctionStarted` alone has no details.
    if matches!((resource, task), (Resource::LambdaFunction { .. }, TaskEvent::Started { .. })) {
        return;
    }
    out.nested(&format!("{family}{suffix}EventDetails"), |details| {
        let scheduled = matches!(task, TaskEvent::Scheduled { .. });
        if let Some(service) = service {
            details.text("resourceType", service);
        }
        if service.is_some() || scheduled {
            details.text("resource", &resource.event_resource());
        }
        match task {
            TaskEvent::Scheduled { parameters, region, timeout_seconds, heartbeat_seconds } => {
                if service.is_some() {
                    details.text("region", region);
                    data.parameters(details, parameters);
                } else {
                    data.input(details, parameters);
                }
                if let Some(seconds) = timeout_seconds {
                    details.number("timeoutInSeconds", *seconds);
                }
                if let Some(seconds) = heartbeat_seconds {
                    details.number("heartbeatInSeconds", *seconds);
                }
            }
            TaskEvent::Started { worker_name } => details.maybe_text("workerName", worker_name.as_deref()),
            TaskEvent::Submitted { output } | TaskEvent::Succeeded { output } => data.output(details, output),
            TaskEvent::ScheduleFailed(why)
            | TaskEvent::StartFailed(why)
            | TaskEvent::SubmitFailed(why)
            | TaskEvent::Failed(why)
            | TaskEvent::TimedOut(why) => write_error_and_cause(details, why),
        }
    });
}

fn write_iteration(out: &mut Reply, key: &str, name: &str, index: u64) {
    out.nested(key, |details| {
        details.text("name", name);
        details.number("index", index);
    });
}

fn write_failure(out: &mut Reply, key: &str, why: &Failure) {
    out.nested(key, |details| write_error_and_cause(details, why));
}

fn write_error_and_cause(details: &mut Reply, why: &Failure) {
    details.maybe_text("error", why.error.as_deref());
    details.maybe_text("cause", why.cause.as_deref());
}

/// Writes payloads, or leaves them out.
#[derive(Clone, Copy)]
struct Data {
    shown: bool,
}

impl Data {
    fn input(self, details: &mut Reply, input: &Payload) {
        if self.shown {
            details.text("input", input.text());
            details.raw("inputDetails", WHOLE);
        }
    }

    fn output(self, details: &mut Reply, output: &Payload) {
        if self.shown {
            details.text("output", output.text());
            details.raw("outputDetails", WHOLE);
        }
    }

    fn parameters(self, details: &mut Reply, parameters: &Payload) {
        if self.shown {
            details.text("parameters", parameters.text());
        }
    }

    fn variables(self, details: &mut Reply, variables: &[(Arc<str>, Payload)]) {
        if self.shown && !variables.is_empty() {
            details.nested("assignedVariables", |assigned| {
                for (name, value) in variables {
                    assigned.text_under_any_key(name, value.text());
                }
            });
            details.raw("assignedVariablesDetails", WHOLE);
        }
    }
}

/// What stands beside a payload; over the API it is always this.
const WHOLE: &str = r#"{"truncated":false}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use stepwell_model::{Pattern, StateType, Timestamp};

    fn check(kind: HistoryEventKind, with_data: bool, expected: Expect) {
        let timestamp = Timestamp::from_epoch_ms(1_700_000_000_123);
        let event = HistoryEvent { id: 3, previous_event_id: 2, timestamp, kind };
        let mut out = Reply::object();
        write_event(&mut out, &event, with_data);
        let text = out.finish();
        let common = text.strip_prefix(r#"{"timestamp":1700000000.123,"type":"#).expect("events begin alike");
        expected.assert_eq(common);
    }

    fn payload() -> Payload {
        Payload::parse(r#"{"a": 1}"#).unwrap()
    }

    fn task(resource: &str, event: TaskEvent, with_data: bool, expected: Expect) {
        check(HistoryEventKind::Task(Resource::parse(resource).unwrap(), event), with_data, expected);
    }

    fn scheduled() -> TaskEvent {
        TaskEvent::Scheduled {
            parameters: payload(),
            region: "us-east-1".into(),
            timeout_seconds: Some(60),
            heartbeat_seconds: Some(10),
        }
    }

    const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:approve";
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:charge";
    const SERVICE: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

    #[test]
    fn states_are_shown_with_their_payloads_and_variables() {
        let entered = || HistoryEventKind::StateEntered {
            state_type: StateType::Pass,
            name: "A".into(),
            input: payload(),
        };
        check(
            entered(),
            true,
            expect![[
                r#""PassStateEntered","id":3,"previousEventId":2,"stateEnteredEventDetails":{"name":"A","input":"{\"a\": 1}","inputDetails":{"truncated":false}}}"#
            ]],
        );
        check(
            entered(),
            false,
            expect![[
                r#""PassStateEntered","id":3,"previousEventId":2,"stateEnteredEventDetails":{"name":"A"}}"#
            ]],
        );
        let exited = HistoryEventKind::StateExited {
            state_type: StateType::Choice,
            name: "A".into(),
            output: payload(),
            assigned_variables: vec![("x\"".into(), payload()), ("y".into(), Payload::trusted("\"t\""))],
        };
        check(
            exited,
            true,
            expect![[
                r#""ChoiceStateExited","id":3,"previousEventId":2,"stateExitedEventDetails":{"name":"A","output":"{\"a\": 1}","outputDetails":{"truncated":false},"assignedVariables":{"x\"":"{\"a\": 1}","y":"\"t\""},"assignedVariablesDetails":{"truncated":false}}}"#
            ]],
        );
    }

    #[test]
    fn executions_end_with_what_is_known_of_why() {
        check(
            HistoryEventKind::ExecutionAborted(Failure::default()),
            true,
            expect![[r#""ExecutionAborted","id":3,"previousEventId":2,"executionAbortedEventDetails":{}}"#]],
        );
        check(
            HistoryEventKind::ExecutionFailed(Failure::named("E")),
            false,
            expect![[
                r#""ExecutionFailed","id":3,"previousEventId":2,"executionFailedEventDetails":{"error":"E"}}"#
            ]],
        );
        check(
            HistoryEventKind::ExecutionSucceeded { output: payload() },
            true,
            expect![[
                r#""ExecutionSucceeded","id":3,"previousEventId":2,"executionSucceededEventDetails":{"output":"{\"a\": 1}","outputDetails":{"truncated":false}}}"#
            ]],
        );
    }

    #[test]
    fn each_family_of_tasks_has_its_own_members() {
        task(
            ACTIVITY,
            scheduled(),
            true,
            expect![[
                r#""ActivityScheduled","id":3,"previousEventId":2,"activityScheduledEventDetails":{"resource":"arn:aws:states:us-east-1:123456789012:activity:approve","input":"{\"a\": 1}","inputDetails":{"truncated":false},"timeoutInSeconds":60,"heartbeatInSeconds":10}}"#
            ]],
        );
        task(
            ACTIVITY,
            TaskEvent::Started { worker_name: None },
            true,
            expect![[r#""ActivityStarted","id":3,"previousEventId":2,"activityStartedEventDetails":{}}"#]],
        );
        task(
            FUNCTION,
            scheduled(),
            false,
            expect![[
                r#""LambdaFunctionScheduled","id":3,"previousEventId":2,"lambdaFunctionScheduledEventDetails":{"resource":"arn:aws:lambda:us-east-1:123456789012:function:charge","timeoutInSeconds":60,"heartbeatInSeconds":10}}"#
            ]],
        );
        task(
            FUNCTION,
            TaskEvent::Started { worker_name: None },
            true,
            expect![[r#""LambdaFunctionStarted","id":3,"previousEventId":2}"#]],
        );
        task(
            FUNCTION,
            TaskEvent::Succeeded { output: payload() },
            true,
            expect![[
                r#""LambdaFunctionSucceeded","id":3,"previousEventId":2,"lambdaFunctionSucceededEventDetails":{"output":"{\"a\": 1}","outputDetails":{"truncated":false}}}"#
            ]],
        );
        task(
            SERVICE,
            scheduled(),
            true,
            expect![[
                r#""TaskScheduled","id":3,"previousEventId":2,"taskScheduledEventDetails":{"resourceType":"sqs","resource":"sendMessage.waitForTaskToken","region":"us-east-1","parameters":"{\"a\": 1}","timeoutInSeconds":60,"heartbeatInSeconds":10}}"#
            ]],
        );
        task(
            SERVICE,
            TaskEvent::Started { worker_name: None },
            true,
            expect![[
                r#""TaskStarted","id":3,"previousEventId":2,"taskStartedEventDetails":{"resourceType":"sqs","resource":"sendMessage.waitForTaskToken"}}"#
            ]],
        );
        task(
            SERVICE,
            TaskEvent::TimedOut(Failure::named("States.Timeout")),
            true,
            expect![[
                r#""TaskTimedOut","id":3,"previousEventId":2,"taskTimedOutEventDetails":{"resourceType":"sqs","resource":"sendMessage.waitForTaskToken","error":"States.Timeout"}}"#
            ]],
        );
        let resource = Resource::Service {
            service: "lambda".into(),
            action: "invoke".into(),
            pattern: Pattern::RequestResponse,
        };
        check(
            HistoryEventKind::Task(resource, TaskEvent::Failed(Failure::new("E", "c"))),
            true,
            expect![[
                r#""TaskFailed","id":3,"previousEventId":2,"taskFailedEventDetails":{"resourceType":"lambda","resource":"invoke","error":"E","cause":"c"}}"#
            ]],
        );
    }

    #[test]
    fn maps_count_and_markers_say_nothing() {
        check(
            HistoryEventKind::MapStateStarted { length: 2 },
            true,
            expect![[
                r#""MapStateStarted","id":3,"previousEventId":2,"mapStateStartedEventDetails":{"length":2}}"#
            ]],
        );
        check(
            HistoryEventKind::MapIterationFailed { name: "M".into(), index: 0 },
            true,
            expect![[
                r#""MapIterationFailed","id":3,"previousEventId":2,"mapIterationFailedEventDetails":{"name":"M","index":0}}"#
            ]],
        );
        check(
            HistoryEventKind::StateAborted(StateType::Task),
            true,
            expect![[r#""TaskStateAborted","id":3,"previousEventId":2}"#]],
        );
        check(
            HistoryEventKind::ParallelStateSucceeded,
            true,
            expect![[r#""ParallelStateSucceeded","id":3,"previousEventId":2}"#]],
        );
    }
}
