//! `Stepwell.GetStateMachineCounts`, which AWS has not: how many executions of each state machine in the
//! caller's account and region are open, and what happened in the last 24 hours.

use crate::reply::Reply;
use crate::{Call, Exception, aside, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let (engine, place) = (call.api.engine.clone(), call.caller.place.clone());
    let (since, machines) = aside(move || engine.machine_counts(&place)).await?;

    let mut reply = Reply::object();
    reply.moment("since", since);
    reply.list("counts", |list| {
        for counts in &machines {
            list.item(|item| {
                item.text("stateMachineArn", &names::machine_arn(&counts.key));
                item.number("running", counts.running);
                item.number("started", counts.started);
                item.number("succeeded", counts.succeeded);
                item.number("failed", counts.failed);
                item.number("timedOut", counts.timed_out);
                item.number("aborted", counts.aborted);
                item.maybe_moment("lastStartDate", counts.last_start);
            });
        }
    });
    Ok(reply.finish())
}
