//! IAM's JSON policies: who may do what.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {"Effect": "Allow", "Action": "states:*", "Resource": "*"},
//!     {"Effect": "Deny", "Action": "states:StopExecution", "Resource": "arn:aws:states:*:*:execution:Orders:*"}
//!   ]
//! }
//! ```
//!
//! These are the policies of users (identity-based). [`decide`] follows IAM: what no statement
//! allows is not allowed, and one that denies wins over all that allow, in whatever order.
//!
//! [`Policy::parse`] is strict: an element, an operator or a key of a condition that is not known
//! here is an error with its place. A policy that was understood in part would let in what its
//! author meant to keep out.
//!
//! | part | how it matches |
//! |---|---|
//! | `Action`, `NotAction` | `service:Name`, `*` for any text, `?` for one character, case does not matter |
//! | `Resource`, `NotResource` | `*`, or an ARN whose six parts match one by one, with `*` and `?` within each |
//! | `Condition` | all operators and all keys must hold; of several values of a key one must (none, where the operator is negated) |
//!
//! Not supported, and so refused: `Principal` (it belongs to resource-based policies), policy
//! variables (`${aws:username}`), keys of tags.
//!
//! Source: IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic".

mod condition;
mod pattern;
mod read;

pub use condition::ConditionKey;
pub use read::PolicyError;

use condition::Condition;
use pattern::{ActionPattern, ResourcePattern};

/// A policy that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// One of its statements.
#[derive(Debug, Clone, PartialEq)]
struct Statement {
    effect: Effect,
    action: Among<ActionPattern>,
    resource: Among<ResourcePattern>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
enum Among<P> {
    These(Vec<P>),
    AllBut(Vec<P>),
}

impl<P> Among<P> {
    fn includes(&self, matches: impl Fn(&P) -> bool) -> bool {
        match self {
            Among::These(patterns) => patterns.iter().any(matches),
            Among::AllBut(patterns) => !patterns.iter().any(matches),
        }
    }
}

/// What is asked: may this be done to that, under these circumstances?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Such as `states:StartExecution`.
    pub action: &'a str,
    /// An ARN, or `*` for an action that is about no particular thing.
    pub resource: &'a str,
    /// The value of a key of a condition, where the request has one.
    pub context: &'a dyn Fn(ConditionKey) -> Option<String>,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement says anything about it, so it may not be done.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// A [`PolicyError`] about the first thing that is not understood.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        read::policy(text)
    }
}

/// Decides by all these policies together.
pub fn decide<'a>(policies: impl IntoIterator<Item = &'a Policy>, question: &Question<'_>) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
        if statement.applies(question) {
            match statement.effect {
                Effect::Allow => decision = Decision::Allowed,
                Effect::Deny => return Decision::Denied,
            }
        }
    }
    decision
}

impl Statement {
    fn applies(&self, question: &Question<'_>) -> bool {
        self.action.includes(|pattern| pattern.matches(question.action))
            && self.resource.includes(|pattern| pattern.matches(question.resource))
            && self.conditions.iter().all(|condition| condition.holds(question.context))
    }
}
