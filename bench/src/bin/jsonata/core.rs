//! jsonata-core, as fast as its documentation says how.

use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator};
use jsonata_core::value::{JMap, JValue};
use stepwell_value::{Number, Value};

/// An expression of jsonata-core with the input that it holds.
pub struct Other {
    program: Program,
    input: JValue,
}

enum Program {
    /// Bytecode, where the expression can be compiled to it: what its documentation recommends.
    Compiled(Box<jsonata_core::Expression>),
    /// With a variable: what its documentation says bindings need. The evaluator that the input is
    /// bound in is kept for the native column.
    Bound(Box<AstNode>, Box<Evaluator>),
}

/// The name that the input is bound to, as it is in a state machine.
const BOUND_AS: &str = "states";

fn bound(input: &JValue) -> Evaluator {
    let mut context = Context::new();
    context.bind(BOUND_AS.to_owned(), input.clone());
    Evaluator::with_context(context)
}

impl Other {
    /// Compiles `text`; `is_bound` says whether the input is `$states` rather than the context.
    ///
    /// # Errors
    ///
    /// It cannot be compiled.
    pub fn new(text: &str, input: &Value, is_bound: bool) -> Result<Other, String> {
        let told = |error: &dyn std::fmt::Display| format!("jsonata-core: {text}: {error}");
        let input = to_theirs(input);
        let program = if is_bound {
            let node = jsonata_core::parser::parse(text).map_err(|error| told(&error))?;
            Program::Bound(Box::new(node), Box::new(bound(&input)))
        } else {
            let compiled = jsonata_core::Expression::compile(text).map_err(|error| told(&error))?;
            Program::Compiled(Box::new(compiled))
        };
        Ok(Other { program, input })
    }

    /// One evaluation from its own value to its own value.
    ///
    /// # Errors
    ///
    /// The evaluation fails.
    pub fn native(&mut self) -> Result<JValue, String> {
        match &mut self.program {
            Program::Compiled(expression) => expression.evaluate(&self.input),
            Program::Bound(node, evaluator) => evaluator.evaluate(node, &JValue::Undefined),
        }
        .map_err(|error| error.to_string())
    }

    /// One evaluation from our value to our value.
    ///
    /// # Errors
    ///
    /// The evaluation fails.
    pub fn converted(&self, input: &Value) -> Result<Value, String> {
        let input = to_theirs(input);
        let result = match &self.program {
            Program::Compiled(expression) => expression.evaluate(&input),
            Program::Bound(node, _) => bound(&input).evaluate(node, &JValue::Undefined),
        };
        result.map(|result| to_ours(&result)).map_err(|error| error.to_string())
    }
}

fn to_theirs(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(truth) => JValue::Bool(*truth),
        Value::Number(number) => JValue::Number(number.as_f64()),
        Value::String(text) => JValue::from(&**text),
        Value::Array(values) => JValue::from(values.iter().map(to_theirs).collect::<Vec<JValue>>()),
        Value::Object(map) => {
            let members = map.iter().map(|(key, value)| (key.to_string(), to_theirs(value)));
            JValue::Object(members.collect::<JMap>().into())
        }
    }
}

/// Its value as ours. What is not JSON becomes `null`; no workload gives that.
pub fn to_ours(value: &JValue) -> Value {
    match value {
        JValue::Bool(truth) => Value::Bool(*truth),
        JValue::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        JValue::String(text) => Value::from(&**text),
        JValue::Array(values) => Value::array(values.iter().map(to_ours).collect::<Vec<Value>>()),
        JValue::Object(map) => {
            let members = map.iter().map(|(key, value)| (Arc::from(key.as_str()), to_ours(value)));
            Value::Object(Arc::new(members.collect()))
        }
        JValue::Null
        | JValue::Undefined
        | JValue::Lambda(_)
        | JValue::Builtin { .. }
        | JValue::Regex { .. } => Value::Null,
    }
}
