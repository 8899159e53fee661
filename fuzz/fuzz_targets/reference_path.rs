//! Any text as a `ResultPath`, any JSON as input: what is set can be read again, or there is an error.
//!
//! The bytes up to the first 0xFF are the path; the rest is the input as JSON, or `{}`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::{scope_over, split};
use stepwell_jsonpath::{Expression, ReferencePath};
use stepwell_value::Value;

fuzz_target!(|bytes: &[u8]| {
    let (text, input) = split(bytes);
    let Ok(path) = ReferencePath::parse(&text) else { return };
    let result = Value::object([("set", Value::from(1_i64))]);
    let Ok(combined) = path.set(&input, result.clone()) else { return };
    let expression = Expression::parse(&text).expect("a reference path is a path");
    scope_over(&combined, |scope| {
        assert_eq!(expression.evaluate(scope).as_ref(), Ok(&result), "{text}");
    });
});
