//! Evaluation: one function per kind of node, each as the reference has it.

mod apply;
pub(crate) mod compare;
pub(crate) mod frame;
mod group;
mod operators;
mod output;
mod path;
mod predicate;
mod quick;
pub(crate) mod sort;
mod transform;
mod walk;

use std::rc::Rc;
use std::sync::{Arc, Weak};

use stepwell_value::Value;

use crate::ast::{Kind, Node, Slot};
use crate::budget::LazyMeter;
use crate::error::{DEEP_OR_LONG, EvaluateError, MEMORY, Raised, Step};
use crate::expression::Environment;
use crate::functions::{Function, Lambda, Matcher};
use crate::item::{FrameRef, Item, List, SHORT, mark};
use crate::profile::Profile;
use crate::stack;
use frame::Frame;
pub(crate) use quick::leaf;

/// After so many steps the caller is asked whether time is up.
const POLL_EVERY: u64 = 2_048;

/// So many frames and variables looked at are a step.
const CROWD: usize = 64;

/// One evaluation under way.
pub(crate) struct Evaluator<'a> {
    pub environment: &'a Environment<'a>,
    pub profile: &'a Profile,
    pub meter: LazyMeter,
    /// Steps left after those until the next poll.
    fuel: u64,
    until_poll: u64,
    depth: usize,
    stack_from: usize,
    /// Frames and variables looked at that are not paid for yet.
    crowd: usize,
    /// Frames that functions refer to. They live as long as the evaluation: functions may refer to
    /// themselves, and long chains of them must not be dropped one within the other.
    captured: Vec<FrameRef>,
    /// What may still be spent on objects that are charged for good; see [`Evaluator::literal`].
    loose: usize,
    /// Long strings that are charged, until they are found to be gone.
    texts: Vec<(Weak<str>, usize)>,
    texts_bytes: usize,
    texts_sweep_at: usize,
}

impl<'a> Evaluator<'a> {
    pub fn new(environment: &'a Environment<'a>, profile: &'a Profile) -> Evaluator<'a> {
        Evaluator {
            environment,
            profile,
            meter: LazyMeter::new(environment.budget.memory_bytes),
            fuel: environment.budget.fuel,
            until_poll: 0,
            depth: 0,
            crowd: 0,
            stack_from: stack::now(),
            captured: Vec::new(),
            loose: environment.budget.memory_bytes / 16,
            texts: Vec::new(),
            texts_bytes: 0,
            texts_sweep_at: 1024 * 1024,
        }
    }

    /// Evaluates the whole expression.
    pub fn run(&mut self, node: &Node) -> Result<Option<Value>, EvaluateError> {
        if let Some(result) = self.quick_result(node) {
            return Ok(result);
        }
        let input = match self.environment.input {
            None => Item::Undefined,
            Some(input @ Value::Array(_)) => List::outer(input.clone()),
            Some(input) => Item::Value(input.clone()),
        };
        let root = Frame::root();
        self.result(node, &input, &root).map_err(|raised| raised.into_evaluate_error())
    }

    /// Pays for `steps` steps.
    #[inline]
    pub fn spend(&mut self, steps: u64) -> Step<()> {
        if steps < self.until_poll {
            self.until_poll -= steps;
            return Ok(());
        }
        self.poll(steps)
    }

    /// Brings the next look at the caller's clock nearer by so many steps, without spending them.
    pub fn hasten(&mut self, steps: u64) -> Step<()> {
        let steps = steps.min(self.until_poll);
        self.until_poll -= steps;
        self.fuel += steps;
        if self.until_poll == 0 { self.poll(0) } else { Ok(()) }
    }

    #[cold]
    fn poll(&mut self, steps: u64) -> Step<()> {
        let owed = steps - self.until_poll;
        if owed > self.fuel {
            return Err(Raised::text(DEEP_OR_LONG, "Expression evaluation timeout: Check for infinite loop"));
        }
        self.fuel -= owed;
        self.until_poll = POLL_EVERY.min(self.fuel);
        self.fuel -= self.until_poll;
        if self.environment.expired.is_some_and(|expired| expired()) {
            return Err(Raised::text(DEEP_OR_LONG, "Expression evaluation timeout: Check for infinite loop"));
        }
        Ok(())
    }

    /// Charges a string that was made. Short ones are charged by what holds them.
    pub fn text(&mut self, text: String) -> Step<Item> {
        self.shared_text(text.into())
    }

    /// The same for a string that is shared already.
    pub fn shared_text(&mut self, text: Arc<str>) -> Step<Item> {
        self.charge_text(&text)?;
        Ok(Item::Value(Value::String(text)))
    }

    fn charge_text(&mut self, text: &Arc<str>) -> Step<()> {
        if text.len() <= SHORT {
            return Ok(());
        }
        self.texts_bytes += text.len();
        if self.texts_bytes > self.texts_sweep_at || self.meter.charge(text.len()).is_err() {
            self.texts_bytes -= text.len();
            self.sweep();
            self.texts_bytes += text.len();
            self.texts_sweep_at = self.texts_bytes * 2 + 1024 * 1024;
            self.meter.charge(text.len())?;
        }
        self.texts.push((Arc::downgrade(text), text.len()));
        Ok(())
    }

    /// Forgets the long strings that nobody holds any more.
    fn sweep(&mut self) {
        let mut freed = 0;
        self.texts.retain(|(text, length)| {
            let alive = text.strong_count() > 0;
            if !alive {
                freed += length;
            }
            alive
        });
        self.texts_bytes -= freed;
        self.meter.credit(freed);
    }

    /// Asks for room for a string of so many bytes before it is made, and pays for making it.
    pub fn foresee(&mut self, bytes: usize) -> Step<()> {
        // A string is made in a buffer and then copied once, so both must fit.
        let twice = bytes.saturating_mul(2);
        if bytes > SHORT && !self.meter.fits(twice) {
            self.sweep();
            if !self.meter.fits(twice) {
                let limit = self.environment.budget.memory_bytes;
                return Err(Raised::text(MEMORY, format!("the expression needs more than {limit} bytes")));
            }
        }
        self.spend(bytes as u64 / 64)
    }

    /// Evaluates a node against a context.
    pub fn eval(&mut self, node: &Node, input: &Item, frame: &FrameRef) -> Step<Item> {
        if let Some(quick) = &node.quick
            && let Some(item) = self.quick_item(quick, input, frame)
        {
            return Ok(item);
        }
        self.eval_whole(node, input, frame)
    }

    /// The same for a node whose small form has given up, or that has none.
    pub fn eval_whole(&mut self, node: &Node, input: &Item, frame: &FrameRef) -> Step<Item> {
        self.spend(1)?;
        self.deepen()?;
        let result = self.dispatch(node, input, frame);
        self.depth -= 1;
        result
    }

    /// Notes that evaluation goes one level down.
    #[inline]
    fn deepen(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > self.environment.budget.depth
            || stack::exceeds(self.stack_from, self.environment.budget.stack_bytes)
        {
            return Err(Raised::text(
                DEEP_OR_LONG,
                "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive.",
            ));
        }
        Ok(())
    }

    fn dispatch(&mut self, node: &Node, input: &Item, frame: &FrameRef) -> Step<Item> {
        let result = match &node.kind {
            // A path sees to its group and its unwrapping itself.
            Kind::Path { steps, keep } => return self.path(node, steps, *keep, input, frame),
            Kind::Number(number) => Item::number(*number),
            Kind::Text(text) => Item::Value(Value::String(text.clone())),
            Kind::Constant(value) => Item::Value(value.clone()),
            Kind::Variable(name, builtin) => {
                let item = match self.variable(name, input, frame) {
                    Some(item) => item,
                    None => {
                        builtin.map_or(Item::Undefined, |builtin| Item::Function(Function::Native(builtin)))
                    }
                };
                if self.crowd >= CROWD {
                    let steps = std::mem::take(&mut self.crowd) / CROWD;
                    self.spend(steps as u64)?;
                }
                item
            }
            Kind::Name(name) => self.lookup(input, name)?,
            Kind::Binary(operator, sides) => self.binary(*operator, sides, node.position, input, frame)?,
            Kind::Function(call) => self.function(call, input, frame, None)?,
            Kind::Object(group) => match input.is_array() {
                true => self.group(group, input.clone(), frame)?,
                // A literal object over one item needs no grouping.
                false => self.literal(group, input, frame)?,
            },
            Kind::Array(items) => self.array(items, node.consarray, input, frame)?,
            Kind::Condition(parts) => {
                let condition = self.eval(&parts.0, input, frame)?;
                if self.boolean(&condition)?.unwrap_or(false) {
                    self.eval(&parts.1, input, frame)?
                } else if let Some(otherwise) = &parts.2 {
                    self.eval(otherwise, input, frame)?
                } else {
                    Item::Undefined
                }
            }
            Kind::Block(items, framed) => self.block(items, *framed, input, frame)?,
            Kind::Bind(name, value) => {
                let item = self.eval(value, input, frame)?;
                self.spend(frame.len() as u64 / 32)?;
                frame.bind(name, item.clone());
                item
            }
            Kind::Negate(inner) => self.negate(inner, node.position, input, frame)?,
            Kind::Wildcard => self.wildcard(input)?,
            Kind::Descendant => self.descendants(input)?,
            Kind::Parent(Slot::Label(label)) => frame.lookup(label).unwrap_or_default(),
            Kind::Parent(Slot::Number(_)) | Kind::Placeholder | Kind::Sort(_) => Item::Undefined,
            Kind::Regex(pattern) => {
                Item::Function(Function::Matcher(Rc::new(Matcher::new(pattern.clone(), node.position))))
            }
            Kind::Lambda(code) => {
                self.capture(frame)?;
                Item::Function(Function::Lambda(Rc::new(Lambda::new(code, input, frame)?)))
            }
            Kind::Thunk(call) => Item::Function(Function::Thunk(Rc::new(crate::functions::Thunk {
                call: call.clone(),
                input: input.clone(),
                frame: frame.clone(),
            }))),
            Kind::Partial(call) => self.partial(call, input, frame)?,
            Kind::Apply(sides) => self.apply_expression(sides, node.position, input, frame)?,
            Kind::Transform(code) => {
                self.capture(frame)?;
                Item::Function(Function::Transform(Rc::new(crate::functions::Transform {
                    code: code.clone(),
                    frame: frame.clone(),
                })))
            }
        };
        if node.predicates.is_empty() && node.group.is_none() {
            return unwrap(result, node.keep_array);
        }
        self.trailing(node, result, frame)
    }

    /// The predicates and the group of a node that is no path.
    #[inline(never)]
    fn trailing(&mut self, node: &Node, mut result: Item, frame: &FrameRef) -> Step<Item> {
        for predicate in &node.predicates {
            result = self.filter(predicate, result, frame)?.into_item()?;
        }
        if let Some(group) = &node.group {
            result = self.group(group, result, frame)?;
        }
        unwrap(result, node.keep_array)
    }

    #[inline(never)]
    fn variable(&mut self, name: &Arc<str>, input: &Item, frame: &FrameRef) -> Option<Item> {
        match &**name {
            "" => Some(match input {
                Item::List(list) if list.has(mark::OUTER) => list.items.first().cloned().unwrap_or_default(),
                other => other.clone(),
            }),
            "$" => Some(frame.lookup(name).unwrap_or_else(|| {
                self.environment.input.map_or(Item::Undefined, |input| Item::Value(input.clone()))
            })),
            _ => {
                let (found, seen) = frame.find(name);
                self.crowd += seen;
                found.or_else(|| (self.environment.bindings)(name).map(Item::Value))
            }
        }
    }

    /// What a name is bound to anywhere, built-in functions included.
    pub fn lookup_name(&mut self, name: &Arc<str>, frame: &FrameRef) -> Item {
        self.variable(name, &Item::Undefined, frame).unwrap_or_else(|| {
            let builtin = self.profile.builtin(name);
            builtin.map_or(Item::Undefined, |builtin| Item::Function(Function::Native(builtin)))
        })
    }

    /// Notes that a function refers to a frame.
    pub fn capture(&mut self, frame: &FrameRef) -> Step<()> {
        if !frame.captured.replace(true) {
            self.spend(1)?;
            self.meter.charge(128 + frame.len() * 64)?;
            self.captured.push(frame.clone());
        }
        Ok(())
    }

    #[inline(never)]
    fn block(&mut self, items: &[Node], framed: bool, input: &Item, frame: &FrameRef) -> Step<Item> {
        let mut result = Item::Undefined;
        let own = framed.then(|| Frame::within(frame, Vec::new()));
        let frame = own.as_ref().unwrap_or(frame);
        for item in items {
            result = self.eval(item, input, frame)?;
        }
        Ok(result)
    }
}

impl Drop for Evaluator<'_> {
    fn drop(&mut self) {
        // All links are cut before anything is dropped.
        let loose: Vec<_> = self.captured.iter().map(|frame| frame.take()).collect();
        drop(loose);
        // A frame is captured after the one around it. From the last to the first, each is dropped
        // alone; the other way round the last would take a chain of all with it.
        while self.captured.pop().is_some() {}
    }
}

/// A sequence of one is its item, and one of none is nothing.
pub(crate) fn unwrap(item: Item, keep: bool) -> Step<Item> {
    let Item::List(list) = &item else { return Ok(item) };
    if !list.has(mark::SEQUENCE) || list.has(mark::TUPLES) {
        return Ok(item);
    }
    if keep {
        list.set(mark::KEEP);
    }
    Ok(match list.items.as_slice() {
        [] => Item::Undefined,
        [only] if !list.has(mark::KEEP) => only.clone(),
        _ => item,
    })
}
