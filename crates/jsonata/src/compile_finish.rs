//! What is left to do when the tree is complete: names for the variables of parents, and the small
//! forms of nodes.

use std::sync::Arc;

use crate::ast::{Group, Invocation, Kind, Node, Slot, Stage};

/// Replaces the numbers of slots by the names of their variables.
pub(crate) fn finish(node: &mut Node, labels: &[Arc<str>]) {
    each_child(node, &mut |child| finish(child, labels));
    let name = |slot: &mut Slot| {
        if let Slot::Number(number) = slot {
            *slot = Slot::Label(labels[*number].clone());
        }
    };
    if let Kind::Parent(slot) = &mut node.kind {
        name(slot);
    }
    if let Some(slot) = node.step.as_mut().and_then(|step| step.ancestor.as_mut()) {
        name(slot);
    }
    if let Kind::Object(group) = &mut node.kind {
        group.plain = is_plain(group);
        group.quick = group.plain
            && group.pairs.iter().all(|(_, value)| match &value.kind {
                Kind::Object(inner) => inner.quick && crate::quick::is_bare(value),
                _ => value.quick.is_some(),
            });
    }
    node.quick = crate::quick::of(node);
}

/// How many members an object that is written out may have for its keys to be compared in pairs.
const PLAIN_MAX: usize = 24;

fn is_plain(group: &Group) -> bool {
    let mut known: Vec<&str> = Vec::new();
    group.pairs.len() <= PLAIN_MAX
        && group.pairs.iter().all(|(key, _)| match &key.kind {
            Kind::Text(text) if crate::quick::is_bare(key) && !known.contains(&&**text) => {
                known.push(text);
                true
            }
            _ => false,
        })
}

fn each_in_group(group: &mut Group, visit: &mut dyn FnMut(&mut Node)) {
    for (key, value) in &mut group.pairs {
        visit(key);
        visit(value);
    }
}

fn each_in_invocation(invocation: &mut Arc<Invocation>, visit: &mut dyn FnMut(&mut Node)) {
    let invocation = Arc::get_mut(invocation).expect("a tree that is being compiled has one owner");
    visit(&mut invocation.procedure);
    invocation.arguments.iter_mut().for_each(visit);
}

fn each_child(node: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    node.predicates.iter_mut().for_each(&mut *visit);
    if let Some(group) = &mut node.group {
        each_in_group(group, visit);
    }
    if let Some(stages) = node.step.as_mut().and_then(|step| step.stages.as_mut()) {
        for stage in stages {
            if let Stage::Filter(filter) = stage {
                visit(filter);
            }
        }
    }
    match &mut node.kind {
        Kind::Path { steps: nodes, .. } | Kind::Array(nodes) | Kind::Block(nodes, _) => {
            nodes.iter_mut().for_each(visit);
        }
        Kind::Name(_)
        | Kind::Text(_)
        | Kind::Number(_)
        | Kind::Constant(_)
        | Kind::Wildcard
        | Kind::Descendant
        | Kind::Parent(_)
        | Kind::Variable(..)
        | Kind::Regex(_)
        | Kind::Placeholder => {}
        Kind::Binary(_, pair) | Kind::Apply(pair) => {
            visit(&mut pair.0);
            visit(&mut pair.1);
        }
        Kind::Negate(inner) | Kind::Bind(_, inner) => visit(inner),
        Kind::Object(group) => each_in_group(group, visit),
        Kind::Condition(parts) => {
            visit(&mut parts.0);
            visit(&mut parts.1);
            if let Some(otherwise) = &mut parts.2 {
                visit(otherwise);
            }
        }
        Kind::Function(invocation) | Kind::Partial(invocation) | Kind::Thunk(invocation) => {
            each_in_invocation(invocation, visit);
        }
        Kind::Lambda(code) => {
            let code = Arc::get_mut(code).expect("a tree that is being compiled has one owner");
            visit(Arc::get_mut(&mut code.body).expect("a tree that is being compiled has one owner"));
        }
        Kind::Transform(code) => {
            let code = Arc::get_mut(code).expect("a tree that is being compiled has one owner");
            visit(&mut code.pattern);
            visit(&mut code.update);
            if let Some(delete) = &mut code.delete {
                visit(delete);
            }
        }
        Kind::Sort(terms) => terms.iter_mut().for_each(|term| visit(&mut term.node)),
    }
}

/// Whether evaluating the node may bind a variable in the frame it is evaluated in.
///
/// Blocks below have frames of their own when they bind; lambdas always have one.
pub(crate) fn binds(node: &Node) -> bool {
    let in_group = |group: &Group| group.pairs.iter().any(|(key, value)| binds(key) || binds(value));
    let in_call = |call: &Invocation| binds(&call.procedure) || call.arguments.iter().any(binds);
    let in_marks = || {
        node.predicates.iter().any(binds)
            || node.group.as_deref().is_some_and(in_group)
            || node.stages().iter().any(|stage| matches!(stage, Stage::Filter(filter) if binds(filter)))
    };
    let in_kind = match &node.kind {
        Kind::Bind(..) => true,
        Kind::Path { steps, .. } => steps.iter().any(binds),
        Kind::Array(items) => items.iter().any(binds),
        Kind::Name(_)
        | Kind::Text(_)
        | Kind::Number(_)
        | Kind::Constant(_)
        | Kind::Wildcard
        | Kind::Descendant
        | Kind::Parent(_)
        | Kind::Variable(..)
        | Kind::Regex(_)
        | Kind::Placeholder
        | Kind::Block(..)
        | Kind::Lambda(_) => false,
        Kind::Binary(_, pair) | Kind::Apply(pair) => binds(&pair.0) || binds(&pair.1),
        Kind::Negate(inner) => binds(inner),
        Kind::Object(group) => in_group(group),
        Kind::Condition(parts) => binds(&parts.0) || binds(&parts.1) || parts.2.as_ref().is_some_and(binds),
        Kind::Function(call) | Kind::Partial(call) | Kind::Thunk(call) => in_call(call),
        // A transform evaluates its parts in the frame it was made in, whenever it is called.
        Kind::Transform(code) => {
            binds(&code.pattern) || binds(&code.update) || code.delete.as_ref().is_some_and(binds)
        }
        Kind::Sort(terms) => terms.iter().any(|term| binds(&term.node)),
    };
    in_kind || in_marks()
}
