//! Who may be sent next: slots of targets, tasks and workers of activities.
//!
//! All shards share one dispatcher behind a lock; nothing in it waits or does I/O. It lives in
//! memory alone: what is queued here is scheduled in some journal and not started, and is queued
//! again after a restart.
//!
//! A slot is taken when a task is let through and given back when its outcome arrives, also when
//! that no longer matters: what was cancelled still runs until its integration says otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stepwell_model::{EntityId, TaskRef, Timestamp};
use stepwell_task::Target;

use crate::catalogue::ActivityKey;
use crate::messages::Reply;
use crate::requests::ActivityTask;

/// A worker that waits for a task of an activity.
#[derive(Debug)]
pub struct Poller {
    /// Ascending: who came first is served first.
    pub id: u64,
    /// Of which activity.
    pub activity: Arc<ActivityKey>,
    /// What the worker calls itself.
    pub worker_name: Option<Arc<str>>,
    /// Until when it waits.
    pub deadline: Timestamp,
    /// Whether it has chosen a task, and wants no other instead.
    pub has_chosen: bool,
    /// Where the task goes.
    pub reply: Reply<Option<ActivityTask>>,
}

/// First come, first served, with room in front for what comes back.
#[derive(Debug, Default)]
struct Queue {
    tasks: BTreeMap<i64, TaskRef>,
}

impl Queue {
    fn push_back(&mut self, task: TaskRef) -> i64 {
        let at = self.tasks.last_key_value().map_or(0, |(last, _)| last + 1);
        self.tasks.insert(at, task);
        at
    }

    fn push_front(&mut self, task: TaskRef) -> i64 {
        let at = self.tasks.first_key_value().map_or(0, |(first, _)| first - 1);
        self.tasks.insert(at, task);
        at
    }

    fn pop_front(&mut self) -> Option<TaskRef> {
        self.tasks.pop_first().map(|(_, task)| task)
    }
}

/// The slots of one target.
#[derive(Debug, Default)]
struct Lane {
    slots: usize,
    busy: usize,
    queue: Queue,
}

/// One activity.
#[derive(Debug, Default)]
struct Counter {
    queue: Queue,
    pollers: BTreeMap<u64, Poller>,
}

#[derive(Debug)]
enum Whereabouts {
    /// In the queue of a target.
    InLane(Arc<str>, i64),
    /// In the queue of an activity.
    AtCounter(Arc<ActivityKey>, i64),
    /// Has a slot of a target.
    Running(Arc<str>),
}

/// See the documentation of the module.
#[derive(Debug, Default)]
pub struct Dispatcher {
    lanes: HashMap<Arc<str>, Lane>,
    counters: HashMap<Arc<ActivityKey>, Counter>,
    tasks: HashMap<TaskRef, Whereabouts>,
    deadlines: BTreeSet<(Timestamp, u64)>,
    pollers: HashMap<u64, Arc<ActivityKey>>,
    running: usize,
    last_poller: u64,
    draining: bool,
}

impl Dispatcher {
    /// Takes a slot of `target` for `task`; without a free one, or with others before it, the task
    /// is queued and the answer is false.
    pub fn claim(&mut self, target: &Target, task: TaskRef) -> bool {
        let lane = self.lanes.entry(target.name.clone()).or_default();
        lane.slots = target.slots;
        let free = lane.busy < lane.slots && lane.queue.tasks.is_empty() && !self.draining;
        let whereabouts = if free {
            lane.busy += 1;
            self.running += 1;
            Whereabouts::Running(target.name.clone())
        } else {
            Whereabouts::InLane(target.name.clone(), lane.queue.push_back(task))
        };
        self.tasks.insert(task, whereabouts);
        free
    }

    /// The outcome of `task` is there, or it will not be sent after all: its slot is free. Gives
    /// the task that has it now.
    pub fn finish(&mut self, task: TaskRef) -> Option<TaskRef> {
        let Some(Whereabouts::Running(name)) = self.tasks.get(&task) else { return None };
        let name = name.clone();
        self.tasks.remove(&task);
        self.running -= 1;
        let lane = self.lanes.get_mut(&name)?;
        lane.busy -= 1;
        if self.draining || lane.busy >= lane.slots {
            return None;
        }
        let next = lane.queue.pop_front()?;
        lane.busy += 1;
        self.running += 1;
        self.tasks.insert(next, Whereabouts::Running(name));
        Some(next)
    }

    /// Takes a task out of the queue it waits in. One that has a slot keeps it.
    pub fn forget(&mut self, task: TaskRef) {
        match self.tasks.get(&task) {
            None | Some(Whereabouts::Running(_)) => (),
            Some(Whereabouts::InLane(name, at)) => {
                if let Some(lane) = self.lanes.get_mut(name) {
                    lane.queue.tasks.remove(at);
                }
                self.tasks.remove(&task);
            }
            Some(Whereabouts::AtCounter(activity, at)) => {
                let (activity, at) = (activity.clone(), *at);
                if let Some(counter) = self.counters.get_mut(&activity) {
                    counter.queue.tasks.remove(&at);
                }
                self.tasks.remove(&task);
                self.sweep(&activity);
            }
        }
    }

    /// Whether a task waits in a queue or has a slot.
    pub fn knows(&self, task: TaskRef) -> bool {
        self.tasks.contains_key(&task)
    }

    /// Takes all tasks of an execution out of the queues they wait in: it cannot be read any more, so
    /// nobody knows which they are.
    pub fn forget_all_of(&mut self, execution: EntityId) {
        let tasks = self.tasks.keys().filter(|task| task.execution == execution);
        let tasks: Vec<TaskRef> = tasks.copied().collect();
        tasks.into_iter().for_each(|task| self.forget(task));
    }

    /// Offers a task to the workers of its activity: the first that still listens is the answer;
    /// if nobody does, the task is queued (in front, if it had its turn already).
    pub fn offer(&mut self, activity: &Arc<ActivityKey>, task: TaskRef, in_front: bool) -> Option<Poller> {
        while !self.draining
            && let Some(poller) = self.first_poller(activity)
        {
            if !poller.reply.is_closed() {
                return Some(poller);
            }
        }
        let counter = self.counters.entry(activity.clone()).or_default();
        let at = if in_front { counter.queue.push_front(task) } else { counter.queue.push_back(task) };
        self.tasks.insert(task, Whereabouts::AtCounter(activity.clone(), at));
        None
    }

    fn first_poller(&mut self, activity: &Arc<ActivityKey>) -> Option<Poller> {
        let (_, poller) = self.counters.get_mut(activity)?.pollers.pop_first()?;
        self.pollers.remove(&poller.id);
        self.deadlines.remove(&(poller.deadline, poller.id));
        self.sweep(activity);
        Some(poller)
    }

    /// The number of the next poller.
    pub fn new_poller(&mut self) -> u64 {
        self.last_poller += 1;
        self.last_poller
    }

    /// A worker asks: it gets the first task that waits, or waits itself. While draining it is
    /// told at once that there is none.
    pub fn poll(&mut self, poller: Poller) -> Option<(TaskRef, Poller)> {
        if self.draining {
            let _ = poller.reply.send(Ok(None));
            return None;
        }
        let activity = poller.activity.clone();
        let counter = self.counters.entry(activity.clone()).or_default();
        match counter.queue.pop_front() {
            Some(task) => {
                self.tasks.remove(&task);
                self.sweep(&activity);
                Some((task, poller))
            }
            None => {
                self.deadlines.insert((poller.deadline, poller.id));
                self.pollers.insert(poller.id, activity);
                counter.pollers.insert(poller.id, poller);
                None
            }
        }
    }

    /// Takes a task out of the queue of its activity for somebody who wants this one, whatever waits before
    /// it; nothing if it waits in none.
    pub fn choose(&mut self, task: TaskRef) -> Option<Arc<ActivityKey>> {
        let Some(Whereabouts::AtCounter(activity, _)) = self.tasks.get(&task) else { return None };
        let activity = activity.clone();
        if self.draining {
            return None;
        }
        self.forget(task);
        Some(activity)
    }

    /// The worker does not listen any more.
    pub fn remove_poller(&mut self, id: u64) {
        if let Some(activity) = self.pollers.remove(&id) {
            let counter = self.counters.get_mut(&activity);
            if let Some(poller) = counter.and_then(|counter| counter.pollers.remove(&id)) {
                self.deadlines.remove(&(poller.deadline, id));
            }
            self.sweep(&activity);
        }
    }

    /// Tells those that have waited long enough that there is no task.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((deadline, id)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let Some(activity) = self.pollers.remove(&id) else { continue };
            let counter = self.counters.get_mut(&activity);
            if let Some(poller) = counter.and_then(|counter| counter.pollers.remove(&id)) {
                // A worker that has gone meanwhile misses nothing.
                let _ = poller.reply.send(Ok(None));
            }
            self.sweep(&activity);
        }
    }

    /// When `expire` is next wanted.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// From now on nothing new is let through, and workers are told that there is nothing.
    pub fn drain(&mut self) {
        self.draining = true;
        self.expire(Timestamp::from_epoch_ms(u64::MAX));
    }

    /// How many tasks have slots.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many tasks wait for a slot or a worker.
    pub fn queued(&self) -> usize {
        self.tasks.len() - self.running
    }

    /// How many workers wait.
    pub fn waiting_workers(&self) -> usize {
        self.pollers.len()
    }

    /// The tasks that have slots, in order.
    pub fn running_tasks(&self) -> Vec<TaskRef> {
        let running = self.tasks.iter().filter(|(_, place)| matches!(place, Whereabouts::Running(_)));
        let mut tasks: Vec<TaskRef> = running.map(|(task, _)| *task).collect();
        tasks.sort();
        tasks
    }

    /// The tasks that wait for a slot or a worker, in the order of their identities.
    pub fn queued_tasks(&self) -> Vec<TaskRef> {
        let queued = self.tasks.iter().filter(|(_, place)| !matches!(place, Whereabouts::Running(_)));
        let mut tasks: Vec<TaskRef> = queued.map(|(task, _)| *task).collect();
        tasks.sort();
        tasks
    }

    /// Drops every worker without an answer: the engine has stopped.
    pub fn drop_pollers(&mut self) {
        self.draining = true;
        self.deadlines.clear();
        self.pollers.clear();
        for counter in self.counters.values_mut() {
            counter.pollers.clear();
        }
    }

    /// Drops an activity's counter when nobody stands on either side of it.
    fn sweep(&mut self, activity: &Arc<ActivityKey>) {
        if let Some(counter) = self.counters.get(activity)
            && counter.queue.tasks.is_empty()
            && counter.pollers.is_empty()
        {
            self.counters.remove(activity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::{EngineError, Place};
    use tokio::sync::oneshot;

    fn task(number: u64) -> TaskRef {
        TaskRef { execution: EntityId { partition: 0, number }, scheduled_event_id: 5 }
    }

    fn target(slots: usize) -> Target {
        Target { name: "f".into(), slots, idempotent: false }
    }

    fn activity() -> Arc<ActivityKey> {
        let place = Place { account: "1".into(), region: "r".into() };
        Arc::new(ActivityKey { place, name: "a".into() })
    }

    type Heard = oneshot::Receiver<Result<Option<ActivityTask>, EngineError>>;

    fn poller(dispatcher: &mut Dispatcher, deadline: u64) -> (Poller, Heard) {
        let (reply, heard) = oneshot::channel();
        let id = dispatcher.new_poller();
        let deadline = Timestamp::from_epoch_ms(deadline);
        let has_chosen = false;
        (Poller { id, activity: activity(), worker_name: None, deadline, has_chosen, reply }, heard)
    }

    #[test]
    fn slots_bound_what_runs_and_queues_keep_their_order() {
        let mut dispatcher = Dispatcher::default();
        let let_through: Vec<bool> = (1..=4).map(|n| dispatcher.claim(&target(2), task(n))).collect();
        assert_eq!(let_through, [true, true, false, false]);
        assert_eq!((dispatcher.running(), dispatcher.queued()), (2, 2));
        dispatcher.forget(task(3));
        assert_eq!(dispatcher.finish(task(1)), Some(task(4)));
        assert_eq!(dispatcher.finish(task(1)), None);
        assert_eq!(dispatcher.finish(task(2)), None);
        assert_eq!(dispatcher.running_tasks(), [task(4)]);
    }

    #[test]
    fn nothing_new_is_let_through_while_draining() {
        let mut dispatcher = Dispatcher::default();
        let (waiting, mut heard) = poller(&mut dispatcher, 10);
        assert!(dispatcher.poll(waiting).is_none());
        assert!(dispatcher.claim(&target(1), task(1)));
        assert!(!dispatcher.claim(&target(1), task(2)));
        dispatcher.drain();
        assert_eq!(heard.try_recv(), Ok(Ok(None)));
        assert_eq!(dispatcher.finish(task(1)), None);
        assert!(!dispatcher.claim(&target(1), task(3)));
        assert_eq!(dispatcher.running(), 0);
    }

    #[test]
    fn a_task_is_chosen_out_of_its_queue_and_the_others_keep_their_order() {
        let mut dispatcher = Dispatcher::default();
        for n in [1, 2, 3] {
            assert!(dispatcher.offer(&activity(), task(n), false).is_none());
        }
        assert_eq!(dispatcher.choose(task(2)), Some(activity()));
        assert_eq!(dispatcher.choose(task(2)), None);
        assert!(dispatcher.claim(&target(1), task(4)) && dispatcher.choose(task(4)).is_none());
        assert_eq!(dispatcher.queued_tasks(), [task(1), task(3)]);
        dispatcher.drain();
        assert_eq!(dispatcher.choose(task(1)), None);
    }

    #[test]
    fn workers_and_tasks_meet_in_order() {
        let mut dispatcher = Dispatcher::default();
        for n in [1, 2, 3] {
            assert!(dispatcher.offer(&activity(), task(n), false).is_none());
        }
        assert!(dispatcher.offer(&activity(), task(0), true).is_none());
        dispatcher.forget(task(2));
        let mut served = Vec::new();
        for _ in 0..4 {
            let (asks, _heard) = poller(&mut dispatcher, 10);
            served.extend(dispatcher.poll(asks).map(|(task, _)| task));
        }
        assert_eq!(served, [task(0), task(1), task(3)]);
        assert_eq!(dispatcher.waiting_workers(), 1);
    }

    #[test]
    fn a_worker_that_went_away_gets_nothing() {
        let mut dispatcher = Dispatcher::default();
        let (gone, heard_by_gone) = poller(&mut dispatcher, 10);
        let (there, _heard) = poller(&mut dispatcher, 10);
        assert!(dispatcher.poll(gone).is_none());
        assert!(dispatcher.poll(there).is_none());
        drop(heard_by_gone);
        let served = dispatcher.offer(&activity(), task(1), false).expect("the second one listens");
        assert_eq!(served.id, 2);
        assert_eq!(dispatcher.next_deadline(), None);
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let mut dispatcher = Dispatcher::default();
        let (short, mut heard_by_short) = poller(&mut dispatcher, 10);
        let (long, mut heard_by_long) = poller(&mut dispatcher, 20);
        let (removed, _) = poller(&mut dispatcher, 5);
        let removed_id = removed.id;
        for poller in [short, long, removed] {
            assert!(dispatcher.poll(poller).is_none());
        }
        dispatcher.remove_poller(removed_id);
        assert_eq!(dispatcher.next_deadline(), Some(Timestamp::from_epoch_ms(10)));
        dispatcher.expire(Timestamp::from_epoch_ms(10));
        assert_eq!(heard_by_short.try_recv(), Ok(Ok(None)));
        assert!(heard_by_long.try_recv().is_err());
        assert_eq!(dispatcher.waiting_workers(), 1);
    }
}
