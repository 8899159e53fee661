//! JSONata 2.0.6: a language that queries and transforms JSON.
//!
//! [`Expression::compile`] reads a text once; [`Expression::evaluate`] runs it any number of times, from
//! any number of threads, directly on [`stepwell_value::Value`]: the input is not converted, and results
//! share its nodes.
//!
//! ```
//! use stepwell_jsonata::{Environment, Expression, Profile};
//! use stepwell_value::Value;
//!
//! let orders = Value::parse(
//!     r#"{"orders": [{"id": "a", "price": 10, "quantity": 2}, {"id": "b", "price": 5, "quantity": 1}]}"#,
//! )
//! .unwrap();
//!
//! let total = Expression::compile("$sum(orders.(price * quantity))", &Profile::jsonata()).unwrap();
//! assert_eq!(total.evaluate(&Environment::of(&orders)).unwrap().unwrap().as_i64(), Some(25));
//!
//! let wrong = Expression::compile("orders[0].id + 1", &Profile::jsonata()).unwrap();
//! let error = wrong.evaluate(&Environment::of(&orders)).unwrap_err();
//! assert_eq!(error.to_string(), "T2001: The left side of the \"+\" operator must evaluate to a number");
//! ```
//!
//! **Exact.** The reference is the official JavaScript, `jsonata` 2.0.6: its test cases pass, errors have
//! its codes, texts and tokens, and a differential test compares generated expressions with it.
//!
//! **Bounded.** An evaluation costs what its [`Budget`] allows: steps, depth, memory, size of the result,
//! each checked before it is spent, inside built-in functions too. A caller's clock can end it at any
//! time. Regular expressions are matched in linear time. No expression and no input panics.
//!
//! ```
//! use stepwell_jsonata::{Environment, Expression, Profile};
//!
//! let bomb = Expression::compile("$pad('x', 2e9)", &Profile::jsonata()).unwrap();
//! assert!(bomb.evaluate(&Environment::empty()).unwrap_err().is_budget());
//! ```
//!
//! **Pure.** Time and randomness are given by the caller in the [`Environment`].
//!
//! A [`Profile`] says which dialect is spoken: the language as it is, or as AWS Step Functions has it.
//!
//! # Known differences from the reference
//!
//! - Keys that look like whole numbers keep their place in an object; JavaScript puts them first.
//! - Numbers that are only passed on keep all their digits.
//! - Strings cannot hold half a surrogate pair; `$split(text, '')` gives characters.
//! - Regular expressions that need backtracking are refused (S0303); see [`CompileError`].
//! - An array is never changed: an object constructor leaves an `undefined` in an empty one in JavaScript.
//! - A transform inserts values as they are then; in JavaScript they go on changing with their original.
//! - A width in a date picture that is no number (`[Y,-]`) counts as none; JavaScript writes `NaN`.
//! - The last digit of `$power` may differ, where mathematics libraries do.
//! - Properties that every JavaScript object has (`constructor`, `toString`) are not there.
//! - `*` and `**` find nothing inside a function, and a regular expression is not matched against one's
//!   text; to JavaScript it is an object, or has a text.
//! - A partial application of a built-in function goes around its signature. What JavaScript then makes
//!   of arguments of wrong types is T0410 here.
//! - Where a function is not called by its name, an error has the function's own name and no place; in
//!   JavaScript it has those of its last call in the process.
//! - Where JavaScript fails with an error of its own and without a code, the result here is undefined or
//!   an error with the code that fits best.
//! - Several mistakes in one array or object constructor: the first in the text is reported; in
//!   JavaScript it is the one that is found in the fewest turns.

mod ast;
mod budget;
mod compile;
mod compile_finish;
mod datetime;
mod error;
mod evaluate;
mod expression;
mod functions;
mod item;
mod json;
mod lexer;
mod parser;
mod profile;
mod quick;
mod references;
mod regex;
mod signature;
mod stack;

pub use budget::Budget;
pub use error::{CompileError, EvaluateError};
pub use expression::{Environment, Expression, bindings};
pub use profile::Profile;
pub use references::Reference;

/// The examples of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
