//! JSON text in: strict (RFC 8259), bounded in depth, exact in numbers.
//!
//! Our own reader, not serde_json's, because a number must keep its digits and a mistake its
//! place; see `docs/decisions/0002-json-reader.md`.

use std::sync::Arc;

use crate::plain::plain_bytes;
use crate::{DEPTH_MAX, Map, Number, Value};

/// Where something stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset` of `text`.
    pub fn of(text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, in lower case.
    pub message: String,
    /// In bytes from the start.
    pub offset: usize,
    /// The same as line and column.
    pub position: Position,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{} at line {line}, column {column}", self.message)
    }
}

impl std::error::Error for ParseError {}

pub(crate) fn value(text: &str) -> Result<Value, ParseError> {
    Reader::new(text).document::<true>()
}

/// The same, but no object may have a key twice.
pub(crate) fn unique(text: &str) -> Result<Value, ParseError> {
    Reader { doubles: false, ..Reader::new(text) }.document::<true>()
}

/// Whether `text` is JSON, without building anything.
pub(crate) fn check(text: &str) -> Result<(), ParseError> {
    Reader::new(text).document::<false>().map(drop)
}

/// The byte offset at which the value under a JSON pointer (RFC 6901) begins in `text`, which must
/// be JSON. For a member of an object that is the offset of its key.
pub fn locate(text: &str, pointer: &str) -> Option<usize> {
    let mut reader = Reader::new(text);
    reader.blanks();
    let mut found = reader.at;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        found = reader.descend(&step)?;
    }
    Some(found)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// Whether an object may have a key twice.
    doubles: bool,
}

/// The message of a failure; its place is where the reader stands.
type Step<T> = Result<T, String>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader { text, bytes: text.as_bytes(), at: 0, depth: 0, doubles: true }
    }

    fn document<const BUILD: bool>(mut self) -> Result<Value, ParseError> {
        let mut read = || {
            self.blanks();
            let value = self.value::<BUILD>()?;
            self.blanks();
            match self.peek() {
                None => Ok(value),
                Some(_) => Err("unexpected text after the value".to_owned()),
            }
        };
        let result = read();
        result.map_err(|message| ParseError {
            message,
            offset: self.at,
            position: Position::of(self.text, self.at),
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value<const BUILD: bool>(&mut self) -> Step<Value> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                Ok(if BUILD { Value::String(text.into()) } else { Value::Null })
            }
            Some(b'{') => self.nested(Self::object::<BUILD>),
            Some(b'[') => self.nested(Self::array::<BUILD>),
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number()?;
                Ok(if BUILD { Value::Number(Number::from_text(text)) } else { Value::Null })
            }
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(format!("unexpected {}", self.here())),
            None => Err("unexpected end of the text".to_owned()),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Step<Value>) -> Step<Value> {
        if self.depth == DEPTH_MAX {
            return Err(format!("nesting deeper than {DEPTH_MAX} levels"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object<const BUILD: bool>(&mut self) -> Step<Value> {
        let mut map = Map::default();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(if BUILD { Value::Object(Arc::new(map)) } else { Value::Null });
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(format!("expected a key in double quotes, found {}", self.here()));
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(format!("expected ':' after a key, found {}", self.here()));
            }
            self.at += 1;
            self.blanks();
            let value = self.value::<BUILD>()?;
            if BUILD {
                if !self.doubles && map.contains_key(&key) {
                    return Err(format!("the key {key:?} stands twice in an object"));
                }
                map.insert(key.into(), value);
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(if BUILD { Value::Object(Arc::new(map)) } else { Value::Null });
                }
                _ => return Err(format!("expected ',' or '}}', found {}", self.here())),
            }
        }
    }

    fn array<const BUILD: bool>(&mut self) -> Step<Value> {
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(if BUILD { Value::Array(Arc::new(items)) } else { Value::Null });
        }
        loop {
            self.blanks();
            let value = self.value::<BUILD>()?;
            if BUILD {
                items.push(value);
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(if BUILD { Value::Array(Arc::new(items)) } else { Value::Null });
                }
                _ => return Err(format!("expected ',' or ']', found {}", self.here())),
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Step<Value> {
        if !self.text[self.at..].starts_with(word) {
            return Err(format!("unexpected {}", self.here()));
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Step<()> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if from == self.at { Err(format!("expected a digit, found {}", self.here())) } else { Ok(()) }
    }

    fn number(&mut self) -> Step<&'a str> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.peek() {
                return Err("a number with a leading zero".to_owned());
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[from..self.at])
    }

    /// Goes on to what ends a plain piece of a string.
    fn plain(&mut self) -> Option<u8> {
        self.at += plain_bytes(&self.bytes[self.at..]);
        self.peek()
    }

    /// Reads a string, borrowing it where nothing is escaped.
    fn string(&mut self) -> Step<std::borrow::Cow<'a, str>> {
        self.at += 1;
        let from = self.at;
        match self.plain() {
            Some(b'"') => {
                self.at += 1;
                Ok(self.text[from..self.at - 1].into())
            }
            Some(b'\\') => self.string_with_escapes(from).map(Into::into),
            Some(_) => Err(CONTROL.to_owned()),
            None => Err("unexpected end of the text inside a string".to_owned()),
        }
    }

    fn string_with_escapes(&mut self, from: usize) -> Step<String> {
        // In a short text it is not worth to look for the end first.
        let most = self.bytes.len() - from;
        let room = if most <= SHORT_BYTES { most } else { self.to_end_of_string() + self.at - from };
        let mut out = String::with_capacity(room);
        let mut plain_from = from;
        loop {
            let end = self.plain();
            out.push_str(&self.text[plain_from..self.at]);
            match end {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                // The most frequent one by far: in a text of JSON within a text of JSON.
                Some(b'\\') if self.bytes.get(self.at + 1) == Some(&b'"') => {
                    out.push('"');
                    self.at += 2;
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(CONTROL.to_owned()),
                None => return Err("unexpected end of the text inside a string".to_owned()),
            }
            plain_from = self.at;
        }
    }

    /// How many bytes the string still has, escapes as they are written: no value of it is longer.
    fn to_end_of_string(&self) -> usize {
        let mut at = self.at;
        loop {
            at += plain_bytes(&self.bytes[at..]);
            match self.bytes.get(at) {
                Some(b'\\') => at = (at + 2).min(self.bytes.len()),
                Some(_) | None => return at - self.at,
            }
        }
    }

    fn escape(&mut self) -> Step<char> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(format!("unknown escape, found {}", self.here())),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Step<char> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..0xDC00 => {
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(SURROGATE.to_owned());
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(SURROGATE.to_owned());
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| SURROGATE.to_owned())
    }

    fn hex4(&mut self) -> Step<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or("expected four hexadecimal digits after \\u")?;
        let code = digits.iter().fold(0, |code, digit| {
            code * 16 + (*digit as char).to_digit(16).expect("checked to be hexadecimal")
        });
        self.at += 4;
        Ok(code)
    }

    fn here(&self) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(character) => format!("{character:?}"),
            None => "the end of the text".to_owned(),
        }
    }

    /// Moves to the value under `step` of the value that begins here; `None` if there is none.
    fn descend(&mut self, step: &str) -> Option<usize> {
        self.blanks();
        let array = self.peek() == Some(b'[');
        if !array && self.peek() != Some(b'{') {
            return None;
        }
        self.at += 1;
        let mut last = None;
        for item in 0_usize.. {
            self.blanks();
            if let Some(b']' | b'}') | None = self.peek() {
                break;
            }
            let start = self.at;
            let key = if array { item.to_string().into() } else { self.string().ok()? };
            self.blanks();
            if !array {
                self.at += 1;
                self.blanks();
            }
            let value_at = self.at;
            self.value::<false>().ok()?;
            if key == step {
                // A key given twice counts with its last value.
                last = Some((start, value_at));
            }
            self.blanks();
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
        let (start, value_at) = last?;
        self.at = value_at;
        Some(start)
    }
}

/// A string with escapes may take so much room for a moment, whatever its length.
const SHORT_BYTES: usize = 2048;

const CONTROL: &str = "a control character inside a string must be escaped";
const SURROGATE: &str = "half of a surrogate pair";

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str) -> String {
        match value(text) {
            Ok(value) => value.to_json().unwrap(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn every_digit_survives() {
        for text in ["90.57000000000001", "1.10", "18446744073709551616", "-0", "1E400", "0.1e-7"] {
            assert_eq!(check_text(text), text);
        }
    }

    #[test]
    fn one_equals_one_point_zero() {
        assert_eq!(
            value("[1, {\"a\": 2.0, \"b\": 3}]").unwrap(),
            value("[1.0, {\"b\": 3, \"a\": 2}]").unwrap()
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        assert_eq!(check_text("{\"a\": 01}"), "error: a number with a leading zero at line 1, column 8");
        assert_eq!(
            check_text("[1,\n 2"),
            "error: expected ',' or ']', found the end of the text at line 2, column 3"
        );
        assert_eq!(check_text("\"\\ud800x\""), "error: half of a surrogate pair at line 1, column 8");
        assert_eq!(check_text(""), "error: unexpected end of the text at line 1, column 1");
    }

    #[test]
    fn a_key_given_twice_counts_with_its_last_value_in_its_first_place() {
        assert_eq!(check_text(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "[".repeat(100_000);
        assert!(check_text(&deep).contains("deeper than 512"));
        let fits = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert_eq!(check_text(&fits), fits);
        let nested = (0..=DEPTH_MAX).fold(Value::Null, |inner, _| Value::array([inner]));
        assert_eq!(nested.to_json(), Err(crate::Unwritable::TooDeep));
    }

    #[test]
    fn a_small_tree_with_a_huge_text_is_not_written() {
        let doubled = (0..60).fold(Value::from("x"), |inner, _| Value::array([inner.clone(), inner]));
        assert_eq!(doubled.to_json_within(10_000), Err(crate::Unwritable::TooLong));
        assert_eq!(Value::array([]).to_json_within(2).as_deref(), Ok("[]"));
        assert_eq!(Value::array([]).to_json_within(1), Err(crate::Unwritable::TooLong));
    }

    #[test]
    fn a_pointer_leads_to_its_place() {
        let text = "{\"a\": [1, {\"b/c\": 2}],\n \"x\": 3}";
        assert_eq!(locate(text, "/a/1/b~1c"), Some(11));
        assert_eq!(Position::of(text, locate(text, "/x").unwrap()), Position { line: 2, column: 2 });
        assert_eq!(locate(text, "/nope"), None);
        assert_eq!(locate(text, ""), Some(0));
    }

    #[test]
    fn a_million_keys_take_no_quadratic_time() {
        let keys: Vec<String> = (0..200_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let text = format!("{{{}}}", keys.join(","));
        assert_eq!(value(&text).unwrap().get("k199999").unwrap().as_i64(), Some(199_999));
    }

    #[test]
    fn text_is_escaped_as_jackson_does() {
        assert_eq!(check_text(r#""a\u001f\n\/\u00e9\"\ud83d\ude00""#), "\"a\\u001F\\n/é\\\"😀\"");
    }
}
