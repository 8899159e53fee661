//! Express executions that ended not long ago: AWS shows them in its logs alone, here they can be read.
//!
//! They are kept in memory, up to a bound in bytes, and the oldest make room. What is kept is what was
//! decided anyhow, moved and not copied; history events are made of it when somebody asks. With a
//! bound of 0 nothing is kept, and nothing is done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_asl::{Event, Origin, project};
use stepwell_model::{ExecutionStatus, HistoryEvent};

use crate::engine::Engine;
use crate::requests::{ExpressEnded, ExpressKey, MachineKey};

/// What one kept execution takes beside its payloads and events, roughly, in bytes.
const BASE_BYTES: usize = 512;

/// What an event takes beside its payload, roughly, in bytes.
const EVENT_BYTES: usize = size_of::<Event>() + 32;

/// One history may take so much of the room, in parts of it; what comes later of it is left out.
const SHARE: usize = 8;

/// An Express execution that ended.
#[derive(Debug)]
pub struct RecentExpress {
    /// How it ended.
    pub ended: ExpressEnded,
    /// Whether the last events of its history were left out, because there were too many.
    pub is_cut: bool,
    origin: Arc<Origin>,
    events: Vec<Event>,
    bytes: usize,
    /// Ascending in the order of ends.
    pub number: u64,
}

impl RecentExpress {
    /// Its history.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = HistoryEvent> {
        self.events.iter().filter_map(|event| project(event, &self.origin))
    }
}

/// What was recorded of an execution so far, for when it ends.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    events: Vec<Event>,
    bytes: usize,
    is_cut: bool,
}

/// The executions that ended last.
#[derive(Debug)]
pub(crate) struct Recent {
    bytes_max: usize,
    room: Mutex<Room>,
}

#[derive(Debug, Default)]
struct Room {
    executions: VecDeque<Arc<RecentExpress>>,
    bytes: usize,
    last: u64,
}

impl Recent {
    /// Room for so many bytes; 0 keeps nothing.
    pub(crate) fn new(bytes_max: usize) -> Recent {
        Recent { bytes_max, room: Mutex::default() }
    }

    /// Whether anything is kept.
    pub(crate) fn is_on(&self) -> bool {
        self.bytes_max > 0
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().expect("nobody panics while holding the recent executions")
    }

    /// Takes in what was recorded of an execution that goes on.
    pub(crate) fn gather(&self, kept: &mut Kept, events: Vec<Event>) {
        if kept.is_cut {
            return;
        }
        let room = (self.bytes_max / SHARE).saturating_sub(kept.bytes);
        let mut bytes = 0;
        let fits = |event: &Event| {
            let more = bytes + EVENT_BYTES + event.kind.payload_bytes();
            let fits = more <= room;
            if fits {
                bytes = more;
            }
            fits
        };
        let count = events.iter().map(fits).take_while(|fits| *fits).count();
        kept.is_cut = count < events.len();
        kept.bytes += bytes;
        if kept.events.is_empty() && !kept.is_cut {
            // Nearly always: all there is, taken as it is.
            kept.events = events;
        } else {
            kept.events.extend(events.into_iter().take(count));
        }
    }

    /// Takes in an execution that ended.
    pub(crate) fn keep(&self, kept: Kept, origin: &Arc<Origin>, ended: ExpressEnded) {
        let Kept { events, bytes, is_cut } = kept;
        let bytes = BASE_BYTES + bytes;
        let mut execution = RecentExpress { ended, is_cut, origin: origin.clone(), events, bytes, number: 0 };
        let mut leave = Vec::new();
        let mut room = self.room();
        room.last += 1;
        execution.number = room.last;
        room.bytes += bytes;
        room.executions.push_back(Arc::new(execution));
        while room.bytes > self.bytes_max
            && let Some(oldest) = room.executions.pop_front()
        {
            room.bytes -= oldest.bytes;
            leave.push(oldest);
        }
        // Freed by whoever came last, and not while others wait for the room.
        drop(room);
        drop(leave);
    }

    fn find(&self, key: &ExpressKey) -> Option<Arc<RecentExpress>> {
        self.room().executions.iter().rev().find(|execution| execution.ended.key == *key).cloned()
    }
}

impl Engine {
    /// Express executions of a machine that ended not long ago, the last one first: those before
    /// `before` (a [`RecentExpress::number`]), at most `limit`.
    pub fn recent_express(
        &self,
        machine: &MachineKey,
        status: Option<ExecutionStatus>,
        before: Option<u64>,
        limit: usize,
    ) -> Vec<Arc<RecentExpress>> {
        let room = self.commons().recent.room();
        let wanted = |execution: &&Arc<RecentExpress>| {
            execution.ended.key.machine == *machine
                && status.is_none_or(|status| execution.ended.status == status)
                && before.is_none_or(|before| execution.number < before)
        };
        room.executions.iter().rev().filter(wanted).take(limit).cloned().collect()
    }

    /// An Express execution that ended not long ago; `None` if it is not kept (any more).
    pub fn recent_express_execution(&self, key: &ExpressKey) -> Option<Arc<RecentExpress>> {
        self.commons().recent.find(key)
    }
}
