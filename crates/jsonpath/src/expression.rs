//! What may stand behind a key that ends in `.$`, or in a field that takes a path.

use std::sync::Arc;

use stepwell_value::Value;

use crate::evaluate::Run;
use crate::intrinsic::{self, Call};
use crate::{EvaluationError, Path, Scope, SyntaxError};

/// A path or the call of an intrinsic function, compiled.
#[derive(Debug, Clone)]
pub struct Expression(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Path(Path),
    Call(Call),
}

impl Expression {
    /// Compiles the text of a path (`$.a`, `$$.Execution.Id`, `$name`) or of an intrinsic call
    /// (`States.Format('{}', $.a)`).
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        if text.trim_start().starts_with("States.") {
            return Ok(Expression(Kind::Call(intrinsic::parse::call(text)?)));
        }
        Ok(Expression(Kind::Path(Path::parse(text)?)))
    }

    /// The text, without blanks around it.
    pub fn text(&self) -> &str {
        match &self.0 {
            Kind::Path(path) => path.text(),
            Kind::Call(call) => call.text(),
        }
    }

    /// Whether it is exactly `$`.
    pub fn is_whole_input(&self) -> bool {
        self.as_path().is_some_and(Path::is_whole_input)
    }

    /// The path, unless it is an intrinsic call.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Path(path) => Some(path),
            Kind::Call(_) => None,
        }
    }

    /// The value that it stands for.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        self.read(&Run::new(scope))
    }

    pub(crate) fn read(&self, run: &Run) -> Result<Value, EvaluationError> {
        match &self.0 {
            Kind::Path(path) => path.read(run),
            Kind::Call(call) => call.read(run),
        }
    }

    /// The paths in it, from left to right; those in filters count as part of theirs.
    pub fn references(&self) -> Vec<&Path> {
        match &self.0 {
            Kind::Path(path) => vec![path],
            Kind::Call(call) => {
                let mut paths = Vec::new();
                call.collect_paths(&mut paths);
                paths
            }
        }
    }

    /// The names of the variables it reads, each once, in the order of the text.
    pub fn variables(&self) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        self.references().iter().for_each(|path| path.collect_variables(&mut names));
        names
    }
}

/// Equal when their texts are.
impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.text() == other.text()
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}
