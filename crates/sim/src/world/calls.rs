//! Callers and workers: what they ask of the engine, and what they hear.

use std::cmp::Reverse;
use std::sync::Arc;

use stepwell_engine::{
    ActivityKey, ActivityTask, EngineError, ExecutionKey, ExecutionStarted, ExpressEnded, ExpressKey,
    ExpressRound, Message, Poller, StartExecution, StartExpress, TaskAnswer,
};
use stepwell_model::{ExecutionStatus, Failure, StateType, TaskRef, Timestamp};
use stepwell_store::Store;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::{Happening, Wish, World, place};
use crate::checks::{Violation, ensure, is_ended, is_not_waited_for, store_broken};
use crate::coverage::Rule;
use crate::faults::Fault;
use crate::machines;

/// A call that waits for its answer.
pub(super) enum Call {
    Start(Wish, Heard<ExecutionStarted>),
    StartExpress(Wish, ExpressKey, Heard<ExecutionStarted>),
    StartSync(Wish, ExpressKey, Heard<ExpressEnded>),
    Stop(ExecutionKey, Heard<Timestamp>),
    Redrive(ExecutionKey, Arc<str>, Heard<Timestamp>),
    Poll(usize, Heard<Option<ActivityTask>>),
    Answer(TaskRef, Arc<str>, TaskAnswer, Heard<()>),
    /// The sweep waits until all that shards had decided is durable.
    Sweep(Timestamp, Vec<Heard<()>>),
}

pub(super) type Heard<T> = oneshot::Receiver<Result<T, EngineError>>;

impl World {
    /// Lets the next happening happen, if its time has come.
    pub(super) fn happen(&mut self) -> Result<bool, Violation> {
        let Some(Reverse((at, id))) = self.queue.peek().copied() else { return Ok(false) };
        if at > self.time {
            return Ok(false);
        }
        self.queue.pop();
        let happening = self.happenings.remove(&id).expect("it was planned");
        self.trace.note(self.time, || format!("{happening:?}"));
        match happening {
            Happening::Start(wish) => {
                let (reply, heard) = oneshot::channel();
                let wish = self.asked(wish);
                let Wish { machine, qualifier, name, input, is_sure: _ } = wish.clone();
                let start = StartExecution { machine, qualifier, name, input, trace_header: None };
                let call = self.process.commons.start(start, reply);
                match self.process.call(call.map_err(|error| Violation(error.to_string()))?) {
                    true => self.calls.push(Call::Start(wish, heard)),
                    false => self.throttled(Happening::Start(wish)),
                }
            }
            Happening::StartExpress(wish) => {
                let (reply, heard) = oneshot::channel();
                let wish = self.asked(wish);
                let Wish { machine, qualifier, name, input, is_sure: _ } = wish.clone();
                let start =
                    StartExpress { machine, qualifier, name, input, synchronous: false, seconds_max: None };
                match self.process.commons.start_express(start, reply) {
                    Ok((key, call)) => match self.process.call(call) {
                        true => self.calls.push(Call::StartExpress(wish, key, heard)),
                        false => self.throttled(Happening::StartExpress(wish)),
                    },
                    Err(EngineError::Busy) => self.throttled(Happening::StartExpress(wish)),
                    Err(EngineError::NoSuchMachine) if !wish.is_sure => (),
                    Err(error) => return Err(Violation(error.to_string())),
                }
            }
            Happening::StartSync(wish) => self.start_sync(wish)?,
            Happening::Stop(key) => {
                let (reply, heard) = oneshot::channel();
                self.ledger.offspring.wants_stop(&key);
                let failure = Failure::new("Stopped", "by chance");
                let call = self.process.commons.stop(key.clone(), failure, reply);
                match self.process.call(call) {
                    true => self.calls.push(Call::Stop(key, heard)),
                    false => self.throttled(Happening::Stop(key)),
                }
            }
            Happening::Redrive(key, token) => {
                let (reply, heard) = oneshot::channel();
                let call = self.process.commons.redrive(key.clone(), Some(token.clone()), reply);
                match self.process.call(call) {
                    true => self.calls.push(Call::Redrive(key, token, heard)),
                    false => self.throttled(Happening::Redrive(key, token)),
                }
            }
            Happening::Poll(worker) => self.poll(worker),
            Happening::Answer(task, token, answer) => {
                let (reply, heard) = oneshot::channel();
                let call = self.process.commons.answer(&place(), &token, answer.clone(), reply);
                match self.process.call(call.map_err(|error| Violation(error.to_string()))?) {
                    true => self.calls.push(Call::Answer(task, token, answer, heard)),
                    false => self.throttled(Happening::Answer(task, token, answer)),
                }
            }
            Happening::Outcome { process, task, outcome } => {
                if process == self.life {
                    self.outcome(task, outcome);
                }
            }
            Happening::Change(machine) => self.change(machine)?,
            Happening::Sweep => self.begin_sweep()?,
            Happening::Clock(jump) => self.set_clock(jump),
            Happening::Flip => self.flip_bit()?,
            Happening::Crash => {
                self.report.faults.inject(Fault::KilledAtWork);
                if !(self.process.pending.is_empty() && self.calls.is_empty() && self.under_way.is_empty()) {
                    self.report.faults.count(Fault::KilledAtWork);
                }
                match self.random.percent(50) {
                    true => self.crash(Fault::KilledAtWork, &[])?,
                    false => self.power_fails(None)?,
                }
            }
        }
        Ok(true)
    }

    /// As the engine has it: decided where the caller waits, and by a shard once it waits itself.
    fn start_sync(&mut self, wish: Wish) -> Result<(), Violation> {
        let wish = self.asked(wish);
        let Wish { machine, qualifier, name, input, is_sure: _ } = wish.clone();
        let start = StartExpress { machine, qualifier, name, input, synchronous: true, seconds_max: None };
        let mut here = match self.process.commons.begin_sync(start) {
            Ok(here) => here,
            Err(EngineError::Busy) => {
                self.throttled(Happening::StartSync(wish));
                return Ok(());
            }
            Err(EngineError::NoSuchMachine) if !wish.is_sure => return Ok(()),
            Err(error) => return Err(Violation(error.to_string())),
        };
        let key = here.key().clone();
        loop {
            match here.go_on(&self.process.commons, self.now()) {
                Ok(ExpressRound::Ended(ended)) => return self.has_ended(&key, &ended),
                Ok(ExpressRound::GoesOn) => (),
                Ok(ExpressRound::Waits) => break,
                Err(error) => return Err(Violation(error.to_string())),
            }
        }
        let (reply, heard) = oneshot::channel();
        let call = here.hand_over(&self.process.commons, reply);
        match self.process.call(call) {
            true => self.calls.push(Call::StartSync(wish, key, heard)),
            // Nothing of it has left: it never was.
            false => self.throttled(Happening::StartSync(wish)),
        }
        Ok(())
    }

    /// What a caller hears of the end of the Express execution that it waits for.
    fn has_ended(&mut self, key: &ExpressKey, ended: &ExpressEnded) -> Result<(), Violation> {
        let is_it = ended.key == *key && ended.closed_at >= ended.started_at;
        let is_whole = match ended.status {
            ExecutionStatus::Succeeded => ended.output.is_some() && ended.failure.is_none(),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut => ended.output.is_none(),
            ExecutionStatus::Running | ExecutionStatus::Aborted => false,
        };
        self.report.answered += 1;
        ensure(is_it && is_whole, || format!("{} was told to have ended so: {ended:?}", key.name))
    }

    /// A start as it is asked for now.
    fn asked(&self, wish: Wish) -> Wish {
        let is_sure = self.ledger.routes.has(&wish.machine, wish.qualifier.as_deref());
        Wish { is_sure, ..wish }
    }

    /// A queue was full; the caller calls again.
    fn throttled(&mut self, again: Happening) {
        self.report.faults.happened(Fault::Throttled);
        self.plan_in(500..=30_000, again);
    }

    fn poll(&mut self, worker: usize) {
        let (reply, heard) = oneshot::channel();
        let activity = machines::ACTIVITIES[worker % machines::ACTIVITIES.len()];
        let deadline = self.now().after_seconds(60);
        let found = {
            let mut dispatcher = self.process.commons.dispatcher();
            let poller = Poller {
                id: dispatcher.new_poller(),
                activity: Arc::new(ActivityKey { place: place(), name: activity.into() }),
                worker_name: Some(format!("worker-{worker}").into()),
                deadline,
                has_chosen: false,
                reply,
            };
            dispatcher.poll(poller)
        };
        if let Some((task, poller)) = found {
            let shard = self.process.commons.shard_of(task.execution.partition);
            self.process.post((shard, Message::HandOut { task, poller }));
        }
        // Now and then a worker hangs up at once; what it would have been given goes to another.
        if self.random.percent(5) {
            drop(heard);
            self.plan_in(1..=2_000, Happening::Poll(worker));
        } else {
            self.calls.push(Call::Poll(worker, heard));
        }
    }

    /// Callers hear what there is to hear; those whose call was lost call again.
    pub(super) fn hear_answers(&mut self) -> Result<(), Violation> {
        let mut sweeps = Vec::new();
        let lost = |world: &mut World, again: Happening| {
            world.report.faults.happened(Fault::LostReply);
            world.plan_in(10..=3_000, again);
        };
        let before = std::mem::take(&mut self.calls);
        self.calls.reserve(before.len());
        for call in before {
            match call {
                Call::Start(wish, mut heard) => match heard.try_recv() {
                    Ok(Ok(started)) => self.acknowledge(started)?,
                    Ok(Err(EngineError::ExecutionExists)) => (),
                    Ok(Err(EngineError::NoSuchMachine)) if !wish.is_sure => (),
                    Ok(Err(EngineError::Damaged(_))) if self.is_damaged(wish.name.as_deref())? => (),
                    Ok(Err(EngineError::Stopped(_))) if self.reads_failed => {
                        self.plan_in(10..=3_000, Happening::Start(wish));
                    }
                    Ok(Err(error)) => return Err(Violation(format!("a start was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Start(wish, heard)),
                    // A start without a name would be another execution: as fair as any.
                    Err(TryRecvError::Closed) => lost(self, Happening::Start(wish)),
                },
                Call::StartExpress(wish, key, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) => self.ledger.offspring.acknowledge(&key)?,
                    Ok(Err(error)) => return Err(Violation(format!("a start was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::StartExpress(wish, key, heard)),
                    Err(TryRecvError::Closed) => lost(self, Happening::StartExpress(wish)),
                },
                Call::StartSync(wish, key, mut heard) => match heard.try_recv() {
                    Ok(Ok(ended)) => self.has_ended(&key, &ended)?,
                    Ok(Err(error)) => return Err(Violation(format!("a start was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::StartSync(wish, key, heard)),
                    // It is never run again by itself: this is another one.
                    Err(TryRecvError::Closed) => lost(self, Happening::StartSync(wish)),
                },
                Call::Stop(key, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) if self.is_expired(&key)? => (),
                    Ok(Ok(closed_at)) => self.ledger.is_closed(&self.process.commons, &key, closed_at)?,
                    Ok(Err(EngineError::NoSuchExecution)) => (),
                    Ok(Err(EngineError::Damaged(_))) if self.is_damaged(Some(&key.name))? => (),
                    Ok(Err(EngineError::Stopped(_))) if self.reads_failed => {
                        self.plan_in(10..=3_000, Happening::Stop(key));
                    }
                    Ok(Err(error)) => return Err(Violation(format!("a stop was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Stop(key, heard)),
                    Err(TryRecvError::Closed) => lost(self, Happening::Stop(key)),
                },
                Call::Redrive(key, token, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) if self.is_expired(&key)? => (),
                    Ok(Ok(redriven_at)) => {
                        let commons = self.process.commons.clone();
                        self.ledger.redriven(&commons, key, token, redriven_at)?;
                    }
                    Ok(Err(EngineError::NotRedrivable(_) | EngineError::NoSuchExecution)) => (),
                    Ok(Err(EngineError::Damaged(_))) if self.is_damaged(Some(&key.name))? => (),
                    Ok(Err(EngineError::Stopped(_))) if self.reads_failed => {
                        self.plan_in(10..=3_000, Happening::Redrive(key, token));
                    }
                    Ok(Err(error)) => return Err(Violation(format!("a redrive was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Redrive(key, token, heard)),
                    Err(TryRecvError::Closed) => lost(self, Happening::Redrive(key, token)),
                },
                Call::Poll(worker, mut heard) => match heard.try_recv() {
                    Ok(Ok(Some(task))) => self.take(worker, task)?,
                    Ok(Ok(None)) => self.plan_in(1..=2_000, Happening::Poll(worker)),
                    Ok(Err(error)) => return Err(Violation(format!("a poll was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Poll(worker, heard)),
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::Poll(worker)),
                },
                Call::Answer(task, token, answer, mut heard) => match heard.try_recv() {
                    Ok(Ok(())) if answer == TaskAnswer::Heartbeat => (),
                    Ok(Ok(())) => {
                        if self.under_way.contains(&task) {
                            self.report.faults.happened(Fault::EarlyToken);
                            self.report.coverage.meet(StateType::Task, Fault::EarlyToken, Rule::TokenKept);
                        }
                        is_ended(&*self.store, &self.process.commons, &mut self.ledger.journals, task)?;
                    }
                    Ok(Err(EngineError::TaskEnded)) => {
                        self.report.faults.happened(Fault::LateToken);
                        self.report.coverage.meet(StateType::Task, Fault::LateToken, Rule::Refused);
                        let journals = &mut self.ledger.journals;
                        is_not_waited_for(&*self.store, &self.process.commons, journals, task)?;
                    }
                    Ok(Err(EngineError::Damaged(_))) if self.ledger.damaged.contains(&task.execution) => {
                        // In another life a snapshot may make good what is damaged, and it waits for this.
                        self.plan_in(100_000..=1_000_000, Happening::Answer(task, token, answer));
                    }
                    Ok(Err(EngineError::Stopped(_))) if self.reads_failed => {
                        self.plan_in(10..=3_000, Happening::Answer(task, token, answer));
                    }
                    Ok(Err(error)) => return Err(Violation(format!("a token was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Answer(task, token, answer, heard)),
                    Err(TryRecvError::Closed) => lost(self, Happening::Answer(task, token, answer)),
                },
                Call::Sweep(before, mut heard) => {
                    let mut is_lost = false;
                    heard.retain_mut(|heard| match heard.try_recv() {
                        Ok(answer) => {
                            is_lost |= answer.is_err();
                            false
                        }
                        Err(TryRecvError::Empty) => true,
                        Err(TryRecvError::Closed) => {
                            is_lost = true;
                            false
                        }
                    });
                    match (is_lost, heard.is_empty()) {
                        // Of another life: the next round begins anew.
                        (true, _) => (),
                        (false, true) => sweeps.push(before),
                        (false, false) => self.calls.push(Call::Sweep(before, heard)),
                    }
                }
            }
        }
        // When all that was answered before has been heard: it may speak of what goes now.
        sweeps.into_iter().try_for_each(|before| self.sweep(before))
    }

    /// Whether the execution that has this name, or one before it, cannot be read.
    fn is_damaged(&self, name: Option<&str>) -> Result<bool, Violation> {
        for entity in &self.ledger.damaged {
            let row = self.store.execution(*entity).map_err(store_broken)?;
            if row.is_some_and(|row| Some(&*row.opening.name) == name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn acknowledge(&mut self, started: ExecutionStarted) -> Result<(), Violation> {
        match self.is_expired(&started.key)? {
            true => Ok(()),
            false => self.ledger.acknowledge(&self.process.commons, started),
        }
    }
}
