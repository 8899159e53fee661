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
            Operand::Number(number) => Value::Number(
                stepwell_value::Number::from_f64(number).expect("arithmetic gives up otherwise"),
            ),
            Operand::Bool(truth) => Value::Bool(truth),
            Operand::Text(text) => Value::String(text.clone()),
            Operand::Made(value) => value,
        })
    }

    fn of(found: Option<&Value>) -> Operand<'_> {
        found.map_or(Operand::Undefined, Operand::Ref)
    }

    #[inline]
    fn peek(&self) -> Peek<'_> {
        match self {
            Operand::Undefined => Peek::Undefined,
            Operand::Ref(value) => Peek::Value(value),
            Operand::Number(number) => Peek::Number(*number),
            Operand::Bool(truth) => Peek::Bool(*truth),
            Operand::Text(text) => Peek::Text(text),
            Operand::Made(value) => Peek::Value(value),
        }
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
                    None => {}
                    Some(Value::Array(_) | Value::Object(_)) => return None,
                    Some(value) => {
                        room.take_value(value)?;
                        found.push(value.clone());
                    }
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
            Code::Context(hops) => follow(scope.context?, hops).map(Operand::of),
            Code::Variable(name, built_in, hops) => self.quick_variable(name, *built_in, hops, scope),
            Code::Number(number) => Some(Operand::Number(*number)),
            Code::Text(text) => Some(Operand::Text(text)),
            Code::Constant(value) => Some(Operand::Ref(value)),
            Code::Negate(inner) => match self.quick_code(inner, scope)? {
                Operand::Undefined => Some(Operand::Undefined),
                other => Some(Operand::Number(-other.peek().number()?)),
            },
            Code::Arithmetic(..) => Some(match self.quick_number(quick, scope)? {
                Some(number) => Operand::Number(number),
                None => Operand::Undefined,
            }),
            Code::Compare(operator, left, right) => {
                Some(match self.quick_compare(*operator, left, right, scope)? {
                    Some(truth) => Operand::Bool(truth),
                    None => Operand::Undefined,
                })
            }
            Code::Equal(..) | Code::And(..) | Code::Or(..) => {
                self.quick_truth(quick, scope).map(Operand::Bool)
            }
            Code::Condition(condition, then, otherwise) => {
                if self.quick_truth(condition, scope)? {
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

    /// A number, or undefined.
    fn quick_number<'v>(&mut self, quick: &'v Quick, scope: &Scope<'v>) -> Option<Option<f64>> {
        if let Code::Arithmetic(operator, left, right) = &quick.code {
            let (left, right) = (self.quick_number(left, scope)?, self.quick_number(right, scope)?);
            return match (left, right) {
                (Some(a), Some(b)) => arithmetic(*operator, a, b).map(Some),
                _ => Some(None),
            };
        }
        if let Some(leaf) = peek(quick, scope) {
            return match leaf? {
                Peek::Undefined => Some(None),
                other => other.number().map(Some),
            };
        }
        match self.quick_code(quick, scope)? {
            Operand::Undefined => Some(None),
            other => other.peek().number().map(Some),
        }
    }

    /// The truth of a small form.
    fn quick_truth<'v>(&mut self, quick: &'v Quick, scope: &Scope<'v>) -> Option<bool> {
        match &quick.code {
            Code::Compare(operator, left, right) => {
                self.quick_compare(*operator, left, right, scope).map(|truth| truth.unwrap_or(false))
            }
            Code::Equal(operator, left, right) => {
                let is_equal = *operator == Operator::Equal;
                if let (Some(left), Some(right)) = (peek(left, scope), peek(right, scope)) {
                    return equal(left?, right?, is_equal);
                }
                let (left, right) = (self.quick_code(left, scope)?, self.quick_code(right, scope)?);
                equal(left.peek(), right.peek(), is_equal)
            }
            Code::And(left, right) => Some(self.quick_truth(left, scope)? && self.quick_truth(right, scope)?),
            Code::Or(left, right) => Some(self.quick_truth(left, scope)? || self.quick_truth(right, scope)?),
            Code::Number(_)
            | Code::Text(_)
            | Code::Constant(_)
            | Code::Context(_)
            | Code::Variable(..)
            | Code::Negate(_)
            | Code::Arithmetic(..)
            | Code::Concatenate(..)
            | Code::Condition(..) => self.quick_code(quick, scope)?.peek().truth(),
        }
    }

    fn quick_compare<'v>(
        &mut self,
        operator: Operator,
        left: &'v Quick,
        right: &'v Quick,
        scope: &Scope<'v>,
    ) -> Option<Option<bool>> {
        if let (Some(left), Some(right)) = (peek(left, scope), peek(right, scope)) {
            return compare(operator, left?, right?);
        }
        let (left, right) = (self.quick_code(left, scope)?, self.quick_code(right, scope)?);
        compare(operator, left.peek(), right.peek())
    }

    /// Whether a predicate keeps item number `index` of `len`, which is its context.
    pub(super) fn quick_keeps<'v>(
        &mut self,
        quick: &'v Quick,
        scope: &Scope<'v>,
        index: usize,
        len: usize,
    ) -> Option<bool> {
        self.spend(u64::from(quick.size)).ok()?;
        if let Code::Compare(..) | Code::Equal(..) | Code::And(..) | Code::Or(..) = quick.code {
            return self.quick_truth(quick, scope);
        }
        let operand = self.quick_code(quick, scope)?;
        match operand.peek().number() {
            Some(number) => Some(position(number, len) == Some(index)),
            None => operand.peek().truth(),
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
        match operand.peek().text() {
            Some(text) => {
                if out.len() + text.len() > SHORT {
                    self.foresee(out.len() + text.len()).ok()?;
                }
                out.push_str(text);
            }
            None if operand.peek().is_scalar() => {
                out.push_str(&self.string(&operand.into_item(), false).ok()?)
            }
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
                Some(Item::Value(value)) => follow(value, hops).map(Operand::of),
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

/// Follows names from object to object, to a value or to nothing; `None` to give up.
#[inline]
pub(super) fn follow<'v>(from: &'v Value, hops: &[Hop]) -> Option<Option<&'v Value>> {
    let mut current = from;
    for hop in hops {
        match current {
            Value::Object(map) => match map.get(&hop.name) {
                Some(member) => current = member,
                None => return Some(None),
            },
            // What stands in an array is mapped.
            Value::Array(_) => return None,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Some(None);
            }
        }
        let Some(pick) = hop.pick else { continue };
        match current {
            Value::Array(values) => match position(pick, values.len()).map(|index| &values[index]) {
                Some(Value::Array(_)) => return None,
                Some(picked) => current = picked,
                None => return Some(None),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                if position(pick, 1).is_none() {
                    return Some(None);
                }
            }
        }
    }
    Some(Some(current))
}

/// The whole result of an expression that is nothing but a path of names from the input or from a
/// variable, for which not even an evaluator is needed.
pub(crate) fn leaf(node: &Node, environment: &Environment<'_>) -> Option<Option<Value>> {
    let quick = node.quick.as_ref()?;
    if environment.budget.fuel < u64::from(quick.size) {
        return None;
    }
    match &quick.code {
        Code::Context(hops) => match environment.input? {
            // An array for an input is wrapped.
            Value::Array(_) => None,
            input => follow(input, hops).map(|found| found.cloned()),
        },
        Code::Variable(name, built_in, hops) => match (environment.bindings)(name) {
            Some(value) => follow(&value, hops).map(|found| found.cloned()),
            None if *built_in => None,
            None => Some(None),
        },
        Code::Number(_)
        | Code::Text(_)
        | Code::Constant(_)
        | Code::Negate(_)
        | Code::Arithmetic(..)
        | Code::Compare(..)
        | Code::Equal(..)
        | Code::Concatenate(..)
        | Code::And(..)
        | Code::Or(..)
        | Code::Condition(..) => None,
    }
}

/// The same from what does not live long enough to be referred to.
fn owned<'v>(from: &Value, hops: &[Hop]) -> Option<Operand<'v>> {
    Some(follow(from, hops)?.map_or(Operand::Undefined, |value| Operand::Made(value.clone())))
}

/// What a form that is a leaf comes to, without a copy; `None` if it is none.
#[inline]
fn peek<'v>(quick: &'v Quick, scope: &Scope<'v>) -> Option<Option<Peek<'v>>> {
    let seen = |found: Option<&'v Value>| found.map_or(Peek::Undefined, Peek::Value);
    Some(match &quick.code {
        Code::Context(hops) => scope.context.and_then(|context| follow(context, hops)).map(seen),
        Code::Number(number) => Some(Peek::Number(*number)),
        Code::Text(text) => Some(Peek::Text(text)),
        Code::Constant(value) => Some(Peek::Value(value)),
        Code::Variable(name, _, hops) => {
            let at = scope.names.iter().rposition(|known| Arc::ptr_eq(known, name) || known == name)?;
            match scope.args.get(at) {
                Some(Item::Value(value)) => follow(value, hops).map(seen),
                None | Some(Item::Undefined) => Some(Peek::Undefined),
                Some(Item::Strange(_) | Item::List(_) | Item::Record(_) | Item::Function(_)) => None,
            }
        }
        Code::Negate(_)
        | Code::Arithmetic(..)
        | Code::Compare(..)
        | Code::Equal(..)
        | Code::Concatenate(..)
        | Code::And(..)
        | Code::Or(..)
        | Code::Condition(..) => return None,
    })
}

/// A look at a value.
#[derive(Clone, Copy)]
enum Peek<'v> {
    Undefined,
    Number(f64),
    Bool(bool),
    Text(&'v str),
    Value(&'v Value),
}

impl<'v> Peek<'v> {
    /// The number that this is, if it is finite as a double.
    #[inline]
    fn number(self) -> Option<f64> {
        let number = match self {
            Peek::Number(number) => number,
            Peek::Value(Value::Number(number)) => number.as_f64(),
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    #[inline]
    fn text(self) -> Option<&'v str> {
        match self {
            Peek::Text(text) => Some(text),
            Peek::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn truth_alone(self) -> Option<bool> {
        match self {
            Peek::Bool(truth) => Some(truth),
            Peek::Value(Value::Bool(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The truth of what is no array.
    fn truth(self) -> Option<bool> {
        Some(match self {
            Peek::Undefined | Peek::Value(Value::Null) => false,
            Peek::Bool(truth) => truth,
            Peek::Number(number) => number != 0.0,
            Peek::Text(text) => !text.is_empty(),
            Peek::Value(Value::Bool(truth)) => *truth,
            Peek::Value(Value::Number(_)) => self.number()? != 0.0,
            Peek::Value(Value::String(text)) => !text.is_empty(),
            Peek::Value(Value::Object(map)) => !map.is_empty(),
            Peek::Value(Value::Array(_)) => return None,
        })
    }

    fn is_scalar(self) -> bool {
        !matches!(self, Peek::Value(Value::Array(_) | Value::Object(_)))
    }

    fn is_undefined(self) -> bool {
        matches!(self, Peek::Undefined)
    }

    /// Whether this is a number that is not finite as a double.
    fn is_strange(self) -> bool {
        matches!(self, Peek::Value(Value::Number(_))) && self.number().is_none()
    }
}

#[inline]
fn arithmetic(operator: Operator, a: f64, b: f64) -> Option<f64> {
    let number = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    };
    number.is_finite().then_some(number)
}

#[inline]
fn compare(operator: Operator, left: Peek<'_>, right: Peek<'_>) -> Option<Option<bool>> {
    let order = match (left.number(), right.number()) {
        (Some(a), Some(b)) => a.partial_cmp(&b)?,
        (None, None) => text_order(left.text()?, right.text()?),
        // Of a number and nothing, nothing can be said.
        _ if left.is_undefined() || right.is_undefined() => return Some(None),
        _ => return None,
    };
    Some(Some(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

/// Whether two scalars are equal, or are not, whichever is asked. Nothing is neither.
fn equal(left: Peek<'_>, right: Peek<'_>, is_asked: bool) -> Option<bool> {
    if left.is_undefined() || right.is_undefined() {
        return Some(false);
    }
    if !left.is_scalar() || !right.is_scalar() || left.is_strange() || right.is_strange() {
        return None;
    }
    let is_equal = if let (Some(a), Some(b)) = (left.text(), right.text()) {
        a == b
    } else if let (Some(a), Some(b)) = (left.number(), right.number()) {
        a == b
    } else if let (Some(a), Some(b)) = (left.truth_alone(), right.truth_alone()) {
        a == b
    } else {
        // Of one kind only if both are null.
        matches!((left, right), (Peek::Value(Value::Null), Peek::Value(Value::Null)))
    };
    Some(is_equal == is_asked)
}
