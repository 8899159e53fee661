//! Express executions that ended not long ago: AWS shows them in its logs alone, here they can be read.
//!
//! They are kept in memory, up to a bound in bytes, and the oldest make room. What was recorded is kept
//! as a journal has it, in one piece: a fraction of what it takes as events, whose memory is used
//! again while the processor still has it at hand. History events are made of it when somebody asks.
//! With a bound of 0 nothing is kept, and nothing is done.
//!
//! As many as time and room allow are written to [`disk`] as well, by a thread of its own. Memory holds
//! those that ended last, without a gap; what ended before them is looked for on disk.

mod disk;
mod record;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_asl::{Event, Origin, decode, encode, project};
use stepwell_model::{ExecutionStatus, HistoryEvent, Timestamp};
use stepwell_value::Payload;

use self::disk::Disk;
use crate::commons::Commons;
use crate::engine::Engine;
use crate::options::{EngineOptions, RecentDisk};
use crate::requests::{ExpressEnded, ExpressKey, MachineKey, Place};

/// What one kept execution takes beside its payloads and events, roughly, in bytes.
const BASE_BYTES: usize = 512;

/// What an event takes beside its payload, roughly, in bytes.
const EVENT_BYTES: usize = size_of::<Event>() + 32;

/// How many bits of a number count within the millisecond in which the run began.
const NUMBERS_PER_MS_BITS: u32 = 20;

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
    /// The number of what it ran.
    revision: u64,
    /// What was recorded, as the body of a chunk.
    body: Box<[u8]>,
    bytes: usize,
    /// Ascending in the order of ends.
    pub number: u64,
}

/// What a list shows of an Express execution that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentSummary {
    /// Which one.
    pub key: ExpressKey,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub closed_at: Timestamp,
    /// Ascending in the order of ends.
    pub number: u64,
}

impl RecentExpress {
    /// Its history.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = HistoryEvent> {
        // What was encoded here, or has been decoded before, can be decoded.
        let events = decode(&self.body).unwrap_or_default();
        events.into_iter().filter_map(|event| project(&event, &self.origin))
    }

    fn summary(&self) -> RecentSummary {
        let ExpressEnded { key, status, started_at, closed_at, .. } = &self.ended;
        let (key, number) = (key.clone(), self.number);
        RecentSummary { key, status: *status, started_at: *started_at, closed_at: *closed_at, number }
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
    disk: Option<Disk>,
}

#[derive(Debug, Default)]
struct Room {
    executions: VecDeque<Arc<RecentExpress>>,
    bytes: usize,
    last: u64,
}

impl Recent {
    /// Room as the options have it; no bytes of memory keep nothing, on disk neither.
    ///
    /// # Errors
    ///
    /// If the thread that writes cannot be started.
    pub(crate) fn new(options: &EngineOptions, now: Timestamp) -> std::io::Result<Recent> {
        let bytes_max = options.recent_express_bytes_max;
        let is_on = |disk: &RecentDisk| bytes_max > 0 && disk.bytes_max > 0;
        let disk = options.recent_express_disk.clone().filter(is_on);
        let disk = disk.map(|disk| Disk::open(disk, options.log.clone())).transpose()?;
        // Numbers go on from those of the last run, which are not all known at once.
        let room = Room { last: now.epoch_ms << NUMBERS_PER_MS_BITS, ..Room::default() };
        Ok(Recent { bytes_max, room: Mutex::new(room), disk })
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
    pub(crate) fn keep(&self, kept: Kept, origin: &Arc<Origin>, revision: u64, ended: ExpressEnded) {
        let Kept { events, bytes: _, is_cut } = kept;
        let body: Box<[u8]> = encode(&events).into();
        drop(events);
        // The text alone: whatever was parsed of it is let go.
        let text_of = |payload: &Payload| Payload::trusted(payload.text());
        let (input, output) = (text_of(&ended.input), ended.output.as_ref().map(text_of));
        let ended = ExpressEnded { input, output, ..ended };
        let texts = ended.input.text().len() + ended.output.as_ref().map_or(0, |output| output.text().len());
        let bytes = BASE_BYTES + body.len() + texts;
        let origin = origin.clone();
        let mut execution = RecentExpress { ended, is_cut, origin, revision, body, bytes, number: 0 };
        let mut leave = Vec::new();
        let mut room = self.room();
        // A clock that was put back must not make what is new look old.
        room.last = room.last.max(self.disk.as_ref().map_or(0, Disk::highest)) + 1;
        execution.number = room.last;
        let execution = Arc::new(execution);
        let for_disk = self.disk.is_some().then(|| execution.clone());
        room.bytes += bytes;
        room.executions.push_back(execution);
        while room.bytes > self.bytes_max
            && let Some(oldest) = room.executions.pop_front()
        {
            room.bytes -= oldest.bytes;
            leave.push(oldest);
        }
        // Freed by whoever came last, and not while others wait for the room.
        drop(room);
        drop(leave);
        if let (Some(disk), Some(execution)) = (&self.disk, for_disk) {
            disk.offer(&execution);
        }
    }

    /// Writes what waits for the disk; takes in nothing more for it.
    pub(crate) fn close(&self) {
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// How many executions were written to disk, and how many were not for want of room or time.
    pub(crate) fn disk_counts(&self) -> (u64, u64) {
        self.disk.as_ref().map_or((0, 0), Disk::counts)
    }

    fn find(&self, key: &ExpressKey) -> Option<Arc<RecentExpress>> {
        self.room().executions.iter().rev().find(|execution| execution.ended.key == *key).cloned()
    }
}

/// Whether this is a bad end that nobody chose.
fn has_failed(status: ExecutionStatus) -> bool {
    matches!(status, ExecutionStatus::Failed | ExecutionStatus::TimedOut)
}

impl Engine {
    /// Express executions of a machine that ended not long ago, the last one first: those before
    /// `before` (a [`RecentSummary::number`]), at most `limit`. Reads files.
    pub fn recent_express(
        &self,
        machine: &MachineKey,
        status: Option<ExecutionStatus>,
        before: Option<u64>,
        limit: usize,
    ) -> Vec<RecentSummary> {
        let recent = &self.commons().recent;
        let before = before.unwrap_or(u64::MAX);
        let room = recent.room();
        let wanted = |execution: &&Arc<RecentExpress>| {
            execution.ended.key.machine == *machine
                && status.is_none_or(|status| execution.ended.status == status)
                && execution.number < before
        };
        let in_memory = room.executions.iter().rev().filter(wanted).take(limit);
        let mut found: Vec<RecentSummary> = in_memory.map(|execution| execution.summary()).collect();
        // Memory has all from its oldest on.
        let oldest = room.executions.front().map_or(u64::MAX, |oldest| oldest.number);
        drop(room);
        if let Some(disk) = &recent.disk
            && found.len() < limit
        {
            found.extend(disk.list(machine, status, before.min(oldest), limit - found.len()));
        }
        found
    }

    /// Those of a machine, or of all of a place, that failed or timed out, the last one first, at most
    /// `limit`. Reads files.
    pub(crate) fn recent_express_failures(
        &self,
        place: &Place,
        machine: Option<&MachineKey>,
        limit: usize,
    ) -> Vec<RecentSummary> {
        let recent = &self.commons().recent;
        let is_meant =
            |key: &MachineKey| key.place == *place && machine.is_none_or(|machine| *machine == *key);
        let room = recent.room();
        let wanted = |execution: &&Arc<RecentExpress>| {
            has_failed(execution.ended.status) && is_meant(&execution.ended.key.machine)
        };
        let in_memory = room.executions.iter().rev().filter(wanted).take(limit);
        let mut found: Vec<RecentSummary> = in_memory.map(|execution| execution.summary()).collect();
        let oldest = room.executions.front().map_or(u64::MAX, |oldest| oldest.number);
        drop(room);
        if let Some(disk) = &recent.disk
            && found.len() < limit
        {
            found.extend(disk.failures(is_meant, machine, oldest, limit - found.len()));
        }
        found
    }

    /// An Express execution that ended not long ago; `None` if it is not kept (any more). Reads a file.
    pub fn recent_express_execution(&self, key: &ExpressKey) -> Option<Arc<RecentExpress>> {
        let commons: &Commons = self.commons();
        let on_disk = || commons.recent.disk.as_ref()?.find(commons, key).map(Arc::new);
        commons.recent.find(key).or_else(on_disk)
    }
}
