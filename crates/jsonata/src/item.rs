//! What an expression computes with: JSON values, and what JSON has no word for.
//!
//! A JSON value stays what it was, a shared node. Beside those there is `undefined`, numbers that are
//! not finite, functions, and arrays and objects that were made by the evaluation: they may hold any
//! of these, and arrays carry the marks by which the language tells a *sequence*, which unwraps when
//! it has one item, from an array that somebody wrote.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::{Number, Value};

use crate::budget::{Hold, Meter};
use crate::error::{OUTPUT, Raised, Step};
use crate::evaluate::frame::Frame;
use crate::functions::Function;

/// How deep arrays and objects made by an evaluation may nest.
pub(crate) const NESTING_MAX: u16 = 400;

/// Strings up to this length are charged with the arrays and objects that hold them; longer ones by
/// themselves, when they are made.
pub(crate) const SHORT: usize = 512;

#[derive(Debug, Clone, Default)]
pub(crate) enum Item {
    #[default]
    Undefined,
    Value(Value),
    /// Infinity, its negative, or not a number.
    Strange(f64),
    List(Rc<List>),
    Record(Rc<Record>),
    Function(Function),
}

/// The marks of an array that an evaluation made.
pub(crate) mod mark {
    /// Unwraps when it holds one item.
    pub const SEQUENCE: u8 = 1;
    /// ... but not this one.
    pub const KEEP: u8 = 2;
    /// Written as an array constructor within a path: is not flattened into the path.
    pub const CONS: u8 = 4;
    /// Wraps the input, which is an array.
    pub const OUTER: u8 = 8;
    /// Its items are tuples of bindings.
    pub const TUPLES: u8 = 16;
}

/// An array that an evaluation made.
#[derive(Debug)]
pub(crate) struct List {
    pub items: Vec<Item>,
    marks: Cell<u8>,
    depth: u16,
    _hold: Option<Hold>,
}

impl List {
    pub fn has(&self, mark: u8) -> bool {
        self.marks.get() & mark != 0
    }

    pub fn set(&self, mark: u8) {
        self.marks.set(self.marks.get() | mark);
    }

    /// The array that wraps an input that is one.
    pub fn outer(input: Value) -> Item {
        let items = vec![Item::Value(input)];
        let marks = Cell::new(mark::SEQUENCE | mark::OUTER);
        Item::List(Rc::new(List { items, marks, depth: 1, _hold: None }))
    }

    /// An array of one item that is not charged: it lives as long as a step of a path.
    pub fn single(item: Item, marks: u8) -> Step<Item> {
        let depth = deeper(item.depth())?;
        Ok(Item::List(Rc::new(List { items: vec![item], marks: Cell::new(marks), depth, _hold: None })))
    }

    pub fn empty(marks: u8) -> Item {
        Item::List(Rc::new(List { items: Vec::new(), marks: Cell::new(marks), depth: 1, _hold: None }))
    }
}

fn deeper(depth: u16) -> Step<u16> {
    if depth >= NESTING_MAX {
        return Err(Raised::text(OUTPUT, format!("a value nests deeper than {NESTING_MAX} levels")));
    }
    Ok(depth + 1)
}

/// An array in the making. Room is charged before it is taken.
pub(crate) struct ListBuilder {
    items: Vec<Item>,
    hold: Hold,
    /// Bytes of short strings that are not charged yet.
    texts: usize,
}

/// So many bytes of short strings are charged at a time.
const TEXTS_AT_ONCE: usize = 16 * 1024;

/// What a string costs whoever holds it.
pub(crate) fn text_bytes(item: &Item) -> usize {
    match item {
        Item::Value(Value::String(text)) if text.len() <= SHORT => text.len() + 24,
        _ => 0,
    }
}

const ITEM_BYTES: usize = size_of::<Item>();

impl ListBuilder {
    pub fn new(meter: &Rc<Meter>) -> ListBuilder {
        ListBuilder { items: Vec::new(), hold: Hold::new(meter), texts: 0 }
    }

    pub fn with_room(meter: &Rc<Meter>, room: usize) -> Step<ListBuilder> {
        let mut builder = ListBuilder::new(meter);
        builder.reserve(room)?;
        Ok(builder)
    }

    /// Makes room for so many more. An array that grows grows by half at least, so that many short
    /// pieces do not copy it again and again.
    fn reserve(&mut self, room: usize) -> Step<()> {
        let free = self.items.capacity() - self.items.len();
        if room > free {
            let room = room.max(self.items.len() / 2);
            self.hold.charge((room - free).saturating_mul(ITEM_BYTES))?;
            self.items.reserve_exact(room);
        }
        Ok(())
    }

    #[inline]
    pub fn push(&mut self, item: Item) -> Step<()> {
        if self.items.len() == self.items.capacity() {
            self.reserve(self.items.len().max(4))?;
        }
        let texts = text_bytes(&item);
        self.items.push(item);
        self.note(texts)
    }

    fn note(&mut self, texts: usize) -> Step<()> {
        self.texts += texts;
        if self.texts > TEXTS_AT_ONCE {
            self.hold.charge(std::mem::take(&mut self.texts))?;
        }
        Ok(())
    }

    /// Appends what an array holds, or the value itself if it is none.
    pub fn append(&mut self, item: Item) -> Step<()> {
        match item {
            Item::Value(Value::Array(values)) => {
                self.reserve(values.len())?;
                let from = self.items.len();
                self.items.extend(values.iter().cloned().map(Item::Value));
                self.note(self.items[from..].iter().map(text_bytes).sum())
            }
            Item::List(list) => {
                // What nobody else holds is taken over as it is.
                if self.items.is_empty() && self.items.capacity() == 0 {
                    match Rc::try_unwrap(list) {
                        Ok(mut list) => {
                            self.items = std::mem::take(&mut list.items);
                            if let Some(hold) = list._hold.take() {
                                self.hold = hold;
                            }
                            return Ok(());
                        }
                        Err(list) => return self.extend(&list.items),
                    }
                }
                self.extend(&list.items)
            }
            other => self.push(other),
        }
    }

    pub fn extend(&mut self, items: &[Item]) -> Step<()> {
        self.reserve(items.len())?;
        self.items.extend_from_slice(items);
        self.note(items.iter().map(text_bytes).sum())
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub fn finish(self, marks: u8) -> Step<Item> {
        Ok(Item::List(self.finish_list(marks)?))
    }

    pub fn finish_list(self, marks: u8) -> Step<Rc<List>> {
        let ListBuilder { items, mut hold, texts } = self;
        let depth = items.iter().map(Item::depth).max().unwrap_or(0);
        hold.charge(texts + size_of::<List>())?;
        Ok(Rc::new(List { depth: deeper(depth)?, items, marks: Cell::new(marks), _hold: Some(hold) }))
    }
}

/// Room for so many items is made at once, at the most.
pub(crate) const ROOM_AT_ONCE: usize = 128;

/// Items gathered by a step: none and one are common and need no array.
pub(crate) enum Sequence {
    None,
    One(Item),
    Many(ListBuilder),
}

impl Sequence {
    #[inline]
    pub fn push(&mut self, item: Item, meter: &Rc<Meter>) -> Step<()> {
        self.push_of(item, 0, meter)
    }

    /// The same for one of about so many.
    #[inline]
    pub fn push_of(&mut self, item: Item, about: usize, meter: &Rc<Meter>) -> Step<()> {
        match self {
            Sequence::None => *self = Sequence::One(item),
            Sequence::One(_) => {
                let Sequence::One(first) = std::mem::replace(self, Sequence::None) else {
                    return Ok(());
                };
                let mut builder = ListBuilder::with_room(meter, about.clamp(4, ROOM_AT_ONCE))?;
                builder.push(first)?;
                builder.push(item)?;
                *self = Sequence::Many(builder);
            }
            Sequence::Many(builder) => builder.push(item)?,
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        match self {
            Sequence::None => 0,
            Sequence::One(_) => 1,
            Sequence::Many(builder) => builder.len(),
        }
    }

    /// What the language sees of it: nothing, the one item, or an array.
    pub fn unwrap(self) -> Step<Item> {
        match self {
            Sequence::None => Ok(Item::Undefined),
            Sequence::One(item) => Ok(item),
            Sequence::Many(builder) => builder.finish(mark::SEQUENCE),
        }
    }

    /// The array, even of none or one.
    pub fn list(self, marks: u8) -> Step<Item> {
        match self {
            Sequence::None => Ok(List::empty(marks)),
            Sequence::One(item) => List::single(item, marks),
            Sequence::Many(builder) => builder.finish(marks),
        }
    }
}

/// A member of an object.
pub(crate) type Member = (Arc<str>, Item);

/// The members of a [`Record`].
#[derive(Debug, Default)]
pub(crate) struct Members {
    entries: Vec<Member>,
    index: Option<HashMap<Arc<str>, usize>>,
}

/// From how many members on there is a hash index beside the list.
const INDEXED_FROM: usize = 16;
/// What an entry of the index takes.
const INDEX_BYTES: usize = 32;

impl Members {
    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(known, _)| &**known == key),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Item> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// What the members take beside the values of their own, in bytes.
    fn bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.capacity() * INDEX_BYTES);
        index + self.entries.capacity() * (ITEM_BYTES + 16)
    }

    pub fn insert(&mut self, key: Arc<str>, item: Item) {
        if let Some(at) = self.position(&key) {
            self.entries[at].1 = item;
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, item));
        if self.index.is_none() && self.entries.len() >= INDEXED_FROM {
            self.reindex();
        }
    }

    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(known, _)| &**known != key);
        if self.index.is_some() {
            self.reindex();
        }
    }

    /// Takes out the members of all these names at once.
    pub fn remove_all(&mut self, keys: &HashSet<Arc<str>>) {
        self.entries.retain(|(key, _)| !keys.contains(key));
        if self.index.is_some() {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        let keys = self.entries.iter().enumerate();
        self.index = Some(keys.map(|(at, (key, _))| (key.clone(), at)).collect());
    }

    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn into_entries(self) -> Vec<Member> {
        self.entries
    }

    /// Where the entry of `key` is, making one of `undefined` if there is none.
    pub fn slot(&mut self, key: &Arc<str>) -> (usize, bool) {
        match self.position(key) {
            Some(at) => (at, false),
            None => {
                self.insert(key.clone(), Item::Undefined);
                (self.entries.len() - 1, true)
            }
        }
    }
}

/// An object that an evaluation made. A transform changes it in place; nothing else does.
#[derive(Debug)]
pub(crate) struct Record {
    pub members: RefCell<Members>,
    depth: Cell<u16>,
    hold: RefCell<Hold>,
}

impl Record {
    pub fn new(members: Members, meter: &Rc<Meter>) -> Step<Rc<Record>> {
        Record::with_keys(members, 0, meter)
    }

    /// A record some of whose keys were made by the evaluation: they take so many bytes.
    pub fn with_keys(members: Members, key_bytes: usize, meter: &Rc<Meter>) -> Step<Rc<Record>> {
        let mut hold = Hold::new(meter);
        let depth = members.entries.iter().map(|(_, item)| item.depth()).max().unwrap_or(0);
        let texts: usize = members.entries.iter().map(|(_, item)| text_bytes(item)).sum();
        hold.charge(key_bytes + texts + members.bytes() + size_of::<Record>())?;
        let depth = Cell::new(deeper(depth)?);
        Ok(Rc::new(Record { members: RefCell::new(members), depth, hold: RefCell::new(hold) }))
    }

    pub fn get(&self, key: &str) -> Item {
        self.members.borrow().get(key).cloned().unwrap_or_default()
    }

    /// Puts a member in, as a transform does.
    pub fn insert(&self, key: Arc<str>, item: Item) -> Step<()> {
        self.hold.borrow_mut().charge(ITEM_BYTES + 16)?;
        self.depth.set(self.depth.get().max(deeper(item.depth())?));
        self.members.borrow_mut().insert(key, item);
        Ok(())
    }
}

impl Item {
    /// A number; what is not finite stays what it is.
    #[inline]
    pub fn number(number: f64) -> Item {
        match Number::from_f64(number) {
            Some(number) => Item::Value(Value::Number(number)),
            None => Item::Strange(number),
        }
    }

    pub fn count(count: usize) -> Item {
        Item::Value(Value::Number(Number::from(i64::try_from(count).unwrap_or(i64::MAX))))
    }

    pub fn bool(truth: bool) -> Item {
        Item::Value(Value::Bool(truth))
    }

    pub const NULL: Item = Item::Value(Value::Null);

    pub fn is_undefined(&self) -> bool {
        matches!(self, Item::Undefined)
    }

    #[inline]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Item::Value(Value::Number(number)) => Some(number.as_f64()),
            Item::Strange(number) => Some(*number),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Item::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Item::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// How many bytes the text has; none if this is no text.
    pub fn text_len(&self) -> usize {
        self.as_text().map_or(0, |text| text.len())
    }

    pub fn is_array(&self) -> bool {
        matches!(self, Item::Value(Value::Array(_)) | Item::List(_))
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Item::Value(Value::Object(_)) | Item::Record(_))
    }

    pub fn has(&self, mark: u8) -> bool {
        match self {
            Item::List(list) => list.has(mark),
            _ => false,
        }
    }

    /// How many items an array has; `None` if this is none.
    pub fn array_len(&self) -> Option<usize> {
        match self {
            Item::Value(Value::Array(values)) => Some(values.len()),
            Item::List(list) => Some(list.items.len()),
            _ => None,
        }
    }

    /// An item of an array; undefined past its end.
    pub fn at(&self, index: usize) -> Item {
        match self {
            Item::Value(Value::Array(values)) => {
                values.get(index).cloned().map_or(Item::Undefined, Item::Value)
            }
            Item::List(list) => list.items.get(index).cloned().unwrap_or_default(),
            _ => Item::Undefined,
        }
    }

    /// How deep what an evaluation made nests here; JSON that came from outside counts as flat.
    pub fn depth(&self) -> u16 {
        match self {
            Item::List(list) => list.depth,
            Item::Record(record) => record.depth.get(),
            Item::Function(function) => function.depth(),
            Item::Undefined | Item::Value(_) | Item::Strange(_) => 0,
        }
    }

    /// The member of an object; undefined if there is none.
    pub fn member(&self, key: &str) -> Item {
        match self {
            Item::Value(Value::Object(map)) => map.get(key).cloned().map_or(Item::Undefined, Item::Value),
            Item::Record(record) => record.get(key),
            _ => Item::Undefined,
        }
    }

    /// The members of an object, in their order.
    pub fn members(&self) -> Vec<Member> {
        match self {
            Item::Value(Value::Object(map)) => {
                map.iter().map(|(key, value)| (key.clone(), Item::Value(value.clone()))).collect()
            }
            Item::Record(record) => record.members.borrow().iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// How many members an object has.
    pub fn members_len(&self) -> usize {
        match self {
            Item::Value(Value::Object(map)) => map.len(),
            Item::Record(record) => record.members.borrow().len(),
            _ => 0,
        }
    }

    /// Whether both are one and the same, as `===` tells.
    pub fn is_same(&self, other: &Item) -> bool {
        match (self, other) {
            (Item::Undefined, Item::Undefined) => true,
            (Item::Value(a), Item::Value(b)) => match (a, b) {
                (Value::Null, Value::Null) => true,
                (Value::Bool(a), Value::Bool(b)) => a == b,
                (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
                (Value::String(a), Value::String(b)) => a == b,
                (Value::Array(a), Value::Array(b)) => Arc::ptr_eq(a, b),
                (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b),
                _ => false,
            },
            (Item::Strange(a), Item::Strange(b)) => a == b,
            (Item::List(a), Item::List(b)) => Rc::ptr_eq(a, b),
            (Item::Record(a), Item::Record(b)) => Rc::ptr_eq(a, b),
            (Item::Function(a), Item::Function(b)) => a.is_same(b),
            _ => false,
        }
    }

    /// Whether JavaScript takes it for true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Item::Undefined | Item::Value(Value::Null) => false,
            Item::Value(Value::Bool(truth)) => *truth,
            Item::Value(Value::Number(number)) => number.as_f64() != 0.0,
            Item::Value(Value::String(text)) => !text.is_empty(),
            Item::Strange(number) => !number.is_nan(),
            Item::Value(Value::Array(_) | Value::Object(_))
            | Item::List(_)
            | Item::Record(_)
            | Item::Function(_) => true,
        }
    }

    /// The value, for a message: arrays and objects that an evaluation made are left out.
    pub fn shown(&self) -> Option<Value> {
        match self {
            Item::Value(value) => Some(value.clone()),
            Item::Strange(_) => Some(Value::Null),
            Item::List(_) | Item::Record(_) => shown(self, &mut 1_000),
            Item::Undefined | Item::Function(_) => None,
        }
    }
}

/// As much of a value as a message needs: nothing at all if it is large.
fn shown(item: &Item, room: &mut usize) -> Option<Value> {
    *room = room.checked_sub(1)?;
    Some(match item {
        Item::Value(value) => value.clone(),
        Item::List(list) => {
            let values: Option<Vec<Value>> = list.items.iter().map(|item| shown(item, room)).collect();
            Value::array(values?)
        }
        Item::Record(record) => {
            let mut members = Vec::new();
            for (key, item) in record.members.borrow().iter() {
                if !item.is_undefined() {
                    members.push((key.clone(), shown(item, room)?));
                }
            }
            Value::object(members)
        }
        Item::Undefined | Item::Strange(_) | Item::Function(_) => Value::Null,
    })
}

impl From<Value> for Item {
    fn from(value: Value) -> Item {
        Item::Value(value)
    }
}

/// A frame is held by a lambda; this keeps the type in one place.
pub(crate) type FrameRef = Rc<Frame>;
