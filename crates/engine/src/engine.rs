//! The engine, as its callers see it.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::Definition;
use stepwell_model::{EntityId, Failure, TaskRef, Timestamp};
use stepwell_store::Store;
use stepwell_task::Integration;
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::catalogue::{Activity, ActivityKey, Catalogue, CreateActivity, Plan, Updated};
use crate::changes::ExecutionProgress;
use crate::clock::Clock;
use crate::committer::Submission;
use crate::commons::Commons;
use crate::deletion;
use crate::dispatcher::Poller;
use crate::messages::{Message, Reply, TaskAnswer};
use crate::metrics::keeper;
use crate::options::EngineOptions;
use crate::redrive::NotRedrivable;
use crate::requests::{
    ActivityTask, CreateMachine, EngineError, ExecutionKey, ExecutionStarted, ExecutionSummary,
    ExecutionView, History, HistoryOrder, ListCursor, ListExecutions, Machine, MachineKey, ParentTask,
    PinnedMachine, Place, StartExecution, UpdateMachine,
};
use crate::runtime::{Runtime, Wires};
use crate::shard::Shard;
use crate::stats::EngineStats;

/// The engine. Clones share it; when the last one is dropped its threads end, after what was decided
/// has been written.
///
/// Its futures need no runtime of their own: they wait for threads that the engine has. A future
/// that is dropped takes nothing back: what was asked for happens, only nobody hears of it. (A
/// worker that polls is the exception: it gets no task then.)
#[derive(Clone)]
pub struct Engine {
    runtime: Arc<Runtime>,
    /// Held while the catalogue changes: what is planned against must not move.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl Engine {
    /// Takes over what the last run left in `store`, and begins.
    ///
    /// # Errors
    ///
    /// [`EngineError::Damaged`] if the catalogue cannot be read, [`EngineError::Stopped`] if the
    /// store cannot. A damaged journal is no error: its execution is set aside.
    pub fn open(
        store: Arc<dyn Store>,
        integrations: Vec<Arc<dyn Integration>>,
        clock: Arc<dyn Clock>,
        options: EngineOptions,
    ) -> Result<Engine, EngineError> {
        let commons = Arc::new(Commons::open(store, integrations, options, clock.now())?);
        let shards = Shard::open_all(&commons)?;
        let deleting = commons.catalogue().deleting();
        let runtime = Arc::new(Runtime::start(commons, shards, clock)?);
        let engine = Engine { runtime, changing: Arc::default() };
        for machine in deleting {
            deletion::spawn(&engine.runtime.wires, &engine.changing, machine, None)?;
        }
        Ok(engine)
    }

    pub(crate) fn wires(&self) -> &Arc<Wires> {
        &self.runtime.wires
    }

    pub(crate) fn commons(&self) -> &Commons {
        &self.runtime.wires.commons
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wires().clock.now()
    }

    /// Creates a machine; one that is the same in type, definition, logging and tracing comes back
    /// as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError::MachineExists`] if it differs, [`EngineError::MachineDeleting`],
    /// [`EngineError::Stopped`].
    pub async fn create_machine(&self, request: CreateMachine) -> Result<Arc<Machine>, EngineError> {
        let now = self.now();
        self.change(|catalogue| catalogue.plan_create(request, now)).await
    }

    /// Gives a machine a new revision, and a version of it if one is asked for. Executions that run
    /// keep theirs.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::MachineDeleting`],
    /// [`EngineError::TooManyVersions`], [`EngineError::Stopped`].
    pub async fn update_machine(&self, request: UpdateMachine) -> Result<Updated, EngineError> {
        let now = self.now();
        let seed = &self.commons().options.seed;
        let random = (u128::from(seed()) << 64) | u128::from(seed());
        let revision_id = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid().to_string();
        self.change(|catalogue| catalogue.plan_update(request, revision_id.into(), now)).await
    }

    /// Begins to delete a machine: from now on it takes no executions, those that run are aborted,
    /// and then it goes. Comes back when it is gone, or after a second: the rest then happens by
    /// itself, also across a restart. A machine that is not there is no trouble.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`].
    pub async fn delete_machine(&self, key: &MachineKey) -> Result<(), EngineError> {
        let Some(machine) = self.change(|catalogue| Ok(catalogue.plan_delete(key))).await? else {
            return Ok(());
        };
        let (reply, answer) = oneshot::channel();
        deletion::spawn(&self.runtime.wires, &self.changing, machine, Some(reply))?;
        self.hear(answer).await
    }

    /// The machine of this key, also one that is being deleted.
    pub fn machine(&self, key: &MachineKey) -> Option<Arc<Machine>> {
        self.commons().catalogue().machine(key).cloned()
    }

    /// The machines of a place by the time of creation, then by name.
    pub fn machines(&self, place: &Place) -> Vec<Arc<Machine>> {
        self.commons().catalogue().machines(place)
    }

    /// Creates an activity; one that exists and is encrypted alike comes back as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError::ActivityExists`], [`EngineError::Stopped`].
    pub async fn create_activity(&self, request: CreateActivity) -> Result<Activity, EngineError> {
        let now = self.now();
        self.change(|catalogue| catalogue.plan_activity(request, now)).await
    }

    /// Deletes an activity. One that is not there is no trouble.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`].
    pub async fn delete_activity(&self, place: Place, name: Arc<str>) -> Result<(), EngineError> {
        let key = ActivityKey { place, name };
        self.change(|catalogue| Ok(catalogue.plan_activity_gone(&key))).await
    }

    /// The activity of this name.
    pub fn activity(&self, place: &Place, name: &str) -> Option<Activity> {
        let key = ActivityKey { place: place.clone(), name: name.into() };
        self.commons().catalogue().activity(&key).cloned()
    }

    /// The activities of a place by the time of creation, then by name.
    pub fn activities(&self, place: &Place) -> Vec<Activity> {
        self.commons().catalogue().activities(place)
    }

    /// Starts a Standard execution. The same name and input while the first one runs is the same
    /// start.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::MachineDeleting`],
    /// [`EngineError::ExecutionExists`], [`EngineError::PayloadTooLarge`], [`EngineError::Busy`],
    /// [`EngineError::Stopped`], [`EngineError::Damaged`] if the definition can no longer be read.
    pub async fn start(&self, request: StartExecution) -> Result<ExecutionStarted, EngineError> {
        let (reply, answer) = oneshot::channel();
        let (shard, message) = self.commons().start(request, reply)?;
        self.call(shard, message)?;
        self.hear(answer).await
    }

    /// Stops an execution: it is aborted. The answer is when it was closed, also if that was before.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchExecution`], [`EngineError::Busy`], [`EngineError::Stopped`],
    /// [`EngineError::Damaged`].
    pub async fn stop(&self, key: ExecutionKey, failure: Failure) -> Result<Timestamp, EngineError> {
        let (reply, answer) = oneshot::channel();
        let (shard, message) = self.commons().stop(key, failure, reply);
        self.call(shard, message)?;
        self.hear(answer).await
    }

    /// Redrives an execution that ended badly: it goes on from the states it had not left. The answer
    /// is when it was redriven: now, or before by a request with the same client token (one of the last
    /// ten, and of the last quarter of an hour).
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchExecution`], [`EngineError::NotRedrivable`], [`EngineError::Busy`],
    /// [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub async fn redrive(
        &self,
        key: ExecutionKey,
        client_token: Option<Arc<str>>,
    ) -> Result<Timestamp, EngineError> {
        let (reply, answer) = oneshot::channel();
        let (shard, message) = self.commons().redrive(key, client_token, reply);
        self.call(shard, message)?;
        self.hear(answer).await
    }

    /// Why an execution that was read cannot be redriven now; `None` if it can.
    pub fn not_redrivable(&self, view: &ExecutionView) -> Option<NotRedrivable> {
        self.commons().not_redrivable(&view.into(), self.now())
    }

    /// An execution as it is. Reads the store: not for a thread that must not wait.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchExecution`], [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub fn execution(&self, key: &ExecutionKey) -> Result<ExecutionView, EngineError> {
        self.commons().execution(key)
    }

    /// The revision of its machine that an execution is pinned to. Reads the store.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn pinned_machine(&self, key: &ExecutionKey) -> Result<PinnedMachine, EngineError> {
        self.commons().pinned_machine(key)
    }

    /// The definition of a revision, compiled; compiles it if nobody has asked before.
    pub fn compiled(&self, revision: u64) -> Option<Arc<Definition>> {
        let revision = self.commons().catalogue().revision(revision)?.clone();
        revision.parsed().ok().cloned()
    }

    /// The whole history of an execution. Reads the store.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn history(&self, key: &ExecutionKey) -> Result<History, EngineError> {
        self.commons().history(key)
    }

    /// A page of the history of an execution, at most `count` events in the order asked for. Reads the
    /// store, and of it what has these events.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn history_page(
        &self,
        key: &ExecutionKey,
        order: HistoryOrder,
        count: usize,
    ) -> Result<History, EngineError> {
        self.commons().history_page(key, order, count)
    }

    /// An execution as it is, and at least `count` events, if there are so many, after the event `after`
    /// of its history; see [`ExecutionReader::progress`](crate::ExecutionReader::progress). Reads the
    /// store.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn execution_progress(
        &self,
        key: &ExecutionKey,
        after: u64,
        count: usize,
    ) -> Result<ExecutionProgress, EngineError> {
        let entity = self.commons().entity_of(key)?;
        self.commons().execution_progress(entity, after, count)
    }

    /// The task that started an execution; `None` if no task did, or its execution is gone. Reads the
    /// store.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn parent_task(&self, key: &ExecutionKey) -> Result<Option<ParentTask>, EngineError> {
        self.commons().parent_task(key)
    }

    /// A page of the executions of a machine, most recent first, and where the next one begins.
    /// Reads the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub fn executions(
        &self,
        request: ListExecutions,
    ) -> Result<(Vec<ExecutionSummary>, Option<ListCursor>), EngineError> {
        self.commons().executions(&request)
    }

    /// Waits for a task of an activity, `wait` at most; `None` if none came. If the future is dropped
    /// the worker counts as gone and gets no task.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchActivity`], [`EngineError::Stopped`].
    pub async fn poll_activity(
        &self,
        place: Place,
        name: Arc<str>,
        worker_name: Option<Arc<str>>,
        wait: Duration,
    ) -> Result<Option<ActivityTask>, EngineError> {
        let key = Arc::new(ActivityKey { place, name });
        let commons = self.commons();
        if commons.stopped().is_some() {
            return Err(commons.stopped_error());
        }
        if commons.catalogue().activity(&key).is_none() {
            return Err(EngineError::NoSuchActivity);
        }
        let deadline = self.now().after(wait);
        let (reply, answer) = oneshot::channel();
        let (id, found, is_first) = {
            let mut dispatcher = commons.dispatcher();
            let id = dispatcher.new_poller();
            let poller = Poller { id, activity: key, worker_name, deadline, has_chosen: false, reply };
            let found = dispatcher.poll(poller);
            (id, found, dispatcher.next_deadline() == Some(deadline))
        };
        let _place_in_line = PlaceInLine { commons, id };
        match found {
            Some((task, poller)) => {
                let shard = commons.shard_of(task.execution.partition);
                self.wires().mailboxes[shard].tell(Message::HandOut { task, poller });
            }
            // The first shard sends workers away in time; it may be asleep for longer.
            None if is_first => self.wires().mailboxes[0].nudge(),
            None => (),
        }
        self.hear(answer).await
    }

    /// The task of an execution that was scheduled by this event, if there is such a task. Reads the store.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn task(&self, key: &ExecutionKey, scheduled_event_id: u64) -> Result<TaskRef, EngineError> {
        Ok(TaskRef { execution: self.commons().entity_of(key)?, scheduled_event_id })
    }

    /// Hands out one task of an activity, whatever waits before it; `None` if it is not one that waits for
    /// a worker.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`].
    pub async fn take_activity_task(
        &self,
        task: TaskRef,
        worker_name: Option<Arc<str>>,
    ) -> Result<Option<ActivityTask>, EngineError> {
        let (reply, answer) = oneshot::channel();
        let poller = {
            let mut dispatcher = self.commons().dispatcher();
            let Some(activity) = dispatcher.choose(task) else { return Ok(None) };
            let (id, deadline) = (dispatcher.new_poller(), self.now());
            Poller { id, activity, worker_name, deadline, has_chosen: true, reply }
        };
        let shard = self.commons().shard_of(task.execution.partition);
        self.wires().mailboxes[shard].tell(Message::HandOut { task, poller });
        self.hear(answer).await
    }

    /// A task ended well.
    ///
    /// # Errors
    ///
    /// [`EngineError::InvalidToken`], [`EngineError::TaskEnded`], [`EngineError::PayloadTooLarge`],
    /// [`EngineError::Busy`], [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub async fn task_success(&self, place: &Place, token: &str, output: Payload) -> Result<(), EngineError> {
        self.answer(place, token, TaskAnswer::Succeeded(output)).await
    }

    /// A task ended badly.
    ///
    /// # Errors
    ///
    /// As [`Engine::task_success`].
    pub async fn task_failure(
        &self,
        place: &Place,
        token: &str,
        failure: Failure,
    ) -> Result<(), EngineError> {
        self.answer(place, token, TaskAnswer::Failed(failure)).await
    }

    /// The worker of a task lives.
    ///
    /// # Errors
    ///
    /// As [`Engine::task_success`].
    pub async fn task_heartbeat(&self, place: &Place, token: &str) -> Result<(), EngineError> {
        self.answer(place, token, TaskAnswer::Heartbeat).await
    }

    /// The ARN of the activity that a token's task belongs to; `None` if the task is of another kind or
    /// the token none of ours. Reads the store: not for a thread that must not wait.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub fn activity_of_token(&self, place: &Place, token: &str) -> Result<Option<Arc<str>>, EngineError> {
        match self.commons().keys.task_of(place, token) {
            Some(task) => self.commons().activity_of_task(task),
            None => Ok(None),
        }
    }

    async fn answer(&self, place: &Place, token: &str, answer: TaskAnswer) -> Result<(), EngineError> {
        let (reply, heard) = oneshot::channel();
        let (shard, message) = self.commons().answer(place, token, answer, reply)?;
        self.call(shard, message)?;
        self.hear(heard).await
    }

    /// A clean stop: sends nothing new, tells workers that there is nothing, and waits until what is
    /// under way has ended and is durable, `max` at most. What is left counts as unknown when the
    /// store is opened again; the answer names it.
    pub async fn drain(&self, max: Duration) -> Vec<TaskRef> {
        let (reply, answer) = oneshot::channel();
        let wires = self.runtime.wires.clone();
        let spawned = std::thread::Builder::new().name("drain".to_owned()).spawn(move || {
            // The caller may have gone; then nobody needs the list.
            let _ = reply.send(drain(&wires, max));
        });
        match spawned {
            Ok(_) => answer.await.unwrap_or_default(),
            Err(_) => self.commons().dispatcher().running_tasks(),
        }
    }

    /// The ARN of an execution, such as one that [`drain`](Engine::drain) names; `None` if the store
    /// does not know it.
    pub fn execution_arn(&self, entity: EntityId) -> Option<String> {
        self.commons().execution_arn(entity)
    }

    /// What the engine has done and what it holds.
    pub fn stats(&self) -> EngineStats {
        let dispatcher = self.commons().dispatcher();
        let (express_kept, express_not_kept) = self.commons().recent.disk_counts();
        EngineStats {
            express_kept,
            express_not_kept,
            tasks_running: dispatcher.running() as u64,
            tasks_queued: dispatcher.queued() as u64,
            workers_waiting: dispatcher.waiting_workers() as u64,
            ..self.commons().stats.read()
        }
    }

    /// Whether the engine goes on; if not, the text says why it stopped.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn health(&self) -> Result<(), String> {
        self.commons().stopped().map_or(Ok(()), |reason| Err(reason.to_owned()))
    }

    pub(crate) fn call(&self, shard: usize, message: Message) -> Result<(), EngineError> {
        if self.commons().stopped().is_some() {
            return Err(self.commons().stopped_error());
        }
        self.wires().mailboxes[shard].call(message)
    }

    pub(crate) async fn hear<T>(
        &self,
        answer: oneshot::Receiver<Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        answer.await.unwrap_or_else(|_dropped| Err(self.commons().stopped_error()))
    }

    /// Plans a change of the catalogue, has it written, and lets others see it.
    pub(crate) async fn change<T>(
        &self,
        plan: impl FnOnce(&Catalogue) -> Result<Plan<T>, EngineError>,
    ) -> Result<T, EngineError> {
        let guard = self.changing.clone().lock_owned().await;
        let planned = plan(&self.commons().catalogue())?;
        let (change, answer) = match planned {
            Plan::Nothing(answer) => return Ok(answer),
            Plan::Change(change, answer) => (change, answer),
        };
        let (reply, heard): (Reply<()>, _) = oneshot::channel();
        let writes = change.writes();
        let commons = self.runtime.wires.commons.clone();
        let seen = move || {
            commons.apply(change);
            // Held until here, also if the caller has gone meanwhile.
            drop(guard);
            let _ = reply.send(Ok(()));
        };
        self.wires().commits.submit(Submission::Catalogue(writes, Box::new(seen)));
        self.hear(heard).await?;
        Ok(answer)
    }
}

/// A worker's place in line: it leaves it when its call ends in whatever way.
struct PlaceInLine<'a> {
    commons: &'a Commons,
    id: u64,
}

impl Drop for PlaceInLine<'_> {
    fn drop(&mut self) {
        self.commons.dispatcher().remove_poller(self.id);
    }
}

fn drain(wires: &Wires, max: Duration) -> Vec<TaskRef> {
    let commons = &wires.commons;
    let mut dispatcher = commons.dispatcher();
    dispatcher.drain();
    let waited = commons.quiet.wait_timeout_while(dispatcher, max, |dispatcher| {
        dispatcher.running() > 0 && commons.stopped().is_none()
    });
    let left = match waited {
        Ok((dispatcher, _)) => dispatcher.running_tasks(),
        Err(poisoned) => poisoned.into_inner().0.running_tasks(),
    };
    deletion::barrier(wires);
    keeper::write(wires);
    commons.recent.close();
    // What an integration still says is not heard: it is about to be ended, and the next run
    // decides what becomes of its tasks.
    commons.leave_outcomes();
    left
}
