//! `DescribeExecution`. With `METADATA_ONLY` input and output are left out, and `inputDetails` and
//! `outputDetails` say so (not recorded).

use stepwell_model::ExecutionStatus;

use super::describe_state_machine::INCLUDED_DATA;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

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
    // Recorded: one that timed out has neither error nor cause here, though its history names the error.
    if let Some(failure) = view.failure.as_ref().filter(|_| view.status != ExecutionStatus::TimedOut) {
        reply.maybe_text("error", failure.error.as_deref());
        reply.maybe_text("cause", failure.cause.as_deref());
    }
    reply.number("redriveCount", view.redrive_count);
    reply.maybe_moment("redriveDate", view.redriven_at);
    match engine.not_redrivable(&view) {
        Some(why) => {
            reply.text("redriveStatus", "NOT_REDRIVABLE");
            reply.text("redriveStatusReason", why.reason());
        }
        None => reply.text("redriveStatus", "REDRIVABLE"),
    }
    Ok(reply.finish())
}
