//! From the tree of the text to the tree that is evaluated.
//!
//! Chains of dots become paths with steps, predicates move to their steps, calls in tail position
//! become thunks, and `%` finds the step whose context it means: each has a *slot* that travels
//! outwards until so many steps have been passed. All this follows the reference's `processAST`,
//! including which lists of slots are shared.

use std::sync::Arc;

use stepwell_value::Value;

use crate::ast::{Group, Invocation, Kind, LambdaCode, Node, Operator, Slot, Stage, Term, TransformCode};
use crate::error::{Raised, Step};
use crate::lexer::Token;
use crate::parser::{self, Raw, RawKind};
use crate::profile::Profile;
use crate::stack;

/// Compiles a text for evaluation.
pub(crate) fn compile(text: &str, profile: &Profile) -> Step<Node> {
    let raw = parser::parse(text)?;
    let mut compiler = Compiler {
        profile,
        slots: Vec::new(),
        lists: Vec::new(),
        dynamic: profile.has("eval") && text.contains("eval"),
        stack_from: stack::now(),
    };
    let mut node = compiler.process(raw)?;
    if matches!(node.kind, Kind::Parent(_)) || node.seeking.is_some() {
        return Err(Raised::at("S0217", node.position).with_token(node.kind_name()));
    }
    crate::compile_finish::finish(&mut node, &compiler.labels());
    Ok(node)
}

struct SlotState {
    /// Slots that share a variable share its label.
    label: usize,
    level: i64,
}

struct Compiler<'a> {
    profile: &'a Profile,
    slots: Vec<SlotState>,
    /// Lists of slots that seek a parent; nodes refer to them by number because they share them.
    lists: Vec<Vec<usize>>,
    /// Whether text may be evaluated that is not known yet, so that every block needs its frame.
    dynamic: bool,
    stack_from: usize,
}

impl Compiler<'_> {
    fn labels(&self) -> Vec<Arc<str>> {
        self.slots.iter().map(|slot| format!("!{}", slot.label).into()).collect()
    }

    fn process(&mut self, raw: Raw) -> Step<Node> {
        if stack::exceeds(self.stack_from, stack::COMPILE_MAX) {
            return parser::too_deep(raw.position);
        }
        let keep = raw.keep_array;
        let mut node = self.dispatch(raw)?;
        node.keep_array |= keep;
        Ok(node)
    }

    fn dispatch(&mut self, raw: Raw) -> Step<Node> {
        let position = raw.position;
        match raw.kind {
            RawKind::Token(token) => self.token(token, position, raw.keep_array),
            RawKind::Wildcard => Ok(Node::new(Kind::Wildcard, position)),
            RawKind::Descendant => Ok(Node::new(Kind::Descendant, position)),
            RawKind::Parent => {
                self.slots.push(SlotState { label: self.slots.len(), level: 1 });
                Ok(Node::new(Kind::Parent(Slot::Number(self.slots.len() - 1)), position))
            }
            RawKind::Binary(operator, left, right) => match operator {
                "." => self.dot(*left, *right),
                "[" => self.predicate(*left, *right, position),
                ":=" => self.bind(*left, *right, position),
                "@" => self.focus(*left, *right, position, raw.keep_array),
                "#" => self.index(*left, *right),
                "~>" => self.apply(*left, *right, position),
                _ => self.binary(operator, *left, *right, position),
            },
            RawKind::Sort(left, terms) => self.sort(*left, terms, position),
            RawKind::Group(left, pairs) => self.group(*left, pairs, position),
            RawKind::Negate(inner) => self.negate(*inner, position),
            RawKind::Array(items) => self.array(items, position),
            RawKind::Object(pairs) => self.object(pairs, position),
            RawKind::Call { procedure, arguments, partial } => {
                self.call(*procedure, arguments, partial, position)
            }
            RawKind::Lambda { parameters, signature, body } => {
                let body = Arc::new(tail_calls(self.process(*body)?));
                let code = LambdaCode { parameters: parameters.into(), signature, body };
                Ok(Node::new(Kind::Lambda(Arc::new(code)), position))
            }
            RawKind::Condition(condition, then, otherwise) => {
                self.condition(*condition, *then, otherwise, position)
            }
            RawKind::Block(items) => self.block(items, position),
            RawKind::Transform(pattern, update, delete) => {
                let pattern = self.process(*pattern)?;
                let update = self.process(*update)?;
                let delete = delete.map(|delete| self.process(*delete)).transpose()?;
                let code = TransformCode { pattern, update, delete, position };
                Ok(Node::new(Kind::Transform(Arc::new(code)), position))
            }
        }
    }

    fn token(&mut self, token: Token, position: usize, keep: bool) -> Step<Node> {
        let kind = match token {
            Token::Name(name) => return Ok(name_path(name, position, keep)),
            Token::Operator(word @ ("and" | "or" | "in")) => {
                return Ok(name_path(word.into(), position, keep));
            }
            Token::Operator("?") => Kind::Placeholder,
            Token::Operator(other) => return Err(Raised::at("S0201", position).with_token(other)),
            Token::Variable(name) => {
                let builtin = self.profile.builtin(&name);
                Kind::Variable(name, builtin)
            }
            Token::String(text) => Kind::Text(text),
            Token::Number(number) => Kind::Number(number),
            Token::Constant(value) => Kind::Constant(value),
            Token::Regex(pattern) => Kind::Regex(pattern),
            Token::End => return Err(Raised::at("S0207", position).with_token("(end)")),
        };
        Ok(Node::new(kind, position))
    }

    /// Notes in `seeking` the slots that look for a parent beyond `value`.
    fn push_ancestry(&mut self, seeking: &mut Option<usize>, value: &mut Node) {
        let own = match &value.kind {
            Kind::Parent(Slot::Number(slot)) => Some(*slot),
            _ => None,
        };
        if value.seeking.is_none() && own.is_none() {
            return;
        }
        // The list is the value's own: what is added to it later is added to both.
        let list = match value.seeking {
            Some(list) => list,
            None => {
                self.lists.push(Vec::new());
                self.lists.len() - 1
            }
        };
        if let Some(slot) = own {
            self.lists[list].push(slot);
        }
        match *seeking {
            None => *seeking = Some(list),
            Some(target) => {
                let slots = self.lists[list].clone();
                self.lists[target].extend(slots);
            }
        }
    }

    /// Passes `slot` through `node`, outwards.
    fn seek_parent(&mut self, node: &mut Node, slot: usize) -> Step<()> {
        match &mut node.kind {
            Kind::Name(_) | Kind::Wildcard => {
                self.slots[slot].level -= 1;
                if self.slots[slot].level == 0 {
                    let marks = node.step.get_or_insert_default();
                    if let Some(Slot::Number(known)) = &marks.ancestor {
                        self.slots[slot].label = self.slots[*known].label;
                    }
                    marks.ancestor = Some(Slot::Number(slot));
                    node.tuple = true;
                }
                Ok(())
            }
            Kind::Parent(_) => {
                self.slots[slot].level += 1;
                Ok(())
            }
            Kind::Block(items, _) => match items.last_mut() {
                Some(last) => {
                    node.tuple = true;
                    self.seek_parent(last, slot)
                }
                None => Ok(()),
            },
            Kind::Path { steps, .. } => {
                node.tuple = true;
                let mut steps = steps.iter_mut().rev();
                if let Some(last) = steps.next() {
                    self.seek_parent(last, slot)?;
                }
                for step in steps {
                    if self.slots[slot].level <= 0 {
                        break;
                    }
                    self.seek_parent(step, slot)?;
                }
                Ok(())
            }
            _ => Err(Raised::at("S0217", node.position).with_token(node.kind_name())),
        }
    }

    /// Looks among the steps of a path for the parents that its last step seeks.
    fn resolve_ancestry(&mut self, path: &mut Node) -> Step<()> {
        let Kind::Path { steps, .. } = &mut path.kind else { return Ok(()) };
        let Some((last, earlier)) = steps.split_last_mut() else { return Ok(()) };
        let mut slots = last.seeking.map(|list| self.lists[list].clone()).unwrap_or_default();
        if let Kind::Parent(Slot::Number(slot)) = &last.kind {
            if let Some(list) = last.seeking {
                self.lists[list].push(*slot);
            }
            slots.push(*slot);
        }
        for slot in slots {
            let mut next = earlier.len();
            while self.slots[slot].level > 0 {
                if next == 0 {
                    match path.seeking {
                        Some(list) => self.lists[list].push(slot),
                        None => {
                            self.lists.push(vec![slot]);
                            path.seeking = Some(self.lists.len() - 1);
                        }
                    }
                    break;
                }
                next -= 1;
                // Steps in a row that bind the focus have one context.
                while next > 0 && earlier[next].focus().is_some() && earlier[next - 1].focus().is_some() {
                    next -= 1;
                }
                self.seek_parent(&mut earlier[next], slot)?;
            }
        }
        Ok(())
    }

    fn dot(&mut self, left: Raw, right: Raw) -> Step<Node> {
        let left = self.process(left)?;
        let mut path = if matches!(left.kind, Kind::Path { .. }) {
            left
        } else {
            let slot = match &left.kind {
                Kind::Parent(Slot::Number(slot)) => Some(*slot),
                _ => None,
            };
            let mut path = Node::new(Kind::Path { steps: vec![left], keep: false }, 0);
            if let Some(slot) = slot {
                self.lists.push(vec![slot]);
                path.seeking = Some(self.lists.len() - 1);
            }
            path
        };
        let mut rest = self.process(right)?;
        let Kind::Path { steps, keep } = &mut path.kind else { return Ok(path) };
        match rest.kind {
            Kind::Path { steps: more, .. } => steps.extend(more),
            _ => {
                if !rest.predicates.is_empty() {
                    let stages = std::mem::take(&mut rest.predicates).into_iter().map(Stage::Filter);
                    let stages = stages.collect();
                    rest.marks().stages = Some(stages);
                }
                steps.push(rest);
            }
        }
        for step in steps.iter_mut() {
            match &step.kind {
                Kind::Number(number) => {
                    let mut raised = Raised::at("S0213", step.position);
                    raised.value = stepwell_value::Number::from_f64(*number).map(Value::Number);
                    return Err(raised);
                }
                Kind::Constant(value) => {
                    let mut raised = Raised::at("S0213", step.position);
                    raised.value = Some(value.clone());
                    return Err(raised);
                }
                Kind::Text(text) => step.kind = Kind::Name(text.clone()),
                _ => {}
            }
        }
        *keep |= steps.iter().any(|step| step.keep_array);
        let last = steps.len() - 1;
        for at in [0, last] {
            if matches!(steps[at].kind, Kind::Array(_)) {
                steps[at].consarray = true;
            }
        }
        self.resolve_ancestry(&mut path)?;
        Ok(path)
    }

    fn predicate(&mut self, left: Raw, right: Raw, position: usize) -> Step<Node> {
        let mut result = self.process(left)?;
        let is_path = matches!(result.kind, Kind::Path { .. });
        let step = last_step(&mut result);
        if step.group.is_some() {
            return Err(Raised::at("S0209", position));
        }
        let mut predicate = self.process(right)?;
        let step = last_step(&mut result);
        if let Some(list) = predicate.seeking {
            for slot in self.lists[list].clone() {
                if self.slots[slot].level == 1 {
                    self.seek_parent(step, slot)?;
                } else {
                    self.slots[slot].level -= 1;
                }
            }
            let mut seeking = step.seeking;
            self.push_ancestry(&mut seeking, &mut predicate);
            step.seeking = seeking;
        }
        if is_path {
            step.marks().stages.get_or_insert_default().push(Stage::Filter(predicate));
        } else {
            step.predicates.push(predicate);
        }
        Ok(result)
    }

    fn group(&mut self, left: Raw, pairs: Vec<(Raw, Raw)>, position: usize) -> Step<Node> {
        let mut result = self.process(left)?;
        if result.group.is_some() {
            return Err(Raised::at("S0210", position));
        }
        let mut group = Group { pairs: Vec::new(), position, plain: false, quick: false };
        for (key, value) in pairs {
            group.pairs.push((self.process(key)?, self.process(value)?));
        }
        result.group = Some(Box::new(group));
        Ok(result)
    }

    fn sort(&mut self, left: Raw, terms: Vec<(bool, Raw)>, position: usize) -> Step<Node> {
        let mut result = self.process(left)?;
        if !matches!(result.kind, Kind::Path { .. }) {
            result = Node::new(Kind::Path { steps: vec![result], keep: false }, 0);
        }
        let mut seeking = None;
        let mut compiled = Vec::new();
        for (descending, term) in terms {
            let mut node = self.process(term)?;
            self.push_ancestry(&mut seeking, &mut node);
            compiled.push(Term { descending, node });
        }
        let mut step = Node::new(Kind::Sort(compiled), position);
        step.seeking = seeking;
        if let Kind::Path { steps, .. } = &mut result.kind {
            steps.push(step);
        }
        self.resolve_ancestry(&mut result)?;
        Ok(result)
    }

    fn bind(&mut self, left: Raw, right: Raw, position: usize) -> Step<Node> {
        let RawKind::Token(Token::Variable(name)) = left.kind else {
            return Err(Raised::at("S0212", position));
        };
        let mut value = self.process(right)?;
        let mut seeking = None;
        self.push_ancestry(&mut seeking, &mut value);
        let mut node = Node::new(Kind::Bind(name, Box::new(value)), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn focus(&mut self, left: Raw, right: Raw, position: usize, keep: bool) -> Step<Node> {
        let mut result = self.process(left)?;
        let step = last_step(&mut result);
        if step.step.as_ref().is_some_and(|marks| marks.stages.is_some()) || !step.predicates.is_empty() {
            return Err(Raised::at("S0215", position));
        }
        if matches!(step.kind, Kind::Sort(_)) {
            return Err(Raised::at("S0216", position));
        }
        step.keep_array |= keep;
        step.marks().focus = variable(right);
        step.tuple = true;
        Ok(result)
    }

    fn index(&mut self, left: Raw, right: Raw) -> Step<Node> {
        let mut result = self.process(left)?;
        if !matches!(result.kind, Kind::Path { .. }) {
            if !result.predicates.is_empty() {
                let stages = std::mem::take(&mut result.predicates).into_iter().map(Stage::Filter).collect();
                result.marks().stages = Some(stages);
            }
            result = Node::new(Kind::Path { steps: vec![result], keep: false }, 0);
        }
        let step = last_step(&mut result);
        let name = variable(right);
        let marks = step.step.get_or_insert_default();
        match (&mut marks.stages, name) {
            (Some(stages), Some(name)) => stages.push(Stage::Index(name)),
            (None, name) => marks.index = name,
            (Some(_), None) => {}
        }
        step.tuple = true;
        Ok(result)
    }

    fn apply(&mut self, left: Raw, right: Raw, position: usize) -> Step<Node> {
        let left = self.process(left)?;
        let right = self.process(right)?;
        let keep = left.keep_array || right.keep_array;
        let mut node = Node::new(Kind::Apply(Box::new((left, right))), position);
        node.keep_array = keep;
        Ok(node)
    }

    fn binary(&mut self, operator: &'static str, left: Raw, right: Raw, position: usize) -> Step<Node> {
        let mut left = self.process(left)?;
        let mut right = self.process(right)?;
        let mut seeking = None;
        self.push_ancestry(&mut seeking, &mut left);
        self.push_ancestry(&mut seeking, &mut right);
        let operator =
            Operator::of(operator).ok_or_else(|| Raised::at("S0204", position).with_token(operator))?;
        let mut node = Node::new(Kind::Binary(operator, Box::new((left, right))), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn negate(&mut self, inner: Raw, position: usize) -> Step<Node> {
        let mut inner = self.process(inner)?;
        if let Kind::Number(number) = &mut inner.kind {
            *number = -*number;
            return Ok(inner);
        }
        let mut seeking = None;
        self.push_ancestry(&mut seeking, &mut inner);
        let mut node = Node::new(Kind::Negate(Box::new(inner)), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn array(&mut self, items: Vec<Raw>, position: usize) -> Step<Node> {
        let mut seeking = None;
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let mut node = self.process(item)?;
            self.push_ancestry(&mut seeking, &mut node);
            nodes.push(node);
        }
        let mut node = Node::new(Kind::Array(nodes), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn object(&mut self, pairs: Vec<(Raw, Raw)>, position: usize) -> Step<Node> {
        let mut seeking = None;
        let mut group =
            Group { pairs: Vec::with_capacity(pairs.len()), position, plain: false, quick: false };
        for (key, value) in pairs {
            let mut key = self.process(key)?;
            self.push_ancestry(&mut seeking, &mut key);
            let mut value = self.process(value)?;
            self.push_ancestry(&mut seeking, &mut value);
            group.pairs.push((key, value));
        }
        let mut node = Node::new(Kind::Object(Box::new(group)), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn call(&mut self, procedure: Raw, arguments: Vec<Raw>, partial: bool, position: usize) -> Step<Node> {
        let mut seeking = None;
        let mut nodes = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let mut node = self.process(argument)?;
            self.push_ancestry(&mut seeking, &mut node);
            nodes.push(node);
        }
        let procedure = self.process(procedure)?;
        let invocation = Arc::new(Invocation { procedure, arguments: nodes, position });
        let kind = if partial { Kind::Partial(invocation) } else { Kind::Function(invocation) };
        let mut node = Node::new(kind, position);
        node.seeking = seeking;
        Ok(node)
    }

    fn condition(
        &mut self,
        condition: Raw,
        then: Raw,
        otherwise: Option<Box<Raw>>,
        position: usize,
    ) -> Step<Node> {
        let mut seeking = None;
        let mut condition = self.process(condition)?;
        self.push_ancestry(&mut seeking, &mut condition);
        let mut then = self.process(then)?;
        self.push_ancestry(&mut seeking, &mut then);
        let mut compiled = None;
        if let Some(otherwise) = otherwise {
            let mut node = self.process(*otherwise)?;
            self.push_ancestry(&mut seeking, &mut node);
            compiled = Some(node);
        }
        let mut node = Node::new(Kind::Condition(Box::new((condition, then, compiled))), position);
        node.seeking = seeking;
        Ok(node)
    }

    fn block(&mut self, items: Vec<Raw>, position: usize) -> Step<Node> {
        let mut seeking = None;
        let mut consarray = false;
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let mut node = self.process(item)?;
            self.push_ancestry(&mut seeking, &mut node);
            consarray |= node.consarray
                || matches!(&node.kind, Kind::Path { steps, .. } if steps.first().is_some_and(|step| step.consarray));
            nodes.push(node);
        }
        let framed = self.dynamic || nodes.iter().any(crate::compile_finish::binds);
        let mut node = Node::new(Kind::Block(nodes, framed), position);
        node.seeking = seeking;
        node.consarray = consarray;
        Ok(node)
    }
}

fn name_path(name: Arc<str>, position: usize, keep: bool) -> Node {
    let mut step = Node::new(Kind::Name(name), position);
    step.keep_array = keep;
    Node::new(Kind::Path { steps: vec![step], keep }, position)
}

fn variable(raw: Raw) -> Option<Arc<str>> {
    match raw.kind {
        RawKind::Token(Token::Variable(name)) => Some(name),
        _ => None,
    }
}

/// The last step of a path; any other node is its own.
fn last_step(node: &mut Node) -> &mut Node {
    if !matches!(node.kind, Kind::Path { .. }) {
        return node;
    }
    match &mut node.kind {
        Kind::Path { steps, .. } => steps.last_mut().expect("a path is made with its first step"),
        _ => unreachable!("checked to be a path"),
    }
}

/// Makes thunks of the calls that a function ends with, so that they do not nest.
fn tail_calls(mut node: Node) -> Node {
    match node.kind {
        Kind::Function(invocation) if node.predicates.is_empty() => {
            Node::new(Kind::Thunk(invocation), node.position)
        }
        Kind::Condition(parts) => {
            let (condition, then, otherwise) = *parts;
            node.kind = Kind::Condition(Box::new((condition, tail_calls(then), otherwise.map(tail_calls))));
            node
        }
        Kind::Block(mut items, framed) => {
            if let Some(last) = items.pop() {
                items.push(tail_calls(last));
            }
            node.kind = Kind::Block(items, framed);
            node
        }
        _ => node,
    }
}
