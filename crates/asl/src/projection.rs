//! The history that AWS would have written, event by event.

use stepwell_model::{Failure, HistoryEvent, HistoryEventKind, Resource, TaskEvent, error_names};

use crate::definition::StateId;
use crate::journal::{Event, EventKind};
use crate::{Definition, Origin};

/// The history event that AWS shows for `event` of an execution with this `origin`; `None` for what
/// it does not show.
///
/// Total: an event that names a state the definition does not have (which only a damaged journal
/// can) is not shown.
pub fn project(event: &Event, origin: &Origin) -> Option<HistoryEvent> {
    let definition = &*origin.definition;
    let task = |state: StateId, task_event: TaskEvent| {
        let resource: Resource = definition.task_resource(state)?.clone();
        Some(HistoryEventKind::Task(resource, task_event))
    };
    let kind = match &event.kind {
        EventKind::ExecutionStarted { input, seed: _ } => HistoryEventKind::ExecutionStarted {
            input: input.clone(),
            role_arn: origin.role_arn.clone(),
            version_arn: origin.version_arn.clone(),
            alias_arn: origin.alias_arn.clone(),
        },
        EventKind::ExecutionSucceeded { output } => {
            HistoryEventKind::ExecutionSucceeded { output: output.clone() }
        }
        EventKind::ExecutionFailed(failure) => HistoryEventKind::ExecutionFailed(failure.clone()),
        EventKind::ExecutionAborted(failure) => HistoryEventKind::ExecutionAborted(failure.clone()),
        EventKind::ExecutionTimedOut(failure) => HistoryEventKind::ExecutionTimedOut(failure.clone()),
        EventKind::ExecutionRedriven { redrive_count, client_token: _ } => {
            HistoryEventKind::ExecutionRedriven { redrive_count: *redrive_count }
        }
        EventKind::StateEntered { state, input } => {
            let state = definition.state(*state)?;
            HistoryEventKind::StateEntered {
                state_type: state.kind.state_type(),
                name: state.name.clone(),
                input: input.clone(),
            }
        }
        EventKind::StateExited { state, output, assigned, transition: _ } => {
            let state = definition.state(*state)?;
            HistoryEventKind::StateExited {
                state_type: state.kind.state_type(),
                name: state.name.clone(),
                output: output.clone(),
                assigned_variables: assigned.clone(),
            }
        }
        EventKind::StateAborted { state } => {
            HistoryEventKind::StateAborted(definition.state(*state)?.kind.state_type())
        }
        EventKind::WaitBegan { .. } | EventKind::RetryScheduled { .. } => return None,
        EventKind::TaskScheduled { state, parameters, timeout_seconds, heartbeat_seconds } => task(
            *state,
            TaskEvent::Scheduled {
                parameters: parameters.clone(),
                region: origin.region.clone(),
                timeout_seconds: *timeout_seconds,
                heartbeat_seconds: *heartbeat_seconds,
            },
        )?,
        EventKind::TaskStarted { state, worker_name } => {
            task(*state, TaskEvent::Started { worker_name: worker_name.clone() })?
        }
        EventKind::TaskSubmitted { state, output } => {
            task(*state, TaskEvent::Submitted { output: output.clone() })?
        }
        EventKind::TaskSucceeded { state, output } => {
            task(*state, TaskEvent::Succeeded { output: output.clone() })?
        }
        EventKind::TaskFailed { state, failure } => task(*state, TaskEvent::Failed(failure.clone()))?,
        // A missed heartbeat is caught as States.HeartbeatTimeout but shown as States.Timeout.
        EventKind::TaskTimedOut { state, heartbeat: _ } => {
            task(*state, TaskEvent::TimedOut(Failure::named(error_names::TIMEOUT)))?
        }
        EventKind::EvaluationFailed { state, location, failure } => HistoryEventKind::EvaluationFailed {
            state: definition.state(*state)?.name.clone(),
            location: location.clone(),
            failure: failure.clone(),
        },
        EventKind::ParallelStarted { .. } => HistoryEventKind::ParallelStateStarted,
        EventKind::ParallelSucceeded => HistoryEventKind::ParallelStateSucceeded,
        EventKind::ParallelFailed => HistoryEventKind::ParallelStateFailed,
        EventKind::MapStarted { items, .. } => HistoryEventKind::MapStateStarted {
            length: items.value().as_array().map_or(0, |items| items.len() as u64),
        },
        EventKind::MapSucceeded => HistoryEventKind::MapStateSucceeded,
        EventKind::MapFailed => HistoryEventKind::MapStateFailed,
        EventKind::IterationStarted { index, input: _, state } => {
            HistoryEventKind::MapIterationStarted { name: map_name(definition, *state)?, index: *index }
        }
        EventKind::IterationSucceeded { index, state } => {
            HistoryEventKind::MapIterationSucceeded { name: map_name(definition, *state)?, index: *index }
        }
        EventKind::IterationFailed { index, state } => {
            HistoryEventKind::MapIterationFailed { name: map_name(definition, *state)?, index: *index }
        }
        EventKind::IterationAborted { index, state } => {
            HistoryEventKind::MapIterationAborted { name: map_name(definition, *state)?, index: *index }
        }
    };
    Some(HistoryEvent { id: event.id, previous_event_id: event.previous_id, timestamp: event.at, kind })
}

/// The name of the state that an event is about, if it is about one.
pub fn state_name<'a>(event: &Event, definition: &'a Definition) -> Option<&'a std::sync::Arc<str>> {
    definition.state(event.kind.state()?).map(|state| &state.name)
}

fn map_name(definition: &Definition, state: StateId) -> Option<std::sync::Arc<str>> {
    definition.state(state).map(|state| state.name.clone())
}
