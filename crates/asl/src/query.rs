//! JSONata in the fields of a state.
//!
//! A string that begins with `{%` and ends with `%}` is an expression. It stands at any depth of a
//! field's value, beside what is taken as it is. Expressions see `$states` and the variables:
//!
//! | name                  | what it is                      | where                                  |
//! |-----------------------|---------------------------------|----------------------------------------|
//! | `$states.input`       | the raw input of the state      | everywhere                             |
//! | `$states.context`     | the context object              | everywhere                             |
//! | `$states.result`      | what the work resulted in       | `Output`, `Assign` of Task, Parallel, Map |
//! | `$states.errorOutput` | `Error` and `Cause`             | `Output`, `Assign` of a catcher        |
//!
//! A failed expression leaves an `EvaluationFailed` event and fails the state with
//! `States.QueryEvaluationError`. It names its field by steps: `Output/total`, `Output/lines[2]`,
//! `Choices[1]/Condition`.
//!
//! Source: Developer Guide, "Transforming data with JSONata in Step Functions"; the texts are
//! recorded from AWS.

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use stepwell_jsonata::{Budget, Environment, EvaluateError, Expression, Profile};
use stepwell_model::{Failure, error_names};
use stepwell_value::{Map, Payload, Value};

use crate::fields::{Fields, escape};
use crate::journal::EventKind;
use crate::state::StateKind;
use crate::turn::{COMPOSED_TIMES_MAX, Turn, too_large};

/// The language of a state's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::JsonPath => "JSONPath",
            Language::Jsonata => "JSONata",
        }
    }

    /// What `QueryLanguage` says; `around` where it says nothing. Whatever is not `JSONPath` is
    /// taken for JSONata, as AWS does.
    pub(crate) fn of(fields: &Fields, around: Language) -> Language {
        match fields.get("QueryLanguage") {
            None => around,
            Some(value) if value.as_str() == Some("JSONPath") => Language::JsonPath,
            Some(_) => Language::Jsonata,
        }
    }

    /// Notes a `QueryLanguage` that is neither.
    pub(crate) fn check(fields: &Fields) {
        fields.choice("QueryLanguage", &["JSONPath", "JSONata"]);
    }
}

/// AWS's code for an expression that does not parse.
const INVALID: &str = "INVALID_JSONATA_EXPRESSION";

/// AWS's code for one that names what is not there.
const UNSUPPORTED: &str = "UNSUPPORTED_JSONATA_EXPRESSION";

/// Which members `$states` has where an expression stands, beside `input` and `context`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the work, or where there is none.
    Entry,
    /// Once the work has a result.
    Result,
    /// In a catcher.
    Error,
}

/// An expression.
#[derive(Debug)]
pub(crate) struct Query {
    text: Arc<str>,
    expression: Expression,
    /// Whether it may look at the context object, which takes time to make.
    sees_context: bool,
}

/// The value of a field: parts as they are, and parts that are evaluated.
#[derive(Debug)]
pub(crate) enum Shape {
    Plain(Value),
    Query(Query),
    Array(Vec<Shape>),
    Object(Vec<(Arc<str>, Shape)>),
}

/// The value of a field that is a number or gives one.
#[derive(Debug)]
pub(crate) enum Count {
    Literal(u64),
    Query(Query),
}

/// Reads a field whose value is a whole number or, in JSONata, an expression that gives one.
pub(crate) fn read_count(fields: &Fields, key: &'static str, range: RangeInclusive<u64>) -> Option<Count> {
    if fields.in_jsonata() && is_query(fields, key) {
        return read_query(fields, key).map(Count::Query);
    }
    fields.integer(key, range).map(Count::Literal)
}

/// What `Assign` assigns, in the order of the text.
pub(crate) type Assignments = Vec<(Arc<str>, Shape)>;

/// What an expression begins with.
const OPENED: &str = "{%";

const UNCLOSED: &str = "JSONata string must start with {% and end with %}";

/// The text between `{%` and `%}`, if a string is an expression.
fn inner(text: &str) -> Option<&str> {
    // The `%` of `{%}` is not both.
    Some(text.strip_prefix(OPENED)?.strip_suffix("%}")?.trim())
}

impl Query {
    fn read(text: &str, pointer: &str, moment: Moment, fields: &Fields) -> Option<Query> {
        let notes = fields.notes;
        let expression = match Expression::compile(text, &Profile::step_functions()) {
            Ok(expression) => expression,
            Err(error) => {
                if error.code != "S0601" {
                    notes.error_of(INVALID, pointer, &error.message);
                }
                let names = error.token.iter().filter(|_| error.code == "S0601").chain(&error.more_tokens);
                for name in names {
                    let place = if name == "$$" { "" } else { " at the top level" };
                    let message = format!("Reference to '{name}'{place} is not supported.");
                    notes.error_of(UNSUPPORTED, pointer, &message);
                }
                return None;
            }
        };
        let references = expression.references();
        let names = references.iter().map(|reference| &reference.variable);
        fields.reads(names.filter(|name| &***name != "states").cloned());
        let mut sees_context = false;
        for reference in references.iter().filter(|reference| &*reference.variable == "states") {
            let exists = match reference.member.as_deref() {
                // The whole of `$states`, or what cannot be told before it runs.
                None | Some("context") => {
                    sees_context = true;
                    true
                }
                Some("input") => true,
                Some("result") => moment == Moment::Result,
                Some("errorOutput") => moment == Moment::Error,
                Some(_) => false,
            };
            if let (false, Some(member)) = (exists, &reference.member) {
                let message = format!("Field '$states.{member}' does not exist.");
                notes.error_of(UNSUPPORTED, pointer, &message);
                return None;
            }
        }
        Some(Query { text: text.into(), expression, sees_context })
    }
}

impl Shape {
    fn read(value: &Value, pointer: &str, moment: Moment, fields: &Fields) -> Option<Shape> {
        match value {
            Value::String(text) => match inner(text) {
                Some(text) => Query::read(text, pointer, moment, fields).map(Shape::Query),
                None if text.starts_with(OPENED) => {
                    fields.notes.error(pointer, UNCLOSED);
                    None
                }
                None => Some(Shape::Plain(value.clone())),
            },
            Value::Array(values) => {
                let places = values.iter().enumerate();
                let read = |(place, value)| Shape::read(value, &format!("{pointer}/{place}"), moment, fields);
                // All of them, so that each mistake is noted.
                let shapes: Vec<Option<Shape>> = places.map(read).collect();
                let shapes: Vec<Shape> = shapes.into_iter().collect::<Option<_>>()?;
                let plain = shapes.iter().all(|shape| matches!(shape, Shape::Plain(_)));
                Some(if plain { Shape::Plain(value.clone()) } else { Shape::Array(shapes) })
            }
            Value::Object(map) => {
                let members = read_members(map, pointer, moment, fields)?;
                let plain = members.iter().all(|(_, shape)| matches!(shape, Shape::Plain(_)));
                Some(if plain { Shape::Plain(value.clone()) } else { Shape::Object(members) })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(Shape::Plain(value.clone())),
        }
    }

    fn sees_context(&self) -> bool {
        match self {
            Shape::Plain(_) => false,
            Shape::Query(query) => query.sees_context,
            Shape::Array(shapes) => shapes.iter().any(Shape::sees_context),
            Shape::Object(members) => members.iter().any(|(_, shape)| shape.sees_context()),
        }
    }
}

fn read_members(map: &Map, pointer: &str, moment: Moment, fields: &Fields) -> Option<Assignments> {
    let read = |(key, value): (&Arc<str>, &Value)| {
        let shape = Shape::read(value, &format!("{pointer}/{}", escape(key)), moment, fields);
        shape.map(|shape| (key.clone(), shape))
    };
    let members: Vec<Option<(Arc<str>, Shape)>> = map.iter().map(read).collect();
    members.into_iter().collect()
}

/// A field that may hold anything, with expressions in it.
pub(crate) fn read_shape(fields: &Fields, key: &'static str, moment: Moment) -> Option<Shape> {
    Shape::read(fields.get(key)?, &fields.at(key), moment, fields)
}

/// A field whose value is an expression; `None` for one that is absent or is none.
pub(crate) fn read_query(fields: &Fields, key: &'static str) -> Option<Query> {
    let text = fields.get(key)?.as_str()?;
    let inner = inner(text);
    if inner.is_none() && text.starts_with(OPENED) {
        fields.error_at(key, UNCLOSED);
    }
    Query::read(inner?, &fields.at(key), Moment::Entry, fields)
}

/// Whether a field holds an expression, good or bad.
pub(crate) fn is_query(fields: &Fields, key: &'static str) -> bool {
    fields.get(key).and_then(Value::as_str).is_some_and(|text| text.starts_with(OPENED))
}

pub(crate) fn read_assignments(fields: &Fields, moment: Moment) -> Option<Assignments> {
    let map = fields.object("Assign")?;
    read_members(map, &fields.at("Assign"), moment, fields)
}

/// A type of JSON, as AWS names it.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What `$states` has beside the raw input and the context object.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) result: Option<Value>,
    pub(crate) error_output: Option<Value>,
    /// The item that an `ItemSelector` is applied to.
    pub(crate) item: Option<(u64, Value)>,
}

/// The members of `$states`.
static STATES_KEYS: LazyLock<[Arc<str>; 4]> =
    LazyLock::new(|| ["input", "result", "errorOutput", "context"].map(Arc::from));

/// How long one expression may take, in milliseconds.
///
/// Source: Developer Guide, "Transforming data with JSONata", limits.
const EXPRESSION_MS_MAX: u64 = 1_000;

/// How long all expressions of a state may take together, in milliseconds. Ours: AWS has a bound for
/// each alone, but there a long one holds up nobody else.
const STATE_MS_MAX: u64 = 5_000;

/// The longest cause, in characters.
///
/// Source: API reference, `SensitiveCause`.
pub(crate) const CAUSE_CHARACTERS_MAX: usize = 32_768;

/// The longest text of a value that a cause shows, in bytes.
const SHOWN_BYTES_MAX: usize = 1024;

impl Turn<'_, '_> {
    /// The value of a field, which a failure names by `location`.
    pub(crate) fn shape(&mut self, shape: &Shape, known: &Known, location: &str) -> Result<Value, Failure> {
        let states = self.states(known, shape.sees_context());
        self.shape_with(shape, &states, location)
    }

    /// The value of an expression.
    pub(crate) fn query(&mut self, query: &Query, known: &Known, location: &str) -> Result<Value, Failure> {
        let states = self.states(known, query.sees_context);
        self.query_with(query, &states, location)
    }

    fn states(&self, known: &Known, with_context: bool) -> Value {
        let [input, result, error_output, context] = &*STATES_KEYS;
        let mut map = Map::default();
        map.insert(input.clone(), self.raw_input().value().clone());
        if let Some(value) = &known.result {
            map.insert(result.clone(), value.clone());
        }
        if let Some(value) = &known.error_output {
            map.insert(error_output.clone(), value.clone());
        }
        if with_context {
            let item = known.item.as_ref().map(|(index, item)| (*index, item));
            map.insert(context.clone(), self.context(item));
        }
        Value::Object(Arc::new(map))
    }

    fn shape_with(&mut self, shape: &Shape, states: &Value, location: &str) -> Result<Value, Failure> {
        match shape {
            Shape::Plain(value) => Ok(value.clone()),
            Shape::Query(query) => self.query_with(query, states, location),
            Shape::Array(shapes) => {
                let mut values = Vec::with_capacity(shapes.len());
                for (place, shape) in shapes.iter().enumerate() {
                    values.push(match shape {
                        Shape::Plain(value) => value.clone(),
                        shape => self.shape_with(shape, states, &format!("{location}[{place}]"))?,
                    });
                }
                Ok(Value::array(values))
            }
            Shape::Object(members) => {
                let mut map = Map::default();
                for (key, shape) in members {
                    let value = match shape {
                        Shape::Plain(value) => value.clone(),
                        shape => self.shape_with(shape, states, &format!("{location}/{key}"))?,
                    };
                    map.insert(key.clone(), value);
                }
                Ok(Value::Object(Arc::new(map)))
            }
        }
    }

    fn query_with(&mut self, query: &Query, states: &Value, location: &str) -> Result<Value, Failure> {
        let outcome = self.evaluate_query(query, states);
        let cause = match outcome {
            Ok(Some(value)) => {
                let most = COMPOSED_TIMES_MAX * self.hand.origin.limits.payload_bytes_max;
                let mut room = most.saturating_sub(self.composed_bytes.get());
                if !measure(&value, &mut room) {
                    return Err(too_large(&self.state.name));
                }
                self.composed_bytes.set(most - room);
                return Ok(in_java(&value).unwrap_or(value));
            }
            Ok(None) => "returned nothing (undefined).".to_owned(),
            Err(error) if error.is_not_json() => "returned an unsupported result type.".to_owned(),
            Err(error) => format!("threw an error during evaluation{}", told(&error)),
        };
        Err(self.query_failed(query, location, &cause))
    }

    fn evaluate_query(&self, query: &Query, states: &Value) -> Result<Option<Value>, EvaluateError> {
        let execution = &*self.hand.execution;
        let chance = self.chance();
        let world = self.hand.world;
        let began_ms = world.elapsed_ms();
        let most_ms = EXPRESSION_MS_MAX.min(STATE_MS_MAX.saturating_sub(self.evaluated_ms.get()));
        let value = query.expression.evaluate(&Environment {
            input: None,
            bindings: &|name| match name {
                "states" => Some(states.clone()),
                name => execution.variable(self.branch, name).map(|payload| payload.value().clone()),
            },
            now: i64::try_from(self.hand.now.epoch_ms).unwrap_or(i64::MAX),
            random: &|| chance.next(),
            expired: Some(&|| world.elapsed_ms().saturating_sub(began_ms) > most_ms),
            budget: Budget::step_functions(),
        });
        self.drawn.set(chance.drawn.get());
        let taken_ms = world.elapsed_ms().saturating_sub(began_ms);
        self.evaluated_ms.set(self.evaluated_ms.get() + taken_ms);
        self.hand.evaluated_ms.set(self.hand.evaluated_ms.get() + taken_ms);
        value
    }

    fn query_failed(&mut self, query: &Query, location: &str, cause: &str) -> Failure {
        let text = &query.text;
        let cause = format!("The JSONata expression '{text}' specified for the field '{location}' {cause}");
        self.evaluation_failed(Some(location), &cause)
    }

    /// The failure of an expression whose value is not of the type that its field has.
    pub(crate) fn unexpected_type(
        &mut self,
        query: &Query,
        location: &str,
        wanted: &str,
        value: &Value,
    ) -> Failure {
        let shown = shown(value);
        let found = type_name(value);
        let cause = format!(
            "returned an unexpected result type. Expected '{wanted}', but was '{found}' for value: {shown}"
        );
        self.query_failed(query, location, &cause)
    }

    /// Records a failed evaluation; the failure it returns is the state's.
    pub(crate) fn evaluation_failed(&mut self, location: Option<&str>, cause: &str) -> Failure {
        let cause = cut(self.told(cause), CAUSE_CHARACTERS_MAX);
        let failure = Failure::new(error_names::QUERY_EVALUATION_ERROR, cause);
        let branch = &self.hand.execution.branches[self.branch];
        // Before anything has followed the entry, AWS has it point back to what the entry points
        // back to; but for a Wait, to the entry.
        let at_entry = branch.last_event_id == branch.entered_event_id;
        let previous_id = match self.state.kind {
            StateKind::Wait(_) => branch.last_event_id,
            _ if at_entry => branch.entered_after_event_id,
            _ => branch.last_event_id,
        };
        let event = EventKind::EvaluationFailed {
            state: self.state_id,
            location: location.map(Arc::from),
            failure: failure.clone(),
        };
        self.hand.emit(self.branch, previous_id, event);
        failure
    }

    /// A text that an expression gives.
    pub(crate) fn query_text(&mut self, query: &Query, location: &str) -> Result<Arc<str>, Failure> {
        match self.query(query, &Known::default(), location)? {
            Value::String(text) => Ok(text),
            other => Err(self.unexpected_type(query, location, "string", &other)),
        }
    }

    /// A whole number that an expression gives, from `least` to `most`.
    pub(crate) fn query_integer(
        &mut self,
        query: &Query,
        location: &str,
        least: u64,
        most: u64,
    ) -> Result<u64, Failure> {
        let value = self.query(query, &Known::default(), location)?;
        let Some(number) = value.as_number() else {
            return Err(self.unexpected_type(query, location, "number", &value));
        };
        let whole = number.is_integer().then(|| number.as_i64()).flatten();
        let cause = match whole.map(u64::try_from) {
            Some(Ok(whole)) if (least..=most).contains(&whole) => return Ok(whole),
            Some(_) => format!("The {location} field must be between {least} and {most} but was: {value}"),
            None => format!("The {location} field must be an integer but was: {value}"),
        };
        Err(self.evaluation_failed(Some(location), &cause))
    }

    /// The array that a Map without `Items` iterates over.
    pub(crate) fn input_array(&mut self) -> Result<Payload, Failure> {
        let input = self.raw_input();
        if input.value().as_array().is_some() {
            return Ok(input);
        }
        let cause = format!("Map state input must be an array but was: {}", shown(input.value()));
        Err(self.evaluation_failed(None, &cause))
    }

    /// The failure of `Items` written as an object.
    pub(crate) fn items_no_array(&mut self, value: &Value) -> Failure {
        let cause = format!("The Items field must be an array but was: {}", shown(value));
        self.evaluation_failed(Some("Items"), &cause)
    }

    /// What `Assign` assigns.
    pub(crate) fn assignments(
        &mut self,
        assignments: &Assignments,
        known: &Known,
        location: &str,
    ) -> Result<Vec<(Arc<str>, Value)>, Failure> {
        let with_context = assignments.iter().any(|(_, shape)| shape.sees_context());
        let states = self.states(known, with_context);
        let mut values = Vec::with_capacity(assignments.len());
        for (name, shape) in assignments {
            let value = self.shape_with(shape, &states, &format!("{location}/{name}"))?;
            values.push((name.clone(), value));
        }
        Ok(values)
    }
}

/// At most so many characters of a text.
pub(crate) fn cut(mut text: String, characters_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters_max) {
        text.truncate(end);
    }
    text
}

/// Takes about what a value has in bytes of JSON from `room`; whether there was enough.
fn measure(value: &Value, room: &mut usize) -> bool {
    let own = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(_) | Value::Object(_) => 2,
    };
    let Some(left) = room.checked_sub(own) else { return false };
    *room = left;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(|item| measure(item, room)),
        Value::Object(map) => map.iter().all(|(key, item)| match room.checked_sub(key.len() + 3) {
            Some(left) => {
                *room = left;
                measure(item, room)
            }
            None => false,
        }),
    }
}

/// A value whose numbers are written as AWS writes those that have been through an expression, if it
/// has others: `1.0` becomes `1`.
fn in_java(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => None,
        Value::Number(number) => number.in_java().map(Value::Number),
        Value::Array(items) => {
            let (at, first) = items.iter().enumerate().find_map(|(at, item)| Some((at, in_java(item)?)))?;
            let mut items = Vec::clone(items);
            items[at] = first;
            for item in &mut items[at + 1..] {
                if let Some(new) = in_java(item) {
                    *item = new;
                }
            }
            Some(Value::array(items))
        }
        Value::Object(map) => {
            let mut changed: Option<Map> = None;
            for (key, item) in map.iter() {
                if let Some(new) = in_java(item) {
                    changed.get_or_insert_with(|| Map::clone(map)).insert(key.clone(), new);
                }
            }
            changed.map(|map| Value::Object(Arc::new(map)))
        }
    }
}

/// The end of the sentence about an expression that failed.
fn told(error: &EvaluateError) -> String {
    if !error.is_budget() {
        return format!(". {error}");
    }
    let text = match error.code {
        // AWS has the reference's text with one space and without a period.
        "U1001" => error.message.replace("  ", " ").trim_end_matches('.').to_owned(),
        _ => "Expression evaluation memory limit exceeded: Check for excessive memory usage".to_owned(),
    };
    format!(": {text}")
}

/// A value as a cause shows it.
fn shown(value: &Value) -> String {
    let text = value.to_json().unwrap_or_default();
    if text.len() <= SHOWN_BYTES_MAX {
        return text;
    }
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    format!("{}...", &text[..end])
}
