//! The smallest expression and input that still differ.

use stepwell_value::Value;

use crate::compare::{Verdict, compare};
use crate::generate::Piece;
use crate::oracle::Oracle;

pub fn shrink(piece: Piece, input: Value, oracle: &mut Oracle) -> (String, Value) {
    let (mut piece, mut input) = (piece, input);
    let mut differs = |text: &str, input: &Value| {
        matches!(compare(text, input, &oracle.ask(text, input)), Verdict::Different(_))
    };
    'again: for _ in 0..500 {
        for candidate in piece.smaller() {
            let text = candidate.text();
            if text.len() < piece.text().len() && differs(&text, &input) {
                piece = candidate;
                continue 'again;
            }
        }
        for candidate in smaller_inputs(&input) {
            if differs(&piece.text(), &candidate) {
                input = candidate;
                continue 'again;
            }
        }
        break;
    }
    (piece.text(), input)
}

pub fn smaller_inputs(input: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match input {
        Value::Object(map) => {
            for key in map.keys() {
                let mut fewer = (**map).clone();
                fewer.remove(key);
                out.push(Value::Object(fewer.into()));
                for smaller in map.get(key).map(smaller_inputs).unwrap_or_default() {
                    let mut changed = (**map).clone();
                    changed.insert(key.clone(), smaller);
                    out.push(Value::Object(changed.into()));
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = (**items).clone();
                fewer.remove(at);
                out.push(Value::array(fewer));
                for smaller in smaller_inputs(&items[at]) {
                    let mut changed = (**items).clone();
                    changed[at] = smaller;
                    out.push(Value::array(changed));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out
}
