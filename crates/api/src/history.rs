//! History events on the wire. Which members the details of each type have is told by
//! [`HistoryEventKind::details`](stepwell_model::HistoryEventKind::details).
//!
//! Events that have a details member carry it even when it is empty. Payloads are strings of JSON
//! text, each with a sibling that says it was not cut. With `includeExecutionData: false` payloads
//! and those siblings are left out; errors and causes stay.
//!
//! Source: the service model; the recorded histories of `conformance/`.

use stepwell_model::{Detail, HistoryEvent};

use crate::reply::Reply;

/// Writes the members of `event` into `out`. `with_data` is `includeExecutionData`.
pub(crate) fn write_event(out: &mut Reply, event: &HistoryEvent, with_data: bool) {
    out.moment("timestamp", event.timestamp);
    out.text("type", &event.kind.type_name());
    out.number("id", event.id);
    out.number("previousEventId", event.previous_event_id);
    let Some(members) = event.kind.details() else { return };
    out.nested(&event.kind.details_key(), |details| {
        for (key, detail) in &members {
            match detail {
                Detail::Text(text) => details.text(key, text),
                Detail::Number(number) => details.number(key, *number),
                Detail::Payload { .. } | Detail::Variables { .. } if !with_data => (),
                Detail::Payload { payload, details: sibling } => {
                    details.text(key, payload.text());
                    if let Some(sibling) = sibling {
                        details.raw(sibling, WHOLE);
                    }
                }
                Detail::Variables { variables, details: sibling } => {
                    details.nested(key, |assigned| {
                        for (name, value) in *variables {
                            assigned.text_under_any_key(name, value.text());
                        }
                    });
                    details.raw(sibling, WHOLE);
                }
            }
        }
    });
}

/// What stands beside a payload; over the API it is always this.
const WHOLE: &str = r#"{"truncated":false}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use stepwell_model::{Failure, HistoryEventKind, Pattern, Resource, StateType, TaskEvent, Timestamp};
    use stepwell_value::Payload;

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
