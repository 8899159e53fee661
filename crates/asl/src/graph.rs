//! How the states of a definition lead to each other, checked on the definition as it was written.
//!
//! These checks come after those of the fields and see all that is there, whether it is right otherwise
//! or not. AWS has them in this order for each scope, the machine first:
//!
//! 1. `StartAt`, `Next` and `Default` name states of the scope.
//! 2. The machine itself, and it alone, has a state that ends it: with `End`, or a `Succeed` or `Fail`,
//!    wherever it stands. Without one nothing is said about states that are not reached.
//! 3. Every state is reached from `StartAt`, where there is one.
//!
//! The names of states are unique in the whole machine, and a scope does not assign variables that
//! states before it assign in the scopes around it.
//!
//! Source: measured with ValidateStateMachineDefinition; the text about variables is not.

use std::collections::{HashMap, HashSet};

use stepwell_value::{Map, Value};

use crate::fields::{Notes, Shown, escape};

/// A machine, branch or processor, as it was written.
pub(crate) struct ScopeText<'a> {
    pub(crate) pointer: String,
    pub(crate) fields: &'a Map,
    /// The scope around it, by its place in the list, and the name of the state there that has it.
    pub(crate) around: Option<(usize, &'a str)>,
}

impl<'a> ScopeText<'a> {
    fn states(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let states = self.fields.get("States").and_then(Value::as_object);
        states.into_iter().flat_map(Map::iter).map(|(name, state)| (&**name, state))
    }

    fn pointer_of(&self, state: &str) -> String {
        format!("{}/States/{}", self.pointer, escape(state))
    }
}

/// Checks all scopes of a machine, which is the first of them.
pub(crate) fn check(scopes: &[ScopeText], notes: &Notes) {
    check_names(scopes, notes);
    check_variables(scopes, notes);
    for scope in scopes {
        check_scope(scope, notes);
    }
}

fn check_names(scopes: &[ScopeText], notes: &Notes) {
    let mut seen = HashSet::new();
    for scope in scopes {
        for (name, _) in scope.states() {
            if !seen.insert(name) {
                let text = format!("Duplicate State name: {name}");
                notes.error_of("DUPLICATE_STATE_NAME", &scope.pointer_of(name), &text);
            }
        }
    }
}

/// Which states of a scope assign a variable.
type Assigned<'a> = HashMap<&'a str, Vec<&'a str>>;

fn check_variables(scopes: &[ScopeText], notes: &Notes) {
    // A scope stands behind those around it, so theirs are known.
    let mut known: Vec<Assigned> = Vec::with_capacity(scopes.len());
    let mut before = HashMap::new();
    for scope in scopes {
        let mut assigned = Assigned::new();
        for (state, value) in scope.states() {
            each_assignment(value, &mut |pointer, key| {
                let name = key.strip_suffix(".$").unwrap_or(key);
                assigned.entry(name).or_default().push(state);
                let mut around = scope.around;
                while let Some((place, container)) = around {
                    // What the container's own Assign and Catch assign comes after what is inside it
                    // (recorded), and so does what the states behind it assign.
                    let states = known[place].get(name).map_or(&[][..], |states| states);
                    let defined = !states.is_empty() && {
                        let before = before
                            .entry((place, container))
                            .or_insert_with(|| leading_to(&scopes[place], container));
                        states.iter().any(|state| *state != container && before.contains(state))
                    };
                    if defined {
                        let pointer = format!("{}{pointer}/{}", scope.pointer_of(state), escape(key));
                        let text =
                            format!("The variable name '{name}' was already defined in a parent scope.");
                        notes.error_of("DUPLICATE_VARIABLE_NAME", &pointer, &text);
                        break;
                    }
                    around = scopes[place].around;
                }
            });
        }
        known.push(assigned);
    }
}

/// The states of a scope from which a path leads to `state`.
fn leading_to<'a>(scope: &ScopeText<'a>, state: &'a str) -> HashSet<&'a str> {
    let mut sources: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, value) in scope.states() {
        each_target(value, &mut |_, target| sources.entry(target).or_default().push(name));
    }
    let mut found = HashSet::new();
    let mut open = vec![state];
    while let Some(target) = open.pop() {
        for source in sources.get(target).into_iter().flatten() {
            if found.insert(*source) {
                open.push(source);
            }
        }
    }
    found
}

/// The keys of each `Assign` of a state, with the pointer of the `Assign` in it.
fn each_assignment<'a>(state: &'a Value, found: &mut impl FnMut(&str, &'a str)) {
    let mut look = |value: &'a Value, pointer: &str| {
        for key in value.get("Assign").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            found(&format!("{pointer}/Assign"), key);
        }
    };
    look(state, "");
    for list in ["Choices", "Catch"] {
        for (place, entry) in entries(state, list) {
            look(entry, &format!("/{list}/{place}"));
        }
    }
}

fn entries<'a>(state: &'a Value, list: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    state.get(list).and_then(Value::as_array).into_iter().flatten().enumerate()
}

/// The names that a state leads to, with the pointer to each in the state.
fn each_target<'a>(state: &'a Value, found: &mut impl FnMut(&str, &'a str)) {
    let mut look = |value: &'a Value, key: &str, pointer: &str| {
        if let Some(target) = value.get(key).and_then(Value::as_str) {
            found(&format!("{pointer}/{key}"), target);
        }
    };
    look(state, "Next", "");
    for list in ["Choices", "Catch"] {
        for (place, entry) in entries(state, list) {
            look(entry, "Next", &format!("/{list}/{place}"));
        }
    }
    look(state, "Default", "");
}

fn check_scope(scope: &ScopeText, notes: &Notes) {
    let states: Vec<(&str, &Value)> = scope.states().collect();
    let places: HashMap<&str, usize> =
        states.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
    let find = |pointer: String, target: &str| {
        let place = places.get(target).copied();
        if place.is_none() {
            let hint = notes.hint(target, states.iter().map(|(name, _)| *name));
            // The word is 'Next', whatever the field.
            let text = format!("Missing 'Next' target: {target}");
            notes.error_shown(MISSING_TARGET, &pointer, Shown::There, &text, hint);
        }
        place
    };

    let start_at = scope.fields.get("StartAt").and_then(Value::as_str);
    let start = start_at.and_then(|name| find(format!("{}/StartAt", scope.pointer), name));
    let mut leads: Vec<Vec<usize>> = Vec::with_capacity(states.len());
    for (name, state) in &states {
        let mut places = Vec::new();
        each_target(state, &mut |pointer, target| {
            places.extend(find(format!("{}{pointer}", scope.pointer_of(name)), target));
        });
        leads.push(places);
    }

    if scope.around.is_none() && !states.iter().any(|(_, state)| ends(state)) {
        let text = "Workflow has no terminal state";
        notes.error_shown("MISSING_END_STATE", "/States", Shown::Nowhere, text, None);
        return;
    }
    if start_at.is_none() {
        return;
    }
    let mut reached = vec![false; states.len()];
    let mut open: Vec<usize> = start.into_iter().collect();
    while let Some(place) = open.pop() {
        if !std::mem::replace(&mut reached[place], true) {
            open.extend(&leads[place]);
        }
    }
    for ((name, _), reached) in states.iter().zip(reached) {
        if !reached {
            let text = format!("State \"{name}\" is not reachable.");
            notes.error_of(MISSING_TARGET, &scope.pointer_of(name), &text);
        }
    }
}

const MISSING_TARGET: &str = "MISSING_TRANSITION_TARGET";

/// Whether the machine ends with this state.
fn ends(state: &Value) -> bool {
    let named = |name| state.get("Type").and_then(Value::as_str) == Some(name);
    state.get("End").and_then(Value::as_bool) == Some(true) || named("Succeed") || named("Fail")
}
