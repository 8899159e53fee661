//! Numbers that lose no digit.

use std::cmp::Ordering;
use std::sync::Arc;

/// A JSON number. What was read is written with the same digits, however many there were.
#[derive(Debug, Clone)]
pub struct Number(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Int(i64),
    Float(f64),
    /// Text of a number that neither of the others would write in the same way.
    Text(Arc<str>),
}

/// From this magnitude on floats are written with an exponent, as JavaScript does.
const EXPONENT_FROM: f64 = 1e21;
/// Below this magnitude floats are written with an exponent, as JavaScript does.
const EXPONENT_BELOW: f64 = 1e-6;

impl Number {
    /// The number that `text`, which must be a JSON number, spells.
    pub(crate) fn from_text(text: &str) -> Number {
        match text.parse::<i64>() {
            Ok(int) if text != "-0" => Number(Repr::Int(int)),
            _ => match text.parse::<f64>() {
                Ok(float) if float_text(float) == text => Number(Repr::Float(float)),
                _ => Number(Repr::Text(text.into())),
            },
        }
    }

    /// A float, or `None` for what JSON has no number for (infinities and NaN).
    pub fn from_f64(float: f64) -> Option<Number> {
        float.is_finite().then_some(Number(Repr::Float(float)))
    }

    /// The nearest double.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Repr::Int(int) => *int as f64,
            Repr::Float(float) => *float,
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// How Java's Jackson writes the number, if differently: whole numbers of 64 bits plainly, all
    /// others as Java prints a `double`.
    pub fn in_java(&self) -> Option<Number> {
        let float = match &self.0 {
            Repr::Int(_) => return None,
            // In these ranges Java writes what JavaScript writes.
            Repr::Float(float) if JAVA_PLAIN.contains(&float.abs()) => return None,
            Repr::Float(_) | Repr::Text(_) => self.as_f64(),
        };
        let text = if float.trunc() == float && float.abs() < 9_223_372_036_854_775_808.0 {
            (float as i64).to_string()
        } else {
            java_double(float)
        };
        let number = Number::from_text(&text);
        (number.to_string() != self.to_string()).then_some(number)
    }

    /// The whole number, if it is one and fits; `3.0` is 3.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Float(_) | Repr::Text(_) => {
                let float = self.as_f64();
                // Past 2^53 a double no longer tells neighbours apart.
                let whole = float.trunc() == float && float.abs() <= 9_007_199_254_740_992.0;
                whole.then_some(float as i64)
            }
        }
    }

    /// Whether the text has neither fraction nor exponent.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Float(float) => float.trunc() == *float && float.abs() < EXPONENT_FROM,
            Repr::Text(text) => !text.contains(['.', 'e', 'E']),
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        use std::fmt::Write;
        match &self.0 {
            Repr::Int(int) => write!(out, "{int}").expect("a String takes what it is given"),
            Repr::Float(float) => write_float(*float, out),
            Repr::Text(text) => out.push_str(text),
        }
    }
}

fn float_text(float: f64) -> String {
    let mut out = String::new();
    write_float(float, &mut out);
    out
}

/// Appends a double in JavaScript's shortest form.
fn write_float(float: f64, out: &mut String) {
    use std::fmt::Write;
    // Whole numbers that a double tells apart are written faster as such.
    if float.trunc() == float && float.abs() <= 9_007_199_254_740_992.0 {
        write!(out, "{}", float as i64).expect("a String takes what it is given");
        return;
    }
    let size = float.abs();
    if (EXPONENT_BELOW..EXPONENT_FROM).contains(&size) {
        write!(out, "{float}").expect("a String takes what it is given");
        return;
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            out.push_str(digits);
            out.push_str("e+");
            out.push_str(exponent);
        }
        _ => out.push_str(&text),
    }
}

/// The magnitudes that Java writes without an exponent.
const JAVA_PLAIN: std::ops::Range<f64> = 1e-3..1e7;

/// A finite double that is not a whole `long`, as Java prints it.
fn java_double(float: f64) -> String {
    if JAVA_PLAIN.contains(&float.abs()) {
        return float.to_string();
    }
    let text = format!("{float:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// By size: `1` equals `1.0`. Two integers are compared exactly, all else as doubles.
impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a.partial_cmp(b),
            (Repr::Text(a), Repr::Text(b)) if a == b => Some(Ordering::Equal),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Number {
        Number(Repr::Int(int))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn java_writes_numbers_in_its_own_way() {
        for (text, java) in [
            ("1.0", "1"),
            ("1e2", "100"),
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9.223372036854776E18"),
            ("1e20", "1.0E20"),
            ("0.00001", "1.0E-5"),
            ("12345678.5", "1.23456785E7"),
            ("0.1", "0.1"),
        ] {
            let number = Number::from_text(text);
            assert_eq!(number.in_java().unwrap_or(number).to_string(), java, "{text}");
        }
    }
}
