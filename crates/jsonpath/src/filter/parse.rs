//! From the text of a filter to what it asks.
//!
//! ```text
//! filter   = '(' any ')'
//! any      = all { '||' all }
//! all      = one { '&&' one }
//! one      = '!' one | '(' any ')' | operand [ operator operand ]
//! operand  = path | string | number | true | false | null | array | object
//! ```

use regex::RegexBuilder;
use stepwell_value::Value;

use super::{Filter, Operand, Operator, Start};
use crate::SyntaxError;
use crate::cursor::Cursor;
use crate::parse::{Place, path, query};

/// How deep filters, their brackets and their literals may nest.
const DEPTH_MAX: usize = 16;

/// The largest compiled regular expression, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Longer operators before those they begin with.
const SYMBOLS: &[(&str, Operator)] = &[
    ("===", Operator::Same),
    ("!==", Operator::NotSame),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

const WORDS: &[(&str, Operator)] = &[
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
    ("subsetof", Operator::SubsetOf),
    ("all", Operator::HasAll),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
];

/// The cursor stands on the opening bracket.
pub(crate) fn filter(cursor: &mut Cursor, depth: usize) -> Result<Filter, SyntaxError> {
    if depth > DEPTH_MAX {
        return Err(cursor.fail("the filter nests too deeply"));
    }
    cursor.expect("(")?;
    let filter = any(cursor, depth)?;
    cursor.blanks();
    cursor.expect(")")?;
    Ok(filter)
}

fn any(cursor: &mut Cursor, depth: usize) -> Result<Filter, SyntaxError> {
    let mut filters = vec![all(cursor, depth)?];
    loop {
        cursor.blanks();
        if !cursor.eat("||") {
            break;
        }
        filters.push(all(cursor, depth)?);
    }
    Ok(Filter::Any(filters))
}

fn all(cursor: &mut Cursor, depth: usize) -> Result<Filter, SyntaxError> {
    let mut filters = vec![one(cursor, depth)?];
    loop {
        cursor.blanks();
        if !cursor.eat("&&") {
            break;
        }
        filters.push(one(cursor, depth)?);
    }
    Ok(Filter::All(filters))
}

fn one(cursor: &mut Cursor, depth: usize) -> Result<Filter, SyntaxError> {
    cursor.blanks();
    if cursor.eat("!") {
        if depth >= DEPTH_MAX {
            return Err(cursor.fail("the filter nests too deeply"));
        }
        return Ok(Filter::Not(Box::new(one(cursor, depth + 1)?)));
    }
    if cursor.starts_with("(") {
        return filter(cursor, depth + 1);
    }
    let left = operand(cursor, depth)?;
    cursor.blanks();
    if cursor.starts_with(")") || cursor.starts_with("&&") || cursor.starts_with("||") {
        return match left {
            Operand::Path { .. } => Ok(Filter::Exists(left)),
            Operand::Literal(_) => {
                Err(cursor.fail("a literal alone says nothing; compare it with something"))
            }
        };
    }
    if cursor.eat("=~") {
        cursor.blanks();
        return Ok(Filter::Matches { left, pattern: pattern(cursor)? });
    }
    let operator = operator(cursor)?;
    let right = operand(cursor, depth)?;
    Ok(Filter::Compare { left, operator, right })
}

fn operator(cursor: &mut Cursor) -> Result<Operator, SyntaxError> {
    if let Some((_, operator)) = SYMBOLS.iter().find(|(symbol, _)| cursor.eat(symbol)) {
        return Ok(*operator);
    }
    let before = cursor.here();
    let word = cursor.take_while(|c| c.is_ascii_alphabetic());
    let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    known
        .map(|(_, operator)| *operator)
        .ok_or_else(|| cursor.fail(format!("expected an operator, found {before}")))
}

fn operand(cursor: &mut Cursor, depth: usize) -> Result<Operand, SyntaxError> {
    cursor.blanks();
    let place = Place::Filter { depth };
    match cursor.peek() {
        Some('@') => {
            cursor.expect("@")?;
            Ok(Operand::Path { start: Start::Tested, query: query(cursor, place)? })
        }
        Some('$') => {
            let (root, query) = path(cursor, place)?;
            Ok(Operand::Path { start: Start::Root(root), query })
        }
        _ => Ok(Operand::Literal(literal(cursor, depth)?)),
    }
}

fn literal(cursor: &mut Cursor, depth: usize) -> Result<Value, SyntaxError> {
    if depth > DEPTH_MAX {
        return Err(cursor.fail("the literal nests too deeply"));
    }
    cursor.blanks();
    match cursor.peek() {
        Some('\'' | '"') => Ok(Value::from(cursor.quoted()?)),
        Some('[') => {
            let mut items = Vec::new();
            list(cursor, "[", "]", |cursor| {
                items.push(literal(cursor, depth + 1)?);
                Ok(())
            })?;
            Ok(Value::array(items))
        }
        Some('{') => {
            let mut members = Vec::new();
            list(cursor, "{", "}", |cursor| {
                cursor.blanks();
                if !matches!(cursor.peek(), Some('\'' | '"')) {
                    return Err(cursor.fail(format!("expected a quoted key, found {}", cursor.here())));
                }
                let key = cursor.quoted()?;
                cursor.blanks();
                cursor.expect(":")?;
                members.push((key, literal(cursor, depth + 1)?));
                Ok(())
            })?;
            Ok(Value::object(members))
        }
        _ => {
            let word = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
            let value = Value::parse(word).map_err(|_| cursor.fail(format!("'{word}' is not a value")))?;
            Ok(value)
        }
    }
}

fn list<'t>(
    cursor: &mut Cursor<'t>,
    open: &str,
    close: &str,
    mut item: impl FnMut(&mut Cursor<'t>) -> Result<(), SyntaxError>,
) -> Result<(), SyntaxError> {
    cursor.expect(open)?;
    cursor.blanks();
    if cursor.eat(close) {
        return Ok(());
    }
    loop {
        item(cursor)?;
        cursor.blanks();
        if !cursor.eat(",") {
            return cursor.expect(close);
        }
    }
}

/// `/pattern/flags`, which has to match the whole text.
fn pattern(cursor: &mut Cursor) -> Result<regex::Regex, SyntaxError> {
    cursor.expect("/")?;
    let mut source = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.fail("a regular expression is not closed")),
            Some('/') => break,
            Some('\\') if cursor.eat("/") => source.push('/'),
            Some('\\') => {
                source.push('\\');
                source.extend(cursor.next());
            }
            Some(plain) => source.push(plain),
        }
    }
    let flags = cursor.take_while(|c| c.is_ascii_alphabetic());
    if let Some(unknown) = flags.chars().find(|flag| !"ismxuU".contains(*flag)) {
        return Err(cursor.fail(format!("unknown flag '{unknown}' of a regular expression")));
    }
    // Alone first, lest a bracket in the pattern close the one around it.
    let checked = builder(&source, flags).build();
    checked.map_err(|error| cursor.fail(format!("the regular expression cannot be used: {error}")))?;
    // In a verbose pattern a comment runs to the end of its line; the line break ends it.
    let end = if flags.contains('x') { "\n" } else { "" };
    let whole = builder(&format!("\\A(?:{source}{end})\\z"), flags).build();
    whole.map_err(|error| cursor.fail(format!("the regular expression cannot be used: {error}")))
}

/// The flags u and U need nothing: Unicode case and classes are always on.
fn builder(source: &str, flags: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(source);
    builder
        .case_insensitive(flags.contains('i'))
        .dot_matches_new_line(flags.contains('s'))
        .multi_line(flags.contains('m'))
        .ignore_whitespace(flags.contains('x'))
        .size_limit(PATTERN_BYTES_MAX);
    builder
}
