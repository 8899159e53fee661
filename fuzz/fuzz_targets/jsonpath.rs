//! Any text as a path, any JSON as input: a value, or an error with a text, in bounded memory.
//!
//! The bytes up to the first 0xFF are the path; the rest is the input as JSON, or `{}`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::{scope_over, split};
use stepwell_jsonpath::Expression;

fuzz_target!(|bytes: &[u8]| {
    let (text, input) = split(bytes);
    let Ok(expression) = Expression::parse(&text) else { return };
    assert_eq!(expression.text(), text);
    scope_over(&input, |scope| {
        if let Err(error) = expression.evaluate(scope) {
            assert!(error.error_name().starts_with("States."), "{error:?}");
            assert!(!error.cause("Field").is_empty(), "{error:?}");
            assert!(!error.invalid_path_cause().is_empty(), "{error:?}");
        }
    });
});
