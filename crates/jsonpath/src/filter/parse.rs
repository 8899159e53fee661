//! From the text of a filter to what it asks, as Jayway's release 2.0.0 reads it.
//!
//! ```text
//! filter    = '?' '(' criterion { ( '&&' | '||' ) criterion } ')'
//! criterion = path | '!' path at '@' | operand operator operand
//! operator  = '==' | '>=' | '<=' | '!=' | '<' | '>' | '=~' | word between blanks
//! operand   = path | "'" text "'" | '/' pattern '/' [ 'i' ] | text
//! ```
//!
//! The text is cut at `&&` and `||`, then each part at the first operator in the order above,
//! wherever it stands, also within quotes. Brackets around criteria are taken off and count for
//! nothing, nor does a `!` before a comparison. What is neither path, quoted nor pattern is text; whether it is a number is seen when
//! it is compared with one.

use regex::{Regex, RegexBuilder};
use stepwell_value::Value;

use super::{Criterion, Filter, Operand, Operator, Start, Word};
use crate::SyntaxError;
use crate::parse::path_in_filter;
use crate::path::Query;

/// The largest compiled regular expression, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// In the order in which they are looked for.
const OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=~", Operator::Matches),
];

const WORDS: &[(&str, Word)] = &[
    ("in", Word::In),
    ("nin", Word::Nin),
    ("contains", Word::Contains),
    ("subsetof", Word::SubsetOf),
    ("anyof", Word::AnyOf),
    ("noneof", Word::NoneOf),
    ("size", Word::Size),
    ("empty", Word::Empty),
];

/// The text from the `?` to the closing bracket, which it does not include; `offset` is where the
/// bracket begins.
pub(crate) fn filter(text: &str, offset: usize) -> Result<Filter, SyntaxError> {
    parse(text).map_err(|message| SyntaxError { message, offset })
}

fn parse(text: &str) -> Result<Filter, String> {
    let inner = text.strip_prefix('?').map(str::trim);
    let inner = inner.and_then(|text| text.strip_prefix('(')).and_then(|text| text.strip_suffix(')'));
    let inner = inner.ok_or("a filter must stand in brackets, as in [?(@.a == 1)]")?;
    if !is_balanced(inner) {
        return Err("the brackets or quotes of the filter are not balanced".to_owned());
    }
    let mut any = Vec::new();
    for part in inner.split("||") {
        let all: Result<Vec<Criterion>, String> =
            part.split("&&").map(|text| criterion(cleaned(text))).collect();
        let mut all = all?;
        all.reverse();
        any.push(all);
    }
    any.reverse();
    Ok(Filter { any })
}

/// Whether quotes, and round and square brackets outside them, come in pairs.
fn is_balanced(text: &str) -> bool {
    let (mut round, mut square, mut quoted, mut before) = (0, 0, false, ' ');
    for character in text.chars() {
        match character {
            '\'' if before != '\\' => quoted = !quoted,
            '(' if !quoted => round += 1,
            ')' if !quoted => round -= 1,
            '[' if !quoted => square += 1,
            ']' if !quoted => square -= 1,
            _ => {}
        }
        before = character;
    }
    round == 0 && square == 0 && !quoted
}

fn cleaned(text: &str) -> &str {
    text.trim().trim_start_matches(['[', '?', '(', ' ']).trim_end_matches([')', ' '])
}

fn criterion(text: &str) -> Result<Criterion, String> {
    let found = OPERATORS.iter().find_map(|(symbol, operator)| {
        text.split_once(symbol).map(|(left, right)| (left.trim(), *operator, right.trim()))
    });
    if found.is_none()
        && let Some(criterion) = in_words(text)
    {
        return Ok(criterion);
    }
    let Some((left, operator, right)) = found else {
        let (path, wanted) = match text.strip_prefix('!') {
            Some(path) => (path, false),
            None => (text, true),
        };
        if !path.starts_with(if wanted { &['@', '$'][..] } else { &['@'] }) {
            return Err(format!("expected a path or a comparison, found '{text}'"));
        }
        let (start, query) = self::path(path)?;
        return Ok(Criterion::Exists { start, query, wanted });
    };
    // A `!` before the left path counts for nothing.
    let left = if left.starts_with("!@") { &left[1..] } else { left };
    if operator == Operator::Matches {
        return match (pattern(left)?, pattern(right)?) {
            (None, Some(pattern)) => Ok(Criterion::Matches { operand: operand(left)?, pattern }),
            (Some(pattern), None) => Ok(Criterion::Matches { operand: operand(right)?, pattern }),
            _ => Err(format!("expected one regular expression such as /a.*/i in '{text}'")),
        };
    }
    if pattern(left)?.is_some() || pattern(right)?.is_some() {
        return Err(format!("a regular expression is compared by =~ only, not as in '{text}'"));
    }
    Ok(Criterion::Compare { left: operand(left)?, operator, right: operand(right)? })
}

/// A comparison whose operator is a word, which Jayway has since release 2.1.
fn in_words(text: &str) -> Option<Criterion> {
    // A name in brackets may have such a word in it; then its halves are no operands.
    WORDS.iter().find_map(|(name, word)| {
        let (left, right) = text.split_once(&format!(" {name} "))?;
        let right = match Value::parse(&right.trim().replace('\'', "\"")) {
            Ok(value) => Operand::Literal(value),
            Err(_) => path_operand(right.trim())?,
        };
        Some(Criterion::InWords { left: path_operand(left.trim())?, word: *word, right })
    })
}

fn path_operand(text: &str) -> Option<Operand> {
    let (start, query) = if text.starts_with(['@', '$']) { path(text).ok()? } else { return None };
    Some(Operand::Path { start, query })
}

fn operand(text: &str) -> Result<Operand, String> {
    if text.starts_with(['@', '$']) {
        let (start, query) = path(text)?;
        return Ok(Operand::Path { start, query });
    }
    if text.starts_with("!@") {
        return Err(format!("only whether something exists can be negated, not '{text}'"));
    }
    let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    Ok(Operand::Literal(Value::from(quoted.unwrap_or(text))))
}

fn path(text: &str) -> Result<(Start, Query), String> {
    let (root, query) = path_in_filter(text).map_err(|error| format!("{} in '{text}'", error.message))?;
    if !query.is_definite() {
        return Err(format!("the path '{text}' in a filter can lead to several places"));
    }
    Ok((root.map_or(Start::Tested, Start::Root), query))
}

/// `/pattern/` or `/pattern/i`, which has to match the whole text; `None` if it is neither.
fn pattern(text: &str) -> Result<Option<Regex>, String> {
    let Some(inner) = text.strip_prefix('/') else { return Ok(None) };
    let (source, ignore_case) = match (inner.strip_suffix('/'), inner.strip_suffix("/i")) {
        (Some(source), _) => (source, false),
        (None, Some(source)) => (source, true),
        (None, None) => return Ok(None),
    };
    let build = |source: &str| {
        let mut builder = RegexBuilder::new(source);
        builder.case_insensitive(ignore_case).size_limit(PATTERN_BYTES_MAX);
        builder.build().map_err(|error| format!("the regular expression cannot be used: {error}"))
    };
    // Java's reader takes the backslash off a character that needs none.
    let source = source.replace("\\/", "/");
    // Alone first, lest a bracket in the pattern close the one around it.
    build(&source)?;
    build(&format!("\\A(?:{source})\\z")).map(Some)
}
