//! The fields that shape data on its way through a state, and in which order.
//!
//! `InputPath` → `Parameters` → the work → `ResultSelector` → `ResultPath` → `OutputPath`, and
//! `Assign` beside them. A path of `null` stands for `{}`; a `ResultPath` of `null` drops the result.
//! `ResultPath` combines with the raw input, not with what `InputPath` left of it.
//!
//! In JSONata: `Arguments` → the work → `Output`, and `Assign` beside it. Without `Output` the result of
//! the work goes on, or the input where there is no work.
//!
//! Source: Amazon States Language specification, "Input and Output Processing".

use std::sync::Arc;

use stepwell_jsonpath::{Expression, ReferencePath, Template};
use stepwell_model::StateType;
use stepwell_value::Value;

use crate::definition::{Names, StateId};
use crate::fields::Fields;
use crate::journal::Transition;
use crate::query::{Assignments, Moment, Shape, read_assignments, read_shape};

/// `InputPath` or `OutputPath`.
#[derive(Debug, Default)]
pub(crate) enum PathField {
    /// `$`, or absent: all of it, untouched.
    #[default]
    Whole,
    /// `null`: `{}`.
    Empty,
    /// A part of it, of the context object, or a variable.
    Path(Expression),
}

/// `ResultPath`.
#[derive(Debug, Default)]
pub(crate) enum ResultPath {
    /// `$`, or absent: the result replaces the input.
    #[default]
    Whole,
    /// `null`: the input stays.
    Discard,
    /// The result goes into the input.
    Path(ReferencePath),
}

/// What a state does with its data, beside its work and `Assign`.
#[derive(Debug)]
pub(crate) enum Data {
    /// In JSONPath.
    Path(Box<PathData>),
    /// In JSONata.
    Query(QueryData),
}

/// The fields of JSONPath.
#[derive(Debug, Default)]
pub(crate) struct PathData {
    pub(crate) input_path: PathField,
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) output_path: PathField,
}

/// The fields of JSONata.
#[derive(Debug, Default)]
pub(crate) struct QueryData {
    pub(crate) arguments: Option<Shape>,
    pub(crate) output: Option<Shape>,
}

/// `Assign`, of a state, a rule or a catcher.
#[derive(Debug)]
pub(crate) enum Assign {
    Path(Template),
    Query(Assignments),
}

impl Data {
    pub(crate) fn read(fields: &Fields, state_type: StateType) -> Data {
        use StateType::*;
        if fields.in_jsonata() {
            let mut data = QueryData::default();
            if matches!(state_type, Task | Parallel) {
                data.arguments = read_shape(fields, "Arguments", Moment::Entry);
            }
            if state_type != Fail {
                data.output = read_shape(fields, "Output", moment_of_output(state_type));
            }
            return Data::Query(data);
        }
        let mut data = PathData::default();
        if state_type != Fail {
            data.input_path = read_path_field(fields, "InputPath");
            data.output_path = read_path_field(fields, "OutputPath");
        }
        if matches!(state_type, Pass | Task | Parallel | Map) {
            data.parameters = read_template(fields, "Parameters");
            data.result_path = read_result_path(fields);
        }
        if matches!(state_type, Task | Parallel | Map) {
            data.result_selector = read_template(fields, "ResultSelector");
        }
        Data::Path(Box::new(data))
    }
}

/// Which state types have work, whose result their `Output` and `Assign` see.
pub(crate) fn moment_of_output(state_type: StateType) -> Moment {
    match state_type {
        StateType::Task | StateType::Parallel | StateType::Map => Moment::Result,
        StateType::Pass | StateType::Choice | StateType::Wait | StateType::Succeed | StateType::Fail => {
            Moment::Entry
        }
    }
}

fn read_path_field(fields: &Fields, key: &'static str) -> PathField {
    match fields.get(key) {
        None => PathField::Whole,
        Some(Value::Null) => PathField::Empty,
        Some(_) => match read_expression(fields, key) {
            Some(expression) if expression.is_whole_input() => PathField::Whole,
            Some(expression) => PathField::Path(expression),
            None => PathField::Whole,
        },
    }
}

/// A field that holds a path to the input, the context object or a variable.
pub(crate) fn read_expression(fields: &Fields, key: &'static str) -> Option<Expression> {
    let text = fields.text(key)?;
    match Expression::parse(&text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            fields.notes.error(&fields.at(key), &format!("Value is not a valid JSONPath: {}", error.message));
            None
        }
    }
}

pub(crate) fn read_template(fields: &Fields, key: &'static str) -> Option<Template> {
    let value = fields.get(key)?;
    match Template::compile(value) {
        Ok(template) => Some(template),
        Err(errors) => {
            for error in errors {
                fields.notes.error(&format!("{}{}", fields.at(key), error.pointer), &error.message);
            }
            None
        }
    }
}

pub(crate) fn read_result_path(fields: &Fields) -> ResultPath {
    match fields.get("ResultPath") {
        None => ResultPath::Whole,
        Some(Value::Null) => ResultPath::Discard,
        Some(_) => match fields.text("ResultPath").as_deref() {
            None | Some("$") => ResultPath::Whole,
            Some(text) => match ReferencePath::parse(text) {
                Ok(path) => ResultPath::Path(path),
                Err(error) => {
                    let text = format!("Value is not a Reference Path: {}", error.message);
                    fields.notes.error(&fields.at("ResultPath"), &text);
                    ResultPath::Whole
                }
            },
        },
    }
}

pub(crate) fn read_assign(fields: &Fields, moment: Moment) -> Option<Assign> {
    let map = fields.object("Assign")?;
    let at = fields.at("Assign");
    for key in map.keys() {
        let name = if fields.in_jsonata() { key } else { key.strip_suffix(".$").unwrap_or(key) };
        if name == "states" {
            let text = "Cannot assign to reserved variable '$states'.";
            fields.notes.error_of("RESERVED_VARIABLE_NAME", &at, text);
        } else if !is_variable_name(name) {
            let text =
                format!("Invalid variable name '{name}': the variable name contains invalid characters.");
            fields.notes.error_of("INVALID_VARIABLE_NAME", &at, &text);
        }
    }
    if fields.in_jsonata() {
        return read_assignments(fields, moment).map(Assign::Query);
    }
    read_template(fields, "Assign").map(Assign::Path)
}

/// A name that a variable may have: an identifier of at most 80 characters.
fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let goes_on = characters.all(|character| character.is_alphanumeric() || character == '_');
    starts && goes_on && name.chars().count() <= 80
}

/// A field that names another state of the scope.
pub(crate) fn read_target(fields: &Fields, key: &'static str, names: &Names) -> Option<StateId> {
    let target: Arc<str> = fields.text(key)?;
    let id = names.get(&target).copied();
    if id.is_none() {
        fields.notes.missing_target(&fields.at(key), key, &target, names.keys());
    }
    id
}

/// `Next` or `End`, exactly one of which a state that leads somewhere has.
pub(crate) fn read_transition(fields: &Fields, names: &Names) -> Option<Transition> {
    let end = fields.boolean("End");
    let next = read_target(fields, "Next", names);
    match (fields.has("Next"), end) {
        (true, Some(true)) => {
            fields.notes.error(&fields.pointer, "Only one of these fields may be used: [Next, End]");
            None
        }
        (true, _) => next.map(Transition::Next),
        (false, Some(true)) => Some(Transition::End),
        (false, _) => {
            fields.notes.error(&fields.pointer, "One of these fields is required: [Next, End]");
            None
        }
    }
}
