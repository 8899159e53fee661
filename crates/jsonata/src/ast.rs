//! What is evaluated: the tree after paths have been flattened into steps.

use std::sync::Arc;

use stepwell_value::Value;

use crate::functions::Builtin;
use crate::quick::Quick;
use crate::regex::Pattern;
use crate::signature::Signature;

/// A node. Most have nothing but a kind.
#[derive(Debug)]
pub(crate) struct Node {
    pub kind: Kind,
    pub position: usize,
    pub keep_array: bool,
    /// A step that carries bindings, or a path whose bindings its surroundings want.
    pub tuple: bool,
    /// An array constructor that is a step: its array is not flattened.
    pub consarray: bool,
    pub predicates: Vec<Node>,
    pub group: Option<Box<Group>>,
    /// What it does as a step of a path.
    pub step: Option<Box<StepMarks>>,
    /// While compiling: the list of slots that look for a parent.
    pub seeking: Option<usize>,
    /// The small form, where there is one, when the tree is complete.
    pub quick: Option<Arc<Quick>>,
}

/// What only some steps have.
#[derive(Debug, Default)]
pub(crate) struct StepMarks {
    pub stages: Option<Vec<Stage>>,
    /// `@$name`
    pub focus: Option<Arc<str>>,
    /// `#$name`
    pub index: Option<Arc<str>>,
    /// The variable that `%` of a later step reads.
    pub ancestor: Option<Slot>,
}

/// The variable of a parent; its number becomes its name when the tree is complete.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Number(usize),
    Label(Arc<str>),
}

#[derive(Debug)]
pub(crate) enum Stage {
    Filter(Node),
    Index(Arc<str>),
}

/// `{ key: value, ... }`
#[derive(Debug)]
pub(crate) struct Group {
    pub pairs: Vec<(Node, Node)>,
    pub position: usize,
    /// Whether the keys are texts that are written out, and all different.
    pub plain: bool,
    /// Whether, beyond that, all values have small forms or are such objects themselves.
    pub quick: bool,
}

#[derive(Debug)]
pub(crate) struct Term {
    pub descending: bool,
    pub node: Node,
}

#[derive(Debug)]
pub(crate) struct Invocation {
    pub procedure: Node,
    pub arguments: Vec<Node>,
    pub position: usize,
}

#[derive(Debug)]
pub(crate) struct LambdaCode {
    pub parameters: Arc<[Arc<str>]>,
    pub signature: Option<Arc<Signature>>,
    pub body: Arc<Node>,
}

#[derive(Debug)]
pub(crate) struct TransformCode {
    pub pattern: Node,
    pub update: Node,
    pub delete: Option<Node>,
    pub position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concatenate,
    Range,
    In,
    And,
    Or,
}

impl Operator {
    pub fn of(text: &str) -> Option<Operator> {
        Some(match text {
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "&" => Operator::Concatenate,
            ".." => Operator::Range,
            "in" => Operator::In,
            "and" => Operator::And,
            "or" => Operator::Or,
            _ => return None,
        })
    }

    pub fn text(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Concatenate => "&",
            Operator::Range => "..",
            Operator::In => "in",
            Operator::And => "and",
            Operator::Or => "or",
        }
    }
}

#[derive(Debug)]
pub(crate) enum Kind {
    Path {
        steps: Vec<Node>,
        keep: bool,
    },
    Name(Arc<str>),
    Text(Arc<str>),
    Number(f64),
    Constant(Value),
    Wildcard,
    Descendant,
    Parent(Slot),
    Variable(Arc<str>, Option<Builtin>),
    Regex(Arc<Pattern>),
    Binary(Operator, Box<(Node, Node)>),
    Negate(Box<Node>),
    Array(Vec<Node>),
    Object(Box<Group>),
    Condition(Box<(Node, Node, Option<Node>)>),
    /// A block, and whether it needs a frame of its own.
    Block(Vec<Node>, bool),
    Bind(Arc<str>, Box<Node>),
    Function(Arc<Invocation>),
    Partial(Arc<Invocation>),
    /// `?` among the arguments of a partial application.
    Placeholder,
    Lambda(Arc<LambdaCode>),
    /// A call in tail position.
    Thunk(Arc<Invocation>),
    Apply(Box<(Node, Node)>),
    Transform(Arc<TransformCode>),
    Sort(Vec<Term>),
}

impl Node {
    pub fn new(kind: Kind, position: usize) -> Node {
        Node {
            kind,
            position,
            keep_array: false,
            tuple: false,
            consarray: false,
            predicates: Vec::new(),
            group: None,
            step: None,
            seeking: None,
            quick: None,
        }
    }

    pub fn marks(&mut self) -> &mut StepMarks {
        self.step.get_or_insert_default()
    }

    pub fn stages(&self) -> &[Stage] {
        self.step.as_ref().and_then(|step| step.stages.as_deref()).unwrap_or_default()
    }

    pub fn focus(&self) -> Option<&Arc<str>> {
        self.step.as_ref().and_then(|step| step.focus.as_ref())
    }

    /// What the reference calls the kind; messages show it.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Path { .. } => "path",
            Kind::Name(_) => "name",
            Kind::Text(_) => "string",
            Kind::Number(_) => "number",
            Kind::Constant(_) => "value",
            Kind::Wildcard => "wildcard",
            Kind::Descendant => "descendant",
            Kind::Parent(_) => "parent",
            Kind::Variable(..) => "variable",
            Kind::Regex(_) => "regex",
            Kind::Binary(..) => "binary",
            Kind::Negate(_) | Kind::Array(_) | Kind::Object(_) => "unary",
            Kind::Condition(_) => "condition",
            Kind::Block(..) => "block",
            Kind::Bind(..) => "bind",
            Kind::Function(_) => "function",
            Kind::Partial(_) => "partial",
            Kind::Placeholder => "operator",
            Kind::Lambda(_) | Kind::Thunk(_) => "lambda",
            Kind::Apply(_) => "apply",
            Kind::Transform(_) => "transform",
            Kind::Sort(_) => "sort",
        }
    }
}
