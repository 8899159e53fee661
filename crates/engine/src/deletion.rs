//! Deleting a machine: it is marked, what runs is aborted, then it goes.
//!
//! The mark is durable before anything else, so an interrupted deletion is finished by the next
//! run. Revisions stay: the journals of its executions do too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_model::{ExecutionStatus, Failure};
use stepwell_store::ListQuery;
use tokio::sync::oneshot;

use crate::committer::Submission;
use crate::commons::store_error;
use crate::mailbox::Mailbox;
use crate::messages::{Message, Reply};
use crate::options::LogLevel;
use crate::requests::{EngineError, ExecutionKey, Machine};
use crate::runtime::Wires;

/// How many executions are aborted at once.
const PAGE: usize = 500;

/// How long the caller waits for the end of it.
const ANSWER_AFTER: Duration = Duration::from_secs(1);

/// How long to wait when a shard is busy.
const PAUSE: Duration = Duration::from_millis(20);

/// Deletes a machine that is marked, in a thread of its own.
pub(crate) fn spawn(
    wires: &Arc<Wires>,
    changing: &Arc<tokio::sync::Mutex<()>>,
    machine: Arc<Machine>,
    reply: Option<Reply<()>>,
) -> Result<(), EngineError> {
    // The thread must not keep a stopped engine's wires busy for ever: it ends at the first error.
    let (wires, changing) = (wires.clone(), changing.clone());
    let thread = std::thread::Builder::new().name("deletion".to_owned()).spawn(move || {
        let mut caller = Caller { reply, since: Instant::now() };
        match delete(&wires, &changing, &machine, &mut caller) {
            Ok(()) => caller.answer(),
            Err(error) => {
                let text = format!("deleting {} goes on at the next start: {error}", machine.key.name);
                wires.commons.log(LogLevel::Warning, "deletion_interrupted", text, None);
            }
        }
    });
    thread.map(|_| ()).map_err(|error| EngineError::Stopped(format!("a thread cannot be started: {error}")))
}

/// Who asked for it: answered at the end, or when it takes long.
struct Caller {
    reply: Option<Reply<()>>,
    since: Instant,
}

impl Caller {
    fn answer(&mut self) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(Ok(()));
        }
    }

    fn answer_if_long(&mut self) {
        if self.since.elapsed() >= ANSWER_AFTER {
            self.answer();
        }
    }
}

fn delete(
    wires: &Wires,
    changing: &Arc<tokio::sync::Mutex<()>>,
    machine: &Machine,
    caller: &mut Caller,
) -> Result<(), EngineError> {
    // Starts that were let in before the mark was seen are durable after this.
    barrier(wires);
    let query = ListQuery {
        machine: machine.number,
        version: None,
        alias: None,
        status: Some(ExecutionStatus::Running),
        after: None,
        limit: PAGE,
    };
    let mut after = None;
    loop {
        let query = ListQuery { after, ..query.clone() };
        let rows = wires.commons.store.executions(&query).map_err(store_error)?;
        let Some(last) = rows.last() else { break };
        // What is set aside stays open for ever; going on behind it comes to an end all the same.
        after = Some((last.recency(), last.entity));
        let mut answers = Vec::new();
        for row in &rows {
            let key = ExecutionKey { machine: machine.key.clone(), name: row.opening.name.clone() };
            answers.push(stop(wires, key, caller)?);
        }
        for answer in answers {
            match answer.blocking_recv() {
                Ok(Ok(_) | Err(EngineError::Damaged(_) | EngineError::NoSuchExecution)) => (),
                Ok(Err(error)) => return Err(error),
                Err(_dropped) => return Err(wires.commons.stopped_error()),
            }
            caller.answer_if_long();
        }
    }
    let guard = changing.clone().blocking_lock_owned();
    let (reply, gone): (Reply<()>, _) = oneshot::channel();
    let change = wires.commons.catalogue().machine_gone(&machine.key);
    let writes = change.writes();
    let (commons, number) = (wires.commons.clone(), machine.number);
    let seen = move || {
        commons.apply(change);
        commons.metrics.forget(number);
        drop(guard);
        let _ = reply.send(Ok(()));
    };
    wires.commits.submit(Submission::Catalogue(writes, Box::new(seen)));
    gone.blocking_recv().unwrap_or_else(|_dropped| Err(wires.commons.stopped_error()))
}

type Closed = oneshot::Receiver<Result<stepwell_model::Timestamp, EngineError>>;

fn stop(wires: &Wires, key: ExecutionKey, caller: &mut Caller) -> Result<Closed, EngineError> {
    loop {
        if wires.commons.stopped().is_some() {
            return Err(wires.commons.stopped_error());
        }
        let (reply, answer) = oneshot::channel();
        let cause = Failure { error: None, cause: Some("The state machine was deleted.".into()) };
        let (shard, message) = wires.commons.stop(key.clone(), cause, reply);
        match wires.mailboxes[shard].call(message) {
            Ok(()) => return Ok(answer),
            Err(EngineError::Busy) => {
                caller.answer_if_long();
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits until everything that shards had been told before is durable, or the engine has stopped.
pub(crate) fn barrier(wires: &Wires) {
    for answer in barriers(wires) {
        // Dropped means that the engine has stopped.
        let _ = answer.blocking_recv();
    }
}

/// Hear, one for each shard, when everything that it had been told before is durable.
pub(crate) fn barriers(wires: &Wires) -> Vec<oneshot::Receiver<Result<(), EngineError>>> {
    let ask = |mailbox: &Arc<Mailbox>| {
        let (reply, answer) = oneshot::channel();
        mailbox.tell(Message::Barrier { reply });
        answer
    };
    wires.mailboxes.iter().map(ask).collect()
}
