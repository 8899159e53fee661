//! Filters: `[?(@.price < 10 && @.kind in ['a','b'])]`.
//!
//! What a path in a filter does not find is different from everything: comparisons with it are
//! false, `!=` and `nin` are true.

pub(crate) mod parse;

use std::cmp::Ordering;
use std::sync::Arc;

use regex::Regex;
use stepwell_value::Value;

use crate::evaluate::{Run, Stop};
use crate::path::{Query, Root, add_name};

#[derive(Debug, Clone)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare { left: Operand, operator: Operator, right: Operand },
    Matches { left: Operand, pattern: Regex },
}

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Literal(Value),
    Path { start: Start, query: Query },
}

/// Where a path in a filter starts.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// `@`, the value that is tested
    Tested,
    /// `$`: here the document that the whole path is applied to, as in Jayway
    Root(Root),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    /// `===`: equal, and of the same type
    Same,
    /// `!==`
    NotSame,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    /// The left array has an item of the right array.
    AnyOf,
    /// The left array has no item of the right array.
    NoneOf,
    /// Every item of the left array is in the right array.
    SubsetOf,
    /// Every item of the right array is in the left array.
    HasAll,
    Contains,
    Size,
    Empty,
}

impl Filter {
    /// Whether `tested` passes; `document` is what `$` means.
    pub fn holds(&self, run: &Run, tested: &Value, document: &Value) -> Result<bool, Stop> {
        match self {
            Filter::Any(filters) => {
                for filter in filters {
                    if filter.holds(run, tested, document)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(filters) => {
                for filter in filters {
                    if !filter.holds(run, tested, document)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(filter) => Ok(!filter.holds(run, tested, document)?),
            Filter::Exists(operand) => {
                let found = operand.value(run, tested, document)?;
                // An indefinite path always gives an array; it exists if it found something.
                let nothing = |value: &Value| {
                    operand.is_indefinite() && value.as_array().is_some_and(|items| items.is_empty())
                };
                Ok(found.is_some_and(|value| !nothing(&value)))
            }
            Filter::Compare { left, operator, right } => {
                let left = left.value(run, tested, document)?;
                let right = right.value(run, tested, document)?;
                compare(run, left.as_ref(), *operator, right.as_ref())
            }
            Filter::Matches { left, pattern } => match left.value(run, tested, document)? {
                Some(Value::Array(items)) => {
                    for item in items.iter() {
                        if matches(run, item, pattern)? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                }
                Some(value) => matches(run, &value, pattern),
                None => Ok(false),
            },
        }
    }

    pub fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        match self {
            Filter::Any(filters) | Filter::All(filters) => {
                filters.iter().for_each(|filter| filter.collect_variables(names));
            }
            Filter::Not(filter) => filter.collect_variables(names),
            Filter::Exists(operand) | Filter::Matches { left: operand, .. } => {
                operand.collect_variables(names)
            }
            Filter::Compare { left, right, .. } => {
                left.collect_variables(names);
                right.collect_variables(names);
            }
        }
    }
}

impl Operand {
    fn is_indefinite(&self) -> bool {
        match self {
            Operand::Literal(_) => false,
            Operand::Path { query, .. } => query.functions.is_empty() && !query.is_definite(),
        }
    }

    /// `None` if it is a path that leads nowhere.
    fn value(&self, run: &Run, tested: &Value, document: &Value) -> Result<Option<Value>, Stop> {
        let (start, query) = match self {
            Operand::Literal(value) => return Ok(Some(value.clone())),
            Operand::Path { start, query } => (start, query),
        };
        let found = match start {
            Start::Tested => run.query(query, tested, document),
            Start::Root(Root::Input) => run.query(query, document, document),
            Start::Root(Root::Context) => run.query(query, run.context(), document),
            Start::Root(Root::Variable(name)) => match (run.scope.variable)(name) {
                Some(value) => run.query(query, &value, document),
                None => return Ok(None),
            },
        };
        match found {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Nowhere(_)) => Ok(None),
            Err(Stop::Exhausted) => Err(Stop::Exhausted),
        }
    }

    fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        if let Operand::Path { start, query } = self {
            if let Start::Root(Root::Variable(name)) = start {
                add_name(name, names);
            }
            query.collect_variables(names);
        }
    }
}

fn compare(run: &Run, left: Option<&Value>, operator: Operator, right: Option<&Value>) -> Result<bool, Stop> {
    let equal_parts = || left.zip(right);
    let sides =
        |wanted: fn(Ordering) -> bool| left.zip(right).and_then(|(l, r)| order(l, r)).is_some_and(wanted);
    let items = |side: Option<&Value>| side.and_then(Value::as_array).cloned();
    Ok(match operator {
        Operator::Equal => equal_parts().is_some_and(|(l, r)| equal(l, r)),
        Operator::NotEqual => !equal_parts().is_some_and(|(l, r)| equal(l, r)),
        Operator::Same => equal_parts().is_some_and(|(l, r)| l == r),
        Operator::NotSame => !equal_parts().is_some_and(|(l, r)| l == r),
        Operator::Less => sides(Ordering::is_lt),
        Operator::LessOrEqual => sides(Ordering::is_le),
        Operator::Greater => sides(Ordering::is_gt),
        Operator::GreaterOrEqual => sides(Ordering::is_ge),
        Operator::In => contains(run, right, left)?,
        Operator::NotIn => !contains(run, right, left)?,
        Operator::AnyOf | Operator::NoneOf => {
            let (Some(left), Some(right)) = (items(left), items(right)) else { return Ok(false) };
            run.charge(left.len().saturating_mul(right.len()))?;
            let shared = left.iter().any(|l| right.iter().any(|r| equal(l, r)));
            shared == (operator == Operator::AnyOf)
        }
        Operator::SubsetOf | Operator::HasAll => {
            let (Some(left), Some(right)) = (items(left), items(right)) else { return Ok(false) };
            run.charge(left.len().saturating_mul(right.len()))?;
            let (inner, outer) = if operator == Operator::SubsetOf { (left, right) } else { (right, left) };
            inner.iter().all(|i| outer.iter().any(|o| equal(i, o)))
        }
        Operator::Contains => match (left, right) {
            (Some(Value::String(text)), Some(Value::String(part))) => {
                run.charge(text.len() / 4)?;
                text.contains(&**part)
            }
            (left, right) => contains(run, left, right)?,
        },
        Operator::Size => {
            let length = match left {
                Some(Value::String(text)) => text.chars().count(),
                Some(Value::Array(items)) => items.len(),
                Some(Value::Object(map)) => map.len(),
                Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => return Ok(false),
            };
            right.and_then(Value::as_i64) == Some(length as i64)
        }
        Operator::Empty => {
            let empty = match left {
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Array(items)) => items.is_empty(),
                Some(Value::Object(map)) => map.is_empty(),
                Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => return Ok(false),
            };
            right.and_then(Value::as_bool) == Some(empty)
        }
    })
}

fn contains(run: &Run, list: Option<&Value>, wanted: Option<&Value>) -> Result<bool, Stop> {
    let (Some(list), Some(wanted)) = (list.and_then(Value::as_array), wanted) else { return Ok(false) };
    run.charge(list.len())?;
    Ok(list.iter().any(|item| equal(wanted, item)))
}

/// Equality, in which a number and a string that spells it are equal, as in Jayway.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            number.to_string() == **text
        }
        (left, right) => left == right,
    }
}

/// Numbers by size, strings by their characters; nothing else is ordered.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn matches(run: &Run, value: &Value, pattern: &Regex) -> Result<bool, Stop> {
    match value {
        Value::String(text) => {
            run.charge(1 + text.len() / 4)?;
            Ok(pattern.is_match(text))
        }
        Value::Number(number) => Ok(pattern.is_match(&number.to_string())),
        Value::Bool(truth) => Ok(pattern.is_match(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => Ok(false),
    }
}
