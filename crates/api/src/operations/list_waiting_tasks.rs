//! `Stepwell.ListWaitingTasks`, which AWS has not: the tasks of open Standard executions that wait for
//! somebody outside, with the tokens that end them. Callbacks whose token was given away, and tasks of
//! activities; one that no worker has taken has no token yet.
//!
//! Of a state machine, or of all in the caller's account and region: machines by their age, executions
//! of one most recent first. A page ends when enough has been looked at: it may be short, or empty, and
//! have a `nextToken` all the same.

use stepwell_engine::{WaitingCursor, WaitingTask, execution_arn};
use stepwell_model::Resource;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

/// How many tasks there are when the caller does not say.
const RESULTS: usize = 50;

/// How many characters of an input are told.
const INPUT_CHARACTERS_MAX: usize = 4_096;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.text("stateMachineArn", &Text::ARN);
    let max_results = members.integer("maxResults", 1..=100);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let action = "ListWaitingTasks";
    let machine = match arn {
        Some(arn) => Some(names::machine(call.caller, arn, action)?.unqualified(arn, action)?),
        None => None,
    };
    let place = call.caller.place.clone();
    let asked = arn.map_or("", |arn| arn);
    let question = [action, &*place.account, &*place.region, asked];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let after = match token {
        Some(token) => Some(cursor(&pages.position(&question, token, now)?)?),
        None => None,
    };
    let limit = max_results.and_then(|count| usize::try_from(count).ok()).unwrap_or(RESULTS);
    let (engine, of) = (call.api.engine.clone(), place.clone());
    let found = aside(move || engine.waiting_tasks(&of, machine.as_ref(), after, limit)).await?;
    let (tasks, next) = found.map_err(|error| Exception::of_engine(error, asked))?;

    let mut reply = Reply::object();
    reply.list("tasks", |list| tasks.iter().for_each(|task| list.item(|item| tell(task, item))));
    if let Some(next) = next {
        reply.text("nextToken", &pages.token(&question, &position(next), now));
    }
    Ok(reply.finish())
}

fn tell(task: &WaitingTask, item: &mut Reply) {
    item.text("executionArn", &execution_arn(&task.execution));
    item.text("stateMachineArn", &names::machine_arn(&task.execution.machine));
    item.text("stateName", &task.state);
    match &task.resource {
        Resource::Activity { arn } => {
            item.text("kind", "ACTIVITY");
            item.text("resource", arn);
            item.text("activityArn", arn);
        }
        Resource::Service { service, .. } => {
            item.text("kind", "CALLBACK");
            item.text("resource", &format!("arn:aws:states:::{service}:{}", task.resource.event_resource()));
        }
        Resource::LambdaFunction { arn } => {
            item.text("kind", "CALLBACK");
            item.text("resource", arn);
        }
    }
    item.maybe_text("taskToken", task.token.as_deref());
    item.maybe_text("workerName", task.worker_name.as_deref());
    item.number("scheduledEventId", task.scheduled_event_id);
    item.moment("scheduledDate", task.scheduled_at);
    item.maybe_moment("startedDate", task.started_at);
    item.maybe_moment("timeoutDate", task.timeout_at);
    if let Some(seconds) = task.heartbeat_seconds {
        item.number("heartbeatInSeconds", seconds);
    }
    let input = task.input.text();
    match input.char_indices().nth(INPUT_CHARACTERS_MAX) {
        Some((end, _)) => {
            item.text("input", &input[..end]);
            item.flag("inputTruncated", true);
        }
        None => item.text("input", input),
    }
}

fn position(cursor: WaitingCursor) -> Vec<u8> {
    let WaitingCursor { machine, recency_ms, entity, event } = cursor;
    [machine, recency_ms, entity, event].iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn cursor(position: &[u8]) -> Result<WaitingCursor, Exception> {
    let (numbers, rest) = position.as_chunks();
    match (numbers, rest) {
        ([machine, recency_ms, entity, event], []) => Ok(WaitingCursor {
            machine: u64::from_be_bytes(*machine),
            recency_ms: u64::from_be_bytes(*recency_ms),
            entity: u64::from_be_bytes(*entity),
            event: u64::from_be_bytes(*event),
        }),
        _ => Err(Exception::invalid_token()),
    }
}
