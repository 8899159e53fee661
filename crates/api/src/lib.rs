//! The operations of Step Functions: one file each, one list ([`operations::ALL`]).
//!
//! A call comes in as the name of an operation, who calls, and the bytes of a JSON body; it goes
//! out as JSON text or as an [`Exception`], the only spelling of AWS's errors. Beside the operations
//! there are watches, which tell what happens as it happens. There is no HTTP
//! here, and nothing is read or written but through the engine.
//!
//! Order of checks, as with AWS: the body is JSON; the caller may do this; its members have their types;
//! all members satisfy the service model; names and ARNs are well formed and the caller's own; the thing exists.

mod access;
mod configuration;
mod definitions;
mod exception;
mod history;
mod identity;
mod json_reason;
mod metrics;
mod mock;
mod names;
pub mod operations;
mod page;
mod reply;
mod request;
mod routing;
mod watches;

pub use access::{Principal, only_reads};
pub use exception::{Exception, ExceptionKind};
pub use identity::{Identity, Role};
pub use names::Caller;
pub use watches::{ExecutionWatch, News, PlaceWatch};

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stepwell_engine::Engine;
use stepwell_model::Limits;
use tokio::sync::{Semaphore, watch};

/// AWS's model of the operations as a table: names, types and constraints. What its lines say is told
/// where it is written, in `tools/api_model.py`. Tests hold the operations against it.
pub const MODEL: &str = include_str!("../tests/model.txt");

/// A counter of a part that the API does not know, for [`Api::metrics`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Its name, such as `stepwell_execution_log_records_written_total`.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub help: &'static str,
    /// How many there were since the start.
    pub value: u64,
}

/// Reads the counters of parts that the API does not know.
pub type MoreCounters = Arc<dyn Fn() -> Vec<Counter> + Send + Sync>;

/// A task that somebody has answered by hand, for the log of whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskAnswered {
    /// The ARN of its execution; `None` if that is gone already.
    pub execution_arn: Option<String>,
    /// The name of the user who answered; `None` with an open server.
    pub user: Option<String>,
    /// `SUCCEED` or `FAIL`.
    pub outcome: &'static str,
    /// What the user had to say about it.
    pub note: Option<Arc<str>>,
}

/// Hears of tasks that were answered by hand.
pub type OnTaskAnswered = Arc<dyn Fn(&TaskAnswered) + Send + Sync>;

/// How the API is set up.
#[derive(Clone)]
pub struct Options {
    /// The limits in force.
    pub limits: Limits,
    /// What the tokens of pages are sealed with: the store's key, so that a caller may go on after
    /// a restart where it was.
    pub secret: [u8; 32],
    /// How long `GetActivityTask` waits for a task: 60 seconds with AWS.
    pub poll_wait: Duration,
    /// Further counters for the metrics.
    pub more_counters: MoreCounters,
    /// Hears of tasks that were answered by hand.
    pub on_task_answered: OnTaskAnswered,
}

impl Options {
    /// AWS's limits and waits, with this secret.
    pub fn new(secret: [u8; 32]) -> Options {
        Options {
            limits: Limits::default(),
            secret,
            poll_wait: Duration::from_secs(60),
            more_counters: Arc::new(Vec::new),
            on_task_answered: Arc::new(|_| ()),
        }
    }
}

/// The body of a call, read or not.
pub struct Body(Result<request::Request, Exception>);

impl Body {
    /// Reads a body. What is wrong with it is told when the call is done.
    pub fn read(bytes: &[u8]) -> Body {
        Body(request::Request::parse(bytes))
    }
}

/// All operations over one engine.
pub struct Api {
    engine: Engine,
    limits: Limits,
    poll_wait: Duration,
    pages: page::Seal,
    draining: watch::Sender<bool>,
    /// How many watches may read at the same time.
    looks: Arc<Semaphore>,
    counters: metrics::Counters,
    more_counters: MoreCounters,
    on_task_answered: OnTaskAnswered,
}

impl Api {
    /// The operations over `engine`.
    pub fn new(engine: Engine, options: Options) -> Api {
        Api {
            engine,
            limits: options.limits,
            poll_wait: options.poll_wait,
            pages: page::Seal::new(&options.secret),
            draining: watch::Sender::new(false),
            looks: watches::looks(),
            counters: metrics::Counters::new(),
            more_counters: options.more_counters,
            on_task_answered: options.on_task_answered,
        }
    }

    /// Does one call: `operation` as AWS names it (`StartExecution`), or as we do with our own prefix
    /// (`Stepwell.ListExpressExecutions`); `body` as it came.
    ///
    /// Dropping the future gives up waiting: what the engine has taken in by then it still does,
    /// but a task that nobody waits for any more is not handed out. Must run on a tokio runtime.
    pub async fn call(&self, operation: &str, caller: &Caller, body: &[u8]) -> Result<String, Exception> {
        self.perform(operation, caller, Body::read(body)).await
    }

    /// The same for a body that has been read, so that its bytes need not be kept while a worker waits.
    pub async fn perform(&self, operation: &str, caller: &Caller, body: Body) -> Result<String, Exception> {
        let Some((index, known)) = operations::all().find(|(_, known)| known.name == operation) else {
            return Err(Exception::unknown_operation(""));
        };
        let result = match body.0 {
            Ok(request) => match access::check(operation, caller, &request) {
                Ok(()) => (known.run)(Call { api: self, caller, request: &request }).await,
                Err(exception) => Err(exception),
            },
            Err(exception) => Err(exception),
        };
        self.counters.count(index, result.as_ref().err());
        result
    }

    /// From now on long polls end at once with nothing, and watches end, so that a server can stop.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the engine takes calls; if not, why.
    pub fn health(&self) -> Result<(), String> {
        self.engine.health()
    }

    /// Counters and gauges in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        metrics::text(&self.counters, &self.engine.stats(), &(self.more_counters)())
    }
}

/// One call on its way through an operation.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    api: &'a Api,
    caller: &'a Caller,
    request: &'a request::Request,
}

/// Does blocking work where it does not hold other calls up.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Exception> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Exception::new(ExceptionKind::InternalFailure, "The call could not be finished"))
}

/// Seconds since the epoch, for the age of tokens.
pub(crate) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
