//! The one list of operations. Adding one ends here: a file, its `mod`, its line.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use stepwell_engine::{EngineError, MachineKey};

use crate::reply::Reply;
use crate::{Call, Exception, names};

mod answer_task;
mod create_activity;
mod create_state_machine;
mod create_state_machine_alias;
mod delete_activity;
mod delete_state_machine;
mod delete_state_machine_alias;
mod delete_state_machine_version;
mod describe_activity;
mod describe_execution;
mod describe_execution_parent;
mod describe_express_execution;
mod describe_map_run;
mod describe_state_machine;
mod describe_state_machine_alias;
mod describe_state_machine_for_execution;
mod describe_state_machine_revision;
mod diagnose_definition;
mod get_activity_task;
mod get_execution_history;
mod get_execution_metrics;
mod get_express_execution_history;
mod get_history_events;
mod get_state_machine_counts;
mod list_activities;
mod list_executions;
mod list_express_executions;
mod list_map_runs;
mod list_recent_failures;
mod list_state_machine_aliases;
mod list_state_machine_revisions;
mod list_state_machine_versions;
mod list_state_machines;
mod list_tags_for_resource;
mod list_waiting_tasks;
mod publish_state_machine_version;
mod redrive_execution;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod start_sync_execution;
mod stop_execution;
mod tag_resource;
mod take_activity_task;
mod test_state;
mod untag_resource;
mod update_map_run;
mod update_state_machine;
mod update_state_machine_alias;
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
    Operation { name: "StartSyncExecution", run: |call| Box::pin(start_sync_execution::run(call)) },
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
    Operation {
        name: "PublishStateMachineVersion",
        run: |call| Box::pin(publish_state_machine_version::run(call)),
    },
    Operation {
        name: "ListStateMachineVersions",
        run: |call| Box::pin(list_state_machine_versions::run(call)),
    },
    Operation {
        name: "DeleteStateMachineVersion",
        run: |call| Box::pin(delete_state_machine_version::run(call)),
    },
    Operation {
        name: "CreateStateMachineAlias",
        run: |call| Box::pin(create_state_machine_alias::run(call)),
    },
    Operation {
        name: "DescribeStateMachineAlias",
        run: |call| Box::pin(describe_state_machine_alias::run(call)),
    },
    Operation {
        name: "UpdateStateMachineAlias",
        run: |call| Box::pin(update_state_machine_alias::run(call)),
    },
    Operation {
        name: "DeleteStateMachineAlias",
        run: |call| Box::pin(delete_state_machine_alias::run(call)),
    },
    Operation {
        name: "ListStateMachineAliases",
        run: |call| Box::pin(list_state_machine_aliases::run(call)),
    },
    Operation { name: "TagResource", run: |call| Box::pin(tag_resource::run(call)) },
    Operation { name: "UntagResource", run: |call| Box::pin(untag_resource::run(call)) },
    Operation { name: "ListTagsForResource", run: |call| Box::pin(list_tags_for_resource::run(call)) },
    Operation { name: "DescribeMapRun", run: |call| Box::pin(describe_map_run::run(call)) },
    Operation { name: "UpdateMapRun", run: |call| Box::pin(update_map_run::run(call)) },
    Operation { name: "ListMapRuns", run: |call| Box::pin(list_map_runs::run(call)) },
    Operation { name: "TestState", run: |call| Box::pin(test_state::run(call)) },
];

/// What AWS has not, with our own prefix.
pub const OURS: &[Operation] = &[
    Operation {
        name: "Stepwell.ListExpressExecutions",
        run: |call| Box::pin(list_express_executions::run(call)),
    },
    Operation {
        name: "Stepwell.DescribeExpressExecution",
        run: |call| Box::pin(describe_express_execution::run(call)),
    },
    Operation {
        name: "Stepwell.GetExpressExecutionHistory",
        run: |call| Box::pin(get_express_execution_history::run(call)),
    },
    Operation { name: "Stepwell.GetHistoryEvents", run: |call| Box::pin(get_history_events::run(call)) },
    Operation {
        name: "Stepwell.DescribeExecutionParent",
        run: |call| Box::pin(describe_execution_parent::run(call)),
    },
    Operation { name: "Stepwell.DiagnoseDefinition", run: |call| Box::pin(diagnose_definition::run(call)) },
    Operation {
        name: "Stepwell.ListStateMachineRevisions",
        run: |call| Box::pin(list_state_machine_revisions::run(call)),
    },
    Operation {
        name: "Stepwell.DescribeStateMachineRevision",
        run: |call| Box::pin(describe_state_machine_revision::run(call)),
    },
    Operation { name: "Stepwell.ListRecentFailures", run: |call| Box::pin(list_recent_failures::run(call)) },
    Operation {
        name: "Stepwell.GetExecutionMetrics",
        run: |call| Box::pin(get_execution_metrics::run(call)),
    },
    Operation {
        name: "Stepwell.GetStateMachineCounts",
        run: |call| Box::pin(get_state_machine_counts::run(call)),
    },
    Operation { name: "Stepwell.ListWaitingTasks", run: |call| Box::pin(list_waiting_tasks::run(call)) },
    Operation { name: "Stepwell.TakeActivityTask", run: |call| Box::pin(take_activity_task::run(call)) },
    Operation { name: "Stepwell.AnswerTask", run: |call| Box::pin(answer_task::run(call)) },
];

/// An operation by its name, ours with their prefix.
pub fn find(name: &str) -> Option<&'static Operation> {
    all().map(|(_, operation)| operation).find(|operation| operation.name == name)
}

/// All operations, with their places in the counters.
pub(crate) fn all() -> impl Iterator<Item = (usize, &'static Operation)> {
    ALL.iter().chain(OURS).enumerate()
}

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

/// Tells with which version of its machine, and through which alias, an execution was started.
fn tell_way(machine: &MachineKey, version: Option<u64>, alias: Option<&str>, reply: &mut Reply) {
    if let Some(version) = version {
        reply.text("stateMachineVersionArn", &names::version_arn(machine, version));
    }
    if let Some(alias) = alias {
        reply.text("stateMachineAliasArn", &names::qualified_arn(machine, alias));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_of_aws_is_listed_once() {
        let mut names: Vec<&str> = ALL.iter().map(|operation| operation.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), ALL.len()), (37, 37));
    }
}
