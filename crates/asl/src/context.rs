//! The context object, `$$`.
//!
//! Source: Developer Guide, "Accessing execution data from the Context object".

use std::sync::Arc;

use stepwell_value::{Map, Value};

use crate::definition::State;
use crate::execution::{Execution, Phase};
use crate::state::StateKind;

/// The context object as a state of a branch sees it. `item` is the item that an `ItemSelector` is
/// applied to; `token` is there while a task with a token is being scheduled.
pub(crate) fn value(
    execution: &Execution,
    branch: u32,
    state: &State,
    token: Option<&str>,
    item: Option<(u64, &Value)>,
) -> Value {
    if let Some(given) = &execution.context {
        return of_test(given, token, item);
    }
    let origin = &execution.origin;
    let text = |text: &str| Value::from(text);
    let mut about_execution = vec![
        ("Id", text(&origin.execution_arn)),
        ("Input", execution.input.value().clone()),
        ("Name", text(&origin.execution_name)),
        ("RoleArn", text(&origin.role_arn)),
        ("StartTime", Value::from(execution.started_at.to_rfc3339())),
    ];
    // Recorded: there is a count of redrives, also in asynchronous Express executions, which cannot be
    // redriven, but not in synchronous ones.
    if !origin.synchronous {
        about_execution.push(("RedriveCount", Value::from(execution.redrive_count as i64)));
    }
    if let Some(redriven_at) = execution.redriven_at {
        about_execution.push(("RedriveTime", Value::from(redriven_at.to_rfc3339())));
    }
    let mut members = vec![
        ("Execution", Value::object(about_execution)),
        (
            "StateMachine",
            Value::object([("Id", text(&origin.machine_arn)), ("Name", text(&origin.machine_name))]),
        ),
    ];
    if let Some(branch) = execution.branches.get(branch) {
        let mut about_state =
            vec![("EnteredTime", Value::from(branch.entered_at.to_rfc3339())), ("Name", text(&state.name))];
        if matches!(state.kind, StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_)) {
            about_state.push(("RetryCount", Value::from(branch.retry_count as i64)));
        }
        members.push(("State", Value::object(about_state)));
    }
    if let Some(token) = token {
        members.push(("Task", Value::object([("Token", text(token))])));
    }
    let around = || {
        let (index, item) = item_around(execution, branch)?;
        Some(map_item(index, item))
    };
    if let Some(map) = item.map(|(index, item)| map_item(index, item.clone())).or_else(around) {
        members.push(("Map", map));
    }
    Value::object(members)
}

/// The context object of a test, with what only the moment knows.
fn of_test(given: &Map, token: Option<&str>, item: Option<(u64, &Value)>) -> Value {
    let mut context = given.clone();
    if let Some(token) = token.filter(|_| !context.contains_key("Task")) {
        context.insert("Task".into(), Value::object([("Token", Value::from(token))]));
    }
    if let Some((index, item)) = item {
        context.insert("Map".into(), map_item(index, item.clone()));
    }
    Value::Object(Arc::new(context))
}

fn map_item(index: u64, value: Value) -> Value {
    let item = Value::object([("Index", Value::from(index as i64)), ("Value", value)]);
    Value::object([("Item", item)])
}

/// The item of the innermost iteration that the branch is in.
fn item_around(execution: &Execution, mut id: u32) -> Option<(u64, Value)> {
    loop {
        let (parent_id, index) = execution.branches.get(id)?.parent?;
        let parent = execution.branches.get(parent_id)?;
        if let Phase::Children(children) = &parent.phase
            && let Some(items) = &children.items
        {
            let item = items.value().as_array()?.get(usize::try_from(index).ok()?)?;
            return Some((index, item.clone()));
        }
        id = parent_id;
    }
}
