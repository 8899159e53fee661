use std::time::Duration;

use stepwell_engine::{Engine, EngineOptions, SystemClock};
use stepwell_model::EntityId;
use stepwell_store::MemoryStore;
use tokio::sync::oneshot;

use super::*;

fn request(action: &str, parameters: &str) -> TaskRequest {
    TaskRequest {
        task: TaskRef { execution: EntityId { partition: 0, number: 1 }, scheduled_event_id: 5 },
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        resource: Resource::parse(&format!("arn:aws:states:::aws-sdk:sfn:{action}")).unwrap(),
        parameters: Payload::parse(parameters).unwrap(),
        timeout: None,
        idempotency_key: "4d8be2da-6512-4f29-b60a-862b2b8738a0".into(),
    }
}

fn api() -> Arc<Api> {
    let store = Arc::new(MemoryStore::new([7; 32]));
    let engine =
        Engine::open(store, Vec::new(), Arc::new(SystemClock), EngineOptions::default()).unwrap();
    Arc::new(Api::new(engine, stepwell_api::Options::new([8; 32])))
}

fn begin(calls: &OwnCalls, request: TaskRequest) -> oneshot::Receiver<TaskOutcome> {
    let (done, outcome) = oneshot::channel();
    calls.start(request, Box::new(move |outcome| drop(done.send(outcome))));
    outcome
}

fn connected(authority: Authority) -> (OwnCalls, Arc<Api>) {
    let (calls, api) = (OwnCalls::new(Handle::current(), authority), api());
    calls.connect(&api);
    (calls, api)
}

async fn ask(calls: &OwnCalls, action: &str, parameters: &str) -> Result<Value, (String, String)> {
    match begin(calls, request(action, parameters)).await.unwrap() {
        TaskOutcome::Succeeded(result) => Ok(result.value().clone()),
        TaskOutcome::Failed(failure) => {
            Err((failure.error.unwrap().to_string(), failure.cause.unwrap_or_default().to_string()))
        }
        TaskOutcome::Unknown => panic!("the outcome is known"),
    }
}

const ACTIVITY: &str = "arn:aws:states:eu-west-1:123456789012:activity:a";

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_made_for_the_account_and_region_of_the_machine() {
    let (calls, _api) = connected(Authority::Account);
    let created = ask(&calls, "createActivity", r#"{"Name":"a"}"#).await.unwrap();
    assert_eq!(created.get("ActivityArn").and_then(Value::as_str), Some(ACTIVITY));
    let date = created.get("CreationDate").and_then(Value::as_str).unwrap();
    assert!(stepwell_model::Timestamp::parse_rfc3339(date).is_some(), "{date}");

    let listed = ask(&calls, "listActivities", "{}").await.unwrap();
    let first = &listed.get("Activities").and_then(Value::as_array).unwrap()[0];
    assert_eq!(first.get("Name").and_then(Value::as_str), Some("a"));
    let other = ACTIVITY.replace("123456789012", "210987654321");
    let (error, _) = ask(&calls, "describeActivity", &format!(r#"{{"ActivityArn":"{other}"}}"#)).await.unwrap_err();
    assert_eq!(error, "Sfn.SfnException");
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_become_failures_in_the_words_of_the_sdk() {
    let (calls, _api) = connected(Authority::Account);
    let of = |error: &str, message: &str| {
        let id = "4d8be2da-6512-4f29-b60a-862b2b8738a0";
        Err((error.to_owned(), format!("{message} (Service: Sfn, Status Code: 400, Request ID: {id})")))
    };
    assert_eq!(
        ask(&calls, "describeActivity", &format!(r#"{{"ActivityArn":"{ACTIVITY}"}}"#)).await,
        of("Sfn.ActivityDoesNotExistException", &format!("Activity Does Not Exist: '{ACTIVITY}'"))
    );
    assert_eq!(
        ask(&calls, "sendTaskSuccess", r#"{"TaskToken":"t","Output":{}}"#).await,
        of("Sfn.InvalidTokenException", "Invalid Token: 'Invalid token'")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_policies_of_roles_only_tokens_open_anything() {
    let (calls, _api) = connected(Authority::Tokens);
    for (action, parameters) in [
        ("sendTaskSuccess", r#"{"TaskToken":"t","Output":"1"}"#),
        ("sendTaskFailure", r#"{"TaskToken":"t"}"#),
        ("sendTaskHeartbeat", r#"{"TaskToken":"t"}"#),
    ] {
        let (error, _) = ask(&calls, action, parameters).await.unwrap_err();
        assert_eq!(error, "Sfn.InvalidTokenException", "{action}");
    }
    for (action, parameters) in [
        ("listActivities", "{}"),
        ("createActivity", r#"{"Name":"a"}"#),
        ("testState", r#"{"Definition":{}}"#),
    ] {
        let (error, cause) = ask(&calls, action, parameters).await.unwrap_err();
        assert_eq!(error, "Sfn.SfnException", "{action}");
        assert!(cause.starts_with("The state machine is not authorized to perform: states:"), "{cause}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_before_there_is_an_api_waits_for_it() {
    let calls = OwnCalls::new(Handle::current(), Authority::Account);
    let mut outcome = begin(&calls, request("listActivities", "{}"));
    assert!(tokio::time::timeout(Duration::ZERO, &mut outcome).await.is_err());
    let api = api();
    calls.connect(&api);
    assert!(matches!(outcome.await, Ok(TaskOutcome::Succeeded(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_any_more_ends() {
    let (calls, _api) = connected(Authority::Account);
    ask(&calls, "createActivity", r#"{"Name":"a"}"#).await.unwrap();
    let poll = request("getActivityTask", &format!(r#"{{"ActivityArn":"{ACTIVITY}"}}"#));
    let task = poll.task;
    let outcome = begin(&calls, poll);
    calls.cancel(task);
    assert_eq!(outcome.await, Ok(TaskOutcome::Unknown));
    assert!(calls.inner.flights().is_empty() || Arc::strong_count(&calls.inner) > 1);
}

#[tokio::test]
async fn each_action_waits_in_a_queue_of_its_own() {
    let calls = OwnCalls::new(Handle::current(), Authority::Account);
    let target = |action: &str, parameters: &str| calls.target(&request(action, parameters)).unwrap();
    let poll = target("getActivityTask", r#"{"ActivityArn":"a"}"#).unwrap();
    assert_eq!((&*poll.name, poll.idempotent), ("sfn:GetActivityTask:123456789012", true));
    let answer = target("sendTaskSuccess", r#"{"TaskToken":"t","Output":"1"}"#).unwrap();
    assert_eq!((&*answer.name, answer.idempotent), ("sfn:SendTaskSuccess:123456789012", false));
    assert_eq!(
        target("sendTaskSuccess", r#"{"TaskToken":"t"}"#).unwrap_err().cause.as_deref(),
        Some(
            r#"The Parameters '{"TaskToken":"t"}' could not be used to start the Task: [The field 'Output' is required but was missing]"#
        )
    );
    let foreign = |resource: &str| TaskRequest {
        resource: Resource::parse(resource).unwrap(),
        ..request("listActivities", "{}")
    };
    assert!(calls.target(&foreign("arn:aws:states:::aws-sdk:s3:listBuckets")).is_none());
    assert!(calls.target(&foreign("arn:aws:states:::aws-sdk:sfn:noSuchThing")).is_none());
}

#[test]
fn a_redrive_has_a_client_token() {
    let call = read(&request("redriveExecution", r#"{"ExecutionArn":"e"}"#)).unwrap().ok().unwrap();
    assert_eq!(call.body, r#"{"executionArn":"e","clientToken":"4d8be2da-6512-4f29-b60a-862b2b8738a0"}"#);
    let call = read(&request("redriveExecution", r#"{"ExecutionArn":"e","ClientToken":"c"}"#)).unwrap().ok().unwrap();
    assert_eq!(call.body, r#"{"executionArn":"e","clientToken":"c"}"#);
}
