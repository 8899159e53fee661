//! Operators on one and two values, and array constructors.

use std::cmp::Ordering;

use stepwell_value::Value;

use super::Evaluator;
use super::compare::text_order;
use crate::ast::{Kind, Node, Operator};
use crate::error::{Raised, Step};
use crate::item::{FrameRef, Item, ListBuilder, mark};

/// The most items that a range may have.
const RANGE_MAX: f64 = 1e7;

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        sides: &(Node, Node),
        position: usize,
        input: &Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        let left = self.eval(&sides.0, input, frame)?;
        let marked = |mut raised: Box<Raised>| {
            raised.position = Some(position);
            raised.token = Some(operator.text().into());
            raised
        };
        if let Operator::And | Operator::Or = operator {
            return self.logic(operator, &left, &sides.1, input, frame).map_err(marked);
        }
        let right = self.eval(&sides.1, input, frame)?;
        match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => self.arithmetic(operator, &left, &right),
            Operator::Equal | Operator::NotEqual => self.equality(operator, &left, &right),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                self.spend_on_texts(&left, &right)?;
                comparison(operator, &left, &right)
            }
            Operator::Concatenate => self.concatenate(&left, &right),
            Operator::Range => self.range(&left, &right),
            Operator::In => self.includes(&left, &right),
            Operator::And | Operator::Or => Ok(Item::Undefined),
        }
        .map_err(marked)
    }

    #[inline(never)]
    fn logic(
        &mut self,
        operator: Operator,
        left: &Item,
        right: &Node,
        input: &Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        let left = self.boolean(left)?.unwrap_or(false);
        if left == (operator == Operator::Or) {
            return Ok(Item::bool(left));
        }
        let right = self.eval(right, input, frame)?;
        Ok(Item::bool(self.boolean(&right)?.unwrap_or(false)))
    }

    #[inline(never)]
    fn arithmetic(&mut self, operator: Operator, left: &Item, right: &Item) -> Step<Item> {
        let a = self.numeric(left)?;
        if a.is_none() && !left.is_undefined() {
            return Err(Raised::value("T2001", left.shown()));
        }
        let b = self.numeric(right)?;
        if b.is_none() && !right.is_undefined() {
            return Err(Raised::value("T2002", right.shown()));
        }
        let (Some(a), Some(b)) = (a, b) else { return Ok(Item::Undefined) };
        Ok(Item::number(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            _ => a % b,
        }))
    }

    #[inline(never)]
    fn equality(&mut self, operator: Operator, left: &Item, right: &Item) -> Step<Item> {
        if left.is_undefined() || right.is_undefined() {
            return Ok(Item::bool(false));
        }
        let equal = self.deep_equal(left, right)?;
        Ok(Item::bool(equal == (operator == Operator::Equal)))
    }

    #[inline(never)]
    fn concatenate(&mut self, left: &Item, right: &Item) -> Step<Item> {
        let mut out = String::new();
        for side in [left, right] {
            match side {
                Item::Undefined => {}
                Item::Value(Value::String(text)) => {
                    self.foresee(out.len() + text.len())?;
                    out.push_str(text);
                }
                other => {
                    let text = self.string(other, false)?;
                    out.push_str(&text);
                }
            }
        }
        self.text(out)
    }

    #[inline(never)]
    fn range(&mut self, left: &Item, right: &Item) -> Step<Item> {
        let whole =
            |item: &Item| item.as_number().filter(|number| number.is_finite() && number.trunc() == *number);
        let (from, to) = (whole(left), whole(right));
        if from.is_none() && !left.is_undefined() {
            return Err(Raised::value("T2003", left.shown()));
        }
        if to.is_none() && !right.is_undefined() {
            return Err(Raised::value("T2004", right.shown()));
        }
        let (Some(from), Some(to)) = (from, to) else { return Ok(Item::Undefined) };
        if from > to {
            return Ok(Item::Undefined);
        }
        let size = to - from + 1.0;
        if size > RANGE_MAX {
            return Err(Raised::value("D2014", Item::number(size).shown()));
        }
        self.spend(size as u64 / 8)?;
        let mut builder = ListBuilder::with_room(&self.meter, size as usize)?;
        for index in 0..size as usize {
            builder.push(Item::number(from + index as f64))?;
        }
        builder.finish(mark::SEQUENCE)
    }

    #[inline(never)]
    fn includes(&mut self, left: &Item, right: &Item) -> Step<Item> {
        if left.is_undefined() || right.is_undefined() {
            return Ok(Item::bool(false));
        }
        let found = match right.array_len() {
            None => {
                self.spend_on_texts(left, right)?;
                left.is_same(right)
            }
            Some(len) => {
                self.spend(len as u64)?;
                let mut found = false;
                for index in 0..len {
                    let item = right.at(index);
                    self.spend_on_texts(left, &item)?;
                    found = left.is_same(&item);
                    if found {
                        break;
                    }
                }
                found
            }
        };
        Ok(Item::bool(found))
    }

    #[inline(never)]
    pub(super) fn negate(
        &mut self,
        inner: &Node,
        position: usize,
        input: &Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        let item = self.eval(inner, input, frame)?;
        if item.is_undefined() {
            return Ok(item);
        }
        match self.numeric(&item)? {
            Some(number) => Ok(Item::number(-number)),
            None => {
                let mut raised = Raised::value("D1002", item.shown()).with_token("-");
                raised.position = Some(position);
                Err(raised)
            }
        }
    }

    /// `[a, b]`: what the items give is joined, but an array written within stays an array.
    #[inline(never)]
    pub(super) fn array(&mut self, items: &[Node], cons: bool, input: &Item, frame: &FrameRef) -> Step<Item> {
        let mut builder = ListBuilder::new(&self.meter);
        for item in items {
            let value = self.eval(item, input, frame)?;
            if value.is_undefined() {
                continue;
            }
            if matches!(item.kind, Kind::Array(_)) {
                builder.push(value)?;
            } else {
                self.spend(value.array_len().unwrap_or(0) as u64 / 8)?;
                builder.append(value)?;
            }
        }
        builder.finish(if cons { mark::CONS } else { 0 })
    }
}

fn comparison(operator: Operator, left: &Item, right: &Item) -> Step<Item> {
    let is_comparable =
        |item: &Item| item.is_undefined() || item.as_number().is_some() || item.as_str().is_some();
    if !is_comparable(left) || !is_comparable(right) {
        let wrong = if left.is_undefined() || !is_comparable(left) { left } else { right };
        return Err(Raised::value("T2010", wrong.shown()));
    }
    if left.is_undefined() || right.is_undefined() {
        return Ok(Item::Undefined);
    }
    let order = match (left.as_number(), right.as_number(), left.as_str(), right.as_str()) {
        // Nothing is less or more than what is not a number.
        (Some(a), Some(b), ..) => a.partial_cmp(&b),
        (.., Some(a), Some(b)) => Some(text_order(a, b)),
        _ => {
            let mut raised = Raised::value("T2009", left.shown());
            raised.value2 = right.shown();
            return Err(raised);
        }
    };
    Ok(Item::bool(match operator {
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }))
}
