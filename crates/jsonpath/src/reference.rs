//! Reference paths: where `ResultPath` puts a result.
//!
//! A reference path names one place of the input, with names and indexes only. Putting a value
//! there replaces what was there, and makes the objects that are missing on the way. Arrays do not
//! grow: an index must exist.
//!
//! Source: Amazon States Language specification, "Reference Paths" and "ResultPath".

use std::fmt;
use std::sync::Arc;

use stepwell_value::{Map, Value};

use crate::SyntaxError;
use crate::path::{Path, Root, Step};

/// A reference path such as `$.result.items[0]`, compiled.
#[derive(Debug, Clone)]
pub struct ReferencePath {
    path: Path,
}

impl ReferencePath {
    /// Compiles the text of a reference path. The context object (`$$`) and variables cannot be
    /// written to, so they are refused.
    pub fn parse(text: &str) -> Result<ReferencePath, SyntaxError> {
        let fail = |message: &str| Err(SyntaxError { message: message.to_owned(), offset: 0 });
        let path = Path::parse(text)?;
        match path.root() {
            Root::Input => {}
            Root::Context => return fail("a reference path cannot lead into the context object"),
            Root::Variable(_) => return fail("a reference path cannot lead into a variable"),
        }
        let single = |step: &Step| match step {
            Step::Name(_) => true,
            Step::Index(index) => *index >= 0,
            Step::Names(_)
            | Step::FromEnd(_)
            | Step::Indexes(_)
            | Step::Slice { .. }
            | Step::Wildcard
            | Step::Descend
            | Step::Filter(_) => false,
        };
        if !path.query().steps.iter().all(single) {
            return fail("a reference path has only names and indexes, and leads to one place");
        }
        Ok(ReferencePath { path })
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.path.text()
    }

    /// Whether it is exactly `$`, so that the value replaces the whole input.
    pub fn is_whole_input(&self) -> bool {
        self.path.is_whole_input()
    }

    /// `root` with `value` at this place. What does not lie on the way is shared, not copied.
    ///
    /// # Errors
    ///
    /// [`Unfit`] if the way leads through something that is not an object, or to an index that
    /// does not exist.
    pub fn set(&self, root: &Value, value: Value) -> Result<Value, Unfit> {
        let mut result = root.clone();
        let mut place = &mut result;
        let mut made = false;
        for step in &self.path.query().steps {
            // What was just made takes the shape that the step wants; an index finds nothing in it.
            if std::mem::take(&mut made) {
                *place = Value::Object(Arc::new(Map::default()));
            }
            place = match (step, place) {
                (Step::Name(name), Value::Object(map)) => {
                    let map = Arc::make_mut(map);
                    if !map.contains_key(name) {
                        map.insert(name.clone(), Value::Null);
                        made = true;
                    }
                    map.get_mut(name).expect("it was there or has just been put there")
                }
                (Step::Index(index), Value::Array(items)) => {
                    let at = usize::try_from(*index).unwrap_or(usize::MAX);
                    match Arc::make_mut(items).get_mut(at) {
                        Some(item) => item,
                        None => return Err(self.unfit(root)),
                    }
                }
                _ => return Err(self.unfit(root)),
            };
        }
        *place = value;
        Ok(result)
    }

    fn unfit(&self, root: &Value) -> Unfit {
        Unfit { path: self.path.text().into(), input: root.clone() }
    }
}

/// Equal when their texts are.
impl PartialEq for ReferencePath {
    fn eq(&self, other: &ReferencePath) -> bool {
        self.path == other.path
    }
}

/// A reference path does not fit the input: `States.ResultPathMatchFailure`.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfit {
    /// The text of the reference path.
    pub path: Arc<str>,
    /// What it was applied to.
    pub input: Value,
}

impl Unfit {
    /// The error name that AWS gives it.
    pub fn error_name(&self) -> &'static str {
        "States.ResultPathMatchFailure"
    }
}

/// The cause. AWS's words are not recorded.
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input.to_json().unwrap_or_default();
        write!(f, "Unable to apply Reference Path {} to input {input}", self.path)
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, root: &str, expected: &str) {
        let path = ReferencePath::parse(path).unwrap();
        let result = path.set(&Value::parse(root).unwrap(), Value::from("R"));
        let text = result.map_or_else(|unfit| unfit.to_string(), |value| value.to_string());
        assert_eq!(text, expected, "{} in {root}", path.text());
    }

    #[test]
    fn a_value_is_put_where_the_path_leads() {
        check("$", r#"{"a":1}"#, r#""R""#);
        check("$", "7", r#""R""#);
        check("$.a", r#"{"a":1,"b":2}"#, r#"{"a":"R","b":2}"#);
        check("$.c", r#"{"a":1}"#, r#"{"a":1,"c":"R"}"#);
        check("$.x.y['z w']", r#"{"a":1}"#, r#"{"a":1,"x":{"y":{"z w":"R"}}}"#);
        check("$.a[1].b", r#"{"a":[0,{}]}"#, r#"{"a":[0,{"b":"R"}]}"#);
        check("$[0]", "[1,2]", r#"["R",2]"#);
        check("$.a.b", r#"{"a":{"b":{"c":1},"d":2}}"#, r#"{"a":{"b":"R","d":2}}"#);
    }

    #[test]
    fn a_path_that_does_not_fit_is_told_with_the_input() {
        check("$.a.b", r#"{"a":1}"#, r#"Unable to apply Reference Path $.a.b to input {"a":1}"#);
        check("$.a.b", r#"{"a":null}"#, r#"Unable to apply Reference Path $.a.b to input {"a":null}"#);
        check("$.a[2]", r#"{"a":[1]}"#, r#"Unable to apply Reference Path $.a[2] to input {"a":[1]}"#);
        check("$.new[0]", "{}", r#"Unable to apply Reference Path $.new[0] to input {}"#);
        check("$.a", "[1]", "Unable to apply Reference Path $.a to input [1]");
        check("$[0]", "{}", "Unable to apply Reference Path $[0] to input {}");
    }

    #[test]
    fn what_does_not_lie_on_the_way_is_shared_and_the_input_stays_as_it_was() {
        let root = Value::parse(r#"{"a":{"x":[1]},"b":{"y":[2]}}"#).unwrap();
        let result = ReferencePath::parse("$.a.z").unwrap().set(&root, Value::Null).unwrap();
        let array = |value: &Value, object: &str, key: &str| match value.get(object).and_then(|o| o.get(key))
        {
            Some(Value::Array(items)) => Arc::as_ptr(items),
            other => panic!("{other:?}"),
        };
        assert_eq!(array(&root, "a", "x"), array(&result, "a", "x"));
        assert_eq!(array(&root, "b", "y"), array(&result, "b", "y"));
        assert_eq!(root.to_string(), r#"{"a":{"x":[1]},"b":{"y":[2]}}"#);
    }

    #[test]
    fn only_names_and_indexes_make_a_reference_path() {
        for text in [
            "$$",
            "$$.a",
            "$v",
            "$.a[*]",
            "$..a",
            "$.a[0,1]",
            "$['a','b']",
            "$.a[?(@.b)]",
            "$.a[-1]",
            "a",
            "",
        ] {
            assert!(ReferencePath::parse(text).is_err(), "{text}");
        }
        assert!(ReferencePath::parse("$").unwrap().is_whole_input());
    }
}
