//! Functions on arrays.

use std::collections::HashSet;

use super::Call;
use crate::budget::Hold;
use crate::error::Step;
use crate::evaluate::Evaluator;
use crate::item::{Item, ListBuilder, mark};

pub(super) fn count(_: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    Ok(Item::count(call.array(0)?.and_then(|array| array.array_len()).unwrap_or(0)))
}

pub(super) fn append(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let (first, second) = (call.take(0), call.take(1));
    evaluator.append(first, second)
}

impl Evaluator<'_> {
    /// Two arrays as one; what is no array counts as one of itself.
    pub(crate) fn append(&mut self, first: Item, second: Item) -> Step<Item> {
        if first.is_undefined() {
            return Ok(second);
        }
        if second.is_undefined() {
            return Ok(first);
        }
        let len = first.array_len().unwrap_or(1) + second.array_len().unwrap_or(1);
        self.spend(len as u64 / 3)?;
        let mut builder = ListBuilder::new(&self.meter);
        builder.append(first)?;
        builder.append(second)?;
        builder.finish(0)
    }
}

pub(super) fn reverse(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
    if len <= 1 {
        return Ok(array);
    }
    evaluator.spend(len as u64)?;
    let mut builder = ListBuilder::with_room(&evaluator.meter, len)?;
    for index in (0..len).rev() {
        builder.push(array.at(index))?;
    }
    builder.finish(0)
}

pub(super) fn shuffle(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
    if len <= 1 {
        return Ok(array);
    }
    evaluator.spend(len as u64)?;
    let mut order: Vec<usize> = Vec::with_capacity(len);
    for index in 0..len {
        let other = (super::number::random_float(evaluator) * (index + 1) as f64) as usize;
        order.push(index);
        order.swap(index, other);
    }
    let mut builder = ListBuilder::with_room(&evaluator.meter, len)?;
    for index in order {
        builder.push(array.at(index))?;
    }
    builder.finish(0)
}

/// What a value that is known takes while others are compared with it.
const DISTINCT_BYTES: usize = 64;

pub(super) fn distinct(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let array = call.take(0);
    let len = array.array_len().unwrap_or(0);
    if len <= 1 {
        return Ok(array);
    }
    let mut builder = ListBuilder::new(&evaluator.meter);
    // Strings and numbers are found by themselves; the rest is compared one by one.
    let mut hold = Hold::new(&evaluator.meter);
    let mut texts = HashSet::new();
    let mut numbers = HashSet::new();
    let mut others: Vec<Item> = Vec::new();
    for index in 0..len {
        evaluator.spend(1)?;
        let item = array.at(index);
        let new = if let Some(text) = item.as_text() {
            evaluator.spend(text.len() as u64 / 64)?;
            texts.insert(text.clone())
        } else if let Some(number) = item.as_number() {
            // Zero has one value and two forms; what is not a number equals nothing.
            number.is_nan() || numbers.insert((number + 0.0).to_bits())
        } else {
            let mut known = false;
            for other in &others {
                known = known || evaluator.deep_equal(&item, other)?;
            }
            if !known {
                others.push(item.clone());
            }
            !known
        };
        if new {
            hold.charge(DISTINCT_BYTES)?;
            builder.push(item)?;
        }
    }
    builder.finish(if array.has(mark::SEQUENCE) { mark::SEQUENCE } else { 0 })
}

pub(super) fn zip(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    // Without arguments the reference fails on an array of endless length.
    let len = call.args.iter().map(|array| array.array_len().unwrap_or(0)).min().unwrap_or(0);
    evaluator.spend((len * call.args.len()) as u64)?;
    let mut builder = ListBuilder::with_room(&evaluator.meter, len)?;
    for index in 0..len {
        let mut row = ListBuilder::with_room(&evaluator.meter, call.args.len())?;
        for array in &call.args {
            row.push(array.at(index))?;
        }
        builder.push(row.finish(0)?)?;
    }
    builder.finish(0)
}
