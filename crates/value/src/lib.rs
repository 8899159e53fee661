//! The one JSON value of Stepwell.
//!
//! A [`Value`] is a tree of shared nodes: cloning one, or a part of one, copies a pointer. Numbers
//! are exact ([`Number`] keeps the digits it was read with), objects keep the order of their keys.
//! A [`Payload`] is what travels between states: JSON text with its value beside it, each made
//! from the other only when asked for, so that JSON that passes through is never read or written
//! again.
//!
//! Nesting is bounded ([`DEPTH_MAX`]) in reading and in writing, so no input can exhaust a stack.

mod map;
mod number;
mod parse;
mod payload;
mod plain;
mod write;

pub use map::Map;
pub use number::Number;
pub use parse::{ParseError, Position, locate};
pub use payload::Payload;
pub use write::{Unwritable, quote, quote_with};

use std::sync::Arc;

/// How deep arrays and objects may nest, in reading and in writing.
pub const DEPTH_MAX: usize = 512;

/// A JSON value. Clones share their nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, with all its digits.
    Number(Number),
    /// A string.
    String(Arc<str>),
    /// An array.
    Array(Arc<Vec<Value>>),
    /// An object; its keys keep their order.
    Object(Arc<Map>),
}

impl Value {
    /// Reads JSON text. The error tells what was wrong and where.
    pub fn parse(text: &str) -> Result<Value, ParseError> {
        parse::value(text)
    }

    /// Parses JSON text in which no object has a key twice.
    pub fn parse_unique(text: &str) -> Result<Value, ParseError> {
        parse::unique(text)
    }

    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// An array value.
    pub fn array(items: impl Into<Vec<Value>>) -> Value {
        Value::Array(Arc::new(items.into()))
    }

    /// An object with these members, a later one of the same key winning.
    pub fn object<K: Into<Arc<str>>>(members: impl IntoIterator<Item = (K, Value)>) -> Value {
        let mut map = Map::default();
        for (key, value) in members {
            map.insert(key.into(), value);
        }
        Value::Object(Arc::new(map))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number of a number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number that fits; `3.0` counts as whole.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&Vec<Value>> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The member of an object, if this is one and has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object().and_then(|map| map.get(key))
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The compact JSON text, refused when it nests deeper than [`DEPTH_MAX`].
    pub fn to_json(&self) -> Result<String, Unwritable> {
        write::json(self, usize::MAX)
    }

    /// The same, refused when it is longer than `bytes_max`, without writing much more than that.
    pub fn to_json_within(&self, bytes_max: usize) -> Result<String, Unwritable> {
        write::json(self, bytes_max)
    }
}

/// Compact JSON. Nesting past [`DEPTH_MAX`] is a formatting error; use [`Value::to_json`] for
/// values that users compose.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json().map_err(|_| std::fmt::Error)?)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(Number::from(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into())
    }
}
