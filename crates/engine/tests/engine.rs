//! The engine as its callers see it: threads, futures, commits that fail.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stepwell_asl::TaskSpec;
use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, Failure, Limits, MachineType, Resource, TaskRef, Timestamp};
use stepwell_store::{FailedCommit, MemoryStore, Store};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::Payload;

/// A clock that the test moves.
#[derive(Default)]
struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Answers functions at once with their input, but for those that are held.
#[derive(Default)]
struct Functions {
    held: Mutex<HashMap<TaskRef, Done>>,
    cancelled: Mutex<Vec<TaskRef>>,
}

impl Integration for Functions {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        match &request.resource {
            Resource::LambdaFunction { arn } => {
                Some(Ok(Target { name: arn.clone(), slots: 4, idempotent: false }))
            }
            Resource::Service { .. } | Resource::Activity { .. } => None,
        }
    }

    fn start(&self, request: TaskRequest, done: Done) {
        let Resource::LambdaFunction { arn } = &request.resource else { panic!("not ours") };
        match arn.rsplit(':').next().unwrap() {
            "echo" => done(TaskOutcome::Succeeded(request.parameters)),
            "panic" => panic!("a bug in an integration"),
            "held" => {
                self.held.lock().unwrap().insert(request.task, done);
            }
            other => panic!("{other}"),
        }
    }

    fn cancel(&self, task: TaskRef) {
        self.cancelled.lock().unwrap().push(task);
    }
}

struct House {
    engine: Engine,
    store: Arc<MemoryStore>,
    clock: Arc<Hands>,
    functions: Arc<Functions>,
}

fn house() -> House {
    let store = Arc::new(MemoryStore::new([1; 32]));
    let (clock, functions) = (Arc::new(Hands(AtomicU64::new(1_000_000))), Arc::new(Functions::default()));
    let engine = open(&store, &clock, &functions);
    House { engine, store, clock, functions }
}

fn open(store: &Arc<MemoryStore>, clock: &Arc<Hands>, functions: &Arc<Functions>) -> Engine {
    let options = EngineOptions { shards: 2, ..EngineOptions::default() };
    Engine::open(store.clone(), vec![functions.clone()], clock.clone(), options).unwrap()
}

/// Waits for a future without any runtime: the engine's threads wake this one.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
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

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

fn activity(name: &str) -> CreateActivity {
    let key = ActivityKey { place: place(), name: name.into() };
    CreateActivity { key, encryption: Encryption::AwsOwnedKey, tags: Tags::default() }
}

impl House {
    fn machine(&self, name: &str, definition: &str) -> MachineKey {
        let key = MachineKey { place: place(), name: name.into() };
        let request = CreateMachine {
            key: key.clone(),
            machine_type: MachineType::Standard,
            definition: definition.into(),
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            logging: None,
            tracing: None,
            encryption: Encryption::AwsOwnedKey,
            publish: None,
            tags: Tags::default(),
        };
        wait(self.engine.create_machine(request)).unwrap();
        key
    }

    fn start(&self, machine: &MachineKey, input: &str) -> Result<ExecutionStarted, EngineError> {
        let input = Payload::parse(input).unwrap();
        let machine = machine.clone();
        let start = StartExecution { machine, qualifier: None, name: None, input, trace_header: None };
        wait(self.engine.start(start))
    }

    fn status(&self, started: &ExecutionStarted) -> ExecutionStatus {
        self.engine.execution(&started.key).unwrap().status
    }

    fn ends(&self, started: &ExecutionStarted) -> ExecutionView {
        until("the execution ends", || self.status(started) != ExecutionStatus::Running);
        self.engine.execution(&started.key).unwrap()
    }

    fn reopen(self) -> House {
        let House { engine, store, clock, functions } = self;
        drop(engine);
        functions.held.lock().unwrap().clear();
        store.reopen();
        let engine = open(&store, &clock, &functions);
        House { engine, store, clock, functions }
    }
}

fn call(function: &str) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,
            "Resource":"arn:aws:lambda:us-east-1:123456789012:function:{function}"}}}}}}"#
    )
}

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

#[test]
fn what_was_started_is_there_and_ends() {
    let house = house();
    let pass = house.machine("pass", PASS);
    let echo = house.machine("echo", &call("echo"));
    for input in ["1", r#"{"a": [1, 2]}"#] {
        for machine in [&pass, &echo] {
            let started = house.start(machine, input).unwrap();
            let view = house.ends(&started);
            assert_eq!(view.output.unwrap().text(), input);
        }
    }
    let stats = house.engine.stats();
    assert_eq!((stats.started, stats.succeeded, stats.closed()), (4, 4, 4));
    assert_eq!(stats.transitions, 4);
}

#[test]
fn many_callers_share_commits() {
    let house = house();
    let machine = house.machine("pass", PASS);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    house.start(&machine, "{}").unwrap();
                }
            });
        }
    });
    let stats = house.engine.stats();
    assert_eq!((stats.started, stats.succeeded), (1_600, 1_600));
    let request = ListExecutions { machine, qualifier: None, status: None, after: None, limit: 1_000 };
    assert_eq!(house.engine.executions(request).unwrap().0.len(), 1_000);
}

#[test]
fn a_reopened_engine_goes_on() {
    let house = house();
    let machine = house.machine("wait", WAIT);
    let started = house.start(&machine, "3").unwrap();
    let house = house.reopen();
    assert_eq!(house.status(&started), ExecutionStatus::Running);
    assert_eq!(house.engine.machine(&machine).unwrap().definition.as_ref(), WAIT);
    house.clock.0.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(house.ends(&started).output.unwrap().text(), "3");
}

#[test]
fn an_integration_that_panics_leaves_the_outcome_unknown() {
    let house = house();
    let machine = house.machine("panic", &call("panic"));
    let started = house.start(&machine, "{}").unwrap();
    let failure = house.ends(&started).failure.unwrap();
    assert_eq!(failure.error_name(), "Stepwell.OutcomeUnknown");
    assert_eq!(house.engine.health(), Ok(()));
}

#[test]
fn a_trial_performs_a_task_outside_of_any_execution() {
    let house = house();
    let trial = house.engine.trial(&place());
    let perform = |function: &str| {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{function}").into();
        let spec = TaskSpec {
            scheduled_event_id: 3,
            resource: Resource::LambdaFunction { arn },
            parameters: Payload::parse("[1]").unwrap(),
            timeout_seconds: None,
            heartbeat_seconds: None,
        };
        trial.perform(spec, Duration::from_secs(1))
    };
    assert_eq!(wait(perform("echo")), TaskOutcome::Succeeded(Payload::parse("[1]").unwrap()));
    assert_eq!(wait(perform("panic")), TaskOutcome::Unknown);
    assert_ne!(trial.new_name(), trial.new_name());

    // Given up before it has ended.
    let mut given_up = Box::pin(perform("held"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(given_up.as_mut().poll(&mut context).is_pending());
    let held: Vec<TaskRef> = house.functions.held.lock().unwrap().keys().copied().collect();
    assert!(house.functions.cancelled.lock().unwrap().is_empty());
    drop(given_up);
    assert_eq!(*house.functions.cancelled.lock().unwrap(), held);
    assert_eq!(house.engine.stats().started, 0);
}

#[test]
fn workers_poll_answer_and_leave() {
    let house = house();
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:us-east-1:123456789012:activity:a"}}}"#;
    let machine = house.machine("m", definition);
    let poll = || house.engine.poll_activity(place(), "a".into(), None, Duration::from_secs(60));
    assert_eq!(wait(poll()), Err(EngineError::NoSuchActivity));
    wait(house.engine.create_activity(activity("a"))).unwrap();
    {
        let mut gone = Box::pin(poll());
        assert!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(house.engine.stats().workers_waiting, 1);
    }
    assert_eq!(house.engine.stats().workers_waiting, 0);
    let started = house.start(&machine, "1").unwrap();
    let task = wait(poll()).unwrap().expect("a task");
    assert_eq!(task.input.text(), "1");
    wait(house.engine.task_heartbeat(&place(), &task.task_token)).unwrap();
    wait(house.engine.task_success(&place(), &task.task_token, Payload::parse("2").unwrap())).unwrap();
    assert_eq!(house.ends(&started).output.unwrap().text(), "2");
    let twice = wait(house.engine.task_failure(&place(), &task.task_token, Failure::default()));
    assert_eq!(twice, Err(EngineError::TaskEnded));
    let elsewhere = Place { region: "eu-west-1".into(), ..place() };
    let stolen = wait(house.engine.task_heartbeat(&elsewhere, &task.task_token));
    assert_eq!(stolen, Err(EngineError::InvalidToken));
}

#[test]
fn a_worker_that_waits_in_vain_is_told() {
    let house = house();
    wait(house.engine.create_activity(activity("a"))).unwrap();
    let mut poll = Box::pin(house.engine.poll_activity(place(), "a".into(), None, Duration::from_secs(60)));
    assert!(poll.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    house.clock.0.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(wait(poll), Ok(None));
}

#[test]
fn a_deleted_machine_takes_its_executions_with_it() {
    let house = house();
    let machine = house.machine("wait", WAIT);
    let started: Vec<_> = (0..50).map(|_| house.start(&machine, "{}").unwrap()).collect();
    wait(house.engine.delete_machine(&machine)).unwrap();
    until("the machine is gone", || house.engine.machine(&machine).is_none());
    assert_eq!(house.start(&machine, "{}").unwrap_err(), EngineError::NoSuchMachine);
    for started in &started {
        assert_eq!(house.status(started), ExecutionStatus::Aborted);
    }
    wait(house.engine.delete_machine(&machine)).unwrap();
    let again = house.machine("wait", PASS);
    let request = ListExecutions { machine: again, qualifier: None, status: None, after: None, limit: 10 };
    assert_eq!(house.engine.executions(request).unwrap().0, []);
    let house = house.reopen();
    assert_eq!(house.engine.machine(&machine).unwrap().number, 2);
}

#[test]
fn an_interrupted_deletion_is_finished() {
    let house = house();
    let machine = house.machine("wait", WAIT);
    let started = house.start(&machine, "{}").unwrap();
    let mut marked = Machine::clone(&house.engine.machine(&machine).unwrap());
    marked.deleting = true;
    let change = Change::Deleting(Arc::new(marked));
    let batch = stepwell_store::Batch { catalogue: change.writes(), ..Default::default() };
    let House { engine, store, clock, functions } = house;
    drop(engine);
    store.commit(&batch).unwrap();
    let engine = open(&store, &clock, &functions);
    let house = House { engine, store, clock, functions };
    until("the machine is gone", || house.engine.machine(&machine).is_none());
    assert_eq!(house.status(&started), ExecutionStatus::Aborted);
}

#[test]
fn after_a_failed_commit_nothing_is_acknowledged() {
    for outcome in [FailedCommit::Lost, FailedCommit::Landed] {
        let house = house();
        let machine = house.machine("held", &call("held"));
        let before = house.start(&machine, "1").unwrap();
        until("it is sent", || house.functions.held.lock().unwrap().len() == 1);
        house.store.fail_next_commit(outcome);
        let refused = house.start(&machine, "2").unwrap_err();
        assert!(matches!(refused, EngineError::Stopped(_)), "{refused:?}");
        assert!(house.engine.health().is_err());
        assert!(matches!(house.start(&machine, "3").unwrap_err(), EngineError::Stopped(_)));
        let changed = wait(house.engine.create_activity(activity("a")));
        assert!(matches!(changed, Err(EngineError::Stopped(_))));
        let polled = wait(house.engine.poll_activity(place(), "a".into(), None, Duration::from_secs(60)));
        assert!(matches!(polled, Err(EngineError::Stopped(_))));
        // The task of the second start was never sent.
        assert_eq!(house.functions.held.lock().unwrap().len(), 1);
        let house = house.reopen();
        assert_eq!(house.ends(&before).failure.unwrap().error_name(), "Stepwell.OutcomeUnknown");
        let request = ListExecutions { machine, qualifier: None, status: None, after: None, limit: 10 };
        let there = house.engine.executions(request).unwrap().0.len();
        assert_eq!(there, if outcome == FailedCommit::Landed { 2 } else { 1 });
    }
}

#[test]
fn draining_waits_for_what_is_under_way_and_names_what_is_left() {
    let house = house();
    let machine = house.machine("held", &call("held"));
    let ends = house.start(&machine, "1").unwrap();
    let stays = house.start(&machine, "2").unwrap();
    until("both are sent", || house.functions.held.lock().unwrap().len() == 2);
    let mut held: Vec<_> = house.functions.held.lock().unwrap().drain().collect();
    held.sort_by_key(|(task, _)| task.execution.number);
    let mut drain = Box::pin(house.engine.drain(Duration::from_millis(300)));
    assert!(drain.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let view = house.engine.execution(&ends.key).unwrap();
    let of_ends = held
        .iter()
        .position(|(task, _)| house.engine.history(&view.key).is_ok_and(|_| house.owns(&ends, *task)));
    let (_, done) = held.remove(of_ends.unwrap());
    done(TaskOutcome::Succeeded(Payload::parse("7").unwrap()));
    let left = wait(drain);
    assert_eq!(left, [held[0].0]);
    assert_eq!(house.ends(&ends).output.unwrap().text(), "7");
    // What is told after the drain is left to the next run, which alone knows whether the call may be
    // sent again.
    drop(held);
    assert_eq!(house.engine.execution(&stays.key).unwrap().status, ExecutionStatus::Running);
    let House { engine, store, clock, functions } = house;
    drop(engine);
    let engine = open(&store, &clock, &functions);
    let house = House { engine, store, clock, functions };
    assert_eq!(house.ends(&stays).failure.unwrap().error_name(), "Stepwell.OutcomeUnknown");
}

impl House {
    /// Whether a task is one of an execution.
    fn owns(&self, started: &ExecutionStarted, task: TaskRef) -> bool {
        let row = self.store.execution(task.execution).unwrap().unwrap();
        row.opening.name == started.key.name
    }
}

#[test]
fn too_large_an_input_is_refused_before_anything_happens() {
    let house = house();
    let machine = house.machine("pass", PASS);
    let input = format!("\"{}\"", "x".repeat(262_144));
    assert_eq!(house.start(&machine, &input).unwrap_err(), EngineError::PayloadTooLarge);
    assert_eq!(house.engine.stats().started, 0);
}

#[test]
fn a_full_mailbox_pushes_back() {
    let store = Arc::new(MemoryStore::new([1; 32]));
    let clock = Arc::new(Hands::default());
    let limits = Limits { waiting_calls_max: 0, ..Limits::default() };
    let options = EngineOptions { shards: 1, limits, ..EngineOptions::default() };
    let engine = Engine::open(store, vec![], clock, options).unwrap();
    let key = MachineKey { place: place(), name: "m".into() };
    let key = ExecutionKey { machine: key, name: "n".into() };
    assert_eq!(wait(engine.stop(key, Failure::default())), Err(EngineError::Busy));
}

#[test]
fn an_endless_express_execution_is_ended_by_its_time() {
    let house = house();
    let endless = r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[
        {"Variable":"$.n","NumericEquals":1,"Next":"A"}],"Default":"B"},"B":{"Type":"Succeed"}}}"#;
    let key = MachineKey { place: place(), name: "endless".into() };
    let request = CreateMachine {
        key: key.clone(),
        machine_type: MachineType::Express,
        definition: endless.into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        logging: None,
        tracing: None,
        encryption: Encryption::AwsOwnedKey,
        publish: None,
        tags: Tags::default(),
    };
    wait(house.engine.create_machine(request)).unwrap();
    let start = |n: u32| {
        let input = Payload::parse(format!("{{\"n\":{n}}}")).unwrap();
        let machine = key.clone();
        let request = StartExpress {
            machine,
            qualifier: None,
            name: None,
            input,
            synchronous: true,
            seconds_max: None,
        };
        house.engine.start_sync(request)
    };
    assert_eq!(wait(start(2)).unwrap().status, ExecutionStatus::Succeeded);
    std::thread::scope(|scope| {
        let endless = scope.spawn(|| wait(start(1)).unwrap());
        // It is under way in a shard once more states have been entered than the caller's thread enters.
        until("it has begun", || house.engine.stats().transitions > 10_000);
        house.clock.0.fetch_add(300_000, Ordering::SeqCst);
        assert_eq!(endless.join().unwrap().status, ExecutionStatus::TimedOut);
    });
}
