//! `GetActivityTask`: waits up to 60 seconds for a task; when none comes, the reply has no members.
//!
//! AWS documents a `taskToken` with a null string then. The members are left out here, because
//! SDKs show both alike and AWS's own SDK integration finds the member absent (recorded: a Choice
//! on `IsPresent`).

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("activityArn", &Text::ARN);
    let worker_name = members.text("workerName", &Text::NAME).cloned();
    members.check()?;

    let name = names::activity(call.caller, &arn, "GetActivityTask")?;
    let api = call.api;
    let mut draining = api.draining.subscribe();
    let poll = api.engine.poll_activity(call.caller.place.clone(), name, worker_name, api.poll_wait);
    let task = tokio::select! {
        // A task that has been handed out must not be lost to the drain.
        biased;
        polled = poll => polled.map_err(|error| Exception::of_engine(error, &arn))?,
        _ = draining.wait_for(|draining| *draining) => None,
    };

    let mut reply = Reply::object();
    if let Some(task) = task {
        reply.text("taskToken", &task.task_token);
        reply.text("input", task.input.text());
    }
    Ok(reply.finish())
}
