//! `Stepwell.GetHistoryEvents`, which AWS has not: the history of a Standard execution, or of an
//! Express one that ended not long ago, from any event on. `lastEventId` is that of the whole history.
//!
//! A page may be shorter than asked for, as with `GetExecutionHistory`; who wants more asks again
//! behind its last event.

use std::sync::Arc;

use stepwell_model::{Arn, ArnResource, HistoryEvent};

use super::get_execution_history::write_page;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

/// What `maxResults` may be.
const MAX_RESULTS: std::ops::RangeInclusive<i64> = 1..=1000;

/// How many events a page has when the caller does not say.
const PAGE_EVENTS: i64 = 100;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::LONG_ARN);
    let first = members.integer("firstEventId", 1..=i64::MAX).unwrap_or(1);
    let max_results = members.integer("maxResults", MAX_RESULTS).unwrap_or(PAGE_EVENTS);
    let with_data = members.flag("includeExecutionData").unwrap_or(true);
    members.check()?;

    let (after, count) = (first as u64 - 1, max_results as usize);
    let (events, last_event_id) = match is_express(&arn) {
        true => of_express(call, &arn, after, count).await?,
        false => {
            let key = names::execution(call.caller, &arn, "GetHistoryEvents")?;
            let engine = call.api.engine.clone();
            let progress = aside(move || engine.execution_progress(&key, after, count)).await?;
            let progress = progress.map_err(|error| Exception::of_engine(error, &arn))?;
            (progress.events, progress.last_event_id)
        }
    };
    let (mut reply, _more) = write_page(&events, count, with_data);
    reply.number("lastEventId", last_event_id);
    Ok(reply.finish())
}

/// Whether an ARN is that of an Express execution. What is no ARN at all is not.
pub(super) fn is_express(arn: &str) -> bool {
    Arn::parse(arn).is_ok_and(|arn| matches!(arn.resource, ArnResource::Express { .. }))
}

async fn of_express(
    call: Call<'_>,
    arn: &Arc<str>,
    after: u64,
    count: usize,
) -> Result<(Vec<HistoryEvent>, u64), Exception> {
    let key = names::express(call.caller, arn, "GetHistoryEvents")?;
    let engine = call.api.engine.clone();
    let found = aside(move || {
        let execution = engine.recent_express_execution(&key)?;
        let events = execution.history().filter(|event| event.id > after).take(count).collect();
        Some((events, execution.history().next_back().map_or(0, |event| event.id)))
    });
    found.await?.ok_or_else(|| Exception::no_such_execution(arn))
}
