//! `ListExecutions`: most recent first, by the moment of closing; while open, of the redrive or the start.
//! The ARN of a version or an alias lists what was started with it.

use stepwell_engine::{ListCursor, ListExecutions};
use stepwell_model::{ExecutionStatus, MachineType};

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

/// In the order in which AWS's message lists them (recorded).
const STATUSES: &[&str] = &["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"];

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let machine_arn = members.text("stateMachineArn", &Text::ARN);
    let map_run_arn = members.text("mapRunArn", &Text::LONG_ARN);
    let status_filter = members.choice("statusFilter", STATUSES);
    let redrive_filter = members.choice("redriveFilter", &["REDRIVEN", "NOT_REDRIVEN"]);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    let token = members.text("nextToken", &Text::EXECUTIONS_PAGE_TOKEN);
    members.check()?;

    let arn = match (machine_arn, map_run_arn) {
        (Some(arn), None) => arn,
        (None, Some(arn)) => return Err(names::no_map_run(call.caller, arn, "ListExecutions")),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Exception::validation(
                "Must specify either a State Machine ARN or a Map Run ARN, and not both",
            ));
        }
    };
    let action = "ListExecutions";
    let (machine, qualifier) = names::machine(call.caller, arn, action)?.unlabeled(action)?;
    let known = call.api.engine.machine(&machine);
    if known.is_some_and(|machine| machine.machine_type == MachineType::Express) {
        return Err(Exception::type_not_supported());
    }
    if redrive_filter.is_some() || status_filter == Some("PENDING_REDRIVE") {
        return Err(Exception::validation(
            "redriveFilter and the status PENDING_REDRIVE can only be used with a Map Run ARN",
        ));
    }
    let status = ExecutionStatus::ALL.into_iter().find(|status| status_filter == Some(status.as_str()));

    let place = &call.caller.place;
    let question = [action, &*place.account, &*place.region, &**arn, status_filter.unwrap_or("")];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let after = match token {
        Some(token) => Some(cursor(&pages.position(&question, token, now)?)?),
        None => None,
    };

    let engine = call.api.engine.clone();
    let list = ListExecutions { machine, qualifier, status, after, limit: page::size(max_results) };
    let (executions, next) = crate::aside(move || engine.executions(list))
        .await?
        .map_err(|error| Exception::of_engine(error, arn))?;

    let mut reply = Reply::object();
    reply.list("executions", |list| {
        for execution in &executions {
            list.item(|item| {
                item.text("executionArn", &names::execution_arn(&execution.key));
                item.text("stateMachineArn", &names::machine_arn(&execution.key.machine));
                super::tell_way(&execution.key.machine, execution.version, execution.alias.as_deref(), item);
                item.text("name", &execution.key.name);
                item.text("status", execution.status.as_str());
                item.moment("startDate", execution.started_at);
                item.maybe_moment("stopDate", execution.closed_at);
                item.number("redriveCount", execution.redrive_count);
                item.maybe_moment("redriveDate", execution.redriven_at);
            });
        }
    });
    if let Some(ListCursor { recency_ms, entity }) = next {
        let mut position = recency_ms.to_be_bytes().to_vec();
        position.extend_from_slice(&entity.to_be_bytes());
        reply.text("nextToken", &pages.token(&question, &position, now));
    }
    Ok(reply.finish())
}

fn cursor(position: &[u8]) -> Result<ListCursor, Exception> {
    let number =
        |part: &[u8]| part.try_into().map(u64::from_be_bytes).map_err(|_| Exception::invalid_token());
    let (recency, entity) = position.split_at_checked(8).ok_or_else(Exception::invalid_token)?;
    Ok(ListCursor { recency_ms: number(recency)?, entity: number(entity)? })
}
