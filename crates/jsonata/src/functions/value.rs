//! Functions about any value: its truth, its kind, its existence; errors; `$eval`.

use stepwell_value::{ParseError, Value};

use super::Call;
use crate::budget::Hold;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{Item, List};

pub(super) fn boolean(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    Ok(evaluator.boolean(call.arg(0))?.map_or(Item::Undefined, Item::bool))
}

pub(super) fn not(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    if call.arg(0).is_undefined() {
        return Ok(Item::Undefined);
    }
    Ok(Item::bool(!evaluator.boolean(call.arg(0))?.unwrap_or(false)))
}

pub(super) fn exists(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    Ok(Item::bool(!call.arg(0).is_undefined()))
}

fn message(call: &Call<'_>, index: usize, default: &str) -> Step<String> {
    let given = call.text(index)?.filter(|text| !text.is_empty());
    Ok(given.map_or(default.to_owned(), |text| text.to_string()))
}

pub(super) fn error(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    Err(Raised::text("D3137", message(&call, 0, "$error() function evaluated")?))
}

pub(super) fn assert(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    if call.arg(0).is_truthy() {
        return Ok(Item::Undefined);
    }
    Err(Raised::text("D3141", message(&call, 1, "$assert() statement failed")?))
}

pub(super) fn type_of(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let name = match call.arg(0) {
        Item::Undefined => return Ok(Item::Undefined),
        Item::Value(Value::Null) => "null",
        Item::Value(Value::Bool(_)) => "boolean",
        Item::Value(Value::String(_)) => "string",
        Item::Value(Value::Number(_)) => "number",
        // What is not a number is an object to the reference, and what is infinite an error.
        strange @ Item::Strange(_) => match evaluator.numeric(strange)? {
            Some(_) => "number",
            None => "object",
        },
        Item::Value(Value::Array(_)) | Item::List(_) => "array",
        Item::Value(Value::Object(_)) | Item::Record(_) => "object",
        Item::Function(_) => "function",
    };
    Ok(Item::Value(name.into()))
}

/// A copy by way of JSON text, which rounds numbers to 15 digits and empties functions.
pub(super) fn clone(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    if call.arg(0).is_undefined() {
        return Ok(Item::Undefined);
    }
    let text = evaluator.string(call.arg(0), false)?;
    parse(evaluator, &text, Value::parse)
}

/// About what a value takes.
fn bytes_of(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::Null | Value::Bool(_) => own,
        Value::Number(_) => own + 16,
        Value::String(text) => own + 24 + text.len(),
        Value::Array(values) => own + 64 + values.iter().map(bytes_of).sum::<usize>(),
        Value::Object(map) => {
            own + 96 + map.iter().map(|(key, value)| 64 + key.len() + bytes_of(value)).sum::<usize>()
        }
    }
}

/// JSON text as a value, charged for what it becomes.
pub(super) fn parse(
    evaluator: &mut Evaluator<'_>,
    text: &str,
    read: fn(&str) -> Result<Value, ParseError>,
) -> Step<Item> {
    // A byte of text becomes at most so many bytes of value: "[[],[],..." is the worst.
    evaluator.spend(text.len() as u64 / 8)?;
    evaluator.foresee(text.len().saturating_mul(16))?;
    match read(text) {
        Ok(value) => {
            evaluator.meter.charge(bytes_of(&value))?;
            Ok(Item::Value(value))
        }
        Err(error) => Err(Raised::text(crate::error::NOT_PARSED, format!("The text is not JSON: {error}"))),
    }
}

/// What a byte of an expression takes as a tree, at most and about.
const TREE_BYTES: usize = 64;
/// What a regular expression takes, about.
const PATTERN_BYTES: usize = 16 * 1024;

pub(super) fn eval(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let focus = call.take(1);
    let input = match focus {
        Item::Undefined => call.input.clone(),
        Item::Value(array @ Value::Array(_)) => List::outer(array),
        Item::List(list) if !list.has(crate::item::mark::SEQUENCE) => {
            List::single(Item::List(list), crate::item::mark::SEQUENCE | crate::item::mark::OUTER)?
        }
        other => other,
    };
    evaluator.spend(text.len() as u64)?;
    // The tree is held while it is evaluated, and for good if a function that it makes may refer to it.
    let mut hold = Hold::new(&evaluator.meter);
    hold.charge(text.len().saturating_mul(TREE_BYTES))?;
    let node = crate::compile::compile(&text, evaluator.profile)
        .map_err(|raised| Raised::value("D3120", Some(raised.message().into())))?;
    if text.contains(['/', '|', '?', 'λ']) || text.contains("function") {
        let patterns = text.matches('/').count() / 2 * PATTERN_BYTES;
        evaluator.spend((patterns / 64) as u64)?;
        evaluator.meter.charge(text.len() * TREE_BYTES + patterns)?;
    }
    evaluator.eval(&node, &input, call.frame).map_err(|raised| {
        if raised.code.starts_with('U') {
            return raised;
        }
        Raised::value("D3121", Some(raised.message().into()))
    })
}
