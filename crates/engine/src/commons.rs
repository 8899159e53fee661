//! What all shards and all callers share.
//!
//! Everything here is either fixed, or behind a short lock that nobody holds while waiting. From
//! here calls are addressed: a name or a token leads to a partition, a partition to its shard.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

use stepwell_model::{EntityId, Failure, PARTITIONS, Partition, Resource, TaskRef, Timestamp, error_names};
use stepwell_store::{HighMarks, Store, StoreError};
use stepwell_task::{Integration, Target, TaskRequest};

use crate::catalogue::{Catalogue, Change, Resolved, Revision};
use crate::changes::Changes;
use crate::dispatcher::Dispatcher;
use crate::keys::Keys;
use crate::messages::{Message, Reply, StartEar, TaskAnswer};
use crate::metrics::Metrics;
use crate::options::{EngineOptions, LogEvent, LogLevel};
use crate::recent::Recent;
use crate::requests::{
    EngineError, ExecutionKey, ExecutionStarted, Machine, MachineKey, Place, StartExecution,
};
use crate::stats::{EngineStats, Stats};

/// What all shards share. The engine makes one; so does the simulator, which has no threads.
pub struct Commons {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) integrations: Vec<Arc<dyn Integration>>,
    pub(crate) options: EngineOptions,
    pub(crate) keys: Keys,
    pub(crate) stats: Stats,
    /// Who is told what was committed.
    pub(crate) changes: Changes,
    pub(crate) metrics: Metrics,
    /// Express executions that ended last.
    pub(crate) recent: Recent,
    /// How many Express executions are under way in shards.
    pub(crate) express_open: AtomicU64,
    /// What was committed when this run began.
    pub(crate) high_marks: HighMarks,
    /// When this run began.
    pub(crate) server_started_at: Timestamp,
    /// Signalled when the last task gives its slot back.
    pub(crate) quiet: Condvar,
    catalogue: RwLock<Catalogue>,
    dispatcher: Mutex<Dispatcher>,
    last_row: AtomicU64,
    /// The last number given to an entity.
    last_number: AtomicU64,
    next_partition: AtomicU64,
    stopped: OnceLock<String>,
    /// What was closed before this moment, in milliseconds since the epoch, is gone.
    pub(crate) expired_before: AtomicU64,
    /// Whether outcomes are left for the next run.
    outcomes_left: AtomicBool,
}

/// Where a request would go.
pub(crate) enum Reach {
    /// To a target, by the integration at this place in the list.
    Target(usize, Target),
    /// Nowhere: the task fails with this.
    Nowhere(Failure),
}

impl Commons {
    /// Reads what an engine knows by heart.
    pub fn open(
        store: Arc<dyn Store>,
        integrations: Vec<Arc<dyn Integration>>,
        options: EngineOptions,
        now: Timestamp,
    ) -> Result<Commons, EngineError> {
        let high_marks = store.high_marks().map_err(store_error)?;
        let entries = store.catalogue().map_err(store_error)?;
        let (counted, entries): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| Metrics::is_key(key));
        let catalogue = Catalogue::load(&entries).map_err(EngineError::Damaged)?;
        let numbers = catalogue.numbers();
        let metrics = Metrics::load(&counted, |machine| numbers.contains_key(&machine));
        let options = EngineOptions { shards: options.shards.clamp(1, usize::from(PARTITIONS)), ..options };
        let recent = Recent::new(&options, now.max(high_marks.at))
            .map_err(|error| EngineError::Stopped(format!("a thread cannot be started: {error}")))?;
        Ok(Commons {
            keys: Keys::of(&store.identity()),
            stats: Stats::new(options.shards),
            changes: Changes::default(),
            metrics,
            recent,
            express_open: AtomicU64::new(0),
            server_started_at: now.max(high_marks.at),
            quiet: Condvar::new(),
            catalogue: RwLock::new(catalogue),
            dispatcher: Mutex::new(Dispatcher::default()),
            last_row: AtomicU64::new(high_marks.row),
            last_number: AtomicU64::new(high_marks.number),
            next_partition: AtomicU64::new((options.seed)()),
            stopped: OnceLock::new(),
            expired_before: AtomicU64::new(0),
            outcomes_left: AtomicBool::new(false),
            high_marks,
            store,
            integrations,
            options,
        })
    }

    /// The shard that owns a partition.
    pub fn shard_of(&self, partition: Partition) -> usize {
        usize::from(partition) % self.options.shards
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.options.shards
    }

    /// The integrations, in the order in which they are asked.
    pub fn integrations(&self) -> &[Arc<dyn Integration>] {
        &self.integrations
    }

    /// The catalogue, to be read.
    pub fn catalogue(&self) -> RwLockReadGuard<'_, Catalogue> {
        self.catalogue.read().expect("nobody panics while changing the catalogue")
    }

    /// The catalogue, to be changed by what is durable.
    pub fn catalogue_mut(&self) -> RwLockWriteGuard<'_, Catalogue> {
        self.catalogue.write().expect("nobody panics while changing the catalogue")
    }

    /// A change of the catalogue is durable: others see it from now on.
    pub(crate) fn apply(&self, change: Change) {
        let machine = change.machine().cloned();
        self.catalogue_mut().apply(change);
        if let Some(machine) = machine {
            self.changes.tell_machine(&machine);
        }
    }

    /// What was counted.
    pub fn stats(&self) -> EngineStats {
        self.stats.read()
    }

    /// The queues.
    pub fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher.lock().expect("nobody panics while holding the dispatcher")
    }

    /// The machine of this key, if it takes executions.
    pub fn machine_in_service(&self, key: &MachineKey) -> Result<Arc<Machine>, EngineError> {
        match self.catalogue().machine(key) {
            None => Err(EngineError::NoSuchMachine),
            Some(machine) if machine.deleting => Err(EngineError::MachineDeleting),
            Some(machine) => Ok(machine.clone()),
        }
    }

    /// What a start of a machine, of a version or through an alias runs. An alias with two versions
    /// draws one anew at each call.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], also if there is no such version or alias;
    /// [`EngineError::MachineDeleting`]; [`EngineError::Damaged`] if there is no such revision.
    pub fn resolve(&self, key: &MachineKey, qualifier: Option<&str>) -> Result<Resolved, EngineError> {
        self.catalogue().resolve(key, qualifier, || (self.options.seed)())
    }

    /// Addresses a start.
    pub fn start(
        &self,
        request: StartExecution,
        reply: Reply<ExecutionStarted>,
    ) -> Result<(usize, Message), EngineError> {
        self.machine_in_service(&request.machine)?;
        if request.input.text().len() > self.options.limits.payload_bytes_max {
            return Err(EngineError::PayloadTooLarge);
        }
        let name = request.name.clone().map(|name| {
            let key = ExecutionKey { machine: request.machine.clone(), name: name.clone() };
            (name, self.keys.home(&key))
        });
        let partition = name.as_ref().map_or_else(|| self.next_partition(), |(_, home)| home.partition);
        let ear = StartEar::Caller(reply);
        let StartExecution { machine, qualifier, name: _, input, trace_header } = request;
        let message =
            Message::Start { machine, qualifier, name, partition, input, trace_header, parent: None, ear };
        Ok((self.shard_of(partition), message))
    }

    /// The partition of what says of itself where it lives: one after the other.
    pub(crate) fn next_partition(&self) -> Partition {
        (self.next_partition.fetch_add(1, Ordering::Relaxed) % u64::from(PARTITIONS)) as Partition
    }

    /// Addresses a stop.
    pub fn stop(&self, key: ExecutionKey, failure: Failure, reply: Reply<Timestamp>) -> (usize, Message) {
        let home = self.keys.home(&key);
        (self.shard_of(home.partition), Message::Stop { key, home, failure, reply })
    }

    /// Addresses a redrive.
    pub fn redrive(
        &self,
        key: ExecutionKey,
        client_token: Option<Arc<str>>,
        reply: Reply<Timestamp>,
    ) -> (usize, Message) {
        let home = self.keys.home(&key);
        (self.shard_of(home.partition), Message::Redrive { key, home, client_token, reply })
    }

    /// Addresses what was said with a task token.
    pub fn answer(
        &self,
        place: &Place,
        token: &str,
        answer: TaskAnswer,
        reply: Reply<()>,
    ) -> Result<(usize, Message), EngineError> {
        let task = self.keys.task_of(place, token).ok_or(EngineError::InvalidToken)?;
        if let TaskAnswer::Succeeded(output) = &answer
            && output.text().len() > self.options.limits.payload_bytes_max
        {
            return Err(EngineError::PayloadTooLarge);
        }
        Ok((self.shard_of(task.execution.partition), Message::Answer { task, answer, reply }))
    }

    /// The rows of the next `count` chunks, ascending.
    pub(crate) fn rows(&self, count: usize) -> std::ops::RangeInclusive<u64> {
        let count = count as u64;
        let last = self.last_row.fetch_add(count, Ordering::Relaxed);
        last + 1..=last + count
    }

    /// The identity of a new entity of a partition.
    ///
    /// Numbers ascend over all partitions, in the order in which shards take them, so that a store can
    /// append its rows of executions wherever their names have sent them.
    pub(crate) fn new_entity(&self, partition: Partition) -> EntityId {
        EntityId { partition, number: 1 + self.last_number.fetch_add(1, Ordering::Relaxed) }
    }

    /// The revision of this number.
    pub(crate) fn revision(&self, number: u64) -> Option<Arc<Revision>> {
        self.catalogue().revision(number).cloned()
    }

    /// Where a request would go.
    pub(crate) fn reach(&self, request: &TaskRequest) -> Reach {
        for (at, integration) in self.integrations.iter().enumerate() {
            match integration.target(request) {
                None => (),
                Some(Ok(target)) => return Reach::Target(at, target),
                Some(Err(failure)) => return Reach::Nowhere(failure),
            }
        }
        let resource = match &request.resource {
            Resource::Service { service, .. } => format!("{service}:{}", request.resource.event_resource()),
            Resource::Activity { .. } | Resource::LambdaFunction { .. } => request.resource.event_resource(),
        };
        let cause = format!("No integration is configured for the resource {resource}.");
        Reach::Nowhere(Failure::new(NO_INTEGRATION, cause))
    }

    /// The engine stops acknowledging, for good. The first reason is the one that is told.
    pub(crate) fn stop_all(&self, reason: String) {
        if self.stopped.set(reason.clone()).is_ok() {
            self.log(LogLevel::Error, "engine_stopped", reason, None);
            // Also said by a thread that panicked, perhaps while it held this.
            if let Ok(mut dispatcher) = self.dispatcher.lock() {
                dispatcher.drop_pollers();
            }
            self.quiet.notify_all();
            self.changes.end();
        }
    }

    /// From now on what integrations tell is not heard.
    pub(crate) fn leave_outcomes(&self) {
        self.outcomes_left.store(true, Ordering::Release);
    }

    /// Whether what integrations tell is no longer heard.
    pub(crate) fn leaves_outcomes(&self) -> bool {
        self.outcomes_left.load(Ordering::Acquire)
    }

    /// Why the engine has stopped, if it has.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// The error that says so.
    pub(crate) fn stopped_error(&self) -> EngineError {
        EngineError::Stopped(self.stopped().unwrap_or("it was shut down").to_owned())
    }

    pub(crate) fn log(
        &self,
        level: LogLevel,
        event: &'static str,
        message: String,
        execution: Option<EntityId>,
    ) {
        let execution_arn = execution.and_then(|entity| self.execution_arn(entity));
        (self.options.log)(LogEvent { level, event, message, execution_arn });
    }
}

/// No integration knows the resource of a task.
pub const NO_INTEGRATION: &str = "Stepwell.NoIntegration";

/// The failure of a task of which nobody can know whether it happened.
pub(crate) fn outcome_unknown(execution_arn: &str, task: TaskRef, target: &str, now: Timestamp) -> Failure {
    let cause = format!(
        "Whether the call reached {target} cannot be known: the attempt of event {event} of {execution_arn} \
         was started and left without a result at {at}. It was not sent again.",
        event = task.scheduled_event_id,
        at = now.to_rfc3339(),
    );
    Failure::new(error_names::OUTCOME_UNKNOWN, cause)
}

/// A store's error, as callers hear it.
pub(crate) fn store_error(error: StoreError) -> EngineError {
    match error {
        StoreError::Damaged { .. } => EngineError::Damaged(error.to_string()),
        StoreError::Full(_) | StoreError::Io(_) | StoreError::Stopped(_) => {
            EngineError::Stopped(error.to_string())
        }
    }
}
