//! The part of an expression that can be evaluated without making anything.
//!
//! Most of what a state machine says are paths, comparisons and sums over plain values. For these a
//! node carries a second, smaller form, which is evaluated on references into the input: no value is
//! copied, no frame is made, nothing is charged. It knows the common outcome only. Wherever there is
//! an array to be mapped, an error to be raised or a value that JSON has no word for, it gives up, and
//! the node is evaluated as it always is; so it need not, and does not, repeat the rules of those.
//!
//! What is here is without side effects, therefore giving up costs time and nothing else.

use std::sync::Arc;

use stepwell_value::Value;

use crate::ast::{Kind, Node, Operator, Stage};

/// How high such a form may be: what gives up at the top is tried again once for each level.
const HEIGHT_MAX: u8 = 12;

/// How many nodes it may have.
const SIZE_MAX: u16 = 200;

/// The small form of a node.
#[derive(Debug)]
pub(crate) struct Quick {
    pub code: Code,
    /// How many nodes it has, which is what it costs in steps.
    pub size: u16,
    height: u8,
}

#[derive(Debug)]
pub(crate) enum Code {
    Number(f64),
    Text(Arc<str>),
    Constant(Value),
    /// Names in the context; without any, the context itself.
    Context(Box<[Hop]>),
    /// Names in a variable. The mark says whether a built-in function has its name.
    Variable(Arc<str>, bool, Box<[Hop]>),
    Negate(Arc<Quick>),
    Arithmetic(Operator, Arc<Quick>, Arc<Quick>),
    Compare(Operator, Arc<Quick>, Arc<Quick>),
    Equal(Operator, Arc<Quick>, Arc<Quick>),
    Concatenate(Arc<Quick>, Arc<Quick>),
    And(Arc<Quick>, Arc<Quick>),
    Or(Arc<Quick>, Arc<Quick>),
    Condition(Arc<Quick>, Arc<Quick>, Option<Arc<Quick>>),
}

/// A name, and the number of an item if one is picked: `items[0]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Hop {
    pub name: Arc<str>,
    pub pick: Option<f64>,
}

/// `$a.name > $b.name`: what a sort is often told to compare.
pub(crate) struct Comparison<'q> {
    left: &'q Arc<str>,
    right: &'q Arc<str>,
    /// What is compared of both.
    pub hops: &'q [Hop],
    more: bool,
}

impl Quick {
    /// This as a comparison of one path of two variables.
    pub fn comparison(&self) -> Option<Comparison<'_>> {
        let Code::Compare(operator @ (Operator::Greater | Operator::Less), left, right) = &self.code else {
            return None;
        };
        match (&left.code, &right.code) {
            (Code::Variable(left, _, hops), Code::Variable(right, _, others)) if hops == others => {
                Some(Comparison { left, right, hops, more: *operator == Operator::Greater })
            }
            _ => None,
        }
    }
}

impl Comparison<'_> {
    /// Whether the items that a function with these parameters puts behind are the lesser ones, which
    /// makes the order a descending one; `None` if it does not compare just its two parameters.
    pub fn descends(&self, parameters: &[Arc<str>]) -> Option<bool> {
        let [first, second] = parameters else { return None };
        if first == second {
            None
        } else if (self.left, self.right) == (first, second) {
            Some(!self.more)
        } else if (self.left, self.right) == (second, first) {
            Some(self.more)
        } else {
            None
        }
    }
}

/// The small form of a node whose children have theirs already.
pub(crate) fn of(node: &Node) -> Option<Arc<Quick>> {
    if !is_bare(node) || node.step.is_some() {
        return None;
    }
    let quick = match &node.kind {
        Kind::Number(number) => leaf(Code::Number(*number), 1),
        Kind::Text(text) => leaf(Code::Text(text.clone()), 1),
        Kind::Constant(value) => leaf(Code::Constant(value.clone()), 1),
        Kind::Variable(name, builtin) => match &**name {
            "" => leaf(Code::Context(Box::new([])), 1),
            // The input as a whole is no variable.
            "$" => return None,
            _ => leaf(Code::Variable(name.clone(), builtin.is_some(), Box::new([])), 1),
        },
        Kind::Path { steps, keep: false } => path(steps)?,
        Kind::Negate(inner) => above([inner], |[inner]| Code::Negate(inner))?,
        Kind::Block(items, false) => match items.as_slice() {
            [only] => return only.quick.clone(),
            _ => return None,
        },
        Kind::Condition(parts) => match &parts.2 {
            Some(otherwise) => above([&parts.0, &parts.1, otherwise], |[condition, then, otherwise]| {
                Code::Condition(condition, then, Some(otherwise))
            })?,
            None => above([&parts.0, &parts.1], |[condition, then]| Code::Condition(condition, then, None))?,
        },
        Kind::Binary(operator, sides) => binary(*operator, &sides.0, &sides.1)?,
        Kind::Path { keep: true, .. }
        | Kind::Name(_)
        | Kind::Wildcard
        | Kind::Descendant
        | Kind::Parent(_)
        | Kind::Regex(_)
        | Kind::Array(_)
        | Kind::Object(_)
        | Kind::Block(_, true)
        | Kind::Bind(..)
        | Kind::Function(_)
        | Kind::Partial(_)
        | Kind::Placeholder
        | Kind::Lambda(_)
        | Kind::Thunk(_)
        | Kind::Apply(_)
        | Kind::Transform(_)
        | Kind::Sort(_) => return None,
    };
    Some(Arc::new(quick))
}

/// Whether nothing hangs on a node but, perhaps, stages of a step.
pub(crate) fn is_bare(node: &Node) -> bool {
    !node.keep_array
        && !node.tuple
        && !node.consarray
        && node.predicates.is_empty()
        && node.group.is_none()
        && node.seeking.is_none()
}

fn leaf(code: Code, size: usize) -> Quick {
    Quick { code, size: u16::try_from(size).unwrap_or(u16::MAX), height: 1 }
}

fn above<const N: usize>(children: [&Node; N], code: impl FnOnce([Arc<Quick>; N]) -> Code) -> Option<Quick> {
    let mut size: u16 = 1;
    let mut height: u8 = 0;
    for child in children {
        let quick = child.quick.as_ref()?;
        size = size.checked_add(quick.size)?;
        height = height.max(quick.height);
    }
    if height >= HEIGHT_MAX || size > SIZE_MAX {
        return None;
    }
    let children = children.map(|child| child.quick.clone().expect("each was seen to have its own"));
    Some(Quick { code: code(children), size, height: height + 1 })
}

fn binary(operator: Operator, left: &Node, right: &Node) -> Option<Quick> {
    let code: fn(Operator, Arc<Quick>, Arc<Quick>) -> Code = match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            Code::Arithmetic
        }
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            Code::Compare
        }
        Operator::Equal | Operator::NotEqual => Code::Equal,
        Operator::Concatenate => |_, left, right| Code::Concatenate(left, right),
        Operator::And => |_, left, right| Code::And(left, right),
        Operator::Or => |_, left, right| Code::Or(left, right),
        Operator::Range | Operator::In => return None,
    };
    above([left, right], |[left, right]| code(operator, left, right))
}

/// A path of names, from the context or from a variable.
fn path(steps: &[Node]) -> Option<Quick> {
    let (first, rest) = steps.split_first()?;
    let size = steps.len();
    let hops = |steps: &[Node]| steps.iter().map(hop).collect::<Option<Box<[Hop]>>>();
    match &first.kind {
        Kind::Name(_) => Some(leaf(Code::Context(hops(steps)?), size)),
        Kind::Variable(name, builtin) if is_bare(first) && first.step.is_none() && &**name != "$" => {
            let rest = hops(rest)?;
            let code = match &**name {
                "" => Code::Context(rest),
                _ => Code::Variable(name.clone(), builtin.is_some(), rest),
            };
            Some(leaf(code, size))
        }
        _ => None,
    }
}

fn hop(step: &Node) -> Option<Hop> {
    let Kind::Name(name) = &step.kind else { return None };
    if !is_bare(step) {
        return None;
    }
    let pick = match step.step.as_deref() {
        None => None,
        Some(marks) => {
            if marks.focus.is_some() || marks.index.is_some() || marks.ancestor.is_some() {
                return None;
            }
            match marks.stages.as_deref().unwrap_or_default() {
                [] => None,
                [Stage::Filter(filter)] if is_bare(filter) && filter.step.is_none() => match filter.kind {
                    Kind::Number(number) => Some(number),
                    _ => return None,
                },
                _ => return None,
            }
        }
    };
    Some(Hop { name: name.clone(), pick })
}
