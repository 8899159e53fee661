//! Which language: plain JSONata, or as a host restricts and extends it.

use crate::ast::{Kind, Node};
use crate::error::CompileError;
use crate::functions::{Builtin, JSONATA, STEP_FUNCTIONS};

/// A dialect of the language: which functions there are, and whether there is a context to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Functions of the language that are missing.
    without: &'static [&'static str],
    /// Whether the six functions of Step Functions are there; they come before the language's own.
    step_functions: bool,
    /// Whether an expression may begin with `$`, `$$` or a bare name.
    context: bool,
}

impl Profile {
    /// JSONata 2.0.6 as it is.
    pub const fn jsonata() -> Profile {
        Profile { without: &[], step_functions: false, context: true }
    }

    /// The dialect of AWS Step Functions: no `$eval`; `$partition`, `$range`, `$hash`, `$random` with a
    /// seed, `$uuid` and `$parse` added; and no context at the top level, where everything is a
    /// variable.
    ///
    /// Source: Step Functions Developer Guide, "Transforming data with JSONata".
    pub const fn step_functions() -> Profile {
        Profile { without: &["eval"], step_functions: true, context: false }
    }

    /// Whether what is not finite is written as a text, `Infinity` or `NaN`, rather than lost.
    pub(crate) fn is_step_functions(&self) -> bool {
        self.step_functions
    }

    pub(crate) fn builtin(&self, name: &str) -> Option<Builtin> {
        let own = STEP_FUNCTIONS.iter().find(|entry| self.step_functions && entry.name == name);
        own.or_else(|| JSONATA.iter().find(|entry| entry.name == name && !self.without.contains(&entry.name)))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.builtin(name).is_some()
    }

    /// Refuses what reads the context where the profile has none: all of it at once, each name once.
    pub(crate) fn check(&self, node: &Node) -> Result<(), CompileError> {
        let mut names = Vec::new();
        if !self.context {
            top_level(node, &mut names);
        }
        let mut names = names.into_iter();
        let Some((token, position)) = names.next() else { return Ok(()) };
        Err(CompileError {
            code: "S0601",
            position,
            message: format!("There is no context at the top level for {token:?}"),
            token: Some(token),
            more_tokens: names.map(|(name, _)| name).collect(),
        })
    }
}

/// How many wrong names are told of at most.
const NAMES_MAX: usize = 100;

/// Looks for names, `$` and `$$` that are evaluated in the context that the whole expression has.
/// Later steps of a path and predicates have a context of their own; the body of a function has the
/// context of where it stands. AWS looks neither into transforms nor at wildcards.
fn top_level(node: &Node, names: &mut Vec<(String, usize)>) {
    let mut found = |name: String| {
        if names.len() < NAMES_MAX && names.iter().all(|(known, _)| *known != name) {
            names.push((name, node.position));
        }
    };
    match &node.kind {
        Kind::Path { steps, .. } => {
            if let Some(first) = steps.first() {
                top_level(first, names);
            }
        }
        Kind::Name(name) => found(name.to_string()),
        Kind::Variable(name, _) if name.is_empty() || &**name == "$" => found(format!("${name}")),
        Kind::Text(_)
        | Kind::Number(_)
        | Kind::Constant(_)
        | Kind::Wildcard
        | Kind::Descendant
        | Kind::Parent(_)
        | Kind::Variable(..)
        | Kind::Regex(_)
        | Kind::Placeholder
        | Kind::Transform(_)
        | Kind::Sort(_) => {}
        Kind::Lambda(code) => top_level(&code.body, names),
        Kind::Binary(_, pair) | Kind::Apply(pair) => {
            top_level(&pair.0, names);
            top_level(&pair.1, names);
        }
        Kind::Negate(inner) | Kind::Bind(_, inner) => top_level(inner, names),
        Kind::Array(items) | Kind::Block(items, _) => {
            items.iter().for_each(|item| top_level(item, names));
        }
        Kind::Object(group) => {
            for (key, value) in &group.pairs {
                top_level(key, names);
                top_level(value, names);
            }
        }
        Kind::Condition(parts) => {
            top_level(&parts.0, names);
            top_level(&parts.1, names);
            if let Some(otherwise) = &parts.2 {
                top_level(otherwise, names);
            }
        }
        Kind::Function(call) | Kind::Partial(call) | Kind::Thunk(call) => {
            // A bare name that is called is told apart when it is evaluated.
            if !matches!(call.procedure.kind, Kind::Path { .. }) {
                top_level(&call.procedure, names);
            }
            call.arguments.iter().for_each(|argument| top_level(argument, names));
        }
    }
}
