//! What has more to do, in a fair order: state machines take turns, and so do the executions of each.
//!
//! A machine with a million executions that could go on holds up another one for the time of one slice,
//! not of a million. Executions go on in the pool: see `loans`. Tasks that cannot be sent fail here.

use std::collections::{HashMap, VecDeque};

use stepwell_model::{EntityId, Failure, TaskRef};

use super::Shard;

/// How many events tasks that fail may record in one turn; whatever arrived meanwhile is heard then, and
/// its answers are not in one commit with more than this of others.
const EVENTS_A_TURN: usize = 1_024;

/// How many events may wait for their commits before what has more to do waits too. What arrives does
/// not: it would come behind all of them, in a commit that takes the longer the more there are.
const EVENTS_UNWRITTEN_MAX: u64 = 2_048;

/// How many events of which turns are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    turns: VecDeque<(u64, u64)>,
    events: u64,
}

impl Unwritten {
    /// A turn has recorded events.
    pub(super) fn add(&mut self, turn: u64, events: u64) {
        if events > 0 {
            self.turns.push_back((turn, events));
            self.events += events;
        }
    }

    /// All turns up to this one are durable.
    pub(super) fn committed(&mut self, turn: u64) {
        while let Some((_, events)) = self.turns.pop_front_if(|(at, _)| *at <= turn) {
            self.events -= events;
        }
    }

    /// Whether more may be added by what could as well wait.
    pub(super) fn has_room(&self) -> bool {
        self.events < EVENTS_UNWRITTEN_MAX
    }
}

/// A task that cannot be sent: it is started and fails at once.
pub(super) type Refusal = (TaskRef, Failure);

/// What goes on later, machine by machine.
#[derive(Debug)]
pub(super) struct ReadyQueue<T> {
    /// Of each machine, by its number, what goes on; none of them empty.
    of_machine: HashMap<u64, VecDeque<T>>,
    /// The machines, each once, in the order of their turns.
    turns: VecDeque<u64>,
    len: usize,
}

impl<T> Default for ReadyQueue<T> {
    fn default() -> ReadyQueue<T> {
        ReadyQueue { of_machine: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }
}

impl<T> ReadyQueue<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts something behind what its machine has to do already.
    pub(super) fn push(&mut self, machine: u64, ready: T) {
        let queue = self.of_machine.entry(machine).or_default();
        if queue.is_empty() {
            self.turns.push_back(machine);
        }
        queue.push_back(ready);
        self.len += 1;
    }

    /// The next of the machine whose turn it is; then it is another one's.
    pub(super) fn pop(&mut self) -> Option<T> {
        let machine = self.turns.pop_front()?;
        let queue = self.of_machine.get_mut(&machine)?;
        let ready = queue.pop_front()?;
        self.len -= 1;
        if queue.is_empty() {
            self.of_machine.remove(&machine);
        } else {
            self.turns.push_back(machine);
        }
        Some(ready)
    }
}

impl Shard {
    /// Whether tasks that cannot be sent may fail now.
    pub(super) fn may_refuse(&self) -> bool {
        !self.refused.is_empty() && self.unwritten.has_room()
    }

    /// Notes that an execution has more to do, once.
    pub(super) fn go_on_later(&mut self, entity: EntityId) {
        if let Some(resident) = self.residents.get_mut(&entity)
            && !resident.queued
        {
            resident.queued = true;
            self.ready.push(resident.revision.machine, entity);
        }
    }

    /// Lets tasks fail that cannot be sent: what they lead to is for the next turn, which hears first
    /// what has arrived. What this turn has to let out does not wait for them: then they fail in the next
    /// one, whatever that has to let out.
    pub(super) fn refuse_some(&mut self) {
        if !self.may_refuse() {
            return;
        }
        self.is_their_turn = !self.is_their_turn && !self.releases.is_empty();
        if self.is_their_turn {
            return;
        }
        let events = self.events;
        for _ in 0..self.refused.len {
            if self.events - events >= EVENTS_A_TURN || self.is_full() {
                return;
            }
            let Some((task, failure)) = self.refused.pop() else { return };
            match self.lent.get_mut(&task.execution) {
                Some(lent) => lent.refused.push((task, failure)),
                None => self.refuse_task(task, failure),
            }
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_take_turns_and_executions_of_each_too() {
        let mut queue = ReadyQueue::default();
        for number in 1..=3 {
            queue.push(7, number);
        }
        queue.push(8, 80);
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 80, 2, 3]);
        assert!(queue.is_empty() && queue.of_machine.is_empty() && queue.turns.is_empty());
    }
}
