//! What a shard hears, what comes of its turns, and what is let out once they are durable.

use std::sync::Arc;

use stepwell_model::{Failure, Partition, TaskRef, Timestamp};
use stepwell_store::Chunk;
use stepwell_task::{TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::dispatcher::Poller;
use crate::history_log::LoggedHistory;
use crate::names::Home;
use crate::requests::{ActivityTask, EngineError, ExecutionKey, ExecutionStarted, MachineKey};

/// Where an answer goes. Dropped without one, the engine has stopped.
pub type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What a shard hears.
#[derive(Debug)]
pub enum Message {
    /// Start an execution.
    Start {
        /// Of which machine.
        machine: MachineKey,
        /// Its name, and where that leads; without one it gets a UUID.
        name: Option<(Arc<str>, Home)>,
        /// The partition it is to live in, one of the shard's.
        partition: Partition,
        /// Its input.
        input: Payload,
        /// Hears of it.
        reply: Reply<ExecutionStarted>,
    },
    /// Stop an execution.
    Stop {
        /// Which one.
        key: ExecutionKey,
        /// Where its name leads.
        home: Home,
        /// What the caller gave as error and cause.
        failure: Failure,
        /// Hears when it was closed.
        reply: Reply<Timestamp>,
    },
    /// A task token came back.
    Answer {
        /// The task it was made for.
        task: TaskRef,
        /// What was said.
        answer: TaskAnswer,
        /// Hears whether the task still waited.
        reply: Reply<()>,
    },
    /// An integration tells the outcome of a task.
    Outcome {
        /// Which task.
        task: TaskRef,
        /// Its outcome.
        outcome: TaskOutcome,
    },
    /// A task that was queued has a slot now.
    SlotGranted {
        /// Which task.
        task: TaskRef,
    },
    /// A worker came for a task that was queued.
    HandOut {
        /// Which task.
        task: TaskRef,
        /// The worker.
        poller: Poller,
    },
    /// Answer once all that was decided before is durable.
    Barrier {
        /// Hears that it is.
        reply: Reply<()>,
    },
}

impl Message {
    /// Roughly how many bytes of payload it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Message::Start { input, .. } => input.text().len(),
            Message::Answer { answer: TaskAnswer::Succeeded(output), .. } => output.text().len(),
            Message::Outcome { outcome: TaskOutcome::Succeeded(output), .. } => output.text().len(),
            Message::Stop { .. }
            | Message::Answer { .. }
            | Message::Outcome { .. }
            | Message::SlotGranted { .. }
            | Message::HandOut { .. }
            | Message::Barrier { .. } => 0,
        }
    }
}

/// What was said with a task token.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskAnswer {
    /// It ended well.
    Succeeded(Payload),
    /// It ended badly.
    Failed(Failure),
    /// It lives.
    Heartbeat,
}

/// What came of a turn of a shard: to be written whole, and then let out in this order.
#[derive(Debug, Default)]
pub struct Turn {
    /// Ascending within the shard; what [`Shard::committed`](crate::Shard::committed) is told.
    pub number: u64,
    /// To be written.
    pub chunks: Vec<Chunk>,
    /// To be let out once they, and all turns of the shard before, are durable.
    pub releases: Vec<Release>,
    /// To be told to other shards at once: nothing the world could see.
    pub posts: Vec<(usize, Message)>,
    /// What to count once it is durable.
    pub counts: Counts,
    /// What executions log once it is durable, in the order of what happened.
    pub history: Vec<LoggedHistory>,
}

impl Turn {
    /// Whether there is nothing to write and nothing to let out.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.releases.is_empty()
    }
}

/// What a turn adds to the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Executions started.
    pub started: u64,
    /// Executions closed, by the code of their status.
    pub closed: [u64; 5],
    /// States entered.
    pub transitions: u64,
    /// Events recorded.
    pub events: u64,
}

/// What may happen only once its turn is durable. Dropping one refuses it.
#[derive(Debug)]
pub enum Release {
    /// Answer to a start.
    Started(Reply<ExecutionStarted>, Result<ExecutionStarted, EngineError>),
    /// Answer to a stop.
    Stopped(Reply<Timestamp>, Result<Timestamp, EngineError>),
    /// Answer to all else.
    Done(Reply<()>, Result<(), EngineError>),
    /// A task for a worker.
    HandOut(Reply<Option<ActivityTask>>, TaskRef, ActivityTask),
    /// Send a task.
    RunTask {
        /// By which integration, by its place in the list.
        integration: usize,
        /// What to send.
        request: TaskRequest,
    },
    /// Tell an integration that the outcome of a task no longer matters.
    CancelTask {
        /// Which integration, by its place in the list.
        integration: usize,
        /// Which task.
        task: TaskRef,
    },
}

impl Release {
    /// Lets an answer out; what concerns integrations comes back. That a caller has gone is no
    /// trouble: what was done is done.
    pub fn answer(self) -> Option<Release> {
        match self {
            Release::Started(reply, answer) => {
                let _ = reply.send(answer);
            }
            Release::Stopped(reply, answer) => {
                let _ = reply.send(answer);
            }
            Release::Done(reply, answer) => {
                let _ = reply.send(answer);
            }
            Release::HandOut(reply, _, task) => {
                let _ = reply.send(Ok(Some(task)));
            }
            effect @ (Release::RunTask { .. } | Release::CancelTask { .. }) => return Some(effect),
        }
        None
    }

    /// The same answer's place, with an error in it. Effects vanish.
    pub(crate) fn fail(self, error: EngineError) -> Option<Release> {
        match self {
            Release::Started(reply, _) => Some(Release::Started(reply, Err(error))),
            Release::Stopped(reply, _) => Some(Release::Stopped(reply, Err(error))),
            Release::Done(reply, _) => Some(Release::Done(reply, Err(error))),
            Release::HandOut(reply, ..) => {
                // The worker is told that there is nothing: the task is not to be had.
                let _ = reply.send(Ok(None));
                None
            }
            Release::RunTask { .. } | Release::CancelTask { .. } => None,
        }
    }
}
