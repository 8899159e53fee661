//! The text, one token at a time.
//!
//! A `/` begins a regular expression or divides; the parser says which it expects. The place of a
//! token is where it ends, counted in UTF-16 units, as in the reference.

use std::sync::Arc;

use stepwell_value::{Number, Value};

use crate::error::{Raised, Step};
use crate::regex::Pattern;

#[derive(Debug, Clone)]
pub(crate) enum Token {
    /// One of the operators, `and`, `or` and `in` among them.
    Operator(&'static str),
    Name(Arc<str>),
    Variable(Arc<str>),
    String(Arc<str>),
    Number(f64),
    /// `true`, `false`, `null`
    Constant(Value),
    Regex(Arc<Pattern>),
    End,
}

/// The double operators come first so that they are found first.
const OPERATORS: [&str; 30] = [
    "..", ":=", "!=", ">=", "<=", "**", "~>", ".", "[", "]", "{", "}", "(", ")", ",", "@", "#", ";", ":",
    "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^",
];

/// The rest of the single ones; `!` and `~` only end names.
const MORE: [&str; 3] = ["&", "!", "~"];

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b)
}

fn is_operator(byte: u8) -> bool {
    b".[]{}(),@#;:?+-*/%|=<>^&!~".contains(&byte)
}

impl Token {
    /// What the token is called in a message.
    pub fn shown(&self) -> Value {
        match self {
            Token::Operator(text) => Value::from(*text),
            Token::Name(text) | Token::Variable(text) | Token::String(text) => Value::String(text.clone()),
            Token::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Token::Constant(value) => value.clone(),
            Token::Regex(_) => Value::object::<&str>([]),
            Token::End => Value::from("(end)"),
        }
    }

    pub fn is(&self, operator: &str) -> bool {
        matches!(self, Token::Operator(own) if *own == operator)
    }
}

pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// A place in bytes and the same in UTF-16 units.
    known: (usize, usize),
    /// How many bytes the regular expressions to come may take in their compiled form.
    pub patterns_room: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, known: (0, 0), patterns_room: crate::regex::ALL_MAX }
    }

    /// The present place in UTF-16 units.
    pub fn position(&mut self) -> usize {
        let (bytes, units) = self.known;
        let units = if self.at >= bytes {
            units + self.text[bytes..self.at].encode_utf16().count()
        } else {
            self.text[..self.at].encode_utf16().count()
        };
        self.known = (self.at, units);
        units
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn error<T>(&mut self, code: &'static str) -> Step<T> {
        Err(Raised::at(code, self.position()))
    }

    /// The next token. `divides` says that a `/` is an operator here.
    pub fn next(&mut self, divides: bool) -> Step<Token> {
        self.blanks()?;
        let Some(byte) = self.byte(self.at) else {
            return Ok(Token::End);
        };
        if byte == b'/' && !divides {
            self.at += 1;
            return self.regex();
        }
        if is_operator(byte) || (byte == b'~' && self.byte(self.at + 1) == Some(b'>')) {
            let rest = &self.text[self.at..];
            for operator in OPERATORS.into_iter().chain(MORE) {
                if rest.starts_with(operator) {
                    self.at += operator.len();
                    return Ok(Token::Operator(operator));
                }
            }
        }
        match byte {
            b'"' | b'\'' => self.string(byte),
            b'0'..=b'9' => self.number(),
            b'`' => {
                let start = self.at + 1;
                match self.text[start..].find('`') {
                    Some(length) => {
                        self.at = start + length + 1;
                        Ok(Token::Name(self.text[start..start + length].into()))
                    }
                    None => {
                        self.at = self.text.len();
                        self.error("S0105")
                    }
                }
            }
            _ => Ok(self.name()),
        }
    }

    /// Blanks and comments.
    fn blanks(&mut self) -> Step<()> {
        loop {
            while self.byte(self.at).is_some_and(is_space) {
                self.at += 1;
            }
            if !self.text[self.at..].starts_with("/*") {
                return Ok(());
            }
            match self.text[self.at + 2..].find("*/") {
                Some(length) => self.at += length + 4,
                None => return self.error("S0106"),
            }
        }
    }

    fn regex(&mut self) -> Step<Token> {
        let start = self.at;
        let mut depth = 0i64;
        while let Some(byte) = self.byte(self.at) {
            let escaped = self.at > 0 && self.byte(self.at - 1) == Some(b'\\');
            match byte {
                b'/' if depth == 0 => {
                    let backslashes =
                        self.text.as_bytes()[..self.at].iter().rev().take_while(|b| **b == b'\\').count();
                    if backslashes % 2 == 0 {
                        let pattern = &self.text[start..self.at];
                        if pattern.is_empty() {
                            return self.error("S0301");
                        }
                        self.at += 1;
                        let flags_from = self.at;
                        while let Some(b'i' | b'm') = self.byte(self.at) {
                            self.at += 1;
                        }
                        let flags = &self.text[flags_from..self.at];
                        let position = self.position();
                        return match Pattern::compile(pattern, flags, self.patterns_room) {
                            Ok(pattern) => {
                                self.patterns_room -= pattern.bytes;
                                Ok(Token::Regex(Arc::new(pattern)))
                            }
                            Err(reason) => {
                                let mut raised = Raised::text("S0303", reason);
                                raised.position = Some(position);
                                Err(raised)
                            }
                        };
                    }
                }
                b'(' | b'[' | b'{' if !escaped => depth += 1,
                b')' | b']' | b'}' if !escaped => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.text.len();
        self.error("S0302")
    }

    fn string(&mut self, quote: u8) -> Step<Token> {
        self.at += 1;
        let mut out = String::new();
        let mut plain_from = self.at;
        // The first half of a surrogate pair that an escape gave, waiting for the second.
        let mut half: Option<u32> = None;
        // How far behind the end of the text the reference stands.
        let mut behind = 0;
        while let Some(byte) = self.byte(self.at) {
            if byte == b'\\' {
                if plain_from < self.at {
                    flush(&mut half, &mut out);
                    out.push_str(&self.text[plain_from..self.at]);
                }
                self.at += 1;
                let Some(escape) = self.text[self.at..].chars().next() else {
                    // The reference meets the end of the text where it expects an escape.
                    return self.error("S0103").map_err(|raised: Box<Raised>| raised.with_token(""));
                };
                let character = match escape {
                    '"' | '\\' | '/' => Some(escape),
                    'b' => Some('\u{8}'),
                    'f' => Some('\u{c}'),
                    'n' => Some('\n'),
                    'r' => Some('\r'),
                    't' => Some('\t'),
                    'u' => None,
                    _ => {
                        let token = escape.to_string();
                        return self.error("S0103").map_err(|raised: Box<Raised>| raised.with_token(token));
                    }
                };
                match character {
                    Some(character) => {
                        flush(&mut half, &mut out);
                        out.push(character);
                    }
                    None => {
                        // Up to four digits: fewer before the end of the text count as well.
                        let digits: String = self.text[self.at + 1..].chars().take(4).collect();
                        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                            return self.error("S0104");
                        }
                        let unit = u32::from_str_radix(&digits, 16).unwrap_or(0xFFFD);
                        unicode(unit, &mut half, &mut out);
                        self.at += digits.len();
                        // The reference goes on behind the end.
                        behind = 4 - digits.len();
                    }
                }
                self.at += escape.len_utf8();
                plain_from = self.at;
            } else if byte == quote {
                if plain_from < self.at {
                    flush(&mut half, &mut out);
                    out.push_str(&self.text[plain_from..self.at]);
                }
                flush(&mut half, &mut out);
                self.at += 1;
                return Ok(Token::String(out.into()));
            } else {
                self.at += 1;
            }
        }
        self.error("S0101").map_err(|mut raised: Box<Raised>| {
            raised.position = raised.position.map(|place| place + behind);
            raised
        })
    }

    fn number(&mut self) -> Step<Token> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = if bytes[self.at] == b'0' { self.at + 1 } else { self.at + digits(self.at) };
        if self.byte(end) == Some(b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if let Some(b'e' | b'E') = self.byte(end) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            if end + 1 + sign <= bytes.len() && digits(end + 1 + sign) > 0 {
                end += 1 + sign + digits(end + 1 + sign);
            }
        }
        let text = &self.text[self.at..end];
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        if !number.is_finite() {
            let token = text.to_owned();
            return self.error("S0102").map_err(|raised: Box<Raised>| raised.with_token(token));
        }
        self.at = end;
        Ok(Token::Number(number))
    }

    fn name(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| is_space(byte) || is_operator(byte)).unwrap_or(rest.len());
        self.at += length;
        let name = &rest[..length];
        if let Some(variable) = name.strip_prefix('$') {
            return Token::Variable(variable.into());
        }
        match name {
            "or" => Token::Operator("or"),
            "in" => Token::Operator("in"),
            "and" => Token::Operator("and"),
            "true" => Token::Constant(Value::Bool(true)),
            "false" => Token::Constant(Value::Bool(false)),
            "null" => Token::Constant(Value::Null),
            _ => Token::Name(name.into()),
        }
    }
}

/// A first half that stays alone: there is no such character.
fn flush(half: &mut Option<u32>, out: &mut String) {
    if half.take().is_some() {
        out.push('\u{FFFD}');
    }
}

fn unicode(unit: u32, half: &mut Option<u32>, out: &mut String) {
    match (unit, *half) {
        (0xDC00..0xE000, Some(first)) => {
            *half = None;
            let code = 0x10000 + ((first - 0xD800) << 10) + (unit - 0xDC00);
            out.push(char::from_u32(code).unwrap_or('\u{FFFD}'));
        }
        (0xD800..0xDC00, _) => {
            flush(half, out);
            *half = Some(unit);
        }
        _ => {
            flush(half, out);
            out.push(char::from_u32(unit).unwrap_or('\u{FFFD}'));
        }
    }
}
