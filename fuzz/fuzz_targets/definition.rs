//! Any bytes as a definition, any JSON as input: diagnostics with places in the text, or an execution
//! that runs on bounded fuel, whose journal can be read and applied again.
//!
//! The bytes up to the first 0xFF are the definition; the rest is the input as JSON, or `{}`.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use stepwell_asl::{Definition, Effect, Execution, Input, Origin, Recorder, World, decode, encode, project};
use stepwell_fuzz::split;
use stepwell_model::{Failure, Limits, Timestamp};
use stepwell_value::Payload;

struct Nowhere;

impl World for Nowhere {
    fn task_token(&self, scheduled_event_id: u64) -> Arc<str> {
        format!("token-{scheduled_event_id}").into()
    }

    fn activity_exists(&self, _: &str) -> bool {
        true
    }

    fn elapsed_ms(&self) -> u64 {
        0
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (text, input) = split(bytes);
    let (definition, _) = match Definition::parse(&text) {
        Ok(parsed) => parsed,
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                assert!(!diagnostic.message.is_empty(), "{diagnostic:?}");
                assert!(diagnostic.position.line >= 1 && diagnostic.position.column >= 1, "{diagnostic:?}");
            }
            return;
        }
    };
    let origin = Arc::new(Origin {
        definition: Arc::new(definition),
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        execution_name: "e".into(),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        region: "us-east-1".into(),
        limits: Limits::default(),
    });
    let Ok(input) = Payload::of(input) else { return };
    let mut execution = Execution::new(origin.clone());
    let mut now = Timestamp::from_epoch_ms(1_700_000_000_000);
    let mut next = Input::Start { input, seed: 7 };
    let mut journal = Vec::new();
    for turn in 0..40 {
        let mut recorder = Recorder::default();
        let mut fuel = 20;
        let _ = execution.handle(next, now, &Nowhere, &mut fuel, &mut recorder);
        journal.extend(recorder.events);
        let task = recorder.effects.into_iter().find_map(|effect| match effect {
            Effect::ScheduleTask(task) => Some(task.scheduled_event_id),
            Effect::CancelTask { .. } => None,
        });
        next = match task {
            _ if execution.has_work() => Input::Continue,
            Some(scheduled_event_id) if turn % 3 == 0 => {
                Input::TaskFailed { scheduled_event_id, failure: Failure::new("E", "c") }
            }
            Some(scheduled_event_id) => Input::TaskStarted { scheduled_event_id, worker_name: None },
            None => match execution.next_due() {
                Some(due) => {
                    now = now.max(due);
                    Input::Tick
                }
                None => break,
            },
        };
    }
    let read = decode(&encode(&journal)).expect("what was written can be read");
    assert_eq!(read, journal);
    let mut again = Execution::new(origin.clone());
    for event in &read {
        again.apply(event).expect("what was decided fits");
        let _ = project(event, &origin);
    }
    assert_eq!(again, execution);
});
