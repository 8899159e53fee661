//! The runner: takes tasks for Lambda, has them run, tells how they ended.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stepwell_lambda::{Call, Kind};
use stepwell_model::{Failure, TaskRef};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::config::Functions;
use crate::interpreter::Interpreters;
use crate::lambda::{self, Ending};
use crate::log::OnLog;
use crate::pool::{Pool, Run, SHUTTING_DOWN, Surroundings};
use crate::worker::closed;

/// How long after the end of a drain the invocations that were cut off may take to be told of.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// What can be set about a runner.
#[derive(Clone)]
pub struct Options {
    /// The Python interpreter; by default the one on the `PATH`.
    pub python: Option<PathBuf>,
    /// The Node.js executable; by default the one on the `PATH`.
    pub node: Option<PathBuf>,
    /// `AWS_REGION` of the processes.
    pub region: String,
    /// How long a worker may wait for its next invocation before it is let go.
    pub idle_patience: Duration,
    /// Whether a function that is not listed makes the task fail with
    /// `Lambda.ResourceNotFoundException`. If not, another integration may know it.
    pub refuses_unknown: bool,
    /// Hears what functions print.
    pub on_log: OnLog,
}

/// Interpreters of the `PATH`, `us-east-1`, five minutes, unknown functions refused, lines dropped.
impl Default for Options {
    fn default() -> Options {
        Options {
            python: None,
            node: None,
            region: "us-east-1".to_owned(),
            idle_patience: Duration::from_secs(300),
            refuses_unknown: true,
            on_log: Arc::new(|_| {}),
        }
    }
}

/// An invocation that a shutdown ended while it ran: whether it did its work cannot be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutOff {
    /// The function.
    pub function: Arc<str>,
    /// The request id of the invocation.
    pub request_id: Arc<str>,
}

/// Runs Lambda functions as processes of this machine. Dropping it kills them all.
pub struct FunctionRunner {
    inner: Arc<Inner>,
}

struct Inner {
    handle: Handle,
    pools: HashMap<Arc<str>, Pool>,
    surroundings: Arc<Surroundings>,
    refuses_unknown: bool,
    flights: Mutex<HashMap<u64, Waiting>>,
    flight_numbers: AtomicU64,
    /// How many invocations are under way or wait for their turn.
    flight_count: watch::Sender<usize>,
    cut_off: Mutex<Vec<CutOff>>,
}

/// An invocation as `cancel` sees it.
struct Waiting {
    task: TaskRef,
    /// Told when the outcome no longer matters.
    cancelled: Arc<Notify>,
}

impl FunctionRunner {
    /// A runner of these functions, whose work is done on `handle`.
    pub fn new(functions: Functions, handle: Handle, options: Options) -> Arc<FunctionRunner> {
        let surroundings = Arc::new(Surroundings {
            interpreters: Interpreters::new(options.python, options.node),
            region: options.region,
            on_log: options.on_log,
            closing: watch::Sender::new(false),
            started: AtomicU64::new(0),
        });
        let pool = |(name, function)| (name, Pool::new(function, surroundings.clone()));
        let pools = functions.by_name.into_iter().map(pool).collect();
        let inner = Arc::new(Inner {
            handle,
            pools,
            surroundings,
            refuses_unknown: options.refuses_unknown,
            flights: Mutex::default(),
            flight_numbers: AtomicU64::new(0),
            flight_count: watch::Sender::new(0),
            cut_off: Mutex::default(),
        });
        inner.handle.spawn(reap(Arc::downgrade(&inner), options.idle_patience));
        Arc::new(FunctionRunner { inner })
    }

    /// Ends cleanly: waits up to `patience` for the invocations under way, then kills every process.
    /// Those that were cut off have the outcome [`TaskOutcome::Unknown`] and come back, sorted; those
    /// that had not begun fail with `Lambda.SdkClientException`, as does what is started afterwards.
    pub async fn drain(&self, patience: Duration) -> Vec<CutOff> {
        let inner = &self.inner;
        let mut count = inner.flight_count.subscribe();
        // The sender lives as long as `self`, so the only error is that the time is over.
        let _ = tokio::time::timeout(patience, count.wait_for(|count| *count == 0)).await;
        inner.surroundings.closing.send_replace(true);
        let _ = tokio::time::timeout(CLOSE_PATIENCE, count.wait_for(|count| *count == 0)).await;
        inner.pools.values().for_each(Pool::renew);
        let mut cut_off = std::mem::take(&mut *inner.cut_off.lock().expect("held for a moment only"));
        cut_off.sort();
        cut_off
    }

    /// Has all functions begin anew with their next invocation, after their code has changed.
    /// Invocations under way end as they are.
    pub fn renew(&self) {
        self.inner.pools.values().for_each(Pool::renew);
    }

    /// How many workers of a function wait for an invocation; `None` if it is not listed.
    pub fn idle_workers(&self, function: &str) -> Option<usize> {
        self.inner.pools.get(function).map(Pool::idle_count)
    }
}

impl Drop for FunctionRunner {
    fn drop(&mut self) {
        self.inner.surroundings.closing.send_replace(true);
        self.inner.pools.values().for_each(Pool::renew);
    }
}

/// See the crate's documentation for what `cancel` does.
impl Integration for FunctionRunner {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let call = match stepwell_lambda::read(request)? {
            Ok(call) => call,
            Err(failure) => return Some(Err(failure)),
        };
        match self.inner.pools.get(&call.name) {
            Some(pool) => Some(Ok(Target {
                name: pool.function.name.clone(),
                slots: pool.function.concurrency,
                idempotent: pool.function.idempotent,
            })),
            None => self.inner.refuses_unknown.then(|| Err(call.not_found())),
        }
    }

    fn start(&self, request: TaskRequest, done: Done) {
        let call = match stepwell_lambda::read(&request) {
            Some(Ok(call)) => Arc::new(call),
            Some(Err(failure)) => return done(TaskOutcome::Failed(failure)),
            None => {
                let resource = request.resource.event_resource();
                return done(TaskOutcome::Failed(Failure::runtime(format!(
                    "{resource} is not a Lambda function"
                ))));
            }
        };
        if !self.inner.pools.contains_key(&call.name) {
            return done(TaskOutcome::Failed(call.not_found()));
        }
        let mut flight = Flight::begin(self.inner.clone(), request.task, done);
        match call.kind {
            Kind::DryRun => return flight.tell(lambda::accepted(&call, epoch_seconds())),
            Kind::Event => flight.tell(lambda::accepted(&call, epoch_seconds())),
            Kind::RequestResponse => {}
        }
        self.inner.handle.spawn(fly(flight, call));
    }

    fn cancel(&self, task: TaskRef) {
        for waiting in self.inner.flights().values().filter(|waiting| waiting.task == task) {
            waiting.cancelled.notify_one();
        }
    }
}

impl Inner {
    fn flights(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.flights.lock().expect("nothing panics while it holds the lock")
    }
}

/// One invocation from start to end. Whatever becomes of it, `done` is called once.
struct Flight {
    inner: Arc<Inner>,
    number: u64,
    done: Option<Done>,
    cancelled: Arc<Notify>,
}

impl Flight {
    fn begin(inner: Arc<Inner>, task: TaskRef, done: Done) -> Flight {
        let number = inner.flight_numbers.fetch_add(1, Ordering::SeqCst);
        let cancelled = Arc::new(Notify::new());
        inner.flights().insert(number, Waiting { task, cancelled: cancelled.clone() });
        inner.flight_count.send_modify(|count| *count += 1);
        Flight { inner, number, done: Some(done), cancelled }
    }

    fn tell(&mut self, outcome: TaskOutcome) {
        if let Some(done) = self.done.take() {
            done(outcome);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Only when the tokio runtime goes away under it.
        self.tell(TaskOutcome::Unknown);
        self.inner.flights().remove(&self.number);
        self.inner.flight_count.send_modify(|count| *count -= 1);
    }
}

async fn fly(mut flight: Flight, call: Arc<Call>) {
    let inner = flight.inner.clone();
    let Some(pool) = inner.pools.get(&call.name) else { return };
    let mut closing = inner.surroundings.closing.subscribe();
    let not_sent = |why: &str| Run { ending: Ending::NotSent(why.to_owned()), log: String::new() };
    let run = tokio::select! {
        biased;
        () = closed(&mut closing) => not_sent(SHUTTING_DOWN),
        () = flight.cancelled.notified() => not_sent("The attempt was given up before it was sent."),
        permit = pool.permits.acquire() => {
            let run = pool.run(call.clone()).await;
            drop(permit);
            run
        }
    };
    if run.ending == Ending::Unknown && *inner.surroundings.closing.borrow() {
        let cut_off = CutOff { function: call.name.clone(), request_id: call.request_id.clone() };
        inner.cut_off.lock().expect("held for a moment only").push(cut_off);
    }
    flight.tell(lambda::outcome(&call, run.ending, &run.log, epoch_seconds()));
}

async fn reap(inner: Weak<Inner>, patience: Duration) {
    let pause = (patience / 4).clamp(Duration::from_millis(10), Duration::from_secs(30));
    loop {
        tokio::time::sleep(pause).await;
        let Some(inner) = inner.upgrade() else { return };
        for pool in inner.pools.values() {
            pool.reap(patience);
        }
    }
}

fn epoch_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
