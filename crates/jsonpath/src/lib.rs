//! AWS's JSONPath dialect: paths, reference paths, payload templates and intrinsic functions.
//!
//! The crate is pure: the input, the context object, the variables and the randomness come in a
//! [`Scope`]. Everything is compiled once ([`Path`], [`ReferencePath`], [`Expression`],
//! [`Template`]) and evaluated often; values are shared, so a path that walks over objects copies
//! one pointer and allocates nothing.
//!
//! # Paths
//!
//! AWS reads paths with Jayway's JsonPath, release 2.0.0 of 2015: it reports `$.list.length()` as a
//! property that is not there, finds nothing at `$.list[-1]`, and takes `$.list[(@.length-1)]`; no
//! later release does any of it. This crate does what that release does, which
//! `conformance/jsonpath-differential` checks. The rules are:
//!
//! - A path starts at `$` (the input), `$$` (the context object) or `$name` (a variable).
//! - A path is **definite** if it can lead to one place only: names, single indexes,
//!   `[(@.length-1)]`, and a list of names at its end (`$['a','b']` picks members into a new
//!   object). A definite path that leads nowhere is a failure.
//! - Every other path is **indefinite** (`*`, `..`, slices, lists of indexes, filters) and gives an
//!   array of what it found.
//! - A name that is missing right behind a `*`, `..`, slice or filter, or before one, ends that
//!   branch silently, unless the name is the last step. So `$.no.such[*]` is `[]`, but
//!   `$.list[0:2].x` fails if an item has no `x`. Only `*` over an array passes over items in which
//!   the rest leads nowhere. A list of names before the end, an index into what is not an array
//!   and a filter on a scalar always fail.
//! - A name after a dot runs to the next `.`, `[` or blank, so `$.a-b` and `$.length()` are names. A
//!   dot before a bracket changes nothing: `$.['a']` is `$['a']`. There are no
//!   escapes, and no `]` within a name.
//! - A negative index is out of bounds. `[-2:]` and `[:-2]` count from the end, `[-3:-1]` finds
//!   nothing, `[-3:2]` fails. The third part of a slice counts for nothing.
//! - `..` looks at objects and arrays from the top. Behind it an index or a slice that is not the
//!   last step is passed over, and the rest applied to all items: `$..[0].x` is every `x`. So it is
//!   for `*` over arrays, and for a filter that an array as a whole passes.
//! - Filters know `==`, `!=`, `<`, `<=`, `>`, `>=`, `=~`, `&&`, `||` and, before a path alone, `!`.
//!   Brackets count for nothing. Paths in filters are definite; a
//!   path alone asks whether there is something other than `null`.
//! - A comparison with what is missing is false, `!=` too. What stands on the right may be text for
//!   a number or a truth value, in quotes or not; text that is no number fails beside one. `null`
//!   and `'null'` are the same. Arrays and objects compare with themselves only.
//! - A regular expression must match the whole text. It runs in linear time.
//!
//! # Known differences
//!
//! - What only later releases have goes beyond AWS, where it could mean nothing else: functions at the end
//!   of a definite path that would fail (`$.list.length()`; AWS finds no such member), and words between the
//!   operands of a filter (`in`, `nin`, `contains`, `subsetof`, `anyof`, `noneof`, `size`, `empty`).
//! - `$$` and `$name` are AWS's own. Here they work in filters too; of AWS this is not known.
//! - What Jayway's reader skips is refused: a path without `$`, `['a' x 'b']`, `['a']']`. Names in
//!   double quotes are names, as in earlier releases of Stepwell; `["a1"]` is the index 1 there.
//! - `=~` without a pattern, and patterns in comparisons, are refused when the path is parsed, not
//!   when it is evaluated. So are patterns that need backtracking (look-around, back references).
//! - Classes and case in patterns follow Unicode, in Java ASCII.
//!
//! # Bounds
//!
//! Evaluating takes at most [`WORK_MAX`] units of work, one for each value visited, so no
//! expression can hold a thread for long; the recursion is bounded too.
//!
//! # Sources
//!
//! Amazon States Language specification, "Paths", "Reference Paths", "Payload Template" and
//! "Intrinsic Functions"; Developer Guide, "Intrinsic functions"; recorded answers of AWS, which
//! `tests/recorded.rs` replays. Where the texts of failures are not recorded, they are marked so.

mod cursor;
mod error;
mod evaluate;
mod expression;
mod filter;
mod function;
mod intrinsic;
mod java;
mod parse;
mod path;
mod reference;
mod template;

pub use error::{EvaluationError, Problem, SyntaxError, Unreachable};
pub use evaluate::WORK_MAX;
pub use expression::Expression;
pub use path::{Path, Root};
pub use reference::{ReferencePath, Unfit};
pub use template::{Template, TemplateError};

use stepwell_value::Value;

/// What an expression can see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// What `$` means.
    pub input: &'a Value,
    /// What `$$` means; called at most once in an evaluation, and only if it is needed.
    pub context: &'a dyn Fn() -> Value,
    /// What `$name` means; `None` if no such variable has a value.
    pub variable: &'a dyn Fn(&str) -> Option<Value>,
    /// Sixty-four random bits, for `States.UUID` and for `States.MathRandom` without a seed.
    pub random: &'a dyn Fn() -> u64,
}
