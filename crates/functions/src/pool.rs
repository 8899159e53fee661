//! The workers of one function: started when needed, used again, let go when idle for long.
//!
//! At most `concurrency` invocations run at once; the others wait for their turn in order. A worker
//! that crashed, ran out of time or could not get ready is not used again. Each invocation starts
//! one worker at most and gets that worker's error, so a function that cannot start does not spin.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stepwell_lambda::Call;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::config::{Function, Host, Runtime};
use crate::endpoint;
use crate::interpreter::Interpreters;
use crate::lambda::{Ending, platform_error, timed_out, too_large};
use crate::log::OnLog;
use crate::runtime_api::RESPONSE_BYTES_MAX;
use crate::worker::{Ended, Start, Worker, closed};

/// What all pools share.
pub(crate) struct Surroundings {
    pub interpreters: Interpreters,
    pub region: String,
    pub on_log: OnLog,
    /// True once no more invocations are to be run.
    pub closing: watch::Sender<bool>,
    /// How many workers were ever started.
    pub started: AtomicU64,
}

pub(crate) struct Pool {
    pub function: Arc<Function>,
    pub permits: Semaphore,
    surroundings: Arc<Surroundings>,
    idle: Mutex<Vec<Idle>>,
    /// Workers of an earlier generation are not used again.
    generation: AtomicU64,
}

struct Idle {
    worker: Worker,
    since: Instant,
    generation: u64,
}

/// How an invocation ended, with the end of its log.
pub(crate) struct Run {
    pub ending: Ending,
    pub log: String,
}

impl Run {
    fn without_log(ending: Ending) -> Run {
        Run { ending, log: String::new() }
    }
}

/// What is said of an invocation that came when the server was going.
pub(crate) const SHUTTING_DOWN: &str = "The server is shutting down; nothing was sent.";

impl Pool {
    pub fn new(function: Arc<Function>, surroundings: Arc<Surroundings>) -> Pool {
        Pool {
            permits: Semaphore::new(function.concurrency),
            function,
            surroundings,
            idle: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().expect("nothing panics while it holds the lock")
    }

    /// Runs an invocation for which the caller holds a permit.
    pub async fn run(&self, call: Arc<Call>) -> Run {
        match &self.function.host {
            Host::Endpoint { uri } => {
                let mut closing = self.surroundings.closing.subscribe();
                tokio::select! {
                    biased;
                    ending = endpoint::call(uri, &call, self.function.timeout) => Run::without_log(ending),
                    () = closed(&mut closing) => Run::without_log(Ending::Unknown),
                }
            }
            Host::Process { runtime, handler, code } => {
                self.run_process(&call, *runtime, handler, code).await
            }
        }
    }

    async fn run_process(&self, call: &Arc<Call>, runtime: Runtime, handler: &str, code: &Path) -> Run {
        let mut closing = self.surroundings.closing.subscribe();
        loop {
            let generation = self.generation.load(Ordering::SeqCst);
            let (mut worker, fresh) = match self.take() {
                Some(worker) => (worker, false),
                None => match self.start_worker(runtime, handler, code).await {
                    Ok(worker) => (worker, true),
                    Err(why) => {
                        let ending = platform_error("Runtime.InvalidEntrypoint", &call.request_id, &why);
                        return Run::without_log(ending);
                    }
                },
            };
            let timeout = self.function.timeout;
            let ended = worker.invoke(call.clone(), timeout, &mut closing).await;
            let log = if call.log_tail { worker.log_tail().await } else { String::new() };
            let ending = match ended {
                // It went away between two invocations; this one it never saw.
                Ended::Exited { taken: false, .. } if !fresh => continue,
                Ended::Exited { how, .. } => platform_error("Runtime.ExitError", &call.request_id, &how),
                Ended::TimedOut => timed_out(&call.request_id, timeout),
                Ended::InitFailed(error) => Ending::Failed(error),
                Ended::CutOff { taken: true } => Ending::Unknown,
                Ended::CutOff { taken: false } => Ending::NotSent(SHUTTING_DOWN.to_owned()),
                Ended::Returned(body) => {
                    self.park(worker, generation);
                    Ending::Returned(body)
                }
                Ended::Failed(error) => {
                    self.park(worker, generation);
                    Ending::Failed(error)
                }
                Ended::ReturnedTooMuch => {
                    self.park(worker, generation);
                    too_large(RESPONSE_BYTES_MAX)
                }
            };
            return Run { ending, log };
        }
    }

    async fn start_worker(&self, runtime: Runtime, handler: &str, code: &Path) -> Result<Worker, String> {
        let surroundings = &self.surroundings;
        let program = surroundings.interpreters.program(runtime, code).await?;
        let start = Start {
            function: &self.function,
            runtime,
            handler,
            code,
            program: &program,
            region: &surroundings.region,
            number: surroundings.started.fetch_add(1, Ordering::SeqCst),
            on_log: surroundings.on_log.clone(),
        };
        let failed = |why| format!("fork/exec {}: {why}", program.display());
        Worker::start(start).await.map_err(failed)
    }

    /// The worker that was used last, of those that still run: the others grow idle and are let go.
    fn take(&self) -> Option<Worker> {
        let generation = self.generation.load(Ordering::SeqCst);
        let mut idle = self.idle();
        while let Some(candidate) = idle.pop() {
            if candidate.generation == generation && !candidate.worker.is_over() {
                return Some(candidate.worker);
            }
        }
        None
    }

    fn park(&self, worker: Worker, generation: u64) {
        let mut idle = self.idle();
        // Looked at under the lock under which the idle ones are let go.
        if !*self.surroundings.closing.borrow() && self.generation.load(Ordering::SeqCst) == generation {
            idle.push(Idle { worker, since: Instant::now(), generation });
        }
    }

    /// Lets workers go that have been idle for `patience`.
    pub fn reap(&self, patience: Duration) {
        self.idle().retain(|idle| idle.since.elapsed() < patience && !idle.worker.is_over());
    }

    /// Lets all idle workers go, and the others when their invocations end.
    pub fn renew(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.idle().clear();
    }

    /// How many running workers wait for an invocation.
    pub fn idle_count(&self) -> usize {
        self.idle().iter().filter(|idle| !idle.worker.is_over()).count()
    }
}
