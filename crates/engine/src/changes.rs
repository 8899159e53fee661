//! Who wants to be told what was committed, and how they are told.
//!
//! A watcher hears that something has changed since it looked, and reads what from the store: so
//! nothing queues, however slow it is, and one that begins to watch before it looks misses nothing.
//!
//! | watcher | is told when |
//! |---|---|
//! | [`ExecutionWatcher`] | a chunk of the execution is durable, or it is gone |
//! | [`PlaceWatcher`] | a machine of an account and region was created, changed or deleted, or an execution of it started, ended or was redriven |
//!
//! Where nobody watches, a batch costs the committer one look at a number, a turn one its shard, and
//! an Express execution one its thread.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_asl::{Event, EventKind};
use stepwell_model::{EntityId, ExecutionStatus, HistoryEvent, Timestamp};
use stepwell_store::{Chunk, ChunkHeader};
use tokio::sync::watch;

use crate::catalogue::Revision;
use crate::commons::Commons;
use crate::deletion;
use crate::engine::Engine;
use crate::requests::{EngineError, ExecutionKey, MachineKey, Place};

/// Of so many machines of a place it is known which ones changed. Who is behind by more is told that
/// all of them did.
const MACHINES_MAX: usize = 10_000;

/// All who watch.
#[derive(Default)]
pub(crate) struct Changes {
    /// How many watch executions.
    executions: AtomicUsize,
    /// How many watch places.
    places: AtomicUsize,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    executions: HashMap<EntityId, watch::Sender<()>>,
    places: HashMap<Place, (watch::Sender<()>, News)>,
    /// The engine has stopped: nothing will ever change.
    is_over: bool,
}

/// Which machines of a place changed, the last change of each.
#[derive(Debug, Default)]
struct News {
    /// The number of the last change.
    last: u64,
    machines: BTreeMap<u64, Arc<str>>,
    numbers: HashMap<Arc<str>, u64>,
    /// The number of the last change that is known no more.
    forgotten: u64,
}

impl News {
    fn add(&mut self, machine: &Arc<str>) {
        self.last += 1;
        if let Some(before) = self.numbers.insert(machine.clone(), self.last) {
            self.machines.remove(&before);
        }
        self.machines.insert(self.last, machine.clone());
        if self.machines.len() > MACHINES_MAX
            && let Some((number, oldest)) = self.machines.pop_first()
        {
            self.numbers.remove(&oldest);
            self.forgotten = number;
        }
    }
}

impl Changes {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().expect("nobody panics while holding the list of those who watch")
    }

    /// Whether anybody watches a place.
    pub(crate) fn are_places_watched(&self) -> bool {
        self.places.load(Ordering::Relaxed) > 0
    }

    /// These chunks are durable.
    pub(crate) fn tell_chunks(&self, chunks: &[Chunk]) {
        // Either the load below sees a watcher, or what that one reads next has these chunks.
        fence(Ordering::SeqCst);
        if self.executions.load(Ordering::Relaxed) == 0 {
            return;
        }
        let watched = self.watched();
        for chunk in chunks {
            if let Some(heard) = watched.executions.get(&chunk.header.entity) {
                heard.send_replace(());
            }
        }
    }

    /// Executions are gone. Which ones only the store knows, so all who watch one look whether it is theirs.
    pub(crate) fn tell_of_sweep(&self) {
        for heard in self.watched().executions.values() {
            heard.send_replace(());
        }
    }

    /// These machines, or executions of theirs, have changed, and whoever looks can see it.
    pub(crate) fn tell_machines(&self, revisions: &[Arc<Revision>]) {
        if revisions.is_empty() {
            return;
        }
        let mut watched = self.watched();
        for revision in revisions {
            tell(&mut watched, &revision.key);
        }
    }

    /// The same of one machine, if anybody watches.
    pub(crate) fn tell_machine(&self, key: &MachineKey) {
        if self.are_places_watched() {
            tell(&mut self.watched(), key);
        }
    }

    /// Nothing will change any more. Also said by a thread that panicked, perhaps in the midst of this.
    pub(crate) fn end(&self) {
        if let Ok(mut watched) = self.watched.lock() {
            *watched = Watched { is_over: true, ..Watched::default() };
        }
    }

    fn watch_execution(&self, entity: EntityId) -> watch::Receiver<()> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let heard = {
            let mut watched = self.watched();
            match watched.is_over {
                true => watch::Sender::new(()).subscribe(),
                false => {
                    watched.executions.entry(entity).or_insert_with(|| watch::Sender::new(())).subscribe()
                }
            }
        };
        fence(Ordering::SeqCst);
        heard
    }

    fn leave_execution(&self, entity: EntityId) {
        let mut watched = self.watched();
        // The one that leaves is still counted.
        if watched.executions.get(&entity).is_some_and(|heard| heard.receiver_count() <= 1) {
            watched.executions.remove(&entity);
        }
        drop(watched);
        self.executions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Where a watcher of a place hears of changes, and the number of the last one.
    fn watch_place(&self, place: &Place) -> (watch::Receiver<()>, u64) {
        self.places.fetch_add(1, Ordering::Relaxed);
        let mut watched = self.watched();
        if watched.is_over {
            return (watch::Sender::new(()).subscribe(), 0);
        }
        let new = || (watch::Sender::new(()), News::default());
        let (heard, news) = watched.places.entry(place.clone()).or_insert_with(new);
        (heard.subscribe(), news.last)
    }

    fn leave_place(&self, place: &Place) {
        let mut watched = self.watched();
        if watched.places.get(place).is_some_and(|(heard, _)| heard.receiver_count() <= 1) {
            watched.places.remove(place);
        }
        drop(watched);
        self.places.fetch_sub(1, Ordering::Relaxed);
    }

    /// The machines of a place that changed after the change `seen`, which becomes the last one;
    /// `None` if it is no longer known which ones.
    fn changed_since(&self, place: &Place, seen: &mut u64) -> Option<Vec<Arc<str>>> {
        let watched = self.watched();
        let Some((_, news)) = watched.places.get(place) else { return Some(Vec::new()) };
        let since = std::mem::replace(seen, news.last);
        if since < news.forgotten {
            return None;
        }
        Some(news.machines.range(since + 1..).map(|(_, machine)| machine.clone()).collect())
    }
}

fn tell(watched: &mut Watched, key: &MachineKey) {
    if let Some((heard, news)) = watched.places.get_mut(&key.place) {
        news.add(&key.name);
        heard.send_replace(());
    }
}

/// Whether lists of executions are other than before once a chunk is durable.
pub(crate) fn concerns_lists(header: &ChunkHeader, events: &[Event]) -> bool {
    header.opening.is_some()
        || header.status != ExecutionStatus::Running
        || events.iter().any(|event| matches!(event.kind, EventKind::ExecutionRedriven { .. }))
}

/// Is told when something of an execution is committed. Leaves when it is dropped.
pub struct ExecutionWatcher {
    reader: ExecutionReader,
    heard: watch::Receiver<()>,
}

impl ExecutionWatcher {
    /// Waits until something has been committed since the last wait, or since the watch began.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`]: nothing will ever be.
    pub async fn changed(&mut self) -> Result<(), EngineError> {
        let heard = self.heard.changed().await;
        heard.map_err(|_over| self.reader.commons.stopped_error())
    }

    /// Reads the execution.
    pub fn reader(&self) -> &ExecutionReader {
        &self.reader
    }
}

impl Drop for ExecutionWatcher {
    fn drop(&mut self) {
        self.reader.commons.changes.leave_execution(self.reader.entity);
    }
}

/// Reads an execution bit by bit.
#[derive(Clone)]
pub struct ExecutionReader {
    commons: Arc<Commons>,
    key: ExecutionKey,
    entity: EntityId,
}

/// How far an execution is, and what is new of its history.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionProgress {
    /// Its status.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// The id of its last history event.
    pub last_event_id: u64,
    /// What follows the event that was asked for, oldest first: not necessarily all.
    pub events: Vec<HistoryEvent>,
}

impl ExecutionReader {
    /// Which execution.
    pub fn key(&self) -> &ExecutionKey {
        &self.key
    }

    /// The execution as it is, and what follows the history event `after` (0: nothing is left out): at
    /// least `count` events, if there are so many. What else is in the last chunk that had to be read
    /// is not held back, so that no chunk is read twice. Reads the store: not for a thread that must not wait.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchExecution`] once it is gone, [`EngineError::Stopped`],
    /// [`EngineError::Damaged`].
    pub fn progress(&self, after: u64, count: usize) -> Result<ExecutionProgress, EngineError> {
        self.commons.execution_progress(self.entity, after, count)
    }
}

/// Is told which machines of a place change. Leaves when it is dropped.
pub struct PlaceWatcher {
    commons: Arc<Commons>,
    place: Place,
    heard: watch::Receiver<()>,
    seen: u64,
}

impl PlaceWatcher {
    /// Waits until machines of the place have changed since the last wait, or since the watch began,
    /// and names them.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`]: none ever will.
    pub async fn changed(&mut self) -> Result<Vec<MachineKey>, EngineError> {
        loop {
            let heard = self.heard.changed().await;
            heard.map_err(|_over| self.commons.stopped_error())?;
            let Some(names) = self.commons.changes.changed_since(&self.place, &mut self.seen) else {
                let machines = self.commons.catalogue().machines(&self.place);
                return Ok(machines.iter().map(|machine| machine.key.clone()).collect());
            };
            if !names.is_empty() {
                let place = &self.place;
                return Ok(names.into_iter().map(|name| MachineKey { place: place.clone(), name }).collect());
            }
        }
    }
}

impl Drop for PlaceWatcher {
    fn drop(&mut self) {
        self.commons.changes.leave_place(&self.place);
    }
}

impl Engine {
    /// Watches a Standard execution from now on. Reads the store: not for a thread that must not wait.
    ///
    /// # Errors
    ///
    /// As [`Engine::execution`].
    pub fn watch_execution(&self, key: &ExecutionKey) -> Result<ExecutionWatcher, EngineError> {
        let commons = self.wires().commons.clone();
        let entity = commons.entity_of(key)?;
        let heard = commons.changes.watch_execution(entity);
        Ok(ExecutionWatcher { reader: ExecutionReader { commons, key: key.clone(), entity }, heard })
    }

    /// Watches an account and region. What was decided before is durable when this comes back: so of
    /// everything that lists do not show yet, the watcher will be told.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`].
    pub async fn watch_place(&self, place: &Place) -> Result<PlaceWatcher, EngineError> {
        let commons = self.wires().commons.clone();
        let (heard, seen) = commons.changes.watch_place(place);
        let watcher = PlaceWatcher { commons, place: place.clone(), heard, seen };
        // Shards that had nobody to tell anything kept no notes; now they do.
        for durable in deletion::barriers(self.wires()) {
            self.hear(durable).await?;
        }
        Ok(watcher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { account: "123456789012".into(), region: "us-east-1".into() }
    }

    fn machine(name: &str) -> MachineKey {
        MachineKey { place: place(), name: name.into() }
    }

    #[test]
    fn a_machine_that_changes_often_is_named_once() {
        let changes = Changes::default();
        let (heard, mut seen) = changes.watch_place(&place());
        for name in ["a", "b", "a", "a"] {
            changes.tell_machine(&machine(name));
        }
        assert!(heard.has_changed().unwrap());
        let names = changes.changed_since(&place(), &mut seen).unwrap();
        assert_eq!(names, ["b".into(), "a".into()]);
        assert_eq!(changes.changed_since(&place(), &mut seen), Some(Vec::new()));
    }

    #[test]
    fn who_is_far_behind_is_told_that_more_has_changed_than_is_known() {
        let changes = Changes::default();
        let (_heard, mut late) = changes.watch_place(&place());
        for number in 0..=MACHINES_MAX {
            changes.tell_machine(&machine(&number.to_string()));
        }
        assert_eq!(changes.changed_since(&place(), &mut late), None);
        changes.tell_machine(&machine("m"));
        assert_eq!(changes.changed_since(&place(), &mut late), Some(vec!["m".into()]));
        let watched = changes.watched();
        let (_, news) = &watched.places[&place()];
        assert_eq!((news.machines.len(), news.numbers.len()), (MACHINES_MAX, MACHINES_MAX));
    }

    #[test]
    fn nothing_is_kept_for_those_who_have_left() {
        let changes = Changes::default();
        let entity = EntityId { partition: 1, number: 2 };
        let (one, other) = (changes.watch_execution(entity), changes.watch_execution(entity));
        let heard = changes.watch_place(&place());
        changes.leave_execution(entity);
        drop(one);
        assert_eq!(changes.watched().executions.len(), 1);
        changes.leave_execution(entity);
        drop(other);
        changes.leave_place(&place());
        drop(heard);
        let watched = changes.watched();
        assert!(watched.executions.is_empty() && watched.places.is_empty());
        assert_eq!(changes.executions.load(Ordering::Relaxed), 0);
        assert!(!changes.are_places_watched());
    }

    #[test]
    fn who_begins_to_watch_at_the_end_hears_of_it() {
        let changes = Changes::default();
        let before = changes.watch_execution(EntityId { partition: 0, number: 1 });
        changes.end();
        assert!(before.has_changed().is_err());
        assert!(changes.watch_execution(EntityId { partition: 0, number: 2 }).has_changed().is_err());
        assert!(changes.watch_place(&place()).0.has_changed().is_err());
    }
}
