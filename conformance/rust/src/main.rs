//! The AWS SDK for Rust against a server: `stepwell-conformance ENDPOINT`.
//!
//! Calls every operation, checks what comes back, and prints a line for each check: `ok NAME` or
//! `failed NAME: WHY`. Ends with 1 if one failed.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_sdk_sfn::config::http::HttpRequest;
use aws_sdk_sfn::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sfn::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents, SharedCredentialsProvider,
};
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{
    ExecutionStatus, HistoryEventType, InspectionLevel, RoutingConfigurationListItem, StateMachineType,
    SyncExecutionStatus, Tag, TestExecutionStatus, ValidateStateMachineDefinitionResultCode,
};
use aws_sdk_sfn::{Client, Config};

const ROLE: &str = "arn:aws:iam::000000000000:role/tests";
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

type Checked = Result<(), Box<dyn Error>>;

/// `StartSyncExecution` and `TestState` put `sync-` before the host. Where no resolver knows that
/// name, this takes it away again; it is all that a program needs to reach a local server.
#[derive(Debug)]
struct NoHostPrefix;

impl Intercept for NoHostPrefix {
    fn name(&self) -> &'static str {
        "NoHostPrefix"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let request: &mut HttpRequest = context.request_mut();
        let without = request.uri().replacen("://sync-", "://", 1);
        request.set_uri(without)?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let endpoint = std::env::args().nth(1).expect("the endpoint is the first argument");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "tests", "tests", None, None, "tests",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_sdk_sfn::config::retry::RetryConfig::disabled())
        .interceptor(NoHostPrefix)
        .build();
    let client = Client::from_conf(config);

    let mut failed = 0;
    failed += check("state machines", state_machines(&client)).await;
    failed += check("executions", executions(&client)).await;
    failed += check("activities", activities(&client)).await;
    failed += check("validation and tests of states", validation(&client)).await;
    failed += check("Express", express(&client)).await;
    failed += check("tags", tags(&client)).await;
    failed += check("versions and aliases", versions(&client)).await;
    failed += check("redrive", redrive(&client)).await;
    failed += check("Map Runs", map_runs(&client)).await;
    std::process::ExitCode::from(u8::from(failed > 0))
}

/// Runs a check and prints its line; 1 if it failed.
async fn check(name: &str, body: impl Future<Output = Checked>) -> u32 {
    match body.await {
        Ok(()) => println!("ok {name}"),
        Err(error) => {
            let text = format!("{}", DisplayErrorContext(&*error)).replace('\n', " | ");
            println!("failed {name}: {text}");
            return 1;
        }
    }
    0
}

fn ensure(is_so: bool, what: impl Into<String>) -> Checked {
    if is_so { Ok(()) } else { Err(what.into().into()) }
}

/// Checks with which exception a call was refused.
fn refused<T, E>(code: &str, result: Result<T, E>) -> Checked
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match result {
        Ok(_) => Err(format!("not refused with {code}").into()),
        Err(error) if error.code() == Some(code) => ensure(error.message().is_some(), "no message"),
        Err(error) => Err(error.into()),
    }
}

async fn machine(client: &Client, name: &str, definition: &str) -> Result<String, Box<dyn Error>> {
    let created =
        client.create_state_machine().name(name).definition(definition).role_arn(ROLE).send().await?;
    Ok(created.state_machine_arn().to_owned())
}

async fn start(client: &Client, machine: &str) -> Result<String, Box<dyn Error>> {
    let started = client.start_execution().state_machine_arn(machine).send().await?;
    Ok(started.execution_arn().to_owned())
}

async fn ended(client: &Client, execution: &str) -> Result<ExecutionStatus, Box<dyn Error>> {
    for _ in 0..600 {
        let described = client.describe_execution().execution_arn(execution).send().await?;
        if *described.status() != ExecutionStatus::Running {
            return Ok(described.status().clone());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("the execution did not end".into())
}

async fn state_machines(client: &Client) -> Checked {
    let arn = machine(client, "rust-machines", PASS).await?;
    let described = client.describe_state_machine().state_machine_arn(&arn).send().await?;
    ensure(described.definition() == PASS && *described.r#type() == StateMachineType::Standard, "described")?;
    let updated =
        client.update_state_machine().state_machine_arn(&arn).role_arn(format!("{ROLE}-2")).send().await?;
    ensure(updated.update_date() >= described.creation_date(), "updated before it was created")?;
    let mut pages = client.list_state_machines().into_paginator().page_size(1).items().send();
    let mut is_listed = false;
    while let Some(row) = pages.next().await {
        is_listed |= row?.name() == "rust-machines";
    }
    ensure(is_listed, "it is not listed")?;
    client.delete_state_machine().state_machine_arn(&arn).send().await?;
    let described = client.describe_state_machine().state_machine_arn("no ARN").send().await;
    ensure(
        described
            .as_ref()
            .is_err_and(|error| error.as_service_error().is_some_and(|error| error.is_invalid_arn())),
        "typed",
    )?;
    refused("InvalidArn", described)?;
    let created = client.create_state_machine().name("bad").definition("{}").role_arn(ROLE).send().await;
    refused("InvalidDefinition", created)
}

async fn executions(client: &Client) -> Checked {
    let arn = machine(client, "rust-executions", PASS).await?;
    let started =
        client.start_execution().state_machine_arn(&arn).name("one").input(r#"{"é":1}"#).send().await?;
    ensure(*started.start_date() > DateTime::from_secs(1_700_000_000), "the start has no date")?;
    let execution = started.execution_arn();
    ensure(ended(client, execution).await? == ExecutionStatus::Succeeded, "it did not succeed")?;
    let history = client.get_execution_history().execution_arn(execution).reverse_order(true).send().await?;
    let types: Vec<&HistoryEventType> = history.events().iter().map(|event| event.r#type()).collect();
    ensure(types.first() == Some(&&HistoryEventType::ExecutionSucceeded), format!("{types:?}"))?;
    let of = client.describe_state_machine_for_execution().execution_arn(execution).send().await?;
    ensure(of.state_machine_arn() == arn, "another machine")?;
    let list = client
        .list_executions()
        .state_machine_arn(&arn)
        .status_filter(ExecutionStatus::Succeeded)
        .send()
        .await?;
    ensure(list.executions().len() == 1, "the list")?;
    let again = client.start_execution().state_machine_arn(&arn).name("one").input("{}").send().await;
    refused("ExecutionAlreadyExists", again)?;
    let waits = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}"#;
    let waits = machine(client, "rust-waits", waits).await?;
    let other = start(client, &waits).await?;
    client.stop_execution().execution_arn(&other).error("Enough").send().await?;
    ensure(ended(client, &other).await? == ExecutionStatus::Aborted, "it was not stopped")
}

async fn activities(client: &Client) -> Checked {
    let created = client.create_activity().name("rust-activity").send().await?;
    let activity = created.activity_arn();
    client.describe_activity().activity_arn(activity).send().await?;
    ensure(!client.list_activities().send().await?.activities().is_empty(), "no activity is listed")?;
    let definition =
        format!(r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}","End":true}}}}}}"#);
    let arn = machine(client, "rust-activities", &definition).await?;
    for succeeds in [true, false] {
        let execution = start(client, &arn).await?;
        let task = client.get_activity_task().activity_arn(activity).worker_name("rust").send().await?;
        let token = task.task_token().ok_or("no task came")?;
        client.send_task_heartbeat().task_token(token).send().await?;
        let expected = if succeeds {
            client.send_task_success().task_token(token).output("1").send().await?;
            ExecutionStatus::Succeeded
        } else {
            client.send_task_failure().task_token(token).error("Mine").send().await?;
            ExecutionStatus::Failed
        };
        ensure(ended(client, &execution).await? == expected, "another end")?;
        refused("TaskTimedOut", client.send_task_heartbeat().task_token(token).send().await)?;
    }
    refused("InvalidToken", client.send_task_heartbeat().task_token("made up").send().await)?;
    client.delete_activity().activity_arn(activity).send().await?;
    refused("ActivityDoesNotExist", client.describe_activity().activity_arn(activity).send().await)
}

async fn validation(client: &Client) -> Checked {
    let validated =
        client.validate_state_machine_definition().definition(r#"{"StartAt":"P"}"#).send().await?;
    ensure(*validated.result() == ValidateStateMachineDefinitionResultCode::Fail, "it is valid")?;
    let tested = client
        .test_state()
        .definition(r#"{"Type":"Pass","Result":{"a":1},"End":true}"#)
        .inspection_level(InspectionLevel::Debug)
        .send()
        .await?;
    ensure(tested.status() == Some(&TestExecutionStatus::Succeeded), "the state failed")
}

async fn express(client: &Client) -> Checked {
    let created = client
        .create_state_machine()
        .name("rust-express")
        .definition(PASS)
        .role_arn(ROLE)
        .r#type(StateMachineType::Express)
        .send()
        .await?;
    let arn = created.state_machine_arn();
    let done = client.start_sync_execution().state_machine_arn(arn).input(r#"{"n":1}"#).send().await?;
    ensure(
        *done.status() == SyncExecutionStatus::Succeeded && done.output() == Some(r#"{"n":1}"#),
        "the output",
    )?;
    ensure(start(client, arn).await?.contains(":express:rust-express:"), "the ARN")
}

async fn tags(client: &Client) -> Checked {
    let arn = machine(client, "rust-tags", PASS).await?;
    for key in ["a", "b"] {
        let tag = Tag::builder().key(key).value("1").build();
        client.tag_resource().resource_arn(&arn).tags(tag).send().await?;
    }
    client.untag_resource().resource_arn(&arn).tag_keys("a").send().await?;
    let listed = client.list_tags_for_resource().resource_arn(&arn).send().await?;
    let keys: Vec<_> = listed.tags().iter().filter_map(|tag| tag.key()).collect();
    ensure(keys == ["b"], format!("{keys:?}"))
}

async fn versions(client: &Client) -> Checked {
    let arn = machine(client, "rust-versions", PASS).await?;
    let published = client.publish_state_machine_version().state_machine_arn(&arn).send().await?;
    let version = published.state_machine_version_arn();
    let listed = client.list_state_machine_versions().state_machine_arn(&arn).send().await?;
    ensure(listed.state_machine_versions().len() == 1, "the versions")?;
    let route =
        RoutingConfigurationListItem::builder().state_machine_version_arn(version).weight(100).build()?;
    let created =
        client.create_state_machine_alias().name("live").routing_configuration(route).send().await?;
    let alias = created.state_machine_alias_arn();
    client.update_state_machine_alias().state_machine_alias_arn(alias).description("now").send().await?;
    let described = client.describe_state_machine_alias().state_machine_alias_arn(alias).send().await?;
    ensure(described.description() == Some("now"), "the alias")?;
    let listed = client.list_state_machine_aliases().state_machine_arn(&arn).send().await?;
    ensure(listed.state_machine_aliases().len() == 1, "the aliases")?;
    let execution = start(client, alias).await?;
    ended(client, &execution).await?;
    let deleted = client.delete_state_machine_version().state_machine_version_arn(version).send().await;
    refused("ConflictException", deleted)?;
    client.delete_state_machine_alias().state_machine_alias_arn(alias).send().await?;
    client.delete_state_machine_version().state_machine_version_arn(version).send().await?;
    Ok(())
}

async fn redrive(client: &Client) -> Checked {
    let fails = r#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#;
    let arn = machine(client, "rust-redrive", fails).await?;
    let execution = start(client, &arn).await?;
    ended(client, &execution).await?;
    client.redrive_execution().execution_arn(&execution).send().await?;
    let described = client.describe_execution().execution_arn(&execution).send().await?;
    ensure(described.redrive_count() == Some(1), "the count of redrives")
}

async fn map_runs(client: &Client) -> Checked {
    let map_run = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:6b3a2a9c-0000-0000-0000-000000000000";
    refused("ResourceNotFound", client.describe_map_run().map_run_arn(map_run).send().await)?;
    refused(
        "ResourceNotFound",
        client.update_map_run().map_run_arn(map_run).max_concurrency(1).send().await,
    )?;
    let arn = machine(client, "rust-map-runs", PASS).await?;
    let execution = start(client, &arn).await?;
    let listed = client.list_map_runs().execution_arn(&execution).send().await?;
    ensure(listed.map_runs().is_empty(), "there is a Map Run")
}
