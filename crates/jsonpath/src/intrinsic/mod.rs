//! Intrinsic functions: `States.Format('Hello {}', $.name)`.
//!
//! | function | arguments | limits |
//! |---|---|---|
//! | `Format` | template, then one value for each `{}` | |
//! | `StringToJson` | text | blank text is `null` |
//! | `JsonToString` | value | |
//! | `Array` | any | |
//! | `ArrayPartition` | array, size | size is rounded, at least 1 |
//! | `ArrayContains` | array, value | |
//! | `ArrayRange` | first, last, step | all rounded; step not 0; at most 1,000 items |
//! | `ArrayGetItem` | array, index | from 0 |
//! | `ArrayLength`, `ArrayUnique` | array | |
//! | `Base64Encode`, `Base64Decode` | text | at most 10,000 characters |
//! | `Hash` | value, algorithm | at most 10,000 characters |
//! | `JsonMerge` | object, object, `false` | shallow only |
//! | `MathRandom` | from, below, seed (optional) | rounded |
//! | `MathAdd` | two numbers | rounded; from -2147483648 to 2147483647 |
//! | `StringSplit` | text, delimiters | empty pieces are dropped |
//! | `UUID` | | version 4 |
//!
//! Calls nest, at most [`parse::NESTING_MAX`] deep. A string stands in single quotes; `\'`, `\{`,
//! `\}` and `\\` are its only escapes.
//!
//! Source: Developer Guide, "Intrinsic functions"; recorded answers of AWS.

pub(crate) mod parse;

mod array;
mod encoding;
mod math;
mod random;
mod text;

use std::sync::Arc;

use stepwell_value::{Number, Value};

use crate::evaluate::{Run, Stop};
use crate::{EvaluationError, Path, Problem};

/// The call of a function, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    text: Arc<str>,
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    Literal(Value),
    /// The template of `States.Format`, cut at its `{}`.
    Pieces(Vec<Box<str>>),
    Path(Path),
    Call(Call),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// Every function: its name behind `States.`, and the fewest and most arguments it takes.
const ALL: &[(&str, Function, usize, usize)] = &[
    ("Format", Function::Format, 1, usize::MAX),
    ("StringToJson", Function::StringToJson, 1, 1),
    ("JsonToString", Function::JsonToString, 1, 1),
    ("Array", Function::Array, 0, usize::MAX),
    ("ArrayPartition", Function::ArrayPartition, 2, 2),
    ("ArrayContains", Function::ArrayContains, 2, 2),
    ("ArrayRange", Function::ArrayRange, 3, 3),
    ("ArrayGetItem", Function::ArrayGetItem, 2, 2),
    ("ArrayLength", Function::ArrayLength, 1, 1),
    ("ArrayUnique", Function::ArrayUnique, 1, 1),
    ("Base64Encode", Function::Base64Encode, 1, 1),
    ("Base64Decode", Function::Base64Decode, 1, 1),
    ("Hash", Function::Hash, 2, 2),
    ("JsonMerge", Function::JsonMerge, 3, 3),
    ("MathRandom", Function::MathRandom, 2, 3),
    ("MathAdd", Function::MathAdd, 2, 2),
    ("StringSplit", Function::StringSplit, 2, 2),
    ("UUID", Function::Uuid, 0, 0),
];

impl Call {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn collect_paths<'c>(&'c self, paths: &mut Vec<&'c Path>) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) | Argument::Pieces(_) => {}
                Argument::Path(path) => paths.push(path),
                Argument::Call(call) => call.collect_paths(paths),
            }
        }
    }

    pub fn read(&self, run: &Run) -> Result<Value, EvaluationError> {
        let (pieces, arguments) = match self.arguments.split_first() {
            Some((Argument::Pieces(pieces), rest)) => (Some(pieces.as_slice()), rest),
            _ => (None, self.arguments.as_slice()),
        };
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Pieces(_) => unreachable!("only the first argument is a template"),
                Argument::Path(path) => path.read(run)?,
                Argument::Call(call) => call.read(run)?,
            });
        }
        let result = match pieces {
            Some(pieces) => text::format(run, pieces, &values),
            None => self.function.apply(run, &values),
        };
        result.map_err(|problem| EvaluationError::Intrinsic { call: self.text.clone(), key: None, problem })
    }
}

impl Function {
    /// The number of arguments was checked by the parser.
    fn apply(self, run: &Run, arguments: &[Value]) -> Result<Value, Problem> {
        match (self, arguments) {
            (Function::Format, [template, values @ ..]) => text::format_at_run_time(run, template, values),
            (Function::StringToJson, [text]) => text::string_to_json(run, text),
            (Function::JsonToString, [value]) => text::json_to_string(run, value),
            (Function::StringSplit, [text, delimiters]) => text::split(run, text, delimiters),
            (Function::Array, items) => Ok(Value::array(items)),
            (Function::ArrayPartition, [array, size]) => array::partition(array, size),
            (Function::ArrayContains, [array, value]) => array::contains(run, array, value),
            (Function::ArrayRange, [first, last, step]) => array::range(first, last, step),
            (Function::ArrayGetItem, [array, index]) => array::get_item(array, index),
            (Function::ArrayLength, [array]) => array::length(array),
            (Function::ArrayUnique, [array]) => array::unique(run, array),
            (Function::JsonMerge, [left, right, deep]) => array::merge(run, left, right, deep),
            (Function::Base64Encode, [text]) => encoding::base64_encode(text),
            (Function::Base64Decode, [text]) => encoding::base64_decode(text),
            (Function::Hash, [data, algorithm]) => encoding::hash(run, data, algorithm),
            (Function::MathAdd, [a, b]) => math::add(a, b),
            (Function::MathRandom, [from, below]) => math::random(from, below, (run.scope.random)() as i64),
            (Function::MathRandom, [from, below, seed]) => {
                math::random(from, below, rounded(seed, 3, "a number that is the seed")?)
            }
            (Function::Uuid, []) => Ok(encoding::uuid(run)),
            _ => unreachable!("the parser counts the arguments"),
        }
    }
}

/// Running out of work within a function is its failure.
impl From<Stop> for Problem {
    fn from(_: Stop) -> Problem {
        Problem::TooLarge
    }
}

fn items(value: &Value, position: usize) -> Result<&Vec<Value>, Problem> {
    value.as_array().ok_or(Problem::Argument { position, expected: "an array" })
}

fn string(value: &Value, position: usize) -> Result<&str, Problem> {
    value.as_str().ok_or(Problem::Argument { position, expected: "a string" })
}

/// A number, rounded as AWS rounds: halves go up, so -1.5 is -1 (Java's `Math.round`).
fn rounded(value: &Value, position: usize, expected: &'static str) -> Result<i64, Problem> {
    let whole = |number: &Number| {
        let whole = number.as_i64().or_else(|| {
            let float = (number.as_f64() + 0.5).floor();
            (float.abs() < 9.0e18).then_some(float as i64)
        });
        whole.filter(|whole| whole.unsigned_abs() < 1 << 62)
    };
    value.as_number().and_then(whole).ok_or(Problem::Argument { position, expected })
}

#[cfg(test)]
mod tests;
