//! Starting and stopping executions.

use std::sync::Arc;

use stepwell_asl::{Event, Execution, Input, Origin, Recorder};
use stepwell_model::{EntityId, Failure, Partition, Timestamp};
use stepwell_store::{Opening, Parent};
use stepwell_value::Payload;

use super::residence::Located;
use super::{Deaf, NEVER, Resident, Shard, is_unread};
use crate::catalogue::{Resolved, Revision, execution_arn, qualified_arn};
use crate::commons::{Commons, store_error};
use crate::fail_point::{FailPoint, pass};
use crate::messages::{Message, Release, StartEar};
use crate::names::Home;
use crate::requests::{EngineError, ExecutionKey, ExecutionStarted, MachineKey};

/// Room for so many events is made at once: what most executions record before they end or wait.
const EVENTS_OF_A_START: usize = 24;
/// The room of so many is kept for those that are started next, about 200 KB at most.
const ROOMS_MAX: usize = 64;

/// An execution that is to be started, as [`Message::Start`](crate::Message::Start) has it.
#[derive(Clone)]
pub(super) struct Wanted {
    pub machine: MachineKey,
    pub qualifier: Option<Arc<str>>,
    pub name: Option<(Arc<str>, Home)>,
    pub partition: Partition,
    pub input: Payload,
    pub trace_header: Option<Arc<str>>,
    pub parent: Option<Parent>,
}

/// What is written down of a start beside what it runs.
struct About {
    trace_header: Option<Arc<str>>,
    parent: Option<Parent>,
}

/// What an execution of a name that is wanted again is like.
struct Namesake {
    machine: u64,
    parent: Option<Parent>,
    started_at: Timestamp,
    closed_at: Option<Timestamp>,
    /// Of one that is open.
    input: Option<Payload>,
}

impl Wanted {
    /// The message that wants it.
    fn said_for(self, ear: StartEar) -> Message {
        let Wanted { machine, qualifier, name, partition, input, trace_header, parent } = self;
        Message::Start { machine, qualifier, name, partition, input, trace_header, parent, ear }
    }
}

impl Shard {
    /// Starts an execution, and answers who wanted it.
    pub(super) fn hear_start(&mut self, wanted: Wanted, ear: StartEar) {
        // Whoever called asks again if a read fails; a task cannot.
        let again = matches!(ear, StartEar::Parent(_)).then(|| wanted.clone());
        pass(FailPoint::BeforeStart);
        let (entity, answer) = self.start(wanted);
        pass(FailPoint::AfterStart);
        match (ear, again) {
            (ear, Some(again)) if is_unread(&answer) => self.hear_later(again.said_for(ear)),
            (StartEar::Caller(reply), _) => self.releases.push((entity, Release::Started(reply, answer))),
            (StartEar::Parent(parent), _) => self.tell_started(entity, parent, answer),
        }
    }

    /// Starts an execution, or finds that it was started before. The entity is that which the
    /// answer is about.
    fn start(&mut self, wanted: Wanted) -> (Option<EntityId>, Result<ExecutionStarted, EngineError>) {
        let Wanted { machine, qualifier, name, partition, input, trace_header, parent } = wanted;
        // Asked here and not before: the machine may have been changed or deleted while the call
        // waited. If the execution turns out to run already, a version drawn by an alias is forgotten:
        // a name is a machine's, so the call says the same as the first one, whatever it was told.
        let resolved = match self.commons.resolve(&machine, qualifier.as_deref()) {
            Ok(resolved) => resolved,
            Err(error) => return (None, Err(error)),
        };
        let machine = &resolved.machine;
        if let Some((name, home)) = &name {
            let key = ExecutionKey { machine: machine.key.clone(), name: name.clone() };
            let entity = match self.resolve(&key, home) {
                Ok(entity) => entity,
                Err(error) => return (None, Err(error)),
            };
            if let Some(entity) = entity {
                let namesake = self.namesake(entity);
                self.settle();
                match namesake {
                    Err(error) => return (Some(entity), Err(error)),
                    // The same attempt of the same task asks again.
                    Ok(Some(other)) if parent.is_some() && other.parent == parent => {
                        return (Some(entity), Ok(ExecutionStarted::before(key, other.started_at)));
                    }
                    Ok(Some(other)) if other.machine == machine.number => match other.closed_at {
                        None if other.input.as_ref() == Some(&input) => {
                            return (Some(entity), Ok(ExecutionStarted::before(key, other.started_at)));
                        }
                        // As long as it is kept, whether or not it is swept at once. Source: the API
                        // reference of StartExecution.
                        Some(closed_at)
                            if closed_at.after_seconds(self.commons.options.limits.retention_seconds)
                                <= self.now => {}
                        None | Some(_) => return (Some(entity), Err(EngineError::ExecutionExists)),
                    },
                    // A name of a machine that is gone, or of nothing, is free.
                    Ok(_) => (),
                }
            }
        }
        let entity = self.commons.new_entity(partition);
        let about = About { trace_header, parent };
        self.begin(entity, &resolved, name, input, about)
    }

    fn begin(
        &mut self,
        entity: EntityId,
        resolved: &Resolved,
        name: Option<(Arc<str>, Home)>,
        input: Payload,
        about: About,
    ) -> (Option<EntityId>, Result<ExecutionStarted, EngineError>) {
        let revision = resolved.revision.clone();
        let (name, name_key) = match name {
            Some((name, home)) => (name, Some(home.name_key)),
            None => (self.commons.keys.generated_name(entity), None),
        };
        let key = ExecutionKey { machine: revision.key.clone(), name: name.clone() };
        let opening = Opening {
            machine: revision.machine,
            revision: revision.number,
            name,
            name_key,
            started_at: self.now,
            version: resolved.version,
            alias: resolved.alias.clone(),
            trace_header: about.trace_header,
        };
        let origin = match origin(&self.commons, &revision, &opening) {
            Ok(origin) => origin,
            Err(reason) => return (None, Err(EngineError::Damaged(reason))),
        };
        let arn = origin.execution_arn.clone();
        let mut recorder = Recorder::default();
        recorder.events = self.rooms.pop().unwrap_or_else(|| Vec::with_capacity(EVENTS_OF_A_START));
        let resident = Resident {
            execution: Execution::new(origin),
            revision,
            parent: about.parent,
            express: None,
            opening: Some(opening),
            row: 0,
            snapshot_event_id: 0,
            turn: self.turn,
            recorder,
            tasks: Default::default(),
            armed: NEVER,
            counted_open: false,
            touched: false,
            queued: false,
            parked_at: None,
        };
        self.residents.insert(entity, Box::new(resident));
        if let Some(name_key) = name_key {
            self.names.insert(name_key, entity);
        }
        let seed = (self.commons.options.seed)();
        match self.decide(entity, Input::Start { input, seed }) {
            Ok(()) => (Some(entity), Ok(ExecutionStarted { key, arn, started_at: self.now })),
            Err(Deaf::Aside(reason)) => (None, Err(EngineError::Damaged(reason.to_string()))),
            Err(Deaf::Refused) => {
                (None, Err(EngineError::Damaged("the execution could not be started".to_owned())))
            }
        }
    }

    /// Keeps the room of events that are written down for an execution that is started next.
    pub(super) fn keep_room(&mut self, mut events: Vec<Event>) {
        if events.capacity() == EVENTS_OF_A_START && self.rooms.len() < ROOMS_MAX {
            events.clear();
            self.rooms.push(events);
        }
    }

    /// Stops an execution; the answer is when it was closed, now or before.
    pub(super) fn stop(
        &mut self,
        key: &ExecutionKey,
        home: &Home,
        failure: Failure,
    ) -> (Option<EntityId>, Result<Timestamp, EngineError>) {
        let entity = match self.resolve(key, home) {
            Ok(Some(entity)) => entity,
            Ok(None) => return (None, Err(EngineError::NoSuchExecution)),
            Err(error) => return (None, Err(error)),
        };
        let answer = match self.locate(entity) {
            Err(error) => Err(error),
            Ok(Located::Nowhere) => Err(EngineError::NoSuchExecution),
            Ok(Located::Closed(row)) => Ok(row.closed_at.unwrap_or(row.opening.started_at)),
            Ok(Located::Resident) => match self.decide(entity, Input::Stop { failure }) {
                // A refusal says that it is closed already, which is as good.
                Ok(()) | Err(Deaf::Refused) => {
                    let closed_at = self.residents.get(&entity).and_then(|r| r.execution.closed_at());
                    Ok(closed_at.unwrap_or(self.now))
                }
                Err(Deaf::Aside(reason)) => Err(EngineError::Damaged(reason.to_string())),
            },
        };
        (Some(entity), answer)
    }

    /// The execution that a name leads to.
    pub(super) fn resolve(&self, key: &ExecutionKey, home: &Home) -> Result<Option<EntityId>, EngineError> {
        if let Some(entity) = home.generated {
            if let Some(resident) = self.residents.get(&entity) {
                if resident.key() == *key {
                    return Ok(Some(entity));
                }
            } else if let Some(row) = self.commons.store.execution(entity).map_err(store_error)? {
                let revision = self.commons.revision(row.opening.revision);
                if row.opening.name == key.name && revision.is_some_and(|r| r.key == key.machine) {
                    return Ok(Some(entity));
                }
            }
        }
        if let Some(entity) = self.names.get(&home.name_key) {
            return Ok(Some(*entity));
        }
        self.commons.store.execution_by_name(&home.name_key).map_err(store_error)
    }

    fn namesake(&mut self, entity: EntityId) -> Result<Option<Namesake>, EngineError> {
        match self.locate(entity)? {
            Located::Nowhere => Ok(None),
            Located::Closed(row) => Ok(Some(Namesake {
                machine: row.opening.machine,
                parent: self.commons.parent_of(&row)?,
                started_at: row.opening.started_at,
                closed_at: row.closed_at,
                input: None,
            })),
            Located::Resident => {
                let resident = self.residents.get(&entity).expect("it was located just now");
                Ok(Some(Namesake {
                    machine: resident.revision.machine,
                    parent: resident.parent,
                    started_at: resident.execution.started_at(),
                    closed_at: resident.execution.closed_at(),
                    input: Some(resident.execution.input().clone()),
                }))
            }
        }
    }
}

impl ExecutionStarted {
    /// One that was started before.
    fn before(key: ExecutionKey, started_at: Timestamp) -> ExecutionStarted {
        ExecutionStarted { arn: execution_arn(&key).into(), key, started_at }
    }
}

/// What an execution is for good. The error says why its definition cannot be read.
pub(crate) fn origin(
    commons: &Commons,
    revision: &Revision,
    opening: &Opening,
) -> Result<Arc<Origin>, String> {
    let key = ExecutionKey { machine: revision.key.clone(), name: opening.name.clone() };
    let version = opening.version.map(|version| qualified_arn(&revision.key, &version.to_string()).into());
    let alias = opening.alias.as_ref().map(|alias| qualified_arn(&revision.key, alias).into());
    Ok(Arc::new(Origin {
        definition: revision.parsed()?.clone(),
        execution_arn: execution_arn(&key).into(),
        execution_name: key.name,
        machine_arn: revision.machine_arn.clone(),
        version_arn: version,
        alias_arn: alias,
        machine_name: revision.key.name.clone(),
        role_arn: revision.role_arn.clone(),
        region: revision.key.place.region.clone(),
        limits: commons.options.limits,
        synchronous: false,
    }))
}
