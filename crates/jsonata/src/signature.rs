//! Function signatures: what arguments a function takes, and which it finds for itself.
//!
//! The reference makes a regular expression of a signature and matches it against one letter for each
//! argument; the rules here are that expression's, so the quirks are the same.

use std::collections::HashSet;

use stepwell_value::Value;

use crate::error::{Raised, Step};
use crate::item::{Item, List};

const STRING: u8 = 1;
const NUMBER: u8 = 2;
const BOOLEAN: u8 = 4;
const NULL: u8 = 8;
const OBJECT: u8 = 16;
const ARRAY: u8 = 32;
const FUNCTION: u8 = 64;
/// An argument that is undefined.
const MISSING: u8 = 128;

#[derive(Debug, Clone)]
struct Parameter {
    /// The kinds that it takes.
    kinds: u8,
    /// The letter, or `(` for a choice.
    letter: char,
    optional: bool,
    repeated: bool,
    /// Takes as few as it can.
    lazy: bool,
    /// Stands for the context when it is missing, if the context is one of these kinds.
    context: Option<u8>,
    subtype: Option<String>,
}

/// The most parameters that a signature may have; each is a call deep when arguments are checked.
pub(crate) const PARAMETERS_MAX: usize = 64;

/// What a function takes.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    parameters: Vec<Parameter>,
}

fn kind_of(letter: char) -> u8 {
    match letter {
        's' => STRING,
        'n' => NUMBER,
        'b' => BOOLEAN,
        'l' => NULL,
        'o' => OBJECT,
        'a' => ARRAY,
        'f' => FUNCTION,
        'm' => MISSING,
        _ => 0,
    }
}

fn kind(item: &Item) -> u8 {
    match item {
        Item::Undefined => MISSING,
        Item::Value(Value::Null) => NULL,
        Item::Value(Value::Bool(_)) => BOOLEAN,
        Item::Value(Value::Number(_)) | Item::Strange(_) => NUMBER,
        Item::Value(Value::String(_)) => STRING,
        Item::Value(Value::Array(_)) | Item::List(_) => ARRAY,
        Item::Value(Value::Object(_)) | Item::Record(_) => OBJECT,
        Item::Function(_) => FUNCTION,
    }
}

/// Where the bracket that is open at `start` closes, or the end.
fn closing(text: &[char], start: usize, open: char, close: char) -> usize {
    let mut depth = 1;
    let mut at = start;
    while at < text.len() {
        at += 1;
        match text.get(at) {
            Some(letter) if *letter == close => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            Some(letter) if *letter == open => depth += 1,
            _ => {}
        }
    }
    at
}

/// The kinds of a choice. The reference puts it into a class of a regular expression, so a dash makes a
/// range even here.
fn choice_kinds(choice: &str) -> u8 {
    let class: Vec<char> = choice.chars().chain(['m']).collect();
    let mut kinds = MISSING;
    let mut at = 0;
    while at < class.len() {
        let range = class.get(at + 1) == Some(&'-') && at + 2 < class.len();
        let last = if range { class[at + 2] } else { class[at] };
        for letter in ['s', 'n', 'b', 'l', 'o', 'a', 'f'] {
            if (class[at]..=last).contains(&letter) {
                kinds |= kind_of(letter);
            }
        }
        at += if range { 3 } else { 1 };
    }
    kinds
}

impl Signature {
    /// Reads a signature with its angle brackets. The error is a code, a value and an offset.
    /// The offset counts UTF-16 units.
    pub fn parse(text: &str) -> Result<Signature, (&'static str, String, usize)> {
        let text: Vec<char> = text.chars().collect();
        Signature::read(&text).map_err(|(code, value, at)| {
            (code, value, text[..at.min(text.len())].iter().map(|letter| letter.len_utf16()).sum())
        })
    }

    fn read(text: &[char]) -> Result<Signature, (&'static str, String, usize)> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut at = 1;
        // A dash before all parameters is the first one's, and lets any context stand for it, or none if
        // there was another mark before.
        let mut first_context = None;
        let mut first_marked = false;
        while at < text.len() && text[at] != ':' {
            let letter = text[at];
            let all = STRING | NUMBER | BOOLEAN | NULL | FUNCTION | OBJECT | ARRAY | MISSING;
            let kinds = match letter {
                's' | 'n' | 'b' | 'l' | 'o' => Some(kind_of(letter) | MISSING),
                'a' | 'x' => Some(all),
                'f' => Some(FUNCTION),
                'j' => Some(all & !FUNCTION),
                '(' => {
                    let end = closing(text, at, '(', ')');
                    let choice: String = text[(at + 1).min(text.len())..end.min(text.len())].iter().collect();
                    if choice.contains('<') {
                        return Err(("S0402", choice, at));
                    }
                    at = end;
                    Some(choice_kinds(&choice))
                }
                _ => None,
            };
            if kinds.is_some() && parameters.len() == PARAMETERS_MAX {
                return Err(("S0501", letter.to_string(), at));
            }
            match (kinds, parameters.last_mut()) {
                (Some(kinds), _) => parameters.push(Parameter {
                    kinds,
                    letter,
                    optional: false,
                    repeated: false,
                    lazy: false,
                    context: first_context.take(),
                    subtype: None,
                }),
                (None, Some(last)) => match letter {
                    '-' => {
                        // The reference tests the context with an expression that, where it is optional,
                        // finds itself in anything.
                        last.context = Some(if last.optional { u8::MAX } else { last.kinds });
                        last.lazy |= last.optional || last.repeated;
                        last.optional = true;
                    }
                    '?' => {
                        last.lazy |= last.optional || last.repeated;
                        last.optional |= !last.repeated;
                    }
                    '+' => last.repeated = true,
                    '<' if matches!(last.letter, 'a' | 'f') => {
                        let end = closing(text, at, '<', '>');
                        last.subtype = Some(text[(at + 1).min(end)..end.min(text.len())].iter().collect());
                        at = end;
                    }
                    '<' => return Err(("S0401", last.letter.to_string(), at)),
                    _ => {}
                },
                (None, None) if letter == '<' => return Err(("S0401", String::new(), at)),
                (None, None) => {
                    if letter == '-' {
                        first_context = Some(if first_marked { 0 } else { u8::MAX });
                    }
                    first_marked |= matches!(letter, '-' | '?' | '+');
                }
            }
            at += 1;
        }
        Ok(Signature { parameters })
    }

    /// How many steps it takes to check so many arguments.
    pub fn cost(&self, args: usize) -> u64 {
        let repeated = self.parameters.iter().filter(|parameter| parameter.repeated).count();
        let tries = if repeated > 1 { args * args * self.parameters.len() } else { args };
        tries as u64 / 16
    }

    /// How many arguments each of the first `upto` parameters takes, found as a backtracking regular
    /// expression would; `whole` asks that none is left over.
    fn distribute(&self, kinds: &[u8], upto: usize, whole: bool) -> Option<Vec<usize>> {
        let mut counts = vec![0; upto];
        let mut dead = HashSet::new();
        self.place(kinds, 0, 0, whole, &mut counts, &mut dead).then_some(counts)
    }

    /// Tries to give the arguments from `from` on to the parameters from `at` on. What has failed
    /// before is in `dead`, so that nothing is tried twice.
    fn place(
        &self,
        kinds: &[u8],
        at: usize,
        from: usize,
        whole: bool,
        counts: &mut Vec<usize>,
        dead: &mut HashSet<(usize, usize)>,
    ) -> bool {
        if at == counts.len() {
            return !whole || from == kinds.len();
        }
        if dead.contains(&(at, from)) {
            return false;
        }
        let parameter = &self.parameters[at];
        let fitting = kinds[from..].iter().take_while(|kind| **kind & parameter.kinds != 0).count();
        let most = if parameter.repeated { fitting } else { fitting.min(1) };
        let least = usize::from(!parameter.optional);
        let mut attempt = |count: usize| {
            counts[at] = count;
            self.place(kinds, at + 1, from + count, whole, counts, dead)
        };
        let placed = if parameter.lazy {
            (least..=most).any(&mut attempt)
        } else {
            (least..=most).rev().any(&mut attempt)
        };
        if !placed {
            dead.insert((at, from));
        }
        placed
    }

    /// The arguments as the function is to see them: checked, wrapped into arrays, the context added.
    pub fn validate(&self, args: Vec<Item>, context: &Item) -> Step<Vec<Item>> {
        let plain = self.parameters.len() == args.len()
            && self.parameters.iter().zip(&args).all(|(parameter, arg)| {
                !parameter.lazy && !parameter.repeated && kind(arg) & parameter.kinds != 0
            });
        if plain {
            let mut args = args;
            for (index, (parameter, arg)) in self.parameters.iter().zip(&mut args).enumerate() {
                if parameter.letter == 'a' {
                    let own = kind(arg);
                    *arg = parameter.array(std::mem::take(arg), own, &[own], index)?;
                }
            }
            return Ok(args);
        }
        let kinds: Vec<u8> = args.iter().map(kind).collect();
        let Some(counts) = self.distribute(&kinds, self.parameters.len(), true) else {
            return Err(self.mismatch(&args, &kinds));
        };
        let mut out = Vec::with_capacity(args.len());
        // An argument that is left out of an optional parameter moves the arguments on, but not the
        // letters: from there on the two may be apart, as in the reference.
        let mut next = 0;
        let mut letters = 0;
        for (parameter, count) in self.parameters.iter().zip(counts) {
            if count == 0 {
                match parameter.context {
                    Some(allowed) if kind(context) & allowed != 0 => out.push(context.clone()),
                    Some(_) => return Err(Raised::index("T0411", next + 1, context.shown())),
                    None => {
                        out.push(args.get(next).cloned().unwrap_or_default());
                        next += 1;
                    }
                }
                continue;
            }
            let taken = &kinds[letters..letters + count];
            letters += count;
            let first = args.get(next).cloned().unwrap_or_default();
            for own in taken {
                out.push(if parameter.letter == 'a' {
                    let arg = args.get(next).cloned().unwrap_or_default();
                    parameter.array(arg, *own, taken, next)?
                } else {
                    // The reference repeats the first argument here.
                    first.clone()
                });
                next += 1;
            }
        }
        Ok(out)
    }

    fn mismatch(&self, args: &[Item], kinds: &[u8]) -> Box<Raised> {
        let mut good = 0;
        for upto in 1..=self.parameters.len() {
            match self.distribute(kinds, upto, false) {
                None => break,
                Some(counts) => good = counts.iter().sum(),
            }
        }
        Raised::index("T0410", good + 1, args.get(good).and_then(Item::shown))
    }
}

impl Parameter {
    /// An argument for an array: checked for its subtype, and made an array if it is none.
    fn array(&self, arg: Item, own: u8, kinds: &[u8], index: usize) -> Step<Item> {
        if own == MISSING {
            return Ok(Item::Undefined);
        }
        if let Some(subtype) = &self.subtype {
            let letter = subtype.chars().next().unwrap_or(' ');
            let fits = if own == ARRAY {
                let wanted = kind_of(letter);
                match &arg {
                    Item::Value(Value::Array(values)) => {
                        values.iter().all(|value| value_kind(value) == wanted)
                    }
                    Item::List(list) => list.items.iter().all(|item| kind(item) == wanted),
                    _ => true,
                }
            } else {
                kinds.len() == 1 && subtype.chars().count() == 1 && kind_of(letter) == own
            };
            if !fits {
                let mut raised = Raised::index("T0412", index + 1, arg.shown());
                raised.kind = match subtype.as_str() {
                    "a" => Some("arrays"),
                    "b" => Some("booleans"),
                    "f" => Some("functions"),
                    "n" => Some("numbers"),
                    "o" => Some("objects"),
                    "s" => Some("strings"),
                    _ => None,
                };
                return Err(raised);
            }
        }
        if own == ARRAY { Ok(arg) } else { List::single(arg, 0) }
    }
}

fn value_kind(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(_) => NUMBER,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Object(_) => OBJECT,
    }
}
