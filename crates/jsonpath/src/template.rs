//! Payload templates: JSON in which a key that ends in `.$` takes an expression.
//!
//! `{"id.$": "$.order.id", "kind": "new"}` gives `{"id": 7, "kind": "new"}`. Templates nest through
//! objects and arrays. A string under any other key is that string, even if it looks like a path.
//!
//! Source: Amazon States Language specification, "Payload Template".

use std::sync::Arc;

use stepwell_value::{Map, Value};

use crate::evaluate::Run;
use crate::path::add_name;
use crate::{EvaluationError, Expression, Path, Scope, SyntaxError};

/// What marks a key that takes an expression.
const MARK: &str = ".$";

/// A payload template, compiled.
#[derive(Debug, Clone)]
pub struct Template {
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    /// Nothing in it is to be evaluated.
    Literal(Value),
    /// The key with its mark, for failures.
    Expression(Arc<str>, Expression),
    Array(Vec<Node>),
    /// Keys without their marks.
    Object(Vec<(Arc<str>, Node)>),
}

/// One thing that is wrong with a payload template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The place in the template, as a JSON pointer (RFC 6901): the member with the mistake.
    pub pointer: String,
    /// The message, in the words of AWS as far as they are known. AWS adds "at" and the pointer
    /// of the object that has the member.
    pub message: String,
    /// What is wrong with the expression, if that is the mistake.
    pub detail: Option<SyntaxError>,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.message, self.pointer)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Compiles a template, or tells everything that is wrong with it.
    pub fn compile(template: &Value) -> Result<Template, Vec<TemplateError>> {
        let mut compiler = Compiler { pointer: String::new(), errors: Vec::new() };
        let node = compiler.node(template);
        if compiler.errors.is_empty() { Ok(Template { node }) } else { Err(compiler.errors) }
    }

    /// The value of the template. Literal parts are shared, not copied.
    ///
    /// # Errors
    ///
    /// That of the first expression that fails; it knows its key.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        evaluate(&self.node, &Run::new(scope))
    }

    /// The value, if the template has no expression in it.
    pub fn literal(&self) -> Option<&Value> {
        match &self.node {
            Node::Literal(value) => Some(value),
            Node::Expression(..) | Node::Array(_) | Node::Object(_) => None,
        }
    }

    /// The expressions in it, in the order of the template.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut expressions = Vec::new();
        collect(&self.node, &mut expressions);
        expressions
    }

    /// The paths in it, in the order of the template.
    pub fn references(&self) -> Vec<&Path> {
        self.expressions().into_iter().flat_map(Expression::references).collect()
    }

    /// The names of the variables it reads, each once, in the order of the template.
    pub fn variables(&self) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        for name in self.expressions().into_iter().flat_map(Expression::variables) {
            add_name(&name, &mut names);
        }
        names
    }
}

fn evaluate(node: &Node, run: &Run) -> Result<Value, EvaluationError> {
    match node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Expression(key, expression) => expression.read(run).map_err(|error| error.under(key)),
        Node::Array(nodes) => {
            let items: Result<Vec<Value>, EvaluationError> =
                nodes.iter().map(|node| evaluate(node, run)).collect();
            Ok(Value::array(items?))
        }
        Node::Object(members) => {
            let mut map = Map::default();
            for (key, node) in members {
                map.insert(key.clone(), evaluate(node, run)?);
            }
            Ok(Value::Object(Arc::new(map)))
        }
    }
}

fn collect<'n>(node: &'n Node, expressions: &mut Vec<&'n Expression>) {
    match node {
        Node::Literal(_) => {}
        Node::Expression(_, expression) => expressions.push(expression),
        Node::Array(nodes) => nodes.iter().for_each(|node| collect(node, expressions)),
        Node::Object(members) => members.iter().for_each(|(_, node)| collect(node, expressions)),
    }
}

struct Compiler {
    pointer: String,
    errors: Vec<TemplateError>,
}

impl Compiler {
    fn node(&mut self, template: &Value) -> Node {
        match template {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Node::Literal(template.clone())
            }
            Value::Array(items) => {
                let nodes: Vec<Node> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.within(&at.to_string(), |c| c.node(item)))
                    .collect();
                let literal = nodes.iter().all(|node| matches!(node, Node::Literal(_)));
                if literal { Node::Literal(template.clone()) } else { Node::Array(nodes) }
            }
            Value::Object(map) => {
                let mut members = Vec::with_capacity(map.len());
                for (key, value) in map.iter() {
                    let member = self.within(key, |compiler| compiler.member(map, key, value));
                    members.extend(member);
                }
                let literal = members.iter().all(|(_, node)| matches!(node, Node::Literal(_)));
                if literal { Node::Literal(template.clone()) } else { Node::Object(members) }
            }
        }
    }

    fn member(&mut self, map: &Map, key: &Arc<str>, value: &Value) -> Option<(Arc<str>, Node)> {
        let Some(name) = key.strip_suffix(MARK) else {
            return Some((key.clone(), self.node(value)));
        };
        if map.contains_key(name) {
            self.fail(format!("The fields '{name}' and '{key}' cannot be used together"), None);
        }
        let Value::String(text) = value else {
            let kind = kind(value);
            self.fail(
                format!(
                    "The value for the field '{key}' must be a STRING that contains a JSONPath but was {kind}"
                ),
                None,
            );
            return None;
        };
        match Expression::parse(text) {
            Ok(expression) => Some((name.into(), Node::Expression(key.clone(), expression))),
            Err(error) => {
                let message = format!(
                    "The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
                );
                self.fail(message, Some(error));
                None
            }
        }
    }

    fn within<T>(&mut self, step: &str, work: impl FnOnce(&mut Compiler) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        let result = work(self);
        self.pointer.truncate(length);
        result
    }

    fn fail(&mut self, message: String, detail: Option<SyntaxError>) {
        self.errors.push(TemplateError { pointer: self.pointer.clone(), message, detail });
    }
}

/// The type of a value in AWS's words, with its article.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "a BOOLEAN",
        Value::Number(_) => "a NUMBER",
        Value::String(_) => "a STRING",
        Value::Array(_) => "an ARRAY",
        Value::Object(_) => "an OBJECT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: &str) {
        let input = Value::parse(r#"{"a":1,"list":[1,2,3],"o":{"k":"v"}}"#).unwrap();
        let scope = Scope {
            input: &input,
            context: &|| Value::object([("State", Value::object([("Name", Value::from("S"))]))]),
            variable: &|name| (name == "v").then(|| Value::from(42)),
            random: &|| 4,
        };
        let result = Template::compile(&Value::parse(template).unwrap()).unwrap().evaluate(&scope);
        let text = result.map_or_else(
            |error| format!("{}: {}", error.error_name(), error.cause("Parameters")),
            |value| value.to_string(),
        );
        assert_eq!(text, expected, "{template}");
    }

    fn check_errors(template: &str, expected: &[(&str, &str)]) {
        let errors = Template::compile(&Value::parse(template).unwrap()).unwrap_err();
        let found: Vec<(&str, &str)> =
            errors.iter().map(|e| (e.pointer.as_str(), e.message.as_str())).collect();
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn marked_keys_are_evaluated_and_all_else_is_literal() {
        check(r#"{"x.$":"$.a","y":"$.a"}"#, r#"{"x":1,"y":"$.a"}"#);
        check(r#"{"deep":[{"x.$":"$.list[1:]"},"$.a"]}"#, r#"{"deep":[{"x":[2,3]},"$.a"]}"#);
        check(r#"{"s.$":"$$.State.Name","v.$":"$v","all.$":"$.o"}"#, r#"{"s":"S","v":42,"all":{"k":"v"}}"#);
        check(r#"{"f.$":"States.Format('{}-{}', $.a, $v)"}"#, r#"{"f":"1-42"}"#);
        check(r#""$.a""#, r#""$.a""#);
        check("[]", "[]");
    }

    #[test]
    fn a_failure_names_the_key_and_the_input() {
        check(
            r#"{"in":{"y.$":"$.o.x"}}"#,
            "States.Runtime: The JSONPath '$.o.x' specified for the field 'y.$' could not be found in the input \
             '{\"a\":1,\"list\":[1,2,3],\"o\":{\"k\":\"v\"}}'",
        );
        check(
            r#"{"y.$":"$$.Nope"}"#,
            "States.Runtime: The JSONPath '$$.Nope' specified for the field 'y.$' could not be found in the input \
             '{\"State\":{\"Name\":\"S\"}}'",
        );
    }

    #[test]
    fn mistakes_are_all_told_with_their_places() {
        let bad = "must be a valid JSONPath or a valid intrinsic function call";
        check_errors(
            r#"{"a.$":"x","b":[{"c/d.$":"$."}],"e.$":[1]}"#,
            &[
                ("/a.$", &format!("The value for the field 'a.$' {bad}")),
                ("/b/0/c~1d.$", &format!("The value for the field 'c/d.$' {bad}")),
                (
                    "/e.$",
                    "The value for the field 'e.$' must be a STRING that contains a JSONPath but was an ARRAY",
                ),
            ],
        );
        check_errors(r#"{"a":1,"a.$":"$"}"#, &[("/a.$", "The fields 'a' and 'a.$' cannot be used together")]);
    }

    #[test]
    fn literal_parts_are_shared() {
        let template = Value::parse(r#"{"big":{"x":[1,2]},"a.$":"$.a"}"#).unwrap();
        let input = Value::parse(r#"{"a":{"deep":[]}}"#).unwrap();
        let scope = Scope { input: &input, context: &|| Value::Null, variable: &|_| None, random: &|| 0 };
        let result = Template::compile(&template).unwrap().evaluate(&scope).unwrap();
        let node = |value: &Value, key: &str| match value.get(key) {
            Some(Value::Object(map)) => Arc::as_ptr(map),
            other => panic!("{other:?}"),
        };
        assert_eq!(node(&result, "big"), node(&template, "big"));
        assert_eq!(node(&result, "a"), node(&input, "a"));
        assert!(Template::compile(&template).unwrap().literal().is_none());
        assert_eq!(Template::compile(&input).unwrap().literal(), Some(&input));
    }

    #[test]
    fn variables_and_paths_are_listed_once_and_in_order() {
        let template = r#"{"a.$":"$x","b":[{"c.$":"States.Array($y.z, $.k[?(@.id == $w)], $x)"}]}"#;
        let template = Template::compile(&Value::parse(template).unwrap()).unwrap();
        let names: Vec<String> = template.variables().iter().map(|name| name.to_string()).collect();
        assert_eq!(names, ["x", "y", "w"]);
        let paths: Vec<&str> = template.references().iter().map(|path| path.text()).collect();
        assert_eq!(paths, ["$x", "$y.z", "$.k[?(@.id == $w)]", "$x"]);
    }
}
