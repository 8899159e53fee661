//! Evaluation of the small form of a node, on references; see [`crate::quick`].
//!
//! Everything here gives `None` where the node has to be evaluated as it always is.

use std::cmp::Ordering;
use std::sync::Arc;

use stepwell_value::{Map, Value};

use super::Evaluator;
use super::compare::text_order;
use super::output::{MEMBER_BYTES, NODE_BYTES};
use super::predicate::position;
use crate::ast::{Group, Kind, Node, Operator};
use crate::expression::Environment;
use crate::item::{FrameRef, Item, SHORT};
use crate::quick::{Code, Hop, Quick, is_bare};

/// What names and variables mean.
#[derive(Clone, Copy)]
pub(super) struct Scope<'v> {
    /// The context, if it is JSON that came from outside.
    pub context: Option<&'v Value>,
    /// The parameters of the function whose body is evaluated, and what they are bound to.
    pub names: &'v [Arc<str>],
    pub args: &'v [Item],
    /// Where other variables are; without, they are the caller's.
    pub frame: Option<&'v FrameRef>,
}

/// What such a form comes to.
pub(super) enum Operand<'v> {
    Undefined,
    Ref(&'v Value),
    Number(f64),
    Bool(bool),
    Text(&'v Arc<str>),
    Made(Value),
}

impl<'v> Scope<'v> {
    /// Nothing but a context.
    pub fn of(context: &'v Item, frame: &'v FrameRef) -> Scope<'v> {
        let context = match context {
            Item::Value(value) => Some(value),
            Item::Undefined | Item::Strange(_) | Item::List(_) | Item::Record(_) | Item::Function(_) => None,
        };
        Scope { context, names: &[], args: &[], frame: Some(frame) }
    }
}

impl Operand<'_> {
    pub fn is_undefined(&self) -> bool {
        matches!(self, Operand::Undefined)
    }

    pub fn into_item(self) -> Item {
        match self.into_value() {
            Some(value) => Item::Value(value),
            None => Item::Undefined,
        }
    }

    pub fn into_value(self) -> Option<Value> {
        Some(match self {
            Operand::Undefined => return None,
            Operand::Ref(value) => value.clone(),
            Operand::Number(number) => {
                Value::Number(stepwell_value::Number::from_f64(number).expect("arithmetic gives up otherwise"))
            }
            Operand::Bool(truth) => Value::Bool(truth),
            Operand::Text(text) => Value::String(text.clone()),
            Operand::Made(value) => value,
        })
    }

    #[inline]
    fn value(&self) -> Option<&Value> {
        match self {
            Operand::Ref(value) => Some(value),
            Operand::Made(value) => Some(value),
            Operand::Undefined | Operand::Number(_) | Operand::Bool(_) | Operand::Text(_) => None,
        }
    }

    #[inline]
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Operand::Number(number) => *number,
            other => match other.value()? {
                Value::Number(number) => number.as_f64(),
                _ => return None,
            },
        };
        number.is_finite().then_some(number)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Operand::Text(text) => Some(text),
            other => other.value()?.as_str(),
        }
    }

    /// The truth of what is no array.
    pub fn truth(&self) -> Option<bool> {
        Some(match self {
            Operand::Undefined => false,
            Operand::Bool(truth) => *truth,
            Operand::Number(number) => *number != 0.0,
            Operand::Text(text) => !text.is_empty(),
            Operand::Ref(_) | Operand::Made(_) => match self.value()? {
                Value::Null => false,
                Value::Bool(truth) => *truth,
                Value::Number(_) => self.number()? != 0.0,
                Value::String(text) => !text.is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Array(_) => return None,
            },
        })
    }

    fn truth_alone(&self) -> Option<bool> {
        match self {
            Operand::Bool(truth) => Some(*truth),
            other => other.value()?.as_bool(),
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.value(), Some(Value::Array(_) | Value::Object(_)))
    }
}

impl<'e> Evaluator<'e> {
    /// The whole result, where it can be made without anything in between: what a small form gives, the
    /// scalars that a path finds in an array, or an object of such.
    #[inline(never)]
    pub(super) fn quick_result(&mut self, node: &Node) -> Option<Option<Value>> {
        let environment: &'e Environment<'e> = self.environment;
        let context = environment.input.filter(|input| !matches!(input, Value::Array(_)));
        let scope = Scope { context, names: &[], args: &[], frame: None };
        if let Kind::Object(group) = &node.kind
            && group.quick
            && is_bare(node)
        {
            return self.quick_object(group, &scope, &mut Room::of(environment)).map(Some);
        }
        let quick = node.quick.as_ref()?;
        if let Some(operand) = self.quick(quick, &scope) {
            return Some(operand.into_value());
        }
        match &quick.code {
            Code::Context(hops) => self.quick_map(scope.context?, hops, &mut Room::of(environment)),
            _ => None,
        }
    }

    fn quick_object(&mut self, group: &Group, scope: &Scope<'_>, room: &mut Room) -> Option<Value> {
        self.spend(group.pairs.len() as u64).ok()?;
        room.take_node(group.pairs.len().max(4) * MEMBER_BYTES)?;
        let mut map = Map::default();
        for (key, node) in &group.pairs {
            let Kind::Text(key) = &key.kind else { return None };
            let value = match (&node.quick, &node.kind) {
                (Some(quick), _) => match self.quick(quick, scope)?.into_value() {
                    Some(value) => {
                        room.take_value(&value)?;
                        value
                    }
                    None => continue,
                },
                (None, Kind::Object(inner)) => self.quick_object(inner, scope, room)?,
                (None, _) => return None,
            };
            room.take_output(key.len() + 4)?;
            map.insert(key.clone(), value);
        }
        Some(Value::Object(Arc::new(map)))
    }

    /// The scalars that a path finds in the objects of one array.
    fn quick_map(&mut self, from: &Value, hops: &[Hop], room: &mut Room) -> Option<Option<Value>> {
        let mut current = from;
        for (at, hop) in hops.iter().enumerate() {
            current = current.get(&hop.name)?;
            if hop.pick.is_some() {
                return None;
            }
            let (Value::Array(values), rest) = (current, &hops[at + 1..]) else { continue };
            if rest.is_empty() {
                return None;
            }
            self.spend((values.len() * rest.len()) as u64).ok()?;
            room.take_node(values.len() * size_of::<Value>())?;
            let mut found = Vec::with_capacity(values.len());
            for value in values.iter() {
                match follow(value, rest)? {
                    Operand::Ref(value) if !matches!(value, Value::Array(_) | Value::Object(_)) => {
                        room.take_value(value)?;
                        found.push(value.clone());
                    }
                    Operand::Undefined => {}
                    _ => return None,
                }
            }
            return Some(match found.len() {
                0 | 1 => found.pop(),
                _ => Some(Value::Array(Arc::new(found))),
            });
        }
        None
    }

    /// Evaluates a small form in a context.
    #[inline(never)]
    pub(super) fn quick_item(&mut self, quick: &Quick, input: &Item, frame: &FrameRef) -> Option<Item> {
        self.quick(quick, &Scope::of(input, frame)).map(Operand::into_item)
    }

    /// Pays for a small form and evaluates it.
    pub(super) fn quick<'v>(&mut self, quick: &'v Quick, scope: &Scope<'v>) -> Option<Operand<'v>> {
        self.spend(u64::from(quick.size)).ok()?;
        self.quick_code(quick, scope)
    }

    fn quick_code<'v>(&mut self, quick: &'v Quick, scope: &Scope<'v>) -> Option<Operand<'v>> {
        match &quick.code {
            Code::Context(hops) => follow(scope.context?, hops),
            Code::Variable(name, built_in, hops) => self.quick_variable(name, *built_in, hops, scope),
            Code::Number(number) => Some(Operand::Number(*number)),
            Code::Text(text) => Some(Operand::Text(text)),
            Code::Constant(value) => Some(Operand::Ref(value)),
            Code::Negate(inner) => match self.quick_code(inner, scope)? {
                Operand::Undefined => Some(Operand::Undefined),
                other => Some(Operand::Number(-other.number()?)),
            },
            Code::Arithmetic(operator, left, right) => {
                let (left, right) = (self.quick_code(left, scope)?, self.quick_code(right, scope)?);
                arithmetic(*operator, &left, &right)
            }
            Code::Compare(operator, left, right) => {
                let (left, right) = (self.quick_code(left, scope)?, self.quick_code(right, scope)?);
                compare(*operator, &left, &right)
            }
            Code::Equal(operator, left, right) => {
                let (left, right) = (self.quick_code(left, scope)?, self.quick_code(right, scope)?);
                if left.is_undefined() || right.is_undefined() {
                    return Some(Operand::Bool(false));
                }
                Some(Operand::Bool(equal(&left, &right)? == (*operator == Operator::Equal)))
            }
            Code::And(left, right) => {
                let truth =
                    self.quick_code(left, scope)?.truth()? && self.quick_code(right, scope)?.truth()?;
                Some(Operand::Bool(truth))
            }
            Code::Or(left, right) => {
                let truth =
                    self.quick_code(left, scope)?.truth()? || self.quick_code(right, scope)?.truth()?;
                Some(Operand::Bool(truth))
            }
            Code::Condition(condition, then, otherwise) => {
                if self.quick_code(condition, scope)?.truth()? {
                    return self.quick_code(then, scope);
                }
                match otherwise {
                    Some(otherwise) => self.quick_code(otherwise, scope),
                    None => Some(Operand::Undefined),
                }
            }
            Code::Concatenate(left, right) => {
                let mut out = String::new();
                self.join_text(left, scope, &mut out)?;
                self.join_text(right, scope, &mut out)?;
                match self.text(out).ok()? {
                    Item::Value(value) => Some(Operand::Made(value)),
                    _ => None,
                }
            }
        }
    }

    /// Appends what a side of `&` comes to; a side that is itself such a pair needs no text of its own.
    fn join_text<'v>(&mut self, quick: &'v Quick, scope: &Scope<'v>, out: &mut String) -> Option<()> {
        if let Code::Concatenate(left, right) = &quick.code {
            self.join_text(left, scope, out)?;
            return self.join_text(right, scope, out);
        }
        let operand = self.quick_code(quick, scope)?;
        if operand.is_undefined() {
            return Some(());
        }
        match operand.text() {
            Some(text) => {
                if out.len() + text.len() > SHORT {
                    self.foresee(out.len() + text.len()).ok()?;
                }
                out.push_str(text);
            }
            None if operand.is_scalar() => out.push_str(&self.string(&operand.into_item(), false).ok()?),
            None => return None,
        }
        Some(())
    }

    fn quick_variable<'v>(
        &mut self,
        name: &Arc<str>,
        built_in: bool,
        hops: &'v [Hop],
        scope: &Scope<'v>,
    ) -> Option<Operand<'v>> {
        let known = scope.names.iter().rposition(|known| Arc::ptr_eq(known, name) || known == name);
        if let Some(at) = known {
            return match scope.args.get(at) {
                Some(Item::Value(value)) => follow(value, hops),
                None | Some(Item::Undefined) => Some(Operand::Undefined),
                Some(Item::Strange(_) | Item::List(_) | Item::Record(_) | Item::Function(_)) => None,
            };
        }
        let (bound, seen) = match scope.frame {
            Some(frame) => frame.inspect(name, |item| match item {
                Item::Value(value) => owned(value, hops),
                Item::Undefined => Some(Operand::Undefined),
                Item::Strange(_) | Item::List(_) | Item::Record(_) | Item::Function(_) => None,
            }),
            None => (None, 0),
        };
        self.spend(seen as u64 / 8).ok()?;
        match bound {
            Some(operand) => operand,
            None => match (self.environment.bindings)(name) {
                Some(value) if hops.is_empty() => Some(Operand::Made(value)),
                Some(value) => owned(&value, hops),
                None if built_in => None,
                None => Some(Operand::Undefined),
            },
        }
    }
}

/// What a result that is made at once may still take.
struct Room {
    memory: usize,
    output: usize,
    /// How many parts of values are looked at.
    walk: usize,
}

impl Room {
    fn of(environment: &Environment<'_>) -> Room {
        let budget = &environment.budget;
        Room { memory: budget.memory_bytes / 16, output: budget.output_bytes, walk: 500 }
    }

    fn take_output(&mut self, bytes: usize) -> Option<()> {
        self.output = self.output.checked_sub(bytes)?;
        Some(())
    }

    fn take_node(&mut self, bytes: usize) -> Option<()> {
        self.memory = self.memory.checked_sub(NODE_BYTES + bytes)?;
        self.take_output(2)
    }

    /// Takes the least that the JSON of a value needs, and the memory of a text as if it were made.
    fn take_value(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Null | Value::Bool(_) => self.take_output(5),
            Value::Number(_) => self.take_output(1),
            Value::String(text) => {
                self.memory = self.memory.checked_sub(text.len())?;
                self.take_output(text.len() + 2)
            }
            Value::Array(values) => {
                self.walk = self.walk.checked_sub(values.len() + 1)?;
                self.take_output(values.len() + 2)?;
                values.iter().try_for_each(|value| self.take_value(value))
            }
            Value::Object(map) => {
                self.walk = self.walk.checked_sub(map.len() + 1)?;
                self.take_output(2)?;
                map.iter().try_for_each(|(key, value)| {
                    self.take_output(key.len() + 4)?;
                    self.take_value(value)
                })
            }
        }
    }
}

/// Follows names from object to object.
#[inline]
pub(super) fn follow<'v>(from: &'v Value, hops: &[Hop]) -> Option<Operand<'v>> {
    let mut current = from;
    for hop in hops {
        match current {
            Value::Object(map) => match map.get(&hop.name) {
                Some(member) => current = member,
                None => return Some(Operand::Undefined),
            },
            // What stands in an array is mapped.
            Value::Array(_) => return None,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Some(Operand::Undefined);
            }
        }
        let Some(pick) = hop.pick else { continue };
        match current {
            Value::Array(values) => match position(pick, values.len()).map(|index| &values[index]) {
                Some(Value::Array(_)) => return None,
                Some(picked) => current = picked,
                None => return Some(Operand::Undefined),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                if position(pick, 1).is_none() {
                    return Some(Operand::Undefined);
                }
            }
        }
    }
    Some(Operand::Ref(current))
}

/// The same from what does not live long enough to be referred to.
fn owned<'v>(from: &Value, hops: &[Hop]) -> Option<Operand<'v>> {
    Some(match follow(from, hops)? {
        Operand::Ref(value) => Operand::Made(value.clone()),
        _ => Operand::Undefined,
    })
}

fn arithmetic<'v>(operator: Operator, left: &Operand<'v>, right: &Operand<'v>) -> Option<Operand<'v>> {
    let (a, b) = match (left.number(), right.number()) {
        (Some(a), Some(b)) => (a, b),
        (Some(_), None) if right.is_undefined() => return Some(Operand::Undefined),
        (None, Some(_)) if left.is_undefined() => return Some(Operand::Undefined),
        _ => return None,
    };
    let number = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    };
    number.is_finite().then_some(Operand::Number(number))
}

#[inline]
fn compare<'v>(operator: Operator, left: &Operand<'v>, right: &Operand<'v>) -> Option<Operand<'v>> {
    let order = match (left.number(), right.number()) {
        (Some(a), Some(b)) => a.partial_cmp(&b)?,
        (None, None) => text_order(left.text()?, right.text()?),
        _ => return None,
    };
    Some(Operand::Bool(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

/// Whether two scalars are equal.
fn equal(left: &Operand<'_>, right: &Operand<'_>) -> Option<bool> {
    if !left.is_scalar() || !right.is_scalar() {
        return None;
    }
    if let (Some(a), Some(b)) = (left.text(), right.text()) {
        return Some(a == b);
    }
    if let (Some(a), Some(b)) = (left.number(), right.number()) {
        return Some(a == b);
    }
    if let (Some(a), Some(b)) = (left.truth_alone(), right.truth_alone()) {
        return Some(a == b);
    }
    let is_null = |operand: &Operand<'_>| matches!(operand.value(), Some(Value::Null));
    match (is_null(left), is_null(right)) {
        (true, true) => Some(true),
        // Of two kinds; a number too large for a double is of none that is known here.
        (false, false) if left.is_strange() || right.is_strange() => None,
        _ => Some(false),
    }
}

impl Operand<'_> {
    /// Whether this is a number that is not finite as a double.
    fn is_strange(&self) -> bool {
        matches!(self.value(), Some(Value::Number(_))) && self.number().is_none()
    }
}
