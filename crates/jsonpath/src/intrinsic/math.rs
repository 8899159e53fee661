//! `States.MathAdd` and `States.MathRandom`.

use stepwell_value::Value;

use super::random::JavaRandom;
use super::rounded;
use crate::Problem;

const WHOLE: &str = "a number from -2147483648 to 2147483647";

/// A number, rounded, that fits the integers of Java.
fn int(value: &Value, position: usize) -> Result<i32, Problem> {
    let number = rounded(value, position, WHOLE)?;
    i32::try_from(number).map_err(|_| Problem::Argument { position, expected: WHOLE })
}

pub(super) fn add(a: &Value, b: &Value) -> Result<Value, Problem> {
    Ok(Value::from(i64::from(int(a, 1)?) + i64::from(int(b, 2)?)))
}

/// A whole number from `from` on and below `below`; the same seed gives the same number.
///
/// Which generator AWS uses is not known; Java's own is the likeliest.
pub(super) fn random(from: &Value, below: &Value, seed: i64) -> Result<Value, Problem> {
    let (from, below) = (int(from, 1)?, int(below, 2)?);
    if from >= below {
        return Err(Problem::Argument { position: 2, expected: "greater than the first" });
    }
    Ok(Value::from(i64::from(JavaRandom::new(seed).between(from, below))))
}
