//! Testing one state: what `TestState` does.
//!
//! The chapters of the state types decide here as they do in an execution, over an execution that has
//! just entered the state. Where they would have work done outside, a [`Mock`] stands in for it, or the
//! caller does it and comes back with the outcome ([`Step`]). What comes of it is told in a
//! [`Report`], with what each field made of the data on the way.
//!
//! | status         | when                                                                     |
//! |----------------|--------------------------------------------------------------------------|
//! | `SUCCEEDED`    | the state was left                                                       |
//! | `RETRIABLE`    | it failed, and a retrier has an attempt left                             |
//! | `CAUGHT_ERROR` | it failed, and a catcher names the error                                 |
//! | `FAILED`       | it failed                                                                |
//!
//! A mock of a `Map` or `Parallel` stands for all their iterations or branches. A result mocked for a Map
//! whose failed iterations are more than it tolerates is
//! `States.ExceedToleratedFailureThreshold`; a Map that says nothing of tolerance tolerates all of them
//! here (recorded).
//!
//! Source: Developer Guide, "Using TestState API to test a state"; the recorded cases.

mod inspection;
mod items;
mod read;

pub use inspection::Inspection;
pub use read::{Tested, Untestable};

use std::cell::Cell;
use std::sync::Arc;

use stepwell_model::{Failure, Limits, Resource, Timestamp, error_names};
use stepwell_value::{Map, Payload, Value};

use crate::chance::Chance;
use crate::data::Data;
use crate::decide::Hand;
use crate::definition::StateId;
use crate::execution::{Execution, Phase};
use crate::io::{Effect, Origin, Recorder, TaskSpec, World};
use crate::journal::{EventKind, Transition};
use crate::retry::Trouble;
use crate::state::StateKind;
use crate::turn::{Turn, too_large};

/// With what a state is tested.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The raw input of the state.
    pub input: Payload,
    /// The variables that are there when it is entered.
    pub variables: Vec<(Arc<str>, Payload)>,
    /// Members of the context object that are to be others than those of the test itself.
    pub context: Option<Value>,
    /// What stands in for the work.
    pub mock: Option<Mock>,
    /// How often the retrier that names the error has had the state tried again.
    pub retries: u64,
    /// How many iterations of a Map have failed, where its result is mocked.
    pub failed_iterations: Option<u64>,
    /// What the `ItemReader` of a Map reads, as it is at its source.
    pub reader_data: Option<Arc<str>>,
    /// The ARN of the execution, as the context object shows it.
    pub execution_arn: Arc<str>,
    /// Its name.
    pub execution_name: Arc<str>,
    /// The ARN of the machine.
    pub machine_arn: Arc<str>,
    /// Its name.
    pub machine_name: Arc<str>,
    /// The role, if one was given.
    pub role_arn: Option<Arc<str>>,
    /// The region.
    pub region: Arc<str>,
    /// The limits in force.
    pub limits: Limits,
    /// Where all chance comes from.
    pub seed: u64,
}

/// What stands in for the work of a Task, Parallel or Map.
#[derive(Debug, Clone)]
pub enum Mock {
    /// It had this result.
    Result(Payload),
    /// It failed with this.
    Failure(Failure),
}

/// How far a test has come.
#[derive(Debug)]
pub enum Step {
    /// It is over.
    Done(Box<Report>),
    /// A task is to be done: see [`Test::task_ended`].
    Task(Box<Test>, TaskSpec),
    /// A moment is to come: see [`Test::waited`].
    Wait(Box<Test>, Timestamp),
}

/// What a test cannot begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// More iterations failed than there are.
    MoreFailuresThanIterations,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestStatus {
    /// The state was left.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It failed and would be tried again.
    Retriable,
    /// It failed and leads to what a catcher names.
    CaughtError,
}

impl TestStatus {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            TestStatus::Succeeded => "SUCCEEDED",
            TestStatus::Failed => "FAILED",
            TestStatus::Retriable => "RETRIABLE",
            TestStatus::CaughtError => "CAUGHT_ERROR",
        }
    }
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How it ended.
    pub status: TestStatus,
    /// The output of the state, or of the catcher.
    pub output: Option<Payload>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The state that comes next.
    pub next_state: Option<Arc<str>>,
    /// What each field made of the data.
    pub inspection: Inspection,
}

/// A test under way.
#[derive(Debug)]
pub struct Test {
    execution: Execution,
    recorder: Recorder,
    state: StateId,
    /// What its machine calls the state.
    name: Arc<str>,
}

/// The branch of an execution that a test has: the machine itself.
const BRANCH: u32 = 0;

impl Tested {
    /// Enters the state, and goes as far as nothing outside is needed.
    pub fn begin(self, setup: Setup, now: Timestamp, world: &dyn World) -> Result<Step, Refusal> {
        let Tested { definition, state, name, value, map_around } = self;
        let Setup { input, variables, mock, retries, failed_iterations, reader_data, seed, .. } = &setup;
        let definition = Arc::new(definition);
        let kind = &definition.state(state).expect("it was read").kind;
        let context = context_object(&setup, kind, map_around.as_ref(), now);
        let origin = Origin {
            definition: definition.clone(),
            execution_arn: setup.execution_arn.clone(),
            execution_name: setup.execution_name.clone(),
            machine_arn: setup.machine_arn.clone(),
            version_arn: None,
            alias_arn: None,
            machine_name: setup.machine_name.clone(),
            role_arn: setup.role_arn.clone().unwrap_or_default(),
            region: setup.region.clone(),
            limits: setup.limits,
            synchronous: false,
        };
        let mut execution = Execution::new(Arc::new(origin));
        execution.context = Some(context);
        let inspection = Inspection { input: Some(input.clone()), ..Inspection::default() };
        let recorder = Recorder { inspection: Some(Box::new(inspection)), ..Recorder::default() };
        let mut test = Test { execution, recorder, state, name };
        test.enter(input, *seed, variables, *retries, now, world);
        let outcome = match (kind, mock) {
            (StateKind::Map(map), Some(mock)) => {
                let reader_data = reader_data.as_deref();
                let surveyed = test.turn(now, world, |turn| items::survey(map, &value, reader_data, turn));
                match surveyed {
                    Err(failure) => Err(failure),
                    Ok(survey) => {
                        let failed = failed_iterations.unwrap_or(0);
                        if survey.iterations(mock).is_some_and(|iterations| failed > iterations) {
                            return Err(Refusal::MoreFailuresThanIterations);
                        }
                        match mock {
                            Mock::Result(_) if survey.exceeds(failed, mock) => Err(too_many_failed()),
                            mock => test.turn(now, world, |turn| mocked(turn, mock)),
                        }
                    }
                }
            }
            (_, mock) => test.turn(now, world, |turn| {
                show_before(turn);
                kind.enter(turn)?;
                mock.as_ref().map_or(Ok(()), |mock| mocked(turn, mock))
            }),
        };
        Ok(test.go_on(outcome, now, world))
    }
}

impl Test {
    /// Begins an execution at the state.
    fn enter(
        &mut self,
        input: &Payload,
        seed: u64,
        variables: &[(Arc<str>, Payload)],
        retries: u64,
        now: Timestamp,
        world: &dyn World,
    ) {
        let state = self.state;
        let retriers = self.execution.state(state).retriers.len();
        self.hand(now, world, |hand| {
            hand.emit(BRANCH, 0, EventKind::ExecutionStarted { input: input.clone(), seed });
            if let Some(branch) = hand.execution.branches.get_mut(BRANCH) {
                branch.state = state;
                branch.variables.extend(variables.iter().cloned());
            }
            hand.emit(BRANCH, 0, EventKind::StateEntered { state, input: input.clone() });
            if let Some(branch) = hand.execution.branches.get_mut(BRANCH) {
                branch.retries = vec![retries; retriers];
                branch.retry_count = retries;
            }
        });
    }

    fn hand<R>(&mut self, now: Timestamp, world: &dyn World, work: impl FnOnce(&mut Hand) -> R) -> R {
        let origin = self.execution.origin.clone();
        work(&mut Hand {
            execution: &mut self.execution,
            origin: &origin,
            now,
            world,
            recorder: &mut self.recorder,
            evaluated_ms: Cell::new(0),
        })
    }

    /// Lets `work` have the state's turn.
    fn turn<R>(&mut self, now: Timestamp, world: &dyn World, work: impl FnOnce(&mut Turn) -> R) -> R {
        self.hand(now, world, |hand| {
            work(&mut hand.turn(BRANCH).expect("a test has one branch, which is at its state"))
        })
    }

    /// The task that the test stopped for ended.
    pub fn task_ended(
        mut self,
        outcome: Result<Payload, Failure>,
        now: Timestamp,
        world: &dyn World,
    ) -> Report {
        let state = self.state;
        let outcome = self.turn(now, world, |turn| {
            let result = outcome?;
            if result.text().len() > turn.hand.origin.limits.payload_bytes_max {
                return Err(too_large(&turn.hand.task_name(state)));
            }
            turn.finish_work(result)
        });
        self.conclude(outcome, now, world)
    }

    /// The moment that the test stopped for came.
    pub fn waited(mut self, now: Timestamp, world: &dyn World) -> Report {
        let outcome = self.turn(now, world, crate::state::wait::leave);
        self.conclude(outcome, now, world)
    }

    /// What the state waits for longer than a test may last fails it.
    pub fn timed_out(self, now: Timestamp, world: &dyn World) -> Report {
        self.conclude(Err(Failure::named(error_names::TIMEOUT)), now, world)
    }

    fn go_on(mut self, outcome: Result<(), Failure>, now: Timestamp, world: &dyn World) -> Step {
        if outcome.is_err() || self.left().is_some() {
            return Step::Done(Box::new(self.conclude(outcome, now, world)));
        }
        let wake_at = match self.execution.branches.get(BRANCH).map(|branch| &branch.phase) {
            Some(Phase::Waiting { until }) => Some(*until),
            _ => None,
        };
        if let Some(until) = wake_at {
            return Step::Wait(Box::new(self), until);
        }
        match self.recorder.effects.pop() {
            Some(Effect::ScheduleTask(task)) => Step::Task(Box::new(self), task),
            // Without a mock, a Parallel or Map has begun branches, which a test does not run.
            Some(Effect::CancelTask { .. }) | None => {
                let failure = Failure::runtime("The state cannot be tested without a mock.");
                Step::Done(Box::new(self.conclude(Err(failure), now, world)))
            }
        }
    }

    /// How the state was left, if it was.
    fn left(&self) -> Option<(Payload, Transition)> {
        match &self.recorder.events.last()?.kind {
            EventKind::StateExited { output, transition, .. } => Some((output.clone(), *transition)),
            _ => None,
        }
    }

    fn conclude(mut self, outcome: Result<(), Failure>, now: Timestamp, world: &dyn World) -> Report {
        let (status, failure) = match outcome {
            Ok(()) => (TestStatus::Succeeded, None),
            Err(failure) => {
                let (status, failure) = self.fail(failure.into(), now, world);
                (status, Some(failure))
            }
        };
        let left = self.left();
        let next = match left {
            Some((_, Transition::Next(next))) if next == self.state => Some(self.name.clone()),
            Some((_, Transition::Next(next))) => Some(self.execution.state(next).name.clone()),
            Some((_, Transition::End)) | None => None,
        };
        let mut inspection = self.recorder.inspection.map(|seen| *seen).unwrap_or_default();
        let variables = &self.execution.branches[BRANCH].variables;
        if !variables.is_empty() {
            let members = variables.iter().map(|(name, value)| (name.clone(), value.value().clone()));
            inspection.variables = Payload::of(Value::object(members)).ok();
        }
        Report { status, output: left.map(|(output, _)| output), failure, next_state: next, inspection }
    }

    /// Finds what becomes of a failure.
    fn fail(&mut self, trouble: Trouble, now: Timestamp, world: &dyn World) -> (TestStatus, Failure) {
        let origin = self.execution.origin.clone();
        let state = origin.definition.state(self.state).expect("it was read");
        let seen = self.recorder.inspection.get_or_insert_default();
        if let Some(place) = state.retriers.iter().position(|retrier| retrier.matches(&trouble)) {
            seen.retry_index = Some(place as u64);
            let attempt = self.execution.branches[BRANCH].retries[place];
            if attempt < state.retriers[place].max_attempts {
                let chance = Chance::new(&self.execution, BRANCH, u64::MAX).draw();
                seen.retry_backoff_seconds = Some(state.retriers[place].delay(attempt, chance).as_secs());
                return (TestStatus::Retriable, trouble.failure);
            }
        }
        let Some(place) = state.catchers.iter().position(|catcher| catcher.matches(&trouble)) else {
            return (TestStatus::Failed, trouble.failure);
        };
        seen.catch_index = Some(place as u64);
        match self.turn(now, world, |turn| turn.catch(place, &trouble)) {
            Ok(()) => (TestStatus::CaughtError, trouble.failure),
            Err(failure) => (TestStatus::Failed, failure),
        }
    }
}

/// Shows what the chapter of the state does not come by.
fn show_before(turn: &mut Turn) {
    let input = turn.raw_input();
    let state = turn.state;
    let Some(seen) = &mut turn.hand.recorder.inspection else { return };
    match (&state.kind, &state.data) {
        (StateKind::Pass(pass), Data::Path(_)) => seen.result = pass.result.clone(),
        (StateKind::Fail(_), Data::Path(_)) => seen.after_input_path = Some(input),
        _ => {}
    }
}

/// Ends the work of a state as the mock has it.
fn mocked(turn: &mut Turn, mock: &Mock) -> Result<(), Failure> {
    match mock {
        Mock::Result(result) => turn.finish_work(result.clone()),
        Mock::Failure(failure) => Err(failure.clone()),
    }
}

/// Recorded.
fn too_many_failed() -> Failure {
    Failure::new(
        error_names::EXCEED_TOLERATED_FAILURE_THRESHOLD,
        "The specified tolerated failure threshold was exceeded",
    )
}

/// The context object: that of an Express execution of its own, and over it what the caller gives. In a
/// Map, where the caller gives nothing, the iteration is the first and its item the input.
fn context_object(setup: &Setup, kind: &StateKind, map_around: Option<&Value>, now: Timestamp) -> Map {
    let text = |text: &Arc<str>| Value::String(text.clone());
    let moment = Value::from(now.to_rfc3339());
    let execution = Value::object([
        ("Id", text(&setup.execution_arn)),
        ("Input", setup.input.value().clone()),
        ("Name", text(&setup.execution_name)),
        ("RoleArn", setup.role_arn.as_ref().map_or(Value::Null, text)),
        ("StartTime", moment.clone()),
    ]);
    let machine = Value::object([("Id", text(&setup.machine_arn)), ("Name", text(&setup.machine_name))]);
    let mut about_state = vec![("EnteredTime", moment), ("Name", Value::from(read::STATE_NAME))];
    if matches!(kind, StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_)) {
        about_state.push(("RetryCount", Value::from(setup.retries as i64)));
    }
    let mut context = Map::default();
    context.insert("Execution".into(), execution);
    context.insert("StateMachine".into(), machine);
    context.insert("State".into(), Value::object(about_state));
    if let (Some(map), None) = (map_around, &setup.context) {
        let mut item = vec![("Index", Value::from(0_i64)), ("Value", setup.input.value().clone())];
        let processor = map.get("ItemProcessor");
        let mode = processor.and_then(|processor| processor.get("ProcessorConfig")?.get("Mode")?.as_str());
        if mode == Some("DISTRIBUTED") && map.get("ItemReader").is_none() {
            item.push(("Source", Value::from("STATE_DATA")));
        }
        context.insert("Map".into(), Value::object([("Item", Value::object(item))]));
    }
    for (key, given) in setup.context.iter().filter_map(Value::as_object).flat_map(Map::iter) {
        let mut merged = context.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        let members = given.as_object().into_iter().flat_map(Map::iter);
        for (name, value) in members {
            merged.insert(name.clone(), value.clone());
        }
        context.insert(key.clone(), Value::Object(Arc::new(merged)));
    }
    context
}

/// Whether a resource can only be tested with a mock, because its end comes from outside.
pub fn needs_mock(resource: &Resource) -> bool {
    use stepwell_model::Pattern;
    match resource {
        Resource::Activity { .. } => true,
        Resource::LambdaFunction { .. } => false,
        Resource::Service { pattern, .. } => *pattern != Pattern::RequestResponse,
    }
}
