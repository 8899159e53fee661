//! What the server tells an operator: one line for each thing that happened.

use std::sync::Arc;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody has to act.
    Error,
    /// Somebody may want to look.
    Warn,
    /// Good to know.
    Info,
    /// For whoever looks for something.
    Debug,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// How much it matters.
    pub level: Level,
    /// A stable name in snake case: `request`, `request_refused`, `accept_failed`,
    /// `connection_panicked`, `signature_refused`, `sign_in_refused`, `signed_in`, `signed_out`.
    pub event: &'static str,
    /// What happened, in words; may be empty.
    pub message: &'a str,
    /// What else is known. Texts may hold anything a client sent, so they need escaping.
    pub fields: &'a [(&'static str, &'a str)],
}

/// Takes lines. Called from many threads; must be quick.
pub type Log = Arc<dyn Fn(&LogLine<'_>) + Send + Sync>;
