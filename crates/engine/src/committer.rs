//! The one thread that writes: group commit, then release.
//!
//! It takes whatever turns are waiting, of all shards, writes them in one batch, and lets their
//! releases out in order. While it writes, starts gather and shards go on with what does not wait for the
//! disk, so batches grow with the load; and where many come, it lets more of them gather.
//! When a commit fails, its outcome is unknown: everything that waits for it is dropped, which
//! callers hear as [`EngineError::Stopped`](crate::EngineError::Stopped), and nothing is ever
//! written again. The next run finds out what was written.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use stepwell_model::TaskRef;
use stepwell_store::{Batch, CatalogueWrite};
use stepwell_task::{Done, TaskOutcome};

use crate::commons::Commons;
use crate::fail_point::{FailPoint, pass};
use crate::mailbox::Mailbox;
use crate::messages::{Message, Release, Turn};
use crate::metrics::Measured;
use crate::options::LogLevel;

/// A batch of so many chunks shows that many come. With 64 calls under way there are hardly ever as many.
const MANY_CHUNKS: usize = 48;

/// How long more may gather then. Each commit writes the last page of each table and index anew, so fewer
/// commits write less: of a million executions 1,850 bytes each instead of 1,950, as many a second.
const GATHERING: Duration = Duration::from_micros(300);

/// What the committer is given.
pub(crate) enum Submission {
    /// A turn of the shard of this index.
    Turn(usize, Box<Turn>),
    /// A change of the catalogue, and what is to be done once it is durable.
    Catalogue(Vec<CatalogueWrite>, Box<dyn FnOnce() + Send>),
}

/// The queue in front of the committer. Bounded by what shards may have under way.
pub(crate) struct CommitQueue {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    waiting: VecDeque<Submission>,
    closed: bool,
    /// Whether the committer sleeps.
    sleeps: bool,
}

impl CommitQueue {
    pub(crate) fn new() -> CommitQueue {
        let state = State { waiting: VecDeque::new(), closed: false, sleeps: false };
        CommitQueue { state: Mutex::new(state), wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the commit queue")
    }

    /// Adds to the queue; after closing, the submission is dropped.
    pub(crate) fn submit(&self, submission: Submission) {
        let mut state = self.state();
        if !state.closed {
            state.waiting.push_back(submission);
            let sleeps = std::mem::take(&mut state.sleeps);
            drop(state);
            if sleeps {
                self.wake.notify_one();
            }
        }
    }

    /// No more submissions, and nothing that is there is written: their callers hear that the engine
    /// has stopped.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        let dropped = std::mem::take(&mut state.waiting);
        drop(state);
        drop(dropped);
        self.wake.notify_one();
    }

    /// No more submissions: what is there is still written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    /// Puts all that waits into `submissions`, which is empty; its room is used for what comes next.
    /// `false` when there will be nothing any more.
    fn take(&self, submissions: &mut VecDeque<Submission>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            state.sleeps = true;
            state = self.wake.wait(state).expect("nobody panics while holding the commit queue");
        }
        state.sleeps = false;
        std::mem::swap(submissions, &mut state.waiting);
        true
    }
}

/// The committer's thread.
pub(crate) fn run(commons: &Arc<Commons>, queue: &CommitQueue, mailboxes: &[Arc<Mailbox>]) {
    let mut submissions = VecDeque::new();
    while queue.take(&mut submissions) {
        let outcome = match commons.stopped() {
            Some(_) => Ok(0),
            None => commit_and_release(commons, &mut submissions, mailboxes),
        };
        // What was not let out is dropped.
        submissions.clear();
        match outcome {
            Ok(chunks) if chunks >= MANY_CHUNKS => std::thread::sleep(GATHERING),
            Ok(_) => (),
            Err(Stopped) => mailboxes.iter().for_each(|mailbox| mailbox.close()),
        }
    }
}

/// The engine has stopped; the commons know why.
struct Stopped;

/// Says how many chunks were written.
fn commit_and_release(
    commons: &Arc<Commons>,
    submissions: &mut VecDeque<Submission>,
    mailboxes: &[Arc<Mailbox>],
) -> Result<usize, Stopped> {
    let mut batch = Batch::default();
    for submission in submissions.iter_mut() {
        match submission {
            Submission::Turn(_, turn) => {
                gather(&mut batch.chunks, &mut turn.chunks);
                batch.snapshots.append(&mut turn.snapshots);
            }
            Submission::Catalogue(writes, _) => batch.catalogue.append(writes),
        }
    }
    if !batch.chunks.is_empty() || !batch.catalogue.is_empty() {
        pass(FailPoint::BeforeCommit);
        let written = catch_unwind(AssertUnwindSafe(|| commons.store.commit(&batch)));
        let trouble = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_panic) => Some("the store panicked".to_owned()),
        };
        if let Some(reason) = trouble {
            // Said before anything is dropped, so that whoever hears of the drop finds the reason.
            commons.stop_all(reason);
            return Err(Stopped);
        }
        let bytes = batch.chunks.iter().map(|chunk| chunk.body.len()).sum();
        pass(FailPoint::AfterCommit);
        commons.stats.count_commit(batch.chunks.len(), bytes);
    }
    // Before anything is let out: who hears that all is durable may then ask for the logs to be written.
    commons.log_turns(submissions.iter_mut().filter_map(|submission| match submission {
        Submission::Turn(_, turn) => Some(&mut **turn),
        Submission::Catalogue(..) => None,
    }));
    let mut committed = vec![0; mailboxes.len()];
    let mut changed = Vec::new();
    for submission in submissions.iter_mut() {
        if let Submission::Turn(shard, turn) = submission {
            committed[*shard] = turn.number;
            changed.append(&mut turn.changed);
            commons.stats.count(&turn.counts);
            turn.measured.iter().for_each(Measured::count);
        }
    }
    // Before anything is let out, too: who begins to watch after an answer is not told of what led to it.
    commons.changes.tell_chunks(&batch.chunks);
    commons.changes.tell_machines(&changed);
    for submission in submissions.drain(..) {
        match submission {
            Submission::Turn(_, turn) => {
                for release in turn.releases {
                    let_out(commons, release, mailboxes);
                }
            }
            Submission::Catalogue(_, done) => done(),
        }
    }
    // Last: what a shard lets out at once because all before is durable must not overtake what is let out
    // here.
    for (mailbox, turn) in mailboxes.iter().zip(committed) {
        if turn > 0 {
            mailbox.committed(turn);
        }
    }
    Ok(batch.chunks.len())
}

/// Moves all of `from` to the end of `to`; the first ones as they are.
fn gather<T>(to: &mut Vec<T>, from: &mut Vec<T>) {
    if to.is_empty() {
        std::mem::swap(to, from);
    } else {
        to.append(from);
    }
}

/// Lets out what has become durable.
fn let_out(commons: &Arc<Commons>, release: Release, mailboxes: &[Arc<Mailbox>]) {
    let (before, after) = match &release {
        Release::Started(..) | Release::Stopped(..) | Release::Done(..) | Release::ExpressEnded(..) => {
            (FailPoint::BeforeReply, FailPoint::AfterReply)
        }
        Release::HandOut(..) => (FailPoint::BeforeHandOut, FailPoint::AfterHandOut),
        Release::Tell(..) => (FailPoint::BeforeTell, FailPoint::AfterTell),
        Release::RunTask { .. } => (FailPoint::BeforeDispatch, FailPoint::AfterDispatch),
        Release::CancelTask { .. } => (FailPoint::BeforeCancel, FailPoint::AfterCancel),
    };
    pass(before);
    if let Some(effect) = release.answer() {
        perform(commons, effect, mailboxes);
    }
    pass(after);
}

/// Lets out what is no answer.
pub(crate) fn perform(commons: &Arc<Commons>, effect: Release, mailboxes: &[Arc<Mailbox>]) {
    match effect {
        Release::RunTask { integration, request } => {
            let task = request.task;
            let shard = commons.shard_of(task.execution.partition);
            let done = done(commons.clone(), mailboxes[shard].clone(), task);
            let integration = &commons.integrations[integration];
            // If it panics, what it was given is dropped, which says that the outcome is unknown.
            if catch_unwind(AssertUnwindSafe(|| integration.start(request, done))).is_err() {
                let text = "an integration panicked while starting a task".to_owned();
                commons.log(LogLevel::Error, "integration_panicked", text, Some(task.execution));
            }
        }
        Release::CancelTask { integration, task } => {
            let integration = &commons.integrations[integration];
            if catch_unwind(AssertUnwindSafe(|| integration.cancel(task))).is_err() {
                let text = "an integration panicked while cancelling a task".to_owned();
                commons.log(LogLevel::Error, "integration_panicked", text, Some(task.execution));
            }
        }
        Release::Tell(partition, message) => mailboxes[commons.shard_of(partition)].tell(message),
        Release::Started(..)
        | Release::Stopped(..)
        | Release::Done(..)
        | Release::ExpressEnded(..)
        | Release::HandOut(..) => (),
    }
}

/// Tells the shard of an execution the outcome of its task. Dropped without being called, which no
/// integration should do, it says that the outcome is unknown.
fn done(commons: Arc<Commons>, mailbox: Arc<Mailbox>, task: TaskRef) -> Done {
    struct Teller {
        commons: Arc<Commons>,
        mailbox: Arc<Mailbox>,
        task: TaskRef,
        outcome: TaskOutcome,
    }
    impl Drop for Teller {
        fn drop(&mut self) {
            let outcome = std::mem::replace(&mut self.outcome, TaskOutcome::Unknown);
            if self.commons.leaves_outcomes() {
                return;
            }
            self.mailbox.tell(Message::Outcome { task: self.task, outcome });
        }
    }
    let mut teller = Teller { commons, mailbox, task, outcome: TaskOutcome::Unknown };
    Box::new(move |outcome| {
        teller.outcome = outcome;
        drop(teller);
    })
}
