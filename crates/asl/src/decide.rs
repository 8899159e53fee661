//! Deciding: what follows from an input, branch by branch, step by step.
//!
//! A step looks at the phase of one branch and records events until the branch is in another phase.
//! A step is never cut in half: fuel is looked at between steps only, so what is committed is
//! always the state between two of them.

use std::cell::Cell;
use std::sync::Arc;

use stepwell_jsonpath::{EvaluationError, Expression, Scope, Template};
use stepwell_model::{ExecutionStatus, Failure, Resource, Timestamp, error_names};
use stepwell_value::{Payload, Value};

use crate::context;
use crate::data::{PathField, ResultPath};
use crate::definition::{State, StateId};
use crate::execution::{Execution, Phase};
use crate::io::{Effect, Input, Origin, Recorder, Refused, World};
use crate::journal::{Event, EventKind, Transition};
use crate::retry::Trouble;
use crate::state::StateKind;

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
        let mut hand = Hand { execution: self, origin: &origin, now, world, recorder };
        hand.hear(input)?;
        hand.go_on(fuel);
        Ok(())
    }
}

/// Everything a decision needs.
struct Hand<'t> {
    execution: &'t mut Execution,
    origin: &'t Arc<Origin>,
    now: Timestamp,
    world: &'t dyn World,
    recorder: &'t mut Recorder,
}

impl<'t> Hand<'t> {
    fn emit(&mut self, branch: u32, previous_id: u64, kind: EventKind) -> u64 {
        let id = if kind.is_shown() { self.execution.last_event_id + 1 } else { 0 };
        let event = Event { at: self.now, id, previous_id, branch, kind };
        self.execution.apply(&event).expect("what is decided fits the state it was decided from");
        self.recorder.events.push(event);
        id
    }

    /// Records an event that follows the branch's last one.
    fn emit_next(&mut self, branch: u32, kind: EventKind) -> u64 {
        let previous_id = self.last_event_id(branch);
        self.emit(branch, previous_id, kind)
    }

    fn last_event_id(&self, branch: u32) -> u64 {
        self.execution.branches.get(&branch).map_or(0, |branch| branch.last_event_id)
    }

    fn turn(&mut self, branch: u32) -> Option<Turn<'_, 't>> {
        let state_id = self.execution.branches.get(&branch)?.state;
        let state = self.origin.definition.state(state_id)?;
        Some(Turn { state, state_id, branch, token: None, drawn: Cell::new(0), hand: self })
    }

    fn hear(&mut self, input: Input) -> Result<(), Refused> {
        if self.execution.status != ExecutionStatus::Running {
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
        }
        Ok(())
    }

    /// The branch and state of a task that is waited for.
    fn task(&self, scheduled_event_id: u64, wants_started: bool) -> Result<(u32, StateId), Refused> {
        let branch_id = *self.execution.tasks.get(&scheduled_event_id).ok_or(Refused::NoSuchTask)?;
        let branch = self.execution.branches.get(&branch_id).ok_or(Refused::NoSuchTask)?;
        match &branch.phase {
            Phase::Task(task) if task.started == wants_started => Ok((branch_id, branch.state)),
            _ => Err(Refused::WrongPhase),
        }
    }

    /// What AWS calls a task in the text about its size: the service, or the state.
    fn task_name(&self, state: StateId) -> Arc<str> {
        match self.origin.definition.task_resource(state) {
            Some(Resource::Service { service, .. }) => service.clone(),
            Some(Resource::Activity { .. } | Resource::LambdaFunction { .. }) | None => {
                self.execution.state(state).name.clone()
            }
        }
    }

    fn tick(&mut self) {
        if self.execution.execution_due().is_some_and(|due| due <= self.now) {
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
        let Some(branch) = self.execution.branches.get(branch) else { return };
        if let Some(resource) = self.origin.definition.task_resource(branch.state) {
            let resource = resource.clone();
            self.recorder.effects.push(Effect::CancelTask { scheduled_event_id, resource });
        }
    }

    /// Cancels the tasks of the branches below one that is tried again or has failed.
    fn cancel_below(&mut self, id: u32) {
        let below = self.execution.below(id);
        let tasks = self.execution.tasks.iter().filter(|(_, branch)| below.contains(branch));
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
        }
    }

    fn step(&mut self, id: u32, fuel: &mut u32) {
        let now = self.now;
        let Some(branch) = self.execution.branches.get(&id) else { return };
        let result = match &branch.phase {
            Phase::Enter => {
                *fuel -= 1;
                self.enter(id);
                Ok(())
            }
            Phase::Entered => self.attempt(id),
            Phase::Retrying { due } if *due <= now => self.attempt(id),
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
            Phase::Waiting { .. } | Phase::Retrying { .. } | Phase::GivenUp => Ok(()),
        };
        if let Err(failure) = result {
            self.fail(id, failure.into());
        }
    }

    fn enter(&mut self, id: u32) {
        let limit = self.origin.limits.history_events_max;
        // The last event of a full history is its end.
        if self.execution.last_event_id + 1 >= limit {
            let cause = format!("The execution reached the maximum number of history events ({limit}).");
            let previous_id = self.last_event_id(id);
            self.close(previous_id, EventKind::ExecutionFailed(Failure::runtime(cause)));
            return;
        }
        if let Some(branch) = self.execution.branches.get(&id) {
            let kind = EventKind::StateEntered { state: branch.state, input: branch.input.clone() };
            self.emit_next(id, kind);
        }
    }

    /// Does what the state is for, at first or again.
    fn attempt(&mut self, id: u32) -> Result<(), Failure> {
        let origin = self.origin;
        match self.turn(id) {
            Some(mut turn) => match origin.definition.state(turn.state_id) {
                Some(state) => state.kind.enter(&mut turn),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Begins iterations that may begin, and joins the branches once all have ended.
    fn tend(&mut self, id: u32) -> Result<(), Failure> {
        let origin = self.origin;
        loop {
            let Some(branch) = self.execution.branches.get(&id) else { return Ok(()) };
            let Phase::Children(children) = &branch.phase else { return Ok(()) };
            let previous_id = children.last_event_id;
            let state_id = branch.state;
            let Some(state) = origin.definition.state(state_id) else { return Ok(()) };
            if children.are_done() {
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
            let Some(mut turn) = self.turn(id) else { return Ok(()) };
            let input = map.iteration_input(&mut turn, index, &item)?;
            self.emit(id, previous_id, EventKind::IterationStarted { state: state_id, index, input });
        }
    }

    fn end_branch(&mut self, id: u32, output: Payload) {
        let parent = self.execution.branches.get(&id).and_then(|branch| branch.parent);
        match parent {
            None => {
                self.emit_next(id, EventKind::ExecutionSucceeded { output });
            }
            Some((parent, index)) => {
                if let Some(parent) = self.execution.branches.get(&parent) {
                    let state = parent.state;
                    self.emit_next(id, EventKind::IterationSucceeded { state, index });
                }
            }
        }
    }

    /// Finds what becomes of a failure: a new attempt, a catcher, or the failure of what is around.
    fn fail(&mut self, mut id: u32, trouble: Trouble) {
        let origin = self.origin;
        loop {
            let Some(branch) = self.execution.branches.get(&id) else { return };
            let Some(state) = origin.definition.state(branch.state) else { return };
            let state_id = branch.state;
            let has_children = matches!(branch.phase, Phase::Children(_));
            if has_children {
                self.cancel_below(id);
            }
            let Some(branch) = self.execution.branches.get(&id) else { return };
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
            match state.kind {
                StateKind::Parallel(_) if has_children => {
                    self.emit_next(id, EventKind::ParallelFailed);
                }
                StateKind::Map(_) if has_children => {
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
                Some(parent) => id = parent,
                None => return,
            }
        }
    }

    /// A failure that the state's own catchers had no answer to.
    fn fail_beyond(&mut self, id: u32, state: StateId, trouble: Trouble) {
        if let Some(parent) = self.give_up(id, state, &trouble) {
            self.fail(parent, trouble);
        }
    }

    /// Ends a branch that failed for good: the execution, or the branch with its siblings. Then the
    /// branch around it is what failed.
    fn give_up(&mut self, id: u32, state: StateId, trouble: &Trouble) -> Option<u32> {
        let origin = self.origin;
        let branch = self.execution.branches.get(&id)?;
        let Some((parent_id, index)) = branch.parent else {
            let previous_id = branch.last_event_id;
            self.close(previous_id, EventKind::ExecutionFailed(trouble.failure.clone()));
            return None;
        };
        let failed_at = branch.last_event_id;
        let parent = self.execution.branches.get(&parent_id)?;
        let map = parent.state;
        let in_map = matches!(origin.definition.state(map)?.kind, StateKind::Map(_));
        if in_map {
            self.emit(id, failed_at, EventKind::IterationFailed { state: map, index });
        }
        if let StateKind::Task(_) = origin.definition.state(state)?.kind {
            self.emit(id, failed_at, EventKind::StateAborted { state });
        }
        let others: Vec<u32> =
            self.execution.below(parent_id).into_iter().filter(|other| *other != id).collect();
        let mut aborted = Vec::new();
        for other in others {
            let Some(branch) = self.execution.branches.get(&other) else { continue };
            let entered = !matches!(branch.phase, Phase::Enter);
            let state = branch.state;
            let sibling = branch.parent.filter(|(parent, _)| *parent == parent_id);
            if entered && let StateKind::Task(_) = origin.definition.state(state)?.kind {
                self.emit(other, failed_at, EventKind::StateAborted { state });
            }
            if let (true, Some((_, index))) = (in_map, sibling) {
                aborted.push((other, index));
            }
        }
        for (other, index) in aborted {
            self.emit(other, failed_at, EventKind::IterationAborted { state: map, index });
        }
        self.execution.follow(parent_id, failed_at);
        Some(parent_id)
    }
}

fn too_large(name: &str) -> Failure {
    Failure::new(
        error_names::DATA_LIMIT_EXCEEDED,
        format!(
            "The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service \
             limit."
        ),
    )
}

/// One branch's turn: what a chapter works with.
pub(crate) struct Turn<'h, 't> {
    hand: &'h mut Hand<'t>,
    branch: u32,
    state: &'t State,
    pub(crate) state_id: StateId,
    /// The token of the task that is about to be scheduled.
    token: Option<Arc<str>>,
    /// How often chance was drawn.
    drawn: Cell<u64>,
}

impl Turn<'_, '_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.hand.now
    }

    pub(crate) fn world(&self) -> &dyn World {
        self.hand.world
    }

    pub(crate) fn state_id(&self) -> StateId {
        self.state_id
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.hand.recorder.effects.push(effect);
    }

    /// Records an event of this branch that follows its last one.
    pub(crate) fn emit(&mut self, kind: EventKind) -> u64 {
        self.hand.emit_next(self.branch, kind)
    }

    /// The input with which the state was entered.
    pub(crate) fn raw_input(&self) -> Payload {
        self.hand.execution.branches[&self.branch].input.clone()
    }

    /// What `InputPath` leaves of it.
    pub(crate) fn effective_input(&self) -> Result<Payload, Failure> {
        self.through(&self.state.data.input_path, self.raw_input())
    }

    /// What `Parameters` makes of the effective input.
    pub(crate) fn parameters(&self) -> Result<Payload, Failure> {
        let input = self.effective_input()?;
        match &self.state.data.parameters {
            None => Ok(input),
            Some(template) => self.fill(template, input.value()),
        }
    }

    /// `Parameters` as they were written: what `ItemSelector` was once called.
    pub(crate) fn legacy_parameters(&self) -> Option<&Template> {
        self.state.data.parameters.as_ref()
    }

    fn through(&self, path: &PathField, payload: Payload) -> Result<Payload, Failure> {
        match path {
            PathField::Whole => Ok(payload),
            PathField::Empty => Ok(Payload::empty_object()),
            PathField::Path(expression) => {
                let value = self.scoped(payload.value(), None, |scope| expression.evaluate(scope));
                let value = value.map_err(|error| self.failure(&error, error.invalid_path_cause()))?;
                self.payload(value)
            }
        }
    }

    /// The value of an expression over `input`; `field` is the field that holds it.
    pub(crate) fn evaluate(
        &self,
        expression: &Expression,
        input: &Value,
        field: &str,
    ) -> Result<Value, Failure> {
        let value = self.scoped(input, None, |scope| expression.evaluate(scope));
        value.map_err(|error| self.failure(&error, error.cause(field)))
    }

    fn fill(&self, template: &Template, input: &Value) -> Result<Payload, Failure> {
        let value = self.fill_value(template, input, None)?;
        self.payload(value)
    }

    fn fill_value(
        &self,
        template: &Template,
        input: &Value,
        item: Option<(u64, &Value)>,
    ) -> Result<Value, Failure> {
        let value = self.scoped(input, item, |scope| template.evaluate(scope));
        value.map_err(|error| self.failure(&error, error.cause("Parameters")))
    }

    /// What `ItemSelector` makes of an item.
    pub(crate) fn select_item(
        &self,
        selector: &Template,
        index: u64,
        item: &Value,
    ) -> Result<Payload, Failure> {
        let input = self.effective_input()?;
        let value = self.fill_value(selector, input.value(), Some((index, item)))?;
        self.payload(value)
    }

    fn scoped<R>(&self, input: &Value, item: Option<(u64, &Value)>, work: impl FnOnce(&Scope) -> R) -> R {
        let execution = &*self.hand.execution;
        let chance = Chance::new(execution, self.branch, self.drawn.get());
        let result = work(&Scope {
            input,
            context: &|| context::value(execution, self.branch, self.state, self.token.as_deref(), item),
            variable: &|name| execution.variable(self.branch, name).map(|payload| payload.value().clone()),
            random: &|| chance.next(),
        });
        self.drawn.set(chance.drawn.get());
        result
    }

    fn failure(&self, error: &EvaluationError, cause: String) -> Failure {
        Failure::new(error.error_name(), self.told(&cause))
    }

    /// A `States.Runtime` failure of this state.
    pub(crate) fn runtime_failure(&self, cause: &str) -> Failure {
        Failure::runtime(self.told(cause))
    }

    fn told(&self, cause: &str) -> String {
        let entered = self.hand.execution.branches[&self.branch].entered_event_id;
        let name = &self.state.name;
        format!(
            "An error occurred while executing the state '{name}' (entered at the event id #{entered}). {cause}"
        )
    }

    /// The payload of a value that was composed.
    pub(crate) fn payload(&self, value: Value) -> Result<Payload, Failure> {
        Payload::of(value).map_err(|error| self.runtime_failure(&error.to_string()))
    }

    /// Refuses what is larger than a payload may be.
    pub(crate) fn check_size(&self, payload: &Payload) -> Result<(), Failure> {
        if payload.text().len() <= self.hand.origin.limits.payload_bytes_max {
            return Ok(());
        }
        Err(too_large(&self.state.name))
    }

    /// Shows the context object the token of the task that the next event schedules.
    pub(crate) fn offer_token(&mut self, resource: &Resource) {
        if resource.waits_for_token() && !matches!(resource, Resource::Activity { .. }) {
            self.token = Some(self.hand.world.task_token(self.hand.execution.last_event_id + 1));
        }
    }

    /// Leaves a Task, Parallel or Map.
    fn finish_work(&mut self, result: Payload) -> Result<(), Failure> {
        // Joining the outputs of branches adds a level, so nesting must be looked at anew.
        if !matches!(self.state.kind, StateKind::Task(_)) && Payload::parse(result.text()).is_err() {
            return Err(self.runtime_failure(&stepwell_value::TooDeep.to_string()));
        }
        self.finish(result)
    }

    /// Leaves a state whose work had this result: `ResultSelector`, `ResultPath`, `OutputPath`,
    /// `Assign`.
    pub(crate) fn finish(&mut self, result: Payload) -> Result<(), Failure> {
        let data = &self.state.data;
        let result = match &data.result_selector {
            None => result,
            Some(selector) => self.fill(selector, result.value())?,
        };
        let assigned = self.assign(data.assign.as_ref(), result.value())?;
        let combined = match (&data.result_path, result) {
            (ResultPath::Whole, result) => result,
            (ResultPath::Discard, _) => self.raw_input(),
            (ResultPath::Path(_), result) => self.combine(&data.result_path, &result)?,
        };
        let output = self.through(&data.output_path, combined)?;
        self.leave(output, assigned)
    }

    fn combine(&self, path: &ResultPath, result: &Payload) -> Result<Payload, Failure> {
        let input = self.raw_input();
        let ResultPath::Path(path) = path else { return Ok(input) };
        let combined = path.set(input.value(), result.value().clone()).map_err(|error| Failure {
            error: Some(error_names::RESULT_PATH_MATCH_FAILURE.into()),
            ..self.runtime_failure(&error.to_string())
        })?;
        self.payload(combined)
    }

    /// Leaves a state that hands its effective input on: `OutputPath`, `Assign`.
    pub(crate) fn pass_on(&mut self, input: Payload) -> Result<(), Failure> {
        let data = &self.state.data;
        let assigned = self.assign(data.assign.as_ref(), input.value())?;
        let output = self.through(&data.output_path, input)?;
        self.leave(output, assigned)
    }

    fn leave(&mut self, output: Payload, assigned: Vec<(Arc<str>, Payload)>) -> Result<(), Failure> {
        let transition = self.state.transition.unwrap_or(Transition::End);
        self.exit(output, assigned, transition)
    }

    /// Leaves a Choice for the state it chose.
    pub(crate) fn choose(
        &mut self,
        input: &Payload,
        next: StateId,
        assign: Option<&Template>,
    ) -> Result<(), Failure> {
        let data = &self.state.data;
        let assigned = self.assign(assign.or(data.assign.as_ref()), input.value())?;
        let output = self.through(&data.output_path, input.clone())?;
        self.exit(output, assigned, Transition::Next(next))
    }

    /// What a state without results hands on: the effective input through `OutputPath`.
    pub(crate) fn output(&self, input: Payload) -> Result<Payload, Failure> {
        self.through(&self.state.data.output_path, input)
    }

    /// Leaves for what a catcher names.
    fn catch(&mut self, catcher: usize, trouble: &Trouble) -> Result<(), Failure> {
        let catcher = &self.state.catchers[catcher];
        let text = |text: &Option<Arc<str>>| text.clone().map(Value::String);
        let error = [("Error", text(&trouble.failure.error)), ("Cause", text(&trouble.failure.cause))];
        let error = Value::object(error.into_iter().filter_map(|(key, value)| Some((key, value?))));
        let error = self.payload(error)?;
        let assigned = self.assign(catcher.assign.as_ref(), error.value())?;
        let output = match &catcher.result_path {
            ResultPath::Whole => error,
            ResultPath::Discard => self.raw_input(),
            path @ ResultPath::Path(_) => self.combine(path, &error)?,
        };
        self.exit(output, assigned, Transition::Next(catcher.next))
    }

    pub(crate) fn exit(
        &mut self,
        output: Payload,
        assigned: Vec<(Arc<str>, Payload)>,
        transition: Transition,
    ) -> Result<(), Failure> {
        self.check_size(&output)?;
        let state = self.state_id;
        self.emit(EventKind::StateExited { state, output, assigned, transition });
        Ok(())
    }

    fn assign(
        &self,
        template: Option<&Template>,
        input: &Value,
    ) -> Result<Vec<(Arc<str>, Payload)>, Failure> {
        let Some(template) = template else { return Ok(Vec::new()) };
        let value = self.fill_value(template, input, None)?;
        let mut assigned = Vec::new();
        let mut bytes = 0;
        for (name, value) in value.as_object().into_iter().flat_map(|map| map.iter()) {
            let payload = self.payload(value.clone())?;
            bytes += payload.text().len();
            assigned.push((name.clone(), payload));
        }
        if bytes > self.hand.origin.limits.payload_bytes_max {
            return Err(too_large(&self.state.name));
        }
        let live = self.hand.execution.variable_bytes() + bytes;
        if live > self.hand.origin.limits.variables_bytes_max {
            let most = self.hand.origin.limits.variables_bytes_max;
            return Err(self.runtime_failure(&format!("The variables of the execution exceed {most} bytes.")));
        }
        Ok(assigned)
    }
}

/// Chance, from the execution's seed, the branch and the history so far: the same each time the same
/// decision is taken.
struct Chance {
    base: u64,
    drawn: Cell<u64>,
}

impl Chance {
    fn new(execution: &Execution, branch: u32, drawn: u64) -> Chance {
        let place = execution.last_event_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(branch) << 40;
        Chance { base: mix(execution.seed ^ place), drawn: Cell::new(drawn) }
    }

    fn next(&self) -> u64 {
        let drawn = self.drawn.get().wrapping_add(1);
        self.drawn.set(drawn);
        mix(self.base.wrapping_add(drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Anything from 0 to 1.
    fn draw(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
