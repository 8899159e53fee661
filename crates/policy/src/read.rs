//! Reading a policy, strictly: what is not understood is refused with its place.

use std::fmt;

use stepwell_value::{Map, Position, Value, locate};

use crate::condition::{Condition, ConditionKey, Operator};
use crate::pattern::{ActionPattern, ResourcePattern};
use crate::{Among, Effect, Policy, Statement};

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// What is wrong, in lower case.
    pub what: String,
    /// Where: a JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    /// The same as line and column.
    pub position: Position,
    /// What to do; empty where that is plain.
    pub hint: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(f, "{line}:{column}: {}", self.what)?;
        if self.pointer.is_empty() { Ok(()) } else { write!(f, " ({})", self.pointer) }
    }
}

impl std::error::Error for PolicyError {}

/// A trouble before its place is turned into a line and a column.
struct Trouble {
    what: String,
    pointer: String,
    hint: String,
}

fn trouble<T>(pointer: &str, what: impl Into<String>, hint: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble { what: what.into(), pointer: pointer.to_owned(), hint: hint.into() })
}

pub(crate) fn policy(text: &str) -> Result<Policy, PolicyError> {
    // A key that is there twice would hide one of both.
    let value = Value::parse_unique(text).map_err(|error| PolicyError {
        what: format!("not JSON: {}", error.message),
        pointer: String::new(),
        position: error.position,
        hint: String::new(),
    })?;
    document(&value).map_err(|Trouble { what, pointer, hint }| {
        let position = Position::of(text, locate(text, &pointer).unwrap_or(0));
        PolicyError { what, pointer, position, hint }
    })
}

fn document(value: &Value) -> Result<Policy, Trouble> {
    let object = object(value, "")?;
    for key in object.keys() {
        if !matches!(&**key, "Version" | "Id" | "Statement") {
            return trouble(
                &member("", key),
                format!("unknown element {key}"),
                "a policy has Version, Id and Statement",
            );
        }
    }
    if let Some(version) = object.get("Version")
        && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
    {
        return trouble("/Version", "unknown version", "the current version is \"2012-10-17\"");
    }
    let Some(statements) = object.get("Statement") else {
        return trouble("", "a policy has no Statement", "");
    };
    let statements = match statements {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| statement(value, &format!("/Statement/{index}")))
            .collect::<Result<_, _>>()?,
        one => vec![statement(one, "/Statement")?],
    };
    Ok(Policy { statements })
}

const ELEMENTS: &str = "Sid, Effect, Action, NotAction, Resource, NotResource and Condition";

fn statement(value: &Value, at: &str) -> Result<Statement, Trouble> {
    let object = object(value, at)?;
    for key in object.keys() {
        match &**key {
            "Sid" | "Effect" | "Action" | "NotAction" | "Resource" | "NotResource" | "Condition" => {}
            "Principal" | "NotPrincipal" => {
                let hint = "the policies of a key are its principal's own; leave it out";
                return trouble(&member(at, key), format!("{key} belongs to resource-based policies"), hint);
            }
            _ => {
                let hint = format!("a statement has {ELEMENTS}");
                return trouble(&member(at, key), format!("unknown element {key}"), hint);
            }
        }
    }
    let effect = match object.get("Effect").map(|effect| (effect, effect.as_str())) {
        Some((_, Some("Allow"))) => Effect::Allow,
        Some((_, Some("Deny"))) => Effect::Deny,
        Some(_) => return trouble(&member(at, "Effect"), "unknown effect", "write \"Allow\" or \"Deny\""),
        None => return trouble(at, "a statement has no Effect", ""),
    };
    let action = among(object, at, "Action", "NotAction", |text| {
        ActionPattern::parse(text).ok_or("not an action; write service:Name, such as states:StartExecution")
    })?;
    let resource = among(object, at, "Resource", "NotResource", |text| {
        ResourcePattern::parse(text).ok_or("neither * nor an ARN of six parts")
    })?;
    let conditions = match object.get("Condition") {
        Some(value) => conditions(value, &member(at, "Condition"))?,
        None => Vec::new(),
    };
    Ok(Statement { effect, action, resource, conditions })
}

/// Exactly one of an element and its negation.
fn among<P>(
    object: &Map,
    at: &str,
    positive: &str,
    negative: &str,
    read: impl Fn(&str) -> Result<P, &'static str>,
) -> Result<Among<P>, Trouble> {
    let patterns = |name: &str, value: &Value| -> Result<Vec<P>, Trouble> {
        let at = member(at, name);
        let texts = texts(value, &at)?;
        let patterns = texts.into_iter().map(|(pointer, text)| {
            no_variables(&text, &pointer)?;
            read(&text).or_else(|what| trouble(&pointer, what, ""))
        });
        patterns.collect()
    };
    match (object.get(positive), object.get(negative)) {
        (Some(value), None) => Ok(Among::These(patterns(positive, value)?)),
        (None, Some(value)) => Ok(Among::AllBut(patterns(negative, value)?)),
        (Some(_), Some(_)) => {
            trouble(at, format!("a statement has both {positive} and {negative}"), "write two statements")
        }
        (None, None) => trouble(at, format!("a statement has neither {positive} nor {negative}"), ""),
    }
}

fn conditions(value: &Value, at: &str) -> Result<Vec<Condition>, Trouble> {
    let mut conditions = Vec::new();
    for (name, keys) in object(value, at)?.iter() {
        let at = member(at, name);
        let Some(operator) = Operator::parse(name) else {
            return trouble(
                &at,
                format!("unknown operator {name}"),
                format!("known are {}", Operator::names()),
            );
        };
        for (name, values) in object(keys, &at)?.iter() {
            let at = member(&at, name);
            let Some(key) = ConditionKey::parse(name) else {
                let known = ConditionKey::ALL.map(ConditionKey::as_str).join(", ");
                return trouble(&at, format!("unknown key {name}"), format!("known are {known}"));
            };
            let values = texts(values, &at)?.into_iter().map(|(pointer, text)| {
                no_variables(&text, &pointer)?;
                let read = operator.compare.read(&text);
                read.or_else(|wanted| trouble(&pointer, format!("not {wanted}"), ""))
            });
            conditions.push(Condition { key, operator, values: values.collect::<Result<_, _>>()? });
        }
    }
    Ok(conditions)
}

/// A variable that was taken for plain text would never match what it was meant to.
fn no_variables(text: &str, at: &str) -> Result<(), Trouble> {
    if text.contains("${") {
        return trouble(at, "policy variables are not supported", "write the value itself, or a wildcard");
    }
    Ok(())
}

/// A text, or a list of at least one, with the place of each. `true` and 3 count as texts.
fn texts(value: &Value, at: &str) -> Result<Vec<(String, String)>, Trouble> {
    let text = |value: &Value, at: String| match value {
        Value::String(text) => Ok((at, text.to_string())),
        Value::Bool(truth) => Ok((at, truth.to_string())),
        Value::Number(number) => Ok((at, number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => trouble(&at, "not a text", "write it in quotes"),
    };
    match value {
        Value::Array(list) if list.is_empty() => {
            trouble(at, "an empty list", "an empty list matches nothing")
        }
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| text(value, format!("{at}/{index}"))).collect()
        }
        one => Ok(vec![text(one, at.to_owned())?]),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map, Trouble> {
    match value.as_object() {
        Some(object) => Ok(object),
        None => trouble(at, "not an object", ""),
    }
}

fn member(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let error = policy(text).unwrap_err();
        format!("{error}. {}", error.hint)
    }

    /// A statement that allows all, with this put in its place.
    fn with(element: &str) -> String {
        let others = [("Effect", "\"Allow\""), ("Action", "\"*\""), ("Resource", "\"*\"")]
            .into_iter()
            .filter(|(name, _)| {
                !element.contains(&format!("\"{name}\"")) && !element.contains(&format!("Not{name}"))
            })
            .map(|(name, value)| format!("\"{name}\": {value}, "));
        format!("{{\"Statement\":\n {{{}{element}}}}}", others.collect::<String>())
    }

    #[test]
    fn what_iam_writes_is_read() {
        for text in [
            r#"{"Version": "2012-10-17", "Id": "x", "Statement": []}"#.to_owned(),
            r#"{"Statement": [{"Sid": "a", "Effect": "Deny", "NotAction": ["states:*"], "NotResource": "*"}]}"#.to_owned(),
            with(r#""Condition": {}"#),
            with(r#""Condition": {"Bool": {"aws:SecureTransport": true}, "stringlike": {"AWS:Username": ["a*", "b"]}}"#),
            with(r#""Condition": {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD", 1]}}"#),
            with(r#""Action": ["lambda:InvokeFunction", "s3:Get*"]"#),
        ] {
            assert!(policy(&text).is_ok(), "{:?} {text}", policy(&text));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        assert_eq!(
            refused("{"),
            "1:2: not JSON: expected a key in double quotes, found the end of the text. "
        );
        assert_eq!(refused("[]"), "1:1: not an object. ");
        assert_eq!(refused("{}"), "1:1: a policy has no Statement. ");
        assert!(refused(r#"{"Version": "2012-10-17", "Version": "2012-10-17"}"#).contains("not JSON"));
        assert!(
            refused(r#"{"Version": "2013-01-01", "Statement": []}"#)
                .starts_with("1:2: unknown version (/Version)")
        );
        assert!(
            refused(r#"{"Statements": []}"#).starts_with("1:2: unknown element Statements (/Statements)")
        );
        for (element, expected) in [
            (r#""Efect": "Allow""#, "unknown element Efect (/Statement/Efect)"),
            (r#""Effect": "allow""#, "unknown effect (/Statement/Effect). write \"Allow\" or \"Deny\""),
            (r#""Principal": "*""#, "Principal belongs to resource-based policies (/Statement/Principal)"),
            (r#""Action": "StartExecution""#, "not an action; write service:Name"),
            (r#""Action": []"#, "an empty list (/Statement/Action)"),
            (r#""Action": [null]"#, "not a text (/Statement/Action/0)"),
            (r#""Resource": "arn:aws:states:*""#, "neither * nor an ARN of six parts (/Statement/Resource)"),
            (r#""Resource": "arn:aws:iam::1:user/${aws:username}""#, "policy variables are not supported"),
            (r#""Action": "*", "NotAction": "*""#, "a statement has both Action and NotAction (/Statement)"),
            (r#""Condition": []"#, "not an object (/Statement/Condition)"),
            (r#""Condition": {"StringIs": {}}"#, "unknown operator StringIs (/Statement/Condition/StringIs)"),
            (
                r#""Condition": {"StringEquals": {"s3:prefix": "x"}}"#,
                "unknown key s3:prefix (/Statement/Condition/StringEquals/s3:prefix). known are aws:CurrentTime",
            ),
            (r#""Condition": {"Bool": {"aws:SecureTransport": "yes"}}"#, "not true or false"),
            (r#""Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "x"]}}"#, "aws:SourceIp/1)"),
        ] {
            let text = refused(&with(element));
            assert!(text.contains(expected), "{text}");
            // The statement itself begins where its key stands, on the line above its elements.
            let line = if text.contains("(/Statement)") { "1:2:" } else { "2:" };
            assert!(text.starts_with(line), "{text}");
        }
        assert!(
            refused(r#"{"Statement": {"Action": "*", "Resource": "*"}}"#)
                .contains("has no Effect (/Statement)")
        );
        assert!(
            refused(r#"{"Statement": {"Effect": "Deny", "Resource": "*"}}"#)
                .contains("neither Action nor NotAction")
        );
    }
}
