//! The functions that may end a path: `$.prices.max()`.
//!
//! AWS does not know them: it reports `$.Jobs.sum()` as a path that cannot be found. Jayway's
//! later releases do, and so do we, where a definite path would have failed: a member of that name
//! wins.

use stepwell_value::{Number, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    StdDev,
    Keys,
    Concat,
    First,
    Last,
}

/// Every function with its name.
const ALL: &[(&str, Function)] = &[
    ("length", Function::Length),
    ("size", Function::Length),
    ("min", Function::Min),
    ("max", Function::Max),
    ("avg", Function::Avg),
    ("sum", Function::Sum),
    ("stddev", Function::StdDev),
    ("keys", Function::Keys),
    ("concat", Function::Concat),
    ("first", Function::First),
    ("last", Function::Last),
];

impl Function {
    pub fn named(name: &str) -> Option<Function> {
        ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// `None` if it cannot be applied to `value`.
    pub fn apply(self, value: &Value) -> Option<Value> {
        match self {
            Function::Length => {
                let length = match value {
                    Value::Array(items) => items.len(),
                    Value::Object(map) => map.len(),
                    Value::String(text) => text.chars().count(),
                    Value::Null | Value::Bool(_) | Value::Number(_) => return None,
                };
                Some(Value::from(length as i64))
            }
            Function::Min => {
                numbers(value)?.reduce(|a, b| if b < a { b } else { a }).map(|n| Value::Number(n.clone()))
            }
            Function::Max => {
                numbers(value)?.reduce(|a, b| if b > a { b } else { a }).map(|n| Value::Number(n.clone()))
            }
            Function::Sum => sum(value),
            Function::Avg => {
                let (count, sum, _) = moments(value)?;
                float(sum / count)
            }
            Function::StdDev => {
                let (count, sum, squares) = moments(value)?;
                let mean = sum / count;
                float((squares / count - mean * mean).max(0.0).sqrt())
            }
            Function::Keys => {
                let keys: Vec<Value> =
                    value.as_object()?.keys().map(|key| Value::String(key.clone())).collect();
                Some(Value::array(keys))
            }
            Function::Concat => {
                let texts: String = value.as_array()?.iter().filter_map(Value::as_str).collect();
                Some(Value::from(texts))
            }
            Function::First => value.as_array()?.first().cloned(),
            Function::Last => value.as_array()?.last().cloned(),
        }
    }
}

fn numbers(value: &Value) -> Option<impl Iterator<Item = &Number>> {
    Some(value.as_array()?.iter().filter_map(Value::as_number))
}

/// How many numbers, their sum and the sum of their squares; `None` if there is no number.
fn moments(value: &Value) -> Option<(f64, f64, f64)> {
    let start = (0.0, 0.0, 0.0);
    let sums = numbers(value)?
        .map(Number::as_f64)
        .fold(start, |(count, sum, squares), number| (count + 1.0, sum + number, squares + number * number));
    (sums.0 > 0.0).then_some(sums)
}

fn sum(value: &Value) -> Option<Value> {
    let whole = numbers(value)?.try_fold(0_i64, |sum, number| {
        number.as_i64().filter(|_| number.is_integer()).and_then(|number| sum.checked_add(number))
    });
    let (_, sum, _) = moments(value)?;
    whole.map(Value::from).or_else(|| float(sum))
}

fn float(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}
