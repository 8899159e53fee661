//! Who watches misses nothing that was committed, and where nobody watches nothing is noted.

mod support;

use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, Failure, MachineType, TaskRef};
use stepwell_store::{FailedCommit, MemoryStore};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::time::timeout;

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;
const ASK: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","Next":"B"},
    "B":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","End":true}}}"#;

struct House {
    engine: Engine,
    store: Arc<MemoryStore>,
}

fn house() -> House {
    house_with(Vec::new())
}

fn house_with(integrations: Vec<Arc<dyn Integration>>) -> House {
    let store = Arc::new(MemoryStore::new([1; 32]));
    let options = EngineOptions { shards: 2, ..EngineOptions::default() };
    let engine = Engine::open(store.clone(), integrations, Arc::new(SystemClock), options).unwrap();
    House { engine, store }
}

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

impl House {
    async fn machine_of(&self, machine_type: MachineType, name: &str, definition: &str) -> MachineKey {
        let key = MachineKey { place: place(), name: name.into() };
        let request = CreateMachine {
            key: key.clone(),
            machine_type,
            definition: definition.into(),
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            logging: None,
            tracing: None,
            encryption: Encryption::AwsOwnedKey,
            publish: None,
            tags: Tags::default(),
        };
        self.engine.create_machine(request).await.unwrap();
        key
    }

    async fn machine(&self, name: &str, definition: &str) -> MachineKey {
        self.machine_of(MachineType::Standard, name, definition).await
    }

    async fn activity(&self) {
        let key = ActivityKey { place: place(), name: "a".into() };
        let request = CreateActivity { key, encryption: Encryption::AwsOwnedKey, tags: Tags::default() };
        self.engine.create_activity(request).await.unwrap();
    }

    async fn start(&self, machine: &MachineKey) -> ExecutionKey {
        let (machine, input) = (machine.clone(), Payload::empty_object());
        let start = StartExecution { machine, qualifier: None, name: None, input, trace_header: None };
        self.engine.start(start).await.unwrap().key
    }

    async fn work(&self) {
        let minute = Duration::from_secs(60);
        let task = self.engine.poll_activity(place(), "a".into(), None, minute).await.unwrap().unwrap();
        self.engine.task_success(&place(), &task.task_token, Payload::empty_object()).await.unwrap();
    }
}

/// The ids of the history as a watcher gets it, until the execution has ended.
async fn watched_to_the_end(engine: &Engine, key: &ExecutionKey) -> Vec<u64> {
    let mut watcher = engine.watch_execution(key).unwrap();
    let mut ids = Vec::new();
    loop {
        let after = ids.last().copied().unwrap_or(0);
        let progress = watcher.reader().progress(after, 3).unwrap();
        ids.extend(progress.events.iter().map(|event| event.id));
        let is_behind = ids.last().copied() < Some(progress.last_event_id);
        if is_behind {
            continue;
        }
        if progress.status != ExecutionStatus::Running {
            return ids;
        }
        watcher.changed().await.unwrap();
    }
}

async fn told(watcher: &mut PlaceWatcher) -> Vec<String> {
    watcher.changed().await.unwrap().iter().map(|key| key.name.to_string()).collect()
}

/// Waits until a machine has been named; others may be before.
async fn told_of(watcher: &mut PlaceWatcher, name: &str) {
    while !told(watcher).await.iter().any(|told| told == name) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_watch_begins_it_comes_to_the_end_of_the_history() {
    let house = Arc::new(house());
    house.activity().await;
    let machine = house.machine("m", ASK).await;
    // A commit that was missed would leave its watcher waiting for ever.
    let mut watches = Vec::new();
    for _ in 0..200 {
        let key = house.start(&machine).await;
        for _ in 0..2 {
            let (house, key) = (house.clone(), key.clone());
            watches.push(tokio::spawn(async move { watched_to_the_end(&house.engine, &key).await }));
        }
        house.work().await;
        house.work().await;
    }
    for watch in watches {
        assert_eq!(watch.await.unwrap(), (1..=12).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn what_a_chunk_has_beyond_the_page_is_not_held_back() {
    let house = house();
    let key = house.start(&house.machine("m", PASS).await).await;
    let progress = house.engine.execution_progress(&key, 1, 1).unwrap();
    let ids: Vec<u64> = progress.events.iter().map(|event| event.id).collect();
    assert_eq!((ids, progress.last_event_id), (vec![2, 3, 4], 4));
    assert_eq!(progress.status, ExecutionStatus::Succeeded);
    let end = house.engine.execution_progress(&key, 4, 10).unwrap();
    assert_eq!((end.events.len(), end.last_event_id), (0, 4));
    assert!(house.engine.execution_progress(&key, u64::MAX, 10).unwrap().events.is_empty());
}

#[tokio::test]
async fn a_place_is_told_of_what_changes_its_lists() {
    let house = house();
    let mut watcher = house.engine.watch_place(&place()).await.unwrap();
    let elsewhere = Place { region: "eu-west-1".into(), ..place() };
    let mut other = house.engine.watch_place(&elsewhere).await.unwrap();

    let machine = house.machine("m", WAIT).await;
    assert_eq!(told(&mut watcher).await, ["m"], "created");
    let key = house.start(&machine).await;
    assert_eq!(told(&mut watcher).await, ["m"], "started");
    house.engine.stop(key.clone(), Failure::default()).await.unwrap();
    assert_eq!(told(&mut watcher).await, ["m"], "ended");
    house.engine.redrive(key, None).await.unwrap();
    assert_eq!(told(&mut watcher).await, ["m"], "redriven");

    let express = house.machine_of(MachineType::Express, "x", PASS).await;
    assert_eq!(told(&mut watcher).await, ["x"]);
    let start = StartExpress {
        machine: express,
        qualifier: None,
        name: None,
        input: Payload::empty_object(),
        synchronous: true,
        seconds_max: None,
    };
    house.engine.start_sync(start.clone()).await.unwrap();
    assert_eq!(told(&mut watcher).await, ["x"], "run while its caller waited");
    house.engine.start_express(StartExpress { synchronous: false, ..start }).await.unwrap();
    assert_eq!(told(&mut watcher).await, ["x"], "run by a shard");

    house.engine.delete_machine(&machine).await.unwrap();
    told_of(&mut watcher, "m").await;
    assert!(timeout(Duration::ZERO, other.changed()).await.is_err(), "elsewhere nothing has changed");
}

/// Holds up whoever sends it a task: the committer.
struct Held(Mutex<mpsc::Receiver<()>>);

impl Integration for Held {
    fn target(&self, _: &TaskRequest) -> Option<Result<Target, Failure>> {
        Some(Ok(Target { name: "held".into(), slots: 1, idempotent: false }))
    }

    fn start(&self, request: TaskRequest, done: Done) {
        // An error says that the test lets go.
        let _ = self.0.lock().unwrap().recv();
        done(TaskOutcome::Succeeded(request.parameters));
    }

    fn cancel(&self, _: TaskRef) {}
}

#[tokio::test]
async fn what_was_decided_before_a_watch_is_durable_when_it_begins() {
    let (hold, held) = mpsc::channel();
    let house = house_with(vec![Arc::new(Held(Mutex::new(held)))]);
    // Let go before the engine ends, however the test does.
    let hold = hold;
    let call = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:us-east-1:123456789012:function:f"}}}"#;
    let (holding, machine) = (house.machine("holding", call).await, house.machine("m", WAIT).await);
    house.start(&holding).await;
    // Decided while nobody watched, and not written yet.
    let mut started = pin!(house.start(&machine));
    while house.engine.stats().resident < 2 {
        assert!(timeout(Duration::ZERO, started.as_mut()).await.is_err());
    }
    let place = place();
    let mut watch = pin!(house.engine.watch_place(&place));
    assert!(timeout(Duration::ZERO, watch.as_mut()).await.is_err());
    drop(hold);
    watch.await.unwrap();
    let list =
        ListExecutions { machine: machine.clone(), qualifier: None, status: None, after: None, limit: 10 };
    assert_eq!(house.engine.executions(list).unwrap().0.len(), 1);
}

#[tokio::test]
async fn watches_end_when_nothing_can_change_any_more() {
    let house = house();
    let machine = house.machine("m", WAIT).await;
    let key = house.start(&machine).await;
    let mut execution = house.engine.watch_execution(&key).unwrap();
    let mut everything = house.engine.watch_place(&place()).await.unwrap();
    house.store.fail_next_commit(FailedCommit::Lost);
    assert!(house.engine.stop(key, Failure::default()).await.is_err());
    assert!(matches!(execution.changed().await, Err(EngineError::Stopped(_))));
    assert!(matches!(everything.changed().await, Err(EngineError::Stopped(_))));
    assert!(house.engine.watch_place(&place()).await.is_err());

    let house = self::house();
    let mut everything = house.engine.watch_place(&place()).await.unwrap();
    drop(house.engine);
    assert!(matches!(everything.changed().await, Err(EngineError::Stopped(_))));
}

#[test]
fn where_nobody_watches_nothing_is_noted() {
    let mut driver = support::Driver::new();
    let machine = driver.machine("m", PASS);
    let heard = driver.ask_start(&machine, None, "{}");
    let turns = driver.turn_unwritten();
    assert!(turns.iter().any(|(_, turn)| turn.counts.started == 1));
    assert!(turns.iter().all(|(_, turn)| turn.changed.is_empty()));
    drop(heard);
}
