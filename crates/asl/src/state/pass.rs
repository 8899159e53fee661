//! The `Pass` state: hand the input on, or something made of it, or a fixed `Result`.
//!
//! History: `PassStateEntered`, `PassStateExited`.
//!
//! Source: Amazon States Language specification, "Pass State".

use stepwell_model::Failure;
use stepwell_value::{Payload, Value};

use crate::data::looks_like_an_expression;
use crate::fields::Fields;
use crate::turn::Turn;

/// A `Pass`.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) result: Option<Payload>,
}

impl Pass {
    pub(crate) fn read(fields: &Fields) -> Option<Pass> {
        // A text was parsed, so it nests no deeper than can be written.
        let result = if fields.in_jsonata() { None } else { fields.get("Result") };
        if result.is_some_and(has_a_path) {
            let text = "The 'Result' of a Pass state is taken as it is; a path in it is not evaluated.";
            fields.notes.warn("PASS_RESULT_IS_STATIC", &fields.at("Result"), text.to_owned());
        }
        let result = result.and_then(|value| Payload::of(value.clone()).ok());
        Some(Pass { result })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let result = match &self.result {
            Some(result) => result.clone(),
            None => turn.parameters()?,
        };
        turn.finish_plain(result)
    }
}

fn has_a_path(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => looks_like_an_expression(text),
        Value::Array(items) => items.iter().any(has_a_path),
        Value::Object(map) => map.iter().any(|(key, value)| key.ends_with(".$") || has_a_path(value)),
    }
}
