//! Compiling once, evaluating many times.

use std::sync::Arc;

use stepwell_value::{Map, Value};

use crate::ast::Node;
use crate::budget::Budget;
use crate::error::{CompileError, EvaluateError};
use crate::evaluate::Evaluator;
use crate::profile::Profile;

/// The longest text of an expression, in bytes.
const TEXT_MAX: usize = 256 * 1024;

/// A compiled expression. It can be shared between threads, and clones share it.
#[derive(Debug, Clone)]
pub struct Expression {
    node: Arc<Node>,
    profile: Profile,
}

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    ///
    /// The reference's `S` codes, and ours; see [`CompileError`].
    pub fn compile(text: &str, profile: &Profile) -> Result<Expression, CompileError> {
        if text.len() > TEXT_MAX {
            return Err(CompileError {
                code: "S0501",
                position: TEXT_MAX,
                token: None,
                more_tokens: Vec::new(),
                message: format!("The expression is longer than {TEXT_MAX} bytes"),
            });
        }
        let compiled = crate::compile::compile(text, profile);
        let node = compiled.map_err(|raised| raised.into_compile_error())?;
        profile.check(&node)?;
        Ok(Expression { node: Arc::new(node), profile: profile.clone() })
    }

    pub(crate) fn root(&self) -> &Node {
        &self.node
    }

    /// Evaluates the expression: `None` if it gives nothing, which the language calls undefined.
    ///
    /// # Errors
    ///
    /// The reference's `T` and `D` codes, and ours for what ran out of budget or is not JSON; see
    /// [`EvaluateError`].
    pub fn evaluate(&self, environment: &Environment<'_>) -> Result<Option<Value>, EvaluateError> {
        match crate::evaluate::leaf(&self.node, environment) {
            Some(result) => Ok(result),
            None => Evaluator::new(environment, &self.profile).run(&self.node),
        }
    }
}

/// What an evaluation may know and use. The language has no clock, no randomness and no variables of
/// its own.
///
/// ```
/// use stepwell_jsonata::{Environment, Expression, Profile};
/// use stepwell_value::Value;
///
/// let expression = Expression::compile("$greeting & ', ' & name", &Profile::jsonata()).unwrap();
/// let input = Value::parse(r#"{"name": "Ada"}"#).unwrap();
/// let bindings = |name: &str| (name == "greeting").then(|| Value::from("Hello"));
/// let environment = Environment { bindings: &bindings, ..Environment::of(&input) };
/// assert_eq!(expression.evaluate(&environment).unwrap(), Some(Value::from("Hello, Ada")));
/// ```
pub struct Environment<'a> {
    /// The context to begin with, and `$$`.
    pub input: Option<&'a Value>,
    /// The variables, without their `$`. They hide built-in functions of the same name.
    pub bindings: &'a dyn Fn(&str) -> Option<Value>,
    /// The present, in milliseconds since the Unix epoch, for `$now` and `$millis`.
    pub now: i64,
    /// 64 random bits at each call, for `$random`, `$shuffle` and `$uuid`.
    pub random: &'a dyn Fn() -> u64,
    /// What the evaluation may cost.
    pub budget: Budget,
    /// Asked every few thousand steps; `true` ends the evaluation.
    pub expired: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Environment<'a> {
    /// An input and nothing else: no variables, the epoch for the present, and no randomness.
    pub fn of(input: &'a Value) -> Environment<'a> {
        Environment { input: Some(input), ..Environment::empty() }
    }

    /// Not even an input.
    pub fn empty() -> Environment<'a> {
        Environment {
            input: None,
            bindings: &|_| None,
            now: 0,
            random: &|| 0,
            budget: Budget::default(),
            expired: None,
        }
    }
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("input", &self.input)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// The variables of a map, for [`Environment::bindings`].
///
/// ```
/// use stepwell_jsonata::{Environment, Expression, Profile, bindings};
/// use stepwell_value::{Map, Value};
///
/// let map: Map = [("x".into(), Value::from(20))].into_iter().collect();
/// let expression = Expression::compile("$x + 1", &Profile::step_functions()).unwrap();
/// let environment = Environment { bindings: &bindings(&map), ..Environment::empty() };
/// assert_eq!(expression.evaluate(&environment).unwrap().unwrap().as_i64(), Some(21));
/// ```
pub fn bindings(map: &Map) -> impl Fn(&str) -> Option<Value> + '_ {
    |name| map.get(name).cloned()
}
