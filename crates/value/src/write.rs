//! Compact JSON out of a value.

use crate::plain::plain_bytes;
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
    // Room for a text that needs no escapes, which most are.
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, others) = rest.split_at(plain_bytes(rest.as_bytes()));
        out.push_str(plain);
        let Some(byte) = others.bytes().next() else { break };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => {
                out.push_str("\\u00");
                out.push(digits[usize::from(byte >> 4)] as char);
                out.push(digits[usize::from(byte & 15)] as char);
            }
        }
        rest = &others[1..];
    }
    out.push('"');
}
