//! Executions that are lent: what has more to do is decided on another thread, so that none of them holds up
//! the others of its shard.
//!
//! What is lent is owned by whoever decides: it is not among the residents until it comes back as a message.
//! Then its shard makes durable what was decided, as if it had decided that itself. An execution is lent
//! after a turn was sealed, so that all of it is on its way to the store. Meanwhile whatever concerns it
//! waits, and is heard in its order as soon as it is back: nobody can tell that it was away.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_asl::Input;
use stepwell_model::{EntityId, Timestamp};

use super::ready::Refusal;
use super::{NEVER, Resident, Shard, Surroundings, is_dear, panic_text};
use crate::commons::Commons;
use crate::messages::{Message, Release, StartEar};
use crate::names::Home;
use crate::requests::{EngineError, ExecutionKey};

/// How many executions a shard lends at a time. Few, so that whose turn it is is decided late.
pub(crate) const LENT_MAX: usize = 2;

/// How often a lent execution gets new fuel before it comes back.
const ROUNDS_A_LOAN: usize = 2;

/// After how long a lent execution gets no new fuel, in milliseconds.
const MS_A_LOAN: u64 = 1;

/// An execution that is lent, with all that its shard knows of it.
pub struct Loan {
    commons: Arc<Commons>,
    entity: EntityId,
    resident: Box<Resident>,
    now: Timestamp,
    /// Set if the language panicked: with what.
    panic: Option<String>,
}

impl std::fmt::Debug for Loan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loan").field("entity", &self.entity).finish_non_exhaustive()
    }
}

impl Loan {
    /// Lets the execution get on; then it is to be given back to its shard, as [`Message::Returned`].
    ///
    /// `elapsed_ms` tells milliseconds of a clock that never goes back, by which expressions are bounded. It
    /// is asked again and again, also in the midst of an expression.
    pub fn decide(&mut self, elapsed_ms: &dyn Fn() -> u64) {
        let Loan { commons, entity, resident, now, panic } = self;
        let Resident { execution, recorder, revision, .. } = &mut **resident;
        let world = Surroundings { commons, place: &revision.key.place, entity: *entity, elapsed_ms };
        let go_on = || {
            let began_ms = elapsed_ms();
            for _ in 0..ROUNDS_A_LOAN {
                let given = commons.options.fuel;
                let (mut fuel, before) = (given, recorder.events.len());
                // It cannot be refused while it has work.
                let _ = execution.handle(Input::Continue, *now, &world, &mut fuel, recorder);
                revision.note_price(is_dear(given, fuel, &recorder.events[before..]));
                if !execution.has_work() || elapsed_ms() - began_ms >= MS_A_LOAN {
                    break;
                }
            }
        };
        // As in `Shard::decide`: what a panic leaves half done is this one execution.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(go_on)) {
            *panic = Some(panic_text(&*payload).to_owned());
        }
    }
}

/// What a shard keeps of an execution that it has lent.
pub(super) struct Lent {
    key: ExecutionKey,
    /// What concerns it, in the order in which it came.
    waiting: Vec<Message>,
    /// Tasks of its that cannot be sent.
    pub(super) refused: Vec<Refusal>,
    /// Whether its timer has gone off.
    pub(super) rang: bool,
}

impl Shard {
    /// Whether something may be lent now.
    pub(super) fn may_lend(&self) -> bool {
        !self.ready.is_empty() && self.lent.len() < LENT_MAX && self.unwritten.has_room()
    }

    /// Lends some of those that have more to do. The turn has been sealed.
    pub(super) fn lend(&mut self) -> Vec<Loan> {
        let mut loans = Vec::new();
        while self.may_lend()
            && let Some(entity) = self.ready.pop()
        {
            let Some(resident) = self.residents.get_mut(&entity) else { continue };
            resident.queued = false;
            if !resident.execution.has_work() {
                continue;
            }
            let Some(resident) = self.residents.remove(&entity) else { continue };
            debug_assert!(resident.recorder.events.is_empty(), "{entity:?} is lent and not sealed");
            debug_assert!(resident.parked_at.is_none(), "{entity:?} is lent and parked");
            let lent = Lent { key: resident.key(), waiting: Vec::new(), refused: Vec::new(), rang: false };
            self.lent.insert(entity, lent);
            loans.push(Loan { commons: self.commons.clone(), entity, resident, now: self.now, panic: None });
        }
        loans
    }

    /// An execution that was lent is back.
    pub(super) fn take_back(&mut self, loan: Loan) {
        let Loan { entity, mut resident, panic, .. } = loan;
        let lent = self.lent.remove(&entity).expect("what comes back was lent");
        if lent.rang {
            resident.armed = NEVER;
        }
        self.events += resident.recorder.events.len();
        let effects = std::mem::take(&mut resident.recorder.effects);
        let has_work = resident.execution.has_work();
        self.residents.insert(entity, resident);
        self.touch(entity);
        match panic {
            Some(text) => self.set_aside(entity, format!("the language panicked: {text}")),
            None => {
                self.effects.extend(effects.into_iter().map(|effect| (entity, effect)));
                if has_work {
                    self.go_on_later(entity);
                }
                self.settle();
                // What became due meanwhile happens in this turn, before it is lent again.
                self.arm(entity);
            }
        }
        // Not in the queue of refusals again: it may be lent whenever their turn comes.
        for (task, failure) in lent.refused {
            self.refuse_task(task, failure);
            self.settle();
        }
        for message in lent.waiting {
            self.hear_one(message);
            self.settle();
        }
    }

    /// What a message concerns, if that is lent; then it waits. Gives the message back if it is not.
    pub(super) fn unless_lent(&mut self, message: Message) -> Option<Message> {
        if self.lent.is_empty() {
            return Some(message);
        }
        let entity = self.entity_of(&message);
        match entity.and_then(|entity| self.lent.get_mut(&entity)) {
            // What waits here has left the mailbox, which is bounded.
            Some(lent) if lent.waiting.len() >= self.commons.options.limits.waiting_calls_max => {
                let message = self.refuse_call(message)?;
                let lent = self.lent.get_mut(&entity?).expect("a refusal brings nothing back");
                lent.waiting.push(message);
                None
            }
            Some(lent) => {
                lent.waiting.push(message);
                None
            }
            None => Some(message),
        }
    }

    /// Answers a call that there are too many; gives back what is no call.
    fn refuse_call(&mut self, message: Message) -> Option<Message> {
        let release = match message {
            Message::Start { ear: StartEar::Caller(reply), .. } => {
                Release::Started(reply, Err(EngineError::Busy))
            }
            Message::Stop { reply, .. } | Message::Redrive { reply, .. } => {
                Release::Stopped(reply, Err(EngineError::Busy))
            }
            Message::Answer { reply, .. } => Release::Done(reply, Err(EngineError::Busy)),
            other => return Some(other),
        };
        self.releases.push((None, release));
        None
    }

    /// Which of the executions that are lent, if any, a message may concern.
    fn entity_of(&self, message: &Message) -> Option<EntityId> {
        let by_key = |key: &ExecutionKey, home: &Home| {
            let named = self.lent.iter().find(|(_, lent)| lent.key == *key).map(|(entity, _)| *entity);
            named.or(home.generated)
        };
        match message {
            Message::Start { machine, name: Some((name, home)), .. } => {
                by_key(&ExecutionKey { machine: machine.clone(), name: name.clone() }, home)
            }
            Message::StartExpress { name_key: Some(name_key), .. } => self.names.get(name_key).copied(),
            Message::Watch { key, home, .. }
            | Message::StopChild { key, home, .. }
            | Message::Stop { key, home, .. }
            | Message::Redrive { key, home, .. } => by_key(key, home),
            Message::AskParent { parent, .. } => Some(parent.execution),
            Message::DropExpress { parent } => self.express_tasks.get(parent).copied(),
            Message::Child { task, .. }
            | Message::Answer { task, .. }
            | Message::Outcome { task, .. }
            | Message::SlotGranted { task }
            | Message::HandOut { task, .. } => Some(task.execution),
            Message::Start { name: None, .. }
            | Message::StartExpress { name_key: None, .. }
            | Message::RunExpress { .. }
            | Message::AdoptExpress(_)
            | Message::Returned(_)
            | Message::Barrier { .. } => None,
        }
    }
}
