//! Closed executions are kept for a while, then they are gone; and a page of a history reads little.

mod support;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{EntityId, Failure, Timestamp};
use stepwell_store::*;
use stepwell_task::TaskOutcome;
use support::*;

const DAY: u64 = 24 * 60 * 60;

/// A round of the sweep, as the engine's thread does it.
fn sweep(driver: &Driver, now: Timestamp) -> u64 {
    let Some(before) = driver.commons.expire(now) else { return 0 };
    let mut executions = 0;
    loop {
        let swept = driver.commons.sweep(before, 1).unwrap();
        executions += swept.executions;
        if !swept.more {
            return executions;
        }
    }
}

fn list(driver: &Driver, machine: &MachineKey) -> Vec<String> {
    let request =
        ListExecutions { machine: machine.clone(), qualifier: None, status: None, after: None, limit: 100 };
    let (page, _) = driver.commons.executions(&request).unwrap();
    page.iter().map(|execution| execution.key.name.to_string()).collect()
}

#[test]
fn an_execution_is_there_until_its_retention_ends_and_gone_from_then_on() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let forever = driver.machine("forever", &task(ACTIVITY));
    driver.activity("a");
    let open = driver.start(&forever, Some("open"), "{}").unwrap();
    let named = driver.start(&machine, Some("n"), "{}").unwrap();
    let unnamed = driver.start(&machine, None, "{}").unwrap();
    driver.pass(Duration::from_secs(60));
    let closed_at = driver.commons.execution(&named.key).unwrap().closed_at.unwrap();
    let end = closed_at.after_seconds(90 * DAY);
    let just_before = Timestamp::from_epoch_ms(end.epoch_ms - 1);

    driver.now = just_before;
    assert_eq!(sweep(&driver, just_before), 0);
    assert_eq!(driver.history(&named).lines().count(), 4);
    assert_eq!(driver.stop(&named.key), Ok(closed_at));
    assert_eq!(driver.start(&machine, Some("n"), "{}").unwrap_err(), EngineError::ExecutionExists);

    driver.now = end;
    // Gone for all as soon as it is said, whatever the store still has.
    let before = driver.commons.expire(end).unwrap();
    for started in [&named, &unnamed] {
        assert_eq!(driver.commons.execution(&started.key).unwrap_err(), EngineError::NoSuchExecution);
        assert_eq!(driver.stop(&started.key), Err(EngineError::NoSuchExecution));
    }
    let mut left = 2;
    while left > 0 {
        let swept = driver.commons.sweep(before, 1).unwrap();
        assert_eq!(swept.executions, 1);
        left -= 1;
        assert_eq!(list(&driver, &machine).len(), left);
    }
    driver.crash();
    for started in [&named, &unnamed] {
        let key = &started.key;
        assert_eq!(driver.commons.execution(key).unwrap_err(), EngineError::NoSuchExecution);
        assert_eq!(driver.commons.history(key).unwrap_err(), EngineError::NoSuchExecution);
        assert_eq!(driver.commons.pinned_machine(key).unwrap_err(), EngineError::NoSuchExecution);
        let page = driver.commons.history_page(key, HistoryOrder::OldestFirst { after: 0 }, 10);
        assert_eq!(page.unwrap_err(), EngineError::NoSuchExecution);
        assert_eq!(driver.stop(key), Err(EngineError::NoSuchExecution));
    }
    let again = driver.start(&machine, Some("n"), r#"{"another": "input"}"#).unwrap();
    assert_eq!(again.started_at, end);
    assert_eq!(list(&driver, &machine), ["n"]);

    // An open one stays, as long as it may be open.
    driver.now = end.after_seconds(200 * DAY);
    sweep(&driver, driver.now);
    assert!(driver.history(&open).ends_with("ActivityScheduled"));
    let task = driver.take("a").expect("it still waits for a worker");
    driver.succeed(&task.task_token, "1").unwrap();
    assert!(driver.history(&open).ends_with("ExecutionSucceeded 1"));
}

#[test]
fn the_token_of_a_swept_execution_is_that_of_a_task_that_has_ended() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    driver.start(&machine, None, "{}").unwrap();
    let task = driver.take("a").unwrap();
    driver.succeed(&task.task_token, "1").unwrap();
    assert_eq!(driver.succeed(&task.task_token, "1"), Err(EngineError::TaskEnded));
    driver.pass(Duration::from_secs(91 * DAY));
    assert_eq!(sweep(&driver, driver.now), 1);
    assert_eq!(driver.succeed(&task.task_token, "1"), Err(EngineError::TaskEnded));
    driver.crash();
    assert_eq!(driver.answer(&task.task_token, TaskAnswer::Heartbeat), Err(EngineError::TaskEnded));
}

#[test]
fn a_name_that_was_taken_again_stays_with_the_later_execution() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", PASS);
    driver.start(&machine, Some("n"), "1").unwrap();
    driver.pass(Duration::from_secs(90 * DAY));
    // The name is free when the time has come, also if nothing was swept yet.
    let later = driver.start(&machine, Some("n"), "2").unwrap();
    assert_eq!(sweep(&driver, driver.now), 1);
    assert_eq!(driver.commons.execution(&later.key).unwrap().input.text(), "2");
    assert_eq!(list(&driver, &machine), ["n"]);
}

#[test]
fn what_ends_after_the_clock_was_set_back_is_kept_though_a_round_began_before() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", PASS);
    let before = driver.commons.expire(driver.now.after_seconds(120 * DAY)).unwrap();
    // The clock is right again before any shard has seen the wrong one.
    assert!(driver.now < before);
    let started = driver.start(&machine, Some("n"), "{}").unwrap();
    assert!(driver.commons.execution(&started.key).unwrap().closed_at.unwrap() >= before);
    assert_eq!(driver.commons.sweep(before, 100).unwrap(), Swept::default());
    assert_eq!(list(&driver, &machine), ["n"]);
}

/// An execution that has failed, long enough ago for its retention to end while it may be redriven.
fn failed(driver: &mut Driver) -> ExecutionStarted {
    driver.limits.retention_seconds = 60;
    driver.crash();
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, Some("n"), "{}").unwrap();
    let request = driver.run_task();
    driver.outcome(request.task, TaskOutcome::Failed(Failure::named("Oops")));
    driver.pass(Duration::from_secs(60));
    started
}

/// Asks every shard to say when all that it has decided is durable.
fn barriers(driver: &mut Driver) -> Vec<Heard<()>> {
    let mut answers = Vec::new();
    for shard in 0..driver.shards.len() {
        let (reply, answer) = tokio::sync::oneshot::channel();
        driver.put((shard, Message::Barrier { reply }));
        answers.push(answer);
    }
    answers
}

#[test]
fn a_redrive_that_was_decided_before_a_round_is_durable_before_it_sweeps() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let mut redriven = driver.ask_redrive(&started.key, None);
    let mut turns = driver.turn_unwritten();
    let before = driver.commons.expire(driver.now).unwrap();
    let mut answers = barriers(&mut driver);
    turns.extend(driver.turn_unwritten());
    // All shards have heard of it, and nothing of the redrive is written yet.
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
    driver.write(turns, true);
    assert!(answers.iter_mut().all(|answer| answer.try_recv() == Ok(Ok(()))));
    assert_eq!(redriven.try_recv(), Ok(Ok(driver.now)));
    assert_eq!(driver.commons.sweep(before, 100).unwrap(), Swept::default());
    let request = driver.run_task();
    driver.done(request.task, "7");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 7"));
}

#[test]
fn what_a_round_has_called_gone_is_not_redriven_any_more() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let before = driver.commons.expire(driver.now).unwrap();
    assert_eq!(driver.redrive(&started.key, None), Err(EngineError::NoSuchExecution));
    assert!(driver.sent.is_empty());
    assert_eq!(driver.commons.sweep(before, 100).unwrap().executions, 1);
}

/// A clock that the test moves.
struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.0.load(Ordering::SeqCst))
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..20_000_000_u64 {
        if holds() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("it never came to pass: {what}");
}

#[test]
fn the_engine_sweeps_by_its_clock_and_leaves_nothing_of_a_deleted_machine() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Arc::new(MemoryStore::new([1; 32]));
    let clock = Arc::new(Hands(AtomicU64::new(1_000_000)));
    let mut options = EngineOptions { shards: 2, ..EngineOptions::default() };
    options.limits.retention_seconds = 1_000;
    let engine = Engine::open(store.clone(), Vec::new(), clock.clone(), options).unwrap();
    let key = MachineKey { place: place(), name: "m".into() };
    let request = CreateMachine {
        key: key.clone(),
        machine_type: stepwell_model::MachineType::Standard,
        definition: PASS.into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        logging: None,
        tracing: None,
        encryption: Encryption::AwsOwnedKey,
        tags: Tags::default(),
        publish: None,
    };
    runtime.block_on(engine.create_machine(request)).unwrap();
    let start = || {
        let input = stepwell_value::Payload::parse("{}").unwrap();
        runtime
            .block_on(engine.start(StartExecution {
                machine: key.clone(),
                qualifier: None,
                name: None,
                input,
                trace_header: None,
            }))
            .unwrap()
    };
    let is_there = |started: &ExecutionStarted| engine.execution(&started.key).is_ok();
    let first = start();
    clock.0.fetch_add(1, Ordering::SeqCst);
    let second = start();
    assert!(is_there(&first) && is_there(&second));
    let mut watcher = engine.watch_execution(&first.key).unwrap();
    // To the millisecond at which the retention of the first ends.
    clock.0.fetch_add(999_999, Ordering::SeqCst);
    until("the first is swept", || engine.stats().swept == 1);
    assert!(!is_there(&first) && is_there(&second));
    runtime.block_on(watcher.changed()).unwrap();
    assert_eq!(watcher.reader().progress(0, 1), Err(EngineError::NoSuchExecution));
    drop(watcher);

    runtime.block_on(engine.delete_machine(&key)).unwrap();
    until("the machine is gone", || engine.machine(&key).is_none());
    clock.0.fetch_add(60_000, Ordering::SeqCst);
    until("the second is swept", || engine.stats().swept == 2);
    assert!(!is_there(&second));
    for row in 1..=store.high_marks().unwrap().row {
        assert_eq!(store.chunk(row).unwrap(), None);
    }
    // Its thread ends with the engine.
    drop(engine);
    assert_eq!(Arc::strong_count(&store), 1);
}

/// Counts the chunks that are read.
struct Counting(Arc<MemoryStore>, Arc<AtomicUsize>);

impl Counting {
    fn count(&self, chunks: Vec<Chunk>) -> Vec<Chunk> {
        self.1.fetch_add(chunks.len(), Ordering::Relaxed);
        chunks
    }
}

impl Store for Counting {
    fn identity(&self) -> StoreIdentity {
        self.0.identity()
    }
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }
    fn chunks(&self, entity: EntityId) -> Result<Vec<Chunk>, StoreError> {
        Ok(self.count(self.0.chunks(entity)?))
    }
    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError> {
        let chunk = self.0.chunk(row)?;
        Ok(self.count(chunk.into_iter().collect()).pop())
    }
    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>, StoreError> {
        self.0.execution(entity)
    }
    fn execution_by_name(&self, name: &NameKey) -> Result<Option<EntityId>, StoreError> {
        self.0.execution_by_name(name)
    }
    fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, StoreError> {
        self.0.executions(query)
    }
    fn open_executions(&self, visit: &mut dyn FnMut(OpenExecution)) -> Result<(), StoreError> {
        self.0.open_executions(visit)
    }
    fn high_marks(&self) -> Result<HighMarks, StoreError> {
        self.0.high_marks()
    }
    fn catalogue(&self) -> Result<Vec<(String, Arc<str>)>, StoreError> {
        self.0.catalogue()
    }
    fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError> {
        self.0.sweep(before, rows_max)
    }
    fn snapshot(&self, entity: EntityId) -> Result<Option<Snapshot>, StoreError> {
        self.0.snapshot(entity)
    }
    fn chunks_after(&self, entity: EntityId, row: u64) -> Result<Vec<Chunk>, StoreError> {
        Ok(self.count(self.0.chunks_after(entity, row)?))
    }
    fn chunks_between(
        &self,
        entity: EntityId,
        events: RangeInclusive<u64>,
    ) -> Result<Vec<Chunk>, StoreError> {
        Ok(self.count(self.0.chunks_between(entity, events)?))
    }
}

#[test]
fn a_page_of_a_long_history_reads_few_chunks() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#);
    let started = driver.start(&machine, None, "{}").unwrap();
    let whole = driver.commons.history(&started.key).unwrap();
    assert_eq!(whole.len(), 25_000, "it ends where a history must");

    let read = Arc::new(AtomicUsize::new(0));
    let store = Arc::new(Counting(driver.store.clone(), read.clone()));
    let commons = Commons::open(store, Vec::new(), EngineOptions::default(), driver.now).unwrap();
    let key = &started.key;
    commons.history(key).unwrap();
    let all_chunks = read.swap(0, Ordering::Relaxed);
    assert!(all_chunks > 300, "{all_chunks}");

    for count in [100, 1_000] {
        let mut oldest_first = Vec::new();
        let mut newest_first: Vec<stepwell_model::HistoryEvent> = Vec::new();
        loop {
            let after = oldest_first.last().map_or(0, |event: &stepwell_model::HistoryEvent| event.id);
            let up = commons.history_page(key, HistoryOrder::OldestFirst { after }, count).unwrap();
            let before = newest_first.last().map(|event| event.id);
            let down = commons.history_page(key, HistoryOrder::NewestFirst { before }, count).unwrap();
            let pages = read.swap(0, Ordering::Relaxed);
            // Two pages, at most two chunks too many for each.
            assert!(
                pages <= 2 * (all_chunks * count / 25_000 + 3),
                "{pages} chunks for two pages of {count}"
            );
            assert_eq!(up.len(), down.len());
            if up.is_empty() {
                break;
            }
            oldest_first.extend(up);
            newest_first.extend(down);
        }
        assert_eq!(oldest_first, whole);
        newest_first.reverse();
        assert_eq!(newest_first, whole);
    }
    let none = commons.history_page(key, HistoryOrder::OldestFirst { after: 25_000 }, 10).unwrap();
    assert_eq!(none, []);
    let none = commons.history_page(key, HistoryOrder::NewestFirst { before: Some(1) }, 10).unwrap();
    assert_eq!(none, []);
    assert_eq!(read.load(Ordering::Relaxed), 0);
}
