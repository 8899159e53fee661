//! Order-by: `^(...)`, and the merge sort that it shares with `$sort`.

use std::cmp::Ordering;

use stepwell_value::Value;

use super::Evaluator;
use super::compare::text_order;
use super::path::Source;
use super::quick::{Operand, Scope, follow};
use crate::ast::Term;
use crate::budget::Hold;
use crate::error::{Raised, Step};
use crate::functions::Function;
use crate::item::{FrameRef, Item, List, ListBuilder, mark};

/// What a merge sort takes for each item: its place, in the order and in the halves.
pub(crate) const SORT_BYTES: usize = 3 * size_of::<usize>();

/// Decides whether the first of two items, given by number, belongs behind the second.
pub(crate) type Behind<'b, 'a> = dyn FnMut(&mut Evaluator<'a>, usize, usize) -> Step<bool> + 'b;

impl<'a> Evaluator<'a> {
    /// Sorts what a step begins with.
    #[inline(never)]
    pub(super) fn sort_source(
        &mut self,
        terms: &[Term],
        source: &Source,
        position: usize,
        frame: &FrameRef,
    ) -> Step<Item> {
        let len = source.len();
        if len <= 1 || matches!(source, Source::Bare(..)) {
            return Ok(match source {
                Source::One(item) => List::single(item.clone(), mark::SEQUENCE)?,
                // What is no array is not sorted, nor made one.
                Source::Bare(item, _) => item.clone(),
                Source::Items(list) if list.has(mark::SEQUENCE) && !list.has(mark::KEEP) => {
                    Item::List(list.clone())
                }
                Source::Items(list) if list.items.is_empty() => List::empty(mark::SEQUENCE),
                Source::Items(list) => List::single(list.items[0].clone(), mark::SEQUENCE)?,
                Source::Values(values) => {
                    let mut builder = ListBuilder::new(&self.meter);
                    builder.append(Item::Value(stepwell_value::Value::Array(values.clone())))?;
                    builder.finish(mark::SEQUENCE)?
                }
            });
        }
        if let Source::Values(values) = source
            && let Some(order) = self.order_by_keys(terms, values, frame)?
        {
            let mut builder = ListBuilder::with_room(&self.meter, len)?;
            for index in order {
                builder.push(Item::Value(values[index].clone()))?;
            }
            return builder.finish(0);
        }
        let is_tuples = source.has(mark::TUPLES);
        // What an item is sorted by is computed once, when it is first compared.
        let mut hold = Hold::new(&self.meter);
        hold.charge((len * terms.len()).saturating_mul(size_of::<Option<Item>>()) + len * SORT_BYTES)?;
        let mut keys: Vec<Option<Item>> = vec![None; len * terms.len()];
        let order = self.merge_sort((0..len).collect(), &mut |own, a, b| {
            for (at, term) in terms.iter().enumerate() {
                for index in [a, b] {
                    let key = &mut keys[index * terms.len() + at];
                    if key.is_none() {
                        let item = source.at(index);
                        *key = Some(if is_tuples {
                            let frame = own.tuple_frame(&item, frame);
                            own.eval(&term.node, &item.member("@"), &frame)?
                        } else {
                            own.eval(&term.node, &item, frame)?
                        });
                    }
                }
                let first = keys[a * terms.len() + at].as_ref();
                let second = keys[b * terms.len() + at].as_ref();
                let (Some(first), Some(second)) = (first, second) else { continue };
                own.spend_on_texts(first, second)?;
                let order = term_order(first, second, term.descending, position)?;
                if order != Ordering::Equal {
                    return Ok(order == Ordering::Greater);
                }
            }
            Ok(false)
        })?;
        let mut builder = ListBuilder::with_room(&self.meter, len)?;
        for index in order {
            builder.push(source.at(index))?;
        }
        // A plain array even of tuples: the reference no longer knows them for tuples either.
        builder.finish(0)
    }

    /// The order of JSON values whose keys are all of one kind, so that comparing them cannot fail and
    /// any stable sort gives the order that the reference's gives.
    fn order_by_keys(
        &mut self,
        terms: &[Term],
        values: &[Value],
        frame: &FrameRef,
    ) -> Step<Option<Vec<usize>>> {
        let room = values.len() * terms.len() * (size_of::<Key<'_>>() + SORT_BYTES);
        let mut hold = Hold::new(&self.meter);
        hold.charge(room)?;
        let mut keys: Vec<Key<'_>> = Vec::with_capacity(values.len() * terms.len());
        for value in values {
            for (at, term) in terms.iter().enumerate() {
                let Some(quick) = &term.node.quick else { return Ok(None) };
                let scope = Scope { context: Some(value), names: &[], args: &[], frame: Some(frame) };
                let Some(key) = self.quick(quick, &scope).and_then(Key::of) else { return Ok(None) };
                if keys.get(at).is_some_and(|first| !first.is_kin(&key)) {
                    return Ok(None);
                }
                keys.push(key);
            }
        }
        self.spend_on_sort(values.len())?;
        if let [term] = terms {
            return Ok(Some(order_of(&keys, term.descending)));
        }
        let count = terms.len();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| {
            let pairs = keys[a * count..].iter().zip(&keys[b * count..]).zip(terms);
            let mut orders = pairs.map(|((a, b), term)| {
                let order = a.order(b);
                if term.descending { order.reverse() } else { order }
            });
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(Some(order))
    }

    /// The same for `$sort` with a function that compares one path of its two arguments.
    pub(crate) fn order_by_function(
        &mut self,
        function: &Function,
        array: &Item,
    ) -> Step<Option<Vec<usize>>> {
        let function = match function {
            Function::Wrapped(inner) => inner,
            other => other,
        };
        let (Function::Lambda(lambda), Item::Value(Value::Array(values))) = (function, array) else {
            return Ok(None);
        };
        let Some(comparison) = lambda.body.quick.as_ref().and_then(|quick| quick.comparison()) else {
            return Ok(None);
        };
        let Some(descends) = comparison.descends(&lambda.parameters) else { return Ok(None) };
        if lambda.signature.is_some() {
            return Ok(None);
        }
        let mut hold = Hold::new(&self.meter);
        hold.charge(values.len() * (size_of::<Key<'_>>() + SORT_BYTES))?;
        self.spend(values.len() as u64)?;
        let mut keys: Vec<Key<'_>> = Vec::with_capacity(values.len());
        for value in values.iter() {
            let Some(found) = follow(value, comparison.hops) else { return Ok(None) };
            let Some(key) = found.and_then(|value| Key::of(Operand::Ref(value))) else { return Ok(None) };
            if keys.first().is_some_and(|first| !first.is_kin(&key)) {
                return Ok(None);
            }
            keys.push(key);
        }
        self.spend_on_sort(values.len())?;
        Ok(Some(order_of(&keys, descends)))
    }

    fn spend_on_sort(&mut self, len: usize) -> Step<()> {
        self.spend((len * len.max(1).ilog2() as usize) as u64)
    }

    /// The reference's merge sort: stable, and comparing in the same order.
    pub(crate) fn merge_sort(&mut self, order: Vec<usize>, behind: &mut Behind<'_, 'a>) -> Step<Vec<usize>> {
        if order.len() <= 1 {
            return Ok(order);
        }
        let middle = order.len() / 2;
        let left = self.merge_sort(order[..middle].to_vec(), behind)?;
        let right = self.merge_sort(order[middle..].to_vec(), behind)?;
        let mut merged = Vec::with_capacity(order.len());
        let (mut a, mut b) = (0, 0);
        while a < left.len() && b < right.len() {
            self.spend(1)?;
            if behind(self, left[a], right[b])? {
                merged.push(right[b]);
                b += 1;
            } else {
                merged.push(left[a]);
                a += 1;
            }
        }
        merged.extend_from_slice(&left[a..]);
        merged.extend_from_slice(&right[b..]);
        Ok(merged)
    }
}

/// The order that keys of one kind give.
fn order_of(keys: &[Key<'_>], descends: bool) -> Vec<usize> {
    let turned = |order: Ordering| if descends { order.reverse() } else { order };
    if keys.iter().all(|key| matches!(key, Key::Number(_))) {
        // Numbers are compared where they lie, beside their places.
        let numbers = keys.iter().map(|key| if let Key::Number(number) = key { *number } else { 0.0 });
        let mut pairs: Vec<(f64, usize)> = numbers.zip(0..).collect();
        pairs.sort_by(|(a, _), (b, _)| turned(a.partial_cmp(b).unwrap_or(Ordering::Equal)));
        return pairs.into_iter().map(|(_, at)| at).collect();
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|a, b| turned(keys[*a].order(&keys[*b])));
    order
}

/// What a value is sorted by, where that is plain.
enum Key<'v> {
    Undefined,
    Number(f64),
    Text(&'v str),
}

impl<'v> Key<'v> {
    fn of(operand: Operand<'v>) -> Option<Key<'v>> {
        match operand {
            Operand::Undefined => Some(Key::Undefined),
            Operand::Number(number) => Some(Key::Number(number)),
            Operand::Text(text) => Some(Key::Text(text)),
            Operand::Ref(Value::String(text)) => Some(Key::Text(text)),
            Operand::Ref(Value::Number(number)) => {
                let number = number.as_f64();
                number.is_finite().then_some(Key::Number(number))
            }
            Operand::Ref(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))
            | Operand::Bool(_)
            | Operand::Made(_) => None,
        }
    }

    /// Whether both are of one kind.
    fn is_kin(&self, other: &Key<'_>) -> bool {
        matches!(
            (self, other),
            (Key::Undefined, Key::Undefined)
                | (Key::Number(_), Key::Number(_))
                | (Key::Text(_), Key::Text(_))
        )
    }

    /// The order of two of one kind.
    fn order(&self, other: &Key<'_>) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Key::Text(a), Key::Text(b)) => text_order(a, b),
            _ => Ordering::Equal,
        }
    }
}

fn term_order(first: &Item, second: &Item, descending: bool, position: usize) -> Step<Ordering> {
    let is_comparable = |item: &Item| item.as_number().is_some() || item.as_str().is_some();
    // What is undefined comes last, whichever the direction.
    match (first.is_undefined(), second.is_undefined()) {
        (true, true) => return Ok(Ordering::Equal),
        (true, false) => return Ok(Ordering::Greater),
        (false, true) => return Ok(Ordering::Less),
        (false, false) => {}
    }
    if !is_comparable(first) || !is_comparable(second) {
        let wrong = if is_comparable(first) { second } else { first };
        let mut raised = Raised::value("T2008", wrong.shown());
        raised.position = Some(position);
        return Err(raised);
    }
    let order = match (first.as_number(), second.as_number(), first.as_str(), second.as_str()) {
        (Some(a), Some(b), ..) => {
            // Neither equal nor less is more, even for what is not a number.
            if a == b {
                Ordering::Equal
            } else if a < b {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (.., Some(a), Some(b)) => text_order(a, b),
        _ => {
            let mut raised = Raised::value("T2007", first.shown());
            raised.value2 = second.shown();
            raised.position = Some(position);
            return Err(raised);
        }
    };
    Ok(if descending { order.reverse() } else { order })
}
