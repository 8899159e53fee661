//! Whether both say the same, and what of their differences is known.

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

use crate::words::BUILTINS;

pub enum Own {
    Value(Value),
    Undefined,
    Function,
    Error { code: &'static str, message: String, token: Option<String>, position: Option<usize> },
}

pub fn evaluate(text: &str, input: &Value) -> Own {
    let expression = match Expression::compile(text, &Profile::jsonata()) {
        Ok(expression) => expression,
        Err(error) => {
            let (code, message, token) = (error.code, error.message, error.token);
            return Own::Error { code, message, token, position: Some(error.position) };
        }
    };
    let budget = Budget { stack_bytes: 4 << 20, depth: 10_000, ..Budget::default() };
    match expression.evaluate(&Environment { budget, ..Environment::of(input) }) {
        Ok(Some(value)) => Own::Value(value),
        Ok(None) => Own::Undefined,
        Err(error) if error.code == "U1004" => Own::Function,
        Err(error) => {
            let (code, message, token) = (error.code, error.message, error.token);
            Own::Error { code, message, token, position: error.position }
        }
    }
}

/// How a case came out.
#[derive(PartialEq)]
pub enum Verdict {
    Same,
    /// JavaScript failed by itself.
    Native,
    /// A budget ended it here.
    Budget,
    /// Both failed, at different places of one constructor.
    OtherError,
    /// A difference that is known and not worth imitating.
    Known(String),
    Different(String),
}

pub fn shows_a_value(code: &str) -> bool {
    matches!(
        code,
        "D3110"
            | "D3030"
            | "D3061"
            | "D3060"
            | "T1003"
            | "D1009"
            | "D1001"
            | "D1002"
            | "T2011"
            | "T2012"
            | "T2009"
            | "T2007"
            | "D3121"
            | "D3120"
            | "D3100"
            | "S0213"
            | "D2014"
            | "D3137"
            | "D3141"
    )
}

/// Known differences that are not worth imitating: what `*` and `**` find inside a function, which to
/// JavaScript is an object; half characters; and what JavaScript does when a partial application or a
/// function that is passed on has gone around a signature.
pub fn is_known(text: &str, own: &Own, answer: &Value) -> bool {
    let inside = answer.to_string();
    let wildcard = text.contains('*');
    let function = text.contains("function") || text.contains('λ') || text.contains(['/', '|', '?', '~']);
    let builtin = inside.contains("definition") || names_builtin(text);
    (wildcard && (function || builtin))
        // `.` and the like match half a character.
        || (text.contains(['😀', '\\']) && text.contains('/'))
        || applies_builtin_in_part(text)
        // Mathematics libraries differ in the last digit.
        || text.contains("$power(")
        // An object constructor puts undefined into an empty array, which others then count or see.
        || (text.contains("[]")
            && text.contains('{')
            && (text.contains("$count") || inside.contains("null")))
        // A variable that is a built-in function, applied in part: it goes around the signature.
        || (text.contains("(?") && names_builtin(text))
        // A regular expression is matched against the text of a function.
        || (text.contains('/') && (function || builtin) && matches!(own, Own::Error { code: "T0410", .. }))
}

/// Whether the text has a partial application of a built-in function: it goes around the signature.
fn applies_builtin_in_part(text: &str) -> bool {
    BUILTINS.iter().any(|name| {
        text.match_indices(&format!("${name}(")).any(|(at, found)| {
            let arguments = &text[at + found.len()..];
            let hole = arguments.find("?").filter(|hole| {
                arguments[..*hole].trim_end().is_empty() || arguments[..*hole].ends_with(", ")
            });
            hole.is_some_and(|hole| !arguments[..hole].contains(')'))
        })
    })
}

/// Whether the text has a built-in function that is not called, as a value.
pub fn names_builtin(text: &str) -> bool {
    BUILTINS.iter().any(|name| {
        text.match_indices(&format!("${name}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|next: char| next == '(' || next.is_alphanumeric())
        })
    })
}

pub fn compare(text: &str, input: &Value, answer: &Value) -> Verdict {
    let verdict = compare_exactly(text, input, answer);
    match verdict {
        Verdict::Different(how) if is_known(text, &evaluate(text, input), answer) => Verdict::Known(how),
        other => other,
    }
}

pub fn compare_exactly(text: &str, input: &Value, answer: &Value) -> Verdict {
    let own = evaluate(text, input);
    let shown = match &own {
        Own::Value(value) => format!("{value}"),
        Own::Undefined => "undefined".to_owned(),
        Own::Function => "a function".to_owned(),
        Own::Error { code, message, token, position } => {
            format!("{code} {token:?} at {position:?} {message}")
        }
    };
    if answer.get("n").is_some() {
        return Verdict::Native;
    }
    if let Own::Error { code: "U1001" | "U1002" | "U1003", .. } = own {
        return Verdict::Budget;
    }
    if let Some(code) = answer.get("c").and_then(Value::as_str) {
        let message = answer.get("m").and_then(Value::as_str).unwrap_or("");
        return match &own {
            Own::Error { code: own_code, message: own_message, token: own_token, position: own_position }
                if *own_code == code =>
            {
                let same_text =
                    without_function(message) == without_function(own_message) || shows_a_value(code);
                let position = answer.get("p").and_then(Value::as_i64);
                // Where a function is not called by name, the reference names its last call in the process
                // and that one's place; the place is not known here then. Some mistakes have none there.
                let same_place = match (position, own_position) {
                    (None, own) => own.is_none_or(|own| own == 0 || code == "S0217"),
                    (Some(_), None) => !code.starts_with('S'),
                    (Some(position), Some(own)) => position == *own as i64,
                };
                let token = answer.get("t").map(|token| match token {
                    Value::String(token) => token.to_string(),
                    other => other.to_string(),
                });
                // Under another name it is not called by its own either.
                let renamed = text.contains(":= $") && text.contains('~');
                let same_place = same_place || (code == "T0410" && renamed);
                let same_token = !code.starts_with('S') || token == *own_token;
                if same_text && same_place && same_token {
                    Verdict::Same
                } else if !code.starts_with('S') && text.contains(['[', '{']) && text.contains(',') {
                    Verdict::OtherError
                } else {
                    Verdict::Different(format!("{shown}\n  but {answer}"))
                }
            }
            Own::Error { code: own_code, .. }
                if !own_code.starts_with('S') && (text.contains('[') || text.contains('{')) =>
            {
                Verdict::OtherError
            }
            _ => Verdict::Different(format!("{shown}\n  but {code} {message}")),
        };
    }
    let same = match &own {
        Own::Undefined => answer.get("u").is_some(),
        Own::Function => answer.get("f").is_some(),
        Own::Value(value) => answer.get("r").is_some_and(|expected| expected == value),
        Own::Error { .. } => false,
    };
    if same { Verdict::Same } else { Verdict::Different(format!("{shown}\n  but {answer}")) }
}

/// A message without the name of a function: where a function is not called by name, the reference
/// shows the name of its last call in the process.
pub fn without_function(message: &str) -> String {
    match message.split_once(" function ") {
        Some((before, after)) => {
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before} function {rest}")
        }
        None => message.to_owned(),
    }
}
