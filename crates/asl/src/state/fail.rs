//! The `Fail` state: end the branch, or the execution, badly.
//!
//! `Error` and `Cause` are texts; `ErrorPath` and `CausePath` take them from the input, the context
//! object, a variable, or from an intrinsic function that gives a string. In JSONata `Error` and `Cause`
//! may be expressions.
//!
//! History: `FailStateEntered`, and no exit.
//!
//! Source: Amazon States Language specification, "Fail State".

use std::sync::Arc;

use stepwell_jsonpath::Expression;
use stepwell_model::Failure;
use stepwell_value::Value;

use crate::data::{looks_like_an_expression, read_path_or_call};
use crate::fields::Fields;
use crate::query::{CAUSE_CHARACTERS_MAX, Query, cut, is_query, read_query};
use crate::turn::Turn;

/// A `Fail`.
#[derive(Debug)]
pub(crate) struct Fail {
    error: Option<Text>,
    cause: Option<Text>,
}

/// A text, or where it is.
#[derive(Debug)]
enum Text {
    Literal(Arc<str>),
    Path(&'static str, Expression),
    Query(&'static str, Query),
}

/// The longest error and cause, in characters.
///
/// Source: API reference, `SensitiveError` and `SensitiveCause`.
const ERROR_CHARACTERS_MAX: usize = 256;

fn shortened(text: Arc<str>, characters_max: usize) -> Arc<str> {
    if text.len() <= characters_max { text } else { cut(text.to_string(), characters_max).into() }
}

impl Fail {
    pub(crate) fn read(fields: &Fields) -> Option<Fail> {
        if !fields.in_jsonata() {
            fields.at_most_one(&["Error", "ErrorPath"]);
            fields.at_most_one(&["Cause", "CausePath"]);
        }
        let read = |literal, path| {
            if fields.in_jsonata() {
                if is_query(fields, literal) {
                    return read_query(fields, literal).map(|query| Text::Query(literal, query));
                }
                return fields.text(literal).map(Text::Literal);
            }
            let text = fields.text(literal);
            if text.as_deref().is_some_and(looks_like_an_expression) {
                let text =
                    format!("The value of '{literal}' looks like a JSONPath. Use '{path}' to evaluate it.");
                fields.notes.warn("NO_PATH", &fields.at(literal), text);
            }
            let text = text.map(Text::Literal);
            text.or_else(|| read_path_or_call(fields, path).map(|expression| Text::Path(path, expression)))
        };
        Some(Fail { error: read("Error", "ErrorPath"), cause: read("Cause", "CausePath") })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let mut read = |text: &Option<Text>| match text {
            None => Ok(None),
            Some(Text::Literal(text)) => Ok(Some(text.clone())),
            Some(Text::Query(field, query)) => turn.query_text(query, field).map(Some),
            Some(Text::Path(field, expression)) => {
                let input = turn.raw_input();
                match turn.evaluate(expression, input.value(), field)? {
                    Value::String(text) => Ok(Some(text)),
                    _ => {
                        let text = format!("The {field} field refers to a value that is not a string: ");
                        Err(turn.runtime_failure(&(text + expression.text())))
                    }
                }
            }
        };
        let error = read(&self.error)?.map(|error| shortened(error, ERROR_CHARACTERS_MAX));
        let cause = read(&self.cause)?.map(|cause| shortened(cause, CAUSE_CHARACTERS_MAX));
        Err(Failure { error, cause })
    }
}
