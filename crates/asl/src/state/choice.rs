//! The `Choice` state: the first rule that holds tells where to go.
//!
//! A rule is one comparison of a `Variable`, or `And`, `Or`, `Not` of rules. A comparison of values
//! of different types does not hold; a `Variable` that leads nowhere is a failure, except under
//! `IsPresent`. `Next` stands at the top of a rule only, and so does `Assign`, which takes the place
//! of the state's own.
//!
//! In JSONata a rule is a `Condition`, an expression that gives `true` or `false`, and may have an
//! `Output` of its own as well.
//!
//! History: `ChoiceStateEntered`, `ChoiceStateExited`; without a rule that holds and without
//! `Default`, the failure `States.NoChoiceMatched`.
//!
//! Source: Amazon States Language specification, "Choice State".

use std::cmp::Ordering;
use std::sync::Arc;

use stepwell_jsonpath::Expression;
use stepwell_model::{Failure, Timestamp, error_names};
use stepwell_value::Value;

use crate::data::{Assign, looks_like_an_expression, read_assign, read_operand, read_target};
use crate::definition::{Names, StateId};
use crate::fields::Fields;
use crate::query::{Known, Moment, Query, Shape, is_query, read_query, read_shape};
use crate::turn::Turn;

/// A `Choice`.
#[derive(Debug)]
pub(crate) struct Choice {
    rules: Vec<TopRule>,
    default: Option<StateId>,
}

/// A rule, and what it leads to.
#[derive(Debug)]
pub(crate) struct TopRule {
    rule: Rule,
    pub(crate) next: StateId,
    pub(crate) assign: Option<Assign>,
    /// In JSONata.
    pub(crate) output: Option<Shape>,
}

#[derive(Debug)]
enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test {
        variable: Expression,
        test: Test,
    },
    /// JSONata's `Condition`, which is `true` or `false`.
    Condition(Condition),
}

#[derive(Debug)]
enum Condition {
    Literal(bool),
    Query(Query),
}

#[derive(Debug)]
enum Test {
    Compare { kind: Kind, order: Order, operand: Operand },
    Matches(Arc<str>),
    Is(Is, bool),
}

#[derive(Debug)]
enum Operand {
    Literal(Value),
    Path(&'static str, Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    String,
    Numeric,
    Timestamp,
    Boolean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Present,
    Null,
    String,
    Numeric,
    Boolean,
    Timestamp,
}

const IS: [(&str, Is); 6] = [
    ("IsPresent", Is::Present),
    ("IsNull", Is::Null),
    ("IsString", Is::String),
    ("IsNumeric", Is::Numeric),
    ("IsBoolean", Is::Boolean),
    ("IsTimestamp", Is::Timestamp),
];

/// Each comparison, with the name of its form that takes the operand from a path.
const COMPARISONS: [(&str, &str, Kind, Order); 16] = [
    ("StringEquals", "StringEqualsPath", Kind::String, Order::Equals),
    ("StringLessThan", "StringLessThanPath", Kind::String, Order::LessThan),
    ("StringGreaterThan", "StringGreaterThanPath", Kind::String, Order::GreaterThan),
    ("StringLessThanEquals", "StringLessThanEqualsPath", Kind::String, Order::LessThanEquals),
    ("StringGreaterThanEquals", "StringGreaterThanEqualsPath", Kind::String, Order::GreaterThanEquals),
    ("NumericEquals", "NumericEqualsPath", Kind::Numeric, Order::Equals),
    ("NumericLessThan", "NumericLessThanPath", Kind::Numeric, Order::LessThan),
    ("NumericGreaterThan", "NumericGreaterThanPath", Kind::Numeric, Order::GreaterThan),
    ("NumericLessThanEquals", "NumericLessThanEqualsPath", Kind::Numeric, Order::LessThanEquals),
    ("NumericGreaterThanEquals", "NumericGreaterThanEqualsPath", Kind::Numeric, Order::GreaterThanEquals),
    ("TimestampEquals", "TimestampEqualsPath", Kind::Timestamp, Order::Equals),
    ("TimestampLessThan", "TimestampLessThanPath", Kind::Timestamp, Order::LessThan),
    ("TimestampGreaterThan", "TimestampGreaterThanPath", Kind::Timestamp, Order::GreaterThan),
    ("TimestampLessThanEquals", "TimestampLessThanEqualsPath", Kind::Timestamp, Order::LessThanEquals),
    (
        "TimestampGreaterThanEquals",
        "TimestampGreaterThanEqualsPath",
        Kind::Timestamp,
        Order::GreaterThanEquals,
    ),
    ("BooleanEquals", "BooleanEqualsPath", Kind::Boolean, Order::Equals),
];

impl Choice {
    pub(crate) fn read(fields: &Fields, names: &Names) -> Option<Choice> {
        fields.required(&["Choices"]);
        let default = read_target(fields, "Default", names);
        let choices = fields.filled_array("Choices")?;
        let base = fields.at("Choices");
        let mut rules = Vec::new();
        for (place, choice) in choices.iter().enumerate() {
            let Some(fields) = fields.inner(choice, format!("{base}/{place}")) else { continue };
            fields.required(&["Next"]);
            let next = read_target(&fields, "Next", names);
            let assign = read_assign(&fields, Moment::Entry);
            fields.text("Comment");
            let (rule, output) = if fields.in_jsonata() {
                (read_condition(&fields).map(Rule::Condition), read_shape(&fields, "Output", Moment::Entry))
            } else {
                (read_rule(&fields), None)
            };
            fields.finish();
            if let (Some(rule), Some(next)) = (rule, next) {
                rules.push(TopRule { rule, next, assign, output });
            }
        }
        Some(Choice { rules, default })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let input = turn.effective_input()?;
        for (place, top) in self.rules.iter().enumerate() {
            if top.rule.holds(turn, input.value(), place)? {
                return turn.choose(&input, top.next, Some((place, top)));
            }
        }
        match self.default {
            Some(default) => turn.choose(&input, default, None),
            None => Err(Failure {
                error: Some(error_names::NO_CHOICE_MATCHED.into()),
                ..turn.runtime_failure(
                    "Failed to transition out of the state. The state does not point to a next state.",
                )
            }),
        }
    }
}

/// What a rule is; exactly one of these.
const SELECTORS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// Whether a rule is exactly one thing, in whatever language.
fn check_selectors(fields: &Fields) -> bool {
    let one = SELECTORS.iter().filter(|key| fields.map.contains_key(key)).count() == 1;
    if !one {
        let text =
            format!("The object must have only one of the following fields, [{}]", SELECTORS.join(", "));
        fields.notes.error(&fields.pointer, &text);
    }
    one
}

fn read_condition(fields: &Fields) -> Option<Condition> {
    check_selectors(fields);
    if fields.map.contains_key("Variable") {
        // The operators of a rule in the other language are not told one by one.
        operators().for_each(|name| _ = fields.has(name));
    }
    if is_query(fields, "Condition") {
        return read_query(fields, "Condition").map(Condition::Query);
    }
    fields.boolean("Condition").map(Condition::Literal)
}

fn read_rule(fields: &Fields) -> Option<Rule> {
    let one = check_selectors(fields);
    let rule = if fields.has("And") {
        read_rules(fields, "And").map(Rule::And)
    } else if fields.has("Or") {
        read_rules(fields, "Or").map(Rule::Or)
    } else if let Some(value) = fields.get("Not") {
        read_inner(value, fields.at("Not"), fields).map(|rule| Rule::Not(Box::new(rule)))
    } else if fields.has("Variable") {
        let present = operators().filter(|name| fields.has(name)).count();
        if present != 1 {
            let names = operators().collect::<Vec<&str>>().join(", ");
            let text = if present == 0 {
                format!("This object should have only one of the following fields: [{names}]")
            } else {
                format!("There should only be one of the following fields: [{names}]")
            };
            fields.notes.error(&fields.pointer, &text);
        }
        let variable = read_operand(fields, "Variable");
        let test = read_test(fields);
        variable.zip(test).map(|(variable, test)| Rule::Test { variable, test })
    } else {
        None
    };
    // What stands beside the rule was told to be one too many already.
    if !one {
        SELECTORS.iter().for_each(|name| _ = fields.has(name));
        operators().for_each(|name| _ = fields.has(name));
    }
    rule
}

/// Every operator that compares a `Variable`.
fn operators() -> impl Iterator<Item = &'static str> {
    let comparisons = COMPARISONS.iter().flat_map(|(name, path_name, _, _)| [*name, *path_name]);
    comparisons.chain(IS.iter().map(|(name, _)| *name)).chain(["StringMatches"])
}

fn read_rules(fields: &Fields, key: &'static str) -> Option<Vec<Rule>> {
    let values = fields.filled_array(key)?;
    let base = fields.at(key);
    let rules = values.iter().enumerate();
    let rules = rules.map(|(place, value)| read_inner(value, format!("{base}/{place}"), fields));
    // All of them, so that each mistake is noted.
    let rules: Vec<Option<Rule>> = rules.collect();
    rules.into_iter().collect()
}

fn read_inner<'a>(value: &'a Value, pointer: String, outer: &Fields<'a>) -> Option<Rule> {
    let fields = outer.inner(value, pointer)?;
    fields.text("Comment");
    let rule = read_rule(&fields);
    fields.finish();
    rule
}

/// The operator of a rule; if there are several, which is a mistake, any of them.
fn read_test(fields: &Fields) -> Option<Test> {
    for (name, path_name, kind, order) in COMPARISONS {
        if fields.has(name) {
            let operand = read_literal(fields, name, kind).map(Operand::Literal)?;
            return Some(Test::Compare { kind, order, operand });
        }
        if fields.has(path_name) {
            let operand = read_operand(fields, path_name).map(|path| Operand::Path(path_name, path))?;
            return Some(Test::Compare { kind, order, operand });
        }
    }
    for (name, is) in IS {
        if fields.has(name) {
            return fields.boolean(name).map(|wanted| Test::Is(is, wanted));
        }
    }
    fields.text("StringMatches").map(Test::Matches)
}

fn read_literal(fields: &Fields, key: &'static str, kind: Kind) -> Option<Value> {
    let value = fields.get(key)?;
    let (fits, mistake) = match kind {
        Kind::String => (value.as_str().is_some(), "Expected value of type [STRING]"),
        Kind::Numeric => (value.as_number().is_some(), "Expected value of type [NUMBER]"),
        Kind::Boolean => (value.as_bool().is_some(), "Expected value of type [BOOLEAN]"),
        Kind::Timestamp => {
            let fits = value.as_str().is_some_and(|text| Timestamp::parse_rfc3339(text).is_some());
            (fits, "String does not match RFC3339 timestamp")
        }
    };
    if !fits {
        fields.error_at(key, mistake);
        return None;
    }
    if kind == Kind::String && value.as_str().is_some_and(looks_like_an_expression) {
        let text = format!("The value of '{key}' looks like a JSONPath. Use '{key}Path' to evaluate it.");
        fields.notes.warn("NO_PATH", &fields.at(key), text);
    }
    Some(value.clone())
}

impl Rule {
    /// Whether it holds; `place` is the place of the rule that it is or is a part of.
    fn holds(&self, turn: &mut Turn, input: &Value, place: usize) -> Result<bool, Failure> {
        match self {
            Rule::And(rules) => {
                for rule in rules {
                    if !rule.holds(turn, input, place)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Rule::Or(rules) => {
                for rule in rules {
                    if rule.holds(turn, input, place)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Rule::Not(rule) => Ok(!rule.holds(turn, input, place)?),
            Rule::Condition(Condition::Literal(holds)) => Ok(*holds),
            Rule::Condition(Condition::Query(query)) => {
                let location = format!("Choices[{place}]/Condition");
                match turn.query(query, &Known::default(), &location)? {
                    Value::Bool(holds) => Ok(holds),
                    other => Err(turn.unexpected_type(query, &location, "boolean", &other)),
                }
            }
            Rule::Test { variable, test } => {
                let value = turn.evaluate(variable, input, "Variable");
                let value = match (value, test) {
                    (value, Test::Is(Is::Present, wanted)) => return Ok(value.is_ok() == *wanted),
                    (Ok(value), _) => value,
                    (Err(_), _) => return Err(unreachable_path(turn, variable)),
                };
                test.holds(&value, turn, input)
            }
        }
    }
}

fn unreachable_path(turn: &mut Turn, path: &Expression) -> Failure {
    let text = path.text();
    let cause =
        format!("Invalid path '{text}': The choice state's condition path references an invalid value.");
    turn.runtime_failure(&cause)
}

impl Test {
    fn holds(&self, value: &Value, turn: &mut Turn, input: &Value) -> Result<bool, Failure> {
        match self {
            Test::Is(is, wanted) => Ok(is.holds(value) == *wanted),
            Test::Matches(pattern) => Ok(value.as_str().is_some_and(|text| matches(pattern, text))),
            Test::Compare { kind, order, operand } => {
                let operand = match operand {
                    Operand::Literal(operand) => operand.clone(),
                    Operand::Path(field, path) => {
                        turn.evaluate(path, input, field).map_err(|_| unreachable_path(turn, path))?
                    }
                };
                Ok(kind.compare(value, &operand).is_some_and(|found| order.holds(found)))
            }
        }
    }
}

impl Kind {
    /// `None` where the values are not both of this kind.
    fn compare(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            // As Java compares strings: by UTF-16 code units.
            Kind::String => Some(left.as_str()?.encode_utf16().cmp(right.as_str()?.encode_utf16())),
            Kind::Numeric => left.as_number()?.partial_cmp(right.as_number()?),
            Kind::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Kind::Timestamp => {
                let moment = |value: &Value| value.as_str().and_then(Timestamp::nanoseconds_of_rfc3339);
                Some(moment(left)?.cmp(&moment(right)?))
            }
        }
    }
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Order::Equals => found == Ordering::Equal,
            Order::LessThan => found == Ordering::Less,
            Order::GreaterThan => found == Ordering::Greater,
            Order::LessThanEquals => found != Ordering::Greater,
            Order::GreaterThanEquals => found != Ordering::Less,
        }
    }
}

impl Is {
    fn holds(self, value: &Value) -> bool {
        match self {
            Is::Present => true,
            Is::Null => value.is_null(),
            Is::String => value.as_str().is_some(),
            Is::Numeric => value.as_number().is_some(),
            Is::Boolean => value.as_bool().is_some(),
            Is::Timestamp => value.as_str().is_some_and(|text| Timestamp::parse_rfc3339(text).is_some()),
        }
    }
}

/// Whether `text` matches a pattern in which `*` stands for anything, and `\*` and `\\` for
/// themselves. Linear in the text for each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    // The pattern as literal pieces between wildcards.
    let mut pieces = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' => pieces.push(String::new()),
            '\\' => {
                let escaped = characters.next_if(|next| matches!(next, '*' | '\\')).unwrap_or('\\');
                pieces.last_mut().expect("there is always one").push(escaped);
            }
            other => pieces.last_mut().expect("there is always one").push(other),
        }
    }
    let (first, rest) = pieces.split_first().expect("there is always one");
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
    for piece in middle {
        match text.find(piece.as_str()) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything_and_an_escaped_one_for_itself() {
        for (pattern, text) in [
            ("log-*.txt", "log-12.txt"),
            ("*", ""),
            ("a*b*c", "aXXbYYbZc"),
            (r"a\*c", "a*c"),
            (r"a\\*", r"a\b"),
            ("exact", "exact"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("log-*.txt", "log-12.tx"), (r"a\*c", "abc"), ("ab*ba", "aba"), ("", "x")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
