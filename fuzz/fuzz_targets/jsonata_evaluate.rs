//! Any expression on any input gives a value or an error with a code, within its budget.
//!
//! The bytes up to the first 0xFF are the expression; the rest is the input as JSON, or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::{is_known, measured};
use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

/// What a small evaluation may cost. Frames are larger under the sanitizer, the stack is not.
fn budget() -> Budget {
    Budget { fuel: 200_000, depth: 400, stack_bytes: 4 << 20, memory_bytes: 4 << 20, output_bytes: 1 << 20 }
}

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0xFF).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    let json = std::str::from_utf8(bytes.get(end + 1..).unwrap_or_default()).unwrap_or_default();
    let input = Value::parse(json).ok();
    for profile in [Profile::jsonata(), Profile::step_functions()] {
        let Ok(expression) = Expression::compile(&text, &profile) else { continue };
        let bindings = |name: &str| input.clone().filter(|_| matches!(name, "states" | "x"));
        let environment = Environment {
            input: input.as_ref(),
            bindings: &bindings,
            now: 1_700_000_000_000,
            random: &|| 0x1234_5678_9ABC_DEF0,
            budget: budget(),
            expired: None,
        };
        let (result, memory) = measured(|| expression.evaluate(&environment));
        // What is made of the input, like the lists of its members, grows with it and not with the budget.
        let allowed = 2 * budget().memory_bytes + (4 << 20) + 64 * bytes.len();
        assert!(memory <= allowed, "{memory} bytes were taken, {allowed} are allowed");
        if let Err(error) = result {
            assert!(is_known(error.code), "{error}");
            assert!(!error.message.is_empty() || matches!(error.code, "D3137" | "D3141"), "{error}");
            assert!(error.position.is_none_or(|place| place <= text.encode_utf16().count()), "{error}");
        }
    }
});
