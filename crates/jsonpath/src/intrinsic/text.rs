//! `States.Format`, `StringToJson`, `JsonToString` and `StringSplit`.

use stepwell_value::Value;

use super::parse::{Backslash, pieces};
use super::string;
use crate::evaluate::Run;
use crate::{Problem, java};

/// Fills the template whose `pieces` these are. Objects and arrays print as in Java (recorded).
pub(super) fn format(run: &Run, pieces: &[Box<str>], values: &[Value]) -> Result<Value, Problem> {
    let placeholders = pieces.len() - 1;
    if placeholders != values.len() {
        return Err(Problem::Placeholders { placeholders, arguments: values.len() });
    }
    let mut out = String::from(&*pieces[0]);
    for (value, piece) in values.iter().zip(&pieces[1..]) {
        run.charge_whole(value)?;
        java::print(value, &mut out);
        out.push_str(piece);
    }
    Ok(Value::from(out))
}

/// The same with a template that a path or another function gave.
pub(super) fn format_at_run_time(run: &Run, template: &Value, values: &[Value]) -> Result<Value, Problem> {
    run.charge_whole(template)?;
    let template = pieces(string(template, 1)?, Backslash::MayBePlain);
    let template = template.map_err(|message| Problem::Malformed { message })?;
    format(run, &template, values)
}

pub(super) fn string_to_json(run: &Run, text: &Value) -> Result<Value, Problem> {
    run.charge_whole(text)?;
    let text = string(text, 1)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let value = Value::parse(text).map_err(|error| Problem::NotJson { message: error.to_string() })?;
    Ok(if text.contains("-0") { without_negative_zero(value) } else { value })
}

/// Jackson reads `-0` as the integer 0 (recorded).
fn without_negative_zero(value: Value) -> Value {
    match value {
        Value::Number(number) if number.to_string() == "-0" => Value::from(0),
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().cloned().map(without_negative_zero).collect();
            Value::array(items)
        }
        Value::Object(map) => {
            Value::object(map.iter().map(|(key, item)| (key.clone(), without_negative_zero(item.clone()))))
        }
        other => other,
    }
}

pub(super) fn json_to_string(run: &Run, value: &Value) -> Result<Value, Problem> {
    run.charge_whole(value)?;
    value.to_json().map(Value::from).map_err(|_| Problem::TooLarge)
}

/// Splits at every character of `delimiters`, not at the whole (recorded).
pub(super) fn split(run: &Run, text: &Value, delimiters: &Value) -> Result<Value, Problem> {
    let (text, delimiters) = (string(text, 1)?, string(delimiters, 2)?);
    run.charge((text.len() / 4).saturating_mul(1 + delimiters.len() / 64))?;
    let delimiters: Vec<char> = delimiters.chars().collect();
    let pieces: Vec<Value> =
        text.split(|c| delimiters.contains(&c)).filter(|piece| !piece.is_empty()).map(Value::from).collect();
    Ok(Value::array(pieces))
}
