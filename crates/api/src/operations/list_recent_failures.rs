//! `Stepwell.ListRecentFailures`, which AWS has not: the executions that failed or timed out last, of a
//! state machine or of all in the caller's account and region, the last one first. Express ones are
//! among them as long as they are kept.
//!
//! There are no further pages: this is what somebody looks at first. Causes are cut at 2,000 characters.

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

/// How many failures there are when the caller does not say.
const RESULTS: usize = 50;

/// How many characters of a cause are told.
const CAUSE_CHARACTERS_MAX: usize = 2_000;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.text("stateMachineArn", &Text::ARN);
    let max_results = members.integer("maxResults", 1..=200);
    members.check()?;

    let action = "ListRecentFailures";
    let machine = match arn {
        Some(arn) => Some(names::machine(call.caller, arn, action)?.unqualified(arn, action)?),
        None => None,
    };
    let count = max_results.and_then(|count| usize::try_from(count).ok()).unwrap_or(RESULTS);
    let (engine, place) = (call.api.engine.clone(), call.caller.place.clone());
    let failures = aside(move || engine.recent_failures(&place, machine.as_ref(), count)).await?;
    let failures = failures.map_err(|error| Exception::of_engine(error, arn.map_or("", |arn| arn)))?;

    let mut reply = Reply::object();
    reply.list("failures", |list| {
        for failed in &failures {
            list.item(|item| {
                item.text("executionArn", &failed.arn);
                item.text("stateMachineArn", &names::machine_arn(&failed.machine));
                item.text("name", &failed.name);
                item.text("status", failed.status.as_str());
                item.moment("startDate", failed.started_at);
                item.moment("stopDate", failed.closed_at);
                item.maybe_text("error", failed.failure.error.as_deref());
                item.maybe_text("cause", failed.failure.cause.as_deref().map(beginning));
                item.maybe_text("stateName", failed.state.as_deref());
            });
        }
    });
    Ok(reply.finish())
}

/// As much of a cause as is told.
fn beginning(cause: &str) -> &str {
    match cause.char_indices().nth(CAUSE_CHARACTERS_MAX) {
        Some((end, _)) => &cause[..end],
        None => cause,
    }
}
