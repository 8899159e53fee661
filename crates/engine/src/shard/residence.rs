//! Which executions are in memory: loading them, forgetting them, waking them in time.
//!
//! Loading an execution is recovery, whenever it happens: the journal is applied, and what is
//! outstanding is done again as the case table of the reliability notes has it. An execution that
//! was let go in this run has nothing outstanding but what somebody outside holds, so for it this
//! comes to nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_asl::{Execution, Input, Origin, Recorder, decode};
use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, Opening, StoreError};

use super::express::is_express;
use super::snapshots::Loaded;
use super::start::origin;
use super::{NEVER, RECOVERIES_PER_TURN, Resident, Shard, TIMERS_PER_TURN};
use crate::catalogue::Revision;
use crate::commons::{Commons, store_error};
use crate::fail_point::{FailPoint, pass};
use crate::messages::{Message, Release};
use crate::options::LogLevel;
use crate::requests::EngineError;

/// How long after a failure to read a journal it is tried again.
const READ_AGAIN_MS: u64 = 1_000;

/// How many timers may be left over before anybody looks.
const TIMERS_SPARE: usize = 4_096;

/// Where an execution is.
pub(super) enum Located {
    /// In memory, now at least.
    Resident,
    /// Closed, durably.
    Closed(Box<ExecutionRow>),
    /// There is no such execution.
    Nowhere,
}

/// Why an execution could not be loaded.
enum NotLoaded {
    /// The store could not be read; perhaps later.
    Store(StoreError),
    /// It will never be.
    Damaged(String),
}

impl NotLoaded {
    fn of(error: StoreError) -> NotLoaded {
        match error {
            StoreError::Damaged { .. } => NotLoaded::Damaged(error.to_string()),
            error => NotLoaded::Store(error),
        }
    }
}

impl Shard {
    /// Sees to it that an execution, if it is open, is in memory. Loading one may leave effects to
    /// `settle`.
    pub(super) fn locate(&mut self, entity: EntityId) -> Result<Located, EngineError> {
        if let Some(resident) = self.residents.get(&entity) {
            let is_gone = self.commons.is_gone(resident.execution.closed_at());
            return Ok(if is_gone { Located::Nowhere } else { Located::Resident });
        }
        assert!(!self.lent.contains_key(&entity), "{entity:?} is lent: what concerns it waits");
        if let Some(reason) = self.aside.get(&entity) {
            return Err(EngineError::Damaged(reason.to_string()));
        }
        if !self.stubs.contains_key(&entity.to_u64()) {
            match self.commons.store.execution(entity).map_err(store_error)? {
                None => return Ok(Located::Nowhere),
                // Nothing may be decided about it any more: it is being swept.
                Some(row) if self.commons.is_gone(row.closed_at) => return Ok(Located::Nowhere),
                Some(row) if row.status != ExecutionStatus::Running => {
                    return Ok(Located::Closed(Box::new(row)));
                }
                // It has ended, and its mark is on the way: loading it would run it again.
                Some(row) if self.commons.is_of_express(&row) => return Ok(Located::Nowhere),
                Some(_) => (),
            }
        }
        self.bring(entity)?;
        // An Express execution may have been given up.
        Ok(if self.residents.contains_key(&entity) { Located::Resident } else { Located::Nowhere })
    }

    /// Brings an execution into memory, open or closed.
    pub(super) fn bring(&mut self, entity: EntityId) -> Result<(), EngineError> {
        match self.load(entity) {
            Ok(()) => Ok(()),
            Err(NotLoaded::Store(error)) => Err(store_error(error)),
            Err(NotLoaded::Damaged(reason)) => {
                self.set_aside(entity, reason.clone());
                Err(EngineError::Damaged(reason))
            }
        }
    }

    fn load(&mut self, entity: EntityId) -> Result<(), NotLoaded> {
        let snapshot = self.commons.store.snapshot(entity).map_err(NotLoaded::of)?;
        let rebuilt = snapshot.as_ref().map(|snapshot| self.read_from_snapshot(snapshot)).transpose();
        let (loaded, row) = match rebuilt.map_err(NotLoaded::of)?.flatten() {
            Some(found) => found,
            None => {
                let chunks = self.commons.store.chunks(entity).map_err(NotLoaded::of)?;
                if is_express(&self.commons, &chunks) {
                    return self.run_again(entity, &chunks).map_err(NotLoaded::Damaged);
                }
                let (execution, revision) = replay(&self.commons, &chunks).map_err(NotLoaded::Damaged)?;
                let parent = chunks.first().and_then(|chunk| chunk.header.parent);
                let row = chunks.last().map_or(0, |chunk| chunk.header.row);
                let snapshot_event_id = u64::from(snapshot.is_some());
                (Loaded { execution, revision, parent, snapshot_event_id }, row)
            }
        };
        let Loaded { execution, revision, parent, snapshot_event_id } = loaded;
        let armed = self.stubs.remove(&entity.to_u64()).unwrap_or(NEVER);
        let outstanding = execution.outstanding();
        let is_open = execution.status() == ExecutionStatus::Running;
        let resident = Resident {
            execution,
            revision,
            parent,
            express: None,
            opening: None,
            row,
            snapshot_event_id,
            turn: 0,
            recorder: Recorder::default(),
            tasks: BTreeMap::new(),
            armed,
            counted_open: is_open,
            touched: false,
            queued: false,
            parked_at: None,
        };
        self.residents.insert(entity, Box::new(resident));
        self.touch(entity);
        if row <= self.commons.high_marks.row {
            let server_started_at = self.commons.server_started_at;
            // Deadlines move, nothing is recorded; an execution without any may well refuse.
            let _ = self.decide(entity, Input::Recovered { server_started_at });
            self.ask_parent(entity);
        }
        for task in outstanding {
            self.take_up(entity, task);
        }
        if self.residents.get(&entity).is_some_and(|resident| resident.execution.has_work()) {
            self.go_on_later(entity);
        }
        Ok(())
    }

    /// Loads some of those that were under way when the last run ended.
    pub(super) fn recover_some(&mut self) {
        for _ in 0..RECOVERIES_PER_TURN {
            let Some(entity) = self.recovering.pop_front() else { return };
            if self.lent.contains_key(&entity) {
                continue;
            }
            pass(FailPoint::BeforeRecovery);
            self.load_unasked(entity);
            self.settle();
            pass(FailPoint::AfterRecovery);
        }
    }

    /// Loads without anybody to tell; what cannot be read now is tried again.
    fn load_unasked(&mut self, entity: EntityId) -> bool {
        match self.locate(entity) {
            Ok(Located::Resident) => true,
            Ok(Located::Closed(_) | Located::Nowhere) | Err(EngineError::Damaged(_)) => false,
            Err(error) => {
                self.load_later(entity, &error);
                false
            }
        }
    }

    /// A journal cannot be read now; its execution is loaded a little later.
    pub(super) fn load_later(&mut self, entity: EntityId, error: &EngineError) {
        let text = format!("an execution cannot be loaded and is tried again: {error}");
        self.commons.log(LogLevel::Warning, "execution_not_loaded", text, Some(entity));
        let again = self.now.epoch_ms + READ_AGAIN_MS;
        self.stubs.insert(entity.to_u64(), again);
        self.timers.push(Reverse((again, entity.to_u64())));
    }

    /// The store cannot be read now, and nobody waits who would say it again: it is heard a little later.
    pub(super) fn hear_later(&mut self, message: Message) {
        let text = "the store cannot be read, and a message is heard again".to_owned();
        self.commons.log(LogLevel::Warning, "message_not_heard", text, None);
        let again = Timestamp::from_epoch_ms(self.now.epoch_ms + READ_AGAIN_MS);
        self.unheard.push_back((again, message));
    }

    /// Wakes those whose moment has come, the oldest first.
    pub(super) fn fire_timers(&mut self) {
        for _ in 0..TIMERS_PER_TURN {
            let Some(Reverse((due, packed))) = self.timers.peek().copied() else { return };
            if due > self.now.epoch_ms || self.is_full() {
                return;
            }
            self.timers.pop();
            let entity = EntityId::from_u64(packed);
            if let Some(lent) = self.lent.get_mut(&entity) {
                lent.rang = true;
                continue;
            }
            match self.residents.get_mut(&entity) {
                Some(resident) if resident.armed == due => (),
                Some(_) => continue,
                None => match self.stubs.get(&packed) {
                    Some(armed) if *armed == due => {
                        // While it is loaded it may find its deadline put off.
                        if !self.load_unasked(entity) {
                            continue;
                        }
                    }
                    Some(_) | None => continue,
                },
            }
            let Some(resident) = self.residents.get_mut(&entity) else { continue };
            resident.armed = NEVER;
            if resident.execution.next_due().is_some_and(|due| due <= self.now) {
                pass(FailPoint::BeforeTimer);
                // Nothing refuses a tick but a closed execution, which has no more moments.
                let _ = self.decide(entity, Input::Tick);
                pass(FailPoint::AfterTimer);
            } else {
                self.touch(entity);
            }
            self.settle();
        }
    }

    /// Sees to it that an execution is woken in time. A moment that moved later keeps its old entry,
    /// which then looks again: heartbeats cost no entries.
    pub(super) fn arm(&mut self, entity: EntityId) {
        let Some(resident) = self.residents.get_mut(&entity) else { return };
        if let Some(due) = resident.execution.next_due().filter(|_| resident.is_open())
            && due.epoch_ms < resident.armed
        {
            resident.armed = due.epoch_ms;
            self.timers.push(Reverse((due.epoch_ms, entity.to_u64())));
            self.tidy_timers();
        }
    }

    /// Drops what is left over among the timers once it is more than what counts: each execution that
    /// ended in time leaves the entry of its own deadline, a year from then.
    fn tidy_timers(&mut self) {
        if self.timers.len() < 2 * (self.residents.len() + self.stubs.len()) + TIMERS_SPARE {
            return;
        }
        let counts = |Reverse((due, packed)): &Reverse<(u64, u64)>| {
            let resident = self.residents.get(&EntityId::from_u64(*packed));
            resident.is_some_and(|resident| resident.armed == *due)
                || self.stubs.get(packed) == Some(due)
                || self.lent.contains_key(&EntityId::from_u64(*packed))
        };
        let kept: Vec<_> = self.timers.iter().filter(|timer| counts(timer)).copied().collect();
        self.timers = kept.into();
    }

    /// Notes an execution that only waits as one that may be let go.
    pub(super) fn park(&mut self, entity: EntityId) {
        let Some(resident) = self.residents.get_mut(&entity) else { return };
        if resident.only_waits() {
            // An entry that nobody takes away would let it go while a call of its is under way.
            debug_assert!(resident.parked_at.is_none(), "{entity:?} is parked twice");
            self.touches += 1;
            resident.parked_at = Some(self.touches);
            self.parked.insert(self.touches, entity);
        }
    }

    /// Turns those that have only waited the longest, and are durable, into stubs.
    pub(super) fn evict(&mut self) {
        while self.parked.len() > self.commons.options.resident_max {
            let Some((at, entity)) = self.parked.first_key_value().map(|(at, entity)| (*at, *entity)) else {
                return;
            };
            let Some(resident) = self.residents.get(&entity) else {
                self.parked.remove(&at);
                continue;
            };
            if resident.turn > self.committed || resident.touched {
                // Those behind it are younger still.
                return;
            }
            let due = resident.execution.next_due().map_or(NEVER, |due| due.epoch_ms);
            let parent = resident.parent.filter(|parent| parent.waits);
            if due != NEVER && due != resident.armed {
                self.timers.push(Reverse((due, entity.to_u64())));
            }
            self.stubs.insert(entity.to_u64(), due);
            self.parked.remove(&at);
            self.leave_snapshot(entity);
            self.residents.remove(&entity);
            // Should its journal be damaged when it is wanted again, nobody could read whose it is.
            if let Some(parent) = parent {
                self.add_watcher(entity, parent.task);
            }
        }
    }

    /// Lets something be heard about an execution once this turn is durable.
    /// What concerns an Express execution, of which nothing waits to be written, waits for nothing.
    pub(super) fn release(&mut self, entity: EntityId, release: Release) {
        let (turn, committed) = (self.turn, self.committed);
        let waits =
            self.residents.get_mut(&entity).is_none_or(|resident| resident.holds_back(turn, committed));
        if waits {
            self.releases.push((Some(entity), release));
        } else {
            self.at_once.push(release);
        }
    }

    /// Takes over an execution that was open when the last run ended.
    pub(crate) fn take_over(&mut self, entity: EntityId, next_due: Option<Timestamp>, parked: bool) {
        let due = next_due.map_or(NEVER, |due| due.epoch_ms);
        if parked {
            self.stubs.insert(entity.to_u64(), due);
            #[cfg(feature = "sabotage")]
            if self.commons.options.sabotage == Some(crate::Sabotage::DropTimerAtRecovery) {
                return;
            }
            if due != NEVER {
                self.timers.push(Reverse((due, entity.to_u64())));
            }
        } else {
            self.stubs.insert(entity.to_u64(), NEVER);
            self.recovering.push_back(entity);
        }
    }
}

/// An execution out of its journal, and the revision it is pinned to. The error is for the log.
pub fn replay(commons: &Commons, chunks: &[Chunk]) -> Result<(Execution, Arc<Revision>), String> {
    let (origin, revision) = origin_of(commons, chunks)?;
    let rebuild = || -> Result<Execution, String> {
        let mut execution = Execution::new(origin);
        for chunk in chunks {
            let row = chunk.header.row;
            for event in decode(&chunk.body).map_err(|error| format!("row {row} of the journal: {error}"))? {
                execution.apply(&event).map_err(|error| format!("row {row} of the journal: {error}"))?;
            }
        }
        Ok(execution)
    };
    let execution = catch_unwind(AssertUnwindSafe(rebuild)).unwrap_or_else(|panic| {
        Err(format!("the journal made the language panic: {}", super::panic_text(&*panic)))
    })?;
    Ok((execution, revision))
}

/// What the execution of these chunks is for good, and the revision it is pinned to.
pub(crate) fn origin_of(commons: &Commons, chunks: &[Chunk]) -> Result<(Arc<Origin>, Arc<Revision>), String> {
    let opening = chunks.first().and_then(|chunk| chunk.header.opening.as_ref());
    origin_of_opening(commons, opening.ok_or_else(|| "the journal has no beginning".to_owned())?)
}

/// As [`origin_of`], of what the first chunk says.
pub(crate) fn origin_of_opening(
    commons: &Commons,
    opening: &Opening,
) -> Result<(Arc<Origin>, Arc<Revision>), String> {
    let number = opening.revision;
    let revision = commons.revision(number).ok_or_else(|| format!("there is no revision {number}"))?;
    Ok((origin(commons, &revision, opening)?, revision))
}
