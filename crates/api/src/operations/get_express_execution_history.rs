//! `Stepwell.GetExpressExecutionHistory`, which AWS has not: the history of an Express execution that
//! ended not long ago, in the form of `GetExecutionHistory`.

use stepwell_model::HistoryEvent;

use super::get_execution_history::{event_id, write_page};
use crate::page::{self, MAX_RESULTS};
use crate::request::Text;
use crate::{Call, Exception, aside, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::LONG_ARN);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    let newest_first = members.flag("reverseOrder").unwrap_or(false);
    let with_data = members.flag("includeExecutionData").unwrap_or(true);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let action = "GetExpressExecutionHistory";
    let key = names::express(call.caller, &arn, action)?;
    let place = &call.caller.place;
    let order = if newest_first { "newest first" } else { "oldest first" };
    let shown = if with_data { "with data" } else { "without data" };
    let question = [action, &*place.account, &*place.region, &*arn, order, shown];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let last_shown = match token {
        Some(token) => Some(event_id(&pages.position(&question, token, now)?)?),
        None => None,
    };
    let (engine, wanted) = (call.api.engine.clone(), key.clone());
    let found = aside(move || engine.recent_express_execution(&wanted)).await?;
    let execution = found.ok_or_else(|| Exception::no_such_execution(&arn))?;

    let count = page::size(max_results);
    // One more than shown tells whether there is another page.
    let events: Vec<HistoryEvent> = if newest_first {
        let left = execution.history().rev();
        left.filter(|event| last_shown.is_none_or(|id| event.id < id)).take(count + 1).collect()
    } else {
        let left = execution.history();
        left.filter(|event| last_shown.is_none_or(|id| event.id > id)).take(count + 1).collect()
    };
    let (mut reply, next) = write_page(&events, count, with_data);
    if let Some(id) = next {
        reply.text("nextToken", &pages.token(&question, &id.to_be_bytes(), now));
    }
    Ok(reply.finish())
}
