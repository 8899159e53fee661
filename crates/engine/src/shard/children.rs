//! Child executions: tasks that start an execution of a machine of ours.
//!
//! Starting a child is no call of a foreign service, so no integration performs it. The start leaves
//! once the `…Started` event of the parent's task is durable, and names the task. The shard of the
//! child writes that name down with the start: the same task that asks again, after a crash, hears
//! the same answer, and a child whose parent waits tells it of its end. A task that is over before its
//! child stops it. What is lost of that in a crash is asked for again when parent and child are loaded:
//! the parent asks how its child ended, and the child whether its task still waits.

use std::sync::Arc;

use stepwell_asl::{Input, TaskSpec};
use stepwell_model::{Arn, ArnResource, EntityId, Failure, MachineType, Pattern, Resource, TaskRef, is_name};
use stepwell_store::Parent;
use stepwell_value::{Payload, Value};

use super::residence::Located;
use super::tasks::{Held, Phase};
use super::{Resident, Shard};
use crate::catalogue::execution_arn;
use crate::child_words::{self, Words};
use crate::messages::{ChildNews, ChildStarted, Message, Release, StartEar};
use crate::names::Home;
use crate::requests::{
    EngineError, ExecutionKey, ExecutionStarted, ExecutionView, MachineKey, Place, StartExpress,
};

/// What a task asks of the engine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChildCall {
    /// Start an execution, and wait as the pattern has it.
    Start(Words, Pattern),
    /// Run an Express execution.
    Sync(Words),
}

impl ChildCall {
    /// The call that a resource stands for, if it is one.
    pub(super) fn of(resource: &Resource) -> Option<ChildCall> {
        let Resource::Service { service, action, pattern } = resource else { return None };
        match (&**service, &**action, pattern) {
            ("states", "startExecution", pattern) => Some(ChildCall::Start(Words::Optimized, *pattern)),
            ("aws-sdk:sfn", "startExecution", Pattern::RequestResponse | Pattern::WaitForTaskToken) => {
                Some(ChildCall::Start(Words::Sdk, *pattern))
            }
            ("aws-sdk:sfn", "startSyncExecution", Pattern::RequestResponse) => {
                Some(ChildCall::Sync(Words::Sdk))
            }
            _ => None,
        }
    }

    fn words(self) -> Words {
        match self {
            ChildCall::Start(words, _) | ChildCall::Sync(words) => words,
        }
    }
}

/// What the parameters of such a task say.
struct Wish {
    machine: MachineKey,
    qualifier: Option<Arc<str>>,
    name: Option<Arc<str>>,
    input: Payload,
}

impl Shard {
    /// Starts the task of a child: it needs no slot.
    pub(super) fn schedule_child(&mut self, entity: EntityId, spec: TaskSpec, call: ChildCall) {
        let TaskSpec { scheduled_event_id, .. } = spec;
        let task = TaskRef { execution: entity, scheduled_event_id };
        let message = match self.child_message(task, &spec, call) {
            Ok(message) => message,
            Err(failure) => return self.refuse_later(entity, spec, failure),
        };
        if self.decide(entity, Input::TaskStarted { scheduled_event_id, worker_name: None }).is_ok() {
            self.hold(entity, spec, Phase::Child);
            self.send_child(entity, message);
        }
    }

    fn send_child(&mut self, entity: EntityId, (partition, message): (u8, Message)) {
        self.release(entity, Release::Tell(partition, message));
    }

    /// What starts the child, and where it goes. The failure is that of the task.
    fn child_message(
        &self,
        task: TaskRef,
        spec: &TaskSpec,
        call: ChildCall,
    ) -> Result<(u8, Message), Failure> {
        let words = call.words();
        let Some(resident) = self.residents.get(&task.execution) else {
            return Err(Failure::runtime("the execution is gone"));
        };
        let refuse = |error: EngineError, arn: &str| {
            let request_id = self.commons.random_name();
            child_words::refusal(words, &error.told_of(arn), &request_id)
        };
        let (wish, arn) = self.wish(&resident.revision.key.place, spec, words)?;
        let resolved = self.commons.resolve(&wish.machine, wish.qualifier.as_deref());
        let machine_type = resolved.map_err(|error| refuse(error, &arn))?.machine.machine_type;
        let is_express = machine_type == MachineType::Express;
        let waits = matches!(call, ChildCall::Start(_, Pattern::Sync { .. }));
        // A task of which nothing is written has an identity of this run only.
        let parent = Parent { task, waits };
        match call {
            ChildCall::Sync(_) if is_express => {
                let start = self.commons.express_start(StartExpress {
                    machine: wish.machine,
                    qualifier: wish.qualifier,
                    name: wish.name,
                    input: wish.input,
                    synchronous: true,
                    seconds_max: self.seconds_left(resident),
                });
                let start = Box::new(start.map_err(|error| refuse(error, &arn))?);
                Ok((start.partition, Message::RunExpress { start, parent: task }))
            }
            ChildCall::Start(..) if is_express && !waits => {
                let start = self.commons.express_start(StartExpress {
                    machine: wish.machine,
                    qualifier: wish.qualifier,
                    name: wish.name,
                    input: wish.input,
                    synchronous: false,
                    seconds_max: None,
                });
                let mut start = Box::new(start.map_err(|error| refuse(error, &arn))?);
                let attempt = self.commons.keys.attempt_hash(task);
                if resident.express.is_none() {
                    start.partition = attempt[0];
                }
                let name_key = resident.express.is_none().then_some(attempt);
                let partition = start.partition;
                Ok((partition, Message::StartExpress { start, name_key, ear: StartEar::Parent(parent) }))
            }
            ChildCall::Start(..) if !is_express => {
                if wish.input.text().len() > self.commons.options.limits.payload_bytes_max {
                    return Err(refuse(EngineError::PayloadTooLarge, &arn));
                }
                let name = wish.name.unwrap_or_else(|| match resident.express {
                    // The same attempt asks for the same name, whenever it does.
                    None => self.commons.keys.child_name(task).into(),
                    Some(_) => self.commons.random_name(),
                });
                let key = ExecutionKey { machine: wish.machine.clone(), name: name.clone() };
                let home = self.commons.keys.home(&key);
                let message = Message::Start {
                    machine: wish.machine,
                    qualifier: wish.qualifier,
                    name: Some((name, home)),
                    partition: home.partition,
                    input: wish.input,
                    trace_header: None,
                    parent: resident.express.is_none().then_some(parent),
                    ear: StartEar::Parent(parent),
                };
                Ok((home.partition, message))
            }
            ChildCall::Start(..) | ChildCall::Sync(_) => Err(refuse(EngineError::WrongMachineType, &arn)),
        }
    }

    /// What is left to an Express execution, in whole seconds.
    fn seconds_left(&self, resident: &Resident) -> Option<u64> {
        resident.express.as_ref()?;
        let due = resident.execution.deadline()?;
        Some(due.since(self.now).as_millis().div_ceil(1000) as u64)
    }

    fn wish(&self, place: &Place, spec: &TaskSpec, words: Words) -> Result<(Wish, Arc<str>), Failure> {
        let parameters = spec.parameters.value();
        let unusable = |what: &str| {
            let given = spec.parameters.text();
            let cause = format!("The Parameters '{given}' could not be used to start the Task: [{what}]");
            Failure::runtime(cause)
        };
        let text = |field: &str| match parameters.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(unusable(&format!("The value for the field '{field}' must be a STRING"))),
        };
        let arn = text("StateMachineArn")?
            .ok_or_else(|| unusable("The field 'StateMachineArn' is required but was missing"))?;
        let refusal = |name, message| {
            let request_id = self.commons.random_name();
            child_words::refusal(words, &(name, message), &request_id)
        };
        let parsed = Arn::parse(&arn);
        let parsed = parsed.map_err(|error| refusal("InvalidArn", format!("Invalid Arn: '{error}'")))?;
        if *parsed.account != *place.account {
            let message = format!(
                "User: arn:aws:sts::{}:assumed-role is not authorized to access this resource",
                place.account
            );
            return Err(refusal("AccessDenied", message));
        }
        let ArnResource::StateMachine { name: machine, label: None, qualifier } = parsed.resource else {
            let message = "Invalid Arn: 'Resource type not valid in this context'".to_owned();
            return Err(refusal("InvalidArn", message));
        };
        let name = text("Name")?;
        if let Some(name) = name.as_ref().filter(|name| !is_name(name)) {
            return Err(refusal("InvalidName", format!("Invalid Name: '{name}'")));
        }
        let input = match parameters.get("Input") {
            None | Some(Value::Null) => Payload::empty_object(),
            // A text is the input's own text.
            Some(Value::String(text)) => Payload::parse(&**text).map_err(|error| {
                let message = format!("Invalid State Machine Execution Input: '{error}'");
                refusal("InvalidExecutionInput", message)
            })?,
            Some(value) => Payload::of(value.clone()).map_err(|error| unusable(&error.to_string()))?,
        };
        let place = Place { region: parsed.region.into(), ..place.clone() };
        let machine = MachineKey { place, name: machine.into() };
        Ok((Wish { machine, qualifier: qualifier.map(Into::into), name, input }, arn))
    }

    /// Something is told to a task about its child.
    pub(super) fn hear_child(&mut self, task: TaskRef, news: ChildNews) {
        match self.locate(task.execution) {
            Ok(Located::Resident) => (),
            // One that is closed or unknown is waiting for nothing.
            Ok(Located::Closed(_) | Located::Nowhere) => return self.too_late(task, news),
            // Nobody knows what it waits for.
            Err(EngineError::Damaged(_)) => return,
            // It is loaded later, and then asks for what it waits for.
            Err(error) if self.stubs.contains_key(&task.execution.to_u64()) => {
                return self.load_later(task.execution, &error);
            }
            // What is open is in memory or a stub, so it is closed: perhaps an Express one, which would
            // run again if it was loaded.
            Err(_) => return self.too_late(task, news),
        }
        let Some(Held { spec, phase: Phase::Child }) = self.held(task) else {
            return self.too_late(task, news);
        };
        let Some(call) = ChildCall::of(&spec.resource) else { return };
        let scheduled_event_id = task.scheduled_event_id;
        let request_id = self.commons.random_name();
        let input = match (news, call) {
            (ChildNews::Started(Ok(started)), ChildCall::Start(words, pattern)) => {
                let output = child_words::started(words, &started, &request_id, self.now);
                match pattern {
                    Pattern::RequestResponse => Input::TaskSucceeded { scheduled_event_id, output },
                    Pattern::Sync { .. } | Pattern::WaitForTaskToken => {
                        Input::TaskSubmitted { scheduled_event_id, output }
                    }
                }
            }
            (ChildNews::Started(Err(error)), call) => {
                let arn = self.refused_arn(task, &error).unwrap_or_default();
                let failure = child_words::refusal(call.words(), &error.told_of(&arn), &request_id);
                // An earlier run may have started it all the same, and not have told of it.
                if let Some(spec) = self.held(task).map(|held| held.spec.clone()) {
                    self.cancel_child(task, &spec);
                }
                Input::TaskFailed { scheduled_event_id, failure }
            }
            (ChildNews::Ended(Ok(view)), ChildCall::Start(_, Pattern::Sync { version })) => {
                match child_words::ended(&view, version) {
                    Ok(output) => Input::TaskSucceeded { scheduled_event_id, output },
                    Err(failure) => Input::TaskFailed { scheduled_event_id, failure },
                }
            }
            (ChildNews::ExpressEnded(Ok(ended)), ChildCall::Sync(_)) => {
                let output = child_words::express_ended(&ended);
                Input::TaskSucceeded { scheduled_event_id, output }
            }
            (ChildNews::Ended(Err(error)) | ChildNews::ExpressEnded(Err(error)), call) => {
                let arn = self.refused_arn(task, &error).unwrap_or_default();
                let failure = child_words::refusal(call.words(), &error.told_of(&arn), &request_id);
                Input::TaskFailed { scheduled_event_id, failure }
            }
            (ChildNews::Started(Ok(_)) | ChildNews::Ended(Ok(_)) | ChildNews::ExpressEnded(Ok(_)), _) => {
                return;
            }
        };
        let submits = matches!(input, Input::TaskSubmitted { .. });
        if !submits {
            self.drop_held(task);
        } else if let ChildCall::Start(_, Pattern::WaitForTaskToken) = call
            && let Some(held) = self.held(task)
        {
            held.phase = Phase::Outside;
        }
        // A refusal says that the task ended in another way.
        let _ = self.decide(task.execution, input);
    }

    /// A child was started for a task that no longer waits: one that was to be waited for is stopped.
    fn too_late(&mut self, task: TaskRef, news: ChildNews) {
        if let ChildNews::Started(Ok(ChildStarted { stop: Some((key, home)), .. })) = news {
            self.stop_child(key, home, task);
        }
    }

    /// Has an execution stopped whose task is over, once it is durable that it is.
    fn stop_child(&mut self, key: ExecutionKey, home: Home, task: TaskRef) {
        let message = Message::StopChild { key, home, parent: task };
        // What is not in memory is durable.
        match self.residents.contains_key(&task.execution) {
            true => self.release(task.execution, Release::Tell(home.partition, message)),
            false => self.post(home.partition, message),
        }
    }

    /// Asks for an execution whether its parent still waits for it: that it does not was said at the end of the
    /// task, and may have been lost in a crash.
    pub(super) fn ask_parent(&mut self, entity: EntityId) {
        let Some(resident) = self.residents.get(&entity).filter(|resident| resident.is_open()) else {
            return;
        };
        if let Some(parent) = resident.awaited_by() {
            let key = resident.key();
            let home = self.commons.keys.home(&key);
            self.post(parent.execution.partition, Message::AskParent { key, home, parent });
        }
    }

    /// An execution asks whether a task still waits for it. One that nobody waits for is stopped.
    pub(super) fn answer_child(&mut self, key: ExecutionKey, home: Home, parent: TaskRef) {
        match self.locate(parent.execution) {
            Ok(Located::Resident) if self.waits_for(parent, &key) => (),
            Ok(Located::Resident | Located::Closed(_) | Located::Nowhere) => {
                self.stop_child(key, home, parent);
            }
            // Nobody knows what it waits for.
            Err(EngineError::Damaged(_)) => (),
            Err(_) => self.hear_later(Message::AskParent { key, home, parent }),
        }
    }

    /// Whether an execution in memory waits for the end of this one: in the task that started it, or in a
    /// later one that found it under the name it asked for.
    fn waits_for(&self, parent: TaskRef, key: &ExecutionKey) -> bool {
        let Some(resident) = self.residents.get(&parent.execution) else { return false };
        if resident.tasks.get(&parent.scheduled_event_id).is_some_and(Held::is_child) {
            return true;
        }
        resident.tasks.iter().filter(|(_, held)| held.is_child()).any(|(scheduled_event_id, held)| {
            let asked_name = held.spec.parameters.value().get("Name").and_then(Value::as_str);
            let call = ChildCall::of(&held.spec.resource);
            if asked_name != Some(&*key.name)
                || !matches!(call, Some(ChildCall::Start(_, Pattern::Sync { .. })))
            {
                return false;
            }
            let task = TaskRef { scheduled_event_id: *scheduled_event_id, ..parent };
            self.child_of(task, &held.spec).is_some_and(|(child, _)| child == *key)
        })
    }

    /// Stops an execution if it is this task's. It may be another's, whose name and input the task asked
    /// for; what AWS does then is not recorded.
    pub(super) fn stop_child_of(&mut self, key: &ExecutionKey, home: &Home, parent: TaskRef) {
        let located = match self.resolve(key, home) {
            Ok(None) => return,
            Ok(Some(entity)) => self.locate(entity).map(|located| (entity, located)),
            Err(error) => Err(error),
        };
        let entity = match located {
            Ok((entity, Located::Resident)) => entity,
            // It has ended, or never will do anything again.
            Ok((_, Located::Closed(_) | Located::Nowhere)) | Err(EngineError::Damaged(_)) => return,
            Err(_) => {
                let message = Message::StopChild { key: key.clone(), home: *home, parent };
                return self.hear_later(message);
            }
        };
        // Once it was redriven it is for whoever did that.
        let resident = self.residents.get(&entity).filter(|resident| resident.execution.redrive_count() == 0);
        match resident.and_then(|resident| resident.parent) {
            Some(of) if of.task == parent => {
                // A refusal says that it has ended, which is as good.
                let _ = self.decide(entity, Input::Stop { failure: Failure::default() });
            }
            // A later task had found it, and the one that started it may be over.
            Some(of) if of.task.execution == parent.execution => self.ask_parent(entity),
            Some(_) | None => (),
        }
    }

    /// The ARN that a refusal names: mostly that of the machine, as the task has it.
    fn refused_arn(&mut self, task: TaskRef, error: &EngineError) -> Option<Arc<str>> {
        let spec = self.held(task)?.spec.clone();
        if let EngineError::ExecutionExists | EngineError::NoSuchExecution = error {
            let (key, _) = self.child_of(task, &spec)?;
            return Some(execution_arn(&key).into());
        }
        spec.parameters.value().get("StateMachineArn")?.as_str().map(Arc::from)
    }

    /// The task of a child is over: AWS then stops the child where the task waited for its end.
    pub(super) fn cancel_child(&mut self, task: TaskRef, spec: &TaskSpec) {
        match ChildCall::of(&spec.resource) {
            Some(ChildCall::Start(_, Pattern::Sync { .. })) => {
                if let Some((key, home)) = self.child_of(task, spec) {
                    let message = Message::StopChild { key, home, parent: task };
                    self.release(task.execution, Release::Tell(home.partition, message));
                }
            }
            Some(ChildCall::Sync(_)) => {
                // Where it runs is not known here; the shard that has it knows the task.
                for shard in 0..self.commons.shards() {
                    self.release_to_shard(task.execution, shard, Message::DropExpress { parent: task });
                }
            }
            Some(ChildCall::Start(..)) | None => (),
        }
    }

    fn release_to_shard(&mut self, entity: EntityId, shard: usize, message: Message) {
        // Partition n belongs to shard n, modulo their number.
        self.release(entity, Release::Tell(shard as u8, message));
    }

    /// The Standard execution that a task has started.
    fn child_of(&self, task: TaskRef, spec: &TaskSpec) -> Option<(ExecutionKey, Home)> {
        let place = &self.residents.get(&task.execution)?.revision.key.place;
        let (wish, _) = self.wish(place, spec, Words::Optimized).ok()?;
        let name = wish.name.unwrap_or_else(|| self.commons.keys.child_name(task).into());
        let key = ExecutionKey { machine: wish.machine, name };
        let home = self.commons.keys.home(&key);
        Some((key, home))
    }

    /// Takes up the task of a child after the parent was loaded.
    pub(super) fn take_up_child(
        &mut self,
        entity: EntityId,
        spec: TaskSpec,
        call: ChildCall,
        submitted: bool,
    ) {
        let task = TaskRef { execution: entity, scheduled_event_id: spec.scheduled_event_id };
        match call {
            ChildCall::Start(_, Pattern::Sync { .. }) if submitted => {
                let child = self.child_of(task, &spec);
                self.hold(entity, spec, Phase::Child);
                if let Some((key, home)) = child {
                    self.post(home.partition, Message::Watch { key, home, parent: task });
                }
            }
            ChildCall::Start(_, Pattern::WaitForTaskToken) if submitted => {
                self.hold(entity, spec, Phase::Outside);
            }
            ChildCall::Start(..) => match self.child_message(task, &spec, call) {
                // The start may have been said before: it is written down whose it was.
                Ok(message) => {
                    self.hold(entity, spec, Phase::Child);
                    self.send_child(entity, message);
                }
                Err(failure) => {
                    let input = Input::TaskFailed { scheduled_event_id: task.scheduled_event_id, failure };
                    let _ = self.decide(entity, input);
                }
            },
            ChildCall::Sync(_) => {
                let failure = self.unknown(task, "states:startSyncExecution");
                let input = Input::TaskFailed { scheduled_event_id: task.scheduled_event_id, failure };
                let _ = self.decide(entity, input);
            }
        }
    }

    /// A task wants to hear of the end of its child, once more.
    pub(super) fn watch(&mut self, key: &ExecutionKey, home: &Home, parent: TaskRef) {
        let entity = match self.resolve(key, home) {
            Ok(Some(entity)) => entity,
            Ok(None) => return self.tell_parent(parent, ChildNews::Ended(Err(EngineError::NoSuchExecution))),
            Err(error) => return self.watch_later(key, home, parent, error),
        };
        if let Some(reason) = self.aside.get(&entity) {
            let error = EngineError::Damaged(reason.to_string());
            return self.tell_parent(parent, ChildNews::Ended(Err(error)));
        }
        // One that only waits will tell when it ends.
        if self.stubs.contains_key(&entity.to_u64()) {
            return self.add_watcher(entity, parent);
        }
        if let Some(resident) = self.residents.get(&entity) {
            if resident.is_open() {
                return self.add_watcher(entity, parent);
            }
            let news = ChildNews::Ended(Ok(Box::new(view_of(resident))));
            let message = Message::Child { task: parent, news };
            return self.release(entity, Release::Tell(parent.execution.partition, message));
        }
        match self.commons.execution(key) {
            Ok(view) if view.closed_at.is_none() => self.add_watcher(entity, parent),
            Ok(view) => self.tell_parent(parent, ChildNews::Ended(Ok(Box::new(view)))),
            Err(error) => self.watch_later(key, home, parent, error),
        }
    }

    /// A task asked for an execution of which nothing could be read: it hears why if that is for good, and
    /// else asks again.
    fn watch_later(&mut self, key: &ExecutionKey, home: &Home, parent: TaskRef, error: EngineError) {
        match error {
            EngineError::Stopped(_) => {
                let message = Message::Watch { key: key.clone(), home: *home, parent };
                self.hear_later(message);
            }
            error => self.tell_parent(parent, ChildNews::Ended(Err(error))),
        }
    }

    /// Notes who wants to hear of an end. Whose child it is is written down, but a task may also wait
    /// for an execution that somebody else started under the same name with the same input.
    pub(super) fn add_watcher(&mut self, entity: EntityId, task: TaskRef) {
        let watchers = self.watchers.entry(entity).or_default();
        if !watchers.contains(&task) {
            watchers.push(task);
        }
    }

    /// After what the task has been told in this turn already.
    fn tell_parent(&mut self, task: TaskRef, news: ChildNews) {
        self.releases.push((None, Release::Tell(task.execution.partition, Message::Child { task, news })));
    }

    /// An execution has ended: whoever waits for it hears of that once it is durable.
    pub(super) fn tell_of_end(&mut self, entity: EntityId) {
        let mut tasks = self.watchers.remove(&entity).unwrap_or_default();
        let Some(resident) = self.residents.get(&entity) else { return };
        if let Some(Parent { task, waits: true }) = resident.parent
            && !tasks.contains(&task)
        {
            tasks.push(task);
        }
        if tasks.is_empty() {
            return;
        }
        let view = view_of(resident);
        for task in tasks {
            let news = ChildNews::Ended(Ok(Box::new(view.clone())));
            self.release(entity, Release::Tell(task.execution.partition, Message::Child { task, news }));
        }
    }

    /// An execution is set aside: whoever waits for its end waits no longer.
    pub(super) fn tell_of_damage(&mut self, entity: EntityId, parent: Option<Parent>, reason: &str) {
        let mut tasks = self.watchers.remove(&entity).unwrap_or_default();
        tasks.extend(parent.filter(|parent| parent.waits && !tasks.contains(&parent.task)).map(|p| p.task));
        for task in tasks {
            self.tell_parent(task, ChildNews::Ended(Err(EngineError::Damaged(reason.to_owned()))));
        }
    }

    /// Tells a task of the start that it asked for; one that was started before may have ended.
    pub(super) fn tell_started(
        &mut self,
        entity: Option<EntityId>,
        parent: Parent,
        answer: Result<ExecutionStarted, EngineError>,
    ) {
        let started = match answer {
            Ok(started) => started,
            Err(error) => return self.answer_parent(entity, parent, Err(error)),
        };
        let ExecutionStarted { key, arn, started_at } = started;
        let home = self.commons.keys.home(&key);
        let stop = parent.waits.then(|| (key.clone(), home));
        self.answer_parent(entity, parent, Ok(ChildStarted { arn, started_at, stop }));
        let resident = entity.and_then(|entity| self.residents.get(&entity));
        let is_its_own = |resident: &Resident| resident.opening.is_some() && resident.parent == Some(parent);
        if parent.waits && !resident.is_some_and(|resident| is_its_own(resident)) {
            self.watch(&key, &home, parent.task);
        }
    }

    /// The answer to a start that a task asked for.
    pub(super) fn answer_parent(
        &mut self,
        entity: Option<EntityId>,
        parent: Parent,
        answer: Result<ChildStarted, EngineError>,
    ) {
        let news = ChildNews::Started(answer);
        let tell = Release::Tell(parent.task.execution.partition, Message::Child { task: parent.task, news });
        self.releases.push((entity, tell));
    }
}

fn view_of(resident: &Resident) -> ExecutionView {
    let execution = &resident.execution;
    let origin = execution.origin();
    let last = |arn: &Option<Arc<str>>| Some(Arc::from(arn.as_ref()?.rsplit(':').next()?));
    ExecutionView {
        version: last(&origin.version_arn).and_then(|version: Arc<str>| version.parse().ok()),
        alias: last(&origin.alias_arn),
        trace_header: None,
        machine: resident.revision.machine,
        last_event_id: execution.last_event_id(),
        redrive_count: execution.redrive_count(),
        redriven_at: execution.redriven_at(),
        key: resident.key(),
        status: execution.status(),
        started_at: execution.started_at(),
        closed_at: execution.closed_at(),
        input: execution.input().clone(),
        output: execution.output().cloned(),
        failure: execution.failure().cloned(),
    }
}
