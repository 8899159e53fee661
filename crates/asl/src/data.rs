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

use stepwell_jsonpath::{Expression, Path, ReferencePath, Root, Template};
use stepwell_model::StateType;
use stepwell_value::Value;

use crate::definition::{Names, StateId};
use crate::fields::{Fields, SCHEMA, Shown, escape};
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
        Some(_) => match read_path(fields, key) {
            Some(expression) if expression.is_whole_input() => PathField::Whole,
            Some(expression) => PathField::Path(expression),
            None => PathField::Whole,
        },
    }
}

const NO_PATH: &str = "Value must be a valid JSONPath.";
const NO_REFERENCE: &str = "Value is not a Reference Path";

fn read_expression(fields: &Fields, key: &'static str, mistake: &str) -> Option<Expression> {
    let expression = Expression::parse(&fields.text(key)?).ok();
    match &expression {
        Some(expression) => fields.reads(expression.variables()),
        None => fields.error_at(key, mistake),
    }
    expression
}

/// A field that holds a path, or the call of an intrinsic function.
pub(crate) fn read_path_or_call(fields: &Fields, key: &'static str) -> Option<Expression> {
    read_expression(fields, key, NO_PATH)
}

/// A field that holds a path to the input, the context object or a variable.
pub(crate) fn read_path(fields: &Fields, key: &'static str) -> Option<Expression> {
    let expression = read_expression(fields, key, NO_PATH)?;
    if expression.as_path().is_none() {
        fields.error_at(key, NO_PATH);
        return None;
    }
    Some(expression)
}

/// A field that holds a path to one place.
pub(crate) fn read_reference(fields: &Fields, key: &'static str) -> Option<Expression> {
    let expression = read_path(fields, key)?;
    if !expression.as_path().is_some_and(Path::is_definite) {
        fields.error_at(key, NO_REFERENCE);
        return None;
    }
    Some(expression)
}

/// The same, but not in the context object.
pub(crate) fn read_data_reference(fields: &Fields, key: &'static str) -> Option<Expression> {
    let expression = read_reference(fields, key)?;
    if expression.as_path().is_some_and(|path| *path.root() == Root::Context) {
        fields.error_at(key, NO_REFERENCE);
        return None;
    }
    Some(expression)
}

/// A path to one place in a rule of a `Choice`, where AWS has other words.
pub(crate) fn read_operand(fields: &Fields, key: &'static str) -> Option<Expression> {
    if !fields.get(key)?.as_str().is_none_or(|text| text.starts_with('$')) {
        fields.error_at(key, "Value is not a Reference Path: Reference path didn't start with '$'");
        return None;
    }
    let expression = read_expression(fields, key, NO_REFERENCE)?;
    if !expression.as_path().is_some_and(Path::is_definite) {
        fields.error_at(key, NO_REFERENCE);
        return None;
    }
    Some(expression)
}

pub(crate) fn read_template(fields: &Fields, key: &'static str) -> Option<Template> {
    let value = fields.get(key)?;
    let pointer = fields.at(key);
    warn_of_paths(fields, value, &pointer);
    match Template::compile(value) {
        Ok(template) => {
            fields.reads(template.variables());
            Some(template)
        }
        Err(errors) => {
            for error in errors {
                let member = format!("{pointer}{}", error.pointer);
                // AWS names the object that has the member.
                let around = member.rsplit_once('/').map_or(&*pointer, |(around, _)| around).to_owned();
                let shown = Shown::Around(around);
                fields.notes.error_shown(SCHEMA, &member, shown, &error.message, None);
            }
            None
        }
    }
}

/// Warns of texts that look like a path or a call, under keys that do not say so.
fn warn_of_paths(fields: &Fields, value: &Value, pointer: &str) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                warn_of_paths(fields, item, &format!("{pointer}/{place}"));
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter() {
                let pointer = format!("{pointer}/{}", escape(key));
                if !key.ends_with(".$") && value.as_str().is_some_and(looks_like_an_expression) {
                    let text = format!(
                        "The value of '{key}' looks like a JSONPath or intrinsic function. Use '{key}.$' to \
                         evaluate it at runtime."
                    );
                    fields.notes.warn("NO_DOLLAR", &pointer, text);
                }
                warn_of_paths(fields, value, &pointer);
            }
        }
    }
}

/// Whether a text is probably meant as a path or as the call of an intrinsic function.
pub(crate) fn looks_like_an_expression(text: &str) -> bool {
    let path = text.starts_with("$.") || text.starts_with("$[") || text.starts_with("$$.");
    (path || (text.starts_with("States.") && text.ends_with(')'))) && Expression::parse(text).is_ok()
}

pub(crate) fn read_result_path(fields: &Fields) -> ResultPath {
    match fields.get("ResultPath") {
        None => ResultPath::Whole,
        Some(Value::Null) => ResultPath::Discard,
        Some(_) => match fields.text("ResultPath").as_deref() {
            None | Some("$") => ResultPath::Whole,
            Some(text) => match ReferencePath::parse(text) {
                Ok(path) => ResultPath::Path(path),
                Err(_) => {
                    let known = Path::parse(text).is_ok();
                    fields.error_at("ResultPath", if known { NO_REFERENCE } else { NO_PATH });
                    ResultPath::Whole
                }
            },
        },
    }
}

pub(crate) fn read_assign(fields: &Fields, moment: Moment) -> Option<Assign> {
    let map = fields.object("Assign")?;
    for key in map.keys() {
        let name = if fields.in_jsonata() { key } else { key.strip_suffix(".$").unwrap_or(key) };
        let at = format!("{}/{}", fields.at("Assign"), escape(key));
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

/// A field that names another state of the scope. That there is one is checked with the graph.
pub(crate) fn read_target(fields: &Fields, key: &'static str, names: &Names) -> Option<StateId> {
    names.get(&fields.text(key)?).copied()
}

/// `Next` or `End`, exactly one of which a state that leads somewhere has; `End` counts if it is `true`.
pub(crate) fn read_transition(fields: &Fields, names: &Names) -> Option<Transition> {
    let end = fields.boolean("End");
    let next = read_target(fields, "Next", names);
    match (fields.has("Next"), end) {
        (true, None | Some(false)) => next.map(Transition::Next),
        (false, Some(true)) => Some(Transition::End),
        (true, Some(true)) => {
            fields.at_most_one(&["Next", "End"]);
            None
        }
        (false, None | Some(false)) => {
            let text = "This object should have only one of the following fields: [Next, End]";
            fields.notes.error(&fields.pointer, text);
            None
        }
    }
}
