//! `GetExecutionHistory`: the events in their order, or in the opposite one.
//!
//! A page ends at `maxResults` events, or before that when its text grows past
//! [`PAGE_BYTES_MAX`]; AWS says that pages may be shorter than asked for.

use stepwell_engine::HistoryOrder;
use stepwell_model::HistoryEvent;

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, history, names};

/// From this size on, in bytes, a page takes no further event: a thousand events of 256 KiB each
/// would be a reply that neither side wants in memory.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    let newest_first = members.flag("reverseOrder").unwrap_or(false);
    let with_data = members.flag("includeExecutionData").unwrap_or(true);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let key = names::execution(call.caller, &arn, "GetExecutionHistory")?;
    let place = &call.caller.place;
    let order = if newest_first { "newest first" } else { "oldest first" };
    let shown = if with_data { "with data" } else { "without data" };
    let question = ["GetExecutionHistory", &*place.account, &*place.region, &*arn, order, shown];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let last_shown = match token {
        Some(token) => Some(event_id(&pages.position(&question, token, now)?)?),
        None => None,
    };

    let engine = call.api.engine.clone();
    let count = page::size(max_results);
    let order = match newest_first {
        true => HistoryOrder::NewestFirst { before: last_shown },
        false => HistoryOrder::OldestFirst { after: last_shown.unwrap_or(0) },
    };
    // One more than shown tells whether there is another page.
    let events = crate::aside(move || engine.history_page(&key, order, count + 1)).await?;
    let events = events.map_err(|error| Exception::of_engine(error, &arn))?;
    let (mut reply, next) = write_page(&events, count, with_data);
    if let Some(id) = next {
        reply.text("nextToken", &pages.token(&question, &id.to_be_bytes(), now));
    }
    Ok(reply.finish())
}

/// Writes a page; the id of its last event comes back when there are more.
pub(super) fn write_page(events: &[HistoryEvent], count: usize, with_data: bool) -> (Reply, Option<u64>) {
    let mut events = events.iter().peekable();
    let mut last = None;
    let mut reply = Reply::object();
    reply.list("events", |list| {
        for _ in 0..count {
            if list.len() > PAGE_BYTES_MAX {
                break;
            }
            let Some(event) = events.next() else { break };
            list.item(|item| history::write_event(item, event, with_data));
            last = Some(event.id);
        }
    });
    let next = events.peek().and(last);
    (reply, next)
}

pub(super) fn event_id(position: &[u8]) -> Result<u64, Exception> {
    position.try_into().map(u64::from_be_bytes).map_err(|_| Exception::invalid_token())
}
