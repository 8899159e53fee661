//! What executions log: never before it is durable, in order, and at no cost where nothing is logged.

use std::sync::{Arc, Mutex, OnceLock};

use stepwell_asl::{Definition, Event, EventKind, Origin};
use stepwell_engine::*;
use stepwell_model::{Failure, Limits, MachineType, Timestamp};
use stepwell_store::{FailedCommit, MemoryStore, Store};
use stepwell_value::Payload;
use tokio::sync::oneshot;

const NOW: Timestamp = Timestamp::from_epoch_ms(1_000_000);
const CHAIN: &str =
    r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#;

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

fn create(name: &str, definition: &str, level: Option<&str>) -> CreateMachine {
    let logging = level.map(|level| {
        format!(
            r#"{{"level":"{level}","includeExecutionData":true,"destinations":[{{"cloudWatchLogsLogGroup":{{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}}}]}}"#
        )
        .into()
    });
    CreateMachine {
        key: MachineKey { place: place(), name: name.into() },
        machine_type: MachineType::Standard,
        definition: definition.into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        logging,
        tracing: None,
        encryption: Encryption::AwsOwnedKey,
        publish: None,
        tags: Tags::default(),
    }
}

fn types(logged: &LoggedHistory) -> Vec<String> {
    logged.history().map(|event| event.kind.type_name()).collect()
}

/// What was handed over.
type Heard = Arc<Mutex<Vec<LoggedHistory>>>;

fn hearing(heard: &Heard) -> Option<HistoryLog> {
    let heard = heard.clone();
    Some(Arc::new(move |mut logged| heard.lock().unwrap().append(&mut logged)))
}

/// One turn of a shard that starts one execution of each machine; the events it would log.
fn one_turn(options: EngineOptions, machines: &[CreateMachine]) -> Vec<Vec<String>> {
    let options = EngineOptions { shards: 1, ..options };
    let commons = Commons::open(Arc::new(MemoryStore::new([1; 32])), vec![], options, NOW).unwrap();
    let commons = Arc::new(commons);
    let mut shard = Shard::open_all(&commons).unwrap().remove(0);
    let mut messages = Vec::new();
    for machine in machines {
        let plan = commons.catalogue().plan_create(machine.clone(), NOW).unwrap();
        let Plan::Change(change, _) = plan else { panic!("it is new") };
        commons.catalogue_mut().apply(change);
        let request = StartExecution {
            machine: machine.key.clone(),
            qualifier: None,
            name: None,
            input: Payload::empty_object(),
            trace_header: None,
        };
        messages.push(commons.start(request, oneshot::channel().0).unwrap().1);
    }
    let turn = shard.turn(messages, NOW);
    assert_eq!(turn.chunks.len(), machines.len());
    turn.history.iter().map(types).collect()
}

#[test]
fn a_turn_carries_what_the_levels_include_and_nothing_else() {
    let heard = Heard::default();
    let options = EngineOptions { history_log: hearing(&heard), ..EngineOptions::default() };
    let machines = [
        create("off", CHAIN, Some("OFF")),
        create("none", CHAIN, None),
        create("all", CHAIN, Some("ALL")),
        create("error", CHAIN, Some("ERROR")),
        create("error-fails", FAIL, Some("ERROR")),
        create("fatal-fails", FAIL, Some("FATAL")),
    ];
    assert_eq!(
        one_turn(options, &machines),
        [
            &[
                "ExecutionStarted",
                "PassStateEntered",
                "PassStateExited",
                "PassStateEntered",
                "PassStateExited",
                "ExecutionSucceeded"
            ][..],
            &["FailStateEntered", "ExecutionFailed"],
            &["ExecutionFailed"],
        ]
    );
    assert!(heard.lock().unwrap().is_empty(), "a shard alone lets nothing out");
}

#[test]
fn where_nobody_hears_a_turn_carries_nothing() {
    let none: [Vec<String>; 0] = [];
    assert_eq!(one_turn(EngineOptions::default(), &[create("all", CHAIN, Some("ALL"))]), none);
}

/// What the engine's threads need of a clock.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn start(engine: &Engine, machine: &CreateMachine) -> Result<ExecutionStarted, EngineError> {
    let request = StartExecution {
        machine: machine.key.clone(),
        qualifier: None,
        name: None,
        input: Payload::empty_object(),
        trace_header: None,
    };
    wait(engine.start(request))
}

#[test]
fn what_is_logged_is_durable_and_comes_before_the_reply() {
    let heard = Heard::default();
    let engine: Arc<OnceLock<Engine>> = Arc::default();
    let (log, reader) = (heard.clone(), engine.clone());
    let options = EngineOptions {
        shards: 2,
        history_log: Some(Arc::new(move |mut logged: Vec<LoggedHistory>| {
            for logged in &logged {
                let name = logged.execution_arn.rsplit(':').next().unwrap();
                let machine = MachineKey { place: place(), name: "m".into() };
                let key = ExecutionKey { machine, name: name.into() };
                let durable = reader.get().unwrap().history(&key).unwrap();
                assert_eq!(logged.history().collect::<Vec<_>>(), durable);
            }
            log.lock().unwrap().append(&mut logged);
        })),
        ..EngineOptions::default()
    };
    let store = Arc::new(MemoryStore::new([1; 32]));
    let opened = Engine::open(store.clone(), vec![], Arc::new(Stopped), options).unwrap();
    let engine = engine.get_or_init(|| opened);
    let machine = create("m", CHAIN, Some("ALL"));
    wait(engine.create_machine(machine.clone())).unwrap();
    for count in 1..=3 {
        let started = start(engine, &machine).unwrap();
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), count);
        let last = heard.last().unwrap();
        assert!(last.execution_arn.ends_with(&*started.key.name), "{}", last.execution_arn);
        assert_eq!((types(last).len(), last.redrive_count), (6, 0));
    }
    // Whether it landed or not: of what may not be durable nothing is logged.
    store.fail_next_commit(FailedCommit::Landed);
    assert!(start(engine, &machine).is_err());
    assert_eq!(heard.lock().unwrap().len(), 3);
    assert_eq!(store.catalogue().unwrap().len(), 2);
}

#[test]
fn an_execution_without_commits_logs_by_itself() {
    let heard = Heard::default();
    let options = EngineOptions { shards: 1, history_log: hearing(&heard), ..EngineOptions::default() };
    let commons = Commons::open(Arc::new(MemoryStore::new([1; 32])), vec![], options, NOW).unwrap();
    let origin = Arc::new(Origin {
        definition: Arc::new(Definition::reread(FAIL).unwrap()),
        execution_arn: "arn:aws:states:us-east-1:123456789012:express:m:n:i".into(),
        execution_name: "n".into(),
        machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
        version_arn: None,
        alias_arn: None,
        synchronous: false,
        machine_name: "m".into(),
        role_arn: "r".into(),
        region: "us-east-1".into(),
        limits: Limits::default(),
    });
    let event = |id: u64, kind| Event { at: NOW, id, previous_id: id - 1, branch: 0, kind };
    let events = [
        event(1, EventKind::ExecutionStarted { input: Payload::empty_object(), seed: 1 }),
        event(2, EventKind::ExecutionFailed(Failure::named("E"))),
    ];
    for (name, level, expected) in [
        ("off", "OFF", &[][..]),
        ("all", "ALL", &["ExecutionStarted", "ExecutionFailed"]),
        ("fatal", "FATAL", &["ExecutionFailed"]),
    ] {
        let plan = commons.catalogue().plan_create(create(name, FAIL, Some(level)), NOW).unwrap();
        let Plan::Change(change, machine) = plan else { panic!("it is new") };
        commons.catalogue_mut().apply(change);
        let revision = commons.catalogue().revision(machine.revision).unwrap().clone();
        commons.log_history(&revision, &origin, 2, events.to_vec());
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(heard.iter().flat_map(types).collect::<Vec<_>>(), expected);
        assert!(heard.iter().all(|logged| logged.redrive_count == 2));
        assert!(heard.iter().all(|logged| logged.execution_arn == origin.execution_arn));
    }
}
