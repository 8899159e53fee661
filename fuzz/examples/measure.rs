//! What expressions cost with the budget that is the default: time, memory, and how they end.
//!
//!     cargo run --release --example measure < expressions
//!
//! Each line of the input is an expression.

use std::io::BufRead;
use std::time::Instant;

use stepwell_fuzz::measured;
use stepwell_jsonata::{Environment, Expression, Profile};
use stepwell_value::Value;

fn main() {
    let input = Value::parse(r#"{"items": [1, 2, 3], "text": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}"#).expect("JSON");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let started = Instant::now();
        let (code, memory) = measured(|| match Expression::compile(&line, &Profile::jsonata()) {
            Err(error) => error.to_string(),
            Ok(expression) => match expression.evaluate(&Environment::of(&input)) {
                Err(error) => error.to_string(),
                Ok(_) => "a value".to_owned(),
            },
        });
        let (shown, code) = (line.chars().take(100).collect::<String>(), code.chars().take(40).collect::<String>());
        println!("{:>6} ms {:>6} KiB {code:<40} {shown}", started.elapsed().as_millis(), memory / 1024);
    }
}
