//! What is wrong with an expression: in its text, or when it meets a value.

use std::fmt;
use std::sync::Arc;

use stepwell_value::Value;

use crate::evaluate::WORK_MAX;

/// A text is not a path, an intrinsic call or a reference path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong, in lower case.
    pub message: String,
    /// In bytes from the start of the text.
    pub offset: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.message, self.offset + 1)
    }
}

impl std::error::Error for SyntaxError {}

/// An expression could not be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum EvaluationError {
    /// A path leads nowhere.
    Path {
        /// The text of the path.
        path: Arc<str>,
        /// The key of the template, with its `.$`; `None` outside templates.
        key: Option<Arc<str>>,
        /// Where it ends, and why.
        reason: Unreachable,
        /// What the path was applied to: the input, the context object or the variable's value.
        document: Value,
    },
    /// An intrinsic function cannot be applied to its arguments.
    Intrinsic {
        /// The text of the call.
        call: Arc<str>,
        /// The key of the template, with its `.$`; `None` outside templates.
        key: Option<Arc<str>>,
        /// What is wrong with the arguments.
        problem: Problem,
    },
    /// The path needs more than [`WORK_MAX`] units of work.
    TooMuchWork {
        /// The text of the path.
        path: Arc<str>,
        /// The key of the template, with its `.$`; `None` outside templates.
        key: Option<Arc<str>>,
    },
}

impl EvaluationError {
    /// The error name that AWS gives it.
    ///
    /// The specification has `States.ParameterPathFailure` for a path in `Parameters`; AWS answers
    /// `States.Runtime` there as everywhere (recorded).
    pub fn error_name(&self) -> &'static str {
        match self {
            EvaluationError::Path { .. } | EvaluationError::TooMuchWork { .. } => "States.Runtime",
            EvaluationError::Intrinsic { .. } => "States.IntrinsicFailure",
        }
    }

    /// AWS's cause, without its "An error occurred while executing the state …" in front. `field`
    /// names the field, as in `ErrorPath`; in a template the key counts instead.
    ///
    /// The text for paths is recorded, that for functions is not.
    pub fn cause(&self, field: &str) -> String {
        let field = self.key().unwrap_or(field);
        match self {
            EvaluationError::Path { path, document, .. } => {
                let input = document.to_json().unwrap_or_default();
                format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
                )
            }
            EvaluationError::Intrinsic { call, problem, .. } => {
                format!(
                    "The function '{call}' specified for the field '{field}' had the following error: {problem}"
                )
            }
            EvaluationError::TooMuchWork { path, .. } => {
                format!(
                    "The JSONPath '{path}' specified for the field '{field}' visits more than {WORK_MAX} values"
                )
            }
        }
    }

    /// AWS's cause where the field is `InputPath` or `OutputPath` (recorded for `InputPath`).
    pub fn invalid_path_cause(&self) -> String {
        match self {
            EvaluationError::Path { path, reason, .. } => format!("Invalid path '{path}' : {reason}"),
            EvaluationError::Intrinsic { call, problem, .. } => format!("Invalid path '{call}' : {problem}"),
            EvaluationError::TooMuchWork { path, .. } => {
                format!("Invalid path '{path}' : it visits more than {WORK_MAX} values")
            }
        }
    }

    /// The key of the template in which it happened, with its `.$`.
    pub fn key(&self) -> Option<&str> {
        match self {
            EvaluationError::Path { key, .. }
            | EvaluationError::Intrinsic { key, .. }
            | EvaluationError::TooMuchWork { key, .. } => key.as_deref(),
        }
    }

    pub(crate) fn under(mut self, template_key: &Arc<str>) -> EvaluationError {
        match &mut self {
            EvaluationError::Path { key, .. }
            | EvaluationError::Intrinsic { key, .. }
            | EvaluationError::TooMuchWork { key, .. } => *key = Some(template_key.clone()),
        }
        self
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_name(), self.cause(""))
    }
}

impl std::error::Error for EvaluationError {}

/// Where a path ends before its time. Places are written as Jayway writes them:
/// `$['a'][0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreachable {
    /// The variable has no value.
    UndefinedVariable {
        /// Its name, without `$`.
        name: Arc<str>,
    },
    /// The last step found nothing.
    NoResults {
        /// The whole path.
        path: String,
    },
    /// A step before the last found nothing.
    MissingProperty {
        /// The path up to that step.
        path: String,
    },
    /// A name meets something that is not an object.
    NotAnObject {
        /// The step.
        property: String,
        /// The path before it.
        path: String,
    },
    /// An index meets `null`.
    Null {
        /// The path before the index.
        path: String,
    },
    /// An index meets something that is neither an array nor `null`.
    NotAnArray {
        /// The step and those behind it.
        steps: String,
        /// What it met, as Java prints it.
        found: String,
    },
    /// A list of names stands elsewhere than at the end, which Jayway did not yet allow in the
    /// release that AWS uses.
    NamesBeforeTheEnd {
        /// The path up to the list.
        path: String,
    },
    /// An index beyond the end of an array, or a negative one.
    OutOfBounds {
        /// The path with the index.
        path: String,
    },
    /// A filter meets something that is neither an array nor an object.
    Primitive {
        /// The filter and the steps behind it.
        steps: String,
        /// What it met, as Java prints it.
        found: String,
    },
    /// A filter compares a number with a text that is not one.
    NotANumber {
        /// The text.
        text: Arc<str>,
    },
}

/// The words of Jayway's exceptions, which AWS passes on.
impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreachable::UndefinedVariable { name } => write!(f, "The variable '${name}' has no value"),
            Unreachable::NoResults { path } => write!(f, "No results for path: {path}"),
            Unreachable::MissingProperty { path } => write!(f, "Missing property in path {path}"),
            Unreachable::NotAnObject { property, path } => {
                write!(f, "Property {property} not found in path {path}")
            }
            Unreachable::Null { path } => write!(f, "The path {path} is null"),
            Unreachable::NotAnArray { steps, found } => {
                write!(f, "Filter: {steps} can only be applied to arrays. Current context is: {found}")
            }
            Unreachable::NamesBeforeTheEnd { path } => {
                write!(f, "Multi properties can only be used as path leafs: {path}")
            }
            Unreachable::OutOfBounds { path } => {
                write!(f, "Index out of bounds when evaluating path {path}")
            }
            Unreachable::Primitive { steps, found } => {
                write!(f, "Filter: {steps} can not be applied to primitives. Current context is: {found}")
            }
            // Java's words for this differ from release to release.
            Unreachable::NotANumber { text } => write!(f, "'{text}' is not a number"),
        }
    }
}

/// Why an intrinsic function cannot be applied. Arguments are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// An argument has the wrong type, or a value that is not allowed.
    Argument {
        /// Which one.
        position: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The placeholders of `States.Format` and its further arguments are not equally many.
    Placeholders {
        /// How many `{}` there are.
        placeholders: usize,
        /// How many arguments follow.
        arguments: usize,
    },
    /// A text is not JSON.
    NotJson {
        /// What is wrong with it, and where.
        message: String,
    },
    /// `States.ArrayGetItem` beyond the end.
    NoSuchItem {
        /// The index asked for.
        index: i64,
        /// How many items there are.
        length: usize,
    },
    /// Text is not what it should be (a template at run time, Base64).
    Malformed {
        /// What is wrong.
        message: &'static str,
    },
    /// The arguments or the result are too large to work on.
    TooLarge,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Argument { position, expected } => write!(f, "argument {position} must be {expected}"),
            Problem::Placeholders { placeholders, arguments } => {
                write!(f, "the template has {placeholders} placeholders, but {arguments} arguments follow it")
            }
            Problem::NotJson { message } => write!(f, "the text is not JSON: {message}"),
            Problem::NoSuchItem { index, length } => {
                write!(f, "there is no item {index} in an array of {length}")
            }
            Problem::Malformed { message } => f.write_str(message),
            Problem::TooLarge => f.write_str("the arguments or the result are too large"),
        }
    }
}
