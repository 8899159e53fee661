//! From the text of a call to its arguments.
//!
//! ```text
//! call     = 'States.' name '(' [ argument { ',' argument } ] ')'
//! argument = string | number | true | false | null | path | call
//! ```

use stepwell_value::Value;

use super::{ALL, Argument, Call, Function};
use crate::cursor::Cursor;
use crate::parse::{Place, path};
use crate::{Path, SyntaxError};

/// How deep calls may nest. Source: Developer Guide, "Intrinsic functions". Its example of nine
/// nested functions is five deep and has nine in all, so AWS may count all calls of a field; that
/// is not recorded.
pub(crate) const NESTING_MAX: usize = 10;

/// A call that is the whole text.
pub(crate) fn call(text: &str) -> Result<Call, SyntaxError> {
    let mut cursor = Cursor::new(text.trim_end());
    cursor.blanks();
    let call = nested(&mut cursor, 1)?;
    if cursor.is_at_end() {
        return Ok(call);
    }
    Err(cursor.fail(format!("expected the end of the text, found {}", cursor.here())))
}

fn nested(cursor: &mut Cursor, depth: usize) -> Result<Call, SyntaxError> {
    let from = cursor.at();
    if depth > NESTING_MAX {
        return Err(cursor.fail(format!("intrinsic functions nest at most {NESTING_MAX} deep")));
    }
    cursor.expect("States.")?;
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric());
    let known = ALL.iter().find(|(known, ..)| *known == name);
    let Some((_, function, fewest, most)) = known else {
        return Err(cursor.fail(format!("there is no intrinsic function 'States.{name}'")));
    };
    cursor.blanks();
    cursor.expect("(")?;
    let arguments = arguments(cursor, *function, depth)?;
    if !(*fewest..=*most).contains(&arguments.len()) {
        let wanted = match (*fewest, *most) {
            (fewest, usize::MAX) => format!("at least {fewest}"),
            (fewest, most) if fewest == most => fewest.to_string(),
            (fewest, most) => format!("{fewest} to {most}"),
        };
        let given = arguments.len();
        return Err(cursor.fail(format!("States.{name} takes {wanted} arguments, not {given}")));
    }
    Ok(Call { text: cursor.since(from).into(), function: *function, arguments })
}

fn arguments(cursor: &mut Cursor, function: Function, depth: usize) -> Result<Vec<Argument>, SyntaxError> {
    let mut arguments = Vec::new();
    cursor.blanks();
    if cursor.eat(")") {
        return Ok(arguments);
    }
    loop {
        cursor.blanks();
        let template = function == Function::Format && arguments.is_empty();
        arguments.push(argument(cursor, template, depth)?);
        cursor.blanks();
        if !cursor.eat(",") {
            cursor.expect(")")?;
            return Ok(arguments);
        }
    }
}

fn argument(cursor: &mut Cursor, template: bool, depth: usize) -> Result<Argument, SyntaxError> {
    match cursor.peek() {
        Some('\'') => {
            let from = cursor.at();
            let raw = quoted(cursor)?;
            let fail = |message: &str| SyntaxError { message: message.to_owned(), offset: from };
            if template {
                return pieces(raw, Backslash::Escapes).map(Argument::Pieces).map_err(fail);
            }
            let text = unescaped(raw).ok_or_else(|| fail(UNKNOWN_ESCAPE))?;
            Ok(Argument::Literal(Value::from(text)))
        }
        Some('$') => {
            let from = cursor.at();
            let (root, query) = path(cursor, Place::Argument)?;
            Ok(Argument::Path(Path::new(cursor.since(from), root, query)))
        }
        Some('S') => nested(cursor, depth + 1).map(Argument::Call),
        _ => {
            let before = cursor.here();
            let word = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
            let value = Value::parse(word).map_err(|_| {
                cursor
                    .fail(format!("expected a quoted string, a number, a path or a function, found {before}"))
            })?;
            Ok(Argument::Literal(value))
        }
    }
}

/// What stands between single quotes, with its escapes.
fn quoted<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, SyntaxError> {
    cursor.expect("'")?;
    let from = cursor.at();
    loop {
        let raw = cursor.since(from);
        match cursor.next() {
            None => return Err(cursor.fail("a string is not closed")),
            Some('\'') => return Ok(raw),
            Some('\\') => {
                cursor.next();
            }
            Some(_) => {}
        }
    }
}

const UNKNOWN_ESCAPE: &str = "a backslash may only stand before ', {, } or another backslash";

fn is_escapable(character: char) -> bool {
    matches!(character, '\'' | '{' | '}' | '\\')
}

/// `None` if a backslash stands before anything else than what it may escape.
fn unescaped(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => characters.next().filter(|next| is_escapable(*next))?,
            plain => plain,
        });
    }
    Some(out)
}

/// What a backslash does in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    /// It must escape something, as in a literal.
    Escapes,
    /// It may stand for itself, as in a string from the input.
    MayBePlain,
}

/// A template cut at its `{}`: one piece more than there are placeholders.
pub(super) fn pieces(raw: &str, backslash: Backslash) -> Result<Vec<Box<str>>, &'static str> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next_if(|next| is_escapable(*next)) {
                Some(escaped) => piece.push(escaped),
                None if backslash == Backslash::MayBePlain => piece.push('\\'),
                None => return Err(UNKNOWN_ESCAPE),
            },
            '{' => {
                if characters.next() != Some('}') {
                    return Err("matching '}' not found for '{'");
                }
                pieces.push(std::mem::take(&mut piece).into_boxed_str());
            }
            plain => piece.push(plain),
        }
    }
    pieces.push(piece.into_boxed_str());
    Ok(pieces)
}
