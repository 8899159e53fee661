//! Equality and order, as JavaScript has them.

use std::cmp::Ordering;

use stepwell_value::Value;

use super::Evaluator;
use crate::budget::Hold;
use crate::error::Step;
use crate::item::{Item, Member};

/// The order of two strings by their UTF-16 units.
pub(crate) fn text_order(a: &str, b: &str) -> Ordering {
    // The orders differ only where a character outside the basic plane meets one of its end.
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    match (a.as_bytes().get(same), b.as_bytes().get(same)) {
        (Some(x), Some(y)) if *x >= 0xE0 && *y >= 0xE0 => a.encode_utf16().cmp(b.encode_utf16()),
        (Some(0x80..), Some(0x80..)) => a.encode_utf16().cmp(b.encode_utf16()),
        (x, y) => x.cmp(&y),
    }
}

impl Evaluator<'_> {
    /// Pays for comparing two texts; other values cost nothing here.
    #[inline]
    pub(crate) fn spend_on_texts(&mut self, a: &Item, b: &Item) -> Step<()> {
        match (a.as_text(), b.as_text()) {
            (Some(a), Some(b)) => self.spend(a.len().min(b.len()) as u64 / 256),
            _ => Ok(()),
        }
    }

    /// The members of an object, in their order, paid for as long as they are gone through.
    pub(crate) fn members_of(&mut self, object: &Item) -> Step<(Hold, Vec<Member>)> {
        let mut hold = Hold::new(&self.meter);
        let len = object.members_len();
        self.spend(len as u64 / 4)?;
        hold.charge(len * size_of::<Member>())?;
        Ok((hold, object.members()))
    }

    /// Whether two values are equal in all their parts.
    pub(crate) fn deep_equal(&mut self, a: &Item, b: &Item) -> Step<bool> {
        self.spend(1)?;
        self.spend_on_texts(a, b)?;
        if a.is_same(b) {
            return Ok(true);
        }
        match (a, b) {
            (Item::Value(a), Item::Value(b)) => self.equal_values(a, b),
            _ => {
                if let (Some(len), Some(other)) = (a.array_len(), b.array_len()) {
                    if len != other {
                        return Ok(false);
                    }
                    for index in 0..len {
                        if !self.deep_equal(&a.at(index), &b.at(index))? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
                if !a.is_object() || !b.is_object() {
                    return Ok(false);
                }
                if a.members_len() != b.members_len() {
                    return Ok(false);
                }
                let (_hold, members) = self.members_of(a)?;
                for (key, item) in members {
                    let other = match b {
                        Item::Value(Value::Object(map)) => map.get(&key).cloned().map(Item::Value),
                        Item::Record(record) => record.members.borrow().get(&key).cloned(),
                        _ => None,
                    };
                    let Some(other) = other else { return Ok(false) };
                    if !self.deep_equal(&item, &other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn equal_values(&mut self, a: &Value, b: &Value) -> Step<bool> {
        self.spend(1)?;
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal_values(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, value) in a.iter() {
                    let Some(other) = b.get(key) else { return Ok(false) };
                    if !self.equal_values(value, other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Number(a), Value::Number(b)) => Ok(a.as_f64() == b.as_f64()),
            (Value::String(a), Value::String(b)) => {
                self.spend(a.len().min(b.len()) as u64 / 256)?;
                Ok(a == b)
            }
            _ => Ok(a == b),
        }
    }

    /// The truth of a value, as `$boolean` tells it; undefined has none.
    pub(crate) fn boolean(&mut self, item: &Item) -> Step<Option<bool>> {
        Ok(match item {
            Item::Undefined => None,
            Item::Value(Value::Bool(truth)) => Some(*truth),
            Item::Value(Value::Null) => Some(false),
            Item::Value(Value::String(text)) => Some(!text.is_empty()),
            Item::Value(Value::Object(map)) => Some(!map.is_empty()),
            Item::Record(record) => Some(record.members.borrow().len() > 0),
            Item::Value(Value::Number(_)) | Item::Strange(_) => {
                Some(self.numeric(item)?.is_some_and(|number| number != 0.0))
            }
            // To JavaScript the one kind is an object with members and the other a function.
            Item::Function(function) => Some(function.is_object()),
            Item::Value(Value::Array(_)) | Item::List(_) => {
                let len = item.array_len().unwrap_or(0);
                self.spend(len as u64)?;
                if len == 1 {
                    // Like the reference, an array of one undefined is itself undefined here.
                    return self.boolean(&item.at(0));
                }
                let mut any = false;
                for index in 0..len {
                    any |= self.boolean(&item.at(index))?.unwrap_or(false);
                }
                Some(any)
            }
        })
    }
}
