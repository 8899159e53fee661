//! The operations over an engine in memory: what each answers, to the byte where it can be foretold.
//!
//! The clock stands still and the seed is fixed, so moments and generated ids are always the same.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use stepwell_api::{Api, Caller, Options, operations};
use stepwell_engine::{Clock, Engine, EngineOptions, seeds_from};
use stepwell_model::Timestamp;
use stepwell_store::MemoryStore;
use stepwell_value::Value;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const PASS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1},"End":true}}}"#;

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
        World::with(|options| options)
    }

    fn with(change: impl FnOnce(Options) -> Options) -> World {
        let store = Arc::new(MemoryStore::new([7; 32]));
        let options = EngineOptions { shards: 1, seed: seeds_from(1), ..EngineOptions::default() };
        let engine =
            Engine::open(store, Vec::new(), Arc::new(StandingClock), options).expect("the store is empty");
        let api = Arc::new(Api::new(engine, change(Options::new([7; 32]))));
        World { api, caller: Caller::new("123456789012", "us-east-1") }
    }

    /// The reply, or the exception after a `!`.
    async fn call(&self, operation: &str, body: &str) -> String {
        match self.api.call(operation, &self.caller, body.as_bytes()).await {
            Ok(reply) => reply,
            Err(exception) => format!("! {}", exception.to_json()),
        }
    }

    async fn check(&self, operation: &str, body: &str, expected: Expect) {
        expected.assert_eq(&self.call(operation, body).await);
    }

    async fn create(&self, name: &str, definition: &str) {
        let reply = self.call("CreateStateMachine", &creation(name, definition)).await;
        assert!(reply.starts_with('{'), "{reply}");
    }

    async fn start(&self, machine: &str, name: &str, input: &str) -> String {
        let input = Value::from(input);
        let body =
            format!(r#"{{"stateMachineArn":"{}","name":"{name}","input":{input}}}"#, machine_arn(machine));
        self.call("StartExecution", &body).await
    }
}

fn creation(name: &str, definition: &str) -> String {
    format!(r#"{{"name":"{name}","roleArn":"{ROLE}","definition":{}}}"#, Value::from(definition))
}

fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:stateMachine:{name}")
}

fn machine(name: &str) -> String {
    format!(r#"{{"stateMachineArn":"{}"}}"#, machine_arn(name))
}

fn execution(name: &str, more: &str) -> String {
    format!(r#"{{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:{name}"{more}}}"#)
}

fn text(reply: &str, member: &str) -> String {
    let reply = Value::parse(reply).expect("replies are JSON");
    reply.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("no {member} in {reply}")).to_owned()
}

#[tokio::test]
async fn a_machine_lives_from_creation_to_deletion() {
    let world = World::new();
    world
        .check(
            "CreateStateMachine",
            &creation("m", PASS),
            expect![[r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","creationDate":1700000000.123}"#]],
        )
        .await;
    world
        .check(
            "DescribeStateMachine",
            &machine("m"),
            expect![[r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"m","status":"ACTIVE","definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":{\"x\":1},\"End\":true}}}","roleArn":"arn:aws:iam::123456789012:role/r","type":"STANDARD","creationDate":1700000000.123,"loggingConfiguration":{"level":"OFF","includeExecutionData":false},"tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#]],
        )
        .await;
    let update = format!(
        r#"{{"stateMachineArn":"{}","roleArn":"{ROLE}2","tracingConfiguration":{{"enabled":true}}}}"#,
        machine_arn("m")
    );
    let updated = world.call("UpdateStateMachine", &update).await;
    let revision = text(&updated, "revisionId");
    assert_eq!(
        text(&world.call("UpdateStateMachine", &update).await, "revisionId"),
        revision,
        "nothing changed"
    );
    let described = world.call("DescribeStateMachine", &machine("m")).await;
    assert_eq!(text(&described, "revisionId"), revision);
    assert!(described.contains(r#""roleArn":"arn:aws:iam::123456789012:role/r2""#), "{described}");
    assert!(described.contains(r#""tracingConfiguration":{"enabled":true}"#), "{described}");
    let metadata = machine("m").replace('}', r#","includedData":"METADATA_ONLY"}"#);
    assert_eq!(text(&world.call("DescribeStateMachine", &metadata).await, "definition"), "{}");
    world
        .check(
            "ListStateMachines",
            "{}",
            expect![[r#"{"stateMachines":[{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"m","type":"STANDARD","creationDate":1700000000.123}]}"#]],
        )
        .await;
    world.check("DeleteStateMachine", &machine("m"), expect!["{}"]).await;
    world.check("DeleteStateMachine", &machine("m"), expect!["{}"]).await;
    world
        .check(
            "DescribeStateMachine",
            &machine("m"),
            expect![[r#"! {"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:m'"}"#]],
        )
        .await;
}

#[tokio::test]
async fn the_same_creation_gives_the_same_machine_and_another_is_refused() {
    let world = World::new();
    world.create("m", PASS).await;
    world.create("m", PASS).await;
    // Another role alone makes no difference and changes nothing.
    let other_role = creation("m", PASS).replace("role/r\"", "role/other\"");
    assert!(world.call("CreateStateMachine", &other_role).await.starts_with('{'));
    assert!(world.call("DescribeStateMachine", &machine("m")).await.contains("role/r\""));
    // The defaults, spelled out, are no difference either.
    let spelled = creation("m", PASS).replacen(
        '{',
        r#"{"type":"STANDARD","loggingConfiguration":{},"tracingConfiguration":{"enabled":false},"#,
        1,
    );
    assert!(world.call("CreateStateMachine", &spelled).await.starts_with('{'));
    let exists = r#"! {"__type":"StateMachineAlreadyExists","message":"State Machine Already Exists: 'arn:aws:states:us-east-1:123456789012:stateMachine:m'"}"#;
    assert_eq!(world.call("CreateStateMachine", &creation("m", &PASS.replace(':', ": "))).await, exists);
    let traced = creation("m", PASS).replacen('{', r#"{"tracingConfiguration":{"enabled":true},"#, 1);
    assert_eq!(world.call("CreateStateMachine", &traced).await, exists);
}

#[tokio::test]
async fn machines_are_refused_in_the_words_of_aws() {
    let world = World::new();
    let with = |more: &str| creation("m", PASS).replacen('{', &format!("{{{more},"), 1);
    let refused = async |body: &str, expected: Expect| {
        let reply = world.call("CreateStateMachine", body).await;
        expected.assert_eq(reply.strip_prefix("! ").unwrap_or(&reply));
        assert_eq!(world.call("ListStateMachines", "{}").await, r#"{"stateMachines":[]}"#);
    };
    refused("{}", expect![[r#"{"__type":"ValidationException","message":"3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value null at 'definition' failed to satisfy constraint: Member must not be null; Value null at 'roleArn' failed to satisfy constraint: Member must not be null"}"#]]).await;
    refused(&creation("a b", PASS), expect![[r#"{"__type":"InvalidName","message":"Invalid Name: 'a b'"}"#]])
        .await;
    refused(&creation(&"x".repeat(81), PASS), expect![[r#"{"__type":"ValidationException","message":"1 validation error detected: Value 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"}"#]]).await;
    refused(
        &creation("m", PASS).replace(ROLE, "role"),
        expect![[r#"{"__type":"InvalidArn","message":"Invalid Role Arn: 'role'"}"#]],
    )
    .await;
    refused(&creation("m", r#"{"StartAt":"A"}"#), expect![[r#"{"__type":"InvalidDefinition","message":"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"}"#]]).await;
    refused(&with(r#""type":"express""#), expect![[r#"{"__type":"ValidationException","message":"1 validation error detected: Value 'express' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"}"#]]).await;
    refused(&with(r#""versionDescription":"v""#), expect![[r#"{"__type":"ValidationException","message":"Version description can only be set when publish is true"}"#]]).await;
    refused(&with(r#""loggingConfiguration":{"level":"FATAL"}"#), expect![[r#"{"__type":"InvalidLoggingConfiguration","message":"Invalid Logging Configuration: Must specify exactly one Log Destination."}"#]]).await;
    refused(&with(r#""encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY"}"#), expect![[r#"{"__type":"InvalidEncryptionConfiguration","message":"Invalid Encryption Configuration: kmsKeyId must be specified when type is CUSTOMER_MANAGED_KMS_KEY"}"#]]).await;
    refused(&with(r#""encryptionConfiguration":{}"#), expect![[r#"{"__type":"ValidationException","message":"1 validation error detected: Value null at 'encryptionConfiguration.type' failed to satisfy constraint: Member must not be null"}"#]]).await;
}

#[tokio::test]
async fn logging_is_kept_as_it_was_asked_for() {
    let world = World::new();
    let logging = r#""loggingConfiguration":{"level":"ALL","includeExecutionData":true,"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]}"#;
    let body = creation("m", PASS).replacen('{', &format!("{{{logging},"), 1);
    assert!(world.call("CreateStateMachine", &body).await.starts_with('{'));
    let described = world.call("DescribeStateMachine", &machine("m")).await;
    assert!(described.contains(logging), "{described}");
}

#[tokio::test]
async fn an_update_changes_something_of_a_machine_that_exists() {
    let world = World::new();
    world.create("m", PASS).await;
    let update = |name: &str, more: &str| format!(r#"{{"stateMachineArn":"{}"{more}}}"#, machine_arn(name));
    world
        .check(
            "UpdateStateMachine",
            &update("m", ""),
            expect![[r#"! {"__type":"MissingRequiredParameter","message":"Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"}"#]],
        )
        .await;
    world
        .check(
            "UpdateStateMachine",
            &update("m:2", &format!(r#","roleArn":"{ROLE}""#)),
            expect![[r#"! {"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:m:2'"}"#]],
        )
        .await;
    world
        .check(
            "UpdateStateMachine",
            &update("n", &format!(r#","roleArn":"{ROLE}""#)),
            expect![[r#"! {"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:n'"}"#]],
        )
        .await;
    let body = r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m/L"}"#;
    world
        .check(
            "DeleteStateMachine",
            body,
            expect![[r#"! {"__type":"ValidationException","message":"DeleteStateMachine does not support labeled state machine ARNs","reason":"API_DOES_NOT_SUPPORT_LABELED_ARNS"}"#]],
        )
        .await;
}

#[tokio::test]
async fn an_execution_is_started_described_listed_and_told() {
    let world = World::new();
    world.create("m", PASS).await;
    expect![[
        r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","startDate":1700000000.123}"#
    ]]
    .assert_eq(&world.start("m", "e", r#"{"in": 1}"#).await);
    world
        .check(
            "DescribeExecution",
            &execution("m:e", ""),
            expect![[r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"e","status":"SUCCEEDED","startDate":1700000000.123,"stopDate":1700000000.123,"input":"{\"in\": 1}","inputDetails":{"included":true},"output":"{\"x\":1}","outputDetails":{"included":true},"redriveCount":0,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is SUCCEEDED and cannot be redriven"}"#]],
        )
        .await;
    let metadata =
        world.call("DescribeExecution", &execution("m:e", r#","includedData":"METADATA_ONLY""#)).await;
    assert!(!metadata.contains(r#""input":"#) && !metadata.contains(r#""output":"#), "{metadata}");
    world
        .check(
            "ListExecutions",
            &machine("m"),
            expect![[r#"{"executions":[{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"e","status":"SUCCEEDED","startDate":1700000000.123,"stopDate":1700000000.123,"redriveCount":0}]}"#]],
        )
        .await;
    world
        .check(
            "GetExecutionHistory",
            &execution("m:e", ""),
            expect![[r#"{"events":[{"timestamp":1700000000.123,"type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":{"input":"{\"in\": 1}","inputDetails":{"truncated":false},"roleArn":"arn:aws:iam::123456789012:role/r"}},{"timestamp":1700000000.123,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A","input":"{\"in\": 1}","inputDetails":{"truncated":false}}},{"timestamp":1700000000.123,"type":"PassStateExited","id":3,"previousEventId":2,"stateExitedEventDetails":{"name":"A","output":"{\"x\":1}","outputDetails":{"truncated":false}}},{"timestamp":1700000000.123,"type":"ExecutionSucceeded","id":4,"previousEventId":3,"executionSucceededEventDetails":{"output":"{\"x\":1}","outputDetails":{"truncated":false}}}]}"#]],
        )
        .await;
    let pinned = world.call("DescribeStateMachineForExecution", &execution("m:e", "")).await;
    expect![[r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","name":"m","definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":{\"x\":1},\"End\":true}}}","roleArn":"arn:aws:iam::123456789012:role/r","updateDate":1700000000.123,"loggingConfiguration":{"level":"OFF","includeExecutionData":false},"tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#]]
        .assert_eq(&pinned);
    expect![[r#"! {"__type":"ExecutionAlreadyExists","message":"Execution Already Exists: 'arn:aws:states:us-east-1:123456789012:execution:m:e'"}"#]]
        .assert_eq(&world.start("m", "e", r#"{"in": 1}"#).await);
    // One that has ended is stopped with success.
    world.check("StopExecution", &execution("m:e", ""), expect![[r#"{"stopDate":1700000000.123}"#]]).await;
}

#[tokio::test]
async fn an_execution_that_ended_badly_is_redriven_and_no_other() {
    let world = World::new();
    world.create("m", r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#).await;
    world.start("m", "e", "{}").await;
    let redrive = |more: &str| execution("m:e", more);
    let described = world.call("DescribeExecution", &redrive("")).await;
    assert!(described.ends_with(r#""redriveCount":0,"redriveStatus":"REDRIVABLE"}"#), "{described}");
    let token = r#","clientToken":"token""#;
    for _ in 0..2 {
        world
            .check("RedriveExecution", &redrive(token), expect![[r#"{"redriveDate":1700000000.123}"#]])
            .await;
    }
    let described = world.call("DescribeExecution", &redrive("")).await;
    let redriven = r#""redriveCount":1,"redriveDate":1700000000.123,"redriveStatus":"REDRIVABLE"}"#;
    assert!(described.ends_with(redriven), "{described}");
    let listed = world.call("ListExecutions", &machine("m")).await;
    assert!(listed.ends_with(r#""redriveCount":1,"redriveDate":1700000000.123}]}"#), "{listed}");
    let history = world.call("GetExecutionHistory", &redrive("")).await;
    let event = r#"{"timestamp":1700000000.123,"type":"ExecutionRedriven","id":4,"previousEventId":3,"executionRedrivenEventDetails":{"redriveCount":1}}"#;
    assert!(history.contains(event), "{history}");

    world.create("p", PASS).await;
    world.start("p", "e", "{}").await;
    world.check("RedriveExecution", &execution("p:e", ""), expect![[r#"! {"__type":"ExecutionNotRedrivable","message":"Execution arn:aws:states:us-east-1:123456789012:execution:p:e invalid for redrive as: Execution is SUCCEEDED and cannot be redriven"}"#]]).await;
    world.check("RedriveExecution", &execution("p:x", ""), expect![[r#"! {"__type":"ExecutionDoesNotExist","message":"Execution Does Not Exist: 'arn:aws:states:us-east-1:123456789012:execution:p:x'"}"#]]).await;
    let express = r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:express:m:e:1"}"#;
    world.check("RedriveExecution", express, expect![[r#"! {"__type":"InvalidArn","message":"Invalid Arn: 'Resource type not valid in this context: express'"}"#]]).await;
    world.check("RedriveExecution", r#"{"clientToken":""}"#, expect![[r#"! {"__type":"ValidationException","message":"3 validation errors detected: Value null at 'executionArn' failed to satisfy constraint: Member must not be null; Value '' at 'clientToken' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [!-~]+"}"#]]).await;
    world.check("DeleteStateMachine", &machine("m"), expect![[r#"{}"#]]).await;
    world.check("RedriveExecution", &redrive(""), expect![[r#"! {"__type":"ExecutionNotRedrivable","message":"Execution arn:aws:states:us-east-1:123456789012:execution:m:e invalid for redrive as: State machine is in DELETING status"}"#]]).await;
    world.check("RedriveExecution", &redrive(token), expect![[r#"{"redriveDate":1700000000.123}"#]]).await;
}

#[tokio::test]
async fn without_a_name_an_execution_gets_one_and_without_an_input_an_empty_object() {
    let world = World::new();
    world.create("m", PASS).await;
    let arn = text(&world.call("StartExecution", &machine("m")).await, "executionArn");
    let described = world.call("DescribeExecution", &format!(r#"{{"executionArn":"{arn}"}}"#)).await;
    assert_eq!(text(&described, "input"), "{}");
    assert_eq!(text(&described, "name").len(), 36);
}

#[tokio::test]
async fn inputs_are_refused_with_jacksons_reasons() {
    let world = World::new();
    world.create("m", PASS).await;
    let refused =
        async |input: &str, expected: Expect| expected.assert_eq(&world.start("m", "e", input).await);
    refused("not some json", expect![[r#"! {"__type":"InvalidExecutionInput","message":"Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'"}"#]]).await;
    refused("{'not': 'json'", expect![[r#"! {"__type":"InvalidExecutionInput","message":"Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): was expecting double-quote to start field name'"}"#]]).await;
    refused("", expect![[r#"! {"__type":"InvalidExecutionInput","message":"Invalid State Machine Execution Input: 'Invalid execution input.'"}"#]]).await;
    refused(&format!("\"{}\"", "x".repeat(262_143)), expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"}"#]]).await;
    for (number, input) in ["2", "\"some text\"", "null"].into_iter().enumerate() {
        let reply = world.start("m", &format!("e{number}"), input).await;
        assert!(reply.starts_with('{'), "{reply}");
    }
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_the_callers_is_told_apart() {
    let world = World::new();
    world.check("DescribeExecution", &execution("m:e", ""), expect![[r#"! {"__type":"ExecutionDoesNotExist","message":"Execution Does Not Exist: 'arn:aws:states:us-east-1:123456789012:execution:m:e'"}"#]]).await;
    world.check("StopExecution", &execution("m:e", ""), expect![[r#"! {"__type":"ExecutionDoesNotExist","message":"Execution Does Not Exist: 'arn:aws:states:us-east-1:123456789012:execution:m:e'"}"#]]).await;
    world.check("ListExecutions", &machine("m"), expect![[r#"! {"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:m'"}"#]]).await;
    world.check("StartExecution", &machine("m"), expect![[r#"! {"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:m'"}"#]]).await;
    world
        .check(
            "GetExecutionHistory",
            r#"{"executionArn":"invalid"}"#,
            expect![[r#"! {"__type":"InvalidArn","message":"Invalid Arn: 'Invalid ARN prefix: invalid'"}"#]],
        )
        .await;
    world
        .check(
            "ListExecutions",
            r#"{"stateMachineArn":"invalid"}"#,
            expect![[r#"! {"__type":"InvalidArn","message":"Invalid Arn: 'Invalid ARN prefix: invalid'"}"#]],
        )
        .await;
    world.check("DescribeExecution", r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:express:m:e:1"}"#, expect![[r#"! {"__type":"InvalidArn","message":"Invalid Arn: 'Resource type not valid in this context: express'"}"#]]).await;

    world.create("m", PASS).await;
    world.start("m", "e", "{}").await;
    let stranger = Caller::new("210987654321", "us-east-1");
    let told =
        async |body: &str| world.api.call("DescribeExecution", &stranger, body.as_bytes()).await.unwrap_err();
    let (real, invented) = (told(&execution("m:e", "")).await, told(&execution("m:x", "")).await);
    assert_eq!(real.to_json().replace("m:e", "m:x"), invented.to_json(), "nobody learns what others have");
    let elsewhere = Caller::new("123456789012", "eu-west-1");
    let reply = world.api.call("DescribeExecution", &elsewhere, execution("m:e", "").as_bytes()).await;
    assert_eq!(reply.unwrap_err().kind.name(), "ExecutionDoesNotExist");
}

#[tokio::test]
async fn filters_of_a_list_are_checked() {
    let world = World::new();
    world.create("m", PASS).await;
    world.start("m", "e", "{}").await;
    let list = |more: &str| machine("m").replace('}', &format!(",{more}}}"));
    assert!(
        world.call("ListExecutions", &list(r#""statusFilter":"SUCCEEDED""#)).await.contains(":execution:m:e")
    );
    world
        .check("ListExecutions", &list(r#""statusFilter":"RUNNING""#), expect![[r#"{"executions":[]}"#]])
        .await;
    world.check("ListExecutions", &list(r#""statusFilter":"succeeded""#), expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"}"#]]).await;
    world.check("ListExecutions", &list(r#""maxResults":1001"#), expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"}"#]]).await;
    world.check("ListExecutions", &list(r#""redriveFilter":"REDRIVEN""#), expect![[r#"! {"__type":"ValidationException","message":"redriveFilter and the status PENDING_REDRIVE can only be used with a Map Run ARN"}"#]]).await;
    world.check("ListExecutions", "{}", expect![[r#"! {"__type":"ValidationException","message":"Must specify either a State Machine ARN or a Map Run ARN, and not both"}"#]]).await;
    world
        .check(
            "ListExecutions",
            r#"{"mapRunArn":"x"}"#,
            expect![[r#"! {"__type":"InvalidArn","message":"Invalid Arn: 'Invalid ARN prefix: x'"}"#]],
        )
        .await;
}

/// All pages of a list, with the size of each.
async fn pages(
    world: &World,
    operation: &str,
    body: &str,
    list: &str,
    key: &str,
) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes, mut token) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let body = match &token {
            None => body.to_owned(),
            Some(token) => body.replacen('{', &format!(r#"{{"nextToken":"{token}","#), 1),
        };
        let reply = world.call(operation, &body).await;
        let reply = Value::parse(&reply).unwrap_or_else(|_| panic!("{reply}"));
        let items = reply.get(list).and_then(Value::as_array).expect("a list");
        all.extend(items.iter().map(|item| item.get(key).expect("each has it").to_string()));
        sizes.push(items.len());
        match reply.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = Some(next.to_owned()),
            None => return (all, sizes),
        }
    }
}

#[tokio::test]
async fn pages_join_to_the_whole_list() {
    let world = World::new();
    for name in ["c", "a", "b", "e", "d"] {
        world.create(name, PASS).await;
        world.call("CreateActivity", &format!(r#"{{"name":"{name}"}}"#)).await;
        world.start("a", name, "{}").await;
    }
    let names = |names: &str| names.chars().map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
    let (found, sizes) =
        pages(&world, "ListStateMachines", r#"{"maxResults":2}"#, "stateMachines", "name").await;
    assert_eq!((found, sizes), (names("abcde"), vec![2, 2, 1]));
    let (found, sizes) = pages(&world, "ListActivities", r#"{"maxResults":5}"#, "activities", "name").await;
    assert_eq!((found, sizes), (names("abcde"), vec![5]));

    let body = machine("a").replace('}', r#","maxResults":2}"#);
    let (mut found, sizes) = pages(&world, "ListExecutions", &body, "executions", "name").await;
    found.sort();
    assert_eq!(found, names("abde"), "the one called c was started before its machine was created");
    assert_eq!(sizes.iter().sum::<usize>(), 4);

    let body = |more: &str| execution("a:a", more);
    let history = async |more: &str| pages(&world, "GetExecutionHistory", &body(more), "events", "id").await;
    assert_eq!(
        history(r#","maxResults":3"#).await,
        (vec!["1".into(), "2".into(), "3".into(), "4".into()], vec![3, 1])
    );
    let backwards = history(r#","maxResults":1,"reverseOrder":true"#).await;
    assert_eq!(backwards, (vec!["4".into(), "3".into(), "2".into(), "1".into()], vec![1, 1, 1, 1]));
    let bare = world.call("GetExecutionHistory", &body(r#","includeExecutionData":false"#)).await;
    assert!(!bare.contains(r#""input""#) && !bare.contains(r#""output""#), "{bare}");
}

#[tokio::test]
async fn a_token_belongs_to_its_question() {
    let world = World::new();
    world.create("m", PASS).await;
    world.start("m", "e", "{}").await;
    let ask = async |more: &str| world.call("GetExecutionHistory", &execution("m:e", more)).await;
    let token = text(&ask(r#","maxResults":1"#).await, "nextToken");
    assert!(
        ask(&format!(r#","nextToken":"{token}""#))
            .await
            .starts_with(r#"{"events":[{"timestamp":1700000000.123,"type":"PassStateEntered""#)
    );
    let refused = r#"! {"__type":"InvalidToken","message":"Invalid Token: 'Invalid token'"}"#;
    assert_eq!(ask(&format!(r#","reverseOrder":true,"nextToken":"{token}""#)).await, refused);
    assert_eq!(ask(r#","nextToken":"forged""#).await, refused);
    assert_eq!(world.call("ListActivities", &format!(r#"{{"nextToken":"{token}"}}"#)).await, refused);
    let long = "x".repeat(1025);
    let reply = ask(&format!(r#","nextToken":"{long}""#)).await;
    assert!(
        reply
            .ends_with("failed to satisfy constraint: Member must have length less than or equal to 1024\"}"),
        "{reply}"
    );
}

const ACTIVITY: &str = r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:act"}"#;
const WAITS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:act","HeartbeatSeconds":10,"TimeoutSeconds":60,"End":true}}}"#;

#[tokio::test]
async fn an_activity_is_created_described_and_deleted_as_often_as_asked() {
    let world = World::new();
    let created = r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:act","creationDate":1700000000.123}"#;
    for more in ["", r#","tags":[]"#, r#","encryptionConfiguration":{"type":"AWS_OWNED_KEY"}"#] {
        assert_eq!(world.call("CreateActivity", &format!(r#"{{"name":"act"{more}}}"#)).await, created);
    }
    world.check("DescribeActivity", ACTIVITY, expect![[r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:act","name":"act","creationDate":1700000000.123,"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#]]).await;
    world.check("DeleteActivity", ACTIVITY, expect!["{}"]).await;
    world.check("DeleteActivity", ACTIVITY, expect!["{}"]).await;
    let gone = r#"! {"__type":"ActivityDoesNotExist","message":"Activity Does Not Exist: 'arn:aws:states:us-east-1:123456789012:activity:act'"}"#;
    assert_eq!(world.call("DescribeActivity", ACTIVITY).await, gone);
    assert_eq!(world.call("GetActivityTask", ACTIVITY).await, gone);
    for bad in [" ", "~", "$", "%", "*", "[", "\\\\", "`", ",", "&", "\\u0000", "}", ">", "\\\""] {
        let reply = world.call("CreateActivity", &format!(r#"{{"name":"activity{bad}name"}}"#)).await;
        let text = format!(r#"! {{"__type":"InvalidName","message":"Invalid Name: 'activity{bad}name'"}}"#);
        assert_eq!(reply, text);
    }
}

#[tokio::test]
async fn a_worker_gets_a_task_lives_and_answers() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("m", WAITS).await;
    world.start("m", "e", r#"{"v": 1}"#).await;
    let poll = ACTIVITY.replace('}', r#","workerName":"w"}"#);
    let task = world.call("GetActivityTask", &poll).await;
    assert_eq!(text(&task, "input"), r#"{"v": 1}"#);
    let token = text(&task, "taskToken");
    let with = |more: &str| format!(r#"{{"taskToken":"{token}"{more}}}"#);

    world.check("SendTaskHeartbeat", &with(""), expect!["{}"]).await;
    world.check("SendTaskSuccess", &with(r#","output":"no""#), expect![[r#"! {"__type":"InvalidOutput","message":"Invalid Output: 'Unrecognized token 'no': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'"}"#]]).await;
    world.check("SendTaskSuccess", &with(r#","output":"[1]""#), expect!["{}"]).await;
    let ended = r#"! {"__type":"TaskTimedOut","message":"Task Timed Out: 'arn:aws:states:us-east-1:123456789012:activity:act'"}"#;
    assert_eq!(world.call("SendTaskSuccess", &with(r#","output":"[1]""#)).await, ended);
    assert_eq!(world.call("SendTaskFailure", &with("")).await, ended);
    assert_eq!(world.call("SendTaskHeartbeat", &with("")).await, ended);
    let described = world.call("DescribeExecution", &execution("m:e", "")).await;
    assert_eq!((text(&described, "status"), text(&described, "output")), ("SUCCEEDED".into(), "[1]".into()));
    let history = world.call("GetExecutionHistory", &execution("m:e", "")).await;
    for details in [
        r#""activityScheduledEventDetails":{"resource":"arn:aws:states:us-east-1:123456789012:activity:act","input":"{\"v\": 1}","inputDetails":{"truncated":false},"timeoutInSeconds":60,"heartbeatInSeconds":10}"#,
        r#""activityStartedEventDetails":{"workerName":"w"}"#,
        r#""activitySucceededEventDetails":{"output":"[1]","outputDetails":{"truncated":false}}"#,
    ] {
        assert!(history.contains(details), "{history}");
    }
}

#[tokio::test]
async fn a_task_fails_and_an_execution_is_stopped_with_error_and_cause() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("m", WAITS).await;
    world.start("m", "failed", "{}").await;
    let token = text(&world.call("GetActivityTask", ACTIVITY).await, "taskToken");
    world
        .check(
            "SendTaskFailure",
            &format!(r#"{{"taskToken":"{token}","error":"E","cause":"c"}}"#),
            expect!["{}"],
        )
        .await;
    let described = world.call("DescribeExecution", &execution("m:failed", "")).await;
    assert!(
        described.contains(r#""status":"FAILED""#)
            && described.contains(r#""error":"E","cause":"c","redriveCount":0,"#),
        "{described}"
    );

    world.start("m", "stopped", "{}").await;
    let described = world.call("DescribeExecution", &execution("m:stopped", "")).await;
    assert!(described.contains(r#""status":"RUNNING""#) && described.ends_with(r#""redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is RUNNING and cannot be redriven"}"#), "{described}");
    world
        .check(
            "StopExecution",
            &execution("m:stopped", r#","error":"X","cause":"y""#),
            expect![[r#"{"stopDate":1700000000.123}"#]],
        )
        .await;
    let history = world
        .call("GetExecutionHistory", &execution("m:stopped", r#","reverseOrder":true,"maxResults":1"#))
        .await;
    assert!(history.contains(r#""type":"ExecutionAborted","id":4,"previousEventId":0,"executionAbortedEventDetails":{"error":"X","cause":"y"}"#), "{history}");
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused() {
    let world = World::new();
    let refused = r#"! {"__type":"InvalidToken","message":"Invalid Token: 'Invalid token'"}"#;
    for token in ["x", "AAAA", &"A".repeat(2048)] {
        for operation in ["SendTaskHeartbeat", "SendTaskFailure"] {
            assert_eq!(world.call(operation, &format!(r#"{{"taskToken":"{token}"}}"#)).await, refused);
        }
    }
    world.check("SendTaskHeartbeat", r#"{"taskToken":""}"#, expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value at 'taskToken' failed to satisfy constraint: Member must have length greater than or equal to 1"}"#]]).await;
}

#[tokio::test]
async fn a_poll_that_finds_nothing_has_no_members() {
    let world = World::with(|options| Options { poll_wait: Duration::ZERO, ..options });
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.check("GetActivityTask", ACTIVITY, expect!["{}"]).await;
}

#[tokio::test]
async fn a_drain_ends_polls_with_nothing() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    let (polled, ()) = tokio::join!(world.call("GetActivityTask", ACTIVITY), async { world.api.drain() });
    assert_eq!(polled, "{}");
}

#[tokio::test]
async fn a_poll_that_was_given_up_takes_no_task() {
    let world = World::new();
    world.call("CreateActivity", r#"{"name":"act"}"#).await;
    world.create("m", WAITS).await;
    {
        let mut given_up = Box::pin(world.call("GetActivityTask", ACTIVITY));
        // Once, so that it waits in line.
        tokio::select! { biased; _ = &mut given_up => panic!("there is no task"), () = async {} => () }
    }
    world.start("m", "e", "{}").await;
    let task = world.call("GetActivityTask", ACTIVITY).await;
    assert_eq!(text(&task, "input"), "{}");
}

#[tokio::test]
async fn no_body_brings_an_operation_down() {
    let world = World::new();
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide =
        format!("{{{}\"name\":\"x\"}}", (0..10_000).map(|n| format!("\"k{n}\":1,")).collect::<String>());
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"x\"",
        b"{\"name\":NaN}",
        b"{\"name\":\"\\ud800\"}",
        b"\xff\xfe",
        b"{\"a\":1}x",
        deep.as_bytes(),
        wide.as_bytes(),
        b"{\"name\":\"a\",\"name\":\"b\",\"maxResults\":1e400,\"tags\":{}}",
    ];
    for operation in operations::ALL {
        for body in bodies {
            // Lists take nothing and wide objects; all else is refused.
            if let Err(exception) = world.api.call(operation.name, &world.caller, body).await {
                assert!(!exception.message.is_empty());
            }
        }
    }
    world
        .check(
            "Frobnicate",
            "{}",
            expect![[r#"! {"__type":"com.amazon.coral.service#UnknownOperationException"}"#]],
        )
        .await;
}

#[tokio::test]
async fn one_state_is_tested() {
    let world = World::new();
    let test =
        |definition: &str, more: &str| format!(r#"{{"definition":{}{more}}}"#, Value::from(definition));
    let pass = r#"{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.context %}","End":true}"#;
    world.check("TestState", &test(pass, ""), expect![[r#"{"output":"{\"Execution\":{\"Id\":\"arn:aws:states:us-east-1:123456789012:express:f893a2ee-fb32-455e-b1c1-8690ee42c90b:71bb54d8-d101-45b9-834d-0bff90150280\",\"Input\":{},\"Name\":\"71bb54d8-d101-45b9-834d-0bff90150280\",\"RoleArn\":null,\"StartTime\":\"2023-11-14T22:13:20.123Z\"},\"StateMachine\":{\"Id\":\"arn:aws:states:us-east-1:123456789012:stateMachine:f893a2ee-fb32-455e-b1c1-8690ee42c90b\",\"Name\":\"f893a2ee-fb32-455e-b1c1-8690ee42c90b\"},\"State\":{\"EnteredTime\":\"2023-11-14T22:13:20.123Z\",\"Name\":\"StateName\"}}","status":"SUCCEEDED"}"#]]).await;
    world
        .check("TestState", &test(r#"{"Type":"Pass","Next":"B"}"#, r#","inspectionLevel":"TRACE","input":"[1, 2]""#), expect![[r#"{"output":"[1, 2]","inspectionData":{"input":"[1, 2]","afterInputPath":"[1, 2]","afterParameters":"[1, 2]","afterResultSelector":"[1, 2]","afterResultPath":"[1, 2]"},"nextState":"B","status":"SUCCEEDED"}"#]])
        .await;
    let each = r#"{"Type":"Map","ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Succeed"}}},"ToleratedFailurePercentage":50,"Retry":[{"ErrorEquals":["E"]}],"End":true}"#;
    let more = r#","inspectionLevel":"DEBUG","input":"[1,2]","mock":{"errorOutput":{"error":"E"}}"#;
    world.check("TestState", &test(each, more), expect![[r#"{"error":"E","inspectionData":{"input":"[1,2]","afterInputPath":"[1,2]","afterItemsPath":"[1, 2]","maxConcurrency":0,"toleratedFailurePercentage":50.0,"errorDetails":{"retryIndex":0,"retryBackoffIntervalSeconds":1}},"status":"RETRIABLE"}"#]]).await;
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused_in_the_words_of_aws() {
    let world = World::new();
    let pass = r#"{"Type":"Pass","End":true}"#;
    let task = r#"{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}"#;
    let held = r#"{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","End":true}"#;
    let mock = r#""mock":{"result":"{}"}"#;
    let mut told = String::new();
    for (definition, more) in [
        ("{", ""),
        (pass, r#""stateName":"A""#),
        (r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#, r#""stateName":"B""#),
        (held, ""),
        (pass, mock),
        (pass, r#""input":"not json""#),
        (pass, r#""variables":"1""#),
        (pass, r#""roleArn":"role""#),
        (task, r#""context":"{}""#),
        (task, r#""stateConfiguration":{"retrierRetryCount":1}"#),
        (task, r#""stateConfiguration":{"retrierRetryCount":-1},"inspectionLevel":"ALL""#),
        (task, r#""mock":{}"#),
        (task, r#""mock":{"result":"{}","errorOutput":{"error":"E"}}"#),
        (task, r#""mock":{"errorOutput":{"cause":"c"}}"#),
        (task, r#""mock":{"result":"{"}"#),
        (task, r#""mock":{"result":"[]"}"#),
        (task, r#""mock":{"result":"{}"},"context":"[]""#),
        (task, r#""mock":{"result":"{}"},"context":"{\"State\":{\"RetryCount\":\"1\"}}""#),
        (task, r#""mock":{"result":"{}"},"context":"{\"State\":1}""#),
        (task, r#""mock":{"result":"{}"},"revealSecrets":true"#),
        (task, r#""mock":{"errorOutput":{"error":"E"}},"stateConfiguration":{"errorCausedByState":"X"}"#),
    ] {
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        let body = format!(r#"{{"definition":{}{more}}}"#, Value::from(definition));
        told += &world.call("TestState", &body).await;
        told.push('\n');
    }
    expect![[r#"
        ! {"__type":"InvalidDefinition","message":"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)\"{\"; line: 1, column: 1])\n at [Source: (String)\"{\"; line: 1, column: 2] at [Source: (String)\"{\"; line: 1, column: 2]'"}
        ! {"__type":"InvalidDefinition","message":"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /, SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /, SCHEMA_VALIDATION_FAILED: Field 'End' is not supported at /'"}
        ! {"__type":"ValidationException","message":"State not found in definition"}
        ! {"__type":"InvalidDefinition","message":"TestState API does not support Activity tasks, or Task states with a '.sync' or '.waitForTaskToken' service integration pattern, when a mock is not specified."}
        ! {"__type":"ValidationException","message":"State type 'Pass' is not supported when a mock is specified"}
        ! {"__type":"InvalidExecutionInput","message":"Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'"}
        ! {"__type":"ValidationException","message":"Variables must be a valid JSON object."}
        ! {"__type":"InvalidArn","message":"Invalid Role Arn: 'role'"}
        ! {"__type":"ValidationException","message":"TestState does not support Context when a mock is not specified."}
        ! {"__type":"ValidationException","message":"TestState does not support RetrierRetryCount when a mock is not specified."}
        ! {"__type":"ValidationException","message":"2 validation errors detected: Value 'ALL' at 'inspectionLevel' failed to satisfy constraint: Member must satisfy enum value set: [INFO, DEBUG, TRACE]; Value '-1' at 'stateConfiguration.retrierRetryCount' failed to satisfy constraint: Member must have value greater than or equal to 0"}
        ! {"__type":"ValidationException","message":"A mock must specify exactly one of these fields: [result, errorOutput]"}
        ! {"__type":"ValidationException","message":"A mock must specify exactly one of these fields: [result, errorOutput]"}
        ! {"__type":"ValidationException","message":"Mocked errorOutput must contain an error."}
        ! {"__type":"ValidationException","message":"Mocked result must be valid JSON."}
        ! {"__type":"ValidationException","message":"Mocked result must be a JSON object."}
        ! {"__type":"ValidationException","message":"Invalid Context object provided: Context object must be a JSON object"}
        ! {"__type":"ValidationException","message":"Invalid Context object provided: State.RetryCount must be a number"}
        ! {"__type":"ValidationException","message":"Invalid Context object provided: State must be an object"}
        ! {"__type":"ValidationException","message":"TestState does not support RevealSecrets when a mock is specified."}
        ! {"__type":"ValidationException","message":"State not found in definition"}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_definition_can_be_checked_without_making_a_machine_of_it() {
    let world = World::new();
    let check = async |definition: &str, more: &str, expected: Expect| {
        let body = format!(r#"{{"definition":{}{more}}}"#, Value::from(definition));
        world.check("ValidateStateMachineDefinition", &body, expected).await;
    };
    check(PASS, "", expect![[r#"{"result":"OK","diagnostics":[],"truncated":false}"#]]).await;
    check("", "", expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Definition must be a valid JSON object"}],"truncated":false}"#]]).await;
    check("{", "", expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"INVALID_JSON_DESCRIPTION","message":"Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)\"{\"; line: 1, column: 1])\n at [Source: (String)\"{\"; line: 1, column: 2]","location":"[Source: (String)\"{\"; line: 1, column: 2]"}],"truncated":false}"#]]).await;
    let doubtful = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":"$.a","End":true}}}"#;
    check(doubtful, "", expect![[r#"{"result":"OK","diagnostics":[],"truncated":false}"#]]).await;
    check(doubtful, r#","severity":"WARNING""#, expect![[r#"{"result":"OK","diagnostics":[{"severity":"WARNING","code":"PASS_RESULT_IS_STATIC","message":"The 'Result' of a Pass state is taken as it is; a path in it is not evaluated.","location":"/States/A/Result"}],"truncated":false}"#]]).await;
    let wrong =
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":"$.a","Retry":[],"Catch":[],"Next":"B"}}}"#;
    check(wrong, "", expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Retry' is not supported","location":"/States/A"},{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Catch' is not supported","location":"/States/A"},{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: B","location":"/States/A/Next"},{"severity":"ERROR","code":"MISSING_END_STATE","message":"Workflow has no terminal state"}],"truncated":false}"#]]).await;
    check(wrong, r#","maxResults":2,"severity":"WARNING""#, expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Retry' is not supported","location":"/States/A"},{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Catch' is not supported","location":"/States/A"}],"truncated":true}"#]]).await;
    check(wrong, r#","maxResults":0,"type":"EXPRESS""#, expect![[r#"{"result":"FAIL","diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Retry' is not supported","location":"/States/A"},{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"Field 'Catch' is not supported","location":"/States/A"},{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: B","location":"/States/A/Next"},{"severity":"ERROR","code":"MISSING_END_STATE","message":"Workflow has no terminal state"}],"truncated":false}"#]]).await;
    check(wrong, r#","maxResults":101,"severity":"HIGH","type":"FAST""#, expect![[r#"! {"__type":"ValidationException","message":"3 validation errors detected: Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]; Value 'HIGH' at 'severity' failed to satisfy constraint: Member must satisfy enum value set: [ERROR, WARNING]; Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"}"#]]).await;
    world.check("ValidateStateMachineDefinition", "{}", expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value null at 'definition' failed to satisfy constraint: Member must not be null"}"#]]).await;
}

#[tokio::test]
async fn what_a_definition_may_not_be_is_told_in_one_sentence() {
    let world = World::new();
    let loops = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Retry":[],"Next":"A"}}}"#;
    world.check("CreateStateMachine", &creation("m", loops), expect![[r#"! {"__type":"InvalidDefinition","message":"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'Retry' is not supported at /States/B, MISSING_END_STATE: Workflow has no terminal state at null'"}"#]]).await;
}

#[tokio::test]
async fn a_machine_is_described_with_the_variables_that_its_states_read() {
    let world = World::new();
    let definition = r#"{"StartAt":"A \"1\"","States":{
        "A \"1\"":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},
        "B":{"Type":"Pass","Parameters":{"a.$":"$y","b.$":"$x"},"Next":"C \"2\""},
        "C \"2\"":{"Type":"Succeed","InputPath":"$x"}}}"#;
    world.create("m", definition).await;
    let described = world.call("DescribeStateMachine", &machine("m")).await;
    let references = Value::parse(&described).unwrap().get("variableReferences").unwrap().to_string();
    expect![[r#"{"B":["x","y"],"C \"2\"":["x"]}"#]].assert_eq(&references);
    let metadata = format!(r#"{{"stateMachineArn":"{}","includedData":"METADATA_ONLY"}}"#, machine_arn("m"));
    assert!(!world.call("DescribeStateMachine", &metadata).await.contains("variableReferences"));
}
