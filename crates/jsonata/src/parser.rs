//! From tokens to a tree: operator precedence parsing, as in the reference.
//!
//! The tree is the text's own, with paths still as chains of dots; [`crate::compile`] makes of it
//! what can be evaluated.

use std::sync::Arc;

use crate::error::{Raised, Step};
use crate::lexer::{Lexer, Token};
use crate::signature::{PARAMETERS_MAX, Signature};
use crate::stack;

/// How deep a text may nest, operators in a row included. The reference has no limit of its own but
/// the stack; this one keeps every later walk of the tree within a small stack.
pub(crate) const DEPTH_MAX: usize = 400;

#[derive(Debug)]
pub(crate) struct Raw {
    pub kind: RawKind,
    pub position: usize,
    pub keep_array: bool,
    depth: usize,
}

#[derive(Debug)]
pub(crate) enum RawKind {
    /// A name, a variable, a literal, or an operator that stands alone.
    Token(Token),
    Wildcard,
    Descendant,
    Parent,
    Binary(&'static str, Box<Raw>, Box<Raw>),
    Sort(Box<Raw>, Vec<(bool, Raw)>),
    Group(Box<Raw>, Vec<(Raw, Raw)>),
    Negate(Box<Raw>),
    Array(Vec<Raw>),
    Object(Vec<(Raw, Raw)>),
    Call {
        procedure: Box<Raw>,
        arguments: Vec<Raw>,
        partial: bool,
    },
    Lambda {
        parameters: Vec<Arc<str>>,
        signature: Option<Arc<Signature>>,
        body: Box<Raw>,
    },
    Condition(Box<Raw>, Box<Raw>, Option<Box<Raw>>),
    Block(Vec<Raw>),
    Transform(Box<Raw>, Box<Raw>, Option<Box<Raw>>),
}

pub(crate) fn parse(text: &str) -> Step<Raw> {
    let lexer = Lexer::new(text);
    let mut parser = Parser { lexer, token: Token::End, position: 0, depth: 0, stack_from: stack::now() };
    parser.advance(false)?;
    let tree = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(tree),
        _ => Err(Raised::at("S0201", parser.position).with_token(parser.token.shown())),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    position: usize,
    depth: usize,
    stack_from: usize,
}

/// How strongly a token binds to what stands left of it.
fn binding(token: &Token) -> usize {
    match token {
        Token::Operator(operator) => match *operator {
            "[" | "(" | "@" | "#" => 80,
            "." => 75,
            "{" => 70,
            "*" | "/" | "%" => 60,
            "+" | "-" | "&" => 50,
            "=" | "<" | ">" | "^" | "!=" | "<=" | ">=" | "~>" | "in" => 40,
            "and" => 30,
            "or" => 25,
            "?" => 20,
            ":=" => 10,
            _ => 0,
        },
        _ => 0,
    }
}

pub(crate) fn too_deep<T>(position: usize) -> Step<T> {
    let mut raised = Raised::text("S0501", format!("The expression nests deeper than {DEPTH_MAX} levels"));
    raised.position = Some(position);
    Err(raised)
}

impl Raw {
    pub fn token(token: Token, position: usize) -> Raw {
        Raw { kind: RawKind::Token(token), position, keep_array: false, depth: 1 }
    }

    fn deepest(&self) -> usize {
        let pairs = |pairs: &[(Raw, Raw)]| pairs.iter().map(|(a, b)| a.depth.max(b.depth)).max().unwrap_or(0);
        let list = |list: &[Raw]| list.iter().map(|raw| raw.depth).max().unwrap_or(0);
        match &self.kind {
            RawKind::Token(_) | RawKind::Wildcard | RawKind::Descendant | RawKind::Parent => 0,
            RawKind::Binary(_, left, right) => left.depth.max(right.depth),
            RawKind::Sort(left, terms) => {
                terms.iter().map(|(_, term)| term.depth).max().unwrap_or(0).max(left.depth)
            }
            RawKind::Group(left, members) => pairs(members).max(left.depth),
            RawKind::Negate(inner) => inner.depth,
            RawKind::Array(items) | RawKind::Block(items) => list(items),
            RawKind::Object(members) => pairs(members),
            RawKind::Call { procedure, arguments, .. } => list(arguments).max(procedure.depth),
            RawKind::Lambda { body, .. } => body.depth,
            RawKind::Condition(a, b, c) | RawKind::Transform(a, b, c) => {
                a.depth.max(b.depth).max(c.as_ref().map_or(0, |c| c.depth))
            }
        }
    }
}

impl<'a> Parser<'a> {
    fn advance(&mut self, divides: bool) -> Step<()> {
        self.token = self.lexer.next(divides)?;
        self.position = self.lexer.position();
        if let Token::Operator("!" | "~") = self.token {
            return Err(Raised::at("S0204", self.position).with_token(self.token.shown()));
        }
        Ok(())
    }

    /// Moves past `operator`, which must be here.
    fn expect(&mut self, operator: &'static str, divides: bool) -> Step<()> {
        if !self.token.is(operator) {
            let code = if matches!(self.token, Token::End) { "S0203" } else { "S0202" };
            let mut raised = Raised::at(code, self.position).with_token(self.token.shown());
            raised.value = Some(operator.into());
            return Err(raised);
        }
        self.advance(divides)
    }

    fn node(&self, kind: RawKind, position: usize) -> Step<Raw> {
        let mut raw = Raw { kind, position, keep_array: false, depth: 0 };
        raw.depth = raw.deepest() + 1;
        if raw.depth > DEPTH_MAX { too_deep(position) } else { Ok(raw) }
    }

    fn expression(&mut self, binds: usize) -> Step<Raw> {
        self.depth += 1;
        if self.depth > DEPTH_MAX || stack::exceeds(self.stack_from, stack::COMPILE_MAX) {
            return too_deep(self.position);
        }
        let token = std::mem::replace(&mut self.token, Token::End);
        let position = self.position;
        self.advance(true)?;
        let mut left = self.prefix(token, position)?;
        while binds < binding(&self.token) {
            let token = std::mem::replace(&mut self.token, Token::End);
            let position = self.position;
            self.advance(false)?;
            left = self.infix(left, token, position)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// What a token begins.
    fn prefix(&mut self, token: Token, position: usize) -> Step<Raw> {
        let Token::Operator(operator) = &token else {
            return Ok(Raw::token(token, position));
        };
        match *operator {
            "and" | "or" | "in" => Ok(Raw::token(token, position)),
            "-" => {
                let inner = self.expression(70)?;
                self.node(RawKind::Negate(Box::new(inner)), position)
            }
            "*" => self.node(RawKind::Wildcard, position),
            "**" => self.node(RawKind::Descendant, position),
            "%" => self.node(RawKind::Parent, position),
            "(" => self.block(position),
            "[" => self.array(position),
            "{" => {
                let members = self.members()?;
                self.node(RawKind::Object(members), position)
            }
            "|" => self.transform(position),
            _ => Err(Raised::at("S0211", position).with_token(token.shown())),
        }
    }

    fn block(&mut self, position: usize) -> Step<Raw> {
        let mut expressions = Vec::new();
        while !self.token.is(")") {
            expressions.push(self.expression(0)?);
            if !self.token.is(";") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        self.node(RawKind::Block(expressions), position)
    }

    fn array(&mut self, position: usize) -> Step<Raw> {
        let mut items = Vec::new();
        if !self.token.is("]") {
            loop {
                let mut item = self.expression(0)?;
                if self.token.is("..") {
                    let at = self.position;
                    self.advance(false)?;
                    let to = self.expression(0)?;
                    item = self.node(RawKind::Binary("..", Box::new(item), Box::new(to)), at)?;
                }
                items.push(item);
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("]", true)?;
        self.node(RawKind::Array(items), position)
    }

    fn members(&mut self) -> Step<Vec<(Raw, Raw)>> {
        let mut members = Vec::new();
        if !self.token.is("}") {
            loop {
                let name = self.expression(0)?;
                self.expect(":", false)?;
                let value = self.expression(0)?;
                members.push((name, value));
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("}", true)?;
        Ok(members)
    }

    fn transform(&mut self, position: usize) -> Step<Raw> {
        let pattern = Box::new(self.expression(0)?);
        self.expect("|", false)?;
        let update = Box::new(self.expression(0)?);
        let mut delete = None;
        if self.token.is(",") {
            self.advance(false)?;
            delete = Some(Box::new(self.expression(0)?));
        }
        self.expect("|", false)?;
        self.node(RawKind::Transform(pattern, update, delete), position)
    }

    /// What a token makes of what stands left of it.
    fn infix(&mut self, left: Raw, token: Token, position: usize) -> Step<Raw> {
        let binds = binding(&token);
        let Token::Operator(operator) = token else {
            return Ok(left);
        };
        match operator {
            "(" => self.call(left, position),
            "[" => self.predicate(left, position),
            "^" => self.sort(left, position),
            "{" => {
                let members = self.members()?;
                self.node(RawKind::Group(Box::new(left), members), position)
            }
            ":=" => {
                if !matches!(left.kind, RawKind::Token(Token::Variable(_))) {
                    return Err(Raised::at("S0212", left.position).with_token(left.shown()));
                }
                let right = self.expression(binds - 1)?;
                self.node(RawKind::Binary(operator, Box::new(left), Box::new(right)), position)
            }
            "@" | "#" => {
                let right = self.expression(binds)?;
                if !matches!(right.kind, RawKind::Token(Token::Variable(_))) {
                    return Err(Raised::at("S0214", right.position).with_token(operator));
                }
                self.node(RawKind::Binary(operator, Box::new(left), Box::new(right)), position)
            }
            "?" => {
                let then = Box::new(self.expression(0)?);
                let mut otherwise = None;
                if self.token.is(":") {
                    self.advance(false)?;
                    otherwise = Some(Box::new(self.expression(0)?));
                }
                self.node(RawKind::Condition(Box::new(left), then, otherwise), position)
            }
            _ => {
                let right = self.expression(binds)?;
                self.node(RawKind::Binary(operator, Box::new(left), Box::new(right)), position)
            }
        }
    }

    fn predicate(&mut self, mut left: Raw, position: usize) -> Step<Raw> {
        if !self.token.is("]") {
            let right = self.expression(0)?;
            let node = self.node(RawKind::Binary("[", Box::new(left), Box::new(right)), position)?;
            self.expect("]", true)?;
            return Ok(node);
        }
        // An empty predicate keeps the array of one; the mark goes on the step under all predicates.
        let mut step = &mut left;
        while matches!(step.kind, RawKind::Binary("[", ..)) {
            let RawKind::Binary(_, inner, _) = &mut step.kind else { break };
            step = inner;
        }
        step.keep_array = true;
        self.advance(false)?;
        Ok(left)
    }

    fn sort(&mut self, left: Raw, position: usize) -> Step<Raw> {
        self.expect("(", false)?;
        let mut terms = Vec::new();
        loop {
            let mut descending = false;
            if self.token.is("<") {
                self.advance(false)?;
            } else if self.token.is(">") {
                descending = true;
                self.advance(false)?;
            }
            terms.push((descending, self.expression(0)?));
            if !self.token.is(",") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", false)?;
        self.node(RawKind::Sort(Box::new(left), terms), position)
    }

    fn call(&mut self, left: Raw, position: usize) -> Step<Raw> {
        let mut arguments = Vec::new();
        let mut partial = false;
        if !self.token.is(")") {
            loop {
                if self.token.is("?") {
                    partial = true;
                    arguments.push(Raw::token(self.token.clone(), self.position));
                    self.advance(false)?;
                } else {
                    arguments.push(self.expression(0)?);
                }
                if !self.token.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect(")", true)?;
        let is_lambda =
            matches!(&left.kind, RawKind::Token(Token::Name(name)) if matches!(&**name, "function" | "λ"));
        if is_lambda {
            return self.lambda(arguments, position);
        }
        self.node(RawKind::Call { procedure: Box::new(left), arguments, partial }, position)
    }

    fn lambda(&mut self, arguments: Vec<Raw>, position: usize) -> Step<Raw> {
        let mut parameters = Vec::new();
        for (index, argument) in arguments.into_iter().enumerate() {
            let RawKind::Token(Token::Variable(name)) = argument.kind else {
                let mut raised = Raised::at("S0208", argument.position).with_token(argument.shown());
                raised.value = Some(((index + 1) as i64).into());
                return Err(raised);
            };
            parameters.push(name);
        }
        let mut signature = None;
        if self.token.is("<") {
            let at = self.position;
            let mut depth = 1;
            let mut text = String::from("<");
            while depth > 0 && !self.token.is("{") && !matches!(self.token, Token::End) {
                self.advance(false)?;
                if self.token.is(">") {
                    depth -= 1;
                } else if self.token.is("<") {
                    depth += 1;
                }
                match self.token.shown() {
                    stepwell_value::Value::String(token) => text.push_str(&token),
                    other => text.push_str(&crate::json::plain(&other, 64)),
                }
            }
            self.expect(">", false)?;
            let parsed = Signature::parse(&text).map_err(|(code, value, offset)| {
                let mut raised = Raised::at(code, at + offset);
                raised.value = Some(value.into());
                raised.text = Some(format!("A signature has more than {PARAMETERS_MAX} parameters"));
                raised
            })?;
            signature = Some(Arc::new(parsed));
        }
        self.expect("{", false)?;
        let body = Box::new(self.expression(0)?);
        self.expect("}", false)?;
        self.node(RawKind::Lambda { parameters, signature, body }, position)
    }
}

impl Raw {
    /// What a message calls the node: its token, or the operator it stands for.
    pub fn shown(&self) -> stepwell_value::Value {
        match &self.kind {
            RawKind::Token(token) => token.shown(),
            RawKind::Wildcard => "*".into(),
            RawKind::Descendant => "**".into(),
            RawKind::Parent => "%".into(),
            RawKind::Binary(operator, ..) => (*operator).into(),
            RawKind::Sort(..) => "^".into(),
            RawKind::Group(..) | RawKind::Object(_) => "{".into(),
            RawKind::Negate(_) => "-".into(),
            RawKind::Array(_) => "[".into(),
            RawKind::Call { .. } | RawKind::Lambda { .. } | RawKind::Block(_) => "(".into(),
            RawKind::Condition(..) => "?".into(),
            RawKind::Transform(..) => "|".into(),
        }
    }
}
