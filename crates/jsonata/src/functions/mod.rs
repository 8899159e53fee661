//! Functions: the built-in ones, in one list, and those that an expression makes.

mod array;
mod datetime;
mod encoding;
mod format_number;
mod higher;
mod matching;
mod number;
mod object;
mod step_functions;
mod string;
mod text;
mod value;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

pub(crate) use matching::{Matcher, NextMatch};
pub(crate) use step_functions::STEP_FUNCTIONS;

use crate::ast::{Invocation, LambdaCode, Node, TransformCode};
use crate::error::{OUTPUT, Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{FrameRef, Item, NESTING_MAX};
use crate::signature::Signature;

/// A built-in function.
pub(crate) struct Entry {
    pub name: &'static str,
    /// What it takes; see [`Signature`].
    signature: &'static str,
    parsed: OnceLock<Option<Signature>>,
    /// How many arguments a higher-order function gives it.
    pub arity: usize,
    /// How many parameters a partial application sees; the reference reads them off the function's
    /// text, and in one case cannot.
    pub formals: Option<usize>,
    /// Which arguments are whole numbers, which Step Functions cuts off where they are not.
    whole: &'static [usize],
    call: Native,
}

pub(crate) type Builtin = &'static Entry;

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "${}", self.name)
    }
}

impl Entry {
    /// Calls the function, its arguments already checked.
    pub fn run(&self, evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
        if evaluator.profile.is_step_functions() {
            for index in self.whole {
                if let Some(argument) = call.args.get_mut(*index)
                    && let Some(number) = argument.as_number()
                    && number.trunc() != number
                {
                    *argument = Item::number(number.trunc());
                }
            }
        }
        (self.call)(evaluator, call)
    }

    pub fn signature(&self) -> Option<&Signature> {
        self.parsed.get_or_init(|| Signature::parse(self.signature).ok()).as_ref()
    }
}

type Native = fn(&mut Evaluator<'_>, Call<'_>) -> Step<Item>;

const fn entry(name: &'static str, signature: &'static str, arity: usize, call: Native) -> Entry {
    let formals = Some(if arity == 0 { 1 } else { arity });
    Entry { name, signature, parsed: OnceLock::new(), arity, formals, whole: &[], call }
}

/// A function some of whose arguments are whole numbers.
const fn entry_of_whole(
    name: &'static str,
    signature: &'static str,
    arity: usize,
    whole: &'static [usize],
    call: Native,
) -> Entry {
    Entry { name, signature, parsed: OnceLock::new(), arity, formals: Some(arity), whole, call }
}

/// A function whose parameters the reference cannot read off, because one has a default.
const fn entry_without_formals(
    name: &'static str,
    signature: &'static str,
    arity: usize,
    call: Native,
) -> Entry {
    Entry { name, signature, parsed: OnceLock::new(), arity, formals: None, whole: &[], call }
}

/// The functions of JSONata 2.0.6. Adding one ends here.
pub(crate) static JSONATA: [Entry; 65] = [
    entry("sum", "<a<n>:n>", 1, number::sum),
    entry("count", "<a:n>", 1, array::count),
    entry("max", "<a<n>:n>", 1, number::max),
    entry("min", "<a<n>:n>", 1, number::min),
    entry("average", "<a<n>:n>", 1, number::average),
    entry_without_formals("string", "<x-b?:s>", 1, string::string),
    entry_of_whole("substring", "<s-nn?:s>", 3, &[1, 2], text::substring),
    entry("substringBefore", "<s-s:s>", 2, text::substring_before),
    entry("substringAfter", "<s-s:s>", 2, text::substring_after),
    entry("lowercase", "<s-:s>", 1, text::lowercase),
    entry("uppercase", "<s-:s>", 1, text::uppercase),
    entry("length", "<s-:n>", 1, text::length),
    entry("trim", "<s-:s>", 1, text::trim),
    entry_of_whole("pad", "<s-ns?:s>", 3, &[1], text::pad),
    entry_of_whole("match", "<s-f<s:o>n?:a<o>>", 3, &[2], matching::matches),
    entry("contains", "<s-(sf):b>", 2, matching::contains),
    entry_of_whole("replace", "<s-(sf)(sf)n?:s>", 4, &[3], matching::replace),
    entry_of_whole("split", "<s-(sf)n?:a<s>>", 3, &[2], matching::split),
    entry("join", "<a<s>s?:s>", 2, text::join),
    entry("formatNumber", "<n-so?:s>", 3, format_number::format_number),
    entry_of_whole("formatBase", "<n-n?:s>", 2, &[1], number::format_base),
    entry("formatInteger", "<n-s:s>", 2, datetime::format_integer),
    entry("parseInteger", "<s-s:n>", 2, datetime::parse_integer),
    entry("number", "<(nsb)-:n>", 1, number::number),
    entry("floor", "<n-:n>", 1, number::floor),
    entry("ceil", "<n-:n>", 1, number::ceil),
    entry_of_whole("round", "<n-n?:n>", 2, &[1], number::round),
    entry("abs", "<n-:n>", 1, number::abs),
    entry("sqrt", "<n-:n>", 1, number::sqrt),
    entry("power", "<n-n:n>", 2, number::power),
    entry("random", "<:n>", 0, number::random),
    entry("boolean", "<x-:b>", 1, value::boolean),
    entry("not", "<x-:b>", 1, value::not),
    entry("map", "<af>", 2, higher::map),
    entry("zip", "<a+>", 0, array::zip),
    entry("filter", "<af>", 2, higher::filter),
    entry("single", "<af?>", 2, higher::single),
    entry("reduce", "<afj?:j>", 3, higher::reduce),
    entry("sift", "<o-f?:o>", 2, higher::sift),
    entry("keys", "<x-:a<s>>", 1, object::keys),
    entry("lookup", "<x-s:x>", 2, object::lookup),
    entry("append", "<xx:a>", 2, array::append),
    entry("exists", "<x:b>", 1, value::exists),
    entry("spread", "<x-:a<o>>", 1, object::spread),
    entry("merge", "<a<o>:o>", 1, object::merge),
    entry("reverse", "<a:a>", 1, array::reverse),
    entry("each", "<o-f:a>", 2, higher::each),
    entry("error", "<s?:x>", 1, value::error),
    entry("assert", "<bs?:x>", 2, value::assert),
    entry("type", "<x:s>", 1, value::type_of),
    entry("sort", "<af?:a>", 2, higher::sort),
    entry("shuffle", "<a:a>", 1, array::shuffle),
    entry("distinct", "<x:x>", 1, array::distinct),
    entry("base64encode", "<s-:s>", 1, encoding::base64_encode),
    entry("base64decode", "<s-:s>", 1, encoding::base64_decode),
    entry("encodeUrlComponent", "<s-:s>", 1, encoding::encode_url_component),
    entry("encodeUrl", "<s-:s>", 1, encoding::encode_url),
    entry("decodeUrlComponent", "<s-:s>", 1, encoding::decode_url_component),
    entry("decodeUrl", "<s-:s>", 1, encoding::decode_url),
    entry("eval", "<sx?:x>", 2, value::eval),
    entry("toMillis", "<s-s?:n>", 2, datetime::to_millis),
    entry("fromMillis", "<n-s?s?:s>", 3, datetime::from_millis),
    entry("clone", "<(oa)-:o>", 1, value::clone),
    entry("now", "<s?s?:s>", 2, datetime::now),
    entry("millis", "<:n>", 0, datetime::millis),
];

/// A function as a value.
#[derive(Debug, Clone)]
pub(crate) enum Function {
    Native(Builtin),
    Lambda(Rc<Lambda>),
    Matcher(Rc<Matcher>),
    /// `next` of a match.
    Next(Rc<NextMatch>),
    Transform(Rc<Transform>),
    Partial(Rc<Partial>),
    /// A function that was given as an argument: called from there it has no context.
    Wrapped(Rc<Function>),
    /// A call in tail position that is still to be made.
    Thunk(Rc<Thunk>),
}

#[derive(Debug)]
pub(crate) struct Lambda {
    pub parameters: Arc<[Arc<str>]>,
    pub signature: Option<Arc<Signature>>,
    pub body: Arc<Node>,
    pub input: Item,
    pub frame: FrameRef,
    pub depth: u16,
    /// Where it was called last.
    pub called_at: Cell<Option<usize>>,
}

#[derive(Debug)]
pub(crate) struct Transform {
    pub code: Arc<TransformCode>,
    pub frame: FrameRef,
}

#[derive(Debug)]
pub(crate) struct Thunk {
    pub call: Arc<Invocation>,
    pub input: Item,
    pub frame: FrameRef,
}

/// A function that is no lambda, with some of its arguments.
#[derive(Debug)]
pub(crate) struct Partial {
    pub of: Function,
    pub args: Vec<Option<Item>>,
    depth: u16,
}

fn deeper(depth: u16) -> Step<u16> {
    if depth >= NESTING_MAX {
        return Err(Raised::text(OUTPUT, format!("a function nests deeper than {NESTING_MAX} levels")));
    }
    Ok(depth + 1)
}

impl Lambda {
    pub fn new(code: &LambdaCode, input: &Item, frame: &FrameRef) -> Step<Lambda> {
        Ok(Lambda {
            parameters: code.parameters.clone(),
            signature: code.signature.clone(),
            body: code.body.clone(),
            input: input.clone(),
            frame: frame.clone(),
            depth: deeper(input.depth())?,
            called_at: Cell::new(None),
        })
    }
}

impl Partial {
    pub fn new(of: Function, args: Vec<Option<Item>>) -> Step<Partial> {
        let deepest = args.iter().flatten().map(Item::depth).max().unwrap_or(0).max(of.depth());
        Ok(Partial { of, args, depth: deeper(deepest)? })
    }
}

impl Function {
    /// How many arguments a higher-order function gives it.
    pub fn arity(&self) -> usize {
        match self {
            Function::Native(builtin) => builtin.arity,
            Function::Lambda(lambda) => lambda.parameters.len(),
            Function::Matcher(_) => 2,
            Function::Next(_) | Function::Thunk(_) => 0,
            Function::Transform(_) => 1,
            Function::Partial(partial) => partial.args.iter().filter(|arg| arg.is_none()).count(),
            Function::Wrapped(inner) => inner.arity(),
        }
    }

    pub fn wrapped(self) -> Function {
        match self {
            Function::Wrapped(_) => self,
            other => Function::Wrapped(Rc::new(other)),
        }
    }

    /// Whether the reference represents the function by an object rather than a JavaScript function.
    pub fn is_object(&self) -> bool {
        match self {
            Function::Native(_)
            | Function::Lambda(_)
            | Function::Transform(_)
            | Function::Partial(_)
            | Function::Thunk(_) => true,
            Function::Matcher(_) | Function::Next(_) | Function::Wrapped(_) => false,
        }
    }

    pub fn depth(&self) -> u16 {
        match self {
            Function::Lambda(lambda) => lambda.depth,
            Function::Partial(partial) => partial.depth,
            Function::Wrapped(inner) => inner.depth(),
            Function::Native(_)
            | Function::Matcher(_)
            | Function::Next(_)
            | Function::Transform(_)
            | Function::Thunk(_) => 0,
        }
    }

    pub fn is_same(&self, other: &Function) -> bool {
        match (self, other) {
            (Function::Native(a), Function::Native(b)) => std::ptr::eq(*a, *b),
            (Function::Lambda(a), Function::Lambda(b)) => Rc::ptr_eq(a, b),
            (Function::Matcher(a), Function::Matcher(b)) => Rc::ptr_eq(a, b),
            (Function::Next(a), Function::Next(b)) => Rc::ptr_eq(a, b),
            (Function::Transform(a), Function::Transform(b)) => Rc::ptr_eq(a, b),
            (Function::Partial(a), Function::Partial(b)) => Rc::ptr_eq(a, b),
            (Function::Wrapped(a), Function::Wrapped(b)) => Rc::ptr_eq(a, b),
            (Function::Thunk(a), Function::Thunk(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// A call of a built-in function: its arguments, already checked, and where it was made.
pub(crate) struct Call<'c> {
    pub args: Vec<Item>,
    pub input: &'c Item,
    pub frame: &'c FrameRef,
}

impl Call<'_> {
    pub fn arg(&self, index: usize) -> &Item {
        self.args.get(index).unwrap_or(&Item::Undefined)
    }

    pub fn take(&mut self, index: usize) -> Item {
        self.args.get_mut(index).map(std::mem::take).unwrap_or_default()
    }

    /// An argument that the signature has checked; a partial application gets around it.
    fn mismatch<T>(&self, index: usize) -> Step<T> {
        Err(Raised::index("T0410", index + 1, self.arg(index).shown()))
    }

    pub fn text(&self, index: usize) -> Step<Option<Arc<str>>> {
        match self.arg(index) {
            Item::Undefined => Ok(None),
            item => match item.as_text() {
                Some(text) => Ok(Some(text.clone())),
                None => self.mismatch(index),
            },
        }
    }

    pub fn number(&self, index: usize) -> Step<Option<f64>> {
        match self.arg(index) {
            Item::Undefined => Ok(None),
            item => match item.as_number() {
                Some(number) => Ok(Some(number)),
                None => self.mismatch(index),
            },
        }
    }

    pub fn function(&self, index: usize) -> Step<Option<Function>> {
        match self.arg(index) {
            Item::Undefined => Ok(None),
            Item::Function(function) => Ok(Some(function.clone())),
            _ => self.mismatch(index),
        }
    }

    /// An array, of which undefined is none.
    pub fn array(&mut self, index: usize) -> Step<Option<Item>> {
        match self.take(index) {
            Item::Undefined => Ok(None),
            item if item.is_array() => Ok(Some(item)),
            item => {
                self.args[index] = item;
                self.mismatch(index)
            }
        }
    }
}
