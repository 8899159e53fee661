//! The form in which a state machine spells an operation of Step Functions.
//!
//! A call by way of the AWS SDK (`arn:aws:states:::aws-sdk:sfn:sendTaskSuccess`) names the action in
//! camel case, its parameters and the members of its result in Pascal case, inner ones included, and
//! shows moments as ISO text (recorded). Where the API wants a text and the state machine gives an object
//! or a list, its JSON is sent (recorded for `Input`).
//!
//! What is a member and what is a name that a user chose is known from AWS's model, and so is what an
//! action takes: what it has not is refused before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use stepwell_model::Timestamp;
use stepwell_value::{Map, Value};

/// AWS's model, read once.
static MODEL: LazyLock<Model> = LazyLock::new(|| Model::read(stepwell_api::MODEL));

/// An operation as state machines call it.
#[derive(Debug)]
pub struct Action {
    /// As AWS names the operation.
    pub operation: &'static str,
    takes: Shape,
    gives: Shape,
}

/// The action of this name; `None` if there is none.
pub fn action(name: &str) -> Option<&'static Action> {
    MODEL.actions.get(name)
}

/// Whether AWS's model has an exception. The others reach a state machine as the SDK's exception for
/// all else.
pub fn is_modelled(exception: &str) -> bool {
    MODEL.exceptions.contains(exception)
}

impl Action {
    /// The request that the parameters stand for, or what is wrong with them, in AWS's words where they
    /// are known.
    pub fn request(&self, parameters: &Value) -> Result<Value, Vec<String>> {
        let mut wrong = Vec::new();
        let request = self.takes.sent(parameters, "", &mut wrong);
        if wrong.is_empty() { Ok(request) } else { Err(wrong) }
    }

    /// The result that an answer stands for.
    pub fn result(&self, answer: &Value) -> Value {
        self.gives.shown(answer)
    }

    /// Whether the request has a member of this name.
    pub fn takes(&self, member: &str) -> bool {
        matches!(&self.takes, Shape::Structure(members) if members.contains_key(member))
    }
}

#[derive(Debug)]
struct Model {
    actions: BTreeMap<String, Action>,
    exceptions: BTreeSet<&'static str>,
}

#[derive(Debug, PartialEq)]
enum Shape {
    Text,
    Number,
    Flag,
    Moment,
    Structure(BTreeMap<&'static str, Member>),
    List(Box<Shape>),
    /// The keys are names that users chose.
    Map(Box<Shape>),
}

#[derive(Debug, PartialEq)]
struct Member {
    is_required: bool,
    shape: Shape,
}

impl Model {
    /// Reads the table; its form is told where it is written, in `tools/api_model.py`.
    fn read(table: &'static str) -> Model {
        let mut model = Model { actions: BTreeMap::new(), exceptions: BTreeSet::new() };
        let mut current: Option<Action> = None;
        for line in table.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("operation"), Some(operation), _) => {
                    model.actions.extend(current.take().map(Action::named));
                    let empty = || Shape::Structure(BTreeMap::new());
                    current = Some(Action { operation, takes: empty(), gives: empty() });
                }
                (Some("error"), Some(name), _) => {
                    model.exceptions.insert(name);
                }
                (Some(direction @ ("in" | "out")), Some(path), Some(kind)) => {
                    let Some(action) = &mut current else { continue };
                    let shape = if direction == "in" { &mut action.takes } else { &mut action.gives };
                    shape.put(path, kind);
                }
                _ => (),
            }
        }
        model.actions.extend(current.map(Action::named));
        model
    }
}

impl Action {
    fn named(self) -> (String, Action) {
        (with_first(self.operation, char::to_ascii_lowercase), self)
    }
}

impl Shape {
    fn of(kind: &str) -> Shape {
        match kind {
            "integer" | "long" | "float" | "double" => Shape::Number,
            "boolean" => Shape::Flag,
            "timestamp" => Shape::Moment,
            "structure" => Shape::Structure(BTreeMap::new()),
            // Until a line says what is inside, members of structures.
            "list" => Shape::List(Box::new(Shape::Structure(BTreeMap::new()))),
            "map" => Shape::Map(Box::new(Shape::Structure(BTreeMap::new()))),
            _ => Shape::Text,
        }
    }

    /// Puts what one line of the table says where its path leads.
    fn put(&mut self, path: &'static str, kind: &str) {
        if path.is_empty() {
            // What is inside may have been told before.
            if !matches!((&*self, kind), (Shape::List(_), "list") | (Shape::Map(_), "map")) {
                *self = Shape::of(kind);
            }
            return;
        }
        match self {
            Shape::List(inner) => inner.put(path.strip_prefix("[]").unwrap_or(path), kind),
            Shape::Map(inner) => inner.put(path.strip_prefix("{}").unwrap_or(path), kind),
            Shape::Structure(members) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let end = path.find(['.', '[', '{', '!']).unwrap_or(path.len());
                let (name, rest) = path.split_at(end);
                let (is_required, rest) = match rest.strip_prefix('!') {
                    Some(rest) => (true, rest),
                    None => (false, rest),
                };
                let inside = match rest.as_bytes().first() {
                    Some(b'[') => "list",
                    Some(b'{') => "map",
                    Some(_) => "structure",
                    None => kind,
                };
                let member = members
                    .entry(name)
                    .or_insert_with(|| Member { is_required, shape: Shape::of(inside) });
                if !rest.is_empty() {
                    member.shape.put(rest, kind);
                }
            }
            Shape::Text | Shape::Number | Shape::Flag | Shape::Moment => (),
        }
    }

    /// What is sent for `given`, which stands in the field `field`.
    fn sent(&self, given: &Value, field: &str, wrong: &mut Vec<String>) -> Value {
        match (self, given) {
            (Shape::Text | Shape::Moment, Value::String(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::Flag, Value::Bool(_))
            | (_, Value::Null) => given.clone(),
            (Shape::Text, Value::Object(_) | Value::Array(_)) => match given.to_json() {
                Ok(json) => Value::from(json),
                Err(error) => {
                    wrong.push(format!("The field '{field}' cannot be written as JSON: {error}"));
                    Value::Null
                }
            },
            (Shape::Structure(members), Value::Object(object)) => {
                structure_sent(members, object, wrong)
            }
            (Shape::List(inner), Value::Array(items)) => {
                Value::array(items.iter().map(|item| inner.sent(item, field, wrong)).collect::<Vec<_>>())
            }
            (Shape::Map(inner), Value::Object(object)) => {
                Value::object(object.iter().map(|(key, item)| (key.clone(), inner.sent(item, field, wrong))))
            }
            // In the form of a recorded neighbour, which wants a STRING that contains a JSONPath.
            (shape, _) => {
                wrong.push(format!("The value for the field '{field}' must be a {}", shape.kind()));
                Value::Null
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Shape::Text | Shape::Moment => "STRING",
            Shape::Number => "NUMBER",
            Shape::Flag => "BOOLEAN",
            Shape::List(_) => "ARRAY",
            Shape::Structure(_) | Shape::Map(_) => "OBJECT",
        }
    }

    /// How an answer is shown.
    fn shown(&self, answer: &Value) -> Value {
        match (self, answer) {
            (Shape::Structure(members), Value::Object(object)) => {
                let member = |(key, value): (&Arc<str>, &Value)| {
                    let shown = members.get(&**key).map_or_else(|| value.clone(), |known| known.shape.shown(value));
                    (Arc::from(with_first(key, char::to_ascii_uppercase)), shown)
                };
                Value::object(object.iter().map(member))
            }
            (Shape::List(inner), Value::Array(items)) => {
                Value::array(items.iter().map(|item| inner.shown(item)).collect::<Vec<_>>())
            }
            (Shape::Map(inner), Value::Object(object)) => {
                Value::object(object.iter().map(|(key, item)| (key.clone(), inner.shown(item))))
            }
            (Shape::Moment, Value::Number(seconds)) => {
                // A server's moments are never before 1970, and the fraction is milliseconds.
                let epoch_ms = (seconds.as_f64() * 1000.0).round() as u64;
                Value::from(Timestamp::from_epoch_ms(epoch_ms).to_rfc3339())
            }
            (_, other) => other.clone(),
        }
    }
}

fn structure_sent(members: &BTreeMap<&'static str, Member>, given: &Map, wrong: &mut Vec<String>) -> Value {
    let mut sent = Vec::new();
    for (field, value) in given.iter() {
        let name = with_first(field, char::to_ascii_lowercase);
        match members.get(name.as_str()).filter(|_| *name != **field) {
            Some(member) => sent.push((name, member.shape.sent(value, field, wrong))),
            // Seen in public reports of runs that failed so.
            None => wrong.push(format!("The field \"{field}\" is not supported by Step Functions")),
        }
    }
    for (name, member) in members {
        let field = with_first(name, char::to_ascii_uppercase);
        if member.is_required && given.get(&field).is_none_or(Value::is_null) {
            wrong.push(format!("The field '{field}' is required but was missing"));
        }
    }
    Value::object(sent)
}

/// The name with its first letter changed.
fn with_first(name: &str, change: fn(&char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| change(&first)).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str, parameters: &str) -> Result<String, Vec<String>> {
        let request = action(name).unwrap().request(&Value::parse(parameters).unwrap())?;
        Ok(request.to_json().unwrap())
    }

    fn shown(name: &str, answer: &str) -> String {
        action(name).unwrap().result(&Value::parse(answer).unwrap()).to_json().unwrap()
    }

    #[test]
    fn every_operation_is_an_action() {
        for operation in stepwell_api::operations::ALL {
            let name = with_first(operation.name, char::to_ascii_lowercase);
            assert_eq!(action(&name).map(|action| action.operation), Some(operation.name));
        }
        assert_eq!(MODEL.actions.len(), 37);
        assert!(action("SendTaskSuccess").is_none() && action("noSuchThing").is_none());
    }

    /// An example of a shape with every member.
    fn example(shape: &Shape) -> Value {
        match shape {
            Shape::Text => Value::from("text"),
            Shape::Number => Value::from(1),
            Shape::Flag => Value::from(true),
            Shape::Moment => Value::from(1_700_000_000),
            Shape::Structure(members) => {
                Value::object(members.iter().map(|(name, member)| (*name, example(&member.shape))))
            }
            Shape::List(inner) => Value::array([example(inner)]),
            Shape::Map(inner) => Value::object([("aName", example(inner))]),
        }
    }

    #[test]
    fn every_member_of_every_operation_finds_its_way_there_and_back() {
        for action in MODEL.actions.values() {
            let request = example(&action.takes);
            assert_eq!(action.request(&action.takes.shown(&request)), Ok(request), "{}", action.operation);
            let shown = action.result(&example(&action.gives));
            let mut wrong = Vec::new();
            let back = action.gives.sent(&shown, "", &mut wrong);
            assert_eq!(wrong, [""; 0], "{}", action.operation);
            assert_eq!(action.gives.shown(&back), shown, "{}", action.operation);
        }
    }

    #[test]
    fn every_line_of_the_model_has_its_place() {
        fn leaves(shape: &Shape) -> usize {
            match shape {
                Shape::Text | Shape::Number | Shape::Flag | Shape::Moment => 1,
                Shape::Structure(members) => members.values().map(|member| leaves(&member.shape)).sum(),
                Shape::List(inner) | Shape::Map(inner) => leaves(inner),
            }
        }
        let lines = stepwell_api::MODEL.lines().filter(|line| {
            let mut words = line.split_whitespace();
            let is_member = matches!(words.next(), Some("in" | "out"));
            is_member && !matches!(words.nth(1), Some("structure" | "list" | "map"))
        });
        let actions = MODEL.actions.values();
        assert_eq!(actions.map(|action| leaves(&action.takes) + leaves(&action.gives)).sum::<usize>(), lines.count());
    }

    #[test]
    fn parameters_are_spelled_as_the_api_does() {
        assert_eq!(
            sent("sendTaskSuccess", r#"{"TaskToken":"t","Output":{"A":[1, {"b":null}]}}"#).unwrap(),
            r#"{"taskToken":"t","output":"{\"A\":[1,{\"b\":null}]}"}"#
        );
        assert_eq!(sent("sendTaskSuccess", r#"{"TaskToken":"t","Output":"[1]"}"#).unwrap(), r#"{"taskToken":"t","output":"[1]"}"#);
        assert_eq!(
            sent("createActivity", r#"{"Name":"a","Tags":[{"Key":"K","Value":"V"}],"EncryptionConfiguration":null}"#).unwrap(),
            r#"{"name":"a","tags":[{"key":"K","value":"V"}],"encryptionConfiguration":null}"#
        );
    }

    #[test]
    fn what_an_action_has_not_is_refused_together() {
        assert_eq!(
            sent("sendTaskSuccess", r#"{"taskToken":"t","TaskToken":3,"More":1}"#).unwrap_err(),
            [
                "The field \"taskToken\" is not supported by Step Functions",
                "The value for the field 'TaskToken' must be a STRING",
                "The field \"More\" is not supported by Step Functions",
                "The field 'Output' is required but was missing",
            ]
        );
        assert_eq!(
            sent("tagResource", r#"{"ResourceArn":"a","Tags":[{"key":"k"}]}"#).unwrap_err(),
            ["The field \"key\" is not supported by Step Functions"]
        );
        assert_eq!(sent("listActivities", "[]").unwrap_err(), ["The value for the field '' must be a OBJECT"]);
    }

    #[test]
    fn results_are_spelled_as_the_sdk_does() {
        assert_eq!(
            shown("listExecutions", r#"{"executions":[{"executionArn":"a","startDate":1700000000.007}],"nextToken":"n"}"#),
            r#"{"Executions":[{"ExecutionArn":"a","StartDate":"2023-11-14T22:13:20.007Z"}],"NextToken":"n"}"#
        );
        // The keys of a map are names of states.
        assert_eq!(
            shown("describeStateMachine", r#"{"variableReferences":{"state":["name"]}}"#),
            r#"{"VariableReferences":{"state":["name"]}}"#
        );
    }
}
