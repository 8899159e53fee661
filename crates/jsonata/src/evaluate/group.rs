//! Object constructors and group-by, which are one thing: items are grouped by the key that each
//! gives, and each group gives a value.

use std::sync::Arc;

use stepwell_value::{Map, Value};

use super::Evaluator;
use super::output::{MEMBER_BYTES, NODE_BYTES};
use super::path::Source;
use crate::ast::{Group, Kind, Node};
use crate::budget::Hold;
use crate::error::{Raised, Step};
use crate::item::{FrameRef, Item, ListBuilder, Members, Record, SHORT, mark};

/// What a group takes while items are gathered: its key, the index of it, and its bucket.
const GROUP_BYTES: usize = 256;

/// The items under one key.
struct Bucket {
    pair: usize,
    data: Data,
}

enum Data {
    One(Item),
    Many(ListBuilder),
}

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn group(&mut self, group: &Group, input: Item, frame: &FrameRef) -> Step<Item> {
        let is_tuples = input.has(mark::TUPLES);
        if !input.is_array() {
            return self.literal(group, &input, frame);
        }
        let mut source = Source::of(input);
        if source.len() == 0 {
            source = Source::One(Item::Undefined);
        }
        let mut keys = Members::default();
        let mut keys_hold = Hold::new(&self.meter);
        let mut buckets: Vec<Bucket> = Vec::new();
        for index in 0..source.len() {
            let item = source.at(index);
            let (context, own) = if is_tuples {
                (item.member("@"), self.tuple_frame(&item, frame))
            } else {
                (item.clone(), frame.clone())
            };
            for (pair, (key, _)) in group.pairs.iter().enumerate() {
                let Some(key) = self.group_key(key, group.position, &context, &own)? else { continue };
                let (slot, new) = keys.slot(&key);
                if new {
                    keys_hold.charge(GROUP_BYTES + key.len())?;
                    self.spend(4)?;
                    buckets.push(Bucket { pair, data: Data::One(item.clone()) });
                    continue;
                }
                let bucket = &mut buckets[slot];
                if bucket.pair != pair {
                    return Err(duplicate(key, group.position));
                }
                self.gather(&mut bucket.data, item.clone())?;
            }
        }
        let mut members = Members::default();
        let mut key_bytes = 0;
        let names: Vec<Arc<str>> = keys.into_entries().into_iter().map(|(name, _)| name).collect();
        for (name, bucket) in names.into_iter().zip(buckets) {
            key_bytes += key_text_bytes(&group.pairs[bucket.pair].0, &name);
            let data = match bucket.data {
                Data::One(item) => item,
                Data::Many(builder) => builder.finish(0)?,
            };
            let value = &group.pairs[bucket.pair].1;
            let result = if is_tuples {
                let tuple = self.merge_tuples(data)?;
                let own = self.tuple_frame(&tuple, frame);
                let context = tuple.member("@");
                if let Item::Record(record) = &tuple {
                    // So does the reference, and the next group of the same tuple misses it.
                    record.members.borrow_mut().remove("@");
                }
                self.eval(value, &context, &own)?
            } else {
                self.eval(value, &data, frame)?
            };
            if !result.is_undefined() {
                members.insert(name, result);
            }
        }
        Ok(Item::Record(Record::with_keys(members, key_bytes, &self.meter)?))
    }

    /// An object that is written out, over one item: it needs no grouping.
    #[inline(never)]
    pub(super) fn literal(&mut self, group: &Group, input: &Item, frame: &FrameRef) -> Step<Item> {
        if group.plain {
            return self.plain(group, input, frame);
        }
        let mut keys: Vec<(Arc<str>, usize)> = Vec::with_capacity(group.pairs.len());
        for (pair, (key, _)) in group.pairs.iter().enumerate() {
            let Some(key) = self.group_key(key, group.position, input, frame)? else { continue };
            keys.push((key, pair));
        }
        // Objects that are written out are short; long ones are searched with an index.
        let mut known = Members::default();
        for (key, _) in &keys {
            if !known.slot(key).1 {
                return Err(duplicate(key.clone(), group.position));
            }
        }
        let mut members = Members::default();
        let mut key_bytes = 0;
        for (key, pair) in keys {
            key_bytes += key_text_bytes(&group.pairs[pair].0, &key);
            let result = self.eval(&group.pairs[pair].1, input, frame)?;
            if !result.is_undefined() {
                members.insert(key, result);
            }
        }
        Ok(Item::Record(Record::with_keys(members, key_bytes, &self.meter)?))
    }

    /// The same where the keys are known. What holds nothing but scalars is made as JSON at once; it is
    /// charged for good, and so there is a limit to how much of that there may be.
    #[inline(never)]
    fn plain(&mut self, group: &Group, input: &Item, frame: &FrameRef) -> Step<Item> {
        self.spend(group.pairs.len() as u64)?;
        let most = NODE_BYTES + group.pairs.len().max(4) * MEMBER_BYTES;
        let mut flat = Map::default();
        let mut bytes = most;
        let mut members: Option<Members> = None;
        for (key, value) in &group.pairs {
            let Kind::Text(key) = &key.kind else { continue };
            let result = self.eval(value, input, frame)?;
            if result.is_undefined() {
                continue;
            }
            if members.is_none() {
                match result {
                    Item::Value(value) if is_scalar(&value) && bytes + text_bytes(&value) <= self.loose => {
                        bytes += text_bytes(&value);
                        flat.insert(key.clone(), value);
                        continue;
                    }
                    _ => {}
                }
            }
            let members = members.get_or_insert_with(|| {
                let mut members = Members::default();
                for (key, value) in flat.iter() {
                    members.insert(key.clone(), Item::Value(value.clone()));
                }
                members
            });
            members.insert(key.clone(), result);
        }
        match members {
            Some(members) => Ok(Item::Record(Record::new(members, &self.meter)?)),
            None => {
                self.meter.charge(bytes)?;
                self.loose = self.loose.saturating_sub(bytes);
                Ok(Item::Value(Value::Object(Arc::new(flat))))
            }
        }
    }

    fn group_key(
        &mut self,
        key: &Node,
        position: usize,
        context: &Item,
        frame: &FrameRef,
    ) -> Step<Option<Arc<str>>> {
        if let (Kind::Text(text), true, None) = (&key.kind, key.predicates.is_empty(), &key.group) {
            self.spend(1)?;
            return Ok(Some(text.clone()));
        }
        match self.eval(key, context, frame)? {
            Item::Undefined => Ok(None),
            Item::Value(stepwell_value::Value::String(text)) => {
                self.spend(text.len() as u64 / 64)?;
                Ok(Some(text))
            }
            other => {
                let mut raised = Raised::value("T1003", other.shown());
                raised.position = Some(position);
                Err(raised)
            }
        }
    }

    /// Appends to a group as `$append` does: arrays are joined.
    fn gather(&mut self, data: &mut Data, item: Item) -> Step<()> {
        if item.is_undefined() {
            return Ok(());
        }
        match data {
            Data::One(Item::Undefined) => *data = Data::One(item),
            Data::One(first) => {
                let mut builder = ListBuilder::new(&self.meter);
                let first = std::mem::take(first);
                self.spend((first.array_len().unwrap_or(1) + item.array_len().unwrap_or(1)) as u64)?;
                builder.append(first)?;
                builder.append(item)?;
                *data = Data::Many(builder);
            }
            Data::Many(builder) => {
                self.spend(item.array_len().unwrap_or(1) as u64)?;
                builder.append(item)?;
            }
        }
        Ok(())
    }

    /// The tuples of a group as one, whose variables hold the values of all.
    fn merge_tuples(&mut self, tuples: Item) -> Step<Item> {
        if !tuples.is_array() {
            return Ok(tuples);
        }
        let mut names: Vec<(Arc<str>, Data)> = Vec::new();
        for index in 0..tuples.array_len().unwrap_or(0) {
            for (name, item) in tuples.at(index).members() {
                match names.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, data)) => self.gather(data, item)?,
                    None => names.push((name, Data::One(item))),
                }
            }
        }
        let mut members = Members::default();
        for (name, data) in names {
            let item = match data {
                Data::One(item) => item,
                Data::Many(builder) => builder.finish(0)?,
            };
            members.insert(name, item);
        }
        Ok(Item::Record(Record::new(members, &self.meter)?))
    }
}

/// What a key takes that is not the expression's own. Long ones are charged when they are made.
fn key_text_bytes(node: &Node, key: &str) -> usize {
    match node.kind {
        Kind::Text(_) => 0,
        _ if key.len() > SHORT => 0,
        _ => key.len() + 24,
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// What a short string costs whoever holds it; a long one is charged by itself.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) if text.len() <= SHORT => text.len() + 24,
        _ => 0,
    }
}

fn duplicate(key: Arc<str>, position: usize) -> Box<Raised> {
    let mut raised = Raised::value("D1009", Some(stepwell_value::Value::String(key)));
    raised.position = Some(position);
    raised
}
