//! Watching: what happens, told as it happens. No operation of AWS; what a caller may see is decided
//! as for the operations that show the same.
//!
//! | watch | is told | needs |
//! |---|---|---|
//! | [`ExecutionWatch`] | the execution, first and whenever its status or its redrives change; its history from an event on | `states:GetExecutionHistory` on the execution |
//! | [`PlaceWatch`] | which state machines changed, or executions of them | `states:ListStateMachines` |
//!
//! Nothing is read before it is asked for, and nothing queues: a watch that nobody reads from costs
//! nothing, and hears of everything at once when it is read from again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use stepwell_engine::{EngineError, ExecutionProgress, ExecutionReader, ExecutionWatcher, PlaceWatcher};
use stepwell_model::{ExecutionStatus, HistoryEvent};
use stepwell_value::Value;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::reply::Reply;
use crate::request::{Request, Text};
use crate::{Api, Caller, Exception, access, aside, history, names};

/// How many history events one message has at most.
const EVENTS_MAX: usize = 1_000;

/// How many of them are read at once. They come with their payloads, of which no message has any: of a
/// thousand these may be hundreds of megabytes, for each who watches.
const READ_EVENTS: usize = 50;

/// How many watches read at the same time. What one decision recorded is read as a whole, and that may be
/// fifty megabytes; reading is quick, so nobody waits for long.
const LOOKS_MAX: usize = 4;

/// How much time an execution is given to get on before it is looked at again: a busy one is told in
/// steps, not commit by commit.
const STEP: Duration = Duration::from_millis(25);

/// How much time lies between two messages about changes at least.
const CHANGES_STEP: Duration = Duration::from_millis(250);

/// What a watch tells; the text is JSON in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How an execution is.
    Execution(String),
    /// What is new of its history.
    History {
        /// The id of the last event: what a watch that goes on from here begins after.
        last_event_id: u64,
        /// `{"events":[...]}`, as in `GetExecutionHistory` without execution data.
        json: String,
    },
    /// The watch of a place has begun: what happens from now on will be told.
    Hello(String),
    /// `{"stateMachineArns":[...]}`.
    Changes(String),
}

/// Watches a Standard execution, also across its end: it may be redriven.
pub struct ExecutionWatch {
    watcher: ExecutionWatcher,
    execution_arn: Arc<str>,
    /// The last event that was read.
    after: u64,
    /// What was last told of the execution.
    told: Option<Told>,
    /// Whether there may be more than was read.
    is_behind: bool,
    looked_at: Instant,
    ready: VecDeque<News>,
    draining: watch::Receiver<bool>,
    looks: Arc<Semaphore>,
}

/// Bounds how many watches read at the same time.
pub(crate) fn looks() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LOOKS_MAX))
}

/// What makes an execution worth telling again: status, and number of redrives.
type Told = (ExecutionStatus, u64);

impl ExecutionWatch {
    /// The next news. `None` once there will be none: the execution is gone, or cannot be read, or the
    /// engine or the server stops. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return Some(news);
            }
            if !self.is_behind {
                tokio::select! {
                    changed = self.watcher.changed() => changed.ok()?,
                    () = over(&mut self.draining) => return None,
                }
                self.is_behind = true;
            }
            if *self.draining.borrow() {
                return None;
            }
            if self.told.is_some() {
                tokio::time::sleep_until(self.looked_at).await;
            }
            let (reader, arn) = (self.watcher.reader().clone(), self.execution_arn.clone());
            let (after, told) = (self.after, self.told);
            let turn = self.looks.clone().acquire_owned().await.ok()?;
            let look = move || {
                // Until it is done, also if nobody waits for it any more.
                let _turn = turn;
                Look::take(&reader, &arn, after, told)
            };
            let look = aside(look).await;
            let Look { told, after, is_behind, news } = look.ok()?.ok()?;
            (self.told, self.after, self.is_behind) = (Some(told), after, is_behind);
            self.ready = news;
            // What is behind is not held up.
            self.looked_at = Instant::now() + if is_behind { Duration::ZERO } else { STEP };
        }
    }
}

/// What came of one look at an execution.
struct Look {
    told: Told,
    after: u64,
    is_behind: bool,
    news: VecDeque<News>,
}

impl Look {
    fn take(
        reader: &ExecutionReader,
        arn: &str,
        after: u64,
        told: Option<Told>,
    ) -> Result<Look, EngineError> {
        let mut progress = reader.progress(after, READ_EVENTS)?;
        let (now, end) = ((progress.status, progress.redrive_count), progress.last_event_id);
        let mut news = VecDeque::new();
        if told != Some(now) {
            news.push_back(News::Execution(execution_json(reader, arn, &progress)));
        }
        let mut last = after;
        let mut events: Vec<(u64, String)> = Vec::new();
        loop {
            events.extend(std::mem::take(&mut progress.events).iter().map(event_json));
            last = events.last().map_or(last, |(id, _)| *id);
            if last >= end || events.len() >= EVENTS_MAX {
                break;
            }
            progress = reader.progress(last, READ_EVENTS)?;
        }
        for events in events.chunks(EVENTS_MAX) {
            let last_event_id = events.last().map_or(last, |(id, _)| *id);
            let texts: Vec<&str> = events.iter().map(|(_, json)| json.as_str()).collect();
            let json = format!(r#"{{"events":[{}]}}"#, texts.join(","));
            news.push_back(News::History { last_event_id, json });
        }
        Ok(Look { told: now, after: last, is_behind: last < end, news })
    }
}

/// The id of an event, and the event without its payloads.
fn event_json(event: &HistoryEvent) -> (u64, String) {
    let mut reply = Reply::object();
    history::write_event(&mut reply, event, false);
    (event.id, reply.finish())
}

fn execution_json(reader: &ExecutionReader, arn: &str, progress: &ExecutionProgress) -> String {
    let key = reader.key();
    let mut reply = Reply::object();
    reply.text("executionArn", arn);
    reply.text("stateMachineArn", &names::machine_arn(&key.machine));
    reply.text("name", &key.name);
    reply.text("status", progress.status.as_str());
    reply.moment("startDate", progress.started_at);
    reply.maybe_moment("stopDate", progress.closed_at);
    reply.number("redriveCount", progress.redrive_count);
    reply.number("lastEventId", progress.last_event_id);
    reply.finish()
}

/// Watches the caller's account and region.
pub struct PlaceWatch {
    watcher: PlaceWatcher,
    has_begun: bool,
    /// When the next message may go out.
    not_before: Instant,
    draining: watch::Receiver<bool>,
}

impl PlaceWatch {
    /// The next news, first that the watch has begun. `None` once the engine or the server stops. Dropping
    /// the future loses nothing.
    pub async fn next(&mut self) -> Option<News> {
        if !self.has_begun {
            self.has_begun = true;
            return Some(News::Hello("{}".to_owned()));
        }
        let changed = async {
            tokio::time::sleep_until(self.not_before).await;
            self.watcher.changed().await
        };
        let machines = tokio::select! {
            machines = changed => machines.ok()?,
            () = over(&mut self.draining) => return None,
        };
        self.not_before = Instant::now() + CHANGES_STEP;
        let arns = machines.iter().map(names::machine_arn).map(Arc::from).collect::<Vec<Arc<str>>>();
        let mut reply = Reply::object();
        reply.texts_under_any_key("stateMachineArns", &arns);
        Some(News::Changes(reply.finish()))
    }
}

/// Waits until the server stops.
async fn over(draining: &mut watch::Receiver<bool>) {
    // Gone without a word it stops as well.
    let _ = draining.wait_for(|draining| *draining).await;
}

impl Api {
    /// Watches the execution that `execution_arn` names, its history from behind the event `after` on
    /// (0: all of it).
    ///
    /// # Errors
    ///
    /// As `GetExecutionHistory`.
    pub async fn watch_execution(
        &self,
        caller: &Caller,
        execution_arn: &str,
        after: u64,
    ) -> Result<ExecutionWatch, Exception> {
        let action = "GetExecutionHistory";
        let body = format!(r#"{{"executionArn":{}}}"#, Value::from(execution_arn));
        let request = Request::parse(body.as_bytes())?;
        access::check(action, caller, &request)?;
        let mut members = request.members();
        let arn = members.required("executionArn", &Text::ARN);
        members.check()?;
        let key = names::execution(caller, &arn, action)?;
        let engine = self.engine.clone();
        let watcher = aside(move || engine.watch_execution(&key)).await?;
        Ok(ExecutionWatch {
            watcher: watcher.map_err(|error| Exception::of_engine(error, &arn))?,
            execution_arn: arn,
            after,
            told: None,
            is_behind: true,
            looked_at: Instant::now(),
            ready: VecDeque::new(),
            draining: self.draining.subscribe(),
            looks: self.looks.clone(),
        })
    }

    /// Watches what changes in the caller's account and region.
    ///
    /// # Errors
    ///
    /// As `ListStateMachines`.
    pub async fn watch_place(&self, caller: &Caller) -> Result<PlaceWatch, Exception> {
        access::check("ListStateMachines", caller, &Request::parse(b"{}")?)?;
        let watcher = self.engine.watch_place(&caller.place).await;
        let watcher = watcher.map_err(|error| Exception::of_engine(error, ""))?;
        Ok(PlaceWatch {
            watcher,
            has_begun: false,
            not_before: Instant::now(),
            draining: self.draining.subscribe(),
        })
    }
}
