//! Any text as a payload template, which is where intrinsic functions stand: a value, or an error with
//! a text, in bounded memory.
//!
//! The bytes up to the first 0xFF are an intrinsic function, or a whole template if they are JSON; the
//! rest is the input as JSON, or `{}`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::{scope_over, split};
use stepwell_jsonpath::Template;
use stepwell_value::Value;

fuzz_target!(|bytes: &[u8]| {
    let (text, input) = split(bytes);
    let template = Value::parse(&text).unwrap_or_else(|_| Value::object([("x.$", Value::from(text.as_str()))]));
    let Ok(template) = Template::compile(&template) else { return };
    scope_over(&input, |scope| {
        if let Err(error) = template.evaluate(scope) {
            assert!(error.error_name().starts_with("States."), "{error:?}");
            assert!(!error.cause("Parameters").is_empty(), "{error:?}");
        }
    });
});
