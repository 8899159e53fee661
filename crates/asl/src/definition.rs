//! A definition, checked and compiled once, for all executions of its revision.
//!
//! States of all scopes (the machine, the branches of a Parallel, the processor of a Map) stand in
//! one list. A state's number is its place in it: the states of a scope in the order of the text,
//! then those of the scopes inside it. Journals name states by these numbers, so the order is part
//! of the format and never changes.

use std::collections::HashMap;
use std::sync::Arc;

use stepwell_model::Resource;
use stepwell_value::{Position, Value, locate};

use crate::data::{Assign, Data};
use crate::fields::{Fields, Notes};
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
    /// Where, as a JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// Where, in the text.
    pub position: Position,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Definition {
    /// Reads a definition. All that is wrong with it comes back at once; what is only doubtful
    /// comes with the definition.
    pub fn parse(text: &str) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
        let value = match Value::parse(text) {
            Ok(value) => value,
            Err(error) => {
                return Err(vec![Diagnostic {
                    severity: Severity::Error,
                    code: "INVALID_JSON_DESCRIPTION",
                    message: error.message,
                    pointer: String::new(),
                    position: error.position,
                    hint: None,
                }]);
            }
        };
        let notes = Notes::default();
        let definition = read_machine(&value, &notes);
        let place = |mut diagnostic: Diagnostic| {
            let offset = locate(text, &diagnostic.pointer).unwrap_or(0);
            diagnostic.position = Position::of(text, offset);
            diagnostic
        };
        let diagnostics: Vec<Diagnostic> = notes.into_inner().into_iter().map(place).collect();
        let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        match definition {
            Some(definition) if !failed => Ok((definition, diagnostics)),
            _ => Err(diagnostics),
        }
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

pub(crate) fn read_machine(value: &Value, notes: &Notes) -> Option<Definition> {
    let Some(map) = value.as_object() else {
        notes.error("", "Definition must be a valid JSON object");
        return None;
    };
    let fields = Fields::new(map, String::new(), notes);
    fields.text("Comment");
    if let Some(version) = fields.text("Version")
        && &*version != "1.0"
    {
        notes.error("/Version", "Version must be \"1.0\"");
    }
    let language = Language::read(&fields, Language::JsonPath);
    let timeout_seconds = fields.integer("TimeoutSeconds", 1..=99_999_999);
    let mut builder = Builder { notes, language, states: Vec::new(), scopes: Vec::new(), places: Vec::new() };
    builder.scope(&fields);
    fields.finish();
    let places = builder.places;
    let states: Option<Vec<State>> = builder.states.into_iter().collect();
    let definition = Definition { timeout_seconds, scopes: builder.scopes, states: states? };
    check_names(&definition, &places, notes);
    // A rule or catcher that could not be read may be what leads there.
    if !notes.has_errors() {
        check_reach(&definition, &places, notes);
    }
    Some(definition)
}

/// The names of states are unique in the whole machine.
fn check_names(definition: &Definition, places: &[String], notes: &Notes) {
    let mut seen = std::collections::HashSet::new();
    for (state, place) in definition.states.iter().zip(places) {
        if !seen.insert(&state.name) {
            let text = format!("Duplicate State name: {} at {place}", state.name);
            notes.push("DUPLICATE_STATE_NAME", Severity::Error, place, text, None);
        }
    }
}

/// Every state is reached from the beginning of its scope.
fn check_reach(definition: &Definition, places: &[String], notes: &Notes) {
    let mut reached = vec![false; definition.states.len()];
    let mut open: Vec<StateId> = definition.scopes.iter().map(|scope| scope.start_at).collect();
    while let Some(id) = open.pop() {
        let Some(state) = definition.state(id) else { continue };
        if std::mem::replace(&mut reached[id.0 as usize], true) {
            continue;
        }
        if let Some(Transition::Next(next)) = state.transition {
            open.push(next);
        }
        open.extend(state.catchers.iter().map(|catcher| catcher.next));
        if let StateKind::Choice(choice) = &state.kind {
            open.extend(choice.targets());
        }
    }
    for ((state, place), reached) in definition.states.iter().zip(places).zip(reached) {
        if !reached {
            let text = format!("State \"{}\" is not reachable. at {place}", state.name);
            notes.push("MISSING_TRANSITION_TARGET", Severity::Error, place, text, None);
        }
    }
}

/// Collects the states and scopes of a definition while it is read.
pub(crate) struct Builder<'n> {
    pub(crate) notes: &'n Notes,
    /// The language of the machine, which its states speak unless they say otherwise.
    pub(crate) language: Language,
    states: Vec<Option<State>>,
    scopes: Vec<Scope>,
    /// Where each state stands, as a pointer.
    places: Vec<String>,
}

/// The names of one scope's states.
pub(crate) type Names = HashMap<Arc<str>, StateId>;

impl Builder<'_> {
    /// Reads `StartAt` and `States` of a machine, branch or processor, and gives it a number.
    pub(crate) fn scope(&mut self, fields: &Fields) -> Option<ScopeId> {
        let start_at = fields.text("StartAt");
        let states = fields.object("States");
        let missing: Vec<&str> =
            ["StartAt", "States"].into_iter().filter(|key| fields.get(key).is_none()).collect();
        if !missing.is_empty() {
            let at = if fields.pointer.is_empty() { "/" } else { &fields.pointer };
            self.notes.note_at(
                at,
                &fields.pointer,
                &format!("These fields are required: [{}]", missing.join(", ")),
            );
        }
        let scope = ScopeId(self.scopes.len() as u32);
        self.scopes.push(Scope { start_at: StateId(0) });
        let states = states?;
        let first = self.states.len();
        let ids = (first as u32..).map(StateId);
        let names: Names = states.keys().cloned().zip(ids).collect();
        self.states.extend(std::iter::repeat_with(|| None).take(states.len()));
        let base = fields.at("States");
        self.places.extend(states.keys().map(|name| format!("{base}/{}", crate::fields::escape(name))));
        if states.is_empty() {
            self.notes.error(&base, "States must hold at least one state");
        }
        for (place, (name, value)) in states.iter().enumerate() {
            let pointer = self.places[first + place].clone();
            if name.chars().count() > 80 || name.is_empty() {
                self.notes.error(&pointer, "The name of a state must have 1 to 80 characters");
            }
            self.states[first + place] = crate::state::read(name, value, pointer, &names, self);
        }
        let start_at = start_at?;
        match names.get(&start_at) {
            Some(id) => self.scopes[scope.0 as usize].start_at = *id,
            None => self.notes.missing_target(&fields.at("StartAt"), "Next", &start_at, names.keys()),
        }
        Some(scope)
    }
}
