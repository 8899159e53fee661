//! What a shard hears, what comes of its turns, and what is let out once they are durable.

use std::sync::Arc;

use stepwell_model::{Failure, Partition, TaskRef, Timestamp};
use stepwell_store::{Chunk, NameKey, Parent, Snapshot};
use stepwell_task::{TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::catalogue::Revision;
use crate::dispatcher::Poller;
use crate::express::{ExpressStart, ExpressUnderWay};
use crate::history_log::LoggedHistory;
use crate::metrics::Measured;
use crate::names::Home;
use crate::requests::{
    ActivityTask, EngineError, ExecutionKey, ExecutionStarted, ExecutionView, ExpressEnded, MachineKey,
};
use crate::shard::Loan;

/// Where an answer goes. Dropped without one, the engine has stopped.
pub type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What a shard hears.
#[derive(Debug)]
pub enum Message {
    /// Start an execution.
    Start {
        /// Of which machine.
        machine: MachineKey,
        /// Of which version, or through which alias.
        qualifier: Option<Arc<str>>,
        /// Its name, and where that leads; without one it gets a UUID.
        name: Option<(Arc<str>, Home)>,
        /// The partition it is to live in, one of the shard's.
        partition: Partition,
        /// Its input.
        input: Payload,
        /// `traceHeader`.
        trace_header: Option<Arc<str>>,
        /// The task that starts it, to be written down.
        parent: Option<Parent>,
        /// Hears of it.
        ear: StartEar,
    },
    /// Start an Express execution, durably.
    StartExpress {
        /// Which one.
        start: Box<ExpressStart>,
        /// What its start is found by, if the start may be said again.
        name_key: Option<NameKey>,
        /// Hears of it.
        ear: StartEar,
    },
    /// Run an Express execution for a task of another execution, of which nothing is written.
    RunExpress {
        /// Which one.
        start: Box<ExpressStart>,
        /// The task.
        parent: TaskRef,
    },
    /// Carry on an Express execution that began elsewhere.
    AdoptExpress(Box<ExpressUnderWay>),
    /// The task that runs an Express execution is over: the execution is too.
    DropExpress {
        /// The task.
        parent: TaskRef,
    },
    /// Something is told to a task about the execution that it started.
    Child {
        /// The task.
        task: TaskRef,
        /// What.
        news: ChildNews,
    },
    /// A task waits for the end of an execution that it started earlier.
    Watch {
        /// The execution.
        key: ExecutionKey,
        /// Where its name leads.
        home: Home,
        /// The task.
        parent: TaskRef,
    },
    /// An execution asks whether the task that started it, or a later one of the same parent, still waits for
    /// its end.
    AskParent {
        /// The execution.
        key: ExecutionKey,
        /// Where its name leads.
        home: Home,
        /// The task.
        parent: TaskRef,
    },
    /// Stop an execution that a task started and no longer waits for.
    StopChild {
        /// Which one, if it is the task's.
        key: ExecutionKey,
        /// Where its name leads.
        home: Home,
        /// The task.
        parent: TaskRef,
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
    /// Redrive an execution.
    Redrive {
        /// Which one.
        key: ExecutionKey,
        /// Where its name leads.
        home: Home,
        /// What a repeated request is told by.
        client_token: Option<Arc<str>>,
        /// Hears when it was redriven.
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
    /// An execution that was lent is given back.
    Returned(Box<Loan>),
    /// Answer once all that was decided before is durable.
    Barrier {
        /// Hears that it is.
        reply: Reply<()>,
    },
}

impl Message {
    /// Whether all that it leads to waits for a commit. Not so what concerns, or may concern, an Express
    /// execution under way.
    pub(crate) fn waits_for_commit(&self) -> bool {
        match self {
            Message::Start { .. }
            | Message::StartExpress { .. }
            | Message::Stop { .. }
            | Message::Redrive { .. } => true,
            Message::RunExpress { .. }
            | Message::AdoptExpress(_)
            | Message::DropExpress { .. }
            | Message::Child { .. }
            | Message::Watch { .. }
            | Message::AskParent { .. }
            | Message::StopChild { .. }
            | Message::Answer { .. }
            | Message::Outcome { .. }
            | Message::SlotGranted { .. }
            | Message::HandOut { .. }
            | Message::Returned(_)
            | Message::Barrier { .. } => false,
        }
    }

    /// Roughly how many bytes of payload it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Message::Start { input, .. } => input.text().len(),
            Message::StartExpress { start, .. } | Message::RunExpress { start, .. } => {
                start.input.text().len()
            }
            Message::Answer { answer: TaskAnswer::Succeeded(output), .. } => output.text().len(),
            Message::Outcome { outcome: TaskOutcome::Succeeded(output), .. } => output.text().len(),
            Message::Stop { .. }
            | Message::StopChild { .. }
            | Message::Redrive { .. }
            | Message::Answer { .. }
            | Message::Outcome { .. }
            | Message::SlotGranted { .. }
            | Message::HandOut { .. }
            | Message::AdoptExpress(_)
            | Message::DropExpress { .. }
            | Message::Child { .. }
            | Message::Watch { .. }
            | Message::AskParent { .. }
            | Message::Returned(_)
            | Message::Barrier { .. } => 0,
        }
    }
}

/// Who hears of a start.
#[derive(Debug)]
pub enum StartEar {
    /// A caller.
    Caller(Reply<ExecutionStarted>),
    /// A task of another execution.
    Parent(Parent),
}

/// Who hears of the end of an Express execution.
#[derive(Debug)]
pub enum ExpressEar {
    /// A caller.
    Caller(Reply<ExpressEnded>),
    /// A task of another execution.
    Task(TaskRef),
    /// Nobody: it was started asynchronously.
    Nobody,
}

/// What a task hears of the execution that it started.
#[derive(Debug)]
pub enum ChildNews {
    /// It was started, or not.
    Started(Result<ChildStarted, EngineError>),
    /// It ended.
    Ended(Result<Box<ExecutionView>, EngineError>),
    /// It was an Express one, and ended.
    ExpressEnded(Result<Box<ExpressEnded>, EngineError>),
}

/// An execution that a task started.
#[derive(Debug)]
pub struct ChildStarted {
    /// Its ARN.
    pub(crate) arn: Arc<str>,
    /// When.
    pub(crate) started_at: Timestamp,
    /// What it is stopped by if the task that was to wait for its end no longer does.
    pub(crate) stop: Option<(ExecutionKey, Home)>,
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
    /// To be written with them; none without chunks.
    pub snapshots: Vec<Snapshot>,
    /// To be let out once they, and all turns of the shard before, are durable.
    pub releases: Vec<Release>,
    /// To be told to other shards at once: nothing the world could see.
    pub posts: Vec<(usize, Message)>,
    /// To be let out at once: what concerns Express executions, of which nothing is written.
    pub at_once: Vec<Release>,
    /// What to count once it is durable.
    pub counts: Counts,
    /// What became of executions, to be counted for their machines once it is durable.
    pub measured: Vec<Measured>,
    /// What executions log once it is durable, in the order of what happened.
    pub history: Vec<LoggedHistory>,
    /// Revisions of whose machines the lists of executions are other than before once it is durable.
    /// Empty while nobody watches.
    pub changed: Vec<Arc<Revision>>,
    /// To be decided on other threads, and given back: nothing that was decided so far waits for that.
    pub loans: Vec<Loan>,
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
    /// Executions redriven.
    pub redriven: u64,
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
    /// Answer to a stop or a redrive.
    Stopped(Reply<Timestamp>, Result<Timestamp, EngineError>),
    /// Answer to all else.
    Done(Reply<()>, Result<(), EngineError>),
    /// A task for a worker.
    HandOut(Reply<Option<ActivityTask>>, TaskRef, ActivityTask),
    /// Tell another shard, or the same.
    Tell(Partition, Message),
    /// Answer with the end of an Express execution.
    ExpressEnded(Reply<ExpressEnded>, Result<ExpressEnded, EngineError>),
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
            Release::ExpressEnded(reply, answer) => {
                let _ = reply.send(answer);
            }
            effect @ (Release::RunTask { .. } | Release::CancelTask { .. } | Release::Tell(..)) => {
                return Some(effect);
            }
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
            Release::ExpressEnded(reply, _) => Some(Release::ExpressEnded(reply, Err(error))),
            Release::Tell(partition, Message::Child { task, news: ChildNews::Started(_) }) => {
                let news = ChildNews::Started(Err(error));
                Some(Release::Tell(partition, Message::Child { task, news }))
            }
            Release::RunTask { .. } | Release::CancelTask { .. } | Release::Tell(..) => None,
        }
    }
}
