//! The built-in runner of Lambda functions.
//!
//! It performs `arn:aws:states:::lambda:invoke` (plain and with `.waitForTaskToken`) and tasks whose
//! resource is a function's ARN, for the functions that a functions file lists ([`Functions`]).
//! Handlers are unmodified Lambda handlers: the runner implements the Lambda Runtime API
//! (`runtime_api`), keeps a pool of processes per function (`pool`, `worker`), and brings small
//! programs that run Python and Node.js handlers against that API (`bootstrap/`). A function may
//! also be an HTTP address (`endpoint`). How AWS spells requests, answers and failures is in
//! the crate `lambda`; what only a local platform has to say is in the module of that name.
//!
//! # Promises
//!
//! 1. An invocation is run at most once. Its request id is the task's idempotency key, so that an
//!    attempt which is sent again after a crash bears the same one.
//! 2. No more than `concurrency` invocations of a function run at once.
//! 3. When its time is over, a process is killed with its whole process group; so are all when the
//!    runner is dropped or drained. When the server is killed, the bootstraps for Python and Node.js
//!    notice within a second and end their groups; a runtime of the user's own ends at the latest
//!    when it asks for its next invocation.
//! 4. A process finds nothing of the server's environment in its own but `PATH`, and inherits no
//!    open file.
//! 5. An outcome is unknown only if it is: a call of an endpoint that broke off, or an invocation
//!    that a shutdown cut off while it ran.
//!
//! This is isolation of processes, not a sandbox for hostile code: a handler has the rights of the
//! user that runs the server.
//!
//! # Time-outs and `cancel`
//!
//! A function's `timeout_seconds` ends an invocation. The time-out of a state does not: as with AWS,
//! where Lambda knows nothing of it, a cancelled invocation goes on until it ends or its function's
//! time is over, and keeps its slot until then. One that still waits for its turn is dropped.

mod config;
mod desk;
mod endpoint;
mod interpreter;
mod lambda;
mod log;
mod pool;
mod runner;
mod runtime_api;
mod worker;

pub use config::{ConfigError, Function, Functions, Host, Runtime};
pub use log::{LINE_BYTES_MAX, LogLine, LogStream, OnLog};
pub use runner::{CutOff, FunctionRunner, Options};
