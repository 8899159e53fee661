//! AWS's JSONPath dialect: paths, reference paths, payload templates and intrinsic functions.
//!
//! The crate is pure: the input, the context object, the variables and the randomness come in a
//! [`Scope`]. Everything is compiled once ([`Path`], [`ReferencePath`], [`Expression`],
//! [`Template`]) and evaluated often; values are shared, so a path that walks over objects copies
//! one pointer and allocates nothing.
//!
//! # Paths
//!
//! AWS reads paths with Jayway's JsonPath, and an old release of it: a multi-property step in the
//! middle of a path fails there with a message that later releases no longer have. The rules are:
//!
//! - A path starts at `$` (the input), `$$` (the context object) or `$name` (a variable).
//! - A path is **definite** if it can lead to one place only: names, single indexes, and a list of
//!   names at its end (`$['a','b']` picks members into a new object). A definite path that leads
//!   nowhere is a failure.
//! - Every other path is **indefinite** (`*`, `..`, slices, lists of indexes, filters). It gives an
//!   array of what it found, empty if it found nothing, even where its first steps lead nowhere:
//!   `$.no.such[*]` is `[]`.
//! - A name after a dot runs to the next `.`, `[` or `(`, so `$.a-b` is one name. A dot before a
//!   bracket changes nothing: `$.['a']` is `$['a']`.
//! - `..[?(…)]` tests each object below once, and an array below only as a whole.
//! - Filters see a member that is missing as different from everything, `null` included.
//! - A regular expression must match the whole text. It runs in linear time; patterns that cannot
//!   (look-around, back references) are refused when the path is parsed.
//!
//! Two things go beyond what AWS is known to do: the functions at the end of a path (`.length()`,
//! `.sum()`…), which AWS takes for a name that does not exist, and the third part of a slice.
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
