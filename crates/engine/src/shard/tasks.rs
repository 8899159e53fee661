//! Tasks: queueing, sending, outcomes, tokens.
//!
//! `…Scheduled` means queued, `…Started` means about to be sent. Where a slot or a worker is free
//! both are one commit; the call itself, or the token, leaves once that is durable. A task that is
//! queued belongs to the dispatcher until it is let through; what comes of it belongs to the shard
//! of its execution.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::{Input, Outstanding, TaskSpec};
use stepwell_model::{EntityId, Failure, Resource, TaskRef};
use stepwell_task::{TaskOutcome, TaskRequest};

use super::children::ChildCall;
use super::residence::Located;
use super::{Deaf, Shard};
use crate::catalogue::ActivityKey;
use crate::commons::{Reach, outcome_unknown};
use crate::dispatcher::Poller;
use crate::messages::{Message, Release, TaskAnswer};
use crate::requests::{ActivityTask, EngineError};

/// A task that an execution waits for.
pub(super) struct Held {
    pub(super) spec: TaskSpec,
    pub(super) phase: Phase,
}

pub(super) enum Phase {
    /// Scheduled: in the queue of its activity.
    ForWorker,
    /// Scheduled: in the queue of its target, or let through and not heard of it yet. `again` if it
    /// was started by an earlier run and is sent once more, with the same key.
    ForSlot { integration: usize, target: Arc<str>, again: bool },
    /// Scheduled: cannot be sent, and is about to fail.
    Refused,
    /// Started: an integration will tell its outcome.
    InFlight { integration: usize, target: Arc<str> },
    /// Started: somebody outside has its token.
    Outside,
    /// Started: an execution of ours is about to begin, or its end is waited for.
    Child,
}

impl Held {
    pub(super) fn is_outside(&self) -> bool {
        matches!(self.phase, Phase::Outside | Phase::Child)
    }

    /// Whether it is in a queue, or its turn has come and is not heard of yet: it was not started.
    pub(super) fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::ForWorker | Phase::ForSlot { again: false, .. })
    }

    pub(super) fn is_child(&self) -> bool {
        matches!(self.phase, Phase::Child)
    }
}

impl Shard {
    /// Queues a task, and sends it if its turn has come.
    pub(super) fn schedule(&mut self, entity: EntityId, spec: TaskSpec) {
        let task = TaskRef { execution: entity, scheduled_event_id: spec.scheduled_event_id };
        if let Some(call) = ChildCall::of(&spec.resource) {
            return self.schedule_child(entity, spec, call);
        }
        match &spec.resource {
            Resource::Activity { arn } => match ActivityKey::of_arn(arn) {
                Some(activity) => {
                    self.hold(entity, spec, Phase::ForWorker);
                    let poller = self.commons.dispatcher().offer(&Arc::new(activity), task, false);
                    if let Some(poller) = poller {
                        self.hand_out(task, poller);
                    }
                }
                None => {
                    let failure = Failure::runtime(format!("{arn} is not the ARN of an activity"));
                    self.refuse_later(entity, spec, failure);
                }
            },
            Resource::LambdaFunction { .. } | Resource::Service { .. } => self.queue(entity, spec, false),
        }
    }

    pub(super) fn hold(&mut self, entity: EntityId, spec: TaskSpec, phase: Phase) {
        if let Some(resident) = self.residents.get_mut(&entity) {
            resident.tasks.insert(spec.scheduled_event_id, Held { spec, phase });
        }
    }

    pub(super) fn held(&mut self, task: TaskRef) -> Option<&mut Held> {
        let resident = self.residents.get_mut(&task.execution)?;
        resident.tasks.get_mut(&task.scheduled_event_id)
    }

    pub(super) fn drop_held(&mut self, task: TaskRef) -> Option<Held> {
        let resident = self.residents.get_mut(&task.execution)?;
        resident.tasks.remove(&task.scheduled_event_id)
    }

    fn request(&self, task: TaskRef, spec: &TaskSpec) -> TaskRequest {
        let resident = self.residents.get(&task.execution);
        let place = resident.map(|resident| &resident.revision.key.place);
        // Identities of Express executions may come again after a restart; their tasks are never
        // sent again, so chance does as well.
        let idempotency_key = match resident.is_some_and(|resident| resident.express.is_some()) {
            true => self.commons.random_name().to_string(),
            false => self.commons.keys.idempotency_key(task),
        };
        TaskRequest {
            task,
            account: place.map(|place| place.account.clone()).unwrap_or_default(),
            region: place.map(|place| place.region.clone()).unwrap_or_default(),
            resource: spec.resource.clone(),
            parameters: spec.parameters.clone(),
            timeout: spec.timeout_seconds.map(Duration::from_secs),
            idempotency_key,
        }
    }

    /// Queues a task for a slot of its target.
    fn queue(&mut self, entity: EntityId, spec: TaskSpec, again: bool) {
        let task = TaskRef { execution: entity, scheduled_event_id: spec.scheduled_event_id };
        match self.commons.reach(&self.request(task, &spec)) {
            Reach::Nowhere(failure) => self.refuse_later(entity, spec, failure),
            Reach::Target(integration, target) => {
                let phase = Phase::ForSlot { integration, target: target.name.clone(), again };
                self.hold(entity, spec, phase);
                let let_through = self.commons.dispatcher().claim(&target, task);
                if let_through {
                    self.run(task);
                }
            }
        }
    }

    /// Holds a task that is in its queue already: its execution was dropped from memory meanwhile.
    fn hold_queued(&mut self, entity: EntityId, spec: TaskSpec) {
        if let Resource::Activity { .. } = spec.resource {
            return self.hold(entity, spec, Phase::ForWorker);
        }
        let task = TaskRef { execution: entity, scheduled_event_id: spec.scheduled_event_id };
        match self.commons.reach(&self.request(task, &spec)) {
            Reach::Target(integration, target) => {
                self.hold(entity, spec, Phase::ForSlot { integration, target: target.name, again: false });
            }
            // It could be sent when it was queued. It may have a slot by now.
            Reach::Nowhere(failure) => {
                self.commons.dispatcher().forget(task);
                self.free(task);
                self.refuse_later(entity, spec, failure);
            }
        }
    }

    /// A task that cannot be sent fails in its own time, so that a machine which catches and tries
    /// for ever does not hold up the others.
    pub(super) fn refuse_later(&mut self, entity: EntityId, spec: TaskSpec, failure: Failure) {
        let task = TaskRef { execution: entity, scheduled_event_id: spec.scheduled_event_id };
        self.hold(entity, spec, Phase::Refused);
        let machine = self.residents.get(&entity).map_or(0, |resident| resident.revision.machine);
        self.refused.push(machine, (task, failure));
    }

    pub(super) fn refuse_task(&mut self, task: TaskRef, failure: Failure) {
        if self.drop_held(task).is_none() {
            return;
        }
        let TaskRef { execution, scheduled_event_id } = task;
        // AWS shows a task that could not be sent as scheduled, started, failed. Whatever refuses
        // here has ended the task in another way, which is as good.
        let started = self.decide(execution, Input::TaskStarted { scheduled_event_id, worker_name: None });
        if started.is_ok() {
            let _ = self.decide(execution, Input::TaskFailed { scheduled_event_id, failure });
        }
    }

    /// A task that was queued has a slot. Its execution may have been dropped from memory meanwhile.
    pub(super) fn slot_granted(&mut self, task: TaskRef) {
        if let Err(error) = self.locate(task.execution)
            && !matches!(error, EngineError::Damaged(_))
        {
            // Once it can be loaded it queues again.
            self.free(task);
            return self.load_later(task.execution, &error);
        }
        self.run(task);
    }

    /// A worker came for a task that was queued. Its execution may have been dropped from memory meanwhile.
    pub(super) fn worker_came(&mut self, task: TaskRef, poller: Poller) {
        if let Err(error) = self.locate(task.execution)
            && !matches!(error, EngineError::Damaged(_))
        {
            self.load_later(task.execution, &error);
            return self.serve(poller);
        }
        // It has left the queue for this worker; if it was loaded since, it is there again.
        self.commons.dispatcher().forget(task);
        self.hand_out(task, poller);
    }

    /// A task has a slot: it is started, and sent once that is durable.
    pub(super) fn run(&mut self, task: TaskRef) {
        let TaskRef { execution, scheduled_event_id } = task;
        if !matches!(self.held(task), Some(Held { phase: Phase::ForSlot { .. }, .. })) {
            return self.free(task);
        }
        let Some(Held { spec, phase: Phase::ForSlot { integration, target, again } }) = self.drop_held(task)
        else {
            return;
        };
        if !again {
            let input = Input::TaskStarted { scheduled_event_id, worker_name: None };
            if self.decide(execution, input).is_err() {
                return self.free(task);
            }
        }
        let request = self.request(task, &spec);
        self.hold(execution, spec, Phase::InFlight { integration, target });
        self.release(execution, Release::RunTask { integration, request });
    }

    /// Gives a slot back, and lets the next in its queue through.
    pub(super) fn free(&mut self, task: TaskRef) {
        let mut dispatcher = self.commons.dispatcher();
        let next = dispatcher.finish(task);
        let quiet = dispatcher.running() == 0;
        drop(dispatcher);
        if quiet {
            self.commons.quiet.notify_all();
        }
        if let Some(next) = next {
            self.post(next.execution.partition, Message::SlotGranted { task: next });
        }
    }

    /// A worker has come for a task: the task is started, and its token leaves once that is durable.
    pub(super) fn hand_out(&mut self, task: TaskRef, poller: Poller) {
        let TaskRef { execution, scheduled_event_id } = task;
        let waits = matches!(self.held(task), Some(Held { phase: Phase::ForWorker, .. }));
        if !waits {
            return self.serve(poller);
        }
        if poller.reply.is_closed() {
            let next = self.commons.dispatcher().offer(&poller.activity, task, true);
            if let Some(next) = next {
                self.hand_out(task, next);
            }
            return;
        }
        let input = Input::TaskStarted { scheduled_event_id, worker_name: poller.worker_name.clone() };
        if self.decide(execution, input).is_err() {
            self.drop_held(task);
            return self.serve(poller);
        }
        let Some(resident) = self.residents.get_mut(&execution) else { return self.serve(poller) };
        let task_token: Arc<str> = self.commons.keys.token(&resident.revision.key.place, task).into();
        let Some(held) = resident.tasks.get_mut(&scheduled_event_id) else { return self.serve(poller) };
        held.phase = Phase::Outside;
        let handed = ActivityTask { task_token, input: held.spec.parameters.clone() };
        self.release(execution, Release::HandOut(poller.reply, task, handed));
    }

    /// Finds another task for a worker, if another will do.
    fn serve(&mut self, poller: Poller) {
        if poller.has_chosen {
            let _ = poller.reply.send(Ok(None));
            return;
        }
        let found = self.commons.dispatcher().poll(poller);
        if let Some((task, poller)) = found {
            self.post(task.execution.partition, Message::HandOut { task, poller });
        }
    }

    /// The outcome of a task no longer matters.
    pub(super) fn cancel(&mut self, task: TaskRef) {
        let Some(held) = self.drop_held(task) else { return };
        match held.phase {
            Phase::ForWorker | Phase::ForSlot { .. } => self.commons.dispatcher().forget(task),
            Phase::InFlight { integration, target: _ } => {
                self.release(task.execution, Release::CancelTask { integration, task });
            }
            Phase::Child => self.cancel_child(task, &held.spec),
            Phase::Refused | Phase::Outside => (),
        }
    }

    /// An integration tells the outcome of a task.
    pub(super) fn outcome(&mut self, task: TaskRef, outcome: TaskOutcome) {
        self.free(task);
        let TaskRef { execution, scheduled_event_id } = task;
        let (target, waits_for_token) = match self.held(task) {
            Some(Held { spec, phase: Phase::InFlight { target, .. } }) => {
                (target.clone(), spec.resource.waits_for_token())
            }
            // Cancelled, timed out, or ended by its token before its own request came back.
            Some(_) | None => return self.commons.stats.count_late_outcome(),
        };
        let input = match outcome {
            TaskOutcome::Succeeded(output) if waits_for_token => {
                let held = self.held(task).expect("it was held just now");
                held.phase = Phase::Outside;
                Input::TaskSubmitted { scheduled_event_id, output }
            }
            TaskOutcome::Succeeded(output) => Input::TaskSucceeded { scheduled_event_id, output },
            TaskOutcome::Failed(failure) => Input::TaskFailed { scheduled_event_id, failure },
            TaskOutcome::Unknown => {
                let failure = self.unknown(task, &target);
                Input::TaskFailed { scheduled_event_id, failure }
            }
        };
        let ends = !matches!(input, Input::TaskSubmitted { .. });
        if ends {
            self.drop_held(task);
        }
        if self.decide(execution, input).is_err() {
            self.commons.stats.count_late_outcome();
        }
    }

    pub(super) fn unknown(&self, task: TaskRef, target: &str) -> Failure {
        let resident = self.residents.get(&task.execution);
        let arn = resident.map_or("", |resident| &resident.execution.origin().execution_arn);
        outcome_unknown(arn, task, target, self.now)
    }

    /// A task token came back.
    pub(super) fn answer(&mut self, task: TaskRef, answer: TaskAnswer) -> Result<(), EngineError> {
        let TaskRef { execution, scheduled_event_id } = task;
        match self.locate(execution)? {
            Located::Resident => (),
            Located::Closed(_) | Located::Nowhere => return Err(EngineError::TaskEnded),
        }
        let started = match self.held(task) {
            // The child of a task may answer before the start of it has been heard of.
            Some(Held { spec, phase: Phase::InFlight { .. } | Phase::Outside | Phase::Child }) => {
                spec.resource.waits_for_token()
            }
            Some(_) | None => false,
        };
        if !started {
            return Err(EngineError::TaskEnded);
        }
        let (input, ends) = match answer {
            TaskAnswer::Succeeded(output) => (Input::TaskSucceeded { scheduled_event_id, output }, true),
            TaskAnswer::Failed(failure) => (Input::TaskFailed { scheduled_event_id, failure }, true),
            TaskAnswer::Heartbeat => (Input::Heartbeat { scheduled_event_id }, false),
        };
        match self.decide(execution, input) {
            Ok(()) => {
                if ends {
                    self.drop_held(task);
                }
                Ok(())
            }
            Err(Deaf::Refused) => Err(EngineError::TaskEnded),
            Err(Deaf::Aside(reason)) => Err(EngineError::Damaged(reason.to_string())),
        }
    }

    /// Takes up a task that an execution which was just loaded waits for.
    pub(super) fn take_up(&mut self, entity: EntityId, outstanding: Outstanding) {
        let Outstanding { task: spec, started, submitted, .. } = outstanding;
        let scheduled_event_id = spec.scheduled_event_id;
        let task = TaskRef { execution: entity, scheduled_event_id };
        if !started {
            let is_queued = self.commons.dispatcher().knows(task);
            return if is_queued { self.hold_queued(entity, spec) } else { self.schedule(entity, spec) };
        }
        if let Some(call) = ChildCall::of(&spec.resource) {
            return self.take_up_child(entity, spec, call, submitted);
        }
        let is_activity = matches!(spec.resource, Resource::Activity { .. });
        if is_activity || submitted {
            return self.hold(entity, spec, Phase::Outside);
        }
        // Nobody knows whether the request left.
        let has_deadline = spec.timeout_seconds.is_some() || spec.heartbeat_seconds.is_some();
        if spec.resource.waits_for_token() && has_deadline {
            return self.hold(entity, spec, Phase::Outside);
        }
        #[cfg(feature = "sabotage")]
        if self.commons.options.sabotage == Some(crate::Sabotage::DispatchAgainAfterCrash) {
            return self.queue(entity, spec, true);
        }
        let target = match self.commons.reach(&self.request(task, &spec)) {
            Reach::Target(_, target) if target.idempotent && !spec.resource.waits_for_token() => {
                return self.queue(entity, spec, true);
            }
            Reach::Target(_, target) => target.name,
            Reach::Nowhere(_) => spec.resource.event_resource().into(),
        };
        let failure = self.unknown(task, &target);
        // If it is refused, the execution has ended in another way.
        let _ = self.decide(entity, Input::TaskFailed { scheduled_event_id, failure });
    }
}
