//! `TestState`.
//!
//! Reads a state, lets the language test it, and tells what came of it. Without a mock a task is
//! really done, and a wait really waited for, within five minutes; a wait that is longer fails at once
//! with `States.Timeout`, as it would after them.
//!
//! Recorded are the messages about what takes no mock, about `mapIterationFailureCount` and about
//! `revealSecrets`; the others are in their form.

use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::TaskSpec;
use stepwell_asl::test_state::{Inspection, Refusal, Report, Setup, Step, Tested, Untestable, needs_mock};
use stepwell_engine::{MachineKey, Trial};
use stepwell_model::{Failure, StateType, error_names};
use stepwell_task::TaskOutcome;
use stepwell_value::{Payload, Value};

use super::start_execution::parse_input;
use crate::mock::{DATA, MockMember, context};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, aside, definitions, names};

/// The longest that a test may last.
const LONGEST: Duration = Duration::from_secs(300);

/// `TestStateStateName`
const STATE_NAME: Text = Text::new(1, 80).secret();

/// `stateConfiguration`.
#[derive(Default)]
struct Configuration {
    retries: Option<i64>,
    caused_by: Option<Arc<str>>,
    failed_iterations: Option<i64>,
    reader_data: Option<Arc<str>>,
}

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let limits = call.api.limits;
    let mut members = call.request.members();
    let definition = members.required("definition", &Text::bytes(1, limits.definition_bytes_max));
    let role_arn = members.text("roleArn", &Text::ARN).cloned();
    let input = members.text("input", &DATA);
    let level = members.choice("inspectionLevel", &["INFO", "DEBUG", "TRACE"]);
    let reveals = members.flag("revealSecrets").unwrap_or(false);
    let variables = members.text("variables", &DATA);
    let state_name = members.text("stateName", &STATE_NAME).cloned();
    let mock = MockMember::read(&mut members);
    let context = members.text("context", &DATA);
    let configuration = members.nested("stateConfiguration", |members| Configuration {
        retries: members.integer("retrierRetryCount", 0..=i64::from(i32::MAX)),
        caused_by: members.text("errorCausedByState", &STATE_NAME).cloned(),
        failed_iterations: members.integer("mapIterationFailureCount", 0..=i64::from(i32::MAX)),
        reader_data: members.text("mapItemReaderData", &DATA).cloned(),
    });
    members.check()?;
    let configuration = configuration.unwrap_or_default();

    if let Some(role_arn) = &role_arn {
        names::check_role(role_arn)?;
    }
    if mock.is_some() && reveals {
        return Err(Exception::validation(
            "TestState does not support RevealSecrets when a mock is specified.",
        ));
    }
    let only_with_mock = [
        ("MapIterationFailureCount", configuration.failed_iterations.is_some()),
        ("RetrierRetryCount", configuration.retries.is_some()),
        ("ErrorCausedByState", configuration.caused_by.is_some()),
        ("MapItemReaderData", configuration.reader_data.is_some()),
        ("Context", context.is_some()),
    ];
    if let (None, Some((what, _))) = (&mock, only_with_mock.into_iter().find(|(_, given)| *given)) {
        let message = format!("TestState does not support {what} when a mock is not specified.");
        return Err(Exception::validation(message));
    }

    let (text, name) = (definition.clone(), state_name);
    let tested = aside(move || Tested::read(&text, name.as_deref())).await?;
    let tested = tested.map_err(|untestable| match untestable {
        Untestable::Invalid(mut diagnostics) => {
            definitions::in_jackson(&definition, &mut diagnostics);
            definitions::invalid(&diagnostics)
        }
        Untestable::NoSuchState => Exception::validation("State not found in definition"),
    })?;
    let mock = match mock {
        Some(mock) => Some(mock.of(&tested)?),
        None => {
            check_without_mock(&tested)?;
            None
        }
    };
    let context = context.map(|context| context::read(context, &tested)).transpose()?;
    if configuration.caused_by.is_some_and(|name| !tested.holds(&name)) {
        return Err(Exception::validation("State not found in definition"));
    }
    let input = match input {
        Some(text) => parse_input(text)?,
        None => Payload::empty_object(),
    };
    let variables = variables.map_or(Ok(Vec::new()), |text| read_variables(text))?;

    let trial = call.api.engine.trial(&call.caller.place);
    let machine = MachineKey { place: call.caller.place.clone(), name: trial.new_name() };
    let execution_name = trial.new_name();
    let (region, account) = (call.caller.region(), call.caller.account());
    let setup = Setup {
        input,
        variables,
        context,
        mock,
        retries: configuration.retries.unwrap_or(0).unsigned_abs(),
        failed_iterations: configuration.failed_iterations.map(i64::unsigned_abs),
        reader_data: configuration.reader_data,
        // A test is an Express execution of a machine of its own (recorded).
        execution_arn: format!("arn:aws:states:{region}:{account}:express:{}:{execution_name}", machine.name)
            .into(),
        execution_name,
        machine_arn: names::machine_arn(&machine).into(),
        machine_name: machine.name,
        role_arn,
        region: region.into(),
        limits,
        seed: trial.seed(),
    };
    let report = perform(tested, setup, trial).await?;
    Ok(reply(&report, level.is_some_and(|level| level != "INFO")))
}

/// Recorded for Map and Parallel.
fn check_without_mock(tested: &Tested) -> Result<(), Exception> {
    let message = match tested.state_type() {
        StateType::Map | StateType::Parallel => {
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, \
             Wait, Pass, Succeed, Fail, Choice]"
        }
        StateType::Task if tested.resource().is_some_and(needs_mock) => {
            "TestState API does not support Activity tasks, or Task states with a '.sync' or \
             '.waitForTaskToken' service integration pattern, when a mock is not specified."
        }
        StateType::Task | StateType::Pass | StateType::Choice => return Ok(()),
        StateType::Wait | StateType::Succeed | StateType::Fail => return Ok(()),
    };
    Err(Exception::new(ExceptionKind::InvalidDefinition, message))
}

fn read_variables(text: &str) -> Result<Vec<(Arc<str>, Payload)>, Exception> {
    let invalid = || Exception::validation("Variables must be a valid JSON object.");
    let variables = Value::parse(text).map_err(|_| invalid())?;
    let members = variables.as_object().ok_or_else(invalid)?.iter();
    let read = |(name, value): (&Arc<str>, &Value)| {
        Payload::of(value.clone()).map(|payload| (name.clone(), payload)).map_err(|_| invalid())
    };
    members.map(read).collect()
}

/// Tests a state, and does outside what it wants done.
async fn perform(tested: Tested, setup: Setup, trial: Trial) -> Result<Report, Exception> {
    let world = trial.clone();
    let step = aside(move || tested.begin(setup, world.now(), &world)).await?;
    let step = step.map_err(|refusal| match refusal {
        Refusal::MoreFailuresThanIterations => Exception::validation(
            "Map iteration failure count must be less than or equal to the number of Map iterations",
        ),
    })?;
    match step {
        Step::Done(report) => Ok(*report),
        Step::Task(test, task) => {
            let outcome = outcome(&trial, task).await;
            aside(move || test.task_ended(outcome, trial.now(), &trial)).await
        }
        Step::Wait(test, until) => {
            let wait = until.since(trial.now());
            if wait > LONGEST {
                return aside(move || test.timed_out(trial.now(), &trial)).await;
            }
            tokio::time::sleep(wait).await;
            aside(move || test.waited(trial.now(), &trial)).await
        }
    }
}

async fn outcome(trial: &Trial, task: TaskSpec) -> Result<Payload, Failure> {
    let longest = task.timeout_seconds.map_or(LONGEST, Duration::from_secs).min(LONGEST);
    let resource = task.resource.event_resource();
    match tokio::time::timeout(longest, trial.perform(task, longest)).await {
        Ok(TaskOutcome::Succeeded(result)) => Ok(result),
        Ok(TaskOutcome::Failed(failure)) => Err(failure),
        Ok(TaskOutcome::Unknown) => Err(trial.outcome_unknown(&resource)),
        Err(_) => Err(Failure::named(error_names::TIMEOUT)),
    }
}

fn reply(report: &Report, with_inspection: bool) -> String {
    let mut reply = Reply::object();
    reply.maybe_text("output", report.output.as_ref().map(Payload::text));
    if let Some(Failure { error, cause }) = &report.failure {
        reply.maybe_text("error", error.as_deref());
        reply.maybe_text("cause", cause.as_deref());
    }
    if with_inspection {
        reply.nested("inspectionData", |data| inspect(&report.inspection, data));
    }
    reply.maybe_text("nextState", report.next_state.as_deref());
    reply.text("status", report.status.as_str());
    reply.finish()
}

fn inspect(seen: &Inspection, reply: &mut Reply) {
    let payloads = [
        ("input", &seen.input),
        ("afterInputPath", &seen.after_input_path),
        ("afterParameters", &seen.after_parameters),
        ("afterArguments", &seen.after_arguments),
        ("result", &seen.result),
        ("afterResultSelector", &seen.after_result_selector),
        ("afterResultPath", &seen.after_result_path),
        ("afterItemsPath", &seen.after_items_path),
        ("afterItemsPointer", &seen.after_items_pointer),
        ("afterItemSelector", &seen.after_item_selector),
        ("afterItemBatcher", &seen.after_item_batcher),
        ("variables", &seen.variables),
    ];
    for (key, payload) in payloads {
        reply.maybe_text(key, payload.as_ref().map(Payload::text));
    }
    let numbers =
        [("toleratedFailureCount", seen.tolerated_failure_count), ("maxConcurrency", seen.max_concurrency)];
    for (key, number) in numbers {
        if let Some(number) = number {
            reply.number(key, number);
        }
    }
    if let Some(percentage) = seen.tolerated_failure_percentage {
        reply.raw("toleratedFailurePercentage", &format!("{percentage:?}"));
    }
    let details = [
        ("catchIndex", seen.catch_index),
        ("retryIndex", seen.retry_index),
        ("retryBackoffIntervalSeconds", seen.retry_backoff_seconds),
    ];
    if details.iter().any(|(_, number)| number.is_some()) {
        reply.nested("errorDetails", |reply| {
            for (key, number) in details {
                if let Some(number) = number {
                    reply.number(key, number);
                }
            }
        });
    }
}
