//! Compact JSON out of a value.

use crate::{DEPTH_MAX, Value};

/// A value that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// It nests deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Its text is longer than was allowed. Because nodes are shared, a small tree in memory can
    /// have a text of any length.
    TooLong,
}

impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unwritable::TooDeep => write!(f, "the value nests deeper than {DEPTH_MAX} levels"),
            Unwritable::TooLong => write!(f, "the text of the value is too long"),
        }
    }
}

impl std::error::Error for Unwritable {}

/// Room that suits most payloads.
const TEXT_BYTES: usize = 256;

pub(crate) fn json(value: &Value, bytes_max: usize) -> Result<String, Unwritable> {
    let mut out = String::with_capacity(TEXT_BYTES);
    write(value, &mut out, 0, bytes_max)?;
    if out.len() > bytes_max { Err(Unwritable::TooLong) } else { Ok(out) }
}

fn write(value: &Value, out: &mut String, depth: usize, bytes_max: usize) -> Result<(), Unwritable> {
    if depth > DEPTH_MAX {
        return Err(Unwritable::TooDeep);
    }
    if out.len() > bytes_max {
        return Err(Unwritable::TooLong);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => number.write(out),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1, bytes_max)?;
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
                write(item, out, depth + 1, bytes_max)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Appends `text` as a JSON string. Only what JSON forbids is escaped, as Jackson does.
pub fn quote(text: &str, out: &mut String) {
    quote_with(text, b"0123456789ABCDEF", out);
}

/// The same; `digits` are the hexadecimal digits of control characters, which JavaScript writes small.
pub fn quote_with(text: &str, digits: &[u8; 16], out: &mut String) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0x00..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        plain_from = at + 1;
        if escape.is_empty() {
            out.push_str("\\u00");
            out.push(digits[usize::from(byte >> 4)] as char);
            out.push(digits[usize::from(byte & 15)] as char);
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}
