//! `Stepwell.TakeActivityTask`, which AWS has not: somebody takes one task of an activity, in place of a
//! worker, whatever waits before it. The reply has no members if it does not wait for a worker (any more).

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    members.require("scheduledEventId");
    let event_id = members.integer("scheduledEventId", 1..=i64::MAX);
    let worker_name = members.text("workerName", &Text::NAME).cloned();
    members.check()?;

    let key = names::execution(call.caller, &arn, "TakeActivityTask")?;
    let event_id = event_id.and_then(|id| u64::try_from(id).ok()).unwrap_or_default();
    let engine = call.api.engine.clone();
    let task = aside(move || engine.task(&key, event_id)).await?;
    let task = task.map_err(|error| Exception::of_engine(error, &arn))?;
    let taken = call.api.engine.take_activity_task(task, worker_name).await;

    let mut reply = Reply::object();
    if let Some(task) = taken.map_err(|error| Exception::of_engine(error, &arn))? {
        reply.text("taskToken", &task.task_token);
        reply.text("input", task.input.text());
    }
    Ok(reply.finish())
}
