//! Walking a value along the steps of a path.
//!
//! A definite path is a loop over references. An indefinite one is a depth-first search, in the
//! order of the document, which drops a branch only where Jayway's release 2.0.0 does.

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

/// Where a query ends. Small until it is to be told, because a failure is often just `false`.
pub(crate) enum Nowhere {
    /// A definite query ends at this step.
    Step { at: usize, missing: bool },
    /// Already told.
    Told(Box<Unreachable>),
}

impl Nowhere {
    /// Whether Jayway calls it `PathNotFoundException`, which makes a criterion false; its other
    /// exceptions fail the whole path.
    pub fn is_missing(&self) -> bool {
        match self {
            Nowhere::Step { missing, .. } => *missing,
            Nowhere::Told(_) => false,
        }
    }

    /// The same, with its words.
    pub fn told(self, query: &Query, document: &Value) -> Nowhere {
        Nowhere::Told(Box::new(self.explain(query, document)))
    }

    /// Walks again to the place, to tell what was there.
    pub fn explain(self, query: &Query, document: &Value) -> Unreachable {
        let at = match self {
            Nowhere::Told(reason) => return *reason,
            Nowhere::Step { at, .. } => at,
        };
        let (mut place, mut value) = (String::from("$"), document);
        for step in &query.steps[..at] {
            match step {
                Step::FromEnd(_) => place.push_str(&format!("[{}]", position(step, value).unwrap_or(-1))),
                _ => place.push_str(&steps_text(std::slice::from_ref(step))),
            }
            value = single(step, value).unwrap_or(&Value::Null);
        }
        let fault = match &query.steps[at] {
            Step::Index(_) | Step::FromEnd(_) => match value {
                Value::Array(_) => Fault::OutOfBounds(position(&query.steps[at], value).unwrap_or(-1)),
                Value::Null => Fault::Null,
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    Fault::NotAnArray(value.clone())
                }
            },
            _ => match value {
                Value::Object(_) if matches!(query.steps[at], Step::Names(_)) => Fault::NamesBeforeTheEnd,
                Value::Object(_) if at + 1 == query.steps.len() => Fault::NoResults,
                Value::Object(_) => Fault::MissingProperty,
                _ => Fault::NotAnObject,
            },
        };
        fault.explain(&query.steps, at, place)
    }
}

/// What a step met that it cannot be applied to.
enum Fault {
    NoResults,
    MissingProperty,
    NotAnObject,
    Null,
    OutOfBounds(i64),
    NotAnArray(Value),
    Primitive(Value),
    NamesBeforeTheEnd,
}

impl Fault {
    fn is_missing(&self) -> bool {
        match self {
            Fault::NoResults
            | Fault::MissingProperty
            | Fault::NotAnObject
            | Fault::Null
            | Fault::OutOfBounds(_) => true,
            Fault::NotAnArray(_) | Fault::Primitive(_) | Fault::NamesBeforeTheEnd => false,
        }
    }

    /// `place` is where step `at` was applied.
    fn explain(self, steps: &[Step], at: usize, place: String) -> Unreachable {
        let printed = |value: &Value| {
            let mut text = String::new();
            java::print(value, &mut text);
            text
        };
        let step = steps_text(&steps[at..=at]);
        match self {
            Fault::NoResults => Unreachable::NoResults { path: place + &step },
            Fault::MissingProperty => Unreachable::MissingProperty { path: place + &step },
            Fault::NotAnObject => Unreachable::NotAnObject { property: step, path: place },
            Fault::Null => Unreachable::Null { path: place },
            Fault::OutOfBounds(index) => Unreachable::OutOfBounds { path: format!("{place}[{index}]") },
            Fault::NotAnArray(found) => {
                Unreachable::NotAnArray { steps: steps_text(&steps[at..]), found: printed(&found) }
            }
            Fault::Primitive(found) => {
                Unreachable::Primitive { steps: steps_text(&steps[at..]), found: printed(&found) }
            }
            Fault::NamesBeforeTheEnd => Unreachable::NamesBeforeTheEnd { path: place + &step },
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
        if query.is_definite() {
            self.charge(query.steps.len())?;
            return definite(&query.steps, start);
        }
        let steps = &query.steps[..];
        let mut search = Search { run: self, document, steps, place: Vec::new(), found: Vec::new() };
        match search.apply(0, start) {
            Ok(()) => Ok(Value::array(search.found)),
            Err(Halt::Stop(stop)) => Err(stop),
            Err(Halt::Fault(fault, at)) => {
                let mut place = String::from("$");
                for crumb in &search.place {
                    match crumb {
                        Crumb::Key(key) => place.push_str(&format!("['{key}']")),
                        Crumb::At(index) => place.push_str(&format!("[{index}]")),
                    }
                }
                let reason = fault.explain(steps, at, place);
                Err(Stop::Nowhere(Nowhere::Told(Box::new(reason))))
            }
        }
    }
}

fn definite(steps: &[Step], start: &Value) -> Result<Value, Stop> {
    let mut value = start;
    for (at, step) in steps.iter().enumerate() {
        if let Step::Names(names) = step {
            let object = matches!(value, Value::Object(_));
            let leaf = at + 1 == steps.len();
            let picked = if leaf { pick(names, value) } else { None };
            return picked.ok_or(Stop::Nowhere(Nowhere::Step { at, missing: !object }));
        }
        value = match single(step, value) {
            Some(next) => next,
            None => {
                let fits = match step {
                    Step::Index(_) | Step::FromEnd(_) => matches!(value, Value::Array(_) | Value::Null),
                    _ => true,
                };
                return Err(Stop::Nowhere(Nowhere::Step { at, missing: fits }));
            }
        };
    }
    Ok(value.clone())
}

/// The one place a definite step leads to.
fn single<'v>(step: &Step, value: &'v Value) -> Option<&'v Value> {
    match step {
        Step::Name(name) => value.get(name),
        Step::Index(_) | Step::FromEnd(_) => item(value.as_array()?, position(step, value)?),
        Step::Names(_)
        | Step::Indexes(_)
        | Step::Slice { .. }
        | Step::Wildcard
        | Step::Descend
        | Step::Filter(_) => None,
    }
}

/// The index that a step with one index means in an array.
fn position(step: &Step, value: &Value) -> Option<i64> {
    let length = value.as_array()?.len() as i64;
    match step {
        Step::Index(index) => Some(i64::from(*index)),
        Step::FromEnd(number) => Some(length + i64::from(*number)),
        Step::Name(_)
        | Step::Names(_)
        | Step::Indexes(_)
        | Step::Slice { .. }
        | Step::Wildcard
        | Step::Descend
        | Step::Filter(_) => None,
    }
}

fn item(items: &[Value], index: i64) -> Option<&Value> {
    usize::try_from(index).ok().and_then(|at| items.get(at))
}

/// A new object of the members that are there.
fn pick(names: &[std::sync::Arc<str>], value: &Value) -> Option<Value> {
    let map = value.as_object()?;
    let members = names.iter().filter_map(|name| map.get(name).map(|member| (name.clone(), member.clone())));
    Some(Value::object(members))
}

/// The indexes that a slice covers. Each end alone counts from the end if negative; of two, a
/// negative start leads before the array, and a negative end covers nothing.
fn covered(from: Option<i32>, to: Option<i32>, length: usize) -> std::ops::Range<i64> {
    let length = length as i64;
    let (from, to) = (from.map(i64::from), to.map(i64::from));
    match (from, to) {
        (Some(from), Some(to)) if length > 0 => from..to.min(length),
        (Some(_), Some(_)) => 0..0,
        (Some(from), None) => (if from < 0 { from + length } else { from }).max(0)..length,
        (None, Some(to)) => 0..(if to < 0 { to + length } else { to }).min(length),
        (None, None) => 0..length,
    }
}

/// One step of the way to a value.
enum Crumb<'v> {
    Key(&'v str),
    At(i64),
}

/// Why a search ends early.
enum Halt {
    Stop(Stop),
    /// The step of that number met something; the crumbs lead there.
    Fault(Fault, usize),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Halt {
        Halt::Stop(stop)
    }
}

/// A depth-first search. A fault ends it and leaves the crumbs lying, to tell the place.
struct Search<'r, 'a, 'v> {
    run: &'r Run<'a>,
    document: &'r Value,
    steps: &'v [Step],
    place: Vec<Crumb<'v>>,
    found: Vec<Value>,
}

impl<'v> Search<'_, '_, 'v> {
    /// Applies step `at` to `value`, and those behind it to what that finds.
    fn apply(&mut self, at: usize, value: &'v Value) -> Result<(), Halt> {
        self.deeper(|search| search.step(at, value))
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Halt>) -> Result<(), Halt> {
        self.run.charge(1)?;
        let depth = self.run.recursion.get();
        if depth == RECURSION_MAX {
            return Err(Halt::Stop(Stop::Exhausted));
        }
        self.run.recursion.set(depth + 1);
        let result = work(self);
        self.run.recursion.set(depth);
        result
    }

    /// Step `at` found `value`.
    fn next(&mut self, at: usize, crumb: Crumb<'v>, value: &'v Value) -> Result<(), Halt> {
        self.place.push(crumb);
        self.stay(at, value)?;
        self.place.pop();
        Ok(())
    }

    fn stay(&mut self, at: usize, value: &'v Value) -> Result<(), Halt> {
        if at + 1 < self.steps.len() {
            return self.apply(at + 1, value);
        }
        self.run.charge(1)?;
        self.found.push(value.clone());
        Ok(())
    }

    fn index(&mut self, at: usize, items: &'v [Value], index: i64) -> Result<(), Halt> {
        match item(items, index) {
            Some(item) => self.next(at, Crumb::At(index), item),
            None => Err(Halt::Fault(Fault::OutOfBounds(index), at)),
        }
    }

    fn step(&mut self, at: usize, value: &'v Value) -> Result<(), Halt> {
        let steps = self.steps;
        let last = at + 1 == steps.len();
        let fault = |fault: Fault| Err(Halt::Fault(fault, at));
        match &steps[at] {
            Step::Name(name) => {
                let Value::Object(map) = value else { return fault(Fault::NotAnObject) };
                match map.get(name) {
                    Some(member) => self.next(at, Crumb::Key(name), member),
                    None if last => fault(Fault::NoResults),
                    // Jayway looks at the step before and all behind it, not at those before it.
                    None if steps[at.saturating_sub(1)..].iter().all(Step::is_definite) => {
                        fault(Fault::MissingProperty)
                    }
                    None => Ok(()),
                }
            }
            Step::Names(names) => match pick(names, value) {
                None => fault(Fault::NotAnObject),
                Some(_) if !last => fault(Fault::NamesBeforeTheEnd),
                Some(picked) => {
                    self.run.charge(names.len())?;
                    self.found.push(picked);
                    Ok(())
                }
            },
            Step::Index(_) | Step::FromEnd(_) | Step::Indexes(_) | Step::Slice { .. } => {
                let items = match value {
                    Value::Array(items) => &items[..],
                    Value::Null => return fault(Fault::Null),
                    Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                        return fault(Fault::NotAnArray(value.clone()));
                    }
                };
                match &steps[at] {
                    Step::Indexes(indexes) => {
                        indexes.iter().try_for_each(|index| self.index(at, items, i64::from(*index)))
                    }
                    Step::Slice { from, to } => {
                        covered(*from, *to, items.len()).try_for_each(|index| self.index(at, items, index))
                    }
                    one => self.index(at, items, position(one, value).unwrap_or(-1)),
                }
            }
            Step::Wildcard => match value {
                Value::Object(map) => {
                    map.iter().try_for_each(|(key, member)| self.next(at, Crumb::Key(key), member))
                }
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let place = self.place.len();
                        match self.next(at, Crumb::At(index as i64), item) {
                            // Only here does Jayway go on with the next one.
                            Err(Halt::Fault(fault, _)) if fault.is_missing() => self.place.truncate(place),
                            other => other?,
                        }
                    }
                    Ok(())
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
            },
            Step::Filter(filter) => match value {
                Value::Object(_) => {
                    if filter.holds(self.run, value, self.document)? {
                        self.stay(at, value)?;
                    }
                    Ok(())
                }
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        if filter.holds(self.run, item, self.document)? {
                            self.next(at, Crumb::At(index as i64), item)?;
                        }
                    }
                    Ok(())
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    fault(Fault::Primitive(value.clone()))
                }
            },
            Step::Descend => self.descend(at + 1, value),
        }
    }

    /// Looks for step `at` in `value` and in everything below it, from the top.
    fn descend(&mut self, at: usize, value: &'v Value) -> Result<(), Halt> {
        self.run.charge(1)?;
        match value {
            Value::Object(map) => {
                if self.fits(at, value)? {
                    self.apply(at, value)?;
                }
                map.iter().try_for_each(|(key, member)| self.below(at, Crumb::Key(key), member))
            }
            Value::Array(items) => {
                let last = at + 1 == self.steps.len();
                if self.fits(at, value)? {
                    if last {
                        self.apply(at, value)?;
                    } else {
                        // Jayway passes the step over and applies what is behind it to every item.
                        let mut items = (0..).zip(items.iter());
                        items.try_for_each(|(index, item)| self.next(at, Crumb::At(index), item))?;
                    }
                }
                let mut items = (0..).zip(items.iter());
                items.try_for_each(|(index, item)| self.below(at, Crumb::At(index), item))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn below(&mut self, at: usize, crumb: Crumb<'v>, value: &'v Value) -> Result<(), Halt> {
        self.place.push(crumb);
        self.deeper(|search| search.descend(at, value))?;
        self.place.pop();
        Ok(())
    }

    /// Whether step `at`, behind a `..`, is applied to this array or object.
    fn fits(&self, at: usize, value: &Value) -> Result<bool, Stop> {
        match &self.steps[at] {
            Step::Name(name) => Ok(value.get(name).is_some()),
            Step::Names(names) => {
                let map = value.as_object();
                Ok(map.is_some_and(|map| names.iter().all(|name| map.contains_key(name))))
            }
            Step::Index(_) | Step::FromEnd(_) | Step::Indexes(_) | Step::Slice { .. } => {
                Ok(matches!(value, Value::Array(_)))
            }
            Step::Wildcard => Ok(true),
            Step::Descend => Ok(false),
            Step::Filter(filter) => filter.holds(self.run, value, self.document),
        }
    }
}
