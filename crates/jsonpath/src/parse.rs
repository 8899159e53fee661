//! From the text of a path to its steps.
//!
//! Source: Jayway JsonPath, as documented in its README and as its `PathCompiler` behaves.

use std::sync::Arc;

use crate::SyntaxError;
use crate::cursor::Cursor;
use crate::filter;
use crate::function::Function;
use crate::path::{Query, Root, Step};

/// The most steps a path may have, so that evaluating it cannot exhaust a stack.
const STEPS_MAX: usize = 512;

/// Where a path stands, and so what ends its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the whole text.
    Alone,
    /// It is an argument of an intrinsic function.
    Argument,
    /// It stands in a filter, so many filters deep.
    Filter { depth: usize },
}

impl Place {
    fn ends_name(self, character: char) -> bool {
        let anywhere = matches!(character, '.' | '[' | '(');
        let blank = matches!(character, ' ' | '\t' | '\r' | '\n');
        let here = match self {
            Place::Alone => blank,
            Place::Argument => blank || matches!(character, ',' | ')'),
            Place::Filter { .. } => {
                blank || matches!(character, ',' | ')' | ']' | '<' | '>' | '=' | '~' | '!' | '&' | '|')
            }
        };
        anywhere || here
    }
}

pub(crate) fn whole_path(text: &str) -> Result<(Root, Query), SyntaxError> {
    let mut cursor = Cursor::new(text.trim_end());
    cursor.blanks();
    let parsed = path(&mut cursor, Place::Alone)?;
    if cursor.is_at_end() {
        return Ok(parsed);
    }
    Err(match cursor.peek() {
        Some(' ') => cursor.fail("a name with blanks must stand in brackets and quotes, as in ['my name']"),
        _ => cursor.fail(format!("expected '.' or '[', found {}", cursor.here())),
    })
}

/// A path with its root; the cursor stands on `$`.
pub(crate) fn path(cursor: &mut Cursor, place: Place) -> Result<(Root, Query), SyntaxError> {
    if !cursor.eat("$") {
        return Err(cursor.fail(format!("a path must start with '$', found {}", cursor.here())));
    }
    let root = if cursor.eat("$") {
        Root::Context
    } else {
        let starts_name = cursor.peek().is_some_and(|first| first.is_alphabetic() || first == '_');
        let name = if starts_name { cursor.take_while(|c| c.is_alphanumeric() || c == '_') } else { "" };
        if name.is_empty() { Root::Input } else { Root::Variable(name.into()) }
    };
    Ok((root, query(cursor, place)?))
}

/// The steps behind a root.
pub(crate) fn query(cursor: &mut Cursor, place: Place) -> Result<Query, SyntaxError> {
    let mut query = Query { steps: Vec::new(), functions: Vec::new() };
    loop {
        match cursor.peek() {
            Some('[') => {
                let step = bracket(cursor, place)?;
                push(&mut query, step, cursor)?;
            }
            Some('.') => dot(cursor, place, &mut query)?,
            _ => return Ok(query),
        }
    }
}

fn push(query: &mut Query, step: Step, cursor: &Cursor) -> Result<(), SyntaxError> {
    if !query.functions.is_empty() {
        return Err(cursor.fail("a function must stand at the end of a path"));
    }
    if query.steps.len() == STEPS_MAX {
        return Err(cursor.fail(format!("a path must not have more than {STEPS_MAX} steps")));
    }
    query.steps.push(step);
    Ok(())
}

/// `.name`, `.*`, `.function()`, `..` and what belongs to it, or a dot that adds nothing to the
/// bracket behind it.
fn dot(cursor: &mut Cursor, place: Place, query: &mut Query) -> Result<(), SyntaxError> {
    cursor.expect(".")?;
    let descends = cursor.eat(".");
    if descends {
        push(query, Step::Descend, cursor)?;
    }
    match cursor.peek() {
        Some('[') => {
            let step = bracket(cursor, place)?;
            return push(query, step, cursor);
        }
        Some('*') => {
            cursor.expect("*")?;
            return push(query, Step::Wildcard, cursor);
        }
        _ => {}
    }
    let name = cursor.take_while(|character| !place.ends_name(character));
    if name.is_empty() {
        return Err(cursor.fail(format!("expected a name after '.', found {}", cursor.here())));
    }
    if !cursor.starts_with("(") {
        return push(query, Step::Name(name.into()), cursor);
    }
    let function = Function::named(name).filter(|_| !descends);
    let function = function.ok_or_else(|| cursor.fail(format!("there is no path function '{name}'")))?;
    cursor.expect("(")?;
    cursor.blanks();
    cursor.expect(")")?;
    if query.functions.len() == STEPS_MAX {
        return Err(cursor.fail(format!("a path must not have more than {STEPS_MAX} functions")));
    }
    query.functions.push(function);
    Ok(())
}

fn bracket(cursor: &mut Cursor, place: Place) -> Result<Step, SyntaxError> {
    cursor.expect("[")?;
    cursor.blanks();
    let step = match cursor.peek() {
        Some('\'' | '"') => names(cursor)?,
        Some('*') => {
            cursor.expect("*")?;
            Step::Wildcard
        }
        Some('?') => {
            cursor.expect("?")?;
            cursor.blanks();
            let depth = match place {
                Place::Alone | Place::Argument => 1,
                Place::Filter { depth } => depth + 1,
            };
            Step::Filter(Box::new(filter::parse::filter(cursor, depth)?))
        }
        Some('0'..='9' | '-' | ':') => positions(cursor)?,
        _ => {
            return Err(
                cursor.fail(format!("expected a quoted name, an index, '*' or '?', found {}", cursor.here()))
            );
        }
    };
    cursor.blanks();
    cursor.expect("]")?;
    Ok(step)
}

fn names(cursor: &mut Cursor) -> Result<Step, SyntaxError> {
    let mut names: Vec<Arc<str>> = Vec::new();
    loop {
        if !matches!(cursor.peek(), Some('\'' | '"')) {
            return Err(cursor.fail(format!("expected a quoted name, found {}", cursor.here())));
        }
        names.push(cursor.quoted()?.into());
        cursor.blanks();
        if !cursor.eat(",") {
            break;
        }
        cursor.blanks();
    }
    match names.pop() {
        Some(only) if names.is_empty() => Ok(Step::Name(only)),
        last => {
            names.extend(last);
            Ok(Step::Names(names))
        }
    }
}

fn positions(cursor: &mut Cursor) -> Result<Step, SyntaxError> {
    let first = position(cursor)?;
    cursor.blanks();
    if cursor.eat(":") {
        cursor.blanks();
        return slice(first, cursor);
    }
    let Some(first) = first else { return Err(cursor.fail("expected an index")) };
    let mut indexes = vec![first];
    while cursor.eat(",") {
        cursor.blanks();
        indexes.push(position(cursor)?.ok_or_else(|| cursor.fail("expected an index"))?);
        cursor.blanks();
    }
    Ok(if indexes.len() == 1 { Step::Index(first) } else { Step::Indexes(indexes) })
}

fn slice(from: Option<i32>, cursor: &mut Cursor) -> Result<Step, SyntaxError> {
    let to = position(cursor)?;
    cursor.blanks();
    let by = if cursor.eat(":") {
        cursor.blanks();
        let by = position(cursor)?;
        cursor.blanks();
        by
    } else {
        None
    };
    if from.is_none() && to.is_none() && by.is_none() {
        return Err(cursor.fail("a slice needs a start or an end"));
    }
    let by = usize::try_from(by.unwrap_or(1)).ok().filter(|by| *by > 0);
    let by = by.ok_or_else(|| cursor.fail("the third part of a slice must be positive"))?;
    Ok(Step::Slice { from, to, by })
}

fn position(cursor: &mut Cursor) -> Result<Option<i32>, SyntaxError> {
    let from = cursor.at();
    cursor.eat("-");
    cursor.take_while(|c| c.is_ascii_digit());
    match cursor.since(from) {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| cursor.fail(format!("'{digits}' is not an index"))),
    }
}
