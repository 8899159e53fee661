//! Functions on objects.

use std::sync::Arc;

use stepwell_value::Value;

use super::{Call, Function};
use crate::error::Step;
use crate::evaluate::Evaluator;
use crate::item::{Item, ListBuilder, Members, Record, mark};

/// The keys of an object, or of all objects of an array, each once.
fn collect(evaluator: &mut Evaluator<'_>, item: &Item, keys: &mut Members) -> Step<()> {
    match item.array_len() {
        Some(len) => {
            evaluator.spend(len as u64)?;
            (0..len).try_for_each(|index| collect(evaluator, &item.at(index), keys))
        }
        None => {
            for (key, _) in item.members() {
                evaluator.spend(1)?;
                keys.slot(&key);
            }
            Ok(())
        }
    }
}

pub(super) fn keys(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let mut keys = Members::default();
    collect(evaluator, call.arg(0), &mut keys)?;
    let mut builder = ListBuilder::with_room(&evaluator.meter, keys.len())?;
    for (key, _) in keys.iter() {
        builder.push(Item::Value(Value::String(key.clone())))?;
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn lookup(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let key = call.text(1)?.unwrap_or_else(|| "undefined".into());
    evaluator.spend(key.len() as u64 / 64)?;
    evaluator.lookup(call.arg(0), &key)
}

fn object(evaluator: &Evaluator<'_>, key: Arc<str>, item: Item) -> Step<Item> {
    let mut members = Members::default();
    members.insert(key, item);
    Ok(Item::Record(Record::new(members, &evaluator.meter)?))
}

pub(super) fn spread(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let item = call.take(0);
    spread_item(evaluator, item)
}

fn spread_item(evaluator: &mut Evaluator<'_>, item: Item) -> Step<Item> {
    if let Some(len) = item.array_len() {
        let mut builder = ListBuilder::new(&evaluator.meter);
        let mut marks = mark::SEQUENCE;
        for index in 0..len {
            evaluator.spend(1)?;
            let spread = spread_item(evaluator, item.at(index))?;
            if !spread.is_undefined() {
                // What has been joined is a plain array.
                marks = 0;
                builder.append(spread)?;
            }
        }
        return builder.finish(marks);
    }
    if !item.is_object() {
        return Ok(match item {
            // The reference spreads the inside of a built-in function; there is none here.
            Item::Function(Function::Native(_) | Function::Transform(_)) => Item::Undefined,
            other => other,
        });
    }
    let mut builder = ListBuilder::new(&evaluator.meter);
    for (key, item) in item.members() {
        evaluator.spend(1)?;
        builder.push(object(evaluator, key, item)?)?;
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn merge(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let mut members = Members::default();
    for index in 0..array.array_len().unwrap_or(0) {
        for (key, item) in array.at(index).members() {
            evaluator.spend(1)?;
            members.insert(key, item);
        }
    }
    Ok(Item::Record(Record::new(members, &evaluator.meter)?))
}
