//! A place in the text of an expression, moving forward.

use crate::SyntaxError;

pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor { text, at: 0 }
    }

    /// The byte offset of the next character.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The text from byte `from` to here.
    pub fn since(&self, from: usize) -> &'t str {
        &self.text[from..self.at]
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub fn starts_with(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub fn expect(&mut self, text: &str) -> Result<(), SyntaxError> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.fail(format!("expected '{text}', found {}", self.here())))
        }
    }

    /// Takes characters as long as `wanted` says so.
    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let from = self.at;
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
        self.since(from)
    }

    pub fn blanks(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    }

    /// What stands here, for a message.
    pub fn here(&self) -> String {
        match self.peek() {
            Some(character) => format!("{character:?}"),
            None => "the end of the text".to_owned(),
        }
    }

    pub fn fail(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), offset: self.at }
    }
}
