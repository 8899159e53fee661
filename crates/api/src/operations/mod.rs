//! The one list of operations. Adding one ends here: a file, its `mod`, its line.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use stepwell_engine::EngineError;

use crate::{Call, Exception};

mod create_activity;
mod create_state_machine;
mod delete_activity;
mod delete_state_machine;
mod describe_activity;
mod describe_execution;
mod describe_state_machine;
mod describe_state_machine_for_execution;
mod get_activity_task;
mod get_execution_history;
mod list_activities;
mod list_executions;
mod list_state_machines;
mod redrive_execution;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod stop_execution;
mod test_state;
mod update_state_machine;
mod validate_state_machine_definition;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<String, Exception>> + Send + 'a>>;

/// An operation.
pub struct Operation {
    /// As AWS names it.
    pub name: &'static str,
    pub(crate) run: for<'a> fn(Call<'a>) -> Answer<'a>,
}

/// Every operation, the busiest first.
pub const ALL: &[Operation] = &[
    Operation { name: "StartExecution", run: |call| Box::pin(start_execution::run(call)) },
    Operation { name: "GetActivityTask", run: |call| Box::pin(get_activity_task::run(call)) },
    Operation { name: "SendTaskSuccess", run: |call| Box::pin(send_task_success::run(call)) },
    Operation { name: "SendTaskFailure", run: |call| Box::pin(send_task_failure::run(call)) },
    Operation { name: "SendTaskHeartbeat", run: |call| Box::pin(send_task_heartbeat::run(call)) },
    Operation { name: "DescribeExecution", run: |call| Box::pin(describe_execution::run(call)) },
    Operation { name: "StopExecution", run: |call| Box::pin(stop_execution::run(call)) },
    Operation { name: "RedriveExecution", run: |call| Box::pin(redrive_execution::run(call)) },
    Operation { name: "GetExecutionHistory", run: |call| Box::pin(get_execution_history::run(call)) },
    Operation { name: "ListExecutions", run: |call| Box::pin(list_executions::run(call)) },
    Operation { name: "CreateStateMachine", run: |call| Box::pin(create_state_machine::run(call)) },
    Operation { name: "UpdateStateMachine", run: |call| Box::pin(update_state_machine::run(call)) },
    Operation { name: "DescribeStateMachine", run: |call| Box::pin(describe_state_machine::run(call)) },
    Operation {
        name: "DescribeStateMachineForExecution",
        run: |call| Box::pin(describe_state_machine_for_execution::run(call)),
    },
    Operation {
        name: "ValidateStateMachineDefinition",
        run: |call| Box::pin(validate_state_machine_definition::run(call)),
    },
    Operation { name: "DeleteStateMachine", run: |call| Box::pin(delete_state_machine::run(call)) },
    Operation { name: "ListStateMachines", run: |call| Box::pin(list_state_machines::run(call)) },
    Operation { name: "CreateActivity", run: |call| Box::pin(create_activity::run(call)) },
    Operation { name: "DescribeActivity", run: |call| Box::pin(describe_activity::run(call)) },
    Operation { name: "DeleteActivity", run: |call| Box::pin(delete_activity::run(call)) },
    Operation { name: "ListActivities", run: |call| Box::pin(list_activities::run(call)) },
    Operation { name: "TestState", run: |call| Box::pin(test_state::run(call)) },
];

/// The answer to what was said with a task token. Of a task that has ended AWS names the activity
/// (recorded); of one with a callback it says the same of all (seen in public logs).
async fn task_answered(
    call: Call<'_>,
    token: Arc<str>,
    said: Result<(), EngineError>,
) -> Result<String, Exception> {
    match said {
        Ok(()) => Ok("{}".to_owned()),
        Err(EngineError::TaskEnded) => {
            let (engine, place) = (call.api.engine.clone(), call.caller.place.clone());
            let activity = crate::aside(move || engine.activity_of_token(&place, &token)).await?;
            // Which one it was only makes the message; not to know it is no other error.
            Err(match activity {
                Ok(Some(arn)) => Exception::task_ended(&arn),
                Ok(None) | Err(_) => Exception::of_engine(EngineError::TaskEnded, ""),
            })
        }
        Err(error) => Err(Exception::of_engine(error, "")),
    }
}

/// Operations of AWS that this release has not.
const NOT_YET: &[&str] = &[
    "CreateStateMachineAlias",
    "DeleteStateMachineAlias",
    "DeleteStateMachineVersion",
    "DescribeMapRun",
    "DescribeStateMachineAlias",
    "ListMapRuns",
    "ListStateMachineAliases",
    "ListStateMachineVersions",
    "ListTagsForResource",
    "PublishStateMachineVersion",
    "StartSyncExecution",
    "TagResource",
    "UntagResource",
    "UpdateMapRun",
    "UpdateStateMachineAlias",
];

/// The answer to an operation that is not in the list.
pub(crate) fn unknown(operation: &str) -> Exception {
    if NOT_YET.contains(&operation) {
        let message = format!("{operation} is not supported by this release of Stepwell");
        return Exception::unknown_operation(&message);
    }
    Exception::unknown_operation("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_of_aws_is_listed_once() {
        let mut names: Vec<&str> =
            ALL.iter().map(|operation| operation.name).chain(NOT_YET.iter().copied()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 37);
        assert_eq!(ALL.len() + NOT_YET.len(), 37);
    }
}
