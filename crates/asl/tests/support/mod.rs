//! Executions as statements: a definition, an input, what its tasks answer, and the history.
//!
//! After each input the journal so far is written, read back and applied anew, and must give the
//! same execution: replay equals live, at every step of every case.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use expect_test::Expect;
use stepwell_asl::*;
use stepwell_model::*;
use stepwell_value::Payload;

pub struct Nowhere;

impl World for Nowhere {
    fn task_token(&self, scheduled_event_id: u64) -> Arc<str> {
        format!("token-{scheduled_event_id}").into()
    }

    fn activity_exists(&self, arn: &str) -> bool {
        !arn.ends_with("missing")
    }

    fn elapsed_ms(&self) -> u64 {
        0
    }
}

/// What a task answers.
pub enum Answer {
    Ok(&'static str),
    Error(&'static str, &'static str),
    /// Nothing, ever: it is started and then silent.
    Silence,
}

pub struct Run {
    pub execution: Execution,
    pub journal: Vec<Event>,
    pub effects: Vec<Effect>,
    pub now: Timestamp,
    fuel_a_turn: u32,
}

impl Run {
    pub fn new(definition: &str, fuel_a_turn: u32) -> Run {
        Run { fuel_a_turn, ..Run::limited(definition, Limits::default()) }
    }

    /// With other limits than AWS's.
    pub fn limited(definition: &str, limits: Limits) -> Run {
        let (definition, _) = Definition::parse(definition).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let origin = Origin {
            definition: Arc::new(definition),
            execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
            execution_name: "e".into(),
            machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
            version_arn: None,
            alias_arn: None,
            machine_name: "m".into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            region: "us-east-1".into(),
            limits,
            synchronous: false,
        };
        let execution = Execution::new(Arc::new(origin));
        let now = Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").unwrap();
        Run { execution, journal: Vec::new(), effects: Vec::new(), now, fuel_a_turn: u32::MAX }
    }

    pub fn hear(&mut self, input: Input) -> Result<(), Refused> {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let mut recorder = Recorder::default();
            let mut fuel = self.fuel_a_turn;
            let result = self.execution.handle(input, self.now, &Nowhere, &mut fuel, &mut recorder);
            self.journal.extend(recorder.events);
            self.effects.extend(recorder.effects);
            self.check_replay();
            result?;
            if self.execution.has_work() {
                next = Some(Input::Continue);
            }
        }
        Ok(())
    }

    pub fn check_replay(&self) {
        let written = encode(&self.journal);
        let read = decode(&written).unwrap();
        assert_eq!(read, self.journal);
        let mut again = Execution::new(self.execution.origin().clone());
        for event in &read {
            again.apply(event).unwrap();
        }
        assert_eq!(again, self.execution);
        assert_eq!(again.has_work(), self.execution.has_work());
        assert_eq!(again.outstanding(), self.execution.outstanding());
        assert_eq!(again.is_parked(), self.execution.is_parked());
        self.check_snapshot();
    }

    /// What only waits has a snapshot, out of which comes the same execution; damage is an error or
    /// another execution, never a panic.
    fn check_snapshot(&self) {
        let snapshot = self.execution.snapshot();
        assert_eq!(snapshot.is_some(), self.execution.is_parked());
        let Some(snapshot) = snapshot else { return };
        let origin = self.execution.origin();
        let again = Execution::restore(origin.clone(), &snapshot).unwrap();
        assert_eq!(again, self.execution);
        assert_eq!(again.next_due(), self.execution.next_due());
        assert_eq!(again.outstanding(), self.execution.outstanding());
        for cut in 0..snapshot.len().min(200) {
            assert!(Execution::restore(origin.clone(), &snapshot[..cut]).is_err());
            let mut flipped = snapshot.clone();
            flipped[cut] ^= 1 << (cut % 8);
            let _ = Execution::restore(origin.clone(), &flipped);
        }
        let foreign = [&[0], &snapshot[1..]].concat();
        assert_eq!(
            Execution::restore(origin.clone(), &foreign).err(),
            Some(CorruptJournal::UnknownFormat(0))
        );
    }

    /// Lets tasks answer and time pass until it has ended or nothing would ever happen again.
    pub fn let_it_end(&mut self, answer: &dyn Fn(&TaskSpec) -> Answer) {
        while self.execution.status() == ExecutionStatus::Running {
            if self.effects.is_empty() {
                self.now = self.execution.next_due().expect("a running execution has an end").max(self.now);
                self.hear(Input::Tick).unwrap();
                continue;
            }
            let Effect::ScheduleTask(task) = self.effects.remove(0) else { continue };
            let scheduled_event_id = task.scheduled_event_id;
            let worker_name = Some("worker".into());
            if self.hear(Input::TaskStarted { scheduled_event_id, worker_name }).is_err() {
                continue;
            }
            match answer(&task) {
                Answer::Ok(output) => {
                    let output = Payload::parse(output).unwrap();
                    self.hear(Input::TaskSucceeded { scheduled_event_id, output }).unwrap();
                }
                Answer::Error(error, cause) => {
                    let failure = Failure::new(error, cause);
                    self.hear(Input::TaskFailed { scheduled_event_id, failure }).unwrap();
                }
                Answer::Silence => {}
            }
        }
    }

    pub fn history(&self) -> String {
        let mut text = String::new();
        let mut before = self.journal[0].at;
        for event in self.journal.iter().filter_map(|event| project(event, self.execution.origin())) {
            let waited = event.timestamp.since(before).as_millis();
            before = event.timestamp;
            let detail = match &event.kind {
                HistoryEventKind::StateEntered { name, input, .. } => format!(" {name} {input:?}"),
                HistoryEventKind::StateExited { name, output, assigned_variables, .. } => {
                    let assigned = if assigned_variables.is_empty() {
                        String::new()
                    } else {
                        format!(" {assigned_variables:?}")
                    };
                    format!(" {name} {output:?}{assigned}")
                }
                HistoryEventKind::ExecutionFailed(f) | HistoryEventKind::ExecutionTimedOut(f) => told(f),
                HistoryEventKind::ExecutionAborted(f) => told(f),
                HistoryEventKind::ExecutionRedriven { redrive_count } => format!(" {redrive_count}"),
                HistoryEventKind::EvaluationFailed { state, location, failure } => {
                    format!(" {state} {}{}", location.as_deref().unwrap_or("-"), told(failure))
                }
                HistoryEventKind::ExecutionSucceeded { output } => format!(" {output:?}"),
                HistoryEventKind::MapStateStarted { length } => format!(" {length}"),
                HistoryEventKind::MapIterationStarted { index, .. }
                | HistoryEventKind::MapIterationSucceeded { index, .. }
                | HistoryEventKind::MapIterationFailed { index, .. }
                | HistoryEventKind::MapIterationAborted { index, .. } => format!(" {index}"),
                HistoryEventKind::Task(_, TaskEvent::Scheduled { parameters, .. }) => {
                    format!(" {parameters:?}")
                }
                HistoryEventKind::Task(_, TaskEvent::Succeeded { output }) => format!(" {output:?}"),
                HistoryEventKind::Task(_, TaskEvent::Failed(failure)) => told(failure),
                _ => String::new(),
            };
            let waited = if waited == 0 { String::new() } else { format!("+{waited}ms ") };
            let (id, previous, name) = (event.id, event.previous_event_id, event.kind.type_name());
            text.push_str(&format!("{waited}{id}<{previous} {name}{detail}\n"));
        }
        text
    }
}

pub fn told(failure: &Failure) -> String {
    let part = |part: &Option<Arc<str>>| part.as_deref().unwrap_or("-").to_owned();
    format!(" {} | {}", part(&failure.error), part(&failure.cause))
}

pub fn check_with(definition: &str, input: &str, answer: &dyn Fn(&TaskSpec) -> Answer, expected: Expect) {
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::parse(input).unwrap(), seed: 7 }).unwrap();
    run.let_it_end(answer);
    expected.assert_eq(&run.history());
    // With the least fuel the execution yields after each state, and comes to the same end.
    let mut slow = Run::new(definition, 1);
    slow.hear(Input::Start { input: Payload::parse(input).unwrap(), seed: 7 }).unwrap();
    slow.let_it_end(answer);
    assert_eq!(slow.execution.status(), run.execution.status());
    assert_eq!(slow.execution.output(), run.execution.output());
}

pub fn check(definition: &str, input: &str, expected: Expect) {
    check_with(definition, input, &|_| Answer::Ok("{}"), expected);
}

/// The history of an execution whose tasks answer `{}`.
pub fn history_of(definition: &str, input: &str) -> String {
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::parse(input).unwrap(), seed: 7 }).unwrap();
    run.let_it_end(&|_| Answer::Ok("{}"));
    run.history()
}

/// What such an execution ends with.
pub fn output_of(definition: &str, input: &str) -> String {
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::parse(input).unwrap(), seed: 7 }).unwrap();
    run.let_it_end(&|_| Answer::Ok("{}"));
    run.execution.output().expect("it succeeds").text().to_owned()
}

pub fn one(state: &str) -> String {
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}}}}}"#)
}

pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// What is found in a definition, a line each.
pub fn mistakes(definition: &str) -> String {
    mistakes_for(MachineType::Standard, definition)
}

pub fn mistakes_for(machine_type: MachineType, definition: &str) -> String {
    let found = match Definition::parse_for(machine_type, definition) {
        Ok((_, warnings)) if warnings.is_empty() => return "nothing is wrong".to_owned(),
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    };
    let told = found.iter().map(|d| {
        let hint = d.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
        let position = d.position(definition);
        let location = d.location.as_deref().unwrap_or("null");
        let (line, column) = (position.line, position.column);
        format!("{line}:{column} {}: {} at {location}{hint}", d.code, d.message)
    });
    told.collect::<Vec<String>>().join("\n")
}
