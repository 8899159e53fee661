//! Watches over an engine in memory, and our operations that read what they tell.

use std::sync::Arc;

use expect_test::expect;
use stepwell_api::{Api, Caller, ExecutionWatch, News, Options, Principal};
use stepwell_engine::{Clock, Engine, EngineOptions, seeds_from};
use stepwell_model::Timestamp;
use stepwell_store::MemoryStore;
use stepwell_value::Value;

const PASS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;
const PREFIX: &str = "arn:aws:states:us-east-1:123456789012";

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(1_700_000_000_123)
    }
}

struct World {
    api: Arc<Api>,
    caller: Caller,
}

impl World {
    fn new() -> World {
        let store = Arc::new(MemoryStore::new([7; 32]));
        let options = EngineOptions { shards: 1, seed: seeds_from(1), ..EngineOptions::default() };
        let engine =
            Engine::open(store, Vec::new(), Arc::new(StandingClock), options).expect("the store is empty");
        let api = Arc::new(Api::new(engine, Options::new([7; 32])));
        World { api, caller: Caller::new("123456789012", "us-east-1") }
    }

    /// The reply, or the exception after a `!`.
    async fn call(&self, operation: &str, body: &str) -> String {
        match self.api.call(operation, &self.caller, body.as_bytes()).await {
            Ok(reply) => reply,
            Err(exception) => format!("! {}", exception.to_json()),
        }
    }

    async fn create_of(&self, kind: &str, name: &str, definition: &str) {
        let definition = Value::from(definition);
        let body = format!(
            r#"{{"name":"{name}","roleArn":"arn:aws:iam::123456789012:role/r","type":"{kind}","definition":{definition}}}"#
        );
        let reply = self.call("CreateStateMachine", &body).await;
        assert!(reply.starts_with('{'), "{reply}");
    }

    async fn create(&self, name: &str, definition: &str) {
        self.create_of("STANDARD", name, definition).await;
    }

    async fn start(&self, machine: &str, name: &str) -> String {
        let body = format!(r#"{{"stateMachineArn":"{PREFIX}:stateMachine:{machine}","name":"{name}"}}"#);
        let reply = self.call("StartExecution", &body).await;
        member(&reply, "executionArn").as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    async fn stop(&self, arn: &str) {
        assert!(self.call("StopExecution", &about(arn, "")).await.starts_with('{'));
    }

    async fn watch(&self, arn: &str, after: u64) -> ExecutionWatch {
        self.api.watch_execution(&self.caller, arn, after).await.expect("there is the execution")
    }

    async fn refused(&self, arn: &str) -> String {
        match self.api.watch_execution(&self.caller, arn, 0).await {
            Ok(_) => panic!("{arn} can be watched"),
            Err(exception) => exception.to_json(),
        }
    }
}

fn about(arn: &str, more: &str) -> String {
    format!(r#"{{"executionArn":"{arn}"{more}}}"#)
}

fn member(json: &str, name: &str) -> Value {
    let value = Value::parse(json).unwrap_or_else(|_| panic!("{json}"));
    value.get(name).unwrap_or_else(|| panic!("no {name} in {json}")).clone()
}

/// What is told, in one line.
fn shown(news: Option<News>) -> String {
    match news {
        None => "the end".to_owned(),
        Some(News::Execution(json)) => format!("execution {json}"),
        Some(News::Hello(json)) => format!("hello {json}"),
        Some(News::Changes(json)) => format!("changes {json}"),
        Some(News::History { last_event_id, json }) => {
            let events = member(&json, "events");
            let events = events.as_array().unwrap();
            let types: Vec<String> = events
                .iter()
                .map(|event| format!("{} {}", event.get("id").unwrap(), event.get("type").unwrap()))
                .collect();
            format!("history {last_event_id}: {}", types.join(", "))
        }
    }
}

#[tokio::test]
async fn an_execution_is_told_from_its_start_over_its_end_to_its_redrive() {
    let world = World::new();
    world.create("m", WAIT).await;
    let arn = world.start("m", "e").await;
    let mut watch = world.watch(&arn, 0).await;
    expect![[r#"execution {"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"e","status":"RUNNING","startDate":1700000000.123,"redriveCount":0,"lastEventId":2}"#]]
    .assert_eq(&shown(watch.next().await));
    expect![[r#"history 2: 1 "ExecutionStarted", 2 "WaitStateEntered""#]]
        .assert_eq(&shown(watch.next().await));

    world.stop(&arn).await;
    expect![[r#"execution {"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"e","status":"ABORTED","startDate":1700000000.123,"stopDate":1700000000.123,"redriveCount":0,"lastEventId":3}"#]]
    .assert_eq(&shown(watch.next().await));
    expect![[r#"history 3: 3 "ExecutionAborted""#]].assert_eq(&shown(watch.next().await));

    world.call("RedriveExecution", &about(&arn, "")).await;
    let redriven = shown(watch.next().await);
    assert!(
        redriven.contains(r#""status":"RUNNING""#) && redriven.contains(r#""redriveCount":1"#),
        "{redriven}"
    );
    expect![[r#"history 4: 4 "ExecutionRedriven""#]].assert_eq(&shown(watch.next().await));

    // Who comes back goes on where it was, and hears of the execution first.
    let mut again = world.watch(&arn, 3).await;
    assert!(shown(again.next().await).starts_with("execution "));
    expect![[r#"history 4: 4 "ExecutionRedriven""#]].assert_eq(&shown(again.next().await));

    world.api.drain();
    assert_eq!(shown(watch.next().await), "the end");
    assert_eq!(shown(again.next().await), "the end");
}

#[tokio::test]
async fn a_long_history_comes_in_messages_of_a_thousand_events_without_payloads() {
    let world = World::new();
    let items: Vec<String> = (0..700).map(|number| number.to_string()).collect();
    let states = r#"{"A":{"Type":"Pass","End":true}}"#;
    let definition = format!(
        r#"{{"StartAt":"S","States":{{"S":{{"Type":"Pass","Result":[{}],"Next":"M"}},
            "M":{{"Type":"Map","End":true,"ItemProcessor":{{"StartAt":"A","States":{states}}}}}}}}}"#,
        items.join(",")
    );
    world.create("m", &definition).await;
    let arn = world.start("m", "e").await;
    let mut watch = world.watch(&arn, 7).await;
    let mut ids = Vec::new();
    loop {
        match watch.next().await.unwrap() {
            News::Execution(json) if json.contains("RUNNING") => (),
            News::Execution(json) => assert!(json.contains("SUCCEEDED"), "{json}"),
            News::History { last_event_id, json } => {
                assert!(!json.contains("inputDetails") && !json.contains("outputDetails"), "{json}");
                let events = member(&json, "events");
                let events = events.as_array().unwrap();
                assert!((1..=1000).contains(&events.len()));
                ids.extend(
                    events.iter().map(|event| event.get("id").unwrap().to_string().parse::<u64>().unwrap()),
                );
                assert_eq!(ids.last(), Some(&last_event_id));
                if json.contains("ExecutionSucceeded") {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids, (8..=ids.len() as u64 + 7).collect::<Vec<u64>>());
    assert!(ids.len() > 2_800, "{}", ids.len());
}

#[tokio::test]
async fn who_may_not_look_may_not_watch() {
    let world = World::new();
    world.create("m", PASS).await;
    world.start("m", "e").await;
    let arn = |rest: &str| format!("{PREFIX}:{rest}");
    expect![[r#"{"__type":"ExecutionDoesNotExist","message":"Execution Does Not Exist: 'arn:aws:states:us-east-1:123456789012:execution:m:none'"}"#]]
        .assert_eq(&world.refused(&arn("execution:m:none")).await);
    expect![[r#"{"__type":"InvalidArn","message":"Invalid Arn: 'Resource type not valid in this context: express'"}"#]]
        .assert_eq(&world.refused(&arn("express:m:e:1")).await);
    assert!(world.refused("x").await.contains("InvalidArn"));
    assert!(world.refused("").await.contains("ValidationException"));
    let foreign = "arn:aws:states:us-east-1:999999999999:execution:m:e";
    assert!(world.refused(foreign).await.contains("AccessDeniedException"));

    let policy = r#"{"Statement": {"Effect": "Allow", "Action": "states:Describe*", "Resource": "*"}}"#;
    let policies = vec![stepwell_policy::Policy::parse(policy).unwrap()];
    let principal = Arc::new(Principal::new("123456789012", "ci", policies));
    let caller = Caller::verified(principal, "us-east-1", std::net::Ipv4Addr::LOCALHOST.into(), false);
    let execution = world.api.watch_execution(&caller, &arn("execution:m:e"), 0).await.err().unwrap();
    assert!(execution.message.contains(
        "states:GetExecutionHistory on resource: arn:aws:states:us-east-1:123456789012:execution:m:e"
    ));
    let everything = world.api.watch_place(&caller).await.err().unwrap();
    assert!(everything.message.contains("states:ListStateMachines on resource"), "{}", everything.message);
}

#[tokio::test]
async fn changes_of_a_place_are_told_together_and_not_too_often() {
    let world = World::new();
    let mut watch = world.api.watch_place(&world.caller).await.unwrap();
    assert_eq!(shown(watch.next().await), "hello {}");
    world.create("a", PASS).await;
    let changes = |names: &[&str]| {
        let arns: Vec<String> =
            names.iter().map(|name| format!(r#""{PREFIX}:stateMachine:{name}""#)).collect();
        format!(r#"changes {{"stateMachineArns":[{}]}}"#, arns.join(","))
    };
    assert_eq!(shown(watch.next().await), changes(&["a"]));
    let since = tokio::time::Instant::now();
    world.create("b", WAIT).await;
    world.create("c", WAIT).await;
    world.start("b", "e").await;
    assert_eq!(shown(watch.next().await), changes(&["c", "b"]));
    assert!(since.elapsed().as_millis() >= 249, "{:?}", since.elapsed());
    world.api.drain();
    assert_eq!(shown(watch.next().await), "the end");
}

#[tokio::test]
async fn a_history_can_be_read_from_any_event_on() {
    let world = World::new();
    world.create("m", PASS).await;
    let arn = world.start("m", "e").await;
    let get = |arn: String, more: &'static str| {
        let world = &world;
        async move { world.call("Stepwell.GetHistoryEvents", &about(&arn, more)).await }
    };
    expect![[r#"{"events":[{"timestamp":1700000000.123,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A"}}],"lastEventId":4}"#]]
        .assert_eq(&get(arn.clone(), r#","firstEventId":2,"maxResults":1,"includeExecutionData":false"#).await);
    let all = get(arn.clone(), "").await;
    assert!(all.contains(r#""input":"{}""#) && all.contains("ExecutionSucceeded"), "{all}");
    assert_eq!(get(arn.clone(), r#","firstEventId":5"#).await, r#"{"events":[],"lastEventId":4}"#);
    for more in [r#","firstEventId":0"#, r#","maxResults":0"#, r#","maxResults":1001"#] {
        assert!(get(arn.clone(), more).await.contains("ValidationException"), "{more}");
    }
    assert!(get(format!("{arn}x"), "").await.contains("ExecutionDoesNotExist"));

    world.create_of("EXPRESS", "x", PASS).await;
    let started = world
        .call("StartSyncExecution", &format!(r#"{{"stateMachineArn":"{PREFIX}:stateMachine:x"}}"#))
        .await;
    let express = member(&started, "executionArn").as_str().unwrap().to_owned();
    let last = get(express.clone(), r#","firstEventId":4,"includeExecutionData":false"#).await;
    assert!(last.contains("ExecutionSucceeded") && last.ends_with(r#","lastEventId":4}"#), "{last}");
    assert!(!last.contains("PassStateExited"), "{last}");
    assert!(get(format!("{express}x"), "").await.contains("ExecutionDoesNotExist"));
}

#[tokio::test]
async fn a_child_knows_its_parent_and_the_state_that_started_it() {
    let world = World::new();
    world.create("child", WAIT).await;
    let task = format!(
        r#"{{"StartAt":"Order","States":{{"Order":{{"Type":"Task","End":true,
            "Resource":"arn:aws:states:::states:startExecution.sync:2",
            "Parameters":{{"StateMachineArn":"{PREFIX}:stateMachine:child","Name":"c","Input":{{}}}}}}}}}}"#
    );
    world.create("parent", &task).await;
    let parent = world.start("parent", "p").await;
    let mut watch = world.watch(&parent, 0).await;
    while !matches!(watch.next().await, Some(News::History { json, .. }) if json.contains("TaskSubmitted")) {}

    let child = format!("{PREFIX}:execution:child:c");
    expect![[r#"{"parentExecutionArn":"arn:aws:states:us-east-1:123456789012:execution:parent:p","parentStateName":"Order"}"#]]
        .assert_eq(&world.call("Stepwell.DescribeExecutionParent", &about(&child, "")).await);
    assert_eq!(world.call("Stepwell.DescribeExecutionParent", &about(&parent, "")).await, "{}");
    let none = world.call("Stepwell.DescribeExecutionParent", &about(&format!("{child}x"), "")).await;
    assert!(none.contains("ExecutionDoesNotExist"), "{none}");
}
