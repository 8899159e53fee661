//! The operations that a console needs beyond AWS's, over an engine in memory.
//!
//! The clock goes only when it is told to, and the seed is fixed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use stepwell_api::{Api, Caller, Options, TaskAnswered};
use stepwell_engine::{Clock, Engine, EngineOptions, seeds_from};
use stepwell_model::Timestamp;
use stepwell_store::{MemoryStore, Store};
use stepwell_value::Value;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const PASS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1},"End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"F"},"F":{"Type":"Fail","Error":"E","Cause":"why"}}}"#;

/// The start of a minute, an hour and a day.
const MIDNIGHT_MS: u64 = 1_699_920_000_000;

struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.0.load(Ordering::Relaxed))
    }
}

struct World {
    engine: Engine,
    api: Arc<Api>,
    caller: Caller,
    clock: Arc<HandClock>,
}

impl World {
    fn new() -> World {
        World::over(Arc::new(MemoryStore::new([7; 32])))
    }

    fn over(store: Arc<MemoryStore>) -> World {
        World::at(store, MIDNIGHT_MS)
    }

    fn at(store: Arc<MemoryStore>, now_ms: u64) -> World {
        let options = EngineOptions { shards: 1, seed: seeds_from(1), ..EngineOptions::default() };
        let clock = Arc::new(HandClock(AtomicU64::new(now_ms)));
        let engine = Engine::open(store, Vec::new(), clock.clone(), options).expect("the store can be read");
        let api = Arc::new(Api::new(engine.clone(), Options::new([7; 32])));
        World { engine, api, caller: Caller::new("123456789012", "us-east-1"), clock }
    }

    fn pass_seconds(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    /// The reply, or the exception after a `!`.
    async fn call(&self, operation: &str, body: &str) -> String {
        match self.api.call(operation, &self.caller, body.as_bytes()).await {
            Ok(reply) => reply,
            Err(exception) => format!("! {}", exception.to_json()),
        }
    }

    async fn own(&self, operation: &str, body: &str) -> String {
        self.call(&format!("Stepwell.{operation}"), body).await
    }

    async fn check(&self, operation: &str, body: &str, expected: Expect) {
        expected.assert_eq(&self.own(operation, body).await);
    }

    async fn create(&self, name: &str, definition: &str) {
        self.create_of("STANDARD", name, definition).await;
    }

    async fn create_of(&self, machine_type: &str, name: &str, definition: &str) {
        let definition = Value::from(definition);
        let body = format!(
            r#"{{"name":"{name}","roleArn":"{ROLE}","type":"{machine_type}","definition":{definition}}}"#
        );
        let reply = self.call("CreateStateMachine", &body).await;
        assert!(reply.starts_with('{'), "{reply}");
    }

    async fn start(&self, machine: &str, name: &str) {
        let body = format!(r#"{{"stateMachineArn":"{}","name":"{name}"}}"#, machine_arn(machine));
        let reply = self.call("StartExecution", &body).await;
        assert!(reply.starts_with('{'), "{reply}");
    }
}

fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:stateMachine:{name}")
}

fn machine(name: &str) -> String {
    format!(r#"{{"stateMachineArn":"{}"}}"#, machine_arn(name))
}

fn machine_and(name: &str, more: &str) -> String {
    format!(r#"{{"stateMachineArn":"{}",{more}}}"#, machine_arn(name))
}

fn parsed(reply: &str) -> Value {
    Value::parse(reply).unwrap_or_else(|_| panic!("no JSON: {reply}"))
}

fn list<'a>(reply: &'a Value, member: &str) -> &'a [Value] {
    reply.get(member).and_then(Value::as_array).unwrap_or_else(|| panic!("no list {member} in {reply}"))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("no {member} in {value}"))
}

fn number(value: &Value, member: &str) -> i64 {
    value.get(member).and_then(Value::as_i64).unwrap_or_else(|| panic!("no {member} in {value}"))
}

// All of them.

#[tokio::test]
async fn what_is_no_request_is_refused_as_by_awss_operations() {
    let world = World::new();
    for (operation, members) in [
        ("ListStateMachineRevisions", &["stateMachineArn"][..]),
        ("DescribeStateMachineRevision", &["stateMachineArn", "number"]),
        ("ListRecentFailures", &["stateMachineArn", "maxResults"]),
        ("DiagnoseDefinition", &["definition", "type"]),
        ("GetExecutionMetrics", &["stateMachineArn", "startTime", "endTime", "periodSeconds"]),
        ("ListWaitingTasks", &["stateMachineArn", "maxResults", "nextToken"]),
        ("TakeActivityTask", &["executionArn", "scheduledEventId", "workerName"]),
        ("AnswerTask", &["taskToken", "outcome", "output", "error", "cause", "note"]),
    ] {
        for member in members {
            let reply = world.own(operation, &format!(r#"{{"{member}":[]}}"#)).await;
            assert!(reply.contains("SerializationException"), "{operation} {member}: {reply}");
        }
    }
}

#[tokio::test]
async fn machines_that_are_not_the_callers_are_told_apart_from_those_that_are_not() {
    let world = World::new();
    for operation in [
        "ListStateMachineRevisions",
        "DescribeStateMachineRevision",
        "ListRecentFailures",
        "GetExecutionMetrics",
        "ListWaitingTasks",
    ] {
        let body = machine_and("nobody", r#""number":1,"startTime":1,"endTime":2,"periodSeconds":60"#);
        let reply = world.own(operation, &body).await;
        assert!(reply.contains("StateMachineDoesNotExist"), "{operation}: {reply}");
        let reply = world.own(operation, &body.replace("us-east-1", "eu-west-1")).await;
        assert!(reply.contains("StateMachineDoesNotExist"), "{operation}: {reply}");
        let reply = world.own(operation, &body.replace("123456789012", "210987654321")).await;
        assert!(reply.contains("AccessDeniedException"), "{operation}: {reply}");
        let reply = world.own(operation, &body.replace("arn:", "x:")).await;
        assert!(reply.contains("InvalidArn"), "{operation}: {reply}");
    }
}

// DiagnoseDefinition.

#[tokio::test]
async fn a_definition_is_diagnosed_with_the_places_in_its_text() {
    let world = World::new();
    let diagnose = |definition: &str| format!(r#"{{"definition":{}}}"#, Value::from(definition));
    world
        .check("DiagnoseDefinition", &diagnose(PASS), expect![[r#"{"result":"OK","diagnostics":[]}"#]])
        .await;
    world
        .check(
            "DiagnoseDefinition",
            &diagnose("{\n \"StartAt\": \"Goo\",\n \"States\": {\"Go\": {\"Type\": \"Succeed\"}}}"),
            expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: Goo","location":"/StartAt","pointer":"/StartAt","hint":"did you mean \"Go\"?","line":2,"column":2},{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"State \"Go\" is not reachable.","location":"/States/Go","pointer":"/States/Go","line":3,"column":13}]}"#]],
        )
        .await;
    world.check("DiagnoseDefinition", &diagnose("{\n  \"StartAt\": \"A\",\n}"), expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"INVALID_JSON_DESCRIPTION","message":"expected a key in double quotes, found '}'","pointer":"","line":3,"column":1}]}"#]]).await;
    world.check("DiagnoseDefinition", &diagnose(""), expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Definition must be a valid JSON object","pointer":"","line":1,"column":1}]}"#]]).await;
    let token = r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody":"m"},"End":true}}}"#;
    let express = diagnose(token).replace(r#"{"definition""#, r#"{"type":"EXPRESS","definition""#);
    let reply = parsed(&world.own("DiagnoseDefinition", &express).await);
    assert_eq!(text(&reply, "result"), "FAIL");
    assert_eq!(text(&list(&reply, "diagnostics")[0], "pointer"), "/States/A/Resource");
}

// Revisions.

#[tokio::test]
async fn a_machine_shows_what_it_was_before_each_update() {
    let world = World::new();
    world.create("other", PASS).await;
    world.create("m", PASS).await;
    world.call("PublishStateMachineVersion", &machine("m")).await;
    world.pass_seconds(1);
    let update = machine_and("m", &format!(r#""definition":{},"publish":true"#, Value::from(FAIL)));
    world.call("UpdateStateMachine", &update).await;
    world.create("next", PASS).await;
    world.call("UpdateStateMachine", &machine_and("m", &format!(r#""roleArn":"{ROLE}2""#))).await;

    let revisions = parsed(&world.own("ListStateMachineRevisions", &machine("m")).await);
    let revisions = list(&revisions, "revisions");
    let shown = |revision: &Value| {
        (
            text(revision, "revisionId") == "INITIAL",
            revision.get("isCurrent").and_then(Value::as_bool),
            revision.get("versions").map(Value::to_string),
        )
    };
    assert_eq!(
        revisions.iter().map(shown).collect::<Vec<_>>(),
        [
            (false, Some(true), Some("[]".to_owned())),
            (false, Some(false), Some("[2]".to_owned())),
            (true, Some(false), Some("[1]".to_owned())),
        ]
    );
    let numbers: Vec<i64> = revisions.iter().map(|revision| number(revision, "number")).collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");

    let describe = async |number: i64| {
        world.own("DescribeStateMachineRevision", &machine_and("m", &format!(r#""number":{number}"#))).await
    };
    let first = parsed(&describe(numbers[2]).await);
    assert_eq!((text(&first, "definition"), text(&first, "roleArn")), (PASS, ROLE));
    assert_eq!(text(&parsed(&describe(numbers[1]).await), "definition"), FAIL);
    assert_eq!(text(&parsed(&describe(numbers[0]).await), "roleArn"), format!("{ROLE}2"));
    // That of another machine is none of this one's.
    for none in [1, numbers[1] + 1, 99] {
        assert!(describe(none).await.contains("ResourceNotFound"), "{none}");
    }
}

#[tokio::test]
async fn pages_of_revisions_join_to_the_whole_list() {
    let world = World::new();
    world.create("m", PASS).await;
    for at in 0..4 {
        world.call("UpdateStateMachine", &machine_and("m", &format!(r#""roleArn":"{ROLE}{at}""#))).await;
    }
    let whole = parsed(&world.own("ListStateMachineRevisions", &machine("m")).await);
    assert!(whole.get("nextToken").is_none());
    let (mut joined, mut token) = (Vec::new(), String::new());
    loop {
        let body = machine_and("m", &format!(r#""maxResults":2{token}"#));
        let page = parsed(&world.own("ListStateMachineRevisions", &body).await);
        joined.extend_from_slice(list(&page, "revisions"));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#","nextToken":"{next}""#),
            None => break,
        }
    }
    assert_eq!(joined, list(&whole, "revisions"));
    assert_eq!(joined.len(), 5);
}

// ListRecentFailures.

#[tokio::test]
async fn the_last_failures_of_all_machines_are_told_with_their_reasons() {
    let world = World::new();
    world.check("ListRecentFailures", "{}", expect![[r#"{"failures":[]}"#]]).await;
    world.create("a", FAIL).await;
    world.create("b", FAIL).await;
    world.create("good", PASS).await;
    world.create_of("EXPRESS", "e", FAIL).await;
    for (at, machine) in ["a", "b", "good", "a"].into_iter().enumerate() {
        world.start(machine, &format!("x{at}")).await;
        world.pass_seconds(1);
    }
    world.call("StartSyncExecution", &machine_and("e", r#""name":"x4""#)).await;
    world.pass_seconds(1);
    world.start("b", "x5").await;

    let names = async |body: &str| {
        let reply = parsed(&world.own("ListRecentFailures", body).await);
        list(&reply, "failures").iter().map(|failed| text(failed, "name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("{}").await, ["x5", "x4", "x3", "x1", "x0"]);
    assert_eq!(names(r#"{"maxResults":2}"#).await, ["x5", "x4"]);
    assert_eq!(names(&machine("a")).await, ["x3", "x0"]);
    assert_eq!(names(&machine("e")).await, ["x4"]);
    assert_eq!(names(&machine("good")).await, [""; 0]);
    world.check("ListRecentFailures", &machine_and("a", r#""maxResults":1"#), expect![[r#"{"failures":[{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:a:x3","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:a","name":"x3","status":"FAILED","startDate":1699920003.000,"stopDate":1699920003.000,"error":"E","cause":"why","stateName":"F"}]}"#]]).await;
    let stranger = Caller::new("123456789012", "eu-west-1");
    let reply = world.api.call("Stepwell.ListRecentFailures", &stranger, b"{}").await;
    assert_eq!(reply.unwrap(), r#"{"failures":[]}"#);
}

#[tokio::test]
async fn more_failures_than_are_read_at_once_come_in_order_and_long_causes_are_cut() {
    let world = World::new();
    let cause = "ä".repeat(3_000);
    world.create("a", &FAIL.replace("why", &cause)).await;
    world.create("b", FAIL).await;
    for at in 0..40 {
        world.start(if at % 3 == 0 { "b" } else { "a" }, &format!("x{at}")).await;
        world.pass_seconds(1);
    }
    let reply = parsed(&world.own("ListRecentFailures", r#"{"maxResults":30}"#).await);
    let failures = list(&reply, "failures");
    let names: Vec<&str> = failures.iter().map(|failed| text(failed, "name")).collect();
    let expected: Vec<String> = (10..40).rev().map(|at| format!("x{at}")).collect();
    assert_eq!(names, expected);
    assert_eq!(text(&failures[1], "cause").chars().count(), 2_000);
}

// Metrics.

const WAIT: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":4,"Next":"B"},"B":{"Type":"Wait","Seconds":100000,"End":true}}}"#;

fn seconds(offset: u64) -> u64 {
    MIDNIGHT_MS / 1_000 + offset
}

/// Points of a machine, or of all, from an offset on: the numbers of each that are not zero, by the first
/// letter of what they count.
async fn points(world: &World, machine: Option<&str>, from: u64, to: u64, period: u64) -> Vec<String> {
    let (start, end) = (seconds(from), seconds(to));
    let asked = format!(r#""startTime":{start},"endTime":{end},"periodSeconds":{period}"#);
    let body = machine.map_or_else(|| format!("{{{asked}}}"), |name| machine_and(name, &asked));
    let reply = parsed(&world.own("GetExecutionMetrics", &body).await);
    let shown = |point: &Value| {
        let kinds = ["Started", "Succeeded", "Failed", "TimedOut", "Aborted", "Open"];
        let counted = kinds.map(|kind| (&kind[..1], number(point, &format!("executions{kind}"))));
        let counted = counted.into_iter().filter(|(_, count)| *count > 0);
        counted.map(|(letter, count)| format!("{letter}{count}")).collect::<Vec<_>>().join(" ")
    };
    list(&reply, "points").iter().map(shown).collect()
}

async fn stop(world: &World, machine: &str, name: &str) {
    let arn = format!("arn:aws:states:us-east-1:123456789012:execution:{machine}:{name}");
    let reply = world.call("StopExecution", &format!(r#"{{"executionArn":"{arn}"}}"#)).await;
    assert!(reply.starts_with('{'), "{reply}");
}

#[tokio::test]
async fn what_happens_is_counted_by_minutes() {
    let world = World::new();
    for (name, definition) in [("good", PASS), ("bad", FAIL), ("slow", WAIT)] {
        world.create(name, definition).await;
    }
    world.create_of("EXPRESS", "e", PASS).await;
    world.start("good", "g1").await;
    world.start("slow", "s1").await;
    world.pass_seconds(60);
    world.start("bad", "b1").await;
    world.call("StartSyncExecution", &machine("e")).await;
    world.call("StartExecution", &machine("e")).await;
    world.pass_seconds(120);
    stop(&world, "slow", "s1").await;

    assert_eq!(points(&world, None, 0, 240, 60).await, ["S2 S1 O1", "S3 S2 F1 O1", "O1", "A1"]);
    assert_eq!(points(&world, Some("slow"), 0, 240, 60).await, ["S1 O1", "O1", "O1", "A1"]);
    assert_eq!(points(&world, Some("e"), 60, 61, 60).await, ["S2 S2"]);
    assert_eq!(points(&world, None, 30, 299, 300).await, ["S5 S3 F1 A1"]);
    let body = machine_and(
        "slow",
        &format!(r#""startTime":{},"endTime":{}.5,"periodSeconds":60"#, seconds(180), seconds(180)),
    );
    world.check("GetExecutionMetrics", &body, expect![[r#"{"periodSeconds":60,"points":[{"timestamp":1699920180.000,"executionsStarted":0,"executionsSucceeded":0,"executionsFailed":0,"executionsTimedOut":0,"executionsAborted":1,"executionsOpen":0,"executionTime":{"average":180000,"p50":172031,"p99":172031,"maximum":180000}}],"executionTime":{"average":180000,"p50":172031,"p99":172031,"maximum":180000},"openExecutions":0}"#]]).await;
    world.check("GetStateMachineCounts", "{}", expect![[r#"{"since":1699833780.000,"counts":[{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:bad","running":0,"started":1,"succeeded":0,"failed":1,"timedOut":0,"aborted":0,"lastStartDate":1699920060.000},{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:e","running":0,"started":2,"succeeded":2,"failed":0,"timedOut":0,"aborted":0,"lastStartDate":1699920060.000},{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:good","running":0,"started":1,"succeeded":1,"failed":0,"timedOut":0,"aborted":0,"lastStartDate":1699920000.000},{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:slow","running":0,"started":1,"succeeded":0,"failed":0,"timedOut":0,"aborted":1,"lastStartDate":1699920000.000}]}"#]]).await;
    let stranger = Caller::new("123456789012", "eu-west-1");
    let reply = world.api.call("Stepwell.GetStateMachineCounts", &stranger, b"{}").await.unwrap();
    assert!(reply.ends_with(r#""counts":[]}"#), "{reply}");
}

#[tokio::test]
async fn series_that_are_none_are_refused() {
    let world = World::new();
    for (start, end, period, expected) in [
        (0, 0, 60, "startTime must be before endTime"),
        (60, 0, 60, "startTime must be before endTime"),
        (0, 60, 59, "Member must have value greater than or equal to 60"),
        (0, 60, 90, "periodSeconds must be a multiple of 60"),
        (0, 90_001, 60, "There are 1501 periods between startTime and endTime; 1500 at most"),
    ] {
        let (start, end) = (seconds(start), seconds(end));
        let body = format!(r#"{{"startTime":{start},"endTime":{end},"periodSeconds":{period}}}"#);
        let reply = world.own("GetExecutionMetrics", &body).await;
        assert!(reply.contains("ValidationException") && reply.contains(expected), "{reply}");
    }
    let reply = world.own("GetExecutionMetrics", r#"{"startTime":-1,"endTime":1e30}"#).await;
    assert!(reply.contains("3 validation errors detected"), "{reply}");
}

#[tokio::test]
async fn counts_outlive_a_clean_stop_and_minutes_become_hours() {
    let store = Arc::new(MemoryStore::new([7; 32]));
    let world = World::over(store.clone());
    world.create("slow", WAIT).await;
    world.create("bad", FAIL).await;
    world.start("slow", "s1").await;
    world.start("slow", "s2").await;
    world.pass_seconds(90);
    stop(&world, "slow", "s2").await;
    world.start("bad", "b1").await;
    world.pass_seconds(3_600);
    world.start("bad", "b2").await;
    let before = points(&world, None, 0, 180, 60).await;
    assert_eq!(before, ["S2 O2", "S1 F1 A1 O1", "O1"]);
    world.engine.drain(std::time::Duration::ZERO).await;
    drop(world);

    let world = World::at(store.clone(), MIDNIGHT_MS + 3_690_000);
    assert_eq!(points(&world, None, 0, 180, 60).await, before);
    assert_eq!(points(&world, None, 3_600, 7_200, 3_600).await, ["S1 F1 O1"]);
    stop(&world, "slow", "s1").await;
    assert_eq!(points(&world, Some("slow"), 3_660, 3_720, 60).await, ["A1"]);

    // A day and an hour later the first hour is known as a whole, and the second by its minutes.
    world.pass_seconds(86_400);
    world.engine.drain(std::time::Duration::ZERO).await;
    drop(world);
    let world = World::at(store, MIDNIGHT_MS + 90_090_000);
    assert_eq!(points(&world, None, 0, 120, 60).await, ["S3 F1 A1 O1", "O1"]);
    assert_eq!(points(&world, None, 0, 7_200, 3_600).await, ["S3 F1 A1 O1", "S1 F1 A1"]);
    let counts = parsed(&world.own("GetStateMachineCounts", "{}").await);
    let of = |at: usize, member: &str| number(&list(&counts, "counts")[at], member);
    // Those of 24 hours and a half ago count no more.
    assert_eq!([of(0, "started"), of(0, "failed"), of(1, "started"), of(1, "aborted")], [1, 1, 0, 1]);
    assert_eq!(of(1, "running"), 0);
}

#[tokio::test]
async fn how_many_are_open_is_known_after_a_crash_and_a_redrive() {
    let store = Arc::new(MemoryStore::new([7; 32]));
    let world = World::over(store.clone());
    world.create("slow", WAIT).await;
    for name in ["s1", "s2", "s3"] {
        world.start("slow", name).await;
    }
    stop(&world, "slow", "s2").await;
    // Nothing is said to it: as if it had been killed. It has nothing to do any more.
    std::mem::forget(world);
    let world = World::at(store, MIDNIGHT_MS + 1_000);
    let open = async || {
        number(
            &parsed(&world.own("GetStateMachineCounts", "{}").await)
                .get("counts")
                .and_then(Value::as_array)
                .unwrap()[0],
            "running",
        )
    };
    assert_eq!(open().await, 2);
    let s2 = r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:slow:s2"}"#;
    let reply = world.call("RedriveExecution", s2).await;
    assert!(reply.contains("redriveDate"), "{reply}");
    assert_eq!(open().await, 3);
    for name in ["s1", "s2", "s3"] {
        stop(&world, "slow", name).await;
    }
    assert_eq!(open().await, 0);
}

#[tokio::test]
async fn a_machine_takes_its_counts_with_it() {
    let store = Arc::new(MemoryStore::new([7; 32]));
    let world = World::over(store.clone());
    world.create("m", PASS).await;
    world.start("m", "x").await;
    world.engine.drain(std::time::Duration::ZERO).await;
    let written = || store.catalogue().unwrap().iter().filter(|(key, _)| key.starts_with("metrics/")).count();
    assert_eq!(written(), 1);
    drop(world);
    let world = World::over(store.clone());
    world.call("DeleteStateMachine", &machine("m")).await;
    world.create("m", PASS).await;
    assert_eq!(points(&world, Some("m"), 0, 60, 60).await, [""]);
    world.engine.drain(std::time::Duration::ZERO).await;
    assert_eq!(written(), 0);
}

// Waiting tasks.

const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:act";

fn asks(resource: &str, more: &str) -> String {
    format!(
        r#"{{"StartAt":"Ask","States":{{"Ask":{{"Type":"Task","Resource":"{resource}",{more}"End":true}}}}}}"#
    )
}

async fn take(world: &World) -> String {
    let poll = format!(r#"{{"activityArn":"{ACTIVITY}","workerName":"w"}}"#);
    text(&parsed(&world.call("GetActivityTask", &poll).await), "taskToken").to_owned()
}

async fn waiting(world: &World, body: &str) -> Vec<Value> {
    list(&parsed(&world.own("ListWaitingTasks", body).await), "tasks").to_vec()
}

async fn status(world: &World, execution: &str) -> String {
    let arn = format!("arn:aws:states:us-east-1:123456789012:execution:{execution}");
    let reply = world.call("DescribeExecution", &format!(r#"{{"executionArn":"{arn}"}}"#)).await;
    text(&parsed(&reply), "status").to_owned()
}

#[tokio::test]
async fn tasks_of_activities_wait_for_a_worker_and_then_for_its_answer() {
    let world = World::new();
    world.check("ListWaitingTasks", "{}", expect![[r#"{"tasks":[]}"#]]).await;
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("pass", PASS).await;
    world.create("m", &asks(ACTIVITY, r#""TimeoutSeconds":60,"HeartbeatSeconds":10,"#)).await;
    world.start("pass", "p").await;
    world.start("m", "x").await;
    world.check("ListWaitingTasks", "{}", expect![[r#"{"tasks":[{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:x","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateName":"Ask","kind":"ACTIVITY","resource":"arn:aws:states:us-east-1:123456789012:activity:act","activityArn":"arn:aws:states:us-east-1:123456789012:activity:act","scheduledEventId":3,"scheduledDate":1699920000.000,"heartbeatInSeconds":10,"input":"{}"}]}"#]]).await;
    world.pass_seconds(5);
    let token = take(&world).await;
    let tasks = waiting(&world, &machine("m")).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!((text(&tasks[0], "taskToken"), text(&tasks[0], "workerName")), (&*token, "w"));
    let moment = |member: &str| tasks[0].get(member).map(Value::to_string).unwrap_or_default();
    assert_eq!(moment("scheduledDate"), "1699920000.000");
    assert_eq!(
        (moment("startedDate"), moment("timeoutDate")),
        ("1699920005.000".into(), "1699920065.000".into())
    );
    assert_eq!(moment("heartbeatInSeconds"), "10");
    assert_eq!(waiting(&world, &machine("pass")).await, []);
    let stranger = Caller::new("123456789012", "eu-west-1");
    let reply = world.api.call("Stepwell.ListWaitingTasks", &stranger, b"{}").await;
    assert_eq!(reply.unwrap(), r#"{"tasks":[]}"#);
    world.call("SendTaskSuccess", &format!(r#"{{"taskToken":"{token}","output":"1"}}"#)).await;
    assert_eq!(waiting(&world, "{}").await, []);
}

#[tokio::test]
async fn callbacks_wait_in_all_machines_and_pages_join() {
    let world = World::new();
    world.create("child", PASS).await;
    let child = format!(
        r#""Parameters":{{"StateMachineArn":"{}","Input":{{"token.$":"$$.Task.Token","long":"{}"}}}},"#,
        machine_arn("child"),
        "x".repeat(5_000)
    );
    let ask = asks("arn:aws:states:::states:startExecution.waitForTaskToken", &child);
    world.create("b", &ask).await;
    let branches = ["Ask", "Ask2", "Ask3"].map(|name| ask.replace("\"Ask\"", &format!("\"{name}\"")));
    let branches = branches.join(",");
    let both = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","Branches":[{branches}],"End":true}}}}}}"#
    );
    world.create("a", &both).await;
    for (machine, name) in [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")] {
        world.start(machine, name).await;
        world.pass_seconds(1);
    }
    let all = waiting(&world, "{}").await;
    let executions: Vec<&str> =
        all.iter().map(|task| text(task, "executionArn").rsplit_once(":execution:").unwrap().1).collect();
    // Machines by their age, here all the same age: as they were created; executions most recent first.
    assert_eq!(executions, ["b:4", "b:2", "a:3", "a:3", "a:3", "a:1", "a:1", "a:1"]);
    assert_eq!(text(&all[0], "kind"), "CALLBACK");
    assert_eq!(text(&all[0], "resource"), "arn:aws:states:::states:startExecution.waitForTaskToken");
    assert_eq!(text(&all[0], "stateName"), "Ask");
    assert_eq!(text(&all[0], "input").len(), 4_096);
    assert_eq!(all[0].get("inputTruncated").and_then(Value::as_bool), Some(true));
    for size in [1, 2, 3, 5, 8] {
        let (mut joined, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.own("ListWaitingTasks", &format!(r#"{{"maxResults":{size}{token}}}"#)).await;
            let page = parsed(&page);
            let tasks = list(&page, "tasks");
            assert!(tasks.len() <= size);
            joined.extend_from_slice(tasks);
            match page.get("nextToken").and_then(Value::as_str) {
                Some(next) => token = format!(r#","nextToken":"{next}""#),
                None => break,
            }
        }
        assert_eq!(joined, all, "{size} at a time");
    }
    let page = parsed(&world.own("ListWaitingTasks", r#"{"maxResults":1}"#).await);
    let other = machine_and("a", &format!(r#""nextToken":"{}""#, text(&page, "nextToken")));
    assert!(world.own("ListWaitingTasks", &other).await.contains("InvalidToken"));
}

#[tokio::test]
async fn many_open_executions_are_looked_at_page_by_page() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    // It may wait for somebody, and does not yet.
    let ask = asks(ACTIVITY, "");
    let later = format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":9,"Next":"Ask"}},{}"#,
        ask.split_once(r#""States":{"#).unwrap().1
    );
    world.create("m", &later).await;
    for at in 0..250 {
        world.start("m", &format!("x{at}")).await;
    }
    let page = parsed(&world.own("ListWaitingTasks", "{}").await);
    assert_eq!(list(&page, "tasks"), []);
    let next = format!(r#"{{"nextToken":"{}"}}"#, text(&page, "nextToken"));
    world.check("ListWaitingTasks", &next, expect![[r#"{"tasks":[]}"#]]).await;
}

#[tokio::test]
async fn somebody_takes_the_task_of_an_activity_that_he_means_and_no_other() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("m", &asks(ACTIVITY, "")).await;
    for name in ["first", "second"] {
        world.start("m", name).await;
    }
    let body = |execution: &str, event: u64| {
        let arn = format!("arn:aws:states:us-east-1:123456789012:execution:m:{execution}");
        format!(r#"{{"executionArn":"{arn}","scheduledEventId":{event},"workerName":"ada"}}"#)
    };
    let taken = parsed(&world.own("TakeActivityTask", &body("second", 3)).await);
    let (token, input) = (text(&taken, "taskToken").to_owned(), text(&taken, "input"));
    assert_eq!(input, "{}");
    // Nor is the other one given in its place.
    for (execution, event) in [("second", 3), ("first", 2), ("first", 99)] {
        world.check("TakeActivityTask", &body(execution, event), expect!["{}"]).await;
    }
    let tasks = waiting(&world, "{}").await;
    let worker = |task: &Value| task.get("workerName").and_then(Value::as_str).map(str::to_owned);
    let mut workers: Vec<_> = tasks.iter().map(worker).collect();
    workers.sort();
    assert_eq!(workers, [None, Some("ada".to_owned())]);
    let succeed = format!(r#"{{"taskToken":"{token}","outcome":"SUCCEED","output":"1"}}"#);
    world.check("AnswerTask", &succeed, expect!["{}"]).await;
    assert_eq!(status(&world, "m:second").await, "SUCCEEDED");
    world.check("TakeActivityTask", &body("second", 3), expect!["{}"]).await;
    assert_ne!(take(&world).await, token);
    let reply = world.own("TakeActivityTask", &body("nobody", 3)).await;
    assert!(reply.contains("ExecutionDoesNotExist"), "{reply}");
    let foreign = body("first", 3).replace("123456789012", "210987654321");
    assert!(world.own("TakeActivityTask", &foreign).await.contains("AccessDenied"));
}

#[tokio::test]
async fn a_task_is_answered_by_hand_and_that_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut world = World::new();
    let ear = told.clone();
    let options = Options {
        on_task_answered: Arc::new(move |answered| ear.lock().unwrap().push(answered.clone())),
        ..Options::new([7; 32])
    };
    world.api = Arc::new(Api::new(world.engine.clone(), options));
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("m", &asks(ACTIVITY, "")).await;
    for name in ["good", "bad"] {
        world.start("m", name).await;
    }
    let (good, bad) = (take(&world).await, take(&world).await);
    let answer = |token: &str, more: &str| format!(r#"{{"taskToken":"{token}",{more}}}"#);
    for (more, expected) in [
        (r#""outcome":"SUCCEED""#, "ValidationException"),
        (r#""outcome":"SUCCEED","output":"1","error":"E""#, "ValidationException"),
        (r#""outcome":"FAIL","output":"1""#, "ValidationException"),
        (r#""outcome":"MAYBE""#, "ValidationException"),
        (r#""output":"1""#, "ValidationException"),
        (r#""outcome":"SUCCEED","output":"{""#, "InvalidOutput"),
        (r#""outcome":"SUCCEED","output":1"#, "SerializationException"),
    ] {
        let reply = world.own("AnswerTask", &answer(&good, more)).await;
        assert!(reply.contains(expected), "{more}: {reply}");
    }
    let long = format!(r#""outcome":"FAIL","note":"{}""#, "x".repeat(1_001));
    assert!(world.own("AnswerTask", &answer(&good, &long)).await.contains("ValidationException"));
    let none = world.own("AnswerTask", &answer("none", r#""outcome":"FAIL""#)).await;
    assert!(none.contains("InvalidToken"), "{none}");
    assert_eq!(*told.lock().unwrap(), []);

    let succeed = answer(&good, r#""outcome":"SUCCEED","output":"[1]","note":"looked at it""#);
    world.check("AnswerTask", &succeed, expect!["{}"]).await;
    world.check("AnswerTask", &answer(&bad, r#""outcome":"FAIL","error":"E""#), expect!["{}"]).await;
    assert_eq!(
        (status(&world, "m:good").await, status(&world, "m:bad").await),
        ("SUCCEEDED".into(), "FAILED".into())
    );
    assert!(world.own("AnswerTask", &succeed).await.contains("TaskTimedOut"));
    let arn = |name: &str| Some(format!("arn:aws:states:us-east-1:123456789012:execution:m:{name}"));
    let answered = |name: &str, outcome, note: Option<&str>| TaskAnswered {
        execution_arn: arn(name),
        user: None,
        outcome,
        note: note.map(Arc::from),
    };
    assert_eq!(
        *told.lock().unwrap(),
        [answered("good", "SUCCEED", Some("looked at it")), answered("bad", "FAIL", None)]
    );
}
