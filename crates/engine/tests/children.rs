//! Executions that start executions.

mod support;

use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, Limits, MachineType};
use stepwell_store::Store;
use support::*;

/// A machine of one Task that starts an execution of `child`.
fn starts(pattern: &str, child: &MachineKey, more: &str) -> String {
    let resource = format!("arn:aws:states:::states:startExecution{pattern}");
    let arn = machine_arn(child);
    task_with(&resource, &format!(r#","Parameters":{{"StateMachineArn":"{arn}"{more}}}"#))
}

const FAILS: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Bad","Cause":"luck"}}}"#;

/// The executions of a machine: their names and how they stand.
fn executions(driver: &Driver, machine: &MachineKey) -> Vec<(String, ExecutionStatus)> {
    let list =
        ListExecutions { machine: machine.clone(), qualifier: None, status: None, after: None, limit: 100 };
    let (found, _) = driver.commons.executions(&list).unwrap();
    found.iter().map(|execution| (execution.key.name.to_string(), execution.status)).collect()
}

#[test]
fn a_parent_goes_on_once_its_child_has_begun_or_ended() {
    let mut driver = Driver::new();
    let child = driver.machine("child", WAIT);
    let begins = driver.machine("begins", &starts("", &child, r#","Name":"a""#));
    let waits = driver.machine("waits", &starts(".sync:2", &child, r#","Name":"b","Input":{"x":1}"#));
    let begun = driver.start(&begins, None, "{}").unwrap();
    let view = driver.commons.execution(&begun.key).unwrap();
    assert_eq!(view.status, ExecutionStatus::Succeeded);
    assert!(view.output.unwrap().text().contains("execution:child:a"));

    let waiting = driver.start(&waits, None, "{}").unwrap();
    assert!(driver.history(&waiting).ends_with("TaskScheduled\nTaskStarted\nTaskSubmitted"));
    driver.pass(Duration::from_secs(60));
    let output = driver.commons.execution(&waiting.key).unwrap().output.unwrap();
    assert_eq!(output.value().get("Output").unwrap().to_string(), r#"{"x":1}"#);
    assert_eq!(output.value().get("Status").unwrap().as_str(), Some("SUCCEEDED"));
}

#[test]
fn a_child_that_fails_fails_its_task() {
    let mut driver = Driver::new();
    let child = driver.machine("child", FAILS);
    let parent = driver.machine("parent", &starts(".sync", &child, ""));
    let started = driver.start(&parent, None, "{}").unwrap();
    let failure = driver.commons.execution(&started.key).unwrap().failure.unwrap();
    assert_eq!(failure.error.as_deref(), Some("States.TaskFailed"));
    assert!(failure.cause.unwrap().contains(r#""Cause":"luck","Error":"Bad""#));
}

#[test]
fn a_child_that_cannot_be_started_fails_its_task_in_the_words_of_aws() {
    let mut driver = Driver::new();
    let gone = MachineKey { place: place(), name: "gone".into() };
    let parent = driver.machine("parent", &starts("", &gone, ""));
    let started = driver.start(&parent, None, "{}").unwrap();
    let failure = driver.commons.execution(&started.key).unwrap().failure.unwrap();
    assert_eq!(failure.error.as_deref(), Some("StepFunctions.StateMachineDoesNotExistException"));
    assert!(failure.cause.unwrap().starts_with(
        "State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:gone' (Service: \
         AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: "
    ));
    let child = driver.machine("child", WAIT);
    let taken = driver.machine("taken", &starts("", &child, r#","Name":"a","Input":{"n":1}"#));
    driver.start(&child, Some("a"), "{}").unwrap();
    let started = driver.start(&taken, None, "{}").unwrap();
    assert!(
        driver.history(&started).ends_with("ExecutionFailed StepFunctions.ExecutionAlreadyExistsException")
    );
}

#[test]
fn a_parent_that_ends_stops_the_child_it_waited_for() {
    let mut driver = Driver::new();
    let child = driver.machine("child", WAIT);
    let parent = driver.machine("parent", &starts(".sync", &child, ""));
    let started = driver.start(&parent, None, "{}").unwrap();
    driver.stop(&started.key).unwrap();
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted);
    let patient = driver.machine("patient", &starts("", &child, r#","Name":"left""#));
    driver.start(&patient, None, "{}").unwrap();
    assert_eq!(executions(&driver, &child)[0], ("left".into(), ExecutionStatus::Running));
}

#[test]
fn a_parent_that_was_let_go_hears_of_the_end_of_its_child() {
    let mut driver = Driver::with(4, false, 0);
    let child = driver.machine("child", WAIT);
    let parent = driver.machine("parent", &starts(".sync", &child, ""));
    let started = driver.start(&parent, None, "{}").unwrap();
    assert_eq!(driver.shards.iter().map(|shard| shard.residents().count()).sum::<usize>(), 0);
    driver.pass(Duration::from_secs(60));
    assert_eq!(driver.commons.execution(&started.key).unwrap().status, ExecutionStatus::Succeeded);
}

#[test]
fn a_parent_hears_that_its_child_which_was_let_go_cannot_be_read() {
    for restarts in [false, true] {
        let mut driver = Driver::with(4, false, 0);
        let child = driver.machine("child", WAIT);
        let parent = driver.machine("parent", &starts(".sync", &child, ""));
        let started = driver.start(&parent, None, "{}").unwrap();
        let last = driver.store.high_marks().unwrap().row;
        let is_child = |row: &u64| driver.store.chunk(*row).unwrap().unwrap().header.parent.is_some();
        let row = (1..=last).find(is_child).unwrap();
        // Whose child it is stands in this chunk.
        assert!(driver.store.flip_bit(row, 77));
        if restarts {
            driver.crash();
        }
        driver.pass(Duration::from_secs(60));
        let history = driver.history(&started);
        assert!(history.contains("ExecutionFailed"), "{restarts}: {history}");
    }
}

/// More than are read on any of these ways.
const READS: u64 = 12;

#[test]
fn whichever_read_fails_a_parent_that_ends_stops_its_child() {
    for (resident_max, fails_after) in [0, 100].into_iter().flat_map(|max| (0..READS).map(move |n| (max, n)))
    {
        let mut driver = Driver::with(4, false, resident_max);
        let child = driver.machine("child", WAIT);
        let parent = driver.machine("parent", &starts(".sync", &child, ""));
        let started = driver.start(&parent, None, "{}").unwrap();
        driver.store.fail_read_after(fails_after);
        if driver.stop(&started.key).is_err() {
            driver.stop(&started.key).unwrap();
        }
        driver.pass(Duration::from_secs(5));
        driver.pass(Duration::from_secs(5));
        driver.store.reopen();
        let children = executions(&driver, &child);
        assert_eq!(children[0].1, ExecutionStatus::Aborted, "{resident_max}, {fails_after}");
    }
}

#[test]
fn whichever_read_fails_after_a_restart_a_parent_hears_of_the_end_of_its_child() {
    for (resident_max, fails_after) in [0, 100].into_iter().flat_map(|max| (0..READS).map(move |n| (max, n)))
    {
        let mut driver = Driver::with(4, false, resident_max);
        let child = driver.machine("child", WAIT);
        let parent = driver.machine("parent", &starts(".sync", &child, ""));
        let started = driver.start(&parent, None, "{}").unwrap();
        driver.crash();
        driver.store.fail_read_after(fails_after);
        for _ in 0..3 {
            driver.pass(Duration::from_secs(60));
        }
        // Those who check read what is there.
        driver.store.reopen();
        let history = driver.history(&started);
        assert!(history.contains("\nExecutionSucceeded"), "{resident_max}, {fails_after}: {history}");
    }
}

#[test]
fn whichever_read_fails_a_child_is_started_once() {
    for fails_after in 0..READS {
        let mut driver = Driver::with(4, false, 100);
        let child = driver.machine("child", PASS);
        let parent = driver.machine("parent", &starts(".sync", &child, r#","Name":"a""#));
        driver.store.fail_read_after(fails_after);
        let started = driver.start(&parent, None, "{}").unwrap();
        for _ in 0..3 {
            driver.pass(Duration::from_secs(5));
        }
        // Those who check read what is there.
        driver.store.reopen();
        let history = driver.history(&started);
        assert!(history.contains("\nExecutionSucceeded"), "{fails_after}: {history}");
        assert_eq!(executions(&driver, &child).len(), 1);
    }
}

/// A parent that asks for an execution of a name and an input that a caller has started already.
fn waits_for_anothers(driver: &mut Driver) -> (ExecutionStarted, ExecutionStarted) {
    let child = driver.machine("child", WAIT);
    let parent = driver.machine("parent", &starts(".sync", &child, r#","Name":"a","Input":{"n":1}"#));
    let callers = driver.start(&child, Some("a"), r#"{"n":1}"#).unwrap();
    let waiting = driver.start(&parent, None, "{}").unwrap();
    assert!(driver.history(&waiting).ends_with("TaskSubmitted"));
    (callers, waiting)
}

#[test]
fn a_task_hears_of_the_end_of_an_execution_that_another_started() {
    for (resident_max, restarts) in [(100, false), (100, true), (0, false), (0, true)] {
        let mut driver = Driver::with(4, false, resident_max);
        let (_, waiting) = waits_for_anothers(&mut driver);
        if restarts {
            driver.crash();
        }
        driver.pass(Duration::from_secs(60));
        assert_eq!(driver.commons.execution(&waiting.key).unwrap().status, ExecutionStatus::Succeeded);
    }
}

#[test]
fn the_end_of_a_task_stops_no_execution_that_another_started() {
    let mut driver = Driver::new();
    let (callers, waiting) = waits_for_anothers(&mut driver);
    driver.stop(&waiting.key).unwrap();
    assert_eq!(driver.commons.execution(&callers.key).unwrap().status, ExecutionStatus::Running);
    driver.pass(Duration::from_secs(60));
    assert_eq!(driver.commons.execution(&callers.key).unwrap().status, ExecutionStatus::Succeeded);
}

#[test]
fn a_task_that_runs_an_express_execution_is_not_forgotten_meanwhile() {
    let mut driver = Driver::with(4, false, 0);
    let child = driver.machine_of(MachineType::Express, "child", WAIT);
    let parameters = format!(r#","Parameters":{{"StateMachineArn":"{}"}}"#, machine_arn(&child));
    let parent =
        driver.machine("parent", &task_with("arn:aws:states:::aws-sdk:sfn:startSyncExecution", &parameters));
    let started = driver.start(&parent, None, "{}").unwrap();
    driver.pass(Duration::from_secs(60));
    assert!(driver.history(&started).contains("TaskStarted\nTaskSucceeded"));
}

#[test]
fn an_express_execution_that_has_ended_does_not_run_again_when_it_hears_of_its_child() {
    let mut driver = Driver::new();
    let child = driver.machine("child", WAIT);
    let parent = driver.machine_of(
        MachineType::Express,
        "parent",
        &starts("", &child, r#"},"TimeoutSeconds":5,"ResultSelector":{"x":1"#),
    );
    let _start = driver.ask_express(&parent, "{}");
    let turns = driver.turn_unwritten();
    driver.write(turns, true);
    let of_child = driver.turn_unwritten();
    assert!(!of_child.is_empty(), "the child is started, and that takes its time");
    driver.pass(Duration::from_secs(5));
    assert_eq!(driver.commons.stats().failed, 1);
    driver.write(of_child, true);
    driver.run();
    driver.pass(Duration::from_secs(2));
    assert_eq!(executions(&driver, &parent)[0].1, ExecutionStatus::Failed);
    assert_eq!(executions(&driver, &child).len(), 1);
    assert_eq!(driver.commons.stats().failed, 1, "it ended once");
}

/// Dies at every commit, before and after what it releases is let out, and looks at what becomes of
/// parent and child.
fn dies_anywhere(more: &str, child_definition: &str, resident_max: usize) {
    for dies in [Dies::BeforeRelease, Dies::AfterRelease] {
        let mut at = 1;
        loop {
            let mut driver = Driver::with(4, false, resident_max);
            let child = driver.machine("child", child_definition);
            let parent = driver.machine("parent", &starts(".sync", &child, more));
            driver.dies_at = Some((at, dies));
            let mut heard = driver.ask_start(&parent, Some("p"), "{}").unwrap();
            driver.run();
            let mut time = 0;
            while !driver.is_dead && time < 2 {
                driver.pass(Duration::from_secs(60));
                time += 1;
            }
            let has_died = driver.is_dead;
            if has_died {
                driver.crash();
            }
            driver.pass(Duration::from_secs(60));
            driver.pass(Duration::from_secs(60));
            let acknowledged = heard.try_recv().is_ok();
            let parents = executions(&driver, &parent);
            assert!(parents.len() == 1 || !acknowledged, "{dies:?} {at}");
            if let Some((_, status)) = parents.first() {
                assert_eq!(*status, ExecutionStatus::Succeeded, "{dies:?} {at}");
                assert_eq!(executions(&driver, &child).len(), 1, "{dies:?} {at}");
                let key = ExecutionKey { machine: parent.clone(), name: "p".into() };
                let history = driver.commons.history(&key).unwrap();
                let types: Vec<String> = history.iter().map(|event| event.kind.type_name()).collect();
                let told = ["TaskStarted", "TaskSubmitted", "TaskSucceeded"];
                assert!(types.windows(3).any(|window| window == told), "{dies:?} {at}: {types:?}");
            }
            if !has_died {
                assert!(at > 3, "it died nowhere");
                break;
            }
            at += 1;
        }
    }
}

#[test]
fn wherever_the_process_dies_a_child_is_started_once_and_its_parent_hears_of_its_end() {
    dies_anywhere("", PASS, 100);
    dies_anywhere("", WAIT, 100);
    dies_anywhere("", WAIT, 0);
    dies_anywhere(r#","Name":"named""#, PASS, 100);
    dies_anywhere(r#","Name":"named""#, WAIT, 0);
}

#[test]
fn an_express_child_is_started_once_even_if_the_process_dies() {
    for dies in [Dies::BeforeRelease, Dies::AfterRelease] {
        for at in 1..=4 {
            let mut driver = Driver::new();
            let child = driver.machine_of(MachineType::Express, "child", PASS);
            let parent = driver.machine("parent", &starts("", &child, ""));
            driver.dies_at = Some((at, dies));
            let _unheard = driver.ask_start(&parent, Some("p"), "{}").unwrap();
            driver.run();
            if driver.is_dead {
                driver.crash();
            }
            driver.pass(Duration::from_secs(5));
            if let Some((_, status)) = executions(&driver, &parent).first() {
                assert_eq!(*status, ExecutionStatus::Succeeded, "{dies:?} {at}");
                assert_eq!(executions(&driver, &child).len(), 1, "{dies:?} {at}");
            }
        }
    }
}

#[test]
fn an_express_execution_runs_within_a_task_and_ends_with_it() {
    let mut driver = Driver::new();
    let child = driver.machine_of(MachineType::Express, "child", WAIT);
    let arn = machine_arn(&child);
    let definition = task_with(
        "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        &format!(r#","Parameters":{{"StateMachineArn":"{arn}","Input":"[1]"}}"#),
    );
    let parent = driver.machine("parent", &definition);
    let started = driver.start(&parent, None, "{}").unwrap();
    driver.pass(Duration::from_secs(60));
    let output = driver.commons.execution(&started.key).unwrap().output.unwrap();
    assert_eq!(output.value().get("Output").unwrap().as_str(), Some("[1]"));
    assert_eq!(output.value().get("Status").unwrap().as_str(), Some("SUCCEEDED"));

    let stopped = driver.start(&parent, None, "{}").unwrap();
    let before = driver.commons.stats().aborted;
    driver.stop(&stopped.key).unwrap();
    // The driver counts nothing of what is durable; of Express executions the shards do.
    assert_eq!(driver.commons.stats().aborted - before, 1, "the child is gone with its parent");

    // Nothing of the child was written: whether it ran cannot be known after a crash.
    let lost = driver.start(&parent, None, "{}").unwrap();
    driver.crash();
    assert!(driver.history(&lost).ends_with("ExecutionFailed Stepwell.OutcomeUnknown"));
}

const HOUR: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}"#;

/// Of each execution of a machine that a task has started: whether it is open, and whether its parent waits
/// for it, in that task or in another that names it.
fn children_and_tasks(driver: &Driver, machine: &MachineKey) -> Vec<(bool, bool)> {
    let number = driver.commons.machine_in_service(machine).unwrap().number;
    let mut found = Vec::new();
    for entity in driver.store.entities() {
        let chunks = driver.store.chunks(entity).unwrap();
        let opening = chunks[0].header.opening.as_ref().unwrap();
        let Some(parent) = chunks[0].header.parent.filter(|_| opening.machine == number) else { continue };
        let is_open = driver.store.execution(entity).unwrap().unwrap().closed_at.is_none();
        let chunks = driver.store.chunks(parent.task.execution).unwrap();
        let outstanding = match chunks.is_empty() {
            true => Vec::new(),
            false => replay(&driver.commons, &chunks).unwrap().0.outstanding(),
        };
        let waits = outstanding.iter().any(|outstanding| {
            let name = outstanding.task.parameters.value().get("Name").and_then(|name| name.as_str());
            outstanding.task.scheduled_event_id == parent.task.scheduled_event_id
                || name == Some(&*opening.name)
        });
        found.push((is_open, waits));
    }
    found
}

/// Dies at every commit, before and after what it releases is let out, while a parent ends before its child,
/// and asserts that in the end a child is open only if its parent waits for it. The caller stops the parent
/// after ten seconds. After the restart the read after so many others fails.
fn leaves_no_child(
    definition: &dyn Fn(&MachineKey) -> String,
    resident_max: usize,
    fails_after: Option<u64>,
) {
    for dies in [Dies::BeforeRelease, Dies::AfterRelease] {
        for at in 1.. {
            let mut driver = Driver::with(4, false, resident_max);
            let child = driver.machine("child", HOUR);
            let parent = driver.machine("parent", &definition(&child));
            driver.dies_at = Some((at, dies));
            let _unheard = driver.ask_start(&parent, Some("p"), "{}").unwrap();
            driver.run();
            if !driver.is_dead {
                driver.pass(Duration::from_secs(10));
            }
            if !driver.is_dead {
                let key = ExecutionKey { machine: parent.clone(), name: "p".into() };
                let _unheard = driver.ask_stop(&key);
                driver.run();
            }
            let has_died = driver.is_dead;
            driver.begin_anew();
            if let Some(reads) = fails_after {
                driver.store.fail_read_after(reads);
            }
            driver.run();
            // A deadline that passed while the server was down has 30 seconds of grace.
            for _ in 0..8 {
                driver.pass(Duration::from_secs(10));
            }
            // Those who check read what is there.
            driver.store.reopen();
            for (is_open, waits) in children_and_tasks(&driver, &child) {
                let context = || {
                    let key = ExecutionKey { machine: parent.clone(), name: "p".into() };
                    let history = driver.commons.history(&key).map(|history| {
                        let types: Vec<_> = history.iter().map(|event| event.kind.type_name()).collect();
                        types.join(" ")
                    });
                    format!("{dies:?} {at}, {resident_max}, {fails_after:?}: {history:?}")
                };
                assert_eq!(is_open, waits, "{}", context());
            }
            if !has_died {
                assert!(at > 3, "it died nowhere");
                break;
            }
        }
    }
}

/// A task that waits for its child, beside a branch that fails after five seconds.
fn beside_a_failure(child: &MachineKey, more: &str) -> String {
    let waits = starts(".sync", child, "");
    let fails =
        r#"{"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":5,"Next":"F"},"F":{"Type":"Fail"}}}"#;
    format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","Branches":[{waits},{fails}],"End":true{more}}},
            "L":{{"Type":"Wait","Seconds":3600,"End":true}}}}}}"#
    )
}

#[test]
fn wherever_the_process_dies_no_child_goes_on_whose_task_is_over() {
    let stopped = |child: &MachineKey| starts(".sync:2", child, "");
    let timed_out = |child: &MachineKey| starts(".sync", child, r#"},"TimeoutSeconds":5,"ResultSelector":{"#);
    let failed = |child: &MachineKey| beside_a_failure(child, "");
    let caught = |child: &MachineKey| {
        beside_a_failure(child, r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"L"}]"#)
    };
    let tried_again = |child: &MachineKey| {
        let more = r#","Name":"a","Input":{}},"TimeoutSeconds":5,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],"ResultSelector":{"#;
        starts(".sync", child, more)
    };
    let over = |child: &MachineKey| starts(".sync", child, "").replacen('{', r#"{"TimeoutSeconds":5,"#, 1);
    let parents: [&dyn Fn(&MachineKey) -> String; 6] =
        [&stopped, &timed_out, &failed, &caught, &tried_again, &over];
    for parent in parents {
        for resident_max in [0, 100] {
            leaves_no_child(parent, resident_max, None);
            for fails_after in 0..READS {
                leaves_no_child(parent, resident_max, Some(fails_after));
            }
        }
    }
}

/// A parent that was stopped, whose child has not heard of that because the process died.
fn stopped_without_its_child(more: &str) -> (Driver, MachineKey, ExecutionStarted) {
    let mut driver = Driver::new();
    let child = driver.machine("child", HOUR);
    let parent = driver.machine("parent", &starts(".sync", &child, more));
    let started = driver.start(&parent, None, "{}").unwrap();
    driver.dies_at = Some((driver.commits + 1, Dies::BeforeRelease));
    let _unheard = driver.ask_stop(&started.key);
    driver.run();
    assert!(driver.is_dead);
    assert_eq!(driver.commons.execution(&started.key).unwrap().status, ExecutionStatus::Aborted);
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Running);
    (driver, child, started)
}

#[test]
fn a_child_is_stopped_also_if_its_parent_was_swept_meanwhile() {
    let (mut driver, child, started) = stopped_without_its_child("");
    driver.limits = Limits { retention_seconds: 20, ..Limits::default() };
    driver.now = driver.now.after_seconds(60);
    driver.begin_anew();
    let before = driver.commons.expire(driver.now).unwrap();
    assert_eq!(driver.commons.sweep(before, 100).unwrap().executions, 1);
    driver.run();
    assert_eq!(driver.commons.execution(&started.key), Err(EngineError::NoSuchExecution));
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted);
}

#[test]
fn a_redrive_that_finds_the_child_before_it_is_stopped_waits_for_it() {
    let mut found = 0;
    for fails_after in 0..READS {
        let (mut driver, child, started) = stopped_without_its_child(r#","Name":"a","Input":{}"#);
        driver.begin_anew();
        // If it is the child that cannot be read, it asks a second later.
        driver.store.fail_read_after(fails_after);
        driver.run();
        driver.store.reopen();
        driver.redrive(&started.key, None).unwrap();
        driver.pass(Duration::from_secs(5));
        let waits = driver.commons.execution(&started.key).unwrap().status == ExecutionStatus::Running;
        let is_open = executions(&driver, &child)[0].1 == ExecutionStatus::Running;
        assert_eq!(is_open, waits, "{fails_after}");
        found += u64::from(waits);
        // What it has found is its own, then and after another restart.
        driver.crash();
        assert_eq!(executions(&driver, &child)[0].1 == ExecutionStatus::Running, waits, "{fails_after}");
        if waits {
            driver.stop(&started.key).unwrap();
            assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted, "{fails_after}");
        }
    }
    assert!(found > 0, "the child asked before each redrive");
}

#[test]
fn a_child_that_somebody_has_redriven_goes_on() {
    let mut driver = Driver::new();
    let child = driver.machine("child", HOUR);
    let parent = driver.machine("parent", &starts(".sync", &child, r#","Name":"a""#));
    let started = driver.start(&parent, None, "{}").unwrap();
    driver.stop(&started.key).unwrap();
    driver.redrive(&ExecutionKey { machine: child.clone(), name: "a".into() }, None).unwrap();
    driver.crash();
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Running);
}

#[test]
fn a_stop_that_a_child_hears_late_is_not_for_what_somebody_has_redriven_meanwhile() {
    let mut were_late = 0;
    for fails_after in 0..READS {
        let mut driver = Driver::with(4, false, 0);
        let child = driver.machine("child", HOUR);
        let parent = driver.machine("parent", &starts(".sync", &child, r#","Name":"a""#));
        let started = driver.start(&parent, None, "{}").unwrap();
        driver.store.fail_read_after(fails_after);
        let is_stopped = driver.stop(&started.key).is_ok();
        driver.store.reopen();
        if !is_stopped {
            driver.stop(&started.key).unwrap();
        }
        let key = ExecutionKey { machine: child.clone(), name: "a".into() };
        were_late += u64::from(executions(&driver, &child)[0].1 == ExecutionStatus::Running);
        driver.stop(&key).unwrap();
        driver.redrive(&key, None).unwrap();
        driver.pass(Duration::from_secs(5));
        assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Running, "{fails_after}");
    }
    assert!(were_late > 0, "no stop was late");
}

#[test]
fn a_child_whose_start_is_refused_when_it_is_said_again_is_stopped() {
    let mut driver = Driver::new();
    let child = driver.machine("child", HOUR);
    let parent = driver.machine("parent", &starts(".sync", &child, r#","Input":{"n":1}"#));
    // The child is durable, and its parent has not heard of it.
    driver.dies_at = Some((2, Dies::BeforeRelease));
    let _unheard = driver.ask_start(&parent, None, "{}").unwrap();
    driver.run();
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Running);
    driver.limits = Limits { payload_bytes_max: 5, ..Limits::default() };
    driver.crash();
    assert_eq!(executions(&driver, &parent)[0].1, ExecutionStatus::Failed);
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted);
}

#[test]
fn a_child_whose_version_goes_before_its_start_is_said_again_is_stopped() {
    let mut driver = Driver::new();
    let child = driver.machine("child", HOUR);
    let publish = PublishVersion { key: child.clone(), revision_id: None, description: None };
    let plan = driver.commons.catalogue().plan_publish(publish, driver.now).unwrap();
    driver.keep(plan);
    let arn = machine_arn(&child);
    let parent = driver.machine("parent", &starts(".sync", &child, "").replace(&arn, &format!("{arn}:1")));
    driver.dies_at = Some((2, Dies::BeforeRelease));
    let _unheard = driver.ask_start(&parent, None, "{}").unwrap();
    driver.run();
    driver.begin_anew();
    // Both have been loaded, and what they have to say to each other is on its way.
    for shard in 0..driver.shards.len() {
        let (reply, _unheard) = tokio::sync::oneshot::channel();
        driver.put((shard, Message::Barrier { reply }));
    }
    let turns = driver.turn_unwritten();
    driver.write(turns, true);
    let plan = driver.commons.catalogue().plan_version_gone(&child, 1).unwrap();
    driver.keep(plan);
    driver.run();
    assert_eq!(executions(&driver, &parent)[0].1, ExecutionStatus::Failed);
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted);
}

#[test]
fn a_child_that_begins_too_late_is_stopped_once_the_end_of_its_task_is_durable() {
    // Parent and child have their shards by chance.
    for name in ["a", "b", "c", "d", "e", "f"] {
        let mut driver = Driver::new();
        let child = driver.machine("child", HOUR);
        let parent = driver.machine("parent", &starts(".sync", &child, ""));
        let _unheard = driver.ask_start(&parent, Some(name), "{}").unwrap();
        let of_parent = driver.turn_unwritten();
        driver.write(of_parent, true);
        let of_child = driver.turn_unwritten();
        // The stop is heard first, and then that the child has begun.
        let _unheard = driver.ask_stop(&ExecutionKey { machine: parent.clone(), name: name.into() });
        driver.write(of_child, true);
        let of_parent = driver.turn_unwritten();
        assert!(of_parent.iter().all(|(_, turn)| turn.posts.is_empty()), "{name}");
        driver.write(of_parent, true);
        driver.run();
        assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Aborted, "{name}");
    }
}

#[test]
fn nothing_is_known_of_a_damaged_parent_and_its_child_goes_on() {
    let mut driver = Driver::new();
    let child = driver.machine("child", WAIT);
    let parent = driver.machine("parent", &starts(".sync", &child, ""));
    driver.start(&parent, None, "{}").unwrap();
    let is_parent = |row: &u64| driver.store.chunk(*row).unwrap().unwrap().header.parent.is_none();
    let row = (1..=driver.store.high_marks().unwrap().row).find(is_parent).unwrap();
    assert!(driver.store.flip_bit(row, 77));
    driver.crash();
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Running);
    driver.pass(Duration::from_secs(60));
    assert_eq!(executions(&driver, &child)[0].1, ExecutionStatus::Succeeded);
}
