//! The result as JSON.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::{Map, Value};

use super::Evaluator;
use crate::ast::{Group, Kind, Node};
use crate::budget::Hold;
use crate::error::{NOT_JSON, OUTPUT, Raised, Step};
use crate::item::{FrameRef, Item, List, Record, text_bytes};
use crate::json;
use crate::quick::is_bare;

impl Evaluator<'_> {
    /// What the result is as JSON: nothing if it is undefined. Within it, what is undefined drops out
    /// of objects and is `null` in arrays, numbers that are not finite are `null`, and functions are
    /// empty strings, as `$string` has them.
    fn output(&mut self, item: Item) -> Step<Option<Value>> {
        match item {
            Item::Undefined => Ok(None),
            // A part of the input is as large as it is, and shared.
            Item::Value(value) => Ok(Some(value)),
            Item::Function(_) => Err(Raised::text(NOT_JSON, "The result is a function")),
            other => Ok(Some(self.writer().value(other)?)),
        }
    }

    fn writer(&self) -> Writer {
        Writer {
            names_infinity: self.profile.is_step_functions(),
            room: self.environment.budget.output_bytes,
            hold: Hold::new(&self.meter),
            walk: WALK_MAX,
            sizes: HashMap::new(),
        }
    }

    /// Evaluates the whole expression. An object that it writes out is made as JSON at once.
    pub(super) fn result(&mut self, node: &Node, input: &Item, frame: &FrameRef) -> Step<Option<Value>> {
        match written_out(node, input) {
            Some(group) => {
                let mut writer = self.writer();
                self.write_object(group, input, frame, &mut writer).map(Some)
            }
            None => {
                let item = self.eval_whole(node, input, frame)?;
                self.output(item)
            }
        }
    }

    fn write_object(
        &mut self,
        group: &Group,
        input: &Item,
        frame: &FrameRef,
        writer: &mut Writer,
    ) -> Step<Value> {
        self.spend(1 + group.pairs.len() as u64)?;
        self.deepen()?;
        writer.take(2)?;
        writer.hold.charge(NODE_BYTES + group.pairs.len().max(4) * MEMBER_BYTES)?;
        let mut map = Map::default();
        for (key, node) in &group.pairs {
            let Kind::Text(key) = &key.kind else { continue };
            let value = match written_out(node, input) {
                Some(inner) => self.write_object(inner, input, frame, writer)?,
                None => match self.eval(node, input, frame)? {
                    Item::Undefined => continue,
                    item => {
                        writer.hold.charge(text_bytes(&item))?;
                        writer.value(item)?
                    }
                },
            };
            writer.take(key.len() + 4)?;
            map.insert(key.clone(), value);
        }
        self.depth -= 1;
        Ok(Value::Object(Arc::new(map)))
    }
}

/// The pairs of an object with known keys that a node writes out once.
fn written_out<'n>(node: &'n Node, input: &Item) -> Option<&'n Group> {
    match &node.kind {
        Kind::Object(group) if group.plain && is_bare(node) && !input.is_array() => Some(group),
        _ => None,
    }
}

/// What an array or an object takes beside its members.
pub(super) const NODE_BYTES: usize = 96;

/// What a member of an object takes.
pub(super) const MEMBER_BYTES: usize = size_of::<Value>() + 16;

/// So many parts of values are measured without remembering which have been measured already.
const WALK_MAX: usize = 2_000;

struct Writer {
    /// Whether what is not finite is written as a text.
    names_infinity: bool,
    /// How many bytes of JSON the rest may still have.
    room: usize,
    /// The memory of what has been made. What it is made of is given back on the way.
    hold: Hold,
    /// How many parts of values may still be measured before sizes are remembered.
    walk: usize,
    /// The sizes of shared arrays and objects of the input, by their address.
    sizes: HashMap<usize, usize>,
}

impl Writer {
    fn take(&mut self, bytes: usize) -> Step<()> {
        match self.room.checked_sub(bytes) {
            Some(room) => {
                self.room = room;
                Ok(())
            }
            None => Err(Raised::text(OUTPUT, "The result is too large")),
        }
    }

    fn value(&mut self, item: Item) -> Step<Value> {
        match item {
            Item::Value(value) => {
                let size = self.size(&value);
                self.take(size)?;
                Ok(value)
            }
            Item::Strange(number) if self.names_infinity => {
                self.take(8)?;
                Ok(Value::from(json::number(number)))
            }
            Item::Undefined | Item::Strange(_) => {
                self.take(4)?;
                Ok(Value::Null)
            }
            Item::Function(_) => {
                self.take(2)?;
                Ok(Value::from(""))
            }
            Item::List(list) => {
                self.take(2 + list.items.len())?;
                self.hold.charge(NODE_BYTES + list.items.len() * size_of::<Value>())?;
                let items = match Rc::try_unwrap(list) {
                    Ok(List { items, .. }) => items,
                    Err(list) => list.items.clone(),
                };
                // The values take the places of the items.
                let values: Step<Vec<Value>> = items.into_iter().map(|item| self.value(item)).collect();
                let mut values = values?;
                if values.capacity() > 2 * values.len() {
                    values.shrink_to_fit();
                }
                Ok(Value::Array(Arc::new(values)))
            }
            Item::Record(record) => {
                let members: Vec<(Arc<str>, Item)> = match Rc::try_unwrap(record) {
                    Ok(Record { members, .. }) => members.into_inner().into_entries(),
                    Err(record) => record.members.borrow().iter().cloned().collect(),
                };
                let mut map = Map::default();
                self.take(2)?;
                self.hold.charge(NODE_BYTES + members.len().max(4) * MEMBER_BYTES)?;
                for (key, item) in members {
                    if !item.is_undefined() {
                        self.take(key.len() + 4)?;
                        map.insert(key, self.value(item)?);
                    }
                }
                Ok(Value::Object(Arc::new(map)))
            }
        }
    }

    /// Whether so many more parts may be measured each time they are met.
    fn walks(&mut self, parts: usize) -> bool {
        match self.walk.checked_sub(parts + 1) {
            Some(rest) => {
                self.walk = rest;
                true
            }
            None => false,
        }
    }

    /// The least that the JSON of a value takes.
    fn size(&mut self, value: &Value) -> usize {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                scalar_size(value).unwrap_or_default()
            }
            Value::Array(values) if self.walks(values.len()) => {
                let sizes =
                    values.iter().map(|value| scalar_size(value).unwrap_or_else(|| self.size(value)) + 1);
                sizes.sum::<usize>() + 2
            }
            Value::Object(map) if self.walks(map.len()) => {
                let sizes = map.iter().map(|(key, value)| {
                    key.len() + 4 + scalar_size(value).unwrap_or_else(|| self.size(value))
                });
                sizes.sum::<usize>() + 2
            }
            Value::Array(values) => {
                let address = Arc::as_ptr(values).addr();
                if let Some(size) = self.sizes.get(&address) {
                    return *size;
                }
                let size = values.iter().map(|value| self.size(value) + 1).sum::<usize>() + 2;
                self.sizes.insert(address, size);
                size
            }
            Value::Object(map) => {
                let address = Arc::as_ptr(map).addr();
                if let Some(size) = self.sizes.get(&address) {
                    return *size;
                }
                let size = map.iter().map(|(key, value)| key.len() + self.size(value) + 4).sum::<usize>() + 2;
                self.sizes.insert(address, size);
                size
            }
        }
    }
}

/// The same of a scalar, which most values are.
#[inline]
fn scalar_size(value: &Value) -> Option<usize> {
    match value {
        Value::Null | Value::Bool(true) => Some(4),
        Value::Bool(false) => Some(5),
        Value::Number(_) => Some(1),
        Value::String(text) => Some(text.len() + 2),
        Value::Array(_) | Value::Object(_) => None,
    }
}
