//! What failed last, over many machines: Standard executions out of the store's lists, Express ones as
//! long as they are kept.
//!
//! Of each machine no more is read than can be among the last `count`: its lists are read in steps, the
//! most recent first, until one is older than the oldest of those that are known so far.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, HistoryEvent, HistoryEventKind, Timestamp};

use crate::catalogue::execution_arn;
use crate::engine::Engine;
use crate::express::express_arn;
use crate::requests::{
    EngineError, ExecutionKey, ExpressKey, HistoryOrder, ListExecutions, MachineKey, Place,
};

/// How many executions of a list are read at once.
const STEP: usize = 16;

/// How many of the last events of a history may be between a state's beginning and the end.
const EVENTS: usize = 64;

/// The statuses that count as failed. One that was aborted was so on purpose.
const FAILED: [ExecutionStatus; 2] = [ExecutionStatus::Failed, ExecutionStatus::TimedOut];

/// An execution that failed or timed out.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentFailure {
    /// Its ARN.
    pub arn: String,
    /// Its machine.
    pub machine: MachineKey,
    /// Its name.
    pub name: Arc<str>,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub closed_at: Timestamp,
    /// Error and cause.
    pub failure: Failure,
    /// The state that failed, if that is to be seen at the end of the history.
    pub state: Option<Arc<str>>,
}

/// What is known before its end is read. Ordered by the moment of that.
struct Found {
    closed_at: Timestamp,
    started_at: Timestamp,
    status: ExecutionStatus,
    key: Key,
}

enum Key {
    Standard(ExecutionKey),
    Express(ExpressKey),
}

impl PartialEq for Found {
    fn eq(&self, other: &Found) -> bool {
        self.closed_at == other.closed_at
    }
}

impl Eq for Found {}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Found) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Found) -> std::cmp::Ordering {
        self.closed_at.cmp(&other.closed_at)
    }
}

/// The last so many, the oldest of them at hand.
struct Last {
    count: usize,
    found: BinaryHeap<Reverse<Found>>,
}

impl Last {
    /// Takes one in if it is among the last; whether it was.
    fn take(&mut self, found: Found) -> bool {
        if self.found.len() == self.count {
            match self.found.peek() {
                Some(Reverse(oldest)) if oldest.closed_at < found.closed_at => self.found.pop(),
                Some(_) | None => return false,
            };
        }
        self.found.push(Reverse(found));
        true
    }
}

impl Engine {
    /// The last `count` executions that failed or timed out, the last one first: of a machine, or of all
    /// there are in a place. Reads the store and files.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] if one is named, [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub fn recent_failures(
        &self,
        place: &Place,
        machine: Option<&MachineKey>,
        count: usize,
    ) -> Result<Vec<RecentFailure>, EngineError> {
        let machines = match machine {
            Some(key) => vec![self.machine(key).ok_or(EngineError::NoSuchMachine)?],
            None => self.machines(place),
        };
        let mut last = Last { count, found: BinaryHeap::new() };
        for machine in &machines {
            for status in FAILED {
                match self.last_of(&machine.key, status, &mut last) {
                    // It has been deleted since the list was made.
                    Ok(()) | Err(EngineError::NoSuchMachine) => (),
                    Err(error) => return Err(error),
                }
            }
        }
        let is_there = |key: &MachineKey| machines.iter().any(|machine| machine.key == *key);
        for ended in self.recent_express_failures(place, machine, count) {
            if is_there(&ended.key.machine) {
                let (closed_at, started_at) = (ended.closed_at, ended.started_at);
                last.take(Found {
                    closed_at,
                    started_at,
                    status: ended.status,
                    key: Key::Express(ended.key),
                });
            }
        }
        let found = last.found.into_sorted_vec().into_iter();
        Ok(found.filter_map(|Reverse(found)| self.failure(found)).collect())
    }

    fn last_of(
        &self,
        machine: &MachineKey,
        status: ExecutionStatus,
        last: &mut Last,
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let list = ListExecutions {
                machine: machine.clone(),
                qualifier: None,
                status: Some(status),
                after,
                limit: STEP.min(last.count),
            };
            let (executions, next) = self.executions(list)?;
            for execution in executions {
                let Some(closed_at) = execution.closed_at else { continue };
                let (started_at, key) = (execution.started_at, Key::Standard(execution.key));
                if !last.take(Found { closed_at, started_at, status, key }) {
                    // Those behind it ended before.
                    return Ok(());
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The whole of it; `None` if it is gone or has been redriven meanwhile.
    fn failure(&self, found: Found) -> Option<RecentFailure> {
        let Found { closed_at, started_at, status, key } = found;
        let (arn, machine, name, failure, state) = match key {
            Key::Standard(key) => {
                let failure = match self.execution(&key) {
                    Ok(view) if view.status != status => return None,
                    Ok(view) => view.failure,
                    Err(EngineError::NoSuchExecution) => return None,
                    // That it failed is known all the same.
                    Err(_) => None,
                };
                let order = HistoryOrder::NewestFirst { before: None };
                let events = self.history_page(&key, order, EVENTS).unwrap_or_default();
                (execution_arn(&key), key.machine, key.name, failure, failed_state(&events))
            }
            Key::Express(key) => {
                let execution = self.recent_express_execution(&key)?;
                let events: Vec<HistoryEvent> = match execution.is_cut {
                    true => Vec::new(),
                    false => execution.history().rev().take(EVENTS).collect(),
                };
                let failure = execution.ended.failure.clone();
                (express_arn(&key), key.machine, key.name, failure, failed_state(&events))
            }
        };
        let failure = failure.unwrap_or_default();
        Some(RecentFailure { arn, machine, name, status, started_at, closed_at, failure, state })
    }
}

/// The state that the end of a history goes back to; `events` are the last ones, the last one first.
fn failed_state(events: &[HistoryEvent]) -> Option<Arc<str>> {
    let entered = |event: &HistoryEvent| match &event.kind {
        HistoryEventKind::StateEntered { name, .. } => Some(name.clone()),
        _ => None,
    };
    let mut at = events.first()?;
    loop {
        if let Some(name) = entered(at) {
            return Some(name);
        }
        match events.iter().find(|event| event.id == at.previous_event_id) {
            Some(before) if before.id < at.id => at = before,
            // An execution that ran out of time was in the states that it entered last.
            Some(_) | None if at.previous_event_id == 0 => return events.iter().find_map(entered),
            Some(_) | None => return None,
        }
    }
}
