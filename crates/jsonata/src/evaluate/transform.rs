//! Transforms: `| pattern | update, delete |` is a function that changes a copy of its argument.

use std::collections::HashSet;
use std::sync::Arc;

use stepwell_value::Value;

use super::Evaluator;
use crate::ast::TransformCode;
use crate::error::{Raised, Step};
use crate::functions::Function;
use crate::item::{FrameRef, Item, ListBuilder, Members, Record};

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn transform(
        &mut self,
        code: &Arc<TransformCode>,
        object: Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        if object.is_undefined() {
            return Ok(Item::Undefined);
        }
        let copy = self.copy_by_clone(code, object, frame)?;
        let matches = self.eval(&code.pattern, &copy, frame)?;
        if matches.is_undefined() {
            return Ok(copy);
        }
        let matches = if matches.is_array() { matches } else { crate::item::List::single(matches, 0)? };
        for index in 0..matches.array_len().unwrap_or(0) {
            let found = matches.at(index);
            let update = self.eval(&code.update, &found, frame)?;
            if !update.is_undefined() {
                if !update.is_object() && !matches!(update, Item::Function(_)) {
                    let mut raised = Raised::value("T2011", update.shown());
                    raised.position = Some(code.update.position);
                    return Err(raised);
                }
                for (name, item) in update.members() {
                    // The value is taken as it is now, so that nothing can come to hold itself.
                    let item = self.snapshot(item)?;
                    if let Item::Record(record) = &found {
                        record.insert(name, item)?;
                    }
                }
            }
            if let Some(delete) = &code.delete {
                let names = self.eval(delete, &found, frame)?;
                self.delete(&found, names, delete.position)?;
            }
        }
        Ok(copy)
    }

    /// The copy that `$clone` makes, whoever that is in this scope, as nodes that can be changed.
    fn copy_by_clone(&mut self, code: &TransformCode, object: Item, frame: &FrameRef) -> Step<Item> {
        let clone = self.lookup_name(&Arc::from("clone"), frame);
        let Item::Function(clone) = clone else {
            return Err(Raised::at("T2013", code.position));
        };
        let is_built_in = matches!(&clone, Function::Native(builtin) if builtin.name == "clone");
        let copy =
            if is_built_in { object } else { self.apply(&clone, vec![object], &Item::NULL, frame, None)? };
        self.thaw(&copy)
    }

    /// A copy of a value in which every object can be changed. Numbers lose what `$string` drops.
    fn thaw(&mut self, item: &Item) -> Step<Item> {
        self.spend(1)?;
        match item {
            Item::Value(Value::Number(number)) => {
                Ok(Item::number(crate::json::to_precision(number.as_f64(), 15)))
            }
            Item::Value(Value::Null | Value::Bool(_) | Value::String(_)) => Ok(item.clone()),
            Item::Value(Value::Array(_)) | Item::List(_) => {
                let len = item.array_len().unwrap_or(0);
                let mut builder = ListBuilder::with_room(&self.meter, len)?;
                for index in 0..len {
                    let thawed = match item.at(index) {
                        Item::Undefined => Item::NULL,
                        other => self.thaw(&other)?,
                    };
                    builder.push(thawed)?;
                }
                builder.finish(0)
            }
            Item::Value(Value::Object(_)) | Item::Record(_) => {
                let mut members = Members::default();
                for (name, item) in item.members() {
                    if !item.is_undefined() {
                        members.insert(name, self.thaw(&item)?);
                    }
                }
                Ok(Item::Record(Record::new(members, &self.meter)?))
            }
            Item::Strange(number) if number.is_infinite() => Err(Raised::value("D1001", item.shown())),
            Item::Undefined | Item::Strange(_) => Ok(Item::NULL),
            Item::Function(_) => Ok(Item::Value(Value::from(""))),
        }
    }

    /// A value as it is now: objects within are copied.
    fn snapshot(&mut self, item: Item) -> Step<Item> {
        self.spend(1)?;
        match &item {
            Item::List(list) => {
                let mut builder = ListBuilder::with_room(&self.meter, list.items.len())?;
                for item in &list.items {
                    builder.push(self.snapshot(item.clone())?)?;
                }
                let marks = [1, 2, 4, 8, 16].into_iter().filter(|mark| list.has(*mark)).sum();
                builder.finish(marks)
            }
            Item::Record(_) => {
                let mut members = Members::default();
                for (name, item) in item.members() {
                    members.insert(name, self.snapshot(item)?);
                }
                Ok(Item::Record(Record::new(members, &self.meter)?))
            }
            Item::Undefined | Item::Value(_) | Item::Strange(_) | Item::Function(_) => Ok(item),
        }
    }

    fn delete(&mut self, found: &Item, names: Item, position: usize) -> Step<()> {
        if names.is_undefined() {
            return Ok(());
        }
        let list =
            if names.is_array() { names.clone() } else { crate::item::List::single(names.clone(), 0)? };
        let mut keys: HashSet<Arc<str>> = HashSet::new();
        self.spend(list.array_len().unwrap_or(0) as u64)?;
        for index in 0..list.array_len().unwrap_or(0) {
            match list.at(index).as_text() {
                Some(name) => drop(keys.insert(name.clone())),
                None => {
                    let mut raised = Raised::value("T2012", names.shown());
                    raised.position = Some(position);
                    return Err(raised);
                }
            }
        }
        if let Item::Record(record) = found {
            self.spend(record.members.borrow().len() as u64)?;
            record.members.borrow_mut().remove_all(&keys);
        }
        Ok(())
    }
}
