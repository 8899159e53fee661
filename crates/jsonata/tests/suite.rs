//! The language cases of the JSONata project at release 2.0.6.
//!
//! They are found in the folder that `STEPWELL_SHARED` names, or in a folder `shared` beside or above
//! the repository. Where they are not, the test says so and passes.

#![expect(clippy::disallowed_methods, reason = "a test reads its data files")]

use std::path::{Path, PathBuf};

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [
        std::env::var_os("STEPWELL_SHARED").map(PathBuf::from),
        Some(beside.join("../../../shared")),
        Some(beside.join("../../shared")),
    ];
    places.into_iter().flatten().map(|place| place.join("jsonata-suite")).find(|place| place.is_dir())
}

/// Half of a surrogate pair is no character, so these cannot be put to us.
const NOT_APPLICABLE: [&str; 2] = ["function-encodeUrl/case002", "function-encodeUrlComponent/case002"];

enum Expected {
    Value(Value),
    Undefined,
    Error { code: String, token: Option<String>, message: Option<String> },
}

fn expected(case: &Value) -> Expected {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(result) = case.get("result") {
        return Expected::Value(result.clone());
    }
    if let Some(code) = text(case, "code") {
        return Expected::Error { code, token: text(case, "token"), message: None };
    }
    match case.get("error") {
        Some(error) => Expected::Error {
            code: text(error, "code").expect("an error case has a code"),
            token: text(error, "token"),
            message: text(error, "message"),
        },
        None => Expected::Undefined,
    }
}

fn same_in_any_order(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return a == b };
    let mut rest = b.clone();
    let all = a.iter().all(|item| match rest.iter().position(|other| other == item) {
        Some(at) => {
            rest.remove(at);
            true
        }
        None => false,
    });
    all && rest.is_empty()
}

fn run(case: &Value, datasets: &Value) -> Result<(), String> {
    let text = case.get("expr").and_then(Value::as_str).expect("a case has an expression");
    let input = match case.get("data") {
        Some(data) => Some(data),
        None => case.get("dataset").and_then(Value::as_str).and_then(|name| datasets.get(name)),
    };
    let number = |key: &str| case.get(key).and_then(Value::as_i64);
    let mut budget = Budget { memory_bytes: 1 << 30, fuel: 100_000_000, ..Budget::default() };
    if let Some(depth) = number("depth").filter(|_| text.contains("function")) {
        budget.depth = depth as usize;
    }
    let bindings = |name: &str| case.get("bindings").and_then(|bindings| bindings.get(name)).cloned();
    let environment =
        Environment { input, bindings: &bindings, now: 1_700_000_000_000, budget, ..Environment::empty() };
    let outcome = Expression::compile(text, &Profile::jsonata())
        .map_err(|error| (error.code, error.token, error.message))
        .and_then(|expression| {
            expression.evaluate(&environment).map_err(|error| (error.code, error.token, error.message))
        });
    let unordered = case.get("unordered").and_then(Value::as_bool).unwrap_or(false);
    match (expected(case), outcome) {
        (Expected::Undefined, Ok(None)) => Ok(()),
        (Expected::Value(expected), Ok(Some(value))) => {
            let same = expected == value || (unordered && same_in_any_order(&expected, &value));
            if same { Ok(()) } else { Err(format!("expected {expected}\n     got {value}")) }
        }
        (Expected::Error { code, token, message }, Err((own_code, own_token, own_message))) => {
            let token_differs = token.is_some() && token != own_token;
            let message_differs = message.is_some_and(|message| message != own_message);
            if code == own_code && !token_differs && !message_differs {
                Ok(())
            } else {
                Err(format!("expected {code} {token:?}, got {own_code} {own_token:?} {own_message}"))
            }
        }
        (Expected::Value(expected), other) => Err(format!("expected {expected}\n     got {other:?}")),
        (Expected::Undefined, other) => Err(format!("expected nothing, got {other:?}")),
        (Expected::Error { code, .. }, other) => Err(format!("expected {code}, got {other:?}")),
    }
}

#[test]
fn every_case_of_the_language_passes() {
    let Some(folder) = shared() else {
        println!("skipped: no folder jsonata-suite with cases.jsonl; set STEPWELL_SHARED");
        return;
    };
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).expect("the suite's files can be read");
    let datasets = Value::parse(&read("datasets.json")).expect("the datasets are JSON");
    let (mut passed, mut failures) = (0, Vec::new());
    for line in read("cases.jsonl").lines() {
        if NOT_APPLICABLE.iter().any(|id| line.contains(&format!("{id:?}"))) {
            continue;
        }
        let case = Value::parse(line).expect("a case is JSON");
        let id = case.get("id").and_then(Value::as_str).unwrap_or("?").to_owned();
        match run(&case, &datasets) {
            Ok(()) => passed += 1,
            Err(reason) => {
                let text = case.get("expr").and_then(Value::as_str).unwrap_or("?").to_owned();
                failures.push(format!("{id}: {text}\n     {reason}"));
            }
        }
    }
    println!("{passed} passed, {} failed, {} not applicable", failures.len(), NOT_APPLICABLE.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
