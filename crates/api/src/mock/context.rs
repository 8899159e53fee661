//! The context object that a caller of `TestState` gives.
//!
//! Source: the recorded cases (a member that is not allowed, `Map`, `Task`, a text that is none); the
//! other messages are in their form.

use stepwell_asl::test_state::{Tested, needs_mock};
use stepwell_model::Resource;
use stepwell_value::Value;

use crate::Exception;

/// What a member of the context object is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Any,
}

/// The members that may be given.
const MEMBERS: [(&str, &[(&str, Kind)]); 4] = [
    (
        "Execution",
        &[
            ("Id", Kind::Text),
            ("Input", Kind::Any),
            ("Name", Kind::Text),
            ("RoleArn", Kind::Text),
            ("StartTime", Kind::Text),
            ("RedriveCount", Kind::Number),
            ("RedriveTime", Kind::Text),
        ],
    ),
    ("State", &[("EnteredTime", Kind::Text), ("Name", Kind::Text), ("RetryCount", Kind::Number)]),
    ("StateMachine", &[("Id", Kind::Text), ("Name", Kind::Text)]),
    ("Task", &[("Token", Kind::Text)]),
];

/// Reads the context object for this state.
pub(crate) fn read(text: &str, tested: &Tested) -> Result<Value, Exception> {
    check(text, tested)
        .map_err(|what| Exception::validation(format!("Invalid Context object provided: {what}")))
}

fn check(text: &str, tested: &Tested) -> Result<Value, String> {
    let context = Value::parse(text).map_err(|_| "Context object must be valid JSON".to_owned())?;
    let Some(members) = context.as_object() else {
        return Err("Context object must be a JSON object".to_owned());
    };
    for (name, value) in members.iter() {
        if &**name == "Map" {
            return Err("'Map' field is not supported when mocking a Context object".to_owned());
        }
        if &**name == "Task" && !tested.resource().is_some_and(has_token) {
            return Err("Context object contains 'Task' when state is not a Task state with a '.sync' or \
                        '.waitForTaskToken' service integration pattern"
                .to_owned());
        }
        let Some((_, known)) = MEMBERS.iter().find(|(known, _)| *known == &**name) else {
            return Err(format!("Field '{name}' is not allowed"));
        };
        let Some(inner) = value.as_object() else { return Err(format!("{name} must be an object")) };
        for (field, value) in inner.iter() {
            let Some((_, kind)) = known.iter().find(|(known, _)| *known == &**field) else {
                return Err(format!("Field '{field}' is not allowed"));
            };
            match (kind, value) {
                (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) | (Kind::Any, _) => {}
                (Kind::Text, _) => return Err(format!("{name}.{field} must be a string")),
                (Kind::Number, _) => return Err(format!("{name}.{field} must be a number")),
            }
        }
    }
    Ok(context)
}

fn has_token(resource: &Resource) -> bool {
    match resource {
        Resource::Service { .. } => needs_mock(resource),
        Resource::Activity { .. } | Resource::LambdaFunction { .. } => false,
    }
}
