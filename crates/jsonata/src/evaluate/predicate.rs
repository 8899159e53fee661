//! Predicates: `[ ... ]` after a step keeps the items for which it holds, or those at its numbers.

use super::Evaluator;
use super::path::{Source, Stream};
use super::quick::Scope;
use crate::ast::{Kind, Node};
use crate::error::{Raised, Step};
use crate::item::{FrameRef, Item, ListBuilder, Sequence, mark};

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn filter(&mut self, predicate: &Node, input: Item, frame: &FrameRef) -> Step<Stream> {
        let source = Source::of(input);
        let is_tuples = source.has(mark::TUPLES);
        if let Kind::Number(number) = predicate.kind {
            let item = match position(number, source.len()) {
                Some(index) => source.at(index),
                None => Item::Undefined,
            };
            if item.is_array() {
                return Ok(Stream::Array(item));
            }
            let mut out = Sequence::None;
            if !item.is_undefined() {
                out.push(item, &self.meter)?;
            }
            return self.kept(out, is_tuples);
        }
        let mut out = Sequence::None;
        for index in 0..source.len() {
            if let (Some(quick), Source::Values(values)) = (&predicate.quick, &source) {
                let context = &values[index];
                let scope = Scope { context: Some(context), names: &[], args: &[], frame: Some(frame) };
                if let Some(keeps) = self.quick_keeps(quick, &scope, index, values.len()) {
                    if keeps {
                        out.push_of(Item::Value(context.clone()), source.len(), &self.meter)?;
                    }
                    continue;
                }
            }
            let item = source.at(index);
            let result = if is_tuples {
                let own = self.tuple_frame(&item, frame);
                self.eval(predicate, &item.member("@"), &own)?
            } else {
                self.eval(predicate, &item, frame)?
            };
            // A number is a position, and so is each of an array of numbers.
            if let Some(number) = self.numeric(&result)? {
                if position(number, source.len()) == Some(index) {
                    out.push(item, &self.meter)?;
                }
            } else if self.is_numbers(&result)? {
                for at in 0..result.array_len().unwrap_or(0) {
                    let number = result.at(at).as_number().unwrap_or(f64::NAN);
                    if position(number, source.len()) == Some(index) {
                        out.push(item.clone(), &self.meter)?;
                    }
                }
            } else if self.boolean(&result)?.unwrap_or(false) {
                out.push(item, &self.meter)?;
            }
        }
        self.kept(out, is_tuples)
    }

    fn kept(&mut self, out: Sequence, is_tuples: bool) -> Step<Stream> {
        if !is_tuples {
            return Ok(Stream::Sequence(out));
        }
        let list = match out {
            Sequence::Many(builder) => builder,
            Sequence::One(item) => {
                let mut builder = ListBuilder::new(&self.meter);
                builder.push(item)?;
                builder
            }
            Sequence::None => ListBuilder::new(&self.meter),
        };
        Ok(Stream::Array(list.finish(mark::SEQUENCE | mark::TUPLES)?))
    }

    /// The number that an item is. An infinite one is an error, as everywhere in the reference.
    pub(crate) fn numeric(&self, item: &Item) -> Step<Option<f64>> {
        match item {
            Item::Strange(number) if number.is_infinite() => Err(Raised::value("D1001", item.shown())),
            Item::Strange(_) => Ok(None),
            other => Ok(other.as_number()),
        }
    }

    /// Whether an item is an array of nothing but numbers; an empty one is.
    fn is_numbers(&mut self, item: &Item) -> Step<bool> {
        let Some(len) = item.array_len() else { return Ok(false) };
        self.spend(len as u64)?;
        let mut all = true;
        for index in 0..len {
            all &= self.numeric(&item.at(index))?.is_some();
        }
        Ok(all)
    }
}

/// The place that a number means among `len` items: rounded down, and from the end if negative.
pub(super) fn position(number: f64, len: usize) -> Option<usize> {
    let floor = number.floor();
    let index = if floor < 0.0 { len as f64 + floor } else { floor };
    (index >= 0.0 && index < len as f64).then_some(index as usize)
}
