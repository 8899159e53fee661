//! A compiled path.

use std::sync::Arc;

use stepwell_value::Value;

use crate::error::{EvaluationError, SyntaxError, Unreachable};
use crate::evaluate::{Run, Stop};
use crate::filter::Filter;
use crate::function::Function;
use crate::{Scope, parse};

/// A path such as `$.orders[0].id`, `$$.Execution.Name` or `$total`, compiled.
#[derive(Debug, Clone)]
pub struct Path {
    text: Arc<str>,
    root: Root,
    query: Query,
    /// Where the last step has the name of a function: the steps before it, and the function.
    function: Option<Box<(Query, Function)>>,
}

/// Where a path starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(Arc<str>),
}

/// What follows the root of a path.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// `.name`
    Name(Arc<str>),
    /// `['a','b']`
    Names(Vec<Arc<str>>),
    /// `[0]`; a negative index is out of bounds
    Index(i32),
    /// `[(@.length-1)]`, with the number that is added to the length
    FromEnd(i32),
    /// `[0,2]`
    Indexes(Vec<i32>),
    /// `[from:to]`
    Slice { from: Option<i32>, to: Option<i32> },
    /// `.*`
    Wildcard,
    /// `..`; the step behind it is looked for at every depth
    Descend,
    /// `[?(…)]`
    Filter(Box<Filter>),
}

impl Path {
    /// Compiles the text of a path. Blanks around it are ignored, as in Jayway.
    pub fn parse(text: &str) -> Result<Path, SyntaxError> {
        let (root, query) = parse::whole_path(text)?;
        Ok(Path::new(text, root, query))
    }

    pub(crate) fn new(text: &str, root: Root, query: Query) -> Path {
        let function = query.function().map(Box::new);
        Path { text: text.trim().into(), root, query, function }
    }

    /// The text, without blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it starts.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it is exactly `$`.
    pub fn is_whole_input(&self) -> bool {
        self.root == Root::Input && self.query.steps.is_empty()
    }

    /// Whether it gives one value or fails; otherwise it gives an array of what it finds.
    pub fn is_definite(&self) -> bool {
        self.query.is_definite()
    }

    /// The value it leads to, or for an indefinite path the array of values.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Path`] if it leads nowhere; see the crate for when an indefinite path does.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        self.read(&Run::new(scope))
    }

    /// As [`Path::evaluate`], but `None` if the path leads nowhere. Cheaper, as no error is
    /// composed.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::TooMuchWork`].
    pub fn find(&self, scope: &Scope) -> Result<Option<Value>, EvaluationError> {
        let run = Run::new(scope);
        let Ok(document) = self.document(&run) else { return Ok(None) };
        match self.run(&run, &document) {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Nowhere(_)) => Ok(None),
            Err(Stop::Exhausted) => Err(self.too_much_work()),
        }
    }

    pub(crate) fn read(&self, run: &Run) -> Result<Value, EvaluationError> {
        // A variable without a value has no document; AWS's words for this are not recorded.
        let document = self.document(run);
        let document = document.map_err(|reason| self.unreachable(reason, run.scope.input.clone()))?;
        self.run(run, &document).map_err(|stop| match stop {
            Stop::Nowhere(nowhere) => {
                let reason = nowhere.explain(&self.query, &document);
                self.unreachable(reason, document.clone())
            }
            Stop::Exhausted => self.too_much_work(),
        })
    }

    /// What the steps lead to; if they lead nowhere and end in a function, what that gives.
    fn run(&self, run: &Run, document: &Value) -> Result<Value, Stop> {
        let found = run.query(&self.query, document, document);
        let Some((before, function)) = self.function.as_deref() else { return found };
        if !matches!(found, Err(Stop::Nowhere(_))) {
            return found;
        }
        match run.query(before, document, document) {
            Ok(value) => {
                run.charge_whole(&value)?;
                function.apply(&value).map_or(found, Ok)
            }
            Err(Stop::Exhausted) => Err(Stop::Exhausted),
            Err(Stop::Nowhere(_)) => found,
        }
    }

    fn document(&self, run: &Run) -> Result<Value, Unreachable> {
        match &self.root {
            Root::Input => Ok(run.scope.input.clone()),
            Root::Context => Ok(run.context().clone()),
            Root::Variable(name) => {
                let undefined = || Unreachable::UndefinedVariable { name: name.clone() };
                (run.scope.variable)(name).ok_or_else(undefined)
            }
        }
    }

    fn unreachable(&self, reason: Unreachable, document: Value) -> EvaluationError {
        EvaluationError::Path { path: self.text.clone(), key: None, reason, document }
    }

    fn too_much_work(&self) -> EvaluationError {
        EvaluationError::TooMuchWork { path: self.text.clone(), key: None }
    }

    /// The names of the variables it reads, those in filters included, each once.
    pub fn variables(&self) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        self.collect_variables(&mut names);
        names
    }

    pub(crate) fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        if let Root::Variable(name) = &self.root {
            add_name(name, names);
        }
        self.query.collect_variables(names);
    }

    pub(crate) fn query(&self) -> &Query {
        &self.query
    }
}

/// Equal when their texts are.
impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) fn add_name(name: &Arc<str>, names: &mut Vec<Arc<str>>) {
    if !names.contains(name) {
        names.push(name.clone());
    }
}

impl Query {
    /// The steps before a last one that has the name of a function, and that function.
    fn function(&self) -> Option<(Query, Function)> {
        // An indefinite path gives an array, which is what AWS makes of it.
        if !self.is_definite() {
            return None;
        }
        let (last, before) = self.steps.split_last()?;
        let Step::Name(name) = last else { return None };
        let function = Function::named(name.strip_suffix("()")?)?;
        Some((Query { steps: before.to_vec() }, function))
    }

    /// Whether the steps can lead to one place only.
    pub fn is_definite(&self) -> bool {
        self.steps.iter().all(Step::is_definite)
    }

    /// Whether `value`, which it gave, has all the names of the list at its end, if there is one.
    pub fn found_all_names(&self, value: &Value) -> bool {
        match self.steps.last() {
            Some(Step::Names(names)) => names.iter().all(|name| value.get(name).is_some()),
            _ => true,
        }
    }

    pub fn collect_variables(&self, names: &mut Vec<Arc<str>>) {
        for step in &self.steps {
            if let Step::Filter(filter) = step {
                filter.collect_variables(names);
            }
        }
    }
}

impl Step {
    pub fn is_definite(&self) -> bool {
        match self {
            Step::Name(_) | Step::Names(_) | Step::Index(_) | Step::FromEnd(_) => true,
            Step::Indexes(_) | Step::Slice { .. } | Step::Wildcard | Step::Descend | Step::Filter(_) => false,
        }
    }
}

/// The steps as Jayway writes them: `['a'][0]`.
pub(crate) fn steps_text(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Name(name) => out.push_str(&format!("['{name}']")),
            Step::Names(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                out.push_str(&format!("[{}]", names.join(", ")));
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
            Step::FromEnd(number) => out.push_str(&format!("[@.size(){number}]")),
            Step::Indexes(indexes) => {
                let indexes: Vec<String> = indexes.iter().map(i32::to_string).collect();
                out.push_str(&format!("[{}]", indexes.join(",")));
            }
            Step::Slice { from, to } => {
                let text = |end: &Option<i32>| end.map_or(String::new(), |end| end.to_string());
                out.push_str(&format!("[{}:{}]", text(from), text(to)));
            }
            Step::Wildcard => out.push_str("[*]"),
            Step::Descend => out.push_str(".."),
            Step::Filter(_) => out.push_str("[?]"),
        }
    }
    out
}

#[cfg(test)]
mod tests;
