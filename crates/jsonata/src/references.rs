//! Which variables an expression takes from its surroundings.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::{Kind, Node, Stage};
use crate::expression::Expression;

/// A variable that an expression does not bind itself.
///
/// ```
/// use stepwell_jsonata::{Expression, Profile};
///
/// let text = "($a := $orders.price; $sum($map($a, function($x) { $x * $rate })))";
/// let expression = Expression::compile(text, &Profile::jsonata()).unwrap();
/// let names: Vec<_> = expression.references().into_iter().map(|reference| reference.variable).collect();
/// assert_eq!(names, ["orders".into(), "rate".into()]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its name, without the `$`.
    pub variable: Arc<str>,
    /// The name that follows it at once, as `input` in `$states.input`.
    pub member: Option<Arc<str>>,
}

impl Expression {
    /// The variables that the expression needs from its [`Environment`](crate::Environment), each
    /// once, in the order of their names. Built-in functions are not among them.
    pub fn references(&self) -> Vec<Reference> {
        let mut search = Search { bound: Vec::new(), found: BTreeSet::new() };
        search.node(self.root());
        search.found.into_iter().collect()
    }
}

struct Search {
    /// What is bound around the node that is looked at.
    bound: Vec<Arc<str>>,
    found: BTreeSet<Reference>,
}

impl Search {
    fn variable(&mut self, name: &Arc<str>, is_function: bool, member: Option<&Arc<str>>) {
        let of_context = name.is_empty() || &**name == "$";
        if !of_context && !is_function && !self.bound.contains(name) {
            self.found.insert(Reference { variable: name.clone(), member: member.cloned() });
        }
    }

    /// What is bound inside `work` ends with it.
    fn scope(&mut self, work: impl FnOnce(&mut Search)) {
        let outer = self.bound.len();
        work(self);
        self.bound.truncate(outer);
    }

    fn nodes<'a>(&mut self, nodes: impl IntoIterator<Item = &'a Node>) {
        nodes.into_iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        self.kind(node, None);
        self.around(node);
    }

    /// What is attached to a node.
    fn around(&mut self, node: &Node) {
        self.bound.extend(node.focus().cloned());
        self.bound.extend(node.step.as_ref().and_then(|step| step.index.clone()));
        self.nodes(&node.predicates);
        for stage in node.stages() {
            match stage {
                Stage::Filter(filter) => self.node(filter),
                Stage::Index(name) => self.bound.push(name.clone()),
            }
        }
        if let Some(group) = &node.group {
            self.nodes(group.pairs.iter().flat_map(|(key, value)| [key, value]));
        }
    }

    fn kind(&mut self, node: &Node, member: Option<&Arc<str>>) {
        match &node.kind {
            Kind::Path { steps, .. } => self.scope(|search| {
                for (place, step) in steps.iter().enumerate() {
                    let plain = step.predicates.is_empty() && step.stages().is_empty();
                    let member = match steps.get(place + 1).map(|next| &next.kind) {
                        Some(Kind::Name(name)) if plain => Some(name),
                        _ => None,
                    };
                    search.kind(step, member);
                    search.around(step);
                }
            }),
            Kind::Variable(name, builtin) => self.variable(name, builtin.is_some(), member),
            Kind::Name(_)
            | Kind::Text(_)
            | Kind::Number(_)
            | Kind::Constant(_)
            | Kind::Wildcard
            | Kind::Descendant
            | Kind::Parent(_)
            | Kind::Regex(_)
            | Kind::Placeholder => {}
            Kind::Binary(_, pair) | Kind::Apply(pair) => self.nodes([&pair.0, &pair.1]),
            Kind::Negate(inner) => self.node(inner),
            Kind::Bind(name, value) => {
                // A function may call itself.
                if matches!(value.kind, Kind::Lambda(_)) {
                    self.bound.push(name.clone());
                    self.node(value);
                } else {
                    self.node(value);
                    self.bound.push(name.clone());
                }
            }
            Kind::Array(items) => self.nodes(items),
            Kind::Block(items, _) => self.scope(|search| search.nodes(items)),
            Kind::Object(group) => {
                self.nodes(group.pairs.iter().flat_map(|(key, value)| [key, value]));
            }
            Kind::Condition(parts) => {
                self.nodes([&parts.0, &parts.1]);
                self.nodes(parts.2.as_ref());
            }
            Kind::Function(call) | Kind::Partial(call) | Kind::Thunk(call) => {
                self.node(&call.procedure);
                self.nodes(&call.arguments);
            }
            Kind::Lambda(code) => self.scope(|search| {
                search.bound.extend(code.parameters.iter().cloned());
                search.node(&code.body);
            }),
            Kind::Transform(code) => {
                self.nodes([&code.pattern, &code.update]);
                self.nodes(code.delete.as_ref());
            }
            Kind::Sort(terms) => self.nodes(terms.iter().map(|term| &term.node)),
        }
    }
}
