//! Functions that take functions.

use super::{Call, Function};
use crate::budget::Hold;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::evaluate::compare::text_order;
use crate::evaluate::sort::SORT_BYTES;
use crate::item::{Item, ListBuilder, Members, ROOM_AT_ONCE, Record, mark};

/// The arguments of a call for one item: the item, and its place and the whole if the function takes
/// them.
fn call_for(
    evaluator: &mut Evaluator<'_>,
    function: &Function,
    call: &Call<'_>,
    item: Item,
    place: impl FnOnce() -> Item,
    whole: &Item,
) -> Step<Item> {
    let arity = function.arity();
    let mut args = Vec::with_capacity(arity.clamp(1, 3));
    args.push(item);
    if arity >= 2 {
        args.push(place());
    }
    if arity >= 3 {
        args.push(whole.clone());
    }
    evaluator.apply(function, args, call.input, call.frame, None)
}

fn missing(call: &Call<'_>, index: usize) -> Box<Raised> {
    Raised::index("T0410", index + 1, call.arg(index).shown())
}

pub(super) fn map(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
    let mut builder = ListBuilder::with_room(&evaluator.meter, len.min(ROOM_AT_ONCE))?;
    let function = call.function(1)?;
    for index in 0..len {
        let function = function.as_ref().ok_or_else(|| missing(&call, 1))?;
        let result = call_for(evaluator, function, &call, array.at(index), || Item::count(index), &array)?;
        if !result.is_undefined() {
            builder.push(result)?;
        }
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn filter(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
    let mut builder = ListBuilder::new(&evaluator.meter);
    let function = call.function(1)?;
    for index in 0..len {
        let function = function.as_ref().ok_or_else(|| missing(&call, 1))?;
        let item = array.at(index);
        let result = call_for(evaluator, function, &call, item.clone(), || Item::count(index), &array)?;
        if evaluator.boolean(&result)?.unwrap_or(false) {
            builder.push(item)?;
        }
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn single(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let function = call.function(1)?;
    let mut found = None;
    for index in 0..array.array_len().unwrap_or(0) {
        evaluator.spend(1)?;
        let item = array.at(index);
        let fits = match &function {
            None => true,
            Some(function) => {
                let result =
                    call_for(evaluator, function, &call, item.clone(), || Item::count(index), &array)?;
                evaluator.boolean(&result)?.unwrap_or(false)
            }
        };
        if fits && found.replace(item).is_some() {
            return Err(Raised::new("D3138"));
        }
    }
    found.ok_or_else(|| Raised::new("D3139"))
}

pub(super) fn reduce(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let function = call.function(1)?.ok_or_else(|| missing(&call, 1))?;
    let arity = function.arity();
    if arity < 2 {
        return Err(Raised::index("D3050", 1, None));
    }
    let len = array.array_len().unwrap_or(0);
    let mut index = 0;
    let mut result = call.take(2);
    if result.is_undefined() && len > 0 {
        result = array.at(0);
        index = 1;
    }
    while index < len {
        let mut args = vec![result, array.at(index)];
        if arity >= 3 {
            args.push(Item::count(index));
        }
        if arity >= 4 {
            args.push(array.clone());
        }
        result = evaluator.apply(&function, args, call.input, call.frame, None)?;
        index += 1;
    }
    Ok(result)
}

pub(super) fn sift(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let object = call.take(0);
    let function = call.function(1)?;
    let mut members = Members::default();
    let (_hold, entries) = evaluator.members_of(&object)?;
    for (key, item) in entries {
        let function = function.as_ref().ok_or_else(|| missing(&call, 1))?;
        let name = || Item::Value(stepwell_value::Value::String(key.clone()));
        let result = call_for(evaluator, function, &call, item.clone(), name, &object)?;
        if evaluator.boolean(&result)?.unwrap_or(false) {
            members.insert(key, item);
        }
    }
    if members.len() == 0 {
        return Ok(Item::Undefined);
    }
    Ok(Item::Record(Record::new(members, &evaluator.meter)?))
}

pub(super) fn each(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let object = call.take(0);
    let function = call.function(1)?;
    let mut builder = ListBuilder::new(&evaluator.meter);
    let (_hold, entries) = evaluator.members_of(&object)?;
    for (key, item) in entries {
        let function = function.as_ref().ok_or_else(|| missing(&call, 1))?;
        let name = || Item::Value(stepwell_value::Value::String(key.clone()));
        let result = call_for(evaluator, function, &call, item, name, &object)?;
        if !result.is_undefined() {
            builder.push(result)?;
        }
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn sort(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let function = call.function(1)?;
    let len = array.array_len().unwrap_or(0);
    if len <= 1 {
        return Ok(array);
    }
    let mut hold = Hold::new(&evaluator.meter);
    hold.charge(len * (SORT_BYTES + size_of::<Item>()))?;
    let order: Vec<usize> = (0..len).collect();
    evaluator.spend(len as u64)?;
    let quick = match &function {
        Some(function) => evaluator.order_by_function(function, &array)?,
        None => None,
    };
    let order = match function {
        _ if quick.is_some() => quick.unwrap_or_default(),
        Some(function) => evaluator.merge_sort(order, &mut |evaluator, a, b| {
            let args = vec![array.at(a), array.at(b)];
            Ok(evaluator.apply(&function, args, call.input, call.frame, None)?.is_truthy())
        })?,
        None => {
            let items: Vec<Item> = (0..len).map(|index| array.at(index)).collect();
            let mut all_numbers = true;
            for item in &items {
                all_numbers &= evaluator.numeric(item)?.is_some();
            }
            if !all_numbers && items.iter().any(|item| item.as_str().is_none()) {
                return Err(Raised::index("D3070", 1, None));
            }
            evaluator.merge_sort(order, &mut |evaluator, a, b| {
                evaluator.spend_on_texts(&items[a], &items[b])?;
                Ok(match (&items[a], &items[b]) {
                    (a, b) if all_numbers => a.as_number() > b.as_number(),
                    (a, b) => text_order(a.as_str().unwrap_or(""), b.as_str().unwrap_or("")).is_gt(),
                })
            })?
        }
    };
    let mut builder = ListBuilder::with_room(&evaluator.meter, len)?;
    for index in order {
        builder.push(array.at(index))?;
    }
    builder.finish(0)
}
