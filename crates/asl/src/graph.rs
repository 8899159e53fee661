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
    let graphs: Vec<Graph> = scopes.iter().map(Graph::of).collect();
    check_names(scopes, notes);
    check_variables(scopes, &graphs, notes);
    for (scope, graph) in scopes.iter().zip(&graphs) {
        check_scope(scope, graph, notes);
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
type Assigned<'a> = HashMap<&'a str, Vec<usize>>;

/// A variable that is assigned inside a state, and outside by others of these.
struct Doubt<'a> {
    /// The outer scope, and the state in it that has the inner one.
    scope: usize,
    container: usize,
    name: &'a str,
    /// Which one of the assignments.
    assignment: usize,
}

fn check_variables(scopes: &[ScopeText], graphs: &[Graph], notes: &Notes) {
    // A scope stands behind those around it, so theirs are known.
    let mut known: Vec<Assigned> = Vec::with_capacity(scopes.len());
    let mut assignments = Vec::new();
    let mut doubts: Vec<Doubt> = Vec::new();
    for scope in scopes {
        let mut assigned = Assigned::new();
        for (state, (state_name, value)) in scope.states().enumerate() {
            each_assignment(value, &mut |pointer, key| {
                let name = key.strip_suffix(".$").unwrap_or(key);
                assigned.entry(name).or_default().push(state);
                let assignment = assignments.len();
                let mut around = scope.around;
                while let Some((place, container)) = around {
                    if known[place].contains_key(name) {
                        let container = graphs[place].places[container];
                        doubts.push(Doubt { scope: place, container, name, assignment });
                    }
                    around = scopes[place].around;
                }
                if doubts.last().is_some_and(|doubt| doubt.assignment == assignment) {
                    let pointer = format!("{}{pointer}/{}", scope.pointer_of(state_name), escape(key));
                    assignments.push((pointer, name, false));
                }
            });
        }
        known.push(assigned);
    }
    // What follows the states that assign a variable is found once for all that ask.
    doubts.sort_by_key(|doubt| (doubt.scope, doubt.name));
    for same in doubts.chunk_by(|a, b| (a.scope, a.name) == (b.scope, b.name)) {
        let sources = &known[same[0].scope][same[0].name];
        let behind = graphs[same[0].scope].behind(sources);
        for doubt in same {
            // What the container's own Assign and Catch assign comes after what is inside it (recorded),
            // and so does what the states behind it assign.
            let by_others = sources.iter().any(|source| *source != doubt.container);
            assignments[doubt.assignment].2 |= by_others && behind[doubt.container];
        }
    }
    for (pointer, name, _) in assignments.into_iter().filter(|(_, _, twice)| *twice) {
        let text = format!("The variable name '{name}' was already defined in a parent scope.");
        notes.error_of("DUPLICATE_VARIABLE_NAME", &pointer, &text);
    }
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

/// The states of a scope by their places in it, and which lead where.
struct Graph<'a> {
    places: HashMap<&'a str, usize>,
    leads: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn of(scope: &ScopeText<'a>) -> Graph<'a> {
        let places: HashMap<&str, usize> =
            scope.states().enumerate().map(|(place, (name, _))| (name, place)).collect();
        let leads = scope.states().map(|(_, state)| {
            let mut leads = Vec::new();
            each_target(state, &mut |_, target| leads.extend(places.get(target)));
            leads
        });
        let leads = leads.collect();
        Graph { places, leads }
    }

    /// Which states one of these leads to, on whatever way.
    fn behind(&self, sources: &[usize]) -> Vec<bool> {
        let mut reached = vec![false; self.leads.len()];
        let mut open = sources.to_vec();
        while let Some(place) = open.pop() {
            for next in &self.leads[place] {
                if !std::mem::replace(&mut reached[*next], true) {
                    open.push(*next);
                }
            }
        }
        reached
    }
}

fn check_scope(scope: &ScopeText, graph: &Graph, notes: &Notes) {
    let check_target = |pointer: String, target: &str| {
        if !graph.places.contains_key(target) {
            let hint = notes.hint(target, scope.states().map(|(name, _)| name));
            // The word is 'Next', whatever the field.
            let text = format!("Missing 'Next' target: {target}");
            notes.error_shown(MISSING_TARGET, &pointer, Shown::There, &text, hint);
        }
    };
    let start_at = scope.fields.get("StartAt").and_then(Value::as_str);
    if let Some(start_at) = start_at {
        check_target(format!("{}/StartAt", scope.pointer), start_at);
    }
    for (name, state) in scope.states() {
        each_target(state, &mut |pointer, target| {
            check_target(format!("{}{pointer}", scope.pointer_of(name)), target);
        });
    }

    if scope.around.is_none() && !scope.states().any(|(_, state)| ends(state)) {
        let text = "Workflow has no terminal state";
        notes.error_shown("MISSING_END_STATE", "/States", Shown::Nowhere, text, None);
        return;
    }
    let Some(start_at) = start_at else { return };
    let start = graph.places.get(start_at);
    let behind = graph.behind(start.map_or(&[], std::slice::from_ref));
    for (place, (name, _)) in scope.states().enumerate() {
        if !behind[place] && start != Some(&place) {
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
