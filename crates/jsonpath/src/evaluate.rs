//! Walking a value along the steps of a path.
//!
//! A definite path is a loop over references. An indefinite one is a depth-first search, in the
//! order of the document; a branch in which a step finds nothing is dropped.

use std::cell::{Cell, OnceCell};

use stepwell_value::Value;

use crate::error::Unreachable;
use crate::path::{Query, Step, steps_text};
use crate::{Scope, java};

/// How much work one evaluation may take, in values visited (and the like): a second at most.
///
/// The largest payload has some 130,000 values, so a search through all of it is far below; what
/// is beyond is `$..*..*..*` over deep nesting, which grows with every part of the path.
pub const WORK_MAX: u64 = 16_000_000;

/// How deep a search may recurse: a little more than the deepest value, for the steps beside it.
const RECURSION_MAX: usize = 1_200;

/// One evaluation: of a path, an expression or a whole template.
pub(crate) struct Run<'a> {
    pub scope: &'a Scope<'a>,
    context: OnceCell<Value>,
    work: Cell<u64>,
    recursion: Cell<usize>,
}

/// Why a query gave no value.
pub(crate) enum Stop {
    Nowhere(Nowhere),
    Exhausted,
}

/// The step at which a definite query ends. Small, because a failure is often just `false`.
pub(crate) enum Nowhere {
    Step(usize),
    /// A list of names before the last step.
    Names(usize),
    Function(&'static str),
}

impl Nowhere {
    /// Walks again to the place, to tell what was there.
    pub fn explain(&self, query: &Query, document: &Value) -> Unreachable {
        let upto = |count: usize| format!("${}", steps_text(&query.steps[..count]));
        match self {
            Nowhere::Function(function) => Unreachable::FunctionUnfit { function },
            Nowhere::Names(at) => Unreachable::NamesBeforeTheEnd { path: upto(at + 1) },
            Nowhere::Step(at) => {
                let before = query.steps[..*at].iter().try_fold(document, |value, step| single(step, value));
                let found = before.unwrap_or(&Value::Null);
                match (&query.steps[*at], found) {
                    (Step::Index(_), Value::Array(_)) => {
                        Unreachable::NoResults { path: upto(query.steps.len()) }
                    }
                    (Step::Index(_), Value::Null) => Unreachable::Null { path: upto(*at) },
                    (Step::Index(_), other) => {
                        let mut text = String::new();
                        java::print(other, &mut text);
                        Unreachable::NotAnArray { steps: steps_text(&query.steps[*at..]), found: text }
                    }
                    (_, Value::Object(_)) if at + 1 == query.steps.len() => {
                        Unreachable::NoResults { path: upto(at + 1) }
                    }
                    (_, Value::Object(_)) => Unreachable::MissingProperty { path: upto(at + 1) },
                    (step, _) => Unreachable::NotAnObject {
                        property: steps_text(std::slice::from_ref(step)),
                        path: upto(*at),
                    },
                }
            }
        }
    }
}

impl<'a> Run<'a> {
    pub fn new(scope: &'a Scope<'a>) -> Run<'a> {
        Run { scope, context: OnceCell::new(), work: Cell::new(0), recursion: Cell::new(0) }
    }

    /// The context object, built once.
    pub fn context(&self) -> &Value {
        self.context.get_or_init(|| (self.scope.context)())
    }

    /// Counts `units` of work.
    pub fn charge(&self, units: usize) -> Result<(), Stop> {
        let work = self.work.get().saturating_add(units as u64);
        self.work.set(work);
        if work > WORK_MAX { Err(Stop::Exhausted) } else { Ok(()) }
    }

    /// Counts the work of reading a whole value: its parts, and its text by fours.
    pub fn charge_whole(&self, value: &Value) -> Result<(), Stop> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.charge(1),
            Value::String(text) => self.charge(1 + text.len() / 4),
            Value::Array(items) => {
                self.charge(1)?;
                items.iter().try_for_each(|item| self.charge_whole(item))
            }
            Value::Object(map) => {
                self.charge(1)?;
                map.iter().try_for_each(|(key, item)| {
                    self.charge(key.len() / 4)?;
                    self.charge_whole(item)
                })
            }
        }
    }

    /// What `query` finds from `start`; `document` is what `$` means in its filters.
    pub fn query(&self, query: &Query, start: &Value, document: &Value) -> Result<Value, Stop> {
        let names = |step: &Step| matches!(step, Step::Names(_));
        if let Some(at) = query.steps.iter().position(names)
            && at + 1 < query.steps.len()
        {
            return Err(Stop::Nowhere(Nowhere::Names(at)));
        }
        let mut value = if query.is_definite() {
            self.charge(query.steps.len())?;
            definite(&query.steps, start)?
        } else {
            let mut search = Search { run: self, document, found: Vec::new() };
            search.collect(&query.steps, start)?;
            Value::array(search.found)
        };
        for function in &query.functions {
            self.charge(value.as_array().map_or(1, Vec::len))?;
            let result = function.apply(&value);
            value = result.ok_or(Stop::Nowhere(Nowhere::Function(function.name())))?;
        }
        Ok(value)
    }
}

fn definite(steps: &[Step], start: &Value) -> Result<Value, Stop> {
    let mut value = start;
    for (at, step) in steps.iter().enumerate() {
        if let Step::Names(names) = step {
            let picked = pick(names, value);
            return picked.ok_or(Stop::Nowhere(Nowhere::Step(at)));
        }
        value = single(step, value).ok_or(Stop::Nowhere(Nowhere::Step(at)))?;
    }
    Ok(value.clone())
}

/// The one place a definite step leads to.
fn single<'v>(step: &Step, value: &'v Value) -> Option<&'v Value> {
    match step {
        Step::Name(name) => value.get(name),
        Step::Index(index) => item(value.as_array()?, *index),
        Step::Names(_)
        | Step::Indexes(_)
        | Step::Slice { .. }
        | Step::Wildcard
        | Step::Descend
        | Step::Filter(_) => None,
    }
}

fn item(items: &[Value], index: i32) -> Option<&Value> {
    let from_end = if index < 0 { items.len() as i64 } else { 0 };
    usize::try_from(from_end + i64::from(index)).ok().and_then(|at| items.get(at))
}

/// A new object of the members that are there.
fn pick(names: &[std::sync::Arc<str>], value: &Value) -> Option<Value> {
    let map = value.as_object()?;
    let members = names.iter().filter_map(|name| map.get(name).map(|member| (name.clone(), member.clone())));
    Some(Value::object(members))
}

/// The part of an array that a slice covers, as in Python.
fn covered(from: Option<i32>, to: Option<i32>, length: usize) -> std::ops::Range<usize> {
    let place = |end: i32| {
        let end = i64::from(end);
        let end = if end < 0 { end + length as i64 } else { end };
        usize::try_from(end.max(0)).unwrap_or(usize::MAX).min(length)
    };
    let from = from.map_or(0, place);
    let to = to.map_or(length, place);
    from..to.max(from)
}

struct Search<'r, 'a> {
    run: &'r Run<'a>,
    document: &'r Value,
    found: Vec<Value>,
}

impl Search<'_, '_> {
    fn collect(&mut self, steps: &[Step], value: &Value) -> Result<(), Stop> {
        self.run.charge(1)?;
        let Some((step, rest)) = steps.split_first() else {
            self.found.push(value.clone());
            return Ok(());
        };
        let depth = self.run.recursion.get();
        if depth == RECURSION_MAX {
            return Err(Stop::Exhausted);
        }
        self.run.recursion.set(depth + 1);
        let result = self.step(step, rest, value);
        self.run.recursion.set(depth);
        result
    }

    fn step(&mut self, step: &Step, rest: &[Step], value: &Value) -> Result<(), Stop> {
        match (step, value) {
            (Step::Name(name), Value::Object(map)) => match map.get(name) {
                Some(member) => self.collect(rest, member),
                None => Ok(()),
            },
            (Step::Names(names), Value::Object(_)) => {
                self.found.extend(pick(names, value));
                Ok(())
            }
            (Step::Index(index), Value::Array(items)) => match item(items, *index) {
                Some(item) => self.collect(rest, item),
                None => Ok(()),
            },
            (Step::Indexes(indexes), Value::Array(items)) => {
                let mut chosen = indexes.iter().filter_map(|index| item(items, *index));
                chosen.try_for_each(|item| self.collect(rest, item))
            }
            (Step::Slice { from, to, by }, Value::Array(items)) => {
                let mut chosen = items[covered(*from, *to, items.len())].iter().step_by(*by);
                chosen.try_for_each(|item| self.collect(rest, item))
            }
            (Step::Wildcard, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.collect(rest, item))
            }
            (Step::Wildcard, Value::Object(map)) => {
                map.values().try_for_each(|item| self.collect(rest, item))
            }
            (Step::Filter(filter), Value::Object(_)) => {
                if filter.holds(self.run, value, self.document)? {
                    self.collect(rest, value)
                } else {
                    Ok(())
                }
            }
            (Step::Filter(filter), Value::Array(items)) => {
                for item in items.iter() {
                    self.run.charge(1)?;
                    if filter.holds(self.run, item, self.document)? {
                        self.collect(rest, item)?;
                    }
                }
                Ok(())
            }
            (Step::Descend, _) => self.descend(rest, value),
            (
                Step::Name(_)
                | Step::Names(_)
                | Step::Index(_)
                | Step::Indexes(_)
                | Step::Slice { .. }
                | Step::Wildcard
                | Step::Filter(_),
                _,
            ) => Ok(()),
        }
    }

    /// Looks for the first of `steps` in `value` and in everything below it, from the top.
    fn descend(&mut self, steps: &[Step], value: &Value) -> Result<(), Stop> {
        let Some((target, rest)) = steps.split_first() else { return Ok(()) };
        self.run.charge(1)?;
        match (target, value) {
            // An object below is tested itself, so testing the items of its array would find it
            // twice; Jayway tests the array as a whole.
            (Step::Filter(filter), Value::Object(_)) => {
                if filter.holds(self.run, value, self.document)? {
                    self.collect(rest, value)?;
                }
            }
            (Step::Filter(filter), Value::Array(_)) => {
                if filter.holds(self.run, value, self.document)? {
                    self.collect(steps, value)?;
                }
            }
            (Step::Names(names), Value::Object(map)) => {
                if names.iter().all(|name| map.contains_key(name)) {
                    self.collect(steps, value)?;
                }
            }
            (
                Step::Name(_)
                | Step::Names(_)
                | Step::Index(_)
                | Step::Indexes(_)
                | Step::Slice { .. }
                | Step::Wildcard
                | Step::Descend
                | Step::Filter(_),
                _,
            ) => self.collect(steps, value)?,
        }
        let depth = self.run.recursion.get();
        if depth == RECURSION_MAX {
            return Err(Stop::Exhausted);
        }
        self.run.recursion.set(depth + 1);
        let result = match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.below(steps, item)),
            Value::Object(map) => map.values().try_for_each(|item| self.below(steps, item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        };
        self.run.recursion.set(depth);
        result
    }

    fn below(&mut self, steps: &[Step], value: &Value) -> Result<(), Stop> {
        match value {
            Value::Array(_) | Value::Object(_) => self.descend(steps, value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.run.charge(1),
        }
    }
}
