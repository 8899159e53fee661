//! Deciding: what follows from an input, branch by branch, step by step.
//!
//! A step looks at the phase of one branch and records events until the branch is in another phase.
//! A step is never cut in half: fuel is looked at between steps only, so what is committed is
//! always the state between two of them.

use std::cell::Cell;
use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, Resource, StateType, Timestamp, error_names};
use stepwell_value::Payload;

use crate::chance::Chance;
use crate::definition::StateId;
use crate::execution::{Execution, Phase};
use crate::io::{Effect, Input, Origin, Recorder, Refused, World};
use crate::journal::{Event, EventKind};
use crate::retry::Trouble;
use crate::state::StateKind;
use crate::turn::{COMPOSED_TIMES_MAX, Turn, too_large};

/// How long the expressions of one execution may take before others get their turn, in milliseconds.
const EVALUATION_MS_A_TURN: u64 = 1;

impl Execution {
    /// Decides what follows from `input` at `now`, which must not be before an earlier `now`.
    ///
    /// `fuel` is how many states may be entered, and is used up. When it is gone while there is more
    /// to do, [`Execution::has_work`] is true afterwards and [`Input::Continue`] goes on. An input
    /// that comes too late is refused and changes nothing.
    pub fn handle(
        &mut self,
        input: Input,
        now: Timestamp,
        world: &dyn World,
        fuel: &mut u32,
        recorder: &mut Recorder,
    ) -> Result<(), Refused> {
        let origin = self.origin.clone();
        let evaluated_ms = Cell::new(0);
        let mut hand = Hand { execution: self, origin: &origin, now, world, recorder, evaluated_ms };
        hand.hear(input)?;
        hand.go_on(fuel);
        Ok(())
    }
}

/// Everything a decision needs.
pub(crate) struct Hand<'t> {
    pub(crate) execution: &'t mut Execution,
    pub(crate) origin: &'t Arc<Origin>,
    pub(crate) now: Timestamp,
    pub(crate) world: &'t dyn World,
    pub(crate) recorder: &'t mut Recorder,
    /// How long expressions took so far.
    pub(crate) evaluated_ms: Cell<u64>,
}

impl<'t> Hand<'t> {
    pub(crate) fn emit(&mut self, branch: u32, previous_id: u64, kind: EventKind) -> u64 {
        let id = if kind.is_shown() { self.execution.last_event_id + 1 } else { 0 };
        let event = Event { at: self.now, id, previous_id, branch, kind };
        self.execution.apply(&event).expect("what is decided fits the state it was decided from");
        self.recorder.events.push(event);
        id
    }

    /// Records an event that follows the branch's last one.
    pub(crate) fn emit_next(&mut self, branch: u32, kind: EventKind) -> u64 {
        let previous_id = self.last_event_id(branch);
        self.emit(branch, previous_id, kind)
    }

    fn last_event_id(&self, branch: u32) -> u64 {
        self.execution.branches.get(branch).map_or(0, |branch| branch.last_event_id)
    }

    pub(crate) fn turn(&mut self, branch: u32) -> Option<Turn<'_, 't>> {
        let state_id = self.execution.branches.get(branch)?.state;
        let state = self.origin.definition.state(state_id)?;
        Some(Turn {
            state,
            state_id,
            branch,
            token: None,
            drawn: Cell::new(0),
            evaluated_ms: Cell::new(0),
            composed_bytes: Cell::new(0),
            hand: self,
        })
    }

    fn hear(&mut self, input: Input) -> Result<(), Refused> {
        let is_redrive = matches!(input, Input::Redrive { .. });
        if self.execution.status != ExecutionStatus::Running && !is_redrive {
            return Err(Refused::Closed);
        }
        match input {
            Input::Start { input, seed } => {
                self.emit(0, 0, EventKind::ExecutionStarted { input, seed });
            }
            Input::Continue => {}
            Input::Tick => self.tick(),
            Input::TaskStarted { scheduled_event_id, worker_name } => {
                let (branch, state) = self.task(scheduled_event_id, false)?;
                self.emit_next(branch, EventKind::TaskStarted { state, worker_name });
            }
            Input::TaskSubmitted { scheduled_event_id, output } => {
                let (branch, state) = self.task(scheduled_event_id, true)?;
                self.emit_next(branch, EventKind::TaskSubmitted { state, output });
            }
            Input::TaskSucceeded { scheduled_event_id, output } => {
                let (branch, state) = self.task(scheduled_event_id, true)?;
                if output.text().len() > self.origin.limits.payload_bytes_max {
                    let failure = too_large(&self.task_name(state));
                    self.emit_next(branch, EventKind::TaskFailed { state, failure });
                } else {
                    self.emit_next(branch, EventKind::TaskSucceeded { state, output });
                }
            }
            Input::TaskFailed { scheduled_event_id, failure } => {
                let (branch, state) = self.task(scheduled_event_id, true)?;
                self.emit_next(branch, EventKind::TaskFailed { state, failure });
            }
            Input::Heartbeat { scheduled_event_id } => {
                self.task(scheduled_event_id, true)?;
                self.execution.heartbeat(scheduled_event_id, self.now);
            }
            Input::Recovered { server_started_at } => self.execution.put_off(server_started_at),
            Input::Stop { failure } => {
                // AWS has an aborted execution point back to nothing.
                self.close(0, EventKind::ExecutionAborted(failure));
            }
            Input::Redrive { client_token } => self.redrive(client_token)?,
        }
        Ok(())
    }

    /// The branch and state of a task that is waited for.
    fn task(&self, scheduled_event_id: u64, wants_started: bool) -> Result<(u32, StateId), Refused> {
        let branch_id = *self.execution.tasks.get(&scheduled_event_id).ok_or(Refused::NoSuchTask)?;
        let branch = self.execution.branches.get(branch_id).ok_or(Refused::NoSuchTask)?;
        match &branch.phase {
            Phase::Task(task) if task.started == wants_started => Ok((branch_id, branch.state)),
            _ => Err(Refused::WrongPhase),
        }
    }

    /// What AWS calls a task in the text about its size: the service, or the state.
    pub(crate) fn task_name(&self, state: StateId) -> Arc<str> {
        match self.origin.definition.task_resource(state) {
            Some(Resource::Service { service, .. }) => service.clone(),
            Some(Resource::Activity { .. } | Resource::LambdaFunction { .. }) | None => {
                self.execution.state(state).name.clone()
            }
        }
    }

    fn tick(&mut self) {
        if self.execution.deadline().is_some_and(|due| due <= self.now) {
            // Recorded: the event names the error, though DescribeExecution does not.
            self.close(0, EventKind::ExecutionTimedOut(Failure::named(error_names::TIMEOUT)));
            return;
        }
        let due = self.execution.due.iter().take_while(|(due, _)| *due <= self.now);
        let branches: Vec<u32> = due.map(|(_, branch)| *branch).collect();
        for branch in branches {
            self.execution.wake(branch);
        }
    }

    /// Ends the execution with `kind`; what is still under way is given up.
    fn close(&mut self, previous_id: u64, kind: EventKind) {
        let tasks: Vec<u64> = self.execution.tasks.keys().copied().collect();
        for task in tasks {
            self.cancel(task);
        }
        self.emit(0, previous_id, kind);
    }

    fn cancel(&mut self, scheduled_event_id: u64) {
        let Some(branch) = self.execution.tasks.get(&scheduled_event_id) else { return };
        let Some(branch) = self.execution.branches.get(*branch) else { return };
        if let Some(resource) = self.origin.definition.task_resource(branch.state) {
            let resource = resource.clone();
            self.recorder.effects.push(Effect::CancelTask { scheduled_event_id, resource });
        }
    }

    /// Cancels the tasks of the branches below one that is tried again or has failed.
    fn cancel_below(&mut self, id: u32) {
        let below = self.execution.below(id);
        let tasks = self.execution.tasks.iter().filter(|(_, branch)| below.binary_search(branch).is_ok());
        let tasks: Vec<u64> = tasks.map(|(task, _)| *task).collect();
        for task in tasks {
            self.cancel(task);
        }
    }

    fn go_on(&mut self, fuel: &mut u32) {
        while *fuel > 0
            && let Some(branch) = self.execution.ready.pop_front()
        {
            self.step(branch, fuel);
            // Long expressions use the fuel up as well, so that others get their turn.
            if self.evaluated_ms.get() > EVALUATION_MS_A_TURN {
                *fuel = 0;
            }
        }
    }

    fn step(&mut self, id: u32, fuel: &mut u32) {
        let now = self.now;
        let Some(branch) = self.execution.branches.get(id) else { return };
        let result = match &branch.phase {
            Phase::Enter => {
                *fuel -= 1;
                self.enter(id);
                Ok(())
            }
            Phase::Entered => self.attempt(id),
            Phase::Retrying { due } if *due <= now => {
                if self.is_full(id) {
                    return;
                }
                self.attempt(id)
            }
            Phase::Waiting { until } if *until <= now => match self.turn(id) {
                Some(mut turn) => crate::state::wait::leave(&mut turn),
                None => Ok(()),
            },
            Phase::Task(task) => {
                let scheduled_event_id = task.scheduled_event_id;
                let heartbeat = task.heartbeat_due.is_some_and(|due| due <= now);
                let timeout = task.timeout_due.is_some_and(|due| due <= now);
                if heartbeat || timeout {
                    let state = branch.state;
                    self.cancel(scheduled_event_id);
                    self.emit_next(id, EventKind::TaskTimedOut { state, heartbeat: heartbeat && !timeout });
                }
                Ok(())
            }
            Phase::Result { output } => {
                let output = output.clone();
                match self.turn(id) {
                    Some(mut turn) => turn.finish_work(output),
                    None => Ok(()),
                }
            }
            Phase::Failed(trouble) => {
                let trouble = trouble.clone();
                self.fail(id, trouble);
                Ok(())
            }
            Phase::Children(_) => self.tend(id),
            Phase::Ended { output } => {
                let output = output.clone();
                self.end_branch(id, output);
                Ok(())
            }
            Phase::Waiting { .. } | Phase::Retrying { .. } | Phase::GivenUp { .. } => Ok(()),
        };
        if let Err(failure) = result {
            self.fail(id, failure.into());
        }
    }

    /// Ends an execution whose history is full; whether it was. The last event of a full history is
    /// its end.
    fn is_full(&mut self, id: u32) -> bool {
        let limit = self.origin.limits.history_events_max;
        let full = self.execution.last_event_id + 1 >= limit;
        if full {
            let cause = format!("The execution reached the maximum number of history events ({limit}).");
            let previous_id = self.last_event_id(id);
            self.close(previous_id, EventKind::ExecutionFailed(Failure::runtime(cause)));
        }
        full
    }

    fn enter(&mut self, id: u32) {
        if self.is_full(id) {
            return;
        }
        if let Some(branch) = self.execution.branches.get(id) {
            let kind = EventKind::StateEntered { state: branch.state, input: branch.input.clone() };
            self.emit(id, branch.last_event_id, kind);
        }
    }

    /// Does what the state is for, at first or again.
    fn attempt(&mut self, id: u32) -> Result<(), Failure> {
        match self.turn(id) {
            Some(mut turn) => turn.state.kind.enter(&mut turn),
            None => Ok(()),
        }
    }

    /// Begins iterations that may begin, and joins the branches once all have ended.
    fn tend(&mut self, id: u32) -> Result<(), Failure> {
        let origin = self.origin;
        loop {
            let Some(branch) = self.execution.branches.get(id) else { return Ok(()) };
            let Phase::Children(children) = &branch.phase else { return Ok(()) };
            let previous_id = children.last_event_id;
            let state_id = branch.state;
            let Some(state) = origin.definition.state(state_id) else { return Ok(()) };
            if children.are_done() {
                let most = COMPOSED_TIMES_MAX * origin.limits.payload_bytes_max;
                let bytes: usize = children.results.iter().flatten().map(|result| result.text().len()).sum();
                if bytes > most {
                    return Err(too_large(&state.name));
                }
                let kind = match state.kind {
                    StateKind::Map(_) => EventKind::MapSucceeded,
                    _ => EventKind::ParallelSucceeded,
                };
                let previous_id = children.joined_event_id;
                self.emit(id, previous_id, kind);
                return Ok(());
            }
            let (StateKind::Map(map), true) = (&state.kind, children.may_begin()) else { return Ok(()) };
            let index = children.next_index;
            let items = children.items.clone();
            let item = items.as_ref().and_then(|items| items.value().as_array()?.get(index as usize));
            let item = item.cloned().unwrap_or_default();
            let known = children.effective_input.0.clone();
            if self.is_full(id) {
                return Ok(());
            }
            let Some(mut turn) = self.turn(id) else { return Ok(()) };
            let effective = match known {
                Some(effective) => effective,
                None => turn.effective_input()?,
            };
            let input = map.iteration_input(&mut turn, &effective, index, &item)?;
            self.execution.remember_input(id, effective);
            self.emit(id, previous_id, EventKind::IterationStarted { state: state_id, index, input });
        }
    }

    fn end_branch(&mut self, id: u32, output: Payload) {
        let parent = self.execution.branches.get(id).and_then(|branch| branch.parent);
        match parent {
            None => {
                self.emit_next(id, EventKind::ExecutionSucceeded { output });
            }
            Some((parent, index)) => {
                if let Some(parent) = self.execution.branches.get(parent) {
                    let state = parent.state;
                    self.emit_next(id, EventKind::IterationSucceeded { state, index });
                }
            }
        }
    }

    /// Finds what becomes of a failure: a new attempt, a catcher, or the failure of what is around.
    fn fail(&mut self, id: u32, trouble: Trouble) {
        self.fail_from(id, trouble, false);
    }

    /// The same; `aborted` tells that the branches below are already shown as given up.
    fn fail_from(&mut self, mut id: u32, trouble: Trouble, mut aborted: bool) {
        let origin = self.origin;
        loop {
            let Some(branch) = self.execution.branches.get(id) else { return };
            let Some(state) = origin.definition.state(branch.state) else { return };
            let state_id = branch.state;
            let has_children = matches!(branch.phase, Phase::Children(_));
            let could_not_begin = matches!(branch.phase, Phase::Entered | Phase::Retrying { .. })
                && trouble.failure.error_name() == error_names::QUERY_EVALUATION_ERROR;
            if has_children {
                if !aborted {
                    let failed_at = branch.last_event_id;
                    self.abort_below(id, state_id, failed_at, None);
                }
                self.cancel_below(id);
            }
            let Some(branch) = self.execution.branches.get(id) else { return };
            if let Some(retrier) = state.retriers.iter().position(|retrier| retrier.matches(&trouble)) {
                let attempt = branch.retries.get(retrier).copied().unwrap_or(0);
                if attempt < state.retriers[retrier].max_attempts {
                    let chance = Chance::new(self.execution, id, u64::MAX).draw();
                    let wait = state.retriers[retrier].delay(attempt, chance);
                    let due = self.now.after(wait);
                    self.emit_next(id, EventKind::RetryScheduled { retrier: retrier as u32, due });
                    return;
                }
            }
            // AWS shows a Parallel or Map as failed that could not begin for want of a value.
            let is_shown = has_children || could_not_begin;
            match state.kind {
                StateKind::Parallel(_) if is_shown => {
                    self.emit_next(id, EventKind::ParallelFailed);
                }
                StateKind::Map(_) if is_shown => {
                    self.emit_next(id, EventKind::MapFailed);
                }
                _ => {}
            }
            if let Some(catcher) = state.catchers.iter().position(|catcher| catcher.matches(&trouble)) {
                let caught = match self.turn(id) {
                    Some(mut turn) => turn.catch(catcher, &trouble),
                    None => return,
                };
                match caught {
                    Ok(()) => return,
                    Err(failure) => return self.fail_beyond(id, state_id, failure.into()),
                }
            }
            match self.give_up(id, state_id, &trouble) {
                Some(parent) => (id, aborted) = (parent, true),
                None => return,
            }
        }
    }

    /// A failure that the state's own catchers had no answer to.
    fn fail_beyond(&mut self, id: u32, state: StateId, trouble: Trouble) {
        if let Some(parent) = self.give_up(id, state, &trouble) {
            self.fail_from(parent, trouble, true);
        }
    }

    /// Ends a branch that failed for good: the execution, or the branch with its siblings. Then the
    /// branch around it is what failed.
    fn give_up(&mut self, id: u32, state: StateId, trouble: &Trouble) -> Option<u32> {
        let origin = self.origin;
        let branch = self.execution.branches.get(id)?;
        let Some((parent_id, index)) = branch.parent else {
            // Recorded: what fails again before anything else is shown follows from the redrive.
            let previous_id = branch.last_event_id.max(self.execution.redriven_event_id);
            self.close(previous_id, EventKind::ExecutionFailed(trouble.failure.clone()));
            return None;
        };
        let failed_at = branch.last_event_id;
        let parent = self.execution.branches.get(parent_id)?;
        let map = parent.state;
        let in_map = self.is_map(map);
        if in_map {
            self.emit(id, failed_at, EventKind::IterationFailed { state: map, index });
        }
        if let StateKind::Task(_) = origin.definition.state(state)?.kind {
            self.emit(id, failed_at, EventKind::StateAborted { state });
        }
        self.abort_below(parent_id, map, failed_at, Some(id));
        self.execution.follow(parent_id, failed_at);
        Some(parent_id)
    }

    /// Shows what is under way below a Parallel or Map as given up: its states first, then its
    /// iterations, all pointing back to the event of the failure.
    fn abort_below(&mut self, around: u32, around_state: StateId, failed_at: u64, except: Option<u32>) {
        let origin = self.origin;
        let mut iterations = Vec::new();
        for id in self.execution.below(around) {
            if Some(id) == except {
                continue;
            }
            let Some(branch) = self.execution.branches.get(id) else { continue };
            // What failed with all that was below it has been shown as given up by then.
            if branch.is_given_up() {
                continue;
            }
            let under_way = !matches!(branch.phase, Phase::Enter | Phase::Ended { .. });
            let state_id = branch.state;
            let parent = branch.parent;
            let state = origin.definition.state(state_id);
            if under_way && state.is_some_and(|state| can_be_aborted(state.kind.state_type())) {
                self.emit(id, failed_at, EventKind::StateAborted { state: state_id });
            }
            let Some((parent, index)) = parent else { continue };
            let map = if parent == around { Some(around_state) } else { self.state_of(parent) };
            if let Some(map) = map.filter(|map| self.is_map(*map)) {
                iterations.push((id, map, index));
            }
        }
        for (id, state, index) in iterations {
            self.emit(id, failed_at, EventKind::IterationAborted { state, index });
        }
    }

    fn state_of(&self, branch: u32) -> Option<StateId> {
        self.execution.branches.get(branch).map(|branch| branch.state)
    }

    fn is_map(&self, state: StateId) -> bool {
        let state = self.origin.definition.state(state);
        state.is_some_and(|state| matches!(state.kind, StateKind::Map(_)))
    }
}

/// Whether AWS has an event for a state of this type that is given up.
fn can_be_aborted(state_type: StateType) -> bool {
    match state_type {
        StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map => true,
        StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail => false,
    }
}
