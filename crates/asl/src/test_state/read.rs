//! Reading the definition of a test: one state, or a machine and the name of a state in it.
//!
//! One state is read as the only one of a machine, beside ends for the states that it names as next.

use std::sync::Arc;

use stepwell_model::{Resource, StateType};
use stepwell_value::{Map, Value};

use crate::definition::{Definition, Diagnostic, StateId};
use crate::state::StateKind;

/// What the context object calls the state under test, also if it stands in a machine (recorded).
pub(super) const STATE_NAME: &str = "StateName";

/// Where a state that came alone stands in the machine that is made around it.
const ALONE: &str = "/States/StateName";

/// A state that can be tested.
#[derive(Debug)]
pub struct Tested {
    pub(super) definition: Definition,
    pub(super) state: StateId,
    /// What its machine calls it.
    pub(super) name: Arc<str>,
    /// The state as it is written.
    pub(super) value: Value,
    /// The Map in whose iterations it stands, as that is written.
    pub(super) map_around: Option<Value>,
}

/// Why there is nothing to test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untestable {
    /// The definition is not valid: all that is wrong with it.
    Invalid(Vec<Diagnostic>),
    /// The machine has no state of this name.
    NoSuchState,
}

impl Tested {
    /// Reads the state `state_name` of a machine, on whatever level it stands; without a name, a
    /// definition that is one state.
    pub fn read(text: &str, state_name: Option<&str>) -> Result<Tested, Untestable> {
        let Ok(written) = Value::parse(text) else {
            return Err(Untestable::Invalid(Definition::parse(text).err().unwrap_or_default()));
        };
        let name = state_name.unwrap_or(STATE_NAME);
        let definition = match state_name {
            Some(_) => Definition::parse(text),
            None => read_alone(&written),
        };
        let (mut definition, _) = definition.map_err(Untestable::Invalid)?;
        let mut states = definition.states_mut().iter_mut().zip(0..);
        let (state, place) = states.find(|(state, _)| &*state.name == name).ok_or(Untestable::NoSuchState)?;
        let name = std::mem::replace(&mut state.name, STATE_NAME.into());
        let (value, map_around) = match state_name {
            None => (written, None),
            Some(name) => {
                let (state, map) = find(&written, name, None).ok_or(Untestable::NoSuchState)?;
                (state.clone(), map.cloned())
            }
        };
        Ok(Tested { definition, state: StateId(place), name, value, map_around })
    }

    pub(super) fn kind(&self) -> &StateKind {
        &self.definition.state(self.state).expect("it was found in this list").kind
    }

    /// The type of the state.
    pub fn state_type(&self) -> StateType {
        self.kind().state_type()
    }

    /// What a `Task` calls.
    pub fn resource(&self) -> Option<&Resource> {
        self.definition.task_resource(self.state)
    }

    /// How many branches a `Parallel` has.
    pub fn branches(&self) -> Option<usize> {
        match self.kind() {
            StateKind::Parallel(parallel) => Some(parallel.branches.len()),
            _ => None,
        }
    }

    /// Whether it has a field of this name, such as `ResultWriter`.
    pub fn has(&self, field: &str) -> bool {
        self.value.get(field).is_some()
    }

    /// Whether a state of this name stands somewhere inside it.
    pub fn holds(&self, state_name: &str) -> bool {
        scopes(&self.value).any(|scope| find(scope, state_name, None).is_some())
    }
}

/// Reads a machine made around one state; places are told as the caller wrote them.
fn read_alone(state: &Value) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = machine_around(state).to_json().unwrap_or_default();
    let mut found = match Definition::parse(&text) {
        Ok(parsed) => return Ok(parsed),
        Err(found) => found,
    };
    // What is wrong with the machine around it, or with the name it has there, is nothing to the caller.
    let own_name = format!("Duplicate State name: {STATE_NAME}");
    found.retain(|found| found.pointer.starts_with(ALONE) && found.message != own_name);
    if !found.iter().any(Diagnostic::is_error)
        && let Some(definition) = Definition::reread(&text)
    {
        return Ok((definition, found));
    }
    for found in &mut found {
        found.pointer = found.pointer.replacen(ALONE, "", 1);
        if let Some(location) = &mut found.location {
            *location = location.replacen(ALONE, "", 1);
            if location.is_empty() {
                location.push('/');
            }
        }
    }
    Err(found)
}

/// A machine of one state, and of an end for each state that it names as next.
fn machine_around(state: &Value) -> Value {
    let end = || Value::object([("Type", Value::from("Succeed"))]);
    let mut states = Map::default();
    states.insert(STATE_NAME.into(), state.clone());
    let lists = ["Choices", "Catch"].into_iter().filter_map(|key| state.get(key)?.as_array());
    let inside = lists.flatten().filter_map(|entry| entry.get("Next"));
    let targets = [state.get("Next"), state.get("Default")].into_iter().flatten().chain(inside);
    for target in targets.filter_map(Value::as_str) {
        if !states.contains_key(target) {
            states.insert(target.into(), end());
        }
    }
    Value::object([("StartAt", Value::from(STATE_NAME)), ("States", Value::Object(Arc::new(states)))])
}

/// The state of this name in a machine, a branch or a processor, or in a state of it; and the innermost
/// Map that it is in, `map` being the one around the scope.
fn find<'v>(scope: &'v Value, name: &str, map: Option<&'v Value>) -> Option<(&'v Value, Option<&'v Value>)> {
    let states = scope.get("States")?.as_object()?;
    if let Some(state) = states.get(name) {
        return Some((state, map));
    }
    states.values().find_map(|state| {
        let is_map = state.get("Type").and_then(Value::as_str) == Some("Map");
        let map = if is_map { Some(state) } else { map };
        scopes(state).find_map(|scope| find(scope, name, map))
    })
}

/// What a state holds states in.
fn scopes(state: &Value) -> impl Iterator<Item = &Value> {
    let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
    let processors = ["ItemProcessor", "Iterator"].into_iter().filter_map(|key| state.get(key));
    branches.chain(processors)
}
