//! `DescribeExecution`. With `METADATA_ONLY` input and output are left out, and `inputDetails` and
//! `outputDetails` say so (not recorded).

use stepwell_engine::{ExecutionView, Machine};
use stepwell_model::ExecutionStatus;

use super::describe_state_machine::INCLUDED_DATA;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

/// How long after its end an execution may be redriven, in seconds: 14 days.
const REDRIVE_SECONDS: u64 = 14 * 24 * 60 * 60;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    let included = members.choice("includedData", INCLUDED_DATA);
    members.check()?;

    let key = names::execution(call.caller, &arn, "DescribeExecution")?;
    let engine = &call.api.engine;
    let view = engine.execution(&key).map_err(|error| Exception::of_engine(error, &arn))?;
    let with_data = included != Some("METADATA_ONLY");
    let details = if with_data { r#"{"included":true}"# } else { r#"{"included":false}"# };

    let mut reply = Reply::object();
    reply.text("executionArn", &arn);
    reply.text("stateMachineArn", &names::machine_arn(&view.key.machine));
    reply.text("name", &view.key.name);
    reply.text("status", view.status.as_str());
    reply.moment("startDate", view.started_at);
    reply.maybe_moment("stopDate", view.closed_at);
    super::tell_way(&view.key.machine, view.version, view.alias.as_deref(), &mut reply);
    reply.maybe_text("traceHeader", view.trace_header.as_deref());
    if with_data {
        reply.text("input", view.input.text());
    }
    reply.raw("inputDetails", details);
    if let Some(output) = &view.output {
        if with_data {
            reply.text("output", output.text());
        }
        reply.raw("outputDetails", details);
    }
    if let Some(failure) = &view.failure {
        reply.maybe_text("error", failure.error.as_deref());
        reply.maybe_text("cause", failure.cause.as_deref());
    }
    reply.number("redriveCount", 0);
    let machine = engine.machine(&view.key.machine);
    match not_redrivable(&view, machine.as_deref(), crate::now_seconds()) {
        Some(reason) => {
            reply.text("redriveStatus", "NOT_REDRIVABLE");
            reply.text("redriveStatusReason", reason);
        }
        None => reply.text("redriveStatus", "REDRIVABLE"),
    }
    Ok(reply.finish())
}

/// Why AWS would not redrive the execution. Recorded for one that succeeded; the other texts are
/// from the API reference.
fn not_redrivable(view: &ExecutionView, machine: Option<&Machine>, now_seconds: u64) -> Option<&'static str> {
    match view.status {
        ExecutionStatus::Running => return Some("Execution is RUNNING and cannot be redriven"),
        ExecutionStatus::Succeeded => return Some("Execution is SUCCEEDED and cannot be redriven"),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {}
    }
    if machine.is_none_or(|machine| machine.deleting) {
        return Some("State machine is in DELETING status");
    }
    let closed_seconds = view.closed_at.map_or(now_seconds, |closed| closed.epoch_ms / 1000);
    let expired = now_seconds.saturating_sub(closed_seconds) > REDRIVE_SECONDS;
    expired.then_some("Execution redrivable period exceeded")
}
