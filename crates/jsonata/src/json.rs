//! JSON text as JavaScript's `JSON.stringify` writes it, and numbers as JavaScript writes them.

use std::fmt::Write;

use stepwell_value::{Number, Value};

/// A number as JavaScript's `String` writes it.
pub(crate) fn number(number: f64) -> String {
    match Number::from_f64(number) {
        Some(number) => number.to_string(),
        None if number.is_nan() => "NaN".to_owned(),
        None if number > 0.0 => "Infinity".to_owned(),
        None => "-Infinity".to_owned(),
    }
}

/// Appends a number, the common whole ones without detour.
pub(crate) fn write_number(number: f64, out: &mut String) {
    if number.trunc() == number && number.abs() < 9e15 {
        write!(out, "{}", number as i64).expect("a String takes what it is given");
    } else {
        out.push_str(&self::number(number));
    }
}

/// Compact JSON of a value, numbers as JavaScript has them, cut off after about so many bytes.
pub(crate) fn plain(value: &Value, bytes_max: usize) -> String {
    let mut out = String::new();
    write(value, &mut out, 0, bytes_max);
    if out.len() > bytes_max {
        out.truncate(boundary(&out, bytes_max));
    }
    out
}

/// The last end of a character within so many bytes.
fn boundary(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn write(value: &Value, out: &mut String, depth: usize, bytes_max: usize) {
    if out.len() > bytes_max {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number.as_f64(), out),
        Value::String(text) if text.len() > bytes_max => quote(&text[..boundary(text, bytes_max)], out),
        Value::String(text) => quote(text, out),
        // Values from outside may nest deeper than a message needs.
        Value::Array(_) | Value::Object(_) if depth > stepwell_value::DEPTH_MAX => out.push_str("null"),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1, bytes_max);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(key, out);
                out.push(':');
                write(item, out, depth + 1, bytes_max);
            }
            out.push('}');
        }
    }
}

/// Appends `text` in quotes with JavaScript's escapes.
pub(crate) fn quote(text: &str, out: &mut String) {
    stepwell_value::quote_with(text, b"0123456789abcdef", out);
}

/// `digits` significant decimal digits of a finite number, as `toPrecision` chooses them, read back.
pub(crate) fn to_precision(number: f64, digits: usize) -> f64 {
    // Whole numbers of up to 15 digits stay what they are, and so does zero.
    if number.trunc() == number && number.abs() < 1e15 {
        return number;
    }
    let (mantissa, exponent) = rounded(number.abs(), digits);
    let size: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN);
    if number < 0.0 { -size } else { size }
}

/// The digits of a positive number, rounded half up to so many, as a whole number and its power of ten.
fn rounded(number: f64, digits: usize) -> (u128, i64) {
    // Forty digits more than needed tell a tie from what only looks like one.
    let text = format!("{number:.*e}", digits + 40);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let all: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let kept = all[..digits].iter().fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let up = u128::from(all[digits] >= b'5');
    (kept + up, exponent.parse::<i64>().unwrap_or(0) - (digits as i64 - 1))
}

/// A number with so many digits after the point, as `toFixed` writes it: ties are rounded up.
pub(crate) fn to_fixed(number: f64, digits: usize) -> String {
    if !number.is_finite() || number.abs() >= 1e21 {
        return self::number(number);
    }
    let size = number.abs();
    // Forty digits more than needed tell a tie from what only looks like one.
    let text = format!("{size:.*}", digits + 40);
    let point = text.find('.').unwrap_or(text.len());
    let mut kept: Vec<u8> = text.as_bytes()[..point + 1 + digits].to_vec();
    if text.as_bytes()[point + 1 + digits] >= b'5' {
        let mut carry = true;
        for digit in kept.iter_mut().rev() {
            match *digit {
                b'.' => {}
                b'9' => *digit = b'0',
                _ => {
                    *digit += 1;
                    carry = false;
                    break;
                }
            }
        }
        if carry {
            kept.insert(0, b'1');
        }
    }
    if digits == 0 {
        kept.pop();
    }
    let text = String::from_utf8(kept).unwrap_or_default();
    if number < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_rounded_as_javascript_does() {
        assert_eq!(to_precision(0.1 + 0.2, 15), 0.3);
        assert_eq!(to_precision(100_000_000_000_000.5, 15), 100_000_000_000_001.0);
        assert_eq!(to_fixed(2.5, 0), "3");
        assert_eq!(to_fixed(1.005, 2), "1.00");
        assert_eq!(to_fixed(999.995, 1), "1000.0");
        assert_eq!(to_fixed(1e21, 2), "1e+21");
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (float, text) in
            [(1e21, "1e+21"), (-0.0, "0"), (0.1, "0.1"), (1e-7, "1e-7"), (123456789.0, "123456789")]
        {
            assert_eq!(number(float), text);
            let mut out = String::new();
            write_number(float, &mut out);
            assert_eq!(out, text);
        }
    }
}
