//! `Stepwell.ListExpressExecutions`, which AWS has not: the Express executions of a state machine that
//! ended not long ago, the last one first. What is not kept any more is not listed.

use stepwell_engine::express_arn;
use stepwell_model::ExecutionStatus;

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

/// How an Express execution may have ended; one is aborted if it is the child of a task that is over.
const STATUSES: &[&str] = &["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let status_filter = members.choice("statusFilter", STATUSES);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    members.check()?;

    let action = "ListExpressExecutions";
    let (machine, _) = names::machine(call.caller, &arn, action)?.unlabeled(action)?;
    let engine = &call.api.engine;
    if engine.machine(&machine).is_none() {
        return Err(Exception::no_such_machine(&arn));
    }
    let place = &call.caller.place;
    let question = [action, &*place.account, &*place.region, &*arn, status_filter.unwrap_or("")];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let before = match token {
        Some(token) => {
            let position = pages.position(&question, token, now)?;
            Some(position.try_into().map(u64::from_be_bytes).map_err(|_| Exception::invalid_token())?)
        }
        None => None,
    };
    let status = ExecutionStatus::ALL.into_iter().find(|status| status_filter == Some(status.as_str()));
    let count = page::size(max_results);
    let found = engine.recent_express(&machine, status, before, count + 1);

    let mut reply = Reply::object();
    reply.list("executions", |list| {
        for execution in found.iter().take(count) {
            let ended = &execution.ended;
            list.item(|item| {
                item.text("executionArn", &express_arn(&ended.key));
                item.text("stateMachineArn", &arn);
                item.text("name", &ended.key.name);
                item.text("status", ended.status.as_str());
                item.moment("startDate", ended.started_at);
                item.moment("stopDate", ended.closed_at);
            });
        }
    });
    if let Some(last) = found.get(count.wrapping_sub(1)).filter(|_| found.len() > count) {
        reply.text("nextToken", &pages.token(&question, &last.number.to_be_bytes(), now));
    }
    Ok(reply.finish())
}
