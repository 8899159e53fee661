//! Filters: `[?(@.price < 10 && @.kind == 'a')]`.
//!
//! A criterion whose path leads nowhere does not hold, whatever its operator. Where Jayway fails
//! instead (an index into an object, text beside a number), the whole path fails.

pub(crate) mod parse;

use std::cmp::Ordering;
use std::sync::Arc;

use regex::Regex;
use stepwell_value::{Number, Value};

use crate::error::Unreachable;
use crate::evaluate::{Nowhere, Run, Stop};
use crate::java;
use crate::path::{Query, Root, add_name};

/// It holds if all criteria of one list do. They stand from right to left, the order in which
/// Jayway asks them.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    any: Vec<Vec<Criterion>>,
}

#[derive(Debug, Clone)]
enum Criterion {
    /// The path leads to something other than `null`, or (`wanted` is false) does not.
    Exists {
        start: Start,
        query: Query,
        wanted: bool,
    },
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    Matches {
        operand: Operand,
        pattern: Regex,
    },
    InWords {
        left: Operand,
        word: Word,
        right: Operand,
    },
}

/// The operators that are words. AWS's release of Jayway does not have them; they do no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    In,
    Nin,
    Contains,
    SubsetOf,
    AnyOf,
    NoneOf,
    Size,
    Empty,
}

impl Word {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let among = |item: &Value, list: &Value| list.as_array().is_some_and(|list| list.contains(item));
        let mut items = left.as_array().into_iter().flat_map(|items| items.iter());
        match self {
            Word::In => among(left, right),
            Word::Nin => !among(left, right),
            Word::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(&**part),
                (list, item) => among(item, list),
            },
            Word::SubsetOf => left.as_array().is_some() && items.all(|item| among(item, right)),
            Word::AnyOf => items.any(|item| among(item, right)),
            Word::NoneOf => left.as_array().is_some() && !items.any(|item| among(item, right)),
            Word::Size => match (size(left), right) {
                (Some(size), Value::Number(number)) => number.as_i64() == i64::try_from(size).ok(),
                (size_of_left, list) => size_of_left.is_some() && size_of_left == size(list),
            },
            Word::Empty => size(left).is_some_and(|size| Some(size == 0) == right.as_bool()),
        }
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::String(text) => Some(text.chars().count()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[derive(Debug, Clone)]
enum Operand {
    /// A text, numbers included.
    Literal(Value),
    Path {
        start: Start,
        query: Query,
    },
}

/// Where a path in a filter starts.
#[derive(Debug, Clone)]
enum Start {
    /// `@`, the value that is tested
    Tested,
    /// `$`: here the document that the whole path is applied to, as in Jayway
    Root(Root),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

impl Filter {
    /// Whether `tested` passes; `document` is what `$` means.
    pub fn holds(&self, run: &Run, tested: &Value, document: &Value) -> Result<bool, Stop> {
        for all in &self.any {
            let mut holds = true;
            for criterion in all {
                holds = criterion.holds(run, tested, document)?;
                if !holds {
                    break;
                }
            }
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        for criterion in self.any.iter().rev().flat_map(|all| all.iter().rev()) {
            match criterion {
                Criterion::Exists { start, query, .. } => collect(start, query, names),
                Criterion::Matches { operand, .. } => operand.collect_variables(names),
                Criterion::Compare { left, right, .. } | Criterion::InWords { left, right, .. } => {
                    left.collect_variables(names);
                    right.collect_variables(names);
                }
            }
        }
    }
}

impl Criterion {
    fn holds(&self, run: &Run, tested: &Value, document: &Value) -> Result<bool, Stop> {
        run.charge(1)?;
        match self {
            Criterion::Exists { start, query, wanted } => {
                // Jayway starts at the tested value here, even for `$`.
                let start = match start {
                    Start::Root(Root::Input) => &Start::Tested,
                    Start::Tested | Start::Root(Root::Context | Root::Variable(_)) => start,
                };
                let found = find(start, query, run, tested, document)?;
                // Jayway asks for every name of a list here.
                let found = found.filter(|value| query.found_all_names(value));
                Ok(found.is_some_and(|value| !value.is_null()) == *wanted)
            }
            Criterion::Compare { left, operator, right } => {
                let Some(left) = left.value(run, tested, document)? else { return Ok(false) };
                let Some(right) = right.value(run, tested, document)? else { return Ok(false) };
                compare(run, &left, *operator, &right)
            }
            Criterion::InWords { left, word, right } => {
                let Some(left) = left.value(run, tested, document)? else { return Ok(false) };
                let Some(right) = right.value(run, tested, document)? else { return Ok(false) };
                // Each item of one side may be held against each of the other.
                let length = |value: &Value| value.as_array().map_or(1, |items| items.len());
                run.charge(length(&left).saturating_mul(length(&right)))?;
                run.charge_whole(&left)?;
                Ok(word.holds(&left, &right))
            }
            Criterion::Matches { operand, pattern } => match operand.value(run, tested, document)? {
                None | Some(Value::Null) => Ok(false),
                Some(Value::String(text)) => {
                    run.charge(1 + text.len() / 4)?;
                    Ok(pattern.is_match(&text))
                }
                Some(other) => {
                    run.charge_whole(&other)?;
                    let mut text = String::new();
                    java::print(&other, &mut text);
                    Ok(pattern.is_match(&text))
                }
            },
        }
    }
}

impl Operand {
    /// `None` if it is a path that leads nowhere.
    fn value(&self, run: &Run, tested: &Value, document: &Value) -> Result<Option<Value>, Stop> {
        match self {
            Operand::Literal(value) => Ok(Some(value.clone())),
            Operand::Path { start, query } => find(start, query, run, tested, document),
        }
    }

    fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        match self {
            Operand::Literal(_) => {}
            Operand::Path { start, query } => collect(start, query, names),
        }
    }
}

fn collect(start: &Start, query: &Query, names: &mut Vec<Arc<str>>) {
    match start {
        Start::Root(Root::Variable(name)) => add_name(name, names),
        Start::Tested | Start::Root(Root::Input | Root::Context) => {}
    }
    query.collect_variables(names);
}

fn find(
    start: &Start,
    query: &Query,
    run: &Run,
    tested: &Value,
    document: &Value,
) -> Result<Option<Value>, Stop> {
    let variable;
    let from = match start {
        Start::Tested => tested,
        Start::Root(Root::Input) => document,
        Start::Root(Root::Context) => run.context(),
        Start::Root(Root::Variable(name)) => match (run.scope.variable)(name) {
            Some(value) => {
                variable = value;
                &variable
            }
            None => return Ok(None),
        },
    };
    match run.query(query, from, document) {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Nowhere(nowhere)) if nowhere.is_missing() => Ok(None),
        Err(Stop::Nowhere(nowhere)) => Err(Stop::Nowhere(nowhere.told(query, from))),
        Err(Stop::Exhausted) => Err(Stop::Exhausted),
    }
}

fn compare(run: &Run, left: &Value, operator: Operator, right: &Value) -> Result<bool, Stop> {
    let either_null = left.is_null() != right.is_null();
    let ordered = |wanted: fn(Ordering) -> bool| {
        if either_null {
            return Ok(false);
        }
        Ok(order(run, right, left)?.is_some_and(wanted))
    };
    // The right side comes first, so greater means that it is the smaller one.
    match operator {
        Operator::Equal => Ok(order(run, right, left)?.is_some_and(Ordering::is_eq)),
        Operator::NotEqual => Ok(order(run, right, left)?.is_some_and(Ordering::is_ne)),
        Operator::Less => ordered(Ordering::is_gt),
        Operator::LessOrEqual => ordered(Ordering::is_ge),
        Operator::Greater => ordered(Ordering::is_lt),
        Operator::GreaterOrEqual => ordered(Ordering::is_le),
        Operator::Matches => Ok(false),
    }
}

/// Jayway's `safeCompare`; `None` if the two cannot be compared, which makes every criterion false.
/// The left one is what stands on the right of the operator; only it may be text for a number or a
/// truth value. The text `null` is `null`.
fn order(run: &Run, left: &Value, right: &Value) -> Result<Option<Ordering>, Stop> {
    let is_null = |value: &Value| value.is_null() || value.as_str() == Some("null");
    Ok(match (left, right) {
        (Value::Array(left), Value::Array(right)) if Arc::ptr_eq(left, right) => Some(Ordering::Equal),
        (Value::Object(left), Value::Object(right)) if Arc::ptr_eq(left, right) => Some(Ordering::Equal),
        (left, right) if is_null(left) || is_null(right) => Some(is_null(right).cmp(&is_null(left))),
        (Value::String(left), Value::String(right)) => {
            run.charge(left.len().min(right.len()) / 4)?;
            let left = left.replace("\\'", "'");
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::String(text), Value::Number(right)) => match decimal(text) {
            Some(left) => left.partial_cmp(right),
            None => {
                let reason = Unreachable::NotANumber { text: text.clone() };
                return Err(Stop::Nowhere(Nowhere::Told(Box::new(reason))));
            }
        },
        (Value::String(text), Value::Bool(right)) => Some(text.eq_ignore_ascii_case("true").cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    })
}

/// What Java's `BigDecimal` reads: JSON's numbers, and `+1`, `.5`, `5.` and `007`.
fn decimal(text: &str) -> Option<Number> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut json = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        json.push_str(&format!(".{fraction}"));
    }
    if let Some(exponent) = exponent {
        json.push_str(&format!("e{exponent}"));
    }
    Value::parse(&json).ok()?.as_number().cloned()
}
