//! From the text of a path to its steps, as `PathCompiler` of Jayway's release 2.0.0 reads it.
//!
//! That reader looks for what it knows and skips what it does not. What it would only skip, or
//! take for something else, is refused here: `['a]b']`, `["a"]`, `['a' b]`.

use std::sync::Arc;

use crate::SyntaxError;
use crate::cursor::Cursor;
use crate::filter;
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
    /// It stands in a filter, where it must be definite; so filters do not nest.
    Filter,
}

impl Place {
    fn ends_name(self, character: char) -> bool {
        let anywhere = matches!(character, '.' | '[' | ' ');
        match self {
            Place::Alone | Place::Filter => anywhere,
            Place::Argument => anywhere || matches!(character, '\t' | '\r' | '\n' | ',' | '(' | ')'),
        }
    }
}

pub(crate) fn whole_path(text: &str) -> Result<(Root, Query), SyntaxError> {
    let mut cursor = Cursor::new(text.trim_end());
    cursor.blanks();
    let parsed = path(&mut cursor, Place::Alone)?;
    at_end(&cursor)?;
    Ok(parsed)
}

/// A path of a filter; `None` is the root of one that starts at the tested value, `@`.
pub(crate) fn path_in_filter(text: &str) -> Result<(Option<Root>, Query), SyntaxError> {
    let mut cursor = Cursor::new(text);
    let parsed = if cursor.eat("@") {
        (None, query(&mut cursor, Place::Filter)?)
    } else {
        let (root, query) = path(&mut cursor, Place::Filter)?;
        (Some(root), query)
    };
    at_end(&cursor)?;
    Ok(parsed)
}

fn at_end(cursor: &Cursor) -> Result<(), SyntaxError> {
    match cursor.peek() {
        None => Ok(()),
        Some(' ') => {
            Err(cursor.fail("a name with blanks must stand in brackets and quotes, as in ['my name']"))
        }
        Some(_) => Err(cursor.fail(format!("expected '.' or '[', found {}", cursor.here()))),
    }
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
fn query(cursor: &mut Cursor, place: Place) -> Result<Query, SyntaxError> {
    let mut query = Query { steps: Vec::new() };
    if !matches!(cursor.peek(), Some('.' | '[')) {
        return Ok(query);
    }
    loop {
        match cursor.peek() {
            Some('[') => push(&mut query, bracket(cursor, place)?, cursor)?,
            Some('.') => dot(cursor, place, &mut query)?,
            // Behind a bracket or two dots a name or a star needs no dot.
            Some('*') => {
                cursor.expect("*")?;
                push(&mut query, Step::Wildcard, cursor)?;
            }
            Some(_) => {
                let name = cursor.take_while(|character| !place.ends_name(character));
                if name.is_empty() {
                    break;
                }
                // Jayway starts over at a second `$`.
                if name.starts_with('$') {
                    return Err(cursor.fail("expected '.' or '[', found '$'"));
                }
                push(&mut query, named(name, cursor)?, cursor)?;
            }
            None => break,
        }
    }
    if let Some(Step::Descend) = query.steps.last() {
        return Err(cursor.fail(format!("expected a name after '..', found {}", cursor.here())));
    }
    Ok(query)
}

fn push(query: &mut Query, step: Step, cursor: &Cursor) -> Result<(), SyntaxError> {
    if query.steps.len() == STEPS_MAX {
        return Err(cursor.fail(format!("a path must not have more than {STEPS_MAX} steps")));
    }
    query.steps.push(step);
    Ok(())
}

/// `.name`, `.*`, `..`, or a dot that adds nothing to what follows it.
fn dot(cursor: &mut Cursor, place: Place, query: &mut Query) -> Result<(), SyntaxError> {
    cursor.expect(".")?;
    if cursor.eat(".") {
        return push(query, Step::Descend, cursor);
    }
    if cursor.starts_with("[") {
        return Ok(());
    }
    let name = cursor.take_while(|character| !place.ends_name(character));
    if name.is_empty() {
        return Err(cursor.fail(format!("expected a name after '.', found {}", cursor.here())));
    }
    push(query, named(name, cursor)?, cursor)
}

fn named(name: &str, cursor: &Cursor) -> Result<Step, SyntaxError> {
    if name == "*" {
        return Ok(Step::Wildcard);
    }
    if name.contains(['\'', ']']) {
        return Err(cursor.fail(format!("a quote or a bracket cannot stand in the name '{name}'")));
    }
    Ok(Step::Name(name.into()))
}

/// The text up to the bracket that closes this one. Quotes do not count, as in Jayway.
fn bracket(cursor: &mut Cursor, place: Place) -> Result<Step, SyntaxError> {
    let from = cursor.at();
    let mut open = 0;
    let inner_from = from + 1;
    loop {
        match cursor.next() {
            // A bracket within a name counts too, so that only the last step can have one.
            None if cursor.since(from).ends_with(']') => break,
            None => return Err(cursor.fail("expected ']', found the end of the text")),
            Some('[') => open += 1,
            Some(']') => {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
            Some(_) => {}
        }
    }
    let fragment = cursor.since(from);
    let inner = cursor.since(inner_from).strip_suffix(']').unwrap_or("");
    let fail = |message: String| SyntaxError { message, offset: inner_from };
    if inner == "*" {
        return Ok(Step::Wildcard);
    }
    let start = inner.trim_start_matches(' ');
    match start.chars().next() {
        Some('\'' | '"') => names(start).map_err(fail),
        Some('?') if place == Place::Filter => Err(fail("a filter cannot stand in a filter".to_owned())),
        Some('?') => Ok(Step::Filter(Box::new(filter::parse::filter(start, inner_from)?))),
        Some('(') => from_end(start).map_err(fail),
        Some('0'..='9' | '-' | ':') => positions(start).map_err(fail),
        _ => Err(fail(format!("expected a quoted name, an index, '*' or '?', found {fragment}"))),
    }
}

/// `'a','b'`: there are no escapes, a quote ends a name.
fn names(text: &str) -> Result<Step, String> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(' ');
        let quote = if rest.starts_with('"') { '"' } else { '\'' };
        let Some(quoted) = rest.strip_prefix(quote) else {
            return Err(format!("expected a quoted name, found '{rest}'"));
        };
        let Some((name, behind)) = quoted.split_once(quote) else {
            return Err("a name is not closed".to_owned());
        };
        if name.contains(']') {
            return Err("a bracket cannot be closed within a name".to_owned());
        }
        names.push(name.into());
        rest = behind.trim_start_matches(' ');
        if rest.is_empty() {
            break;
        }
        let Some(next) = rest.strip_prefix(',') else {
            return Err(format!("expected ',' or ']', found '{rest}'"));
        };
        rest = next;
    }
    match names.pop() {
        Some(only) if names.is_empty() => Ok(Step::Name(only)),
        last => {
            names.extend(last);
            Ok(Step::Names(names))
        }
    }
}

/// `(@.length-1)` or `(@.size()-1)`
fn from_end(text: &str) -> Result<Step, String> {
    let wrong = || format!("expected an index such as (@.length-1), found '{text}'");
    let inner = text.strip_prefix('(').and_then(|text| text.trim_end().strip_suffix(')'));
    let inner = inner.filter(|inner| inner.trim_start().starts_with("@.")).ok_or_else(wrong)?;
    let plain: String = inner.chars().filter(|c| *c != ' ').collect();
    let behind = ["@.length()", "@.length", "@.size()", "@.size"]
        .iter()
        .find_map(|start| plain.strip_prefix(start).filter(|rest| rest.starts_with('-')));
    number(behind.ok_or_else(wrong)?).map(Step::FromEnd)
}

/// An index, a list of indexes or a slice. Blanks count for nothing, and of a slice only two parts.
fn positions(text: &str) -> Result<Step, String> {
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    if let Some((from, to)) = plain.split_once(':') {
        let (to, by) = to.split_once(':').unwrap_or((to, ""));
        let end = |end: &str| if end.is_empty() { Ok(None) } else { number(end).map(Some) };
        end(by)?;
        return match (end(from)?, end(to)?) {
            (None, None) => Err("a slice needs a start or an end".to_owned()),
            (from, to) => Ok(Step::Slice { from, to }),
        };
    }
    let indexes: Vec<i32> = plain.split(',').map(number).collect::<Result<_, String>>()?;
    Ok(if let [only] = indexes[..] { Step::Index(only) } else { Step::Indexes(indexes) })
}

fn number(digits: &str) -> Result<i32, String> {
    let plain = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or_else(|| format!("'{digits}' is not an index"))
}
