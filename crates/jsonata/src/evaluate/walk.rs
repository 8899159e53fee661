//! Names, `*` and `**`.

use std::sync::Arc;

use stepwell_value::Value;

use super::Evaluator;
use crate::error::Step;
use crate::item::{Item, ListBuilder, Sequence, mark};

impl Evaluator<'_> {
    /// What stands under a key: of an object, or of all objects of an array.
    #[inline(never)]
    pub(crate) fn lookup(&mut self, input: &Item, key: &str) -> Step<Item> {
        match input {
            Item::Value(Value::Object(map)) => Ok(map.get(key).cloned().map_or(Item::Undefined, Item::Value)),
            Item::Record(record) => Ok(record.get(key)),
            Item::Value(Value::Array(_)) | Item::List(_) => {
                let mut out = Sequence::None;
                self.lookup_all(input, key, &mut out)?;
                out.list(mark::SEQUENCE)
            }
            Item::Value(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
            | Item::Undefined
            | Item::Strange(_)
            | Item::Function(_) => Ok(Item::Undefined),
        }
    }

    fn lookup_all(&mut self, input: &Item, key: &str, out: &mut Sequence) -> Step<()> {
        let len = input.array_len().unwrap_or(0);
        self.spend(len as u64)?;
        for index in 0..len {
            let item = input.at(index);
            if item.is_array() {
                self.lookup_all(&item, key, out)?;
                continue;
            }
            let found = item.member(key);
            match found.array_len() {
                Some(members) => {
                    self.spend(members as u64)?;
                    for at in 0..members {
                        out.push(found.at(at), &self.meter)?;
                    }
                }
                None if found.is_undefined() => {}
                None => out.push(found, &self.meter)?,
            }
        }
        Ok(())
    }

    /// The values of all members, or all items of an array; arrays among them are flattened wholly.
    #[inline(never)]
    pub(super) fn wildcard(&mut self, input: &Item) -> Step<Item> {
        let mut input = input.clone();
        if input.has(mark::OUTER) && input.array_len() != Some(0) {
            input = input.at(0);
        }
        let values: Vec<Item> = match input.array_len() {
            Some(len) => {
                let mut values: Vec<Item> = (0..len).map(|index| input.at(index)).collect();
                // The marks of a sequence are properties of the array in JavaScript, and show here.
                for own in [mark::SEQUENCE, mark::KEEP, mark::TUPLES] {
                    if input.has(own) {
                        values.push(Item::bool(true));
                    }
                }
                values
            }
            None => input.members().into_iter().map(|(_, item)| item).collect(),
        };
        self.spend(values.len() as u64)?;
        let mut out = ListBuilder::new(&self.meter);
        let mut marks = mark::SEQUENCE;
        for value in values {
            if value.is_array() {
                self.flatten(&value, &mut out)?;
                marks = 0;
            } else {
                out.push(value)?;
            }
        }
        out.finish(marks)
    }

    fn flatten(&mut self, array: &Item, out: &mut ListBuilder) -> Step<()> {
        let len = array.array_len().unwrap_or(0);
        self.spend(len as u64)?;
        for index in 0..len {
            let item = array.at(index);
            if item.is_array() {
                self.flatten(&item, out)?;
            } else {
                out.push(item)?;
            }
        }
        Ok(())
    }

    /// The context and everything below it but arrays themselves.
    #[inline(never)]
    pub(super) fn descendants(&mut self, input: &Item) -> Step<Item> {
        if input.is_undefined() {
            return Ok(Item::Undefined);
        }
        let mut out = Sequence::None;
        match input {
            Item::Value(value) => self.below_value(value, &mut out)?,
            other => self.below(other, &mut out)?,
        }
        match out {
            Sequence::One(item) => Ok(item),
            other => other.list(mark::SEQUENCE),
        }
    }

    fn below_value(&mut self, value: &Value, out: &mut Sequence) -> Step<()> {
        self.spend(1)?;
        if !matches!(value, Value::Array(_)) {
            out.push(Item::Value(value.clone()), &self.meter)?;
        }
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.below_value(value, out)),
            Value::Object(map) => map.values().try_for_each(|value| self.below_value(value, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn below(&mut self, item: &Item, out: &mut Sequence) -> Step<()> {
        self.spend(1)?;
        match item {
            Item::Value(value) => self.below_value(value, out),
            Item::List(list) => list.items.iter().try_for_each(|item| self.below(item, out)),
            Item::Record(_) => {
                out.push(item.clone(), &self.meter)?;
                let members: Vec<(Arc<str>, Item)> = item.members();
                members.iter().try_for_each(|(_, item)| self.below(item, out))
            }
            Item::Undefined | Item::Strange(_) | Item::Function(_) => out.push(item.clone(), &self.meter),
        }
    }
}
