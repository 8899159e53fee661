//! What has more to do, in a fair order: state machines take turns, and so do the executions of each.
//!
//! A machine with a million executions that could go on holds up another one for the time of one slice,
//! not of a million.

use std::collections::{HashMap, VecDeque};

use stepwell_asl::Input;
use stepwell_model::{EntityId, Failure, TaskRef};

use super::Shard;

/// How many events are recorded in one turn for what has more to do; whatever arrived meanwhile is heard
/// then, and its answers are not in one commit with more than this of others.
const EVENTS_A_TURN: usize = 1_024;
/// How long what has more to do may take in one turn, in milliseconds. Only long expressions do.
const MS_A_TURN: u64 = 2;

/// How many events may wait for their commits before what has more to do waits too. What arrives does
/// not: it would come behind all of them, in a commit that takes the longer the more there are.
const EVENTS_UNWRITTEN_MAX: u64 = 4_096;

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
}

/// What goes on in a later turn, or later in this one.
#[derive(Debug)]
pub(super) enum Ready {
    /// The execution ran out of fuel.
    Continue(EntityId),
    /// The task cannot be sent: it is started and fails at once.
    Refuse(TaskRef, Failure),
}

/// What goes on later, machine by machine.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    /// Of each machine, by its number, what goes on; none of them empty.
    of_machine: HashMap<u64, VecDeque<Ready>>,
    /// The machines, each once, in the order of their turns.
    turns: VecDeque<u64>,
    len: usize,
}

impl ReadyQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts something behind what its machine has to do already.
    pub(super) fn push(&mut self, machine: u64, ready: Ready) {
        let queue = self.of_machine.entry(machine).or_default();
        if queue.is_empty() {
            self.turns.push_back(machine);
        }
        queue.push_back(ready);
        self.len += 1;
    }

    /// The next of the machine whose turn it is; then it is another one's.
    fn pop(&mut self) -> Option<Ready> {
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
    /// Whether something may go on now.
    pub(super) fn may_go_on(&self) -> bool {
        !self.ready.is_empty() && self.unwritten.events < EVENTS_UNWRITTEN_MAX
    }

    /// Notes that an execution has more to do, once.
    pub(super) fn go_on_later(&mut self, entity: EntityId) {
        if let Some(resident) = self.residents.get_mut(&entity)
            && !resident.queued
        {
            resident.queued = true;
            self.ready.push(resident.revision.machine, Ready::Continue(entity));
        }
    }

    /// Lets those that have more to do get on: what they leave is for the next turn, which hears first
    /// what has arrived. What this turn has to let out does not wait for them: then they get on in the next
    /// one, whatever that has to let out.
    pub(super) fn go_on(&mut self) {
        if !self.may_go_on() {
            return;
        }
        self.is_their_turn = !self.is_their_turn && !self.releases.is_empty();
        if self.is_their_turn {
            return;
        }
        let stopwatch = self.commons.options.stopwatch.clone();
        let (began_ms, events) = (stopwatch(), self.events);
        for _ in 0..self.ready.len {
            let is_over = self.events - events >= EVENTS_A_TURN || stopwatch() - began_ms >= MS_A_TURN;
            if is_over || self.is_full() {
                return;
            }
            match self.ready.pop() {
                None => return,
                Some(Ready::Continue(entity)) => {
                    if let Some(resident) = self.residents.get_mut(&entity) {
                        resident.queued = false;
                        // It cannot be refused while it has work; if it is set aside, that is said.
                        let _ = self.decide(entity, Input::Continue);
                    }
                }
                Some(Ready::Refuse(task, failure)) => self.refuse_task(task, failure),
            }
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(number: u64) -> Ready {
        Ready::Continue(EntityId { partition: 0, number })
    }

    #[test]
    fn machines_take_turns_and_executions_of_each_too() {
        let mut queue = ReadyQueue::default();
        for number in 1..=3 {
            queue.push(7, execution(number));
        }
        queue.push(8, execution(80));
        let mut order = Vec::new();
        while let Some(Ready::Continue(entity)) = queue.pop() {
            order.push(entity.number);
        }
        assert_eq!(order, [1, 80, 2, 3]);
        assert!(queue.is_empty() && queue.of_machine.is_empty() && queue.turns.is_empty());
    }
}
