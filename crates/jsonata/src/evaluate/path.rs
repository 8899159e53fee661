//! Paths: a sequence goes from step to step.
//!
//! Between steps an array is flattened by one level, and a step that gives nothing drops out. Once a
//! step binds a variable (`@$x`, `#$i`) or is the parent of a later `%`, tuples of bindings go along
//! instead of bare items.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use stepwell_value::Value;

use super::Evaluator;
use super::quick::{Operand, Scope};
use crate::ast::{Kind, Node, Slot, Stage};
use crate::error::Step;
use crate::item::{FrameRef, Item, List, ListBuilder, Members, Record, Sequence, mark};

/// What a step begins with.
pub(super) enum Source {
    One(Item),
    Values(Arc<Vec<Value>>),
    Items(Rc<List>),
    /// What an array constructor with a predicate left, if it is no array. The reference goes on with
    /// it as if it were one: a string has its characters for items, and all else has none.
    Bare(Item, Vec<char>),
}

/// What a step ends with.
pub(super) enum Stream {
    /// A new sequence.
    Sequence(Sequence),
    /// A new sequence with the items of this array.
    Flat(Item),
    /// This array itself.
    Array(Item),
    /// See [`Source::Bare`].
    Bare(Item),
}

impl Source {
    pub fn of(item: Item) -> Source {
        match item {
            Item::Value(Value::Array(values)) => Source::Values(values),
            Item::List(list) => Source::Items(list),
            other => Source::One(other),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Source::One(_) => 1,
            Source::Values(values) => values.len(),
            Source::Items(list) => list.items.len(),
            Source::Bare(_, characters) => characters.len(),
        }
    }

    pub fn at(&self, index: usize) -> Item {
        match self {
            Source::One(item) => item.clone(),
            Source::Values(values) => values.get(index).cloned().map_or(Item::Undefined, Item::Value),
            Source::Items(list) => list.items.get(index).cloned().unwrap_or_default(),
            Source::Bare(_, characters) => match characters.get(index) {
                Some(character) => Item::Value(Value::from(character.to_string())),
                None => Item::Undefined,
            },
        }
    }

    pub fn has(&self, mark: u8) -> bool {
        matches!(self, Source::Items(list) if list.has(mark))
    }
}

impl Stream {
    /// The array, marked as it is in the reference.
    pub fn into_item(self) -> Step<Item> {
        match self {
            Stream::Sequence(sequence) => sequence.list(mark::SEQUENCE),
            Stream::Array(item) | Stream::Bare(item) => Ok(item),
            Stream::Flat(item) => match &item {
                Item::List(list) if list.has(mark::SEQUENCE) && !list.has(mark::KEEP | mark::OUTER) => {
                    Ok(item)
                }
                // Few paths come here: a sequence kept as an array of one, or a step broken off.
                _ => flat_copy(&item),
            },
        }
    }

    fn into_source(self) -> Step<Source> {
        Ok(match self {
            Stream::Sequence(Sequence::One(item)) => Source::One(item),
            Stream::Sequence(sequence) => Source::of(sequence.list(mark::SEQUENCE)?),
            Stream::Flat(item) | Stream::Array(item) => Source::of(item),
            Stream::Bare(item) => {
                let characters = item.as_str().unwrap_or("").chars().collect();
                Source::Bare(item, characters)
            }
        })
    }

    fn is_empty(&self) -> bool {
        match self {
            Stream::Sequence(sequence) => sequence.len() == 0,
            Stream::Flat(item) | Stream::Array(item) => item.array_len().unwrap_or(0) == 0,
            Stream::Bare(item) => item.as_str() == Some(""),
        }
    }
}

/// The name of a tuple's context.
fn context_name() -> Arc<str> {
    static NAME: LazyLock<Arc<str>> = LazyLock::new(|| "@".into());
    NAME.clone()
}

fn flat_copy(item: &Item) -> Step<Item> {
    let len = item.array_len().unwrap_or(0);
    // Not charged: it has one item where it was kept for that, and is short-lived otherwise.
    let meter = crate::budget::Meter::new(usize::MAX);
    let mut builder = ListBuilder::with_room(&meter, len)?;
    for at in 0..len {
        builder.push(item.at(at))?;
    }
    builder.finish(mark::SEQUENCE)
}

/// The name of a step that is nothing but a name.
fn plain_name(step: &Node) -> Option<&str> {
    match &step.kind {
        Kind::Name(name)
            if step.step.is_none() && !step.tuple && step.predicates.is_empty() && step.group.is_none() =>
        {
            Some(name)
        }
        _ => None,
    }
}

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn path(
        &mut self,
        node: &Node,
        steps: &[Node],
        keep: bool,
        input: &Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        let absolute = matches!(steps[0].kind, Kind::Variable(..));
        let mut source = if absolute { Source::One(input.clone()) } else { Source::of(input.clone()) };
        let mut stream = Stream::Sequence(Sequence::None);
        let mut tuples: Option<Item> = None;
        let mut is_tuple = false;
        let mut at = 0;
        while at < steps.len() {
            let step = &steps[at];
            let last = at == steps.len() - 1;
            is_tuple |= step.tuple;
            if at == 0 && step.consarray {
                let context = match &source {
                    Source::One(item) => List::single(item.clone(), mark::SEQUENCE)?,
                    Source::Values(_) | Source::Items(_) | Source::Bare(..) => input.clone(),
                };
                let result = self.eval(step, &context, frame)?;
                if result.is_undefined() {
                    stream = Stream::Sequence(Sequence::None);
                    break;
                }
                stream = if result.is_array() { Stream::Array(result) } else { Stream::Bare(result) };
            } else if is_tuple {
                tuples = Some(self.tuple_step(step, &source, tuples, frame)?);
            } else if let (Source::One(Item::Value(value)), Some(_)) = (&source, plain_name(step)) {
                // Names of objects within objects lead on without a copy of what lies between.
                let (walked, reached) = walk(value, &steps[at..]);
                self.spend(walked as u64)?;
                at += walked - 1;
                stream = match reached {
                    None => Stream::Sequence(Sequence::None),
                    Some(Value::Array(values)) if at == steps.len() - 1 => {
                        Stream::Array(Item::Value(Value::Array(values.clone())))
                    }
                    Some(Value::Array(values)) => Stream::Flat(Item::Value(Value::Array(values.clone()))),
                    Some(other) => Stream::Sequence(Sequence::One(Item::Value(other.clone()))),
                };
                is_tuple |= steps[at].tuple;
            } else {
                stream = self.step(step, &source, frame, last)?;
            }
            if !is_tuple && stream.is_empty() {
                break;
            }
            // An array constructor in front of tuples is what the first of them are made of.
            if (!is_tuple || (at == 0 && step.consarray)) && step.focus().is_none() && at < steps.len() - 1 {
                source = std::mem::replace(&mut stream, Stream::Sequence(Sequence::None)).into_source()?;
            }
            at += 1;
        }
        let mut group_tuples = None;
        if is_tuple {
            let tuples = match tuples {
                Some(tuples) => tuples,
                None => List::empty(mark::SEQUENCE | mark::TUPLES),
            };
            if node.tuple {
                stream = Stream::Array(tuples.clone());
            } else {
                let mut out = Sequence::None;
                for index in 0..tuples.array_len().unwrap_or(0) {
                    out.push(tuples.at(index).member("@"), &self.meter)?;
                }
                stream = Stream::Sequence(out);
            }
            group_tuples = Some(tuples);
        }
        if node.group.is_none() && !keep && !node.keep_array {
            return match stream {
                Stream::Sequence(sequence) => sequence.unwrap(),
                other => super::unwrap(other.into_item()?, false),
            };
        }
        let mut result = stream.into_item()?;
        if keep {
            if result.has(mark::CONS) && !result.has(mark::SEQUENCE) {
                result = List::single(result, mark::SEQUENCE)?;
            }
            if let Item::List(list) = &result {
                list.set(mark::KEEP);
            }
        }
        if let Some(group) = &node.group {
            result = self.group(group, group_tuples.unwrap_or(result), frame)?;
        }
        super::unwrap(result, node.keep_array)
    }

    /// One step for every item.
    #[inline(never)]
    fn step(&mut self, step: &Node, source: &Source, frame: &FrameRef, last: bool) -> Step<Stream> {
        if let Kind::Sort(terms) = &step.kind {
            let sorted = self.sort_source(terms, source, step.position, frame)?;
            let result = self.stages(step.stages(), sorted, frame)?;
            return Ok(if result.is_array() { Stream::Array(result) } else { Stream::Bare(result) });
        }
        let mut gather = Gather { out: Sequence::None, held: None, results: 0 };
        match (plain_name(step), source) {
            (Some(name), Source::Values(values)) => {
                self.spend(values.len() as u64)?;
                for value in values.iter() {
                    self.name(step, name, value, values.len(), &mut gather)?;
                }
                return gather.finish(last, self);
            }
            (Some(name), Source::Items(list)) => {
                self.spend(list.items.len() as u64)?;
                for item in &list.items {
                    if let Item::Value(value) = item {
                        self.name(step, name, value, list.items.len(), &mut gather)?;
                    } else {
                        let found = self.lookup(item, name)?;
                        gather.add(super::unwrap(found, step.keep_array)?, self)?;
                    }
                }
                return gather.finish(last, self);
            }
            _ => {}
        }
        let stages = step.stages();
        for index in 0..source.len() {
            // What the small form can tell needs no copy of the item.
            if let (Some(quick), Source::Values(values)) = (&step.quick, source) {
                let scope =
                    Scope { context: Some(&values[index]), names: &[], args: &[], frame: Some(frame) };
                if let Some(operand) = self.quick(quick, &scope) {
                    match operand {
                        Operand::Undefined => {}
                        Operand::Ref(Value::Array(_)) => gather.add(operand.into_item(), self)?,
                        _ => gather.add_one(operand.into_item(), source.len(), self)?,
                    }
                    continue;
                }
            }
            let item = source.at(index);
            let mut result = self.eval(step, &item, frame)?;
            if let [Stage::Filter(predicate)] = stages {
                // The common single predicate needs no array in between.
                let stream = self.filter(predicate, result, frame)?;
                gather.add_stream(stream, self)?;
                continue;
            }
            for stage in stages {
                if let Stage::Filter(predicate) = stage {
                    result = self.filter(predicate, result, frame)?.into_item()?;
                }
            }
            gather.add(result, self)?;
        }
        gather.finish(last, self)
    }

    /// A step that is a name, for one of about so many.
    #[inline]
    fn name(
        &mut self,
        step: &Node,
        name: &str,
        value: &Value,
        about: usize,
        gather: &mut Gather,
    ) -> Step<()> {
        match value {
            Value::Object(map) => match map.get(name) {
                None => Ok(()),
                Some(Value::Array(member)) => gather.add(Item::Value(Value::Array(member.clone())), self),
                Some(member) => gather.add_one(Item::Value(member.clone()), about, self),
            },
            Value::Array(_) => {
                let found = self.lookup(&Item::Value(value.clone()), name)?;
                gather.add(super::unwrap(found, step.keep_array)?, self)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// The predicates and positions after a step of tuples, or after an order-by.
    #[inline(never)]
    fn stages(&mut self, stages: &[Stage], input: Item, frame: &FrameRef) -> Step<Item> {
        let mut result = input;
        for stage in stages {
            match stage {
                Stage::Filter(predicate) => result = self.filter(predicate, result, frame)?.into_item()?,
                Stage::Index(name) => {
                    for index in 0..result.array_len().unwrap_or(0) {
                        if let Item::Record(tuple) = result.at(index) {
                            tuple.insert(name.clone(), Item::count(index))?;
                        }
                    }
                }
            }
        }
        Ok(result)
    }

    #[inline(never)]
    fn tuple_step(
        &mut self,
        step: &Node,
        source: &Source,
        tuples: Option<Item>,
        frame: &FrameRef,
    ) -> Step<Item> {
        let marks = step.step.as_deref();
        if let Kind::Sort(terms) = &step.kind {
            let result = match tuples {
                Some(tuples) => self.sort_source(terms, &Source::of(tuples), step.position, frame)?,
                None => {
                    let sorted = self.sort_source(terms, source, step.position, frame)?;
                    let mut out = ListBuilder::new(&self.meter);
                    for index in 0..sorted.array_len().unwrap_or(0) {
                        let mut members = Members::default();
                        members.insert(context_name(), sorted.at(index));
                        if let Some(name) = marks.and_then(|marks| marks.index.clone()) {
                            members.insert(name, Item::count(index));
                        }
                        out.push(Item::Record(Record::new(members, &self.meter)?))?;
                    }
                    out.finish(mark::SEQUENCE | mark::TUPLES)?
                }
            };
            return self.stages(step.stages(), result, frame);
        }
        let tuples = match tuples {
            Some(tuples) => tuples,
            None => {
                let mut out = ListBuilder::new(&self.meter);
                for index in 0..source.len() {
                    let mut members = Members::default();
                    members.insert(context_name(), source.at(index));
                    out.push(Item::Record(Record::new(members, &self.meter)?))?;
                }
                out.finish(0)?
            }
        };
        let mut out = ListBuilder::new(&self.meter);
        for index in 0..tuples.array_len().unwrap_or(0) {
            let tuple = tuples.at(index);
            let own = self.tuple_frame(&tuple, frame);
            let context = tuple.member("@");
            let result = self.eval(step, &context, &own)?;
            if result.is_undefined() {
                continue;
            }
            let is_tuples = result.has(mark::TUPLES);
            let items = if result.is_array() { Source::of(result) } else { Source::One(result) };
            for position in 0..items.len() {
                self.spend(1)?;
                let item = items.at(position);
                let mut members = Members::default();
                for (name, bound) in tuple.members() {
                    members.insert(name, bound);
                }
                if is_tuples {
                    for (name, bound) in item.members() {
                        members.insert(name, bound);
                    }
                } else {
                    match marks.and_then(|marks| marks.focus.as_ref()) {
                        Some(focus) => {
                            members.insert(focus.clone(), item);
                            members.insert(context_name(), context.clone());
                        }
                        None => members.insert(context_name(), item),
                    }
                    if let Some(name) = marks.and_then(|marks| marks.index.as_ref()) {
                        members.insert(name.clone(), Item::count(position));
                    }
                    if let Some(Slot::Label(label)) = marks.and_then(|marks| marks.ancestor.as_ref()) {
                        members.insert(label.clone(), context.clone());
                    }
                }
                out.push(Item::Record(Record::new(members, &self.meter)?))?;
            }
        }
        let result = out.finish(mark::SEQUENCE | mark::TUPLES)?;
        self.stages(step.stages(), result, frame)
    }

    /// The variables of a tuple as a frame.
    pub(super) fn tuple_frame(&mut self, tuple: &Item, frame: &FrameRef) -> FrameRef {
        super::frame::Frame::within(frame, tuple.members())
    }
}

/// Follows names from object to object. Gives how many steps that was, at least one, and what was
/// reached.
fn walk<'v>(from: &'v Value, steps: &[Node]) -> (usize, Option<&'v Value>) {
    let mut current = from;
    let mut walked = 0;
    for step in steps {
        let (Some(name), Value::Object(map)) = (plain_name(step), current) else { break };
        walked += 1;
        match map.get(name) {
            Some(member) => current = member,
            None => return (walked, None),
        }
    }
    // A name of what is no object is nothing.
    if walked == 0 { (1, None) } else { (walked, Some(current)) }
}

/// The results of a step on their way into one sequence.
struct Gather {
    out: Sequence,
    /// An array that is the only result so far: it may be taken as it is.
    held: Option<Item>,
    results: usize,
}

impl Gather {
    /// Adds what is neither undefined nor an array, one of about so many.
    #[inline]
    fn add_one(&mut self, result: Item, about: usize, evaluator: &mut Evaluator<'_>) -> Step<()> {
        self.results += 1;
        if self.held.is_some() {
            self.release(evaluator)?;
        }
        self.out.push_of(result, about, &evaluator.meter)
    }

    fn add(&mut self, result: Item, evaluator: &mut Evaluator<'_>) -> Step<()> {
        if result.is_undefined() {
            return Ok(());
        }
        self.results += 1;
        if !result.is_array() {
            self.release(evaluator)?;
            return self.out.push(result, &evaluator.meter);
        }
        if self.results == 1 {
            self.held = Some(result);
            return Ok(());
        }
        self.release(evaluator)?;
        self.flatten(result, evaluator)
    }

    fn add_stream(&mut self, stream: Stream, evaluator: &mut Evaluator<'_>) -> Step<()> {
        match stream {
            Stream::Array(item) | Stream::Flat(item) | Stream::Bare(item) => self.add(item, evaluator),
            Stream::Sequence(sequence) => {
                self.results += 1;
                self.release(evaluator)?;
                match sequence {
                    Sequence::None => Ok(()),
                    Sequence::One(item) => self.out.push(item, &evaluator.meter),
                    Sequence::Many(builder) if self.out.len() == 0 => {
                        self.out = Sequence::Many(builder);
                        Ok(())
                    }
                    Sequence::Many(builder) => builder
                        .items()
                        .iter()
                        .try_for_each(|item| self.out.push(item.clone(), &evaluator.meter)),
                }
            }
        }
    }

    fn release(&mut self, evaluator: &mut Evaluator<'_>) -> Step<()> {
        match self.held.take() {
            Some(held) => self.flatten(held, evaluator),
            None => Ok(()),
        }
    }

    fn flatten(&mut self, array: Item, evaluator: &mut Evaluator<'_>) -> Step<()> {
        if array.has(mark::CONS) {
            return self.out.push(array, &evaluator.meter);
        }
        let len = array.array_len().unwrap_or(0);
        evaluator.spend(len as u64)?;
        (0..len).try_for_each(|index| self.out.push(array.at(index), &evaluator.meter))
    }

    fn finish(mut self, last: bool, evaluator: &mut Evaluator<'_>) -> Step<Stream> {
        if let Some(held) = self.held.take() {
            if last && !held.has(mark::SEQUENCE) {
                return Ok(Stream::Array(held));
            }
            if !held.has(mark::CONS) {
                return Ok(Stream::Flat(held));
            }
            self.flatten(held, evaluator)?;
        }
        Ok(Stream::Sequence(self.out))
    }
}
