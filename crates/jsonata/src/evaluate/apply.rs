//! Calls: of built-in functions, of lambdas, in tail position, with `~>`, and partial ones.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use super::Evaluator;
use super::frame::Frame;
use super::quick::Scope;
use crate::ast::{Invocation, Kind, Node};
use crate::error::{Raised, Step};
use crate::functions::{Call, Function, Lambda, Partial};
use crate::item::{FrameRef, Item};
use crate::signature::Signature;

/// The name under which a function is called, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'s> {
    pub name: Option<&'s str>,
    pub position: usize,
}

/// Where the reference, reading the text of a function of no parameters but `...args`, gives up.
const NO_TEXT_POSITION: usize = 12;
/// Where the reference, reading the text of a function with a default, meets the default.
const NO_FORMALS_POSITION: usize = 26;

/// What a procedure is called in the text: its name, or the operator or literal that it is.
fn procedure_name(procedure: &Node) -> Option<&str> {
    match &procedure.kind {
        Kind::Path { steps, .. } => match &steps[0].kind {
            Kind::Name(name) => Some(name),
            _ => None,
        },
        Kind::Variable(name, _) => Some(name),
        _ => None,
    }
}

impl Evaluator<'_> {
    #[inline(never)]
    pub(super) fn function(
        &mut self,
        call: &Arc<Invocation>,
        input: &Item,
        frame: &FrameRef,
        first: Option<Item>,
    ) -> Step<Item> {
        let procedure = self.eval(&call.procedure, input, frame)?;
        if procedure.is_undefined() {
            self.forgotten_dollar("T1005", call, frame)?;
        }
        let mut args = Vec::with_capacity(call.arguments.len() + usize::from(first.is_some()));
        args.extend(first);
        for argument in &call.arguments {
            let arg = self.eval(argument, input, frame)?;
            args.push(match arg {
                Item::Function(function) => Item::Function(function.wrapped()),
                other => other,
            });
        }
        let name = procedure_name(&call.procedure);
        let site = Site { name, position: call.position };
        let result = match &procedure {
            Item::Function(function) if !function.is_object() => {
                self.apply(function, args, input, frame, None)
            }
            Item::Function(function) => self.apply(function, args, input, frame, Some(site)),
            _ => Err(Raised::new("T1006")),
        };
        result.map_err(|mut raised| {
            raised.position = raised.position.or(Some(call.position));
            if raised.token.is_none() {
                raised.token = name.map(Into::into);
            }
            raised
        })
    }

    /// Whether somebody wrote the name of a function without its `$`.
    #[inline(never)]
    fn forgotten_dollar(&mut self, code: &'static str, call: &Invocation, frame: &FrameRef) -> Step<()> {
        let Kind::Path { steps, .. } = &call.procedure.kind else { return Ok(()) };
        let Kind::Name(name) = &steps[0].kind else { return Ok(()) };
        if self.lookup_name(name, frame).is_truthy() {
            return Err(Raised::at(code, call.position).with_token(name.to_string()));
        }
        Ok(())
    }

    /// Calls a function, and the calls that it ends with.
    #[inline(never)]
    pub(crate) fn apply(
        &mut self,
        function: &Function,
        args: Vec<Item>,
        input: &Item,
        frame: &FrameRef,
        site: Option<Site<'_>>,
    ) -> Step<Item> {
        let mut result = self.apply_once(function, args, input, frame, site)?;
        while let Item::Function(Function::Thunk(thunk)) = &result {
            let thunk = Rc::clone(thunk);
            let next = self.eval(&thunk.call.procedure, &thunk.input, &thunk.frame)?;
            let mut args = Vec::with_capacity(thunk.call.arguments.len());
            for argument in &thunk.call.arguments {
                args.push(self.eval(argument, &thunk.input, &thunk.frame)?);
            }
            let procedure = &thunk.call.procedure;
            let name = match &procedure.kind {
                Kind::Variable(name, _) => Some(&**name),
                _ => None,
            };
            let Item::Function(next) = next else {
                return Err(Raised::at("T1006", procedure.position));
            };
            result = self.apply_once(
                &next,
                args,
                input,
                frame,
                Some(Site { name, position: procedure.position }),
            )?;
        }
        Ok(result)
    }

    #[inline(never)]
    fn apply_once(
        &mut self,
        function: &Function,
        args: Vec<Item>,
        input: &Item,
        frame: &FrameRef,
        site: Option<Site<'_>>,
    ) -> Step<Item> {
        self.spend(1)?;
        if let (Function::Lambda(lambda), Some(site)) = (function, site) {
            lambda.called_at.set(Some(site.position));
        }
        self.call(function, args, input, frame).map_err(|mut raised| {
            if raised.token.is_none() {
                // Where a function is not called by name, the reference shows the name of its last
                // call anywhere; its own is what that is nearly always.
                let own = match function {
                    Function::Native(builtin) => Some(builtin.name),
                    _ => None,
                };
                raised.token = site.and_then(|site| site.name).or(own).map(Into::into);
            }
            // The reference notes the place on the function, so a call within it counts as the last.
            let position = match function {
                Function::Lambda(lambda) => lambda.called_at.get(),
                _ => site.map(|site| site.position),
            };
            raised.position = position.or(raised.position);
            raised
        })
    }

    #[inline(never)]
    fn call(&mut self, function: &Function, args: Vec<Item>, input: &Item, frame: &FrameRef) -> Step<Item> {
        match function {
            Function::Native(builtin) => {
                let args = match builtin.signature() {
                    Some(signature) => {
                        self.spend(signature.cost(args.len()))?;
                        signature.validate(args, input)?
                    }
                    None => args,
                };
                builtin.run(self, Call { args, input, frame })
            }
            Function::Lambda(lambda) => {
                let args = match &lambda.signature {
                    Some(signature) => {
                        self.spend(signature.cost(args.len()))?;
                        signature.validate(args, input)?
                    }
                    None => args,
                };
                if let Some(quick) = &lambda.body.quick {
                    let scope = Scope::of(&lambda.input, &lambda.frame);
                    let scope = Scope { names: &lambda.parameters, args: &args, ..scope };
                    if let Some(operand) = self.quick(quick, &scope) {
                        return Ok(operand.into_item());
                    }
                }
                let mut args = args.into_iter();
                let bound =
                    lambda.parameters.iter().map(|name| (name.clone(), args.next().unwrap_or_default()));
                let own = Frame::within(&lambda.frame, bound.collect());
                self.eval_whole(&lambda.body, &lambda.input, &own)
            }
            Function::Wrapped(inner) => self.apply(inner, args, &Item::NULL, frame, None),
            Function::Matcher(matcher) => self.match_text(matcher, &args),
            Function::Next(next) => self.match_next(next),
            Function::Transform(transform) => {
                let args = transform_signature().validate(args, input)?;
                let transform = Rc::clone(transform);
                let object = args.into_iter().next().unwrap_or_default();
                self.transform(&transform.code, object, &transform.frame)
            }
            Function::Partial(partial) => {
                let mut given = args.into_iter();
                let all = partial.args.iter().map(|arg| match arg {
                    Some(item) => item.clone(),
                    None => given.next().unwrap_or_default(),
                });
                let all: Vec<Item> = all.collect();
                match &partial.of {
                    // A partial application bypasses the signature, as in the reference.
                    Function::Native(builtin) => {
                        builtin.run(self, Call { args: all, input: &Item::Undefined, frame })
                    }
                    other => self.apply(&other.clone(), all, &Item::Undefined, frame, None),
                }
            }
            Function::Thunk(_) => Err(Raised::new("T1006")),
        }
    }

    #[inline(never)]
    pub(super) fn partial(&mut self, call: &Arc<Invocation>, input: &Item, frame: &FrameRef) -> Step<Item> {
        let mut args: Vec<Option<Item>> = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            args.push(match argument.kind {
                Kind::Placeholder => None,
                _ => Some(self.eval(argument, input, frame)?),
            });
        }
        let procedure = self.eval(&call.procedure, input, frame)?;
        if procedure.is_undefined() {
            self.forgotten_dollar("T1007", call, frame)?;
        }
        let Item::Function(function) = procedure else {
            let mut raised = Raised::at("T1008", call.position);
            raised.token = procedure_name(&call.procedure).map(Into::into);
            return Err(raised);
        };
        let formals = match &function {
            Function::Lambda(lambda) => return self.partial_lambda(lambda, args),
            Function::Partial(partial) => {
                // The holes of a partial application are its parameters.
                let mut given = args.into_iter();
                let filled = partial.args.iter().map(|arg| match arg {
                    Some(item) => Some(item.clone()),
                    None => given.next().unwrap_or(Some(Item::Undefined)),
                });
                let partial = Partial::new(partial.of.clone(), filled.collect())?;
                return Ok(Item::Function(Function::Partial(Rc::new(partial))));
            }
            Function::Native(builtin) => builtin.formals,
            Function::Matcher(_) => Some(2),
            Function::Next(_) | Function::Transform(_) => Some(1),
            // The reference reads the parameters off the function's text, and these have none there.
            Function::Wrapped(_) => {
                let mut raised = Raised::at("S0202", NO_TEXT_POSITION).with_token("..");
                raised.value = Some(")".into());
                return Err(raised);
            }
            Function::Thunk(_) => None,
        };
        let Some(formals) = formals else {
            let mut raised = Raised::at("S0208", NO_FORMALS_POSITION).with_token("=");
            raised.value = Some(2.into());
            return Err(raised);
        };
        args.resize(formals, Some(Item::Undefined));
        Ok(Item::Function(Function::Partial(Rc::new(Partial::new(function, args)?))))
    }

    /// Binds what is given in a frame of its own; the rest stay parameters.
    fn partial_lambda(&mut self, lambda: &Rc<Lambda>, args: Vec<Option<Item>>) -> Step<Item> {
        let mut args = args.into_iter();
        let mut bound = Vec::new();
        let mut open = Vec::new();
        for name in lambda.parameters.iter() {
            match args.next().unwrap_or(Some(Item::Undefined)) {
                Some(item) => bound.push((name.clone(), item)),
                None => open.push(name.clone()),
            }
        }
        let frame = Frame::within(&lambda.frame, bound);
        self.capture(&frame)?;
        let partial = Lambda {
            parameters: open.into(),
            signature: None,
            body: lambda.body.clone(),
            input: lambda.input.clone(),
            frame,
            depth: lambda.depth,
            called_at: Cell::new(None),
        };
        Ok(Item::Function(Function::Lambda(Rc::new(partial))))
    }

    #[inline(never)]
    pub(super) fn apply_expression(
        &mut self,
        sides: &(Node, Node),
        position: usize,
        input: &Item,
        frame: &FrameRef,
    ) -> Step<Item> {
        let left = self.eval(&sides.0, input, frame)?;
        if let Kind::Function(call) = &sides.1.kind {
            // The reference looks at the call alone: predicates and groups after it are not reached.
            return self.function(call, input, frame, Some(left));
        }
        let right = self.eval(&sides.1, input, frame)?;
        let Item::Function(right) = right else {
            let mut raised = Raised::value("T2006", right.shown());
            raised.position = Some(position);
            return Err(raised);
        };
        match left {
            Item::Function(left) => self.chain(left, right),
            left => self.apply(&right, vec![left], &Item::NULL, frame, None),
        }
    }

    /// `$f ~> $g`: the function that applies the one and then the other.
    #[inline(never)]
    fn chain(&mut self, first: Function, second: Function) -> Step<Item> {
        static CHAIN: OnceLock<Arc<crate::ast::LambdaCode>> = OnceLock::new();
        let code = CHAIN.get_or_init(|| {
            let profile = crate::profile::Profile::jsonata();
            // Where it stands within the text that the reference has for this.
            let node = crate::compile::compile("                   function($x){ $g($f($x)) }", &profile);
            match node.map(|node| node.kind) {
                Ok(Kind::Lambda(code)) => code,
                _ => unreachable!("the text of a chain is a lambda"),
            }
        });
        let bound = vec![(Arc::from("f"), Item::Function(first)), (Arc::from("g"), Item::Function(second))];
        let frame = Frame::within(&Frame::root(), bound);
        self.capture(&frame)?;
        Ok(Item::Function(Function::Lambda(Rc::new(Lambda::new(code, &Item::NULL, &frame)?))))
    }
}

fn transform_signature() -> &'static Signature {
    static SIGNATURE: OnceLock<Signature> = OnceLock::new();
    SIGNATURE.get_or_init(|| Signature::parse("<(oa):o>").expect("a transform's signature is right"))
}
