//! The fields that shape data on its way through a state, and in which order.
//!
//! `InputPath` → `Parameters` → the work → `ResultSelector` → `ResultPath` → `OutputPath`, and
//! `Assign` beside them. A path of `null` stands for `{}`; a `ResultPath` of `null` drops the result.
//! `ResultPath` combines with the raw input, not with what `InputPath` left of it.
//!
//! Source: Amazon States Language specification, "Input and Output Processing".

use std::sync::Arc;

use stepwell_jsonpath::{Expression, ReferencePath, Template};
use stepwell_value::Value;

use crate::definition::{Names, StateId};
use crate::fields::Fields;
use crate::journal::Transition;

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

/// What a state does with its data, beside its work.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) input_path: PathField,
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) output_path: PathField,
    pub(crate) assign: Option<Template>,
}

/// Which of these fields a type of state has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DataFields {
    /// None: Fail.
    None,
    /// `InputPath` and `OutputPath`: Succeed.
    Paths,
    /// And `Assign`: Choice, Wait.
    Assign,
    /// And `Parameters` and `ResultPath`: Pass.
    Parameters,
    /// And `ResultSelector`: Task, Parallel, Map.
    All,
}

impl Data {
    pub(crate) fn read(fields: &Fields, which: DataFields) -> Data {
        let mut data = Data::default();
        if which >= DataFields::Paths {
            data.input_path = read_path_field(fields, "InputPath");
            data.output_path = read_path_field(fields, "OutputPath");
        }
        if which >= DataFields::Assign {
            data.assign = read_assign(fields);
        }
        if which >= DataFields::Parameters {
            data.parameters = read_template(fields, "Parameters");
            data.result_path = read_result_path(fields);
        }
        if which >= DataFields::All {
            data.result_selector = read_template(fields, "ResultSelector");
        }
        data
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

pub(crate) fn read_assign(fields: &Fields) -> Option<Template> {
    let map = fields.object("Assign")?;
    let at = fields.at("Assign");
    for key in map.keys() {
        let name = key.strip_suffix(".$").unwrap_or(key);
        if !is_variable_name(name) {
            let text = format!("'{name}' is not a valid variable name");
            fields.notes.error(&format!("{at}/{}", crate::fields::escape(key)), &text);
        }
    }
    read_template(fields, "Assign")
}

/// A name that a variable may have: an identifier of at most 80 characters, not `states`.
fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let goes_on = characters.all(|character| character.is_alphanumeric() || character == '_');
    starts && goes_on && name.chars().count() <= 80 && name != "states"
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
