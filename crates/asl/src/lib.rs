//! The Amazon States Language: definitions, what is wrong with them, and their execution.
//!
//! An [`Execution`] is a fold over its journal of private [`Event`]s. [`Execution::handle`] decides:
//! it looks at an input, records events, and changes its state only by applying them; the same
//! `apply` rebuilds it after a restart. Nothing here reads a clock, draws chance, or does I/O: the
//! moment, the seed and the answers to questions are arguments.
//!
//! What AWS shows as history is a projection of the journal: [`project`].

mod apply;
mod branches;
mod chance;
mod codec;
mod context;
mod data;
mod decide;
mod definition;
mod execution;
mod fields;
mod graph;
mod io;
mod journal;
mod projection;
mod query;
mod redrive;
mod resources;
mod retry;
mod snapshot;
mod state;
pub mod test_state;
mod turn;

pub use codec::{CorruptJournal, decode, encode};
pub use definition::{Definition, Diagnostic, Severity, StateId};
pub use execution::Execution;
pub use io::{Effect, Input, Origin, Outstanding, Recorder, Refused, TIMEOUT_GRACE_SECONDS, TaskSpec, World};
pub use journal::{Event, EventKind, Transition};
pub use projection::{project, state_name};
pub use redrive::{CLIENT_TOKEN_SECONDS, CLIENT_TOKENS_MAX};
