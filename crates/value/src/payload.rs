//! What travels between states.

use std::sync::{Arc, OnceLock};

use crate::{ParseError, Unwritable, Value, parse};

/// JSON text and its value, sharing one allocation among all its clones. The value is parsed when
/// first asked for and then kept.
///
/// AWS hands the text of an input on with its blanks as the caller wrote them; a payload does too,
/// which is also why passing it on costs nothing.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: Box<str>,
    value: OnceLock<Value>,
}

impl Payload {
    /// Checks that `text` is JSON, without building its value.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Payload, ParseError> {
        let text = text.into();
        parse::check(&text)?;
        Ok(Payload::trusted(text))
    }

    /// Text that is known to be JSON: one that was checked before, as in a journal.
    pub fn trusted(text: impl Into<Box<str>>) -> Payload {
        Payload(Arc::new(Inner { text: text.into(), value: OnceLock::new() }))
    }

    /// The payload of a value, with its compact text.
    pub fn of(value: Value) -> Result<Payload, Unwritable> {
        Payload::within(value, usize::MAX)
    }

    /// The same, refused when its text is longer than `bytes_max`.
    pub fn within(value: Value, bytes_max: usize) -> Result<Payload, Unwritable> {
        let text = value.to_json_within(bytes_max)?.into();
        Ok(Payload(Arc::new(Inner { text, value: OnceLock::from(value) })))
    }

    /// The array of these payloads, made from their texts as they are.
    pub fn array<'a>(items: impl Iterator<Item = &'a Payload>) -> Payload {
        let mut text = String::from("[");
        for item in items {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(item.text());
        }
        text.push(']');
        Payload::trusted(text)
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The value.
    pub fn value(&self) -> &Value {
        // A text that was checked fails here only when joining payloads made it too deep; the
        // language refuses those when it takes their size.
        self.0.value.get_or_init(|| parse::value(&self.0.text).unwrap_or_default())
    }

    /// Whether both are clones of one payload.
    pub fn is_same(&self, other: &Payload) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// `{}`
    pub fn empty_object() -> Payload {
        static EMPTY: OnceLock<Payload> = OnceLock::new();
        EMPTY.get_or_init(|| Payload::trusted("{}")).clone()
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

/// Equal when their texts are.
impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.is_same(other) || self.text() == other.text()
    }
}
