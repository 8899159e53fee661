//! A definition, checked and compiled once, for all executions of its revision.
//!
//! States of all scopes (the machine, the branches of a Parallel, the processor of a Map) stand in
//! one list. A state's number is its place in it: the states of a scope in the order of the text,
//! then those of the scopes inside it. Journals name states by these numbers, so the order is part
//! of the format and never changes.

use std::collections::HashMap;
use std::sync::Arc;

use stepwell_model::{MachineType, Resource};
use stepwell_value::{Position, Value, locate};

use crate::data::{Assign, Data};
use crate::fields::{Fields, Note, Notes, Shown, escape, location};
use crate::graph::{self, ScopeText};
use crate::journal::Transition;
use crate::query::Language;
use crate::retry::{Catcher, Retrier};
use crate::state::StateKind;

/// A state, by its place in the definition's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u32);

/// A compiled definition.
#[derive(Debug)]
pub struct Definition {
    /// How long an execution may last, in seconds.
    pub timeout_seconds: Option<u64>,
    scopes: Vec<Scope>,
    states: Vec<State>,
}

/// The machine, a branch, or the processor of a Map: states with a beginning.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) start_at: StateId,
}

/// A scope, by its place in the definition's list; 0 is the machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScopeId(pub(crate) u32);

/// What all states have, and what makes this one its type.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    /// Where it leads; `None` for the types that lead nowhere (Succeed, Fail) or choose (Choice).
    pub(crate) transition: Option<Transition>,
    pub(crate) data: Data,
    pub(crate) assign: Option<Assign>,
    pub(crate) retriers: Vec<Retrier>,
    pub(crate) catchers: Vec<Catcher>,
    pub(crate) kind: StateKind,
    /// The variables that its fields read, in the order of their names.
    pub(crate) variables: Vec<Arc<str>>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The definition cannot run.
    Error,
    /// It can, but may not do what was meant.
    Warning,
}

/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// AWS's code, such as `SCHEMA_VALIDATION_FAILED`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, as AWS shows it: `/States/C/Choices[0]/Condition`, `/` for the whole. Of some mistakes
    /// that is not the place itself, but the object around it; of some it is nothing.
    pub location: Option<String>,
    /// Where exactly, as a JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// Where it is in a text that is not JSON, in bytes.
    offset: Option<usize>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Where it is in the definition, whose text is `text`.
    pub fn position(&self, text: &str) -> Position {
        let offset = self.offset.or_else(|| locate(text, &self.pointer));
        Position::of(text, offset.unwrap_or(0))
    }

    /// Whether the definition cannot run because of it.
    pub fn is_error(&self) -> bool {
        match self.severity {
            Severity::Error => true,
            Severity::Warning => false,
        }
    }

    fn of(note: Note, root: &Value) -> Diagnostic {
        let Note { code, severity, pointer, shown, message, hint } = note;
        let location = match &shown {
            Shown::There => Some(location(root, &pointer)),
            Shown::Around(around) => Some(location(root, around)),
            Shown::Nowhere => None,
        };
        Diagnostic { severity, code, message, location, pointer, offset: None, hint }
    }
}

impl Definition {
    /// Reads the definition of a standard state machine. All that is wrong with it comes back at
    /// once; what is only doubtful comes with the definition.
    ///
    /// # Errors
    ///
    /// Everything that was found, of which at least one is an error.
    pub fn parse(text: &str) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
        Definition::parse_for(MachineType::Standard, text)
    }

    /// Reads the definition of a state machine of this type; an express one may do less.
    ///
    /// # Errors
    ///
    /// Those of [`Definition::parse`].
    pub fn parse_for(
        machine_type: MachineType,
        text: &str,
    ) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
        let value = read_json(text)?;
        let notes = Notes::new(machine_type);
        let definition = read_machine(&value, &notes);
        let diagnostics = notes.into_inner().into_iter().map(|note| Diagnostic::of(note, &value));
        let mut diagnostics: Vec<Diagnostic> = diagnostics.collect();
        let failed = diagnostics.iter().any(Diagnostic::is_error);
        match definition {
            Some(definition) if !failed => Ok((definition, diagnostics)),
            Some(_) => Err(diagnostics),
            None => {
                // Whatever cannot be compiled was noted; if not, it is refused nevertheless.
                debug_assert!(failed, "a definition is refused without a reason");
                if !failed {
                    diagnostics.extend(refusal(
                        "SCHEMA_VALIDATION_FAILED",
                        "The definition is not valid",
                        None,
                    ));
                }
                Err(diagnostics)
            }
        }
    }

    /// Reads a definition that was found right when it was taken, perhaps by an older release whose
    /// rules were fewer: whatever can be compiled is. `None` if it cannot.
    pub fn reread(text: &str) -> Option<Definition> {
        let value = read_json(text).ok()?;
        read_machine(&value, &Notes::new(MachineType::Standard))
    }

    /// The variables that each state's fields read, in the order of their names; states that read
    /// none are left out.
    pub fn variable_references(&self) -> impl Iterator<Item = (&str, &[Arc<str>])> {
        let states = self.states.iter().filter(|state| !state.variables.is_empty());
        states.map(|state| (&*state.name, &*state.variables))
    }

    /// How many states there are, those of all scopes together.
    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(id.0 as usize)
    }

    pub(crate) fn states_mut(&mut self) -> &mut [State] {
        &mut self.states
    }

    pub(crate) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    pub(crate) fn task_resource(&self, id: StateId) -> Option<&Resource> {
        match &self.state(id)?.kind {
            StateKind::Task(task) => Some(&task.resource),
            _ => None,
        }
    }
}

/// What is said of a definition that is wrong as a whole.
fn refusal(code: &'static str, message: &str, offset: Option<usize>) -> Vec<Diagnostic> {
    let message = message.to_owned();
    let (severity, pointer) = (Severity::Error, String::new());
    vec![Diagnostic { severity, code, message, location: None, pointer, offset, hint: None }]
}

fn read_json(text: &str) -> Result<Value, Vec<Diagnostic>> {
    let no_object = || refusal("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None);
    if text.trim().is_empty() {
        return Err(no_object());
    }
    let value = Value::parse(text).map_err(|error| {
        let deep = error.message.starts_with("nesting deeper");
        let code = if deep { "TOO_DEEPLY_NESTED" } else { "INVALID_JSON_DESCRIPTION" };
        refusal(code, &error.message, Some(error.offset))
    })?;
    if value.as_object().is_some() { Ok(value) } else { Err(no_object()) }
}

fn read_machine(value: &Value, notes: &Notes) -> Option<Definition> {
    let fields = Fields::new(value.as_object()?, String::new(), notes);
    fields.text("Comment");
    fields.choice("Version", &["1.0"]);
    let language = Language::of(&fields, Language::JsonPath);
    Language::check(&fields);
    // None at all is the same as zero, which AWS takes.
    let timeout_seconds = fields.integer("TimeoutSeconds", 0..=99_999_999).filter(|seconds| *seconds > 0);
    let mut builder = Builder {
        notes,
        language,
        states: Vec::new(),
        scopes: Vec::new(),
        texts: Vec::new(),
        within: None,
        labels: Vec::new(),
    };
    builder.scope(&fields);
    fields.finish();
    graph::check(&builder.texts, notes);
    let states: Option<Vec<State>> = builder.states.into_iter().collect();
    Some(Definition { timeout_seconds, scopes: builder.scopes, states: states? })
}

/// Collects the states and scopes of a definition while it is read.
pub(crate) struct Builder<'a> {
    pub(crate) notes: &'a Notes,
    /// The language of the machine, which its states speak unless they say otherwise.
    pub(crate) language: Language,
    /// The labels of Maps, and where they are.
    pub(crate) labels: Vec<Arc<str>>,
    states: Vec<Option<State>>,
    scopes: Vec<Scope>,
    /// The scopes as they were written.
    texts: Vec<ScopeText<'a>>,
    /// The scope that is being read, by its place in `texts`, and the state in it.
    within: Option<(usize, &'a str)>,
}

/// The names of one scope's states.
pub(crate) type Names = HashMap<Arc<str>, StateId>;

impl<'a> Builder<'a> {
    /// Reads `StartAt` and `States` of a machine, branch or processor, and gives it a number.
    pub(crate) fn scope(&mut self, fields: &Fields<'a>) -> Option<ScopeId> {
        fields.required(&["States", "StartAt"]);
        let start_at = fields.text("StartAt");
        let states = fields.object("States");
        let scope = ScopeId(self.scopes.len() as u32);
        self.scopes.push(Scope { start_at: StateId(0) });
        let states = states?;
        let around = self.within;
        let text = self.texts.len();
        self.texts.push(ScopeText { pointer: fields.pointer.clone(), fields: fields.map, around });
        let first = self.states.len();
        let ids = (first as u32..).map(StateId);
        let names: Names = states.keys().cloned().zip(ids).collect();
        self.states.extend(std::iter::repeat_with(|| None).take(states.len()));
        let base = fields.at("States");
        if states.is_empty() {
            self.notes.error(&base, "Value cannot be empty");
        }
        for (place, (name, value)) in states.iter().enumerate() {
            let pointer = format!("{base}/{}", escape(name));
            check_name(name, &pointer, self.notes);
            self.within = Some((text, name));
            self.states[first + place] = crate::state::read(name, value, pointer, &names, self);
        }
        self.within = around;
        self.scopes[scope.0 as usize].start_at = *names.get(&start_at?)?;
        Some(scope)
    }
}

/// The greatest length of a state's name, in characters.
const STATE_NAME_CHARACTERS_MAX: usize = 80;

fn check_name(name: &str, pointer: &str, notes: &Notes) {
    let text = if name.is_empty() {
        // Not measured.
        "Invalid State name: it cannot be empty".to_owned()
    } else if name.chars().count() > STATE_NAME_CHARACTERS_MAX {
        // AWS's words as far as they are known: whether the name stands there is not.
        format!("Invalid State name: {name} exceeds the 80-character limit allowed by the service")
    } else {
        return;
    };
    notes.error_of("INVALID_STATE_NAME", pointer, &text);
}
